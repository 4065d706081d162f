/* SPDX-License-Identifier: MIT */
#include "query.h"

#include <string.h>

#include "crowd.h"
#include "deadline.h"
#include "endpoint.h"
#include "presence.h"
#include "send.h"

static const uint64_t repeat_ms[MUSTER_QUERIES] = MUSTER_QUERY_REPEAT_MS;

void query_send(struct presence *presence, struct message *query, const struct muster_endpoint *destination,
                uint32_t interface) {
    const size_t least = destination != NULL ? MUSTER_PROOF_BYTES : 0;
    query_send_padded(presence, query, destination, interface,
                      query->wants ? paths_announce_bytes(&presence->context->paths) : least);
}

void query_send_padded(struct presence *presence, struct message *query,
                       const struct muster_endpoint *destination, uint32_t interface, size_t pad_to) {
    if (presence->announcer.state == ANNOUNCER_LEFT) {
        return;
    }
    query->kind = MESSAGE_QUERY;
    query->nonce = proof_nonce(presence);
    query->count = ++presence->query.count;
    query->said = presence->announcer.seq;
    presence->context->counters.questions++;
    if (destination != NULL) {
        send_unicast(presence->context, query, pad_to, destination, interface);
    } else {
        send_group(presence->context, query, NULL, pad_to);
    }
}

/* A table was taken in this round. */
static bool has_table(const struct query *query) {
    return query->tables.has_begun && !query->tables.has_failed && !query->tables.is_under_way;
}

/* Begins the round that is planned. */
static void begin_round(struct presence *presence) {
    struct query *query = &presence->query;
    uint64_t now_ms = presence->context->now_ms;
    *query = (struct query){.count = query->count,
                            .round = query->round + 1,
                            .began_ms = now_ms,
                            .news_ms = now_ms,
                            .is_again = crowd_is_here(presence),
                            .tables = {.busy_from_ms = DEADLINE_NEVER},
                            .wish = query->next};
}

/* Plans the next round; two with different wishes go on as one for everybody. */
static void plan(struct query_wish *next, const char *type, const char *name) {
    bool is_other = next->is_set && (strcmp(next->type, type) != 0 || strcmp(next->name, name) != 0);
    next->is_set = true;
    strcpy(next->type, is_other ? "" : type);
    strcpy(next->name, is_other ? "" : name);
}

int query_begin(struct presence *presence, const char *type, const char *name, bool is_awaited) {
    struct query *query = &presence->query;
    if (!message_can_want(type, name)) { /* everybody would drop the question */
        return MUSTER_EINVAL;
    }
    if (is_awaited && query->wish.waiting + query->next.waiting == MUSTER_QUERIES_MAX) {
        return MUSTER_EFULL;
    }
    plan(&query->next, type == NULL ? "" : type, name == NULL ? "" : name);
    query->next.waiting += is_awaited ? 1 : 0;
    if (!query->wish.is_set) {
        begin_round(presence);
    }
    return 0;
}

void query_record_reported(struct presence *presence, const struct muster_endpoint *source, uint64_t peers) {
    struct claim *claims = presence->query.claims;
    const struct claim claim = {.source = *source, .peers = peers};
    bool is_firsts = endpoint_is_same_host(&claims[0].source, source);
    if (peers > claims[0].peers) {
        claims[1] = is_firsts ? claims[1] : claims[0];
        claims[0] = claim;
    } else if (!is_firsts && peers > claims[1].peers) {
        claims[1] = claim;
    }
}

/* Lists who need not answer, as many as fit: not those of whom others only told. */
static void list_known(const struct presence *presence, struct message *message) {
    bool is_for_all = message->want_type == NULL && message->want_name == NULL;
    size_t name_length = message->want_name == NULL ? 0 : strlen(message->want_name);
    size_t most = is_for_all                             ? MUSTER_QUERY_IDS_SENT
                  : name_length <= MUSTER_NAME_BYTES_MAX ? MUSTER_QUERY_IDS_SENT_BESIDE
                                                         : MUSTER_QUERY_IDS_SENT_LONG;
    size_t room = paths_fitting(&presence->context->paths, most, MUSTER_QUERY_ID_BYTES);
    for (const struct peer *peer = presence->table.by_id; peer != NULL && message->known_count < room;
         peer = peer->hh.next) {
        if (peer->state == MUSTER_ALIVE && !peer->is_provisional) {
            memcpy(message->known[message->known_count++], peer->id, MUSTER_ID_BYTES);
        }
    }
}

/* A question of this round may leave the answering to a few when it is the first one, and later only where
 * one of those few gives its table. */
static bool takes_table(const struct presence *presence) {
    const struct query *query = &presence->query;
    return presence->context->has_streams && !query->tables.has_failed &&
           (query->asked == 0 || query->tables.has_begun);
}

/* A table is being taken, or documents that a look should wait for. */
static bool is_fetching(const struct presence *presence) {
    return presence->query.tables.busy_from_ms <= presence->context->now_ms;
}

static void ask(struct presence *presence) {
    struct query *query = &presence->query;
    if (query->asked == 0 && presence->context->now_ms > query->began_ms) { /* without paths it had to wait */
        query->began_ms = presence->context->now_ms;
        query->news_ms = presence->context->now_ms;
    }
    struct message message = {.wants = true,
                              .takes_table = takes_table(presence),
                              .want_type = query->wish.type[0] == '\0' ? NULL : query->wish.type,
                              .want_name = query->wish.name[0] == '\0' ? NULL : query->wish.name};
    if (query->asked > 0 || (query->is_again && query->wish.waiting == 0)) {
        list_known(presence, &message);
    }
    query->asked++;
    query_send(presence, &message, NULL, 0);
}

/* Rows there should be, as far as others say; 0: nobody said. The sender of a claim does not count itself,
 * and an observer is counted by nobody. With more than two addresses a second one has to bear a claim out;
 * and what a table that was taken did not bring is not there. */
static uint64_t expected_rows(const struct presence *presence) {
    const struct query *query = &presence->query;
    bool is_for_all = query->wish.type[0] == '\0' && query->wish.name[0] == '\0';
    bool is_crowded = presence->table.addresses.count > 2;
    const struct claim *claim = &query->claims[is_crowded ? 1 : 0];
    uint64_t present = peer_table_present(&presence->table);
    uint64_t expected = claim->peers + (presence->context->is_observer ? 1 : 0);
    if (!is_for_all || present == 0 || (is_crowded && claim->peers == 0)) {
        return 0;
    }
    return has_table(query) && expected > present ? present : expected;
}

static bool is_complete(const struct presence *presence) {
    uint64_t expected = expected_rows(presence);
    return expected > 0 && peer_table_present(&presence->table) >= expected && !is_fetching(presence);
}

/* In a crowd that nobody waits for, what its members say to the group tells of them. */
static unsigned count_questions(const struct presence *presence) {
    bool is_missing = peer_table_present(&presence->table) < expected_rows(presence);
    if (presence->query.wish.waiting == 0 && (presence->query.is_again || crowd_is_rush(presence))) {
        return presence->query.asked > 1 ? presence->query.asked : 1;
    }
    return is_missing ? MUSTER_QUERIES : MUSTER_QUERIES_SURE;
}

static uint64_t next_question_ms(const struct presence *presence) {
    const struct query *query = &presence->query;
    return query->asked < count_questions(presence) ? query->began_ms + repeat_ms[query->asked]
                                                    : DEADLINE_NEVER;
}

/* When the first answers must be in, before which a claim means nothing: its sender may have just started. */
static uint64_t first_window_end_ms(const struct presence *presence) {
    const uint64_t longest_ms = MUSTER_ANSWER_MS_MIN + MUSTER_TABLE_ROWS;
    uint64_t window_ms = answer_window_ms(presence);
    if (has_table(&presence->query) && window_ms > longest_ms) {
        window_ms = longest_ms; /* who holds more rows keeps silent, or answers sooner */
    }
    return presence->query.began_ms + MUSTER_ANSWER_MS_MIN + window_ms;
}

static uint64_t silence_end_ms(const struct presence *presence) {
    const struct query *query = &presence->query;
    uint64_t window_ms = answer_window_ms(presence) > MUSTER_SILENCE_MS_MIN ? answer_window_ms(presence)
                                                                            : MUSTER_SILENCE_MS_MIN;
    uint64_t asked_ms = query->began_ms + repeat_ms[count_questions(presence) - 1];
    uint64_t end_ms = (query->news_ms > asked_ms ? query->news_ms : asked_ms) + window_ms;
    uint64_t latest_ms = query->began_ms + MUSTER_QUERY_MS_MAX;
    return end_ms < latest_ms && !is_fetching(presence) ? end_ms : latest_ms;
}

static void settle(struct presence *presence) {
    struct query *query = &presence->query;
    presence->context->outbox.settled_count += query->wish.waiting;
    query->wish = (struct query_wish){0};
    if (query->next.is_set) {
        begin_round(presence);
    }
}

uint64_t query_tick(struct presence *presence) {
    const struct query *query = &presence->query;
    uint64_t now_ms = presence->context->now_ms;
    if (!query->wish.is_set || presence->context->paths.count == 0) {
        return DEADLINE_NEVER;
    }
    bool is_answered = query->asked > 0 && is_complete(presence) && now_ms >= first_window_end_ms(presence);
    if (!is_answered && now_ms >= next_question_ms(presence)) {
        ask(presence);
    }
    if (is_answered || now_ms >= silence_end_ms(presence)) {
        settle(presence);
    }
    if (!query->wish.is_set) {
        return DEADLINE_NEVER;
    }
    uint64_t due_ms = deadline_earlier(silence_end_ms(presence), next_question_ms(presence));
    return is_complete(presence) ? deadline_earlier(due_ms, first_window_end_ms(presence)) : due_ms;
}
