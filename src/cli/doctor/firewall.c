/* SPDX-License-Identifier: MIT */
#include "firewall.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How far the unicast ports reach behind the control port. */
#define UNICAST_PORTS 32

/* For all packets together: hosts of containers may have thousands of chains, and chains that call others
 * more than once multiply. */
#define STEPS_MAX 4000000

static const uint8_t group4[4] = {224, 0, 0, 254};
static const uint8_t group6[16] = {0xff, 2, [14] = 1, [15] = 0x14};
static const uint8_t readings4[4] = {239, 255, 77, 16};
static const uint8_t broadcast4[4] = {255, 255, 255, 255};

const char *firewall_use_name(enum firewall_use use) {
    static const char *const names[FIREWALL_USES] = {
        [FIREWALL_GROUP_IN] = "multicast from others (m4)",
        [FIREWALL_GROUP6_IN] = "multicast from others (m6)",
        [FIREWALL_BROADCAST_IN] = "broadcast from others (b4)",
        [FIREWALL_QUESTION_IN] = "unicast that others begin",
        [FIREWALL_ANSWER_IN] = "answers by unicast",
        [FIREWALL_STREAM_IN] = "TCP connections of others",
        [FIREWALL_READINGS_IN] = "readings of others",
        [FIREWALL_GROUP_OUT] = "multicast to others (m4)",
        [FIREWALL_GROUP6_OUT] = "multicast to others (m6)",
        [FIREWALL_BROADCAST_OUT] = "broadcast to others (b4)",
        [FIREWALL_UNICAST_OUT] = "unicast to others",
    };
    return names[use];
}

static void add(struct firewall_packet *packets, size_t *count, const struct firewall_packet *packet,
                const uint8_t *own, const uint8_t *destination) {
    const size_t bytes = packet->is_ipv6 ? 16 : 4;
    packets[*count] = *packet;
    packets[*count].is_source_other = packet->is_in;
    packets[*count].is_other = !packet->is_in && packet->cast == FIREWALL_UNICAST;
    memcpy(packets[*count].source, own, bytes);
    memcpy(packets[*count].destination, destination, bytes);
    ++*count;
}

size_t firewall_packets(const char *interface, const uint8_t *ipv4, const uint8_t *ipv6, uint16_t port,
                        struct firewall_packet packets[FIREWALL_USES]) {
    const uint16_t unicast = (uint16_t)(port + 1);
    size_t count = 0;
    struct firewall_packet packet = {
        .protocol = FIREWALL_UDP, .source_port = unicast, .port = port, .interface = interface};
    for (int is_in = 1; is_in >= 0; is_in--) {
        packet.is_in = is_in;
        packet.cast = FIREWALL_MULTICAST;
        packet.is_ipv6 = false;
        packet.use = is_in ? FIREWALL_GROUP_IN : FIREWALL_GROUP_OUT;
        if (ipv4 != NULL) {
            add(packets, &count, &packet, ipv4, group4);
            packet.cast = FIREWALL_BROADCAST;
            packet.use = is_in ? FIREWALL_BROADCAST_IN : FIREWALL_BROADCAST_OUT;
            add(packets, &count, &packet, ipv4, broadcast4);
        }
        if (ipv6 != NULL) {
            packet.cast = FIREWALL_MULTICAST;
            packet.is_ipv6 = true;
            packet.use = is_in ? FIREWALL_GROUP6_IN : FIREWALL_GROUP6_OUT;
            add(packets, &count, &packet, ipv6, group6);
        }
    }
    const uint8_t *own = ipv4 != NULL ? ipv4 : ipv6;
    if (own == NULL) {
        return 0;
    }
    packet = (struct firewall_packet){.protocol = FIREWALL_UDP,
                                      .source_port = unicast,
                                      .port = unicast,
                                      .interface = interface,
                                      .is_ipv6 = ipv4 == NULL,
                                      .is_in = false,
                                      .use = FIREWALL_UNICAST_OUT};
    add(packets, &count, &packet, own, own);
    packet.is_in = true;
    packet.use = FIREWALL_QUESTION_IN;
    add(packets, &count, &packet, own, own);
    packet.is_established = true;
    packet.use = FIREWALL_ANSWER_IN;
    add(packets, &count, &packet, own, own);
    packet.is_established = false;
    packet.protocol = FIREWALL_TCP;
    packet.source_port = 49152;
    packet.use = FIREWALL_STREAM_IN;
    add(packets, &count, &packet, own, own);
    if (ipv4 != NULL) {
        packet.protocol = FIREWALL_UDP;
        packet.cast = FIREWALL_MULTICAST;
        packet.source_port = unicast;
        packet.port = (uint16_t)(port - 1);
        packet.use = FIREWALL_READINGS_IN;
        add(packets, &count, &packet, own, readings4);
    }
    return count;
}

/* ---- findings ---- */

/* True when a number of the text is one of muster's ports by default. */
static bool has_port(const char *text) {
    for (const char *at = text; *at != '\0'; at++) {
        if (isdigit((unsigned char)*at) && (at == text || !isalnum((unsigned char)at[-1]))) {
            char *end;
            const unsigned long number = strtoul(at, &end, 10);
            if (number >= 19796 && number <= 19797 + UNICAST_PORTS) {
                return true;
            }
            at = end - 1;
        }
    }
    return false;
}

static bool names_us(const char *text) {
    static const char *const words[] = {"multicast", "MULTICAST", "224.0.0.",
                                        "ff02::",    "broadcast", "BROADCAST"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strstr(text, words[i]) != NULL) {
            return true;
        }
    }
    return has_port(text);
}

bool firewall_step(struct firewall *firewall) {
    firewall->is_cut = firewall->is_cut || ++firewall->steps > STEPS_MAX;
    return !firewall->is_cut;
}

/* The first finding that says less than another one; their count when there is none. */
static size_t find_lesser(const struct firewall *firewall, bool is_certain, bool is_ours) {
    size_t i = 0;
    while (i < firewall->count && (firewall->findings[i].is_certain || firewall->findings[i].names_us ||
                                   (!is_certain && !is_ours))) {
        i++;
    }
    return i;
}

void firewall_record(struct firewall *firewall, const char *text, enum firewall_use use, bool is_certain) {
    size_t i = 0;
    while (i < firewall->count && strcmp(firewall->findings[i].text, text) != 0) {
        i++;
    }
    if (i == FIREWALL_FINDINGS_MAX &&
        (i = find_lesser(firewall, is_certain, names_us(text))) == firewall->count) {
        return;
    }
    struct firewall_finding *finding = &firewall->findings[i];
    if (strcmp(finding->text, text) != 0) {
        *finding = (struct firewall_finding){.names_us = names_us(text)};
        snprintf(finding->text, sizeof(finding->text), "%s", text);
        firewall->count += i == firewall->count ? 1 : 0;
    }
    finding->is_certain = finding->is_certain || is_certain;
    finding->uses |= 1U << use;
}

bool firewall_has_prefix(const uint8_t *address, const uint8_t *prefix, unsigned bits) {
    const unsigned whole = bits / 8;
    const unsigned rest = bits % 8;
    return memcmp(address, prefix, whole) == 0 &&
           (rest == 0 || (address[whole] ^ prefix[whole]) >> (8 - rest) == 0);
}
