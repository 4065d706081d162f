/* SPDX-License-Identifier: MIT */
/* Sealed streams: what is heard is the begin of what was said, whatever happens to the bytes between both.
 *
 * The first byte says by which key the stream is opened: one of the answerer's, or another one. A step is a
 * byte and what it takes; numbers are little endian. Its lowest bit says which way: 0 from the opener to the
 * answerer, 1 back.
 *
 *     0  something is said: the bytes
 *     1  so many of the bytes that are on their way come, 2 bytes
 *     2  one that is on its way changes: place 2 bytes, difference byte
 *     3  bytes come before those that are on their way
 *     4  what is on its way comes twice
 *     5  what is on its way comes back to who said it
 *     6  the allocation number byte fails */
#include <string.h>

#include "countdown.h"
#include "fuzz.h"
#include "input.h"
#include "seal_stream.h"

#define STEPS 7
#define TEXT_BYTES_MAX (1u << 20) /* of one way: the input ends there */

/* Bytes that the test keeps for itself: allocations for them do not fail. */
struct text {
    uint8_t *bytes;
    size_t length;
};

struct side {
    struct seal_stream stream;
    struct seal_keys keys;
    struct text said;  /* by this side */
    struct text way;   /* sealed, to the other side */
    struct text heard; /* from the other side */
    bool is_broken;    /* an error ended it */
    bool has_changed;  /* what is on its way from here is not what was said */
};

static void append(struct text *text, const uint8_t *bytes, size_t length) {
    if (length > 0) {
        text->bytes = countdown_realloc(text->bytes, text->length + length);
        REQUIRE(text->bytes != NULL);
        memcpy(text->bytes + text->length, bytes, length);
        text->length += length;
    }
}

static void say(struct side *from, const uint8_t *bytes, size_t length) {
    struct buffer sealed = {0};
    if (from->is_broken) {
        return;
    }
    int error = seal_stream_write(&from->stream, bytes, length, &sealed);
    if (error == MUSTER_EAGAIN) {
        REQUIRE(!from->stream.has_opened && sealed.length == 0);
        return;
    }
    REQUIRE(error == 0 || (error == MUSTER_ENOMEM && countdown_has_failed()));
    from->is_broken = error != 0;
    append(&from->said, bytes, length);
    append(&from->way, sealed.bytes, sealed.length);
    buffer_deinit(&sealed);
}

/* A sender that had no memory left a frame away: then nothing behind it may be heard either. */
static void come(const struct side *from, struct side *to, const uint8_t *bytes, size_t length) {
    struct buffer plain = {0};
    if (to->is_broken) {
        return;
    }
    uint8_t *copy = countdown_malloc(length == 0 ? 1 : length);
    REQUIRE(copy != NULL);
    if (length > 0) {
        memcpy(copy, bytes, length);
    }
    int error = seal_stream_read(&to->stream, &to->keys, copy, length, &plain);
    countdown_free(copy);
    REQUIRE(error == 0 || error == MUSTER_EINVAL || (error == MUSTER_ENOMEM && countdown_has_failed()));
    to->is_broken = error != 0;
    append(&to->heard, plain.bytes, plain.length);
    buffer_deinit(&plain);
    REQUIRE(to->heard.length <= from->said.length);
    REQUIRE(to->heard.length == 0 || memcmp(to->heard.bytes, from->said.bytes, to->heard.length) == 0);
    REQUIRE(to->stream.in.length <= MUSTER_SEAL_FRAME_BYTES_MAX + 2 || to->is_broken);
}

static void come_first(struct side *from, struct side *to, size_t length) {
    length = length < from->way.length ? length : from->way.length;
    come(from, to, from->way.bytes, length);
    from->way.length -= length;
    if (from->way.length > 0) {
        memmove(from->way.bytes, from->way.bytes + length, from->way.length);
    }
}

static void take_step(struct side sides[2], struct input *input) {
    uint8_t what = take(input);
    struct side *from = &sides[what & 1];
    struct side *to = &sides[!(what & 1)];
    const uint8_t *bytes;
    size_t length;
    switch ((what >> 1) % STEPS) {
    case 0:
        length = take_bytes(input, &bytes);
        say(from, bytes, length);
        break;
    case 1: come_first(from, to, take_2(input)); break;
    case 2: {
        size_t place = take_2(input);
        uint8_t difference = take(input);
        if (from->way.length > 0 && difference != 0) {
            from->way.bytes[place % from->way.length] ^= difference;
            from->has_changed = true;
        }
        break;
    }
    case 3:
        length = take_bytes(input, &bytes);
        come(from, to, bytes, length);
        from->has_changed = from->has_changed || length > 0;
        break;
    case 4:
        from->has_changed = from->has_changed || from->way.length > 0;
        come(from, to, from->way.bytes, from->way.length);
        break;
    case 5:
        to->has_changed = to->has_changed || from->way.length > 0;
        come(to, from, from->way.bytes, from->way.length);
        break;
    default: countdown_set(take(input)); break;
    }
}

static struct seal_keys keys_of(const char *letters) {
    uint8_t bytes[MUSTER_GROUP_KEYS_MAX][MUSTER_GROUP_KEY_BYTES];
    struct seal_keys keys;
    for (size_t i = 0; letters[i] != '\0'; i++) {
        memset(bytes[i], letters[i], sizeof bytes[i]);
    }
    REQUIRE(seal_keys_set(&keys, bytes[0], strlen(letters)) == 0);
    return keys;
}

/* What nobody touched comes whole. */
static void check_end(struct side sides[2], bool has_key) {
    for (int i = 0; i < 2; i++) {
        struct side *from = &sides[i];
        struct side *to = &sides[!i];
        come_first(from, to, from->way.length);
        bool is_whole =
            has_key && !from->has_changed && !to->has_changed && !from->is_broken && !to->is_broken;
        REQUIRE(!is_whole || to->heard.length == from->said.length);
        REQUIRE(has_key || to->heard.length == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    static const char *const openers[] = {"a", "b", "bc", "c"};
    const uint8_t seed[MUSTER_SEED_BYTES] = {3};
    struct side sides[2] = {0};
    struct input input = {bytes, length};
    struct random drawn;
    long before = countdown_bytes();
    unsigned opener = take(&input) % 4;
    random_init(&drawn, seed);
    sides[0].keys = keys_of(openers[opener]);
    sides[1].keys = keys_of("ab");
    seal_stream_init(&sides[0].stream, &sides[0].keys, true, &drawn);
    seal_stream_init(&sides[1].stream, &sides[1].keys, false, &drawn);
    while (input.left > 0 && sides[0].way.length < TEXT_BYTES_MAX && sides[1].way.length < TEXT_BYTES_MAX) {
        take_step(sides, &input);
    }
    countdown_set(0);
    check_end(sides, opener != 3);
    for (int i = 0; i < 2; i++) {
        seal_stream_deinit(&sides[i].stream);
        countdown_free(sides[i].said.bytes);
        countdown_free(sides[i].way.bytes);
        countdown_free(sides[i].heard.bytes);
    }
    REQUIRE(countdown_bytes() == before);
    return 0;
}
