/* SPDX-License-Identifier: MIT */
/* Which reading a message has: it is known by this wherever it goes, so that nobody takes it twice. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <muster/muster.h>

struct reading_ref {
    uint8_t peer[MUSTER_ID_BYTES]; /* its publisher, */
    uint64_t boot;                 /* since when, */
    unsigned shard;
    uint64_t seq;    /* the datagram there; 0: it is not known */
    unsigned record; /* and its place in that, from 0 */
};

#define READING_REF_TEXT_BYTES 96

/* Writes "PEER.BOOT.SHARD.SEQ.RECORD"; "" where the datagram is not known. Returns text. */
const char *reading_ref_text(const struct reading_ref *ref, char text[READING_REF_TEXT_BYTES]);

/* Reads that text of so many bytes. False, and a zeroed ref, for all else. */
bool reading_ref_parse(const char *text, size_t length, struct reading_ref *ref);
