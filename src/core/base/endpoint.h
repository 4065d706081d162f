/* SPDX-License-Identifier: MIT */
/* Addresses: the same ones, and as text. */
#pragma once

#include <stdbool.h>

#include <muster/core.h>

#define ENDPOINT_TEXT_BYTES 46 /* of the longest address, NUL included */

/* The address without its port, "10.0.0.1" or "fe80::1" (RFC 5952); "" when it is unspecified. */
void endpoint_text(const struct muster_endpoint *endpoint, char text[ENDPOINT_TEXT_BYTES]);

/* Reads such a text, family and address alone. False when it is no address. */
bool endpoint_parse(const char *text, struct muster_endpoint *endpoint);

/* True when one host can be at this address, and so can be the source of a datagram and be asked: it is not
 * unspecified (RFC 1122, 3.2.1.3), multicast, the limited broadcast address or an IPv4 address in the form of
 * IPv6, and has a port. */
bool endpoint_is_host(const struct muster_endpoint *endpoint);

/* The same of the address alone. */
bool endpoint_is_host_address(const struct muster_endpoint *endpoint);

/* True for the broadcast address of the network of an IPv4 address (RFC 919, 7), whose first prefix_bits name
 * that; a network of two hosts or one has none (RFC 3021, 2.1). */
bool endpoint_is_broadcast_of(const struct muster_endpoint *endpoint, const struct muster_endpoint *address,
                              unsigned prefix_bits);

/* True for 127/8 and ::1, which no other machine has. */
bool endpoint_is_loopback(const struct muster_endpoint *endpoint);

/* True when address and port are the same, */
bool endpoint_is_same(const struct muster_endpoint *a, const struct muster_endpoint *b);

/* or the address, whatever the port. */
bool endpoint_is_same_host(const struct muster_endpoint *a, const struct muster_endpoint *b);
