/* SPDX-License-Identifier: MIT */
#include "knobs.h"

#include <math.h>
#include <string.h>

#include "chance.h"

struct knob_row {
    const char *name;
    const char *text;
    struct knob_range range;
    double most;
};

static const struct knob_row rows[KNOB_COUNT] = {
#define KNOB_ROW(name, text, meaning, low, high, most) {text, meaning, {low, high}, most},
    KNOBS(KNOB_ROW)
#undef KNOB_ROW
};

const char *knob_name(enum knob knob) {
    return rows[knob].name;
}

const char *knob_text(enum knob knob) {
    return rows[knob].text;
}

double knob_most(enum knob knob) {
    return rows[knob].most;
}

enum knob knob_find(const char *name) {
    int knob = 0;
    while (knob < KNOB_COUNT && strcmp(rows[knob].name, name) != 0) {
        knob++;
    }
    return (enum knob)knob;
}

static bool is_whole(double value) {
    return value == floor(value);
}

/* Each knob is drawn, so that setting one changes no other. A range of whole numbers beyond 1 gives whole
 * ones. */
void knobs_draw(struct knobs *knobs, const struct knob_range ranges[KNOB_COUNT], struct chance *chance) {
    for (int knob = 0; knob < KNOB_COUNT; knob++) {
        bool is_given = ranges[knob].low != 0 || ranges[knob].high != 0;
        const struct knob_range *range = is_given ? &ranges[knob] : &rows[knob].range;
        bool is_count = is_whole(range->low) && is_whole(range->high) && range->high > 1;
        double value = chance_between(chance, range->low, range->high);
        if (!knobs->is_set[knob]) {
            knobs->values[knob] = is_count ? round(value) : value;
        }
    }
}

void knobs_print(const struct knobs *knobs, FILE *file) {
    for (int knob = 0; knob < KNOB_COUNT; knob++) {
        fprintf(file, "%s%s=%.4g", knob == 0 ? "" : " ", rows[knob].name, knobs->values[knob]);
    }
    fputc('\n', file);
}
