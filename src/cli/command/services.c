/* muster services: what is offered here. */
#include <stddef.h>

#include "command.h"
#include "json.h"
#include "listing.h"
#include "offer.h"
#include "parse.h"
#include "table.h"
#include "text.h"

struct services_options {
    const char *format; /* NULL: a table */
    bool wide;
    bool json;
    uint64_t timeout_ms;
};

/* ---- options ---- */

static const struct args_option options_table[] = {
    {"format", 0, "TEMPLATE", "print a line of this form for each, see below",
     offsetof(struct services_options, format), listing_parse_format},
    {"wide", 0, NULL, LISTING_WIDE_HELP, offsetof(struct services_options, wide), value_flag},
    {"json", 0, NULL, LISTING_JSON_HELP, offsetof(struct services_options, json), value_flag},
    {"timeout", 0, "S", LISTING_TIMEOUT_HELP, offsetof(struct services_options, timeout_ms), value_timeout},
    {0},
};

/* ---- the table; rows are struct offer ---- */

static void print_type(FILE *out, const void *row) {
    text_print(out, ((const struct offer *)row)->service->type);
}

static void print_peer(FILE *out, const void *row) {
    roster_print_label(out, ((const struct offer *)row)->row);
}

static void print_address(FILE *out, const void *row) {
    text_print_address(out, &((const struct offer *)row)->row->peer->address);
}

static void print_port(FILE *out, const void *row) {
    fprintf(out, "%u", ((const struct offer *)row)->service->port);
}

static void print_proto(FILE *out, const void *row) {
    text_print(out, ((const struct offer *)row)->service->proto);
}

static void print_interface(FILE *out, const void *row) {
    text_print(out, ((const struct offer *)row)->row->peer->interface_name);
}

static void print_service(FILE *out, const void *row) {
    text_print(out, offer_name(row));
}

static void print_txt(FILE *out, const void *row) {
    const struct muster_service *service = ((const struct offer *)row)->service;
    text_print_items(out, service->txt, service->txt_count);
}

static const struct table_column columns[] = {
    {"TYPE", NULL, 0, print_type, NULL},
    {"NAME", NULL, TABLE_CUT, print_peer, NULL},
    {"ADDRESS", NULL, 0, print_address, NULL},
    {"PORT", NULL, TABLE_RIGHT, print_port, NULL},
    {"PROTO", NULL, 0, print_proto, NULL},
    {"IF", NULL, 0, print_interface, NULL},
    {"SERVICE", NULL, TABLE_CUT, print_service, NULL},
    {"TXT", NULL, TABLE_CUT, print_txt, NULL},
};

#define COLUMN_COUNT (sizeof(columns) / sizeof(columns[0]))

static int print_table(const struct settings *settings, const struct services_options *options,
                       const struct offers *offers) {
    const struct table_column *choice[COLUMN_COUNT];
    struct table_style style = {.wide = options->wide, .color = settings_color(settings)};
    for (size_t i = 0; i < COLUMN_COUNT; i++) {
        choice[i] = &columns[i];
    }
    if (table_print(choice, COLUMN_COUNT, offers->offers, sizeof(offers->offers[0]), offers->count, style) !=
        0) {
        return complain_error(settings, MUSTER_ENOMEM);
    }
    return STATUS_OK;
}

/* ---- listing ---- */

static int print_offers(const struct settings *settings, const struct offers *offers,
                        const struct snapshot *snapshot, const void *context) {
    const struct services_options *options = context;
    if (options->json) {
        return listing_print_offers_json(settings, offers, snapshot);
    }
    if (options->format == NULL) {
        return print_table(settings, options, offers);
    }
    for (size_t i = 0; i < offers->count; i++) {
        offer_print(stdout, options->format, &offers->offers[i]);
    }
    return STATUS_OK;
}

static int run(struct settings *settings, int argc, char **argv) {
    struct services_options options = {.timeout_ms = LISTING_TIMEOUT_MS};
    struct operands operands;
    struct selector selector;
    struct reason reason;
    int status;
    if (!parse_command(settings, &command_services, argc, argv, &options, &operands, &status)) {
        return status;
    }
    const char *type = operands.values[0];
    if (type != NULL && selector_parse(type, SELECTOR_TYPE, &selector, &reason) != 0) {
        return complain_usage(settings, "TYPE", "%s", reason.text);
    }
    return listing_offers(settings, options.timeout_ms, type != NULL ? &selector : NULL, type, OFFER_BY_TYPE,
                          print_offers, &options);
}

const struct command command_services = {
    .name = "services",
    .summary = "list what is offered, by type",
    .operands = "TYPE",
    .operands_max = 1,
    .description = "List the services of the peers that are alive or suspect, or those of one TYPE such as\n"
                   "http. name:NAME and id:DIGITS list those of one peer.\n",
    .options = options_table,
    .describe = offer_describe_templates,
    .examples = "  muster services\n"
                "  muster services ipp --json\n"
                "  muster services http --format 'http://{address}:{port}{txt.path}'\n",
    .statuses = LISTING_STATUSES,
    .run = run,
};
