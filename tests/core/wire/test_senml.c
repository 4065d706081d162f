/* SPDX-License-Identifier: MIT */
/* SenML: the rules of RFC 8428 one by one, and what is written beside what is read. */
#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <muster/telemetry.h>

#include "draw.h"
#include "limit.h"
#include "senml.h"
#include "test.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define NOW_S 1700000000.0
#define SEED 8428u

/* ---- reading ---- */

static struct muster_pack pack;
static char *pack_bytes; /* end where the text ends, so that a sanitizer sees a read past it */

static void open_bytes(const char *text, size_t length) {
    free(pack_bytes);
    pack_bytes = malloc(length == 0 ? 1 : length);
    assert_non_null(pack_bytes);
    memcpy(pack_bytes, text, length);
    muster_pack_open(&pack, length == 0 ? pack_bytes + 1 : pack_bytes, length, NOW_S);
}

static void open_text(const char *text) {
    open_bytes(text, strlen(text));
}

/* Prints all records, a line each, and says how it ended. */
static void read_all(char *story, size_t size) {
    struct muster_record record;
    size_t used = 0;
    story[0] = '\0';
    int result;
    while ((result = muster_pack_next(&pack, &record)) == 1) {
        const int length = muster_record_print(&record, NULL, story + used, size - used - 2);
        assert_true(length > 0);
        used += (size_t)length;
        story[used++] = '\n';
        story[used] = '\0';
    }
    size_t offset = 0;
    const char *fault = muster_pack_fault(&pack, &offset);
    assert_int_equal(result, fault == NULL ? 0 : MUSTER_EINVAL);
    assert_int_equal(muster_pack_next(&pack, &record), result);
    if (fault != NULL) {
        snprintf(story + used, size - used, "%zu: %s", offset, fault);
    }
}

static void check_story(const char *text, const char *expected) {
    char story[16384];
    open_text(text);
    read_all(story, sizeof(story));
    if (strcmp(story, expected) != 0) {
        fail_msg("%s\nread:\n%s\nexpected:\n%s", text, story, expected);
    }
}

static void check_base(const char *base, const char *text, const char *expected) {
    char story[1024];
    open_text(text);
    assert_int_equal(muster_pack_base(&pack, base), 0);
    read_all(story, sizeof(story));
    assert_string_equal(story, expected);
}

TEST(test_given_base_names) {
    check_base("a/", "[{\"n\":\"x\",\"v\":1},{\"v\":2},{\"bn\":\"b/\",\"n\":\"y\",\"v\":3},{\"v\":4}]",
               "{\"n\":\"a/x\",\"v\":1,\"t\":1700000000}\n{\"n\":\"a/\",\"v\":2,\"t\":1700000000}\n"
               "{\"n\":\"b/y\",\"v\":3,\"t\":1700000000}\n{\"n\":\"b/\",\"v\":4,\"t\":1700000000}\n");
    check_base("", "{\"v\":1}", "0: a record without a name");
    /* LwM2M's names begin with a slash, of records and as a base; a given name is where they are below. */
    check_base(
        "d/",
        "[{\"n\":\"/3303/0/5700\",\"v\":1},{\"bn\":\"/3303/1/\",\"n\":\"5700\",\"v\":2},"
        "{\"bn\":\"o:\",\"n\":\"x\",\"v\":3},{\"bn\":\"\\u002f3/0\",\"n\":\"/9\",\"v\":4}]",
        "{\"n\":\"d/3303/0/5700\",\"v\":1,\"t\":1700000000}\n"
        "{\"n\":\"d/3303/1/5700\",\"v\":2,\"t\":1700000000}\n{\"n\":\"o:x\",\"v\":3,\"t\":1700000000}\n"
        "{\"n\":\"d/3/0/9\",\"v\":4,\"t\":1700000000}\n");
    check_base("d", "[{\"bn\":\"/\",\"n\":\"3\",\"v\":1},{\"bn\":\"\",\"n\":\"/3\",\"v\":1}]",
               "{\"n\":\"d/3\",\"v\":1,\"t\":1700000000}\n{\"n\":\"d/3\",\"v\":1,\"t\":1700000000}\n");
    check_base("", "{\"n\":\"/3\",\"v\":1}", "5: a name that begins with no letter or digit");
    char name[MUSTER_FULL_NAME_BYTES_MAX + 2];
    memset(name, 'n', sizeof(name));
    name[sizeof(name) - 1] = '\0';
    open_text("{\"v\":1}");
    assert_int_equal(muster_pack_base(&pack, name), MUSTER_EINVAL);
    assert_int_equal(muster_pack_base(&pack, "a b"), MUSTER_EINVAL);
    assert_int_equal(muster_pack_base(&pack, "/a"), MUSTER_EINVAL);
    name[sizeof(name) - 2] = '\0';
    assert_int_equal(muster_pack_base(&pack, name), 0);
    struct muster_record record;
    assert_int_equal(muster_pack_next(&pack, &record), 1);
    assert_string_equal(record.name, name);
}

static void check_more(const char *text, double now_s, const char *expected) {
    char story[1024];
    muster_pack_more(&pack, text, strlen(text), now_s);
    read_all(story, sizeof(story));
    assert_string_equal(story, expected);
}

/* Records of a stream (SensML, 4.8) arrive one by one: bases hold, and now is when each of them was sent. */
TEST(test_a_stream) {
    check_story("{\"bver\":5,\"bn\":\"a/\",\"bu\":\"Cel\",\"bv\":20,\"bs\":100,\"n\":\"x\",\"v\":1,\"t\":-1}",
                "{\"n\":\"a/x\",\"u\":\"Cel\",\"v\":21,\"s\":100,\"t\":1699999999}\n");
    check_more("{\"n\":\"y\",\"v\":2}", NOW_S + 5,
               "{\"n\":\"a/y\",\"u\":\"Cel\",\"v\":22,\"s\":100,\"t\":1700000005}\n");
    check_more("{\"bt\":1600000000,\"bn\":\"b/\",\"bver\":5}", NOW_S, "");
    check_more("[{\"n\":\"z\",\"v\":3,\"t\":1},{\"n\":\"z\",\"v\":4}]", NOW_S + 6,
               "{\"n\":\"b/z\",\"u\":\"Cel\",\"v\":23,\"s\":100,\"t\":1600000001}\n"
               "{\"n\":\"b/z\",\"u\":\"Cel\",\"v\":24,\"s\":100,\"t\":1600000000}\n");
    check_more("{\"n\":\"z\",\"v\":}", NOW_S, "13: no number where one should be");
    check_more("{\"n\":\"z\",\"v\":5}", NOW_S,
               "{\"n\":\"b/z\",\"u\":\"Cel\",\"v\":25,\"s\":100,\"t\":1600000000}\n");
    check_more("{\"bver\":6,\"n\":\"z\",\"v\":5}", NOW_S, "8: another version than the records before it");
}

TEST(test_resolves) {
    check_story("[]", "");
    check_story(" [ ] \n", "");
    check_story("{\"n\":\"a\",\"v\":1}  \n", "{\"n\":\"a\",\"v\":1,\"t\":1700000000}\n");
    /* Times below 2^28 count from now, and the sum decides, not the parts (4.5.3). */
    check_story("[{\"n\":\"a\",\"v\":1,\"t\":-10.5},{\"n\":\"a\",\"v\":1,\"t\":268435455},"
                "{\"n\":\"a\",\"v\":1,\"t\":268435456},{\"n\":\"a\",\"bt\":268435450,\"v\":1,\"t\":5},"
                "{\"n\":\"a\",\"v\":1,\"t\":6},{\"n\":\"a\",\"bt\":0,\"v\":1}]",
                "{\"n\":\"a\",\"v\":1,\"t\":1699999989.5}\n{\"n\":\"a\",\"v\":1,\"t\":1968435455}\n"
                "{\"n\":\"a\",\"v\":1,\"t\":268435456}\n{\"n\":\"a\",\"v\":1,\"t\":1968435455}\n"
                "{\"n\":\"a\",\"v\":1,\"t\":268435456}\n{\"n\":\"a\",\"v\":1,\"t\":1700000000}\n");
    /* Base values and sums stay, and a base sum makes a sum (4.5.4). */
    check_story("[{\"n\":\"a\",\"bv\":100,\"bs\":10,\"v\":1},{\"n\":\"b\",\"s\":5},"
                "{\"n\":\"c\",\"bv\":-100,\"v\":1,\"s\":1},{\"n\":\"d\",\"vs\":\"x\"}]",
                "{\"n\":\"a\",\"v\":101,\"s\":10,\"t\":1700000000}\n"
                "{\"n\":\"b\",\"s\":15,\"t\":1700000000}\n"
                "{\"n\":\"c\",\"v\":-99,\"s\":11,\"t\":1700000000}\n"
                "{\"n\":\"d\",\"vs\":\"x\",\"s\":10,\"t\":1700000000}\n");
    /* A missing value counts as 0 beside a base value, a missing sum beside a base sum (4.5.4). */
    check_story("[{\"bn\":\"dev/\",\"bv\":10,\"n\":\"a\"},{\"n\":\"b\",\"v\":1},{\"n\":\"c\",\"vb\":true}]",
                "{\"n\":\"dev/a\",\"v\":10,\"t\":1700000000}\n{\"n\":\"dev/b\",\"v\":11,\"t\":1700000000}\n"
                "{\"n\":\"dev/c\",\"vb\":true,\"t\":1700000000}\n");
    check_story("[{\"bs\":1,\"n\":\"a\"}]", "{\"n\":\"a\",\"s\":1,\"t\":1700000000}\n");
    /* Records of bases alone are no readings, wherever they stand (5.1.7). */
    check_story(
        "[{\"bn\":\"urn:dev:ow:1:\",\"bt\":1600000000,\"bu\":\"Cel\",\"x\":1},{\"n\":\"temp\",\"v\":23.1},"
        "{\"bv\":1},{\"n\":\"heat\",\"u\":\"/\",\"v\":1},{\"bn\":\"b\"}]",
        "{\"n\":\"urn:dev:ow:1:temp\",\"u\":\"Cel\",\"v\":23.1,\"t\":1600000000}\n"
        "{\"n\":\"urn:dev:ow:1:heat\",\"u\":\"/\",\"v\":2,\"t\":1600000000}\n");
    check_story("{\"bn\":\"a\"}", "");
    /* The order of members does not matter; a base that is set again holds from its record on. */
    check_story("[{\"v\":1,\"n\":\"x\",\"bn\":\"a/\",\"bu\":\"W\"},{\"u\":\"\",\"n\":\"y\",\"v\":2},"
                "{\"bn\":\"\",\"n\":\"z\",\"bu\":\"\",\"v\":3}]",
                "{\"n\":\"a/x\",\"u\":\"W\",\"v\":1,\"t\":1700000000}\n"
                "{\"n\":\"a/y\",\"v\":2,\"t\":1700000000}\n{\"n\":\"z\",\"v\":3,\"t\":1700000000}\n");
    check_story("[{\"n\":\"a\",\"v\":1,\"ut\":30}]", "{\"n\":\"a\",\"v\":1,\"t\":1700000000,\"ut\":30}\n");
    check_story("[{\"n\":\"a\",\"v\":-0}]", "{\"n\":\"a\",\"v\":-0,\"t\":1700000000}\n");
    /* Versions: secondary units are a feature (RFC 9100). */
    check_story("[{\"n\":\"a\",\"bver\":10,\"v\":1},{\"n\":\"a\",\"bver\":1e1,\"v\":1}]",
                "{\"n\":\"a\",\"v\":1,\"t\":1700000000}\n{\"n\":\"a\",\"v\":1,\"t\":1700000000}\n");
    check_story("[{\"n\":\"a\",\"bver\":26,\"v\":1}]", "{\"n\":\"a\",\"v\":1,\"t\":1700000000}\n");
    /* Members that nobody has to know, of every type. */
    check_story(
        "[{\"x\":[1,{\"a\":\"]}\\\"\\\\\"}],\"n\":\"a\",\"y\":null,\"v\":1,\"\":true,\"z\":\"\\u00e9\","
        "\"w\":1e999,\"q\":false,\"_v\":{}}]",
        "{\"n\":\"a\",\"v\":1,\"t\":1700000000}\n");
}

TEST(test_escapes) {
    check_story("[{\"\\u0062n\":\"a\\/\",\"\\u006e\":\"\\u0062\",\"v\\u0073\":"
                "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\u20AC\\uD83D\\uDE00\\u0001\xC3\xA9\"}]",
                "{\"n\":\"a/b\",\"vs\":\"\\\"\\\\/\\b\\f\\n\\r\\t\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\\u0001"
                "\xC3\xA9\",\"t\":1700000000}\n");
}

struct fault_case {
    const char *text;
    const char *says; /* the story behind the records before it */
};

TEST(test_faults) {
    static const struct fault_case cases[] = {
        {"", "0: it ends too early"},
        {"  ", "2: it ends too early"},
        {"7", "0: neither a pack nor a record"},
        {"\xEF\xBB\xBF[]", "0: neither a pack nor a record"},
        {"[", "1: it ends too early"},
        {"[7]", "1: no record where one should be"},
        {"[,]", "1: no record where one should be"},
        {"[] x", "3: something behind the end"},
        {"[]]", "2: something behind the end"},
        {"[{}]", "1: a record without a name"},
        {"{", "1: it ends too early"},
        {"{,}", "1: no member where one should be"},
        {"{\"n\"}", "4: no colon behind the name of a member"},
        {"{\"n\":\"a\"", "8: it ends too early"},
        {"{\"n\":\"a\" \"v\":1}", "9: neither comma nor brace behind a member"},
        {"{\"n\":\"a\",}", "9: no member where one should be"},
        {"{\"n\":7,\"v\":1}", "5: no text where one should be"},
        {"{\"n\":null,\"v\":1}", "5: no text where one should be"},
        {"{\"n\":\"a\",\"v\":\"1\"}", "13: no number where one should be"},
        {"{\"n\":\"a\",\"v\":null}", "13: no number where one should be"},
        {"{\"n\":\"a\",\"v\":01}", "14: no number where one should be"},
        {"{\"n\":\"a\",\"v\":NaN}", "13: no number where one should be"},
        {"{\"n\":\"a\",\"v\":-Infinity}", "14: no number where one should be"},
        {"{\"n\":\"a\",\"v\":1.}", "15: no number where one should be"},
        {"{\"n\":\"a\",\"v\":1e309}", "13: a number that is too large"},
        {"{\"n\":\"a\",\"v\":1111111111222222222233333333334444444444555555555566666666667777}",
         "13: a number with too many digits"},
        {"{\"n\":\"a\",\"vb\":1}", "14: neither true nor false where one should be"},
        {"{\"n\":\"a\",\"vb\":tru}", "14: neither true nor false where one should be"},
        {"{\"n\":\"a\",\"vb\":truex}", "18: neither comma nor brace behind a member"},
        {"{\"n\":\"a\",\"vd\":\"aGk=\"}", "14: data that is not base64 with the URL safe alphabet"},
        {"{\"n\":\"a\",\"vd\":\"a+/b\"}", "14: data that is not base64 with the URL safe alphabet"},
        {"{\"n\":\"a\",\"vd\":\"aGkgC\"}", "14: data that is not base64 with the URL safe alphabet"},
        {"{\"n\":\"a\"}", "0: a record without a value or a sum"},
        {"{\"bn\":\"a\",\"u\":\"W\"}", "0: a record without a value or a sum"},
        {"[{\"bn\":\"/a\"},{\"v\":1}]", "7: a name that begins with no letter or digit"},
        {"[{\"bver\":11},{\"n\":\"a\",\"v\":1}]", "9: a version of SenML that is not known"},
        {"{}", "0: a record without a name"},
        {"{\"n\":\"a\",\"v\":1,\"vs\":\"x\"}", "0: a record with two values"},
        {"{\"n\":\"a\",\"vb\":true,\"vd\":\"\"}", "0: a record with two values"},
        {"{\"v\":1}", "0: a record without a name"},
        {"{\"n\":\"-a\",\"v\":1}", "5: a name that begins with no letter or digit"},
        {"{\"bn\":\"/\",\"n\":\"a\",\"v\":1}", "6: a name that begins with no letter or digit"},
        {"{\"bn\":\"a/\",\"n\":\"b c\",\"v\":1}", "15: a name with a character that names don't have"},
        {"{\"n\":\"k\xC3\xBC\",\"v\":1}", "5: a name with a character that names don't have"},
        {"{\"n\":\"a\",\"n\":\"a\",\"v\":1}", "9: a member that the record has already"},
        {"{\"n\":\"a\",\"v\":1,\"\\u0076\":1}", "15: a member that the record has already"},
        {"{\"n\":\"a\",\"x\":1,\"y\":2,\"\\u0078\":1,\"v\":1}", "21: a member that the record has already"},
        {"{\"n\":\"a\",\"\\ud83d\\ude00\":1,\"\xF0\x9F\x98\x80\":1}",
         "26: a member that the record has already"},
        {"{\"n\":\"a\",\"v_\":1}", "9: a member that this version does not know, and must"},
        {"{\"n\":\"a\",\"v\\u005F\":1}", "9: a member that this version does not know, and must"},
        {"{\"n\":\"a\",\"_\":1}", "9: a member that this version does not know, and must"},
        {"{\"n\":\"a\",\"v\":1,\"bver\":11}", "22: a version of SenML that is not known"},
        {"{\"n\":\"a\",\"v\":1,\"bver\":0}", "22: a version of SenML that is not known"},
        {"{\"n\":\"a\",\"v\":1,\"bver\":9.5}", "22: a version of SenML that is not known"},
        {"{\"n\":\"a\",\"v\":1,\"bver\":\"10\"}", "22: no number where one should be"},
        {"{\"n\":\"a\",\"v\":1e308,\"bv\":1e308}", "13: a value that is too large"},
        {"{\"n\":\"a\",\"s\":1e308,\"bs\":1e308}", "13: a sum that is too large"},
        {"{\"n\":\"a\",\"v\":1,\"t\":1e308,\"bt\":1e308}", "19: a time that is too large"},
        {"{\"n\":\"a\",\"vs\":\"\x01\"}", "15: a control character in a string"},
        {"{\"n\":\"a\",\"vs\":\"\xFF\"}", "15: bytes that are not UTF-8"},
        {"{\"n\":\"a\",\"vs\":\"\xC3", "16: it ends too early"},
        {"{\"n\":\"a\",\"vs\":\"\\x\"}", "15: an escape that JSON does not have"},
        {"{\"n\":\"a\",\"vs\":\"\\u12\"}", "15: \\u without four hexadecimal digits"},
        {"{\"n\":\"a\",\"vs\":\"\\u0000\"}", "15: the escape \\u0000"},
        {"{\"n\":\"a\",\"vs\":\"\\ud83d\"}", "15: half a surrogate pair"},
        {"{\"n\":\"a\",\"vs\":\"\\ude00\"}", "15: half a surrogate pair"},
        {"{\"n\":\"a\",\"vs\":\"\\ud83d\\u0041\"}", "15: half a surrogate pair"},
        {"{\"n\":\"a\",\"vs\":\"\\", "16: it ends too early"},
        {"{\"n\":\"a\",\"x\":nul,\"v\":1}", "13: no value where one should be"},
        {"{\"n\":\"a\",\"x\":", "13: it ends too early"},
        {"{\"n\":\"a\",\"x\":[1,],\"v\":1}", "16: not JSON"},
        {"{\"n\":\"a\",\"x\":{\"y\":1,\"y\":2},\"v\":1}", "20: a name that is there twice"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char story[1024];
        open_text(cases[i].text);
        read_all(story, sizeof(story));
        if (strcmp(story, cases[i].says) != 0) {
            fail_msg("%s\nread: %s\nexpected: %s", cases[i].text, story, cases[i].says);
        }
    }
    check_story("[{\"n\":\"a\",\"v\":1}", "{\"n\":\"a\",\"v\":1,\"t\":1700000000}\n16: it ends too early");
    check_story("[{\"n\":\"a\",\"v\":1},]",
                "{\"n\":\"a\",\"v\":1,\"t\":1700000000}\n17: no record where one should be");
    check_story("[{\"n\":\"a\",\"v\":1}}",
                "{\"n\":\"a\",\"v\":1,\"t\":1700000000}\n16: neither comma nor bracket behind a record");
    check_story("{\"n\":\"a\",\"v\":1},",
                "{\"n\":\"a\",\"v\":1,\"t\":1700000000}\n15: something behind the end");
    check_story("[{\"n\":\"a\",\"v\":1},{\"n\":\"a\",\"bver\":5,\"v\":1}]",
                "{\"n\":\"a\",\"v\":1,\"t\":1700000000}\n33: another version than the records before it");
}

/* Wherever a pack is cut, it is refused. */
TEST(test_cut_packs) {
    static const char text[] =
        "[{\"bn\":\"a/\",\"bt\":1.7e9,\"n\":\"b\",\"vs\":\"\\ud83d\\ude00\xC3\xA9\",\"x\":[{}]},"
        "{\"n\":\"c\",\"vb\":true,\"s\":-1.5e-3},{\"n\":\"d\",\"v\":7}]";
    for (size_t length = 0; length < sizeof(text) - 1; length++) {
        char story[1024];
        open_bytes(text, length);
        read_all(story, sizeof(story));
        assert_non_null(muster_pack_fault(&pack, NULL));
    }
}

/* Builds a record whose member has a text of that many bytes, and says whether it is read. */
static bool reads_length(const char *before, size_t length, const char *behind) {
    static char text[MUSTER_DATAGRAM_BYTES_MAX * 2];
    const size_t begin = strlen(before);
    memcpy(text, before, begin);
    memset(text + begin, 'a', length);
    memcpy(text + begin + length, behind, strlen(behind));
    open_bytes(text, begin + length + strlen(behind));
    struct muster_record record;
    return muster_pack_next(&pack, &record) == 1;
}

TEST(test_limits) {
    const size_t name = MUSTER_FULL_NAME_BYTES_MAX;
    assert_true(reads_length("{\"n\":\"", name, "\",\"v\":1}"));
    assert_false(reads_length("{\"n\":\"", name + 1, "\",\"v\":1}"));
    assert_true(reads_length("{\"bn\":\"", name - 1, "\",\"n\":\"b\",\"v\":1}"));
    assert_false(reads_length("{\"bn\":\"", name, "\",\"n\":\"b\",\"v\":1}"));
    assert_false(reads_length("{\"bn\":\"", name + 1, "\",\"v\":1}"));
    assert_true(reads_length("{\"n\":\"\\u0061", name - 1, "\",\"v\":1}"));
    assert_false(reads_length("{\"n\":\"\\u0061", name, "\",\"v\":1}"));
    assert_true(reads_length("{\"n\":\"a\",\"v\":1,\"u\":\"", MUSTER_NAME_BYTES_MAX, "\"}"));
    assert_false(reads_length("{\"n\":\"a\",\"v\":1,\"u\":\"", MUSTER_NAME_BYTES_MAX + 1, "\"}"));
    assert_true(reads_length("{\"n\":\"a\",\"v\":1,\"bu\":\"", MUSTER_NAME_BYTES_MAX, "\"}"));
    assert_false(reads_length("{\"n\":\"a\",\"v\":1,\"bu\":\"", MUSTER_NAME_BYTES_MAX + 1, "\"}"));
    assert_true(reads_length("{\"n\":\"a\",\"vs\":\"", MUSTER_DATAGRAM_BYTES_MAX, "\"}"));
    assert_false(reads_length("{\"n\":\"a\",\"vs\":\"", MUSTER_DATAGRAM_BYTES_MAX + 1, "\"}"));
    char text[2048] = "{\"n\":\"a\",\"v\":1";
    for (int i = 0; i < MUSTER_PACK_UNKNOWN_MAX; i++) {
        snprintf(text + strlen(text), sizeof(text) - strlen(text), ",\"x%d\":0", i);
    }
    char more[2100];
    snprintf(more, sizeof(more), "%s}", text);
    check_story(more, "{\"n\":\"a\",\"v\":1,\"t\":1700000000}\n");
    snprintf(more, sizeof(more), "%s,\"y\":0}", text);
    open_text(more);
    struct muster_record record;
    assert_int_equal(muster_pack_next(&pack, &record), MUSTER_EINVAL);
    assert_string_equal(muster_pack_fault(&pack, NULL), "too many members that this version does not know");
    /* Values of unknown members are as deep as the tokenizer lets them be. */
    check_story("{\"n\":\"a\",\"v\":1,\"x\":[[[[[[[[]]]]]]]]}", "{\"n\":\"a\",\"v\":1,\"t\":1700000000}\n");
    open_text("{\"n\":\"a\",\"v\":1,\"x\":[[[[[[[[[]]]]]]]]]}");
    assert_int_equal(muster_pack_next(&pack, &record), MUSTER_EINVAL);
}

/* ---- writing ---- */

static struct muster_record number_record(const char *name, double number) {
    return (struct muster_record){.name = name, .kind = MUSTER_VALUE_NUMBER, .number = number};
}

static void add(struct senml_writer *writer, const char *topic, struct muster_record record, double time_s) {
    assert_null(muster_record_fault(&record));
    assert_int_equal(senml_writer_add(writer, topic, strlen(topic), &record, time_s), 0);
}

static void check_written(struct senml_writer *writer, const char *expected) {
    const size_t length = senml_writer_end(writer);
    writer->bytes[length] = '\0';
    assert_string_equal(writer->bytes, expected);
}

TEST(test_writes) {
    char bytes[1400];
    struct senml_writer writer = {0};
    senml_writer_begin(&writer, bytes, sizeof(bytes));
    check_written(&writer, "[]");

    senml_writer_begin(&writer, bytes, sizeof(bytes));
    add(&writer, "kitchen", number_record("temp", 21.5), 1700000000.25);
    struct muster_record record = number_record("power", -3);
    record.unit = "W";
    record.has_sum = true;
    record.sum = 1e6;
    record.update_s = 30;
    add(&writer, "kitchen", record, 1700000000.250001);
    record = (struct muster_record){.name = NULL, .kind = MUSTER_VALUE_TEXT, .text = "a\"\\\n\x01\xC3\xA9"};
    add(&writer, "kitchen", record, 1699999999);
    record = (struct muster_record){.name = "", .kind = MUSTER_VALUE_BOOLEAN, .boolean = true};
    add(&writer, "kitchen", record, 1700000000.25);
    record =
        (struct muster_record){.name = "raw", .kind = MUSTER_VALUE_DATA, .text = "aGkgCg!", .text_length = 6};
    add(&writer, "kitchen", record, 1700000000.25);
    record = (struct muster_record){.name = "sum", .has_sum = true, .sum = 2};
    add(&writer, "hall", record, 1700000000.25);
    check_written(&writer, "[{\"bn\":\"kitchen/\",\"bt\":1700000000.25,\"n\":\"temp\",\"v\":21.5},"
                           "{\"n\":\"power\",\"u\":\"W\",\"v\":-3,\"s\":1000000,\"t\":0.000001,\"ut\":30},"
                           "{\"bn\":\"kitchen\",\"vs\":\"a\\\"\\\\\\n\\u0001\xC3\xA9\",\"t\":-1.25},"
                           "{\"vb\":true},"
                           "{\"bn\":\"kitchen/\",\"n\":\"raw\",\"vd\":\"aGkgCg\"},"
                           "{\"bn\":\"hall/\",\"n\":\"sum\",\"s\":2}]");
}

/* A clock that was never set, and one that jumps: what can't be said absolutely is the reader's now. */
TEST(test_writes_times_that_resolve) {
    char bytes[1400];
    struct senml_writer writer = {0};
    senml_writer_begin(&writer, bytes, sizeof(bytes));
    add(&writer, "a", number_record(NULL, 1), 120);
    add(&writer, "a", number_record(NULL, 2), 1700000000);
    add(&writer, "a", number_record(NULL, 3), 1700000000 + 86400);
    add(&writer, "a", number_record(NULL, 4), 1700000000 - 1);
    add(&writer, "a", number_record(NULL, 5), NAN);
    add(&writer, "a", number_record(NULL, 6), 1e300);
    add(&writer, "a", number_record(NULL, 7), MUSTER_TIME_S_MIN + 0.5);
    add(&writer, "a", number_record(NULL, 8), MUSTER_TIME_S_MIN);
    check_written(&writer, "[{\"bn\":\"a\",\"v\":1},{\"bt\":1700000000,\"v\":2},{\"v\":3,\"t\":86400},"
                           "{\"v\":4,\"t\":-1},{\"bt\":0,\"v\":5},{\"v\":6},{\"bt\":268435456.5,\"v\":7},"
                           "{\"bt\":268435456,\"v\":8}]");
}

/* Records that fit no more leave the pack as it was, at every size that it may have. */
TEST(test_writes_what_fits) {
    char whole[1400];
    struct senml_writer writer = {0};
    const struct muster_record records[] = {number_record("temp", 21.5), number_record(NULL, 1e-7),
                                            number_record("temp", 22.5)};
    senml_writer_begin(&writer, whole, sizeof(whole));
    for (size_t i = 0; i < COUNT(records); i++) {
        add(&writer, "kitchen", records[i], 1700000000 + 0.001 * (double)i);
    }
    const size_t length = senml_writer_end(&writer);
    for (size_t size = 2; size <= length; size++) {
        char *bytes = malloc(size);
        assert_non_null(bytes);
        senml_writer_begin(&writer, bytes, size);
        size_t added = 0;
        while (added < COUNT(records)) {
            const struct senml_writer before = writer;
            if (senml_writer_add(&writer, "kitchen", 7, &records[added],
                                 1700000000 + 0.001 * (double)added) != 0) {
                assert_memory_equal(&writer, &before, sizeof(writer));
                break;
            }
            added++;
        }
        assert_int_equal(added == COUNT(records), size == length);
        const size_t used = senml_writer_end(&writer);
        assert_true(used <= size);
        assert_memory_equal(bytes, whole, used - 1);
        open_bytes(bytes, used);
        struct muster_record record;
        for (size_t i = 0; i < added; i++) {
            assert_int_equal(muster_pack_next(&pack, &record), 1);
        }
        assert_int_equal(muster_pack_next(&pack, &record), 0);
        free(bytes);
    }
}

TEST(test_prints) {
    char text[256];
    struct muster_record record = number_record("a", 0.1);
    record.time_s = 1700000000.5;
    int length = muster_record_print(&record, "b/\"", text, sizeof(text));
    assert_true(length > 0);
    text[length] = '\0';
    assert_string_equal(text, "{\"n\":\"b/\\\"\",\"v\":0.1,\"t\":1700000000.5}");
    for (size_t size = 0; size < (size_t)length; size++) {
        char *exact = malloc(size == 0 ? 1 : size);
        assert_non_null(exact);
        assert_int_equal(muster_record_print(&record, "b/\"", exact, size), MUSTER_ETOOBIG);
        free(exact);
    }
    assert_int_equal(muster_record_print(&record, "b/\"", text, (size_t)length), length);
    record.time_s = -1e20;
    length = muster_record_print(&record, "", text, sizeof(text) - 1);
    assert_true(length > 0);
    text[length] = '\0';
    assert_string_equal(text, "{\"v\":0.1,\"t\":-1e20}");
    record.number = NAN;
    assert_int_equal(muster_record_print(&record, NULL, text, sizeof(text)), MUSTER_EINVAL);
    assert_int_equal(muster_record_print(&(struct muster_record){0}, NULL, text, sizeof(text)),
                     MUSTER_EINVAL);
}

struct record_case {
    struct muster_record record;
    const char *says; /* NULL: fine */
};

TEST(test_records_that_can_not_be_published) {
    char name[MUSTER_NAME_BYTES_MAX + 2];
    memset(name, 'a', sizeof(name));
    name[sizeof(name) - 1] = '\0';
    const struct record_case cases[] = {
        {{.kind = MUSTER_VALUE_NUMBER}, NULL},
        {{.name = "", .unit = "", .kind = MUSTER_VALUE_BOOLEAN}, NULL},
        {{.name = "a/b", .unit = "K\xC3\xA9", .kind = MUSTER_VALUE_TEXT, .text = ""}, NULL},
        {{.kind = MUSTER_VALUE_DATA, .text = ""}, NULL},
        {{.kind = MUSTER_VALUE_TEXT, .text = "ab\xFF", .text_length = 2}, NULL},
        {{.kind = MUSTER_VALUE_NONE, .has_sum = true, .sum = 1}, NULL},
        {{.kind = MUSTER_VALUE_NUMBER, .time_s = 1.7e9, .update_s = 1}, NULL},
        {{.name = "a+", .kind = MUSTER_VALUE_NUMBER}, "A-Z a-z 0-9"},
        {{.name = "a/", .kind = MUSTER_VALUE_NUMBER}, "ends with no slash"},
        {{.name = name, .kind = MUSTER_VALUE_NUMBER}, "at most 63"},
        {{.unit = name, .kind = MUSTER_VALUE_NUMBER}, "at most 63"},
        {{.unit = "a\n", .kind = MUSTER_VALUE_NUMBER}, "no control characters"},
        {{.unit = "\xC3", .kind = MUSTER_VALUE_NUMBER}, "a unit is UTF-8"},
        {{.kind = MUSTER_VALUE_NONE}, "a value or a sum"},
        {{.kind = (enum muster_value_kind)77}, "a value is"},
        {{.kind = MUSTER_VALUE_NUMBER, .number = NAN}, "a number is finite"},
        {{.kind = MUSTER_VALUE_NUMBER, .number = -INFINITY}, "a number is finite"},
        {{.kind = MUSTER_VALUE_NONE, .has_sum = true, .sum = NAN}, "a sum is finite"},
        {{.kind = MUSTER_VALUE_NUMBER, .has_sum = true, .sum = INFINITY}, "a sum is finite"},
        {{.kind = MUSTER_VALUE_NUMBER, .time_s = NAN}, "a time is"},
        {{.kind = MUSTER_VALUE_NUMBER, .time_s = 5}, "a time is"},
        {{.kind = MUSTER_VALUE_NUMBER, .time_s = MUSTER_TIME_S_MAX}, "a time is"},
        {{.kind = MUSTER_VALUE_NUMBER, .update_s = INFINITY}, "update time"},
        {{.kind = MUSTER_VALUE_NUMBER, .update_s = -1}, "update time"},
        {{.kind = MUSTER_VALUE_TEXT}, "a text is needed"},
        {{.kind = MUSTER_VALUE_TEXT, .text = "\xC3\x28"}, "a text is UTF-8"},
        {{.kind = MUSTER_VALUE_TEXT, .text = "a\0b", .text_length = 3}, "no NUL"},
        {{.kind = MUSTER_VALUE_DATA}, "base64"},
        {{.kind = MUSTER_VALUE_DATA, .text = "a b"}, "base64"},
        {{.kind = MUSTER_VALUE_DATA, .text = "aGk="}, "base64"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *fault = muster_record_fault(&cases[i].record);
        if (cases[i].says == NULL ? fault != NULL : fault == NULL || strstr(fault, cases[i].says) == NULL) {
            fail_msg("record %zu: %s", i, fault == NULL ? "fine" : fault);
        }
    }
}

/* ---- there and back ---- */

static double draw_double(void) {
    double value;
    switch (draw() % 4) {
    case 0: return (double)(draw() % 100000) / 100 - 500;
    case 1: return (double)(int64_t)(draw() % 2000001) - 1000000;
    case 2: return ldexp((double)(draw() >> 11), (int)(draw() % 64) - 80);
    default: break;
    }
    do {
        const uint64_t bits = draw();
        memcpy(&value, &bits, sizeof(value));
    } while (!isfinite(value));
    return value;
}

static const char *draw_from(const char *const *texts, size_t count) {
    return texts[draw() % count];
}

static struct muster_record draw_record(void) {
    static const char *const names[] = {NULL, "", "a", "temperature", "x/y.z:_-", "_"};
    static const char *const units[] = {NULL, "", "Cel", "%RH", "\xC2\xB5"};
    static const char *const texts[] = {"", "plain", "\"\\/\b\f\n\r\t\x01\x1F\x7F",
                                        "\xC3\xA9\xF0\x9F\x98\x80"};
    static const char *const data[] = {"", "aGk", "_-09AZaz"};
    struct muster_record record = {.kind = (enum muster_value_kind)(draw() % 5)};
    record.name = draw_from(names, COUNT(names));
    record.unit = draw_from(units, COUNT(units));
    record.number = draw_double();
    record.boolean = draw() % 2 != 0;
    record.text =
        record.kind == MUSTER_VALUE_DATA ? draw_from(data, COUNT(data)) : draw_from(texts, COUNT(texts));
    record.has_sum = record.kind == MUSTER_VALUE_NONE || draw() % 4 == 0;
    record.sum = draw_double();
    record.update_s = draw() % 4 == 0 ? fabs(draw_double()) : 0;
    return record;
}

static double draw_time(double before) {
    switch (draw() % 8) {
    case 0: return 5;
    case 1: return before - (double)(draw() % 200000);
    case 2: return MUSTER_TIME_S_MIN + (double)(draw() % 3000000) / 1e6;
    default: return before + (double)(draw() % 1000000) / 1e6;
    }
}

static const char *or_empty(const char *text) {
    return text == NULL ? "" : text;
}

static bool same_bits(double a, double b) {
    return memcmp(&a, &b, sizeof(a)) == 0;
}

static void check_read_back(const struct muster_record *is, const struct muster_record *was,
                            const char *topic, double time_s) {
    char name[256];
    snprintf(name, sizeof(name), or_empty(was->name)[0] == '\0' ? "%s%s" : "%s/%s", topic,
             or_empty(was->name));
    assert_string_equal(is->name, name);
    assert_string_equal(is->unit, or_empty(was->unit));
    assert_int_equal(is->kind, was->kind);
    assert_true(was->kind != MUSTER_VALUE_NUMBER || same_bits(is->number, was->number));
    assert_true(was->kind != MUSTER_VALUE_BOOLEAN || is->boolean == was->boolean);
    if (was->kind == MUSTER_VALUE_TEXT || was->kind == MUSTER_VALUE_DATA) {
        assert_string_equal(is->text, was->text);
        assert_int_equal(is->text_length, strlen(was->text));
    }
    assert_int_equal(is->has_sum, was->has_sum);
    assert_true(!was->has_sum || same_bits(is->sum, was->sum));
    assert_true(same_bits(is->update_s, was->update_s));
    /* Half a millionth, and what the time's own double and two roundings take. */
    const double expected = time_s < MUSTER_TIME_S_MIN ? NOW_S : time_s;
    assert_true(fabs(is->time_s - expected) <= 1.5e-6);
}

TEST(test_random_packs_there_and_back) {
    static struct muster_record records[128];
    static double times[128];
    draw_seed(SEED);
    for (int round = 0; round < 3000; round++) {
        char bytes[MUSTER_DATAGRAM_BYTES_MAX];
        struct senml_writer writer = {0};
        senml_writer_begin(&writer, bytes, sizeof(bytes));
        size_t count = 0;
        double time_s = 1.7e9 + (double)(draw() % 1000000000) / 1e3;
        for (; count < COUNT(records); count++) {
            records[count] = draw_record();
            times[count] = draw_time(time_s);
            assert_null(muster_record_fault(&records[count]));
            if (senml_writer_add(&writer, "room/7", 6, &records[count], times[count]) != 0) {
                break;
            }
            time_s = times[count] > 1e9 ? times[count] : time_s;
        }
        const size_t length = senml_writer_end(&writer);
        cJSON *tree = cJSON_ParseWithLength(bytes, length);
        assert_non_null(tree);
        assert_int_equal((size_t)cJSON_GetArraySize(tree), count);
        cJSON_Delete(tree);
        open_bytes(bytes, length);
        struct muster_record record;
        for (size_t i = 0; i < count; i++) {
            if (muster_pack_next(&pack, &record) != 1) {
                fail_msg("%.*s: %s", (int)length, bytes, muster_pack_fault(&pack, NULL));
            }
            check_read_back(&record, &records[i], "room/7", times[i]);
        }
        assert_int_equal(muster_pack_next(&pack, &record), 0);
    }
}

TEST(test_units) {
    static const char *const known[] = {"%",    "%RH", "Cel", "W",   "kWh", "/",     "/1000", "1/s", "vars",
                                        "m/s2", "ppm", "NTU", "dBm", "lat", "beats", "km/h",  "g/l"};
    static const char *const unknown[] = {"", "C/s", "cel", "kW/h", "~", "!", "Watt", "percent"};
    for (size_t i = 0; i < COUNT(known); i++) {
        assert_true(muster_unit_is_known(known[i]));
    }
    for (size_t i = 0; i < COUNT(unknown); i++) {
        assert_false(muster_unit_is_known(unknown[i]));
    }
}

static void free_bytes(void) {
    free(pack_bytes);
    pack_bytes = NULL;
}

int main(void) {
    return test_run(NULL, free_bytes);
}
