/* SPDX-License-Identifier: MIT */
/* The reader of packs beside another one, written against the tree of the whole text: many drawn packs, good
 * and broken ones, must be taken or refused by both, and resolved to the same records. */
#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <muster/telemetry.h>

#include "document.h"
#include "draw.h"
#include "limit.h"
#include "scan.h"
#include "senml.h"
#include "test.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define SEED 1820u
#define PACKS 60000
#define TEXT_BYTES_MAX 4096
#define RECORDS_MAX 512
#define NODES_MAX 10000
#define NOW_S 1700000000.0

/* ---- drawing packs ---- */

static char text[TEXT_BYTES_MAX];
static size_t length;

static void put(const char *part) {
    const size_t bytes = strlen(part);
    if (length + bytes < sizeof(text)) {
        memcpy(text + length, part, bytes);
        length += bytes;
    }
}

#define DRAW(texts) texts[draw() % COUNT(texts)]

static void put_space(void) {
    static const char *const spaces[] = {" ", "\n", "\t", "\r", "  "};
    if (one_in(12)) {
        put(DRAW(spaces));
    }
}

static void put_name_text(void) {
    static const char *const names[] = {"\"a\"", "\"temp\"",   "\"a/b\"",   "\"urn:dev:1:\"",
                                        "\"\"",  "\"x_-.:/\"", "\"room/\"", "\"\\u0061\\/b\"",
                                        "\"9\""};
    static const char *const bad[] = {"\"-a\"",   "\"a b\"", "\"/\"", "\"\\u00e9\"",
                                      "\"a\\n\"", "\"#\"",   "\"_\"", "7"};
    put(one_in(40) ? DRAW(bad) : DRAW(names));
}

static void put_unit_text(void) {
    static const char *const units[] = {"\"Cel\"",       "\"%RH\"",      "\"\"",
                                        "\"\\u0043el\"", "\"\xC2\xB5\"", "\"\\t\""};
    put(one_in(60) ? "[]" : DRAW(units));
}

static void put_value_text(void) {
    static const char *const texts[] = {"\"\"",
                                        "\"Machine Room\"",
                                        "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
                                        "\"\\u20ac\\uD83D\\uDE00\"",
                                        "\"\xC3\xA9\xF0\x9F\x98\x80\"",
                                        "\"]},{\""};
    static const char *const bad[] = {"\"\\u0000\"", "\"\\ud83d\"", "\"\xFF\"", "\"\\x\"",
                                      "\"\x01\"",    "true",        "1"};
    put(one_in(40) ? DRAW(bad) : DRAW(texts));
}

static void put_data_text(void) {
    static const char *const texts[] = {"\"\"", "\"aGk\"", "\"aGkgCg\"", "\"_-Az\"", "\"aa\""};
    static const char *const bad[] = {"\"a\"", "\"aGk=\"", "\"a+/b\"", "\"aGkgC\"", "\"a\\u0062c\"", "0"};
    put(one_in(30) ? DRAW(bad) : DRAW(texts));
}

static void put_drawn_number(void) {
    static const char *const numbers[] = {"0",
                                          "-0",
                                          "1",
                                          "-1",
                                          "23.1",
                                          "1e3",
                                          "1E-7",
                                          "0.1",
                                          "1e22",
                                          "1e23",
                                          "5e-324",
                                          "1.7e+308",
                                          "-1e308",
                                          "100.0e-2",
                                          "1e-400",
                                          "2.2250738585072011e-308",
                                          "9007199254740993",
                                          "12345678901234567890123",
                                          "179769313486231580793728971405303415079934132710037826936173"};
    static const char *const bad[] = {"01",    "1.",   ".5",  "+1",  "1e",     "-",   "1e309",    "NaN",
                                      "\"1\"", "null", "0x1", "1e+", "-1e999", "--1", "Infinity", "true"};
    char drawn[64];
    if (one_in(40)) {
        put(DRAW(bad));
    } else if (one_in(3)) {
        snprintf(drawn, sizeof(drawn), "%.*g", (int)(draw() % 20),
                 ldexp((double)draw(), (int)(draw() % 140) - 100));
        put(drawn);
    } else if (one_in(2)) {
        snprintf(drawn, sizeof(drawn), "%d.%u", (int)(draw() % 2000) - 1000, (unsigned)(draw() % 1000));
        put(drawn);
    } else {
        put(DRAW(numbers));
    }
}

static void put_time(void) {
    static const char *const times[] = {
        "1.276020076001e+09", "1700000000", "268435455", "268435456", "-5", "0.25", "0"};
    if (one_in(4)) {
        put_drawn_number();
    } else {
        put(DRAW(times));
    }
}

static void put_version(void) {
    static const char *const versions[] = {"10", "5", "10", "1e1", "26", "10"};
    static const char *const bad[] = {"11", "0", "9.5", "\"10\"", "-1", "27"};
    put(one_in(10) ? DRAW(bad) : DRAW(versions));
}

static void put_anything(void) {
    static const char *const values[] = {"null",
                                         "true",
                                         "false",
                                         "7",
                                         "1e999",
                                         "\"x\"",
                                         "[]",
                                         "{}",
                                         "[1,[2,{\"a\":\"]\"}]]",
                                         "{\"a\":{\"b\":null},\"c\":\"}\\\\\"}",
                                         " [ ] "};
    static const char *const bad[] = {"nul",         "[1,]", "{\"a\":1,\"a\":2}", "{\"a\":1,\"\\u0061\":2}",
                                      "[}",          "01",   "[\"\\u0000\"]",     "{a:1}",
                                      "\"\\ud800\"", "tru"};
    put(one_in(20) ? DRAW(bad) : DRAW(values));
}

struct member {
    const char *name;
    void (*put_value)(void);
};

static void put_boolean(void) {
    static const char *const booleans[] = {"true", "false"};
    put(one_in(40) ? "null" : DRAW(booleans));
}

static void put_member(const struct member *member) {
    put_space();
    put(member->name);
    put_space();
    put(":");
    put_space();
    member->put_value();
    put_space();
    put(",");
}

static const struct member *draw_value(void) {
    static const struct member members[] = {
        {"\"v\"", put_drawn_number}, {"\"v\"", put_drawn_number}, {"\"vs\"", put_value_text},
        {"\"vb\"", put_boolean},     {"\"vd\"", put_data_text},   {"\"\\u0076\"", put_drawn_number},
        {"\"s\"", put_drawn_number},
    };
    return &DRAW(members);
}

static const struct member *draw_more(void) {
    static const struct member members[] = {
        {"\"bn\"", put_name_text},    {"\"bt\"", put_time},         {"\"bu\"", put_unit_text},
        {"\"bv\"", put_drawn_number}, {"\"bs\"", put_drawn_number}, {"\"u\"", put_unit_text},
        {"\"s\"", put_drawn_number},  {"\"t\"", put_time},          {"\"ut\"", put_drawn_number},
    };
    return &DRAW(members);
}

static const struct member *draw_odd(void) {
    static const struct member members[] = {
        {"\"x\"", put_anything},       {"\"\"", put_anything},         {"\"\\u0078\"", put_anything},
        {"\"bverx\"", put_anything},   {"\"y_\"", put_anything},       {"\"V\"", put_anything},
        {"\"_y\"", put_anything},      {"\"\xC3\xA9\"", put_anything}, {"\"bver\"", put_version},
        {"\"\\u00e9\"", put_anything}, {"\"z\\u005f\"", put_anything},
    };
    return &DRAW(members);
}

static void put_record(void) {
    static const struct member name = {"\"n\"", put_name_text};
    put("{");
    if (!one_in(10)) {
        put_member(&name);
    }
    if (!one_in(20)) {
        put_member(draw_value());
    }
    for (uint64_t i = draw() % 3; i > 0; i--) {
        put_member(draw_more());
    }
    while (one_in(6)) {
        put_member(draw_odd());
    }
    if (length > 0 && text[length - 1] == ',' && !one_in(60)) {
        length--;
    }
    put("}");
}

static void draw_pack(void) {
    length = 0;
    put_space();
    if (one_in(8)) {
        put_record();
        put_space();
        return;
    }
    put("[");
    for (uint64_t i = draw() % 5; i > 0; i--) {
        put_space();
        put_record();
        put_space();
        put(i > 1 || one_in(60) ? "," : "");
    }
    put("]");
    put_space();
}

/* Does to the text what a bad sender could. */
static void mutate(void) {
    static const char bytes[] = "{}[]\",:\\0123456789eE+-.ntfubvs_/ \n\x01\x80\xC3";
    const size_t at = length == 0 ? 0 : (size_t)draw() % length;
    const size_t span = 1 + (size_t)draw() % 6;
    switch (draw() % 5) {
    case 0:
        if (length > 0) {
            text[at] = bytes[draw() % (sizeof(bytes) - 1)];
        }
        break;
    case 1:
        if (at + span <= length) {
            memmove(text + at, text + at + span, length - at - span);
            length -= span;
        }
        break;
    case 2: length = at; break;
    default:
        if (length + 1 < sizeof(text)) {
            memmove(text + at + 1, text + at, length - at);
            text[at] = bytes[draw() % (sizeof(bytes) - 1)];
            length++;
        }
        break;
    }
}

/* ---- the other reader ---- */

struct row {
    char name[MUSTER_FULL_NAME_BYTES_MAX + 1];
    char unit[MUSTER_NAME_BYTES_MAX + 1];
    char text[MUSTER_DATAGRAM_BYTES_MAX + 1];
    enum muster_value_kind kind;
    bool boolean;
    bool has_sum;
    double number;
    double sum;
    double time_s;
    double update_s;
};

struct base {
    const char *name;
    const char *unit;
    double time_s;
    double value;
    double sum;
    bool has_value;
    bool has_sum;
    double version;
};

static struct row rows[RECORDS_MAX];

/* True when the member is not there, or of that type. */
static bool is_typed(const document_node_t *record, const char *name, enum document_type type) {
    const enum document_type is = document_type(document_member(record, name));
    double number;
    return is == DOCUMENT_NONE || (is == type && (type != DOCUMENT_NUMBER ||
                                                  document_number(document_member(record, name), &number)));
}

static double number_or(const document_node_t *record, const char *name, double otherwise) {
    double number = otherwise;
    document_number(document_member(record, name), &number);
    return number;
}

static bool has(const document_node_t *record, const char *name) {
    return document_member(record, name) != NULL;
}

static bool are_members_allowed(const document_node_t *record) {
    static const char *const texts[] = {"bn", "bu", "n", "u", "vs", "vd"};
    static const char *const numbers[] = {"bt", "bv", "bs", "bver", "v", "s", "t", "ut"};
    size_t known = has(record, "vb");
    bool allowed = is_typed(record, "vb", DOCUMENT_BOOL);
    for (size_t i = 0; i < COUNT(texts); i++) {
        allowed = allowed && is_typed(record, texts[i], DOCUMENT_TEXT);
        known += has(record, texts[i]);
    }
    for (size_t i = 0; i < COUNT(numbers); i++) {
        allowed = allowed && is_typed(record, numbers[i], DOCUMENT_NUMBER);
        known += has(record, numbers[i]);
    }
    const document_node_t *member = document_first(record);
    for (; member != NULL; member = document_next(member)) {
        const char *name = document_name(member);
        allowed = allowed && (name[0] == '\0' || name[strlen(name) - 1] != '_');
    }
    const size_t values =
        (size_t)has(record, "v") + has(record, "vs") + has(record, "vb") + has(record, "vd");
    return allowed && document_count(record) - known <= MUSTER_PACK_UNKNOWN_MAX && values <= 1;
}

/* No reading: it has none of the members of one, and a base at least. */
static bool is_base_alone(const document_node_t *record) {
    static const char *const own[] = {"n", "u", "v", "vs", "vb", "vd", "s", "t", "ut"};
    static const char *const bases[] = {"bn", "bt", "bu", "bv", "bs", "bver"};
    size_t own_count = 0;
    size_t base_count = 0;
    for (size_t i = 0; i < COUNT(own); i++) {
        own_count += has(record, own[i]);
    }
    for (size_t i = 0; i < COUNT(bases); i++) {
        base_count += has(record, bases[i]);
    }
    return own_count == 0 && base_count > 0;
}

static bool is_full_name(const char *name) {
    static const char first[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    static const char later[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-:./_";
    return name[0] != '\0' && strchr(first, name[0]) != NULL && strspn(name, later) == strlen(name);
}

static bool is_data(const char *data) {
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    return strspn(data, alphabet) == strlen(data) && strlen(data) % 4 != 1;
}

static bool take_version(struct base *base, const document_node_t *record) {
    const double version = number_or(record, "bver", base->version != 0 ? base->version : 10);
    const bool fits = base->version == 0 || version == base->version;
    base->version = version;
    return fits && (version == 26 || (version >= 1 && version <= 10 && version == floor(version)));
}

static bool take_base(struct base *base, const document_node_t *record) {
    base->name = has(record, "bn") ? document_text(document_member(record, "bn")) : base->name;
    base->unit = has(record, "bu") ? document_text(document_member(record, "bu")) : base->unit;
    base->time_s = number_or(record, "bt", base->time_s);
    base->value = number_or(record, "bv", base->value);
    base->sum = number_or(record, "bs", base->sum);
    base->has_value = base->has_value || has(record, "bv");
    base->has_sum = base->has_sum || has(record, "bs");
    return take_version(base, record) && strlen(base->name) <= MUSTER_FULL_NAME_BYTES_MAX &&
           strlen(base->unit) <= MUSTER_NAME_BYTES_MAX && (base->name[0] == '\0' || is_full_name(base->name));
}

static bool take_value(struct row *row, const struct base *base, const document_node_t *record) {
    const char *kinds[] = {[MUSTER_VALUE_NUMBER] = "v",
                           [MUSTER_VALUE_TEXT] = "vs",
                           [MUSTER_VALUE_BOOLEAN] = "vb",
                           [MUSTER_VALUE_DATA] = "vd"};
    row->kind = MUSTER_VALUE_NONE;
    for (size_t i = MUSTER_VALUE_NUMBER; i < COUNT(kinds); i++) {
        row->kind = has(record, kinds[i]) ? (enum muster_value_kind)i : row->kind;
    }
    if (row->kind == MUSTER_VALUE_NONE && !has(record, "s")) {
        row->kind = base->has_value ? MUSTER_VALUE_NUMBER : MUSTER_VALUE_NONE;
        if (!base->has_value && !base->has_sum) {
            return false;
        }
    }
    row->boolean = document_bool(document_member(record, "vb"));
    row->number = number_or(record, "v", 0);
    row->number = base->has_value ? row->number + base->value : row->number;
    const char *value = document_text(document_member(record, row->kind == MUSTER_VALUE_DATA ? "vd" : "vs"));
    value = value == NULL ? "" : value;
    if (strlen(value) >= sizeof(row->text) || (row->kind == MUSTER_VALUE_DATA && !is_data(value))) {
        return false;
    }
    strcpy(row->text, value);
    return row->kind != MUSTER_VALUE_NUMBER || isfinite(row->number);
}

static bool take_record(struct row *row, const struct base *base, const document_node_t *record) {
    const char *name = has(record, "n") ? document_text(document_member(record, "n")) : "";
    const char *unit = has(record, "u") ? document_text(document_member(record, "u")) : base->unit;
    if (strlen(base->name) + strlen(name) >= sizeof(row->name) || strlen(unit) >= sizeof(row->unit)) {
        return false;
    }
    strcpy(row->name, base->name);
    strcat(row->name, name);
    strcpy(row->unit, unit);
    row->has_sum = has(record, "s") || base->has_sum;
    row->sum = number_or(record, "s", 0);
    row->sum = base->has_sum ? row->sum + base->sum : row->sum;
    row->time_s = base->time_s + number_or(record, "t", 0);
    row->time_s += row->time_s < 268435456 ? NOW_S : 0;
    row->update_s = number_or(record, "ut", 0);
    return take_value(row, base, record) && is_full_name(row->name) &&
           (!row->has_sum || isfinite(row->sum)) && isfinite(row->time_s);
}

/* The record's readings, 0 or 1, or -1 when it is refused. */
static int take(struct row *row, struct base *base, const document_node_t *record) {
    if (document_type(record) != DOCUMENT_OBJECT || !are_members_allowed(record) ||
        !take_base(base, record)) {
        return -1;
    }
    if (is_base_alone(record)) {
        return 0;
    }
    return take_record(row, base, record) ? 1 : -1;
}

/* How many readings the text has, or -1 when it is refused. */
static int take_rows(const document_node_t *root) {
    struct base base = {.name = "", .unit = ""};
    if (document_type(root) != DOCUMENT_ARRAY) {
        return take(&rows[0], &base, root);
    }
    int count = 0;
    const document_node_t *record = document_first(root);
    for (; record != NULL; record = document_next(record)) {
        assert_true(count < RECORDS_MAX);
        const int taken = take(&rows[count], &base, record);
        if (taken < 0) {
            return -1;
        }
        count += taken;
    }
    return count;
}

/* ---- both ---- */

static bool same_bits(double a, double b) {
    return memcmp(&a, &b, sizeof(a)) == 0;
}

static bool is_same_record(const struct muster_record *record, const struct row *row) {
    const bool has_text = row->kind == MUSTER_VALUE_TEXT || row->kind == MUSTER_VALUE_DATA;
    return strcmp(record->name, row->name) == 0 && strcmp(record->unit, row->unit) == 0 &&
           record->kind == row->kind &&
           (row->kind != MUSTER_VALUE_NUMBER || same_bits(record->number, row->number)) &&
           (!has_text ||
            (strcmp(record->text, row->text) == 0 && record->text_length == strlen(row->text))) &&
           (row->kind != MUSTER_VALUE_BOOLEAN || record->boolean == row->boolean) &&
           record->has_sum == row->has_sum && (!row->has_sum || same_bits(record->sum, row->sum)) &&
           same_bits(record->time_s, row->time_s) && same_bits(record->update_s, row->update_s);
}

/* Reads a copy that ends where the text ends. Returns how many records it has, or -1; *different when one is
 * not that of the other reader. */
static int read_rows(int expected, bool *different) {
    static struct muster_pack pack;
    char *copy = malloc(length == 0 ? 1 : length);
    assert_non_null(copy);
    memcpy(copy, text, length);
    muster_pack_open(&pack, length == 0 ? copy + 1 : copy, length, NOW_S);
    struct muster_record record;
    int count = 0;
    int result;
    *different = false;
    while ((result = muster_pack_next(&pack, &record)) == 1) {
        *different = *different || (count < expected && !is_same_record(&record, &rows[count]));
        count++;
    }
    size_t offset = 0;
    const bool is_refused = muster_pack_fault(&pack, &offset) != NULL;
    assert_int_equal(is_refused, result == MUSTER_EINVAL);
    assert_true(offset <= length);
    free(copy);
    return is_refused ? -1 : count;
}

/* What the other reader makes of the text; false where the two may differ. */
static bool ask_oracle(int *expected) {
    const enum scan_result scanned = scan_large(text, length, NODES_MAX, NULL);
    *expected = -1;
    if (scanned == SCAN_OK) {
        document_node_t *root = document_parse(text, length);
        assert_non_null(root);
        *expected = take_rows(root);
        document_free(root);
    }
    /* The reader counts the depth of an unknown value from that value on. */
    return scanned != SCAN_DEPTH;
}

TEST(test_takes_what_the_other_takes) {
    draw_seed(SEED);
    unsigned taken = 0;
    unsigned refused = 0;
    for (int i = 0; i < PACKS; i++) {
        draw_pack();
        for (uint64_t mutations = one_in(2) ? 0 : 1 + draw() % 2; mutations > 0; mutations--) {
            mutate();
        }
        int expected;
        bool different;
        if (!ask_oracle(&expected)) {
            continue;
        }
        const int count = read_rows(expected, &different);
        if (count != expected || (expected >= 0 && different)) {
            fail_msg("pack %d: %.*s\nread %d, expected %d%s", i, (int)length, text, count, expected,
                     different ? ", other records" : "");
        }
        taken += expected > 0;
        refused += expected < 0;
    }
    printf("%u taken, %u refused\n", taken, refused);
    assert_true(taken > PACKS / 6);
    assert_true(refused > PACKS / 6);
}

/* What drawn records are written as is taken by both too. */
TEST(test_takes_what_is_written) {
    draw_seed(SEED + 1);
    for (int i = 0; i < 5000; i++) {
        struct senml_writer writer;
        senml_writer_begin(&writer, text, MUSTER_DATAGRAM_BYTES_MAX);
        struct muster_record record = {.name = "x/y", .unit = "W", .text = "\"\\\n\xC3\xA9", .update_s = 0.1};
        int count = 0;
        do {
            record.kind = (enum muster_value_kind)(draw() % 4);
            record.number = ldexp((double)draw(), (int)(draw() % 140) - 120);
            record.has_sum = record.kind == MUSTER_VALUE_NONE;
            count++;
        } while (senml_writer_add(&writer, "a", 1, &record, 1.7e9 + (double)(draw() % 1000000) / 1e4) == 0);
        count--;
        length = senml_writer_end(&writer);
        int expected;
        bool different;
        assert_true(ask_oracle(&expected));
        assert_int_equal(expected, count);
        assert_int_equal(read_rows(expected, &different), count);
        assert_false(different);
    }
}

int main(void) {
    return test_run(NULL, NULL);
}
