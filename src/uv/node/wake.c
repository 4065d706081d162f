/* SPDX-License-Identifier: MIT */
#include "wake.h"

#include <limits.h>
#include <stdint.h>
#include <time.h>
#include <unistd.h>

#include <sys/timerfd.h>

#define TIME_MAX (time_t)((UINT64_C(1) << (sizeof(time_t) * CHAR_BIT - 1)) - 1)

static void on_readable(uv_poll_t *poll, int status, int events) {
    struct wake *wake = poll->data;
    uint64_t expirations;
    (void)status, (void)events;
    ssize_t length = read(wake->fd, &expirations, sizeof expirations); /* fails with ECANCELED */
    (void)length;
    wake->on_wake(wake->owner);
}

/* A timer of the wall clock that never expires. The kernel cancels it when that clock and the monotonic one
 * move apart: at the end of a suspend, and when the clock is set (timerfd_create(2)). */
static int timer_open(void) {
    const struct itimerspec never = {.it_value = {.tv_sec = TIME_MAX}};
    int fd = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK | TFD_CLOEXEC);
    if (fd >= 0 && timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &never, NULL) != 0) {
        close(fd);
        fd = -1;
    }
    return fd;
}

void wake_start(struct wake *wake, uv_loop_t *loop, wake_cb on_wake, void *owner) {
    *wake = (struct wake){.fd = timer_open(), .on_wake = on_wake, .owner = owner};
    if (wake->fd < 0) {
        return;
    }
    if (uv_poll_init(loop, &wake->poll, wake->fd) != 0) {
        close(wake->fd);
        return;
    }
    wake->is_watched = true;
    wake->poll.data = wake;
    uv_unref((uv_handle_t *)&wake->poll);
    uv_poll_start(&wake->poll, UV_READABLE, on_readable);
}

size_t wake_end(struct wake *wake, uv_close_cb on_closed, void *data) {
    if (!wake->is_watched) {
        return 0;
    }
    wake->is_watched = false;
    wake->poll.data = data;
    uv_close((uv_handle_t *)&wake->poll, on_closed);
    close(wake->fd);
    return 1;
}
