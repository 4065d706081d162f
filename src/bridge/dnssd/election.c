/* SPDX-License-Identifier: MIT */
#include "election.h"

#include <string.h>

static const struct muster_service *service_of(const struct muster_peer *peer) {
    const bool is_present = peer->state == MUSTER_ALIVE || peer->state == MUSTER_SUSPECT;
    for (size_t i = 0; is_present && i < peer->document.service_count; i++) {
        const struct muster_service *service = &peer->document.services[i];
        const bool is_own = service->origin == NULL || service->origin[0] == '\0';
        if (is_own && strcmp(service->type, ELECTION_TYPE) == 0) {
            return service;
        }
    }
    return NULL;
}

static bool says(const struct muster_service *service, const char *name, const char *value) {
    for (size_t i = 0; i < service->txt_count; i++) {
        if (strcmp(service->txt[i].name, name) == 0) {
            return strcmp(service->txt[i].value, value) == 0;
        }
    }
    return false;
}

static size_t find(const struct election *election, const uint8_t *id) {
    size_t i = 0;
    while (i < election->count && memcmp(election->others[i].id, id, MUSTER_ID_BYTES) != 0) {
        i++;
    }
    return i;
}

bool election_take(struct election *election, const struct muster_peer *peer) {
    const struct muster_service *service = service_of(peer);
    const size_t at = find(election, peer->id);
    if (service == NULL) {
        const bool was_one = at < election->count;
        if (was_one) {
            election->others[at] = election->others[--election->count];
        }
        return was_one;
    }
    struct election_bridge bridge;
    memset(&bridge, 0, sizeof(bridge)); /* to be compared */
    memcpy(bridge.id, peer->id, MUSTER_ID_BYTES);
    bridge.addresses[0] = peer->address;
    bridge.addresses[1] = peer->other_address;
    bridge.carries_all = says(service, ELECTION_FOR, "all");
    bridge.carries_out = bridge.carries_all || says(service, ELECTION_FOR, "self");
    bridge.carries_in = says(service, ELECTION_IN, "yes");
    if (at == ELECTION_BRIDGES_MAX ||
        (at < election->count && memcmp(&election->others[at], &bridge, sizeof(bridge)) == 0)) {
        return false;
    }
    election->others[at] = bridge;
    election->count += at == election->count ? 1 : 0;
    return true;
}

bool election_leads_in(const struct election *election) {
    for (size_t i = 0; i < election->count; i++) {
        if (election->others[i].carries_in &&
            memcmp(election->others[i].id, election->id, MUSTER_ID_BYTES) < 0) {
            return false;
        }
    }
    return true;
}

bool election_is_same_host(const struct muster_endpoint *a, const struct muster_endpoint *b) {
    return a->family != 0 && a->family == b->family && memcmp(a->ip, b->ip, a->family == 4 ? 4 : 16) == 0;
}

static bool is_on_host_of(const struct election_bridge *bridge, const struct muster_peer *peer) {
    for (size_t i = 0; i < 2; i++) {
        if (election_is_same_host(&bridge->addresses[i], &peer->address) ||
            election_is_same_host(&bridge->addresses[i], &peer->other_address)) {
            return true;
        }
    }
    return false;
}

bool election_carries_out(const struct election *election, const struct muster_peer *peer, bool is_here) {
    for (size_t i = 0; i < election->count; i++) {
        const struct election_bridge *bridge = &election->others[i];
        const bool is_before = memcmp(bridge->id, election->id, MUSTER_ID_BYTES) < 0;
        if (bridge->carries_out && is_on_host_of(bridge, peer) && (!is_here || is_before)) {
            return false;
        }
        if (!is_here && bridge->carries_all && is_before) {
            return false;
        }
    }
    return true;
}
