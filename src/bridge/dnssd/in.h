/* SPDX-License-Identifier: MIT */
/* From DNS-SD to muster: services that Avahi lists, resolved. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <avahi-client/client.h>
#include <avahi-client/lookup.h>
#include <muster/core.h>
#include <uv.h>

#include "settings.h"

#define IN_ORIGIN "dnssd"

struct in_type;
struct in_service;

struct in {
    const struct settings *settings;
    AvahiClient *avahi;       /* NULL: not browsing */
    const char *const *types; /* as muster writes them, "ipp"; none: all that Avahi lists */
    size_t type_count;
    AvahiServiceTypeBrowser *all; /* NULL: types are named */
    uint64_t asked_ms;
    struct in_type *browsed;
    size_t browsed_count;
    struct in_service *services;
    size_t service_count;
    uv_timer_t tick;
    void (*on_change)(void *context); /* in_list() has something else to say, soon or now */
    void *context;

    unsigned long refused; /* since the start: types and services that muster has no place for */
};

/* Borrows what it is given. */
void in_init(struct in *in, const struct settings *settings, uv_loop_t *loop, const char *const *types,
             size_t type_count, void (*on_change)(void *context), void *context);

/* Begins to browse; NULL: ends it, and forgets all services. The same client again changes nothing. */
void in_use(struct in *in, AvahiClient *avahi);

/* Services that are to be carried, and how many muster has no place for: without a port, with a name that it
 * does not allow, or the same twice. They point into `in`, and are valid until the loop runs. *services has
 * room for one more, and is for free(). MUSTER_ENOMEM. */
int in_list(const struct in *in, struct muster_service **services, size_t *count, size_t *not_allowed);

/* True if all that is listed is resolved. */
bool in_is_resolved(const struct in *in);

/* Services that are listed and were not resolved: how many, and the first of them, "Printer._ipp._tcp, …".
 * Returns text. */
const char *in_unresolved(const struct in *in, unsigned long *count, char text[MUSTER_VALUE_BYTES_MAX + 1]);

/* The loop has to run once more. */
void in_close(struct in *in);
