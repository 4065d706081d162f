/* SPDX-License-Identifier: MIT */
#include "world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "countdown.h"
#include "test.h"

#define BEGIN_MS 1000000
#define PATIENCE_MS 60000
#define MEETING_MS 5000
#define STRANGER 99 /* 10.0.0.99 */
#define TEXT_BYTES_MAX 4096
#define NEXT_MS_MAX 172800000 /* the longest promise */

struct world world;

struct flight {
    struct flight *next;
    uint64_t arrival_ms;
    size_t to;
    struct muster_datagram datagram;
    uint8_t bytes[];
};

static double draw(void) {
    world.random = world.random * 6364136223846793005u + 1442695040888963407u;
    return (double)(world.random >> 11) * 0x1p-53;
}

static void check_books(size_t index) {
    const struct muster_counters *counters = world_counters(index);
    uint64_t counted = counters->accepted + counters->copies;
    for (int drop = 0; drop < MUSTER_DROP_COUNT; drop++) {
        counted += counters->drops[drop];
    }
    assert_int_equal(counters->received, counted);
}

void world_begin(uint64_t seed) {
    world_end();
    memset(&world, 0, sizeof world);
    world.now_ms = BEGIN_MS;
    world.random = seed;
    world.latency_max_ms = 1;
    world.last_post = &world.posts;
}

void world_end(void) {
    countdown_set(0);
    muster_peer_list_free(&world.looked);
    pipes_deinit();
    world.last_flight = NULL;
    while (world.flights != NULL) {
        struct flight *flight = world.flights;
        world.flights = flight->next;
        countdown_free(flight);
    }
    while (world.count > 0) {
        size_t index = --world.count;
        check_books(index);
        muster_core_free(world.nodes[index].core);
    }
}

/* ---- the segment ---- */

void world_inject(size_t to, const struct muster_datagram *datagram) {
    struct flight *flight = countdown_malloc(sizeof *flight + datagram->length);
    assert_non_null(flight);
    memcpy(flight->bytes, datagram->bytes, datagram->length);
    flight->datagram = *datagram;
    flight->datagram.bytes = flight->bytes;
    flight->to = to;
    flight->arrival_ms = world.now_ms + 1 + (uint64_t)(draw() * (double)(world.latency_max_ms - 1));
    bool is_last = world.last_flight != NULL && world.last_flight->arrival_ms <= flight->arrival_ms;
    struct flight **place = is_last ? &world.last_flight->next : &world.flights;
    while (*place != NULL && (*place)->arrival_ms <= flight->arrival_ms) {
        place = &(*place)->next;
    }
    flight->next = *place;
    *place = flight;
    if (flight->next == NULL) {
        world.last_flight = flight;
    }
}

bool datagram_has(const struct muster_datagram *datagram, const char *text) {
    return memmem(datagram->bytes, datagram->length, text, strlen(text)) != NULL;
}

static bool is_telemetry(const struct muster_endpoint *destination) {
    return destination->family == 6 ? destination->ip[1] == 0x12 : destination->ip[0] == 239;
}

static unsigned last_byte(const struct muster_endpoint *destination) {
    return destination->ip[destination->family == 6 ? 15 : 3];
}

static bool is_for_naks(const struct muster_endpoint *destination) {
    return is_telemetry(destination) && last_byte(destination) == 15;
}

static enum muster_path_kind kind_of(const struct muster_endpoint *destination) {
    if (destination->family == 6) {
        return destination->ip[0] == 0xff ? MUSTER_PATH_M6 : MUSTER_PATH_U6;
    }
    bool is_multicast = destination->ip[0] == 224 || is_telemetry(destination);
    return is_multicast ? MUSTER_PATH_M4 : destination->ip[0] == 255 ? MUSTER_PATH_B4 : MUSTER_PATH_U4;
}

#define V6_KINDS (1u << MUSTER_PATH_M6)

bool world_lose_copies(size_t from, size_t to, const struct muster_datagram *datagram) {
    return from == to || kind_of(&datagram->destination) == MUSTER_PATH_B4;
}

/* Telemetry reaches those who hear its group. */
static bool hears(const struct node *node, const struct muster_endpoint *destination) {
    unsigned group = is_for_naks(destination) ? MUSTER_SHARDS : last_byte(destination) - 16u;
    uint32_t groups = destination->family == 6 ? node->groups6 : node->groups;
    return !is_telemetry(destination) || (groups & 1u << group) != 0;
}

static bool reaches(size_t from, size_t to, const struct muster_datagram *datagram) {
    const struct node *node = &world.nodes[to];
    enum muster_path_kind kind = kind_of(&datagram->destination);
    bool is_v6 = datagram->destination.family == 6;
    const struct muster_endpoint *own = is_v6 ? &node->endpoint6 : &node->endpoint;
    bool is_meant = kind < MUSTER_PATH_U4
                        ? (node->kinds & 1u << kind) != 0
                        : (node->kinds & (is_v6 ? V6_KINDS : ~V6_KINDS)) != 0 &&
                              memcmp(own->ip, datagram->destination.ip, sizeof own->ip) == 0 &&
                              own->port == datagram->destination.port;
    bool is_lost = to != from && draw() < node->loss;
    return is_meant && !is_lost && hears(node, &datagram->destination) && (node->paths & 1u << kind) != 0 &&
           (world.is_lost == NULL || !world.is_lost(from, to, datagram));
}

static void transmit_one(size_t from, struct muster_datagram datagram) {
    datagram.source =
        datagram.destination.family == 6 ? world.nodes[from].endpoint6 : world.nodes[from].endpoint;
    datagram.interface = datagram.interface == 0 ? WORLD_INTERFACE : datagram.interface; /* of the receiver */
    world.sent++;
    world.sent_bytes += datagram.length;
    world.telemetry_bytes += is_telemetry(&datagram.destination) ? datagram.length : 0;
    world.naks += is_for_naks(&datagram.destination) ? 1 : 0;
    if (world.on_sent != NULL) {
        world.on_sent(from, &datagram);
    }
    for (size_t to = 0; to < world.count; to++) {
        if (reaches(from, to, &datagram)) {
            world_inject(to, &datagram);
        }
    }
}

/* Where datagrams are lost each is on its own; elsewhere a batch arrives as one. */
static void transmit(size_t from, const struct muster_datagram *datagram) {
    bool is_lossy = world.is_lost != NULL;
    for (size_t to = 0; to < world.count; to++) {
        is_lossy = is_lossy || world.nodes[to].loss > 0;
    }
    if (datagram->segment == 0 || !is_lossy) {
        transmit_one(from, *datagram);
        return;
    }
    for (size_t at = 0; at < datagram->length; at += datagram->segment) {
        struct muster_datagram one = *datagram;
        one.bytes += at;
        one.length = datagram->length - at < one.segment ? datagram->length - at : one.segment;
        one.segment = 0;
        transmit_one(from, one);
    }
}

/* ---- steps ---- */

static const char *name_of(const struct muster_peer *peer) {
    char id[MUSTER_ID_TEXT_BYTES];
    muster_id_text(peer->id, id);
    for (size_t i = 0; i < world.count; i++) {
        if (strcmp(world.nodes[i].id, id) == 0) {
            return world.nodes[i].name;
        }
    }
    return peer->document.name;
}

static void tell(const struct node *node, const struct muster_output *output) {
    size_t room = sizeof world.story - world.story_length;
    int length = snprintf(world.story + world.story_length, room, "%s: %s %s\n", node->name,
                          muster_peer_event_name(output->peer_event), name_of(&output->peer));
    world.story_length += (size_t)length < room ? (size_t)length : room - 1;
}

static void send(size_t index, const struct muster_datagram *datagram) {
    if (world.is_unsent != NULL && world.is_unsent(index, datagram)) {
        muster_core_record_unsent(world.nodes[index].core, datagram);
    } else {
        transmit(index, datagram);
    }
}

static void pull(size_t index) {
    struct node *node = &world.nodes[index];
    struct muster_output output;
    while (muster_core_next(node->core, &output)) {
        switch (output.kind) {
        case MUSTER_OUTPUT_DATAGRAM: send(index, &output.datagram); break;
        case MUSTER_OUTPUT_PEER:
            node->counts[output.peer_event]++;
            tell(node, &output);
            break;
        case MUSTER_OUTPUT_SETTLED: node->settled++; break;
        case MUSTER_OUTPUT_LEFT: node->has_left = true; break;
        case MUSTER_OUTPUT_STREAM_OPEN:
        case MUSTER_OUTPUT_STREAM_WRITE:
        case MUSTER_OUTPUT_STREAM_CLOSE: pipes_output(index, &output); break;
        case MUSTER_OUTPUT_GROUPS:
            node->groups = output.groups;
            node->groups6 = output.groups6;
            break;
        }
    }
}

static void pull_arrivals(size_t index) {
    struct muster_arrival arrival;
    while (muster_core_next_arrival(world.nodes[index].core, &arrival)) {
        if (world.on_arrival != NULL) {
            world.on_arrival(index, &arrival);
        }
    }
}

static uint64_t deadline_of(size_t index) {
    const struct node *node = &world.nodes[index];
    uint64_t deadline_ms = muster_core_deadline(node->core);
    return deadline_ms == UINT64_MAX ? deadline_ms : deadline_ms + node->suspended_ms;
}

/* Whoever skips outputs and the deadline, when a datagram of telemetry left nothing to do, misses nothing;
 * but an event for which memory lacked may wait. */
static void check_rest(size_t index, const struct muster_event *event, uint64_t deadline_ms) {
    muster_core_t *core = world.nodes[index].core;
    struct muster_output output;
    if (event->kind != MUSTER_EVENT_DATAGRAM || !is_telemetry(&event->datagram.destination) ||
        muster_core_has_work(core)) {
        return;
    }
    world.rests++;
    bool is_due = deadline_ms <= world.now_ms;
    assert_true(is_due || deadline_of(index) >= deadline_ms);
    assert_true(is_due || world.has_lacked_memory || !muster_core_next(core, &output));
}

int world_step(size_t index, struct muster_event *event) {
    muster_core_t *core = world.nodes[index].core;
    uint64_t deadline_ms = deadline_of(index);
    event->now_ms = world.now_ms - world.nodes[index].suspended_ms;
    event->suspended_ms = (int64_t)world.nodes[index].suspended_ms;
    int error = muster_core_step(core, event);
    world.has_lacked_memory = world.has_lacked_memory || countdown_has_failed();
    pull_arrivals(index);
    check_rest(index, event, deadline_ms);
    pull(index);
    return error;
}

void world_tick(size_t index) {
    assert_int_equal(world_step(index, &(struct muster_event){.kind = MUSTER_EVENT_TIMER}), 0);
}

int world_paths(size_t index, const struct muster_path *paths, size_t count) {
    struct muster_event event = {.kind = MUSTER_EVENT_PATHS, .paths = paths, .path_count = count};
    return world_step(index, &event);
}

/* The crypto of all nodes, with this secret. */
static struct muster_crypto crypto_of(uint8_t *secret) {
    struct muster_crypto crypto;
    assert_int_equal(muster_crypto_ed25519(&crypto, secret), 0);
    if (world.crypto != NULL) {
        crypto = *world.crypto;
        crypto.context = secret;
    }
    return crypto;
}

static void make_key(uint8_t number, uint64_t boot, uint8_t key[MUSTER_KEY_BYTES],
                     uint8_t secret[MUSTER_SECRET_BYTES]) {
    uint8_t seed[crypto_sign_SEEDBYTES];
    memset(seed, number, sizeof seed);
    memcpy(seed, &boot, sizeof boot);
    crypto_sign_seed_keypair(key, secret, seed);
}

static void read_id(struct node *node) {
    uint8_t id[MUSTER_ID_BYTES];
    muster_core_id(node->core, id);
    muster_id_text(id, node->id);
}

int world_command(size_t index, const struct muster_command *command) {
    struct muster_event event = {.kind = MUSTER_EVENT_COMMAND, .command = *command};
    int error = world_step(index, &event);
    read_id(&world.nodes[index]); /* it may have another key */
    return error;
}

/* ---- nodes ---- */

static const struct muster_service http = {.name = "", .type = "http", .proto = "tcp", .port = 8080};

struct muster_core_options world_options(size_t index) {
    struct node *node = &world.nodes[index];
    struct muster_core_options options;
    muster_core_options_init(&options);
    options.document = node->is_observer ? NULL : &node->document;
    options.boot = node->boot + 1;
    memset(options.seed, (int)(index + 1), sizeof options.seed);
    options.seed[1] = (uint8_t)options.boot;
    options.seed[2] = (uint8_t)(world.random >> 32);
    options.crypto = crypto_of(node->secret);
    options.has_streams = node->has_streams;
    options.stream = node->has_streams ? WORLD_STREAM_PORT : 0;
    options.key = node->is_signed ? node->key : NULL;
    options.group_keys = world.group_keys;
    options.group_key_count = world.group_key_count;
    return options;
}

void world_start(size_t index, const struct muster_core_options *options) {
    struct muster_path paths[MUSTER_PATH_U4];
    size_t path_count = 0;
    struct node *node = &world.nodes[index];
    for (enum muster_path_kind kind = MUSTER_PATH_M4; kind < MUSTER_PATH_U4; kind++) {
        if (node->kinds & 1u << kind) {
            paths[path_count++] =
                (struct muster_path){.interface = WORLD_INTERFACE, .kind = kind, .name = "eth0"};
        }
    }
    if (node->core != NULL) {
        pipes_lose(index, false);
        check_books(index);
        muster_core_free(node->core);
    }
    assert_int_equal(muster_core_new(options, world.now_ms - node->suspended_ms, &node->core), 0);
    node->boot = options->boot;
    node->is_stopped = false;
    node->has_left = false;
    node->groups = node->groups6 = 0;
    read_id(node);
    assert_int_equal(world_paths(index, paths, path_count), 0);
}

void world_restart(size_t index) {
    const struct muster_core_options options = world_options(index);
    world_start(index, &options);
}

size_t world_add(const char *name) {
    assert_true(world.count < WORLD_NODES_MAX);
    size_t index = world.count++;
    struct node *node = &world.nodes[index];
    node->secret = node->secrets[0];
    make_key((uint8_t)index, 0, node->key, node->secret);
    snprintf(node->name, sizeof node->name, "%s", name);
    node->document = (struct muster_document){.name = node->name, .services = &http, .service_count = 1};
    node->endpoint =
        (struct muster_endpoint){.family = 4, .ip = {10, 0, 0, (uint8_t)(index + 1)}, .port = 19798};
    node->endpoint6 =
        (struct muster_endpoint){.family = 6, .ip = {0xfe, 0x80, [15] = (uint8_t)(index + 1)}, .port = 19798};
    node->kinds = world.kinds != 0 ? world.kinds : WORLD_GROUP_PATHS;
    node->paths = WORLD_ALL_PATHS;
    node->has_streams = world.has_streams;
    node->is_observer = name[0] == '?';
    node->is_signed = !node->is_observer && name[strlen(name) - 1] != '!';
    world_restart(index);
    return index;
}

void world_gather(size_t count) {
    for (size_t i = 0; i < count; i++) {
        world_add((const char[]){(char)('a' + i), '\0'});
    }
    world_run(MEETING_MS);
    world_story();
}

void world_kill(size_t index) {
    world.nodes[index].is_stopped = true;
    pipes_lose(index, world.nodes[index].is_silent);
}

void world_suspend(size_t index) {
    world.nodes[index].is_stopped = true;
    world.nodes[index].suspend_ms = world.now_ms;
}

void world_wake(size_t index) {
    struct node *node = &world.nodes[index];
    node->is_stopped = false;
    node->suspended_ms += world.now_ms - node->suspend_ms;
    world_tick(index);
}

void world_query(size_t index) {
    const struct muster_command command = {.kind = MUSTER_COMMAND_QUERY};
    assert_int_equal(world_command(index, &command), 0);
}

int world_update(size_t index, const char *name, uint16_t port) {
    struct muster_service service = http;
    service.port = port;
    const struct muster_document document = {.name = name, .services = &service, .service_count = 1};
    const struct muster_command command = {.kind = MUSTER_COMMAND_UPDATE, .document = &document};
    return world_command(index, &command);
}

int world_offer(size_t index, const char *name, unsigned count, unsigned first_port) {
    struct muster_service *services = calloc(count + 1, sizeof *services);
    assert_non_null(services);
    for (unsigned i = 0; i < count; i++) {
        services[i] = http;
        services[i].port = (uint16_t)(first_port + i);
    }
    const struct muster_document document = {.name = name, .services = services, .service_count = count};
    const struct muster_command command = {.kind = MUSTER_COMMAND_UPDATE, .document = &document};
    int error = world_command(index, &command);
    free(services);
    return error;
}

void world_leave(size_t index) {
    const struct muster_command command = {.kind = MUSTER_COMMAND_LEAVE};
    assert_int_equal(world_command(index, &command), 0);
}

int world_rekey(size_t index, uint64_t boot) {
    struct node *node = &world.nodes[index];
    uint8_t key[MUSTER_KEY_BYTES];
    uint8_t *secret = node->secret == node->secrets[0] ? node->secrets[1] : node->secrets[0];
    make_key((uint8_t)index, boot, key, secret);
    const struct muster_command command = {
        .kind = MUSTER_COMMAND_REKEY, .key = key, .crypto = crypto_of(secret), .boot = boot};
    int error = world_command(index, &command);
    if (error == 0) {
        memcpy(node->key, key, sizeof key);
        node->secret = secret;
        node->is_signed = true;
    }
    return error;
}

/* ---- cheap signatures: a hash keyed with what follows the seed in a secret of Ed25519, the key ---- */

static int sign_cheaply(void *context, const uint8_t *bytes, size_t length,
                        uint8_t signature[MUSTER_SIGNATURE_BYTES]) {
    const uint8_t *secret = context;
    const uint8_t *key = secret + MUSTER_SECRET_BYTES - MUSTER_KEY_BYTES;
    return crypto_generichash(signature, MUSTER_SIGNATURE_BYTES, bytes, length, key, MUSTER_KEY_BYTES);
}

static int verify_cheaply(void *context, const uint8_t key[MUSTER_KEY_BYTES], const uint8_t *bytes,
                          size_t length, const uint8_t signature[MUSTER_SIGNATURE_BYTES]) {
    (void)context;
    uint8_t expected[MUSTER_SIGNATURE_BYTES];
    crypto_generichash(expected, sizeof expected, bytes, length, key, MUSTER_KEY_BYTES);
    return memcmp(signature, expected, sizeof expected) == 0 ? 0 : MUSTER_ECRYPTO;
}

const struct muster_crypto world_cheap_crypto = {.sign = sign_cheaply, .verify = verify_cheaply};

/* ---- time ---- */

static uint64_t next_moment(size_t *index) {
    uint64_t moment_ms = UINT64_MAX;
    for (size_t i = 0; i < world.count; i++) {
        if (!world.nodes[i].is_stopped && deadline_of(i) < moment_ms) {
            moment_ms = deadline_of(i);
            *index = i;
        }
    }
    return moment_ms;
}

static void deliver(void) {
    struct flight *flight = world.flights;
    world.flights = flight->next;
    if (world.flights == NULL) {
        world.last_flight = NULL;
    }
    if (!world.nodes[flight->to].is_stopped) {
        struct muster_event event = {.kind = MUSTER_EVENT_DATAGRAM, .datagram = flight->datagram};
        assert_int_equal(world_step(flight->to, &event), 0);
    }
    countdown_free(flight);
}

/* Does the next thing that happens before end_ms; false when there is none. */
static bool advance(uint64_t end_ms) {
    size_t index = 0;
    uint64_t timer_ms = next_moment(&index);
    uint64_t flight_ms = world.flights == NULL ? UINT64_MAX : world.flights->arrival_ms;
    uint64_t post_ms = pipes_next_ms();
    uint64_t moment_ms = timer_ms < flight_ms ? timer_ms : flight_ms;
    moment_ms = post_ms < moment_ms ? post_ms : moment_ms;
    if (moment_ms > end_ms) {
        world.now_ms = end_ms;
        return false;
    }
    if (moment_ms > world.now_ms) {
        world.now_ms = moment_ms;
    }
    if (post_ms == moment_ms) {
        pipes_deliver();
    } else if (flight_ms == moment_ms) {
        deliver();
    } else {
        world_tick(index);
    }
    return true;
}

void world_run(uint64_t for_ms) {
    uint64_t end_ms = world.now_ms + for_ms;
    while (advance(end_ms)) {
    }
}

bool world_run_until(size_t index, enum muster_peer_event event, unsigned count) {
    uint64_t end_ms = world.now_ms + PATIENCE_MS;
    while (world.nodes[index].counts[event] < count) {
        if (!advance(end_ms)) {
            return false;
        }
    }
    return true;
}

/* ---- what others say ---- */

static void say(size_t to, uint8_t source, enum muster_path_kind path, const char *text, size_t length) {
    static const uint8_t addresses[][4] = {
        [MUSTER_PATH_M4] = {224, 0, 0, 254}, [MUSTER_PATH_B4] = {255, 255, 255, 255}};
    struct muster_datagram datagram = {.bytes = (const uint8_t *)text,
                                       .length = length,
                                       .source = {.family = 4, .ip = {10, 0, 0, source}, .port = 19798},
                                       .destination = {.family = 4, .port = MUSTER_PORT_DEFAULT},
                                       .interface = WORLD_INTERFACE,
                                       .ttl = 255};
    if (path == MUSTER_PATH_U4) {
        datagram.destination = world.nodes[to].endpoint;
    } else {
        memcpy(datagram.destination.ip, addresses[path], sizeof addresses[path]);
    }
    world_inject(to, &datagram);
}

static size_t print(char *text, size_t size, const char *format, va_list arguments) {
    int length = vsnprintf(text, size, format, arguments);
    assert_true(length >= 0 && (size_t)length < size);
    return (size_t)length;
}

void world_say(size_t to, uint8_t source, enum muster_path_kind path, const char *format, ...) {
    char text[TEXT_BYTES_MAX];
    va_list arguments;
    va_start(arguments, format);
    size_t length = print(text, sizeof text, format, arguments);
    va_end(arguments);
    say(to, source, path, text, length);
}

void world_say_signed(size_t to, uint8_t source, enum muster_path_kind path, uint8_t *secret, size_t padded,
                      const char *format, ...) {
    char text[TEXT_BYTES_MAX];
    char line[128];
    uint8_t signature[MUSTER_SIGNATURE_BYTES];
    char encoded[sodium_base64_ENCODED_LEN(MUSTER_SIGNATURE_BYTES, sodium_base64_VARIANT_ORIGINAL)];
    const struct muster_crypto crypto = crypto_of(secret);
    va_list arguments;
    va_start(arguments, format);
    size_t length = print(text, sizeof text, format, arguments);
    va_end(arguments);
    const size_t tail =
        (size_t)snprintf(line, sizeof line, "\n{\"sig\":\"%*s\"}\n", (int)sizeof encoded - 1, "");
    for (; length + tail < padded; length++) {
        text[length] = ' ';
    }
    text[length++] = '\n';
    assert_int_equal(crypto.sign(crypto.context, (const uint8_t *)text, length, signature), 0);
    sodium_bin2base64(encoded, sizeof encoded, signature, sizeof signature, sodium_base64_VARIANT_ORIGINAL);
    length += (size_t)snprintf(text + length, sizeof text - length, "{\"sig\":\"%s\"}\n", encoded);
    say(to, source, path, text, length);
}

size_t announce_print(const struct announce *announce, char text[ANNOUNCE_BYTES_MAX]) {
    char id[MUSTER_ID_TEXT_BYTES];
    uint64_t seq = announce->seq == 0 ? 1 : announce->seq;
    snprintf(id, sizeof id, "%032x", announce->number);
    int length =
        snprintf(text, ANNOUNCE_BYTES_MAX,
                 "{\"muster\":1,\"kind\":\"announce\",\"id\":\"%s\",\"boot\":%llu,\"seq\":%llu,\"rev\":%llu,"
                 "\"next_ms\":%llu,\"peers\":%llu,\"name\":\"%s\"%s}\n",
                 announce->id == NULL ? id : announce->id,
                 (unsigned long long)(announce->boot == 0 ? 1 : announce->boot), (unsigned long long)seq,
                 (unsigned long long)(announce->rev == 0 ? seq : announce->rev),
                 (unsigned long long)(announce->next_ms == 0 ? NEXT_MS_MAX : announce->next_ms),
                 (unsigned long long)announce->peers, announce->name == NULL ? "stranger" : announce->name,
                 announce->more == NULL ? "" : announce->more);
    assert_in_range(length, 1, ANNOUNCE_BYTES_MAX - 1);
    return (size_t)length;
}

void world_announce(size_t to, uint8_t source, const struct announce *announce) {
    char text[ANNOUNCE_BYTES_MAX];
    say(to, source, MUSTER_PATH_M4, text, announce_print(announce, text));
}

void world_hear(size_t to, const struct announce *announce) {
    world_announce(to, STRANGER, announce);
    world_run(1);
}

/* ---- looking ---- */

size_t world_rows(size_t index, enum muster_state state) {
    struct muster_peer_list list;
    assert_int_equal(muster_core_peers(world.nodes[index].core, &list), 0);
    size_t count = 0;
    for (size_t i = 0; i < list.count; i++) {
        count += list.peers[i].state == state;
    }
    muster_peer_list_free(&list);
    return count;
}

static const struct muster_peer *find_row(size_t index, const char *name) {
    muster_peer_list_free(&world.looked);
    assert_int_equal(muster_core_peers(world.nodes[index].core, &world.looked), 0);
    for (size_t i = 0; i < world.looked.count; i++) {
        if (strcmp(world.looked.peers[i].document.name, name) == 0) {
            return &world.looked.peers[i];
        }
    }
    return NULL;
}

const struct muster_peer *world_row(size_t index, const char *name) {
    const struct muster_peer *row = find_row(index, name);
    if (row == NULL) {
        fail_msg("%s has no row of %s", world.nodes[index].name, name);
    }
    return row;
}

bool world_has_row(size_t index, const char *name) {
    return find_row(index, name) != NULL;
}

struct line {
    char text[1024];
};

__attribute__((format(printf, 2, 3))) static void append(struct line *line, const char *format, ...) {
    size_t used = strlen(line->text);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line->text + used, sizeof line->text - used, format, arguments);
    va_end(arguments);
}

static void append_texts(struct line *line, const char *before, const struct muster_text *texts, size_t count,
                         const char *behind) {
    for (size_t i = 0; i < count; i++) {
        append(line, "%s%s=%s%s", before, texts[i].name, texts[i].value, behind);
    }
}

static void append_name(struct line *line, const char *name) {
    if (name[0] != '\0') {
        append(line, "(%s)", name);
    }
}

static void append_document(struct line *line, const struct muster_document *document) {
    append(line, "%s", document->name);
    for (size_t i = 0; i < document->service_count; i++) {
        const struct muster_service *service = &document->services[i];
        append(line, " %s/%s:%u", service->type, service->proto, service->port);
        append_name(line, service->name);
        append_texts(line, "[", service->txt, service->txt_count, "]");
    }
    append_texts(line, " ", document->attrs, document->attr_count, "");
    for (size_t i = 0; i < document->topic_count; i++) {
        const struct muster_topic *topic = &document->topics[i];
        append(line, " %s", topic->name);
        append_name(line, topic->unit);
        append_texts(line, "[", topic->units, topic->unit_count, "]");
    }
}

const char *world_seen(size_t index) {
    static struct line line;
    struct muster_peer_list list;
    line.text[0] = '\0';
    assert_int_equal(muster_core_peers(world.nodes[index].core, &list), 0);
    assert_int_equal(list.count, 1);
    append_document(&line, &list.peers[0].document);
    muster_peer_list_free(&list);
    return line.text;
}

const char *world_story(void) {
    static char story[WORLD_STORY_BYTES];
    memcpy(story, world.story, sizeof story);
    world.story[0] = '\0';
    world.story_length = 0;
    return story;
}

const struct muster_counters *world_counters(size_t index) {
    return muster_core_counters(world.nodes[index].core);
}

uint64_t world_drops(size_t index, enum muster_drop drop) {
    return world_counters(index)->drops[drop];
}
