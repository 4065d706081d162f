/* SPDX-License-Identifier: MIT */
/* What the command line asks for. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "knobs.h"

struct scenario;

struct options {
    const struct scenario *scenario; /* NULL: those that are run over many seeds */
    struct knobs knobs;
    uint64_t seed;
    uint64_t seeds;      /* so many, from seed on */
    double soak_minutes; /* 0: by number of seeds */
    uint64_t soak_runs;  /* a soak that made so many runs, */
    double soak_hours;   /* and so many virtual hours, is over; both 0: it lasts all its minutes */
    bool is_listing;
    bool is_traced;
    bool is_quiet; /* nothing of runs that held */
    bool is_replayed;
    bool is_strict;
};

/* Exits with 0 after --help, with 2 when the command line is wrong. */
void options_read(struct options *options, int count, char **arguments);
