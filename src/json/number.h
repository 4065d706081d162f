/* SPDX-License-Identifier: MIT */
/* Numbers of JSON (RFC 8259, 6) as doubles, there and back without loss, whatever the locale. Nothing is
 * allocated. */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum number_result {
    NUMBER_OK,
    NUMBER_SYNTAX, /* no number, or it breaks off */
    NUMBER_LONG,   /* more than SCAN_NUMBER_BYTES_MAX bytes */
    NUMBER_RANGE,  /* beyond the largest double */
};

/* Reads the number at *at, which ends before end. On NUMBER_OK *value is the double nearest to it, and *at is
 * behind it; on NUMBER_RANGE *at is behind it too; else *at is the byte that does not belong there, or the
 * number's first one for NUMBER_LONG. What follows the number is not looked at. */
enum number_result number_read(const char **at, const char *end, double *value);

/* The same without the value, so that no number is out of range. */
enum number_result number_skip(const char **at, const char *end);

/* Bytes of the longest number that number_write() and number_write_millionths() write:
 * "-2.2250738585072014e-308" has 24. */
#define NUMBER_TEXT_BYTES_MAX 32

/* Writes the fewest digits, 15 at least, that number_read() brings the same double back from, zeros at their
 * end left out; a finite value. Returns the length; no NUL. */
size_t number_write(double value, char text[NUMBER_TEXT_BYTES_MAX]);

/* Writes an integer, without NUL; returns its digits, 20 at most. */
size_t number_write_integer(uint64_t integer, char text[NUMBER_TEXT_BYTES_MAX]);

/* Writes millionths / 10^6 with all its digits, but no zeros at the end of a fraction. Returns the length. */
size_t number_write_millionths(int64_t millionths, char text[NUMBER_TEXT_BYTES_MAX]);
