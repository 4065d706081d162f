/* muster topics: what is published here. */
#include <stddef.h>
#include <stdio.h>

#include <uv.h>

#include "catalog.h"
#include "command.h"
#include "complain.h"
#include "kept.h"
#include "listing.h"
#include "pattern.h"

struct topics_options {
    struct listing_options listing;
};

/* ---- options ---- */

static const struct args_option options_table[] = {
    LISTING_WIDE(struct topics_options),
    LISTING_JSON(struct topics_options),
    LISTING_TIMEOUT(struct topics_options),
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

/* Peers that are here, publishers that are away and kept by others, and the readings of both. */
struct collected {
    struct snapshot snapshot;
    struct kept_readings kept;
    struct roster roster;
    struct roster away;
    struct catalog catalog;
};

static int collect(const struct settings *settings, uint64_t timeout_ms, const struct operands *patterns,
                   struct collected *collected) {
    const uint64_t began_ns = uv_hrtime();
    int status = look(settings, timeout_ms, NULL, &collected->snapshot);
    const uint64_t spent_ms = (uv_hrtime() - began_ns) / 1000000;
    if (status == STATUS_OK) {
        const uint64_t left_ms = spent_ms < timeout_ms ? timeout_ms - spent_ms : 1;
        status = kept_look(settings, &collected->snapshot, patterns, left_ms, &collected->kept);
    }
    if (status == STATUS_OK &&
        (roster_init(&collected->roster, &collected->snapshot.list) != 0 ||
         roster_init(&collected->away, &collected->kept.publishers) != 0 ||
         catalog_init(&collected->catalog, &collected->roster, &collected->away, collected->kept.readings,
                      collected->kept.count, patterns) != 0)) {
        status = complain_error(settings, MUSTER_ENOMEM);
    }
    return status;
}

static void collected_deinit(struct collected *collected) {
    catalog_deinit(&collected->catalog);
    roster_deinit(&collected->away);
    roster_deinit(&collected->roster);
    kept_deinit(&collected->kept);
    snapshot_deinit(&collected->snapshot);
}

static int list_topics(const struct settings *settings, const struct topics_options *options,
                       const struct operands *patterns) {
    struct collected collected = {.kept = {0}};
    char wanted[256];
    int status = collect(settings, options->listing.timeout_ms, patterns, &collected);
    if (status == STATUS_OK) {
        status = listing_print(settings, &options->listing, &collected.snapshot, "topics", NULL,
                               catalog_rows(&collected.catalog));
    }
    if (status == STATUS_OK) {
        status = listing_status(settings, &collected.snapshot, collected.catalog.count,
                                join_patterns(patterns, wanted, sizeof(wanted)));
    }
    collected_deinit(&collected);
    return status;
}

static int run(struct settings *settings, void *options, const struct operands *patterns) {
    struct reason reason;
    if (pattern_check(patterns, &reason) != 0) {
        return complain_usage(settings, "PATTERN", "%s", reason.text);
    }
    return list_topics(settings, options, patterns);
}

static const struct topics_options defaults = {.listing.timeout_ms = LISTING_TIMEOUT_MS};

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
    .options_bytes = sizeof(struct topics_options),
    .defaults = &defaults,
    .examples = "  muster topics\n"
                "  muster topics 'kitchen/#' '+/climate/+'\n"
                "  muster topics --json | jq -r '.topics[] | select(.unit == \"Cel\").name'\n",
    .statuses = LISTING_STATUSES,
    .run = run,
};
