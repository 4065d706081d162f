/* SPDX-License-Identifier: MIT */
/* The rows: found by id, ordered by what is due, bounded, and what one row keeps. */
#include "group.h"
#include "message.h"
#include "peer_table.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "cmocka_all.h"
#include "paths.h"

#define INTERFACE 7

static struct peer_table table;

static int begin(void **state) {
    (void)state;
    static const uint8_t seed[16] = {1, 2, 3};
    peer_table_init(&table, seed, 4);
    return 0;
}

static int end(void **state) {
    (void)state;
    peer_table_deinit(&table);
    return 0;
}

static const uint8_t *id_of(unsigned n) {
    static uint8_t id[MUSTER_ID_BYTES];
    memcpy(id, &n, sizeof n);
    return id;
}

static struct peer *find(unsigned n) {
    return peer_table_find(&table, id_of(n));
}

/* Adds row n, due at n. */
static struct peer *add(unsigned n, bool is_verified) {
    bool is_full;
    return peer_table_add(&table, id_of(n), is_verified, false, n, &is_full);
}

static void check_full(unsigned n, bool is_verified) {
    bool is_full = false;
    assert_null(peer_table_add(&table, id_of(n), is_verified, false, n, &is_full));
    assert_true(is_full);
    assert_null(find(n));
}

static void check_heap(void) {
    for (size_t i = 0; i < table.count; i++) {
        assert_int_equal(table.heap[i]->heap_index, i);
        assert_true(i == 0 || table.heap[(i - 1) / 2]->due_ms <= table.heap[i]->due_ms);
    }
}

/* ---- rows ---- */

static void a_row_is_found_by_its_id(void **state) {
    (void)state;
    assert_null(find(1));
    struct peer *one = add(1, true);
    struct peer *two = add(2, false);
    assert_ptr_equal(find(1), one);
    assert_ptr_equal(find(2), two);
    assert_null(find(3));
    assert_memory_equal(one->id, id_of(1), MUSTER_ID_BYTES);
    assert_true(one->is_verified);
    assert_false(two->is_verified);
    assert_int_equal(one->state, MUSTER_ALIVE);
    assert_int_equal(table.count, 2);
    peer_table_remove(&table, one);
    assert_null(find(1));
    assert_int_equal(table.count, 1);
}

static void an_empty_table_has_nothing_due(void **state) {
    (void)state;
    assert_null(peer_table_first_due(&table));
    peer_table_remove(&table, add(1, true));
    assert_null(peer_table_first_due(&table));
    struct peer_table zeroed = {0};
    peer_table_deinit(&zeroed);
}

static void tombstones_are_not_present(void **state) {
    (void)state;
    add(1, true);
    add(2, false);
    add(3, true);
    assert_int_equal(peer_table_present(&table), 3);
    peer_table_set_state(&table, find(1), MUSTER_SUSPECT);
    assert_int_equal(peer_table_present(&table), 3);
    peer_table_set_state(&table, find(1), MUSTER_LOST);
    assert_int_equal(peer_table_present(&table), 2);
    peer_table_set_state(&table, find(1), MUSTER_ALIVE);
    assert_int_equal(peer_table_present(&table), 3);
}

/* ---- room ---- */

static void a_full_table_refuses(void **state) {
    (void)state;
    for (unsigned n = 1; n <= 4; n++) {
        assert_non_null(add(n, true));
    }
    check_full(5, true);
    check_full(6, false);
    assert_int_equal(table.count, 4);
    assert_int_equal(table.evicted, 0);
}

static void tombstones_make_room_the_oldest_first(void **state) {
    (void)state;
    for (unsigned n = 1; n <= 4; n++) {
        add(n, n % 2 == 0);
    }
    peer_table_set_state(&table, find(4), MUSTER_LOST);
    peer_table_set_state(&table, find(2), MUSTER_LOST);
    assert_non_null(add(5, false)); /* for an unverified one too */
    assert_null(find(4));
    assert_non_null(find(2));
    assert_non_null(add(6, true)); /* although there are unverified ones */
    assert_null(find(2));
    assert_non_null(find(1));
    assert_int_equal(table.evicted, 2);
    check_heap();
}

static void unverified_rows_make_room_for_verified_ones(void **state) {
    (void)state;
    add(1, true);
    add(2, false);
    add(3, false);
    add(4, true);
    check_full(5, false);
    assert_non_null(add(5, true));
    assert_null(find(2));
    assert_non_null(add(6, true));
    assert_null(find(3));
    check_full(7, true);
    assert_int_equal(table.evicted, 2);
}

static void suspects_make_no_room(void **state) {
    (void)state;
    for (unsigned n = 1; n <= 4; n++) {
        add(n, true);
        peer_table_set_state(&table, find(n), MUSTER_SUSPECT);
    }
    check_full(5, true);
}

static void a_pinned_row_stays(void **state) {
    (void)state;
    for (unsigned n = 1; n <= 4; n++) {
        add(n, n != 2);
    }
    peer_table_set_state(&table, find(1), MUSTER_LOST);
    find(1)->pins = 1;
    find(2)->pins = 2;
    check_full(5, true);
    find(2)->pins = 0;
    assert_non_null(add(5, true)); /* a tombstone that is pinned leaves it to the next class */
    assert_non_null(find(1));
    assert_null(find(2));
    find(1)->pins = 0;
    assert_non_null(add(6, false));
    assert_null(find(1));
}

/* ---- what is due ---- */

static uint64_t random_state = 20250101;

static unsigned draw(unsigned count) {
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(random_state >> 33) % count;
}

#define ROWS 200

/* What the table should hold: when each row is due, 0 where there is none. */
static uint64_t model[ROWS];

static void change_one(void) {
    unsigned n = draw(ROWS);
    struct peer *peer = find(n);
    assert_true((peer != NULL) == (model[n] != 0));
    uint64_t due_ms = 1 + draw(1000);
    if (peer == NULL) {
        bool is_full;
        assert_non_null(peer_table_add(&table, id_of(n), draw(2) == 0, false, due_ms, &is_full));
        model[n] = due_ms;
    } else if (draw(3) == 0) {
        peer_table_remove(&table, peer);
        model[n] = 0;
    } else {
        peer_table_set_state(&table, peer, (enum muster_state)draw(MUSTER_LEFT + 1));
        peer_table_set_due(&table, peer, due_ms);
        model[n] = due_ms;
    }
}

static void check_first_due(void) {
    uint64_t first_ms = 0;
    for (unsigned n = 0; n < ROWS; n++) {
        if (model[n] != 0 && (first_ms == 0 || model[n] < first_ms)) {
            first_ms = model[n];
        }
    }
    struct peer *peer = peer_table_first_due(&table);
    assert_int_equal(peer == NULL ? 0 : peer->due_ms, first_ms);
}

static void check_classes(void) {
    size_t count = 0;
    for (unsigned class = 0; class < CLASS_COUNT; class ++) {
        size_t members = 0;
        for (const struct peer *peer = table.classes[class]; peer != NULL; peer = peer->next) {
            assert_int_equal(peer->class, class);
            members++;
        }
        assert_int_equal(members, table.class_counts[class]);
        count += members;
    }
    assert_int_equal(count, table.count);
}

static void the_first_due_is_first_whatever_happens(void **state) {
    (void)state;
    print_message("seed %llu\n", (unsigned long long)random_state);
    table.peers_max = ROWS;
    table.unverified_max = ROWS;
    for (int i = 0; i < 20000; i++) {
        change_one();
        check_first_due();
        if (i % 100 == 0) {
            check_heap();
            check_classes();
        }
    }
}

static void a_row_keeps_its_moment(void **state) {
    (void)state;
    for (unsigned n = 1; n <= 4; n++) {
        add(n, true);
    }
    peer_table_set_due(&table, find(1), 100);
    for (unsigned n = 2; n <= 4; n++) {
        assert_int_equal(peer_table_first_due(&table)->due_ms, n);
        peer_table_remove(&table, peer_table_first_due(&table));
    }
    assert_ptr_equal(peer_table_first_due(&table), find(1));
}

/* ---- one row ---- */

static struct muster_datagram datagram_from(uint16_t port, enum muster_path_kind kind) {
    const struct muster_endpoint own = {.family = 4, .ip = {10, 0, 0, 2}, .port = 19798};
    return (struct muster_datagram){.source = {.family = 4, .ip = {10, 0, 0, 1}, .port = port},
                                    .destination =
                                        group_is_unicast(kind) ? own : group_control(kind, GROUP_LINK, 19797),
                                    .interface = INTERFACE,
                                    .ttl = 255};
}

static void note(struct peer *peer, uint16_t port, enum muster_path_kind kind, bool is_everywhere,
                 bool is_copy, uint64_t now_ms) {
    struct muster_datagram datagram = datagram_from(port, kind);
    assert_int_equal(peer_reserve_evidence(peer, &datagram), 0);
    peer_add_evidence(peer, &datagram,
                      (is_everywhere ? EVIDENCE_EVERYWHERE : 0u) | (is_copy ? EVIDENCE_COPY : 0u), now_ms);
}

static void an_announce_is_replaced(void **state) {
    (void)state;
    struct peer *peer = add(1, true);
    const struct message message = {.kind = MESSAGE_ANNOUNCE};
    assert_int_equal(peer_table_set_announce(&table, peer, &message, (const uint8_t *)"first", 5), 0);
    assert_int_equal(peer_table_set_announce(&table, peer, &message, (const uint8_t *)"other one", 9), 0);
    assert_int_equal(peer->announce_length, 9);
    assert_memory_equal(peer->announce, "other one", 9);
}

static void room_is_made_for_new_tuples_alone(void **state) {
    (void)state;
    struct peer *peer = add(1, true);
    const struct muster_datagram again = datagram_from(19798, MUSTER_PATH_M4);
    note(peer, 19798, MUSTER_PATH_M4, true, false, 1000);
    assert_int_equal(peer_reserve_evidence(peer, &again), 0);
    assert_true(malloc_usable_size(peer->tuples) < 2 * sizeof *peer->tuples);
}

static void evidence_is_kept_by_5_tuple(void **state) {
    (void)state;
    struct peer *peer = add(1, true);
    note(peer, 19798, MUSTER_PATH_M4, true, false, 1000);
    note(peer, 19798, MUSTER_PATH_B4, true, true, 1001);
    note(peer, 19798, MUSTER_PATH_M4, true, false, 2000);
    assert_int_equal(peer->tuple_count, 2);
    assert_int_equal(peer->tuples[0].count, 2);
    assert_int_equal(peer->tuples[0].last_ms, 2000);
    assert_int_equal(peer->tuples[1].count, 1);
    assert_int_equal(peer->received, 2);
    assert_int_equal(peer->copies, 1);
    assert_int_equal(peer_paths(peer), 1u << MUSTER_PATH_M4 | 1u << MUSTER_PATH_B4);
    note(peer, 19799, MUSTER_PATH_M4, true, false, 3000); /* another source port */
    assert_int_equal(peer->tuple_count, 3);
}

static void a_proof_belongs_to_its_source(void **state) {
    (void)state;
    struct peer *peer = add(1, true);
    struct muster_datagram datagram = datagram_from(19798, MUSTER_PATH_U4);
    note(peer, 19798, MUSTER_PATH_U4, false, false, 1000);
    assert_false(peer_is_proven_at(peer, &datagram.source));
    peer_add_evidence(peer, &datagram, EVIDENCE_PROOF, 1001);
    assert_true(peer_is_proven_at(peer, &datagram.source));
    datagram = datagram_from(19799, MUSTER_PATH_U4);
    assert_false(peer_is_proven_at(peer, &datagram.source));
}

static void strangers_without_a_key_are_few(void **state) {
    (void)state;
    table.unverified_max = 2;
    add(1, false);
    add(2, false);
    add(3, false);
    assert_null(find(1));
    assert_non_null(find(2));
    assert_non_null(find(3));
    assert_int_equal(table.evicted, 1);
    add(4, true);
    assert_int_equal(table.count, 3);
}

static void only_the_most_recent_tuples_are_kept(void **state) {
    (void)state;
    struct peer *peer = add(1, true);
    for (uint16_t i = 0; i < MUSTER_TUPLES_MAX; i++) {
        note(peer, (uint16_t)(20000 + i), MUSTER_PATH_M4, false, false, 1000u + i);
    }
    note(peer, 20000, MUSTER_PATH_M4, false, false, 2000); /* now the second one is the oldest */
    note(peer, 30000, MUSTER_PATH_M4, false, false, 2001);
    assert_int_equal(peer->tuple_count, MUSTER_TUPLES_MAX);
    assert_int_equal(peer->tuples[0].source.port, 20000);
    assert_int_equal(peer->tuples[1].source.port, 30000);
    assert_int_equal(peer->tuples[1].count, 1);
    assert_int_equal(peer->received, MUSTER_TUPLES_MAX + 2);
}

/* Else whoever passes on from many ports would have it forgotten where the peer itself answered. */
static void the_address_of_the_row_is_not_forgotten(void **state) {
    (void)state;
    struct peer *peer = add(1, true);
    struct muster_datagram datagram = datagram_from(19798, MUSTER_PATH_M4);
    peer_table_set_address(&table, peer, &datagram.source, INTERFACE);
    note(peer, 19798, MUSTER_PATH_M4, false, false, 1000);
    assert_false(peer_is_answered_at(peer, &datagram.source));
    peer_add_evidence(peer, &datagram, EVIDENCE_PROOF | EVIDENCE_ANSWER, 1001);
    for (uint16_t i = 0; i < 2 * MUSTER_TUPLES_MAX; i++) {
        note(peer, (uint16_t)(20000 + i), MUSTER_PATH_M4, false, false, 2000u + i);
    }
    assert_int_equal(peer->tuple_count, MUSTER_TUPLES_MAX);
    assert_int_equal(peer_heard_at_ms(peer, &datagram.source), 1001);
    assert_true(peer_is_answered_at(peer, &datagram.source));
    datagram = datagram_from(20000, MUSTER_PATH_M4);
    assert_int_equal(peer_heard_at_ms(peer, &datagram.source), 0);
}

static void the_loss_of_a_path_is_what_others_brought(void **state) {
    (void)state;
    struct peer *peer = add(1, true);
    note(peer, 19798, MUSTER_PATH_M4, true, false, 1000);
    note(peer, 19798, MUSTER_PATH_M4, true, false, 2000);
    note(peer, 19798, MUSTER_PATH_B4, true, false, 3000); /* its first message: nothing is missing yet */
    assert_true(tuple_loss(peer, &peer->tuples[1]) == 0);
    assert_true(tuple_loss(peer, &peer->tuples[0]) > 0.3);
    note(peer, 19798, MUSTER_PATH_M4, true, false, 4000);
    assert_true(tuple_loss(peer, &peer->tuples[0]) == 0.25);
    assert_true(tuple_loss(peer, &peer->tuples[1]) == 0.5);
    note(peer, 19798, MUSTER_PATH_M4, false, false, 5000); /* that one is on the primary path only */
    assert_true(tuple_loss(peer, &peer->tuples[1]) == 0.5);
}

static void an_earlier_boot_is_forgotten(void **state) {
    (void)state;
    struct peer *peer = add(1, true);
    note(peer, 19798, MUSTER_PATH_M4, true, false, 1000);
    peer->paths = 4;
    peer_clear_evidence(peer);
    assert_int_equal(peer->tuple_count, 0);
    assert_int_equal(peer->received, 0);
    assert_int_equal(peer->everywhere, 0);
    assert_int_equal(peer_paths(peer), 0);
    note(peer, 19798, MUSTER_PATH_B4, true, false, 2000);
    assert_true(tuple_loss(peer, &peer->tuples[0]) == 0);
}

static void states_and_events_have_names(void **state) {
    (void)state;
    assert_string_equal(muster_state_name(MUSTER_ALIVE), "alive");
    assert_string_equal(muster_state_name(MUSTER_SUSPECT), "suspect");
    assert_string_equal(muster_state_name(MUSTER_LOST), "lost");
    assert_string_equal(muster_state_name(MUSTER_LEFT), "left");
    assert_string_equal(muster_state_name((enum muster_state)99), "unknown");
    assert_string_equal(muster_peer_event_name(MUSTER_PEER_JOINED), "joined");
    assert_string_equal(muster_peer_event_name(MUSTER_PEER_CONFLICT), "conflict");
    assert_string_equal(muster_peer_event_name((enum muster_peer_event)99), "unknown");
}

/* ---- rows of one address ---- */

static void set_address(struct peer *peer, uint8_t number) {
    const struct muster_endpoint address = {.family = 4, .ip = {10, 0, 0, number}};
    peer_table_set_address(&table, peer, &address, 1);
}

static void few_rows_of_one_address_are_speakers(void **state) {
    (void)state;
    struct peer *peers[3 * MUSTER_SPEAKERS_PER_ADDRESS];
    const unsigned count = sizeof peers / sizeof *peers;
    table.peers_max = 100;
    for (unsigned n = 0; n < count; n++) {
        peers[n] = add(n, true);
        set_address(peers[n], 1);
    }
    assert_int_equal(table.speakers, MUSTER_SPEAKERS_PER_ADDRESS);
    set_address(peers[0], 2);
    assert_int_equal(table.speakers, MUSTER_SPEAKERS_PER_ADDRESS + 1);
    for (unsigned n = 1; n < count; n++) {
        peer_table_set_state(&table, peers[n], n % 2 == 0 ? MUSTER_SUSPECT : MUSTER_LOST);
    }
    assert_int_equal(table.speakers, MUSTER_SPEAKERS_PER_ADDRESS + 1);
    for (unsigned n = 1; n < count; n++) {
        peer_table_remove(&table, peers[n]);
    }
    assert_int_equal(table.speakers, 1);
    assert_int_equal(table.addresses.count, 1);
}

static void rows_are_counted_by_address(void **state) {
    (void)state;
    const struct muster_endpoint one = {.family = 4, .ip = {10, 0, 0, 1}};
    const struct muster_endpoint other = {.family = 4, .ip = {10, 0, 0, 2}};
    table.peers_max = MUSTER_PEERS_MAX;
    for (unsigned n = 0; n < MUSTER_ROWS_PER_ADDRESS; n++) {
        assert_int_equal(peer_table_rows_of(&table, &one), n);
        set_address(add(n, true), 1);
    }
    assert_int_equal(peer_table_rows_of(&table, &one), MUSTER_ROWS_PER_ADDRESS);
    assert_int_equal(peer_table_rows_of(&table, &other), 0);
}

static void the_oldest_row_of_an_address_without_a_proof_makes_room(void **state) {
    (void)state;
    const struct muster_endpoint address = {.family = 4, .ip = {10, 0, 0, 1}};
    table.peers_max = 100;
    set_address(add(1, true), 1);
    assert_false(peer_table_evict_at(&table, &address));
    set_address(add(2, false), 2); /* of another address */
    struct peer *pinned = add(3, false);
    pinned->pins = 1;
    set_address(pinned, 1);
    set_address(add(4, false), 1);
    struct peer *gone = add(5, true);
    set_address(gone, 1);
    peer_table_set_state(&table, gone, MUSTER_LEFT);
    assert_true(peer_table_evict_at(&table, &address));
    assert_null(find(4));
    assert_true(peer_table_evict_at(&table, &address));
    assert_null(find(5));
    assert_false(peer_table_evict_at(&table, &address));
    assert_int_equal(table.count, 3);
    pinned->pins = 0;
}

int main(void) {
#define TABLE_TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TABLE_TEST(a_row_is_found_by_its_id),
        TABLE_TEST(an_empty_table_has_nothing_due),
        TABLE_TEST(tombstones_are_not_present),
        TABLE_TEST(a_full_table_refuses),
        TABLE_TEST(tombstones_make_room_the_oldest_first),
        TABLE_TEST(unverified_rows_make_room_for_verified_ones),
        TABLE_TEST(suspects_make_no_room),
        TABLE_TEST(a_pinned_row_stays),
        TABLE_TEST(the_first_due_is_first_whatever_happens),
        TABLE_TEST(a_row_keeps_its_moment),
        TABLE_TEST(an_announce_is_replaced),
        TABLE_TEST(room_is_made_for_new_tuples_alone),
        TABLE_TEST(evidence_is_kept_by_5_tuple),
        TABLE_TEST(a_proof_belongs_to_its_source),
        TABLE_TEST(strangers_without_a_key_are_few),
        TABLE_TEST(only_the_most_recent_tuples_are_kept),
        TABLE_TEST(the_address_of_the_row_is_not_forgotten),
        TABLE_TEST(the_loss_of_a_path_is_what_others_brought),
        TABLE_TEST(an_earlier_boot_is_forgotten),
        TABLE_TEST(few_rows_of_one_address_are_speakers),
        TABLE_TEST(rows_are_counted_by_address),
        TABLE_TEST(the_oldest_row_of_an_address_without_a_proof_makes_room),
        TABLE_TEST(states_and_events_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
