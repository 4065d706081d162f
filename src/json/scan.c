/* SPDX-License-Identifier: MIT */
#include "scan.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "number.h"
#include "quoted.h"

/* What peek() says behind the last byte. */
#define END (-1)

/* Names that scan_large() makes room for at first. */
#define NAMES_FIRST 64

struct scan {
    const char *at;
    const char *end;
    unsigned depth;
    bool large; /* names[] is on the heap, and checked at the end of an object */
    size_t nodes;
    size_t nodes_max;
    size_t names_used;
    size_t names_room;
    struct quoted *names; /* of the objects that are open, the innermost object's last */
};

static int peek(const struct scan *scan) {
    return scan->at < scan->end ? (unsigned char)*scan->at : END;
}

static bool accept(struct scan *scan, int byte) {
    if (peek(scan) != byte) {
        return false;
    }
    scan->at++;
    return true;
}

/* Why the grammar ends here. */
static enum scan_result unexpected(const struct scan *scan) {
    return peek(scan) == END ? SCAN_TRUNCATED : SCAN_SYNTAX;
}

static enum scan_result expect(struct scan *scan, int byte) {
    return accept(scan, byte) ? SCAN_OK : unexpected(scan);
}

/* Stops the scan at the first byte of what is at fault. */
static enum scan_result refuse(struct scan *scan, const char *at, enum scan_result why) {
    scan->at = at;
    return why;
}

static bool is_space(int byte) {
    return byte == ' ' || byte == '\n' || byte == '\t' || byte == '\r';
}

static void skip_space(struct scan *scan) {
    while (is_space(peek(scan))) {
        scan->at++;
    }
}

/* The byte that does not belong in an escape that begins at `at`. */
static const char *find_fault(const char *at) {
    at += strlen("\\u");
    for (int digits = 0; quoted_hex_digit((unsigned char)*at) >= 0; at++) {
        if (++digits == 4) { /* then it is in the second half of a pair */
            at += strlen("\\u");
        }
    }
    return at;
}

/* Why the string that the scan stopped in is none. */
static enum scan_result refuse_string(struct scan *scan, enum quoted_result fault) {
    switch (fault) {
    case QUOTED_CUT: return SCAN_TRUNCATED;
    case QUOTED_UTF8: return SCAN_UTF8;
    case QUOTED_ESCAPE: return refuse(scan, scan->at + 1, SCAN_SYNTAX);
    case QUOTED_DIGITS: return refuse(scan, find_fault(scan->at), SCAN_SYNTAX);
    case QUOTED_NUL:
    case QUOTED_SURROGATE: return SCAN_TEXT;
    case QUOTED_OK:
    case QUOTED_CONTROL: break;
    }
    return SCAN_SYNTAX;
}

/* The rest of a string behind its opening quote, up to and with the closing one. */
static enum scan_result scan_string(struct scan *scan, struct quoted *string) {
    const char *at = scan->at;
    const enum quoted_result result = quoted_read(&at, scan->end, string);
    scan->at = at;
    return result == QUOTED_OK ? SCAN_OK : refuse_string(scan, result);
}

/* For qsort(): equal names in the order of the text. */
static int name_order(const void *a, const void *b) {
    const struct quoted *left = a;
    const struct quoted *right = b;
    const int difference = quoted_compare(left, right);
    return difference != 0 ? difference : (left->at > right->at) - (left->at < right->at);
}

/* Sorts the names of the object that ends here, and stops at the first in the text that is a second one.
 * Sorting bounds what a hostile text can cost, as no hash without a secret would. */
static enum scan_result check_sorted(struct scan *scan, size_t first) {
    const char *duplicate = NULL;
    qsort(&scan->names[first], scan->names_used - first, sizeof(*scan->names), name_order);
    for (size_t i = first + 1; i < scan->names_used; i++) {
        const struct quoted *name = &scan->names[i];
        if ((duplicate == NULL || name->at < duplicate) && quoted_is_same(name - 1, name)) {
            duplicate = name->at;
        }
    }
    return duplicate == NULL ? SCAN_OK : refuse(scan, duplicate - 1, SCAN_DUPLICATE);
}

/* Compares the last name with those of its object before it. */
static enum scan_result check_last(struct scan *scan, size_t first) {
    const struct quoted *name = &scan->names[scan->names_used - 1];
    for (const struct quoted *other = &scan->names[first]; other < name; other++) {
        if (quoted_is_same(other, name)) {
            return refuse(scan, name->at - 1, SCAN_DUPLICATE);
        }
    }
    return SCAN_OK;
}

/* Room for one name more. */
static enum scan_result grow_names(struct scan *scan) {
    /* Each name kept but the last has its value counted in nodes, and so is the outermost container. */
    assert(scan->names_used < scan->nodes_max);
    if (scan->names_used < scan->names_room) {
        return SCAN_OK;
    }
    const size_t room = scan->names_room == 0 ? NAMES_FIRST : 2 * scan->names_room;
    struct quoted *names = realloc(scan->names, room * sizeof(*names));
    if (names == NULL) {
        return SCAN_MEMORY;
    }
    scan->names = names;
    scan->names_room = room;
    return SCAN_OK;
}

/* Scans a name and keeps it in names[], where those of the same object begin at first. */
static enum scan_result scan_name(struct scan *scan, size_t first) {
    if (!accept(scan, '"')) {
        return unexpected(scan);
    }
    struct quoted name;
    enum scan_result result = scan_string(scan, &name);
    if (result == SCAN_OK) {
        result = grow_names(scan);
    }
    if (result != SCAN_OK) {
        return result;
    }
    scan->names[scan->names_used++] = name;
    return scan->large ? SCAN_OK : check_last(scan, first);
}

static enum scan_result scan_node(struct scan *scan);

/* One of the three literal names, RFC 8259, 3. */
static enum scan_result scan_word(struct scan *scan, const char *word) {
    enum scan_result result = SCAN_OK;
    for (; *word != '\0' && result == SCAN_OK; word++) {
        result = expect(scan, *word);
    }
    return result;
}

static enum scan_result scan_number(struct scan *scan) {
    const char *at = scan->at;
    const enum number_result result = number_skip(&at, scan->end);
    scan->at = at;
    if (result == NUMBER_OK) {
        return SCAN_OK;
    }
    return result == NUMBER_LONG ? SCAN_NUMBER : unexpected(scan);
}

static enum scan_result scan_array(struct scan *scan) {
    skip_space(scan);
    if (accept(scan, ']')) {
        return SCAN_OK;
    }
    do {
        const enum scan_result result = scan_node(scan);
        if (result != SCAN_OK) {
            return result;
        }
        skip_space(scan);
    } while (accept(scan, ','));
    return expect(scan, ']');
}

static enum scan_result scan_member(struct scan *scan, size_t first) {
    skip_space(scan);
    enum scan_result result = scan_name(scan, first);
    if (result != SCAN_OK) {
        return result;
    }
    skip_space(scan);
    result = expect(scan, ':');
    return result == SCAN_OK ? scan_node(scan) : result;
}

static enum scan_result scan_object(struct scan *scan) {
    const size_t first = scan->names_used;
    skip_space(scan);
    if (accept(scan, '}')) {
        return SCAN_OK;
    }
    do {
        const enum scan_result result = scan_member(scan, first);
        if (result != SCAN_OK) {
            return result;
        }
        skip_space(scan);
    } while (accept(scan, ','));
    enum scan_result result = expect(scan, '}');
    if (result == SCAN_OK && scan->large) {
        result = check_sorted(scan, first);
    }
    scan->names_used = first;
    return result;
}

static enum scan_result scan_container(struct scan *scan) {
    if (scan->depth == SCAN_DEPTH_MAX) {
        return SCAN_DEPTH;
    }
    scan->depth++;
    const bool object = *scan->at++ == '{';
    const enum scan_result result = object ? scan_object(scan) : scan_array(scan);
    scan->depth--;
    return result;
}

static enum scan_result scan_by_first_byte(struct scan *scan) {
    struct quoted string;
    switch (peek(scan)) {
    case '{':
    case '[': return scan_container(scan);
    case '"': scan->at++; return scan_string(scan, &string);
    case 't': return scan_word(scan, "true");
    case 'f': return scan_word(scan, "false");
    case 'n': return scan_word(scan, "null");
    default: return scan_number(scan);
    }
}

/* One value with the white space before it. */
static enum scan_result scan_node(struct scan *scan) {
    skip_space(scan);
    if (scan->nodes == scan->nodes_max && peek(scan) != END) {
        return SCAN_NODES;
    }
    scan->nodes++;
    return scan_by_first_byte(scan);
}

/* The whole text, which scan stands at the begin of. */
static enum scan_result scan_text(struct scan *scan, size_t *offset) {
    const char *text = scan->at;
    enum scan_result result = scan_node(scan);
    if (result == SCAN_OK) {
        skip_space(scan);
        result = peek(scan) == END ? SCAN_OK : SCAN_SYNTAX;
    }
    if (result != SCAN_OK && offset != NULL) {
        *offset = (size_t)(scan->at - text);
    }
    return result;
}

enum scan_result scan_value(const char *text, size_t length, size_t *offset) {
    struct quoted
        names[SCAN_NODES_MAX]; /* uninitialised: clearing 6 KiB would cost more than a datagram's scan */
    struct scan scan = {.at = text,
                        .end = text + length,
                        .nodes_max = SCAN_NODES_MAX,
                        .names_room = SCAN_NODES_MAX,
                        .names = names};
    return scan_text(&scan, offset);
}

enum scan_result scan_large(const char *text, size_t length, size_t nodes_max, size_t *offset) {
    struct scan scan = {.at = text, .end = text + length, .large = true, .nodes_max = nodes_max};
    const enum scan_result result = scan_text(&scan, offset);
    free(scan.names);
    return result;
}

struct scan_position scan_position(const char *text, size_t offset) {
    struct scan_position position = {.line = 1, .column = 1};
    for (size_t i = 0; i < offset; i++) {
        if (text[i] == '\n') {
            position.line++;
            position.column = 1;
        } else if (((unsigned char)text[i] & 0xC0) != 0x80) { /* continuation bytes are not characters */
            position.column++;
        }
    }
    return position;
}

const char *scan_result_text(enum scan_result result) {
    switch (result) {
    case SCAN_OK: return "valid JSON";
    case SCAN_SYNTAX: return "not JSON";
    case SCAN_TRUNCATED: return "the text ends inside the value";
    case SCAN_UTF8: return "bytes that are not UTF-8";
    case SCAN_TEXT: return "an escape that no text may hold";
    case SCAN_NUMBER: return "a number with too many digits";
    case SCAN_DEPTH: return "nested too deep";
    case SCAN_NODES: return "too many values";
    case SCAN_DUPLICATE: return "a name that is there twice";
    case SCAN_MEMORY: return "out of memory";
    }
    return "unknown result";
}
