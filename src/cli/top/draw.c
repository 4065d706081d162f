/* SPDX-License-Identifier: MIT */
#include "draw.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "number.h"
#include "text.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Rows at the top and at the bottom of the screen. */
#define TOP_ROWS 1
#define BOTTOM_ROWS 1

#define LOSS_WARNING 0.05

/* ---- columns ---- */

/* A column of a list: this wide, and up to `most` where there is room. Of those that don't fit the ones of
 * the highest rank are left out. */
struct column {
    const char *heading;
    size_t width;
    size_t most;
    unsigned rank;
    bool is_right;
};

enum { PEER_NAME, PEER_STATE, PEER_ADDRESS, PEER_INTERFACE, PEER_AGE, PEER_LOSS, PEER_PATHS, PEER_SERVICES };
static const struct column peer_columns[] = {
    [PEER_NAME] = {"NAME", 16, 32, 0, false},
    [PEER_STATE] = {"STATE", 8, 8, 0, false},
    [PEER_ADDRESS] = {"ADDRESS", 15, 25, 2, false},
    [PEER_INTERFACE] = {"IF", 6, 8, 3, false},
    [PEER_AGE] = {"AGE", 6, 6, 1, true},
    [PEER_LOSS] = {"LOSS", 5, 5, 1, true},
    [PEER_PATHS] = {"PATHS", 8, 8, 1, false},
    [PEER_SERVICES] = {"SERVICES", 16, CANVAS_COLUMNS_MAX, 4, false},
};

enum { READING_TOPIC, READING_VALUE, READING_RATE, READING_TREND, READING_PUBLISHER };
static const struct column reading_columns[] = {
    [READING_TOPIC] = {"TOPIC", 16, 56, 0, false},
    [READING_VALUE] = {"VALUE", 14, 24, 0, true},
    [READING_RATE] = {"RATE", 7, 7, 1, true},
    [READING_TREND] = {"TREND", 16, BOARD_POINTS_MAX, 2, false},
    [READING_PUBLISHER] = {"PUBLISHER", 12, 32, 3, false},
};
#define COLUMNS_MAX 8

/* Where columns are; a width of 0: not there. */
struct fitted {
    size_t at[COLUMNS_MAX];
    size_t width[COLUMNS_MAX];
};

/* The width of the columns up to a rank, blanks between them included. */
static size_t width_up_to(const struct column *columns, size_t count, unsigned rank) {
    size_t width = 0;
    for (size_t i = 0; i < count; i++) {
        width += columns[i].rank <= rank ? columns[i].width + 1 : 0;
    }
    return width - 1;
}

/* Leaves out what does not fit. What is left then goes to the columns in their order. */
static struct fitted fit(const struct column *columns, size_t count, size_t available) {
    struct fitted fitted = {0};
    unsigned rank = COLUMNS_MAX;
    size_t at = 0;
    while (rank > 0 && width_up_to(columns, count, rank) > available) {
        rank--;
    }
    const size_t wanted = width_up_to(columns, count, rank);
    size_t left = available > wanted ? available - wanted : 0;
    for (size_t i = 0; i < count; i++) {
        if (columns[i].rank <= rank) {
            const size_t more = columns[i].most - columns[i].width;
            const size_t given = more < left ? more : left;
            fitted.at[i] = at;
            fitted.width[i] = columns[i].width + given;
            left -= given;
            at += fitted.width[i] + 1;
        }
    }
    return fitted;
}

static void put(struct canvas *canvas, size_t row, const struct fitted *fitted, const struct column *columns,
                size_t column, enum canvas_style style, const char *text) {
    if (fitted->width[column] > 0 && columns[column].is_right) {
        canvas_put_right(canvas, row, fitted->at[column], fitted->width[column], style, text);
    } else {
        canvas_put(canvas, row, fitted->at[column], fitted->width[column], style, text);
    }
}

/* A mark shows by which column the list is sorted, and which way. */
static void draw_headings(struct canvas *canvas, size_t row, const struct fitted *fitted,
                          const struct column *columns, size_t count, const struct board *board,
                          enum board_pane pane) {
    const struct board_list *list = &board->lists[pane];
    const char *sorted = board_order_name(pane, list->order);
    for (size_t i = 0; i < count; i++) {
        char text[32];
        const bool is_sorted = strcmp(columns[i].heading, sorted) == 0;
        snprintf(text, sizeof(text), "%s%s", columns[i].heading,
                 !is_sorted         ? ""
                 : list->descending ? "-"
                                    : "+");
        put(canvas, row, fitted, columns, i, CANVAS_HEADING, text);
    }
}

/* ---- lists ---- */

/* Scrolls a list of so many rows to its selected row, without a gap at its end. */
static void scroll(struct board_list *list, size_t rows) {
    if (list->selected < list->first) {
        list->first = list->selected;
    }
    if (rows > 0 && list->selected >= list->first + rows) {
        list->first = list->selected + 1 - rows;
    }
    if (list->first + rows > list->count) {
        list->first = list->count > rows ? list->count - rows : 0;
    }
}

/* As muster peers has it: with digits of the id where another peer has that name, too. */
static struct text_label label(const struct board *board, const char *name, const uint8_t *id) {
    for (size_t i = 0; i < board->peer_count; i++) {
        const struct board_peer *other = board->peers[i];
        if (strcmp(other->name, name) == 0 && memcmp(other->id, id, MUSTER_ID_BYTES) != 0) {
            return text_label(name, id, TEXT_LABEL_DIGITS);
        }
    }
    return text_label(name, id, 0);
}

static enum canvas_style style_of_state(enum muster_state state) {
    switch (state) {
    case MUSTER_ALIVE: return CANVAS_GOOD;
    case MUSTER_SUSPECT: return CANVAS_WARNING;
    case MUSTER_LOST: return CANVAS_BAD;
    case MUSTER_LEFT: return CANVAS_DIM;
    }
    return CANVAS_PLAIN;
}

static void draw_peer(struct canvas *canvas, size_t row, const struct fitted *fitted,
                      const struct board *board, const struct board_peer *peer, uint64_t now_ms) {
    const struct column *columns = peer_columns;
    const int64_t age_ms = (int64_t)(now_ms - peer->heard_ms);
    const enum canvas_style loss_style = peer->loss >= LOSS_WARNING ? CANVAS_WARNING : CANVAS_PLAIN;
    char state[16];
    snprintf(state, sizeof(state), "%s%s%s%s", muster_state_name(peer->state), peer->verified ? "" : "?",
             peer->provisional ? "~" : "", peer->partial ? "!" : "");
    put(canvas, row, fitted, columns, PEER_NAME, CANVAS_PLAIN, label(board, peer->name, peer->id).text);
    put(canvas, row, fitted, columns, PEER_STATE, style_of_state(peer->state), state);
    put(canvas, row, fitted, columns, PEER_ADDRESS, CANVAS_PLAIN, text_address(&peer->address).text);
    put(canvas, row, fitted, columns, PEER_INTERFACE, CANVAS_PLAIN, text_name(peer->interface_name).text);
    put(canvas, row, fitted, columns, PEER_AGE, CANVAS_PLAIN, peer->self ? "-" : text_duration(age_ms).text);
    put(canvas, row, fitted, columns, PEER_LOSS, loss_style,
        peer->self || peer->loss < 0 ? "-" : text_share(peer->loss).text);
    put(canvas, row, fitted, columns, PEER_PATHS, CANVAS_PLAIN, text_paths(peer->paths).text);
    put(canvas, row, fitted, columns, PEER_SERVICES, CANVAS_PLAIN,
        peer->services[0] != '\0' ? peer->services : "-");
}

/* Six digits show what changes; all of them would change all the time. */
static const char *value_text(const struct board_reading *reading, char *text, size_t size) {
    const char *space = reading->unit[0] != '\0' ? " " : "";
    char safe[MUSTER_TEXT_SAFE_BYTES(sizeof(reading->text))];
    switch (reading->value) {
    case BOARD_NONE: snprintf(text, size, "-"); break;
    case BOARD_BOOLEAN: snprintf(text, size, "%s", reading->number != 0 ? "true" : "false"); break;
    case BOARD_NUMBER:
        snprintf(text, size, "%.6g%s%s", reading->number, space, text_name(reading->unit).text);
        break;
    case BOARD_TEXT:
        snprintf(text, size, "%s%s%s", muster_text_safe(reading->text, safe, sizeof(safe)), space,
                 text_name(reading->unit).text);
        break;
    }
    return text;
}

/* The latest points, the lowest as the lowest block; what does not change in the middle. */
static void draw_trend(struct canvas *canvas, size_t row, size_t column, size_t width,
                       const struct board_reading *reading, bool is_ascii) {
    static const char *const blocks[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    static const char *const characters[] = {"_", "_", ".", ".", "-", "-", "^", "^"};
    const size_t count = reading->point_count < width ? reading->point_count : width;
    const double *points = reading->points + reading->point_count - count;
    double low = INFINITY;
    double high = -INFINITY;
    for (size_t i = 0; i < count; i++) {
        low = fmin(low, points[i]);
        high = fmax(high, points[i]);
    }
    for (size_t i = 0; i < count; i++) {
        const double range = high / 2 - low / 2; /* halves don't overflow; those of the least numbers are 0 */
        const double share = range > 0 ? (points[i] / 2 - low / 2) / range : 0.5;
        const size_t height = (size_t)lround(share * 7);
        canvas_put(canvas, row, column + i, 1, CANVAS_GOOD, (is_ascii ? characters : blocks)[height]);
    }
}

static void draw_reading(struct canvas *canvas, size_t row, const struct fitted *fitted,
                         const struct board *board, const struct board_reading *reading,
                         const struct draw_style *style) {
    char name[MUSTER_FULL_NAME_BYTES_MAX + 4];
    char safe[MUSTER_TEXT_SAFE_BYTES(sizeof(name))];
    char value[MUSTER_TEXT_SAFE_BYTES(sizeof(reading->text)) + sizeof(struct text_name)];
    char rate[32];
    snprintf(name, sizeof(name), "%s%s%s", reading->topic,
             reading->record[0] != '\0' ? "/"
             : reading->is_topic        ? "/…"
                                        : "",
             reading->record);
    snprintf(rate, sizeof(rate), reading->rate > 0 ? "%.4g/s" : "-", reading->rate);
    const enum canvas_style value_style = reading->value == BOARD_NONE ? CANVAS_DIM : CANVAS_PLAIN;
    put(canvas, row, fitted, reading_columns, READING_TOPIC, CANVAS_PLAIN,
        muster_text_safe(name, safe, sizeof(safe)));
    put(canvas, row, fitted, reading_columns, READING_VALUE, value_style,
        value_text(reading, value, sizeof(value)));
    put(canvas, row, fitted, reading_columns, READING_RATE, CANVAS_PLAIN, rate);
    put(canvas, row, fitted, reading_columns, READING_PUBLISHER, CANVAS_PLAIN,
        label(board, reading->publisher, reading->id).text);
    draw_trend(canvas, row, fitted->at[READING_TREND], fitted->width[READING_TREND], reading, style->ascii);
}

/* Says in a list without rows why it has none. */
static void draw_empty(struct canvas *canvas, size_t row, const struct board *board, const char *what) {
    char text[64];
    snprintf(text, sizeof(text), board->filter[0] != '\0' ? "no %s that the filter lets through" : "no %s",
             what);
    canvas_put(canvas, row, 0, canvas->columns, CANVAS_DIM, text);
}

static void draw_peers(struct canvas *canvas, size_t row, size_t rows, struct board *board, uint64_t now_ms) {
    struct board_list *list = &board->lists[BOARD_PEERS];
    const struct fitted fitted = fit(peer_columns, COUNT(peer_columns), canvas->columns);
    draw_headings(canvas, row, &fitted, peer_columns, COUNT(peer_columns), board, BOARD_PEERS);
    scroll(list, rows - 1);
    for (size_t i = 0; i + 1 < rows && list->first + i < list->count; i++) {
        draw_peer(canvas, row + 1 + i, &fitted, board, list->rows[list->first + i], now_ms);
        if (board->pane == BOARD_PEERS && list->first + i == list->selected) {
            canvas_select(canvas, row + 1 + i);
        }
    }
    if (list->count == 0 && rows > 1) {
        draw_empty(canvas, row + 1, board, "peers");
    }
}

static void draw_readings(struct canvas *canvas, size_t row, size_t rows, struct board *board,
                          const struct draw_style *style) {
    struct board_list *list = &board->lists[BOARD_READINGS];
    const struct fitted fitted = fit(reading_columns, COUNT(reading_columns), canvas->columns);
    draw_headings(canvas, row, &fitted, reading_columns, COUNT(reading_columns), board, BOARD_READINGS);
    scroll(list, rows - 1);
    for (size_t i = 0; i + 1 < rows && list->first + i < list->count; i++) {
        draw_reading(canvas, row + 1 + i, &fitted, board, list->rows[list->first + i], style);
        if (board->pane == BOARD_READINGS && list->first + i == list->selected) {
            canvas_select(canvas, row + 1 + i);
        }
    }
    if (list->count == 0 && rows > 1) {
        draw_empty(canvas, row + 1, board, "readings");
    }
}

/* ---- events ---- */

static void draw_events(struct canvas *canvas, size_t row, size_t rows, const struct board *board) {
    const size_t kept = board->event_count < BOARD_EVENTS_MAX ? board->event_count : BOARD_EVENTS_MAX;
    canvas_put(canvas, row, 0, canvas->columns, CANVAS_HEADING, "EVENTS");
    for (size_t i = 0; i + 1 < rows && i < kept; i++) {
        const struct board_event *event = &board->events[(board->event_count - 1 - i) % BOARD_EVENTS_MAX];
        canvas_put(canvas, row + 1 + i, 0, 8, CANVAS_DIM, event->time);
        canvas_put(canvas, row + 1 + i, 9, 9, style_of_state(event->state),
                   muster_peer_event_name(event->event));
        canvas_put(canvas, row + 1 + i, 19, 20, CANVAS_PLAIN, label(board, event->name, event->id).text);
        canvas_put(canvas, row + 1 + i, 40, canvas->columns, CANVAS_PLAIN,
                   event->changes[0] != '\0' ? text_name(event->changes).text
                                             : text_address(&event->address).text);
    }
}

/* ---- the lines around ---- */

/* Writes "12 alive  1 lost"; of the other states those that some are in. */
static void write_states(const struct board *board, char *text, size_t size) {
    size_t length = 0;
    text[0] = '\0';
    for (unsigned i = 0; i <= MUSTER_LEFT && length < size; i++) {
        if (i == MUSTER_ALIVE || board->states[i] > 0) {
            length += (size_t)snprintf(text + length, size - length, "%s%zu %s", i > 0 ? "  " : "",
                                       board->states[i], muster_state_name((enum muster_state)i));
        }
    }
}

static void draw_top(struct canvas *canvas, const struct board *board, const struct draw_style *style) {
    char left[512];
    char states[128];
    char right[256];
    const int length =
        snprintf(left, sizeof(left), " muster  %s%s%s",
                 board->node[0] != '\0' ? text_name(board->node).text : "(listening)",
                 style->interfaces[0] != '\0' ? " on " : "", text_name(style->interfaces).text);
    if (board->left_out > 0 && length > 0 && (size_t)length < sizeof(left)) {
        snprintf(left + length, sizeof(left) - (size_t)length, "  (%zu rows have no room)", board->left_out);
    }
    write_states(board, states, sizeof(states));
    snprintf(right, sizeof(right), "%s  %s ", states, style->time);
    const size_t taken = text_width(right);
    const size_t room = taken + 2 < canvas->columns ? canvas->columns - taken - 2 : 0;
    canvas_put_right(canvas, 0, 0, canvas->columns, CANVAS_PLAIN, right);
    canvas_put(canvas, 0, 0, room, CANVAS_PLAIN, left);
    canvas_fill(canvas, 0, CANVAS_BAR);
}

static void draw_bottom(struct canvas *canvas, const struct board *board) {
    const size_t row = canvas->rows - 1;
    const char *cursor = board->is_typing ? "_   Enter keep  Esc clear" : "   / change  Esc clear";
    char text[sizeof(struct text_name) + 64];
    if (board->is_typing || board->filter[0] != '\0') {
        snprintf(text, sizeof(text), "filter: %s%s", text_name(board->filter).text, cursor);
    } else {
        snprintf(text, sizeof(text), "q quit  Tab %s  s sort  r reverse  / filter  Enter why",
                 board->pane == BOARD_PEERS ? "topics" : "peers");
    }
    canvas_put(canvas, row, 0, canvas->columns, CANVAS_PLAIN, text);
    canvas_fill(canvas, row, CANVAS_BAR);
}

/* ---- the whole ---- */

/* Gives each list its half; what one does not need is the other's. */
struct draw_layout draw_layout(const struct board *board, size_t rows) {
    const size_t inner = rows > TOP_ROWS + BOTTOM_ROWS ? rows - TOP_ROWS - BOTTOM_ROWS : 0;
    const size_t share = inner / 5;
    const size_t events = share < 3 ? 2 : share > 12 ? 12 : share;
    const size_t lists = inner > events ? inner - events : 0;
    const size_t peers_wanted =
        (board->lists[BOARD_PEERS].count > 0 ? board->lists[BOARD_PEERS].count : 1) + 1;
    const size_t readings_wanted =
        (board->lists[BOARD_READINGS].count > 0 ? board->lists[BOARD_READINGS].count : 1) + 1;
    const size_t half = lists - lists / 2;
    size_t peers = half;
    if (readings_wanted < lists / 2) {
        peers = lists - readings_wanted;
    } else if (peers_wanted < half) {
        peers = peers_wanted;
    }
    return (struct draw_layout){.peers = peers, .readings = lists - peers, .events = events};
}

void draw_board(struct canvas *canvas, struct board *board, const struct draw_style *style, uint64_t now_ms) {
    const struct draw_layout layout = draw_layout(board, canvas->rows);
    canvas_clear(canvas);
    if (canvas->columns < DRAW_COLUMNS_MIN || canvas->rows < DRAW_ROWS_MIN) {
        canvas_put(canvas, 0, 0, canvas->columns, CANVAS_PLAIN, "too small");
        return;
    }
    draw_top(canvas, board, style);
    draw_peers(canvas, TOP_ROWS, layout.peers, board, now_ms);
    draw_readings(canvas, TOP_ROWS + layout.peers, layout.readings, board, style);
    draw_events(canvas, TOP_ROWS + layout.peers + layout.readings, layout.events, board);
    draw_bottom(canvas, board);
}

size_t draw_seen_readings(const struct board *board, size_t rows, size_t *first) {
    const struct board_list *list = &board->lists[BOARD_READINGS];
    const size_t room = draw_layout(board, rows).readings;
    *first = list->first < list->count ? list->first : 0;
    const size_t seen = room > 0 ? room - 1 : 0;
    return seen < list->count - *first ? seen : list->count - *first;
}

/* The bytes of a text's first line on a screen: up to its LF, or up to the last blank before what has no
 * room, or up to that where there is no blank. */
static size_t folded_length(const char *text, size_t columns) {
    const size_t length = strcspn(text, "\n");
    size_t width = 0;
    size_t at = 0;
    size_t blank = 0;
    while (at < length) {
        size_t taken;
        const size_t bytes = text_width_of_character(text + at, &taken);
        if (width + taken > columns) {
            const bool is_blank = text[at] == ' ';
            return is_blank || blank == 0 ? (at > 0 ? at : bytes) : blank;
        }
        if (text[at] == ' ' && width > strspn(text, " ")) {
            blank = at;
        }
        width += taken;
        at += bytes;
    }
    return length;
}

/* What follows a line: its LF, or the blanks at which it was folded, are passed over. */
static const char *next_folded(const char *text, size_t length) {
    text += length;
    return *text == '\n' ? text + 1 : text + strspn(text, " ");
}

size_t draw_page_lines(const char *text, size_t columns) {
    size_t lines = 0;
    while (*text != '\0') {
        text = next_folded(text, folded_length(text, columns));
        lines++;
    }
    return lines;
}

void draw_page(struct canvas *canvas, const char *title, const char *text, size_t first_line) {
    size_t row = 1;
    canvas_clear(canvas);
    canvas_put(canvas, 0, 0, canvas->columns, CANVAS_PLAIN, title);
    canvas_fill(canvas, 0, CANVAS_BAR);
    for (size_t i = 0; *text != '\0' && row + 1 < canvas->rows; i++) {
        char line[4 * CANVAS_COLUMNS_MAX];
        const size_t length = folded_length(text, canvas->columns);
        snprintf(line, sizeof(line), "%.*s", (int)length, text);
        if (i >= first_line) {
            canvas_put(canvas, row++, 0, canvas->columns, CANVAS_PLAIN, line);
        }
        text = next_folded(text, length);
    }
    canvas_put(canvas, canvas->rows - 1, 0, canvas->columns, CANVAS_PLAIN,
               " Esc back  Up Down scroll  q quit");
    canvas_fill(canvas, canvas->rows - 1, CANVAS_BAR);
}
