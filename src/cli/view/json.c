#include "json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "escape.h"
#include "text.h"
#include "utf8.h"

/* Stands for a byte that is not UTF-8: U+FFFD. */
#define REPLACEMENT "\xEF\xBF\xBD"

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

static void put_topic(struct document *document, document_node_t *object, const struct muster_topic *topic) {
    document_put_text(document, object, "name", topic->name);
    if (topic->unit[0] != '\0') {
        document_put_text(document, object, "unit", topic->unit);
    }
    if (topic->unit_count > 0) {
        put_items(document, object, "units", topic->units, topic->unit_count);
    }
    if (topic->rate > 0) {
        document_put_number(document, object, "rate", topic->rate);
    }
}

/* Puts who a peer is, and how sure that is. */
static void put_identity(struct document *document, document_node_t *object, const struct muster_peer *peer) {
    char id[MUSTER_ID_TEXT_BYTES];
    bool is_known = peer->document.name[0] != '\0';
    muster_id_text(peer->id, id);
    document_put_text(document, object, "id", id);
    if (is_known) {
        document_put_text(document, object, "name", peer->document.name);
        document_put_text(document, object, "state", muster_state_name(peer->state));
    } else {
        document_put_null(document, object, "name");
        document_put_null(document, object, "state");
    }
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
    document_node_t *topics = document_put_array(document, object, "topics");
    for (size_t i = 0; i < peer->document.topic_count; i++) {
        put_topic(document, document_put_object(document, topics, NULL), &peer->document.topics[i]);
    }
    document_node_t *keeps = document_put_array(document, object, "keeps");
    for (size_t i = 0; i < peer->document.keep_count; i++) {
        document_put_text(document, keeps, NULL, peer->document.keeps[i]);
    }
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
        {"samples_dropped", counters->samples_dropped},
        {"keeps_evicted", counters->keeps_evicted},
        {"feeds_evicted", counters->feeds_evicted},
    };
    document_node_t *object = document_put_object(document, NULL, "counters");
    put_datagrams(document, object, counters);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        document_put_integer(document, object, rows[i].name, (int64_t)rows[i].value);
    }
}

/* ---- lines of others ---- */

/* A code point as JSON writes it where it does not stand for itself: a surrogate pair above U+FFFF. */
static void print_escape(uint32_t code_point) {
    if (code_point > 0xFFFF) {
        printf("\\u%04x", 0xD800 + ((code_point - 0x10000) >> 10));
        code_point = 0xDC00 + (code_point & 0x3FF);
    }
    printf("\\u%04x", code_point);
}

/* What stands for itself in any JSON text. */
static bool is_plain(char byte) {
    return byte >= 0x20 && byte < 0x7F;
}

/* Prints what is not plain at the start of text, and returns its bytes. */
static size_t print_special(const char *text, size_t length) {
    uint32_t code_point;
    const int bytes = utf8_decode(text, length, &code_point);
    if (bytes <= 0) {
        fputs(REPLACEMENT, stdout);
        return 1;
    }
    if (escape_is_unsafe(code_point)) {
        print_escape(code_point);
    } else {
        fwrite(text, 1, (size_t)bytes, stdout);
    }
    return (size_t)bytes;
}

void json_print_line(const char *json, size_t length) {
    for (size_t i = 0; i < length;) {
        const size_t begin = i;
        while (i < length && is_plain(json[i])) {
            i++;
        }
        fwrite(json + begin, 1, i - begin, stdout);
        if (i < length && (unsigned char)json[i] < 0x20) {
            putchar(' '); /* no text of JSON has it: it is between tokens */
            i++;
        } else if (i < length) {
            i += print_special(json + i, length - i);
        }
    }
}

void json_print_text(const char *text) {
    size_t length = strlen(text);
    putchar('"');
    while (length > 0) {
        size_t bytes = 1;
        if (*text == '"' || *text == '\\') {
            printf("\\%c", *text);
        } else if (is_plain(*text)) {
            putchar(*text);
        } else {
            bytes = print_special(text, length);
        }
        text += bytes;
        length -= bytes;
    }
    putchar('"');
}

/* ---- printing ---- */

/* "2026-01-31T12:00:00.123Z" (RFC 3339). */
static void write_time_utc(char *text, size_t size) {
    struct timespec now;
    struct tm parts;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &parts);
    size_t length = strftime(text, size, "%Y-%m-%dT%H:%M:%S", &parts);
    snprintf(text + length, size - length, ".%03ldZ", now.tv_nsec / 1000000);
}

void json_begin_line(struct document *document, const char *event) {
    char time_text[40];
    write_time_utc(time_text, sizeof(time_text));
    document_init(document);
    document_put_text(document, NULL, "event", event);
    document_put_text(document, NULL, "time", time_text);
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
