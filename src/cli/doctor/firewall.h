/* SPDX-License-Identifier: MIT */
/* The firewall of this host: which of its rules drop what muster sends and receives. Rules are read as the
 * tools print them, and each of muster's datagrams is walked through them. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The datagrams and connections that muster lives on. */
enum firewall_use {
    FIREWALL_GROUP_IN,  /* multicast of IPv4 from others */
    FIREWALL_GROUP6_IN, /* multicast of IPv6 from others */
    FIREWALL_BROADCAST_IN,
    FIREWALL_QUESTION_IN, /* unicast that others begin: answers to a question of the group are such */
    FIREWALL_ANSWER_IN,   /* unicast that answers ours */
    FIREWALL_STREAM_IN,   /* a TCP connection of others */
    FIREWALL_READINGS_IN, /* multicast of readings */
    FIREWALL_GROUP_OUT,
    FIREWALL_GROUP6_OUT,
    FIREWALL_BROADCAST_OUT,
    FIREWALL_UNICAST_OUT,
};
#define FIREWALL_USES 11

/* "multicast from others (m4)". Static storage. */
const char *firewall_use_name(enum firewall_use use);

enum firewall_cast { FIREWALL_UNICAST, FIREWALL_MULTICAST, FIREWALL_BROADCAST };

#define FIREWALL_TCP 6
#define FIREWALL_UDP 17

/* One of them, as a firewall sees it. Plain value. */
struct firewall_packet {
    enum firewall_use use;
    enum firewall_cast cast;
    bool is_in;
    bool is_ipv6;
    bool is_established; /* connection tracking knows it as an answer */
    uint8_t protocol;    /* FIREWALL_TCP or FIREWALL_UDP */
    uint16_t source_port;
    uint16_t port; /* of the destination */
    const char *interface;
    uint8_t source[16]; /* of IPv4 the first four bytes */
    uint8_t destination[16];
    bool is_source_other; /* the source stands for all addresses beside it, */
    bool is_other;        /* and likewise the destination */
};

/* Fills in the packets of one interface with these addresses (NULL: it has none of the family), FIREWALL_USES
 * at most. Others are taken to have addresses beside this one's. Returns how many there are. */
size_t firewall_packets(const char *interface, const uint8_t *ipv4, const uint8_t *ipv6, uint16_t port,
                        struct firewall_packet packets[FIREWALL_USES]);

#define FIREWALL_FINDINGS_MAX 16

/* A rule that drops some of them. Plain value. */
struct firewall_finding {
    char text[320];  /* "nft, table inet filter, chain input: udp dport 19797 drop" */
    bool is_certain; /* all of the rule was understood, and of those before it */
    bool names_us;   /* the rule speaks of muster's ports or groups, or of multicast as such */
    unsigned uses;   /* bit 1 << use */
};

/* Zeroed: nothing was found. */
struct firewall {
    struct firewall_finding findings[FIREWALL_FINDINGS_MAX];
    size_t count;
    size_t steps; /* rules and elements of sets that were looked at */
    bool is_cut;  /* there are so many that not all were looked at */
};

/* Walks packets through the rules that `nft -j list ruleset` printed. text is what `nft -a list ruleset`
 * printed of the same rules, for the wording; "" is allowed. False when json is none. */
bool firewall_read_nft(struct firewall *firewall, const char *json, const char *text,
                       const struct firewall_packet *packets, size_t count);

/* The same of what `iptables-legacy-save` or `ip6tables-legacy-save` printed; packets of the other family
 * pass. */
void firewall_read_iptables(struct firewall *firewall, const char *saved, bool is_ipv6,
                            const struct firewall_packet *packets, size_t count);

/* ---- for the readers of rules ---- */

enum firewall_truth { FIREWALL_NO, FIREWALL_MAYBE, FIREWALL_YES };

/* Counts one rule or element that is looked at. False when there were too many: nothing is said of the rest.
 */
bool firewall_step(struct firewall *firewall);

/* Records that a rule of this text drops a packet. */
void firewall_record(struct firewall *firewall, const char *text, enum firewall_use use, bool is_certain);

/* True when these bytes begin with so many bits of the others. */
bool firewall_has_prefix(const uint8_t *address, const uint8_t *prefix, unsigned bits);
