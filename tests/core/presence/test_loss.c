/* SPDX-License-Identifier: MIT */
/* Loss from the numbers of the messages that came. */
#include "loss.h"

#include "cmocka_all.h"

/* A number that binary fractions hold exactly. */
static void check_ratio(const struct loss *loss, double expected) {
    assert_true(loss_ratio(loss) == expected);
}

static void nothing_is_known_at_first(void **state) {
    (void)state;
    struct loss loss = {0};
    struct loss_mean mean = {0};
    check_ratio(&loss, 0);
    assert_true(loss_mean_ratio(&mean) == 0);
    loss_begin(&loss);
    check_ratio(&loss, 0);
    assert_int_equal(loss.span, 1);
}

static void every_message_came(void **state) {
    (void)state;
    struct loss loss;
    loss_begin(&loss);
    for (int i = 0; i < 200; i++) {
        loss_advance(&loss, 1);
        check_ratio(&loss, 0);
    }
    assert_int_equal(loss.span, LOSS_WINDOW);
}

static void a_gap_is_a_loss(void **state) {
    (void)state;
    struct loss loss;
    loss_begin(&loss);
    loss_advance(&loss, 3); /* came, missed, missed, came */
    assert_int_equal(loss.span, 4);
    check_ratio(&loss, 0.5);
    for (int i = 0; i < 4; i++) {
        loss_advance(&loss, 1);
    }
    check_ratio(&loss, 0.25);
}

static void every_second_message_came(void **state) {
    (void)state;
    struct loss loss;
    loss_begin(&loss);
    for (int i = 0; i < 100; i++) {
        loss_advance(&loss, 2);
    }
    check_ratio(&loss, 0.5);
}

static void what_is_64_messages_ago_is_forgotten(void **state) {
    (void)state;
    struct loss loss;
    loss_begin(&loss);
    loss_advance(&loss, 33); /* 32 missed */
    for (int i = 0; i < 30; i++) {
        loss_advance(&loss, 1);
    }
    assert_int_equal(loss.span, LOSS_WINDOW);
    check_ratio(&loss, 0.5);
    loss_advance(&loss, 1); /* forgets the first one, which came */
    check_ratio(&loss, 0.5);
    for (int i = 0; i < 16; i++) {
        loss_advance(&loss, 1);
    }
    check_ratio(&loss, 0.25);
    for (int i = 0; i < 16; i++) {
        loss_advance(&loss, 1);
    }
    check_ratio(&loss, 0);
}

static void a_long_gap_leaves_the_last_message_alone(void **state) {
    (void)state;
    static const uint64_t gaps[] = {LOSS_WINDOW, LOSS_WINDOW + 1, 1000000, UINT64_MAX};
    for (size_t i = 0; i < sizeof gaps / sizeof *gaps; i++) {
        struct loss loss;
        loss_begin(&loss);
        loss_advance(&loss, 1);
        loss_advance(&loss, gaps[i]);
        assert_int_equal(loss.span, LOSS_WINDOW);
        check_ratio(&loss, 63.0 / 64);
    }
    struct loss loss;
    loss_begin(&loss);
    loss_advance(&loss, LOSS_WINDOW - 1); /* the longest that the window still holds */
    check_ratio(&loss, 62.0 / 64);
}

static void the_mean_is_over_all_senders(void **state) {
    (void)state;
    struct loss_mean mean = {0};
    loss_mean_add(&mean, 1);
    assert_true(loss_mean_ratio(&mean) == 0);
    loss_mean_add(&mean, 3);
    assert_true(loss_mean_ratio(&mean) == 0.5);
}

static void one_that_was_gone_for_long_hardly_moves_the_mean(void **state) {
    (void)state;
    struct loss_mean mean = {0};
    for (int i = 0; i < 3000; i++) {
        loss_mean_add(&mean, 1);
    }
    loss_mean_add(&mean, 1000000000);
    assert_true(loss_mean_ratio(&mean) < 0.03);
}

static void the_mean_forgets_slowly(void **state) {
    (void)state;
    struct loss_mean mean = {0};
    for (int i = 0; i < 10000; i++) {
        loss_mean_add(&mean, 2);
    }
    assert_true(loss_mean_ratio(&mean) > 0.49 && loss_mean_ratio(&mean) < 0.51);
    for (int i = 0; i < 1000; i++) {
        loss_mean_add(&mean, 1);
    }
    assert_true(loss_mean_ratio(&mean) > 0.2);
    for (int i = 0; i < 100000; i++) {
        loss_mean_add(&mean, 1);
    }
    assert_true(loss_mean_ratio(&mean) < 0.001);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_known_at_first),
        cmocka_unit_test(every_message_came),
        cmocka_unit_test(a_gap_is_a_loss),
        cmocka_unit_test(every_second_message_came),
        cmocka_unit_test(what_is_64_messages_ago_is_forgotten),
        cmocka_unit_test(a_long_gap_leaves_the_last_message_alone),
        cmocka_unit_test(the_mean_is_over_all_senders),
        cmocka_unit_test(one_that_was_gone_for_long_hardly_moves_the_mean),
        cmocka_unit_test(the_mean_forgets_slowly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
