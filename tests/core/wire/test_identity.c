/* SPDX-License-Identifier: MIT */
/* Keys, ids, signatures, nonces, and the random numbers that they are drawn from. */
#include "identity.h"

#include <string.h>

#include <sodium.h>

#include "random.h"
#include "test.h"

static const uint8_t seed[MUSTER_SEED_BYTES] = {1, 2, 3};

static void unhex(uint8_t *bytes, size_t size, const char *text) {
    size_t length;
    assert_int_equal(sodium_hex2bin(bytes, size, text, strlen(text), NULL, &length, NULL), 0);
    assert_int_equal(length, size);
}

/* The key pair of the golden datagrams' Anna. */
static void make_anna(uint8_t key[MUSTER_KEY_BYTES], uint8_t secret[MUSTER_SECRET_BYTES]) {
    uint8_t anna[crypto_sign_SEEDBYTES];
    memset(anna, 1, sizeof anna);
    crypto_sign_seed_keypair(key, secret, anna);
}

/* ---- keys and ids ---- */

TEST(an_id_is_the_hash_of_the_key) {
    uint8_t key[MUSTER_KEY_BYTES];
    uint8_t secret[MUSTER_SECRET_BYTES];
    uint8_t id[MUSTER_ID_BYTES];
    char text[MUSTER_ID_TEXT_BYTES];
    make_anna(key, secret);
    muster_id_of_key(key, id);
    muster_id_text(id, text);
    assert_string_equal(text, "e6808f33fbec87975122804ac9ceda8e");
}

TEST(with_a_key_the_identity_is_the_keys) {
    uint8_t key[MUSTER_KEY_BYTES];
    uint8_t secret[MUSTER_SECRET_BYTES];
    uint8_t id[MUSTER_ID_BYTES];
    make_anna(key, secret);
    muster_id_of_key(key, id);
    struct muster_crypto crypto;
    assert_int_equal(muster_crypto_ed25519(&crypto, secret), 0);
    struct random random;
    random_init(&random, seed);
    struct identity identity;
    identity_init(&identity, key, &crypto, 42, &random);
    assert_true(identity.has_key);
    assert_int_equal(identity.boot, 42);
    assert_memory_equal(identity.id, id, sizeof id);
    assert_memory_equal(identity.key, key, sizeof key);
    assert_ptr_equal(identity_signer(&identity), &identity.crypto);
}

TEST(without_a_key_the_id_is_random) {
    struct muster_crypto crypto;
    assert_int_equal(muster_crypto_ed25519(&crypto, NULL), 0);
    struct random random;
    random_init(&random, seed);
    struct identity first;
    struct identity second;
    identity_init(&first, NULL, &crypto, 1, &random);
    identity_init(&second, NULL, &crypto, 1, &random);
    assert_false(first.has_key);
    assert_null(identity_signer(&first));
    assert_memory_not_equal(first.id, second.id, MUSTER_ID_BYTES);
    random_init(&random, seed);
    struct identity again;
    identity_init(&again, NULL, &crypto, 1, &random);
    assert_memory_equal(first.id, again.id, MUSTER_ID_BYTES);
}

/* ---- signatures ---- */

/* RFC 8032, 7.1, test 1: of the empty message. */
TEST(a_signature_is_ed25519) {
    uint8_t secret_seed[crypto_sign_SEEDBYTES];
    uint8_t expected_key[MUSTER_KEY_BYTES];
    uint8_t expected[MUSTER_SIGNATURE_BYTES];
    unhex(secret_seed, sizeof secret_seed,
          "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60");
    unhex(expected_key, sizeof expected_key,
          "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
    unhex(expected, sizeof expected,
          "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
          "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b");
    uint8_t key[MUSTER_KEY_BYTES];
    uint8_t secret[MUSTER_SECRET_BYTES];
    crypto_sign_seed_keypair(key, secret, secret_seed);
    assert_memory_equal(key, expected_key, sizeof key);
    struct muster_crypto crypto;
    assert_int_equal(muster_crypto_ed25519(&crypto, secret), 0);
    const uint8_t nothing[1] = {0};
    uint8_t signature[MUSTER_SIGNATURE_BYTES];
    assert_int_equal(crypto.sign(crypto.context, nothing, 0, signature), 0);
    assert_memory_equal(signature, expected, sizeof signature);
    assert_int_equal(crypto.verify(crypto.context, key, nothing, 0, signature), 0);
}

TEST(what_was_changed_does_not_verify) {
    uint8_t key[MUSTER_KEY_BYTES];
    uint8_t secret[MUSTER_SECRET_BYTES];
    uint8_t signature[MUSTER_SIGNATURE_BYTES];
    uint8_t bytes[] = "hello";
    struct muster_crypto crypto;
    assert_int_equal(muster_key_generate(key, secret), 0);
    assert_int_equal(muster_crypto_ed25519(&crypto, secret), 0);
    assert_int_equal(crypto.sign(crypto.context, bytes, 5, signature), 0);
    assert_int_equal(crypto.verify(crypto.context, key, bytes, 5, signature), 0);
    assert_int_equal(crypto.verify(crypto.context, key, bytes, 4, signature), MUSTER_ECRYPTO);
    bytes[0] ^= 1;
    assert_int_equal(crypto.verify(crypto.context, key, bytes, 5, signature), MUSTER_ECRYPTO);
    bytes[0] ^= 1;
    signature[63] ^= 1;
    assert_int_equal(crypto.verify(crypto.context, key, bytes, 5, signature), MUSTER_ECRYPTO);
    signature[63] ^= 1;
    key[0] ^= 1;
    assert_int_equal(crypto.verify(crypto.context, key, bytes, 5, signature), MUSTER_ECRYPTO);
}

TEST(keys_are_made_anew_each_time) {
    uint8_t keys[2][MUSTER_KEY_BYTES];
    uint8_t secret[MUSTER_SECRET_BYTES];
    assert_int_equal(muster_key_generate(keys[0], secret), 0);
    assert_int_equal(muster_key_generate(keys[1], secret), 0);
    assert_memory_not_equal(keys[0], keys[1], MUSTER_KEY_BYTES);
}

TEST(who_only_verifies_cannot_sign) {
    struct muster_crypto crypto;
    assert_int_equal(muster_crypto_ed25519(&crypto, NULL), 0);
    uint8_t signature[MUSTER_SIGNATURE_BYTES];
    assert_int_equal(crypto.sign(crypto.context, seed, sizeof seed, signature), MUSTER_ECRYPTO);
}

/* ---- nonces ---- */

TEST(a_nonce_lasts_half_a_minute) {
    struct random random;
    random_init(&random, seed);
    struct nonces nonces = {0};
    uint64_t first = nonces_current(&nonces, &random, 5000);
    assert_true(nonces_current(&nonces, &random, 34999) == first);
    assert_true(nonces_current(&nonces, &random, 35000) != first);
}

TEST(a_nonce_is_eight_characters) {
    struct random random;
    random_init(&random, seed);
    struct nonces nonces = {0};
    uint64_t nonce = nonces_current(&nonces, &random, 0);
    char text[MUSTER_NONCE_CHARS + 1] = "";
    memcpy(text, &nonce, sizeof nonce);
    assert_int_equal(strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"), 8);
}

TEST(answers_to_nonces_of_the_last_minute_are_taken) {
    struct random random;
    random_init(&random, seed);
    struct nonces nonces = {0};
    assert_int_equal(nonces_count(&nonces, 0), 0);
    uint64_t first = nonces_current(&nonces, &random, 5000);
    uint64_t second = nonces_current(&nonces, &random, 35000);
    assert_int_equal(nonces_count(&nonces, 65000), 2);
    assert_true(nonces.values[0] == second && nonces.values[1] == first);
    assert_int_equal(nonces_count(&nonces, 65001), 1); /* the first one is a minute old */
    assert_true(2 * MUSTER_NONCE_MS <= MUSTER_TOMBSTONE_MS);
    assert_int_equal(nonces_count(&nonces, 95001), 0);
}

TEST(a_first_nonce_is_new) {
    struct nonces nonces = {0};
    struct random random;
    random_init(&random, seed);
    nonces_renew(&nonces, &random, 5000);
    uint64_t first = nonces_current(&nonces, &random, 5000);
    nonces_renew(&nonces, &random, 5000 + MUSTER_NONCE_MS_MIN - 1); /* too soon */
    assert_true(nonces_current(&nonces, &random, 6000) == first);
    nonces_renew(&nonces, &random, 5000 + MUSTER_NONCE_MS_MIN);
    assert_true(nonces_current(&nonces, &random, 6000) != first);
}

int main(void) {
    return test_run(NULL, NULL);
}
