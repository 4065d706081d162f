/* SPDX-License-Identifier: MIT */
#include "gather.h"

#include <stdio.h>
#include <stdlib.h>

#include "metrics.h"
#include "session.h"

void gather_init(struct gather *gather, uv_loop_t *loop, const struct settings *settings, gather_cb on_done,
                 void *context) {
    *gather = (struct gather){.loop = loop, .settings = settings, .on_done = on_done, .context = context};
}

bool gather_is_busy(const struct gather *gather) {
    return gather->local != NULL;
}

/* Ends the connection, and with it what was asked. */
static void disconnect(struct gather *gather) {
    muster_local_close(gather->local, NULL, NULL);
    gather->local = NULL;
    muster_peer_list_free(&gather->rows);
}

static void finish(struct gather *gather, int error, const char *text) {
    disconnect(gather);
    gather->on_done(error, text, gather->context);
}

static void on_row(enum muster_peer_event event, const struct muster_peer *peer, void *context) {
    struct gather *gather = context;
    (void)event;
    if (gather->error == 0) {
        gather->error = muster_peer_list_add(&gather->rows, peer);
    }
}

static void write_answer(struct gather *gather, enum exposition_format format,
                         const struct muster_self *self) {
    FILE *out = open_memstream(&gather->texts[format], &gather->lengths[format]);
    if (out == NULL) {
        gather->error = MUSTER_ENOMEM;
        return;
    }
    metrics_write(out, format, self, &gather->rows);
    if (fclose(out) != 0) {
        gather->error = MUSTER_ENOMEM;
    }
}

static void on_self(const struct muster_self *self, void *context) {
    struct gather *gather = context;
    if (gather->error == 0) {
        write_answer(gather, EXPOSITION_TEXT, self);
    }
    if (gather->error == 0) {
        write_answer(gather, EXPOSITION_OPENMETRICS, self);
    }
}

static void on_table_end(int error, const char *text, void *context) {
    if (error != 0) {
        finish(context, error, text);
    }
}

static void on_self_end(int error, const char *text, void *context) {
    struct gather *gather = context;
    finish(gather, error != 0 ? error : gather->error, text);
}

int gather_start(struct gather *gather) {
    gather_deinit(gather);
    gather->error = 0;
    int error = session_connect(gather->loop, gather->settings, NULL, 0, &gather->local);
    if (error != 0) {
        gather->local = NULL;
        return error;
    }
    error = muster_local_table(gather->local, on_row, on_table_end, gather);
    if (error == 0) {
        error = muster_local_self(gather->local, on_self, on_self_end, gather);
    }
    if (error != 0) {
        disconnect(gather);
    }
    return error;
}

void gather_stop(struct gather *gather) {
    if (gather_is_busy(gather)) {
        disconnect(gather);
    }
}

void gather_deinit(struct gather *gather) {
    for (int i = 0; i < 2; i++) {
        free(gather->texts[i]);
        gather->texts[i] = NULL;
        gather->lengths[i] = 0;
    }
}
