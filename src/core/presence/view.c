/* SPDX-License-Identifier: MIT */
#include "view.h"

#include <stdlib.h>
#include <string.h>

#include "group.h"
#include "presence.h"
#include "suspicion.h"

static int compare_tuples(const void *a, const void *b) {
    const struct muster_tuple *first = a;
    const struct muster_tuple *second = b;
    return (first->age_ms > second->age_ms) - (first->age_ms < second->age_ms);
}

static void fill_interface(const struct presence *presence, uint32_t interface,
                           char name[MUSTER_INTERFACE_NAME_BYTES]) {
    strncpy(name, paths_interface_name(&presence->context->paths, interface),
            MUSTER_INTERFACE_NAME_BYTES - 1);
}

static void fill_tuples(const struct presence *presence, const struct peer *peer,
                        struct muster_tuple *tuples) {
    for (unsigned i = 0; i < peer->tuple_count; i++) {
        const struct tuple *tuple = &peer->tuples[i];
        tuples[i] = (struct muster_tuple){.source = tuple->source,
                                          .destination = tuple->destination,
                                          .interface = tuple->interface,
                                          .path = group_path_kind(&tuple->destination),
                                          .count = tuple->count,
                                          .age_ms = presence->context->now_ms - tuple->last_ms,
                                          .loss = tuple_loss(peer, tuple)};
        fill_interface(presence, tuple->interface, tuples[i].interface_name);
    }
    qsort(tuples, peer->tuple_count, sizeof *tuples, compare_tuples);
}

int view_fill(const struct presence *presence, const struct peer *peer, struct message *message,
              struct muster_tuple *tuples, struct muster_peer *view) {
    /* What is stored was decoded once: nothing can be wrong with it but a lack of memory. */
    enum muster_drop reason;
    const struct large_document *large = peer->large;
    bool has_body = large != NULL && large->body != NULL;
    if (!message_decode(peer->announce, peer->announce_length, message, &reason)) {
        return MUSTER_ENOMEM;
    }
    if (has_body && !message_take_body(message, large->body, large->body_length, &reason)) {
        message_deinit(message);
        return MUSTER_ENOMEM;
    }
    view_measure(presence, peer, tuples, view);
    view->document = message->document;
    return 0;
}

/* Without a path nobody is asked and no event comes, but who broke its promise is shown so. */
static enum muster_state state_of(const struct presence *presence, const struct peer *peer) {
    bool is_overdue = peer->state == MUSTER_ALIVE && presence->context->paths.count == 0 &&
                      suspicion_due_ms(presence, peer) < presence->context->now_ms;
    return is_overdue ? MUSTER_SUSPECT : peer->state;
}

void view_measure(const struct presence *presence, const struct peer *peer, struct muster_tuple *tuples,
                  struct muster_peer *view) {
    fill_tuples(presence, peer, tuples);
    *view = (struct muster_peer){
        .boot = peer->boot,
        .rev = peer->rev,
        .state = state_of(presence, peer),
        .verified = peer->is_verified,
        .provisional = peer->is_provisional,
        .partial = peer_is_partial(peer),
        .address = peer->address,
        .other_address = peer_address(peer, peer->address.family == 6 ? 4 : 6),
        .paths = peer_paths(peer),
        .age_ms = presence->context->now_ms - peer->heard_ms,
        .next_ms = (int64_t)(peer->heard_ms + peer->next_ms) - (int64_t)presence->context->now_ms,
        .since_ms = presence->context->now_ms - peer->since_ms,
        .loss = loss_ratio(&peer->loss),
        .received = peer->received,
        .copies = peer->copies,
        .tuples = tuples,
        .tuple_count = peer->tuple_count,
    };
    memcpy(view->id, peer->id, MUSTER_ID_BYTES);
    fill_interface(presence, peer->interface, view->interface_name);
}

/* The first address that a path has, and that of the other family on the same interface. */
static void fill_own_address(const struct presence *presence, struct muster_peer *view) {
    for (size_t i = 0; i < presence->context->paths.count; i++) {
        const struct muster_path *path = &presence->context->paths.items[i];
        if (view->address.family == 0 && path->address.family != 0) {
            view->address = path->address;
            fill_interface(presence, path->interface, view->interface_name);
        } else if (view->other_address.family == 0 && path->address.family != view->address.family &&
                   strcmp(view->interface_name, path->name) == 0) {
            view->other_address = path->address;
        }
    }
}

int view_own(const struct presence *presence, struct view_own *own) {
    const struct announcer *announcer = &presence->announcer;
    struct message message = announcer_announce(presence);
    message.seq = announcer->seq > 0 ? announcer->seq : 1;
    int length = message_encode(&message, identity_signer(&presence->context->identity), 0, own->announce,
                                sizeof own->announce);
    if (length < 0) {
        return length;
    }
    own->lines = (struct reply_lines){.announce = own->announce,
                                      .announce_length = (size_t)length,
                                      .body = presence->own.announcement.body,
                                      .body_length = presence->own.announcement.message.size};
    own->peer = (struct muster_peer){.boot = presence->context->identity.boot,
                                     .rev = presence->own.rev,
                                     .verified = presence->context->identity.has_key,
                                     .self = true,
                                     .next_ms = (int64_t)message.next_ms,
                                     .since_ms = presence->context->now_ms - presence->context->began_ms};
    memcpy(own->peer.id, presence->context->identity.id, MUSTER_ID_BYTES);
    fill_own_address(presence, &own->peer);
    return 0;
}
