/* muster services: what is offered here. */
#include <stddef.h>

#include "command.h"
#include "listing.h"
#include "offer.h"
#include "template.h"

struct services_options {
    const char *format; /* NULL: a table */
    bool wide;
    bool json;
    uint64_t timeout_ms;
};

/* ---- options ---- */

static const struct args_option options_table[] = {
    {"format", 0, "TEMPLATE", "print a line of this form for each, see below",
     offsetof(struct services_options, format), template_parse},
    {"wide", 0, NULL, LISTING_WIDE_HELP, offsetof(struct services_options, wide), value_flag},
    {"json", 0, NULL, LISTING_JSON_HELP, offsetof(struct services_options, json), value_flag},
    {"timeout", 0, "S", LISTING_TIMEOUT_HELP, offsetof(struct services_options, timeout_ms), value_timeout},
    {0},
};

/* ---- listing ---- */

static int print_offers(const struct settings *settings, const struct offers *offers,
                        const struct snapshot *snapshot, const void *context) {
    static const char *const headings[] = {"TYPE", "NAME",    "ADDRESS", "PORT", "PROTO",
                                           "IF",   "SERVICE", "TXT",     NULL};
    const struct services_options *options = context;
    if (options->json) {
        return listing_print_json(settings, "services", offers_rows(offers), snapshot);
    }
    if (options->format == NULL) {
        return listing_print_table(settings, headings, offers_rows(offers), options->wide);
    }
    for (size_t i = 0; i < offers->count; i++) {
        template_print(stdout, options->format, &offers->offers[i]);
    }
    return STATUS_OK;
}

static int run(struct settings *settings, void *options, const struct operands *operands) {
    const struct services_options *wanted = options;
    const char *type = operands->values[0];
    struct selector selector;
    struct reason reason;
    if (type != NULL && selector_parse(type, SELECTOR_TYPE, &selector, &reason) != 0) {
        return complain_usage(settings, "TYPE", "%s", reason.text);
    }
    return listing_offers(settings, wanted->timeout_ms, type != NULL ? &selector : NULL, type, OFFER_BY_TYPE,
                          print_offers, wanted);
}

static const struct services_options defaults = {.timeout_ms = LISTING_TIMEOUT_MS};

const struct command command_services = {
    .name = "services",
    .summary = "list what is offered, by type",
    .operands = "TYPE",
    .operands_max = 1,
    .description = "List the services of the peers that are alive or suspect, or those of one TYPE such as\n"
                   "http. name:NAME and id:DIGITS list those of one peer.\n",
    .options = options_table,
    .options_bytes = sizeof(struct services_options),
    .defaults = &defaults,
    .describe = template_describe,
    .examples = "  muster services\n"
                "  muster services ipp --json\n"
                "  muster services http --format 'http://{address}:{port}{txt.path}'\n",
    .statuses = LISTING_STATUSES,
    .run = run,
};
