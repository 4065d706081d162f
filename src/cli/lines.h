/* Lines of standard input, read on a loop as they come. */
#ifndef CLI_LINES_H
#define CLI_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>

/* Longest line, its LF or CRLF excepted; longer ones are refused. */
#define LINES_BYTES_MAX 4096

struct lines {
    uv_loop_t *loop;
    union {
        uv_handle_t handle;
        uv_stream_t stream;
        uv_pipe_t pipe;
        uv_tty_t tty;
        uv_timer_t timer;
    } input;
    char chunk[LINES_BYTES_MAX];    /* as read */
    char line[LINES_BYTES_MAX + 2]; /* and perhaps a CR, and a NUL */
    size_t length;                  /* of the line so far */
    bool refused;                   /* the line so far: too long, or holds a NUL */
    uint64_t number;                /* of the line that is being read, from 1 */

    /* A line, without LF or CRLF; NULL for one that is too long or holds a NUL. Borrowed for the call. */
    void (*on_line)(const char *line, uint64_t number, void *context);
    /* All lines that had come have been handed over. */
    void (*on_pause)(void *context);
    void *context;
};

/* Begins to read standard input, be it a terminal, a pipe, a socket or a file. Returns 0, or a
 * negative libuv error. Ends by itself at the end of input; else its handle is to be closed with the loop. */
int lines_start(struct lines *lines, uv_loop_t *loop,
                void (*on_line)(const char *line, uint64_t number, void *context),
                void (*on_pause)(void *context), void *context);

#endif
