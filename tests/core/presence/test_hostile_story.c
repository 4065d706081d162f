/* SPDX-License-Identifier: MIT */
/* One attacker on the link, who forges ids and sources, keeps no peer from any other. */
#include <stdio.h>
#include <string.h>

#include "limit.h"
#include "tape.h"
#include "test.h"
#include "world.h"

static void begin(void) {
    world_begin(11);
}

/* ---- room ---- */

TEST(unsigned_announces_lock_no_address) {
    world_add("b");
    world_run(20000);
    for (unsigned i = 0; i < MUSTER_ROWS_PER_ADDRESS; i++) { /* from where the second node will be */
        world_announce(0, 2, &(struct announce){.number = 5000 + i});
        if (i % 100 == 99) {
            world_run(1100);
        }
    }
    world_run(2000);
    assert_int_equal(world_rows(0, MUSTER_ALIVE), MUSTER_ROWS_PER_ADDRESS);
    world_add("honest");
    world_run(2000);
    assert_true(world_row(0, "honest")->verified);
}

int main(void) {
    return test_run(begin, world_end);
}
