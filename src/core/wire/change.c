/* SPDX-License-Identifier: MIT */
#include "change.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "lists.h"

/* ---- what a change names ---- */

static bool lists_attr(const struct muster_text *attrs, size_t count, const char *name) {
    for (size_t i = 0; i < count; i++) {
        if (strcmp(attrs[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

static bool lists_name(const char *const *names, size_t count, const char *name) {
    for (size_t i = 0; i < count; i++) {
        if (strcmp(names[i], name) == 0) {
            return true;
        }
    }
    return false;
}

static bool lists_service(const struct muster_service *services, size_t count,
                          const struct muster_service *service) {
    return lists_find_service(services, count, service) < count;
}

/* Each service is complete and named once: neither again in its own list nor in the other one. */
static bool are_services_valid(const struct muster_service *services, size_t count,
                               const struct muster_service *others, size_t other_count) {
    for (size_t i = 0; i < count; i++) {
        if (services[i].type == NULL || services[i].proto == NULL ||
            lists_service(services, i, &services[i]) || lists_service(others, other_count, &services[i])) {
            return false;
        }
    }
    return true;
}

static bool are_attrs_valid(const struct muster_change *change) {
    for (size_t i = 0; i < change->attr_count; i++) {
        const struct muster_text *attr = &change->attrs[i];
        if (attr->name == NULL || attr->value == NULL || lists_attr(change->attrs, i, attr->name)) {
            return false;
        }
    }
    for (size_t i = 0; i < change->removed_attr_count; i++) {
        const char *name = change->removed_attrs[i];
        if (name == NULL || lists_name(change->removed_attrs, i, name) ||
            lists_attr(change->attrs, change->attr_count, name)) {
            return false;
        }
    }
    return true;
}

bool change_is_valid(const struct muster_change *change) {
    return are_services_valid(change->services, change->service_count, NULL, 0) &&
           are_services_valid(change->removed_services, change->removed_service_count, change->services,
                              change->service_count) &&
           are_attrs_valid(change);
}

/* ---- the next document ---- */

/* The arrays of the document to be, with room for all that is there and all that may come. */
struct change_result {
    struct muster_service *services;
    size_t service_count;
    struct muster_text *attrs;
    size_t attr_count;
};

static int result_init(struct change_result *result, const struct muster_document *before,
                       const struct muster_change *change) {
    *result = (struct change_result){0};
    result->services = calloc(before->service_count + change->service_count + 1, sizeof *result->services);
    result->attrs = calloc(before->attr_count + change->attr_count + 1, sizeof *result->attrs);
    return result->services == NULL || result->attrs == NULL ? MUSTER_ENOMEM : 0;
}

static void result_deinit(struct change_result *result) {
    free(result->services);
    free(result->attrs);
}

static void put_service(struct change_result *result, const struct muster_service *service) {
    size_t i = lists_find_service(result->services, result->service_count, service);
    result->service_count += i == result->service_count ? 1 : 0;
    result->services[i] = *service;
}

static void put_attr(struct change_result *result, const struct muster_text *attr) {
    size_t i = 0;
    while (i < result->attr_count && strcmp(result->attrs[i].name, attr->name) != 0) {
        i++;
    }
    result->attr_count += i == result->attr_count ? 1 : 0;
    result->attrs[i] = *attr;
}

/* Takes over what stays. False when something that is to go was not there: as no name comes twice, neither in
 * the document nor in the change, counting tells. */
static bool keep(struct change_result *result, const struct muster_document *before,
                 const struct muster_change *change) {
    for (size_t i = 0; i < before->service_count; i++) {
        if (!lists_service(change->removed_services, change->removed_service_count, &before->services[i])) {
            put_service(result, &before->services[i]);
        }
    }
    for (size_t i = 0; i < before->attr_count; i++) {
        if (!lists_name(change->removed_attrs, change->removed_attr_count, before->attrs[i].name)) {
            put_attr(result, &before->attrs[i]);
        }
    }
    return result->service_count + change->removed_service_count == before->service_count &&
           result->attr_count + change->removed_attr_count == before->attr_count;
}

static void add(struct change_result *result, const struct muster_change *change) {
    for (size_t i = 0; i < change->service_count; i++) {
        put_service(result, &change->services[i]);
    }
    for (size_t i = 0; i < change->attr_count; i++) {
        put_attr(result, &change->attrs[i]);
    }
}

int change_apply(const struct muster_change *change, const struct muster_document *before,
                 struct muster_document *after) {
    struct change_result result;
    if (!change_is_valid(change)) {
        return MUSTER_EINVAL;
    }
    int error = result_init(&result, before, change);
    if (error == 0 && !keep(&result, before, change)) {
        error = MUSTER_ENOTFOUND;
    }
    if (error != 0) {
        result_deinit(&result);
        return error;
    }
    add(&result, change);
    *after = (struct muster_document){.name = change->name != NULL ? change->name : before->name,
                                      .services = result.services,
                                      .service_count = result.service_count,
                                      .attrs = result.attrs,
                                      .attr_count = result.attr_count};
    return 0;
}

void change_free(struct muster_document *after) {
    free((void *)after->services);
    free((void *)after->attrs);
}
