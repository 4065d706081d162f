/* SPDX-License-Identifier: MIT */
#include "catalog.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "escape.h"
#include "pattern.h"
#include "peer.h"
#include "record.h"
#include "text.h"

/* A younger one is not stale by its rate alone. */
#define RATE_AGE_S 2

/* Writes the full name, "kitchen/climate/temperature". Returns text. */
static const char *full_name(const struct catalog_row *row, char text[MUSTER_FULL_NAME_BYTES_MAX + 1]) {
    snprintf(text, MUSTER_FULL_NAME_BYTES_MAX + 1, "%s%s%s", row->topic, row->record[0] != '\0' ? "/" : "",
             row->record);
    return text;
}

/* ---- readings ---- */

static int compare_names(const struct catalog_reading *a, const struct catalog_reading *b) {
    int order = memcmp(a->id, b->id, MUSTER_ID_BYTES);
    order = order != 0 ? order : strcmp(a->topic, b->topic);
    return order != 0 ? order : strcmp(a->record, b->record);
}

int catalog_compare(const void *left, const void *right) {
    const struct catalog_reading *a = left;
    const struct catalog_reading *b = right;
    const int order = compare_names(a, b);
    return order != 0 ? order : (a->time_s < b->time_s) - (a->time_s > b->time_s);
}

bool catalog_is_same(const struct catalog_reading *a, const struct catalog_reading *b) {
    return compare_names(a, b) == 0;
}

static int compare_to_row(const void *key, const void *reading) {
    const struct catalog_row *row = key;
    const struct catalog_reading *b = reading;
    int order = memcmp(row->row->peer->id, b->id, MUSTER_ID_BYTES);
    order = order != 0 ? order : strcmp(row->topic, b->topic);
    return order != 0 ? order : strcmp(row->record, b->record);
}

/* ---- collecting ---- */

/* Adds a row that is wanted, into room that is large enough. Of an open topic any record may come. */
static void add_row(struct catalog *catalog, const struct catalog_row *row, bool is_open,
                    const struct operands *patterns) {
    char name[MUSTER_FULL_NAME_BYTES_MAX + 1];
    bool wanted = patterns->count == 0 || pattern_matches(patterns, full_name(row, name));
    for (size_t i = 0; i < patterns->count && !wanted && is_open; i++) {
        wanted = muster_pattern_touches(patterns->values[i], row->topic);
    }
    if (wanted) {
        catalog->rows[catalog->count++] = *row;
    }
}

static void collect(struct catalog *catalog, const struct roster_row *row, const struct operands *patterns) {
    const struct muster_document *document = &row->peer->document;
    for (size_t i = 0; i < document->topic_count; i++) {
        const struct muster_topic *topic = &document->topics[i];
        struct catalog_row entry = {.row = row,
                                    .topic = topic->name,
                                    .record = "",
                                    .unit = topic->unit != NULL ? topic->unit : "",
                                    .rate = topic->rate,
                                    .origin = text_is_given(topic->origin) ? topic->origin : ""};
        const bool is_open = topic->unit_count == 0 && entry.unit[0] == '\0';
        if (is_open || entry.unit[0] != '\0') {
            add_row(catalog, &entry, is_open, patterns);
        }
        for (size_t j = 0; j < topic->unit_count; j++) {
            entry.record = topic->units[j].name;
            entry.unit = topic->units[j].value;
            add_row(catalog, &entry, false, patterns);
        }
    }
}

/* The values of those that are announced, and those that the announcement does not name. -1 when memory is
 * out. */
static int collect_values(struct catalog *catalog, const struct roster *roster,
                          const struct catalog_reading *readings, size_t count,
                          const struct operands *patterns) {
    bool *are_named = count == 0 ? NULL : calloc(count, sizeof(*are_named));
    if (are_named == NULL) {
        return count == 0 ? 0 : -1;
    }
    for (size_t i = 0; i < catalog->count; i++) {
        struct catalog_row *row = &catalog->rows[i];
        row->reading = bsearch(row, readings, count, sizeof(*readings), compare_to_row);
        if (row->reading != NULL) {
            are_named[row->reading - readings] = true;
        }
    }
    for (size_t i = 0; i < count; i++) {
        const struct catalog_row row = {.row = roster_find(roster, readings[i].id),
                                        .topic = readings[i].topic,
                                        .record = readings[i].record,
                                        .unit = readings[i].unit,
                                        .origin = readings[i].origin,
                                        .reading = &readings[i]};
        if (readings[i].is_announced && !are_named[i]) {
            add_row(catalog, &row, false, patterns);
        }
    }
    free(are_named);
    return 0;
}

static void collect_kept(struct catalog *catalog, const struct catalog_reading *reading,
                         const struct roster *away, const struct operands *patterns) {
    const struct catalog_row row = {.row = roster_find(away, reading->id),
                                    .topic = reading->topic,
                                    .record = reading->record,
                                    .unit = reading->unit,
                                    .origin = reading->origin,
                                    .is_kept = true,
                                    .reading = reading};
    add_row(catalog, &row, false, patterns);
}

static size_t count_rows(const struct roster *roster) {
    size_t count = 0;
    for (size_t i = 0; i < roster->count; i++) {
        const struct muster_document *document = &roster->rows[i].peer->document;
        for (size_t j = 0; j < document->topic_count; j++) {
            count += 1 + document->topics[j].unit_count;
        }
    }
    return count;
}

static int compare_rows(const void *left, const void *right) {
    const struct catalog_row *a = left;
    const struct catalog_row *b = right;
    char a_name[MUSTER_FULL_NAME_BYTES_MAX + 1];
    char b_name[MUSTER_FULL_NAME_BYTES_MAX + 1];
    const int result = strcmp(full_name(a, a_name), full_name(b, b_name));
    return result != 0 ? result : roster_compare(a->row, b->row);
}

int catalog_init(struct catalog *catalog, const struct roster *roster, const struct roster *away,
                 const struct catalog_reading *kept, size_t kept_count, const struct operands *patterns) {
    const size_t room = count_rows(roster) + kept_count;
    catalog->count = 0;
    catalog->rows = calloc(room + 1, sizeof(*catalog->rows));
    if (catalog->rows == NULL) {
        return -1;
    }
    for (size_t i = 0; i < roster->count; i++) {
        if (roster_is_present(roster->rows[i].peer)) {
            collect(catalog, &roster->rows[i], patterns);
        }
    }
    if (collect_values(catalog, roster, kept, kept_count, patterns) != 0) {
        return -1;
    }
    for (size_t i = 0; i < kept_count; i++) {
        if (!kept[i].is_announced) {
            collect_kept(catalog, &kept[i], away, patterns);
        }
    }
    qsort(catalog->rows, catalog->count, sizeof(*catalog->rows), compare_rows);
    return 0;
}

void catalog_deinit(struct catalog *catalog) {
    free(catalog->rows);
    *catalog = (struct catalog){0};
}

/* ---- writing ---- */

static void write_rate(struct writer *writer, double rate) {
    if (rate > 0) {
        writer_shown(writer, "RATE", WRITER_RIGHT, NULL, "%g/s", rate);
        writer_number(writer, "rate", rate);
    } else {
        writer_shown(writer, "RATE", WRITER_RIGHT, NULL, "-");
        writer_null(writer, "rate");
    }
}

static void write_value(struct writer *writer, const struct catalog_reading *reading) {
    char text[64] = "-";
    switch (reading == NULL ? MUSTER_VALUE_NONE : reading->kind) {
    case MUSTER_VALUE_NUMBER:
        record_write_rounded(reading->number, text, sizeof(text));
        writer_number(writer, "value", reading->number);
        break;
    case MUSTER_VALUE_BOOLEAN:
        snprintf(text, sizeof(text), "%s", reading->boolean ? "true" : "false");
        writer_bool(writer, "value", NULL, reading->boolean);
        break;
    case MUSTER_VALUE_TEXT:
    case MUSTER_VALUE_DATA:
        snprintf(text, sizeof(text), "%s", reading->text);
        writer_text(writer, "value", NULL, reading->text);
        break;
    case MUSTER_VALUE_NONE: writer_null(writer, "value"); break;
    }
    writer_shown(writer, "VALUE", WRITER_RIGHT | WRITER_CUT, NULL, "%s", text_name(text).text);
}

/* How old the last one is, and whether another one should have come: within its update time, or three times
 * what the rate says. */
static void write_age(struct writer *writer, const struct catalog *catalog, const struct catalog_row *row) {
    const struct catalog_reading *reading = row->reading;
    if (reading == NULL || reading->time_s <= 0) {
        writer_known(writer, "age_ms", "AGE", "");
        writer_known(writer, "stale", "STALE", "");
        return;
    }
    const double age_s = catalog->now_s > reading->time_s ? catalog->now_s - reading->time_s : 0;
    const struct muster_record record = {.time_s = reading->time_s, .update_s = reading->update_s};
    const bool is_known = reading->update_s > 0 || row->rate > 0;
    writer_duration(writer, "age_ms", "AGE", (int64_t)(age_s * 1000));
    if (!is_known) {
        writer_known(writer, "stale", "STALE", "");
        return;
    }
    const bool is_stale = reading->update_s > 0 ? record_is_stale(&record, catalog->now_s)
                                                : age_s > 3 / row->rate && age_s > RATE_AGE_S;
    writer_bool(writer, "stale", "STALE", is_stale);
}

static void write_row(struct writer *writer, const void *catalog_row) {
    const struct catalog *catalog = writer->context;
    const struct catalog_row *row = catalog_row;
    const struct muster_peer *peer = row->row->peer;
    char name[MUSTER_FULL_NAME_BYTES_MAX + 1];
    char safe[MUSTER_TEXT_SAFE_BYTES(sizeof(name))];
    writer_shown(writer, "TOPIC", WRITER_CUT, NULL, "%s",
                 escape_text(full_name(row, name), safe, sizeof(safe)));
    writer_shown(writer, "UNIT", WRITER_CUT, NULL, "%s",
                 row->unit[0] != '\0' ? text_name(row->unit).text : "-");
    writer_text(writer, "name", NULL, name);
    writer_text(writer, "topic", NULL, row->topic);
    writer_text(writer, "record", NULL, row->record);
    writer_known(writer, "unit", NULL, row->unit);
    write_rate(writer, row->rate);
    if (catalog->has_values) {
        write_value(writer, row->reading);
        write_age(writer, catalog, row);
    }
    writer_bool(writer, "kept", NULL, row->is_kept);
    writer_shown(writer, "NAME", WRITER_CUT, NULL, "%s%s%s", roster_label(row->row).text,
                 row->origin[0] != '\0' ? "~" : "", text_name(row->origin).text);
    if (row->origin[0] != '\0') {
        writer_text(writer, "origin", NULL, row->origin);
    }
    writer_address(writer, "address", "ADDRESS", &peer->address);
    writer_known(writer, NULL, "IF", peer->interface_name);
    peer_write_owner(writer, peer);
}

struct writer_rows catalog_rows(const struct catalog *catalog) {
    return (struct writer_rows){write_row, catalog->rows, sizeof(*catalog->rows), catalog->count, catalog};
}
