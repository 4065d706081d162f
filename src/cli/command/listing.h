/* SPDX-License-Identifier: MIT */
/* What the commands that take one snapshot have in common. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "look.h"
#include "offer.h"
#include "reason.h"
#include "selector.h"
#include "settings.h"
#include "value.h"
#include "writer.h"

#define LISTING_TIMEOUT_MS 3000

/* Options of them, each as far as it has them. */
struct listing_options {
    bool wide;
    bool json;
    const char *format; /* a template of members of JSON; NULL: a table */
    uint64_t timeout_ms;
};

/* Those of commands that list services. */
struct offers_options {
    struct listing_options listing;
    const char *format;    /* a template; NULL: a table */
    bool verified;         /* only those of peers that have proven their key */
    struct selector owner; /* only of these peers; zeroed: of all */
};

/* Rows of an option table for the member `listing` of a struct. */
#define LISTING_WIDE(type)                                                                                \
    {                                                                                                     \
        "wide", 0, NULL, "cut nothing, whatever the width of the terminal", offsetof(type, listing.wide), \
            value_flag                                                                                    \
    }
#define LISTING_JSON(type) \
    { "json", 0, NULL, "print one JSON document", offsetof(type, listing.json), value_flag }
#define LISTING_FORMAT(type, parse)                                               \
    {                                                                             \
        "format", 0, "TEMPLATE", "print a line of this form for each, see below", \
            offsetof(type, listing.format), parse                                 \
    }
#define LISTING_TIMEOUT(type)                                                                              \
    {                                                                                                      \
        "timeout", 0, "S", "wait no longer than this for answers (3)", offsetof(type, listing.timeout_ms), \
            value_timeout                                                                                  \
    }

/* args_option.parse of a peer that a struct selector stands for. */
int listing_parse_owner(const char *text, void *place_selector, struct reason *reason);

#define LISTING_OWNER(type)                                                                   \
    {                                                                                         \
        "name", 0, "NAME", "only those of this peer, or of peers of this pattern or address", \
            offsetof(type, owner), listing_parse_owner                                        \
    }

#define LISTING_VERIFIED(type)                                                             \
    {                                                                                      \
        "verified", 0, NULL, "only those of peers that have proven their key and address", \
            offsetof(type, verified), value_flag                                           \
    }

/* Lines of --help that hold for all of them. */
#define LISTING_STATUS_CUT_OFF "  124 nothing was found before --timeout cut it off\n"
#define LISTING_STATUSES_BEFORE_4 \
    "  0   found\n"               \
    "  1   error\n"               \
    "  2   wrong usage\n"         \
    "  3   nobody was heard\n"
#define LISTING_STATUSES      \
    LISTING_STATUSES_BEFORE_4 \
    "  4   somebody was heard, but nothing that matches\n" LISTING_STATUS_CUT_OFF

/* The columns of a table: table_print() and table_style have what is NULL. */
struct listing_columns {
    const char *const *headings;
    const char *const *expendable;
};

/* Refuses --format with --json. Returns STATUS_OK or STATUS_USAGE. */
int listing_check(const struct settings *settings, const struct listing_options *options);

/* Prints rows as JSON, an array of this name in a document that ends with what was counted. */
void listing_print_json(const struct snapshot *snapshot, const char *name, struct writer_rows rows);

/* The same of a look that ended with this status: without a network the array is empty. Else nothing is
 * printed. */
void listing_print_none(const struct listing_options *options, const struct snapshot *snapshot,
                        const char *name, int status);

/* Rows as JSON, or as a table (table_print()). Returns STATUS_OK, or STATUS_ERROR after complaining. */
int listing_print(const struct settings *settings, const struct listing_options *options,
                  const struct snapshot *snapshot, const char *name, struct listing_columns columns,
                  struct writer_rows rows);

/* Flushes the output and returns the status of a listing that found so many. Reports a status that is not
 * STATUS_OK, and a snapshot that was cut off. `wanted` is what was asked for, in the user's words, and
 * `selector` what that means of peers: NULL where topics are listed; wanted is NULL for everything. */
int listing_status(const struct settings *settings, const struct snapshot *snapshot, size_t found,
                   const char *wanted, const struct selector *selector);

/* Looks, and prints the services that the first operand means: where there is no --json, as a table, or a
 * line of each through the template. Returns the status. */
int listing_offers(const struct settings *settings, const struct offers_options *options,
                   const struct operands *operands, enum offer_order order);
