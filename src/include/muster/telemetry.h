/* SPDX-License-Identifier: MIT */
/* Readings: records, the SenML packs (RFC 8428) they travel in, and what the core does with them.
 *
 * A publisher has topics ("kitchen/climate"); a record's full name is the topic, or the topic, "/" and the
 * name of the record ("kitchen/climate/temperature"). Full names consist of the characters that RFC 8428,
 * 4.5.1 allows, A-Z a-z 0-9 - : . / _, and begin with a letter or digit. Those that muster publishes have no
 * empty level; those of others may ("http://host/sensor").
 *
 * Subscriptions are MQTT's topic filters (MQTT 5.0, 4.7) over full names: "+" stands for one level, "#" at
 * the end for any number of them, none included. */
#ifndef MUSTER_TELEMETRY_H
#define MUSTER_TELEMETRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <muster/core.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MUSTER_PATTERN_BYTES_MAX 255

/* Octets of data, or bytes of text, that a record to be published may have at most. One that fits no datagram
 * goes by stream to those who subscribe to it (PROTOCOL.md, 13.9): the node keeps the last 16 MiB of them. A
 * text with so many escapes that it takes more than 1.5 MB in JSON is too long, too. */
#define MUSTER_LARGE_BYTES_MAX 1048576
#define MUSTER_FULL_NAME_BYTES_MAX (MUSTER_TOPIC_BYTES_MAX + 1 + MUSTER_NAME_BYTES_MAX)

/* ---- records ---- */

enum muster_value_kind {
    MUSTER_VALUE_NONE, /* only a sum */
    MUSTER_VALUE_NUMBER,
    MUSTER_VALUE_TEXT,
    MUSTER_VALUE_BOOLEAN,
    MUSTER_VALUE_DATA, /* octets, in the text: base64 with the URL safe alphabet, no padding (RFC 8428, 4.3)
                        */
};

/* One reading. Texts are NUL-terminated UTF-8. */
struct muster_record {
    const char
        *name; /* read: the full name; to be published: below the topic, NULL or "" for the topic itself */
    const char *unit; /* of RFC 8428, 12.1 and RFC 8798; "" or NULL: none */
    enum muster_value_kind kind;
    double number;      /* NUMBER, finite */
    const char *text;   /* TEXT, DATA */
    size_t text_length; /* read: its bytes; to be published: 0, or its bytes where it ends by no NUL */
    bool boolean;       /* BOOLEAN */
    bool has_sum;
    double sum;      /* of the values over time (RFC 8428, 4.3), finite */
    double time_s;   /* read: since 1970, absolute; to be published: likewise, 0: now */
    double update_s; /* the next reading follows within so long; 0: not said */
};

/* SenML takes times below the first for relative ones (RFC 8428, 4.5.3). Both are seconds since 1970, in 1978
 * and in 2242; what lies between them can be published. */
#define MUSTER_TIME_S_MIN 268435456
#define MUSTER_TIME_S_MAX 8589934592

/* Why a record can't be published, for people; NULL when it can. Static storage. */
MUSTER_API const char *muster_record_fault(const struct muster_record *record);

/* Why a text is no topic, or no pattern, for people; NULL when it is one. Static storage. */
MUSTER_API const char *muster_topic_fault(const char *topic);
MUSTER_API const char *muster_pattern_fault(const char *pattern);

/* True when a full name matches a pattern; and when some full name below a topic, or the topic itself, could.
 */
MUSTER_API bool muster_pattern_matches(const char *pattern, const char *full_name);
MUSTER_API bool muster_pattern_touches(const char *pattern, const char *topic);

/* The shard of a topic: FNV-1a of its bytes (32 bits), modulo 16. */
MUSTER_API unsigned muster_topic_shard(const char *topic);

/* True for a unit of IANA's SenML registries (RFC 8428, 12.1; secondary units: RFC 8798). */
MUSTER_API bool muster_unit_is_known(const char *unit);

/* ---- packs ---- */

/* Reads a SenML pack, or one record alone, record by record; names, times, values and units are resolved
 * (RFC 8428, 4.6). Bases stay for the records behind them; a base value is added to numbers, and is the
 * number of a record that has neither a value nor a sum (4.5.4). A record of base members alone is none
 * (5.1.7). The members are not for the caller. */
struct muster_pack {
    const char *begin;
    const char *next;
    const char *end;
    double now_s;
    const char *fault;
    unsigned state;
    double version; /* 0: not known yet */
    double base_time_s;
    double base_value;
    double base_sum;
    bool has_base_value;
    bool has_base_sum;
    size_t base_name_length;
    size_t given_length;
    char given[MUSTER_FULL_NAME_BYTES_MAX + 1]; /* by muster_pack_base(), without an end */
    char name[MUSTER_FULL_NAME_BYTES_MAX + 1];  /* the base name, the record's behind it */
    char base_unit[MUSTER_NAME_BYTES_MAX + 1];
    char unit[MUSTER_NAME_BYTES_MAX + 1];
    char text[MUSTER_DATAGRAM_BYTES_MAX + 1]; /* of a value, without its escapes, */
    char *room;                               /* or here, of one that is longer */
    size_t room_size;
};

/* Begins to read length bytes, which are borrowed until the last record was read. now_s, seconds since 1970,
 * is what relative times count from. */
MUSTER_API void muster_pack_open(struct muster_pack *pack, const char *bytes, size_t length, double now_s);

/* Texts of values that are longer than MUSTER_DATAGRAM_BYTES_MAX go here, size bytes with their NUL; borrowed
 * as long as the pack is read. Without it they are a fault. Allowed before the first muster_pack_next(). */
MUSTER_API void muster_pack_room(struct muster_pack *pack, char *room, size_t size);

/* Goes on with the next record, or records in an array, of a stream that arrives over time (SensML, RFC 8428,
 * 4.8): the bases and the version of what was read before hold. The rest is as in muster_pack_open(), which
 * began it; now_s is when these bytes were sent. Behind a fault, the bases are those before its record, or
 * its own. */
MUSTER_API void muster_pack_more(struct muster_pack *pack, const char *bytes, size_t length, double now_s);

/* Names count from this one, of at most MUSTER_FULL_NAME_BYTES_MAX bytes, until the pack has a base name of
 * its own: "kitchen/climate/" for readings of that topic that were named without it. Names and base names
 * that begin with a slash, as LwM2M has them ("/3303/0/5700"), are always below it; without it they are a
 * fault, as they are in packs of RFC 8428 (4.5.1). Allowed before the first muster_pack_next(); copied.
 * MUSTER_EINVAL when it is too long, or holds what names don't have. */
MUSTER_API int muster_pack_base(struct muster_pack *pack, const char *name);

/* The next record: 1 with *record, which points into *pack, or to its room, until the next call; 0 behind the
 * last one; MUSTER_EINVAL when what follows is no SenML: then it stays there. */
MUSTER_API int muster_pack_next(struct muster_pack *pack, struct muster_record *record);

/* What was wrong, for people, and the offset of the byte at which it showed (offset may be NULL); NULL when
 * nothing was, and then *offset is untouched. Static storage. */
MUSTER_API const char *muster_pack_fault(const struct muster_pack *pack, size_t *offset);

/* Writes a record as one SenML object, resolved, its members in the order n, u, v|vs|vb|vd, s, t, ut. At most
 * size bytes; returns the length, without NUL, or MUSTER_ETOOBIG, or MUSTER_EINVAL for a number that is not
 * finite, and for a record that says nothing. name is written in the place of record->name unless it is NULL.
 * A text must be UTF-8. */
MUSTER_API int muster_record_print(const struct muster_record *record, const char *name, char *text,
                                   size_t size);

/* ---- samples: what a subscriber gets ---- */

enum muster_sample_kind {
    MUSTER_SAMPLE_LIVE,     /* as it was sent */
    MUSTER_SAMPLE_REPAIRED, /* sent again, because somebody missed it */
    MUSTER_SAMPLE_LAST,     /* what was known before: last values, or a history that was asked for */
    MUSTER_SAMPLE_STREAM,   /* live, by a stream: multicast does not come through */
};

/* "live", "repaired", "last" or "stream". Static storage. */
MUSTER_API const char *muster_sample_kind_name(enum muster_sample_kind kind);

/* One body. All pointers are borrowed for the call that gave it. */
struct muster_sample {
    enum muster_sample_kind kind;
    const uint8_t *id; /* MUSTER_ID_BYTES, of the publisher */
    uint64_t boot;
    const char *topic;
    const char *origin; /* where the publisher brought it from; "": it is its own. Who carries readings on
                           gives the topic an origin, and carries on none that has one */
    const char *name;   /* of the publisher, as another peer that keeps this knew it; "": its row says it */
    unsigned shard;
    uint64_t seq; /* of the shard; 0: LAST, values that were put together for this answer */
    bool is_late; /* a later one of its topic was delivered before, to who wants the newest; who wants order
                     is never late; LAST: something live of this topic was delivered before */
    uint64_t
        age_ms; /* LAST: since it was published, of several values the newest; what says no time was then */
    const char *body; /* a SenML pack, not looked at yet: muster_pack_open() */
    size_t length; /* of a value that went by stream more than MUSTER_DATAGRAM_BYTES_MAX, up to some 1.5 MB */
    char *room;    /* for muster_pack_room(): as much as a text of the body may take; NULL where all fit */
    size_t room_size;
};

/* Begins to read a sample: muster_pack_open() of its body, with its room. */
MUSTER_API void muster_pack_open_sample(struct muster_pack *pack, const struct muster_sample *sample,
                                        double now_s);

/* Datagrams of one publisher in one shard that will not come, or one whose value will not. */
enum muster_loss_reason {
    MUSTER_LOSS_WIRE,    /* asked for, and not repaired in time */
    MUSTER_LOSS_GONE,    /* the publisher keeps them no longer */
    MUSTER_LOSS_KERNEL,  /* like WIRE, and most likely it was this machine's kernel that dropped them: it did
                            at that  time */
    MUSTER_LOSS_PROGRAM, /* they came, and this program had no room or time */
    MUSTER_LOSS_STREAM,  /* it came, and its value, which goes by stream, could not be fetched */
};
#define MUSTER_LOSS_REASONS 5

/* "wire", "gone", "kernel", "program" or "stream". Static storage. */
MUSTER_API const char *muster_loss_reason_name(enum muster_loss_reason reason);

struct muster_loss {
    const uint8_t *id; /* MUSTER_ID_BYTES, borrowed for the call */
    uint64_t boot;
    unsigned shard;
    uint64_t first; /* numbers of datagrams; both 0: it is a last value */
    uint64_t last;
    enum muster_loss_reason reason;
};

struct muster_subscription_options {
    size_t size;                 /* of this struct; see muster_core_options */
    const char *const *patterns; /* copied */
    size_t pattern_count;        /* 1..MUSTER_PATTERNS_MAX */
    bool newest;       /* deliver at once, in whatever order they come; else in the publisher's order */
    bool without_last; /* don't ask for last values */
    uint64_t since_ms; /* ask for what was sent in this time before; 0: for last values alone */
};
#define MUSTER_PATTERNS_MAX 64
#define MUSTER_SUBSCRIPTIONS_MAX 64 /* of one node */

/* ---- the core ---- */

/* Opens a topic: it is announced with its units from now on, and *number is what the other calls know it by.
 * All of it is copied. MUSTER_EINVAL (an observer; a name that is no topic, or open already), MUSTER_EFULL,
 * MUSTER_ETOOBIG (the document would be), MUSTER_ENOMEM, MUSTER_ECLOSING. */
MUSTER_API int muster_core_topic_open(muster_core_t *core, const struct muster_topic *topic,
                                      unsigned *number);

/* Flushes and closes it; it is announced no more. */
MUSTER_API void muster_core_topic_close(muster_core_t *core, unsigned number);

/* Adds a record to the topic's pack, which is sealed when it is full, or linger_ms after its first record.
 * wall_s is its time where it has none. A record that fits no datagram goes by stream
 * (MUSTER_LARGE_BYTES_MAX), alone, behind what is in the pack. MUSTER_EINVAL (muster_record_fault() says
 * why), MUSTER_ETOOBIG (it is larger than that, or a reference to it fits no datagram of this network),
 * MUSTER_EAGAIN (too much waits to be sent: try again when muster_core_is_writable() says so), MUSTER_ENOMEM;
 * then nothing was added. */
MUSTER_API int muster_core_topic_add(muster_core_t *core, unsigned number, const struct muster_record *record,
                                     uint64_t now_ms, double wall_s);

/* Seals the pack as it is. */
MUSTER_API void muster_core_topic_flush(muster_core_t *core, unsigned number);

/* True when less than half of what may wait to be sent does, after a call that ended with MUSTER_EAGAIN; only
 * once for each such time. */
MUSTER_API bool muster_core_is_writable(muster_core_t *core);

/* True when so much waits to be sent that more would not make the batch larger: pull now. */
MUSTER_API bool muster_core_has_batch(const muster_core_t *core);

MUSTER_API const struct muster_sender *muster_core_sender(const muster_core_t *core);

/* Datagrams of telemetry that were taken and not handed out yet: they wait for the rate, or for a path. The
 * pack of a topic, which is not sealed, counts as one. */
MUSTER_API uint64_t muster_core_unsent(const muster_core_t *core);

/* Values that went by stream and are being given to who fetches them, each for each of those. */
MUSTER_API uint64_t muster_core_values_given(const muster_core_t *core);

/* Subscribes; *number, below MUSTER_SUBSCRIPTIONS_MAX, is what samples are marked by. MUSTER_EINVAL,
 * MUSTER_EFULL, MUSTER_ENOMEM, MUSTER_ECLOSING. */
MUSTER_API int muster_core_subscribe(muster_core_t *core, const struct muster_subscription_options *options,
                                     unsigned *number);
MUSTER_API void muster_core_unsubscribe(muster_core_t *core, unsigned number);

/* What a datagram event of telemetry brought about, and what waited for it. */
enum muster_arrival_kind { MUSTER_ARRIVAL_SAMPLE, MUSTER_ARRIVAL_LOSS };

struct muster_arrival {
    enum muster_arrival_kind kind;
    uint64_t subscriptions;      /* bit 1 << number for each that it is for */
    struct muster_sample sample; /* is_late (but of LAST) is for those of them alone that want the newest */
    struct muster_loss loss;
};

/* Pulls the next arrival; false when there is none. It is borrowed until the next call of this or the next
 * datagram or stream event, and samples may point into the bytes of the last datagram event: these stay valid
 * until this said false. What was not pulled by the next telemetry datagram is lost to this program, and
 * counted so. */
MUSTER_API bool muster_core_next_arrival(muster_core_t *core, struct muster_arrival *arrival);

/* What a node keeps for others (muster_core_options.caches), and what it publishes for other programs and is
 * to retain (muster_local_retain()), as bytes that outlive it: parts of an answer to `samples` (PROTOCOL.md,
 * section 12). The caller frees *bytes; NULL where nothing is kept. MUSTER_ENOMEM. */
MUSTER_API int muster_core_cached_save(muster_core_t *core, uint8_t **bytes, size_t *length);

/* Keeps them again, as far as its patterns match, and opens the topics of what is to be retained: they were
 * saved age_ms ago. What is newer stays.
 * MUSTER_EINVAL where they are damaged, MUSTER_ENOMEM; what stands before that is kept. */
MUSTER_API int muster_core_cached_load(muster_core_t *core, const uint8_t *bytes, size_t length,
                                       uint64_t age_ms);

/* Grow with each value that is kept, and with each that is to be retained or no longer. */
MUSTER_API uint64_t muster_core_cached_changes(const muster_core_t *core);
MUSTER_API uint64_t muster_core_retained_changes(const muster_core_t *core);

/* Copies what is known of all feeds, at most feeds_max; returns how many there are. */
MUSTER_API size_t muster_core_feeds(const muster_core_t *core, struct muster_feed *feeds, size_t feeds_max);

#ifdef __cplusplus
}
#endif
#endif
