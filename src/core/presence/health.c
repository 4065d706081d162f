/* SPDX-License-Identifier: MIT */
#include "health.h"

#include "limit.h"

void health_record_late(struct health *health, uint64_t late_ms, uint64_t now_ms) {
    uint64_t bounded_ms = late_ms < MUSTER_LATE_MS_MAX ? late_ms : MUSTER_LATE_MS_MAX;
    if (bounded_ms >= health_late_ms(health, now_ms)) {
        health->late_ms = bounded_ms;
        health->recorded_ms = now_ms;
    }
}

uint64_t health_late_ms(const struct health *health, uint64_t now_ms) {
    uint64_t since_ms = now_ms - health->recorded_ms;
    return since_ms >= MUSTER_LATE_HOLD_MS
               ? 0
               : health->late_ms * (MUSTER_LATE_HOLD_MS - since_ms) / MUSTER_LATE_HOLD_MS;
}

/* The line late_ms * (1 - t / HOLD), times `times`, meets t here. */
uint64_t health_wait_ms(const struct health *health, uint64_t times, uint64_t now_ms) {
    return times * health_late_ms(health, now_ms) * MUSTER_LATE_HOLD_MS /
           (MUSTER_LATE_HOLD_MS + times * health->late_ms);
}

bool health_is_late(const struct health *health, uint64_t now_ms) {
    return health_late_ms(health, now_ms) >= MUSTER_LATE_MS;
}

void health_record_unsent(struct health *health, bool is_group, uint64_t now_ms) {
    health->full_ms = now_ms;
    health->mute_ms = is_group ? now_ms : health->mute_ms;
}

bool health_is_mute(const struct health *health, uint64_t now_ms) {
    return health->mute_ms != 0 && now_ms - health->mute_ms < MUSTER_FULL_MS;
}

bool health_take_unicast(struct health *health, uint64_t now_ms) {
    bool is_full = health->full_ms != 0 && now_ms - health->full_ms < MUSTER_FULL_MS;
    return !is_full || bucket_take(&health->unicast, 1, MUSTER_FULL_RATE, MUSTER_FULL_BURST, now_ms);
}
