/* SPDX-License-Identifier: MIT */
/* Random numbers and hashes, which are the same on every machine. */
#include "random.h"

#include "hash.h"
#include "test.h"

static const uint8_t seed[MUSTER_SEED_BYTES] = {1, 2, 3};

/* The key stream of ChaCha20 with a key and nonce of zeros ends with c3 87 b6 69 b2 ee 65 86. */
TEST(numbers_are_those_of_chacha20) {
    static const uint8_t zeros[MUSTER_SEED_BYTES];
    struct random random;
    random_init(&random, zeros);
    assert_true(random_u64(&random) == UINT64_C(0x8665eeb269b687c3));
}

/* Of J.-P. Aumasson, D. J. Bernstein, SipHash: the first vector of its test program. */
TEST(hashes_are_those_of_siphash) {
    uint8_t key[HASH_SEED_BYTES];
    for (uint8_t i = 0; i < HASH_SEED_BYTES; i++) {
        key[i] = i;
    }
    assert_true(hash_bytes("", 0, key) == UINT64_C(0x726fdb47dd0e0e31));
}

TEST(the_same_seed_gives_the_same_numbers) {
    static const uint8_t other_seed[MUSTER_SEED_BYTES] = {1, 2, 4};
    struct random one;
    struct random two;
    struct random other;
    random_init(&one, seed);
    random_init(&two, seed);
    random_init(&other, other_seed);
    for (int i = 0; i < 100; i++) {
        uint64_t number = random_u64(&one);
        assert_true(number == random_u64(&two));
        assert_true(number != random_u64(&other));
    }
}

TEST(random_times_fill_their_range) {
    struct random random;
    random_init(&random, seed);
    unsigned counts[10] = {0};
    for (int i = 0; i < 10000; i++) {
        uint64_t time_ms = random_ms(&random, 9);
        assert_true(time_ms <= 9);
        counts[time_ms]++;
        double fraction = random_fraction(&random);
        assert_true(fraction >= 0 && fraction < 1);
    }
    for (size_t i = 0; i < 10; i++) {
        assert_true(counts[i] >= 850 && counts[i] <= 1150);
    }
    assert_int_equal(random_ms(&random, 0), 0);
}

int main(void) {
    return test_run(NULL, NULL);
}
