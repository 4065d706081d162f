/* SPDX-License-Identifier: MIT */
/* What muster top knows, how its lists behave, and how they are drawn on screens of several sizes. */
#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include "board.h"
#include "canvas.h"
#include "draw.h"
#include "fixture.h"

static const struct draw_style style = {.time = "12:00:00", .interfaces = "eth0"};

static const struct muster_service services[] = {{"", "ipp", "tcp", 631, NULL, 0}};
static const struct muster_text units[] = {{"humidity", "%RH"}, {"temperature", "Cel"}};
static const struct muster_topic topics[] = {
    {.name = "kitchen/climate", .units = units, .unit_count = 2, .rate = 2}, {.name = "door"}};

static const struct muster_peer peers[] = {
    {.id = {1}, .verified = true, .self = true, .document = {.name = "nas"}, .interface_name = "eth0"},
    {.id = {2},
     .verified = true,
     .document = {.name = "printer", .services = services, .service_count = 1},
     .address = {4, {10, 0, 0, 2}, 19798},
     .interface_name = "eth0",
     .paths = 1U << MUSTER_PATH_M4 | 1U << MUSTER_PATH_B4,
     .age_ms = 1500,
     .loss = 0.25,
     .received = 4},
    {.id = {3},
     .document = {.name = "thermo", .topics = topics, .topic_count = 2},
     .address = {4, {10, 0, 0, 3}, 19798},
     .interface_name = "eth0",
     .paths = 1U << MUSTER_PATH_M4,
     .age_ms = 200,
     .received = 4},
    {.id = {4},
     .verified = true,
     .state = MUSTER_LOST,
     .document = {.name = "日本語\x1b[31m"},
     .age_ms = 60000},
};

#define NOW_MS 1000000

static void take_table(struct board *board, const struct muster_peer *rows, size_t count) {
    board_begin_table(board);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(board_take_peer(board, &rows[i], NOW_MS), 0);
    }
    board_end_table(board);
    assert_int_equal(board_sort(board), 0);
}

static struct board board_of_peers(void) {
    struct board board = {0};
    take_table(&board, peers, COUNT(peers));
    return board;
}

static bool send_at(struct board *board, const char *topic, const char *body, uint64_t now_ms) {
    const struct muster_sample sample = {
        .id = peers[2].id, .topic = topic, .body = body, .length = strlen(body)};
    return board_take_sample(board, &sample, now_ms);
}

/* ---- drawing ---- */

/* The screen as text: no blanks at the ends of lines. */
static const char *screen(const struct canvas *canvas) {
    static char text[65536];
    size_t length = 0;
    for (size_t row = 0; row < canvas->rows; row++) {
        size_t end = length;
        for (size_t column = 0; column < canvas->columns; column++) {
            const char *cell = canvas_at(canvas, row, column)->text;
            length += (size_t)snprintf(text + length, sizeof(text) - length, "%s", cell);
            end = strcmp(cell, " ") != 0 && cell[0] != '\0' ? length : end;
        }
        text[end] = '\n';
        length = end + 1;
    }
    text[length] = '\0';
    return text;
}

static const char *draw(struct board *board, size_t columns, size_t rows) {
    struct canvas canvas = {0};
    assert_int_equal(canvas_resize(&canvas, columns, rows), 0);
    draw_board(&canvas, board, &style, NOW_MS);
    const char *text = screen(&canvas);
    canvas_deinit(&canvas);
    return text;
}

static void check_screen(struct board *board, size_t columns, size_t rows, const char *golden) {
    golden_check(golden, draw(board, columns, rows));
}

static void check_text(struct board *board, size_t columns, size_t rows, const char *expected) {
    assert_string_equal(draw(board, columns, rows), expected);
}

static struct board board_of_all(void) {
    struct board board = board_of_peers();
    for (int i = 0; i < 4; i++) {
        char body[128];
        snprintf(body, sizeof(body),
                 "[{\"bn\":\"kitchen/climate/\",\"n\":\"temperature\",\"u\":\"Cel\",\"v\":%d},"
                 "{\"n\":\"humidity\",\"u\":\"%%RH\",\"v\":40}]",
                 20 + i);
        assert_true(send_at(&board, "kitchen/climate", body, NOW_MS + 1000 * (uint64_t)i));
    }
    assert_true(send_at(&board, "door", "[{\"n\":\"door/front\",\"vs\":\"o\\u001bpen\"}]", NOW_MS));
    board_take_event(&board, MUSTER_PEER_LOST, &peers[3], &(struct changes){0});
    memcpy(board.events[0].time, "11:59:59", 9);
    take_table(&board, peers, COUNT(peers));
    return board;
}

TEST(test_80_columns) {
    struct board board = board_of_all();
    check_screen(&board, 80, 18, CLI_TESTS_DIR "/top/80x18.txt");
    board_deinit(&board);
}

/* What does not fit is left out, the least needed first. */
TEST(test_60_columns) {
    struct board board = board_of_all();
    check_screen(&board, 60, 14, CLI_TESTS_DIR "/top/60x14.txt");
    board_deinit(&board);
}

TEST(test_200_columns) {
    struct board board = board_of_all();
    check_screen(&board, 200, 10, CLI_TESTS_DIR "/top/200x10.txt");
    board_deinit(&board);
}

TEST(test_too_small) {
    struct board board = board_of_all();
    check_text(&board, 30, 9, "too small\n\n\n\n\n\n\n\n\n");
    check_text(&board, 1, 1, "…\n");
    board_deinit(&board);
}

TEST(test_nothing) {
    struct board board = {0};
    assert_int_equal(board_sort(&board), 0);
    check_screen(&board, 60, 10, CLI_TESTS_DIR "/top/nothing.txt");
    board_deinit(&board);
}

/* A page is scrolled; where wide characters don't fit in half they are left out. */
TEST(test_page) {
    struct canvas canvas = {0};
    assert_int_equal(canvas_resize(&canvas, 7, 4), 0);
    draw_page(&canvas, "title", "one\ntwo\n日本語語\nfour\n", 1);
    assert_string_equal(screen(&canvas), "title\ntwo\n日本語\n Esc b…\n");
    canvas_deinit(&canvas);
}

TEST(test_page_is_folded_at_words) {
    static const char text[] = "  one two  three\nunbreakable\n\nseven77 8\n";
    struct canvas canvas = {0};
    assert_int_equal(canvas_resize(&canvas, 7, 10), 0);
    draw_page(&canvas, "title", text, 0);
    assert_string_equal(screen(&canvas), "title\n  one\ntwo\nthree\nunbreak\nable\n\nseven77\n8\n Esc b…\n");
    assert_int_equal(draw_page_lines(text, 7), 8);
    canvas_deinit(&canvas);
}

TEST(test_peers_of_one_name) {
    struct muster_peer twins[] = {peers[1], peers[1]};
    struct board board = {0};
    twins[1].id[0] ^= 0xFF;
    take_table(&board, twins, COUNT(twins));
    const char *text = draw(&board, 80, 18);
    for (int i = 0; i < 2; i++) {
        char expected[64];
        snprintf(expected, sizeof(expected), "%s (%02x%02x%02x)", twins[i].document.name, twins[i].id[0],
                 twins[i].id[1], twins[i].id[2]);
        assert_non_null(strstr(text, expected));
    }
    board_deinit(&board);
}

/* ---- the lists ---- */

static const char *names_of(const struct board *board) {
    static char names[256];
    const struct board_list *list = &board->lists[BOARD_PEERS];
    names[0] = '\0';
    for (size_t i = 0; i < list->count; i++) {
        const struct board_peer *peer = list->rows[i];
        strcat(strcat(names, i == list->selected ? ">" : " "),
               peer->name[0] == '\xE6' ? "japan" : peer->name);
    }
    return names;
}

static enum board_action press(struct board *board, const char *keys) {
    enum board_action action = BOARD_NOTHING;
    for (; *keys != '\0'; keys++) {
        const char character[2] = {*keys, '\0'};
        const enum board_key key = *keys == '\n'     ? BOARD_KEY_ENTER
                                   : *keys == '\t'   ? BOARD_KEY_TAB
                                   : *keys == '\b'   ? BOARD_KEY_BACKSPACE
                                   : *keys == '\x1b' ? BOARD_KEY_ESCAPE
                                                     : BOARD_KEY_OTHER;
        action = board_press(board, key, character, 2);
        assert_int_equal(board_sort(board), 0);
    }
    return action;
}

TEST(test_orders) {
    struct board board = board_of_peers();
    assert_string_equal(names_of(&board), ">nas printer thermo japan");
    assert_int_equal(press(&board, "s"), BOARD_RESORT); /* by state */
    assert_string_equal(names_of(&board), ">nas printer thermo japan");
    press(&board, "r");
    assert_string_equal(names_of(&board), ">japan nas printer thermo");
    press(&board, "ss"); /* by address, by age */
    assert_string_equal(names_of(&board), ">japan printer thermo nas");
    press(&board, "s"); /* by loss */
    assert_string_equal(names_of(&board), ">printer thermo nas japan");
    press(&board, "s");
    assert_string_equal(names_of(&board), ">nas printer thermo japan");
    board_deinit(&board);
}

/* A row that was selected stays so, wherever it goes, until it is gone. */
TEST(test_the_selection_follows_its_row) {
    struct board board = board_of_peers();
    press(&board, "jj");
    assert_string_equal(names_of(&board), " nas printer>thermo japan");
    press(&board, "r");
    assert_string_equal(names_of(&board), " japan>thermo printer nas");
    assert_int_equal(press(&board, "\n"), BOARD_SHOW);
    assert_string_equal(board_selected_peer(&board)->name, "thermo");
    take_table(&board, peers, 2);
    assert_string_equal(names_of(&board), " printer>nas");
    press(&board, "jjj");
    assert_string_equal(names_of(&board), " printer>nas");
    press(&board, "kkkG");
    assert_string_equal(names_of(&board), " printer>nas");
    press(&board, "g");
    assert_string_equal(names_of(&board), ">printer nas");
    board_deinit(&board);
}

TEST(test_filter) {
    struct board board = board_of_peers();
    press(&board, "/PRIq");
    assert_string_equal(names_of(&board), "");
    assert_int_equal(press(&board, "\b"), BOARD_RESORT);
    assert_string_equal(names_of(&board), ">printer");
    assert_int_equal(press(&board, "\n"), BOARD_RESORT); /* the filter is kept */
    assert_string_equal(names_of(&board), ">printer");
    press(&board, "\x1b");
    assert_string_equal(names_of(&board), ">nas printer thermo japan");
    press(&board, "/lost\n");
    assert_string_equal(names_of(&board), ">japan");
    press(&board, "/\x1b/10.0.0.3\n");
    assert_string_equal(names_of(&board), ">thermo");
    assert_int_equal(board.lists[BOARD_READINGS].count, 0);
    press(&board, "/\x1b/kitchen");
    assert_int_equal(board.lists[BOARD_READINGS].count, 2);
    assert_int_equal(press(&board, "\x1bq"), BOARD_QUIT);
    board_deinit(&board);
}

/* A character of several bytes is one. */
TEST(test_a_filter_is_utf8) {
    struct board board = board_of_peers();
    press(&board, "/");
    board_press(&board, BOARD_KEY_OTHER, "日", 2);
    board_press(&board, BOARD_KEY_OTHER, "本", 2);
    assert_string_equal(board.filter, "日本");
    press(&board, "\b");
    assert_string_equal(board.filter, "日");
    press(&board, "\b\b");
    assert_string_equal(board.filter, "");
    for (int i = 0; i < 100; i++) {
        board_press(&board, BOARD_KEY_OTHER, "本", 2);
    }
    assert_true(strlen(board.filter) <= MUSTER_NAME_BYTES_MAX);
    board_deinit(&board);
}

/* ---- readings ---- */

static struct board_reading *find_reading(struct board *board, const char *topic, const char *record) {
    for (size_t i = 0; i < board->reading_count; i++) {
        struct board_reading *reading = board->readings[i];
        if (strcmp(reading->topic, topic) == 0 && strcmp(reading->record, record) == 0) {
            return reading;
        }
    }
    return NULL;
}

/* A topic is a row until its records are known; a publisher that is gone takes its readings along. */
TEST(test_rows_of_readings) {
    struct board board = board_of_peers();
    assert_true(find_reading(&board, "door", "")->is_topic);
    send_at(&board, "door", "[{\"n\":\"door/front\",\"vb\":true},{\"n\":\"doors\",\"v\":1}]", NOW_MS);
    take_table(&board, peers, COUNT(peers));
    assert_null(find_reading(&board, "door", ""));
    assert_int_equal(find_reading(&board, "door", "front")->value, BOARD_BOOLEAN);
    assert_int_equal(board.reading_count, 3);
    take_table(&board, peers, 2);
    assert_int_equal(board.reading_count, 0);
    assert_false(send_at(&board, "door", "[{\"n\":\"door\",\"v\":1}]", NOW_MS)); /* nobody announces it */
    board_deinit(&board);
}

/* Of a topic that comes a thousand times a second some packs are looked at. */
TEST(test_a_sample_of_what_is_much) {
    struct board board = board_of_peers();
    size_t looked = 0;
    for (uint64_t i = 0; i < 1000; i++) {
        looked += send_at(&board, "door", "[{\"n\":\"door\",\"v\":1}]", NOW_MS + i) ? 1 : 0;
    }
    assert_int_equal(looked, 1000 / BOARD_SLOT_MS * BOARD_PACKS_MAX);
    assert_int_equal(find_reading(&board, "door", "")->point_count, 1);
    board_deinit(&board);
}

TEST(test_points_are_bounded) {
    struct board board = board_of_peers();
    char body[64];
    for (int i = 0; i < 3 * BOARD_POINTS_MAX; i++) {
        snprintf(body, sizeof(body), "[{\"n\":\"door\",\"v\":%d}]", i);
        send_at(&board, "door", body, NOW_MS + 1000 * (uint64_t)i);
    }
    const struct board_reading *reading = find_reading(&board, "door", "");
    assert_int_equal(reading->point_count, BOARD_POINTS_MAX);
    assert_true(reading->points[0] == 2 * BOARD_POINTS_MAX);
    assert_true(reading->points[BOARD_POINTS_MAX - 1] == 3 * BOARD_POINTS_MAX - 1);
    board_deinit(&board);
}

/* Half of the least number is 0. */
TEST(test_points_of_any_size) {
    static const char *const values[] = {"0", "5e-324", "1.7e308", "-1.7e308"};
    static const char *const trends[] = {"▅ ", "▅▅ ", "▁▁█ ", "▅▅█▁ "};
    struct board board = board_of_peers();
    char body[64];
    for (size_t i = 0; i < COUNT(values); i++) {
        snprintf(body, sizeof(body), "[{\"n\":\"door\",\"v\":%s}]", values[i]);
        send_at(&board, "door", body, NOW_MS + 1000 * i);
        assert_non_null(strstr(draw(&board, 200, 20), trends[i]));
    }
    board_deinit(&board);
}

TEST(test_events_are_bounded) {
    struct board board = board_of_peers();
    for (size_t i = 0; i < 3 * BOARD_EVENTS_MAX; i++) {
        board_take_event(&board, MUSTER_PEER_JOINED, &peers[i % 2], &(struct changes){0});
    }
    assert_int_equal(board.event_count, 3 * BOARD_EVENTS_MAX);
    board_deinit(&board);
}

TEST(test_rows_are_bounded) {
    struct board board = {0};
    struct muster_peer peer = {.document = {.name = ""}};
    board_begin_table(&board);
    for (uint32_t i = 0; i < BOARD_PEERS_MAX + 5; i++) {
        memcpy(peer.id, &i, sizeof(i));
        board_take_peer(&board, &peer, NOW_MS);
    }
    board_end_table(&board);
    assert_int_equal(board.peer_count, BOARD_PEERS_MAX);
    assert_int_equal(board.left_out, 5);
    board_deinit(&board);
}

/* A row that there is no memory for is left out; the others are whole. */
static bool exercise(void *context) {
    struct board board = {0};
    int error = 0;
    (void)context;
    board_begin_table(&board);
    for (size_t i = 0; i < COUNT(peers); i++) {
        error |= board_take_peer(&board, &peers[i], NOW_MS);
    }
    board_end_table(&board);
    error |= board_sort(&board);
    assert_true(board.peer_count <= COUNT(peers));
    board_deinit(&board);
    return error == 0;
}

TEST(test_memory) {
    fixture_exhaust_memory(exercise, NULL, 10);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_80_columns),
        cmocka_unit_test(test_60_columns),
        cmocka_unit_test(test_200_columns),
        cmocka_unit_test(test_too_small),
        cmocka_unit_test(test_nothing),
        cmocka_unit_test(test_page),
        cmocka_unit_test(test_page_is_folded_at_words),
        cmocka_unit_test(test_peers_of_one_name),
        cmocka_unit_test(test_orders),
        cmocka_unit_test(test_the_selection_follows_its_row),
        cmocka_unit_test(test_filter),
        cmocka_unit_test(test_a_filter_is_utf8),
        cmocka_unit_test(test_rows_of_readings),
        cmocka_unit_test(test_a_sample_of_what_is_much),
        cmocka_unit_test(test_points_are_bounded),
        cmocka_unit_test(test_points_of_any_size),
        cmocka_unit_test(test_events_are_bounded),
        cmocka_unit_test(test_rows_are_bounded),
        cmocka_unit_test(test_memory),
    };
    setlocale(LC_CTYPE, "C.UTF-8");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
