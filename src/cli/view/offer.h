/* SPDX-License-Identifier: MIT */
/* Services as users look for them: each with the peer that offers it. */
#pragma once

#include <stddef.h>

#include <muster/core.h>

#include "roster.h"
#include "selector.h"
#include "writer.h"

struct offer {
    const struct roster_row *row;
    const struct muster_service *service;
};

/* Whose services are taken. */
enum offer_source {
    OFFER_OF_ALL,
    OFFER_OF_VERIFIED, /* of those alone that have proven their key, and where they are */
};

struct offers {
    struct offer *offers;
    size_t count;
};

enum offer_order {
    OFFER_BY_TYPE,  /* type, name, port: to read */
    OFFER_BY_TRUST, /* the peer alive before suspect, verified before unverified, name, type: to take the
                       first */
};

/* Collects the services that one selector means of the peers that another means and that are alive or
 * suspect, in this order. The same that several peers brought from elsewhere is there once. They point into
 * the roster. -1 when memory is out. */
int offers_init(struct offers *offers, const struct roster *roster, const struct selector *service,
                const struct selector *owner, enum offer_source source, enum offer_order order);

/* Zeroed offers are allowed. */
void offers_deinit(struct offers *offers);

/* The service's name for people: its own, or, when it has none, that of its host or peer. */
const char *offer_name(const struct offer *offer);

/* Where it is to be reached first; family 0: nowhere. */
struct muster_endpoint offer_endpoint(const struct offer *offer);

/* The services with their peers, to be written. */
struct writer_rows offers_rows(const struct offers *offers);
