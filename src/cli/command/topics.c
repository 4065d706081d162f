/* SPDX-License-Identifier: MIT */
/* muster topics: what is published here. */
#include <stddef.h>
#include <stdio.h>

#include <uv.h>

#include "cached.h"
#include "catalog.h"
#include "command.h"
#include "complain.h"
#include "listing.h"
#include "pattern.h"
#include "session.h"
#include "template.h"

struct topics_options {
    struct listing_options listing;
    bool values;
};

/* ---- options ---- */

static const char *const members[] = {"name",  "topic", "record", "unit",    "rate",      "value", "age_ms",
                                      "stale", "kept",  "origin", "address", "interface", "peer",  NULL};

static int parse_format(const char *value, void *place, struct reason *reason) {
    return template_parse_members(value, members, place, reason);
}

static void describe(FILE *out) {
    template_describe_members(out, members);
}

static const struct args_option options_table[] = {
    LISTING_WIDE(struct topics_options),
    LISTING_JSON(struct topics_options),
    LISTING_FORMAT(struct topics_options, parse_format),
    LISTING_TIMEOUT(struct topics_options),
    {"values", 0, NULL, "ask for the last values, too: VALUE, AGE, and whether they are stale",
     offsetof(struct topics_options, values), value_flag},
    {0},
};

/* ---- listing ---- */

/* Joins the patterns, cut where the text ends. Returns text, or NULL when there is no pattern. */
static const char *join_patterns(const struct operands *patterns, char *text, size_t size) {
    size_t length = 0;
    for (size_t i = 0; i < patterns->count && length < size; i++) {
        length +=
            (size_t)snprintf(text + length, size - length, "%s%s", i > 0 ? " " : "", patterns->values[i]);
    }
    return patterns->count > 0 ? text : NULL;
}

/* Looks who is here, and, in the time that is left, what is kept of others. */
static int look_at_all(const struct settings *settings, const struct topics_options *options,
                       const struct operands *patterns, struct snapshot *snapshot,
                       struct cached_readings *cached) {
    const uint64_t timeout_ms = options->listing.timeout_ms;
    const uint64_t began_ns = uv_hrtime();
    const int status = look(settings, timeout_ms, NULL, snapshot);
    listing_print_none(&options->listing, snapshot, "topics", status);
    const uint64_t spent_ms = (uv_hrtime() - began_ns) / 1000000;
    const uint64_t left_ms = spent_ms < timeout_ms ? timeout_ms - spent_ms : 1;
    return status == STATUS_OK ? cached_look(settings, snapshot, patterns, left_ms, options->values, cached)
                               : status;
}

static int list_topics(const struct settings *settings, const struct topics_options *options,
                       const struct operands *patterns) {
    struct snapshot snapshot;
    struct cached_readings cached = {0};
    struct catalog catalog = {.has_values = options->values};
    char wanted[256];
    static const char *const expendable[] = {"IF", "RATE", "ADDRESS", NULL};
    const struct listing_columns columns = {.expendable = expendable};
    int status = look_at_all(settings, options, patterns, &snapshot, &cached);
    catalog.now_s = session_wall_s();
    if (status == STATUS_OK && catalog_init(&catalog, &snapshot.roster, &cached.roster, cached.readings,
                                            cached.count, patterns) != 0) {
        status = complain_error(settings, MUSTER_ENOMEM);
    }
    if (status == STATUS_OK) {
        status =
            listing_print(settings, &options->listing, &snapshot, "topics", columns, catalog_rows(&catalog));
    }
    if (status == STATUS_OK) {
        status = listing_status(settings, &snapshot, catalog.count,
                                join_patterns(patterns, wanted, sizeof(wanted)), NULL);
    }
    catalog_deinit(&catalog);
    cached_deinit(&cached);
    snapshot_deinit(&snapshot);
    return status;
}

static int run(struct settings *settings, void *options, const struct operands *patterns) {
    struct reason reason;
    if (listing_check(settings, &((struct topics_options *)options)->listing) != STATUS_OK) {
        return STATUS_USAGE;
    }
    if (pattern_check(patterns, &reason) != 0) {
        return complain_usage(settings, "PATTERN", "%s", reason.text);
    }
    return list_topics(settings, options, patterns);
}

const struct command command_topics = {
    .name = "topics",
    .group = COMMAND_READINGS,
    .summary = "list what is published, by topic",
    .synonyms = " topic ",
    .syntax = {.operands = "PATTERN…", .operands_max = MUSTER_PATTERNS_MAX},
    .description =
        "List the topics of the peers that are alive or suspect, with the readings below them that are\n"
        "known. PATTERNs are those of muster subscribe: + stands for one level, # at the end for all\n"
        "that follow. A topic of whose readings nothing is known is there when some could match. What a\n"
        "peer keeps of publishers that are away (muster announce --cache) is listed without an address,\n"
        "by the begin of the publisher's id where its name is not known; that takes 0.3 s more. What a\n"
        "peer brought from elsewhere stands under PEER~ORIGIN.\n\n"
        "--values asks all publishers for their last values, which takes as long. A reading is STALE when\n"
        "it is older than its update time (ut, of SenML) by half, or, without one, than three times what\n"
        "its RATE says.\n",
    .options = options_table,
    .options_bytes = sizeof(struct topics_options),
    .describe = describe,
    .defaults = &(const struct topics_options){.listing.timeout_ms = LISTING_TIMEOUT_MS},
    .examples = "  muster topics\n"
                "  muster topics 'kitchen/#' '+/climate/+'\n"
                "  muster topics --values\n"
                "  muster topics --format '{name} {unit} {peer.name}'\n"
                "  muster topics --json | jq -r '.topics[] | select(.unit == \"Cel\").name'\n",
    .statuses = LISTING_STATUSES,
    .run = run,
};
