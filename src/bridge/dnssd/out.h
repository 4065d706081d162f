/* SPDX-License-Identifier: MIT */
/* From muster to DNS-SD: services of peers, registered with Avahi. */
#pragma once

#include <stdbool.h>

#include <avahi-client/client.h>
#include <muster/core.h>

#include "settings.h"

struct out_service;
struct out_host;

struct out {
    const struct settings *settings;
    AvahiClient *avahi; /* NULL: not up */
    struct out_service *services;
    struct out_host *hosts;
    bool has_told_cut;

    unsigned long renamed; /* since the start: another service had the name */
    unsigned long cut;     /* services whose TXT was shortened or has names that no key can have */
    unsigned long refused; /* times that Avahi took one not */
};

void out_init(struct out *out, const struct settings *settings);

/* Avahi is up: all is registered. NULL: it is not, or its host name changes; nothing is. */
void out_use(struct out *out, AvahiClient *avahi);

/* Carries the services of this peer, as they are now, but for those that have an origin. is_here: it runs on
 * this host, whose name Avahi knows. */
void out_take(struct out *out, const struct muster_peer *peer, bool is_here);

/* Carries those of the peer no longer. */
void out_drop(struct out *out, const uint8_t id[MUSTER_ID_BYTES]);

/* Services that are registered now, or, without Avahi, would be. */
unsigned long out_count(const struct out *out);

/* What would be carried: calls on_service for each. */
void out_list(const struct out *out,
              void (*on_service)(const char *name, const char *type, uint16_t port, const char *host,
                                 void *context),
              void *context);

void out_deinit(struct out *out);
