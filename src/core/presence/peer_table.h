/* SPDX-License-Identifier: MIT */
/* The peer table: one row a peer, found by id, ordered by what is due next, and bounded.
 *
 * A row is in one class at a time; when the table is full, tombstones make room first, then unverified
 * rows for verified ones. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <muster/core.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "address_table.h"
#include "bucket.h"
#include "limit.h"
#include "loss.h"
#include "peer_topics.h"

struct message;
struct outbox;

struct tuple {
    struct muster_endpoint source;
    struct muster_endpoint destination;
    uint32_t interface;
    bool is_proven;   /* an answer to a question of ours came from this source */
    bool is_answered; /* one by unicast did */
    uint64_t count;
    uint64_t last_ms;
    uint64_t everywhere;       /* messages that all paths carry and that came by this one */
    uint64_t everywhere_since; /* the row's count of them before this tuple's first */
};

/* A document whose lists are too big for the announce, which only describes their body. */
struct large_document {
    uint8_t hash[MUSTER_HASH_BYTES]; /* of the body that is announced */
    size_t size;
    uint8_t *body; /* the last one that was fetched; NULL: none */
    size_t body_length;
    bool is_current; /* body is what is announced */
    bool is_fetched_now;
    unsigned tries;  /* to fetch it, that failed */
    uint64_t due_ms; /* the next one */
};

enum peer_class {
    CLASS_VERIFIED,
    CLASS_UNVERIFIED,
    CLASS_PROVISIONAL, /* with a key */
    CLASS_PROVISIONAL_UNVERIFIED,
    CLASS_SUSPECT,
    CLASS_TOMBSTONE,
    CLASS_COUNT
};

/* What every alive touches stands first, in few cache lines. */
struct peer {
    UT_hash_handle hh;
    uint8_t id[MUSTER_ID_BYTES];
    enum muster_state state;
    bool is_verified;
    bool is_provisional; /* it came by a table, and no answer to a question of ours since */

    /* What was said last. */
    uint64_t boot;
    uint64_t boot_ms;     /* when it was first heard; proofs of another boot must be younger */
    uint64_t seq;         /* 0: nothing numbered was heard yet */
    uint64_t numbered_ms; /* when that was heard */
    uint64_t last_hash;   /* of the datagram with that seq, to know a copy by */
    uint64_t rev;
    uint64_t next_ms;   /* the promise */
    uint64_t period_ms; /* between two promises of this boot, as far as is known */

    /* When and how it was heard. */
    uint64_t heard_ms;
    struct muster_endpoint address;
    uint32_t interface;
    uint64_t introduced_ms; /* when telemetry that is not its own, as far as is known, last made us ask it; 0:
                               never */
    unsigned paths;         /* bit 1 << kind, beyond those of the tuples */
    unsigned hears;         /* as its last alive says; 0: nothing special */
    uint64_t received;
    uint64_t copies;
    uint64_t everywhere; /* messages that all paths carry and that came by any */
    struct loss loss;
    struct tuple *tuples; /* at most MUSTER_TUPLES_MAX */
    unsigned tuple_count;

    uint8_t key[MUSTER_KEY_BYTES];
    struct bucket verifications; /* of its signatures that are checked before those of others */
    uint64_t since_ms;
    uint64_t asked;         /* count of its last question that we took for the group's */
    uint64_t number;        /* grows from row to row */
    uint16_t shards_wanted; /* bit 1 << shard of each in which it has topics that are subscribed to here */
    uint16_t stream;        /* TCP port that it answers requests on, 0: none */
    bool is_ask_owed;       /* it could not be asked for last values yet */
    uint64_t asked_digest;  /* of what it announced when it was asked for them; 0: it was not */
    uint64_t asked_boot;    /* its start in which it was asked for them, */
    uint64_t asked_for;     /* by this set of subscriptions */
    uint64_t waiting;       /* those whose live data of it wait for the answer */
    bool has_failed_value;  /* its last large value could not be fetched */

    /* The announce as it came, at most MUSTER_ANNOUNCE_BYTES_MAX bytes. */
    uint8_t *announce;
    size_t announce_length;
    struct large_document *large; /* NULL: the announce holds it all */
    struct peer_topics *topics;   /* of the document; NULL: it has none, or its lists are not here */

    /* Suspicion. */
    unsigned tries; /* questions since it was heard, or became suspect */
    unsigned tries_needed;
    uint64_t silent_ms; /* when the patience with it ended; 0: it has not */
    uint64_t asked_ms;  /* of the last try */
    uint64_t askers;   /* a bit for each address whose question counted as a try */

    /* The table's own. */
    uint64_t due_ms;
    size_t heap_index;
    unsigned pins; /* events that wait to be pulled */
    enum peer_class class;
    bool is_speaker; /* counted as present, verified and no hearsay */
    struct peer *prev;
    struct peer *next;
};

struct peer_table {
    uint8_t seed[16]; /* of the hash, so that nobody can choose ids that collide */
    size_t peers_max;
    size_t unverified_max; /* rows of CLASS_UNVERIFIED, and of CLASS_PROVISIONAL_UNVERIFIED; as many as
                              peers_max unless set */
    struct peer *by_id;
    struct peer *classes[CLASS_COUNT]; /* the longest in it first */
    size_t class_counts[CLASS_COUNT];
    struct address_table addresses;
    size_t verified;    /* rows that are present, verified and no hearsay, */
    size_t speakers;    /* and of them those that count for the interval: of one address few do */
    struct peer **heap; /* by due_ms */
    size_t count;
    uint64_t number;     /* of the last row */
    uint64_t removed;    /* rows so far */
    size_t stream_count; /* rows that answer requests on a stream */
    size_t large_count;  /* rows with a large document, */
    size_t large_bytes;  /* and the bytes of all bodies together */
    size_t heap_capacity;
    uint64_t evicted;
};

void peer_table_init(struct peer_table *table, const uint8_t seed[16], size_t peers_max);

/* Frees all rows. A zeroed struct is allowed. */
void peer_table_deinit(struct peer_table *table);

/* Rows of one address, of any state. */
size_t peer_table_rows_of(const struct peer_table *table, const struct muster_endpoint *address);

/* The oldest row of one address that is a tombstone, hearsay or unverified makes room. False when there is
 * none. */
bool peer_table_evict_at(struct peer_table *table, const struct muster_endpoint *address);

/* Where the peer is, as far as is known. */
void peer_table_set_address(struct peer_table *table, struct peer *peer,
                            const struct muster_endpoint *address, uint32_t interface);

struct peer *peer_table_find(const struct peer_table *table, const uint8_t id[MUSTER_ID_BYTES]);

/* A new row, zeroed but for id, class and due_ms, making room where the rules allow; a provisional one pushes
 * out nobody. NULL when memory is out or, *is_full then, when there is no room. */
struct peer *peer_table_add(struct peer_table *table, const uint8_t id[MUSTER_ID_BYTES], bool is_verified,
                            bool is_provisional, uint64_t due_ms, bool *is_full);

void peer_table_remove(struct peer_table *table, struct peer *peer);

/* Puts a row last in the class of this state. */
void peer_table_set_state(struct peer_table *table, struct peer *peer, enum muster_state state);

void peer_table_set_due(struct peer_table *table, struct peer *peer, uint64_t due_ms);

/* The row that is due first; NULL when there are none. */
struct peer *peer_table_first_due(const struct peer_table *table);

/* Rows that are alive or suspect. */
size_t peer_table_present(const struct peer_table *table);

/* Rows that are present, but of those of one address, and of those without a proof, only a few. */
size_t peer_table_speakers(const struct peer_table *table);

/* And those that are more than hearsay: what this node tells others to hold. */
size_t peer_table_heard(const struct peer_table *table);

/* The kinds of paths, beside the primary one, that verified rows which are present need on an interface to
 * hear us, bit 1 << kind: for who says that it does not hear the primary one, or was heard by IPv6 alone, the
 * first that it has. */
unsigned peer_table_kinds(const struct peer_table *table, uint32_t interface, enum muster_path_kind primary);

/* The first row after this number; NULL when there is none. */
struct peer *peer_table_after(const struct peer_table *table, uint64_t number);

/* Replaces the stored announce, of which *message was decoded. MUSTER_ENOMEM, then nothing changed. */
int peer_table_set_announce(struct peer_table *table, struct peer *peer, const struct message *message,
                            const uint8_t *bytes, size_t length);

/* Gives a row with a large document its body, of which *lists was decoded. MUSTER_ENOMEM, then nothing
 * changed. */
int peer_table_set_body(struct peer_table *table, struct peer *peer, const struct muster_document *lists,
                        const uint8_t *body, size_t length);

/* ---- one row ---- */

/* Frees what a row that is in no table points to. A zeroed struct is allowed. */
void peer_deinit(struct peer *peer);

/* True while it is alive or suspect. */
bool peer_is_present(const struct peer *peer);

/* True when it can be asked by stream: it is where its row says, by its own word. */
bool peer_answers_streams(const struct peer *peer);

/* Lets an event of the row be told, which stays in the table until then; room for it was reserved. What is
 * hearsay is not told to other machines. */
void peer_tell(struct outbox *outbox, struct peer *peer, enum muster_peer_event event);

/* True when its lists are announced but not here: none, or those of an earlier document. */
bool peer_is_partial(const struct peer *peer);

/* Makes room for the tuple of a datagram, where it is a new one, so that peer_add_evidence() of that can't
 * fail. MUSTER_ENOMEM. */
int peer_reserve_evidence(struct peer *peer, const struct muster_datagram *datagram);

/* What the evidence of one datagram is. */
enum evidence {
    EVIDENCE_COPY = 1,       /* it came before by another path */
    EVIDENCE_EVERYWHERE = 2, /* all paths carry it */
    EVIDENCE_PROOF = 4,      /* it answers a question of ours */
    EVIDENCE_ANSWER = 8,     /* by unicast */
};

/* Counts a datagram under its 5-tuple; kinds are of enum evidence. */
void peer_add_evidence(struct peer *peer, const struct muster_datagram *datagram, unsigned kinds,
                       uint64_t now_ms);

/* True when a proof came from this source: what was said long ago is not said from there. */
bool peer_is_proven_at(const struct peer *peer, const struct muster_endpoint *source);

/* The same of an answer by unicast, which says where it leaves from: nobody passed it on. */
bool peer_is_answered_at(const struct peer *peer, const struct muster_endpoint *source);

/* Forgets the evidence of this address, whatever the port. */
void peer_forget_address(struct peer *peer, const struct muster_endpoint *address);

/* Forgets all evidence, of an earlier boot. */
void peer_clear_evidence(struct peer *peer);

/* Path kinds by which the row was brought, bit 1 << kind. */
unsigned peer_paths(const struct peer *peer);

/* Where the peer was last heard by a family (4 or 6), on the interface of its address; first where it
 * answered a question of ours. Family 0 when it was not. */
struct muster_endpoint peer_address(const struct peer *peer, uint8_t family);

/* When it was last heard from this source; 0: never. */
uint64_t peer_heard_at_ms(const struct peer *peer, const struct muster_endpoint *source);

/* When it was last heard by a family; 0: never. */
uint64_t peer_heard_ms(const struct peer *peer, uint8_t family);

/* True when it was heard by this kind of path since then. */
bool peer_is_heard_by(const struct peer *peer, enum muster_path_kind kind, uint64_t since_ms);

/* Share of the all-path messages since a tuple began that did not come by it, 0..1. */
double tuple_loss(const struct peer *peer, const struct tuple *tuple);
