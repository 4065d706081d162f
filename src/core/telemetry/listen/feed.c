/* SPDX-License-Identifier: MIT */
#include "feed.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "deadline.h"
#include "signal.h"

#define WINDOW_BYTES (MUSTER_WINDOW * sizeof(struct held *))

uint64_t feed_last_ms(const struct feed *feed) {
    return feed->heard_ms > feed->opened_ms ? feed->heard_ms : feed->opened_ms;
}

void feed_begin(struct feed *feed, uint64_t due) {
    feed->first = due;
    feed->due = due;
    feed->top = due;
    feed->gaps.asks_ms = DEADLINE_NEVER;
    feed->checked_top = 0;
    feed->counters = (struct muster_feed){.since = due};
}

void feed_deinit(struct feed *feed) {
    for (size_t i = 0; feed->held != NULL && i < MUSTER_WINDOW; i++) {
        free(feed->held[i]);
    }
    free(feed->held);
    feed->held = NULL;
    feed->held_bytes = 0;
    gap_list_deinit(&feed->gaps);
}

size_t feed_bytes(const struct feed *feed) {
    return feed->held_bytes + (feed->held == NULL ? 0 : WINDOW_BYTES) +
           feed->gaps.capacity * sizeof *feed->gaps.items;
}

void feed_release_window(struct feed *feed) {
    if (feed->due == feed->top) {
        feed_deinit(feed);
    }
}

bool feed_is_ready(const struct feed *feed) {
    return feed->due < feed->top &&
           (feed->gaps.count == 0 || feed->gaps.items[0].first != feed->due || feed->gaps.items[0].is_lost);
}

/* All up to last were sent. False when there is no room for a gap more. */
static bool extend(struct feed *feed, uint64_t last, const struct gap_moment *moment) {
    if (last >= feed->top) {
        if (!gap_list_append(&feed->gaps, feed->top, last, moment)) {
            return false;
        }
        feed->top = last + 1;
    }
    return true;
}

static void count_loss(struct feed *feed, enum muster_loss_reason reason, uint64_t count) {
    switch (reason) {
    case MUSTER_LOSS_WIRE: feed->counters.lost_wire += count; break;
    case MUSTER_LOSS_GONE: feed->counters.lost_gone += count; break;
    case MUSTER_LOSS_KERNEL: feed->counters.lost_kernel += count; break;
    case MUSTER_LOSS_PROGRAM: feed->counters.lost_program += count; break;
    case MUSTER_LOSS_STREAM: break; /* of values: no feed loses by it */
    }
}

/* It came, and there was no memory to hold it. Without room for a gap it is counted, but not reported. */
static void record_memory_loss(struct feed *feed, uint64_t seq) {
    const struct gap gap = {.first = seq, .last = seq, .is_lost = true, .reason = MUSTER_LOSS_PROGRAM};
    size_t at = gap_list_find(&feed->gaps, seq);
    struct gap *before = at == 0 ? NULL : &feed->gaps.items[at - 1];
    feed->counters.received--;
    count_loss(feed, MUSTER_LOSS_PROGRAM, 1);
    if (before != NULL && before->last + 1 == seq && before->is_lost &&
        before->reason == MUSTER_LOSS_PROGRAM) {
        before->last = seq;
    } else {
        gap_list_insert(&feed->gaps, at, &gap, MUSTER_GAPS_MAX);
    }
}

static void give_up(struct feed *feed, struct gap *gap, enum muster_loss_reason reason) {
    if (!gap->is_lost) {
        gap->is_lost = true;
        gap->reason = gap->is_kernel && reason == MUSTER_LOSS_WIRE ? MUSTER_LOSS_KERNEL : reason;
        count_loss(feed, gap->reason, gap->last - gap->first + 1);
    }
}

void feed_give_up_first(struct feed *feed) {
    if (feed->gaps.count > 0) {
        give_up(feed, &feed->gaps.items[0], MUSTER_LOSS_WIRE);
    }
}

/* Where there is no room to split, a gap is given up as a whole: what of it comes later counts as known. */
void feed_give_up_before(struct feed *feed, uint64_t seq, enum muster_loss_reason reason) {
    for (size_t i = 0; i < feed->gaps.count && feed->gaps.items[i].first < seq; i++) {
        if (feed->gaps.items[i].last >= seq) {
            gap_list_split(&feed->gaps, i, seq, MUSTER_GAPS_MAX);
        }
        give_up(feed, &feed->gaps.items[i], reason);
    }
}

void feed_expire(struct feed *feed, uint64_t now_ms) {
    for (size_t i = 0; i < feed->gaps.count; i++) {
        if (feed->gaps.items[i].since_ms + MUSTER_REPAIR_DEADLINE_MS <= now_ms) {
            give_up(feed, &feed->gaps.items[i], MUSTER_LOSS_WIRE);
        }
    }
}

/* ---- what comes ---- */

/* A publisher may have sent long before anything of it was heard. */
static uint64_t leap_max(const struct feed *feed, uint64_t now_ms) {
    uint64_t elapsed_ms = feed->heard_ms == 0 ? now_ms - feed->opened_ms + MUSTER_REPAIR_DEADLINE_MS
                                              : now_ms - feed->heard_ms + 1;
    return elapsed_ms * MUSTER_AHEAD_DATAGRAMS_MS;
}

/* There is no room for a gap more: what is waited for first is given up. */
static enum feed_result make_room(struct feed *feed) {
    if (feed->gaps.count < MUSTER_GAPS_MAX) {
        return FEED_MEMORY;
    }
    feed_give_up_first(feed);
    return FEED_FULL;
}

/* The window ends at seq: what is missing before it is given up. */
static enum feed_result move_window(struct feed *feed, uint64_t seq) {
    feed_give_up_before(feed, seq - MUSTER_WINDOW + 1, MUSTER_LOSS_WIRE);
    return feed->gaps.count == 0 ? FEED_MEMORY : FEED_FULL;
}

/* It is the latest one so far. */
static enum feed_result take_ahead(struct feed *feed, uint64_t seq, const struct gap_moment *moment) {
    if (seq - feed->top > leap_max(feed, moment->now_ms)) {
        return FEED_LEAP;
    }
    if (seq - feed->due >= MUSTER_WINDOW) {
        if (feed->gaps.count == 0) { /* the leap itself is longer than the window */
            extend(feed, seq - 1, moment);
        }
        return move_window(feed, seq);
    }
    if (!extend(feed, seq - 1, moment)) {
        return make_room(feed);
    }
    feed->top = seq + 1;
    return FEED_EARLY;
}

static enum feed_result take_missing(struct feed *feed, uint64_t seq, enum muster_sample_kind *kind) {
    size_t at = gap_list_find(&feed->gaps, seq);
    if (at == feed->gaps.count || feed->gaps.items[at].first > seq || feed->gaps.items[at].is_lost) {
        return FEED_KNOWN;
    }
    if (seq - feed->due >= MUSTER_WINDOW) {
        return move_window(feed, seq);
    }
    bool is_asked = feed->gaps.items[at].is_asked;
    if (!gap_list_fill(&feed->gaps, at, seq)) {
        /* Of the first gap what lies before seq goes: for a moment that is one too many. */
        bool is_apart = at > 0 || feed->gaps.count < MUSTER_GAPS_MAX ||
                        gap_list_split(&feed->gaps, at, seq, MUSTER_GAPS_MAX + 1);
        return is_apart ? make_room(feed) : FEED_MEMORY;
    }
    *kind = is_asked ? MUSTER_SAMPLE_REPAIRED : MUSTER_SAMPLE_LIVE;
    feed->counters.repaired += is_asked ? 1 : 0;
    feed->counters.reordered += is_asked ? 0 : 1;
    return FEED_EARLY;
}

enum feed_result feed_take(struct feed *feed, uint64_t seq, const struct gap_moment *moment,
                           enum muster_sample_kind *kind) {
    enum feed_result result = FEED_KNOWN;
    *kind = MUSTER_SAMPLE_LIVE;
    if (seq == feed->top && seq == feed->due) {
        feed->top++;
        result = FEED_EARLY;
    } else if (seq >= feed->top) {
        result = take_ahead(feed, seq, moment);
    } else if (seq >= feed->due) {
        result = take_missing(feed, seq, kind);
    }
    if (result == FEED_KNOWN) {
        feed->counters.duplicates++;
    }
    if (result == FEED_EARLY) {
        feed->counters.received++;
        feed->heard_ms = moment->now_ms;
        if (seq == feed->due) {
            feed->due++;
            return FEED_NEXT;
        }
    }
    return result;
}

void feed_reach(struct feed *feed, uint64_t seq, const struct gap_moment *moment) {
    if (seq >= feed->top && seq - feed->top <= leap_max(feed, moment->now_ms)) {
        extend(feed, seq, moment);
    }
}

/* Data may overtake what the publisher says of it, but not by so long. */
bool feed_check_sent(struct feed *feed, uint64_t seq, uint64_t now_ms) {
    if (feed->checked_top != 0 && now_ms - feed->checked_ms < MUSTER_REPAIR_DEADLINE_MS) {
        return true;
    }
    if (feed->checked_top > seq + 1) {
        return false;
    }
    feed->checked_top = feed->top;
    feed->checked_ms = now_ms;
    return true;
}

size_t feed_ask(struct feed *feed, struct signal_range *ranges, size_t ranges_max,
                const struct gap_moment *moment) {
    size_t count = gap_list_ask(&feed->gaps, ranges, ranges_max, moment);
    feed->counters.naks += count > 0 ? 1 : 0;
    return count;
}

uint64_t feed_deadline(const struct feed *feed) {
    bool is_asking = feed->gaps.count > 0 && !feed->is_paused && !feed->counters.is_streamed;
    return is_asking ? feed->gaps.asks_ms : DEADLINE_NEVER;
}

void feed_resume(struct feed *feed, const struct gap_moment *moment) {
    feed->is_paused = false;
    gap_list_restart(&feed->gaps, moment);
}

/* ---- holding back ---- */

static struct held **held_at(const struct feed *feed, uint64_t seq) {
    return &feed->held[seq & (MUSTER_WINDOW - 1)];
}

static size_t held_bytes(size_t length) {
    return sizeof(struct held) + length;
}

size_t feed_hold_bytes(const struct feed *feed, size_t length) {
    return held_bytes(length) + (feed->held == NULL ? WINDOW_BYTES : 0);
}

bool feed_hold(struct feed *feed, uint64_t seq, struct feed_header *header, enum muster_sample_kind kind,
               const uint8_t *body, size_t length) {
    if (feed->held == NULL) {
        feed->held = calloc(MUSTER_WINDOW, sizeof(struct held *));
    }
    struct held *held = feed->held == NULL ? NULL : malloc(held_bytes(length));
    if (held == NULL) {
        record_memory_loss(feed, seq);
        return false;
    }
    *held = (struct held){.header = header, .kind = kind, .length = length};
    memcpy(held->body, body, length);
    assert(*held_at(feed, seq) == NULL);
    *held_at(feed, seq) = held;
    feed->held_bytes += held_bytes(length);
    return true;
}

bool feed_holds(const struct feed *feed, uint64_t seq) {
    return feed->held != NULL && seq >= feed->due && seq < feed->top && *held_at(feed, seq) != NULL;
}

bool feed_has_lost(const struct feed *feed, uint64_t seq) {
    size_t at = gap_list_find(&feed->gaps, seq);
    return at < feed->gaps.count && feed->gaps.items[at].first <= seq && feed->gaps.items[at].is_lost;
}

/* ---- by stream ---- */

/* What lacks of these is left out for good, and counts no more. */
static void leave_out(struct feed *feed, const struct signal_range *range) {
    struct gap_list *gaps = &feed->gaps;
    for (size_t i = gap_list_find(gaps, range->first); i < gaps->count && gaps->items[i].first <= range->last;
         i++) {
        i = gap_list_isolate(gaps, i, range, MUSTER_GAPS_MAX);
        struct gap *gap = &gaps->items[i];
        if (!gap->is_lost) {
            gap->is_lost = true;
            gap->is_left_out = true;
            feed->counters.since += gap->last - gap->first + 1;
        }
    }
}

bool feed_take_streamed(struct feed *feed, uint64_t seq, uint64_t passed, struct feed_header *header,
                        const uint8_t *body, size_t length, const struct gap_moment *moment) {
    enum muster_sample_kind kind;
    const struct signal_range left_out = {.first = seq - passed, .last = seq - 1};
    if (seq < feed->due || (seq > feed->top && seq - feed->top > leap_max(feed, moment->now_ms)) ||
        !extend(feed, left_out.first - 1, moment)) {
        return false;
    }
    feed_give_up_before(feed, left_out.first, MUSTER_LOSS_GONE);
    if (passed > 0 && extend(feed, left_out.last, moment)) {
        leave_out(feed, &left_out);
    }
    enum feed_result result = feed_take(feed, seq, moment, &kind);
    if (result != FEED_NEXT && result != FEED_EARLY) {
        return false;
    }
    feed->due = result == FEED_NEXT ? seq : feed->due; /* it is delivered like those that were held back */
    return feed_hold(feed, seq, header, MUSTER_SAMPLE_STREAM, body, length);
}

/* ---- delivering ---- */

static struct held *take_held(struct feed *feed, uint64_t seq) {
    struct held *held = feed->held == NULL ? NULL : *held_at(feed, seq);
    if (held != NULL) {
        *held_at(feed, seq) = NULL;
        feed->held_bytes -= held_bytes(held->length);
    }
    return held;
}

/* Passes over the first gap, and those right behind it that were lost for the same reason. False when there
 * is nothing to report of it. */
static bool skip_lost(struct feed *feed, struct muster_loss *lost) {
    const struct gap first = feed->gaps.items[0];
    const struct gap *gap = &feed->gaps.items[0];
    do {
        feed->due = gap->last + 1;
        gap_list_remove(&feed->gaps, 0);
    } while (feed->gaps.count > 0 && gap->is_lost && gap->first == feed->due &&
             gap->is_left_out == first.is_left_out && gap->reason == first.reason);
    *lost = (struct muster_loss){.id = feed->id,
                                 .boot = feed->boot,
                                 .shard = feed->shard,
                                 .first = first.first,
                                 .last = feed->due - 1,
                                 .reason = first.reason};
    return !first.is_left_out;
}

enum feed_turn feed_next(struct feed *feed, struct muster_loss *lost, struct held **held, uint64_t *seq) {
    while (feed->due < feed->top) {
        if (feed->gaps.count == 0 || feed->gaps.items[0].first != feed->due) {
            *seq = feed->due++;
            *held = take_held(feed, *seq);
            if (*held != NULL) {
                return FEED_HELD;
            }
        } else if (!feed->gaps.items[0].is_lost) {
            return FEED_WAITS;
        } else if (skip_lost(feed, lost)) {
            return FEED_LOST;
        }
    }
    return FEED_WAITS;
}
