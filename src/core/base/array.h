/* SPDX-License-Identifier: MIT */
/* Arrays on the heap that grow by doubling, up to a bound. */
#pragma once

#include <stddef.h>

/* Makes room for one element of this size behind the first count of items. Returns where they are from now
 * on; NULL when there are count_max already, or without memory: then they are where they were. */
void *array_reserve(void *items, size_t size, size_t *capacity, size_t count, size_t count_max);
