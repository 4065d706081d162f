#include "merge.h"

#include <string.h>

#include <sodium.h>

#include "group.h"
#include "presence.h"
#include "suspicion.h"

/* A message on its way into the table. */
struct incoming {
    const struct message *message;
    const struct muster_datagram *datagram;
    bool is_fresh; /* it answers a question of ours */
    uint64_t hash;
    struct merge_note *note; /* for the engines above */
};

static enum merge_result drop(enum muster_drop *reason, enum muster_drop why) {
    *reason = why;
    return MERGE_DROPPED;
}

bool merge_is_signed_by(struct presence *presence, const struct message *message,
                        const struct muster_datagram *datagram, const uint8_t key[MUSTER_KEY_BYTES]) {
    const struct muster_crypto *crypto = &presence->context->identity.crypto;
    if (!message->is_signed) {
        return false;
    }
    presence->context->counters.verifications++;
    return crypto->verify(crypto->context, key, datagram->bytes, message->signed_length,
                          message->signature) == 0;
}

/* True when the announce carries the key of its id and is signed by it. */
static bool is_self_certified(struct presence *presence, const struct incoming *incoming) {
    uint8_t id[MUSTER_ID_BYTES];
    muster_id_of_key(incoming->message->key, id);
    return memcmp(id, incoming->message->id, MUSTER_ID_BYTES) == 0 &&
           merge_is_signed_by(presence, incoming->message, incoming->datagram, incoming->message->key);
}

/* Asks who it is, and so drops what was said: only the answer counts. */
static enum merge_result introduce(struct presence *presence, const struct incoming *incoming,
                                   enum muster_drop why, enum muster_drop *reason) {
    bool has_room = introduction_begin(presence, incoming->message, incoming->datagram);
    return drop(reason, has_room ? why : MUSTER_DROP_TABLE_FULL);
}

/* A signed announce ends an introduction by its proof only; what no key signed ends none that a signed
 * message began: nobody keeps an id from its holder. */
static unsigned end_introduction(struct presence *presence, const struct incoming *incoming) {
    const struct message *message = incoming->message;
    return message->is_signed && !incoming->is_fresh
               ? 0
               : introduction_end(presence, message->id, message->is_signed);
}

/* Messages that their sender puts on all paths. */
static bool is_everywhere(const struct message *message) {
    return message->seq != 0 && (message->kind != MESSAGE_ALIVE || message->is_answer ||
                                 message->seq % MUSTER_EVERYWHERE_EACH == 0);
}

/* ---- what an accepted message changes; all memory was reserved before ---- */

static void put_event(struct presence *presence, struct peer *peer, enum muster_peer_event event) {
    peer_tell(&presence->context->outbox, peer, event);
}

/* Hearsay ends when the peer answered us; nobody can prove anything of one without a key, so hearing it must
 * do. */
static void confirm(struct presence *presence, struct peer *peer, const struct incoming *incoming) {
    if (peer->is_provisional && (incoming->is_fresh || !peer->is_verified)) {
        peer->is_provisional = false;
        peer_tell_others(&presence->context->outbox, peer);
        peer_table_set_class(&presence->table, peer,
                             peer->state == MUSTER_ALIVE ? peer_class_of(peer) : peer->class);
    }
}

/* A verified row keeps its address until the peer has answered from another one: what it said may have
 * been passed on by anybody. */
static void record_address(struct presence *presence, struct peer *peer, const struct incoming *incoming) {
    const struct muster_datagram *datagram = incoming->datagram;
    if (peer->is_verified && !peer_is_proven_at(peer, &datagram->source)) {
        if (incoming->message->kind != MESSAGE_BYE) { /* who leaves answers no more */
            introduction_begin(presence, incoming->message, datagram);
        }
        return;
    }
    peer->address = datagram->source;
    peer->interface = datagram->interface;
}

static void record_evidence(struct presence *presence, struct peer *peer, const struct incoming *incoming,
                            bool is_copy) {
    const struct muster_datagram *datagram = incoming->datagram;
    unsigned kinds = (is_copy ? EVIDENCE_COPY : 0) |
                     (is_everywhere(incoming->message) ? EVIDENCE_EVERYWHERE : 0) |
                     (incoming->is_fresh && !is_copy ? EVIDENCE_PROOF : 0);
    peer->paths |= incoming->message->heard;
    peer_add_evidence(peer, datagram, kinds, presence->context->now_ms);
    if (!is_copy) {
        paths_heard(&presence->context->paths, datagram->interface, group_path_kind(&datagram->destination),
                    presence->context->now_ms);
        record_address(presence, peer, incoming);
        confirm(presence, peer, incoming);
    }
}

static void record_seq(struct presence *presence, struct peer *peer, const struct incoming *incoming) {
    uint64_t seq = incoming->message->seq;
    if (seq == 0) {
        return;
    }
    /* A long gap is no loss: one of us was away. And what anybody may claim says nothing of the others'
     * links. */
    if (peer->seq == 0 || seq - peer->seq > MUSTER_ABSENCE_GAP) {
        loss_begin(&peer->loss);
    } else {
        loss_advance(&peer->loss, seq - peer->seq);
        if (peer->is_verified) {
            loss_mean_add(&presence->loss, seq - peer->seq);
        }
    }
    peer->seq = seq;
    peer->last_hash = incoming->hash;
}

static void record_promise(const struct presence *presence, struct peer *peer,
                           const struct message *message) {
    static const uint64_t shortest_period_ms = MUSTER_INTERVAL_MIN_MS + MUSTER_INTERVAL_MIN_MS / 4;
    peer->heard_ms = presence->context->now_ms;
    peer->next_ms = message->next_ms;
    /* All but an alive may repeat the rest of a promise; of answers only a longer one is news. */
    bool is_full = message->kind == MESSAGE_ALIVE && !message->is_answer;
    uint64_t known_ms = message->is_answer && peer->period_ms > 0 ? peer->period_ms : shortest_period_ms;
    peer->period_ms = is_full || message->next_ms > known_ms ? message->next_ms : known_ms;
}

static void revive(struct presence *presence, struct peer *peer) {
    peer->state = MUSTER_ALIVE;
    peer_table_set_class(&presence->table, peer, peer_class_of(peer));
    peer_table_set_due(&presence->table, peer, suspicion_due_ms(presence, peer));
}

static void leave(struct presence *presence, struct peer *peer) {
    peer->state = MUSTER_LEFT;
    peer->heard_ms = presence->context->now_ms;
    peer_table_set_class(&presence->table, peer, CLASS_TOMBSTONE);
    peer_table_set_due(&presence->table, peer, presence->context->now_ms + presence->tombstone_ms);
    put_event(presence, peer, MUSTER_PEER_LEFT);
}

/* What was known of an earlier start is void. */
static void begin_again(struct peer *peer, uint64_t boot) {
    peer->boot = boot;
    peer->seq = 0;
    peer->asked = 0;
    peer->period_ms = 0;
    peer->is_ask_owed = true;
    peer_clear_evidence(peer);
}

/* ---- rows ---- */

static int set_announce(struct presence *presence, struct peer *peer, const struct incoming *incoming) {
    const struct muster_datagram *datagram = incoming->datagram;
    int error =
        peer_table_set_announce(&presence->table, peer, incoming->message, datagram->bytes, datagram->length);
    incoming->note->wants_body = error == 0 && peer_is_partial(peer);
    return error;
}

static enum merge_result add_row(struct presence *presence, const struct incoming *incoming,
                                 enum muster_drop *reason) {
    const struct message *message = incoming->message;
    bool is_full;
    struct peer *peer = peer_table_add(&presence->table, message->id, message->has_key, false,
                                       presence->context->now_ms, &is_full);
    if (peer == NULL) {
        return drop(reason, is_full ? MUSTER_DROP_TABLE_FULL : MUSTER_DROP_MEMORY);
    }
    if (set_announce(presence, peer, incoming) != 0 || peer_reserve_evidence(peer) != 0) {
        peer_table_remove(&presence->table, peer);
        return drop(reason, MUSTER_DROP_MEMORY);
    }
    memcpy(peer->key, message->key, MUSTER_KEY_BYTES);
    peer->boot = message->boot;
    peer->rev = message->rev;
    peer->since_ms = presence->context->now_ms;
    peer->paths = end_introduction(presence, incoming);
    record_evidence(presence, peer, incoming, false);
    record_seq(presence, peer, incoming);
    record_promise(presence, peer, message);
    query_record_reported(presence, message->peers);
    revive(presence, peer);
    put_event(presence, peer, MUSTER_PEER_JOINED);
    query_record_peer(presence);
    incoming->note->heard = peer;
    return MERGE_ACCEPTED;
}

static enum merge_result merge_stranger(struct presence *presence, const struct incoming *incoming,
                                        enum muster_drop *reason) {
    const struct message *message = incoming->message;
    if (message->kind == MESSAGE_BYE) { /* anybody may have said it: it ends no introduction */
        return drop(reason, MUSTER_DROP_UNKNOWN);
    }
    if (message->kind != MESSAGE_ANNOUNCE || (message->is_signed && !incoming->is_fresh)) {
        return introduce(presence, incoming, MUSTER_DROP_UNKNOWN, reason);
    }
    if (message->is_signed && !is_self_certified(presence, incoming)) {
        return drop(reason, MUSTER_DROP_SIGNATURE);
    }
    return add_row(presence, incoming, reason);
}

/* Takes a new document of the same start; of one that is still to be fetched the application is told when it
 * is here. */
static void take_change(struct presence *presence, struct peer *peer) {
    bool will_be_fetched = presence->context->has_streams && peer->is_verified && peer_is_partial(peer);
    if (peer->state != MUSTER_ALIVE) {
        put_event(presence, peer, MUSTER_PEER_RETURNED);
    }
    if (!will_be_fetched) {
        put_event(presence, peer, MUSTER_PEER_CHANGED);
    }
}

/* Takes another start of the peer, or the same id with a key at last. */
static void take_restart(struct presence *presence, struct peer *peer, const struct incoming *incoming) {
    bool is_first_key = incoming->message->boot == peer->boot && incoming->message->has_key;
    put_event(presence, peer, is_first_key ? MUSTER_PEER_CHANGED : MUSTER_PEER_RESTARTED);
    begin_again(peer, incoming->message->boot);
    if (incoming->message->has_key) {
        memcpy(peer->key, incoming->message->key, MUSTER_KEY_BYTES);
        peer->is_verified = true;
    }
}

/* Replaces the document; a restart or a first key replaces everything else too. */
static enum merge_result replace(struct presence *presence, struct peer *peer,
                                 const struct incoming *incoming, bool is_restart, enum muster_drop *reason) {
    if (set_announce(presence, peer, incoming) != 0) {
        return drop(reason, MUSTER_DROP_MEMORY);
    }
    unsigned paths = end_introduction(presence, incoming);
    if (is_restart) {
        take_restart(presence, peer, incoming);
    } else {
        take_change(presence, peer);
    }
    peer->rev = incoming->message->rev;
    peer->paths |= paths;
    record_evidence(presence, peer, incoming, false);
    record_seq(presence, peer, incoming);
    record_promise(presence, peer, incoming->message);
    query_record_reported(presence, incoming->message->peers);
    revive(presence, peer);
    incoming->note->heard = peer;
    return MERGE_ACCEPTED;
}

static enum merge_result take_bye(struct presence *presence, struct peer *peer,
                                  const struct incoming *incoming) {
    if (incoming->message->boot != peer->boot) { /* its start was missed */
        begin_again(peer, incoming->message->boot);
    }
    introduction_end(presence, peer->id, incoming->message->is_signed);
    record_evidence(presence, peer, incoming, false);
    record_seq(presence, peer, incoming);
    leave(presence, peer);
    return MERGE_ACCEPTED;
}

static enum merge_result hear(struct presence *presence, struct peer *peer, const struct incoming *incoming) {
    record_evidence(presence, peer, incoming, false);
    record_seq(presence, peer, incoming);
    record_promise(presence, peer, incoming->message);
    query_record_reported(presence, incoming->message->peers);
    if (peer->state != MUSTER_ALIVE) {
        revive(presence, peer);
        put_event(presence, peer, MUSTER_PEER_RETURNED);
    } else if (suspicion_due_ms(presence, peer) <
               peer->due_ms) { /* a later moment waits for the earlier one */
        peer_table_set_due(&presence->table, peer, suspicion_due_ms(presence, peer));
    }
    if (incoming->message->kind == MESSAGE_ANNOUNCE) {
        end_introduction(presence, incoming);
    } else if (incoming->message->rev > peer->rev) {
        introduction_begin(presence, incoming->message, incoming->datagram);
    }
    incoming->note->heard = peer;
    return MERGE_ACCEPTED;
}

static bool is_copy(const struct peer *peer, const struct incoming *incoming) {
    return incoming->message->boot == peer->boot && incoming->message->seq != 0 &&
           incoming->message->seq == peer->seq && incoming->hash == peer->last_hash;
}

/* Older than what is known: by its boot, or by its number within this boot. */
static bool is_stale(const struct peer *peer, const struct incoming *incoming) {
    const struct message *message = incoming->message;
    if (message->boot != peer->boot) {
        return message->boot < peer->boot;
    }
    return message->seq != 0 ? message->seq <= peer->seq
                             : message->kind == MESSAGE_ANNOUNCE && message->rev < peer->rev;
}

/* A row of an earlier start may only be taken back by who proves to be alive; a peer without a key can't be
 * told from its replay, so its silence must do. It may even have no clock, and count from one again. */
static bool may_go_back(const struct peer *peer, const struct incoming *incoming) {
    const struct message *message = incoming->message;
    bool is_silent = peer->state == MUSTER_SUSPECT || peer->state == MUSTER_LOST;
    if (message->kind != MESSAGE_ANNOUNCE || (message->boot == peer->boot && message->seq == peer->seq)) {
        return false;
    }
    return (incoming->is_fresh && message->boot < peer->boot) || (is_silent && !peer->is_verified);
}

/* A verified row hears only its key; an unverified one ends when its id is certified. */
static bool is_authentic(struct presence *presence, const struct peer *peer,
                         const struct incoming *incoming) {
    const struct message *message = incoming->message;
    if (peer->is_verified) {
        return merge_is_signed_by(presence, message, incoming->datagram, peer->key);
    }
    return !message->has_key || is_self_certified(presence, incoming);
}

static bool is_gone(const struct peer *peer) {
    return peer->state == MUSTER_LOST || peer->state == MUSTER_LEFT;
}

static enum merge_result merge_bye(struct presence *presence, struct peer *peer,
                                   const struct incoming *incoming, enum muster_drop *reason) {
    bool is_other_boot = incoming->message->boot != peer->boot;
    return is_gone(peer) || (is_other_boot && peer->is_verified) ? drop(reason, MUSTER_DROP_STALE)
                                                                 : take_bye(presence, peer, incoming);
}

/* Another start of a verified peer, and one that was lost, are taken by proof only; and a new start begins
 * with its document. */
static bool needs_introduction(const struct peer *peer, const struct incoming *incoming) {
    const struct message *message = incoming->message;
    bool is_other_boot = message->boot != peer->boot;
    bool needs_proof = peer->is_verified && (is_other_boot || peer->state == MUSTER_LOST);
    return (needs_proof && !incoming->is_fresh) || (is_other_boot && message->kind == MESSAGE_ALIVE);
}

static enum merge_result merge_authentic(struct presence *presence, struct peer *peer,
                                         const struct incoming *incoming, enum muster_drop *reason) {
    const struct message *message = incoming->message;
    bool is_upgrade = !peer->is_verified && message->is_signed;
    bool is_restart = message->boot != peer->boot || is_upgrade || is_stale(peer, incoming);
    if (message->kind == MESSAGE_BYE) {
        return merge_bye(presence, peer, incoming, reason);
    }
    if (peer->state == MUSTER_LEFT && peer->is_verified && !is_restart) {
        return drop(reason, MUSTER_DROP_STALE); /* who said bye says nothing more in this boot */
    }
    if (needs_introduction(peer, incoming)) {
        return introduce(presence, incoming, MUSTER_DROP_UNKNOWN, reason);
    }
    if (message->kind == MESSAGE_ANNOUNCE && (is_restart || message->rev > peer->rev)) {
        return replace(presence, peer, incoming, is_restart, reason);
    }
    return hear(presence, peer, incoming);
}

static enum merge_result merge_known(struct presence *presence, struct peer *peer,
                                     const struct incoming *incoming, enum muster_drop *reason) {
    const struct message *message = incoming->message;
    bool is_upgrade = !peer->is_verified && message->is_signed;
    if (peer->is_verified && !message->is_signed) {
        return drop(reason, MUSTER_DROP_SIGNATURE);
    }
    if (is_upgrade && (message->kind != MESSAGE_ANNOUNCE || !incoming->is_fresh)) {
        return introduce(presence, incoming, MUSTER_DROP_UNKNOWN, reason);
    }
    if (is_stale(peer, incoming) && !is_upgrade && !may_go_back(peer, incoming)) {
        return message->boot < peer->boot && message->kind != MESSAGE_BYE
                   ? introduce(presence, incoming, MUSTER_DROP_STALE, reason)
                   : drop(reason, MUSTER_DROP_STALE);
    }
    if (!is_authentic(presence, peer, incoming)) {
        return drop(reason, MUSTER_DROP_SIGNATURE);
    }
    return merge_authentic(presence, peer, incoming, reason);
}

static struct incoming incoming_of(const struct presence *presence, const struct message *message,
                                   const struct muster_datagram *datagram, struct merge_note *note) {
    struct incoming incoming = {.message = message, .datagram = datagram, .note = note};
    incoming.is_fresh =
        message->is_answer && nonces_holds(&presence->nonces, message->re, presence->context->now_ms);
    crypto_shorthash((uint8_t *)&incoming.hash, datagram->bytes, datagram->length, presence->table.seed);
    return incoming;
}

static enum merge_result merge_incoming(struct presence *presence, const struct incoming *incoming,
                                        enum muster_drop *reason) {
    struct peer *peer = peer_table_find(&presence->table, incoming->message->id);
    /* The most that one message needs: three events and one tuple. */
    int error = outbox_reserve_events(&presence->context->outbox, 3);
    if (error == 0 && peer != NULL) {
        error = peer_reserve_evidence(peer);
    }
    if (error != 0) {
        return drop(reason, error == MUSTER_EFULL ? MUSTER_DROP_TABLE_FULL : MUSTER_DROP_MEMORY);
    }
    if (peer == NULL) {
        return merge_stranger(presence, incoming, reason);
    }
    if (is_copy(peer, incoming)) {
        record_evidence(presence, peer, incoming, true);
        return MERGE_COPY;
    }
    return merge_known(presence, peer, incoming, reason);
}

enum merge_result merge_message(struct presence *presence, const struct message *message,
                                const struct muster_datagram *datagram, struct merge_note *note,
                                enum muster_drop *reason) {
    struct incoming incoming = incoming_of(presence, message, datagram, note);
    if (message->is_answer && message->seq == 0 && !incoming.is_fresh) {
        return drop(reason, MUSTER_DROP_UNASKED);
    }
    enum merge_result result = merge_incoming(presence, &incoming, reason);
    note->is_answer = result == MERGE_ACCEPTED && message->kind == MESSAGE_ANNOUNCE && incoming.is_fresh;
    return result;
}

/* ---- what another peer passed on ---- */

/* The longest promise that is believed: nobody lends a dead peer a long life that its own key does not vouch
 * for. */
static uint64_t longest_ms(const struct message *message) {
    return message->is_signed && message->next_ms > MUSTER_SLEEPER_MS ? message->next_ms : MUSTER_SLEEPER_MS;
}

static uint64_t shorter_ms(uint64_t a_ms, uint64_t b_ms) {
    return a_ms < b_ms ? a_ms : b_ms;
}

static void fill_provisional(struct presence *presence, struct peer *peer, const struct merge_row *row,
                             const struct incoming *incoming) {
    const struct message *message = row->message;
    uint64_t age_ms = row->age_ms < presence->context->now_ms ? row->age_ms : presence->context->now_ms;
    memcpy(peer->key, message->key, MUSTER_KEY_BYTES);
    peer->boot = message->boot;
    peer->rev = message->rev;
    peer->since_ms = presence->context->now_ms;
    peer->address = row->address;
    peer->interface = row->interface;
    record_seq(presence, peer, incoming);
    record_promise(presence, peer, message);
    peer->heard_ms = presence->context->now_ms - age_ms;
    /* When it will have broken its promise, by the word of who passed it on; what it promised as a whole is
     * the period. */
    peer->next_ms = age_ms + shorter_ms(row->next_ms, longest_ms(message));
    uint64_t period_ms = peer->next_ms > peer->period_ms ? peer->next_ms : peer->period_ms;
    peer->period_ms = shorter_ms(period_ms, longest_ms(message));
}

bool merge_provisional(struct presence *presence, const struct merge_row *row, bool *wants_body,
                       enum muster_drop *reason) {
    const struct message *message = row->message;
    const struct muster_datagram datagram = {
        .bytes = row->bytes, .length = row->length, .source = row->address, .interface = row->interface};
    struct merge_note note = {0};
    struct incoming incoming = incoming_of(presence, message, &datagram, &note);
    incoming.is_fresh = false;
    *wants_body = false;
    if (memcmp(message->id, presence->context->identity.id, MUSTER_ID_BYTES) == 0 ||
        peer_table_find(&presence->table, message->id) != NULL) {
        return true; /* who is known is known better than by hearsay */
    }
    if (message->is_signed && !is_self_certified(presence, &incoming)) {
        drop(reason, MUSTER_DROP_SIGNATURE);
        return false;
    }
    bool is_full = false;
    struct peer *peer = outbox_reserve_events(&presence->context->outbox, 1) != 0
                            ? NULL
                            : peer_table_add(&presence->table, message->id, message->has_key, true,
                                             presence->context->now_ms, &is_full);
    if (peer != NULL && set_announce(presence, peer, &incoming) != 0) {
        peer_table_remove(&presence->table, peer);
        peer = NULL;
    }
    if (peer == NULL) {
        drop(reason, is_full ? MUSTER_DROP_TABLE_FULL : MUSTER_DROP_MEMORY);
        return false;
    }
    fill_provisional(presence, peer, row, &incoming);
    revive(presence, peer);
    put_event(presence, peer, MUSTER_PEER_JOINED);
    query_record_peer(presence);
    *wants_body = note.wants_body;
    return true;
}

enum merge_result merge_duplicate_identity(struct presence *presence, const struct message *message,
                                           const struct muster_datagram *datagram, enum muster_drop *reason) {
    struct merge_note note = {0};
    struct incoming incoming = incoming_of(presence, message, datagram, &note);
    struct peer *duplicate = &presence->duplicate;
    if (message->kind != MESSAGE_ANNOUNCE || !incoming.is_fresh) {
        return introduce(presence, &incoming, MUSTER_DROP_OWN, reason);
    }
    if (!is_self_certified(presence, &incoming)) {
        return drop(reason, MUSTER_DROP_SIGNATURE);
    }
    end_introduction(presence, &incoming);
    /* It is no row of the table: nothing is fetched of it, and nobody takes it for one to be asked. */
    struct message plain = *message;
    plain.size = 0;
    plain.stream = 0;
    incoming.message = &plain;
    if (duplicate->boot == message->boot || duplicate->pins > 0) { /* the application knows already */
        return drop(reason, MUSTER_DROP_OWN);
    }
    if (outbox_reserve_events(&presence->context->outbox, 1) != 0 || peer_reserve_evidence(duplicate) != 0 ||
        set_announce(presence, duplicate, &incoming) != 0) {
        return drop(reason, MUSTER_DROP_MEMORY);
    }
    memcpy(duplicate->id, message->id, MUSTER_ID_BYTES);
    duplicate->is_verified = true;
    begin_again(duplicate, message->boot);
    duplicate->rev = message->rev;
    duplicate->since_ms = presence->context->now_ms;
    duplicate->heard_ms = presence->context->now_ms;
    duplicate->next_ms = message->next_ms;
    peer_add_evidence(duplicate, datagram, EVIDENCE_PROOF, presence->context->now_ms);
    duplicate->address = datagram->source;
    duplicate->interface = datagram->interface;
    put_event(presence, duplicate, MUSTER_PEER_CONFLICT);
    return MERGE_ACCEPTED;
}
