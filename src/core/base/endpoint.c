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

bool endpoint_is_same_host(const struct muster_endpoint *a, const struct muster_endpoint *b) {
    return a->family == b->family && memcmp(a->ip, b->ip, sizeof a->ip) == 0;
}

bool endpoint_is_same(const struct muster_endpoint *a, const struct muster_endpoint *b) {
    return a->port == b->port && endpoint_is_same_host(a, b);
}
