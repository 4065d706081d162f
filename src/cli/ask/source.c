/* SPDX-License-Identifier: MIT */
#include "source.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

/* ---- labels ---- */

/* Labels all publishers of this name. */
static void label_all(struct sources *sources, const char *name) {
    size_t count = 0;
    for (size_t i = 0; i < sources->count; i++) {
        count += strcmp(sources->sources[i]->publisher.name, name) == 0 ? 1 : 0;
    }
    for (size_t i = 0; i < sources->count; i++) {
        struct record_publisher *publisher = &sources->sources[i]->publisher;
        if (strcmp(publisher->name, name) == 0) {
            publisher->label = text_label(name, publisher->id, count > 1 ? TEXT_LABEL_DIGITS : 0);
            publisher->label_width = text_width(publisher->label.text);
        }
    }
}

static void set_name(struct sources *sources, struct source *source, const char *name) {
    char before[sizeof(source->publisher.name)];
    memcpy(before, source->publisher.name, sizeof(before));
    snprintf(source->publisher.name, sizeof(source->publisher.name), "%s", name);
    label_all(sources, before);
    label_all(sources, source->publisher.name);
}

/* ---- finding ---- */

static int compare_ids(const void *left, const void *right) {
    const struct source *const *a = left;
    const struct source *const *b = right;
    return memcmp((*a)->publisher.id, (*b)->publisher.id, MUSTER_ID_BYTES);
}

/* The source of an id, or NULL. */
static struct source *find(const struct sources *sources, const uint8_t id[MUSTER_ID_BYTES]) {
    struct source key;
    const struct source *wanted = &key;
    memcpy(key.publisher.id, id, MUSTER_ID_BYTES);
    struct source **found = sources->count == 0 ? NULL
                                                : bsearch(&wanted, sources->sources, sources->count,
                                                          sizeof(*sources->sources), compare_ids);
    return found != NULL ? *found : NULL;
}

static void look_up(struct sources *sources, struct source *source, const muster_t *node) {
    struct muster_peer_list list = {0};
    const bool is_known = muster_peer_find(node, source->publisher.id, &list) == 0;
    set_name(sources, source, is_known ? list.peers[0].document.name : "");
    muster_peer_list_free(&list);
}

static struct source *add(struct sources *sources, const uint8_t id[MUSTER_ID_BYTES]) {
    struct source *source = calloc(1, sizeof(*source));
    if (sources->sources == NULL) {
        sources->sources = calloc(SOURCES_MAX, sizeof(struct source *));
    }
    if (source == NULL || sources->sources == NULL) {
        free(source);
        return NULL;
    }
    memcpy(source->publisher.id, id, MUSTER_ID_BYTES);
    sources->sources[sources->count++] = source;
    qsort(sources->sources, sources->count, sizeof(struct source *), compare_ids);
    return source;
}

struct source *source_find(struct sources *sources, const muster_t *node, const uint8_t id[MUSTER_ID_BYTES]) {
    struct source *source = find(sources, id);
    if (source != NULL) {
        return source;
    }
    if (sources->count == SOURCES_MAX) {
        source_deinit(sources);
    }
    source = add(sources, id);
    if (source != NULL) {
        look_up(sources, source, node);
    }
    return source;
}

void source_learn(struct sources *sources, struct source *source, const struct muster_sample *sample) {
    if (source->publisher.name[0] == '\0' && sample->name[0] != '\0') {
        set_name(sources, source, sample->name);
    }
}

void source_rename(struct sources *sources, const struct muster_peer *peer) {
    struct source *source = find(sources, peer->id);
    if (source != NULL && strcmp(source->publisher.name, peer->document.name) != 0) {
        set_name(sources, source, peer->document.name);
    }
}

void source_deinit(struct sources *sources) {
    for (size_t i = 0; i < sources->count; i++) {
        free(sources->sources[i]);
    }
    free(sources->sources);
    *sources = (struct sources){0};
}

/* ---- jitter ---- */

void source_record_heard(struct source *source, double time_s, double arrival_s) {
    const double transit_s = arrival_s - time_s;
    if (source->has_transit) {
        source->jitter_s += (fabs(transit_s - source->transit_s) - source->jitter_s) / 16;
    }
    source->transit_s = transit_s;
    source->has_transit = true;
    source->heard++;
}

double source_jitter(struct sources *sources) {
    double largest_s = -1;
    for (size_t i = 0; i < sources->count; i++) {
        struct source *source = sources->sources[i];
        if (source->heard > 0 && source->jitter_s > largest_s) {
            largest_s = source->jitter_s;
        }
        source->heard = 0;
    }
    return largest_s;
}
