/* SPDX-License-Identifier: MIT */
/* Numbers as bytes, the lowest one first, whatever this machine's own order is: who must repeat with a seed
 * uses no other. */
#pragma once

#include <stdint.h>

#define LITTLE_ENDIAN_BYTES 8

static inline uint64_t little_endian_load(const uint8_t bytes[LITTLE_ENDIAN_BYTES]) {
    uint64_t number = 0;
    for (int i = LITTLE_ENDIAN_BYTES - 1; i >= 0; i--) {
        number = number << 8 | bytes[i];
    }
    return number;
}

static inline void little_endian_store(uint64_t number, uint8_t bytes[LITTLE_ENDIAN_BYTES]) {
    for (int i = 0; i < LITTLE_ENDIAN_BYTES; i++) {
        bytes[i] = (uint8_t)(number >> (8 * i));
    }
}
