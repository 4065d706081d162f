/* SPDX-License-Identifier: MIT */
#include "fetch.h"

#include <stdlib.h>

#include <utlist.h>

#include "context.h"
#include "deadline.h"
#include "limit.h"
#include "peer_table.h"

/* Of a row with its announce and its body. */
#define ROW_PART_BYTES_MAX (MUSTER_REPLY_BYTES_MAX + MUSTER_DATAGRAM_BYTES_MAX + MUSTER_DOCUMENT_BYTES_MAX)

#define VALUE_PART_BYTES_MAX (MUSTER_REPLY_BYTES_MAX + MUSTER_VALUE_LINE_BYTES_MAX)

static size_t part_bytes_max(enum fetch_kind kind) {
    switch (kind) {
    case FETCH_TABLE:
    case FETCH_DOCUMENT: return ROW_PART_BYTES_MAX;
    case FETCH_SAMPLES:
    case FETCH_FOLLOW: return MUSTER_SAMPLE_PART_BYTES_MAX;
    case FETCH_VALUE: return VALUE_PART_BYTES_MAX;
    }
    return 0;
}

void fetches_deinit(struct fetches *fetches) {
    while (fetches->items != NULL) {
        fetch_release(fetches, fetches->items);
    }
}

struct fetch_source fetch_source_of(const struct peer *peer) {
    struct fetch_source source = {.endpoint = peer->address, .interface = peer->interface};
    source.endpoint.port = peer->stream;
    return source;
}

/* Tables and documents share their places; last values, and followed streams, have places of their own. */
bool fetch_has_room(const struct fetches *fetches, enum fetch_kind kind) {
    const size_t *counts = fetches->counts;
    switch (kind) {
    case FETCH_TABLE:
    case FETCH_DOCUMENT: return counts[FETCH_TABLE] + counts[FETCH_DOCUMENT] < MUSTER_FETCHES_MAX;
    case FETCH_SAMPLES: return counts[FETCH_SAMPLES] < MUSTER_CATCHUPS_MAX;
    case FETCH_FOLLOW: return counts[FETCH_FOLLOW] < MUSTER_FOLLOWS_MAX;
    case FETCH_VALUE: return counts[FETCH_VALUE] < MUSTER_VALUE_FETCHES_MAX;
    }
    return false;
}

bool fetch_has_table(const struct fetches *fetches) {
    const struct fetch *fetch = fetches->items;
    while (fetch != NULL && (fetch->kind != FETCH_TABLE || fetch->is_over)) {
        fetch = fetch->next;
    }
    return fetch != NULL;
}

int fetch_begin(struct fetches *fetches, const struct context *context, enum fetch_kind kind,
                const struct fetch_source *source, const struct request *request, struct fetch **begun) {
    *begun = NULL;
    if (!fetch_has_room(fetches, kind)) {
        return MUSTER_EFULL;
    }
    struct request asked = *request;
    asked.deflates = kind != FETCH_FOLLOW; /* whose answer has no end */
    struct fetch *fetch = calloc(1, sizeof *fetch);
    int error =
        fetch == NULL ? MUSTER_ENOMEM : request_encode(&asked, &fetch->request, &fetch->request_length);
    if (error != 0) {
        free(fetch);
        return error;
    }
    fetches->last_stream += 2;
    fetches->counts[kind]++;
    fetch->stream = fetches->last_stream;
    fetch->is_new = true;
    fetch->kind = kind;
    fetch->source = *source;
    fetch->began_ms = context->now_ms;
    fetch->moved_ms = context->now_ms;
    reply_reader_init(&fetch->reader, part_bytes_max(kind));
    DL_APPEND(fetches->items, fetch);
    *begun = fetch;
    return 0;
}

struct fetch *fetch_find(const struct fetches *fetches, uint64_t stream) {
    struct fetch *fetch;
    DL_SEARCH_SCALAR(fetches->items, fetch, stream, stream);
    return fetch;
}

void fetch_stop(struct fetches *fetches, uint64_t stream) {
    struct fetch *fetch = fetch_find(fetches, stream);
    if (fetch != NULL) {
        fetch->is_over = true;
    }
}

void fetch_release(struct fetches *fetches, struct fetch *fetch) {
    DL_DELETE(fetches->items, fetch);
    fetches->counts[fetch->kind]--;
    reply_reader_deinit(&fetch->reader);
    pattern_set_deinit(&fetch->caches);
    free(fetch->request);
    free(fetch);
}

/* ---- outputs and time ---- */

struct fetch *fetch_first_waiting(const struct fetches *fetches) {
    struct fetch *fetch;
    DL_FOREACH(fetches->items, fetch) {
        if (fetch->is_over || fetch->is_new || (fetch->is_open && !fetch->is_asked)) {
            return fetch;
        }
    }
    return NULL;
}

bool fetch_next_output(struct fetch *fetch, struct muster_output *output) {
    output->stream = fetch->stream;
    if (fetch->is_over) {
        output->kind = MUSTER_OUTPUT_STREAM_CLOSE;
        return !fetch->is_new;
    }
    if (fetch->is_new) {
        fetch->is_new = false;
        output->kind = MUSTER_OUTPUT_STREAM_OPEN;
        output->endpoint = fetch->source.endpoint;
        output->interface = fetch->source.interface;
    } else {
        fetch->is_asked = true;
        output->kind = MUSTER_OUTPUT_STREAM_WRITE;
        output->bytes = (const uint8_t *)fetch->request;
        output->length = fetch->request_length;
    }
    return true;
}

uint64_t fetch_end_ms(const struct fetch *fetch) {
    if (fetch->is_over || (fetch->kind == FETCH_FOLLOW && fetch->is_open)) {
        return DEADLINE_NEVER; /* a publisher that is followed may have nothing to say */
    }
    const uint64_t total_ms = fetch->kind == FETCH_VALUE ? MUSTER_VALUE_MS : MUSTER_FETCH_TOTAL_MS;
    return deadline_earlier(fetch->moved_ms + MUSTER_FETCH_IDLE_MS, fetch->began_ms + total_ms);
}

uint64_t fetch_deadline(const struct fetches *fetches) {
    uint64_t deadline_ms = DEADLINE_NEVER;
    const struct fetch *fetch;
    DL_FOREACH(fetches->items, fetch) {
        deadline_ms = deadline_earlier(deadline_ms, fetch_end_ms(fetch));
    }
    return deadline_ms;
}
