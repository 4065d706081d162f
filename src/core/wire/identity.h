/* SPDX-License-Identifier: MIT */
/* Who this node is, and the nonces by which it tells an answer from a replay. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <muster/core.h>

#include "limit.h"
#include "random.h"

struct identity {
    uint8_t id[MUSTER_ID_BYTES];
    uint64_t boot;
    bool has_key;
    uint8_t key[MUSTER_KEY_BYTES];
    struct muster_crypto crypto;
};

/* With a key the id is the key's, without one it is random. key may be NULL and is copied. */
void identity_init(struct identity *identity, const uint8_t *key, const struct muster_crypto *crypto,
                   uint64_t boot, struct random *random);

/* What to sign with; NULL when there is no key. */
const struct muster_crypto *identity_signer(const struct identity *identity);

/* One nonce stands in all that a node says for a minute, and answers to the last two are taken: a signed
 * message that repeats one of them proves that its signer spoke since, whoever else hears it. A nonce is
 * MUSTER_NONCE_CHARS characters, which stand in the number as in memory. */
struct nonces {
    uint64_t values[MUSTER_NONCES]; /* the newest first */
    uint64_t made_ms[MUSTER_NONCES];
    unsigned count;
};

/* The nonce of now. */
uint64_t nonces_current(struct nonces *nonces, struct random *random, uint64_t now_ms);

/* Makes a new nonce, unless that of now is younger than a second: answers to the earlier ones may be
 * recordings. */
void nonces_renew(struct nonces *nonces, struct random *random, uint64_t now_ms);

/* How many nonces are taken now. They are the first of values. */
unsigned nonces_count(const struct nonces *nonces, uint64_t now_ms);
