/* SPDX-License-Identifier: MIT */
/* Peers at addresses that were given, for where neither multicast nor broadcast passes. What the group is
 * told goes to each by unicast too (send.c), once it answers; until then it is asked (static_question.c). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <muster/core.h>

#include "limit.h"

struct static_peer {
    struct muster_static_peer at;
    uint64_t heard_ms; /* last; 0: never */
    uint64_t due_ms;   /* when it is asked next, if it is not heard */
    unsigned failures; /* questions since it was heard */
};

struct static_peers {
    struct static_peer items[MUSTER_STATIC_PEERS_MAX];
    size_t count;
};

/* Replaces all of them; those that stay keep what they know. MUSTER_EFULL, MUSTER_EINVAL (an address that no
 * host can have); then nothing changed. */
int static_peers_set(struct static_peers *peers, const struct muster_static_peer *items, size_t count);

/* True when one of them is on this host, whatever the port. */
bool static_peers_have_host(const struct static_peers *peers, const struct muster_endpoint *host);

/* A path came: those that did not answer are asked at once, in the rhythm of those that are new. */
void static_peers_ask_again(struct static_peers *peers);

/* Something was accepted from this address; others are ignored. */
void static_peers_record_heard(struct static_peers *peers, const struct muster_endpoint *source,
                               uint64_t now_ms);

/* Questions to the one at this endpoint since it was heard; 0: it answers, or there is none. */
unsigned static_peers_failures(const struct static_peers *peers, const struct muster_endpoint *endpoint);

/* True while it is told what the group is told. */
bool static_peer_is_reached(const struct static_peer *peer, uint64_t now_ms);
