/* SPDX-License-Identifier: MIT */
/* Scenarios of many: they come, go, crash and leave. */
#include "fault.h"
#include "scenarios.h"
#include "world.h"

#define SETTLED_S 60

static double end_s(const struct world *world) {
    return (double)world->end_us / US_PER_S;
}

static struct node *any_node(struct world *world) {
    return world->nodes[chance_below(&world->chance, world->node_count)];
}

/* Each second a node crashes or leaves, and comes back after 5 to 60 s, mostly under its old id. The last
 * quarter is quiet. */
static void churn_each(struct world *world, double each_s) {
    for (double at_s = SETTLED_S; at_s < 0.75 * end_s(world); at_s += each_s) {
        struct node *node = any_node(world);
        double back_s = at_s + chance_between(&world->chance, 5, 60);
        bool is_crash = chance_happens(&world->chance, 0.5);
        bool is_afresh = chance_happens(&world->chance, 0.2);
        fault_at(world, at_s, is_crash ? fault_kill : fault_leave, node, 0);
        fault_at(world, back_s, is_afresh ? fault_start_afresh : fault_start, node, 0);
    }
}

static void churn(struct world *world) {
    churn_each(world, 1);
}

static void churn_slowly(struct world *world) {
    churn_each(world, 10);
}

static void kill_one(struct world *world) {
    fault_mark(world, SETTLED_S);
    fault_at(world, SETTLED_S + chance_unit(&world->chance), fault_kill, any_node(world), 0);
}

static void leave_one(struct world *world) {
    fault_mark(world, SETTLED_S);
    fault_at(world, SETTLED_S, fault_leave, any_node(world), 0);
}

static void on_most(struct world *world, fault *what, size_t kept) {
    fault_mark(world, SETTLED_S);
    for (size_t i = kept; i < world->node_count; i++) {
        fault_at(world, SETTLED_S + 0.2 * chance_unit(&world->chance), what, world->nodes[i], 0);
    }
}

static void kill_most(struct world *world) {
    on_most(world, fault_kill, 4);
}

static void kill_half(struct world *world) {
    on_most(world, fault_kill, world->node_count / 2);
}

static void stop_most(struct world *world) {
    on_most(world, fault_leave, 4);
}

static void restart_all(struct world *world) {
    on_most(world, fault_start, 0);
}

static void churn_speakers(struct world *world) {
    for (double at_s = SETTLED_S; at_s < 0.75 * end_s(world); at_s += 60) {
        uint64_t speaker = chance_below(&world->chance, world->speakers.count);
        fault_at(world, at_s, fault_speaker_kill, NULL, speaker);
        fault_at(world, at_s + 300, fault_speaker_start, NULL, speaker);
    }
}

/* A real node joins when all speakers have long been there. */
static void join_speakers(struct world *world) {
    double at_s = 0.5 * end_s(world);
    at_s = (double)(uint64_t)at_s;
    fault_mark(world, at_s);
    fault_at(world, at_s, fault_start, node_add(world, 1, NULL), 0);
}

/* A crash among the rows of one card with 1,500 keys. */
static void kill_beside_card(struct world *world) {
    fault_mark(world, 2 * SETTLED_S);
    fault_at(world, 2 * SETTLED_S + chance_unit(&world->chance), fault_kill, world->nodes[0], 0);
}

static void sleepers(struct world *world) {
    fault_at(world, 0.3 * end_s(world), fault_kill, world->nodes[0], 0);
    fault_at(world, 0.3 * end_s(world), fault_change, world->nodes[1], 0);
}

const struct scenario scenarios_crowd[] = {
    {.name = "kill-30",
     .text = "one of 30 crashes",
     .knobs = {[KNOB_NODES] = {30, 30}, [KNOB_MINUTES] = {3, 3}},
     .script = kill_one,
     .bounds = {.whole_ms = 1000, .noticed_ms = 4000, .idle_kb = 10}},
    {.name = "kill-half",
     .text = "half of 40 crash at once",
     .knobs = {[KNOB_NODES] = {40, 40}, [KNOB_MINUTES] = {3, 3}},
     .script = kill_half,
     .bounds = {.noticed_ms = 6000, .mark_kb = 450}},
    {.name = "kill-most",
     .text = "all but four of 60 crash at once",
     .knobs = {[KNOB_NODES] = {60, 60}, [KNOB_MINUTES] = {3, 3}, [KNOB_LOSS] = {0, 0.05}},
     .script = kill_most,
     .bounds = {.false_suspects = BOUND_NONE, .noticed_ms = 17000, .mark_kb = 250}},
    {.name = "leave-one",
     .text = "one of 20 says bye",
     .knobs = {[KNOB_NODES] = {20, 20}},
     .script = leave_one,
     .bounds = {.whole_ms = 1000, .left_ms = 500, .mark_kb = 10}},
    {.name = "mass-stop",
     .text = "all but four of 60 say bye at once",
     .knobs = {[KNOB_NODES] = {60, 60}, [KNOB_MINUTES] = {3, 3}},
     .script = stop_most,
     .bounds = {.whole_ms = 1000, .left_ms = 500, .mark_kb = 250}},
    {.name = "mass-restart",
     .text = "all of 40 restart at once, as after an update",
     .knobs = {[KNOB_NODES] = {40, 40}, [KNOB_MINUTES] = {3, 3}},
     .script = restart_all,
     .bounds = {.whole_ms = 3000, .mark_kb = 1000}},
    {.name = "churn-20",
     .text = "one of 20 comes or goes each 10 s",
     .knobs = {[KNOB_NODES] = {20, 20}, [KNOB_MINUTES] = {10, 10}, [KNOB_LOSS] = {0, 0.02}},
     .script = churn_slowly,
     .bounds = {.whole_ms = 10000, .false_suspects = BOUND_NONE}},
    {.name = "churn-100",
     .text = "one of 100 comes or goes each second, 1 % loss",
     .knobs = {[KNOB_NODES] = {100, 100}, [KNOB_MINUTES] = {10, 10}, [KNOB_LOSS] = {0.01, 0.01}},
     .script = churn,
     .bounds = {.whole_ms = 60000, .false_suspects = BOUND_NONE},
     .is_long = true},
    {.name = "thousand",
     .text = "1,000 hosts for an hour, 1 % loss, one comes or goes each second",
     .knobs = {[KNOB_NODES] = {1000, 1000},
               [KNOB_MINUTES] = {60, 60},
               [KNOB_LOSS] = {0.01, 0.01},
               [KNOB_SPREAD_MS] = {30000, 30000}},
     .script = churn,
     .bounds = {.whole_ms = 200000, .false_suspects = BOUND_NONE, .budget = 1.1},
     .is_long = true},
    {.name = "day-30-percent",
     .text = "100 peers, 32 of them whole, 30 % loss, a day",
     .knobs = {[KNOB_NODES] = {32, 32},
               [KNOB_SPEAKERS] = {68, 68},
               [KNOB_MINUTES] = {1440, 1440},
               [KNOB_LOSS] = {0.3, 0.3},
               [KNOB_SPREAD_MS] = {2000, 2000}},
     .script = churn_speakers,
     .bounds = {.false_suspects = BOUND_NONE, .noticed_ms = 42000},
     .is_long = true},
    {.name = "minutes-30-percent",
     .text = "the same with 24 peers, 6 of them whole, for 15 minutes",
     .knobs = {[KNOB_NODES] = {6, 6},
               [KNOB_SPEAKERS] = {18, 18},
               [KNOB_MINUTES] = {15, 15},
               [KNOB_LOSS] = {0.3, 0.3}},
     .script = churn_speakers,
     .bounds = {.false_suspects = BOUND_NONE, .noticed_ms = 42000}},
    {.name = "speakers-300",
     .text = "a node joins 300 speakers and 4 whole listeners, 1 % loss",
     .knobs = {[KNOB_NODES] = {4, 4},
               [KNOB_SPEAKERS] = {300, 300},
               [KNOB_MINUTES] = {5, 5},
               [KNOB_LOSS] = {0.01, 0.01},
               [KNOB_SPREAD_MS] = {8000, 8000}},
     .script = join_speakers,
     .bounds = {.whole_ms = 30000, .joiner_ms = 2000, .false_suspects = BOUND_NONE, .budget = 1.1},
     .fails = "in one run of five the joiner has to wait for a table, 15 s and more"},
    {.name = "speakers-10000",
     .text = "a node joins 10,000 speakers and 16 whole listeners, 1 % loss, an hour",
     .knobs = {[KNOB_NODES] = {16, 16},
               [KNOB_SPEAKERS] = {10000, 10000},
               [KNOB_MINUTES] = {60, 60},
               [KNOB_LOSS] = {0.01, 0.01},
               [KNOB_SPREAD_MS] = {300000, 300000}},
     .script = join_speakers,
     .bounds = {.joiner_ms = 2000, .false_suspects = BOUND_NONE, .budget = 1.1},
     .is_long = true,
     .is_table_given = true},
    {.name = "card-1500",
     .text = "one address claims 1,500 keys; a crash among 30 others is noticed all the same",
     .knobs = {[KNOB_NODES] = {30, 30},
               [KNOB_SPEAKERS] = {1500, 1500},
               [KNOB_ONE_ADDRESS] = {1, 1},
               [KNOB_MINUTES] = {5, 5},
               [KNOB_SPREAD_MS] = {20000, 20000}},
     .script = kill_beside_card,
     .bounds = {.whole_ms = 21000, .noticed_ms = 4400},
     .is_long = true,
     .fails = "what comes by another socket before an earlier number counts as lost: a listener waits for a "
              "promise more"},
    {.name = "sleepers",
     .text = "a third of 12 speaks every two minutes only; one crashes, one changes",
     .knobs = {[KNOB_NODES] = {12, 12},
               [KNOB_SLEEPERS] = {0.3, 0.3},
               [KNOB_MINUTES] = {30, 30},
               [KNOB_LOSS] = {0, 0.02}},
     .script = sleepers,
     .bounds = {.whole_ms = 5000, .false_suspects = BOUND_NONE}},
    {0},
};
