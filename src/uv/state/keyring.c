/* SPDX-License-Identifier: MIT */
/* Group keys on the disk: the file keys/group of the state directory, a line "NAME KEY" for each key, the one
 * that seals first. Nobody but its owner may read it. */
#include <stdio.h>
#include <string.h>

#include <sodium.h>

#include <muster/muster.h>

#include "log.h"
#include "private_file.h"

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

int muster_keyring_directory(const char *state_dir, char **path) {
    static const struct log silent = {.write = NULL};
    return private_file_directory(state_dir, path, &silent);
}

/* One of the first `count`. */
static bool has_name(const struct muster_keyring *ring, size_t count, const char *name) {
    for (size_t i = 0; i < count; i++) {
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
    if (!muster_group_key_is_name(line) || has_name(ring, ring->count, line) ||
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

int muster_keyring_read(const char *state_dir, struct muster_keyring *ring, muster_log_cb on_log,
                        void *context) {
    const struct log log = {.write = on_log, .context = context};
    char text[FILE_BYTES + 1];
    *ring = (struct muster_keyring){0};
    int found = private_file_read(state_dir, FILE_NAME, text, sizeof text, &log);
    if (found > 0 && !parse(text, ring)) {
        muster_keyring_wipe(ring);
        found = private_file_refuse(state_dir, FILE_NAME, &log);
    }
    sodium_memzero(text, sizeof text);
    return found < 0 ? found : 0;
}

/* False for what could not be read again. */
static bool print(const struct muster_keyring *ring, char text[FILE_BYTES]) {
    size_t length = 0;
    text[0] = '\0';
    for (size_t i = 0; i < ring->count; i++) {
        char digits[MUSTER_GROUP_KEY_TEXT_BYTES];
        if (i == MUSTER_GROUP_KEYS_MAX || !muster_group_key_is_name(ring->keys[i].name) ||
            has_name(ring, i, ring->keys[i].name)) {
            return false;
        }
        muster_group_key_text(ring->keys[i].bytes, digits);
        length += (size_t)snprintf(text + length, FILE_BYTES - length, "%s %s\n", ring->keys[i].name, digits);
        sodium_memzero(digits, sizeof digits);
    }
    return true;
}

struct ring_change {
    const char *state_dir;
    muster_keyring_change_cb change;
    void *context;
    const struct log *log;
};

static int change_text(char *text, void *context) {
    const struct ring_change *wanted = context;
    struct muster_keyring ring = {.count = 0};
    int error = parse(text, &ring) ? 0 : private_file_refuse(wanted->state_dir, FILE_NAME, wanted->log);
    error = error != 0 ? error : wanted->change(&ring, wanted->context);
    if (error == 0 && !print(&ring, text)) {
        error = MUSTER_EINVAL;
    }
    muster_keyring_wipe(&ring);
    return error;
}

int muster_keyring_change(const char *state_dir, muster_keyring_change_cb change, muster_log_cb on_log,
                          void *context) {
    const struct log log = {.write = on_log, .context = context};
    struct ring_change wanted = {state_dir, change, context, &log};
    char text[FILE_BYTES + 1];
    int error = private_file_change(state_dir, FILE_NAME, text, sizeof text, change_text, &wanted, &log);
    sodium_memzero(text, sizeof text);
    return error;
}
