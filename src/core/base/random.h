/* SPDX-License-Identifier: MIT */
/* A stream of random numbers that cannot be guessed without its seed, and repeats with it on every machine:
 * ChaCha20 (RFC 8439, 2.4) keyed by the seed. */
#pragma once

#include <stdint.h>

#include <muster/core.h>

struct random {
    uint8_t key[MUSTER_SEED_BYTES];
    uint64_t block; /* blocks drawn */
    uint8_t bytes[64];
    unsigned left; /* bytes of the block that were not drawn yet */
};

void random_init(struct random *random, const uint8_t seed[MUSTER_SEED_BYTES]);

uint64_t random_u64(struct random *random);

/* Uniform in [0, 1). */
double random_fraction(struct random *random);

/* Uniform in [0, max_ms]. */
uint64_t random_ms(struct random *random, uint64_t max_ms);
