/* SPDX-License-Identifier: MIT */
#include "conversation.h"

#include "complain.h"
#include "local.h"

static void on_deadline(uv_timer_t *timer) {
    struct conversation *conversation = timer->data;
    conversation->on_late(conversation);
}

static void begin(struct conversation *conversation) {
    uv_timer_init(&conversation->loop, &conversation->deadline); /* cannot fail */
    uv_timer_init(&conversation->loop, &conversation->again);
    conversation->deadline.data = conversation->again.data = conversation;
    if (conversation->timeout_ms > 0) {
        uv_timer_start(&conversation->deadline, on_deadline, conversation->timeout_ms, 0);
    }
    conversation->on_open(conversation);
}

int conversation_hold(struct conversation *conversation) {
    const struct settings *settings = conversation->settings;
    if (uv_loop_init(&conversation->loop) != 0) {
        return complain_error(settings, MUSTER_ESYSTEM);
    }
    conversation->status = local_open(settings, conversation->instance, conversation->skip,
                                      &conversation->loop, &conversation->local);
    if (conversation->status == STATUS_OK) {
        begin(conversation);
    }
    uv_run(&conversation->loop, UV_RUN_DEFAULT);
    uv_loop_close(&conversation->loop);
    return conversation->status;
}

void conversation_end(struct conversation *conversation, int status) {
    if (conversation->is_over) {
        return;
    }
    conversation->is_over = true;
    conversation->status = status;
    muster_local_close(conversation->local, NULL, NULL);
    uv_close((uv_handle_t *)&conversation->deadline, NULL);
    uv_close((uv_handle_t *)&conversation->again, NULL);
}

void conversation_fail(struct conversation *conversation, int error, const char *text) {
    int status = STATUS_ERROR;
    if (error == MUSTER_ENOTFOUND) {
        complain(conversation->settings, "no muster runs here on that port and those interfaces");
        status = STATUS_NOBODY;
    } else {
        local_complain(conversation->settings, error, text);
    }
    conversation_end(conversation, status);
}
