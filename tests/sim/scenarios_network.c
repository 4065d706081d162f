/* SPDX-License-Identifier: MIT */
/* Scenarios of networks: they lose, delay, filter and fall apart. */
#include "fault.h"
#include "scenarios.h"
#include "world.h"

#define SETTLED_S 30

static struct link *link_of(struct world *world, size_t node) {
    return &world->nodes[node]->hosts[0]->link;
}

static void kill_one(struct world *world) {
    fault_mark(world, SETTLED_S);
    fault_at(world, SETTLED_S + chance_unit(&world->chance), fault_kill, world->nodes[world->node_count - 1],
             0);
}

static void filter(struct world *world, enum muster_path_kind kind, size_t each) {
    for (size_t i = 0; i < world->node_count; i += each) {
        link_of(world, i)->is_filtered[kind] = true;
    }
    kill_one(world);
}

static void filter_multicast_of_some(struct world *world) {
    filter(world, MUSTER_PATH_M4, 3);
}

static void filter_multicast(struct world *world) {
    filter(world, MUSTER_PATH_M4, 1);
}

static void filter_broadcast(struct world *world) {
    filter(world, MUSTER_PATH_B4, 1);
}

/* Over IPv4 nobody hears the others at all, and over IPv6 some is lost. */
static void filter_ipv4(struct world *world) {
    for (size_t i = 0; i < world->node_count; i++) {
        link_of(world, i)->is_filtered[MUSTER_PATH_M4] = true;
        link_of(world, i)->is_filtered[MUSTER_PATH_B4] = true;
        link_of(world, i)->loss6 = 0.02;
    }
    kill_one(world);
}

static void fence_one(struct world *world) {
    link_of(world, 0)->is_fenced = true;
    fault_mark(world, SETTLED_S);
}

static void deafen_one(struct world *world) {
    fault_at(world, SETTLED_S, fault_deafen, world->nodes[0], 60000);
}

static void mute_one(struct world *world) {
    fault_at(world, SETTLED_S, fault_mute, world->nodes[0], 60000);
}

/* A node that never hears the group again, but answers what is asked by unicast. */
static void deafen_to_group(struct world *world) {
    link_of(world, 0)->is_filtered[MUSTER_PATH_M4] = true;
    link_of(world, 0)->is_filtered[MUSTER_PATH_B4] = true;
}

/* Each says bye while it answers a question of another: the answer may come last. */
static void ask_and_leave(struct world *world) {
    for (size_t i = 0; i + 4 < world->node_count; i++) {
        fault_at(world, SETTLED_S + 5 * (double)i, fault_query, world->nodes[world->node_count - 1], 0);
        fault_at(world, SETTLED_S + 5 * (double)i + 0.15, fault_leave, world->nodes[i], 0);
    }
}

static void split(struct world *world, uint64_t islands, double for_s) {
    fault_at(world, SETTLED_S, fault_split, NULL, islands);
    fault_mark(world, (double)(uint64_t)(SETTLED_S + for_s));
    fault_at(world, SETTLED_S + for_s, fault_heal, NULL, 0);
}

static void split_long(struct world *world) {
    split(world, 2, 90);
}

static void split_short(struct world *world) {
    split(world, 3, 10);
}

static void split_often(struct world *world) {
    for (int i = 0; i < 6; i++) {
        double at_s = SETTLED_S + 20 * i;
        fault_at(world, at_s, fault_split, NULL, 2 + chance_below(&world->chance, 3));
        fault_at(world, at_s + chance_between(&world->chance, 1, 18), fault_heal, NULL, 0);
    }
}

/* One island is restarted while it is apart. */
static void restart_apart(struct world *world) {
    split(world, 2, 60);
    for (size_t i = 0; i < world->node_count; i += 2) {
        fault_at(world, SETTLED_S + 30, i % 4 == 0 ? fault_start : fault_start_afresh, world->nodes[i], 0);
    }
}

static void unplug(struct world *world) {
    fault_at(world, SETTLED_S, fault_unplug, world->nodes[0], 20000);
    fault_at(world, SETTLED_S + 5, fault_unplug, world->nodes[1], 2000);
}

/* Bursts that a switch brings about: everybody is unplugged for a moment. */
static void reboot_switch(struct world *world) {
    fault_mark(world, SETTLED_S + 10);
    for (size_t i = 0; i < world->node_count; i++) {
        fault_at(world, SETTLED_S, fault_unplug, world->nodes[i], 10000);
    }
}

const struct scenario scenarios_network[] = {
    {.name = "loss-10",
     .text = "20 peers, 10 % loss, one crashes",
     .knobs = {[KNOB_NODES] = {20, 20}, [KNOB_LOSS] = {0.1, 0.1}, [KNOB_MINUTES] = {5, 5}},
     .script = kill_one,
     .bounds = {.whole_ms = 15000, .false_suspects = 1000, .noticed_ms = 25000}},
    {.name = "loss-30",
     .text = "10 peers, 30 % loss, one crashes",
     .knobs = {[KNOB_NODES] = {10, 10}, [KNOB_LOSS] = {0.3, 0.3}, [KNOB_MINUTES] = {10, 10}},
     .script = kill_one,
     .bounds = {.whole_ms = 30000, .false_suspects = BOUND_NONE, .noticed_ms = 45000}},
    {.name = "bursts",
     .text = "loss comes in bursts",
     .knobs = {[KNOB_NODES] = {10, 10},
               [KNOB_BURST_ENTER] = {0.005, 0.02},
               [KNOB_BURST_LEAVE] = {0.4, 0.6},
               [KNOB_MINUTES] = {10, 10}},
     .script = kill_one,
     .bounds = {.whole_ms = 30000, .false_suspects = BOUND_NONE}},
    {.name = "jitter",
     .text = "datagrams overtake each other by up to 200 ms",
     .knobs = {[KNOB_NODES] = {10, 10}, [KNOB_JITTER_US] = {1000, 200000}, [KNOB_MINUTES] = {5, 5}},
     .script = kill_one,
     .bounds = {.whole_ms = 15000, .false_suspects = BOUND_NONE}},
    {.name = "leave-late",
     .text = "six of 10 say bye while they are asked; datagrams overtake by up to 200 ms",
     .knobs = {[KNOB_NODES] = {10, 10}, [KNOB_JITTER_US] = {200000, 200000}},
     .script = ask_and_leave,
     .bounds = {.false_suspects = BOUND_NONE}},
    {.name = "slow-links",
     .text = "each datagram takes 20 to 100 ms",
     .knobs = {[KNOB_NODES] = {10, 10}, [KNOB_DELAY_US] = {20000, 100000}, [KNOB_MINUTES] = {5, 5}},
     .script = kill_one,
     .bounds = {.whole_ms = 10000, .noticed_ms = 8000}},
    {.name = "duplicates",
     .text = "a fifth of all datagrams comes twice",
     .knobs = {[KNOB_NODES] = {12, 12}, [KNOB_DUPLICATE] = {0.05, 0.3}, [KNOB_MINUTES] = {5, 5}},
     .script = kill_one,
     .bounds = {.whole_ms = 5000}},
    {.name = "one-way-deaf",
     .text = "one hears nothing for a minute, while the others hear it",
     .knobs = {[KNOB_NODES] = {12, 12}, [KNOB_MINUTES] = {5, 5}},
     .script = deafen_one,
     .bounds = {.whole_ms = 10000}},
    {.name = "one-way-mute",
     .text = "one is heard by nobody for a minute, while it hears the others",
     .knobs = {[KNOB_NODES] = {12, 12}, [KNOB_MINUTES] = {5, 5}},
     .script = mute_one,
     .bounds = {.whole_ms = 10000}},
    {.name = "deaf-to-group",
     .text = "one never hears the group, but hears and answers by unicast",
     .knobs = {[KNOB_NODES] = {8, 8}, [KNOB_LOSS] = {0.02, 0.05}, [KNOB_MINUTES] = {15, 15}},
     .script = deafen_to_group,
     .bounds = {.false_suspects = BOUND_NONE}},
    {.name = "filtered-multicast",
     .text = "a third of 12 hears no multicast; one crashes",
     .knobs = {[KNOB_NODES] = {12, 12}, [KNOB_MINUTES] = {5, 5}},
     .script = filter_multicast_of_some,
     .bounds = {.whole_ms = 5000, .noticed_ms = 7000}},
    {.name = "broadcast-only",
     .text = "nobody hears multicast; one crashes",
     .knobs = {[KNOB_NODES] = {12, 12}, [KNOB_MINUTES] = {5, 5}},
     .script = filter_multicast,
     .bounds = {.whole_ms = 5000, .noticed_ms = 7000}},
    {.name = "multicast-only",
     .text = "nobody hears broadcast; one crashes",
     .knobs = {[KNOB_NODES] = {12, 12}, [KNOB_MINUTES] = {5, 5}},
     .script = filter_broadcast,
     .bounds = {.whole_ms = 5000, .noticed_ms = 7000}},
    {.name = "ipv6-passes",
     .text = "both families, of which IPv6 alone passes to many, and loses 2 %; one of 12 crashes",
     .knobs = {[KNOB_NODES] = {12, 12}, [KNOB_MINUTES] = {5, 5}},
     .script = filter_ipv4,
     .has_ipv6 = true,
     .is_lossy = true,
     .bounds = {.whole_ms = 15000, .false_suspects = BOUND_NONE, .noticed_ms = 25000}},
    {.name = "six-copies",
     .text = "10 hosts on two segments, each with both families: six copies of all; one crashes",
     .knobs = {[KNOB_NODES] = {10, 10}, [KNOB_MINUTES] = {5, 5}},
     .script = kill_one,
     .has_ipv6 = true,
     .is_on_both = true,
     .bounds = {.whole_ms = 5000, .noticed_ms = 7000}},
    {.name = "fenced",
     .text = "a firewall of one of 10 takes answers alone",
     .knobs = {[KNOB_NODES] = {10, 10}, [KNOB_MINUTES] = {10, 10}},
     .script = fence_one,
     .bounds = {.idle_kb = 12, .mark_kb = 40}},
    {.name = "partition",
     .text = "two halves of 20 are apart for 90 s",
     .knobs = {[KNOB_NODES] = {20, 20}, [KNOB_MINUTES] = {5, 5}},
     .script = split_long,
     .bounds = {.whole_ms = 10000, .mark_kb = 400}},
    {.name = "partition-short",
     .text = "three islands are apart for 10 s",
     .knobs = {[KNOB_NODES] = {15, 15}, [KNOB_MINUTES] = {3, 3}, [KNOB_LOSS] = {0, 0.05}},
     .script = split_short,
     .bounds = {.whole_ms = 20000, .false_suspects = BOUND_NONE}},
    {.name = "partition-often",
     .text = "islands come and go six times",
     .knobs = {[KNOB_NODES] = {12, 12}, [KNOB_MINUTES] = {5, 5}, [KNOB_LOSS] = {0, 0.05}},
     .script = split_often,
     .bounds = {.whole_ms = 20000, .false_suspects = BOUND_NONE}},
    {.name = "partition-restart",
     .text = "half of them restart while they are apart",
     .knobs = {[KNOB_NODES] = {12, 12}, [KNOB_MINUTES] = {5, 5}},
     .script = restart_apart,
     .bounds = {.whole_ms = 10000}},
    {.name = "unplug",
     .text = "two lose their interface for a while",
     .knobs = {[KNOB_NODES] = {10, 10}, [KNOB_MINUTES] = {3, 3}},
     .script = unplug,
     .bounds = {.whole_ms = 10000}},
    {.name = "switch-reboot",
     .text = "all of 40 lose their interface for 10 s at once",
     .knobs = {[KNOB_NODES] = {40, 40}, [KNOB_MINUTES] = {3, 3}},
     .script = reboot_switch,
     .bounds = {.whole_ms = 10000, .mark_kb = 1000}},
    {0},
};
