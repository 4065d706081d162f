/* SPDX-License-Identifier: MIT */
/* A table on a terminal: what does not fit is cut where it may be cut, and marked. */
#include <locale.h>
#include <pty.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "column.h"
#include "fixture.h"
#include "peer.h"
#include "roster.h"
#include "table.h"

struct row {
    const char *name;
    uint64_t port;
    const char *services;
};

/* A cell of text that is safe already. */
static void put(FILE *cell, const char *text) {
    if (cell != NULL) {
        fputs(text, cell);
    }
}

static void write_row(struct writer *writer, const void *data) {
    const struct row *row = data;
    put(writer_cell(writer, "NAME", WRITER_CUT), row->name);
    writer_integer(writer, "port", "PORT", row->port);
    writer_shown(writer, "STATE", 0, "\033[32m", "%s", "up");
    put(writer_cell(writer, "SERVICES", WRITER_CUT | WRITER_LIST), row->services);
    writer_bool(writer, "hidden", NULL, true);
}

static const char *const columns[] = {"NAME", "PORT", "SERVICES", NULL};
static const char *const state_columns[] = {"STATE", "PORT", "STATE", NULL};

static const struct row rows[] = {
    {"printer-on-the-second-floor", 631, "ipp:631"},
    {"\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e\\u{202E}", 8080, "http:8080,smb:445"},
    {"abcdef\xe6\x97\xa5\xe6\x9c\xac", 1, "-"},
};

/* What a terminal so wide is shown; no terminal at all when width is 0. */
static void check_table(unsigned short width, struct table_style style, const char *const *headings,
                        struct writer_rows written, const char *expected) {
    int ends[2];
    char text[2048] = "";
    struct winsize size = {.ws_row = 24, .ws_col = width};
    int stdout_before = dup(STDOUT_FILENO);
    if (width > 0) {
        assert_int_equal(openpty(&ends[0], &ends[1], NULL, NULL, &size), 0);
    } else {
        assert_int_equal(pipe(ends), 0);
    }
    fflush(stdout);
    dup2(ends[1], STDOUT_FILENO);
    int error = table_print(headings, written, style);
    putchar('.'); /* so that there is always something to read */
    fflush(stdout);
    dup2(stdout_before, STDOUT_FILENO);
    ssize_t length = read(ends[0], text, sizeof(text) - 1);
    close(stdout_before);
    close(ends[0]);
    close(ends[1]);
    assert_int_equal(error, 0);
    assert_true(length > 0);
    assert_string_equal(text, expected);
}

static void check_shown(unsigned short width, struct table_style style, const char *const *headings,
                        size_t row_count, const char *expected) {
    check_table(width, style, headings, (struct writer_rows){write_row, rows, sizeof(rows[0]), row_count},
                expected);
}

static const struct table_style plain = {0};

TEST(test_nothing_to_cut) {
    check_shown(0, plain, columns, 2,
                "NAME                        PORT SERVICES\n"
                "printer-on-the-second-floor  631 ipp:631\n"
                "\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e\\u{202E}              8080 http:8080,smb:445\n.");
}

TEST(test_cut_to_the_terminal) {
    check_shown(30, plain, columns, 2,
                "NAME         PORT SERVICES\r\n"
                "printer-on-\xe2\x80\xa6  631 ipp:631\r\n"
                "\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e\\u{20\xe2\x80\xa6 8080 http:8080,\xe2\x80\xa6\r\n.");
}

TEST(test_never_cut_too_far) {
    check_shown(10, plain, columns, 2,
                "NAME     PORT SERVICES\r\n"
                "printer\xe2\x80\xa6  631 ipp:631\r\n"
                "\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e\\\xe2\x80\xa6 8080 http:\xe2\x80\xa6\r\n.");
}

TEST(test_wide_characters_are_not_halved) {
    check_shown(10, plain, columns, 3,
                "NAME     PORT SERVICES\r\n"
                "printer\xe2\x80\xa6  631 ipp:631\r\n"
                "\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e\\\xe2\x80\xa6 8080 http:\xe2\x80\xa6\r\n"
                "abcdef\xe2\x80\xa6     1 -\r\n.");
}

TEST(test_wide_cuts_nothing) {
    struct table_style wide = {.wide = true};
    check_shown(20, wide, columns, 1,
                "NAME                        PORT SERVICES\r\n"
                "printer-on-the-second-floor  631 ipp:631\r\n.");
}

TEST(test_color) {
    struct table_style color = {.color = true};
    check_shown(0, color, state_columns, 1,
                "STATE PORT STATE\n"
                "\033[32mup   \033[0m  631 \033[32mup\033[0m\n.");
}

TEST(test_all_fields_in_their_order) {
    check_shown(0, plain, NULL, 1,
                "NAME                        PORT STATE SERVICES\n"
                "printer-on-the-second-floor  631 up    ipp:631\n.");
}

TEST(test_no_rows) {
    check_shown(80, plain, NULL, 0, ".");
}

/* ---- the columns of peers ---- */

static const struct muster_service services[] = {
    {"", "ipp", "tcp", 631, NULL, 0}, {"", "http", "tcp", 8080, NULL, 0}, {"", "smb", "tcp", 445, NULL, 0}};

static struct muster_peer peers[] = {
    {.id = {1},
     .verified = true,
     .document = {"laptop", NULL, 0, NULL, 0},
     .address = {4, {192, 168, 100, 14}, 19798},
     .interface_name = "eth0",
     .next_ms = 2300,
     .self = true},
    {.id = {2},
     .verified = true,
     .document = {"printer-of-the-second-floor", services, 3, NULL, 0},
     .address = {4, {192, 168, 100, 12}, 19798},
     .interface_name = "enp2s0",
     .paths = 1U << MUSTER_PATH_M4 | 1U << MUSTER_PATH_B4,
     .age_ms = 500,
     .next_ms = 1800,
     .received = 9},
};

static void check_peers(unsigned short width, const char *expected) {
    const struct muster_peer_list list = {.peers = peers, .count = COUNT(peers)};
    struct column_choice choice;
    struct roster roster;
    column_choose_default(&choice);
    assert_int_equal(roster_init(&roster, &list), 0);
    check_table(width, (struct table_style){.expendable = column_expendable}, choice.headings,
                peer_rows(&roster), expected);
    roster_deinit(&roster);
}

TEST(test_peers_on_200_columns) {
    check_peers(200,
                "NAME                        STATE ADDRESS        IF      AGE NEXT LOSS PATHS SERVICES\r\n"
                "laptop                      alive 192.168.100.14 eth0   0.0s 2.3s    - -     -\r\n"
                "printer-of-the-second-floor alive 192.168.100.12 enp2s0 0.5s 1.8s   0% m4,b4 "
                "ipp:631,http:8080,smb:445\r\n"
                ".");
}

TEST(test_peers_on_80_columns) {
    check_peers(80, "NAME                 STATE ADDRESS        IF      AGE LOSS SERVICES\r\n"
                    "laptop               alive 192.168.100.14 eth0   0.0s    - -\r\n"
                    "printer-of-the-seco… alive 192.168.100.12 enp2s0 0.5s   0% ipp:631,http:8080,…\r\n"
                    ".");
}

TEST(test_peers_on_60_columns) {
    check_peers(60, "NAME                STATE ADDRESS        SERVICES\r\n"
                    "laptop              alive 192.168.100.14 -\r\n"
                    "printer-of-the-sec… alive 192.168.100.12 ipp:631,http:8080,…\r\n"
                    ".");
}

TEST(test_peers_on_40_columns) {
    check_peers(40, "NAME      STATE ADDRESS        SERVICES\r\n"
                    "laptop    alive 192.168.100.14 -\r\n"
                    "printer-… alive 192.168.100.12 ipp:631,…\r\n"
                    ".");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_peers_on_200_columns),
        cmocka_unit_test(test_peers_on_80_columns),
        cmocka_unit_test(test_peers_on_60_columns),
        cmocka_unit_test(test_peers_on_40_columns),
        cmocka_unit_test(test_nothing_to_cut),
        cmocka_unit_test(test_cut_to_the_terminal),
        cmocka_unit_test(test_never_cut_too_far),
        cmocka_unit_test(test_wide_characters_are_not_halved),
        cmocka_unit_test(test_wide_cuts_nothing),
        cmocka_unit_test(test_color),
        cmocka_unit_test(test_no_rows),
        cmocka_unit_test(test_all_fields_in_their_order),
    };
    setlocale(LC_CTYPE, "C.UTF-8");
    unsetenv("COLUMNS");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
