/* The sockets of a node on its loop: each is watched, and those that hear one interface make a link, which
 * can be opened and closed while the node runs. */
#ifndef UV_LINK_H
#define UV_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>

#include <muster/core.h>

#include "interface.h"
#include "log.h"
#include "socket.h"

/* A socket and the handle that watches it. Its memory must last until the handle is closed. */
struct watch {
    struct datagram_socket socket;
    uv_poll_t poll; /* poll.data is the owner given to watch_start() */
    bool started;
};

/* The watch that a handle is of. */
struct watch *watch_of(uv_poll_t *poll);

/* Begins to watch an open socket for datagrams. MUSTER_ENOMEM, MUSTER_ESYSTEM. */
int watch_start(struct watch *watch, uv_loop_t *loop, uv_poll_cb on_ready, void *owner);

/* Stops watching and closes the socket at once; on_closed comes from the loop. False, and nothing comes,
 * when it was not watched. */
bool watch_end(struct watch *watch, uv_close_cb on_closed);

struct link;
typedef void (*link_closed_cb)(struct link *link, void *owner);

/* One interface in use. */
struct link {
    struct interface interface;
    struct watch watches[MUSTER_PATH_KINDS]; /* by path kind; closed where there is no such path */
    struct watch telemetry;                  /* closed until groups are to be heard */
    uint32_t groups;                         /* of telemetry, that it has joined */
    int failures[MUSTER_PATH_KINDS];         /* -errno of what was said last, by path kind; 0: nothing */
    uint64_t failed[MUSTER_PATH_KINDS];      /* datagrams that could not be sent by it, by path kind */
    bool without_gso; /* batches are sent by it one by one: it can't do them (UDP GSO) */
    unsigned handles; /* of watches, not closed yet */
    link_closed_cb on_closed;
    void *owner;
};

/* Opens the sockets of an interface. One that is required must have all of its paths; of any other, a
 * path that can't be opened is left out, with a warning that says why; it fails when none is left. A required
 * one fails with an error line. *link is for link_free(), or for link_end() once it was started.
 * MUSTER_ENOINTERFACE (it is gone), MUSTER_ENOMEM, MUSTER_EPERM, MUSTER_ESYSTEM. */
int link_open(struct link **link, const struct interface *interface, uint16_t port, bool is_required,
              const struct log *log);

/* Begins to watch its sockets; poll->data is owner. On error some may be watched: end it. MUSTER_ENOMEM,
 * MUSTER_ESYSTEM. */
int link_start(struct link *link, uv_loop_t *loop, uv_poll_cb on_ready, void *owner);

/* Hears these groups of telemetry (muster_output.groups) and no others; on_ready and owner are those of the
 * socket, which is opened when it is needed first. What can't be heard is said, and tried again with the next
 * call. 0 or the first error: MUSTER_ENOMEM, MUSTER_EPERM, MUSTER_ENOINTERFACE, MUSTER_ENOPORT (another
 * program keeps the port to itself), MUSTER_ESYSTEM. */
int link_hear(struct link *link, uint32_t groups, uint16_t port, uv_loop_t *loop, uv_poll_cb on_ready,
              void *owner, const struct log *log);

/* Closes its sockets; on_closed, which may free it, comes from the loop, or from inside this call when none
 * was watched. */
void link_end(struct link *link, link_closed_cb on_closed, void *owner);

/* Frees a link that is not watched. NULL is allowed. */
void link_free(struct link *link);

/* Appends its paths, at most MUSTER_PATH_KINDS; returns how many. What is sent by them comes from its address
 * and unicast_port. */
size_t link_paths(const struct link *link, uint16_t unicast_port, struct muster_path *paths);

/* Says what it listens on, and with how much room. */
void link_describe(const struct link *link, const struct log *log);

/* Notes how the sending of a datagram ended, 0 or -errno. A failure is counted, and said unless the last one
 * of that path was the same. On a path to all a success ends that: the next failure is said again. */
void link_sent(struct link *link, enum muster_path_kind kind, int error, const struct log *log);

#endif
