/* SPDX-License-Identifier: MIT */
/* Names of the values of an enum, as the wire and people write them. */
#pragma once

#include <stddef.h>

#define NAME_UNKNOWN "unknown" /* of a value that has none */

/* The names of the values 0, 1 and so on. */
struct name_table {
    const char *const *names;
    size_t count;
};

/* Of a static array of names. */
#define NAME_TABLE(array) \
    { .names = (array), .count = sizeof(array) / sizeof *(array) }

/* Those of core.h. */
extern const struct name_table name_paths;
extern const struct name_table name_states;
extern const struct name_table name_peer_events;

const char *name_get(const struct name_table *table, size_t value);

/* The value of this name; -1 when there is none, or the text is NULL. */
int name_find(const struct name_table *table, const char *text);
