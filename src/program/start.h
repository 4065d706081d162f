/* SPDX-License-Identifier: MIT */
/* What only a start of muster announce can set; options say it, and files (config.h). */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <muster/core.h>

#include "reason.h"
#include "value.h"

/* All zero says nothing. */
struct start {
    char instance[MUSTER_NAME_BYTES_MAX + 1];
    uint64_t interval_ms;
    struct value_texts interfaces;
    uint8_t site_ttl; /* 0: to many of the link alone */
    uint16_t port;
    enum muster_trust trust;   /* whom to list; MUSTER_TRUST_ANY says nothing */
    struct value_texts peers;  /* static ones */
    struct value_texts caches; /* patterns, MUSTER_CACHES_MAX at most */
};

/* An alternative name of an interface (ALTIFNAMSIZ), and a mark before it. */
#define START_INTERFACE_BYTES_MAX 128

/* The TTL to a site where none is said: few routers. */
#define START_SITE_TTL 16

/* args_option.parse of the instance (also of other commands), the interval, the trust, one more interface,
 * "link" or "site" (a TTL), and one more pattern to keep. */
int start_parse_instance(const char *text, void *place_instance, struct reason *reason);
int start_parse_interval(const char *text, void *place_uint64_ms, struct reason *reason);
int start_parse_trust(const char *text, void *place_trust, struct reason *reason);
int start_parse_interface(const char *text, void *place_value_texts, struct reason *reason);
int start_parse_scope(const char *text, void *place_ttl, struct reason *reason);
int start_parse_cache(const char *text, void *place_value_texts, struct reason *reason);

/* Takes what `from` says where `start` says nothing. */
void start_fill(struct start *start, const struct start *from);

/* Calls on_change for each member, by its name in files, that two starts say differently. */
void start_compare(const struct start *a, const struct start *b,
                   void (*on_change)(const char *member, void *context), void *context);
