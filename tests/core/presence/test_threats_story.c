/* SPDX-License-Identifier: MIT */
/* What many ids, and many keys, can't do to who is here. */
#include <stdio.h>
#include <string.h>

#include <sodium.h>

#include "limit.h"
#include "tape.h"
#include "test.h"
#include "world.h"

static void begin(void) {
    world_begin(11);
}

/* What node 0 hears at once, from an address and a port. */
static void hear(const char *text, size_t length, uint8_t source, uint16_t port) {
    struct muster_event event = {.kind = MUSTER_EVENT_DATAGRAM};
    event.datagram = (struct muster_datagram){
        .bytes = (const uint8_t *)text,
        .length = length,
        .source = {.family = 4, .ip = {10, 0, 0, source}, .port = port},
        .destination = {.family = 4, .ip = {224, 0, 0, 254}, .port = MUSTER_PORT_DEFAULT},
        .interface = WORLD_INTERFACE,
        .ttl = MUSTER_TTL,
    };
    assert_int_equal(world_step(0, &event), 0);
}

#ifdef __SANITIZE_ADDRESS__ /* which makes it ten times as slow */
#define IDS 100000
#else
#define IDS 1000000
#endif
#define ADDRESSES 100

TEST(a_million_ids_fill_no_table) {
    char text[ANNOUNCE_BYTES_MAX];
    world_gather(2);
    for (unsigned i = 0; i < IDS; i++) {
        struct announce announce = {.number = 1000 + i, .seq = 1, .name = "b"}; /* a name that is here */
        size_t length = announce_print(&announce, text);
        hear(text, length, (uint8_t)(100 + i % ADDRESSES), (uint16_t)(10000 + i / ADDRESSES % 64));
        if (i % 100 == 99) {
            world_run(1);
        }
    }
    world_run(5000);
    assert_true(world_rows(0, MUSTER_ALIVE) <= MUSTER_UNVERIFIED_MAX + 1);
    assert_true(world_drops(0, MUSTER_DROP_TABLE_FULL) + world_counters(0)->evicted > IDS / 2);
    assert_int_equal(world.nodes[0].counts[MUSTER_PEER_LOST], 0);
    struct muster_peer_list list;
    uint8_t id[MUSTER_ID_BYTES];
    muster_id_of_key(world.nodes[1].key, id);
    assert_int_equal(muster_core_peer(world.nodes[0].core, id, &list), 0);
    assert_int_equal(list.peers[0].state, MUSTER_ALIVE);
    assert_true(list.peers[0].verified);
    muster_peer_list_free(&list);
    size_t late = world_add("late");
    world_run(3000);
    assert_true(world_row(0, "late")->verified);
    assert_true(world_has_row(late, "a"));
}

/* The nonce that node 0 says now. */
static char nonce[MUSTER_NONCE_CHARS + 1];

static void read_nonce(size_t from, const struct muster_datagram *datagram) {
    const char *found =
        from == 0 ? memmem(datagram->bytes, datagram->length, "\"nonce\":\"", sizeof "\"nonce\":\"" - 1)
                  : NULL;
    if (found != NULL) {
        memcpy(nonce, found + sizeof "\"nonce\":\"" - 1, MUSTER_NONCE_CHARS);
    }
}

/* A key of the attacker's answers, as well as any. */
static size_t print_answer(unsigned number, char text[ANNOUNCE_BYTES_MAX]) {
    uint8_t seed[crypto_sign_SEEDBYTES] = {0};
    uint8_t key[MUSTER_KEY_BYTES];
    uint8_t secret[MUSTER_SECRET_BYTES];
    uint8_t id[MUSTER_ID_BYTES];
    uint8_t signature[MUSTER_SIGNATURE_BYTES];
    char digits[MUSTER_ID_TEXT_BYTES];
    char base64[sodium_base64_ENCODED_LEN(sizeof signature, sodium_base64_VARIANT_ORIGINAL)];
    memcpy(seed, &number, sizeof number);
    crypto_sign_seed_keypair(key, secret, seed);
    muster_id_of_key(key, id);
    muster_id_text(id, digits);
    sodium_bin2base64(base64, sizeof base64, key, sizeof key, sodium_base64_VARIANT_ORIGINAL);
    int length =
        snprintf(text, ANNOUNCE_BYTES_MAX,
                 "{\"muster\":1,\"kind\":\"announce\",\"id\":\"%s\",\"boot\":1,\"seq\":1,\"re\":\"%s\","
                 "\"rev\":1,\"next_ms\":172800000,\"peers\":0,\"name\":\"free\",\"key\":\"%s\"}\n",
                 digits, nonce, base64);
    crypto_sign_detached(signature, NULL, (const uint8_t *)text, (unsigned long long)length, secret);
    sodium_bin2base64(base64, sizeof base64, signature, sizeof signature, sodium_base64_VARIANT_ORIGINAL);
    return (size_t)(length + snprintf(text + length, ANNOUNCE_BYTES_MAX - (size_t)length,
                                      "{\"sig\":\"%s\"}\n", base64));
}

#define KEYS 5000

TEST(five_thousand_free_keys_fill_no_table) {
    char text[ANNOUNCE_BYTES_MAX];
    world_gather(3);
    world.on_sent = read_nonce;
    world_query(0);
    world_run(10);
    assert_int_equal(strlen(nonce), MUSTER_NONCE_CHARS);
    for (unsigned i = 0; i < KEYS; i++) {
        hear(text, print_answer(i, text), 99, (uint16_t)(10000 + i % 64));
        world_run(2);
    }
    assert_int_equal(world_rows(0, MUSTER_ALIVE), 2 + MUSTER_ROWS_PER_ADDRESS);
    assert_true(world_drops(0, MUSTER_DROP_TABLE_FULL) >= KEYS - MUSTER_ROWS_PER_ADDRESS - 100);
    assert_int_equal(world.nodes[0].counts[MUSTER_PEER_SUSPECT], 0);
    assert_int_equal(world_row(0, "b")->state, MUSTER_ALIVE);
    world_add("late");
    world_run(5000);
    assert_true(world_row(0, "late")->verified);
    world_kill(1);
    assert_true(world_run_until(0, MUSTER_PEER_LOST, 1));
}

int main(void) {
    return test_run(begin, world_end);
}
