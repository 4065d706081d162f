/* SPDX-License-Identifier: MIT */
#include "near.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* Longer names are compared up to here. */
#define COMPARED_MAX 255

/* The characters to insert, delete or exchange (Levenshtein). */
static size_t distance(const char *left, const char *right) {
    size_t row[COMPARED_MAX + 1];
    const size_t left_length = strnlen(left, COMPARED_MAX);
    const size_t right_length = strnlen(right, COMPARED_MAX);
    for (size_t j = 0; j <= right_length; j++) {
        row[j] = j;
    }
    for (size_t i = 1; i <= left_length; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= right_length; j++) {
            const size_t exchanged = diagonal + (left[i - 1] != right[j - 1] ? 1 : 0);
            const size_t moved = 1 + (row[j] < row[j - 1] ? row[j] : row[j - 1]);
            diagonal = row[j];
            row[j] = exchanged < moved ? exchanged : moved;
        }
    }
    return row[right_length];
}

/* How far a name is from the wanted one; SIZE_MAX: too far. A part of it is nearer than a whole other name.
 */
static size_t rate(const char *wanted, const char *name) {
    const size_t length = strlen(wanted);
    if (name[0] == '\0') {
        return SIZE_MAX;
    }
    if (length > 1 && (strstr(name, wanted) != NULL || strstr(wanted, name) != NULL)) {
        return 1;
    }
    const size_t letters = length - strspn(wanted, "-"); /* of an option */
    const size_t away = distance(wanted, name);
    return away <= 1 + letters / 3 && 2 * away <= letters ? 1 + away : SIZE_MAX;
}

void near_offer(struct near *near, const char *name) {
    const size_t away = rate(near->wanted, name);
    size_t at = near->count;
    for (size_t i = 0; i < near->count; i++) {
        if (strcmp(near->names[i], name) == 0) {
            return;
        }
    }
    while (at > 0 && near->distances[at - 1] > away) {
        at--;
    }
    if (away == SIZE_MAX || at == NEAR_NAMES_MAX) {
        return;
    }
    near->count += near->count < NEAR_NAMES_MAX ? 1 : 0;
    for (size_t i = near->count - 1; i > at; i--) {
        near->names[i] = near->names[i - 1];
        near->distances[i] = near->distances[i - 1];
    }
    near->names[at] = name;
    near->distances[at] = away;
}

struct near_text near_text(const struct near *near) {
    struct near_text text = {""};
    for (size_t i = 0; i < near->count; i++) {
        const size_t length = strlen(text.text);
        const char *before = i == 0 ? "; did you mean " : i + 1 < near->count ? ", " : " or ";
        snprintf(text.text + length, sizeof(text.text) - length, "%s'%s'%s", before, near->names[i],
                 i + 1 == near->count ? "?" : "");
    }
    return text;
}
