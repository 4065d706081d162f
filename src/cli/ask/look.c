#include "look.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <uv.h>

#include "complain.h"
#include "local.h"
#include "session.h"

/* A running muster that knows too few is asked again so soon. */
#define AGAIN_MS 100

/* How many there are, and whether those are enough. */
static bool is_met(const struct look_expectation *expectation, const struct muster_peer_list *list) {
    size_t count = 0;
    for (size_t i = 0; expectation != NULL && i < list->count; i++) {
        count += expectation->counts(&list->peers[i], expectation->context) ? 1 : 0;
    }
    return expectation == NULL || count >= expectation->count;
}

/* ---- asking the muster that runs here ---- */

struct local_look {
    uv_loop_t loop;
    uv_timer_t deadline;
    uv_timer_t again;
    muster_local_t *local;
    const struct settings *settings;
    const struct look_expectation *expectation;
    struct snapshot *snapshot;
    bool is_done;
    int error;  /* 0, or how it failed */
    int status; /* what follows of that */
};

static void close_local(struct local_look *look) {
    look->is_done = true;
    muster_local_close(look->local, NULL, NULL);
    uv_close((uv_handle_t *)&look->deadline, NULL);
    uv_close((uv_handle_t *)&look->again, NULL);
}

static void fail_local(struct local_look *look, int error, const char *text) {
    look->error = error;
    look->status = local_give_up(look->settings, error, text);
    close_local(look);
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
    struct local_look *look = context;
    look->snapshot->counters = self->counters;
    look->error = keep_feeds(look->snapshot, self);
    session_list_interfaces(self->paths, self->path_count, look->snapshot->interfaces,
                            sizeof(look->snapshot->interfaces));
}

static void on_self_end(int error, const char *text, void *context) {
    struct local_look *look = context;
    if (error != 0 && !look->is_done) {
        fail_local(look, error, text);
    }
}

static void on_row(enum muster_peer_event event, const struct muster_peer *peer, void *context) {
    struct local_look *look = context;
    (void)event;
    if (look->error == 0) {
        look->error = muster_peer_list_add(&look->snapshot->list, peer);
    }
}

static void on_table_end(int error, const char *text, void *context) {
    struct local_look *look = context;
    if (look->is_done) {
        return;
    }
    if (error != 0 || look->error != 0) {
        fail_local(look, error != 0 ? error : look->error, text);
    } else if (is_met(look->expectation, &look->snapshot->list)) {
        close_local(look);
    } else {
        uv_timer_start(&look->again, look->again.timer_cb, AGAIN_MS, 0);
    }
}

static void ask_local(uv_timer_t *timer) {
    struct local_look *look = timer->data;
    muster_peer_list_free(&look->snapshot->list);
    int error = muster_local_table(look->local, on_row, on_table_end, look);
    if (error != 0) {
        fail_local(look, error, NULL);
    }
}

/* With an expectation the time is up only for more; else the answer never came. */
static void on_local_late(uv_timer_t *timer) {
    struct local_look *look = timer->data;
    look->snapshot->cut_off = look->expectation == NULL;
    close_local(look);
}

static void start_local(struct local_look *look, uint64_t timeout_ms) {
    uv_timer_init(&look->loop, &look->deadline);
    uv_timer_init(&look->loop, &look->again);
    look->deadline.data = look;
    look->again.data = look;
    uv_timer_start(&look->deadline, on_local_late, timeout_ms, 0);
    uv_timer_start(&look->again, ask_local, AGAIN_MS, 0); /* remembers its callback */
    uv_timer_stop(&look->again);
    int error = muster_local_self(look->local, on_self, on_self_end, look);
    if (error != 0) {
        fail_local(look, error, NULL);
    } else {
        ask_local(&look->again);
    }
}

/* STATUS_OK; STATUS_NOBODY when there is no muster to ask, or it failed and the network can answer instead,
 * unless one was named; STATUS_ERROR. */
static int look_locally(const struct settings *settings, uint64_t timeout_ms,
                        const struct look_expectation *expectation, struct snapshot *snapshot) {
    struct local_look look = {.settings = settings, .expectation = expectation, .snapshot = snapshot};
    if (uv_loop_init(&look.loop) != 0) {
        return STATUS_NOBODY; /* listening will say why */
    }
    int status = local_open(settings, NULL, 0, &look.loop, &look.local);
    if (status == STATUS_OK) {
        start_local(&look, timeout_ms);
    }
    uv_run(&look.loop, UV_RUN_DEFAULT);
    uv_loop_close(&look.loop);
    if (status == STATUS_OK && look.error != 0) {
        snapshot_deinit(snapshot);
        status = look.status;
    }
    return status == STATUS_NOBODY && settings->socket != NULL ? STATUS_ERROR : status;
}

/* ---- listening ---- */

/* A session that looks, and where it puts what it saw. */
struct look {
    struct session session;
    const struct look_expectation *expectation; /* NULL: none */
    struct snapshot *snapshot;
    bool has_settled;
    bool failed;
};

static void take_snapshot(struct look *look) {
    muster_t *node = look->session.node;
    struct snapshot *snapshot = look->snapshot;
    size_t path_count;
    const struct muster_path *paths = muster_paths(node, &path_count);
    muster_peer_list_free(&snapshot->list);
    if (muster_peers(node, &snapshot->list) != 0) {
        look->failed = true;
    }
    snapshot->counters = *muster_counters(node);
    session_list_interfaces(paths, path_count, snapshot->interfaces, sizeof(snapshot->interfaces));
}

static void end_when_met(struct look *look) {
    if (!look->has_settled) {
        return;
    }
    take_snapshot(look);
    if (look->failed || is_met(look->expectation, &look->snapshot->list)) {
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

static void on_late(uv_timer_t *handle) {
    struct look *look = handle->data;
    look->snapshot->cut_off = !look->has_settled;
    take_snapshot(look);
    session_end(&look->session, STATUS_OK);
}

static int look_directly(const struct settings *settings, uint64_t timeout_ms,
                         const struct look_expectation *expectation, struct snapshot *snapshot) {
    struct look look = {.expectation = expectation, .snapshot = snapshot};
    const struct session_request request = {
        .on_event = expectation != NULL ? on_event : NULL, .on_settled = on_settled, .context = &look};
    if (session_open(&look.session, settings, &request) != STATUS_OK) {
        return STATUS_ERROR;
    }
    look.session.deadline.data = &look;
    if (!look.session.ended) {
        uv_timer_start(&look.session.deadline, on_late, timeout_ms, 0);
    }
    int status = session_run(&look.session);
    if (look.failed) {
        status = complain_error(settings, MUSTER_ENOMEM);
    }
    return status;
}

int look_for(const struct settings *settings, uint64_t timeout_ms, const struct look_expectation *expectation,
             struct snapshot *snapshot) {
    *snapshot = (struct snapshot){0};
    int status = settings->direct ? STATUS_NOBODY : look_locally(settings, timeout_ms, expectation, snapshot);
    return status == STATUS_NOBODY ? look_directly(settings, timeout_ms, expectation, snapshot) : status;
}

int look(const struct settings *settings, uint64_t timeout_ms, struct snapshot *snapshot) {
    return look_for(settings, timeout_ms, NULL, snapshot);
}

void snapshot_deinit(struct snapshot *snapshot) {
    muster_peer_list_free(&snapshot->list);
    free(snapshot->feeds);
    *snapshot = (struct snapshot){0};
}
