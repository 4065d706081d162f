/* SPDX-License-Identifier: MIT */
#include "dispatch.h"

#include <stdlib.h>
#include <string.h>

#include <uthash.h>
#include <utlist.h>

/* Rows in memory that are next, and those behind the spool's that are not in it yet. */
#define WINDOW_MAX 1024
#define WINDOW_MIN (2 * DISPATCH_FLYING_MAX)
#define READ_COUNT 256
#define FRESH_MAX 4096
#define FRESH_WRITE 512
#define DONE_WRITE 256
#define RETRY_MS 1000 /* after the spool could not be written */

struct dispatch_topic {
    UT_hash_handle hh;
    struct dispatch_topic *prev; /* of those that changed */
    struct dispatch_topic *next;
    bool is_changed;
    bool is_reading;
    bool is_known; /* it was acknowledged as it is, or is to be */
    uint64_t rows; /* in memory */
    char *payload; /* NULL: none yet */
    size_t length;
    double time_s;
    struct reading_ref ref;
    char unit[MUSTER_NAME_BYTES_MAX + 1];
    char name[];
};

struct dispatch_row {
    struct dispatch_row *prev;
    struct dispatch_row *next;
    uint64_t id;
    struct dispatch_topic *topic;
    bool is_spooled;
    bool was_published; /* at least once */
    uint64_t since_ms;
    double time_s;
    struct reading_ref ref;
    char unit[MUSTER_NAME_BYTES_MAX + 1];
    size_t length;
    char payload[];
};

/* ---- topics ---- */

static struct dispatch_topic *find_topic(struct dispatch *dispatch, const char *name) {
    struct dispatch_topic *topic;
    const size_t length = strlen(name);
    HASH_FIND(hh, dispatch->topics, name, length, topic);
    if (topic != NULL) {
        return topic;
    }
    if (HASH_COUNT(dispatch->topics) >= DISPATCH_TOPICS_MAX) {
        if (!dispatch->was_full && dispatch->on_full != NULL) {
            dispatch->on_full(dispatch->context);
        }
        dispatch->was_full = true;
        return NULL;
    }
    topic = calloc(1, sizeof(*topic) + length + 1);
    if (topic != NULL) {
        memcpy(topic->name, name, length + 1);
        HASH_ADD(hh, dispatch->topics, name, length, topic);
    }
    return topic;
}

static void change_topic(struct dispatch *dispatch, struct dispatch_topic *topic) {
    if (!topic->is_changed) {
        topic->is_changed = true;
        DL_APPEND(dispatch->changed, topic);
    }
}

static void settle_topic(struct dispatch *dispatch, struct dispatch_topic *topic) {
    if (topic->is_changed) {
        topic->is_changed = false;
        DL_DELETE(dispatch->changed, topic);
    }
}

static bool set_payload(struct dispatch_topic *topic, const char *payload, size_t length) {
    if (topic->payload == NULL || topic->length < length) {
        char *room = realloc(topic->payload, length + 1);
        if (room == NULL) {
            return false;
        }
        topic->payload = room;
    }
    memcpy(topic->payload, payload, length);
    topic->payload[length] = '\0';
    topic->length = length;
    return true;
}

static bool set_value(struct dispatch_topic *topic, const struct dispatch_message *message) {
    topic->is_reading = true;
    topic->time_s = message->time_s;
    topic->ref = *message->ref;
    strcpy(topic->unit, message->unit);
    return set_payload(topic, message->payload, message->length);
}

void dispatch_set(struct dispatch *dispatch, const char *name, const char *payload) {
    struct dispatch_topic *topic = find_topic(dispatch, name);
    const size_t length = strlen(payload);
    if (topic == NULL) {
        dispatch->counts.refused++;
    } else if (topic->payload == NULL || topic->length != length ||
               memcmp(topic->payload, payload, length) != 0) {
        if (set_payload(topic, payload, length)) {
            change_topic(dispatch, topic);
        }
    }
}

void dispatch_set_value(struct dispatch *dispatch, const struct dispatch_message *message) {
    struct dispatch_topic *topic = find_topic(dispatch, message->topic);
    if (topic == NULL) {
        dispatch->counts.refused++;
    } else if (topic->payload == NULL || topic->time_s < message->time_s) {
        if (set_value(topic, message)) {
            change_topic(dispatch, topic);
        }
    }
}

/* ---- rows ---- */

static struct dispatch_row *new_row(struct dispatch *dispatch, uint64_t id,
                                    const struct dispatch_message *message, uint64_t since_ms) {
    struct dispatch_topic *topic = find_topic(dispatch, message->topic);
    struct dispatch_row *row = topic != NULL ? malloc(sizeof(*row) + message->length) : NULL;
    if (row == NULL) {
        return NULL;
    }
    *row = (struct dispatch_row){
        .id = id, .topic = topic, .since_ms = since_ms, .time_s = message->time_s, .ref = *message->ref};
    strncpy(row->unit, message->unit, sizeof(row->unit) - 1);
    row->length = message->length;
    memcpy(row->payload, message->payload, message->length);
    topic->rows++;
    return row;
}

static void free_row(struct dispatch_row *row) {
    row->topic->rows--;
    free(row);
}

static void append_to_window(struct dispatch *dispatch, struct dispatch_row *row) {
    DL_APPEND(dispatch->window, row);
    dispatch->window_count++;
    dispatch->unsent = dispatch->unsent != NULL ? dispatch->unsent : row;
}

static struct spool_row describe(const struct dispatch_row *row) {
    return (struct spool_row){.id = row->id,
                              .topic = row->topic->name,
                              .payload = row->payload,
                              .length = row->length,
                              .unit = row->unit,
                              .time_s = row->time_s,
                              .ref = row->ref,
                              .since_ms = row->since_ms};
}

/* ---- the spool ---- */

static int write_rows(struct dispatch *dispatch, struct dispatch_row *rows, struct reason *reason) {
    struct dispatch_row *row;
    int error = 0;
    DL_FOREACH(rows, row) {
        if (error == 0 && !row->is_spooled) {
            const struct spool_row described = describe(row);
            error = spool_add(dispatch->spool, &described, reason);
        }
    }
    return error;
}

static int write_done(struct dispatch *dispatch, struct reason *reason) {
    int error = 0;
    for (size_t i = 0; i < dispatch->done_count && error == 0; i++) {
        error = spool_remove(dispatch->spool, dispatch->done[i], reason);
    }
    return error;
}

/* Ids grow: the last one of the window is the highest there. */
static uint64_t window_end(const struct dispatch *dispatch) {
    return dispatch->window != NULL ? dispatch->window->prev->id : 0;
}

/* How many are too many, of those in the spool that are behind the window. */
static uint64_t excess(const struct dispatch *dispatch) {
    const uint64_t count = dispatch->counts.queued;
    const uint64_t more = count > dispatch->rows_max ? count - dispatch->rows_max : 0;
    return more < dispatch->beyond ? more : dispatch->beyond;
}

static void lose(struct dispatch *dispatch, uint64_t count, const char *why) {
    if (count > 0) {
        dispatch->counts.lost += count;
        dispatch->counts.queued -= count;
        dispatch->on_loss(count, why, dispatch->context);
    }
}

/* The rows are in the spool now. */
static void settle_rows(struct dispatch *dispatch) {
    struct dispatch_row *row;
    struct dispatch_row *next;
    DL_FOREACH(dispatch->window, row) {
        row->is_spooled = true;
    }
    DL_FOREACH_SAFE(dispatch->fresh, row, next) {
        DL_DELETE(dispatch->fresh, row);
        free_row(row);
        dispatch->beyond++;
    }
    dispatch->fresh_count = 0;
    dispatch->done_count = 0;
}

static int write_all(struct dispatch *dispatch, const struct spool_mark *marks, size_t count,
                     struct reason *reason) {
    int error = spool_begin(dispatch->spool, reason);
    error = error != 0 ? error : write_rows(dispatch, dispatch->window, reason);
    error = error != 0 ? error : write_rows(dispatch, dispatch->fresh, reason);
    error = error != 0 ? error : write_done(dispatch, reason);
    for (size_t i = 0; i < count && error == 0; i++) {
        error = spool_mark(dispatch->spool, &marks[i], reason);
    }
    return error != 0 ? error : spool_commit(dispatch->spool, reason);
}

/* Where the spool can't be written, as on a full disk, what has no room in memory is lost. */
static void drop_fresh(struct dispatch *dispatch) {
    uint64_t lost = 0;
    while (dispatch->fresh_count > FRESH_MAX) {
        struct dispatch_row *oldest = dispatch->fresh;
        DL_DELETE(dispatch->fresh, oldest);
        free_row(oldest);
        dispatch->fresh_count--;
        lost++;
    }
    lose(dispatch, lost, dispatch->failure.text);
}

static void fail(struct dispatch *dispatch, const struct reason *reason, uint64_t now_ms) {
    spool_rollback(dispatch->spool);
    dispatch->failure = *reason;
    dispatch->failed_ms = now_ms;
    drop_fresh(dispatch);
}

static void trim(struct dispatch *dispatch, uint64_t now_ms) {
    struct reason reason;
    const uint64_t count = excess(dispatch);
    if (count == 0) {
        return;
    }
    int error = spool_begin(dispatch->spool, &reason);
    error = error != 0 ? error : spool_trim(dispatch->spool, window_end(dispatch), count, &reason);
    error = error != 0 ? error : spool_commit(dispatch->spool, &reason);
    if (error != 0) {
        fail(dispatch, &reason, now_ms);
    } else {
        dispatch->beyond -= count;
        lose(dispatch, count, "the queue is full");
    }
}

bool dispatch_save(struct dispatch *dispatch, const struct spool_mark *marks, size_t count, uint64_t now_ms) {
    struct reason reason;
    if (dispatch->spool == NULL) {
        return true;
    }
    if (write_all(dispatch, marks, count, &reason) != 0) {
        fail(dispatch, &reason, now_ms);
        return false;
    }
    settle_rows(dispatch);
    trim(dispatch, now_ms);
    return true;
}

static void on_row(const struct spool_row *row, void *context) {
    struct dispatch *dispatch = context;
    const struct dispatch_message message = {.topic = row->topic,
                                             .payload = row->payload,
                                             .length = row->length,
                                             .unit = row->unit,
                                             .time_s = row->time_s,
                                             .ref = &row->ref};
    struct dispatch_row *read = new_row(dispatch, row->id, &message, row->since_ms);
    if (read == NULL) {
        return; /* it is read again */
    }
    read->is_spooled = true;
    append_to_window(dispatch, read);
    dispatch->beyond--;
}

/* Takes what is next into the window: first what the spool has. */
static void refill(struct dispatch *dispatch) {
    struct reason reason;
    if (dispatch->window_count >= WINDOW_MIN) {
        return;
    }
    if (dispatch->beyond > 0) {
        (void)spool_read(dispatch->spool, window_end(dispatch), READ_COUNT, on_row, dispatch, &reason);
    }
    while (dispatch->beyond == 0 && dispatch->fresh != NULL && dispatch->window_count < WINDOW_MAX) {
        struct dispatch_row *row = dispatch->fresh;
        DL_DELETE(dispatch->fresh, row);
        dispatch->fresh_count--;
        append_to_window(dispatch, row);
    }
}

/* ---- the beginning and the end ---- */

static void free_rows(struct dispatch *dispatch) {
    struct dispatch_row *row;
    struct dispatch_row *next;
    DL_FOREACH_SAFE(dispatch->window, row, next) {
        free(row);
    }
    DL_FOREACH_SAFE(dispatch->fresh, row, next) {
        free(row);
    }
    dispatch->window = dispatch->fresh = dispatch->unsent = NULL;
    dispatch->window_count = dispatch->fresh_count = 0;
}

static void free_topics(struct dispatch *dispatch) {
    struct dispatch_topic *topic;
    struct dispatch_topic *next;
    HASH_ITER(hh, dispatch->topics, topic, next) {
        HASH_DEL(dispatch->topics, topic);
        free(topic->payload);
        free(topic);
    }
    dispatch->changed = NULL;
}

static int empty_spool(struct dispatch *dispatch, struct reason *reason) {
    if (dispatch->spool == NULL) {
        return 0;
    }
    int error = spool_begin(dispatch->spool, reason);
    error = error != 0 ? error : spool_trim(dispatch->spool, 0, INT64_MAX, reason);
    return error != 0 ? error : spool_commit(dispatch->spool, reason);
}

void dispatch_abandon(struct dispatch *dispatch, const char *why, uint64_t now_ms) {
    struct reason reason;
    if (empty_spool(dispatch, &reason) != 0) { /* they come once more after a restart */
        fail(dispatch, &reason, now_ms);
    }
    for (size_t i = 0; i < DISPATCH_FLYING_MAX; i++) {
        dispatch->flying[i].row = NULL;
        dispatch->flying[i].topic = NULL;
    }
    free_rows(dispatch);
    free_topics(dispatch);
    dispatch->beyond = 0;
    dispatch->done_count = 0;
    lose(dispatch, dispatch->counts.queued, why);
}

int dispatch_open(struct dispatch *dispatch, struct reason *reason) {
    dispatch->done = malloc(DONE_WRITE * sizeof(*dispatch->done));
    if (dispatch->done == NULL) {
        return reason_set_memory(reason);
    }
    if (dispatch->spool != NULL &&
        spool_count(dispatch->spool, &dispatch->beyond, &dispatch->last_id, reason) != 0) {
        return -1;
    }
    dispatch->counts.queued = dispatch->beyond;
    return 0;
}

void dispatch_close(struct dispatch *dispatch) {
    free_rows(dispatch);
    free_topics(dispatch);
    free(dispatch->done);
    *dispatch = (struct dispatch){.spool = NULL};
}

void dispatch_add(struct dispatch *dispatch, const struct dispatch_message *message, uint64_t now_ms) {
    struct dispatch_row *row = new_row(dispatch, dispatch->last_id + 1, message, now_ms);
    if (row == NULL) {
        dispatch->counts.refused++;
        return;
    }
    dispatch->last_id++;
    dispatch->counts.queued++;
    set_value(row->topic, message);
    settle_topic(dispatch, row->topic);
    if (dispatch->beyond == 0 && dispatch->fresh == NULL && dispatch->window_count < WINDOW_MAX) {
        append_to_window(dispatch, row);
        return;
    }
    DL_APPEND(dispatch->fresh, row);
    dispatch->fresh_count++;
    if (dispatch->fresh_count >= FRESH_WRITE && now_ms - dispatch->failed_ms >= RETRY_MS) {
        dispatch_save(dispatch, NULL, 0, now_ms);
    } else if (dispatch->fresh_count > FRESH_MAX) {
        drop_fresh(dispatch);
    }
}

/* ---- the link ---- */

void dispatch_up(struct dispatch *dispatch) {
    struct dispatch_topic *topic;
    struct dispatch_topic *next;
    dispatch->is_up = true;
    HASH_ITER(hh, dispatch->topics, topic, next) {
        if (!topic->is_reading && topic->payload != NULL) {
            change_topic(dispatch, topic);
        }
    }
    dispatch->has_old_values = true;
}

void dispatch_down(struct dispatch *dispatch) {
    dispatch->is_up = false;
    memset(dispatch->flying, 0, sizeof(dispatch->flying));
    dispatch->unsent = dispatch->window;
}

/* Done with the row, which is in the window. */
static void drop_row(struct dispatch *dispatch, struct dispatch_row *row) {
    dispatch->counts.queued--;
    if (row->is_spooled) {
        dispatch->done[dispatch->done_count++] = row->id;
    }
    DL_DELETE(dispatch->window, row);
    dispatch->window_count--;
    if (row->topic->rows == 1 && row->topic->payload != NULL && row->topic->time_s > row->time_s) {
        change_topic(dispatch, row->topic); /* an old reading was published over its newer last value */
    }
    free_row(row);
    if (dispatch->done_count == DONE_WRITE && !dispatch_save(dispatch, NULL, 0, dispatch->failed_ms)) {
        dispatch->done_count = 0; /* they come once more after a restart */
    }
}

static struct dispatch_flying *find_flying(struct dispatch *dispatch, int number) {
    for (size_t i = 0; i < DISPATCH_FLYING_MAX; i++) {
        if (dispatch->flying[i].is_used && dispatch->flying[i].number == number) {
            return &dispatch->flying[i];
        }
    }
    return NULL;
}

/* A state that was cleared, and is so at the broker, is no longer needed. */
static void forget_cleared(struct dispatch *dispatch, struct dispatch_topic *topic) {
    if (topic->is_reading || topic->is_changed || topic->length > 0 || topic->rows > 0) {
        return;
    }
    for (size_t i = 0; i < DISPATCH_FLYING_MAX; i++) {
        dispatch->flying[i].topic = dispatch->flying[i].topic == topic ? NULL : dispatch->flying[i].topic;
    }
    HASH_DEL(dispatch->topics, topic);
    free(topic->payload);
    free(topic);
}

void dispatch_sent(struct dispatch *dispatch, int number, bool is_taken) {
    struct dispatch_flying *flying = find_flying(dispatch, number);
    if (flying == NULL) {
        return;
    }
    struct dispatch_row *row = flying->row;
    struct dispatch_topic *topic = flying->topic;
    *flying = (struct dispatch_flying){.is_used = false};
    dispatch->counts.refused += is_taken ? 0 : 1;
    if (row != NULL) {
        dispatch->counts.sent += is_taken ? 1 : 0;
        drop_row(dispatch, row);
    } else if (topic != NULL && is_taken) {
        forget_cleared(dispatch, topic);
    }
}

static enum dispatch_result publish(struct dispatch *dispatch, struct dispatch_flying *flying,
                                    struct dispatch_topic *topic, struct dispatch_row *row) {
    const struct dispatch_message message = {.topic = topic->name,
                                             .payload = row != NULL ? row->payload : topic->payload,
                                             .length = row != NULL ? row->length : topic->length,
                                             .unit = row != NULL ? row->unit : topic->unit,
                                             .time_s = row != NULL ? row->time_s : topic->time_s,
                                             .ref = row != NULL ? &row->ref : &topic->ref};
    const enum dispatch_result result = dispatch->publish(&message, &flying->number, dispatch->context);
    flying->row = row;
    flying->topic = row == NULL ? topic : NULL;
    flying->is_used = result == DISPATCH_DONE;
    dispatch->counts.refused += result == DISPATCH_NEVER ? 1 : 0;
    return result;
}

/* Last values that the broker may have lost. Those that wait as readings come by themselves. */
static void change_old_values(struct dispatch *dispatch) {
    struct dispatch_topic *topic;
    struct dispatch_topic *next;
    dispatch->has_old_values = false;
    HASH_ITER(hh, dispatch->topics, topic, next) {
        if (topic->is_reading && topic->payload != NULL && topic->rows == 0) {
            change_topic(dispatch, topic);
        }
    }
}

/* Passes over readings that others have overtaken: true where there were some. What was under way before may
 * be what they have. */
static bool drop_overtaken(struct dispatch *dispatch) {
    const uint64_t queued = dispatch->counts.queued;
    uint64_t lost = 0;
    while (dispatch->is_overtaken != NULL && dispatch->unsent != NULL &&
           dispatch->is_overtaken(&dispatch->unsent->ref, dispatch->context)) {
        struct dispatch_row *row = dispatch->unsent;
        dispatch->unsent = row->next;
        dispatch->counts.sent += row->was_published ? 1 : 0;
        lost += row->was_published ? 0 : 1;
        drop_row(dispatch, row);
    }
    if (lost > 0) {
        dispatch->counts.lost += lost;
        dispatch->on_loss(lost, "another bridge has carried newer ones", dispatch->context);
    }
    return dispatch->counts.queued < queued;
}

/* Publishes one message, or passes over some. False when there is none, or not now. */
static bool publish_next(struct dispatch *dispatch, struct dispatch_flying *flying) {
    struct dispatch_topic *topic = dispatch->changed;
    if (topic == NULL && !dispatch->holds_readings && drop_overtaken(dispatch)) {
        return true; /* there may be more */
    }
    struct dispatch_row *row = topic == NULL && !dispatch->holds_readings ? dispatch->unsent : NULL;
    if (topic == NULL && row == NULL) {
        return false;
    }
    const enum dispatch_result result = publish(dispatch, flying, topic != NULL ? topic : row->topic, row);
    if (result == DISPATCH_LATER) {
        return false;
    }
    if (topic != NULL) {
        settle_topic(dispatch, topic);
        return true;
    }
    dispatch->unsent = row->next;
    row->was_published = true;
    if (result == DISPATCH_NEVER) {
        drop_row(dispatch, row);
    }
    return true;
}

void dispatch_pump(struct dispatch *dispatch) {
    bool goes_on = dispatch->is_up;
    for (size_t i = 0; i < DISPATCH_FLYING_MAX && goes_on; i++) {
        if (dispatch->has_old_values && dispatch->beyond == 0 && dispatch->fresh == NULL) {
            change_old_values(dispatch);
        }
        while (goes_on && !dispatch->flying[i].is_used) {
            refill(dispatch);
            goes_on = publish_next(dispatch, &dispatch->flying[i]);
        }
    }
}

uint64_t dispatch_stalled_ms(const struct dispatch *dispatch, uint64_t now_ms) {
    const struct dispatch_row *oldest = dispatch->window;
    return oldest != NULL && now_ms > oldest->since_ms ? now_ms - oldest->since_ms : 0;
}
