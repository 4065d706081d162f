/* SPDX-License-Identifier: MIT */
/* From a message to datagrams on their paths. A datagram that cannot be queued is lost like one on the
 * wire, and counted. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "message.h"

struct context;
struct peer_table;
struct signal;

/* Sends to the group on all paths, or, with a table, on as few of each interface as reach all of its rows:
 * the primary one, and others for those who hear nothing by it. To static peers too that were
 * heard lately. Padded to pad_to bytes. Sets the message's id
 * and boot. Returns the bytes of the datagram, 0 when nothing was sent. */
size_t send_group(struct context *context, struct message *message, const struct peer_table *table,
                  size_t pad_to);

/* Sends to one address by one interface, from the address that the message says (`at`). Sets the message's id
 * and boot. */
void send_unicast(struct context *context, struct message *message, size_t pad_to,
                  const struct muster_endpoint *destination, uint32_t interface);

/* Sends a tail or nak of telemetry to a group. */
void send_signal(struct context *context, const struct signal *signal, const struct muster_endpoint *group,
                 uint32_t interface);
