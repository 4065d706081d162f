/* SPDX-License-Identifier: MIT */
#include "lines.h"

#include <string.h>

char *lines_room(struct lines *lines, size_t *size) {
    memmove(lines->bytes, lines->bytes + lines->begin, lines->end - lines->begin);
    lines->end -= lines->begin;
    lines->begin = 0;
    *size = sizeof(lines->bytes) - lines->end;
    return lines->bytes + lines->end;
}

void lines_filled(struct lines *lines, size_t length) {
    lines->end += length;
}

void lines_end(struct lines *lines) {
    lines->ended = true;
}

/* Finds the end of the line that begins at an offset: its LF, or, for the last line, the end of the bytes.
 * False when the line is not whole. */
static bool find_end(const struct lines *lines, size_t begin, size_t *end) {
    const char *feed = memchr(lines->bytes + begin, '\n', lines->end - begin);
    *end = feed != NULL ? (size_t)(feed - lines->bytes) : lines->end;
    return feed != NULL || (lines->ended && begin < lines->end);
}

/* The offset behind the LF at `end`, or `end` where there is no LF. */
static size_t behind(const struct lines *lines, size_t end) {
    return end < lines->end ? end + 1 : end;
}

/* Skips the rest of a line that was too long. False while its end is not there. */
static bool skip(struct lines *lines) {
    size_t end;
    if (lines->skips) {
        lines->skips = !find_end(lines, lines->begin, &end);
        lines->begin = behind(lines, end);
    }
    return !lines->skips;
}

/* Skips a byte order mark before the first line. False while too few bytes are there to tell. */
static bool begin(struct lines *lines) {
    static const char mark[] = "\xEF\xBB\xBF";
    const size_t length = sizeof(mark) - 1;
    const size_t there = lines->end - lines->begin;
    if (lines->begun || (there > 0 && memcmp(lines->bytes, mark, there < length ? there : length) != 0)) {
        lines->begun = true;
    } else if (there >= length) {
        lines->begin += length;
        lines->begun = true;
    }
    return lines->begun || lines->ended;
}

enum lines_result lines_next(struct lines *lines, const char **line, size_t *length) {
    size_t end;
    if (!begin(lines) || !skip(lines)) {
        return LINES_NONE;
    }
    bool is_whole = find_end(lines, lines->begin, &end);
    *line = lines->bytes + lines->begin;
    *length = end - lines->begin;
    bool is_too_long = *length > LINES_BYTES_MAX;
    if (!is_whole && !is_too_long) {
        return LINES_NONE;
    }
    lines->number++;
    lines->skips = !is_whole;
    lines->begin = behind(lines, end);
    return is_too_long ? LINES_TOO_LONG : LINES_ONE;
}

uint64_t lines_number(const struct lines *lines) {
    return lines->number;
}

bool lines_peek(const struct lines *lines, size_t *ahead, const char **line, size_t *length) {
    size_t begin = lines->begin + *ahead;
    size_t end;
    if (lines->skips || !find_end(lines, begin, &end) || end - begin > LINES_BYTES_MAX) {
        return false;
    }
    *line = lines->bytes + begin;
    *length = end - begin;
    *ahead = behind(lines, end) - lines->begin;
    return true;
}
