/* SPDX-License-Identifier: MIT */
/* muster doctor: what is wrong on this host and this network, by evidence. */
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "complain.h"
#include "evidence.h"
#include "facts.h"
#include "live.h"
#include "look.h"
#include "pins.h"
#include "rules.h"
#include "table.h"
#include "text.h"
#include "value.h"
#include "writer.h"

/* A switch that snoops forgets a group after 260 s without a report (RFC 3810, 9.4). */
#define LONG_MS 265000

/* In which the muster that runs here gives its table. */
#define TABLE_MS 1000

struct doctor_options {
    bool is_long;
    bool json;
};

static const struct args_option options_table[] = {
    {"long", 0, NULL, "go on for 265 s, after which a switch that snoops has forgotten a group",
     offsetof(struct doctor_options, is_long), value_flag},
    {"json", 0, NULL, "print one JSON document", offsetof(struct doctor_options, json), value_flag},
    {0},
};

struct examination {
    struct facts facts;
    struct live live;
    struct verdicts verdicts;
};

/* ---- verdicts ---- */

static void write_verdict(struct writer *writer, const void *row) {
    const struct verdict *verdict = row;
    writer_text(writer, "id", NULL, verdict->id);
    writer_bool(writer, "certain", NULL, verdict->is_certain);
    writer_text(writer, "what", NULL, verdict->what);
    writer_text(writer, "evidence", NULL, verdict->evidence);
    writer_text(writer, "fix", NULL, verdict->fix);
}

static void print_safe(const char *title, const char *text) {
    printf("   %-9s ", title);
    text_print(stdout, text);
    putchar('\n');
}

static void print_verdicts(const struct verdicts *verdicts) {
    for (size_t i = 0; i < verdicts->count; i++) {
        const struct verdict *verdict = &verdicts->items[i];
        printf("%zu. ", i + 1);
        text_print(stdout, verdict->what);
        printf("%s\n", verdict->is_certain ? "." : " (likely).");
        print_safe("Evidence:", verdict->evidence);
        print_safe("Fix:", verdict->fix);
        putchar('\n');
    }
}

/* ---- paths ---- */

/* "12 of 14" of questions, as JSON, and for people a word when all or none arrived. */
static void write_counts(struct writer *writer, const char *name, unsigned of, unsigned arrived) {
    if (writer_object(writer, name)) {
        writer_integer(writer, "sent", NULL, of);
        writer_integer(writer, "heard", NULL, arrived);
        writer_end(writer);
    }
}

static void write_path(struct writer *writer, const void *row) {
    const struct muster_probe_path *path = row;
    writer_text(writer, "interface", NULL, path->path.name);
    writer_text(writer, "path", NULL, muster_path_name(path->path.kind));
    writer_integer(writer, "sent", NULL, path->sent);
    writer_integer(writer, "own_heard", NULL, path->looped);
}

static const char *stream_name(enum live_stream stream) {
    static const char *const names[] = {"-", "open", "refused", "silent"};
    return names[stream];
}

/* What went by one path between this node and a peer: "both", "out" (it heard us), "in" (we heard it), "-",
 * with the share that it did not hear by this path, of the questions to the group that it heard by any. */
static void write_cell(struct writer *writer, const struct muster_probe_peer *peer, unsigned kind) {
    static const char *const headings[] = {"M4", "M6", "B4", "U4", "U6"};
    const bool is_out = peer->reached[kind] > 0;
    const bool is_in = peer->heard[kind] > 0;
    const unsigned asked = kind <= MUSTER_PATH_B4 ? peer->asked[kind] : 0;
    const unsigned answered = peer->answered_group < asked ? peer->answered_group : asked;
    char share[32] = "";
    if (is_out && answered > peer->reached[kind]) {
        snprintf(share, sizeof(share), " %u%%", 100 * (answered - peer->reached[kind]) / answered);
    }
    writer_shown(writer, headings[kind], 0, NULL, "%s%s",
                 is_out && is_in ? "both"
                 : is_out        ? "out"
                 : is_in         ? "in"
                                 : "-",
                 share);
}

static void write_peer(struct writer *writer, const void *row) {
    const struct muster_probe_peer *peer = row;
    const struct live *live = writer->context;
    const size_t index = (size_t)(peer - live->report.peers);
    writer_id(writer, "id", NULL, peer->id);
    writer_known(writer, "name", "PEER", peer->name);
    writer_text(writer, "interface", "IF", peer->interface_name);
    writer_address(writer, NULL, "ADDRESS", peer->address.family != 0 ? &peer->address : &peer->address6);
    writer_address(writer, "address", NULL, &peer->address);
    writer_address(writer, "other_address", NULL, &peer->address6);
    writer_bool(writer, "here", NULL, live->is_here[index]);
    for (unsigned kind = 0; kind < MUSTER_PATH_KINDS; kind++) {
        write_cell(writer, peer, kind);
    }
    writer_integer(writer, "answered", NULL, peer->answered_group);
    if (writer_object(writer, "paths")) {
        for (unsigned kind = 0; kind < MUSTER_PATH_KINDS; kind++) {
            if (writer_object(writer, muster_path_name((enum muster_path_kind)kind))) {
                writer_integer(writer, "asked", NULL, peer->asked[kind]);
                writer_integer(writer, "reached", NULL, peer->reached[kind]);
                writer_integer(writer, "heard", NULL, peer->heard[kind]);
                writer_end(writer);
            }
        }
        writer_end(writer);
    }
    if (peer->rtt_ms == UINT64_MAX) {
        writer_known(writer, "rtt_ms", NULL, "");
        writer_shown(writer, "RTT", WRITER_RIGHT, NULL, "-");
    } else {
        writer_integer(writer, "rtt_ms", NULL, peer->rtt_ms);
        writer_shown(writer, "RTT", WRITER_RIGHT, NULL, "%" PRIu64 "ms", peer->rtt_ms);
    }
    writer_known(writer, "tcp", "TCP",
                 live->streams[index] == LIVE_STREAM_UNKNOWN ? "" : stream_name(live->streams[index]));
    write_counts(writer, "long", peer->asked_long, peer->answered_long);
    write_counts(writer, "short", peer->asked_short, peer->answered_short);
}

static struct writer_rows peer_rows_of(const struct live *live) {
    return (struct writer_rows){write_peer, live->report.peers, sizeof(live->report.peers[0]),
                                live->report.peer_count, live};
}

static void print_paths(const struct live *live) {
    const struct muster_probe_report *report = &live->report;
    const char *name = "";
    for (size_t i = 0; i < report->path_count; i++) {
        const struct muster_probe_path *path = &report->paths[i];
        if (strcmp(name, path->path.name) != 0) {
            printf("%s%s hears itself by ", i > 0 ? "\n" : "", text_name(path->path.name).text);
        } else {
            printf(", ");
        }
        name = path->path.name;
        printf("%s %u/%u", muster_path_name(path->path.kind), path->looped, path->sent);
    }
    if (report->path_count > 0) {
        putchar('\n');
    }
}

static void print_lines(const struct live *live) {
    for (size_t i = 0; i < live->line_count; i++) {
        text_print(stdout, live->lines[i]);
        putchar('\n');
    }
}

static int print_text(const struct settings *settings, const struct examination *examination) {
    const struct live *live = &examination->live;
    const struct evidence evidence = {.facts = &examination->facts, .live = live};
    const struct table_style style = {.color = settings_color(settings)};
    print_verdicts(&examination->verdicts);
    if (examination->verdicts.count == 0) {
        printf("Nothing is wrong here%s.\n\n", evidence_sum_others(&evidence, &live->report, 0).peers > 0
                                                   ? ""
                                                   : ", but nobody else was heard");
    }
    print_paths(live);
    print_lines(live);
    if (table_print(NULL, peer_rows_of(live), style) != 0) {
        return complain_error(settings, MUSTER_ENOMEM);
    }
    if (live->report.peer_count > 0) {
        printf("both: heard both ways; out: the peer hears this host; in: this host hears the peer; "
               "a percentage did not come by that path, of what came to the peer\n");
    }
    for (size_t i = 0; i < examination->facts.unseen_count; i++) {
        printf("Not seen: ");
        text_print(stdout, examination->facts.unseen[i]);
        putchar('\n');
    }
    return STATUS_OK;
}

static void print_json(const struct examination *examination) {
    const struct live *live = &examination->live;
    const struct verdicts *verdicts = &examination->verdicts;
    const char *unseen[FACTS_UNSEEN_MAX];
    const char *lines[LIVE_LINES_MAX];
    struct writer writer;
    for (size_t i = 0; i < examination->facts.unseen_count; i++) {
        unseen[i] = examination->facts.unseen[i];
    }
    for (size_t i = 0; i < live->line_count; i++) {
        lines[i] = live->lines[i];
    }
    writer_open_document(&writer);
    writer_array_of(&writer, "verdicts",
                    (struct writer_rows){write_verdict, verdicts->items, sizeof(verdicts->items[0]),
                                         verdicts->count, NULL});
    writer_array_of(&writer, "paths",
                    (struct writer_rows){write_path, live->report.paths, sizeof(live->report.paths[0]),
                                         live->report.path_count, NULL});
    writer_array_of(&writer, "peers", peer_rows_of(live));
    writer_texts(&writer, "notes", lines, live->line_count);
    writer_texts(&writer, "unseen", unseen, examination->facts.unseen_count);
    writer_close(&writer);
}

static int run(struct settings *settings, void *doctor_options, const struct operands *operands) {
    const struct doctor_options *options = doctor_options;
    struct examination *examination = calloc(1, sizeof(*examination));
    (void)operands;
    if (examination == NULL) {
        return complain_error(settings, MUSTER_ENOMEM);
    }
    const struct facts_sources sources = {
        .root = "", .port = settings->port, .state_dir = settings->state_dir};
    facts_read(&examination->facts, &sources);
    struct snapshot running = {0};
    if (!settings->direct) {
        look_locally(settings, TABLE_MS, NULL, &running);
    }
    live_run(&examination->live, settings, &running.list, options->is_long ? LONG_MS : 0);
    snapshot_deinit(&running);
    facts_read_counters(&examination->facts, sources.root, &examination->facts.after);
    struct muster_pin *pins;
    struct evidence evidence = {.facts = &examination->facts,
                                .live = &examination->live,
                                .port = settings->port,
                                .trusted.level = settings->trust};
    if (pins_read(settings, &pins, &evidence.trusted.count) != 0) {
        facts_note_unseen(&examination->facts, "pins, which can't be read");
    }
    evidence.trusted.pins = pins;
    for (size_t i = 0; i < examination->facts.interface_count; i++) {
        struct facts_interface *interface = &examination->facts.interfaces[i];
        interface->is_used = evidence_is_used(&evidence, interface->name);
    }
    facts_read_firewall(&examination->facts, sources.root, settings->port);
    if (examination->live.report.peers_missed > 0) {
        facts_note_unseen(&examination->facts, "some peers: more than %d were heard", MUSTER_PROBE_PEERS_MAX);
    }
    rules_judge(&evidence, &examination->verdicts);
    free(pins);
    int status = STATUS_OK;
    if (options->json) {
        print_json(examination);
    } else {
        status = print_text(settings, examination);
    }
    status = status == STATUS_OK && examination->verdicts.count > 0 ? STATUS_ERROR : status;
    free(examination);
    return complain_flush(settings) == 0 ? status : STATUS_ERROR;
}

const struct command command_doctor = {
    .name = "doctor",
    .summary = "say what is wrong on this host and network, and why",
    .syntax = {.operands = ""},
    .description =
        "Look at this host and its network, and say what keeps muster from working: what is wrong,\n"
        "by which evidence, and how to mend it; and whether that is certain or likely. Few things\n"
        "are said: the cause, and not what follows from it.\n"
        "\n"
        "The doctor reads interfaces, addresses, routes, counters and the rules of the firewall.\n"
        "Then it asks some questions by each path: multicast (m4, m6), broadcast (b4) and unicast\n"
        "(u4, u6). Every muster announce on another host answers by which paths it heard them. A\n"
        "muster announce on this host tells who was here and fell silent.\n"
        "This takes some 3 s, leaves no trace on others and changes nothing. As root it sees more;\n"
        "what it could not see it says.\n",
    .options = options_table,
    .options_bytes = sizeof(struct doctor_options),
    .examples = "  muster doctor\n"
                "  sudo muster doctor --interface eth0\n"
                "  muster doctor --json | jq -r '.verdicts[].id'\n",
    .statuses = "  0   nothing is wrong\n"
                "  1   something is\n"
                "  2   wrong usage\n",
    .run = run,
};
