/* SPDX-License-Identifier: MIT */
/* What refers to a value that goes by stream: written, read, and refused in any other form. */
#include <stdio.h>
#include <string.h>

#include <muster/telemetry.h>

#include "test.h"
#include "value_ref.h"

#define HASH "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define GOOD "[{\"size_\":2000,\"hash_\":\"" HASH "\",\"bn\":\"camera/picture\",\"bt\":1767225661.5}]"

static bool reads(const char *body) {
    struct value_ref ref;
    return value_ref_read(body, strlen(body), &ref);
}

TEST(one_that_was_written_is_read) {
    struct value_ref ref = {.size = 1500000, .time_s = 1767225661.25, .name = "camera/picture"};
    struct value_ref again;
    char text[VALUE_REF_BYTES_MAX];
    memset(ref.hash, 0xAB, sizeof ref.hash);
    size_t length = value_ref_write(&ref, text);
    assert_true(value_ref_begins(text, length));
    assert_true(value_ref_read(text, length, &again));
    assert_int_equal(again.size, ref.size);
    assert_true(again.time_s == ref.time_s);
    assert_string_equal(again.name, ref.name);
    assert_memory_equal(again.hash, ref.hash, sizeof ref.hash);
}

TEST(the_longest_fits) {
    struct value_ref ref = {.size = 1500000, .time_s = 8589934591.123456};
    char text[VALUE_REF_BYTES_MAX];
    memset(ref.name, 'x', sizeof ref.name - 1);
    assert_true(value_ref_write(&ref, text) < VALUE_REF_BYTES_MAX);
}

TEST(a_time_that_cannot_be_said_is_left_out) {
    struct value_ref ref = {.size = 2000, .time_s = 17, .name = "a"};
    char text[VALUE_REF_BYTES_MAX];
    size_t length = value_ref_write(&ref, text);
    assert_true(value_ref_read(text, length, &ref));
    assert_true(ref.time_s == 0);
}

TEST(white_space_behind_it_is_padding) {
    assert_true(reads(GOOD));
    assert_true(reads(GOOD "   \t\r\n"));
}

/* All of it counts: cut anywhere, or with a byte more, it is none. */
TEST(no_part_of_it_is_one) {
    struct value_ref ref;
    for (size_t length = 0; length < sizeof GOOD - 1; length++) {
        assert_false(value_ref_read(GOOD, length, &ref));
    }
    assert_false(reads(GOOD "x"));
    assert_false(value_ref_read(GOOD "\0", sizeof GOOD, &ref));
}

TEST(hostile_ones_are_refused) {
    static const char *const bodies[] = {
        "[{\"size_\":2,\"hash_\":\"" HASH "\",\"bn\":\"a\"}]",
        "[{\"size_\":02000,\"hash_\":\"" HASH "\",\"bn\":\"a\"}]",
        "[{\"size_\":1500001,\"hash_\":\"" HASH "\",\"bn\":\"a\"}]",
        "[{\"size_\":18446744073709551617,\"hash_\":\"" HASH "\",\"bn\":\"a\"}]",
        "[{\"size_\":-1,\"hash_\":\"" HASH "\",\"bn\":\"a\"}]",
        "[{\"size_\":2e3,\"hash_\":\"" HASH "\",\"bn\":\"a\"}]",
        "[{\"size_\":2000,\"hash_\":\"0" HASH "\",\"bn\":\"a\"}]",
        "[{\"size_\":2000,\"hash_\":\"G0112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\","
        "\"bn\":\"a\"}]",
        "[{\"size_\":2000,\"hash_\":\"AA112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\","
        "\"bn\":\"a\"}]",
        "[{\"size_\":2000,\"hash_\":\"" HASH "\",\"bn\":\"\"}]",
        "[{\"size_\":2000,\"hash_\":\"" HASH "\",\"bn\":\"/a\"}]",
        "[{\"size_\":2000,\"hash_\":\"" HASH "\",\"bn\":\"a b\"}]",
        "[{\"size_\":2000,\"hash_\":\"" HASH "\",\"bn\":\"a\\u0062\"}]",
        "[{\"size_\":2000,\"hash_\":\"" HASH "\",\"bn\":\"a\",\"bt\":1}]",
        "[{\"size_\":2000,\"hash_\":\"" HASH "\",\"bn\":\"a\",\"bt\":1e300}]",
        "[{\"size_\":2000,\"hash_\":\"" HASH "\",\"bn\":\"a\",\"bt\":}]",
        "[{\"size_\":2000,\"hash_\":\"" HASH "\",\"bn\":\"a\",\"v\":1}]",
        "[{\"size_\":2000,\"hash_\":\"" HASH "\",\"bn\":\"a\"},{\"v\":1}]",
        "{\"size_\":2000,\"hash_\":\"" HASH "\",\"bn\":\"a\"}",
    };
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        if (reads(bodies[i])) {
            fail_msg("taken: %s", bodies[i]);
        }
    }
}

TEST(a_name_is_bounded) {
    char body[512];
    char name[MUSTER_FULL_NAME_BYTES_MAX + 2];
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    snprintf(body, sizeof body, "[{\"size_\":2000,\"hash_\":\"" HASH "\",\"bn\":\"%s\"}]", name);
    assert_false(reads(body));
    name[sizeof name - 2] = '\0';
    snprintf(body, sizeof body, "[{\"size_\":2000,\"hash_\":\"" HASH "\",\"bn\":\"%s\"}]", name);
    assert_true(reads(body));
}

/* A reader that does not know what it is must not take it for a pack without readings (RFC 8428, 4.4). */
TEST(a_reader_of_packs_says_that_it_is_none) {
    static struct muster_pack pack;
    struct muster_record record;
    muster_pack_open(&pack, GOOD, sizeof GOOD - 1, 0);
    assert_int_equal(muster_pack_next(&pack, &record), MUSTER_EINVAL);
}

/* ---- texts that are longer than a datagram ---- */

TEST(a_long_text_takes_room) {
    static struct muster_pack pack;
    static char body[5000];
    static char room[4000];
    struct muster_record record;
    int length = snprintf(body, sizeof body,
                          "[{\"n\":\"a\",\"vs\":\"%03990d\\u0041\"},{\"n\":\"b\",\"vs\":\"B\"}]", 0);
    muster_pack_open(&pack, body, (size_t)length, 0);
    assert_int_equal(muster_pack_next(&pack, &record), MUSTER_EINVAL);
    assert_string_equal(muster_pack_fault(&pack, NULL), "a text that is too long");
    muster_pack_open(&pack, body, (size_t)length, 0);
    muster_pack_room(&pack, room, 3991);
    assert_int_equal(muster_pack_next(&pack, &record), MUSTER_EINVAL);
    muster_pack_open(&pack, body, (size_t)length, 0);
    muster_pack_room(&pack, room, 3992);
    assert_int_equal(muster_pack_next(&pack, &record), 1);
    assert_int_equal(record.text_length, 3991);
    assert_ptr_equal(record.text, room);
    assert_string_equal(record.text + 3988, "00A");
    assert_int_equal(muster_pack_next(&pack, &record), 1);
    assert_string_equal(record.text, "B");
    assert_int_equal(muster_pack_next(&pack, &record), 0);
}

int main(void) {
    return test_run(NULL, NULL);
}
