/* SPDX-License-Identifier: MIT */
#include "identity.h"

#include <string.h>

#include <sodium.h>

#include "little_endian.h"

static int sign_ed25519(void *context, const uint8_t *bytes, size_t length,
                        uint8_t signature[MUSTER_SIGNATURE_BYTES]) {
    const uint8_t *secret = context;
    if (secret == NULL || crypto_sign_detached(signature, NULL, bytes, length, secret) != 0) {
        return MUSTER_ECRYPTO;
    }
    return 0;
}

static int verify_ed25519(void *context, const uint8_t key[MUSTER_KEY_BYTES], const uint8_t *bytes,
                          size_t length, const uint8_t signature[MUSTER_SIGNATURE_BYTES]) {
    (void)context;
    return crypto_sign_verify_detached(signature, bytes, length, key) == 0 ? 0 : MUSTER_ECRYPTO;
}

int muster_crypto_ed25519(struct muster_crypto *crypto, const uint8_t secret[MUSTER_SECRET_BYTES]) {
    if (sodium_init() < 0) {
        return MUSTER_ECRYPTO;
    }
    crypto->sign = sign_ed25519;
    crypto->verify = verify_ed25519;
    crypto->context = (void *)(uintptr_t)secret; /* only ever read */
    return 0;
}

int muster_key_generate(uint8_t key[MUSTER_KEY_BYTES], uint8_t secret[MUSTER_SECRET_BYTES]) {
    if (sodium_init() < 0) {
        return MUSTER_ECRYPTO;
    }
    return crypto_sign_keypair(key, secret) == 0 ? 0 : MUSTER_ECRYPTO;
}

void muster_id_of_key(const uint8_t key[MUSTER_KEY_BYTES], uint8_t id[MUSTER_ID_BYTES]) {
    crypto_generichash(id, MUSTER_ID_BYTES, key, MUSTER_KEY_BYTES, NULL, 0);
}

void muster_id_text(const uint8_t id[MUSTER_ID_BYTES], char text[MUSTER_ID_TEXT_BYTES]) {
    sodium_bin2hex(text, MUSTER_ID_TEXT_BYTES, id, MUSTER_ID_BYTES);
}

void identity_init(struct identity *identity, const uint8_t *key, const struct muster_crypto *crypto,
                   uint64_t boot, struct random *random) {
    memset(identity, 0, sizeof *identity);
    identity->boot = boot;
    identity->crypto = *crypto;
    identity->has_key = key != NULL;
    if (key != NULL) {
        memcpy(identity->key, key, MUSTER_KEY_BYTES);
        muster_id_of_key(key, identity->id);
        return;
    }
    for (size_t i = 0; i < MUSTER_ID_BYTES; i += LITTLE_ENDIAN_BYTES) {
        little_endian_store(random_u64(random), identity->id + i);
    }
}

const struct muster_crypto *identity_signer(const struct identity *identity) {
    return identity->has_key ? &identity->crypto : NULL;
}

static uint64_t draw_nonce(struct random *random) {
    uint8_t bytes[LITTLE_ENDIAN_BYTES];
    char text[sodium_base64_ENCODED_LEN(6, sodium_base64_VARIANT_URLSAFE_NO_PADDING)];
    uint64_t nonce;
    _Static_assert(sizeof text == MUSTER_NONCE_CHARS + 1 && sizeof nonce == MUSTER_NONCE_CHARS, "they fit");
    little_endian_store(random_u64(random), bytes);
    sodium_bin2base64(text, sizeof text, bytes, 6, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    memcpy(&nonce, text, sizeof nonce);
    return nonce;
}

static void make_nonce(struct nonces *nonces, struct random *random, uint64_t now_ms) {
    size_t kept = (MUSTER_NONCES - 1) * sizeof *nonces->values;
    memmove(nonces->values + 1, nonces->values, kept);
    memmove(nonces->made_ms + 1, nonces->made_ms, kept);
    nonces->values[0] = draw_nonce(random);
    nonces->made_ms[0] = now_ms;
    nonces->count += nonces->count < MUSTER_NONCES ? 1 : 0;
}

uint64_t nonces_current(struct nonces *nonces, struct random *random, uint64_t now_ms) {
    if (nonces->count == 0 || now_ms - nonces->made_ms[0] >= MUSTER_NONCE_MS) {
        make_nonce(nonces, random, now_ms);
    }
    return nonces->values[0];
}

void nonces_renew(struct nonces *nonces, struct random *random, uint64_t now_ms) {
    if (nonces->count == 0 || now_ms - nonces->made_ms[0] >= MUSTER_NONCE_MS_MIN) {
        make_nonce(nonces, random, now_ms);
    }
}

unsigned nonces_count(const struct nonces *nonces, uint64_t now_ms) {
    unsigned count = 0;
    while (count < nonces->count && now_ms - nonces->made_ms[count] <= 2 * MUSTER_NONCE_MS) {
        count++;
    }
    return count;
}
