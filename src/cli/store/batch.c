/* SPDX-License-Identifier: MIT */
#include "batch.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

/* ---- memory ---- */

/* Makes room for `needed` elements. */
static int reserve(void **array, size_t *room, size_t needed, size_t element_bytes) {
    size_t wanted = *room > 0 ? *room : 64;
    if (needed <= *room) {
        return 0;
    }
    while (wanted < needed) {
        wanted *= 2;
    }
    void *grown = realloc(*array, wanted * element_bytes);
    if (grown == NULL) {
        return MUSTER_ENOMEM;
    }
    *array = grown;
    *room = wanted;
    return 0;
}

static int reserve_bytes(struct batch *batch, size_t length) {
    return reserve((void **)&batch->bytes, &batch->bytes_room, batch->length + length, 1);
}

static void append(struct batch *batch, const void *bytes, size_t length) {
    memcpy(batch->bytes + batch->length, bytes, length);
    batch->length += length;
}

/* ---- series ---- */

static size_t source_bytes(const struct batch_source *source) {
    return MUSTER_ID_BYTES + strlen(source->peer) + strlen(source->topic) + strlen(source->name) +
           strlen(source->unit) + strlen(source->origin) + 5;
}

struct batch_source batch_source(const struct batch *batch, uint32_t series) {
    const char *at = batch->bytes + batch->series[series];
    struct batch_source source;
    memcpy(source.id, at, MUSTER_ID_BYTES);
    source.peer = at + MUSTER_ID_BYTES;
    source.topic = source.peer + strlen(source.peer) + 1;
    source.name = source.topic + strlen(source.topic) + 1;
    source.unit = source.name + strlen(source.name) + 1;
    source.origin = source.unit + strlen(source.unit) + 1;
    return source;
}

static uint64_t hash(const struct batch *batch, uint32_t at, size_t length) {
    unsigned char out[crypto_shorthash_BYTES];
    uint64_t value;
    crypto_shorthash(out, (const unsigned char *)batch->bytes + at, length, batch->hash_key);
    memcpy(&value, out, sizeof(value));
    return value;
}

/* The slot of the series whose texts begin at a byte, or the free one where it belongs. */
static uint32_t *find_slot(const struct batch *batch, uint32_t at, size_t length) {
    size_t slot = (size_t)(hash(batch, at, length) & (batch->slot_count - 1));
    for (uint32_t number; (number = batch->slots[slot]) != 0; slot = (slot + 1) & (batch->slot_count - 1)) {
        const uint32_t other = batch->series[number - 1];
        if (batch->length - other >= length && memcmp(batch->bytes + other, batch->bytes + at, length) == 0) {
            break;
        }
    }
    return &batch->slots[slot];
}

static int grow_slots(struct batch *batch) {
    const size_t count = batch->slot_count > 0 ? 2 * batch->slot_count : 128;
    uint32_t *slots = calloc(count, sizeof(*slots));
    if (slots == NULL) {
        return MUSTER_ENOMEM;
    }
    if (batch->slot_count == 0) {
        randombytes_buf(batch->hash_key, sizeof(batch->hash_key));
    }
    free(batch->slots);
    batch->slots = slots;
    batch->slot_count = count;
    for (uint32_t i = 0; i < batch->series_count; i++) {
        const struct batch_source source = batch_source(batch, i);
        *find_slot(batch, batch->series[i], source_bytes(&source)) = i + 1;
    }
    return 0;
}

/* Finds or adds the series of a source. The memory for it is there. */
static uint32_t find_series(struct batch *batch, const struct batch_source *source) {
    const size_t begin = batch->length;
    append(batch, source->id, MUSTER_ID_BYTES);
    append(batch, source->peer, strlen(source->peer) + 1);
    append(batch, source->topic, strlen(source->topic) + 1);
    append(batch, source->name, strlen(source->name) + 1);
    append(batch, source->unit, strlen(source->unit) + 1);
    append(batch, source->origin, strlen(source->origin) + 1);
    uint32_t *slot = find_slot(batch, (uint32_t)begin, batch->length - begin);
    if (*slot != 0) {
        batch->length = begin;
    } else {
        batch->series[batch->series_count++] = (uint32_t)begin;
        *slot = (uint32_t)batch->series_count;
    }
    return *slot - 1;
}

/* ---- adding ---- */

static bool has_text(const struct muster_record *record) {
    return record->kind == MUSTER_VALUE_TEXT || record->kind == MUSTER_VALUE_DATA;
}

static int reserve_all(struct batch *batch, size_t bytes) {
    int error = reserve_bytes(batch, bytes);
    error = error != 0 ? error
                       : reserve((void **)&batch->readings, &batch->readings_room, batch->reading_count + 1,
                                 sizeof(*batch->readings));
    error = error != 0 ? error
                       : reserve((void **)&batch->series, &batch->series_room, batch->series_count + 1,
                                 sizeof(*batch->series));
    if (error == 0 && 2 * (batch->series_count + 1) > batch->slot_count) {
        error = grow_slots(batch);
    }
    return error;
}

/* A time that nobody can mean, and that would break what is computed with times, is none: then it is now. */
static int64_t time_us_of(const struct muster_record *record, int64_t received_us) {
    const bool is_time = record->time_s >= MUSTER_TIME_S_MIN && record->time_s < MUSTER_TIME_S_MAX;
    return is_time ? llround(record->time_s * 1e6) : received_us;
}

int batch_add(struct batch *batch, const struct batch_source *source, const struct muster_record *record,
              int64_t received_us, bool is_last) {
    const size_t text_length = has_text(record) ? record->text_length : 0;
    const size_t bytes = source_bytes(source) + text_length;
    if (batch->reading_count == BATCH_READINGS_MAX || batch->length + bytes > BATCH_BYTES_MAX) {
        return MUSTER_EFULL;
    }
    const int error = reserve_all(batch, bytes);
    if (error != 0) {
        return error;
    }
    struct batch_reading *reading = &batch->readings[batch->reading_count];
    *reading = (struct batch_reading){
        .series = find_series(batch, source),
        .order = (uint32_t)batch->reading_count++,
        .time_us = time_us_of(record, received_us),
        .received_us = received_us,
        .kind = record->kind,
        .has_sum = record->has_sum,
        .is_last = is_last,
        .number = record->kind == MUSTER_VALUE_BOOLEAN ? record->boolean : record->number,
        .sum = record->sum,
        .update_s = record->update_s,
        .text = (uint32_t)batch->length,
        .text_length = (uint32_t)text_length,
    };
    append(batch, text_length > 0 ? record->text : "", text_length);
    batch->longest = text_length > batch->longest ? text_length : batch->longest;
    return 0;
}

int batch_add_event(struct batch *batch, const struct batch_event *event) {
    if (batch->event_count == BATCH_EVENTS_MAX) {
        return MUSTER_EFULL;
    }
    const int error =
        reserve((void **)&batch->events, &batch->events_room, batch->event_count + 1, sizeof(*batch->events));
    if (error == 0) {
        batch->events[batch->event_count++] = *event;
    }
    return error;
}

/* ---- the rest ---- */

static int compare_readings(const void *left, const void *right) {
    const struct batch_reading *a = left;
    const struct batch_reading *b = right;
    if (a->series != b->series) {
        return a->series < b->series ? -1 : 1;
    }
    if (a->time_us != b->time_us) {
        return a->time_us < b->time_us ? -1 : 1;
    }
    return a->order < b->order ? -1 : 1;
}

void batch_sort(struct batch *batch) {
    if (!batch->is_sorted && batch->reading_count > 0) {
        qsort(batch->readings, batch->reading_count, sizeof(*batch->readings), compare_readings);
    }
    batch->is_sorted = true;
}

bool batch_is_done(const struct batch *batch) {
    return batch->readings_done == batch->reading_count && batch->events_done == batch->event_count;
}

void batch_clear(struct batch *batch) {
    if (batch->slot_count > 0) {
        memset(batch->slots, 0, batch->slot_count * sizeof(*batch->slots));
    }
    batch->reading_count = batch->event_count = batch->series_count = batch->length = batch->longest = 0;
    batch->readings_done = batch->readings_known = batch->events_done = 0;
    batch->is_sorted = false;
}

void batch_deinit(struct batch *batch) {
    free(batch->readings);
    free(batch->events);
    free(batch->series);
    free(batch->bytes);
    free(batch->slots);
    *batch = (struct batch){0};
}
