/* SPDX-License-Identifier: MIT */
/* The connection to Avahi, made again whenever it ends. */
#pragma once

#include <stdbool.h>

#include <avahi-client/client.h>
#include <uv.h>

#include "loop_poll.h"

struct client_hooks {
    void (*on_up)(void *context);     /* Avahi runs under its host name: now, or again */
    void (*on_rename)(void *context); /* the host is about to get another name: what was registered is void */
    void (*on_down)(void *context);   /* the client is void once this returns, and all that was made by it */
    void *context;
};

struct client {
    struct loop_poll poll;
    struct client_hooks hooks;
    AvahiClient *avahi; /* NULL: there is none */
    bool is_up;
    bool is_closing;
    uv_timer_t retry;
    char fault[128]; /* why it is not up, for people; "": it is */
    unsigned long downs;
};

/* Connects as soon as the loop runs. */
void client_open(struct client *client, uv_loop_t *loop, const struct client_hooks *hooks);

/* Calls on_down where it is up. The loop has to run once more. */
void client_close(struct client *client);
