/* SPDX-License-Identifier: MIT */
/* The static peers of a node: what names them, and the addresses that these names have. A name is resolved on
 * the loop, again when that fails, and now and then, for addresses change. A part, see part.h. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>

#include <muster/core.h>
#include <muster/muster.h>

#include "log.h"
#include "part.h"

struct static_name;

/* Zeroed: none. */
struct static_names {
    const struct part_context *context;
    const struct log *log; /* borrowed */
    uv_loop_t *loop;       /* NULL until the node is on one */
    void (*on_change)(void *owner);
    void *owner;
    struct static_name *items;
    size_t count;
};

/* Takes the static peers of the options; port: where they are unless they say it. MUSTER_EINVAL, with an
 * error line, MUSTER_ENOMEM. */
int static_names_open(struct static_names *names, const char *const *texts, size_t count, uint16_t port,
                      const struct log *log);

/* Tells the core the addresses that are known; errors of muster_core_step(). */
int static_names_tell(const struct static_names *names);

/* True when one of them is on this host, as far as is known. */
bool static_names_have_host(const struct static_names *names, const struct muster_endpoint *host);

/* From now on names are resolved; on_change(owner) is called from the loop when one was, or could not be. */
void static_names_start(struct static_names *names, uv_loop_t *loop, void (*on_change)(void *owner),
                        void *owner);

void static_names_turn(struct static_names *names);

/* A look is over: says who did not answer. In a turn that is said of who was asked several times. */
void static_names_tell_silent(struct static_names *names);
uint64_t static_names_due_ms(const struct static_names *names);

/* What is being resolved ends by itself, and tells nobody. */
void static_names_deinit(struct static_names *names);
