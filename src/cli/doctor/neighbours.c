/* SPDX-License-Identifier: MIT */
#include "neighbours.h"

#include <arpa/inet.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

size_t neighbours_read_arp(const struct muster_path *paths, size_t path_count, uint16_t port,
                           struct muster_static_peer *targets, size_t targets_max) {
    size_t count = 0;
    char line[256];
    FILE *file = fopen("/proc/net/arp", "r");
    while (file != NULL && count < targets_max && fgets(line, sizeof(line), file) != NULL) {
        char text[64];
        char name[32];
        struct muster_static_peer target = {.endpoint = {.family = 4, .port = port}};
        if (sscanf(line, "%63s %*s %*s %*s %*s %31s", text, name) != 2 ||
            inet_pton(AF_INET, text, target.endpoint.ip) != 1) {
            continue;
        }
        for (size_t i = 0; i < path_count; i++) {
            target.interface = strcmp(paths[i].name, name) == 0 ? paths[i].interface : target.interface;
        }
        if (target.interface != 0) {
            targets[count++] = target;
        }
    }
    if (file != NULL) {
        fclose(file);
    }
    return count;
}

bool neighbours_is_missing(const struct muster_endpoint *address) {
    bool is_missing = false;
    char line[256];
    FILE *file = fopen("/proc/net/arp", "r");
    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        char text[64];
        unsigned flags;
        uint8_t ip[4];
        if (sscanf(line, "%63s %*s %x", text, &flags) == 2 && inet_pton(AF_INET, text, ip) == 1 &&
            address->family == 4 && memcmp(ip, address->ip, sizeof(ip)) == 0) {
            is_missing = flags == 0;
        }
    }
    if (file != NULL) {
        fclose(file);
    }
    return is_missing;
}

int neighbours_ping(const struct muster_path *paths, size_t path_count) {
    const struct icmp6_hdr echo = {.icmp6_type = ICMP6_ECHO_REQUEST};
    const int flags = SOCK_NONBLOCK | SOCK_CLOEXEC;
    int fd = socket(AF_INET6, SOCK_RAW | flags, IPPROTO_ICMPV6);
    if (fd < 0) { /* for users there is another one, where the system allows it (icmp(7)) */
        fd = socket(AF_INET6, SOCK_DGRAM | flags, IPPROTO_ICMPV6);
    }
    for (size_t i = 0; fd >= 0 && i < path_count; i++) {
        const struct sockaddr_in6 all = {.sin6_family = AF_INET6,
                                         .sin6_addr = {{{0xff, 2, [15] = 1}}},
                                         .sin6_scope_id = paths[i].interface};
        if (paths[i].kind == MUSTER_PATH_M6) {
            /* What does not leave is not answered; that is no fault of its own. */
            (void)!sendto(fd, &echo, sizeof(echo), 0, (const struct sockaddr *)&all, sizeof(all));
        }
    }
    return fd;
}

static bool is_other(const struct sockaddr_in6 *source, const struct muster_path *paths, size_t path_count) {
    bool is_on_path = false;
    for (size_t i = 0; i < path_count; i++) {
        is_on_path = is_on_path || paths[i].interface == source->sin6_scope_id;
        if (paths[i].address.family == 6 && memcmp(paths[i].address.ip, &source->sin6_addr, 16) == 0) {
            return false;
        }
    }
    return is_on_path && IN6_IS_ADDR_LINKLOCAL(&source->sin6_addr);
}

size_t neighbours_take_echoes(int fd, const struct muster_path *paths, size_t path_count, uint16_t port,
                              struct muster_static_peer *targets, size_t targets_max) {
    size_t count = 0;
    while (count < targets_max) {
        struct icmp6_hdr header;
        struct sockaddr_in6 source;
        socklen_t length = sizeof(source);
        const ssize_t bytes = recvfrom(fd, &header, sizeof(header), 0, (struct sockaddr *)&source, &length);
        if (bytes < 0) {
            break;
        }
        if (bytes == sizeof(header) && header.icmp6_type == ICMP6_ECHO_REPLY &&
            is_other(&source, paths, path_count)) {
            struct muster_static_peer *target = &targets[count++];
            *target = (struct muster_static_peer){.endpoint = {.family = 6, .port = port},
                                                  .interface = source.sin6_scope_id};
            memcpy(target->endpoint.ip, &source.sin6_addr, 16);
        }
    }
    return count;
}
