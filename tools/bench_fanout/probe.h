/* SPDX-License-Identifier: MIT */
/* One run of a publisher or a subscriber of `tools/bench fanout`: its arguments, its pace, what it counts,
 * and its talk with the driver, a line each way at a time.
 *
 *     publisher                                      subscriber
 *     says hello to all, again and again             {"event":"ready"} at the first hello
 *     reads "go"
 *     sends, {"event":"sent"}                        counts
 *     goes on serving                                reads "sent N": ends when it has as many, or when
 *                                                    nothing more comes
 *     reads "end": {"event":"done"}                  {"event":"done"}
 *
 * The driver says go when all subscribers are ready, so that no system is blamed for who was not there yet.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How a message begins, where it is made of bytes. */
struct stamp {
    uint64_t number; /* 0, 1, 2, or STAMP_HELLO */
    uint64_t sent_ns;
};

#define STAMP_HELLO UINT64_MAX
#define PROBE_BURST_MAX 64
#define PROBE_PORT 7710

struct probe_options {
    bool is_publisher;
    double rate; /* messages a second; 0: as many as go */
    double seconds;
    size_t bytes;         /* of a message */
    const char *mode;     /* means what the program says */
    const char *address;  /* of whom the program says */
    uint64_t patience_ms; /* with silence, once all is sent */
    bool is_timed;        /* keep the latency of each message */
    bool is_sealed;       /* by a group key; muster alone */
};

/* Reads `publish|subscribe [-r RATE] [-t SECONDS] [-s BYTES] [-m MODE] [-a ADDRESS] [-p PATIENCE_MS] [-l]
 * [-k]`, and ends the program when that is not what there is. Texts are borrowed from argv. */
void probe_options_read(struct probe_options *options, int argc, char **argv);

/* Ends the program with a complaint. */
_Noreturn void probe_die(const char *what);

/* CLOCK_MONOTONIC, which is the same in all namespaces of a machine. */
uint64_t probe_now_ns(void);

/* ---- publishing ---- */

struct probe_publisher {
    /* Sends count messages, numbered from first, or one hello. */
    void (*send)(void *context, uint64_t first, size_t count);
    /* Does what is due besides; true when nothing that was sent waits any more. NULL: nothing is due. */
    bool (*serve)(void *context);
    /* Prints more members of the events "sent" and "done": ,"name":value. NULL: none. */
    void (*report)(void *context);
    void *context;
    size_t burst_max; /* messages a call; 0: PROBE_BURST_MAX */
};

/* Publishes from the first hello to the end. */
void probe_publish(const struct probe_options *options, const struct probe_publisher *publisher);

/* ---- subscribing ---- */

struct probe_counter {
    uint64_t received;
    uint64_t disordered; /* came again, or behind a later one */
    uint64_t next;       /* number */
    uint64_t first_ns;
    uint64_t last_ns;
    uint64_t cpu_ns; /* of this process before the first */
    uint64_t sent;   /* by the driver's word */
    uint64_t told_ns;
    uint64_t asked_ns; /* when it was last looked for that word */
    bool is_ready;
    uint32_t *latencies_ns; /* NULL: not kept */
    size_t latency_count;
};

struct probe_subscriber {
    /* Counts what has come, and waits for it 20 ms at most. */
    void (*receive)(void *context, struct probe_counter *counter);
    void (*report)(void *context); /* as above, of the event "done" */
    void *context;
};

/* Counts one message, or a hello. now_ns need not be exact where latencies are not kept. */
void probe_count(struct probe_counter *counter, uint64_t number, uint64_t sent_ns, uint64_t now_ns);

/* Likewise, of bytes that begin with a stamp; what is shorter is passed over. */
void probe_count_bytes(struct probe_counter *counter, const void *bytes, size_t length, uint64_t now_ns);

/* Receives until the end. */
void probe_subscribe(const struct probe_options *options, const struct probe_subscriber *subscriber);
