#include "draft.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "spec.h"

void draft_deinit(struct draft *draft) {
    free(draft->name);
    for (size_t i = 0; i < draft->service_count; i++) {
        spec_free(&draft->services[i]);
    }
    free(draft->services);
    spec_free_texts(draft->attrs, draft->attr_count);
    *draft = (struct draft){0};
}

/* Makes room for one more service; -1 when memory is out. */
static int grow_services(struct draft *draft) {
    struct muster_service *grown =
        realloc(draft->services, (draft->service_count + 1) * sizeof(*draft->services));
    if (grown == NULL) {
        return -1;
    }
    draft->services = grown;
    return 0;
}

static bool texts_are_equal(const struct muster_text *a, size_t a_count, const struct muster_text *b,
                            size_t b_count) {
    bool equal = a_count == b_count;
    for (size_t i = 0; i < a_count && equal; i++) {
        equal = strcmp(a[i].name, b[i].name) == 0 && strcmp(a[i].value, b[i].value) == 0;
    }
    return equal;
}

static bool services_are_equal(const struct muster_service *a, const struct muster_service *b) {
    return a->port == b->port && strcmp(a->type, b->type) == 0 && strcmp(a->proto, b->proto) == 0 &&
           strcmp(a->name, b->name) == 0 && texts_are_equal(a->txt, a->txt_count, b->txt, b->txt_count);
}

bool draft_is_equal(const struct draft *a, const struct draft *b) {
    bool equal = strcmp(a->name, b->name) == 0 && a->service_count == b->service_count &&
                 texts_are_equal(a->attrs, a->attr_count, b->attrs, b->attr_count);
    for (size_t i = 0; i < a->service_count && equal; i++) {
        equal = services_are_equal(&a->services[i], &b->services[i]);
    }
    return equal;
}

struct muster_document draft_document(const struct draft *draft) {
    return (struct muster_document){.name = draft->name,
                                    .services = draft->services,
                                    .service_count = draft->service_count,
                                    .attrs = draft->attrs,
                                    .attr_count = draft->attr_count};
}

int draft_set_name(struct draft *draft, const char *name, struct reason *reason) {
    if (spec_check_text("a name", name, false, MUSTER_NAME_BYTES_MAX, reason) != 0) {
        return -1;
    }
    char *copy = strdup(name);
    if (copy == NULL) {
        return reason_set_memory(reason);
    }
    free(draft->name);
    draft->name = copy;
    return 0;
}

int draft_set_host_name(struct draft *draft, struct reason *reason) {
    char host[256] = "";
    gethostname(host, sizeof(host) - 1);
    host[strcspn(host, ".")] = '\0';
    if (draft_set_name(draft, host, reason) == 0) {
        return 0;
    }
    return reason_set(reason, "expected, as the host's name '%s' will not do", host);
}

size_t draft_find_service(const struct draft *draft, const struct muster_service *service) {
    size_t i = 0;
    for (; i < draft->service_count; i++) {
        const struct muster_service *own = &draft->services[i];
        if (own->port == service->port && strcmp(own->type, service->type) == 0 &&
            strcmp(own->proto, service->proto) == 0) {
            break;
        }
    }
    return i;
}

int draft_add_service(struct draft *draft, const struct muster_service *service, struct reason *reason) {
    if (grow_services(draft) != 0) {
        return reason_set_memory(reason);
    }
    draft->services[draft->service_count++] = *service;
    return 0;
}

int draft_put_service(struct draft *draft, const char *spec, struct reason *reason) {
    struct muster_service service;
    if (spec_parse(spec, &service, reason) != 0) {
        return -1;
    }
    size_t i = draft_find_service(draft, &service);
    if (i < draft->service_count) {
        reason_set(reason,
                   "expected each type, port and protocol only once, got "
                   "another %s:%u/%s",
                   service.type, service.port, service.proto);
        spec_free(&service);
        return -1;
    }
    if (draft_add_service(draft, &service, reason) != 0) {
        spec_free(&service);
        return -1;
    }
    return 0;
}

size_t draft_find_attr(const struct draft *draft, const char *key) {
    size_t i = 0;
    while (i < draft->attr_count && strcmp(draft->attrs[i].name, key) != 0) {
        i++;
    }
    return i;
}

int draft_set_attr(struct draft *draft, const char *key, const char *value, struct reason *reason) {
    if (spec_check_text("an attribute's key", key, false, MUSTER_NAME_BYTES_MAX, reason) != 0 ||
        spec_check_text("an attribute's value", value, true, MUSTER_VALUE_BYTES_MAX, reason) != 0) {
        return -1;
    }
    size_t i = draft_find_attr(draft, key);
    if (i == draft->attr_count) {
        if (spec_add_text(&draft->attrs, &draft->attr_count, key, value) == 0) {
            return 0;
        }
        return reason_set_memory(reason);
    }
    char *copy = strdup(value);
    if (copy == NULL) {
        return reason_set_memory(reason);
    }
    free((char *)draft->attrs[i].value);
    draft->attrs[i].value = copy;
    return 0;
}

/* draft_put_attr() with key and value apart. */
static int put_attr(struct draft *draft, const char *key, const char *value, struct reason *reason) {
    if (draft_find_attr(draft, key) < draft->attr_count) {
        return reason_set(reason, "expected each attribute only once, got another '%.64s'", key);
    }
    return draft_set_attr(draft, key, value, reason);
}

int draft_put_attr(struct draft *draft, const char *item, struct reason *reason) {
    const char *value = strchr(item, '=');
    if (value == NULL) {
        return reason_set(reason, "expected KEY=VALUE, got '%.64s'", item);
    }
    char *key = strndup(item, (size_t)(value - item));
    if (key == NULL) {
        return reason_set_memory(reason);
    }
    int error = put_attr(draft, key, value + 1, reason);
    free(key);
    return error;
}

int draft_parse_name(const char *value, void *place, struct reason *reason) {
    return draft_set_name(place, value, reason);
}

int draft_parse_service(const char *value, void *place, struct reason *reason) {
    return draft_put_service(place, value, reason);
}

int draft_parse_attr(const char *value, void *place, struct reason *reason) {
    return draft_put_attr(place, value, reason);
}
