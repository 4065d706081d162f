/* SPDX-License-Identifier: MIT */
#include "static_question.h"

#include "backoff.h"
#include "deadline.h"
#include "presence.h"

static void ask(struct presence *presence, struct static_peer *peer) {
    static const struct backoff backoff = {.first_ms = MUSTER_STATIC_RETRY_MS,
                                           .longest_ms = MUSTER_STATIC_RETRY_MS_MAX};
    struct context *context = presence->context;
    struct message question = {.wants = true};
    query_send(presence, &question, &peer->at.endpoint, peer->at.interface);
    peer->due_ms = context->now_ms + backoff_pause_ms(&backoff, peer->failures++, &context->random);
}

/* Who speaks in time needs no question: its row asks when it does not. */
uint64_t static_question_tick(struct presence *presence) {
    struct static_peers *peers = &presence->context->paths.static_peers;
    uint64_t now_ms = presence->context->now_ms;
    uint64_t quiet_ms = 2 * announcer_interval_ms(presence);
    uint64_t due_ms = DEADLINE_NEVER;
    if (presence->announcer.state >= ANNOUNCER_LEAVING) {
        return due_ms;
    }
    for (size_t i = 0; i < peers->count; i++) {
        struct static_peer *peer = &peers->items[i];
        if (peer->heard_ms != 0 && now_ms < peer->heard_ms + quiet_ms) {
            peer->due_ms = peer->heard_ms + quiet_ms;
        } else if (peer->due_ms <= now_ms) {
            ask(presence, peer);
        }
        due_ms = deadline_earlier(due_ms, peer->due_ms);
    }
    return due_ms;
}
