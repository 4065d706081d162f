/* SPDX-License-Identifier: MIT */
/* A LAN made by hand: nodes on one segment, a clock, and the story of what the nodes are told. It drives the
 * nodes by the public headers alone.
 *
 *     world_begin(1);
 *     world_add("a");                                  node 0, which starts at once
 *     world_add("b");                                  node 1
 *     world_run(3000);                                 three seconds pass, in no time
 *     assert_true(world_row(1, "a")->verified);        what node 1 has of "a"
 *     assert_string_equal(world_story(), "...");       "b: joined a", a line an event
 *
 * There is one world. A node is known by its index; the first one has the address 10.0.0.1. Time passes in
 * world_run() and world_run_until() only. A datagram takes a millisecond. */
#pragma once

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
#define WORLD_ALL_PATHS ((1u << MUSTER_PATH_KINDS) - 1)
#define WORLD_GROUP_PATHS (1u << MUSTER_PATH_M4 | 1u << MUSTER_PATH_B4)
#define WORLD_DUAL_PATHS (WORLD_GROUP_PATHS | 1u << MUSTER_PATH_M6)

/* ---- what a test may read and set ---- */

struct node {
    muster_core_t *core;
    char name[16];
    struct muster_document document; /* it starts with; of its name, with the service http/tcp:8080 */
    unsigned kinds; /* of the paths that it has from its next start on; WORLD_GROUP_PATHS, or world.kinds */
    struct muster_endpoint endpoint;
    struct muster_endpoint endpoint6;
    uint8_t key[MUSTER_KEY_BYTES];
    uint8_t *secret; /* one of secrets */
    uint8_t secrets[2][MUSTER_SECRET_BYTES];
    uint64_t boot;    /* of the last start */
    bool is_observer; /* has no document */
    bool is_signed;
    bool is_stopped;       /* does not run, hears nothing */
    uint64_t suspended_ms; /* so long its machine was suspended, and its own clock stood still */
    uint64_t suspend_ms;   /* when the last suspend began */
    double loss;           /* share of the datagrams to it that are lost */
    unsigned paths;        /* bit 1 << kind: those that reach it */
    bool has_streams;      /* opens and accepts streams */
    bool is_silent;        /* when it is killed, its streams don't break: nothing more is heard of them */
    pipe_script script;    /* the streams that others open to it are played by the test; NULL: are its own */

    /* What it was told, and what it did. */
    unsigned counts[8]; /* of each muster_peer_event */
    unsigned settled;   /* queries */
    bool has_left;
    unsigned opened;  /* streams, by it */
    uint32_t groups;  /* of telemetry, that it hears */
    uint32_t groups6; /* the same of IPv6 */
    char id[MUSTER_ID_TEXT_BYTES];
};

struct world {
    uint64_t now_ms;
    uint64_t latency_max_ms; /* above 1: datagrams overtake each other */
    unsigned kinds;          /* of nodes that are added from now on; 0: WORLD_GROUP_PATHS */
    bool has_streams;        /* nodes that are added from now on have streams */
    const struct muster_crypto
        *crypto; /* of nodes that start from now on, its context their secret; NULL: Ed25519 */
    const uint8_t *group_keys; /* of nodes that start from now on; NULL: none */
    size_t group_key_count;
    struct node nodes[WORLD_NODES_MAX];
    size_t count;

    /* Called for each datagram and each receiver: true when it is lost. Or NULL. */
    bool (*is_lost)(size_t from, size_t to, const struct muster_datagram *datagram);
    /* Called for each datagram, before any loss. Or NULL. */
    void (*on_sent)(size_t from, const struct muster_datagram *datagram);
    /* Called for each datagram: true when the machine of its sender has no room for it (ENOBUFS). Or NULL. */
    bool (*is_unsent)(size_t from, const struct muster_datagram *datagram);
    /* Called for each sample and loss that a node has. Or NULL. */
    void (*on_arrival)(size_t index, const struct muster_arrival *arrival);

    /* What was sent so far. */
    uint64_t sent; /* datagrams */
    uint64_t sent_bytes;
    uint64_t telemetry_bytes; /* of them, to telemetry's groups */
    uint64_t naks;            /* datagrams to the group for them */
    uint64_t rests;           /* datagrams of telemetry that left nothing to do but their samples */

    /* For world.c and pipe.c. */
    uint64_t random;
    bool has_lacked_memory;
    struct flight *flights; /* by arrival */
    struct flight *last_flight;
    struct pipe *pipes;
    struct post *posts; /* by arrival */
    struct post **last_post;
    uint64_t stream_number;
    char story[WORLD_STORY_BYTES];
    size_t story_length;
    struct muster_peer_list looked; /* what world_row() gave */
};

extern struct world world;

/* ---- begin and end ---- */

/* Begins at 1,000,000 ms with this seed; what was before ends. */
void world_begin(uint64_t seed);

/* Ends, and checks the books of all nodes: each datagram was counted once. */
void world_end(void);

/* ---- nodes ---- */

/* Adds a node of this name and starts it; its index. An observer has the name "?...". A node without a key
 * has one that ends in "!". */
size_t world_add(const char *name);

/* Adds so many, "a", "b" and so on, lets them meet, and forgets the story of it. */
void world_gather(size_t count);

/* Options of the node's next start, to be changed and given to world_start(). Its boot is one larger than the
 * last. */
struct muster_core_options world_options(size_t index);

/* Starts a node with these options; if it runs, as after a crash. */
void world_start(size_t index, const struct muster_core_options *options);

/* The same with its options as they are. */
void world_restart(size_t index);

/* Crashes a node: it says nothing, and its streams break. */
void world_kill(size_t index);

/* Suspends the machine of a node, and wakes it: meanwhile the node hears nothing, and its clock stands still.
 */
void world_suspend(size_t index);
void world_wake(size_t index);

/* Gives a node these ways out, where it had m4 and b4 of one interface. */
int world_paths(size_t index, const struct muster_path *paths, size_t count);

/* Lets a node see an event at the present time, and does what it wants done. */
int world_step(size_t index, struct muster_event *event);

/* The same with nothing but the time: for a node that was called between two steps. */
void world_tick(size_t index);

int world_command(size_t index, const struct muster_command *command);

/* Asks for everybody. */
void world_query(size_t index);

/* Gives a node a document of this name, with the service http/tcp at this port. */
int world_update(size_t index, const char *name, uint16_t port);

/* Gives a node a document of this name, with so many services http/tcp at ports from this one on. */
int world_offer(size_t index, const char *name, unsigned count, unsigned first_port);

void world_leave(size_t index);

/* Gives a node a new key. */
int world_rekey(size_t index, uint64_t boot);

/* Signatures that cost little. They hold as those of Ed25519 do, but whoever knows the key can make them. */
extern const struct muster_crypto world_cheap_crypto;

/* ---- time ---- */

/* Runs until this long from now. */
void world_run(uint64_t for_ms);

/* Runs until a node has been told of an event this many times. False when a minute passed first. */
bool world_run_until(size_t index, enum muster_peer_event event, unsigned count);

/* ---- what others say ---- */

/* Puts a datagram on its way to one node: as by its destination, from anywhere. */
void world_inject(size_t to, const struct muster_datagram *datagram);

/* The same with a text, from 10.0.0.source, to the group, the broadcast address or, by u4, the node. */
void world_say(size_t to, uint8_t source, enum muster_path_kind path, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* The same with a line that is signed as nodes do, with this secret; the line, without its LF, is padded so
 * that the whole has so many bytes at least. */
void world_say_signed(size_t to, uint8_t source, enum muster_path_kind path, uint8_t *secret, size_t padded,
                      const char *format, ...) __attribute__((format(printf, 6, 7)));

/* An announce of a peer that is not there, unsigned. What is 0 or NULL has the value behind. */
struct announce {
    unsigned number;  /* its id */
    const char *id;   /* number in 32 digits */
    uint64_t boot;    /* 1 */
    uint64_t seq;     /* 1 */
    uint64_t rev;     /* seq */
    uint64_t next_ms; /* MUSTER_NEXT_MS_MAX */
    uint64_t peers;
    const char *name; /* "stranger" */
    const char *more; /* members, each with a comma before it */
};

#define ANNOUNCE_BYTES_MAX 1400

/* Writes it with its LF and a NUL; its length. */
size_t announce_print(const struct announce *announce, char text[ANNOUNCE_BYTES_MAX]);

/* A node hears it from 10.0.0.source by m4. */
void world_announce(size_t to, uint8_t source, const struct announce *announce);

/* The same from 10.0.0.99, and it arrives. */
void world_hear(size_t to, const struct announce *announce);

/* True when this stands in the datagram. */
bool datagram_has(const struct muster_datagram *datagram, const char *text);

/* For is_lost: of each message one copy arrives, by m4, and nobody hears itself. */
bool world_lose_copies(size_t from, size_t to, const struct muster_datagram *datagram);

/* ---- looking ---- */

/* Rows of a node in a state. */
size_t world_rows(size_t index, enum muster_state state);

/* The row of a name, which must be there; valid until the next call of these two. */
const struct muster_peer *world_row(size_t index, const char *name);
bool world_has_row(size_t index, const char *name);

/* What a node has of the only peer that it knows, as one line: its name, services with names and TXT,
 * attributes, topics with units: "a http/tcp:80(web)[path=/] room=attic power(W) climate[temperature=Cel]".
 */
const char *world_seen(size_t index);

/* The story so far, a line "b: joined a" an event; forgotten by the call. */
const char *world_story(void);

const struct muster_counters *world_counters(size_t index);
uint64_t world_drops(size_t index, enum muster_drop drop);
