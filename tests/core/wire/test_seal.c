/* SPDX-License-Identifier: MIT */
/* Sealing: what opens, what does not, and what has come before. */
#include "seal.h"

#include <string.h>

#include <sodium.h>

#include "countdown.h"
#include "replay.h"
#include "test.h"

#define TEXT "{\"muster\":1,\"kind\":\"alive\"}\n"
#define LENGTH (sizeof TEXT - 1)
#define SEALED (LENGTH + MUSTER_SEAL_BYTES)
#define BOOT 1767225600000

static struct seal_keys seal_keys;
static struct seal_sender sender;
static struct replays replays;

/* Keys of so many groups: 1, 1, 1, ... and so on. */
static void set_keys(struct seal_keys *keys, const char *numbers) {
    uint8_t bytes[MUSTER_GROUP_KEYS_MAX][MUSTER_GROUP_KEY_BYTES];
    size_t count = strlen(numbers);
    for (size_t i = 0; i < count; i++) {
        memset(bytes[i], numbers[i] - '0', sizeof bytes[i]);
    }
    assert_int_equal(seal_keys_set(keys, bytes[0], count), 0);
}

static void begin(uint8_t number, uint64_t boot, uint64_t random) {
    uint8_t id[MUSTER_ID_BYTES] = {number};
    seal_sender_init(&sender, &seal_keys, id, boot, random);
}

static void setup(void) {
    countdown_set(0);
    set_keys(&seal_keys, "1");
    begin(1, BOOT, 0);
}

static void end(void) {
    replays_deinit(&replays);
    replays = (struct replays){0};
    assert_int_equal(countdown_bytes(), 0);
}

static void seal(enum seal_lane lane, uint8_t sealed[SEALED]) {
    seal_write(&sender, &seal_keys, lane, (const uint8_t *)TEXT, LENGTH, sealed);
}

/* "" when it opens to the text, else the reason. */
static const char *open_by(const struct seal_keys *keys, const uint8_t *sealed, size_t length) {
    uint8_t plain[SEALED];
    enum muster_drop reason;
    if (!replays_open(&replays, keys, 0, sealed, length, plain, &reason)) {
        return muster_drop_name(reason);
    }
    assert_int_equal(length, SEALED);
    assert_memory_equal(plain, TEXT, LENGTH);
    return "";
}

static const char *reopen(const uint8_t sealed[SEALED]) {
    return open_by(&seal_keys, sealed, SEALED);
}

/* ---- sealing and opening ---- */

/* The form is that of XChaCha20-Poly1305, so that any implementation of it will do. */
TEST(what_is_sealed_is_opened_by_xchacha20_poly1305) {
    uint8_t sealed[SEALED];
    uint8_t plain[LENGTH];
    seal(SEAL_TELEMETRY, sealed);
    assert_int_equal(sealed[0], 1);
    assert_memory_equal(sealed + 1, seal_keys.ids[0], SEAL_KEY_ID_BYTES);
    assert_int_equal(crypto_aead_xchacha20poly1305_ietf_decrypt(plain, NULL, NULL, sealed + 29, SEALED - 29,
                                                                NULL, 0, sealed + 5, seal_keys.keys[0]),
                     0);
    assert_memory_equal(plain, TEXT, LENGTH);
    assert_string_equal(reopen(sealed), "");
}

TEST(a_key_id_is_the_hash_of_the_key) {
    uint8_t hash[32];
    uint8_t key[MUSTER_GROUP_KEY_BYTES];
    uint8_t id[MUSTER_GROUP_KEY_ID_BYTES];
    memset(key, 1, sizeof key);
    crypto_generichash(hash, sizeof hash, key, sizeof key, NULL, 0);
    assert_int_equal(muster_group_key_id(key, id), 0);
    assert_memory_equal(id, hash, sizeof id);
    assert_memory_equal(seal_keys.ids[0], id, sizeof id);
}

TEST(any_changed_byte_does_not_open) {
    uint8_t sealed[SEALED];
    seal(SEAL_CONTROL, sealed);
    for (size_t i = 0; i < SEALED; i++) {
        sealed[i] ^= 0x10;
        assert_string_equal(reopen(sealed), "sealed");
        sealed[i] ^= 0x10;
    }
    assert_null(replays.lanes[SEAL_CONTROL].by_sender); /* what does not open leaves nothing behind */
    assert_null(replays.lanes[SEAL_TELEMETRY].by_sender);
    assert_string_equal(reopen(sealed), "");
}

TEST(a_cut_datagram_does_not_open) {
    uint8_t sealed[SEALED];
    seal(SEAL_CONTROL, sealed);
    for (size_t length = 0; length < SEALED; length++) {
        assert_string_equal(open_by(&seal_keys, sealed, length), "sealed");
    }
}

TEST(nothing_may_be_sealed) {
    uint8_t sealed[MUSTER_SEAL_BYTES];
    uint8_t plain[1] = {0};
    enum muster_drop reason;
    seal_write(&sender, &seal_keys, SEAL_CONTROL, plain, 0, sealed);
    assert_true(replays_open(&replays, &seal_keys, 0, sealed, sizeof sealed, plain, &reason));
}

TEST(it_opens_in_place) {
    uint8_t sealed[SEALED];
    enum muster_drop reason;
    seal(SEAL_CONTROL, sealed);
    assert_true(replays_open(&replays, &seal_keys, 0, sealed, SEALED, sealed, &reason));
    assert_memory_equal(sealed, TEXT, LENGTH);
}

/* ---- keys ---- */

TEST(who_has_another_key_opens_nothing) {
    uint8_t sealed[SEALED];
    struct seal_keys other;
    set_keys(&other, "2");
    seal(SEAL_CONTROL, sealed);
    assert_string_equal(open_by(&other, sealed, SEALED), "sealed");
    set_keys(&other, "");
    assert_string_equal(open_by(&other, sealed, SEALED), "sealed");
}

TEST(the_first_key_seals_and_all_open) {
    uint8_t sealed[SEALED];
    struct seal_keys other;
    seal(SEAL_CONTROL, sealed);
    set_keys(&other, "21");
    assert_string_equal(open_by(&other, sealed, SEALED), "");
    set_keys(&seal_keys, "21");
    seal_sender_rekey(&sender, &seal_keys);
    seal(SEAL_CONTROL, sealed);
    assert_string_equal(open_by(&other, sealed, SEALED), "");
    set_keys(&other, "2");
    seal(SEAL_CONTROL, sealed);
    assert_string_equal(open_by(&other, sealed, SEALED), "");
    set_keys(&other, "1");
    seal(SEAL_CONTROL, sealed);
    assert_string_equal(open_by(&other, sealed, SEALED), "sealed");
}

/* No nonce is used twice by a key, however often the first key changes. */
TEST(counting_goes_on_when_the_key_changes) {
    uint8_t first[SEALED];
    uint8_t second[SEALED];
    seal(SEAL_CONTROL, first);
    set_keys(&seal_keys, "21");
    seal_sender_rekey(&sender, &seal_keys);
    set_keys(&seal_keys, "1");
    seal_sender_rekey(&sender, &seal_keys);
    seal(SEAL_CONTROL, second);
    assert_memory_not_equal(first + 5, second + 5, 24);
    assert_string_equal(reopen(first), "");
    assert_string_equal(reopen(second), "");
}

TEST(too_many_keys_and_one_twice_are_refused) {
    uint8_t bytes[MUSTER_GROUP_KEYS_MAX + 1][MUSTER_GROUP_KEY_BYTES] = {0};
    assert_int_equal(seal_keys_set(&seal_keys, bytes[0], 2), MUSTER_EINVAL);
    for (size_t i = 0; i <= MUSTER_GROUP_KEYS_MAX; i++) {
        bytes[i][0] = (uint8_t)i;
    }
    assert_int_equal(seal_keys_set(&seal_keys, bytes[0], MUSTER_GROUP_KEYS_MAX + 1), MUSTER_EINVAL);
    assert_int_equal(seal_keys.count, 1);
    assert_int_equal(seal_keys_set(&seal_keys, bytes[0], MUSTER_GROUP_KEYS_MAX), 0);
    assert_int_equal(seal_keys.count, MUSTER_GROUP_KEYS_MAX);
}

/* ---- replays ---- */

TEST(each_datagram_is_taken_once) {
    uint8_t sealed[5][SEALED];
    for (size_t i = 0; i < 5; i++) {
        seal(SEAL_CONTROL, sealed[i]);
    }
    assert_string_equal(reopen(sealed[3]), "");
    assert_string_equal(reopen(sealed[1]), "");
    assert_string_equal(reopen(sealed[3]), "replay");
    assert_string_equal(reopen(sealed[4]), "");
    assert_string_equal(reopen(sealed[0]), "");
    assert_string_equal(reopen(sealed[2]), "");
    for (size_t i = 0; i < 5; i++) {
        assert_string_equal(reopen(sealed[i]), "replay");
    }
}

static void check_window(enum seal_lane lane, uint64_t size) {
    uint8_t behind[SEALED];
    uint8_t last[SEALED];
    uint8_t sealed[SEALED];
    seal(lane, behind);
    seal(lane, last);
    for (uint64_t i = 0; i < size - 1; i++) {
        seal(lane, sealed);
    }
    assert_string_equal(reopen(sealed), "");
    assert_string_equal(reopen(behind), "replay");
    assert_string_equal(reopen(last), "");
    assert_string_equal(reopen(last), "replay");
}

TEST(what_lies_behind_the_window_is_a_replay) {
    check_window(SEAL_CONTROL, MUSTER_REPLAY_WINDOW);
    check_window(SEAL_TELEMETRY, MUSTER_REPLAY_WINDOW_TELEMETRY);
}

/* A place of the window is used again by a later datagram. */
TEST(the_window_moves_on_and_forgets) {
    uint8_t sealed[SEALED];
    for (uint64_t i = 0; i < 3 * MUSTER_REPLAY_WINDOW; i++) {
        seal(SEAL_CONTROL, sealed);
        assert_string_equal(reopen(sealed), "");
        assert_string_equal(reopen(sealed), "replay");
    }
    sender.counters[SEAL_CONTROL] += 10 * MUSTER_REPLAY_WINDOW;
    uint8_t early[SEALED];
    seal(SEAL_CONTROL, early);
    seal(SEAL_CONTROL, sealed);
    assert_string_equal(reopen(sealed), "");
    assert_string_equal(reopen(early), "");
}

/* Sockets are not read in the order in which datagrams came. */
TEST(the_lanes_count_apart) {
    uint8_t control[SEALED];
    uint8_t sealed[SEALED];
    seal(SEAL_CONTROL, control);
    for (int i = 0; i < 2 * MUSTER_REPLAY_WINDOW; i++) {
        seal(SEAL_TELEMETRY, sealed);
        assert_string_equal(reopen(sealed), "");
    }
    assert_string_equal(reopen(control), "");
}

TEST(an_earlier_start_is_a_replay) {
    uint8_t before[SEALED];
    uint8_t other[SEALED];
    uint8_t now[SEALED];
    seal(SEAL_CONTROL, before);
    begin(1, BOOT + 1, 0);
    seal(SEAL_CONTROL, now);
    begin(2, BOOT, 0);
    seal(SEAL_CONTROL, other);
    assert_string_equal(reopen(now), "");
    assert_string_equal(reopen(before), "replay");
    assert_string_equal(reopen(other), "");
}

/* Two that hold one identity, as copies of a machine do, seal with different nonces. */
TEST(a_copy_of_a_machine_seals_otherwise) {
    uint8_t one[SEALED];
    uint8_t other[SEALED];
    begin(1, BOOT, 17);
    seal(SEAL_CONTROL, one);
    begin(1, BOOT, 18 + (UINT64_C(1) << 40));
    seal(SEAL_CONTROL, other);
    assert_memory_not_equal(one + 5, other + 5, 24);
    assert_int_equal(sender.nonce.start >> 11, BOOT);
}

TEST(the_own_datagrams_have_no_window) {
    uint8_t sealed[SEALED];
    uint8_t plain[SEALED];
    enum muster_drop reason;
    seal(SEAL_CONTROL, sealed);
    for (int i = 0; i < 2; i++) {
        assert_true(replays_open(&replays, &seal_keys, sender.nonce.sender, sealed, SEALED, plain, &reason));
    }
    assert_int_equal(replays.lanes[SEAL_CONTROL].count, 0);
}

TEST(the_sender_that_was_silent_for_longest_makes_room) {
    uint8_t first[SEALED];
    uint8_t second[SEALED];
    uint8_t sealed[SEALED];
    seal(SEAL_CONTROL, first);
    assert_string_equal(reopen(first), "");
    struct seal_sender kept = sender;
    for (uint64_t i = 0; i < MUSTER_REPLAY_SENDERS_MAX; i++) {
        uint8_t id[MUSTER_ID_BYTES] = {2, (uint8_t)i, (uint8_t)(i >> 8)};
        seal_sender_init(&sender, &seal_keys, id, BOOT, 0);
        seal(SEAL_CONTROL, sealed);
        assert_string_equal(reopen(sealed), "");
        if (i == 0) {
            memcpy(second, sealed, SEALED);
            struct seal_sender other = sender;
            sender = kept;
            seal(SEAL_CONTROL, sealed); /* it is heard again */
            assert_string_equal(reopen(sealed), "");
            sender = other;
        }
    }
    assert_int_equal(replays.lanes[SEAL_CONTROL].count, MUSTER_REPLAY_SENDERS_MAX);
    assert_int_equal(replays.evicted, 1);
    assert_string_equal(reopen(first), "replay");
    assert_string_equal(reopen(second), ""); /* it was forgotten */
}

/* ---- memory ---- */

TEST(without_memory_a_datagram_is_dropped) {
    uint8_t sealed[SEALED];
    seal(SEAL_CONTROL, sealed);
    for (unsigned long n = 1;; n++) {
        countdown_set(n);
        const char *result = reopen(sealed);
        if (!countdown_has_failed()) {
            assert_string_equal(result, "");
            break;
        }
        assert_string_equal(result, "memory");
        assert_int_equal(replays.lanes[SEAL_CONTROL].count, 0);
    }
    countdown_set(0);
}

int main(void) {
    return test_run(setup, end);
}
