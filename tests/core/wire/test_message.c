/* SPDX-License-Identifier: MIT */
/* Messages to bytes and back: what is written, what comes back, what does not fit. The golden datagrams
 * (test_goldens.c) hold the rest of the format. */
#include "message.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "test.h"

static uint8_t key[MUSTER_KEY_BYTES];
static uint8_t secret[MUSTER_SECRET_BYTES];
static struct muster_crypto crypto;

static void begin(void) {
    static const uint8_t seed[crypto_sign_SEEDBYTES] = {7};
    assert_int_equal(muster_crypto_ed25519(&crypto, secret), 0);
    assert_int_equal(crypto_sign_seed_keypair(key, secret, seed), 0);
}

static struct message message_of(enum message_kind kind) {
    return (struct message){.kind = kind, .id = {0xab, 1}, .boot = 42};
}

static struct message alive(void) {
    struct message message = message_of(MESSAGE_ALIVE);
    message.seq = 7;
    message.rev = 2;
    message.next_ms = 2500;
    message.peers = 3;
    return message;
}

static struct message announce(const char *name) {
    struct message message = alive();
    message.kind = MESSAGE_ANNOUNCE;
    message.document.name = name;
    return message;
}

static void set_ids(uint8_t (*ids)[MUSTER_ID_BYTES], size_t *count, size_t wanted) {
    for (*count = 0; *count < wanted; (*count)++) {
        memset(ids[*count], (int)*count, MUSTER_ID_BYTES);
    }
}

/* Encodes and decodes; the caller frees what came back. */
static struct message there_and_back(const struct message *message, const struct muster_crypto *signer) {
    uint8_t bytes[MUSTER_DATAGRAM_BYTES_MAX];
    int length = message_encode(message, signer, 0, bytes, sizeof bytes);
    assert_true(length > 0);
    struct message back;
    enum muster_drop reason;
    if (!message_decode(bytes, (size_t)length, &back, &reason)) {
        fail_msg("dropped: %s", muster_drop_name(reason));
    }
    assert_int_equal(back.kind, message->kind);
    assert_memory_equal(back.id, message->id, MUSTER_ID_BYTES);
    assert_int_equal(back.boot, message->boot);
    assert_int_equal(back.is_signed, signer != NULL);
    return back;
}

static void check_drop(const char *text, enum muster_drop expected) {
    struct message message;
    enum muster_drop reason = MUSTER_DROP_COUNT;
    assert_false(message_decode((const uint8_t *)text, strlen(text), &message, &reason));
    assert_string_equal(muster_drop_name(reason), muster_drop_name(expected));
    assert_null(message.tree);
    assert_null(message.arrays);
}

/* ---- what is written ---- */

static void check_text(const struct message *message, const char *expected) {
    uint8_t bytes[MUSTER_DATAGRAM_BYTES_MAX];
    int length = message_encode(message, NULL, 0, bytes, sizeof bytes);
    assert_int_equal(length, strlen(expected));
    assert_memory_equal(bytes, expected, (size_t)length);
}

#define HEADER(kind) \
    "{\"muster\":1,\"kind\":\"" kind "\",\"id\":\"ab010000000000000000000000000000\",\"boot\":42,"

TEST(an_alive_is_written) {
    struct message message = alive();
    check_text(&message, HEADER("alive") "\"seq\":7,\"rev\":2,\"next_ms\":2500,\"peers\":3}\n");
    message.re = "Q7f0-x_a";
    message.seq = 0;
    check_text(&message, HEADER("alive") "\"re\":\"Q7f0-x_a\",\"rev\":2,\"next_ms\":2500,\"peers\":3}\n");
    message = alive();
    message.tells_sent = true;
    message.sent[15] = 7;
    message.sent[0] = 9007199254740991;
    check_text(&message, HEADER("alive") "\"seq\":7,\"rev\":2,\"next_ms\":2500,\"peers\":3,"
                                         "\"sent\":{\"0\":9007199254740991,\"15\":7}}\n");
}

TEST(an_announce_is_written) {
    const struct muster_text txt = {"path", "/"};
    const struct muster_service services[] = {
        {.name = "page", .type = "http", .proto = "tcp", .port = 80, .txt = &txt, .txt_count = 1},
        {.type = "ipp", .proto = "tcp", .port = 631}};
    const struct muster_text attr = {"room", "kitchen"};
    struct message message = announce("lamp");
    message.document.services = services;
    message.document.service_count = 2;
    message.document.attrs = &attr;
    message.document.attr_count = 1;
    message.heard = 1u << MUSTER_PATH_M4 | 1u << MUSTER_PATH_B4;
    check_text(
        &message,
        HEADER("announce") "\"seq\":7,\"rev\":2,\"next_ms\":2500,\"peers\":3,\"name\":\"lamp\","
                           "\"services\":[{\"name\":\"page\",\"type\":\"http\",\"proto\":\"tcp\",\"port\":80,"
                           "\"txt\":{\"path\":\"/\"}},{\"type\":\"ipp\",\"proto\":\"tcp\",\"port\":631}],"
                           "\"attrs\":{\"room\":\"kitchen\"},\"heard\":[\"m4\",\"b4\"]}\n");
}

TEST(topics_are_written) {
    const struct muster_text units[] = {{"t", "Cel"}, {"h", "%RH"}};
    const struct muster_topic topics[] = {
        {.name = "climate", .unit = "", .units = units, .unit_count = 2},
        {.name = "power", .unit = "W"},
        {.name = "door"},
    };
    struct message message = announce("lamp");
    message.document.topics = topics;
    message.document.topic_count = 3;
    message.tells_sent = true;
    message.sent[5] = 1;
    check_text(
        &message,
        HEADER("announce") "\"seq\":7,\"rev\":2,\"next_ms\":2500,\"peers\":3,\"sent\":{\"5\":1},\"name\":"
                           "\"lamp\","
                           "\"topics\":[{\"name\":\"climate\",\"units\":{\"t\":\"Cel\",\"h\":\"%RH\"}},"
                           "{\"name\":\"power\",\"unit\":\"W\"},{\"name\":\"door\"}]}\n");
}

TEST(a_bye_is_written) {
    struct message message = message_of(MESSAGE_BYE);
    message.seq = 9007199254740991;
    check_text(&message, HEADER("bye") "\"seq\":9007199254740991}\n");
}

TEST(a_query_is_written) {
    struct message message = message_of(MESSAGE_QUERY);
    memcpy(&message.nonce, "00000001", sizeof message.nonce);
    message.wants = true;
    check_text(&message, HEADER("query") "\"nonce\":\"00000001\",\"want\":{}}\n");
    message.count = 17;
    message.want_type = "ipp";
    message.want_name = "printer";
    check_text(&message, HEADER("query") "\"nonce\":\"00000001\",\"count\":17,"
                                         "\"want\":{\"type\":\"ipp\",\"name\":\"printer\"}}\n");
    message.wants = false;
    message.asks_some = true;
    message.of_count = 1;
    memset(message.of[0], 0xff, MUSTER_ID_BYTES);
    check_text(&message, HEADER("query") "\"nonce\":\"00000001\",\"count\":17,"
                                         "\"of\":[\"ffffffffffffffffffffffffffffffff\"]}\n");
}

TEST(a_part_and_its_question_are_written) {
    struct message message = message_of(MESSAGE_PART);
    memset(message.hash, 0xab, sizeof message.hash);
    message.part = 110;
    message.bytes = "fQo=";
    const char hash[] = "\"hash\":\"abababababababababababababababababababababababababababababababab\"";
    char text[512];
    snprintf(text, sizeof text, HEADER("part") "%s,\"number\":110,\"bytes\":\"fQo=\"}\n", hash);
    check_text(&message, text);
    message.kind = MESSAGE_QUERY;
    memcpy(&message.nonce, "00000001", sizeof message.nonce);
    message.asks_some = true;
    message.of_count = 1;
    memset(message.of[0], 0xff, MUSTER_ID_BYTES);
    snprintf(text, sizeof text,
             HEADER("query") "\"nonce\":\"00000001\",\"of\":[\"ffffffffffffffffffffffffffffffff\"],"
                             "\"part\":{%s,\"number\":110}}\n",
             hash);
    check_text(&message, text);
}

/* ---- what comes back ---- */

TEST(an_announce_comes_back) {
    const struct muster_text texts[] = {{"a", ""}, {"\xc3\xa9", "\x1b[31m\"\\"}, {"c", "d"}};
    const struct muster_service services[] = {
        {.name = "", .type = "http", .proto = "tcp", .port = 1},
        {.name = "n", .type = "http", .proto = "udp", .port = 65535, .txt = texts, .txt_count = 2}};
    struct message message = announce("\xe5\x8f\xb0");
    message.document.services = services;
    message.document.service_count = 2;
    message.document.attrs = texts + 1;
    message.document.attr_count = 2;
    message.heard = 7;
    message.has_key = true;
    memcpy(message.key, key, sizeof key);
    struct message back = there_and_back(&message, &crypto);
    const struct muster_document *document = &back.document;
    assert_string_equal(document->name, "\xe5\x8f\xb0");
    assert_int_equal(document->service_count, 2);
    assert_string_equal(document->services[0].name, "");
    assert_int_equal(document->services[0].txt_count, 0);
    assert_string_equal(document->services[1].name, "n");
    assert_string_equal(document->services[1].type, "http");
    assert_string_equal(document->services[1].proto, "udp");
    assert_int_equal(document->services[1].port, 65535);
    assert_int_equal(document->services[1].txt_count, 2);
    assert_string_equal(document->services[1].txt[0].value, "");
    assert_string_equal(document->services[1].txt[1].value, "\x1b[31m\"\\");
    assert_int_equal(document->attr_count, 2);
    assert_string_equal(document->attrs[1].name, "c");
    assert_string_equal(document->attrs[1].value, "d");
    assert_int_equal(back.heard, 7);
    assert_true(back.has_key);
    assert_memory_equal(back.key, key, sizeof key);
    message_deinit(&back);
}

TEST(topics_come_back) {
    const struct muster_text texts[] = {{"a", ""}, {"t", "Cel"}, {"\xc3\xa9", "\"\\"}};
    const struct muster_service service = {
        .name = "", .type = "http", .proto = "tcp", .port = 1, .txt = texts, .txt_count = 1};
    const struct muster_topic topics[] = {{.name = "z", .units = texts + 1, .unit_count = 2},
                                          {.name = "a/b", .unit = "W"}};
    struct message message = announce("lamp");
    message.document = (struct muster_document){.name = "lamp",
                                                .services = &service,
                                                .service_count = 1,
                                                .attrs = texts,
                                                .attr_count = 3,
                                                .topics = topics,
                                                .topic_count = 2};
    message.tells_sent = true;
    message.sent[0] = 1;
    message.sent[15] = MUSTER_INTEGER_MAX;
    struct message back = there_and_back(&message, NULL);
    const struct muster_document *document = &back.document;
    assert_string_equal(document->services[0].txt[0].name, "a");
    assert_string_equal(document->attrs[2].value, "\"\\");
    assert_int_equal(document->topic_count, 2); /* in the order in which they were said */
    assert_string_equal(document->topics[0].name, "z");
    assert_string_equal(document->topics[0].unit, "");
    assert_int_equal(document->topics[0].unit_count, 2);
    assert_string_equal(document->topics[0].units[0].name, "t");
    assert_string_equal(document->topics[0].units[1].value, "\"\\");
    assert_string_equal(document->topics[1].name, "a/b");
    assert_string_equal(document->topics[1].unit, "W");
    assert_int_equal(document->topics[1].unit_count, 0);
    assert_memory_equal(back.sent, message.sent, sizeof back.sent);
    message_deinit(&back);
}

/* As many as a body may hold, once with a twin at the other end. */
TEST(a_body_has_room_for_thousands_of_topics) {
    enum { COUNT = 3000 };
    static struct muster_topic topics[COUNT];
    static char names[COUNT][8];
    struct muster_document document = {.name = "lamp", .topics = topics, .topic_count = COUNT};
    for (unsigned i = 0; i < COUNT; i++) {
        snprintf(names[i], sizeof names[i], "%u", i * 7919 % COUNT);
        topics[i] = (struct muster_topic){.name = names[i]};
    }
    for (unsigned twins = 0; twins < 2; twins++) {
        topics[COUNT - 1].name = names[twins == 0 ? COUNT - 1 : 0];
        struct message message = announce("lamp");
        uint8_t *body;
        size_t length;
        enum muster_drop reason = MUSTER_DROP_COUNT;
        assert_int_equal(message_encode_body(&document, &body, &length), 0);
        assert_int_equal(message_take_body(&message, body, length, &reason), twins == 0);
        assert_int_equal(message.document.topic_count, twins == 0 ? COUNT : 0);
        assert_int_equal(reason, twins == 0 ? MUSTER_DROP_COUNT : MUSTER_DROP_RANGE);
        message_deinit(&message);
        free(body);
    }
}

TEST(an_answer_comes_back) {
    struct message message = alive();
    message.seq = 0;
    message.re = "Q7f0-x_a01234567";
    memcpy(&message.nonce, "-_-_-_-_", sizeof message.nonce);
    struct message back = there_and_back(&message, NULL);
    assert_int_equal(back.seq, 0);
    assert_string_equal(back.re, message.re);
    assert_true(back.nonce == message.nonce);
    assert_int_equal(message_answer_count(&back), 2);
    assert_false(message_answers(&back, message.nonce));
    memcpy(&message.nonce, "01234567", sizeof message.nonce);
    assert_true(message_answers(&back, message.nonce));
    message_deinit(&back);
}

TEST(each_byte_of_a_body_is_in_one_part) {
    uint8_t body[2 * MUSTER_PART_BYTES + 1];
    uint8_t bytes[MUSTER_PART_BYTES];
    char text[MESSAGE_PART_TEXT_BYTES];
    for (size_t i = 0; i < sizeof body; i++) {
        body[i] = (uint8_t)(i * 7);
    }
    for (size_t size = 1; size <= sizeof body; size++) {
        size_t done = 0;
        size_t begin;
        size_t length;
        for (uint64_t part = 1; (length = message_part_length(size, part, &begin)) > 0; part++) {
            assert_int_equal(begin, done);
            message_part_text(body + begin, length, text);
            const struct message message = {.bytes = text};
            assert_int_equal(message_part_bytes(&message, bytes), length);
            assert_memory_equal(bytes, body + begin, length);
            done += length;
        }
        assert_int_equal(done, size);
    }
}

TEST(there_are_no_other_parts) {
    size_t begin;
    assert_int_equal(message_part_length(MUSTER_DOCUMENT_BYTES_MAX, 0, &begin), 0);
    assert_int_equal(message_part_length(MUSTER_DOCUMENT_BYTES_MAX, MUSTER_PARTS_MAX, &begin), 136);
    assert_int_equal(message_part_length(MUSTER_DOCUMENT_BYTES_MAX, MUSTER_PARTS_MAX + 1, &begin), 0);
    assert_int_equal(message_part_length(MUSTER_DOCUMENT_BYTES_MAX, MUSTER_INTEGER_MAX, &begin), 0);
    assert_int_equal(message_part_length(0, 1, &begin), 0);
}

TEST(a_query_comes_back) {
    struct message message = message_of(MESSAGE_QUERY);
    memcpy(&message.nonce, "Q7f0-x_a", sizeof message.nonce);
    message.count = MUSTER_INTEGER_MAX;
    message.asks_some = true;
    set_ids(message.of, &message.of_count, MUSTER_QUERY_IDS_MAX);
    struct message back = there_and_back(&message, NULL);
    assert_true(back.nonce == message.nonce);
    assert_true(back.count == MUSTER_INTEGER_MAX);
    assert_true(back.asks_some);
    assert_false(back.wants);
    assert_int_equal(back.of_count, MUSTER_QUERY_IDS_MAX);
    assert_memory_equal(back.of, message.of, sizeof back.of);
    message_deinit(&back);
    message.asks_some = false;
    message.count = 0;
    message.wants = true;
    set_ids(message.known, &message.known_count, MUSTER_QUERY_IDS_SENT);
    back = there_and_back(&message, &crypto);
    assert_int_equal(back.count, 0);
    assert_false(back.asks_some);
    assert_true(back.wants);
    assert_null(back.want_type);
    assert_int_equal(back.known_count, MUSTER_QUERY_IDS_SENT);
    message_deinit(&back);
}

/* An alive is never too long, and one by unicast, which has no `sent`, is no longer than its question. */
TEST(the_longest_alive_fits) {
    struct message message = alive();
    message.boot = message.seq = message.rev = MUSTER_INTEGER_MAX;
    message.re = "00000000";
    message.next_ms = MUSTER_NEXT_MS_MAX;
    message.peers = MUSTER_PEERS_REPORTED_MAX;
    uint8_t bytes[MUSTER_DATAGRAM_BYTES_MAX];
    int length = message_encode(&message, &crypto, 0, bytes, sizeof bytes);
    assert_true(length > 0 && length <= MUSTER_PROOF_BYTES);
    message.tells_sent = true;
    for (size_t shard = 0; shard < MUSTER_SHARDS; shard++) {
        message.sent[shard] = MUSTER_INTEGER_MAX;
    }
    struct message back = there_and_back(&message, &crypto);
    assert_memory_equal(back.sent, message.sent, sizeof back.sent);
    message_deinit(&back);
}

/* What this core asks fits whatever its numbers are. */
TEST(the_longest_question_that_is_sent_fits) {
    struct message message = message_of(MESSAGE_QUERY);
    message.boot = MUSTER_INTEGER_MAX;
    memcpy(&message.nonce, "00000001", sizeof message.nonce);
    message.count = MUSTER_INTEGER_MAX;
    message.asks_some = true;
    set_ids(message.of, &message.of_count, MUSTER_QUERY_IDS_SENT);
    struct message back = there_and_back(&message, &crypto);
    assert_int_equal(back.of_count, MUSTER_QUERY_IDS_SENT);
    message_deinit(&back);
}

TEST(the_signature_covers_the_padded_line) {
    struct message message = alive();
    uint8_t bytes[MUSTER_DATAGRAM_BYTES_MAX];
    int length = message_encode(&message, &crypto, 400, bytes, sizeof bytes);
    assert_int_equal(length, 400);
    struct message back;
    enum muster_drop reason;
    assert_true(message_decode(bytes, 400, &back, &reason));
    assert_int_equal(bytes[back.signed_length - 1], '\n');
    assert_int_equal(crypto.verify(NULL, key, bytes, back.signed_length, back.signature), 0);
    assert_int_equal(crypto.verify(NULL, key, bytes, back.signed_length - 1, back.signature), MUSTER_ECRYPTO);
    message_deinit(&back);
}

/* ---- what does not fit ---- */

TEST(padding_is_exact) {
    struct message message = alive();
    uint8_t bytes[MUSTER_DATAGRAM_BYTES_MAX];
    int plain = message_encode(&message, NULL, 0, bytes, sizeof bytes);
    for (int i = -1; i <= 2; i++) {
        int length = message_encode(&message, NULL, (size_t)(plain + i), bytes, sizeof bytes);
        assert_int_equal(length, i > 0 ? plain + i : plain);
        assert_int_equal(bytes[length - 1], '\n');
    }
    assert_int_equal(message_encode(&message, NULL, sizeof bytes, bytes, sizeof bytes), sizeof bytes);
}

TEST(a_small_buffer_is_too_small) {
    struct message message = alive();
    uint8_t bytes[MUSTER_DATAGRAM_BYTES_MAX];
    for (int i = 0; i < 2; i++) {
        const struct muster_crypto *signer = i == 0 ? NULL : &crypto;
        int length = message_encode(&message, signer, 0, bytes, sizeof bytes);
        assert_int_equal(message_encode(&message, signer, 0, bytes, (size_t)length), length);
        assert_int_equal(message_encode(&message, signer, 0, bytes, (size_t)length - 1), MUSTER_ETOOBIG);
    }
    assert_int_equal(message_encode(&message, NULL, 0, bytes, 0), MUSTER_ETOOBIG);
}

TEST(a_long_message_is_too_big) {
    char value[2000];
    memset(value, 'x', sizeof value);
    value[sizeof value - 1] = '\0';
    const struct muster_text attr = {"a", value};
    struct message message = announce("lamp");
    message.document.attrs = &attr;
    message.document.attr_count = 1;
    uint8_t bytes[MUSTER_DATAGRAM_BYTES_MAX];
    assert_int_equal(message_encode(&message, NULL, 0, bytes, sizeof bytes), MUSTER_ETOOBIG);
}

static int refuse_to_sign(void *context, const uint8_t *bytes, size_t length,
                          uint8_t signature[MUSTER_SIGNATURE_BYTES]) {
    (void)context;
    (void)bytes;
    (void)length;
    (void)signature;
    return MUSTER_ECRYPTO;
}

TEST(what_sign_returns_is_passed_on) {
    const struct muster_crypto refusing = {.sign = refuse_to_sign};
    struct message message = alive();
    uint8_t bytes[MUSTER_DATAGRAM_BYTES_MAX];
    assert_int_equal(message_encode(&message, &refusing, 0, bytes, sizeof bytes), MUSTER_ECRYPTO);
}

/* ---- what is refused ---- */

TEST(every_cut_is_refused) {
    struct message message = announce("lamp");
    message.has_key = true;
    uint8_t bytes[MUSTER_DATAGRAM_BYTES_MAX];
    int length = message_encode(&message, &crypto, 0, bytes, sizeof bytes);
    for (int cut = 0; cut < length; cut++) {
        struct message back;
        enum muster_drop reason;
        assert_false(message_decode(bytes, (size_t)cut, &back, &reason));
        bool is_line = cut > 0 && bytes[cut - 1] == '\n';
        assert_int_equal(reason, is_line ? MUSTER_DROP_SIGNATURE : MUSTER_DROP_TRUNCATED);
    }
}

TEST(a_body_is_one_line_of_an_object) {
    static const char *const texts[] = {
        "", "{}", "{}\n{}\n", "\n", "[]\n", "{\"services\":1}\n", "{\"services\":[{}]}\n"};
    struct message message = announce("a");
    enum muster_drop reason;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        assert_false(message_take_body(&message, (const uint8_t *)texts[i], strlen(texts[i]), &reason));
        assert_null(message.body);
    }
}

TEST(a_probe_is_a_number) {
    static const char *const probes[] = {"0", "65536", "1.5"};
    for (size_t i = 0; i < sizeof probes / sizeof *probes; i++) {
        char text[512];
        snprintf(
            text, sizeof text,
            HEADER(
                "announce") "\"seq\":1,\"rev\":1,\"next_ms\":1000,\"peers\":0,\"name\":\"a\",\"probe\":%s}\n",
            probes[i]);
        check_drop(text, MUSTER_DROP_RANGE);
    }
    check_drop(HEADER("announce") "\"seq\":1,\"rev\":1,\"next_ms\":1000,\"peers\":0,\"name\":\"a\","
                                  "\"topics\":[{\"name\":\"t\",\"rate\":1e400}]}\n",
               MUSTER_DROP_RANGE);
}

TEST(the_first_wrong_member_is_the_reason) {
    check_drop("{\"muster\":2,\"kind\":7}\n", MUSTER_DROP_VERSION);
    check_drop("{\"muster\":1,\"kind\":\"greeting\",\"id\":7}\n", MUSTER_DROP_KIND);
    check_drop("{\"muster\":1,\"kind\":\"bye\",\"id\":7}\n", MUSTER_DROP_TYPE);
    check_drop(HEADER("bye") "\"seq\":0}\nx\n", MUSTER_DROP_RANGE);
    check_drop(HEADER("bye") "\"seq\":1}\nx\n", MUSTER_DROP_SYNTAX);
    check_drop("[]\n", MUSTER_DROP_SYNTAX);
    check_drop("7\n", MUSTER_DROP_SYNTAX);
    check_drop("\n", MUSTER_DROP_SYNTAX);
    check_drop("", MUSTER_DROP_TRUNCATED);
}

TEST(what_is_longer_than_a_datagram_is_refused) {
    char text[MUSTER_DATAGRAM_BYTES_MAX + 2];
    memset(text, ' ', sizeof text);
    text[0] = '{';
    text[MUSTER_DATAGRAM_BYTES_MAX + 1] = '\0';
    check_drop(text, MUSTER_DROP_TOO_LONG);
    text[MUSTER_DATAGRAM_BYTES_MAX] = '\0';
    check_drop(text, MUSTER_DROP_TRUNCATED);
}

TEST(zeroed_messages_need_no_freeing) {
    struct message message = {0};
    message_deinit(&message);
    message_deinit(&message);
}

TEST(an_id_is_among_others_or_not) {
    const uint8_t ids[2][MUSTER_ID_BYTES] = {{1}, {2}};
    const uint8_t other[MUSTER_ID_BYTES] = {2, 1};
    assert_true(message_lists(ids, 2, ids[1]));
    assert_false(message_lists(ids, 1, ids[1]));
    assert_false(message_lists(ids, 2, other));
    assert_false(message_lists(NULL, 0, other));
}

int main(void) {
    return test_run(begin, NULL);
}
