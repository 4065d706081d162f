/* SPDX-License-Identifier: MIT */
/* A snapshot of peers put in order to be shown, with labels that tell peers of one name apart. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <muster/core.h>

#include "text.h"

struct roster_row {
    const struct muster_peer *peer;
    unsigned id_digits; /* of its id, behind the name; 0 where no other peer has that name */
};

struct roster {
    struct roster_row *rows;
    size_t count;
};

/* True of who is alive or suspect, and not lost or gone. */
bool roster_is_present(const struct muster_peer *peer);

/* Takes in all peers, which must outlive the roster, sorted by name and id. -1 when memory is out. */
int roster_init(struct roster *roster, const struct muster_peer_list *list);

/* A zeroed roster is allowed. */
void roster_deinit(struct roster *roster);

/* The row of a peer, NULL when it has none. */
const struct roster_row *roster_find(const struct roster *roster, const uint8_t *id);

/* Compares rows by name and id, for qsort(). */
int roster_compare(const void *row_a, const void *row_b);

/* Drops the rows that `keep` says false to. */
void roster_keep(struct roster *roster, bool (*keep)(const struct muster_peer *peer, const void *context),
                 const void *context);

/* Sorts by `compare`, and rows that compare equal by name and id. */
void roster_sort(struct roster *roster,
                 int (*compare)(const struct muster_peer *a, const struct muster_peer *b), bool descending);

/* "printer", or "printer (3fa9c1)" where another peer has that name. */
struct text_label roster_label(const struct roster_row *row);
