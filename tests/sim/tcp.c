/* SPDX-License-Identifier: MIT */
#include "tcp.h"

#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "node.h"
#include "scenario.h"
#include "world.h"

#define RETRANSMIT_US 200000 /* what the loss of one of the last packets costs, about */
#define FAST_PACKETS 3       /* with so many behind it a loss costs a round trip (RFC 5681, 3.2) */
#define PACKET_BYTES 1448    /* of data */
#define PACKET_HEADER_BYTES 66

/* Something on its way to one end. */
struct tcp_post {
    struct tcp *tcp;
    size_t end;
    struct post *post;
};

/* ---- posts ---- */

static void sweep(struct world *world, struct tcp *tcp) {
    if (tcp->posts > 0 || !tcp->ends[0].is_gone || !tcp->ends[1].is_gone) {
        return;
    }
    struct tcp **place = &world->tcps;
    while (*place != tcp) {
        place = &(*place)->next;
    }
    *place = tcp->next;
    free(tcp);
}

static void arrive(struct world *world, void *subject, uint64_t value) {
    struct tcp_post *sent = subject;
    struct tcp *tcp = sent->tcp;
    struct tcp_end *end = &tcp->ends[sent->end];
    if (value == HEAP_DISCARD || end->is_gone || end->node->state == NODE_DOWN) {
        free(sent->post);
    } else {
        sent->post->stream.number = end->number;
        end->is_gone = sent->post->stream.event == MUSTER_STREAM_CLOSED;
        node_post(world, end->node, sent->post);
    }
    free(sent);
    tcp->posts--;
    sweep(world, tcp);
}

static void post(struct world *world, struct tcp *tcp, size_t end, const struct muster_stream *stream,
                 uint64_t time_us) {
    struct tcp_post *sent = memory_new(sizeof *sent);
    *sent =
        (struct tcp_post){.tcp = tcp, .end = end, .post = memory_new(sizeof *sent->post + stream->length)};
    sent->post->stream = *stream;
    if (stream->length > 0) {
        memcpy(sent->post->bytes, stream->bytes, stream->length);
    }
    sent->post->stream.bytes = sent->post->bytes;
    tcp->posts++;
    heap_add(&world->heap, time_us, arrive, sent, 0);
}

static void post_event(struct world *world, struct tcp *tcp, size_t end, enum muster_stream_event event,
                       uint64_t time_us) {
    post(world, tcp, end, &(struct muster_stream){.event = event}, time_us);
}

/* ---- paths ---- */

/* Each side must hear the other. A firewall lets in what belongs to a connection that its host opened. */
static bool is_connected(const struct tcp *tcp) {
    const struct link *a = &tcp->ends[0].host->link;
    const struct link *b = &tcp->ends[1].host->link;
    return link_connects(a, b, tcp->kind) && link_connects(b, a, tcp->kind);
}

static uint64_t delay_us(struct world *world, const struct tcp *tcp, size_t from) {
    const struct host *to = tcp->ends[1 - from].host;
    return link_delay_us(&to->link, &world->chance);
}

/* ---- opening ---- */

static struct host *host_towards(struct node *node, uint32_t interface) {
    return node->hosts[interface - SEGMENT_INTERFACE];
}

/* Who answers at this host: its node, or any other one than the asker in the place of a speaker. NULL: nobody
 * ever. */
static struct node *server_at(struct world *world, const struct host *host, const struct node *asker) {
    bool is_speaker = host != NULL && host->speaker != NULL && host->speaker->is_up;
    if (!is_speaker || !world->scenario->is_table_given) {
        return host == NULL ? NULL : host->node;
    }
    size_t first = chance_below(&world->chance, world->node_count);
    for (size_t i = 0; i < world->node_count; i++) {
        struct node *node = world->nodes[(first + i) % world->node_count];
        if (node != asker && node->state == NODE_UP && node->has_streams) {
            return node;
        }
    }
    return NULL;
}

static void open(struct world *world, struct node *node, const struct muster_output *output) {
    struct host *to = hosts_find(&world->hosts, &output->endpoint);
    struct node *server = server_at(world, to, node);
    struct tcp *tcp = memory_new(sizeof *tcp);
    tcp->next = world->tcps;
    world->tcps = tcp;
    tcp->ends[0] = (struct tcp_end){
        .node = node, .host = host_towards(node, output->interface), .number = output->stream};
    tcp->ends[1].is_gone = true;
    tcp->kind = output->endpoint.family == 6 ? MUSTER_PATH_U6 : MUSTER_PATH_U4;
    figures_stream_opened(world);
    if (server == NULL) {
        post_event(world, tcp, 0, MUSTER_STREAM_CLOSED, node->turn_us + US_PER_MS);
        return;
    }
    tcp->ends[1] = (struct tcp_end){.node = server, .host = to, .is_gone = true};
    if (!is_connected(tcp) || to->link.is_fenced) {
        return; /* no answer ever: the one who asks gives up */
    }
    uint64_t time_us = node->turn_us + delay_us(world, tcp, 0);
    if (server->state == NODE_DOWN) {
        post_event(world, tcp, 0, MUSTER_STREAM_CLOSED, time_us + delay_us(world, tcp, 1));
        return;
    }
    tcp->ends[1].is_gone = false;
    tcp->ends[1].number = world->stream_number += 2;
    post(world, tcp, 1,
         &(struct muster_stream){.event = MUSTER_STREAM_ACCEPTED,
                                 .remote = tcp->kind == MUSTER_PATH_U6 ? tcp->ends[0].host->endpoint6
                                                                       : tcp->ends[0].host->endpoint,
                                 .interface = to->segment + SEGMENT_INTERFACE},
         time_us);
    tcp->ends[0].free_us = tcp->ends[1].free_us = time_us + delay_us(world, tcp, 1);
    post_event(world, tcp, 0, MUSTER_STREAM_OPENED, tcp->ends[0].free_us);
}

/* ---- writing and closing ---- */

/* When the last of these bytes has left: after those before, at the speed of the network. */
static uint64_t leave_us(struct world *world, struct tcp *tcp, size_t from, size_t length) {
    struct tcp_end *end = &tcp->ends[from];
    const struct link *to = &tcp->ends[1 - from].host->link;
    size_t packets = length / PACKET_BYTES + 1;
    double bits = 8.0 * (double)(length + packets * PACKET_HEADER_BYTES);
    uint64_t start_us = end->free_us > end->node->turn_us ? end->free_us : end->node->turn_us;
    end->free_us = start_us + (uint64_t)(bits / world_knob(world, KNOB_STREAM_MBPS));
    for (size_t i = 0; i < packets; i++) {
        if (chance_happens(&world->chance, to->loss)) {
            end->free_us += i + FAST_PACKETS < packets ? 2 * to->delay_us : RETRANSMIT_US;
        }
    }
    return end->free_us;
}

static void write(struct world *world, struct tcp *tcp, size_t from, const struct muster_output *output) {
    const struct muster_stream stream = {
        .event = MUSTER_STREAM_BYTES, .bytes = output->bytes, .length = output->length};
    figures_stream_bytes(world, output->length);
    if (!is_connected(tcp)) {
        return;
    }
    uint64_t time_us = leave_us(world, tcp, from, output->length);
    if (!tcp->ends[1 - from].is_gone) {
        post(world, tcp, 1 - from, &stream, time_us + delay_us(world, tcp, from));
        post_event(world, tcp, from, MUSTER_STREAM_DRAINED, time_us);
    } else {
        post_event(world, tcp, from, MUSTER_STREAM_CLOSED, time_us);
    }
}

static void close(struct world *world, struct tcp *tcp, size_t from, enum muster_stream_event event,
                  uint64_t time_us) {
    tcp->ends[from].is_gone = true;
    if (!tcp->ends[1 - from].is_gone && is_connected(tcp)) {
        uint64_t left_us = tcp->ends[from].free_us > time_us ? tcp->ends[from].free_us : time_us;
        post_event(world, tcp, 1 - from, event, left_us + delay_us(world, tcp, from));
    }
    sweep(world, tcp);
}

static struct tcp *find(struct world *world, const struct node *node, uint64_t number, size_t *end) {
    for (struct tcp *tcp = world->tcps; tcp != NULL; tcp = tcp->next) {
        for (*end = 0; *end < 2; ++*end) {
            const struct tcp_end *it = &tcp->ends[*end];
            if (it->node == node && it->number == number && !it->is_gone) {
                return tcp;
            }
        }
    }
    return NULL;
}

void tcps_output(struct world *world, struct node *node, const struct muster_output *output) {
    size_t end;
    if (output->kind == MUSTER_OUTPUT_STREAM_OPEN) {
        open(world, node, output);
        return;
    }
    struct tcp *tcp = find(world, node, output->stream, &end);
    if (tcp != NULL && output->kind == MUSTER_OUTPUT_STREAM_WRITE) {
        write(world, tcp, end, output);
    } else if (tcp != NULL) {
        close(world, tcp, end, MUSTER_STREAM_ENDED, node->turn_us);
    }
}

void tcps_refuse(struct world *world, struct node *node, uint64_t number) {
    size_t end;
    struct tcp *tcp = find(world, node, number, &end);
    if (tcp != NULL) {
        close(world, tcp, end, MUSTER_STREAM_CLOSED, node->turn_us);
    }
}

void tcps_break(struct world *world, struct node *node) {
    struct tcp *next;
    for (struct tcp *tcp = world->tcps; tcp != NULL; tcp = next) {
        next = tcp->next;
        for (size_t end = 0; end < 2; end++) {
            if (tcp->ends[end].node == node && !tcp->ends[end].is_gone) {
                close(world, tcp, end, MUSTER_STREAM_CLOSED, world->now_us);
                break;
            }
        }
    }
}

void tcps_deinit(struct world *world) {
    while (world->tcps != NULL) {
        struct tcp *tcp = world->tcps;
        world->tcps = tcp->next;
        free(tcp);
    }
}
