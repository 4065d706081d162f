#include "descriptor.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static void on_poll(uv_poll_t *poll, int status, int events) {
    struct input *input = poll->data;
    (void)status; /* reading will say what is wrong */
    (void)events;
    input->on_ready(input->context);
}

static void on_idle(uv_idle_t *idle) {
    struct input *input = idle->data;
    input->on_ready(input->context);
}

int input_open(struct input *input, uv_loop_t *loop, int fd, void (*on_ready)(void *context), void *context) {
    *input = (struct input){.fd = fd, .flags = fcntl(fd, F_GETFL), .on_ready = on_ready, .context = context};
    int error = uv_poll_init(loop, &input->poll, fd);
    input->is_file = error == UV_EPERM; /* epoll_ctl(2): of what never lets anybody wait */
    input->poll.data = input;
    if (input->is_file) {
        error = uv_idle_init(loop, &input->idle);
        input->idle.data = input;
    }
    if (error == 0) {
        input_resume(input);
    }
    return error;
}

ssize_t input_read(struct input *input, char *bytes, size_t size) {
    ssize_t length = read(input->fd, bytes, size);
    if (length < 0) {
        return errno == EINTR ? UV_EAGAIN : uv_translate_sys_error(errno);
    }
    return length;
}

void input_pause(struct input *input) {
    if (!input->is_running) {
        return;
    }
    input->is_running = false;
    if (input->is_file) {
        uv_idle_stop(&input->idle);
    } else {
        uv_poll_stop(&input->poll);
    }
}

void input_resume(struct input *input) {
    if (input->is_running || input->on_ready == NULL) {
        return;
    }
    input->is_running = true;
    if (input->is_file) {
        uv_idle_start(&input->idle, on_idle);
    } else {
        uv_poll_start(&input->poll, UV_READABLE, on_poll);
    }
}

void input_close(struct input *input) {
    /* Whether reads wait is a property of the open file, which a shell and its other children share. */
    if (input->on_ready != NULL && input->flags >= 0) {
        fcntl(input->fd, F_SETFL, input->flags);
    }
}
