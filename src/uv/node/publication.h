/* SPDX-License-Identifier: MIT */
/* The topics of a node that are open for records. A part (part.h). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <muster/muster.h>

#include "part.h"

struct muster_publisher {
    struct muster_publisher *prev;
    struct muster_publisher *next;
    struct publications *publications;
    unsigned number; /* of the topic in the core */
};

struct publications {
    const struct part_context *context;
    muster_publisher_t *first;
    bool has_clock;    /* the wall clock was read */
    uint64_t clock_ms; /* at this time of the loop, */
    double clock_s;    /* and showed this */
    bool is_awaited;   /* the application got MUSTER_EAGAIN, and on_writable is due when that is over */
    muster_writable_cb on_writable;
    void *application;
};

/* Calls on_writable when it is awaited and records are taken again. */
void publications_turn(struct publications *publications);

/* Frees all publishers; the core does not learn of it. */
void publications_deinit(struct publications *publications);

/* Those of muster.h, but for what follows in the node. now_ms is the loop's time. */
int publisher_open(struct publications *publications, const struct muster_topic *topic,
                   muster_publisher_t **publisher);
int publisher_add(muster_publisher_t *publisher, const struct muster_record *record, uint64_t now_ms);
void publisher_close(muster_publisher_t *publisher);
