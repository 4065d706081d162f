/* SPDX-License-Identifier: MIT */
/* Strangers: few of one address count, and addresses take turns. */
#include "strangers.h"

#include "cmocka_all.h"
#include "limit.h"

static const uint8_t seed[16] = {7};

static struct muster_endpoint address(uint8_t number) {
    return (struct muster_endpoint){.family = 4, .ip = {10, 0, 0, number}, .port = number};
}

static void add(struct strangers *strangers, uint8_t number, size_t count) {
    const struct muster_endpoint endpoint = address(number);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(strangers_reserve(strangers, seed, 100), 0);
        strangers_add(strangers, seed, &endpoint);
    }
}

static void few_of_one_address_count(void **state) {
    (void)state;
    struct strangers strangers = {0};
    const struct muster_endpoint one = address(1);
    add(&strangers, 1, MUSTER_STRANGERS_PER_ADDRESS + 2);
    add(&strangers, 2, 1);
    assert_int_equal(strangers.count, MUSTER_STRANGERS_PER_ADDRESS + 1);
    assert_int_equal(strangers_of(&strangers, seed, &one), MUSTER_STRANGERS_PER_ADDRESS + 2);
    for (int i = 0; i < 3; i++) {
        strangers_remove(&strangers, seed, &one);
    }
    assert_int_equal(strangers.count, MUSTER_STRANGERS_PER_ADDRESS);
    strangers_deinit(&strangers);
}

static void addresses_take_turns(void **state) {
    (void)state;
    struct strangers strangers = {0};
    const struct muster_endpoint one = address(1);
    const struct muster_endpoint other = address(2);
    add(&strangers, 1, 2);
    add(&strangers, 2, 1);
    strangers_take_turn(&strangers, seed, &one);
    assert_true(strangers_turn_of(&strangers, seed, &other) < strangers_turn_of(&strangers, seed, &one));
    strangers_take_turn(&strangers, seed, &other);
    assert_true(strangers_turn_of(&strangers, seed, &one) < strangers_turn_of(&strangers, seed, &other));
    strangers_deinit(&strangers);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(few_of_one_address_count),
        cmocka_unit_test(addresses_take_turns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
