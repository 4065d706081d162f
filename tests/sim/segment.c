/* SPDX-License-Identifier: MIT */
#include "segment.h"

#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "node.h"
#include "world.h"

#define DUPLICATE_US 500
#define ANSWERS_S 30 /* as long as a stateful firewall lets answers in */
#define TTL 255

static bool is_telemetry(const struct muster_endpoint *destination) {
    const uint8_t *ip = destination->ip;
    return destination->family == 6 ? ip[0] == 0xff && ip[1] == 0x12 : ip[0] == 239;
}

static enum muster_path_kind kind_of(const struct muster_endpoint *destination) {
    if (destination->family == 6) {
        return destination->ip[0] == 0xff ? MUSTER_PATH_M6 : MUSTER_PATH_U6;
    }
    switch (destination->ip[0]) {
    case 224:
    case 239: return MUSTER_PATH_M4;
    case 255: return MUSTER_PATH_B4;
    default: return MUSTER_PATH_U4;
    }
}

static bool is_unicast(enum muster_path_kind kind) {
    return kind == MUSTER_PATH_U4 || kind == MUSTER_PATH_U6;
}

/* Telemetry reaches those that hear its group. */
static bool hears_group(const struct host *host, const struct packet *packet) {
    const struct muster_endpoint *destination = &packet->datagram.destination;
    if (!is_telemetry(destination)) {
        return true;
    }
    uint8_t last = destination->ip[destination->family == 6 ? 15 : 3];
    unsigned group = last == 15 ? MUSTER_SHARDS : last - 16u;
    return host->node != NULL && (node_groups(host->node, destination->family) & 1u << group) != 0;
}

/* ---- firewalls ---- */

static void open_firewall(struct world *world, struct host *host, const struct host *asked) {
    if (!host->link.is_fenced) {
        return;
    }
    if (asked->index >= host->asked_count) {
        size_t count = world->hosts.size;
        host->asked_until_s = memory_resize(host->asked_until_s, count * sizeof(uint32_t));
        memset(host->asked_until_s + host->asked_count, 0, (count - host->asked_count) * sizeof(uint32_t));
        host->asked_count = count;
    }
    host->asked_until_s[asked->index] = (uint32_t)(world->now_us / US_PER_S) + ANSWERS_S;
}

static bool passes_firewall(const struct world *world, const struct host *from, const struct host *to,
                            enum muster_path_kind kind) {
    return !to->link.is_fenced || from == to ||
           (is_unicast(kind) && from->index < to->asked_count &&
            to->asked_until_s[from->index] >= world->now_us / US_PER_S);
}

bool segment_connects(const struct world *world, const struct host *from, const struct host *to,
                      enum muster_path_kind kind) {
    return from->segment == to->segment && (from == to || link_connects(&from->link, &to->link, kind)) &&
           passes_firewall(world, from, to, kind);
}

/* ---- packets ---- */

static struct packet *packet_new(struct host *from, const struct muster_datagram *datagram) {
    struct packet *packet = memory_resize(NULL, sizeof *packet + datagram->length);
    *packet = (struct packet){.references = 1, .datagram = *datagram, .from = from};
    memcpy(packet->bytes, datagram->bytes, datagram->length);
    packet->datagram.bytes = packet->bytes;
    packet->datagram.source = datagram->destination.family == 6 ? from->endpoint6 : from->endpoint;
    packet->datagram.interface = from->segment + SEGMENT_INTERFACE;
    packet->datagram.ttl = datagram->ttl == 0 ? TTL : datagram->ttl;
    packet->datagram.segment = 0;
    packet->kind = kind_of(&datagram->destination);
    return packet;
}

void packet_release(struct packet *packet) {
    if (--packet->references == 0) {
        free(packet);
    }
}

/* ---- arrival ---- */

static void deliver(struct world *world, struct host *to, struct packet *packet) {
    if (to->node != NULL) {
        node_receive(world, to->node, packet);
    } else if (to->speaker != NULL) {
        speaker_receive(world, to->speaker, packet);
    }
}

/* One datagram arrives at one host. */
static void arrive(struct world *world, void *subject, uint64_t value) {
    struct packet *packet = subject;
    if (value != HEAP_DISCARD) {
        deliver(world, world->hosts.all[value], packet);
    }
    packet_release(packet);
}

static void duplicate(struct world *world, struct host *to, struct packet *packet) {
    if (chance_happens(&world->chance, to->link.duplicate)) {
        packet->references++;
        heap_add(&world->heap, world->now_us + chance_below(&world->chance, DUPLICATE_US), arrive, packet,
                 to->index);
    }
}

/* A group datagram is on its way to one host: it arrives now, later or never. */
static void pass(struct world *world, struct host *to, struct packet *packet) {
    const struct host *from = packet->from;
    if (!segment_connects(world, from, to, packet->kind) || !hears_group(to, packet)) {
        return;
    }
    if (from != to && link_loses(&to->link, packet->kind, &world->chance)) {
        return;
    }
    duplicate(world, to, packet);
    if (to->link.jitter_us == 0 || from == to) {
        deliver(world, to, packet);
        return;
    }
    packet->references++;
    heap_add(&world->heap, world->now_us + chance_below(&world->chance, to->link.jitter_us), arrive, packet,
             to->index);
}

/* Speakers are not told one by one: together they hear what is said to the group. */
static void arrive_at_all(struct world *world, void *subject, uint64_t value) {
    struct packet *packet = subject;
    unsigned segment = packet->from->segment;
    for (size_t i = 0; i < world->node_count && value != HEAP_DISCARD; i++) {
        struct host *host = world->nodes[i]->hosts[segment];
        if (host != NULL) {
            pass(world, host, packet);
        }
    }
    if (value != HEAP_DISCARD) {
        speakers_hear(world, packet);
        attackers_hear(world, packet);
    }
    packet_release(packet);
}

/* ---- departure ---- */

static void send_unicast(struct world *world, struct host *to, struct packet *packet, uint64_t time_us) {
    if (!segment_connects(world, packet->from, to, packet->kind) ||
        link_loses(&to->link, packet->kind, &world->chance)) {
        packet_release(packet);
        return;
    }
    duplicate(world, to, packet);
    heap_add(&world->heap, time_us + link_delay_us(&to->link, &world->chance), arrive, packet, to->index);
}

static bool send_one(struct world *world, struct host *from, const struct muster_datagram *datagram,
                     uint64_t time_us) {
    struct packet *packet = packet_new(from, datagram);
    struct host *to = is_unicast(packet->kind) ? hosts_find(&world->hosts, &datagram->destination) : NULL;
    bool is_there = !is_unicast(packet->kind) || (to != NULL && to->segment == from->segment);
    enum neighbour_result result = NEIGHBOUR_KNOWN;
    if (to != NULL && is_there) {
        open_firewall(world, from, to);
        result = neighbours_resolve(world, from, to);
    } else if (is_there) {
        result = neighbours_resolve_group(world, from, packet->kind) ? NEIGHBOUR_KNOWN : NEIGHBOUR_FULL;
    }
    if (result != NEIGHBOUR_FULL) {
        figures_sent(world, packet);
    }
    if (!is_there || result != NEIGHBOUR_KNOWN) {
        packet_release(packet);
    } else if (to != NULL) {
        send_unicast(world, to, packet, time_us);
    } else {
        heap_add(&world->heap, time_us + from->link.delay_us, arrive_at_all, packet, 0);
    }
    return result != NEIGHBOUR_FULL;
}

void segment_whisper(struct world *world, struct host *from, struct host *to,
                     const struct muster_datagram *datagram) {
    struct packet *packet = packet_new(from, datagram);
    figures_sent(world, packet);
    heap_add(&world->heap, world->now_us + to->link.delay_us, arrive, packet, to->index);
}

bool segment_send(struct world *world, struct host *from, const struct muster_datagram *datagram,
                  uint64_t time_us) {
    bool is_sent = true;
    if (datagram->segment == 0) {
        return send_one(world, from, datagram, time_us);
    }
    for (size_t at = 0; at < datagram->length; at += datagram->segment) {
        struct muster_datagram one = *datagram;
        size_t rest = datagram->length - at;
        one.bytes += at;
        one.length = rest < datagram->segment ? rest : datagram->segment;
        is_sent = send_one(world, from, &one, time_us) && is_sent;
    }
    return is_sent;
}
