/* SPDX-License-Identifier: MIT */
#include "doorbell.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include <muster/error.h>

#define GROUPS (RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR | RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE)
#define READS_MAX 64       /* messages that one wake-up takes, so that a storm does not starve the loop */
#define BUFFER_BYTES 32768 /* of one message */
#define RECEIVE_BYTES                                                                                  \
    1048576               /* of all that wait: whoever misses one has to believe that all devices died \
                           */
#define IPV6_MTU_MIN 1280 /* below this the kernel ends IPv6 on a device, and all of its memberships */

/* ---- what is heard ---- */

static void record_all_dead(struct doorbell *doorbell) {
    doorbell->dead_count = DOORBELL_DEAD_MAX + 1;
}

static void record_dead(struct doorbell *doorbell, uint32_t index) {
    if (doorbell_has_died(doorbell, index)) {
        return;
    }
    if (doorbell->dead_count < DOORBELL_DEAD_MAX) {
        doorbell->dead[doorbell->dead_count] = index;
    }
    doorbell->dead_count++;
}

bool doorbell_has_died(const struct doorbell *doorbell, uint32_t index) {
    if (doorbell->dead_count > DOORBELL_DEAD_MAX) {
        return true;
    }
    for (size_t i = 0; i < doorbell->dead_count; i++) {
        if (doorbell->dead[i] == index) {
            return true;
        }
    }
    return false;
}

void doorbell_forget(struct doorbell *doorbell) {
    doorbell->dead_count = 0;
}

static int on_attribute(const struct nlattr *attribute, void *context) {
    uint32_t *mtu = context;
    if (mnl_attr_get_type(attribute) == IFLA_MTU && mnl_attr_validate(attribute, MNL_TYPE_U32) >= 0) {
        *mtu = mnl_attr_get_u32(attribute);
    }
    return MNL_CB_OK;
}

/* Without an MTU: large enough. */
static uint32_t mtu_of(const struct nlmsghdr *message) {
    uint32_t mtu = IPV6_MTU_MIN;
    mnl_attr_parse(message, sizeof(struct ifinfomsg), on_attribute, &mtu);
    return mtu;
}

/* A bridge says by DELLINK, too, that a port has left it: of its own family. */
static int on_message(const struct nlmsghdr *message, void *context) {
    const struct ifinfomsg *link = mnl_nlmsg_get_payload(message);
    bool is_deleted = message->nlmsg_type == RTM_DELLINK;
    if ((is_deleted || message->nlmsg_type == RTM_NEWLINK) && link->ifi_family == AF_UNSPEC &&
        (is_deleted || mtu_of(message) < IPV6_MTU_MIN)) {
        record_dead(context, (uint32_t)link->ifi_index);
    }
    return MNL_CB_OK;
}

static void on_timer(uv_timer_t *timer) {
    struct doorbell *doorbell = timer->data;
    doorbell->rang_ms = uv_now(timer->loop);
    doorbell->on_ring(doorbell->owner);
}

void doorbell_set(struct doorbell *doorbell, uint64_t ms) {
    bool is_sooner =
        uv_is_active((uv_handle_t *)&doorbell->timer) && uv_timer_get_due_in(&doorbell->timer) <= ms;
    if (doorbell->is_watched && !is_sooner) {
        uv_timer_start(&doorbell->timer, on_timer, ms, 0);
    }
}

/* Those that come while the timer runs change nothing about it, so that a storm does not put it off. */
static void ring(struct doorbell *doorbell) {
    uint64_t earliest_ms = doorbell->rang_ms + DOORBELL_SPACE_MS;
    uv_update_time(doorbell->timer.loop);
    uint64_t now_ms = uv_now(doorbell->timer.loop);
    uint64_t wait_ms = doorbell->rang_ms != 0 && earliest_ms > now_ms ? earliest_ms - now_ms : 0;
    doorbell_set(doorbell, wait_ms > DOORBELL_WAIT_MS ? wait_ms : DOORBELL_WAIT_MS);
}

/* An overrun (ENOBUFS) says that something was missed. */
static void on_ready(uv_poll_t *poll, int status, int events) {
    struct doorbell *doorbell = poll->data;
    _Alignas(struct nlmsghdr) char buffer[BUFFER_BYTES];
    (void)events;
    for (int i = 0; i < READS_MAX; i++) {
        ssize_t length = recv(doorbell->fd, buffer, sizeof buffer, MSG_DONTWAIT);
        if (length < 0 && errno == ENOBUFS) {
            record_all_dead(doorbell);
        } else if (length <= 0) {
            break;
        } else {
            mnl_cb_run(buffer, (size_t)length, 0, 0, on_message, doorbell);
        }
    }
    if (status < 0) { /* libuv has stopped watching; the error was taken off by reading */
        uv_poll_start(poll, UV_READABLE, on_ready);
    }
    ring(doorbell);
}

/* ---- life ---- */

int doorbell_open(struct doorbell *doorbell) {
    const struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = GROUPS};
    const int bytes = RECEIVE_BYTES;
    *doorbell =
        (struct doorbell){.fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE)};
    if (doorbell->fd < 0) {
        return -errno;
    }
    if (setsockopt(doorbell->fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes) != 0) {
        setsockopt(doorbell->fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
    }
    if (bind(doorbell->fd, (const struct sockaddr *)&address, sizeof address) != 0) {
        int number = errno;
        close(doorbell->fd);
        return -number;
    }
    doorbell->is_open = true;
    return 0;
}

int doorbell_start(struct doorbell *doorbell, uv_loop_t *loop, void (*on_ring)(void *owner), void *owner) {
    int error = uv_poll_init(loop, &doorbell->poll, doorbell->fd);
    if (error != 0) {
        return error == UV_ENOMEM ? MUSTER_ENOMEM : MUSTER_ESYSTEM;
    }
    uv_timer_init(loop, &doorbell->timer);
    doorbell->poll.data = doorbell->timer.data = doorbell;
    doorbell->on_ring = on_ring;
    doorbell->owner = owner;
    doorbell->is_watched = true;
    return uv_poll_start(&doorbell->poll, UV_READABLE, on_ready) == 0 ? 0 : MUSTER_ESYSTEM;
}

size_t doorbell_end(struct doorbell *doorbell, uv_close_cb on_closed, void *data) {
    bool was_watched = doorbell->is_watched;
    if (was_watched) {
        doorbell->is_watched = false;
        doorbell->poll.data = doorbell->timer.data = data;
        uv_close((uv_handle_t *)&doorbell->poll, on_closed);
        uv_close((uv_handle_t *)&doorbell->timer, on_closed);
    }
    if (doorbell->is_open) {
        close(doorbell->fd);
        doorbell->is_open = false;
    }
    return was_watched ? 2 : 0;
}
