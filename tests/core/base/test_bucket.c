/* SPDX-License-Identifier: MIT */
/* Token buckets: what they give, and when. */
#include "bucket.h"

#include "test.h"

#define RATE 100.0
#define BURST 300.0

TEST(a_zeroed_bucket_is_full) {
    struct bucket bucket = {0};
    assert_float_equal(bucket_left(&bucket, RATE, BURST, 0), BURST, 0);
    assert_float_equal(bucket_left(&bucket, RATE, BURST, 1000000), BURST, 0);
    assert_true(bucket_take(&bucket, BURST, RATE, BURST, 5));
    assert_false(bucket_take(&bucket, 1, RATE, BURST, 5));
}

TEST(tokens_come_back_at_the_rate) {
    struct bucket bucket = {0};
    assert_true(bucket_take(&bucket, BURST, RATE, BURST, 1000));
    assert_false(bucket_take(&bucket, 1, RATE, BURST, 1009));
    assert_true(bucket_take(&bucket, 1, RATE, BURST, 1010));
    assert_float_equal(bucket_left(&bucket, RATE, BURST, 2000), 99, 1e-9);
    assert_float_equal(bucket_left(&bucket, RATE, BURST, 9000), BURST, 0);
}

TEST(a_refused_take_takes_nothing) {
    struct bucket bucket = {0};
    assert_true(bucket_take(&bucket, 200, RATE, BURST, 1000));
    assert_false(bucket_take(&bucket, 101, RATE, BURST, 1000));
    assert_true(bucket_take(&bucket, 100, RATE, BURST, 1000));
}

TEST(what_is_spent_in_advance_is_paid_back_first) {
    struct bucket bucket = {0};
    bucket_spend(&bucket, BURST + 100, RATE, 1000);
    assert_float_equal(bucket_left(&bucket, RATE, BURST, 1500), 0, 0);
    assert_float_equal(bucket_left(&bucket, RATE, BURST, 2000), 0, 0);
    assert_float_equal(bucket_left(&bucket, RATE, BURST, 3000), 100, 1e-9);
}

TEST(the_allowed_time_is_the_first_that_suffices) {
    struct bucket bucket = {0};
    assert_int_equal(bucket_allowed_ms(&bucket, BURST, RATE, BURST, 1000), 1000);
    bucket_spend(&bucket, BURST, RATE, 1000);
    uint64_t allowed_ms = bucket_allowed_ms(&bucket, 55.5, RATE, BURST, 1000);
    assert_true(allowed_ms == 1555 || allowed_ms == 1556);
    assert_false(bucket_take(&bucket, 55.5, RATE, BURST, allowed_ms - 2));
    assert_true(bucket_take(&bucket, 55.5, RATE, BURST, allowed_ms));
}

/* However the numbers are rounded: who waits until then, again and again, makes progress. */
TEST(the_allowed_time_is_never_in_vain) {
    for (double rate = 999; rate < 1e12; rate *= 7.3) {
        struct bucket bucket = {0};
        double burst = rate / 100 + 16384;
        uint64_t now_ms = UINT64_C(1) << 40;
        for (int i = 0; i < 100; i++) {
            unsigned waits = 0;
            while (!bucket_take(&bucket, 1400, rate, burst, now_ms)) {
                uint64_t allowed_ms = bucket_allowed_ms(&bucket, 1400, rate, burst, now_ms);
                assert_true(allowed_ms > now_ms);
                assert_true(++waits <= 2);
                now_ms = allowed_ms;
            }
        }
    }
}

int main(void) {
    return test_run(NULL, NULL);
}
