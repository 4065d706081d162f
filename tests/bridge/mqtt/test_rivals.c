/* SPDX-License-Identifier: MIT */
/* Which of several bridges of a site carries. */
#include <string.h>

#include "rivals.h"
#include "test.h"

static void take(struct rivals *rivals, enum muster_service_event event, uint8_t id, const char *site,
                 const char *origin) {
    const struct muster_peer peer = {.id = {id}};
    const struct muster_text txt = {.name = "site", .value = site};
    const struct muster_service service = {.name = "",
                                           .type = RIVALS_SERVICE_TYPE,
                                           .proto = "tcp",
                                           .txt = &txt,
                                           .txt_count = 1,
                                           .origin = origin};
    rivals_take(rivals, event, &peer, &service);
}

TEST(the_lowest_id_is_first) {
    struct rivals rivals = {.site = "west", .own = {5}};
    take(&rivals, MUSTER_SERVICE_ADDED, 7, "west", "");
    take(&rivals, MUSTER_SERVICE_ADDED, 3, "east", NULL);
    assert_true(rivals_is_first(&rivals));
    take(&rivals, MUSTER_SERVICE_ADDED, 3, "west", NULL);
    assert_false(rivals_is_first(&rivals));
    take(&rivals, MUSTER_SERVICE_REMOVED, 3, "west", NULL);
    assert_true(rivals_is_first(&rivals));
    rivals_deinit(&rivals);
}

/* A bridge that carries announces services of other sites behind its own: bridges there may be among them. */
TEST(a_service_of_another_site_hides_no_rival) {
    struct rivals rivals = {.site = "west", .own = {5}};
    take(&rivals, MUSTER_SERVICE_ADDED, 3, "west", "");
    take(&rivals, MUSTER_SERVICE_ADDED, 3, "east", "east");
    take(&rivals, MUSTER_SERVICE_REMOVED, 3, "east", "east");
    assert_false(rivals_is_first(&rivals));
    rivals_deinit(&rivals);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_lowest_id_is_first),
        cmocka_unit_test(a_service_of_another_site_hides_no_rival),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
