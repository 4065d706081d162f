/* SPDX-License-Identifier: MIT */
#include "state.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sodium.h>

#include "limit.h"

#define SECRET_DIGITS ((size_t)2 * MUSTER_SECRET_BYTES)
#define BOOT_BYTES 32

/* ---- finding a slot ---- */

/* A relative XDG_STATE_HOME is to be ignored (XDG Base Directory Specification 0.8). */
int state_directory(const char *given, char **path, const struct log *log) {
    const char *xdg = getenv("XDG_STATE_HOME");
    const char *home = getenv("HOME");
    int length;
    if (given != NULL) {
        length = asprintf(path, "%s", given);
    } else if (geteuid() == 0) {
        length = asprintf(path, "/var/lib/muster");
    } else if (xdg != NULL && xdg[0] == '/') {
        length = asprintf(path, "%s/muster", xdg);
    } else if (home != NULL && home[0] == '/') {
        length = asprintf(path, "%s/.local/state/muster", home);
    } else {
        log_line(log, MUSTER_LOG_ERROR, "state: no directory given, and HOME and XDG_STATE_HOME are not set");
        return MUSTER_ESTATE;
    }
    return length < 0 ? MUSTER_ENOMEM : 0;
}

/* The number-th slot of a name, the first without a number. NULL when memory is out. */
static char *slot_path(const char *directory, const char *instance, bool is_given, unsigned number) {
    char slot[SLOT_NAME_BYTES];
    char *path;
    (is_given ? slot_name_given : slot_name)(instance, slot);
    if (number > 1) {
        slot_name_number(slot, number);
    }
    return asprintf(&path, "%s/%s", directory, slot) < 0 ? NULL : path;
}

static int slot_find(struct slot *slot, const char *directory, const struct state_options *options,
                     const struct log *log) {
    bool is_given = options->instance != NULL;
    const char *instance = is_given ? options->instance : options->name;
    int error = MUSTER_EBUSY;
    for (unsigned number = 1; error == MUSTER_EBUSY && number <= (is_given ? 1 : STATE_SLOTS); number++) {
        char *path = slot_path(directory, instance, is_given, number);
        if (path == NULL) {
            return MUSTER_ENOMEM;
        }
        error = slot_take(slot, path, log);
    }
    if (error == MUSTER_EBUSY) {
        log_line(log, MUSTER_LOG_ERROR, "state %s: %s \"%s\" %s in use by another muster", directory,
                 is_given ? "the instance" : "all instances of", instance, is_given ? "is" : "are");
    }
    return error;
}

/* ---- damage ---- */

/* MUSTER_EDAMAGED once the file is out of the way. */
static int file_damaged(const struct slot *slot, const char *file, uint64_t wall_ms, const struct log *log) {
    char aside[SLOT_FILE_NAME_BYTES];
    int error = slot_file_set_aside(slot, file, "damaged", wall_ms, false, aside, log);
    if (error != 0) {
        return error;
    }
    log_line(log, MUSTER_LOG_ERROR,
             "state %s/%s is damaged; it was set aside as %s/%s, and the next start makes a new one",
             slot->path, file, slot->path, aside);
    return MUSTER_EDAMAGED;
}

/* ---- key ---- */

/* False unless it is what key_draft() writes and the public half belongs to the seed. */
static bool key_parse(const char *text, struct node_identity *identity) {
    size_t length;
    const char *end;
    if (strlen(text) != SECRET_DIGITS + 1 || text[SECRET_DIGITS] != '\n' ||
        sodium_hex2bin(identity->secret, MUSTER_SECRET_BYTES, text, SECRET_DIGITS, NULL, &length, &end) !=
            0 ||
        length != MUSTER_SECRET_BYTES || end != text + SECRET_DIGITS) {
        return false;
    }
    uint8_t seed[crypto_sign_ed25519_SEEDBYTES];
    uint8_t secret[MUSTER_SECRET_BYTES];
    crypto_sign_ed25519_sk_to_seed(seed, identity->secret);
    crypto_sign_ed25519_seed_keypair(identity->key, secret, seed);
    bool is_whole = sodium_memcmp(secret, identity->secret, sizeof secret) == 0;
    sodium_memzero(seed, sizeof seed);
    sodium_memzero(secret, sizeof secret);
    return is_whole;
}

static int key_draft(const struct slot *slot, const struct node_identity *identity, const struct log *log) {
    char text[SECRET_DIGITS + 2];
    sodium_bin2hex(text, sizeof text, identity->secret, MUSTER_SECRET_BYTES);
    text[SECRET_DIGITS] = '\n';
    text[SECRET_DIGITS + 1] = '\0';
    int error = slot_draft_write(slot, "key", text, log);
    sodium_memzero(text, sizeof text);
    return error;
}

static int key_make(const struct slot *slot, struct node_identity *identity, const struct log *log) {
    int error = muster_key_generate(identity->key, identity->secret);
    if (error == 0) {
        error = key_draft(slot, identity, log);
    }
    return error != 0 ? error : slot_draft_publish(slot, "key", log);
}

/* Fills in key and secret; makes them where there is no file, but says so when there was one before. */
static int key_read(const struct slot *slot, bool has_past, uint64_t wall_ms, struct node_identity *identity,
                    const struct log *log) {
    char text[SLOT_FILE_BYTES];
    int result = slot_file_read(slot, "key", text, log);
    if (result == 0) {
        if (has_past) {
            log_line(log, MUSTER_LOG_WARNING,
                     "state %s/key is gone; a new key, and so a new identity, is made", slot->path);
        }
        return key_make(slot, identity, log);
    }
    bool is_whole = result == 1 && key_parse(text, identity);
    sodium_memzero(text, sizeof text);
    if (result < 0 || is_whole) {
        return result < 0 ? result : 0;
    }
    return file_damaged(slot, "key", wall_ms, log);
}

/* ---- boot ---- */

/* Decimal digits and a LF, nothing else; the largest number has no successor and so is refused as well. */
static bool boot_parse(const char *text, uint64_t *boot) {
    char *end;
    *boot = strtoull(text, &end, 10);
    return text[0] >= '0' && text[0] <= '9' && strcmp(end, "\n") == 0 && *boot >= 1 &&
           *boot < MUSTER_INTEGER_MAX;
}

/* The larger of the wall clock and the last one plus 1, stored before anybody hears of it. */
static int boot_write(const struct slot *slot, uint64_t last, uint64_t wall_ms, uint64_t *boot,
                      const struct log *log) {
    uint64_t next = wall_ms > last ? wall_ms : last + 1;
    if (next > MUSTER_INTEGER_MAX) {
        next = last + 1; /* a clock that far off is of no use */
    }
    char text[BOOT_BYTES];
    snprintf(text, sizeof text, "%" PRIu64 "\n", next);
    int error = slot_draft_write(slot, "boot", text, log);
    if (error == 0) {
        error = slot_draft_publish(slot, "boot", log);
    }
    if (error == 0) {
        *boot = next;
    }
    return error;
}

static int boot_read(const struct slot *slot, uint64_t wall_ms, uint64_t *last, const struct log *log) {
    char text[SLOT_FILE_BYTES];
    *last = 0;
    int result = slot_file_read(slot, "boot", text, log);
    if (result == 1 && !boot_parse(text, last)) {
        return file_damaged(slot, "boot", wall_ms, log);
    }
    return result < 0 ? result : 0;
}

/* ---- the whole ---- */

/* Both files are looked at before damage is returned: what is damaged goes aside in one call. */
static int identity_read(const struct slot *slot, uint64_t wall_ms, struct node_identity *identity,
                         const struct log *log) {
    uint64_t last;
    int boot_error = boot_read(slot, wall_ms, &last, log);
    if (boot_error != 0 && boot_error != MUSTER_EDAMAGED) {
        return boot_error;
    }
    bool has_past = boot_error == MUSTER_EDAMAGED || last > 0;
    int key_error = key_read(slot, has_past, wall_ms, identity, log);
    if (boot_error != 0 || key_error != 0) {
        return boot_error != 0 ? boot_error : key_error;
    }
    return boot_write(slot, last, wall_ms, &identity->boot, log);
}

int state_open(struct slot *slot, const struct state_options *options, struct node_identity *identity,
               const struct log *log) {
    *slot = (struct slot){.path = NULL};
    char *directory = NULL;
    if (sodium_init() < 0) {
        return MUSTER_ECRYPTO;
    }
    if (options->directory != NULL && options->directory[0] == '\0') {
        return MUSTER_EINVAL;
    }
    int error = state_directory(options->directory, &directory, log);
    if (error == 0) {
        error = slot_find(slot, directory, options, log);
    }
    if (error == 0) {
        error = identity_read(slot, options->wall_ms, identity, log);
    }
    free(directory);
    if (error != 0) {
        slot_release(slot);
        node_identity_wipe(identity);
    }
    return error;
}

/* At any moment there is a key: the new one is on the disk as a draft, and the old one lies aside, before one
 * takes the other's place. */
int state_rekey(struct slot *slot, uint64_t boot, uint64_t wall_ms, struct node_identity *identity,
                const struct log *log) {
    struct node_identity fresh;
    char aside[SLOT_FILE_NAME_BYTES];
    int error = muster_key_generate(fresh.key, fresh.secret);
    if (error == 0) {
        error = boot_write(slot, boot, wall_ms, &fresh.boot, log);
    }
    if (error == 0) {
        error = key_draft(slot, &fresh, log);
    }
    if (error == 0) {
        error = slot_file_set_aside(slot, "key", "conflict", wall_ms, true, aside, log);
    }
    if (error == 0) {
        error = slot_draft_publish(slot, "key", log);
    }
    if (error == 0) {
        log_line(log, MUSTER_LOG_WARNING, "state %s/key was set aside as %s/%s, and a new key made",
                 slot->path, slot->path, aside);
        *identity = fresh;
    }
    node_identity_wipe(&fresh);
    return error;
}

void node_identity_wipe(struct node_identity *identity) {
    sodium_memzero(identity, sizeof *identity);
}
