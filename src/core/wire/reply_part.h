/* One part of an answer, between who cuts bytes into parts and who reads them. */
#ifndef CORE_REPLY_PART_H
#define CORE_REPLY_PART_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "reply.h"

/* Lines that may follow one part: an announce, its signature, a body. */
#define REPLY_LINES_MAX 3

/* Length of so many lines, 0 when they are not all there. */
static inline size_t reply_lines_length(const uint8_t *bytes, size_t length, size_t lines) {
    size_t used = 0;
    for (; lines > 0; lines--) {
        const uint8_t *end = used == length ? NULL : memchr(bytes + used, '\n', length - used);
        if (end == NULL) {
            return 0;
        }
        used = (size_t)(end - bytes) + 1;
    }
    return used;
}

/* Reads the part that the reader holds whole. False with the reason. */
bool reply_read_part(struct reply_reader *reader, struct reply *reply, enum muster_drop *reason);

#endif
