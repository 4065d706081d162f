/* SPDX-License-Identifier: MIT */
#include "part.h"

#include <time.h>

#include <uv.h>

/* Not uv_now(), which is as old as the loop's iteration. */
uint64_t part_now_ms(void) {
    return uv_hrtime() / 1000000;
}

uint64_t part_wall_ms(void) {
    struct timespec now = {.tv_sec = 0};
    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec < 0 ? 0 : (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* Since the machine was started: the monotonic clock stands still meanwhile. It is read last: whatever
 * happens between the two makes the result smaller, never larger. */
static int64_t suspended_ms(void) {
    struct timespec boot;
    struct timespec monotonic;
    if (clock_gettime(CLOCK_BOOTTIME, &boot) != 0 || clock_gettime(CLOCK_MONOTONIC, &monotonic) != 0) {
        return 0;
    }
    return ((int64_t)boot.tv_sec - monotonic.tv_sec) * 1000 + (boot.tv_nsec - monotonic.tv_nsec) / 1000000;
}

int part_step(const struct part_context *context, struct muster_event *event) {
    event->now_ms = part_now_ms();
    event->suspended_ms = suspended_ms();
    return muster_core_step(context->core, event);
}
