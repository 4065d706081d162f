/* SPDX-License-Identifier: MIT */
/* Random numbers of one run: SplitMix64. The same seed gives the same numbers. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct chance {
    uint64_t state;
};

static inline uint64_t chance_mix(uint64_t z) {
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

static inline uint64_t chance_draw(struct chance *chance) {
    return chance_mix(chance->state += UINT64_C(0x9E3779B97F4A7C15));
}

/* 0 to below 1. */
static inline double chance_unit(struct chance *chance) {
    return (double)(chance_draw(chance) >> 11) * 0x1p-53;
}

/* 0 to count - 1. */
static inline uint64_t chance_below(struct chance *chance, uint64_t count) {
    return count == 0 ? 0 : chance_draw(chance) % count;
}

static inline double chance_between(struct chance *chance, double low, double high) {
    return low + (high - low) * chance_unit(chance);
}

/* True in this share of the calls. Draws no number for a share of 0. */
static inline bool chance_happens(struct chance *chance, double share) {
    return share > 0 && chance_unit(chance) < share;
}
