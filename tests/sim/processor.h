/* SPDX-License-Identifier: MIT */
/* The processor cores on which nodes run. A core does one thing at a time; what is ready waits in a queue. So
 * a node whose core is busy is late: its timers run late, and what it reads is old. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct world;

/* What runs on a core: a node. */
struct task {
    struct task *next; /* in the queue of its core */
    struct processor *processor;
    bool is_queued;
    /* Does one turn from start_us on; how long it took. It sets has_more when it is ready again. */
    uint64_t (*turn)(struct world *world, struct task *task, uint64_t start_us, bool *has_more);
};

struct processor {
    struct task *first;
    struct task **last;
    bool is_running;
    uint64_t free_us;    /* when it has done what it does */
    uint64_t spent_us;   /* on turns so far */
    uint64_t slice_us;   /* of turns since a busy loop last ran */
    unsigned busy_loops; /* other programs that always want this core */
};

void processor_init(struct processor *processor, unsigned busy_loops);

/* The task has something to do. It is queued unless it is already. */
void processor_wake(struct world *world, struct task *task);

/* The kernel takes the core for this long, before all tasks: a packet came in. */
void processor_interrupt(struct world *world, struct processor *processor, uint64_t cost_us);

/* The task is gone. */
void processor_forget(struct task *task);
