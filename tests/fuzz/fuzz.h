/* SPDX-License-Identifier: MIT */
/* A fuzz target is a file with the one function that libFuzzer calls; replay.c calls it with files instead.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* Returns 0. What must hold is checked by REQUIRE(). */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

/* As assert(), in every build: it ends the process where it does not hold. */
#define REQUIRE(holds)                                                                 \
    do {                                                                               \
        if (!(holds)) {                                                                \
            fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #holds); \
            abort();                                                                   \
        }                                                                              \
    } while (0)
