/* SPDX-License-Identifier: MIT */
/* One connection on the loop, whether by TCP or by a Unix socket, made or accepted. It knows nothing of what
 * is said on it.
 *
 * libuv's own streams (uv_tcp_open(), uv_pipe_open()) can't carry it, as libuv 1.44.2 of Debian 12 was
 * measured to do. It writes without MSG_NOSIGNAL: uv_write() to a peer that went away, and the loop where it
 * sends what was queued for one, end the whole program by SIGPIPE, a signal that is the program's matter.
 * When the process is out of descriptors a uv_listen() calls back with EMFILE again and again and never
 * returns to the loop. uv_pipe_bind() cuts a path that does not fit into sun_path and says that all went
 * well. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>

#include <muster/core.h>

#include "buffer.h"

#define STREAM_READ_BYTES 16384
#define STREAM_LINGER_MS 2000 /* how long a close waits for a reader that takes nothing */

struct stream;

/* What happened; all events but ACCEPTED come. bytes, with BYTES, are borrowed for the call. CLOSED is the
 * last one. It may call anything of this header. */
typedef void (*stream_event_cb)(struct stream *stream, enum muster_stream_event event, const uint8_t *bytes,
                                size_t length);

/* Nothing of the stream is on the loop any more: its memory may go. */
typedef void (*stream_released_cb)(struct stream *stream);

/* Its memory is the owner's, and must last until on_released. */
struct stream {
    int fd;
    uv_poll_t poll;
    uv_timer_t timer; /* while it finishes */
    stream_event_cb on_event;
    stream_released_cb on_released;
    void *owner; /* for the owner */

    int watched;           /* what poll waits for */
    struct buffer pending; /* written, and not yet with the kernel, */
    size_t sent;           /* but for so many bytes */

    bool is_connecting;
    bool is_drain_due; /* DRAINED is owed for what was written */
    bool has_written;  /* ever */
    bool is_ended;     /* the other side sends nothing more */
    bool is_broken;    /* a write had no memory */
    bool is_finishing; /* no event comes any more */
    bool is_released;  /* its handles are closing */
    unsigned handles;
};

/* Puts a connected or connecting socket on the loop; the descriptor is taken over, also on failure. on_event
 * and on_released are set, all else of *stream is zero. MUSTER_ENOMEM, MUSTER_ESYSTEM: then nothing comes. */
int stream_start(struct stream *stream, uv_loop_t *loop, int fd, bool is_connecting);

/* Writes a copy of bytes after those before; DRAINED comes, from the loop, when all of them are with the
 * kernel. When memory is out the stream breaks: CLOSED comes. */
void stream_write(struct stream *stream, const uint8_t *bytes, size_t length);

/* Ends it; no event comes any more. What was written still leaves, and the other side gets the time to read
 * it, as long as it takes something each STREAM_LINGER_MS. */
void stream_finish(struct stream *stream);

/* Ends it at once; no event comes any more. on_released comes from the loop. A second call is ignored. */
void stream_release(struct stream *stream);
