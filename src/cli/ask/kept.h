/* Readings whose publishers are not here, but of which others keep the last values. */
#ifndef CLI_KEPT_H
#define CLI_KEPT_H

#include <stdint.h>

#include <muster/muster.h>

#include "args.h"
#include "look.h"
#include "settings.h"

/* Asks who keeps values for others, if a snapshot has somebody who does, and adds a row for each publisher of
 * what nobody announces now: its id, its name ("": not known) and its topics, in each of which `units` has
 * every reading, by "" the one that bears the topic's own name. After timeout_ms the snapshot is marked as
 * cut off. Returns STATUS_OK, or STATUS_ERROR when that failed and was said. */
int kept_look(const struct settings *settings, struct snapshot *snapshot, const struct operands *patterns,
              uint64_t timeout_ms, struct muster_peer_list *publishers);

#endif
