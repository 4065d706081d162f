/* SPDX-License-Identifier: MIT */
/* muster why: why a peer is, or is not, in the table. */
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "complain.h"
#include "counters.h"
#include "hidden.h"
#include "listing.h"
#include "live.h"
#include "look.h"
#include "near.h"
#include "peer.h"
#include "pins.h"
#include "roster.h"
#include "table.h"
#include "text.h"
#include "why.h"
#include "writer.h"

struct why_options {
    struct listing_options listing;
};

static const struct args_option options_table[] = {
    LISTING_JSON(struct why_options),
    LISTING_TIMEOUT(struct why_options),
    {0},
};

/* What a name is asked about. */
struct question {
    const struct settings *settings;
    const struct why_options *options;
    const char *wanted;
    struct snapshot snapshot;
    size_t rows;       /* present, of the whole table */
    struct near near;  /* names of others that may have been meant */
    struct live *live; /* of who is in no table: what is heard of it; NULL: not tried */
    struct trusted trusted;
};

static bool keep(const struct muster_peer *peer, const void *context) {
    return selector_matches_peer(context, peer);
}

static bool is_wanted(const struct muster_probe_peer *peer, const char *wanted) {
    return strcmp(peer->name, wanted) == 0 || strcmp(text_address(&peer->address).text, wanted) == 0 ||
           strcmp(text_address(&peer->address6).text, wanted) == 0;
}

/* What was heard of a peer that is in no table; NULL: nothing. */
static const struct muster_probe_peer *find_heard(const struct question *question) {
    const struct live *live = question->live;
    for (size_t i = 0; live != NULL && i < live->report.peer_count; i++) {
        if (is_wanted(&live->report.peers[i], question->wanted)) {
            return &live->report.peers[i];
        }
    }
    return NULL;
}

static bool has_network(const struct question *question) {
    return question->snapshot.interfaces.text[0] != '\0';
}

/* ---- who is in the table ---- */

static void explain(const struct question *question, const struct muster_peer *peer, struct why *why) {
    why_explain(peer, question->rows, why);
    why_blame_this_host(peer, &question->snapshot.list, has_network(question), why);
}

static int print_row(const struct question *question, const struct roster_row *row) {
    const struct muster_peer *peer = row->peer;
    const struct table_style style = {.color = settings_color(question->settings)};
    struct why why;
    explain(question, peer, &why);
    printf("%s %s.\n", roster_label(row).text, why.what);
    printf("  Rule        %s.\n", why.rule);
    printf("  Changes     %s.\n", why.change);
    printf("  Messages    %" PRIu64 " received, %" PRIu64 " copies by other paths, %s lost; known for %s\n",
           peer->received, peer->copies, text_share(peer->loss).text,
           text_duration((int64_t)peer->since_ms).text);
    printf("  Trust       %s%s\n", trusted_row_text(&question->trusted, peer),
           peer->partial
               ? "; what it offers is too long for a datagram, and has come neither by TCP nor by UDP"
               : "");
    return table_print(NULL, peer_tuples(peer), style);
}

static int print_rows(const struct question *question) {
    const struct roster *roster = &question->snapshot.roster;
    for (size_t i = 0; i < roster->count; i++) {
        if (i > 0) {
            putchar('\n');
        }
        if (print_row(question, &roster->rows[i]) != 0) {
            return complain_error(question->settings, MUSTER_ENOMEM);
        }
    }
    const uint64_t untrusted = question->snapshot.counters.drops[MUSTER_DROP_UNTRUSTED];
    if (untrusted > 0) {
        printf("\n%" PRIu64 " datagrams of others were dropped: %s; muster doctor says whose\n", untrusted,
               muster_drop_meaning(MUSTER_DROP_UNTRUSTED));
    }
    return STATUS_OK;
}

/* ---- who is not ---- */

static bool has_answered(const struct muster_probe_peer *peer) {
    return peer->answered + peer->answered_plain > 0;
}

static void print_heard(const struct muster_probe_peer *peer, const struct hidden *hidden,
                        const uint64_t drops[MUSTER_DROP_COUNT]) {
    char kinds[32] = "";
    for (unsigned kind = 0; kind < MUSTER_PATH_KINDS; kind++) {
        if (peer->heard[kind] > 0) {
            const size_t used = strlen(kinds);
            snprintf(kinds + used, sizeof(kinds) - used, "%s%s", used > 0 ? "," : "",
                     muster_path_name((enum muster_path_kind)kind));
        }
    }
    const unsigned asked = peer->asked[MUSTER_PATH_U4] + peer->asked[MUSTER_PATH_U6];
    printf("  Heard       from %s on %s by %s; it answered %u of %u questions by unicast\n",
           text_address(peer->address.family != 0 ? &peer->address : &peer->address6).text,
           text_name(peer->interface_name).text, kinds, peer->answered_long + peer->answered_short, asked);
    if (hidden->by != HIDDEN_BY_NOTHING) {
        printf("  Rule        %s\n  Changes     %s\n", hidden->rule, hidden->change);
        return;
    }
    if (has_answered(peer)) {
        printf(
            "  Changes     ask again, or with --direct; a muster announce on this host, whose table this is, "
            "may use other interfaces%s\n",
            drops[MUSTER_DROP_UNTRUSTED] > 0 ? ", or not trust it" : "");
        return;
    }
    printf(
        "  Rule        who signs is in the table once an answer proved that it lives; who does not answer is "
        "in none\n");
    printf("  Changes     its answer: there, allow what muster needs in the firewall\n");
}

/* Who is asked about may be among those that are heard, and never said their names. */
static void print_nameless(const struct live *live) {
    for (size_t i = 0; i < live->report.peer_count; i++) {
        const struct muster_probe_peer *peer = &live->report.peers[i];
        if (peer->name[0] == '\0' && !has_answered(peer)) {
            printf("  Heard       somebody at %s on %s, who does not answer and whose name is not known\n",
                   text_address(peer->address.family != 0 ? &peer->address : &peer->address6).text,
                   text_name(peer->interface_name).text);
        }
    }
}

static void print_drops(const struct muster_counters *counters) {
    for (unsigned i = 0; i < MUSTER_DROP_COUNT; i++) {
        if (counters->drops[i] > 0 && i != MUSTER_DROP_OWN) {
            printf("  Dropped     %" PRIu64 " datagrams of whomever: %s (%s)\n", counters->drops[i],
                   muster_drop_meaning((enum muster_drop)i), muster_drop_name((enum muster_drop)i));
        }
    }
}

static void print_absent(const struct question *question) {
    const struct muster_probe_peer *heard = find_heard(question);
    const struct live *live = question->live;
    struct hidden hidden = {.by = HIDDEN_BY_NOTHING};
    if (heard != NULL) {
        hidden_explain(&question->trusted, heard, &hidden);
    }
    printf("%s is not in the table: it %s%s.\n", text_name(question->wanted).text,
           heard == NULL ? "is not heard now, and the row of who left or was lost is kept for a minute"
           : hidden.by != HIDDEN_BY_NOTHING ? "is heard, but hidden: "
           : has_answered(heard)            ? "was not heard before, but answers now"
                                            : "is heard, but does not answer",
           hidden.what);
    if (heard != NULL) {
        print_heard(heard, &hidden, question->snapshot.counters.drops);
    } else {
        printf("  Rule        who is to be in the table must be heard on an interface that is used (");
        text_print(stdout, has_network(question) ? question->snapshot.interfaces.text : "there is none");
        printf(
            ")\n  Changes     that it runs, with the same --port, on the same link; or --peer ADDRESS beyond "
            "one\n");
    }
    print_nameless(live);
    print_drops(&question->snapshot.counters);
    for (size_t i = 0; i < live->line_count; i++) {
        printf("  Not heard   ");
        text_print(stdout, live->lines[i]);
        putchar('\n');
    }
    printf("%zu other peer%s heard%s\nmuster doctor looks for what keeps a peer from being heard\n",
           question->snapshot.list.count, question->snapshot.list.count == 1 ? " is" : "s are",
           near_text(&question->near).text);
}

/* ---- JSON ---- */

static void write_row(struct writer *writer, const void *roster_row) {
    const struct question *question = writer->context;
    const struct muster_peer *peer = ((const struct roster_row *)roster_row)->peer;
    struct why why;
    explain(question, peer, &why);
    writer_text(writer, "what", NULL, why.what);
    writer_text(writer, "rule", NULL, why.rule);
    writer_text(writer, "change", NULL, why.change);
    writer_text(writer, "trust", NULL, trusted_row_text(&question->trusted, peer));
    if (writer_object(writer, "peer")) {
        peer_write(writer, peer);
        writer_array_of(writer, "tuples", peer_tuples(peer));
        writer_end(writer);
    }
}

static void print_json(const struct question *question) {
    const struct roster *roster = &question->snapshot.roster;
    const struct muster_probe_peer *heard = find_heard(question);
    const char *lines[LIVE_LINES_MAX + 1];
    size_t line_count = question->live != NULL ? question->live->line_count : 0;
    struct hidden hidden;
    struct writer writer;
    for (size_t i = 0; i < line_count; i++) {
        lines[i] = question->live->lines[i];
    }
    if (heard != NULL) {
        hidden_explain(&question->trusted, heard, &hidden);
        lines[line_count] = hidden.rule;
        line_count += hidden.by != HIDDEN_BY_NOTHING ? 1 : 0;
    }
    writer_open_document(&writer);
    writer_text(&writer, "name", NULL, question->wanted);
    writer_array_of(
        &writer, "rows",
        (struct writer_rows){write_row, roster->rows, sizeof(*roster->rows), roster->count, question});
    writer_bool(&writer, "heard", NULL, roster->count > 0 || heard != NULL);
    writer_texts(&writer, "notes", lines, line_count);
    counters_write(&writer, &question->snapshot.counters, COUNTERS_RECEIVED);
    writer_close(&writer);
}

/* ---- the command ---- */

static void offer_names(struct question *question) {
    for (size_t i = 0; i < question->snapshot.list.count; i++) {
        near_offer(&question->near, question->snapshot.list.peers[i].document.name);
    }
}

static int answer(struct question *question, const struct selector *selector) {
    struct snapshot *snapshot = &question->snapshot;
    struct selector narrow = *selector;
    for (size_t i = 0; i < snapshot->list.count; i++) {
        question->rows += roster_is_present(&snapshot->list.peers[i]) ? 1 : 0;
    }
    offer_names(question);
    selector_narrow(&narrow, &snapshot->list);
    roster_keep(&snapshot->roster, keep, &narrow);
    if (snapshot->roster.count == 0) {
        question->live = calloc(1, sizeof(*question->live));
        if (question->live == NULL) {
            return complain_error(question->settings, MUSTER_ENOMEM);
        }
        live_run(question->live, question->settings, NULL, 0);
    }
    int status = STATUS_OK;
    if (question->options->listing.json) {
        print_json(question);
    } else if (snapshot->roster.count > 0) {
        status = print_rows(question);
    } else {
        print_absent(question);
    }
    if (status == STATUS_OK && snapshot->roster.count == 0) {
        status = snapshot->list.count > 0 || find_heard(question) != NULL ? STATUS_NOT_FOUND : STATUS_NOBODY;
    }
    return complain_flush(question->settings) == 0 ? status : STATUS_ERROR;
}

static int run(struct settings *settings, void *why_options, const struct operands *operands) {
    struct question question = {.settings = settings,
                                .options = why_options,
                                .wanted = operands->values[0],
                                .near = {.wanted = operands->values[0]},
                                .trusted.level = settings->trust};
    struct muster_pin *pins;
    if (pins_read(settings, &pins, &question.trusted.count) != 0) {
        return STATUS_ERROR;
    }
    question.trusted.pins = pins;
    int status = look(settings, question.options->listing.timeout_ms, NULL, &question.snapshot);
    if (status == STATUS_OK) {
        status = answer(&question, &operands->selector);
    } else if (status == STATUS_NOBODY && question.options->listing.json) {
        print_json(&question);
    }
    free(question.live);
    free(pins);
    snapshot_deinit(&question.snapshot);
    return status;
}

const struct command command_why = {
    .name = "why",
    .summary = "say why a peer is, or is not, in the table",
    .syntax = {.operands = "PEER", .operands_min = 1, .operands_max = 1},
    .selects = SELECTOR_PEER,
    .description =
        "Say why a peer is in the table as it is: what was heard of it, when and by which paths, what\n"
        "it promised, the rule that makes it alive, suspect, lost or left, and what would change\n"
        "that. Of a peer that is in no table it says whether it is heard at all, and what was\n"
        "dropped meanwhile. PEER is a name, a pattern, an address, or the first digits (four or more)\n"
        "of an id.\n",
    .options = options_table,
    .options_bytes = sizeof(struct why_options),
    .defaults = &(const struct why_options){.listing.timeout_ms = LISTING_TIMEOUT_MS},
    .examples = "  muster why printer\n"
                "  muster why printer --json | jq -r '.rows[].rule'\n",
    .statuses = "  0   it is in the table\n"
                "  1   error\n"
                "  2   wrong usage\n"
                "  3   nobody was heard\n"
                "  4   somebody was heard, but it is not in the table\n",
    .run = run,
};
