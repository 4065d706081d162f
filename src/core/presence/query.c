#include "query.h"

#include <string.h>

#include "deadline.h"
#include "node.h"
#include "send.h"

static const uint64_t repeat_ms[MUSTER_QUERIES] = MUSTER_QUERY_REPEAT_MS;

void query_send(struct muster_core *core, struct message *query, const struct muster_endpoint *destination,
                uint32_t interface) {
    if (core->presence.state == PRESENCE_LEFT) {
        return;
    }
    query->kind = MESSAGE_QUERY;
    query->nonce = nonces_current(&core->nonces, &core->random, core->now_ms);
    query->count = ++core->query.count;
    query->said = core->presence.seq;
    core->admission.counters.questions++;
    if (destination != NULL) {
        send_unicast(core, query, MUSTER_ANNOUNCE_BYTES_MAX, destination, interface);
        return;
    }
    send_group(core, query, SEND_EVERYWHERE, query->wants ? MUSTER_ANNOUNCE_BYTES_MAX : 0);
}

/* Begins the round that is planned. */
static void begin_round(struct muster_core *core) {
    struct query *query = &core->query;
    query->is_active = true;
    query->is_planned = false;
    query->asked = 0;
    query->claim = 0;
    query->waiting = query->planned;
    query->planned = 0;
    query->began_ms = core->now_ms;
    query->news_ms = core->now_ms;
    fetch_begin_round(core);
    memcpy(query->type, query->next_type, sizeof query->type);
    memcpy(query->name, query->next_name, sizeof query->name);
}

/* Plans the next round; two with different wishes go on as one for everybody. */
static void plan(struct query *query, const char *type, const char *name) {
    if (query->is_planned && (strcmp(query->next_type, type) != 0 || strcmp(query->next_name, name) != 0)) {
        type = "";
        name = "";
    }
    query->is_planned = true;
    strcpy(query->next_type, type);
    strcpy(query->next_name, name);
}

int query_begin(struct muster_core *core, const char *type, const char *name, bool is_awaited) {
    struct query *query = &core->query;
    if (!message_can_want(type, name)) { /* everybody would drop the question */
        return MUSTER_EINVAL;
    }
    if (is_awaited && query->waiting + query->planned == MUSTER_QUERIES_MAX) {
        return MUSTER_EFULL;
    }
    plan(query, type == NULL ? "" : type, name == NULL ? "" : name);
    query->planned += is_awaited ? 1 : 0;
    if (!query->is_active) {
        begin_round(core);
    }
    return 0;
}

void query_note_peer(struct muster_core *core) {
    core->query.news_ms = core->now_ms;
}

void query_note_claim(struct muster_core *core, uint64_t peers) {
    if (peers > core->query.claim) {
        core->query.claim = peers;
    }
}

/* Lists who need not answer, as many as fit: not those of whom others only told. */
static void list_known(const struct muster_core *core, struct message *message) {
    bool is_for_all = message->want_type == NULL && message->want_name == NULL;
    size_t room = is_for_all ? MUSTER_QUERY_IDS_SENT : MUSTER_QUERY_IDS_SENT_BESIDE;
    for (const struct peer *peer = core->table.by_id; peer != NULL && message->known_count < room;
         peer = peer->hh.next) {
        if (peer->state == MUSTER_ALIVE && !peer->is_provisional) {
            memcpy(message->known[message->known_count++], peer->id, MUSTER_ID_BYTES);
        }
    }
}

static void ask(struct muster_core *core) {
    struct query *query = &core->query;
    if (query->asked == 0 && core->now_ms > query->began_ms) { /* without paths it had to wait */
        query->began_ms = core->now_ms;
        query->news_ms = core->now_ms;
    }
    struct message message = {.wants = true,
                              .takes_table = fetch_takes_table(core),
                              .want_type = query->type[0] == '\0' ? NULL : query->type,
                              .want_name = query->name[0] == '\0' ? NULL : query->name};
    if (query->asked > 0) {
        list_known(core, &message);
    }
    query->asked++;
    query_send(core, &message, NULL, 0);
}

/* Rows there should be, as far as others say; 0: nobody said. The sender of a claim does not count itself,
 * and an observer is counted by nobody. */
static uint64_t expected_rows(const struct muster_core *core) {
    const struct query *query = &core->query;
    bool is_for_all = query->type[0] == '\0' && query->name[0] == '\0';
    return !is_for_all || peer_table_present(&core->table) == 0 ? 0
                                                                : query->claim + (core->is_observer ? 1 : 0);
}

static bool is_complete(const struct muster_core *core) {
    uint64_t expected = expected_rows(core);
    return expected > 0 && peer_table_present(&core->table) >= expected && !fetch_is_busy(core);
}

static bool is_missing(const struct muster_core *core) {
    return peer_table_present(&core->table) < expected_rows(core);
}

static unsigned count_questions(const struct muster_core *core) {
    return is_missing(core) ? MUSTER_QUERIES : MUSTER_QUERIES_SURE;
}

/* When the first answers must be in, before which a claim means nothing: its sender may have just started. */
static uint64_t first_window_end_ms(const struct muster_core *core) {
    const uint64_t longest_ms = MUSTER_ANSWER_MS_MIN + MUSTER_TABLE_ROWS;
    uint64_t window_ms = answer_window_ms(core);
    if (fetch_took_table(core) && window_ms > longest_ms) {
        window_ms = longest_ms; /* who holds more rows keeps silent, or answers sooner */
    }
    return core->query.began_ms + MUSTER_ANSWER_MS_MIN + window_ms;
}

static uint64_t silence_end_ms(const struct muster_core *core) {
    const struct query *query = &core->query;
    uint64_t window_ms =
        answer_window_ms(core) > MUSTER_SILENCE_MS_MIN ? answer_window_ms(core) : MUSTER_SILENCE_MS_MIN;
    uint64_t asked_ms = query->began_ms + repeat_ms[count_questions(core) - 1];
    uint64_t end_ms = (query->news_ms > asked_ms ? query->news_ms : asked_ms) + window_ms;
    uint64_t latest_ms = query->began_ms + MUSTER_QUERY_MS_MAX;
    return end_ms < latest_ms && !fetch_is_busy(core) ? end_ms : latest_ms;
}

static void settle(struct muster_core *core) {
    core->outbox.settled_count += core->query.waiting;
    core->query.is_active = false;
    core->query.waiting = 0;
    if (core->query.is_planned) {
        begin_round(core);
    }
}

void query_tick(struct muster_core *core) {
    struct query *query = &core->query;
    if (!query->is_active || core->paths.count == 0) {
        return;
    }
    if (query->asked > 0 && is_complete(core) && core->now_ms >= first_window_end_ms(core)) {
        settle(core);
        return;
    }
    if (query->asked < count_questions(core) && core->now_ms >= query->began_ms + repeat_ms[query->asked]) {
        ask(core);
    }
    if (core->now_ms >= silence_end_ms(core)) {
        settle(core);
    }
}

uint64_t query_deadline(const struct muster_core *core) {
    const struct query *query = &core->query;
    if (!query->is_active || core->paths.count == 0) {
        return DEADLINE_NEVER;
    }
    uint64_t deadline_ms = silence_end_ms(core);
    if (query->asked < count_questions(core) && query->began_ms + repeat_ms[query->asked] < deadline_ms) {
        deadline_ms = query->began_ms + repeat_ms[query->asked];
    }
    uint64_t window_ms = first_window_end_ms(core);
    return is_complete(core) && window_ms < deadline_ms ? window_ms : deadline_ms;
}
