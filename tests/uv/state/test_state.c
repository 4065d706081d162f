/* SPDX-License-Identifier: MIT */
/* The state directory: slots, keys, boots, and what happens to files that are not ours. */
#include "state.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"
#include "limit.h"

#define WALL_MS 1700000000000u
#define CRASHED 42
#define NOBODY 65534
#define CANNOT_BE_NOBODY 77

/* ---- a file system that fails on demand ---- */

static struct {
    unsigned steps_left; /* the process ends before so many changes of names more; 0: never */
    ino_t foreign;       /* this file belongs to another user; 0: none */
} disk;

static void step_or_crash(void) {
    if (disk.steps_left > 0 && --disk.steps_left == 0) {
        _exit(CRASHED);
    }
}

/* Stand in for the C library's. */
int renameat(int from_directory, const char *from, int to_directory, const char *to) {
    step_or_crash();
    return (int)syscall(SYS_renameat2, from_directory, from, to_directory, to, 0);
}

int linkat(int from_directory, const char *from, int to_directory, const char *to, int flags) {
    step_or_crash();
    return (int)syscall(SYS_linkat, from_directory, from, to_directory, to, flags);
}

int fstat(int fd, struct stat *status) {
    int result = fstatat(fd, "", status, AT_EMPTY_PATH);
    if (result == 0 && disk.foreign != 0 && status->st_ino == disk.foreign) {
        status->st_uid++;
    }
    return result;
}

/* ---- a state directory ---- */

static void begin(void) {
    fixture_begin();
    memset(&disk, 0, sizeof disk);
}

static int open_at(const char *instance, const char *name, uint64_t wall_ms, struct slot *state,
                   struct node_identity *identity) {
    struct state_options options = {
        .directory = fixture.directory, .instance = instance, .name = name, .wall_ms = wall_ms};
    return state_open(state, &options, identity, &fixture.log);
}

/* Opens and closes at once. */
static int start(uint64_t wall_ms, struct node_identity *identity) {
    struct slot held;
    int error = open_at("kitchen", NULL, wall_ms, &held, identity);
    slot_release(&held);
    return error;
}

static void write_file(const char *file, const char *text) {
    char path[256];
    snprintf(path, sizeof path, "%s/kitchen/%s", fixture.directory, file);
    FILE *stream = fopen(path, "w");
    assert_non_null(stream);
    assert_true(fputs(text, stream) >= 0);
    assert_int_equal(fclose(stream), 0);
}

static void read_file(const char *file, char text[256]) {
    char path[256];
    snprintf(path, sizeof path, "%s/kitchen/%s", fixture.directory, file);
    FILE *stream = fopen(path, "r");
    assert_non_null(stream);
    text[fread(text, 1, 255, stream)] = '\0';
    fclose(stream);
}

static void path_of(const char *file, char path[256]) {
    snprintf(path, 256, "%s/kitchen%s", fixture.directory, file);
}

static unsigned count_files(const char *prefix) {
    char path[256];
    snprintf(path, sizeof path, "%s/kitchen", fixture.directory);
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

TEST(test_key_stays_and_boot_grows) {
    struct node_identity first;
    struct node_identity second;
    struct node_identity third;
    assert_int_equal(start(WALL_MS, &first), 0);
    assert_int_equal(start(WALL_MS, &second), 0);
    assert_int_equal(start(WALL_MS - 5000, &third), 0); /* the clock was set back */
    assert_memory_equal(first.key, second.key, sizeof first.key);
    assert_memory_equal(first.secret, third.secret, sizeof first.secret);
    assert_int_equal(first.boot, WALL_MS);
    assert_int_equal(second.boot, WALL_MS + 1);
    assert_int_equal(third.boot, WALL_MS + 2);
    assert_int_equal(start(WALL_MS + 9000, &third), 0);
    assert_int_equal(third.boot, WALL_MS + 9000);
}

TEST(test_boot_is_stored_before_it_is_used) {
    struct node_identity identity;
    struct slot held;
    char text[256];
    assert_int_equal(open_at("kitchen", NULL, WALL_MS, &held, &identity), 0);
    read_file("boot", text);
    assert_string_equal(text, "1700000000000\n");
    assert_int_equal(count_files("boot.new"), 0);
    assert_int_equal(count_files("key.new"), 0);
    slot_release(&held);
}

TEST(test_wall_clock_at_its_epoch) {
    struct node_identity identity;
    assert_int_equal(start(0, &identity), 0);
    assert_int_equal(identity.boot, 1);
    assert_int_equal(start(UINT64_MAX, &identity), 0);
    assert_int_equal(identity.boot, 2);
}

TEST(test_only_the_owner_may_look) {
    struct node_identity identity;
    assert_int_equal(start(WALL_MS, &identity), 0);
    static const char *const files[] = {"", "/key", "/boot", "/lock"};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        char path[256];
        struct stat status;
        snprintf(path, sizeof path, "%s/kitchen%s", fixture.directory, files[i]);
        assert_int_equal(stat(path, &status), 0);
        assert_int_equal(status.st_mode & 0777, i == 0 ? 0700 : 0600);
    }
}

TEST(test_lost_key_is_said) {
    struct node_identity before;
    struct node_identity after;
    char path[256];
    path_of("/key", path);
    assert_int_equal(start(WALL_MS, &before), 0);
    assert_int_equal(fixture.warnings, 0); /* a first key replaces none */
    assert_int_equal(unlink(path), 0);
    assert_int_equal(start(WALL_MS, &after), 0);
    assert_memory_not_equal(before.key, after.key, sizeof before.key);
    assert_int_equal(fixture.warnings, 1);
    assert_non_null(strstr(fixture.last_warning, path));
    assert_int_equal(unlink(path), 0);
    write_file("boot", "?"); /* what is damaged tells of a past as well */
    assert_int_equal(start(WALL_MS, &after), MUSTER_EDAMAGED);
    assert_int_equal(fixture.warnings, 2);
}

/* ---- damage ---- */

static void expect_damage(const char *file, const char *content) {
    struct node_identity before;
    struct node_identity after;
    char path[128];
    assert_int_equal(start(WALL_MS, &before), 0);
    unsigned damaged = count_files(file);
    write_file(file, content);
    assert_int_equal(start(WALL_MS, &after), MUSTER_EDAMAGED);
    snprintf(path, sizeof path, "%s/kitchen/%s.damaged-17000000000", fixture.directory, file);
    assert_non_null(strstr(fixture.last_error, path));
    assert_int_equal(count_files(file), damaged); /* one aside, none in its place */
    assert_int_equal(start(WALL_MS, &after), 0);
    assert_int_equal(memcmp(before.key, after.key, sizeof before.key) != 0, strcmp(file, "key") == 0);
}

TEST(test_damaged_key_is_set_aside) {
    char other[2 * MUSTER_SECRET_BYTES + 2];
    expect_damage("key", "");
    expect_damage("key", "no key\n");
    memset(other, 'a', sizeof other - 2); /* the right size, but the halves do not belong together */
    strcpy(other + sizeof other - 2, "\n");
    expect_damage("key", other);
    other[sizeof other - 2] = 'a'; /* no LF */
    other[sizeof other - 1] = '\0';
    expect_damage("key", other);
    other[0] = 'x';
    expect_damage("key", other);
    assert_int_equal(count_files("key.damaged-"), 5); /* none overwrote another */
}

TEST(test_key_with_a_flipped_digit_is_damaged) {
    struct node_identity identity;
    char text[256];
    assert_int_equal(start(WALL_MS, &identity), 0);
    for (size_t i = 0; i < 2 * MUSTER_SECRET_BYTES; i += 63) {
        read_file("key", text);
        text[i] = text[i] == '0' ? '1' : '0';
        expect_damage("key", text);
    }
}

TEST(test_damaged_boot_is_set_aside) {
    static const char *const contents[] = {"",
                                           "\n",
                                           "0\n",
                                           "-1\n",
                                           "12",
                                           "12 \n",
                                           " 12\n",
                                           "twelve\n",
                                           "12\n13\n",
                                           "9007199254740991\n",
                                           "9007199254740992\n",
                                           "99999999999999999999999999\n"};
    for (size_t i = 0; i < sizeof contents / sizeof contents[0]; i++) {
        expect_damage("boot", contents[i]);
    }
}

TEST(test_both_damaged_go_aside_together) {
    struct node_identity identity;
    assert_int_equal(start(WALL_MS, &identity), 0);
    write_file("key", "?");
    write_file("boot", "?");
    assert_int_equal(start(WALL_MS, &identity), MUSTER_EDAMAGED);
    assert_int_equal(count_files("key.damaged-"), 1);
    assert_int_equal(count_files("boot.damaged-"), 1);
    assert_int_equal(start(WALL_MS, &identity), 0);
}

TEST(test_directory_in_place_of_a_key_is_damage) {
    struct node_identity identity;
    char path[256];
    assert_int_equal(start(WALL_MS, &identity), 0);
    snprintf(path, sizeof path, "%s/kitchen/key", fixture.directory);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(start(WALL_MS, &identity), MUSTER_EDAMAGED);
    assert_int_equal(start(WALL_MS, &identity), 0);
}

TEST(test_largest_boot_has_a_last_successor) {
    struct node_identity identity;
    assert_int_equal(start(WALL_MS, &identity), 0);
    write_file("boot", "9007199254740990\n");
    assert_int_equal(start(WALL_MS, &identity), 0);
    assert_int_equal(identity.boot, MUSTER_INTEGER_MAX);
}

/* ---- what the file system refuses ---- */

TEST(test_file_in_place_of_the_directory) {
    struct node_identity identity;
    char path[256];
    snprintf(path, sizeof path, "%s/kitchen", fixture.directory);
    int fd = open(path, O_CREAT | O_WRONLY, 0600);
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(start(WALL_MS, &identity), MUSTER_ESTATE);
    assert_non_null(strstr(fixture.last_error, path));
}

/* A refusal is one line, names the path, and leaves what is there as it was. */
static void expect_refusal(const char *path, const char *why) {
    struct node_identity identity;
    char line[512];
    unsigned errors = fixture.errors;
    snprintf(line, sizeof line, "state %s is not used: it %s", path, why);
    assert_int_equal(start(WALL_MS, &identity), MUSTER_ESTATE);
    assert_string_equal(fixture.last_error, line);
    assert_int_equal(fixture.errors, errors + 1);
}

TEST(test_what_others_can_write_is_refused) {
    static const char *const files[] = {"", "/key", "/boot"};
    static const mode_t modes[] = {0020, 0002, 0066};
    struct node_identity before;
    struct node_identity after;
    char path[256];
    assert_int_equal(start(WALL_MS, &before), 0);
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        path_of(files[i], path);
        for (size_t k = 0; k < sizeof modes / sizeof modes[0]; k++) {
            assert_int_equal(chmod(path, 0700 | modes[k]), 0);
            expect_refusal(path, "can be written by others than its owner");
        }
        assert_int_equal(chmod(path, 0744), 0); /* may be read */
        assert_int_equal(start(WALL_MS, &after), 0);
        assert_memory_equal(before.key, after.key, sizeof before.key);
    }
}

TEST(test_what_another_user_owns_is_refused) {
    static const char *const files[] = {"", "/key", "/boot"};
    struct node_identity before;
    struct node_identity after;
    char path[256];
    assert_int_equal(start(WALL_MS, &before), 0);
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        struct stat status;
        path_of(files[i], path);
        assert_int_equal(stat(path, &status), 0);
        disk.foreign = status.st_ino;
        expect_refusal(path, "belongs to another user");
        disk.foreign = 0;
        assert_int_equal(start(WALL_MS, &after), 0);
        assert_memory_equal(before.key, after.key, sizeof before.key);
    }
}

/* A part of a test that root can't play: true when all of it held. Here a failed assert would return to the
 * runner, in a second process. */
typedef bool (*nobody_part)(void);

#define HOLDS(condition)                                                \
    do {                                                                \
        if (!(condition)) {                                             \
            fprintf(stderr, "%s: in vain: %s\n", __func__, #condition); \
            return false;                                               \
        }                                                               \
    } while (0)

static void expect_as_nobody(nobody_part part) {
    int status;
    if (geteuid() == 0) {
        assert_int_equal(chown(fixture.directory, NOBODY, NOBODY), 0);
    }
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        if (geteuid() == 0 && (setgid(NOBODY) != 0 || setuid(NOBODY) != 0)) {
            _exit(CANNOT_BE_NOBODY);
        }
        _exit(part() ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == CANNOT_BE_NOBODY) {
        skip(); /* a namespace with one user alone */
    }
    assert_int_equal(WEXITSTATUS(status), 0);
}

static bool no_permission_is_told(void) {
    struct node_identity identity;
    HOLDS(chmod(fixture.directory, 0500) == 0);
    HOLDS(start(WALL_MS, &identity) == MUSTER_EPERM);
    HOLDS(strstr(fixture.last_error, fixture.directory) != NULL);
    HOLDS(chmod(fixture.directory, 0700) == 0);
    return true;
}

TEST(test_no_permission) {
    expect_as_nobody(no_permission_is_told);
}

TEST(test_not_a_directory) {
    struct node_identity identity;
    struct state_options options = {.directory = "/dev/full", .instance = "kitchen", .wall_ms = WALL_MS};
    struct slot held;
    assert_int_equal(state_open(&held, &options, &identity, &fixture.log),
                     MUSTER_ESTATE); /* not a directory */
    options.directory = "";
    assert_int_equal(state_open(&held, &options, &identity, &fixture.log), MUSTER_EINVAL);
}

TEST(test_parents_are_made) {
    char directory[256];
    snprintf(directory, sizeof directory, "%s/a/b/c/", fixture.directory);
    struct state_options options = {.directory = directory, .instance = "kitchen", .wall_ms = WALL_MS};
    struct slot held;
    struct node_identity identity;
    assert_int_equal(state_open(&held, &options, &identity, &fixture.log), 0);
    slot_release(&held);
}

/* Root's is /var/lib/muster, which is not ours to write in a test. */
static bool default_directory_follows_xdg(void) {
    struct state_options options = {.instance = "kitchen", .wall_ms = WALL_MS};
    struct slot held;
    struct node_identity identity;
    char expected[256];
    setenv("XDG_STATE_HOME", fixture.directory, 1);
    HOLDS(state_open(&held, &options, &identity, &fixture.log) == 0);
    snprintf(expected, sizeof expected, "%s/muster/kitchen", fixture.directory);
    HOLDS(strcmp(held.path, expected) == 0);
    slot_release(&held);
    setenv("XDG_STATE_HOME", "relative", 1);
    setenv("HOME", fixture.directory, 1);
    HOLDS(state_open(&held, &options, &identity, &fixture.log) == 0);
    snprintf(expected, sizeof expected, "%s/.local/state/muster/kitchen", fixture.directory);
    HOLDS(strcmp(held.path, expected) == 0);
    slot_release(&held);
    unsetenv("HOME");
    HOLDS(state_open(&held, &options, &identity, &fixture.log) == MUSTER_ESTATE);
    return true;
}

TEST(test_default_directory_follows_xdg) {
    expect_as_nobody(default_directory_follows_xdg);
}

/* ---- slots ---- */

TEST(test_held_instance_is_busy) {
    struct slot first;
    struct slot second;
    struct node_identity identity;
    assert_int_equal(open_at("kitchen", NULL, WALL_MS, &first, &identity), 0);
    assert_int_equal(open_at("kitchen", NULL, WALL_MS, &second, &identity), MUSTER_EBUSY);
    assert_non_null(strstr(fixture.last_error, "kitchen"));
    slot_release(&second); /* nothing is held: harmless */
    slot_release(&first);
    assert_int_equal(open_at("kitchen", NULL, WALL_MS, &second, &identity), 0);
    slot_release(&second);
}

TEST(test_held_name_takes_the_next_slot) {
    struct slot states[STATE_SLOTS + 1];
    struct node_identity identities[STATE_SLOTS + 1];
    char expected[256];
    for (unsigned i = 0; i < STATE_SLOTS; i++) {
        assert_int_equal(open_at(NULL, "kitchen", WALL_MS, &states[i], &identities[i]), 0);
        if (i > 0) {
            snprintf(expected, sizeof expected, "%s/kitchen+%u", fixture.directory, i + 1);
            assert_string_equal(states[i].path, expected);
            assert_memory_not_equal(identities[0].key, identities[i].key, MUSTER_KEY_BYTES);
        }
    }
    assert_int_equal(open_at(NULL, "kitchen", WALL_MS, &states[STATE_SLOTS], &identities[STATE_SLOTS]),
                     MUSTER_EBUSY);
    slot_release(&states[4]);
    assert_int_equal(open_at(NULL, "kitchen", WALL_MS, &states[4], &identities[STATE_SLOTS]), 0);
    assert_memory_equal(identities[4].key, identities[STATE_SLOTS].key, MUSTER_KEY_BYTES);
    for (unsigned i = 0; i < STATE_SLOTS; i++) {
        slot_release(&states[i]);
    }
}

TEST(test_numbered_slot_is_nobody_elses) {
    static const char *const names[] = {"kitchen-2", "kitchen+2", "kitchen 2"};
    struct slot first;
    struct slot second;
    struct slot others[3];
    struct node_identity identities[2];
    struct node_identity other;
    assert_int_equal(open_at(NULL, "kitchen", WALL_MS, &first, &identities[0]), 0);
    assert_int_equal(open_at(NULL, "kitchen", WALL_MS, &second, &identities[1]), 0);
    slot_release(&second);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(open_at(NULL, names[i], WALL_MS, &others[i], &other), 0);
        assert_memory_not_equal(other.key, identities[0].key, sizeof other.key);
        assert_memory_not_equal(other.key, identities[1].key, sizeof other.key);
    }
    for (size_t i = 0; i < 3; i++) {
        slot_release(&others[i]);
    }
    slot_release(&first);
}

TEST(test_slot_names) {
    static const char *const plain[] = {"kitchen", "a", "Room_7.left-2", "_x"};
    static const char *const others[] = {"",     ".",   "..",  ".hidden",      "-rf", "a/b",
                                         "a\\b", "a b", "a\n", "k\303\274che", "a+b", "../../etc/passwd"};
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

TEST(test_slot_names_keep_instances_apart) {
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
    memset(long_one, ' ', sizeof long_one - 1);
    slot_name(long_one, first); /* the longest */
    memcpy(second, first, sizeof second);
    slot_name_number(second, STATE_SLOTS);
    assert_int_equal(strlen(second), strlen(first) + 3);
    assert_string_equal(second + strlen(first), "+32");
}

TEST(test_a_numbered_slot_that_is_given) {
    char first[SLOT_NAME_BYTES];
    char second[SLOT_NAME_BYTES];
    slot_name_given("kit+2", first);
    assert_string_equal(first, "kit+2");
    slot_name_given("a b", first);
    slot_name_given("a b+12", second);
    assert_memory_equal(first, second, strlen(first));
    assert_string_equal(second + strlen(first), "+12");
    static const char *const others[] = {"kit", "kit+1", "kit+02", "kit+100", "+2", "kit+2+"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        slot_name(others[i], first);
        slot_name_given(others[i], second);
        assert_string_equal(first, second);
    }
}

/* ---- another key ---- */

TEST(test_rekey_keeps_the_old_key_aside) {
    struct slot held;
    struct node_identity before;
    struct node_identity after;
    struct node_identity later;
    assert_int_equal(open_at("kitchen", NULL, WALL_MS, &held, &before), 0);
    assert_int_equal(state_rekey(&held, before.boot, WALL_MS - 7, &after, &fixture.log), 0);
    slot_release(&held);
    assert_memory_not_equal(before.key, after.key, sizeof before.key);
    assert_int_equal(after.boot, before.boot + 1);
    assert_int_equal(count_files("key.conflict-"), 1);
    assert_int_equal(start(WALL_MS, &later), 0);
    assert_memory_equal(after.key, later.key, sizeof after.key);
    assert_int_equal(later.boot, after.boot + 1);
}

TEST(test_failed_rekey_changes_nothing) {
    struct slot held;
    struct node_identity before;
    struct node_identity after;
    char path[256];
    assert_int_equal(open_at("kitchen", NULL, WALL_MS, &held, &before), 0);
    snprintf(path, sizeof path, "%s/kitchen/key.new", fixture.directory);
    assert_int_equal(mkdir(path, 0700), 0); /* no draft can be written */
    assert_int_equal(state_rekey(&held, before.boot, WALL_MS, &after, &fixture.log), MUSTER_ESTATE);
    assert_int_equal(rmdir(path), 0);
    slot_release(&held);
    assert_int_equal(count_files("key.conflict-"), 0);
    assert_int_equal(start(WALL_MS, &after), 0);
    assert_memory_equal(before.key, after.key, sizeof before.key);
}

/* Rekeys in another process, which ends before the step-th change of names; true when there are fewer. */
static bool rekey_until(unsigned step) {
    int status;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct slot held;
        struct node_identity identity;
        if (open_at("kitchen", NULL, WALL_MS, &held, &identity) != 0) {
            _exit(1);
        }
        disk.steps_left = step;
        _exit(state_rekey(&held, identity.boot, WALL_MS + step, &identity, &fixture.log) == 0 ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_true(WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == CRASHED);
    return WEXITSTATUS(status) == 0;
}

TEST(test_crash_while_rekeying_leaves_a_key) {
    struct node_identity before;
    struct node_identity after;
    unsigned step = 1;
    assert_int_equal(start(WALL_MS, &before), 0);
    for (; !rekey_until(step); step++) {
        assert_int_equal(start(WALL_MS, &after), 0);
        assert_memory_equal(before.key, after.key, sizeof before.key);
        assert_int_equal(fixture.warnings, 0);
    }
    assert_int_equal(step, 4); /* the boot, the old key, the new key */
    assert_int_equal(start(WALL_MS, &after), 0);
    assert_memory_not_equal(before.key, after.key, sizeof before.key);
    assert_int_equal(fixture.warnings, 0);
}

int main(void) {
    return test_run(begin, fixture_end);
}
