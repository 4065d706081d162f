/* SPDX-License-Identifier: MIT */
#include "world.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "scenario.h"

#define AUDIT_US (10 * US_PER_S)

/* PROTOCOL.md, section 10. */
#define INTERVAL_MIN_MS 2000
#define PATIENCE_MAX 8
#define PATIENCE_SURE 3 /* without loss, in a table of a thousand */
#define TRIES_MAX 60
#define TRIES_MIN 5
#define QUESTION_US (350 * US_PER_MS)
#define MARGIN_US (5.0 * US_PER_S)

double world_knob(const struct world *world, enum knob knob) {
    return world->knobs.values[knob];
}

void world_hash(struct world *world, uint64_t value) {
    world->hash = chance_mix(world->hash ^ value ^ world->now_us << 20);
}

void world_fail(struct world *world, const char *format, ...) {
    va_list arguments;
    if (world->failure_count < FAILURES_SHOWN) {
        char *text = world->failures[world->failure_count];
        int length = snprintf(text, FAILURE_BYTES, "%.3f s: ", (double)world->now_us / 1e6);
        va_start(arguments, format);
        vsnprintf(text + length, FAILURE_BYTES - (size_t)length, format, arguments);
        va_end(arguments);
    }
    world->failure_count++;
}

static void print_subject(const struct world *world, size_t subject) {
    const struct host *host = subject == SUBJECT_NONE ? NULL : world->truth.subjects[subject].host;
    if (subject == SUBJECT_NONE) {
        fputs("-", world->trace);
    } else if (host != NULL && host->node != NULL) {
        fprintf(world->trace, "%s", host->node->name);
    } else if (host != NULL) {
        fprintf(world->trace, "s%zu", (size_t)(host->speaker - world->speakers.all));
    } else {
        fprintf(world->trace, "#%zu", subject);
    }
}

void trace(struct world *world, const char *what, size_t subject, size_t of) {
    world_hash(world, (uint64_t)subject << 24 ^ of ^ (uint64_t)(uint8_t)what[0] << 56);
    if (world->trace == NULL) {
        return;
    }
    fprintf(world->trace, "%12.6f ", (double)world->now_us / 1e6);
    print_subject(world, subject);
    fprintf(world->trace, " %s", what);
    if (of != SUBJECT_NONE) {
        fputc(' ', world->trace);
        print_subject(world, of);
    }
    fputc('\n', world->trace);
}

/* ---- making ---- */

struct processor *world_processor(struct world *world, size_t node) {
    size_t cores = (size_t)world_knob(world, KNOB_CORES);
    if (cores > 0) {
        return &world->processors[node % cores];
    }
    return &world->processors[node % world->processor_count];
}

void world_set_link(struct world *world, struct link *link) {
    *link = (struct link){
        .loss = world_knob(world, KNOB_LOSS),
        .burst_enter = world_knob(world, KNOB_BURST_ENTER),
        .burst_leave = world_knob(world, KNOB_BURST_LEAVE),
        .burst_loss = world_knob(world, KNOB_BURST_LOSS),
        .delay_us = (uint32_t)world_knob(world, KNOB_DELAY_US),
        .jitter_us = (uint32_t)world_knob(world, KNOB_JITTER_US),
        .duplicate = world_knob(world, KNOB_DUPLICATE),
    };
}

void world_make_key(struct world *world, uint8_t key[MUSTER_KEY_BYTES]) {
    for (size_t i = 0; i < MUSTER_KEY_BYTES; i++) {
        key[i] = (uint8_t)chance_draw(&world->chance);
    }
}

void world_add_node(struct world *world, struct node *node) {
    if (world->node_count == world->node_size) {
        world->node_size = world->node_size == 0 ? 64 : 2 * world->node_size;
        world->nodes = memory_resize(world->nodes, world->node_size * sizeof *world->nodes);
    }
    world->nodes[world->node_count++] = node;
}

static void make_processors(struct world *world) {
    size_t cores = (size_t)world_knob(world, KNOB_CORES);
    size_t nodes = (size_t)world_knob(world, KNOB_NODES) + NODES_LATER_MAX;
    world->processor_count = cores > 0 ? cores : nodes;
    world->processors = memory_new(world->processor_count * sizeof *world->processors);
    for (size_t i = 0; i < world->processor_count; i++) {
        processor_init(&world->processors[i], (unsigned)world_knob(world, KNOB_BUSY_LOOPS));
    }
}

static void start_node(struct world *world, void *subject, uint64_t value) {
    if (value != HEAP_DISCARD) {
        node_start(world, subject);
    }
}

static void make_nodes(struct world *world) {
    size_t count = (size_t)world_knob(world, KNOB_NODES);
    uint64_t spread_us = (uint64_t)(world_knob(world, KNOB_SPREAD_MS) * US_PER_MS);
    for (size_t i = 0; i < count; i++) {
        struct node *node = node_add(world, world->scenario->is_on_both ? 3 : 1, NULL);
        node->interval_ms = (uint64_t)world_knob(world, KNOB_INTERVAL_MS);
        if (chance_happens(&world->chance, world_knob(world, KNOB_SLEEPERS))) {
            node->interval_ms = SLEEPER_MS;
        }
        heap_add(&world->heap, chance_below(&world->chance, spread_us + 1), start_node, node, 0);
    }
}

static void audit(struct world *world, void *subject, uint64_t value) {
    (void)subject;
    if (value != HEAP_DISCARD) {
        invariant_audit(world);
        heap_add(&world->heap, world->now_us + AUDIT_US, audit, NULL, 0);
    }
}

struct world *world_new(const struct scenario *scenario, const struct knobs *knobs, uint64_t seed,
                        FILE *out) {
    struct world *world = memory_new(sizeof *world);
    world->scenario = scenario;
    world->memory_bytes = memory_used();
    world->knobs = *knobs;
    world->chance.state = chance_mix(seed);
    world->trace = out;
    world->stream_number = 1;
    world->truth.first_complete_us = NEVER;
    knobs_draw(&world->knobs, scenario->knobs, &world->chance);
    world->end_us = (uint64_t)(world_knob(world, KNOB_MINUTES) * 60 * US_PER_S);
    world->queue_bytes = (uint64_t)(world_knob(world, KNOB_QUEUE_KB) * 1024);
    world->queue_datagrams = (uint64_t)world_knob(world, KNOB_QUEUE);
    neighbours_init(&world->neighbours, (size_t)world_knob(world, KNOB_NEIGHBOURS));
    make_processors(world);
    make_nodes(world);
    speakers_add(world, 0, (size_t)world_knob(world, KNOB_SPEAKERS),
                 (uint64_t)(world_knob(world, KNOB_SPREAD_MS) * US_PER_MS));
    heap_add(&world->heap, AUDIT_US, audit, NULL, 0);
    if (scenario->script != NULL) {
        scenario->script(world);
    }
    return world;
}

void world_free(struct world *world) {
    struct heap_entry entry;
    while (heap_take(&world->heap, UINT64_MAX, &entry)) {
        entry.run(world, entry.subject, HEAP_DISCARD);
    }
    heap_deinit(&world->heap);
    tcps_deinit(world);
    attackers_deinit(world);
    for (size_t i = 0; i < world->node_count; i++) {
        node_free(world->nodes[i]);
    }
    free(world->nodes);
    free(world->processors);
    speakers_deinit(&world->speakers);
    hosts_deinit(&world->hosts);
    neighbours_deinit(&world->neighbours);
    truth_deinit(&world->truth);
    figures_deinit(&world->figures);
    free(world);
}

bool world_run(struct world *world) {
    struct heap_entry entry;
    while (heap_take(&world->heap, world->end_us, &entry)) {
        world->now_us = entry.time_us;
        entry.run(world, entry.subject, entry.value);
    }
    world->now_us = world->end_us;
    for (size_t i = 0; i < world->node_count; i++) {
        if (world->nodes[i]->core != NULL) {
            figures_take(world, world->nodes[i]);
        }
    }
    invariant_end(world);
    return world->failure_count == 0;
}

/* ---- between hosts ---- */

const struct host *world_host(const struct node *node) {
    unsigned i = 0;
    while (node->hosts[i] == NULL) {
        i++;
    }
    return node->hosts[i];
}

const struct host *world_host_beside(const struct node *node, const struct host *host) {
    return host == NULL ? NULL : node->hosts[host->segment];
}

bool world_hears(const struct world *world, const struct node *node, const struct subject *subject) {
    const struct host *host = world_host_beside(node, subject->host);
    return host != NULL &&
           (segment_connects(world, subject->host, host, MUSTER_PATH_M4) ||
            segment_connects(world, subject->host, host, MUSTER_PATH_B4) ||
            (world->scenario->has_ipv6 && segment_connects(world, subject->host, host, MUSTER_PATH_M6)));
}

bool world_answers(const struct world *world, const struct node *node, const struct subject *subject) {
    const struct host *host = world_host_beside(node, subject->host);
    return segment_connects(world, host, subject->host, MUSTER_PATH_M4) ||
           segment_connects(world, host, subject->host, MUSTER_PATH_B4) ||
           segment_connects(world, host, subject->host, MUSTER_PATH_U4) ||
           (world->scenario->has_ipv6 && (segment_connects(world, host, subject->host, MUSTER_PATH_M6) ||
                                          segment_connects(world, host, subject->host, MUSTER_PATH_U6)));
}

bool world_loses(const struct world *world) {
    return world_knob(world, KNOB_LOSS) > 0 || world_knob(world, KNOB_BURST_ENTER) > 0;
}

void world_host_changed(struct world *world, struct host *host) {
    const struct link *link = &host->link;
    bool is_paused =
        host->node != NULL && (host->node->state == NODE_STOPPED || host->node->state == NODE_ASLEEP);
    bool is_cut = link->is_deaf || link->is_mute || link->is_unplugged || is_paused || world->islands > 0;
    host->quiet_since_us = is_cut ? NEVER : world->now_us;
}

void world_node_changed(struct world *world, const struct node *node) {
    for (unsigned i = 0; i < SEGMENTS_MAX; i++) {
        if (node->hosts[i] != NULL) {
            world_host_changed(world, node->hosts[i]);
        }
    }
}

/* ---- bounds ---- */

/* Longest time between two alives of this host, with as many peers as there are now. */
static double promise_us(const struct world *world, const struct host *host) {
    uint64_t own_ms = host->node == NULL ? 0 : host->node->interval_ms;
    double least_us = (double)(own_ms > 0 ? own_ms : INTERVAL_MIN_MS) * US_PER_MS;
    double crowd_us = (double)world->truth.alive * ALIVE_BITS * US_PER_S / BUDGET_BPS;
    return 1.25 * (crowd_us > least_us ? crowd_us : least_us);
}

/* Broken promises until `suspect`, questions until `lost`: PROTOCOL.md, 8.3 and 8.4. Where datagrams are
 * lost, a window of 64 may show any loss. */
uint64_t world_patience_us(const struct world *world, const struct host *host) {
    bool is_lossy = world->scenario->is_lossy || world_loses(world);
    double promises = is_lossy ? PATIENCE_MAX : PATIENCE_SURE;
    double questions = is_lossy ? TRIES_MAX : TRIES_MIN;
    return (uint64_t)((promises + 1) * promise_us(world, host) + questions * QUESTION_US + MARGIN_US);
}
