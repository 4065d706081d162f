/* SPDX-License-Identifier: MIT */
/* Who joins a crowd takes the table of one that is there, and believes of it only what it must. */
#include <stdio.h>
#include <string.h>

#include <sodium.h>
#include <zlib.h>

#include "limit.h"
#include "tape.h"
#include "test.h"

static void begin(void) {
    world_begin(1);
    world.has_streams = true;
    world.crypto = &world_cheap_crypto;
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

/* ---- a real crowd ---- */

#define CROWD 100

/* Three quarters of them have a key. */
static void gather(size_t count) {
    world.is_lost = world_lose_copies;
    for (unsigned i = 0; i < count; i++) {
        char name[16];
        snprintf(name, sizeof name, i % 4 == 3 ? "n%u!" : "n%u", i);
        world_add(name);
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

/* Peers that the node holds, as it says; the others are hearsay. */
static uint64_t peers_said(const char *kind) {
    return said_number(tape_last(kind), "peers");
}

static void a_joiner_takes_one_table(void) {
    world_run(30000); /* nobody of them is new any more */
    uint64_t sent = world.sent;
    tape_begin(world.count);
    size_t joiner = world_add("joiner");
    world_run(1000);
    assert_int_equal(alive(joiner), CROWD);
    assert_int_equal(world_counters(joiner)->tables, 1);
    assert_int_equal(world_counters(joiner)->fetches_failed, 0);
    assert_int_equal(world.nodes[joiner].opened, 1);
    print_message("%llu datagrams by all in the joiner's first second, %zu rows provisional\n",
                  (unsigned long long)(world.sent - sent), provisional(joiner));
    assert_true(peers_said("announce") < CROWD);
    /* Their own answers prove them. */
    for (unsigned second = 0; provisional(joiner) > 0; second++) {
        assert_true(second < 20);
        world_run(1000);
    }
    assert_int_equal(alive(joiner), CROWD);
    tape_begin(joiner);
    world_run(5000);
    assert_int_equal(peers_said("alive"), CROWD);
    for (size_t i = 0; i < world.count; i++) {
        assert_int_equal(world.nodes[i].counts[MUSTER_PEER_LOST], 0);
        assert_int_equal(alive(i), CROWD);
    }
}

static void an_observer_settles_with_all_rows(void) {
    size_t present = world.count;
    size_t observer = world_add("?");
    world_query(observer);
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
    size_t joiner = world_add("second");
    world_run(1000);
    const struct muster_peer *row = world_row(joiner, world.nodes[dead].name);
    assert_true(row->provisional);
    assert_int_equal(row->state, MUSTER_ALIVE);
    assert_true(world_run_until(joiner, MUSTER_PEER_LOST, 1));
    row = world_row(joiner, world.nodes[dead].name);
    assert_true(row->provisional);
    assert_int_equal(row->state, MUSTER_LOST);
    assert_int_equal(world.nodes[joiner].counts[MUSTER_PEER_SUSPECT], 0);
    assert_int_equal(world.nodes[joiner].counts[MUSTER_PEER_LOST], 1);
}

TEST(a_crowd_is_joined) {
    gather(CROWD);
    a_joiner_takes_one_table();
    an_observer_settles_with_all_rows();
    a_dead_peer_of_a_table_is_lost();
}

/* Nothing of what was said before the joiner heard them was lost on its link. */
TEST(a_table_shows_no_loss) {
    struct muster_peer_list list;
    gather(CROWD);
    size_t joiner = world_add("joiner");
    world_run(1000);
    assert_true(provisional(joiner) > 0);
    world_run(20000);
    assert_int_equal(muster_core_peers(world.nodes[joiner].core, &list), 0);
    assert_int_equal(list.count, CROWD);
    for (size_t i = 0; i < list.count; i++) {
        assert_false(list.peers[i].provisional);
        assert_true(list.peers[i].loss == 0);
    }
    muster_peer_list_free(&list);
}

TEST(who_has_no_streams_joins_a_crowd_all_the_same) {
    world.is_lost = world_lose_copies;
    for (unsigned i = 0; i < 70; i++) {
        char name[16];
        snprintf(name, sizeof name, "n%u", i);
        world.has_streams = i % 2 == 0;
        world_add(name);
    }
    world_run(6000);
    world.has_streams = false;
    size_t joiner = world_add("joiner");
    world_run(2000);
    assert_int_equal(alive(joiner), 70);
    assert_int_equal(provisional(joiner), 0);
}

/* ---- a few who each say to hold many: the others are only told of ---- */

#define HELD 80

/* An announce of "x0" and so on, the last one that was said. */
struct told {
    struct announce announce;
    char name[16];
};

static struct told *tell_of(unsigned number, uint64_t next_ms) {
    static struct told told;
    snprintf(told.name, sizeof told.name, "x%u", number);
    told.announce = (struct announce){
        .number = number + 1, .seq = world.count, .rev = 1, .next_ms = next_ms, .name = told.name};
    return &told;
}

/* Adds a node that has heard of so many peers. */
static size_t add_holder(const char *name, unsigned held) {
    size_t index = world_add(name);
    for (unsigned i = 0; i < held; i++) {
        world_announce(index, (uint8_t)(100 + i % 100), &tell_of(i, 0)->announce);
        world_run(2);
    }
    return index;
}

#define ROW_FORMAT                                                                                       \
    "{\"peer\":{\"id\":\"00000000000000000000000000000001\",\"state\":\"%s\",\"address\":\"10.0.0.77\"," \
    "\"port\":19798%s},\"lines\":%u}\n%s"

/* Tells of a row on a stream, the announce being `lines` of text. */
static void give_row(struct pipe *pipe, const char *state, unsigned lines, const char *text,
                     const char *more) {
    pipe_say(pipe, ROW_FORMAT, state, more, lines, text);
}

#define FRESH ",\"age_ms\":10,\"next_ms\":2000"

static void give_rows(struct pipe *pipe, unsigned first, unsigned count) {
    for (unsigned i = first; i < first + count; i++) {
        char text[ANNOUNCE_BYTES_MAX];
        announce_print(&tell_of(i, 2500)->announce, text);
        give_row(pipe, "alive", 1, text, FRESH);
    }
}

static void give_end(struct pipe *pipe, unsigned count) {
    pipe_say(pipe, "{\"end\":\"done\",\"count\":%u}\n", count);
}

/* What is answered to a request on a stream. */
typedef void (*answerer)(struct pipe *pipe);

static answerer answered_by;

static void answer_request(struct pipe *pipe, enum muster_stream_event event) {
    if (event == MUSTER_STREAM_BYTES && strchr(pipe->text, '\n') != NULL) {
        answered_by(pipe);
    }
}

static void let_answer(size_t index, answerer answer) {
    answered_by = answer;
    world.nodes[index].script = answer_request;
}

#define PLAYED 0

/* A joiner beside a source that is played by the test, unless that is NULL, and one that is honest. What the
 * first one says to hold makes the joiner ask it, whoever answers first. */
static size_t join_beside(answerer answer) {
    add_holder("liar", HELD + 20);
    add_holder("honest", HELD);
    world_run(3000);
    if (answer != NULL) {
        let_answer(PLAYED, answer);
    }
    return world_add("joiner");
}

static void assert_got_all(size_t joiner, uint64_t failed) {
    world_run(1000);
    if (failed > 0 && !world_has_row(joiner, "x79")) { /* who stalls is waited for a second */
        world_run(1000);
    }
    for (unsigned i = 0; i < HELD; i++) {
        char name[16];
        snprintf(name, sizeof name, "x%u", i);
        if (!world_has_row(joiner, name)) {
            fail_msg("%s lacks, of %zu rows", name, alive(joiner));
        }
    }
    assert_true(world_has_row(joiner, "liar"));
    assert_true(world_has_row(joiner, "honest"));
    assert_int_equal(world_counters(joiner)->fetches_failed, failed);
    assert_true(world_counters(joiner)->tables >= 1);
}

/* ---- sources that fail ---- */

static void say_garbage(struct pipe *pipe) {
    for (unsigned i = 0; i < 100; i++) {
        pipe_say(pipe, "\x01garbage\n");
    }
}

static void refuse(struct pipe *pipe) {
    pipe_say(pipe, "{\"end\":\"busy\",\"count\":0,\"text\":\"too many connections\"}\n");
}

static void say_an_endless_line(struct pipe *pipe) {
    for (unsigned i = 0; i < 64; i++) {
        pipe_say(pipe, "%4096s", "");
    }
}

static void say_nothing(struct pipe *pipe) {
    (void)pipe;
}

static void stall(struct pipe *pipe) {
    give_rows(pipe, 500, 3);
}

static void miscount(struct pipe *pipe) {
    give_rows(pipe, 500, 3);
    give_end(pipe, 4);
}

static void break_off(struct pipe *pipe) {
    give_rows(pipe, 500, 3);
    pipe_break(pipe);
}

/* Says this deflated, but for so many of the last bytes. */
static void say_deflated(struct pipe *pipe, const char *text, size_t length, size_t cut) {
    static uint8_t out[65536];
    z_stream stream = {.next_in = (uint8_t *)(uintptr_t)text,
                       .avail_in = (uInt)length,
                       .next_out = out,
                       .avail_out = sizeof out};
    assert_int_equal(deflateInit2(&stream, 9, Z_DEFLATED, 12, 9, Z_DEFAULT_STRATEGY), Z_OK);
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    deflateEnd(&stream);
    pipe_say(pipe, "{\"deflate\":true}\n");
    pipe_write(pipe, out, stream.total_out - cut);
}

/* Rows as give_rows() gives them. */
static size_t print_rows(char *out, unsigned first, unsigned count) {
    size_t length = 0;
    for (unsigned i = first; i < first + count; i++) {
        char text[ANNOUNCE_BYTES_MAX];
        announce_print(&tell_of(i, 2500)->announce, text);
        length += (size_t)sprintf(out + length, ROW_FORMAT, "alive", FRESH, 1u, text);
    }
    return length;
}

static void deflate_garbage(struct pipe *pipe) {
    pipe_say(pipe, "{\"deflate\":true}\n");
    say_garbage(pipe);
}

static void deflate_half(struct pipe *pipe) {
    static char rows[65536];
    say_deflated(pipe, rows, print_rows(rows, 500, 50), 100);
    pipe_finish(pipe);
}

static void deflate_without_end(struct pipe *pipe) {
    static char rows[65536];
    say_deflated(pipe, rows, print_rows(rows, 500, 3), 0);
    pipe_finish(pipe);
}

static void deflate_a_trap(struct pipe *pipe) {
    static const char row[] = "{\"peer\":{},\"lines\":0}\n";
    static char rows[200000 * (sizeof row - 1)];
    for (size_t i = 0; i < sizeof rows; i++) {
        rows[i] = row[i % (sizeof row - 1)];
    }
    say_deflated(pipe, rows, sizeof rows, 0);
}

static void deflate_twice(struct pipe *pipe) {
    static const char line[] = "{\"deflate\":true}\n";
    say_deflated(pipe, line, strlen(line), 0);
}

static const struct {
    answerer answer;
    bool is_of_use; /* what was had is kept */
} failing[] = {{say_garbage, false},
               {refuse, false},
               {say_an_endless_line, false},
               {say_nothing, false},
               {stall, true},
               {miscount, true},
               {break_off, true},
               {deflate_garbage, false},
               {deflate_half, true},
               {deflate_without_end, true},
               {deflate_a_trap, false},
               {deflate_twice, false}};

TEST(who_fails_is_left_for_another) {
    for (size_t i = 0; i < sizeof failing / sizeof *failing; i++) {
        begin();
        size_t joiner = join_beside(failing[i].answer);
        assert_got_all(joiner, 1);
        assert_int_equal(world_has_row(joiner, "x502"), failing[i].is_of_use);
        assert_int_equal(pipes_open(joiner), 0);
    }
}

static void say_bad_rows(struct pipe *pipe) {
    for (unsigned i = 0; i < 10; i++) {
        give_row(pipe, "alive", 1, "{\"muster\":2,\"of\":\"the future\"}\n", FRESH);
        give_row(pipe, "asleep", 1, "{}\n", FRESH);
        give_row(pipe, "alive", 2, "\xff\n\x02\n", FRESH);
    }
    give_rows(pipe, 500, 1);
    give_end(pipe, 31);
}

TEST(rows_that_say_nothing_here_are_left_out) {
    size_t joiner = join_beside(say_bad_rows);
    assert_got_all(joiner, 0);
    assert_int_equal(world_counters(joiner)->tables, 2);
    assert_true(world_has_row(joiner, "x500"));
}

static void deflate_all(struct pipe *pipe) {
    static char rows[65536];
    assert_int_equal(pipe_count(pipe, "\"deflate\":true"), 1);
    size_t length = print_rows(rows, 500, 50);
    length += (size_t)sprintf(rows + length, "{\"end\":\"done\",\"count\":50}\n");
    say_deflated(pipe, rows, length, 0);
}

TEST(a_table_may_come_deflated) {
    size_t joiner = join_beside(deflate_all);
    assert_got_all(joiner, 0);
    assert_true(world_has_row(joiner, "x500"));
    assert_true(world_has_row(joiner, "x549"));
}

#define A_43 "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

/* A peer that nobody has heard, with its key, but a signature of something else. */
static void say_forged(struct pipe *pipe, unsigned number) {
    uint8_t key[MUSTER_KEY_BYTES] = {0};
    uint8_t id[MUSTER_ID_BYTES];
    char id_text[MUSTER_ID_TEXT_BYTES];
    char key_text[64];
    char text[1024];
    memcpy(key, &number, sizeof number);
    muster_id_of_key(key, id);
    muster_id_text(id, id_text);
    sodium_bin2base64(key_text, sizeof key_text, key, sizeof key, sodium_base64_VARIANT_ORIGINAL);
    snprintf(
        text, sizeof text,
        "{\"muster\":1,\"kind\":\"announce\",\"id\":\"%s\",\"boot\":1,\"seq\":1,\"rev\":1,\"next_ms\":2500,"
        "\"peers\":0,\"name\":\"forged\",\"key\":\"%s\"}\n{\"sig\":\"%s%s==\"}\n",
        id_text, key_text, A_43, A_43);
    give_row(pipe, "alive", 2, text, FRESH);
}

static void forge(struct pipe *pipe) {
    give_rows(pipe, 500, 1);
    for (unsigned i = 1; i <= MUSTER_FETCH_BAD_MAX; i++) {
        say_forged(pipe, i);
    }
    give_rows(pipe, 501, 1);
    give_end(pipe, 2 + MUSTER_FETCH_BAD_MAX);
}

TEST(who_forges_signatures_is_left) {
    size_t joiner = join_beside(forge);
    assert_got_all(joiner, 1);
    assert_false(world_has_row(joiner, "forged"));
    assert_true(world_has_row(joiner, "x500"));
    assert_false(world_has_row(joiner, "x501"));
}

static void wait_for_stream(size_t joiner) {
    while (world.nodes[joiner].opened == 0) {
        world_run(1);
    }
}

/* Who answers, claims much, and is never there to be asked. */
TEST(a_source_that_dies_silently_is_left_for_another) {
    size_t joiner = join_beside(NULL);
    world.nodes[PLAYED].is_silent = true;
    wait_for_stream(joiner);
    world_kill(PLAYED);
    world_run(1500);
    assert_int_equal(world_counters(joiner)->fetches_failed, 1);
    assert_true(world_has_row(joiner, "x79"));
}

TEST(a_source_that_crashes_is_left_for_another) {
    size_t joiner = join_beside(NULL);
    wait_for_stream(joiner);
    world_kill(PLAYED);
    world_run(200);
    assert_int_equal(world_counters(joiner)->fetches_failed, 1);
    assert_int_equal(world_counters(joiner)->tables, 1);
    assert_true(world_has_row(joiner, "x79"));
}

static void begin_dribbling(struct pipe *pipe) {
    pipe->step = 1;
}

/* A byte now and then: no stall, but it lasts too long. */
TEST(a_source_that_dribbles_is_given_ten_seconds) {
    size_t joiner = join_beside(begin_dribbling);
    for (unsigned i = 0; i < 120; i++) {
        world_run(100);
        for (struct pipe *pipe = world.pipes; pipe != NULL; pipe = pipe->next) {
            if (pipe->step == 1 && !pipe->is_ended) {
                pipe_say(pipe, " ");
            }
        }
    }
    assert_int_equal(world_counters(joiner)->fetches_failed, 1);
    assert_true(world_has_row(joiner, "x79"));
}

/* Nobody gives a table: then everybody is asked. */
TEST(without_any_table_everybody_answers) {
    const unsigned holders = 12; /* so that only some answer a question that leaves it to a few */
    for (unsigned i = 0; i < holders; i++) {
        char name[16];
        snprintf(name, sizeof name, "h%u", i);
        let_answer(add_holder(name, HELD), refuse);
    }
    world_run(10000);
    size_t joiner = world_add("joiner");
    world_run(4500); /* who is not asked twice is heard of by its next alive */
    assert_int_equal(alive(joiner), holders);
    assert_int_equal(world_counters(joiner)->tables, 0);
    assert_in_range(world.nodes[joiner].opened, 1, MUSTER_SOURCES_MAX);
}

/* Nobody is asked twice in a round, however often it offers its table. */
TEST(a_liar_is_asked_once) {
    let_answer(add_holder("liar", HELD), refuse);
    world_run(3000);
    size_t joiner = world_add("joiner");
    world_run(3000);
    assert_int_equal(world.nodes[joiner].opened, 1);
    assert_int_equal(alive(joiner), 1);
}

/* ---- rows that lie ---- */

static const char *promise = FRESH;

static void promise_much(struct pipe *pipe) {
    char text[ANNOUNCE_BYTES_MAX];
    announce_print(&tell_of(500, 0)->announce, text);
    give_row(pipe, "alive", 1, text, promise);
    give_row(pipe, "lost", 1, text, FRESH);
    give_end(pipe, 2);
}

/* What no key vouches for lives a minute by hearsay, whatever it is said to have promised. */
TEST(nobody_lends_a_dead_peer_a_long_life) {
    static const char *const promises[] = {
        ",\"age_ms\":0,\"next_ms\":9007199254740991", ",\"age_ms\":9007199254740991,\"next_ms\":172800000",
        ",\"age_ms\":0,\"next_ms\":-5", ",\"age_ms\":-1,\"next_ms\":1e300", ""};
    for (size_t i = 0; i < sizeof promises / sizeof *promises; i++) {
        begin();
        promise = promises[i];
        size_t joiner = join_beside(promise_much);
        world_run(1000);
        const struct muster_peer *row = world_row(joiner, "x500");
        assert_true(row->provisional && !row->verified);
        assert_true(row->next_ms <= MUSTER_SLEEPER_MS);
        world_run(150000);
        assert_true(!world_has_row(joiner, "x500") || world_row(joiner, "x500")->state == MUSTER_LOST);
    }
}

static const char *impossible; /* address of a row */

static void give_impossible(struct pipe *pipe) {
    char text[ANNOUNCE_BYTES_MAX];
    announce_print(&tell_of(500, 0)->announce, text);
    pipe_say(pipe,
             "{\"peer\":{\"id\":\"%032x\",\"state\":\"alive\",\"address\":\"%s\",\"port\":%u" FRESH
             "},\"lines\":1}\n%s",
             1, impossible, impossible[0] == '1' ? 0 : 19798, text);
    give_end(pipe, 1);
}

/* Rows are asked where they are said to be: nobody makes us ask a whole group. */
TEST(no_row_is_at_an_address_of_many) {
    static const char *const addresses[] = {"224.0.0.1", "255.255.255.255", "0.0.0.0",
                                            "10.0.0.1" /* port 0 */};
    for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++) {
        begin();
        impossible = addresses[i];
        size_t joiner = join_beside(give_impossible);
        world_run(1000);
        assert_true(world_counters(joiner)->tables > 0);
        assert_false(world_has_row(joiner, "x500"));
    }
}

#define MANY 3000

static void flood(struct pipe *pipe) {
    give_rows(pipe, 1000, MANY);
    give_end(pipe, MANY);
}

/* Hearsay that no key vouches for takes no more room than what was heard without one. */
TEST(thousands_of_rows_find_their_bounds) {
    size_t joiner = join_beside(flood);
    world_run(1000);
    assert_in_range(provisional(joiner), MUSTER_UNVERIFIED_MAX - 100, MUSTER_UNVERIFIED_MAX);
    assert_true(world_has_row(joiner, "liar") && world_has_row(joiner, "honest"));
}

static size_t rows(size_t index) {
    return alive(index) + world_rows(index, MUSTER_SUSPECT) + world_rows(index, MUSTER_LOST) +
           world_rows(index, MUSTER_LEFT);
}

/* Who is heard makes hearsay give way. */
TEST(a_full_table_has_room_for_who_is_heard) {
    size_t liar = add_holder("liar", HELD);
    world_run(3000);
    let_answer(liar, flood);
    size_t joiner = world_add("joiner");
    struct muster_core_options options = world_options(joiner);
    options.peers_max = 50;
    world_start(joiner, &options);
    world_run(2000);
    assert_int_equal(rows(joiner), 50);
    size_t other = world_add("other");
    world_run(5000);
    assert_true(world_has_row(joiner, "other"));
    assert_int_equal(rows(joiner), 50);
    world_kill(other);
}

/* ---- hearsay ---- */

/* A node to which a holder gives its table. */
static size_t join_holder(void) {
    add_holder("holder", HELD);
    world_run(3000);
    tape_begin(world.count);
    size_t joiner = world_add("joiner");
    world_run(1500);
    assert_int_equal(provisional(joiner), HELD);
    return joiner;
}

TEST(hearsay_is_not_passed_on) {
    size_t joiner = join_holder();
    assert_int_equal(peers_said("announce"), 1);
    struct pipe *pipe = pipe_connect_tcp(joiner, 1);
    pipe_ask(pipe, "{\"muster\":1,\"request\":\"table\"}");
    assert_int_equal(pipe_count(pipe, "{\"end\":\"done\",\"count\":1}\n"), 1);
    assert_int_equal(pipe_count(pipe, "\"name\":\"x"), 0);
}

/* Who watches from elsewhere hears no hearsay, and hears of a row once it is more than that. */
TEST(hearsay_is_not_told_to_others) {
    size_t joiner = join_holder();
    struct pipe *remote = pipe_connect_tcp(joiner, 1);
    struct pipe *program = pipe_connect_local(joiner);
    pipe_ask(remote, "{\"muster\":1,\"request\":\"watch\"}");
    pipe_ask(program, "{\"muster\":1,\"request\":\"watch\"}");
    assert_int_equal(pipe_count(remote, "\"name\":\"x3\""), 0);
    assert_int_equal(pipe_count(program, "\"name\":\"x3\""), 1);
    pipe_clear(program);
    /* who has no key is real when it is heard */
    world_hear(joiner, &(struct announce){.number = 4, .seq = 50, .rev = 2, .name = "again"});
    world_run(5);
    assert_false(world_row(joiner, "again")->provisional);
    assert_int_equal(pipe_count(program, "{\"event\":\"changed\","), 1);
    assert_int_equal(pipe_count(remote, "\"name\":\"again\""), 1);
}

/* A question that says who is known silences nobody who is only told of. */
TEST(who_is_only_told_of_may_answer) {
    static const char told[] = "\"0000000000000000000000000000"; /* how the ids of these begin */
    size_t holder = add_holder("holder", HELD);
    world_run(3000);
    let_answer(holder, stall);
    tape_begin(world.count);
    size_t joiner = world_add("joiner");
    world_run(2000);
    assert_int_equal(provisional(joiner), 3);
    size_t repeats = 0;
    const struct utterance *query;
    for (size_t n = 0; (query = tape_said("query", n)) != NULL; n++) {
        if (said_has(query, "known")) {
            repeats++;
            assert_null(strstr(strstr(query->text, "\"known\""), told));
        }
    }
    assert_true(repeats > 0);
}

/* What was heard stays as it was heard. */
TEST(what_is_known_is_known_better_than_by_hearsay) {
    size_t joiner = world_add("joiner");
    world_hear(joiner, &tell_of(3, 60000)->announce);
    world_run(3000);
    assert_int_equal(world_row(joiner, "x3")->address.ip[3], 99);
    add_holder("holder", HELD);
    world_run(MUSTER_NEW_MS);
    world_query(joiner);
    world_run(2100);
    assert_int_equal(world_counters(joiner)->tables, 1);
    const struct muster_peer *row = world_row(joiner, "x3");
    assert_false(row->provisional);
    assert_int_equal(row->address.ip[3], 99);
    assert_int_equal(alive(joiner), HELD + 1);
}

int main(void) {
    return test_run(begin, world_end);
}
