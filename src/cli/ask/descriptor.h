/* SPDX-License-Identifier: MIT */
/* A descriptor that is read on a loop: a pipe, a terminal, a socket or a file. Who can't take more pauses it.
 */
#pragma once

#include <stdbool.h>

#include <uv.h>

struct descriptor {
    int fd;
    int flags;    /* that it had */
    bool is_file; /* always ready */
    bool is_running;
    uv_poll_t poll;
    uv_idle_t idle;
    void (*on_ready)(void *context);
    void *context;
};

/* From now on on_ready is called from the loop whenever there may be something to read. The handles are to be
 * closed with the loop. Returns 0, or a negative number of uv_strerror(). */
int descriptor_open(struct descriptor *descriptor, uv_loop_t *loop, int fd, void (*on_ready)(void *context),
                    void *context);

/* Reads at most size bytes: so many, 0 at the end, UV_EAGAIN when there is nothing just now, or another
 * negative number of uv_strerror(). */
ssize_t descriptor_read(struct descriptor *descriptor, char *bytes, size_t size);

/* Stops calls of on_ready until descriptor_resume(). Both are allowed at any time, also for a zeroed struct.
 */
void descriptor_pause(struct descriptor *descriptor);
void descriptor_resume(struct descriptor *descriptor);

/* To be called when the loop has ended. Gives the descriptor the flags that it had, as other processes may
 * read it. A zeroed struct is allowed. */
void descriptor_close(struct descriptor *descriptor);
