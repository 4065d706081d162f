/* SPDX-License-Identifier: MIT */
/* Loss of one sender's numbered messages, over the last 64 of them. */
#pragma once

#include <stdint.h>

#define LOSS_WINDOW 64

struct loss {
    uint64_t came; /* bit i: the message i before the last one came */
    unsigned span; /* messages judged so far, at most LOSS_WINDOW */
};

/* The first message of a sender. */
void loss_begin(struct loss *loss);

/* A message came whose number is `gap` (1 or more) above the last one. */
void loss_advance(struct loss *loss, uint64_t gap);

/* Share of messages that did not come, 0..1. */
double loss_ratio(const struct loss *loss);

/* Loss over all senders, slowly forgetting: what is to be expected of a sender of whom little is known. */
struct loss_mean {
    double expected;
    double missed;
};

void loss_mean_add(struct loss_mean *mean, uint64_t gap);
double loss_mean_ratio(const struct loss_mean *mean);
