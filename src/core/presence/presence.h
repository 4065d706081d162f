/* This node's own presence: its document, and when it says announce, alive and bye. */
#ifndef CORE_PRESENCE_H
#define CORE_PRESENCE_H

#include <stdbool.h>
#include <stdint.h>

#include "message.h"

struct muster_core;

enum presence_state { PRESENCE_SILENT, PRESENCE_SPEAKING, PRESENCE_LEAVING, PRESENCE_LEFT };

struct presence {
    enum presence_state state;
    struct message own;        /* an announce, decoded from what we would send: the document lives in it, and
                                  `sent` of the shards that there is room for */
    size_t announce_bytes_max; /* longest announce that this document can make */
    uint8_t *body;             /* its lists, where they are too long for an announce; else NULL */
    size_t body_length;
    uint64_t seq; /* last one used */
    uint64_t rev;
    bool has_news; /* the document changed between two steps: it is announced with the next one */

    uint64_t announced_ms;                  /* the last announce was sent to the group */
    uint64_t copies_ms[MUSTER_COPIES];      /* when announces are due; UINT64_MAX: not */
    uint64_t repeats_ms[MUSTER_COPIES - 1]; /* when a sleeper repeats its alive; UINT64_MAX: not */
    uint64_t alive_ms;                      /* when the next alive is due */
    uint64_t promised_ms;                   /* when it must have been said */
    uint64_t spoke_ms;                      /* when the last one was said */
    double stretch;                         /* the random part of the present interval, 0.75 to 1.25 */
    size_t alive_bytes;                     /* of the last alive sent */

    unsigned byes_left;
    uint64_t bye_ms;
};

/* Sets the node's document; its topics stay. MUSTER_EINVAL, MUSTER_ETOOBIG, MUSTER_ENOMEM; then nothing
 * changed. */
int presence_set_document(struct muster_core *core, const struct muster_document *document);

/* Replaces the node's document and announces it, unless that says what is announced already. Errors as above.
 */
int presence_change_document(struct muster_core *core, const struct muster_document *document);

/* Applies a change to the node's document, and announces what comes of it. The errors of change_apply(),
 * MUSTER_EINVAL also for a result that breaks a rule, and errors as above. The node is no observer. */
int presence_apply_change(struct muster_core *core, const struct muster_change *change);

/* Replaces the topics of the node's document, unless they are the same; the rest of it stays. They are
 * copied, and announced with the next step, which is due at once: the call itself has no time. MUSTER_EINVAL
 * (an observer, or what no announce may hold), and errors as above. */
int presence_set_topics(struct muster_core *core, const struct muster_topic *topics, size_t count);

/* Begins to announce, or announces anew what may have been missed. Nothing for an observer or without paths.
 */
void presence_announce(struct muster_core *core);

/* Begins to say bye; an observer has left at once. */
void presence_leave(struct muster_core *core);

/* Forgets what was said, and what was sent, to go on as a new peer. */
void presence_restart(struct muster_core *core);

/* Says what is due. */
void presence_tick(struct muster_core *core);

uint64_t presence_deadline(const struct muster_core *core);

/* An alive as it would be said now, without seq and re. */
struct message presence_alive(const struct muster_core *core);

/* An announce as it would be said now, without seq and re. Its texts are borrowed. */
struct message presence_describe(const struct muster_core *core);

/* The next number of what is said to the group. */
uint64_t presence_next_seq(struct muster_core *core);

/* The interval between two alives, before its random part, ms. */
uint64_t presence_interval_ms(const struct muster_core *core);

void presence_deinit(struct presence *presence);

#endif
