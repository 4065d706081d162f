/* SPDX-License-Identifier: MIT */
#include "pipe.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "countdown.h"
#include "test.h"
#include "world.h"

#define DELAY_MS 1

/* Something on its way to one end. */
struct post {
    struct post *next;
    uint64_t arrival_ms;
    struct pipe *pipe;
    size_t end;
    struct muster_stream stream;
    uint8_t bytes[];
};

static void post(struct pipe *pipe, size_t end, const struct muster_stream *stream) {
    struct post *post = countdown_malloc(sizeof *post + stream->length);
    assert_non_null(post);
    *post = (struct post){.arrival_ms = world.now_ms + DELAY_MS, .pipe = pipe, .end = end, .stream = *stream};
    if (stream->length > 0) {
        memcpy(post->bytes, stream->bytes, stream->length);
    }
    post->stream.bytes = post->bytes;
    pipe->posts++;
    *world.last_post = post;
    world.last_post = &post->next;
}

static void post_event(struct pipe *pipe, size_t end, enum muster_stream_event event) {
    post(pipe, end, &(struct muster_stream){.event = event});
}

/* ---- pipes ---- */

static struct pipe *new_pipe(size_t opener, size_t server) {
    struct pipe *pipe = countdown_malloc(sizeof *pipe);
    assert_non_null(pipe);
    *pipe = (struct pipe){.next = world.pipes, .ends = {{.node = opener}, {.node = server}}};
    pipe->text = countdown_malloc(1);
    pipe->text[0] = '\0';
    world.pipes = pipe;
    return pipe;
}

static void free_pipe(struct pipe *pipe) {
    countdown_free(pipe->text);
    countdown_free(pipe);
}

/* Frees what neither a node, nor the test, nor a post refers to. */
static void sweep(struct pipe *pipe) {
    bool is_tests = pipe->ends[0].node == PIPE_TEST || pipe->ends[1].node == PIPE_TEST;
    if (pipe->posts > 0 || (is_tests && !pipe->is_forgotten) || !pipe->ends[0].is_gone ||
        !pipe->ends[1].is_gone) {
        return;
    }
    struct pipe **place = &world.pipes;
    while (*place != pipe) {
        place = &(*place)->next;
    }
    *place = pipe->next;
    free_pipe(pipe);
}

void pipes_deinit(void) {
    while (world.posts != NULL) {
        struct post *post = world.posts;
        world.posts = post->next;
        countdown_free(post);
    }
    while (world.pipes != NULL) {
        struct pipe *pipe = world.pipes;
        world.pipes = pipe->next;
        free_pipe(pipe);
    }
    world.last_post = &world.posts;
}

/* One end is gone, and the other is told by this event. */
static void leave(struct pipe *pipe, size_t end, enum muster_stream_event event) {
    pipe->ends[end].is_gone = true;
    if (!pipe->ends[1 - end].is_gone) {
        post_event(pipe, 1 - end, event);
    }
}

static void send_bytes(struct pipe *pipe, size_t from, const void *bytes, size_t length) {
    if (pipe->ends[1 - from].is_gone) {
        post_event(pipe, from, MUSTER_STREAM_CLOSED);
        return;
    }
    const struct muster_stream stream = {.event = MUSTER_STREAM_BYTES, .bytes = bytes, .length = length};
    post(pipe, 1 - from, &stream);
    size_t to = pipe->ends[1 - from].node;
    bool is_taken = to == PIPE_TEST ? !pipe->is_deaf : !world.nodes[to].is_stopped;
    if (is_taken) {
        post_event(pipe, from, MUSTER_STREAM_DRAINED);
    }
}

/* ---- the test's side ---- */

static size_t end_of_test(const struct pipe *pipe) {
    return pipe->ends[0].node == PIPE_TEST ? 0 : 1;
}

struct pipe *pipe_connect(size_t node, const struct muster_stream *as) {
    struct pipe *pipe = new_pipe(PIPE_TEST, node);
    struct muster_stream stream = *as;
    stream.event = MUSTER_STREAM_ACCEPTED;
    stream.length = 0;
    world.stream_number += 2;
    pipe->ends[1].number = world.stream_number - 1;
    post(pipe, 1, &stream);
    return pipe;
}

struct pipe *pipe_connect_local(size_t node) {
    return pipe_connect(node, &(struct muster_stream){.is_local = true, .may_change = true});
}

struct pipe *pipe_connect_tcp(size_t node, uint8_t host) {
    return pipe_connect(
        node, &(struct muster_stream){.remote = {.family = 4, .ip = {10, 0, 1, host}, .port = 50000},
                                      .interface = WORLD_INTERFACE});
}

void pipe_write(struct pipe *pipe, const void *bytes, size_t length) {
    send_bytes(pipe, end_of_test(pipe), bytes, length);
}

void pipe_say(struct pipe *pipe, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    assert_true(length >= 0);
    char *text = countdown_malloc((size_t)length + 1);
    assert_non_null(text);
    va_start(arguments, format);
    vsnprintf(text, (size_t)length + 1, format, arguments);
    va_end(arguments);
    pipe_write(pipe, text, (size_t)length);
    countdown_free(text);
}

const char *pipe_ask(struct pipe *pipe, const char *line) {
    pipe_clear(pipe);
    pipe_say(pipe, "%s\n", line);
    world_run(20);
    return pipe->text;
}

size_t pipe_count(const struct pipe *pipe, const char *part) {
    size_t count = 0;
    for (const char *at = pipe->text; (at = strstr(at, part)) != NULL; at++) {
        count++;
    }
    return count;
}

void pipe_finish(struct pipe *pipe) {
    post_event(pipe, 1 - end_of_test(pipe), MUSTER_STREAM_ENDED);
}

void pipe_break(struct pipe *pipe) {
    leave(pipe, end_of_test(pipe), MUSTER_STREAM_CLOSED);
}

void pipe_listen(struct pipe *pipe) {
    pipe->is_deaf = false;
    post_event(pipe, 1 - end_of_test(pipe), MUSTER_STREAM_DRAINED);
}

void pipe_clear(struct pipe *pipe) {
    pipe->length = 0;
    pipe->text[0] = '\0';
}

void pipe_forget(struct pipe *pipe) {
    if (!pipe->ends[end_of_test(pipe)].is_gone) {
        pipe_break(pipe);
    }
    pipe->is_forgotten = true;
    sweep(pipe);
}

static void collect(struct pipe *pipe, const struct muster_stream *stream) {
    char *text = countdown_malloc(pipe->length + stream->length + 1);
    assert_non_null(text);
    memcpy(text, pipe->text, pipe->length);
    memcpy(text + pipe->length, stream->bytes, stream->length);
    countdown_free(pipe->text);
    pipe->text = text;
    pipe->length += stream->length;
    pipe->text[pipe->length] = '\0';
}

static void tell_test(struct pipe *pipe, const struct muster_stream *stream) {
    size_t end = end_of_test(pipe);
    switch (stream->event) {
    case MUSTER_STREAM_BYTES: collect(pipe, stream); break;
    case MUSTER_STREAM_ENDED: pipe->is_ended = true; break;
    case MUSTER_STREAM_CLOSED:
        pipe->is_closed = true;
        pipe->ends[end].is_gone = true;
        break;
    default: break;
    }
    size_t server = pipe->server;
    if (end == 1 && world.nodes[server].script != NULL) {
        world.nodes[server].script(pipe, stream->event);
    }
}

void pipe_break_all(void) {
    for (struct pipe *pipe = world.pipes; pipe != NULL; pipe = pipe->next) {
        for (size_t end = 0; end < 2; end++) {
            if (pipe->ends[end].node != PIPE_TEST && !pipe->ends[end].is_gone) {
                post_event(pipe, end, MUSTER_STREAM_CLOSED);
            }
        }
    }
}

size_t pipes_open(size_t node) {
    size_t count = 0;
    for (const struct pipe *pipe = world.pipes; pipe != NULL; pipe = pipe->next) {
        for (size_t end = 0; end < 2; end++) {
            count += pipe->ends[end].node == node && !pipe->ends[end].is_gone ? 1 : 0;
        }
    }
    return count;
}

/* ---- a node's side ---- */

static size_t find_server(const struct muster_endpoint *endpoint) {
    for (size_t i = 0; i < world.count; i++) {
        const struct node *node = &world.nodes[i];
        if (memcmp(node->endpoint.ip, endpoint->ip, sizeof endpoint->ip) == 0 && node->has_streams &&
            endpoint->port == WORLD_STREAM_PORT && (!node->is_stopped || node->is_silent)) {
            return i;
        }
    }
    return PIPE_TEST;
}

static void open(size_t node, const struct muster_output *output) {
    size_t server = find_server(&output->endpoint);
    bool is_there = server != PIPE_TEST;
    bool is_played = is_there && world.nodes[server].script != NULL;
    struct pipe *pipe = new_pipe(node, is_played ? PIPE_TEST : server);
    pipe->ends[0].number = output->stream;
    pipe->server = server;
    if (!is_there) {
        pipe->ends[1] = (struct pipe_end){.is_gone = true};
        post_event(pipe, 0, MUSTER_STREAM_CLOSED);
        return;
    }
    world.stream_number += 2;
    pipe->ends[1].number = world.stream_number - 1;
    if (world.nodes[server].is_stopped) {
        return;
    }
    post(pipe, 1,
         &(struct muster_stream){.event = MUSTER_STREAM_ACCEPTED,
                                 .remote = world.nodes[node].endpoint,
                                 .interface = WORLD_INTERFACE});
    post_event(pipe, 0, MUSTER_STREAM_OPENED);
}

static struct pipe *find(size_t node, uint64_t number, size_t *end) {
    struct pipe *pipe;
    for (pipe = world.pipes; pipe != NULL; pipe = pipe->next) {
        for (*end = 0; *end < 2; ++*end) {
            const struct pipe_end *it = &pipe->ends[*end];
            if (it->node == node && it->number == number && !it->is_gone) {
                return pipe;
            }
        }
    }
    return NULL;
}

void pipes_output(size_t node, const struct muster_output *output) {
    size_t end;
    if (output->kind == MUSTER_OUTPUT_STREAM_OPEN) {
        world.nodes[node].opened++;
        open(node, output);
        return;
    }
    struct pipe *pipe = find(node, output->stream, &end);
    if (pipe == NULL) {
        fail_msg("a stream that is not there is written or closed");
    } else if (output->kind == MUSTER_OUTPUT_STREAM_WRITE) {
        send_bytes(pipe, end, output->bytes, output->length);
    } else {
        leave(pipe, end, MUSTER_STREAM_ENDED);
        sweep(pipe);
    }
}

void pipes_lose(size_t node, bool is_silent) {
    struct pipe *next;
    for (struct pipe *pipe = world.pipes; pipe != NULL; pipe = next) {
        next = pipe->next;
        for (size_t end = 0; end < 2; end++) {
            if (pipe->ends[end].node != node || pipe->ends[end].is_gone) {
                continue;
            }
            if (!is_silent) {
                leave(pipe, end, MUSTER_STREAM_CLOSED);
                sweep(pipe);
                break;
            }
        }
    }
}

static void tell_node(struct pipe *pipe, size_t end, const struct muster_stream *what) {
    struct pipe_end *to = &pipe->ends[end];
    struct muster_event event = {.kind = MUSTER_EVENT_STREAM, .stream = *what};
    event.stream.number = to->number;
    if (to->is_gone || world.nodes[to->node].is_stopped) {
        return;
    }
    to->is_gone = what->event == MUSTER_STREAM_CLOSED;
    int error = world_step(to->node, &event);
    if (what->event != MUSTER_STREAM_CLOSED && error != 0) {
        leave(pipe, end, MUSTER_STREAM_CLOSED);
    }
}

/* ---- time ---- */

uint64_t pipes_next_ms(void) {
    return world.posts == NULL ? UINT64_MAX : world.posts->arrival_ms;
}

void pipes_deliver(void) {
    struct post *post = world.posts;
    struct pipe *pipe = post->pipe;
    world.posts = post->next;
    if (world.posts == NULL) {
        world.last_post = &world.posts;
    }
    if (pipe->ends[post->end].node == PIPE_TEST) {
        if (!pipe->ends[post->end].is_gone) {
            tell_test(pipe, &post->stream);
        }
    } else {
        tell_node(pipe, post->end, &post->stream);
    }
    countdown_free(post);
    pipe->posts--;
    sweep(pipe);
}
