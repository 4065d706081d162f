/* SPDX-License-Identifier: MIT */
/* Trees read, built and printed, and each allocation on the way failing once. */
#include <float.h>
#include <inttypes.h>
#include <locale.h>
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "countdown.h"
#include "document.h"
#include "scan.h"
#include "test.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define UNTOUCHED 4711

/* Runs attempt, which returns false when memory was out, with its first allocation failing, then with its
 * second, until nothing fails any more. Returns the number of allocations that a whole attempt takes. */
static unsigned long fail_each_allocation(bool (*attempt)(void)) {
    unsigned long failing = 1;
    bool whole;
    do {
        countdown_set(failing++);
        whole = attempt();
        assert_int_equal(whole, !countdown_has_failed());
    } while (!whole);
    countdown_set(0);
    return failing - 2;
}

static document_node_t *parse(const char *text) {
    assert_int_equal(scan_value(text, strlen(text), NULL), SCAN_OK);
    document_node_t *root = document_parse(text, strlen(text));
    assert_non_null(root);
    return root;
}

TEST(test_types) {
    document_node_t *root = parse("[null,true,false,1,\"x\",[],{}]");
    static const enum document_type expected[] = {DOCUMENT_NULL,   DOCUMENT_BOOL, DOCUMENT_BOOL,
                                                  DOCUMENT_NUMBER, DOCUMENT_TEXT, DOCUMENT_ARRAY,
                                                  DOCUMENT_OBJECT};
    const document_node_t *node = document_first(root);
    for (size_t i = 0; i < COUNT(expected); i++) {
        assert_int_equal(document_type(node), expected[i]);
        assert_null(document_name(node));
        node = document_next(node);
    }
    assert_null(node);
    assert_int_equal(document_count(root), COUNT(expected));
    document_free(root);
}

TEST(test_members) {
    document_node_t *root = parse("{\"Kind\":1,\"kind\":\"data\",\"\":[1,2],\"k\\u00fc\":{}}");
    assert_int_equal(document_count(root), 4);
    assert_string_equal(document_text(document_member(root, "kind")), "data");
    assert_int_equal(document_type(document_member(root, "Kind")), DOCUMENT_NUMBER);
    assert_null(document_member(root, "KIND"));
    assert_null(document_member(root, "kin"));
    assert_int_equal(document_count(document_member(root, "")), 2);
    assert_int_equal(document_type(document_member(root, "k\xC3\xBC")), DOCUMENT_OBJECT);
    assert_null(document_name(root));
    assert_null(document_next(root));
    const document_node_t *first = document_first(root);
    assert_string_equal(document_name(first), "Kind");
    assert_string_equal(document_name(document_next(first)), "kind");
    document_free(root);
}

TEST(test_nothing_to_read) {
    document_node_t *root = parse("[\"text\",[],{}]");
    const document_node_t *text = document_first(root);
    assert_null(document_member(root, "a"));
    assert_null(document_member(text, "a"));
    assert_null(document_member(document_next(document_next(text)), "a"));
    assert_null(document_first(text));
    assert_null(document_first(document_next(text)));
    assert_int_equal(document_count(text), 0);
    assert_int_equal(document_count(document_next(text)), 0);
    assert_null(document_text(root));
    document_free(root);
}

TEST(test_null_node) {
    uint64_t integer = UNTOUCHED;
    double number = UNTOUCHED;
    assert_int_equal(document_type(NULL), DOCUMENT_NONE);
    assert_null(document_member(NULL, "a"));
    assert_null(document_first(NULL));
    assert_null(document_next(NULL));
    assert_null(document_name(NULL));
    assert_null(document_text(NULL));
    assert_int_equal(document_count(NULL), 0);
    assert_false(document_integer(NULL, &integer));
    assert_false(document_number(NULL, &number));
    document_free(NULL);
}

TEST(test_text_is_decoded) {
    document_node_t *root = parse("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u20aC\\ud83d\\ude00\xC3\xBC\"");
    assert_string_equal(document_text(root), "\"\\/\b\f\n\r\t\xE2\x82\xAC\xF0\x9F\x98\x80\xC3\xBC");
    document_free(root);
}

static void check_integer(const char *text, uint64_t expected) {
    document_node_t *root = parse(text);
    uint64_t value = UNTOUCHED;
    assert_true(document_integer(root, &value));
    assert_int_equal(value, expected);
    document_free(root);
}

static void check_no_integer(const char *text) {
    document_node_t *root = parse(text);
    uint64_t value = UNTOUCHED;
    assert_false(document_integer(root, &value));
    assert_int_equal(value, UNTOUCHED);
    document_free(root);
}

TEST(test_integer) {
    check_integer("0", 0);
    check_integer("-0", 0);
    check_integer("1.0", 1);
    check_integer("15e2", 1500);
    check_integer("2147483648", UINT64_C(2147483648)); /* where cJSON's valueint ends */
    check_integer("4294967296", UINT64_C(4294967296));
    check_integer("1700000000123", UINT64_C(1700000000123));
    check_integer("9007199254740990", DOCUMENT_INTEGER_MAX - 1);
    check_integer("9007199254740991", DOCUMENT_INTEGER_MAX);
    static const char *const others[] = {
        "-1",
        "0.5",
        "-0.5",
        "1e-3",
        "9007199254740992",
        "9007199254740993",
        "18446744073709551615",
        "1e300",
        "1e999",
        "-1e999",
        "\"1\"",
        "true",
        "null",
        "[1]",
        "{}",
    };
    for (size_t i = 0; i < COUNT(others); i++) {
        check_no_integer(others[i]);
    }
}

static void check_number(const char *text, double expected) {
    document_node_t *root = parse(text);
    double value = UNTOUCHED;
    assert_true(document_number(root, &value));
    assert_memory_equal(&value, &expected, sizeof(value));
    document_free(root);
}

TEST(test_number) {
    check_number("0", 0.0);
    check_number("-0", -0.0);
    check_number("21.5", 21.5);
    check_number("-1e-7", -1e-7);
    check_number("1.7976931348623157e308", DBL_MAX);
    check_number("1e-999", 0.0);
    /* The longest number that scan_value() lets through. */
    check_number("0.1000000000000000000000000000000000000000000000000000000000000", 0.1);
    static const char *const others[] = {"1e999", "-1e999", "\"1\"", "true", "null", "[1]", "{}"};
    for (size_t i = 0; i < COUNT(others); i++) {
        document_node_t *root = parse(others[i]);
        double value = UNTOUCHED;
        assert_false(document_number(root, &value));
        assert_true(value == UNTOUCHED);
        document_free(root);
    }
}

/* The text need not end in a NUL, and nothing behind it is read. */
TEST(test_parse_stops_at_length) {
    document_node_t *root = document_parse("[12]34", strlen("[12]"));
    uint64_t value = 0;
    assert_int_equal(document_count(root), 1);
    assert_true(document_integer(document_first(root), &value));
    assert_int_equal(value, 12);
    document_free(root);
    root = document_parse("1234", 2);
    assert_true(document_integer(root, &value));
    assert_int_equal(value, 12);
    document_free(root);
}

static void check_printed(const struct document *document, const char *expected) {
    char buffer[512];
    assert_int_equal(document_print(document, buffer, sizeof(buffer)), (int)strlen(expected));
    assert_string_equal(buffer, expected);
}

static void build_sample(struct document *document) {
    document_init(document);
    document_put_text(document, NULL, "name",
                      "k\xC3\xBC"
                      "che\n");
    document_put_integer(document, NULL, "port", 8080);
    document_put_number(document, NULL, "value", 21.5);
    document_put_bool(document, NULL, "yes", true);
    document_put_bool(document, NULL, "no", false);
    document_put_null(document, NULL, "nothing");
    document_node_t *array = document_put_array(document, NULL, "list");
    document_put_text(document, array, NULL, "a");
    document_put_integer(document, array, NULL, -1);
    document_node_t *object = document_put_object(document, array, NULL);
    document_put_integer(document, object, "deep", 1);
    document_put_array(document, array, NULL);
    document_put_object(document, NULL, "empty");
}

static const char sample[] =
    "{\"name\":\"k\xC3\xBC"
    "che\\n\",\"port\":8080,\"value\":21.5,"
    "\"yes\":true,\"no\":false,\"nothing\":null,\"list\":[\"a\",-1,{\"deep\":1},[]],\"empty\":{}}";

TEST(test_build) {
    struct document document;
    document_init(&document);
    check_printed(&document, "{}");
    document_deinit(&document);
    build_sample(&document);
    check_printed(&document, sample);
    document_deinit(&document);
}

TEST(test_deinit_of_zeroed) {
    struct document document = {0};
    document_deinit(&document);
    build_sample(&document);
    document_deinit(&document);
    document_deinit(&document);
}

/* A tree that was built can be read like one that was parsed. */
TEST(test_built_tree_reads) {
    struct document document;
    build_sample(&document);
    uint64_t integer = 0;
    double number = 0;
    assert_true(document_integer(document_member(document.root, "port"), &integer));
    assert_int_equal(integer, 8080);
    assert_true(document_number(document_member(document.root, "value"), &number));
    assert_true(number == 21.5);
    assert_int_equal(document_type(document_member(document.root, "value")), DOCUMENT_NUMBER);
    assert_int_equal(document_count(document_member(document.root, "list")), 4);
    document_deinit(&document);
}

static void check_integer_printed(int64_t value) {
    char expected[64];
    snprintf(expected, sizeof(expected), "{\"n\":%" PRId64 "}", value);
    struct document document;
    document_init(&document);
    document_put_integer(&document, NULL, "n", value);
    check_printed(&document, expected);
    document_deinit(&document);
}

TEST(test_integers_print_exactly) {
    static const int64_t values[] = {
        0,         1,         -1, INT32_MAX, INT32_MIN, 1700000000123, 999999999999999, 1000000000000001,
        INT64_MAX, INT64_MIN,
    };
    for (size_t i = 0; i < COUNT(values); i++) {
        check_integer_printed(values[i]);
    }
    for (int64_t value = 1; value <= (int64_t)DOCUMENT_INTEGER_MAX; value = 2 * value + 1) {
        check_integer_printed(value);
        check_integer_printed(-value);
        check_integer_printed(value - 1);
    }
}

static void check_number_printed(double value, const char *expected) {
    struct document document;
    document_init(&document);
    document_put_number(&document, document_put_array(&document, NULL, "n"), NULL, value);
    char text[64];
    snprintf(text, sizeof(text), "{\"n\":[%s]}", expected);
    check_printed(&document, text);
    document_deinit(&document);
}

TEST(test_numbers_print_shortly_and_exactly) {
    check_number_printed(0.0, "0");
    check_number_printed(-0.0, "-0");
    check_number_printed(21.0, "21");
    check_number_printed(0.1, "0.1");
    check_number_printed(-1e-7, "-1e-7");
    check_number_printed(0.1 + 0.2, "0.30000000000000004"); /* cJSON itself makes 0.3 of it */
    check_number_printed(9007199254740991.0, "9007199254740991");
    check_number_printed(1e20, "1e20");
    check_number_printed(DBL_MAX, "1.7976931348623157e308");
    check_number_printed(-DBL_MAX, "-1.7976931348623157e308");
    check_number_printed(NAN, "null");
    check_number_printed(INFINITY, "null");
    check_number_printed(-INFINITY, "null");
}

TEST(test_numbers_come_back) {
    static const double values[] = {1.0 / 3, 1e22 / 7, DBL_MIN, DBL_TRUE_MIN, DBL_EPSILON, 123456.789};
    for (size_t i = 0; i < COUNT(values); i++) {
        struct document document;
        char buffer[64];
        document_init(&document);
        document_put_number(&document, NULL, "n", values[i]);
        assert_true(document_print(&document, buffer, sizeof(buffer)) > 0);
        document_node_t *root = parse(buffer);
        double value = 0;
        assert_true(document_number(document_member(root, "n"), &value));
        assert_memory_equal(&value, &values[i], sizeof(value));
        document_free(root);
        document_deinit(&document);
    }
}

/* The decimal point of the environment changes nothing, and is as before afterwards. */
static void check_locale(const char *name) {
    if (setlocale(LC_NUMERIC, name) == NULL) {
        return;
    }
    char point[16];
    snprintf(point, sizeof(point), "%s", localeconv()->decimal_point);
    struct document document;
    document_init(&document);
    document_put_number(&document, NULL, "n", 21.25);
    document_node_t *root = document_parse("21.25", strlen("21.25"));
    double value = 0;
    assert_true(document_number(root, &value));
    assert_true(value == 21.25);
    check_printed(&document, "{\"n\":21.25}");
    assert_string_equal(localeconv()->decimal_point, point);
    document_free(root);
    document_deinit(&document);
    setlocale(LC_NUMERIC, "C");
}

TEST(test_locale) {
    check_locale("C");
    check_locale("de_DE.UTF-8"); /* a comma */
    check_locale("fa_IR.UTF-8"); /* U+066B, two bytes, which cJSON takes one of */
    check_locale("ps_AF.UTF-8");
}

TEST(test_print_sizes) {
    struct document document;
    build_sample(&document);
    const size_t length = strlen(sample);
    for (size_t size = 0; size <= length + DOCUMENT_PRINT_SPARE; size++) {
        char *buffer = malloc(size == 0 ? 1 : size);
        assert_non_null(buffer);
        const int printed = document_print(&document, buffer, size);
        if (size == length + DOCUMENT_PRINT_SPARE) {
            assert_int_equal(printed, (int)length);
        } else if (size <= length) {
            assert_int_equal(printed, -2);
        } else {
            assert_true(printed == -2 || printed == (int)length);
        }
        free(buffer);
    }
    document_deinit(&document);
}

static bool attempt_parse(void) {
    document_node_t *root = document_parse(sample, strlen(sample));
    document_free(root);
    return root != NULL;
}

static bool attempt_build(void) {
    struct document document;
    char buffer[sizeof(sample) + DOCUMENT_PRINT_SPARE];
    build_sample(&document);
    const int length = document_print(&document, buffer, sizeof(buffer));
    assert_int_equal(length, document.failed ? -1 : (int)strlen(sample));
    document_deinit(&document);
    return length >= 0;
}

TEST(test_parse_without_memory) {
    assert_true(fail_each_allocation(attempt_parse) > 20);
}

TEST(test_build_without_memory) {
    assert_true(fail_each_allocation(attempt_build) > 20);
}

/* What follows a failure neither allocates into the tree nor crashes on the container it did not get. */
TEST(test_failure_sticks) {
    struct document document;
    char buffer[64];
    document_init(&document);
    document.failed = true;
    document_node_t *array = document_put_array(&document, NULL, "list");
    assert_null(array);
    document_put_integer(&document, array, NULL, 1);
    assert_null(document_put_object(&document, NULL, "object"));
    assert_int_equal(document_count(document.root), 0);
    assert_int_equal(document_print(&document, buffer, sizeof(buffer)), -1);
    document_deinit(&document);
}

static const char placed_text[] = "{ \"a\" : [1, {\"b\": \"[{,\", \"c\":[]}, [[2]]],\n \"d.e\":null}";

static void check_place(const document_node_t *root, const document_node_t *node, const char *rest,
                        const char *path) {
    const size_t offset = document_offset(root, node, placed_text, strlen(placed_text));
    char buffer[64];
    assert_int_equal(strncmp(placed_text + offset, rest, strlen(rest)), 0);
    assert_string_equal(document_path(root, node, buffer, sizeof(buffer)), path);
}

TEST(test_places) {
    document_node_t *root = parse(placed_text);
    const document_node_t *array = document_member(root, "a");
    const document_node_t *object = document_next(document_first(array));
    const document_node_t *inner = document_next(object);
    check_place(root, root, "{ \"a\"", "");
    check_place(root, array, "[1,", "a");
    check_place(root, document_first(array), "1,", "a[0]");
    check_place(root, object, "{\"b\"", "a[1]");
    check_place(root, document_member(object, "b"), "\"[{,\"", "a[1].b");
    check_place(root, document_member(object, "c"), "[]}", "a[1].c");
    check_place(root, inner, "[[2]]", "a[2]");
    check_place(root, document_first(document_first(inner)), "2]", "a[2][0][0]");
    check_place(root, document_member(root, "d.e"), "null", "d.e");
    document_free(root);
}

TEST(test_places_that_do_not_fit) {
    document_node_t *root = parse(placed_text);
    const document_node_t *inner = document_next(document_next(document_first(document_member(root, "a"))));
    static const char whole[] = "a[2][0][0]";
    for (size_t size = 1; size <= sizeof(whole); size++) {
        char *buffer = malloc(size);
        assert_non_null(buffer);
        document_path(root, document_first(document_first(inner)), buffer, size);
        assert_int_equal(strlen(buffer), size - 1);
        assert_int_equal(strncmp(buffer, whole, size - 1), 0);
        free(buffer);
    }
    countdown_set(1);
    assert_int_equal(document_offset(root, inner, placed_text, strlen(placed_text)), 0);
    countdown_set(0);
    document_free(root);
}

int main(void) {
    return test_run(NULL, NULL);
}
