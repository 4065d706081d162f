/* SPDX-License-Identifier: MIT */
/* seccomp(2), by libseccomp: which system calls the process may make. */
#pragma once

#include <stdbool.h>

#include "confine.h"

/* Confines all threads. False: this build or the kernel has no filters, and nothing was changed. */
bool calls_confine(const struct confinement *confinement);

bool calls_are_confinable(void);
