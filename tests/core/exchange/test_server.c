/* SPDX-License-Identifier: MIT */
/* What a node answers on streams, and how it treats those who ask badly: the test is the client. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "countdown.h"
#include "field.h"
#include "limit.h"
#include "test.h"

static const struct muster_stream local_stranger = {.is_local = true};

static void begin(void) {
    world_begin(1);
    world.has_streams = true;
    world_add("a");
    world_run(3000);
}

static const struct muster_counters *counters(void) {
    return world_counters(0);
}

static void assert_ends(const char *answer, const char *line) {
    size_t length = strlen(answer);
    size_t wanted = strlen(line);
    if (length < wanted || strcmp(answer + length - wanted, line) != 0) {
        fail_msg("answered %s", answer);
    }
}

static void assert_begins(const char *answer, const char *line) {
    if (strncmp(answer, line, strlen(line)) != 0) {
        fail_msg("answered %s", answer);
    }
}

/* An unsigned peer "x0" and so on that is not there, heard by the node. */
static void hear(unsigned number, const char *name, uint64_t seq, uint64_t next_ms, const char *more) {
    world_announce(
        0, (uint8_t)(100 + number % 100),
        &(struct announce){.number = number + 1, .seq = seq, .next_ms = next_ms, .name = name, .more = more});
}

static void hear_many(unsigned first, unsigned rows, uint64_t seq) {
    for (unsigned i = first; i < first + rows; i++) {
        char name[16];
        snprintf(name, sizeof name, "x%u", i);
        hear(i, name, seq, 0, NULL);
        world_run(2);
    }
}

/* ---- requests ---- */

#define REQUEST_OF(kind, members) "{\"muster\":1,\"request\":\"" kind "\"," members "}"
#define REQUEST(kind) "{\"muster\":1,\"request\":\"" kind "\"}"

TEST(a_table_has_a_part_for_each_row) {
    hear_many(0, 3, 1);
    struct pipe *remote = pipe_connect_tcp(0, 1);
    assert_ends(pipe_ask(remote, REQUEST("table")), "{\"end\":\"done\",\"count\":3}\n");
    assert_int_equal(pipe_count(remote, "{\"peer\":"), 3);
    assert_int_equal(pipe_count(remote, "tuples"), 0); /* what others need not know */
    struct pipe *program = pipe_connect_local(0);
    assert_ends(pipe_ask(program, REQUEST("table")), "{\"end\":\"done\",\"count\":4}\n");
    assert_int_equal(pipe_count(program, "\"self\":true"), 1);
    assert_int_equal(pipe_count(program, "\"tuples\":["), 4);
    assert_int_equal(counters()->requests, 2);
}

/* By a row's name alone, so that a program that wants one peer's address is not told of a thousand. */
TEST(a_table_of_a_name_has_its_rows) {
    hear(0, "x0", 1, 0, NULL);
    hear(1, "X0", 1, 0, NULL);
    hear(2, "x00", 1, 0, NULL);
    world_run(2);
    struct pipe *program = pipe_connect_local(0);
    assert_ends(pipe_ask(program, REQUEST_OF("table", "\"name\":\"x0\"")),
                "{\"end\":\"done\",\"count\":2}\n");
    assert_int_equal(pipe_count(program, "\"name\":\"x0\""), 1);
    assert_int_equal(pipe_count(program, "\"name\":\"X0\""), 1);
    assert_ends(pipe_ask(program, REQUEST_OF("table", "\"name\":\"x\"")), "{\"end\":\"done\",\"count\":0}\n");
    assert_ends(pipe_ask(program, REQUEST_OF("table", "\"name\":\"A\"")), "{\"end\":\"done\",\"count\":1}\n");
    assert_int_equal(pipe_count(program, "\"self\":true"), 1);
    assert_ends(pipe_ask(program, REQUEST("table")), "{\"end\":\"done\",\"count\":4}\n");
}

/* What a start repeats of others' nonces is of no use to who joins later. */
TEST(a_table_has_the_shortest_announce) {
    const char *answers = ",\"re\":\"0123456789abcdef\"";
    const struct announce longer = {.number = 1, .seq = 1, .rev = 1, .more = answers};
    const struct announce shorter = {.number = 1, .seq = 2, .rev = 1};
    const struct announce again = {.number = 1, .seq = 3, .rev = 1, .more = answers};
    world_hear(0, &longer);
    struct pipe *remote = pipe_connect_tcp(0, 1);
    pipe_ask(remote, REQUEST("table"));
    assert_int_equal(pipe_count(remote, "\"re\":"), 1);
    world_hear(0, &shorter);
    world_hear(0, &again);
    pipe_ask(remote, REQUEST("table"));
    assert_int_equal(pipe_count(remote, "\"name\":\"stranger\""), 1);
    assert_int_equal(pipe_count(remote, "\"re\":"), 0);
}

TEST(others_are_told_of_who_shares_their_link) {
    static const struct muster_stream elsewhere = {
        .remote = {.family = 4, .ip = {10, 0, 1, 1}, .port = 50000}, .interface = WORLD_INTERFACE + 1};
    hear_many(0, 2, 1);
    hear(0, "x0", 2, 100, NULL); /* soon lost */
    world_run(8000);
    assert_int_equal(world_rows(0, MUSTER_LOST), 1);
    struct pipe *pipe = pipe_connect_tcp(0, 1);
    assert_ends(pipe_ask(pipe, REQUEST("table")), "{\"end\":\"done\",\"count\":1}\n");
    pipe = pipe_connect(0, &elsewhere);
    assert_string_equal(pipe_ask(pipe, REQUEST("table")), "{\"end\":\"done\",\"count\":0}\n");
    pipe = pipe_connect_local(0);
    assert_ends(pipe_ask(pipe, REQUEST("table")), "{\"end\":\"done\",\"count\":3}\n");
}

TEST(self_and_stats_are_one_part) {
    const struct muster_socket sockets[] = {
        {.protocol = "udp", .address = {.family = 4, .ip = {10, 0, 0, 1}, .port = 19798}, .kernel_drops = 3},
        {.protocol = "unix"}};
    struct muster_event event = {.kind = MUSTER_EVENT_SOCKETS, .sockets = sockets, .socket_count = 2};
    assert_int_equal(world_step(0, &event), 0);
    struct pipe *pipe = pipe_connect_local(0);
    assert_ends(pipe_ask(pipe, REQUEST("self")), "{\"end\":\"done\",\"count\":1}\n");
    assert_int_equal(pipe_count(pipe, "\"kernel_drops\":3"), 1);
    assert_int_equal(pipe_count(pipe, "\"protocol\":\"unix\""), 1);
    assert_ends(pipe_ask(pipe, REQUEST("stats")), "{\"end\":\"done\",\"count\":1}\n");
    assert_int_equal(pipe_count(pipe, "\"requests\":1"), 1);
    event.socket_count = 0;
    assert_int_equal(world_step(0, &event), 0);
    pipe_ask(pipe, REQUEST("self"));
    assert_int_equal(pipe_count(pipe, "\"sockets\":[]"), 1);
    struct muster_socket many[MUSTER_SOCKETS_MAX + 1] = {0};
    event.sockets = many;
    event.socket_count = MUSTER_SOCKETS_MAX + 1;
    assert_int_equal(world_step(0, &event), MUSTER_EFULL);
}

static bool is_third(size_t from, size_t to, const struct muster_datagram *datagram) {
    (void)from;
    (void)to;
    return datagram_has(datagram, "\"kind\":\"data\"") && datagram_has(datagram, "\"seq\":3}");
}

TEST(self_tells_of_telemetry) {
    char feed[128];
    field_subscribe(0, "k/#");
    unsigned own_topic = field_open(0, "own");
    world_add("b");
    unsigned topic = field_open(1, "k/t");
    world_run(3000);
    struct pipe *pipe = pipe_connect_local(0);
    pipe_ask(pipe, REQUEST("self"));
    assert_int_equal(pipe_count(pipe, "\"sender\":{\"datagrams\":0,\"bytes\":0,\"repairs\":0,"), 1);
    assert_int_equal(pipe_count(pipe, "\"feeds\":[],\"feeds_known\":0"), 1);

    world.is_lost = is_third;
    field_publish_many(0, own_topic, 2, 20);
    field_publish_many(1, topic, 5, 20);
    world_run(2000);
    pipe = pipe_connect_local(0);
    assert_ends(pipe_ask(pipe, REQUEST("self")), "{\"end\":\"done\",\"count\":1}\n");
    snprintf(feed, sizeof feed, "\"feeds\":[{\"id\":\"%s\",\"shard\":%u,\"boot\":", world.nodes[1].id,
             muster_topic_shard("k/t"));
    assert_int_equal(pipe_count(pipe, feed), 1);
    assert_int_equal(pipe_count(pipe, "\"since\":1,\"sent\":5,\"received\":4,"), 1);
    assert_int_equal(pipe_count(pipe, "\"pending\":0,\"lost_wire\":1,"), 1);
    assert_int_equal(pipe_count(pipe, "\"streamed\""), 0); /* said where it is so */
    assert_int_equal(pipe_count(pipe, "\"feeds_known\":1"), 1);
    assert_int_equal(pipe_count(pipe, "\"sender\":{\"datagrams\":2,"), 1);
}

#define TABLE(members) "{\"muster\":1,\"request\":\"table\"," members "}"

TEST(a_request_may_say_where_it_wants_to_be) {
    static const char *const here[] = {"\"port\":19797", "\"interfaces\":[\"eth0\"]",
                                       "\"port\":19797,\"interfaces\":[\"eth0\",\"eth0\"]"};
    static const char *const elsewhere[] = {"\"port\":19798", "\"interfaces\":[\"eth1\"]",
                                            "\"interfaces\":[\"eth0\",\"eth1\"]"};
    char line[128];
    struct pipe *pipe = pipe_connect_local(0);
    for (size_t i = 0; i < 3; i++) {
        snprintf(line, sizeof line, "{\"muster\":1,\"request\":\"table\",%s}", here[i]);
        assert_ends(pipe_ask(pipe, line), "{\"end\":\"done\",\"count\":1}\n");
        snprintf(line, sizeof line, "{\"muster\":1,\"request\":\"watch\",%s}", elsewhere[i]);
        assert_begins(pipe_ask(pipe, line), "{\"end\":\"elsewhere\",\"count\":0,");
    }
    assert_int_equal(world_paths(0, NULL, 0), 0);
    assert_begins(pipe_ask(pipe, TABLE("\"interfaces\":[\"eth0\"]")), "{\"end\":\"elsewhere\"");
}

TEST(a_request_may_say_in_which_network_it_wants_to_be) {
    struct pipe *pipe = pipe_connect_local(0);
    /* Who does not know its network is in no other one. */
    assert_ends(pipe_ask(pipe, TABLE("\"network\":\"net:[2]\"")), "{\"end\":\"done\",\"count\":1}\n");
    struct muster_core_options options = world_options(0);
    options.network = "net:[1]";
    world_start(0, &options);
    pipe = pipe_connect_local(0);
    assert_ends(pipe_ask(pipe, TABLE("\"network\":\"net:[1]\"")), "{\"end\":\"done\",\"count\":1}\n");
    assert_begins(pipe_ask(pipe, TABLE("\"network\":\"net:[2]\"")), "{\"end\":\"elsewhere\"");
}

#define UPDATE(members) "{\"muster\":1,\"request\":\"update\"," members "}"

#define PUBLISH(members) "{\"muster\":1,\"request\":\"publish\"," members "}"

/* What others have of the node's document. */
static const char *announced(void) {
    world_add("b");
    world_run(3000);
    return world_seen(1);
}

static const struct {
    const char *request;
    const char *end;
} updates[] = {
    {UPDATE("\"set\":{\"attrs\":{\"room\":\"1\"}}"), "done"},
    {UPDATE("\"set\":{\"attrs\":{\"room\":\"1\"}}"), "done"}, /* twice the same */
    {UPDATE("\"remove\":{\"attrs\":[\"room\"]}"), "done"},
    {UPDATE("\"remove\":{\"attrs\":[\"room\"]}"), "not_found"},
    {UPDATE("\"set\":{\"services\":[{\"type\":\"ipp\",\"proto\":\"tcp\",\"port\":631}]}"), "done"},
    {UPDATE("\"remove\":{\"services\":[{\"type\":\"ipp\",\"proto\":\"tcp\",\"port\":631}]}"), "done"},
    {UPDATE("\"remove\":{\"services\":[{\"type\":\"ipp\",\"proto\":\"tcp\",\"port\":631}]}"), "not_found"},
    {UPDATE("\"set\":{\"attrs\":{\"a\":\"1\"}},\"remove\":{\"attrs\":[\"a\"]}"), "invalid"},
    {UPDATE("\"remove\":{\"attrs\":[\"a\",\"a\"]}"), "invalid"},
    {UPDATE("\"set\":{\"name\":\"\"}"), "invalid"},
    {UPDATE("\"set\":{\"name\":5}"), "invalid"},
    {UPDATE("\"set\":{\"name\":\"b\"}"), "done"},
    {UPDATE("\"set\":[]"), "invalid"},
};

TEST(updates_change_the_document_or_nothing) {
    struct pipe *pipe = pipe_connect_local(0);
    for (size_t i = 0; i < sizeof updates / sizeof *updates; i++) {
        char wanted[64];
        snprintf(wanted, sizeof wanted, "{\"end\":\"%s\",\"count\":0", updates[i].end);
        if (strncmp(pipe_ask(pipe, updates[i].request), wanted, strlen(wanted)) != 0) {
            fail_msg("%s: %s", updates[i].request, pipe->text);
        }
    }
    assert_string_equal(announced(), "b http/tcp:8080");
    assert_int_equal(muster_core_rev(world.nodes[0].core), 6); /* what changes nothing is no revision */
}

TEST(only_the_same_user_on_this_machine_updates) {
    struct pipe *remote = pipe_connect_tcp(0, 1);
    struct pipe *stranger = pipe_connect(0, &local_stranger);
    const char *const lines[] = {UPDATE("\"set\":{\"name\":\"mine\"}"),
                                 PUBLISH("\"topic\":\"a\",\"record\":{\"v\":1}")};
    for (size_t i = 0; i < 2; i++) {
        assert_begins(pipe_ask(remote, lines[i]), "{\"end\":\"forbidden\"");
        assert_begins(pipe_ask(stranger, lines[i]), "{\"end\":\"forbidden\"");
    }
    assert_string_equal(announced(), "a http/tcp:8080");
}

TEST(who_leaves_is_not_changed) {
    struct pipe *pipe = pipe_connect_local(0);
    world_leave(0);
    assert_begins(pipe_ask(pipe, UPDATE("\"set\":{\"name\":\"late\"}")), "{\"end\":\"leaving\"");
    assert_begins(pipe_ask(pipe, PUBLISH("\"topic\":\"a\",\"record\":{\"v\":1}")), "{\"end\":\"leaving\"");
    assert_int_equal(muster_core_rev(world.nodes[0].core), 1);
}

/* It is the node's own reading from then on: announced, heard, and given to late joiners. */
TEST(a_record_is_published_for_others) {
    struct pipe *pipe = pipe_connect_local(0);
    const char *samples = "{\"muster\":1,\"request\":\"samples\",\"patterns\":[\"#\"]}";
    assert_begins(pipe_ask(pipe, PUBLISH("\"topic\":\"a/b\",\"record\":{\"n\":\"x\",\"v\":1}")),
                  "{\"end\":\"done\",\"count\":0}");
    assert_begins(pipe_ask(pipe, PUBLISH("\"topic\":\"a/b\",\"record\":{\"n\":\"x\",\"v\":2}")),
                  "{\"end\":\"done\"");
    assert_begins(pipe_ask(pipe, PUBLISH("\"topic\":\"c\",\"record\":{\"vs\":\"text\"}")),
                  "{\"end\":\"done\"");
    assert_int_equal(muster_core_sender(world.nodes[0].core)->datagrams, 3);
    world_add("b");
    world_run(3000);
    const struct muster_peer *row = world_row(1, "a");
    assert_int_equal(row->document.topic_count, 2);
    pipe_forget(pipe);
    pipe = pipe_connect_tcp(0, 1);
    assert_non_null(strstr(pipe_ask(pipe, samples), "\"n\":\"x\",\"v\":2"));
    assert_non_null(strstr(pipe->text, "\"vs\":\"text\""));
}

/* The one that was not used for longest makes room. */
TEST(so_many_topics_are_published_for_others) {
    struct pipe *pipe = pipe_connect_local(0);
    char line[128];
    for (unsigned i = 0; i < MUSTER_TOPICS_MAX; i++) {
        snprintf(line, sizeof line, PUBLISH("\"topic\":\"t%u\",\"record\":{\"v\":1}"), i);
        assert_begins(pipe_ask(pipe, line), "{\"end\":\"done\"");
    }
    assert_begins(pipe_ask(pipe, PUBLISH("\"topic\":\"t0\",\"record\":{\"v\":1}")), "{\"end\":\"done\"");
    assert_begins(pipe_ask(pipe, PUBLISH("\"topic\":\"more\",\"record\":{\"v\":1}")), "{\"end\":\"done\"");
#define SAMPLES(pattern) "{\"muster\":1,\"request\":\"samples\",\"patterns\":[\"" pattern "\"]}"
    assert_begins(pipe_ask(pipe, SAMPLES("t0")), "{\"sample\":");
    assert_begins(pipe_ask(pipe, SAMPLES("more")), "{\"sample\":");
    assert_begins(pipe_ask(pipe, SAMPLES("t1")), "{\"end\":\"done\",\"count\":0}");
}

/* Nothing of it would leave. */
TEST(without_a_path_nothing_is_published_for_others) {
    struct pipe *pipe = pipe_connect_local(0);
    world_paths(0, NULL, 0);
    assert_begins(pipe_ask(pipe, PUBLISH("\"topic\":\"a\",\"record\":{\"v\":1}")), "{\"end\":\"full\"");
}

/* Many services, as `set` has them; the end of the answer is this. */
static void set_services(struct pipe *pipe, unsigned services, const char *end) {
    char wanted[64];
    pipe_clear(pipe);
    pipe_say(pipe, "{\"muster\":1,\"request\":\"update\",\"set\":{\"services\":[");
    for (unsigned i = 0; i < services; i++) {
        pipe_say(pipe, "%s{\"type\":\"http\",\"proto\":\"tcp\",\"port\":%u}", i == 0 ? "" : ",", i + 1);
    }
    pipe_say(pipe, "]}}\n");
    world_run(20);
    snprintf(wanted, sizeof wanted, "{\"end\":\"%s\"", end);
    assert_begins(pipe->text, wanted);
}

TEST(a_document_of_64_kib_is_the_largest) {
    struct pipe *pipe = pipe_connect_local(0);
    set_services(pipe, 1300, "done");
    set_services(pipe, 1800, "too_big");
    set_services(pipe, 10, "done");
    world_add("b");
    world_run(3000);
    assert_int_equal(world_row(1, "a")->document.service_count, 1301);
}

/* ---- bad requests ---- */

static const struct {
    const char *line;
    const char *end;
    bool is_closed;
} bad_lines[] = {
    {"", "syntax", true},
    {"hello", "syntax", true},
    {"[]", "syntax", true},
    {"{\"muster\":1,\"request\":\"table\"", "syntax", true},
    {"{\"muster\":1,\"muster\":1,\"request\":\"table\"}", "syntax", true},
    {"\xff\xfe\x01", "syntax", true},
    {"GET / HTTP/1.1\r", "syntax", true},
    {"{}", "invalid", false},
    {"{\"muster\":2,\"request\":\"table\"}", "invalid", false},
    {"{\"muster\":1}", "invalid", false},
    {"{\"muster\":1,\"request\":5}", "invalid", false},
    {"{\"muster\":1,\"request\":\"everything\"}", "unknown", false},
    {"{\"muster\":1,\"request\":\"table\",\"port\":0}", "invalid", false},
    {"{\"muster\":1,\"request\":\"document\"}", "invalid", false},
    {"{\"muster\":1,\"request\":\"document\",\"id\":\"00000000000000000000000000000009\",\"hash\":\"00\"}",
     "invalid", false},
    {"{\"muster\":1,\"request\":\"document\",\"id\":\"00000000000000000000000000000009\",\"hash\":"
     "\"0000000000000000000000000000000000000000000000000000000000000000\"}",
     "not_found", false},
};

TEST(bad_requests_are_told_what_is_wrong) {
    for (size_t i = 0; i < sizeof bad_lines / sizeof *bad_lines; i++) {
        struct pipe *pipe = pipe_connect_tcp(0, (uint8_t)i);
        char wanted[64];
        snprintf(wanted, sizeof wanted, "{\"end\":\"%s\",\"count\":0,\"text\":\"", bad_lines[i].end);
        if (strncmp(pipe_ask(pipe, bad_lines[i].line), wanted, strlen(wanted)) != 0 ||
            pipe->is_ended != bad_lines[i].is_closed) {
            fail_msg("%s: %s", bad_lines[i].line, pipe->text);
        }
    }
    assert_int_equal(counters()->requests, 0);
}

TEST(a_line_that_is_too_long_is_not_read) {
    static char line[MUSTER_REQUEST_OWN_BYTES_MAX + 2];
    memset(line, ' ', sizeof line);
    struct pipe *pipe = pipe_connect_tcp(0, 1);
    pipe_write(pipe, line, MUSTER_REQUEST_BYTES_MAX);
    world_run(20);
    assert_false(pipe->is_ended);
    pipe_write(pipe, line, 1);
    world_run(20);
    assert_begins(pipe->text, "{\"end\":\"too_long\"");
    assert_true(pipe->is_ended);
    pipe = pipe_connect_local(0);
    pipe_write(pipe, line, MUSTER_REQUEST_OWN_BYTES_MAX);
    world_run(20);
    assert_false(pipe->is_ended);
    pipe_write(pipe, line, 1);
    world_run(20);
    assert_true(pipe->is_ended);
    assert_int_equal(counters()->streams_cut, 2);
}

TEST(a_request_may_come_byte_by_byte) {
    struct pipe *pipe = pipe_connect_tcp(0, 1);
    for (const char *at = REQUEST("table") "\n"; *at != '\0'; at++) {
        pipe_write(pipe, at, 1);
        world_run(2);
    }
    world_run(5);
    assert_string_equal(pipe->text, "{\"end\":\"done\",\"count\":0}\n");
}

TEST(requests_may_wait_for_each_other) {
    hear_many(0, 100, 1); /* more than a chunk */
    struct pipe *pipe = pipe_connect_local(0);
    pipe_say(pipe, REQUEST("table") "\n" REQUEST("nothing") "\n" REQUEST("table") "\n");
    pipe_finish(pipe);
    world_run(50);
    assert_int_equal(pipe_count(pipe, "{\"end\":\"done\",\"count\":101}\n"), 2);
    assert_int_equal(pipe_count(pipe, "{\"end\":\"unknown\",\"count\":0"), 1);
    assert_int_equal(pipe_count(pipe, "{\"peer\":"), 202);
    assert_true(pipe->is_ended);
    assert_int_equal(pipes_open(0), 0);
    assert_int_equal(counters()->streams_cut, 0);
}

TEST(who_asks_without_listening_is_cut) {
    struct pipe *pipe = pipe_connect_tcp(0, 1);
    pipe->is_deaf = true;
    for (int i = 0; i < 200; i++) {
        pipe_say(pipe, REQUEST("table") "\n");
    }
    world_run(20);
    assert_true(pipe->is_ended);
    assert_int_equal(counters()->streams_cut, 1);
    assert_int_equal(pipes_open(0), 0);
}

TEST(who_ends_without_a_request_is_closed) {
    struct pipe *pipe = pipe_connect_tcp(0, 1);
    pipe_say(pipe, "{\"muster\":1");
    pipe_finish(pipe);
    world_run(20);
    assert_true(pipe->is_ended);
    assert_string_equal(pipe->text, "");
    assert_int_equal(pipes_open(0), 0);
}

/* ---- bounds ---- */

/* Connects as many as may be there by TCP, of as few hosts as can have them. */
static void fill_streams(struct pipe *pipes[MUSTER_STREAMS_MAX]) {
    for (size_t i = 0; i < MUSTER_STREAMS_MAX; i++) {
        pipes[i] = pipe_connect_tcp(0, (uint8_t)(i / MUSTER_STREAMS_PER_ADDRESS));
    }
}

TEST(too_many_connections_are_told_so) {
    struct pipe *pipes[MUSTER_STREAMS_MAX];
    fill_streams(pipes);
    struct pipe *last = pipe_connect_tcp(0, 200);
    world_run(20);
    for (size_t i = 0; i < MUSTER_STREAMS_MAX; i++) {
        assert_false(pipes[i]->is_ended);
    }
    assert_begins(last->text, "{\"end\":\"busy\",\"count\":0");
    assert_true(last->is_ended);
    assert_int_equal(counters()->streams_refused, 1);
    pipe_break(pipes[0]); /* and then there is room */
    world_run(5);
    struct pipe *next = pipe_connect_tcp(0, 0);
    assert_ends(pipe_ask(next, REQUEST("table")), "{\"end\":\"done\",\"count\":0}\n");
    assert_int_equal(pipes_open(0), MUSTER_STREAMS_MAX);
}

TEST(one_address_gets_only_some) {
    for (size_t i = 0; i < MUSTER_STREAMS_PER_ADDRESS; i++) {
        pipe_connect_tcp(0, 1);
    }
    struct pipe *pipe = pipe_connect_tcp(0, 1);
    pipe->is_deaf = true; /* it need not listen to be gone */
    world_run(20);
    assert_true(pipe->is_ended);
    pipe = pipe_connect_tcp(0, 2);
    assert_ends(pipe_ask(pipe, REQUEST("table")), "{\"end\":\"done\",\"count\":0}\n");
}

TEST(programs_have_room_of_their_own) {
    struct pipe *pipes[MUSTER_STREAMS_MAX];
    fill_streams(pipes);
    for (size_t i = 0; i < MUSTER_STREAMS_LOCAL_MAX; i++) {
        pipe_connect_local(0);
    }
    struct pipe *pipe = pipe_connect_local(0);
    world_run(20);
    assert_begins(pipe->text, "{\"end\":\"busy\"");
    assert_int_equal(pipes_open(0), MUSTER_STREAMS_LOCAL_MAX + MUSTER_STREAMS_MAX);
}

TEST(other_users_leave_room_for_the_own_one) {
    struct pipe *pipe = NULL;
    for (size_t i = 0; i <= MUSTER_STREAMS_STRANGERS_MAX; i++) {
        assert_true(pipe == NULL || !pipe->is_ended);
        pipe = pipe_connect(0, &local_stranger);
        pipe_say(pipe, REQUEST("watch") "\n");
        world_run(5);
    }
    assert_begins(pipe->text, "{\"end\":\"busy\"");
    pipe = pipe_connect_local(0);
    assert_ends(pipe_ask(pipe, REQUEST("table")), "{\"end\":\"done\",\"count\":1}\n");
}

TEST(who_asks_nothing_is_cut) {
    struct pipe *silent = pipe_connect_tcp(0, 1);
    struct pipe *slow = pipe_connect_tcp(0, 1);
    struct pipe *busy = pipe_connect_tcp(0, 1);
    for (int i = 0; i < 49; i++) { /* a byte now and then is no request */
        world_run(100);
        pipe_say(slow, " ");
        if (i % 10 == 0) {
            pipe_ask(busy, REQUEST("stats"));
        }
    }
    world_run(200);
    assert_true(silent->is_ended);
    assert_true(slow->is_ended);
    assert_false(busy->is_ended);
    assert_int_equal(counters()->streams_cut, 2);
}

/* A connection by TCP lasts a minute, whatever it asks; a program of this machine may stay. */
TEST(nobody_from_elsewhere_stays_for_ever) {
    struct pipe *remote = pipe_connect_tcp(0, 1);
    struct pipe *program = pipe_connect_local(0);
    for (unsigned i = 0; i < 61; i++) {
        assert_false(remote->is_ended);
        pipe_ask(remote, REQUEST("stats"));
        pipe_ask(program, REQUEST("stats"));
        world_run(960);
    }
    assert_true(remote->is_ended);
    assert_false(program->is_ended);
}

TEST(a_slow_reader_of_a_table_is_cut) {
    hear_many(0, 500, 1);
    struct pipe *pipe = pipe_connect_tcp(0, 1);
    pipe->is_deaf = true;
    pipe_ask(pipe, REQUEST("table"));
    size_t had = pipe->length;
    assert_true(had >= MUSTER_STREAM_CHUNK_BYTES);
    world_run(3000);
    pipe_listen(pipe);
    pipe->is_deaf = true;
    world_run(3000);
    assert_false(pipe->is_ended); /* it takes something now and then */
    assert_true(pipe->length > had);
    world_run(3000);
    assert_true(pipe->is_ended);
    assert_null(strstr(pipe->text, "\"end\""));
    assert_int_equal(counters()->streams_cut, 1);
    assert_int_equal(pipes_open(0), 0);
}

/* The number of the stranger that was listed last. */
static unsigned last_listed(const char *text) {
    unsigned number = 0;
    for (const char *at = text; (at = strstr(at, "{\"peer\":{\"id\":\"00000000")) != NULL; at++) {
        number = (unsigned)strtoul(at + strlen("{\"peer\":{\"id\":\""), NULL, 16) - 1;
    }
    return number;
}

/* The row that was said last, and those around it, may be gone when the reader wants more: the node has one
 * chunk of some 60 rows more in hand than was read. */
TEST(rows_may_go_while_they_are_listed) {
    enum { ROWS = 500 };
    bool is_gone[ROWS] = {false};
    char text[64];
    struct muster_core_options options = world_options(0);
    options.tombstone_ms = 1;
    world_start(0, &options);
    hear_many(0, ROWS, 1);
    struct pipe *pipe = pipe_connect_local(0);
    pipe->is_deaf = true;
    pipe_ask(pipe, REQUEST("table"));
    for (unsigned i = 0; i < 3; i++) {
        unsigned last = last_listed(pipe->text);
        for (unsigned number = last + 50; number < last + 70; number++) {
            world_say(0, (uint8_t)(100 + number % 100), MUSTER_PATH_M4,
                      "{\"muster\":1,\"kind\":\"bye\",\"id\":\"%032x\",\"boot\":1,\"seq\":2}\n", number + 1);
            is_gone[number] = true;
        }
        world_run(10);
        pipe_listen(pipe);
        pipe->is_deaf = true;
        world_run(5);
    }
    assert_true(world_rows(0, MUSTER_ALIVE) <= ROWS - 40);
    pipe_listen(pipe);
    world_run(50);
    size_t listed = pipe_count(pipe, "{\"peer\":");
    assert_in_range(listed, world_rows(0, MUSTER_ALIVE) + 1 + 3, ROWS + 1 - 3);
    snprintf(text, sizeof text, "{\"end\":\"done\",\"count\":%zu}\n", listed);
    assert_ends(pipe->text, text);
    for (unsigned i = 0; i < ROWS; i++) {
        snprintf(text, sizeof text, "{\"peer\":{\"id\":\"%032x\"", i + 1);
        assert_in_range(pipe_count(pipe, text), is_gone[i] ? 0 : 1, 1);
    }
}

TEST(nothing_grows_with_connections) {
    long before = 0;
    for (unsigned i = 0; i < 10000; i++) {
        struct pipe *pipe = i % 2 == 0 ? pipe_connect_tcp(0, (uint8_t)i) : pipe_connect_local(0);
        if (i % 4 < 2) {
            pipe_say(pipe, i % 3 == 0 ? REQUEST("watch") "\n" : REQUEST("self") "\n");
        }
        world_run(3);
        if (i % 5 == 0) {
            pipe_finish(pipe);
            world_run(3);
        }
        pipe_forget(pipe);
        world_run(2);
        assert_int_equal(pipes_open(0), 0);
        before = i == 1000 ? countdown_bytes() : before;
    }
    assert_int_equal(counters()->streams_accepted, 10000);
    assert_true(countdown_bytes() < before + 1000);
}

/* ---- deflated answers ---- */

#define DEFLATE REQUEST_OF("table", "\"deflate\":true")
#define DEFLATE_LINE "{\"deflate\":true}\n"

/* What a deflated answer says, for free(), with a NUL; checks that nothing is behind it. */
static char *inflated(const struct pipe *pipe, size_t bytes_max) {
    char *clear = malloc(bytes_max + 1);
    const size_t line = strlen(DEFLATE_LINE);
    assert_begins(pipe->text, DEFLATE_LINE);
    z_stream stream = {.next_in = (uint8_t *)pipe->text + line,
                       .avail_in = (uInt)(pipe->length - line),
                       .next_out = (uint8_t *)clear,
                       .avail_out = (uInt)bytes_max};
    assert_int_equal(inflateInit2(&stream, 12), Z_OK);
    assert_int_equal(inflate(&stream, Z_FINISH), Z_STREAM_END);
    assert_int_equal(stream.avail_in, 0);
    clear[stream.total_out] = '\0';
    inflateEnd(&stream);
    return clear;
}

TEST(a_long_answer_is_deflated_for_who_takes_that) {
    hear_many(0, 300, 1);
    struct pipe *pipe = pipe_connect_tcp(0, 1);
    struct pipe *other = pipe_connect_tcp(0, 2);
    pipe_say(pipe, DEFLATE "\n");
    pipe_say(other, REQUEST("table") "\n");
    world_run(50);
    char *clear = inflated(pipe, other->length);
    assert_string_equal(clear, other->text);
    assert_true(other->length > 2 * MUSTER_STREAM_CHUNK_BYTES);
    assert_true(pipe->length < other->length / 4);
    free(clear);
}

TEST(the_next_answer_says_for_itself_what_it_is) {
    hear_many(0, 100, 1);
    struct pipe *pipe = pipe_connect_tcp(0, 1);
    pipe_ask(pipe, DEFLATE);
    char *clear = inflated(pipe, 100000);
    assert_ends(clear, "{\"end\":\"done\",\"count\":100}\n");
    free(clear);
    assert_begins(pipe_ask(pipe, REQUEST("table")), "{\"peer\":");
    assert_begins(pipe_ask(pipe, DEFLATE), DEFLATE_LINE);
    pipe_finish(pipe);
    world_run(20);
    assert_true(pipe->is_ended);
    assert_int_equal(counters()->streams_cut, 0);
}

TEST(what_saves_nothing_is_said_in_clear) {
    hear_many(0, 1, 1);
    assert_begins(pipe_ask(pipe_connect_tcp(0, 1), DEFLATE), "{\"peer\":");
    hear_many(1, 100, 1);
    assert_begins(pipe_ask(pipe_connect_local(0), DEFLATE), "{\"peer\":");
    assert_begins(pipe_ask(pipe_connect_tcp(0, 1), REQUEST_OF("watch", "\"deflate\":true")), "{\"event\":");
    assert_begins(pipe_ask(pipe_connect_tcp(0, 1), REQUEST_OF("table", "\"deflate\":false")), "{\"peer\":");
}

TEST(so_many_answers_are_deflated_at_a_time) {
    struct pipe *pipes[MUSTER_DEFLATERS_MAX + 1];
    hear_many(0, 200, 1);
    for (unsigned i = 0; i <= MUSTER_DEFLATERS_MAX; i++) {
        pipes[i] = pipe_connect_tcp(0, (uint8_t)(i / MUSTER_STREAMS_PER_ADDRESS));
        pipes[i]->is_deaf = true;
        pipe_say(pipes[i], DEFLATE "\n");
    }
    world_run(20);
    for (unsigned i = 0; i <= MUSTER_DEFLATERS_MAX; i++) {
        pipe_listen(pipes[i]);
    }
    world_run(50);
    for (unsigned i = 0; i < MUSTER_DEFLATERS_MAX; i++) {
        assert_begins(pipes[i]->text, DEFLATE_LINE);
    }
    assert_begins(pipes[MUSTER_DEFLATERS_MAX]->text, "{\"peer\":");
    assert_ends(pipes[MUSTER_DEFLATERS_MAX]->text, "{\"end\":\"done\",\"count\":200}\n");
    /* Who breaks off leaves its place. */
    for (unsigned i = 0; i < 3 * MUSTER_DEFLATERS_MAX; i++) {
        struct pipe *pipe = pipe_connect_tcp(0, 20);
        pipe->is_deaf = true;
        pipe_say(pipe, DEFLATE "\n");
        world_run(5);
        pipe_forget(pipe);
        world_run(5);
    }
    assert_begins(pipe_ask(pipe_connect_tcp(0, 21), DEFLATE), DEFLATE_LINE);
}

/* Without memory it is said in clear, or cut; what is said is whole. */
TEST(without_memory_an_answer_is_deflated_or_not) {
    unsigned long n = 0;
    bool has_failed = true;
    hear_many(0, 100, 1);
    while (has_failed) {
        struct pipe *pipe = pipe_connect_tcp(0, 1);
        pipe_say(pipe, DEFLATE "\n");
        countdown_set(++n);
        world_run(30);
        has_failed = countdown_has_failed() != 0;
        countdown_set(0);
        if (strncmp(pipe->text, DEFLATE_LINE, strlen(DEFLATE_LINE)) == 0 && !pipe->is_ended) {
            char *clear = inflated(pipe, 100000);
            assert_ends(clear, "\"count\":100}\n");
            free(clear);
        }
        pipe_forget(pipe);
        world_run(5);
    }
    assert_true(n > 10);
    assert_begins(pipe_ask(pipe_connect_tcp(0, 2), DEFLATE), DEFLATE_LINE);
}

/* ---- watching ---- */

TEST(a_watcher_hears_all_rows_and_then_every_event) {
    hear_many(0, 2, 1);
    struct pipe *pipe = pipe_connect_local(0);
    pipe_ask(pipe, REQUEST("watch"));
    assert_int_equal(pipe_count(pipe, "{\"event\":\"joined\","), 3);
    assert_int_equal(pipe_count(pipe, "\"end\""), 0);
    pipe_clear(pipe);
    hear(0, "other", 2, 0, NULL);
    hear(5, "new", 1, 2000, NULL);
    world_run(20);
    assert_int_equal(pipe_count(pipe, "{\"event\":\"changed\","), 1);
    assert_int_equal(pipe_count(pipe, "{\"event\":\"joined\","), 1);
    assert_int_equal(pipe_count(pipe, "{\"event\""), 2);
    pipe_clear(pipe);
    world_run(15000);
    assert_int_equal(pipe_count(pipe, "{\"event\":\"suspect\","), 1);
    assert_int_equal(pipe_count(pipe, "{\"event\":\"lost\","), 1);
    world_run(300000);
    assert_false(pipe->is_ended);
    assert_int_equal(counters()->streams_cut, 0);
}

/* Follows what a watcher was told of each row, by its lines: joined once, then each revision once. */
static void assert_told_once(const struct pipe *pipe, unsigned rows, uint64_t last_rev) {
    for (unsigned i = 0; i < rows; i++) {
        char id[128];
        snprintf(id, sizeof id, "\"id\":\"%032x\",\"boot\":", i + 1);
        uint64_t told = 0;
        for (const char *at = pipe->text; (at = strstr(at, id)) != NULL; at++) {
            const char *end = strchr(at, '\n');
            const char *rev = strstr(at, "\"rev\":");
            assert_true(rev != NULL && rev < end);
            uint64_t number = strtoull(rev + 6, NULL, 10);
            assert_true(told == 0 || number == told + 1);
            told = number;
        }
        assert_int_equal(told, last_rev);
        snprintf(id, sizeof id, "{\"event\":\"joined\",\"peer\":{\"id\":\"%032x\"", i + 1);
        assert_int_equal(pipe_count(pipe, id), 1);
    }
}

TEST(a_slow_listing_loses_and_doubles_nothing) {
    const unsigned rows = 300;
    hear_many(0, rows, 1);
    struct pipe *pipe = pipe_connect_local(0);
    pipe->is_deaf = true;
    pipe_ask(pipe, REQUEST("watch"));
    uint64_t rev = 1;
    for (unsigned round = 0; round < 12; round++) {
        rev++;
        for (unsigned i = 0; i < rows; i++) {
            char name[16];
            snprintf(name, sizeof name, "x%u", i);
            hear(i, name, rev, 0, NULL);
            world_run(i % 3 == 0 ? 1 : 0);
        }
        hear_many(rows + round, 1, 1);
        pipe_listen(pipe);
        pipe->is_deaf = true;
        world_run(5);
    }
    pipe_listen(pipe);
    world_run(50);
    assert_told_once(pipe, rows, rev);
    assert_int_equal(pipe_count(pipe, "{\"event\":\"joined\","), rows + 12 + 1);
    assert_int_equal(counters()->streams_cut, 0);
}

TEST(a_slow_watcher_is_cut) {
    hear_many(0, 1, 1);
    struct pipe *pipe = pipe_connect_local(0);
    pipe_ask(pipe, REQUEST("watch"));
    pipe->is_deaf = true;
    hear(0, "other", 2, 0, NULL);
    world_run(4900);
    assert_false(pipe->is_ended);
    world_run(200);
    assert_true(pipe->is_ended);
    assert_int_equal(counters()->streams_cut, 1);
}

#define TEXT_50 "12345678901234567890123456789012345678901234567890"
#define TEXT_250 TEXT_50 TEXT_50 TEXT_50 TEXT_50 TEXT_50

/* A megabyte may wait; more is more than a watcher that reads would let wait. */
TEST(a_watcher_that_falls_behind_is_cut) {
    hear_many(0, 100, 1);
    struct pipe *pipe = pipe_connect_local(0);
    pipe_ask(pipe, REQUEST("watch"));
    world_run(100);
    pipe->is_deaf = true;
    unsigned events = 0;
    for (; !pipe->is_ended && events < 2000; events++) {
        hear(events % 100, "other", 2 + events / 100, 0,
             ",\"attrs\":{\"a\":\"" TEXT_250 "\",\"b\":\"" TEXT_250 "\",\"c\":\"" TEXT_250 "\"}");
        world_run(2);
    }
    assert_true(pipe->is_ended);
    assert_in_range(events, MUSTER_STREAM_QUEUE_BYTES_MAX / 1600, MUSTER_STREAM_QUEUE_BYTES_MAX / 900);
    assert_int_equal(counters()->streams_cut, 1);
}

/* Watchers stay: those of other hosts leave places for who asks and goes. */
TEST(too_many_watch_from_elsewhere) {
    for (unsigned i = 0; i < MUSTER_STREAMS_WATCHERS_MAX; i++) {
        assert_string_equal(pipe_ask(pipe_connect_tcp(0, (uint8_t)(1 + i / 4)), REQUEST("watch")), "");
    }
    struct pipe *pipe = pipe_connect_tcp(0, 200);
    assert_begins(pipe_ask(pipe, REQUEST("watch")), "{\"end\":\"busy\"");
    assert_string_equal(pipe_ask(pipe, REQUEST("table")), "{\"end\":\"done\",\"count\":0}\n");
    pipe = pipe_connect_local(0);
    pipe_ask(pipe, REQUEST("watch"));
    assert_int_equal(pipe_count(pipe, "{\"event\":\"joined\","), 1);
}

TEST(a_watcher_may_end_its_side) {
    struct pipe *pipe = pipe_connect_local(0);
    pipe_say(pipe, REQUEST("watch") "\n");
    pipe_finish(pipe);
    world_run(60000);
    hear_many(0, 1, 1);
    assert_int_equal(pipe_count(pipe, "{\"event\":\"joined\","), 2);
    assert_false(pipe->is_ended);
    pipe_break(pipe);
    world_run(5);
    assert_int_equal(pipes_open(0), 0);
}

/* From another host that looks like a connection that is closed, whose place others want. */
TEST(a_remote_watcher_ends_with_its_side) {
    struct pipe *pipe = pipe_connect_tcp(0, 1);
    pipe_ask(pipe, REQUEST("watch"));
    pipe_finish(pipe);
    world_run(5);
    assert_true(pipe->is_ended);
    assert_int_equal(pipes_open(0), 0);
    assert_int_equal(counters()->streams_cut, 0);
}

/* ---- others ---- */

TEST(an_observer_answers_nobody) {
    size_t observer = world_add("?");
    struct pipe *pipe = pipe_connect_local(observer);
    world_run(5);
    assert_true(pipe->is_closed);
    assert_int_equal(pipes_open(observer), 0);
}

TEST(what_no_stream_means_is_ignored) {
    for (int event = MUSTER_STREAM_OPENED; event <= MUSTER_STREAM_CLOSED; event++) {
        for (uint64_t number = 0; number < 12; number++) {
            struct muster_event step = {
                .kind = MUSTER_EVENT_STREAM,
                .stream = {.number = number, .event = (enum muster_stream_event)event}};
            assert_int_equal(world_step(0, &step), 0);
        }
    }
    assert_int_equal(pipes_open(0), 0);
}

/* A link that takes no datagram holds up nobody who asks on a stream. */
TEST(answers_do_not_wait_for_datagrams) {
    muster_core_t *core = world.nodes[0].core;
    const struct muster_document document = {.name = "a"};
    static const char line[] = REQUEST("stats") "\n";
    struct muster_event events[] = {
        {.kind = MUSTER_EVENT_COMMAND, .command = {.kind = MUSTER_COMMAND_UPDATE, .document = &document}},
        {.kind = MUSTER_EVENT_STREAM,
         .stream = {.number = 9001, .event = MUSTER_STREAM_ACCEPTED, .is_local = true, .may_change = true}},
        {.kind = MUSTER_EVENT_STREAM,
         .stream = {.number = 9001,
                    .event = MUSTER_STREAM_BYTES,
                    .bytes = (const uint8_t *)line,
                    .length = sizeof line - 1}}};
    for (size_t i = 0; i < sizeof events / sizeof *events; i++) {
        events[i].now_ms = world.now_ms + 1000; /* an announce is due */
        assert_int_equal(muster_core_step(core, &events[i]), 0);
    }
    struct muster_output output;
    unsigned writes = 0;
    while (muster_core_next_blocked(core, &output)) {
        assert_int_not_equal(output.kind, MUSTER_OUTPUT_DATAGRAM);
        writes += output.kind == MUSTER_OUTPUT_STREAM_WRITE ? 1 : 0;
    }
    assert_int_equal(writes, 1);
    assert_true(muster_core_next(core, &output));
    assert_int_equal(output.kind, MUSTER_OUTPUT_DATAGRAM);
}

int main(void) {
    return test_run(begin, world_end);
}
