/* SPDX-License-Identifier: MIT */
#include "backoff.h"

uint64_t backoff_pause_ms(const struct backoff *backoff, unsigned failures_before, struct random *random) {
    uint64_t pause_ms = backoff->first_ms;
    for (unsigned i = 0; i < failures_before && pause_ms < backoff->longest_ms; i++) {
        pause_ms *= 2;
    }
    pause_ms = pause_ms < backoff->longest_ms ? pause_ms : backoff->longest_ms;
    return pause_ms - random_ms(random, pause_ms / 2);
}
