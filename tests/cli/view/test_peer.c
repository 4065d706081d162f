/* SPDX-License-Identifier: MIT */
/* What is not known of a peer is not a number. */
#include <stdlib.h>
#include <string.h>

#include "fixture.h"
#include "page.h"
#include "peer.h"
#include "table.h"

static const struct muster_tuple tuples[] = {
    {.path = MUSTER_PATH_M4, .count = 9, .age_ms = 100, .loss = 1},
    {.path = MUSTER_PATH_U4, .count = 1, .age_ms = 100, .loss = 1}, /* answers alone */
    {.path = MUSTER_PATH_U4, .count = 9, .age_ms = 100, .loss = 0.25},
};

static struct muster_peer peer = {
    .state = MUSTER_ALIVE,
    .document = {.name = "nas"},
    .received = 2,
    .copies = 1,
    .loss = 0.5,
    .next_ms = 1000,
    .tuples = tuples,
    .tuple_count = COUNT(tuples),
};

/* The loss and promise of the peer in a line of JSON. */
static void check_line(const char *loss, const char *next) {
    char *line = peer_event_line(MUSTER_PEER_JOINED, &peer, NULL);
    assert_non_null(line);
    assert_non_null(strstr(line, loss));
    assert_non_null(strstr(line, next));
    free(line);
}

TEST(test_loss_that_is_not_known) {
    check_line("\"loss\":0.5,", "\"next_ms\":1000,");
    peer.received = 0;
    check_line("\"loss\":null,", "\"next_ms\":1000,");
    peer.received = 2;
}

TEST(test_who_is_gone_promises_nothing) {
    peer.state = MUSTER_LEFT;
    check_line("\"loss\":0.5,", "\"next_ms\":null,");
    peer.state = MUSTER_ALIVE;
}

TEST(test_loss_of_unicast) {
    static const char *const headings[] = {"PATH", "COUNT", "LOSS", NULL};
    capture_begin(&stdout);
    assert_int_equal(table_print(headings, peer_tuples(&peer), (struct table_style){0}), 0);
    capture_check("PATH COUNT LOSS\n"
                  "m4       9 100%\n"
                  "u4       1    -\n"
                  "u4       9  25%\n");
}

/* Every path that ever brought it is in JSON, and of who is gone. */
TEST(test_a_path_that_stopped) {
    const unsigned m4 = 1U << MUSTER_PATH_M4;
    const unsigned b4 = 1U << MUSTER_PATH_B4;
    struct muster_tuple heard[] = {{.path = MUSTER_PATH_M4, .age_ms = 17100},
                                   {.path = MUSTER_PATH_B4, .age_ms = 100}};
    struct muster_peer two = {.state = MUSTER_ALIVE,
                              .paths = m4 | b4,
                              .age_ms = 100,
                              .next_ms = 900,
                              .tuples = heard,
                              .tuple_count = 2};
    assert_int_equal(peer_paths_now(&two), m4 | b4);
    heard[0].age_ms = 17101;
    assert_int_equal(peer_paths_now(&two), b4);
    heard[1].age_ms = 17101; /* it was heard by something else */
    assert_int_equal(peer_paths_now(&two), m4 | b4);
    heard[1].age_ms = 100;
    two.state = MUSTER_LOST;
    assert_int_equal(peer_paths_now(&two), m4 | b4);
}

static void check_page(const char *expected) {
    capture_begin(&stdout);
    assert_int_equal(page_print_peer(&peer, (struct table_style){0}), 0);
    assert_non_null(strstr(capture_end(), expected));
}

TEST(test_messages_of_a_page) {
    check_page("  Messages    2 received, 1 copy, 50% lost\n");
    peer.received = 0;
    peer.copies = 0;
    check_page("  Messages    0 received, 0 copies\n");
    peer.received = 2;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_loss_that_is_not_known), cmocka_unit_test(test_who_is_gone_promises_nothing),
        cmocka_unit_test(test_loss_of_unicast),        cmocka_unit_test(test_a_path_that_stopped),
        cmocka_unit_test(test_messages_of_a_page),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
