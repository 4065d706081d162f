/* SPDX-License-Identifier: MIT */
/* The ways out: which there may be, and which of them is the primary one. */
#include "paths.h"

#include <stdio.h>
#include <string.h>

#include "cmocka_all.h"

#define M4 MUSTER_PATH_M4
#define B4 MUSTER_PATH_B4
#define PORT 19797

static struct muster_path path(uint32_t interface, enum muster_path_kind kind) {
    struct muster_path path = {.interface = interface, .kind = kind};
    snprintf(path.name, sizeof path.name, "eth%u", (unsigned)interface);
    return path;
}

static bool is_primary(const struct paths *paths, size_t index, uint64_t now_ms) {
    const struct muster_path *item = &paths->items[index];
    return paths_primary(paths, item->interface, now_ms) == item->kind;
}

static void there_are_none_at_first(void **state) {
    (void)state;
    struct paths paths = {0};
    assert_null(paths_find(&paths, 7, M4));
    assert_string_equal(paths_interface_name(&paths, 7), "");
    paths_heard(&paths, 7, M4, 1000);
    assert_int_equal(paths_set(&paths, NULL, 0), 0);
    assert_int_equal(paths.count, 0);
}

static void a_path_is_an_interface_and_a_kind(void **state) {
    (void)state;
    struct paths paths = {0};
    const struct muster_path items[] = {path(1, M4), path(2, B4)};
    assert_int_equal(paths_set(&paths, items, 2), 0);
    assert_ptr_equal(paths_find(&paths, 1, M4), &paths.items[0]);
    assert_ptr_equal(paths_find(&paths, 2, B4), &paths.items[1]);
    assert_null(paths_find(&paths, 1, B4));
    assert_null(paths_find(&paths, 3, M4));
    assert_string_equal(paths_interface_name(&paths, 2), "eth2");
    assert_string_equal(paths_interface_name(&paths, 3), "");
}

static void a_name_becomes_utf8(void **state) {
    (void)state;
    struct paths paths = {0};
    struct muster_path item = path(1, M4);
    strcpy(item.name, "b\xFF"
                      "d");
    assert_int_equal(paths_set(&paths, &item, 1), 0);
    assert_string_equal(paths_interface_name(&paths, 1), "b?d");
}

static size_t bytes_max_of(struct muster_path first, struct muster_path second) {
    struct paths paths;
    paths_init(&paths);
    assert_int_equal(paths.bytes_max, 1400);
    const struct muster_path items[] = {first, second};
    assert_int_equal(paths_set(&paths, items, 2), 0);
    return paths.bytes_max;
}

static void datagrams_fit_the_least_mtu(void **state) {
    (void)state;
    struct muster_path v4 = path(1, M4);
    struct muster_path v6 = path(2, MUSTER_PATH_M6);
    assert_int_equal(bytes_max_of(v4, v6), 1400); /* not known */
    v4.mtu = 65536;
    v6.mtu = 1500;
    assert_int_equal(bytes_max_of(v4, v6), 1400);
    v4.mtu = 1400;
    assert_int_equal(bytes_max_of(v4, v6), 1372);
    v6.mtu = 1280;
    assert_int_equal(bytes_max_of(v4, v6), 1232);
    v4.mtu = 1228;
    assert_int_equal(bytes_max_of(v4, v6), 1200);
    v4.mtu = 576; /* no announce would fit */
    assert_int_equal(bytes_max_of(v4, v6), 1200);
}

static void lists_get_shorter_with_the_mtu(void **state) {
    (void)state;
    struct paths paths;
    paths_init(&paths);
    assert_int_equal(paths_fitting(&paths, 32, 35), 32);
    paths.bytes_max = 1399;
    assert_int_equal(paths_fitting(&paths, 32, 35), 31);
    paths.bytes_max = 1365;
    assert_int_equal(paths_fitting(&paths, 32, 35), 31);
    paths.bytes_max = 1200;
    assert_int_equal(paths_fitting(&paths, 32, 35), 26);
}

static void what_is_refused_changes_nothing(void **state) {
    (void)state;
    struct paths paths = {0};
    const struct muster_path first = path(1, M4);
    assert_int_equal(paths_set(&paths, &first, 1), 0);
    paths_heard(&paths, 1, M4, 1000);
    const struct paths before = paths;
    const struct muster_path twice[] = {path(2, M4), path(2, B4), path(2, M4)};
    assert_int_equal(paths_set(&paths, twice, 3), MUSTER_EINVAL);
    assert_memory_equal(&paths, &before, sizeof paths);
}

static void there_are_at_most_96(void **state) {
    (void)state;
    struct paths paths = {0};
    struct muster_path items[MUSTER_PATHS_MAX + 1];
    for (uint32_t i = 0; i <= MUSTER_PATHS_MAX; i++) {
        items[i] = path(i / 3 + 1, (enum muster_path_kind)(i % 3));
    }
    assert_int_equal(paths_set(&paths, items, MUSTER_PATHS_MAX + 1), MUSTER_EFULL);
    assert_int_equal(paths.count, 0);
    assert_int_equal(paths_set(&paths, items, MUSTER_PATHS_MAX), 0);
    assert_int_equal(paths.count, MUSTER_PATHS_MAX);
    assert_non_null(paths_find(&paths, MUSTER_PATHS_MAX / 3, B4));
}

static void a_path_comes_with_its_address(void **state) {
    (void)state;
    struct paths paths = {0};
    struct muster_path items[] = {path(1, M4), path(2, M4)};
    items[0].address = (struct muster_endpoint){.family = 4, .ip = {10, 0, 0, 1}};
    assert_true(paths_have_come(&paths, items, 2));
    assert_int_equal(paths_set(&paths, items, 2), 0);
    assert_false(paths_have_come(&paths, items, 2));
    assert_false(paths_have_come(&paths, items + 1, 1));
    assert_false(paths_have_come(&paths, NULL, 0));
    items[1].mtu = 1280;
    items[1].name[0] = 'x';
    items[1].address.port = 1;
    assert_false(paths_have_come(&paths, items, 2));
    items[0].address.ip[3] = 2;
    assert_true(paths_have_come(&paths, items, 2));
}

static void a_name_ends(void **state) {
    (void)state;
    struct paths paths = {0};
    struct muster_path item = path(1, M4);
    memset(item.name, 'x', sizeof item.name);
    assert_int_equal(paths_set(&paths, &item, 1), 0);
    assert_string_equal(paths_interface_name(&paths, 1), "xxxxxxxxxxxxxxx");
}

static void multicast_is_primary_until_broadcast_alone_is_heard(void **state) {
    (void)state;
    struct paths paths = {0};
    const struct muster_path items[] = {path(1, B4), path(1, M4), path(2, B4)};
    assert_int_equal(paths_set(&paths, items, 3), 0);
    uint64_t now_ms = 1000;
    assert_true(is_primary(&paths, 1, now_ms));
    assert_false(is_primary(&paths, 0, now_ms));
    assert_true(is_primary(&paths, 2, now_ms)); /* the only one of its interface */
    paths_heard(&paths, 1, B4, now_ms);
    assert_true(is_primary(&paths, 0, now_ms));
    assert_false(is_primary(&paths, 1, now_ms));
    paths_heard(&paths, 1, M4, now_ms + 5);
    assert_true(is_primary(&paths, 1, now_ms + 5));
    paths_heard(&paths, 1, B4, now_ms + 50000); /* multicast falls silent */
    assert_true(is_primary(&paths, 1, now_ms + 5 + MUSTER_PRIMARY_MS));
    assert_true(is_primary(&paths, 0, now_ms + 6 + MUSTER_PRIMARY_MS));
    assert_true(is_primary(&paths, 1, now_ms + 50001 + MUSTER_PRIMARY_MS)); /* both */
}

static void ipv6_is_primary_before_broadcast(void **state) {
    (void)state;
    struct paths paths = {0};
    const struct muster_path items[] = {path(1, M4), path(1, MUSTER_PATH_M6), path(1, B4)};
    assert_int_equal(paths_set(&paths, items, 3), 0);
    assert_int_equal(paths_primary(&paths, 2, 1000), MUSTER_PATH_U4); /* none there */
    paths_heard(&paths, 1, B4, 1000);
    assert_int_equal(paths_primary(&paths, 1, 1000), B4);
    assert_int_equal(paths_without_m4(&paths, 1000), 1u << B4);
    paths_heard(&paths, 1, MUSTER_PATH_M6, 1000);
    assert_int_equal(paths_primary(&paths, 1, 1000), MUSTER_PATH_M6);
    assert_int_equal(paths_without_m4(&paths, 1000), 1u << B4 | 1u << MUSTER_PATH_M6);
    paths_heard(&paths, 1, M4, 1000);
    assert_int_equal(paths_primary(&paths, 1, 1000), M4);
    assert_int_equal(paths_without_m4(&paths, 1000), 0);
}

static void a_path_that_stays_keeps_what_it_knows(void **state) {
    (void)state;
    struct paths paths = {0};
    const struct muster_path before[] = {path(1, M4), path(1, B4)};
    const struct muster_path after[] = {path(2, M4), path(1, B4), path(1, M4)};
    assert_int_equal(paths_set(&paths, before, 2), 0);
    paths_heard(&paths, 1, B4, 1000);
    assert_int_equal(paths_set(&paths, after, 3), 0);
    assert_int_equal(paths.heard_ms[0], 0);
    assert_int_equal(paths.heard_ms[1], 1000);
    assert_true(is_primary(&paths, 1, 1000));
    assert_int_equal(paths_set(&paths, after, 1), 0);
    assert_int_equal(paths_set(&paths, after, 3), 0); /* gone meanwhile */
    assert_int_equal(paths.heard_ms[1], 0);
}

static void broadcast_alone_shows(void **state) {
    (void)state;
    struct paths paths = {0};
    const struct muster_path items[] = {path(1, M4), path(1, B4), path(2, M4), path(2, B4)};
    assert_int_equal(paths_set(&paths, items, 4), 0);
    assert_int_equal(paths_without_m4(&paths, 1000), 0); /* nobody is there */
    paths_heard(&paths, 1, B4, 1000);
    assert_int_equal(paths_without_m4(&paths, 1000), 1u << B4);
    paths_heard(&paths, 2, M4, 1000); /* another interface */
    assert_int_equal(paths_without_m4(&paths, 1000), 1u << B4);
    paths_heard(&paths, 1, M4, 2000);
    assert_int_equal(paths_without_m4(&paths, 2000), 0);
    paths_heard(&paths, 1, B4, 2000 + MUSTER_PRIMARY_MS);
    assert_int_equal(paths_without_m4(&paths, 2001 + MUSTER_PRIMARY_MS), 1u << B4);
}

static void drops_are_seen_when_they_grow(void **state) {
    (void)state;
    struct paths paths = {0};
    const struct muster_path items[] = {path(1, M4), path(1, B4)};
    struct muster_datagram datagram = {
        .destination = {.family = 4, .ip = {224, 0, 0, 254}}, .interface = 1, .dropped = 2};
    assert_int_equal(paths_set(&paths, items, 2), 0);
    assert_true(paths_record_dropped(&paths, &datagram));
    assert_false(paths_record_dropped(&paths, &datagram));
    assert_int_equal(paths_set(&paths, items, 2), 0);
    assert_false(paths_record_dropped(&paths, &datagram));
    datagram.destination.ip[0] = 10; /* another socket */
    assert_true(paths_record_dropped(&paths, &datagram));
    datagram.destination.family = 6;
    assert_true(paths_record_dropped(&paths, &datagram));
    datagram.dropped = 0; /* it was opened anew */
    assert_false(paths_record_dropped(&paths, &datagram));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(broadcast_alone_shows),
        cmocka_unit_test(drops_are_seen_when_they_grow),
        cmocka_unit_test(there_are_none_at_first),
        cmocka_unit_test(a_path_is_an_interface_and_a_kind),
        cmocka_unit_test(datagrams_fit_the_least_mtu),
        cmocka_unit_test(lists_get_shorter_with_the_mtu),
        cmocka_unit_test(what_is_refused_changes_nothing),
        cmocka_unit_test(there_are_at_most_96),
        cmocka_unit_test(a_path_comes_with_its_address),
        cmocka_unit_test(a_name_ends),
        cmocka_unit_test(a_name_becomes_utf8),
        cmocka_unit_test(multicast_is_primary_until_broadcast_alone_is_heard),
        cmocka_unit_test(ipv6_is_primary_before_broadcast),
        cmocka_unit_test(a_path_that_stays_keeps_what_it_knows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
