/* SPDX-License-Identifier: MIT */
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

struct muster_document draft_document(const struct draft *draft) {
    return (struct muster_document){.name = draft->name,
                                    .services = draft->services,
                                    .service_count = draft->service_count,
                                    .attrs = draft->attrs,
                                    .attr_count = draft->attr_count};
}

/* ---- the name ---- */

int draft_parse_name(const char *name, void *place_draft, struct reason *reason) {
    struct draft *draft = place_draft;
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

int draft_take_host_name(struct draft *draft, struct reason *reason) {
    char host[256] = "";
    gethostname(host, sizeof(host) - 1);
    host[strcspn(host, ".")] = '\0';
    if (draft_parse_name(host, draft, reason) == 0) {
        return 0;
    }
    return reason_set(reason, "expected, as the host's name '%s' will not do", host);
}

/* ---- services ---- */

size_t draft_find_service(const struct draft *draft, const struct muster_service *service) {
    size_t i = 0;
    while (i < draft->service_count && !muster_service_is_same(&draft->services[i], service)) {
        i++;
    }
    return i;
}

int draft_add_service(struct draft *draft, const struct muster_service *service, struct reason *reason) {
    struct muster_service *grown = realloc(draft->services, (draft->service_count + 1) * sizeof(*grown));
    if (grown == NULL) {
        return reason_set_memory(reason);
    }
    draft->services = grown;
    grown[draft->service_count++] = *service;
    return 0;
}

int draft_parse_service(const char *spec, void *place_draft, struct reason *reason) {
    struct draft *draft = place_draft;
    struct muster_service service;
    if (spec_parse(spec, &service, reason) != 0) {
        return -1;
    }
    int error;
    if (draft_find_service(draft, &service) < draft->service_count) {
        error = reason_set(reason, "expected each type, port and protocol only once, got another %s:%u/%s",
                           service.type, service.port, service.proto);
    } else {
        error = draft_add_service(draft, &service, reason);
    }
    if (error != 0) {
        spec_free(&service);
    }
    return error;
}

/* ---- attributes ---- */

size_t draft_find_attr(const struct draft *draft, const char *key) {
    size_t i = 0;
    while (i < draft->attr_count && strcmp(draft->attrs[i].name, key) != 0) {
        i++;
    }
    return i;
}

int draft_add_attr(struct draft *draft, const char *key, const char *value, struct reason *reason) {
    if (spec_check_text("an attribute's key", key, false, MUSTER_NAME_BYTES_MAX, reason) != 0 ||
        spec_check_text("an attribute's value", value, true, MUSTER_VALUE_BYTES_MAX, reason) != 0) {
        return -1;
    }
    return spec_add_text(&draft->attrs, &draft->attr_count, key, value) == 0 ? 0 : reason_set_memory(reason);
}

int draft_parse_attr(const char *item, void *place_draft, struct reason *reason) {
    struct draft *draft = place_draft;
    const char *value = strchr(item, '=');
    if (value == NULL) {
        return reason_set(reason, "expected KEY=VALUE, got '%.64s'", item);
    }
    char *key = strndup(item, (size_t)(value - item));
    int error;
    if (key == NULL) {
        error = reason_set_memory(reason);
    } else if (draft_find_attr(draft, key) < draft->attr_count) {
        error = reason_set(reason, "expected each attribute only once, got another '%.64s'", key);
    } else {
        error = draft_add_attr(draft, key, value + 1, reason);
    }
    free(key);
    return error;
}
