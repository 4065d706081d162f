/* SPDX-License-Identifier: MIT */
/* How `muster history` prints: buckets, readings and events, each as text, CSV and JSON. A status each. */
#pragma once

#include "history_buckets.h"

/* The buckets were filled. */
int history_print_buckets(const struct history *history);

/* Each reading of the series that are wanted. */
int history_print_readings(struct history *history);

/* The events of the peer that is wanted. */
int history_print_events(struct history *history);
