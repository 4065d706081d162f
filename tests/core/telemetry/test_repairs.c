/* Repairs are shared: one address, however often it asks, leaves half of them to the others. */
#include <stdio.h>
#include <string.h>

#include "cmocka_all.h"
#include "limit.h"
#include "world.h"

#define DATAGRAMS 2000
#define TOPIC "a/b"
#define SECONDS 2

static struct world world;

static void publish_all(void) {
    const struct muster_topic described = {.name = TOPIC};
    const struct muster_record record = {.kind = MUSTER_VALUE_NUMBER, .number = 1};
    muster_core_t *core = world.nodes[0].core;
    unsigned topic;
    assert_int_equal(muster_core_topic_open(core, &described, &topic), 0);
    for (unsigned i = 0; i < DATAGRAMS; i++) {
        assert_int_equal(muster_core_topic_add(core, topic, &record, world.now_ms, 1700000000), 0);
        muster_core_topic_flush(core, topic);
        struct muster_event event = {.kind = MUSTER_EVENT_TIMER};
        world_step(&world, 0, &event);
        world_run(&world, 1);
    }
}

/* Asks from 10.0.1.host for all that was sent. */
static void ask_for_all(uint8_t host) {
    uint8_t id[MUSTER_ID_BYTES];
    char id_text[MUSTER_ID_TEXT_BYTES];
    char text[MUSTER_DATAGRAM_BYTES_MAX];
    muster_core_id(world.nodes[0].core, id);
    muster_id_text(id, id_text);
    snprintf(text, sizeof text,
             "{\"muster\":1,\"kind\":\"nak\",\"id\":\"00000000000000000000000000000001\",\"boot\":1,"
             "\"of\":\"%s\",\"of_boot\":%llu,\"shard\":%u,\"missing\":[[1,1000]]}\n",
             id_text, (unsigned long long)muster_core_boot(world.nodes[0].core), muster_topic_shard(TOPIC));
    const struct muster_datagram datagram = {
        .bytes = (const uint8_t *)text,
        .length = strlen(text),
        .source = {.family = 4, .ip = {10, 0, 1, host}, .port = 19798},
        .destination = {.family = 4, .ip = MUSTER_GROUP_REPAIR_V4, .port = MUSTER_PORT_DEFAULT - 1},
        .interface = WORLD_INTERFACE,
        .ttl = 1};
    world_inject(&world, 0, &datagram);
    world_run(&world, MUSTER_REPAIR_SPACING_MS);
}

static void one_address_has_half_of_the_repairs(void **state) {
    const struct muster_sender *sender;
    /* Of full datagrams, as the share is counted for each address. */
    uint64_t each_second = MUSTER_RATE_BYTES_S / MUSTER_DATAGRAM_BYTES_MAX / 2;
    uint64_t at_once = each_second * MUSTER_REPAIR_BURST_MS / 1000;
    (void)state;
    world_init(&world, 3);
    world_add(&world, "pub");
    world_run(&world, 3000);
    publish_all();
    sender = muster_core_sender(world.nodes[0].core);
    for (unsigned i = 0; i < SECONDS * 1000 / MUSTER_REPAIR_SPACING_MS; i++) {
        ask_for_all(1);
    }
    assert_in_range(sender->repairs, at_once, at_once + SECONDS * each_second + 10);
    uint64_t before = sender->repairs;
    ask_for_all(2); /* the others' half is untouched */
    assert_true(sender->repairs - before >= at_once / 2);
    world_deinit(&world);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(one_address_has_half_of_the_repairs)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
