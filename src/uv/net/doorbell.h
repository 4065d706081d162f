/* SPDX-License-Identifier: MIT */
/* Says when something about the network devices of this machine may have changed: a socket of rtnetlink(7).
 * What its messages say is not believed, but for one thing: which devices have died, as no list of what there
 * is tells that. A membership of a group does not outlive its device, even where another one of the same
 * name and index comes after it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>

#define DOORBELL_WAIT_MS 5   /* changes seldom come alone */
#define DOORBELL_SPACE_MS 50 /* between two calls, however many changes come */
#define DOORBELL_DEAD_MAX 64 /* devices that died since the last call; when more have, all have */

/* Zeroed: closed. */
struct doorbell {
    bool is_open;
    int fd;
    uv_poll_t poll;
    uv_timer_t timer;
    bool is_watched;
    void (*on_ring)(void *owner);
    void *owner;
    uint64_t rang_ms; /* by the loop's clock: the last call */
    uint32_t dead[DOORBELL_DEAD_MAX];
    size_t dead_count; /* more than DOORBELL_DEAD_MAX: all */
};

/* Changes from now on are heard. 0 or -errno. */
int doorbell_open(struct doorbell *doorbell);

/* Watches it: on_ring comes from the loop, soon after something changed. On error some may be watched: end
 * it. MUSTER_ENOMEM, MUSTER_ESYSTEM. */
int doorbell_start(struct doorbell *doorbell, uv_loop_t *loop, void (*on_ring)(void *owner), void *owner);

/* Rings in so many milliseconds, if it does not ring before. */
void doorbell_set(struct doorbell *doorbell, uint64_t ms);

/* True when the device of that index died since the last doorbell_forget(), or may have. */
bool doorbell_has_died(const struct doorbell *doorbell, uint32_t index);
void doorbell_forget(struct doorbell *doorbell);

/* Stops watching and closes it at once. Returns how often on_closed comes from the loop, with handle->data as
 * given. A closed one is allowed. */
size_t doorbell_end(struct doorbell *doorbell, uv_close_cb on_closed, void *data);
