/* SPDX-License-Identifier: MIT */
#include "static_peers.h"

#include "endpoint.h"

static struct static_peer *find(struct static_peers *peers, const struct muster_endpoint *endpoint) {
    for (size_t i = 0; i < peers->count; i++) {
        if (endpoint_is_same(&peers->items[i].at.endpoint, endpoint)) {
            return &peers->items[i];
        }
    }
    return NULL;
}

int static_peers_set(struct static_peers *peers, const struct muster_static_peer *items, size_t count) {
    struct static_peers next = {.count = 0};
    if (count > MUSTER_STATIC_PEERS_MAX) {
        return MUSTER_EFULL;
    }
    for (size_t i = 0; i < count; i++) {
        if (!endpoint_is_host(&items[i].endpoint)) {
            return MUSTER_EINVAL;
        }
        if (find(&next, &items[i].endpoint) != NULL) {
            continue;
        }
        const struct static_peer *known = find(peers, &items[i].endpoint);
        struct static_peer *added = &next.items[next.count++];
        *added = known != NULL ? *known : (struct static_peer){0};
        added->at = items[i];
    }
    *peers = next;
    return 0;
}

bool static_peers_have_host(const struct static_peers *peers, const struct muster_endpoint *host) {
    for (size_t i = 0; i < peers->count; i++) {
        if (endpoint_is_same_host(&peers->items[i].at.endpoint, host)) {
            return true;
        }
    }
    return false;
}

void static_peers_ask_again(struct static_peers *peers) {
    for (size_t i = 0; i < peers->count; i++) {
        peers->items[i].due_ms = peers->items[i].failures = 0;
    }
}

void static_peers_record_heard(struct static_peers *peers, const struct muster_endpoint *source,
                               uint64_t now_ms) {
    struct static_peer *peer = find(peers, source);
    if (peer != NULL) {
        peer->heard_ms = now_ms;
        peer->failures = 0;
    }
}

unsigned static_peers_failures(const struct static_peers *peers, const struct muster_endpoint *endpoint) {
    for (size_t i = 0; i < peers->count; i++) {
        if (endpoint_is_same(&peers->items[i].at.endpoint, endpoint)) {
            return peers->items[i].failures;
        }
    }
    return 0;
}

bool static_peer_is_reached(const struct static_peer *peer, uint64_t now_ms) {
    return peer->heard_ms != 0 && now_ms - peer->heard_ms < MUSTER_STATIC_REACHED_MS;
}
