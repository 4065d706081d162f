/* SPDX-License-Identifier: MIT */
#include "offer.h"

#include <stdlib.h>
#include <string.h>

#include "peer.h"
#include "text.h"

const char *offer_name(const struct offer *offer) {
    if (offer->service->name[0] != '\0') {
        return offer->service->name;
    }
    return text_is_given(offer->service->host) ? offer->service->host : offer->row->peer->document.name;
}

struct muster_endpoint offer_endpoint(const struct offer *offer) {
    struct muster_endpoint endpoints[MUSTER_SERVICE_ADDRESSES_MAX] = {{.family = 0}};
    muster_service_endpoints(offer->row->peer, offer->service, endpoints);
    return endpoints[0];
}

/* ---- in order ---- */

static int compare_services(const struct muster_service *a, const struct muster_service *b) {
    int result = strcmp(a->type, b->type);
    result = result != 0 ? result : a->port - b->port;
    result = result != 0 ? result : strcmp(a->proto, b->proto);
    return result != 0 ? result : strcmp(a->name, b->name);
}

/* Compares the names that offers are listed under, peers and services, so that two never compare equal. */
static int compare_names(const struct offer *a, const struct offer *b) {
    char a_name[MUSTER_OFFERER_BYTES];
    char b_name[MUSTER_OFFERER_BYTES];
    int result = strcmp(muster_service_offerer(a->row->peer, a->service, a_name),
                        muster_service_offerer(b->row->peer, b->service, b_name));
    result = result != 0 ? result : roster_compare(a->row, b->row);
    return result != 0 ? result : compare_services(a->service, b->service);
}

static int compare_by_type(const void *left, const void *right) {
    const struct offer *a = left;
    const struct offer *b = right;
    int result = strcmp(a->service->type, b->service->type);
    return result != 0 ? result : compare_names(a, b);
}

static int compare_by_trust(const void *left, const void *right) {
    const struct offer *a = left;
    const struct offer *b = right;
    if (a->row->peer->state != b->row->peer->state) {
        return a->row->peer->state < b->row->peer->state ? -1 : 1;
    }
    if (a->row->peer->verified != b->row->peer->verified) {
        return a->row->peer->verified ? -1 : 1;
    }
    return compare_names(a, b);
}

/* ---- what several peers brought ---- */

static bool has_host(const struct offer *offer) {
    return text_is_given(offer->service->host);
}

/* What is the same stands together, what speaks for its peer first. */
static int compare_brought(const void *left, const void *right) {
    const struct offer *a = left;
    const struct offer *b = right;
    int result = has_host(a) - has_host(b);
    result = result != 0 || !has_host(a) ? result : strcmp(a->service->origin, b->service->origin);
    result = result != 0 || !has_host(a) ? result : strcmp(a->service->host, b->service->host);
    result = result != 0 || !has_host(a) ? result : compare_services(a->service, b->service);
    return result != 0 ? result : compare_by_trust(left, right);
}

static void drop_repeated(struct offers *offers) {
    size_t kept = 0;
    qsort(offers->offers, offers->count, sizeof(*offers->offers), compare_brought);
    for (size_t i = 0; i < offers->count; i++) {
        const struct offer *offer = &offers->offers[i];
        const bool is_repeated = kept > 0 && has_host(offer) &&
                                 muster_service_is_same(offer->service, offers->offers[kept - 1].service);
        if (!is_repeated) {
            offers->offers[kept++] = *offer;
        }
    }
    offers->count = kept;
}

/* ---- collecting ---- */

/* Collects the offers of one row into room that is large enough. Who takes the first line needs an address in
 * it. */
static void collect(struct offers *offers, const struct roster_row *row, const struct selector *selector,
                    const struct selector *owner, enum offer_source source, enum offer_order order) {
    const struct muster_document *document = &row->peer->document;
    bool is_proven = row->peer->verified && !row->peer->provisional;
    bool is_taken = roster_is_present(row->peer) && (is_proven || source == OFFER_OF_ALL);
    for (size_t i = 0; i < document->service_count && is_taken; i++) {
        const struct offer offer = {.row = row, .service = &document->services[i]};
        if (selector_matches_service(selector, row->peer, offer.service) &&
            selector_matches_service(owner, row->peer, offer.service) &&
            (order != OFFER_BY_TRUST || offer_endpoint(&offer).family != 0)) {
            offers->offers[offers->count++] = offer;
        }
    }
}

int offers_init(struct offers *offers, const struct roster *roster, const struct selector *service,
                const struct selector *owner, enum offer_source source, enum offer_order order) {
    size_t room = 0;
    *offers = (struct offers){0};
    for (size_t i = 0; i < roster->count; i++) {
        room += roster->rows[i].peer->document.service_count;
    }
    offers->offers = calloc(room + 1, sizeof(*offers->offers));
    if (offers->offers == NULL) {
        return -1;
    }
    for (size_t i = 0; i < roster->count; i++) {
        collect(offers, &roster->rows[i], service, owner, source, order);
    }
    drop_repeated(offers);
    qsort(offers->offers, offers->count, sizeof(*offers->offers),
          order == OFFER_BY_TYPE ? compare_by_type : compare_by_trust);
    return 0;
}

void offers_deinit(struct offers *offers) {
    free(offers->offers);
    *offers = (struct offers){0};
}

static void write_offer(struct writer *writer, const void *offer_row) {
    const struct offer *offer = offer_row;
    const struct muster_peer *peer = offer->row->peer;
    writer_shown(writer, "SERVICE", WRITER_CUT, NULL, "%s", text_name(offer_name(offer)).text);
    const struct muster_endpoint endpoint = offer_endpoint(offer);
    writer_shown(writer, "NAME", WRITER_CUT, NULL, "%s",
                 text_is_given(offer->service->origin) ? text_offerer(peer, offer->service).text
                                                       : roster_label(offer->row).text);
    writer_known(writer, NULL, "IF", peer->interface_name);
    peer_write_service(writer, offer->service);
    writer_address(writer, "address", "ADDRESS", &endpoint);
    peer_write_owner(writer, peer);
}

struct writer_rows offers_rows(const struct offers *offers) {
    return (struct writer_rows){write_offer, offers->offers, sizeof(*offers->offers), offers->count};
}
