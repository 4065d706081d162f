/* SPDX-License-Identifier: MIT */
/* Pauses between tries. */
#include "backoff.h"

#include <limits.h>

#include "test.h"

#define DRAWS 1000

static const struct backoff backoff = {.first_ms = 500, .longest_ms = 60000};

/* After so many failures a pause is at least half of the longest one, and every part of that half is drawn.
 */
static void check_pauses(unsigned failures_before, uint64_t longest_ms) {
    static const uint8_t seed[MUSTER_SEED_BYTES] = {1};
    struct random random;
    uint64_t least_ms = UINT64_MAX;
    uint64_t most_ms = 0;
    random_init(&random, seed);
    for (int i = 0; i < DRAWS; i++) {
        uint64_t pause_ms = backoff_pause_ms(&backoff, failures_before, &random);
        least_ms = pause_ms < least_ms ? pause_ms : least_ms;
        most_ms = pause_ms > most_ms ? pause_ms : most_ms;
    }
    assert_true(least_ms >= longest_ms / 2 && least_ms < longest_ms * 51 / 100);
    assert_true(most_ms <= longest_ms && most_ms > longest_ms * 99 / 100);
}

TEST(a_pause_doubles_from_failure_to_failure) {
    check_pauses(0, 500);
    check_pauses(1, 1000);
    check_pauses(6, 32000);
}

TEST(a_pause_is_bounded) {
    check_pauses(7, 60000);
    check_pauses(8, 60000);
    check_pauses(UINT_MAX, 60000);
}

int main(void) {
    return test_run(NULL, NULL);
}
