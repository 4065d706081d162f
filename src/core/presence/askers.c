/* SPDX-License-Identifier: MIT */
#include "askers.h"

#include <string.h>

/* The asker's place; NULL when it has none. */
static struct asker *find(struct askers *askers, const uint8_t id[MUSTER_ID_BYTES], uint32_t interface) {
    for (size_t i = 0; i < askers->count; i++) {
        struct asker *asker = &askers->items[i];
        if (asker->interface == interface && memcmp(asker->id, id, MUSTER_ID_BYTES) == 0) {
            return asker;
        }
    }
    return NULL;
}

static struct asker *add(struct askers *askers) {
    struct asker *oldest = &askers->items[0];
    if (askers->count < MUSTER_ASKERS_MAX) {
        return &askers->items[askers->count++];
    }
    for (size_t i = 1; i < askers->count; i++) {
        oldest = askers->items[i].last_ms < oldest->last_ms ? &askers->items[i] : oldest;
    }
    return oldest;
}

void askers_record(struct askers *askers, const uint8_t id[MUSTER_ID_BYTES],
                   const struct muster_datagram *datagram, uint64_t now_ms) {
    struct asker *asker = find(askers, id, datagram->interface);
    if (asker == NULL) {
        asker = add(askers);
        *asker = (struct asker){.interface = datagram->interface};
        memcpy(asker->id, id, MUSTER_ID_BYTES);
    }
    bool *is_by = datagram->source.family == 6 ? &asker->by_v6 : &asker->by_v4;
    askers->changes += *is_by ? 0 : 1;
    *is_by = true;
    asker->last_ms = now_ms;
}

bool askers_need_v6(const struct askers *askers, uint32_t interface, uint64_t now_ms) {
    for (size_t i = 0; i < askers->count; i++) {
        const struct asker *asker = &askers->items[i];
        if (asker->interface == interface && asker->by_v6 && !asker->by_v4 &&
            now_ms - asker->last_ms <= MUSTER_ASKER_KEPT_MS) {
            return true;
        }
    }
    return false;
}
