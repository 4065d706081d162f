/* SPDX-License-Identifier: MIT */
/* A token bucket: `burst` tokens at most, which come back at `rate` a second. One number is all that it is
 * (the generic cell rate algorithm: ITU-T I.371, annex A). Each bucket has one rate, above 0, and one burst.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Zeroed: full. */
struct bucket {
    double full_ms; /* when it will be full again, or has been since */
};

/* Takes tokens; false, and nothing is taken, when there are not so many. */
bool bucket_take(struct bucket *bucket, double tokens, double rate, double burst, uint64_t now_ms);

/* Takes tokens even when there are not so many: whoever takes next waits for them too. */
void bucket_spend(struct bucket *bucket, double tokens, double rate, uint64_t now_ms);

/* The tokens that are there; never below 0. */
double bucket_left(const struct bucket *bucket, double rate, double burst, uint64_t now_ms);

/* When so many tokens, of `burst` at most, will be there; now_ms when they are, else later. */
uint64_t bucket_allowed_ms(const struct bucket *bucket, double tokens, double rate, double burst,
                           uint64_t now_ms);
