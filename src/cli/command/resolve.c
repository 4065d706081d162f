/* SPDX-License-Identifier: MIT */
/* muster resolve: an address and port for a script. */
#include <stddef.h>

#include "command.h"
#include "complain.h"
#include "listing.h"
#include "offer.h"
#include "template.h"

struct resolve_options {
    struct listing_options listing;
    const char *format;
};

static const struct args_option options_table[] = {
    {"format", 0, "TEMPLATE", "print a line of this form for each, see below",
     offsetof(struct resolve_options, format), template_parse},
    LISTING_JSON(struct resolve_options),
    LISTING_TIMEOUT(struct resolve_options),
    {0},
};

static int run(struct settings *settings, void *resolve_options, const struct operands *operands) {
    const struct resolve_options *options = resolve_options;
    struct selector selector;
    struct reason reason;
    if (selector_parse(operands->values[0], SELECTOR_TYPE | SELECTOR_NAME, &selector, &reason) != 0) {
        return complain_usage(settings, "NAME|TYPE", "%s", reason.text);
    }
    return listing_offers(settings, &options->listing, &selector, operands->values[0], OFFER_BY_TRUST,
                          options->format);
}

const struct command command_resolve = {
    .name = "resolve",
    .summary = "print the address and port of a service",
    .syntax = {.operands = "NAME|TYPE", .operands_min = 1, .operands_max = 1},
    .description = "Print ADDRESS:PORT, a line for each service of that TYPE and each service of the\n"
                   "peer of that NAME; type:TYPE, name:NAME and id:DIGITS say which is meant. Alive\n"
                   "peers come before suspect ones and verified before unverified ones, so the first\n"
                   "line is the one to take. Lost peers and those that left are left out.\n",
    .options = options_table,
    .options_bytes = sizeof(struct resolve_options),
    .defaults = &(const struct resolve_options){.listing.timeout_ms = LISTING_TIMEOUT_MS,
                                                .format = "{address}:{port}"},
    .describe = template_describe,
    .examples = "  muster resolve ipp\n"
                "  curl \"http://$(muster resolve name:nas --format '{type} {address}:{port}' |\n"
                "      sed -n 's/^http //p' | head -n 1)/\"\n",
    .statuses = LISTING_STATUSES,
    .run = run,
};
