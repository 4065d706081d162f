/* SPDX-License-Identifier: MIT */
/* The JSON tokenizer: both scanners agree, what they take is a tree to cJSON, and what is taken is taken
 * again in each part. */
#include <string.h>

#include "document.h"
#include "fuzz.h"
#include "scan.h"

#define NODES_MAX 100000

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    const char *text = (const char *)bytes;
    size_t offset = SIZE_MAX;
    size_t large_offset = SIZE_MAX;
    enum scan_result small = scan_value(text, length, &offset);
    enum scan_result large = scan_large(text, length, NODES_MAX, &large_offset);
    REQUIRE((small == SCAN_OK) == (offset == SIZE_MAX));
    REQUIRE(small == SCAN_OK || offset <= length);
    REQUIRE(small != SCAN_OK || large == SCAN_OK);
    REQUIRE(large != SCAN_OK || small == SCAN_OK || small == SCAN_NODES);
    if (large == SCAN_OK && memchr(bytes, 0, length) == NULL) {
        document_node_t *root = document_parse(text, length);
        REQUIRE(root != NULL);
        document_free(root);
    }
    if (small != SCAN_OK) {
        /* Where it is cut before the fault it is either whole or breaks off: the fault is where it is said.
         */
        enum scan_result before = scan_value(text, offset, NULL);
        REQUIRE(before == SCAN_OK || before == SCAN_TRUNCATED || small == SCAN_DUPLICATE ||
                small == SCAN_NODES || small == SCAN_TRUNCATED || before == small);
    }
    return 0;
}
