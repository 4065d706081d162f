#include "catalog.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pattern.h"
#include "peer.h"
#include "text.h"

const char *catalog_name(const struct catalog_row *row, char text[MUSTER_FULL_NAME_BYTES_MAX + 1]) {
    const char *record = row->record != NULL ? row->record->name : "";
    snprintf(text, MUSTER_FULL_NAME_BYTES_MAX + 1, "%s%s%s", row->topic->name, record[0] != '\0' ? "/" : "",
             record);
    return text;
}

const char *catalog_unit(const struct catalog_row *row) {
    const char *unit = row->record != NULL ? row->record->value : row->topic->unit;
    return unit != NULL ? unit : "";
}

/* ---- collecting ---- */

/* Nothing is said of its records: any may come. */
static bool is_open(const struct muster_topic *topic) {
    return topic->unit_count == 0 && (topic->unit == NULL || topic->unit[0] == '\0');
}

static bool is_wanted(const struct catalog_row *row, const struct operands *patterns) {
    char name[MUSTER_FULL_NAME_BYTES_MAX + 1];
    bool wanted = patterns->count == 0 || pattern_matches(patterns, catalog_name(row, name));
    for (size_t i = 0; i < patterns->count && !wanted && is_open(row->topic); i++) {
        wanted = muster_pattern_touches(patterns->values[i], row->topic->name);
    }
    return wanted;
}

/* Into room that is large enough. */
static void add_row(struct catalog *catalog, const struct catalog_row *row, const struct operands *patterns) {
    if (is_wanted(row, patterns)) {
        catalog->rows[catalog->count++] = *row;
    }
}

static void collect(struct catalog *catalog, const struct roster_row *row, bool is_kept,
                    const struct operands *patterns) {
    const struct muster_document *document = &row->peer->document;
    for (size_t i = 0; i < document->topic_count; i++) {
        const struct muster_topic *topic = &document->topics[i];
        struct catalog_row entry = {.row = row, .topic = topic, .is_kept = is_kept};
        if (is_open(topic) || catalog_unit(&entry)[0] != '\0') {
            add_row(catalog, &entry, patterns);
        }
        for (size_t j = 0; j < topic->unit_count; j++) {
            entry.record = &topic->units[j];
            add_row(catalog, &entry, patterns);
        }
    }
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
    int result = strcmp(catalog_name(a, a_name), catalog_name(b, b_name));
    if (result == 0) {
        result = strcmp(a->row->peer->document.name, b->row->peer->document.name);
    }
    return result != 0 ? result : memcmp(a->row->peer->id, b->row->peer->id, MUSTER_ID_BYTES);
}

int catalog_init(struct catalog *catalog, const struct roster *roster, const struct roster *away,
                 const struct operands *patterns) {
    const size_t room = count_rows(roster) + count_rows(away);
    *catalog = (struct catalog){0};
    if (room == 0) {
        return 0;
    }
    catalog->rows = calloc(room, sizeof(*catalog->rows));
    if (catalog->rows == NULL) {
        return -1;
    }
    for (size_t i = 0; i < roster->count; i++) {
        if (roster_is_there(roster->rows[i].peer)) {
            collect(catalog, &roster->rows[i], false, patterns);
        }
    }
    for (size_t i = 0; i < away->count; i++) {
        collect(catalog, &away->rows[i], true, patterns);
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
    FILE *cell = writer_cell(writer, "RATE", WRITER_RIGHT);
    if (cell != NULL && rate > 0) {
        fprintf(cell, "%g/s", rate);
    } else if (cell != NULL) {
        fputc('-', cell);
    } else if (rate > 0) {
        writer_number(writer, "rate", rate);
    } else {
        writer_null(writer, "rate");
    }
}

/* A text that may be cut. */
static void write_cell(struct writer *writer, const char *heading, const char *text) {
    FILE *cell = writer_cell(writer, heading, WRITER_CUT);
    if (cell != NULL) {
        text_print(cell, text);
    }
}

static void write_row(struct writer *writer, const void *catalog_row) {
    const struct catalog_row *row = catalog_row;
    const struct muster_peer *peer = row->row->peer;
    const char *unit = catalog_unit(row);
    char name[MUSTER_FULL_NAME_BYTES_MAX + 1];
    write_cell(writer, "TOPIC", catalog_name(row, name));
    write_cell(writer, "UNIT", unit[0] != '\0' ? unit : "-");
    writer_text(writer, "name", NULL, name);
    writer_text(writer, "topic", NULL, row->topic->name);
    writer_text(writer, "record", NULL, row->record != NULL ? row->record->name : "");
    writer_known(writer, "unit", NULL, unit);
    write_rate(writer, row->topic->rate);
    writer_bool(writer, "kept", NULL, row->is_kept);
    roster_write_label(writer, "NAME", row->row);
    writer_address(writer, "address", "ADDRESS", &peer->address);
    writer_known(writer, NULL, "IF", peer->interface_name);
    peer_write_owner(writer, peer);
}

struct writer_rows catalog_rows(const struct catalog *catalog) {
    return (struct writer_rows){write_row, catalog->rows, sizeof(*catalog->rows), catalog->count};
}
