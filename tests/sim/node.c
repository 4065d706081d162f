/* SPDX-License-Identifier: MIT */
#include "node.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "signature.h"
#include "turn.h"
#include "world.h"

#define BOOT 1767225600000     /* of a start at time 0 */
#define STOP_US (4 * US_PER_S) /* who was stopped for longer missed a deadline by more than a second */
#define CLOSE_US US_PER_S      /* the longest time that a bye may take */

struct node *node_add(struct world *world, unsigned segments, const struct node *beside) {
    struct node *node = memory_new(sizeof *node);
    node->index = world->node_count;
    node->task.turn = turn_run;
    node->task.processor = world_processor(world, node->index);
    node->has_streams = true;
    node->wake_us = UINT64_MAX;
    node->last_post = &node->posts;
    snprintf(node->name, sizeof node->name, "n%zu", node->index);
    for (unsigned i = 0; i < SEGMENTS_MAX; i++) {
        if ((segments & 1u << i) != 0) {
            node->hosts[i] = hosts_add(&world->hosts, i, beside == NULL ? NULL : beside->hosts[i]);
            node->hosts[i]->node = node;
            world_set_link(world, &node->hosts[i]->link);
        }
    }
    double drift_ppm = world_knob(world, KNOB_DRIFT_PPM);
    node->drift_ppm = (int64_t)chance_between(&world->chance, -drift_ppm, drift_ppm);
    node->clock_offset_us = chance_below(&world->chance, UINT64_C(1000) * US_PER_S);
    world_make_key(world, node->key);
    world_add_node(world, node);
    return node;
}

static void drain(struct node *node) {
    for (int kind = 0; kind < MUSTER_PATH_KINDS; kind++) {
        struct socket_queue *queue = &node->sockets[kind];
        while (queue->count > 0) {
            packet_release(queue->entries[queue->first].packet);
            queue->first = (queue->first + 1) % queue->size;
            queue->count--;
        }
        queue->bytes = 0;
        queue->dropped = 0;
    }
    while (node->posts != NULL) {
        struct post *post = node->posts;
        node->posts = post->next;
        free(post);
    }
    node->last_post = &node->posts;
}

void node_free(struct node *node) {
    drain(node);
    for (int kind = 0; kind < MUSTER_PATH_KINDS; kind++) {
        free(node->sockets[kind].entries);
    }
    muster_core_free(node->core);
    free(node->seen);
    free(node);
}

/* ---- starts and ends ---- */

void node_kill(struct world *world, struct node *node) {
    if (node->state == NODE_DOWN) {
        return;
    }
    tcps_break(world, node);
    processor_forget(&node->task);
    drain(node);
    if (node->core != NULL) {
        invariant_books(world, node);
        figures_take(world, node);
    }
    muster_core_free(node->core);
    node->core = NULL;
    node->state = NODE_DOWN;
    truth_forget_table(world, node);
    if (!node->is_observer) {
        truth_ends(world, node->subject, false);
    }
}

void node_start(struct world *world, struct node *node) {
    node_kill(world, node);
    node->boot = BOOT + world->now_us / US_PER_MS + node->starts++;
    node->boot = node->fixed_boot != 0 ? node->fixed_boot : node->boot;
    node->state = NODE_STARTING;
    node->started_us = world->now_us;
    node->resumed_us = 0;
    node->whole_us = 0;
    node->nearly_us = 0;
    processor_wake(world, &node->task);
}

void node_start_afresh(struct world *world, struct node *node) {
    node_kill(world, node);
    world_make_key(world, node->key);
    node_start(world, node);
}

/* A node that can't say its bye ends without. */
static void end_leaving(struct world *world, void *subject, uint64_t value) {
    struct node *node = subject;
    if (value == node->starts && node->state != NODE_DOWN) {
        node_kill(world, node);
    }
}

void node_leave(struct world *world, struct node *node) {
    if (node->state != NODE_UP) {
        return;
    }
    if (!node->is_observer) {
        truth_ends(world, node->subject, true);
    }
    turn_command(world, node, &(struct muster_command){.kind = MUSTER_COMMAND_LEAVE});
    heap_add(&world->heap, world->now_us + CLOSE_US, end_leaving, node, node->starts);
}

void node_stop(struct world *world, struct node *node, bool is_asleep) {
    if (node->state == NODE_UP) {
        node->state = is_asleep ? NODE_ASLEEP : NODE_STOPPED;
        node->asleep_since_us = world->now_us;
        node->was_settled = invariant_is_settled(world, world_host(node));
        processor_forget(&node->task);
        truth_pauses(world, node, true);
    }
}

void node_continue(struct world *world, struct node *node) {
    if (node->state != NODE_STOPPED && node->state != NODE_ASLEEP) {
        return;
    }
    bool is_long = world->now_us > node->asleep_since_us + STOP_US;
    if (node->state == NODE_STOPPED && (is_long || node->was_settled)) {
        node->resumed_us = world->now_us;
    }
    if (node->state == NODE_ASLEEP) {
        node->clock_lag_us += world->now_us - node->asleep_since_us;
    }
    node->state = NODE_UP;
    truth_pauses(world, node, false);
    processor_wake(world, &node->task);
}

bool node_is_running(const struct node *node) {
    return node->state == NODE_STARTING || node->state == NODE_UP;
}

/* ---- commands ---- */

void node_change(struct world *world, struct node *node) {
    char value[24];
    const struct muster_text attr = {.name = "state", .value = value};
    const struct muster_change change = {.attrs = &attr, .attr_count = 1};
    const struct muster_command command = {.kind = MUSTER_COMMAND_CHANGE, .change = &change};
    if (node->state == NODE_UP) {
        snprintf(value, sizeof value, "%u", ++node->changes);
        node->changes_shown = node->changes;
        truth_changes(world, node->subject);
        turn_command(world, node, &command);
    }
}

void node_query(struct world *world, struct node *node) {
    if (node->state == NODE_UP) {
        turn_command(world, node, &(struct muster_command){.kind = MUSTER_COMMAND_QUERY});
    }
}

/* ---- what comes in ---- */

size_t node_charge(const struct packet *packet) {
    size_t room = packet->datagram.length + 128;
    return 256 + (room <= 512 ? 512 : room <= 1024 ? 1024 : 2048);
}

static void grow(struct socket_queue *queue) {
    size_t size = queue->size == 0 ? 16 : 2 * queue->size;
    struct queued *entries = memory_new(size * sizeof *entries);
    for (size_t i = 0; i < queue->count; i++) {
        entries[i] = queue->entries[(queue->first + i) % queue->size];
    }
    free(queue->entries);
    queue->entries = entries;
    queue->size = size;
    queue->first = 0;
}

void node_receive(struct world *world, struct node *node, struct packet *packet) {
    struct socket_queue *queue = &node->sockets[packet->kind];
    size_t bytes = node_charge(packet);
    if (node->state == NODE_DOWN || node->state == NODE_STARTING || node->state == NODE_ASLEEP) {
        return;
    }
    processor_interrupt(world, node->task.processor, (uint64_t)world_knob(world, KNOB_KERNEL_US));
    if (queue->bytes + bytes > world->queue_bytes || queue->count >= world->queue_datagrams) {
        queue->dropped++;
        world->figures.queue_drops++;
        return;
    }
    if (queue->count == queue->size) {
        grow(queue);
    }
    packet->references++;
    queue->entries[(queue->first + queue->count++) % queue->size] =
        (struct queued){.packet = packet, .arrived_us = world->now_us};
    queue->bytes += bytes;
    if (node->state == NODE_UP) {
        processor_wake(world, &node->task);
    }
}

void node_post(struct world *world, struct node *node, struct post *post) {
    post->next = NULL;
    *node->last_post = post;
    node->last_post = &post->next;
    if (node->state == NODE_UP) {
        processor_wake(world, &node->task);
    }
}

uint32_t node_groups(const struct node *node, uint8_t family) {
    return family == 6 ? node->groups6 : node->groups;
}
