/* SPDX-License-Identifier: MIT */
#include "board.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "peer.h"
#include "text.h"

/* Copies a text, cut at a character where there is no more room. */
static void copy(char *to, size_t size, const char *text) {
    size_t length = strlen(text != NULL ? text : "");
    if (length >= size) {
        length = size - 1;
        while (length > 0 && ((unsigned char)text[length] & 0xC0) == 0x80) {
            length--;
        }
    }
    memcpy(to, text != NULL ? text : "", length);
    to[length] = '\0';
}

/* ---- sorted arrays of pointers ---- */

/* Makes room for a pointer at `at` of an array that grows by doubling. -1 when memory is out. */
static int insert(void ***array, size_t count, size_t at, void *item) {
    if ((count & (count - 1)) == 0) {
        void **larger = realloc(*array, (count == 0 ? 1 : 2 * count) * sizeof(*larger));
        if (larger == NULL) {
            return -1;
        }
        *array = larger;
    }
    memmove(&(*array)[at + 1], &(*array)[at], (count - at) * sizeof(**array));
    (*array)[at] = item;
    return 0;
}

/* ---- peers ---- */

/* Where a peer is, or would be. */
static size_t peer_place(const struct board *board, const uint8_t *id) {
    size_t low = 0;
    size_t high = board->peer_count;
    while (low < high) {
        const size_t middle = (low + high) / 2;
        if (memcmp(board->peers[middle]->id, id, MUSTER_ID_BYTES) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* The row of a peer, which is made where there is none. NULL when there is no room. */
static struct board_peer *peer_row(struct board *board, const uint8_t *id) {
    const size_t at = peer_place(board, id);
    if (at < board->peer_count && memcmp(board->peers[at]->id, id, MUSTER_ID_BYTES) == 0) {
        return board->peers[at];
    }
    struct board_peer *row = board->peer_count < BOARD_PEERS_MAX ? calloc(1, sizeof(*row)) : NULL;
    void **array = (void **)board->peers;
    if (row == NULL || insert(&array, board->peer_count, at, row) != 0) {
        free(row);
        return NULL;
    }
    board->peers = (struct board_peer **)array;
    board->peer_count++;
    memcpy(row->id, id, MUSTER_ID_BYTES);
    return row;
}

/* ---- readings ---- */

static int compare_reading(const struct board_reading *reading, const uint8_t *id, const char *topic,
                           const char *record) {
    int order = memcmp(reading->id, id, MUSTER_ID_BYTES);
    order = order != 0 ? order : strcmp(reading->topic, topic);
    return order != 0 ? order : strcmp(reading->record, record);
}

static size_t reading_place(const struct board *board, const uint8_t *id, const char *topic,
                            const char *record) {
    size_t low = 0;
    size_t high = board->reading_count;
    while (low < high) {
        const size_t middle = (low + high) / 2;
        if (compare_reading(board->readings[middle], id, topic, record) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* The first reading of a topic, "" being the first record; NULL when the topic has none. */
static struct board_reading *first_of_topic(const struct board *board, const uint8_t *id, const char *topic) {
    const size_t at = reading_place(board, id, topic, "");
    const bool is_there = at < board->reading_count &&
                          memcmp(board->readings[at]->id, id, MUSTER_ID_BYTES) == 0 &&
                          strcmp(board->readings[at]->topic, topic) == 0;
    return is_there ? board->readings[at] : NULL;
}

static struct board_reading *reading_row(struct board *board, const uint8_t *id, const char *topic,
                                         const char *record) {
    const size_t at = reading_place(board, id, topic, record);
    if (at < board->reading_count && compare_reading(board->readings[at], id, topic, record) == 0) {
        return board->readings[at];
    }
    struct board_reading *row = board->reading_count < BOARD_READINGS_MAX ? calloc(1, sizeof(*row)) : NULL;
    void **array = (void **)board->readings;
    if (row == NULL || insert(&array, board->reading_count, at, row) != 0) {
        free(row);
        return NULL;
    }
    board->readings = (struct board_reading **)array;
    board->reading_count++;
    memcpy(row->id, id, MUSTER_ID_BYTES);
    copy(row->topic, sizeof(row->topic), topic);
    copy(row->record, sizeof(row->record), record);
    return row;
}

static int take_reading(struct board *board, const struct muster_peer *peer, const struct muster_topic *topic,
                        const char *record, const char *unit) {
    struct board_reading *row = reading_row(board, peer->id, topic->name, record);
    if (row == NULL) {
        board->left_out++;
        return -1;
    }
    if (unit != NULL && unit[0] != '\0') {
        copy(row->unit, sizeof(row->unit), unit);
    }
    copy(row->publisher, sizeof(row->publisher), peer->document.name);
    row->rate = topic->rate;
    row->table = board->table;
    return 0;
}

/* A topic of whose records nothing is said is one row. Records that were heard only stay as long as it. */
static int take_topic(struct board *board, const struct muster_peer *peer, const struct muster_topic *topic) {
    int error = 0;
    struct board_reading *first = first_of_topic(board, peer->id, topic->name);
    const bool has_own = topic->unit != NULL && topic->unit[0] != '\0';
    for (size_t i = 0; i < topic->unit_count; i++) {
        error |= take_reading(board, peer, topic, topic->units[i].name, topic->units[i].value);
    }
    if (has_own || (topic->unit_count == 0 && first == NULL)) {
        error |= take_reading(board, peer, topic, "", topic->unit);
        first = first_of_topic(board, peer->id, topic->name);
        if (first != NULL && !has_own) {
            first->is_topic = first->value == BOARD_NONE;
        }
    }
    for (size_t at = reading_place(board, peer->id, topic->name, ""); at < board->reading_count; at++) {
        struct board_reading *row = board->readings[at];
        if (memcmp(row->id, peer->id, MUSTER_ID_BYTES) != 0 || strcmp(row->topic, topic->name) != 0) {
            break;
        }
        row->table = board->table;
        row->rate = topic->rate;
    }
    return error;
}

static int take_topics(struct board *board, const struct muster_peer *peer) {
    int error = 0;
    const bool is_present = peer->state == MUSTER_ALIVE || peer->state == MUSTER_SUSPECT;
    for (size_t i = 0; is_present && i < peer->document.topic_count; i++) {
        error |= take_topic(board, peer, &peer->document.topics[i]);
    }
    return error;
}

/* ---- a table ---- */

void board_begin_table(struct board *board) {
    board->table++;
    board->left_out = 0;
    board->has_self = false;
}

static void write_services(struct board_peer *row, const struct muster_document *document) {
    size_t length = 0;
    row->services[0] = '\0';
    for (size_t i = 0; i < document->service_count && length < sizeof(row->services); i++) {
        length += (size_t)snprintf(row->services + length, sizeof(row->services) - length, "%s%s",
                                   i > 0 ? "," : "", text_service(&document->services[i]).text);
    }
}

int board_take_peer(struct board *board, const struct muster_peer *peer, uint64_t now_ms) {
    struct board_peer *row = peer_row(board, peer->id);
    if (row == NULL) {
        board->left_out++;
        return -1;
    }
    copy(row->name, sizeof(row->name), peer->document.name);
    row->state = peer->state;
    row->verified = peer->verified;
    row->provisional = peer->provisional;
    row->partial = peer->partial;
    row->self = peer->self;
    row->address = peer->address;
    memcpy(row->interface_name, peer->interface_name, sizeof(row->interface_name));
    row->paths = peer_paths_now(peer);
    row->loss = peer_loss(peer);
    row->heard_ms = now_ms - peer->age_ms;
    row->table = board->table;
    write_services(row, &peer->document);
    if (peer->self) {
        board->has_self = true;
        copy(board->node, sizeof(board->node), peer->document.name);
    }
    return take_topics(board, peer);
}

/* Drops the peers that the table does not have, and counts the others. */
static void drop_peers(struct board *board) {
    size_t count = 0;
    memset(board->states, 0, sizeof(board->states));
    for (size_t i = 0; i < board->peer_count; i++) {
        struct board_peer *row = board->peers[i];
        if (row->table != board->table) {
            free(row);
            continue;
        }
        board->states[row->state] += row->self ? 0 : 1;
        board->peers[count++] = row;
    }
    board->peer_count = count;
}

/* True for a row that stands for a topic while none of its records is known, when one is known now. */
static bool is_superseded(const struct board *board, size_t at) {
    const struct board_reading *row = board->readings[at];
    const struct board_reading *next = at + 1 < board->reading_count ? board->readings[at + 1] : NULL;
    return row->is_topic && next != NULL && memcmp(row->id, next->id, MUSTER_ID_BYTES) == 0 &&
           strcmp(row->topic, next->topic) == 0;
}

static void drop_readings(struct board *board) {
    size_t count = 0;
    for (size_t i = 0; i < board->reading_count; i++) {
        if (board->readings[i]->table != board->table || is_superseded(board, i)) {
            free(board->readings[i]);
        } else {
            board->readings[count++] = board->readings[i];
        }
    }
    board->reading_count = count;
}

void board_end_table(struct board *board) {
    for (size_t i = 0; i < BOARD_PANES; i++) {
        board->lists[i].count = 0; /* what it points to may be gone: board_sort() fills it again */
    }
    if (!board->has_self) {
        board->node[0] = '\0';
    }
    drop_peers(board);
    drop_readings(board);
}

/* ---- events ---- */

void board_take_event(struct board *board, enum muster_peer_event event, const struct muster_peer *peer) {
    struct board_event *entry = &board->events[board->event_count++ % BOARD_EVENTS_MAX];
    *entry = (struct board_event){.event = event, .state = peer->state, .address = peer->address};
    snprintf(entry->time, sizeof(entry->time), "%.8s", text_now().text);
    memcpy(entry->id, peer->id, MUSTER_ID_BYTES);
    copy(entry->name, sizeof(entry->name), peer->document.name);
}

/* ---- samples ---- */

static void add_point(struct board_reading *row, uint64_t now_ms) {
    if (row->point_count > 0 && now_ms - row->point_ms < 1000) {
        row->points[row->point_count - 1] = row->number;
        return;
    }
    if (row->point_count == BOARD_POINTS_MAX) {
        memmove(row->points, row->points + 1, (BOARD_POINTS_MAX - 1) * sizeof(row->points[0]));
        row->point_count--;
    }
    row->points[row->point_count++] = row->number;
    row->point_ms = now_ms;
}

static void take_record(struct board *board, const struct muster_sample *sample,
                        const struct muster_record *record, const struct board_reading *topic,
                        uint64_t now_ms) {
    const size_t length = strlen(sample->topic);
    const char *name = record->name;
    if (strncmp(name, sample->topic, length) != 0 || (name[length] != '\0' && name[length] != '/')) {
        return;
    }
    name += length + (name[length] == '/' ? 1 : 0);
    struct board_reading *row =
        strlen(name) <= MUSTER_NAME_BYTES_MAX ? reading_row(board, sample->id, sample->topic, name) : NULL;
    if (row == NULL) {
        board->left_out++;
        return;
    }
    if (row != topic) {
        copy(row->publisher, sizeof(row->publisher), topic->publisher);
        row->rate = topic->rate;
    }
    row->table = board->table;
    row->is_topic = false;
    row->at_ms = now_ms;
    if (record->unit != NULL && record->unit[0] != '\0') {
        copy(row->unit, sizeof(row->unit), record->unit);
    }
    if (record->kind == MUSTER_VALUE_TEXT || record->kind == MUSTER_VALUE_DATA) {
        row->value = BOARD_TEXT;
        copy(row->text, sizeof(row->text), record->text);
    } else if (record->kind == MUSTER_VALUE_BOOLEAN) {
        row->value = BOARD_BOOLEAN;
        row->number = record->boolean ? 1 : 0;
        add_point(row, now_ms);
    } else {
        row->value = BOARD_NUMBER;
        row->number = record->kind == MUSTER_VALUE_NUMBER ? record->number : record->sum;
        add_point(row, now_ms);
    }
}

/* True when this topic's share of looks in this slot is not used up. */
static bool may_look(struct board_reading *topic, uint64_t now_ms) {
    const uint64_t slot = now_ms / BOARD_SLOT_MS;
    if (topic->slot != slot) {
        topic->slot = slot;
        topic->packs = 0;
    }
    return topic->packs++ < BOARD_PACKS_MAX;
}

bool board_take_sample(struct board *board, const struct muster_sample *sample, uint64_t now_ms) {
    struct board_reading *topic = first_of_topic(board, sample->id, sample->topic);
    struct muster_record record;
    if (topic == NULL || !may_look(topic, now_ms)) {
        return false;
    }
    muster_pack_open(&board->pack, sample->body, sample->length, 0);
    while (muster_pack_next(&board->pack, &record) == 1) {
        take_record(board, sample, &record, topic, now_ms);
    }
    return true;
}

/* ---- the lists ---- */

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
