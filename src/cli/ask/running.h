/* SPDX-License-Identifier: MIT */
/* The musters that run here already. */
#pragma once

#include <stdbool.h>

#include "settings.h"

/* True when the muster of an instance runs and answers at once. */
bool running_answers(const struct settings *settings, const char *instance);
