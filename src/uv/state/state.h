/* SPDX-License-Identifier: MIT */
/* What a node remembers between its starts, in a slot of the state directory named after the instance:
 *
 *     key    the Ed25519 secret (RFC 8032), 128 hexadecimal digits: the seed and the public key
 *     boot   the last boot number, decimal, on the disk before it is used
 *
 * Beside them lies `cached`, what the node keeps for others (node/cached_file.h). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <muster/core.h>

#include "log.h"
#include "slot.h"

/* Slots that are tried when no instance is given: NAME, NAME+2 to NAME+32. */
#define STATE_SLOTS 32

/* Who the node is from one start, or rekeying, on. Holds a secret: wipe it by node_identity_wipe(). */
struct node_identity {
    uint8_t key[MUSTER_KEY_BYTES];
    uint8_t secret[MUSTER_SECRET_BYTES];
    uint64_t boot;
};

struct state_options {
    const char *directory; /* NULL: the default, see muster.h */
    const char *instance;  /* NULL: one is found by name */
    const char *name;      /* of the node; used when instance is NULL */
    uint64_t wall_ms;      /* since 1970 */
};

/* The state directory that is given, or the default (muster.h) when that is NULL. *path is for the caller to
 * free. MUSTER_ESTATE (there is no default), MUSTER_ENOMEM. */
int state_directory(const char *given, char **path, const struct log *log);

/* Takes the slot, makes a key where there is none (with a warning where there is a boot), and a boot larger
 * than any before. MUSTER_EBUSY: the given instance, or all slots of the name, are held. MUSTER_EDAMAGED: key
 * or boot was not what we write; it was set aside as `<file>.damaged-<ms>`, and the next call makes a new
 * one. MUSTER_EINVAL: directory is "". MUSTER_ECRYPTO, and the errors of slot.h. An error line says which
 * path and why. On error nothing is held. */
int state_open(struct slot *slot, const struct state_options *options, struct node_identity *identity,
               const struct log *log);

/* Makes a new key, with a boot larger than `boot`; the present one is kept aside as `key.conflict-<ms>`. On
 * error (as above) the key stays what it was, though it may lie aside as well, and *identity is untouched. A
 * crash leaves the one key or the other. */
int state_rekey(struct slot *slot, uint64_t boot, uint64_t wall_ms, struct node_identity *identity,
                const struct log *log);

void node_identity_wipe(struct node_identity *identity);
