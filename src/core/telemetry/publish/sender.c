#include "sender.h"

#include <stdlib.h>
#include <string.h>

#include "deadline.h"
#include "group.h"
#include "send.h"
#include "telemetry.h"

static const uint64_t tail_ms[MUSTER_TAILS] = MUSTER_TAIL_MS;

void sender_init(struct sender *sender, const struct muster_core_options *options) {
    sender->rate_bytes_s = options->rate_bytes_s;
    sender->repair_share = options->repair_share;
    sender->tail_due_ms = DEADLINE_NEVER;
}

void sender_deinit(struct sender *sender) {
    free(sender->repairs);
    sender->repairs = NULL;
}

/* ---- pacing ---- */

static double burst_of(double rate) {
    double bytes = rate * MUSTER_BURST_MS / 1000;
    return bytes > MUSTER_BURST_BYTES ? bytes : MUSTER_BURST_BYTES;
}

static double repair_rate(const struct sender *sender) {
    return (double)sender->rate_bytes_s * sender->repair_share;
}

static size_t bytes_left(struct bucket *bucket, double rate, uint64_t now_ms) {
    double bytes = bucket_left(bucket, rate, burst_of(rate), now_ms);
    return bytes < MUSTER_BATCH_BYTES ? (size_t)bytes : MUSTER_BATCH_BYTES;
}

/* When so many bytes may leave. */
static uint64_t allowed_ms(const struct bucket *bucket, double rate, size_t bytes, uint64_t now_ms) {
    return bucket_allowed_ms(bucket, (double)bytes, rate, burst_of(rate), now_ms);
}

/* ---- batches ---- */

/* How many of the datagrams that wait leave together: of one shard and one length, side by side, a shorter
 * one at the end. */
static uint64_t count_batch(const struct ring *ring, size_t bytes_max) {
    const struct kept *first = ring_at(ring, ring->unsent);
    size_t bytes = first->length;
    uint64_t count = 1;
    while (ring->unsent + count < ring->next && count < MUSTER_BATCH_SEGMENTS) {
        const struct kept *last = ring_at(ring, ring->unsent + count - 1);
        const struct kept *next = ring_at(ring, ring->unsent + count);
        bool is_beside = next->offset == last->offset + last->length;
        if (next->shard != first->shard || !is_beside || last->length != first->length ||
            next->length > first->length || bytes + next->length > bytes_max) {
            break;
        }
        bytes += next->length;
        count++;
    }
    return count;
}

/* Without any path data waits: what nobody can hear is not sent. */
static bool has_unsent(const struct telemetry *telemetry) {
    const struct ring *ring = &telemetry->publisher.ring;
    return ring->next > ring->unsent && telemetry->context->paths.count > 0;
}

static bool begin_new(struct telemetry *telemetry) {
    struct ring *ring = &telemetry->publisher.ring;
    struct sender *sender = &telemetry->sender;
    if (!has_unsent(telemetry)) {
        return false;
    }
    size_t bytes_max = bytes_left(&sender->bucket, (double)sender->rate_bytes_s, telemetry->context->now_ms);
    if (ring_at(ring, ring->unsent)->length > bytes_max) {
        return false;
    }
    sender->batch = (struct send_batch){.number = ring->unsent, .count = count_batch(ring, bytes_max)};
    return true;
}

static uint64_t take_repair(struct sender *sender) {
    uint64_t number = sender->repairs[sender->repair_first];
    sender->repair_first = (sender->repair_first + 1) % MUSTER_REPAIRS_MAX;
    sender->repair_count--;
    return number;
}

/* Of the datagrams that are missed, those that are kept no longer are passed over. */
static bool begin_repair(struct telemetry *telemetry) {
    struct ring *ring = &telemetry->publisher.ring;
    struct sender *sender = &telemetry->sender;
    while (sender->repair_count > 0) {
        uint64_t number = sender->repairs[sender->repair_first];
        if (number < ring->first) {
            take_repair(sender);
            continue;
        }
        struct kept *kept = ring_at(ring, number);
        if (kept->length >
            bytes_left(&sender->repair_bucket, repair_rate(sender), telemetry->context->now_ms)) {
            return false;
        }
        take_repair(sender);
        kept->is_wanted = false;
        kept->repaired_ms = telemetry->context->now_ms;
        sender->batch = (struct send_batch){.number = number, .count = 1, .is_repair = true};
        return true;
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
    unsigned shard = last->shard;
    telemetry->context->sent[shard] = last->seq;
    sender->sent_ms[shard] = telemetry->context->now_ms;
    sender->tails_left[shard] = MUSTER_TAILS;
    sender->tail_due_ms = deadline_earlier(sender->tail_due_ms, telemetry->context->now_ms + tail_ms[0]);
    bucket_spend(&sender->bucket, (double)bytes, (double)sender->rate_bytes_s, telemetry->context->now_ms);
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
        bucket_spend(&sender->repair_bucket, (double)bytes, repair_rate(sender), telemetry->context->now_ms);
        sender->counters.repairs += sender->batch.is_sent ? 1 : 0;
        sender->counters.repair_bytes += sender->batch.is_sent ? bytes : 0;
    } else {
        end_new(telemetry, bytes);
    }
    sender->batch.count = 0;
}

static void give(struct telemetry *telemetry, uint32_t interface, struct muster_output *output) {
    const struct send_batch *batch = &telemetry->sender.batch;
    const struct ring *ring = &telemetry->publisher.ring;
    const struct kept *first = ring_at(ring, batch->number);
    output->kind = MUSTER_OUTPUT_DATAGRAM;
    output->datagram =
        (struct muster_datagram){.bytes = ring->bytes + first->offset,
                                 .length = batch_bytes(ring, batch),
                                 .destination = group_telemetry(first->shard, telemetry->context->port),
                                 .interface = interface,
                                 .ttl = MUSTER_TELEMETRY_TTL,
                                 .segment = batch->count > 1 ? first->length : 0};
    telemetry->context->counters.sent += batch->count;
}

/* Data goes out by multicast alone, once on each interface. */
static bool give_next_path(struct telemetry *telemetry, struct muster_output *output) {
    struct send_batch *batch = &telemetry->sender.batch;
    while (batch->path < telemetry->context->paths.count) {
        const struct muster_path *path = &telemetry->context->paths.items[batch->path++];
        if (path->kind == MUSTER_PATH_M4) {
            batch->is_sent = true;
            give(telemetry, path->interface, output);
            return true;
        }
    }
    return false;
}

bool sender_has_unsent(const struct telemetry *telemetry) {
    return has_unsent(telemetry);
}

bool sender_next(struct telemetry *telemetry, struct muster_output *output) {
    struct send_batch *batch = &telemetry->sender.batch;
    if (batch->count > 0 &&
        batch->number < telemetry->publisher.ring.first) { /* a repair that has made room since */
        batch->count = 0;
    }
    while (batch->count > 0 || begin_new(telemetry) || begin_repair(telemetry)) {
        if (give_next_path(telemetry, output)) {
            return true;
        }
        end_batch(telemetry);
    }
    return false;
}

/* ---- naks ---- */

/* The queue of repairs is made when the first one is asked for. */
static bool reserve_repairs(struct sender *sender) {
    if (sender->repairs == NULL) {
        sender->repairs = calloc(MUSTER_REPAIRS_MAX, sizeof *sender->repairs);
    }
    return sender->repairs != NULL;
}

static void want_repair(struct sender *sender, struct kept *kept, uint64_t number) {
    sender->repairs[(sender->repair_first + sender->repair_count) % MUSTER_REPAIRS_MAX] = number;
    sender->repair_count++;
    kept->is_wanted = true;
}

/* What was sent again just now is on its way to who asks. */
static bool is_too_soon(const struct kept *kept, uint64_t now_ms) {
    return kept->repaired_ms != 0 && now_ms - kept->repaired_ms < MUSTER_REPAIR_SPACING_MS;
}

/* True when it is sent again because of this. */
static bool take_missing(struct telemetry *telemetry, unsigned shard, uint64_t seq) {
    uint64_t number;
    struct sender *sender = &telemetry->sender;
    struct ring *ring = &telemetry->publisher.ring;
    if (sender->repair_count == MUSTER_REPAIRS_MAX || !reserve_repairs(sender) ||
        !ring_find(ring, shard, seq, &number) || number >= ring->unsent) {
        return false;
    }
    struct kept *kept = ring_at(ring, number);
    if (kept->is_wanted || is_too_soon(kept, telemetry->context->now_ms)) {
        return false;
    }
    want_repair(sender, kept, number);
    return true;
}

static void say_tail(struct telemetry *telemetry, unsigned shard, uint32_t interface) {
    struct signal tail = {.kind = SIGNAL_TAIL,
                          .boot = telemetry->context->identity.boot,
                          .shard = shard,
                          .oldest = ring_oldest(&telemetry->publisher.ring, shard),
                          .seq = telemetry->context->sent[shard]};
    memcpy(tail.id, telemetry->context->identity.id, MUSTER_ID_BYTES);
    struct muster_endpoint group = group_telemetry(shard, telemetry->context->port);
    send_signal(telemetry->context, &tail, &group, interface);
}

/* Who asks for what is kept no longer is told so, but not each time. */
static void answer_hopeless(struct telemetry *telemetry, unsigned shard, uint32_t interface) {
    uint64_t *last_ms = &telemetry->sender.tail_ms[shard];
    if (*last_ms == 0 || telemetry->context->now_ms - *last_ms >= MUSTER_TAIL_SPACING_MS) {
        *last_ms = telemetry->context->now_ms;
        say_tail(telemetry, shard, interface);
    }
}

static bool asks_below(const struct signal *nak, uint64_t oldest) {
    bool is_below = false;
    for (size_t i = 0; i < nak->missing_count; i++) {
        is_below = is_below || nak->missing[i].first < oldest;
    }
    return is_below;
}

/* Repairs a second that one address may ask for: half of them all, however often it asks. */
static double repairs_each(const struct sender *sender) {
    return repair_rate(sender) / MUSTER_DATAGRAM_BYTES_MAX / 2;
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
static uint64_t take_all_missing(struct telemetry *telemetry, const struct signal *nak, uint64_t oldest,
                                 uint64_t repairs_max) {
    uint64_t seqs_left = MUSTER_NAK_SEQS_MAX;
    uint64_t taken = 0;
    for (size_t i = 0; i < nak->missing_count; i++) {
        uint64_t seq = nak->missing[i].first > oldest ? nak->missing[i].first : oldest;
        for (; seq <= nak->missing[i].last && seq <= telemetry->context->sent[nak->shard] && seqs_left > 0 &&
               taken < repairs_max;
             seq++) {
            taken += take_missing(telemetry, nak->shard, seq) ? 1 : 0;
            seqs_left--;
        }
    }
    return taken;
}

void sender_take_nak(struct telemetry *telemetry, const struct signal *nak,
                     const struct muster_datagram *datagram) {
    struct sender *sender = &telemetry->sender;
    const struct ring *ring = &telemetry->publisher.ring;
    struct bucket *bucket = rates_bucket(&telemetry->context->rates, RATE_REPAIRS, &datagram->source);
    uint64_t now_ms = telemetry->context->now_ms;
    uint64_t taken = 0;
    sender->counters.naks++;
    if (bucket != NULL && ring->numbers[nak->shard] != NULL && sender->repair_share > 0) {
        uint64_t oldest = ring_oldest(ring, nak->shard);
        if (asks_below(nak, oldest)) {
            answer_hopeless(telemetry, nak->shard, datagram->interface);
        }
        taken = take_all_missing(telemetry, nak, oldest, repairs_left(sender, bucket, now_ms));
        bucket_spend(bucket, (double)taken, repairs_each(sender), now_ms);
    }
    sender->counters.naks_refused += taken == 0 ? 1 : 0;
}

/* ---- tails ---- */

static uint64_t next_tail_ms(const struct sender *sender, unsigned shard) {
    unsigned left = sender->tails_left[shard];
    return left == 0 ? DEADLINE_NEVER : sender->sent_ms[shard] + tail_ms[MUSTER_TAILS - left];
}

static void say_tail_everywhere(struct telemetry *telemetry, unsigned shard) {
    for (size_t i = 0; i < telemetry->context->paths.count; i++) {
        if (telemetry->context->paths.items[i].kind == MUSTER_PATH_M4) {
            say_tail(telemetry, shard, telemetry->context->paths.items[i].interface);
        }
    }
}

void sender_tick(struct telemetry *telemetry) {
    struct sender *sender = &telemetry->sender;
    if (sender->tail_due_ms > telemetry->context->now_ms) {
        return;
    }
    sender->tail_due_ms = DEADLINE_NEVER;
    for (unsigned shard = 0; shard < MUSTER_SHARDS; shard++) {
        if (next_tail_ms(sender, shard) <= telemetry->context->now_ms) {
            sender->tails_left[shard]--;
            say_tail_everywhere(telemetry, shard);
        }
        sender->tail_due_ms = deadline_earlier(sender->tail_due_ms, next_tail_ms(sender, shard));
    }
}

uint64_t sender_deadline(const struct telemetry *telemetry) {
    const struct sender *sender = &telemetry->sender;
    const struct ring *ring = &telemetry->publisher.ring;
    uint64_t deadline_ms = sender->tail_due_ms;
    if (has_unsent(telemetry)) {
        deadline_ms = deadline_earlier(deadline_ms, allowed_ms(&sender->bucket, (double)sender->rate_bytes_s,
                                                               ring_at(ring, ring->unsent)->length,
                                                               telemetry->context->now_ms));
    }
    if (sender->repair_count > 0) {
        deadline_ms =
            deadline_earlier(deadline_ms, allowed_ms(&sender->repair_bucket, repair_rate(sender),
                                                     MUSTER_DATAGRAM_BYTES_MAX, telemetry->context->now_ms));
    }
    return deadline_ms;
}

bool sender_has_batch(const struct telemetry *telemetry) {
    const struct ring *ring = &telemetry->publisher.ring;
    return ring->next - ring->unsent >= MUSTER_BATCHES * MUSTER_BATCH_SEGMENTS ||
           ring->unsent_bytes >= MUSTER_BATCHES * MUSTER_BATCH_BYTES;
}
