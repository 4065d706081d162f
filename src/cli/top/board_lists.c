/* SPDX-License-Identifier: MIT */
/* What of the board is seen: the rows that the filter lets through, their order, the selected one, and keys.
 */
#include "board.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "text.h"

static bool contains(const char *text, const char *part) {
    return strcasestr(text, part) != NULL;
}

static bool keeps_peer(const struct board *board, const void *row) {
    const struct board_peer *peer = row;
    return contains(peer->name, board->filter) || contains(muster_state_name(peer->state), board->filter) ||
           contains(text_address(&peer->address).text, board->filter) ||
           contains(peer->services, board->filter) || contains(text_id(peer->id).text, board->filter);
}

static bool keeps_reading(const struct board *board, const void *row) {
    const struct board_reading *reading = row;
    char name[MUSTER_FULL_NAME_BYTES_MAX + 1];
    snprintf(name, sizeof(name), "%s/%s", reading->topic, reading->record);
    return contains(name, board->filter) || contains(reading->publisher, board->filter);
}

static int compare_numbers(double a, double b) {
    return a < b ? -1 : a > b;
}

static int compare_peers(const struct board_peer *a, const struct board_peer *b, unsigned order) {
    switch ((enum board_peer_order)order) {
    case BOARD_BY_NAME: return strcasecmp(a->name, b->name);
    case BOARD_BY_STATE: return compare_numbers(a->state, b->state);
    case BOARD_BY_ADDRESS:
        return a->address.family != b->address.family
                   ? compare_numbers(a->address.family, b->address.family)
                   : memcmp(a->address.ip, b->address.ip, sizeof(a->address.ip));
    case BOARD_BY_AGE: return -compare_numbers((double)(int64_t)a->heard_ms, (double)(int64_t)b->heard_ms);
    case BOARD_BY_LOSS: return compare_numbers(a->loss, b->loss);
    }
    return 0;
}

/* Compares full names, "kitchen/climate/temperature". */
static int compare_full_names(const struct board_reading *a, const struct board_reading *b) {
    char left[MUSTER_FULL_NAME_BYTES_MAX + 1];
    char right[MUSTER_FULL_NAME_BYTES_MAX + 1];
    snprintf(left, sizeof(left), "%s/%s", a->topic, a->record);
    snprintf(right, sizeof(right), "%s/%s", b->topic, b->record);
    return strcmp(left, right);
}

static int compare_readings(const struct board_reading *a, const struct board_reading *b, unsigned order) {
    switch ((enum board_reading_order)order) {
    case BOARD_BY_TOPIC: return compare_full_names(a, b);
    case BOARD_BY_VALUE: return compare_numbers(a->number, b->number);
    case BOARD_BY_RATE: return compare_numbers(a->rate, b->rate);
    case BOARD_BY_PUBLISHER: return strcasecmp(a->publisher, b->publisher);
    }
    return 0;
}

/* Rows that compare equal stay in the order of the arrays, whichever way the others go. */
static int compare_peer_rows(const void *left, const void *right, void *context) {
    const struct board_list *list = context;
    const struct board_peer *a = *(void *const *)left;
    const struct board_peer *b = *(void *const *)right;
    int order = compare_peers(a, b, list->order);
    order = list->descending ? -order : order;
    order = order != 0 ? order : strcasecmp(a->name, b->name);
    return order != 0 ? order : memcmp(a->id, b->id, MUSTER_ID_BYTES);
}

static int compare_reading_rows(const void *left, const void *right, void *context) {
    const struct board_list *list = context;
    const struct board_reading *a = *(void *const *)left;
    const struct board_reading *b = *(void *const *)right;
    int order = compare_readings(a, b, list->order);
    order = list->descending ? -order : order;
    order = order != 0 ? order : compare_full_names(a, b);
    return order != 0 ? order : memcmp(a->id, b->id, MUSTER_ID_BYTES);
}

/* Fills a list with what the filter lets through, in order. -1 when memory is out. */
static int fill(const struct board *board, struct board_list *list, void *const *rows, size_t count,
                bool (*keeps)(const struct board *board, const void *row),
                int (*compare)(const void *left, const void *right, void *context)) {
    void **kept = realloc(list->rows, (count + 1) * sizeof(*kept));
    if (kept == NULL) {
        list->count = 0;
        return -1;
    }
    list->rows = kept;
    list->count = 0;
    for (size_t i = 0; i < count; i++) {
        if (board->filter[0] == '\0' || keeps(board, rows[i])) {
            kept[list->count++] = rows[i];
        }
    }
    qsort_r(kept, list->count, sizeof(*kept), compare, list);
    return 0;
}

/* ---- the selected rows ---- */

/* What a row is known by, whether it is still there or not. */
static void identify(enum board_pane pane, const void *row, struct board_identity *identity) {
    *identity = (struct board_identity){.is_set = true};
    if (pane == BOARD_PEERS) {
        memcpy(identity->id, ((const struct board_peer *)row)->id, MUSTER_ID_BYTES);
    } else {
        const struct board_reading *reading = row;
        memcpy(identity->id, reading->id, MUSTER_ID_BYTES);
        strcpy(identity->topic, reading->topic);
        strcpy(identity->record, reading->record);
    }
}

static bool is_same(const struct board_identity *a, const struct board_identity *b) {
    return memcmp(a->id, b->id, MUSTER_ID_BYTES) == 0 && strcmp(a->topic, b->topic) == 0 &&
           strcmp(a->record, b->record) == 0;
}

/* Moves the selection to a row, or the last one. */
static void select_row(struct board *board, enum board_pane pane, size_t row) {
    struct board_list *list = &board->lists[pane];
    list->selected = list->count == 0 ? 0 : row < list->count ? row : list->count - 1;
    if (list->count > 0) {
        identify(pane, list->rows[list->selected], &list->identity);
    }
}

/* Finds the selected row again. One that is gone leaves the selection at its place; who has not moved stays
 * at the first row, whatever that is. */
static void find_selected(struct board *board, enum board_pane pane) {
    struct board_list *list = &board->lists[pane];
    for (size_t i = 0; list->identity.is_set && list->has_moved && i < list->count; i++) {
        struct board_identity identity;
        identify(pane, list->rows[i], &identity);
        if (is_same(&identity, &list->identity)) {
            list->selected = i;
            return;
        }
    }
    select_row(board, pane, list->selected);
}

int board_sort(struct board *board) {
    int error = fill(board, &board->lists[BOARD_PEERS], (void *const *)board->peers, board->peer_count,
                     keeps_peer, compare_peer_rows);
    error |= fill(board, &board->lists[BOARD_READINGS], (void *const *)board->readings, board->reading_count,
                  keeps_reading, compare_reading_rows);
    find_selected(board, BOARD_PEERS);
    find_selected(board, BOARD_READINGS);
    return error;
}

struct board_peer *board_selected_peer(const struct board *board) {
    const struct board_list *list = &board->lists[BOARD_PEERS];
    return list->count > 0 ? list->rows[list->selected] : NULL;
}

struct board_reading *board_selected_reading(const struct board *board) {
    const struct board_list *list = &board->lists[BOARD_READINGS];
    return list->count > 0 ? list->rows[list->selected] : NULL;
}

/* ---- keys ---- */

static enum board_action move(struct board *board, enum board_key key, size_t page) {
    struct board_list *list = &board->lists[board->pane];
    const size_t at = list->selected;
    const size_t up = key == BOARD_KEY_UP ? 1 : page;
    const size_t down = key == BOARD_KEY_DOWN ? 1 : page;
    list->has_moved = true;
    switch (key) {
    case BOARD_KEY_UP:
    case BOARD_KEY_PAGE_UP: select_row(board, board->pane, at > up ? at - up : 0); break;
    case BOARD_KEY_HOME: select_row(board, board->pane, 0); break;
    case BOARD_KEY_END: select_row(board, board->pane, list->count); break;
    default: select_row(board, board->pane, at + down);
    }
    return BOARD_REDRAW;
}

/* The length of a text without its last character. */
static size_t before_last_character(const char *text) {
    size_t length = strlen(text);
    do {
        length -= length > 0 ? 1 : 0;
    } while (length > 0 && ((unsigned char)text[length] & 0xC0) == 0x80);
    return length;
}

static enum board_action type(struct board *board, enum board_key key, const char *character) {
    const size_t length = strlen(board->filter);
    if (key == BOARD_KEY_ENTER || key == BOARD_KEY_ESCAPE) {
        board->is_typing = false;
        board->filter[key == BOARD_KEY_ESCAPE ? 0 : length] = '\0';
    } else if (key == BOARD_KEY_BACKSPACE) {
        board->filter[before_last_character(board->filter)] = '\0';
    } else if (key == BOARD_KEY_OTHER && (unsigned char)character[0] >= ' ' && character[0] != '\x7F' &&
               length + strlen(character) < sizeof(board->filter)) {
        strcat(board->filter, character);
    } else {
        return BOARD_NOTHING;
    }
    return BOARD_RESORT;
}

/* Of numbers the largest are looked for first. */
void board_sort_by(struct board *board, enum board_pane pane, unsigned order) {
    struct board_list *list = &board->lists[pane];
    list->order = order;
    list->descending =
        pane == BOARD_PEERS ? order >= BOARD_BY_AGE : order == BOARD_BY_VALUE || order == BOARD_BY_RATE;
}

static enum board_action sort_by_next(struct board *board) {
    const unsigned orders = board->pane == BOARD_PEERS ? BOARD_PEER_ORDERS : BOARD_READING_ORDERS;
    board_sort_by(board, board->pane, (board->lists[board->pane].order + 1) % orders);
    return BOARD_RESORT;
}

static enum board_action command(struct board *board, char letter, size_t page) {
    switch (letter) {
    case 'q': return BOARD_QUIT;
    case 'k': return move(board, BOARD_KEY_UP, page);
    case 'j': return move(board, BOARD_KEY_DOWN, page);
    case 'g': return move(board, BOARD_KEY_HOME, page);
    case 'G': return move(board, BOARD_KEY_END, page);
    case '/': board->is_typing = true; return BOARD_REDRAW;
    case 's': return sort_by_next(board);
    case 'r':
        board->lists[board->pane].descending = !board->lists[board->pane].descending;
        return BOARD_RESORT;
    default: return BOARD_NOTHING;
    }
}

enum board_action board_press(struct board *board, enum board_key key, const char *character, size_t page) {
    if (board->is_typing && key != BOARD_KEY_UP && key != BOARD_KEY_DOWN) {
        return type(board, key, character);
    }
    switch (key) {
    case BOARD_KEY_OTHER: return command(board, character[0], page);
    case BOARD_KEY_TAB:
        board->pane = board->pane == BOARD_PEERS ? BOARD_READINGS : BOARD_PEERS;
        return BOARD_REDRAW;
    case BOARD_KEY_ENTER: return board->lists[board->pane].count > 0 ? BOARD_SHOW : BOARD_NOTHING;
    case BOARD_KEY_ESCAPE: board->filter[0] = '\0'; return BOARD_RESORT;
    case BOARD_KEY_BACKSPACE: return BOARD_NOTHING;
    default: return move(board, key, page);
    }
}

const char *board_order_name(enum board_pane pane, unsigned order) {
    static const char *const peers[BOARD_PEER_ORDERS] = {"NAME", "STATE", "ADDRESS", "AGE", "LOSS"};
    static const char *const readings[BOARD_READING_ORDERS] = {"TOPIC", "VALUE", "RATE", "PUBLISHER"};
    return pane == BOARD_PEERS ? peers[order] : readings[order];
}

void board_deinit(struct board *board) {
    for (size_t i = 0; i < board->peer_count; i++) {
        free(board->peers[i]);
    }
    for (size_t i = 0; i < board->reading_count; i++) {
        free(board->readings[i]);
    }
    free(board->peers);
    free(board->readings);
    for (size_t i = 0; i < BOARD_PANES; i++) {
        free(board->lists[i].rows);
    }
    *board = (struct board){0};
}
