#include "scan.h"

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "utf8.h"

/* What peek() says behind the last byte. */
#define END (-1)

/* Names that scan_large() makes room for at first. */
#define NAMES_FIRST 64

/* A member's name as it stands in the text, without its quotes. */
struct name {
    const char *text;
    size_t length;
    bool escaped; /* has at least one escape, so its bytes alone do not tell the name */
};

struct scan {
    const char *at;
    const char *end;
    unsigned depth;
    bool large; /* names[] is on the heap, and checked at the end of an object */
    size_t nodes;
    size_t nodes_max;
    size_t names_used;
    size_t names_room;
    struct name *names; /* of the objects that are open, the innermost object's last */
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

static bool is_digit(int byte) {
    return byte >= '0' && byte <= '9';
}

/* The value of a hexadecimal digit; -1 for all else, END too. */
static int hex_digit(int byte) {
    if (is_digit(byte)) {
        return byte - '0';
    }
    const int lower = byte | 0x20;
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

static bool is_high_surrogate(uint32_t unit) {
    return unit >= 0xD800 && unit <= 0xDBFF;
}

static bool is_low_surrogate(uint32_t unit) {
    return unit >= 0xDC00 && unit <= 0xDFFF;
}

/* The four digits behind \u. */
static enum scan_result scan_unit(struct scan *scan, uint32_t *unit) {
    *unit = 0;
    for (int i = 0; i < 4; i++) {
        const int digit = hex_digit(peek(scan));
        if (digit < 0) {
            return unexpected(scan);
        }
        *unit = *unit << 4 | (uint32_t)digit;
        scan->at++;
    }
    return SCAN_OK;
}

/* The second half of a pair whose first half began at start. */
static enum scan_result scan_low_surrogate(struct scan *scan, const char *start) {
    static const char prefix[] = "\\u";
    for (const char *byte = prefix; *byte != '\0'; byte++) {
        if (!accept(scan, *byte)) {
            return peek(scan) == END ? SCAN_TRUNCATED : refuse(scan, start, SCAN_TEXT);
        }
    }
    uint32_t unit;
    const enum scan_result result = scan_unit(scan, &unit);
    if (result == SCAN_OK && !is_low_surrogate(unit)) {
        return refuse(scan, start, SCAN_TEXT);
    }
    return result;
}

static enum scan_result scan_unicode_escape(struct scan *scan, const char *start) {
    uint32_t unit;
    const enum scan_result result = scan_unit(scan, &unit);
    if (result != SCAN_OK) {
        return result;
    }
    if (unit == 0 || is_low_surrogate(unit)) {
        return refuse(scan, start, SCAN_TEXT);
    }
    return is_high_surrogate(unit) ? scan_low_surrogate(scan, start) : SCAN_OK;
}

static enum scan_result scan_escape(struct scan *scan) {
    const char *start = scan->at++;
    switch (peek(scan)) {
    case '"':
    case '\\':
    case '/':
    case 'b':
    case 'f':
    case 'n':
    case 'r':
    case 't': scan->at++; return SCAN_OK;
    case 'u': scan->at++; return scan_unicode_escape(scan, start);
    default: return unexpected(scan);
    }
}

static enum scan_result scan_sequence(struct scan *scan) {
    uint32_t code_point;
    const int bytes = utf8_decode(scan->at, (size_t)(scan->end - scan->at), &code_point);
    if (bytes == UTF8_BAD) {
        return SCAN_UTF8;
    }
    if (bytes == UTF8_CUT) {
        return refuse(scan, scan->end, SCAN_TRUNCATED);
    }
    scan->at += bytes;
    return SCAN_OK;
}

/* Nearly all bytes that arrive are these: the loop keeps its position in a register. */
static void skip_plain(struct scan *scan) {
    const char *at = scan->at;
    while (at < scan->end) {
        const unsigned char byte = (unsigned char)*at;
        if (byte < 0x20 || byte >= 0x80 || byte == '"' || byte == '\\') {
            break;
        }
        at++;
    }
    scan->at = at;
}

/* The rest of a string behind its opening quote, up to and with the closing one (RFC 8259, 7). */
static enum scan_result scan_string(struct scan *scan, bool *escaped) {
    *escaped = false;
    for (;;) {
        enum scan_result result;
        skip_plain(scan);
        const int byte = peek(scan);
        if (byte == '"') {
            scan->at++;
            return SCAN_OK;
        }
        if (byte == '\\') {
            *escaped = true;
            result = scan_escape(scan);
        } else if (byte >= 0x80) {
            result = scan_sequence(scan);
        } else {
            result = unexpected(scan);
        }
        if (result != SCAN_OK) {
            return result;
        }
    }
}

/* Reads what scan_unit() accepted. */
static uint32_t decode_unit(const char **at) {
    uint32_t unit = 0;
    for (int i = 0; i < 4; i++) {
        unit = unit << 4 | (uint32_t)hex_digit(*(*at)++);
    }
    return unit;
}

/* Reads what scan_unicode_escape() accepted, from behind \u. */
static uint32_t decode_unicode_escape(const char **at) {
    const uint32_t unit = decode_unit(at);
    if (!is_high_surrogate(unit)) {
        return unit;
    }
    *at += strlen("\\u");
    return 0x10000 + ((unit - 0xD800) << 10) + (decode_unit(at) - 0xDC00);
}

/* Reads what scan_escape() accepted, from behind the backslash. */
static uint32_t decode_escape(const char **at) {
    const char byte = *(*at)++;
    switch (byte) {
    case 'b': return '\b';
    case 'f': return '\f';
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    case 'u': return decode_unicode_escape(at);
    default: return (unsigned char)byte;
    }
}

/* The next code point of a string that scan_string() accepted. */
static uint32_t decode_next(const char **at, const char *end) {
    if (**at == '\\') {
        (*at)++;
        return decode_escape(at);
    }
    uint32_t code_point = 0;
    const int bytes = utf8_decode(*at, (size_t)(end - *at), &code_point);
    assert(bytes > 0);
    *at += bytes;
    return code_point;
}

static int name_compare_decoded(const struct name *a, const struct name *b) {
    const char *a_at = a->text;
    const char *b_at = b->text;
    const char *a_end = a->text + a->length;
    const char *b_end = b->text + b->length;
    while (a_at < a_end && b_at < b_end) {
        const uint32_t a_point = decode_next(&a_at, a_end);
        const uint32_t b_point = decode_next(&b_at, b_end);
        if (a_point != b_point) {
            return a_point < b_point ? -1 : 1;
        }
    }
    return (a_at < a_end) - (b_at < b_end);
}

/* Less than, equal to or greater than 0, by code points: the order of UTF-8's bytes too (RFC 3629, 1). */
static int name_compare(const struct name *a, const struct name *b) {
    if (a->escaped || b->escaped) {
        return name_compare_decoded(a, b);
    }
    const int difference = memcmp(a->text, b->text, a->length < b->length ? a->length : b->length);
    return difference != 0 ? difference : (a->length > b->length) - (a->length < b->length);
}

static bool name_equal(const struct name *a, const struct name *b) {
    if (a->escaped || b->escaped) {
        return name_compare_decoded(a, b) == 0;
    }
    return a->length == b->length && memcmp(a->text, b->text, a->length) == 0;
}

/* For qsort(): equal names in the order of the text. */
static int name_order(const void *a, const void *b) {
    const struct name *left = a;
    const struct name *right = b;
    const int difference = name_compare(left, right);
    return difference != 0 ? difference : (left->text > right->text) - (left->text < right->text);
}

/* Sorts the names of the object that ends here, and stops at the first in the text that is a second one.
 * Sorting bounds what a hostile text can cost, as no hash without a secret would. */
static enum scan_result check_sorted(struct scan *scan, size_t first) {
    const char *twin = NULL;
    qsort(&scan->names[first], scan->names_used - first, sizeof(*scan->names), name_order);
    for (size_t i = first + 1; i < scan->names_used; i++) {
        const struct name *name = &scan->names[i];
        if ((twin == NULL || name->text < twin) && name_equal(name - 1, name)) {
            twin = name->text;
        }
    }
    return twin == NULL ? SCAN_OK : refuse(scan, twin - 1, SCAN_DUPLICATE);
}

/* Compares the last name with those of its object before it. */
static enum scan_result check_last(struct scan *scan, size_t first) {
    const struct name *name = &scan->names[scan->names_used - 1];
    for (const struct name *other = &scan->names[first]; other < name; other++) {
        if (name_equal(other, name)) {
            return refuse(scan, name->text - 1, SCAN_DUPLICATE);
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
    struct name *names = realloc(scan->names, room * sizeof(*names));
    if (names == NULL) {
        return SCAN_MEMORY;
    }
    scan->names = names;
    scan->names_room = room;
    return SCAN_OK;
}

/* Scans a name and keeps it in names[], where those of the same object begin at first. */
static enum scan_result scan_name(struct scan *scan, size_t first) {
    struct name name = {.text = scan->at + 1};
    if (!accept(scan, '"')) {
        return unexpected(scan);
    }
    enum scan_result result = scan_string(scan, &name.escaped);
    if (result == SCAN_OK) {
        result = grow_names(scan);
    }
    if (result != SCAN_OK) {
        return result;
    }
    name.length = (size_t)(scan->at - name.text) - 1;
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

static enum scan_result scan_digits(struct scan *scan) {
    if (!is_digit(peek(scan))) {
        return unexpected(scan);
    }
    while (is_digit(peek(scan))) {
        scan->at++;
    }
    return SCAN_OK;
}

static enum scan_result scan_exponent(struct scan *scan) {
    if (!accept(scan, 'e') && !accept(scan, 'E')) {
        return SCAN_OK;
    }
    if (!accept(scan, '+')) {
        accept(scan, '-');
    }
    return scan_digits(scan);
}

/* RFC 8259, 6. */
static enum scan_result scan_number(struct scan *scan) {
    const char *start = scan->at;
    enum scan_result result = SCAN_OK;
    accept(scan, '-');
    if (!accept(scan, '0')) {
        result = scan_digits(scan);
    }
    if (result == SCAN_OK && accept(scan, '.')) {
        result = scan_digits(scan);
    }
    if (result == SCAN_OK) {
        result = scan_exponent(scan);
    }
    if (result == SCAN_OK && scan->at - start > SCAN_NUMBER_BYTES_MAX) {
        return refuse(scan, start, SCAN_NUMBER);
    }
    return result;
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
    bool escaped;
    switch (peek(scan)) {
    case '{':
    case '[': return scan_container(scan);
    case '"': scan->at++; return scan_string(scan, &escaped);
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
    struct name
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
