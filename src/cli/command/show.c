/* muster show: everything that is known of one peer, and why. */
#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#include "command.h"
#include "json.h"
#include "listing.h"
#include "look.h"
#include "parse.h"
#include "roster.h"
#include "selector.h"
#include "self.h"
#include "table.h"
#include "text.h"
#include "traffic.h"

struct show_options {
    bool self;
    bool wide;
    bool json;
    uint64_t timeout_ms;
};

static const struct args_option options_table[] = {
    {"self", 0, NULL, "show the muster announce that runs here", offsetof(struct show_options, self),
     value_flag},
    {"wide", 0, NULL, LISTING_WIDE_HELP, offsetof(struct show_options, wide), value_flag},
    {"json", 0, NULL, LISTING_JSON_HELP, offsetof(struct show_options, json), value_flag},
    {"timeout", 0, "S", LISTING_TIMEOUT_HELP, offsetof(struct show_options, timeout_ms), value_timeout},
    {0},
};

/* ---- the evidence; rows are struct muster_tuple ---- */

static void print_protocol(FILE *out, const void *row) {
    (void)row;
    fputs("udp", out);
}

static void print_source(FILE *out, const void *row) {
    const struct muster_endpoint *source = &((const struct muster_tuple *)row)->source;
    text_print_endpoint(out, source, source->port);
}

static void print_destination(FILE *out, const void *row) {
    const struct muster_endpoint *destination = &((const struct muster_tuple *)row)->destination;
    text_print_endpoint(out, destination, destination->port);
}

static void print_interface(FILE *out, const void *row) {
    const struct muster_tuple *tuple = row;
    text_print(out, tuple->interface_name[0] != '\0' ? tuple->interface_name : "-");
}

static void print_path(FILE *out, const void *row) {
    fputs(muster_path_name(((const struct muster_tuple *)row)->path), out);
}

static void print_count(FILE *out, const void *row) {
    fprintf(out, "%" PRIu64, ((const struct muster_tuple *)row)->count);
}

static void print_age(FILE *out, const void *row) {
    text_print_duration(out, (int64_t)((const struct muster_tuple *)row)->age_ms);
}

static void print_loss(FILE *out, const void *row) {
    text_print_share(out, ((const struct muster_tuple *)row)->loss);
}

static const struct table_column columns[] = {
    {"PROTO", NULL, 0, print_protocol, NULL},
    {"SOURCE", NULL, 0, print_source, NULL},
    {"DESTINATION", NULL, 0, print_destination, NULL},
    {"IF", NULL, 0, print_interface, NULL},
    {"PATH", NULL, 0, print_path, NULL},
    {"COUNT", NULL, TABLE_RIGHT, print_count, NULL},
    {"AGE", NULL, TABLE_RIGHT, print_age, NULL},
    {"LOSS", NULL, TABLE_RIGHT, print_loss, NULL},
};

#define COLUMN_COUNT (sizeof(columns) / sizeof(columns[0]))

static int print_evidence(const struct settings *settings, const struct show_options *options,
                          const struct muster_peer *peer) {
    const struct table_column *choice[COLUMN_COUNT];
    struct table_style style = {.wide = options->wide, .color = settings_color(settings)};
    for (size_t i = 0; i < COLUMN_COUNT; i++) {
        choice[i] = &columns[i];
    }
    putchar('\n');
    if (table_print(choice, COLUMN_COUNT, peer->tuples, sizeof(peer->tuples[0]), peer->tuple_count, style) !=
        0) {
        return complain_error(settings, MUSTER_ENOMEM);
    }
    return STATUS_OK;
}

/* ---- the row and its document ---- */

static void print_heard(const struct muster_peer *peer) {
    printf("  Heard       ");
    if (peer->self) {
        printf("never: it is the muster that was asked, see muster show --self\n");
        return;
    }
    text_print_duration(stdout, (int64_t)peer->age_ms);
    printf(" ago");
    if (roster_is_there(peer)) {
        printf(peer->next_ms >= 0 ? ", promised to speak again within " : ", overdue by ");
        text_print_duration(stdout, peer->next_ms >= 0 ? peer->next_ms : -peer->next_ms);
    }
    printf("; known for ");
    text_print_duration(stdout, (int64_t)peer->since_ms);
    putchar('\n');
}

static void print_row(const struct settings *settings, const struct muster_peer *peer) {
    char id[MUSTER_ID_TEXT_BYTES];
    bool color = settings_color(settings);
    muster_id_text(peer->id, id);
    text_print(stdout, peer->document.name);
    printf("\n  Id          %s, boot %" PRIu64 ", revision %" PRIu64 "\n", id, peer->boot, peer->rev);
    printf("  State       %s%s%s, %s%s\n", color ? text_state_color(peer->state) : "",
           muster_state_name(peer->state), color ? TEXT_COLOR_END : "",
           peer->verified ? "verified" : "unverified: no key vouches for what it says",
           peer->provisional ? "; told by another peer, not heard yet" : "");
    printf("  Address     ");
    text_print_endpoint(stdout, &peer->address, peer->address.port);
    printf(" on ");
    text_print(stdout, peer->interface_name[0] != '\0' ? peer->interface_name : "-");
    if (!peer->self) {
        printf(" by ");
        text_print_paths(stdout, peer->paths);
    }
    putchar('\n');
    print_heard(peer);
    if (peer->self) {
        return;
    }
    printf("  Messages    %" PRIu64 " received, %" PRIu64 " copies, ", peer->received, peer->copies);
    text_print_share(stdout, peer->loss);
    printf(" lost\n");
}

static void print_services(const struct muster_document *document) {
    for (size_t i = 0; i < document->service_count; i++) {
        const struct muster_service *service = &document->services[i];
        printf(i == 0 ? "  Services    " : "              ");
        text_print_service(stdout, service);
        if (service->name[0] != '\0') {
            printf("  \"");
            text_print(stdout, service->name);
            putchar('"');
        }
        if (service->txt_count > 0) {
            printf("  ");
            text_print_items(stdout, service->txt, service->txt_count);
        }
        putchar('\n');
    }
}

static void print_attrs(const struct muster_document *document) {
    for (size_t i = 0; i < document->attr_count; i++) {
        printf(i == 0 ? "  Attributes  " : "              ");
        text_print_items(stdout, &document->attrs[i], 1);
        putchar('\n');
    }
}

static void print_topics(const struct muster_document *document) {
    for (size_t i = 0; i < document->topic_count; i++) {
        const struct muster_topic *topic = &document->topics[i];
        printf(i == 0 ? "  Topics      " : "              ");
        text_print(stdout, topic->name);
        if (topic->unit[0] != '\0') {
            printf("  ");
            text_print(stdout, topic->unit);
        }
        if (topic->unit_count > 0) {
            printf("  ");
            text_print_items(stdout, topic->units, topic->unit_count);
        }
        if (topic->rate > 0) {
            printf("  %g/s", topic->rate);
        }
        putchar('\n');
    }
}

static void print_keeps(const struct muster_document *document) {
    for (size_t i = 0; i < document->keep_count; i++) {
        printf(i == 0 ? "  Keeps       " : "              ");
        text_print(stdout, document->keeps[i]);
        putchar('\n');
    }
}

/* What is heard here of the peer's telemetry: its feeds, put first. */
static int print_feeds(const struct settings *settings, const struct show_options *options,
                       const struct muster_peer *peer, struct snapshot *snapshot) {
    size_t count = 0;
    for (size_t i = 0; i < snapshot->feed_count; i++) {
        if (memcmp(snapshot->feeds[i].id, peer->id, MUSTER_ID_BYTES) == 0) {
            snapshot->feeds[count++] = snapshot->feeds[i];
        }
    }
    const struct traffic_feeds feeds = {.feeds = snapshot->feeds, .count = count, .peers = &snapshot->list};
    return traffic_print_feeds(settings, options->wide, &feeds);
}

static int print_text(const struct settings *settings, const struct show_options *options,
                      const struct muster_peer *peer, struct snapshot *snapshot) {
    print_row(settings, peer);
    print_services(&peer->document);
    print_attrs(&peer->document);
    print_topics(&peer->document);
    print_keeps(&peer->document);
    int status = print_evidence(settings, options, peer);
    return status == STATUS_OK ? print_feeds(settings, options, peer, snapshot) : status;
}

static int print_json(const struct settings *settings, const struct roster *roster,
                      const struct snapshot *snapshot) {
    const struct traffic_feeds feeds = {
        .feeds = snapshot->feeds, .count = snapshot->feed_count, .peers = &snapshot->list};
    struct document document;
    document_init(&document);
    document_put_integer(&document, NULL, "schema", JSON_SCHEMA);
    document_node_t *peers = document_put_array(&document, NULL, "peers");
    for (size_t i = 0; i < roster->count; i++) {
        document_node_t *peer = document_put_object(&document, peers, NULL);
        json_put_peer(&document, peer, roster->rows[i].peer);
        json_put_tuples(&document, peer, roster->rows[i].peer);
        traffic_put_feeds(&document, peer, &feeds, roster->rows[i].peer->id);
    }
    int status = listing_print_json(settings, &document, snapshot);
    document_deinit(&document);
    return status;
}

/* ---- which peer ---- */

static bool keep(const struct muster_peer *peer, const void *context) {
    return selector_matches_peer(context, peer);
}

/* Keeps the peers of that very name; where there is none, those whose id begins so. */
static int find(const struct settings *settings, const struct snapshot *snapshot,
                const struct selector *selector, struct roster *roster) {
    struct selector one_way = *selector;
    one_way.kinds = selector->kinds & SELECTOR_NAME;
    if (roster_init(roster, &snapshot->list) != 0) {
        return complain_error(settings, MUSTER_ENOMEM);
    }
    roster_keep(roster, keep, &one_way);
    if (roster->count > 0) {
        return STATUS_OK;
    }
    one_way.kinds = selector->kinds & SELECTOR_ID;
    roster_deinit(roster);
    if (roster_init(roster, &snapshot->list) != 0) {
        return complain_error(settings, MUSTER_ENOMEM);
    }
    roster_keep(roster, keep, &one_way);
    return STATUS_OK;
}

/* Lists who all is meant, one line each. */
static int refuse_ambiguous(const struct settings *settings, const char *wanted,
                            const struct roster *roster) {
    complain(settings, "PEER: expected one peer, '%.64s' means %zu:", wanted, roster->count);
    for (size_t i = 0; i < roster->count; i++) {
        const struct muster_peer *peer = roster->rows[i].peer;
        char id[MUSTER_ID_TEXT_BYTES];
        muster_id_text(peer->id, id);
        fprintf(stderr, "  id:%s  ", id);
        text_print(stderr, peer->document.name);
        fprintf(stderr, "  ");
        text_print_address(stderr, &peer->address);
        fprintf(stderr, "  %s\n", muster_state_name(peer->state));
    }
    return STATUS_ERROR;
}

static int show(const struct settings *settings, const struct show_options *options,
                const struct selector *selector, const char *wanted, struct snapshot *snapshot) {
    struct roster roster;
    int status = find(settings, snapshot, selector, &roster);
    if (status == STATUS_OK && options->json) {
        status = print_json(settings, &roster, snapshot);
    } else if (status == STATUS_OK && roster.count > 1) {
        status = refuse_ambiguous(settings, wanted, &roster);
    } else if (status == STATUS_OK && roster.count == 1) {
        status = print_text(settings, options, roster.rows[0].peer, snapshot);
    }
    if (status == STATUS_OK) {
        status = listing_status(settings, snapshot, roster.count, wanted);
    }
    roster_deinit(&roster);
    return status;
}

static int run(struct settings *settings, int argc, char **argv) {
    struct show_options options = {.timeout_ms = LISTING_TIMEOUT_MS};
    struct operands operands;
    struct selector selector;
    struct reason reason;
    struct snapshot snapshot;
    int status;
    if (!parse_command(settings, &command_show, argc, argv, &options, &operands, &status)) {
        return status;
    }
    const char *wanted = operands.values[0];
    if (options.self != (wanted == NULL)) {
        return complain_usage(settings, options.self ? "--self" : "PEER",
                              options.self ? "expected no PEER with it" : "expected a peer, or --self");
    }
    if (options.self && settings->direct) {
        return complain_usage(settings, "--direct",
                              "expected without --self, which asks the muster that runs here");
    }
    if (options.self) {
        return self_show(settings, options.json, options.wide, options.timeout_ms);
    }
    if (selector_parse(wanted, SELECTOR_NAME | SELECTOR_ID, &selector, &reason) != 0) {
        return complain_usage(settings, "PEER", "%s", reason.text);
    }
    status = look(settings, options.timeout_ms, &snapshot);
    if (status == STATUS_OK) {
        status = show(settings, &options, &selector, wanted, &snapshot);
    }
    snapshot_deinit(&snapshot);
    return status;
}

const struct command command_show = {
    .name = "show",
    .summary = "show one peer, and the evidence for it",
    .operands = "PEER",
    .operands_max = 1,
    .description = "Show what a peer says of itself and why muster believes it: every 5-tuple (protocol,\n"
                   "source address and port, destination address and port) that was observed, the\n"
                   "interface and path, how many datagrams came by it, how long ago, and what did not\n"
                   "come that should have. PEER is a name, or the first digits (four or more) of an id;\n"
                   "name:NAME and id:DIGITS say which. --json shows all that PEER means, text only one.\n"
                   "--self shows the muster announce that runs on this machine instead: its counters, its\n"
                   "sockets with the buffers that the kernel granted, and what was dropped and why.\n"
                   "\n"
                   "Where the muster that runs here hears telemetry, a table says how well: for each\n"
                   "publisher and shard the datagrams RECEIVED, those that came AGAIN, LATE (behind a\n"
                   "later one) or REPAIRED (asked for), the NAKS sent to ask, what is PENDING, and what was\n"
                   "lost: on the WIRE, GONE (kept no longer when it was asked for), dropped by this\n"
                   "machine's KERNEL, or by the PROGRAM that had no time for it.\n",
    .options = options_table,
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
