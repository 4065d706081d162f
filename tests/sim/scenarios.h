/* SPDX-License-Identifier: MIT */
/* The tables that scenario.c puts together. The last row of each has no name. */
#pragma once

#include "scenario.h"

extern const struct scenario scenarios_start[];
