/* Telemetry as the node sees it: what its parts are told of, and what they send. */
#ifndef CORE_TELEMETRY_H
#define CORE_TELEMETRY_H

#include <stdbool.h>
#include <stdint.h>

#include <muster/core.h>

struct message;
struct muster_core;
struct peer;
struct signal;

/* A datagram, or several, came to a group of telemetry: of a shard, or, MUSTER_SHARDS, that for naks. They
 * are looked at as arrivals are pulled, and borrowed until then. */
void telemetry_step(struct muster_core *core, const struct muster_datagram *datagram, unsigned shard);

/* A peer was heard: an announce or alive of it was accepted, and its row is up to date. No copy by another
 * path, and no hearsay. message->sent says how far each of its shards has come. */
void telemetry_note_sent(struct muster_core *core, struct peer *peer, const struct message *message);

/* What a row announces is known, or known anew. */
void telemetry_note_document(struct muster_core *core, struct peer *peer,
                             const struct muster_document *document);

/* Sends a tail or nak. */
void telemetry_send(struct muster_core *core, const struct signal *signal,
                    const struct muster_endpoint *group, uint32_t interface);

void telemetry_tick(struct muster_core *core);

uint64_t telemetry_deadline(const struct muster_core *core);

#endif
