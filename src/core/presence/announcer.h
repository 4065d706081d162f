/* SPDX-License-Identifier: MIT */
/* When this node says announce, alive and bye. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "bucket.h"
#include "message.h"

struct presence;

enum announcer_state { ANNOUNCER_SILENT, ANNOUNCER_SPEAKING, ANNOUNCER_LEAVING, ANNOUNCER_LEFT };

/* An announce is said MUSTER_COPIES times; behind those stand the times at which a sleeper repeats its alive.
 */
#define ANNOUNCER_COPIES (2 * MUSTER_COPIES - 1)

struct announcer {
    enum announcer_state state;
    uint64_t seq; /* last one used */

    uint64_t new_ms;        /* it began, or began anew */
    uint64_t answered;      /* the last nonce that an announce to the group answered, */
    uint64_t answered_ms;   /* and when */
    uint64_t announced_ms;  /* the last announce was sent to the group, */
    uint64_t announced_rev; /* and with this rev; alives say it, for news that waits is none yet */
    struct bucket news;     /* of changes that are announced */
    uint64_t copies_ms[ANNOUNCER_COPIES]; /* when each is due; UINT64_MAX: not */
    bool is_spread[ANNOUNCER_COPIES];     /* it was put off at random, for many begin at once */
    uint64_t alive_ms;                    /* when the next alive is due */
    uint64_t promised_ms;                 /* when it must have been said */
    uint64_t spoke_ms;                    /* when the last one was said */
    double stretch;                       /* the random part of the present interval, 0.75 to 1.25 */
    size_t alive_bytes;                   /* of the last alive sent */

    unsigned byes_left;
    uint64_t bye_ms;
};

/* Begins to announce, or announces anew what may have been missed. Nothing for an observer or without paths.
 */
void announcer_begin(struct presence *presence);

/* Begins to say bye; an observer has left at once. */
void announcer_leave(struct presence *presence);

/* Forgets what was said, and what was sent, to go on as a new peer. */
void announcer_restart(struct presence *presence);

/* What was said to the group just now was not sent: it is said again soon. */
void announcer_repeat(struct presence *presence);

/* Addresses of this node went: alives say so soon. */
void announcer_tell_gone(struct presence *presence);

/* How long a nonce of another waits until an announce to the group answers it, at most. */
uint64_t announcer_proof_ms(struct presence *presence);

/* Says what is due. Returns when something is due next. */
uint64_t announcer_tick(struct presence *presence);

/* True for a start of which others may not know yet. */
bool announcer_is_new(const struct presence *presence);

/* True when a copy of an announce is to be said. */
bool announcer_has_copy(const struct presence *presence);

/* A message with its sender's nonce was heard, which this node is to answer by what it says to the group. The
 * sender misses a proof, or may: then a nonce that was answered before is answered again. */
void announcer_owe(struct presence *presence, const struct muster_endpoint *asker, uint64_t nonce,
                   bool is_missed);

/* Says an alive to the group that answers a nonce. */
void announcer_answer(struct presence *presence, uint64_t nonce);

/* An alive as it would be said now, without seq, re and nonce. */
struct message announcer_alive(const struct presence *presence);

/* An announce as it would be said now, without seq, re and nonce. Its texts are borrowed. */
struct message announcer_announce(const struct presence *presence);

/* The interval between two alives, before its random part, ms. */
uint64_t announcer_interval_ms(const struct presence *presence);

/* The longest promise of an alive in a crowd of as many as there are rows, hearsay too, ms. */
uint64_t announcer_crowd_promise_ms(const struct presence *presence);
