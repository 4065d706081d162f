/* SPDX-License-Identifier: MIT */
#include "page.h"

#include <inttypes.h>
#include <stdio.h>

#include "counters.h"
#include "peer.h"
#include "text.h"
#include "traffic.h"

/* Prints the name and the line of the id, with which each page begins. */
static void print_head(const struct muster_peer *peer) {
    printf("%s\n  Id          %s, boot %" PRIu64 ", revision %" PRIu64 "\n",
           text_name(peer->document.name).text, text_id(peer->id).text, peer->boot, peer->rev);
}

/* "10.0.0.1:19798, [fe80::1]:19798": those of both families, as far as they are known. */
static void print_addresses(const struct muster_peer *peer) {
    const struct muster_endpoint *other = &peer->other_address;
    printf("%s", text_endpoint(&peer->address, peer->address.port).text);
    if (other->family != 0) {
        printf(", %s", text_endpoint(other, other->port).text);
    }
}

/* ---- what is known of a peer ---- */

static void print_state(const struct muster_peer *peer, bool color) {
    printf("  State       %s%s%s, %s%s%s\n", color ? text_state_color(peer->state) : "",
           muster_state_name(peer->state), color ? TEXT_COLOR_END : "",
           peer->verified ? "verified" : "unverified: no key vouches for what it says",
           peer->provisional ? "; told by another peer, not heard yet" : "",
           peer->partial ? "; what it offers has come neither by TCP nor by UDP" : "");
}

static void print_address(const struct muster_peer *peer) {
    printf("  Address     ");
    print_addresses(peer);
    printf(" on %s", peer->interface_name[0] != '\0' ? text_name(peer->interface_name).text : "-");
    if (!peer->self) {
        printf(" by %s", text_paths(peer_paths_now(peer)).text);
    }
    putchar('\n');
}

static void print_heard(const struct muster_peer *peer) {
    if (peer->self) {
        printf("  Heard       never: it is the muster that was asked, see muster show --self\n");
        return;
    }
    printf("  Heard       %s ago", text_duration((int64_t)peer->age_ms).text);
    if (roster_is_present(peer)) {
        printf("%s%s", peer->next_ms >= 0 ? ", promised to speak again within " : ", overdue by ",
               text_duration(peer->next_ms >= 0 ? peer->next_ms : -peer->next_ms).text);
    }
    printf("; known for %s\n", text_duration((int64_t)peer->since_ms).text);
}

static void print_messages(const struct muster_peer *peer) {
    printf("  Messages    %" PRIu64 " received, %" PRIu64 " %s", peer->received, peer->copies,
           peer->copies == 1 ? "copy" : "copies");
    if (peer_loss(peer) >= 0) {
        printf(", %s lost", text_share(peer->loss).text);
    }
    putchar('\n');
}

/* ---- what it says of itself ---- */

/* Prints the title of a list before its first line, and blanks before the others. */
static void print_title(const char *title, size_t line) {
    printf("  %-12s", line == 0 ? title : "");
}

/* Who offers what was brought from elsewhere, and where. */
static void print_origin(const struct muster_service *service) {
    if (text_is_given(service->host)) {
        printf("  of %s", text_name(service->host).text);
    }
    for (size_t i = 0; i < service->address_count; i++) {
        printf("%s%s", i == 0 ? "  at " : ",", text_address(&service->addresses[i]).text);
    }
}

static void print_services(const struct muster_document *document) {
    for (size_t i = 0; i < document->service_count; i++) {
        const struct muster_service *service = &document->services[i];
        print_title("Services", i);
        fputs(text_service(service).text, stdout);
        print_origin(service);
        if (service->name[0] != '\0') {
            printf("  \"%s\"", text_name(service->name).text);
        }
        if (service->txt_count > 0) {
            printf("  ");
            text_print_items(stdout, service->txt, service->txt_count);
        }
        putchar('\n');
    }
}

static void print_attrs(const struct muster_document *document) {
    for (size_t i = 0; i < document->attr_count; i++) {
        print_title("Attributes", i);
        text_print_items(stdout, &document->attrs[i], 1);
        putchar('\n');
    }
}

static void print_topics(const struct muster_document *document) {
    for (size_t i = 0; i < document->topic_count; i++) {
        const struct muster_topic *topic = &document->topics[i];
        print_title("Topics", i);
        text_print(stdout, topic->name);
        if (topic->unit[0] != '\0') {
            printf("  %s", text_name(topic->unit).text);
        }
        if (topic->unit_count > 0) {
            printf("  ");
            text_print_items(stdout, topic->units, topic->unit_count);
        }
        if (topic->rate > 0) {
            printf("  %g/s", topic->rate);
        }
        if (text_is_given(topic->origin)) {
            printf("  from %s", text_name(topic->origin).text);
        }
        putchar('\n');
    }
}

static void print_caches(const struct muster_document *document) {
    for (size_t i = 0; i < document->cache_count; i++) {
        print_title("Caches", i);
        text_print(stdout, document->caches[i]);
        putchar('\n');
    }
}

int page_print_peer(const struct muster_peer *peer, struct table_style style) {
    print_head(peer);
    print_state(peer, style.color);
    print_address(peer);
    print_heard(peer);
    if (!peer->self) {
        print_messages(peer);
    }
    print_services(&peer->document);
    print_attrs(&peer->document);
    print_topics(&peer->document);
    print_caches(&peer->document);
    static const char *const expendable[] = {"PROTO", "IF", "COUNT", "AGE", NULL};
    style.expendable = expendable;
    putchar('\n');
    return table_print(NULL, peer_tuples(peer), style);
}

/* ---- what a running muster says of itself ---- */

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

void page_write_self(struct writer *writer, const struct muster_self *self, const struct roster *roster) {
    writer_object(writer, "self");
    peer_write(writer, &self->peer);
    writer_end(writer);
    writer_text(writer, "version", NULL, self->version);
    writer_known(writer, "key_id", NULL, self->key_id);
    writer_integer(writer, "port", NULL, self->port);
    writer_integer(writer, "interval_ms", NULL, self->interval_ms);
    writer_integer(writer, "peers", NULL, self->peers);
    writer_array_of(writer, "sockets", sockets_of(self));
    writer_object(writer, "counters");
    counters_write(writer, &self->counters, COUNTERS_ALL);
    writer_end(writer);
    write_telemetry(writer, self, roster);
    if (self->figure_count > 0) {
        writer_object(writer, "figures");
        for (size_t i = 0; i < self->figure_count; i++) {
            writer_integer(writer, self->figures[i].name, NULL, self->figures[i].value);
        }
        writer_end(writer);
    }
}

/* Figures that the program has by names of its own, which are safe to print. */
static void print_figures(const struct muster_self *self) {
    for (size_t i = 0; i < self->figure_count; i++) {
        printf("%s", i % 4 != 0 ? ", " : i == 0 ? "  Program     " : ",\n              ");
        text_print(stdout, self->figures[i].name);
        printf(" %" PRIu64, self->figures[i].value);
    }
    fputs(self->figure_count > 0 ? "\n" : "", stdout);
}

static void print_self_head(const struct muster_self *self) {
    const struct muster_peer *peer = &self->peer;
    const struct text_line interfaces = text_interfaces(self->paths, self->path_count);
    print_head(peer);
    printf("  Muster      ");
    text_print(stdout, self->version);
    printf(", up for %s, speaks every %s\n", text_duration((int64_t)peer->since_ms).text,
           text_duration((int64_t)self->interval_ms).text);
    printf("  Listens     on ");
    text_print(stdout, interfaces.text[0] != '\0' ? interfaces.text : "nothing");
    printf(", port %u, unicast ", self->port);
    print_addresses(peer);
    putchar('\n');
    printf("  Peers       %zu alive or suspect\n", self->peers);
    if (self->key_id[0] != '\0') {
        printf("  Sealed      by the group key ");
        text_print(stdout, self->key_id);
        putchar('\n');
    }
}

int page_print_self(const struct muster_self *self, const struct roster *roster, struct table_style style) {
    static const char *const expendable[] = {"UNREACHED", "UNICAST", "QUEUE", "IF", NULL};
    style.expendable = expendable;
    print_self_head(self);
    counters_print(&self->counters);
    traffic_print_sender(&self->sender);
    print_figures(self);
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
