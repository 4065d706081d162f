#include "answer.h"

#include <string.h>

#include <sodium.h>

#include "bytes.h"
#include "deadline.h"
#include "node.h"
#include "send.h"

uint64_t answer_window_ms(const struct muster_core *core) {
    uint64_t window_ms = MUSTER_ANSWER_MS_MIN + peer_table_present(&core->table);
    return window_ms < MUSTER_ANSWER_MS_MAX ? window_ms : MUSTER_ANSWER_MS_MAX;
}

static bool has_service(const struct muster_document *document, const char *type) {
    for (size_t i = 0; i < document->service_count; i++) {
        if (strcmp(document->services[i].type, type) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_asked(const struct muster_core *core, const struct message *query) {
    const uint8_t *id = core->identity.id;
    const struct muster_document *own = &core->presence.own.document;
    return core->presence.state == PRESENCE_SPEAKING &&
           (!query->asks_some || message_lists(query->of, query->of_count, id)) &&
           !message_lists(query->known, query->known_count, id) &&
           (query->want_type == NULL || has_service(own, query->want_type)) &&
           (query->want_name == NULL || strcmp(own->name, query->want_name) == 0);
}

static bool is_same_asker(const struct answer *answer, const struct muster_datagram *datagram,
                          uint64_t nonce) {
    return answer->nonce == nonce && answer->interface == datagram->interface &&
           answer->asker.port == datagram->source.port &&
           memcmp(answer->asker.ip, datagram->source.ip, sizeof answer->asker.ip) == 0;
}

static struct answer *find_answer(struct answers *answers, const struct muster_datagram *datagram,
                                  uint64_t nonce) {
    for (size_t i = 0; i < answers->count; i++) {
        if (is_same_asker(&answers->items[i], datagram, nonce)) {
            return &answers->items[i];
        }
    }
    return NULL;
}

static void plan_group(struct muster_core *core) {
    struct answers *answers = &core->answers;
    if (!answers->is_group_due) {
        uint64_t earliest_ms = answers->group_said_ms + MUSTER_GROUP_ANSWER_MS;
        bool is_early = answers->group_said_ms != 0 && earliest_ms > core->now_ms;
        answers->group_due_ms = is_early ? earliest_ms : core->now_ms;
        answers->is_group_due = true;
    }
}

static bool add_group_want(struct answers *answers, uint64_t nonce) {
    for (size_t i = 0; i < answers->group_want_count; i++) {
        if (answers->group_wants[i] == nonce) { /* a copy by another path */
            return true;
        }
    }
    if (answers->group_want_count == MUSTER_GROUP_ANSWERS_MAX) {
        return false;
    }
    answers->group_wants[answers->group_want_count++] = nonce;
    return true;
}

/* No answer is longer than its question: nobody is flooded through us (RFC 9000, 8.1). */
static bool is_long_enough(const struct muster_core *core, const struct message *query,
                           const struct muster_datagram *datagram) {
    return datagram->length >= (query->wants ? core->presence.announce_bytes_max : MUSTER_PROOF_BYTES);
}

static bool answer_group(struct muster_core *core, const struct message *query,
                         const struct muster_datagram *datagram, enum muster_drop *reason) {
    bool is_recent = core->answers.group_said_ms != 0 &&
                     core->now_ms < core->answers.group_said_ms + MUSTER_GROUP_ANSWER_MS;
    if (is_recent && query->nonce == core->answers.group_answered) {
        return true; /* a copy by another path of what was just answered */
    }
    if (!query->wants) {
        core->answers.group_nonce = query->nonce;
    } else if (!is_long_enough(core, query, datagram)) {
        *reason = MUSTER_DROP_SHORT_QUESTION;
        return false;
    } else if (!add_group_want(&core->answers, query->nonce)) {
        *reason = MUSTER_DROP_TABLE_FULL;
        return false;
    }
    plan_group(core);
    return true;
}

/* Who takes a table needs only a few answers where tables are large: from those that the dice choose, of all
 * that can give one. */
static bool is_chosen(const struct muster_core *core, const struct message *query) {
    uint8_t question[2 * sizeof(uint64_t)];
    uint8_t hash[crypto_shorthash_BYTES];
    bytes_put_u64(question, query->nonce);
    bytes_put_u64(question + sizeof(uint64_t), query->count);
    crypto_shorthash(hash, question, sizeof question, core->table.seed);
    bool has_table = core->stream != 0;
    size_t others = has_table ? core->table.stream_count : peer_table_present(&core->table);
    return bytes_u64(hash) % (others + 1) < MUSTER_TABLE_ANSWERERS;
}

static bool is_for_a_few(const struct muster_core *core, const struct message *query) {
    return query->takes_table && !query->asks_some && query->want_type == NULL && query->want_name == NULL &&
           peer_table_present(&core->table) > MUSTER_TABLE_ROWS;
}

static bool answer_unicast(struct muster_core *core, const struct message *query,
                           const struct muster_datagram *datagram, unsigned path, enum muster_drop *reason) {
    if (!is_long_enough(core, query, datagram)) {
        *reason = MUSTER_DROP_SHORT_QUESTION;
        return false;
    }
    struct answers *answers = &core->answers;
    struct answer *answer = find_answer(answers, datagram, query->nonce);
    if (answer == NULL) {
        if (answers->count == MUSTER_ANSWERS_MAX) {
            *reason = MUSTER_DROP_TABLE_FULL;
            return false;
        }
        answer = &answers->items[answers->count++];
        *answer = (struct answer){.asker = datagram->source,
                                  .interface = datagram->interface,
                                  .nonce = query->nonce,
                                  .due_ms = core->now_ms};
        if (!query->asks_some) {
            uint64_t window_ms = is_for_a_few(core, query) ? MUSTER_TABLE_ANSWER_MS : answer_window_ms(core);
            answer->due_ms += random_ms(&core->random, window_ms);
        }
    }
    answer->heard |= path;
    answer->wants = answer->wants || query->wants;
    return true;
}

bool answer_query(struct muster_core *core, const struct message *query,
                  const struct muster_datagram *datagram, enum muster_drop *reason) {
    if (!is_asked(core, query) || (is_for_a_few(core, query) && !is_chosen(core, query))) {
        return true;
    }
    enum muster_path_kind path = paths_kind_of(&datagram->destination);
    if (query->asks_some && path != MUSTER_PATH_U4) {
        return answer_group(core, query, datagram, reason);
    }
    return answer_unicast(core, query, datagram, 1u << path, reason);
}

static struct message reply_to(const struct muster_core *core, bool wants, uint64_t nonce) {
    struct message message = wants ? presence_describe(core) : presence_alive(core);
    message.is_answer = true;
    message.re = nonce;
    return message;
}

static void tick_group(struct muster_core *core) {
    struct answers *answers = &core->answers;
    if (!answers->is_group_due || answers->group_due_ms > core->now_ms) {
        return;
    }
    bool wants = answers->group_want_count > 0;
    uint64_t nonce = wants ? answers->group_wants[0] : answers->group_nonce;
    struct message message = reply_to(core, wants, nonce);
    message.seq = presence_next_seq(core);
    send_group(core, &message, SEND_EVERYWHERE, 0);
    answers->is_group_due = false;
    answers->group_said_ms = core->now_ms;
    answers->group_answered = nonce;
    core->admission.counters.answers++;
    if (wants) {
        answers->group_want_count--;
        memmove(answers->group_wants, answers->group_wants + 1,
                answers->group_want_count * sizeof *answers->group_wants);
    }
    if (answers->group_want_count > 0) {
        plan_group(core);
    }
}

void answer_tick(struct muster_core *core) {
    struct answers *answers = &core->answers;
    if (core->presence.state != PRESENCE_SPEAKING || core->paths.count == 0) {
        answers->count = 0;
        answers->group_want_count = 0;
        answers->is_group_due = false;
        return;
    }
    tick_group(core);
    for (size_t i = 0; i < answers->count;) {
        struct answer answer = answers->items[i];
        if (answer.due_ms > core->now_ms) {
            i++;
            continue;
        }
        answers->items[i] = answers->items[--answers->count];
        struct message message = reply_to(core, answer.wants, answer.nonce);
        message.heard = answer.wants ? answer.heard : 0;
        if (!answer.wants) { /* with all shards it could be longer than its question */
            message.tells_sent = false;
        }
        send_unicast(core, &message, 0, &answer.asker, answer.interface);
        core->admission.counters.answers++;
    }
}

uint64_t answer_deadline(const struct muster_core *core) {
    const struct answers *answers = &core->answers;
    uint64_t deadline_ms = answers->is_group_due ? answers->group_due_ms : DEADLINE_NEVER;
    for (size_t i = 0; i < answers->count; i++) {
        if (answers->items[i].due_ms < deadline_ms) {
            deadline_ms = answers->items[i].due_ms;
        }
    }
    return deadline_ms;
}
