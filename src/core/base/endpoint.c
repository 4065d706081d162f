/* SPDX-License-Identifier: MIT */
#include "endpoint.h"

#include <stdio.h>
#include <string.h>

void endpoint_text(const struct muster_endpoint *endpoint, char text[ENDPOINT_TEXT_BYTES]) {
    const uint8_t *ip = endpoint->ip;
    text[0] = '\0';
    if (endpoint->family == 4) {
        snprintf(text, ENDPOINT_TEXT_BYTES, "%u.%u.%u.%u", ip[0], ip[1], ip[2], ip[3]);
    }
}

/* Only what is written in the same way: some read leading zeros as octal. */
bool endpoint_parse(const char *text, struct muster_endpoint *endpoint) {
    struct muster_endpoint read = *endpoint;
    char written[ENDPOINT_TEXT_BYTES];
    unsigned ip[4];
    if (sscanf(text, "%3u.%3u.%3u.%3u", &ip[0], &ip[1], &ip[2], &ip[3]) != 4) {
        return false;
    }
    memset(read.ip, 0, sizeof read.ip);
    for (size_t i = 0; i < 4; i++) {
        read.ip[i] = (uint8_t)ip[i];
    }
    read.family = 4;
    endpoint_text(&read, written);
    if (strcmp(written, text) != 0) {
        return false;
    }
    *endpoint = read;
    return true;
}

static bool is_host_v4(const uint8_t *ip) {
    static const uint8_t broadcast[] = {255, 255, 255, 255};
    bool is_multicast = ip[0] >> 4 == 0xe; /* 224/4 (RFC 5771, 3) */
    return ip[0] != 0 && !is_multicast && memcmp(ip, broadcast, sizeof broadcast) != 0;
}

static bool is_host_v6(const uint8_t *ip) {
    static const uint8_t unspecified[16] = {0};
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff}; /* ::ffff:0:0/96 (RFC 4291, 2.5.5.2) */
    bool is_multicast = ip[0] == 0xff;
    return memcmp(ip, unspecified, sizeof unspecified) != 0 && !is_multicast &&
           memcmp(ip, mapped, sizeof mapped) != 0;
}

bool endpoint_is_host(const struct muster_endpoint *endpoint) {
    bool is_host = (endpoint->family == 4 && is_host_v4(endpoint->ip)) ||
                   (endpoint->family == 6 && is_host_v6(endpoint->ip));
    return is_host && endpoint->port != 0;
}

bool endpoint_is_loopback(const struct muster_endpoint *endpoint) {
    static const uint8_t loopback[16] = {[15] = 1};
    return (endpoint->family == 4 && endpoint->ip[0] == 127) ||
           (endpoint->family == 6 && memcmp(endpoint->ip, loopback, sizeof loopback) == 0);
}

bool endpoint_is_same_host(const struct muster_endpoint *a, const struct muster_endpoint *b) {
    return a->family == b->family && memcmp(a->ip, b->ip, sizeof a->ip) == 0;
}

bool endpoint_is_same(const struct muster_endpoint *a, const struct muster_endpoint *b) {
    return a->port == b->port && endpoint_is_same_host(a, b);
}
