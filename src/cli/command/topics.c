/* muster topics: what is published here. */
#include <stddef.h>
#include <stdio.h>

#include <uv.h>

#include "catalog.h"
#include "command.h"
#include "json.h"
#include "kept.h"
#include "listing.h"
#include "parse.h"
#include "pattern.h"
#include "table.h"
#include "text.h"

struct topics_options {
    bool wide;
    bool json;
    uint64_t timeout_ms;
};

/* ---- options ---- */

static const struct args_option options_table[] = {
    {"wide", 0, NULL, LISTING_WIDE_HELP, offsetof(struct topics_options, wide), value_flag},
    {"json", 0, NULL, LISTING_JSON_HELP, offsetof(struct topics_options, json), value_flag},
    {"timeout", 0, "S", LISTING_TIMEOUT_HELP, offsetof(struct topics_options, timeout_ms), value_timeout},
    {0},
};

/* ---- the table; rows are struct catalog_row ---- */

static void print_name(FILE *out, const void *row) {
    char name[MUSTER_FULL_NAME_BYTES_MAX + 1];
    text_print(out, catalog_name(row, name));
}

static void print_unit(FILE *out, const void *row) {
    const char *unit = catalog_unit(row);
    text_print(out, unit[0] != '\0' ? unit : "-");
}

static void print_rate(FILE *out, const void *row) {
    const double rate = ((const struct catalog_row *)row)->topic->rate;
    if (rate > 0) {
        fprintf(out, "%g/s", rate);
    } else {
        fputs("-", out);
    }
}

static void print_peer(FILE *out, const void *row) {
    roster_print_label(out, ((const struct catalog_row *)row)->row);
}

static void print_address(FILE *out, const void *row) {
    text_print_address(out, &((const struct catalog_row *)row)->row->peer->address);
}

static void print_interface(FILE *out, const void *row) {
    const char *name = ((const struct catalog_row *)row)->row->peer->interface_name;
    text_print(out, name[0] != '\0' ? name : "-");
}

static const struct table_column columns[] = {
    {"TOPIC", NULL, TABLE_CUT, print_name, NULL},  {"UNIT", NULL, TABLE_CUT, print_unit, NULL},
    {"RATE", NULL, TABLE_RIGHT, print_rate, NULL}, {"NAME", NULL, TABLE_CUT, print_peer, NULL},
    {"ADDRESS", NULL, 0, print_address, NULL},     {"IF", NULL, 0, print_interface, NULL},
};

#define COLUMN_COUNT (sizeof(columns) / sizeof(columns[0]))

static int print_table(const struct settings *settings, const struct topics_options *options,
                       const struct catalog *catalog) {
    const struct table_column *choice[COLUMN_COUNT];
    const struct table_style style = {.wide = options->wide, .color = settings_color(settings)};
    for (size_t i = 0; i < COLUMN_COUNT; i++) {
        choice[i] = &columns[i];
    }
    return table_print(choice, COLUMN_COUNT, catalog->rows, sizeof(catalog->rows[0]), catalog->count, style);
}

/* ---- listing ---- */

static int print_json(const struct settings *settings, const struct catalog *catalog,
                      const struct snapshot *snapshot) {
    struct document document;
    document_init(&document);
    document_put_integer(&document, NULL, "schema", JSON_SCHEMA);
    catalog_put_json(&document, catalog);
    const int status = listing_print_json(settings, &document, snapshot);
    document_deinit(&document);
    return status;
}

/* The patterns in one text, cut where it ends; NULL when there is none. */
static const char *join_patterns(const struct operands *patterns, char *text, size_t size) {
    size_t length = 0;
    for (size_t i = 0; i < patterns->count && length < size; i++) {
        length +=
            (size_t)snprintf(text + length, size - length, "%s%s", i > 0 ? " " : "", patterns->values[i]);
    }
    return patterns->count > 0 ? text : NULL;
}

/* Who is there, and who is away but kept by others; what they publish. */
struct seen {
    struct snapshot snapshot;
    struct muster_peer_list kept;
    struct roster roster;
    struct roster away;
    struct catalog catalog;
};

static int see(const struct settings *settings, uint64_t timeout_ms, const struct operands *patterns,
               struct seen *seen) {
    const uint64_t began_ns = uv_hrtime();
    int status = look(settings, timeout_ms, &seen->snapshot);
    const uint64_t spent_ms = (uv_hrtime() - began_ns) / 1000000;
    if (status == STATUS_OK) {
        const uint64_t left_ms = spent_ms < timeout_ms ? timeout_ms - spent_ms : 1;
        status = kept_look(settings, &seen->snapshot, patterns, left_ms, &seen->kept);
    }
    if (status == STATUS_OK && (roster_init(&seen->roster, &seen->snapshot.list) != 0 ||
                                roster_init(&seen->away, &seen->kept) != 0 ||
                                catalog_init(&seen->catalog, &seen->roster, &seen->away, patterns) != 0)) {
        status = complain_error(settings, MUSTER_ENOMEM);
    }
    return status;
}

static void seen_deinit(struct seen *seen) {
    catalog_deinit(&seen->catalog);
    roster_deinit(&seen->away);
    roster_deinit(&seen->roster);
    muster_peer_list_free(&seen->kept);
    snapshot_deinit(&seen->snapshot);
}

static int list_topics(const struct settings *settings, const struct topics_options *options,
                       const struct operands *patterns) {
    struct seen seen = {.kept = {0}};
    char wanted[256];
    int status = see(settings, options->timeout_ms, patterns, &seen);
    if (status == STATUS_OK && options->json) {
        status = print_json(settings, &seen.catalog, &seen.snapshot);
    } else if (status == STATUS_OK && print_table(settings, options, &seen.catalog) != 0) {
        status = complain_error(settings, MUSTER_ENOMEM);
    }
    if (status == STATUS_OK) {
        status = listing_status(settings, &seen.snapshot, seen.catalog.count,
                                join_patterns(patterns, wanted, sizeof(wanted)));
    }
    seen_deinit(&seen);
    return status;
}

static int run(struct settings *settings, int argc, char **argv) {
    struct topics_options options = {.timeout_ms = LISTING_TIMEOUT_MS};
    struct operands patterns;
    struct reason reason;
    int status;
    if (!parse_command(settings, &command_topics, argc, argv, &options, &patterns, &status)) {
        return status;
    }
    if (pattern_check(&patterns, &reason) != 0) {
        return complain_usage(settings, "PATTERN", "%s", reason.text);
    }
    return list_topics(settings, &options, &patterns);
}

const struct command command_topics = {
    .name = "topics",
    .summary = "list what is published, by topic",
    .operands = "PATTERN…",
    .operands_max = MUSTER_PATTERNS_MAX,
    .description =
        "List the topics of the peers that are alive or suspect, with the readings below them that are\n"
        "known. PATTERNs are those of muster subscribe: + stands for one level, # at the end for all\n"
        "that follow. A topic of whose readings nothing is known is there when some could match. What a\n"
        "peer keeps of publishers that are away (muster announce --keep) is listed without an address,\n"
        "by the begin of the publisher's id where its name is not known; that takes 0.3 s more.\n",
    .options = options_table,
    .examples = "  muster topics\n"
                "  muster topics 'kitchen/#' '+/climate/+'\n"
                "  muster topics --json | jq -r '.topics[] | select(.unit == \"Cel\").name'\n",
    .statuses = LISTING_STATUSES,
    .run = run,
};
