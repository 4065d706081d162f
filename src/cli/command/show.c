/* SPDX-License-Identifier: MIT */
/* muster show: everything that is known of one peer, and why. */
#include <stddef.h>
#include <string.h>

#include "command.h"
#include "complain.h"
#include "listing.h"
#include "look.h"
#include "page.h"
#include "peer.h"
#include "roster.h"
#include "selector.h"
#include "session.h"
#include "template.h"
#include "text.h"
#include "traffic.h"
#include "value.h"

struct show_options {
    bool self;
    struct listing_options listing;
};

static const char *const members[] = {PEER_MEMBERS, "tuples", "feeds", NULL};

static int parse_format(const char *value, void *place, struct reason *reason) {
    return template_parse_members(value, members, place, reason);
}

static void describe(FILE *out) {
    template_describe_members(out, members);
}

static const struct args_option options_table[] = {
    {"self", 0, NULL, "show the muster announce that runs here", offsetof(struct show_options, self),
     value_flag},
    LISTING_WIDE(struct show_options),
    LISTING_JSON(struct show_options),
    LISTING_FORMAT(struct show_options, parse_format),
    LISTING_TIMEOUT(struct show_options),
    {0},
};

/* ---- showing ---- */

/* The feeds of a peer, which are moved to the front. */
static struct writer_rows feeds_of(const struct snapshot *snapshot, const struct muster_peer *peer) {
    struct muster_feed *feeds = snapshot->feeds;
    size_t count = 0;
    for (size_t i = 0; i < snapshot->feed_count; i++) {
        if (memcmp(feeds[i].id, peer->id, MUSTER_ID_BYTES) == 0) {
            const struct muster_feed feed = feeds[i];
            memmove(&feeds[count + 1], &feeds[count], (i - count) * sizeof(feed));
            feeds[count++] = feed;
        }
    }
    return traffic_rows(feeds, count, &snapshot->roster);
}

/* Writes a peer, its tuples, and its feeds out of the snapshot that is the writer's context. */
static void write_peer(struct writer *writer, const void *roster_row) {
    const struct snapshot *snapshot = writer->context;
    const struct muster_peer *peer = ((const struct roster_row *)roster_row)->peer;
    peer_write(writer, peer);
    writer_array_of(writer, "tuples", peer_tuples(peer));
    writer_array_of(writer, "feeds", feeds_of(snapshot, peer));
}

static struct writer_rows whole_peers(const struct snapshot *snapshot) {
    const struct roster *roster = &snapshot->roster;
    return (struct writer_rows){write_peer, roster->rows, sizeof(*roster->rows), roster->count, snapshot};
}

static int print_text(const struct settings *settings, const struct show_options *options,
                      const struct muster_peer *peer, const struct snapshot *snapshot) {
    const struct table_style style = {.wide = options->listing.wide, .color = settings_color(settings)};
    if (options->listing.format != NULL) {
        return template_print_rows(options->listing.format, whole_peers(snapshot)) == 0
                   ? STATUS_OK
                   : complain_error(settings, MUSTER_ENOMEM);
    }
    if (page_print_peer(peer, style) != 0 || traffic_print(feeds_of(snapshot, peer), style) != 0) {
        return complain_error(settings, MUSTER_ENOMEM);
    }
    return STATUS_OK;
}

/* ---- the muster that runs here ---- */

struct show_self {
    struct session session;
    const struct show_options *options;
    struct muster_peer_list peers; /* to name the publishers of feeds by */
    bool needs_peers;              /* as it hears feeds */
    bool has_peers;
    int status;
};

static int print_self(const struct show_self *show, const struct muster_self *self,
                      const struct roster *roster) {
    const struct table_style style = {.wide = show->options->listing.wide,
                                      .color = settings_color(show->session.settings)};
    struct writer writer;
    if (!show->options->listing.json) {
        return page_print_self(self, roster, style);
    }
    writer_open_document(&writer);
    page_write_self(&writer, self, roster);
    writer_close(&writer);
    return 0;
}

static void on_row(enum muster_peer_event event, const struct muster_peer *peer, void *context) {
    struct show_self *show = context;
    (void)event;
    muster_peer_list_add(&show->peers, peer); /* who is left out is shown by its id */
}

static void on_self(const struct muster_self *self, void *context) {
    struct show_self *show = context;
    struct roster roster;
    show->needs_peers = self->feed_count > 0;
    if (show->needs_peers && !show->has_peers) {
        return;
    }
    int error = roster_init(&roster, &show->peers);
    if (error == 0) {
        error = print_self(show, self, &roster);
    }
    roster_deinit(&roster);
    show->status = error == 0 ? STATUS_OK : complain_error(show->session.settings, MUSTER_ENOMEM);
}

static void ask_self(void *context);

/* Asks once more when publishers are to be named by rows of the peer table. */
static void on_self_end(int error, const char *text, void *context) {
    struct show_self *show = context;
    if (error != 0) {
        session_fail_answer(&show->session, error, text);
    } else if (show->needs_peers && !show->has_peers) {
        ask_self(show);
    } else {
        session_end(&show->session, show->status);
    }
}

static void ask_self(void *context) {
    struct show_self *show = context;
    int error = show->needs_peers ? muster_local_table(show->session.local, on_row, NULL, show) : 0;
    show->has_peers = show->needs_peers;
    if (error == 0) {
        error = muster_local_self(show->session.local, on_self, on_self_end, show);
    }
    if (error != 0) {
        session_fail_answer(&show->session, error, NULL);
    }
}

static int on_self_deadline(void *context) {
    const struct show_self *show = context;
    complain(show->session.settings, "the running muster did not answer before --timeout");
    return STATUS_TIMED_OUT;
}

static int show_self(const struct settings *settings, const struct show_options *options) {
    struct show_self show = {.options = options};
    const struct session_request request = {.is_local = true,
                                            .timeout_ms = options->listing.timeout_ms,
                                            .on_open = ask_self,
                                            .on_deadline = on_self_deadline,
                                            .context = &show};
    const int status = session_hold(&show.session, settings, &request);
    muster_peer_list_free(&show.peers);
    if (show.session.local == NULL && status == STATUS_NOBODY && settings->socket == NULL) {
        complain(settings, "no muster announce runs here");
    }
    return status;
}

/* ---- which peer ---- */

static bool keep(const struct muster_peer *peer, const void *context) {
    return selector_matches_peer(context, peer);
}

static bool keep_present(const struct muster_peer *peer, const void *context) {
    (void)context;
    return roster_is_present(peer);
}

/* The one peer of several that is alive or suspect, when the others are gone; else NULL. */
static const struct roster_row *find_living(const struct roster *roster) {
    const struct roster_row *living = NULL;
    for (size_t i = 0; i < roster->count; i++) {
        if (roster_is_present(roster->rows[i].peer)) {
            if (living != NULL) {
                return NULL;
            }
            living = &roster->rows[i];
        }
    }
    return living;
}

/* Prefers the living to those that are gone, which are only mentioned. */
static void drop_gone(const struct settings *settings, const char *wanted, struct roster *roster) {
    const size_t gone = roster->count - 1;
    if (roster->count > 1 && find_living(roster) != NULL) {
        roster_keep(roster, keep_present, NULL);
        complain(settings, "'%.64s' means %zu more that %s gone: muster peers '%.64s' -o +ID", wanted, gone,
                 gone == 1 ? "is" : "are", wanted);
    }
}

/* Lists the peers that are meant, a line each. */
static int refuse_ambiguous(const struct settings *settings, const char *wanted,
                            const struct roster *roster) {
    complain(settings, "PEER: expected one peer, '%.64s' means %zu:", wanted, roster->count);
    for (size_t i = 0; i < roster->count; i++) {
        const struct muster_peer *peer = roster->rows[i].peer;
        fprintf(stderr, "  id:%s  %s  %s  %s\n", text_id(peer->id).text, text_name(peer->document.name).text,
                text_address(&peer->address).text, muster_state_name(peer->state));
    }
    return STATUS_ERROR;
}

static int show(const struct settings *settings, const struct show_options *options,
                const struct selector *selector, const char *wanted, struct snapshot *snapshot) {
    struct roster *roster = &snapshot->roster;
    struct selector narrow = *selector;
    int status = STATUS_OK;
    selector_narrow(&narrow, &snapshot->list);
    roster_keep(roster, keep, &narrow);
    if (!options->listing.json) {
        drop_gone(settings, wanted, roster);
    }
    if (options->listing.json) {
        listing_print_json(snapshot, "peers", whole_peers(snapshot));
    } else if (roster->count > 1) {
        status = refuse_ambiguous(settings, wanted, roster);
    } else if (roster->count == 1) {
        status = print_text(settings, options, roster->rows[0].peer, snapshot);
    }
    return status == STATUS_OK ? listing_status(settings, snapshot, roster->count, wanted, selector) : status;
}

static int run(struct settings *settings, void *show_options, const struct operands *operands) {
    const struct show_options *options = show_options;
    const char *wanted = operands->values[0];
    struct snapshot snapshot;
    if (options->self != (wanted == NULL)) {
        return complain_usage(settings, options->self ? "--self" : "PEER",
                              options->self ? "expected no PEER with it" : "expected a peer, or --self");
    }
    if (options->self && options->listing.format != NULL) {
        return complain_usage(settings, "--format", "expected with a PEER");
    }
    if (listing_check(settings, &options->listing) != STATUS_OK) {
        return STATUS_USAGE;
    }
    if (options->self && settings->direct) {
        return complain_usage(settings, "--direct",
                              "expected without --self, which asks the muster that runs here");
    }
    if (options->self) {
        return show_self(settings, options);
    }
    int status = look(settings, options->listing.timeout_ms, NULL, &snapshot);
    listing_print_none(&options->listing, &snapshot, "peers", status);
    if (status == STATUS_OK) {
        status = show(settings, options, &operands->selector, wanted, &snapshot);
    }
    snapshot_deinit(&snapshot);
    return status;
}

const struct command command_show = {
    .name = "show",
    .group = COMMAND_SEE,
    .summary = "show one peer, and the evidence for it",
    .synonyms = " info inspect describe get ",
    .syntax = {.operands = "PEER", .operands_max = 1},
    .selects = SELECTOR_PEER,
    .description =
        "Show what a peer says of itself and why muster believes it: every 5-tuple (protocol,\n"
        "source address and port, destination address and port) that was observed, the\n"
        "interface and path, how many datagrams came by it, how long ago, and what did not\n"
        "come that should have. PEER is a name, a pattern, an address, or the first digits\n"
        "(four or more) of an id; name:NAME and id:DIGITS say which. A peer that is here goes before\n"
        "those of that name that are gone. --json shows all that PEER means, text only one.\n"
        "--self shows the muster announce that runs on this machine instead: its counters, its\n"
        "sockets with the buffers that the kernel granted, and what was dropped and why.\n"
        "\n"
        "Where the muster that runs here hears telemetry, a table says how well: for each\n"
        "publisher and shard the datagrams RECEIVED, those that came AGAIN, LATE (behind a\n"
        "later one) or REPAIRED (asked for), the NAKS sent to ask, what is PENDING, and what was\n"
        "lost: on the WIRE, GONE (kept no longer when it was asked for), dropped by this\n"
        "machine's KERNEL, or by the PROGRAM that had no time for it.\n",
    .options = options_table,
    .options_bytes = sizeof(struct show_options),
    .describe = describe,
    .defaults = &(const struct show_options){.listing.timeout_ms = LISTING_TIMEOUT_MS},
    .examples = "  muster show printer\n"
                "  muster show --self\n"
                "  muster show id:3fa9c1 --json | jq '.peers[0].tuples'\n",
    .statuses = "  0   shown\n"
                "  1   error, or PEER means more than one, without --json\n"
                "  2   wrong usage\n"
                "  3   nobody was heard, or, with --self, no muster announce runs here\n"
                "  4   somebody was heard, but no such peer\n" LISTING_STATUS_CUT_OFF,
    .run = run,
};
