/* Every reason to drop a datagram, each reached by a node that runs, and the books that are kept of it. */
#include <stdio.h>
#include <string.h>

#include "countdown.h"
#include "message.h"
#include "node.h"
#include "test.h"
#include "world.h"

#define GROUP MUSTER_PATH_M4
#define HEADER(kind) \
    "{\"muster\":1,\"kind\":\"" kind "\",\"id\":\"00112233445566778899aabbccddeeff\",\"boot\":5,"
#define SAID "\"rev\":1,\"next_ms\":2500,\"peers\":0"
#define ALIVE HEADER("alive") "\"seq\":7," SAID "}\n"
#define ANNOUNCE HEADER("announce") "\"seq\":6," SAID ",\"name\":\"lamp\"}\n"
#define ANY_KEY "iojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w="

static void begin(void) {
    world_begin(1);
    world_add("a");
}

/* A stranger says it to the group, and it arrives. */
static void say(const char *text) {
    world_say(0, text, 99, GROUP);
    world_run(1);
}

static void say_datagram(const struct muster_datagram *datagram) {
    world_inject(0, datagram);
    world_run(1);
}

static struct muster_datagram alive_datagram(void) {
    return (struct muster_datagram){.bytes = (const uint8_t *)ALIVE,
                                    .length = strlen(ALIVE),
                                    .source = {.family = 4, .ip = {10, 0, 0, 99}, .port = 19798},
                                    .destination = {.family = 4, .ip = {224, 0, 0, 254}, .port = 19797},
                                    .interface = 7,
                                    .ttl = 255};
}

static uint64_t drops(enum muster_drop drop) {
    return world_drops(0, drop);
}

/* Every datagram is counted once. */
static void check_books(void) {
    const struct muster_counters *counters = muster_core_counters(world.nodes[0].core);
    uint64_t counted = counters->accepted + counters->copies;
    for (int i = 0; i < MUSTER_DROP_COUNT; i++) {
        counted += counters->drops[i];
    }
    assert_int_equal(counters->received, counted);
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

static void come_by_another_interface(void) {
    struct muster_datagram datagram = alive_datagram();
    datagram.interface = 8;
    say_datagram(&datagram);
}

static void come_through_a_router(void) {
    struct muster_datagram datagram = alive_datagram();
    datagram.ttl = 254;
    say_datagram(&datagram);
}

static void flood(void) {
    for (int i = 0; i <= MUSTER_SOURCE_BURST; i++) {
        world_say(0, ALIVE, 99, GROUP);
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
    const struct muster_document document = {.name = "a"};
    struct muster_core_options options;
    world_options(0, &document, &options);
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
    world_say(0, ANNOUNCE, 99, GROUP);
    countdown_set(1);
    world_run(1);
    assert_true(countdown_has_failed());
    assert_int_equal(world_rows(0, MUSTER_ALIVE), 0);
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
    [MUSTER_DROP_PATH] = {.make = come_by_another_interface},
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
    [MUSTER_DROP_STALE] = {.make = say_the_older_last},
    [MUSTER_DROP_UNASKED] = {.text = HEADER("alive") "\"re\":\"0123456789abcdef\"," SAID "}\n"},
    [MUSTER_DROP_SHORT_QUESTION] = {.text = HEADER("query") "\"nonce\":\"0123456789abcdef\",\"want\":{}}\n"},
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
        check_books();
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
    world_say(0, ANNOUNCE, 99, MUSTER_PATH_M4);
    world_say(0, ANNOUNCE, 99, MUSTER_PATH_B4);
    world_run(1);
    const struct muster_counters *counters = muster_core_counters(world.nodes[0].core);
    assert_int_equal(counters->accepted, 1);
    assert_int_equal(counters->copies, 1);
    struct muster_peer row;
    assert_true(world_row(0, "lamp", &row));
    assert_int_equal(row.received, 1);
    assert_int_equal(row.copies, 1);
    assert_int_equal(row.tuple_count, 2);
    check_books();
}

TEST(a_question_is_accepted_by_who_is_not_asked) {
    say(HEADER("query") "\"nonce\":\"0123456789abcdef\",\"want\":{\"type\":\"ipp\"}}\n");
    const struct muster_counters *counters = muster_core_counters(world.nodes[0].core);
    assert_int_equal(counters->accepted, 1);
    assert_int_equal(counters->answers, 0);
}

/* The padded question of section 5, byte for byte long enough. */
static void ask(const char *members, size_t length, enum muster_path_kind path) {
    char text[MUSTER_DATAGRAM_BYTES_MAX];
    int printed = snprintf(text, sizeof text, HEADER("query") "\"nonce\":\"0123456789abcdef\",%s}", members);
    assert_true(printed > 0 && (size_t)printed < length);
    memset(text + printed, ' ', length - (size_t)printed);
    text[length - 1] = '\n';
    text[length] = '\0';
    world_say(0, text, 99, path);
    world_run(MUSTER_ANSWER_MS_MIN + 2);
}

TEST(a_question_buys_an_answer_of_its_length) {
    char of_a[64];
    char id_text[MUSTER_ID_TEXT_BYTES];
    uint8_t id[MUSTER_ID_BYTES];
    muster_core_id(world.nodes[0].core, id);
    muster_id_text(id, id_text);
    snprintf(of_a, sizeof of_a, "\"of\":[\"%s\"]", id_text);
    const struct muster_counters *counters = muster_core_counters(world.nodes[0].core);
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
    const struct muster_counters *counters = muster_core_counters(world.nodes[0].core);
    uint64_t questions = counters->questions;
    say(ALIVE);
    say(HEADER("bye") "\"seq\":8}\n");
    world_run(100);
    assert_true(counters->questions > questions);
    assert_int_equal(counters->drops[MUSTER_DROP_UNKNOWN], 2);
}

TEST(a_bye_ends_what_it_missed_the_start_of) {
    say(ANNOUNCE);
    say("{\"muster\":1,\"kind\":\"bye\",\"id\":\"00112233445566778899aabbccddeeff\",\"boot\":6,\"seq\":1}\n");
    struct muster_peer row;
    assert_true(world_row(0, "lamp", &row));
    assert_int_equal(row.state, MUSTER_LEFT);
    assert_int_equal(row.boot, 6);
    say("{\"muster\":1,\"kind\":\"bye\",\"id\":\"00112233445566778899aabbccddeeff\",\"boot\":6,\"seq\":2}\n");
    assert_int_equal(drops(MUSTER_DROP_STALE), 1);
}

/* ---- whose word it is ---- */

struct forger {
    uint8_t key[MUSTER_KEY_BYTES];
    uint8_t secret[MUSTER_SECRET_BYTES];
    struct muster_crypto crypto;
};

static void forger_init(struct forger *forger) {
    assert_int_equal(muster_key_generate(forger->key, forger->secret), 0);
    assert_int_equal(muster_crypto_ed25519(&forger->crypto, forger->secret), 0);
}

/* An answer to what "a" asks just now, as the holder of the key would give it, signed by the forger. */
static void answer(const uint8_t key[MUSTER_KEY_BYTES], const uint8_t key_shown[MUSTER_KEY_BYTES],
                   uint64_t boot, const struct forger *forger) {
    struct message message = {.kind = MESSAGE_ANNOUNCE,
                              .boot = boot,
                              .is_answer = true,
                              .re = world.nodes[0].core->nonces.values[0],
                              .rev = 1,
                              .next_ms = 2500,
                              .document = {.name = "forged"},
                              .has_key = true};
    muster_id_of_key(key, message.id);
    memcpy(message.key, key_shown, sizeof message.key);
    uint8_t bytes[MUSTER_DATAGRAM_BYTES_MAX];
    int length = message_encode(&message, &forger->crypto, 0, bytes, sizeof bytes);
    assert_true(length > 0);
    struct muster_datagram datagram = alive_datagram();
    datagram.bytes = bytes;
    datagram.length = (size_t)length;
    say_datagram(&datagram);
}

TEST(an_answer_is_signed_by_the_key_of_its_id) {
    struct forger forger;
    uint8_t victim[MUSTER_KEY_BYTES];
    uint8_t unused[MUSTER_SECRET_BYTES];
    forger_init(&forger);
    assert_int_equal(muster_key_generate(victim, unused), 0);
    answer(victim, victim, 5, &forger);
    answer(victim, forger.key, 5, &forger);
    assert_int_equal(drops(MUSTER_DROP_SIGNATURE), 2);
    assert_int_equal(world_rows(0, MUSTER_ALIVE), 0);
    answer(forger.key, forger.key, 5, &forger); /* in his own name he is welcome */
    assert_int_equal(world_rows(0, MUSTER_ALIVE), 1);
}

TEST(nobody_conflicts_without_the_key) {
    struct forger forger;
    forger_init(&forger);
    answer(world.nodes[0].key, world.nodes[0].key, 5, &forger);
    answer(world.nodes[0].key, forger.key, 5, &forger);
    assert_int_equal(drops(MUSTER_DROP_SIGNATURE), 2);
    assert_int_equal(world.nodes[0].counts[MUSTER_PEER_CONFLICT], 0);
}

TEST(a_verified_peer_signs_its_questions) {
    world_add("b");
    world_run(2000);
    char id[MUSTER_ID_TEXT_BYTES];
    uint8_t bytes[MUSTER_ID_BYTES];
    muster_core_id(world.nodes[1].core, bytes);
    muster_id_text(bytes, id);
    char text[256];
    snprintf(text, sizeof text,
             "{\"muster\":1,\"kind\":\"query\",\"id\":\"%s\",\"boot\":1,\"nonce\":\"0123456789abcdef\","
             "\"of\":[\"%s\"]}\n",
             id, id);
    say(text);
    assert_int_equal(drops(MUSTER_DROP_SIGNATURE), 1);
}

/* "b" asks the group for "c", or seems to; how many questions "a" holds to have been asked for it then. */
static unsigned tries_after(uint64_t boot, uint64_t count, enum muster_path_kind path) {
    const struct node *b = &world.nodes[1];
    struct message query = {
        .kind = MESSAGE_QUERY, .boot = boot, .nonce = 1, .count = count, .asks_some = true};
    struct muster_crypto crypto;
    assert_int_equal(muster_crypto_ed25519(&crypto, b->secret), 0);
    query.said = peer_table_find(&world.nodes[0].core->table, b->core->identity.id)->seq;
    muster_core_id(b->core, query.id);
    muster_core_id(world.nodes[2].core, query.of[query.of_count++]);
    uint8_t bytes[MUSTER_DATAGRAM_BYTES_MAX];
    int length = message_encode(&query, &crypto, MUSTER_PROOF_BYTES, bytes, sizeof bytes);
    struct muster_datagram datagram = alive_datagram();
    datagram.bytes = bytes;
    datagram.length = (size_t)length;
    if (path == MUSTER_PATH_U4) {
        datagram.destination = world.nodes[0].endpoint;
    }
    say_datagram(&datagram);
    return peer_table_find(&world.nodes[0].core->table, query.of[0])->tries;
}

/* Else whoever recorded a question could talk a listener out of asking, and bury a living peer. */
TEST(a_recorded_question_counts_for_nothing) {
    world_add("b");
    world_add("c");
    world_run(5000);
    world_kill(1);
    world_kill(2);
    const struct muster_core *core = world.nodes[0].core;
    const uint8_t *id = world.nodes[2].core->identity.id;
    assert_true(world_run_until(0, MUSTER_PEER_SUSPECT, 1));
    while (peer_table_find(&core->table, id)->state != MUSTER_SUSPECT) {
        world_run(1);
    }
    uint64_t boot = world.nodes[1].boot;
    unsigned tries = peer_table_find(&core->table, id)->tries;
    assert_int_equal(tries_after(boot, 1000, GROUP), tries + 1);
    world_run(MUSTER_GROUP_ANSWER_MS); /* sooner it would be the same try in any case */
    assert_int_equal(tries_after(boot, 1000, GROUP), tries + 1);
    assert_int_equal(tries_after(boot, 999, GROUP), tries + 1);
    assert_int_equal(tries_after(boot, 0, GROUP), tries + 1);
    assert_int_equal(tries_after(boot + 1, 1001, GROUP), tries + 1);
    assert_int_equal(tries_after(boot, 1001, MUSTER_PATH_U4), tries + 1);
    assert_int_equal(tries_after(boot, 1001, GROUP), tries + 2);
}

int main(void) {
    return test_run(begin, world_end);
}
