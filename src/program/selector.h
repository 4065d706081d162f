/* SPDX-License-Identifier: MIT */
/* What users write to mean peers: a service type, a name, the beginning of an id. */
#pragma once

#include <stdbool.h>

#include <muster/core.h>

#include "reason.h"

/* Hexadecimal digits from which on a text without "id:" is taken for the beginning of an id. */
#define SELECTOR_ID_DIGITS_MIN 4

/* The ways a text is taken, as bits. */
enum selector_kind {
    SELECTOR_TYPE = 1 << 0,    /* has a service of this type */
    SELECTOR_NAME = 1 << 1,    /* has this very name */
    SELECTOR_GLOB = 1 << 2,    /* has a name that this shell pattern matches */
    SELECTOR_ID = 1 << 3,      /* has an id that begins so */
    SELECTOR_ADDRESS = 1 << 4, /* was heard from this address */
};

/* All that can mean a peer itself. */
#define SELECTOR_PEER (SELECTOR_NAME | SELECTOR_GLOB | SELECTOR_ID | SELECTOR_ADDRESS)

/* Zeroed: everybody is meant. */
struct selector {
    unsigned kinds;                 /* any of these ways is enough */
    const char *text;               /* borrowed from the text that was parsed; NULL: all are meant */
    char lower[33];                 /* of type or id, in lower case */
    struct muster_endpoint address; /* its port does not count */
    bool ignores_case;              /* of names */
};

/* Parses "type:TEXT", "name:TEXT", "id:TEXT", or TEXT alone, which is taken in every one of the ways in
 * `bare` for which it has the right form. The explicit forms are always understood; name: is a pattern
 * too. Returns 0, or -1 with a reason. */
int selector_parse(const char *text, unsigned bare, struct selector *selector, struct reason *reason);

/* True for a peer that is meant by name, id, or any of its services; of those that it brought from elsewhere
 * by "printer~dnssd", too. */
bool selector_matches_peer(const struct selector *selector, const struct muster_peer *peer);

/* True for a service that is meant itself, by its type, or with all others of its peer. One that was brought
 * from elsewhere is meant by "printer~dnssd" and its own addresses, not by its peer's name. */
bool selector_matches_service(const struct selector *selector, const struct muster_peer *peer,
                              const struct muster_service *service);

/* True when a selector means a peer of a list. */
bool selector_matches_any(const struct selector *selector, const struct muster_peer_list *list);

/* Sees to it that a text that matches no peer of a list as it is written matches names in upper or lower
 * case. */
void selector_settle(struct selector *selector, const struct muster_peer_list *list);

/* The same, and of several ways in which a text matches takes the one that says most: the very name, then in
 * another case, then an address, an id, a pattern. */
void selector_narrow(struct selector *selector, const struct muster_peer_list *list);
