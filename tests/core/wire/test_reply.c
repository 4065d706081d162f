/* SPDX-License-Identifier: MIT */
/* Answers as lines: there and back, byte by byte and in one piece, wrong in each way, and without memory. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "countdown.h"
#include "deflater.h"
#include "reply.h"
#include "reply_walk.h"
#include "test.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define PART_BYTES_MAX 200000

#define ANNOUNCE                                                                                  \
    "{\"muster\":1,\"kind\":\"announce\",\"id\":\"000102030405060708090a0b0c0d0e0f\",\"boot\":5," \
    "\"seq\":9,\"rev\":3,\"next_ms\":2500,\"peers\":0,\"name\":\"lamp\"}\n"
#define ALIVE                                                                                  \
    "{\"muster\":1,\"kind\":\"alive\",\"id\":\"000102030405060708090a0b0c0d0e0f\",\"boot\":5," \
    "\"seq\":9,\"rev\":3,\"next_ms\":2500,\"peers\":0}\n"
#define BODY "{\"attrs\":{\"room\":\"1\"}}\n"

static const uint8_t id[MUSTER_ID_BYTES] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

static const struct muster_tuple tuples[] = {
    {.source = {.family = 4, .ip = {10, 0, 0, 1}, .port = 19798},
     .destination = {.family = 4, .ip = {224, 0, 0, 254}, .port = 19797},
     .interface_name = "eth0",
     .path = MUSTER_PATH_M4,
     .count = 7,
     .age_ms = 80,
     .loss = 0.1},
    {.path = MUSTER_PATH_U4, .count = 9007199254740991},
};

static struct muster_peer a_peer(void) {
    struct muster_peer peer = {.boot = 5,
                               .rev = 3,
                               .state = MUSTER_SUSPECT,
                               .verified = true,
                               .provisional = true,
                               .partial = true,
                               .address = {.family = 4, .ip = {255, 1, 20, 0}, .port = 65535},
                               .other_address = {.family = 6, .ip = {0xfe, 0x80, [15] = 1}, .port = 65534},
                               .interface_name = "a-name-of-15-by",
                               .paths = 1u << MUSTER_PATH_B4 | 1u << MUSTER_PATH_U4,
                               .age_ms = 100,
                               .next_ms = -7,
                               .since_ms = 9007199254740991,
                               .loss = 0.25,
                               .received = 1,
                               .copies = 2,
                               .tuples = tuples,
                               .tuple_count = COUNT(tuples)};
    memcpy(peer.id, id, sizeof id);
    return peer;
}

static struct reply_lines announce_lines(void) {
    return (struct reply_lines){.announce = (const uint8_t *)ANNOUNCE, .announce_length = strlen(ANNOUNCE)};
}

static uint64_t *counter_of(void *counters, const struct reply_counter *row) {
    return (uint64_t *)(void *)((char *)counters + row->offset);
}

static struct muster_counters some_counters(void) {
    struct muster_counters counters = {0};
    for (size_t i = 0; i < REPLY_COUNTERS; i++) {
        *counter_of(&counters, &reply_counters[i]) = 1000 + i;
    }
    for (size_t i = 0; i < MUSTER_DROP_COUNT; i++) {
        counters.drops[i] = 2000 + i;
    }
    return counters;
}

static const struct muster_path paths[] = {{.kind = MUSTER_PATH_M4, .name = "eth0"},
                                           {.kind = MUSTER_PATH_B4, .name = "eth1"}};
static const struct muster_socket sockets[] = {{.protocol = "udp",
                                                .address = {.family = 4, .port = 19797},
                                                .interface_name = "eth0",
                                                .buffer_bytes = UINT32_MAX,
                                                .kernel_drops = 5,
                                                .failed = 6,
                                                .queue_drops = 7,
                                                .unicast_drops = 8,
                                                .unreached = 9},
                                               {.protocol = "unix"}};

static const struct muster_feed feeds[] = {{.id = {1, 2, 3},
                                            .boot = 11,
                                            .shard = MUSTER_SHARDS - 1,
                                            .since = 12,
                                            .sent = 13,
                                            .received = 14,
                                            .bytes = 15,
                                            .duplicates = 16,
                                            .reordered = 17,
                                            .repaired = 18,
                                            .pending = 19,
                                            .lost_wire = 20,
                                            .lost_gone = 21,
                                            .lost_kernel = 22,
                                            .lost_program = 23,
                                            .naks = 24,
                                            .is_streamed = true},
                                           {.id = {255}, .sent = MUSTER_INTEGER_MAX}};
static const struct muster_figure figures[] = {{"readings_out", 12}, {"queued", 0}};
static const struct muster_sender sender = {
    .datagrams = 31, .bytes = 32, .repairs = 33, .repair_bytes = 34, .naks = 35, .naks_refused = 36};

static struct muster_self a_self(void) {
    struct muster_self self = {.peer = a_peer(),
                               .version = "1.2.3",
                               .port = 19797,
                               .key_id = "1a2b3c4d",
                               .interval_ms = 2000,
                               .peers = 12,
                               .paths = paths,
                               .path_count = COUNT(paths),
                               .sockets = sockets,
                               .socket_count = COUNT(sockets),
                               .counters = some_counters(),
                               .sender = sender,
                               .feeds = feeds,
                               .feed_count = COUNT(feeds),
                               .feeds_known = 1000,
                               .figures = figures,
                               .figure_count = COUNT(figures)};
    self.peer.self = true;
    return self;
}

/* All kinds of parts, one after the other. */
#define SAMPLES 3
#define PARTS (8 + SAMPLES)
#define LONGEST_TOPIC                                                                                        \
    "012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901" \
    "2345"                                                                                                   \
    "678901234567890123456"

#define NINE_ESCAPES "\x01\x01\x01\x01\x01\x01\x01\x01\x01"
#define LONGEST_NAME \
    NINE_ESCAPES NINE_ESCAPES NINE_ESCAPES NINE_ESCAPES NINE_ESCAPES NINE_ESCAPES NINE_ESCAPES

static const struct reply_sample samples[SAMPLES] = {
    {.id = id,
     .boot = 5,
     .topic = "a/b",
     .origin = "",
     .age_ms = 0,
     .body = (const uint8_t *)"[]",
     .body_length = 2},
    {.id = id,
     .boot = 1,
     .topic = "c",
     .origin = "site-b/\"nas\"",
     .name = "K\xc3\xbc\x01\"che",
     .seq = 7,
     .age_ms = 12,
     .body = (const uint8_t *)"",
     .body_length = 0},
    {.id = id,
     .boot = MUSTER_INTEGER_MAX,
     .topic = LONGEST_TOPIC,
     .origin = "\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\""
               "\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"",
     .name = LONGEST_NAME,
     .seq = MUSTER_INTEGER_MAX,
     .passed = MUSTER_INTEGER_MAX - 1,
     .age_ms = MUSTER_INTEGER_MAX,
     .body = (const uint8_t *)"[{}]",
     .body_length = 4},
};

static int write_all(struct buffer *out) {
    const struct muster_peer peer = a_peer();
    const struct muster_self self = a_self();
    const struct muster_counters counters = some_counters();
    const struct reply_lines lines = announce_lines();
    const struct reply_lines body = {.body = (const uint8_t *)BODY, .body_length = strlen(BODY)};
    int error = reply_write_peer(out, NULL, &peer, &lines, REPLY_ROW_WITH_EVIDENCE);
    error = error != 0 ? error : reply_write_peer(out, NULL, &peer, &lines, REPLY_ROW_WHOLE);
    error = error != 0 ? error
                       : reply_write_peer(out, muster_peer_event_name(MUSTER_PEER_CONFLICT), &peer, &lines,
                                          REPLY_ROW_WITH_EVIDENCE);
    error = error != 0 ? error : reply_write_document(out, id, &body);
    error = error != 0 ? error : reply_write_stats(out, &counters);
    error = error != 0 ? error : reply_write_self(out, &self, &lines);
    for (size_t i = 0; i < SAMPLES; i++) {
        error = error != 0 ? error : reply_write_sample(out, &samples[i]);
    }
    error = error != 0 ? error : reply_write_end(out, REQUEST_END_DONE, 6, NULL);
    return error != 0 ? error : reply_write_end(out, REQUEST_END_INVALID, 0, "hash");
}

static void assert_endpoints(const struct muster_endpoint *a, const struct muster_endpoint *b) {
    assert_int_equal(a->family, b->family);
    assert_memory_equal(a->ip, b->ip, sizeof a->ip);
    assert_int_equal(a->port, b->port);
}

static void assert_evidence(const struct muster_peer *peer, const struct muster_peer *wanted) {
    assert_true(peer->verified && peer->provisional && peer->partial);
    assert_int_equal(peer->self, wanted->self);
    assert_string_equal(peer->interface_name, wanted->interface_name);
    assert_endpoints(&peer->other_address, &wanted->other_address);
    assert_int_equal(peer->paths, wanted->paths);
    assert_int_equal(peer->since_ms, wanted->since_ms);
    assert_true(peer->loss == wanted->loss);
    assert_int_equal(peer->received, 1);
    assert_int_equal(peer->copies, 2);
    assert_int_equal(peer->tuple_count, wanted->tuple_count);
    for (size_t i = 0; i < peer->tuple_count; i++) {
        assert_endpoints(&peer->tuples[i].source, &tuples[i].source);
        assert_endpoints(&peer->tuples[i].destination, &tuples[i].destination);
        assert_string_equal(peer->tuples[i].interface_name, tuples[i].interface_name);
        assert_int_equal(peer->tuples[i].path, tuples[i].path);
        assert_int_equal(peer->tuples[i].count, tuples[i].count);
        assert_int_equal(peer->tuples[i].age_ms, tuples[i].age_ms);
        assert_true(peer->tuples[i].loss == tuples[i].loss);
    }
}

static void assert_peer(const struct reply *reply, const struct muster_peer *wanted, bool has_evidence) {
    const struct muster_peer *peer = &reply->peer;
    assert_memory_equal(peer->id, id, sizeof id);
    assert_int_equal(peer->boot, 5);
    assert_int_equal(peer->rev, 3);
    assert_int_equal(peer->state, MUSTER_SUSPECT);
    assert_string_equal(peer->document.name, "lamp");
    assert_endpoints(&peer->address, &wanted->address);
    assert_int_equal(peer->age_ms, 100);
    assert_int_equal(peer->next_ms, -7);
    assert_int_equal(reply->announce_length, strlen(ANNOUNCE));
    assert_memory_equal(reply->announce_bytes, ANNOUNCE, strlen(ANNOUNCE));
    assert_null(reply->body);
    if (has_evidence) {
        assert_evidence(peer, wanted);
    } else {
        assert_false(peer->verified);
        assert_int_equal(peer->tuple_count, 0);
    }
}

static void assert_counters(const struct muster_counters *counters) {
    const struct muster_counters wanted = some_counters();
    assert_memory_equal(counters, &wanted, sizeof wanted);
}

static void assert_feeds(const struct muster_feed *a, const struct muster_feed *b) {
    assert_memory_equal(a->id, b->id, sizeof a->id);
    assert_int_equal(a->shard, b->shard);
    assert_int_equal(a->is_streamed, b->is_streamed);
    for (size_t i = 0; i < REPLY_FEED_COUNTERS; i++) {
        assert_int_equal(*counter_of((void *)(uintptr_t)a, &reply_feed_counters[i]),
                         *counter_of((void *)(uintptr_t)b, &reply_feed_counters[i]));
    }
}

static void assert_self(const struct reply *reply) {
    const struct muster_self wanted = a_self();
    const struct muster_self *self = &reply->self;
    assert_peer(reply, &wanted.peer, true);
    assert_true(self->peer.self);
    assert_string_equal(self->version, "1.2.3");
    assert_int_equal(self->port, 19797);
    assert_string_equal(self->key_id, "1a2b3c4d");
    assert_int_equal(self->interval_ms, 2000);
    assert_int_equal(self->peers, 12);
    assert_int_equal(self->path_count, COUNT(paths));
    assert_string_equal(self->paths[1].name, "eth1");
    assert_int_equal(self->paths[1].kind, MUSTER_PATH_B4);
    assert_int_equal(self->socket_count, COUNT(sockets));
    assert_string_equal(self->sockets[0].protocol, "udp");
    assert_endpoints(&self->sockets[0].address, &sockets[0].address);
    assert_int_equal(self->sockets[0].buffer_bytes, UINT32_MAX);
    assert_int_equal(self->sockets[0].failed, 6);
    assert_int_equal(self->sockets[0].queue_drops, 7);
    assert_int_equal(self->sockets[0].unicast_drops, 8);
    assert_int_equal(self->sockets[0].unreached, 9);
    assert_string_equal(self->sockets[1].protocol, "unix");
    assert_counters(&self->counters);
    assert_memory_equal(&self->sender, &sender, sizeof sender);
    assert_int_equal(self->feeds_known, 1000);
    assert_int_equal(self->figure_count, COUNT(figures));
    for (size_t i = 0; i < COUNT(figures); i++) {
        assert_string_equal(self->figures[i].name, figures[i].name);
        assert_int_equal(self->figures[i].value, figures[i].value);
    }
    assert_int_equal(self->feed_count, COUNT(feeds));
    for (size_t i = 0; i < COUNT(feeds); i++) {
        assert_feeds(&self->feeds[i], &feeds[i]);
    }
}

static void assert_sample(const struct reply_sample *sample, const struct reply_sample *wanted) {
    assert_memory_equal(sample->id, id, sizeof id);
    assert_int_equal(sample->boot, wanted->boot);
    assert_string_equal(sample->topic, wanted->topic);
    assert_string_equal(sample->origin, wanted->origin);
    assert_string_equal(sample->name, wanted->name != NULL ? wanted->name : "");
    assert_int_equal(sample->seq, wanted->seq);
    assert_int_equal(sample->passed, wanted->passed);
    assert_int_equal(sample->age_ms, wanted->age_ms);
    assert_int_equal(sample->body_length, wanted->body_length);
    assert_memory_equal(sample->body, wanted->body, wanted->body_length);
}

static void assert_part(const struct reply *reply, size_t number) {
    static const enum reply_kind kinds[PARTS] = {REPLY_PEER,   REPLY_PEER, REPLY_PEER,   REPLY_DOCUMENT,
                                                 REPLY_STATS,  REPLY_SELF, REPLY_SAMPLE, REPLY_SAMPLE,
                                                 REPLY_SAMPLE, REPLY_END,  REPLY_END};
    const struct muster_peer wanted = a_peer();
    assert_true(number < PARTS);
    assert_int_equal(reply->kind, kinds[number]);
    switch (number) {
    case 0: assert_peer(reply, &wanted, true); break;
    case 1: assert_peer(reply, &wanted, false); break;
    case 2:
        assert_true(reply->has_event);
        assert_int_equal(reply->event, MUSTER_PEER_CONFLICT);
        assert_peer(reply, &wanted, true);
        break;
    case 3:
        assert_memory_equal(reply->id, id, sizeof id);
        assert_int_equal(reply->body_length, strlen(BODY));
        assert_memory_equal(reply->body, BODY, strlen(BODY));
        break;
    case 4: assert_counters(&reply->counters); break;
    case 5: assert_self(reply); break;
    case 6:
    case 7:
    case 8: assert_sample(&reply->sample, &samples[number - 6]); break;
    case 9:
        assert_int_equal(reply->end, REQUEST_END_DONE);
        assert_int_equal(reply->count, 6);
        assert_null(reply->member);
        break;
    default:
        assert_int_equal(reply->end, REQUEST_END_INVALID);
        assert_string_equal(reply->member, "hash");
        assert_non_null(reply->text);
    }
}

/* All parts deflated, and twice: the second time behind the first one's end. */
static void write_deflated(struct buffer *out) {
    struct buffer clear = {0};
    assert_int_equal(write_all(&clear), 0);
    for (unsigned i = 0; i < 2; i++) {
        struct deflater *deflater = deflater_new();
        assert_int_equal(reply_write_deflate(out), 0);
        assert_int_equal(deflater_write(deflater, clear.bytes, clear.length / 2, false, out), 0);
        assert_int_equal(deflater_write(deflater, clear.bytes + clear.length / 2,
                                        clear.length - clear.length / 2, true, out),
                         0);
        deflater_free(deflater);
    }
    buffer_deinit(&clear);
}

TEST(what_is_deflated_is_read_in_pieces_of_any_size) {
    struct buffer out = {0};
    write_deflated(&out);
    const size_t sizes[] = {1, 2, 7, 100, 1000, out.length};
    for (size_t i = 0; i < COUNT(sizes); i++) {
        struct reply_reader reader;
        struct reply reply;
        size_t parts = 0;
        int result = 0;
        reply_reader_init(&reader, PART_BYTES_MAX);
        for (size_t at = 0; at < out.length; at += sizes[i]) {
            size_t length = out.length - at < sizes[i] ? out.length - at : sizes[i];
            assert_int_equal(reply_reader_feed(&reader, out.bytes + at, length), 0);
            while ((result = reply_reader_next(&reader, &reply)) == 1) {
                assert_part(&reply, parts++ % PARTS);
            }
            assert_int_equal(result, 0);
        }
        assert_int_equal(parts, 2 * PARTS);
        reply_reader_deinit(&reader);
    }
    buffer_deinit(&out);
}

TEST(what_is_written_is_read_in_pieces_of_any_size) {
    struct buffer out = {0};
    assert_int_equal(write_all(&out), 0);
    const size_t sizes[] = {1, 2, 7, 100, 1000, out.length};
    for (size_t i = 0; i < COUNT(sizes); i++) {
        struct reply_reader reader;
        struct reply reply;
        size_t parts = 0;
        reply_reader_init(&reader, PART_BYTES_MAX);
        for (size_t at = 0; at < out.length; at += sizes[i]) {
            size_t length = out.length - at < sizes[i] ? out.length - at : sizes[i];
            assert_int_equal(reply_reader_feed(&reader, out.bytes + at, length), 0);
            int result;
            while ((result = reply_reader_next(&reader, &reply)) == 1) {
                assert_part(&reply, parts++);
            }
            assert_int_equal(result, 0);
        }
        assert_int_equal(parts, PARTS);
        reply_reader_deinit(&reader);
        reply_reader_deinit(&reader);
    }
    buffer_deinit(&out);
}

/* As many feeds, sockets and ways out as there may be, all numbers as long as they may be. */
TEST(what_a_node_says_of_itself_fits_at_its_longest) {
    static struct muster_feed many_feeds[MUSTER_FEEDS_SHOWN_MAX];
    static struct muster_socket many_sockets[MUSTER_SOCKETS_MAX];
    static struct muster_path many_paths[MUSTER_PATHS_MAX];
    struct muster_self self = a_self();
    const struct reply_lines lines = announce_lines();
    for (size_t i = 0; i < COUNT(many_feeds); i++) {
        memset(many_feeds[i].id, (int)i, MUSTER_ID_BYTES);
        many_feeds[i].shard = MUSTER_SHARDS - 1;
        for (size_t row = 0; row < REPLY_FEED_COUNTERS; row++) {
            *counter_of(&many_feeds[i], &reply_feed_counters[row]) = MUSTER_INTEGER_MAX;
        }
    }
    for (size_t i = 0; i < COUNT(many_sockets); i++) {
        many_sockets[i] =
            (struct muster_socket){.protocol = "unix",
                                   .address = {.family = 4, .ip = {255, 255, 255, 255}, .port = 65535},
                                   .interface_name = "a-name-of-15-by",
                                   .buffer_bytes = UINT32_MAX,
                                   .kernel_drops = MUSTER_INTEGER_MAX,
                                   .failed = MUSTER_INTEGER_MAX,
                                   .queue_drops = MUSTER_INTEGER_MAX,
                                   .unicast_drops = MUSTER_INTEGER_MAX,
                                   .unreached = MUSTER_INTEGER_MAX};
    }
    for (size_t i = 0; i < COUNT(many_paths); i++) {
        many_paths[i] = (struct muster_path){.name = "a-name-of-15-by"};
    }
    self.feeds = many_feeds;
    self.feed_count = COUNT(many_feeds);
    self.sockets = many_sockets;
    self.socket_count = COUNT(many_sockets);
    self.paths = many_paths;
    self.path_count = COUNT(many_paths);

    struct buffer out = {0};
    struct reply_reader reader;
    struct reply reply;
    assert_int_equal(reply_write_self(&out, &self, &lines), 0);
    reply_reader_init(&reader, MUSTER_REPLY_SELF_BYTES_MAX + 2 * MUSTER_DATAGRAM_BYTES_MAX);
    assert_int_equal(reply_reader_feed(&reader, out.bytes, out.length), 0);
    assert_int_equal(reply_reader_next(&reader, &reply), 1);
    assert_int_equal(reply.self.feed_count, MUSTER_FEEDS_SHOWN_MAX);
    assert_feeds(&reply.self.feeds[MUSTER_FEEDS_SHOWN_MAX - 1], &many_feeds[MUSTER_FEEDS_SHOWN_MAX - 1]);
    assert_int_equal(reply.self.socket_count, MUSTER_SOCKETS_MAX);
    assert_int_equal(reply.self.path_count, MUSTER_PATHS_MAX);
    reply_reader_deinit(&reader);
    buffer_deinit(&out);
}

/* What is no feed is left out, and of too many the last ones. */
TEST(feeds_that_make_no_sense_are_left_out) {
    static const char head[] = "{\"self\":{\"feeds\":[5,{},{\"id\":\"00\"},{\"id\":"
                               "\"000102030405060708090a0b0c0d0e0f\",\"shard\":16}";
    static const char good[] =
        ",{\"id\":\"000102030405060708090a0b0c0d0e0f\",\"received\":-1,\"sent\":7,\"streamed\":1}";
    static const char tail[] = "],\"sender\":5},\"peer\":{\"state\":\"alive\"},\"lines\":1}\n" ANNOUNCE;
    struct reply_reader reader;
    struct reply reply;
    struct buffer line = {0};
    assert_int_equal(buffer_append(&line, head, strlen(head)), 0);
    for (size_t i = 0; i < MUSTER_FEEDS_SHOWN_MAX; i++) {
        assert_int_equal(buffer_append(&line, good, strlen(good)), 0);
    }
    assert_int_equal(buffer_append(&line, tail, strlen(tail)), 0);
    reply_reader_init(&reader, PART_BYTES_MAX);
    assert_int_equal(reply_reader_feed(&reader, line.bytes, line.length), 0);
    assert_int_equal(reply_reader_next(&reader, &reply), 1);
    assert_int_equal(reply.self.feed_count, MUSTER_FEEDS_SHOWN_MAX - 4);
    assert_memory_equal(reply.self.feeds[0].id, id, sizeof id);
    assert_int_equal(reply.self.feeds[0].received, 0);
    assert_int_equal(reply.self.feeds[0].sent, 7);
    assert_false(reply.self.feeds[0].is_streamed);
    reply_reader_deinit(&reader);
    buffer_deinit(&line);
}

/* ---- what is wrong ---- */

#define SAMPLE(rest, lines) \
    "{\"sample\":{\"id\":\"000102030405060708090a0b0c0d0e0f\"," rest "},\"lines\":" lines "}\n"
#define ROW(head, lines) "{\"peer\":{" head "},\"lines\":" lines "}\n"

static const struct {
    const char *text;
    int result;
    enum reply_kind kind; /* where the result is 1 */
} cases[] = {
    {SAMPLE("\"boot\":1,\"topic\":\"a\",\"age_ms\":5", "1") "[]\n", 1, REPLY_SAMPLE},
    {SAMPLE("\"boot\":1,\"topic\":\"a\"", "1") "[]\n", 1, REPLY_SAMPLE},
    {SAMPLE("\"boot\":0,\"topic\":\"a\"", "1") "[]\n", MUSTER_EINVAL, 0},
    {SAMPLE("\"topic\":\"a\"", "1") "[]\n", MUSTER_EINVAL, 0},
    {SAMPLE("\"boot\":1", "1") "[]\n", MUSTER_EINVAL, 0},
    {SAMPLE("\"boot\":1,\"topic\":\"a b\"", "1") "[]\n", MUSTER_EINVAL, 0},
    {SAMPLE("\"boot\":1,\"topic\":5", "1") "[]\n", MUSTER_EINVAL, 0},
    {SAMPLE("\"boot\":1,\"topic\":\"a\",\"seq\":\"1\"", "1") "[]\n", MUSTER_EINVAL, 0},
    {SAMPLE("\"boot\":1,\"topic\":\"a\",\"seq\":2,\"passed\":1", "1") "[]\n", 1, REPLY_SAMPLE},
    {SAMPLE("\"boot\":1,\"topic\":\"a\",\"seq\":2,\"passed\":2", "1") "[]\n", MUSTER_EINVAL, 0},
    {SAMPLE("\"boot\":1,\"topic\":\"a\",\"passed\":2", "1") "[]\n", MUSTER_EINVAL, 0},
    {SAMPLE("\"boot\":1,\"topic\":\"a\",\"age_ms\":-1", "1") "[]\n", MUSTER_EINVAL, 0},
    {SAMPLE("\"boot\":1,\"topic\":\"a\",\"seq\":2,\"passed\":\"1\"", "1") "[]\n", MUSTER_EINVAL, 0},
    {SAMPLE("\"boot\":1,\"topic\":\"a\",\"until\":3", "1") "[]\n", 1, REPLY_SAMPLE},
    {SAMPLE("\"boot\":1,\"topic\":\"a\",\"until\":-3", "1") "[]\n", MUSTER_EINVAL, 0},
    {SAMPLE("\"boot\":1,\"topic\":\"a\",\"seq\":2,\"until\":3", "1") "[]\n", MUSTER_EINVAL, 0},
    {SAMPLE("\"boot\":1,\"topic\":\"a\",\"age_ms\":\"5\"", "1") "[]\n", MUSTER_EINVAL, 0},
    {SAMPLE("\"boot\":1,\"topic\":\"a\",\"origin\":\"site\",\"name\":\"n\"", "1") "[]\n", 1, REPLY_SAMPLE},
    {SAMPLE("\"boot\":1,\"topic\":\"a\",\"origin\":\"a\\tb\"", "1") "[]\n", MUSTER_EINVAL, 0},
    {SAMPLE("\"boot\":1,\"topic\":\"a\",\"name\":\"\"", "1") "[]\n", MUSTER_EINVAL, 0},
    {SAMPLE("\"boot\":1,\"topic\":\"a\"", "2") "[]\n[]\n", MUSTER_EINVAL, 0},
    {"{\"sample\":{\"id\":\"00\",\"boot\":1,\"topic\":\"a\"},\"lines\":1}\n[]\n", MUSTER_EINVAL, 0},
    {"{\"sample\":{}}\n", MUSTER_EINVAL, 0},
    {"\n", MUSTER_EINVAL, 0},
    {"hello\n", MUSTER_EINVAL, 0},
    {"[]\n", MUSTER_EINVAL, 0},
    {"5\n", MUSTER_EINVAL, 0},
    {"{}\n", MUSTER_EINVAL, 0},
    {"{\"end\":\"nice\"}\n", MUSTER_EINVAL, 0},
    {"{\"end\":5}\n", MUSTER_EINVAL, 0},
    {"{\"end\":\"done\"}\n", 1, REPLY_END},
    {"{\"end\":\"done\",\"count\":-5,\"text\":5}\n", 1, REPLY_END},
    {"{\"stats\":5}\n", 1, REPLY_STATS},
    {"{\"lines\":4,\"stats\":{}}\n", MUSTER_EINVAL, 0},
    {"{\"document\":{},\"lines\":1}\n{}\n", MUSTER_EINVAL, 0},
    {"{\"document\":{\"id\":\"000102030405060708090a0b0c0d0e0f\"}}\n", MUSTER_EINVAL, 0},
    {"{\"document\":{\"id\":\"000102030405060708090a0b0c0d0e0f\"},\"lines\":2}\n{}\n{}\n", MUSTER_EINVAL, 0},
    {"{\"document\":{\"id\":\"000102030405060708090a0b0c0d0e0f\"},\"lines\":1}\n{}\n", 1, REPLY_DOCUMENT},
    {"{\"document\":{\"id\":\"000102030405060708090a0b0c0d0e0f\"},\"lines\":1}\n{}", 0, 0},
    {"{\"peer\":5}\n", 1, REPLY_UNREADABLE},
    {"{\"event\":\"born\",\"peer\":{}}\n", MUSTER_EINVAL, 0},
    {ROW("\"state\":\"alive\"", "0"), 1, REPLY_UNREADABLE},
    {ROW("\"state\":\"asleep\"", "1") ANNOUNCE, 1, REPLY_UNREADABLE},
    {ROW("\"state\":\"alive\"", "1") "\n", 1, REPLY_UNREADABLE},
    {ROW("\"state\":\"alive\"", "1") "{\"muster\":2}\n", 1, REPLY_UNREADABLE},
    {ROW("\"state\":\"alive\"", "1") ALIVE, 1, REPLY_UNREADABLE},
    {ROW("\"state\":\"alive\"", "1") ANNOUNCE, 1, REPLY_PEER},
    {ROW("\"state\":\"alive\"", "2") ANNOUNCE, 0, 0},
    {ROW("\"state\":\"alive\"", "2") ANNOUNCE "{}\n", 1, REPLY_UNREADABLE},
    {ROW("\"state\":\"alive\"", "3") ANNOUNCE "{}\n" BODY, 1, REPLY_UNREADABLE},
    {ROW("\"state\":\"alive\",\"age_ms\":-1,\"next_ms\":1e300,\"loss\":7,\"paths\":[1,\"?\"],"
         "\"tuples\":[5,{\"path\":\"??\"},{\"path\":\"m4\",\"source_address\":\"1.2.3\",\"loss\":-1}],"
         "\"address\":\"256.1.1.1\",\"port\":99999,\"interface\":\"a name of more than 15 bytes\"",
         "1") ANNOUNCE,
     1, REPLY_PEER},
    {"{\"self\":{},\"peer\":{}}\n", MUSTER_EINVAL, 0},
    {"{\"self\":{\"sockets\":5,\"paths\":[5,{}]},\"peer\":{\"state\":\"alive\"},\"lines\":1}\n" ANNOUNCE, 1,
     REPLY_SELF},
    {"{\"peer\":{},\"peer\":{}}\n", MUSTER_EINVAL, 0},
    {"{\"end\":\"done\"", 0, 0},
    {"", 0, 0},
};

/* What comes is read to its end first; who does not look at a part has it dropped. */
TEST(a_part_is_void_when_more_comes) {
    static const char part[] = "{\"end\":\"done\"}\n";
    struct reply_reader reader;
    struct reply reply;
    reply_reader_init(&reader, PART_BYTES_MAX);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(reply_reader_feed(&reader, (const uint8_t *)part, sizeof part - 1), 0);
        assert_int_equal(reply_reader_next(&reader, &reply), 1);
        assert_int_equal(reply.kind, REPLY_END);
    }
    assert_int_equal(reply_reader_next(&reader, &reply), 0);
    reply_reader_deinit(&reader);
}

TEST(each_part_may_be_wrong) {
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct reply_reader reader;
        struct reply reply;
        reply_reader_init(&reader, PART_BYTES_MAX);
        assert_int_equal(reply_reader_feed(&reader, (const uint8_t *)cases[i].text, strlen(cases[i].text)),
                         0);
        int result = reply_reader_next(&reader, &reply);
        if (result != cases[i].result || (result == 1 && reply.kind != cases[i].kind)) {
            fail_msg("%s: %d", cases[i].text, result);
        }
        reply_reader_deinit(&reader);
    }
}

TEST(what_makes_no_sense_in_a_row_is_left_out) {
    struct reply_reader reader;
    struct reply reply;
    for (size_t i = 0; i < COUNT(cases); i++) {
        if (strstr(cases[i].text, "256.1.1.1") == NULL) {
            continue;
        }
        reply_reader_init(&reader, PART_BYTES_MAX);
        assert_int_equal(reply_reader_feed(&reader, (const uint8_t *)cases[i].text, strlen(cases[i].text)),
                         0);
        assert_int_equal(reply_reader_next(&reader, &reply), 1);
        assert_int_equal(reply.peer.address.family, 0);
        assert_int_equal(reply.peer.age_ms, 0);
        assert_int_equal(reply.peer.next_ms, 0);
        assert_true(reply.peer.loss == 0);
        assert_int_equal(reply.peer.paths, 0);
        assert_int_equal(reply.peer.tuple_count, 1);
        assert_int_equal(reply.peer.tuples[0].source.family, 0);
        assert_string_equal(reply.peer.interface_name, "a name of more ");
        reply_reader_deinit(&reader);
    }
}

/* The lists of a large document, its topics too, are those of the body. */
TEST(a_body_is_read_into_its_row) {
    static const char text[] =
        "{\"peer\":{\"state\":\"alive\"},\"lines\":3}\n"
        "{\"muster\":1,\"kind\":\"announce\",\"id\":\"39d66ed6e6b3ae3e5a0de0bf8f2ad3b5\",\"boot\":5,\"seq\":"
        "9,"
        "\"rev\":3,\"next_ms\":2500,\"peers\":0,\"name\":\"lamp\",\"size\":88,\"hash\":"
        "\"0000000000000000000000000000000000000000000000000000000000000000\","
        "\"key\":\"iojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w=\"}\n"
        "{\"sig\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=="
        "\"}\n"
        "{\"topics\":[{\"name\":\"power\",\"unit\":\"W\"},{\"name\":\"climate\",\"units\":{\"t\":\"Cel\"}}]}"
        "\n";
    struct reply_reader reader;
    struct reply reply;
    reply_reader_init(&reader, PART_BYTES_MAX);
    assert_int_equal(reply_reader_feed(&reader, (const uint8_t *)text, strlen(text)), 0);
    assert_int_equal(reply_reader_next(&reader, &reply), 1);
    assert_int_equal(reply.kind, REPLY_PEER);
    const struct muster_document *document = &reply.peer.document;
    assert_string_equal(document->name, "lamp");
    assert_int_equal(document->topic_count, 2);
    assert_string_equal(document->topics[0].unit, "W");
    assert_int_equal(document->topics[0].unit_count, 0);
    assert_string_equal(document->topics[1].name, "climate");
    assert_string_equal(document->topics[1].unit, "");
    assert_string_equal(document->topics[1].units[0].value, "Cel");
    reply_reader_deinit(&reader);
}

TEST(a_part_that_is_too_long_is_not_read) {
    static const char *const heads[] = {"", "{\"document\":{},\"lines\":1}\n"};
    static uint8_t blanks[1000];
    memset(blanks, ' ', sizeof blanks);
    for (size_t i = 0; i < COUNT(heads); i++) {
        struct reply_reader reader;
        struct reply reply;
        size_t fed = strlen(heads[i]);
        reply_reader_init(&reader, 5000);
        assert_int_equal(reply_reader_feed(&reader, (const uint8_t *)heads[i], fed), 0);
        int result = 0;
        while (result == 0) {
            assert_true(fed <= 5000);
            assert_int_equal(reply_reader_feed(&reader, blanks, sizeof blanks), 0);
            fed += sizeof blanks;
            result = reply_reader_next(&reader, &reply);
        }
        assert_int_equal(result, MUSTER_EINVAL);
        assert_true(fed > 5000);
        assert_true(reader.buffer.capacity <= 16384);
        reply_reader_deinit(&reader);
    }
}

/* A part with so many values, what it does not know among them. */
static int result_of_values(size_t values) {
    struct buffer line = {0};
    struct reply_reader reader;
    struct reply reply;
    static const char begin[] = "{\"end\":\"done\",\"count\":0,\"weight\":[0";
    assert_int_equal(buffer_append(&line, begin, strlen(begin)), 0);
    for (size_t i = 5; i < values; i++) { /* the object, three members and the first element are there */
        assert_int_equal(buffer_append(&line, ",0", 2), 0);
    }
    assert_int_equal(buffer_append(&line, "]}\n", 3), 0);
    reply_reader_init(&reader, PART_BYTES_MAX);
    assert_int_equal(reply_reader_feed(&reader, line.bytes, line.length), 0);
    int result = reply_reader_next(&reader, &reply);
    reply_reader_deinit(&reader);
    buffer_deinit(&line);
    return result;
}

TEST(a_part_has_no_more_values_than_a_body) {
    assert_int_equal(result_of_values(MUSTER_DOCUMENT_NODES_MAX), 1);
    assert_int_equal(result_of_values(MUSTER_DOCUMENT_NODES_MAX + 1), MUSTER_EINVAL);
}

/* ---- without memory ---- */

TEST(every_allocation_of_writing_may_fail) {
    bool has_failed = true;
    unsigned long n = 0;
    while (has_failed) {
        struct buffer out = {0};
        countdown_set(++n);
        int error = write_all(&out);
        has_failed = countdown_has_failed();
        countdown_set(0);
        assert_int_equal(error, has_failed ? MUSTER_ENOMEM : 0);
        /* What is there is whole parts. */
        struct reply_reader reader;
        struct reply reply;
        size_t parts = 0;
        reply_reader_init(&reader, PART_BYTES_MAX);
        assert_int_equal(reply_reader_feed(&reader, out.bytes, out.length), 0);
        while (reply_reader_next(&reader, &reply) == 1) {
            assert_part(&reply, parts++);
        }
        assert_int_equal(reader.begin + reader.length, out.length);
        reply_reader_deinit(&reader);
        buffer_deinit(&out);
    }
    assert_true(n > 100);
}

static void fail_each_allocation_of_reading(const struct buffer *out) {
    bool has_failed = true;
    unsigned long n = 0;
    while (has_failed) {
        struct reply_reader reader;
        struct reply reply;
        size_t parts = 0;
        reply_reader_init(&reader, PART_BYTES_MAX);
        countdown_set(++n);
        int result = reply_reader_feed(&reader, out->bytes, out->length);
        while (result == 0 && (result = reply_reader_next(&reader, &reply)) == 1) {
            assert_part(&reply, parts++);
            result = parts == PARTS ? 1 : 0;
        }
        has_failed = countdown_has_failed();
        countdown_set(0);
        assert_int_equal(result, has_failed ? MUSTER_ENOMEM : 1);
        reply_reader_deinit(&reader);
    }
    assert_true(n > 100);
}

TEST(every_allocation_of_reading_may_fail) {
    struct buffer out = {0};
    assert_int_equal(write_all(&out), 0);
    fail_each_allocation_of_reading(&out);
    out.length = 0;
    write_deflated(&out);
    fail_each_allocation_of_reading(&out);
    buffer_deinit(&out);
}

/* ---- short rows ---- */

#define KEY "iojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w="
#define ID_OF_KEY "e6808f33fbec87975122804ac9ceda8e"
#define SIGNATURE                                                                                         \
    "{\"sig\":\"Sa3p1aVBuQRVLgqFpiYBSxrHAy9xQKbUxVQbnMQ8261YAaEQ3+WqlX9dT9onxWG7mm1ieEd76SlMXTu5LtsfAg==" \
    "\"}\n"
#define SIGNED(id_member, last)                                                                         \
    "{\"muster\":1,\"kind\":\"announce\"," id_member "\"boot\":5,\"seq\":9,\"rev\":3,\"next_ms\":2500," \
    "\"peers\":0,\"name\":\"lamp\"" last "}\n"
#define WITH_ID SIGNED("\"id\":\"" ID_OF_KEY "\",", ",\"key\":\"" KEY "\"") SIGNATURE
#define WITHOUT_ID SIGNED("", ",\"key\":\"" KEY "\"") SIGNATURE

static struct buffer written(const char *announce) {
    const struct muster_peer peer = a_peer();
    const struct reply_lines lines = {.announce = (const uint8_t *)announce,
                                      .announce_length = strlen(announce)};
    struct buffer out = {0};
    assert_int_equal(reply_write_peer(&out, NULL, &peer, &lines, REPLY_ROW_SHORT), 0);
    assert_int_equal(buffer_append(&out, "", 1), 0); /* a NUL */
    out.length--;
    return out;
}

TEST(a_short_row_lacks_the_id_that_its_key_tells) {
    struct buffer out = written(WITH_ID);
    struct reply_reader reader;
    struct reply reply;
    assert_null(strstr((const char *)out.bytes, "\"id\""));
    assert_non_null(strstr((const char *)out.bytes, WITHOUT_ID));
    reply_reader_init(&reader, PART_BYTES_MAX);
    assert_int_equal(reply_reader_feed(&reader, out.bytes, out.length), 0);
    assert_int_equal(reply_reader_next(&reader, &reply), 1);
    assert_int_equal(reply.kind, REPLY_PEER);
    assert_int_equal(reply.announce_length, strlen(WITH_ID));
    assert_memory_equal(reply.announce_bytes, WITH_ID, strlen(WITH_ID));
    assert_memory_equal(reply.peer.id, reply.announce->id, sizeof reply.peer.id);
    reply_reader_deinit(&reader);
    buffer_deinit(&out);
}

TEST(a_row_whose_id_is_not_told_so_is_said_whole) {
    static const char *const announces[] = {
        ANNOUNCE,
        SIGNED("\"id\":\"000102030405060708090a0b0c0d0e0f\",", ",\"key\":\"" KEY "\"") SIGNATURE,
        SIGNED("\"id\":\"" ID_OF_KEY "\",", ",\"key\":\"" KEY "\",\"more\":1") SIGNATURE,
        SIGNED("\"id\":\"" ID_OF_KEY "\",", ",\"key\": \"" KEY "\"") SIGNATURE,
        SIGNED("\"boot\":5,\"id\":\"" ID_OF_KEY "\",", ",\"key\":\"" KEY "\"") SIGNATURE,
        SIGNED("\"id\":\"" ID_OF_KEY "\",", ",\"key\":\"" KEY "\"") "",
    };
    for (size_t i = 0; i < COUNT(announces); i++) {
        struct buffer out = written(announces[i]);
        bool is_short = i == COUNT(announces) - 1; /* whether there is a signature says another */
        assert_int_equal(strstr((const char *)out.bytes, "{\"peer\":{\"short\":true,") != NULL, is_short);
        assert_int_equal(strstr((const char *)out.bytes, announces[i]) == NULL, is_short);
        buffer_deinit(&out);
    }
}

TEST(a_short_row_without_its_key_says_nothing) {
    static const char *const announces[] = {SIGNED("", ""),
                                            SIGNED("", ",\"key\":\"" KEY "\",\"more\":1"),
                                            SIGNED("", ",\"key\":\"" KEY "=\""),
                                            "\n",
                                            "{}\n",
                                            WITH_ID};
    for (size_t i = 0; i < COUNT(announces); i++) {
        struct buffer out = {0};
        struct reply_reader reader;
        struct reply reply;
        char head[200];
        snprintf(
            head, sizeof head,
            "{\"peer\":{\"short\":true,\"state\":\"alive\",\"address\":\"10.0.0.1\",\"port\":9,\"age_ms\":1,"
            "\"next_ms\":2},\"lines\":%d}\n",
            strstr(announces[i], "sig") == NULL ? 1 : 2);
        assert_int_equal(buffer_append(&out, head, strlen(head)), 0);
        assert_int_equal(buffer_append(&out, announces[i], strlen(announces[i])), 0);
        reply_reader_init(&reader, PART_BYTES_MAX);
        assert_int_equal(reply_reader_feed(&reader, out.bytes, out.length), 0);
        assert_int_equal(reply_reader_next(&reader, &reply), 1);
        assert_int_equal(reply.kind, REPLY_UNREADABLE);
        reply_reader_deinit(&reader);
        buffer_deinit(&out);
    }
}

/* ---- bytes that come and go ---- */

TEST(a_buffer_keeps_its_order) {
    struct buffer buffer = {0};
    buffer_drop(&buffer, 0);
    assert_int_equal(buffer_append(&buffer, NULL, 0), 0);
    for (unsigned i = 0; i < 1000; i++) {
        uint8_t bytes[3] = {(uint8_t)i, (uint8_t)(i >> 8), 7};
        assert_int_equal(buffer_append(&buffer, bytes, sizeof bytes), 0);
        if (i % 2 == 1) {
            assert_int_equal(buffer.bytes[0] | buffer.bytes[1] << 8, i / 2);
            buffer_drop(&buffer, 3);
        }
    }
    assert_int_equal(buffer.length, 1500);
    buffer_deinit(&buffer);
}

int main(void) {
    return test_run(NULL, NULL);
}
