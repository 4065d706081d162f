/* SPDX-License-Identifier: MIT */
/* Requests as one line: there and back, each member wrong once, and without memory. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "countdown.h"
#include "request.h"
#include "test.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char *const names[] = {"eth0", "wlan0"};
static const struct muster_text txt[] = {{"path", "/"}, {"a", ""}};
static const struct muster_service services[] = {
    {.name = "page", .type = "http", .proto = "tcp", .port = 80, .txt = txt, .txt_count = 2},
    {.name = "", .type = "ipp", .proto = "udp", .port = 65535}};
static const struct muster_text attrs[] = {{"room", "\"1\"\n"}, {"model", "x"}};
static const char *const removed[] = {"colour", "size"};

static const char *const patterns[] = {"kitchen/#", "+/a:b", "#"};

#define SIXTY_FOUR "1234567890123456789012345678901234567890123456789012345678901234"

static const struct request requests[] = {
    {.kind = REQUEST_TABLE},
    {.kind = REQUEST_WATCH, .port = 65535},
    {.kind = REQUEST_STATS, .network = "net:[1]", .interfaces = names, .interface_count = 2},
    {.kind = REQUEST_SELF, .port = 1, .interfaces = names, .interface_count = 1},
    {.kind = REQUEST_TABLE, .interfaces = names},
    {.kind = REQUEST_TABLE, .name = "Küche"},
    {.kind = REQUEST_DOCUMENT, .id = {1, 2, 255}, .hash = {255, 0, 1}},
    {.kind = REQUEST_SAMPLES, .patterns = patterns, .pattern_count = 1},
    {.kind = REQUEST_SAMPLES,
     .patterns = patterns,
     .pattern_count = 3,
     .since_ms = MUSTER_SINCE_MS_MAX,
     .follows = true},
    {.kind = REQUEST_PUBLISH,
     .topic = "a/b",
     .record = {.name = "n", .unit = "Cel", .kind = MUSTER_VALUE_NUMBER, .number = -0.1, .time_s = 1.7e9}},
    {.kind = REQUEST_PUBLISH,
     .topic = "t",
     .record = {.kind = MUSTER_VALUE_TEXT, .text = "\"é\n\" and what follows", .text_length = 5}},
    {.kind = REQUEST_PUBLISH,
     .topic = "t",
     .record = {.kind = MUSTER_VALUE_BOOLEAN, .boolean = true, .has_sum = true, .sum = 3, .update_s = 60}},
    {.kind = REQUEST_PUBLISH, .topic = "t", .record = {.name = "", .unit = "", .kind = MUSTER_VALUE_BOOLEAN}},
    {.kind = REQUEST_PUBLISH,
     .topic = "t",
     .record = {.kind = MUSTER_VALUE_DATA, .text = "aGk"},
     .retains = true},
    {.kind = REQUEST_UPDATE},
    {.kind = REQUEST_UPDATE, .change = {.name = "other"}},
    {.kind = REQUEST_UPDATE,
     .interfaces = names,
     .interface_count = 2,
     .change = {.name = "other",
                .services = services,
                .service_count = 2,
                .removed_services = services + 1,
                .removed_service_count = 1,
                .attrs = attrs,
                .attr_count = 2,
                .removed_attrs = removed,
                .removed_attr_count = 2}},
};

static void assert_texts(const struct muster_text *a, const struct muster_text *b, size_t count) {
    for (size_t i = 0; i < count; i++) {
        assert_string_equal(a[i].name, b[i].name);
        assert_string_equal(a[i].value, b[i].value);
    }
}

static void assert_services(const struct muster_service *a, const struct muster_service *b, size_t count) {
    for (size_t i = 0; i < count; i++) {
        assert_string_equal(a[i].name, b[i].name);
        assert_string_equal(a[i].type, b[i].type);
        assert_string_equal(a[i].proto, b[i].proto);
        assert_int_equal(a[i].port, b[i].port);
        assert_int_equal(a[i].txt_count, b[i].txt_count);
        assert_texts(a[i].txt, b[i].txt, a[i].txt_count);
    }
}

static void assert_changes(const struct muster_change *a, const struct muster_change *b) {
    assert_int_equal(a->name == NULL, b->name == NULL);
    if (a->name != NULL) {
        assert_string_equal(a->name, b->name);
    }
    assert_int_equal(a->service_count, b->service_count);
    assert_services(a->services, b->services, a->service_count);
    assert_int_equal(a->removed_service_count, b->removed_service_count);
    assert_services(a->removed_services, b->removed_services, a->removed_service_count);
    assert_int_equal(a->attr_count, b->attr_count);
    assert_texts(a->attrs, b->attrs, a->attr_count);
    assert_int_equal(a->removed_attr_count, b->removed_attr_count);
    for (size_t i = 0; i < a->removed_attr_count; i++) {
        assert_string_equal(a->removed_attrs[i], b->removed_attrs[i]);
    }
}

static const char *text_of(const char *text) {
    return text == NULL ? "" : text;
}

static void assert_records(const struct muster_record *a, const struct muster_record *b) {
    const size_t length = a->text_length != 0 ? a->text_length : strlen(text_of(a->text));
    assert_string_equal(text_of(a->name), text_of(b->name));
    assert_string_equal(text_of(a->unit), text_of(b->unit));
    assert_int_equal(a->kind, b->kind);
    assert_true(a->number == b->number && a->sum == b->sum && a->time_s == b->time_s);
    assert_true(a->update_s == b->update_s && a->boolean == b->boolean && a->has_sum == b->has_sum);
    assert_int_equal(length, strlen(text_of(b->text)));
    assert_memory_equal(text_of(a->text), text_of(b->text), length);
}

static void assert_requests(const struct request *a, const struct request *b) {
    assert_int_equal(a->kind, b->kind);
    assert_int_equal(a->port, b->port);
    assert_string_equal(a->network == NULL ? "" : a->network, b->network == NULL ? "" : b->network);
    assert_int_equal(a->interface_count, b->interface_count);
    for (size_t i = 0; i < a->interface_count; i++) {
        assert_string_equal(a->interfaces[i], b->interfaces[i]);
    }
    assert_string_equal(text_of(a->name), text_of(b->name));
    assert_memory_equal(a->id, b->id, sizeof a->id);
    assert_memory_equal(a->hash, b->hash, sizeof a->hash);
    assert_changes(&a->change, &b->change);
    assert_string_equal(text_of(a->topic), text_of(b->topic));
    assert_records(&a->record, &b->record);
    assert_int_equal(a->pattern_count, b->pattern_count);
    for (size_t i = 0; i < a->pattern_count; i++) {
        assert_string_equal(a->patterns[i], b->patterns[i]);
    }
    assert_int_equal(a->since_ms, b->since_ms);
    assert_int_equal(a->follows, b->follows);
    assert_int_equal(a->retains, b->retains);
}

TEST(what_is_written_is_read) {
    for (size_t i = 0; i < COUNT(requests); i++) {
        char *line;
        size_t length;
        struct request read;
        const char *member;
        assert_int_equal(request_encode(&requests[i], &line, &length), 0);
        assert_int_equal(line[length - 1], '\n');
        assert_ptr_equal(memchr(line, '\n', length), line + length - 1);
        assert_int_equal(request_decode(line, length - 1, &read, &member), REQUEST_END_DONE);
        free(line);
        assert_null(member);
        assert_requests(&requests[i], &read);
        request_deinit(&read);
        request_deinit(&read);
    }
}

/* A value that fits no datagram is handed over whole, also one that ends by no NUL. */
TEST(a_large_value_is_written_and_read) {
    static char text[MUSTER_LARGE_BYTES_MAX / 3 * 4 + 4];
    const size_t lengths[] = {MUSTER_DATAGRAM_BYTES_MAX + 4, sizeof text};
    memset(text, 'A', sizeof text);
    for (size_t i = 0; i < COUNT(lengths); i++) {
        const struct request request = {
            .kind = REQUEST_PUBLISH,
            .topic = "camera/thumbnail",
            .record = {.kind = MUSTER_VALUE_DATA, .text = text, .text_length = lengths[i]}};
        struct request read;
        const char *member;
        char *line;
        size_t length;
        assert_int_equal(request_encode(&request, &line, &length), 0);
        assert_int_equal(request_decode(line, length - 1, &read, &member), REQUEST_END_DONE);
        free(line);
        assert_int_equal(read.record.kind, MUSTER_VALUE_DATA);
        assert_int_equal(strlen(read.record.text), lengths[i]);
        request_deinit(&read);
    }
}

TEST(what_is_too_long_is_not_written) {
    static struct muster_service many[8000];
    for (size_t i = 0; i < COUNT(many); i++) {
        many[i] = (struct muster_service){.type = "http", .proto = "tcp", .port = (uint16_t)(i + 1)};
    }
    struct request request = {.kind = REQUEST_UPDATE,
                              .change = {.services = many, .service_count = COUNT(many)}};
    char *line;
    size_t length;
    assert_int_equal(request_encode(&request, &line, &length), MUSTER_ETOOBIG);
    request.change.service_count = 4000;
    assert_int_equal(request_encode(&request, &line, &length), 0);
    assert_true(length <= MUSTER_REQUEST_LOCAL_BYTES_MAX);
    free(line);
    /* Whatever is written, who is asked reads it. */
    const char *long_names[MUSTER_PATHS_MAX];
    for (size_t i = 0; i < COUNT(long_names); i++) {
        long_names[i] = "a-name-of-15-by";
    }
    request = (struct request){
        .kind = REQUEST_TABLE, .interfaces = long_names, .interface_count = COUNT(long_names)};
    assert_int_equal(request_encode(&request, &line, &length), MUSTER_ETOOBIG);
    request.interface_count = 50;
    assert_int_equal(request_encode(&request, &line, &length), 0);
    assert_true(length - 1 <= MUSTER_REQUEST_BYTES_MAX);
    free(line);
}

/* ---- what is wrong ---- */

#define ID "\"id\":\"000102030405060708090a0b0c0d0e0f\""
#define HASH "\"hash\":\"000102030405060708090a0b0c0d0e0f000102030405060708090a0b0c0d0e0f\""
#define REQUEST(kind, more) "{\"muster\":1,\"request\":\"" kind "\"" more "}"

static const struct {
    const char *line;
    enum request_end end;
    const char *member;
} cases[] = {
    {"", REQUEST_END_SYNTAX, NULL},
    {" ", REQUEST_END_SYNTAX, NULL},
    {"1", REQUEST_END_SYNTAX, NULL},
    {"null", REQUEST_END_SYNTAX, NULL},
    {"[{\"muster\":1}]", REQUEST_END_SYNTAX, NULL},
    {REQUEST("table", "") "x", REQUEST_END_SYNTAX, NULL},
    {REQUEST("table", ",\"a\":[[[[[[[[1]]]]]]]]"), REQUEST_END_SYNTAX, NULL},
    {"{\"request\":\"table\"}", REQUEST_END_INVALID, "muster"},
    {"{\"muster\":\"1\",\"request\":\"table\"}", REQUEST_END_INVALID, "muster"},
    {"{\"muster\":1.5,\"request\":\"table\"}", REQUEST_END_INVALID, "muster"},
    {"{\"muster\":1}", REQUEST_END_INVALID, "request"},
    {"{\"muster\":1,\"request\":null}", REQUEST_END_INVALID, "request"},
    {REQUEST("", ""), REQUEST_END_UNKNOWN, NULL},
    {REQUEST("Table", ""), REQUEST_END_UNKNOWN, NULL},
    {REQUEST("table", ",\"port\":0"), REQUEST_END_INVALID, "port"},
    {REQUEST("table", ",\"port\":65536"), REQUEST_END_INVALID, "port"},
    {REQUEST("table", ",\"port\":-1"), REQUEST_END_INVALID, "port"},
    {REQUEST("table", ",\"port\":\"1\""), REQUEST_END_INVALID, "port"},
    {REQUEST("table", ",\"port\":null"), REQUEST_END_INVALID, "port"},
    {REQUEST("table", ",\"name\":1"), REQUEST_END_INVALID, "name"},
    {REQUEST("table", ",\"name\":\"\""), REQUEST_END_INVALID, "name"},
    {REQUEST("table", ",\"name\":\"" SIXTY_FOUR "\""), REQUEST_END_INVALID, "name"},
    {REQUEST("table", ",\"interfaces\":\"eth0\""), REQUEST_END_INVALID, "interfaces"},
    {REQUEST("table", ",\"interfaces\":{\"a\":\"eth0\"}"), REQUEST_END_INVALID, "interfaces"},
    {REQUEST("table", ",\"interfaces\":[1]"), REQUEST_END_INVALID, "interfaces"},
    {REQUEST("table", ",\"interfaces\":[\"eth0\",null]"), REQUEST_END_INVALID, "interfaces"},
    {REQUEST("table", ",\"interfaces\":[\"1234567890123456\"]"), REQUEST_END_INVALID, "interfaces"},
    {REQUEST("document", ""), REQUEST_END_INVALID, "id"},
    {REQUEST("document", "," HASH), REQUEST_END_INVALID, "id"},
    {REQUEST("document", ",\"id\":5," HASH), REQUEST_END_INVALID, "id"},
    {REQUEST("document", ",\"id\":\"0001\"," HASH), REQUEST_END_INVALID, "id"},
    {REQUEST("document", "," ID), REQUEST_END_INVALID, "hash"},
    {REQUEST("document", "," ID ",\"hash\":\"00\""), REQUEST_END_INVALID, "hash"},
    {REQUEST("document", "," ID ",\"hash\":[]"), REQUEST_END_INVALID, "hash"},
    {REQUEST("document", "," ID "," HASH), REQUEST_END_DONE, NULL},
    {REQUEST("publish", ",\"record\":{\"v\":1}"), REQUEST_END_INVALID, "topic"},
    {REQUEST("publish", ",\"topic\":\"a\",\"record\":{\"v\":1},\"retain\":1"), REQUEST_END_INVALID, "retain"},
    {REQUEST("publish", ",\"topic\":\"\",\"record\":{\"v\":1}"), REQUEST_END_INVALID, "topic"},
    {REQUEST("publish", ",\"topic\":\"a b\",\"record\":{\"v\":1}"), REQUEST_END_INVALID, "topic"},
    {REQUEST("publish", ",\"topic\":\"a\""), REQUEST_END_INVALID, "record"},
    {REQUEST("publish", ",\"topic\":\"a\",\"record\":1"), REQUEST_END_INVALID, "record"},
    {REQUEST("publish", ",\"topic\":\"a\",\"record\":{}"), REQUEST_END_INVALID, "record"},
    {REQUEST("publish", ",\"topic\":\"a\",\"record\":{\"v\":\"1\"}"), REQUEST_END_INVALID, "record"},
    {REQUEST("publish", ",\"topic\":\"a\",\"record\":{\"v\":1,\"vb\":true}"), REQUEST_END_INVALID, "record"},
    {REQUEST("publish", ",\"topic\":\"a\",\"record\":{\"v\":1,\"n\":5}"), REQUEST_END_INVALID, "record"},
    {REQUEST("publish", ",\"topic\":\"a\",\"record\":{\"v\":1,\"t\":1}"), REQUEST_END_INVALID, "record"},
    {REQUEST("publish", ",\"topic\":\"a\",\"record\":{\"vs\":1}"), REQUEST_END_INVALID, "record"},
    {REQUEST("publish", ",\"topic\":\"a\",\"record\":{\"vd\":5}"), REQUEST_END_INVALID, "record"},
    {REQUEST("publish", ",\"topic\":\"a\",\"record\":{\"vb\":1}"), REQUEST_END_INVALID, "record"},
    {REQUEST("publish", ",\"topic\":\"a\",\"record\":{\"vd\":\"!\"}"), REQUEST_END_INVALID, "record"},
    {REQUEST("publish", ",\"topic\":\"a\",\"record\":{\"v\":1,\"u\":5}"), REQUEST_END_INVALID, "record"},
    {REQUEST("publish", ",\"topic\":\"a\",\"record\":{\"v\":1,\"u\":\"\\u0001\"}"), REQUEST_END_INVALID,
     "record"},
    {REQUEST("publish", ",\"topic\":\"a\",\"record\":{\"v\":1,\"u\":\"\\u007f\"}"), REQUEST_END_INVALID,
     "record"},
    {REQUEST("publish", ",\"topic\":\"a\",\"record\":{\"v\":1,\"s\":\"1\"}"), REQUEST_END_INVALID, "record"},
    {REQUEST("publish", ",\"topic\":\"a\",\"record\":{\"v\":1,\"t\":\"1\"}"), REQUEST_END_INVALID, "record"},
    {REQUEST("publish", ",\"topic\":\"a\",\"record\":{\"v\":1,\"ut\":\"1\"}"), REQUEST_END_INVALID, "record"},
    {REQUEST("publish", ",\"topic\":\"a\",\"record\":{\"v\":1,\"ut\":-1}"), REQUEST_END_INVALID, "record"},
    {REQUEST("publish", ",\"topic\":\"a\",\"record\":{\"vs\":\"a\",\"vd\":\"YQ\"}"), REQUEST_END_INVALID,
     "record"},
    {REQUEST("publish", ",\"topic\":\"a\",\"record\":{\"vb\":false,\"n\":\"\",\"u\":\"\"}"), REQUEST_END_DONE,
     NULL},
    {REQUEST("publish", ",\"topic\":\"a\",\"record\":{\"s\":5}"), REQUEST_END_DONE, NULL},
    {REQUEST("update", ",\"set\":5"), REQUEST_END_INVALID, "set"},
    {REQUEST("update", ",\"set\":null"), REQUEST_END_INVALID, "set"},
    {REQUEST("update", ",\"set\":{\"name\":null}"), REQUEST_END_INVALID, "set"},
    {REQUEST("update", ",\"set\":{\"services\":{}}"), REQUEST_END_INVALID, "set"},
    {REQUEST("update", ",\"set\":{\"services\":[5]}"), REQUEST_END_INVALID, "set"},
    {REQUEST("update", ",\"set\":{\"services\":[{\"type\":\"a\"}]}"), REQUEST_END_INVALID, "set"},
    {REQUEST("update", ",\"set\":{\"attrs\":[]}"), REQUEST_END_INVALID, "set"},
    {REQUEST("update", ",\"set\":{\"attrs\":{\"\":\"1\"}}"), REQUEST_END_INVALID, "set"},
    {REQUEST("update", ",\"set\":{\"attrs\":{\"a\":1}}"), REQUEST_END_INVALID, "set"},
    {REQUEST("update", ",\"remove\":[]"), REQUEST_END_INVALID, "remove"},
    {REQUEST("update", ",\"remove\":{\"attrs\":{}}"), REQUEST_END_INVALID, "remove"},
    {REQUEST("update", ",\"remove\":{\"attrs\":{\"a\":\"b\"}}"), REQUEST_END_INVALID, "remove"},
    {REQUEST("update", ",\"remove\":{\"attrs\":\"a\"}"), REQUEST_END_INVALID, "remove"},
    {REQUEST("update", ",\"remove\":{\"attrs\":[\"a\",5]}"), REQUEST_END_INVALID, "remove"},
    {REQUEST("update", ",\"remove\":{\"services\":[{\"type\":\"a\",\"proto\":\"tcp\"}]}"),
     REQUEST_END_INVALID, "remove"},
    {REQUEST("update", ",\"remove\":{},\"set\":{}"), REQUEST_END_DONE, NULL},
    {REQUEST("update", ",\"set\":{\"topics\":5}"), REQUEST_END_DONE, NULL}, /* not for who asks to say */
    {REQUEST("update", ",\"remove\":{\"attrs\":[]}"), REQUEST_END_DONE, NULL},
    {REQUEST("table", ",\"set\":5,\"unknown\":[1,2]"), REQUEST_END_DONE, NULL},
    {REQUEST("publish", ",\"topic\":\"a//b\",\"record\":{\"v\":1}"), REQUEST_END_INVALID, "topic"},
    {REQUEST("publish", ",\"topic\":\"a\",\"record\":{\"v\":1,\"vb\":true}"), REQUEST_END_INVALID, "record"},
    {REQUEST("samples", ""), REQUEST_END_INVALID, "patterns"},
    {REQUEST("samples", ",\"patterns\":[]"), REQUEST_END_INVALID, "patterns"},
    {REQUEST("samples", ",\"patterns\":\"#\""), REQUEST_END_INVALID, "patterns"},
    {REQUEST("samples", ",\"patterns\":{\"a\":\"#\"}"), REQUEST_END_INVALID, "patterns"},
    {REQUEST("samples", ",\"patterns\":[\"#\",5]"), REQUEST_END_INVALID, "patterns"},
    {REQUEST("samples", ",\"patterns\":[\"#\",\"a#\"]"), REQUEST_END_INVALID, "patterns"},
    {REQUEST("samples", ",\"patterns\":[\"#\"],\"since_ms\":0"), REQUEST_END_INVALID, "since_ms"},
    {REQUEST("samples", ",\"patterns\":[\"#\"],\"since_ms\":86400001"), REQUEST_END_INVALID, "since_ms"},
    {REQUEST("samples", ",\"patterns\":[\"#\"],\"since_ms\":null"), REQUEST_END_INVALID, "since_ms"},
    {REQUEST("samples", ",\"patterns\":[\"#\"],\"follow\":1"), REQUEST_END_INVALID, "follow"},
    {REQUEST("samples", ",\"patterns\":[\"#\"],\"follow\":false,\"since_ms\":1"), REQUEST_END_DONE, NULL},
};

TEST(each_member_may_be_wrong) {
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct request request;
        const char *member;
        enum request_end end = request_decode(cases[i].line, strlen(cases[i].line), &request, &member);
        bool is_same = member == NULL || cases[i].member == NULL ? member == cases[i].member
                                                                 : strcmp(member, cases[i].member) == 0;
        if (end != cases[i].end || !is_same) {
            fail_msg("%s: %s, %s", cases[i].line, name_get(&request_end_names, end), member);
        }
        request_deinit(&request);
    }
}

TEST(there_may_be_only_so_many_interfaces) {
    for (unsigned count = MUSTER_PATHS_MAX; count <= MUSTER_PATHS_MAX + 1; count++) {
        char line[1024] = "{\"muster\":1,\"request\":\"table\",\"interfaces\":[\"a\"";
        for (unsigned i = 1; i < count; i++) {
            strcat(line, ",\"a\"");
        }
        strcat(line, "]}");
        struct request request;
        const char *member;
        assert_int_equal(request_decode(line, strlen(line), &request, &member),
                         count > MUSTER_PATHS_MAX ? REQUEST_END_INVALID : REQUEST_END_DONE);
        request_deinit(&request);
    }
}

/* ---- without memory ---- */

TEST(every_allocation_may_fail) {
    for (size_t i = 0; i < COUNT(requests); i++) {
        bool has_failed = true;
        unsigned long n = 0;
        while (has_failed) {
            char *line = NULL;
            size_t length;
            struct request read = {0};
            const char *member;
            countdown_set(++n);
            int error = request_encode(&requests[i], &line, &length);
            enum request_end end =
                error == 0 ? request_decode(line, length - 1, &read, &member) : REQUEST_END_MEMORY;
            has_failed = countdown_has_failed();
            countdown_set(0);
            assert_int_equal(end, has_failed ? REQUEST_END_MEMORY : REQUEST_END_DONE);
            assert_true(error == 0 || error == MUSTER_ENOMEM);
            free(line);
            request_deinit(&read);
        }
        assert_true(n > 5);
    }
}

int main(void) {
    return test_run(NULL, NULL);
}
