/* SPDX-License-Identifier: MIT */
/* The tables that scenario.c puts together. The last row of each has no name. */
#pragma once

#include "scenario.h"

extern const struct scenario scenarios_start[];
extern const struct scenario scenarios_crowd[];
extern const struct scenario scenarios_network[];
extern const struct scenario scenarios_host[];
extern const struct scenario scenarios_mixed[];
extern const struct scenario scenarios_attack[];
