#!/bin/bash
# SPDX-License-Identifier: MIT
# One datagram without a route makes libuv give up the datagrams that wait behind it, to others.
#
# Version: libuv 1.44.2 (Debian 12, libuv1 1.44.2-1+deb12u1)
# Expected: each uv_udp_send_t has the result of its own datagram.
# Behaviour: what is queued goes out by one sendmmsg. When the first datagram of it fails, libuv
# fails up to 20 with the same error. The others were never tried, although their way is open.
# Output seen, with which this script compares:
#> libuv 1.44.2
#> to a network without a route: ENETUNREACH
#> first to a listener of this host: ENETUNREACH
#> second to a listener of this host: ENETUNREACH
#> datagrams that the listener got: 0
#> the same two, sent again alone: 0 0
#> datagrams that the listener got: 2
set -euo pipefail
export PATH=$PATH:/usr/sbin:/sbin # where `ip` is, for an ordinary user
self=$(readlink -f "$0")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get -qq -o APT::Sandbox::User=root download libuv1{,-dev}=1.44.2-1+deb12u1
for package in *.deb; do dpkg-deb -x "$package" .; done
libraries=$(dirname "$PWD"/usr/lib/*/libuv.so.1)

cat >batch.c <<'C'
#include <stdio.h>
#include <uv.h>

static uv_udp_t sender, listener;
static uv_udp_send_t opening, unroutable, first, second;
static struct sockaddr_in here, nowhere;
static int heard, pending;

static void on_alloc(uv_handle_t *handle, size_t size, uv_buf_t *buffer) {
    static char bytes[65536];
    (void)handle, (void)size;
    *buffer = uv_buf_init(bytes, sizeof bytes);
}

static void on_datagram(uv_udp_t *handle, ssize_t size, const uv_buf_t *buffer,
                        const struct sockaddr *source, unsigned flags) {
    (void)handle, (void)buffer, (void)flags;
    heard += size > 0 && source != NULL;
}

static void on_sent(uv_udp_send_t *request, int status) {
    pending--;
    if (request->data != NULL) {
        printf("%s: %s\n", (char *)request->data, status == 0 ? "0" : uv_err_name(status));
    }
}

static void send_to(uv_udp_send_t *request, const struct sockaddr_in *target, const char *name) {
    uv_buf_t byte = uv_buf_init("x", 1);
    request->data = (char *)name;
    pending++;
    uv_udp_send(request, &sender, &byte, 1, (const struct sockaddr *)target, on_sent);
}

/* What is sent inside of a send callback is queued and leaves as one batch. */
static void on_opened(uv_udp_send_t *request, int status) {
    (void)request, (void)status;
    pending--;
    heard = 0;
    send_to(&unroutable, &nowhere, "to a network without a route");
    send_to(&first, &here, "first to a listener of this host");
    send_to(&second, &here, "second to a listener of this host");
}

static void run(void) {
    while (pending > 0) {
        uv_run(uv_default_loop(), UV_RUN_ONCE);
    }
    for (int turn = 0; turn < 10; turn++) { /* the loopback delivers at once */
        uv_run(uv_default_loop(), UV_RUN_NOWAIT);
    }
    printf("datagrams that the listener got: %d\n", heard);
}

int main(void) {
    uv_buf_t byte = uv_buf_init("x", 1);
    printf("libuv %s\n", uv_version_string());
    uv_udp_init(uv_default_loop(), &sender);
    uv_udp_init(uv_default_loop(), &listener);
    uv_ip4_addr("127.0.0.1", 5000, &here);
    uv_ip4_addr("10.9.9.9", 5000, &nowhere);
    uv_udp_bind(&listener, (struct sockaddr *)&here, 0);
    uv_udp_recv_start(&listener, on_alloc, on_datagram);
    pending = 1;
    /* This one goes to another port, so that the listener hears nothing of it. */
    struct sockaddr_in elsewhere = here;
    elsewhere.sin_port = htons(5001);
    uv_udp_send(&opening, &sender, &byte, 1, (struct sockaddr *)&elsewhere, on_opened);
    run();
    printf("the same two, sent again alone: ");
    printf("%d ", uv_udp_try_send(&sender, &byte, 1, (struct sockaddr *)&here) == 1 ? 0 : -1);
    printf("%d\n", uv_udp_try_send(&sender, &byte, 1, (struct sockaddr *)&here) == 1 ? 0 : -1);
    run();
    return 0;
}
C
cc -I usr/include batch.c -L "$libraries" -Wl,-rpath,"$libraries" -luv -o batch
timeout --signal=KILL 60 \
    unshare --map-root-user --net sh -c 'ip link set lo up && exec ./batch' >seen
diff -u --label expected <(sed -n 's/^#> //p' "$self") --label seen seen
