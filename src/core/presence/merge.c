/* SPDX-License-Identifier: MIT */
#include "merge.h"

#include <string.h>

#include <sodium.h>

#include "endpoint.h"
#include "group.h"
#include "presence.h"
#include "suspicion.h"
#include "verification.h"

/* A message on its way into the table. */
struct incoming {
    const struct message *message;
    const struct muster_datagram *datagram;
    bool is_fresh; /* it answers a question of ours */
    uint64_t hash;
    struct merge_note *note;  /* for the engines above */
    enum muster_drop *reason; /* why it is dropped */
};

static bool drop(const struct incoming *incoming, enum muster_drop reason) {
    *incoming->reason = reason;
    return false;
}

static bool is_signed_by(struct presence *presence, const struct message *message,
                         const struct muster_datagram *datagram, const uint8_t key[MUSTER_KEY_BYTES]) {
    const struct muster_crypto *crypto = &presence->context->identity.crypto;
    presence->context->counters.verifications++;
    return crypto->verify(crypto->context, key, datagram->bytes, message->signed_length,
                          message->signature) == 0;
}

bool merge_is_signed_by(struct presence *presence, const struct message *message,
                        const struct muster_datagram *datagram, const uint8_t key[MUSTER_KEY_BYTES],
                        enum muster_drop *reason) {
    *reason = MUSTER_DROP_SIGNATURE;
    if (!message->is_signed) {
        return false;
    }
    if (!verification_take(presence, message, datagram)) {
        *reason = MUSTER_DROP_UNCHECKED;
        return false;
    }
    return is_signed_by(presence, message, datagram, key);
}

static bool has_id_of_key(const struct message *message) {
    uint8_t id[MUSTER_ID_BYTES];
    muster_id_of_key(message->key, id);
    return memcmp(id, message->id, MUSTER_ID_BYTES) == 0;
}

/* True when the announce carries the key of its id and is signed by it; else it is dropped. */
static bool is_self_certified(struct presence *presence, const struct incoming *incoming) {
    const struct message *message = incoming->message;
    return has_id_of_key(message)
               ? merge_is_signed_by(presence, message, incoming->datagram, message->key, incoming->reason)
               : drop(incoming, MUSTER_DROP_SIGNATURE);
}

/* Asks who it is, and so drops what was said: only the answer counts. */
static bool introduce(struct presence *presence, const struct incoming *incoming, enum muster_drop reason) {
    bool has_room = introduction_begin(presence, incoming->message, incoming->datagram);
    return drop(incoming, has_room ? reason : MUSTER_DROP_TABLE_FULL);
}

/* A signed message ends an introduction by its proof only, but for a bye; what no key signed ends none that a
 * signed message began: nobody keeps an id from its holder. */
static unsigned end_introduction(struct presence *presence, const struct incoming *incoming) {
    const struct message *message = incoming->message;
    bool is_unproven = message->is_signed && !incoming->is_fresh && message->kind != MESSAGE_BYE;
    return is_unproven ? 0 : introduction_end(presence, message->id, message->is_signed);
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
        outbox_put_event(&presence->context->outbox, MUSTER_PEER_JOINED, peer, OUTBOX_OTHERS);
        peer->pins++;
        peer_table_set_state(&presence->table, peer, peer->state);
    }
}

/* A row that is heard by both families stays with IPv4: copies of both come in any order, and an address that
 * changes is an event for many. */
static bool has_better_address(const struct presence *presence, const struct peer *peer,
                               const struct muster_endpoint *source) {
    uint64_t heard_ms = peer_heard_ms(peer, 4);
    return source->family == 6 && peer->address.family == 4 && heard_ms != 0 &&
           presence->context->now_ms - heard_ms <= MUSTER_PRIMARY_MS;
}

/* A verified row keeps its address until the peer has answered from another one: what it said may have been
 * passed on by anybody. Where an answer by unicast left from, it says. One to the group may have been passed
 * on by who is faster than the group; then the peer is heard where it was, too. */
static bool is_settled_at(const struct presence *presence, const struct peer *peer,
                          const struct muster_endpoint *source) {
    if (!peer->is_verified || endpoint_is_same(&peer->address, source) || peer_is_answered_at(peer, source)) {
        return true;
    }
    uint64_t heard_ms = peer_heard_at_ms(peer, &peer->address);
    return peer_is_proven_at(peer, source) &&
           (heard_ms == 0 || presence->context->now_ms - heard_ms > peer->period_ms);
}

static void record_address(struct presence *presence, struct peer *peer, const struct incoming *incoming) {
    const struct muster_datagram *datagram = incoming->datagram;
    if (is_settled_at(presence, peer, &datagram->source) &&
        !has_better_address(presence, peer, &datagram->source)) {
        peer_table_set_address(&presence->table, peer, &datagram->source, datagram->interface);
    }
}

/* Asks who spoke in the name of a row where the row's peer has not answered yet. */
static void ask_source(struct presence *presence, const struct peer *peer, const struct incoming *incoming) {
    if (incoming->message->kind != MESSAGE_BYE && /* who leaves answers no more */
        !is_settled_at(presence, peer, &incoming->datagram->source)) {
        introduction_begin(presence, incoming->message, incoming->datagram);
    }
}

/* A copy from another host than the row's, whose address nobody answered from: one of the two is passed on.
 */
static void doubt_address(struct presence *presence, struct peer *peer, const struct incoming *incoming) {
    const struct muster_endpoint *source = &incoming->datagram->source;
    if (source->family == peer->address.family && !endpoint_is_same_host(source, &peer->address) &&
        !peer_is_answered_at(peer, &peer->address)) {
        record_address(presence, peer, incoming);
        ask_source(presence, peer, incoming);
    }
}

/* kinds are of enum evidence, beside those that the message itself tells. */
static void record_evidence(struct presence *presence, struct peer *peer, const struct incoming *incoming,
                            unsigned kinds) {
    const struct message *message = incoming->message;
    bool is_everywhere = message->seq != 0 && message_is_everywhere(message);
    peer->paths |= message->heard;
    peer_add_evidence(peer, incoming->datagram, kinds | (is_everywhere ? EVIDENCE_EVERYWHERE : 0),
                      presence->context->now_ms);
}

static void record_seq(struct presence *presence, struct peer *peer, const struct incoming *incoming) {
    uint64_t seq = incoming->message->seq;
    if (seq == 0) {
        return;
    }
    /* A long gap is no loss: one of us was away. Nor is what was said before this node heard it for the first
     * time, or what this kernel dropped: that shows this node's lateness, and says nothing of the link. And
     * what anybody may claim says nothing of the others' links. */
    if (peer->numbered_ms == 0 || seq - peer->seq > MUSTER_ABSENCE_GAP) {
        loss_begin(&peer->loss);
    } else if (seq - peer->seq == 1 || presence->dropped_ms <= peer->numbered_ms) {
        loss_advance(&peer->loss, seq - peer->seq);
        bool is_of_many = peer_table_rows_of(&presence->table, &peer->address) > MUSTER_SPEAKERS_PER_ADDRESS;
        if (peer->is_verified && !is_of_many) {
            loss_mean_add(&presence->loss, seq - peer->seq);
        }
    }
    peer->seq = seq;
    peer->numbered_ms = presence->context->now_ms;
    peer->last_hash = incoming->hash;
}

static void record_promise(const struct presence *presence, struct peer *peer,
                           const struct message *message) {
    static const uint64_t shortest_period_ms = MUSTER_INTERVAL_MIN_MS + MUSTER_INTERVAL_MIN_MS / 4;
    peer->heard_ms = presence->context->now_ms;
    peer->tries = 0;
    peer->silent_ms = 0;
    peer->next_ms = message->next_ms;
    /* All but an alive may repeat the rest of a promise; of answers only a longer one is news. */
    bool is_answer = message->re != NULL;
    bool is_full = message->kind == MESSAGE_ALIVE && !is_answer;
    uint64_t known_ms = is_answer && peer->period_ms > 0 ? peer->period_ms : shortest_period_ms;
    peer->period_ms = is_full || message->next_ms > known_ms ? message->next_ms : known_ms;
}

/* A peer was heard this way. */
static void record_way(struct presence *presence, const struct muster_datagram *datagram) {
    struct paths *paths = &presence->context->paths;
    uint64_t now_ms = presence->context->now_ms;
    paths_heard(paths, datagram->interface, group_path_kind(&datagram->destination), now_ms);
    static_peers_record_heard(&paths->static_peers, &datagram->source, now_ms);
}

/* What every message says that is accepted, whatever its kind. */
static void record_message(struct presence *presence, struct peer *peer, const struct incoming *incoming) {
    const struct muster_datagram *datagram = incoming->datagram;
    unsigned kinds = incoming->is_fresh ? EVIDENCE_PROOF : 0;
    kinds |= incoming->is_fresh && incoming->message->seq == 0 ? EVIDENCE_ANSWER : 0;
    record_evidence(presence, peer, incoming, kinds);
    record_way(presence, datagram);
    record_address(presence, peer, incoming);
    confirm(presence, peer, incoming);
    record_seq(presence, peer, incoming);
}

/* What the peer has no more is forgotten, but for the address that it says so from. */
static void forget_gone(struct peer *peer, const struct incoming *incoming) {
    const struct message *message = incoming->message;
    for (size_t i = 0; i < message->gone_count; i++) {
        if (!endpoint_is_same_host(&message->gone[i], &incoming->datagram->source)) {
            peer_forget_address(peer, &message->gone[i]);
        }
    }
}

/* What an announce and an alive say beside the document. */
static void record_life(struct presence *presence, struct peer *peer, const struct incoming *incoming) {
    forget_gone(peer, incoming);
    record_message(presence, peer, incoming);
    record_promise(presence, peer, incoming->message);
    if (incoming->message->kind == MESSAGE_ALIVE && incoming->message->re == NULL) {
        peer->hears = incoming->message->hears;
    }
    if (announcer_is_new(presence) && incoming->is_fresh && incoming->message->seq == 0) {
        answer_return(presence, incoming->datagram, incoming->message->nonce);
    } else if (announcer_is_new(presence)) {
        announcer_owe(presence, &incoming->datagram->source, incoming->message->nonce, false);
    }
    query_record_reported(presence, &incoming->datagram->source, incoming->message->peers);
    incoming->note->heard = peer;
}

static void revive(struct presence *presence, struct peer *peer) {
    peer_table_set_state(&presence->table, peer, MUSTER_ALIVE);
    suspicion_plan(presence, peer);
}

static void join(struct presence *presence, struct peer *peer) {
    revive(presence, peer);
    put_event(presence, peer, MUSTER_PEER_JOINED);
    presence->query.news_ms = presence->context->now_ms;
}

/* What was known of an earlier start is void. */
static void begin_again(struct presence *presence, struct peer *peer, uint64_t boot) {
    peer->boot = boot;
    peer->boot_ms = presence->context->now_ms;
    presence->newcomer_ms = presence->context->now_ms;
    peer->seq = 0;
    peer->numbered_ms = 0;
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

/* Keys are free: the rows of one address are bounded, whatever it claims. But nobody locks an address by what
 * no key vouches for. */
static bool has_room_at(struct presence *presence, const struct muster_endpoint *source,
                        bool is_provisional) {
    return peer_table_rows_of(&presence->table, source) < MUSTER_ROWS_PER_ADDRESS ||
           (!is_provisional && peer_table_evict_at(&presence->table, source));
}

/* A new row of an announce, not alive yet; NULL with the reason when that can't be. */
static struct peer *add_row(struct presence *presence, const struct incoming *incoming, bool is_provisional) {
    const struct message *message = incoming->message;
    if (!has_room_at(presence, &incoming->datagram->source, is_provisional)) {
        drop(incoming, MUSTER_DROP_TABLE_FULL);
        return NULL;
    }
    bool is_full;
    struct peer *peer = peer_table_add(&presence->table, message->id, message->has_key, is_provisional,
                                       presence->context->now_ms, &is_full);
    bool is_filled = peer != NULL && set_announce(presence, peer, incoming) == 0 &&
                     (is_provisional || peer_reserve_evidence(peer, incoming->datagram) == 0);
    if (!is_filled) {
        if (peer != NULL) {
            peer_table_remove(&presence->table, peer);
        }
        drop(incoming, is_full ? MUSTER_DROP_TABLE_FULL : MUSTER_DROP_MEMORY);
        return NULL;
    }
    peer_table_set_address(&presence->table, peer, &incoming->datagram->source,
                           incoming->datagram->interface);
    memcpy(peer->key, message->key, MUSTER_KEY_BYTES);
    peer->boot = message->boot;
    peer->boot_ms = presence->context->now_ms;
    presence->newcomer_ms = presence->context->now_ms;
    peer->rev = message->rev;
    peer->since_ms = presence->context->now_ms;
    return peer;
}

static bool merge_stranger(struct presence *presence, const struct incoming *incoming) {
    const struct message *message = incoming->message;
    if (message->kind == MESSAGE_BYE) { /* anybody may have said it: it ends no introduction */
        return drop(incoming, MUSTER_DROP_UNKNOWN);
    }
    if (message->kind != MESSAGE_ANNOUNCE || (message->is_signed && !incoming->is_fresh)) {
        return introduce(presence, incoming, MUSTER_DROP_UNKNOWN);
    }
    if (message->is_signed && !is_self_certified(presence, incoming)) {
        return false;
    }
    struct peer *peer = add_row(presence, incoming, false);
    if (peer == NULL) {
        return false;
    }
    peer->paths = end_introduction(presence, incoming);
    record_life(presence, peer, incoming);
    join(presence, peer);
    return true;
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
static void take_restart(struct presence *presence, struct peer *peer, const struct message *message) {
    bool is_first_key = message->boot == peer->boot && message->has_key;
    put_event(presence, peer, is_first_key ? MUSTER_PEER_CHANGED : MUSTER_PEER_RESTARTED);
    begin_again(presence, peer, message->boot);
    if (message->has_key) {
        memcpy(peer->key, message->key, MUSTER_KEY_BYTES);
        peer->is_verified = true;
    }
}

/* Replaces the document; a restart or a first key replaces everything else too. */
static bool replace(struct presence *presence, struct peer *peer, const struct incoming *incoming,
                    bool is_restart) {
    if (set_announce(presence, peer, incoming) != 0) {
        return drop(incoming, MUSTER_DROP_MEMORY);
    }
    unsigned paths = end_introduction(presence, incoming);
    if (is_restart) {
        take_restart(presence, peer, incoming->message);
    } else {
        take_change(presence, peer);
    }
    peer->rev = incoming->message->rev;
    peer->paths |= paths;
    record_life(presence, peer, incoming);
    revive(presence, peer);
    return true;
}

static bool take_bye(struct presence *presence, struct peer *peer, const struct incoming *incoming) {
    if (incoming->message->boot != peer->boot) { /* its start was missed */
        begin_again(presence, peer, incoming->message->boot);
    }
    end_introduction(presence, incoming);
    record_message(presence, peer, incoming);
    peer->heard_ms = presence->context->now_ms;
    suspicion_bury(presence, peer, MUSTER_LEFT);
    return true;
}

/* Of two announces of one document the shorter one is passed on: a start repeats the nonces of many. */
static void keep_shorter(struct presence *presence, struct peer *peer, const struct incoming *incoming) {
    const struct message *message = incoming->message;
    bool is_same = message->kind == MESSAGE_ANNOUNCE && message->rev == peer->rev && message->size == 0;
    if (is_same && incoming->datagram->length < peer->announce_length) {
        set_announce(presence, peer, incoming); /* without memory the longer one does */
    }
}

static bool hear(struct presence *presence, struct peer *peer, const struct incoming *incoming) {
    const struct message *message = incoming->message;
    record_life(presence, peer, incoming);
    keep_shorter(presence, peer, incoming);
    uint64_t due_ms = suspicion_due_ms(presence, peer);
    if (peer->state != MUSTER_ALIVE) {
        revive(presence, peer);
        put_event(presence, peer, MUSTER_PEER_RETURNED);
    } else if (due_ms < peer->due_ms) { /* a later moment waits for the earlier one */
        suspicion_plan(presence, peer);
    }
    if (message->rev > peer->rev) {
        introduction_begin(presence, message, incoming->datagram);
    } else if (message->kind == MESSAGE_ANNOUNCE || incoming->is_fresh) {
        end_introduction(presence, incoming);
    }
    return true;
}

/* ---- what becomes of a message ---- */

static bool is_copy(const struct peer *peer, const struct incoming *incoming) {
    const struct message *message = incoming->message;
    return message->boot == peer->boot && message->seq != 0 && message->seq == peer->seq &&
           incoming->hash == peer->last_hash;
}

/* Older than what is known: by its boot, or by its number within this boot. */
static bool is_stale(const struct peer *peer, const struct message *message) {
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

/* A verified row hears only its key; an unverified one ends when its id is certified. Else it is dropped. */
static bool is_authentic(struct presence *presence, const struct peer *peer,
                         const struct incoming *incoming) {
    const struct message *message = incoming->message;
    if (peer->is_verified) {
        return merge_is_signed_by(presence, message, incoming->datagram, peer->key, incoming->reason);
    }
    return !message->has_key || is_self_certified(presence, incoming);
}

/* It answers a nonce of ours that was made at this time or later. */
static bool answers_nonce_since(const struct presence *presence, const struct message *message,
                                uint64_t since_ms) {
    const struct nonces *nonces = &presence->nonces;
    for (unsigned i = 0; i < nonces_count(nonces, presence->context->now_ms); i++) {
        if (message_answers(message, nonces->values[i])) {
            return nonces->made_ms[i] >= since_ms;
        }
    }
    return false;
}

/* Of who the peer is there is no doubt. */
static bool merge_authentic(struct presence *presence, struct peer *peer, const struct incoming *incoming,
                            bool is_restart) {
    const struct message *message = incoming->message;
    bool is_other_boot = message->boot != peer->boot;
    if (message->kind == MESSAGE_BYE) {
        bool is_late = !peer_is_present(peer) || (is_other_boot && peer->is_verified);
        return is_late ? drop(incoming, MUSTER_DROP_STALE) : take_bye(presence, peer, incoming);
    }
    if (peer->state == MUSTER_LEFT && peer->is_verified && !is_restart) {
        return drop(incoming, MUSTER_DROP_STALE); /* who said bye says nothing more in this boot */
    }
    /* Another start of a verified peer, and one that was lost, are taken by proof only; and a new start
     * begins with its document. */
    bool needs_proof = peer->is_verified && (is_other_boot || peer->state == MUSTER_LOST);
    if ((needs_proof && !incoming->is_fresh) || (is_other_boot && message->kind == MESSAGE_ALIVE)) {
        if (answers_nonce_since(presence, message, 0)) { /* perhaps by one that is older than its boot */
            introduction_renew(presence, message->id);
        }
        return introduce(presence, incoming, MUSTER_DROP_UNKNOWN);
    }
    if (message->kind == MESSAGE_ANNOUNCE && (is_restart || message->rev > peer->rev)) {
        return replace(presence, peer, incoming, is_restart);
    }
    return hear(presence, peer, incoming);
}

static bool merge_known(struct presence *presence, struct peer *peer, const struct incoming *incoming) {
    const struct message *message = incoming->message;
    bool is_upgrade = !peer->is_verified && message->is_signed;
    bool is_old = is_stale(peer, message);
    if (peer->is_verified && !message->is_signed) {
        return drop(incoming, MUSTER_DROP_SIGNATURE);
    }
    if (is_upgrade && (message->kind != MESSAGE_ANNOUNCE || !incoming->is_fresh)) {
        return introduce(presence, incoming, MUSTER_DROP_UNKNOWN);
    }
    if (is_old && !is_upgrade && !may_go_back(peer, incoming)) {
        return message->boot < peer->boot && message->kind != MESSAGE_BYE
                   ? introduce(presence, incoming, MUSTER_DROP_STALE)
                   : drop(incoming, MUSTER_DROP_STALE);
    }
    if (!is_authentic(presence, peer, incoming)) {
        return false;
    }
    return merge_authentic(presence, peer, incoming, message->boot != peer->boot || is_upgrade || is_old);
}

/* It answers a nonce of ours. What is said in another boot than a verified row's answers one that is younger
 * than that boot: else it could be a recording of the boot before. */
static bool is_fresh(const struct presence *presence, const struct peer *peer,
                     const struct message *message) {
    bool is_other_boot = peer != NULL && peer->is_verified && peer->boot != message->boot;
    return answers_nonce_since(presence, message, is_other_boot ? peer->boot_ms + 1 : 0);
}

static struct incoming incoming_of(const struct presence *presence, const struct message *message,
                                   const struct muster_datagram *datagram, struct merge_note *note,
                                   enum muster_drop *reason) {
    struct incoming incoming = {.message = message, .datagram = datagram, .note = note, .reason = reason};
    incoming.is_fresh = is_fresh(presence, peer_table_find(&presence->table, message->id), message);
    crypto_shorthash((uint8_t *)&incoming.hash, datagram->bytes, datagram->length, presence->table.seed);
    return incoming;
}

/* ---- who has no row ---- */

/* Tells the application of somebody who is to have no row of the table. *peer stands for the row, and no
 * event of it waits. */
static bool tell_conflict(struct presence *presence, struct peer *peer, const struct incoming *incoming) {
    /* Nothing is fetched of it, and nobody takes it for one to be asked. */
    struct message plain = *incoming->message;
    plain.size = 0;
    plain.stream = 0;
    struct incoming told = *incoming;
    told.message = &plain;
    if (outbox_reserve_events(&presence->context->outbox, 1) != 0 ||
        peer_reserve_evidence(peer, incoming->datagram) != 0 || set_announce(presence, peer, &told) != 0) {
        return drop(incoming, MUSTER_DROP_MEMORY);
    }
    memcpy(peer->id, plain.id, MUSTER_ID_BYTES);
    peer->is_verified = plain.is_signed;
    begin_again(presence, peer, plain.boot);
    peer->rev = plain.rev;
    peer->since_ms = presence->context->now_ms;
    record_promise(presence, peer, &plain);
    peer_add_evidence(peer, incoming->datagram, incoming->is_fresh ? EVIDENCE_PROOF : 0,
                      presence->context->now_ms);
    peer->address = incoming->datagram->source;
    peer->interface = incoming->datagram->interface;
    put_event(presence, peer, MUSTER_PEER_CONFLICT);
    return true;
}

/* Who says a pinned name with another key is told again for another id or start, and not in a storm. */
static bool is_impostor_told(const struct presence *presence, const struct message *message) {
    const struct peer *impostor = &presence->impostor;
    bool is_same = impostor->boot == message->boot && memcmp(impostor->id, message->id, MUSTER_ID_BYTES) == 0;
    bool is_soon = impostor->boot != 0 && presence->context->now_ms - impostor->since_ms < MUSTER_IMPOSTOR_MS;
    return is_same || is_soon || impostor->pins > 0;
}

static bool is_trusted(struct presence *presence, const struct incoming *incoming) {
    const struct message *message = incoming->message;
    const char *name = message->kind == MESSAGE_ANNOUNCE ? message->document.name : NULL;
    if (trust_allows(&presence->trust, message->id, message->is_signed, name)) {
        return true;
    }
    if (name != NULL && trust_is_of_another(&presence->trust, message->id, name) &&
        !is_impostor_told(presence, message)) {
        /* Nobody is blamed for what another one forged. */
        if (message->is_signed && !is_self_certified(presence, incoming)) {
            return false;
        }
        tell_conflict(presence, &presence->impostor, incoming);
    }
    return drop(incoming, MUSTER_DROP_UNTRUSTED);
}

/* An answer that says where it left from was not passed on by another host. Beyond routers the address may be
 * translated. */
static bool is_at_home(const struct presence *presence, const struct incoming *incoming) {
    const struct paths *paths = &presence->context->paths;
    const struct muster_endpoint *source = &incoming->datagram->source;
    const struct muster_endpoint *at = &incoming->message->at;
    return at->family == 0 || endpoint_is_same_host(at, source) || paths->is_site ||
           static_peers_have_host(&paths->static_peers, source);
}

bool merge_message(struct presence *presence, const struct message *message,
                   const struct muster_datagram *datagram, struct merge_note *note,
                   enum muster_drop *reason) {
    struct incoming incoming = incoming_of(presence, message, datagram, note, reason);
    struct peer *peer = peer_table_find(&presence->table, message->id);
    if (message->re != NULL && message->seq == 0 && !incoming.is_fresh) {
        return drop(&incoming, MUSTER_DROP_UNASKED);
    }
    if (!is_at_home(presence, &incoming)) {
        return drop(&incoming, MUSTER_DROP_SOURCE);
    }
    if (!is_trusted(presence, &incoming)) {
        return false;
    }
    /* The most that one message needs: three events and one tuple. */
    int error = outbox_reserve_events(&presence->context->outbox, 3);
    if (error == 0 && peer != NULL) {
        error = peer_reserve_evidence(peer, datagram);
    }
    if (error != 0) {
        return drop(&incoming, error == MUSTER_EFULL ? MUSTER_DROP_TABLE_FULL : MUSTER_DROP_MEMORY);
    }
    if (peer != NULL && is_copy(peer, &incoming)) {
        record_evidence(presence, peer, &incoming, EVIDENCE_COPY);
        record_way(presence, datagram);
        doubt_address(presence, peer, &incoming);
        note->is_copy = true;
        return true;
    }
    bool is_accepted =
        peer == NULL ? merge_stranger(presence, &incoming) : merge_known(presence, peer, &incoming);
    if (is_accepted && peer != NULL) {
        ask_source(presence, peer, &incoming);
    }
    note->is_answer = is_accepted && message->kind == MESSAGE_ANNOUNCE && incoming.is_fresh;
    return is_accepted;
}

/* ---- what another peer passed on ---- */

static uint64_t shorter_ms(uint64_t a_ms, uint64_t b_ms) {
    return a_ms < b_ms ? a_ms : b_ms;
}

static void fill_provisional(struct presence *presence, struct peer *peer, const struct merge_row *row,
                             const struct incoming *incoming) {
    const struct message *message = row->message;
    uint64_t now_ms = presence->context->now_ms;
    uint64_t age_ms = shorter_ms(row->age_ms, now_ms);
    const uint64_t longest_ms = MUSTER_SLEEPER_MS; /* nobody lends a long life to whom he invents */
    peer->seq = message->seq; /* what is not younger is stale */
    peer->last_hash = incoming->hash;
    record_promise(presence, peer, message);
    peer->heard_ms = now_ms - age_ms;
    /* When it will have broken its promise, by the word of who passed it on; what it promised as a whole is
     * the period. */
    peer->next_ms = age_ms + shorter_ms(row->next_ms, longest_ms);
    uint64_t period_ms = peer->next_ms > peer->period_ms ? peer->next_ms : peer->period_ms;
    peer->period_ms = shorter_ms(period_ms, longest_ms);
}

bool merge_provisional(struct presence *presence, const struct merge_row *row, bool *wants_body,
                       enum muster_drop *reason) {
    const struct message *message = row->message;
    const struct muster_datagram datagram = {
        .bytes = row->bytes, .length = row->length, .source = row->address, .interface = row->interface};
    struct merge_note note = {0};
    struct incoming incoming = incoming_of(presence, message, &datagram, &note, reason);
    *wants_body = false;
    if (memcmp(message->id, presence->context->identity.id, MUSTER_ID_BYTES) == 0 ||
        peer_table_find(&presence->table, message->id) != NULL) {
        return true; /* who is known is known better than by hearsay */
    }
    if (!trust_allows(&presence->trust, message->id, message->is_signed, message->document.name)) {
        return drop(&incoming, MUSTER_DROP_UNTRUSTED);
    }
    if (!paths_is_source(&presence->context->paths, &row->address, row->interface)) {
        return drop(&incoming, MUSTER_DROP_SOURCE); /* it would be asked there */
    }
    /* Tables are asked for, and have bounds of their own. */
    if (message->is_signed &&
        !(has_id_of_key(message) && is_signed_by(presence, message, &datagram, message->key))) {
        return drop(&incoming, MUSTER_DROP_SIGNATURE);
    }
    if (outbox_reserve_events(&presence->context->outbox, 1) != 0) {
        return drop(&incoming, MUSTER_DROP_MEMORY);
    }
    struct peer *peer = add_row(presence, &incoming, true);
    if (peer == NULL) {
        return false;
    }
    fill_provisional(presence, peer, row, &incoming);
    join(presence, peer);
    *wants_body = note.wants_body;
    return true;
}

/* The second holder of our key is told once for each of its boots. */
static bool tell_duplicate(struct presence *presence, const struct incoming *incoming) {
    struct peer *duplicate = &presence->duplicate;
    bool is_told = duplicate->boot == incoming->message->boot || duplicate->pins > 0;
    return is_told ? drop(incoming, MUSTER_DROP_OWN) : tell_conflict(presence, duplicate, incoming);
}

bool merge_duplicate_identity(struct presence *presence, const struct message *message,
                              const struct muster_datagram *datagram, enum muster_drop *reason) {
    struct merge_note note = {0};
    struct incoming incoming = incoming_of(presence, message, datagram, &note, reason);
    if (message->kind != MESSAGE_ANNOUNCE || !incoming.is_fresh) {
        return introduce(presence, &incoming, MUSTER_DROP_OWN);
    }
    if (!is_self_certified(presence, &incoming)) {
        return false;
    }
    end_introduction(presence, &incoming);
    return tell_duplicate(presence, &incoming);
}

bool merge_own_boot(struct presence *presence, const struct message *message,
                    const struct muster_datagram *datagram, enum muster_drop *reason) {
    const struct identity *identity = &presence->context->identity;
    uint8_t bytes[MUSTER_DATAGRAM_BYTES_MAX];
    struct merge_note note = {0};
    if (!identity->has_key || message->kind == MESSAGE_QUERY || message->seq <= presence->announcer.seq) {
        *reason = MUSTER_DROP_OWN;
        return false;
    }
    if (!merge_is_signed_by(presence, message, datagram, identity->key, reason)) {
        return false;
    }
    /* What was copied has the document of this node. */
    struct message own = announcer_announce(presence);
    own.seq = message->seq;
    own.is_signed = true;
    int length = message_encode(&own, identity_signer(identity), 0, bytes, sizeof bytes);
    if (length < 0) {
        *reason = MUSTER_DROP_OWN;
        return false;
    }
    const struct muster_datagram said = {.bytes = bytes,
                                         .length = (size_t)length,
                                         .source = datagram->source,
                                         .destination = datagram->destination,
                                         .interface = datagram->interface};
    const struct incoming incoming = {
        .message = &own, .datagram = &said, .is_fresh = true, .note = &note, .reason = reason};
    return tell_duplicate(presence, &incoming);
}
