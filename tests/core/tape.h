/* SPDX-License-Identifier: MIT */
/* What one node of the world says, recorded as a stranger on the segment would: looked at, or said again. */
#pragma once

#include "world.h"

#define TAPE_MAX 1024

/* A datagram and its copies by other paths. */
struct utterance {
    uint64_t at_ms; /* since the tape began */
    unsigned paths; /* bit 1 << kind */
    struct muster_datagram datagram;
    char text[MUSTER_DATAGRAM_BYTES_MAX + 1]; /* its bytes, and a NUL */
};

/* Forgets all that was recorded, and records this node from now on. Takes world.on_sent. */
void tape_begin(size_t node);

/* Records nothing more. */
void tape_stop(void);

/* The n-th utterance of a kind ("alive"; NULL: of any), from 0; NULL when there were fewer. */
const struct utterance *tape_said(const char *kind, size_t n);
const struct utterance *tape_last(const char *kind);
size_t tape_count(const char *kind);

/* The kind was said at these times and no others; ends with a negative one. */
void tape_check_times(const char *kind, const int *expected_ms);
#define TAPE_CHECK_TIMES(kind, ...) tape_check_times(kind, (const int[]){__VA_ARGS__, -1})

/* All utterances of a kind go to a node once more, from 10.0.0.source; 0: from where they came. */
void tape_play(const char *kind, size_t to, uint8_t source);

/* A member of an utterance, 0 or "" when there is none; and the number of a shard in `sent`. */
uint64_t said_number(const struct utterance *utterance, const char *member);
const char *said_text(const struct utterance *utterance, const char *member); /* static storage */
uint64_t said_sent(const struct utterance *utterance, unsigned shard);

/* True when it has such a member; how many texts a list has. */
bool said_has(const struct utterance *utterance, const char *member);
size_t said_count(const struct utterance *utterance, const char *member);
