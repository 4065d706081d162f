/* SPDX-License-Identifier: MIT */
/* Memory of the simulator itself. Where there is none the program ends. */
#pragma once

#include <stddef.h>

/* Zeroed memory, to be freed by free(). */
void *memory_new(size_t bytes);

/* As realloc(). */
void *memory_resize(void *memory, size_t bytes);

/* What all of the process took and did not free, of whatever size. */
size_t memory_used(void);
