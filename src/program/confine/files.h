/* SPDX-License-Identifier: MIT */
/* Landlock (Linux 5.13): where the process may write. */
#pragma once

#include <stdbool.h>

#include "confine.h"

/* Confines this thread and those that it starts. False: the kernel has no Landlock, or nothing was changed.
 */
bool files_confine(const struct confinement *confinement);

bool files_are_confinable(void);
