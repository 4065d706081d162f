#!/bin/bash
# SPDX-License-Identifier: MIT
# libsodium's ChaCha20 takes longer for 200 bytes than for 512, and so does its AEAD for what is short.
#
# Version: libsodium 1.0.18 (Debian 12, libsodium23 1.0.18-1+deb12u1), a processor with SSSE3 or AVX2
# Expected: fewer bytes of keystream cost less.
# Behaviour: 4 or 8 blocks of 64 bytes are worked at together, and what is left one by one, where
# each costs half of what four cost together. ChaCha20-Poly1305 asks first for one block, and then
# for what is left: 200 bytes cost more than one call that makes 512 and Poly1305 together.
# Output seen, with which this script compares:
#> keystream: 512 bytes take less time than 200
#> sealing 200 bytes takes longer than 512 bytes of keystream and Poly1305 of 200
set -euo pipefail
self=$(readlink -f "$0")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get -qq -o APT::Sandbox::User=root download libsodium{23,-dev}=1.0.18-1+deb12u1
for package in *.deb; do dpkg-deb -x "$package" .; done
libraries=$(dirname "$PWD"/usr/lib/*/libsodium.so.23)

cat >less.c <<'C'
#include <sodium.h>
#include <stdio.h>
#include <time.h>

#define ROUNDS 400 /* of each the fastest counts: whatever else runs makes it slower alone */
#define CALLS 200

static unsigned char key[32], nonce[12], text[512], out[600];

static void make_200(void) { crypto_stream_chacha20_ietf(out, 200, nonce, key); }
static void make_512(void) { crypto_stream_chacha20_ietf(out, 512, nonce, key); }
static void authenticate_200(void) { crypto_onetimeauth_poly1305(out, text, 200, key); }
static void seal_200(void) {
    crypto_aead_chacha20poly1305_ietf_encrypt(out, NULL, text, 200, NULL, 0, NULL, nonce, key);
}

static double fastest_ns(void (*call)(void)) {
    double fastest = 1e12;
    for (int round = 0; round < ROUNDS; round++) {
        struct timespec begin, end;
        clock_gettime(CLOCK_MONOTONIC, &begin);
        for (int i = 0; i < CALLS; i++) call();
        clock_gettime(CLOCK_MONOTONIC, &end);
        double ns = (double)(end.tv_sec - begin.tv_sec) * 1e9 + (double)(end.tv_nsec - begin.tv_nsec);
        fastest = ns < fastest ? ns : fastest;
    }
    return fastest / CALLS;
}

int main(void) {
    if (sodium_init() < 0) return 1;
    double short_ns = fastest_ns(make_200), long_ns = fastest_ns(make_512);
    double tag_ns = fastest_ns(authenticate_200), seal_ns = fastest_ns(seal_200);
    fprintf(stderr, "ns: 200 bytes %.0f, 512 bytes %.0f, Poly1305 %.0f, AEAD %.0f\n", short_ns, long_ns, tag_ns, seal_ns);
    printf("keystream: 512 bytes take %s time than 200\n", long_ns < short_ns ? "less" : "more");
    printf("sealing 200 bytes takes %s than 512 bytes of keystream and Poly1305 of 200\n",
           seal_ns > long_ns + tag_ns ? "longer" : "less long");
    return 0;
}
C
cc -O2 -I usr/include less.c -L "$libraries" -Wl,-rpath,"$libraries" -lsodium -o less
./less >seen
diff -u --label expected <(sed -n 's/^#> //p' "$self") --label seen seen
