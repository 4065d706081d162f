/* SPDX-License-Identifier: MIT */
#include "look.h"

#include <stdlib.h>
#include <string.h>

#include <uv.h>

#include "complain.h"
#include "session.h"

/* A running muster that knows too few peers is asked again after this time. */
#define AGAIN_MS 100

/* True when a list has as many of the expected peers as are expected. */
static bool is_met(const struct look_expectation *expectation, const struct muster_peer_list *list) {
    return expectation == NULL || expectation->count_in(list, expectation->context) >= expectation->count;
}

/* A look, and the snapshot that it fills. */
struct look {
    struct session session;
    const struct look_expectation *expectation; /* NULL: none */
    struct snapshot *snapshot;
    struct muster_peer_list table; /* of the running muster, while it comes */
    uv_timer_t again;              /* until the running muster is asked once more */
    bool has_settled;              /* the answers of the network are in */
    int error;                     /* 0, or why what came was not kept */
};

/* ---- asking the muster that runs here ---- */

static void fail_local(struct look *look, int error, const char *text) {
    look->error = error;
    session_end(&look->session, session_fall_back(&look->session, error, text));
}

static int keep_feeds(struct snapshot *snapshot, const struct muster_self *self) {
    if (self->feed_count == 0) {
        return 0;
    }
    snapshot->feeds = calloc(self->feed_count, sizeof(*snapshot->feeds));
    if (snapshot->feeds == NULL) {
        return MUSTER_ENOMEM;
    }
    memcpy(snapshot->feeds, self->feeds, self->feed_count * sizeof(*snapshot->feeds));
    snapshot->feed_count = self->feed_count;
    return 0;
}

static void on_self(const struct muster_self *self, void *context) {
    struct look *look = context;
    look->snapshot->counters = self->counters;
    look->error = keep_feeds(look->snapshot, self);
    look->snapshot->interfaces = text_interfaces(self->paths, self->path_count);
}

static void on_self_end(int error, const char *text, void *context) {
    if (error != 0) {
        fail_local(context, error, text);
    }
}

static void on_row(enum muster_peer_event event, const struct muster_peer *peer, void *context) {
    struct look *look = context;
    (void)event;
    if (look->error == 0) {
        look->error = muster_peer_list_add(&look->table, peer);
    }
}

static void ask_for_table(uv_timer_t *timer);

static void on_table_end(int error, const char *text, void *context) {
    struct look *look = context;
    if (error != 0 || look->error != 0) {
        fail_local(look, error != 0 ? error : look->error, text);
        return;
    }
    muster_peer_list_free(&look->snapshot->list);
    look->snapshot->list = look->table;
    look->table = (struct muster_peer_list){0};
    look->snapshot->cut_off = false;
    if (is_met(look->expectation, &look->snapshot->list)) {
        session_end(&look->session, STATUS_OK);
    } else {
        uv_timer_start(&look->again, ask_for_table, AGAIN_MS, 0);
    }
}

static void ask_for_table(uv_timer_t *timer) {
    struct look *look = timer->data;
    int error = muster_local_table(look->session.local, on_row, on_table_end, look);
    if (error != 0) {
        fail_local(look, error, NULL);
    }
}

static void ask_local(void *context) {
    struct look *look = context;
    uv_timer_init(look->session.loop, &look->again); /* cannot fail */
    look->again.data = look;
    int error = muster_local_self(look->session.local, on_self, on_self_end, look);
    if (error != 0) {
        fail_local(look, error, NULL);
    } else {
        ask_for_table(&look->again);
    }
}

/* The last table that came whole stands. */
static int on_local_deadline(void *context) {
    (void)context;
    return STATUS_OK;
}

/* Returns STATUS_OK; STATUS_NOBODY when the network is to be asked instead, because no muster runs or it
 * failed; STATUS_ERROR when a socket was named and did not answer. The snapshot has no roster. */
int look_locally(const struct settings *settings, uint64_t timeout_ms,
                 const struct look_expectation *expectation, struct snapshot *snapshot) {
    struct look look = {.expectation = expectation, .snapshot = snapshot};
    const struct session_request request = {.is_local = true,
                                            .timeout_ms = timeout_ms,
                                            .on_open = ask_local,
                                            .on_deadline = on_local_deadline,
                                            .context = &look};
    snapshot->cut_off = true;
    const int status = session_hold(&look.session, settings, &request);
    muster_peer_list_free(&look.table);
    if (status != STATUS_OK) {
        snapshot_deinit(snapshot);
    }
    return status == STATUS_NOBODY && settings->socket != NULL ? STATUS_ERROR : status;
}

/* ---- listening ---- */

static void take_snapshot(struct look *look) {
    muster_t *node = look->session.node;
    struct snapshot *snapshot = look->snapshot;
    size_t path_count;
    const struct muster_path *paths = muster_paths(node, &path_count);
    muster_peer_list_free(&snapshot->list);
    look->error = muster_peers(node, &snapshot->list);
    snapshot->counters = *muster_counters(node);
    snapshot->interfaces = text_interfaces(paths, path_count);
}

static void end_when_met(struct look *look) {
    if (!look->has_settled) {
        return;
    }
    take_snapshot(look);
    if (look->error != 0 || is_met(look->expectation, &look->snapshot->list)) {
        session_end(&look->session, STATUS_OK);
    }
}

static void on_settled(void *context) {
    struct look *look = context;
    look->has_settled = true;
    end_when_met(look);
}

static void on_event(enum muster_peer_event event, const struct muster_peer *peer, void *context) {
    (void)event;
    (void)peer;
    end_when_met(context);
}

static int on_deadline(void *context) {
    struct look *look = context;
    look->snapshot->cut_off = !look->has_settled;
    take_snapshot(look);
    return STATUS_OK;
}

static int look_directly(const struct settings *settings, uint64_t timeout_ms,
                         const struct look_expectation *expectation, struct snapshot *snapshot) {
    struct look look = {.expectation = expectation, .snapshot = snapshot};
    const struct session_request request = {.needs_network = expectation == NULL,
                                            .timeout_ms = timeout_ms,
                                            .on_event = expectation != NULL ? on_event : NULL,
                                            .on_settled = on_settled,
                                            .on_deadline = on_deadline,
                                            .context = &look};
    int status = session_hold(&look.session, settings, &request);
    if (look.error != 0) {
        status = complain_error(settings, MUSTER_ENOMEM);
    }
    return status;
}

int look(const struct settings *settings, uint64_t timeout_ms, const struct look_expectation *expectation,
         struct snapshot *snapshot) {
    *snapshot = (struct snapshot){0};
    int status =
        session_may_ask(settings) ? look_locally(settings, timeout_ms, expectation, snapshot) : STATUS_NOBODY;
    if (status == STATUS_NOBODY) {
        status = look_directly(settings, timeout_ms, expectation, snapshot);
    }
    if (status == STATUS_OK && roster_init(&snapshot->roster, &snapshot->list) != 0) {
        status = complain_error(settings, MUSTER_ENOMEM);
    }
    return status;
}

void snapshot_deinit(struct snapshot *snapshot) {
    roster_deinit(&snapshot->roster);
    muster_peer_list_free(&snapshot->list);
    free(snapshot->feeds);
    *snapshot = (struct snapshot){0};
}
