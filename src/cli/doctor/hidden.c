/* SPDX-License-Identifier: MIT */
#include "hidden.h"

#include <stdio.h>
#include <string.h>

#define WHAT(...) snprintf(hidden->what, sizeof(hidden->what), __VA_ARGS__)
#define RULE(...) snprintf(hidden->rule, sizeof(hidden->rule), __VA_ARGS__)
#define CHANGE(...) snprintf(hidden->change, sizeof(hidden->change), __VA_ARGS__)

/* The pin of a name; NULL: it has none. */
static const struct muster_pin *pin_of(const struct trusted *trusted, const char *name) {
    for (size_t i = 0; i < trusted->count; i++) {
        if (strcmp(trusted->pins[i].name, name) == 0) {
            return &trusted->pins[i];
        }
    }
    return NULL;
}

static bool is_of(const struct muster_pin *pin, const uint8_t id[MUSTER_ID_BYTES]) {
    return memcmp(pin->id, id, MUSTER_ID_BYTES) == 0;
}

static bool is_pinned(const struct trusted *trusted, const uint8_t id[MUSTER_ID_BYTES]) {
    for (size_t i = 0; i < trusted->count; i++) {
        if (is_of(&trusted->pins[i], id)) {
            return true;
        }
    }
    return false;
}

/* Its name is for another key. */
static void explain_pin(const struct muster_pin *pin, const struct muster_probe_peer *peer,
                        struct hidden *hidden) {
    char pinned[MUSTER_ID_TEXT_BYTES];
    char seen[MUSTER_ID_TEXT_BYTES];
    muster_id_text(pin->id, pinned);
    muster_id_text(peer->id, seen);
    WHAT("its name is pinned to another key");
    if (peer->is_signed) {
        RULE("that name is for the key of %s; who says it here has the key of %s", pinned, seen);
        CHANGE("if that host has a new key: muster trust forget NAME, then muster trust pin NAME %s; else "
               "somebody else uses its name",
               seen);
    } else {
        RULE("that name is for the key of %s; who says it here has no key, and the id %s", pinned, seen);
        CHANGE(
            "if that host has no key any more: muster trust forget NAME; else somebody else uses its name");
    }
}

static void explain_level(const struct trusted *trusted, const struct muster_probe_peer *peer,
                          struct hidden *hidden) {
    char seen[MUSTER_ID_TEXT_BYTES];
    muster_id_text(peer->id, seen);
    if (!peer->is_signed) {
        WHAT("it has no key");
        RULE("--trust %s lists nobody without a key", muster_trust_name(trusted->level));
        CHANGE("look with --trust any; anybody on the link can speak in its name");
    } else {
        WHAT("its name is not pinned");
        RULE("--trust %s lists pinned names alone", muster_trust_name(trusted->level));
        CHANGE("muster trust pin NAME %s, where muster show says this id on that host", seen);
    }
}

void hidden_explain(const struct trusted *trusted, const struct muster_probe_peer *peer,
                    struct hidden *hidden) {
    const char *name = peer->name[0] != '\0' ? peer->name : NULL;
    const struct muster_pin *pin = name != NULL ? pin_of(trusted, name) : NULL;
    *hidden = (struct hidden){.by = HIDDEN_BY_NOTHING};
    if (muster_trust_allows(trusted->level, trusted->pins, trusted->count, peer->id, peer->is_signed, name)) {
        return;
    }
    if (pin != NULL && !is_of(pin, peer->id)) {
        hidden->by = HIDDEN_BY_PIN;
        explain_pin(pin, peer, hidden);
    } else if (!peer->is_signed && is_pinned(trusted, peer->id)) {
        hidden->by = HIDDEN_BY_PIN;
        WHAT("it has the id of a pinned key, and not the key");
        RULE("of an id that is pinned nothing unsigned is believed");
        CHANGE(
            "find out who speaks in its name; muster trust forget NAME where that host has no key any more");
    } else {
        hidden->by = HIDDEN_BY_LEVEL;
        explain_level(trusted, peer, hidden);
    }
}

const char *trusted_row_text(const struct trusted *trusted, const struct muster_peer *peer) {
    const struct muster_pin *pin = pin_of(trusted, peer->document.name);
    if (!peer->verified) {
        return "no key vouches for what it says: anybody on the link can speak in its name";
    }
    if (peer->provisional) {
        return "a key vouches for what it said, but another peer passed that on: it has not proven itself "
               "here";
    }
    if (pin == NULL) {
        return "a key vouches for what it says; its name is pinned to none";
    }
    return is_of(pin, peer->id) ? "a key vouches for what it says, and its name is pinned to that key"
                                : "a key vouches for what it says, but its name is pinned to another one";
}
