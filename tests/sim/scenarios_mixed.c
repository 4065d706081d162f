/* SPDX-License-Identifier: MIT */
/* Scenarios in which the seed draws the faults, too: anything may happen to anybody, then nothing does, and
 * all are to find each other. */
#include "fault.h"
#include "scenarios.h"
#include "world.h"

#define SETTLED_S 10
#define FAULTS_SHARE 0.6 /* of the time; the rest is quiet */

struct weather {
    fault *what;
    double longest_ms; /* 0: it has no length */
};

static const struct weather kinds[] = {
    {fault_kill, 0},       {fault_start, 0},    {fault_start_afresh, 0}, {fault_leave, 0},
    {fault_change, 0},     {fault_query, 0},    {fault_stop, 30000},     {fault_sleep, 90000},
    {fault_deafen, 20000}, {fault_mute, 20000}, {fault_unplug, 20000},   {fault_start, 0},
};

static void draw_fault(struct world *world, double at_s, double last_s) {
    const struct weather *kind = &kinds[chance_below(&world->chance, sizeof kinds / sizeof kinds[0])];
    struct node *node = world->nodes[chance_below(&world->chance, world->node_count)];
    double longest_ms = 1000 * (last_s - at_s);
    longest_ms = kind->longest_ms < longest_ms ? kind->longest_ms : longest_ms;
    fault_at(world, at_s, kind->what, node, (uint64_t)chance_between(&world->chance, 10, longest_ms));
}

static void draw_faults(struct world *world, double each_s) {
    double last_s = FAULTS_SHARE * (double)world->end_us / US_PER_S;
    for (double at_s = SETTLED_S; at_s < last_s; at_s += 2 * each_s * chance_unit(&world->chance)) {
        draw_fault(world, at_s, last_s);
    }
    if (chance_happens(&world->chance, 0.5)) {
        double at_s = chance_between(&world->chance, SETTLED_S, last_s);
        fault_at(world, at_s, fault_split, NULL, 2);
        fault_at(world, chance_between(&world->chance, at_s, last_s), fault_heal, NULL, 0);
    }
}

static void often(struct world *world) {
    draw_faults(world, 2);
}

static void rarely(struct world *world) {
    draw_faults(world, 30);
}

static void hardly(struct world *world) {
    draw_faults(world, 1800);
}

const struct scenario scenarios_mixed[] = {
    {.name = "weather",
     .text = "any faults, one in 2 s",
     .knobs = {[KNOB_NODES] = {2, 12}, [KNOB_MINUTES] = {6, 6}, [KNOB_SPREAD_MS] = {0, 2000}},
     .script = often,
     .is_lossy = true,
     .bounds = {.whole_ms = 30000, .false_suspects = BOUND_NONE}},
    {.name = "weather-lossy",
     .text = "the same where datagrams are lost, late and doubled",
     .knobs = {[KNOB_NODES] = {2, 10},
               [KNOB_MINUTES] = {8, 8},
               [KNOB_LOSS] = {0, 0.15},
               [KNOB_DUPLICATE] = {0, 0.1},
               [KNOB_JITTER_US] = {0, 20000},
               [KNOB_BURST_ENTER] = {0, 0.003}},
     .script = often,
     .is_lossy = true,
     .bounds = {.whole_ms = 60000, .false_suspects = BOUND_NONE, .false_lost = BOUND_NONE}},
    {.name = "weather-late",
     .text = "the same on busy cores, with small queues",
     .knobs = {[KNOB_NODES] = {4, 16},
               [KNOB_MINUTES] = {6, 6},
               [KNOB_CORES] = {1, 2},
               [KNOB_BUSY_LOOPS] = {0, 3},
               [KNOB_KERNEL_US] = {2, 20},
               [KNOB_QUEUE] = {50, 500}},
     .script = often,
     .is_lossy = true,
     .bounds = {.whole_ms = 30000, .false_suspects = BOUND_NONE}},
    {.name = "quiet-hours",
     .text = "few peers for hours, a fault in 30 s at first",
     .knobs = {[KNOB_NODES] = {2, 6},
               [KNOB_MINUTES] = {60, 60},
               [KNOB_LOSS] = {0, 0.05},
               [KNOB_SLEEPERS] = {0, 0.3}},
     .script = rarely,
     .is_lossy = true,
     .bounds = {.whole_ms = 60000, .false_suspects = BOUND_NONE}},
    {.name = "quiet-days",
     .text = "two to four peers for a day, a fault in 30 minutes at first",
     .knobs = {[KNOB_NODES] = {2, 4}, [KNOB_MINUTES] = {1440, 1440}, [KNOB_DRIFT_PPM] = {0, 300}},
     .script = hardly,
     .is_lossy = true,
     .bounds = {.whole_ms = 30000},
     .weight = 6},
    {0},
};
