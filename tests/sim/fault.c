/* SPDX-License-Identifier: MIT */
#include "fault.h"

#include <stddef.h>
#include <stdlib.h>

#include "memory.h"
#include "turn.h"
#include "world.h"

/* A node that was stopped looks at its interfaces soon after it goes on. */
#define PATHS_LOOK_MS 100

struct fault_plan {
    fault *what;
    struct node *node;
    uint64_t value;
};

static void run(struct world *world, void *subject, uint64_t value) {
    struct fault_plan *plan = subject;
    if (value != HEAP_DISCARD) {
        plan->what(world, plan->node, plan->value);
        world->heal_us = world->now_us > world->heal_us ? world->now_us : world->heal_us;
    }
    free(plan);
}

void fault_at(struct world *world, double at_s, fault *what, struct node *node, uint64_t value) {
    struct fault_plan *plan = memory_new(sizeof *plan);
    *plan = (struct fault_plan){.what = what, .node = node, .value = value};
    heap_add(&world->heap, (uint64_t)(at_s * US_PER_S), run, plan, 0);
}

void fault_each(struct world *world, double from_s, double each_s, double to_s, fault *what,
                struct node *node, uint64_t value) {
    double end_s = (double)world->end_us / US_PER_S;
    for (double at_s = from_s; at_s < to_s && at_s < end_s; at_s += each_s) {
        fault_at(world, at_s, what, node, value);
    }
}

/* Undoes something later. */
static void undo_in(struct world *world, uint64_t in_ms, fault *what, struct node *node) {
    fault_at(world, ((double)world->now_us + (double)in_ms * US_PER_MS) / US_PER_S, what, node, 0);
}

/* ---- starts and ends ---- */

void fault_start(struct world *world, struct node *node, uint64_t value) {
    (void)value;
    node_start(world, node);
}

void fault_start_afresh(struct world *world, struct node *node, uint64_t value) {
    (void)value;
    node_start_afresh(world, node);
}

void fault_kill(struct world *world, struct node *node, uint64_t value) {
    (void)value;
    node_kill(world, node);
}

void fault_leave(struct world *world, struct node *node, uint64_t value) {
    (void)value;
    node_leave(world, node);
}

static void go_on(struct world *world, struct node *node, uint64_t value) {
    (void)value;
    node_continue(world, node);
}

void fault_stop(struct world *world, struct node *node, uint64_t value) {
    node_stop(world, node, false);
    undo_in(world, value, go_on, node);
}

void fault_sleep(struct world *world, struct node *node, uint64_t value) {
    node_stop(world, node, true);
    undo_in(world, value, go_on, node);
}

/* ---- what it does ---- */

void fault_change(struct world *world, struct node *node, uint64_t value) {
    (void)value;
    node_change(world, node);
}

void fault_query(struct world *world, struct node *node, uint64_t value) {
    (void)value;
    node_query(world, node);
}

/* ---- speakers ---- */

/* The array has room for one more than there are: where there is none, that one, which never is up. */
static struct speaker *speaker_at(struct world *world, uint64_t value) {
    size_t count = world->speakers.count;
    return &world->speakers.all[count == 0 ? 0 : value % count];
}

void fault_speaker_start(struct world *world, struct node *node, uint64_t value) {
    (void)node;
    if (world->speakers.count > 0 && !speaker_at(world, value)->is_up) {
        speaker_start(world, speaker_at(world, value));
    }
}

void fault_speaker_kill(struct world *world, struct node *node, uint64_t value) {
    (void)node;
    speaker_kill(world, speaker_at(world, value));
}

void fault_speaker_leave(struct world *world, struct node *node, uint64_t value) {
    (void)node;
    speaker_leave(world, speaker_at(world, value));
}

void fault_speaker_change(struct world *world, struct node *node, uint64_t value) {
    (void)node;
    speaker_change(world, speaker_at(world, value));
}

/* ---- what comes between ---- */

static void set_link(struct world *world, struct node *node, size_t flag, bool is_on) {
    for (unsigned i = 0; i < SEGMENTS_MAX; i++) {
        if (node->hosts[i] != NULL) {
            *(bool *)((char *)&node->hosts[i]->link + flag) = is_on;
            node->was_settled = false;
            world_host_changed(world, node->hosts[i]);
        }
    }
}

static void hear(struct world *world, struct node *node, uint64_t value) {
    (void)value;
    set_link(world, node, offsetof(struct link, is_deaf), false);
}

void fault_deafen(struct world *world, struct node *node, uint64_t value) {
    set_link(world, node, offsetof(struct link, is_deaf), true);
    undo_in(world, value, hear, node);
}

static void speak(struct world *world, struct node *node, uint64_t value) {
    (void)value;
    set_link(world, node, offsetof(struct link, is_mute), false);
}

void fault_mute(struct world *world, struct node *node, uint64_t value) {
    set_link(world, node, offsetof(struct link, is_mute), true);
    undo_in(world, value, speak, node);
}

/* A node that does not run learns of it when it runs. */
static void tell_paths(struct world *world, struct node *node, uint64_t value) {
    bool is_plugged = !world_host(node)->link.is_unplugged;
    (void)value;
    if (node->state == NODE_UP) {
        turn_set_paths(world, node, is_plugged);
    } else if (node->state == NODE_STOPPED || node->state == NODE_ASLEEP) {
        undo_in(world, PATHS_LOOK_MS, tell_paths, node);
    }
}

static void plug(struct world *world, struct node *node, uint64_t value) {
    set_link(world, node, offsetof(struct link, is_unplugged), false);
    tell_paths(world, node, value);
}

void fault_unplug(struct world *world, struct node *node, uint64_t value) {
    set_link(world, node, offsetof(struct link, is_unplugged), true);
    tell_paths(world, node, value);
    undo_in(world, value, plug, node);
}

static void set_islands(struct world *world, uint64_t islands) {
    world->islands = islands;
    for (size_t i = 0; i < world->hosts.count; i++) {
        struct host *host = world->hosts.all[i];
        host->link.island = islands == 0 ? 0 : (unsigned)(host->index % islands);
        if (host->node != NULL) {
            host->node->was_settled = false;
        }
        world_host_changed(world, host);
    }
}

void fault_split(struct world *world, struct node *node, uint64_t value) {
    (void)node;
    set_islands(world, value);
}

void fault_heal(struct world *world, struct node *node, uint64_t value) {
    (void)node;
    (void)value;
    set_islands(world, 0);
}

void fault_mark(struct world *world, double at_s) {
    world->mark_us = (uint64_t)(at_s * US_PER_S);
}

void fault_scan(struct world *world, struct node *node, uint64_t value) {
    (void)node, (void)value;
    neighbours_fill(world);
}
