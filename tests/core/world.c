#include "world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "countdown.h"
#include "node.h"
#include "outbox.h"
#include "signal.h"
#include "test.h"

#define BEGIN_MS 1000000
#define INTERFACE WORLD_INTERFACE
#define PATIENCE_MS 60000

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
    for (size_t i = 0; i < world.count; i++) {
        muster_core_free(world.nodes[i].core);
    }
    world.count = 0;
    pipes_deinit();
    world.last_flight = NULL;
    while (world.flights != NULL) {
        struct flight *flight = world.flights;
        world.flights = flight->next;
        free(flight);
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

void world_say(size_t to, const char *text, uint8_t source, unsigned path) {
    static const uint8_t addresses[][4] = {{224, 0, 0, 254}, {255, 255, 255, 255}};
    struct muster_datagram datagram = {.bytes = (const uint8_t *)text,
                                       .length = strlen(text),
                                       .source = {.family = 4, .ip = {10, 0, 0, source}, .port = 19798},
                                       .destination = {.family = 4, .port = 19797},
                                       .interface = INTERFACE,
                                       .ttl = 255};
    if (path == MUSTER_PATH_U4) {
        datagram.destination = world.nodes[to].endpoint;
    } else {
        memcpy(datagram.destination.ip, addresses[path], 4);
    }
    world_inject(to, &datagram);
}

static unsigned kind_of(const struct muster_endpoint *destination) {
    bool is_multicast = destination->ip[0] == 224 || destination->ip[0] == 239;
    return is_multicast ? MUSTER_PATH_M4 : destination->ip[0] == 255 ? MUSTER_PATH_B4 : MUSTER_PATH_U4;
}

/* Telemetry reaches those who hear its group. */
static bool hears(const struct node *node, const struct muster_endpoint *destination) {
    if (destination->ip[0] != 239) {
        return true;
    }
    unsigned group = destination->ip[3] == 15 ? MUSTER_SHARDS : destination->ip[3] - 16u;
    return (node->groups & 1u << group) != 0;
}

static void transmit_one(size_t from, struct muster_datagram datagram) {
    unsigned kind = kind_of(&datagram.destination);
    datagram.source = world.nodes[from].endpoint;
    world.sent++;
    world.sent_bytes += datagram.length;
    if (datagram.destination.ip[0] == 239) {
        world.telemetry_bytes += datagram.length;
        world.naks += datagram.destination.ip[3] == 15 ? 1 : 0;
    }
    for (size_t to = 0; to < world.count; to++) {
        struct node *node = &world.nodes[to];
        bool is_meant = kind != MUSTER_PATH_U4 ||
                        memcmp(&node->endpoint, &datagram.destination, sizeof node->endpoint) == 0;
        bool is_own = to == from;
        bool is_lost = !is_own && draw() < node->loss;
        if (!is_meant || is_lost || !hears(node, &datagram.destination) || !(node->paths & 1u << kind) ||
            (world.is_lost != NULL && world.is_lost(from, to, &datagram))) {
            continue;
        }
        world_inject(to, &datagram);
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

/* ---- nodes ---- */

static const char *name_of(const struct muster_peer *peer) {
    for (size_t i = 0; i < world.count; i++) {
        uint8_t id[MUSTER_ID_BYTES];
        if (world.nodes[i].core != NULL) {
            muster_core_id(world.nodes[i].core, id);
            if (memcmp(id, peer->id, sizeof id) == 0) {
                return world.nodes[i].name;
            }
        }
    }
    return peer->document.name;
}

static void tell(const struct node *node, const struct muster_output *output) {
    size_t length = strlen(world.story);
    snprintf(world.story + length, sizeof world.story - length, "%s: %s %s\n", node->name,
             muster_peer_event_name(output->peer_event), name_of(&output->peer));
}

static void pull(size_t index) {
    struct node *node = &world.nodes[index];
    struct muster_output output;
    while (muster_core_next(node->core, &output)) {
        switch (output.kind) {
        case MUSTER_OUTPUT_DATAGRAM: transmit(index, &output.datagram); break;
        case MUSTER_OUTPUT_PEER:
            node->counts[output.peer_event]++;
            if (!node->is_quiet) {
                tell(node, &output);
            }
            break;
        case MUSTER_OUTPUT_SETTLED: node->settled++; break;
        case MUSTER_OUTPUT_LEFT: node->has_left = true; break;
        case MUSTER_OUTPUT_STREAM_OPEN:
        case MUSTER_OUTPUT_STREAM_WRITE:
        case MUSTER_OUTPUT_STREAM_CLOSE: pipes_output(index, &output); break;
        case MUSTER_OUTPUT_GROUPS: node->groups = output.groups; break;
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

/* Who skips outputs and the deadline, when a datagram of telemetry left nothing to do, misses nothing. */
static void check_rest(size_t index, const struct muster_event *event, uint64_t deadline_ms) {
    muster_core_t *core = world.nodes[index].core;
    struct muster_output output;
    unsigned shard;
    bool is_telemetry =
        event->kind == MUSTER_EVENT_DATAGRAM && signal_is_for(&event->datagram, MUSTER_PORT_DEFAULT, &shard);
    bool is_due = deadline_ms <= world.now_ms;
    bool is_waiting = outbox_first_event(&core->outbox) != NULL; /* for memory, and there is a deadline */
    if (is_telemetry && !muster_core_has_work(core)) {
        world.rests++;
        assert_true(is_due || muster_core_deadline(core) >= deadline_ms);
        assert_true(is_due || is_waiting || !muster_core_next(core, &output));
    }
}

int world_step(size_t index, struct muster_event *event) {
    uint64_t deadline_ms = muster_core_deadline(world.nodes[index].core);
    event->now_ms = world.now_ms;
    int error = muster_core_step(world.nodes[index].core, event);
    pull_arrivals(index);
    check_rest(index, event, deadline_ms);
    pull(index);
    return error;
}

int world_paths(size_t index, const struct muster_path *paths, size_t count) {
    struct muster_event event = {.kind = MUSTER_EVENT_PATHS, .paths = paths, .path_count = count};
    return world_step(index, &event);
}

int world_command(size_t index, const struct muster_command *command) {
    struct muster_event event = {.kind = MUSTER_EVENT_COMMAND, .command = *command};
    return world_step(index, &event);
}

void world_options(size_t index, const struct muster_document *document,
                   struct muster_core_options *options) {
    struct node *node = &world.nodes[index];
    muster_core_options_init(options);
    options->document = document;
    options->boot = ++node->boot;
    memset(options->seed, (int)(index + 1), sizeof options->seed);
    options->seed[1] = (uint8_t)node->boot;
    options->seed[2] = (uint8_t)(world.random >> 32);
    assert_int_equal(muster_crypto_ed25519(&options->crypto, node->secret), 0);
    if (world.crypto != NULL) {
        options->crypto = *world.crypto;
        options->crypto.context = node->secret;
    }
    options->has_streams = node->has_streams;
    options->stream = node->has_streams ? WORLD_STREAM_PORT : 0;
    options->key = node->is_signed ? node->key : NULL;
}

void world_start(size_t index, const struct muster_core_options *options) {
    static const struct muster_path paths[] = {
        {.interface = INTERFACE, .kind = MUSTER_PATH_M4, .name = "eth0"},
        {.interface = INTERFACE, .kind = MUSTER_PATH_B4, .name = "eth0"}};
    struct node *node = &world.nodes[index];
    pipes_lose(index, false);
    muster_core_free(node->core);
    assert_int_equal(muster_core_new(options, world.now_ms, &node->core), 0);
    node->is_stopped = false;
    node->has_left = false;
    node->groups = 0;
    assert_int_equal(world_paths(index, paths, 2), 0);
}

size_t world_add(const char *name) {
    size_t index = world.count++;
    struct node *node = &world.nodes[index];
    assert_true(world.count <= WORLD_NODES_MAX);
    uint8_t seed[crypto_sign_SEEDBYTES];
    memset(seed, (int)(index + 1), sizeof seed);
    crypto_sign_seed_keypair(node->key, node->secret, seed);
    snprintf(node->name, sizeof node->name, "%s", name);
    node->endpoint =
        (struct muster_endpoint){.family = 4, .ip = {10, 0, 0, (uint8_t)(index + 1)}, .port = 19798};
    node->paths = 7;
    node->has_streams = world.has_streams;
    node->is_signed = name[0] != '?' && name[strlen(name) - 1] != '!';
    struct muster_service service = {.name = "", .type = "http", .proto = "tcp", .port = 8080};
    struct muster_document document = {.name = name, .services = &service, .service_count = 1};
    struct muster_core_options options;
    world_options(index, name[0] == '?' ? NULL : &document, &options);
    world_start(index, &options);
    return index;
}

void world_kill(size_t index) {
    world.nodes[index].is_stopped = true;
    pipes_lose(index, world.nodes[index].is_silent);
}

int world_update(size_t index, const char *name, uint16_t port) {
    struct muster_service service = {.name = "", .type = "http", .proto = "tcp", .port = port};
    struct muster_document document = {.name = name, .services = &service, .service_count = 1};
    struct muster_command command = {.kind = MUSTER_COMMAND_UPDATE, .document = &document};
    return world_command(index, &command);
}

void world_leave(size_t index) {
    struct muster_command command = {.kind = MUSTER_COMMAND_LEAVE};
    world_command(index, &command);
}

/* ---- time ---- */

static uint64_t next_moment(size_t *index) {
    uint64_t moment_ms = UINT64_MAX;
    for (size_t i = 0; i < world.count; i++) {
        if (!world.nodes[i].is_stopped && muster_core_deadline(world.nodes[i].core) < moment_ms) {
            moment_ms = muster_core_deadline(world.nodes[i].core);
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
    free(flight);
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
        struct muster_event event = {.kind = MUSTER_EVENT_TIMER};
        assert_int_equal(world_step(index, &event), 0);
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

bool world_row(size_t index, const char *name, struct muster_peer *row) {
    struct muster_peer_list list;
    assert_int_equal(muster_core_peers(world.nodes[index].core, &list), 0);
    bool is_found = false;
    for (size_t i = 0; i < list.count && !is_found; i++) {
        if (strcmp(list.peers[i].document.name, name) == 0) {
            *row = list.peers[i];
            row->document = (struct muster_document){0};
            row->tuples = NULL;
            is_found = true;
        }
    }
    muster_peer_list_free(&list);
    return is_found;
}

const char *world_story(void) {
    static char story[WORLD_STORY_BYTES];
    memcpy(story, world.story, sizeof story);
    world.story[0] = '\0';
    return story;
}

uint64_t world_drops(size_t index, enum muster_drop drop) {
    return muster_core_counters(world.nodes[index].core)->drops[drop];
}
