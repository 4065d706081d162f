/* SPDX-License-Identifier: MIT */
#include "countdown.h"

#include <malloc.h>

#include <cjson/cJSON.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void __real_free(void *memory);
void __wrap_free(void *memory);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
void *__real_sodium_malloc(size_t size);
void __real_sodium_free(void *memory);
void *__wrap_sodium_malloc(size_t size);
void __wrap_sodium_free(void *memory);

static unsigned long left;
static int has_failed;
static unsigned long allocations;
static long bytes;

static int fails(void) {
    allocations++;
    if (left == 0 || --left > 0) {
        return 0;
    }
    has_failed = 1;
    return 1;
}

static void *record(void *memory) {
    bytes += (long)malloc_usable_size(memory);
    return memory;
}

void *__wrap_malloc(size_t size) {
    return fails() ? NULL : record(__real_malloc(size));
}

void *__wrap_calloc(size_t count, size_t size) {
    return fails() ? NULL : record(__real_calloc(count, size));
}

void *__wrap_realloc(void *old, size_t size) {
    if (fails()) {
        return NULL;
    }
    bytes -= (long)malloc_usable_size(old);
    return record(__real_realloc(old, size));
}

void __wrap_free(void *memory) {
    bytes -= (long)malloc_usable_size(memory);
    __real_free(memory);
}

/* It has pages of its own, and counts as one byte. */
void *__wrap_sodium_malloc(size_t size) {
    void *memory = fails() ? NULL : __real_sodium_malloc(size);
    bytes += memory != NULL ? 1 : 0;
    return memory;
}

void __wrap_sodium_free(void *memory) {
    bytes -= memory != NULL ? 1 : 0;
    __real_sodium_free(memory);
}

/* cJSON is a library of its own, which --wrap does not reach: while an allocation is to fail, it asks here.
 */
static void *malloc_for_cjson(size_t size) {
    return fails() ? NULL : __real_malloc(size);
}

void countdown_set(unsigned long n) {
    cJSON_Hooks hooks = {.malloc_fn = malloc_for_cjson, .free_fn = NULL};
    cJSON_InitHooks(n == 0 ? NULL : &hooks);
    left = n;
    has_failed = 0;
}

int countdown_has_failed(void) {
    return has_failed;
}

static unsigned long walked; /* the allocation that fails in this run */
static int has_failed_in_run;

unsigned long countdown_walk(void (*run)(void *context), void *context, unsigned long passed) {
    walked = 0;
    do {
        walked += 1 + (passed == 0 ? 0 : walked / passed);
        run(context);
    } while (has_failed_in_run);
    return walked - 1;
}

void countdown_begin(void) {
    countdown_set(walked);
}

int countdown_end(void) {
    has_failed_in_run = has_failed;
    countdown_set(0);
    return has_failed_in_run;
}

unsigned long countdown_count(void) {
    return allocations;
}

long countdown_bytes(void) {
    return bytes;
}

void *countdown_malloc(size_t size) {
    return __real_malloc(size);
}

void *countdown_realloc(void *old, size_t size) {
    return __real_realloc(old, size);
}

void countdown_free(void *memory) {
    __real_free(memory);
}
