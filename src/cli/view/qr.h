/* SPDX-License-Identifier: MIT */
/* A text as a QR code on a terminal, for the camera of another device. */
#pragma once

#include <stdbool.h>
#include <stdio.h>

/* Draws a code of light modules, two in a character of UTF-8, with the margin that readers want (ISO/IEC
 * 18004). color: white on black, whatever the terminal's own colors are. False without memory, or where the
 * text is too long. What it was drawn from is wiped. */
bool qr_print(FILE *out, const char *text, bool color);
