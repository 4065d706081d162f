/* SPDX-License-Identifier: MIT */
#include "resume.h"

#include "deadline.h"
#include "presence.h"

void resume_init(struct resume *resume) {
    *resume = (struct resume){.begin_ms = DEADLINE_NEVER, .ask_ms = DEADLINE_NEVER};
}

/* While the machine was suspended the others' time went on, and this node's did not. */
void resume_begin(struct presence *presence, uint64_t asleep_ms) {
    struct resume *resume = &presence->resume;
    uint64_t now_ms = presence->context->now_ms;
    presence->resumed_ms = now_ms;
    resume->earliest_ms = resume->earliest_ms > asleep_ms ? resume->earliest_ms - asleep_ms : 0;
    if (presence->context->paths.count > 0) { /* else what comes next are paths, and this again */
        resume->begin_ms = resume->earliest_ms > now_ms ? resume->earliest_ms : now_ms;
    }
}

static void begin(struct presence *presence) {
    struct resume *resume = &presence->resume;
    uint64_t now_ms = presence->context->now_ms;
    resume->begin_ms = DEADLINE_NEVER;
    resume->earliest_ms = now_ms + MUSTER_RESUME_MS;
    presence->announcer.new_ms = now_ms;
    announcer_begin(presence); /* spreads what it says */
    if (!presence->context->is_observer) {
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
