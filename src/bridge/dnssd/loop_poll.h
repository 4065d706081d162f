/* SPDX-License-Identifier: MIT */
/* What Avahi's client library waits by, on a libuv loop. */
#pragma once

#include <avahi-common/watch.h>
#include <uv.h>

struct descriptor;

struct loop_poll {
    AvahiPoll api; /* for avahi_client_new() */
    uv_loop_t *loop;
    struct descriptor *descriptors;
};

/* The loop is borrowed. Watches and timeouts belong to the client that made them, and the loop has to run
 * once more after that was freed. */
void loop_poll_init(struct loop_poll *poll, uv_loop_t *loop);
