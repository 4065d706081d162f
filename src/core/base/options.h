/* SPDX-License-Identifier: MIT */
/* Options of callers that were compiled with this version of the library, or with an older one. */
#pragma once

#include <stddef.h>

/* Every public options struct begins with `size_t size`. known has known_size bytes and holds the defaults;
 * the members that given has take their place, as far as its size says. MUSTER_EINVAL when that is no size at
 * all, or larger than known_size; then known is as before. */
int options_take(void *known, size_t known_size, const void *given);

/* Copies defaults, of defaults_size bytes, to options, of size bytes: what options has more is zero. */
void options_init(void *options, size_t size, const void *defaults, size_t defaults_size);
