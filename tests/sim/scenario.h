/* SPDX-License-Identifier: MIT */
/* The named scenarios: knobs of a world, a script of faults, and bounds. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "knobs.h"

struct world;

#define NODES_LATER_MAX 64 /* that a script may add */
#define SLEEPER_MS 120000

/* What a run may take. 0: the bound is not looked at, but for false_suspects and false_lost, of which 0
 * allows none. */
struct bounds {
    uint64_t whole_ms;       /* all have all for good after the last fault (or the start): so long */
    uint64_t false_suspects; /* BOUND_NONE: any number */
    uint64_t false_lost;
    uint64_t mark_kb;    /* sent in the MARK_S seconds after the mark, by streams too, less those before */
    uint64_t joiner_ms;  /* a node that starts at the mark has all after this */
    uint64_t left_ms;    /* a bye is told to all but 1 % of the listeners after this; nobody crashes */
    uint64_t noticed_ms; /* a crash is told to all but 1 % of the listeners after this */
    double idle_kb;      /* sent for each peer and minute, later than MARK_S after the mark */
    double budget;       /* alives of a path take this share of 128 kbit/s at most, then */
};
#define BOUND_NONE UINT64_MAX

struct scenario {
    const char *name;
    const char *text;
    struct knob_range knobs[KNOB_COUNT];
    void (*script)(struct world *world); /* lets faults come; NULL: none */
    struct bounds bounds;
    bool has_ipv6;       /* hosts have both families, else IPv4 alone */
    bool is_on_both;     /* each node is on both segments */
    bool is_long;        /* not one of those that are run over many seeds */
    bool is_table_given; /* speakers give a table by stream: that of a node */
    bool is_lossy;       /* its faults look like loss to those who count it */
    unsigned weight;     /* share of a soak's time, 0 as 1 */
    const char *fails;   /* why it is expected to fail today; NULL: it passes */
};

/* The scenario of this name; NULL when there is none. */
const struct scenario *scenario_find(const char *name);

#define SCENARIOS_MAX 128

/* All of them by index; NULL behind the last. */
const struct scenario *scenario_at(size_t index);
