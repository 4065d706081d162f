/* SPDX-License-Identifier: MIT */
/* The group keys that a command takes: once it had some, it never goes on without. */
#include <string.h>
#include <sys/stat.h>

#include "fixture.h"
#include "group_keys.h"

static struct settings settings;

static int put_one(struct muster_keyring *ring, void *context) {
    *ring = (struct muster_keyring){.keys = {{.name = "home"}}, .count = 1};
    (void)context;
    return 0;
}

static int put_none(struct muster_keyring *ring, void *context) {
    ring->count = 0;
    (void)context;
    return 0;
}

static void begin(size_t key_count) {
    settings_init(&settings);
    settings.state_dir = fixture_directory;
    assert_int_equal(
        muster_keyring_change(settings.state_dir, key_count > 0 ? put_one : put_none, NULL, NULL), 0);
}

TEST(keys_are_taken_and_remembered) {
    struct group_keys keys;
    bool has_had = false;
    begin(1);
    assert_true(group_keys_are_there(&settings));
    assert_int_equal(group_keys_read(&settings, &has_had, &keys), 0);
    assert_int_equal(keys.count, 1);
    assert_true(has_had);
    settings.no_key = true;
    assert_false(group_keys_are_there(&settings));
    assert_int_equal(group_keys_read(&settings, &has_had, &keys), 0);
    assert_int_equal(keys.count, 0);
}

TEST(without_a_key_nothing_is_sealed) {
    struct group_keys keys;
    bool has_had = false;
    begin(0);
    assert_false(group_keys_are_there(&settings));
    assert_int_equal(group_keys_read(&settings, &has_had, &keys), 0);
    assert_int_equal(keys.count, 0);
    assert_false(has_had);
}

TEST(a_last_key_that_is_retired_is_missed) {
    struct group_keys keys;
    bool has_had = true;
    begin(0);
    capture_begin(&stderr);
    assert_int_equal(group_keys_read(&settings, &has_had, &keys), MUSTER_ESTATE);
    assert_non_null(strstr(capture_end(), "there is no group key any more"));
    assert_int_equal(keys.count, 0);
}

TEST(keys_that_are_not_used_are_there) {
    struct group_keys keys;
    bool has_had = false;
    begin(1);
    assert_int_equal(chmod(fixture_path("keys/group"), 0644), 0);
    assert_true(group_keys_are_there(&settings));
    capture_begin(&stderr);
    assert_int_equal(group_keys_read(&settings, &has_had, &keys), MUSTER_ESTATE);
    assert_non_null(strstr(capture_end(), "others than its owner"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_taken_and_remembered),
        cmocka_unit_test(without_a_key_nothing_is_sealed),
        cmocka_unit_test(a_last_key_that_is_retired_is_missed),
        cmocka_unit_test(keys_that_are_not_used_are_there),
    };
    return cmocka_run_group_tests(tests, fixture_make_directory, fixture_remove_directory);
}
