/* SPDX-License-Identifier: MIT */
#include "loss.h"

/* Messages after which the mean has forgotten half. */
#define MEAN_MEMORY 4096

void loss_begin(struct loss *loss) {
    loss->came = 1;
    loss->span = 1;
}

void loss_advance(struct loss *loss, uint64_t gap) {
    loss->came = gap < LOSS_WINDOW ? loss->came << gap | 1 : 1;
    loss->span = gap < LOSS_WINDOW - loss->span ? loss->span + (unsigned)gap : LOSS_WINDOW;
}

double loss_ratio(const struct loss *loss) {
    unsigned came = (unsigned)__builtin_popcountll(loss->came);
    return loss->span == 0 ? 0 : (double)(loss->span - came) / loss->span;
}

void loss_mean_add(struct loss_mean *mean, uint64_t gap) {
    /* A sender that was gone for long says nothing of the links of the others. */
    uint64_t counted = gap < LOSS_WINDOW ? gap : LOSS_WINDOW;
    mean->expected += (double)counted;
    mean->missed += (double)counted - 1;
    if (mean->expected > MEAN_MEMORY) {
        mean->expected /= 2;
        mean->missed /= 2;
    }
}

double loss_mean_ratio(const struct loss_mean *mean) {
    return mean->expected > 0 ? mean->missed / mean->expected : 0;
}
