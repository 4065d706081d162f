/* SPDX-License-Identifier: MIT */
/* A real core on a host of the world: its sockets, its clock, its turns on a processor, its starts and ends.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <muster/core.h>

#include "processor.h"
#include "segment.h"
#include "telemetry.h"

#define NODE_NAME_BYTES 24

/* A datagram in a socket's receive buffer. */
struct queued {
    struct packet *packet;
    uint64_t arrived_us;
};

/* A ring of datagrams, bounded in bytes as the kernel counts them. */
struct socket_queue {
    struct queued *entries;
    size_t size;
    size_t first;
    size_t count;
    size_t bytes;
    uint32_t dropped; /* so far: there was no room for them */
};

/* A stream event that waits for its node. */
struct post {
    struct post *next;
    struct muster_stream stream;
    uint8_t bytes[];
};

enum node_state {
    NODE_DOWN,
    NODE_STARTING, /* its core is made in its next turn */
    NODE_UP,
    NODE_STOPPED, /* does not run; its clock goes on, and its sockets fill */
    NODE_ASLEEP,  /* its machine sleeps: the clock stands still and nothing comes in */
};

struct node {
    struct task task;                 /* first, so that a task is its node */
    struct host *hosts[SEGMENTS_MAX]; /* NULL: it has no interface there */
    muster_core_t *core;
    enum node_state state;
    size_t index;
    char name[NODE_NAME_BYTES];
    uint8_t key[MUSTER_KEY_BYTES];
    uint64_t boot;
    uint64_t fixed_boot; /* of each start, as of a machine whose memory was copied; 0: it grows */
    unsigned starts;
    unsigned changes;       /* of its document */
    unsigned changes_shown; /* of them, in this start: what the document says */
    bool is_observer;
    bool is_unsigned;
    bool has_streams;
    uint64_t interval_ms; /* least time between two alives; 0: the default */
    size_t subject;       /* in the truth; of the present id */

    struct socket_queue sockets[MUSTER_PATH_KINDS];
    struct post *posts;
    struct post **last_post;
    uint32_t groups;
    uint32_t groups6; /* of IPv6 */
    enum telemetry_role role;
    unsigned topic;

    int64_t drift_ppm;
    uint64_t clock_offset_us;
    uint64_t clock_lag_us;    /* that its clock stood still */
    uint64_t asleep_since_us; /* or stopped since */
    uint64_t resumed_us;      /* it went on after a stop, and is to judge nobody by that; 0: never */
    bool was_settled;         /* nothing but the stop came between it and others, for long before it */
    uint64_t wake_us;         /* when its timer is looked at; UINT64_MAX: never */
    uint64_t turn_us;         /* how far its turn has come */
    bool is_rekey_due;
    bool has_left;

    /* Figures. */
    uint64_t verifications; /* charged so far, of this start */
    uint64_t verified;      /* of all starts */
    uint64_t steps;
    uint64_t started_us;
    uint64_t whole_us;  /* when it first had everybody; 0: not yet */
    uint64_t nearly_us; /* or all but one of a thousand */

    /* What it was told; see truth.h. */
    uint8_t *seen;
    size_t seen_size;
    size_t present;
};

/* A node that is down, on these segments (a bit each), beside another one at its address or NULL. */
struct node *node_add(struct world *world, unsigned segments, const struct node *beside);
void node_free(struct node *node);

/* Starts it, or starts it again as after a crash. */
void node_start(struct world *world, struct node *node);

/* The same under a key of its own that nobody knows. */
void node_start_afresh(struct world *world, struct node *node);

/* It crashes: it says nothing more, and its streams break. */
void node_kill(struct world *world, struct node *node);

/* It says bye and ends. */
void node_leave(struct world *world, struct node *node);

void node_stop(struct world *world, struct node *node, bool is_asleep);
void node_continue(struct world *world, struct node *node);

/* Its document changes. */
void node_change(struct world *world, struct node *node);

/* Asks for everybody. */
void node_query(struct world *world, struct node *node);

/* A datagram comes to one of its sockets. */
void node_receive(struct world *world, struct node *node, struct packet *packet);

/* What the kernel charges a receive buffer for a datagram: its own structure and the memory of the data,
 * which grows by powers of two. */
size_t node_charge(const struct packet *packet);

/* A stream event comes. It is freed by the node. */
void node_post(struct world *world, struct node *node, struct post *post);

/* Groups of telemetry that it hears. */
uint32_t node_groups(const struct node *node, uint8_t family);

/* True when it runs, whether it has its core already or not. */
bool node_is_running(const struct node *node);
