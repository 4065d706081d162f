/* SPDX-License-Identifier: MIT */
/* The knobs of a world. A scenario gives each a range; the seed draws the value; an option of the command
 * sets it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct chance;

/* X(NAME, name, text, low, high, most): the range of a scenario that says nothing of it, and what the command
 * may set it to at most. */
#define KNOBS(X)                                                                                          \
    X(NODES, "nodes", "real cores", 8, 8, 5000)                                                           \
    X(SPEAKERS, "speakers", "scripted peers around them", 0, 0, 60000)                                    \
    X(MINUTES, "minutes", "virtual time", 2, 2, 100000)                                                   \
    X(CORES, "cores", "processor cores that the nodes share; 0: one for each node", 0, 0, 5000)           \
    X(BUSY_LOOPS, "busy-loops", "programs beside the nodes that always want each core", 0, 0, 100)        \
    X(START_US, "start-us", "time of a core that the start of a program takes", 5000, 5000, 10000000)     \
    X(KERNEL_US, "kernel-us", "time of a core that the kernel takes for each packet that comes in", 2, 2, \
      100000)                                                                                             \
    X(TURN_US, "turn-us", "time of a core that it takes to wake a program up", 10, 10, 100000)            \
    X(SPREAD_MS, "spread-ms", "the nodes start within this time", 0, 0, 10000000)                         \
    X(LOSS, "loss", "share of the datagrams to a host that is lost", 0, 0, 1)                             \
    X(BURST_ENTER, "burst-enter", "chance that a burst of loss begins with a datagram", 0, 0, 1)          \
    X(BURST_LEAVE, "burst-leave", "chance that a burst of loss ends with a datagram", 0.2, 0.2, 1)        \
    X(BURST_LOSS, "burst-loss", "share that is lost within a burst", 0.8, 0.8, 1)                         \
    X(DELAY_US, "delay-us", "delay of each datagram", 100, 400, 10000000)                                 \
    X(JITTER_US, "jitter-us", "and up to this in addition, so that datagrams overtake", 0, 0, 10000000)   \
    X(DUPLICATE, "duplicate", "share of the datagrams that comes twice", 0, 0, 1)                         \
    X(DRIFT_PPM, "drift-ppm", "clocks run fast or slow by up to this", 0, 100, 500000)                    \
    X(QUEUE_KB, "queue-kb", "receive buffer of a socket, as the kernel counts", 416, 416, 1000000)        \
    X(QUEUE, "queue", "datagrams that a socket holds", 4096, 4096, 1000000)                               \
    X(NEIGHBOURS, "neighbours", "ARP entries of the kernel that all share; 0: no limit", 0, 0, 1000000)   \
    X(STREAM_MBPS, "stream-mbps", "speed of a TCP connection, in Mbit/s", 100, 100, 1000000)              \
    X(INTERVAL_MS, "interval-ms", "least time between two alives; 0: the default", 0, 0, 86400000)        \
    X(SLEEPERS, "sleepers", "share of the nodes that speak every two minutes only", 0, 0, 1)              \
    X(ONE_ADDRESS, "one-address", "1: all speakers have one source address", 0, 0, 1)

enum knob {
#define KNOB_ENUM(name, text, meaning, low, high, most) KNOB_##name,
    KNOBS(KNOB_ENUM)
#undef KNOB_ENUM
        KNOB_COUNT
};

struct knob_range {
    double low;
    double high; /* both 0: the range of KNOBS */
};

struct knobs {
    double values[KNOB_COUNT];
    bool is_set[KNOB_COUNT]; /* by the command */
};

const char *knob_name(enum knob knob);
const char *knob_text(enum knob knob);

/* The largest value that the command may set. */
double knob_most(enum knob knob);

/* The knob of this name; KNOB_COUNT when there is none. */
enum knob knob_find(const char *name);

/* Draws all that the command did not set. */
void knobs_draw(struct knobs *knobs, const struct knob_range ranges[KNOB_COUNT], struct chance *chance);

void knobs_print(const struct knobs *knobs, FILE *file);
