/* SPDX-License-Identifier: MIT */
/* muster services: what is offered here. */
#include <stddef.h>

#include "command.h"
#include "listing.h"
#include "template.h"

static const struct args_option options_table[] = {
    {"format", 0, "TEMPLATE", "print a line of this form for each, see below",
     offsetof(struct offers_options, format), template_parse},
    LISTING_OWNER(struct offers_options),
    LISTING_VERIFIED(struct offers_options),
    LISTING_WIDE(struct offers_options),
    LISTING_JSON(struct offers_options),
    LISTING_TIMEOUT(struct offers_options),
    {0},
};

static int run(struct settings *settings, void *options, const struct operands *operands) {
    return listing_offers(settings, options, operands, OFFER_BY_TYPE);
}

const struct command command_services = {
    .name = "services",
    .group = COMMAND_SEE,
    .summary = "list what is offered, by type",
    .synonyms = " service ",
    .syntax = {.operands = "TYPE|NAME", .operands_max = 1},
    .selects = SELECTOR_TYPE | SELECTOR_NAME | SELECTOR_GLOB | SELECTOR_ADDRESS,
    .description =
        "List the services of the peers that are alive or suspect: all, those of one TYPE such as\n"
        "http, or those of a peer, as muster resolve has them. What a peer brought from elsewhere, as a\n"
        "bridge does, is listed under HOST~ORIGIN, such as printer~dnssd, at its own address, and once\n"
        "where several peers brought it.\n",
    .options = options_table,
    .options_bytes = sizeof(struct offers_options),
    .defaults = &(const struct offers_options){.listing.timeout_ms = LISTING_TIMEOUT_MS},
    .describe = template_describe,
    .examples = "  muster services\n"
                "  muster services ipp --json\n"
                "  muster services '*~dnssd'\n"
                "  muster services http --format 'http://{host}:{port}{txt.path}'\n",
    .statuses = LISTING_STATUSES,
    .run = run,
};
