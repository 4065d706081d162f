/* SPDX-License-Identifier: MIT */
/* Text from outside made safe for a terminal, a log line or JSON that lands on a terminal. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* True for a code point that a terminal or a reader could be misled by: C0 and C1 controls, DEL, line and
 * paragraph separators, bidirectional controls (Unicode UAX #9), zero-width and other invisible format
 * characters (Default_Ignorable_Code_Point of UAX #44: the byte order mark, tags, variation selectors,
 * fillers), interlinear annotation, noncharacters, and what is no code point at all: surrogates and
 * numbers above U+10FFFF. */
bool escape_is_unsafe(uint32_t code_point);

/* Copies text so that it can be printed: each unsafe code point becomes \u{XXXX} in hexadecimal, a
 * backslash becomes two, each byte that is not UTF-8 becomes \xXX. At most size - 1 bytes and a NUL are
 * written. A text that does not fit ends after its last whole character or escape that leaves room for
 * a closing "…"; a buffer below 4 bytes has no room for that and ends without it. Returns buffer. size
 * is at least 1; eight bytes for each of the text and a NUL always do (MUSTER_TEXT_SAFE_BYTES). */
char *escape_text(const char *text, char *buffer, size_t size);
