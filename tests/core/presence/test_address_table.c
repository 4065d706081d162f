/* SPDX-License-Identifier: MIT */
/* Rows counted by address, held against a plain array. */
#include "address_table.h"

#include "cmocka_all.h"
#include "random.h"

#define ADDRESSES 200

static const uint8_t seed[16] = {7};

static struct muster_endpoint address(unsigned number) {
    return (struct muster_endpoint){
        .family = 4, .ip = {10, 0, (uint8_t)(number >> 8), (uint8_t)number}, .port = 19798};
}

static void nothing_is_counted_at_first(void **state) {
    (void)state;
    struct address_table table = {0};
    const struct muster_endpoint one = address(1);
    assert_null(address_table_find(&table, seed, &one));
    address_table_deinit(&table);
}

static void ports_are_of_one_address(void **state) {
    (void)state;
    struct address_table table = {0};
    struct muster_endpoint one = address(1);
    assert_int_equal(address_table_reserve(&table, seed, 2), 0);
    address_table_add(&table, seed, &one);
    one.port++;
    assert_int_equal(address_table_add(&table, seed, &one)->rows, 2);
    assert_int_equal(table.count, 1);
    address_table_deinit(&table);
}

static void families_are_apart(void **state) {
    (void)state;
    struct address_table table = {0};
    const struct muster_endpoint v4 = address(1);
    struct muster_endpoint v6 = v4;
    v6.family = 6;
    assert_int_equal(address_table_reserve(&table, seed, 2), 0);
    address_table_add(&table, seed, &v4);
    assert_null(address_table_find(&table, seed, &v6));
    assert_int_equal(address_table_add(&table, seed, &v6)->rows, 1);
    address_table_deinit(&table);
}

static void counts_are_exact(void **state) {
    (void)state;
    struct address_table table = {0};
    size_t counts[ADDRESSES] = {0};
    size_t rows = 0;
    const uint8_t random_seed[MUSTER_SEED_BYTES] = {1};
    struct random random;
    random_init(&random, random_seed);
    for (int i = 0; i < 20000; i++) {
        unsigned number = (unsigned)random_ms(&random, ADDRESSES - 1);
        const struct muster_endpoint endpoint = address(number);
        bool is_adding = random_ms(&random, 99) < (i / 2000 % 2 == 0 ? 60 : 40);
        if (is_adding) {
            assert_int_equal(address_table_reserve(&table, seed, ++rows), 0);
            address_table_add(&table, seed, &endpoint);
            counts[number]++;
        } else if (counts[number] > 0) {
            address_table_remove(&table, seed, address_table_find(&table, seed, &endpoint));
            counts[number]--;
            rows--;
        }
        const struct muster_endpoint other = address((unsigned)i % ADDRESSES);
        const struct address_count *count = address_table_find(&table, seed, &other);
        assert_int_equal(count == NULL ? 0 : count->rows, counts[i % ADDRESSES]);
    }
    address_table_deinit(&table);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_counted_at_first),
        cmocka_unit_test(ports_are_of_one_address),
        cmocka_unit_test(families_are_apart),
        cmocka_unit_test(counts_are_exact),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
