/* SPDX-License-Identifier: MIT */
/* Every allocation fails once, at each place where the core allocates: nothing crashes or leaks, the books
 * stay right, and afterwards the nodes know each other as if nothing had been. */
#include <stdio.h>
#include <string.h>

#include "countdown.h"
#include "field.h"
#include "tape.h"
#include "test.h"

/* ---- making a node ---- */

static const struct muster_text txt = {"path", "/"};
static const struct muster_service service = {
    .name = "page", .type = "http", .proto = "tcp", .port = 80, .txt = &txt, .txt_count = 1};
static const struct muster_document document = {
    .name = "a", .services = &service, .service_count = 1, .attrs = &txt, .attr_count = 1};

static void make_node(void *options) {
    muster_core_t *core = NULL;
    countdown_begin();
    int error = muster_core_new(options, 1000, &core);
    bool has_failed = countdown_end();
    assert_int_equal(error, has_failed ? MUSTER_ENOMEM : 0);
    assert_true((core == NULL) == has_failed);
    muster_core_free(core);
}

TEST(a_node_is_made_or_not) {
    uint8_t key[MUSTER_KEY_BYTES];
    uint8_t secret[MUSTER_SECRET_BYTES];
    struct muster_core_options options;
    assert_int_equal(muster_key_generate(key, secret), 0);
    muster_core_options_init(&options);
    assert_int_equal(muster_crypto_ed25519(&options.crypto, secret), 0);
    options.boot = 1;
    assert_true(countdown_walk(make_node, &options, 0) > 0);
    options.document = &document;
    assert_true(countdown_walk(make_node, &options, 0) > 0);
    options.key = key;
    assert_true(countdown_walk(make_node, &options, 0) > 0);
}

/* ---- stories in which one allocation fails ---- */

/* What is refused for want of memory is refused once. */
static void command(size_t index, const struct muster_command *command) {
    int error = world_command(index, command);
    if (error != 0) {
        assert_int_equal(error, MUSTER_ENOMEM);
        assert_true(countdown_has_failed());
        assert_int_equal(world_command(index, command), 0);
    }
}

static void update(size_t index, uint16_t port) {
    struct muster_service services[] = {service, service};
    services[1].port = port;
    struct muster_document next = document;
    next.name = world.nodes[index].name;
    next.services = services;
    next.service_count = 2;
    command(index, &(struct muster_command){.kind = MUSTER_COMMAND_UPDATE, .document = &next});
}

static void look(size_t index) {
    struct muster_peer_list list;
    int error = muster_core_peers(world.nodes[index].core, &list);
    if (error != 0) {
        assert_int_equal(error, MUSTER_ENOMEM);
        assert_true(countdown_has_failed());
        assert_int_equal(list.count, 0);
        assert_null(list.peers);
    }
    muster_peer_list_free(&list);
}

static void check_row(size_t index, const char *name, enum muster_state expected, size_t services) {
    struct muster_peer_list list;
    assert_int_equal(muster_core_peers(world.nodes[index].core, &list), 0);
    bool is_found = false;
    for (size_t i = 0; i < list.count; i++) {
        const struct muster_peer *peer = &list.peers[i];
        is_found = is_found || (peer->state == expected && strcmp(peer->document.name, name) == 0 &&
                                peer->document.service_count == services);
    }
    muster_peer_list_free(&list);
    assert_true(is_found);
}

struct story {
    void (*begin)(void);
    void (*tell)(void);  /* here an allocation fails */
    void (*check)(void); /* after it */
};

static void begin_world(void) {
    world_begin(1);
    world.is_lost = world_lose_copies;
    world.crypto = &world_cheap_crypto; /* it takes thousands of runs */
}

static void run_story(void *context) {
    const struct story *story = context;
    begin_world();
    story->begin();
    countdown_begin();
    story->tell();
    countdown_end();
    story->check();
}

static void fail_allocations_of(struct story *story, unsigned long passed) {
    unsigned long allocations = countdown_walk(run_story, story, passed);
    print_message("%lu allocations\n", allocations);
    assert_true(allocations > 0);
}

static void fail_every_allocation_of(void (*begin)(void), void (*tell)(void), void (*check)(void)) {
    fail_allocations_of(&(struct story){begin, tell, check}, 0);
}

/* Starts "a" and "b", who do not know each other yet. */
static void begin_two(void) {
    world_add("a");
    world_add("b");
}

static void begin_acquainted(void) {
    begin_two();
    world_run(400);
    check_row(1, "a", MUSTER_ALIVE, 1);
}

static void meet(void) {
    world_run(260);
}

static void check_met(void) {
    world_run(3000);
    check_row(0, "b", MUSTER_ALIVE, 1);
    check_row(1, "a", MUSTER_ALIVE, 1);
    assert_int_equal(world.nodes[0].counts[MUSTER_PEER_JOINED], 1);
    assert_int_equal(world.nodes[1].counts[MUSTER_PEER_JOINED], 1);
}

TEST(two_meet) {
    fail_every_allocation_of(begin_two, meet, check_met);
}

static void change(void) {
    update(0, 8080);
    look(1);
    world_run(20);
    look(1);
}

static void check_changed(void) {
    world_run(3000);
    check_row(1, "a", MUSTER_ALIVE, 2);
    assert_int_equal(world.nodes[1].counts[MUSTER_PEER_CHANGED], 1);
    assert_int_equal(world.nodes[1].counts[MUSTER_PEER_LOST], 0);
}

TEST(one_changes) {
    fail_every_allocation_of(begin_acquainted, change, check_changed);
}

static void ask(void) {
    command(1, &(struct muster_command){.kind = MUSTER_COMMAND_QUERY, .type = "http", .name = "a"});
    command(1, &(struct muster_command){.kind = MUSTER_COMMAND_QUERY});
    world_run(300);
}

static void check_settled(void) {
    world_run(2000);
    assert_int_equal(world.nodes[1].settled, 2);
    check_row(1, "a", MUSTER_ALIVE, 1);
}

TEST(one_asks) {
    fail_every_allocation_of(begin_acquainted, ask, check_settled);
}

/* "b" hears nothing until it is about to suspect "a". */
static void begin_deaf(void) {
    static uint64_t suspected_ms;
    begin_acquainted();
    world.nodes[1].paths = 0;
    if (suspected_ms == 0) { /* it is the same each time */
        assert_true(world_run_until(1, MUSTER_PEER_SUSPECT, 1));
        suspected_ms = world.now_ms;
        begin_world();
        begin_acquainted();
        world.nodes[1].paths = 0;
    }
    world_run(suspected_ms - 50 - world.now_ms);
    assert_int_equal(world.nodes[1].counts[MUSTER_PEER_SUSPECT], 0);
}

static void lose(void) {
    world_run(2000);
}

static void check_lost_and_back(void) {
    world_run(2000);
    assert_int_equal(world.nodes[1].counts[MUSTER_PEER_SUSPECT], 1);
    assert_int_equal(world.nodes[1].counts[MUSTER_PEER_LOST], 1);
    world.nodes[1].paths = WORLD_ALL_PATHS;
    world_run(5000);
    assert_true(world.nodes[1].counts[MUSTER_PEER_RETURNED] > 0);
    check_row(1, "a", MUSTER_ALIVE, 1);
}

TEST(one_is_lost) {
    fail_every_allocation_of(begin_deaf, lose, check_lost_and_back);
}

static void begin_lost(void) {
    begin_acquainted();
    world.nodes[1].paths = 0;
    assert_true(world_run_until(1, MUSTER_PEER_LOST, 1));
    world.nodes[1].paths = WORLD_ALL_PATHS;
}

static void come_back(void) {
    world_run(2500);
}

static void check_back(void) {
    world_run(2500);
    assert_true(world.nodes[1].counts[MUSTER_PEER_RETURNED] > 0);
    check_row(1, "a", MUSTER_ALIVE, 1);
}

TEST(one_returns) {
    fail_every_allocation_of(begin_lost, come_back, check_back);
}

static void leave(void) {
    command(0, &(struct muster_command){.kind = MUSTER_COMMAND_LEAVE});
    world_run(300);
}

static void check_left(void) {
    world_run(1000);
    assert_true(world.nodes[0].has_left);
    check_row(1, "a", MUSTER_LEFT, 1);
    assert_int_equal(world.nodes[1].counts[MUSTER_PEER_LEFT], 1);
}

TEST(one_leaves) {
    fail_every_allocation_of(begin_acquainted, leave, check_left);
}

static void take_another_key(void) {
    if (world_rekey(0, 2) != 0) {
        assert_true(countdown_has_failed());
        assert_int_equal(world_rekey(0, 2), 0);
    }
    world_run(60);
}

static void check_taken(void) {
    world_run(7000);
    assert_int_equal(world.nodes[1].counts[MUSTER_PEER_JOINED], 2);
    assert_int_equal(world.nodes[1].counts[MUSTER_PEER_LOST], 1);
    check_row(1, "a", MUSTER_ALIVE, 1);
    check_row(0, "b", MUSTER_ALIVE, 1);
}

TEST(one_takes_another_key) {
    fail_every_allocation_of(begin_acquainted, take_another_key, check_taken);
}

/* "b" starts again with a larger boot; its first datagrams are on their way. */
static void begin_again(void) {
    begin_acquainted();
    world_restart(1);
}

static void hear_of_it(void) {
    world_run(100);
}

static void check_restarted(void) {
    world_run(6000); /* the first question waits for nobody, the next for a pause */
    check_row(0, "b", MUSTER_ALIVE, 1);
    assert_int_equal(world.nodes[0].counts[MUSTER_PEER_RESTARTED], 1);
}

TEST(one_restarts) {
    fail_every_allocation_of(begin_again, hear_of_it, check_restarted);
}

/* "b" holds the key of "a" too, as after a copied disk; its first datagrams are on their way. */
static void begin_duplicates(void) {
    begin_two();
    struct node *duplicate = &world.nodes[1];
    memcpy(duplicate->key, world.nodes[0].key, sizeof duplicate->key);
    memcpy(duplicate->secret, world.nodes[0].secret, MUSTER_SECRET_BYTES);
    duplicate->boot = 10;
    world_restart(1);
}

static void notice(void) {
    world_run(120);
}

static void check_noticed(void) {
    world_run(3000);
    assert_int_equal(world.nodes[0].counts[MUSTER_PEER_CONFLICT], 1);
    assert_int_equal(world.nodes[1].counts[MUSTER_PEER_CONFLICT], 1);
}

TEST(who_holds_one_key_notices) {
    fail_every_allocation_of(begin_duplicates, notice, check_noticed);
}

/* Many who do not answer, and whose promises end together: more events than there is room for at first. */
#define STRANGERS 17

static void begin_one(void) {
    world_add("a");
    world_run(1);
}

static void begin_crowd(void) {
    begin_one();
    for (unsigned i = 0; i < STRANGERS; i++) {
        world_announce(0, 99, &(struct announce){.number = i, .next_ms = 2500});
    }
    world_run(1);
    assert_int_equal(world_rows(0, MUSTER_ALIVE), STRANGERS);
    world_run(2500);
}

static void fall_silent(void) {
    world_run(300);
}

static void check_all_lost(void) {
    world_run(2500);
    assert_int_equal(world.nodes[0].counts[MUSTER_PEER_SUSPECT], STRANGERS);
    assert_int_equal(world.nodes[0].counts[MUSTER_PEER_LOST], STRANGERS);
}

TEST(a_crowd_falls_silent) {
    fail_every_allocation_of(begin_crowd, fall_silent, check_all_lost);
}

/* ---- streams ---- */

/* "b" knows two that "a" does not. */
static void begin_table(void) {
    world.has_streams = true;
    tape_begin(1);
    begin_acquainted();
    world_announce(1, 99, &(struct announce){.number = 1, .name = "told0"});
    world_announce(1, 99, &(struct announce){.number = 2, .name = "told1"});
    world_run(5);
}

/* "a" asks, and "b" seems to answer that it holds more than is said by datagram. */
static void offer_table(void) {
    static struct utterance announce;
    char answer[MUSTER_DATAGRAM_BYTES_MAX];
    announce = tape_said("announce", 0) == NULL ? announce : *tape_said("announce", 0);
    tape_begin(0);
    command(0, &(struct muster_command){.kind = MUSTER_COMMAND_QUERY});
    if (tape_said("query", 0) != NULL) {
        const char *nonce = said_text(tape_said("query", 0), "nonce");
        const char *members = strstr(announce.text, ",\"rev\"");
        const char *rest = strchr(strstr(members, "\"peers\":"), ',');
        snprintf(answer, sizeof answer,
                 "{\"muster\":1,\"kind\":\"announce\",\"id\":\"%s\",\"boot\":1,\"re\":\"%s\",\"rev\":1,"
                 "\"next_ms\":2500,\"peers\":100%.*s",
                 world.nodes[1].id, nonce, (int)strcspn(rest, "\n"), rest);
        world_say_signed(0, 2, MUSTER_PATH_U4, world.nodes[1].secret, 0, "%s", answer);
    }
}

static void take_table(void) {
    offer_table();
    world_run(50);
}

static void check_table(void) {
    world_run(2000);
    if (world_rows(0, MUSTER_ALIVE) < 3) { /* then it is asked for again some time */
        offer_table();
        world_run(50);
    }
    check_row(0, "told0", MUSTER_ALIVE, 0);
    check_row(0, "told1", MUSTER_ALIVE, 0);
}

TEST(one_takes_a_table) {
    fail_every_allocation_of(begin_table, take_table, check_table);
}

static void begin_streams(void) {
    world.has_streams = true;
    begin_acquainted();
}

/* Too large for a datagram, of few values. */
static struct muster_document large_document(void) {
    static char text[MUSTER_VALUE_BYTES_MAX + 1];
    static struct muster_text attrs[] = {{"a", text}, {"b", text}, {"c", text}, {"d", text}, {"e", text}};
    memset(text, 'x', sizeof text - 1);
    return (struct muster_document){
        .name = "a", .services = &service, .service_count = 1, .attrs = attrs, .attr_count = 5};
}

static void grow_large(void) {
    const struct muster_document large = large_document();
    command(0, &(struct muster_command){.kind = MUSTER_COMMAND_UPDATE, .document = &large});
    world_run(60);
    look(1);
}

static void check_large(void) {
    world_run(3000);
    check_row(1, "a", MUSTER_ALIVE, 1);
    assert_false(world_row(1, "a")->partial);
    assert_int_equal(world_row(1, "a")->document.attr_count, 5);
}

TEST(one_grows_large) {
    fail_every_allocation_of(begin_streams, grow_large, check_large);
}

/* No stream brings it: it comes in parts. */
static void refuse(struct pipe *pipe, enum muster_stream_event event) {
    if (event == MUSTER_STREAM_ACCEPTED) {
        pipe_break(pipe);
    }
}

static void begin_without_streams(void) {
    begin_streams();
    world.nodes[0].script = refuse;
}

static void grow_large_in_parts(void) {
    grow_large();
    world_run(100);
}

static void check_parts(void) {
    world_run(7000);
    check_large();
}

TEST(one_is_had_in_parts) {
    fail_every_allocation_of(begin_without_streams, grow_large_in_parts, check_parts);
}

static struct pipe *client;

static void ask_all(void) {
    static const char requests[] =
        "{\"muster\":1,\"request\":\"self\"}\n{\"muster\":1,\"request\":\"stats\",\"port\":19797}\n"
        "{\"muster\":1,\"request\":\"table\",\"interfaces\":[\"eth0\"]}\n"
        "{\"muster\":1,\"request\":\"document\",\"id\":\"00000000000000000000000000000000\",\"hash\":"
        "\"0000000000000000000000000000000000000000000000000000000000000000\"}\n"
        "{\"muster\":1,\"request\":\"update\",\"set\":{\"attrs\":{\"a\":\"b\"}},\"remove\":"
        "{\"attrs\":[\"path\"]}}\n{\"muster\":1,\"request\":\"watch\"}\n";
    client = pipe_connect_local(0);
    pipe_say(client, "%s", requests);
    world_run(30);
    update(1, 8080); /* who watches is told */
    world_run(150);
}

/* Each request was answered, or refused for want of memory; and there is memory for the next one. */
static void check_answered(void) {
    world_run(1200); /* a change is told three times */
    bool is_refused = pipe_count(client, "{\"end\":\"memory\"") > 0;
    bool is_watching = pipe_count(client, "{\"event\":\"changed\"") > 0;
    assert_true(client->is_ended || client->is_closed || is_refused || is_watching);
    client = pipe_connect_local(0);
    pipe_say(client, "{\"muster\":1,\"request\":\"table\"}\n");
    world_run(20);
    assert_int_equal(pipe_count(client, "{\"end\":\"done\",\"count\":2}\n"), 1);
    check_row(0, "b", MUSTER_ALIVE, 2);
}

TEST(one_answers) {
    fail_every_allocation_of(begin_streams, ask_all, check_answered);
}

/* The first one hears the second, whose topic it has subscribed to. */
static void begin_feeds(void) {
    begin_streams();
    field_begin();
    field_subscribe(0, "#");
    unsigned topic = field_open(1, "t");
    world_run(2000);
    field_publish(1, topic, NULL, 1);
    world_run(2000);
    assert_int_equal(field_feed_count(0), 1);
}

static void ask_self(void) {
    client = pipe_connect_local(0);
    pipe_say(client, "{\"muster\":1,\"request\":\"self\"}\n");
    world_run(30);
}

static void check_self(void) {
    bool is_refused = pipe_count(client, "{\"end\":\"memory\"") > 0;
    bool is_told = pipe_count(client, "\"feeds_known\":1}") > 0;
    assert_true(client->is_ended || client->is_closed || is_refused || is_told);
    ask_self();
    assert_int_equal(pipe_count(client, "\"feeds_known\":1}"), 1);
}

TEST(one_tells_of_its_feeds) {
    fail_every_allocation_of(begin_feeds, ask_self, check_self);
}

/* ---- more rows than a story has ---- */

#define ROWS 300

/* Rows are much the same, so most of the later allocations are passed over. */
static void hear_crowd(void) {
    for (unsigned i = 0; i < ROWS; i++) {
        world_announce(0, (uint8_t)(100 + i % 100), &(struct announce){.number = i});
        if (i % 100 == 99) {
            world_run(2);
        }
    }
}

static void check_crowd(void) {
    assert_true(world_rows(0, MUSTER_ALIVE) >= ROWS - 1);
    hear_crowd();
    assert_int_equal(world_rows(0, MUSTER_ALIVE), ROWS);
}

TEST(a_table_grows) {
    fail_allocations_of(&(struct story){begin_one, hear_crowd, check_crowd}, 20);
}

int main(void) {
    return test_run(NULL, world_end);
}
