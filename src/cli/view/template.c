/* SPDX-License-Identifier: MIT */
#include "template.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "document.h"
#include "number.h"
#include "text.h"
#include "value.h"

/* In the order in which print_value() has their values. */
static const struct {
    const char *name;
    const char *help;
} placeholders[] = {
    {"name", "name of the peer, or host~origin of what was brought from elsewhere"},
    {"type", "type of the service, \"http\""},
    {"proto", "tcp or udp"},
    {"address", "where the peer's datagrams come from, or the service's own first address"},
    {"host", "the same for a URL: IPv6 in brackets, with %interface where it is of the link"},
    {"port", "port of the service"},
    {"service", "the service's own name, or the peer's"},
    {"interface", "interface that the peer was heard on"},
    {"id", "id of the peer"},
};

#define PLACEHOLDER_COUNT (sizeof(placeholders) / sizeof(placeholders[0]))

#define TXT_PREFIX "txt."

/* The index of a name of `length` bytes; PLACEHOLDER_COUNT when there is no such placeholder. */
static size_t find_placeholder(const char *name, size_t length) {
    size_t i = 0;
    while (i < PLACEHOLDER_COUNT &&
           (strlen(placeholders[i].name) != length || memcmp(placeholders[i].name, name, length) != 0)) {
        i++;
    }
    return i;
}

static bool is_txt(const char *name, size_t length) {
    return length > strlen(TXT_PREFIX) && strncmp(name, TXT_PREFIX, strlen(TXT_PREFIX)) == 0;
}

/* True at "{{" and "}}", which stand for one brace. */
static bool is_doubled_brace(const char *at) {
    return (at[0] == '{' || at[0] == '}') && at[1] == at[0];
}

/* Names of placeholders, and whether a text is one of them. */
struct placeholder_set {
    bool (*has)(const char *name, size_t length, const void *context);
    const void *context;
    const char *all; /* for people */
};

/* Checks what stands between { and }. */
static int check_placeholder(const char *name, size_t length, const struct placeholder_set *set,
                             struct reason *reason) {
    if (name[length] != '}') {
        return reason_set(reason, "expected } after '%.64s'", name - 1);
    }
    if (set->has(name, length, set->context)) {
        return 0;
    }
    return reason_set(reason, "no such placeholder '{%.*s}', expected %s", length > 64 ? 64 : (int)length,
                      name, set->all);
}

static int check(const char *text, const struct placeholder_set *set, struct reason *reason) {
    if (text[0] == '\0') {
        return reason_set(reason, "expected a text such as '{name}'");
    }
    for (const char *at = text; *at != '\0'; at++) {
        const size_t length = strcspn(at + 1, "{}");
        if (is_doubled_brace(at)) {
            at++;
        } else if (*at == '}') {
            return reason_set(reason, "expected } only after {, or twice");
        } else if (*at == '{') {
            if (check_placeholder(at + 1, length, set, reason) != 0) {
                return -1;
            }
            at += 1 + length;
        }
    }
    return 0;
}

/* Prints a template that was checked, and a LF. put() prints the value of a placeholder. */
static void print(const char *template, void (*put)(const char *name, size_t length, const void *context),
                  const void *context) {
    for (const char *at = template; *at != '\0'; at++) {
        if (*at != '{' || is_doubled_brace(at)) {
            at += is_doubled_brace(at) ? 1 : 0;
            putchar(*at);
            continue;
        }
        const size_t length = strcspn(at + 1, "}");
        put(at + 1, length, context);
        at += 1 + length;
    }
    putchar('\n');
}

/* ---- of services ---- */

static bool is_of_offer(const char *name, size_t length, const void *context) {
    (void)context;
    return find_placeholder(name, length) != PLACEHOLDER_COUNT || is_txt(name, length);
}

int template_parse(const char *text, void *place_const_char_pointer, struct reason *reason) {
    static const struct placeholder_set set = {
        .has = is_of_offer,
        .all =
            "{name}, {type}, {proto}, {address}, {host}, {port}, {service}, {interface}, {id} or {txt.KEY}"};
    if (check(text, &set, reason) != 0) {
        return -1;
    }
    *(const char **)place_const_char_pointer = text;
    return 0;
}

/* Prints the value of a txt key; nothing when the service has no such key. */
static void print_txt(const struct muster_service *service, const char *key, size_t length) {
    for (size_t i = 0; i < service->txt_count; i++) {
        if (strlen(service->txt[i].name) == length && memcmp(service->txt[i].name, key, length) == 0) {
            text_print(stdout, service->txt[i].value);
        }
    }
}

static void print_value(const struct offer *offer, size_t placeholder) {
    const struct muster_peer *peer = offer->row->peer;
    const struct muster_endpoint endpoint = offer_endpoint(offer);
    const struct text_short address = text_address(&endpoint);
    const struct text_short host = text_host(&endpoint, peer->interface_name);
    char name[MUSTER_OFFERER_BYTES];
    const struct text_short id = text_id(peer->id);
    char port[8];
    snprintf(port, sizeof(port), "%u", offer->service->port);
    const char *const values[PLACEHOLDER_COUNT] = {
        muster_service_offerer(peer, offer->service, name),
        offer->service->type,
        offer->service->proto,
        address.text,
        host.text,
        port,
        offer_name(offer),
        peer->interface_name,
        id.text,
    };
    text_print(stdout, values[placeholder]);
}

static void put_of_offer(const char *name, size_t length, const void *context) {
    const struct offer *offer = context;
    const size_t placeholder = find_placeholder(name, length);
    if (placeholder < PLACEHOLDER_COUNT) {
        print_value(offer, placeholder);
    } else {
        print_txt(offer->service, name + strlen(TXT_PREFIX), length - strlen(TXT_PREFIX));
    }
}

void template_print(const struct offer *offer, const char *template) {
    print(template, put_of_offer, offer);
}

void template_describe(FILE *out) {
    fprintf(out, "Placeholders:\n");
    for (size_t i = 0; i < PLACEHOLDER_COUNT; i++) {
        fprintf(out, "  {%s}%*s%s\n", placeholders[i].name, 12 - (int)strlen(placeholders[i].name), "",
                placeholders[i].help);
    }
    fprintf(out, "  {txt.KEY}     value of that txt key, or nothing\n"
                 "  {{ and }}     a brace\n");
}

/* ---- of members of JSON ---- */

static bool is_member(const char *name, size_t length, const void *context) {
    const char *dot = memchr(name, '.', length);
    const size_t first = dot != NULL ? (size_t)(dot - name) : length;
    for (const char *const *names = context; *names != NULL; names++) {
        if (strlen(*names) == first && memcmp(*names, name, first) == 0) {
            return true;
        }
    }
    return false;
}

int template_parse_members(const char *text, const char *const *names, void *place_const_char_pointer,
                           struct reason *reason) {
    char all[sizeof(reason->text)] = "";
    const struct placeholder_set set = {.has = is_member, .context = names, .all = all};
    for (size_t i = 0; names[i] != NULL; i++) {
        const size_t length = strlen(all);
        snprintf(all + length, sizeof(all) - length, "%s{%s}", i > 0 ? ", " : "", names[i]);
    }
    if (check(text, &set, reason) != 0) {
        return -1;
    }
    *(const char **)place_const_char_pointer = text;
    return 0;
}

/* The member of an object, or the element of an array, of this name of so many bytes. */
static const document_node_t *step_into(const document_node_t *node, const char *name, size_t length) {
    uint64_t index;
    char text[MUSTER_NAME_BYTES_MAX + 1];
    if (length >= sizeof(text)) {
        return NULL;
    }
    memcpy(text, name, length);
    text[length] = '\0';
    if (document_type(node) != DOCUMENT_ARRAY) {
        return document_member(node, text);
    }
    if (!value_number(text, 0, UINT16_MAX, &index)) {
        return NULL;
    }
    for (node = document_first(node); node != NULL && index > 0; index--) {
        node = document_next(node);
    }
    return node;
}

/* "http:8080" of a service; else the name of what an object is. */
static void put_object(const document_node_t *node) {
    uint64_t port;
    const char *type = document_text(document_member(node, "type"));
    const char *proto = document_text(document_member(node, "proto"));
    const char *name = document_text(document_member(node, "name"));
    if (type != NULL && document_integer(document_member(node, "port"), &port)) {
        text_print(stdout, type);
        printf(":%" PRIu64 "%s", port, proto != NULL && strcmp(proto, "udp") == 0 ? "/udp" : "");
    } else if (name != NULL) {
        text_print(stdout, name);
    }
}

static void put_scalar(const document_node_t *node) {
    char text[NUMBER_TEXT_BYTES_MAX + 1];
    double number;
    switch (document_type(node)) {
    case DOCUMENT_TEXT: text_print(stdout, document_text(node)); break;
    case DOCUMENT_BOOL: fputs(document_bool(node) ? "true" : "false", stdout); break;
    case DOCUMENT_NULL: putchar('-'); break;
    case DOCUMENT_OBJECT: put_object(node); break;
    default:
        if (document_number(node, &number)) {
            text[number_write(number, text)] = '\0';
            fputs(text, stdout);
        }
    }
}

/* "a=b c=d". */
static void put_texts(const document_node_t *object) {
    const document_node_t *first = document_first(object);
    for (const document_node_t *node = first; node != NULL; node = document_next(node)) {
        fputs(node != first ? " " : "", stdout);
        text_print(stdout, document_name(node));
        putchar('=');
        put_scalar(node);
    }
}

static void put_member(const char *name, size_t length, const void *context) {
    const document_node_t *node = context;
    for (const char *end = name + length; name < end && node != NULL;) {
        const char *dot = memchr(name, '.', (size_t)(end - name));
        const size_t rest = (size_t)(end - name);
        const bool is_whole = dot == NULL || step_into(node, name, rest) != NULL; /* "a.b" may be a key */
        const size_t bytes = is_whole ? rest : (size_t)(dot - name);
        node = step_into(node, name, bytes);
        name += bytes + 1;
    }
    const bool is_list = document_type(node) == DOCUMENT_OBJECT || document_type(node) == DOCUMENT_ARRAY;
    if (node == NULL || (is_list && document_count(node) == 0)) {
        putchar('-');
    } else if (document_type(node) == DOCUMENT_OBJECT) {
        put_texts(node);
    } else if (document_type(node) != DOCUMENT_ARRAY) {
        put_scalar(node);
    } else {
        const document_node_t *first = document_first(node);
        for (const document_node_t *item = first; item != NULL; item = document_next(item)) {
            fputs(item != first ? "," : "", stdout);
            put_scalar(item);
        }
    }
}

int template_print_line(const char *template, const char *line) {
    document_node_t *root = document_parse(line, strlen(line));
    if (root == NULL) {
        return -1;
    }
    print(template, put_member, root);
    document_free(root);
    return 0;
}

int template_print_rows(const char *template, struct writer_rows rows) {
    int error = 0;
    for (size_t i = 0; i < rows.count && error == 0; i++) {
        struct writer writer;
        char *line = NULL;
        size_t bytes;
        FILE *out = open_memstream(&line, &bytes);
        if (out == NULL) {
            return -1;
        }
        writer_open_row(&writer, out);
        writer.context = rows.context;
        rows.write(&writer, (const char *)rows.rows + i * rows.row_bytes);
        writer_close(&writer);
        error = fclose(out) != 0 ? -1 : template_print_line(template, line);
        free(line);
    }
    return error;
}

void template_describe_members(FILE *out, const char *const *names) {
    fprintf(out, "A TEMPLATE of --format has the members of --json as placeholders:\n");
    for (size_t i = 0; names[i] != NULL; i++) {
        fprintf(out, "%s{%s}", i > 0 ? " " : "  ", names[i]);
    }
    fprintf(
        out,
        "\nWhat is inside of one stands behind a dot, {attrs.room} or {services.0.port}; what is not there\n"
        "or not known is -, and {{ and }} are braces.\n");
}
