/* SPDX-License-Identifier: MIT */
/* Names of enums. */
#include "name.h"

#include <muster/core.h>
#include <muster/telemetry.h>

#include "test.h"

TEST(a_name_finds_its_value) {
    for (int i = 0; i < MUSTER_PATH_KINDS; i++) {
        assert_int_equal(name_find(&name_paths, muster_path_name((enum muster_path_kind)i)), i);
    }
    for (int i = MUSTER_ALIVE; i <= MUSTER_LEFT; i++) {
        assert_int_equal(name_find(&name_states, muster_state_name((enum muster_state)i)), i);
    }
    for (int i = MUSTER_PEER_JOINED; i <= MUSTER_PEER_CONFLICT; i++) {
        assert_int_equal(name_find(&name_peer_events, muster_peer_event_name((enum muster_peer_event)i)), i);
    }
}

TEST(what_has_no_name_is_unknown) {
    assert_int_equal(name_find(&name_paths, "M4"), -1);
    assert_int_equal(name_find(&name_paths, ""), -1);
    assert_int_equal(name_find(&name_paths, NULL), -1);
    assert_string_equal(muster_path_name((enum muster_path_kind)MUSTER_PATH_KINDS), NAME_UNKNOWN);
    assert_string_equal(muster_state_name((enum muster_state)99), NAME_UNKNOWN);
    assert_string_equal(muster_peer_event_name((enum muster_peer_event)99), NAME_UNKNOWN);
    assert_string_equal(muster_drop_name(MUSTER_DROP_COUNT), NAME_UNKNOWN);
    assert_string_equal(muster_drop_meaning(MUSTER_DROP_COUNT), NAME_UNKNOWN);
    assert_string_equal(muster_sample_kind_name((enum muster_sample_kind)99), NAME_UNKNOWN);
    assert_string_equal(muster_loss_reason_name((enum muster_loss_reason)99), NAME_UNKNOWN);
}

TEST(names_stand_in_the_order_of_their_enums) {
    assert_string_equal(muster_path_name(MUSTER_PATH_B4), "b4");
    assert_string_equal(muster_state_name(MUSTER_LOST), "lost");
    assert_string_equal(muster_peer_event_name(MUSTER_PEER_RETURNED), "returned");
    assert_string_equal(muster_drop_name(MUSTER_DROP_TTL), "ttl");
    assert_string_equal(muster_drop_meaning(MUSTER_DROP_MEMORY), "out of memory");
    assert_string_equal(muster_sample_kind_name(MUSTER_SAMPLE_LAST), "last");
}

int main(void) {
    return test_run(NULL, NULL);
}
