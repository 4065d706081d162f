/* SPDX-License-Identifier: MIT */
/* What another muster command says of a peer, to be read on the screen: run as a program, with its output
 * taken. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <uv.h>

#include <muster/muster.h>

#include "settings.h"

/* What is kept of the output. */
#define DETAILS_BYTES_MAX (256 * 1024)

/* The command that is run, "muster COMMAND id:…". */
#define DETAILS_COMMAND "why"

/* Its output grew, or ended. */
typedef void (*details_cb)(void *context);

struct details {
    uv_process_t process;
    uv_pipe_t out;
    bool is_open;    /* handles are on the loop */
    bool is_running; /* the program */
    char *text;      /* NUL-terminated, safe to print as the command makes it */
    size_t length;
    unsigned handles;
    details_cb on_change;
    void *context;
};

/* Starts the command for a peer, with the same settings. Returns 0, or a negative uv error. Only while none
 * is open.
 */
int details_open(struct details *details, uv_loop_t *loop, const struct settings *settings,
                 const uint8_t id[MUSTER_ID_BYTES], details_cb on_change, void *context);

/* Ends it, running or not; a zeroed one is allowed. */
void details_close(struct details *details);

/* True when the handles are gone, so that it may be opened, or freed by details_deinit(). */
bool details_is_closed(const struct details *details);
void details_deinit(struct details *details);
