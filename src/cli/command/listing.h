/* What the commands that look once have in common. */
#ifndef CLI_LISTING_H
#define CLI_LISTING_H

#include <stdbool.h>
#include <stddef.h>

#include "args.h"
#include "look.h"
#include "offer.h"
#include "reason.h"
#include "selector.h"
#include "settings.h"
#include "table.h"
#include "writer.h"

#define LISTING_TIMEOUT_MS 3000

#define LISTING_TIMEOUT_HELP "wait no longer than this for answers (3)"
#define LISTING_JSON_HELP "print one JSON document"
#define LISTING_WIDE_HELP "cut nothing, whatever the width of the terminal"

/* Lines of --help that hold for all of them. */
#define LISTING_STATUS_CUT_OFF "  124 nothing was found before --timeout cut it off\n"
#define LISTING_STATUSES       \
    "  0   found\n"            \
    "  1   error\n"            \
    "  2   wrong usage\n"      \
    "  3   nobody was heard\n" \
    "  4   somebody was heard, but nothing that matches\n" LISTING_STATUS_CUT_OFF

/* The following return STATUS_OK, or STATUS_ERROR after complaining. */

/* Prints a document that has an array of this name. */
int listing_print_json(const struct settings *settings, const char *name, struct writer_rows rows,
                       const struct snapshot *snapshot);

/* Prints a table (table_print()). */
int listing_print_table(const struct settings *settings, const char *const *headings, struct writer_rows rows,
                        bool wide);

/* Adds what every document ends with, and prints it. */
int listing_end_json(const struct settings *settings, struct writer *writer, const struct snapshot *snapshot);

/* Sends what was printed on its way and returns the status of a listing that found so many; says so when it
 * is not STATUS_OK, or when there was no time to find them all. `wanted` is what was asked for, in the user's
 * words, NULL for everything. */
int listing_status(const struct settings *settings, const struct snapshot *snapshot, size_t found,
                   const char *wanted);

/* Prints offers, and returns a status. */
typedef int (*listing_print_offers)(const struct settings *settings, const struct offers *offers,
                                    const struct snapshot *snapshot, const void *context);

/* Looks, has the offers that a selector (NULL: all) means printed, and returns the status. */
int listing_offers(const struct settings *settings, uint64_t timeout_ms, const struct selector *selector,
                   const char *wanted, enum offer_order order, listing_print_offers print,
                   const void *context);

#endif
