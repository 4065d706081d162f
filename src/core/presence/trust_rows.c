/* SPDX-License-Identifier: MIT */
#include "trust_rows.h"

#include "message.h"
#include "presence.h"
#include "suspicion.h"

static bool is_allowed(const struct trust *trust, const struct peer *peer) {
    struct message message;
    enum muster_drop reason;
    if (!message_decode(peer->announce, peer->announce_length, &message, &reason)) {
        return true; /* without memory */
    }
    bool allows = trust_allows(trust, peer->id, peer->is_verified, message.document.name);
    message_deinit(&message);
    return allows;
}

int trust_rows_apply(struct presence *presence) {
    struct peer *peer = NULL;
    while ((peer = peer_table_after(&presence->table, peer == NULL ? 0 : peer->number)) != NULL) {
        if (!peer_is_present(peer) || is_allowed(&presence->trust, peer)) {
            continue;
        }
        if (outbox_reserve_events(&presence->context->outbox, 1) != 0) {
            return MUSTER_ENOMEM;
        }
        suspicion_bury(presence, peer, MUSTER_LOST);
    }
    return 0;
}
