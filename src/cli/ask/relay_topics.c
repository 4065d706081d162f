/* SPDX-License-Identifier: MIT */
#include "relay_topics.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "spec.h"

/* A name is the first member of a topic. */
static int compare_names(const void *left, const void *right) {
    return strcmp(left, right);
}

struct relay_topic *relay_topics_find(struct relay_topics *topics, const char *name) {
    return bsearch(name, topics->topics, topics->count, sizeof(*topics->topics), compare_names);
}

/* ---- planning ---- */

static bool has_record(const struct relay_topic *topic, const char *name) {
    for (size_t i = 0; i < topic->unit_count; i++) {
        if (strcmp(topic->units[i].name, name) == 0) {
            return true;
        }
    }
    return name[0] == '\0' && topic->unit != NULL;
}

/* Plans the unit of a record; the first unit of a record is the one that is announced. */
static int plan_unit(struct relay_topic *topic, const char *name, const char *unit) {
    unit = unit != NULL ? unit : "";
    if (has_record(topic, name)) {
        return 0;
    }
    if (name[0] == '\0') {
        topic->unit = strdup(unit);
        return topic->unit != NULL ? 0 : MUSTER_ENOMEM;
    }
    if (topic->unit_count == RELAY_UNITS_MAX) {
        return 0;
    }
    return spec_add_text(&topic->units, &topic->unit_count, name, unit) == 0 ? 0 : MUSTER_ENOMEM;
}

static bool is_planned(const struct relay_topic *topic) {
    return topic->publisher == NULL && topic->error == 0;
}

int relay_topics_plan(struct relay_topics *topics, const char *name, const char *origin, const char *record,
                      const char *unit) {
    struct relay_topic *topic = relay_topics_find(topics, name);
    if (topic == NULL && topics->count == RELAY_TOPICS_MAX) {
        return MUSTER_EFULL;
    }
    if (topic == NULL) {
        topic = &topics->topics[topics->count++];
        snprintf(topic->name, sizeof(topic->name), "%s", name);
        snprintf(topic->origin, sizeof(topic->origin), "%s", origin);
        qsort(topics->topics, topics->count, sizeof(*topics->topics), compare_names);
        topic = relay_topics_find(topics, name);
    }
    return is_planned(topic) ? plan_unit(topic, record, unit) : 0;
}

/* ---- opening ---- */

static void free_units(struct relay_topic *topic) {
    free(topic->unit);
    spec_free_texts(topic->units, topic->unit_count);
    topic->unit = NULL;
    topic->units = NULL;
    topic->unit_count = 0;
}

static void open_topic(struct relay_topic *topic, muster_t *node) {
    const struct muster_topic announced = {.name = topic->name,
                                           .unit = topic->unit,
                                           .units = topic->units,
                                           .unit_count = topic->unit_count,
                                           .origin = topic->origin};
    const struct muster_topic bare = {.name = topic->name, .origin = topic->origin};
    topic->error = muster_publisher_open(node, &announced, &topic->publisher);
    if (topic->error == MUSTER_ETOOBIG) { /* readings say their units themselves */
        topic->error = muster_publisher_open(node, &bare, &topic->publisher);
    }
    free_units(topic);
}

void relay_topics_open(struct relay_topics *topics, muster_t *node) {
    for (size_t i = 0; i < topics->count; i++) {
        if (is_planned(&topics->topics[i])) {
            open_topic(&topics->topics[i], node);
        }
    }
}

void relay_topics_flush(struct relay_topics *topics) {
    for (size_t i = 0; i < topics->count; i++) {
        if (topics->topics[i].publisher != NULL) {
            muster_publisher_flush(topics->topics[i].publisher);
        }
    }
}

void relay_topics_deinit(struct relay_topics *topics) {
    for (size_t i = 0; i < topics->count; i++) {
        free_units(&topics->topics[i]);
    }
    *topics = (struct relay_topics){0};
}
