/* SPDX-License-Identifier: MIT */
#include "resume.h"

#include "deadline.h"
#include "presence.h"

void resume_init(struct resume *resume) {
    *resume = (struct resume){.begin_ms = DEADLINE_NEVER, .ask_ms = DEADLINE_NEVER};
}

void resume_begin(struct presence *presence) {
    struct resume *resume = &presence->resume;
    uint64_t now_ms = presence->context->now_ms;
    presence->resumed_ms = now_ms;
    if (presence->context->paths.count > 0) { /* else what comes next are paths, and this again */
        resume->begin_ms = resume->earliest_ms > now_ms ? resume->earliest_ms : now_ms;
    }
}

void resume_arrive(struct presence *presence) {
    struct bucket *arrivals = &presence->resume.arrivals;
    uint64_t now_ms = presence->context->now_ms;
    uint64_t begin_ms = bucket_allowed_ms(arrivals, 1, MUSTER_ARRIVAL_RATE, MUSTER_ARRIVAL_BURST, now_ms);
    presence->resumed_ms = now_ms;
    if (begin_ms < presence->resume.begin_ms) {
        presence->resume.begin_ms = begin_ms;
        bucket_spend(arrivals, 1, MUSTER_ARRIVAL_RATE, now_ms);
    }
}

/* An observer asks what it asked before. */
static bool does_ask(const struct presence *presence) {
    return !presence->context->is_observer || presence->query.count > 0;
}

static void begin(struct presence *presence) {
    struct resume *resume = &presence->resume;
    uint64_t now_ms = presence->context->now_ms;
    resume->begin_ms = DEADLINE_NEVER;
    resume->earliest_ms = now_ms + MUSTER_RESUME_MS;
    presence->announcer.new_ms = now_ms;
    announcer_begin(presence); /* spreads what it says */
    if (does_ask(presence)) {
        resume->ask_ms = now_ms + (proof_is_crowd(presence) ? random_ms(&presence->context->random,
                                                                        announcer_interval_ms(presence))
                                                            : 0);
    }
}

uint64_t resume_tick(struct presence *presence) {
    struct resume *resume = &presence->resume;
    if (resume->begin_ms <= presence->context->now_ms) {
        begin(presence);
    }
    if (resume->ask_ms <= presence->context->now_ms) {
        resume->ask_ms = DEADLINE_NEVER;
        query_begin(presence, NULL, NULL, false);
    }
    return deadline_earlier(resume->begin_ms, resume->ask_ms);
}
