/* What a service manager is told of this process: sd_notify(3), datagrams to the socket in NOTIFY_SOCKET.
 * Without that variable everything here does nothing, and a datagram that cannot be sent is forgotten. */
#ifndef CLI_NOTIFY_H
#define CLI_NOTIFY_H

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

/* Takes NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID out of the environment, so that no child speaks for
 * this process. */
void notify_open(struct notify *notify);

/* From now on: tells that the process is ready, gives signs of life from the loop if they are wanted, and
 * keeps the status current. print_status writes one line without LF, at most once a second. The handles are
 * to be closed with the loop. */
void notify_ready(struct notify *notify, uv_loop_t *loop, void (*print_status)(char text[256], void *context),
                  void *context);

/* The status has changed. */
void notify_status(struct notify *notify);

/* A reload begins, and is over, which is not said once notify_stopping() was. */
void notify_reloading(struct notify *notify);
void notify_reloaded(struct notify *notify);

/* The process is about to end. */
void notify_stopping(struct notify *notify);

/* When the loop has ended. A zeroed struct is allowed. */
void notify_close(struct notify *notify);

#endif
