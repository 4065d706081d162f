/* SPDX-License-Identifier: MIT */
/* muster resolve: an address and port for a script. */
#include <stddef.h>

#include "command.h"
#include "listing.h"
#include "selector.h"
#include "template.h"

static const struct args_option options_table[] = {
    {"format", 0, "TEMPLATE", "print a line of this form for each, see below",
     offsetof(struct offers_options, format), template_parse},
    LISTING_OWNER(struct offers_options),
    LISTING_VERIFIED(struct offers_options),
    LISTING_JSON(struct offers_options),
    LISTING_TIMEOUT(struct offers_options),
    {0},
};

static int run(struct settings *settings, void *options, const struct operands *operands) {
    return listing_offers(settings, options, operands, OFFER_BY_TRUST);
}

const struct command command_resolve = {
    .name = "resolve",
    .group = COMMAND_SEE,
    .summary = "print the address and port of a service",
    .synonyms = " lookup dig query address ",
    .syntax = {.operands = "TYPE|NAME", .operands_min = 1, .operands_max = 1},
    .selects = SELECTOR_TYPE | SELECTOR_NAME | SELECTOR_GLOB | SELECTOR_ADDRESS,
    .description = "Print HOST:PORT, a line for each service of that TYPE and each service of the\n"
                   "peer of that NAME; type:TYPE, name:NAME and id:DIGITS say which is meant. NAME/TYPE\n"
                   "and --name mean a TYPE of one peer. A NAME is a pattern or an address, too, and\n"
                   "matches in upper or lower case where nothing matches otherwise. Alive\n"
                   "peers come before suspect ones and verified before unverified ones, so the first\n"
                   "line is the one to take. Lost peers and those that left are left out. Addresses of\n"
                   "IPv6 stand in brackets, with %INTERFACE behind those that are of the link alone\n"
                   "(fe80::/10). Of a peer that is heard by both families the address is that of IPv4;\n"
                   "-6 asks for that of IPv6. What a peer brought from elsewhere has the NAME\n"
                   "HOST~ORIGIN, and its own address.\n",
    .options = options_table,
    .options_bytes = sizeof(struct offers_options),
    .defaults =
        &(const struct offers_options){.listing.timeout_ms = LISTING_TIMEOUT_MS, .format = "{host}:{port}"},
    .describe = template_describe,
    .examples = "  muster resolve ipp\n"
                "  muster resolve nas/http\n"
                "  muster resolve printer~dnssd/ipp\n"
                "  curl \"http://$(muster resolve nas/http | head -n 1)/\"\n",
    .statuses = LISTING_STATUSES,
    .run = run,
};
