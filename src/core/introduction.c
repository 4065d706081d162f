#include "introduction.h"

#include <string.h>

#include "node.h"

/* Both sides of a first contact ask everybody anyway: that answer is waited for before asking again. */
#define PATIENCE_MS 10

static struct introduction *find(struct introductions *introductions,
                                 const uint8_t id[MUSTER_ID_BYTES]) {
    for (size_t i = 0; i < introductions->count; i++) {
        if (memcmp(introductions->items[i].id, id, MUSTER_ID_BYTES) == 0) {
            return &introductions->items[i];
        }
    }
    return NULL;
}

/* In a crowd the newcomer is not asked by all at once. */
static uint64_t delay_ms(struct muster_core *core) {
    bool is_crowd = peer_table_present(&core->table) > MUSTER_CROWD_ROWS;
    return PATIENCE_MS + random_ms(&core->random, is_crowd ? presence_interval_ms(core)
                                                           : answer_window_ms(core));
}

static void begin_tries(struct muster_core *core, struct introduction *introduction) {
    struct introductions *introductions = &core->introductions;
    introduction->tries = 0;
    introduction->due_ms = core->now_ms + delay_ms(core);
    if (introductions->count == 1 || introduction->due_ms < introductions->due_ms) {
        introductions->due_ms = introduction->due_ms;
    }
}

bool introduction_begin(struct muster_core *core, const struct message *message,
                        const struct muster_datagram *datagram) {
    struct introductions *introductions = &core->introductions;
    struct introduction *introduction = find(introductions, message->id);
    if (introduction == NULL) {
        if (introductions->count == MUSTER_INTRODUCTIONS_MAX) {
            return false;
        }
        introduction = &introductions->items[introductions->count++];
        memset(introduction, 0, sizeof *introduction);
        memcpy(introduction->id, message->id, MUSTER_ID_BYTES);
        begin_tries(core, introduction);
    }
    bool is_elsewhere = memcmp(&introduction->endpoint.ip, &datagram->source.ip,
                               sizeof introduction->endpoint.ip) != 0;
    if (introduction->tries == MUSTER_INTRODUCTION_TRIES && is_elsewhere) {
        begin_tries(core, introduction); /* a forger elsewhere must not keep the real one out */
    }
    introduction->endpoint = datagram->source;
    introduction->interface = datagram->interface;
    introduction->paths |= 1u << paths_kind_of(&datagram->destination);
    return true;
}

static void remove_item(struct introductions *introductions, struct introduction *introduction) {
    *introduction = introductions->items[--introductions->count];
}

unsigned introduction_end(struct muster_core *core, const uint8_t id[MUSTER_ID_BYTES]) {
    struct introduction *introduction = find(&core->introductions, id);
    if (introduction == NULL) {
        return 0;
    }
    unsigned paths = introduction->paths;
    remove_item(&core->introductions, introduction);
    return paths;
}

static void ask(struct muster_core *core, struct introduction *introduction) {
    struct message query = {.asks_some = true, .of_count = 1, .wants = true};
    memcpy(query.of[0], introduction->id, MUSTER_ID_BYTES);
    bool is_unicast = introduction->tries < MUSTER_INTRODUCTION_UNICAST;
    query_send(core, &query, is_unicast ? &introduction->endpoint : NULL, introduction->interface);
    introduction->tries++;
    introduction->due_ms =
        core->now_ms + (introduction->tries < MUSTER_INTRODUCTION_TRIES
                            ? MUSTER_INTRODUCTION_MS * introduction->tries
                            : MUSTER_INTRODUCTION_FORGET_MS);
}

void introduction_tick(struct muster_core *core) {
    struct introductions *introductions = &core->introductions;
    if (introductions->count == 0 || introductions->due_ms > core->now_ms) {
        return;
    }
    introductions->due_ms = UINT64_MAX;
    for (size_t i = 0; i < introductions->count;) {
        struct introduction *introduction = &introductions->items[i];
        if (introduction->due_ms <= core->now_ms) {
            if (introduction->tries == MUSTER_INTRODUCTION_TRIES) {
                remove_item(introductions, introduction);
                continue;
            }
            ask(core, introduction);
        }
        if (introduction->due_ms < introductions->due_ms) {
            introductions->due_ms = introduction->due_ms;
        }
        i++;
    }
}

uint64_t introduction_deadline(const struct muster_core *core) {
    return core->introductions.count == 0 ? UINT64_MAX : core->introductions.due_ms;
}
