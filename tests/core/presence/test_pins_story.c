/* SPDX-License-Identifier: MIT */
/* Whom a node lists: by what level of trust, and by which pins. */
#include <stdio.h>
#include <string.h>

#include "countdown.h"
#include "tape.h"
#include "test.h"
#include "world.h"

static void begin(void) {
    world_begin(11);
}

static struct muster_pin pin(const char *name, size_t index) {
    struct muster_pin pin;
    snprintf(pin.name, sizeof pin.name, "%s", name);
    muster_id_of_key(world.nodes[index].key, pin.id);
    return pin;
}

/* Starts a node anew, that lists by these. */
static void trust(size_t index, enum muster_trust level, const struct muster_pin *pins, size_t count) {
    struct muster_core_options options = world_options(index);
    options.trust = level;
    options.pins = pins;
    options.pin_count = count;
    world_start(index, &options);
}

static int set_pins(size_t index, const struct muster_pin *pins, size_t count) {
    return world_step(index,
                      &(struct muster_event){.kind = MUSTER_EVENT_PINS, .pins = pins, .pin_count = count});
}

/* ---- levels ---- */

TEST(who_trusts_the_signed_lists_nobody_else) {
    world_add("a");
    world_add("b");
    trust(1, MUSTER_TRUST_SIGNED, NULL, 0);
    world_add("micro!");
    world_run(5000);
    assert_string_equal(world_seen(1), "a http/tcp:8080");
    assert_int_equal(world_rows(0, MUSTER_ALIVE), 2);
    assert_true(world_drops(1, MUSTER_DROP_UNTRUSTED) > 0);
}

/* Who never heard the key of an id can't know that it has one, and needs none to be told so. */
TEST(who_trusts_the_signed_takes_no_id_without_its_key) {
    world_add("a");
    world_kill(0);
    world_add("b");
    trust(1, MUSTER_TRUST_SIGNED, NULL, 0);
    world_hear(1, &(struct announce){.id = world.nodes[0].id, .name = "a"});
    assert_int_equal(world_rows(1, MUSTER_ALIVE), 0);
    assert_int_equal(world_drops(1, MUSTER_DROP_UNTRUSTED), 1);
    assert_string_equal(world_story(), "");
}

TEST(who_trusts_the_pinned_lists_nobody_else) {
    world_add("a");
    world_add("b");
    world_add("c");
    const struct muster_pin pins[] = {pin("a", 0)};
    trust(1, MUSTER_TRUST_PINNED, pins, 1);
    world_run(5000);
    assert_string_equal(world_seen(1), "a http/tcp:8080");
    assert_true(world_drops(1, MUSTER_DROP_UNTRUSTED) > 0);
    assert_int_equal(world_rows(0, MUSTER_ALIVE), 2);
}

TEST(a_pinned_key_is_not_listed_by_another_name) {
    world_add("a");
    world_add("b");
    const struct muster_pin pins[] = {pin("a", 0)};
    trust(1, MUSTER_TRUST_PINNED, pins, 1);
    world_run(5000);
    world_update(0, "nas", 80);
    world_run(5000);
    assert_string_equal(world_seen(1), "a http/tcp:8080");
}

/* ---- pins ---- */

TEST(a_pinned_name_is_for_its_key) {
    world_add("nas");
    world_add("b");
    const struct muster_pin pins[] = {pin("nas", 0)};
    trust(1, MUSTER_TRUST_ANY, pins, 1);
    world_run(3000);
    world_story();
    size_t impostor = world_add("nas");
    world_run(5000);
    const char *story = world_story();
    assert_non_null(strstr(story, "b: conflict nas\n"));
    assert_null(strstr(story, "b: joined nas\n"));
    assert_int_equal(world.nodes[1].counts[MUSTER_PEER_CONFLICT], 1);
    uint8_t id[MUSTER_ID_BYTES];
    muster_id_of_key(world.nodes[0].key, id);
    assert_memory_equal(world_row(1, "nas")->id, id, sizeof id);
    assert_true(world_has_row(impostor, "nas")); /* who pins nothing takes any */
}

TEST(a_row_can_not_take_a_pinned_name) {
    world_add("nas");
    world_add("b");
    size_t other = world_add("c");
    const struct muster_pin pins[] = {pin("nas", 0)};
    trust(1, MUSTER_TRUST_ANY, pins, 1);
    world_run(3000);
    world_kill(0);
    assert_true(world_run_until(1, MUSTER_PEER_LOST, 1));
    world_story();
    assert_int_equal(world_update(other, "nas", 80), 0);
    world_run(3000);
    assert_non_null(strstr(world_story(), "b: conflict c\n")); /* the node of that name at its start */
    assert_int_equal(world_row(1, "nas")->state, MUSTER_LOST);
    assert_true(world_has_row(1, "c"));
}

TEST(an_unsigned_announce_takes_no_pinned_name_nor_id) {
    world_add("nas");
    world_add("b");
    const struct muster_pin pins[] = {pin("nas", 0)};
    world_kill(0);
    trust(1, MUSTER_TRUST_ANY, pins, 1);
    world_run(1000);
    world_hear(1, &(struct announce){.number = 7, .name = "nas"});
    assert_string_equal(world_story(), "b: conflict nas\n");
    world_hear(1, &(struct announce){.id = world.nodes[0].id, .name = "nas"});
    world_hear(1, &(struct announce){.id = world.nodes[0].id, .name = "other"});
    assert_string_equal(world_story(), "");
    assert_int_equal(world_rows(1, MUSTER_ALIVE), 0);
    assert_int_equal(world_drops(1, MUSTER_DROP_UNTRUSTED), 3);
}

TEST(a_thousand_impostors_are_no_storm_of_events) {
    world_add("nas");
    world_add("b");
    const struct muster_pin pins[] = {pin("nas", 0)};
    trust(1, MUSTER_TRUST_ANY, pins, 1);
    world_run(3000);
    for (unsigned i = 0; i < 1000; i++) {
        world_announce(1, (uint8_t)(50 + i % 100), &(struct announce){.number = 1000 + i, .name = "nas"});
        world_run(10);
    }
    assert_in_range(world.nodes[1].counts[MUSTER_PEER_CONFLICT], 1, 2);
}

TEST(a_forged_announce_blames_nobody) {
    world_add("nas");
    world_add("b");
    world_add("c");
    const struct muster_pin pins[] = {pin("nas", 0)};
    trust(1, MUSTER_TRUST_ANY, pins, 1);
    world_run(3000);
    world_story();
    tape_begin(2);
    world_restart(2);
    world_run(10);
    struct utterance forged = *tape_said("announce", 0);
    char *name = strstr(forged.text, "\"name\":\"c\"");
    memmove(name + 12, name + 10, strlen(name + 10) + 1);
    memcpy(name, "\"name\":\"nas\"", 12);
    forged.datagram.bytes = (const uint8_t *)forged.text;
    forged.datagram.length += 2;
    uint64_t drops = world_drops(1, MUSTER_DROP_SIGNATURE);
    world_inject(1, &forged.datagram);
    world_run(2);
    assert_int_equal(world_drops(1, MUSTER_DROP_SIGNATURE), drops + 1);
    assert_null(strstr(world_story(), "conflict"));
}

TEST(pins_can_change_while_a_node_runs) {
    world_gather(3);
    const struct muster_pin pins[] = {pin("c", 0)}; /* to the key of "a" */
    assert_int_equal(set_pins(1, pins, 1), 0);
    assert_string_equal(world_story(), "b: lost c\n");
    assert_int_equal(world_row(1, "a")->state, MUSTER_ALIVE);
    world_run(5000);
    assert_int_equal(world_row(1, "c")->state, MUSTER_LOST);
    assert_int_equal(set_pins(1, NULL, 0), 0);
    world_run(20000);
    assert_int_equal(world_row(1, "c")->state, MUSTER_ALIVE);
}

/* What finds no memory is said, or does less; the same once more does all of it. */
TEST(pins_need_memory) {
    world_gather(3);
    const struct muster_pin pins[] = {pin("c", 0)};
    unsigned long n = 0;
    bool has_failed = true;
    while (has_failed) {
        countdown_set(++n);
        int error = set_pins(1, pins, 1);
        has_failed = countdown_has_failed();
        countdown_set(0);
        assert_true(error == 0 || (has_failed && error == MUSTER_ENOMEM));
        assert_true(n > 1 || error == MUSTER_ENOMEM); /* that of the pins themselves is the first one */
    }
    assert_true(n > 2);
    world_run(100);
    assert_string_equal(world_story(), "b: lost c\n");
}

TEST(bad_pins_are_refused) {
    world_gather(2);
    const struct muster_pin twice[] = {pin("c", 0), pin("c", 1)};
    const struct muster_pin empty[] = {pin("", 0)};
    static struct muster_pin many[MUSTER_PINS_MAX + 1];
    for (size_t i = 0; i < MUSTER_PINS_MAX + 1; i++) {
        many[i] = pin("x", 0);
        snprintf(many[i].name, sizeof many[i].name, "name-%zu", i);
    }
    assert_int_equal(set_pins(1, twice, 2), MUSTER_EINVAL);
    assert_int_equal(set_pins(1, empty, 1), MUSTER_EINVAL);
    assert_int_equal(set_pins(1, many, MUSTER_PINS_MAX + 1), MUSTER_EINVAL);
    struct muster_pin endless = pin("a", 0);
    memset(endless.name, 'x', sizeof endless.name);
    assert_int_equal(set_pins(1, &endless, 1), MUSTER_EINVAL);
    muster_core_t *core;
    struct muster_core_options options = world_options(1);
    options.trust = MUSTER_TRUST_PINNED + 1;
    assert_int_equal(muster_core_new(&options, 1000, &core), MUSTER_EINVAL);
    assert_int_equal(set_pins(1, many, MUSTER_PINS_MAX), 0);
}

int main(void) {
    return test_run(begin, world_end);
}
