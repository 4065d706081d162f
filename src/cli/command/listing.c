/* SPDX-License-Identifier: MIT */
#include "listing.h"

#include <string.h>

#include "complain.h"
#include "counters.h"
#include "hint.h"
#include "spec.h"
#include "table.h"
#include "template.h"
#include "text.h"

static bool has_network(const struct snapshot *snapshot) {
    return snapshot->interfaces.text[0] != '\0';
}

void listing_print_json(const struct snapshot *snapshot, const char *name, struct writer_rows rows) {
    struct writer writer;
    writer_open_document(&writer);
    writer_array_of(&writer, name, rows);
    writer_bool(&writer, "cut_off", NULL, snapshot->cut_off);
    writer_bool(&writer, "network", NULL, has_network(snapshot));
    counters_write(&writer, &snapshot->counters, COUNTERS_RECEIVED);
    writer_close(&writer);
}

void listing_print_none(const struct listing_options *options, const struct snapshot *snapshot,
                        const char *name, int status) {
    if (options->json && status == STATUS_NOBODY) {
        listing_print_json(snapshot, name, (struct writer_rows){.count = 0});
    }
}

int listing_check(const struct settings *settings, const struct listing_options *options) {
    return options->json && options->format != NULL
               ? complain_usage(settings, "--format", "expected without --json")
               : STATUS_OK;
}

int listing_print(const struct settings *settings, const struct listing_options *options,
                  const struct snapshot *snapshot, const char *name, struct listing_columns columns,
                  struct writer_rows rows) {
    const struct table_style style = {
        .wide = options->wide, .color = settings_color(settings), .expendable = columns.expendable};
    if (options->json) {
        listing_print_json(snapshot, name, rows);
    } else if (options->format != NULL) {
        if (template_print_rows(options->format, rows) != 0) {
            return complain_error(settings, MUSTER_ENOMEM);
        }
    } else if (table_print(columns.headings, rows, style) != 0) {
        return complain_error(settings, MUSTER_ENOMEM);
    }
    return STATUS_OK;
}

/* What a muster without a network knows grows old. */
static void complain_of_age(const struct settings *settings, const struct muster_peer_list *list) {
    uint64_t age_ms = UINT64_MAX;
    for (size_t i = 0; i < list->count; i++) {
        const struct muster_peer *peer = &list->peers[i];
        age_ms = !peer->self && roster_is_present(peer) && peer->age_ms < age_ms ? peer->age_ms : age_ms;
    }
    if (age_ms == UINT64_MAX) {
        complain(settings, "no network: nobody can be heard");
    } else {
        complain(settings, "no network: nobody was heard for %s", text_duration((int64_t)age_ms).text);
    }
}

int listing_status(const struct settings *settings, const struct snapshot *snapshot, size_t found,
                   const char *wanted, const struct selector *selector) {
    if (complain_flush(settings) != 0) {
        return STATUS_ERROR;
    }
    if (!has_network(snapshot) && snapshot->list.count > 0) {
        complain_of_age(settings, &snapshot->list);
    }
    if (found > 0) {
        if (snapshot->cut_off) {
            complain(settings, "cut off by --timeout: there may be more");
        }
        return STATUS_OK;
    }
    if (snapshot->cut_off) {
        complain(settings, "cut off by --timeout before the answers were in, nothing found so far");
        return STATUS_TIMED_OUT;
    }
    if (snapshot->list.count == 0) {
        complain(settings, "nobody was heard%s%s%s", has_network(snapshot) ? " on " : ": there is no network",
                 snapshot->interfaces.text,
                 has_network(snapshot) ? hint_of_silence(&snapshot->counters).text : "; see muster doctor");
        return STATUS_NOBODY;
    }
    complain(settings, "nothing %s%s%s among %s%s", wanted != NULL ? "matches '" : "found",
             wanted != NULL ? wanted : "", wanted != NULL ? "'" : "", hint_count(&snapshot->list).text,
             selector != NULL ? hint_of_missing(selector, &snapshot->list).text
                              : hint_of_topics(wanted, &snapshot->list).text);
    return STATUS_NOT_FOUND;
}

/* ---- of offers ---- */

#define WANTED_BYTES 160

int listing_parse_owner(const char *text, void *place_selector, struct reason *reason) {
    return selector_parse(text, SELECTOR_PEER, place_selector, reason);
}

/* Takes "PEER/TYPE" apart where no peer or type is called so as a whole. `text` holds PEER. */
static void split(struct selector *service, struct selector *owner, char text[MUSTER_OFFERER_BYTES]) {
    struct reason reason;
    const char *slash = service->text != NULL ? strrchr(service->text, '/') : NULL;
    const size_t length = slash != NULL ? (size_t)(slash - service->text) : 0;
    if (length == 0 || length >= MUSTER_OFFERER_BYTES || !spec_is_type(slash + 1)) {
        return;
    }
    memcpy(text, service->text, length);
    text[length] = '\0';
    if (selector_parse(text, SELECTOR_PEER, owner, &reason) == 0) {
        selector_parse(slash + 1, SELECTOR_TYPE, service, &reason);
    }
}

/* The peers of a list that a selector means, and whose services are meant. */
static void settle(struct selector *service, struct selector *owner, char text[MUSTER_OFFERER_BYTES],
                   const struct muster_peer_list *list) {
    if (!selector_matches_any(service, list)) {
        split(service, owner, text);
    }
    selector_settle(service, list);
    selector_settle(owner, list);
}

/* Says once whose services lack, for they come by more than one datagram, and a firewall may be in the way.
 */
static void complain_of_partial(const struct settings *settings, const struct roster *roster) {
    const struct roster_row *first = NULL;
    size_t count = 0;
    for (size_t i = 0; i < roster->count; i++) {
        const struct muster_peer *peer = roster->rows[i].peer;
        if (peer->partial && roster_is_present(peer)) {
            first = first == NULL ? &roster->rows[i] : first;
            count++;
        }
    }
    if (count == 1) {
        complain(settings, "the services of %s have come neither by TCP nor by UDP",
                 roster_label(first).text);
    } else if (count > 1) {
        complain(settings, "the services of %s and %zu more have come neither by TCP nor by UDP",
                 roster_label(first).text, count - 1);
    }
}

static int print_offers(const struct settings *settings, const struct offers_options *options,
                        const struct snapshot *snapshot, const struct offers *offers) {
    static const char *const headings[] = {"TYPE", "NAME",    "ADDRESS", "PORT", "PROTO",
                                           "IF",   "SERVICE", "TXT",     NULL};
    static const char *const expendable[] = {"PROTO", "IF", "SERVICE", "TXT", NULL};
    if (options->listing.json || options->format == NULL) {
        return listing_print(settings, &options->listing, snapshot, "services",
                             (struct listing_columns){headings, expendable}, offers_rows(offers));
    }
    for (size_t i = 0; i < offers->count; i++) {
        template_print(&offers->offers[i], options->format);
    }
    return STATUS_OK;
}

int listing_offers(const struct settings *settings, const struct offers_options *options,
                   const struct operands *operands, enum offer_order order) {
    struct snapshot snapshot;
    struct offers offers = {0};
    struct selector service = operands->selector;
    struct selector owner = options->owner;
    char owner_text[MUSTER_OFFERER_BYTES];
    int status = look(settings, options->listing.timeout_ms, NULL, &snapshot);
    listing_print_none(&options->listing, &snapshot, "services", status);
    if (status == STATUS_OK) {
        settle(&service, &owner, owner_text, &snapshot.list);
        if (offers_init(&offers, &snapshot.roster, &service, &owner,
                        options->verified ? OFFER_OF_VERIFIED : OFFER_OF_ALL, order) != 0) {
            status = complain_error(settings, MUSTER_ENOMEM);
        }
    }
    if (status == STATUS_OK) {
        status = print_offers(settings, options, &snapshot, &offers);
    }
    if (status == STATUS_OK) {
        complain_of_partial(settings, &snapshot.roster);
        const char *type = operands->values[0];
        char wanted[WANTED_BYTES];
        if (type != NULL && options->owner.text != NULL) {
            snprintf(wanted, sizeof(wanted), "%.64s' of '%.64s", type, options->owner.text);
            type = wanted;
        }
        status =
            listing_status(settings, &snapshot, offers.count, type, owner.text != NULL ? &owner : &service);
    }
    offers_deinit(&offers);
    snapshot_deinit(&snapshot);
    return status;
}
