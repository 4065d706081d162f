/* SPDX-License-Identifier: MIT */
#include "strangers.h"

#include "limit.h"

void strangers_deinit(struct strangers *strangers) {
    address_table_deinit(&strangers->addresses);
}

int strangers_reserve(struct strangers *strangers, const uint8_t seed[16], size_t total) {
    return address_table_reserve(&strangers->addresses, seed, total);
}

void strangers_add(struct strangers *strangers, const uint8_t seed[16],
                   const struct muster_endpoint *address) {
    const struct address_count *count = address_table_add(&strangers->addresses, seed, address);
    strangers->count += count->rows <= MUSTER_STRANGERS_PER_ADDRESS ? 1 : 0;
}

void strangers_remove(struct strangers *strangers, const uint8_t seed[16],
                      const struct muster_endpoint *address) {
    struct address_count *count = address_table_find(&strangers->addresses, seed, address);
    strangers->count -= count->rows <= MUSTER_STRANGERS_PER_ADDRESS ? 1 : 0;
    address_table_remove(&strangers->addresses, seed, count);
}

size_t strangers_of(const struct strangers *strangers, const uint8_t seed[16],
                    const struct muster_endpoint *address) {
    const struct address_count *count = address_table_find(&strangers->addresses, seed, address);
    return count == NULL ? 0 : count->rows;
}

uint64_t strangers_turn_of(const struct strangers *strangers, const uint8_t seed[16],
                           const struct muster_endpoint *address) {
    const struct address_count *count = address_table_find(&strangers->addresses, seed, address);
    return count == NULL ? 0 : count->turn;
}

void strangers_take_turn(struct strangers *strangers, const uint8_t seed[16],
                         const struct muster_endpoint *address) {
    struct address_count *count = address_table_find(&strangers->addresses, seed, address);
    count->turn = ++strangers->turn;
}
