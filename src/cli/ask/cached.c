/* SPDX-License-Identifier: MIT */
#include "cached.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <uv.h>

#include "complain.h"
#include "reading.h"
#include "record.h"
#include "roster.h"
#include "session.h"

#define READINGS_MAX 65536

/* A caching peer is asked within U(0, min(500, 20 + rows)) ms after it was heard (PROTOCOL.md, section 12),
 * and answers within this. */
#define ANSWER_MS 200
#define ASK_MS 20
#define ASK_MS_MAX 500

struct cached_look {
    struct session session;
    const struct snapshot *snapshot;
    const struct operands *patterns;
    uv_timer_t quiet;              /* nothing came for a while */
    struct muster_peer_list there; /* when it ends */
    struct muster_pack pack;
    struct cached_readings *cached;
    size_t left_out; /* readings, for want of room */
    bool has_all;    /* of publishers that are here, too */
    bool is_quiet;   /* all that was to come came */
    bool failed;     /* memory was out */
};

/* ---- collecting ---- */

/* Sorts the readings, and drops copies, which two caching peers have. */
static void drop_copies(struct cached_readings *cached) {
    size_t count = 0;
    qsort(cached->readings, cached->count, sizeof(*cached->readings), catalog_compare);
    for (size_t i = 0; i < cached->count; i++) {
        if (count == 0 || !catalog_is_same(&cached->readings[count - 1], &cached->readings[i])) {
            cached->readings[count++] = cached->readings[i];
        }
    }
    cached->count = count;
}

static void keep(struct cached_look *look, const struct muster_sample *sample,
                 const struct muster_record *record) {
    struct cached_readings *cached = look->cached;
    const char *name = reading_name_below(record->name, sample->topic);
    if (name == record->name || strlen(name) > MUSTER_NAME_BYTES_MAX) {
        return;
    }
    if (cached->count == READINGS_MAX && look->left_out == 0) {
        drop_copies(cached);
    }
    if (cached->count == READINGS_MAX) {
        look->left_out++;
        return;
    }
    struct catalog_reading *reading = &cached->readings[cached->count++];
    memcpy(reading->id, sample->id, sizeof(reading->id));
    strncpy(reading->topic, sample->topic, sizeof(reading->topic) - 1);
    strncpy(reading->publisher, sample->name, sizeof(reading->publisher) - 1);
    strncpy(reading->origin, sample->origin, sizeof(reading->origin) - 1);
    strcpy(reading->record, name);
    reading->kind = record->kind;
    reading->number = record->number;
    reading->boolean = record->boolean;
    if (record->kind == MUSTER_VALUE_TEXT || record->kind == MUSTER_VALUE_DATA) {
        strncpy(reading->text, record->text, sizeof(reading->text) - 1);
    }
    reading->time_s = record->time_s;
    reading->update_s = record->update_s;
    if (record->unit != NULL && strlen(record->unit) < sizeof(reading->unit)) {
        strcpy(reading->unit, record->unit);
    }
}

static void on_quiet(uv_timer_t *timer) {
    struct cached_look *look = timer->data;
    look->is_quiet = true;
    session_end(&look->session, STATUS_OK);
}

static void start_quiet(struct cached_look *look) {
    const uint64_t ask_ms = ASK_MS + look->snapshot->list.count;
    uv_timer_start(&look->quiet, on_quiet, (ask_ms < ASK_MS_MAX ? ask_ms : ASK_MS_MAX) + ANSWER_MS, 0);
}

static void on_sample(muster_t *node, const struct muster_sample *sample, void *context) {
    struct cached_look *look = context;
    struct muster_record record;
    (void)node;
    if (!look->has_all && (sample->kind != MUSTER_SAMPLE_LAST || sample->seq != 0)) {
        return;
    }
    muster_pack_open_sample(&look->pack, sample, record_now_s(sample, session_wall_s()));
    while (muster_pack_next(&look->pack, &record) == 1) {
        keep(look, sample, &record);
    }
    if (uv_is_active((const uv_handle_t *)&look->quiet)) {
        start_quiet(look);
    }
}

static void on_settled(void *context) {
    start_quiet(context);
}

static int on_deadline(void *context) {
    (void)context;
    return STATUS_OK; /* what came by then is listed */
}

static void on_ending(void *context) {
    struct cached_look *look = context;
    look->failed = muster_peers(look->session.node, &look->there) != 0 || look->failed;
}

/* ---- publishers ---- */

static const struct muster_peer *find(const struct muster_peer_list *list,
                                      const uint8_t id[MUSTER_ID_BYTES]) {
    for (size_t i = 0; i < list->count; i++) {
        if (memcmp(list->peers[i].id, id, MUSTER_ID_BYTES) == 0) {
            return &list->peers[i];
        }
    }
    return NULL;
}

/* True when the publisher of a reading is alive or suspect and announces its topic. */
static bool is_announced(const struct muster_peer_list *list, const struct catalog_reading *reading) {
    const struct muster_peer *peer = find(list, reading->id);
    bool is_announced = false;
    for (size_t i = 0; peer != NULL && roster_is_present(peer) && i < peer->document.topic_count; i++) {
        is_announced = is_announced || strcmp(peer->document.topics[i].name, reading->topic) == 0;
    }
    return is_announced;
}

/* Drops readings that are announced, unless all are wanted. */
static void drop_known(struct cached_look *look) {
    struct cached_readings *cached = look->cached;
    size_t count = 0;
    for (size_t i = 0; i < cached->count; i++) {
        struct catalog_reading *reading = &cached->readings[i];
        reading->is_announced = is_announced(&look->snapshot->list, reading);
        if (look->has_all || (!reading->is_announced && !is_announced(&look->there, reading))) {
            cached->readings[count++] = *reading;
        }
    }
    cached->count = count;
}

static int add_publisher(struct cached_look *look, const struct catalog_reading *reading) {
    const struct muster_peer *row = find(&look->snapshot->list, reading->id);
    struct muster_peer peer = {.state = row != NULL ? row->state : MUSTER_LOST,
                               .document = {.name = row != NULL ? row->document.name : reading->publisher}};
    memcpy(peer.id, reading->id, sizeof(peer.id));
    return muster_peer_list_add(&look->cached->publishers, &peer);
}

/* Sorts the readings, and adds each publisher once. Returns 0, or not when memory is out. */
static int finish(struct cached_look *look) {
    struct cached_readings *cached = look->cached;
    int error = look->failed ? MUSTER_ENOMEM : 0;
    drop_copies(cached);
    drop_known(look);
    for (size_t i = 0; i < cached->count && error == 0; i++) {
        const uint8_t *id = cached->readings[i].id;
        if (i == 0 || memcmp(id, cached->readings[i - 1].id, MUSTER_ID_BYTES) != 0) {
            error = add_publisher(look, &cached->readings[i]);
        }
    }
    return error != 0 ? error : roster_init(&cached->roster, &cached->publishers);
}

/* ---- asking ---- */

static bool has_value_cache(const struct snapshot *snapshot) {
    for (size_t i = 0; i < snapshot->list.count; i++) {
        const struct muster_peer *peer = &snapshot->list.peers[i];
        if (peer->document.cache_count > 0 && roster_is_present(peer)) {
            return true;
        }
    }
    return false;
}

static void on_open(void *context) {
    static const char *const all[] = {"#"};
    struct cached_look *look = context;
    const bool is_all = look->patterns->count == 0;
    const struct muster_subscription_options wanted = {
        .size = sizeof wanted,
        .patterns = is_all ? all : (const char *const *)look->patterns->values,
        .pattern_count = is_all ? 1 : look->patterns->count,
        .newest = true,
    };
    muster_subscription_t *subscription;
    uv_timer_init(look->session.loop, &look->quiet);
    look->quiet.data = look;
    const int error = look->session.ended ? 0
                                          : muster_subscribe(look->session.node, &wanted, on_sample, NULL,
                                                             look, &subscription);
    if (error != 0) {
        session_fail(&look->session, error);
    }
}

int cached_look(const struct settings *settings, struct snapshot *snapshot, const struct operands *patterns,
                uint64_t timeout_ms, bool has_all, struct cached_readings *cached) {
    struct cached_look look = {
        .snapshot = snapshot, .patterns = patterns, .cached = cached, .has_all = has_all};
    *cached = (struct cached_readings){0};
    if (!has_all && !has_value_cache(snapshot)) {
        return STATUS_OK;
    }
    cached->readings =
        calloc(READINGS_MAX, sizeof(*cached->readings)); /* pages that are not used take no memory */
    if (cached->readings == NULL) {
        return complain_error(settings, MUSTER_ENOMEM);
    }
    const struct session_request request = {.timeout_ms = timeout_ms,
                                            .on_open = on_open,
                                            .on_settled = on_settled,
                                            .on_ending = on_ending,
                                            .on_deadline = on_deadline,
                                            .context = &look};
    int status = session_hold(&look.session, settings, &request);
    snapshot->cut_off = snapshot->cut_off || !look.is_quiet || look.left_out > 0;
    if (look.left_out > 0) {
        complain(settings, "more than %d readings are kept; %zu were not listed", READINGS_MAX,
                 look.left_out);
    }
    if (status == STATUS_OK && finish(&look) != 0) {
        status = complain_error(settings, MUSTER_ENOMEM);
    }
    muster_peer_list_free(&look.there);
    return status;
}

void cached_deinit(struct cached_readings *cached) {
    roster_deinit(&cached->roster);
    muster_peer_list_free(&cached->publishers);
    free(cached->readings);
    *cached = (struct cached_readings){0};
}
