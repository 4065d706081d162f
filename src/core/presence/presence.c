#include "presence.h"

#include <stdlib.h>
#include <string.h>

#include <muster/telemetry.h>

#include "change.h"
#include "deadline.h"
#include "node.h"
#include "send.h"

#define STRETCH_MIN 0.75
#define STRETCH_MAX 1.25
/* Ethernet with preamble and gap, IPv4 and UDP, around each datagram. */
#define FRAME_OVERHEAD_BYTES 66
#define ALIVE_BYTES_EXPECTED 300

static void forget_schedule(struct presence *presence) {
    for (size_t i = 0; i < MUSTER_COPIES; i++) {
        presence->copies_ms[i] = DEADLINE_NEVER;
    }
    for (size_t i = 0; i < MUSTER_COPIES - 1; i++) {
        presence->repeats_ms[i] = DEADLINE_NEVER;
    }
    presence->alive_ms = DEADLINE_NEVER;
}

/* ---- the document ---- */

static struct message announce_of(const struct muster_core *core, const struct muster_document *document) {
    struct message message = {.kind = MESSAGE_ANNOUNCE, .document = *document};
    memcpy(message.id, core->identity.id, MUSTER_ID_BYTES);
    message.boot = core->identity.boot;
    message.has_key = core->identity.has_key;
    memcpy(message.key, core->identity.key, MUSTER_KEY_BYTES);
    message.stream = core->stream;
    return message;
}

static int error_of(enum muster_drop reason) {
    if (reason == MUSTER_DROP_MEMORY) {
        return MUSTER_ENOMEM;
    }
    return reason == MUSTER_DROP_TOO_LONG || reason == MUSTER_DROP_NODES ? MUSTER_ETOOBIG : MUSTER_EINVAL;
}

/* An announce tells of the shards of its own topics only: who has none needs no room for it. */
static void fill_longest_sent(struct message *longest) {
    for (size_t i = 0; i < longest->document.topic_count; i++) {
        longest->sent[muster_topic_shard(longest->document.topics[i].name)] = MUSTER_INTEGER_MAX;
    }
}

/* Encodes the longest announce that the document can make, and decodes it: what others could not read is
 * refused here, and what is left lives in one place. */
static int decode_longest(const struct muster_core *core, struct message longest, struct message *own,
                          size_t *bytes_max) {
    longest.seq = longest.rev = longest.boot = MUSTER_INTEGER_MAX;
    longest.next_ms = MUSTER_NEXT_MS_MAX;
    longest.peers = MUSTER_PEERS_CLAIM_MAX;
    longest.tells_sent = longest.document.topic_count > 0;
    fill_longest_sent(&longest);
    longest.is_answer = true;
    longest.heard = (1u << MUSTER_PATH_KINDS) - 1;
    uint8_t bytes[MUSTER_DATAGRAM_BYTES_MAX];
    int length = message_encode(&longest, identity_signer(&core->identity), 0, bytes, sizeof bytes);
    if (length < 0) {
        return length;
    }
    enum muster_drop reason;
    if (!message_decode(bytes, (size_t)length, own, &reason)) {
        return error_of(reason);
    }
    *bytes_max = (size_t)length;
    return 0;
}

/* The same for lists that go into a body, to be freed by the caller. */
static int decode_large(const struct muster_core *core, const struct muster_document *document,
                        struct message *own, size_t *bytes_max, uint8_t **body) {
    struct message longest = announce_of(core, document);
    enum muster_drop reason;
    int error = message_encode_body(document, body, &longest.size);
    if (error != 0) {
        return error;
    }
    message_hash_body(*body, longest.size, longest.hash);
    error = decode_longest(core, longest, own, bytes_max);
    if (error == 0 && !message_take_body(own, *body, longest.size, &reason)) {
        message_deinit(own);
        error = error_of(reason);
    }
    if (error != 0) {
        free(*body);
        *body = NULL;
    }
    return error;
}

/* Others can fetch a body from who has a stream, and trust it by the announce's key. */
static bool may_be_large(const struct muster_core *core) {
    return core->stream != 0 && core->identity.has_key;
}

static bool are_set(const struct muster_text *texts, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (texts[i].name == NULL || texts[i].value == NULL) {
            return false;
        }
    }
    return true;
}

static bool are_topics_set(const struct muster_topic *topics, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (topics[i].name == NULL || !are_set(topics[i].units, topics[i].unit_count)) {
            return false;
        }
    }
    return true;
}

/* Of all texts only a service's name and a topic's own unit may be NULL. */
static bool is_complete(const struct muster_document *document) {
    for (size_t i = 0; i < document->service_count; i++) {
        const struct muster_service *service = &document->services[i];
        if (service->type == NULL || service->proto == NULL || !are_set(service->txt, service->txt_count)) {
            return false;
        }
    }
    return document->name != NULL && are_set(document->attrs, document->attr_count) &&
           are_topics_set(document->topics, document->topic_count);
}

static int set_document(struct muster_core *core, const struct muster_document *document) {
    struct presence *presence = &core->presence;
    struct message own;
    size_t bytes_max;
    uint8_t *body = NULL;
    if (!is_complete(document)) {
        return MUSTER_EINVAL;
    }
    int error = decode_longest(core, announce_of(core, document), &own, &bytes_max);
    if (error == MUSTER_ETOOBIG && may_be_large(core)) {
        error = decode_large(core, document, &own, &bytes_max, &body);
    }
    if (error != 0) {
        return error;
    }
    presence_deinit(presence);
    presence->own = own;
    presence->announce_bytes_max = bytes_max;
    presence->body = body;
    presence->body_length = own.size;
    presence->rev++;
    return 0;
}

int presence_set_document(struct muster_core *core, const struct muster_document *document) {
    struct muster_document whole = *document;
    whole.topics = core->presence.own.document.topics;
    whole.topic_count = core->presence.own.document.topic_count;
    whole.keeps = core->keeper.patterns;
    whole.keep_count = core->keeper.pattern_count;
    return set_document(core, &whole);
}

/* ---- the same document ---- */

static bool are_same_texts(const struct muster_text *a, size_t a_count, const struct muster_text *b,
                           size_t b_count) {
    bool is_same = a_count == b_count;
    for (size_t i = 0; is_same && i < a_count; i++) {
        is_same = strcmp(a[i].name, b[i].name) == 0 && strcmp(a[i].value, b[i].value) == 0;
    }
    return is_same;
}

static bool is_same_name(const char *a, const char *b) {
    return strcmp(a == NULL ? "" : a, b == NULL ? "" : b) == 0;
}

static bool is_same_service(const struct muster_service *a, const struct muster_service *b) {
    return a->port == b->port && strcmp(a->type, b->type) == 0 && strcmp(a->proto, b->proto) == 0 &&
           is_same_name(a->name, b->name) && are_same_texts(a->txt, a->txt_count, b->txt, b->txt_count);
}

/* But for its topics, which no document that is set brings along. */
static bool is_same_document(const struct muster_document *a, const struct muster_document *b) {
    bool is_same = strcmp(a->name, b->name) == 0 && a->service_count == b->service_count &&
                   are_same_texts(a->attrs, a->attr_count, b->attrs, b->attr_count);
    for (size_t i = 0; is_same && i < a->service_count; i++) {
        is_same = is_same_service(&a->services[i], &b->services[i]);
    }
    return is_same;
}

static bool are_same_topics(const struct muster_topic *a, size_t a_count, const struct muster_topic *b,
                            size_t b_count) {
    bool is_same = a_count == b_count;
    for (size_t i = 0; is_same && i < a_count; i++) {
        is_same = strcmp(a[i].name, b[i].name) == 0 && is_same_name(a[i].unit, b[i].unit) &&
                  a[i].rate >= b[i].rate && a[i].rate <= b[i].rate &&
                  are_same_texts(a[i].units, a[i].unit_count, b[i].units, b[i].unit_count);
    }
    return is_same;
}

int presence_change_document(struct muster_core *core, const struct muster_document *document) {
    if (is_complete(document) && is_same_document(document, &core->presence.own.document)) {
        return 0;
    }
    int error = presence_set_document(core, document);
    if (error == 0) {
        presence_announce(core);
    }
    return error;
}

int presence_apply_change(struct muster_core *core, const struct muster_change *change) {
    struct muster_document next;
    int error = change_apply(change, &core->presence.own.document, &next);
    if (error == 0) {
        error = presence_change_document(core, &next);
        change_free(&next);
    }
    return error;
}

int presence_set_topics(struct muster_core *core, const struct muster_topic *topics, size_t count) {
    const struct muster_document *own = &core->presence.own.document;
    if (core->is_observer || !are_topics_set(topics, count)) {
        return MUSTER_EINVAL;
    }
    if (are_same_topics(topics, count, own->topics, own->topic_count)) {
        return 0;
    }
    struct muster_document whole = *own;
    whole.topics = topics;
    whole.topic_count = count;
    int error = set_document(core, &whole);
    core->presence.has_news = core->presence.has_news || error == 0;
    return error;
}

void presence_deinit(struct presence *presence) {
    message_deinit(&presence->own);
    free(presence->body);
    presence->body = NULL;
}

/* ---- what is said ---- */

static uint64_t remaining_ms(const struct muster_core *core) {
    uint64_t promised_ms = core->presence.promised_ms;
    uint64_t left_ms = promised_ms > core->now_ms ? promised_ms - core->now_ms : 0;
    return left_ms < MUSTER_NEXT_MS_MIN ? MUSTER_NEXT_MS_MIN : left_ms;
}

/* True for who publishes, or did. */
static bool tells_sent(const struct muster_core *core) {
    bool has_sent = core->presence.own.document.topic_count > 0;
    for (size_t shard = 0; shard < MUSTER_SHARDS; shard++) {
        has_sent = has_sent || core->sent[shard] != 0;
    }
    return has_sent;
}

struct message presence_alive(const struct muster_core *core) {
    struct message message = {.kind = MESSAGE_ALIVE,
                              .rev = core->presence.rev,
                              .next_ms = remaining_ms(core),
                              .peers = peer_table_heard(&core->table)};
    message.tells_sent = tells_sent(core);
    memcpy(message.sent, core->sent, sizeof message.sent);
    return message;
}

struct message presence_describe(const struct muster_core *core) {
    struct message message = announce_of(core, &core->presence.own.document);
    message.size = core->presence.own.size;
    memcpy(message.hash, core->presence.own.hash, sizeof message.hash);
    message.rev = core->presence.rev;
    message.next_ms = remaining_ms(core);
    message.peers = peer_table_heard(&core->table);
    message.tells_sent = message.document.topic_count > 0;
    for (size_t shard = 0; shard < MUSTER_SHARDS; shard++) {
        message.sent[shard] = core->presence.own.sent[shard] == 0 ? 0 : core->sent[shard];
    }
    return message;
}

uint64_t presence_next_seq(struct muster_core *core) {
    return ++core->presence.seq;
}

static void say_announce(struct muster_core *core) {
    struct message message = presence_describe(core);
    message.seq = presence_next_seq(core);
    core->presence.announced_ms = core->now_ms;
    send_group(core, &message, SEND_EVERYWHERE, 0);
}

static void say_alive(struct muster_core *core) {
    struct message message = presence_alive(core);
    message.seq = presence_next_seq(core);
    size_t bytes = send_group(core, &message,
                              message.seq % MUSTER_EVERYWHERE_EACH == 0 ? SEND_EVERYWHERE : SEND_PRIMARY, 0);
    if (bytes > 0) {
        core->presence.alive_bytes = bytes;
    }
}

static void say_bye(struct muster_core *core) {
    struct message message = {.kind = MESSAGE_BYE, .seq = presence_next_seq(core)};
    send_group(core, &message, SEND_EVERYWHERE, 0);
}

/* ---- when ---- */

/* Whoever claims to be many must not silence the others. */
static size_t count_speakers(const struct peer_table *table) {
    size_t unverified = table->class_counts[CLASS_UNVERIFIED];
    size_t provisional = peer_table_provisional(table); /* nor may hearsay */
    size_t others = peer_table_present(table) - unverified - provisional;
    unverified += provisional;
    return others + (unverified < MUSTER_UNVERIFIED_SPEAKERS ? unverified : MUSTER_UNVERIFIED_SPEAKERS);
}

uint64_t presence_interval_ms(const struct muster_core *core) {
    size_t bytes = core->presence.alive_bytes > 0 ? core->presence.alive_bytes : ALIVE_BYTES_EXPECTED;
    double frame_bits = 8.0 * (double)(bytes + FRAME_OVERHEAD_BYTES);
    double speakers = (double)count_speakers(&core->table) + 1;
    double crowd_ms = 1000 * speakers * frame_bits / (double)core->budget_bps;
    double interval_ms = crowd_ms > (double)core->interval_min_ms ? crowd_ms : (double)core->interval_min_ms;
    double longest_ms = MUSTER_NEXT_MS_MAX / STRETCH_MAX;
    return (uint64_t)(interval_ms < longest_ms ? interval_ms : longest_ms);
}

static bool is_sleeper(const struct muster_core *core) {
    return core->interval_min_ms >= MUSTER_SLEEPER_MS;
}

/* Promises the longest that the interval may become by its random part, so that there is room to
 * reconsider. */
static void promise_next(struct muster_core *core) {
    struct presence *presence = &core->presence;
    uint64_t interval_ms = presence_interval_ms(core);
    presence->stretch = STRETCH_MIN + (STRETCH_MAX - STRETCH_MIN) * random_fraction(&core->random);
    presence->spoke_ms = core->now_ms;
    presence->alive_ms = core->now_ms + (uint64_t)((double)interval_ms * presence->stretch);
    presence->promised_ms = core->now_ms + (uint64_t)((double)interval_ms * STRETCH_MAX);
}

/* RFC 3550, 6.3: when the crowd has grown since, the moment moves, but never past the promise. */
static bool is_reconsidered(struct muster_core *core) {
    struct presence *presence = &core->presence;
    uint64_t moment_ms =
        presence->spoke_ms + (uint64_t)((double)presence_interval_ms(core) * presence->stretch);
    if (moment_ms > presence->promised_ms) {
        moment_ms = presence->promised_ms;
    }
    if (moment_ms <= core->now_ms) {
        return false;
    }
    presence->alive_ms = moment_ms;
    return true;
}

static void schedule_copies(struct muster_core *core) {
    static const uint64_t copy_ms[MUSTER_COPIES] = MUSTER_COPY_MS;
    bool is_crowd = peer_table_present(&core->table) > MUSTER_CROWD_ROWS;
    uint64_t interval_ms = presence_interval_ms(core);
    /* Changes that follow each other closely are told as one. */
    uint64_t earliest_ms = core->presence.announced_ms + MUSTER_GROUP_ANSWER_MS;
    uint64_t begin_ms = core->presence.seq > 0 && earliest_ms > core->now_ms ? earliest_ms : core->now_ms;
    for (size_t i = 0; i < MUSTER_COPIES; i++) {
        core->presence.copies_ms[i] =
            begin_ms + (is_crowd ? random_ms(&core->random, interval_ms) : copy_ms[i]);
    }
}

void presence_announce(struct muster_core *core) {
    struct presence *presence = &core->presence;
    if (core->is_observer || core->paths.count == 0 || presence->state >= PRESENCE_LEAVING) {
        return;
    }
    if (presence->state == PRESENCE_SILENT) {
        presence->state = PRESENCE_SPEAKING;
        forget_schedule(presence);
        promise_next(core);
    }
    schedule_copies(core);
}

void presence_restart(struct muster_core *core) {
    core->presence.seq = 0;
    core->presence.rev = 1;
    memset(core->sent, 0, sizeof core->sent);
    core->presence.state = PRESENCE_SILENT;
    presence_announce(core);
}

void presence_leave(struct muster_core *core) {
    struct presence *presence = &core->presence;
    bool has_spoken = presence->state == PRESENCE_SPEAKING && presence->seq > 0;
    forget_schedule(presence);
    presence->state = has_spoken ? PRESENCE_LEAVING : PRESENCE_LEFT;
    presence->byes_left = has_spoken ? MUSTER_COPIES : 0;
    presence->bye_ms = core->now_ms;
}

static bool is_due(const struct muster_core *core, uint64_t *moment_ms) {
    if (*moment_ms > core->now_ms) {
        return false;
    }
    *moment_ms = DEADLINE_NEVER;
    return true;
}

static void tick_leaving(struct muster_core *core) {
    struct presence *presence = &core->presence;
    if (presence->bye_ms > core->now_ms) {
        return;
    }
    say_bye(core);
    presence->bye_ms = core->now_ms + MUSTER_BYE_SPACING_MS;
    if (--presence->byes_left == 0) {
        presence->state = PRESENCE_LEFT;
    }
}

static void tick_speaking(struct muster_core *core) {
    static const uint64_t copy_ms[MUSTER_COPIES] = MUSTER_COPY_MS;
    struct presence *presence = &core->presence;
    for (size_t i = 0; i < MUSTER_COPIES; i++) {
        if (is_due(core, &presence->copies_ms[i])) {
            say_announce(core);
        }
    }
    for (size_t i = 0; i < MUSTER_COPIES - 1; i++) {
        if (is_due(core, &presence->repeats_ms[i])) {
            say_alive(core);
        }
    }
    if (presence->alive_ms > core->now_ms || is_reconsidered(core)) {
        return;
    }
    promise_next(core);
    say_alive(core);
    for (size_t i = 0; is_sleeper(core) && i < MUSTER_COPIES - 1; i++) {
        presence->repeats_ms[i] = core->now_ms + copy_ms[i + 1];
    }
}

void presence_tick(struct muster_core *core) {
    if (core->presence.has_news) {
        core->presence.has_news = false;
        presence_announce(core);
    }
    if (core->presence.state == PRESENCE_SPEAKING) {
        if (core->paths.count == 0) {
            return; /* a number that nobody can hear would look like a loss */
        }
        tick_speaking(core);
    } else if (core->presence.state == PRESENCE_LEAVING) {
        tick_leaving(core);
    }
}

uint64_t presence_deadline(const struct muster_core *core) {
    const struct presence *presence = &core->presence;
    if (presence->state == PRESENCE_LEAVING) {
        return presence->bye_ms;
    }
    if (presence->state != PRESENCE_SPEAKING || core->paths.count == 0) {
        return DEADLINE_NEVER;
    }
    uint64_t deadline_ms = presence->alive_ms;
    for (size_t i = 0; i < MUSTER_COPIES; i++) {
        deadline_ms = deadline_earlier(deadline_ms, presence->copies_ms[i]);
    }
    for (size_t i = 0; i < MUSTER_COPIES - 1; i++) {
        deadline_ms = deadline_earlier(deadline_ms, presence->repeats_ms[i]);
    }
    return deadline_ms;
}
