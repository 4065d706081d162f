#include "introduction.h"

#include <string.h>

#include "deadline.h"
#include "group.h"
#include "node.h"

/* Both sides of a first contact ask everybody anyway: that answer is waited for before asking again. */
#define PATIENCE_MS 10
/* A try by the group costs as much as so many by unicast. */
#define GROUP_TOKENS 4
/* When the bucket is empty, a try waits so long. */
#define POSTPONED_MS 100

static struct introduction *find(struct introductions *introductions, const uint8_t id[MUSTER_ID_BYTES]) {
    for (size_t i = 0; i < introductions->count; i++) {
        if (memcmp(introductions->items[i].id, id, MUSTER_ID_BYTES) == 0) {
            return &introductions->items[i];
        }
    }
    return NULL;
}

static bool is_crowd(const struct muster_core *core) {
    return peer_table_present(&core->table) > MUSTER_CROWD_ROWS;
}

/* In a crowd the newcomer is not asked by all at once. */
static uint64_t delay_ms(struct muster_core *core) {
    return PATIENCE_MS +
           random_ms(&core->random, is_crowd(core) ? presence_interval_ms(core) : answer_window_ms(core));
}

static void begin_tries(struct muster_core *core, struct introduction *introduction) {
    struct introductions *introductions = &core->introductions;
    introduction->tries = 0;
    introduction->is_spread = is_crowd(core);
    introduction->due_ms = core->now_ms + delay_ms(core);
    if (introductions->count == 1 || introduction->due_ms < introductions->due_ms) {
        introductions->due_ms = introduction->due_ms;
    }
}

static bool is_same_address(const struct introduction *introduction, const struct muster_datagram *datagram) {
    return memcmp(introduction->endpoint.ip, datagram->source.ip, sizeof introduction->endpoint.ip) == 0;
}

static bool has_room(const struct introductions *introductions, const struct muster_datagram *datagram) {
    size_t of_address = 0;
    for (size_t i = 0; i < introductions->count; i++) {
        of_address += is_same_address(&introductions->items[i], datagram) ? 1 : 0;
    }
    return introductions->count < MUSTER_INTRODUCTIONS_MAX && of_address < MUSTER_INTRODUCTIONS_PER_ADDRESS;
}

bool introduction_begin(struct muster_core *core, const struct message *message,
                        const struct muster_datagram *datagram) {
    struct introductions *introductions = &core->introductions;
    struct introduction *introduction = find(introductions, message->id);
    if (introduction == NULL) {
        if (!has_room(introductions, datagram)) {
            return false;
        }
        introduction = &introductions->items[introductions->count++];
        memset(introduction, 0, sizeof *introduction);
        memcpy(introduction->id, message->id, MUSTER_ID_BYTES);
        begin_tries(core, introduction);
    } else if (introduction->tries == MUSTER_INTRODUCTION_TRIES && !introduction->is_renewed &&
               !is_same_address(introduction, datagram)) {
        introduction->is_renewed = true; /* a forger elsewhere must not keep the real one out */
        begin_tries(core, introduction);
    }
    introduction->endpoint = datagram->source;
    introduction->interface = datagram->interface;
    introduction->paths |= 1u << group_path_kind(&datagram->destination);
    introduction->is_signed = introduction->is_signed || message->is_signed;
    return true;
}

static void remove_item(struct introductions *introductions, struct introduction *introduction) {
    *introduction = introductions->items[--introductions->count];
}

unsigned introduction_end(struct muster_core *core, const uint8_t id[MUSTER_ID_BYTES], bool is_signed) {
    struct introduction *introduction = find(&core->introductions, id);
    if (introduction == NULL || (introduction->is_signed && !is_signed)) {
        return 0;
    }
    unsigned paths = introduction->paths;
    remove_item(&core->introductions, introduction);
    return paths;
}

/* Puts the first try off when a crowd has shown up since it was planned. */
static bool is_put_off(struct muster_core *core, struct introduction *introduction) {
    if (!is_crowd(core) || introduction->tries > 0 || introduction->is_spread) {
        return false;
    }
    introduction->is_spread = true;
    introduction->due_ms = core->now_ms + delay_ms(core);
    return introduction->due_ms > core->now_ms;
}

static void ask(struct muster_core *core, struct introduction *introduction) {
    struct message query = {.asks_some = true, .of_count = 1, .wants = true};
    bool is_unicast = introduction->tries < MUSTER_INTRODUCTION_UNICAST;
    if (!bucket_take(&core->introductions.bucket, is_unicast ? 1 : GROUP_TOKENS, MUSTER_INTRODUCTION_RATE,
                     MUSTER_INTRODUCTION_BURST, core->now_ms)) {
        introduction->due_ms = core->now_ms + POSTPONED_MS;
        return;
    }
    memcpy(query.of[0], introduction->id, MUSTER_ID_BYTES);
    query_send(core, &query, is_unicast ? &introduction->endpoint : NULL, introduction->interface);
    introduction->tries++;
    introduction->due_ms = core->now_ms + (introduction->tries < MUSTER_INTRODUCTION_TRIES
                                               ? MUSTER_INTRODUCTION_MS * introduction->tries
                                               : MUSTER_INTRODUCTION_FORGET_MS);
}

void introduction_tick(struct muster_core *core) {
    struct introductions *introductions = &core->introductions;
    if (introductions->count == 0 || introductions->due_ms > core->now_ms) {
        return;
    }
    introductions->due_ms = DEADLINE_NEVER;
    for (size_t i = 0; i < introductions->count;) {
        struct introduction *introduction = &introductions->items[i];
        if (introduction->due_ms <= core->now_ms) {
            if (introduction->tries == MUSTER_INTRODUCTION_TRIES) {
                remove_item(introductions, introduction);
                continue;
            }
            if (!is_put_off(core, introduction)) {
                ask(core, introduction);
            }
        }
        if (introduction->due_ms < introductions->due_ms) {
            introductions->due_ms = introduction->due_ms;
        }
        i++;
    }
}

uint64_t introduction_deadline(const struct muster_core *core) {
    return core->introductions.count == 0 ? DEADLINE_NEVER : core->introductions.due_ms;
}
