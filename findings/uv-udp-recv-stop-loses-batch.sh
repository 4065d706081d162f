#!/bin/bash
# SPDX-License-Identifier: MIT
# uv_udp_recv_stop in a receive callback loses datagrams that recvmmsg took from the kernel
# before.
#
# Version: libuv 1.44.2 (Debian 12, libuv1 1.44.2-1+deb12u1)
# Expected: what is not received yet waits in the socket until uv_udp_recv_start, as it does
# without UV_UDP_RECVMMSG.
# Behaviour: with UV_UDP_RECVMMSG the rest of the batch is thrown away without a callback. The
# callback with UV_UDP_MMSG_FREE does not come either, so a program that frees there leaks the
# buffer.
# Output seen, with which this script compares:
#> libuv 1.44.2, 5 datagrams, the receiver stops after the first and starts again
#> without UV_UDP_RECVMMSG: received 5, buffers given 6, given back 6
#> with UV_UDP_RECVMMSG: received 1, buffers given 1, given back 0
set -euo pipefail
export PATH=$PATH:/usr/sbin:/sbin # where `ip` is, for an ordinary user
self=$(readlink -f "$0")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get -qq -o APT::Sandbox::User=root download libuv1{,-dev}=1.44.2-1+deb12u1
for package in *.deb; do dpkg-deb -x "$package" .; done
libraries=$(dirname "$PWD"/usr/lib/*/libuv.so.1)

cat >stop.c <<'C'
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

static int received, given, given_back;

/* A buffer of several times the suggested size is what makes libuv use recvmmsg. */
static void on_alloc(uv_handle_t *handle, size_t size, uv_buf_t *buffer) {
    (void)handle;
    *buffer = uv_buf_init(malloc(8 * size), 8 * size);
    given++;
}

static void on_datagram(uv_udp_t *handle, ssize_t size, const uv_buf_t *buffer,
                        const struct sockaddr *source, unsigned flags) {
    if (size > 0 && source != NULL && ++received == 1) {
        uv_udp_recv_stop(handle);
    }
    if (!(flags & UV_UDP_MMSG_CHUNK)) {
        given_back++;
        free(buffer->base);
    }
}

static void turns(void) {
    for (int turn = 0; turn < 10; turn++) { /* the loopback delivers at once */
        uv_run(uv_default_loop(), UV_RUN_NOWAIT);
    }
}

static void story(const char *name, unsigned flags, int port) {
    uv_udp_t receiver, sender;
    struct sockaddr_in address;
    uv_buf_t byte = uv_buf_init("x", 1);
    received = given = given_back = 0;
    uv_ip4_addr("127.0.0.1", port, &address);
    uv_udp_init(uv_default_loop(), &sender);
    uv_udp_init_ex(uv_default_loop(), &receiver, AF_INET | flags);
    uv_udp_bind(&receiver, (struct sockaddr *)&address, 0);
    uv_udp_recv_start(&receiver, on_alloc, on_datagram);
    for (int sent = 0; sent < 5; sent++) {
        uv_udp_try_send(&sender, &byte, 1, (struct sockaddr *)&address);
    }
    turns();
    uv_udp_recv_start(&receiver, on_alloc, on_datagram);
    turns();
    printf("%s: received %d, buffers given %d, given back %d\n", name, received, given,
           given_back);
    uv_close((uv_handle_t *)&receiver, NULL);
    uv_close((uv_handle_t *)&sender, NULL);
    turns();
}

int main(void) {
    printf("libuv %s, 5 datagrams, the receiver stops after the first and starts again\n",
           uv_version_string());
    story("without UV_UDP_RECVMMSG", 0, 5000);
    story("with UV_UDP_RECVMMSG", UV_UDP_RECVMMSG, 5001);
    return 0;
}
C
cc -I usr/include stop.c -L "$libraries" -Wl,-rpath,"$libraries" -luv -o stop
timeout --signal=KILL 60 \
    unshare --map-root-user --net sh -c 'ip link set lo up && exec ./stop' >seen
diff -u --label expected <(sed -n 's/^#> //p' "$self") --label seen seen
