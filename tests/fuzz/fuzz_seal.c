/* SPDX-License-Identifier: MIT */
/* Sealed datagrams: a model that knows what was sealed and what came says of each whether it is to be opened.
 *
 * A step is a byte and what it takes; numbers are little endian:
 *
 *     0  a sender seals: byte % SENDERS, lane byte % 2, counters passed over 2 bytes, the plain text
 *     1  one of what was sealed comes, number byte
 *     2  it comes changed: number byte, place 2 bytes, difference byte
 *     3  it comes cut: number byte, bytes that are left 2 bytes
 *     4  a sender starts again: byte % SENDERS
 *     5  keys: those of the receiver and of all senders, byte % ROTATIONS
 *     6  bytes come that nobody sealed
 *     7  the next allocation fails */
#include <string.h>

#include "countdown.h"
#include "fuzz.h"
#include "input.h"
#include "replay.h"
#include "seal.h"

#define STEPS 8
#define SENDERS 3
#define SEALED_MAX 256 /* that may still come */
#define PLAIN_BYTES_MAX 64
#define OWN 77 /* the sender number of the receiver */

/* A key is changed without a gap: both open, before the first one is sealed by the new one. */
static const struct {
    size_t count;
    uint8_t keys[2];
    uint8_t seals;
} rotations[] = {
    {1, {'a'}, 'a'}, {2, {'a', 'b'}, 'a'}, {2, {'a', 'b'}, 'b'}, {1, {'b'}, 'b'}, {1, {'a'}, 'b'}};
#define ROTATIONS (sizeof rotations / sizeof *rotations)

struct sealed {
    unsigned sender;
    enum seal_lane lane;
    uint64_t start;
    uint64_t counter;
    uint8_t key;
    bool has_come;
    size_t length; /* of the plain text */
    uint8_t plain[PLAIN_BYTES_MAX];
    uint8_t bytes[PLAIN_BYTES_MAX + MUSTER_SEAL_BYTES];
};

/* What the receiver must know of a sender in a lane. */
struct window {
    bool is_known;
    uint64_t start;
    uint64_t top;
};

struct world {
    struct seal_sender senders[SENDERS];
    uint64_t boots;
    struct seal_keys own; /* the receiver's */
    unsigned rotation;
    struct replays replays;
    struct window windows[SENDERS][SEAL_LANES];
    struct sealed sealed[SEALED_MAX];
    size_t count; /* all there were: the last SEALED_MAX of them are kept */
};

static struct seal_keys keys_of(const uint8_t *letters, size_t count) {
    uint8_t bytes[MUSTER_GROUP_KEYS_MAX][MUSTER_GROUP_KEY_BYTES];
    struct seal_keys keys;
    for (size_t i = 0; i < count; i++) {
        memset(bytes[i], letters[i], sizeof bytes[i]);
    }
    REQUIRE(seal_keys_set(&keys, bytes[0], count) == 0);
    return keys;
}

static void rotate(struct world *world, unsigned rotation) {
    struct seal_keys keys = keys_of(&rotations[rotation].seals, 1);
    world->rotation = rotation;
    world->own = keys_of(rotations[rotation].keys, rotations[rotation].count);
    for (unsigned i = 0; i < SENDERS; i++) {
        seal_sender_rekey(&world->senders[i], &keys);
    }
}

static void start(struct world *world, unsigned number) {
    struct seal_keys keys = keys_of(&rotations[world->rotation].seals, 1);
    uint8_t id[MUSTER_ID_BYTES] = {(uint8_t)(number + 1)};
    world->boots++;
    seal_sender_init(&world->senders[number], &keys, id, world->boots, 0x5a5a5a5a5a5aULL * world->boots);
}

static void seal(struct world *world, struct input *input) {
    struct sealed *sealed = &world->sealed[world->count++ % SEALED_MAX];
    const uint8_t *plain;
    sealed->sender = take(input) % SENDERS;
    sealed->lane = take(input) % SEAL_LANES;
    struct seal_sender *sender = &world->senders[sealed->sender];
    sender->counters[sealed->lane] += take_2(input);
    sealed->length = take_bytes(input, &plain);
    sealed->length = sealed->length < PLAIN_BYTES_MAX ? sealed->length : PLAIN_BYTES_MAX;
    if (sealed->length > 0) {
        memcpy(sealed->plain, plain, sealed->length);
    }
    sealed->key = rotations[world->rotation].seals;
    sealed->has_come = false;
    struct seal_keys keys = keys_of(&sealed->key, 1);
    seal_write(sender, &keys, sealed->lane, sealed->plain, sealed->length, sealed->bytes);
    sealed->start = sender->nonce.start;
    sealed->counter = sender->counters[sealed->lane];
}

/* ---- what must hold ---- */

static bool is_replay(const struct window *window, const struct sealed *sealed) {
    const uint64_t size =
        sealed->lane == SEAL_CONTROL ? MUSTER_REPLAY_WINDOW : MUSTER_REPLAY_WINDOW_TELEMETRY;
    if (!window->is_known || sealed->start > window->start) {
        return false;
    }
    return sealed->start < window->start || sealed->has_come ||
           (sealed->counter < window->top && window->top - sealed->counter >= size);
}

static bool opens(struct world *world, const uint8_t *bytes, size_t length, uint8_t *plain,
                  enum muster_drop *reason) {
    /* Exactly so long, so that a sanitizer sees a read behind its end. */
    uint8_t *copy = countdown_malloc(length == 0 ? 1 : length);
    REQUIRE(copy != NULL);
    if (length > 0) {
        memcpy(copy, bytes, length);
    }
    bool is_open = replays_open(&world->replays, &world->own, OWN, copy, length, plain, reason);
    countdown_free(copy);
    return is_open;
}

static void come(struct world *world, struct sealed *sealed) {
    struct window *window = &world->windows[sealed->sender][sealed->lane];
    uint8_t plain[PLAIN_BYTES_MAX + MUSTER_SEAL_BYTES];
    enum muster_drop reason;
    bool has_key =
        memchr(rotations[world->rotation].keys, sealed->key, rotations[world->rotation].count) != NULL;
    bool is_new = has_key && !is_replay(window, sealed);
    bool is_open = opens(world, sealed->bytes, sealed->length + MUSTER_SEAL_BYTES, plain, &reason);
    if (is_new && !is_open) { /* a window is what needs memory */
        REQUIRE(reason == MUSTER_DROP_MEMORY && countdown_has_failed() && !window->is_known);
        return;
    }
    REQUIRE(is_open == is_new);
    if (!is_open) {
        REQUIRE(reason == (has_key ? MUSTER_DROP_REPLAY : MUSTER_DROP_SEALED));
        return;
    }
    REQUIRE(memcmp(plain, sealed->plain, sealed->length) == 0);
    sealed->has_come = true;
    bool is_ahead = !window->is_known || sealed->start > window->start || sealed->counter > window->top;
    *window = (struct window){true, sealed->start, is_ahead ? sealed->counter : window->top};
}

/* What nobody sealed never opens, and changes nothing: the model stays as it is. */
static void forge(struct world *world, const uint8_t *bytes, size_t length) {
    static uint8_t plain[UINT16_MAX + 1];
    enum muster_drop reason;
    REQUIRE(!opens(world, bytes, length, plain, &reason));
    REQUIRE(reason == MUSTER_DROP_SEALED || reason == MUSTER_DROP_REPLAY);
}

static void come_changed(struct world *world, struct sealed *sealed, size_t place, uint8_t difference) {
    size_t length = sealed->length + MUSTER_SEAL_BYTES;
    uint8_t bytes[sizeof sealed->bytes];
    memcpy(bytes, sealed->bytes, length);
    bytes[place % length] ^= difference;
    if (difference != 0) {
        forge(world, bytes, length);
    }
}

static void take_step(struct world *world, struct input *input) {
    unsigned step = take(input) % STEPS;
    const uint8_t *bytes;
    if (step >= 1 && step <= 3 && world->count == 0) {
        return;
    }
    size_t kept = world->count < SEALED_MAX ? world->count : SEALED_MAX;
    struct sealed *sealed = step >= 1 && step <= 3 ? &world->sealed[take(input) % kept] : NULL;
    switch (step) {
    case 0: seal(world, input); break;
    case 1: come(world, sealed); break;
    case 2: {
        size_t place = take_2(input);
        come_changed(world, sealed, place, take(input));
        break;
    }
    case 3: forge(world, sealed->bytes, take_2(input) % (sealed->length + MUSTER_SEAL_BYTES)); break;
    case 4: start(world, take(input) % SENDERS); break;
    case 5: rotate(world, take(input) % ROTATIONS); break;
    case 6: {
        size_t length = take_bytes(input, &bytes);
        forge(world, bytes, length);
        break;
    }
    default: countdown_set(1); break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    static struct world world;
    struct input input = {bytes, length};
    long before = countdown_bytes();
    memset(&world, 0, sizeof world);
    for (unsigned i = 0; i < SENDERS; i++) {
        start(&world, i);
    }
    rotate(&world, 0);
    while (input.left > 0) {
        take_step(&world, &input);
    }
    countdown_set(0);
    replays_deinit(&world.replays);
    REQUIRE(countdown_bytes() == before);
    return 0;
}
