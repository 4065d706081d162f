#!/bin/bash
# SPDX-License-Identifier: MIT
# gethostbyname passes over a name service that gethostbyname2 and getaddrinfo ask.
#
# Version: glibc 2.36 (Debian 12, libc6 2.36-9+deb12u14)
# Expected: gethostbyname(name) is gethostbyname2(name, AF_INET), so it is enough for a name service
# to answer the latter; [NOTFOUND=return] behind it keeps names from the next one.
# Behaviour: gethostbyname looks for a function of its own in the service, gethostbyname_r, and for
# no other. A service without it counts as unavailable, and the next one is asked: a name that the
# service alone should see goes to DNS.
# Output seen, with which this script compares:
#> glibc 2.36
#> getaddrinfo: 192.0.2.1 by the first service
#> gethostbyname2: 192.0.2.1 by the first service
#> gethostbyname: 192.0.2.2 by the second service
set -euo pipefail
self=$(readlink -f "$0")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get -qq -o APT::Sandbox::User=root download libc6=2.36-9+deb12u14
dpkg-deb -x libc6_*.deb .

# Both services know every name, the second one by all functions.
cat >service.c <<'C'
#include <netdb.h>
#include <nss.h>
#include <string.h>

#define FUNCTION_OF(name, function) _nss_##name##_##function
#define FUNCTION(name, function) FUNCTION_OF(name, function)

enum nss_status FUNCTION(NAME, gethostbyname2_r)(const char *name, int family, struct hostent *host, char *buffer,
                                                 size_t size, int *error, int *reason) {
    static char address[] = {(char)192, 0, 2, NUMBER};
    static char *addresses[] = {address, NULL}, *none[] = {NULL};
    (void)size, (void)error;
    *reason = HOST_NOT_FOUND;
    *host = (struct hostent){strcpy(buffer, name), none, AF_INET, sizeof address, addresses};
    return family == AF_INET ? NSS_STATUS_SUCCESS : NSS_STATUS_NOTFOUND;
}
#if NUMBER == 2
enum nss_status FUNCTION(NAME, gethostbyname_r)(const char *name, struct hostent *host, char *buffer, size_t size,
                                                int *error, int *reason) {
    return FUNCTION(NAME, gethostbyname2_r)(name, AF_INET, host, buffer, size, error, reason);
}
#endif
C
cat >ask.c <<'C'
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <gnu/libc-version.h>
#include <netdb.h>
#include <stdio.h>

static void say(const char *what, const void *address) {
    char text[INET_ADDRSTRLEN];
    inet_ntop(AF_INET, address, text, sizeof text);
    printf("%s: %s by the %s service\n", what, text, ((const char *)address)[3] == 1 ? "first" : "second");
}

int main(void) {
    struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_DGRAM}, *list;
    printf("glibc %s\n", gnu_get_libc_version());
    if (getaddrinfo("nas.example", "80", &hints, &list) != 0) {
        return 1;
    }
    say("getaddrinfo", &((const struct sockaddr_in *)(const void *)list->ai_addr)->sin_addr);
    freeaddrinfo(list);
    say("gethostbyname2", gethostbyname2("nas.example", AF_INET)->h_addr_list[0]);
    say("gethostbyname", gethostbyname("nas.example")->h_addr_list[0]);
    return 0;
}
C
mkdir service
cc -shared -fPIC -DNAME=one -DNUMBER=1 service.c -o service/libnss_one.so.2
cc -shared -fPIC -DNAME=two -DNUMBER=2 service.c -o service/libnss_two.so.2
cc ask.c -o ask
echo 'hosts: one [NOTFOUND=return] two' >nsswitch.conf
libraries=$(dirname "$PWD"/lib/*/libc.so.6)
unshare --map-root-user --mount --net bash -euo pipefail -s "$libraries" >seen <<'STORY'
mount --bind nsswitch.conf /etc/nsswitch.conf
"$1/ld-linux-x86-64.so.2" --library-path "$1:$PWD/service" ./ask
STORY
diff -u --label expected <(sed -n 's/^#> //p' "$self") --label seen seen
