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

struct nesting {
    size_t depth;
    bool is_string;
};

/* Goes over a byte that is no LF, with what a backslash escapes. Returns the offset of the last byte. */
static size_t nest(struct nesting *nesting, const struct lines *lines, size_t at) {
    const char byte = lines->bytes[at];
    if (nesting->is_string) {
        nesting->is_string = byte != '"';
        return byte == '\\' && at + 1 < lines->end && lines->bytes[at + 1] != '\n' ? at + 1 : at;
    }
    if (byte == '[' || byte == '{') {
        nesting->depth++;
    } else if (byte == ']' || byte == '}') {
        nesting->depth -= nesting->depth > 0 ? 1 : 0;
    }
    nesting->is_string = byte == '"';
    return at;
}

static bool find_pack_end(const struct lines *lines, size_t begin, size_t *end, bool *is_closed) {
    struct nesting nesting = {0};
    for (size_t at = begin; at < lines->end; at++) {
        if (lines->bytes[at] != '\n') {
            at = nest(&nesting, lines, at);
        } else if (nesting.is_string || nesting.depth == 0 || goes_on(lines, at + 1) == MORE_NO) {
            *end = at;
            *is_closed = nesting.depth == 0;
            return true;
        }
    }
    *end = lines->end;
    *is_closed = nesting.depth == 0;
    return lines->ended && begin < lines->end;
}

/* ---- arrays that are taken record by record ---- */

static size_t skip_separators(const struct lines *lines, size_t at) {
    while (at < lines->end && lines->bytes[at] != '\0' && strchr(" \t\r\n,", lines->bytes[at]) != NULL) {
        at++;
    }
    return at;
}

/* Finds the end of the record whose brace stands at `begin`. A line that ends within a string ends it, too.
 * False when it is not whole. */
static bool find_record_end(const struct lines *lines, size_t begin, size_t *end) {
    struct nesting nesting = {0};
    for (size_t at = begin; at < lines->end; at++) {
        if (lines->bytes[at] == '\n') {
            if (nesting.is_string) {
                *end = at;
                return true;
            }
            continue;
        }
        at = nest(&nesting, lines, at);
        if (nesting.depth == 0) {
            *end = at + 1;
            return true;
        }
    }
    *end = lines->end;
    return lines->ended && begin < lines->end;
}

/* The first record of an array that begins there. False where there is none, or it is not whole. */
static bool find_first_record(const struct lines *lines, size_t array, size_t *begin, size_t *end) {
    const size_t bracket = skip_blanks(lines, array);
    if (!lines->splits_arrays || bracket == lines->end || lines->bytes[bracket] != '[') {
        return false;
    }
    *begin = skip_separators(lines, bracket + 1);
    return *begin < lines->end && lines->bytes[*begin] == '{' && find_record_end(lines, *begin, end);
}

/* ---- lines ---- */

/* Finds the end of the line that begins at an offset: its LF, or, for the last line, the end of the bytes;
 * and whether that closes what is a pack. False when the line is not whole. */
static bool find_end(const struct lines *lines, size_t begin, size_t *end, bool *is_closed) {
    if (is_pack(lines, begin)) {
        return find_pack_end(lines, begin, end, is_closed);
    }
    *is_closed = true;
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
        lines->next_number += more == MORE_YES || lines->in_array ? 1 : 0;
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

/* Takes a record of an array, whose line goes on behind it. */
static void take_record(struct lines *lines, size_t begin, size_t end, const char **line, size_t *length) {
    *line = lines->bytes + begin;
    *length = end - begin;
    lines->next_number += count_feeds(lines, lines->begin, begin);
    lines->number = lines->next_number;
    lines->next_number += count_feeds(lines, begin, end);
    lines->begin = end;
}

/* Begins to take an array record by record. False where its first record is not whole, or too long. */
static bool begin_array(struct lines *lines, const char **line, size_t *length) {
    size_t begin;
    size_t end;
    if (!find_first_record(lines, lines->begin, &begin, &end) || end - begin > LINES_BYTES_MAX) {
        return false;
    }
    lines->next_number++;
    lines->in_array = true;
    take_record(lines, begin, end, line, length);
    return true;
}

/* Ends an array behind its bracket, with the rest of the line where it is blank; or before what can't be a
 * part of it. False while too few bytes are there to tell. */
static bool end_array(struct lines *lines) {
    size_t at = lines->begin;
    bool is_line_over = false;
    if (at < lines->end && lines->bytes[at] == ']') {
        at = skip_blanks(lines, at + 1);
        is_line_over = at < lines->end ? lines->bytes[at] == '\n' : lines->ended;
    }
    if (at == lines->end && !lines->ended && at - lines->begin <= LINES_BYTES_MAX) {
        return false;
    }
    lines->next_number -= is_line_over ? 0 : 1;
    lines->begin = is_line_over ? behind(lines, at) : at;
    lines->in_array = false;
    lines->is_split = false;
    return true;
}

static enum lines_result next_record(struct lines *lines, const char **line, size_t *length) {
    const size_t begin = skip_separators(lines, lines->begin);
    size_t end;
    lines->next_number += count_feeds(lines, lines->begin, begin);
    lines->begin = begin;
    if (begin == lines->end || lines->bytes[begin] != '{') {
        return end_array(lines) ? lines_next(lines, line, length) : LINES_NONE;
    }
    const bool is_whole = find_record_end(lines, begin, &end);
    if (!is_whole && end - begin <= LINES_BYTES_MAX) {
        return LINES_NONE;
    }
    const bool is_too_long = end - begin > LINES_BYTES_MAX;
    take_record(lines, begin, end, line, length);
    lines->skips = !is_whole;
    lines->skips_pack = false;
    return is_too_long ? LINES_TOO_LONG : LINES_RECORD;
}

enum lines_result lines_next(struct lines *lines, const char **line, size_t *length) {
    size_t end;
    if (!begin(lines) || !skip(lines)) {
        return LINES_NONE;
    }
    if (lines->in_array) {
        return next_record(lines, line, length);
    }
    bool is_closed;
    const bool is_whole = find_end(lines, lines->begin, &end, &is_closed);
    *line = lines->bytes + lines->begin;
    *length = end - lines->begin;
    const bool is_too_long = *length > LINES_BYTES_MAX;
    const bool is_last = lines->ended && behind(lines, end) == lines->end;
    if ((is_too_long || (!is_closed && (is_last || lines->is_split))) && begin_array(lines, line, length)) {
        return LINES_ONE;
    }
    if (!is_whole && !is_too_long) {
        return LINES_NONE;
    }
    lines->number = ++lines->next_number;
    lines->next_number += count_feeds(lines, lines->begin, end);
    lines->skips = !is_whole;
    lines->skips_pack = is_pack(lines, lines->begin);
    lines->is_split = false;
    lines->begin = behind(lines, end);
    return is_too_long ? LINES_TOO_LONG : LINES_ONE;
}

bool lines_are_records(const struct lines *lines) {
    return lines->in_array;
}

bool lines_wait_for_array(const struct lines *lines) {
    size_t begin;
    size_t end;
    return !lines->in_array && !lines->skips && is_pack(lines, lines->begin) &&
           find_first_record(lines, lines->begin, &begin, &end);
}

void lines_split_array(struct lines *lines) {
    lines->is_split = true;
}

uint64_t lines_number(const struct lines *lines) {
    return lines->number;
}

enum lines_result lines_peek(const struct lines *lines, size_t *ahead, const char **line, size_t *length) {
    size_t begin = lines->begin + *ahead;
    size_t end = begin;
    bool is_whole;
    bool is_closed;
    if (lines->in_array) {
        begin = skip_separators(lines, begin);
        is_whole = begin < lines->end && lines->bytes[begin] == '{' && find_record_end(lines, begin, &end);
    } else {
        is_whole = find_end(lines, begin, &end, &is_closed);
    }
    if (lines->skips || !is_whole || end - begin > LINES_BYTES_MAX) {
        return LINES_NONE;
    }
    *line = lines->bytes + begin;
    *length = end - begin;
    *ahead = (lines->in_array ? end : behind(lines, end)) - lines->begin;
    return lines->in_array ? LINES_RECORD : LINES_ONE;
}
