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

/* ---- packs over several lines ---- */

enum more { MORE_NO, MORE_YES, MORE_UNKNOWN };

static size_t skip_blanks(const struct lines *lines, size_t at) {
    while (at < lines->end &&
           (lines->bytes[at] == ' ' || lines->bytes[at] == '\t' || lines->bytes[at] == '\r')) {
        at++;
    }
    return at;
}

/* A value alone may begin with a bracket, too: "[low] battery". */
static bool is_pack(const struct lines *lines, size_t begin) {
    const size_t at = skip_blanks(lines, begin);
    if (!lines->joins_packs || at == lines->end) {
        return false;
    }
    const size_t next = skip_blanks(lines, at + 1);
    return lines->bytes[at] == '{' ||
           (lines->bytes[at] == '[' &&
            (next == lines->end || lines->bytes[next] == '{' || lines->bytes[next] == '\n'));
}

/* Whether a pack can go on in the line that begins there. */
static enum more goes_on(const struct lines *lines, size_t begin) {
    const size_t at = skip_blanks(lines, begin);
    if (at == lines->end) {
        return lines->ended || at - begin > LINES_BYTES_MAX ? MORE_NO : MORE_UNKNOWN;
    }
    return strchr("{}[],:\"", lines->bytes[at]) != NULL && lines->bytes[at] != '\0' ? MORE_YES : MORE_NO;
}

static bool find_pack_end(const struct lines *lines, size_t begin, size_t *end) {
    size_t depth = 0;
    bool is_string = false;
    for (size_t at = begin; at < lines->end; at++) {
        const char byte = lines->bytes[at];
        if (byte == '\n') {
            const enum more more = is_string || depth == 0 ? MORE_NO : goes_on(lines, at + 1);
            if (more == MORE_NO) {
                *end = at;
                return true;
            }
        } else if (is_string) {
            at += byte == '\\' && at + 1 < lines->end && lines->bytes[at + 1] != '\n' ? 1 : 0;
            is_string = byte != '"';
        } else if (byte == '[' || byte == '{') {
            depth++;
        } else if (byte == ']' || byte == '}') {
            depth -= depth > 0 ? 1 : 0;
        } else {
            is_string = byte == '"';
        }
    }
    *end = lines->end;
    return lines->ended && begin < lines->end;
}

/* ---- lines ---- */

/* Finds the end of the line that begins at an offset: its LF, or, for the last line, the end of the bytes.
 * False when the line is not whole. */
static bool find_end(const struct lines *lines, size_t begin, size_t *end) {
    if (is_pack(lines, begin)) {
        return find_pack_end(lines, begin, end);
    }
    const char *feed = memchr(lines->bytes + begin, '\n', lines->end - begin);
    *end = feed != NULL ? (size_t)(feed - lines->bytes) : lines->end;
    return feed != NULL || (lines->ended && begin < lines->end);
}

/* The offset behind the LF at `end`, or `end` where there is no LF. */
static size_t behind(const struct lines *lines, size_t end) {
    return end < lines->end ? end + 1 : end;
}

static uint64_t count_feeds(const struct lines *lines, size_t begin, size_t end) {
    uint64_t count = 0;
    for (size_t at = begin; at < end; at++) {
        count += lines->bytes[at] == '\n' ? 1 : 0;
    }
    return count;
}

/* Skips the rest of a line that was too long, of a pack with all lines that can be parts of it. False while
 * its end is not there. */
static bool skip(struct lines *lines) {
    while (lines->skips) {
        const char *feed = memchr(lines->bytes + lines->begin, '\n', lines->end - lines->begin);
        const size_t next = feed == NULL ? lines->end : (size_t)(feed - lines->bytes) + 1;
        const enum more more = !lines->skips_pack ? MORE_NO
                               : feed == NULL     ? MORE_UNKNOWN
                                                  : goes_on(lines, next);
        if (more == MORE_UNKNOWN || feed == NULL) {
            lines->begin = feed == NULL ? next : next - 1;
            lines->skips = !lines->ended;
            return lines->ended;
        }
        lines->next_number += more == MORE_YES ? 1 : 0;
        lines->begin = next;
        lines->skips = more == MORE_YES;
    }
    return true;
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
    lines->number = ++lines->next_number;
    lines->next_number += count_feeds(lines, lines->begin, end);
    lines->skips = !is_whole;
    lines->skips_pack = is_pack(lines, lines->begin);
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
