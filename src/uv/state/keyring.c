/* SPDX-License-Identifier: MIT */
/* Group keys on the disk: the file keys/group of the state directory, a line "NAME KEY" for each key, the one
 * that seals first. Nobody but its owner may read it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#include <muster/muster.h>

#include "log.h"
#include "slot.h"
#include "state.h"

#define DIRECTORY "keys"
#define FILE_NAME "group"
#define KEY_DIGITS ((size_t)2 * MUSTER_GROUP_KEY_BYTES)
#define LINE_BYTES (MUSTER_NAME_BYTES_MAX + 1 + KEY_DIGITS + 1)
#define FILE_BYTES (MUSTER_GROUP_KEYS_MAX * LINE_BYTES + 1)

_Static_assert(crypto_pwhash_SALTBYTES == 16, "as PROTOCOL.md says");

/* ---- keys ---- */

int muster_group_key_generate(uint8_t key[MUSTER_GROUP_KEY_BYTES]) {
    if (sodium_init() < 0) {
        return MUSTER_ECRYPTO;
    }
    randombytes_buf(key, MUSTER_GROUP_KEY_BYTES);
    return 0;
}

/* The salt is the name's, so that the same words give the same key on every host, and another one to another
 * group. */
int muster_group_key_derive(const char *name, const char *passphrase, uint8_t key[MUSTER_GROUP_KEY_BYTES]) {
    uint8_t salt[crypto_pwhash_SALTBYTES];
    char salted[32 + MUSTER_NAME_BYTES_MAX];
    if (!muster_group_key_is_name(name)) {
        return MUSTER_EINVAL;
    }
    if (sodium_init() < 0) {
        return MUSTER_ECRYPTO;
    }
    snprintf(salted, sizeof salted, "muster group key 1 %s", name);
    crypto_generichash(salt, sizeof salt, (const uint8_t *)salted, strlen(salted), NULL, 0);
    return crypto_pwhash(key, MUSTER_GROUP_KEY_BYTES, passphrase, strlen(passphrase), salt,
                         crypto_pwhash_OPSLIMIT_INTERACTIVE, crypto_pwhash_MEMLIMIT_INTERACTIVE,
                         crypto_pwhash_ALG_ARGON2ID13) == 0
               ? 0
               : MUSTER_ENOMEM;
}

bool muster_group_key_is_name(const char *name) {
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    size_t length = strlen(name);
    return length >= 1 && length <= MUSTER_NAME_BYTES_MAX && strspn(name, allowed) == length &&
           name[0] != '-';
}

void muster_group_key_text(const uint8_t key[MUSTER_GROUP_KEY_BYTES],
                           char text[MUSTER_GROUP_KEY_TEXT_BYTES]) {
    sodium_bin2hex(text, MUSTER_GROUP_KEY_TEXT_BYTES, key, MUSTER_GROUP_KEY_BYTES);
}

int muster_group_key_parse(const char *text, uint8_t key[MUSTER_GROUP_KEY_BYTES]) {
    size_t length;
    const char *end;
    bool is_key = strlen(text) == KEY_DIGITS &&
                  sodium_hex2bin(key, MUSTER_GROUP_KEY_BYTES, text, KEY_DIGITS, NULL, &length, &end) == 0 &&
                  length == MUSTER_GROUP_KEY_BYTES && end == text + KEY_DIGITS;
    return is_key ? 0 : MUSTER_EINVAL;
}

void muster_keyring_wipe(struct muster_keyring *ring) {
    sodium_memzero(ring, sizeof *ring);
}

/* ---- the file ---- */

/* *path is for the caller to free. */
static int directory_of(const char *state_dir, char **path, const struct log *log) {
    char *state;
    int error = state_directory(state_dir, &state, log);
    if (error == 0) {
        error = asprintf(path, "%s/" DIRECTORY, state) < 0 ? MUSTER_ENOMEM : 0;
        free(state);
    }
    return error;
}

int muster_keyring_directory(const char *state_dir, char **path) {
    static const struct log silent = {.write = NULL};
    return directory_of(state_dir, path, &silent);
}

static int refuse_memory(const struct log *log) {
    log_line(log, MUSTER_LOG_ERROR, "group keys: %s", muster_error_text(MUSTER_ENOMEM));
    return MUSTER_ENOMEM;
}

static int refuse(const char *directory, const struct log *log) {
    int number = errno;
    log_line(log, MUSTER_LOG_ERROR, "%s/" FILE_NAME ": %s", directory, strerror(number));
    return number == EACCES || number == EPERM ? MUSTER_EPERM
           : number == ENOMEM                  ? MUSTER_ENOMEM
                                               : MUSTER_ESTATE;
}

/* A key that others may read, or give, is none. */
static const char *fault_of(const struct stat *status) {
    if (status->st_uid != geteuid()) {
        return "it belongs to another user";
    }
    if (!S_ISREG(status->st_mode)) {
        return "it is no file";
    }
    return (status->st_mode & (S_IRWXG | S_IRWXO)) != 0 ? "others than its owner may read or write it" : NULL;
}

static bool has_name(const struct muster_keyring *ring, const char *name) {
    for (size_t i = 0; i < ring->count; i++) {
        if (strcmp(ring->keys[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

/* A line is changed while it is read. */
static bool parse_line(char *line, struct muster_keyring *ring) {
    char *space = strchr(line, ' ');
    if (space == NULL || ring->count == MUSTER_GROUP_KEYS_MAX) {
        return false;
    }
    *space = '\0';
    struct muster_group_key *key = &ring->keys[ring->count];
    if (!muster_group_key_is_name(line) || has_name(ring, line) ||
        muster_group_key_parse(space + 1, key->bytes) != 0) {
        return false;
    }
    strcpy(key->name, line);
    ring->count++;
    return true;
}

static bool parse(char *text, struct muster_keyring *ring) {
    for (char *line = text; *line != '\0';) {
        char *end = strchr(line, '\n');
        if (end == NULL) {
            return false;
        }
        *end = '\0';
        if (!parse_line(line, ring)) {
            return false;
        }
        line = end + 1;
    }
    return true;
}

static int read_file(int fd, const char *directory, struct muster_keyring *ring, const struct log *log) {
    char text[FILE_BYTES + 1];
    struct stat status;
    if (fstat(fd, &status) != 0) {
        return refuse(directory, log);
    }
    const char *fault = fault_of(&status);
    ssize_t length = fault == NULL ? read(fd, text, sizeof text - 1) : 0; /* of a file, all at once */
    if (length < 0) {
        return refuse(directory, log);
    }
    text[length] = '\0';
    if (fault == NULL && (strlen(text) != (size_t)length || !parse(text, ring))) {
        fault = "it is damaged";
    }
    sodium_memzero(text, sizeof text);
    if (fault != NULL) {
        log_line(log, MUSTER_LOG_ERROR, "%s/" FILE_NAME " is not used: %s", directory, fault);
        muster_keyring_wipe(ring);
        return MUSTER_ESTATE;
    }
    return 0;
}

static int open_file(const char *directory, int *fd, const struct log *log) {
    char *path;
    if (asprintf(&path, "%s/" FILE_NAME, directory) < 0) {
        return refuse_memory(log);
    }
    *fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    free(path);
    return *fd < 0 && errno != ENOENT && errno != ENOTDIR ? refuse(directory, log) : 0;
}

int muster_keyring_read(const char *state_dir, struct muster_keyring *ring, muster_log_cb on_log,
                        void *context) {
    const struct log log = {.write = on_log, .context = context};
    char *directory;
    int fd;
    *ring = (struct muster_keyring){0};
    int error = muster_keyring_directory(state_dir, &directory);
    if (error != 0) { /* who has no home has no keys */
        return error == MUSTER_ESTATE ? 0 : refuse_memory(&log);
    }
    error = open_file(directory, &fd, &log);
    if (error == 0 && fd >= 0) {
        error = read_file(fd, directory, ring, &log);
        close(fd);
    }
    free(directory);
    return error;
}

static void print(const struct muster_keyring *ring, char text[FILE_BYTES]) {
    size_t length = 0;
    text[0] = '\0';
    for (size_t i = 0; i < ring->count; i++) {
        char digits[MUSTER_GROUP_KEY_TEXT_BYTES];
        muster_group_key_text(ring->keys[i].bytes, digits);
        length += (size_t)snprintf(text + length, FILE_BYTES - length, "%s %s\n", ring->keys[i].name, digits);
        sodium_memzero(digits, sizeof digits);
    }
}

/* The slot's lock keeps two that change the keys at the same time apart. */
int muster_keyring_write(const char *state_dir, const struct muster_keyring *ring, muster_log_cb on_log,
                         void *context) {
    const struct log log = {.write = on_log, .context = context};
    char text[FILE_BYTES];
    struct slot slot;
    char *directory;
    int error = directory_of(state_dir, &directory, &log);
    if (error != 0) {
        return error;
    }
    error = slot_take(&slot, directory, &log);
    if (error != 0) {
        return error;
    }
    print(ring, text);
    error = slot_draft_write(&slot, FILE_NAME, text, &log);
    sodium_memzero(text, sizeof text);
    if (error == 0) {
        error = slot_draft_publish(&slot, FILE_NAME, &log);
    }
    slot_release(&slot);
    return error;
}
