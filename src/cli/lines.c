#include "lines.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static void end_line(struct lines *lines) {
    if (lines->length > 0 && lines->line[lines->length - 1] == '\r') {
        lines->length--;
    }
    if (lines->length > LINES_BYTES_MAX) {
        lines->refused = true;
    }
    lines->line[lines->length] = '\0';
    lines->on_line(lines->refused ? NULL : lines->line, lines->number, lines->context);
    lines->number++;
    lines->length = 0;
    lines->refused = false;
}

static void take_bytes(struct lines *lines, size_t count) {
    for (size_t i = 0; i < count; i++) {
        char byte = lines->chunk[i];
        if (byte == '\n') {
            end_line(lines);
        } else if (byte == '\0' || lines->length > LINES_BYTES_MAX) {
            lines->refused = true;
        } else {
            lines->line[lines->length++] = byte;
        }
    }
}

/* Hands over a last line without LF, and stops. */
static void end_input(struct lines *lines) {
    if (lines->length > 0 || lines->refused) {
        end_line(lines);
    }
    lines->on_pause(lines->context);
    uv_close(&lines->input.handle, NULL);
}

/* ---- terminals, pipes and sockets ---- */

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer) {
    struct lines *lines = handle->data;
    (void)suggested;
    *buffer = uv_buf_init(lines->chunk, sizeof(lines->chunk));
}

static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buffer) {
    struct lines *lines = stream->data;
    (void)buffer;
    if (count < 0) {
        end_input(lines);
    } else if (count > 0) {
        take_bytes(lines, (size_t)count);
        lines->on_pause(lines->context);
    }
}

/* ---- files, which can't be polled: a chunk each turn of the loop ---- */

static void on_turn(uv_timer_t *timer) {
    struct lines *lines = timer->data;
    ssize_t count = read(STDIN_FILENO, lines->chunk, sizeof(lines->chunk));
    if (count < 0 && errno == EINTR) {
        return;
    }
    if (count <= 0) {
        end_input(lines);
        return;
    }
    take_bytes(lines, (size_t)count);
}

/* Opens a pipe anew: libuv reads without blocking, and that flag would hold for every process that shares
 * our own open file (open(2): the file status flags). Returns standard input where that can't be done: a
 * socket, a pipe of another user. A FIFO without a writer must not block. */
static int open_pipe_anew(void) {
    int fd = open("/proc/self/fd/0", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    return fd >= 0 ? fd : STDIN_FILENO;
}

static int start_pipe(struct lines *lines) {
    int error = uv_pipe_init(lines->loop, &lines->input.pipe, 0);
    if (error != 0) {
        return error;
    }
    int fd = open_pipe_anew();
    error = uv_pipe_open(&lines->input.pipe, fd);
    if (error != 0 && fd != STDIN_FILENO) {
        close(fd);
    }
    return error;
}

int lines_start(struct lines *lines, uv_loop_t *loop,
                void (*on_line)(const char *line, uint64_t number, void *context),
                void (*on_pause)(void *context), void *context) {
    int error;
    *lines = (struct lines){
        .loop = loop, .number = 1, .on_line = on_line, .on_pause = on_pause, .context = context};
    switch (uv_guess_handle(STDIN_FILENO)) {
    case UV_TTY: error = uv_tty_init(loop, &lines->input.tty, STDIN_FILENO, 1); break;
    case UV_NAMED_PIPE:
    case UV_TCP: error = start_pipe(lines); break;
    default:
        error = uv_timer_init(loop, &lines->input.timer);
        lines->input.handle.data = lines;
        return error != 0 ? error : uv_timer_start(&lines->input.timer, on_turn, 0, 1);
    }
    lines->input.handle.data = lines;
    return error != 0 ? error : uv_read_start(&lines->input.stream, on_alloc, on_read);
}
