/* SPDX-License-Identifier: MIT */
#include "listing.h"

#include "complain.h"
#include "counters.h"
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

int listing_print(const struct settings *settings, const struct listing_options *options,
                  const struct snapshot *snapshot, const char *name, const char *const *headings,
                  struct writer_rows rows) {
    const struct table_style style = {.wide = options->wide, .color = settings_color(settings)};
    if (options->json) {
        listing_print_json(snapshot, name, rows);
    } else if (table_print(headings, rows, style) != 0) {
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
                   const char *wanted) {
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
        complain(settings, "nobody was heard%s%s", has_network(snapshot) ? " on " : ": there is no network",
                 snapshot->interfaces.text);
        return STATUS_NOBODY;
    }
    complain(settings, "nothing matches%s%s%s (%zu peer%s heard)", wanted != NULL ? " '" : "",
             wanted != NULL ? wanted : "", wanted != NULL ? "'" : "", snapshot->list.count,
             snapshot->list.count == 1 ? "" : "s");
    return STATUS_NOT_FOUND;
}

/* ---- of offers ---- */

/* Says once whose services lack, for they come by a stream that a firewall may close. */
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
        complain(settings, "the services of %s have not come by TCP", roster_label(first).text);
    } else if (count > 1) {
        complain(settings, "the services of %s and %zu more have not come by TCP", roster_label(first).text,
                 count - 1);
    }
}

static int print_offers(const struct settings *settings, const struct offers_options *options,
                        const struct snapshot *snapshot, const struct offers *offers) {
    static const char *const headings[] = {"TYPE", "NAME",    "ADDRESS", "PORT", "PROTO",
                                           "IF",   "SERVICE", "TXT",     NULL};
    if (options->listing.json || options->format == NULL) {
        return listing_print(settings, &options->listing, snapshot, "services", headings,
                             offers_rows(offers));
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
    int status = look(settings, options->listing.timeout_ms, NULL, &snapshot);
    if (status == STATUS_OK && offers_init(&offers, &snapshot.roster, &operands->selector, order) != 0) {
        status = complain_error(settings, MUSTER_ENOMEM);
    }
    if (status == STATUS_OK) {
        status = print_offers(settings, options, &snapshot, &offers);
    }
    if (status == STATUS_OK) {
        complain_of_partial(settings, &snapshot.roster);
        status = listing_status(settings, &snapshot, offers.count, operands->values[0]);
    }
    offers_deinit(&offers);
    snapshot_deinit(&snapshot);
    return status;
}
