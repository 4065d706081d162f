/* One key in two machines: a copied disk image. */
#include <string.h>

#include <sodium.h>

#include "test.h"
#include "world.h"

static void begin(void) {
    world_begin(17);
}

/* Gives the second node the first one's key and a later boot. */
static size_t add_twin(const char *name) {
    size_t twin = world_add(name);
    struct muster_document document = {.name = name};
    struct muster_core_options options;
    memcpy(world.nodes[twin].key, world.nodes[0].key, MUSTER_KEY_BYTES);
    memcpy(world.nodes[twin].secret, world.nodes[0].secret, MUSTER_SECRET_BYTES);
    world.nodes[twin].boot = 50;
    world_options(twin, &document, &options);
    world_start(twin, &options);
    return twin;
}

TEST(both_holders_are_told) {
    world_add("card");
    world_run(3000);
    size_t twin = add_twin("copy");
    world_run(3000);
    assert_int_equal(world.nodes[0].counts[MUSTER_PEER_CONFLICT], 1);
    assert_int_equal(world.nodes[twin].counts[MUSTER_PEER_CONFLICT], 1);
    world_run(30000);
    assert_int_equal(world.nodes[0].counts[MUSTER_PEER_CONFLICT], 1);
}

TEST(the_later_one_goes_on_under_another_key) {
    world_add("card");
    size_t witness = world_add("witness");
    world_run(3000);
    size_t twin = add_twin("copy");
    world_run(500);
    assert_int_equal(world.nodes[twin].counts[MUSTER_PEER_CONFLICT], 1);
    uint8_t key[MUSTER_KEY_BYTES];
    static uint8_t secret[MUSTER_SECRET_BYTES];
    uint8_t seed[crypto_sign_SEEDBYTES];
    memset(seed, 200, sizeof seed);
    crypto_sign_seed_keypair(key, secret, seed);
    struct muster_command rekey = {.kind = MUSTER_COMMAND_REKEY, .key = key, .boot = 51};
    assert_int_equal(muster_crypto_ed25519(&rekey.crypto, secret), 0);
    assert_int_equal(world_command(twin, &rekey), 0);
    world_run(10000);
    struct muster_peer row;
    assert_int_equal(world_rows(witness, MUSTER_ALIVE), 2);
    assert_true(world_row(witness, "card", &row));
    assert_true(world_row(witness, "copy", &row));
    assert_true(world_row(0, "copy", &row));
    assert_true(world_row(twin, "card", &row));
}

static uint8_t taped[1400];
static struct muster_datagram tape;

static bool record_own(size_t from, size_t to, const struct muster_datagram *datagram) {
    if (from == 0 && to == 1 && tape.length == 0 &&
        memmem(datagram->bytes, datagram->length, "\"announce\"", 10) != NULL) {
        memcpy(taped, datagram->bytes, datagram->length);
        tape = *datagram;
        tape.bytes = taped;
    }
    return false;
}

TEST(ones_own_past_is_no_twin) {
    world_add("a");
    world.is_lost = record_own;
    world_add("b");
    world_run(3000);
    assert_true(tape.length > 0);
    struct muster_document document = {.name = "a"};
    struct muster_core_options options;
    world_options(0, &document, &options);
    world_start(0, &options);
    world_run(3000);
    world_inject(0, &tape);
    world_run(5000);
    assert_int_equal(world.nodes[0].counts[MUSTER_PEER_CONFLICT], 0);
}

TEST(our_own_datagrams_are_dropped) {
    world_add("a");
    world_run(5000);
    assert_int_equal(world_rows(0, MUSTER_ALIVE), 0);
    const struct muster_counters *counters = muster_core_counters(world.nodes[0].core);
    assert_true(counters->drops[MUSTER_DROP_OWN] > 0);
    assert_int_equal(counters->drops[MUSTER_DROP_OWN], counters->received);
}

int main(void) {
    return test_run(begin, world_end);
}
