/* SPDX-License-Identifier: MIT */
#include "why.h"

#include <stdio.h>
#include <string.h>

#include "text.h"

/* PROTOCOL.md, 8.3: the least loss that is assumed, the rows that may be suspect without a cause, and the
 * largest patience. */
#define LOSS_LEAST 0.005
#define FALSE_SUSPECTS 0.2
#define PATIENCE_MAX 8

unsigned why_patience(double loss, size_t rows) {
    const double p = loss > LOSS_LEAST ? loss : LOSS_LEAST;
    double chance = p;
    unsigned patience = 1;
    while (patience < PATIENCE_MAX && chance > FALSE_SUSPECTS / (double)(rows > 0 ? rows : 1)) {
        chance *= p;
        patience++;
    }
    return patience;
}

static void explain_alive(const struct muster_peer *peer, unsigned patience, struct why *why) {
    const bool is_late = peer->next_ms < 0;
    snprintf(why->what, sizeof(why->what), "is alive: it was heard %s ago, and %s %s%s",
             text_duration((int64_t)peer->age_ms).text,
             is_late ? "should have spoken" : "promised to speak again within",
             text_duration(is_late ? -peer->next_ms : peer->next_ms).text, is_late ? " ago" : "");
    snprintf(
        why->rule, sizeof(why->rule),
        "a peer is alive until it has broken about %u promise%s in a row, which follows from its loss (%s) "
        "and the size of the table",
        patience, patience == 1 ? "" : "s", text_share(peer->loss).text);
    snprintf(why->change, sizeof(why->change),
             "more silence makes it suspect; then the group is asked for it, and no answer makes it lost; "
             "a bye makes it left");
}

static void explain_suspect(const struct muster_peer *peer, unsigned patience, struct why *why) {
    snprintf(why->what, sizeof(why->what), "is suspect: it was last heard %s ago, and is overdue by %s",
             text_duration((int64_t)peer->age_ms).text,
             text_duration(peer->next_ms < 0 ? -peer->next_ms : 0).text);
    snprintf(why->rule, sizeof(why->rule),
             "it broke about %u promise%s in a row, more than its loss (%s) makes likely; the group is being "
             "asked for it",
             patience, patience == 1 ? "" : "s", text_share(peer->loss).text);
    snprintf(why->change, sizeof(why->change),
             "anything that it says makes it alive; no answer to some questions makes it lost");
}

static void explain_lost(const struct muster_peer *peer, struct why *why) {
    snprintf(why->what, sizeof(why->what), "is lost: it was last heard %s ago",
             text_duration((int64_t)peer->age_ms).text);
    snprintf(
        why->rule, sizeof(why->rule),
        "it broke its promises, said no bye, and did not answer when the group was asked for it: it crashed, "
        "its network is gone, or something between drops what it says");
    snprintf(why->change, sizeof(why->change),
             "when it is heard again it returns; else the row is removed a minute after it was lost");
}

static void explain_left(const struct muster_peer *peer, struct why *why) {
    snprintf(why->what, sizeof(why->what), "has left: it said bye %s ago",
             text_duration((int64_t)peer->age_ms).text);
    snprintf(why->rule, sizeof(why->rule), "a peer that says bye is gone until it starts again");
    snprintf(why->change, sizeof(why->change),
             "its next start brings it back; else the row is removed a minute after the bye");
}

static void explain_hearsay(const struct muster_peer *peer, struct why *why) {
    snprintf(why->what, sizeof(why->what), "was not heard here: another peer told of it %s ago",
             text_duration((int64_t)peer->since_ms).text);
    snprintf(why->rule, sizeof(why->rule),
             "a row that another peer passed on is provisional until its own word was heard");
    snprintf(why->change, sizeof(why->change),
             "its answer makes the row its own; silence, though it is asked, makes it lost");
}

void why_explain(const struct muster_peer *peer, size_t rows, struct why *why) {
    const unsigned patience = why_patience(peer->loss, rows);
    if (peer->self) {
        snprintf(why->what, sizeof(why->what), "is the muster that was asked, on this host");
        snprintf(why->rule, sizeof(why->rule), "a muster lists itself; whether others hear it they know");
        snprintf(why->change, sizeof(why->change), "its end");
    } else if (peer->state == MUSTER_LEFT) {
        explain_left(peer, why);
    } else if (peer->state == MUSTER_LOST) {
        explain_lost(peer, why);
    } else if (peer->provisional) {
        explain_hearsay(peer, why);
    } else if (peer->state == MUSTER_SUSPECT) {
        explain_suspect(peer, patience, why);
    } else {
        explain_alive(peer, patience, why);
    }
}

static bool is_silent(const struct muster_peer *peer) {
    return peer->state == MUSTER_SUSPECT || peer->state == MUSTER_LOST;
}

void why_blame_this_host(const struct muster_peer *peer, const struct muster_peer_list *table,
                         bool has_network, struct why *why) {
    const size_t used = strlen(why->rule);
    size_t silent = 0;
    size_t others = 0;
    for (size_t i = 0; i < table->count; i++) {
        others += table->peers[i].self || table->peers[i].state == MUSTER_LEFT ? 0 : 1;
        silent += is_silent(&table->peers[i]) ? 1 : 0;
    }
    if (!is_silent(peer)) {
        return;
    }
    if (!has_network) {
        snprintf(why->rule + used, sizeof(why->rule) - used,
                 "; but this host has no network: look here first (muster doctor)");
    } else if (silent > 1 && silent == others) {
        snprintf(why->rule + used, sizeof(why->rule) - used,
                 "; but all %zu other peers are silent: look here first (muster doctor)", silent);
    }
}
