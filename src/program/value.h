/* SPDX-License-Identifier: MIT */
/* Values as users write them: numbers, times, words, lists. Those that take a place are args_option.parse:
 * they write to the place and return 0, or leave it alone and return -1 with a reason. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <muster/telemetry.h>

#include "reason.h"

#define VALUE_TIMEOUT_MS_MAX ((uint64_t)30 * 24 * 3600 * 1000)

#define VALUE_COUNT_MAX 1000000

/* How much of a refused value is quoted. */
#define VALUE_QUOTE "'%.64s'"

int value_flag(const char *text, void *place_bool, struct reason *reason);
int value_text(const char *text, void *place_const_char_pointer, struct reason *reason); /* not empty */
int value_count(const char *text, void *place_size_t, struct reason *reason);      /* 1..VALUE_COUNT_MAX */
int value_timeout(const char *text, void *place_uint64_ms, struct reason *reason); /* not 0 */

/* A decimal number in [min, max], nothing before or behind it. False, *number untouched, for all else. */
bool value_number(const char *text, uint64_t min, uint64_t max, uint64_t *number);

/* The same with a reason that calls it `what`, "a port". */
int value_range(const char *what, const char *text, uint64_t min, uint64_t max, uint64_t *number,
                struct reason *reason);

/* "5", "0.5", "500ms", "2s", "1m", "1h", a bare number being seconds, in [min_ms, max_ms]. */
int value_duration(const char *text, uint64_t min_ms, uint64_t max_ms, uint64_t *ms, struct reason *reason);

/* The index of a word; the reason lists all that there are, and those that may be meant. word(i) is the i-th,
 * NULL behind the last. */
int value_word(const char *text, const char *(*word)(size_t i), size_t *index, struct reason *reason);

/* Writes all words, separated, cut where size ends. Returns text. */
const char *value_join(const char *(*word)(size_t i), const char *separator, char *text, size_t size);

/* Copies the next item of "a,b,c", cut where size ends, and moves *list behind it, to NULL behind the last
 * one. False when *list is NULL. */
bool value_next_item(const char **list, char *item, size_t size);

/* Short texts, copied: names of interfaces, patterns. Zeroed: none. */
#define VALUE_TEXTS_MAX 32
struct value_texts {
    size_t count;
    char texts[VALUE_TEXTS_MAX][MUSTER_PATTERN_BYTES_MAX + 1];
};

/* Points at each text. Returns pointers, or NULL when there is none. */
const char *const *value_texts_pointers(const struct value_texts *texts,
                                        const char *pointers[VALUE_TEXTS_MAX]);

/* Texts that an option adds up, borrowed; the array is to be freed. A zeroed one is empty. */
struct value_list {
    const char **values;
    size_t count;
};

/* Adds a text. 0, or -1 with a reason when memory is out. */
int value_list_add(struct value_list *list, const char *text, struct reason *reason);
