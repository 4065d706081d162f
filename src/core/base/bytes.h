/* Numbers in bytes, the lowest byte first on every machine: what is drawn or hashed is the same on all. */
#ifndef CORE_BYTES_H
#define CORE_BYTES_H

#include <stdint.h>

static inline uint64_t bytes_u64(const uint8_t bytes[8]) {
    uint64_t number = 0;
    for (unsigned i = 0; i < 8; i++) {
        number |= (uint64_t)bytes[i] << (8 * i);
    }
    return number;
}

static inline void bytes_put_u64(uint8_t bytes[8], uint64_t number) {
    for (unsigned i = 0; i < 8; i++) {
        bytes[i] = (uint8_t)(number >> (8 * i));
    }
}

#endif
