/* SPDX-License-Identifier: MIT */
/* Evidence of this host for `muster doctor`: what the kernel and the firewall say. Nothing is judged here. */
#pragma once

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "firewall.h"

#define FACTS_INTERFACES_MAX 64
#define FACTS_UNSEEN_MAX 12
#define FACTS_PATH_BYTES 512

/* One interface. Plain value. */
struct facts_interface {
    char name[IF_NAMESIZE];
    unsigned flags; /* IFF_UP and so on (netdevice(7)) */
    bool is_used;   /* muster sends and listens on it; known once the network was examined */
    bool has_ipv4;
    bool has_ipv6;
    bool has_link_local;      /* an address of fe80::/10 that can be used */
    bool has_duplicate;       /* an IPv6 address that another host has: dadfailed */
    bool has_tentative;       /* an IPv6 address that is still being checked */
    bool has_route;           /* of IPv4, by it */
    bool has_multicast_route; /* ff00::/8, by it */
    unsigned rp_filter;       /* as it holds for it: 0, 1 (strict) or 2 (loose) */
    uint8_t ipv4[4];
    uint8_t ipv6[16]; /* of fe80::/10 where it has such a one, as muster takes it */
};

/* What only grows. Plain value. */
struct facts_counters {
    uint64_t rp_filtered;                       /* datagrams that rp_filter dropped */
    uint64_t buffer_dropped;                    /* that UDP sockets had no room for */
    uint64_t arp_full;                          /* times that the table of neighbours was full */
    uint64_t mld_queries[FACTS_INTERFACES_MAX]; /* that came by each interface, */
    uint64_t mld_reports[FACTS_INTERFACES_MAX]; /* and answers that left */
};

/* Zeroed: nothing is known. */
struct facts {
    struct facts_interface interfaces[FACTS_INTERFACES_MAX];
    size_t interface_count;
    struct facts_counters before; /* at the start of the examination, */
    struct facts_counters after;  /* and at its end */
    struct firewall firewall;
    uint64_t rmem_max; /* 0: not known */
    uint64_t arp_entries;
    uint64_t arp_limit;  /* 0: not known */
    char port_owner[96]; /* another program that has the control port: "python3 (pid 17)"; "": none */
    char state_dir[FACTS_PATH_BYTES];
    int state_error;                    /* errno, why nothing can be kept there; 0: it can */
    int64_t clock_s;                    /* since 1970 */
    char unseen[FACTS_UNSEEN_MAX][160]; /* what could not be looked at, and why */
    size_t unseen_count;
};

/* Where evidence is taken from, so that recorded evidence can be read. */
struct facts_sources {
    const char *root;      /* put before /proc; "": this host */
    uint16_t port;         /* of the control group */
    const char *state_dir; /* NULL: the default */
};

/* Reads all of this host but `after` and the firewall. */
void facts_read(struct facts *facts, const struct facts_sources *sources);

/* Reads the counters as they are now. */
void facts_read_counters(const struct facts *facts, const char *root, struct facts_counters *counters);

/* Notes what could not be looked at. */
void facts_note_unseen(struct facts *facts, const char *format, ...) __attribute__((format(printf, 2, 3)));

const struct facts_interface *facts_find(const struct facts *facts, const char *name);

/* Reads the rules of the firewalls of this host, for the interfaces in use. */
void facts_read_firewall(struct facts *facts, const char *root, uint16_t port);

/* ---- the parts ---- */

/* Reads what is below root/proc, of the interfaces that are known by name and address already. */
void facts_read_proc(struct facts *facts, const char *root, uint16_t port);

/* Takes an address of an interface: the first one of each family, but of IPv6 better one of fe80::/10. */
void facts_add_address(struct facts_interface *interface, const struct sockaddr *address);

/* Tries whether keys can be kept in a directory, or where it can be made. 0 or errno. */
int facts_try_state(const char *directory);
