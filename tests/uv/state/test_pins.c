/* SPDX-License-Identifier: MIT */
/* Pins on the disk: there and back, and files that are not used. */
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
    strcpy(directory, "/tmp/pins-XXXXXX");
    assert_non_null(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/keys/trusted", directory);
    said[0] = '\0';
}

static void end(void) {
    char command[128];
    snprintf(command, sizeof command, "rm -r %s", directory);
    assert_int_equal(system(command), 0);
}

static struct muster_pin pin(const char *name, uint8_t first) {
    struct muster_pin pin = {.id = {first}};
    snprintf(pin.name, sizeof pin.name, "%s", name);
    return pin;
}

static const struct muster_pin *wanted;
static size_t wanted_count;

static int replace(struct muster_pin *pins, size_t *count, void *context) {
    (void)context;
    for (size_t i = 0; i < wanted_count && i < MUSTER_PINS_MAX; i++) {
        pins[i] = wanted[i];
    }
    *count = wanted_count;
    return 0;
}

static int write_pins(const struct muster_pin *pins, size_t count) {
    wanted = pins;
    wanted_count = count;
    return muster_pins_change(directory, replace, on_log, NULL);
}

TEST(there_are_none_at_first) {
    struct muster_pin *pins;
    size_t count = 1;
    assert_int_equal(muster_pins_read(directory, &pins, &count, on_log, NULL), 0);
    assert_null(pins);
    assert_int_equal(count, 0);
    assert_string_equal(said, "");
}

TEST(pins_are_there_again) {
    static struct muster_pin many[MUSTER_PINS_MAX];
    struct muster_pin *pins;
    size_t count;
    struct stat status;
    for (size_t i = 0; i < MUSTER_PINS_MAX; i++) {
        char name[MUSTER_NAME_BYTES_MAX + 1];
        snprintf(name, sizeof name, "%063zu", i);
        many[i] = pin(name, (uint8_t)i);
    }
    many[1] = pin("two words, Grüße", 7);
    assert_int_equal(write_pins(many, MUSTER_PINS_MAX), 0);
    assert_int_equal(muster_pins_read(directory, &pins, &count, on_log, NULL), 0);
    assert_int_equal(count, MUSTER_PINS_MAX);
    assert_memory_equal(pins, many, sizeof many);
    free(pins);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    assert_int_equal(write_pins(NULL, 0), 0);
    assert_int_equal(muster_pins_read(directory, &pins, &count, on_log, NULL), 0);
    assert_int_equal(count, 0);
}

TEST(what_could_not_be_read_again_is_not_written) {
    const struct muster_pin twice[] = {pin("a", 1), pin("a", 2)};
    static const char *const names[] = {"", "a\nb", "a\x1b[0m", "\xff", "a\\b"};
    assert_int_equal(write_pins(twice, 2), MUSTER_EINVAL);
    static struct muster_pin many[MUSTER_PINS_MAX + 1];
    for (size_t i = 0; i <= MUSTER_PINS_MAX; i++) {
        snprintf(many[i].name, sizeof many[i].name, "%zu", i);
    }
    assert_int_equal(write_pins(many, MUSTER_PINS_MAX + 1), MUSTER_EINVAL);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const struct muster_pin bad = pin(names[i], 1);
        assert_false(muster_pin_is_name(names[i]));
        assert_int_equal(write_pins(&bad, 1), MUSTER_EINVAL);
    }
    assert_int_equal(access(path, F_OK), -1);
}

static void check_refused(const char *why) {
    struct muster_pin *pins;
    size_t count;
    assert_int_equal(muster_pins_read(directory, &pins, &count, on_log, NULL), MUSTER_ESTATE);
    assert_null(pins);
    assert_int_equal(count, 0);
    if (strstr(said, why) == NULL) {
        fail_msg("%s: not said in: %s", why, said);
    }
}

#define ID "00112233445566778899aabbccddeeff"

TEST(a_damaged_file_is_refused) {
    static const char *const texts[] = {
        "a",
        "\n",
        ID "\n",
        ID " \n",
        ID " a",
        "0" ID " a\n",
        ID "a\n",
        " " ID " a\n",
        ID " a\n" ID " a\n",
        ID " a\n\n",
        "00112233445566778899AABBCCDDEEFF a\n",
        "g0112233445566778899aabbccddeeff a\n",
        ID " a\tb\n",
        ID " 0123456789012345678901234567890123456789012345678901234567890123\n",
    };
    assert_int_equal(write_pins(NULL, 0), 0);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        FILE *file = fopen(path, "w");
        assert_non_null(file);
        assert_true(fputs(texts[i], file) >= 0);
        assert_int_equal(fclose(file), 0);
        check_refused("damaged");
    }
}

TEST(a_file_that_others_may_write_is_not_used) {
    const struct muster_pin one = pin("a", 1);
    assert_int_equal(write_pins(&one, 1), 0);
    assert_int_equal(chmod(path, 0620), 0);
    check_refused("others than its owner");
}

TEST(too_many_are_refused) {
    assert_int_equal(write_pins(NULL, 0), 0);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    for (int i = 0; i <= MUSTER_PINS_MAX; i++) {
        fprintf(file, ID " %d\n", i);
    }
    assert_int_equal(fclose(file), 0);
    check_refused("damaged");
}

/* ---- at once ---- */

#define CHILDREN 3
#define PINS_EACH 20

static int add_one(struct muster_pin *pins, size_t *count, void *context) {
    pins[(*count)++] = *(const struct muster_pin *)context;
    return 0;
}

static int add_many(int child) {
    int error = 0;
    for (int i = 0; i < PINS_EACH && error == 0; i++) {
        char name[16];
        snprintf(name, sizeof name, "%d-%d", child, i);
        struct muster_pin added = pin(name, (uint8_t)child);
        error = muster_pins_change(directory, add_one, NULL, &added);
    }
    return error;
}

TEST(of_many_that_pin_at_once_no_pin_is_lost) {
    struct muster_pin *pins;
    size_t count;
    pid_t pids[CHILDREN];
    for (int i = 0; i < CHILDREN; i++) {
        pids[i] = fork();
        if (pids[i] == 0) {
            _exit(add_many(i) == 0 ? 0 : 1);
        }
        assert_true(pids[i] > 0);
    }
    for (int i = 0; i < CHILDREN; i++) {
        int status;
        assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
        assert_int_equal(status, 0);
    }
    assert_int_equal(muster_pins_read(directory, &pins, &count, on_log, NULL), 0);
    assert_int_equal(count, CHILDREN * PINS_EACH);
    free(pins);
}

int main(void) {
    return test_run(begin, end);
}
