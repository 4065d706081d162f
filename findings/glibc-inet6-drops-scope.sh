#!/bin/bash
# SPDX-License-Identifier: MIT
# getaddrinfo loses the scope of a link-local address when it is asked for IPv6 alone.
#
# Version: glibc 2.36 (Debian 12, libc6 2.36-9+deb12u14)
# Expected: the same name has the same IPv6 address whether the caller asks for any family or for
# AF_INET6.
# Behaviour: only for AF_UNSPEC does glibc call the function of a name service that knows scopes,
# gethostbyname4_r. For AF_INET6 it calls gethostbyname2_r, whose hostent has no place for a scope,
# so the scope is 0 and connect() says EINVAL.
# Output seen, with which this script compares:
#> glibc 2.36
#> AF_UNSPEC: fe80::1, scope 7
#> AF_INET6: fe80::1, scope 0
set -euo pipefail
self=$(readlink -f "$0")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get -qq -o APT::Sandbox::User=root download libc6=2.36-9+deb12u14
dpkg-deb -x libc6_*.deb .

# A name service that knows one name, in both ways that glibc may ask.
cat >service.c <<'C'
#include <arpa/inet.h>
#include <netdb.h>
#include <nss.h>
#include <string.h>

static enum nss_status known(const char *name, int *reason) {
    *reason = HOST_NOT_FOUND;
    return strcmp(name, "printer.example") == 0 ? NSS_STATUS_SUCCESS : NSS_STATUS_NOTFOUND;
}

enum nss_status _nss_one_gethostbyname4_r(const char *name, struct gaih_addrtuple **list, char *buffer,
                                          size_t size, int *error, int *reason, int *ttl) {
    static char text[] = "printer.example";
    (void)size, (void)error, (void)ttl;
    struct gaih_addrtuple *tuple = *list != NULL ? *list : (struct gaih_addrtuple *)(void *)buffer;
    memset(tuple, 0, sizeof *tuple);
    tuple->name = text;
    tuple->family = AF_INET6;
    tuple->scopeid = 7;
    inet_pton(AF_INET6, "fe80::1", tuple->addr);
    *list = tuple;
    return known(name, reason);
}

enum nss_status _nss_one_gethostbyname2_r(const char *name, int family, struct hostent *host, char *buffer,
                                          size_t size, int *error, int *reason) {
    static char text[] = "printer.example", address[16];
    static char *addresses[] = {address, NULL}, *none[] = {NULL};
    (void)buffer, (void)size, (void)error;
    inet_pton(AF_INET6, "fe80::1", address);
    *host = (struct hostent){text, none, AF_INET6, sizeof address, addresses};
    return family == AF_INET6 ? known(name, reason) : NSS_STATUS_NOTFOUND;
}
C
cat >ask.c <<'C'
#include <arpa/inet.h>
#include <gnu/libc-version.h>
#include <netdb.h>
#include <stdio.h>

static void ask(const char *what, int family) {
    struct addrinfo hints = {.ai_family = family, .ai_socktype = SOCK_DGRAM}, *list;
    char text[INET6_ADDRSTRLEN];
    int error = getaddrinfo("printer.example", "80", &hints, &list);
    if (error != 0) {
        printf("%s: %s\n", what, gai_strerror(error));
        return;
    }
    const struct sockaddr_in6 *address = (const void *)list->ai_addr;
    inet_ntop(AF_INET6, &address->sin6_addr, text, sizeof text);
    printf("%s: %s, scope %u\n", what, text, address->sin6_scope_id);
    freeaddrinfo(list);
}

int main(void) {
    printf("glibc %s\n", gnu_get_libc_version());
    ask("AF_UNSPEC", AF_UNSPEC);
    ask("AF_INET6", AF_INET6);
    return 0;
}
C
mkdir service
cc -shared -fPIC service.c -o service/libnss_one.so.2
cc ask.c -o ask
echo 'hosts: one' >nsswitch.conf
libraries=$(dirname "$PWD"/lib/*/libc.so.6)
unshare --map-root-user --mount --net bash -euo pipefail -s "$libraries" >seen <<'STORY'
mount --bind nsswitch.conf /etc/nsswitch.conf
"$1/ld-linux-x86-64.so.2" --library-path "$1:$PWD/service" ./ask
STORY
diff -u --label expected <(sed -n 's/^#> //p' "$self") --label seen seen
