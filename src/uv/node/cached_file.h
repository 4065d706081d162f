/* SPDX-License-Identifier: MIT */
/* What the node keeps for others, and what it is to retain of what it published for other programs, in a file
 * of its slot: who comes after a restart is given it, too. A part of the node (part.h). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "log.h"
#include "part.h"
#include "slot.h"

/* Zeroed: there is no file. */
struct cached_file {
    const struct part_context *context;
    const struct slot *slot;
    const struct log *log;
    bool is_used;
    uint64_t saved;    /* changes that are in the file, */
    uint64_t retained; /* and of what it is to retain */
    size_t bytes;      /* of the file, the last time */
    uint64_t due_ms;   /* when others are to be written; 0: there are none */
    bool has_failed;   /* the last time to write */
};

/* Reads what was kept before, once there is a core. What can't be read is reported, and set aside. */
void cached_file_load(struct cached_file *file);

/* Writes what is new when that is due, and at the end at once. */
void cached_file_turn(struct cached_file *file);
void cached_file_close(struct cached_file *file);

uint64_t cached_file_due_ms(const struct cached_file *file);
