/* SPDX-License-Identifier: MIT */
/* One key in two machines: a copied disk image. */
#include <stdio.h>
#include <string.h>

#include "limit.h"
#include "tape.h"
#include "test.h"
#include "world.h"

static void begin(void) {
    world_begin(17);
}

/* Gives the second node the first one's key and this boot. */
static size_t add_copy(const char *name, uint64_t boot) {
    size_t copy = world_add(name);
    memcpy(world.nodes[copy].key, world.nodes[0].key, MUSTER_KEY_BYTES);
    memcpy(world.nodes[copy].secret, world.nodes[0].secret, MUSTER_SECRET_BYTES);
    world.nodes[copy].boot = boot - 1;
    world_restart(copy);
    return copy;
}

/* The same with a later boot. */
static size_t add_duplicate(const char *name) {
    return add_copy(name, 51);
}

TEST(both_holders_are_told) {
    world_add("card");
    world_run(3000);
    size_t copy = add_duplicate("copy");
    world_run(3000);
    assert_int_equal(world.nodes[0].counts[MUSTER_PEER_CONFLICT], 1);
    assert_int_equal(world.nodes[copy].counts[MUSTER_PEER_CONFLICT], 1);
    world_run(30000);
    assert_int_equal(world.nodes[0].counts[MUSTER_PEER_CONFLICT], 1);
}

TEST(the_later_one_goes_on_under_another_key) {
    world_add("card");
    size_t witness = world_add("witness");
    world_run(3000);
    size_t copy = add_duplicate("copy");
    world_run(500);
    assert_int_equal(world.nodes[copy].counts[MUSTER_PEER_CONFLICT], 1);
    assert_int_equal(world_rekey(copy, 52), 0);
    world_run(10000);
    assert_int_equal(world_rows(witness, MUSTER_ALIVE), 2);
    assert_true(world_has_row(witness, "card") && world_has_row(witness, "copy"));
    assert_true(world_has_row(0, "copy") && world_has_row(copy, "card"));
}

/* Both go on from the same moment, in one boot: who is behind hears numbers that it never said. */
TEST(a_copy_of_a_running_machine_is_told) {
    world_add("machine");
    size_t witness = world_add("witness");
    world_run(20000);
    size_t copy = add_copy("copy", world.nodes[0].boot);
    world_run(5000);
    assert_int_equal(world.nodes[copy].counts[MUSTER_PEER_CONFLICT], 1);
    assert_int_equal(world.nodes[0].counts[MUSTER_PEER_CONFLICT], 0);
    assert_string_equal(world_row(copy, "witness")->document.name, "witness");
    assert_int_equal(world_rekey(copy, world.nodes[copy].boot + 1), 0);
    world_run(10000);
    assert_true(world_has_row(witness, "machine") && world_has_row(witness, "copy"));
    assert_true(world_has_row(0, "copy") && world_has_row(copy, "machine"));
}

TEST(an_echo_is_no_copy) {
    world_add("a");
    tape_begin(0);
    world_run(5000);
    tape_play("alive", 0, 0);
    tape_play("announce", 0, 0);
    const struct node *a = &world.nodes[0];
    uint8_t other[MUSTER_SECRET_BYTES] = {1};
    world_say_signed(0, 9, MUSTER_PATH_M4, other, 0,
                     "{\"muster\":1,\"kind\":\"alive\",\"id\":\"%s\",\"boot\":%llu,\"seq\":1000,\"rev\":1,"
                     "\"next_ms\":2500,\"peers\":0}",
                     a->id, (unsigned long long)a->boot);
    world_run(1000);
    assert_int_equal(world_drops(0, MUSTER_DROP_SIGNATURE), 1);
    assert_int_equal(world.nodes[0].counts[MUSTER_PEER_CONFLICT], 0);
}

/* Anybody can ask a node with its own nonce, and play the answer to it: it is the node's own. */
TEST(an_answer_to_ones_own_nonce_is_no_copy) {
    world_add("a");
    size_t other = world_add("b");
    tape_begin(0);
    world_run(3000);
    char nonce[MUSTER_NONCE_CHARS + 1];
    snprintf(nonce, sizeof nonce, "%s", said_text(tape_last("announce"), "nonce"));
    for (int path = MUSTER_PATH_M4; path <= MUSTER_PATH_U4; path++) {
        world_say(0, 99, (enum muster_path_kind)path,
                  "{\"muster\":1,\"kind\":\"query\",\"id\":\"%032d\",\"boot\":1,\"nonce\":\"%s\",\"want\":{}}"
                  "%1200s\n",
                  99, nonce, "");
        world_run(1000);
    }
    assert_string_equal(said_text(tape_last("announce"), "re"), nonce);
    tape_play("announce", 0, 99);
    tape_play("announce", 0, 0);
    world_run(3000);
    assert_int_equal(world.nodes[0].counts[MUSTER_PEER_CONFLICT], 0);
    assert_true(world_has_row(other, "a"));
}

TEST(ones_own_past_is_no_conflict) {
    world_add("a");
    tape_begin(0);
    world_run(3000);
    world_restart(0);
    world_run(3000);
    tape_play("announce", 0, 0);
    world_run(5000);
    assert_int_equal(world.nodes[0].counts[MUSTER_PEER_CONFLICT], 0);
}

TEST(our_own_datagrams_are_dropped) {
    world_add("a");
    world_run(5000);
    assert_int_equal(world_rows(0, MUSTER_ALIVE), 0);
    const struct muster_counters *counters = world_counters(0);
    assert_true(counters->drops[MUSTER_DROP_OWN] > 0);
    assert_int_equal(counters->drops[MUSTER_DROP_OWN], counters->received);
}

int main(void) {
    return test_run(begin, world_end);
}
