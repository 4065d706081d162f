/* SPDX-License-Identifier: MIT */
/* The file FILE-reserve beside a recording. It is locked as long as a recorder keeps the recording. It holds
 * blocks of the disk, which are given back when the disk is full: without them nothing could be finished. */
#pragma once

#include <stdint.h>

#include "reason.h"

/* Zeroed: closed. */
struct reserve {
    char *path; /* NULL: closed */
    int fd;
    uint64_t bytes; /* that it holds */
};

/* Opens and locks it, and fills it with so many bytes. 0, or -1 with a reason: another recorder keeps the
 * recording, or the disk has no room. */
int reserve_open(struct reserve *reserve, const char *recording, uint64_t bytes, struct reason *reason);

/* Gives blocks back, all but so many bytes, and keeps the lock. */
void reserve_reduce(struct reserve *reserve, uint64_t bytes);

/* Removes the file. */
void reserve_close(struct reserve *reserve);
