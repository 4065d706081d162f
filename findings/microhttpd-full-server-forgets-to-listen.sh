#!/bin/bash
# SPDX-License-Identifier: MIT
# libmicrohttpd at its connection limit leaves the next client waiting after a connection ended.
#
# Version: libmicrohttpd 0.9.75 (Debian 12, libmicrohttpd12 0.9.75-6)
# Expected: a program that runs MHD_run() whenever the epoll descriptor is readable or
# MHD_get_timeout() has elapsed serves a client as soon as there is room for it.
# Behaviour: at the limit the listening socket is taken out of the epoll set. When a connection
# ends, it is put back by the next MHD_run() only, for which neither the descriptor nor a timeout
# asks. The client waits until something else happens.
# Output seen, with which this script compares:
#> limit 1: the first client is served
#> the first client has left, the second one waits: descriptor readable: no, timeout: none
#> after one more MHD_run: descriptor readable: yes
#> the second client is served
set -euo pipefail
export PATH=$PATH:/usr/sbin:/sbin # where `ip` is, for an ordinary user
self=$(readlink -f "$0")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get -qq -o APT::Sandbox::User=root download libmicrohttpd{12,-dev}=0.9.75-6
for package in *.deb; do dpkg-deb -x "$package" .; done
libraries=$(dirname "$PWD"/usr/lib/*/libmicrohttpd.so.12)

cat >full.c <<'C'
#include <arpa/inet.h>
#include <microhttpd.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct MHD_Daemon *server;
static int epoll;

static enum MHD_Result answer(void *context, struct MHD_Connection *connection, const char *url,
                              const char *method, const char *version, const char *data,
                              size_t *length, void **place) {
    struct MHD_Response *response =
        MHD_create_response_from_buffer(2, (void *)"ok", MHD_RESPMEM_PERSISTENT);
    enum MHD_Result result = MHD_queue_response(connection, 200, response);
    MHD_destroy_response(response);
    return result;
}

static int is_readable(int fd) {
    struct pollfd wanted = {.fd = fd, .events = POLLIN};
    return poll(&wanted, 1, 0) == 1;
}

/* As an event loop does it. True when the server waits for nothing but clients. */
static int has_timeout(void) {
    MHD_UNSIGNED_LONG_LONG ms;
    return MHD_get_timeout(server, &ms) == MHD_YES;
}

static void run_as_asked(void) {
    while (is_readable(epoll) || has_timeout()) {
        MHD_run(server);
    }
}

static int connect_and_ask(unsigned short port) {
    static const char request[] = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0 ||
        send(fd, request, sizeof request - 1, 0) < 0) {
        perror("client");
    }
    return fd;
}

static const char *served(int fd) {
    return is_readable(fd) ? "is served" : "waits";
}

int main(void) {
    struct sockaddr_in address = {.sin_family = AF_INET};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    server = MHD_start_daemon(MHD_USE_EPOLL, 0, NULL, NULL, answer, NULL, MHD_OPTION_SOCK_ADDR,
                              &address, MHD_OPTION_CONNECTION_LIMIT, 1u, MHD_OPTION_END);
    epoll = MHD_get_daemon_info(server, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
    unsigned short port = MHD_get_daemon_info(server, MHD_DAEMON_INFO_BIND_PORT)->port;
    int first = connect_and_ask(port);
    run_as_asked();
    printf("limit 1: the first client %s\n", served(first));
    int second = connect_and_ask(port);
    run_as_asked();
    close(first);
    run_as_asked();
    printf("the first client has left, the second one %s: descriptor readable: %s, timeout: %s\n",
           served(second), is_readable(epoll) ? "yes" : "no", has_timeout() ? "some" : "none");
    MHD_run(server);
    printf("after one more MHD_run: descriptor readable: %s\n", is_readable(epoll) ? "yes" : "no");
    run_as_asked();
    printf("the second client %s\n", served(second));
    MHD_stop_daemon(server);
    return 0;
}
C
cc -I usr/include full.c -L "$libraries" -Wl,-rpath,"$libraries" -lmicrohttpd -o full
unshare --map-root-user --net sh -c 'ip link set lo up && ./full' >seen
diff -u --label expected <(sed -n 's/^#> //p' "$self") --label seen seen
