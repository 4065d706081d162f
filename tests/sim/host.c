/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "chance.h"
#include "memory.h"
#include "segment.h"

#define PORT 19798 /* of the first unicast socket of an address */

/* Both addresses of a host have these bytes. */
#define NUMBER_BYTES 4

static const uint8_t *number_of(const struct muster_endpoint *endpoint) {
    return endpoint->family == 6 ? endpoint->ip + sizeof endpoint->ip - NUMBER_BYTES : endpoint->ip;
}

static uint64_t key_of(const struct muster_endpoint *endpoint) {
    uint32_t ip;
    memcpy(&ip, number_of(endpoint), sizeof ip);
    return chance_mix((uint64_t)ip << 16 | endpoint->port);
}

static bool is_same(const struct muster_endpoint *a, const struct muster_endpoint *b) {
    return memcmp(number_of(a), number_of(b), NUMBER_BYTES) == 0 && a->port == b->port;
}

static struct host **slot_of(const struct hosts *hosts, const struct muster_endpoint *endpoint) {
    size_t slot = (size_t)key_of(endpoint) & (hosts->slots - 1);
    while (hosts->by_endpoint[slot] != NULL && !is_same(&hosts->by_endpoint[slot]->endpoint, endpoint)) {
        slot = (slot + 1) & (hosts->slots - 1);
    }
    return &hosts->by_endpoint[slot];
}

static void grow(struct hosts *hosts) {
    hosts->size = hosts->size == 0 ? 64 : 2 * hosts->size;
    hosts->all = memory_resize(hosts->all, hosts->size * sizeof(struct host *));
    free(hosts->by_endpoint);
    hosts->slots = 2 * hosts->size;
    hosts->by_endpoint = memory_new(hosts->slots * sizeof(struct host *));
    for (size_t i = 0; i < hosts->count; i++) {
        *slot_of(hosts, &hosts->all[i]->endpoint) = hosts->all[i];
    }
}

void hosts_deinit(struct hosts *hosts) {
    for (size_t i = 0; i < hosts->count; i++) {
        free(hosts->all[i]->asked_until_s);
        free(hosts->all[i]->is_neighbour);
        free(hosts->all[i]);
    }
    free(hosts->all);
    free(hosts->by_endpoint);
    *hosts = (struct hosts){0};
}

struct host *hosts_add(struct hosts *hosts, unsigned segment, const struct host *beside) {
    if (hosts->count == hosts->size) {
        grow(hosts);
    }
    struct host *host = memory_new(sizeof *host);
    size_t number = hosts->count + 1;
    host->segment = segment;
    host->index = hosts->count;
    host->endpoint = (struct muster_endpoint){
        .family = 4,
        .ip = {10, (uint8_t)(segment << 4 | number >> 16), (uint8_t)(number >> 8), (uint8_t)number},
        .port = PORT};
    if (beside != NULL) {
        host->endpoint = beside->endpoint;
        host->endpoint.port = (uint16_t)(PORT + number);
    }
    host->endpoint6 = (struct muster_endpoint){.family = 6, .ip = {0xfe, 0x80}, .port = host->endpoint.port};
    memcpy(host->endpoint6.ip + sizeof host->endpoint6.ip - NUMBER_BYTES, host->endpoint.ip, NUMBER_BYTES);
    hosts->all[hosts->count++] = host;
    *slot_of(hosts, &host->endpoint) = host;
    return host;
}

struct host *hosts_find(const struct hosts *hosts, const struct muster_endpoint *endpoint) {
    return hosts->slots == 0 ? NULL : *slot_of(hosts, endpoint);
}
