/* SPDX-License-Identifier: MIT */
#include "sender.h"

#include <stdlib.h>
#include <string.h>

#include "deadline.h"
#include "group.h"
#include "send.h"
#include "telemetry.h"

static const uint64_t tail_ms[MUSTER_TAILS] = MUSTER_TAIL_MS;

static struct pace pace_of(double rate) {
    double bytes = rate * MUSTER_BURST_MS / 1000;
    return (struct pace){.rate = rate, .burst = bytes > MUSTER_BURST_BYTES ? bytes : MUSTER_BURST_BYTES};
}

void sender_init(struct sender *sender, const struct muster_core_options *options) {
    sender->pace = pace_of((double)options->rate_bytes_s);
    sender->repair_pace = pace_of((double)options->rate_bytes_s * options->repair_share);
}

void sender_deinit(struct sender *sender) {
    free(sender->repairs);
    sender->repairs = NULL;
}

static size_t bytes_left(const struct pace *pace, uint64_t now_ms) {
    double bytes = bucket_left(&pace->bucket, pace->rate, pace->burst, now_ms);
    return bytes < MUSTER_BATCH_BYTES ? (size_t)bytes : MUSTER_BATCH_BYTES;
}

static void spend(struct pace *pace, size_t bytes, uint64_t now_ms) {
    bucket_spend(&pace->bucket, (double)bytes, pace->rate, now_ms);
}

static uint64_t allowed_ms(const struct pace *pace, size_t bytes, uint64_t now_ms) {
    return bucket_allowed_ms(&pace->bucket, (double)bytes, pace->rate, pace->burst, now_ms);
}

/* ---- batches ---- */

/* How many of the datagrams that wait leave together: of one shard and one length, side by side, a shorter
 * one at the end. */
static uint64_t count_batch(const struct ring *ring, size_t bytes_max, size_t overhead) {
    const struct kept *first = ring_at(ring, ring->unsent);
    size_t bytes = first->length;
    size_t bytes_sent = bytes + overhead; /* when they leave */
    uint64_t count = 1;
    while (ring->unsent + count < ring->next && count < MUSTER_BATCH_SEGMENTS) {
        const struct kept *last = ring_at(ring, ring->unsent + count - 1);
        const struct kept *next = ring_at(ring, ring->unsent + count);
        bool is_beside = next->offset == last->offset + last->length;
        if (next->shard != first->shard || !is_beside || last->length != first->length ||
            next->length > first->length || bytes + next->length > bytes_max ||
            bytes_sent + next->length + overhead > MUSTER_BATCH_BYTES) {
            break;
        }
        bytes += next->length;
        bytes_sent += next->length + overhead;
        count++;
    }
    return count;
}

/* Without any path data waits: what nobody can hear is not sent. */
bool sender_has_unsent(const struct telemetry *telemetry) {
    const struct ring *ring = &telemetry->publisher.ring;
    return ring->next > ring->unsent && telemetry->context->paths.count > 0;
}

uint64_t sender_count_unsent(const struct telemetry *telemetry) {
    const struct publisher *publisher = &telemetry->publisher;
    uint64_t count = publisher->ring.next - publisher->ring.unsent;
    for (size_t i = 0; i < publisher->topic_count; i++) {
        count += publisher->topics[i] != NULL && publisher->topics[i]->has_records ? 1 : 0;
    }
    return count;
}

/* Data of a shard was sent, or is told as gone: tails follow. */
static void record_sent(struct telemetry *telemetry, const struct kept *last) {
    uint64_t now_ms = telemetry->context->now_ms;
    uint64_t *due_ms = &telemetry->due_ms[DUE_TAILS];
    telemetry->context->sent[last->shard] = last->seq;
    telemetry->sender.sent_ms[last->shard] = now_ms;
    telemetry->sender.tails_left[last->shard] = MUSTER_TAILS;
    *due_ms = deadline_earlier(*due_ms, now_ms + tail_ms[0]);
}

/* What was sealed for a larger MTU fits no path any more. Its tail says that it is gone. */
static void pass_over_too_long(struct telemetry *telemetry) {
    struct ring *ring = &telemetry->publisher.ring;
    while (sender_has_unsent(telemetry) &&
           ring_at(ring, ring->unsent)->length > telemetry->context->paths.bytes_max) {
        record_sent(telemetry, ring_at(ring, ring->unsent));
        ring_give_up_unsent(ring);
        telemetry->context->counters.outputs_dropped++;
    }
}

static bool begin_new(struct telemetry *telemetry) {
    struct ring *ring = &telemetry->publisher.ring;
    struct sender *sender = &telemetry->sender;
    pass_over_too_long(telemetry);
    if (!sender_has_unsent(telemetry)) {
        return false;
    }
    size_t bytes_max = bytes_left(&sender->pace, telemetry->context->now_ms);
    if (ring_at(ring, ring->unsent)->length > bytes_max) {
        return false;
    }
    sender->batch = (struct send_batch){
        .number = ring->unsent, .count = count_batch(ring, bytes_max, telemetry->context->paths.overhead)};
    return true;
}

/* Of the datagrams that are missed, those that are kept no longer are passed over. */
static bool begin_repair(struct telemetry *telemetry) {
    struct ring *ring = &telemetry->publisher.ring;
    struct sender *sender = &telemetry->sender;
    uint64_t now_ms = telemetry->context->now_ms;
    while (sender->repair_count > 0) {
        uint64_t number = sender->repairs[sender->repair_first];
        struct kept *kept = ring_at(ring, number);
        bool is_kept = number >= ring->first && kept->seq >= ring_oldest(ring, kept->shard);
        if (is_kept && kept->length > bytes_left(&sender->repair_pace, now_ms)) {
            return false;
        }
        sender->repair_first = (sender->repair_first + 1) % MUSTER_REPAIRS_MAX;
        sender->repair_count--;
        if (is_kept) {
            kept->is_wanted = false;
            kept->repaired_ms = now_ms;
            sender->batch = (struct send_batch){.number = number, .count = 1, .is_repair = true};
            return true;
        }
    }
    return false;
}

static size_t batch_bytes(const struct ring *ring, const struct send_batch *batch) {
    const struct kept *first = ring_at(ring, batch->number);
    const struct kept *last = ring_at(ring, batch->number + batch->count - 1);
    return last->offset + last->length - first->offset;
}

static void end_new(struct telemetry *telemetry, size_t bytes) {
    struct sender *sender = &telemetry->sender;
    struct ring *ring = &telemetry->publisher.ring;
    const struct kept *last = ring_at(ring, sender->batch.number + sender->batch.count - 1);
    record_sent(telemetry, last);
    spend(&sender->pace, bytes, telemetry->context->now_ms);
    if (sender->batch.is_sent) {
        sender->counters.datagrams += sender->batch.count;
        sender->counters.bytes += bytes;
    }
    ring_sent(ring, sender->batch.count);
}

/* It went out on all paths. Where none of them is for multicast, listeners read it by stream. */
static void end_batch(struct telemetry *telemetry) {
    struct sender *sender = &telemetry->sender;
    size_t bytes = batch_bytes(&telemetry->publisher.ring, &sender->batch);
    if (sender->batch.is_repair) {
        spend(&sender->repair_pace, bytes, telemetry->context->now_ms);
        sender->counters.repairs += sender->batch.is_sent ? 1 : 0;
        sender->counters.repair_bytes += sender->batch.is_sent ? bytes : 0;
    } else {
        end_new(telemetry, bytes);
    }
    sender->batch.count = 0;
}

/* Data goes out by multicast alone: of IPv4 where there is that, as nobody knows who hears it, and of IPv6
 * where somebody hears that alone. */
static bool is_data_path(const struct telemetry *telemetry, const struct muster_path *path) {
    const struct presence *presence = telemetry->presence;
    const struct paths *paths = &telemetry->context->paths;
    uint64_t now_ms = telemetry->context->now_ms;
    if (path->kind != MUSTER_PATH_M6) {
        return path->kind == MUSTER_PATH_M4;
    }
    return paths_find(paths, path->interface, MUSTER_PATH_M4) == NULL ||
           askers_need_v6(&presence->askers, path->interface, now_ms) ||
           (peer_table_kinds(&presence->table, path->interface, MUSTER_PATH_M4) & 1u << MUSTER_PATH_M6) != 0;
}

static unsigned audience_changes(const struct telemetry *telemetry) {
    return telemetry->context->paths.changes + telemetry->presence->askers.changes;
}

static bool is_audience_known(const struct telemetry *telemetry) {
    const struct audience *audience = &telemetry->sender.audience;
    return audience->looked_ms != 0 && audience->changes == audience_changes(telemetry) &&
           telemetry->context->now_ms - audience->looked_ms < MUSTER_AUDIENCE_MS;
}

/* The rows are looked at now and then, not for each batch. */
static const bool *data_paths(struct telemetry *telemetry) {
    struct audience *audience = &telemetry->sender.audience;
    const struct paths *paths = &telemetry->context->paths;
    if (!is_audience_known(telemetry)) {
        audience->looked_ms = telemetry->context->now_ms;
        audience->changes = audience_changes(telemetry);
        for (size_t i = 0; i < paths->count; i++) {
            audience->is_path[i] = is_data_path(telemetry, &paths->items[i]);
        }
    }
    return audience->is_path;
}

/* Once by each path. */
static bool put_next_path(struct telemetry *telemetry, struct muster_output *output) {
    const bool *is_path = data_paths(telemetry);
    struct send_batch *batch = &telemetry->sender.batch;
    const struct ring *ring = &telemetry->publisher.ring;
    const struct kept *first = ring_at(ring, batch->number);
    const struct paths *paths = &telemetry->context->paths;
    while (batch->path < paths->count && !is_path[batch->path]) {
        batch->path++;
    }
    if (batch->path == paths->count) {
        return false;
    }
    const struct muster_path *path = &paths->items[batch->path++];
    batch->is_sent = true;
    output->kind = MUSTER_OUTPUT_DATAGRAM;
    output->datagram = (struct muster_datagram){
        .bytes = ring->bytes + first->offset,
        .length = batch_bytes(ring, batch),
        .destination = group_telemetry(group_family(path->kind), first->shard,
                                       context_scope(telemetry->context), telemetry->context->port),
        .interface = path->interface,
        .segment = batch->count > 1 ? first->length : 0};
    output->datagram.ttl = context_ttl(telemetry->context, &output->datagram.destination);
    telemetry->context->counters.sent += batch->count;
    return true;
}

bool sender_next(struct telemetry *telemetry, struct muster_output *output) {
    struct send_batch *batch = &telemetry->sender.batch;
    if (batch->count > 0 &&
        batch->number < telemetry->publisher.ring.first) { /* a repair that has made room since */
        batch->count = 0;
    }
    while (batch->count > 0 || begin_new(telemetry) || begin_repair(telemetry)) {
        if (put_next_path(telemetry, output)) {
            return true;
        }
        end_batch(telemetry);
    }
    return false;
}

void sender_record_paths(struct telemetry *telemetry) {
    ring_give_up_longer(&telemetry->publisher.ring, telemetry->context->paths.bytes_max);
}

/* ---- naks ---- */

/* What was sent again just now is on its way to who asks. */
static bool is_too_soon(const struct kept *kept, uint64_t now_ms) {
    return kept->repaired_ms != 0 && now_ms - kept->repaired_ms < MUSTER_REPAIR_SPACING_MS;
}

/* Queues a repair; the queue is made when the first one is asked for. False when it is not sent again because
 * of this. */
static bool queue_repair(struct telemetry *telemetry, unsigned shard, uint64_t seq) {
    uint64_t number;
    struct sender *sender = &telemetry->sender;
    struct ring *ring = &telemetry->publisher.ring;
    if (sender->repairs == NULL) {
        sender->repairs = calloc(MUSTER_REPAIRS_MAX, sizeof *sender->repairs);
    }
    if (sender->repairs == NULL || sender->repair_count == MUSTER_REPAIRS_MAX ||
        !ring_find(ring, shard, seq, &number) || number >= ring->unsent) {
        return false;
    }
    struct kept *kept = ring_at(ring, number);
    if (kept->is_wanted || is_too_soon(kept, telemetry->context->now_ms)) {
        return false;
    }
    sender->repairs[(sender->repair_first + sender->repair_count++) % MUSTER_REPAIRS_MAX] = number;
    kept->is_wanted = true;
    return true;
}

static void send_tail(struct telemetry *telemetry, unsigned shard, uint8_t family, uint32_t interface) {
    struct context *context = telemetry->context;
    struct signal tail = {.kind = SIGNAL_TAIL,
                          .boot = context->identity.boot,
                          .shard = shard,
                          .oldest = ring_oldest(&telemetry->publisher.ring, shard),
                          .seq = context->sent[shard]};
    struct muster_endpoint group = group_telemetry(family, shard, context_scope(context), context->port);
    memcpy(tail.id, context->identity.id, MUSTER_ID_BYTES);
    send_signal(context, &tail, &group, interface);
}

/* Who asks for what is kept no longer is answered by a tail, but not each time. */
static void answer_gone(struct telemetry *telemetry, unsigned shard, const struct muster_datagram *datagram) {
    uint64_t *last_ms = &telemetry->sender.answer_ms[shard];
    if (*last_ms == 0 || telemetry->context->now_ms - *last_ms >= MUSTER_TAIL_SPACING_MS) {
        *last_ms = telemetry->context->now_ms;
        send_tail(telemetry, shard, datagram->destination.family, datagram->interface);
    }
}

/* Repairs a second that one address may ask for: half of them all, however often it asks. */
static double repairs_each(const struct sender *sender) {
    return sender->repair_pace.rate / MUSTER_DATAGRAM_BYTES_MAX / 2;
}

/* Repairs that an address may ask for now. */
static uint64_t repairs_left(const struct sender *sender, const struct bucket *bucket, uint64_t now_ms) {
    double rate = repairs_each(sender);
    double burst = rate * MUSTER_REPAIR_BURST_MS / 1000;
    burst = burst > MUSTER_REPAIR_BURST ? burst : MUSTER_REPAIR_BURST;
    double left = bucket_left(bucket, rate, burst, now_ms);
    return left < MUSTER_NAK_SEQS_MAX ? (uint64_t)left : MUSTER_NAK_SEQS_MAX;
}

/* Queues what a nak asks for, as far as its sender may ask. Returns how many repairs that makes. */
static uint64_t queue_repairs(struct telemetry *telemetry, const struct signal *nak,
                              const struct muster_datagram *datagram, uint64_t repairs_max) {
    uint64_t oldest = ring_oldest(&telemetry->publisher.ring, nak->shard);
    uint64_t seqs_left = MUSTER_NAK_SEQS_MAX;
    uint64_t queued = 0;
    for (size_t i = 0; i < nak->missing_count; i++) {
        uint64_t seq = nak->missing[i].first > oldest ? nak->missing[i].first : oldest;
        if (nak->missing[i].first < oldest) {
            answer_gone(telemetry, nak->shard, datagram);
        }
        for (; seq <= nak->missing[i].last && seq <= telemetry->context->sent[nak->shard] && seqs_left > 0 &&
               queued < repairs_max;
             seq++) {
            queued += queue_repair(telemetry, nak->shard, seq) ? 1 : 0;
            seqs_left--;
        }
    }
    return queued;
}

void sender_take_nak(struct telemetry *telemetry, const struct signal *nak,
                     const struct muster_datagram *datagram) {
    struct sender *sender = &telemetry->sender;
    const struct ring *ring = &telemetry->publisher.ring;
    struct bucket *bucket = rates_bucket(&telemetry->context->rates, RATE_REPAIRS, &datagram->source);
    uint64_t now_ms = telemetry->context->now_ms;
    uint64_t queued = 0;
    sender->counters.naks++;
    askers_record(&telemetry->presence->askers, nak->id, datagram, now_ms);
    if (bucket != NULL && ring->numbers[nak->shard] != NULL && sender->repair_pace.rate > 0) {
        queued = queue_repairs(telemetry, nak, datagram, repairs_left(sender, bucket, now_ms));
        bucket_spend(bucket, (double)queued, repairs_each(sender), now_ms);
    }
    sender->counters.naks_refused += queued == 0 ? 1 : 0;
}

/* ---- tails ---- */

static uint64_t next_tail_ms(const struct sender *sender, unsigned shard) {
    unsigned left = sender->tails_left[shard];
    return left == 0 ? DEADLINE_NEVER : sender->sent_ms[shard] + tail_ms[MUSTER_TAILS - left];
}

static void send_tail_everywhere(struct telemetry *telemetry, unsigned shard) {
    const struct paths *paths = &telemetry->context->paths;
    const bool *is_path = data_paths(telemetry);
    for (size_t i = 0; i < paths->count; i++) {
        if (is_path[i]) {
            send_tail(telemetry, shard, group_family(paths->items[i].kind), paths->items[i].interface);
        }
    }
}

void sender_send_tails(struct telemetry *telemetry) {
    struct sender *sender = &telemetry->sender;
    uint64_t due_ms = DEADLINE_NEVER;
    for (unsigned shard = 0; shard < MUSTER_SHARDS; shard++) {
        if (next_tail_ms(sender, shard) <= telemetry->context->now_ms) {
            sender->tails_left[shard]--;
            send_tail_everywhere(telemetry, shard);
        }
        due_ms = deadline_earlier(due_ms, next_tail_ms(sender, shard));
    }
    telemetry->due_ms[DUE_TAILS] = due_ms;
}

/* ---- what waits ---- */

uint64_t sender_allowed_ms(const struct telemetry *telemetry) {
    const struct sender *sender = &telemetry->sender;
    const struct ring *ring = &telemetry->publisher.ring;
    uint64_t now_ms = telemetry->context->now_ms;
    uint64_t data_ms = sender_has_unsent(telemetry)
                           ? allowed_ms(&sender->pace, ring_at(ring, ring->unsent)->length, now_ms)
                           : DEADLINE_NEVER;
    uint64_t repairs_ms = sender->repair_count > 0
                              ? allowed_ms(&sender->repair_pace, MUSTER_DATAGRAM_BYTES_MAX, now_ms)
                              : DEADLINE_NEVER;
    return deadline_earlier(data_ms, repairs_ms);
}

bool sender_has_batch(const struct telemetry *telemetry) {
    const struct ring *ring = &telemetry->publisher.ring;
    return ring->next - ring->unsent >= MUSTER_BATCHES * MUSTER_BATCH_SEGMENTS ||
           ring->unsent_bytes >= MUSTER_BATCHES * MUSTER_BATCH_BYTES;
}
