/* SPDX-License-Identifier: MIT */
#include "self_query.h"

#include <stdbool.h>
#include <stddef.h>

#include "complain.h"
#include "conversation.h"

struct self_query {
    struct conversation conversation;
    self_query_cb show;
    void *context;
    struct muster_peer_list peers; /* to name publishers by */
    bool has_peers;
    bool is_again; /* it is to be asked once more, with its peers */
    int status;
};

static void on_row(enum muster_peer_event event, const struct muster_peer *peer, void *context) {
    struct self_query *question = context;
    (void)event;
    muster_peer_list_add(&question->peers, peer); /* who is left out is shown by its id */
}

/* Publishers of feeds are named by rows of the peer table. The table is asked for only where the muster hears
 * feeds; then its answer is asked for once more. */
static void on_self(const struct muster_self *self, void *context) {
    struct self_query *question = context;
    question->is_again = self->feed_count > 0 && !question->has_peers;
    if (!question->is_again) {
        question->status = question->show(self, &question->peers, question->context);
    }
}

static void on_end(int error, const char *text, void *context) {
    struct self_query *question = context;
    muster_local_t *local = question->conversation.local;
    if (error == 0 && question->is_again) {
        question->is_again = false;
        question->has_peers = true;
        error = muster_local_table(local, on_row, NULL, question);
        error = error != 0 ? error : muster_local_self(local, on_self, on_end, question);
        if (error == 0) {
            return;
        }
    }
    if (error != 0) {
        conversation_fail(&question->conversation, error, text);
    } else {
        conversation_end(&question->conversation, question->status);
    }
}

static void ask(struct conversation *conversation) {
    const int error = muster_local_self(conversation->local, on_self, on_end, conversation);
    if (error != 0) {
        conversation_fail(conversation, error, NULL);
    }
}

static void on_late(struct conversation *conversation) {
    complain(conversation->settings, "the running muster did not answer before --timeout");
    conversation_end(conversation, STATUS_TIMED_OUT);
}

int self_query(const struct settings *settings, uint64_t timeout_ms, self_query_cb show, void *context) {
    struct self_query question = {
        .conversation = {.settings = settings, .timeout_ms = timeout_ms, .on_open = ask, .on_late = on_late},
        .show = show,
        .context = context,
    };
    const int status = conversation_hold(&question.conversation);
    muster_peer_list_free(&question.peers);
    if (question.conversation.local == NULL && status == STATUS_NOBODY && settings->socket == NULL) {
        complain(settings, "no muster announce runs here");
    }
    return status;
}
