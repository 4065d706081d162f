/* SPDX-License-Identifier: MIT */
#include "endpoint.h"

#include <stdio.h>
#include <string.h>

#define GROUPS 8 /* of an address of IPv6, two bytes each */

static void text_v4(const uint8_t ip[16], char text[ENDPOINT_TEXT_BYTES]) {
    snprintf(text, ENDPOINT_TEXT_BYTES, "%u.%u.%u.%u", ip[0], ip[1], ip[2], ip[3]);
}

static unsigned group_at(const uint8_t ip[16], size_t i) {
    return (unsigned)ip[2 * i] << 8 | ip[2 * i + 1];
}

/* The first of the longest runs of groups that are 0, of two at least; GROUPS: there is none. */
static size_t find_zeros(const uint8_t ip[16], size_t *length) {
    size_t first = GROUPS;
    *length = 1;
    for (size_t i = 0; i < GROUPS; i++) {
        size_t end = i;
        while (end < GROUPS && group_at(ip, end) == 0) {
            end++;
        }
        first = end - i > *length ? i : first;
        *length = end - i > *length ? end - i : *length;
    }
    return first;
}

/* RFC 5952, 4. */
static void text_v6(const uint8_t ip[16], char text[ENDPOINT_TEXT_BYTES]) {
    size_t zeros;
    size_t first = find_zeros(ip, &zeros);
    size_t used = 0;
    for (size_t i = 0; i < GROUPS; i++) {
        if (i == first) {
            used += (size_t)snprintf(text + used, ENDPOINT_TEXT_BYTES - used, "%s", i == 0 ? "::" : ":");
            i += zeros - 1;
        } else {
            used += (size_t)snprintf(text + used, ENDPOINT_TEXT_BYTES - used, "%x%s", group_at(ip, i),
                                     i + 1 < GROUPS ? ":" : "");
        }
    }
}

void endpoint_text(const struct muster_endpoint *endpoint, char text[ENDPOINT_TEXT_BYTES]) {
    text[0] = '\0';
    if (endpoint->family == 4) {
        text_v4(endpoint->ip, text);
    } else if (endpoint->family == 6) {
        text_v6(endpoint->ip, text);
    }
}

static bool parse_v4(const char *text, uint8_t ip[16]) {
    unsigned bytes[4];
    if (sscanf(text, "%3u.%3u.%3u.%3u", &bytes[0], &bytes[1], &bytes[2], &bytes[3]) != 4) {
        return false;
    }
    for (size_t i = 0; i < 4; i++) {
        ip[i] = (uint8_t)bytes[i];
    }
    return true;
}

/* Reads groups up to the end or to "::", which it passes over; returns how many. */
static size_t parse_groups(const char **text, uint8_t groups[16]) {
    size_t count = 0;
    unsigned value;
    int length;
    while (count < GROUPS && sscanf(*text, "%4x%n", &value, &length) == 1) {
        groups[2 * count] = (uint8_t)(value >> 8);
        groups[2 * count++ + 1] = (uint8_t)value;
        *text += length;
        *text += **text == ':' ? 1 : 0;
    }
    *text += **text == ':' ? 1 : 0;
    return count;
}

static bool parse_v6(const char *text, uint8_t ip[16]) {
    uint8_t behind[16];
    size_t before_count = parse_groups(&text, ip);
    text += before_count == 0 && *text == ':' ? 1 : 0; /* the second colon of one that begins with "::" */
    size_t behind_count = parse_groups(&text, behind);
    if (before_count + behind_count > GROUPS) {
        return false;
    }
    memcpy(ip + 16 - 2 * behind_count, behind, 2 * behind_count);
    return true;
}

/* Only what is written in the same way: some read leading zeros as octal. */
bool endpoint_parse(const char *text, struct muster_endpoint *endpoint) {
    bool is_v6 = strchr(text, ':') != NULL;
    struct muster_endpoint read = {.family = is_v6 ? 6 : 4, .port = endpoint->port};
    char written[ENDPOINT_TEXT_BYTES];
    if (!(is_v6 ? parse_v6(text, read.ip) : parse_v4(text, read.ip))) {
        return false;
    }
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

bool endpoint_is_host_address(const struct muster_endpoint *endpoint) {
    return (endpoint->family == 4 && is_host_v4(endpoint->ip)) ||
           (endpoint->family == 6 && is_host_v6(endpoint->ip));
}

bool endpoint_is_host(const struct muster_endpoint *endpoint) {
    return endpoint_is_host_address(endpoint) && endpoint->port != 0;
}

static uint32_t number_of(const struct muster_endpoint *endpoint) {
    const uint8_t *ip = endpoint->ip;
    return (uint32_t)ip[0] << 24 | (uint32_t)ip[1] << 16 | (uint32_t)ip[2] << 8 | ip[3];
}

bool endpoint_is_broadcast_of(const struct muster_endpoint *endpoint, const struct muster_endpoint *address,
                              unsigned prefix_bits) {
    if (endpoint->family != 4 || address->family != 4 || prefix_bits == 0 || prefix_bits > 30) {
        return false;
    }
    return number_of(endpoint) == (number_of(address) | UINT32_MAX >> prefix_bits);
}

bool endpoint_is_loopback(const struct muster_endpoint *endpoint) {
    static const uint8_t loopback[16] = {[15] = 1};
    return (endpoint->family == 4 && endpoint->ip[0] == 127) ||
           (endpoint->family == 6 && memcmp(endpoint->ip, loopback, sizeof loopback) == 0);
}

bool muster_endpoint_is_of_link(const struct muster_endpoint *endpoint) {
    return endpoint->family == 6 && endpoint->ip[0] == 0xfe && (endpoint->ip[1] & 0xc0) == 0x80;
}

bool endpoint_is_same_host(const struct muster_endpoint *a, const struct muster_endpoint *b) {
    return a->family == b->family && memcmp(a->ip, b->ip, sizeof a->ip) == 0;
}

bool endpoint_is_same(const struct muster_endpoint *a, const struct muster_endpoint *b) {
    return a->port == b->port && endpoint_is_same_host(a, b);
}
