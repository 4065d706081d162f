/* SPDX-License-Identifier: MIT */
#include "resume.h"

#include "crowd.h"
#include "deadline.h"
#include "presence.h"
#include "suspicion.h"

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

void resume_arrive(struct presence *presence) {
    struct bucket *arrivals = &presence->resume.arrivals;
    uint64_t now_ms = presence->context->now_ms;
    uint64_t begin_ms = bucket_allowed_ms(arrivals, 1, MUSTER_ARRIVAL_RATE, MUSTER_ARRIVAL_BURST, now_ms);
    presence->resumed_ms = now_ms;
    presence->resume.has_arrived = true;
    if (begin_ms < presence->resume.begin_ms) {
        presence->resume.begin_ms = begin_ms;
        bucket_spend(arrivals, 1, MUSTER_ARRIVAL_RATE, now_ms);
    }
}

/* An observer asks what it asked before. */
static bool does_ask(const struct presence *presence) {
    return !presence->context->is_observer || presence->query.count > 0;
}

/* A row that was heard by this interface, or by one that is gone; NULL when there is none. */
static const struct peer *find_neighbour(const struct presence *presence, uint32_t interface) {
    const struct paths *paths = &presence->context->paths;
    const struct peer *found = NULL;
    for (const struct peer *peer = presence->table.by_id; peer != NULL; peer = peer->hh.next) {
        if (peer->interface == interface) {
            return peer;
        }
        if (found == NULL && paths_interface_name(paths, peer->interface)[0] == '\0') {
            found = peer;
        }
    }
    return found;
}

/* An interface that was made anew may have another hardware address, while others still answer to the old
 * one. A datagram to any one neighbour makes this host ask the link for that (ARP), from which all who know
 * this host learn the new one (RFC 826, "Packet Reception"). */
static void greet_neighbours(struct presence *presence) {
    const struct paths *paths = &presence->context->paths;
    for (size_t i = 0; i < paths->count; i++) {
        uint32_t interface = paths->items[i].interface;
        bool is_first = i == 0 || paths->items[i - 1].interface != interface;
        const struct peer *neighbour = is_first ? find_neighbour(presence, interface) : NULL;
        if (neighbour != NULL) {
            suspicion_ask_by_unicast(presence, neighbour, interface);
        }
    }
}

static void begin(struct presence *presence) {
    struct resume *resume = &presence->resume;
    uint64_t now_ms = presence->context->now_ms;
    resume->begin_ms = DEADLINE_NEVER;
    resume->earliest_ms = now_ms + MUSTER_RESUME_MS;
    presence->announcer.new_ms = now_ms;
    if (resume->has_arrived) {
        resume->has_arrived = false;
        greet_neighbours(presence);
    }
    announcer_begin(presence); /* spreads what it says */
    if (does_ask(presence)) {
        resume->ask_ms = now_ms + (crowd_is_here(presence) ? random_ms(&presence->context->random,
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
