/* SPDX-License-Identifier: MIT */
/* What one peer asks another on a stream: one line of JSON (PROTOCOL.md, "Streams"). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <muster/core.h>
#include <muster/telemetry.h>

#include "limit.h"
#include "name.h"

struct document_node;

enum request_kind {
    REQUEST_TABLE,    /* all rows */
    REQUEST_DOCUMENT, /* one that is too big for a datagram */
    REQUEST_WATCH,    /* all rows, then every event */
    REQUEST_STATS,    /* the counters */
    REQUEST_SELF,     /* who is asked, its sockets and counters */
    REQUEST_UPDATE,   /* change your own document */
    REQUEST_SAMPLES,  /* what was published, and what will be */
    REQUEST_PUBLISH,  /* publish this record */
};
#define REQUEST_KINDS 8

/* How the answer to a request ends. X(NAME, "name", "text for people") */
#define REQUEST_ENDS(X)                                                                       \
    X(DONE, "done", "all of it was said")                                                     \
    X(SYNTAX, "syntax", "that is not a line of JSON")                                         \
    X(TOO_LONG, "too_long", "a request of so many bytes is not read")                         \
    X(UNKNOWN, "unknown", "there is no such request")                                         \
    X(INVALID, "invalid", "a member is missing, of the wrong type or out of range")           \
    X(NOT_FOUND, "not_found", "there is no such thing here")                                  \
    X(FORBIDDEN, "forbidden", "only the user that this muster runs as, or root, may do that") \
    X(ELSEWHERE, "elsewhere", "this muster is on another port or other interfaces")           \
    X(TOO_BIG, "too_big", "the document, or the value, would be too big")                     \
    X(LEAVING, "leaving", "this muster is about to end")                                      \
    X(FULL, "full", "it publishes as many topics, or as much, as it can")                     \
    X(BUSY, "busy", "too many connections")                                                   \
    X(MEMORY, "memory", "out of memory")

enum request_end {
#define REQUEST_END_ENUM(NAME, name, text) REQUEST_END_##NAME,
    REQUEST_ENDS(REQUEST_END_ENUM)
#undef REQUEST_END_ENUM
};

/* As the wire writes them, and for people. */
extern const struct name_table request_end_names;
const char *request_end_text(enum request_end end);

struct request {
    enum request_kind kind;

    /* Where the asked node must be, else the answer is `elsewhere`. */
    uint16_t port;                 /* 0: any */
    const char *network;           /* see muster_core_options; NULL: any */
    const char *const *interfaces; /* exactly these, in any order; NULL: any */
    size_t interface_count;

    bool deflates; /* the answer may come deflated */

    const char *name; /* TABLE: of the rows, A to Z in either case; NULL: any */

    uint8_t id[MUSTER_ID_BYTES];     /* DOCUMENT: whose, */
    uint8_t hash[MUSTER_HASH_BYTES]; /* and which */
    struct muster_change change;     /* UPDATE */
    const char *topic;               /* PUBLISH */
    struct muster_record record;
    bool retains; /* the value is to outlive the node */

    /* SAMPLES */
    const char *const *patterns; /* 1..MUSTER_PATTERNS_MAX */
    size_t pattern_count;
    uint64_t since_ms; /* what was sent in this time too, at most MUSTER_SINCE_MS_MAX; 0: last values alone */
    bool follows;      /* and what will be */

    /* What the pointers above live in, after decoding. */
    struct document_node *tree;
    void *set_arrays;
    void *removed_arrays;
};

/* Writes the line, its LF included, into memory for free(). MUSTER_ENOMEM, MUSTER_ETOOBIG. */
int request_encode(const struct request *request, char **line, size_t *length);

/* Reads a line without its LF. REQUEST_END_DONE when it is a request, to be freed by request_deinit(); else
 * how the answer ends, and *member is the member at fault, or NULL; static storage. */
enum request_end request_decode(const char *line, size_t length, struct request *request,
                                const char **member);

/* A zeroed request is allowed. */
void request_deinit(struct request *request);
