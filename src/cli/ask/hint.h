/* SPDX-License-Identifier: MIT */
/* Why somebody or something was not found, as far as a command can know. A hint is the end of a complaint:
 * empty, or text that begins with a mark such as ", ". */
#pragma once

#include <stddef.h>

#include <muster/core.h>

#include "near.h"
#include "selector.h"

struct hint {
    char text[sizeof(struct near_text)];
};

/* Nobody was heard; the counters are of what was. */
struct hint hint_of_silence(const struct muster_counters *counters);

/* Datagrams of others that were dropped for a reason that hides peers; empty when there were none. */
struct hint hint_of_drops(const struct muster_counters *counters);

/* A selector (NULL: none) means nothing that was asked for among the peers of a list. */
struct hint hint_of_missing(const struct selector *selector, const struct muster_peer_list *list);

/* A pattern of topics (NULL: any) means none that a peer of a list publishes. */
struct hint hint_of_topics(const char *pattern, const struct muster_peer_list *list);

/* "3 peers", "1 peer, and 2 that are gone": who is alive or suspect, and who is not. */
struct hint hint_count(const struct muster_peer_list *list);
