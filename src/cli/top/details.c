/* SPDX-License-Identifier: MIT */
#include "details.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ARGUMENTS_MAX (32 + 2 * VALUE_TEXTS_MAX * 2)

/* ---- its arguments ---- */

struct arguments {
    char *values[ARGUMENTS_MAX];
    size_t count;
};

/* The program reads them, and changes none. */
static void add(struct arguments *arguments, const char *value) {
    arguments->values[arguments->count++] = (char *)(uintptr_t)value;
}

static void add_option(struct arguments *arguments, const char *option, const char *value) {
    if (value != NULL) {
        add(arguments, option);
        add(arguments, value);
    }
}

static void add_each(struct arguments *arguments, const char *option, const struct value_texts *texts) {
    for (size_t i = 0; i < texts->count; i++) {
        add_option(arguments, option, texts->texts[i]);
    }
}

static void add_settings(struct arguments *arguments, const struct settings *settings, const char *port,
                         const char *ttl) {
    add_each(arguments, "--interface", &settings->interfaces);
    add_each(arguments, "--peer", &settings->peers);
    add_option(arguments, "--port", port);
    add_option(arguments, "--state-dir", settings->state_dir);
    add_option(arguments, "--socket", settings->socket);
    if (settings->direct) {
        add(arguments, "--direct");
    }
    if (settings->no_key) {
        add(arguments, "--no-key");
    }
    if (settings->trust != MUSTER_TRUST_ANY) {
        add_option(arguments, "--trust", muster_trust_name(settings->trust));
    }
    if (settings->ipv4 != settings->ipv6) {
        add(arguments, settings->ipv4 ? "--ipv4" : "--ipv6");
    }
    if (settings->scope != SCOPE_LINK) {
        add_option(arguments, "--scope", "site");
        add_option(arguments, "--ttl", ttl);
    }
    if (settings->delivery != DELIVERY_BOTH) {
        add_option(arguments, "--delivery",
                   settings->delivery == DELIVERY_MULTICAST ? "multicast" : "broadcast");
    }
}

/* ---- its output ---- */

static void on_closed(uv_handle_t *handle) {
    struct details *details = handle->data;
    details->handles--;
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer) {
    struct details *details = handle->data;
    (void)suggested;
    *buffer = uv_buf_init(details->text + details->length, (unsigned)(DETAILS_BYTES_MAX - details->length));
}

static void on_read(uv_stream_t *stream, ssize_t length, const uv_buf_t *buffer) {
    struct details *details = stream->data;
    (void)buffer;
    if (length < 0) {
        uv_read_stop(stream);
    } else {
        details->length += (size_t)length;
        details->text[details->length] = '\0';
    }
    details->on_change(details->context);
}

static void on_exited(uv_process_t *process, int64_t status, int number) {
    struct details *details = process->data;
    (void)status;
    (void)number;
    details->is_running = false;
    details->on_change(details->context);
}

/* ---- opening and closing ---- */

/* What the command prints and what it complains of go the same way. */
static int spawn(struct details *details, uv_loop_t *loop, const struct settings *settings, const uint8_t *id,
                 uv_file out) {
    char who[MUSTER_ID_TEXT_BYTES + 3] = "id:";
    char port[16];
    char ttl[16];
    struct arguments arguments = {0};
    uv_stdio_container_t streams[3] = {{.flags = UV_IGNORE},
                                       {.flags = UV_INHERIT_FD, .data.fd = out},
                                       {.flags = UV_INHERIT_FD, .data.fd = out}};
    muster_id_text(id, who + 3);
    snprintf(port, sizeof(port), "%u", settings->port);
    snprintf(ttl, sizeof(ttl), "%u", settings->ttl);
    add(&arguments, "muster");
    add(&arguments, DETAILS_COMMAND);
    add(&arguments, who);
    add_option(&arguments, "--color", "never");
    add_settings(&arguments, settings, port, ttl);
    const uv_process_options_t options = {.file = "/proc/self/exe",
                                          .args = arguments.values,
                                          .exit_cb = on_exited,
                                          .stdio = streams,
                                          .stdio_count = 3};
    return uv_spawn(loop, &details->process, &options);
}

/* Starts the program, and the reading of what it writes to the pipe. */
static int start(struct details *details, uv_loop_t *loop, const struct settings *settings,
                 const uint8_t *id) {
    uv_file ends[2];
    int error = uv_pipe(ends, UV_NONBLOCK_PIPE, 0);
    if (error != 0) {
        return error;
    }
    error = spawn(details, loop, settings, id, ends[1]);
    details->is_running = error == 0;
    close(ends[1]);
    if (error == 0) {
        error = uv_pipe_open(&details->out, ends[0]);
    }
    if (error != 0) {
        close(ends[0]);
        return error;
    }
    return uv_read_start((uv_stream_t *)&details->out, on_alloc, on_read);
}

int details_open(struct details *details, uv_loop_t *loop, const struct settings *settings,
                 const uint8_t id[MUSTER_ID_BYTES], details_cb on_change, void *context) {
    char *text = details->text != NULL ? details->text : malloc(DETAILS_BYTES_MAX + 1);
    if (text == NULL) {
        return UV_ENOMEM;
    }
    *details = (struct details){.text = text, .on_change = on_change, .context = context};
    text[0] = '\0';
    int error = uv_pipe_init(loop, &details->out, 0);
    if (error != 0) {
        return error;
    }
    details->is_open = true;
    details->handles = 2;
    details->out.data = details->process.data = details;
    error = start(details, loop, settings, id);
    if (error != 0) {
        details_close(details); /* uv_spawn() leaves a handle to be closed, too */
    }
    return error;
}

void details_close(struct details *details) {
    if (!details->is_open) {
        return;
    }
    if (details->is_running) {
        uv_process_kill(&details->process, SIGTERM);
    }
    details->is_open = false;
    uv_close((uv_handle_t *)&details->out, on_closed);
    if (details->process.loop != NULL) {
        uv_close((uv_handle_t *)&details->process, on_closed);
    } else {
        details->handles--; /* uv_spawn() was not reached */
    }
}

bool details_is_closed(const struct details *details) {
    return details->handles == 0;
}

void details_deinit(struct details *details) {
    free(details->text);
    details->text = NULL;
}
