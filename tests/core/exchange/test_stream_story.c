/* Who joins a crowd takes the table of one that is there, and believes of it only what it must. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "limit.h"
#include "node.h"
#include "test.h"
#include "world.h"

/* ---- signatures that cost little and hold or do not hold nevertheless ---- */

static int sign(void *context, const uint8_t *bytes, size_t length,
                uint8_t signature[MUSTER_SIGNATURE_BYTES]) {
    const uint8_t *secret = context;
    const uint8_t *key = secret + MUSTER_SECRET_BYTES - MUSTER_KEY_BYTES; /* of Ed25519 it is its tail */
    return crypto_generichash(signature, MUSTER_SIGNATURE_BYTES, bytes, length, key, MUSTER_KEY_BYTES);
}

static int verify(void *context, const uint8_t key[MUSTER_KEY_BYTES], const uint8_t *bytes, size_t length,
                  const uint8_t signature[MUSTER_SIGNATURE_BYTES]) {
    (void)context;
    uint8_t expected[MUSTER_SIGNATURE_BYTES];
    crypto_generichash(expected, sizeof expected, bytes, length, key, MUSTER_KEY_BYTES);
    return memcmp(signature, expected, sizeof expected) == 0 ? 0 : MUSTER_ECRYPTO;
}

static const struct muster_crypto cheap_crypto = {.sign = sign, .verify = verify};

static void begin(void) {
    world_begin(1);
    world.has_streams = true;
    world.crypto = &cheap_crypto;
}

static const struct muster_counters *counters(size_t index) {
    return muster_core_counters(world.nodes[index].core);
}

static size_t alive(size_t index) {
    return world_rows(index, MUSTER_ALIVE);
}

static size_t provisional(size_t index) {
    struct muster_peer_list list;
    assert_int_equal(muster_core_peers(world.nodes[index].core, &list), 0);
    size_t count = 0;
    for (size_t i = 0; i < list.count; i++) {
        count += list.peers[i].provisional ? 1 : 0;
    }
    muster_peer_list_free(&list);
    return count;
}

static bool has_row(size_t index, const char *name) {
    struct muster_peer row;
    return world_row(index, name, &row);
}

static void check_books(void) {
    for (size_t i = 0; i < world.count; i++) {
        uint64_t counted = counters(i)->accepted + counters(i)->copies;
        for (int drop = 0; drop < MUSTER_DROP_COUNT; drop++) {
            counted += counters(i)->drops[drop];
        }
        assert_int_equal(counters(i)->received, counted);
    }
}

/* ---- a real crowd ---- */

#define CROWD 100

/* One copy of each message is enough here, and one's own echo is dropped anyway. */
static bool is_superfluous(size_t from, size_t to, const struct muster_datagram *datagram) {
    return from == to || datagram->destination.ip[0] == 255;
}

/* Three quarters of them have a key. */
static void gather(size_t count) {
    world.is_lost = is_superfluous;
    for (size_t i = 0; i < count; i++) {
        char name[16];
        snprintf(name, sizeof name, i % 4 == 3 ? "n%zu!" : "n%zu", i);
        size_t index = world_add(name);
        world.nodes[index].is_quiet = true;
    }
    size_t missing = 1;
    for (unsigned second = 0; missing > 0; second++) {
        assert_true(second < 30);
        world_run(1000);
        missing = 0;
        for (size_t i = 0; i < count; i++) {
            missing += alive(i) < count - 1 || provisional(i) > 0 ? 1 : 0;
        }
    }
}

static size_t join(const char *name) {
    size_t index = world_add(name);
    world.nodes[index].is_quiet = true;
    return index;
}

static void a_joiner_takes_one_table(void) {
    uint64_t sent = world.sent;
    size_t joiner = join("joiner");
    world_run(1000);
    assert_int_equal(alive(joiner), CROWD);
    assert_int_equal(counters(joiner)->tables, 1);
    assert_int_equal(counters(joiner)->fetches_failed, 0);
    assert_int_equal(world.nodes[joiner].opened, 1);
    assert_true(provisional(joiner) > CROWD / 2);
    print_message("%llu datagrams by all in the joiner's first second, %zu rows provisional\n",
                  (unsigned long long)(world.sent - sent), provisional(joiner));
    assert_true(presence_describe(world.nodes[joiner].core).peers < CROWD);
    /* Their own answers prove them. */
    for (unsigned second = 0; provisional(joiner) > 0; second++) {
        assert_true(second < 20);
        world_run(1000);
    }
    assert_int_equal(alive(joiner), CROWD);
    assert_int_equal(presence_describe(world.nodes[joiner].core).peers, CROWD);
    for (size_t i = 0; i < world.count; i++) {
        assert_int_equal(world.nodes[i].counts[MUSTER_PEER_LOST], 0);
        assert_int_equal(alive(i), CROWD);
    }
}

static void an_observer_settles_with_all_rows(void) {
    size_t present = world.count;
    size_t observer = join("?");
    const struct muster_command query = {.kind = MUSTER_COMMAND_QUERY};
    assert_int_equal(world_command(observer, &query), 0);
    uint64_t began_ms = world.now_ms;
    while (world.nodes[observer].settled == 0) {
        assert_true(world.now_ms < began_ms + 2100);
        world_run(10);
    }
    print_message("settled after %llu ms\n", (unsigned long long)(world.now_ms - began_ms));
    assert_int_equal(alive(observer), present);
    assert_true(world.now_ms < began_ms + 200); /* a window of 104 ms, for a table was taken */
    world.nodes[observer].is_stopped = true;
}

/* Who is dead when it is told of is not asked for: nobody makes a listener ask for whomever he has invented.
 */
static void a_dead_peer_of_a_table_is_lost(void) {
    size_t dead = 5;
    world_kill(dead);
    size_t joiner = join("second");
    world_run(1000);
    struct muster_peer row;
    assert_true(world_row(joiner, world.nodes[dead].name, &row));
    assert_true(row.provisional);
    assert_int_equal(row.state, MUSTER_ALIVE);
    assert_true(world_run_until(joiner, MUSTER_PEER_LOST, 1));
    assert_true(world_row(joiner, world.nodes[dead].name, &row));
    assert_true(row.provisional);
    assert_int_equal(row.state, MUSTER_LOST);
    assert_int_equal(world.nodes[joiner].counts[MUSTER_PEER_SUSPECT], 0);
    assert_int_equal(world.nodes[joiner].counts[MUSTER_PEER_LOST], 1);
}

TEST(a_crowd_is_joined) {
    gather(CROWD);
    a_joiner_takes_one_table();
    an_observer_settles_with_all_rows();
    a_dead_peer_of_a_table_is_lost();
    check_books();
}

TEST(who_has_no_streams_joins_a_crowd_all_the_same) {
    world.is_lost = is_superfluous;
    for (size_t i = 0; i < 70; i++) {
        char name[16];
        snprintf(name, sizeof name, "n%zu", i);
        world.has_streams = i % 2 == 0;
        world.nodes[world_add(name)].is_quiet = true;
    }
    world_run(6000);
    world.has_streams = false;
    size_t joiner = join("joiner");
    world_run(2000);
    assert_int_equal(alive(joiner), 70);
    assert_int_equal(provisional(joiner), 0);
}

/* ---- a few who each say to hold many: the others are only told of ---- */

#define HELD 80

/* An unsigned announce as a line, the last one that was said. */
static void tell_of(char *text, size_t size, unsigned number, uint64_t next_ms) {
    snprintf(text, size,
             "{\"muster\":1,\"kind\":\"announce\",\"id\":\"%032x\",\"boot\":1,\"seq\":%zu,\"rev\":1,"
             "\"next_ms\":%llu,\"peers\":0,\"name\":\"x%u\"}\n",
             number + 1, world.count, (unsigned long long)next_ms, number);
}

/* Adds a node that has heard of so many peers. */
static size_t add_holder(const char *name, unsigned held) {
    size_t index = join(name);
    for (unsigned i = 0; i < held; i++) {
        char text[512];
        tell_of(text, sizeof text, i, MUSTER_NEXT_MS_MAX);
        world_say(index, text, (uint8_t)(100 + i % 100), MUSTER_PATH_M4);
        world_run(2);
    }
    return index;
}

/* Tells of a row on a stream, the announce being `lines` of text. */
static void give_row(struct pipe *pipe, const char *state, unsigned lines, const char *text,
                     const char *more) {
    char head[256];
    snprintf(head, sizeof head,
             "{\"peer\":{\"id\":\"%032x\",\"state\":\"%s\",\"address\":\"10.0.0.77\",\"port\":19798%s},"
             "\"lines\":%u}\n",
             1, state, more, lines);
    pipe_say(pipe, head);
    pipe_say(pipe, text);
}

#define FRESH ",\"age_ms\":10,\"next_ms\":2000"

static void give_rows(struct pipe *pipe, unsigned first, unsigned count) {
    for (unsigned i = first; i < first + count; i++) {
        char text[512];
        tell_of(text, sizeof text, i, 2500);
        give_row(pipe, "alive", 1, text, FRESH);
    }
}

static void give_end(struct pipe *pipe, unsigned count) {
    char text[64];
    snprintf(text, sizeof text, "{\"end\":\"done\",\"count\":%u}\n", count);
    pipe_say(pipe, text);
}

/* Runs a joiner against a source that is a script, and one that is honest; what the script's says to hold
 * makes the joiner ask it, whoever answers first. Returns the joiner. */
static size_t join_beside(pipe_script script, bool is_silent) {
    size_t liar = add_holder("liar", HELD + 20);
    size_t honest = add_holder("honest", HELD);
    (void)honest;
    world_run(3000);
    world.nodes[liar].script = script;
    world.nodes[liar].is_silent = is_silent;
    return join("joiner");
}

static void assert_got_all(size_t joiner, uint64_t failed) {
    world_run(1000);
    if (failed > 0 && !has_row(joiner, "x79")) { /* who stalls is waited for a second */
        world_run(1000);
    }
    for (unsigned i = 0; i < HELD; i++) {
        char name[16];
        snprintf(name, sizeof name, "x%u", i);
        if (!has_row(joiner, name)) {
            fail_msg("%s lacks, of %zu rows", name, alive(joiner));
        }
    }
    assert_true(has_row(joiner, "liar"));
    assert_true(has_row(joiner, "honest"));
    assert_int_equal(counters(joiner)->fetches_failed, failed);
    assert_true(counters(joiner)->tables >= 1);
    check_books();
}

#define SCRIPT(name)                                                            \
    static void name(struct pipe *pipe, enum muster_stream_event event) {       \
        if (event != MUSTER_STREAM_BYTES || strchr(pipe->text, '\n') == NULL) { \
            return;                                                             \
        }
#define SCRIPT_END }

SCRIPT(say_garbage)
for (unsigned i = 0; i < 100; i++) {
    pipe_say(pipe, "\x01garbage\n");
}
SCRIPT_END

TEST(garbage_is_no_table) {
    assert_got_all(join_beside(say_garbage, false), 1);
}

SCRIPT(say_bad_rows)
for (unsigned i = 0; i < 10; i++) {
    give_row(pipe, "alive", 1, "{\"muster\":2,\"of\":\"the future\"}\n", FRESH);
    give_row(pipe, "asleep", 1, "{}\n", FRESH);
    give_row(pipe, "alive", 2, "\xff\n\x02\n", FRESH);
}
give_rows(pipe, 500, 1);
give_end(pipe, 31);
SCRIPT_END

TEST(rows_that_say_nothing_here_are_left_out) {
    size_t joiner = join_beside(say_bad_rows, false);
    assert_got_all(joiner, 0);
    assert_int_equal(counters(joiner)->tables, 2);
    assert_true(has_row(joiner, "x500"));
}

/* A peer that nobody has heard, with its key, but a signature of something else. */
static void say_forged(struct pipe *pipe, unsigned number) {
    uint8_t key[MUSTER_KEY_BYTES] = {0};
    uint8_t id[MUSTER_ID_BYTES];
    char id_text[MUSTER_ID_TEXT_BYTES];
    char key_text[64];
    char text[1024];
    char zeros[87];
    memset(zeros, 'A', sizeof zeros - 1);
    zeros[sizeof zeros - 1] = '\0';
    memcpy(key, &number, sizeof number);
    muster_id_of_key(key, id);
    muster_id_text(id, id_text);
    sodium_bin2base64(key_text, sizeof key_text, key, sizeof key, sodium_base64_VARIANT_ORIGINAL);
    snprintf(
        text, sizeof text,
        "{\"muster\":1,\"kind\":\"announce\",\"id\":\"%s\",\"boot\":1,\"seq\":1,\"rev\":1,\"next_ms\":2500,"
        "\"peers\":0,\"name\":\"forged\",\"key\":\"%s\"}\n{\"sig\":\"%s==\"}\n",
        id_text, key_text, zeros);
    give_row(pipe, "alive", 2, text, FRESH);
}

SCRIPT(forge)
give_rows(pipe, 500, 1);
for (unsigned i = 1; i <= MUSTER_FETCH_BAD_MAX; i++) {
    say_forged(pipe, i);
}
give_rows(pipe, 501, 1);
give_end(pipe, 2 + MUSTER_FETCH_BAD_MAX);
SCRIPT_END

TEST(who_forges_signatures_is_left) {
    size_t joiner = join_beside(forge, false);
    assert_got_all(joiner, 1);
    assert_false(has_row(joiner, "forged"));
    assert_true(has_row(joiner, "x500"));
    assert_false(has_row(joiner, "x501"));
}

SCRIPT(miscount)
give_rows(pipe, 500, 3);
give_end(pipe, 4);
SCRIPT_END

TEST(a_count_that_does_not_match_is_no_table) {
    size_t joiner = join_beside(miscount, false);
    assert_got_all(joiner, 1);
    assert_true(has_row(joiner, "x502")); /* what was had is kept */
}

SCRIPT(refuse)
pipe_say(pipe, "{\"end\":\"busy\",\"count\":0,\"text\":\"too many connections\"}\n");
SCRIPT_END

TEST(who_is_busy_is_left_for_another) {
    assert_got_all(join_beside(refuse, false), 1);
}

SCRIPT(say_an_endless_line)
char text[4096];
memset(text, ' ', sizeof text - 1);
text[sizeof text - 1] = '\0';
for (unsigned i = 0; i < 64; i++) {
    pipe_say(pipe, text);
}
SCRIPT_END

TEST(an_endless_line_is_not_read_to_its_end) {
    size_t joiner = join_beside(say_an_endless_line, false);
    assert_got_all(joiner, 1);
    assert_int_equal(world.nodes[joiner].core->fetches.items[0].reader.buffer.capacity, 0);
}

SCRIPT(say_nothing)
SCRIPT_END

TEST(who_stalls_at_once_is_left_for_another) {
    assert_got_all(join_beside(say_nothing, false), 1);
}

SCRIPT(stall)
give_rows(pipe, 500, 3);
SCRIPT_END

TEST(who_stalls_in_the_middle_is_left_for_another) {
    size_t joiner = join_beside(stall, false);
    assert_got_all(joiner, 1);
    assert_true(has_row(joiner, "x502"));
}

SCRIPT(break_off)
give_rows(pipe, 500, 3);
pipe_break(pipe);
SCRIPT_END

TEST(who_breaks_off_is_left_for_another) {
    size_t joiner = join_beside(break_off, false);
    assert_got_all(joiner, 1);
    assert_true(has_row(joiner, "x502"));
}

/* Who answers, claims much, and is never there to be asked. */
TEST(a_source_that_dies_silently_is_left_for_another) {
    size_t joiner = join_beside(NULL, true);
    while (world.nodes[joiner].opened == 0) {
        world_run(1);
    }
    world_kill(0);
    world_run(1500);
    assert_int_equal(counters(joiner)->fetches_failed, 1);
    assert_true(has_row(joiner, "x79"));
}

TEST(a_source_that_crashes_is_left_for_another) {
    size_t joiner = join_beside(NULL, false);
    while (world.nodes[joiner].opened == 0) {
        world_run(1);
    }
    world_kill(0);
    world_run(200);
    assert_int_equal(counters(joiner)->fetches_failed, 1);
    assert_int_equal(counters(joiner)->tables, 1);
    assert_true(has_row(joiner, "x79"));
}

/* Dribbles a byte now and then: no stall, but it lasts too long. */
static void dribble(struct pipe *pipe, enum muster_stream_event event) {
    if (event == MUSTER_STREAM_BYTES) {
        pipe->step = 1;
    }
}

TEST(a_source_that_dribbles_is_given_ten_seconds) {
    size_t joiner = join_beside(dribble, false);
    for (unsigned i = 0; i < 120; i++) {
        world_run(100);
        for (struct pipe *pipe = world.pipes; pipe != NULL; pipe = pipe->next) {
            if (pipe->step == 1 && !pipe->is_ended) {
                pipe_say(pipe, " ");
            }
        }
    }
    assert_int_equal(counters(joiner)->fetches_failed, 1);
    assert_true(has_row(joiner, "x79"));
}

/* Nobody gives a table: then everybody is asked. */
TEST(without_any_table_everybody_answers) {
    size_t holders = 12; /* so that only some answer a question that leaves it to a few */
    for (size_t i = 0; i < holders; i++) {
        char name[16];
        snprintf(name, sizeof name, "h%zu", i);
        size_t index = add_holder(name, HELD);
        world.nodes[index].script = refuse;
    }
    world_run(10000);
    size_t joiner = join("joiner");
    world_run(2000);
    assert_int_equal(alive(joiner), holders);
    assert_int_equal(counters(joiner)->tables, 0);
    assert_in_range(world.nodes[joiner].opened, 1, MUSTER_SOURCES_MAX);
}

/* Nobody is asked twice in a round, however often it offers its table. */
TEST(a_liar_is_asked_once) {
    size_t liar = add_holder("liar", HELD);
    world.nodes[liar].script = refuse;
    world_run(3000);
    size_t joiner = join("joiner");
    world_run(3000);
    assert_int_equal(world.nodes[joiner].opened, 1);
    assert_int_equal(alive(joiner), 1);
}

/* ---- rows that lie ---- */

static const char *promise = FRESH;

SCRIPT(promise_much)
char text[512];
tell_of(text, sizeof text, 500, MUSTER_NEXT_MS_MAX);
give_row(pipe, "alive", 1, text, promise);
give_row(pipe, "lost", 1, text, FRESH);
give_end(pipe, 2);
SCRIPT_END

/* What no key vouches for lives a minute by hearsay, whatever it is said to have promised. */
TEST(nobody_lends_a_dead_peer_a_long_life) {
    static const char *const promises[] = {
        ",\"age_ms\":0,\"next_ms\":9007199254740991", ",\"age_ms\":9007199254740991,\"next_ms\":172800000",
        ",\"age_ms\":0,\"next_ms\":-5", ",\"age_ms\":-1,\"next_ms\":1e300", ""};
    for (size_t i = 0; i < sizeof promises / sizeof *promises; i++) {
        promise = promises[i];
        size_t joiner = join_beside(promise_much, false);
        world_run(1000);
        struct muster_peer row;
        assert_true(world_row(joiner, "x500", &row));
        assert_true(row.provisional && !row.verified);
        assert_true(row.next_ms <= MUSTER_SLEEPER_MS);
        world_run(150000);
        assert_true(!world_row(joiner, "x500", &row) || row.state == MUSTER_LOST);
        check_books();
        begin();
    }
}

#define MANY 3000

static void flood(struct pipe *pipe, enum muster_stream_event event) {
    if (event == MUSTER_STREAM_BYTES && pipe->step++ == 0) {
        give_rows(pipe, 1000, MANY);
        give_end(pipe, MANY);
    }
}

/* Hearsay that no key vouches for takes no more room than what was heard without one. */
TEST(thousands_of_rows_find_their_bounds) {
    size_t joiner = join_beside(flood, false);
    world_run(1000);
    assert_in_range(provisional(joiner), MUSTER_UNVERIFIED_MAX - 100, MUSTER_UNVERIFIED_MAX);
    assert_true(has_row(joiner, "liar") && has_row(joiner, "honest"));
    check_books();
}

/* Who is heard makes hearsay give way. */
TEST(a_full_table_has_room_for_who_is_heard) {
    size_t liar = add_holder("liar", HELD);
    world_run(3000);
    world.nodes[liar].script = flood;
    struct muster_core_options options;
    const struct muster_document document = {.name = "joiner"};
    size_t joiner = join("joiner");
    world_options(joiner, &document, &options);
    options.peers_max = 50;
    world_start(joiner, &options);
    world_run(2000);
    assert_int_equal(world.nodes[joiner].core->table.count, 50);
    size_t other = join("other");
    world_run(5000);
    assert_true(has_row(joiner, "other"));
    assert_int_equal(world.nodes[joiner].core->table.count, 50);
    world_kill(other);
    check_books();
}

/* ---- hearsay ---- */

TEST(hearsay_is_not_passed_on) {
    add_holder("holder", HELD);
    world_run(3000);
    size_t joiner = join("joiner");
    world_run(1000);
    assert_int_equal(provisional(joiner), HELD);
    assert_int_equal(presence_alive(world.nodes[joiner].core).peers, 1);
    const struct muster_stream as = {.remote = {.family = 4, .ip = {10, 0, 1, 1}, .port = 5000},
                                     .interface = WORLD_INTERFACE};
    struct pipe *pipe = pipe_connect(joiner, &as);
    pipe_say(pipe, "{\"muster\":1,\"request\":\"table\"}\n");
    world_run(10);
    assert_non_null(strstr(pipe->text, "{\"end\":\"done\",\"count\":1}\n"));
    assert_null(strstr(pipe->text, "\"name\":\"x"));
}

static unsigned repeats; /* questions that say who is known, */
static unsigned hushed;  /* and those that so silence who was only told of */

static bool note_known(size_t from, size_t to, const struct muster_datagram *datagram) {
    static const char told[] = "\"0000000000000000000000000000"; /* how the ids of these begin */
    const uint8_t *known = memmem(datagram->bytes, datagram->length, "\"known\":[", 9);
    if (from != to && known != NULL) {
        size_t rest = datagram->length - (size_t)(known - datagram->bytes);
        repeats++;
        hushed += memmem(known, rest, told, sizeof told - 1) != NULL ? 1 : 0;
    }
    return false;
}

TEST(who_is_only_told_of_may_answer) {
    size_t holder = add_holder("holder", HELD);
    world_run(3000);
    world.nodes[holder].script = stall;
    world.is_lost = note_known;
    size_t joiner = join("joiner");
    world_run(2000);
    assert_int_equal(provisional(joiner), 3);
    assert_true(repeats > 0);
    assert_int_equal(hushed, 0);
}

/* What was heard stays as it was heard. */
TEST(what_is_known_is_known_better_than_by_hearsay) {
    size_t joiner = join("joiner");
    char text[512];
    tell_of(text, sizeof text, 3, 60000);
    world_say(joiner, text, 99, MUSTER_PATH_M4);
    world_run(3000);
    struct muster_peer row;
    assert_true(world_row(joiner, "x3", &row));
    assert_int_equal(row.address.ip[3], 99);
    add_holder("holder", HELD);
    const struct muster_command query = {.kind = MUSTER_COMMAND_QUERY};
    assert_int_equal(world_command(joiner, &query), 0);
    world_run(2100);
    assert_int_equal(counters(joiner)->tables, 1);
    assert_true(world_row(joiner, "x3", &row));
    assert_false(row.provisional);
    assert_int_equal(row.address.ip[3], 99);
    assert_int_equal(alive(joiner), HELD + 1);
}

int main(void) {
    return test_run(begin, world_end);
}
