/* The state directory: slots, keys, boots, and what happens to files that are not ours. */
#include "state.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmocka_all.h"
#include "limits.h"

#define WALL_MS 1700000000000u

struct fixture {
    char directory[64];
    char last_error[2048];
};

static void keep_error(enum muster_log_level level, const char *line, void *context) {
    struct fixture *fixture = context;
    if (level == MUSTER_LOG_ERROR) {
        snprintf(fixture->last_error, sizeof fixture->last_error, "%s", line);
    }
}

static int setup(void **context) {
    struct fixture *fixture = calloc(1, sizeof *fixture);
    snprintf(fixture->directory, sizeof fixture->directory, "/tmp/muster-state-XXXXXX");
    *context = fixture;
    return mkdtemp(fixture->directory) == NULL ? -1 : 0;
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *walk) {
    (void)status;
    (void)type;
    (void)walk;
    return remove(path);
}

static int teardown(void **context) {
    struct fixture *fixture = *context;
    int result = nftw(fixture->directory, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
    free(fixture);
    return result;
}

static int open_at(struct fixture *fixture, const char *instance, const char *name, uint64_t wall_ms,
                   struct state *state, struct identity *identity) {
    struct log log = {.write = keep_error, .context = fixture};
    struct state_options options = {
        .directory = fixture->directory, .instance = instance, .name = name, .wall_ms = wall_ms};
    return state_open(state, &options, identity, &log);
}

/* Opens and closes at once. */
static int start(struct fixture *fixture, uint64_t wall_ms, struct identity *identity) {
    struct state state;
    int error = open_at(fixture, "kitchen", NULL, wall_ms, &state, identity);
    state_close(&state);
    return error;
}

static void write_file(const struct fixture *fixture, const char *file, const char *text) {
    char path[256];
    snprintf(path, sizeof path, "%s/kitchen/%s", fixture->directory, file);
    FILE *stream = fopen(path, "w");
    assert_non_null(stream);
    assert_true(fputs(text, stream) >= 0);
    assert_int_equal(fclose(stream), 0);
}

static void read_file(const struct fixture *fixture, const char *file, char text[256]) {
    char path[256];
    snprintf(path, sizeof path, "%s/kitchen/%s", fixture->directory, file);
    FILE *stream = fopen(path, "r");
    assert_non_null(stream);
    text[fread(text, 1, 255, stream)] = '\0';
    fclose(stream);
}

static unsigned count_files(const struct fixture *fixture, const char *prefix) {
    char path[256];
    snprintf(path, sizeof path, "%s/kitchen", fixture->directory);
    DIR *directory = opendir(path);
    assert_non_null(directory);
    unsigned count = 0;
    for (struct dirent *entry = readdir(directory); entry != NULL; entry = readdir(directory)) {
        count += strncmp(entry->d_name, prefix, strlen(prefix)) == 0 ? 1 : 0;
    }
    closedir(directory);
    return count;
}

/* ---- identity ---- */

static void test_key_stays_and_boot_grows(void **context) {
    struct identity first;
    struct identity second;
    struct identity third;
    assert_int_equal(start(*context, WALL_MS, &first), 0);
    assert_int_equal(start(*context, WALL_MS, &second), 0);
    assert_int_equal(start(*context, WALL_MS - 5000, &third), 0); /* the clock was set back */
    assert_memory_equal(first.key, second.key, sizeof first.key);
    assert_memory_equal(first.secret, third.secret, sizeof first.secret);
    assert_int_equal(first.boot, WALL_MS);
    assert_int_equal(second.boot, WALL_MS + 1);
    assert_int_equal(third.boot, WALL_MS + 2);
    assert_int_equal(start(*context, WALL_MS + 9000, &third), 0);
    assert_int_equal(third.boot, WALL_MS + 9000);
}

static void test_boot_is_stored_before_it_is_used(void **context) {
    struct identity identity;
    struct state state;
    char text[256];
    assert_int_equal(open_at(*context, "kitchen", NULL, WALL_MS, &state, &identity), 0);
    read_file(*context, "boot", text);
    assert_string_equal(text, "1700000000000\n");
    assert_int_equal(count_files(*context, "boot.new"), 0);
    assert_int_equal(count_files(*context, "key.new"), 0);
    state_close(&state);
}

static void test_wall_clock_at_its_epoch(void **context) {
    struct identity identity;
    assert_int_equal(start(*context, 0, &identity), 0);
    assert_int_equal(identity.boot, 1);
    assert_int_equal(start(*context, UINT64_MAX, &identity), 0);
    assert_int_equal(identity.boot, 2);
}

static void test_only_the_owner_may_look(void **context) {
    struct fixture *fixture = *context;
    struct identity identity;
    assert_int_equal(start(fixture, WALL_MS, &identity), 0);
    static const char *const files[] = {"", "/key", "/boot", "/lock"};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        char path[256];
        struct stat status;
        snprintf(path, sizeof path, "%s/kitchen%s", fixture->directory, files[i]);
        assert_int_equal(stat(path, &status), 0);
        assert_int_equal(status.st_mode & 0777, i == 0 ? 0700 : 0600);
    }
}

/* ---- damage ---- */

static void expect_damage(struct fixture *fixture, const char *file, const char *content) {
    struct identity before;
    struct identity after;
    char path[128];
    assert_int_equal(start(fixture, WALL_MS, &before), 0);
    unsigned damaged = count_files(fixture, file);
    write_file(fixture, file, content);
    assert_int_equal(start(fixture, WALL_MS, &after), MUSTER_EDAMAGED);
    snprintf(path, sizeof path, "%s/kitchen/%s.damaged-17000000000", fixture->directory, file);
    assert_non_null(strstr(fixture->last_error, path));
    assert_int_equal(count_files(fixture, file), damaged); /* one aside, none in its place */
    assert_int_equal(start(fixture, WALL_MS, &after), 0);
    assert_int_equal(memcmp(before.key, after.key, sizeof before.key) != 0, strcmp(file, "key") == 0);
}

static void test_damaged_key_is_set_aside(void **context) {
    char other[2 * MUSTER_SECRET_BYTES + 2];
    expect_damage(*context, "key", "");
    expect_damage(*context, "key", "no key\n");
    memset(other, 'a', sizeof other - 2); /* the right size, but the halves do not belong together */
    strcpy(other + sizeof other - 2, "\n");
    expect_damage(*context, "key", other);
    other[sizeof other - 2] = 'a'; /* no LF */
    other[sizeof other - 1] = '\0';
    expect_damage(*context, "key", other);
    other[0] = 'x';
    expect_damage(*context, "key", other);
    assert_int_equal(count_files(*context, "key.damaged-"), 5); /* none overwrote another */
}

static void test_key_with_a_flipped_digit_is_damaged(void **context) {
    struct identity identity;
    char text[256];
    assert_int_equal(start(*context, WALL_MS, &identity), 0);
    for (size_t i = 0; i < 2 * MUSTER_SECRET_BYTES; i += 63) {
        read_file(*context, "key", text);
        text[i] = text[i] == '0' ? '1' : '0';
        expect_damage(*context, "key", text);
    }
}

static void test_damaged_boot_is_set_aside(void **context) {
    static const char *const contents[] = {
        "", "\n", "0\n", "-1\n", "12", "12 \n", " 12\n", "twelve\n", "12\n13\n", "9007199254740991\n",
        "9007199254740992\n", "99999999999999999999999999\n"};
    for (size_t i = 0; i < sizeof contents / sizeof contents[0]; i++) {
        expect_damage(*context, "boot", contents[i]);
    }
}

static void test_both_damaged_go_aside_together(void **context) {
    struct identity identity;
    assert_int_equal(start(*context, WALL_MS, &identity), 0);
    write_file(*context, "key", "?");
    write_file(*context, "boot", "?");
    assert_int_equal(start(*context, WALL_MS, &identity), MUSTER_EDAMAGED);
    assert_int_equal(count_files(*context, "key.damaged-"), 1);
    assert_int_equal(count_files(*context, "boot.damaged-"), 1);
    assert_int_equal(start(*context, WALL_MS, &identity), 0);
}

static void test_directory_in_place_of_a_key_is_damage(void **context) {
    struct fixture *fixture = *context;
    struct identity identity;
    char path[256];
    assert_int_equal(start(fixture, WALL_MS, &identity), 0);
    snprintf(path, sizeof path, "%s/kitchen/key", fixture->directory);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(start(fixture, WALL_MS, &identity), MUSTER_EDAMAGED);
    assert_int_equal(start(fixture, WALL_MS, &identity), 0);
}

static void test_largest_boot_has_a_last_successor(void **context) {
    struct identity identity;
    assert_int_equal(start(*context, WALL_MS, &identity), 0);
    write_file(*context, "boot", "9007199254740990\n");
    assert_int_equal(start(*context, WALL_MS, &identity), 0);
    assert_int_equal(identity.boot, MUSTER_INTEGER_MAX);
}

/* ---- what the file system refuses ---- */

static void test_file_in_place_of_the_directory(void **context) {
    struct fixture *fixture = *context;
    struct identity identity;
    char path[256];
    snprintf(path, sizeof path, "%s/kitchen", fixture->directory);
    int fd = open(path, O_CREAT | O_WRONLY, 0600);
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(start(fixture, WALL_MS, &identity), MUSTER_ESTATE);
    assert_non_null(strstr(fixture->last_error, path));
}

static void test_no_permission(void **context) {
    struct fixture *fixture = *context;
    struct identity identity;
    if (geteuid() == 0) {
        skip(); /* root may everything */
    }
    assert_int_equal(chmod(fixture->directory, 0500), 0);
    assert_int_equal(start(fixture, WALL_MS, &identity), MUSTER_EPERM);
    assert_int_equal(chmod(fixture->directory, 0700), 0);
    assert_non_null(strstr(fixture->last_error, fixture->directory));
}

static void test_not_a_directory(void **context) {
    struct identity identity;
    struct log log = {.write = keep_error, .context = *context};
    struct state_options options = {.directory = "/dev/full", .instance = "kitchen", .wall_ms = WALL_MS};
    struct state state;
    assert_int_equal(state_open(&state, &options, &identity, &log), MUSTER_ESTATE); /* not a directory */
    options.directory = "";
    assert_int_equal(state_open(&state, &options, &identity, &log), MUSTER_EINVAL);
}

static void test_parents_are_made(void **context) {
    struct fixture *fixture = *context;
    struct log log = {.write = keep_error, .context = fixture};
    char directory[256];
    snprintf(directory, sizeof directory, "%s/a/b/c/", fixture->directory);
    struct state_options options = {.directory = directory, .instance = "kitchen", .wall_ms = WALL_MS};
    struct state state;
    struct identity identity;
    assert_int_equal(state_open(&state, &options, &identity, &log), 0);
    state_close(&state);
}

static void test_default_directory_follows_xdg(void **context) {
    struct fixture *fixture = *context;
    struct log log = {.write = keep_error, .context = fixture};
    struct state_options options = {.instance = "kitchen", .wall_ms = WALL_MS};
    struct state state;
    struct identity identity;
    char expected[256];
    if (geteuid() == 0) {
        skip(); /* root's is /var/lib/muster, which is not ours to write in a test */
    }
    setenv("XDG_STATE_HOME", fixture->directory, 1);
    assert_int_equal(state_open(&state, &options, &identity, &log), 0);
    snprintf(expected, sizeof expected, "%s/muster/kitchen", fixture->directory);
    assert_string_equal(state.slot.path, expected);
    state_close(&state);
    setenv("XDG_STATE_HOME", "relative", 1);
    setenv("HOME", fixture->directory, 1);
    assert_int_equal(state_open(&state, &options, &identity, &log), 0);
    snprintf(expected, sizeof expected, "%s/.local/state/muster/kitchen", fixture->directory);
    assert_string_equal(state.slot.path, expected);
    state_close(&state);
    unsetenv("HOME");
    assert_int_equal(state_open(&state, &options, &identity, &log), MUSTER_ESTATE);
}

/* ---- slots ---- */

static void test_held_instance_is_busy(void **context) {
    struct fixture *fixture = *context;
    struct state first;
    struct state second;
    struct identity identity;
    assert_int_equal(open_at(fixture, "kitchen", NULL, WALL_MS, &first, &identity), 0);
    assert_int_equal(open_at(fixture, "kitchen", NULL, WALL_MS, &second, &identity), MUSTER_EBUSY);
    assert_non_null(strstr(fixture->last_error, "kitchen"));
    state_close(&second); /* nothing is held: harmless */
    state_close(&first);
    assert_int_equal(open_at(fixture, "kitchen", NULL, WALL_MS, &second, &identity), 0);
    state_close(&second);
}

static void test_held_name_takes_the_next_slot(void **context) {
    struct fixture *fixture = *context;
    struct state states[STATE_SLOTS + 1];
    struct identity identities[STATE_SLOTS + 1];
    char expected[256];
    for (unsigned i = 0; i < STATE_SLOTS; i++) {
        assert_int_equal(open_at(fixture, NULL, "kitchen", WALL_MS, &states[i], &identities[i]), 0);
        if (i > 0) {
            snprintf(expected, sizeof expected, "%s/kitchen-%u", fixture->directory, i + 1);
            assert_string_equal(states[i].slot.path, expected);
            assert_memory_not_equal(identities[0].key, identities[i].key, MUSTER_KEY_BYTES);
        }
    }
    assert_int_equal(open_at(fixture, NULL, "kitchen", WALL_MS, &states[STATE_SLOTS], &identities[STATE_SLOTS]),
                     MUSTER_EBUSY);
    state_close(&states[4]);
    assert_int_equal(open_at(fixture, NULL, "kitchen", WALL_MS, &states[4], &identities[STATE_SLOTS]), 0);
    assert_memory_equal(identities[4].key, identities[STATE_SLOTS].key, MUSTER_KEY_BYTES);
    for (unsigned i = 0; i < STATE_SLOTS; i++) {
        state_close(&states[i]);
    }
}

static void test_slot_names(void **context) {
    (void)context;
    static const char *const plain[] = {"kitchen", "a", "Room_7.left-2", "_x"};
    static const char *const others[] = {"",    ".",   "..",   ".hidden", "-rf",  "a/b",  "a\\b",
                                         "a b", "a\n", "k\303\274che", "a+b", "../../etc/passwd"};
    char name[SLOT_NAME_BYTES];
    for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++) {
        slot_name(plain[i], name);
        assert_string_equal(name, plain[i]);
    }
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        slot_name(others[i], name);
        assert_string_not_equal(name, others[i]);
        assert_true(name[0] != '.' && name[0] != '-' && name[0] != '\0');
        assert_int_equal(strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-+"),
                         strlen(name));
    }
}

static void test_slot_names_keep_instances_apart(void **context) {
    (void)context;
    char long_one[512];
    char long_two[512];
    char first[SLOT_NAME_BYTES];
    char second[SLOT_NAME_BYTES];
    memset(long_one, 'x', sizeof long_one - 1);
    long_one[sizeof long_one - 1] = '\0';
    memcpy(long_two, long_one, sizeof long_two);
    long_two[sizeof long_two - 2] = 'y';
    slot_name(long_one, first);
    slot_name(long_two, second);
    assert_string_not_equal(first, second);
    assert_true(strlen(first) < 100);
    slot_name("a b", first);
    slot_name("a/b", second);
    assert_string_not_equal(first, second);
    slot_name(first, second); /* an instance that looks like a slot of another */
    assert_string_not_equal(first, second);
}

/* ---- another key ---- */

static void test_rekey_keeps_the_old_key_aside(void **context) {
    struct fixture *fixture = *context;
    struct log log = {.write = keep_error, .context = fixture};
    struct state state;
    struct identity before;
    struct identity after;
    struct identity later;
    assert_int_equal(open_at(fixture, "kitchen", NULL, WALL_MS, &state, &before), 0);
    assert_int_equal(state_rekey(&state, before.boot, WALL_MS - 7, &after, &log), 0);
    state_close(&state);
    assert_memory_not_equal(before.key, after.key, sizeof before.key);
    assert_int_equal(after.boot, before.boot + 1);
    assert_int_equal(count_files(fixture, "key.conflict-"), 1);
    assert_int_equal(start(fixture, WALL_MS, &later), 0);
    assert_memory_equal(after.key, later.key, sizeof after.key);
    assert_int_equal(later.boot, after.boot + 1);
}

static void test_failed_rekey_changes_nothing(void **context) {
    struct fixture *fixture = *context;
    struct log log = {.write = keep_error, .context = fixture};
    struct state state;
    struct identity before;
    struct identity after;
    char path[256];
    assert_int_equal(open_at(fixture, "kitchen", NULL, WALL_MS, &state, &before), 0);
    snprintf(path, sizeof path, "%s/kitchen/key.new", fixture->directory);
    assert_int_equal(mkdir(path, 0700), 0); /* no draft can be written */
    assert_int_equal(state_rekey(&state, before.boot, WALL_MS, &after, &log), MUSTER_ESTATE);
    assert_int_equal(rmdir(path), 0);
    state_close(&state);
    assert_int_equal(count_files(fixture, "key.conflict-"), 0);
    assert_int_equal(start(fixture, WALL_MS, &after), 0);
    assert_memory_equal(before.key, after.key, sizeof before.key);
}

#define STATE_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        STATE_TEST(test_key_stays_and_boot_grows),
        STATE_TEST(test_boot_is_stored_before_it_is_used),
        STATE_TEST(test_wall_clock_at_its_epoch),
        STATE_TEST(test_only_the_owner_may_look),
        STATE_TEST(test_damaged_key_is_set_aside),
        STATE_TEST(test_key_with_a_flipped_digit_is_damaged),
        STATE_TEST(test_damaged_boot_is_set_aside),
        STATE_TEST(test_both_damaged_go_aside_together),
        STATE_TEST(test_directory_in_place_of_a_key_is_damage),
        STATE_TEST(test_largest_boot_has_a_last_successor),
        STATE_TEST(test_file_in_place_of_the_directory),
        STATE_TEST(test_no_permission),
        STATE_TEST(test_not_a_directory),
        STATE_TEST(test_parents_are_made),
        STATE_TEST(test_default_directory_follows_xdg),
        STATE_TEST(test_held_instance_is_busy),
        STATE_TEST(test_held_name_takes_the_next_slot),
        cmocka_unit_test(test_slot_names),
        cmocka_unit_test(test_slot_names_keep_instances_apart),
        STATE_TEST(test_rekey_keeps_the_old_key_aside),
        STATE_TEST(test_failed_rekey_changes_nothing),
    };
    return cmocka_run_group_tests_name("state", tests, NULL, NULL);
}
