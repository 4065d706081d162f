/* SPDX-License-Identifier: MIT */
/* An allocator that fails on demand. It stands in for malloc, calloc, realloc and free of the code under
 * test, and for libsodium's malloc and free, by the linker's --wrap. */
#pragma once

#include <stddef.h>

/* The n-th allocation from now on fails (1: the next one), once; 0: none. */
void countdown_set(unsigned long n);

/* True when the failure has happened. */
int countdown_has_failed(void);

/* Calls run(context) with its first allocation failing, then with its second one, until none fails; behind
 * the n-th, n / passed further ones are passed over, unless passed is 0. Returns how many there are. What
 * run() does between countdown_begin() and countdown_end() counts; this says whether an allocation failed. */
unsigned long countdown_walk(void (*run)(void *context), void *context, unsigned long passed);
void countdown_begin(void);
int countdown_end(void);

/* Allocations so far; those of cJSON only while one is to fail. */
unsigned long countdown_count(void);

/* Bytes that the code under test has allocated and not freed; those of cJSON don't count. */
long countdown_bytes(void);

/* Memory of the test itself, which is not counted. */
void *countdown_malloc(size_t size);
void *countdown_realloc(void *old, size_t size);
void countdown_free(void *memory);
