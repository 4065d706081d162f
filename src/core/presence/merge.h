/* What an announce, alive or bye does to the peer table (PROTOCOL.md, "Merging"). */
#ifndef CORE_MERGE_H
#define CORE_MERGE_H

#include <muster/core.h>

struct muster_core;
struct message;

/* A row that another peer passed on, by its announce as it came to that one. */
struct merge_told {
    const struct message *message; /* an announce, decoded from */
    const uint8_t *bytes;
    size_t length;
    struct muster_endpoint address; /* where the other heard it */
    uint32_t interface;             /* of ours, by which we asked the other */
    uint64_t age_ms;                /* since the other heard it */
    uint64_t next_ms;               /* until it must speak again */
};

enum merge_result { MERGE_ACCEPTED, MERGE_COPY, MERGE_DROPPED };

/* Merges a decoded message from somebody else. On MERGE_DROPPED *reason says why; the table is unchanged
 * then. */
enum merge_result merge_message(struct muster_core *core, const struct message *message,
                                const struct muster_datagram *datagram, enum muster_drop *reason);

/* A message of our own id but of another boot: somebody else may hold our key. */
enum merge_result merge_twin(struct muster_core *core, const struct message *message,
                             const struct muster_datagram *datagram, enum muster_drop *reason);

/* Makes a provisional row of it, unless its id is known. False with the reason when that can't be. */
bool merge_told(struct muster_core *core, const struct merge_told *told, enum muster_drop *reason);

/* True when the message is signed by this key. Counts the verification. */
bool merge_is_signed_by(struct muster_core *core, const struct message *message,
                        const struct muster_datagram *datagram, const uint8_t key[MUSTER_KEY_BYTES]);

#endif
