/* SPDX-License-Identifier: MIT */
#include "backlog.h"

#include <stdlib.h>
#include <string.h>

#include <sodium.h>
#include <utlist.h>

#include "exchange.h"
#include "value_ref.h"

static void forget_all_known(struct backlog *backlog) {
    struct last_known *known;
    struct last_known *next;
    HASH_ITER(hh, backlog->known, known, next) {
        HASH_DELETE(hh, backlog->known, known);
        free(known);
    }
}

void backlog_deinit(struct backlog *backlog) {
    struct backlog_sample *sample;
    struct backlog_sample *next;
    DL_FOREACH_SAFE(backlog->samples, sample, next) {
        free(sample);
    }
    free(backlog->borrowed);
    forget_all_known(backlog);
    *backlog = (struct backlog){0};
}

/* ---- waiting ---- */

struct backlog_sample *backlog_copy(struct exchange *exchange, const struct muster_sample *sample,
                                    uint64_t subscriptions) {
    struct backlog *backlog = &exchange->backlog;
    size_t bytes = sizeof(struct backlog_sample) + sample->length;
    struct backlog_sample *copy = backlog->bytes + bytes <= MUSTER_BACKLOG_BYTES_MAX ? malloc(bytes) : NULL;
    if (copy == NULL) {
        return NULL;
    }
    *copy = (struct backlog_sample){
        .subscriptions = subscriptions, .put_ms = exchange->context->now_ms, .sample = *sample};
    memcpy(copy->id, sample->id, sizeof copy->id);
    strncpy(copy->topic, sample->topic, sizeof copy->topic - 1);
    memcpy(copy->body, sample->body, sample->length);
    copy->sample.id = copy->id;
    strncpy(copy->origin, sample->origin, sizeof copy->origin - 1);
    copy->sample.topic = copy->topic;
    strncpy(copy->name, sample->name, sizeof copy->name - 1);
    copy->sample.origin = copy->origin;
    copy->sample.name = copy->name;
    copy->sample.body = copy->body;
    backlog->bytes += bytes;
    return copy;
}

bool backlog_put(struct exchange *exchange, const struct muster_sample *sample, uint64_t subscriptions) {
    struct backlog_sample *copy = backlog_copy(exchange, sample, subscriptions);
    if (copy == NULL) {
        exchange->context->counters.samples_dropped++;
        return false;
    }
    DL_APPEND(exchange->backlog.samples, copy);
    return true;
}

bool backlog_next(struct exchange *exchange, struct muster_arrival *arrival) {
    struct backlog *backlog = &exchange->backlog;
    struct backlog_sample *sample;
    do { /* what nobody wants any more is passed over */
        sample = backlog->samples;
        free(backlog->borrowed);
        backlog->borrowed = sample;
        if (sample == NULL) {
            return false;
        }
        DL_DELETE(backlog->samples, sample);
        backlog->bytes -= sizeof *sample + sample->sample.length;
    } while (sample->subscriptions == 0);
    arrival->kind = MUSTER_ARRIVAL_SAMPLE;
    arrival->subscriptions = sample->subscriptions;
    arrival->sample = sample->sample;
    return true;
}

/* ---- what was delivered ---- */

static uint64_t key_of(const struct exchange *exchange, const uint8_t id[MUSTER_ID_BYTES], const char *name) {
    uint8_t bytes[MUSTER_ID_BYTES + MUSTER_FULL_NAME_BYTES_MAX];
    size_t length = strlen(name);
    uint64_t key;
    memcpy(bytes, id, MUSTER_ID_BYTES);
    memcpy(bytes + MUSTER_ID_BYTES, name, length);
    crypto_shorthash((uint8_t *)&key, bytes, MUSTER_ID_BYTES + length, exchange->context->hash_seed);
    return key;
}

/* NULL without memory: then a value may be given twice. */
static struct last_known *find_known(struct exchange *exchange, uint64_t key) {
    struct backlog *backlog = &exchange->backlog;
    struct last_known *known;
    HASH_FIND_BYHASHVALUE(hh, backlog->known, &key, sizeof key, (unsigned)key, known);
    if (known != NULL) {
        return known;
    }
    if (HASH_COUNT(backlog->known) == MUSTER_LAST_KNOWN_MAX) {
        forget_all_known(backlog);
    }
    known = calloc(1, sizeof *known);
    if (known == NULL) {
        return NULL;
    }
    known->key = key;
    HASH_ADD_BYHASHVALUE(hh, backlog->known, key, sizeof known->key, (unsigned)key, known);
    if (known->hh.tbl == NULL) {
        free(known);
        return NULL;
    }
    return known;
}

static bool has_time(double time_s) {
    return time_s >= MUSTER_TIME_S_MIN;
}

/* By their own times, where both have one. */
static bool is_newer(const struct last_known *known, double time_s, uint64_t said_ms) {
    return has_time(time_s) && has_time(known->time_s) ? time_s > known->time_s
                                                       : said_ms > known->said_ms + MUSTER_LAST_EQUAL_MS;
}

/* Those who did not have this value yet. */
static uint64_t record_value(struct exchange *exchange, const struct muster_sample *sample,
                             const struct muster_record *record, uint64_t subscriptions) {
    struct last_known *known = find_known(exchange, key_of(exchange, sample->id, record->name));
    uint64_t said_ms =
        exchange->context->now_ms > sample->age_ms ? exchange->context->now_ms - sample->age_ms : 0;
    if (known == NULL) {
        return subscriptions;
    }
    if (known->subscriptions == 0 || is_newer(known, record->time_s, said_ms)) {
        known->time_s = record->time_s;
        known->said_ms = said_ms;
        known->subscriptions = 0;
    }
    uint64_t news = subscriptions & ~known->subscriptions;
    known->subscriptions |= subscriptions;
    return sample->boot > known->boot ? news : news & ~known->live;
}

/* The names and times of a body: of its records, or of the one that it refers to. */
struct names {
    bool is_reference;
    struct value_ref ref;
    struct muster_pack pack;
};

static void open_names(struct names *names, const struct muster_sample *sample) {
    names->is_reference = value_ref_begins(sample->body, sample->length) &&
                          value_ref_read(sample->body, sample->length, &names->ref);
    muster_pack_open(&names->pack, sample->body, sample->length, 0);
}

static bool next_name(struct names *names, struct muster_record *record) {
    if (names->is_reference) {
        names->is_reference = false;
        *record = (struct muster_record){.name = names->ref.name, .time_s = names->ref.time_s};
        return true;
    }
    return muster_pack_next(&names->pack, record) == 1;
}

void backlog_record_live(struct exchange *exchange, const struct muster_sample *sample,
                         uint64_t subscriptions) {
    struct names names;
    struct muster_record record;
    open_names(&names, sample);
    while (next_name(&names, &record)) {
        struct last_known *known = find_known(exchange, key_of(exchange, sample->id, record.name));
        if (known != NULL) {
            known->live = sample->boot == known->boot ? known->live | subscriptions : subscriptions;
            known->boot = sample->boot;
        }
    }
}

uint64_t backlog_record_last(struct exchange *exchange, const struct muster_sample *sample,
                             uint64_t subscriptions) {
    struct names names;
    struct muster_record record;
    uint64_t news = 0;
    open_names(&names, sample);
    while (next_name(&names, &record)) {
        news |= record_value(exchange, sample, &record, subscriptions);
    }
    return news;
}

void backlog_forget(struct backlog *backlog, uint64_t subscription) {
    struct last_known *known;
    struct last_known *next;
    struct backlog_sample *sample;
    HASH_ITER(hh, backlog->known, known, next) {
        known->subscriptions &= ~subscription;
        known->live &= ~subscription;
    }
    DL_FOREACH(backlog->samples, sample) {
        sample->subscriptions &= ~subscription;
    }
}
