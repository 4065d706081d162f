/* SPDX-License-Identifier: MIT */
/* Data, tails and naks: every member there and back, every reason to drop one, limits at their edges, and one
 * way of reading held against the other. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <muster/telemetry.h>

#include "signal.h"
#include "test.h"

#define ID "00112233445566778899aabbccddeeff"
#define START "{\"muster\":1,\"kind\":\"%s\",\"id\":\"" ID "\",\"boot\":5,"
#define BIGGEST "9007199254740991"
#define TOO_BIG "9007199254740992"

static const uint8_t id[MUSTER_ID_BYTES] = {0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77,
                                            0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff};

static struct signal got;
static enum muster_drop reason;

static bool decode_bytes(const char *text, size_t length) {
    /* On the heap, at its exact length: who reads beyond it is caught. */
    uint8_t *bytes = calloc(1, length == 0 ? 1 : length);
    memcpy(bytes, text, length);
    bool is_good = signal_decode(bytes, length, &got, &reason);
    if (is_good && got.kind == SIGNAL_DATA) {
        got.body = (const uint8_t *)text + (got.body - bytes);
    }
    free(bytes);
    return is_good;
}

static bool decode(const char *text) {
    return decode_bytes(text, strlen(text));
}

static void assert_dropped(enum muster_drop expected, const char *text) {
    if (decode(text)) {
        fail_msg("taken: %s", text);
    }
    if (reason != expected) {
        fail_msg("%s: %s", muster_drop_name(reason), text);
    }
}

#define DATA(rest) "{\"muster\":1,\"kind\":\"data\",\"id\":\"" ID "\",\"boot\":5," rest
#define TAIL(rest) "{\"muster\":1,\"kind\":\"tail\",\"id\":\"" ID "\",\"boot\":5," rest
#define NAK(rest) "{\"muster\":1,\"kind\":\"nak\",\"id\":\"" ID "\",\"boot\":5," rest
#define OF "\"of\":\"" ID "\",\"of_boot\":7,\"shard\":1,"

/* ---- there and back ---- */

TEST(data_is_read) {
    static const char text[] = DATA("\"topic\":\"a/b\",\"shard\":1,\"seq\":77}\n[{\"v\":1}]  \n");
    char prefix[SIGNAL_PREFIX_BYTES_MAX];
    assert_true(decode(text));
    assert_int_equal(got.kind, SIGNAL_DATA);
    assert_memory_equal(got.id, id, sizeof id);
    assert_int_equal(got.boot, 5);
    assert_int_equal(got.shard, 1);
    assert_int_equal(got.seq, 77);
    assert_string_equal(got.topic, "a/b");
    assert_int_equal(got.body_length, strlen("[{\"v\":1}]  "));
    assert_memory_equal(got.body, "[{\"v\":1}]  \n", got.body_length + 1);
    assert_int_equal(signal_write_prefix(prefix, id, 5, "a/b", "", 1), got.prefix_length);
    assert_memory_equal(prefix, text, got.prefix_length);
}

TEST(an_origin_is_read_and_written) {
    static const char text[] =
        DATA("\"topic\":\"a/b\",\"origin\":\"s\\\"\\\\x\",\"shard\":1,\"seq\":77}\n[{\"v\":1}]\n");
    char prefix[SIGNAL_PREFIX_BYTES_MAX];
    char member[SIGNAL_ORIGIN_BYTES];
    char origin[MUSTER_ORIGIN_BYTES_MAX + 1];
    assert_true(decode(text));
    assert_string_equal(got.origin, "s\"\\x");
    assert_int_equal(signal_write_prefix(prefix, id, 5, "a/b", got.origin, 1), got.prefix_length);
    assert_memory_equal(prefix, text, got.prefix_length);
    signal_origin_member(got.origin, member);
    signal_read_origin(member, strlen(member), origin);
    assert_string_equal(origin, got.origin);
    signal_read_origin("", 0, origin);
    assert_string_equal(origin, "");
}

TEST(the_longest_prefix_fits) {
    char prefix[SIGNAL_PREFIX_BYTES_MAX];
    char topic[MUSTER_TOPIC_BYTES_MAX + 1];
    memset(topic, 'x', MUSTER_TOPIC_BYTES_MAX);
    topic[MUSTER_TOPIC_BYTES_MAX] = '\0';
    char origin[MUSTER_ORIGIN_BYTES_MAX + 1];
    memset(origin, '"', MUSTER_ORIGIN_BYTES_MAX);
    origin[MUSTER_ORIGIN_BYTES_MAX] = '\0';
    size_t length = signal_write_prefix(prefix, id, MUSTER_INTEGER_MAX, topic, origin, 15);
    assert_true(length < SIGNAL_PREFIX_BYTES_MAX);
}

static void write_and_read(const struct signal *said) {
    char text[MUSTER_DATAGRAM_BYTES_MAX];
    size_t length = signal_write(said, text);
    assert_true(length < MUSTER_DATAGRAM_BYTES_MAX);
    assert_int_equal(text[length - 1], '\n');
    assert_true(decode_bytes(text, length));
    assert_int_equal(got.kind, said->kind);
    assert_memory_equal(got.id, said->id, sizeof said->id);
    assert_int_equal(got.boot, said->boot);
    assert_int_equal(got.shard, said->shard);
    assert_int_equal(got.seq, said->seq);
    assert_int_equal(got.oldest, said->oldest);
    assert_memory_equal(got.of, said->of, sizeof said->of);
    assert_int_equal(got.of_boot, said->of_boot);
    assert_int_equal(got.missing_count, said->missing_count);
    assert_memory_equal(got.missing, said->missing, sizeof said->missing);
}

TEST(tails_come_back) {
    struct signal tail = {.kind = SIGNAL_TAIL, .boot = 1, .oldest = 1};
    memcpy(tail.id, id, sizeof id);
    write_and_read(&tail);
    tail.boot = tail.oldest = tail.seq = MUSTER_INTEGER_MAX;
    tail.shard = 15;
    write_and_read(&tail);
    tail.oldest = 8;
    tail.seq = 7;
    write_and_read(&tail);
}

TEST(naks_come_back) {
    struct signal nak = {
        .kind = SIGNAL_NAK, .boot = MUSTER_INTEGER_MAX, .of_boot = MUSTER_INTEGER_MAX, .shard = 15};
    memcpy(nak.id, id, sizeof id);
    memset(nak.of, 0xFE, sizeof nak.of);
    for (size_t i = 0; i < MUSTER_NAK_RANGES_SENT; i++) {
        nak.missing[i] = (struct signal_range){.first = MUSTER_INTEGER_MAX - i, .last = MUSTER_INTEGER_MAX};
        nak.missing_count = i + 1;
        write_and_read(&nak);
    }
}

/* ---- drops ---- */

TEST(what_is_no_line_is_dropped) {
    char text[MUSTER_DATAGRAM_BYTES_MAX + 2];
    assert_false(decode_bytes("", 0));
    assert_int_equal(reason, MUSTER_DROP_TRUNCATED);
    assert_dropped(MUSTER_DROP_TRUNCATED, TAIL("\"shard\":1,\"oldest\":1,\"seq\":1}"));
    assert_dropped(MUSTER_DROP_SYNTAX, "\n");
    assert_dropped(MUSTER_DROP_SYNTAX, "{\n");
    assert_dropped(MUSTER_DROP_SYNTAX, "[]\n");
    assert_dropped(MUSTER_DROP_SYNTAX, "1\n");
    assert_dropped(MUSTER_DROP_SYNTAX, "\x01\n");
    assert_dropped(MUSTER_DROP_UTF8, "{\"\xff\":1}\n");
    assert_dropped(MUSTER_DROP_DEPTH, "{\"a\":[[[[[[[[]]]]]]]]}\n");
    assert_dropped(MUSTER_DROP_DUPLICATE, "{\"muster\":1,\"muster\":1}\n");
    memset(text, ' ', sizeof text);
    snprintf(text, sizeof text, "%s", TAIL("\"shard\":1,\"oldest\":1,\"seq\":1}"));
    text[strlen(text)] = ' ';
    text[MUSTER_DATAGRAM_BYTES_MAX - 1] = '\n';
    assert_true(decode_bytes(text, MUSTER_DATAGRAM_BYTES_MAX));
    text[MUSTER_DATAGRAM_BYTES_MAX - 1] = ' ';
    text[MUSTER_DATAGRAM_BYTES_MAX] = '\n';
    assert_false(decode_bytes(text, MUSTER_DATAGRAM_BYTES_MAX + 1));
    assert_int_equal(reason, MUSTER_DROP_TOO_LONG);
}

TEST(too_many_values_are_dropped) {
    char text[MUSTER_DATAGRAM_BYTES_MAX] = TAIL("\"shard\":1,\"oldest\":1,\"seq\":1,\"x\":[0");
    for (int i = 0; i < 256; i++) {
        strcat(text, ",0");
    }
    strcat(text, "]}\n");
    assert_dropped(MUSTER_DROP_NODES, text);
}

TEST(members_of_every_header) {
    assert_dropped(MUSTER_DROP_MISSING, "{}\n");
    assert_dropped(MUSTER_DROP_TYPE, "{\"muster\":\"1\"}\n");
    assert_dropped(MUSTER_DROP_VERSION, "{\"muster\":2}\n");
    assert_dropped(MUSTER_DROP_MISSING, "{\"muster\":1}\n");
    assert_dropped(MUSTER_DROP_TYPE, "{\"muster\":1,\"kind\":1}\n");
    assert_dropped(MUSTER_DROP_KIND, "{\"muster\":1,\"kind\":\"alive\"}\n");
    assert_dropped(MUSTER_DROP_KIND, "{\"muster\":1,\"kind\":\"\"}\n");
    assert_dropped(MUSTER_DROP_MISSING, "{\"muster\":1,\"kind\":\"tail\"}\n");
    assert_dropped(MUSTER_DROP_RANGE, "{\"muster\":1,\"kind\":\"tail\",\"id\":\"00\"}\n");
    assert_dropped(MUSTER_DROP_MISSING, "{\"muster\":1,\"kind\":\"tail\",\"id\":\"" ID "\"}\n");
    assert_dropped(MUSTER_DROP_RANGE, "{\"muster\":1,\"kind\":\"tail\",\"id\":\"" ID "\",\"boot\":0}\n");
    assert_dropped(MUSTER_DROP_MISSING, TAIL("\"x\":1}\n"));
    assert_dropped(MUSTER_DROP_RANGE, TAIL("\"shard\":16}\n"));
    assert_dropped(MUSTER_DROP_TYPE, TAIL("\"shard\":null}\n"));
}

TEST(members_of_tails) {
    assert_dropped(MUSTER_DROP_MISSING, TAIL("\"shard\":1}\n"));
    assert_dropped(MUSTER_DROP_MISSING, TAIL("\"shard\":1,\"oldest\":1}\n"));
    assert_dropped(MUSTER_DROP_RANGE, TAIL("\"shard\":1,\"oldest\":0,\"seq\":1}\n"));
    assert_dropped(MUSTER_DROP_RANGE, TAIL("\"shard\":1,\"oldest\":1,\"seq\":" TOO_BIG "}\n"));
    assert_dropped(MUSTER_DROP_RANGE, TAIL("\"shard\":1,\"oldest\":" BIGGEST ",\"seq\":1}\n"));
    assert_dropped(MUSTER_DROP_RANGE, TAIL("\"shard\":1,\"oldest\":3,\"seq\":1}\n"));
    assert_true(decode(TAIL("\"shard\":1,\"oldest\":2,\"seq\":1}\n")));
    assert_true(decode(TAIL("\"shard\":1,\"oldest\":1,\"seq\":0}\n")));
    assert_true(decode(TAIL("\"shard\":1,\"oldest\":1,\"seq\":" BIGGEST "}\n")));
    assert_dropped(MUSTER_DROP_SYNTAX, TAIL("\"shard\":1,\"oldest\":1,\"seq\":1}\n\n"));
    assert_dropped(MUSTER_DROP_SYNTAX, TAIL("\"shard\":1,\"oldest\":1,\"seq\":1}\n[]\n"));
}

TEST(members_of_naks) {
    assert_dropped(MUSTER_DROP_MISSING, NAK("\"shard\":1}\n"));
    assert_dropped(MUSTER_DROP_MISSING, NAK("\"shard\":1,\"of\":\"" ID "\"}\n"));
    assert_dropped(MUSTER_DROP_MISSING, NAK("\"shard\":1,\"of\":\"" ID "\",\"of_boot\":1}\n"));
    assert_dropped(MUSTER_DROP_TYPE, NAK(OF "\"missing\":1}\n"));
    assert_dropped(MUSTER_DROP_RANGE, NAK(OF "\"missing\":[]}\n"));
    assert_dropped(MUSTER_DROP_TYPE, NAK(OF "\"missing\":[1]}\n"));
    assert_dropped(MUSTER_DROP_RANGE, NAK(OF "\"missing\":[[]]}\n"));
    assert_dropped(MUSTER_DROP_RANGE, NAK(OF "\"missing\":[[1]]}\n"));
    assert_dropped(MUSTER_DROP_RANGE, NAK(OF "\"missing\":[[1,2,3]]}\n"));
    assert_dropped(MUSTER_DROP_RANGE, NAK(OF "\"missing\":[[0,2]]}\n"));
    assert_dropped(MUSTER_DROP_RANGE, NAK(OF "\"missing\":[[2,1]]}\n"));
    assert_dropped(MUSTER_DROP_RANGE, NAK(OF "\"missing\":[[1," TOO_BIG "]]}\n"));
    assert_dropped(MUSTER_DROP_RANGE, NAK(OF "\"missing\":[[1,2],[\"1\",2]]}\n"));
    assert_true(decode(NAK(OF "\"missing\":[[" BIGGEST "," BIGGEST "]]}\n")));
}

TEST(ranges_are_counted) {
    char text[MUSTER_DATAGRAM_BYTES_MAX];
    for (int count = 64; count <= 65; count++) {
        strcpy(text, NAK(OF "\"missing\":[[1,1]"));
        for (int i = 1; i < count; i++) {
            strcat(text, ",[1,1]");
        }
        strcat(text, "]}\n");
        if (count <= MUSTER_NAK_RANGES_MAX) {
            assert_true(decode(text));
            assert_int_equal(got.missing_count, count);
        } else {
            assert_dropped(MUSTER_DROP_RANGE, text);
        }
    }
}

TEST(members_of_data) {
    assert_dropped(MUSTER_DROP_MISSING, DATA("\"shard\":1,\"seq\":1}\n[]\n"));
    assert_dropped(MUSTER_DROP_TYPE, DATA("\"shard\":1,\"topic\":1,\"seq\":1}\n[]\n"));
    assert_dropped(MUSTER_DROP_RANGE, DATA("\"shard\":1,\"topic\":\"\",\"seq\":1}\n[]\n"));
    assert_dropped(MUSTER_DROP_RANGE, DATA("\"shard\":1,\"topic\":\"a/#\",\"seq\":1}\n[]\n"));
    assert_dropped(MUSTER_DROP_RANGE, DATA("\"shard\":2,\"topic\":\"a/b\",\"seq\":1}\n[]\n"));
    assert_dropped(MUSTER_DROP_MISSING, DATA("\"shard\":1,\"topic\":\"a/b\"}\n[]\n"));
    assert_dropped(MUSTER_DROP_RANGE, DATA("\"shard\":1,\"topic\":\"a/b\",\"seq\":0}\n[]\n"));
    assert_dropped(MUSTER_DROP_RANGE, DATA("\"shard\":1,\"topic\":\"a/b\",\"seq\":" TOO_BIG "}\n[]\n"));
    assert_dropped(MUSTER_DROP_RANGE, DATA("\"shard\":1,\"topic\":\"a/b\",\"seq\":1.5}\n[]\n"));
    assert_dropped(MUSTER_DROP_TRUNCATED, DATA("\"shard\":1,\"topic\":\"a/b\",\"seq\":1}\n"));
    assert_true(decode(DATA("\"shard\":1,\"topic\":\"a/b\",\"seq\":1}\n\n")));
    assert_int_equal(got.body_length, 0);
    assert_true(decode(DATA("\"shard\":1,\"topic\":\"a/b\",\"seq\":" BIGGEST "}\nnot looked at\n\n")));
    assert_int_equal(got.body_length, strlen("not looked at\n"));
}

TEST(the_longest_topic_is_taken) {
    char topic[MUSTER_TOPIC_BYTES_MAX + 2];
    char text[MUSTER_DATAGRAM_BYTES_MAX];
    for (size_t length = MUSTER_TOPIC_BYTES_MAX; length <= MUSTER_TOPIC_BYTES_MAX + 1; length++) {
        memset(topic, 'x', length);
        topic[length] = '\0';
        snprintf(text, sizeof text, START "\"topic\":\"%s\",\"shard\":%u,\"seq\":1}\n[]\n", "data", topic,
                 muster_topic_shard(topic));
        if (length <= MUSTER_TOPIC_BYTES_MAX) {
            assert_true(decode(text));
            assert_string_equal(got.topic, topic);
        } else {
            assert_dropped(MUSTER_DROP_RANGE, text);
        }
    }
}

/* ---- by heart ---- */

#define KNOWN "\"topic\":\"a/b\",\"shard\":1,\"seq\":"

static size_t known_length(void) {
    return strlen(DATA(KNOWN));
}

/* Both ways say the same of what follows a known beginning: where the short one is silent, the long one
 * decides. */
static void read_both_ways(const char *ending) {
    char text[MUSTER_DATAGRAM_BYTES_MAX];
    uint64_t seq;
    const uint8_t *body;
    size_t body_length;
    snprintf(text, sizeof text, "%s%s", DATA(KNOWN), ending);
    size_t length = strlen(text);
    uint8_t *bytes = malloc(length);
    memcpy(bytes, text, length);
    bool is_short = signal_read_data(bytes, length, known_length(), &seq, &body, &body_length);
    bool is_long = signal_decode(bytes, length, &got, &reason);
    if (is_short) {
        assert_true(is_long);
        assert_int_equal(got.seq, seq);
        assert_ptr_equal(got.body, body);
        assert_int_equal(got.body_length, body_length);
    }
    if (is_short != (is_long && got.prefix_length == known_length())) {
        fail_msg("one way only: %s", ending);
    }
    free(bytes);
}

TEST(both_ways_agree) {
    static const char *const endings[] = {"1}\n[]\n",
                                          "1}\n\n",
                                          "1}\n",
                                          "1}",
                                          "1",
                                          "",
                                          "\n",
                                          "0}\n[]\n",
                                          "01}\n[]\n",
                                          "-1}\n[]\n",
                                          "+1}\n[]\n",
                                          "1.0}\n[]\n",
                                          "1e3}\n[]\n",
                                          "1 }\n[]\n",
                                          "1} \n[]\n",
                                          "1,\"x\":1}\n[]\n",
                                          "1}\n[]",
                                          "1}[]\n",
                                          "}\n[]\n",
                                          "1]\n[]\n",
                                          BIGGEST "}\n[]\n",
                                          TOO_BIG "}\n[]\n",
                                          "99999999999999999}\n[]\n",
                                          "18446744073709551617}\n[]\n",
                                          "0009007199254740991}\n[]\n",
                                          "1}\n[\n]\n",
                                          "1}\n\n\n\n",
                                          "1,\"seq\":2}\n[]\n",
                                          " 1}\n[]\n",
                                          "\"1\"}\n[]\n"};
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        read_both_ways(endings[i]);
    }
}

/* Every byte of an ending replaced by every other. */
TEST(both_ways_agree_on_any_byte) {
    static const char ending[] = "123}\n[]\n";
    for (size_t at = 0; at < strlen(ending); at++) {
        for (int byte = 1; byte < 256; byte++) {
            char changed[sizeof ending];
            memcpy(changed, ending, sizeof ending);
            changed[at] = (char)byte;
            read_both_ways(changed);
        }
    }
}

TEST(other_forms_are_not_known_by_heart) {
    char text[MUSTER_DATAGRAM_BYTES_MAX];
    assert_true(decode(DATA("\"seq\":7,\"topic\":\"a/b\",\"shard\":1}\n[]\n")));
    assert_int_equal(got.prefix_length, 0);
    assert_true(decode(DATA("\"topic\":\"a/b\",\"shard\":1,\"seq\":7,\"x\":1}\n[]\n")));
    assert_int_equal(got.prefix_length, 0);
    assert_true(decode(DATA("\"topic\":\"a/b\",\"shard\":1,\"seq\": 7}\n[]\n")));
    assert_int_equal(got.prefix_length, 0);
    assert_true(decode(DATA("\"topic\":\"a/b\",\"shard\":1,\"seq\":7,\"\\\"seq\":7}\n[]\n")));
    assert_int_equal(got.seq, 7);
    assert_int_equal(got.prefix_length, 0);
    for (size_t length = SIGNAL_PREFIX_BYTES_MAX; length <= SIGNAL_PREFIX_BYTES_MAX + 1; length++) {
        int used = snprintf(text, sizeof text, "%s", DATA("\"x\":\""));
        size_t rest = strlen("\"," KNOWN);
        memset(text + used, 'x', length - rest - (size_t)used);
        strcpy(text + length - rest, "\"," KNOWN "7}\n[]\n");
        assert_true(decode(text));
        assert_int_equal(got.prefix_length, length <= SIGNAL_PREFIX_BYTES_MAX ? length : 0);
    }
}

/* ---- groups ---- */

int main(void) {
    return test_run(NULL, NULL);
}
