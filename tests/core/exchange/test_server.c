/* What a node answers on streams, and how it treats those who ask badly: the test is the client. */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <utlist.h>

#include "cmocka_all.h"
#include "limit.h"
#include "node.h"
#include "world.h"

static struct world world;

static const struct muster_stream local = {.is_local = true, .may_change = true};
static const struct muster_stream local_stranger = {.is_local = true};

/* By TCP, from one of many hosts. */
static struct muster_stream tcp(uint8_t host) {
    return (struct muster_stream){.remote = {.family = 4, .ip = {10, 0, 1, host}, .port = 50000},
                                  .interface = WORLD_INTERFACE};
}

static int begin(void **state) {
    (void)state;
    world_init(&world, 1);
    world.has_streams = true;
    world_add(&world, "a");
    world_run(&world, 3000);
    return 0;
}

static int end(void **state) {
    (void)state;
    world_deinit(&world);
    return 0;
}

static const struct muster_counters *counters(void) {
    return muster_core_counters(world.nodes[0].core);
}

static const struct server *server(void) {
    return &world.nodes[0].core->exchange.server;
}

static size_t count_connections(bool is_local) {
    size_t connections = 0;
    const struct connection *connection;
    DL_FOREACH(server()->connections, connection) {
        connections += connection->is_local == is_local ? 1 : 0;
    }
    return connections;
}

static struct pipe *connect_as(const struct muster_stream *as) {
    return pipe_connect(&world, 0, as);
}

/* Says a line and gives what is answered to it within some milliseconds. */
static const char *ask(struct pipe *pipe, const char *line) {
    pipe_clear(pipe);
    pipe_say(&world, pipe, line);
    pipe_say(&world, pipe, "\n");
    world_run(&world, 20);
    return pipe->text;
}

static void assert_ends(const char *answer, const char *line) {
    size_t length = strlen(answer);
    size_t wanted = strlen(line);
    if (length < wanted || strcmp(answer + length - wanted, line) != 0) {
        fail_msg("answered %s", answer);
    }
}

static size_t count(const char *text, const char *part) {
    size_t n = 0;
    for (; (text = strstr(text, part)) != NULL; text++) {
        n++;
    }
    return n;
}

/* Makes an announce long. */
static const char *room = "";

/* An unsigned announce of a peer that is not there, heard by the node. */
static void hear(unsigned number, const char *name, uint64_t seq, uint64_t next_ms) {
    char text[1300];
    snprintf(text, sizeof text,
             "{\"muster\":1,\"kind\":\"announce\",\"id\":\"%032x\",\"boot\":1,\"seq\":%llu,\"rev\":%llu,"
             "\"next_ms\":%llu,\"peers\":0,\"name\":\"%s\",\"attrs\":{%s}}\n",
             number + 1, (unsigned long long)seq, (unsigned long long)seq, (unsigned long long)next_ms, name,
             room);
    world_say(&world, 0, text, (uint8_t)(100 + number % 100), MUSTER_PATH_M4);
}

static void hear_many(unsigned first, unsigned rows) {
    for (unsigned i = first; i < first + rows; i++) {
        char name[16];
        snprintf(name, sizeof name, "x%u", i);
        hear(i, name, 1, MUSTER_NEXT_MS_MAX);
        world_run(&world, 2);
    }
}

/* ---- requests ---- */

#define REQUEST(kind) "{\"muster\":1,\"request\":\"" kind "\"}"

static void a_table_has_a_part_for_each_row(void **state) {
    (void)state;
    hear_many(0, 3);
    struct muster_stream as = tcp(1);
    struct pipe *remote = connect_as(&as);
    const char *answer = ask(remote, REQUEST("table"));
    assert_ends(answer, "{\"end\":\"done\",\"count\":3}\n");
    assert_int_equal(count(answer, "{\"peer\":"), 3);
    assert_int_equal(count(answer, "tuples"), 0); /* what others need not know */
    struct pipe *program = connect_as(&local);
    answer = ask(program, REQUEST("table"));
    assert_ends(answer, "{\"end\":\"done\",\"count\":4}\n");
    assert_int_equal(count(answer, "\"self\":true"), 1);
    assert_int_equal(count(answer, "\"tuples\":["), 4);
    assert_int_equal(counters()->requests, 2);
}

static void others_are_told_of_who_shares_their_link(void **state) {
    (void)state;
    hear_many(0, 2);
    hear(0, "x0", 2, 100); /* soon lost */
    world_run(&world, 8000);
    assert_int_equal(world_rows(&world, 0, MUSTER_LOST), 1);
    struct muster_stream as = tcp(1);
    struct pipe *pipe = connect_as(&as);
    assert_ends(ask(pipe, REQUEST("table")), "{\"end\":\"done\",\"count\":1}\n");
    as.interface = WORLD_INTERFACE + 1;
    pipe = connect_as(&as);
    assert_string_equal(ask(pipe, REQUEST("table")), "{\"end\":\"done\",\"count\":0}\n");
    pipe = connect_as(&local);
    assert_ends(ask(pipe, REQUEST("table")), "{\"end\":\"done\",\"count\":3}\n");
}

static void self_and_stats_are_one_part(void **state) {
    (void)state;
    const struct muster_socket sockets[] = {
        {.protocol = "udp", .address = {.family = 4, .ip = {10, 0, 0, 1}, .port = 19798}, .kernel_drops = 3},
        {.protocol = "unix"}};
    struct muster_event event = {.kind = MUSTER_EVENT_SOCKETS, .sockets = sockets, .socket_count = 2};
    assert_int_equal(world_step(&world, 0, &event), 0);
    struct pipe *pipe = connect_as(&local);
    const char *answer = ask(pipe, REQUEST("self"));
    assert_ends(answer, "{\"end\":\"done\",\"count\":1}\n");
    assert_int_equal(count(answer, "\"kernel_drops\":3"), 1);
    assert_int_equal(count(answer, "\"protocol\":\"unix\""), 1);
    answer = ask(pipe, REQUEST("stats"));
    assert_ends(answer, "{\"end\":\"done\",\"count\":1}\n");
    assert_int_equal(count(answer, "\"requests\":1"), 1);
    event.socket_count = 0;
    assert_int_equal(world_step(&world, 0, &event), 0);
    assert_int_equal(count(ask(pipe, REQUEST("self")), "\"sockets\":[]"), 1);
    struct muster_socket many[MUSTER_SOCKETS_MAX + 1] = {0};
    event.sockets = many;
    event.socket_count = MUSTER_SOCKETS_MAX + 1;
    assert_int_equal(world_step(&world, 0, &event), MUSTER_EFULL);
}

static void publish(size_t index, unsigned topic, unsigned count) {
    const struct muster_record record = {.kind = MUSTER_VALUE_NUMBER, .number = 20.5};
    muster_core_t *core = world.nodes[index].core;
    for (unsigned i = 0; i < count; i++) {
        assert_int_equal(muster_core_topic_add(core, topic, &record, world.now_ms, 1700000000), 0);
        muster_core_topic_flush(core, topic);
        world_run(&world, 20);
    }
}

static bool is_third(struct world *of, size_t from, size_t to, const struct muster_datagram *datagram) {
    static const char data[] = "\"kind\":\"data\"";
    static const char third[] = "\"seq\":3}";
    (void)of;
    (void)from;
    (void)to;
    return memmem(datagram->bytes, datagram->length, data, strlen(data)) != NULL &&
           memmem(datagram->bytes, datagram->length, third, strlen(third)) != NULL;
}

static void self_tells_of_telemetry(void **state) {
    (void)state;
    static const char *const patterns[] = {"k/#"};
    const struct muster_subscription_options options = {
        .size = sizeof options, .patterns = patterns, .pattern_count = 1};
    const struct muster_topic own = {.name = "own"};
    const struct muster_topic heard = {.name = "k/t"};
    unsigned number;
    unsigned own_topic;
    unsigned topic;
    assert_int_equal(muster_core_subscribe(world.nodes[0].core, &options, &number), 0);
    assert_int_equal(muster_core_topic_open(world.nodes[0].core, &own, &own_topic), 0);
    world_add(&world, "b");
    assert_int_equal(muster_core_topic_open(world.nodes[1].core, &heard, &topic), 0);
    world_run(&world, 3000);
    struct pipe *pipe = connect_as(&local);
    const char *answer = ask(pipe, REQUEST("self"));
    assert_int_equal(count(answer, "\"sender\":{\"datagrams\":0,\"bytes\":0,\"repairs\":0,"), 1);
    assert_int_equal(count(answer, "\"feeds\":[],\"feeds_known\":0"), 1);

    world.is_lost = is_third;
    publish(0, own_topic, 2);
    publish(1, topic, 5);
    world_run(&world, 2000);
    answer = ask(connect_as(&local), REQUEST("self"));
    assert_ends(answer, "{\"end\":\"done\",\"count\":1}\n");
    char id[MUSTER_ID_TEXT_BYTES];
    uint8_t bytes[MUSTER_ID_BYTES];
    char feed[128];
    muster_core_id(world.nodes[1].core, bytes);
    muster_id_text(bytes, id);
    snprintf(feed, sizeof feed, "\"feeds\":[{\"id\":\"%s\",\"shard\":%u,\"boot\":", id,
             muster_topic_shard("k/t"));
    assert_int_equal(count(answer, feed), 1);
    assert_int_equal(count(answer, "\"since\":1,\"sent\":5,\"received\":4,"), 1);
    assert_int_equal(count(answer, "\"pending\":0,\"lost_wire\":1,"), 1);
    assert_int_equal(count(answer, "\"by_stream\""), 0); /* said where it is so */
    assert_int_equal(count(answer, "\"feeds_known\":1"), 1);
    assert_int_equal(count(answer, "\"sender\":{\"datagrams\":2,"), 1);
}

static void a_request_may_say_where_it_wants_to_be(void **state) {
    (void)state;
    static const char *const here[] = {"\"port\":19797", "\"interfaces\":[\"eth0\"]",
                                       "\"port\":19797,\"interfaces\":[\"eth0\",\"eth0\"]"};
    static const char *const elsewhere[] = {"\"port\":19798", "\"interfaces\":[\"eth1\"]",
                                            "\"interfaces\":[\"eth0\",\"eth1\"]"};
    char line[128];
    struct pipe *pipe = connect_as(&local);
    for (size_t i = 0; i < 3; i++) {
        snprintf(line, sizeof line, "{\"muster\":1,\"request\":\"table\",%s}", here[i]);
        assert_ends(ask(pipe, line), "{\"end\":\"done\",\"count\":1}\n");
        snprintf(line, sizeof line, "{\"muster\":1,\"request\":\"watch\",%s}", elsewhere[i]);
        assert_int_equal(strncmp(ask(pipe, line), "{\"end\":\"elsewhere\",\"count\":0,", 29), 0);
    }
    /* Who does not know its network is in no other one. */
    assert_ends(ask(pipe, "{\"muster\":1,\"request\":\"table\",\"network\":\"net:[2]\"}"),
                "{\"end\":\"done\",\"count\":1}\n");
    strcpy(world.nodes[0].core->exchange.network, "net:[1]");
    assert_ends(ask(pipe, "{\"muster\":1,\"request\":\"table\",\"network\":\"net:[1]\"}"),
                "{\"end\":\"done\",\"count\":1}\n");
    assert_int_equal(strncmp(ask(pipe, "{\"muster\":1,\"request\":\"table\",\"network\":\"net:[2]\"}"),
                             "{\"end\":\"elsewhere\"", 18),
                     0);
    assert_int_equal(world_paths(&world, 0, NULL, 0), 0);
    snprintf(line, sizeof line, "{\"muster\":1,\"request\":\"table\",%s}", here[1]);
    assert_int_equal(strncmp(ask(pipe, line), "{\"end\":\"elsewhere\"", 18), 0);
}

#define UPDATE(members) "{\"muster\":1,\"request\":\"update\"," members "}"

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

static void updates_change_the_document_or_nothing(void **state) {
    (void)state;
    struct pipe *pipe = connect_as(&local);
    for (size_t i = 0; i < sizeof updates / sizeof *updates; i++) {
        char wanted[64];
        snprintf(wanted, sizeof wanted, "{\"end\":\"%s\",\"count\":0", updates[i].end);
        if (strncmp(ask(pipe, updates[i].request), wanted, strlen(wanted)) != 0) {
            fail_msg("%s: %s", updates[i].request, pipe->text);
        }
    }
    const struct presence *own = &world.nodes[0].core->presence;
    assert_string_equal(own->own.announcement.message.document.name, "b");
    assert_int_equal(own->own.announcement.message.document.attr_count, 0);
    assert_int_equal(own->own.rev, 6); /* what changes nothing is no revision */
}

static void only_the_same_user_on_this_machine_updates(void **state) {
    (void)state;
    struct muster_stream as = tcp(1);
    struct pipe *remote = connect_as(&as);
    struct pipe *stranger = connect_as(&local_stranger);
    const char *line = UPDATE("\"set\":{\"name\":\"mine\"}");
    assert_int_equal(strncmp(ask(remote, line), "{\"end\":\"forbidden\"", 18), 0);
    assert_int_equal(strncmp(ask(stranger, line), "{\"end\":\"forbidden\"", 18), 0);
    assert_string_equal(world.nodes[0].core->presence.own.announcement.message.document.name, "a");
}

static void who_leaves_is_not_changed(void **state) {
    (void)state;
    struct pipe *pipe = connect_as(&local);
    world_leave(&world, 0);
    const char *answer = ask(pipe, UPDATE("\"set\":{\"name\":\"late\"}"));
    assert_int_equal(strncmp(answer, "{\"end\":\"leaving\"", 16), 0);
    assert_string_equal(world.nodes[0].core->presence.own.announcement.message.document.name, "a");
}

/* A line of many services, as `set` has it. */
static char *services_line(unsigned services, size_t *length) {
    char *line = malloc(64 + services * 64);
    assert_non_null(line);
    char *at = line + sprintf(line, "{\"muster\":1,\"request\":\"update\",\"set\":{\"services\":[");
    for (unsigned i = 0; i < services; i++) {
        at += sprintf(at, "%s{\"type\":\"http\",\"proto\":\"tcp\",\"port\":%u}", i == 0 ? "" : ",", i + 1);
    }
    at += sprintf(at, "]}}");
    *length = (size_t)(at - line);
    return line;
}

static void a_document_of_64_kib_is_the_largest(void **state) {
    (void)state;
    static const struct {
        unsigned services;
        const char *end;
    } cases[] = {{1300, "done"}, {1800, "too_big"}, {10, "done"}};
    struct pipe *pipe = connect_as(&local);
    for (size_t i = 0; i < 3; i++) {
        size_t length;
        char wanted[64];
        char *line = services_line(cases[i].services, &length);
        snprintf(wanted, sizeof wanted, "{\"end\":\"%s\"", cases[i].end);
        assert_int_equal(strncmp(ask(pipe, line), wanted, strlen(wanted)), 0);
        free(line);
    }
    assert_int_equal(world.nodes[0].core->presence.own.announcement.message.document.service_count, 1301);
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

static void bad_requests_are_told_what_is_wrong(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof bad_lines / sizeof *bad_lines; i++) {
        struct muster_stream as = tcp((uint8_t)i);
        struct pipe *pipe = connect_as(&as);
        char wanted[64];
        snprintf(wanted, sizeof wanted, "{\"end\":\"%s\",\"count\":0,\"text\":\"", bad_lines[i].end);
        if (strncmp(ask(pipe, bad_lines[i].line), wanted, strlen(wanted)) != 0 ||
            pipe->is_ended != bad_lines[i].is_closed) {
            fail_msg("%s: %s", bad_lines[i].line, pipe->text);
        }
    }
    assert_int_equal(counters()->requests, 0);
}

static void a_line_that_is_too_long_is_not_read(void **state) {
    (void)state;
    static char line[MUSTER_REQUEST_LOCAL_BYTES_MAX + 2];
    memset(line, ' ', sizeof line);
    struct muster_stream as = tcp(1);
    struct pipe *pipe = connect_as(&as);
    pipe_write(&world, pipe, line, MUSTER_REQUEST_BYTES_MAX);
    world_run(&world, 20);
    assert_false(pipe->is_ended);
    pipe_write(&world, pipe, line, 1);
    world_run(&world, 20);
    assert_int_equal(strncmp(pipe->text, "{\"end\":\"too_long\"", 17), 0);
    assert_true(pipe->is_ended);
    pipe = connect_as(&local);
    pipe_write(&world, pipe, line, MUSTER_REQUEST_LOCAL_BYTES_MAX);
    world_run(&world, 20);
    assert_false(pipe->is_ended);
    pipe_write(&world, pipe, line, 1);
    world_run(&world, 20);
    assert_true(pipe->is_ended);
    assert_int_equal(counters()->streams_cut, 2);
}

static void a_request_may_come_byte_by_byte(void **state) {
    (void)state;
    struct muster_stream as = tcp(1);
    struct pipe *pipe = connect_as(&as);
    for (const char *at = REQUEST("table") "\n"; *at != '\0'; at++) {
        pipe_write(&world, pipe, at, 1);
        world_run(&world, 2);
    }
    world_run(&world, 5);
    assert_string_equal(pipe->text, "{\"end\":\"done\",\"count\":0}\n");
}

static void requests_may_wait_for_each_other(void **state) {
    (void)state;
    hear_many(0, 100); /* more than a chunk */
    struct pipe *pipe = connect_as(&local);
    pipe_say(&world, pipe, REQUEST("table") "\n" REQUEST("nothing") "\n" REQUEST("table") "\n");
    pipe_finish(&world, pipe);
    world_run(&world, 50);
    assert_int_equal(count(pipe->text, "{\"end\":\"done\",\"count\":101}\n"), 2);
    assert_int_equal(count(pipe->text, "{\"end\":\"unknown\",\"count\":0"), 1);
    assert_int_equal(count(pipe->text, "{\"peer\":"), 202);
    assert_true(pipe->is_ended);
    assert_null(server()->connections);
    assert_int_equal(counters()->streams_cut, 0);
}

static void who_asks_without_listening_is_cut(void **state) {
    (void)state;
    struct muster_stream as = tcp(1);
    struct pipe *pipe = connect_as(&as);
    pipe->is_deaf = true;
    for (int i = 0; i < 200; i++) {
        pipe_say(&world, pipe, REQUEST("table") "\n");
    }
    world_run(&world, 20);
    assert_true(pipe->is_ended);
    assert_int_equal(counters()->streams_cut, 1);
    assert_null(server()->connections);
}

static void who_ends_without_a_request_is_let_go(void **state) {
    (void)state;
    struct muster_stream as = tcp(1);
    struct pipe *pipe = connect_as(&as);
    pipe_say(&world, pipe, "{\"muster\":1");
    pipe_finish(&world, pipe);
    world_run(&world, 20);
    assert_true(pipe->is_ended);
    assert_string_equal(pipe->text, "");
    assert_null(server()->connections);
}

/* ---- bounds ---- */

static void too_many_connections_are_told_so(void **state) {
    (void)state;
    struct pipe *pipes[MUSTER_STREAMS_MAX + 1];
    for (size_t i = 0; i <= MUSTER_STREAMS_MAX; i++) {
        struct muster_stream as = tcp((uint8_t)(i / MUSTER_STREAMS_PER_ADDRESS));
        pipes[i] = connect_as(&as);
    }
    world_run(&world, 20);
    for (size_t i = 0; i < MUSTER_STREAMS_MAX; i++) {
        assert_false(pipes[i]->is_ended);
    }
    assert_int_equal(strncmp(pipes[MUSTER_STREAMS_MAX]->text, "{\"end\":\"busy\",\"count\":0", 23), 0);
    assert_true(pipes[MUSTER_STREAMS_MAX]->is_ended);
    assert_int_equal(counters()->streams_refused, 1);
    pipe_break(&world, pipes[0]); /* and then there is room */
    world_run(&world, 5);
    struct muster_stream as = tcp(0);
    struct pipe *next = connect_as(&as);
    assert_ends(ask(next, REQUEST("table")), "{\"end\":\"done\",\"count\":0}\n");
    assert_int_equal(count_connections(false), MUSTER_STREAMS_MAX);
}

static void one_address_gets_only_some(void **state) {
    (void)state;
    struct muster_stream as = tcp(1);
    for (size_t i = 0; i < MUSTER_STREAMS_PER_ADDRESS; i++) {
        connect_as(&as);
    }
    struct pipe *pipe = connect_as(&as);
    pipe->is_deaf = true; /* it need not listen to be gone */
    world_run(&world, 20);
    assert_true(pipe->is_ended);
    as = tcp(2);
    pipe = connect_as(&as);
    assert_ends(ask(pipe, REQUEST("table")), "{\"end\":\"done\",\"count\":0}\n");
}

static void programs_have_room_of_their_own(void **state) {
    (void)state;
    for (size_t i = 0; i < MUSTER_STREAMS_MAX; i++) {
        struct muster_stream as = tcp((uint8_t)(i / MUSTER_STREAMS_PER_ADDRESS));
        connect_as(&as);
    }
    for (size_t i = 0; i < MUSTER_STREAMS_LOCAL_MAX; i++) {
        connect_as(&local);
    }
    struct pipe *pipe = connect_as(&local);
    world_run(&world, 20);
    assert_int_equal(strncmp(pipe->text, "{\"end\":\"busy\"", 13), 0);
    assert_int_equal(count_connections(true), MUSTER_STREAMS_LOCAL_MAX);
    assert_int_equal(count_connections(false), MUSTER_STREAMS_MAX);
}

static void other_users_leave_room_for_the_own_one(void **state) {
    (void)state;
    struct pipe *pipe = NULL;
    for (size_t i = 0; i <= MUSTER_STREAMS_STRANGERS_MAX; i++) {
        assert_true(pipe == NULL || !pipe->is_ended);
        pipe = connect_as(&local_stranger);
        pipe_say(&world, pipe, REQUEST("watch") "\n");
        world_run(&world, 5);
    }
    assert_int_equal(strncmp(pipe->text, "{\"end\":\"busy\"", 13), 0);
    pipe = connect_as(&local);
    assert_ends(ask(pipe, REQUEST("table")), "{\"end\":\"done\",\"count\":1}\n");
}

static void who_asks_nothing_is_cut(void **state) {
    (void)state;
    struct muster_stream as = tcp(1);
    struct pipe *silent = connect_as(&as);
    struct pipe *slow = connect_as(&as);
    struct pipe *busy = connect_as(&as);
    for (int i = 0; i < 49; i++) { /* a byte now and then is no request */
        world_run(&world, 100);
        pipe_say(&world, slow, " ");
        if (i % 10 == 0) {
            ask(busy, REQUEST("stats"));
        }
    }
    world_run(&world, 200);
    assert_true(silent->is_ended);
    assert_true(slow->is_ended);
    assert_false(busy->is_ended);
    assert_int_equal(counters()->streams_cut, 2);
}

/* A connection by TCP lasts a minute, whatever it asks; a program of this machine may stay. */
static void nobody_from_elsewhere_stays_for_ever(void **state) {
    (void)state;
    struct muster_stream as = tcp(1);
    struct pipe *remote = connect_as(&as);
    struct pipe *program = connect_as(&local);
    for (unsigned i = 0; i < 61; i++) {
        assert_false(remote->is_ended);
        ask(remote, REQUEST("stats"));
        ask(program, REQUEST("stats"));
        world_run(&world, 960);
    }
    assert_true(remote->is_ended);
    assert_false(program->is_ended);
}

static void a_slow_reader_of_a_table_is_cut(void **state) {
    (void)state;
    hear_many(0, 500);
    struct muster_stream as = tcp(1);
    struct pipe *pipe = connect_as(&as);
    pipe->is_deaf = true;
    ask(pipe, REQUEST("table"));
    size_t had = pipe->length;
    assert_true(had >= MUSTER_STREAM_CHUNK_BYTES);
    world_run(&world, 3000);
    pipe_listen(&world, pipe);
    pipe->is_deaf = true;
    world_run(&world, 3000);
    assert_false(pipe->is_ended); /* it takes something now and then */
    assert_true(pipe->length > had);
    world_run(&world, 3000);
    assert_true(pipe->is_ended);
    assert_null(strstr(pipe->text, "\"end\""));
    assert_int_equal(counters()->streams_cut, 1);
    assert_null(server()->connections);
}

/* The row that was said last, and others, may be gone when the reader wants more. */
static void rows_may_go_while_they_are_listed(void **state) {
    (void)state;
    hear_many(0, 500);
    struct pipe *pipe = connect_as(&local);
    pipe->is_deaf = true;
    ask(pipe, REQUEST("table"));
    struct peer_table *table = &world.nodes[0].core->presence.table;
    for (unsigned i = 0; i < 3; i++) {
        peer_table_remove(table, (struct peer *)peer_table_after(table, server()->connections->cursor - 1));
        pipe_listen(&world, pipe);
        pipe->is_deaf = true;
        world_run(&world, 5);
    }
    pipe_listen(&world, pipe);
    world_run(&world, 50);
    assert_non_null(strstr(pipe->text, "{\"end\":\"done\",\"count\":501}\n"));
    for (unsigned i = 0; i < 500; i++) {
        char id[64];
        snprintf(id, sizeof id, "{\"peer\":{\"id\":\"%032x\"", i + 1);
        assert_int_equal(count(pipe->text, id), 1);
    }
}

/* Bytes of the program on the heap. */
static size_t heap_bytes(void) {
    return mallinfo2().uordblks;
}

static void nothing_grows_with_connections(void **state) {
    (void)state;
    size_t before = 0;
    for (unsigned i = 0; i < 10000; i++) {
        struct muster_stream as = tcp((uint8_t)i);
        struct pipe *pipe = pipe_connect(&world, 0, i % 2 == 0 ? &as : &local);
        if (i % 4 < 2) {
            pipe_say(&world, pipe, i % 3 == 0 ? REQUEST("watch") "\n" : REQUEST("self") "\n");
        }
        world_run(&world, 3);
        if (i % 5 == 0) {
            pipe_finish(&world, pipe);
            world_run(&world, 3);
        }
        pipe_forget(&world, pipe);
        world_run(&world, 2);
        assert_null(server()->connections);
        before = i == 1000 ? heap_bytes() : before;
    }
    assert_int_equal(counters()->streams_accepted, 10000);
    assert_int_equal(count_connections(false) + count_connections(true), 0);
    assert_true(heap_bytes() < before + 65536);
}

/* ---- watching ---- */

static void a_watcher_hears_all_rows_and_then_every_event(void **state) {
    (void)state;
    hear_many(0, 2);
    struct pipe *pipe = connect_as(&local);
    const char *answer = ask(pipe, REQUEST("watch"));
    assert_int_equal(count(answer, "{\"event\":\"joined\","), 3);
    assert_null(strstr(answer, "\"end\""));
    pipe_clear(pipe);
    hear(0, "other", 2, MUSTER_NEXT_MS_MAX);
    hear(5, "new", 1, 2000);
    world_run(&world, 20);
    assert_int_equal(count(pipe->text, "{\"event\":\"changed\","), 1);
    assert_int_equal(count(pipe->text, "{\"event\":\"joined\","), 1);
    assert_int_equal(count(pipe->text, "{\"event\""), 2);
    pipe_clear(pipe);
    world_run(&world, 15000);
    assert_int_equal(count(pipe->text, "{\"event\":\"suspect\","), 1);
    assert_int_equal(count(pipe->text, "{\"event\":\"lost\","), 1);
    world_run(&world, 300000);
    assert_false(pipe->is_ended);
    assert_int_equal(counters()->streams_cut, 0);
}

/* Follows what a watcher was told of each row, by its lines: joined once, then each revision once. */
static void assert_told_once(const char *text, unsigned rows, uint64_t last_rev) {
    for (unsigned i = 0; i < rows; i++) {
        char id[128];
        snprintf(id, sizeof id, "\"id\":\"%032x\",\"boot\":", i + 1);
        uint64_t told = 0;
        for (const char *at = text; (at = strstr(at, id)) != NULL; at++) {
            const char *end = strchr(at, '\n');
            const char *rev = strstr(at, "\"rev\":");
            assert_true(rev != NULL && rev < end);
            uint64_t number = strtoull(rev + 6, NULL, 10);
            assert_true(told == 0 || number == told + 1);
            told = number;
        }
        assert_int_equal(told, last_rev);
        snprintf(id, sizeof id, "{\"event\":\"joined\",\"peer\":{\"id\":\"%032x\"", i + 1);
        assert_int_equal(count(text, id), 1);
    }
}

static void a_slow_listing_loses_and_doubles_nothing(void **state) {
    (void)state;
    const unsigned rows = 300;
    hear_many(0, rows);
    struct pipe *pipe = connect_as(&local);
    pipe->is_deaf = true;
    ask(pipe, REQUEST("watch"));
    uint64_t rev = 1;
    for (unsigned round = 0; round < 12; round++) {
        rev++;
        for (unsigned i = 0; i < rows; i++) {
            char name[16];
            snprintf(name, sizeof name, "x%u", i);
            hear(i, name, rev, MUSTER_NEXT_MS_MAX);
            world_run(&world, i % 3 == 0 ? 1 : 0);
        }
        hear_many(rows + round, 1);
        pipe_listen(&world, pipe);
        pipe->is_deaf = true;
        world_run(&world, 5);
    }
    pipe_listen(&world, pipe);
    world_run(&world, 50);
    assert_told_once(pipe->text, rows, rev);
    assert_int_equal(count(pipe->text, "{\"event\":\"joined\","), rows + 12 + 1);
    assert_int_equal(counters()->streams_cut, 0);
}

static void a_slow_watcher_is_cut(void **state) {
    (void)state;
    hear_many(0, 1);
    struct pipe *pipe = connect_as(&local);
    ask(pipe, REQUEST("watch"));
    pipe->is_deaf = true;
    hear(0, "other", 2, MUSTER_NEXT_MS_MAX);
    world_run(&world, 4900);
    assert_false(pipe->is_ended);
    world_run(&world, 200);
    assert_true(pipe->is_ended);
    assert_int_equal(counters()->streams_cut, 1);
}

#define TEXT_50 "12345678901234567890123456789012345678901234567890"
#define TEXT_250 TEXT_50 TEXT_50 TEXT_50 TEXT_50 TEXT_50

/* A megabyte may wait; more is more than a watcher that reads would let wait. */
static void a_watcher_that_falls_behind_is_cut(void **state) {
    (void)state;
    hear_many(0, 100);
    struct pipe *pipe = connect_as(&local);
    ask(pipe, REQUEST("watch"));
    world_run(&world, 100);
    pipe->is_deaf = true;
    room = "\"a\":\"" TEXT_250 "\",\"b\":\"" TEXT_250 "\",\"c\":\"" TEXT_250 "\"";
    unsigned events = 0;
    for (; !pipe->is_ended && events < 2000; events++) {
        hear(events % 100, "other", 2 + events / 100, MUSTER_NEXT_MS_MAX);
        world_run(&world, 2);
    }
    room = "";
    assert_true(pipe->is_ended);
    assert_in_range(events, MUSTER_STREAM_QUEUE_BYTES_MAX / 1600, MUSTER_STREAM_QUEUE_BYTES_MAX / 900);
    assert_int_equal(counters()->streams_cut, 1);
}

/* Watchers stay: those of other hosts leave places for who asks and goes. */
static void too_many_watch_from_elsewhere(void **state) {
    (void)state;
    struct muster_stream as = tcp(1);
    for (unsigned i = 0; i < MUSTER_STREAMS_WATCHERS_MAX; i++) {
        as.remote.ip[3] = (uint8_t)(1 + i / 4);
        assert_string_equal(ask(connect_as(&as), REQUEST("watch")), "");
    }
    as.remote.ip[3] = 200;
    struct pipe *pipe = connect_as(&as);
    assert_int_equal(strncmp(ask(pipe, REQUEST("watch")), "{\"end\":\"busy\"", 13), 0);
    assert_string_equal(ask(pipe, REQUEST("table")), "{\"end\":\"done\",\"count\":0}\n");
    pipe = connect_as(&local);
    assert_int_equal(count(ask(pipe, REQUEST("watch")), "{\"event\":\"joined\","), 1);
}

static void a_watcher_may_end_its_side(void **state) {
    (void)state;
    struct pipe *pipe = connect_as(&local);
    pipe_say(&world, pipe, REQUEST("watch") "\n");
    pipe_finish(&world, pipe);
    world_run(&world, 60000);
    hear_many(0, 1);
    assert_int_equal(count(pipe->text, "{\"event\":\"joined\","), 2);
    assert_false(pipe->is_ended);
    pipe_break(&world, pipe);
    world_run(&world, 5);
    assert_null(server()->connections);
}

/* From another host that looks like a connection that is closed, whose place others want. */
static void a_remote_watcher_ends_with_its_side(void **state) {
    (void)state;
    struct muster_stream as = tcp(1);
    struct pipe *pipe = connect_as(&as);
    ask(pipe, REQUEST("watch"));
    pipe_finish(&world, pipe);
    world_run(&world, 5);
    assert_true(pipe->is_ended);
    assert_null(server()->connections);
    assert_int_equal(counters()->streams_cut, 0);
}

/* Who watches from elsewhere hears no hearsay, and hears of a row once it is more than that. */
static void hearsay_is_not_told_to_others(void **state) {
    (void)state;
    struct muster_stream as = tcp(1);
    struct pipe *remote = connect_as(&as);
    struct pipe *program = connect_as(&local);
    ask(remote, REQUEST("watch"));
    ask(program, REQUEST("watch"));
    struct peer *peer;
    hear_many(0, 1);
    peer = world.nodes[0].core->presence.table.by_id;
    assert_int_equal(count(remote->text, "{\"event\":\"joined\","), 1);
    peer->is_provisional = true;
    peer_table_set_class(&world.nodes[0].core->presence.table, peer, CLASS_PROVISIONAL);
    pipe_clear(program);
    pipe_clear(remote);
    hear(0, "again", 2, MUSTER_NEXT_MS_MAX); /* who has no key is real when it is heard */
    world_run(&world, 5);
    assert_false(peer->is_provisional);
    assert_int_equal(count(program->text, "{\"event\":\"changed\","), 1);
    assert_int_equal(count(remote->text, "{\"event\":\"joined\","), 1);
}

/* ---- others ---- */

static void an_observer_answers_nobody(void **state) {
    (void)state;
    size_t observer = world_add(&world, "?");
    struct pipe *pipe = pipe_connect(&world, observer, &local);
    world_run(&world, 5);
    assert_true(pipe->is_closed);
    assert_null(world.nodes[observer].core->exchange.server.connections);
}

static void what_no_stream_means_is_ignored(void **state) {
    (void)state;
    for (int event = MUSTER_STREAM_OPENED; event <= MUSTER_STREAM_CLOSED; event++) {
        for (uint64_t number = 0; number < 12; number++) {
            struct muster_event step = {
                .kind = MUSTER_EVENT_STREAM,
                .stream = {.number = number, .event = (enum muster_stream_event)event}};
            assert_int_equal(world_step(&world, 0, &step), 0);
        }
    }
    assert_null(server()->connections);
}

/* A link that takes no datagram holds up nobody who asks on a stream. */
static void answers_do_not_wait_for_datagrams(void **state) {
    (void)state;
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
#define STORY(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        STORY(a_table_has_a_part_for_each_row),
        STORY(others_are_told_of_who_shares_their_link),
        STORY(self_and_stats_are_one_part),
        STORY(self_tells_of_telemetry),
        STORY(a_request_may_say_where_it_wants_to_be),
        STORY(updates_change_the_document_or_nothing),
        STORY(only_the_same_user_on_this_machine_updates),
        STORY(who_leaves_is_not_changed),
        STORY(a_document_of_64_kib_is_the_largest),
        STORY(bad_requests_are_told_what_is_wrong),
        STORY(a_line_that_is_too_long_is_not_read),
        STORY(a_request_may_come_byte_by_byte),
        STORY(requests_may_wait_for_each_other),
        STORY(who_asks_without_listening_is_cut),
        STORY(who_ends_without_a_request_is_let_go),
        STORY(too_many_connections_are_told_so),
        STORY(one_address_gets_only_some),
        STORY(programs_have_room_of_their_own),
        STORY(other_users_leave_room_for_the_own_one),
        STORY(who_asks_nothing_is_cut),
        STORY(nobody_from_elsewhere_stays_for_ever),
        STORY(a_slow_reader_of_a_table_is_cut),
        STORY(rows_may_go_while_they_are_listed),
        STORY(nothing_grows_with_connections),
        STORY(a_watcher_hears_all_rows_and_then_every_event),
        STORY(a_slow_listing_loses_and_doubles_nothing),
        STORY(a_slow_watcher_is_cut),
        STORY(a_watcher_that_falls_behind_is_cut),
        STORY(a_watcher_may_end_its_side),
        STORY(a_remote_watcher_ends_with_its_side),
        STORY(too_many_watch_from_elsewhere),
        STORY(answers_do_not_wait_for_datagrams),
        STORY(hearsay_is_not_told_to_others),
        STORY(an_observer_answers_nobody),
        STORY(what_no_stream_means_is_ignored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
