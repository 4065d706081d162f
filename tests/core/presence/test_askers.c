/* SPDX-License-Identifier: MIT */
/* Who asked by which family, and for how long that counts. */
#include "askers.h"

#include <string.h>

#include "test.h"

#define INTERFACE 2

static struct askers askers;

static void begin(void) {
    memset(&askers, 0, sizeof askers);
}

static void end(void) {
}

static void ask(unsigned number, uint8_t family, uint32_t interface, uint64_t now_ms) {
    const struct muster_datagram datagram = {.source = {.family = family}, .interface = interface};
    uint8_t id[MUSTER_ID_BYTES] = {(uint8_t)number, (uint8_t)(number >> 8)};
    askers_record(&askers, id, &datagram, now_ms);
}

TEST(ipv6_is_needed_where_somebody_has_nothing_else) {
    assert_false(askers_need_v6(&askers, INTERFACE, 1000));
    ask(1, 4, INTERFACE, 1000);
    ask(1, 6, INTERFACE, 1000);
    assert_false(askers_need_v6(&askers, INTERFACE, 1000));
    ask(2, 6, INTERFACE, 1000);
    assert_true(askers_need_v6(&askers, INTERFACE, 1000));
    assert_false(askers_need_v6(&askers, INTERFACE + 1, 1000));
    ask(2, 4, INTERFACE + 1, 1000); /* that is another link */
    assert_true(askers_need_v6(&askers, INTERFACE, 1000));
    ask(2, 4, INTERFACE, 1001); /* its copy by IPv4 was late */
    assert_false(askers_need_v6(&askers, INTERFACE, 1001));
}

TEST(who_says_nothing_is_forgotten) {
    ask(1, 6, INTERFACE, 1000);
    assert_true(askers_need_v6(&askers, INTERFACE, 1000 + MUSTER_ASKER_KEPT_MS));
    assert_false(askers_need_v6(&askers, INTERFACE, 1001 + MUSTER_ASKER_KEPT_MS));
    ask(1, 6, INTERFACE, 1001 + MUSTER_ASKER_KEPT_MS);
    assert_true(askers_need_v6(&askers, INTERFACE, 1001 + MUSTER_ASKER_KEPT_MS));
}

TEST(who_was_silent_for_longest_makes_room) {
    ask(0, 6, INTERFACE, 1000);
    for (unsigned i = 1; i < MUSTER_ASKERS_MAX; i++) {
        ask(i, 4, INTERFACE, 1000 + i);
    }
    assert_true(askers_need_v6(&askers, INTERFACE, 2000));
    ask(0, 6, INTERFACE, 2000);
    ask(1000, 4, INTERFACE, 2001); /* in the place of 1 */
    assert_int_equal(askers.count, MUSTER_ASKERS_MAX);
    assert_true(askers_need_v6(&askers, INTERFACE, 2001));
    for (unsigned i = 0; i < MUSTER_ASKERS_MAX; i++) {
        ask(2000 + i, 4, INTERFACE, 2002 + i);
    }
    assert_false(askers_need_v6(&askers, INTERFACE, 3000));
}

TEST(what_is_new_shows) {
    ask(1, 6, INTERFACE, 1000);
    unsigned before = askers.changes;
    ask(1, 6, INTERFACE, 2000);
    assert_int_equal(askers.changes, before);
    ask(1, 4, INTERFACE, 2000);
    assert_int_not_equal(askers.changes, before);
}

int main(void) {
    return test_run(begin, end);
}
