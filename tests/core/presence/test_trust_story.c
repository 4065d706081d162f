/* What forgers, replayers and the careless cannot do. */
#include <stdio.h>
#include <string.h>

#include <sodium.h>

#include "test.h"
#include "world.h"

#define BYTES_MAX 1401

/* Datagrams that a stranger recorded. */
static struct {
    uint8_t bytes[BYTES_MAX];
    struct muster_datagram datagram;
} tape[64];
static size_t tape_count;
static const char *taped_kind;

static bool record(size_t from, size_t to, const struct muster_datagram *datagram) {
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
        world_inject(to, &tape[i].datagram);
    }
}

static void begin(void) {
    tape_count = 0;
    world_begin(11);
}

#define UNSIGNED_ID "00112233445566778899aabbccddeeff"

static void say_announce(size_t to, const char *id, unsigned long boot, unsigned long seq, const char *name) {
    char text[512];
    snprintf(text, sizeof text,
             "{\"muster\":1,\"kind\":\"announce\",\"id\":\"%s\",\"boot\":%lu,\"seq\":%lu,\"rev\":%lu,"
             "\"next_ms\":2500,\"peers\":0,\"name\":\"%s\"}\n",
             id, boot, seq, seq, name);
    world_say(to, text, 99, MUSTER_PATH_M4);
}

TEST(an_unsigned_peer_is_listed_as_such) {
    world_add("a");
    say_announce(0, UNSIGNED_ID, 1, 1, "micro");
    world_run(10);
    assert_string_equal(world_story(), "a: joined micro\n");
    struct muster_peer row;
    assert_true(world_row(0, "micro", &row));
    assert_false(row.verified);
    world_run(8000);
    assert_string_equal(world_story(), "a: suspect micro\na: lost micro\n");
    say_announce(0, UNSIGNED_ID, 1, 2, "micro");
    world_run(10);
    assert_string_equal(world_story(), "a: returned micro\na: changed micro\n");
}

TEST(an_unsigned_peer_that_starts_again_with_a_smaller_boot_is_taken_when_silent) {
    world_add("a");
    say_announce(0, UNSIGNED_ID, 9, 1, "micro");
    world_run(10);
    say_announce(0, UNSIGNED_ID, 5, 1, "micro");
    world_run(10);
    assert_string_equal(world_story(), "a: joined micro\n");
    assert_int_equal(world_drops(0, MUSTER_DROP_STALE), 1);
    world_run(8000);
    world_story();
    say_announce(0, UNSIGNED_ID, 5, 2, "micro");
    world_run(10);
    assert_string_equal(world_story(), "a: restarted micro\n");
}

TEST(a_verified_row_hears_its_key_only) {
    world_add("a");
    world_add("b");
    world_run(3000);
    world_story();
    struct muster_peer row;
    assert_true(world_row(1, "a", &row));
    char id[MUSTER_ID_TEXT_BYTES];
    muster_id_text(row.id, id);
    say_announce(1, id, 1000000, 1000000, "mallory");
    char bye[256];
    snprintf(bye, sizeof bye, "{\"muster\":1,\"kind\":\"bye\",\"id\":\"%s\",\"boot\":1000000,\"seq\":1000}\n",
             id);
    world_say(1, bye, 99, MUSTER_PATH_M4);
    world_run(1000);
    assert_string_equal(world_story(), "");
    assert_int_equal(world_drops(1, MUSTER_DROP_SIGNATURE), 2);
}

TEST(a_changed_byte_is_noticed) {
    world_add("a");
    world_add("b");
    taped_kind = "alive";
    world.is_lost = record;
    world_run(5000);
    assert_true(tape_count > 0);
    world_kill(0);
    uint64_t drops = world_drops(1, MUSTER_DROP_SIGNATURE);
    uint8_t *seq = memmem(tape[0].bytes, tape[0].datagram.length, "\"seq\":", 6);
    assert_non_null(seq);
    seq[6] = '9';
    tape_count = 1;
    play(1);
    world_run(5);
    assert_int_equal(world_drops(1, MUSTER_DROP_SIGNATURE), drops + 1);
}

TEST(a_replay_makes_no_row) {
    world_add("a");
    taped_kind = "announce";
    world.is_lost = record;
    world_add("b");
    world_run(5000);
    assert_true(tape_count > 0);
    world_kill(0);
    size_t late = world_add("late");
    world_run(100);
    world_story();
    play(late);
    world_run(3000);
    assert_null(strstr(world_story(), "late: joined a"));
    assert_true(world_drops(late, MUSTER_DROP_UNKNOWN) > 0);
}

TEST(a_replay_wakes_no_dead) {
    world_add("a");
    world_add("b");
    world_add("eavesdropper");
    world_run(5000);
    world.nodes[1].paths = 0;
    taped_kind = "alive";
    world.is_lost = record; /* b does not hear what is on this tape */
    world_run(4000);
    world_kill(0);
    assert_true(world_run_until(1, MUSTER_PEER_LOST, 1));
    world_story();
    world.nodes[1].paths = 7;
    assert_true(tape_count > 0);
    play(1);
    world_run(3000);
    assert_null(strstr(world_story(), "b: returned a"));
    assert_int_equal(world_rows(1, MUSTER_LOST), 1);
}

TEST(a_replay_of_an_earlier_boot_changes_nothing) {
    world_add("a");
    taped_kind = "announce";
    world.is_lost = record;
    world_add("b");
    world_run(5000);
    world.is_lost = NULL;
    struct muster_document document = {.name = "a"};
    struct muster_core_options options;
    world_options(0, &document, &options);
    world_start(0, &options);
    world_run(2000);
    world_story();
    play(1);
    world_run(5000);
    assert_string_equal(world_story(), "");
    assert_true(world_drops(1, MUSTER_DROP_STALE) > 0);
}

/* A machine whose clock and state went back: its proof counts more than its boot. */
TEST(a_smaller_boot_is_taken_from_who_answers) {
    world_add("a");
    world.nodes[0].boot = 1000;
    struct muster_document document = {.name = "a"};
    struct muster_core_options options;
    world_options(0, &document, &options);
    world_start(0, &options);
    world_add("b");
    world_run(3000);
    world_story();
    world.nodes[0].boot = 10;
    world_options(0, &document, &options);
    world_start(0, &options);
    world_run(3000);
    assert_non_null(strstr(world_story(), "b: restarted a\n"));
    struct muster_peer row;
    assert_true(world_row(1, "a", &row));
    assert_int_equal(row.boot, 11);
}

TEST(an_answer_counts_for_a_question_of_ours_only) {
    world_add("a");
    const char *answer = "{\"muster\":1,\"kind\":\"announce\",\"id\":\"" UNSIGNED_ID
                         "\",\"boot\":1,\"re\":\"0123456789abcdef\",\"rev\":1,\"next_ms\":2500,"
                         "\"peers\":0,\"name\":\"x\"}\n";
    world_say(0, answer, 99, MUSTER_PATH_U4);
    world_run(10);
    assert_int_equal(world_drops(0, MUSTER_DROP_UNASKED), 1);
    assert_string_equal(world_story(), "");
}

TEST(a_short_question_gets_no_long_answer) {
    world_add("a");
    world_run(2000);
    uint64_t sent = world.sent;
    uint64_t answers = muster_core_counters(world.nodes[0].core)->answers;
    world_say(0,
              "{\"muster\":1,\"kind\":\"query\",\"id\":\"" UNSIGNED_ID
              "\",\"boot\":1,\"nonce\":\"0123456789abcdef\",\"want\":{}}\n",
              99, MUSTER_PATH_M4);
    world_run(50);
    assert_int_equal(world_drops(0, MUSTER_DROP_SHORT_QUESTION), 1);
    assert_int_equal(muster_core_counters(world.nodes[0].core)->answers, answers);
    assert_true(world.sent <= sent + 2);
}

/* The group's question may be asked by all, but only a peer that signed it spares us our own. */
TEST(nobody_talks_us_out_of_asking) {
    world_add("a");
    world_add("b");
    world_run(5000);
    struct muster_peer row;
    assert_true(world_row(1, "a", &row));
    world_kill(0);
    assert_true(world_run_until(1, MUSTER_PEER_SUSPECT, 1));
    uint64_t questions = muster_core_counters(world.nodes[1].core)->questions;
    char id[MUSTER_ID_TEXT_BYTES];
    muster_id_text(row.id, id);
    for (int i = 0; i < 20; i++) {
        char query[256];
        snprintf(query, sizeof query,
                 "{\"muster\":1,\"kind\":\"query\",\"id\":\"" UNSIGNED_ID
                 "\",\"boot\":1,\"count\":%d,\"nonce\":\"0123456789abcdef\",\"of\":[\"%s\"]}\n",
                 i + 1, id);
        world_say(1, query, 99, MUSTER_PATH_M4);
        world_run(110);
    }
    world_run(2000);
    assert_int_equal(world.nodes[1].counts[MUSTER_PEER_LOST], 1);
    assert_true(muster_core_counters(world.nodes[1].core)->questions >= questions + 5);
}

TEST(a_recorded_question_counts_once) {
    world_add("asker");
    world_add("b");
    size_t victim = world_add("victim");
    world_run(5000);
    taped_kind = "query";
    world.is_lost = record;
    world.nodes[victim].is_stopped = true;
    assert_true(world_run_until(0, MUSTER_PEER_LOST, 1));
    world.nodes[victim].is_stopped = false; /* its sleep over, it comes back */
    world_run(10000);
    assert_int_equal(world_rows(1, MUSTER_ALIVE), 2);
    assert_true(tape_count > 0);
    world_kill(0);
    world_kill(victim);
    assert_true(world_run_until(1, MUSTER_PEER_SUSPECT, 2));
    uint64_t questions = muster_core_counters(world.nodes[1].core)->questions;
    for (int i = 0; i < 20; i++) {
        play(1);
        world_run(110);
    }
    assert_true(muster_core_counters(world.nodes[1].core)->questions >= questions + 5);
}

TEST(a_flood_silences_only_its_source) {
    world_add("a");
    world_add("b");
    world_run(3000);
    world_story();
    for (int i = 0; i < 5000; i++) {
        struct muster_datagram garbage = {.bytes = (const uint8_t *)"{garbage}\n",
                                          .length = 10,
                                          .source = {.family = 4, .ip = {10, 0, 0, 1}, .port = 5555},
                                          .destination = {.family = 4, .ip = {224, 0, 0, 254}, .port = 19797},
                                          .interface = 7,
                                          .ttl = 255};
        world_inject(1, &garbage);
        world_run(1);
    }
    assert_string_equal(world_story(), "");
    assert_true(world_drops(1, MUSTER_DROP_FLOOD) > 3000);
    assert_int_equal(world_drops(1, MUSTER_DROP_FLOOD) + world_drops(1, MUSTER_DROP_SYNTAX), 5000);
}

TEST(unverified_rows_never_push_out_verified_ones) {
    world_add("a");
    struct muster_document document = {.name = "small"};
    size_t small = world_add("small");
    struct muster_core_options options;
    world_options(small, &document, &options);
    options.peers_max = 4;
    world_start(small, &options);
    world_run(500);
    for (unsigned i = 0; i < 20; i++) {
        char id[33];
        snprintf(id, sizeof id, "%032x", i + 1);
        say_announce(small, id, 1, 1, "sybil");
    }
    world_run(100);
    struct muster_peer row;
    assert_true(world_row(small, "a", &row));
    assert_int_equal(world_rows(small, MUSTER_ALIVE), 4);
    assert_true(world_drops(small, MUSTER_DROP_TABLE_FULL) > 0);
    world_add("c");
    world_run(1000);
    assert_true(world_row(small, "c", &row));
    assert_true(muster_core_counters(world.nodes[small].core)->evicted > 0);
}

/* A peer that got its key after it was first heard: the id is now certified, and stays so. */
TEST(a_key_takes_over_an_unverified_row) {
    world_add("b");
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
    world_run(10);
    assert_string_equal(world_story(), "b: joined usurper\n");
    world_add("a");
    world_run(1000);
    struct muster_peer row;
    assert_false(world_row(0, "usurper", &row));
    assert_true(world_row(0, "a", &row));
    assert_true(row.verified);
    say_announce(0, id, 99, 9, "usurper");
    world_run(10);
    assert_false(world_row(0, "usurper", &row));
}

/* What was said may be passed on by anybody: the address shown is where the peer itself answers. */
TEST(who_passes_on_is_not_the_peer) {
    world_add("a");
    world_add("b");
    world_run(3000);
    taped_kind = "alive";
    world.is_lost = record;
    world_run(3000);
    world.is_lost = NULL;
    assert_true(tape_count > 0);
    for (size_t i = 0; i < tape_count; i++) {
        tape[i].datagram.source.ip[3] = 99;
    }
    play(1); /* copies of what b heard */
    world_run(5);
    struct muster_peer row;
    assert_true(world_row(1, "a", &row));
    assert_int_equal(row.address.ip[3], 1);

    world.nodes[1].paths = 0;
    tape_count = 0;
    world_add("eavesdropper");
    world.is_lost = record; /* and what b did not hear itself */
    while (tape_count == 0) {
        world_run(100);
    }
    world.is_lost = NULL;
    world.nodes[1].paths = 7;
    tape[0].datagram.source.ip[3] = 99;
    tape_count = 1;
    play(1);
    world_run(2);
    assert_true(world_row(1, "a", &row));
    assert_int_equal(row.address.ip[3], 1);
    world_run(60000);
    assert_true(world_row(1, "a", &row));
    assert_int_equal(row.address.ip[3], 1);
}

TEST(a_new_address_is_taken_when_it_answers) {
    world_add("a");
    world_add("b");
    world_run(3000);
    world.nodes[0].endpoint.ip[3] = 77;
    world_run(6000);
    struct muster_peer row;
    assert_true(world_row(1, "a", &row));
    assert_int_equal(row.address.ip[3], 77);
    assert_int_equal(row.state, MUSTER_ALIVE);
}

/* The recording of a start that was missed revives nobody. */
TEST(a_replay_of_a_later_boot_changes_nothing) {
    world_add("a");
    world_add("b");
    world_add("eavesdropper");
    world_run(3000);
    world.nodes[1].paths = 0;
    taped_kind = "announce";
    world.is_lost = record;
    struct muster_document document = {.name = "a"};
    struct muster_core_options options;
    world_options(0, &document, &options);
    world_start(0, &options);
    world_run(2000);
    world_kill(0);
    assert_true(world_run_until(1, MUSTER_PEER_LOST, 1));
    world.is_lost = NULL;
    world.nodes[1].paths = 7;
    world_story();
    assert_true(tape_count > 0);
    play(1);
    world_run(5000);
    assert_null(strstr(world_story(), "b: restarted a"));
}

/* Who answers every signed message of another with an unsigned announce of that id does not keep it out. */
TEST(an_unsigned_announce_keeps_no_key_holder_out) {
    world_add("b");
    world_add("a");
    char id[MUSTER_ID_TEXT_BYTES];
    uint8_t bytes[MUSTER_ID_BYTES];
    muster_core_id(world.nodes[1].core, bytes);
    muster_id_text(bytes, id);
    for (int i = 0; i < 100; i++) {
        say_announce(0, id, 1, (unsigned long)i + 1, "usurper");
        world_run(5);
    }
    world_run(3000);
    struct muster_peer row;
    assert_true(world_row(0, "a", &row));
    assert_true(row.verified);
    assert_false(world_row(0, "usurper", &row));
}

TEST(a_stranger_sets_nobodys_loss) {
    world_add("a");
    world_add("b");
    world_run(5000);
    for (unsigned long i = 0; i < 60; i++) {
        say_announce(1, UNSIGNED_ID, 1, 1 + 7 * i, "liar");
        world_run(500);
    }
    struct muster_peer row;
    assert_true(world_row(1, "a", &row));
    world_kill(0);
    uint64_t killed_ms = world.now_ms;
    while (world_rows(1, MUSTER_LOST) == 0 && world.now_ms < killed_ms + 60000) {
        world_run(100);
    }
    assert_true(world.now_ms - killed_ms < (uint64_t)row.next_ms + 3000);
}

int main(void) {
    return test_run(begin, world_end);
}
