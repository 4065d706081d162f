/* SPDX-License-Identifier: MIT */
/* A record is written once, and read by programs and people. */
#include <stdlib.h>

#include "countdown.h"
#include "fixture.h"
#include "peer.h"
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

TEST(test_json) {
    struct writer writer;
    writer_open_document(&writer);
    writer.is_line = true;
    write_all(&writer);
    char *text = writer_take(&writer);
    assert_string_equal(
        text, "{\"schema\":1,\"text\":\"caf\xc3\xa9\",\"unknown\":null,\"yes\":true,\"integer\":4294967295,"
              "\"duration\":-200999,\"share\":0.1235,\"id\":\"ab000000000000000000000000000000\","
              "\"address\":\"10.0.0.1\",\"host\":\"10.0.0.1\",\"port\":80,\"no_host\":null,\"no_port\":0,"
              "\"items\":{\"a\":\"1\",\"b\\u001b\":\"2\"},\"texts\":[\"x\",\"y\"],"
              "\"rows\":[{\"number\":1,\"only\":\"for programs\"},{\"number\":2,\"only\":\"for programs\"}],"
              "\"object\":{\"nothing\":null}}");
    free(text);
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

static bool exercise(void *context) {
    struct writer writer;
    (void)context;
    writer_open_line(&writer, "event");
    write_all(&writer);
    char *text = writer_take(&writer);
    free(text);
    return text != NULL;
}

TEST(test_memory) {
    fixture_exhaust_memory(exercise, NULL, 20);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
