/* SPDX-License-Identifier: MIT */
/* What comes by streams: a request says the same when it is written anew, an answer is cut into the same
 * parts, however its bytes arrive, and a part says the same when it is written and read anew. */
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

/* Writes a part as a node would that has what it says. False for one that no node writes. */
static bool write_part(const struct reply *reply, struct buffer *out) {
    const struct reply_lines lines = {.announce = reply->announce_bytes,
                                      .announce_length = reply->announce_length,
                                      .body = reply->body,
                                      .body_length = reply->body_length};
    const char *event = reply->has_event ? muster_peer_event_name(reply->event) : NULL;
    switch (reply->kind) {
    case REPLY_PEER: return reply_write_peer(out, event, &reply->peer, &lines, REPLY_ROW_WITH_EVIDENCE) == 0;
    case REPLY_DOCUMENT: return reply_write_document(out, reply->id, &lines) == 0;
    case REPLY_STATS: return reply_write_stats(out, &reply->counters) == 0;
    case REPLY_SELF: return reply_write_self(out, &reply->self, &lines) == 0;
    case REPLY_SAMPLE: return reply_write_sample(out, &reply->sample) == 0;
    case REPLY_END: return reply_write_end(out, reply->end, reply->count, NULL) == 0;
    case REPLY_UNREADABLE: break;
    }
    return false;
}

/* Reads one whole part, and writes it. */
static bool rewrite(const uint8_t *bytes, size_t length, struct buffer *out, enum reply_kind kind) {
    struct reply_reader reader;
    struct reply reply;
    reply_reader_init(&reader, PART_BYTES_MAX);
    REQUIRE(reply_reader_feed(&reader, bytes, length) == 0);
    REQUIRE(reply_reader_next(&reader, &reply) == 1 && reply.kind == kind);
    bool is_written = write_part(&reply, out);
    reply_reader_deinit(&reader);
    return is_written;
}

/* A row that is written short, where it can be, has the same announce when it is read. */
static void check_short(const struct reply *reply) {
    struct reply_lines lines = {.announce = reply->announce_bytes, .announce_length = reply->announce_length};
    struct reply_reader reader;
    struct reply again;
    struct buffer out = {0};
    if (reply->kind != REPLY_PEER ||
        reply_write_peer(&out, NULL, &reply->peer, &lines, REPLY_ROW_SHORT) != 0) {
        return;
    }
    reply_reader_init(&reader, 2 * PART_BYTES_MAX);
    REQUIRE(reply_reader_feed(&reader, out.bytes, out.length) == 0);
    REQUIRE(reply_reader_next(&reader, &again) == 1 && again.kind == REPLY_PEER);
    REQUIRE(again.announce_length == lines.announce_length);
    REQUIRE(memcmp(again.announce_bytes, lines.announce, lines.announce_length) == 0);
    reply_reader_deinit(&reader);
    buffer_deinit(&out);
}

static void check_parts(const uint8_t *bytes, size_t length) {
    struct reply_reader reader;
    struct reply reply;
    reply_reader_init(&reader, PART_BYTES_MAX);
    REQUIRE(reply_reader_feed(&reader, bytes, length) == 0);
    while (reply_reader_next(&reader, &reply) == 1) {
        struct buffer first = {0};
        struct buffer second = {0};
        check_short(&reply);
        if (write_part(&reply, &first) && first.length <= PART_BYTES_MAX) {
            REQUIRE(rewrite(first.bytes, first.length, &second, reply.kind));
            REQUIRE(first.length == second.length && memcmp(first.bytes, second.bytes, first.length) == 0);
        }
        buffer_deinit(&first);
        buffer_deinit(&second);
    }
    reply_reader_deinit(&reader);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    int whole[PARTS_MAX];
    int pieces[PARTS_MAX];
    check_request((const char *)bytes, length);
    size_t count = cut(bytes, length, length + 1, whole);
    REQUIRE(cut(bytes, length, 7, pieces) == count);
    REQUIRE(memcmp(whole, pieces, count * sizeof *whole) == 0);
    check_parts(bytes, length);
    return 0;
}
