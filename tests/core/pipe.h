/* SPDX-License-Identifier: MIT */
/* Streams of the world: between two nodes, or between a node and the test, which then plays the client or the
 * server. Bytes take a millisecond. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <muster/core.h>

struct world;

/* One side of a pipe. */
struct pipe_end {
    size_t node;     /* index, PIPE_TEST for the test */
    uint64_t number; /* as its core knows it */
    bool is_gone;    /* it hears nothing more */
};
#define PIPE_TEST SIZE_MAX

struct pipe {
    struct pipe *next;
    struct pipe_end ends[2]; /* who opened it, and who accepted it */
    unsigned posts;          /* on their way */
    size_t server;           /* index of the node that was connected to */
    bool is_forgotten;       /* by the test */

    /* The test's side. */
    char *text; /* all that the node wrote, and a NUL */
    size_t length;
    bool is_deaf;   /* takes nothing of what the node writes, until pipe_listen() */
    bool is_ended;  /* the node says nothing more */
    bool is_closed; /* it broke, or was refused */
    unsigned step;  /* for the script */
};

/* What happens on a pipe that a node opened to one whose streams the test plays. */
typedef void (*pipe_script)(struct pipe *pipe, enum muster_stream_event event);

/* Connects the test to a node; of `as` the remote address, the interface, is_local and may_change count. */
struct pipe *pipe_connect(size_t node, const struct muster_stream *as);

/* By a program of this user on the node's machine; by TCP from 10.0.1.host. */
struct pipe *pipe_connect_local(size_t node);
struct pipe *pipe_connect_tcp(size_t node, uint8_t host);

/* The test says something; ends its side; breaks it. */
void pipe_write(struct pipe *pipe, const void *bytes, size_t length);
void pipe_say(struct pipe *pipe, const char *format, ...) __attribute__((format(printf, 2, 3)));
void pipe_finish(struct pipe *pipe);
void pipe_break(struct pipe *pipe);

/* Says a line and gives what is answered to it within 20 ms; what was answered before is forgotten. */
const char *pipe_ask(struct pipe *pipe, const char *line);

/* How often this stands in what the node wrote. */
size_t pipe_count(const struct pipe *pipe, const char *part);

/* Takes what a deaf end left. */
void pipe_listen(struct pipe *pipe);

/* Forgets what the node wrote so far. */
void pipe_clear(struct pipe *pipe);

/* Breaks it, if it is there still, and frees it. */
void pipe_forget(struct pipe *pipe);

/* Streams that a node has open or half open. */
size_t pipes_open(size_t node);

/* All streams between two nodes break, and both are told. */
void pipe_break_all(void);

/* ---- for the world ---- */

/* Takes an output of a node for a stream. */
void pipes_output(size_t node, const struct muster_output *output);

/* The node is gone: whoever talks to it is told, or, silently, is not. */
void pipes_lose(size_t node, bool is_silent);

/* When the next thing happens on a pipe, UINT64_MAX for never; and lets it happen. */
uint64_t pipes_next_ms(void);
void pipes_deliver(void);

void pipes_deinit(void);
