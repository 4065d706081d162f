/* SPDX-License-Identifier: MIT */
#include "spec.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "utf8.h"
#include "value.h"

#define EXPECTED_PART "expected name=, txt.KEY=, origin=, host= or at=, got '%.64s"
#define EXPECTED_SPEC "expected TYPE:PORT[/PROTO][,name=TEXT][,txt.KEY=TEXT][,origin=TEXT]…, got '%.64s'"

/* ---- what the wire takes ---- */

static bool is_letter(char byte) {
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
}

bool spec_is_type(const char *text) {
    size_t length = strlen(text);
    bool letter = false;
    if (length == 0 || length > MUSTER_TYPE_BYTES_MAX) {
        return false;
    }
    for (size_t i = 0; i < length; i++) {
        if (is_letter(text[i])) {
            letter = true;
        } else if (text[i] == '-') {
            if (i == 0 || i + 1 == length || text[i + 1] == '-') {
                return false;
            }
        } else if (text[i] < '0' || text[i] > '9') {
            return false;
        }
    }
    return letter;
}

void spec_lower(const char *text, char *lower) {
    do {
        *lower++ = (char)(*text >= 'A' && *text <= 'Z' ? *text - 'A' + 'a' : *text);
    } while (*text++ != '\0');
}

int spec_check_text(const char *what, const char *text, bool may_be_empty, size_t bytes_max,
                    struct reason *reason) {
    size_t length = strlen(text);
    if (length == 0 && !may_be_empty) {
        return reason_set(reason, "expected %s that is not empty", what);
    }
    if (length > bytes_max) {
        return reason_set(reason, "expected %s of at most %zu bytes, got %zu", what, bytes_max, length);
    }
    if (!utf8_is_valid(text)) {
        return reason_set(reason, "expected %s in UTF-8, got '%.64s'", what, text);
    }
    return 0;
}

/* ---- owned texts and services ---- */

int spec_add_text(struct muster_text **items, size_t *count, const char *name, const char *value) {
    char *name_copy = strdup(name);
    char *value_copy = strdup(value);
    struct muster_text *grown = realloc(*items, (*count + 1) * sizeof(**items));
    if (grown != NULL) {
        *items = grown;
    }
    if (name_copy == NULL || value_copy == NULL || grown == NULL) {
        free(name_copy);
        free(value_copy);
        return -1;
    }
    grown[(*count)++] = (struct muster_text){.name = name_copy, .value = value_copy};
    return 0;
}

void spec_free_texts(struct muster_text *items, size_t count) {
    for (size_t i = 0; i < count; i++) {
        free((char *)items[i].name);
        free((char *)items[i].value);
    }
    free(items);
}

void spec_free(struct muster_service *service) {
    free((char *)service->name);
    free((char *)service->type);
    spec_free_texts((struct muster_text *)service->txt, service->txt_count);
    free((char *)service->origin);
    free((char *)service->host);
    free((struct muster_endpoint *)service->addresses);
    *service = (struct muster_service){0};
}

/* Adds an item to a service that owns its items. */
static int add_txt(struct muster_service *service, const char *name, const char *value) {
    struct muster_text *items = (struct muster_text *)service->txt;
    int error = spec_add_text(&items, &service->txt_count, name, value);
    service->txt = items;
    return error;
}

/* Adds an address to a service that owns its addresses. */
static int add_address(struct muster_service *service, const struct muster_endpoint *address) {
    struct muster_endpoint *grown =
        realloc((struct muster_endpoint *)service->addresses, (service->address_count + 1) * sizeof(*grown));
    if (grown == NULL) {
        return -1;
    }
    grown[service->address_count++] = *address;
    service->addresses = grown;
    return 0;
}

/* A copy of a text that may be NULL. -1 when memory is out. */
static int copy_optional(const char **copy, const char *text) {
    *copy = text == NULL ? NULL : strdup(text);
    return text != NULL && *copy == NULL ? -1 : 0;
}

int spec_copy(struct muster_service *copy, const struct muster_service *service) {
    *copy = (struct muster_service){.name = strdup(service->name),
                                    .type = strdup(service->type),
                                    .proto = service->proto,
                                    .port = service->port};
    int error = copy->name == NULL || copy->type == NULL ? -1 : 0;
    for (size_t i = 0; i < service->txt_count && error == 0; i++) {
        error = add_txt(copy, service->txt[i].name, service->txt[i].value);
    }
    error = error == 0 ? copy_optional(&copy->origin, service->origin) : error;
    error = error == 0 ? copy_optional(&copy->host, service->host) : error;
    for (size_t i = 0; i < service->address_count && error == 0; i++) {
        error = add_address(copy, &service->addresses[i]);
    }
    if (error != 0) {
        spec_free(copy);
    }
    return error;
}

/* ---- the members of a service ---- */

int spec_parse_type(const char *type, void *place_service, struct reason *reason) {
    struct muster_service *service = place_service;
    char lower[MUSTER_TYPE_BYTES_MAX + 1];
    if (!spec_is_type(type)) {
        return reason_set(reason, "expected a service type such as http, got '%.64s'", type);
    }
    spec_lower(type, lower);
    service->type = strdup(lower);
    return service->type != NULL ? 0 : reason_set_memory(reason);
}

int spec_parse_proto(const char *proto, void *place_service, struct reason *reason) {
    struct muster_service *service = place_service;
    if (strcmp(proto, "tcp") == 0) {
        service->proto = "tcp";
    } else if (strcmp(proto, "udp") == 0) {
        service->proto = "udp";
    } else {
        return reason_set(reason, "expected tcp or udp, got '%.64s'", proto);
    }
    return 0;
}

int spec_parse_name(const char *name, void *place_service, struct reason *reason) {
    struct muster_service *service = place_service;
    if (spec_check_text("a service name", name, true, MUSTER_NAME_BYTES_MAX, reason) != 0) {
        return -1;
    }
    service->name = strdup(name);
    return service->name != NULL ? 0 : reason_set_memory(reason);
}

int spec_add_txt(struct muster_service *service, const char *key, const char *value, struct reason *reason) {
    for (size_t i = 0; i < service->txt_count; i++) {
        if (strcmp(service->txt[i].name, key) == 0) {
            return reason_set(reason, "expected each txt key only once, got another '%.64s'", key);
        }
    }
    if (spec_check_text("a txt key", key, false, MUSTER_NAME_BYTES_MAX, reason) != 0 ||
        spec_check_text("a txt value", value, true, MUSTER_VALUE_BYTES_MAX, reason) != 0) {
        return -1;
    }
    return add_txt(service, key, value) == 0 ? 0 : reason_set_memory(reason);
}

/* ---- of what was brought from elsewhere ---- */

static int parse_optional(const char *what, const char *value, size_t bytes_max, const char **place,
                          struct reason *reason) {
    if (*place != NULL) {
        return reason_set(reason, "expected %s only once", what);
    }
    if (spec_check_text(what, value, false, bytes_max, reason) != 0) {
        return -1;
    }
    *place = strdup(value);
    return *place != NULL ? 0 : reason_set_memory(reason);
}

/* Whether the wire takes a service with this origin, and with these addresses of it. */
static bool is_taken(const char *origin, struct muster_endpoint *address) {
    const struct muster_service service = {.name = "",
                                           .type = "x",
                                           .proto = "tcp",
                                           .port = 1,
                                           .origin = origin,
                                           .addresses = address,
                                           .address_count = address != NULL ? 1 : 0};
    const struct muster_document document = {.name = "x", .services = &service, .service_count = 1};
    return muster_document_check(&document, false, false, NULL) != MUSTER_EINVAL;
}

static int parse_origin(const char *text, struct muster_service *service, struct reason *reason) {
    if (parse_optional("an origin", text, MUSTER_ORIGIN_BYTES_MAX, &service->origin, reason) != 0) {
        return -1;
    }
    return is_taken(text, NULL)
               ? 0
               : reason_set(reason, "expected an origin without control characters, got " VALUE_QUOTE, text);
}

static int parse_address(const char *text, struct muster_service *service, struct reason *reason) {
    struct muster_endpoint address = {.family = 4};
    if (inet_pton(AF_INET, text, address.ip) != 1) {
        address.family = inet_pton(AF_INET6, text, address.ip) == 1 ? 6 : 0;
    }
    if (address.family == 0) {
        return reason_set(reason, "expected an address in at=, got '%.64s'", text);
    }
    if (!is_taken("x", &address)) {
        return reason_set(
            reason, "expected an address in at= that other hosts reach by any interface, got '%.64s'", text);
    }
    if (service->address_count == MUSTER_SERVICE_ADDRESSES_MAX) {
        return reason_set(reason, "expected at= at most %d times", MUSTER_SERVICE_ADDRESSES_MAX);
    }
    return add_address(service, &address) == 0 ? 0 : reason_set_memory(reason);
}

/* ---- the grammar ---- */

/* Ends the text at *rest at its first comma without a backslash, takes the backslashes away, and moves
 * *rest behind the comma, or to NULL at the end. Returns where the text began. */
static char *next_part(char **rest) {
    char *part = *rest;
    char *into = part;
    const char *from = part;
    for (; *from != '\0' && *from != ','; from++) {
        if (from[0] == '\\' && (from[1] == ',' || from[1] == '\\')) {
            from++;
        }
        *into++ = *from;
    }
    *rest = *from == ',' ? part + (from - part) + 1 : NULL;
    *into = '\0';
    return part;
}

/* Parses "TYPE:PORT[/PROTO]", cutting it up. */
static int parse_head(char *head, struct muster_service *service, struct reason *reason) {
    uint64_t port;
    char *port_text = strchr(head, ':');
    if (port_text == NULL) {
        return reason_set(reason, EXPECTED_SPEC, head);
    }
    *port_text++ = '\0';
    if (spec_parse_type(head, service, reason) != 0) {
        return -1;
    }
    char *proto = strchr(port_text, '/');
    if (proto != NULL) {
        *proto++ = '\0';
    }
    if (spec_parse_proto(proto != NULL ? proto : "tcp", service, reason) != 0) {
        return -1;
    }
    if (value_range("a port", port_text, 1, UINT16_MAX, &port, reason) != 0) {
        return -1;
    }
    service->port = (uint16_t)port;
    return 0;
}

static int parse_part(char *part, struct muster_service *service, struct reason *reason) {
    char *value = strchr(part, '=');
    if (value == NULL) {
        return reason_set(reason, EXPECTED_PART "'", part);
    }
    *value++ = '\0';
    if (strcmp(part, "name") == 0) {
        return service->name == NULL ? spec_parse_name(value, service, reason)
                                     : reason_set(reason, "expected name= only once");
    }
    if (strncmp(part, "txt.", 4) == 0) {
        return spec_add_txt(service, part + 4, value, reason);
    }
    if (strcmp(part, "origin") == 0) {
        return parse_origin(value, service, reason);
    }
    if (strcmp(part, "host") == 0) {
        return parse_optional("a host", value, MUSTER_NAME_BYTES_MAX, &service->host, reason);
    }
    if (strcmp(part, "at") == 0) {
        return parse_address(value, service, reason);
    }
    return reason_set(reason, EXPECTED_PART "='", part);
}

int spec_parse(const char *spec, struct muster_service *service, struct reason *reason) {
    *service = (struct muster_service){0};
    char *copy = strdup(spec);
    if (copy == NULL) {
        return reason_set_memory(reason);
    }
    char *rest = copy;
    int error = parse_head(next_part(&rest), service, reason);
    while (error == 0 && rest != NULL) {
        error = parse_part(next_part(&rest), service, reason);
    }
    if (error == 0 && service->name == NULL) {
        error = spec_parse_name("", service, reason);
    }
    if (error == 0 && service->origin == NULL && (service->host != NULL || service->address_count > 0)) {
        error = reason_set(reason, "expected origin= beside host= and at=");
    }
    if (error != 0) {
        spec_free(service);
    }
    free(copy);
    return error;
}
