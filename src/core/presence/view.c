#include "view.h"

#include <stdlib.h>
#include <string.h>

#include "group.h"
#include "node.h"

static int compare_tuples(const void *a, const void *b) {
    const struct muster_tuple *first = a;
    const struct muster_tuple *second = b;
    return (first->age_ms > second->age_ms) - (first->age_ms < second->age_ms);
}

static void fill_interface(const struct muster_core *core, uint32_t interface,
                           char name[MUSTER_INTERFACE_NAME_BYTES]) {
    strncpy(name, paths_interface_name(&core->paths, interface), MUSTER_INTERFACE_NAME_BYTES - 1);
}

static void fill_tuples(const struct muster_core *core, const struct peer *peer,
                        struct muster_tuple *tuples) {
    for (unsigned i = 0; i < peer->tuple_count; i++) {
        const struct tuple *tuple = &peer->tuples[i];
        tuples[i] = (struct muster_tuple){.source = tuple->source,
                                          .destination = tuple->destination,
                                          .interface = tuple->interface,
                                          .path = group_path_kind(&tuple->destination),
                                          .count = tuple->count,
                                          .age_ms = core->now_ms - tuple->last_ms,
                                          .loss = tuple_loss(peer, tuple)};
        fill_interface(core, tuple->interface, tuples[i].interface_name);
    }
    qsort(tuples, peer->tuple_count, sizeof *tuples, compare_tuples);
}

int view_fill(const struct muster_core *core, const struct peer *peer, struct message *message,
              struct muster_tuple *tuples, struct muster_peer *view) {
    /* What is stored was decoded once: nothing can be wrong with it but a lack of memory. */
    enum muster_drop reason;
    const struct large_document *large = peer->large;
    if (!message_decode(peer->announce, peer->announce_length, message, &reason)) {
        return MUSTER_ENOMEM;
    }
    if (large != NULL && large->body != NULL &&
        !message_take_body(message, large->body, large->body_length, &reason)) {
        message_deinit(message);
        return MUSTER_ENOMEM;
    }
    view_measure(core, peer, tuples, view);
    view->document = message->document;
    return 0;
}

void view_measure(const struct muster_core *core, const struct peer *peer, struct muster_tuple *tuples,
                  struct muster_peer *view) {
    fill_tuples(core, peer, tuples);
    *view = (struct muster_peer){
        .boot = peer->boot,
        .rev = peer->rev,
        .state = peer->state,
        .verified = peer->is_verified,
        .provisional = peer->is_provisional,
        .partial = peer_is_partial(peer),
        .address = peer->address,
        .paths = peer_paths(peer),
        .age_ms = core->now_ms - peer->heard_ms,
        .next_ms = (int64_t)(peer->heard_ms + peer->next_ms) - (int64_t)core->now_ms,
        .since_ms = core->now_ms - peer->since_ms,
        .loss = loss_ratio(&peer->loss),
        .received = peer->received,
        .copies = peer->copies,
        .tuples = tuples,
        .tuple_count = peer->tuple_count,
    };
    memcpy(view->id, peer->id, MUSTER_ID_BYTES);
    fill_interface(core, peer->interface, view->interface_name);
}

/* The first address that a path has. */
static void fill_own_address(const struct muster_core *core, struct muster_peer *view) {
    for (size_t i = 0; i < core->paths.count; i++) {
        const struct muster_path *path = &core->paths.items[i];
        if (view->address.family == 0 && path->address.family != 0) {
            view->address = path->address;
            fill_interface(core, path->interface, view->interface_name);
        }
    }
}

int view_own(const struct muster_core *core, struct view_own *own) {
    const struct presence *presence = &core->presence;
    struct message message = presence_describe(core);
    message.seq = presence->seq > 0 ? presence->seq : 1;
    int length =
        message_encode(&message, identity_signer(&core->identity), 0, own->announce, sizeof own->announce);
    if (length < 0) {
        return length;
    }
    own->lines = (struct reply_lines){.announce = own->announce,
                                      .announce_length = (size_t)length,
                                      .body = presence->body,
                                      .body_length = presence->body == NULL ? 0 : presence->body_length};
    own->peer = (struct muster_peer){.boot = core->identity.boot,
                                     .rev = presence->rev,
                                     .verified = core->identity.has_key,
                                     .self = true,
                                     .next_ms = (int64_t)message.next_ms,
                                     .since_ms = core->now_ms - core->began_ms};
    memcpy(own->peer.id, core->identity.id, MUSTER_ID_BYTES);
    fill_own_address(core, &own->peer);
    return 0;
}

/* ---- snapshots ---- */

static int list_row(const muster_core_t *core, const struct peer *peer, struct muster_peer_list *list) {
    struct muster_tuple tuples[MUSTER_TUPLES_MAX];
    struct message message;
    struct muster_peer view;
    int error = view_fill(core, peer, &message, tuples, &view);
    if (error != 0) {
        return error;
    }
    error = muster_peer_list_add(list, &view);
    message_deinit(&message);
    return error;
}

int muster_core_peers(const muster_core_t *core, struct muster_peer_list *list) {
    *list = (struct muster_peer_list){0};
    for (const struct peer *peer = core->table.by_id; peer != NULL; peer = peer->hh.next) {
        int error = list_row(core, peer, list);
        if (error != 0) {
            muster_peer_list_free(list);
            return error;
        }
    }
    return 0;
}

int muster_core_peer(const muster_core_t *core, const uint8_t id[MUSTER_ID_BYTES],
                     struct muster_peer_list *list) {
    const struct peer *peer = peer_table_find(&core->table, id);
    *list = (struct muster_peer_list){0};
    if (peer == NULL) {
        return MUSTER_ENOTFOUND;
    }
    int error = list_row(core, peer, list);
    if (error != 0) {
        muster_peer_list_free(list);
    }
    return error;
}

const struct muster_counters *muster_core_counters(const muster_core_t *core) {
    return &core->admission.counters;
}

void muster_core_id(const muster_core_t *core, uint8_t id[MUSTER_ID_BYTES]) {
    memcpy(id, core->identity.id, MUSTER_ID_BYTES);
}

uint64_t muster_core_rev(const muster_core_t *core) {
    return core->presence.rev;
}

uint64_t muster_core_boot(const muster_core_t *core) {
    return core->identity.boot;
}
