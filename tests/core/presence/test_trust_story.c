/* What forgers, replayers and the careless cannot do. */
#include <stdio.h>
#include <string.h>

#include <sodium.h>

#include "cmocka_all.h"
#include "world.h"

#define BYTES_MAX 1401

static struct world world;

/* Datagrams that a stranger recorded. */
static struct {
    uint8_t bytes[BYTES_MAX];
    struct muster_datagram datagram;
} tape[64];
static size_t tape_count;
static const char *taped_kind;

static bool record(struct world *unused, size_t from, size_t to, const struct muster_datagram *datagram) {
    (void)unused;
    char kind[64];
    snprintf(kind, sizeof kind, "\"kind\":\"%s\"", taped_kind);
    bool is_wanted = from == 0 && to != from && tape_count < 64 &&
                     memmem(datagram->bytes, datagram->length, kind, strlen(kind)) != NULL;
    if (is_wanted) {
        memcpy(tape[tape_count].bytes, datagram->bytes, datagram->length);
        tape[tape_count].datagram = *datagram;
        tape[tape_count].datagram.bytes = tape[tape_count].bytes;
        tape_count++;
    }
    return false;
}

static void play(size_t to) {
    for (size_t i = 0; i < tape_count; i++) {
        world_inject(&world, to, &tape[i].datagram);
    }
}

static int begin(void **state) {
    (void)state;
    tape_count = 0;
    world_init(&world, 11);
    return 0;
}

static int end(void **state) {
    (void)state;
    world_deinit(&world);
    return 0;
}

#define UNSIGNED_ID "00112233445566778899aabbccddeeff"

static void say_announce(size_t to, const char *id, unsigned long boot, unsigned long seq, const char *name) {
    char text[512];
    snprintf(text, sizeof text,
             "{\"muster\":1,\"kind\":\"announce\",\"id\":\"%s\",\"boot\":%lu,\"seq\":%lu,\"rev\":%lu,"
             "\"next_ms\":2500,\"peers\":0,\"name\":\"%s\"}\n",
             id, boot, seq, seq, name);
    world_say(&world, to, text, 99, MUSTER_PATH_M4);
}

static void an_unsigned_peer_is_listed_as_such(void **state) {
    (void)state;
    world_add(&world, "a");
    say_announce(0, UNSIGNED_ID, 1, 1, "micro");
    world_run(&world, 10);
    assert_string_equal(world_story(&world), "a: joined micro\n");
    struct muster_peer row;
    assert_true(world_row(&world, 0, "micro", &row));
    assert_false(row.verified);
    world_run(&world, 8000);
    assert_string_equal(world_story(&world), "a: suspect micro\na: lost micro\n");
    say_announce(0, UNSIGNED_ID, 1, 2, "micro");
    world_run(&world, 10);
    assert_string_equal(world_story(&world), "a: returned micro\na: changed micro\n");
}

static void an_unsigned_peer_that_starts_again_with_a_smaller_boot_is_taken_when_silent(void **state) {
    (void)state;
    world_add(&world, "a");
    say_announce(0, UNSIGNED_ID, 9, 1, "micro");
    world_run(&world, 10);
    say_announce(0, UNSIGNED_ID, 5, 1, "micro");
    world_run(&world, 10);
    assert_string_equal(world_story(&world), "a: joined micro\n");
    assert_int_equal(world_drops(&world, 0, MUSTER_DROP_STALE), 1);
    world_run(&world, 8000);
    world_story(&world);
    say_announce(0, UNSIGNED_ID, 5, 2, "micro");
    world_run(&world, 10);
    assert_string_equal(world_story(&world), "a: restarted micro\n");
}

static void a_verified_row_hears_its_key_only(void **state) {
    (void)state;
    world_add(&world, "a");
    world_add(&world, "b");
    world_run(&world, 3000);
    world_story(&world);
    struct muster_peer row;
    assert_true(world_row(&world, 1, "a", &row));
    char id[MUSTER_ID_TEXT_BYTES];
    muster_id_text(row.id, id);
    say_announce(1, id, 1000000, 1000000, "mallory");
    char bye[256];
    snprintf(bye, sizeof bye, "{\"muster\":1,\"kind\":\"bye\",\"id\":\"%s\",\"boot\":1000000,\"seq\":1000}\n",
             id);
    world_say(&world, 1, bye, 99, MUSTER_PATH_M4);
    world_run(&world, 1000);
    assert_string_equal(world_story(&world), "");
    assert_int_equal(world_drops(&world, 1, MUSTER_DROP_SIGNATURE), 2);
}

static void a_changed_byte_is_noticed(void **state) {
    (void)state;
    world_add(&world, "a");
    world_add(&world, "b");
    taped_kind = "alive";
    world.is_lost = record;
    world_run(&world, 5000);
    assert_true(tape_count > 0);
    world_kill(&world, 0);
    uint64_t drops = world_drops(&world, 1, MUSTER_DROP_SIGNATURE);
    uint8_t *seq = memmem(tape[0].bytes, tape[0].datagram.length, "\"seq\":", 6);
    assert_non_null(seq);
    seq[6] = '9';
    tape_count = 1;
    play(1);
    world_run(&world, 5);
    assert_int_equal(world_drops(&world, 1, MUSTER_DROP_SIGNATURE), drops + 1);
}

static void a_replay_makes_no_row(void **state) {
    (void)state;
    world_add(&world, "a");
    taped_kind = "announce";
    world.is_lost = record;
    world_add(&world, "b");
    world_run(&world, 5000);
    assert_true(tape_count > 0);
    world_kill(&world, 0);
    size_t late = world_add(&world, "late");
    world_run(&world, 100);
    world_story(&world);
    play(late);
    world_run(&world, 3000);
    assert_null(strstr(world_story(&world), "late: joined a"));
    assert_true(world_drops(&world, late, MUSTER_DROP_UNKNOWN) > 0);
}

static void a_replay_wakes_no_dead(void **state) {
    (void)state;
    world_add(&world, "a");
    world_add(&world, "b");
    world_add(&world, "eavesdropper");
    world_run(&world, 5000);
    world.nodes[1].paths = 0;
    taped_kind = "alive";
    world.is_lost = record; /* b does not hear what is on this tape */
    world_run(&world, 4000);
    world_kill(&world, 0);
    assert_true(world_run_until(&world, 1, MUSTER_PEER_LOST, 1));
    world_story(&world);
    world.nodes[1].paths = 7;
    assert_true(tape_count > 0);
    play(1);
    world_run(&world, 3000);
    assert_null(strstr(world_story(&world), "b: returned a"));
    assert_int_equal(world_rows(&world, 1, MUSTER_LOST), 1);
}

static void a_replay_of_an_earlier_boot_changes_nothing(void **state) {
    (void)state;
    world_add(&world, "a");
    taped_kind = "announce";
    world.is_lost = record;
    world_add(&world, "b");
    world_run(&world, 5000);
    world.is_lost = NULL;
    struct muster_document document = {.name = "a"};
    struct muster_core_options options;
    world_options(&world, 0, &document, &options);
    world_start(&world, 0, &options);
    world_run(&world, 2000);
    world_story(&world);
    play(1);
    world_run(&world, 5000);
    assert_string_equal(world_story(&world), "");
    assert_true(world_drops(&world, 1, MUSTER_DROP_STALE) > 0);
}

/* A machine whose clock and state went back: its proof counts more than its boot. */
static void a_smaller_boot_is_taken_from_who_answers(void **state) {
    (void)state;
    world_add(&world, "a");
    world.nodes[0].boot = 1000;
    struct muster_document document = {.name = "a"};
    struct muster_core_options options;
    world_options(&world, 0, &document, &options);
    world_start(&world, 0, &options);
    world_add(&world, "b");
    world_run(&world, 3000);
    world_story(&world);
    world.nodes[0].boot = 10;
    world_options(&world, 0, &document, &options);
    world_start(&world, 0, &options);
    world_run(&world, 3000);
    assert_non_null(strstr(world_story(&world), "b: restarted a\n"));
    struct muster_peer row;
    assert_true(world_row(&world, 1, "a", &row));
    assert_int_equal(row.boot, 11);
}

static void an_answer_counts_for_a_question_of_ours_only(void **state) {
    (void)state;
    world_add(&world, "a");
    const char *answer = "{\"muster\":1,\"kind\":\"announce\",\"id\":\"" UNSIGNED_ID
                         "\",\"boot\":1,\"re\":\"0123456789abcdef\",\"rev\":1,\"next_ms\":2500,"
                         "\"peers\":0,\"name\":\"x\"}\n";
    world_say(&world, 0, answer, 99, MUSTER_PATH_U4);
    world_run(&world, 10);
    assert_int_equal(world_drops(&world, 0, MUSTER_DROP_UNASKED), 1);
    assert_string_equal(world_story(&world), "");
}

static void a_short_question_gets_no_long_answer(void **state) {
    (void)state;
    world_add(&world, "a");
    world_run(&world, 2000);
    uint64_t sent = world.sent;
    uint64_t answers = muster_core_counters(world.nodes[0].core)->answers;
    world_say(&world, 0,
              "{\"muster\":1,\"kind\":\"query\",\"id\":\"" UNSIGNED_ID
              "\",\"boot\":1,\"nonce\":\"0123456789abcdef\",\"want\":{}}\n",
              99, MUSTER_PATH_M4);
    world_run(&world, 50);
    assert_int_equal(world_drops(&world, 0, MUSTER_DROP_SHORT_QUESTION), 1);
    assert_int_equal(muster_core_counters(world.nodes[0].core)->answers, answers);
    assert_true(world.sent <= sent + 2);
}

/* The group's question may be asked by all, but only a peer that signed it spares us our own. */
static void nobody_talks_us_out_of_asking(void **state) {
    (void)state;
    world_add(&world, "a");
    world_add(&world, "b");
    world_run(&world, 5000);
    struct muster_peer row;
    assert_true(world_row(&world, 1, "a", &row));
    world_kill(&world, 0);
    assert_true(world_run_until(&world, 1, MUSTER_PEER_SUSPECT, 1));
    uint64_t questions = muster_core_counters(world.nodes[1].core)->questions;
    char id[MUSTER_ID_TEXT_BYTES];
    muster_id_text(row.id, id);
    for (int i = 0; i < 20; i++) {
        char query[256];
        snprintf(query, sizeof query,
                 "{\"muster\":1,\"kind\":\"query\",\"id\":\"" UNSIGNED_ID
                 "\",\"boot\":1,\"count\":%d,\"nonce\":\"0123456789abcdef\",\"of\":[\"%s\"]}\n",
                 i + 1, id);
        world_say(&world, 1, query, 99, MUSTER_PATH_M4);
        world_run(&world, 110);
    }
    world_run(&world, 2000);
    assert_int_equal(world.nodes[1].counts[MUSTER_PEER_LOST], 1);
    assert_true(muster_core_counters(world.nodes[1].core)->questions >= questions + 5);
}

static void a_recorded_question_counts_once(void **state) {
    (void)state;
    world_add(&world, "asker");
    world_add(&world, "b");
    size_t victim = world_add(&world, "victim");
    world_run(&world, 5000);
    taped_kind = "query";
    world.is_lost = record;
    world.nodes[victim].is_stopped = true;
    assert_true(world_run_until(&world, 0, MUSTER_PEER_LOST, 1));
    world.nodes[victim].is_stopped = false; /* its sleep over, it comes back */
    world_run(&world, 10000);
    assert_int_equal(world_rows(&world, 1, MUSTER_ALIVE), 2);
    assert_true(tape_count > 0);
    world_kill(&world, 0);
    world_kill(&world, victim);
    assert_true(world_run_until(&world, 1, MUSTER_PEER_SUSPECT, 2));
    uint64_t questions = muster_core_counters(world.nodes[1].core)->questions;
    for (int i = 0; i < 20; i++) {
        play(1);
        world_run(&world, 110);
    }
    assert_true(muster_core_counters(world.nodes[1].core)->questions >= questions + 5);
}

static void a_flood_silences_only_its_source(void **state) {
    (void)state;
    world_add(&world, "a");
    world_add(&world, "b");
    world_run(&world, 3000);
    world_story(&world);
    for (int i = 0; i < 5000; i++) {
        struct muster_datagram garbage = {.bytes = (const uint8_t *)"{garbage}\n",
                                          .length = 10,
                                          .source = {.family = 4, .ip = {10, 0, 0, 1}, .port = 5555},
                                          .destination = {.family = 4, .ip = {224, 0, 0, 254}, .port = 19797},
                                          .interface = 7,
                                          .ttl = 255};
        world_inject(&world, 1, &garbage);
        world_run(&world, 1);
    }
    assert_string_equal(world_story(&world), "");
    assert_true(world_drops(&world, 1, MUSTER_DROP_FLOOD) > 3000);
    assert_int_equal(world_drops(&world, 1, MUSTER_DROP_FLOOD) + world_drops(&world, 1, MUSTER_DROP_SYNTAX),
                     5000);
}

static void unverified_rows_never_push_out_verified_ones(void **state) {
    (void)state;
    world_add(&world, "a");
    struct muster_document document = {.name = "small"};
    size_t small = world_add(&world, "small");
    struct muster_core_options options;
    world_options(&world, small, &document, &options);
    options.peers_max = 4;
    world_start(&world, small, &options);
    world_run(&world, 500);
    for (unsigned i = 0; i < 20; i++) {
        char id[33];
        snprintf(id, sizeof id, "%032x", i + 1);
        say_announce(small, id, 1, 1, "sybil");
    }
    world_run(&world, 100);
    struct muster_peer row;
    assert_true(world_row(&world, small, "a", &row));
    assert_int_equal(world_rows(&world, small, MUSTER_ALIVE), 4);
    assert_true(world_drops(&world, small, MUSTER_DROP_TABLE_FULL) > 0);
    world_add(&world, "c");
    world_run(&world, 1000);
    assert_true(world_row(&world, small, "c", &row));
    assert_true(muster_core_counters(world.nodes[small].core)->evicted > 0);
}

/* A peer that got its key after it was first heard: the id is now certified, and stays so. */
static void a_key_takes_over_an_unverified_row(void **state) {
    (void)state;
    world_add(&world, "b");
    uint8_t key[MUSTER_KEY_BYTES];
    uint8_t secret[MUSTER_SECRET_BYTES];
    uint8_t seed[crypto_sign_SEEDBYTES];
    memset(seed, 2, sizeof seed); /* the key that world_add() gives to the second node */
    crypto_sign_seed_keypair(key, secret, seed);
    uint8_t raw[MUSTER_ID_BYTES];
    char id[MUSTER_ID_TEXT_BYTES];
    muster_id_of_key(key, raw);
    muster_id_text(raw, id);
    say_announce(0, id, 77, 1, "usurper");
    world_run(&world, 10);
    assert_string_equal(world_story(&world), "b: joined usurper\n");
    world_add(&world, "a");
    world_run(&world, 1000);
    struct muster_peer row;
    assert_false(world_row(&world, 0, "usurper", &row));
    assert_true(world_row(&world, 0, "a", &row));
    assert_true(row.verified);
    say_announce(0, id, 99, 9, "usurper");
    world_run(&world, 10);
    assert_false(world_row(&world, 0, "usurper", &row));
}

/* What was said may be passed on by anybody: the address shown is where the peer itself answers. */
static void who_passes_on_is_not_the_peer(void **state) {
    (void)state;
    world_add(&world, "a");
    world_add(&world, "b");
    world_run(&world, 3000);
    taped_kind = "alive";
    world.is_lost = record;
    world_run(&world, 3000);
    world.is_lost = NULL;
    assert_true(tape_count > 0);
    for (size_t i = 0; i < tape_count; i++) {
        tape[i].datagram.source.ip[3] = 99;
    }
    play(1); /* copies of what b heard */
    world_run(&world, 5);
    struct muster_peer row;
    assert_true(world_row(&world, 1, "a", &row));
    assert_int_equal(row.address.ip[3], 1);

    world.nodes[1].paths = 0;
    tape_count = 0;
    world_add(&world, "eavesdropper");
    world.is_lost = record; /* and what b did not hear itself */
    while (tape_count == 0) {
        world_run(&world, 100);
    }
    world.is_lost = NULL;
    world.nodes[1].paths = 7;
    tape[0].datagram.source.ip[3] = 99;
    tape_count = 1;
    play(1);
    world_run(&world, 2);
    assert_true(world_row(&world, 1, "a", &row));
    assert_int_equal(row.address.ip[3], 1);
    world_run(&world, 60000);
    assert_true(world_row(&world, 1, "a", &row));
    assert_int_equal(row.address.ip[3], 1);
}

static void a_new_address_is_taken_when_it_answers(void **state) {
    (void)state;
    world_add(&world, "a");
    world_add(&world, "b");
    world_run(&world, 3000);
    world.nodes[0].endpoint.ip[3] = 77;
    world_run(&world, 6000);
    struct muster_peer row;
    assert_true(world_row(&world, 1, "a", &row));
    assert_int_equal(row.address.ip[3], 77);
    assert_int_equal(row.state, MUSTER_ALIVE);
}

/* The recording of a start that was missed revives nobody. */
static void a_replay_of_a_later_boot_changes_nothing(void **state) {
    (void)state;
    world_add(&world, "a");
    world_add(&world, "b");
    world_add(&world, "eavesdropper");
    world_run(&world, 3000);
    world.nodes[1].paths = 0;
    taped_kind = "announce";
    world.is_lost = record;
    struct muster_document document = {.name = "a"};
    struct muster_core_options options;
    world_options(&world, 0, &document, &options);
    world_start(&world, 0, &options);
    world_run(&world, 2000);
    world_kill(&world, 0);
    assert_true(world_run_until(&world, 1, MUSTER_PEER_LOST, 1));
    world.is_lost = NULL;
    world.nodes[1].paths = 7;
    world_story(&world);
    assert_true(tape_count > 0);
    play(1);
    world_run(&world, 5000);
    assert_null(strstr(world_story(&world), "b: restarted a"));
}

/* Who answers every signed message of another with an unsigned announce of that id does not keep it out. */
static void an_unsigned_announce_keeps_no_key_holder_out(void **state) {
    (void)state;
    world_add(&world, "b");
    world_add(&world, "a");
    char id[MUSTER_ID_TEXT_BYTES];
    uint8_t bytes[MUSTER_ID_BYTES];
    muster_core_id(world.nodes[1].core, bytes);
    muster_id_text(bytes, id);
    for (int i = 0; i < 100; i++) {
        say_announce(0, id, 1, (unsigned long)i + 1, "usurper");
        world_run(&world, 5);
    }
    world_run(&world, 3000);
    struct muster_peer row;
    assert_true(world_row(&world, 0, "a", &row));
    assert_true(row.verified);
    assert_false(world_row(&world, 0, "usurper", &row));
}

static void a_stranger_sets_nobodys_loss(void **state) {
    (void)state;
    world_add(&world, "a");
    world_add(&world, "b");
    world_run(&world, 5000);
    for (unsigned long i = 0; i < 60; i++) {
        say_announce(1, UNSIGNED_ID, 1, 1 + 7 * i, "liar");
        world_run(&world, 500);
    }
    struct muster_peer row;
    assert_true(world_row(&world, 1, "a", &row));
    world_kill(&world, 0);
    uint64_t killed_ms = world.now_ms;
    while (world_rows(&world, 1, MUSTER_LOST) == 0 && world.now_ms < killed_ms + 60000) {
        world_run(&world, 100);
    }
    assert_true(world.now_ms - killed_ms < (uint64_t)row.next_ms + 3000);
}

int main(void) {
#define STORY(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        STORY(an_unsigned_peer_is_listed_as_such),
        STORY(an_unsigned_peer_that_starts_again_with_a_smaller_boot_is_taken_when_silent),
        STORY(a_verified_row_hears_its_key_only),
        STORY(a_changed_byte_is_noticed),
        STORY(a_replay_makes_no_row),
        STORY(a_replay_wakes_no_dead),
        STORY(a_replay_of_an_earlier_boot_changes_nothing),
        STORY(a_smaller_boot_is_taken_from_who_answers),
        STORY(an_answer_counts_for_a_question_of_ours_only),
        STORY(a_short_question_gets_no_long_answer),
        STORY(nobody_talks_us_out_of_asking),
        STORY(a_recorded_question_counts_once),
        STORY(a_flood_silences_only_its_source),
        STORY(unverified_rows_never_push_out_verified_ones),
        STORY(a_key_takes_over_an_unverified_row),
        STORY(who_passes_on_is_not_the_peer),
        STORY(a_new_address_is_taken_when_it_answers),
        STORY(a_replay_of_a_later_boot_changes_nothing),
        STORY(an_unsigned_announce_keeps_no_key_holder_out),
        STORY(a_stranger_sets_nobodys_loss),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
