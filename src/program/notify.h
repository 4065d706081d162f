/* SPDX-License-Identifier: MIT */
/* Messages to the service manager: sd_notify(3), datagrams to the socket in NOTIFY_SOCKET. Without that
 * variable all functions do nothing. A datagram that can't be sent is dropped. */
#pragma once

#include <stdbool.h>

#include <sys/socket.h>
#include <sys/un.h>
#include <uv.h>

struct notify {
    bool open;
    int fd;
    struct sockaddr_un address;
    socklen_t address_bytes;
    uint64_t watchdog_ms; /* between two signs of life; 0: none are wanted */
    uv_timer_t watchdog;
    uv_timer_t pause; /* after a status; none is sent before it is over */
    bool outdated;    /* the status that was sent last */
    bool begun;       /* the timers are on a loop */
    void (*print_status)(char text[256], void *context);
    void *context;
};

/* Reads NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID, and removes them from the environment, so that no
 * child sends messages for this process. */
void notify_open(struct notify *notify);

/* Says that the process is ready. From now on signs of life are sent from the loop if the manager wants them,
 * and the status is kept current: print_status writes one line without LF, at most once a second. The handles
 * are to be closed with the loop. */
void notify_ready(struct notify *notify, uv_loop_t *loop, void (*print_status)(char text[256], void *context),
                  void *context);

/* The status has changed. */
void notify_status(struct notify *notify);

/* Say that a reload begins and is over; after notify_stopping() the latter says nothing. */
void notify_reloading(struct notify *notify);
void notify_reloaded(struct notify *notify);

/* The process is about to end. */
void notify_stopping(struct notify *notify);

/* To be called when the loop has ended. A zeroed struct is allowed. */
void notify_close(struct notify *notify);
