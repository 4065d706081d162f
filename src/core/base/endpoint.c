#include "endpoint.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

void endpoint_text(const struct muster_endpoint *endpoint, char text[ENDPOINT_TEXT_BYTES]) {
    const uint8_t *ip = endpoint->ip;
    text[0] = '\0';
    if (endpoint->family == 4) {
        snprintf(text, ENDPOINT_TEXT_BYTES, "%u.%u.%u.%u", ip[0], ip[1], ip[2], ip[3]);
    }
}

/* inet_pton() refuses leading zeros, which some read as octal. */
bool endpoint_parse(const char *text, struct muster_endpoint *endpoint) {
    uint8_t ip[sizeof endpoint->ip] = {0};
    if (inet_pton(AF_INET, text, ip) != 1) {
        return false;
    }
    memcpy(endpoint->ip, ip, sizeof ip);
    endpoint->family = 4;
    return true;
}

bool endpoint_is_same_host(const struct muster_endpoint *a, const struct muster_endpoint *b) {
    return a->family == b->family && memcmp(a->ip, b->ip, sizeof a->ip) == 0;
}

bool endpoint_is_same(const struct muster_endpoint *a, const struct muster_endpoint *b) {
    return a->port == b->port && endpoint_is_same_host(a, b);
}
