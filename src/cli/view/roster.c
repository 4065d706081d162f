/* SPDX-License-Identifier: MIT */
#include "roster.h"

#include <stdlib.h>
#include <string.h>

#include "text.h"

bool roster_is_present(const struct muster_peer *peer) {
    return peer->state == MUSTER_ALIVE || peer->state == MUSTER_SUSPECT;
}

/* ---- sorting ---- */

int roster_compare(const void *row_a, const void *row_b) {
    const struct roster_row *a = row_a;
    const struct roster_row *b = row_b;
    int result = strcmp(a->peer->document.name, b->peer->document.name);
    return result != 0 ? result : memcmp(a->peer->id, b->peer->id, MUSTER_ID_BYTES);
}

struct order {
    int (*compare)(const struct muster_peer *a, const struct muster_peer *b);
    bool descending;
};

static int compare_in_order(const void *left, const void *right, void *context) {
    const struct order *order = context;
    const int result =
        order->compare(((const struct roster_row *)left)->peer, ((const struct roster_row *)right)->peer);
    if (result == 0) {
        return roster_compare(left, right);
    }
    return order->descending ? -result : result;
}

void roster_sort(struct roster *roster,
                 int (*compare)(const struct muster_peer *a, const struct muster_peer *b), bool descending) {
    struct order order = {.compare = compare, .descending = descending};
    if (roster->count > 0) {
        qsort_r(roster->rows, roster->count, sizeof(*roster->rows), compare_in_order, &order);
    }
}

/* ---- labels ---- */

/* Digits that tell two different ids apart. */
static unsigned digits_apart(const struct muster_peer *a, const struct muster_peer *b) {
    unsigned bytes = 0;
    while (bytes < MUSTER_ID_BYTES - 1 && a->id[bytes] == b->id[bytes]) {
        bytes++;
    }
    return 2 * (bytes + 1) > TEXT_LABEL_DIGITS ? 2 * (bytes + 1) : TEXT_LABEL_DIGITS;
}

/* Neighbours of one name in the sorted rows show as much of their ids as tells them apart. */
static void label_rows(struct roster *roster) {
    for (size_t i = 0; i + 1 < roster->count; i++) {
        struct roster_row *row = &roster->rows[i];
        if (strcmp(row->peer->document.name, row[1].peer->document.name) != 0) {
            continue;
        }
        unsigned digits = digits_apart(row->peer, row[1].peer);
        if (row->id_digits < digits) {
            row->id_digits = digits;
        }
        row[1].id_digits = digits;
    }
}

int roster_init(struct roster *roster, const struct muster_peer_list *list) {
    *roster = (struct roster){0};
    if (list->count == 0) {
        return 0;
    }
    roster->rows = calloc(list->count, sizeof(*roster->rows));
    if (roster->rows == NULL) {
        return -1;
    }
    roster->count = list->count;
    for (size_t i = 0; i < list->count; i++) {
        roster->rows[i].peer = &list->peers[i];
    }
    qsort(roster->rows, roster->count, sizeof(*roster->rows), roster_compare);
    label_rows(roster);
    return 0;
}

void roster_deinit(struct roster *roster) {
    free(roster->rows);
    *roster = (struct roster){0};
}

const struct roster_row *roster_find(const struct roster *roster, const uint8_t *id) {
    for (size_t i = 0; i < roster->count; i++) {
        if (memcmp(roster->rows[i].peer->id, id, MUSTER_ID_BYTES) == 0) {
            return &roster->rows[i];
        }
    }
    return NULL;
}

void roster_keep(struct roster *roster, bool (*keep)(const struct muster_peer *peer, const void *context),
                 const void *context) {
    size_t kept = 0;
    for (size_t i = 0; i < roster->count; i++) {
        if (keep(roster->rows[i].peer, context)) {
            roster->rows[kept++] = roster->rows[i];
        }
    }
    roster->count = kept;
}

struct text_label roster_label(const struct roster_row *row) {
    return text_label(row->peer->document.name, row->peer->id, row->id_digits);
}
