/* SPDX-License-Identifier: MIT */
/* Times of the past as users write them. */
#include <stdlib.h>
#include <time.h>

#include "fixture.h"
#include "moment.h"

#define SECOND_US ((int64_t)1000000)
#define NOW_US (1800000000 * SECOND_US) /* 2027-01-15 08:00:00Z */

static int set_zone(void **state) {
    (void)state;
    setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
    tzset();
    return 0;
}

TEST(test_moments) {
    static const struct {
        const char *text;
        int64_t us;
    } right[] = {{"now", NOW_US},
                 {"1d", NOW_US - 86400 * SECOND_US},
                 {"2w", NOW_US - 14 * 86400 * SECOND_US},
                 {"1.5h", NOW_US - 5400 * SECOND_US},
                 {"10", NOW_US - 10 * SECOND_US},
                 {"500ms", NOW_US - 500000},
                 {"09:00", NOW_US},
                 {"08:30:01.25", NOW_US - 1799 * SECOND_US + 250000},
                 {"2027-01-15", NOW_US - 9 * 3600 * SECOND_US},
                 {"2027-01-15 09:00", NOW_US},
                 {"2027-01-15T09:00:00", NOW_US},
                 {"2027-01-15T08:00Z", NOW_US},
                 {"2027-01-15T13:30+05:30", NOW_US},
                 {"2027-01-15T05:00-03:00", NOW_US},
                 {"2026-07-01 12:00:00.000001", 1782900000 * SECOND_US + 1}};
    static const char *const wrong[] = {"",           "yesterday",
                                        "1y",         "-1d",
                                        "1 d",        "1..5h",
                                        ".5h",        "25:00",
                                        "12:60",      "1d1",
                                        "2027-02-30", "2027-13-01",
                                        "2027-01-1",  "2027-01-15 ",
                                        "2027/01/15", "2027-01-15T08:00+1",
                                        "1969-01-01", "2027-01-15T08:00z1",
                                        "12:00:00.",  "1e3"};
    struct reason reason;
    int64_t us;
    for (size_t i = 0; i < COUNT(right); i++) {
        us = 1;
        assert_int_equal(moment_read(right[i].text, NOW_US, &us, &reason), 0);
        assert_int_equal(us, right[i].us);
    }
    for (size_t i = 0; i < COUNT(wrong); i++) {
        assert_int_equal(moment_read(wrong[i], NOW_US, &us, &reason), -1);
    }
    assert_string_equal(reason.text,
                        "expected a time such as 1d (ago), 12:30, 2026-01-31 or '2026-01-31 12:30', "
                        "got '1e3'");
}

TEST(test_spans) {
    struct reason reason;
    int64_t us = 99;
    assert_int_equal(moment_parse_span("10m", &us, &reason), 0);
    assert_int_equal(us, 600 * SECOND_US);
    assert_int_equal(moment_parse_span("1ms", &us, &reason), 0);
    assert_int_equal(us, 1000);
    assert_int_equal(moment_parse_span("0", &us, &reason), -1);
    assert_int_equal(moment_parse_span("0.5ms", &us, &reason), -1);
    assert_int_equal(moment_parse_span("36526d", &us, &reason), -1);
    assert_int_equal(us, 1000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_moments),
        cmocka_unit_test(test_spans),
    };
    return cmocka_run_group_tests(tests, set_zone, NULL);
}
