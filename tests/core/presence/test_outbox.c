/* SPDX-License-Identifier: MIT */
/* What waits to be pulled: datagrams and events. */
#include "outbox.h"

#include <string.h>

#include "cmocka_all.h"

static struct outbox outbox;

static int end(void **state) {
    (void)state;
    outbox_deinit(&outbox);
    return 0;
}

static const struct muster_endpoint group = {.family = 4, .ip = {224, 0, 0, 254}, .port = 19797};

/* Queues a datagram of one byte. */
static bool put_byte(uint8_t byte, uint32_t interface) {
    return outbox_put_datagram(&outbox, &byte, 1, NULL, &group, interface);
}

static void check_next(uint8_t byte, uint32_t interface) {
    struct muster_datagram datagram;
    assert_true(outbox_take_datagram(&outbox, &datagram));
    assert_int_equal(datagram.length, 1);
    assert_int_equal(datagram.bytes[0], byte);
    assert_int_equal(datagram.interface, interface);
    assert_memory_equal(&datagram.destination, &group, sizeof group);
}

static void a_zeroed_one_is_empty(void **state) {
    (void)state;
    struct muster_datagram datagram;
    assert_false(outbox_take_datagram(&outbox, &datagram));
    assert_null(outbox_first_event(&outbox));
    outbox_deinit(&outbox);
}

static void datagrams_leave_in_order(void **state) {
    (void)state;
    for (unsigned round = 0; round < 700; round++) {
        for (uint8_t i = 0; i < 3; i++) {
            assert_true(put_byte(i, round));
        }
        for (uint8_t i = 0; i < 3; i++) {
            check_next(i, round);
        }
    }
}

static void bytes_live_until_the_next_call(void **state) {
    (void)state;
    assert_true(put_byte('a', 1));
    struct muster_datagram datagram;
    assert_true(outbox_take_datagram(&outbox, &datagram));
    assert_true(put_byte('b', 1));
    assert_int_equal(datagram.bytes[0], 'a');
    assert_true(outbox_take_datagram(&outbox, &datagram));
    assert_int_equal(datagram.bytes[0], 'b');
    assert_false(outbox_take_datagram(&outbox, &datagram));
}

static void a_full_queue_refuses(void **state) {
    (void)state;
    for (uint32_t i = 0; i < MUSTER_DATAGRAMS_MAX; i++) {
        assert_true(put_byte('x', i));
    }
    assert_false(put_byte('y', 0));
    check_next('x', 0);
    assert_true(put_byte('z', 1));
    assert_false(put_byte('y', 0));
    for (uint32_t i = 1; i < MUSTER_DATAGRAMS_MAX; i++) {
        check_next('x', i);
    }
    check_next('z', 1);
}

/* Rows are only pointed to here: any address does. */
static struct peer *row(const char *rows, size_t i) {
    return (struct peer *)(uintptr_t)(rows + i);
}

static void events_leave_in_order_while_their_room_grows(void **state) {
    (void)state;
    static const char rows[1000];
    size_t put = 0;
    size_t taken = 0;
    while (put < sizeof rows) {
        assert_int_equal(outbox_reserve_events(&outbox, 2), 0);
        outbox_put_event(&outbox, MUSTER_PEER_JOINED, row(rows, put++), OUTBOX_ALL);
        outbox_put_event(&outbox, MUSTER_PEER_LEFT, row(rows, put++), OUTBOX_ALL);
        const struct outbox_event *first = outbox_first_event(&outbox);
        assert_ptr_equal(first->peer, row(rows, taken));
        assert_int_equal(first->event, taken % 2 == 0 ? MUSTER_PEER_JOINED : MUSTER_PEER_LEFT);
        assert_ptr_equal(outbox_first_event(&outbox), first); /* it stays until it is dropped */
        outbox_drop_event(&outbox);
        taken++;
    }
    for (; taken < put; taken++) {
        assert_ptr_equal(outbox_first_event(&outbox)->peer, row(rows, taken));
        outbox_drop_event(&outbox);
    }
    assert_null(outbox_first_event(&outbox));
}

static void room_that_is_there_is_used_again(void **state) {
    (void)state;
    static const char rows[1];
    assert_int_equal(outbox_reserve_events(&outbox, 2), 0);
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(outbox_reserve_events(&outbox, 2), 0);
        outbox_put_event(&outbox, MUSTER_PEER_LOST, row(rows, 0), OUTBOX_ALL);
        outbox_drop_event(&outbox);
    }
    assert_int_equal(outbox.reserved_count, 1);
}

static void events_are_bounded(void **state) {
    (void)state;
    static const char rows[1];
    for (size_t i = 0; i < MUSTER_EVENTS_MAX; i++) {
        assert_int_equal(outbox_reserve_events(&outbox, 1), 0);
        outbox_put_event(&outbox, MUSTER_PEER_LOST, row(rows, 0), OUTBOX_ALL);
    }
    assert_int_equal(outbox_reserve_events(&outbox, 1), MUSTER_EFULL);
    outbox_drop_event(&outbox);
    assert_int_equal(outbox_reserve_events(&outbox, 1), 0);
}

static void what_was_never_pulled_is_freed(void **state) {
    (void)state;
    static const char rows[1];
    assert_true(put_byte('a', 1));
    assert_true(put_byte('b', 1));
    struct muster_datagram datagram;
    assert_true(outbox_take_datagram(&outbox, &datagram));
    assert_int_equal(outbox_reserve_events(&outbox, 1), 0);
    outbox_put_event(&outbox, MUSTER_PEER_JOINED, row(rows, 0), OUTBOX_ALL);
    outbox_deinit(&outbox); /* the leak checker has the last word */
    assert_null(outbox_first_event(&outbox));
}

int main(void) {
#define OUTBOX_TEST(name) cmocka_unit_test_teardown(name, end)
    const struct CMUnitTest tests[] = {
        OUTBOX_TEST(a_zeroed_one_is_empty),
        OUTBOX_TEST(datagrams_leave_in_order),
        OUTBOX_TEST(bytes_live_until_the_next_call),
        OUTBOX_TEST(a_full_queue_refuses),
        OUTBOX_TEST(events_leave_in_order_while_their_room_grows),
        OUTBOX_TEST(room_that_is_there_is_used_again),
        OUTBOX_TEST(events_are_bounded),
        OUTBOX_TEST(what_was_never_pulled_is_freed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
