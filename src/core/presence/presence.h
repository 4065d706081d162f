/* SPDX-License-Identifier: MIT */
/* The engine of presence: who is here, by their own word, and what this node says of itself. It hears and
 * sends the control messages (PROTOCOL.md, sections 3 to 8), keeps the peer table, and judges who is gone.
 *
 * Its parts (announcer, answers, query, introductions, suspicion, merge) take the whole engine; what is above
 * it reads the table and calls what is declared here and in the headers of the parts, and is told by notes.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <muster/core.h>

#include "announcer.h"
#include "answer.h"
#include "askers.h"
#include "bucket.h"
#include "context.h"
#include "gone_addresses.h"
#include "health.h"
#include "identity.h"
#include "introduction.h"
#include "loss.h"
#include "merge.h"
#include "own_document.h"
#include "part.h"
#include "peer_table.h"
#include "probe.h"
#include "proof.h"
#include "query.h"
#include "resume.h"
#include "trust.h"

/* What is due at times, in the order in which it is done. */
enum presence_part {
    PART_RESUME,
    PART_SUSPICION,
    PART_INTRODUCTION,
    PART_ANSWER,
    PART_QUERY,
    PART_STATIC_PEERS,
    PART_PROBE,
    PART_ANNOUNCER,
    PART_COUNT
};

struct presence {
    struct context *context;
    uint64_t due_ms[PART_COUNT]; /* when each part has something to do, by what is known now */
    uint64_t interval_min_ms;
    uint64_t budget_bps;
    uint64_t tombstone_ms;
    uint64_t resumed_ms; /* this node was stopped until then: nobody's silence before it counts */

    uint64_t newcomer_ms; /* a row was added, or another start of one taken; 0: never */

    uint64_t dropped_ms; /* this kernel last dropped what was for this node; 0: never */

    struct resume resume;
    struct health health;
    struct peer_table table;
    struct loss_mean loss; /* of the messages of all verified rows */
    struct nonces nonces;
    struct own_document own;
    struct gone_addresses gone;
    struct announcer announcer;
    struct answers answers;
    struct awaited_part awaited_part;
    struct proofs proofs;
    struct query query;
    struct introductions introductions;
    struct askers askers;
    struct bucket verifications; /* signatures that may be checked (verification.h) */
    struct probe *probe;         /* of how the paths of this node are heard; NULL: there was none */
    struct trust trust;
    struct peer
        impostor; /* who last said a name that is pinned to another key, as a row outside of the table */
    struct peer duplicate; /* somebody else who holds our key, as a row outside of the table */
};

/* MUSTER_EINVAL, MUSTER_ETOOBIG, MUSTER_ENOMEM, or what sign returned. */
int presence_init(struct presence *presence, struct context *context,
                  const struct muster_core_options *options);

/* A zeroed struct is allowed. */
void presence_deinit(struct presence *presence);

/* A datagram of control came: it is checked, counted and merged. *note says what the engines above need to
 * know, and points into *message, which the caller frees by message_deinit(). */
void presence_step(struct presence *presence, const struct muster_datagram *datagram, struct message *message,
                   struct merge_note *note);

/* A step came so much later than it was due. A node that was stopped so long knows of no silence before now;
 * but whether its machine was suspended, no timer tells. */
void presence_record_late(struct presence *presence, uint64_t late_ms);

/* What was to go there found no room in a queue or table of this machine. */
void presence_record_unsent(struct presence *presence, const struct muster_endpoint *destination);

/* Does what is due. */
void presence_tick(struct presence *presence);

/* When something is due by what is known now. */
uint64_t presence_deadline(const struct presence *presence);

/* Goes on under another key, as a new peer. The errors of own_document_rekey(); then nothing changed. */
int presence_rekey(struct presence *presence, const uint8_t key[MUSTER_KEY_BYTES],
                   const struct muster_crypto *crypto, uint64_t boot);

/* True when this node has begun to say bye. */
bool presence_is_leaving(const struct presence *presence);

/* True when it has said all of them. */
bool presence_has_left(const struct presence *presence);
