/* A strict JSON tokenizer that allocates nothing (RFC 8259): it decides whether bytes from outside may
 * be handed to the tree parser at all. What it refuses never reaches cJSON. */
#ifndef JSON_SCAN_H
#define JSON_SCAN_H

#include <stddef.h>

enum scan_result {
    SCAN_OK,
    SCAN_SYNTAX,    /* not the grammar of RFC 8259, or bytes after the value */
    SCAN_TRUNCATED, /* the text ends inside the value; an empty text does */
    SCAN_UTF8,   /* a string that is not UTF-8 (RFC 3629): overlong, surrogate, above U+10FFFF, cut short */
    SCAN_TEXT,   /* an escape that no text may hold: \u0000 or half a surrogate pair */
    SCAN_NUMBER, /* a number longer than SCAN_NUMBER_BYTES_MAX */
    SCAN_DEPTH,  /* nested deeper than SCAN_DEPTH_MAX */
    SCAN_NODES,  /* more than SCAN_NODES_MAX values */
    SCAN_DUPLICATE, /* two members of one object have the same name, escapes decoded */
};

/* Nesting of containers that a datagram may have; a value alone has depth 0, {} has depth 1. */
#define SCAN_DEPTH_MAX 8

/* Values in one text, each array element, member value and container counted once; it bounds the memory
 * of the duplicate check, which lives on the stack. */
#define SCAN_NODES_MAX 256

/* Bytes of one number. RFC 8259, 6 allows a limit. A cJSON that reads numbers through its 64-byte buffer
 * (1.7.15 without Debian's patches) fails behind it as if memory were out. A double needs 24. */
#define SCAN_NUMBER_BYTES_MAX 63

/* Scans exactly one JSON value in text[0..length), white space around it allowed. On anything but
 * SCAN_OK *offset (may be NULL) is the byte at which the scan stopped: the one that does not belong
 * there, else the first of the sequence, escape, number, value or name at fault, and length for
 * SCAN_TRUNCATED. On SCAN_OK *offset is untouched. Reads no byte past length and keeps nothing. */
enum scan_result scan_value(const char *text, size_t length, size_t *offset);

/* A short lower-case reason for people: "bytes that are not UTF-8". Static storage. */
const char *scan_result_text(enum scan_result result);

#endif
