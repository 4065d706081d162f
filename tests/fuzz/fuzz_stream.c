/* SPDX-License-Identifier: MIT */
/* What comes by streams: a request says the same when it is written anew, and an answer is cut into the same
 * parts, however its bytes arrive. */
#include <string.h>

#include "fuzz.h"
#include "reply.h"
#include "request.h"

#define PART_BYTES_MAX 65536
#define PARTS_MAX 256

static void check_request(const char *line, size_t length) {
    struct request request = {0};
    struct request again = {0};
    const char *member = NULL;
    char *first;
    char *second;
    size_t first_length;
    size_t second_length;
    enum request_end end = request_decode(line, length, &request, &member);
    if (end != REQUEST_END_DONE) {
        REQUIRE(request_end_text(end) != NULL);
        return;
    }
    if (request_encode(&request, &first, &first_length) == 0) {
        REQUIRE(request_decode(first, first_length - 1, &again, &member) == REQUEST_END_DONE);
        REQUIRE(request_encode(&again, &second, &second_length) == 0);
        REQUIRE(first_length == second_length && memcmp(first, second, first_length) == 0);
        request_deinit(&again);
        free(first);
        free(second);
    }
    request_deinit(&request);
}

/* The kinds of the parts, when the bytes come in pieces of this size. Returns how many; -1 behind them for
 * what is no answer. */
static size_t cut(const uint8_t *bytes, size_t length, size_t piece, int kinds[PARTS_MAX]) {
    struct reply_reader reader;
    struct reply reply;
    size_t count = 0;
    int result = 0;
    reply_reader_init(&reader, PART_BYTES_MAX);
    for (size_t at = 0; at < length && result >= 0; at += piece) {
        size_t step = length - at < piece ? length - at : piece;
        REQUIRE(reply_reader_feed(&reader, bytes + at, step) == 0);
        while ((result = reply_reader_next(&reader, &reply)) == 1) {
            if (count < PARTS_MAX) {
                kinds[count++] = (int)reply.kind;
            }
        }
    }
    REQUIRE(result == 0 || result == MUSTER_EINVAL);
    if (result < 0 && count < PARTS_MAX) {
        kinds[count++] = -1;
    }
    reply_reader_deinit(&reader);
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    int whole[PARTS_MAX];
    int pieces[PARTS_MAX];
    check_request((const char *)bytes, length);
    size_t count = cut(bytes, length, length + 1, whole);
    REQUIRE(cut(bytes, length, 7, pieces) == count);
    REQUIRE(memcmp(whole, pieces, count * sizeof *whole) == 0);
    return 0;
}
