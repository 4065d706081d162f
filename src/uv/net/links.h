/* SPDX-License-Identifier: MIT */
/* The links of a node: one for each interface that it uses. They come and go with these. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>

#include <muster/core.h>

#include "doorbell.h"
#include "interface.h"
#include "limit.h"
#include "link.h"
#include "log.h"

/* Zeroed: none. */
struct links {
    struct link *items[MUSTER_PATHS_MAX]; /* the most useful first, as in interfaces */
    size_t count;
    bool has_failed;          /* some path can't be opened: it is to be tried again */
    struct link_counts *past; /* of links that were closed, the oldest first; at most MUSTER_PATHS_MAX */
    size_t past_count;
    struct interface_list interfaces; /* as they were read last */
    char **names;                     /* that narrow the interfaces, copied */
    size_t name_count;
    unsigned kinds; /* of the paths that are used */
    uint16_t port;
    bool without_gso;
    enum group_scope scope; /* likewise of each link */
    bool may_be_deaf;       /* likewise of each link */
    uv_loop_t *loop;        /* NULL: not started */
    uv_poll_cb on_ready;
    void *owner; /* of the sockets */
};

/* Keeps a copy of the names. kinds: of the paths that are to be used, bit 1 << kind. MUSTER_ENOMEM; then, as
 * after success, links_close() follows. */
int links_init(struct links *links, const char *const *names, size_t name_count, unsigned kinds,
               uint16_t port, bool without_gso);

/* Reads which interfaces are to be used now. The errors of interface_list_read(). */
int links_read(const struct links *links, struct interface_list *interfaces, const struct log *log);

/* Closes the links of interfaces that are not in use any more, and of devices that died. True when one of
 * them is to be opened anew. */
bool links_drop(struct links *links, const struct interface_list *interfaces, const struct doorbell *doorbell,
                const struct log *log);

/* Opens the links that are missing, and lets the others know what their interfaces are like now. Takes the
 * list over. 0, or -errno of the last path that could not be opened, which a warning told. */
int links_take(struct links *links, struct interface_list *interfaces, const struct log *log);

/* Watches the sockets of those that are there and of those to come. MUSTER_ENOMEM, MUSTER_ESYSTEM. */
int links_start(struct links *links, uv_loop_t *loop, uv_poll_cb on_ready, void *owner);

/* Closes all; started ones are freed by the loop. A zeroed struct is allowed. */
void links_close(struct links *links);

struct link *links_find(const struct links *links, uint32_t interface);

/* The one with this address of ours. */
struct link *links_find_address(const struct links *links, const struct muster_endpoint *address);
