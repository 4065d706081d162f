#include "json.h"

#include <stdio.h>
#include <stdlib.h>

#include "text.h"

/* A share with four places: more would be noise, and 16 digits to read. */
static double rounded(double share) {
    return (double)(int64_t)(share * 10000 + 0.5) / 10000;
}

void json_put_interface(struct document *document, document_node_t *object, const char *name) {
    if (name[0] != '\0') {
        document_put_text(document, object, "interface", name);
    } else {
        document_put_null(document, object, "interface");
    }
}

void json_put_address(struct document *document, document_node_t *object, const char *name,
                      const struct muster_endpoint *endpoint) {
    char buffer[TEXT_ADDRESS_BYTES];
    if (endpoint->family != 0) {
        document_put_text(document, object, name, text_address(endpoint, buffer));
    } else {
        document_put_null(document, object, name);
    }
}

static void put_items(struct document *document, document_node_t *object, const char *name,
                      const struct muster_text *items, size_t count) {
    document_node_t *node = document_put_object(document, object, name);
    for (size_t i = 0; i < count; i++) {
        document_put_text(document, node, items[i].name, items[i].value);
    }
}

static void put_paths(struct document *document, document_node_t *object, unsigned paths) {
    document_node_t *node = document_put_array(document, object, "paths");
    for (unsigned kind = 0; kind < MUSTER_PATH_KINDS; kind++) {
        if ((paths & (1U << kind)) != 0) {
            document_put_text(document, node, NULL, muster_path_name((enum muster_path_kind)kind));
        }
    }
}

void json_put_service(struct document *document, document_node_t *object,
                      const struct muster_service *service) {
    document_put_text(document, object, "type", service->type);
    document_put_text(document, object, "proto", service->proto);
    document_put_integer(document, object, "port", service->port);
    document_put_text(document, object, "name", service->name);
    put_items(document, object, "txt", service->txt, service->txt_count);
}

/* Puts who a peer is, and how sure that is. */
static void put_identity(struct document *document, document_node_t *object, const struct muster_peer *peer) {
    char id[MUSTER_ID_TEXT_BYTES];
    muster_id_text(peer->id, id);
    document_put_text(document, object, "id", id);
    document_put_text(document, object, "name", peer->document.name);
    document_put_text(document, object, "state", muster_state_name(peer->state));
    document_put_bool(document, object, "verified", peer->verified);
    document_put_bool(document, object, "provisional", peer->provisional);
}

void json_put_owner(struct document *document, document_node_t *object, const struct muster_peer *peer) {
    json_put_interface(document, object, peer->interface_name);
    put_identity(document, document_put_object(document, object, "peer"), peer);
}

void json_put_peer(struct document *document, document_node_t *object, const struct muster_peer *peer) {
    put_identity(document, object, peer);
    json_put_address(document, object, "address", &peer->address);
    document_put_integer(document, object, "port", peer->address.port);
    json_put_interface(document, object, peer->interface_name);
    document_put_integer(document, object, "age_ms", (int64_t)peer->age_ms);
    document_put_integer(document, object, "next_ms", peer->next_ms);
    document_put_integer(document, object, "since_ms", (int64_t)peer->since_ms);
    document_put_number(document, object, "loss", rounded(peer->loss));
    document_put_integer(document, object, "received", (int64_t)peer->received);
    document_put_integer(document, object, "copies", (int64_t)peer->copies);
    put_paths(document, object, peer->paths);
    document_put_integer(document, object, "boot", (int64_t)peer->boot);
    document_put_integer(document, object, "rev", (int64_t)peer->rev);
    document_put_bool(document, object, "partial", peer->partial);
    document_put_bool(document, object, "self", peer->self);

    document_node_t *services = document_put_array(document, object, "services");
    for (size_t i = 0; i < peer->document.service_count; i++) {
        json_put_service(document, document_put_object(document, services, NULL),
                         &peer->document.services[i]);
    }
    put_items(document, object, "attrs", peer->document.attrs, peer->document.attr_count);
}

void json_put_tuples(struct document *document, document_node_t *object, const struct muster_peer *peer) {
    document_node_t *tuples = document_put_array(document, object, "tuples");
    for (size_t i = 0; i < peer->tuple_count; i++) {
        const struct muster_tuple *tuple = &peer->tuples[i];
        document_node_t *node = document_put_object(document, tuples, NULL);
        document_put_text(document, node, "protocol", "udp");
        json_put_address(document, node, "source_address", &tuple->source);
        document_put_integer(document, node, "source_port", tuple->source.port);
        json_put_address(document, node, "destination_address", &tuple->destination);
        document_put_integer(document, node, "destination_port", tuple->destination.port);
        json_put_interface(document, node, tuple->interface_name);
        document_put_text(document, node, "path", muster_path_name(tuple->path));
        document_put_integer(document, node, "count", (int64_t)tuple->count);
        document_put_integer(document, node, "age_ms", (int64_t)tuple->age_ms);
        document_put_number(document, node, "loss", rounded(tuple->loss));
    }
}

static void put_datagrams(struct document *document, document_node_t *object,
                          const struct muster_counters *counters) {
    document_put_integer(document, object, "received", (int64_t)counters->received);
    document_put_integer(document, object, "accepted", (int64_t)counters->accepted);
    document_put_integer(document, object, "copies", (int64_t)counters->copies);
    document_node_t *drops = document_put_object(document, object, "drops");
    for (unsigned i = 0; i < MUSTER_DROP_COUNT; i++) {
        document_put_integer(document, drops, muster_drop_name((enum muster_drop)i),
                             (int64_t)counters->drops[i]);
    }
}

void json_put_counters(struct document *document, const struct muster_counters *counters) {
    put_datagrams(document, NULL, counters);
}

void json_put_all_counters(struct document *document, const struct muster_counters *counters) {
    const struct {
        const char *name;
        uint64_t value;
    } rows[] = {
        {"sent", counters->sent},
        {"questions", counters->questions},
        {"answers", counters->answers},
        {"evicted", counters->evicted},
        {"verifications", counters->verifications},
        {"outputs_dropped", counters->outputs_dropped},
        {"streams_accepted", counters->streams_accepted},
        {"streams_refused", counters->streams_refused},
        {"streams_cut", counters->streams_cut},
        {"requests", counters->requests},
        {"tables", counters->tables},
        {"documents", counters->documents},
        {"fetches_failed", counters->fetches_failed},
    };
    document_node_t *object = document_put_object(document, NULL, "counters");
    put_datagrams(document, object, counters);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        document_put_integer(document, object, rows[i].name, (int64_t)rows[i].value);
    }
}

int json_print(const struct document *document, bool indent) {
    char *text = document_print_safe(document, indent);
    if (text == NULL) {
        return -1;
    }
    puts(text);
    free(text);
    return 0;
}
