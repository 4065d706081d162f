#include "endpoint.h"

#include <stdio.h>
#include <string.h>

#define IPV4_BYTES 4

void endpoint_text(const struct muster_endpoint *endpoint, char text[ENDPOINT_TEXT_BYTES]) {
    const uint8_t *ip = endpoint->ip;
    text[0] = '\0';
    if (endpoint->family == 4) {
        snprintf(text, ENDPOINT_TEXT_BYTES, "%u.%u.%u.%u", ip[0], ip[1], ip[2], ip[3]);
    }
}

/* One to three digits, 0 to 255, without leading zeros, which some read as octal. */
static const char *parse_byte(const char *text, uint8_t *byte) {
    unsigned value = 0;
    unsigned digits = 0;
    for (; text[digits] >= '0' && text[digits] <= '9' && digits < 3; digits++) {
        value = 10 * value + (unsigned)(text[digits] - '0');
    }
    if (digits == 0 || value > UINT8_MAX || (digits > 1 && text[0] == '0')) {
        return NULL;
    }
    *byte = (uint8_t)value;
    return text + digits;
}

bool endpoint_parse(const char *text, struct muster_endpoint *endpoint) {
    uint8_t ip[IPV4_BYTES];
    for (size_t i = 0; i < IPV4_BYTES; i++) {
        text = parse_byte(text, &ip[i]);
        if (text == NULL || *text != (i + 1 < IPV4_BYTES ? '.' : '\0')) {
            return false;
        }
        text++;
    }
    memset(endpoint->ip, 0, sizeof endpoint->ip);
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
