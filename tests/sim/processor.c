/* SPDX-License-Identifier: MIT */
#include "processor.h"

#include "world.h"

/* What the scheduler gives each program before the next one has its turn. */
#define SLICE_US 3000

static void run(struct world *world, void *subject, uint64_t value);

void processor_init(struct processor *processor, unsigned busy_loops) {
    *processor = (struct processor){.last = &processor->first, .busy_loops = busy_loops};
}

static void append(struct processor *processor, struct task *task) {
    task->next = NULL;
    task->is_queued = true;
    *processor->last = task;
    processor->last = &task->next;
}

static struct task *take(struct processor *processor) {
    struct task *task = processor->first;
    processor->first = task->next;
    if (processor->first == NULL) {
        processor->last = &processor->first;
    }
    task->is_queued = false;
    return task;
}

/* How long the core belongs to others first: a program that slept waits for a part of their slices. */
static uint64_t wait_us(struct world *world, const struct processor *processor) {
    return processor->busy_loops == 0 ? 0 : chance_below(&world->chance, SLICE_US * processor->busy_loops);
}

void processor_wake(struct world *world, struct task *task) {
    struct processor *processor = task->processor;
    if (task->is_queued) {
        return;
    }
    append(processor, task);
    if (!processor->is_running) {
        uint64_t start_us = processor->free_us > world->now_us ? processor->free_us : world->now_us;
        processor->is_running = true;
        heap_add(&world->heap, start_us + wait_us(world, processor), run, processor, 0);
    }
}

/* After each slice of turns every busy loop has one. */
static void yield_to_loops(struct processor *processor, uint64_t cost_us) {
    processor->slice_us += cost_us;
    if (processor->busy_loops > 0 && processor->slice_us >= SLICE_US) {
        processor->free_us += SLICE_US * processor->busy_loops;
        processor->slice_us = 0;
    }
}

static void run(struct world *world, void *subject, uint64_t value) {
    struct processor *processor = subject;
    if (value == HEAP_DISCARD) {
        return;
    }
    if (processor->first == NULL) {
        processor->is_running = false;
        return;
    }
    if (processor->free_us > world->now_us) {
        heap_add(&world->heap, processor->free_us, run, processor, 0);
        return;
    }
    struct task *task = take(processor);
    bool has_more = false;
    uint64_t cost_us = task->turn(world, task, world->now_us, &has_more);
    processor->spent_us += cost_us;
    processor->free_us = world->now_us + cost_us;
    yield_to_loops(processor, cost_us);
    if (has_more) {
        append(processor, task);
    }
    processor->is_running = processor->first != NULL;
    if (processor->is_running) {
        heap_add(&world->heap, processor->free_us, run, processor, 0);
    }
}

void processor_interrupt(struct world *world, struct processor *processor, uint64_t cost_us) {
    processor->free_us = (processor->free_us > world->now_us ? processor->free_us : world->now_us) + cost_us;
    processor->spent_us += cost_us;
}

void processor_forget(struct task *task) {
    struct processor *processor = task->processor;
    struct task **place = &processor->first;
    while (task->is_queued && *place != task) {
        place = &(*place)->next;
    }
    if (task->is_queued) {
        *place = task->next;
        processor->last = task->next == NULL ? place : processor->last;
        task->is_queued = false;
    }
}
