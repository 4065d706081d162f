/* SPDX-License-Identifier: MIT */
/* What sealing and opening a datagram costs, beside libsodium's own calls, and what its signature costs:
 * figures of `tools/bench seal`.
 *
 *     bench_seal BYTES
 *
 * prints one line of JSON: nanoseconds a datagram of so many bytes, the median of several rounds. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <sodium.h>

#include "replay.h"
#include "seal.h"

#define DATAGRAMS 512 /* in a round, less than the window of any lane */
#define ROUNDS 201
#define SIGNATURES 8 /* in a round */
#define SEALED_MAX (MUSTER_DATAGRAM_BYTES_MAX + MUSTER_SEAL_BYTES)

static uint8_t sealed[DATAGRAMS][SEALED_MAX];
static uint8_t plain[SEALED_MAX];

struct figures {
    double seal[ROUNDS];
    double open[ROUNDS];
    double sodium_seal[ROUNDS];
    double sodium_open[ROUNDS];
    double verify[ROUNDS];
};

static double now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static int compare(const void *a, const void *b) {
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, size_t count) {
    qsort(values, ROUNDS, sizeof *values, compare);
    return values[ROUNDS / 2] / (double)count;
}

static void require(int is_true) {
    if (!is_true) {
        fputs("bench_seal: a datagram does not open, or is not verified\n", stderr);
        exit(1);
    }
}

static void measure(struct figures *figures, int round, struct seal_sender *sender, struct replays *replays,
                    const struct seal_keys *keys, size_t length) {
    enum muster_drop reason;
    double begin = now_ns();
    for (size_t i = 0; i < DATAGRAMS; i++) {
        seal_write(sender, keys, SEAL_TELEMETRY, plain, length, sealed[i]);
    }
    figures->seal[round] = now_ns() - begin;
    begin = now_ns();
    for (size_t i = 0; i < DATAGRAMS; i++) {
        require(replays_open(replays, keys, 0, sealed[i], length + MUSTER_SEAL_BYTES, plain, &reason));
    }
    figures->open[round] = now_ns() - begin;
}

static void measure_sodium(struct figures *figures, int round, const uint8_t *key, size_t length) {
    uint8_t nonce[crypto_aead_xchacha20poly1305_ietf_NPUBBYTES] = {0};
    double begin = now_ns();
    for (size_t i = 0; i < DATAGRAMS; i++) {
        sodium_increment(nonce, sizeof nonce);
        memcpy(sealed[i], nonce, sizeof nonce);
        crypto_aead_xchacha20poly1305_ietf_encrypt(sealed[i] + sizeof nonce, NULL, plain, length, NULL, 0,
                                                   NULL, nonce, key);
    }
    figures->sodium_seal[round] = now_ns() - begin;
    begin = now_ns();
    for (size_t i = 0; i < DATAGRAMS; i++) {
        require(crypto_aead_xchacha20poly1305_ietf_decrypt(plain, NULL, NULL, sealed[i] + sizeof nonce,
                                                           length + crypto_aead_xchacha20poly1305_ietf_ABYTES,
                                                           NULL, 0, sealed[i], key) == 0);
    }
    figures->sodium_open[round] = now_ns() - begin;
}

/* The core verifies by this call, too. */
static void measure_verify(struct figures *figures, int round, size_t length) {
    static const uint8_t seed[crypto_sign_SEEDBYTES] = {3};
    uint8_t key[crypto_sign_PUBLICKEYBYTES];
    uint8_t secret[crypto_sign_SECRETKEYBYTES];
    uint8_t signature[crypto_sign_BYTES];
    crypto_sign_seed_keypair(key, secret, seed);
    crypto_sign_detached(signature, NULL, plain, length, secret);
    double begin = now_ns();
    for (size_t i = 0; i < SIGNATURES; i++) {
        require(crypto_sign_verify_detached(signature, plain, length, key) == 0);
    }
    figures->verify[round] = now_ns() - begin;
}

int main(int argc, char **argv) {
    static struct figures figures;
    const uint8_t key[MUSTER_GROUP_KEY_BYTES] = {1};
    const uint8_t id[MUSTER_ID_BYTES] = {2};
    struct seal_keys keys = {0};
    struct seal_sender sender;
    struct replays replays = {0};
    size_t length = argc == 2 ? strtoul(argv[1], NULL, 10) : 0;
    if (length < 1 || length > MUSTER_DATAGRAM_BYTES_MAX - MUSTER_SEAL_BYTES || sodium_init() < 0 ||
        seal_keys_set(&keys, key, 1) != 0) {
        fputs("usage: bench_seal BYTES\n", stderr);
        return 2;
    }
    seal_sender_init(&sender, &keys, id, 1, 0);
    for (int round = 0; round < ROUNDS; round++) {
        measure(&figures, round, &sender, &replays, &keys, length);
        measure_sodium(&figures, round, key, length);
        measure_verify(&figures, round, length);
    }
    printf("{\"bytes\": %zu, \"seal_ns\": %.0f, \"open_ns\": %.0f, \"sodium_seal_ns\": %.0f, "
           "\"sodium_open_ns\": %.0f, \"verify_ns\": %.0f}\n",
           length, median(figures.seal, DATAGRAMS), median(figures.open, DATAGRAMS),
           median(figures.sodium_seal, DATAGRAMS), median(figures.sodium_open, DATAGRAMS),
           median(figures.verify, SIGNATURES));
    replays_deinit(&replays);
    return 0;
}
