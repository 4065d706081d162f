/* SPDX-License-Identifier: MIT */
/* What a running muster knows, as metrics. */
#pragma once

#include <stdbool.h>

#include <muster/core.h>

#include "exposition.h"

/* Peers that have series of their own, verified ones first, and topics: what strangers make up has an end. */
#define METRICS_PEERS_MAX 4096
#define METRICS_TOPICS_MAX 4096

/* Writes all metrics, to the end. `rows` is the peer table, in which the node's own row does not count. */
void metrics_write(FILE *out, enum exposition_format format, const struct muster_self *self,
                   const struct muster_peer_list *rows);
