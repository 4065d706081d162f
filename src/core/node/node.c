#include "node.h"

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "bytes.h"
#include "change.h"
#include "deadline.h"
#include "merge.h"
#include "options.h"
#include "suspicion.h"
#include "telemetry.h"
#include "view.h"

/* When an output could not be given for want of memory, or was not pulled, it is tried again so soon. */
#define RETRY_MS 100

/* ---- life ---- */

void muster_core_options_init_sized(struct muster_core_options *options, size_t size) {
    const struct muster_core_options defaults = {.port = MUSTER_PORT_DEFAULT,
                                                 .interval_min_ms = MUSTER_INTERVAL_MIN_MS,
                                                 .budget_bps = MUSTER_BUDGET_BPS,
                                                 .tombstone_ms = MUSTER_TOMBSTONE_MS,
                                                 .peers_max = MUSTER_PEERS_MAX,
                                                 .unverified_max = MUSTER_UNVERIFIED_MAX,
                                                 .rate_bytes_s = MUSTER_RATE_BYTES_S,
                                                 .linger_ms = MUSTER_LINGER_MS,
                                                 .repair_share = MUSTER_REPAIR_SHARE};
    options_init(options, size, &defaults, sizeof defaults);
}

static bool is_crypto_complete(const struct muster_crypto *crypto, const uint8_t *key) {
    return crypto->verify != NULL && (key == NULL || crypto->sign != NULL);
}

static bool is_boot(uint64_t boot) {
    return boot >= 1 && boot <= MUSTER_INTEGER_MAX;
}

static bool is_ring(size_t bytes) {
    return bytes == 0 || (bytes >= MUSTER_RING_BYTES_MIN && bytes <= MUSTER_RING_BYTES_MAX);
}

static bool is_telemetry_valid(const struct muster_core_options *options) {
    return options->rate_bytes_s >= MUSTER_RATE_BYTES_S_MIN &&
           options->rate_bytes_s <= MUSTER_RATE_BYTES_S_MAX && is_ring(options->ring_bytes) &&
           options->linger_ms <= MUSTER_LINGER_MS_MAX && options->repair_share >= 0 &&
           options->repair_share <= 1;
}

static bool are_options_valid(const struct muster_core_options *options) {
    return is_crypto_complete(&options->crypto, options->key) && is_boot(options->boot) &&
           options->port != 0 && options->interval_min_ms >= MUSTER_INTERVAL_MS_MIN &&
           options->interval_min_ms <= MUSTER_INTERVAL_MS_MAX && options->budget_bps > 0 &&
           options->tombstone_ms <= MUSTER_TOMBSTONE_MS_MAX && options->peers_max >= 1 &&
           options->peers_max <= MUSTER_PEERS_HIGHEST && options->unverified_max >= 1 &&
           is_telemetry_valid(options) && keeper_takes(options);
}

static void draw_seed(struct random *random, uint8_t seed[16]) {
    for (size_t i = 0; i < 16; i += sizeof(uint64_t)) {
        bytes_put_u64(seed + i, random_u64(random));
    }
}

static void init(struct muster_core *core, const struct muster_core_options *options, uint64_t now_ms) {
    uint8_t seed[16];
    core->now_ms = now_ms;
    core->began_ms = now_ms;
    core->stream = options->stream;
    core->has_streams = options->has_streams;
    core->version = options->version == NULL ? "" : options->version;
    strncpy(core->network, options->network == NULL ? "" : options->network, sizeof core->network - 1);
    core->fetches.documents_ms = DEADLINE_NEVER;
    core->port = options->port;
    core->interval_min_ms = options->interval_min_ms;
    core->budget_bps = options->budget_bps;
    core->tombstone_ms = options->tombstone_ms;
    core->is_observer = options->document == NULL;
    random_init(&core->random, options->seed);
    identity_init(&core->identity, options->key, &options->crypto, options->boot, &core->random);
    draw_seed(&core->random, seed);
    peer_table_init(&core->table, seed, options->peers_max);
    core->table.unverified_max = options->unverified_max;
    draw_seed(&core->random, core->admission.seed);
    memcpy(core->subscriber.feeds.seed, core->admission.seed, sizeof core->subscriber.feeds.seed);
    publisher_init(&core->publisher, options);
    sender_init(&core->sender, options);
}

static int node_new(const struct muster_core_options *options, uint64_t now_ms, muster_core_t **core) {
    if (!are_options_valid(options)) {
        return MUSTER_EINVAL;
    }
    if (sodium_init() < 0) {
        return MUSTER_ECRYPTO;
    }
    muster_core_t *node = calloc(1, sizeof *node);
    if (node == NULL) {
        return MUSTER_ENOMEM;
    }
    init(node, options, now_ms);
    int error = keeper_init(&node->keeper, options);
    if (error == 0 && !node->is_observer) {
        error = presence_set_document(node, options->document);
    }
    error = error != 0 ? error : keeper_begin(node);
    if (error != 0) {
        muster_core_free(node);
        return error;
    }
    *core = node;
    return 0;
}

int muster_core_new(const struct muster_core_options *options, uint64_t now_ms, muster_core_t **core) {
    struct muster_core_options known;
    *core = NULL;
    muster_core_options_init(&known);
    int error = options_take(&known, sizeof known, options);
    return error != 0 ? error : node_new(&known, now_ms, core);
}

void muster_core_free(muster_core_t *core) {
    if (core == NULL) {
        return;
    }
    message_deinit(&core->view);
    outbox_deinit(&core->outbox);
    server_deinit(&core->server);
    fetch_deinit(&core->fetches);
    publisher_deinit(&core->publisher);
    subscriber_deinit(&core->subscriber);
    backlog_deinit(&core->backlog);
    catchup_deinit(&core->catchup);
    keeper_deinit(&core->keeper);
    peer_table_deinit(&core->table);
    presence_deinit(&core->presence);
    free(core->twin.announce);
    free(core->twin.tuples);
    sodium_memzero(core, sizeof *core);
    free(core);
}

/* ---- datagrams ---- */

/* Only what a known peer signed lately, and never asked before, is the group's question: else anybody could
 * talk us into burying a row without asking ourselves. */
static bool is_groups_question(const struct peer *asker, const struct message *message,
                               const struct muster_datagram *datagram) {
    return !message->wants && message->boot == asker->boot && message->count > asker->asked &&
           message->said >= asker->seq && paths_kind_of(&datagram->destination) != MUSTER_PATH_U4;
}

static bool step_query(muster_core_t *core, const struct message *message,
                       const struct muster_datagram *datagram, enum muster_drop *reason) {
    struct peer *asker = peer_table_find(&core->table, message->id);
    if (asker != NULL && asker->is_verified) {
        if (!merge_is_signed_by(core, message, datagram, asker->key)) {
            *reason = MUSTER_DROP_SIGNATURE;
            return false;
        }
        if (is_groups_question(asker, message, datagram)) {
            asker->asked = message->count;
            suspicion_note_question(core, message);
        }
    }
    return answer_query(core, message, datagram, reason);
}

static enum merge_result step_message(muster_core_t *core, const struct message *message,
                                      const struct muster_datagram *datagram, enum muster_drop *reason) {
    bool is_own_id = memcmp(message->id, core->identity.id, MUSTER_ID_BYTES) == 0;
    if (is_own_id && message->boot == core->identity.boot) {
        *reason = MUSTER_DROP_OWN;
        return MERGE_DROPPED;
    }
    if (message->kind == MESSAGE_QUERY) {
        return step_query(core, message, datagram, reason) ? MERGE_ACCEPTED : MERGE_DROPPED;
    }
    return is_own_id ? merge_twin(core, message, datagram, reason)
                     : merge_message(core, message, datagram, reason);
}

static void step_datagram(muster_core_t *core, const struct muster_datagram *datagram) {
    struct muster_counters *counters = &core->admission.counters;
    struct message message;
    enum muster_drop reason;
    if (!admission_check(&core->admission, &core->paths, datagram, core->now_ms, &reason) ||
        !message_decode(datagram->bytes, datagram->length, &message, &reason)) {
        counters->drops[reason]++;
        return;
    }
    switch (step_message(core, &message, datagram, &reason)) {
    case MERGE_ACCEPTED: counters->accepted++; break;
    case MERGE_COPY: counters->copies++; break;
    case MERGE_DROPPED: counters->drops[reason]++; break;
    }
    counters->evicted = core->table.evicted;
    message_deinit(&message);
}

/* ---- paths and commands ---- */

/* This node was suspended, starved of time, or its paths changed: the others are asked and told anew, and get
 * one more promise's time each. */
static void resume(muster_core_t *core) {
    core->resumed_ms = core->now_ms;
    presence_announce(core);
    if (!core->is_observer) {
        query_begin(core, NULL, NULL, false);
    }
}

static int step_paths(muster_core_t *core, const struct muster_event *event) {
    bool is_same = paths_are(&core->paths, event->paths, event->path_count);
    int error = paths_set(&core->paths, event->paths, event->path_count);
    if (error == 0 && !is_same) {
        resume(core);
    }
    return error;
}

static int step_update(muster_core_t *core, const struct muster_command *command) {
    if (core->is_observer || command->document == NULL) {
        return MUSTER_EINVAL;
    }
    return presence_change_document(core, command->document);
}

static int step_change(muster_core_t *core, const struct muster_command *command) {
    return core->is_observer || command->change == NULL ? MUSTER_EINVAL : change_apply(core, command->change);
}

static int step_rekey(muster_core_t *core, const struct muster_command *command) {
    if (core->is_observer || command->key == NULL || !is_boot(command->boot) ||
        !is_crypto_complete(&command->crypto, command->key)) {
        return MUSTER_EINVAL;
    }
    const struct identity before = core->identity;
    identity_init(&core->identity, command->key, &command->crypto, command->boot, &core->random);
    /* Who had no key has longer announcements now. */
    int error = presence_set_document(core, &core->presence.own.document);
    if (error != 0) {
        core->identity = before;
        return error;
    }
    presence_restart(core);
    publisher_rekey(core);
    return 0;
}

static int step_command(muster_core_t *core, const struct muster_command *command) {
    if (core->presence.state >= PRESENCE_LEAVING) {
        return MUSTER_ECLOSING;
    }
    switch (command->kind) {
    case MUSTER_COMMAND_QUERY: return query_begin(core, command->type, command->name, !command->is_unawaited);
    case MUSTER_COMMAND_UPDATE: return step_update(core, command);
    case MUSTER_COMMAND_CHANGE: return step_change(core, command);
    case MUSTER_COMMAND_LEAVE:
        publisher_leave(core);
        presence_leave(core);
        return 0;
    case MUSTER_COMMAND_REKEY: return step_rekey(core, command);
    }
    return MUSTER_EINVAL;
}

/* ---- streams ---- */

static int step_stream(muster_core_t *core, const struct muster_stream *stream) {
    if (stream->number % 2 != 0) {
        return server_step(core, stream);
    }
    fetch_step(core, stream);
    return 0;
}

static int step_sockets(muster_core_t *core, const struct muster_event *event) {
    struct server *server = &core->server;
    if (event->socket_count > MUSTER_SOCKETS_MAX) {
        return MUSTER_EFULL;
    }
    server->socket_count = event->socket_count;
    if (event->socket_count > 0) {
        memcpy(server->sockets, event->sockets, event->socket_count * sizeof *event->sockets);
    }
    return 0;
}

/* ---- step, next, deadline ---- */

/* When something is due by what was known at the last step. */
static uint64_t due_ms(const muster_core_t *core) {
    uint64_t deadline_ms = suspicion_deadline(core);
    deadline_ms = deadline_earlier(deadline_ms, introduction_deadline(core));
    deadline_ms = deadline_earlier(deadline_ms, answer_deadline(core));
    deadline_ms = deadline_earlier(deadline_ms, query_deadline(core));
    deadline_ms = deadline_earlier(deadline_ms, presence_deadline(core));
    deadline_ms = deadline_earlier(deadline_ms, fetch_deadline(core));
    deadline_ms = deadline_earlier(deadline_ms, server_deadline(core));
    bool is_waiting = outbox_first_event(&core->outbox) != NULL;
    return is_waiting ? deadline_earlier(deadline_ms, core->now_ms + RETRY_MS) : deadline_ms;
}

static void tick(muster_core_t *core) {
    suspicion_tick(core);
    introduction_tick(core);
    fetch_tick(core);
    server_tick(core);
    answer_tick(core);
    query_tick(core);
    presence_tick(core);
    telemetry_tick(core);
}

static void note_time(muster_core_t *core, uint64_t now_ms) {
    if (now_ms > core->now_ms) {
        core->now_ms = now_ms;
    }
}

/* Its samples come before whatever is due, and before it shows that this node was suspended: the next step
 * that is for something else sees to both. False when this event is. */
static bool step_telemetry(muster_core_t *core, const struct muster_event *event) {
    unsigned shard;
    if (event->kind != MUSTER_EVENT_DATAGRAM || !signal_is_for(&event->datagram, core->port, &shard)) {
        return false;
    }
    note_time(core, event->now_ms);
    telemetry_step(core, &event->datagram, shard);
    return true;
}

int muster_core_step(muster_core_t *core, const struct muster_event *event) {
    if (step_telemetry(core, event)) {
        return 0;
    }
    uint64_t deadline_ms = due_ms(core);
    note_time(core, event->now_ms);
    if (deadline_ms < core->now_ms && core->now_ms - deadline_ms > MUSTER_STALL_MS) {
        resume(core);
    }
    int error = 0;
    switch (event->kind) {
    case MUSTER_EVENT_TIMER: break;
    case MUSTER_EVENT_DATAGRAM: step_datagram(core, &event->datagram); break;
    case MUSTER_EVENT_PATHS: error = step_paths(core, event); break;
    case MUSTER_EVENT_COMMAND: error = step_command(core, &event->command); break;
    case MUSTER_EVENT_STREAM: error = step_stream(core, &event->stream); break;
    case MUSTER_EVENT_SOCKETS: error = step_sockets(core, event); break;
    }
    tick(core);
    return error;
}

static void drop_event(muster_core_t *core, const struct outbox_event *event) {
    server_tell(core, event);
    event->peer->pins--;
    outbox_drop_event(&core->outbox);
}

/* The first event for the application, if there is one. */
static const struct outbox_event *first_event(muster_core_t *core) {
    const struct outbox_event *event = outbox_first_event(&core->outbox);
    while (event != NULL && event->audience == OUTBOX_OTHERS) {
        drop_event(core, event);
        event = outbox_first_event(&core->outbox);
    }
    return event;
}

static bool next_event(muster_core_t *core, const struct outbox_event *event, struct muster_output *output) {
    if (view_fill(core, event->peer, &core->view, core->view_tuples, &output->peer) != 0) {
        return false;
    }
    output->kind = MUSTER_OUTPUT_PEER;
    output->peer_event = event->event;
    drop_event(core, event);
    return true;
}

bool muster_core_next_blocked(muster_core_t *core, struct muster_output *output) {
    memset(output, 0, sizeof *output);
    message_deinit(&core->view);
    const struct outbox_event *event = first_event(core);
    if (event != NULL) {
        return next_event(core, event, output);
    }
    if (core->outbox.settled_count > 0) {
        core->outbox.settled_count--;
        output->kind = MUSTER_OUTPUT_SETTLED;
        return true;
    }
    return server_next(core, output) || fetch_next(core, output) || subscriber_next(core, output);
}

bool muster_core_next(muster_core_t *core, struct muster_output *output) {
    if (muster_core_next_blocked(core, output)) {
        return true;
    }
    if (outbox_take_datagram(&core->outbox, &output->datagram)) {
        output->kind = MUSTER_OUTPUT_DATAGRAM;
        return true;
    }
    if (sender_next(core, output)) {
        return true;
    }
    if (core->presence.state == PRESENCE_LEFT && !sender_has_unsent(core) && !core->has_told_left) {
        core->has_told_left = true;
        output->kind = MUSTER_OUTPUT_LEFT;
        return true;
    }
    core->subscriber.feeds.has_work = false;
    return false;
}

bool muster_core_has_work(const muster_core_t *core) {
    return core->subscriber.feeds.has_work;
}

uint64_t muster_core_deadline(const muster_core_t *core) {
    uint64_t deadline_ms = deadline_earlier(due_ms(core), telemetry_deadline(core));
    return core->presence.has_news ? deadline_earlier(deadline_ms, core->now_ms) : deadline_ms;
}
