/* SPDX-License-Identifier: MIT */
/* Scenarios of hosts that mean harm, and of readings. */
#include "attacker.h"
#include "fault.h"
#include "scenarios.h"
#include "telemetry.h"
#include "world.h"

#define SETTLED_S 30

static void kill_meanwhile(struct world *world) {
    fault_mark(world, SETTLED_S);
    fault_at(world, SETTLED_S + 20, fault_kill, world->nodes[world->node_count - 1], 0);
}

static void flood(struct world *world) {
    attacker_add(world, 1, 1, SETTLED_S, SETTLED_S + 60, 1000, attack_with_garbage);
    kill_meanwhile(world);
}

static void flood_from_many(struct world *world) {
    attacker_add(world, 64, 8, SETTLED_S, SETTLED_S + 15, 512 * 110, attack_with_garbage);
}

static void invent_names(struct world *world) {
    attacker_add(world, 4, 1, SETTLED_S, SETTLED_S + 60, 100, attack_with_names);
    kill_meanwhile(world);
}

static void invent_keys(struct world *world) {
    attacker_add(world, 16, 1, SETTLED_S, SETTLED_S + 60, 200, attack_with_keys);
    kill_meanwhile(world);
}

static void forge_byes(struct world *world) {
    attacker_add(world, 2, 1, SETTLED_S, SETTLED_S + 60, 20, attack_with_byes);
}

static void forge_alives(struct world *world) {
    attacker_add(world, 2, 1, SETTLED_S, SETTLED_S + 60, 20, attack_with_alives);
    kill_meanwhile(world);
}

/* A signature of some 50 us each would take more than a core. */
static void flood_with_signatures(struct world *world) {
    attacker_add(world, 250, 1, SETTLED_S, SETTLED_S + 10, 25000, attack_with_alives);
    fault_mark(world, SETTLED_S);
}

static void pretend(struct world *world) {
    attacker_add(world, 2, 1, SETTLED_S, SETTLED_S + 60, 20, attack_with_impostors);
}

static void forge_questions(struct world *world) {
    attacker_add(world, 4, 1, SETTLED_S, 1e6, 100, attack_with_forged_questions);
}

static void ask_endlessly(struct world *world) {
    attacker_add(world, 4, 1, SETTLED_S, SETTLED_S + 30, 290, attack_with_questions);
    fault_mark(world, SETTLED_S);
}

/* What a node said before it crashed, left or restarted is said again. */
static void replay(struct world *world) {
    attacker_add(world, 1, 1, SETTLED_S, 1e6, 20, attack_with_recordings);
    fault_at(world, SETTLED_S + 20, fault_kill, world->nodes[0], 0);
    fault_at(world, SETTLED_S + 20, fault_leave, world->nodes[1], 0);
    fault_at(world, SETTLED_S + 20, fault_start, world->nodes[2], 0);
    fault_at(world, SETTLED_S + 60, fault_change, world->nodes[3], 0);
}

/* ---- readings ---- */

static void set_roles(struct world *world, size_t publishers) {
    for (size_t i = 0; i < world->node_count; i++) {
        world->nodes[i]->role = i < publishers ? TELEMETRY_PUBLISHER : TELEMETRY_SUBSCRIBER;
    }
}

static void publish(struct world *world, size_t publishers, double per_s) {
    set_roles(world, publishers);
    for (size_t i = 0; i < publishers; i++) {
        fault_each(world, SETTLED_S, 1 / per_s, (double)world->end_us / US_PER_S - 10, telemetry_add,
                   world->nodes[i], 1000);
    }
}

static void publish_one(struct world *world) {
    publish(world, 1, 100);
}

static void publish_four(struct world *world) {
    publish(world, 4, 50);
}

const struct scenario scenarios_attack[] = {
    {.name = "flood",
     .text = "one port sends 1,000 datagrams a second; one of 10 crashes meanwhile",
     .knobs = {[KNOB_NODES] = {10, 10}, [KNOB_MINUTES] = {2, 2}},
     .script = flood,
     .bounds = {.whole_ms = 1000, .noticed_ms = 7000},
     .fails = "buckets are shared by hash"},
    {.name = "flood-addresses",
     .text = "64 addresses use up 512 buckets for 15 s",
     .knobs = {[KNOB_NODES] = {10, 10}, [KNOB_MINUTES] = {2, 2}},
     .script = flood_from_many,
     .bounds = {.whole_ms = 1000},
     .is_long = true},
    {.name = "invented-names",
     .text = "four addresses announce 100 unsigned peers a second; one of 10 crashes meanwhile",
     .knobs = {[KNOB_NODES] = {10, 10}, [KNOB_MINUTES] = {3, 3}},
     .script = invent_names,
     .bounds = {.whole_ms = 5000, .noticed_ms = 10000}},
    {.name = "invented-keys",
     .text = "16 addresses announce 200 keys a second that never answer; one of 10 crashes meanwhile",
     .knobs = {[KNOB_NODES] = {10, 10}, [KNOB_MINUTES] = {3, 3}},
     .script = invent_keys,
     .bounds = {.whole_ms = 1000, .mark_kb = 800, .noticed_ms = 7000, .idle_kb = 520}},
    {.name = "forged-byes",
     .text = "byes of nodes, signed by another key",
     .knobs = {[KNOB_NODES] = {10, 10}, [KNOB_MINUTES] = {2, 2}},
     .script = forge_byes,
     .bounds = {.whole_ms = 1000}},
    {.name = "forged-alives",
     .text = "alives of nodes, signed by another key; one of 10 crashes meanwhile",
     .knobs = {[KNOB_NODES] = {10, 10}, [KNOB_MINUTES] = {3, 3}},
     .script = forge_alives,
     .bounds = {.whole_ms = 1000, .noticed_ms = 7000}},
    {.name = "signatures",
     .text = "250 addresses forge 25,000 signed alives of nodes a second, for 10 s",
     .knobs = {[KNOB_NODES] = {4, 4}, [KNOB_MINUTES] = {1, 1}, [KNOB_QUEUE] = {500, 500}},
     .script = flood_with_signatures,
     .bounds = {.whole_ms = 1000}},
    {.name = "impostors",
     .text = "announces that answer nonces, of ids that are not of their key",
     .knobs = {[KNOB_NODES] = {10, 10}, [KNOB_MINUTES] = {2, 2}},
     .script = pretend,
     .bounds = {.whole_ms = 1000}},
    {.name = "forged-questions",
     .text = "one at a time is told that others asked for all and got no answer; 30 % loss",
     .knobs = {[KNOB_NODES] = {10, 10}, [KNOB_MINUTES] = {5, 5}, [KNOB_LOSS] = {0.3, 0.3}},
     .script = forge_questions,
     .bounds = {.false_suspects = BOUND_NONE}},
    {.name = "endless-questions",
     .text = "a stranger asks for everybody 290 times a second",
     .knobs = {[KNOB_NODES] = {10, 10}, [KNOB_MINUTES] = {2, 2}},
     .script = ask_endlessly,
     .bounds = {.whole_ms = 1000}},
    {.name = "replay",
     .text = "all that nodes said is said again, while they crash, leave, restart and change",
     .knobs = {[KNOB_NODES] = {10, 10}, [KNOB_MINUTES] = {4, 4}},
     .script = replay,
     .bounds = {.whole_ms = 10000}},
    {.name = "replay-lossy",
     .text = "the same where a fifth is lost, so that what is said again is new to some",
     .knobs = {[KNOB_NODES] = {10, 10}, [KNOB_MINUTES] = {4, 4}, [KNOB_LOSS] = {0.1, 0.2}},
     .script = replay,
     .bounds = {.false_suspects = BOUND_NONE}},
    {.name = "nak-storm",
     .text = "500 subscribers of one publisher, 10 % loss",
     .knobs = {[KNOB_NODES] = {501, 501},
               [KNOB_MINUTES] = {1, 1},
               [KNOB_LOSS] = {0.1, 0.1},
               [KNOB_SPREAD_MS] = {10000, 10000}},
     .script = publish_one,
     .bounds = {.false_suspects = BOUND_NONE},
     .is_long = true},
    {.name = "nak-storm-40",
     .text = "36 subscribers of four publishers, 10 % loss",
     .knobs = {[KNOB_NODES] = {40, 40}, [KNOB_MINUTES] = {1, 1}, [KNOB_LOSS] = {0.1, 0.1}},
     .script = publish_four,
     .bounds = {.false_suspects = BOUND_NONE}},
    {0},
};
