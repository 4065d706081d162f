/* SPDX-License-Identifier: MIT */
/* Sealed streams: there and back, byte by byte and in one piece, and all that breaks one. */
#include "seal_stream.h"

#include <stdlib.h>
#include <string.h>

#include "countdown.h"
#include "test.h"

static struct seal_keys seal_keys;
static struct random drawn;
static struct seal_stream client;
static struct seal_stream server;
static struct buffer said;
static struct buffer heard;

static void set_keys(struct seal_keys *keys, const char *numbers) {
    uint8_t bytes[MUSTER_GROUP_KEYS_MAX][MUSTER_GROUP_KEY_BYTES];
    for (size_t i = 0; i < strlen(numbers); i++) {
        memset(bytes[i], numbers[i] - '0', sizeof bytes[i]);
    }
    assert_int_equal(seal_keys_set(keys, bytes[0], strlen(numbers)), 0);
}

static void end(void) {
    countdown_set(0);
    seal_stream_deinit(&client);
    seal_stream_deinit(&server);
    buffer_deinit(&said);
    buffer_deinit(&heard);
    said = heard = (struct buffer){0};
    assert_int_equal(countdown_bytes(), 0);
}

static void begin(void) {
    const uint8_t seed[MUSTER_SEED_BYTES] = {3};
    random_init(&drawn, seed);
    set_keys(&seal_keys, "1");
    seal_stream_init(&client, &seal_keys, true, &drawn);
    seal_stream_init(&server, &seal_keys, false, &drawn);
}

static int say(struct seal_stream *stream, const char *text) {
    said.length = 0;
    return seal_stream_write(stream, (const uint8_t *)text, strlen(text), &said);
}

static int hear(struct seal_stream *stream) {
    heard.length = 0;
    return seal_stream_read(stream, &seal_keys, said.bytes, said.length, &heard);
}

static void check_heard(const char *text) {
    assert_int_equal(heard.length, strlen(text));
    assert_memory_equal(heard.bytes, text, heard.length);
}

/* From one side to the other. */
static void pass(struct seal_stream *from, struct seal_stream *to, const char *text) {
    assert_int_equal(say(from, text), 0);
    assert_int_equal(hear(to), 0);
    check_heard(text);
}

TEST(a_question_and_its_answer) {
    pass(&client, &server, "one\n");
    assert_int_equal(said.length, SEAL_HELLO_BYTES + 2 + 4 + 17);
    pass(&server, &client, "first\n");
    pass(&client, &server, "two\n");
    assert_int_equal(said.length, 2 + 4 + 17);
    pass(&server, &client, "second\n");
    pass(&server, &client, "third\n");
}

TEST(nothing_of_it_can_be_read) {
    assert_int_equal(say(&client, "kitchen/door"), 0);
    assert_null(memmem(said.bytes, said.length, "kitchen", 7));
}

TEST(much_goes_in_several_frames) {
    char *text = countdown_malloc(100001);
    memset(text, 'x', 100000);
    text[100000] = '\0';
    pass(&client, &server, text);
    pass(&server, &client, text);
    countdown_free(text);
}

TEST(it_may_come_byte_by_byte) {
    struct buffer all = {0};
    assert_int_equal(say(&client, "one\n"), 0);
    for (size_t i = 0; i < said.length; i++) {
        assert_int_equal(seal_stream_read(&server, &seal_keys, said.bytes + i, 1, &all), 0);
    }
    assert_int_equal(all.length, 4);
    assert_memory_equal(all.bytes, "one\n", 4);
    buffer_deinit(&all);
}

TEST(who_accepted_says_nothing_first) {
    assert_int_equal(say(&server, "busy\n"), MUSTER_EAGAIN);
    assert_int_equal(said.length, 0);
}

TEST(plain_text_is_refused_at_its_first_byte) {
    assert_int_equal(seal_stream_read(&server, &seal_keys, (const uint8_t *)"{", 1, &heard), MUSTER_EINVAL);
}

TEST(another_key_is_refused) {
    struct seal_keys other;
    set_keys(&other, "2");
    assert_int_equal(say(&client, "one\n"), 0);
    assert_int_equal(seal_stream_read(&server, &other, said.bytes, said.length, &heard), MUSTER_EINVAL);
}

/* The one whose first key is new talks to the one whose first key is old. */
TEST(the_answer_has_the_key_of_the_question) {
    set_keys(&seal_keys, "12");
    seal_stream_init(&server, &seal_keys, false, &drawn);
    pass(&client, &server, "one\n");
    pass(&server, &client, "first\n");
    assert_memory_equal(client.key_id, server.key_id, SEAL_KEY_ID_BYTES);
    set_keys(&seal_keys, "2"); /* a stream outlasts its key */
    pass(&server, &client, "second\n");
}

TEST(an_answer_by_another_key_is_refused) {
    set_keys(&seal_keys, "12");
    pass(&client, &server, "one\n");
    assert_int_equal(say(&server, "first\n"), 0);
    memcpy(said.bytes + 1, seal_keys.ids[1], SEAL_KEY_ID_BYTES);
    assert_int_equal(hear(&client), MUSTER_EINVAL);
}

TEST(any_changed_byte_ends_it) {
    assert_int_equal(say(&client, "one\n"), 0);
    for (size_t i = 0; i < said.length; i++) {
        struct seal_stream stream;
        seal_stream_init(&stream, &seal_keys, false, &drawn);
        said.bytes[i] ^= 1;
        heard.length = 0;
        int error = seal_stream_read(&stream, &seal_keys, said.bytes, said.length, &heard);
        bool is_longer =
            i == SEAL_HELLO_BYTES || i == SEAL_HELLO_BYTES + 1; /* a frame that waits for its end */
        assert_true(error == MUSTER_EINVAL || (is_longer && error == 0));
        assert_int_equal(heard.length, 0);
        said.bytes[i] ^= 1;
        seal_stream_deinit(&stream);
    }
}

TEST(a_frame_too_short_or_too_long_ends_it) {
    static const uint16_t lengths[] = {0, 16, MUSTER_SEAL_FRAME_BYTES_MAX + 1, UINT16_MAX};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        struct seal_stream stream;
        seal_stream_init(&stream, &seal_keys, false, &drawn);
        seal_stream_init(&client, &seal_keys, true, &drawn);
        assert_int_equal(say(&client, ""), 0);
        uint8_t frame[] = {(uint8_t)lengths[i], (uint8_t)(lengths[i] >> 8)};
        assert_int_equal(buffer_append(&said, frame, sizeof frame), 0);
        assert_int_equal(seal_stream_read(&stream, &seal_keys, said.bytes, said.length, &heard),
                         MUSTER_EINVAL);
        seal_stream_deinit(&stream);
    }
}

/* ---- recordings ---- */

TEST(a_recorded_answer_is_none) {
    pass(&client, &server, "one\n");
    assert_int_equal(say(&server, "first\n"), 0);
    seal_stream_deinit(&client);
    seal_stream_init(&client, &seal_keys, true, &drawn);
    assert_int_equal(hear(&client), MUSTER_EINVAL);
}

TEST(what_one_says_is_no_answer_to_it) {
    assert_int_equal(say(&client, "one\n"), 0);
    assert_int_equal(hear(&client), MUSTER_EINVAL);
}

TEST(a_frame_that_comes_twice_ends_it) {
    pass(&client, &server, "one\n");
    assert_int_equal(say(&client, "two\n"), 0);
    assert_int_equal(hear(&server), 0);
    assert_int_equal(hear(&server), MUSTER_EINVAL);
}

/* ---- memory ---- */

static void talk(void *context) {
    (void)context;
    struct seal_stream stream;
    struct buffer there = {0};
    struct buffer back = {0};
    seal_stream_init(&client, &seal_keys, true, &drawn);
    seal_stream_init(&stream, &seal_keys, false, &drawn);
    countdown_begin();
    int error = seal_stream_write(&client, (const uint8_t *)"one\n", 4, &there);
    error = error != 0 ? error : seal_stream_read(&stream, &seal_keys, there.bytes, there.length, &back);
    bool has_failed = countdown_end() != 0;
    assert_int_equal(error, has_failed ? MUSTER_ENOMEM : 0);
    seal_stream_deinit(&stream);
    seal_stream_deinit(&client);
    buffer_deinit(&there);
    buffer_deinit(&back);
}

TEST(without_memory_it_ends) {
    assert_true(countdown_walk(talk, NULL, 0) >= 3);
}

int main(void) {
    return test_run(begin, end);
}
