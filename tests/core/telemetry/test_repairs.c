/* SPDX-License-Identifier: MIT */
/* Repairs are shared: one address, however often it asks, leaves half of them to the others. */
#include <string.h>

#include "field.h"
#include "limit.h"
#include "test.h"

#define DATAGRAMS 2000
#define SECONDS 2

/* Asks from 10.0.1.host for half of what was sent. */
static void ask(uint8_t host) {
    char text[MUSTER_DATAGRAM_BYTES_MAX];
    field_print_nak(text, muster_core_boot(world.nodes[0].core), "[1,1000]");
    struct muster_datagram datagram = field_datagram(text, strlen(text), MUSTER_SHARDS);
    datagram.source = (struct muster_endpoint){.family = 4, .ip = {10, 0, 1, host}, .port = 19798};
    world_inject(0, &datagram);
    world_run(MUSTER_REPAIR_SPACING_MS);
}

TEST(one_address_has_half_of_the_repairs) {
    /* Of full datagrams, as the share is counted for each address. */
    uint64_t each_second = MUSTER_RATE_BYTES_S / MUSTER_DATAGRAM_BYTES_MAX / 2;
    uint64_t at_once = each_second * MUSTER_REPAIR_BURST_MS / 1000;
    world_add("pub");
    world_run(3000);
    field_publish_many(0, field_open(0, "a/b"), DATAGRAMS, 1);
    const struct muster_sender *sender = muster_core_sender(world.nodes[0].core);
    for (unsigned i = 0; i < SECONDS * 1000 / MUSTER_REPAIR_SPACING_MS; i++) {
        ask(1);
    }
    assert_in_range(sender->repairs, at_once, at_once + SECONDS * each_second + 10);
    uint64_t before = sender->repairs;
    ask(2); /* the others' half is untouched */
    assert_true(sender->repairs - before >= at_once / 2);
}

static void begin(void) {
    world_begin(3);
}

int main(void) {
    return test_run(begin, world_end);
}
