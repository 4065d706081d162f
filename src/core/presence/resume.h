/* SPDX-License-Identifier: MIT */
/* What follows when the machine was suspended, or this node's paths changed: the others are asked and told
 * anew. Many are suspended at once, as in a paused cluster: so a crowd spreads this, and nobody does it twice
 * within MUSTER_RESUME_MS. */
#pragma once

#include <stdint.h>

struct presence;

struct resume {
    uint64_t begin_ms;    /* when the others are told, and asking is planned; UINT64_MAX: not */
    uint64_t ask_ms;      /* when they are asked; UINT64_MAX: not */
    uint64_t earliest_ms; /* when the next one may begin */
};

/* None is under way. */
void resume_init(struct resume *resume);

/* This machine was suspended for so long, or (0) the paths changed: nobody's silence before now counts, and
 * the others are told and asked. */
void resume_begin(struct presence *presence, uint64_t asleep_ms);

/* Tells and asks when that is due. Returns when something is due next. */
uint64_t resume_tick(struct presence *presence);
