/* SPDX-License-Identifier: MIT */
#include "browse.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>
#include <utlist.h>

#include "deadline.h"
#include "delivery.h"
#include "lists.h"
#include "message.h"
#include "peer_copy.h"

#define RETRY_MS 100    /* after memory was out */
#define EVICTED_MS 1000 /* between two searches for rows that were evicted */

struct known_peer {
    UT_hash_handle hh;
    uint8_t id[MUSTER_ID_BYTES];
    struct muster_peer *peer; /* owned */
};

/* A lookup is a browse that ends by itself: with the first service, or at its deadline. */
struct muster_browse {
    struct muster_browse *prev;
    struct muster_browse *next;
    struct browses *browses;
    char type[MUSTER_TYPE_BYTES_MAX + 1]; /* "": any */
    char name[MUSTER_OFFERER_BYTES];      /* "": any */
    muster_browse_cb on_service;          /* of a browse */
    muster_lookup_cb on_found;            /* of a lookup */
    void *application;
    uint64_t deadline_ms;   /* of a lookup */
    bool ends_when_settled; /* a lookup whose deadline is that the answers are in */
    bool is_questioning;    /* its question, which is not settled, holds a pointer to it */
    bool has_begun;         /* all that was known then is reported */
    bool is_ended;          /* nothing more is reported, and it is freed when nothing points to it */
};

/* ---- which services a browse follows ---- */

static bool is_wanted(const struct muster_browse *browse, const struct muster_peer *peer,
                      const struct muster_service *service) {
    char offerer[MUSTER_OFFERER_BYTES];
    return (browse->type[0] == '\0' || strcmp(browse->type, service->type) == 0) &&
           (browse->name[0] == '\0' ||
            strcmp(browse->name, muster_service_offerer(peer, service, offerer)) == 0);
}

/* The same one that this peer offers and the browse follows; NULL: none. */
static const struct muster_service *find_service(const struct muster_browse *browse,
                                                 const struct muster_peer *peer,
                                                 const struct muster_service *service) {
    for (size_t i = 0; peer != NULL && i < peer->document.service_count; i++) {
        const struct muster_service *other = &peer->document.services[i];
        if (muster_service_is_same(other, service) && is_wanted(browse, peer, other)) {
            return other;
        }
    }
    return NULL;
}

/* What users of its services depend on; its attributes are none of that, and neither is its own UDP port. */
static bool is_same_provider(const struct muster_peer *a, const struct muster_peer *b) {
    return a->verified == b->verified && strcmp(a->document.name, b->document.name) == 0 &&
           a->address.family == b->address.family &&
           memcmp(a->address.ip, b->address.ip, sizeof a->address.ip) == 0 &&
           strcmp(a->interface_name, b->interface_name) == 0;
}

/* ---- reporting ---- */

static void report(struct muster_browse *browse, enum muster_service_event event,
                   const struct muster_peer *peer, const struct muster_service *service) {
    const struct part_context *context = browse->browses->context;
    if (browse->is_ended || context->is_closing) {
        return;
    }
    if (browse->on_found == NULL) {
        browse->on_service(context->node, event, peer, service, browse->application);
    } else if (event == MUSTER_SERVICE_ADDED) {
        browse->is_ended = true;
        browse->on_found(context->node, 0, peer, service, browse->application);
    }
}

static void report_failure(struct muster_browse *lookup, int error) {
    const struct part_context *context = lookup->browses->context;
    if (!lookup->is_ended && !context->is_closing) {
        lookup->is_ended = true;
        lookup->on_found(context->node, error, NULL, NULL, lookup->application);
    }
}

/* before and after are NULL for a peer that offers nothing; present is the peer as it is known now. */
static void report_difference(struct muster_browse *browse, const struct muster_peer *before,
                              const struct muster_peer *after, const struct muster_peer *present) {
    for (size_t i = 0; before != NULL && i < before->document.service_count; i++) {
        const struct muster_service *service = &before->document.services[i];
        if (is_wanted(browse, before, service) && find_service(browse, after, service) == NULL) {
            report(browse, MUSTER_SERVICE_REMOVED, present, service);
        }
    }
    for (size_t i = 0; after != NULL && i < after->document.service_count; i++) {
        const struct muster_service *service = &after->document.services[i];
        const struct muster_service *earlier = find_service(browse, before, service);
        if (!is_wanted(browse, after, service)) {
            continue;
        }
        if (earlier == NULL) {
            report(browse, MUSTER_SERVICE_ADDED, after, service);
        } else if (!is_same_provider(before, after) || !lists_are_services_equal(earlier, service)) {
            report(browse, MUSTER_SERVICE_CHANGED, after, service);
        }
    }
}

/* ---- what is known ---- */

static unsigned hash_of(const struct browses *browses, const uint8_t id[MUSTER_ID_BYTES]) {
    uint64_t hash;
    crypto_shorthash((uint8_t *)&hash, id, MUSTER_ID_BYTES, browses->hash_seed);
    return (unsigned)hash;
}

static struct known_peer *known_find(const struct browses *browses, const uint8_t id[MUSTER_ID_BYTES]) {
    struct known_peer *known = NULL;
    HASH_FIND_BYHASHVALUE(hh, browses->known, id, MUSTER_ID_BYTES, hash_of(browses, id), known);
    return known;
}

/* NULL when memory is out. */
static struct known_peer *known_add(struct browses *browses, const uint8_t id[MUSTER_ID_BYTES]) {
    struct known_peer *known = calloc(1, sizeof *known);
    if (known == NULL) {
        return NULL;
    }
    memcpy(known->id, id, MUSTER_ID_BYTES);
    HASH_ADD_KEYPTR_BYHASHVALUE(hh, browses->known, known->id, MUSTER_ID_BYTES, hash_of(browses, id), known);
    if (known->hh.tbl == NULL) { /* uthash had no memory */
        free(known);
        return NULL;
    }
    return known;
}

static void known_remove(struct browses *browses, struct known_peer *known) {
    HASH_DELETE(hh, browses->known, known);
    free(known->peer);
    free(known);
}

static void known_clear(struct browses *browses) {
    struct known_peer *known;
    struct known_peer *next;
    HASH_ITER(hh, browses->known, known, next) {
        known_remove(browses, known);
    }
    browses->is_current = false;
}

static bool is_offering(const struct muster_peer *row) {
    return row != NULL && row->document.service_count > 0 &&
           (row->state == MUSTER_ALIVE || row->state == MUSTER_SUSPECT);
}

/* Keeps a row as it is now, NULL: it is gone, and reports the difference. False when memory is out; then
 * nothing was reported. */
static bool update(struct browses *browses, const uint8_t id[MUSTER_ID_BYTES],
                   const struct muster_peer *row) {
    struct known_peer *known = known_find(browses, id);
    struct muster_peer *after = NULL;
    if (is_offering(row)) {
        after = peer_copy(row);
        known = known == NULL && after != NULL ? known_add(browses, id) : known;
        if (after == NULL || known == NULL) {
            free(after);
            return false;
        }
    } else if (known == NULL) {
        return true;
    }
    struct muster_peer *before = known->peer;
    known->peer = after;
    for (struct muster_browse *browse = browses->first; browse != NULL; browse = browse->next) {
        if (browse->has_begun) {
            report_difference(browse, before, after, after != NULL ? after : row != NULL ? row : before);
        }
    }
    free(before);
    if (after == NULL) {
        known_remove(browses, known);
    }
    return true;
}

/* Reads the row anew: what waited as a delivery may be older than what is known. */
static bool update_from_table(struct browses *browses, const uint8_t id[MUSTER_ID_BYTES]) {
    struct muster_peer_list list;
    if (muster_core_peer(browses->context->core, id, &list) == MUSTER_ENOMEM) {
        return false;
    }
    bool is_done = update(browses, id, list.count == 0 ? NULL : &list.peers[0]);
    muster_peer_list_free(&list);
    return is_done;
}

static uint64_t evicted(const struct browses *browses) {
    return muster_core_counters(browses->context->core)->evicted;
}

/* No event tells of an evicted row. Only unverified rows are evicted while their peers are there. */
static bool remove_evicted(struct browses *browses, bool is_any) {
    struct known_peer *known;
    struct known_peer *next;
    bool is_done = true;
    browses->evicted_seen = evicted(browses);
    browses->evicted_seen_ms = part_now_ms();
    HASH_ITER(hh, browses->known, known, next) {
        if (is_any || !known->peer->verified) {
            is_done = update_from_table(browses, known->id) && is_done;
        }
    }
    return is_done;
}

static bool update_all(struct browses *browses) {
    struct muster_peer_list list;
    if (muster_core_peers(browses->context->core, &list) != 0) {
        return false;
    }
    bool is_done = true;
    for (size_t i = 0; i < list.count; i++) {
        is_done = update(browses, list.peers[i].id, &list.peers[i]) && is_done;
    }
    muster_peer_list_free(&list);
    return remove_evicted(browses, true) && is_done;
}

/* ---- beginning and ending ---- */

/* Frees what has ended. */
static void remove_ended(struct browses *browses) {
    struct muster_browse *browse;
    struct muster_browse *next;
    DL_FOREACH_SAFE(browses->first, browse, next) {
        if (browse->is_ended && !browse->is_questioning) {
            DL_DELETE(browses->first, browse);
            free(browse);
        }
    }
    if (browses->first == NULL) {
        known_clear(browses);
    }
}

static void on_settled(muster_t *node, void *application) {
    struct muster_browse *browse = application;
    (void)node;
    browse->is_questioning = false;
    browse->deadline_ms = 0;
    browse->browses->due_ms = 0;
}

static int ask(struct muster_browse *browse) {
    const char *type = browse->type[0] == '\0' ? NULL : browse->type;
    const char *name = browse->name[0] == '\0' ? NULL : browse->name;
    int error = deliveries_ask(browse->browses->context->deliveries, type, name,
                               browse->ends_when_settled ? on_settled : NULL, browse);
    browse->is_questioning = error == 0 && browse->ends_when_settled;
    return error;
}

/* What speaks for a service that somebody looks for. */
static int rank(const struct muster_peer *peer) {
    return 2 * peer->verified + (peer->state == MUSTER_ALIVE);
}

/* Reports to a lookup the best of what is known, if there is any. */
static void report_best(struct muster_browse *browse) {
    const struct muster_peer *best = NULL;
    const struct muster_service *best_service = NULL;
    for (struct known_peer *known = browse->browses->known; known != NULL; known = known->hh.next) {
        const struct muster_peer *peer = known->peer;
        for (size_t i = 0; i < peer->document.service_count; i++) {
            if (is_wanted(browse, peer, &peer->document.services[i]) &&
                (best == NULL || rank(peer) > rank(best))) {
                best = peer;
                best_service = &peer->document.services[i];
            }
        }
    }
    if (best != NULL) {
        report(browse, MUSTER_SERVICE_ADDED, best, best_service);
    }
}

static void begin(struct muster_browse *browse) {
    browse->has_begun = true;
    if (browse->on_found != NULL) {
        report_best(browse);
    } else {
        for (struct known_peer *known = browse->browses->known; known != NULL; known = known->hh.next) {
            report_difference(browse, NULL, known->peer, known->peer);
        }
    }
    if (browse->is_ended || browse->browses->context->is_closing) {
        return;
    }
    int error = ask(browse);
    if (error != 0 && browse->on_found != NULL) {
        report_failure(browse, error);
    }
}

/* Those that callbacks add meanwhile are begun in the next round. */
static void begin_all(struct browses *browses, const struct muster_browse *last) {
    for (struct muster_browse *browse = browses->first; browse != NULL; browse = browse->next) {
        if (!browse->has_begun && !browse->is_ended) {
            begin(browse);
        }
        if (browse == last) {
            return;
        }
    }
}

static void end_late_lookups(struct browses *browses, uint64_t now_ms) {
    for (struct muster_browse *browse = browses->first; browse != NULL; browse = browse->next) {
        if (browse->on_found != NULL && !browse->is_ended && browse->deadline_ms <= now_ms) {
            report_failure(browse, browse->has_begun ? MUSTER_ENOTFOUND : MUSTER_ENOMEM);
        } else if (browse->on_found != NULL && !browse->is_ended) {
            browses->due_ms = deadline_earlier(browses->due_ms, browse->deadline_ms);
        }
    }
}

/* ---- as a part ---- */

void browses_read_peer(void *part, const uint8_t id[MUSTER_ID_BYTES]) {
    struct browses *browses = part;
    if (browses->first == NULL || !browses->is_current) {
        return; /* all rows are read anew before anything else is reported */
    }
    browses->is_reporting = true;
    if (!update_from_table(browses, id)) {
        browses_read_all(browses);
    }
    browses->is_reporting = false;
    remove_ended(browses);
}

void browses_read_all(void *part) {
    struct browses *browses = part;
    browses->is_current = false;
    browses->due_ms = deadline_earlier(browses->due_ms, part_now_ms());
}

/* When to look for rows that were evicted; a look at all rows, which is due anyway, includes that. */
static uint64_t eviction_due_ms(const struct browses *browses) {
    bool is_unseen = browses->is_current && browses->evicted_seen != evicted(browses);
    return is_unseen ? browses->evicted_seen_ms + EVICTED_MS : DEADLINE_NEVER;
}

static bool catch_up(struct browses *browses, uint64_t now_ms) {
    if (!browses->is_current) {
        return update_all(browses);
    }
    return eviction_due_ms(browses) > now_ms || remove_evicted(browses, false);
}

void browses_turn(struct browses *browses) {
    uint64_t now_ms = part_now_ms();
    if (browses->first == NULL || browses->context->is_closing || browses_due_ms(browses) > now_ms) {
        return;
    }
    struct muster_browse *last = browses->first->prev;
    browses->is_reporting = true;
    browses->due_ms = DEADLINE_NEVER;
    browses->is_current = catch_up(browses, now_ms);
    if (browses->is_current) {
        begin_all(browses, last);
    } else {
        browses->due_ms = deadline_earlier(browses->due_ms, now_ms + RETRY_MS);
    }
    end_late_lookups(browses, now_ms);
    browses->is_reporting = false;
    remove_ended(browses);
}

uint64_t browses_due_ms(const struct browses *browses) {
    return browses->first == NULL ? DEADLINE_NEVER
                                  : deadline_earlier(browses->due_ms, eviction_due_ms(browses));
}

void browses_deinit(struct browses *browses) {
    for (struct muster_browse *browse = browses->first; browse != NULL; browse = browse->next) {
        browse->is_ended = true;
        browse->is_questioning = false;
    }
    remove_ended(browses);
}

/* ---- from the application ---- */

const char *muster_service_event_name(enum muster_service_event event) {
    switch (event) {
    case MUSTER_SERVICE_ADDED: return "added";
    case MUSTER_SERVICE_CHANGED: return "changed";
    case MUSTER_SERVICE_REMOVED: return "removed";
    }
    return "unknown";
}

/* Even its first round is done by the loop. */
static int add(struct browses *browses, const char *type, const char *name,
               const struct muster_browse *template, struct muster_browse **added) {
    if (browses->context->is_closing) {
        return MUSTER_ECLOSING;
    }
    if (!message_can_want(type, name)) {
        return MUSTER_EINVAL;
    }
    struct muster_browse *browse = malloc(sizeof *browse);
    if (browse == NULL) {
        return MUSTER_ENOMEM;
    }
    *browse = *template;
    browse->browses = browses;
    strcpy(browse->type, type == NULL ? "" : type);
    strcpy(browse->name, name == NULL ? "" : name);
    if (browses->first == NULL) {
        randombytes_buf(browses->hash_seed, sizeof browses->hash_seed);
    }
    DL_APPEND(browses->first, browse);
    browses->due_ms = 0;
    *added = browse;
    return 0;
}

int browses_add_browse(struct browses *browses, const char *type, const char *name,
                       muster_browse_cb on_service, void *application, muster_browse_t **browse) {
    struct muster_browse template = {
        .on_service = on_service, .application = application, .deadline_ms = DEADLINE_NEVER};
    if (browse == NULL) {
        return MUSTER_EINVAL;
    }
    *browse = NULL;
    return on_service == NULL ? MUSTER_EINVAL : add(browses, type, name, &template, browse);
}

int browses_add_lookup(struct browses *browses, const char *type, const char *name, uint64_t timeout_ms,
                       muster_lookup_cb on_found, void *application) {
    uint64_t now_ms = part_now_ms();
    bool has_deadline = timeout_ms != 0 && timeout_ms <= DEADLINE_NEVER - now_ms;
    struct muster_browse *lookup;
    struct muster_browse template = {.on_found = on_found,
                                     .application = application,
                                     .ends_when_settled = timeout_ms == 0,
                                     .deadline_ms = has_deadline ? now_ms + timeout_ms : DEADLINE_NEVER};
    return on_found == NULL ? MUSTER_EINVAL : add(browses, type, name, &template, &lookup);
}

void muster_browse_end(muster_browse_t *browse) {
    if (browse == NULL) {
        return;
    }
    browse->is_ended = true;
    if (!browse->browses->is_reporting) {
        remove_ended(browse->browses);
    }
}
