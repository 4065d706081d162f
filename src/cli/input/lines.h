/* SPDX-License-Identifier: MIT */
/* Bytes in, lines out, each of a bounded length. It does no I/O. A byte order mark before the first line, as
 * some editors put it there, is no part of it.
 *
 * Where packs may be printed over several lines, all of a pack is one line, its LFs included: a line that
 * begins with `{` or with `[` and no word goes on until its brackets are closed, or until a line that can't
 * be a part of it: one that begins with none of {}[],:"
 *
 * An array that is a stream (SensML, RFC 8428, 4.8) may never end. Where arrays are split, one that is too
 * long, or is not closed when the input or the caller's patience ends, is taken record by record, as they
 * come: the first one is a line, all others are the records behind it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Of one line, its LF not counted. */
#define LINES_BYTES_MAX 65536

/* Zeroed: nothing came yet. All members but the first two are not for the caller. */
struct lines {
    bool joins_packs;
    bool splits_arrays;
    char bytes[2 * LINES_BYTES_MAX];
    size_t begin; /* of what was not taken yet */
    size_t end;
    uint64_t number;      /* of the line that was taken last */
    uint64_t next_number; /* of the one behind it, from 0 */
    bool skips;           /* what is left of a line that is too long */
    bool skips_pack;      /* and that line is a pack */
    bool is_split;        /* the array that is not closed is not waited for */
    bool in_array;        /* and what was taken last is a record of one */
    bool begun;           /* the first line, behind a byte order mark */
    bool ended;
};

enum lines_result {
    LINES_NONE, /* none is whole yet; behind lines_end(): none is left */
    LINES_ONE,
    LINES_RECORD,   /* one more of an array, without its commas and brackets */
    LINES_TOO_LONG, /* one was, and is passed over */
};

/* Where the next bytes go, and how many of them may come: at least one after LINES_NONE. */
char *lines_room(struct lines *lines, size_t *size);

/* So many came there. */
void lines_filled(struct lines *lines, size_t length);

/* Nothing more comes: what is there without a LF is a line, too. */
void lines_end(struct lines *lines);

/* Takes the next line, without its LF; it is borrowed until the next lines_room(). */
enum lines_result lines_next(struct lines *lines, const char **line, size_t *length);

/* The number of the line that was taken last, from 1; those that were too long count. A pack has that of its
 * first line. */
uint64_t lines_number(const struct lines *lines);

/* True when the line that was taken last is a record of an array: the line goes on behind it. */
bool lines_are_records(const struct lines *lines);

/* True while nothing but an array that is not closed is there, and a record of it is whole. */
bool lines_wait_for_array(const struct lines *lines);

/* That array is waited for no more: lines_next() gives its records. */
void lines_split_array(struct lines *lines);

/* Looks at what lines_next() would give from here on, one line a call, and takes nothing. *ahead is 0 at
 * first and not for the caller. LINES_NONE behind the last one that is whole and not too long. */
enum lines_result lines_peek(const struct lines *lines, size_t *ahead, const char **line, size_t *length);
