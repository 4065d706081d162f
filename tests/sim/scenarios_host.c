/* SPDX-License-Identifier: MIT */
/* Scenarios of single hosts: they stop, restart, are copied, have no time. */
#include <string.h>

#include "fault.h"
#include "scenarios.h"
#include "world.h"

#define SETTLED_S 30

static void stop_some(struct world *world) {
    fault_mark(world, SETTLED_S + 20);
    for (size_t i = 0; i < world->node_count; i += 4) {
        fault_at(world, SETTLED_S, fault_stop, world->nodes[i], 20000);
    }
}

static void stop_all(struct world *world) {
    fault_mark(world, SETTLED_S + 20);
    for (size_t i = 0; i < world->node_count; i++) {
        fault_at(world, SETTLED_S, fault_stop, world->nodes[i], 20000);
    }
}

static void sleep_some(struct world *world) {
    for (size_t i = 0; i < world->node_count; i += 3) {
        fault_at(world, SETTLED_S + (double)i, fault_sleep, world->nodes[i], 90000);
    }
}

static void stall_often(struct world *world) {
    for (int i = 0; i < 60; i++) {
        struct node *node = world->nodes[chance_below(&world->chance, world->node_count)];
        fault_at(world, SETTLED_S + i, fault_stop, node, (uint64_t)chance_between(&world->chance, 200, 1500));
    }
}

/* Programs are halted for about a promise: what keeps others alive waits to be read when the halt ends. */
static void halt_often(struct world *world) {
    double last_s = 0.9 * (double)world->end_us / US_PER_S;
    for (double at_s = SETTLED_S; at_s < last_s; at_s += 4) {
        struct node *node = world->nodes[chance_below(&world->chance, world->node_count)];
        fault_at(world, at_s, fault_stop, node, (uint64_t)chance_between(&world->chance, 800, 3500));
    }
}

static void restart(struct world *world) {
    fault_at(world, SETTLED_S, fault_start, world->nodes[0], 0);
    fault_at(world, SETTLED_S + 20, fault_kill, world->nodes[1], 0);
    fault_at(world, SETTLED_S + 50, fault_start, world->nodes[1], 0);
    fault_at(world, SETTLED_S + 60, fault_leave, world->nodes[2], 0);
    fault_at(world, SETTLED_S + 61, fault_start, world->nodes[2], 0);
}

static void restart_afresh(struct world *world) {
    for (size_t i = 0; i < world->node_count / 2; i++) {
        fault_at(world, SETTLED_S + 5 * (double)i, fault_start_afresh, world->nodes[i], 0);
    }
}

static void crash_loop(struct world *world) {
    fault_mark(world, SETTLED_S);
    fault_each(world, SETTLED_S, 1, SETTLED_S + 60, fault_start, world->nodes[0], 0);
}

/* Another host with the key of the first one. */
static struct node *add_clone(struct world *world) {
    struct node *clone = node_add(world, 1, NULL);
    memcpy(clone->key, world->nodes[0]->key, sizeof clone->key);
    fault_at(world, SETTLED_S, fault_start, clone, 0);
    return clone;
}

static void clone_card(struct world *world) {
    add_clone(world);
}

static void clone_machine(struct world *world) {
    world->nodes[0]->fixed_boot = 1767225600000;
    add_clone(world)->fixed_boot = world->nodes[0]->fixed_boot;
}

static void alternate(struct world *world) {
    fault_mark(world, SETTLED_S);
    fault_each(world, SETTLED_S, 0.05, SETTLED_S + 30, fault_change, world->nodes[0], 0);
}

static void change_all(struct world *world) {
    for (int i = 0; i < 200; i++) {
        struct node *node = world->nodes[chance_below(&world->chance, world->node_count)];
        fault_at(world, SETTLED_S + chance_between(&world->chance, 0, 60), fault_change, node, 0);
    }
}

/* Programs that only look: they ask, and end. */
static void look(struct world *world) {
    fault_mark(world, SETTLED_S);
    for (int i = 0; i < 30; i++) {
        struct node *node = node_add(world, 1, NULL);
        double at_s = SETTLED_S + 2.0 * i;
        node->is_observer = true;
        fault_at(world, at_s, fault_start, node, 0);
        fault_at(world, at_s + 0.05, fault_query, node, 0);
        fault_at(world, at_s + 3, fault_kill, node, 0);
    }
}

static void mix_unsigned(struct world *world) {
    for (size_t i = 0; i < world->node_count; i += 2) {
        world->nodes[i]->is_unsigned = true;
    }
    fault_at(world, SETTLED_S, fault_kill, world->nodes[1], 0);
}

static void bridge(struct world *world) {
    struct node *both = node_add(world, 3, NULL);
    fault_at(world, 1, fault_start, both, 0);
    for (int i = 0; i < 6; i++) {
        fault_at(world, 1, fault_start, node_add(world, 2, NULL), 0);
    }
    fault_at(world, SETTLED_S, fault_kill, world->nodes[0], 0);
}

/* All programs of one machine. */
static void share_address(struct world *world) {
    for (int i = 0; i < 20; i++) {
        fault_at(world, 0.1 * i, fault_start, node_add(world, 1, world->nodes[0]), 0);
    }
    fault_at(world, SETTLED_S, fault_kill, world->nodes[1], 0);
}

const struct scenario scenarios_host[] = {
    {.name = "suspend",
     .text = "a quarter of 20 does not run for 20 s, then goes on",
     .knobs = {[KNOB_NODES] = {20, 20}, [KNOB_MINUTES] = {3, 3}},
     .script = stop_some,
     .bounds = {.whole_ms = 5000, .mark_kb = 400}},
    {.name = "suspend-all",
     .text = "all of 40 don't run for 20 s, as in a paused cluster",
     .knobs = {[KNOB_NODES] = {40, 40}, [KNOB_MINUTES] = {3, 3}, [KNOB_CORES] = {2, 2}},
     .script = stop_all,
     .bounds = {.whole_ms = 10000, .mark_kb = 1000}},
    {.name = "laptops",
     .text = "a third of 12 sleeps for 90 s; clocks stand still",
     .knobs = {[KNOB_NODES] = {12, 12}, [KNOB_MINUTES] = {5, 5}},
     .script = sleep_some,
     .bounds = {.whole_ms = 10000}},
    {.name = "stalls",
     .text = "programs stall for 0.2 to 1.5 s, one after the other",
     .knobs = {[KNOB_NODES] = {16, 16}, [KNOB_MINUTES] = {3, 3}},
     .script = stall_often,
     .bounds = {.whole_ms = 5000, .false_suspects = BOUND_NONE}},
    {.name = "halts",
     .text = "programs of few are halted for 0.8 to 3.5 s, one after the other",
     .knobs = {[KNOB_NODES] = {4, 6}, [KNOB_MINUTES] = {60, 60}},
     .script = halt_often,
     .bounds = {.whole_ms = 5000, .false_suspects = BOUND_NONE}},
    {.name = "restart",
     .text = "restarts at once, after a crash, after a bye; the id stays",
     .knobs = {[KNOB_NODES] = {10, 10}, [KNOB_MINUTES] = {3, 3}, [KNOB_LOSS] = {0, 0.02}},
     .script = restart,
     .bounds = {.whole_ms = 5000, .false_suspects = BOUND_NONE}},
    {.name = "restart-afresh",
     .text = "half of 10 restart without their state, under other ids",
     .knobs = {[KNOB_NODES] = {10, 10}, [KNOB_MINUTES] = {5, 5}, [KNOB_LOSS] = {0, 0.02}},
     .script = restart_afresh,
     .bounds = {.whole_ms = 5000, .false_suspects = BOUND_NONE}},
    {.name = "crash-loop",
     .text = "one restarts each second for a minute",
     .knobs = {[KNOB_NODES] = {16, 16}, [KNOB_MINUTES] = {3, 3}},
     .script = crash_loop,
     .bounds = {.whole_ms = 10000, .mark_kb = 550},
     .fails = "each restart is proven to all again, with an announce each"},
    {.name = "clone",
     .text = "a card was copied: two hosts have one key",
     .knobs = {[KNOB_NODES] = {8, 8}, [KNOB_MINUTES] = {3, 3}},
     .script = clone_card,
     .bounds = {.whole_ms = 10000, .false_suspects = BOUND_NONE, .false_lost = BOUND_NONE}},
    {.name = "vm-clone",
     .text = "a running machine was copied: two hosts have one key and one boot",
     .knobs = {[KNOB_NODES] = {8, 8}, [KNOB_MINUTES] = {3, 3}},
     .script = clone_machine,
     .bounds = {.whole_ms = 30000, .false_suspects = BOUND_NONE, .false_lost = BOUND_NONE}},
    {.name = "drift",
     .text = "clocks run fast and slow by up to 5 %",
     .knobs = {[KNOB_NODES] = {12, 12}, [KNOB_MINUTES] = {10, 10}, [KNOB_DRIFT_PPM] = {5000, 50000}},
     .bounds = {.whole_ms = 5000}},
    {.name = "busy-loops",
     .text = "20 programs on two cores beside three busy loops a core",
     .knobs = {[KNOB_NODES] = {20, 20},
               [KNOB_MINUTES] = {5, 5},
               [KNOB_CORES] = {2, 2},
               [KNOB_KERNEL_US] = {10, 10},
               [KNOB_BUSY_LOOPS] = {3, 3}},
     .bounds = {.whole_ms = 2000}},
    {.name = "starved",
     .text = "20 programs on two cores beside 60 busy loops a core",
     .knobs = {[KNOB_NODES] = {20, 20},
               [KNOB_MINUTES] = {5, 5},
               [KNOB_CORES] = {2, 2},
               [KNOB_KERNEL_US] = {10, 10},
               [KNOB_BUSY_LOOPS] = {60, 60}},
     .bounds = {.whole_ms = 10000}},
    {.name = "slow-core",
     .text = "30 programs on one slow core",
     .knobs = {[KNOB_NODES] = {30, 30},
               [KNOB_MINUTES] = {3, 3},
               [KNOB_CORES] = {1, 1},
               [KNOB_KERNEL_US] = {60, 60},
               [KNOB_TURN_US] = {200, 200}},
     .bounds = {.whole_ms = 5000, .mark_kb = 1500}},
    {.name = "small-queues",
     .text = "sockets hold 16 to 40 datagrams",
     .knobs = {[KNOB_NODES] = {24, 24},
               [KNOB_MINUTES] = {3, 3},
               [KNOB_CORES] = {2, 2},
               [KNOB_KERNEL_US] = {10, 10},
               [KNOB_QUEUE] = {16, 40}},
     .bounds = {.whole_ms = 5000, .false_suspects = BOUND_NONE}},
    {.name = "overrun",
     .text = "sockets of busy cores hold two datagrams: much of what comes is dropped",
     .knobs = {[KNOB_NODES] = {24, 24},
               [KNOB_MINUTES] = {3, 3},
               [KNOB_CORES] = {2, 2},
               [KNOB_KERNEL_US] = {10, 10},
               [KNOB_BUSY_LOOPS] = {16, 20},
               [KNOB_QUEUE] = {2, 2}},
     .is_lossy = true,
     .bounds = {.whole_ms = 90000, .false_suspects = BOUND_NONE}},
    {.name = "alternating-unit",
     .text = "one document changes 20 times a second for 30 s",
     .knobs = {[KNOB_NODES] = {10, 10}, [KNOB_MINUTES] = {3, 3}},
     .script = alternate,
     .bounds = {.whole_ms = 5000, .mark_kb = 40}},
    {.name = "changes",
     .text = "documents of 10 change 200 times in a minute",
     .knobs = {[KNOB_NODES] = {10, 10}, [KNOB_MINUTES] = {3, 3}, [KNOB_LOSS] = {0, 0.1}},
     .script = change_all,
     .bounds = {.whole_ms = 10000, .false_suspects = 400}},
    {.name = "lookers",
     .text = "each 2 s a program looks, and ends",
     .knobs = {[KNOB_NODES] = {16, 16}, [KNOB_MINUTES] = {3, 3}},
     .script = look},
    {.name = "unsigned",
     .text = "half of 12 have no key; one crashes",
     .knobs = {[KNOB_NODES] = {12, 12}, [KNOB_MINUTES] = {3, 3}},
     .script = mix_unsigned,
     .bounds = {.whole_ms = 5000}},
    {.name = "two-segments",
     .text = "one host is on two segments",
     .knobs = {[KNOB_NODES] = {6, 6}, [KNOB_MINUTES] = {3, 3}},
     .script = bridge},
    {.name = "one-machine",
     .text = "22 programs of one machine, one address",
     .knobs = {[KNOB_NODES] = {2, 2}, [KNOB_MINUTES] = {3, 3}, [KNOB_CORES] = {2, 2}},
     .script = share_address,
     .bounds = {.whole_ms = 5000}},
    {0},
};
