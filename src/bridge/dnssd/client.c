/* SPDX-License-Identifier: MIT */
#include "client.h"

#include <stdio.h>

#include <avahi-common/error.h>

#define RETRY_MS 1000

static void connect_client(struct client *client);

static void on_retry(uv_timer_t *timer) {
    connect_client(timer->data);
}

/* Once a client has failed it stays so, and what it has made still looks alive. It is freed by the timer, for
 * this may be called by the client itself. */
static void lose(struct client *client, const char *why) {
    snprintf(client->fault, sizeof(client->fault), "%s", why);
    if (client->is_up) {
        client->downs++;
    }
    client->is_up = false;
    client->hooks.on_down(client->hooks.context);
    uv_timer_start(&client->retry, on_retry, RETRY_MS, 0);
}

static void on_state(AvahiClient *avahi, AvahiClientState state, void *context) {
    struct client *client = context;
    if (client->is_closing) {
        return;
    }
    client->avahi = avahi; /* avahi_client_new() may call this before it returns */
    switch (state) {
    case AVAHI_CLIENT_S_RUNNING:
        client->is_up = true;
        client->fault[0] = '\0';
        client->hooks.on_up(client->hooks.context);
        break;
    case AVAHI_CLIENT_S_REGISTERING:
    case AVAHI_CLIENT_S_COLLISION: client->hooks.on_rename(client->hooks.context); break;
    case AVAHI_CLIENT_CONNECTING: lose(client, "Avahi does not run"); break;
    case AVAHI_CLIENT_FAILURE: lose(client, avahi_strerror(avahi_client_errno(avahi))); break;
    }
}

static void free_client(struct client *client) {
    if (client->avahi != NULL) {
        avahi_client_free(client->avahi);
        client->avahi = NULL;
    }
}

/* AVAHI_CLIENT_NO_FAIL waits for a daemon, but not for a bus: the timer does for both. */
static void connect_client(struct client *client) {
    int error = 0;
    free_client(client);
    AvahiClient *avahi = avahi_client_new(&client->poll.api, 0, on_state, client, &error);
    if (avahi == NULL) {
        client->avahi = NULL; /* freed by avahi_client_new(), if it has called on_state() */
        lose(client, error == AVAHI_ERR_NO_DAEMON ? "Avahi does not run" : avahi_strerror(error));
    }
}

void client_open(struct client *client, uv_loop_t *loop, const struct client_hooks *hooks) {
    *client = (struct client){.hooks = *hooks, .fault = "not yet connected"};
    loop_poll_init(&client->poll, loop);
    uv_timer_init(loop, &client->retry);
    client->retry.data = client;
    uv_timer_start(&client->retry, on_retry, 0, 0);
}

void client_close(struct client *client) {
    client->is_closing = true;
    client->hooks.on_down(client->hooks.context);
    free_client(client);
    uv_close((uv_handle_t *)&client->retry, NULL);
}
