/* SPDX-License-Identifier: MIT */
#include "memory.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

static void *check(void *memory) {
    if (memory == NULL) {
        fputs("sim: out of memory\n", stderr);
        exit(2);
    }
    return memory;
}

void *memory_new(size_t bytes) {
    return check(calloc(1, bytes));
}

void *memory_resize(void *memory, size_t bytes) {
    return check(realloc(memory, bytes));
}

size_t memory_used(void) {
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}
