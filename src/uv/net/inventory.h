/* The sockets of a node, as it tells of them. */
#ifndef UV_INVENTORY_H
#define UV_INVENTORY_H

#include <stddef.h>

#include <muster/core.h>

#include "network.h"

/* Fills in at most sockets_max, the unicast socket first; returns how many there are. */
size_t inventory_take(const struct network *network, struct muster_socket *sockets, size_t sockets_max);

#endif
