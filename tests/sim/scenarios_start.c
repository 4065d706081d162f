/* SPDX-License-Identifier: MIT */
/* Scenarios of starts and of those that join. */
#include "fault.h"
#include "scenarios.h"
#include "world.h"

#define JOIN_S 60

static void join(struct world *world) {
    fault_mark(world, JOIN_S);
    fault_at(world, JOIN_S, fault_start, node_add(world, 1, NULL), 0);
}

/* The table of neighbours is full of addresses that are not there. */
static void scan_at_start(struct world *world) {
    fault_each(world, 0, 0.25, 8, fault_scan, NULL, 0);
}

static void scan(struct world *world) {
    fault_each(world, JOIN_S, 0.25, JOIN_S + 10, fault_scan, NULL, 0);
}

const struct scenario scenarios_start[] = {
    {.name = "storm",
     .text = "100 programs on two cores start at once; the kernel has 1,024 ARP entries",
     .knobs = {[KNOB_NODES] = {100, 100},
               [KNOB_CORES] = {2, 2},
               [KNOB_KERNEL_US] = {10, 10},
               [KNOB_NEIGHBOURS] = {1024, 1024},
               [KNOB_MINUTES] = {1.1, 1.1}},
     .bounds = {.whole_ms = 2000, .mark_kb = 2500}},
    {.name = "storm-busy",
     .text = "the same with two busy loops beside them",
     .knobs = {[KNOB_NODES] = {100, 100},
               [KNOB_CORES] = {2, 2},
               [KNOB_KERNEL_US] = {10, 10},
               [KNOB_NEIGHBOURS] = {1024, 1024},
               [KNOB_MINUTES] = {1.1, 1.1},
               [KNOB_BUSY_LOOPS] = {1, 1}},
     .bounds = {.whole_ms = 4000, .mark_kb = 2500}},
    {.name = "crowd-60",
     .text = "60 programs on two cores start at once; the same kernel",
     .knobs = {[KNOB_NODES] = {60, 60},
               [KNOB_CORES] = {2, 2},
               [KNOB_KERNEL_US] = {10, 10},
               [KNOB_NEIGHBOURS] = {1024, 1024},
               [KNOB_MINUTES] = {1.1, 1.1}},
     .bounds = {.whole_ms = 1000, .mark_kb = 1000}},
    {.name = "scanned-start",
     .text = "the same while somebody scans the network for 8 s: the kernel's ARP table is full",
     .knobs = {[KNOB_NODES] = {60, 60},
               [KNOB_CORES] = {2, 2},
               [KNOB_KERNEL_US] = {10, 10},
               [KNOB_NEIGHBOURS] = {1024, 1024}},
     .script = scan_at_start,
     .bounds = {.whole_ms = 5000}},
    {.name = "scanned",
     .text = "60 run when somebody scans the network for 10 s: the kernel's ARP table is full",
     .knobs = {[KNOB_NODES] = {60, 60},
               [KNOB_CORES] = {2, 2},
               [KNOB_KERNEL_US] = {10, 10},
               [KNOB_NEIGHBOURS] = {1024, 1024},
               [KNOB_SPREAD_MS] = {8000, 8000},
               [KNOB_MINUTES] = {2.5, 2.5}},
     .script = scan,
     .bounds = {.whole_ms = 15000, .false_suspects = 150}},
    {.name = "start-300",
     .text = "300 hosts start at once",
     .knobs = {[KNOB_NODES] = {300, 300}},
     .bounds = {.whole_ms = 10000, .mark_kb = 3000},
     .is_long = true},
    {.name = "joiner-60",
     .text = "one host joins 60; sockets hold 24 datagrams",
     .knobs = {[KNOB_NODES] = {60, 60},
               [KNOB_MINUTES] = {1.2, 1.2},
               [KNOB_SPREAD_MS] = {8000, 8000},
               [KNOB_QUEUE] = {24, 24}},
     .script = join,
     .bounds = {.whole_ms = 10000, .mark_kb = 120, .joiner_ms = 1000}},
    {.name = "joiner-100",
     .text = "one host joins 100: it takes a table",
     .knobs = {[KNOB_NODES] = {100, 100}, [KNOB_MINUTES] = {1.2, 1.2}, [KNOB_SPREAD_MS] = {8000, 8000}},
     .script = join,
     .bounds = {.whole_ms = 10000, .mark_kb = 45, .joiner_ms = 1000}},
    {.name = "joiner-300",
     .text = "one host joins 300",
     .knobs = {[KNOB_NODES] = {300, 300}, [KNOB_SPREAD_MS] = {20000, 20000}},
     .script = join,
     .bounds = {.whole_ms = 10000, .mark_kb = 80, .joiner_ms = 1000},
     .is_long = true},
    {.name = "joiner-1000",
     .text = "one host joins 1,000",
     .knobs = {[KNOB_NODES] = {1000, 1000}, [KNOB_SPREAD_MS] = {30000, 30000}},
     .script = join,
     .bounds = {.whole_ms = 30000, .mark_kb = 120, .joiner_ms = 1000},
     .is_long = true,
     .fails = "the key and the signature of each of 1,000 are 96 kB, which nothing compresses"},
    {0},
};
