/* SPDX-License-Identifier: MIT */
/* Every bound that a node holds, at the bound and beyond, and every error that it returns. */
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "limit.h"
#include "test.h"
#include "world.h"

#define A 0 /* the node under test */

static void begin(void) {
    world_begin(1);
}

static const struct muster_counters *counters(void) {
    return world_counters(A);
}

/* ---- strangers ---- */

/* Sent to the group by one of 256 addresses and eight ports, so that none of them floods. */
static void say_text(unsigned n, const char *text) {
    const struct muster_datagram datagram = {
        .bytes = (const uint8_t *)text,
        .length = strlen(text),
        .source = {.family = 4, .ip = {10, 0, 1, (uint8_t)n}, .port = (uint16_t)(20000 + n % 8)},
        .destination = {.family = 4, .ip = {224, 0, 0, 254}, .port = MUSTER_PORT_DEFAULT},
        .interface = WORLD_INTERFACE,
        .ttl = 255};
    world_inject(A, &datagram);
}

/* Stranger n says this. */
static void say(unsigned n, const char *kind, const char *members) {
    char text[512];
    snprintf(text, sizeof text, "{\"muster\":1,\"kind\":\"%s\",\"id\":\"%032x\",\"boot\":1,%s}\n", kind, n,
             members);
    say_text(n, text);
}

#define SAID(seq) "\"seq\":" #seq ",\"rev\":1,\"next_ms\":60000,\"peers\":0"

static void announce(unsigned n) {
    say(n, "announce", SAID(1) ",\"name\":\"stranger\"");
}

/* ---- options ---- */

static int try_options(const struct muster_core_options *options) {
    muster_core_t *core;
    int error = muster_core_new(options, 1000, &core);
    assert_true((error == 0) == (core != NULL));
    muster_core_free(core);
    return error;
}

static struct muster_core_options good_options(void) {
    struct muster_core_options options;
    muster_core_options_init(&options);
    assert_int_equal(muster_crypto_ed25519(&options.crypto, NULL), 0);
    options.boot = 1;
    assert_int_equal(try_options(&options), 0);
    return options;
}

#define CHECK_OPTION(member, value, expected)              \
    do {                                                   \
        struct muster_core_options tried = good_options(); \
        tried.member = (value);                            \
        assert_int_equal(try_options(&tried), expected);   \
    } while (0)

TEST(options_have_bounds) {
    CHECK_OPTION(boot, 0, MUSTER_EINVAL);
    CHECK_OPTION(boot, MUSTER_INTEGER_MAX, 0);
    CHECK_OPTION(boot, (uint64_t)MUSTER_INTEGER_MAX + 1, MUSTER_EINVAL);
    CHECK_OPTION(port, 0, MUSTER_EINVAL);
    CHECK_OPTION(port, 65535, 0);
    CHECK_OPTION(interval_min_ms, MUSTER_INTERVAL_MS_MIN - 1, MUSTER_EINVAL);
    CHECK_OPTION(interval_min_ms, MUSTER_INTERVAL_MS_MIN, 0);
    CHECK_OPTION(interval_min_ms, MUSTER_INTERVAL_MS_MAX, 0);
    CHECK_OPTION(interval_min_ms, MUSTER_INTERVAL_MS_MAX + 1, MUSTER_EINVAL);
    CHECK_OPTION(budget_bps, 0, MUSTER_EINVAL);
    CHECK_OPTION(budget_bps, 1, 0);
    CHECK_OPTION(peers_max, 0, MUSTER_EINVAL);
    CHECK_OPTION(peers_max, 1, 0);
    CHECK_OPTION(peers_max, MUSTER_PEERS_HIGHEST, 0);
    CHECK_OPTION(peers_max, MUSTER_PEERS_HIGHEST + 1, MUSTER_EINVAL);
}

TEST(options_of_older_programs_are_taken) {
    CHECK_OPTION(size, 0, MUSTER_EINVAL);
    CHECK_OPTION(size, sizeof(size_t) - 1, MUSTER_EINVAL);
    CHECK_OPTION(size, sizeof(struct muster_core_options) + 1, MUSTER_EINVAL);
    struct muster_core_options options = good_options();
    options.peers_max = 0;
    assert_int_equal(try_options(&options), MUSTER_EINVAL);
    options.size = offsetof(struct muster_core_options, peers_max);
    assert_int_equal(try_options(&options), 0);
}

TEST(defaults_fill_what_the_program_has) {
    struct muster_core_options options = {.peers_max = 7};
    muster_core_options_init_sized(&options, offsetof(struct muster_core_options, peers_max));
    assert_int_equal(options.size, offsetof(struct muster_core_options, peers_max));
    assert_int_equal(options.port, 19797);
    assert_int_equal(options.peers_max, 7);
    struct {
        struct muster_core_options known;
        uint64_t newer;
    } later = {.newer = 7};
    muster_core_options_init_sized(&later.known, sizeof later);
    assert_int_equal(later.known.size, sizeof later);
    assert_int_equal(later.known.peers_max, 16384);
    assert_int_equal(later.newer, 0);
}

TEST(who_has_a_key_can_sign_and_all_can_verify) {
    static const uint8_t key[MUSTER_KEY_BYTES] = {1};
    CHECK_OPTION(crypto.verify, NULL, MUSTER_EINVAL);
    CHECK_OPTION(crypto.sign, NULL, 0);
    struct muster_core_options options = good_options();
    options.key = key;
    options.crypto.sign = NULL;
    assert_int_equal(try_options(&options), MUSTER_EINVAL);
    options = good_options();
    options.tombstone_ms = MUSTER_TOMBSTONE_MS_MAX + 1;
    assert_int_equal(try_options(&options), MUSTER_EINVAL);
    options = good_options();
    const struct muster_document document = {.name = "a"};
    options.document = &document;
    options.key = key; /* and no secret to sign with */
    assert_int_equal(try_options(&options), MUSTER_ECRYPTO);
}

TEST(defaults_are_those_of_the_protocol) {
    struct muster_core_options options;
    muster_core_options_init(&options);
    assert_null(options.document);
    assert_int_equal(options.port, 19797);
    assert_int_equal(options.interval_min_ms, 2000);
    assert_int_equal(options.budget_bps, 128000);
    assert_int_equal(options.tombstone_ms, 60000);
    assert_int_equal(options.peers_max, 16384);
}

/* ---- documents ---- */

static int try_document(const struct muster_document *document) {
    struct muster_core_options options = good_options();
    options.document = document;
    int error = try_options(&options);
    const struct muster_command update = {.kind = MUSTER_COMMAND_UPDATE, .document = document};
    assert_int_equal(world_command(A, &update), error); /* the same rules */
    return error;
}

static struct muster_service good_service(void) {
    return (struct muster_service){.name = "", .type = "http", .proto = "tcp", .port = 80};
}

static int try_service(struct muster_service service) {
    const struct muster_document document = {.name = "a", .services = &service, .service_count = 1};
    return try_document(&document);
}

static int try_attr(const char *name, const char *value) {
    const struct muster_text attr = {name, value};
    const struct muster_document document = {.name = "a", .attrs = &attr, .attr_count = 1};
    return try_document(&document);
}

/* A text of this many bytes, valid until the next call. */
static const char *text_of(size_t length) {
    static char text[256 + 1];
    assert_true(length < sizeof text);
    memset(text, 'x', length);
    text[length] = '\0';
    return text;
}

TEST(a_document_follows_the_rules_of_the_wire) {
    world_add("a!");
    assert_int_equal(try_document(&(struct muster_document){.name = text_of(63)}), 0);
    assert_int_equal(try_document(&(struct muster_document){.name = text_of(64)}), MUSTER_EINVAL);
    assert_int_equal(try_document(&(struct muster_document){.name = ""}), MUSTER_EINVAL);
    assert_int_equal(try_document(&(struct muster_document){.name = "\xff"}), MUSTER_EINVAL);
    assert_int_equal(try_attr(text_of(63), ""), 0);
    assert_int_equal(try_attr(text_of(64), ""), MUSTER_EINVAL);
    assert_int_equal(try_attr("", ""), MUSTER_EINVAL);
    assert_int_equal(try_attr("a", text_of(255)), 0);
    assert_int_equal(try_attr("a", text_of(256)), MUSTER_EINVAL);
    assert_int_equal(try_attr("a", "\xc3"), MUSTER_EINVAL);
    const struct muster_text twice[] = {{"a", "1"}, {"a", "2"}};
    assert_int_equal(try_document(&(struct muster_document){.name = "a", .attrs = twice, .attr_count = 2}),
                     MUSTER_EINVAL);
}

#define CHECK_SERVICE(member, value, expected)          \
    do {                                                \
        struct muster_service tried = good_service();   \
        tried.member = (value);                         \
        assert_int_equal(try_service(tried), expected); \
    } while (0)

TEST(a_service_follows_the_rules_of_the_wire) {
    world_add("a!");
    CHECK_SERVICE(port, 80, 0);
    CHECK_SERVICE(port, 0, MUSTER_EINVAL);
    CHECK_SERVICE(name, NULL, 0);
    CHECK_SERVICE(name, text_of(63), 0);
    CHECK_SERVICE(name, text_of(64), MUSTER_EINVAL);
    CHECK_SERVICE(type, text_of(15), 0);
    CHECK_SERVICE(type, text_of(16), MUSTER_EINVAL);
    CHECK_SERVICE(type, "HTTP", MUSTER_EINVAL);
    CHECK_SERVICE(proto, "sctp", MUSTER_EINVAL);
    const struct muster_service twice[] = {good_service(), good_service()};
    assert_int_equal(
        try_document(&(struct muster_document){.name = "a", .services = twice, .service_count = 2}),
        MUSTER_EINVAL);
}

TEST(a_text_that_is_missing_is_refused) {
    world_add("a!");
    const struct muster_text txt = {"path", NULL};
    assert_int_equal(try_document(&(struct muster_document){.name = NULL}), MUSTER_EINVAL);
    CHECK_SERVICE(type, NULL, MUSTER_EINVAL);
    CHECK_SERVICE(proto, NULL, MUSTER_EINVAL);
    struct muster_service service = good_service();
    service.txt = &txt;
    service.txt_count = 1;
    assert_int_equal(try_service(service), MUSTER_EINVAL);
    assert_int_equal(try_attr(NULL, "a"), MUSTER_EINVAL);
    assert_int_equal(try_attr("a", NULL), MUSTER_EINVAL);
    const struct muster_command update = {.kind = MUSTER_COMMAND_UPDATE};
    assert_int_equal(world_command(A, &update), MUSTER_EINVAL);
}

/* Sets a document of four attributes, three of them full, this many bytes being left to the last one. */
static int update_to(size_t length) {
    char full[221];
    memset(full, 'x', sizeof full);
    full[220] = '\0';
    const struct muster_text attrs[] = {{"a", full}, {"b", full}, {"c", full}, {"d", text_of(length)}};
    const struct muster_document document = {.name = "a", .attrs = attrs, .attr_count = 4};
    const struct muster_command update = {.kind = MUSTER_COMMAND_UPDATE, .document = &document};
    return world_command(A, &update);
}

/* What is left of 1200 bytes depends on the numbers: the longest there can be are reckoned with. */
TEST(the_longest_document_is_heard_by_all) {
    world_add("a!");
    world_add("b");
    size_t length = 0;
    while (length < 255 && update_to(length) == 0) {
        length++;
    }
    assert_in_range(length, 10, 254);
    assert_int_equal(update_to(length), MUSTER_ETOOBIG);
    assert_int_equal(update_to(255), MUSTER_ETOOBIG);
    world_run(3000);
    assert_int_equal(world_row(1, "a")->rev, length + 1); /* the last one that was taken */
    assert_int_equal(world_drops(1, MUSTER_DROP_TOO_LONG), 0);
}

TEST(a_document_that_no_datagram_holds_is_too_big) {
    world_add("a!");
    struct muster_text attrs[300];
    char names[300][8];
    for (size_t i = 0; i < 300; i++) {
        snprintf(names[i], sizeof names[i], "%zu", i);
        attrs[i] = (struct muster_text){names[i], ""};
    }
    const struct muster_document bytes = {.name = "a", .attrs = attrs, .attr_count = 300};
    assert_int_equal(try_document(&bytes), MUSTER_ETOOBIG);
    struct muster_service services[60];
    for (size_t i = 0; i < 60; i++) {
        services[i] = (struct muster_service){.type = "x", .proto = "tcp", .port = (uint16_t)(i + 1)};
    }
    const struct muster_document values = {.name = "a", .services = services, .service_count = 60};
    assert_int_equal(try_document(&values), MUSTER_ETOOBIG);
}

/* ---- paths ---- */

TEST(paths_are_bounded) {
    world_add("?");
    struct muster_path paths[MUSTER_PATHS_MAX + 1];
    for (uint32_t i = 0; i <= MUSTER_PATHS_MAX; i++) {
        paths[i] = (struct muster_path){.interface = i + 1, .kind = MUSTER_PATH_M4, .name = "eth"};
    }
    assert_int_equal(world_paths(A, paths, MUSTER_PATHS_MAX + 1), MUSTER_EFULL);
    assert_int_equal(world_paths(A, paths, MUSTER_PATHS_MAX), 0);
    paths[1] = paths[0];
    assert_int_equal(world_paths(A, paths, MUSTER_PATHS_MAX), MUSTER_EINVAL);
}

/* ---- commands ---- */

static int command(enum muster_command_kind kind) {
    return world_command(A, &(struct muster_command){.kind = kind});
}

TEST(an_observer_has_nothing_to_say) {
    world_add("?");
    assert_int_equal(world_update(A, "a", 1), MUSTER_EINVAL);
    assert_int_equal(world_rekey(A, 2), MUSTER_EINVAL);
    assert_int_equal(command(MUSTER_COMMAND_LEAVE), 0);
    assert_true(world.nodes[A].has_left);
}

TEST(an_incomplete_key_is_refused) {
    world_add("a");
    const struct node *node = &world.nodes[A];
    struct muster_command good = {.kind = MUSTER_COMMAND_REKEY, .key = node->key, .boot = 2};
    assert_int_equal(muster_crypto_ed25519(&good.crypto, node->secret), 0);
    struct muster_command bad[4] = {good, good, good, good};
    bad[0].key = NULL;
    bad[1].boot = 0;
    bad[2].crypto.sign = NULL;
    bad[3].crypto.context = NULL; /* no secret */
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(world_command(A, &bad[i]), i < 3 ? MUSTER_EINVAL : MUSTER_ECRYPTO);
    }
    assert_int_equal(muster_core_boot(node->core), 1);
    assert_int_equal(world_command(A, &good), 0);
    assert_int_equal(muster_core_boot(node->core), 2);
}

/* A key makes announcements longer: the document must still fit. */
TEST(a_first_key_needs_room) {
    world_add("a!");
    world_add("b");
    for (size_t length = 0; update_to(length) == 0; length++) {
    }
    assert_int_equal(world_rekey(A, 2), MUSTER_ETOOBIG);
    assert_int_equal(update_to(0), 0);
    assert_int_equal(world_rekey(A, 2), 0);
    world_run(10000);
    assert_true(world_has_row(1, "a"));
    assert_int_equal(world_rows(1, MUSTER_ALIVE), 1);
}

TEST(unknown_commands_are_refused) {
    world_add("a");
    assert_int_equal(command((enum muster_command_kind)99), MUSTER_EINVAL);
}

TEST(after_leaving_nothing_is_taken_or_said) {
    world_add("a");
    world_add("b");
    world_run(2000);
    assert_int_equal(command(MUSTER_COMMAND_QUERY), 0);
    assert_int_equal(command(MUSTER_COMMAND_LEAVE), 0);
    assert_int_equal(command(MUSTER_COMMAND_LEAVE), MUSTER_ECLOSING);
    assert_int_equal(command(MUSTER_COMMAND_QUERY), MUSTER_ECLOSING);
    assert_int_equal(world_update(A, "a", 1), MUSTER_ECLOSING);
    world_run(300);
    assert_true(world.nodes[A].has_left);
    world_kill(1); /* somebody to wonder about */
    announce(1);
    say(2, "alive", SAID(1));
    uint64_t sent = counters()->sent;
    world_run(70000);
    assert_int_equal(counters()->sent, sent);
    assert_int_equal(world.nodes[A].settled, 1);
}

TEST(queries_under_way_are_bounded) {
    world_add("?");
    for (int i = 0; i < MUSTER_QUERIES_MAX; i++) {
        assert_int_equal(command(MUSTER_COMMAND_QUERY), 0);
    }
    assert_int_equal(command(MUSTER_COMMAND_QUERY), MUSTER_EFULL);
    world_run(MUSTER_QUERY_MS_MAX);
    assert_int_equal(world.nodes[A].settled, MUSTER_QUERIES_MAX);
    assert_int_equal(command(MUSTER_COMMAND_QUERY), 0);
}

static int query(const char *type, const char *name) {
    const struct muster_command command = {.kind = MUSTER_COMMAND_QUERY, .type = type, .name = name};
    return world_command(A, &command);
}

TEST(a_query_that_nobody_takes_is_refused) {
    world_add("?");
    assert_int_equal(query(text_of(15), NULL), 0);
    assert_int_equal(query(text_of(16), NULL), MUSTER_EINVAL);
    assert_int_equal(query("HTTP", NULL), MUSTER_EINVAL);
    assert_int_equal(query("_http._tcp", NULL), MUSTER_EINVAL);
    assert_int_equal(query(NULL, text_of(MUSTER_OFFERER_BYTES - 1)), 0);
    assert_int_equal(query(NULL, text_of(MUSTER_OFFERER_BYTES)), MUSTER_EINVAL);
    assert_int_equal(query(NULL, "K\xfc"
                                 "che"),
                     MUSTER_EINVAL);
    assert_int_equal(query(NULL, "K\xc3\xbc"
                                 "che"),
                     0);
    assert_int_equal(query("", NULL), MUSTER_EINVAL);
    assert_int_equal(query(NULL, ""), MUSTER_EINVAL);
    assert_int_equal(query(NULL, NULL), 0);
}

/* ---- bounded tables ---- */

static size_t start_with_rows(size_t peers_max) {
    world_add("a!");
    world_run(1); /* what it said has arrived */
    struct muster_core_options options = world_options(A);
    options.peers_max = peers_max;
    world_start(A, &options);
    return peers_max;
}

TEST(a_table_holds_no_more_than_its_rows) {
    size_t rows = start_with_rows(20);
    for (unsigned n = 0; n < rows + 5; n++) {
        announce(n);
    }
    world_run(1);
    assert_int_equal(world_rows(A, MUSTER_ALIVE), rows);
    assert_int_equal(counters()->drops[MUSTER_DROP_TABLE_FULL], 5);
    assert_int_equal(counters()->evicted, 0);
}

TEST(tombstones_and_unverified_rows_make_room) {
    size_t rows = start_with_rows(3);
    for (unsigned n = 0; n < rows; n++) {
        announce(n);
    }
    say(0, "bye", "\"seq\":2");
    world_run(1);
    announce(50); /* in the place of the one that left */
    world_run(1);
    assert_int_equal(world_rows(A, MUSTER_LEFT), 0);
    assert_int_equal(world_rows(A, MUSTER_ALIVE), rows);
    assert_int_equal(counters()->evicted, 1);
    world_add("b"); /* a verified one, in the place of a stranger */
    world_run(2000);
    assert_true(world_row(A, "b")->verified);
    assert_int_equal(counters()->evicted, 2);
    assert_int_equal(counters()->drops[MUSTER_DROP_TABLE_FULL], 0);
}

TEST(introductions_are_bounded) {
    world_add("a");
    for (unsigned n = 0; n < MUSTER_INTRODUCTIONS_MAX + 10; n++) {
        say(n, "alive", SAID(1));
    }
    world_run(1);
    assert_int_equal(counters()->drops[MUSTER_DROP_UNKNOWN], MUSTER_INTRODUCTIONS_MAX);
    assert_int_equal(counters()->drops[MUSTER_DROP_TABLE_FULL], 10);
    say(0, "alive", SAID(2)); /* under way already */
    world_run(1);
    assert_int_equal(counters()->drops[MUSTER_DROP_UNKNOWN], MUSTER_INTRODUCTIONS_MAX + 1);
    world_run(300000); /* all were asked in vain, and are forgotten */
    say(5000, "alive", SAID(1));
    world_run(1);
    assert_int_equal(counters()->drops[MUSTER_DROP_TABLE_FULL], 10);
}

TEST(one_address_is_introduced_a_few_times) {
    world_add("a");
    for (unsigned n = 0; n < MUSTER_INTRODUCTIONS_PER_ADDRESS + 3; n++) {
        say(256 * n, "alive", SAID(1));
    }
    world_run(1);
    assert_int_equal(counters()->drops[MUSTER_DROP_UNKNOWN], MUSTER_INTRODUCTIONS_PER_ADDRESS);
    assert_int_equal(counters()->drops[MUSTER_DROP_TABLE_FULL], 3);
}

/* Else forged messages would make us flood the segment with questions. */
TEST(introductions_have_a_budget) {
    world_add("a");
    world_run(2000);
    for (unsigned n = 0; n < 1000; n++) {
        say(n, "alive", SAID(1));
    }
    uint64_t sent = world.sent;
    world_run(10000);
    assert_true(world.sent - sent < 2 * (MUSTER_INTRODUCTION_BURST + 10 * MUSTER_INTRODUCTION_RATE));
}

/* A question for everybody, long enough for its answer. */
static void ask(unsigned n) {
    char question[256];
    char text[MUSTER_ANNOUNCE_BYTES_MAX + 1];
    snprintf(question, sizeof question,
             "{\"muster\":1,\"kind\":\"query\",\"id\":\"%032x\",\"boot\":1,\"nonce\":\"%08x\",\"want\":{}}",
             7u, n);
    snprintf(text, sizeof text, "%-*s\n", MUSTER_ANNOUNCE_BYTES_MAX - 1, question);
    say_text(n, text);
}

TEST(waiting_answers_are_bounded) {
    world_add("a");
    world_run(1500);
    const unsigned questions = 400;
    for (unsigned n = 0; n < questions; n++) {
        ask(n);
    }
    world_run(2000);
    uint64_t refused = counters()->drops[MUSTER_DROP_TABLE_FULL];
    assert_in_range(refused, 1, questions - MUSTER_ANSWERS_MAX);
    assert_int_equal(counters()->answers, questions - refused);
    ask(questions);
    world_run(1000);
    assert_int_equal(counters()->answers, questions - refused + 1);
}

TEST(waiting_datagrams_are_bounded) {
    struct muster_core_options options = good_options();
    const struct muster_document document = {.name = "a"};
    options.document = &document;
    muster_core_t *core;
    assert_int_equal(muster_core_new(&options, 1000, &core), 0);
    struct muster_path paths[MUSTER_PATHS_MAX];
    for (uint32_t i = 0; i < MUSTER_PATHS_MAX; i++) {
        paths[i] = (struct muster_path){.interface = i + 1, .kind = MUSTER_PATH_M4, .name = "eth"};
    }
    struct muster_event event = {
        .kind = MUSTER_EVENT_PATHS, .now_ms = 1000, .paths = paths, .path_count = MUSTER_PATHS_MAX};
    const struct muster_counters *counted = muster_core_counters(core);
    assert_int_equal(muster_core_step(core, &event), 0);
    event.kind = MUSTER_EVENT_TIMER;
    while (counted->outputs_dropped == 0) { /* nobody pulls */
        event.now_ms = muster_core_deadline(core);
        assert_true(event.now_ms < 100000);
        assert_int_equal(muster_core_step(core, &event), 0);
    }
    assert_int_equal(counted->sent, MUSTER_DATAGRAMS_MAX);
    struct muster_output output;
    size_t pulled = 0;
    while (muster_core_next(core, &output)) {
        pulled += output.kind == MUSTER_OUTPUT_DATAGRAM;
    }
    assert_int_equal(pulled, MUSTER_DATAGRAMS_MAX);
    muster_core_free(core);
}

TEST(a_row_keeps_8_tuples) {
    world_add("a");
    for (unsigned i = 1; i <= 2 * MUSTER_TUPLES_MAX; i++) {
        world_announce(A, (uint8_t)(100 + i), &(struct announce){.seq = i, .rev = 1, .name = "lamp"});
        world_run(10); /* it roams */
    }
    const struct muster_peer *row = world_row(A, "lamp");
    assert_int_equal(row->received, 2 * MUSTER_TUPLES_MAX);
    assert_int_equal(row->tuple_count, MUSTER_TUPLES_MAX);
    for (size_t i = 0; i < row->tuple_count; i++) { /* the most recent first */
        assert_int_equal(row->tuples[i].source.ip[3], 100 + 2 * MUSTER_TUPLES_MAX - i);
    }
}

TEST(an_empty_list_may_be_freed) {
    struct muster_peer_list zeroed = {0};
    muster_peer_list_free(&zeroed);
}

TEST(a_claim_of_peers_is_bounded) {
    world_add("a");
    say(1, "announce", "\"seq\":1,\"rev\":1,\"next_ms\":60000,\"peers\":1000000,\"name\":\"boaster\"");
    say(2, "announce", "\"seq\":1,\"rev\":1,\"next_ms\":60000,\"peers\":1000001,\"name\":\"liar\"");
    world_run(1);
    assert_int_equal(world_rows(A, MUSTER_ALIVE), 1);
    assert_int_equal(counters()->drops[MUSTER_DROP_RANGE], 1);
}

/* ---- errors ---- */

TEST(errors_have_names_and_texts) {
#define CHECK_NAME(name, number, text)                                      \
    assert_string_equal(muster_error_name(MUSTER_##name), "MUSTER_" #name); \
    assert_string_equal(muster_error_text(number), text);
    MUSTER_ERRORS(CHECK_NAME)
    assert_string_equal(muster_error_text(0), "success");
    assert_string_equal(muster_error_text(-1000), "unknown error");
    assert_string_equal(muster_error_text(1), "unknown error");
    assert_string_equal(muster_error_name(-1000), "MUSTER_UNKNOWN");
}

int main(void) {
    return test_run(begin, world_end);
}
