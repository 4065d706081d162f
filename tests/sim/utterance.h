/* SPDX-License-Identifier: MIT */
/* The messages of speakers: signed lines of JSON. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <muster/core.h>

struct utterance {
    char text[MUSTER_DATAGRAM_BYTES_MAX + 1];
    size_t length;
};

struct utterance_parts {
    const char *kind;
    const uint8_t *id;
    uint64_t boot;
    uint64_t seq;   /* 0: none */
    const char *re; /* nonce of the question that it answers, or NULL */
    uint64_t rev;
    uint64_t next_ms;
    uint64_t peers;
    size_t number;   /* of the speaker, for its name */
    uint16_t stream; /* the port at which it gives a table; 0: nowhere */
    const uint8_t *key;
};

void utterance_make(struct utterance *utterance, const struct utterance_parts *parts);

/* Appends to a line that was made otherwise, and signs it. */
__attribute__((format(printf, 2, 3))) void utterance_append(struct utterance *utterance, const char *format,
                                                            ...);
void utterance_sign(struct utterance *utterance, const uint8_t key[MUSTER_KEY_BYTES]);
