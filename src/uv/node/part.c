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

int part_step(const struct part_context *context, struct muster_event *event) {
    event->now_ms = part_now_ms();
    return muster_core_step(context->core, event);
}
