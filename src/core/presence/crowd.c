/* SPDX-License-Identifier: MIT */
#include "crowd.h"

#include "presence.h"

bool crowd_is_here(const struct presence *presence) {
    return peer_table_present(&presence->table) + presence->introductions.strangers.count > MUSTER_CROWD_ROWS;
}

size_t crowd_strangers(const struct presence *presence) {
    size_t to_us = presence->introductions.strangers.count;
    size_t by_us = presence->proofs.strangers.count;
    return to_us > by_us ? to_us : by_us;
}

bool crowd_is_rush(const struct presence *presence) {
    return crowd_strangers(presence) > MUSTER_INTRODUCTIONS_SOON;
}

uint64_t crowd_spread_ms(struct presence *presence) {
    return crowd_is_rush(presence) ? random_ms(&presence->context->random, crowd_strangers(presence)) : 0;
}
