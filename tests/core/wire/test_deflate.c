/* SPDX-License-Identifier: MIT */
/* Bytes in fewer bytes: there and back in pieces, cut short, spoilt, and as a trap. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "countdown.h"
#include "deflater.h"
#include "inflater.h"
#include "limit.h"
#include "test.h"

#include <muster/error.h>

static struct buffer said;  /* by a deflater */
static struct buffer heard; /* by an inflater */
static char text[100000];

static void begin(void) {
    size_t length = 0;
    for (unsigned i = 0; length < sizeof text - 64; i++) {
        length += (size_t)snprintf(text + length, 64, "row %u of this table, %x\n", i, i * 2654435761u);
    }
    memset(text + length, ' ', sizeof text - length);
}

static void end(void) {
    countdown_set(0);
    buffer_deinit(&said);
    buffer_deinit(&heard);
    assert_int_equal(countdown_bytes(), 0);
}

/* All of the text in pieces; the error of the deflater. */
static int say_text(size_t piece) {
    struct deflater *deflater = deflater_new();
    int error = deflater == NULL ? MUSTER_ENOMEM : 0;
    said.length = 0;
    for (size_t at = 0; at < sizeof text && error == 0; at += piece) {
        size_t length = sizeof text - at < piece ? sizeof text - at : piece;
        error =
            deflater_write(deflater, (const uint8_t *)text + at, length, at + length == sizeof text, &said);
    }
    deflater_free(deflater);
    return error;
}

/* Hears bytes to their end or to a fault: 0, or the error. */
static int hear(struct inflater *inflater, const uint8_t *bytes, size_t length) {
    size_t taken;
    int result;
    do {
        size_t before = heard.length;
        result = inflater_read(inflater, bytes, length, &taken, &heard);
        assert_in_range(heard.length - before, 0, MUSTER_INFLATE_PIECE_BYTES);
        bytes += taken;
        length -= taken;
    } while (result == 1 && !inflater_has_ended(inflater));
    return result < 0 ? result : 0;
}

/* The same from pieces, by an inflater of its own. */
static int hear_all(const uint8_t *bytes, size_t length, size_t piece, bool *has_ended) {
    struct inflater *inflater = inflater_new();
    int error = inflater == NULL ? MUSTER_ENOMEM : 0;
    heard.length = 0;
    for (size_t at = 0; at < length && error == 0; at += piece) {
        error = hear(inflater, bytes + at, length - at < piece ? length - at : piece);
    }
    *has_ended = inflater != NULL && inflater_has_ended(inflater);
    inflater_free(inflater);
    return error;
}

TEST(what_is_deflated_is_inflated_in_pieces_of_any_size) {
    const size_t pieces[] = {1, 7, 1000, 32768, sizeof text};
    bool has_ended;
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        assert_int_equal(say_text(i == 0 ? sizeof text : pieces[i]), 0);
        assert_in_range(said.length, 1, i == 1 ? sizeof text * 2 : sizeof text / 2);
        assert_int_equal(hear_all(said.bytes, said.length, pieces[i], &has_ended), 0);
        assert_true(has_ended);
        assert_int_equal(heard.length, sizeof text);
        assert_memory_equal(heard.bytes, text, sizeof text);
    }
}

TEST(what_was_said_does_not_wait_for_more) {
    struct deflater *deflater = deflater_new();
    struct inflater *inflater = inflater_new();
    for (unsigned i = 0; i < 100; i++) {
        said.length = 0;
        heard.length = 0;
        assert_int_equal(deflater_write(deflater, (const uint8_t *)text + i, 40, false, &said), 0);
        assert_int_equal(hear(inflater, said.bytes, said.length), 0);
        assert_int_equal(heard.length, 40);
        assert_memory_equal(heard.bytes, text + i, 40);
    }
    deflater_free(deflater);
    inflater_free(inflater);
}

TEST(what_is_cut_short_has_not_ended) {
    bool has_ended;
    assert_int_equal(say_text(32768), 0);
    for (size_t cut = 0; cut < said.length; cut += cut < 100 ? 1 : 997) {
        assert_int_equal(hear_all(said.bytes, cut, 5000, &has_ended), 0);
        assert_false(has_ended);
        assert_in_range(heard.length, 0, sizeof text);
        assert_memory_equal(heard.bytes, text, heard.length);
    }
}

TEST(what_is_spoilt_does_not_end_well) {
    bool has_ended;
    assert_int_equal(say_text(32768), 0);
    for (size_t at = 0; at < said.length; at += at < 100 ? 1 : 997) {
        said.bytes[at] ^= 0x10;
        int error = hear_all(said.bytes, said.length, said.length, &has_ended);
        assert_true(error == MUSTER_EINVAL || (error == 0 && !has_ended));
        said.bytes[at] ^= 0x10;
    }
}

/* By zlib itself, with any window. */
static void say_zeros(size_t length, int window_bits) {
    static uint8_t zeros[65536];
    z_stream stream = {0};
    assert_int_equal(deflateInit2(&stream, 9, Z_DEFLATED, window_bits, 9, Z_DEFAULT_STRATEGY), Z_OK);
    for (said.length = 0; length > 0; length -= sizeof zeros) {
        stream.next_in = zeros;
        stream.avail_in = sizeof zeros;
        stream.next_out = buffer_reserve(&said, sizeof zeros);
        stream.avail_out = sizeof zeros;
        assert_in_range(deflate(&stream, length == sizeof zeros ? Z_FINISH : Z_NO_FLUSH), Z_OK, Z_STREAM_END);
        said.length += sizeof zeros - stream.avail_out;
    }
    deflateEnd(&stream);
}

TEST(the_largest_value_may_be_all_zeros) {
    bool has_ended;
    say_zeros((MUSTER_VALUE_LINE_BYTES_MAX / 65536 + 1) * 65536, 12);
    assert_int_equal(hear_all(said.bytes, said.length, said.length, &has_ended), 0);
    assert_true(has_ended);
}

TEST(a_trap_says_no_more_than_it_may) {
    bool has_ended;
    say_zeros(64 << 20, 12);
    assert_in_range(said.length, 1, 128 << 10);
    assert_int_equal(hear_all(said.bytes, said.length, said.length, &has_ended), MUSTER_EINVAL);
    assert_in_range(heard.length, MUSTER_INFLATE_BYTES_FREE,
                    MUSTER_INFLATE_BYTES_FREE + MUSTER_INFLATE_RATIO_MAX * said.length);
}

TEST(short_traps_count_together) {
    struct inflater *inflater = inflater_new();
    int error = 0;
    unsigned streams = 0;
    say_zeros(MUSTER_INFLATE_BYTES_FREE / 2, 12);
    for (; error == 0 && streams < 100; streams++) {
        inflater_restart(inflater);
        error = hear(inflater, said.bytes, said.length);
        assert_true(error != 0 || inflater_has_ended(inflater));
    }
    assert_int_equal(error, MUSTER_EINVAL);
    assert_in_range(streams, 3, 4);
    inflater_free(inflater);
}

TEST(a_larger_window_is_refused) {
    bool has_ended;
    say_zeros(65536, 12);
    assert_int_equal(hear_all(said.bytes, said.length, said.length, &has_ended), 0);
    assert_true(has_ended);
    say_zeros(65536, 13);
    assert_int_equal(hear_all(said.bytes, said.length, said.length, &has_ended), MUSTER_EINVAL);
}

TEST(memory_may_run_out) {
    struct buffer whole;
    bool has_ended;
    int error = MUSTER_ENOMEM;
    for (unsigned long n = 1; error != 0; n++) {
        end();
        said = heard = (struct buffer){0};
        countdown_set(n);
        error = say_text(32768);
        assert_int_equal(error, countdown_has_failed() ? MUSTER_ENOMEM : 0);
    }
    whole = said;
    said = (struct buffer){0};
    error = MUSTER_ENOMEM;
    for (unsigned long n = 1; error != 0; n++) {
        buffer_deinit(&heard);
        countdown_set(n);
        error = hear_all(whole.bytes, whole.length, 1000, &has_ended);
        assert_int_equal(error, countdown_has_failed() ? MUSTER_ENOMEM : 0);
    }
    buffer_deinit(&whole);
}

int main(void) {
    return test_run(begin, end);
}
