/* SPDX-License-Identifier: MIT */
#include "stream.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#define LAST_READS 64 /* from a connection that broke */

static void on_ready(uv_poll_t *poll, int status, int events);

static void report(struct stream *stream, enum muster_stream_event event) {
    if (!stream->is_finishing) {
        stream->on_event(stream, event, NULL, 0);
    }
}

/* ---- what is waited for ---- */

/* Once the other side has ended, its socket is readable for ever. Urgent data never comes by agreement, so
 * waiting for it alone still shows that the connection broke (epoll_ctl(2), EPOLLHUP). */
static int events_wanted(const struct stream *stream) {
    if (stream->is_connecting) {
        return UV_WRITABLE;
    }
    bool has_to_write = stream->sent < stream->pending.length || stream->is_drain_due || stream->is_broken;
    return (stream->is_ended ? UV_PRIORITIZED : UV_READABLE) | (has_to_write ? UV_WRITABLE : 0);
}

static void watch(struct stream *stream) {
    int events = events_wanted(stream);
    if (stream->is_released || events == stream->watched) {
        return;
    }
    stream->watched = events;
    uv_poll_start(&stream->poll, events, on_ready);
}

/* ---- the end ---- */

static void on_handle_closed(uv_handle_t *handle) {
    struct stream *stream = handle->data;
    stream->handles--;
    if (stream->handles == 0) {
        buffer_deinit(&stream->pending);
        stream->on_released(stream);
    }
}

void stream_release(struct stream *stream) {
    if (stream->is_released) {
        return;
    }
    stream->is_finishing = true;
    stream->is_released = true;
    stream->handles = 2;
    uv_close((uv_handle_t *)&stream->poll, on_handle_closed);
    uv_close((uv_handle_t *)&stream->timer, on_handle_closed);
    close(stream->fd);
}

/* The event comes last: the owner may do anything to the stream then. */
static void break_off(struct stream *stream) {
    bool was_finishing = stream->is_finishing;
    stream_release(stream);
    if (!was_finishing) {
        stream->on_event(stream, MUSTER_STREAM_CLOSED, NULL, 0);
    }
}

static void on_timer(uv_timer_t *timer) {
    stream_release(timer->data);
}

static void linger(struct stream *stream) {
    uv_update_time(stream->timer.loop);
    uv_timer_start(&stream->timer, on_timer, STREAM_LINGER_MS, 0);
}

/* All is with the kernel. A socket that is closed while something unread lies in it takes back what the other
 * side has not read yet (RFC 2525, 2.17): so nothing more is sent, and then its end is awaited. */
static void finish_writing(struct stream *stream) {
    stream->is_drain_due = false;
    if (stream->is_ended || shutdown(stream->fd, SHUT_WR) != 0) {
        stream_release(stream);
    } else {
        linger(stream);
    }
}

void stream_finish(struct stream *stream) {
    if (stream->is_finishing) {
        return;
    }
    stream->is_finishing = true;
    if (stream->is_connecting || stream->is_broken || !stream->has_written) {
        stream_release(stream);
    } else if (stream->sent < stream->pending.length) {
        linger(stream);
    } else {
        finish_writing(stream);
    }
    watch(stream);
}

/* ---- reading ---- */

/* What comes to a stream that finishes is read, so that it does not lie there, and forgotten. False when
 * there was nothing, or the stream is over. */
static bool receive(struct stream *stream) {
    uint8_t bytes[STREAM_READ_BYTES];
    ssize_t count = recv(stream->fd, bytes, sizeof bytes, MSG_DONTWAIT);
    if (count > 0) {
        if (!stream->is_finishing) {
            stream->on_event(stream, MUSTER_STREAM_BYTES, bytes, (size_t)count);
        }
        return !stream->is_released;
    }
    if (count < 0) {
        if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) {
            break_off(stream);
        }
        return false;
    }
    stream->is_ended = true;
    if (stream->is_finishing && stream->sent == stream->pending.length) {
        stream_release(stream);
    }
    report(stream, MUSTER_STREAM_ENDED);
    return false;
}

/* What the other side sent before the connection broke is still there to be read. Bounded: it may be broken
 * one way only. */
static void break_after_reading(struct stream *stream) {
    for (unsigned left = LAST_READS; left > 0 && !stream->is_ended && !stream->is_finishing; left--) {
        if (!receive(stream)) {
            break;
        }
    }
    if (!stream->is_released) {
        break_off(stream);
    }
}

/* ---- writing ---- */

void stream_write(struct stream *stream, const uint8_t *bytes, size_t length) {
    if (stream->is_finishing) {
        return;
    }
    stream->has_written = true;
    stream->is_drain_due = true;
    stream->is_broken = stream->is_broken || buffer_append(&stream->pending, bytes, length) != 0;
    watch(stream);
}

static void on_drained(struct stream *stream) {
    buffer_deinit(&stream->pending);
    stream->sent = 0;
    if (stream->is_finishing) {
        finish_writing(stream);
    } else {
        stream->is_drain_due = false;
        report(stream, MUSTER_STREAM_DRAINED);
    }
}

static void flush(struct stream *stream) {
    if (stream->is_broken) {
        break_off(stream);
        return;
    }
    while (stream->sent < stream->pending.length) {
        ssize_t count = send(stream->fd, stream->pending.bytes + stream->sent,
                             stream->pending.length - stream->sent, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) {
            return;
        }
        if (count < 0) {
            break_after_reading(stream);
            return;
        }
        stream->sent += (size_t)count;
        if (stream->is_finishing) {
            linger(stream);
        }
    }
    if (stream->is_drain_due) {
        on_drained(stream);
    }
}

/* ---- from the loop ---- */

static void connected(struct stream *stream, int status) {
    int number = 0;
    socklen_t length = sizeof number;
    if (getsockopt(stream->fd, SOL_SOCKET, SO_ERROR, &number, &length) != 0 || number != 0 || status < 0) {
        break_off(stream);
        return;
    }
    stream->is_connecting = false;
    report(stream, MUSTER_STREAM_OPENED);
}

/* The other side has ended, and now the connection is gone altogether; or it is urgent data, which we do not
 * read and do not wait for again. */
static void check_connection(struct stream *stream) {
    struct pollfd poller = {.fd = stream->fd, .events = 0};
    if (poll(&poller, 1, 0) == 1 && (poller.revents & (POLLHUP | POLLERR)) != 0) {
        break_off(stream);
    } else {
        uv_poll_stop(&stream->poll);
        stream->watched = UV_PRIORITIZED;
    }
}

static void on_ready(uv_poll_t *poll, int status, int events) {
    struct stream *stream = poll->data;
    if (stream->is_connecting) {
        connected(stream, status);
    } else if (status < 0) {
        stream->watched = 0; /* libuv stopped watching it */
        break_after_reading(stream);
    } else {
        if (events & UV_WRITABLE) {
            flush(stream);
        }
        if ((events & UV_READABLE) && !stream->is_released) {
            receive(stream);
        }
        if ((events & UV_PRIORITIZED) && !stream->is_released && stream->is_ended) {
            check_connection(stream);
        }
    }
    watch(stream);
}

int stream_start(struct stream *stream, uv_loop_t *loop, int fd, bool is_connecting) {
    int error = uv_poll_init(loop, &stream->poll, fd);
    if (error != 0) {
        close(fd);
        return error == UV_ENOMEM ? MUSTER_ENOMEM : MUSTER_ESYSTEM;
    }
    uv_timer_init(loop, &stream->timer);
    stream->fd = fd;
    stream->poll.data = stream;
    stream->timer.data = stream;
    stream->is_connecting = is_connecting;
    watch(stream);
    return 0;
}
