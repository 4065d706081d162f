/* SPDX-License-Identifier: MIT */
/* What a node tells of itself and of its rows when it is asked. */
#include <string.h>

#include <muster/core.h>
#include <muster/telemetry.h>

#include "node.h"
#include "view.h"

/* An error frees the list. */
static int list_row(const muster_core_t *core, const struct peer *peer, struct muster_peer_list *list) {
    struct muster_tuple tuples[MUSTER_TUPLES_MAX];
    struct message message;
    struct muster_peer view;
    int error = view_fill(&core->presence, peer, &message, tuples, &view);
    if (error == 0) {
        error = muster_peer_list_add(list, &view);
        message_deinit(&message);
    }
    if (error != 0) {
        muster_peer_list_free(list);
    }
    return error;
}

int muster_core_peers(const muster_core_t *core, struct muster_peer_list *list) {
    int error = 0;
    *list = (struct muster_peer_list){0};
    for (const struct peer *peer = core->presence.table.by_id; peer != NULL && error == 0;
         peer = peer->hh.next) {
        error = list_row(core, peer, list);
    }
    return error;
}

unsigned muster_core_static_tries(const muster_core_t *core, const struct muster_endpoint *endpoint) {
    return static_peers_failures(&core->context.paths.static_peers, endpoint);
}

int muster_core_peer(const muster_core_t *core, const uint8_t id[MUSTER_ID_BYTES],
                     struct muster_peer_list *list) {
    const struct peer *peer = peer_table_find(&core->presence.table, id);
    *list = (struct muster_peer_list){0};
    return peer == NULL ? MUSTER_ENOTFOUND : list_row(core, peer, list);
}

const struct muster_probe_report *muster_core_probe(const muster_core_t *core) {
    return core->presence.probe != NULL ? &core->presence.probe->report : NULL;
}

const struct muster_counters *muster_core_counters(const muster_core_t *core) {
    return &core->context.counters;
}

void muster_core_id(const muster_core_t *core, uint8_t id[MUSTER_ID_BYTES]) {
    memcpy(id, core->context.identity.id, MUSTER_ID_BYTES);
}

uint64_t muster_core_rev(const muster_core_t *core) {
    return core->presence.own.rev;
}

uint64_t muster_core_boot(const muster_core_t *core) {
    return core->context.identity.boot;
}

size_t muster_core_feeds(const muster_core_t *core, struct muster_feed *feeds, size_t feeds_max) {
    return feed_table_list(&core->telemetry.feeds, feeds, feeds_max);
}

uint64_t muster_core_unsent(const muster_core_t *core) {
    return sender_count_unsent(&core->telemetry);
}

uint64_t muster_core_values_given(const muster_core_t *core) {
    return server_count_values(&core->exchange.server);
}

const struct muster_sender *muster_core_sender(const muster_core_t *core) {
    return &core->telemetry.sender.counters;
}

int muster_core_set_figures(muster_core_t *core, const struct muster_figure *figures, size_t count) {
    return exchange_set_figures(&core->exchange, figures, count);
}
