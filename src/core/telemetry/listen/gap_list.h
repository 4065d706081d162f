/* SPDX-License-Identifier: MIT */
/* What is missing of a feed: gaps in the order of their seqs, each with when it is to be asked for. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <muster/telemetry.h>

#include "random.h"

struct signal_range;

/* Datagrams in a row that are missing. */
struct gap {
    uint64_t first;
    uint64_t last;
    uint64_t since_ms;
    uint64_t due_ms;                /* to ask for them; later they are asked for again */
    uint64_t own_ms;                /* others' naks put that off until then at most */
    bool is_asked;                  /* by anybody */
    bool is_kernel;                 /* our own kernel is likely to have dropped them */
    bool is_left_out;               /* a stream left them out: they are of topics that are not wanted */
    bool is_lost;                   /* nobody waits for them any more, */
    enum muster_loss_reason reason; /* for this reason */
};

/* Zeroed: empty. */
struct gap_list {
    struct gap *items;
    size_t count; /* at most MUSTER_GAPS_MAX */
    size_t capacity;
    uint64_t asks_ms; /* the earliest moment at which one of them wants something, or earlier than that */
};

/* What gaps are judged by when they show. */
struct gap_moment {
    uint64_t now_ms;
    struct random *random;
    size_t listeners; /* who may ask too, at most */
    bool is_kernel_dropping;
};

void gap_list_deinit(struct gap_list *gaps);

/* The place of the first gap that ends at or behind seq. */
size_t gap_list_find(const struct gap_list *gaps, uint64_t seq);

/* A gap more, at this place, where there are fewer than count_max. False when there are as many, or without
 * memory; so do all that follow. */
bool gap_list_insert(struct gap_list *gaps, size_t at, const struct gap *gap, size_t count_max);

/* [first, last], behind all others, is missing from now on. */
bool gap_list_append(struct gap_list *gaps, uint64_t first, uint64_t last, const struct gap_moment *moment);

/* Makes two of one, the second of which begins at seq. */
bool gap_list_split(struct gap_list *gaps, size_t at, uint64_t seq, size_t count_max);

/* The part of a gap that a range covers becomes a gap of its own, as far as there is room. Returns its place.
 */
size_t gap_list_isolate(struct gap_list *gaps, size_t at, const struct signal_range *range, size_t count_max);

/* The datagram of a gap came. */
bool gap_list_fill(struct gap_list *gaps, size_t at, uint64_t seq);

void gap_list_remove(struct gap_list *gaps, size_t at);

/* What is missing is asked for as if that had shown now. */
void gap_list_restart(struct gap_list *gaps, const struct gap_moment *moment);

/* Another listener asked for these, so we wait for what comes of it. */
void gap_list_suppress(struct gap_list *gaps, const struct signal_range *range,
                       const struct gap_moment *moment);

/* What is to be asked for now: at most ranges_max ranges; returns how many. */
size_t gap_list_ask(struct gap_list *gaps, struct signal_range *ranges, size_t ranges_max,
                    const struct gap_moment *moment);

/* The back-off of RFC 5401, 4.2, for a group of so many listeners: 0..MUSTER_NAK_T_MS. */
uint64_t gap_backoff_ms(struct random *random, size_t listeners);
