/* SPDX-License-Identifier: MIT */
#include "rivals.h"

#include <stdlib.h>
#include <string.h>

static const char *text_of(const struct muster_service *service, const char *name) {
    for (size_t i = 0; i < service->txt_count; i++) {
        if (strcmp(service->txt[i].name, name) == 0) {
            return service->txt[i].value;
        }
    }
    return "";
}

static size_t find(const struct rivals *rivals, const uint8_t id[MUSTER_ID_BYTES]) {
    size_t i = 0;
    while (i < rivals->count && memcmp(rivals->ids[i], id, MUSTER_ID_BYTES) != 0) {
        i++;
    }
    return i;
}

static void add(struct rivals *rivals, const uint8_t id[MUSTER_ID_BYTES]) {
    void *ids = realloc(rivals->ids, (rivals->count + 1) * sizeof(*rivals->ids));
    if (ids != NULL) {
        rivals->ids = ids;
        memcpy(rivals->ids[rivals->count++], id, MUSTER_ID_BYTES);
    }
}

void rivals_take(struct rivals *rivals, enum muster_service_event event, const struct muster_peer *peer,
                 const struct muster_service *service) {
    const size_t at = find(rivals, peer->id);
    const bool is_brought = service->origin != NULL && service->origin[0] != '\0'; /* from another site */
    const bool is_there =
        event != MUSTER_SERVICE_REMOVED && strcmp(text_of(service, "site"), rivals->site) == 0;
    if (is_brought) {
        return; /* it says nothing of the peer that announces it here */
    }
    if (is_there && at == rivals->count) {
        add(rivals, peer->id);
    } else if (!is_there && at < rivals->count) {
        memcpy(rivals->ids[at], rivals->ids[--rivals->count], MUSTER_ID_BYTES);
    }
}

static void on_service(muster_t *node, enum muster_service_event event, const struct muster_peer *peer,
                       const struct muster_service *service, void *context) {
    struct rivals *rivals = context;
    (void)node;
    rivals_take(rivals, event, peer, service);
    rivals->on_change(rivals->context);
}

int rivals_open(struct rivals *rivals, muster_t *node, const char *site, void (*on_change)(void *context),
                void *context) {
    *rivals = (struct rivals){.site = site, .on_change = on_change, .context = context};
    muster_id(node, rivals->own);
    return muster_browse(node, RIVALS_SERVICE_TYPE, NULL, on_service, rivals, &rivals->browse);
}

bool rivals_is_first(const struct rivals *rivals) {
    size_t i = 0;
    while (i < rivals->count && memcmp(rivals->own, rivals->ids[i], MUSTER_ID_BYTES) < 0) {
        i++;
    }
    return i == rivals->count;
}

void rivals_deinit(struct rivals *rivals) {
    free(rivals->ids);
    *rivals = (struct rivals){.count = 0};
}
