/* SPDX-License-Identifier: MIT */
/* Where scrapes are answered, and for which Host. */
#include "fixture.h"
#include "scrape.h"

static const struct {
    const char *host;
    bool is_for_loopback;
} hosts[] = {
    {"localhost", true},
    {"LocalHost:9797", true},
    {"127.0.0.1", true},
    {"127.0.0.1:9797", true},
    {"127.1.2.3:80", true},
    {"[::1]", true},
    {"[::1]:9797", true},
    {"", false},
    {"evil.example:9797", false},
    {"localhost.evil.example", false},
    {"127.0.0.1.evil.example", false},
    {"[::1]evil.example", false},
    {"::1", false},
    {"10.0.0.1:9797", false},
    {"[::2]:9797", false},
    {"0.0.0.0:9797", false},
    {"a-name-that-is-longer-than-any-address-of-the-loopback-can-be", false},
};

TEST(test_other_hosts_are_refused) {
    for (size_t i = 0; i < COUNT(hosts); i++) {
        if (scrape_is_for_loopback(hosts[i].host) != hosts[i].is_for_loopback) {
            fail_msg("%s", hosts[i].host);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_other_hosts_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
