/* SPDX-License-Identifier: MIT */
#include "links.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "endpoint.h"

int links_init(struct links *links, const char *const *names, size_t name_count, unsigned kinds,
               uint16_t port, bool without_gso) {
    *links = (struct links){.kinds = kinds, .port = port, .without_gso = without_gso};
    links->names = calloc(name_count + 1, sizeof *links->names);
    if (links->names == NULL) {
        return MUSTER_ENOMEM;
    }
    for (; links->name_count < name_count; links->name_count++) {
        char *name = strdup(names[links->name_count]);
        if (name == NULL) {
            return MUSTER_ENOMEM;
        }
        links->names[links->name_count] = name;
    }
    return 0;
}

void links_close(struct links *links) {
    for (size_t i = 0; i < links->count; i++) {
        link_close(links->items[i]);
    }
    for (size_t i = 0; i < links->name_count; i++) {
        free(links->names[i]);
    }
    free(links->names);
    free(links->past);
    interface_list_deinit(&links->interfaces);
    *links = (struct links){.count = 0};
}

int links_read(const struct links *links, struct interface_list *interfaces, const struct log *log) {
    return interface_list_read(interfaces, (const char *const *)links->names, links->name_count, links->kinds,
                               log);
}

/* ---- looking ---- */

struct link *links_find(const struct links *links, uint32_t interface) {
    for (size_t i = 0; i < links->count; i++) {
        if (links->items[i]->interface.index == interface) {
            return links->items[i];
        }
    }
    return NULL;
}

struct link *links_find_address(const struct links *links, const struct muster_endpoint *address) {
    for (size_t i = 0; i < links->count; i++) {
        const struct interface *interface = &links->items[i]->interface;
        if (endpoint_is_same_host(&interface->address, address) ||
            endpoint_is_same_host(&interface->address6, address)) {
            return links->items[i];
        }
    }
    return NULL;
}

/* ---- what was counted ---- */

static void past_remove(struct links *links, size_t i) {
    links->past_count--;
    memmove(links->past + i, links->past + i + 1, (links->past_count - i) * sizeof links->past[0]);
}

/* Without memory the oldest counts make room, if there are any. */
static void past_keep(struct links *links, struct link_counts counts) {
    size_t room = links->past_count;
    if (room < MUSTER_PATHS_MAX) {
        struct link_counts *past = realloc(links->past, (room + 1) * sizeof *past);
        links->past = past != NULL ? past : links->past;
        room += past != NULL ? 1 : 0;
    }
    if (room == links->past_count && room > 0) {
        past_remove(links, 0);
    }
    if (room > 0) {
        links->past[links->past_count++] = counts;
    }
}

/* An interface of this name goes on counting. */
static void past_take(struct links *links, struct link *link) {
    for (size_t i = 0; i < links->past_count; i++) {
        if (strcmp(links->past[i].name, link->interface.name) == 0) {
            link->counts = links->past[i];
            past_remove(links, i);
            return;
        }
    }
}

/* ---- coming and going ---- */

bool links_drop(struct links *links, const struct interface_list *interfaces, const struct doorbell *doorbell,
                const struct log *log) {
    bool is_one_reborn = false;
    size_t kept = 0;
    for (size_t i = 0; i < links->count; i++) {
        struct link *link = links->items[i];
        bool is_wanted = interface_list_find(interfaces, link->interface.index) != NULL;
        bool has_died = doorbell_has_died(doorbell, link->interface.index);
        if (is_wanted && !has_died) {
            links->items[kept++] = link;
            continue;
        }
        log_line(log, MUSTER_LOG_INFO, "listening on %s ends", link->interface.name);
        is_one_reborn = is_one_reborn || is_wanted;
        past_keep(links, link_close(link));
    }
    links->count = kept;
    return is_one_reborn;
}

/* 0, or -errno of the last path that could not be opened; NULL in *link when none was. */
static int open_one(struct links *links, const struct interface *interface, struct link **link,
                    const struct log *log) {
    static const struct log silence; /* the first ones are described together */
    *link = link_new(interface);
    if (*link == NULL) {
        return -ENOMEM;
    }
    (*link)->without_gso = links->without_gso;
    (*link)->scope = links->scope;
    (*link)->may_be_deaf = links->may_be_deaf;
    int number = link_update(*link, interface, links->port, log);
    if (link_is_open(*link) && links->loop != NULL &&
        link_start(*link, links->loop, links->on_ready, links->owner) != 0) {
        number = -ENOMEM;
        link_close(*link);
        *link = NULL;
    } else if (!link_is_open(*link)) {
        link_close(*link);
        *link = NULL;
    } else {
        past_take(links, *link);
        link_describe(*link, links->loop != NULL ? log : &silence);
    }
    return number;
}

/* What could not be opened before is tried again without a word. */
static int take_one(struct links *links, const struct interface *interface, struct link **link,
                    const struct log *log) {
    static const struct log silence;
    *link = links_find(links, interface->index);
    if (*link != NULL) {
        return link_update(*link, interface, links->port, log);
    }
    bool is_known = interface_list_find(&links->interfaces, interface->index) != NULL;
    return open_one(links, interface, link, is_known && links->has_failed ? &silence : log);
}

int links_take(struct links *links, struct interface_list *interfaces, const struct log *log) {
    struct link *items[MUSTER_PATHS_MAX];
    size_t count = 0;
    int result = 0;
    for (size_t i = 0; i < interfaces->count; i++) {
        int number = take_one(links, &interfaces->items[i], &items[count], log);
        count += items[count] != NULL ? 1 : 0;
        result = number != 0 ? number : result;
    }
    memcpy(links->items, items, count * sizeof items[0]);
    links->count = count;
    links->has_failed = result != 0;
    interface_list_deinit(&links->interfaces);
    links->interfaces = *interfaces;
    *interfaces = (struct interface_list){.items = NULL};
    return result;
}

int links_start(struct links *links, uv_loop_t *loop, uv_poll_cb on_ready, void *owner) {
    int error = 0;
    links->loop = loop;
    links->on_ready = on_ready;
    links->owner = owner;
    for (size_t i = 0; i < links->count && error == 0; i++) {
        error = link_start(links->items[i], loop, on_ready, owner);
    }
    return error;
}
