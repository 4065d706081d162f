/* SPDX-License-Identifier: MIT */
/* Why a peer is in the table as it is: the rule that holds (PROTOCOL.md, sections 7 and 8), and what would
 * change it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <muster/muster.h>

struct why {
    char what[320];   /* "is alive: it was heard 0.2s ago, …", behind its name */
    char rule[512];   /* "a peer is alive as long as it keeps its promises; …" */
    char change[256]; /* "it becomes suspect …" */
};

/* Explains a row of a table that has so many rows present. */
void why_explain(const struct muster_peer *peer, size_t rows, struct why *why);

/* Adds to the rule of a row of this table, where it is suspect or lost, that the cause may be this host: it
 * has no network, or all others fell silent, too. */
void why_blame_this_host(const struct muster_peer *peer, const struct muster_peer_list *table,
                         bool has_network, struct why *why);

/* Broken promises in a row after which a peer of this loss is suspect, in a table of so many rows. */
unsigned why_patience(double loss, size_t rows);
