/* SPDX-License-Identifier: MIT */
#include "peer.h"

#include <stdlib.h>

#include "text.h"

/* Promises of a peer in which two of its messages come by each path: every 8th goes by all (PROTOCOL.md,
 * section 10, everywhere_each). */
#define PATH_PROMISES 17

/* ---- what a peer says of itself ---- */

/* Of what was brought from elsewhere. */
static void write_origin(struct writer *writer, const struct muster_service *service) {
    if (!text_is_given(service->origin)) {
        return;
    }
    writer_text(writer, "origin", NULL, service->origin);
    writer_known(writer, "host", NULL, text_is_given(service->host) ? service->host : "");
    if (writer_array(writer, "addresses")) {
        for (size_t i = 0; i < service->address_count; i++) {
            writer_text(writer, NULL, NULL, text_address(&service->addresses[i]).text);
        }
        writer_end(writer);
    }
}

void peer_write_service(struct writer *writer, const void *muster_service) {
    const struct muster_service *service = muster_service;
    writer_text(writer, "type", "TYPE", service->type);
    writer_text(writer, "proto", "PROTO", service->proto);
    writer_integer(writer, "port", "PORT", service->port);
    writer_text(writer, "name", NULL, service->name);
    writer_items(writer, "txt", "TXT", service->txt, service->txt_count);
    write_origin(writer, service);
}

struct writer_rows peer_services(const struct muster_document *document) {
    return (struct writer_rows){peer_write_service, document->services, sizeof(*document->services),
                                document->service_count};
}

static void write_topic(struct writer *writer, const void *muster_topic) {
    const struct muster_topic *topic = muster_topic;
    writer_text(writer, "name", NULL, topic->name);
    if (topic->unit[0] != '\0') {
        writer_text(writer, "unit", NULL, topic->unit);
    }
    if (topic->unit_count > 0) {
        writer_items(writer, "units", NULL, topic->units, topic->unit_count);
    }
    if (topic->rate > 0) {
        writer_number(writer, "rate", topic->rate);
    }
    if (text_is_given(topic->origin)) {
        writer_text(writer, "origin", NULL, topic->origin);
    }
}

static void write_document(struct writer *writer, const struct muster_document *document) {
    const struct writer_rows topics = {write_topic, document->topics, sizeof(*document->topics),
                                       document->topic_count};
    FILE *cell = writer_cell(writer, "SERVICES", WRITER_CUT | WRITER_LIST);
    if (cell != NULL) {
        text_print_services(cell, document);
    }
    writer_array_of(writer, "services", peer_services(document));
    writer_items(writer, "attrs", "ATTRS", document->attrs, document->attr_count);
    writer_array_of(writer, "topics", topics);
    writer_texts(writer, "caches", document->caches, document->cache_count);
}

/* ---- what is known of it ---- */

/* Writes who a peer is, and whether that is verified. */
static void write_identity(struct writer *writer, const struct muster_peer *peer) {
    const bool is_known = peer->document.name[0] != '\0';
    writer_shown(writer, "STATE", 0, text_state_color(peer->state), "%s%s%s%s",
                 muster_state_name(peer->state), peer->verified ? "" : "?", peer->provisional ? "~" : "",
                 peer->partial ? "!" : "");
    writer_id(writer, "id", "ID", peer->id);
    writer_known(writer, "name", NULL, peer->document.name);
    writer_known(writer, "state", NULL, is_known ? muster_state_name(peer->state) : "");
    writer_bool(writer, "verified", "VERIFIED", peer->verified);
    writer_bool(writer, "provisional", NULL, peer->provisional);
}

void peer_write_owner(struct writer *writer, const struct muster_peer *peer) {
    writer_known(writer, "interface", NULL, peer->interface_name);
    if (writer_object(writer, "peer")) {
        write_identity(writer, peer);
        writer_end(writer);
    }
}

unsigned peer_paths_now(const struct muster_peer *peer) {
    const int64_t promise_ms = (int64_t)peer->age_ms + peer->next_ms;
    unsigned old = 0;
    unsigned now = 0;
    if (!roster_is_present(peer)) {
        return peer->paths;
    }
    for (size_t i = 0; i < peer->tuple_count; i++) {
        const struct muster_tuple *tuple = &peer->tuples[i];
        const bool is_old = (int64_t)(tuple->age_ms - peer->age_ms) > PATH_PROMISES * promise_ms;
        *(is_old ? &old : &now) |= 1U << tuple->path;
    }
    return now != 0 ? peer->paths & ~(old & ~now) : peer->paths;
}

static void write_paths(struct writer *writer, const struct muster_peer *peer) {
    const unsigned paths = peer->paths;
    writer_text(writer, NULL, "PATHS", text_paths(peer_paths_now(peer)).text);
    if (writer_array(writer, "paths")) {
        for (unsigned kind = 0; kind < MUSTER_PATH_KINDS; kind++) {
            if ((paths & (1U << kind)) != 0) {
                writer_text(writer, NULL, NULL, muster_path_name((enum muster_path_kind)kind));
            }
        }
        writer_end(writer);
    }
}

double peer_loss(const struct muster_peer *peer) {
    return peer->received > 0 ? peer->loss : -1;
}

void peer_write(struct writer *writer, const struct muster_peer *peer) {
    write_identity(writer, peer);
    writer_address(writer, "address", "ADDRESS", &peer->address);
    writer_address(writer, "other_address", "OTHER", &peer->other_address);
    writer_integer(writer, "port", "PORT", peer->address.port);
    writer_known(writer, "interface", "IF", peer->interface_name);
    writer_duration(writer, "age_ms", "AGE", (int64_t)peer->age_ms);
    if (roster_is_present(peer)) {
        writer_duration(writer, "next_ms", "NEXT", peer->next_ms);
    } else { /* the promise of who is gone is void */
        writer_shown(writer, "NEXT", WRITER_RIGHT, NULL, "-");
        writer_null(writer, "next_ms");
    }
    writer_duration(writer, "since_ms", "SINCE", (int64_t)peer->since_ms);
    writer_share(writer, "loss", "LOSS", peer_loss(peer));
    writer_integer(writer, "received", "RECEIVED", peer->received);
    writer_integer(writer, "copies", "COPIES", peer->copies);
    write_paths(writer, peer);
    writer_integer(writer, "boot", "BOOT", peer->boot);
    writer_integer(writer, "rev", "REV", peer->rev);
    writer_bool(writer, "partial", NULL, peer->partial);
    writer_bool(writer, "self", NULL, peer->self);
    write_document(writer, &peer->document);
}

char *peer_event_line(enum muster_peer_event event, const struct muster_peer *peer,
                      const struct changes *changes) {
    struct writer writer;
    char *line = NULL;
    size_t length;
    FILE *out = open_memstream(&line, &length);
    if (out == NULL) {
        return NULL;
    }
    writer_open_line(&writer, out, muster_peer_event_name(event));
    peer_write(&writer, peer);
    writer_texts(&writer, "changes", changes != NULL ? changes->words : NULL,
                 changes != NULL ? changes->count : 0);
    writer_close(&writer);
    if (fclose(out) != 0) {
        free(line);
        return NULL;
    }
    return line;
}

static void write_row(struct writer *writer, const void *roster_row) {
    writer_shown(writer, "NAME", WRITER_CUT, NULL, "%s", roster_label(roster_row).text);
    peer_write(writer, ((const struct roster_row *)roster_row)->peer);
}

struct writer_rows peer_rows(const struct roster *roster) {
    return (struct writer_rows){write_row, roster->rows, sizeof(*roster->rows), roster->count};
}

/* ---- the evidence for it ---- */

/* Unicast brings answers, which are not numbered. Only to static peers does it carry what every path
 * carries. */
static double loss_of(const struct muster_tuple *tuple) {
    const bool is_unicast = tuple->path == MUSTER_PATH_U4 || tuple->path == MUSTER_PATH_U6;
    return is_unicast && tuple->loss >= 1 ? -1 : tuple->loss;
}

static void write_tuple(struct writer *writer, const void *muster_tuple) {
    const struct muster_tuple *tuple = muster_tuple;
    writer_text(writer, "protocol", "PROTO", "udp");
    writer_endpoint(writer, "source_address", "source_port", "SOURCE", &tuple->source);
    writer_endpoint(writer, "destination_address", "destination_port", "DESTINATION", &tuple->destination);
    writer_known(writer, "interface", "IF", tuple->interface_name);
    writer_text(writer, "path", "PATH", muster_path_name(tuple->path));
    writer_integer(writer, "count", "COUNT", tuple->count);
    writer_duration(writer, "age_ms", "AGE", (int64_t)tuple->age_ms);
    writer_share(writer, "loss", "LOSS", loss_of(tuple));
}

struct writer_rows peer_tuples(const struct muster_peer *peer) {
    return (struct writer_rows){write_tuple, peer->tuples, sizeof(*peer->tuples), peer->tuple_count};
}
