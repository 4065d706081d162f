#include "change.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "node.h"

/* ---- what a change names ---- */

static bool is_same_service(const struct muster_service *a, const struct muster_service *b) {
    return a->port == b->port && strcmp(a->type, b->type) == 0 && strcmp(a->proto, b->proto) == 0;
}

static bool lists_service(const struct muster_service *services, size_t count,
                          const struct muster_service *service) {
    for (size_t i = 0; i < count; i++) {
        if (is_same_service(&services[i], service)) {
            return true;
        }
    }
    return false;
}

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

/* Arrays of the document that a change makes; their texts are borrowed. */
struct draft {
    struct muster_service *services;
    size_t service_count;
    struct muster_text *attrs;
    size_t attr_count;
};

/* Room for all that is there and all that may come. */
static int draft_init(struct draft *draft, const struct muster_document *own,
                      const struct muster_change *change) {
    *draft = (struct draft){0};
    draft->services = calloc(own->service_count + change->service_count + 1, sizeof *draft->services);
    draft->attrs = calloc(own->attr_count + change->attr_count + 1, sizeof *draft->attrs);
    return draft->services == NULL || draft->attrs == NULL ? MUSTER_ENOMEM : 0;
}

static void draft_deinit(struct draft *draft) {
    free(draft->services);
    free(draft->attrs);
}

static void put_service(struct draft *draft, const struct muster_service *service) {
    for (size_t i = 0; i < draft->service_count; i++) {
        if (is_same_service(&draft->services[i], service)) {
            draft->services[i] = *service;
            return;
        }
    }
    draft->services[draft->service_count++] = *service;
}

static void put_attr(struct draft *draft, const struct muster_text *attr) {
    for (size_t i = 0; i < draft->attr_count; i++) {
        if (strcmp(draft->attrs[i].name, attr->name) == 0) {
            draft->attrs[i] = *attr;
            return;
        }
    }
    draft->attrs[draft->attr_count++] = *attr;
}

/* Takes over what stays. False when something that is to go was not there: as no name comes twice, neither in
 * the document nor in the change, counting tells. */
static bool keep(struct draft *draft, const struct muster_document *own, const struct muster_change *change) {
    for (size_t i = 0; i < own->service_count; i++) {
        if (!lists_service(change->removed_services, change->removed_service_count, &own->services[i])) {
            put_service(draft, &own->services[i]);
        }
    }
    for (size_t i = 0; i < own->attr_count; i++) {
        if (!lists_name(change->removed_attrs, change->removed_attr_count, own->attrs[i].name)) {
            put_attr(draft, &own->attrs[i]);
        }
    }
    return draft->service_count + change->removed_service_count == own->service_count &&
           draft->attr_count + change->removed_attr_count == own->attr_count;
}

static void add(struct draft *draft, const struct muster_change *change) {
    for (size_t i = 0; i < change->service_count; i++) {
        put_service(draft, &change->services[i]);
    }
    for (size_t i = 0; i < change->attr_count; i++) {
        put_attr(draft, &change->attrs[i]);
    }
}

static int set_document(struct muster_core *core, const struct muster_change *change,
                        const struct draft *draft) {
    struct muster_document next = {
        .name = change->name != NULL ? change->name : core->presence.own.document.name,
        .services = draft->services,
        .service_count = draft->service_count,
        .attrs = draft->attrs,
        .attr_count = draft->attr_count,
    };
    return presence_change_document(core, &next);
}

int change_apply(struct muster_core *core, const struct muster_change *change) {
    const struct muster_document *own = &core->presence.own.document;
    struct draft draft;
    if (!change_is_valid(change)) {
        return MUSTER_EINVAL;
    }
    int error = draft_init(&draft, own, change);
    if (error == 0 && !keep(&draft, own, change)) {
        error = MUSTER_ENOTFOUND;
    }
    if (error == 0) {
        add(&draft, change);
        error = set_document(core, change, &draft);
    }
    draft_deinit(&draft);
    return error;
}
