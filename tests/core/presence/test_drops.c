/* SPDX-License-Identifier: MIT */
/* Every reason to drop a datagram, each reached by a node that runs, and the books that are kept of it. */
#include <stdio.h>
#include <string.h>

#include <sodium.h>

#include "countdown.h"
#include "limit.h"
#include "tape.h"
#include "test.h"

#define GROUP MUSTER_PATH_M4
#define HEADER(kind) \
    "{\"muster\":1,\"kind\":\"" kind "\",\"id\":\"00112233445566778899aabbccddeeff\",\"boot\":5,"
#define SAID "\"rev\":1,\"next_ms\":2500,\"peers\":0"
#define ALIVE HEADER("alive") "\"seq\":7," SAID "}\n"
#define ANNOUNCE HEADER("announce") "\"seq\":6," SAID ",\"name\":\"lamp\"}\n"
#define ANY_KEY "iojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w="

static void begin(void) {
    world_begin(1);
    tape_begin(0);
    world_add("a");
}

/* A stranger says it to the group, and it arrives. */
static void say(const char *text) {
    world_say(0, 99, GROUP, "%s", text);
    world_run(1);
}

static uint64_t drops(enum muster_drop drop) {
    return world_drops(0, drop);
}

/* ---- how each is reached ---- */

static void say_too_long(void) {
    char text[MUSTER_DATAGRAM_BYTES_MAX + 2];
    memset(text, ' ', sizeof text);
    memcpy(text, ALIVE, strlen(ALIVE) - 1);
    text[sizeof text - 2] = '\n';
    text[sizeof text - 1] = '\0';
    say(text);
}

static void say_alive(uint8_t source, uint32_t interface, uint8_t ttl) {
    const struct muster_datagram datagram = {
        .bytes = (const uint8_t *)ALIVE,
        .length = strlen(ALIVE),
        .source = {.family = 4, .ip = {source, 0, 0, 99}, .port = 19798},
        .destination = {.family = 4, .ip = {224, 0, 0, 254}, .port = MUSTER_PORT_DEFAULT},
        .interface = interface,
        .ttl = ttl};
    world_inject(0, &datagram);
    world_run(1);
}

static void come_by_another_interface(void) {
    say_alive(10, WORLD_INTERFACE + 1, 255);
}

static void come_from_a_group(void) {
    say_alive(239, WORLD_INTERFACE, 255);
}

static void come_through_a_router(void) {
    say_alive(10, WORLD_INTERFACE, 254);
}

static void flood(void) {
    for (int i = 0; i <= MUSTER_SOURCE_BURST; i++) {
        world_say(0, 99, GROUP, ALIVE);
    }
    world_run(1);
}

static void hear_oneself(void) {
    world_run(10);
}

static void say_the_older_last(void) {
    say(ANNOUNCE);
    assert_int_equal(drops(MUSTER_DROP_STALE), 0);
    say(HEADER("alive") "\"seq\":5," SAID "}\n");
}

static void fill_the_table(void) {
    struct muster_core_options options = world_options(0);
    options.peers_max = 1;
    world_start(0, &options);
    say(ANNOUNCE);
    assert_int_equal(drops(MUSTER_DROP_TABLE_FULL), 0);
    say("{\"muster\":1,\"kind\":\"announce\",\"id\":\"11112233445566778899aabbccddeeff\",\"boot\":5,"
        "\"seq\":6," SAID ",\"name\":\"another\"}\n");
}

static void say_when_memory_is_out(void) {
    world_run(1100); /* the start is over */
    uint64_t due_ms = muster_core_deadline(world.nodes[0].core);
    assert_true(due_ms > world.now_ms + 5);
    world_say(0, 99, GROUP, ANNOUNCE);
    countdown_set(1);
    world_run(1);
    assert_true(countdown_has_failed());
    assert_int_equal(world_rows(0, MUSTER_ALIVE), 0);
}

static const uint8_t group_key[MUSTER_GROUP_KEY_BYTES] = {1};

static void start_sealed(size_t index) {
    struct muster_core_options options = world_options(index);
    options.group_keys = group_key;
    options.group_key_count = 1;
    world_start(index, &options);
}

static void say_unsealed(void) {
    start_sealed(0);
    say(ALIVE);
}

static void record_sealed(size_t from, const struct muster_datagram *datagram) {
    if (from == 1) {
        world_inject(0, datagram);
    }
}

static void say_sealed_twice(void) {
    start_sealed(0);
    world_add("b");
    world.on_sent = record_sealed;
    start_sealed(1);
    world_run(10);
    world.on_sent = NULL;
}

static void forge_signatures(void) {
    char sig[sodium_base64_ENCODED_LEN(MUSTER_SIGNATURE_BYTES, sodium_base64_VARIANT_ORIGINAL)];
    const uint8_t signature[MUSTER_SIGNATURE_BYTES] = {0};
    sodium_bin2base64(sig, sizeof sig, signature, sizeof signature, sodium_base64_VARIANT_ORIGINAL);
    for (unsigned i = 0; i < MUSTER_VERIFICATION_BURST; i++) {
        world_say(
            0, (uint8_t)(50 + i % 50), GROUP,
            "{\"muster\":1,\"kind\":\"bye\",\"id\":\"%s\",\"boot\":%llu,\"seq\":%u}\n{\"sig\":\"%s\"}\n",
            world.nodes[0].id, (unsigned long long)world.nodes[0].boot, 1000 + i, sig);
    }
    world_run(1);
}

static void say_as_untrusted(void) {
    struct muster_core_options options = world_options(0);
    options.trust = MUSTER_TRUST_SIGNED;
    world_start(0, &options);
    say(ANNOUNCE);
}

struct way {
    const char *text;   /* that a stranger says, */
    void (*make)(void); /* or what else it takes */
};

static const struct way ways[MUSTER_DROP_COUNT] = {
    [MUSTER_DROP_TOO_LONG] = {.make = say_too_long},
    [MUSTER_DROP_TRUNCATED] = {.text = "{"},
    [MUSTER_DROP_FORMAT] = {.text = "hello\n"},
    [MUSTER_DROP_SEALED] = {.text = "\001\002\003"},
    [MUSTER_DROP_UNSEALED] = {.make = say_unsealed},
    [MUSTER_DROP_REPLAY] = {.make = say_sealed_twice},
    [MUSTER_DROP_PATH] = {.make = come_by_another_interface},
    [MUSTER_DROP_SOURCE] = {.make = come_from_a_group},
    [MUSTER_DROP_TTL] = {.make = come_through_a_router},
    [MUSTER_DROP_FLOOD] = {.make = flood},
    [MUSTER_DROP_SYNTAX] = {.text = "{]\n"},
    [MUSTER_DROP_UTF8] = {.text = "{\"x\":\"\xff\"}\n"},
    [MUSTER_DROP_DEPTH] = {.text = "{\"x\":[[[[[[[[]]]]]]]]}\n"},
    [MUSTER_DROP_NODES] = {.text = "{\"x\":["
#define TEN_VALUES "0,0,0,0,0,0,0,0,0,0,"
                           TEN_VALUES TEN_VALUES TEN_VALUES TEN_VALUES TEN_VALUES TEN_VALUES TEN_VALUES
                               TEN_VALUES TEN_VALUES TEN_VALUES TEN_VALUES TEN_VALUES TEN_VALUES TEN_VALUES
                                   TEN_VALUES TEN_VALUES TEN_VALUES TEN_VALUES TEN_VALUES TEN_VALUES
                                       TEN_VALUES TEN_VALUES TEN_VALUES TEN_VALUES TEN_VALUES TEN_VALUES
                                   "0]}\n"},
    [MUSTER_DROP_DUPLICATE] = {.text = "{\"x\":1,\"x\":1}\n"},
    [MUSTER_DROP_VERSION] = {.text = "{\"muster\":2}\n"},
    [MUSTER_DROP_KIND] = {.text = HEADER("greeting") "\"seq\":1}\n"},
    [MUSTER_DROP_MISSING] = {.text = "{}\n"},
    [MUSTER_DROP_TYPE] = {.text = "{\"muster\":null}\n"},
    [MUSTER_DROP_RANGE] = {.text = HEADER("bye") "\"seq\":0}\n"},
    [MUSTER_DROP_OWN] = {.make = hear_oneself},
    [MUSTER_DROP_SIGNATURE] = {.text = HEADER("announce") "\"seq\":6," SAID
                                                          ",\"name\":\"lamp\",\"key\":\"" ANY_KEY "\"}\n"},
    [MUSTER_DROP_UNTRUSTED] = {.make = say_as_untrusted},
    [MUSTER_DROP_STALE] = {.make = say_the_older_last},
    [MUSTER_DROP_UNCHECKED] = {.make = forge_signatures},
    [MUSTER_DROP_UNASKED] = {.text = HEADER("alive") "\"re\":\"Q7f0-x_a\"," SAID "}\n"},
    [MUSTER_DROP_SHORT_QUESTION] = {.text = HEADER("query") "\"nonce\":\"Q7f0-x_a\",\"want\":{}}\n"},
    [MUSTER_DROP_UNKNOWN] = {.text = ALIVE},
    [MUSTER_DROP_TABLE_FULL] = {.make = fill_the_table},
    [MUSTER_DROP_MEMORY] = {.make = say_when_memory_is_out},
};

TEST(every_reason_is_reached) {
    for (int i = 0; i < MUSTER_DROP_COUNT; i++) {
        const char *name = muster_drop_name((enum muster_drop)i);
        const struct way *way = &ways[i];
        if (way->text == NULL && way->make == NULL) {
            fail_msg("%s: no test reaches it", name);
        }
        begin();
        if (way->text != NULL) {
            say(way->text);
        } else {
            way->make();
        }
        if (drops((enum muster_drop)i) == 0) {
            fail_msg("%s: not counted", name);
        }
    }
}

/* ---- what the reasons protect ---- */

TEST(a_dropped_datagram_makes_no_row) {
    for (int i = 0; i < MUSTER_DROP_COUNT; i++) {
        if (ways[i].text != NULL) {
            begin();
            say(ways[i].text);
            assert_int_equal(world_rows(0, MUSTER_ALIVE), 0);
        }
    }
}

TEST(copies_by_another_path_are_counted_as_such) {
    world_say(0, 99, MUSTER_PATH_M4, ANNOUNCE);
    world_say(0, 99, MUSTER_PATH_B4, ANNOUNCE);
    world_run(1);
    const struct muster_counters *counters = world_counters(0);
    assert_int_equal(counters->accepted, 1);
    assert_int_equal(counters->copies, 1);
    const struct muster_peer *row = world_row(0, "lamp");
    assert_int_equal(row->received, 1);
    assert_int_equal(row->copies, 1);
    assert_int_equal(row->tuple_count, 2);
}

TEST(a_question_is_accepted_by_who_is_not_asked) {
    say(HEADER("query") "\"nonce\":\"Q7f0-x_a\",\"want\":{\"type\":\"ipp\"}}\n");
    const struct muster_counters *counters = world_counters(0);
    assert_int_equal(counters->accepted, 1);
    assert_int_equal(counters->answers, 0);
}

/* The padded question of section 5, byte for byte long enough. */
static void ask(const char *members, int length, enum muster_path_kind path) {
    char text[MUSTER_DATAGRAM_BYTES_MAX];
    snprintf(text, sizeof text, HEADER("query") "\"nonce\":\"Q7f0-x_a\",%s}", members);
    world_say(0, 99, path, "%-*s\n", length - 1, text);
    world_run(MUSTER_ANSWER_MS_MIN + 2);
}

TEST(a_question_buys_an_answer_of_its_length) {
    char of_a[64];
    snprintf(of_a, sizeof of_a, "\"of\":[\"%s\"]", world.nodes[0].id);
    const struct muster_counters *counters = world_counters(0);
    ask(of_a, MUSTER_PROOF_BYTES - 1, MUSTER_PATH_U4);
    assert_int_equal(counters->drops[MUSTER_DROP_SHORT_QUESTION], 1);
    assert_int_equal(counters->answers, 0);
    ask(of_a, MUSTER_PROOF_BYTES, MUSTER_PATH_U4);
    assert_int_equal(counters->drops[MUSTER_DROP_SHORT_QUESTION], 1);
    assert_int_equal(counters->answers, 1);
    ask("\"want\":{}", MUSTER_ANNOUNCE_BYTES_MAX, GROUP);
    assert_int_equal(counters->answers, 2);
    ask(of_a, 200, GROUP); /* an answer to the group floods nobody */
    assert_int_equal(counters->drops[MUSTER_DROP_SHORT_QUESTION], 1);
    assert_int_equal(counters->answers, 3);
}

TEST(a_bye_of_a_stranger_stops_no_introduction) {
    world_run(1100);
    const struct muster_counters *counters = world_counters(0);
    uint64_t questions = counters->questions;
    say(ALIVE);
    say(HEADER("bye") "\"seq\":8}\n");
    world_run(400);
    assert_true(counters->questions > questions);
    assert_int_equal(counters->drops[MUSTER_DROP_UNKNOWN], 2);
}

TEST(a_bye_ends_what_it_missed_the_start_of) {
    say(ANNOUNCE);
    say("{\"muster\":1,\"kind\":\"bye\",\"id\":\"00112233445566778899aabbccddeeff\",\"boot\":6,\"seq\":1}\n");
    assert_int_equal(world_row(0, "lamp")->state, MUSTER_LEFT);
    assert_int_equal(world_row(0, "lamp")->boot, 6);
    say("{\"muster\":1,\"kind\":\"bye\",\"id\":\"00112233445566778899aabbccddeeff\",\"boot\":6,\"seq\":2}\n");
    assert_int_equal(drops(MUSTER_DROP_STALE), 1);
}

/* ---- whose word it is ---- */

struct key_pair {
    uint8_t key[MUSTER_KEY_BYTES];
    uint8_t secret[MUSTER_SECRET_BYTES];
};

static struct key_pair new_pair(void) {
    struct key_pair pair;
    assert_int_equal(muster_key_generate(pair.key, pair.secret), 0);
    return pair;
}

/* An answer to what "a" asks just now, as the holder of the key would give it, signed by the forger. */
static void answer(const uint8_t key[MUSTER_KEY_BYTES], const uint8_t key_shown[MUSTER_KEY_BYTES],
                   struct key_pair *forger) {
    uint8_t id[MUSTER_ID_BYTES];
    char id_text[MUSTER_ID_TEXT_BYTES];
    char key_text[sodium_base64_ENCODED_LEN(MUSTER_KEY_BYTES, sodium_base64_VARIANT_ORIGINAL)];
    muster_id_of_key(key, id);
    muster_id_text(id, id_text);
    sodium_bin2base64(key_text, sizeof key_text, key_shown, MUSTER_KEY_BYTES, sodium_base64_VARIANT_ORIGINAL);
    world_say_signed(0, 99, GROUP, forger->secret, 0,
                     "{\"muster\":1,\"kind\":\"announce\",\"id\":\"%s\",\"boot\":5,\"re\":\"%s\"," SAID
                     ",\"name\":\"forged\",\"key\":\"%s\"}",
                     id_text, said_text(tape_last("query"), "nonce"), key_text);
    world_run(1);
}

TEST(an_answer_is_signed_by_the_key_of_its_id) {
    struct key_pair forger = new_pair();
    const struct key_pair victim = new_pair();
    answer(victim.key, victim.key, &forger);
    answer(victim.key, forger.key, &forger);
    assert_int_equal(drops(MUSTER_DROP_SIGNATURE), 2);
    assert_int_equal(world_rows(0, MUSTER_ALIVE), 0);
    answer(forger.key, forger.key, &forger); /* in his own name he is welcome */
    assert_int_equal(world_rows(0, MUSTER_ALIVE), 1);
}

TEST(nobody_conflicts_without_the_key) {
    struct key_pair forger = new_pair();
    answer(world.nodes[0].key, world.nodes[0].key, &forger);
    answer(world.nodes[0].key, forger.key, &forger);
    assert_int_equal(drops(MUSTER_DROP_SIGNATURE), 2);
    assert_int_equal(world.nodes[0].counts[MUSTER_PEER_CONFLICT], 0);
}

TEST(a_verified_peer_signs_its_questions) {
    world_add("b");
    world_run(2000);
    const char *id = world.nodes[1].id;
    world_say(0, 99, GROUP,
              "{\"muster\":1,\"kind\":\"query\",\"id\":\"%s\",\"boot\":1,\"nonce\":\"Q7f0-x_a\","
              "\"of\":[\"%s\"]}\n",
              id, id);
    world_run(1);
    assert_int_equal(drops(MUSTER_DROP_SIGNATURE), 1);
}

/* How "b" asks the group for "c", who is dead, again and again, or how somebody seems to do so. */
struct asking {
    int count;      /* of the first question, */
    int more;       /* and what each further one has more */
    uint64_t later; /* boot */
    enum muster_path_kind path;
    bool is_taken; /* and spares "a" a question of its own */
};

static const struct asking askings[] = {
    {1001, 1, 0, MUSTER_PATH_M4, true},  {1000, 0, 0, MUSTER_PATH_M4, false},
    {999, -1, 0, MUSTER_PATH_M4, false}, {0, 0, 0, MUSTER_PATH_M4, false},
    {1001, 1, 1, MUSTER_PATH_M4, false}, {1001, 1, 0, MUSTER_PATH_U4, false},
};

static void ask_as_b(int count, uint64_t boot, enum muster_path_kind path) {
    const struct node *b = &world.nodes[1];
    char counted[32] = "";
    if (count > 0) {
        snprintf(counted, sizeof counted, "\"count\":%d,", count);
    }
    world_say_signed(0, 2, path, b->secret, MUSTER_PROOF_BYTES,
                     "{\"muster\":1,\"kind\":\"query\",\"id\":\"%s\",\"boot\":%llu,\"nonce\":\"00000001\","
                     "%s\"said\":%llu,\"of\":[\"%s\"]}",
                     b->id, (unsigned long long)boot, counted,
                     (unsigned long long)said_number(tape_last("announce"), "seq"), world.nodes[2].id);
    world_run(MUSTER_GROUP_ANSWER_MS + 10); /* sooner it would be the same question */
}

/* A sleeper that nobody expects to hear. */
static void add_sleeper(const char *name) {
    size_t index = world_add(name);
    struct muster_core_options options = world_options(index);
    options.interval_min_ms = MUSTER_SLEEPER_MS;
    tape_begin(index);
    world_start(index, &options);
}

/* Else whoever recorded a question could talk a listener out of asking, and bury a living peer. */
TEST(a_recorded_question_spares_nobody_its_own) {
    for (size_t i = 0; i < sizeof askings / sizeof *askings; i++) {
        const struct asking *asking = &askings[i];
        begin();
        add_sleeper("b");
        world_add("c");
        world_run(5000);
        ask_as_b(1000, world.nodes[1].boot, GROUP);
        world_kill(1);
        world_kill(2);
        assert_true(world_run_until(0, MUSTER_PEER_SUSPECT, 1));
        uint64_t questions = world_counters(0)->questions;
        for (int k = 0; world_row(0, "c")->state == MUSTER_SUSPECT; k++) {
            ask_as_b(asking->count + k * asking->more, world.nodes[1].boot + asking->later, asking->path);
        }
        /* The last questions go by unicast, too, whoever asked the group. */
        questions = world_counters(0)->questions - questions - (MUSTER_TRIES_MIN - MUSTER_TRIES_GROUP);
        assert_int_equal(questions, MUSTER_TRIES_MIN - (asking->is_taken ? 1 : 0));
    }
}

int main(void) {
    return test_run(begin, world_end);
}
