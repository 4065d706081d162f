/* SPDX-License-Identifier: MIT */
/* A world: hosts on segments, nodes and speakers on them, the time, and what happens next. One seed makes it,
 * and the same seed makes the same world with the same history. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "attacker.h"
#include "chance.h"
#include "figures.h"
#include "heap.h"
#include "invariant.h"
#include "knobs.h"
#include "neighbour.h"
#include "node.h"
#include "processor.h"
#include "segment.h"
#include "speaker.h"
#include "tcp.h"
#include "telemetry.h"
#include "truth.h"

#define US_PER_MS 1000
#define US_PER_S 1000000
#define MARK_S 5 /* what is sent after the mark is counted for so long */
#define FAILURE_BYTES 400
#define FAILURES_SHOWN 8

struct scenario;

struct world {
    const struct scenario *scenario;
    struct knobs knobs;
    struct chance chance;
    struct heap heap;
    uint64_t now_us;
    uint64_t end_us;
    uint64_t islands; /* 0: the network is whole */
    uint64_t heal_us; /* when the last fault ended */
    uint64_t mark_us; /* when what the scenario is about happens */
    uint64_t queue_bytes;
    uint64_t queue_datagrams;

    struct processor *processors;
    size_t processor_count;
    struct hosts hosts;
    struct neighbours neighbours;
    struct node **nodes;
    size_t node_count;
    size_t node_size;
    struct speakers speakers;
    struct attacker **attackers;
    size_t attacker_count;
    struct telemetry telemetry;
    struct tcp *tcps;
    uint64_t stream_number;

    struct truth truth;
    struct figures figures;
    size_t rows;         /* of all tables, at the end */
    size_t memory_bytes; /* of the heap: before the world, at the end what the world took */

    FILE *trace;   /* NULL: none */
    uint64_t hash; /* of all that happened */
    char failures[FAILURES_SHOWN][FAILURE_BYTES];
    size_t failure_count;
};

/* Makes the world of a scenario: its nodes and speakers will start, its faults will come. */
struct world *world_new(const struct scenario *scenario, const struct knobs *knobs, uint64_t seed,
                        FILE *trace);
void world_free(struct world *world);

/* Runs it to its end and looks at the invariants. False when one was breached. */
bool world_run(struct world *world);

double world_knob(const struct world *world, enum knob knob);

/* A breach: the run goes on, and fails. */
__attribute__((format(printf, 2, 3))) void world_fail(struct world *world, const char *format, ...);

/* Takes something that happened into the hash. */
void world_hash(struct world *world, uint64_t value);

/* Writes a line to the trace: what was told, to whom (SUBJECT_NONE: nobody), and of whom. */
void trace(struct world *world, const char *what, size_t subject, size_t of);

/* ---- for those who make it ---- */

struct processor *world_processor(struct world *world, size_t node);
void world_set_link(struct world *world, struct link *link);
void world_make_key(struct world *world, uint8_t key[MUSTER_KEY_BYTES]);
void world_add_node(struct world *world, struct node *node);

/* ---- between hosts ---- */

/* The first host of a node; the one on the segment of another host, or NULL. */
const struct host *world_host(const struct node *node);
const struct host *world_host_beside(const struct node *node, const struct host *host);

/* True when what the subject says to the group can reach the node. */
bool world_hears(const struct world *world, const struct node *node, const struct subject *subject);

/* True when the node can ask the subject, and hear its answer. */
bool world_answers(const struct world *world, const struct node *node, const struct subject *subject);

/* True where links lose datagrams. */
bool world_loses(const struct world *world);

/* Something came between a host and the others, or is gone again. */
void world_host_changed(struct world *world, struct host *host);
void world_node_changed(struct world *world, const struct node *node);

/* ---- bounds that follow from schemas/PROTOCOL.md ---- */

/* After this a crash of this host is noticed by all. */
uint64_t world_patience_us(const struct world *world, const struct host *host);
