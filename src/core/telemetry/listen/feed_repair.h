/* SPDX-License-Identifier: MIT */
/* What feeds miss: how far they have come by their publishers' own word, and the naks that ask for the rest.
 */
#pragma once

#include <stdbool.h>

struct message;
struct peer;
struct signal;
struct telemetry;

/* How far a peer's shards have come, by its own word. True when nothing comes of some of them by multicast.
 */
bool feed_repair_record_sent(struct telemetry *telemetry, const struct peer *peer,
                             const struct message *message);

/* Another listener's nak. */
void feed_repair_record_nak(struct telemetry *telemetry, const struct signal *nak);

/* Asks for what is missing and gives up what was waited for too long. */
void feed_repair_tick(struct telemetry *telemetry);
