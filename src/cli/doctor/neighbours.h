/* SPDX-License-Identifier: MIT */
/* Other hosts of the link, whether they speak muster or not: where one might be asked by unicast. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <muster/core.h>

/* The IPv4 addresses that the kernel knows on the interfaces of these paths, as peers at this port. Returns
 * how many, at most targets_max. */
size_t neighbours_read_arp(const struct muster_path *paths, size_t path_count, uint16_t port,
                           struct muster_static_peer *targets, size_t targets_max);

/* True when the kernel asks for this IPv4 address by ARP, and nobody answers. */
bool neighbours_is_missing(const struct muster_endpoint *address);

/* Asks all nodes (ff02::1) of each of these paths that is of IPv6 for an echo (RFC 4443, 4.1): no switch
 * prunes that group. Returns a socket to be closed, or -1 where the kernel allows none. */
int neighbours_ping(const struct muster_path *paths, size_t path_count);

/* Takes the answers that have come: the link-local addresses of others, as peers at this port. */
size_t neighbours_take_echoes(int fd, const struct muster_path *paths, size_t path_count, uint16_t port,
                              struct muster_static_peer *targets, size_t targets_max);
