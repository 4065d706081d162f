/* SPDX-License-Identifier: MIT */
/* Tells when the machine wakes from a suspend: a timer of the loop stands still meanwhile, so that the next
 * one may be due long after that. */
#pragma once

#include <stdbool.h>

#include <uv.h>

typedef void (*wake_cb)(void *owner);

/* Zeroed: not watched. */
struct wake {
    uv_poll_t poll;
    int fd;
    bool is_watched;
    wake_cb on_wake;
    void *owner;
};

/* Calls on_wake(owner) from the loop after each wake-up, and when the wall clock was set. The handle does not
 * keep the loop alive. Where the kernel refuses, nothing is watched: the node then notices a suspend by its
 * next timer or datagram. */
void wake_start(struct wake *wake, uv_loop_t *loop, wake_cb on_wake, void *owner);

/* Stops watching. Returns how often on_closed comes from the loop, 1 or 0, with handle->data as given. */
size_t wake_end(struct wake *wake, uv_close_cb on_closed, void *data);
