/* SPDX-License-Identifier: MIT */
/* muster peers: who is here. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "column.h"
#include "command.h"
#include "complain.h"
#include "hint.h"
#include "listing.h"
#include "look.h"
#include "peer.h"
#include "roster.h"
#include "selector.h"
#include "template.h"
#include "value.h"

struct peers_options {
    struct column_choice columns; /* empty: those shown by default */
    const struct column *sort;    /* NULL: by name */
    bool descending;
    unsigned states; /* bits 1 << enum muster_state to show; 0: all */
    size_t expected; /* 0: any number will do */
    struct listing_options listing;
};

/* What a row must be to be shown. */
struct filter {
    struct selector selector;
    unsigned states; /* as above */
};

/* ---- options ---- */

static int parse_columns(const char *value, void *place, struct reason *reason) {
    return column_choose(value, place, reason);
}

static int parse_sort(const char *value, void *place, struct reason *reason) {
    struct peers_options *options = place;
    char name[32];
    size_t length = strcspn(value, ":");
    const char *direction = value + length;
    snprintf(name, sizeof(name), "%.*s", (int)length, value);
    const struct column *column = column_find(name, reason);
    if (column == NULL) {
        return -1;
    }
    if (*direction != '\0' && strcmp(direction, ":asc") != 0 && strcmp(direction, ":desc") != 0) {
        return reason_set(reason, "expected asc or desc after %s:, got '%.32s'", column->heading,
                          direction + 1);
    }
    options->sort = column;
    options->descending = strcmp(direction, ":desc") == 0;
    return 0;
}

static const char *state_word(size_t i) {
    return i <= MUSTER_LEFT ? muster_state_name((enum muster_state)i) : NULL;
}

static int parse_states(const char *value, void *place, struct reason *reason) {
    unsigned states = 0;
    char name[32];
    for (const char *list = value; value_next_item(&list, name, sizeof(name));) {
        size_t state;
        if (value_word(name, state_word, &state, reason) != 0) {
            return reason_set(reason, "expected some of alive,suspect,lost,left, got '%.64s'", value);
        }
        states |= 1U << state;
    }
    *(unsigned *)place = states;
    return 0;
}

static const char *const members[] = {PEER_MEMBERS, NULL};

static int parse_format(const char *value, void *place, struct reason *reason) {
    return template_parse_members(value, members, place, reason);
}

static void describe(FILE *out) {
    column_describe(out);
    fputc('\n', out);
    template_describe_members(out, members);
}

static const struct args_completion complete_columns = {.word = column_heading, .list = true};
static const struct args_completion complete_sort = {.word = column_heading};
static const struct args_completion complete_states = {.word = state_word, .list = true};

static const struct args_option options_table[] = {
    {"columns", 'o', "COL,…", "show these columns, or with +COL,… these too",
     offsetof(struct peers_options, columns), parse_columns, &complete_columns},
    {"sort", 0, "COL[:desc]", "sort by this column (NAME)", 0, parse_sort, &complete_sort},
    {"state", 0, "STATE,…", "only peers that are alive, suspect, lost or left",
     offsetof(struct peers_options, states), parse_states, &complete_states},
    {"expect", 0, "N", "wait for so many rows until --timeout, and exit with 4 if they are fewer",
     offsetof(struct peers_options, expected), value_count},
    LISTING_WIDE(struct peers_options),
    LISTING_JSON(struct peers_options),
    LISTING_FORMAT(struct peers_options, parse_format),
    LISTING_TIMEOUT(struct peers_options),
    {0},
};

/* ---- listing ---- */

static bool keep(const struct muster_peer *peer, const void *context) {
    const struct filter *filter = context;
    if (filter->states != 0 && (filter->states & (1U << peer->state)) == 0) {
        return false;
    }
    return selector_matches_peer(&filter->selector, peer);
}

/* How many peers of a list are meant. */
static size_t count_in(const struct muster_peer_list *list, const void *context) {
    struct filter filter = *(const struct filter *)context;
    size_t count = 0;
    selector_settle(&filter.selector, list);
    for (size_t i = 0; i < list->count; i++) {
        count += keep(&list->peers[i], &filter) ? 1 : 0;
    }
    return count;
}

/* Says that the muster that was asked knows nobody but itself. */
static int print_loneliness(const struct settings *settings, const struct snapshot *snapshot) {
    const struct muster_peer_list *list = &snapshot->list;
    const bool is_alone = list->count == 1 && list->peers[0].self;
    if (!is_alone || snapshot->interfaces.text[0] == '\0') {
        return STATUS_OK;
    }
    if (complain_flush(settings) != 0) {
        return STATUS_ERROR; /* it belongs under the table */
    }
    complain(settings, "nobody else was heard on %s%s", snapshot->interfaces.text,
             hint_of_silence(&snapshot->counters).text);
    return STATUS_OK;
}

/* Explains the marks of unverified, provisional and partial rows below the table, and who is not in it. Where
 * nobody else is, print_loneliness() says why. */
static int print_notes(const struct settings *settings, const struct snapshot *snapshot) {
    const struct roster *roster = &snapshot->roster;
    const uint64_t foreign = snapshot->list.count > 1 ? snapshot->counters.drops[MUSTER_DROP_SEALED] : 0;
    size_t unverified = 0;
    size_t provisional = 0;
    size_t partial = 0;
    for (size_t i = 0; i < roster->count; i++) {
        unverified += roster->rows[i].peer->verified ? 0 : 1;
        provisional += roster->rows[i].peer->provisional ? 1 : 0;
        partial += roster->rows[i].peer->partial ? 1 : 0;
    }
    if (unverified + provisional + partial + foreign == 0) {
        return STATUS_OK;
    }
    if (complain_flush(settings) != 0) {
        return STATUS_ERROR; /* the notes belong under the table */
    }
    if (unverified > 0) {
        fprintf(stderr, "%zu unverified (?): no key vouches for what %s\n", unverified,
                unverified == 1 ? "it says" : "they say");
    }
    if (provisional > 0) {
        fprintf(stderr, "%zu provisional (~): told by another peer, not heard yet\n", provisional);
    }
    if (partial > 0) {
        fprintf(
            stderr,
            "%zu partial (!): what %s is too long for a datagram, and has come neither by TCP nor by UDP\n",
            partial, partial == 1 ? "it offers" : "they offer");
    }
    if (foreign > 0) {
        fprintf(stderr, "another group is here: %" PRIu64 " datagram%s came that no key of this host opens\n",
                foreign, foreign == 1 ? "" : "s");
    }
    return STATUS_OK;
}

/* Returns the status of the listing. Reports the number of peers when that is smaller than expected. */
static int check_count(const struct settings *settings, const struct peers_options *options, size_t count,
                       const struct filter *filter, const char *pattern, const struct snapshot *snapshot) {
    if (options->expected == 0 || count >= options->expected) {
        return listing_status(settings, snapshot, count, pattern, &filter->selector);
    }
    if (complain_flush(settings) != 0) {
        return STATUS_ERROR;
    }
    complain(settings, "expected %zu peer%s%s%s%s, found %zu%s", options->expected,
             options->expected == 1 ? "" : "s", pattern != NULL ? " for '" : "",
             pattern != NULL ? pattern : "", pattern != NULL ? "'" : "", count,
             snapshot->cut_off ? " before the answers were in" : "");
    return snapshot->cut_off ? STATUS_TIMED_OUT : STATUS_NOT_FOUND;
}

static int list(const struct settings *settings, const struct peers_options *options, struct filter *filter,
                const char *pattern, struct snapshot *snapshot) {
    struct roster *roster = &snapshot->roster;
    selector_settle(&filter->selector, &snapshot->list);
    roster_keep(roster, keep, filter);
    if (options->sort != NULL) {
        roster_sort(roster, options->sort->compare, options->descending);
    }
    const struct listing_columns columns = {.headings = options->columns.headings,
                                            .expendable =
                                                options->columns.is_exact ? NULL : column_expendable};
    int status = listing_print(settings, &options->listing, snapshot, "peers", columns, peer_rows(roster));
    if (status == STATUS_OK && !options->listing.json && options->listing.format == NULL) {
        status = print_notes(settings, snapshot);
        status = status == STATUS_OK ? print_loneliness(settings, snapshot) : status;
    }
    return status == STATUS_OK ? check_count(settings, options, roster->count, filter, pattern, snapshot)
                               : status;
}

static int run(struct settings *settings, void *peers_options, const struct operands *operands) {
    struct peers_options *options = peers_options;
    const char *pattern = operands->values[0];
    struct snapshot snapshot;
    if (listing_check(settings, &options->listing) != STATUS_OK) {
        return STATUS_USAGE;
    }
    if ((options->listing.json || options->listing.format != NULL) && options->columns.count > 0) {
        return complain_usage(settings, "-o/--columns", "expected without --json and --format");
    }
    struct filter filter = {.selector = operands->selector, .states = options->states};
    const struct look_expectation expectation = {
        .count = options->expected, .count_in = count_in, .context = &filter};
    if (options->columns.count == 0) {
        column_choose_default(&options->columns);
    }
    int status =
        look(settings, options->listing.timeout_ms, options->expected > 0 ? &expectation : NULL, &snapshot);
    listing_print_none(&options->listing, &snapshot, "peers", status);
    if (status == STATUS_OK) {
        status = list(settings, options, &filter, pattern, &snapshot);
    }
    snapshot_deinit(&snapshot);
    return status;
}

const struct command command_peers = {
    .name = "peers",
    .group = COMMAND_SEE,
    .summary = "list who is here",
    .synonyms = " list ls browse scan members nodes hosts who discover devices find ",
    .syntax = {.operands = "PATTERN", .operands_max = 1},
    .selects = SELECTOR_PEER,
    .description =
        "List the peers on this network: as the muster announce knows them that runs here as this\n"
        "user (or for all), with their history; where there is none, with --direct, or where this\n"
        "user has pins (muster trust), this asks the network once, and waits until the answers are\n"
        "in.\n"
        "PATTERN is a shell pattern for names, an address, or the first digits (four or more) of an\n"
        "id; name:PATTERN and id:DIGITS say which. Upper and lower case are the same where nothing\n"
        "matches otherwise.\n",
    .options = options_table,
    .options_bytes = sizeof(struct peers_options),
    .defaults = &(const struct peers_options){.listing.timeout_ms = LISTING_TIMEOUT_MS},
    .describe = describe,
    .examples = "  muster peers\n"
                "  muster peers 'sensor-*' -o +ID,ATTRS --sort AGE:desc\n"
                "  muster peers 'node-*' --state alive --expect 8 --timeout 30\n"
                "  muster peers --format '{name} {address} {attrs.room}'\n"
                "  muster peers --json | jq -r '.peers[] | select(.verified) | .address'\n",
    .statuses = LISTING_STATUSES_BEFORE_4
    "  4   somebody was heard, but nothing that matches; with --expect whenever\n"
    "      fewer were found by --timeout\n" LISTING_STATUS_CUT_OFF,
    .run = run,
};
