/* SPDX-License-Identifier: MIT */
#include "node.h"

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "deadline.h"
#include "feed_repair.h"
#include "group.h"
#include "options.h"
#include "signal.h"
#include "trust_rows.h"
#include "view.h"

/* When an output could not be given for want of memory, or was not pulled, it is tried again so soon. */
#define RETRY_MS 100

/* ---- group keys ---- */

/* A datagram has less room when it is sealed. */
static int set_overhead(muster_core_t *core, size_t overhead) {
    struct paths *paths = &core->context.paths;
    size_t before = paths->overhead;
    paths_set_overhead(paths, overhead);
    int error = own_document_fit(&core->presence);
    if (error != 0) {
        paths_set_overhead(paths, before);
    } else if (overhead > before) {
        sender_record_paths(&core->telemetry);
    }
    return error;
}

static int set_group_keys(muster_core_t *core, const uint8_t *keys, size_t count) {
    if (count == 0 && sealing_is_on(&core->sealing)) {
        return MUSTER_EINVAL; /* what was sealed never goes on in the clear */
    }
    struct seal_keys before = *sealing_keys(&core->sealing);
    int error = sealing_set_keys(&core->sealing, &core->context, keys, count);
    if (error == 0) {
        error = set_overhead(core, count > 0 ? MUSTER_SEAL_BYTES : 0);
        if (error != 0) {
            sealing_set_keys(&core->sealing, &core->context, before.keys[0], before.count);
        }
    }
    seal_keys_wipe(&before);
    return error;
}

static int set_pins(muster_core_t *core, const struct muster_pin *pins, size_t count) {
    struct trust *trust = &core->presence.trust;
    int error = trust_set(trust, trust->level, pins, count);
    return error != 0 ? error : trust_rows_apply(&core->presence);
}

/* ---- life ---- */

static int init(muster_core_t *core, const struct muster_core_options *options, uint64_t now_ms) {
    context_init(&core->context, options, now_ms);
    paths_set_overhead(&core->context.paths, options->group_key_count > 0 ? MUSTER_SEAL_BYTES : 0);
    int error =
        sealing_set_keys(&core->sealing, &core->context, options->group_keys, options->group_key_count);
    if (error != 0) {
        return error;
    }
    exchange_init(&core->exchange, &core->context, &core->presence, &core->telemetry,
                  &(struct exchange_calls){.publish = node_publish, .owner = core}, options);
    error = presence_init(&core->presence, &core->context, options);
    return error != 0 ? error : telemetry_init(&core->telemetry, &core->context, &core->presence, options);
}

int muster_core_new(const struct muster_core_options *options, uint64_t now_ms, muster_core_t **core) {
    struct muster_core_options known;
    *core = NULL;
    muster_core_options_init(&known);
    int error = options_take(&known, sizeof known, options);
    if (error != 0 || !core_options_are_valid(&known)) {
        return MUSTER_EINVAL;
    }
    if (sodium_init() < 0) {
        return MUSTER_ECRYPTO;
    }
    muster_core_t *node = calloc(1, sizeof *node);
    error = node == NULL ? MUSTER_ENOMEM : init(node, &known, now_ms);
    if (error != 0) {
        muster_core_free(node);
        return error;
    }
    *core = node;
    return 0;
}

void muster_core_free(muster_core_t *core) {
    if (core == NULL) {
        return;
    }
    message_deinit(&core->view);
    exchange_deinit(&core->exchange);
    telemetry_deinit(&core->telemetry);
    presence_deinit(&core->presence);
    sealed_streams_deinit(&core->sealed_streams);
    sealing_deinit(&core->sealing);
    context_deinit(&core->context);
    sodium_memzero(core, sizeof *core);
    free(core);
}

/* ---- notes: what the engines must tell each other ---- */

/* What can't be announced for want of memory is tried again with the next change. */
static void route_topics(muster_core_t *core) {
    if (core->telemetry.publisher.is_announce_due) {
        core->telemetry.publisher.is_announce_due = false;
        if (!presence_is_leaving(&core->presence)) {
            node_announce_topics(core);
        }
    }
}

static void route_merge(muster_core_t *core, const struct merge_note *note, const struct message *message,
                        const struct muster_datagram *datagram) {
    struct telemetry *telemetry = &core->telemetry;
    if (note->heard != NULL && message->kind == MESSAGE_ANNOUNCE && note->heard->large == NULL) {
        groups_record_topics(telemetry, note->heard);
    } else if (note->heard != NULL) {
        groups_record_heard(telemetry, note->heard);
    }
    exchange_take_note(&core->exchange, note, message, datagram);
    if (note->heard != NULL && feed_repair_record_sent(telemetry, note->heard, message)) {
        follow_begin(&core->exchange, note->heard);
    }
}

static void route_telemetry(muster_core_t *core) {
    struct telemetry_note note;
    if (!telemetry_take_note(&core->telemetry, &note)) {
        return;
    }
    if (note.is_stranger) {
        introduction_begin_stranger(&core->presence, note.stranger, note.stranger_boot,
                                    &core->telemetry.arrivals.datagram);
    }
    if (note.is_heard_again) {
        follow_review(&core->exchange, note.heard_again);
    }
}

/* ---- events ---- */

static void step_datagram(muster_core_t *core, const struct muster_datagram *came) {
    struct muster_datagram datagram;
    struct message message;
    struct merge_note note;
    if (!sealing_open(&core->sealing, &core->context, came, &datagram)) {
        return;
    }
    presence_step(&core->presence, &datagram, &message, &note);
    route_merge(core, &note, &message, &datagram);
    message_deinit(&message);
}

static int step_paths(muster_core_t *core, const struct muster_event *event) {
    struct paths *paths = &core->context.paths;
    bool is_same = paths_are(paths, event->paths, event->path_count);
    bool have_come = paths_have_come(paths, event->paths, event->path_count);
    size_t bytes_max = paths->bytes_max;
    const struct paths before = *paths;
    int error = paths_set(paths, event->paths, event->path_count);
    if (paths->bytes_max < bytes_max) {
        sender_record_paths(&core->telemetry);
    }
    if (error == 0 && gone_addresses_update(&core->presence.gone, &before, event->paths, event->path_count,
                                            core->context.now_ms) > 0) {
        announcer_tell_gone(&core->presence);
    }
    if (error == 0 && have_come) {
        static_peers_ask_again(&paths->static_peers);
        resume_arrive(&core->presence);
    } else if (error == 0 && !is_same) {
        resume_begin(&core->presence, 0);
    }
    return error;
}

static int step_rekey(muster_core_t *core, const struct muster_command *command) {
    if (command->key == NULL || !core_options_is_boot(command->boot) ||
        !core_options_is_crypto(&command->crypto, command->key)) {
        return MUSTER_EINVAL;
    }
    int error = presence_rekey(&core->presence, command->key, &command->crypto, command->boot);
    if (error == 0) {
        publisher_rekey(&core->telemetry);
        sealing_record_identity(&core->sealing, &core->context);
    }
    return error;
}

static int step_command(muster_core_t *core, const struct muster_command *command) {
    struct presence *presence = &core->presence;
    bool is_for_observers = command->kind == MUSTER_COMMAND_QUERY || command->kind == MUSTER_COMMAND_LEAVE ||
                            command->kind == MUSTER_COMMAND_PROBE;
    if (presence_is_leaving(presence)) {
        return MUSTER_ECLOSING;
    }
    if (core->context.is_observer && !is_for_observers) {
        return MUSTER_EINVAL;
    }
    switch (command->kind) {
    case MUSTER_COMMAND_QUERY:
        return query_begin(presence, command->type, command->name, !command->is_unawaited);
    case MUSTER_COMMAND_LEAVE:
        publisher_leave(&core->telemetry);
        announcer_leave(presence);
        return 0;
    case MUSTER_COMMAND_UPDATE:
        return command->document == NULL ? MUSTER_EINVAL : own_document_replace(presence, command->document);
    case MUSTER_COMMAND_CHANGE:
        return command->change == NULL ? MUSTER_EINVAL : own_document_change(presence, command->change);
    case MUSTER_COMMAND_REKEY: return step_rekey(core, command);
    case MUSTER_COMMAND_PROBE: return probe_begin(presence, command->targets, command->target_count);
    }
    return MUSTER_EINVAL;
}

/* Samples come before whatever is due, and before it shows that this node was suspended: the next step that
 * is for something else sees to both. False when this event is. */
static bool step_telemetry(muster_core_t *core, const struct muster_event *event, uint64_t now_ms) {
    unsigned shard;
    if (event->kind != MUSTER_EVENT_DATAGRAM ||
        !group_is_telemetry(&event->datagram.destination, core->context.port, &shard)) {
        return false;
    }
    struct muster_datagram datagram;
    core->context.now_ms = now_ms;
    if (sealing_open_batch(&core->sealing, &core->context, &event->datagram, &datagram)) {
        telemetry_step(&core->telemetry, &datagram, shard);
    }
    return true;
}

/* Whoever drives the core closes a stream for an error. */
static int give_stream_up(muster_core_t *core, uint64_t number, int error) {
    const struct muster_stream closed = {.number = number, .event = MUSTER_STREAM_CLOSED};
    sealed_streams_remove(&core->sealed_streams, number);
    exchange_step(&core->exchange, &closed);
    core->context.counters.streams_cut += number % 2;
    return error;
}

static int begin_sealed_stream(muster_core_t *core, const struct muster_stream *stream) {
    bool has_opened = stream->event == MUSTER_STREAM_OPENED;
    bool is_begin = has_opened || (stream->event == MUSTER_STREAM_ACCEPTED && !stream->is_local);
    return is_begin && sealing_is_on(&core->sealing)
               ? sealed_streams_add(&core->sealed_streams, sealing_keys(&core->sealing), stream->number,
                                    has_opened, &core->context.random)
               : 0;
}

static int step_stream(muster_core_t *core, const struct muster_stream *came) {
    struct muster_stream stream = *came;
    int error = begin_sealed_stream(core, &stream);
    if (error == 0 && stream.event == MUSTER_STREAM_BYTES) {
        error = sealed_streams_open(&core->sealed_streams, sealing_keys(&core->sealing), &stream);
    }
    if (error != 0) {
        return give_stream_up(core, stream.number, error);
    }
    error = exchange_step(&core->exchange, &stream);
    if (error != 0 || stream.event == MUSTER_STREAM_CLOSED) {
        sealed_streams_remove(&core->sealed_streams, stream.number);
    }
    return error;
}

static int step_event(muster_core_t *core, const struct muster_event *event) {
    switch (event->kind) {
    case MUSTER_EVENT_TIMER: break;
    case MUSTER_EVENT_DATAGRAM: step_datagram(core, &event->datagram); break;
    case MUSTER_EVENT_PATHS: return step_paths(core, event);
    case MUSTER_EVENT_STATIC_PEERS:
        return static_peers_set(&core->context.paths.static_peers, event->static_peers,
                                event->static_peer_count);
    case MUSTER_EVENT_GROUP_KEYS: return set_group_keys(core, event->group_keys, event->group_key_count);
    case MUSTER_EVENT_PINS: return set_pins(core, event->pins, event->pin_count);
    case MUSTER_EVENT_COMMAND: return step_command(core, &event->command);
    case MUSTER_EVENT_STREAM: return step_stream(core, &event->stream);
    case MUSTER_EVENT_SOCKETS:
        return server_set_sockets(&core->exchange.server, event->sockets, event->socket_count);
    }
    return 0;
}

/* ---- step, next, deadline ---- */

/* When something is due by what was known at the last step. */
static uint64_t due_ms(const muster_core_t *core) {
    uint64_t deadline_ms =
        deadline_earlier(presence_deadline(&core->presence), exchange_deadline(&core->exchange));
    bool is_waiting = outbox_first_event(&core->context.outbox) != NULL;
    return is_waiting ? deadline_earlier(deadline_ms, core->context.now_ms + RETRY_MS) : deadline_ms;
}

static void tick(muster_core_t *core) {
    exchange_tick(&core->exchange);
    core->presence.query.tables = exchange_query_tables(&core->exchange);
    presence_tick(&core->presence);
    telemetry_tick(&core->telemetry);
    route_topics(core);
}

/* Two clocks that are not read in the same moment seem to move apart a little. */
static void record_suspended(muster_core_t *core, int64_t suspended_ms) {
    int64_t asleep_ms = core->has_suspended ? suspended_ms - core->suspended_ms : 0;
    if (asleep_ms > MUSTER_SUSPEND_MS) {
        resume_begin(&core->presence, (uint64_t)asleep_ms);
    }
    if (!core->has_suspended || asleep_ms > 0) {
        core->has_suspended = true;
        core->suspended_ms = suspended_ms;
    }
}

int muster_core_step(muster_core_t *core, const struct muster_event *event) {
    uint64_t now_ms = event->now_ms > core->context.now_ms ? event->now_ms : core->context.now_ms;
    if (step_telemetry(core, event, now_ms)) {
        return 0;
    }
    uint64_t deadline_ms = due_ms(core);
    core->context.now_ms = now_ms;
    if (deadline_ms < now_ms) {
        presence_record_late(&core->presence, now_ms - deadline_ms);
    }
    record_suspended(core, event->suspended_ms);
    int error = step_event(core, event);
    tick(core);
    return error;
}

static void drop_event(muster_core_t *core, const struct outbox_event *event) {
    server_record_event(&core->exchange, event);
    event->peer->pins--;
    outbox_drop_event(&core->context.outbox);
}

/* The first event for the application, if there is one. */
static const struct outbox_event *first_event(muster_core_t *core) {
    const struct outbox_event *event = outbox_first_event(&core->context.outbox);
    while (event != NULL && event->audience == OUTBOX_OTHERS) {
        drop_event(core, event);
        event = outbox_first_event(&core->context.outbox);
    }
    return event;
}

static bool next_event(muster_core_t *core, const struct outbox_event *event, struct muster_output *output) {
    if (view_fill(&core->presence, event->peer, &core->view, core->view_tuples, &output->peer) != 0) {
        return false;
    }
    output->kind = MUSTER_OUTPUT_PEER;
    output->peer_event = event->event;
    drop_event(core, event);
    return true;
}

/* Who is not told by which key, or without memory, can't be answered. */
static bool next_of_streams(muster_core_t *core, struct muster_output *output) {
    if (!exchange_next(&core->exchange, output)) {
        return false;
    }
    if (output->kind == MUSTER_OUTPUT_STREAM_WRITE &&
        sealed_streams_seal(&core->sealed_streams, output) != 0) {
        give_stream_up(core, output->stream, 0);
        output->kind = MUSTER_OUTPUT_STREAM_CLOSE;
    }
    if (output->kind == MUSTER_OUTPUT_STREAM_CLOSE) {
        sealed_streams_remove(&core->sealed_streams, output->stream);
    }
    return true;
}

bool muster_core_next_blocked(muster_core_t *core, struct muster_output *output) {
    memset(output, 0, sizeof *output);
    message_deinit(&core->view);
    const struct outbox_event *event = first_event(core);
    if (event != NULL) {
        return next_event(core, event, output);
    }
    if (core->context.outbox.settled_count > 0) {
        core->context.outbox.settled_count--;
        output->kind = MUSTER_OUTPUT_SETTLED;
        return true;
    }
    return next_of_streams(core, output) || groups_next(&core->telemetry.groups, output);
}

bool muster_core_next(muster_core_t *core, struct muster_output *output) {
    if (muster_core_next_blocked(core, output)) {
        return true;
    }
    if (outbox_take_datagram(&core->context.outbox, &output->datagram)) {
        output->kind = MUSTER_OUTPUT_DATAGRAM;
        output->datagram.ttl = context_ttl(&core->context, &output->datagram.destination);
        sealing_seal(&core->sealing, &core->context, &output->datagram);
        return true;
    }
    if (telemetry_next(&core->telemetry, output)) {
        sealing_seal(&core->sealing, &core->context, &output->datagram);
        return true;
    }
    if (presence_has_left(&core->presence) && !sender_has_unsent(&core->telemetry) && !core->has_given_left) {
        core->has_given_left = true;
        output->kind = MUSTER_OUTPUT_LEFT;
        return true;
    }
    core->telemetry.feeds.has_work = false;
    return false;
}

void muster_core_record_unsent(muster_core_t *core, const struct muster_datagram *datagram) {
    unsigned shard;
    if (!group_is_telemetry(&datagram->destination, core->context.port, &shard)) {
        presence_record_unsent(&core->presence, &datagram->destination);
    }
}

bool muster_core_has_work(const muster_core_t *core) {
    return core->telemetry.feeds.has_work;
}

uint64_t muster_core_deadline(const muster_core_t *core) {
    uint64_t deadline_ms = deadline_earlier(due_ms(core), telemetry_deadline(&core->telemetry));
    deadline_ms = deadline_earlier(deadline_ms, exchange_samples_deadline(&core->exchange));
    return core->presence.own.has_news ? deadline_earlier(deadline_ms, core->context.now_ms) : deadline_ms;
}

/* ---- arrivals ---- */

/* What was heard; notes are routed on the way. */
static bool next_heard(muster_core_t *core, struct muster_arrival *arrival) {
    bool is_given;
    bool has_note;
    do {
        is_given = telemetry_next_arrival(&core->telemetry, arrival);
        has_note = core->telemetry.note.is_stranger;
        route_telemetry(core);
    } while (!is_given && has_note);
    return is_given;
}

/* What came by stream, or was heard and does not wait for what comes by stream. */
static bool next_sample(muster_core_t *core, struct muster_arrival *arrival) {
    do {
        if (backlog_next(&core->exchange, arrival)) {
            return true;
        }
        while (next_heard(core, arrival)) {
            join_hold(&core->exchange, arrival);
            if (arrival->subscriptions != 0) {
                return true;
            }
        }
    } while (join_settle(&core->exchange));
    return false;
}

bool muster_core_next_arrival(muster_core_t *core, struct muster_arrival *arrival) {
    while (!values_next(&core->exchange, arrival)) {
        if (!next_sample(core, arrival)) {
            return false;
        }
        exchange_record_live(&core->exchange, arrival);
        if (telemetry_cache(&core->telemetry, arrival) && !values_hold(&core->exchange, arrival)) {
            return true;
        }
    }
    return true;
}
