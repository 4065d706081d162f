#include "inventory.h"

#include <string.h>

#include "limit.h"

struct inventory {
    struct muster_socket *sockets;
    size_t max;
    size_t count;
};

static void put(struct inventory *inventory, const struct muster_socket *socket) {
    if (inventory->count < inventory->max) {
        inventory->sockets[inventory->count] = *socket;
    }
    inventory->count++;
}

static struct muster_socket datagram_socket_describe(const struct datagram_socket *socket) {
    return (struct muster_socket){
        .protocol = "udp",
        .address = {.family = 4, .port = socket->port},
        .buffer_bytes = socket->buffer_bytes,
        .kernel_drops = socket->kernel_drops,
    };
}

/* All is sent from the unicast socket. What was for everybody is counted where the same path is heard. */
static void put_unicast(struct inventory *inventory, const struct network *network) {
    struct muster_socket unicast = datagram_socket_describe(&network->unicast.socket);
    for (size_t i = 0; i < network->link_count; i++) {
        unicast.failed += network->links[i]->failed[MUSTER_PATH_U4];
    }
    put(inventory, &unicast);
}

static void put_link(struct inventory *inventory, const struct link *link) {
    static const uint8_t addresses[MUSTER_PATH_U4][4] = {
        [MUSTER_PATH_M4] = MUSTER_GROUP_V4,
        [MUSTER_PATH_B4] = MUSTER_BROADCAST_V4,
    };
    for (enum muster_path_kind kind = MUSTER_PATH_M4; kind < MUSTER_PATH_U4; kind++) {
        if (link->sockets[kind].socket.open) {
            struct muster_socket socket = datagram_socket_describe(&link->sockets[kind].socket);
            memcpy(socket.address.ip, addresses[kind], sizeof addresses[kind]);
            memcpy(socket.interface_name, link->interface.name, sizeof socket.interface_name);
            socket.failed = link->failed[kind];
            put(inventory, &socket);
        }
    }
    if (link->telemetry.socket.open) {
        struct muster_socket socket = datagram_socket_describe(&link->telemetry.socket);
        memcpy(socket.interface_name, link->interface.name, sizeof socket.interface_name);
        put(inventory, &socket);
    }
}

size_t inventory_take(const struct network *network, struct muster_socket *sockets, size_t sockets_max) {
    struct inventory inventory = {.sockets = sockets, .max = sockets_max};
    put_unicast(&inventory, network);
    for (size_t i = 0; i < network->link_count; i++) {
        put_link(&inventory, network->links[i]);
    }
    if (network->tcp.open) {
        struct muster_socket tcp = {.protocol = "tcp", .address = {.family = 4, .port = network->tcp.port}};
        put(&inventory, &tcp);
    }
    if (network->local.open) {
        put(&inventory, &(struct muster_socket){.protocol = "unix"});
    }
    return inventory.count;
}
