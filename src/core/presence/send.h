/* From a message to datagrams on their paths. A datagram that cannot be queued is lost like one on the
 * wire, and counted. */
#ifndef CORE_SEND_H
#define CORE_SEND_H

#include <stdbool.h>
#include <stdint.h>

#include "message.h"

struct muster_core;

enum send_paths { SEND_PRIMARY, SEND_EVERYWHERE };

/* Sends to the group on the primary path of each interface, or on all paths, padded to pad_to bytes. Sets the
 * message's id and boot. Returns the bytes of the datagram, 0 when nothing was sent. */
size_t send_group(struct muster_core *core, struct message *message, enum send_paths which, size_t pad_to);

/* Sends to one address by one interface. Sets the message's id and boot. */
void send_unicast(struct muster_core *core, struct message *message, size_t pad_to,
                  const struct muster_endpoint *destination, uint32_t interface);

#endif
