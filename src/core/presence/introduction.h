/* SPDX-License-Identifier: MIT */
/* Getting to know: who is heard but not known, or has a newer document than ours, is asked for its signed
 * announcement with a nonce, by unicast first and by the group when that gives no answer. Only what
 * comes back makes or changes a row, so that a recorded datagram played again makes none. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <muster/core.h>

#include "bucket.h"
#include "limit.h"
#include "strangers.h"

struct presence;
struct message;

struct introduction {
    uint8_t id[MUSTER_ID_BYTES];
    struct muster_endpoint endpoint; /* where it was heard from */
    uint32_t interface;
    uint64_t nonce; /* of it, that it is owed a proof of; 0: none */
    unsigned paths; /* by which it was heard, bit 1 << kind */
    unsigned tries;
    bool is_signed;    /* a signed message began it, so only a signed one ends it */
    bool is_renewed;   /* its tries began again for another address */
    bool is_heard;     /* since the last try */
    unsigned failures; /* rounds of tries without an answer */
    uint64_t began_ms; /* the first try was planned */
    uint64_t heard_ms;
    uint64_t paused_ms;  /* the last round of tries ended */
    uint64_t covered_ms; /* another asked the group for it; 0: nobody */
    uint64_t due_ms;     /* next try, or the end of the pause after them */
};

struct introductions {
    struct introduction *items; /* at most MUSTER_INTRODUCTIONS_MAX */
    size_t count;
    size_t capacity;
    struct bucket bucket;       /* of tries */
    struct strangers strangers; /* the same by address */
};

/* Asks the sender of a message for an introduction, unless that is under way. False when there is no room. */
bool introduction_begin(struct presence *presence, const struct message *message,
                        const struct muster_datagram *datagram);

/* Ends the introduction of an id, and tells by which paths it was heard meanwhile; 0 when none was under way,
 * or one that only a signed message ends. */
unsigned introduction_end(struct presence *presence, const uint8_t id[MUSTER_ID_BYTES], bool is_signed);

/* A peer whose introduction is paused has answered a question, so it hears this node again: it is asked anew,
 * but no sooner than MUSTER_INTRODUCTION_AGAIN_MS after the last round. */
void introduction_renew(struct presence *presence, const uint8_t id[MUSTER_ID_BYTES]);

/* True while the first round of questions to an id is under way. */
bool introduction_is_first(struct presence *presence, const uint8_t id[MUSTER_ID_BYTES]);

/* True while an id is introduced that was heard from this host. */
bool introduction_is_with(struct presence *presence, const uint8_t id[MUSTER_ID_BYTES],
                          const struct muster_endpoint *source);

/* Telemetry came by a datagram from an id and boot for which no row vouches at that source: its sender is
 * asked who it is, but no more often than one that does not answer. */
void introduction_begin_stranger(struct presence *presence, const uint8_t id[MUSTER_ID_BYTES], uint64_t boot,
                                 const struct muster_datagram *datagram);

/* Another asked the group for these: in rounds that follow a failed one we need not ask it, too. */
void introduction_record_question(struct presence *presence, const struct message *query);

/* A zeroed struct is allowed. */
void introduction_deinit(struct introductions *introductions);

/* Asks who is due to be asked. Returns when something is due next. */
uint64_t introduction_tick(struct presence *presence);
