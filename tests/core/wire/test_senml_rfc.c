/* SPDX-License-Identifier: MIT */
/* SenML in a table: every example in JSON of RFC 8428, 5.1, and the cases that libraries read differently,
 * with what is right, and the section that says so. */
#include <stdio.h>
#include <string.h>

#include <muster/telemetry.h>

#include "test.h"

#define NOW_S 1700000000.0

struct senml_case {
    const char *why;
    const char *text;
    const char *resolved; /* a line a record, then the offset and the fault, if there is one */
};

/* Prints the records that are left, and how they end. */
static void read_records(struct muster_pack *pack, char *story, size_t size) {
    struct muster_record record;
    size_t used = strlen(story);
    size_t offset;
    int result;
    while ((result = muster_pack_next(pack, &record)) == 1) {
        const int length = muster_record_print(&record, NULL, story + used, size - used - 2);
        assert_true(length > 0);
        used += (size_t)length;
        story[used++] = '\n';
        story[used] = '\0';
    }
    if (result != 0) {
        const char *fault = muster_pack_fault(pack, &offset);
        snprintf(story + used, size - used, "%zu: %s", offset, fault);
    }
}

static void check_cases(const struct senml_case *cases, size_t count) {
    for (size_t i = 0; i < count; i++) {
        struct muster_pack pack;
        char story[4096] = "";
        muster_pack_open(&pack, cases[i].text, strlen(cases[i].text), NOW_S);
        read_records(&pack, story, sizeof(story));
        if (strcmp(story, cases[i].resolved) != 0) {
            fail_msg("%s\n%s\nread:\n%s\nexpected:\n%s", cases[i].why, cases[i].text, story,
                     cases[i].resolved);
        }
    }
}

/* What 5.1.3 and 5.1.4 both say. */
#define MEASURED                                                                              \
    "{\"n\":\"urn:dev:ow:10e2073a01080063\",\"u\":\"%RH\",\"v\":20,\"t\":1320067464}\n"       \
    "{\"n\":\"urn:dev:ow:10e2073a01080063\",\"u\":\"lon\",\"v\":24.30621,\"t\":1320067464}\n" \
    "{\"n\":\"urn:dev:ow:10e2073a01080063\",\"u\":\"lat\",\"v\":60.07965,\"t\":1320067464}\n" \
    "{\"n\":\"urn:dev:ow:10e2073a01080063\",\"u\":\"%RH\",\"v\":20.3,\"t\":1320067524}\n"     \
    "{\"n\":\"urn:dev:ow:10e2073a01080063\",\"u\":\"lon\",\"v\":24.30622,\"t\":1320067524}\n" \
    "{\"n\":\"urn:dev:ow:10e2073a01080063\",\"u\":\"lat\",\"v\":60.07965,\"t\":1320067524}\n" \
    "{\"n\":\"urn:dev:ow:10e2073a01080063\",\"u\":\"%RH\",\"v\":20.7,\"t\":1320067584}\n"     \
    "{\"n\":\"urn:dev:ow:10e2073a01080063\",\"u\":\"lon\",\"v\":24.30623,\"t\":1320067584}\n" \
    "{\"n\":\"urn:dev:ow:10e2073a01080063\",\"u\":\"lat\",\"v\":60.07966,\"t\":1320067584}\n" \
    "{\"n\":\"urn:dev:ow:10e2073a01080063\",\"u\":\"%EL\",\"v\":98,\"t\":1320067614}\n"       \
    "{\"n\":\"urn:dev:ow:10e2073a01080063\",\"u\":\"%RH\",\"v\":21.2,\"t\":1320067644}\n"     \
    "{\"n\":\"urn:dev:ow:10e2073a01080063\",\"u\":\"lon\",\"v\":24.30628,\"t\":1320067644}\n" \
    "{\"n\":\"urn:dev:ow:10e2073a01080063\",\"u\":\"lat\",\"v\":60.07967,\"t\":1320067644}\n"

static const struct senml_case examples[] = {
    {"5.1.1: single data point", "[{\"n\":\"urn:dev:ow:10e2073a01080063\",\"u\":\"Cel\",\"v\":23.1}]",
     "{\"n\":\"urn:dev:ow:10e2073a01080063\",\"u\":\"Cel\",\"v\":23.1,\"t\":1700000000}\n"},
    {"5.1.2: multiple data points, now",
     "[{\"bn\":\"urn:dev:ow:10e2073a01080063:\",\"n\":\"voltage\",\"u\":\"V\",\"v\":120.1},"
     "{\"n\":\"current\",\"u\":\"A\",\"v\":1.2}]",
     "{\"n\":\"urn:dev:ow:10e2073a01080063:voltage\",\"u\":\"V\",\"v\":120.1,\"t\":1700000000}\n"
     "{\"n\":\"urn:dev:ow:10e2073a01080063:current\",\"u\":\"A\",\"v\":1.2,\"t\":1700000000}\n"},
    {"5.1.2: and in the seconds before",
     "[{\"bn\":\"urn:dev:ow:10e2073a0108006:\",\"bt\":1.276020076001e+09,\"bu\":\"A\",\"bver\":5,\"n\":"
     "\"voltage\",\"u\":\"V\",\"v\":120.1},"
     "{\"n\":\"current\",\"t\":-5,\"v\":1.2},"
     "{\"n\":\"current\",\"t\":-4,\"v\":1.3},"
     "{\"n\":\"current\",\"t\":-3,\"v\":1.4},"
     "{\"n\":\"current\",\"t\":-2,\"v\":1.5},"
     "{\"n\":\"current\",\"t\":-1,\"v\":1.6},"
     "{\"n\":\"current\",\"v\":1.7}]",
     "{\"n\":\"urn:dev:ow:10e2073a0108006:voltage\",\"u\":\"V\",\"v\":120.1,\"t\":1276020076.001}\n"
     "{\"n\":\"urn:dev:ow:10e2073a0108006:current\",\"u\":\"A\",\"v\":1.2,\"t\":1276020071.001}\n"
     "{\"n\":\"urn:dev:ow:10e2073a0108006:current\",\"u\":\"A\",\"v\":1.3,\"t\":1276020072.001}\n"
     "{\"n\":\"urn:dev:ow:10e2073a0108006:current\",\"u\":\"A\",\"v\":1.4,\"t\":1276020073.001}\n"
     "{\"n\":\"urn:dev:ow:10e2073a0108006:current\",\"u\":\"A\",\"v\":1.5,\"t\":1276020074.001}\n"
     "{\"n\":\"urn:dev:ow:10e2073a0108006:current\",\"u\":\"A\",\"v\":1.6,\"t\":1276020075.001}\n"
     "{\"n\":\"urn:dev:ow:10e2073a0108006:current\",\"u\":\"A\",\"v\":1.7,\"t\":1276020076.001}\n"},
    {"5.1.3: multiple measurements",
     "[{\"bn\":\"urn:dev:ow:10e2073a01080063\",\"bt\":1.320067464e+09,\"bu\":\"%RH\",\"v\":20},"
     "{\"u\":\"lon\",\"v\":24.30621},"
     "{\"u\":\"lat\",\"v\":60.07965},"
     "{\"t\":60,\"v\":20.3},"
     "{\"u\":\"lon\",\"t\":60,\"v\":24.30622},"
     "{\"u\":\"lat\",\"t\":60,\"v\":60.07965},"
     "{\"t\":120,\"v\":20.7},"
     "{\"u\":\"lon\",\"t\":120,\"v\":24.30623},"
     "{\"u\":\"lat\",\"t\":120,\"v\":60.07966},"
     "{\"u\":\"%EL\",\"t\":150,\"v\":98},"
     "{\"t\":180,\"v\":21.2},"
     "{\"u\":\"lon\",\"t\":180,\"v\":24.30628},"
     "{\"u\":\"lat\",\"t\":180,\"v\":60.07967}]",
     MEASURED},
    {"5.1.4: the same, resolved",
     "[{\"n\":\"urn:dev:ow:10e2073a01080063\",\"u\":\"%RH\",\"t\":1.320067464e+09,\"v\":20},"
     "{\"n\":\"urn:dev:ow:10e2073a01080063\",\"u\":\"lon\",\"t\":1.320067464e+09,\"v\":24.30621},"
     "{\"n\":\"urn:dev:ow:10e2073a01080063\",\"u\":\"lat\",\"t\":1.320067464e+09,\"v\":60.07965},"
     "{\"n\":\"urn:dev:ow:10e2073a01080063\",\"u\":\"%RH\",\"t\":1.320067524e+09,\"v\":20.3},"
     "{\"n\":\"urn:dev:ow:10e2073a01080063\",\"u\":\"lon\",\"t\":1.320067524e+09,\"v\":24.30622},"
     "{\"n\":\"urn:dev:ow:10e2073a01080063\",\"u\":\"lat\",\"t\":1.320067524e+09,\"v\":60.07965},"
     "{\"n\":\"urn:dev:ow:10e2073a01080063\",\"u\":\"%RH\",\"t\":1.320067584e+09,\"v\":20.7},"
     "{\"n\":\"urn:dev:ow:10e2073a01080063\",\"u\":\"lon\",\"t\":1.320067584e+09,\"v\":24.30623},"
     "{\"n\":\"urn:dev:ow:10e2073a01080063\",\"u\":\"lat\",\"t\":1.320067584e+09,\"v\":60.07966},"
     "{\"n\":\"urn:dev:ow:10e2073a01080063\",\"u\":\"%EL\",\"t\":1.320067614e+09,\"v\":98},"
     "{\"n\":\"urn:dev:ow:10e2073a01080063\",\"u\":\"%RH\",\"t\":1.320067644e+09,\"v\":21.2},"
     "{\"n\":\"urn:dev:ow:10e2073a01080063\",\"u\":\"lon\",\"t\":1.320067644e+09,\"v\":24.30628},"
     "{\"n\":\"urn:dev:ow:10e2073a01080063\",\"u\":\"lat\",\"t\":1.320067644e+09,\"v\":60.07967}]",
     MEASURED},
    {"5.1.5: multiple data types",
     "[{\"bn\":\"urn:dev:ow:10e2073a01080063:\",\"n\":\"temp\",\"u\":\"Cel\",\"v\":23.1},"
     "{\"n\":\"label\",\"vs\":\"Machine Room\"},{\"n\":\"open\",\"vb\":false},"
     "{\"n\":\"nfc-reader\",\"vd\":\"aGkgCg\"}]",
     "{\"n\":\"urn:dev:ow:10e2073a01080063:temp\",\"u\":\"Cel\",\"v\":23.1,\"t\":1700000000}\n"
     "{\"n\":\"urn:dev:ow:10e2073a01080063:label\",\"vs\":\"Machine Room\",\"t\":1700000000}\n"
     "{\"n\":\"urn:dev:ow:10e2073a01080063:open\",\"vb\":false,\"t\":1700000000}\n"
     "{\"n\":\"urn:dev:ow:10e2073a01080063:nfc-reader\",\"vd\":\"aGkgCg\",\"t\":1700000000}\n"},
    {"5.1.6: a collection of resources",
     "[{\"bn\":\"2001:db8::2/\",\"bt\":1.320078429e+09,\"n\":\"temperature\",\"u\":\"Cel\",\"v\":25.2},"
     "{\"n\":\"humidity\",\"u\":\"%RH\",\"v\":30},{\"bn\":\"2001:db8::1/"
     "\",\"n\":\"temperature\",\"u\":\"Cel\",\"v\":12.3},"
     "{\"n\":\"humidity\",\"u\":\"%RH\",\"v\":67}]",
     "{\"n\":\"2001:db8::2/temperature\",\"u\":\"Cel\",\"v\":25.2,\"t\":1320078429}\n"
     "{\"n\":\"2001:db8::2/humidity\",\"u\":\"%RH\",\"v\":30,\"t\":1320078429}\n"
     "{\"n\":\"2001:db8::1/temperature\",\"u\":\"Cel\",\"v\":12.3,\"t\":1320078429}\n"
     "{\"n\":\"2001:db8::1/humidity\",\"u\":\"%RH\",\"v\":67,\"t\":1320078429}\n"},
    {"5.1.7: setting an actuator",
     "[{\"bn\":\"urn:dev:ow:10e2073a01080063:\"},{\"n\":\"temp\",\"u\":\"Cel\",\"v\":23.1},"
     "{\"n\":\"heat\",\"u\":\"/\",\"v\":1},{\"n\":\"fan\",\"u\":\"/\",\"v\":0}]",
     "{\"n\":\"urn:dev:ow:10e2073a01080063:temp\",\"u\":\"Cel\",\"v\":23.1,\"t\":1700000000}\n"
     "{\"n\":\"urn:dev:ow:10e2073a01080063:heat\",\"u\":\"/\",\"v\":1,\"t\":1700000000}\n"
     "{\"n\":\"urn:dev:ow:10e2073a01080063:fan\",\"u\":\"/\",\"v\":0,\"t\":1700000000}\n"},
    {"5.1.7: lights on, a moment from now",
     "[{\"bt\":1.320078429e+09,\"bu\":\"/\",\"n\":\"2001:db8::3\",\"v\":1},{\"n\":\"2001:db8::4\",\"v\":1}]",
     "{\"n\":\"2001:db8::3\",\"u\":\"/\",\"v\":1,\"t\":1320078429}\n"
     "{\"n\":\"2001:db8::4\",\"u\":\"/\",\"v\":1,\"t\":1320078429}\n"},
    {"5.1.7: lights dimmed, then off",
     "[{\"bt\":1.320078429e+09,\"bu\":\"/"
     "\",\"n\":\"2001:db8::3\",\"v\":0.5},{\"n\":\"2001:db8::4\",\"v\":0.5},"
     "{\"n\":\"2001:db8::3\",\"t\":0.1,\"v\":0},{\"n\":\"2001:db8::4\",\"t\":0.1,\"v\":0}]",
     "{\"n\":\"2001:db8::3\",\"u\":\"/\",\"v\":0.5,\"t\":1320078429}\n"
     "{\"n\":\"2001:db8::4\",\"u\":\"/\",\"v\":0.5,\"t\":1320078429}\n"
     "{\"n\":\"2001:db8::3\",\"u\":\"/\",\"v\":0,\"t\":1320078429.1}\n"
     "{\"n\":\"2001:db8::4\",\"u\":\"/\",\"v\":0,\"t\":1320078429.1}\n"},
};

TEST(examples_of_the_rfc) {
    check_cases(examples, sizeof(examples) / sizeof(examples[0]));
}

/* 5.1.2: a stream (SensML, 4.8), whose array has no end: each record is read when it comes. */
TEST(the_stream_of_the_rfc) {
    static const char *const parts[] = {
        "{\"bn\":\"urn:dev:ow:10e2073a01080063\",\"bt\":1.320067464e+09,\"bu\":\"%RH\",\"v\":21.2}",
        "{\"t\":10,\"v\":21.3}",
        "{\"t\":20,\"v\":21.4}",
        "{\"t\":30,\"v\":21.4}",
        "{\"t\":40,\"v\":21.5}",
        "{\"t\":50,\"v\":21.5}",
        "{\"t\":60,\"v\":21.5}",
        "{\"t\":70,\"v\":21.6}",
        "{\"t\":80,\"v\":21.7}"};
    struct muster_pack pack;
    char story[4096] = "";
    muster_pack_open(&pack, parts[0], strlen(parts[0]), NOW_S);
    read_records(&pack, story, sizeof(story));
    for (size_t i = 1; i < sizeof(parts) / sizeof(parts[0]); i++) {
        muster_pack_more(&pack, parts[i], strlen(parts[i]), NOW_S);
        read_records(&pack, story, sizeof(story));
    }
    assert_string_equal(
        story, "{\"n\":\"urn:dev:ow:10e2073a01080063\",\"u\":\"%RH\",\"v\":21.2,\"t\":1320067464}\n"
               "{\"n\":\"urn:dev:ow:10e2073a01080063\",\"u\":\"%RH\",\"v\":21.3,\"t\":1320067474}\n"
               "{\"n\":\"urn:dev:ow:10e2073a01080063\",\"u\":\"%RH\",\"v\":21.4,\"t\":1320067484}\n"
               "{\"n\":\"urn:dev:ow:10e2073a01080063\",\"u\":\"%RH\",\"v\":21.4,\"t\":1320067494}\n"
               "{\"n\":\"urn:dev:ow:10e2073a01080063\",\"u\":\"%RH\",\"v\":21.5,\"t\":1320067504}\n"
               "{\"n\":\"urn:dev:ow:10e2073a01080063\",\"u\":\"%RH\",\"v\":21.5,\"t\":1320067514}\n"
               "{\"n\":\"urn:dev:ow:10e2073a01080063\",\"u\":\"%RH\",\"v\":21.5,\"t\":1320067524}\n"
               "{\"n\":\"urn:dev:ow:10e2073a01080063\",\"u\":\"%RH\",\"v\":21.6,\"t\":1320067534}\n"
               "{\"n\":\"urn:dev:ow:10e2073a01080063\",\"u\":\"%RH\",\"v\":21.7,\"t\":1320067544}\n");
}

static const struct senml_case disputed[] = {
    {"an absolute time needs no base time (4.5.3)", "[{\"n\":\"a\",\"v\":1,\"t\":1276020076}]",
     "{\"n\":\"a\",\"v\":1,\"t\":1276020076}\n"},
    {"times below 2^28 count from now, those before it too (4.5.3)",
     "[{\"n\":\"a\",\"v\":1,\"t\":-2},{\"n\":\"a\",\"v\":1,\"t\":3}]",
     "{\"n\":\"a\",\"v\":1,\"t\":1699999998}\n"
     "{\"n\":\"a\",\"v\":1,\"t\":1700000003}\n"},
    {"the sum of base time and time is what counts (4.5.3)", "[{\"n\":\"a\",\"bt\":-10,\"v\":1,\"t\":4}]",
     "{\"n\":\"a\",\"v\":1,\"t\":1699999994}\n"},
    {"an offset does not stay for the next record: only bases do (4.1)",
     "[{\"n\":\"a\",\"bt\":1.6e9,\"v\":1,\"t\":5},{\"n\":\"a\",\"v\":2}]",
     "{\"n\":\"a\",\"v\":1,\"t\":1600000005}\n"
     "{\"n\":\"a\",\"v\":2,\"t\":1600000000}\n"},
    {"nor do a name and a unit (4.2)", "[{\"bn\":\"a/\",\"n\":\"x\",\"u\":\"W\",\"v\":1},{\"v\":2}]",
     "{\"n\":\"a/x\",\"u\":\"W\",\"v\":1,\"t\":1700000000}\n"
     "{\"n\":\"a/\",\"v\":2,\"t\":1700000000}\n"},
    {"a base holds until it is replaced, each by itself (4.1)",
     "[{\"bn\":\"a/\",\"bu\":\"W\",\"n\":\"x\",\"v\":1},{\"bn\":\"b/\",\"n\":\"x\",\"v\":2}]",
     "{\"n\":\"a/x\",\"u\":\"W\",\"v\":1,\"t\":1700000000}\n"
     "{\"n\":\"b/x\",\"u\":\"W\",\"v\":2,\"t\":1700000000}\n"},
    {"names are put together as they are, without a separator (4.5.1)",
     "[{\"bn\":\"a\",\"n\":\"b\",\"v\":1}]", "{\"n\":\"ab\",\"v\":1,\"t\":1700000000}\n"},
    {"a base name alone is a name (4.5.1)", "[{\"bn\":\"a\",\"v\":1}]",
     "{\"n\":\"a\",\"v\":1,\"t\":1700000000}\n"},
    {"a unit goes before the base unit, an empty one, too (4.5.2)",
     "[{\"n\":\"a\",\"bu\":\"W\",\"u\":\"\",\"v\":1}]", "{\"n\":\"a\",\"v\":1,\"t\":1700000000}\n"},
    {"a base value is added to later records, too (4.5.4)",
     "[{\"n\":\"a\",\"bv\":20,\"v\":1},{\"n\":\"a\",\"v\":2}]",
     "{\"n\":\"a\",\"v\":21,\"t\":1700000000}\n"
     "{\"n\":\"a\",\"v\":22,\"t\":1700000000}\n"},
    {"a record without a value has the base value (4.5.4)", "[{\"n\":\"a\",\"bv\":20}]",
     "{\"n\":\"a\",\"v\":20,\"t\":1700000000}\n"},
    {"it is for numbers alone (4.5.4)",
     "[{\"n\":\"a\",\"bv\":20,\"vs\":\"x\"},{\"n\":\"a\",\"vb\":true},{\"n\":\"a\",\"vd\":\"aGk\"}]",
     "{\"n\":\"a\",\"vs\":\"x\",\"t\":1700000000}\n"
     "{\"n\":\"a\",\"vb\":true,\"t\":1700000000}\n"
     "{\"n\":\"a\",\"vd\":\"aGk\",\"t\":1700000000}\n"},
    {"a base sum is added, and is the sum where there is none (4.5.4)",
     "[{\"n\":\"a\",\"bs\":5,\"s\":1},{\"n\":\"a\",\"v\":2}]",
     "{\"n\":\"a\",\"s\":6,\"t\":1700000000}\n"
     "{\"n\":\"a\",\"v\":2,\"s\":5,\"t\":1700000000}\n"},
    {"a sum alone is a record (4.2)", "[{\"n\":\"a\",\"s\":1}]", "{\"n\":\"a\",\"s\":1,\"t\":1700000000}\n"},
    {"base members alone are no record (5.1.7)",
     "[{\"bn\":\"a\",\"bt\":1,\"bu\":\"W\",\"bv\":1,\"bs\":1,\"bver\":10}]", ""},
    {"false and 0 and an empty text are values (4.2)",
     "[{\"n\":\"a\",\"vb\":false},{\"n\":\"a\",\"v\":0},{\"n\":\"a\",\"vs\":\"\"},{\"n\":\"a\",\"vd\":\"\"}]",
     "{\"n\":\"a\",\"vb\":false,\"t\":1700000000}\n"
     "{\"n\":\"a\",\"v\":0,\"t\":1700000000}\n"
     "{\"n\":\"a\",\"vs\":\"\",\"t\":1700000000}\n"
     "{\"n\":\"a\",\"vd\":\"\",\"t\":1700000000}\n"},
    {"a text that looks like a number is a text (4.2)", "[{\"n\":\"a\",\"vs\":\"12e45\"}]",
     "{\"n\":\"a\",\"vs\":\"12e45\",\"t\":1700000000}\n"},
    {"data has the URL safe alphabet, without padding (4.3)", "[{\"n\":\"a\",\"vd\":\"-_8\"}]",
     "{\"n\":\"a\",\"vd\":\"-_8\",\"t\":1700000000}\n"},
    {"data with padding is none (4.3)", "[{\"n\":\"a\",\"vd\":\"aGk=\"}]",
     "15: data that is not base64 with the URL safe alphabet"},
    {"one value a record (4.2)", "[{\"n\":\"a\",\"v\":1,\"vb\":true}]", "1: a record with two values"},
    {"at least one (4.2)", "[{\"n\":\"a\",\"u\":\"W\"}]", "1: a record without a value or a sum"},
    {"the default version may be said (4.4)", "[{\"n\":\"a\",\"bver\":10,\"v\":1}]",
     "{\"n\":\"a\",\"v\":1,\"t\":1700000000}\n"},
    {"what is newer is refused (4.4)", "[{\"n\":\"a\",\"bver\":11,\"v\":1}]",
     "17: a version of SenML that is not known"},
    {"one version a pack (4.1)", "[{\"n\":\"a\",\"bver\":5,\"v\":1},{\"n\":\"a\",\"bver\":6,\"v\":1}]",
     "{\"n\":\"a\",\"v\":1,\"t\":1700000000}\n"
     "42: another version than the records before it"},
    {"who does not know a label ends by _ must not go on (4.4)", "[{\"n\":\"a\",\"v\":1,\"x_\":1}]",
     "16: a member that this version does not know, and must"},
    {"any other is ignored (4.4)", "[{\"n\":\"a\",\"v\":1,\"x\":{\"v\":2}}]",
     "{\"n\":\"a\",\"v\":1,\"t\":1700000000}\n"},
    {"labels may have escapes, as all texts of JSON (5)", "[{\"\\u006e\":\"a\",\"v\":1}]",
     "{\"n\":\"a\",\"v\":1,\"t\":1700000000}\n"},
    {"no label twice (5: I-JSON)", "[{\"n\":\"a\",\"v\":1,\"v\":2}]",
     "16: a member that the record has already"},
    {"a name begins with a letter or digit (4.5.1)", "[{\"n\":\"_a\",\"v\":1}]",
     "6: a name that begins with no letter or digit"},
    {"and so does one with a base name alone (4.5.1)", "[{\"bn\":\":a\",\"n\":\"b\",\"v\":1}]",
     "7: a name that begins with no letter or digit"},
    {"the second part may begin with any of its characters (4.5.1)",
     "[{\"bn\":\"a\",\"n\":\"-b.c:d/e_f\",\"v\":1}]", "{\"n\":\"a-b.c:d/e_f\",\"v\":1,\"t\":1700000000}\n"},
    {"an update time is that record's alone (4.2)", "[{\"n\":\"a\",\"v\":1,\"ut\":60},{\"n\":\"a\",\"v\":2}]",
     "{\"n\":\"a\",\"v\":1,\"t\":1700000000,\"ut\":60}\n"
     "{\"n\":\"a\",\"v\":2,\"t\":1700000000}\n"},
    {"numbers are those of JSON: no NaN (4.3)", "[{\"n\":\"a\",\"v\":NaN}]",
     "14: no number where one should be"},
    {"exponents are equal to digits (4.3)", "[{\"n\":\"a\",\"v\":1E3},{\"n\":\"a\",\"v\":10e-1}]",
     "{\"n\":\"a\",\"v\":1000,\"t\":1700000000}\n"
     "{\"n\":\"a\",\"v\":1,\"t\":1700000000}\n"},
    {"an empty pack says nothing", "[]", ""},
};

TEST(disputed_cases) {
    check_cases(disputed, sizeof(disputed) / sizeof(disputed[0]));
}

int main(void) {
    return test_run(NULL, NULL);
}
