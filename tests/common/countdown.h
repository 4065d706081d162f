/* An allocator that fails on demand. It stands in for malloc, calloc and realloc of the code under test by
 * the linker's --wrap. */
#ifndef TESTS_COUNTDOWN_H
#define TESTS_COUNTDOWN_H

#include <stddef.h>

/* The n-th allocation from now on fails (1: the next one), once; 0: none. */
void countdown_set(unsigned long n);

/* True when the failure has happened. */
int countdown_has_failed(void);

/* Allocations so far; those of cJSON only while one is to fail. */
unsigned long countdown_count(void);

/* Memory of the test itself, which is not counted. */
void *countdown_malloc(size_t size);

#endif
