/* SPDX-License-Identifier: MIT */
/* A strict JSON tokenizer (RFC 8259): it decides whether bytes from outside may be handed to the tree
 * parser at all. What it refuses never reaches cJSON. */
#pragma once

#include <stddef.h>

enum scan_result {
    SCAN_OK,
    SCAN_SYNTAX,    /* not the grammar of RFC 8259, or bytes after the value */
    SCAN_TRUNCATED, /* the text ends inside the value; an empty text does */
    SCAN_UTF8,   /* a string that is not UTF-8 (RFC 3629): overlong, surrogate, above U+10FFFF, cut short */
    SCAN_TEXT,   /* an escape that no text may hold: \u0000 or half a surrogate pair */
    SCAN_NUMBER, /* a number longer than SCAN_NUMBER_BYTES_MAX */
    SCAN_DEPTH,  /* nested deeper than SCAN_DEPTH_MAX */
    SCAN_NODES,  /* more values than allowed */
    SCAN_DUPLICATE, /* two members of one object have the same name, escapes decoded */
    SCAN_MEMORY,    /* out of memory, scan_large() alone */
};

/* Nesting of containers that a datagram may have; a value alone has depth 0, {} has depth 1. */
#define SCAN_DEPTH_MAX 8

/* Values in one text of scan_value(), each array element, member value and container counted once; it
 * bounds the memory of the duplicate check, which lives on the stack. */
#define SCAN_NODES_MAX 256

/* Bytes of one number. RFC 8259, 6 allows a limit. A cJSON that reads numbers through its 64-byte buffer
 * (1.7.15 without Debian's patches) fails behind it as if memory were out. A double needs 24. */
#define SCAN_NUMBER_BYTES_MAX 63

/* Scans exactly one JSON value in text[0..length), white space around it allowed, and allocates nothing:
 * what datagrams go through. On anything but SCAN_OK *offset (may be NULL) is the byte at which the scan
 * stopped: the one that does not belong there, else the first of the sequence, escape, number, value or name
 * at fault, and length for SCAN_TRUNCATED. On SCAN_OK *offset is untouched. Reads no byte past length and
 * keeps nothing. */
enum scan_result scan_value(const char *text, size_t length, size_t *offset);

/* As scan_value(), for files and streams: up to nodes_max values, the names of open objects on the heap,
 * n log n steps for an object of n members. Names are compared at the end of their object: a text that
 * has a duplicate and is at fault elsewhere in that object is refused for the latter. */
enum scan_result scan_large(const char *text, size_t length, size_t nodes_max, size_t *offset);

/* Where an offset is for people: line and column from 1, the column in characters. */
struct scan_position {
    size_t line;
    size_t column;
};

struct scan_position scan_position(const char *text, size_t offset);

/* A short lower-case reason for people: "bytes that are not UTF-8". Static storage. */
const char *scan_result_text(enum scan_result result);
