/* SPDX-License-Identifier: MIT */
/* Values drawn over time, and names that were meant. */
#include <math.h>

#include "fixture.h"
#include "near.h"
#include "plot.h"

static const double values[] = {0, 1, 2, 3, 4, NAN, 4, 2, 0};

TEST(test_blocks) {
    const struct plot_style style = {.columns = 80};
    capture_begin(&stdout);
    plot_print(stdout, &style, values, COUNT(values), "12:00", "13:00");
    capture_check("          4┤    █ █\n"
                  "           ┤    █ █\n"
                  "           ┤   ▄█ █\n"
                  "           ┤   ██ █\n"
                  "           ┤  ▁██ █▁\n"
                  "           ┤  ███ ██\n"
                  "           ┤  ███ ██\n"
                  "           ┤ ▅███ ██\n"
                  "           ┤ ████ ██\n"
                  "          0┤▁████ ██▁\n"
                  "            12:00 13:00\n");
}

TEST(test_ascii) {
    const struct plot_style style = {.columns = 80, .ascii = true};
    capture_begin(&stdout);
    plot_print(stdout, &style, values, COUNT(values), "12:00", "13:00");
    capture_check("          4|    # #\n"
                  "           |    # #\n"
                  "           |   :# #\n"
                  "           |   ## #\n"
                  "           |  .## #.\n"
                  "           |  ### ##\n"
                  "           |  ### ##\n"
                  "           | :### ##\n"
                  "           | #### ##\n"
                  "          0|.#### ##.\n"
                  "            12:00 13:00\n");
}

/* A value that does not change, and none at all. */
TEST(test_plain_plots) {
    static const double same[] = {5, 5};
    static const double none[] = {NAN, NAN};
    const struct plot_style style = {.columns = 20, .ascii = true};
    capture_begin(&stdout);
    plot_print(stdout, &style, same, COUNT(same), "a", "b");
    plot_print(stdout, &style, none, COUNT(none), "a", "b");
    capture_check("          5|\n"
                  "           |\n"
                  "           |\n"
                  "           |\n"
                  "           |..\n"
                  "           |##\n"
                  "           |##\n"
                  "           |##\n"
                  "           |##\n"
                  "          5|##\n"
                  "            a b\n"
                  "            a b\n");
}

TEST(test_width) {
    assert_int_equal(plot_width(&(struct plot_style){.columns = 80}), 68);
    assert_int_equal(plot_width(&(struct plot_style){.columns = 5}), 10);
    assert_int_equal(plot_width(&(struct plot_style){.columns = 10000}), PLOT_WIDTH_MAX);
}

TEST(test_near_names) {
    static const char *const names[] = {"kitchen/temperature", "kitchen/humidity", "cellar/power",
                                        "cellar/power",        "kitchen/temp",     ""};
    static const struct {
        const char *wanted;
        const char *text;
    } cases[] = {
        {"kitchen/temprature", "; did you mean 'kitchen/temp' or 'kitchen/temperature'?"},
        {"kitchen", "; did you mean 'kitchen/temperature', 'kitchen/humidity' or 'kitchen/temp'?"},
        {"power", "; did you mean 'cellar/power'?"},
        {"attic", ""},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct near near = {.wanted = cases[i].wanted};
        for (size_t j = 0; j < COUNT(names); j++) {
            near_offer(&near, names[j]);
        }
        assert_string_equal(near_text(&near).text, cases[i].text);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blocks), cmocka_unit_test(test_ascii),      cmocka_unit_test(test_plain_plots),
        cmocka_unit_test(test_width),  cmocka_unit_test(test_near_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
