/* SPDX-License-Identifier: MIT */
#include "verification.h"

#include "introduction.h"
#include "presence.h"

/* Part of the burst that is kept for those of more standing. */
#define KEPT_FROM_ASKED 0.25
#define KEPT_FROM_UNKNOWN 0.5

/* It comes from where the row's peer has answered, and not more often than a peer speaks: else somebody
 * spends in its name, and then it is as unknown as all. */
static bool is_known(const struct presence *presence, const struct peer *peer,
                     const struct muster_datagram *datagram) {
    return peer != NULL && peer->is_verified && peer_is_proven_at(peer, &datagram->source) &&
           bucket_left(&peer->verifications, MUSTER_PEER_VERIFICATION_RATE, MUSTER_PEER_VERIFICATION_BURST,
                       presence->context->now_ms) >= 1;
}

bool verification_take(struct presence *presence, const struct message *message,
                       const struct muster_datagram *datagram) {
    struct peer *peer = peer_table_find(&presence->table, message->id);
    const bool is_first = is_known(presence, peer, datagram);
    double kept = is_first                                                         ? 0
                  : introduction_is_with(presence, message->id, &datagram->source) ? KEPT_FROM_ASKED
                                                                                   : KEPT_FROM_UNKNOWN;
    uint64_t now_ms = presence->context->now_ms;
    double left =
        bucket_left(&presence->verifications, MUSTER_VERIFICATION_RATE, MUSTER_VERIFICATION_BURST, now_ms);
    if (left < kept * MUSTER_VERIFICATION_BURST + 1) {
        return false;
    }
    bucket_spend(&presence->verifications, 1, MUSTER_VERIFICATION_RATE, now_ms);
    if (is_first) {
        bucket_spend(&peer->verifications, 1, MUSTER_PEER_VERIFICATION_RATE, now_ms);
    }
    return true;
}
