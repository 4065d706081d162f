/* One key in two machines: a copied disk image. */
#include <string.h>

#include <sodium.h>

#include "cmocka_all.h"
#include "world.h"

static struct world world;

static int begin(void **state) {
    (void)state;
    world_init(&world, 17);
    return 0;
}

static int end(void **state) {
    (void)state;
    world_deinit(&world);
    return 0;
}

/* Gives the second node the first one's key and a later boot. */
static size_t add_twin(const char *name) {
    size_t twin = world_add(&world, name);
    struct muster_document document = {.name = name};
    struct muster_core_options options;
    memcpy(world.nodes[twin].key, world.nodes[0].key, MUSTER_KEY_BYTES);
    memcpy(world.nodes[twin].secret, world.nodes[0].secret, MUSTER_SECRET_BYTES);
    world.nodes[twin].boot = 50;
    world_options(&world, twin, &document, &options);
    world_start(&world, twin, &options);
    return twin;
}

static void both_holders_are_told(void **state) {
    (void)state;
    world_add(&world, "card");
    world_run(&world, 3000);
    size_t twin = add_twin("copy");
    world_run(&world, 3000);
    assert_int_equal(world.nodes[0].counts[MUSTER_PEER_CONFLICT], 1);
    assert_int_equal(world.nodes[twin].counts[MUSTER_PEER_CONFLICT], 1);
    world_run(&world, 30000);
    assert_int_equal(world.nodes[0].counts[MUSTER_PEER_CONFLICT], 1);
}

static void the_later_one_goes_on_under_another_key(void **state) {
    (void)state;
    world_add(&world, "card");
    size_t witness = world_add(&world, "witness");
    world_run(&world, 3000);
    size_t twin = add_twin("copy");
    world_run(&world, 500);
    assert_int_equal(world.nodes[twin].counts[MUSTER_PEER_CONFLICT], 1);
    uint8_t key[MUSTER_KEY_BYTES];
    static uint8_t secret[MUSTER_SECRET_BYTES];
    uint8_t seed[crypto_sign_SEEDBYTES];
    memset(seed, 200, sizeof seed);
    crypto_sign_seed_keypair(key, secret, seed);
    struct muster_command rekey = {.kind = MUSTER_COMMAND_REKEY, .key = key, .boot = 51};
    assert_int_equal(muster_crypto_ed25519(&rekey.crypto, secret), 0);
    assert_int_equal(world_command(&world, twin, &rekey), 0);
    world_run(&world, 10000);
    struct muster_peer row;
    assert_int_equal(world_rows(&world, witness, MUSTER_ALIVE), 2);
    assert_true(world_row(&world, witness, "card", &row));
    assert_true(world_row(&world, witness, "copy", &row));
    assert_true(world_row(&world, 0, "copy", &row));
    assert_true(world_row(&world, twin, "card", &row));
}

static uint8_t taped[1400];
static struct muster_datagram tape;

static bool record_own(struct world *unused, size_t from, size_t to, const struct muster_datagram *datagram) {
    (void)unused;
    if (from == 0 && to == 1 && tape.length == 0 &&
        memmem(datagram->bytes, datagram->length, "\"announce\"", 10) != NULL) {
        memcpy(taped, datagram->bytes, datagram->length);
        tape = *datagram;
        tape.bytes = taped;
    }
    return false;
}

static void ones_own_past_is_no_twin(void **state) {
    (void)state;
    world_add(&world, "a");
    world.is_lost = record_own;
    world_add(&world, "b");
    world_run(&world, 3000);
    assert_true(tape.length > 0);
    struct muster_document document = {.name = "a"};
    struct muster_core_options options;
    world_options(&world, 0, &document, &options);
    world_start(&world, 0, &options);
    world_run(&world, 3000);
    world_inject(&world, 0, &tape);
    world_run(&world, 5000);
    assert_int_equal(world.nodes[0].counts[MUSTER_PEER_CONFLICT], 0);
}

static void our_own_datagrams_are_dropped(void **state) {
    (void)state;
    world_add(&world, "a");
    world_run(&world, 5000);
    assert_int_equal(world_rows(&world, 0, MUSTER_ALIVE), 0);
    const struct muster_counters *counters = muster_core_counters(world.nodes[0].core);
    assert_true(counters->drops[MUSTER_DROP_OWN] > 0);
    assert_int_equal(counters->drops[MUSTER_DROP_OWN], counters->received);
}

int main(void) {
#define STORY(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        STORY(both_holders_are_told),
        STORY(the_later_one_goes_on_under_another_key),
        STORY(ones_own_past_is_no_twin),
        STORY(our_own_datagrams_are_dropped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
