/* SPDX-License-Identifier: MIT */
#include "turn.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scenario.h"
#include "signature.h"
#include "world.h"

/* What a step costs on a small machine. */
#define DATAGRAM_IN_US 8
#define DATAGRAM_OUT_US 8
#define VERIFICATION_US 50
#define TIMER_US 4
#define STREAM_US 10

#define BATCH 16            /* datagrams that are read from a socket at a time */
#define TIMER_LEAST_US 1000 /* a timer that is due at once still waits for the next turn of the loop */
#define PPM 1000000

/* ---- clocks ---- */

static uint64_t local_us(const struct node *node, uint64_t time_us) {
    int64_t elapsed_us = (int64_t)(time_us - node->clock_lag_us);
    return (uint64_t)(elapsed_us + elapsed_us * node->drift_ppm / PPM) + node->clock_offset_us;
}

uint64_t turn_clock_ms(const struct node *node, uint64_t time_us) {
    return local_us(node, time_us) / US_PER_MS;
}

/* The first time at which the node's clock shows this. */
static uint64_t time_of(const struct node *node, uint64_t clock_ms) {
    uint64_t wanted_us = clock_ms * US_PER_MS;
    if (clock_ms >= UINT64_MAX / US_PER_MS) {
        return UINT64_MAX;
    }
    if (wanted_us <= node->clock_offset_us) {
        return 0;
    }
    int64_t elapsed_us = (int64_t)(wanted_us - node->clock_offset_us);
    uint64_t time_us =
        (uint64_t)(elapsed_us - elapsed_us * node->drift_ppm / (PPM + node->drift_ppm)) + node->clock_lag_us;
    while (local_us(node, time_us) < wanted_us) {
        time_us++;
    }
    return time_us;
}

/* ---- outputs ---- */

static void send(struct world *world, struct node *node, const struct muster_datagram *datagram) {
    struct host *host = node->hosts[datagram->interface - SEGMENT_INTERFACE];
    node->turn_us += DATAGRAM_OUT_US;
    if (!segment_send(world, host, datagram, node->turn_us)) {
        muster_core_record_unsent(node->core, datagram);
    }
}

static void tell(struct world *world, struct node *node, const struct muster_output *output) {
    /* Of two holders of one key the later start gives it up; of two equal ones both do. */
    if (output->peer_event == MUSTER_PEER_CONFLICT) {
        node->is_rekey_due = muster_core_boot(node->core) >= output->peer.boot;
    }
    truth_told(world, node, output->peer_event, &output->peer);
}

static void pull(struct world *world, struct node *node) {
    struct muster_output output;
    while (muster_core_next(node->core, &output)) {
        switch (output.kind) {
        case MUSTER_OUTPUT_DATAGRAM: send(world, node, &output.datagram); break;
        case MUSTER_OUTPUT_PEER: tell(world, node, &output); break;
        case MUSTER_OUTPUT_SETTLED: break;
        case MUSTER_OUTPUT_LEFT: node->has_left = true; break;
        case MUSTER_OUTPUT_STREAM_OPEN:
        case MUSTER_OUTPUT_STREAM_WRITE:
        case MUSTER_OUTPUT_STREAM_CLOSE:
            node->turn_us += STREAM_US;
            tcps_output(world, node, &output);
            break;
        case MUSTER_OUTPUT_GROUPS:
            node->groups = output.groups;
            node->groups6 = output.groups6;
            break;
        }
    }
}

/* ---- steps ---- */

static int step(struct world *world, struct node *node, struct muster_event *event, uint64_t cost_us) {
    event->now_ms = turn_clock_ms(node, node->turn_us);
    event->suspended_ms = (int64_t)(node->clock_lag_us / 1000);
    int error = muster_core_step(node->core, event);
    uint64_t verifications = muster_core_counters(node->core)->verifications;
    node->turn_us += cost_us + VERIFICATION_US * (verifications - node->verifications);
    node->verifications = verifications;
    node->steps++;
    telemetry_pull(world, node);
    pull(world, node);
    return error;
}

static void rekey(struct world *world, struct node *node) {
    struct muster_event event = {.kind = MUSTER_EVENT_COMMAND};
    node->is_rekey_due = false;
    world_make_key(world, node->key);
    node->boot = muster_core_boot(node->core) + 1;
    event.command = (struct muster_command){.kind = MUSTER_COMMAND_REKEY,
                                            .key = node->key,
                                            .crypto = signature_crypto(node->key),
                                            .boot = node->boot};
    truth_ends(world, node->subject, false);
    if (step(world, node, &event, TIMER_US) == 0) {
        truth_starts(world, node);
    }
}

static void make_options(struct world *world, struct node *node, struct muster_core_options *options) {
    muster_core_options_init(options);
    options->boot = node->boot;
    options->crypto = signature_crypto(node->key);
    options->key = node->is_observer || node->is_unsigned ? NULL : node->key;
    options->has_streams = node->has_streams;
    for (unsigned i = 0; i < SEGMENTS_MAX && options->stream == 0; i++) {
        options->stream = node->has_streams && node->hosts[i] != NULL ? node->hosts[i]->endpoint.port : 0;
    }
    options->interval_min_ms = node->interval_ms == 0 ? options->interval_min_ms : node->interval_ms;
    for (size_t i = 0; i < sizeof options->seed; i++) {
        options->seed[i] = (uint8_t)chance_draw(&world->chance);
    }
}

static void make_core(struct world *world, struct node *node) {
    static const struct muster_text path = {.name = "path", .value = "/"};
    static const struct muster_service service = {
        .name = "", .type = "http", .proto = "tcp", .port = 8080, .txt = &path, .txt_count = 1};
    static const struct muster_text attr = {.name = "state", .value = "0"};
    const struct muster_document document = {
        .name = node->name, .services = &service, .service_count = 1, .attrs = &attr, .attr_count = 1};
    struct muster_core_options options;
    make_options(world, node, &options);
    options.document = node->is_observer ? NULL : &document;
    int error = muster_core_new(&options, turn_clock_ms(node, node->turn_us), &node->core);
    assert(error == 0);
    node->state = NODE_UP;
    node->has_left = false;
    node->changes_shown = 0;
    node->verifications = 0;
    node->groups = 0;
    node->groups6 = 0;
    truth_starts(world, node);
    telemetry_begin(world, node);
}

static void step_paths(struct world *world, struct node *node, bool has_paths) {
    static const enum muster_path_kind kinds[] = {MUSTER_PATH_M4, MUSTER_PATH_B4, MUSTER_PATH_M6};
    size_t kind_count = world->scenario->has_ipv6 ? 3 : 2;
    struct muster_path paths[3 * SEGMENTS_MAX];
    struct muster_event event = {.kind = MUSTER_EVENT_PATHS, .paths = paths};
    for (unsigned i = 0; i < SEGMENTS_MAX && has_paths; i++) {
        for (size_t k = 0; k < kind_count && node->hosts[i] != NULL; k++) {
            const struct host *host = node->hosts[i];
            struct muster_path *path = &paths[event.path_count++];
            *path = (struct muster_path){.interface = i + SEGMENT_INTERFACE,
                                         .kind = kinds[k],
                                         .address =
                                             kinds[k] == MUSTER_PATH_M6 ? host->endpoint6 : host->endpoint};
            snprintf(path->name, sizeof path->name, "eth%u", i);
        }
    }
    int error = step(world, node, &event, TIMER_US);
    assert(error == 0);
}

static void start(struct world *world, struct node *node) {
    node->turn_us += (uint64_t)world_knob(world, KNOB_START_US);
    make_core(world, node);
    step_paths(world, node, !world_host(node)->link.is_unplugged);
}

static void step_timer(struct world *world, struct node *node) {
    if (time_of(node, muster_core_deadline(node->core)) <= node->turn_us) {
        step(world, node, &(struct muster_event){.kind = MUSTER_EVENT_TIMER}, TIMER_US);
    }
}

static void step_datagram(struct world *world, struct node *node, struct socket_queue *queue) {
    const struct queued taken = queue->entries[queue->first];
    struct muster_event event = {.kind = MUSTER_EVENT_DATAGRAM, .datagram = taken.packet->datagram};
    queue->first = (queue->first + 1) % queue->size;
    queue->bytes = --queue->count == 0 ? 0 : queue->bytes - node_charge(taken.packet);
    event.datagram.dropped = queue->dropped;
    event.datagram.age_ms = (uint32_t)((node->turn_us - taken.arrived_us) / US_PER_MS);
    figures_waited(world, node->turn_us - taken.arrived_us);
    int error = step(world, node, &event, DATAGRAM_IN_US);
    assert(error == 0);
    packet_release(taken.packet);
}

static void step_sockets(struct world *world, struct node *node) {
    for (int kind = 0; kind < MUSTER_PATH_KINDS; kind++) {
        for (int i = 0; i < BATCH && node->sockets[kind].count > 0 && !node->has_left; i++) {
            step_datagram(world, node, &node->sockets[kind]);
        }
    }
}

static void step_posts(struct world *world, struct node *node) {
    for (int i = 0; i < BATCH && node->posts != NULL && !node->has_left; i++) {
        struct post *post = node->posts;
        struct muster_event event = {.kind = MUSTER_EVENT_STREAM, .stream = post->stream};
        node->posts = post->next;
        node->last_post = node->posts == NULL ? &node->posts : node->last_post;
        if (step(world, node, &event, STREAM_US) != 0) {
            tcps_refuse(world, node, post->stream.number);
        }
        free(post);
    }
}

/* ---- turns ---- */

static void look(struct world *world, void *subject, uint64_t value) {
    struct node *node = subject;
    if (value != HEAP_DISCARD && node->wake_us == value) {
        node->wake_us = UINT64_MAX;
        if (node->state == NODE_UP) {
            processor_wake(world, &node->task);
        }
    }
}

static void set_timer(struct world *world, struct node *node) {
    uint64_t deadline_us = time_of(node, muster_core_deadline(node->core));
    uint64_t least_us = node->turn_us + TIMER_LEAST_US;
    deadline_us = deadline_us < node->turn_us ? least_us : deadline_us;
    if (deadline_us < node->wake_us) {
        node->wake_us = deadline_us;
        heap_add(&world->heap, deadline_us, look, node, deadline_us);
    }
}

static bool has_more(const struct node *node) {
    bool has = node->posts != NULL;
    for (int kind = 0; kind < MUSTER_PATH_KINDS; kind++) {
        has = has || node->sockets[kind].count > 0;
    }
    return has;
}

static void finish(struct world *world, struct node *node) {
    if (node->is_rekey_due) {
        rekey(world, node);
    }
    if (node->has_left) {
        node_kill(world, node);
    } else {
        set_timer(world, node);
    }
}

uint64_t turn_run(struct world *world, struct task *task, uint64_t start_us, bool *more) {
    struct node *node = (struct node *)task;
    node->turn_us = start_us + (uint64_t)world_knob(world, KNOB_TURN_US);
    if (node->state == NODE_STARTING) {
        start(world, node);
    }
    if (node->state == NODE_UP) {
        step_timer(world, node);
        step_sockets(world, node);
        step_posts(world, node);
        finish(world, node);
    }
    *more = node->state == NODE_UP && has_more(node);
    return node->turn_us - start_us;
}

/* Commands come between two turns, and cost what a turn costs. */
static void begin(struct world *world, struct node *node) {
    node->turn_us = node->turn_us > world->now_us ? node->turn_us : world->now_us;
}

void turn_command(struct world *world, struct node *node, const struct muster_command *command) {
    struct muster_event event = {.kind = MUSTER_EVENT_COMMAND, .command = *command};
    begin(world, node);
    step(world, node, &event, TIMER_US);
    finish(world, node);
}

void turn_set_paths(struct world *world, struct node *node, bool has_paths) {
    begin(world, node);
    step_paths(world, node, has_paths);
    finish(world, node);
}
