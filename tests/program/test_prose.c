/* SPDX-License-Identifier: MIT */
/* Help fits 80 columns, however its source is broken into lines. */
#include <string.h>

#include "fixture.h"
#include "prose.h"

static void check_printed(const char *text, const char *expected) {
    capture_begin(&stdout);
    prose_print(stdout, text);
    capture_check(expected);
}

TEST(test_paragraphs_are_filled) {
    check_printed("", "");
    check_printed("one\ntwo\n", "one two\n");
    check_printed("one\n\ntwo\n", "one\n\ntwo\n");
    check_printed("Eighty columns are the width of a terminal that nobody has made wider, and help fits.\n",
                  "Eighty columns are the width of a terminal that nobody has made wider, and help\n"
                  "fits.\n");
    check_printed("Eighty columns are the width of a terminal that nobody has made wider, and hel…\n.\n",
                  "Eighty columns are the width of a terminal that nobody has made wider, and hel…\n.\n");
}

TEST(test_rows_hang_below_their_last_column) {
    check_printed("Names:\n  NAME  what it calls itself\n  STATE how it is\n",
                  "Names:\n  NAME  what it calls itself\n  STATE how it is\n");
    check_printed("  * NAME      what it calls itself, with the first digits of its id where two share it\n",
                  "  * NAME      what it calls itself, with the first digits of its id where two\n"
                  "              share it\n");
    check_printed("  1   error, or\n      worse\n  2   usage\n", "  1   error, or worse\n  2   usage\n");
    check_printed("  124 nothing was found before the time was up that --timeout gives to it, or Ctrl-C\n",
                  "  124 nothing was found before the time was up that --timeout gives to it, or\n"
                  "      Ctrl-C\n");
}

TEST(test_words_hang_below_their_column) {
    capture_begin(&stdout);
    printf("      --wide              ");
    prose_print_words(stdout, "cut nothing, whatever the width of the terminal may be or become", 26);
    capture_check("      --wide              cut nothing, whatever the width of the terminal may be\n"
                  "                          or become\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_paragraphs_are_filled),
        cmocka_unit_test(test_rows_hang_below_their_last_column),
        cmocka_unit_test(test_words_hang_below_their_column),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
