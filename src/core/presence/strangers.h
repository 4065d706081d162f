/* SPDX-License-Identifier: MIT */
/* Strangers by address: who is to be introduced, or waits for a proof. Ids are free, so of one address only a
 * few count for what a crowd changes, and addresses are served in turn. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "address_table.h"

struct strangers {
    struct address_table addresses;
    size_t count;  /* of one address MUSTER_STRANGERS_PER_ADDRESS at most */
    uint64_t turn; /* the last one that an address had */
};

/* A zeroed struct is allowed. */
void strangers_deinit(struct strangers *strangers);

/* Makes room for so many in all. MUSTER_ENOMEM, then nothing changed. */
int strangers_reserve(struct strangers *strangers, const uint8_t seed[16], size_t total);

/* One more of an address, for which room was reserved; and one less. */
void strangers_add(struct strangers *strangers, const uint8_t seed[16],
                   const struct muster_endpoint *address);
void strangers_remove(struct strangers *strangers, const uint8_t seed[16],
                      const struct muster_endpoint *address);

/* How many there are of an address. */
size_t strangers_of(const struct strangers *strangers, const uint8_t seed[16],
                    const struct muster_endpoint *address);

/* When an address had its turn last; the smallest is the next. An address without strangers had none. */
uint64_t strangers_turn_of(const struct strangers *strangers, const uint8_t seed[16],
                           const struct muster_endpoint *address);

/* The address of a stranger has its turn. */
void strangers_take_turn(struct strangers *strangers, const uint8_t seed[16],
                         const struct muster_endpoint *address);
