/* SPDX-License-Identifier: MIT */
#include "gone_addresses.h"

#include <stdbool.h>
#include <string.h>

#include "endpoint.h"

static bool have_address(const struct muster_path *items, size_t count,
                         const struct muster_endpoint *address) {
    for (size_t i = 0; i < count; i++) {
        if (endpoint_is_same_host(&items[i].address, address)) {
            return true;
        }
    }
    return false;
}

static void remove_at(struct gone_addresses *gone, size_t i) {
    gone->count--;
    memmove(gone->items + i, gone->items + i + 1, (gone->count - i) * sizeof gone->items[0]);
    memmove(gone->since_ms + i, gone->since_ms + i + 1, (gone->count - i) * sizeof gone->since_ms[0]);
}

static void add(struct gone_addresses *gone, const struct muster_endpoint *address, uint64_t now_ms) {
    if (gone->count == MUSTER_GONE_MAX) {
        remove_at(gone, 0);
    }
    gone->items[gone->count] = *address;
    gone->since_ms[gone->count++] = now_ms;
}

size_t gone_addresses_update(struct gone_addresses *gone, const struct paths *before,
                             const struct muster_path *items, size_t count, uint64_t now_ms) {
    size_t added = 0;
    for (size_t i = gone->count; i > 0; i--) {
        if (have_address(items, count, &gone->items[i - 1])) {
            remove_at(gone, i - 1);
        }
    }
    for (size_t i = 0; i < before->count; i++) {
        const struct muster_endpoint *address = &before->items[i].address;
        if (address->family != 0 && !have_address(items, count, address) &&
            !have_address(before->items, i, address)) { /* each interface has several paths */
            add(gone, address, now_ms);
            added++;
        }
    }
    return added;
}

size_t gone_addresses_get(const struct gone_addresses *gone, uint64_t now_ms,
                          struct muster_endpoint addresses[MUSTER_GONE_MAX]) {
    size_t count = 0;
    for (size_t i = 0; i < gone->count; i++) {
        if (now_ms - gone->since_ms[i] <= MUSTER_GONE_MS) {
            addresses[count++] = gone->items[i];
        }
    }
    return count;
}
