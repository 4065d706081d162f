#!/bin/bash
# SPDX-License-Identifier: MIT
# With UV_UDP_LINUX_RECVERR a peer that is gone costs another peer its datagram.
#
# Version: libuv 1.44.2 (Debian 12, libuv1 1.44.2-1+deb12u1), Linux 6.18.44
# Expected: the send to the port where nobody listens fails, the send to the living peer succeeds.
# Behaviour: the refusal comes back as an ICMP message after that send has succeeded. The kernel
# keeps the error for the socket and returns it from the next send, whose datagram it does not
# send. libuv gives that error to the request of the living peer and does not try again.
# Output seen, with which this script compares:
#> libuv 1.44.2 without UV_UDP_LINUX_RECVERR
#> to a port where nobody listens: 0
#> to a living peer: 0
#> datagrams that the living peer got: 1
#> libuv 1.44.2 with UV_UDP_LINUX_RECVERR
#> to a port where nobody listens: 0
#> to a living peer: ECONNREFUSED
#> datagrams that the living peer got: 0
set -euo pipefail
export PATH=$PATH:/usr/sbin:/sbin # where `ip` is, for an ordinary user
self=$(readlink -f "$0")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get -qq -o APT::Sandbox::User=root download libuv1{,-dev}=1.44.2-1+deb12u1
for package in *.deb; do dpkg-deb -x "$package" .; done
libraries=$(dirname "$PWD"/usr/lib/*/libuv.so.1)

cat >blame.c <<'C'
#include <stdio.h>
#include <uv.h>

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
    printf("%s: %s\n", (char *)request->data, status == 0 ? "0" : uv_err_name(status));
}

static void send_to(uv_udp_t *sender, const struct sockaddr_in *target, const char *name) {
    uv_udp_send_t request = {.data = (char *)name};
    uv_buf_t byte = uv_buf_init("x", 1);
    pending++;
    uv_udp_send(&request, sender, &byte, 1, (const struct sockaddr *)target, on_sent);
    while (pending > 0) {
        uv_run(uv_default_loop(), UV_RUN_ONCE);
    }
}

static void story(unsigned flags) {
    uv_udp_t sender, listener;
    struct sockaddr_in any, living, dead;
    heard = 0;
    printf("libuv %s %s UV_UDP_LINUX_RECVERR\n", uv_version_string(), flags ? "with" : "without");
    uv_ip4_addr("127.0.0.1", 0, &any);
    uv_ip4_addr("127.0.0.1", 5000, &living);
    uv_ip4_addr("127.0.0.1", 5001, &dead);
    uv_udp_init(uv_default_loop(), &sender);
    uv_udp_init(uv_default_loop(), &listener);
    uv_udp_bind(&sender, (struct sockaddr *)&any, flags);
    uv_udp_bind(&listener, (struct sockaddr *)&living, 0);
    uv_udp_recv_start(&listener, on_alloc, on_datagram);
    send_to(&sender, &dead, "to a port where nobody listens");
    send_to(&sender, &living, "to a living peer");
    for (int turn = 0; turn < 10; turn++) { /* the loopback delivers at once */
        uv_run(uv_default_loop(), UV_RUN_NOWAIT);
    }
    printf("datagrams that the living peer got: %d\n", heard);
    uv_close((uv_handle_t *)&sender, NULL);
    uv_close((uv_handle_t *)&listener, NULL);
    uv_run(uv_default_loop(), UV_RUN_DEFAULT);
}

int main(void) {
    story(0);
    story(UV_UDP_LINUX_RECVERR);
    return 0;
}
C
cc -I usr/include blame.c -L "$libraries" -Wl,-rpath,"$libraries" -luv -o blame
timeout --signal=KILL 60 \
    unshare --map-root-user --net sh -c 'ip link set lo up && exec ./blame' >seen
diff -u --label expected <(sed -n 's/^#> //p' "$self") --label seen seen
