#include "message.h"

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "document.h"
#include "scan.h"

#define NONCE_BYTES 8

const char *const message_kind_names[MESSAGE_KINDS] = {"announce", "alive", "bye", "query"};

/* ---- reading members: each returns true, or sets *reason ---- */

static bool refuse(enum muster_drop *reason, enum muster_drop why) {
    *reason = why;
    return false;
}

static bool require(const document_node_t *node, enum document_type type, enum muster_drop *reason) {
    if (node == NULL) {
        return refuse(reason, MUSTER_DROP_MISSING);
    }
    return document_type(node) == type || refuse(reason, MUSTER_DROP_TYPE);
}

static bool read_integer(const document_node_t *parent, const char *name, uint64_t min, uint64_t max,
                         uint64_t *value, enum muster_drop *reason) {
    const document_node_t *node = document_member(parent, name);
    if (!require(node, DOCUMENT_NUMBER, reason)) {
        return false;
    }
    uint64_t number;
    if (!document_integer(node, &number) || number < min || number > max) {
        return refuse(reason, MUSTER_DROP_RANGE);
    }
    *value = number;
    return true;
}

static bool read_text(const document_node_t *node, size_t min, size_t max, const char **text,
                      enum muster_drop *reason) {
    if (!require(node, DOCUMENT_TEXT, reason)) {
        return false;
    }
    size_t length = strlen(document_text(node));
    if (length < min || length > max) {
        return refuse(reason, MUSTER_DROP_RANGE);
    }
    *text = document_text(node);
    return true;
}

static int digit_value(char c) {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool message_parse_hex(const char *text, uint8_t *bytes, size_t size) {
    if (strlen(text) != 2 * size) {
        return false;
    }
    for (size_t i = 0; i < size; i++) {
        int high = digit_value(text[2 * i]);
        int low = digit_value(text[2 * i + 1]);
        if (high < 0 || low < 0) {
            return false;
        }
        bytes[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

static bool read_hex(const document_node_t *node, uint8_t *bytes, size_t size, enum muster_drop *reason) {
    return require(node, DOCUMENT_TEXT, reason) &&
           (message_parse_hex(document_text(node), bytes, size) || refuse(reason, MUSTER_DROP_RANGE));
}

static bool read_nonce(const document_node_t *node, uint64_t *nonce, enum muster_drop *reason) {
    uint8_t bytes[NONCE_BYTES];
    if (!read_hex(node, bytes, sizeof bytes, reason)) {
        return false;
    }
    *nonce = 0;
    for (size_t i = 0; i < sizeof bytes; i++) {
        *nonce = *nonce << 8 | bytes[i];
    }
    return true;
}

static bool read_base64(const document_node_t *node, uint8_t *bytes, size_t size, enum muster_drop *reason) {
    size_t digits = (size + 2) / 3 * 4;
    const char *text;
    if (!read_text(node, digits, digits, &text, reason)) {
        return false;
    }
    size_t length;
    const char *end;
    if (sodium_base642bin(bytes, size, text, digits, NULL, &length, &end, sodium_base64_VARIANT_ORIGINAL) !=
            0 ||
        length != size || end != text + digits) {
        return refuse(reason, MUSTER_DROP_RANGE);
    }
    return true;
}

/* RFC 6335, 5.1, lower case only. */
bool message_is_service_type(const char *text) {
    size_t length = strlen(text);
    bool has_letter = false;
    for (size_t i = 0; i < length; i++) {
        bool is_letter = text[i] >= 'a' && text[i] <= 'z';
        bool is_digit = text[i] >= '0' && text[i] <= '9';
        bool is_inner_hyphen = text[i] == '-' && i > 0 && i + 1 < length && text[i - 1] != '-';
        if (!is_letter && !is_digit && !is_inner_hyphen) {
            return false;
        }
        has_letter = has_letter || is_letter;
    }
    return has_letter && length <= MUSTER_TYPE_BYTES_MAX;
}

static bool read_service_type(const document_node_t *node, const char **type, enum muster_drop *reason) {
    return read_text(node, 1, MUSTER_TYPE_BYTES_MAX, type, reason) &&
           (message_is_service_type(*type) || refuse(reason, MUSTER_DROP_RANGE));
}

/* ---- the document of an announce ---- */

/* Where the arrays of a document are laid out: all in one allocation, counted beforehand. */
struct arrays {
    struct muster_service *services;
    struct muster_text *texts;
};

static size_t count_texts(const document_node_t *services, const document_node_t *attrs) {
    size_t count = document_count(attrs);
    for (const document_node_t *s = document_first(services); s != NULL; s = document_next(s)) {
        count += document_count(document_member(s, "txt"));
    }
    return count;
}

/* Reads an object of texts; node NULL means that there are none. */
static bool read_texts(const document_node_t *node, struct arrays *arrays, const struct muster_text **texts,
                       size_t *count, enum muster_drop *reason) {
    *texts = arrays->texts;
    *count = 0;
    if (node == NULL) {
        return true;
    }
    if (!require(node, DOCUMENT_OBJECT, reason)) {
        return false;
    }
    for (const document_node_t *m = document_first(node); m != NULL; m = document_next(m)) {
        size_t name_length = strlen(document_name(m));
        if (name_length < 1 || name_length > MUSTER_NAME_BYTES_MAX) {
            return refuse(reason, MUSTER_DROP_RANGE);
        }
        struct muster_text *text = arrays->texts++;
        text->name = document_name(m);
        if (!read_text(m, 0, MUSTER_VALUE_BYTES_MAX, &text->value, reason)) {
            return false;
        }
        (*count)++;
    }
    return true;
}

static bool read_service(const document_node_t *node, struct arrays *arrays, struct muster_service *service,
                         enum muster_drop *reason) {
    if (!require(node, DOCUMENT_OBJECT, reason)) {
        return false;
    }
    service->name = "";
    const document_node_t *name = document_member(node, "name");
    if (name != NULL && !read_text(name, 0, MUSTER_NAME_BYTES_MAX, &service->name, reason)) {
        return false;
    }
    uint64_t port;
    if (!read_service_type(document_member(node, "type"), &service->type, reason) ||
        !read_text(document_member(node, "proto"), 3, 3, &service->proto, reason) ||
        !read_integer(node, "port", 1, UINT16_MAX, &port, reason)) {
        return false;
    }
    service->port = (uint16_t)port;
    if (strcmp(service->proto, "tcp") != 0 && strcmp(service->proto, "udp") != 0) {
        return refuse(reason, MUSTER_DROP_RANGE);
    }
    return read_texts(document_member(node, "txt"), arrays, &service->txt, &service->txt_count, reason);
}

static bool is_same_service(const struct muster_service *a, const struct muster_service *b) {
    return a->port == b->port && strcmp(a->type, b->type) == 0 && strcmp(a->proto, b->proto) == 0;
}

static bool read_services(const document_node_t *node, struct arrays *arrays,
                          struct muster_document *document, enum muster_drop *reason) {
    document->services = arrays->services;
    document->service_count = 0;
    if (node == NULL) {
        return true;
    }
    if (!require(node, DOCUMENT_ARRAY, reason)) {
        return false;
    }
    for (const document_node_t *s = document_first(node); s != NULL; s = document_next(s)) {
        struct muster_service *service = &arrays->services[document->service_count];
        if (!read_service(s, arrays, service, reason)) {
            return false;
        }
        for (size_t i = 0; i < document->service_count; i++) {
            if (is_same_service(&arrays->services[i], service)) {
                return refuse(reason, MUSTER_DROP_RANGE);
            }
        }
        document->service_count++;
    }
    return true;
}

bool message_read_lists(struct message *message, const document_node_t *services,
                        const document_node_t *attrs, enum muster_drop *reason) {
    size_t service_bytes = document_count(services) * sizeof(struct muster_service);
    size_t text_bytes = count_texts(services, attrs) * sizeof(struct muster_text);
    if (service_bytes + text_bytes > 0) {
        message->arrays = calloc(1, service_bytes + text_bytes);
        if (message->arrays == NULL) {
            return refuse(reason, MUSTER_DROP_MEMORY);
        }
    }
    struct arrays arrays = {
        .services = message->arrays,
        .texts = message->arrays == NULL ? NULL : (void *)((char *)message->arrays + service_bytes),
    };
    struct muster_document *document = &message->document;
    return read_services(services, &arrays, document, reason) &&
           read_texts(attrs, &arrays, &document->attrs, &document->attr_count, reason);
}

static bool read_lists(const document_node_t *parent, struct message *message, enum muster_drop *reason) {
    return message_read_lists(message, document_member(parent, "services"), document_member(parent, "attrs"),
                              reason);
}

/* Lists too long for the announce are described by size and hash, and then they are not in it. */
static bool read_body_description(const document_node_t *header, struct message *message,
                                  enum muster_drop *reason) {
    const document_node_t *hash = document_member(header, "hash");
    uint64_t size;
    if (document_member(header, "size") == NULL && hash == NULL) {
        return true;
    }
    if (!read_integer(header, "size", 1, MUSTER_DOCUMENT_BYTES_MAX, &size, reason) ||
        !read_hex(hash, message->hash, sizeof message->hash, reason)) {
        return false;
    }
    message->size = (size_t)size;
    bool has_lists = document_member(header, "services") != NULL || document_member(header, "attrs") != NULL;
    return !has_lists || refuse(reason, MUSTER_DROP_RANGE);
}

static bool read_document(const document_node_t *header, struct message *message, enum muster_drop *reason) {
    const document_node_t *name = document_member(header, "name");
    return read_text(name, 1, MUSTER_NAME_BYTES_MAX, &message->document.name, reason) &&
           read_body_description(header, message, reason) && read_lists(header, message, reason);
}

/* ---- the kinds ---- */

static bool read_seq_or_re(const document_node_t *header, struct message *message, enum muster_drop *reason) {
    const document_node_t *seq = document_member(header, "seq");
    const document_node_t *re = document_member(header, "re");
    if (seq == NULL && re == NULL) {
        return refuse(reason, MUSTER_DROP_MISSING);
    }
    message->is_answer = re != NULL;
    return (seq == NULL || read_integer(header, "seq", 1, MUSTER_INTEGER_MAX, &message->seq, reason)) &&
           (re == NULL || read_nonce(re, &message->re, reason));
}

static bool read_alive(const document_node_t *header, struct message *message, enum muster_drop *reason) {
    return read_seq_or_re(header, message, reason) &&
           read_integer(header, "rev", 1, MUSTER_INTEGER_MAX, &message->rev, reason) &&
           read_integer(header, "next_ms", MUSTER_NEXT_MS_MIN, MUSTER_NEXT_MS_MAX, &message->next_ms,
                        reason) &&
           read_integer(header, "peers", 0, MUSTER_PEERS_CLAIM_MAX, &message->peers, reason);
}

static bool read_heard(const document_node_t *node, unsigned *heard, enum muster_drop *reason) {
    if (node == NULL) {
        return true;
    }
    if (!require(node, DOCUMENT_ARRAY, reason)) {
        return false;
    }
    if (document_count(node) > MUSTER_HEARD_MAX) {
        return refuse(reason, MUSTER_DROP_RANGE);
    }
    for (const document_node_t *e = document_first(node); e != NULL; e = document_next(e)) {
        const char *name;
        if (!read_text(e, 1, 15, &name, reason)) {
            return false;
        }
        for (int kind = 0; kind < MUSTER_PATH_KINDS; kind++) {
            if (strcmp(name, muster_path_name((enum muster_path_kind)kind)) == 0) {
                *heard |= 1u << kind;
            }
        }
    }
    return true;
}

static bool read_stream(const document_node_t *header, uint16_t *stream, enum muster_drop *reason) {
    uint64_t port = 0;
    if (document_member(header, "stream") != NULL &&
        !read_integer(header, "stream", 1, UINT16_MAX, &port, reason)) {
        return false;
    }
    *stream = (uint16_t)port;
    return true;
}

static bool read_announce(const document_node_t *header, struct message *message, enum muster_drop *reason) {
    if (!read_alive(header, message, reason) || !read_stream(header, &message->stream, reason) ||
        !read_heard(document_member(header, "heard"), &message->heard, reason)) {
        return false;
    }
    const document_node_t *key = document_member(header, "key");
    message->has_key = key != NULL;
    if (key != NULL && !read_base64(key, message->key, sizeof message->key, reason)) {
        return false;
    }
    return read_document(header, message, reason);
}

static bool read_bye(const document_node_t *header, struct message *message, enum muster_drop *reason) {
    return read_integer(header, "seq", 1, MUSTER_INTEGER_MAX, &message->seq, reason);
}

static bool read_ids(const document_node_t *node, size_t min, uint8_t (*ids)[MUSTER_ID_BYTES], size_t *count,
                     enum muster_drop *reason) {
    if (!require(node, DOCUMENT_ARRAY, reason)) {
        return false;
    }
    if (document_count(node) < min || document_count(node) > MUSTER_QUERY_IDS_MAX) {
        return refuse(reason, MUSTER_DROP_RANGE);
    }
    for (const document_node_t *e = document_first(node); e != NULL; e = document_next(e)) {
        if (!read_hex(e, ids[(*count)++], MUSTER_ID_BYTES, reason)) {
            return false;
        }
    }
    return true;
}

static bool read_want(const document_node_t *want, struct message *message, enum muster_drop *reason) {
    if (!require(want, DOCUMENT_OBJECT, reason)) {
        return false;
    }
    const document_node_t *type = document_member(want, "type");
    const document_node_t *name = document_member(want, "name");
    message->wants = true;
    return (type == NULL || read_service_type(type, &message->want_type, reason)) &&
           (name == NULL || read_text(name, 1, MUSTER_NAME_BYTES_MAX, &message->want_name, reason));
}

/* A number of 1 or more that may be left out. */
static bool read_optional_integer(const document_node_t *header, const char *name, uint64_t *value,
                                  enum muster_drop *reason) {
    return document_member(header, name) == NULL ||
           read_integer(header, name, 1, MUSTER_INTEGER_MAX, value, reason);
}

static bool read_query(const document_node_t *header, struct message *message, enum muster_drop *reason) {
    const document_node_t *of = document_member(header, "of");
    const document_node_t *want = document_member(header, "want");
    const document_node_t *known = document_member(header, "known");
    if (!read_nonce(document_member(header, "nonce"), &message->nonce, reason)) {
        return false;
    }
    if (of == NULL && want == NULL) {
        return refuse(reason, MUSTER_DROP_MISSING);
    }
    const document_node_t *table = document_member(header, "table");
    if (table != NULL && !require(table, DOCUMENT_BOOL, reason)) {
        return false;
    }
    message->asks_some = of != NULL;
    message->takes_table = document_bool(table);
    return read_optional_integer(header, "count", &message->count, reason) &&
           read_optional_integer(header, "said", &message->said, reason) &&
           (of == NULL || read_ids(of, 1, message->of, &message->of_count, reason)) &&
           (want == NULL || read_want(want, message, reason)) &&
           (known == NULL || read_ids(known, 0, message->known, &message->known_count, reason));
}

static bool read_kind(const document_node_t *header, enum message_kind *kind, enum muster_drop *reason) {
    const document_node_t *node = document_member(header, "kind");
    if (!require(node, DOCUMENT_TEXT, reason)) {
        return false;
    }
    for (size_t i = 0; i < MESSAGE_KINDS; i++) {
        if (strcmp(document_text(node), message_kind_names[i]) == 0) {
            *kind = (enum message_kind)i;
            return true;
        }
    }
    return refuse(reason, MUSTER_DROP_KIND);
}

static bool read_version(const document_node_t *header, enum muster_drop *reason) {
    const document_node_t *node = document_member(header, "muster");
    uint64_t version;
    if (!require(node, DOCUMENT_NUMBER, reason)) {
        return false;
    }
    return (document_integer(node, &version) && version == 1) || refuse(reason, MUSTER_DROP_VERSION);
}

static bool read_header(const document_node_t *header, struct message *message, enum muster_drop *reason) {
    if (document_type(header) != DOCUMENT_OBJECT) {
        return refuse(reason, MUSTER_DROP_SYNTAX);
    }
    if (!read_version(header, reason) || !read_kind(header, &message->kind, reason) ||
        !read_hex(document_member(header, "id"), message->id, sizeof message->id, reason) ||
        !read_integer(header, "boot", 1, MUSTER_INTEGER_MAX, &message->boot, reason)) {
        return false;
    }
    switch (message->kind) {
    case MESSAGE_ANNOUNCE: return read_announce(header, message, reason);
    case MESSAGE_ALIVE: return read_alive(header, message, reason);
    case MESSAGE_BYE: return read_bye(header, message, reason);
    case MESSAGE_QUERY: return read_query(header, message, reason);
    }
    return refuse(reason, MUSTER_DROP_KIND);
}

/* ---- lines ---- */

static enum muster_drop drop_of_scan(enum scan_result result) {
    switch (result) {
    case SCAN_UTF8:
    case SCAN_TEXT: return MUSTER_DROP_UTF8;
    case SCAN_DEPTH: return MUSTER_DROP_DEPTH;
    case SCAN_NODES: return MUSTER_DROP_NODES;
    case SCAN_DUPLICATE: return MUSTER_DROP_DUPLICATE;
    case SCAN_NUMBER: return MUSTER_DROP_RANGE;
    case SCAN_MEMORY: return MUSTER_DROP_MEMORY;
    case SCAN_OK:
    case SCAN_SYNTAX:
    case SCAN_TRUNCATED: break;
    }
    return MUSTER_DROP_SYNTAX; /* a line that ends early is wrong, not cut: its LF is there */
}

static document_node_t *parse_line(const char *line, size_t length, enum muster_drop *reason) {
    enum scan_result result = scan_value(line, length, NULL);
    if (result != SCAN_OK) {
        *reason = drop_of_scan(result);
        return NULL;
    }
    document_node_t *tree = document_parse(line, length);
    if (tree == NULL) {
        *reason = MUSTER_DROP_MEMORY;
    }
    return tree;
}

static bool read_signature_line(const char *line, size_t length, struct message *message,
                                enum muster_drop *reason) {
    document_node_t *tree = parse_line(line, length, reason);
    if (tree == NULL) {
        return false;
    }
    message->is_signed = true;
    bool is_valid =
        read_base64(document_member(tree, "sig"), message->signature, sizeof message->signature, reason);
    if (!is_valid) {
        *reason = MUSTER_DROP_SYNTAX; /* whatever is wrong with it, it is no signature line */
    }
    document_free(tree);
    return is_valid;
}

static bool decode_lines(const char *text, size_t length, struct message *message, enum muster_drop *reason) {
    if (length == 0 || text[length - 1] != '\n') {
        return refuse(reason, MUSTER_DROP_TRUNCATED);
    }
    const char *line_end = memchr(text, '\n', length);
    size_t header_length = (size_t)(line_end - text);
    message->signed_length = header_length + 1;
    size_t rest = length - message->signed_length;
    if (rest > 0 && memchr(line_end + 1, '\n', rest) != text + length - 1) {
        return refuse(reason, MUSTER_DROP_SYNTAX);
    }
    message->tree = parse_line(text, header_length, reason);
    if (message->tree == NULL || !read_header(message->tree, message, reason)) {
        return false;
    }
    if (rest > 0 && !read_signature_line(line_end + 1, rest - 1, message, reason)) {
        return false;
    }
    if (message->kind == MESSAGE_ANNOUNCE) {
        if (length > MUSTER_ANNOUNCE_BYTES_MAX) {
            return refuse(reason, MUSTER_DROP_TOO_LONG);
        }
        if (message->has_key != message->is_signed) {
            return refuse(reason, MUSTER_DROP_SIGNATURE);
        }
    }
    return true;
}

bool message_decode(const uint8_t *bytes, size_t length, struct message *message, enum muster_drop *reason) {
    memset(message, 0, sizeof *message);
    if (length > MUSTER_DATAGRAM_BYTES_MAX) {
        return refuse(reason, MUSTER_DROP_TOO_LONG);
    }
    if (!decode_lines((const char *)bytes, length, message, reason)) {
        message_deinit(message);
        return false;
    }
    return true;
}

void message_deinit(struct message *message) {
    document_free(message->tree);
    document_free(message->body);
    free(message->arrays);
    message->tree = NULL;
    message->body = NULL;
    message->arrays = NULL;
}

/* ---- bodies ---- */

static document_node_t *parse_body(const char *text, size_t length, enum muster_drop *reason) {
    if (length == 0 || text[length - 1] != '\n' || memchr(text, '\n', length - 1) != NULL) {
        *reason = MUSTER_DROP_SYNTAX;
        return NULL;
    }
    enum scan_result result = scan_large(text, length - 1, MUSTER_DOCUMENT_NODES_MAX, NULL);
    if (result != SCAN_OK) {
        *reason = drop_of_scan(result);
        return NULL;
    }
    document_node_t *tree = document_parse(text, length - 1);
    if (tree == NULL) {
        *reason = MUSTER_DROP_MEMORY;
    }
    return tree;
}

bool message_take_body(struct message *announce, const uint8_t *bytes, size_t length,
                       enum muster_drop *reason) {
    struct message lists = {.kind = MESSAGE_ANNOUNCE};
    lists.body = parse_body((const char *)bytes, length, reason);
    if (lists.body == NULL) {
        return false;
    }
    if (document_type(lists.body) != DOCUMENT_OBJECT) {
        message_deinit(&lists);
        return refuse(reason, MUSTER_DROP_TYPE);
    }
    if (!read_lists(lists.body, &lists, reason)) {
        message_deinit(&lists);
        return false;
    }
    document_free(announce->body);
    free(announce->arrays);
    announce->body = lists.body;
    announce->arrays = lists.arrays;
    lists.document.name = announce->document.name;
    announce->document = lists.document;
    return true;
}

bool message_lists(const uint8_t (*ids)[MUSTER_ID_BYTES], size_t count, const uint8_t id[MUSTER_ID_BYTES]) {
    for (size_t i = 0; i < count; i++) {
        if (memcmp(ids[i], id, MUSTER_ID_BYTES) == 0) {
            return true;
        }
    }
    return false;
}
