/* SPDX-License-Identifier: MIT */
/* Says of each JSON text on standard input whether the tokenizer takes it, a line each: test_oracle.py
 * compares. A text is preceded by its length, four bytes, little endian. */
#include "fuzz.h"
#include "scan.h"

int main(void) {
    static char text[65536];
    uint8_t head[4];
    while (fread(head, 1, sizeof head, stdin) == sizeof head) {
        size_t length = head[0] | (size_t)head[1] << 8 | (size_t)head[2] << 16 | (size_t)head[3] << 24;
        REQUIRE(length <= sizeof text && fread(text, 1, length, stdin) == length);
        puts(scan_value(text, length, NULL) == SCAN_OK ? "yes" : "no");
    }
    return 0;
}
