#include "browse.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>
#include <utlist.h>

#include "message.h"
#include "peer_copy.h"
#include "runner.h"

#define RETRY_MS 100    /* after memory was out */
#define EVICTED_MS 1000 /* between two searches for rows that were evicted */
#define NEVER_MS UINT64_MAX

struct known {
    UT_hash_handle hh;
    uint8_t id[MUSTER_ID_BYTES];
    struct muster_peer *peer; /* owned */
};

/* A lookup is a browse that ends by itself: with the first service, or at its deadline. */
struct muster_browse {
    struct muster_browse *prev;
    struct muster_browse *next;
    muster_t *node;
    char type[MUSTER_TYPE_BYTES_MAX + 1]; /* "": any */
    char name[MUSTER_NAME_BYTES_MAX + 1]; /* "": any */
    muster_browse_cb on_service;          /* of a browse */
    muster_lookup_cb on_found;            /* of a lookup */
    void *context;
    uint64_t deadline_ms;     /* of a lookup */
    bool ends_when_settled;   /* a lookup whose deadline is that the answers are in */
    bool is_waiting_for_that; /* its question holds a pointer to it */
    bool has_begun;           /* it was told of all that is known */
    bool is_ended;            /* it is told nothing more, and freed when nobody looks */
};

/* ---- which services a browse follows ---- */

static bool is_wanted(const struct muster_browse *browse, const struct muster_peer *peer,
                      const struct muster_service *service) {
    return (browse->type[0] == '\0' || strcmp(browse->type, service->type) == 0) &&
           (browse->name[0] == '\0' || strcmp(browse->name, peer->document.name) == 0);
}

/* The one of the same type, proto and port that this peer offers and the browse follows; NULL: none. */
static const struct muster_service *find_service(const struct muster_browse *browse,
                                                 const struct muster_peer *peer,
                                                 const struct muster_service *service) {
    for (size_t i = 0; peer != NULL && i < peer->document.service_count; i++) {
        const struct muster_service *other = &peer->document.services[i];
        if (other->port == service->port && strcmp(other->type, service->type) == 0 &&
            strcmp(other->proto, service->proto) == 0 && is_wanted(browse, peer, other)) {
            return other;
        }
    }
    return NULL;
}

static bool are_same_texts(const struct muster_text *a, size_t a_count, const struct muster_text *b,
                           size_t b_count) {
    for (size_t i = 0; i < a_count && i < b_count; i++) {
        if (strcmp(a[i].name, b[i].name) != 0 || strcmp(a[i].value, b[i].value) != 0) {
            return false;
        }
    }
    return a_count == b_count;
}

static bool is_same_service(const struct muster_service *a, const struct muster_service *b) {
    return strcmp(a->name, b->name) == 0 && are_same_texts(a->txt, a->txt_count, b->txt, b->txt_count);
}

/* What users of its services depend on; its attributes are none of that, and neither is its own UDP port. */
static bool is_same_provider(const struct muster_peer *a, const struct muster_peer *b) {
    return a->verified == b->verified && strcmp(a->document.name, b->document.name) == 0 &&
           a->address.family == b->address.family &&
           memcmp(a->address.ip, b->address.ip, sizeof a->address.ip) == 0 &&
           strcmp(a->interface_name, b->interface_name) == 0;
}

/* ---- telling ---- */

static void end(struct muster_browse *browse) {
    browse->is_ended = true;
}

static void tell(struct muster_browse *browse, enum muster_service_event event,
                 const struct muster_peer *peer, const struct muster_service *service) {
    if (browse->is_ended || browse->node->is_closing) {
        return;
    }
    if (browse->on_found == NULL) {
        browse->on_service(browse->node, event, peer, service, browse->context);
    } else if (event == MUSTER_SERVICE_ADDED) {
        end(browse);
        browse->on_found(browse->node, 0, peer, service, browse->context);
    }
}

static void tell_in_vain(struct muster_browse *browse, int error) {
    if (!browse->is_ended && !browse->node->is_closing) {
        end(browse);
        browse->on_found(browse->node, error, NULL, NULL, browse->context);
    }
}

/* before and after are NULL for a peer that offers nothing; present is the peer as it is known now. */
static void tell_difference(struct muster_browse *browse, const struct muster_peer *before,
                            const struct muster_peer *after, const struct muster_peer *present) {
    for (size_t i = 0; before != NULL && i < before->document.service_count; i++) {
        const struct muster_service *service = &before->document.services[i];
        if (is_wanted(browse, before, service) && find_service(browse, after, service) == NULL) {
            tell(browse, MUSTER_SERVICE_REMOVED, present, service);
        }
    }
    for (size_t i = 0; after != NULL && i < after->document.service_count; i++) {
        const struct muster_service *service = &after->document.services[i];
        const struct muster_service *earlier = find_service(browse, before, service);
        if (!is_wanted(browse, after, service)) {
            continue;
        }
        if (earlier == NULL) {
            tell(browse, MUSTER_SERVICE_ADDED, after, service);
        } else if (!is_same_provider(before, after) || !is_same_service(earlier, service)) {
            tell(browse, MUSTER_SERVICE_CHANGED, after, service);
        }
    }
}

/* ---- what is known ---- */

static unsigned hash_of(const struct browses *browses, const uint8_t id[MUSTER_ID_BYTES]) {
    uint64_t hash;
    crypto_shorthash((uint8_t *)&hash, id, MUSTER_ID_BYTES, browses->hash_seed);
    return (unsigned)hash;
}

static struct known *known_find(const struct browses *browses, const uint8_t id[MUSTER_ID_BYTES]) {
    struct known *known = NULL;
    HASH_FIND_BYHASHVALUE(hh, browses->known, id, MUSTER_ID_BYTES, hash_of(browses, id), known);
    return known;
}

/* NULL when memory is out. */
static struct known *known_add(struct browses *browses, const uint8_t id[MUSTER_ID_BYTES]) {
    struct known *known = calloc(1, sizeof *known);
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

static void known_remove(struct browses *browses, struct known *known) {
    HASH_DELETE(hh, browses->known, known);
    free(known->peer);
    free(known);
}

static void known_clear(struct browses *browses) {
    struct known *known;
    struct known *next;
    HASH_ITER(hh, browses->known, known, next) {
        known_remove(browses, known);
    }
    browses->is_current = false;
}

static bool is_offering(const struct muster_peer *row) {
    return row != NULL && row->document.service_count > 0 &&
           (row->state == MUSTER_ALIVE || row->state == MUSTER_SUSPECT);
}

/* Remembers a row as it is now, NULL: it is gone, and tells the difference. False when memory is out; then
 * nobody was told. */
static bool update(muster_t *node, const uint8_t id[MUSTER_ID_BYTES], const struct muster_peer *row) {
    struct browses *browses = &node->browses;
    struct known *known = known_find(browses, id);
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
            tell_difference(browse, before, after, after != NULL ? after : row != NULL ? row : before);
        }
    }
    free(before);
    if (after == NULL) {
        known_remove(browses, known);
    }
    return true;
}

/* Reads the row anew: what waited as a delivery may be older than what is known. */
static bool update_from_table(muster_t *node, const uint8_t id[MUSTER_ID_BYTES]) {
    struct muster_peer_list list;
    int error = muster_core_peer(node->core, id, &list);
    bool is_done = error == MUSTER_ENOMEM ? false : update(node, id, list.count == 0 ? NULL : &list.peers[0]);
    muster_peer_list_free(&list);
    return is_done;
}

/* Of evicted rows no event tells; only unverified ones are evicted while they are there. */
static bool forget_evicted(muster_t *node, bool is_any) {
    struct browses *browses = &node->browses;
    struct known *known;
    struct known *next;
    bool is_done = true;
    browses->evicted_told = muster_core_counters(node->core)->evicted;
    browses->evicted_at_ms = runner_now_ms();
    HASH_ITER(hh, browses->known, known, next) {
        if (is_any || !known->peer->verified) {
            is_done = update_from_table(node, known->id) && is_done;
        }
    }
    return is_done;
}

static bool update_all(muster_t *node) {
    struct muster_peer_list list;
    if (muster_core_peers(node->core, &list) != 0) {
        return false;
    }
    bool is_done = true;
    for (size_t i = 0; i < list.count; i++) {
        is_done = update(node, list.peers[i].id, &list.peers[i]) && is_done;
    }
    muster_peer_list_free(&list);
    return forget_evicted(node, true) && is_done;
}

/* ---- beginning and ending ---- */

static void due_by(struct browses *browses, uint64_t due_ms) {
    if (due_ms < browses->due_ms) {
        browses->due_ms = due_ms;
    }
}

/* Frees what has ended. */
static void reap(struct browses *browses) {
    struct muster_browse *browse;
    struct muster_browse *next;
    DL_FOREACH_SAFE(browses->first, browse, next) {
        if (browse->is_ended && !browse->is_waiting_for_that) {
            DL_DELETE(browses->first, browse);
            free(browse);
        }
    }
    if (browses->first == NULL) {
        known_clear(browses);
    }
}

static void on_settled(muster_t *node, void *context) {
    struct muster_browse *browse = context;
    browse->is_waiting_for_that = false;
    browse->deadline_ms = 0;
    due_by(&node->browses, 0);
}

static int ask(struct muster_browse *browse) {
    const char *type = browse->type[0] == '\0' ? NULL : browse->type;
    const char *name = browse->name[0] == '\0' ? NULL : browse->name;
    struct delivery *question = NULL;
    if (browse->ends_when_settled) {
        question = delivery_new_settled(on_settled, browse);
        if (question == NULL) {
            return MUSTER_ENOMEM;
        }
    }
    int error = runner_ask(browse->node, type, name, question);
    if (error != 0) {
        delivery_free(question);
    }
    browse->is_waiting_for_that = error == 0 && question != NULL;
    return error;
}

/* What speaks for a service that somebody looks for. */
static int rank(const struct muster_peer *peer) {
    return 2 * peer->verified + (peer->state == MUSTER_ALIVE);
}

/* Tells a lookup of the best of what is known, if there is any. */
static void tell_best(struct muster_browse *browse) {
    const struct muster_peer *best = NULL;
    const struct muster_service *best_service = NULL;
    for (struct known *known = browse->node->browses.known; known != NULL; known = known->hh.next) {
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
        tell(browse, MUSTER_SERVICE_ADDED, best, best_service);
    }
}

static void begin(struct muster_browse *browse) {
    browse->has_begun = true;
    if (browse->on_found != NULL) {
        tell_best(browse);
    } else {
        for (struct known *known = browse->node->browses.known; known != NULL; known = known->hh.next) {
            tell_difference(browse, NULL, known->peer, known->peer);
        }
    }
    if (browse->is_ended || browse->node->is_closing) {
        return;
    }
    int error = ask(browse);
    if (error != 0 && browse->on_found != NULL) {
        tell_in_vain(browse, error);
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
            tell_in_vain(browse, browse->has_begun ? MUSTER_ENOTFOUND : MUSTER_ENOMEM);
        } else if (browse->on_found != NULL && !browse->is_ended) {
            due_by(browses, browse->deadline_ms);
        }
    }
}

static void browse_free_all(struct browses *browses) {
    struct muster_browse *browse;
    struct muster_browse *next;
    DL_FOREACH_SAFE(browses->first, browse, next) {
        free(browse);
    }
    browses->first = NULL;
}

/* ---- from the runner ---- */

void browses_note(muster_t *node, const uint8_t id[MUSTER_ID_BYTES]) {
    struct browses *browses = &node->browses;
    if (browses->first == NULL || !browses->is_current) {
        return; /* all rows are read anew before anything else is told */
    }
    browses->is_telling = true;
    if (!update_from_table(node, id)) {
        browses_distrust(node);
    }
    browses->is_telling = false;
    reap(browses);
}

void browses_distrust(muster_t *node) {
    node->browses.is_current = false;
    due_by(&node->browses, runner_now_ms());
}

/* When to look for rows that were evicted; a look at all rows, which is due anyway, includes that. */
static uint64_t eviction_due_ms(const muster_t *node) {
    const struct browses *browses = &node->browses;
    bool is_unseen = browses->evicted_told != muster_core_counters(node->core)->evicted;
    return is_unseen && browses->is_current ? browses->evicted_at_ms + EVICTED_MS : NEVER_MS;
}

static bool catch_up(muster_t *node, uint64_t now_ms) {
    if (!node->browses.is_current) {
        return update_all(node);
    }
    return eviction_due_ms(node) > now_ms || forget_evicted(node, false);
}

void browses_work(muster_t *node) {
    struct browses *browses = &node->browses;
    uint64_t now_ms = runner_now_ms();
    if (browses->first == NULL || node->is_closing || browses_due_ms(node) > now_ms) {
        return;
    }
    struct muster_browse *last = browses->first->prev;
    browses->is_telling = true;
    browses->due_ms = NEVER_MS;
    browses->is_current = catch_up(node, now_ms);
    if (browses->is_current) {
        begin_all(browses, last);
    } else {
        due_by(browses, now_ms + RETRY_MS);
    }
    end_late_lookups(browses, now_ms);
    browses->is_telling = false;
    reap(browses);
}

uint64_t browses_due_ms(const muster_t *node) {
    const struct browses *browses = &node->browses;
    if (browses->first == NULL) {
        return NEVER_MS;
    }
    uint64_t eviction_ms = eviction_due_ms(node);
    return browses->due_ms < eviction_ms ? browses->due_ms : eviction_ms;
}

void browses_deinit(muster_t *node) {
    browse_free_all(&node->browses);
    known_clear(&node->browses);
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

/* All but the first round is done by the loop. */
static int add(muster_t *node, const char *type, const char *name, const struct muster_browse *as,
               struct muster_browse **added) {
    struct browses *browses = &node->browses;
    if (node->is_closing) {
        return MUSTER_ECLOSING;
    }
    if (!message_can_want(type, name)) {
        return MUSTER_EINVAL;
    }
    struct muster_browse *browse = malloc(sizeof *browse);
    if (browse == NULL) {
        return MUSTER_ENOMEM;
    }
    *browse = *as;
    browse->node = node;
    strcpy(browse->type, type == NULL ? "" : type);
    strcpy(browse->name, name == NULL ? "" : name);
    if (browses->first == NULL) {
        randombytes_buf(browses->hash_seed, sizeof browses->hash_seed);
    }
    DL_APPEND(browses->first, browse);
    browses->due_ms = 0;
    runner_work(node);
    *added = browse;
    return 0;
}

int muster_browse(muster_t *node, const char *type, const char *name, muster_browse_cb on_service,
                  void *context, muster_browse_t **browse) {
    struct muster_browse as = {.on_service = on_service, .context = context, .deadline_ms = NEVER_MS};
    if (browse == NULL) {
        return MUSTER_EINVAL;
    }
    *browse = NULL;
    return on_service == NULL ? MUSTER_EINVAL : add(node, type, name, &as, browse);
}

void muster_browse_end(muster_browse_t *browse) {
    if (browse == NULL) {
        return;
    }
    end(browse);
    if (!browse->node->browses.is_telling) {
        reap(&browse->node->browses);
    }
}

int muster_lookup(muster_t *node, const char *type, const char *name, uint64_t timeout_ms,
                  muster_lookup_cb on_found, void *context) {
    uint64_t now_ms = runner_now_ms();
    struct muster_browse *lookup;
    struct muster_browse as = {
        .on_found = on_found,
        .context = context,
        .ends_when_settled = timeout_ms == 0,
        .deadline_ms = timeout_ms == 0 || timeout_ms > NEVER_MS - now_ms ? NEVER_MS : now_ms + timeout_ms};
    return on_found == NULL ? MUSTER_EINVAL : add(node, type, name, &as, &lookup);
}
