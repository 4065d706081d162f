/* SPDX-License-Identifier: MIT */
#include <muster/muster.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "log.h"
#include "options.h"
#include "runner.h"

void muster_options_init_sized(struct muster_options *options, size_t size) {
    struct muster_core_options core;
    muster_core_options_init(&core);
    const struct muster_options defaults = {.port = core.port,
                                            .interval_min_ms = core.interval_min_ms,
                                            .rate_bytes_s = core.rate_bytes_s,
                                            .ring_bytes = core.ring_bytes,
                                            .linger_ms = core.linger_ms};
    options_init(options, size, &defaults, sizeof defaults);
}

/* ---- open and close ---- */

static int node_open(uv_loop_t *loop, const struct muster_options *options, muster_t **node) {
    struct log log = {.write = options->on_log, .context = options->context};
    muster_t *opened;
    int error = opening_prepare(options, &log, &opened);
    if (error != 0) {
        return error;
    }
    error = runner_start(opened, loop);
    if (error != 0) {
        log_line(&log, MUSTER_LOG_ERROR, "loop: %s", muster_error_text(error));
        runner_end(opened);          /* its handles are gone, and it is freed, when the loop runs next; */
        slot_release(&opened->slot); /* but who tries again may do so at once */
        return error;
    }
    network_describe(&opened->network, &log);
    *node = opened;
    return 0;
}

int muster_open(uv_loop_t *loop, const struct muster_options *options, muster_t **node) {
    struct muster_options known;
    if (node == NULL) {
        return MUSTER_EINVAL;
    }
    *node = NULL;
    muster_options_init(&known);
    if (loop == NULL || options == NULL || options_take(&known, sizeof known, options) != 0) {
        return MUSTER_EINVAL;
    }
    return node_open(loop, &known, node);
}

void muster_close(muster_t *node, muster_close_cb on_closed, void *context) {
    if (node->context.is_closing) {
        return;
    }
    node->on_closed = on_closed;
    node->closed_context = context;
    runner_close(node);
}

/* ---- presence ---- */

static int command(muster_t *node, const struct muster_command *command) {
    if (node->context.is_closing) {
        return MUSTER_ECLOSING;
    }
    struct muster_event event = {.kind = MUSTER_EVENT_COMMAND, .command = *command};
    int error = part_step(&node->context, &event);
    runner_work(node);
    return error;
}

int muster_update(muster_t *node, const struct muster_document *document) {
    return command(node, &(struct muster_command){.kind = MUSTER_COMMAND_UPDATE, .document = document});
}

int muster_change(muster_t *node, const struct muster_change *change) {
    return command(node, &(struct muster_command){.kind = MUSTER_COMMAND_CHANGE, .change = change});
}

int muster_probe(muster_t *node, const struct muster_static_peer *targets, size_t target_count) {
    return command(node, &(struct muster_command){
                             .kind = MUSTER_COMMAND_PROBE, .targets = targets, .target_count = target_count});
}

const struct muster_probe_report *muster_probe_report(const muster_t *node) {
    return muster_core_probe(node->core);
}

int muster_set_group_keys(muster_t *node, const uint8_t *keys, size_t count) {
    if (node->context.is_closing) {
        return MUSTER_ECLOSING;
    }
    struct muster_event event = {
        .kind = MUSTER_EVENT_GROUP_KEYS, .group_keys = keys, .group_key_count = count};
    int error = part_step(&node->context, &event);
    runner_work(node);
    return error;
}

int muster_set_pins(muster_t *node, const struct muster_pin *pins, size_t count) {
    if (node->context.is_closing) {
        return MUSTER_ECLOSING;
    }
    struct muster_event event = {.kind = MUSTER_EVENT_PINS, .pins = pins, .pin_count = count};
    int error = part_step(&node->context, &event);
    runner_work(node);
    return error;
}

static void on_settled_unheard(muster_t *node, void *context) {
    (void)node;
    (void)context;
}

int muster_query(muster_t *node, const char *type, const char *name, muster_settled_cb on_settled,
                 void *context) {
    if (node->context.is_closing) {
        return MUSTER_ECLOSING;
    }
    int error = deliveries_ask(&node->deliveries, type, name,
                               on_settled == NULL ? on_settled_unheard : on_settled, context);
    runner_work(node);
    return error;
}

int muster_browse(muster_t *node, const char *type, const char *name, muster_browse_cb on_service,
                  void *context, muster_browse_t **browse) {
    int error = browses_add_browse(&node->browses, type, name, on_service, context, browse);
    runner_work(node);
    return error;
}

int muster_lookup(muster_t *node, const char *type, const char *name, uint64_t timeout_ms,
                  muster_lookup_cb on_found, void *context) {
    int error = browses_add_lookup(&node->browses, type, name, timeout_ms, on_found, context);
    runner_work(node);
    return error;
}

/* ---- publishing ---- */

int muster_publisher_open(muster_t *node, const struct muster_topic *topic, muster_publisher_t **publisher) {
    int error = publisher_open(&node->publications, topic, publisher);
    if (error == 0) {
        network_hear_again(&node->network);
        runner_refresh(node);
    }
    return error;
}

int muster_publisher_add(muster_publisher_t *publisher, const struct muster_record *record) {
    muster_t *node = publisher->publications->context->node;
    if (node->context.is_closing) {
        return MUSTER_ECLOSING;
    }
    uint64_t now_ms = uv_now(node->timer.loop);
    int error = publisher_add(publisher, record, now_ms);
    if (error == MUSTER_EAGAIN) { /* what pacing permits to send by now makes room */
        runner_refresh(node);
        error = publisher_add(publisher, record, now_ms);
    }
    if (error == MUSTER_EAGAIN) {
        node->publications.is_awaited = true;
    } else if (error == 0) {
        runner_publish(node, false);
    }
    return error;
}

int muster_publisher_flush(muster_publisher_t *publisher) {
    muster_t *node = publisher->publications->context->node;
    if (node->context.is_closing) {
        return MUSTER_ECLOSING;
    }
    muster_core_topic_flush(node->core, publisher->number);
    runner_publish(node, true);
    return 0;
}

void muster_publisher_close(muster_publisher_t *publisher) {
    if (publisher != NULL) {
        muster_t *node = publisher->publications->context->node;
        publisher_close(publisher);
        runner_refresh(node);
    }
}

void muster_on_writable(muster_t *node, muster_writable_cb on_writable, void *context) {
    node->publications.on_writable = on_writable;
    node->publications.application = context;
}

int muster_set_figures(muster_t *node, const struct muster_figure *figures, size_t count) {
    return node->context.is_closing ? MUSTER_ECLOSING : muster_core_set_figures(node->core, figures, count);
}

const struct muster_sender *muster_sender(const muster_t *node) {
    return muster_core_sender(node->core);
}

uint64_t muster_unsent(const muster_t *node) {
    return muster_core_unsent(node->core) + network_unsent(&node->network);
}

uint64_t muster_values_given(const muster_t *node) {
    return muster_core_values_given(node->core);
}

/* ---- subscribing ---- */

/* Hears the groups that a new subscription needs, and asks who is there. */
static int listen_for(muster_t *node) {
    network_hear_again(&node->network);
    runner_refresh(node); /* where the core says which groups it needs */
    if (!node->network.is_hearing && node->network.hearing_error != 0) {
        return node->network.hearing_error;
    }
    return deliveries_ask(&node->deliveries, NULL, NULL, NULL, NULL);
}

int muster_subscribe(muster_t *node, const struct muster_subscription_options *options,
                     muster_sample_cb on_sample, muster_loss_cb on_loss, void *context,
                     muster_subscription_t **subscription) {
    int error = subscriptions_add(&node->subscriptions, options, on_sample, on_loss, context, subscription);
    if (error != 0) {
        return error;
    }
    error = listen_for(node);
    if (error != 0) {
        subscription_end(*subscription);
        *subscription = NULL;
    }
    runner_work(node);
    return error;
}

void muster_subscription_end(muster_subscription_t *subscription) {
    if (subscription != NULL) {
        muster_t *node = subscription->subscriptions->context->node;
        subscription_end(subscription);
        runner_work(node);
    }
}

size_t muster_feeds(const muster_t *node, struct muster_feed *feeds, size_t feeds_max) {
    return muster_core_feeds(node->core, feeds, feeds_max);
}

/* ---- looking ---- */

/* The core's rows are as old as its last event: let it know the time first. What that brings about is pulled
 * when the timer, which is due then, fires. */
static void update_time(const muster_t *node) {
    struct muster_event event = {.kind = MUSTER_EVENT_TIMER};
    part_step(&node->context, &event);
}

int muster_peers(const muster_t *node, struct muster_peer_list *list) {
    update_time(node);
    return muster_core_peers(node->core, list);
}

int muster_peer_find(const muster_t *node, const uint8_t id[MUSTER_ID_BYTES], struct muster_peer_list *list) {
    update_time(node);
    return muster_core_peer(node->core, id, list);
}

const struct muster_counters *muster_counters(const muster_t *node) {
    return muster_core_counters(node->core);
}

void muster_id(const muster_t *node, uint8_t id[MUSTER_ID_BYTES]) {
    muster_core_id(node->core, id);
}

uint64_t muster_rev(const muster_t *node) {
    return muster_core_rev(node->core);
}

uint64_t muster_boot(const muster_t *node) {
    return muster_core_boot(node->core);
}

uint16_t muster_unicast_port(const muster_t *node) {
    return node->network.unicast.port;
}

const char *muster_socket(const muster_t *node) {
    return node->socket;
}

const char *muster_instance_directory(const muster_t *node) {
    return node->slot.path;
}

const struct muster_path *muster_paths(const muster_t *node, size_t *count) {
    *count = node->network.path_count;
    return node->network.paths;
}

size_t muster_sockets(const muster_t *node, struct muster_socket *sockets, size_t sockets_max) {
    return network_sockets(&node->network, sockets, sockets_max);
}
