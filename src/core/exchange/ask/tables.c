/* SPDX-License-Identifier: MIT */
#include "tables.h"

#include "endpoint.h"
#include "exchange.h"

/* ---- sources ---- */

/* Where to keep a source: of a host the last word counts, and nobody is asked twice; where all places are
 * taken, the smallest that was not asked yet goes. NULL: nowhere. */
static struct table_source *find_place(struct tables *tables, const struct table_source *added) {
    struct table_source *smallest = NULL;
    for (size_t i = 0; i < tables->source_count; i++) {
        struct table_source *source = &tables->sources[i];
        if (endpoint_is_same_host(&source->source.endpoint, &added->source.endpoint)) {
            return source->is_used ? NULL : source;
        }
        if (!source->is_used && (smallest == NULL || source->peers <= smallest->peers)) {
            smallest = source;
        }
    }
    if (tables->source_count < MUSTER_SOURCES_MAX) {
        return &tables->sources[tables->source_count++];
    }
    return smallest != NULL && smallest->peers < added->peers ? smallest : NULL;
}

/* The best source that is left; NULL when none says to hold more rows than are here or about to be: those who
 * start together prove themselves to each other. */
static struct table_source *next_source(struct exchange *exchange) {
    struct tables *tables = &exchange->tables;
    struct table_source *best = NULL;
    uint64_t peers =
        peer_table_present(&exchange->presence->table) + exchange->presence->introductions.strangers.count;
    for (size_t i = 0; i < tables->source_count; i++) {
        struct table_source *source = &tables->sources[i];
        if (!source->is_used && source->peers > peers) {
            best = source;
            peers = source->peers;
        }
    }
    return best;
}

void tables_set_round(struct tables *tables, uint64_t round) {
    if (tables->round != round) {
        *tables = (struct tables){.round = round};
    }
}

void tables_record_answer(struct exchange *exchange, const struct message *announce,
                          const struct muster_datagram *datagram) {
    if (!exchange->context->has_streams || announce->stream == 0 || announce->peers <= MUSTER_TABLE_ROWS) {
        return;
    }
    struct table_source source = {.source = {.endpoint = datagram->source, .interface = datagram->interface},
                                  .peers = announce->peers};
    source.source.endpoint.port = announce->stream;
    struct table_source *place = find_place(&exchange->tables, &source);
    if (place != NULL) {
        *place = source;
    }
    tables_tick(exchange);
}

/* ---- taking ---- */

void tables_tick(struct exchange *exchange) {
    struct fetches *fetches = &exchange->fetches;
    const struct request request = {.kind = REQUEST_TABLE};
    struct table_source *source;
    struct fetch *fetch;
    while (!fetch_has_table(fetches) && fetch_has_room(fetches, FETCH_TABLE) &&
           (source = next_source(exchange)) != NULL) {
        source->is_used = true;
        if (fetch_begin(fetches, exchange->context, FETCH_TABLE, &source->source, &request, &fetch) == 0) {
            exchange->tables.has_begun = true;
        }
    }
}

bool tables_take_row(struct exchange *exchange, struct fetch *fetch, const struct reply *reply) {
    const struct muster_peer *peer = &reply->peer;
    const struct merge_row row = {.message = reply->announce,
                                  .bytes = reply->announce_bytes,
                                  .length = reply->announce_length,
                                  .address = peer->address,
                                  .interface = fetch->source.interface,
                                  .age_ms = peer->age_ms,
                                  .next_ms = peer->next_ms > 0 ? (uint64_t)peer->next_ms : 0};
    enum muster_drop reason;
    bool wants_body = false;
    if (peer->state != MUSTER_LOST && peer->state != MUSTER_LEFT &&
        !merge_provisional(exchange->presence, &row, &wants_body, &reason) &&
        reason == MUSTER_DROP_SIGNATURE) {
        fetch->bad++;
    }
    if (wants_body) {
        documents_want(exchange);
    }
    return fetch->bad < MUSTER_FETCH_BAD_MAX && fetch->count <= MUSTER_PEERS_REPORTED_MAX;
}

void tables_end(struct exchange *exchange, bool is_good) {
    exchange->context->counters.tables += is_good ? 1 : 0;
    if (!is_good && next_source(exchange) == NULL) {
        exchange->tables.has_failed = true;
    }
}
