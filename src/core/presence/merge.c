#include "merge.h"

#include <string.h>

#include <sodium.h>

#include "group.h"
#include "node.h"
#include "suspicion.h"
#include "telemetry.h"

/* A message on its way into the table. */
struct arrival {
    const struct message *message;
    const struct muster_datagram *datagram;
    bool is_fresh; /* it answers a question of ours */
    uint64_t hash;
};

static enum merge_result drop(enum muster_drop *reason, enum muster_drop why) {
    *reason = why;
    return MERGE_DROPPED;
}

bool merge_is_signed_by(struct muster_core *core, const struct message *message,
                        const struct muster_datagram *datagram, const uint8_t key[MUSTER_KEY_BYTES]) {
    const struct muster_crypto *crypto = &core->identity.crypto;
    if (!message->is_signed) {
        return false;
    }
    core->admission.counters.verifications++;
    return crypto->verify(crypto->context, key, datagram->bytes, message->signed_length,
                          message->signature) == 0;
}

/* True when the announce carries the key of its id and is signed by it. */
static bool is_self_certified(struct muster_core *core, const struct arrival *arrival) {
    uint8_t id[MUSTER_ID_BYTES];
    muster_id_of_key(arrival->message->key, id);
    return memcmp(id, arrival->message->id, MUSTER_ID_BYTES) == 0 &&
           merge_is_signed_by(core, arrival->message, arrival->datagram, arrival->message->key);
}

/* Asks who it is, and so drops what was said: only the answer counts. */
static enum merge_result introduce(struct muster_core *core, const struct arrival *arrival,
                                   enum muster_drop why, enum muster_drop *reason) {
    bool has_room = introduction_begin(core, arrival->message, arrival->datagram);
    return drop(reason, has_room ? why : MUSTER_DROP_TABLE_FULL);
}

/* A signed announce ends an introduction by its proof only; what no key signed ends none that a signed
 * message began: nobody keeps an id from its holder. */
static unsigned end_introduction(struct muster_core *core, const struct arrival *arrival) {
    const struct message *message = arrival->message;
    return message->is_signed && !arrival->is_fresh ? 0
                                                    : introduction_end(core, message->id, message->is_signed);
}

/* Messages that their sender puts on all paths. */
static bool is_everywhere(const struct message *message) {
    return message->seq != 0 && (message->kind != MESSAGE_ALIVE || message->is_answer ||
                                 message->seq % MUSTER_EVERYWHERE_EACH == 0);
}

/* ---- what an accepted message changes; all memory was reserved before ---- */

static void put_event(struct muster_core *core, struct peer *peer, enum muster_peer_event event) {
    peer_tell(&core->outbox, peer, event);
}

/* Hearsay ends when the peer answered us; nobody can prove anything of one without a key, so hearing it must
 * do. */
static void confirm(struct muster_core *core, struct peer *peer, const struct arrival *arrival) {
    if (peer->is_provisional && (arrival->is_fresh || !peer->is_verified)) {
        peer->is_provisional = false;
        peer_tell_others(&core->outbox, peer);
        peer_table_set_class(&core->table, peer,
                             peer->state == MUSTER_ALIVE ? peer_class_of(peer) : peer->class);
    }
}

/* A verified row keeps its address until the peer has answered from another one: what it said may have
 * been passed on by anybody. */
static void note_address(struct muster_core *core, struct peer *peer, const struct arrival *arrival) {
    const struct muster_datagram *datagram = arrival->datagram;
    if (peer->is_verified && !peer_is_proven_at(peer, &datagram->source)) {
        introduction_begin(core, arrival->message, datagram);
        return;
    }
    peer->address = datagram->source;
    peer->interface = datagram->interface;
}

static void note_heard(struct muster_core *core, struct peer *peer, const struct arrival *arrival,
                       bool is_copy) {
    const struct muster_datagram *datagram = arrival->datagram;
    unsigned kinds = (is_copy ? EVIDENCE_COPY : 0) |
                     (is_everywhere(arrival->message) ? EVIDENCE_EVERYWHERE : 0) |
                     (arrival->is_fresh && !is_copy ? EVIDENCE_PROOF : 0);
    peer->paths |= arrival->message->heard;
    peer_add_evidence(peer, datagram, kinds, core->now_ms);
    if (!is_copy) {
        paths_heard(&core->paths, datagram->interface, group_path_kind(&datagram->destination), core->now_ms);
        note_address(core, peer, arrival);
        confirm(core, peer, arrival);
    }
}

static void note_seq(struct muster_core *core, struct peer *peer, const struct arrival *arrival) {
    uint64_t seq = arrival->message->seq;
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
            loss_mean_add(&core->loss, seq - peer->seq);
        }
    }
    peer->seq = seq;
    peer->last_hash = arrival->hash;
}

static void note_promise(const struct muster_core *core, struct peer *peer, const struct message *message) {
    static const uint64_t shortest_period_ms = MUSTER_INTERVAL_MIN_MS + MUSTER_INTERVAL_MIN_MS / 4;
    peer->heard_ms = core->now_ms;
    peer->next_ms = message->next_ms;
    /* All but an alive may repeat the rest of a promise; of answers only a longer one is news. */
    bool is_full = message->kind == MESSAGE_ALIVE && !message->is_answer;
    uint64_t known_ms = message->is_answer && peer->period_ms > 0 ? peer->period_ms : shortest_period_ms;
    peer->period_ms = is_full || message->next_ms > known_ms ? message->next_ms : known_ms;
}

static void revive(struct muster_core *core, struct peer *peer) {
    peer->state = MUSTER_ALIVE;
    peer_table_set_class(&core->table, peer, peer_class_of(peer));
    peer_table_set_due(&core->table, peer, suspicion_due_ms(core, peer));
}

static void leave(struct muster_core *core, struct peer *peer) {
    peer->state = MUSTER_LEFT;
    peer->heard_ms = core->now_ms;
    peer_table_set_class(&core->table, peer, CLASS_TOMBSTONE);
    peer_table_set_due(&core->table, peer, core->now_ms + core->tombstone_ms);
    put_event(core, peer, MUSTER_PEER_LEFT);
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

static int set_announce(struct muster_core *core, struct peer *peer, const struct arrival *arrival) {
    const struct muster_datagram *datagram = arrival->datagram;
    int error =
        peer_table_set_announce(&core->table, peer, arrival->message, datagram->bytes, datagram->length);
    if (error == 0 && peer_is_partial(peer)) {
        fetch_note_large(core);
    }
    return error;
}

static enum merge_result add_row(struct muster_core *core, const struct arrival *arrival,
                                 enum muster_drop *reason) {
    const struct message *message = arrival->message;
    bool is_full;
    struct peer *peer =
        peer_table_add(&core->table, message->id, message->has_key, false, core->now_ms, &is_full);
    if (peer == NULL) {
        return drop(reason, is_full ? MUSTER_DROP_TABLE_FULL : MUSTER_DROP_MEMORY);
    }
    if (set_announce(core, peer, arrival) != 0 || peer_reserve_evidence(peer) != 0) {
        peer_table_remove(&core->table, peer);
        return drop(reason, MUSTER_DROP_MEMORY);
    }
    memcpy(peer->key, message->key, MUSTER_KEY_BYTES);
    peer->boot = message->boot;
    peer->rev = message->rev;
    peer->since_ms = core->now_ms;
    peer->paths = end_introduction(core, arrival);
    note_heard(core, peer, arrival, false);
    note_seq(core, peer, arrival);
    note_promise(core, peer, message);
    query_note_claim(core, message->peers);
    revive(core, peer);
    put_event(core, peer, MUSTER_PEER_JOINED);
    query_note_peer(core);
    telemetry_note_sent(core, peer, message);
    return MERGE_ACCEPTED;
}

static enum merge_result merge_stranger(struct muster_core *core, const struct arrival *arrival,
                                        enum muster_drop *reason) {
    const struct message *message = arrival->message;
    if (message->kind == MESSAGE_BYE) { /* anybody may have said it: it ends no introduction */
        return drop(reason, MUSTER_DROP_UNKNOWN);
    }
    if (message->kind != MESSAGE_ANNOUNCE || (message->is_signed && !arrival->is_fresh)) {
        return introduce(core, arrival, MUSTER_DROP_UNKNOWN, reason);
    }
    if (message->is_signed && !is_self_certified(core, arrival)) {
        return drop(reason, MUSTER_DROP_SIGNATURE);
    }
    return add_row(core, arrival, reason);
}

/* Takes a new document of the same start; one that is still to be fetched is told of when it is here. */
static void take_change(struct muster_core *core, struct peer *peer) {
    bool will_be_fetched = core->has_streams && peer->is_verified && peer_is_partial(peer);
    if (peer->state != MUSTER_ALIVE) {
        put_event(core, peer, MUSTER_PEER_RETURNED);
    }
    if (!will_be_fetched) {
        put_event(core, peer, MUSTER_PEER_CHANGED);
    }
}

/* Takes another start of the peer, or the same id with a key at last. */
static void take_restart(struct muster_core *core, struct peer *peer, const struct arrival *arrival) {
    bool is_first_key = arrival->message->boot == peer->boot && arrival->message->has_key;
    put_event(core, peer, is_first_key ? MUSTER_PEER_CHANGED : MUSTER_PEER_RESTARTED);
    begin_again(peer, arrival->message->boot);
    if (arrival->message->has_key) {
        memcpy(peer->key, arrival->message->key, MUSTER_KEY_BYTES);
        peer->is_verified = true;
    }
}

/* Replaces the document; a restart or a first key replaces everything else too. */
static enum merge_result replace(struct muster_core *core, struct peer *peer, const struct arrival *arrival,
                                 bool is_restart, enum muster_drop *reason) {
    if (set_announce(core, peer, arrival) != 0) {
        return drop(reason, MUSTER_DROP_MEMORY);
    }
    unsigned paths = end_introduction(core, arrival);
    if (is_restart) {
        take_restart(core, peer, arrival);
    } else {
        take_change(core, peer);
    }
    peer->rev = arrival->message->rev;
    peer->paths |= paths;
    note_heard(core, peer, arrival, false);
    note_seq(core, peer, arrival);
    note_promise(core, peer, arrival->message);
    query_note_claim(core, arrival->message->peers);
    revive(core, peer);
    telemetry_note_sent(core, peer, arrival->message);
    return MERGE_ACCEPTED;
}

static enum merge_result hear_bye(struct muster_core *core, struct peer *peer,
                                  const struct arrival *arrival) {
    if (arrival->message->boot != peer->boot) { /* its start was missed */
        begin_again(peer, arrival->message->boot);
    }
    introduction_end(core, peer->id, arrival->message->is_signed);
    note_heard(core, peer, arrival, false);
    note_seq(core, peer, arrival);
    leave(core, peer);
    return MERGE_ACCEPTED;
}

static enum merge_result hear(struct muster_core *core, struct peer *peer, const struct arrival *arrival) {
    note_heard(core, peer, arrival, false);
    note_seq(core, peer, arrival);
    note_promise(core, peer, arrival->message);
    query_note_claim(core, arrival->message->peers);
    if (peer->state != MUSTER_ALIVE) {
        revive(core, peer);
        put_event(core, peer, MUSTER_PEER_RETURNED);
    } else if (suspicion_due_ms(core, peer) < peer->due_ms) { /* a later moment waits for the earlier one */
        peer_table_set_due(&core->table, peer, suspicion_due_ms(core, peer));
    }
    if (arrival->message->kind == MESSAGE_ANNOUNCE) {
        end_introduction(core, arrival);
    } else if (arrival->message->rev > peer->rev) {
        introduction_begin(core, arrival->message, arrival->datagram);
    }
    telemetry_note_sent(core, peer, arrival->message);
    return MERGE_ACCEPTED;
}

static bool is_copy(const struct peer *peer, const struct arrival *arrival) {
    return arrival->message->boot == peer->boot && arrival->message->seq != 0 &&
           arrival->message->seq == peer->seq && arrival->hash == peer->last_hash;
}

/* Older than what is known: by its boot, or by its number within this boot. */
static bool is_stale(const struct peer *peer, const struct arrival *arrival) {
    const struct message *message = arrival->message;
    if (message->boot != peer->boot) {
        return message->boot < peer->boot;
    }
    return message->seq != 0 ? message->seq <= peer->seq
                             : message->kind == MESSAGE_ANNOUNCE && message->rev < peer->rev;
}

/* A row of an earlier start may only be taken back by who proves to be alive; a peer without a key can't be
 * told from its replay, so its silence must do. It may even have no clock, and count from one again. */
static bool may_go_back(const struct peer *peer, const struct arrival *arrival) {
    const struct message *message = arrival->message;
    bool is_silent = peer->state == MUSTER_SUSPECT || peer->state == MUSTER_LOST;
    if (message->kind != MESSAGE_ANNOUNCE || (message->boot == peer->boot && message->seq == peer->seq)) {
        return false;
    }
    return (arrival->is_fresh && message->boot < peer->boot) || (is_silent && !peer->is_verified);
}

/* A verified row hears only its key; an unverified one ends when its id is certified. */
static bool is_authentic(struct muster_core *core, const struct peer *peer, const struct arrival *arrival) {
    const struct message *message = arrival->message;
    if (peer->is_verified) {
        return merge_is_signed_by(core, message, arrival->datagram, peer->key);
    }
    return !message->has_key || is_self_certified(core, arrival);
}

static bool is_gone(const struct peer *peer) {
    return peer->state == MUSTER_LOST || peer->state == MUSTER_LEFT;
}

static enum merge_result merge_bye(struct muster_core *core, struct peer *peer, const struct arrival *arrival,
                                   enum muster_drop *reason) {
    bool is_other_boot = arrival->message->boot != peer->boot;
    return is_gone(peer) || (is_other_boot && peer->is_verified) ? drop(reason, MUSTER_DROP_STALE)
                                                                 : hear_bye(core, peer, arrival);
}

/* Another start of a verified peer, and one that was lost, are taken by proof only; and a new start begins
 * with its document. */
static bool needs_introduction(const struct peer *peer, const struct arrival *arrival) {
    const struct message *message = arrival->message;
    bool is_other_boot = message->boot != peer->boot;
    bool needs_proof = peer->is_verified && (is_other_boot || peer->state == MUSTER_LOST);
    return (needs_proof && !arrival->is_fresh) || (is_other_boot && message->kind == MESSAGE_ALIVE);
}

static enum merge_result merge_authentic(struct muster_core *core, struct peer *peer,
                                         const struct arrival *arrival, enum muster_drop *reason) {
    const struct message *message = arrival->message;
    bool is_upgrade = !peer->is_verified && message->is_signed;
    bool is_restart = message->boot != peer->boot || is_upgrade || is_stale(peer, arrival);
    if (message->kind == MESSAGE_BYE) {
        return merge_bye(core, peer, arrival, reason);
    }
    if (peer->state == MUSTER_LEFT && peer->is_verified && !is_restart) {
        return drop(reason, MUSTER_DROP_STALE); /* who said bye says nothing more in this boot */
    }
    if (needs_introduction(peer, arrival)) {
        return introduce(core, arrival, MUSTER_DROP_UNKNOWN, reason);
    }
    if (message->kind == MESSAGE_ANNOUNCE && (is_restart || message->rev > peer->rev)) {
        return replace(core, peer, arrival, is_restart, reason);
    }
    return hear(core, peer, arrival);
}

static enum merge_result merge_known(struct muster_core *core, struct peer *peer,
                                     const struct arrival *arrival, enum muster_drop *reason) {
    const struct message *message = arrival->message;
    bool is_upgrade = !peer->is_verified && message->is_signed;
    if (peer->is_verified && !message->is_signed) {
        return drop(reason, MUSTER_DROP_SIGNATURE);
    }
    if (is_upgrade && (message->kind != MESSAGE_ANNOUNCE || !arrival->is_fresh)) {
        return introduce(core, arrival, MUSTER_DROP_UNKNOWN, reason);
    }
    if (is_stale(peer, arrival) && !is_upgrade && !may_go_back(peer, arrival)) {
        return message->boot < peer->boot && message->kind != MESSAGE_BYE
                   ? introduce(core, arrival, MUSTER_DROP_STALE, reason)
                   : drop(reason, MUSTER_DROP_STALE);
    }
    if (!is_authentic(core, peer, arrival)) {
        return drop(reason, MUSTER_DROP_SIGNATURE);
    }
    return merge_authentic(core, peer, arrival, reason);
}

static struct arrival arrival_of(const struct muster_core *core, const struct message *message,
                                 const struct muster_datagram *datagram) {
    struct arrival arrival = {.message = message, .datagram = datagram};
    arrival.is_fresh = message->is_answer && nonces_holds(&core->nonces, message->re, core->now_ms);
    crypto_shorthash((uint8_t *)&arrival.hash, datagram->bytes, datagram->length, core->table.seed);
    return arrival;
}

static enum merge_result merge_arrival(struct muster_core *core, const struct arrival *arrival,
                                       enum muster_drop *reason) {
    struct peer *peer = peer_table_find(&core->table, arrival->message->id);
    /* The most that one message needs: three events and one tuple. */
    int error = outbox_reserve_events(&core->outbox, 3);
    if (error == 0 && peer != NULL) {
        error = peer_reserve_evidence(peer);
    }
    if (error != 0) {
        return drop(reason, error == MUSTER_EFULL ? MUSTER_DROP_TABLE_FULL : MUSTER_DROP_MEMORY);
    }
    if (peer == NULL) {
        return merge_stranger(core, arrival, reason);
    }
    if (is_copy(peer, arrival)) {
        note_heard(core, peer, arrival, true);
        return MERGE_COPY;
    }
    return merge_known(core, peer, arrival, reason);
}

enum merge_result merge_message(struct muster_core *core, const struct message *message,
                                const struct muster_datagram *datagram, enum muster_drop *reason) {
    struct arrival arrival = arrival_of(core, message, datagram);
    if (message->is_answer && message->seq == 0 && !arrival.is_fresh) {
        return drop(reason, MUSTER_DROP_UNASKED);
    }
    enum merge_result result = merge_arrival(core, &arrival, reason);
    if (result == MERGE_ACCEPTED && message->kind == MESSAGE_ANNOUNCE && arrival.is_fresh) {
        fetch_note_answer(core, message, datagram);
    }
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

static void fill_told(struct muster_core *core, struct peer *peer, const struct merge_told *told,
                      const struct arrival *arrival) {
    const struct message *message = told->message;
    uint64_t age_ms = told->age_ms < core->now_ms ? told->age_ms : core->now_ms;
    memcpy(peer->key, message->key, MUSTER_KEY_BYTES);
    peer->boot = message->boot;
    peer->rev = message->rev;
    peer->since_ms = core->now_ms;
    peer->address = told->address;
    peer->interface = told->interface;
    note_seq(core, peer, arrival);
    note_promise(core, peer, message);
    peer->heard_ms = core->now_ms - age_ms;
    /* When it will have broken its promise, by the word of who passed it on; what it promised as a whole is
     * the period. */
    peer->next_ms = age_ms + shorter_ms(told->next_ms, longest_ms(message));
    uint64_t period_ms = peer->next_ms > peer->period_ms ? peer->next_ms : peer->period_ms;
    peer->period_ms = shorter_ms(period_ms, longest_ms(message));
}

bool merge_told(struct muster_core *core, const struct merge_told *told, enum muster_drop *reason) {
    const struct message *message = told->message;
    const struct muster_datagram datagram = {
        .bytes = told->bytes, .length = told->length, .source = told->address, .interface = told->interface};
    struct arrival arrival = arrival_of(core, message, &datagram);
    arrival.is_fresh = false;
    if (memcmp(message->id, core->identity.id, MUSTER_ID_BYTES) == 0 ||
        peer_table_find(&core->table, message->id) != NULL) {
        return true; /* who is known is known better than by hearsay */
    }
    if (message->is_signed && !is_self_certified(core, &arrival)) {
        drop(reason, MUSTER_DROP_SIGNATURE);
        return false;
    }
    bool is_full = false;
    struct peer *peer =
        outbox_reserve_events(&core->outbox, 1) != 0
            ? NULL
            : peer_table_add(&core->table, message->id, message->has_key, true, core->now_ms, &is_full);
    if (peer != NULL && set_announce(core, peer, &arrival) != 0) {
        peer_table_remove(&core->table, peer);
        peer = NULL;
    }
    if (peer == NULL) {
        drop(reason, is_full ? MUSTER_DROP_TABLE_FULL : MUSTER_DROP_MEMORY);
        return false;
    }
    fill_told(core, peer, told, &arrival);
    revive(core, peer);
    put_event(core, peer, MUSTER_PEER_JOINED);
    query_note_peer(core);
    return true;
}

enum merge_result merge_twin(struct muster_core *core, const struct message *message,
                             const struct muster_datagram *datagram, enum muster_drop *reason) {
    struct arrival arrival = arrival_of(core, message, datagram);
    struct peer *twin = &core->twin;
    if (message->kind != MESSAGE_ANNOUNCE || !arrival.is_fresh) {
        return introduce(core, &arrival, MUSTER_DROP_OWN, reason);
    }
    if (!is_self_certified(core, &arrival)) {
        return drop(reason, MUSTER_DROP_SIGNATURE);
    }
    end_introduction(core, &arrival);
    /* It is no row of the table: nothing is fetched of it, and nobody takes it for one to be asked. */
    struct message plain = *message;
    plain.size = 0;
    plain.stream = 0;
    arrival.message = &plain;
    if (twin->boot == message->boot || twin->pins > 0) { /* told already */
        return drop(reason, MUSTER_DROP_OWN);
    }
    if (outbox_reserve_events(&core->outbox, 1) != 0 || peer_reserve_evidence(twin) != 0 ||
        set_announce(core, twin, &arrival) != 0) {
        return drop(reason, MUSTER_DROP_MEMORY);
    }
    memcpy(twin->id, message->id, MUSTER_ID_BYTES);
    twin->is_verified = true;
    begin_again(twin, message->boot);
    twin->rev = message->rev;
    twin->since_ms = core->now_ms;
    twin->heard_ms = core->now_ms;
    twin->next_ms = message->next_ms;
    peer_add_evidence(twin, datagram, EVIDENCE_PROOF, core->now_ms);
    twin->address = datagram->source;
    twin->interface = datagram->interface;
    put_event(core, twin, MUSTER_PEER_CONFLICT);
    return MERGE_ACCEPTED;
}
