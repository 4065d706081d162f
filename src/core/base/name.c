/* SPDX-License-Identifier: MIT */
#include "name.h"

#include <string.h>

#include <muster/core.h>
#include <muster/telemetry.h>

const char *name_get(const struct name_table *table, size_t value) {
    return value < table->count ? table->names[value] : NAME_UNKNOWN;
}

int name_find(const struct name_table *table, const char *text) {
    for (size_t i = 0; i < table->count && text != NULL; i++) {
        if (strcmp(table->names[i], text) == 0) {
            return (int)i;
        }
    }
    return -1;
}

/* ---- of the public headers ---- */

#define TRUST_NAME(name, text) text,
#define EVENT_NAME(name, text) text,
#define DROP_NAME(name, text, meaning) text,
#define DROP_MEANING(name, text, meaning) meaning,
static const char *const paths[MUSTER_PATH_KINDS] = {"m4", "m6", "b4", "u4", "u6"};
static const char *const states[] = {"alive", "suspect", "lost", "left"};
static const char *const trusts[] = {MUSTER_TRUSTS(TRUST_NAME)};
static const char *const peer_events[] = {MUSTER_PEER_EVENTS(EVENT_NAME)};
static const char *const drops[] = {MUSTER_DROPS(DROP_NAME)};
static const char *const drop_meanings[] = {MUSTER_DROPS(DROP_MEANING)};
static const char *const sample_kinds[] = {"live", "repaired", "last", "stream"};
static const char *const loss_reasons[] = {"wire", "gone", "kernel", "program", "stream"};

const struct name_table name_paths = NAME_TABLE(paths);
const struct name_table name_states = NAME_TABLE(states);
const struct name_table name_peer_events = NAME_TABLE(peer_events);

static const struct name_table name_trusts = NAME_TABLE(trusts);
static const struct name_table name_drops = NAME_TABLE(drops);
static const struct name_table name_drop_meanings = NAME_TABLE(drop_meanings);
static const struct name_table name_sample_kinds = NAME_TABLE(sample_kinds);
static const struct name_table name_loss_reasons = NAME_TABLE(loss_reasons);

const char *muster_path_name(enum muster_path_kind kind) {
    return name_get(&name_paths, (size_t)kind);
}

const char *muster_state_name(enum muster_state state) {
    return name_get(&name_states, (size_t)state);
}

const char *muster_trust_name(enum muster_trust trust) {
    return name_get(&name_trusts, (size_t)trust);
}

const char *muster_peer_event_name(enum muster_peer_event event) {
    return name_get(&name_peer_events, (size_t)event);
}

const char *muster_drop_name(enum muster_drop drop) {
    return name_get(&name_drops, (size_t)drop);
}

const char *muster_drop_meaning(enum muster_drop drop) {
    return name_get(&name_drop_meanings, (size_t)drop);
}

const char *muster_sample_kind_name(enum muster_sample_kind kind) {
    return name_get(&name_sample_kinds, (size_t)kind);
}

const char *muster_loss_reason_name(enum muster_loss_reason reason) {
    return name_get(&name_loss_reasons, (size_t)reason);
}
