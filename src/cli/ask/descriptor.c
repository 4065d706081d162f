/* SPDX-License-Identifier: MIT */
#include "descriptor.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static void on_poll(uv_poll_t *poll, int status, int events) {
    struct descriptor *descriptor = poll->data;
    (void)status; /* reading will say what is wrong */
    (void)events;
    descriptor->on_ready(descriptor->context);
}

static void on_idle(uv_idle_t *idle) {
    struct descriptor *descriptor = idle->data;
    descriptor->on_ready(descriptor->context);
}

int descriptor_open(struct descriptor *descriptor, uv_loop_t *loop, int fd, void (*on_ready)(void *context),
                    void *context) {
    *descriptor =
        (struct descriptor){.fd = fd, .flags = fcntl(fd, F_GETFL), .on_ready = on_ready, .context = context};
    int error = uv_poll_init(loop, &descriptor->poll, fd);
    descriptor->is_file = error == UV_EPERM; /* epoll_ctl(2): of what never lets anybody wait */
    descriptor->poll.data = descriptor;
    if (descriptor->is_file) {
        error = uv_idle_init(loop, &descriptor->idle);
        descriptor->idle.data = descriptor;
    }
    if (error == 0) {
        descriptor_resume(descriptor);
    }
    return error;
}

ssize_t descriptor_read(struct descriptor *descriptor, char *bytes, size_t size) {
    ssize_t length = read(descriptor->fd, bytes, size);
    if (length < 0) {
        return errno == EINTR ? UV_EAGAIN : uv_translate_sys_error(errno);
    }
    return length;
}

void descriptor_pause(struct descriptor *descriptor) {
    if (!descriptor->is_running) {
        return;
    }
    descriptor->is_running = false;
    if (descriptor->is_file) {
        uv_idle_stop(&descriptor->idle);
    } else {
        uv_poll_stop(&descriptor->poll);
    }
}

void descriptor_resume(struct descriptor *descriptor) {
    if (descriptor->is_running || descriptor->on_ready == NULL) {
        return;
    }
    descriptor->is_running = true;
    if (descriptor->is_file) {
        uv_idle_start(&descriptor->idle, on_idle);
    } else {
        uv_poll_start(&descriptor->poll, UV_READABLE, on_poll);
    }
}

void descriptor_close(struct descriptor *descriptor) {
    /* Whether reads wait is a property of the open file, which a shell and its other children share. */
    if (descriptor->on_ready != NULL && descriptor->flags >= 0) {
        fcntl(descriptor->fd, F_SETFL, descriptor->flags);
    }
}
