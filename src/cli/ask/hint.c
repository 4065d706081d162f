/* SPDX-License-Identifier: MIT */
#include "hint.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "roster.h"
#include "text.h"

static struct hint make(const char *format, ...) __attribute__((format(printf, 1, 2)));
static struct hint make(const char *format, ...) {
    struct hint hint;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(hint.text, sizeof(hint.text), format, arguments);
    va_end(arguments);
    return hint;
}

/* ---- what was heard ---- */

/* Reasons of drops behind which a peer may be; the others happen on every network. */
static const struct {
    enum muster_drop reason;
    const char *cause;
} causes[] = {
    {MUSTER_DROP_VERSION, "who sent them speaks another version of the protocol"},
    {MUSTER_DROP_TTL, "they came through a router; --peer names who is behind one"},
    {MUSTER_DROP_SEALED, "they are of a group whose key is not here (muster key)"},
    {MUSTER_DROP_UNSEALED, "they are of no group; --no-key looks at these"},
    {MUSTER_DROP_UNTRUSTED, "they are not trusted here (--trust, muster trust list)"},
    {MUSTER_DROP_UNCHECKED, "more signatures came than are checked: somebody floods this network"},
    {MUSTER_DROP_SIGNATURE, "their signature was wrong"},
    {MUSTER_DROP_FLOOD, "who sent them sends more than it may"},
    {MUSTER_DROP_TABLE_FULL, "there are more peers than there is room for"},
    {MUSTER_DROP_FORMAT, "another program uses this port"},
};

struct hint hint_of_drops(const struct muster_counters *counters) {
    for (size_t i = 0; i < sizeof(causes) / sizeof(causes[0]); i++) {
        const uint64_t count = counters->drops[causes[i].reason];
        if (count > 0) {
            return make("; %" PRIu64 " datagram%s of others %s dropped: %s", count, count == 1 ? "" : "s",
                        count == 1 ? "was" : "were", causes[i].cause);
        }
    }
    return make("%s", "");
}

struct hint hint_of_silence(const struct muster_counters *counters) {
    const struct hint drops = hint_of_drops(counters);
    const char *cause = "; only what this host sent came back: does a muster announce run elsewhere?";
    if (drops.text[0] != '\0') {
        cause = drops.text;
    } else if (counters->received == 0) {
        cause = "; not even what this host sent came back: a firewall of this host is likely";
    } else if (counters->received > counters->drops[MUSTER_DROP_OWN]) {
        cause = "; there are others that ask, but none that announces itself";
    }
    return make("%s (muster doctor says more)", cause);
}

/* ---- what was asked for ---- */

struct hint hint_count(const struct muster_peer_list *list) {
    size_t here = 0;
    for (size_t i = 0; i < list->count; i++) {
        here += roster_is_present(&list->peers[i]) ? 1 : 0;
    }
    const size_t gone = list->count - here;
    if (gone == 0) {
        return make("%zu peer%s", here, here == 1 ? "" : "s");
    }
    return make("%zu peer%s, and %zu that %s gone", here, here == 1 ? "" : "s", gone,
                gone == 1 ? "is" : "are");
}

/* Services that are named. */
#define SERVICES_NAMED 3

static struct hint hint_of_services(const struct muster_document *document) {
    struct hint hint =
        make("; %.64s offers %s", document->name, document->service_count == 0 ? "no service" : "");
    for (size_t i = 0; i < document->service_count && i < SERVICES_NAMED; i++) {
        const size_t length = strlen(hint.text);
        snprintf(hint.text + length, sizeof(hint.text) - length, "%s%s", i > 0 ? ", " : "",
                 text_service(&document->services[i]).text);
    }
    if (document->service_count > SERVICES_NAMED) {
        const size_t length = strlen(hint.text);
        snprintf(hint.text + length, sizeof(hint.text) - length, " and %zu more",
                 document->service_count - SERVICES_NAMED);
    }
    return hint;
}

static struct hint hint_of_row(const struct muster_peer *peer) {
    const char *name = peer->document.name;
    const struct text_short ago = text_duration((int64_t)peer->age_ms);
    switch (peer->state) {
    case MUSTER_LEFT: return make("; %.64s has left, %s ago", name, ago.text);
    case MUSTER_LOST: return make("; %.64s was lost, heard last %s ago: see muster doctor", name, ago.text);
    default: return hint_of_services(&peer->document);
    }
}

/* Names and types nearby. */
static struct near_text near_in(const struct selector *selector, const struct muster_peer_list *list) {
    struct near near = {.wanted = selector->text};
    for (size_t i = 0; i < list->count; i++) {
        const struct muster_document *document = &list->peers[i].document;
        if ((selector->kinds & (SELECTOR_NAME | SELECTOR_GLOB)) != 0) {
            near_offer(&near, document->name);
        }
        for (size_t j = 0; (selector->kinds & SELECTOR_TYPE) != 0 && j < document->service_count; j++) {
            near_offer(&near, document->services[j].type);
        }
    }
    return near_text(&near);
}

/* Where others were heard the network is not what is wrong. */
static const char *hint_where_to_look(const struct selector *selector, const struct muster_peer_list *list) {
    size_t others = 0;
    for (size_t i = 0; i < list->count; i++) {
        others += !list->peers[i].self && roster_is_present(&list->peers[i]) ? 1 : 0;
    }
    return others == 0                              ? "; see muster doctor"
           : (selector->kinds & SELECTOR_TYPE) != 0 ? "; muster services lists what is offered"
                                                    : "; muster peers lists who is here";
}

struct hint hint_of_missing(const struct selector *selector, const struct muster_peer_list *list) {
    const struct muster_peer *found = NULL;
    if (selector == NULL || selector->text == NULL) {
        return make("%s", "");
    }
    for (size_t i = 0; i < list->count; i++) {
        if (selector_matches_peer(selector, &list->peers[i]) &&
            (found == NULL || !roster_is_present(found))) {
            found = &list->peers[i];
        }
    }
    if (found != NULL) {
        return hint_of_row(found);
    }
    const struct near_text near = near_in(selector, list);
    return near.text[0] != '\0' ? make("%s", near.text) : make("%s", hint_where_to_look(selector, list));
}

struct hint hint_of_topics(const char *pattern, const struct muster_peer_list *list) {
    struct near near = {.wanted = pattern != NULL ? pattern : ""};
    size_t count = 0;
    for (size_t i = 0; i < list->count; i++) {
        const struct muster_document *document = &list->peers[i].document;
        for (size_t j = 0; roster_is_present(&list->peers[i]) && j < document->topic_count; j++) {
            count++;
            near_offer(&near, document->topics[j].name);
        }
    }
    if (count == 0) {
        return make("; none of them publishes anything");
    }
    const struct near_text text = near_text(&near);
    return text.text[0] != '\0' && pattern != NULL
               ? make("%s", text.text)
               : make("; muster topics lists the %zu that there %s", count, count == 1 ? "is" : "are");
}
