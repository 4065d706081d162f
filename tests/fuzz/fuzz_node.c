/* SPDX-License-Identifier: MIT */
/* A whole node: the input is a list of steps, and after each of them the node's books are in order.
 *
 * A step is a byte and what it takes; numbers are little endian:
 *
 *     0-3  a datagram: by path byte % PATHS, from host byte % 8, length 2 bytes, the bytes
 *     4    time: milliseconds 2 bytes
 *     5    a stream: number byte % 8, event byte % 6, length 2 bytes, the bytes
 *     6    a command: byte
 *     7    a reading of the node's own, byte its value
 *     8    from now on the allocation number byte fails, once */
#include <string.h>

#include <muster/core.h>
#include <muster/telemetry.h>

#include "countdown.h"
#include "fuzz.h"
#include "input.h"

#define STEPS 9
#define INTERFACE 7
#define CONTROL_PORT 19797
#define START_MS 1000000
#define ROWS_MAX 64
#define OUTPUTS_MAX 4096 /* of one step: more would be a flood */
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* ---- the node ---- */

/* Half of all signatures hold, so that the input reaches what is behind them. */
static int verify(void *context, const uint8_t key[MUSTER_KEY_BYTES], const uint8_t *bytes, size_t length,
                  const uint8_t signature[MUSTER_SIGNATURE_BYTES]) {
    (void)context, (void)key, (void)bytes, (void)length;
    return signature[0] % 2 == 0 ? 0 : MUSTER_ECRYPTO;
}

static int sign(void *context, const uint8_t *bytes, size_t length,
                uint8_t signature[MUSTER_SIGNATURE_BYTES]) {
    (void)context, (void)bytes, (void)length;
    memset(signature, 2, MUSTER_SIGNATURE_BYTES);
    return 0;
}

struct fuzzed {
    muster_core_t *core;
    uint64_t now_ms;
    unsigned topic;
    bool has_left;
};

static struct muster_endpoint host(unsigned number) {
    return (struct muster_endpoint){
        .family = 4, .ip = {10, 0, 0, (uint8_t)(number + 1)}, .port = CONTROL_PORT + 1};
}

/* Where a datagram may have been sent to: both groups of control, this node, and telemetry's groups. */
static const struct muster_endpoint destinations[] = {
    {.family = 4, .ip = {224, 0, 0, 254}, .port = CONTROL_PORT},
    {.family = 4, .ip = {255, 255, 255, 255}, .port = CONTROL_PORT},
    {.family = 4, .ip = {10, 0, 0, 1}, .port = CONTROL_PORT + 1},
    {.family = 4, .ip = {239, 255, 77, 15}, .port = CONTROL_PORT - 1},
    {.family = 4, .ip = {239, 255, 77, 16}, .port = CONTROL_PORT - 1},
    {.family = 4, .ip = {239, 255, 77, 24}, .port = CONTROL_PORT - 1},
};

static void make_node(struct fuzzed *fuzzed) {
    static const char *const patterns[] = {"#"};
    static const uint8_t key[MUSTER_KEY_BYTES] = {1, 2, 3};
    struct muster_service service = {.name = "page", .type = "http", .proto = "tcp", .port = 80};
    struct muster_document document = {.name = "node", .services = &service, .service_count = 1};
    struct muster_subscription_options subscription = {
        .size = sizeof subscription, .patterns = patterns, .pattern_count = 1};
    struct muster_topic topic = {.name = "kitchen/door"};
    struct muster_core_options options;
    unsigned number;
    muster_core_options_init(&options);
    options.document = &document;
    options.key = key;
    options.crypto = (struct muster_crypto){.sign = sign, .verify = verify};
    options.boot = 5;
    options.peers_max = ROWS_MAX;
    options.ring_bytes = 65536;
    options.stream = CONTROL_PORT + 1;
    options.has_streams = true;
    options.caches = patterns;
    options.cache_count = 1;
    REQUIRE(muster_core_new(&options, fuzzed->now_ms, &fuzzed->core) == 0);
    REQUIRE(muster_core_topic_open(fuzzed->core, &topic, &fuzzed->topic) == 0);
    REQUIRE(muster_core_subscribe(fuzzed->core, &subscription, &number) == 0);
}

static int step(struct fuzzed *fuzzed, struct muster_event *event) {
    event->now_ms = fuzzed->now_ms;
    return muster_core_step(fuzzed->core, event);
}

static void give_paths(struct fuzzed *fuzzed) {
    struct muster_path paths[] = {
        {.interface = INTERFACE, .kind = MUSTER_PATH_M4, .name = "eth0", .address = host(0), .mtu = 1500},
        {.interface = INTERFACE, .kind = MUSTER_PATH_B4, .name = "eth0", .address = host(0), .mtu = 1500},
    };
    struct muster_event event = {.kind = MUSTER_EVENT_PATHS, .paths = paths, .path_count = COUNT(paths)};
    REQUIRE(step(fuzzed, &event) == 0);
}

/* ---- what must hold ---- */

static void check_books(const struct fuzzed *fuzzed) {
    const struct muster_counters *counters = muster_core_counters(fuzzed->core);
    uint64_t counted = counters->accepted + counters->copies;
    for (int drop = 0; drop < MUSTER_DROP_COUNT; drop++) {
        counted += counters->drops[drop];
    }
    REQUIRE(counters->received == counted);
}

static void check_rows(const struct fuzzed *fuzzed) {
    struct muster_peer_list list;
    int error = muster_core_peers(fuzzed->core, &list);
    REQUIRE(error == 0 || error == MUSTER_ENOMEM);
    REQUIRE(list.count <= ROWS_MAX + 1); /* and its own */
    for (size_t i = 0; i < list.count; i++) {
        REQUIRE(list.peers[i].document.name != NULL);
    }
    muster_peer_list_free(&list);
}

/* Takes all that the node wants to be done. */
static void drain(struct fuzzed *fuzzed) {
    struct muster_arrival arrival;
    struct muster_output output;
    unsigned count = 0;
    while (muster_core_next_arrival(fuzzed->core, &arrival)) {
        REQUIRE(++count < OUTPUTS_MAX);
    }
    while (muster_core_next(fuzzed->core, &output)) {
        REQUIRE(++count < OUTPUTS_MAX);
        if (output.kind == MUSTER_OUTPUT_DATAGRAM) {
            size_t each = output.datagram.segment != 0 ? output.datagram.segment : output.datagram.length;
            REQUIRE(each > 0 && each <= MUSTER_DATAGRAM_BYTES_MAX);
        }
        fuzzed->has_left = fuzzed->has_left || output.kind == MUSTER_OUTPUT_LEFT;
    }
    check_books(fuzzed);
}

/* ---- the steps ---- */

static void datagram(struct fuzzed *fuzzed, struct input *input) {
    struct muster_event event = {.kind = MUSTER_EVENT_DATAGRAM};
    event.datagram.destination = destinations[take(input) % COUNT(destinations)];
    event.datagram.source = host(take(input) % 8);
    event.datagram.interface = INTERFACE;
    event.datagram.ttl = event.datagram.destination.port < CONTROL_PORT ? 1 : 255;
    event.datagram.length = take_bytes(input, &event.datagram.bytes);
    REQUIRE(step(fuzzed, &event) == 0);
    drain(fuzzed); /* while the bytes are there */
}

static void stream(struct fuzzed *fuzzed, struct input *input) {
    struct muster_event event = {.kind = MUSTER_EVENT_STREAM};
    event.stream.number = 1 + take(input) % 8;
    event.stream.event = take(input) % 6;
    event.stream.remote = host(1);
    event.stream.interface = INTERFACE;
    event.stream.is_local = event.stream.number >= 5;
    event.stream.may_change = event.stream.number >= 7;
    event.stream.length = take_bytes(input, &event.stream.bytes);
    if (event.stream.event == MUSTER_STREAM_ACCEPTED && event.stream.number % 2 == 0) {
        return; /* even ones are the core's own */
    }
    step(fuzzed, &event);
}

static void command(struct fuzzed *fuzzed, uint8_t what) {
    struct muster_service service = {
        .name = "", .type = "http", .proto = "tcp", .port = (uint16_t)(what + 1)};
    struct muster_document document = {.name = "node", .services = &service, .service_count = what % 2};
    struct muster_change change = {.services = &service, .service_count = 1};
    struct muster_event event = {.kind = MUSTER_EVENT_COMMAND};
    event.command.kind = what % 8 == 7 ? MUSTER_COMMAND_LEAVE : what % 3;
    event.command.document = &document;
    event.command.change = &change;
    step(fuzzed, &event);
}

static void take_step(struct fuzzed *fuzzed, struct input *input) {
    struct muster_event timer = {.kind = MUSTER_EVENT_TIMER};
    struct muster_record record = {.kind = MUSTER_VALUE_NUMBER};
    switch (take(input) % STEPS) {
    case 4:
        fuzzed->now_ms += take_2(input);
        REQUIRE(step(fuzzed, &timer) == 0);
        break;
    case 5: stream(fuzzed, input); break;
    case 6: command(fuzzed, take(input)); break;
    case 7:
        record.number = take(input);
        muster_core_topic_add(fuzzed->core, fuzzed->topic, &record, fuzzed->now_ms, 1700000000);
        break;
    case 8: countdown_set(take(input)); break;
    default: datagram(fuzzed, input); break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    struct input input = {bytes, length};
    struct fuzzed fuzzed = {.now_ms = START_MS};
    long before = countdown_bytes();
    make_node(&fuzzed);
    give_paths(&fuzzed);
    drain(&fuzzed);
    while (input.left > 0 && !fuzzed.has_left) {
        take_step(&fuzzed, &input);
        drain(&fuzzed);
    }
    countdown_set(0);
    check_rows(&fuzzed);
    muster_core_free(fuzzed.core);
    REQUIRE(countdown_bytes() == before);
    return 0;
}
