/* SPDX-License-Identifier: MIT */
/* The evidence that rules judge, and what it says when it is taken together. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "facts.h"
#include "hidden.h"
#include "live.h"
#include "text.h"

/* Questions that must have gone unheard before a path is called cut. */
#define EVIDENCE_ENOUGH 4

struct evidence {
    const struct facts *facts;
    const struct live *live;
    uint16_t port;      /* of the control group */
    unsigned explained; /* topics, by the verdicts so far; 0 at the start */
    struct trusted trusted;
};

/* What all peers of other machines say together, on one interface or (0) on all. */
struct others {
    unsigned peers;
    unsigned answering;
    unsigned with_ipv6;                /* of those that answer */
    unsigned asked[MUSTER_PATH_KINDS]; /* to the group: that were answered, or all where only unicast is */
    unsigned reached[MUSTER_PATH_KINDS];
    unsigned heard[MUSTER_PATH_KINDS];
    unsigned called;
    const struct muster_probe_peer *first; /* that answers */
};

/* The first line of the node that has these words; NULL: there is none. */
const char *evidence_find_line(const struct evidence *evidence, const char *words);

/* True when the node has a path on the interface of this name. */
bool evidence_is_used(const struct evidence *evidence, const char *name);

/* The n-th interface in use that a test is true for; NULL: there are no more. */
const struct facts_interface *evidence_find_used(const struct evidence *evidence, size_t n,
                                                 bool (*test)(const struct facts_interface *));

/* The same of all interfaces where none is in use. The loopback is never among them. */
const struct facts_interface *evidence_find_unused(const struct evidence *evidence, size_t n,
                                                   bool (*test)(const struct facts_interface *));

/* The first path of the kind by which this node did not hear itself; NULL: there is none. */
const struct muster_probe_path *evidence_find_cut_loop(const struct evidence *evidence,
                                                       enum muster_path_kind kind);
bool evidence_is_loop_cut(const struct evidence *evidence, enum muster_path_kind kind);

/* Sums up what a report has of others, on one interface or (0) on all. */
struct others evidence_sum_others(const struct evidence *evidence, const struct muster_probe_report *report,
                                  uint32_t interface);

/* True when the muster that runs here lost this peer, or suspects it, and the probe did not find it either.
 */
bool evidence_is_gone(const struct evidence *evidence, const struct live_known *known);

/* "nas (10.0.0.2)", or its address alone where the name is not known; by value. */
struct text_line evidence_peer_text(const struct muster_probe_peer *peer);
