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
    return offer->row->peer->document.name;
}

/* Compares peers' names and ids, types, ports and protocols, so that two offers never compare equal. */
static int compare_names(const struct offer *a, const struct offer *b) {
    int result = roster_compare(a->row, b->row);
    result = result != 0 ? result : strcmp(a->service->type, b->service->type);
    result = result != 0 ? result : a->service->port - b->service->port;
    return result != 0 ? result : strcmp(a->service->proto, b->service->proto);
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

/* Collects the offers of one row into room that is large enough. Who takes the first line needs an address in
 * it. */
static void collect(struct offers *offers, const struct roster_row *row, const struct selector *selector,
                    enum offer_order order) {
    const struct muster_document *document = &row->peer->document;
    if (!roster_is_present(row->peer) || (order == OFFER_BY_TRUST && row->peer->address.family == 0)) {
        return;
    }
    for (size_t i = 0; i < document->service_count; i++) {
        const struct muster_service *service = &document->services[i];
        if (!selector_matches_service(selector, row->peer, service)) {
            continue;
        }
        offers->offers[offers->count++] = (struct offer){.row = row, .service = service};
    }
}

int offers_init(struct offers *offers, const struct roster *roster, const struct selector *service,
                const struct selector *owner, enum offer_order order) {
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
        if (selector_matches_peer(owner, roster->rows[i].peer)) {
            collect(offers, &roster->rows[i], service, order);
        }
    }
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
    writer_shown(writer, "NAME", WRITER_CUT, NULL, "%s", roster_label(offer->row).text);
    writer_known(writer, NULL, "IF", peer->interface_name);
    peer_write_service(writer, offer->service);
    writer_address(writer, "address", "ADDRESS", &peer->address);
    peer_write_owner(writer, peer);
}

struct writer_rows offers_rows(const struct offers *offers) {
    return (struct writer_rows){write_offer, offers->offers, sizeof(*offers->offers), offers->count};
}
