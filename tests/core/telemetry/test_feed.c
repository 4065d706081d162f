/* SPDX-License-Identifier: MIT */
/* One publisher's shard as it is heard: what is next, early, known, too much or too far; gaps and what
 * becomes of them; and a long random walk in which nothing is delivered twice, out of order, or forgotten. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmocka_all.h"
#include "countdown.h"
#include "feed.h"
#include "limit.h"
#include "signal.h"

#define NEVER UINT64_MAX

static struct feed feed;
static struct random dice;
static uint64_t now_ms;
static bool is_kernel_dropping;

/* What came out in order: all numbers up to here were delivered or told to be lost. */
static uint64_t next_out;
static uint64_t delivered;
static uint64_t told_lost;

static int begin(void **state) {
    static const uint8_t seed[32] = {1};
    (void)state;
    memset(&feed, 0, sizeof feed);
    random_init(&dice, seed);
    now_ms = 1000000;
    is_kernel_dropping = false;
    feed.opened_ms = now_ms;
    feed_begin(&feed, 1);
    next_out = 1;
    delivered = told_lost = 0;
    return 0;
}

static int end(void **state) {
    (void)state;
    countdown_set(0);
    feed_deinit(&feed);
    return 0;
}

static struct gap_moment moment(void) {
    return (struct gap_moment){
        .now_ms = now_ms, .random = &dice, .listeners = 3, .is_kernel_dropping = is_kernel_dropping};
}

static uint64_t pending(void) {
    uint64_t count = 0;
    for (size_t i = 0; i < feed.gaps.count; i++) {
        count += feed.gaps.items[i].is_lost ? 0 : feed.gaps.items[i].last - feed.gaps.items[i].first + 1;
    }
    return count;
}

static uint64_t lost(void) {
    const struct muster_feed *counters = &feed.counters;
    return counters->lost_wire + counters->lost_gone + counters->lost_kernel + counters->lost_program;
}

/* Every number is received, pending or lost; gaps are in order, apart from each other, and within bounds. */
static void check(void) {
    uint64_t behind = feed.due;
    assert_int_equal(feed.counters.received + pending() + lost(), feed.top - feed.counters.since);
    assert_true(feed.due <= feed.top);
    assert_true(feed.gaps.count <= MUSTER_GAPS_MAX);
    for (size_t i = 0; i < feed.gaps.count; i++) {
        const struct gap *gap = &feed.gaps.items[i];
        assert_true(gap->first >= behind && gap->first <= gap->last && gap->last < feed.top);
        behind = gap->last + 1;
    }
}

/* Takes out what is ready. */
static void drain(void) {
    struct muster_loss loss;
    struct held *held;
    uint64_t seq;
    for (;;) {
        bool is_ready = feed_is_ready(&feed);
        enum feed_turn turn = feed_next(&feed, &loss, &held, &seq);
        assert_true(is_ready || turn == FEED_WAITS);
        if (turn == FEED_WAITS) {
            return;
        }
        if (turn == FEED_HELD) {
            assert_int_equal(seq, next_out);
            assert_int_equal(held->length, sizeof seq);
            assert_memory_equal(held->body, &seq, sizeof seq); /* its own */
            free(held);
            delivered++;
            next_out = seq + 1;
        } else {
            assert_int_equal(loss.first, next_out);
            assert_true(loss.last >= loss.first);
            told_lost += loss.last - loss.first + 1;
            next_out = loss.last + 1;
        }
    }
}

/* A datagram comes, as arrival.c treats it. */
static enum feed_result come_as(uint64_t seq, enum muster_sample_kind *kind) {
    struct gap_moment at = moment();
    enum feed_result result;
    int tries = 0;
    for (;;) {
        drain();
        result = feed_take(&feed, seq, &at, kind);
        if (result != FEED_FULL) {
            break;
        }
        assert_true(feed_is_ready(&feed)); /* or it would be lost */
        assert_true(++tries < 5);
    }
    if (result == FEED_NEXT) {
        assert_int_equal(seq, next_out);
        delivered++;
        next_out = seq + 1;
    } else if (result == FEED_EARLY) {
        feed_hold(&feed, seq, NULL, *kind, (const uint8_t *)&seq, sizeof seq);
    }
    drain();
    check();
    return result;
}

static enum feed_result come(uint64_t seq) {
    enum muster_sample_kind kind;
    return come_as(seq, &kind);
}

static size_t ask(struct signal_range ranges[MUSTER_NAK_RANGES_SENT]) {
    struct gap_moment at = moment();
    return feed_ask(&feed, ranges, MUSTER_NAK_RANGES_SENT, &at);
}

static void reach(uint64_t seq) {
    struct gap_moment at = moment();
    feed_reach(&feed, seq, &at);
    check();
}

static void overhear(uint64_t first, uint64_t last) {
    struct gap_moment at = moment();
    const struct signal_range range = {first, last};
    gap_list_suppress(&feed.gaps, &range, &at);
    check();
}

/* ---- what comes ---- */

static void one_by_one(void **state) {
    (void)state;
    for (uint64_t seq = 1; seq <= 100; seq++) {
        assert_int_equal(come(seq), FEED_NEXT);
    }
    assert_int_equal(feed.counters.received, 100);
    assert_int_equal(feed_deadline(&feed), NEVER);
    assert_null(feed.gaps.items);
    assert_null(feed.held);
}

static void a_gap_is_filled(void **state) {
    enum muster_sample_kind kind;
    (void)state;
    come(1);
    assert_int_equal(come(4), FEED_EARLY);
    assert_int_equal(come(3), FEED_EARLY);
    assert_int_equal(come(4), FEED_KNOWN);
    assert_int_equal(come(3), FEED_KNOWN);
    assert_int_equal(come(1), FEED_KNOWN);
    assert_int_equal(pending(), 1);
    assert_int_equal(next_out, 2);
    assert_int_equal(come_as(2, &kind), FEED_NEXT);
    assert_int_equal(kind, MUSTER_SAMPLE_LIVE);
    assert_int_equal(next_out, 5);
    assert_int_equal(feed.counters.duplicates, 3);
    assert_int_equal(feed.counters.reordered, 2);
    assert_int_equal(feed.counters.repaired, 0);
    assert_int_equal(feed.held_bytes, 0);
}

static void what_was_asked_for_is_a_repair(void **state) {
    struct signal_range ranges[MUSTER_NAK_RANGES_SENT];
    enum muster_sample_kind kind;
    (void)state;
    come(1);
    come(3);
    now_ms += MUSTER_NAK_T_MS;
    assert_int_equal(ask(ranges), 1);
    assert_int_equal(ranges[0].first, 2);
    assert_int_equal(ranges[0].last, 2);
    assert_int_equal(come_as(2, &kind), FEED_NEXT);
    assert_int_equal(kind, MUSTER_SAMPLE_REPAIRED);
    assert_int_equal(feed.counters.repaired, 1);
}

static void gaps_are_split_anywhere(void **state) {
    (void)state;
    come(1);
    come(10);
    assert_int_equal(come(5), FEED_EARLY);
    assert_int_equal(feed.gaps.count, 2);
    assert_int_equal(come(2), FEED_NEXT);
    assert_int_equal(come(9), FEED_EARLY);
    assert_int_equal(come(7), FEED_EARLY);
    assert_int_equal(feed.gaps.count, 3);
    assert_int_equal(come(6), FEED_EARLY);
    assert_int_equal(come(8), FEED_EARLY);
    assert_int_equal(feed.gaps.count, 1);
    assert_int_equal(come(4), FEED_EARLY);
    assert_int_equal(come(3), FEED_NEXT);
    assert_int_equal(next_out, 11);
}

static void a_leap_is_not_believed(void **state) {
    const uint64_t leap = MUSTER_AHEAD_DATAGRAMS_MS;
    (void)state;
    come(1);
    assert_int_equal(come(2 + leap + 1), FEED_LEAP);
    assert_int_equal(come(MUSTER_INTEGER_MAX), FEED_LEAP);
    assert_int_equal(feed.top, 2);
    reach(MUSTER_INTEGER_MAX);
    assert_int_equal(feed.top, 2);
    assert_int_equal(come(2 + leap), FEED_EARLY);
    assert_int_equal(feed.top, 3 + leap);
    now_ms += 99;
    assert_int_equal(come(3 + 101 * leap + 1), FEED_LEAP);
    assert_int_equal(come(3 + 101 * leap), FEED_EARLY);
}

static void a_new_feed_believes_a_second(void **state) {
    const uint64_t leap = (uint64_t)MUSTER_AHEAD_DATAGRAMS_MS * MUSTER_REPAIR_DEADLINE_MS;
    (void)state;
    assert_int_equal(come(1 + leap + 1), FEED_LEAP);
    assert_int_equal(come(1 + leap), FEED_EARLY);
    assert_int_equal(lost(), leap - MUSTER_WINDOW + 1);
}

/* What is known of it by the word of its publisher alone may have gone on for an hour. */
static void an_old_feed_of_which_nothing_came_believes_more(void **state) {
    const uint64_t hour_ms = 3600000;
    const uint64_t leap = (hour_ms + MUSTER_REPAIR_DEADLINE_MS) * MUSTER_AHEAD_DATAGRAMS_MS;
    (void)state;
    now_ms += hour_ms;
    assert_int_equal(come(1 + leap + 1), FEED_LEAP);
    assert_int_equal(come(1 + leap), FEED_EARLY);
}

/* ---- bounds ---- */

static void the_window_ends_waiting(void **state) {
    (void)state;
    come(1);
    for (uint64_t seq = 3; seq <= 1 + MUSTER_WINDOW; seq++) {
        assert_int_equal(come(seq), FEED_EARLY);
    }
    assert_int_equal(next_out, 2);
    assert_int_equal(come(2 + MUSTER_WINDOW), FEED_NEXT); /* 2 is given up, and all that follow are ready */
    assert_int_equal(next_out, 3 + MUSTER_WINDOW);
    assert_int_equal(told_lost, 1);
    assert_int_equal(feed.counters.lost_wire, 1);
    assert_int_equal(feed.held_bytes, 0);
}

static void a_long_gap_is_cut_to_the_window(void **state) {
    (void)state;
    come(1);
    now_ms += 10;
    assert_int_equal(come(2 * MUSTER_WINDOW), FEED_EARLY);
    assert_int_equal(told_lost, MUSTER_WINDOW - 1);
    assert_int_equal(pending(), MUSTER_WINDOW - 1);
    assert_int_equal(come(next_out - 1), FEED_KNOWN);
    assert_int_equal(come(next_out), FEED_NEXT);
    for (uint64_t seq = next_out; seq < 2 * MUSTER_WINDOW; seq++) {
        come(seq);
    }
    assert_int_equal(next_out, 2 * MUSTER_WINDOW + 1);
    assert_int_equal(told_lost, MUSTER_WINDOW - 1);
}

/* What a tail tells of may be more than the window: what comes of it shortens it. */
static void a_told_gap_is_cut_when_something_comes(void **state) {
    (void)state;
    come(1);
    now_ms += 10;
    reach(3 * MUSTER_WINDOW);
    assert_int_equal(pending(), 3 * MUSTER_WINDOW - 1);
    assert_int_equal(come(2), FEED_NEXT);
    assert_int_equal(come(2 * MUSTER_WINDOW), FEED_EARLY);
    assert_int_equal(told_lost, MUSTER_WINDOW - 2);
    assert_int_equal(come(3 * MUSTER_WINDOW), FEED_EARLY);
}

static void gaps_are_bounded(void **state) {
    (void)state;
    come(1);
    for (uint64_t i = 1; i <= MUSTER_GAPS_MAX; i++) {
        assert_int_equal(come(1 + 2 * i), FEED_EARLY);
    }
    assert_int_equal(feed.gaps.count, MUSTER_GAPS_MAX);
    assert_int_equal(told_lost, 0);
    reach(feed.top + 5); /* no room: it shows again */
    assert_int_equal(feed.gaps.count, MUSTER_GAPS_MAX);
    assert_int_equal(come(1 + 2 * (MUSTER_GAPS_MAX + 1)), FEED_EARLY);
    assert_int_equal(told_lost, 1);
    assert_int_equal(next_out, 4);
    assert_int_equal(feed.gaps.count, MUSTER_GAPS_MAX);
}

/* Without room to split a gap, what comes within is taken all the same, and what is missed for longest given
 * up. */
static void a_repair_that_splits_too_much_ends_waiting(void **state) {
    (void)state;
    come(1);
    come(3);
    come(9);
    for (uint64_t i = 1; i < MUSTER_GAPS_MAX - 1; i++) {
        come(9 + 2 * i);
    }
    assert_int_equal(feed.gaps.count, MUSTER_GAPS_MAX);
    assert_int_equal(come(6), FEED_EARLY); /* [4,8]; 2 is given up */
    assert_int_equal(told_lost, 1);
    assert_int_equal(next_out, 4);
    assert_int_equal(feed.gaps.count, MUSTER_GAPS_MAX);
    assert_int_equal(come(4), FEED_NEXT);
    assert_int_equal(told_lost, 1);
}

/* Of the first gap only what lies before is given up. */
static void a_repair_in_the_first_of_too_many_gaps_is_next(void **state) {
    (void)state;
    come(1);
    come(7);
    for (uint64_t i = 1; i < MUSTER_GAPS_MAX; i++) {
        come(7 + 2 * i);
    }
    assert_int_equal(feed.gaps.count, MUSTER_GAPS_MAX);
    assert_int_equal(come(4), FEED_NEXT); /* of [2,6] */
    assert_int_equal(told_lost, 2);
    assert_int_equal(feed.gaps.count, MUSTER_GAPS_MAX);
    assert_int_equal(come(2), FEED_KNOWN);
    assert_int_equal(come(5), FEED_NEXT);
}

/* ---- the end of waiting ---- */

static void a_gap_expires(void **state) {
    struct signal_range ranges[MUSTER_NAK_RANGES_SENT];
    (void)state;
    come(1);
    come(3);
    now_ms += MUSTER_REPAIR_DEADLINE_MS - 1;
    feed_expire(&feed, now_ms);
    assert_false(feed_is_ready(&feed));
    now_ms++;
    feed_expire(&feed, now_ms);
    assert_true(feed_is_ready(&feed));
    assert_int_equal(ask(ranges), 0);
    assert_int_equal(feed_deadline(&feed), NEVER);
    check();
    assert_int_equal(come(2), FEED_KNOWN);
    assert_int_equal(told_lost, 1);
    assert_int_equal(feed.counters.lost_wire, 1);
}

static void what_is_gone_is_lost_at_once(void **state) {
    (void)state;
    come(1);
    come(10);
    feed_give_up_before(&feed, 6, MUSTER_LOSS_GONE);
    check();
    drain();
    assert_int_equal(told_lost, 4);
    assert_int_equal(feed.counters.lost_gone, 4);
    assert_int_equal(pending(), 4);
    assert_int_equal(come(5), FEED_KNOWN);
    assert_int_equal(come(6), FEED_NEXT);
    feed_give_up_before(&feed, MUSTER_INTEGER_MAX, MUSTER_LOSS_GONE);
    drain();
    check();
    assert_int_equal(pending(), 0);
    assert_int_equal(feed.counters.lost_gone, 7);
    assert_int_equal(next_out, 11);
}

static void losses_of_one_reason_are_told_together(void **state) {
    struct muster_loss loss;
    struct held *held;
    uint64_t seq;
    (void)state;
    come(1);
    reach(4);
    reach(6);
    is_kernel_dropping = true;
    reach(8);
    is_kernel_dropping = false;
    reach(9);
    feed_give_up_before(&feed, 4, MUSTER_LOSS_GONE);
    feed_expire(&feed, now_ms + MUSTER_REPAIR_DEADLINE_MS);
    static const struct muster_loss expected[] = {{.first = 2, .last = 3, .reason = MUSTER_LOSS_GONE},
                                                  {.first = 4, .last = 6, .reason = MUSTER_LOSS_WIRE},
                                                  {.first = 7, .last = 8, .reason = MUSTER_LOSS_KERNEL},
                                                  {.first = 9, .last = 9, .reason = MUSTER_LOSS_WIRE}};
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(feed_next(&feed, &loss, &held, &seq), FEED_LOST);
        assert_int_equal(loss.first, expected[i].first);
        assert_int_equal(loss.last, expected[i].last);
        assert_int_equal(loss.reason, expected[i].reason);
    }
    assert_int_equal(feed_next(&feed, &loss, &held, &seq), FEED_WAITS);
    assert_int_equal(feed.counters.lost_kernel, 2);
}

static void what_is_told_shows_a_gap(void **state) {
    (void)state;
    come(1);
    reach(1);
    assert_int_equal(pending(), 0);
    reach(5);
    assert_int_equal(pending(), 4);
    reach(3);
    assert_int_equal(pending(), 4);
    for (uint64_t seq = 2; seq <= 5; seq++) {
        assert_int_equal(come(seq), FEED_NEXT);
    }
}

/* Another said to have sent 5000: what the publisher says twice counts. */
static void numbers_that_were_never_sent_show(void **state) {
    (void)state;
    come(1);
    assert_true(feed_check_sent(&feed, 1, now_ms));
    now_ms += 2000;
    come(5000);
    assert_true(feed_check_sent(&feed, 2, now_ms)); /* data may overtake what is said */
    now_ms += MUSTER_REPAIR_DEADLINE_MS - 1;
    assert_true(feed_check_sent(&feed, 3, now_ms));
    now_ms++;
    assert_false(feed_check_sent(&feed, 3, now_ms));
    assert_false(feed_check_sent(&feed, 4999, now_ms));
    assert_true(feed_check_sent(&feed, 5000, now_ms));
}

/* ---- asking ---- */

static void asking_is_repeated_until_the_deadline(void **state) {
    struct signal_range ranges[MUSTER_NAK_RANGES_SENT];
    uint64_t last_ms = 0;
    unsigned count = 0;
    (void)state;
    come(1);
    come(3);
    uint64_t begin_ms = now_ms;
    while (feed.gaps.count > 0 && !feed.gaps.items[0].is_lost) {
        assert_true(feed_deadline(&feed) > now_ms || count == 0);
        now_ms = feed_deadline(&feed) > now_ms ? feed_deadline(&feed) : now_ms;
        feed_expire(&feed, now_ms);
        if (ask(ranges) == 1) {
            assert_true(count == 0 ? now_ms - begin_ms <= MUSTER_NAK_T_MS
                                   : now_ms - last_ms >= MUSTER_NAK_RETRY_MS);
            assert_true(now_ms - last_ms <= MUSTER_NAK_RETRY_MS + MUSTER_NAK_T_MS || count == 0);
            last_ms = now_ms;
            count++;
        }
    }
    assert_int_equal(now_ms - begin_ms, MUSTER_REPAIR_DEADLINE_MS);
    assert_in_range(count, 28, 68);
    assert_int_equal(feed.counters.naks, count);
}

static void one_nak_has_so_many_ranges(void **state) {
    struct signal_range ranges[MUSTER_NAK_RANGES_SENT];
    (void)state;
    come(1);
    for (uint64_t i = 1; i <= 2 * MUSTER_NAK_RANGES_SENT + 1; i++) {
        come(1 + 2 * i);
    }
    now_ms += MUSTER_NAK_T_MS;
    assert_int_equal(ask(ranges), MUSTER_NAK_RANGES_SENT);
    assert_true(feed_deadline(&feed) <= now_ms);
    assert_int_equal(ask(ranges), MUSTER_NAK_RANGES_SENT);
    assert_int_equal(ask(ranges), 1);
    assert_int_equal(ask(ranges), 0);
    assert_true(feed_deadline(&feed) > now_ms);
}

static void others_ask_for_us(void **state) {
    struct signal_range ranges[MUSTER_NAK_RANGES_SENT];
    (void)state;
    come(1);
    come(20);
    overhear(5, 6);
    overhear(1, 2);
    overhear(19, 40);
    overhear(100, 200);
    now_ms += MUSTER_NAK_RETRY_MS - 1;
    for (uint64_t until = now_ms + MUSTER_NAK_T_MS; now_ms <= until; now_ms++) {
        size_t count = ask(ranges);
        for (size_t i = 0; i < count && now_ms < until - MUSTER_NAK_T_MS + 1; i++) {
            assert_true(ranges[i].first > 2 && ranges[i].last < 19);
            assert_true(ranges[i].last < 5 || ranges[i].first > 6);
        }
    }
    enum muster_sample_kind kind;
    come_as(6, &kind);
    assert_int_equal(kind, MUSTER_SAMPLE_REPAIRED);
}

/* Whoever invents naks makes gaps of gaps, but only half of what there is room for. */
/* Whoever asks again and again keeps us from asking for a while only. */
static void others_dont_ask_for_us_for_ever(void **state) {
    struct signal_range ranges[MUSTER_NAK_RANGES_SENT];
    unsigned asked = 0;
    (void)state;
    come(1);
    come(3);
    for (unsigned i = 0; i < MUSTER_REPAIR_DEADLINE_MS; i += 5) {
        overhear(2, 2);
        now_ms += 5;
        asked += ask(ranges) == 1 ? 1 : 0;
    }
    assert_in_range(asked, 2, 4);
}

static void others_naks_leave_room(void **state) {
    (void)state;
    come(1);
    come(4000);
    for (uint64_t seq = 2; seq < 4000; seq += 2) {
        overhear(seq, seq);
    }
    assert_int_equal(feed.gaps.count, MUSTER_GAPS_HEARSAY_MAX);
    for (uint64_t i = 1; i < MUSTER_GAPS_MAX - MUSTER_GAPS_HEARSAY_MAX; i++) {
        assert_int_equal(come(4000 + 2 * i), FEED_EARLY);
    }
    assert_int_equal(told_lost, 0);
    assert_int_equal(pending(), 3998 + MUSTER_GAPS_MAX - MUSTER_GAPS_HEARSAY_MAX - 1);
}

static void where_the_kernel_drops_asking_waits(void **state) {
    struct signal_range ranges[MUSTER_NAK_RANGES_SENT];
    (void)state;
    come(1);
    is_kernel_dropping = true;
    come(3);
    is_kernel_dropping = false;
    now_ms += MUSTER_KERNEL_DROP_MS - 1;
    assert_int_equal(ask(ranges), 0);
    now_ms += 1 + MUSTER_NAK_T_MS;
    assert_int_equal(ask(ranges), 1);
    is_kernel_dropping = true;
    come(5);
    feed_give_up_before(&feed, 3, MUSTER_LOSS_GONE); /* it would not have been lost for that: */
    assert_int_equal(feed.counters.lost_gone, 1);
    feed_expire(&feed, now_ms + MUSTER_REPAIR_DEADLINE_MS);
    assert_int_equal(feed.counters.lost_kernel, 1);
}

/* Within its bounds, and mostly late: few draw a short one. */
static void back_offs_are_as_drawn_by_the_rfc(void **state) {
    (void)state;
    for (size_t listeners = 0; listeners <= 10000; listeners = listeners * 10 + 1) {
        unsigned early = 0;
        double sum = 0;
        for (int i = 0; i < 10000; i++) {
            uint64_t ms = gap_backoff_ms(&dice, listeners);
            assert_true(ms <= MUSTER_NAK_T_MS);
            early += ms < MUSTER_NAK_T_MS / 4;
            sum += (double)ms;
        }
        assert_true(sum / 10000 > MUSTER_NAK_T_MS / 2.0 && sum / 10000 < MUSTER_NAK_T_MS);
        assert_true(early < 1500);
    }
}

/* ---- memory ---- */

static void without_memory_for_gaps_nothing_changes(void **state) {
    (void)state;
    come(1);
    countdown_set(1);
    assert_int_equal(come(3), FEED_MEMORY);
    assert_true(countdown_has_failed());
    assert_int_equal(feed.top, 2);
    countdown_set(1);
    reach(5);
    assert_true(countdown_has_failed());
    assert_int_equal(feed.top, 2);
    countdown_set(1);
    assert_int_equal(come(2 + MUSTER_WINDOW), FEED_MEMORY);
    countdown_set(0);
    assert_int_equal(come(2), FEED_NEXT);
    assert_int_equal(come(4), FEED_EARLY);
}

static void without_memory_to_hold_it_is_lost_here(void **state) {
    (void)state;
    come(1);
    come(3);
    countdown_set(1);
    assert_int_equal(come(4), FEED_EARLY);
    countdown_set(0);
    assert_int_equal(feed.counters.lost_program, 1);
    assert_false(feed_holds(&feed, 4));
    assert_true(feed_holds(&feed, 3));
    struct muster_loss loss;
    struct held *held;
    uint64_t seq;
    enum muster_sample_kind kind;
    struct gap_moment at = moment();
    assert_int_equal(feed_take(&feed, 2, &at, &kind), FEED_NEXT);
    assert_int_equal(feed_next(&feed, &loss, &held, &seq), FEED_HELD);
    assert_int_equal(seq, 3);
    free(held);
    assert_true(feed_has_lost(&feed, 4));
    assert_false(feed_has_lost(&feed, 3));
    assert_int_equal(feed_next(&feed, &loss, &held, &seq), FEED_LOST);
    assert_int_equal(loss.first, 4);
    assert_int_equal(loss.last, 4);
    assert_int_equal(loss.reason, MUSTER_LOSS_PROGRAM);
    assert_int_equal(feed_next(&feed, &loss, &held, &seq), FEED_WAITS);
    assert_int_equal(feed.due, 5);
    check();
}

/* Each of them is told, and several in a row as one. */
static void what_could_not_be_held_is_told(void **state) {
    (void)state;
    come(1);
    come(3);
    for (uint64_t seq = 4; seq < 40; seq++) {
        countdown_set(seq % 4 == 0 ? 0 : 1);
        assert_int_equal(come(seq), FEED_EARLY);
        check();
    }
    countdown_set(0);
    assert_int_equal(feed.gaps.count, 1 + 9);
    assert_int_equal(come(2), FEED_NEXT);
    assert_int_equal(told_lost, 27);
    assert_int_equal(next_out, 40);
    assert_int_equal(feed.counters.lost_program, 27);
}

static void beginning_again_counts_from_there(void **state) {
    (void)state;
    come(1);
    come(3);
    feed_deinit(&feed);
    feed_begin(&feed, 100);
    next_out = 100;
    check();
    assert_int_equal(come(100), FEED_NEXT);
    assert_int_equal(feed.counters.received, 1);
    assert_int_equal(feed.counters.since, 100);
    feed_release_window(&feed);
    assert_null(feed.gaps.items);
}

/* ---- a random walk ---- */

#define WALK_STEPS 400000

static uint64_t walk_state;

static uint64_t draw(uint64_t below) {
    walk_state = walk_state * 6364136223846793005u + 1442695040888963407u;
    return (walk_state >> 33) % below;
}

/* The publisher sends, the network loses, doubles and turns around, others ask, time goes on. */
static void walk(uint64_t seed, unsigned loss_percent) {
    struct signal_range ranges[MUSTER_NAK_RANGES_SENT];
    uint64_t sent = 0;
    walk_state = seed;
    for (int step = 0; step < WALK_STEPS; step++) {
        switch (draw(16)) {
        case 0: now_ms += draw(20); break;
        case 1: come(1 + draw(sent + 1)); break; /* anything, also what was not sent */
        case 2: come(sent - draw(sent < 50 ? sent + 1 : 50) + 1); break;
        case 3: reach(sent + draw(2)); break;
        case 4: {
            uint64_t first = 1 + draw(sent + 1);
            overhear(first, first + draw(100));
            break;
        }
        case 5: feed_give_up_before(&feed, sent > 300 ? sent - 300 : 1, MUSTER_LOSS_GONE); break;
        case 6:
            if (draw(50) == 0) {
                sent += draw(3 * MUSTER_WINDOW);
            }
            break;
        case 7:
            now_ms += draw(3);
            feed_expire(&feed, now_ms);
            for (size_t count = ask(ranges); count > 0; count = ask(ranges)) {
                for (size_t i = 0; i < count; i++) {
                    assert_true(ranges[i].first <= ranges[i].last && ranges[i].last < feed.top);
                    for (uint64_t seq = ranges[i].first; seq <= ranges[i].last && seq < ranges[i].first + 20;
                         seq++) {
                        if (draw(100) >= loss_percent) {
                            come(seq);
                        }
                    }
                }
            }
            break;
        case 8: is_kernel_dropping = draw(20) == 0; break;
        default:
            sent++;
            if (draw(100) >= loss_percent) {
                come(sent);
            }
        }
        drain();
        check();
    }
    now_ms += MUSTER_REPAIR_DEADLINE_MS;
    feed_expire(&feed, now_ms);
    drain();
    check();
    assert_int_equal(next_out, feed.top);
    assert_int_equal(feed.held_bytes, 0);
    assert_int_equal(delivered, feed.counters.received);
    assert_int_equal(told_lost, lost());
    assert_int_equal(delivered + told_lost, feed.top - 1);
    print_message("seed %llu, %u %%: %llu delivered, %llu lost\n", (unsigned long long)seed, loss_percent,
                  (unsigned long long)delivered, (unsigned long long)told_lost);
}

static void a_walk_with_little_loss(void **state) {
    (void)state;
    walk(20261123, 1);
    assert_true(delivered > WALK_STEPS / 4);
}

static void a_walk_with_much_loss(void **state) {
    (void)state;
    walk(4711, 30);
}

static void a_walk_with_hardly_anything_but_loss(void **state) {
    (void)state;
    walk(815, 95);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(one_by_one, begin, end),
        cmocka_unit_test_setup_teardown(a_gap_is_filled, begin, end),
        cmocka_unit_test_setup_teardown(what_was_asked_for_is_a_repair, begin, end),
        cmocka_unit_test_setup_teardown(gaps_are_split_anywhere, begin, end),
        cmocka_unit_test_setup_teardown(a_leap_is_not_believed, begin, end),
        cmocka_unit_test_setup_teardown(a_new_feed_believes_a_second, begin, end),
        cmocka_unit_test_setup_teardown(an_old_feed_of_which_nothing_came_believes_more, begin, end),
        cmocka_unit_test_setup_teardown(the_window_ends_waiting, begin, end),
        cmocka_unit_test_setup_teardown(a_long_gap_is_cut_to_the_window, begin, end),
        cmocka_unit_test_setup_teardown(a_told_gap_is_cut_when_something_comes, begin, end),
        cmocka_unit_test_setup_teardown(gaps_are_bounded, begin, end),
        cmocka_unit_test_setup_teardown(a_repair_that_splits_too_much_ends_waiting, begin, end),
        cmocka_unit_test_setup_teardown(a_repair_in_the_first_of_too_many_gaps_is_next, begin, end),
        cmocka_unit_test_setup_teardown(a_gap_expires, begin, end),
        cmocka_unit_test_setup_teardown(what_is_gone_is_lost_at_once, begin, end),
        cmocka_unit_test_setup_teardown(losses_of_one_reason_are_told_together, begin, end),
        cmocka_unit_test_setup_teardown(what_is_told_shows_a_gap, begin, end),
        cmocka_unit_test_setup_teardown(numbers_that_were_never_sent_show, begin, end),
        cmocka_unit_test_setup_teardown(asking_is_repeated_until_the_deadline, begin, end),
        cmocka_unit_test_setup_teardown(one_nak_has_so_many_ranges, begin, end),
        cmocka_unit_test_setup_teardown(others_ask_for_us, begin, end),
        cmocka_unit_test_setup_teardown(others_dont_ask_for_us_for_ever, begin, end),
        cmocka_unit_test_setup_teardown(others_naks_leave_room, begin, end),
        cmocka_unit_test_setup_teardown(where_the_kernel_drops_asking_waits, begin, end),
        cmocka_unit_test_setup_teardown(back_offs_are_as_drawn_by_the_rfc, begin, end),
        cmocka_unit_test_setup_teardown(without_memory_for_gaps_nothing_changes, begin, end),
        cmocka_unit_test_setup_teardown(without_memory_to_hold_it_is_lost_here, begin, end),
        cmocka_unit_test_setup_teardown(what_could_not_be_held_is_told, begin, end),
        cmocka_unit_test_setup_teardown(beginning_again_counts_from_there, begin, end),
        cmocka_unit_test_setup_teardown(a_walk_with_little_loss, begin, end),
        cmocka_unit_test_setup_teardown(a_walk_with_much_loss, begin, end),
        cmocka_unit_test_setup_teardown(a_walk_with_hardly_anything_but_loss, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
