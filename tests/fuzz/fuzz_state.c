/* SPDX-License-Identifier: MIT */
/* The state directory: a file is taken as what it says, or set aside as it is; names of slots are plain file
 * names, and each instance has its own.
 *
 * The first byte says what the others are: 0 the file `key`, 1 the file `boot`, 2 the file of group keys, 3
 * two instances with a NUL between them, and one of a number. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>

#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#include <muster/muster.h>

#include "fuzz.h"
#include "limit.h"
#include "slot.h"
#include "state.h"

#define WALL_MS UINT64_C(1700000000000)
#define SLOT "kitchen"
#define INSTANCE_BYTES_MAX 512

static char home[] = "/dev/shm/muster-fuzz-XXXXXX"; /* or in /tmp, where nobody may write there */
static char said[1024];                             /* all lines since it was emptied */

static void on_log(enum muster_log_level level, const char *line, void *context) {
    (void)level, (void)context;
    size_t length = strlen(said);
    snprintf(said + length, sizeof said - length, "%s\n", line);
}

static const struct log log_to_said = {.write = on_log};

/* ---- files ---- */

struct file {
    uint8_t bytes[4096];
    size_t length;
};

static void path_of(const char *file, char path[256]) {
    snprintf(path, 256, "%s/%s", home, file);
}

static void write_file(const char *name, const uint8_t *bytes, size_t length) {
    char path[256];
    path_of(name, path);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    REQUIRE(fd >= 0 && write(fd, bytes, length) == (ssize_t)length && close(fd) == 0);
}

/* False where there is none. */
static bool read_file(const char *name, struct file *file) {
    char path[256];
    path_of(name, path);
    int fd = open(path, O_RDONLY);
    if (fd < 0) {
        return false;
    }
    ssize_t length = read(fd, file->bytes, sizeof file->bytes);
    REQUIRE(length >= 0 && close(fd) == 0);
    file->length = (size_t)length;
    return true;
}

static void remove_file(const char *name) {
    char path[256];
    path_of(name, path);
    REQUIRE(unlink(path) == 0 || errno == ENOENT);
}

static void remove_home(void) {
    static const char *const directories[] = {SLOT, "keys", "."};
    remove_file(SLOT "/lock");
    remove_file(SLOT "/key");
    remove_file(SLOT "/boot");
    remove_file("keys/lock");
    remove_file("keys/group");
    for (size_t i = 0; i < sizeof directories / sizeof *directories; i++) {
        char path[256];
        path_of(directories[i], path);
        rmdir(i < 2 ? path : home);
    }
}

static void make_home(void) {
    char path[256];
    if (access("/dev/shm", W_OK) != 0) {
        strcpy(home, "/tmp/muster-fuzz-XXXXXX");
    }
    REQUIRE(sodium_init() >= 0 && mkdtemp(home) != NULL);
    path_of(SLOT, path);
    REQUIRE(mkdir(path, 0700) == 0);
    path_of("keys", path);
    REQUIRE(mkdir(path, 0700) == 0 && atexit(remove_home) == 0);
}

/* ---- key and boot ---- */

static int open_state(struct node_identity *identity) {
    const struct state_options options = {.directory = home, .instance = SLOT, .wall_ms = WALL_MS};
    struct slot slot;
    said[0] = '\0';
    int error = state_open(&slot, &options, identity, &log_to_said);
    slot_release(&slot);
    return error;
}

/* It lies aside as it was, and the next start makes a new one. */
static void check_aside(const char *name, const uint8_t *bytes, size_t length) {
    static struct file aside;
    struct node_identity identity;
    char path[64];
    snprintf(path, sizeof path, SLOT "/%s.damaged-%" PRIu64, name, WALL_MS);
    REQUIRE(strstr(said, name) != NULL);
    REQUIRE(read_file(path, &aside) && aside.length == length && memcmp(aside.bytes, bytes, length) == 0);
    REQUIRE(open_state(&identity) == 0 && identity.boot >= WALL_MS);
    remove_file(path);
}

static int hex_digit(uint8_t c) {
    const char *digits = "0123456789abcdef0123456789ABCDEF";
    const char *at = c == '\0' ? NULL : strchr(digits, c);
    return at == NULL ? -1 : (int)((at - digits) % 16);
}

/* 128 digits and a LF, of which the second half is the public key of the first. */
static bool is_key(const uint8_t *bytes, size_t length, uint8_t secret[MUSTER_SECRET_BYTES]) {
    uint8_t public_key[MUSTER_KEY_BYTES];
    uint8_t whole[MUSTER_SECRET_BYTES];
    if (length != (size_t)2 * MUSTER_SECRET_BYTES + 1 || bytes[length - 1] != '\n') {
        return false;
    }
    for (size_t i = 0; i < MUSTER_SECRET_BYTES; i++) {
        int high = hex_digit(bytes[2 * i]);
        int low = hex_digit(bytes[2 * i + 1]);
        if (high < 0 || low < 0) {
            return false;
        }
        secret[i] = (uint8_t)(high * 16 + low);
    }
    crypto_sign_seed_keypair(public_key, whole, secret);
    return memcmp(whole, secret, sizeof whole) == 0;
}

static void check_key(const uint8_t *bytes, size_t length) {
    uint8_t secret[MUSTER_SECRET_BYTES];
    struct node_identity identity;
    struct node_identity again;
    remove_file(SLOT "/boot");
    write_file(SLOT "/key", bytes, length);
    int error = open_state(&identity);
    REQUIRE(error == (is_key(bytes, length, secret) ? 0 : MUSTER_EDAMAGED));
    if (error != 0) {
        check_aside("key", bytes, length);
        return;
    }
    REQUIRE(memcmp(identity.secret, secret, sizeof secret) == 0);
    REQUIRE(open_state(&again) == 0 && again.boot > identity.boot);
    REQUIRE(memcmp(again.secret, secret, sizeof secret) == 0 && memcmp(again.key, identity.key, 32) == 0);
}

/* Digits and a LF: 1 to 2^53 - 2. */
static bool is_boot(const uint8_t *bytes, size_t length, uint64_t *boot) {
    *boot = 0;
    if (length < 2 || length >= SLOT_FILE_BYTES || bytes[length - 1] != '\n') {
        return false;
    }
    for (size_t i = 0; i + 1 < length; i++) {
        if (bytes[i] < '0' || bytes[i] > '9') {
            return false;
        }
        *boot = *boot * 10 + (uint64_t)(bytes[i] - '0');
        if (*boot >= MUSTER_INTEGER_MAX) {
            return false;
        }
    }
    return *boot >= 1;
}

static void check_boot(const uint8_t *bytes, size_t length) {
    struct node_identity identity;
    uint64_t boot;
    write_file(SLOT "/boot", bytes, length);
    int error = open_state(&identity);
    REQUIRE(error == (is_boot(bytes, length, &boot) ? 0 : MUSTER_EDAMAGED));
    if (error != 0) {
        check_aside("boot", bytes, length);
        return;
    }
    REQUIRE(identity.boot == (boot >= WALL_MS ? boot + 1 : WALL_MS));
}

/* ---- group keys ---- */

static size_t count_lines(const uint8_t *bytes, size_t length) {
    size_t lines = 0;
    for (size_t i = 0; i < length; i++) {
        lines += bytes[i] == '\n';
    }
    return lines;
}

static int keep(struct muster_keyring *ring, void *context) {
    (void)ring;
    (void)context;
    return 0;
}

/* What is read is written in the same words; only the digits may have been large letters. */
static void check_keyring(const uint8_t *bytes, size_t length) {
    static struct file file;
    struct muster_keyring ring;
    struct muster_keyring again;
    write_file("keys/group", bytes, length);
    said[0] = '\0';
    int error = muster_keyring_read(home, &ring, on_log, NULL);
    REQUIRE(error == 0 || (error == MUSTER_ESTATE && strstr(said, "keys/group") != NULL && ring.count == 0));
    if (error != 0) {
        return;
    }
    REQUIRE(ring.count == count_lines(bytes, length));
    REQUIRE(muster_keyring_change(home, keep, on_log, NULL) == 0);
    REQUIRE(muster_keyring_read(home, &again, on_log, NULL) == 0);
    REQUIRE(memcmp(&ring, &again, sizeof ring) == 0);
    REQUIRE(read_file("keys/group", &file) && file.length == length);
    for (size_t i = 0; i < length; i++) {
        REQUIRE(file.bytes[i] == bytes[i] || file.bytes[i] == (bytes[i] | 0x20));
    }
}

/* ---- names of slots ---- */

static void check_name(const char *name) {
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-+";
    size_t length = strlen(name);
    REQUIRE(length > 0 && length < SLOT_NAME_BYTES - 3); /* a number fits behind it */
    REQUIRE(strspn(name, allowed) == length && name[0] != '.' && name[0] != '-');
}

static void check_names(const uint8_t *bytes, size_t length) {
    char instances[2][INSTANCE_BYTES_MAX] = {{0}};
    char names[2][SLOT_NAME_BYTES];
    char given[SLOT_NAME_BYTES];
    const uint8_t *cut = length == 0 ? NULL : memchr(bytes, 0, length);
    size_t first = cut == NULL ? length : (size_t)(cut - bytes);
    size_t second = cut == NULL ? 0 : length - first - 1;
    snprintf(instances[0], INSTANCE_BYTES_MAX, "%.*s", (int)first, (const char *)bytes);
    snprintf(instances[1], INSTANCE_BYTES_MAX, "%.*s", (int)second, cut == NULL ? "" : (const char *)cut + 1);
    for (int i = 0; i < 2; i++) {
        slot_name(instances[i], names[i]);
        check_name(names[i]);
        slot_name_given(instances[i], given);
        REQUIRE(strchr(instances[i], '+') != NULL || strcmp(given, names[i]) == 0);
    }
    REQUIRE((strcmp(instances[0], instances[1]) == 0) == (strcmp(names[0], names[1]) == 0));
    /* A further slot of one is no slot of another, and is found by the name that people see. */
    char numbered[INSTANCE_BYTES_MAX + 4];
    unsigned number = 2 + (unsigned)(length % (SLOT_NUMBER_MAX - 1));
    snprintf(numbered, sizeof numbered, "%s+%u", instances[0], number);
    slot_name_given(numbered, given);
    slot_name_number(names[0], number);
    REQUIRE(strcmp(names[0], names[1]) != 0);
    REQUIRE(strcmp(given, names[0]) == 0 || instances[0][0] == '\0');
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    static bool has_home;
    if (!has_home) {
        make_home();
        has_home = true;
    }
    if (length == 0 || length > 4096) {
        return 0;
    }
    switch (bytes[0] % 4) {
    case 0: check_key(bytes + 1, length - 1); break;
    case 1: check_boot(bytes + 1, length - 1); break;
    case 2: check_keyring(bytes + 1, length - 1); break;
    default: check_names(bytes + 1, length - 1); break;
    }
    return 0;
}
