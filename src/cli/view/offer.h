/* Services as users look for them: each with the peer that offers it. */
#ifndef CLI_OFFER_H
#define CLI_OFFER_H

#include <stddef.h>
#include <stdio.h>

#include <muster/core.h>

#include "document.h"
#include "reason.h"
#include "roster.h"
#include "selector.h"

struct offer {
    const struct roster_row *row;
    const struct muster_service *service;
};

struct offers {
    struct offer *offers;
    size_t count;
};

enum offer_order {
    OFFER_BY_TYPE,  /* type, name, port: to read */
    OFFER_BY_TRUST, /* alive before suspect, verified before unverified, name, type: to take the first */
};

/* Collects the services that a selector (NULL: all) means, of peers that are alive or suspect, in this
 * order. They point into the roster. -1 when memory is out. */
int offers_init(struct offers *offers, const struct roster *roster, const struct selector *selector,
                enum offer_order order);

/* Zeroed offers are allowed. */
void offers_deinit(struct offers *offers);

/* The service's name for people: its own, or its peer's when it has none. */
const char *offer_name(const struct offer *offer);

/* Puts "services": every offer with its peer. */
void offers_put_json(struct document *document, const struct offers *offers);

/* ---- templates: "{address}:{port}" ---- */

/* 0, or -1 with a reason when a template has a placeholder that is not known or not closed. */
int offer_check_template(const char *template, struct reason *reason);

/* Prints an offer through a checked template, and a LF; values are made safe. */
void offer_print(FILE *out, const char *template, const struct offer *offer);

/* Lists the placeholders, for --help. */
void offer_describe_templates(FILE *out);

#endif
