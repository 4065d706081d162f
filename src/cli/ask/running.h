/* SPDX-License-Identifier: MIT */
/* The musters that run here already. */
#pragma once

#include <stdbool.h>

#include <stddef.h>

#include <muster/muster.h>

#include "draft.h"
#include "reason.h"
#include "settings.h"

/* More are not listed. */
#define RUNNING_MAX 16

/* True when the muster of an instance (NULL: any) runs and answers at once. */
bool running_answers(const struct settings *settings, const char *instance);

/* Names a peer that a command runs beside a muster announce: after the host, with "+" and the command behind
 * it where any muster runs here. -1 with a reason. */
int running_take_name(const struct settings *settings, const char *command, struct draft *draft,
                      struct reason *reason);

/* One that answered. */
struct running_muster {
    char instance[MUSTER_NAME_BYTES_MAX + 1]; /* as --instance takes it */
    bool is_guest;                            /* it was named by running_take_name(), and is no announce */
};

struct running_list {
    struct running_muster musters[RUNNING_MAX]; /* in the order of `skip` (session.h) */
    size_t count;
    size_t announces; /* how many of them are no guests */
    size_t first;     /* the first of these; 0 where there is none */
    bool is_silent;   /* there is one more, which does not answer */
};

/* Asks all musters that the settings mean. */
void running_list(const struct settings *settings, struct running_list *list);

/* "a, b and c": those that are no guests, safe for a terminal; "" for none. */
struct running_text {
    char text[RUNNING_MAX * (MUSTER_TEXT_SAFE_BYTES(MUSTER_NAME_BYTES_MAX) + 8)];
};
struct running_text running_text(const struct running_list *list);
