/* SPDX-License-Identifier: MIT */
/* What an announce, alive or bye does to the peer table (PROTOCOL.md, "Merging"). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <muster/core.h>

struct presence;
struct peer;
struct message;

/* A row that another peer passed on, by its announce as it came to that one. */
struct merge_row {
    const struct message *message; /* an announce, decoded from */
    const uint8_t *bytes;
    size_t length;
    struct muster_endpoint address; /* where the other heard it */
    uint32_t interface;             /* of ours, by which we asked the other */
    uint64_t age_ms;                /* since the other heard it */
    uint64_t next_ms;               /* until it must speak again */
};

/* What one message was to the engines above, as far as it concerns them. */
struct merge_note {
    struct peer *heard; /* the row of an announce or alive that was accepted, no copy by another path and no
                           hearsay; NULL: none */
    bool is_copy;       /* it came before by another path, and changes nothing but evidence */
    bool is_answer;     /* to a question of ours: its sender may hold more rows than this node does */
    bool wants_body;    /* a row announces a document whose body is not here */
    bool is_part;       /* of a body, that was asked for */
};

/* Merges a decoded message from somebody else. False when it is dropped; *reason says why, and the table is
 * unchanged. */
bool merge_message(struct presence *presence, const struct message *message,
                   const struct muster_datagram *datagram, struct merge_note *note, enum muster_drop *reason);

/* The same with a message of our own id but of another boot: somebody else may hold our key. */
bool merge_duplicate_identity(struct presence *presence, const struct message *message,
                              const struct muster_datagram *datagram, enum muster_drop *reason);

/* The same with a message of our own id and boot: an echo, unless it is signed and numbered higher than
 * anything that we said. */
bool merge_own_boot(struct presence *presence, const struct message *message,
                    const struct muster_datagram *datagram, enum muster_drop *reason);

/* Makes a provisional row of it, unless its id is known. *wants_body: its document's body is not here. False
 * with the reason when that can't be. */
bool merge_provisional(struct presence *presence, const struct merge_row *row, bool *wants_body,
                       enum muster_drop *reason);

/* True when the message is signed by this key. False with the reason: `signature`, or `unchecked` where the
 * budget of verifications does not reach for its sender. Counts the verification. */
bool merge_is_signed_by(struct presence *presence, const struct message *message,
                        const struct muster_datagram *datagram, const uint8_t key[MUSTER_KEY_BYTES],
                        enum muster_drop *reason);
