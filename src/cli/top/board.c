/* SPDX-License-Identifier: MIT */
#include "board.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

void board_take_event(struct board *board, enum muster_peer_event event, const struct muster_peer *peer,
                      const struct changes *changes) {
    struct board_event *entry = &board->events[board->event_count++ % BOARD_EVENTS_MAX];
    *entry = (struct board_event){.event = event, .state = peer->state, .address = peer->address};
    snprintf(entry->time, sizeof(entry->time), "%.8s", text_now().text);
    memcpy(entry->id, peer->id, MUSTER_ID_BYTES);
    copy(entry->name, sizeof(entry->name), peer->document.name);
    changes_join(changes, entry->changes, sizeof(entry->changes));
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
    muster_pack_open_sample(&board->pack, sample, 0);
    while (muster_pack_next(&board->pack, &record) == 1) {
        take_record(board, sample, &record, topic, now_ms);
    }
    return true;
}
