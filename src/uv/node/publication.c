/* SPDX-License-Identifier: MIT */
#include "publication.h"

#include <stdlib.h>
#include <time.h>

#include <utlist.h>

/* ---- as a part ---- */

void publications_turn(struct publications *publications) {
    const struct part_context *context = publications->context;
    if (context->is_closing || !muster_core_is_writable(context->core) || !publications->is_awaited) {
        return;
    }
    publications->is_awaited = false;
    if (publications->on_writable != NULL) {
        publications->on_writable(context->node, publications->application);
    }
}

void publications_deinit(struct publications *publications) {
    muster_publisher_t *publisher;
    muster_publisher_t *next;
    DL_FOREACH_SAFE(publications->first, publisher, next) {
        free(publisher);
    }
    publications->first = NULL;
}

/* The time of a record that has none. Those that are added in one go have the same, as their pack then says
 * it once; reading the clock for each would cost as much as writing the record. */
static double wall_s(struct publications *publications, uint64_t now_ms) {
    if (!publications->has_clock || publications->clock_ms != now_ms) {
        struct timespec now = {.tv_sec = 0};
        clock_gettime(CLOCK_REALTIME, &now);
        publications->has_clock = true;
        publications->clock_ms = now_ms;
        publications->clock_s = (double)now.tv_sec + (double)now.tv_nsec / 1e9;
    }
    return publications->clock_s;
}

/* ---- publishers ---- */

int publisher_open(struct publications *publications, const struct muster_topic *topic,
                   muster_publisher_t **publisher) {
    *publisher = NULL;
    if (publications->context->is_closing) {
        return MUSTER_ECLOSING;
    }
    muster_publisher_t *opened = calloc(1, sizeof *opened);
    if (opened == NULL) {
        return MUSTER_ENOMEM;
    }
    int error = muster_core_topic_open(publications->context->core, topic, &opened->number);
    if (error != 0) {
        free(opened);
        return error;
    }
    opened->publications = publications;
    DL_APPEND(publications->first, opened);
    *publisher = opened;
    return 0;
}

int publisher_add(muster_publisher_t *publisher, const struct muster_record *record, uint64_t now_ms) {
    struct publications *publications = publisher->publications;
    double now_s = record->time_s == 0 ? wall_s(publications, now_ms) : 0;
    return muster_core_topic_add(publications->context->core, publisher->number, record, now_ms, now_s);
}

void publisher_close(muster_publisher_t *publisher) {
    struct publications *publications = publisher->publications;
    muster_core_topic_close(publications->context->core, publisher->number);
    DL_DELETE(publications->first, publisher);
    free(publisher);
}
