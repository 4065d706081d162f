/* SPDX-License-Identifier: MIT */
/* The answer to a request: lines of JSON, some of them followed by lines that are passed on as they came,
 * until an end line (PROTOCOL.md, "Streams"). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <muster/core.h>

#include "buffer.h"
#include "limit.h"
#include "message.h"
#include "request.h"

struct document_node;
struct inflater;

/* ---- reading ---- */

enum reply_kind {
    REPLY_PEER,
    REPLY_UNREADABLE, /* a row whose announce says nothing here: of a later version, or none at all */
    REPLY_DOCUMENT,
    REPLY_STATS,
    REPLY_SELF,
    REPLY_SAMPLE,
    REPLY_END,
};

/* What was published: a body, and whose it is. */
struct reply_sample {
    const uint8_t *id; /* of the publisher, whoever passes it on */
    uint64_t boot;
    const char *topic;
    const char *origin; /* of the topic; "": it is the publisher's own */
    const char *name;   /* of the publisher, as who keeps this knew it; "" or NULL: not said */
    uint64_t
        seq; /* of the datagram that brought it, in its shard; 0: last values, as they were put together */
    uint64_t passed; /* datagrams of the shard right before it that are of topics not asked for */
    uint64_t until;  /* of last values: seq of the last datagram of the shard that they cover; 0: not said */
    uint64_t age_ms; /* since it was published; of several values the newest */
    const uint8_t *body; /* a SenML pack, without LF */
    size_t body_length;
};

/* One part of an answer. All pointers are borrowed from the reader until it reads on. */
struct reply {
    enum reply_kind kind;

    /* PEER and SELF: the row as the other side has it, and the bytes that it was made of. */
    struct muster_peer peer;
    bool has_event;
    enum muster_peer_event event;   /* of a watch */
    const struct message *announce; /* decoded; whether its signature holds is for the caller to check */
    const uint8_t *announce_bytes;  /* one line, or two with a signature */
    size_t announce_length;
    const uint8_t *body; /* of a document too big for the announce; NULL: none came */
    size_t body_length;

    uint8_t id[MUSTER_ID_BYTES];     /* DOCUMENT: whose; its body is set too */
    struct muster_self self;         /* SELF; self.peer is set too */
    struct muster_counters counters; /* STATS */
    struct reply_sample sample;      /* SAMPLE; whether its body is a pack is for the caller to check */

    enum request_end end; /* END */
    uint64_t count;       /* END: parts before it */
    const char *text;     /* END: for people, or NULL */
    const char *member;   /* END: of the request, that is at fault; NULL: none */
};

/* What the lists of a part live in. */
struct reply_lists {
    void *items[5]; /* tuples, paths, sockets, feeds and figures */
    size_t count;
};

/* Cuts bytes into parts, deflated or not. */
struct reply_reader {
    struct buffer buffer;
    struct inflater *inflater; /* NULL: none was needed so far */
    bool is_deflated;          /* what comes now */
    struct buffer deflated;    /* of it, what waits to be made clear */
    size_t begin;              /* of the part that is being read */
    size_t part_bytes_max;     /* what is longer is no answer to us */

    /* The part that is being read, or was read last. */
    struct document_node *head;
    size_t head_length; /* of its own line, LF included */
    size_t lines;       /* that follow it */
    size_t length;      /* of all of it, once it is whole */
    struct message announce;
    struct buffer whole; /* the announce of a short row, with what it lacked */
    struct reply_lists lists;
    enum muster_drop reason; /* why it can't be read */
};

void reply_reader_init(struct reply_reader *reader, size_t part_bytes_max);
void reply_reader_deinit(struct reply_reader *reader);

/* Takes bytes over into the reader; what replies point to is gone then. MUSTER_ENOMEM. */
int reply_reader_feed(struct reply_reader *reader, const uint8_t *bytes, size_t length);

/* The next whole part: 1 with *reply, 0 when more bytes are needed. MUSTER_ENOMEM, and MUSTER_EINVAL for what
 * is no answer or longer than it may be: then nothing after it can be read either. */
int reply_reader_next(struct reply_reader *reader, struct reply *reply);

/* ---- writing: each appends a whole part to out, or nothing; MUSTER_ENOMEM ---- */

/* What is passed on as it came. */
struct reply_lines {
    const uint8_t *announce; /* with its signature line, if there is one */
    size_t announce_length;
    size_t gap_at; /* of the announce these bytes are left out: the first, */
    size_t gap_length;
    const uint8_t *body; /* of a large document; NULL: none */
    size_t body_length;
};

enum reply_row {
    REPLY_ROW_SHORT,         /* without what the announce tells, and its key */
    REPLY_ROW_WHOLE,         /* as everybody reads it */
    REPLY_ROW_WITH_EVIDENCE, /* for who is of this machine */
};

/* A row, with the name of what happened to it, if event is not NULL. */
int reply_write_peer(struct buffer *out, const char *event, const struct muster_peer *peer,
                     const struct reply_lines *lines, enum reply_row row);
int reply_write_document(struct buffer *out, const uint8_t id[MUSTER_ID_BYTES],
                         const struct reply_lines *lines);

/* The line of a part whose one line is written behind it by the caller. */
int reply_write_value_head(struct buffer *out, const uint8_t id[MUSTER_ID_BYTES],
                           const uint8_t hash[MUSTER_HASH_BYTES]);
int reply_write_stats(struct buffer *out, const struct muster_counters *counters);
int reply_write_self(struct buffer *out, const struct muster_self *self, const struct reply_lines *lines);

/* The topic is one by muster_topic_fault(). */
int reply_write_sample(struct buffer *out, const struct reply_sample *sample);

/* member: of the request, that is at fault; NULL: none. */
int reply_write_end(struct buffer *out, enum request_end end, uint64_t count, const char *member);

/* That what follows is deflated, until the end of that stream. */
int reply_write_deflate(struct buffer *out);
