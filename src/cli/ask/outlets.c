/* SPDX-License-Identifier: MIT */
#include "outlets.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "spec.h"

/* A name is the first member of an outlet. */
static int compare_names(const void *left, const void *right) {
    return strcmp(left, right);
}

struct outlet *outlets_find(struct outlets *outlets, const char *topic) {
    return bsearch(topic, outlets->topics, outlets->count, sizeof(*outlets->topics), compare_names);
}

/* ---- planning ---- */

static bool has_record(const struct outlet *topic, const char *name) {
    for (size_t i = 0; i < topic->unit_count; i++) {
        if (strcmp(topic->units[i].name, name) == 0) {
            return true;
        }
    }
    return name[0] == '\0' && topic->unit != NULL;
}

/* Plans the unit of a record; the first unit of a record is the one that is announced. */
static int plan_unit(struct outlet *topic, const char *name, const char *unit) {
    unit = unit != NULL ? unit : "";
    if (has_record(topic, name)) {
        return 0;
    }
    if (name[0] == '\0') {
        topic->unit = strdup(unit);
        return topic->unit != NULL ? 0 : MUSTER_ENOMEM;
    }
    if (topic->unit_count == OUTLETS_UNITS_MAX) {
        return 0;
    }
    return spec_add_text(&topic->units, &topic->unit_count, name, unit) == 0 ? 0 : MUSTER_ENOMEM;
}

static bool is_planned(const struct outlet *topic) {
    return topic->publisher == NULL && topic->error == 0;
}

int outlets_plan(struct outlets *outlets, const char *topic, const char *name, const char *unit) {
    struct outlet *outlet = outlets_find(outlets, topic);
    if (outlet == NULL && outlets->count == OUTLETS_TOPICS_MAX) {
        return MUSTER_EFULL;
    }
    if (outlet == NULL) {
        snprintf(outlets->topics[outlets->count++].name, sizeof(outlet->name), "%s", topic);
        qsort(outlets->topics, outlets->count, sizeof(*outlets->topics), compare_names);
        outlet = outlets_find(outlets, topic);
    }
    return is_planned(outlet) ? plan_unit(outlet, name, unit) : 0;
}

/* ---- opening ---- */

static void free_units(struct outlet *topic) {
    free(topic->unit);
    spec_free_texts(topic->units, topic->unit_count);
    topic->unit = NULL;
    topic->units = NULL;
    topic->unit_count = 0;
}

static void open_topic(struct outlet *topic, muster_t *node) {
    const struct muster_topic announced = {
        .name = topic->name, .unit = topic->unit, .units = topic->units, .unit_count = topic->unit_count};
    const struct muster_topic bare = {.name = topic->name};
    topic->error = muster_publisher_open(node, &announced, &topic->publisher);
    if (topic->error == MUSTER_ETOOBIG) { /* readings say their units themselves */
        topic->error = muster_publisher_open(node, &bare, &topic->publisher);
    }
    free_units(topic);
}

void outlets_open(struct outlets *outlets, muster_t *node) {
    for (size_t i = 0; i < outlets->count; i++) {
        if (is_planned(&outlets->topics[i])) {
            open_topic(&outlets->topics[i], node);
        }
    }
}

void outlets_flush(struct outlets *outlets) {
    for (size_t i = 0; i < outlets->count; i++) {
        if (outlets->topics[i].publisher != NULL) {
            muster_publisher_flush(outlets->topics[i].publisher);
        }
    }
}

void outlets_deinit(struct outlets *outlets) {
    for (size_t i = 0; i < outlets->count; i++) {
        free_units(&outlets->topics[i]);
    }
    *outlets = (struct outlets){0};
}
