#include "outlets.h"

#include <stdlib.h>
#include <string.h>

#include "spec.h"

/* The index of a topic, or, when it is not there, of where it belongs. */
static size_t place_of(const struct outlets *outlets, const char *name, bool *found) {
    size_t first = 0;
    size_t end = outlets->count;
    *found = false;
    while (first < end && !*found) {
        const size_t middle = first + (end - first) / 2;
        const int order = strcmp(name, outlets->topics[middle]->name);
        *found = order == 0;
        if (order == 0) {
            first = middle;
        } else if (order < 0) {
            end = middle;
        } else {
            first = middle + 1;
        }
    }
    return first;
}

const struct outlet *outlets_find(const struct outlets *outlets, const char *topic) {
    bool found;
    const size_t place = place_of(outlets, topic, &found);
    return found ? outlets->topics[place] : NULL;
}

/* ---- planning ---- */

static int make_room(struct outlets *outlets) {
    const size_t room = outlets->room > 0 ? 2 * outlets->room : 8;
    if (outlets->count == OUTLETS_TOPICS_MAX) {
        return MUSTER_EFULL;
    }
    if (outlets->count < outlets->room) {
        return 0;
    }
    struct outlet **grown = realloc(outlets->topics, room * sizeof(struct outlet *));
    if (grown == NULL) {
        return MUSTER_ENOMEM;
    }
    outlets->topics = grown;
    outlets->room = room;
    return 0;
}

static int add_topic(struct outlets *outlets, size_t place, const char *name) {
    const int error = make_room(outlets);
    if (error != 0) {
        return error;
    }
    struct outlet *topic = calloc(1, sizeof(*topic));
    char *copy = strdup(name);
    if (topic == NULL || copy == NULL) {
        free(topic);
        free(copy);
        return MUSTER_ENOMEM;
    }
    topic->name = copy;
    struct outlet **at = outlets->topics + place;
    memmove(at + 1, at, (outlets->count - place) * sizeof(struct outlet *));
    *at = topic;
    outlets->count++;
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

/* The first unit that is seen counts. */
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
    bool found;
    const size_t place = place_of(outlets, topic, &found);
    const int error = found ? 0 : add_topic(outlets, place, topic);
    if (error != 0 || !is_planned(outlets->topics[place])) {
        return error;
    }
    return plan_unit(outlets->topics[place], name, unit);
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
    free(outlets->topics);
    *outlets = (struct outlets){0};
}
