/* SPDX-License-Identifier: MIT */
/* What only a start of muster announce can set; options say it, and files (config.h). */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <muster/core.h>
#include <muster/telemetry.h>

#include "reason.h"
#include "settings.h"

/* All zero says nothing. */
struct start {
    char instance[MUSTER_NAME_BYTES_MAX + 1];
    uint64_t interval_ms;
    char interfaces[SETTINGS_INTERFACES_MAX][MUSTER_INTERFACE_NAME_BYTES];
    size_t interface_count;
    uint16_t port;
    char caches[MUSTER_CACHES_MAX][MUSTER_PATTERN_BYTES_MAX + 1]; /* patterns */
    size_t cache_count;
};

/* args_option.parse of the instance (also of other commands), the interval, and one more pattern to keep. */
int start_parse_instance(const char *text, void *place_instance, struct reason *reason);
int start_parse_interval(const char *text, void *place_uint64_ms, struct reason *reason);
int start_parse_cache(const char *text, void *place_start, struct reason *reason);

/* Takes what `from` says where `start` says nothing. */
void start_fill(struct start *start, const struct start *from);

/* Calls on_change for each member, by its name in files, that two starts say differently. */
void start_compare(const struct start *a, const struct start *b,
                   void (*on_change)(const char *member, void *context), void *context);
