/* SPDX-License-Identifier: MIT */
/* Names that somebody who wrote another one may have meant. */
#pragma once

#include <stddef.h>

#include <muster/telemetry.h>

#define NEAR_NAMES_MAX 3

struct near {
    const char *wanted;
    const char *names[NEAR_NAMES_MAX]; /* borrowed, the nearest first */
    size_t distances[NEAR_NAMES_MAX];
    size_t count;
};

/* Keeps a name if it is among the nearest: it differs by few characters, or one of both is a part of the
 * other. A name that was offered before is not kept twice. */
void near_offer(struct near *near, const char *name);

/* "; did you mean 'a', 'b' or 'c'?", or "", by value. */
struct near_text {
    char text[NEAR_NAMES_MAX * (MUSTER_FULL_NAME_BYTES_MAX + 8) + 32];
};
struct near_text near_text(const struct near *near);
