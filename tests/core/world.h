/* A LAN made by hand: nodes, one segment, a clock, and the story of what the nodes told. */
#ifndef TESTS_WORLD_H
#define TESTS_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <muster/core.h>
#include <muster/telemetry.h>

#include "pipe.h"

#define WORLD_NODES_MAX 128
#define WORLD_INTERFACE 7
#define WORLD_STREAM_PORT 19798
#define WORLD_STORY_BYTES 65536

struct node {
    muster_core_t *core;
    char name[16];
    struct muster_endpoint endpoint;
    uint8_t key[MUSTER_KEY_BYTES];
    uint8_t secret[MUSTER_SECRET_BYTES];
    uint64_t boot;
    bool is_signed;
    bool is_stopped; /* does not run, hears nothing */
    bool is_quiet;   /* its events are not written into the story */
    bool has_left;
    unsigned settled;
    unsigned counts[8]; /* of each muster_peer_event */
    double loss;        /* share of the datagrams to it that are lost */
    unsigned paths;     /* bit 1 << kind: those that reach it */
    bool has_streams;   /* opens and accepts streams */
    bool is_silent;     /* when it is killed, its streams don't break: nothing more is heard of them */
    pipe_script script; /* the streams that others open to it are played by the test; NULL: are its own */
    unsigned opened;    /* streams, by it */
    uint32_t groups;    /* of telemetry, that it hears */
};

struct flight;
struct post;

struct world {
    uint64_t now_ms;
    uint64_t random;
    uint64_t latency_max_ms; /* above 1: datagrams overtake each other */
    bool (*is_lost)(size_t from, size_t to, const struct muster_datagram *datagram);
    struct node nodes[WORLD_NODES_MAX];
    size_t count;
    struct flight *flights; /* by arrival */
    struct flight *last_flight;
    bool has_streams; /* nodes added from now on have streams */
    void (*on_arrival)(size_t index, const struct muster_arrival *arrival); /* or NULL */
    const struct muster_crypto *crypto; /* of all nodes, its context their secret; NULL: Ed25519 */
    struct pipe *pipes;
    struct post *posts; /* by arrival */
    struct post **last_post;
    uint64_t stream_number;
    uint64_t pipe_count;   /* opened so far */
    uint64_t stream_bytes; /* written so far */
    uint64_t sent;         /* datagrams */
    uint64_t sent_bytes;
    uint64_t telemetry_bytes; /* of them, to telemetry's groups */
    uint64_t rests;           /* datagrams of telemetry that left nothing to do but their samples */
    uint64_t naks;            /* datagrams to the group for them */
    char story[WORLD_STORY_BYTES];
};

extern struct world world;

/* Begins at 1,000,000 ms with this seed; what was before ends. */
void world_begin(uint64_t seed);
void world_end(void);

/* Adds a node of this name and starts it; its index. document NULL: one of that name with an http service. An
 * observer has the name "?...". A node without a key has one that ends in "!". */
size_t world_add(const char *name);

/* Options of a node as world_add() starts it. */
void world_options(size_t index, const struct muster_document *document, struct muster_core_options *options);

/* Starts a stopped or never started node with these options. */
void world_start(size_t index, const struct muster_core_options *options);

/* Crashes a node: it says nothing, and its streams break. */
void world_kill(size_t index);

/* Runs until this long from now. */
void world_run(uint64_t for_ms);

/* Runs until a node has been told of an event this many times. False when a minute passed first. */
bool world_run_until(size_t index, enum muster_peer_event event, unsigned count);

/* Gives a node these ways out, where it had m4 and b4 of one interface. */
int world_paths(size_t index, const struct muster_path *paths, size_t count);

/* Lets a node see an event at the present time, and does what it wants done. */
int world_step(size_t index, struct muster_event *event);

int world_command(size_t index, const struct muster_command *command);
int world_update(size_t index, const char *name, uint16_t port);
void world_leave(size_t index);

/* Puts a datagram on its way to one node: as by its destination, from anywhere. */
void world_inject(size_t to, const struct muster_datagram *datagram);
void world_say(size_t to, const char *text, uint8_t source, unsigned path);

/* Rows of a node in a state. */
size_t world_rows(size_t index, enum muster_state state);

/* The row of a name, copied without what it points to. False when there is none. */
bool world_row(size_t index, const char *name, struct muster_peer *row);

/* The story so far, a line "b: joined a" an event; forgotten by the call. */
const char *world_story(void);

uint64_t world_drops(size_t index, enum muster_drop drop);

#endif
