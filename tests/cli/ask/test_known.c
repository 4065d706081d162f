/* SPDX-License-Identifier: MIT */
/* Peers as they were told last. */
#include <string.h>

#include "fixture.h"
#include "known.h"

static struct muster_peer peer_of(uint8_t id, const char *name) {
    return (struct muster_peer){.id = {id}, .document = {.name = name}};
}

static bool keep(struct known *known, uint8_t id, const char *name) {
    const struct muster_peer peer = peer_of(id, name);
    return known_keep(known, &peer) == 0;
}

static void check_kept(const struct known *known, uint8_t id, const char *expected) {
    const uint8_t wanted[MUSTER_ID_BYTES] = {id};
    const struct muster_peer *peer = known_find(known, wanted);
    assert_string_equal(peer != NULL ? peer->document.name : "", expected);
}

TEST(test_the_last_one_is_kept) {
    struct known known = {0};
    check_kept(&known, 1, "");
    for (unsigned i = 0; i < 100; i++) {
        assert_true(keep(&known, (uint8_t)(i * 7 % 100 + 1), "before"));
    }
    assert_int_equal(known.count, 100);
    assert_true(keep(&known, 50, "after"));
    assert_int_equal(known.count, 100);
    check_kept(&known, 50, "after");
    check_kept(&known, 1, "before");
    check_kept(&known, 100, "before");
    check_kept(&known, 101, "");
    known_deinit(&known);
}

static bool keep_some(void *context) {
    struct known known = {0};
    (void)context;
    const bool is_kept = keep(&known, 2, "b") && keep(&known, 1, "a") && keep(&known, 2, "c");
    known_deinit(&known);
    return is_kept;
}

TEST(test_memory_runs_out) {
    fixture_exhaust_memory(keep_some, NULL, 3);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_last_one_is_kept),
        cmocka_unit_test(test_memory_runs_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
