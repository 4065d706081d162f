#include "kept.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <uv.h>

#include "complain.h"
#include "roster.h"
#include "session.h"

#define READINGS_MAX 65536

/* A keeper is asked within U(0, min(500, 20 + rows)) ms after it was heard (PROTOCOL.md, section 12), and
 * answers within this. */
#define ANSWER_MS 200
#define ASK_MS 20
#define ASK_MS_MAX 500

struct reading {
    uint8_t id[MUSTER_ID_BYTES];
    char topic[MUSTER_TOPIC_BYTES_MAX + 1];
    char record[MUSTER_NAME_BYTES_MAX + 1];
    char unit[MUSTER_NAME_BYTES_MAX + 1];
};

struct kept_look {
    struct session session;
    const struct snapshot *snapshot;
    const struct operands *patterns;
    uv_timer_t quiet;              /* nothing came for a while */
    struct muster_peer_list there; /* when it ends */
    struct muster_pack pack;
    struct reading *readings;
    size_t count;
    size_t room;
    bool is_quiet; /* all that was to come came */
    bool failed;   /* memory was out */
};

/* ---- collecting ---- */

static struct reading *add(struct kept_look *look) {
    if (look->count == look->room) {
        const size_t room = look->room > 0 ? 2 * look->room : 64;
        struct reading *readings = realloc(look->readings, room * sizeof(*readings));
        if (readings == NULL) {
            look->failed = true;
            return NULL;
        }
        look->readings = readings;
        look->room = room;
    }
    return &look->readings[look->count++];
}

/* The name below the topic, "" for the topic's own; NULL when it is neither. */
static const char *name_below(const char *topic, const char *full_name) {
    const size_t length = strlen(topic);
    if (strncmp(full_name, topic, length) != 0 || (full_name[length] != '\0' && full_name[length] != '/')) {
        return NULL;
    }
    const char *name = full_name + length + (full_name[length] == '/' ? 1 : 0);
    return strlen(name) <= MUSTER_NAME_BYTES_MAX ? name : NULL;
}

static void note(struct kept_look *look, const struct muster_sample *sample,
                 const struct muster_record *record) {
    const char *name = name_below(sample->topic, record->name);
    struct reading *reading = name != NULL && look->count < READINGS_MAX ? add(look) : NULL;
    if (reading == NULL) {
        return;
    }
    *reading = (struct reading){.unit = ""};
    memcpy(reading->id, sample->id, sizeof(reading->id));
    strncpy(reading->topic, sample->topic, sizeof(reading->topic) - 1);
    strncpy(reading->record, name, sizeof(reading->record) - 1);
    if (record->unit != NULL && strlen(record->unit) < sizeof(reading->unit)) {
        strcpy(reading->unit, record->unit);
    }
}

static void on_quiet(uv_timer_t *timer) {
    struct kept_look *look = timer->data;
    look->is_quiet = true;
    session_end(&look->session, STATUS_OK);
}

static void wait_on(struct kept_look *look) {
    const uint64_t ask_ms = ASK_MS + look->snapshot->list.count;
    uv_timer_start(&look->quiet, on_quiet, (ask_ms < ASK_MS_MAX ? ask_ms : ASK_MS_MAX) + ANSWER_MS, 0);
}

static void on_sample(muster_t *node, const struct muster_sample *sample, void *context) {
    struct kept_look *look = context;
    struct muster_record record;
    (void)node;
    if (sample->kind != MUSTER_SAMPLE_LAST || sample->seq != 0) {
        return;
    }
    muster_pack_open(&look->pack, sample->body, sample->length, 0);
    while (muster_pack_next(&look->pack, &record) == 1) {
        note(look, sample, &record);
    }
    if (uv_is_active((const uv_handle_t *)&look->quiet)) {
        wait_on(look);
    }
}

static void on_settled(void *context) {
    wait_on(context);
}

static int on_deadline(void *context) {
    (void)context;
    return STATUS_OK; /* what came by then is listed */
}

static void on_ending(void *context) {
    struct kept_look *look = context;
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

/* Who is there announces what it publishes now. */
static bool is_announced(const struct muster_peer_list *list, const struct reading *reading) {
    const struct muster_peer *peer = find(list, reading->id);
    bool is_announced = false;
    for (size_t i = 0; peer != NULL && roster_is_there(peer) && i < peer->document.topic_count; i++) {
        is_announced = is_announced || strcmp(peer->document.topics[i].name, reading->topic) == 0;
    }
    return is_announced;
}

static int compare(const void *left, const void *right) {
    const struct reading *a = left;
    const struct reading *b = right;
    int order = memcmp(a->id, b->id, MUSTER_ID_BYTES);
    order = order != 0 ? order : strcmp(a->topic, b->topic);
    return order != 0 ? order : strcmp(a->record, b->record);
}

/* Of those that two keepers have one is left, and none that is listed anyway. */
static void drop_known(struct kept_look *look) {
    size_t kept = 0;
    for (size_t i = 0; i < look->count; i++) {
        const struct reading *reading = &look->readings[i];
        bool is_copy = kept > 0 && compare(&look->readings[kept - 1], reading) == 0;
        if (!is_copy && !is_announced(&look->snapshot->list, reading) &&
            !is_announced(&look->there, reading)) {
            look->readings[kept++] = *reading;
        }
    }
    look->count = kept;
}

/* Sorted readings of one publisher as its topics. */
static size_t put_topics(const struct reading *readings, size_t count, struct muster_topic *topics,
                         struct muster_text *units) {
    size_t topic_count = 0;
    for (size_t i = 0; i < count; i++) {
        const bool is_new = i == 0 || strcmp(readings[i].topic, readings[i - 1].topic) != 0;
        units[i] = (struct muster_text){.name = readings[i].record, .value = readings[i].unit};
        if (is_new) {
            topics[topic_count++] =
                (struct muster_topic){.name = readings[i].topic, .unit = "", .units = &units[i]};
        }
        topics[topic_count - 1].unit_count++;
    }
    return topic_count;
}

static int add_publisher(const struct kept_look *look, const struct reading *readings, size_t count,
                         struct muster_peer_list *publishers) {
    const struct muster_peer *row = find(&look->snapshot->list, readings->id);
    struct muster_topic *topics = calloc(count, sizeof(*topics));
    struct muster_text *units = calloc(count, sizeof(*units));
    struct muster_peer peer = {.state = row != NULL ? row->state : MUSTER_LOST,
                               .document = {.name = row != NULL ? row->document.name : ""}};
    int error = topics == NULL || units == NULL ? MUSTER_ENOMEM : 0;
    memcpy(peer.id, readings->id, sizeof(peer.id));
    if (error == 0) {
        peer.document.topic_count = put_topics(readings, count, topics, units);
        peer.document.topics = topics;
        error = muster_peer_list_add(publishers, &peer);
    }
    free(topics);
    free(units);
    return error;
}

static int add_publishers(struct kept_look *look, struct muster_peer_list *publishers) {
    int error = look->failed ? MUSTER_ENOMEM : 0;
    if (look->count > 0) {
        qsort(look->readings, look->count, sizeof(*look->readings), compare);
    }
    drop_known(look);
    for (size_t i = 0, end; i < look->count && error == 0; i = end) {
        const uint8_t *id = look->readings[i].id;
        for (end = i + 1; end < look->count && memcmp(look->readings[end].id, id, MUSTER_ID_BYTES) == 0;) {
            end++;
        }
        error = add_publisher(look, &look->readings[i], end - i, publishers);
    }
    return error;
}

/* ---- asking ---- */

static bool has_keeper(const struct snapshot *snapshot) {
    for (size_t i = 0; i < snapshot->list.count; i++) {
        const struct muster_peer *peer = &snapshot->list.peers[i];
        if (peer->document.keep_count > 0 && roster_is_there(peer)) {
            return true;
        }
    }
    return false;
}

static void on_open(void *context) {
    static const char *const all[] = {"#"};
    struct kept_look *look = context;
    const bool is_all = look->patterns->count == 0;
    const struct muster_subscription_options wanted = {
        .size = sizeof wanted,
        .patterns = is_all ? all : (const char *const *)look->patterns->values,
        .pattern_count = is_all ? 1 : look->patterns->count,
        .newest = true,
    };
    muster_subscription_t *subscription;
    uv_timer_init(&look->session.loop, &look->quiet);
    look->quiet.data = look;
    const int error = look->session.ended ? 0
                                          : muster_subscribe(look->session.node, &wanted, on_sample, NULL,
                                                             look, &subscription);
    if (error != 0) {
        session_fail(&look->session, error);
    }
}

int kept_look(const struct settings *settings, struct snapshot *snapshot, const struct operands *patterns,
              uint64_t timeout_ms, struct muster_peer_list *publishers) {
    struct kept_look look = {.snapshot = snapshot, .patterns = patterns};
    if (!has_keeper(snapshot)) {
        return STATUS_OK;
    }
    const struct session_request request = {.timeout_ms = timeout_ms,
                                            .on_open = on_open,
                                            .on_settled = on_settled,
                                            .on_ending = on_ending,
                                            .on_deadline = on_deadline,
                                            .context = &look};
    int status = session_hold(&look.session, settings, &request);
    snapshot->cut_off = snapshot->cut_off || !look.is_quiet;
    if (look.count == READINGS_MAX) {
        complain(settings, "more than %d readings are kept; the others are not listed", READINGS_MAX);
    }
    if (status == STATUS_OK && add_publishers(&look, publishers) != 0) {
        status = complain_error(settings, MUSTER_ENOMEM);
    }
    muster_peer_list_free(&look.there);
    free(look.readings);
    return status;
}
