/* SPDX-License-Identifier: MIT */
#include "answer.h"

#include <string.h>

#include <sodium.h>

#include "array.h"
#include "crowd.h"
#include "deadline.h"
#include "endpoint.h"
#include "group.h"
#include "lists.h"
#include "presence.h"
#include "send.h"

uint64_t answer_window_ms(const struct presence *presence) {
    uint64_t window_ms = MUSTER_ANSWER_MS_MIN + peer_table_present(&presence->table);
    return window_ms < MUSTER_ANSWER_MS_MAX ? window_ms : MUSTER_ANSWER_MS_MAX;
}

/* Of this type, from that offerer; NULL: any. */
static bool has_service(const struct muster_document *document, const char *type, const char *offerer) {
    for (size_t i = 0; i < document->service_count; i++) {
        const struct muster_service *service = &document->services[i];
        char text[MUSTER_OFFERER_BYTES];
        if ((type == NULL || strcmp(service->type, type) == 0) &&
            (offerer == NULL || strcmp(lists_offerer(document->name, service, text), offerer) == 0)) {
            return true;
        }
    }
    return false;
}

/* Who asks for a name may mean this node, or who offers a service that this node brought from elsewhere. */
static bool is_wanted(const struct muster_document *own, const char *type, const char *name) {
    return (type == NULL && (name == NULL || strcmp(own->name, name) == 0)) || has_service(own, type, name);
}

static bool is_asked(const struct presence *presence, const struct message *query) {
    const uint8_t *id = presence->context->identity.id;
    const struct muster_document *own = own_document_get(presence);
    return presence->announcer.state == ANNOUNCER_SPEAKING &&
           (!query->asks_some || message_lists(query->of, query->of_count, id)) &&
           !message_lists(query->known, query->known_count, id) &&
           is_wanted(own, query->want_type, query->want_name);
}

/* Who asks by both families at once gets one answer, but an observer (see add_family()). */
static bool is_same_asker(const struct answer *answer, const struct muster_datagram *datagram) {
    return answer->interface == datagram->interface && (answer->asker.family != datagram->source.family ||
                                                        endpoint_is_same(&answer->asker, &datagram->source));
}

static struct answer *find_answer(struct answers *answers, const struct muster_datagram *datagram,
                                  const struct message *query) {
    for (size_t i = 0; i < answers->count; i++) {
        struct answer *answer = &answers->items[i];
        if (answer->nonce == query->nonce && answer->probe == query->probe &&
            is_same_asker(answer, datagram)) {
            return answer;
        }
    }
    return NULL;
}

/* No answer is longer than its question: nobody is flooded through us (RFC 9000, 8.1). */
static bool is_long_enough(const struct presence *presence, const struct message *query,
                           const struct muster_datagram *datagram) {
    return datagram->length >= (query->wants ? presence->own.announcement.bytes_max : MUSTER_PROOF_BYTES);
}

static bool refuse(enum muster_drop *reason, enum muster_drop why) {
    *reason = why;
    return false;
}

/* A copy by another path of what the group heard the answer to is answered already. */
static bool is_answered(const struct presence *presence, uint64_t nonce) {
    const struct answers *answers = &presence->answers;
    const struct announcer *announcer = &presence->announcer;
    uint64_t now_ms = presence->context->now_ms;
    return (now_ms < answers->group_earliest_ms && nonce == answers->group_answered) ||
           (now_ms < announcer->answered_ms + MUSTER_GROUP_ANSWER_MS && nonce == announcer->answered);
}

static void plan_group(struct presence *presence, uint64_t nonce) {
    struct answers *answers = &presence->answers;
    answers->group_nonce = nonce;
    answers->group_asked_ms = presence->context->now_ms;
    answers->is_group_due = true;
}

/* Where many are asked many may ask; and who asks again and again gets a few announces at once, and then
 * those of the rhythm of debts. */
static uint64_t group_delay_ms(struct presence *presence, const struct message *query,
                               const struct muster_datagram *datagram) {
    bool is_copy = proof_is_recent(presence, &datagram->source, query->nonce);
    bool is_at_once = query->of_count < MUSTER_INTRODUCTIONS_TOGETHER &&
                      (is_copy || bucket_take(&presence->answers.group, 1, MUSTER_ANSWER_RATE,
                                              MUSTER_ANSWER_BURST, presence->context->now_ms));
    return is_at_once ? 0 : announcer_proof_ms(presence);
}

/* One announce to the group answers all that want it; an alive all that ask whether this node is there. */
static bool answer_group(struct presence *presence, const struct message *query,
                         const struct muster_datagram *datagram, enum muster_drop *reason) {
    if (query->wants) {
        if (!is_long_enough(presence, query, datagram)) {
            return refuse(reason, MUSTER_DROP_SHORT_QUESTION);
        }
        return proof_plan(presence, &datagram->source, query->nonce, MUSTER_GROUP_ANSWER_MS, UINT32_MAX,
                          group_delay_ms(presence, query, datagram)) ||
               refuse(reason, MUSTER_DROP_TABLE_FULL);
    }
    if (!is_answered(presence, query->nonce)) {
        plan_group(presence, query->nonce);
    }
    return true;
}

/* Who takes a table needs only a few answers where tables are large: from those that the dice choose, of all
 * that can give one. */
static bool is_chosen(const struct presence *presence, const struct message *query) {
    if (crowd_is_rush(presence)) { /* who starts with many has no table to give yet */
        return false;
    }
    const uint64_t question[2] = {query->nonce, query->count};
    uint64_t hash;
    crypto_shorthash((uint8_t *)&hash, (const uint8_t *)question, sizeof question, presence->table.seed);
    bool has_table = presence->context->stream != 0;
    size_t others = has_table ? presence->table.stream_count : peer_table_present(&presence->table);
    return hash % (others + 1) < MUSTER_TABLE_ANSWERERS;
}

static bool is_for_a_few(const struct presence *presence, const struct message *query) {
    return (query->takes_table || query->probe != 0) && !query->asks_some && query->want_type == NULL &&
           query->want_name == NULL && peer_table_present(&presence->table) > MUSTER_TABLE_ROWS;
}

static bool is_late(const struct presence *presence) {
    return health_late_ms(&presence->health, presence->context->now_ms) >= MUSTER_ANSWER_LATE_MS;
}

/* Where many ask everybody, each is answered by what the group hears. Who is late is so because many speak.
 */
static bool is_one_too_many(struct presence *presence, const struct answer *answer) {
    return answer->is_of_all &&
           (crowd_is_rush(presence) || presence->answers.count > MUSTER_ANSWER_BURST || is_late(presence) ||
            !bucket_take(&presence->answers.unicast, 1, MUSTER_ANSWER_RATE, MUSTER_ANSWER_BURST,
                         presence->context->now_ms));
}

/* One that is due now; NULL when there is no room. */
static struct answer *add_answer(struct presence *presence, const struct muster_datagram *datagram,
                                 uint64_t nonce) {
    struct answers *answers = &presence->answers;
    struct answer *items =
        array_reserve(answers->items, sizeof *items, &answers->capacity, answers->count, MUSTER_ANSWERS_MAX);
    if (items == NULL) {
        return NULL;
    }
    answers->items = items;
    bool is_unicast = group_is_unicast(group_path_kind(&datagram->destination)) &&
                      paths_is_source(&presence->context->paths, &datagram->destination, datagram->interface);
    items[answers->count] =
        (struct answer){.asker = datagram->source,
                        .at = is_unicast ? datagram->destination : (struct muster_endpoint){0},
                        .interface = datagram->interface,
                        .nonce = nonce,
                        .due_ms = presence->context->now_ms};
    return &items[answers->count++];
}

void answer_return(struct presence *presence, const struct muster_datagram *datagram, uint64_t nonce) {
    struct answer *answer = NULL;
    if (nonce == 0 || proof_is_known(presence, &datagram->source, nonce)) {
        return;
    }
    if (!crowd_is_rush(presence) && !is_late(presence) && presence->context->identity.has_key) {
        answer = add_answer(presence, datagram, nonce);
    }
    if (answer == NULL) {
        announcer_owe(presence, &datagram->source, nonce, false);
        return;
    }
    answer->wants = true;
    answer->is_of_all = true;
    presence->due_ms[PART_ANSWER] = presence->context->now_ms;
}

/* An observer looks once: it learns both addresses of this node from two answers, where these are few. Others
 * hear the group by both families soon. */
static void add_family(const struct presence *presence, const struct message *query,
                       const struct muster_datagram *datagram, struct answer *answer) {
    bool is_observer = query->said == 0 && answer->is_of_all;
    if (is_observer && answer->asker.family != datagram->source.family && !crowd_is_here(presence)) {
        answer->other = datagram->source;
    }
}

static bool answer_unicast(struct presence *presence, const struct message *query,
                           const struct muster_datagram *datagram, enum muster_path_kind path,
                           enum muster_drop *reason) {
    if (!is_long_enough(presence, query, datagram)) {
        return refuse(reason, MUSTER_DROP_SHORT_QUESTION);
    }
    struct answers *answers = &presence->answers;
    struct answer *answer = find_answer(answers, datagram, query);
    if (answer == NULL && query->probe != 0 &&
        !bucket_take(&answers->probes, 1, MUSTER_PROBE_RATE, MUSTER_PROBE_BURST, presence->context->now_ms)) {
        return true; /* who probes counts on no answer */
    }
    if (answer == NULL && query->probe == 0 && query->asks_some && query->wants &&
        proof_is_recent(presence, &datagram->source, query->nonce)) {
        return true; /* several that were asked for one answer, and are read at once */
    }
    if (answer == NULL) {
        answer = add_answer(presence, datagram, query->nonce);
        if (answer == NULL) {
            return refuse(reason, MUSTER_DROP_TABLE_FULL);
        }
        answer->probe = query->probe;
        answer->is_of_all = !query->asks_some && !group_is_unicast(path) && query->probe == 0 &&
                            !is_for_a_few(presence, query);
        if (!query->asks_some) {
            uint64_t window_ms =
                is_for_a_few(presence, query) ? MUSTER_TABLE_ANSWER_MS : answer_window_ms(presence);
            answer->due_ms += random_ms(&presence->context->random, window_ms);
        }
    }
    answer->heard |= 1u << path;
    answer->wants = answer->wants || query->wants;
    add_family(presence, query, datagram, answer);
    return true;
}

bool answer_query(struct presence *presence, const struct message *query,
                  const struct muster_datagram *datagram, enum muster_drop *reason) {
    if (!is_asked(presence, query) || (is_for_a_few(presence, query) && !is_chosen(presence, query))) {
        return true;
    }
    enum muster_path_kind path = group_path_kind(&datagram->destination);
    if (query->asks_some && !group_is_unicast(path)) {
        return answer_group(presence, query, datagram, reason);
    }
    return answer_unicast(presence, query, datagram, path, reason);
}

/* Returns when the group is answered next. */
static uint64_t tick_group(struct presence *presence) {
    struct answers *answers = &presence->answers;
    /* An announce that answers others tells who asks whether this node lives, too. */
    if (proof_is_due(presence) || presence->announcer.answered_ms > answers->group_asked_ms) {
        answers->is_group_due = false;
    }
    if (answers->is_group_due && answers->group_earliest_ms <= presence->context->now_ms) {
        announcer_answer(presence, answers->group_nonce);
        answers->group_earliest_ms = presence->context->now_ms + MUSTER_GROUP_ANSWER_MS;
        answers->group_answered = answers->group_nonce;
        answers->is_group_due = false;
    }
    return answers->is_group_due ? answers->group_earliest_ms : DEADLINE_NEVER;
}

/* An answer vouches for where it leaves from: whoever passes it on is not there. None where only the system
 * knows the address: no router passes on what comes from a link-local one. */
static struct muster_endpoint address_at(const struct presence *presence, const struct answer *answer,
                                         const struct muster_endpoint *asker) {
    struct muster_endpoint at = {0};
    if (!presence->context->identity.has_key) {
        return at;
    }
    at = answer->at.family == asker->family
             ? answer->at
             : paths_address(&presence->context->paths, answer->interface, asker->family);
    at.port = 0;
    return muster_endpoint_is_of_link(&at) && !muster_endpoint_is_of_link(asker) ? (struct muster_endpoint){0}
                                                                                 : at;
}

static void send_to(struct presence *presence, const struct answer *answer, struct message *message,
                    const struct muster_endpoint *asker) {
    message->at = address_at(presence, answer, asker);
    send_unicast(presence->context, message, 0, asker, answer->interface);
}

static void send_answer(struct presence *presence, const struct answer *answer) {
    char re[MUSTER_NONCE_CHARS + 1] = "";
    struct message message = answer->wants ? announcer_announce(presence) : announcer_alive(presence);
    memcpy(re, &answer->nonce, sizeof answer->nonce);
    message.re = re;
    if (answer->wants) {
        message.heard = answer->heard;
        message.probe = answer->probe;
        message.nonce = answer->probe != 0 ? 0 : proof_nonce(presence); /* there is room for one of them */
    } else { /* with all shards it could be longer than its question */
        message.tells_sent = false;
    }
    presence->context->counters.answers++;
    proof_record(presence, &answer->asker, answer->nonce, announcer_has_copy(presence));
    send_to(presence, answer, &message, &answer->asker);
    if (answer->other.family != 0) {
        send_to(presence, answer, &message, &answer->other);
    }
}

/* False without room there. */
static bool answer_by_group(struct presence *presence, const struct answer *answer) {
    if (answer->wants) {
        return proof_plan(presence, &answer->asker, answer->nonce, MUSTER_GROUP_ANSWER_MS, UINT32_MAX,
                          MUSTER_PROOF_MS);
    }
    plan_group(presence, answer->nonce);
    return true;
}

uint64_t answer_tick(struct presence *presence) {
    struct answers *answers = &presence->answers;
    if (presence->announcer.state != ANNOUNCER_SPEAKING || presence->context->paths.count == 0) {
        answers->count = 0;
        answers->is_group_due = false;
        return DEADLINE_NEVER;
    }
    uint64_t due_ms = DEADLINE_NEVER;
    for (size_t i = 0; i < answers->count;) {
        struct answer *answer = &answers->items[i];
        if (answer->due_ms > presence->context->now_ms) {
            due_ms = deadline_earlier(due_ms, answer->due_ms);
            i++;
        } else {
            bool is_for_group = is_one_too_many(presence, answer) ||
                                !health_take_unicast(&presence->health, presence->context->now_ms);
            if (!is_for_group || !answer_by_group(presence, answer)) {
                send_answer(presence, answer);
            }
            *answer = answers->items[--answers->count];
        }
    }
    return deadline_earlier(due_ms, tick_group(presence));
}
