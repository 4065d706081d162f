/* SPDX-License-Identifier: MIT */
/* TXT records of DNS-SD: what a service says in one, and what is read of one. */
#include <stdio.h>
#include <string.h>

#include "test.h"
#include "txt.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define ID "000102030405060708090a0b0c0d0e0f"

static const uint8_t id[MUSTER_ID_BYTES] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

/* The strings as they are sent, which is from the end of the list, with blanks between them. */
static const char *text_of(AvahiStringList *list, char text[2048], size_t *bytes) {
    size_t length = 0;
    *bytes = 0;
    list = avahi_string_list_reverse(list);
    for (const AvahiStringList *at = list; at != NULL; at = at->next) {
        assert_true(at->size > 0 && at->size <= 255);
        *bytes += at->size + 1;
        length += (size_t)snprintf(text + length, 2048 - length, "%s%.*s", length > 0 ? " " : "",
                                   (int)at->size, (const char *)at->text);
    }
    avahi_string_list_free(list);
    return text;
}

TEST(a_record_begins_with_the_id) {
    static const struct muster_text items[] = {{"path", "/"}, {"empty", ""}, {"Path", "b"}};
    char text[2048];
    size_t bytes;
    bool is_cut;
    assert_string_equal(text_of(txt_write(id, items, COUNT(items), &is_cut), text, &bytes),
                        "muster-id=" ID " path=/ empty= Path=b");
    assert_false(is_cut);
    assert_string_equal(text_of(txt_write(id, NULL, 0, &is_cut), text, &bytes), "muster-id=" ID);
}

TEST(names_that_are_no_keys_are_left_out) {
    static const struct muster_text items[] = {
        {"a=b", "1"}, {"\xc3\xa9", "2"}, {"a\tb", "3"}, {"Muster-ID", "4"}, {"a b", "5"}};
    char text[2048];
    size_t bytes;
    bool is_cut;
    assert_string_equal(text_of(txt_write(id, items, COUNT(items), &is_cut), text, &bytes),
                        "muster-id=" ID " a b=5 muster-cut");
    assert_true(is_cut);
}

/* A string has 255 bytes at most, and is cut behind a whole character. */
TEST(a_long_value_is_cut) {
    char value[256] = "";
    for (size_t i = 0; i < 127; i++) {
        strcat(value, "\xc3\xbc");
    }
    for (size_t length = 0; length < 4; length++) {
        char name[8] = "k";
        memset(name, 'k', length + 1);
        const struct muster_text item = {name, value};
        bool is_cut;
        AvahiStringList *list = txt_write(id, &item, 1, &is_cut);
        assert_string_equal((const char *)list->text, TXT_CUT);
        const AvahiStringList *written = list->next;
        assert_int_equal(written->size, length + 2 + (255 - (length + 2)) / 2 * 2);
        assert_memory_equal(written->text + written->size - 2, "\xc3\xbc", 2);
        avahi_string_list_free(list);
    }
}

TEST(a_record_has_room_for_so_much) {
    char value[128];
    struct muster_text items[40];
    memset(value, 'x', sizeof value - 1);
    value[sizeof value - 1] = '\0';
    for (size_t i = 0; i < COUNT(items); i++) {
        items[i] = (struct muster_text){"key", value};
    }
    for (size_t count = 0; count <= COUNT(items); count++) {
        char text[2048];
        size_t bytes;
        bool is_cut;
        text_of(txt_write(id, items, count, &is_cut), text, &bytes);
        assert_true(bytes <= TXT_BYTES_MAX);
        assert_int_equal(is_cut, strstr(text, " " TXT_CUT) != NULL);
        assert_int_equal(is_cut, count > 9);
    }
}

/* ---- reading ---- */

static AvahiStringList *list_of(const char *const *strings, size_t count) {
    AvahiStringList *list = NULL;
    for (size_t i = count; i > 0; i--) {
        list = avahi_string_list_add(list, strings[i - 1]);
    }
    return list;
}

TEST(of_one_key_the_first_counts) {
    static const char *const strings[] = {"", "rp=a", "RP=b", "flag", "FLAG=x", "empty=", "=none", "eq=a=b"};
    AvahiStringList *list = list_of(strings, COUNT(strings));
    static const struct muster_text wanted[] = {{"rp", "a"}, {"flag", "true"}, {"empty", ""}, {"eq", "a=b"}};
    struct txt txt;
    assert_int_equal(txt_read(list, &txt), 0);
    assert_int_equal(txt.count, COUNT(wanted));
    for (size_t i = 0; i < txt.count; i++) {
        assert_string_equal(txt.items[i].name, wanted[i].name);
        assert_string_equal(txt.items[i].value, wanted[i].value);
    }
    assert_int_equal(txt.left_out, 1);
    assert_false(txt.has_id);
    txt_deinit(&txt);
    avahi_string_list_free(list);
}

TEST(what_is_no_text_is_left_out) {
    AvahiStringList *list = avahi_string_list_add_arbitrary(NULL, (const uint8_t *)"a=\0b", 4);
    list = avahi_string_list_add_arbitrary(list, (const uint8_t *)"b=\xff\xfe", 4);
    list = avahi_string_list_add_arbitrary(list, (const uint8_t *)"\xc0\x80", 2);
    list = avahi_string_list_add(list, "0123456789012345678901234567890123456789012345678901234567890123=");
    list = avahi_string_list_add(list, "MUSTER-ID=x");
    struct txt txt;
    assert_int_equal(txt_read(list, &txt), 0);
    assert_int_equal(txt.count, 1);
    assert_int_equal(txt.left_out, 4);
    assert_true(txt.has_id);
    txt_deinit(&txt);
    avahi_string_list_free(list);
}

TEST(more_items_than_there_is_room_for_are_left_out) {
    AvahiStringList *list = NULL;
    for (unsigned i = 0; i < TXT_ITEMS_MAX + 10; i++) {
        char string[16];
        snprintf(string, sizeof string, "k%u", i);
        list = avahi_string_list_add(list, string);
    }
    struct txt txt;
    assert_int_equal(txt_read(list, &txt), 0);
    assert_int_equal(txt.count, TXT_ITEMS_MAX);
    assert_int_equal(txt.left_out, 10);
    txt_deinit(&txt);
    avahi_string_list_free(list);
    assert_int_equal(txt_read(NULL, &txt), 0);
    assert_int_equal(txt.count, 0);
    txt_deinit(&txt);
}

int main(void) {
    return test_run(NULL, NULL);
}
