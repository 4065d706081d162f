#include "countdown.h"

#include <cjson/cJSON.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void __real_free(void *memory);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);

static unsigned long left;
static int has_failed;
static unsigned long allocations;

static int fails(void) {
    allocations++;
    if (left == 0 || --left > 0) {
        return 0;
    }
    has_failed = 1;
    return 1;
}

void *__wrap_malloc(size_t size) {
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size) {
    return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size) {
    return fails() ? NULL : __real_realloc(old, size);
}

void countdown_set(unsigned long n) {
    /* cJSON is a library of its own, which --wrap does not reach. */
    cJSON_Hooks hooks = {.malloc_fn = __wrap_malloc, .free_fn = NULL};
    cJSON_InitHooks(n == 0 ? NULL : &hooks);
    left = n;
    has_failed = 0;
}

int countdown_has_failed(void) {
    return has_failed;
}

unsigned long countdown_count(void) {
    return allocations;
}

void *countdown_malloc(size_t size) {
    return __real_malloc(size);
}
