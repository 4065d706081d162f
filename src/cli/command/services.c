/* SPDX-License-Identifier: MIT */
/* muster services: what is offered here. */
#include <stddef.h>

#include "command.h"
#include "complain.h"
#include "listing.h"
#include "offer.h"
#include "template.h"

struct services_options {
    struct listing_options listing;
    const char *format; /* NULL: a table */
};

static const struct args_option options_table[] = {
    {"format", 0, "TEMPLATE", "print a line of this form for each, see below",
     offsetof(struct services_options, format), template_parse},
    LISTING_WIDE(struct services_options),
    LISTING_JSON(struct services_options),
    LISTING_TIMEOUT(struct services_options),
    {0},
};

static int run(struct settings *settings, void *services_options, const struct operands *operands) {
    const struct services_options *options = services_options;
    const char *type = operands->values[0];
    struct selector selector;
    struct reason reason;
    if (type != NULL && selector_parse(type, SELECTOR_TYPE, &selector, &reason) != 0) {
        return complain_usage(settings, "TYPE", "%s", reason.text);
    }
    return listing_offers(settings, &options->listing, type != NULL ? &selector : NULL, type, OFFER_BY_TYPE,
                          options->format);
}

const struct command command_services = {
    .name = "services",
    .summary = "list what is offered, by type",
    .syntax = {.operands = "TYPE", .operands_max = 1},
    .description = "List the services of the peers that are alive or suspect, or those of one TYPE such as\n"
                   "http. name:NAME and id:DIGITS list those of one peer.\n",
    .options = options_table,
    .options_bytes = sizeof(struct services_options),
    .defaults = &(const struct services_options){.listing.timeout_ms = LISTING_TIMEOUT_MS},
    .describe = template_describe,
    .examples = "  muster services\n"
                "  muster services ipp --json\n"
                "  muster services http --format 'http://{address}:{port}{txt.path}'\n",
    .statuses = LISTING_STATUSES,
    .run = run,
};
