/* SPDX-License-Identifier: MIT */
#include "self.h"

#include <stdio.h>

#include "counters.h"
#include "peer.h"
#include "peer_page.h"
#include "text.h"
#include "traffic.h"

static void write_socket(struct writer *writer, const void *socket_row) {
    const struct muster_socket *socket = socket_row;
    writer_text(writer, "protocol", "SOCKET", socket->protocol);
    writer_endpoint(writer, "address", "port", "ADDRESS", &socket->address);
    writer_known(writer, "interface", "IF", socket->interface_name);
    if (socket->buffer_bytes == 0) { /* not known */
        writer_shown(writer, "BUFFER", WRITER_RIGHT, NULL, "-");
    }
    writer_integer(writer, "buffer_bytes", socket->buffer_bytes != 0 ? "BUFFER" : NULL, socket->buffer_bytes);
    writer_integer(writer, "kernel_drops", "DROPS", socket->kernel_drops);
    writer_integer(writer, "failed", "FAILED", socket->failed);
    writer_integer(writer, "queue_drops", "QUEUE", socket->queue_drops);
    writer_integer(writer, "unicast_drops", "UNICAST", socket->unicast_drops);
    writer_integer(writer, "unreached", "UNREACHED", socket->unreached);
}

static struct writer_rows sockets_of(const struct muster_self *self) {
    return (struct writer_rows){write_socket, self->sockets, sizeof(*self->sockets), self->socket_count};
}

static void write_telemetry(struct writer *writer, const struct muster_self *self,
                            const struct roster *roster) {
    writer_object(writer, "telemetry");
    writer_object(writer, "sender");
    traffic_write_sender(writer, &self->sender);
    writer_end(writer);
    writer_array_of(writer, "feeds", traffic_rows(self->feeds, self->feed_count, roster));
    writer_integer(writer, "feeds_known", NULL, self->feeds_known);
    writer_end(writer);
}

void self_write(struct writer *writer, const struct muster_self *self, const struct roster *roster) {
    writer_object(writer, "self");
    peer_write(writer, &self->peer);
    writer_end(writer);
    writer_text(writer, "version", NULL, self->version);
    writer_integer(writer, "port", NULL, self->port);
    writer_integer(writer, "interval_ms", NULL, self->interval_ms);
    writer_integer(writer, "peers", NULL, self->peers);
    writer_array_of(writer, "sockets", sockets_of(self));
    writer_object(writer, "counters");
    counters_write(writer, &self->counters, COUNTERS_ALL);
    writer_end(writer);
    write_telemetry(writer, self, roster);
}

/* ---- the page ---- */

static void print_head(const struct muster_self *self) {
    const struct muster_peer *peer = &self->peer;
    const struct text_line interfaces = text_interfaces(self->paths, self->path_count);
    peer_page_print_head(peer);
    printf("  Muster      ");
    text_print(stdout, self->version);
    printf(", up for %s, speaks every %s\n", text_duration((int64_t)peer->since_ms).text,
           text_duration((int64_t)self->interval_ms).text);
    printf("  Listens     on ");
    text_print(stdout, interfaces.text[0] != '\0' ? interfaces.text : "nothing");
    printf(", port %u, unicast %s\n", self->port, text_endpoint(&peer->address, peer->address.port).text);
    printf("  Peers       %zu alive or suspect\n", self->peers);
}

int self_print(const struct muster_self *self, const struct roster *roster, struct table_style style) {
    print_head(self);
    counters_print(&self->counters);
    traffic_print_sender(&self->sender);
    putchar('\n');
    if (table_print(NULL, sockets_of(self), style) != 0 ||
        traffic_print(traffic_rows(self->feeds, self->feed_count, roster), style) != 0) {
        return -1;
    }
    if (self->feeds_known > self->feed_count) {
        printf("and %zu more\n", self->feeds_known - self->feed_count);
    }
    return 0;
}
