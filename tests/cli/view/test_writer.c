/* SPDX-License-Identifier: MIT */
/* A record is written once, and read by programs and people. */
#include <math.h>
#include <string.h>

#include "fixture.h"
#include "peer.h"
#include "text.h"
#include "writer.h"

static const struct muster_text items[] = {{"a", "1"}, {"b\x1b", "2"}};
static const char *const texts[] = {"x", "y"};
static const struct muster_endpoint endpoint = {4, {10, 0, 0, 1}, 80};
static const struct muster_endpoint nowhere = {0};

static void write_row(struct writer *writer, const void *number) {
    writer_integer(writer, "number", "Number", *(const unsigned *)number);
    writer_text(writer, "only", NULL, "for programs");
    writer_text(writer, NULL, "Only", "for people");
}

static void write_all(struct writer *writer) {
    static const unsigned numbers[] = {1, 2};
    writer_text(writer, "text", "Text", "caf\xc3\xa9");
    writer_known(writer, "unknown", "Unknown", "");
    writer_bool(writer, "yes", "Yes", true);
    writer_integer(writer, "integer", "Integer", UINT32_MAX);
    writer_duration(writer, "duration", "Duration", -200999);
    writer_share(writer, "share", "Share", 0.123456);
    writer_id(writer, "id", "Id", (const uint8_t[MUSTER_ID_BYTES]){0xab});
    writer_address(writer, "address", "Address", &endpoint);
    writer_endpoint(writer, "host", "port", "Endpoint", &endpoint);
    writer_endpoint(writer, "no_host", "no_port", "Nowhere", &nowhere);
    writer_items(writer, "items", "Items", items, COUNT(items));
    writer_texts(writer, "texts", texts, COUNT(texts));
    writer_array_of(writer, "rows",
                    (struct writer_rows){write_row, numbers, sizeof(numbers[0]), COUNT(numbers)});
    if (writer_object(writer, "object")) {
        writer_null(writer, "nothing");
        writer_end(writer);
    }
}

TEST(test_document) {
    struct writer writer;
    capture_begin(&stdout);
    writer_open_document(&writer);
    write_all(&writer);
    writer_close(&writer);
    capture_check("{\n"
                  "  \"schema\": 1,\n"
                  "  \"text\": \"caf\xc3\xa9\",\n"
                  "  \"unknown\": null,\n"
                  "  \"yes\": true,\n"
                  "  \"integer\": 4294967295,\n"
                  "  \"duration\": -200999,\n"
                  "  \"share\": 0.1235,\n"
                  "  \"id\": \"ab000000000000000000000000000000\",\n"
                  "  \"address\": \"10.0.0.1\",\n"
                  "  \"host\": \"10.0.0.1\",\n"
                  "  \"port\": 80,\n"
                  "  \"no_host\": null,\n"
                  "  \"no_port\": 0,\n"
                  "  \"items\": {\n"
                  "    \"a\": \"1\",\n"
                  "    \"b\\u001b\": \"2\"\n"
                  "  },\n"
                  "  \"texts\": [\n"
                  "    \"x\",\n"
                  "    \"y\"\n"
                  "  ],\n"
                  "  \"rows\": [\n"
                  "    {\n"
                  "      \"number\": 1,\n"
                  "      \"only\": \"for programs\"\n"
                  "    },\n"
                  "    {\n"
                  "      \"number\": 2,\n"
                  "      \"only\": \"for programs\"\n"
                  "    }\n"
                  "  ],\n"
                  "  \"object\": {\n"
                  "    \"nothing\": null\n"
                  "  }\n"
                  "}\n");
}

TEST(test_line) {
    struct writer writer;
    capture_begin(&stdout);
    writer_open_line(&writer, stdout, "joined");
    writer_array(&writer, "empty");
    writer_end(&writer);
    writer_object(&writer, "object");
    writer_end(&writer);
    writer_number(&writer, "largest", 0x1p63);
    writer_number(&writer, "unknown", NAN);
    writer_integer(&writer, "exact", NULL, 9007199254740993);
    writer_close(&writer);
    const char *line = capture_end();
    assert_memory_equal(line, "{\"event\":\"joined\",\"time\":\"2", 26);
    assert_string_equal(strstr(line, ",\"empty\""),
                        ",\"empty\":[],\"object\":{},\"largest\":9.223372036854776e18,\"unknown\":null,"
                        "\"exact\":9007199254740993}\n");
}

TEST(test_quoted) {
    static const struct {
        const char *text;
        const char *quoted;
    } cases[] = {
        {"{[,:]}\"\\", "\"{[,:]}\\\"\\\\\""},
        {"\b\f\n\r\t", "\"\\b\\f\\n\\r\\t\""},
        {"\x01\x1B[2J\x7F", "\"\\u0001\\u001b[2J\\u007f\""},
        {"\xC2\x80\xC2\x9B", "\"\\u0080\\u009b\""},
        {"\xE2\x80\xAE\xE2\x81\xA6\xE2\x80\x8B\xE2\x80\xA8\xEF\xBB\xBF",
         "\"\\u202e\\u2066\\u200b\\u2028\\ufeff\""},
        {"\xF3\xA0\x81\x81\xF4\x8F\xBF\xBF", "\"\\udb40\\udc41\\udbff\\udfff\""},
        {"k\xC3\xBC \xF0\x9F\x98\x80", "\"k\xC3\xBC \xF0\x9F\x98\x80\""},
        {"\xFF!", "\"\xEF\xBF\xBD!\""}, /* what is not UTF-8 */
        {"\xC0\x80", "\"\xEF\xBF\xBD\xEF\xBF\xBD\""},
        {"\xC3", "\"\xEF\xBF\xBD\""},
        {"\xE2\"", "\"\xEF\xBF\xBD\\\"\""},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        capture_begin(&stdout);
        text_print_quoted(stdout, cases[i].text);
        capture_check(cases[i].quoted);
    }
}

TEST(test_lines) {
    struct writer writer;
    const unsigned number = 3;
    capture_begin(&stdout);
    writer_open_lines(&writer, 10);
    write_all(&writer);
    write_row(&writer, &number);
    writer_close_lines(&writer);
    capture_check("Text      caf\xc3\xa9\n"
                  "Unknown   -\n"
                  "Yes       yes\n"
                  "Integer   4294967295\n"
                  "Duration  -3m20s\n"
                  "Share     12%\n"
                  "Id        ab000000000000000000000000000000\n"
                  "Address   10.0.0.1\n"
                  "Endpoint  10.0.0.1:80\n"
                  "Nowhere   -\n"
                  "Items     a=1 b\\u{001B}=2\n"
                  "Number    3\n"
                  "Only      for people\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_document),
        cmocka_unit_test(test_line),
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_quoted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
