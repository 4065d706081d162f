/* SPDX-License-Identifier: MIT */
/* What a publisher keeps: datagrams lie in one piece, the oldest make room, and each is found by its number.
 */
#include <string.h>

#include "cmocka_all.h"
#include "limit.h"
#include "ring.h"

#define SIZE 65536
#define LONGEST MUSTER_DATAGRAM_BYTES_MAX

static struct ring ring;

static int begin(void **state) {
    (void)state;
    assert_int_equal(ring_init(&ring, SIZE), 0);
    for (unsigned shard = 0; shard < MUSTER_SHARDS; shard++) {
        assert_int_equal(ring_open_shard(&ring, shard), 0);
    }
    return 0;
}

static int end(void **state) {
    (void)state;
    ring_deinit(&ring);
    return 0;
}

/* What a datagram is filled with. */
static uint8_t mark_of(unsigned shard, uint64_t seq) {
    return (uint8_t)(shard * 31 + seq * 7);
}

static void append(unsigned shard, size_t length) {
    assert_true(ring_has_room(&ring));
    const struct kept *kept = ring_append(&ring, shard, length, 1);
    assert_true(kept->offset + length <= SIZE);
    memset(ring.bytes + kept->offset, mark_of(shard, kept->seq), length);
}

static void append_sent(unsigned shard, size_t length) {
    append(shard, length);
    ring_sent(&ring, 1);
}

static void assert_kept(unsigned shard, uint64_t seq) {
    uint64_t number;
    assert_true(ring_find(&ring, shard, seq, &number));
    const struct kept *kept = ring_at(&ring, number);
    assert_int_equal(kept->shard, shard);
    assert_int_equal(kept->seq, seq);
    for (size_t i = 0; i < kept->length; i++) {
        assert_int_equal(ring.bytes[kept->offset + i], mark_of(shard, seq));
    }
}

static void assert_gone(unsigned shard, uint64_t seq) {
    uint64_t number;
    assert_false(ring_find(&ring, shard, seq, &number));
}

/* All from the oldest to the last are kept, byte for byte, and none below. */
static void assert_whole(unsigned shard) {
    uint64_t oldest = ring_oldest(&ring, shard);
    for (uint64_t seq = oldest; seq <= ring.seqs[shard]; seq++) {
        assert_kept(shard, seq);
    }
    assert_gone(shard, oldest - 1);
    assert_gone(shard, ring.seqs[shard] + 1);
}

static void each_shard_has_numbers_of_its_own(void **state) {
    (void)state;
    append(3, 100);
    append(5, 100);
    append(3, 100);
    assert_int_equal(ring.seqs[3], 2);
    assert_int_equal(ring.seqs[5], 1);
    assert_int_equal(ring.next - ring.first, 3);
    assert_int_equal(ring.unsent_bytes, 300);
    assert_whole(3);
    assert_whole(5);
    assert_gone(3, 0);
    assert_gone(4, 1);
    assert_int_equal(ring_oldest(&ring, 4), 1);
}

static void datagrams_lie_in_one_piece(void **state) {
    (void)state;
    for (int i = 0; i < 1000; i++) {
        append_sent(0, (size_t)(LONGEST - i % 7));
        assert_whole(0);
    }
    uint64_t kept = ring.next - ring.first;
    assert_in_range(kept, SIZE / LONGEST - 2, SIZE / (LONGEST - 6));
}

static void lengths_may_change(void **state) {
    uint64_t random = 12345;
    (void)state;
    for (int i = 0; i < 20000; i++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        append_sent((unsigned)(random >> 40) % MUSTER_SHARDS, 1 + (size_t)(random >> 33) % LONGEST);
        assert_true(ring.next - ring.first <= ring.capacity);
        if (i % 97 == 0) {
            for (unsigned shard = 0; shard < MUSTER_SHARDS; shard++) {
                assert_whole(shard);
            }
        }
    }
}

/* As many as there are entries, where they are short. */
static void no_more_are_kept_than_there_are_entries(void **state) {
    (void)state;
    for (uint64_t i = 0; i < 3 * ring.capacity; i++) {
        append_sent(i % 2, 1);
    }
    assert_int_equal(ring.next - ring.first, ring.capacity);
    assert_int_equal(ring_oldest(&ring, 0) + ring.capacity / 2 - 1, ring.seqs[0]);
    assert_whole(0);
    assert_whole(1);
}

static void what_waits_is_not_pushed_out(void **state) {
    (void)state;
    append_sent(0, LONGEST);
    uint64_t count = 0;
    while (ring_has_room(&ring)) {
        append(1, LONGEST);
        count++;
    }
    assert_in_range(count, SIZE / LONGEST - 3, SIZE / LONGEST);
    assert_int_equal(ring.next - ring.unsent, count);
    assert_int_equal(ring.unsent_bytes, count * LONGEST);
    assert_int_equal(ring_oldest(&ring, 1), 1);
    assert_whole(1);
    ring_sent(&ring, count);
    assert_int_equal(ring.unsent_bytes, 0);
    assert_true(ring_has_room(&ring));
}

static void what_waits_is_not_pushed_out_where_it_is_short(void **state) {
    (void)state;
    uint64_t count = 0;
    while (ring_has_room(&ring)) {
        append(1, 1);
        count++;
    }
    assert_int_equal(count, ring.capacity);
    assert_whole(1);
}

/* The last one of a shard goes with others' data: then nothing of it is kept, and the next one would be. */
static void a_quiet_shard_is_forgotten(void **state) {
    (void)state;
    append_sent(2, 100);
    append_sent(2, 100);
    assert_int_equal(ring_oldest(&ring, 2), 1);
    for (int i = 0; i < 100; i++) {
        append_sent(7, LONGEST);
    }
    assert_int_equal(ring_oldest(&ring, 2), 3);
    assert_gone(2, 1);
    assert_gone(2, 2);
    append_sent(2, 100);
    assert_int_equal(ring_oldest(&ring, 2), 3);
    assert_whole(2);
}

static void clearing_begins_anew(void **state) {
    (void)state;
    for (int i = 0; i < 100; i++) {
        append_sent(0, LONGEST);
    }
    append(1, 100);
    ring_clear(&ring);
    assert_int_equal(ring.unsent_bytes, 0);
    assert_int_equal(ring_oldest(&ring, 0), 1);
    assert_gone(0, 100);
    assert_gone(1, 1);
    append(0, 100);
    assert_int_equal(ring.seqs[0], 1);
    assert_whole(0);
}

static void a_shard_that_is_not_open_has_nothing(void **state) {
    struct ring closed = {0};
    uint64_t number;
    (void)state;
    assert_int_equal(ring_init(&closed, MUSTER_RING_BYTES_MIN), 0);
    assert_false(ring_find(&closed, 0, 1, &number));
    assert_int_equal(ring_oldest(&closed, 0), 1);
    ring_deinit(&closed);
    ring_deinit(&closed);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_shard_has_numbers_of_its_own, begin, end),
        cmocka_unit_test_setup_teardown(datagrams_lie_in_one_piece, begin, end),
        cmocka_unit_test_setup_teardown(lengths_may_change, begin, end),
        cmocka_unit_test_setup_teardown(no_more_are_kept_than_there_are_entries, begin, end),
        cmocka_unit_test_setup_teardown(what_waits_is_not_pushed_out, begin, end),
        cmocka_unit_test_setup_teardown(what_waits_is_not_pushed_out_where_it_is_short, begin, end),
        cmocka_unit_test_setup_teardown(a_quiet_shard_is_forgotten, begin, end),
        cmocka_unit_test_setup_teardown(clearing_begins_anew, begin, end),
        cmocka_unit_test(a_shard_that_is_not_open_has_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
