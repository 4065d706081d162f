/* SPDX-License-Identifier: MIT */
/* muster wait: until so many peers are there. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "complain.h"
#include "selector.h"
#include "session.h"
#include "value.h"

#define WAIT_TIMEOUT_MS 30000

struct wait_options {
    size_t count;
    uint64_t timeout_ms;
};

/* The peers that match and are alive. */
struct wait {
    struct session session;
    const struct selector *selector;
    size_t wanted;
    uint8_t (*ids)[MUSTER_ID_BYTES]; /* room for `wanted` */
    size_t count;
};

static const struct args_option options_table[] = {
    {"count", 0, "N", "wait for so many peers (1)", offsetof(struct wait_options, count), value_count},
    {"timeout", 0, "S", "give up after this time (30)", offsetof(struct wait_options, timeout_ms),
     value_timeout},
    {0},
};

static void on_event(enum muster_peer_event event, const struct muster_peer *peer, void *context) {
    struct wait *wait = context;
    (void)event;
    bool matches = peer->state == MUSTER_ALIVE && selector_matches_peer(wait->selector, peer);
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

static int run(struct settings *settings, void *options, const struct operands *operands) {
    const struct wait_options *wanted = options;
    const char *expression = operands->values[0];
    struct wait wait = {.selector = &operands->selector, .wanted = wanted->count};
    wait.ids = calloc(wait.wanted, sizeof(*wait.ids));
    if (wait.ids == NULL) {
        return complain_error(settings, MUSTER_ENOMEM);
    }
    const struct session_request request = {.may_ask = true,
                                            .timeout_ms = wanted->timeout_ms,
                                            .on_event = on_event,
                                            .on_reset = on_reset,
                                            .context = &wait};
    const int status = session_hold(&wait.session, settings, &request);
    if (status == STATUS_TIMED_OUT) {
        complain(settings, "timed out: %zu of %zu alive for '%s'", wait.count, wait.wanted, expression);
    }
    free(wait.ids);
    return status;
}

const struct command command_wait = {
    .name = "wait",
    .summary = "wait until a service or peer is there",
    .syntax = {.operands = "EXPR", .operands_min = 1, .operands_max = 1},
    .selects = SELECTOR_TYPE | SELECTOR_NAME,
    .description = "Wait until peers that match EXPR are alive, and say nothing. EXPR is a service type or\n"
                   "a peer's name; type:TYPE, name:NAME and id:DIGITS say which is meant.\n",
    .options = options_table,
    .options_bytes = sizeof(struct wait_options),
    .defaults = &(const struct wait_options){.count = 1, .timeout_ms = WAIT_TIMEOUT_MS},
    .examples = "  muster wait ipp && lp report.pdf\n"
                "  muster wait type:http --count 3 --timeout 10\n",
    .statuses = "  0   so many are alive\n"
                "  1   error\n"
                "  2   wrong usage\n"
                "  124 timed out\n",
    .run = run,
};
