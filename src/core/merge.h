/* What an announce, alive or bye does to the peer table (PROTOCOL.md, "Merging"). */
#ifndef CORE_MERGE_H
#define CORE_MERGE_H

#include <muster/core.h>

struct muster_core;
struct message;

enum merge_result { MERGE_ACCEPTED, MERGE_COPY, MERGE_DROPPED };

/* Merges a decoded message from somebody else. On MERGE_DROPPED *reason says why; the table is unchanged
 * then. */
enum merge_result merge_message(struct muster_core *core, const struct message *message,
                                const struct muster_datagram *datagram, enum muster_drop *reason);

/* A message of our own id but of another boot: somebody else may hold our key. */
enum merge_result merge_twin(struct muster_core *core, const struct message *message,
                             const struct muster_datagram *datagram, enum muster_drop *reason);

/* True when the message is signed by this key. Counts the verification. */
bool merge_is_signed_by(struct muster_core *core, const struct message *message,
                        const struct muster_datagram *datagram, const uint8_t key[MUSTER_KEY_BYTES]);

#endif
