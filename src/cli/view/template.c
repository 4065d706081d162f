/* SPDX-License-Identifier: MIT */
#include "template.h"

#include <stdbool.h>
#include <string.h>

#include "text.h"

/* In the order in which print_value() has their values. */
static const struct {
    const char *name;
    const char *help;
} placeholders[] = {
    {"name", "name of the peer"},
    {"type", "type of the service, \"http\""},
    {"proto", "tcp or udp"},
    {"address", "where the peer's datagrams come from"},
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

/* Checks what stands between { and }. */
static int check_placeholder(const char *name, size_t length, struct reason *reason) {
    if (name[length] != '}') {
        return reason_set(reason, "expected } after '%.64s'", name - 1);
    }
    if (find_placeholder(name, length) != PLACEHOLDER_COUNT || is_txt(name, length)) {
        return 0;
    }
    return reason_set(reason,
                      "no such placeholder '{%.*s}', expected {name}, {type}, {proto}, "
                      "{address}, {host}, {port}, {service}, {interface}, {id} or {txt.KEY}",
                      length > 64 ? 64 : (int)length, name);
}

int template_parse(const char *text, void *place_const_char_pointer, struct reason *reason) {
    if (text[0] == '\0') {
        return reason_set(reason, "expected a text such as '{host}:{port}'");
    }
    for (const char *at = text; *at != '\0'; at++) {
        const size_t length = strcspn(at + 1, "{}");
        if (is_doubled_brace(at)) {
            at++;
        } else if (*at == '}') {
            return reason_set(reason, "expected } only after {, or twice");
        } else if (*at == '{') {
            if (check_placeholder(at + 1, length, reason) != 0) {
                return -1;
            }
            at += 1 + length;
        }
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
    const struct text_short address = text_address(&peer->address);
    const struct text_short host = text_host(&peer->address, peer->interface_name);
    const struct text_short id = text_id(peer->id);
    char port[8];
    snprintf(port, sizeof(port), "%u", offer->service->port);
    const char *const values[PLACEHOLDER_COUNT] = {
        peer->document.name,
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

void template_print(const struct offer *offer, const char *template) {
    for (const char *at = template; *at != '\0'; at++) {
        if (*at != '{' || is_doubled_brace(at)) {
            if (is_doubled_brace(at)) {
                at++;
            }
            putchar(*at);
            continue;
        }
        const char *name = at + 1;
        size_t length = strcspn(name, "}");
        const size_t placeholder = find_placeholder(name, length);
        if (placeholder < PLACEHOLDER_COUNT) {
            print_value(offer, placeholder);
        } else {
            print_txt(offer->service, name + strlen(TXT_PREFIX), length - strlen(TXT_PREFIX));
        }
        at = name + length;
    }
    putchar('\n');
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
