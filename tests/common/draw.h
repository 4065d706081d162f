/* SPDX-License-Identifier: MIT */
/* Random numbers that are the same each time: SplitMix64, from a seed that is printed. */
#pragma once

#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

static uint64_t draw_state;

static inline void draw_seed(uint64_t seed) {
    draw_state = seed;
    printf("seed %" PRIu64 "\n", seed);
}

static inline uint64_t draw(void) {
    uint64_t z = draw_state += UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

static inline bool one_in(unsigned count) {
    return draw() % count == 0;
}
