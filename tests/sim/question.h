/* SPDX-License-Identifier: MIT */
/* A query as a speaker reads it: enough to answer, of what real cores write. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <muster/core.h>

struct packet;

#define QUESTION_NONCE_BYTES 17 /* with a NUL */
#define QUESTION_IDS_MAX 35

struct question {
    char nonce[QUESTION_NONCE_BYTES];
    bool has_want;
    bool has_conditions; /* it wants a type or a name */
    bool has_table;
    uint8_t named[QUESTION_IDS_MAX][MUSTER_ID_BYTES]; /* who is asked; none: everybody */
    size_t named_count;
    uint8_t known[QUESTION_IDS_MAX][MUSTER_ID_BYTES]; /* who need not answer */
    size_t known_count;
};

/* False for anything but a query. */
bool question_read(const struct packet *packet, struct question *question);

/* The nonce of any message; false when it has none. */
bool question_read_nonce(const struct packet *packet, char nonce[QUESTION_NONCE_BYTES]);

/* The id of this index among those that are asked. */
bool question_named(const struct question *question, size_t index, uint8_t id[MUSTER_ID_BYTES]);

bool question_is_for(const struct question *question, const uint8_t id[MUSTER_ID_BYTES]);
bool question_knows(const struct question *question, const uint8_t id[MUSTER_ID_BYTES]);
