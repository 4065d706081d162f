/* SPDX-License-Identifier: MIT */
/* Group keys on the disk: there and back, and files that are not used. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <muster/muster.h>

#include "test.h"

static char directory[64];
static char path[96];
static char said[512];

static void on_log(enum muster_log_level level, const char *line, void *context) {
    (void)level;
    (void)context;
    snprintf(said, sizeof said, "%s", line);
}

static void begin(void) {
    strcpy(directory, "/tmp/keyring-XXXXXX");
    assert_non_null(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/keys/group", directory);
    said[0] = '\0';
}

static void end(void) {
    char command[128];
    snprintf(command, sizeof command, "rm -r %s", directory);
    assert_int_equal(system(command), 0);
}

static int read_ring(struct muster_keyring *ring) {
    memset(ring, 1, sizeof *ring);
    return muster_keyring_read(directory, ring, on_log, NULL);
}

static struct muster_keyring wanted;

static int replace(struct muster_keyring *ring, void *context) {
    (void)context;
    *ring = wanted;
    return 0;
}

static void add(struct muster_keyring *ring, size_t number) {
    struct muster_group_key *key = &ring->keys[ring->count++];
    snprintf(key->name, sizeof key->name, "key-%zu", number);
    memset(key->bytes, (int)number, sizeof key->bytes);
}

static int write_ring(size_t count) {
    wanted.count = 0;
    while (wanted.count < count) {
        add(&wanted, wanted.count);
    }
    return muster_keyring_change(directory, replace, on_log, NULL);
}

static void write_text(const char *text) {
    unlink(path);
    assert_int_equal(write_ring(0), 0);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void check_refused(const char *why) {
    struct muster_keyring ring;
    assert_int_equal(read_ring(&ring), MUSTER_ESTATE);
    assert_int_equal(ring.count, 0);
    if (strstr(said, why) == NULL) {
        fail_msg("%s: not said in: %s", why, said);
    }
}

TEST(there_are_none_at_first) {
    struct muster_keyring ring;
    assert_int_equal(read_ring(&ring), 0);
    assert_int_equal(ring.count, 0);
    assert_string_equal(said, "");
}

TEST(keys_are_there_again_in_their_order) {
    struct muster_keyring ring;
    struct stat status;
    assert_int_equal(write_ring(MUSTER_GROUP_KEYS_MAX), 0);
    assert_int_equal(read_ring(&ring), 0);
    assert_int_equal(ring.count, MUSTER_GROUP_KEYS_MAX);
    assert_string_equal(ring.keys[7].name, "key-7");
    assert_int_equal(ring.keys[7].bytes[31], 7);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    assert_int_equal(write_ring(1), 0);
    assert_int_equal(read_ring(&ring), 0);
    assert_int_equal(ring.count, 1);
}

TEST(keys_that_others_may_read_are_not_used) {
    static const mode_t modes[] = {0640, 0604, 0620, 0601};
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        unlink(path);
        assert_int_equal(write_ring(1), 0);
        assert_int_equal(chmod(path, modes[i]), 0);
        check_refused("others than its owner");
    }
}

TEST(a_link_is_not_followed) {
    assert_int_equal(write_ring(1), 0);
    char other[112];
    snprintf(other, sizeof other, "%s.other", path);
    assert_int_equal(rename(path, other), 0);
    assert_int_equal(symlink(other, path), 0);
    check_refused("group");
}

TEST(a_directory_in_its_place_is_refused) {
    assert_int_equal(write_ring(0), 0);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkdir(path, 0700), 0);
    check_refused("no file");
}

#define KEY "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

TEST(a_damaged_file_is_refused) {
    static const char *const texts[] = {
        "a",
        "\n",
        "a " KEY,
        "a " KEY "0\n",
        " " KEY "\n",
        "a\n",
        "a  " KEY "\n",
        "-a " KEY "\n",
        "a b " KEY "\n",
        "a " KEY "\na " KEY "\n",
        "a " KEY "\n\n",
        "a " KEY " \n",
        "a g0112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n",
    };
    struct muster_keyring ring;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        write_text(texts[i]);
        check_refused("damaged");
    }
    write_text("a " KEY "\nb " KEY "\n");
    assert_int_equal(read_ring(&ring), 0);
    assert_int_equal(ring.count, 2);
}

TEST(too_many_are_refused) {
    char text[(MUSTER_GROUP_KEYS_MAX + 1) * sizeof "0 " KEY "\n"] = "";
    for (int i = 0; i <= MUSTER_GROUP_KEYS_MAX; i++) {
        sprintf(text + strlen(text), "%d " KEY "\n", i);
    }
    write_text(text);
    check_refused("damaged");
}

/* ---- changing them ---- */

static int refuse_to(struct muster_keyring *ring, void *context) {
    (void)context;
    ring->count = 0;
    return 4;
}

TEST(a_refused_change_changes_nothing) {
    struct muster_keyring ring;
    assert_int_equal(write_ring(2), 0);
    assert_int_equal(muster_keyring_change(directory, refuse_to, on_log, NULL), 4);
    assert_int_equal(read_ring(&ring), 0);
    assert_int_equal(ring.count, 2);
    write_text("a");
    assert_int_equal(muster_keyring_change(directory, replace, on_log, NULL), MUSTER_ESTATE);
    check_refused("damaged");
}

TEST(what_could_not_be_read_again_is_not_written) {
    assert_int_equal(write_ring(1), 0);
    static const char *const names[] = {"", "-a", "a b", "key-0"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        wanted.count = 2;
        snprintf(wanted.keys[1].name, sizeof wanted.keys[1].name, "%s", names[i]);
        assert_int_equal(muster_keyring_change(directory, replace, on_log, NULL), MUSTER_EINVAL);
    }
    assert_int_equal(write_ring(MUSTER_GROUP_KEYS_MAX), 0);
    wanted.count = MUSTER_GROUP_KEYS_MAX + 1;
    assert_int_equal(muster_keyring_change(directory, replace, on_log, NULL), MUSTER_EINVAL);
}

#define CHILDREN 4

static size_t child;

/* The child's key is added, and taken out again in each other round; the last one stays. */
static int add_or_take(struct muster_keyring *ring, void *context) {
    const size_t round = *(const size_t *)context;
    if (round % 2 == 1) {
        size_t i = 0;
        char name[MUSTER_NAME_BYTES_MAX + 1];
        snprintf(name, sizeof name, "key-%zu", child);
        while (i < ring->count && strcmp(ring->keys[i].name, name) != 0) {
            i++;
        }
        if (i == ring->count) {
            return 1; /* it was lost */
        }
        ring->keys[i] = ring->keys[--ring->count];
    } else {
        add(ring, child);
    }
    return 0;
}

static int change_many_times(void) {
    int error = 0;
    for (size_t round = 0; round < 21 && error == 0; round++) {
        error = muster_keyring_change(directory, add_or_take, NULL, &round);
    }
    return error;
}

TEST(of_many_that_change_keys_at_once_no_change_is_lost) {
    struct muster_keyring ring;
    pid_t pids[CHILDREN];
    for (child = 0; child < CHILDREN; child++) {
        pids[child] = fork();
        if (pids[child] == 0) {
            _exit(change_many_times() == 0 ? 0 : 1);
        }
        assert_true(pids[child] > 0);
    }
    for (size_t i = 0; i < CHILDREN; i++) {
        int status;
        assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
        assert_int_equal(status, 0);
    }
    assert_int_equal(read_ring(&ring), 0);
    assert_int_equal(ring.count, CHILDREN);
}

/* ---- keys ---- */

/* PROTOCOL.md has this one: other implementations make the same. */
TEST(a_passphrase_makes_one_key_everywhere) {
    char text[MUSTER_GROUP_KEY_TEXT_BYTES];
    uint8_t key[MUSTER_GROUP_KEY_BYTES];
    uint8_t other[MUSTER_GROUP_KEY_BYTES];
    assert_int_equal(muster_group_key_derive("home", "correct horse battery staple", key), 0);
    muster_group_key_text(key, text);
    assert_string_equal(text, "a58b9518bda995a7c6e4375632e544931ad71d09a80c688f907e52759b9ad3ec");
    assert_int_equal(muster_group_key_derive("office", "correct horse battery staple", other), 0);
    assert_memory_not_equal(key, other, sizeof key);
    assert_int_equal(muster_group_key_derive("", "correct horse battery staple", key), MUSTER_EINVAL);
}

TEST(random_keys_differ) {
    uint8_t one[MUSTER_GROUP_KEY_BYTES];
    uint8_t other[MUSTER_GROUP_KEY_BYTES];
    assert_int_equal(muster_group_key_generate(one), 0);
    assert_int_equal(muster_group_key_generate(other), 0);
    assert_memory_not_equal(one, other, sizeof one);
}

TEST(a_key_is_64_digits) {
    uint8_t key[MUSTER_GROUP_KEY_BYTES];
    char text[MUSTER_GROUP_KEY_TEXT_BYTES];
    assert_int_equal(muster_group_key_parse(KEY, key), 0);
    muster_group_key_text(key, text);
    assert_string_equal(text, KEY);
    assert_int_equal(muster_group_key_parse(KEY "0", key), MUSTER_EINVAL);
    assert_int_equal(muster_group_key_parse("", key), MUSTER_EINVAL);
    assert_int_equal(muster_group_key_parse("x" KEY, key), MUSTER_EINVAL);
}

TEST(names_of_groups) {
    char longest[MUSTER_NAME_BYTES_MAX + 2];
    memset(longest, 'x', sizeof longest);
    longest[MUSTER_NAME_BYTES_MAX + 1] = '\0';
    assert_false(muster_group_key_is_name(longest));
    longest[MUSTER_NAME_BYTES_MAX] = '\0';
    assert_true(muster_group_key_is_name(longest));
    assert_true(muster_group_key_is_name("home-2.x_Y"));
    assert_false(muster_group_key_is_name(""));
    assert_false(muster_group_key_is_name("-x"));
    assert_false(muster_group_key_is_name("a b"));
}

int main(void) {
    return test_run(begin, end);
}
