/* SPDX-License-Identifier: MIT */
#include "notify.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "value.h"

#define STATUS_PAUSE_MS 1000

/* ---- the socket ---- */

static void send_text(const struct notify *notify, const char *text) {
    if (notify->open) {
        sendto(notify->fd, text, strlen(text), MSG_DONTWAIT | MSG_NOSIGNAL,
               (const struct sockaddr *)&notify->address, notify->address_bytes);
    }
}

/* Sets the address: a path, or behind an @ the name of an abstract socket (unix(7)). False for another text.
 */
static bool set_address(struct notify *notify, const char *name) {
    const size_t length = strlen(name);
    if ((name[0] != '/' && name[0] != '@') || length >= sizeof(notify->address.sun_path)) {
        return false;
    }
    notify->address.sun_family = AF_UNIX;
    memcpy(notify->address.sun_path, name, length);
    notify->address_bytes = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
    if (name[0] == '@') {
        notify->address.sun_path[0] = '\0';
    } else {
        notify->address_bytes++; /* with its NUL */
    }
    return true;
}

/* Reads half of the watchdog's time, as sd_watchdog_enabled(3) advises; 0 when the manager expects no signs
 * of life. */
static uint64_t read_watchdog_ms(void) {
    const char *usec_text = getenv("WATCHDOG_USEC");
    const char *pid_text = getenv("WATCHDOG_PID");
    uint64_t usec;
    uint64_t pid;
    if (usec_text == NULL || !value_number(usec_text, 1, UINT64_MAX, &usec)) {
        return 0;
    }
    if (pid_text != NULL && (!value_number(pid_text, 1, UINT64_MAX, &pid) || pid != (uint64_t)getpid())) {
        return 0;
    }
    return usec < 2000 ? 1 : usec / 2000;
}

void notify_open(struct notify *notify) {
    const char *name = getenv("NOTIFY_SOCKET");
    *notify = (struct notify){0};
    if (name != NULL && set_address(notify, name)) {
        notify->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        notify->open = notify->fd >= 0;
        notify->watchdog_ms = read_watchdog_ms();
    }
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
    unsetenv("WATCHDOG_PID");
}

void notify_close(struct notify *notify) {
    if (notify->open) {
        close(notify->fd);
    }
    *notify = (struct notify){0};
}

/* ---- on the loop ---- */

static void on_watchdog(uv_timer_t *timer) {
    send_text(timer->data, "WATCHDOG=1\n");
}

static void on_pause_over(uv_timer_t *timer) {
    struct notify *notify = timer->data;
    if (notify->outdated) {
        notify_status(notify);
    }
}

void notify_status(struct notify *notify) {
    char status[256];
    char text[300];
    if (!notify->begun) {
        return;
    }
    notify->outdated = uv_is_active((uv_handle_t *)&notify->pause) != 0;
    if (notify->outdated) {
        return;
    }
    notify->print_status(status, notify->context);
    snprintf(text, sizeof(text), "STATUS=%s\n", status);
    send_text(notify, text);
    uv_timer_start(&notify->pause, on_pause_over, STATUS_PAUSE_MS, 0);
}

void notify_ready(struct notify *notify, uv_loop_t *loop, void (*print_status)(char text[256], void *context),
                  void *context) {
    if (!notify->open) {
        return;
    }
    notify->print_status = print_status;
    notify->context = context;
    notify->watchdog.data = notify->pause.data = notify;
    uv_timer_init(loop, &notify->watchdog); /* cannot fail */
    uv_timer_init(loop, &notify->pause);
    notify->begun = true;
    if (notify->watchdog_ms > 0) {
        uv_timer_start(&notify->watchdog, on_watchdog, notify->watchdog_ms, notify->watchdog_ms);
    }
    send_text(notify, "READY=1\n");
    notify_status(notify);
}

void notify_reloading(struct notify *notify) {
    struct timespec now;
    char text[80];
    clock_gettime(CLOCK_MONOTONIC, &now);
    const uint64_t now_usec = (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
    snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%" PRIu64 "\n", now_usec);
    send_text(notify, text);
}

void notify_reloaded(struct notify *notify) {
    if (notify->begun) {
        send_text(notify, "READY=1\n");
        notify_status(notify);
    }
}

void notify_stopping(struct notify *notify) {
    notify->begun = false; /* no status any more, while signs of life go on */
    send_text(notify, "STOPPING=1\n");
}
