/* SPDX-License-Identifier: MIT */
#include "peer_table.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>
#include <utlist.h>

#include "array.h"
#include "endpoint.h"
#include "group.h"
#include "message.h"
#include "outbox.h"
#include "paths.h"

/* ---- the heap: a parent is due no later than its children ---- */

static void heap_place(struct peer_table *table, struct peer *peer, size_t index) {
    table->heap[index] = peer;
    peer->heap_index = index;
}

/* Moves a row up or down to where its time belongs. */
static void heap_move(struct peer_table *table, struct peer *peer) {
    struct peer **heap = table->heap;
    size_t i = peer->heap_index;
    for (; i > 0 && heap[(i - 1) / 2]->due_ms > peer->due_ms; i = (i - 1) / 2) {
        heap_place(table, heap[(i - 1) / 2], i);
    }
    for (size_t child = 2 * i + 1; child < table->count; child = 2 * i + 1) {
        if (child + 1 < table->count && heap[child + 1]->due_ms < heap[child]->due_ms) {
            child++;
        }
        if (heap[child]->due_ms >= peer->due_ms) {
            break;
        }
        heap_place(table, heap[child], i);
        i = child;
    }
    heap_place(table, peer, i);
}

static int reserve(struct peer_table *table) {
    if (address_table_reserve(&table->addresses, table->seed, table->count + 1) != 0) {
        return MUSTER_ENOMEM;
    }
    struct peer **heap =
        array_reserve(table->heap, sizeof(*heap), &table->heap_capacity, table->count, SIZE_MAX);
    table->heap = heap == NULL ? table->heap : heap;
    return heap == NULL ? MUSTER_ENOMEM : 0;
}

static void heap_remove(struct peer_table *table, struct peer *peer) {
    struct peer *last = table->heap[--table->count];
    if (last != peer) {
        heap_place(table, last, peer->heap_index);
        heap_move(table, last);
    }
}

/* ---- the table ---- */

static unsigned hash_of(const struct peer_table *table, const uint8_t id[MUSTER_ID_BYTES]) {
    uint64_t hash;
    crypto_shorthash((uint8_t *)&hash, id, MUSTER_ID_BYTES, table->seed);
    return (unsigned)hash;
}

void peer_table_init(struct peer_table *table, const uint8_t seed[16], size_t peers_max) {
    *table = (struct peer_table){.peers_max = peers_max, .unverified_max = peers_max};
    memcpy(table->seed, seed, sizeof table->seed);
}

static void drop_large(struct peer_table *table, struct peer *peer) {
    if (peer->large != NULL) {
        table->large_count--;
        table->large_bytes -= peer->large->body_length;
        free(peer->large->body);
        free(peer->large);
        peer->large = NULL;
    }
}

static void set_stream(struct peer_table *table, struct peer *peer, uint16_t stream) {
    table->stream_count += stream != 0 ? 1 : 0;
    table->stream_count -= peer->stream != 0 ? 1 : 0;
    peer->stream = stream;
}

void peer_deinit(struct peer *peer) {
    free(peer->tuples);
    free(peer->announce);
    free(peer->topics);
}

static void free_peer(struct peer_table *table, struct peer *peer) {
    set_stream(table, peer, 0);
    drop_large(table, peer);
    peer_deinit(peer);
    free(peer);
}

void peer_table_deinit(struct peer_table *table) {
    struct peer *peer;
    struct peer *next;
    HASH_ITER(hh, table->by_id, peer, next) {
        HASH_DELETE(hh, table->by_id, peer);
        free_peer(table, peer);
    }
    free(table->heap);
    address_table_deinit(&table->addresses);
    memset(table, 0, sizeof *table);
}

struct peer *peer_table_find(const struct peer_table *table, const uint8_t id[MUSTER_ID_BYTES]) {
    struct peer *peer = NULL;
    HASH_FIND_BYHASHVALUE(hh, table->by_id, id, MUSTER_ID_BYTES, hash_of(table, id), peer);
    return peer;
}

static enum peer_class class_of(const struct peer *peer) {
    if (!peer_is_present(peer)) {
        return CLASS_TOMBSTONE;
    }
    if (peer->state == MUSTER_SUSPECT) {
        return CLASS_SUSPECT;
    }
    if (peer->is_provisional) {
        return peer->is_verified ? CLASS_PROVISIONAL : CLASS_PROVISIONAL_UNVERIFIED;
    }
    return peer->is_verified ? CLASS_VERIFIED : CLASS_UNVERIFIED;
}

/* ---- rows of one address ---- */

static void count_in(struct peer_table *table, const struct peer *peer) {
    struct address_count *count = address_table_add(&table->addresses, table->seed, &peer->address);
    if (peer->is_speaker && count->speakers++ < MUSTER_SPEAKERS_PER_ADDRESS) {
        table->speakers++;
    }
}

static void count_out(struct peer_table *table, const struct peer *peer) {
    struct address_count *count = address_table_find(&table->addresses, table->seed, &peer->address);
    if (peer->is_speaker && --count->speakers < MUSTER_SPEAKERS_PER_ADDRESS) {
        table->speakers--;
    }
    address_table_remove(&table->addresses, table->seed, count);
}

size_t peer_table_rows_of(const struct peer_table *table, const struct muster_endpoint *address) {
    const struct address_count *count = address_table_find(&table->addresses, table->seed, address);
    return count == NULL ? 0 : count->rows;
}

void peer_table_set_address(struct peer_table *table, struct peer *peer,
                            const struct muster_endpoint *address, uint32_t interface) {
    peer->interface = interface;
    if (endpoint_is_same_host(&peer->address, address)) {
        peer->address = *address;
        return;
    }
    count_out(table, peer);
    peer->address = *address;
    count_in(table, peer);
}

/* ---- classes ---- */

static void class_leave(struct peer_table *table, struct peer *peer) {
    table->verified -= peer->is_speaker ? 1 : 0;
    count_out(table, peer);
    DL_DELETE(table->classes[peer->class], peer);
    table->class_counts[peer->class]--;
}

static void class_enter(struct peer_table *table, struct peer *peer) {
    peer->class = class_of(peer);
    peer->is_speaker = peer_is_present(peer) && peer->is_verified && !peer->is_provisional;
    table->verified += peer->is_speaker ? 1 : 0;
    DL_APPEND(table->classes[peer->class], peer);
    table->class_counts[peer->class]++;
    count_in(table, peer);
}

void peer_table_set_state(struct peer_table *table, struct peer *peer, enum muster_state state) {
    class_leave(table, peer);
    peer->state = state;
    class_enter(table, peer);
}

static bool evict(struct peer_table *table, struct peer *peer) {
    if (peer == NULL || peer->pins > 0) {
        return false;
    }
    peer_table_remove(table, peer);
    table->evicted++;
    return true;
}

static bool evict_from(struct peer_table *table, enum peer_class class) {
    return evict(table, table->classes[class]);
}

bool peer_table_evict_at(struct peer_table *table, const struct muster_endpoint *address) {
    struct peer *peer = table->by_id; /* in the order in which they were added */
    while (peer != NULL && (!endpoint_is_same_host(&peer->address, address) || peer->pins > 0 ||
                            (peer->class != CLASS_TOMBSTONE && peer->is_verified && !peer->is_provisional))) {
        peer = peer->hh.next;
    }
    return evict(table, peer);
}

/* Hearsay pushes out nobody, whoever vouches for it. */
static bool make_room(struct peer_table *table, bool is_verified, bool is_provisional) {
    enum peer_class unverified = is_provisional ? CLASS_PROVISIONAL_UNVERIFIED : CLASS_UNVERIFIED;
    if (!is_verified && table->class_counts[unverified] >= table->unverified_max) {
        return !is_provisional && evict_from(table, CLASS_UNVERIFIED);
    }
    if (table->count < table->peers_max || is_provisional) {
        return table->count < table->peers_max;
    }
    return evict_from(table, CLASS_TOMBSTONE) || evict_from(table, CLASS_PROVISIONAL_UNVERIFIED) ||
           evict_from(table, CLASS_PROVISIONAL) || (is_verified && evict_from(table, CLASS_UNVERIFIED));
}

struct peer *peer_table_add(struct peer_table *table, const uint8_t id[MUSTER_ID_BYTES], bool is_verified,
                            bool is_provisional, uint64_t due_ms, bool *is_full) {
    struct peer *peer = reserve(table) == 0 ? calloc(1, sizeof *peer) : NULL;
    *is_full = peer != NULL && !make_room(table, is_verified, is_provisional);
    if (peer != NULL && !*is_full) {
        memcpy(peer->id, id, MUSTER_ID_BYTES);
        HASH_ADD_KEYPTR_BYHASHVALUE(hh, table->by_id, peer->id, MUSTER_ID_BYTES, hash_of(table, id), peer);
    }
    if (peer == NULL || peer->hh.tbl == NULL) { /* it is full, or uthash had no memory */
        free(peer);
        return NULL;
    }
    peer->is_verified = is_verified;
    peer->is_provisional = is_provisional;
    peer->number = ++table->number;
    peer->due_ms = due_ms;
    class_enter(table, peer);
    heap_place(table, peer, table->count++);
    heap_move(table, peer);
    return peer;
}

void peer_table_remove(struct peer_table *table, struct peer *peer) {
    assert(peer->pins == 0);
    table->removed++;
    class_leave(table, peer);
    heap_remove(table, peer);
    HASH_DELETE(hh, table->by_id, peer);
    free_peer(table, peer);
}

/* The kinds by which a row hears the group on an interface: those that it says; else m6 alone of who was
 * heard by IPv6 alone, and m4. 0: it is not there. */
static unsigned kinds_heard_by(const struct peer *peer, uint32_t interface) {
    bool has_v4 = false;
    bool has_v6 = false;
    for (unsigned i = 0; i < peer->tuple_count; i++) {
        bool is_here = peer->tuples[i].interface == interface;
        has_v4 = has_v4 || (is_here && peer->tuples[i].source.family == 4);
        has_v6 = has_v6 || (is_here && peer->tuples[i].source.family == 6);
    }
    if (!has_v4 && !has_v6) {
        return 0;
    }
    return peer->hears != 0 ? peer->hears : has_v4 ? 1u << MUSTER_PATH_M4 : 1u << MUSTER_PATH_M6;
}

unsigned peer_table_kinds(const struct peer_table *table, uint32_t interface, enum muster_path_kind primary) {
    unsigned kinds = 1u << primary;
    for (const struct peer *peer = table->by_id; peer != NULL; peer = peer->hh.next) {
        unsigned hears = peer->is_speaker ? kinds_heard_by(peer, interface) : 0;
        if (hears != 0 && (hears & kinds) == 0) {
            kinds |= hears & -hears;
        }
    }
    return kinds;
}

struct peer *peer_table_after(const struct peer_table *table, uint64_t number) {
    struct peer *peer = table->by_id; /* in the order in which they were added */
    while (peer != NULL && peer->number <= number) {
        peer = peer->hh.next;
    }
    return peer;
}

/* What is announced now; a body that was fetched stays until the next one is. */
static void describe_large(struct large_document *large, const struct message *message) {
    uint8_t hash[MUSTER_HASH_BYTES];
    if (large->size == message->size && memcmp(large->hash, message->hash, sizeof hash) == 0) {
        return;
    }
    if (large->body != NULL) {
        message_hash_body(large->body, large->body_length, hash);
    }
    large->is_current = large->body != NULL && memcmp(hash, message->hash, sizeof hash) == 0;
    memcpy(large->hash, message->hash, sizeof hash);
    large->size = message->size;
    large->tries = 0;
    large->due_ms = 0;
}

int peer_table_set_announce(struct peer_table *table, struct peer *peer, const struct message *message,
                            const uint8_t *bytes, size_t length) {
    bool is_first_large = message->size > 0 && peer->large == NULL;
    struct large_document *large = is_first_large ? calloc(1, sizeof *large) : NULL;
    uint8_t *copy = malloc(length);
    /* The topics of a large document stay until its body comes. */
    bool has_memory = copy != NULL && (!is_first_large || large != NULL) &&
                      (message->size > 0 || peer_topics_set(&peer->topics, &message->document) == 0);
    if (!has_memory) {
        free(copy);
        free(large);
        return MUSTER_ENOMEM;
    }
    memcpy(copy, bytes, length);
    free(peer->announce);
    peer->announce = copy;
    peer->announce_length = length;
    set_stream(table, peer, message->stream);
    if (message->size == 0) {
        drop_large(table, peer);
        return 0;
    }
    if (is_first_large) {
        peer->large = large;
        table->large_count++;
    }
    describe_large(peer->large, message);
    return 0;
}

int peer_table_set_body(struct peer_table *table, struct peer *peer, const struct muster_document *lists,
                        const uint8_t *body, size_t length) {
    uint8_t *copy = malloc(length);
    if (copy == NULL || peer_topics_set(&peer->topics, lists) != 0) {
        free(copy);
        return MUSTER_ENOMEM;
    }
    memcpy(copy, body, length);
    table->large_bytes += length - peer->large->body_length;
    free(peer->large->body);
    peer->large->body = copy;
    peer->large->body_length = length;
    peer->large->is_current = true;
    peer->large->tries = 0;
    return 0;
}

void peer_table_set_due(struct peer_table *table, struct peer *peer, uint64_t due_ms) {
    peer->due_ms = due_ms;
    heap_move(table, peer);
}

struct peer *peer_table_first_due(const struct peer_table *table) {
    return table->count == 0 ? NULL : table->heap[0];
}

size_t peer_table_present(const struct peer_table *table) {
    return table->count - table->class_counts[CLASS_TOMBSTONE];
}

/* Of those that are present, the rows that are alive by hearsay. */
static size_t count_provisional(const struct peer_table *table) {
    return table->class_counts[CLASS_PROVISIONAL] + table->class_counts[CLASS_PROVISIONAL_UNVERIFIED];
}

size_t peer_table_speakers(const struct peer_table *table) {
    size_t unverified = peer_table_present(table) - table->verified;
    return table->speakers +
           (unverified < MUSTER_UNVERIFIED_SPEAKERS ? unverified : MUSTER_UNVERIFIED_SPEAKERS);
}

size_t peer_table_heard(const struct peer_table *table) {
    return peer_table_present(table) - count_provisional(table);
}

/* ---- one row ---- */

void peer_tell(struct outbox *outbox, struct peer *peer, enum muster_peer_event event) {
    outbox_put_event(outbox, event, peer, peer->is_provisional ? OUTBOX_PROGRAMS : OUTBOX_ALL);
    peer->pins++;
}

bool peer_is_present(const struct peer *peer) {
    return peer->state == MUSTER_ALIVE || peer->state == MUSTER_SUSPECT;
}

bool peer_answers_streams(const struct peer *peer) {
    return peer->stream != 0 && peer_is_present(peer) && !peer->is_provisional &&
           (peer->is_verified || peer_is_proven_at(peer, &peer->address));
}

bool peer_is_partial(const struct peer *peer) {
    return peer->large != NULL && !peer->large->is_current;
}

/* The tuple of a datagram; NULL where none like it was heard. */
static struct tuple *find_tuple(const struct peer *peer, const struct muster_datagram *datagram) {
    for (unsigned i = 0; i < peer->tuple_count; i++) {
        struct tuple *tuple = &peer->tuples[i];
        if (tuple->interface == datagram->interface && endpoint_is_same(&tuple->source, &datagram->source) &&
            endpoint_is_same(&tuple->destination, &datagram->destination)) {
            return tuple;
        }
    }
    return NULL;
}

int peer_reserve_evidence(struct peer *peer, const struct muster_datagram *datagram) {
    if (peer->tuple_count == MUSTER_TUPLES_MAX || find_tuple(peer, datagram) != NULL) {
        return 0;
    }
    struct tuple *tuples = realloc(peer->tuples, (peer->tuple_count + 1) * sizeof *tuples);
    if (tuples == NULL) {
        return MUSTER_ENOMEM;
    }
    peer->tuples = tuples;
    return 0;
}

/* Those from elsewhere first, then those that were not heard for longest. */
static bool makes_room_before(const struct peer *peer, const struct tuple *a, const struct tuple *b) {
    bool is_a_here = endpoint_is_same(&a->source, &peer->address);
    bool is_b_here = endpoint_is_same(&b->source, &peer->address);
    return is_a_here == is_b_here ? a->last_ms < b->last_ms : is_b_here;
}

/* The tuple of a datagram; one makes room for it where there are too many. */
static struct tuple *tuple_of(struct peer *peer, const struct muster_datagram *datagram,
                              uint64_t everywhere_before) {
    struct tuple *tuple = find_tuple(peer, datagram);
    if (tuple != NULL) {
        return tuple;
    }
    tuple = peer->tuples;
    if (peer->tuple_count < MUSTER_TUPLES_MAX) {
        tuple = &peer->tuples[peer->tuple_count++];
    } else {
        for (unsigned i = 1; i < peer->tuple_count; i++) {
            tuple = makes_room_before(peer, &peer->tuples[i], tuple) ? &peer->tuples[i] : tuple;
        }
    }
    *tuple = (struct tuple){.source = datagram->source,
                            .destination = datagram->destination,
                            .interface = datagram->interface,
                            .everywhere_since = everywhere_before};
    return tuple;
}

void peer_add_evidence(struct peer *peer, const struct muster_datagram *datagram, unsigned kinds,
                       uint64_t now_ms) {
    uint64_t everywhere = kinds & EVIDENCE_EVERYWHERE ? 1 : 0;
    if (kinds & EVIDENCE_COPY) {
        peer->copies++;
    } else {
        peer->received++;
        peer->everywhere += everywhere;
    }
    struct tuple *tuple = tuple_of(peer, datagram, peer->everywhere - everywhere);
    tuple->count++;
    tuple->everywhere += everywhere;
    tuple->last_ms = now_ms;
    tuple->is_proven = tuple->is_proven || kinds & EVIDENCE_PROOF;
    tuple->is_answered = tuple->is_answered || kinds & EVIDENCE_ANSWER;
}

bool peer_is_proven_at(const struct peer *peer, const struct muster_endpoint *source) {
    for (unsigned i = 0; i < peer->tuple_count; i++) {
        if (peer->tuples[i].is_proven && endpoint_is_same(&peer->tuples[i].source, source)) {
            return true;
        }
    }
    return false;
}

bool peer_is_answered_at(const struct peer *peer, const struct muster_endpoint *source) {
    for (unsigned i = 0; i < peer->tuple_count; i++) {
        if (peer->tuples[i].is_answered && endpoint_is_same(&peer->tuples[i].source, source)) {
            return true;
        }
    }
    return false;
}

uint64_t peer_heard_at_ms(const struct peer *peer, const struct muster_endpoint *source) {
    uint64_t heard_ms = 0;
    for (unsigned i = 0; i < peer->tuple_count; i++) {
        const struct tuple *tuple = &peer->tuples[i];
        heard_ms =
            endpoint_is_same(&tuple->source, source) && tuple->last_ms > heard_ms ? tuple->last_ms : heard_ms;
    }
    return heard_ms;
}

void peer_forget_address(struct peer *peer, const struct muster_endpoint *address) {
    unsigned kept = 0;
    for (unsigned i = 0; i < peer->tuple_count; i++) {
        if (!endpoint_is_same_host(&peer->tuples[i].source, address)) {
            peer->tuples[kept++] = peer->tuples[i];
        }
    }
    peer->tuple_count = kept;
}

void peer_clear_evidence(struct peer *peer) {
    peer->tuple_count = 0;
    peer->paths = 0;
    peer->received = 0;
    peer->copies = 0;
    peer->everywhere = 0;
    peer->loss = (struct loss){0};
}

struct muster_endpoint peer_address(const struct peer *peer, uint8_t family) {
    const struct tuple *best = NULL;
    if (peer->address.family == family) {
        return peer->address;
    }
    for (unsigned i = 0; i < peer->tuple_count; i++) {
        const struct tuple *tuple = &peer->tuples[i];
        bool is_better =
            best == NULL ||
            (tuple->is_proven == best->is_proven ? tuple->last_ms >= best->last_ms : tuple->is_proven);
        if (tuple->source.family == family && tuple->interface == peer->interface && is_better) {
            best = tuple;
        }
    }
    return best == NULL ? (struct muster_endpoint){.family = 0} : best->source;
}

uint64_t peer_heard_ms(const struct peer *peer, uint8_t family) {
    uint64_t heard_ms = 0;
    for (unsigned i = 0; i < peer->tuple_count; i++) {
        const struct tuple *tuple = &peer->tuples[i];
        heard_ms = tuple->source.family == family && tuple->last_ms > heard_ms ? tuple->last_ms : heard_ms;
    }
    return heard_ms;
}

bool peer_is_heard_by(const struct peer *peer, enum muster_path_kind kind, uint64_t since_ms) {
    for (unsigned i = 0; i < peer->tuple_count; i++) {
        const struct tuple *tuple = &peer->tuples[i];
        if (tuple->last_ms >= since_ms && group_path_kind(&tuple->destination) == kind) {
            return true;
        }
    }
    return false;
}

unsigned peer_paths(const struct peer *peer) {
    unsigned paths = peer->paths;
    for (unsigned i = 0; i < peer->tuple_count; i++) {
        paths |= 1u << group_path_kind(&peer->tuples[i].destination);
    }
    return paths;
}

double tuple_loss(const struct peer *peer, const struct tuple *tuple) {
    uint64_t expected = peer->everywhere - tuple->everywhere_since;
    return expected == 0 || tuple->everywhere >= expected
               ? 0
               : (double)(expected - tuple->everywhere) / (double)expected;
}
