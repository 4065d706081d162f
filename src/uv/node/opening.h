/* SPDX-License-Identifier: MIT */
/* Opens a node: all that can be refused comes before the loop is touched. */
#pragma once

#include <muster/muster.h>

#include "log.h"

/* Makes a node that is not on a loop, for runner_start() or runner_free(). Errors of muster_open(), with an
 * error line. */
int opening_prepare(const struct muster_options *options, const struct log *log, muster_t **node);
