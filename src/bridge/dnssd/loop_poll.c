/* SPDX-License-Identifier: MIT */
#include "loop_poll.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/time.h>

#include <utlist.h>

/* libdbus has a watch to read by and one to write by, and libuv one handle a descriptor. */
struct descriptor {
    uv_poll_t handle;
    int fd;
    struct loop_poll *poll;
    AvahiWatch *watches;
    struct descriptor *next;
};

struct AvahiWatch {
    struct descriptor *descriptor;
    int wanted; /* AvahiWatchEvent, several of them */
    int happened;
    bool is_due;
    AvahiWatchCallback callback;
    void *context;
    AvahiWatch *next;
};

struct AvahiTimeout {
    uv_timer_t handle;
    AvahiTimeoutCallback callback;
    void *context;
};

static void on_closed(uv_handle_t *handle) {
    free(handle->data);
}

/* ---- descriptors ---- */

static void close_descriptor(struct descriptor *descriptor) {
    LL_DELETE(descriptor->poll->descriptors, descriptor);
    uv_close((uv_handle_t *)&descriptor->handle, on_closed);
}

static AvahiWatch *find_due(const struct descriptor *descriptor) {
    AvahiWatch *watch = descriptor->watches;
    while (watch != NULL && !watch->is_due) {
        watch = watch->next;
    }
    return watch;
}

/* Callbacks may free any watch, and so close the descriptor, which is freed when the loop goes on. */
static void on_poll(uv_poll_t *handle, int status, int events) {
    const struct descriptor *descriptor = handle->data;
    int happened = status < 0 ? AVAHI_WATCH_ERR : 0;
    happened |= (events & UV_READABLE) != 0 ? AVAHI_WATCH_IN : 0;
    happened |= (events & UV_WRITABLE) != 0 ? AVAHI_WATCH_OUT : 0;
    happened |= (events & UV_DISCONNECT) != 0 ? AVAHI_WATCH_HUP : 0;
    AvahiWatch *watch;
    LL_FOREACH(descriptor->watches, watch) {
        watch->happened = happened & (watch->wanted | AVAHI_WATCH_ERR | AVAHI_WATCH_HUP);
        watch->is_due = watch->wanted != 0 && watch->happened != 0;
    }
    while ((watch = find_due(descriptor)) != NULL) {
        watch->is_due = false;
        watch->callback(watch, descriptor->fd, (AvahiWatchEvent)watch->happened, watch->context);
    }
}

/* Waits for what any of its watches wants. */
static void listen_to(struct descriptor *descriptor) {
    int wanted = 0;
    const AvahiWatch *watch;
    LL_FOREACH(descriptor->watches, watch) {
        wanted |= watch->wanted != 0 ? UV_DISCONNECT : 0;
        wanted |= (watch->wanted & AVAHI_WATCH_IN) != 0 ? UV_READABLE : 0;
        wanted |= (watch->wanted & AVAHI_WATCH_OUT) != 0 ? UV_WRITABLE : 0;
    }
    if (wanted == 0) {
        uv_poll_stop(&descriptor->handle);
    } else {
        uv_poll_start(&descriptor->handle, wanted, on_poll);
    }
}

static struct descriptor *find_descriptor(struct loop_poll *poll, int fd) {
    struct descriptor *descriptor;
    LL_SEARCH_SCALAR(poll->descriptors, descriptor, fd, fd);
    if (descriptor != NULL) {
        return descriptor;
    }
    descriptor = calloc(1, sizeof(*descriptor));
    if (descriptor == NULL || uv_poll_init(poll->loop, &descriptor->handle, fd) != 0) {
        free(descriptor);
        return NULL;
    }
    descriptor->handle.data = descriptor;
    descriptor->fd = fd;
    descriptor->poll = poll;
    LL_PREPEND(poll->descriptors, descriptor);
    return descriptor;
}

static void watch_update(AvahiWatch *watch, AvahiWatchEvent event) {
    watch->wanted = (int)event;
    listen_to(watch->descriptor);
}

static AvahiWatch *watch_new(const AvahiPoll *api, int fd, AvahiWatchEvent event, AvahiWatchCallback callback,
                             void *context) {
    AvahiWatch *watch = calloc(1, sizeof(*watch));
    struct descriptor *descriptor = watch == NULL ? NULL : find_descriptor(api->userdata, fd);
    if (descriptor == NULL) {
        free(watch);
        return NULL;
    }
    watch->descriptor = descriptor;
    watch->callback = callback;
    watch->context = context;
    LL_PREPEND(descriptor->watches, watch);
    watch_update(watch, event);
    return watch;
}

static AvahiWatchEvent watch_get_events(AvahiWatch *watch) {
    return (AvahiWatchEvent)watch->happened;
}

static void watch_free(AvahiWatch *watch) {
    struct descriptor *descriptor = watch->descriptor;
    LL_DELETE(descriptor->watches, watch);
    free(watch);
    if (descriptor->watches == NULL) {
        close_descriptor(descriptor);
    } else {
        listen_to(descriptor);
    }
}

/* ---- times ---- */

static void on_timer(uv_timer_t *handle) {
    AvahiTimeout *timeout = handle->data;
    timeout->callback(timeout, timeout->context); /* which may free it */
}

/* Avahi's times are of the wall clock. NULL: never. */
static void timeout_update(AvahiTimeout *timeout, const struct timeval *at) {
    struct timeval now;
    if (at == NULL) {
        uv_timer_stop(&timeout->handle);
        return;
    }
    gettimeofday(&now, NULL);
    const int64_t left_us =
        ((int64_t)at->tv_sec - now.tv_sec) * 1000000 + ((int64_t)at->tv_usec - now.tv_usec);
    uv_update_time(timeout->handle.loop);
    uv_timer_start(&timeout->handle, on_timer, left_us <= 0 ? 0 : (uint64_t)(left_us + 999) / 1000, 0);
}

static AvahiTimeout *timeout_new(const AvahiPoll *api, const struct timeval *at,
                                 AvahiTimeoutCallback callback, void *context) {
    AvahiTimeout *timeout = calloc(1, sizeof(*timeout));
    if (timeout == NULL) {
        return NULL;
    }
    uv_timer_init(((struct loop_poll *)api->userdata)->loop, &timeout->handle);
    timeout->handle.data = timeout;
    timeout->callback = callback;
    timeout->context = context;
    timeout_update(timeout, at);
    return timeout;
}

static void timeout_free(AvahiTimeout *timeout) {
    uv_close((uv_handle_t *)&timeout->handle, on_closed);
}

void loop_poll_init(struct loop_poll *poll, uv_loop_t *loop) {
    *poll = (struct loop_poll){.loop = loop,
                               .api = {.userdata = poll,
                                       .watch_new = watch_new,
                                       .watch_update = watch_update,
                                       .watch_get_events = watch_get_events,
                                       .watch_free = watch_free,
                                       .timeout_new = timeout_new,
                                       .timeout_update = timeout_update,
                                       .timeout_free = timeout_free}};
}
