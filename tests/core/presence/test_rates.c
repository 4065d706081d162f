/* SPDX-License-Identifier: MIT */
/* Token buckets of sources: what one of them has spent is not missing in another. */
#include "rates.h"

#include "cmocka_all.h"

#define RATE 10
#define BURST 100
#define NOW_MS 1000

static const struct muster_endpoint source = {.family = 4, .ip = {10, 0, 0, 1}, .port = 19798};

static double tokens(struct rates *rates, enum rate_kind kind, const struct muster_endpoint *endpoint) {
    return bucket_left(rates_bucket(rates, kind, endpoint), RATE, BURST, NOW_MS);
}

/* Who asks for repairs once had the bucket of its telemetry, which fills up sooner, and so got all of them.
 */
static void each_kind_has_its_own(void **state) {
    static const enum rate_kind kinds[] = {RATE_SOURCE, RATE_CONTROL, RATE_TELEMETRY, RATE_REPAIRS};
    struct rates rates = {.seed = {1}};
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        bucket_spend(rates_bucket(&rates, kinds[i], &source), BURST, RATE, NOW_MS);
        for (size_t k = 0; k < 4; k++) {
            assert_true((tokens(&rates, kinds[k], &source) <= 0) == (k <= i));
        }
    }
    rates_deinit(&rates);
}

static void a_port_counts_for_its_own_messages_alone(void **state) {
    struct rates rates = {.seed = {1}};
    struct muster_endpoint other = source;
    (void)state;
    other.port++;
    assert_ptr_not_equal(rates_bucket(&rates, RATE_SOURCE, &source),
                         rates_bucket(&rates, RATE_SOURCE, &other));
    assert_ptr_equal(rates_bucket(&rates, RATE_CONTROL, &source), rates_bucket(&rates, RATE_CONTROL, &other));
    assert_ptr_equal(rates_bucket(&rates, RATE_REPAIRS, &source), rates_bucket(&rates, RATE_REPAIRS, &other));
    rates_deinit(&rates);
}

static void each_address_has_its_own(void **state) {
    struct rates rates = {.seed = {1}};
    struct muster_endpoint other = source;
    (void)state;
    other.ip[3]++;
    bucket_spend(rates_bucket(&rates, RATE_CONTROL, &source), BURST, RATE, NOW_MS);
    assert_true(tokens(&rates, RATE_CONTROL, &other) >= BURST);
    rates_deinit(&rates);
}

static void a_global_address_counts_by_its_64_bits(void **state) {
    static const struct {
        struct muster_endpoint one, other;
        bool are_one;
    } rows[] = {
        {{.family = 6, .ip = {0x20, 1, [15] = 1}}, {.family = 6, .ip = {0x20, 1, [15] = 2}}, true},
        {{.family = 6, .ip = {0x20, 1, [15] = 1}}, {.family = 6, .ip = {0x20, 1, [7] = 1, [15] = 1}}, false},
        {{.family = 6, .ip = {0xfe, 0x80, [15] = 1}}, {.family = 6, .ip = {0xfe, 0x80, [15] = 2}}, false},
        {{.family = 6, .ip = {0xfd, 0, [15] = 1}}, {.family = 6, .ip = {0xfd, 0, [15] = 2}}, false},
        {{.family = 4, .ip = {10, 0, 0, 1}}, {.family = 6, .ip = {10, 0, 0, 1}}, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct rates rates = {.seed = {1}};
        for (enum rate_kind kind = RATE_CONTROL; kind <= RATE_REPAIRS; kind++) {
            bool are_one =
                rates_bucket(&rates, kind, &rows[i].one) == rates_bucket(&rates, kind, &rows[i].other);
            assert_int_equal(are_one, rows[i].are_one);
        }
        assert_ptr_not_equal(rates_bucket(&rates, RATE_SOURCE, &rows[i].one),
                             rates_bucket(&rates, RATE_SOURCE, &rows[i].other));
        rates_deinit(&rates);
    }
}

/* Whatever others spent, who was not heard before has a full bucket. */
static void nobody_inherits_a_debt(void **state) {
    struct rates rates = {.seed = {1}};
    struct muster_endpoint other = source;
    (void)state;
    for (unsigned i = 0; i < 4 * MUSTER_BUCKETS; i++) {
        other.ip[1] = (uint8_t)(i >> 16);
        other.ip[2] = (uint8_t)(i >> 8);
        other.ip[3] = (uint8_t)i;
        assert_true(tokens(&rates, RATE_CONTROL, &other) >= BURST);
        bucket_spend(rates_bucket(&rates, RATE_CONTROL, &other), BURST, RATE, NOW_MS);
    }
    rates_deinit(&rates);
}

static void who_owes_most_is_remembered(void **state) {
    struct rates rates = {.seed = {1}};
    struct muster_endpoint other = source;
    (void)state;
    bucket_spend(rates_bucket(&rates, RATE_CONTROL, &source), 10 * BURST, RATE, NOW_MS);
    for (unsigned i = 0; i < 4 * MUSTER_BUCKETS; i++) {
        other.ip[1] = (uint8_t)(1 + (i >> 16));
        other.ip[2] = (uint8_t)(i >> 8);
        other.ip[3] = (uint8_t)i;
        bucket_spend(rates_bucket(&rates, RATE_CONTROL, &other), BURST, RATE, NOW_MS);
    }
    assert_true(tokens(&rates, RATE_CONTROL, &source) <= 0);
    rates_deinit(&rates);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_has_its_own),
        cmocka_unit_test(a_port_counts_for_its_own_messages_alone),
        cmocka_unit_test(a_global_address_counts_by_its_64_bits),
        cmocka_unit_test(each_address_has_its_own),
        cmocka_unit_test(nobody_inherits_a_debt),
        cmocka_unit_test(who_owes_most_is_remembered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
