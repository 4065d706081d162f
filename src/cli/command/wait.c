/* SPDX-License-Identifier: MIT */
/* muster wait: until so many peers are there, or gone, or until a reading is as it should be. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "complain.h"
#include "condition.h"
#include "hint.h"
#include "look.h"
#include "record.h"
#include "selector.h"
#include "session.h"
#include "value.h"

#define WAIT_TIMEOUT_MS 30000

struct wait_options {
    size_t count; /* 0: not given */
    bool gone;
    uint64_t timeout_ms;
};

/* Peers that are kept to say in the end what was there instead. */
#define KNOWN_MAX 1024

/* The peers that match and are alive. */
struct wait {
    struct session session;
    struct selector selector;
    struct muster_peer_list known; /* all that were told */
    struct hint silence;           /* why nobody was */
    size_t wanted;
    uint8_t (*ids)[MUSTER_ID_BYTES]; /* room for `wanted` */
    size_t count;
};

static const struct args_option options_table[] = {
    {"count", 0, "N", "wait for so many peers (1)", offsetof(struct wait_options, count), value_count},
    {"gone", 0, NULL, "wait until no such peer is there any more", offsetof(struct wait_options, gone),
     value_flag},
    {"timeout", 0, "S", "give up after this time (30)", offsetof(struct wait_options, timeout_ms),
     value_timeout},
    {0},
};

/* Keeps a peer, or its new state. Who is left out is only missed in a hint. */
static void keep_known(struct muster_peer_list *known, const struct muster_peer *peer) {
    for (size_t i = 0; i < known->count; i++) {
        if (memcmp(known->peers[i].id, peer->id, MUSTER_ID_BYTES) == 0) {
            known->peers[i].state = peer->state;
            known->peers[i].age_ms = peer->age_ms;
            return;
        }
    }
    if (known->count < KNOWN_MAX) {
        muster_peer_list_add(known, peer);
    }
}

static void on_event(enum muster_peer_event event, const struct muster_peer *peer, void *context) {
    struct wait *wait = context;
    if (event == MUSTER_PEER_CONFLICT) { /* it is not listed */
        return;
    }
    keep_known(&wait->known, peer);
    bool matches = peer->state == MUSTER_ALIVE && selector_matches_peer(&wait->selector, peer);
    size_t i = 0;
    while (i < wait->count && memcmp(wait->ids[i], peer->id, MUSTER_ID_BYTES) != 0) {
        i++;
    }
    if (matches && i == wait->count) {
        memcpy(wait->ids[wait->count++], peer->id, MUSTER_ID_BYTES);
        if (wait->count == wait->wanted) {
            session_end(&wait->session, STATUS_OK);
        }
    } else if (!matches && i < wait->count) {
        wait->count--;
        memcpy(wait->ids[i], wait->ids[wait->count], MUSTER_ID_BYTES);
    }
}

static void on_reset(void *context) {
    struct wait *wait = context;
    wait->count = 0;
}

static void on_ending(void *context) {
    struct wait *wait = context;
    if (wait->known.count == 0 && wait->session.node != NULL) {
        wait->silence = hint_of_silence(muster_counters(wait->session.node));
    }
}

static int wait_for_peers(struct settings *settings, const struct wait_options *wanted,
                          const struct operands *operands) {
    struct wait wait = {.selector = operands->selector, .wanted = wanted->count > 0 ? wanted->count : 1};
    wait.selector.ignores_case = true; /* who is going to come is not known */
    wait.ids = calloc(wait.wanted, sizeof(*wait.ids));
    if (wait.ids == NULL) {
        return complain_error(settings, MUSTER_ENOMEM);
    }
    const struct session_request request = {.may_ask = true,
                                            .timeout_ms = wanted->timeout_ms,
                                            .on_event = on_event,
                                            .on_ending = on_ending,
                                            .on_reset = on_reset,
                                            .context = &wait};
    const int status = session_hold(&wait.session, settings, &request);
    if (status == STATUS_TIMED_OUT) {
        const bool has_heard = wait.known.count > 0;
        complain(settings, "timed out: %zu of %zu alive for '%s'%s%s", wait.count, wait.wanted,
                 operands->values[0], has_heard ? "" : ", nobody was heard",
                 !has_heard        ? wait.silence.text
                 : wait.count == 0 ? hint_of_missing(&wait.selector, &wait.known).text
                                   : "");
    }
    muster_peer_list_free(&wait.known);
    free(wait.ids);
    return status;
}

/* ---- peers that go ---- */

/* A peer that matches. Who is asked tells each peer of the snapshot once more, unless that has gone since. */
struct leaver {
    uint8_t id[MUSTER_ID_BYTES];
    bool is_told;
    bool is_here; /* alive or suspect, as was told last */
};

struct departure {
    struct session session;
    struct selector selector;
    struct leaver *leavers;
    size_t count;
    size_t room;
};

/* The entry of an id, which is added when it is new; NULL when memory is out. */
static struct leaver *find_leaver(struct departure *departure, const uint8_t id[MUSTER_ID_BYTES]) {
    for (size_t i = 0; i < departure->count; i++) {
        if (memcmp(departure->leavers[i].id, id, MUSTER_ID_BYTES) == 0) {
            return &departure->leavers[i];
        }
    }
    if (departure->count == departure->room) {
        const size_t room = departure->room > 0 ? 2 * departure->room : 16;
        struct leaver *grown = realloc(departure->leavers, room * sizeof(*grown));
        if (grown == NULL) {
            return NULL;
        }
        departure->leavers = grown;
        departure->room = room;
    }
    struct leaver *leaver = &departure->leavers[departure->count++];
    *leaver = (struct leaver){.is_here = true};
    memcpy(leaver->id, id, MUSTER_ID_BYTES);
    return leaver;
}

static bool is_here(const struct departure *departure, const struct muster_peer *peer) {
    return (peer->state == MUSTER_ALIVE || peer->state == MUSTER_SUSPECT) &&
           selector_matches_peer(&departure->selector, peer);
}

/* How many are here, as far as is known. */
static size_t count_here(const struct departure *departure) {
    size_t count = 0;
    for (size_t i = 0; i < departure->count; i++) {
        count += departure->leavers[i].is_here || !departure->leavers[i].is_told ? 1 : 0;
    }
    return count;
}

static void end_when_gone(struct departure *departure) {
    if (count_here(departure) == 0) {
        session_end(&departure->session, STATUS_OK);
    }
}

static void on_departure(enum muster_peer_event event, const struct muster_peer *peer, void *context) {
    struct departure *departure = context;
    if (event == MUSTER_PEER_CONFLICT) {
        return;
    }
    struct leaver *leaver = find_leaver(departure, peer->id);
    if (leaver == NULL) {
        session_fail(&departure->session, MUSTER_ENOMEM);
        return;
    }
    leaver->is_told = true;
    leaver->is_here = is_here(departure, peer);
    end_when_gone(departure);
}

/* The network has answered: who did not answer is not here. */
static void on_departure_settled(void *context) {
    struct departure *departure = context;
    for (size_t i = 0; i < departure->count; i++) {
        departure->leavers[i].is_here = departure->leavers[i].is_here && departure->leavers[i].is_told;
        departure->leavers[i].is_told = true;
    }
    end_when_gone(departure);
}

static void on_departure_reset(void *context) {
    struct departure *departure = context;
    for (size_t i = 0; i < departure->count; i++) {
        departure->leavers[i].is_told = false;
    }
}

/* Takes those that are here now. */
static int find_leavers(struct departure *departure, const struct settings *settings, uint64_t timeout_ms) {
    struct snapshot snapshot;
    int status = look(settings, timeout_ms, NULL, &snapshot);
    selector_settle(&departure->selector, &snapshot.list);
    for (size_t i = 0; status == STATUS_OK && i < snapshot.list.count; i++) {
        if (is_here(departure, &snapshot.list.peers[i]) &&
            find_leaver(departure, snapshot.list.peers[i].id) == NULL) {
            status = complain_error(settings, MUSTER_ENOMEM);
        }
    }
    if (status == STATUS_OK && snapshot.cut_off) {
        status = STATUS_TIMED_OUT;
    }
    snapshot_deinit(&snapshot);
    return status;
}

static int wait_for_departure(struct settings *settings, const struct wait_options *wanted,
                              const struct operands *operands) {
    struct departure departure = {.selector = operands->selector};
    const struct session_request request = {.may_ask = true,
                                            .timeout_ms = wanted->timeout_ms,
                                            .on_event = on_departure,
                                            .on_settled = on_departure_settled,
                                            .on_reset = on_departure_reset,
                                            .context = &departure};
    int status = find_leavers(&departure, settings, wanted->timeout_ms);
    if (status == STATUS_OK && departure.count > 0) {
        status = session_hold(&departure.session, settings, &request);
    }
    if (status == STATUS_TIMED_OUT) {
        complain(settings, "timed out: %zu still here for '%s'", count_here(&departure), operands->values[0]);
    }
    free(departure.leavers);
    return status;
}

/* ---- readings ---- */

struct reading_wait {
    struct session session;
    const struct condition *condition;
    struct muster_pack pack;
    size_t seen;  /* readings of that name */
    size_t stale; /* of them, those that were as they should be, and stale */
};

static void on_sample(muster_t *node, const struct muster_sample *sample, void *context) {
    struct reading_wait *wait = context;
    struct muster_record record;
    (void)node;
    const double now_s = session_wall_s();
    muster_pack_open_sample(&wait->pack, sample, record_now_s(sample, now_s));
    while (muster_pack_next(&wait->pack, &record) == 1) {
        const bool is_stale = record_is_stale(&record, now_s);
        wait->seen += muster_pattern_matches(wait->condition->pattern, record.name) ? 1 : 0;
        wait->stale += is_stale && condition_holds(wait->condition, &record) ? 1 : 0;
        if (!is_stale && condition_holds(wait->condition, &record)) {
            session_end(&wait->session, STATUS_OK);
            return;
        }
    }
}

static void on_reading_open(void *context) {
    struct reading_wait *wait = context;
    const char *pattern = wait->condition->pattern;
    const struct muster_subscription_options wanted = {
        .size = sizeof wanted, .patterns = &pattern, .pattern_count = 1};
    muster_subscription_t *subscription;
    const int error = muster_subscribe(wait->session.node, &wanted, on_sample, NULL, wait, &subscription);
    if (error != 0) {
        session_fail(&wait->session, error);
    }
}

/* Peers are asked for, so that their topics are known soon. */
static void on_peer(enum muster_peer_event event, const struct muster_peer *peer, void *context) {
    (void)event, (void)peer, (void)context;
}

static int wait_for_reading(struct settings *settings, const struct wait_options *wanted, const char *text) {
    struct condition condition;
    struct reading_wait wait = {.condition = &condition};
    struct reason reason;
    if (condition_parse(text, &condition, &reason) != 0) {
        return complain_usage(settings, "EXPR", "%s", reason.text);
    }
    if (wanted->count > 0 || wanted->gone) {
        return complain_usage(settings, wanted->gone ? "--gone" : "--count", "expected only for peers");
    }
    const struct session_request request = {
        .timeout_ms = wanted->timeout_ms, .on_open = on_reading_open, .on_event = on_peer, .context = &wait};
    const int status = session_hold(&wait.session, settings, &request);
    if (status == STATUS_TIMED_OUT) {
        complain(settings, "timed out: %zu reading%s came, and none for '%s'%s", wait.seen,
                 wait.seen == 1 ? "" : "s", text, wait.stale > 0 ? " but what is stale" : "");
    }
    return status;
}

/* ---- the command ---- */

static int run(struct settings *settings, void *options, const struct operands *operands) {
    const struct wait_options *wanted = options;
    if (condition_is_one(operands->values[0])) {
        return wait_for_reading(settings, wanted, operands->values[0]);
    }
    if (operands->selector.text == operands->values[0] && strchr(operands->values[0], '/') != NULL) {
        return complain_usage(settings, "EXPR",
                              "expected a reading with an operator, '%.64s > 5', or name:%.64s for a peer",
                              operands->values[0], operands->values[0]);
    }
    if (wanted->gone && wanted->count > 0) {
        complain(settings, "--gone and --count exclude each other");
        return STATUS_USAGE;
    }
    return wanted->gone ? wait_for_departure(settings, wanted, operands)
                        : wait_for_peers(settings, wanted, operands);
}

const struct command command_wait = {
    .name = "wait",
    .group = COMMAND_SEE,
    .summary = "wait until a service or peer is there, or for a reading",
    .synonyms = " until ",
    .syntax = {.operands = "EXPR", .operands_min = 1, .operands_max = 1},
    .selects = SELECTOR_TYPE | SELECTOR_NAME | SELECTOR_GLOB | SELECTOR_ADDRESS,
    .description =
        "Wait until peers that match EXPR are alive, and say nothing. EXPR is a service type or\n"
        "a peer's name, a pattern of names or an address, in upper or lower case; HOST~ORIGIN is a\n"
        "service that some peer brought from elsewhere (muster services); type:TYPE, name:NAME\n"
        "and id:DIGITS say which is meant. With --gone it waits until\n"
        "none of them is there: each was lost, has left, or was never there.\n\n"
        "An EXPR with < <= > >= = or != is about readings: the full name of one, or a pattern of names\n"
        "as muster subscribe has them, and a number; behind = and != also true, false or a text. Last\n"
        "values count, too: muster wait returns at once when it is so already. One that is stale does not\n"
        "count: its sensor should have said another by now (ut, of SenML).\n",
    .options = options_table,
    .options_bytes = sizeof(struct wait_options),
    .defaults = &(const struct wait_options){.timeout_ms = WAIT_TIMEOUT_MS},
    .examples = "  muster wait ipp && lp report.pdf\n"
                "  muster wait type:http --count 3 --timeout 10\n"
                "  muster wait --gone nas --timeout 1h && echo 'the nas is off'\n"
                "  muster wait 'kitchen/temperature < 5' --timeout 1h && notify-send 'It is cold'\n",
    .statuses = "  0   so many are alive, or none with --gone, or a reading is so\n"
                "  1   error\n"
                "  2   wrong usage\n"
                "  124 timed out\n",
    .run = run,
};
