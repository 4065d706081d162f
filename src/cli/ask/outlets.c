#include "outlets.h"

#include <stdlib.h>
#include <string.h>

#include "spec.h"

static int compare_names(const void *left, const void *right) {
    const struct outlet *const *a = left;
    const struct outlet *const *b = right;
    return strcmp((*a)->name, (*b)->name);
}

static struct outlet *find(const struct outlets *outlets, const char *topic) {
    const struct outlet key = {.name = (char *)topic};
    const struct outlet *wanted = &key;
    struct outlet **found = outlets->count == 0 ? NULL
                                                : bsearch(&wanted, outlets->topics, outlets->count,
                                                          sizeof(*outlets->topics), compare_names);
    return found != NULL ? *found : NULL;
}

const struct outlet *outlets_find(const struct outlets *outlets, const char *topic) {
    return find(outlets, topic);
}

/* ---- planning ---- */

static int add_topic(struct outlets *outlets, const char *name) {
    if (outlets->count == OUTLETS_TOPICS_MAX) {
        return MUSTER_EFULL;
    }
    struct outlet *topic = calloc(1, sizeof(*topic));
    char *copy = strdup(name);
    if (topic == NULL || copy == NULL) {
        free(topic);
        free(copy);
        return MUSTER_ENOMEM;
    }
    topic->name = copy;
    outlets->topics[outlets->count++] = topic;
    qsort(outlets->topics, outlets->count, sizeof(*outlets->topics), compare_names);
    outlets->planned++;
    return 0;
}

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
    const int error = find(outlets, topic) != NULL ? 0 : add_topic(outlets, topic);
    struct outlet *outlet = error == 0 ? find(outlets, topic) : NULL;
    return outlet != NULL && is_planned(outlet) ? plan_unit(outlet, name, unit) : error;
}

/* ---- opening ---- */

static void forget_units(struct outlet *topic) {
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
    forget_units(topic);
}

void outlets_open(struct outlets *outlets, muster_t *node) {
    for (size_t i = 0; i < outlets->count && outlets->planned > 0; i++) {
        if (is_planned(outlets->topics[i])) {
            open_topic(outlets->topics[i], node);
            outlets->planned--;
        }
    }
}

void outlets_flush(struct outlets *outlets) {
    for (size_t i = 0; i < outlets->count; i++) {
        if (outlets->topics[i]->publisher != NULL) {
            muster_publisher_flush(outlets->topics[i]->publisher);
        }
    }
}

void outlets_deinit(struct outlets *outlets) {
    for (size_t i = 0; i < outlets->count; i++) {
        forget_units(outlets->topics[i]);
        free(outlets->topics[i]->name);
        free(outlets->topics[i]);
    }
    *outlets = (struct outlets){0};
}
