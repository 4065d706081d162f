/* SPDX-License-Identifier: MIT */
/* Other bridges of this site, by the service that each announces. Of all of them the one with the lowest id
 * carries, and the others stand by. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <muster/muster.h>

#define RIVALS_SERVICE_TYPE "muster-mqtt"

struct rivals {
    const char *site;
    uint8_t own[MUSTER_ID_BYTES];
    uint8_t (*ids)[MUSTER_ID_BYTES];
    size_t count;
    muster_browse_t *browse;
    void (*on_change)(void *context);
    void *context;
};

/* Begins to look for them; the node is to be closed before rivals_deinit(). The site is borrowed. Returns
 * what muster_browse() does. */
int rivals_open(struct rivals *rivals, muster_t *node, const char *site, void (*on_change)(void *context),
                void *context);

/* What the browse said of a service. One that was brought from another site is passed over. */
void rivals_take(struct rivals *rivals, enum muster_service_event event, const struct muster_peer *peer,
                 const struct muster_service *service);

/* True where none of them has a lower id. */
bool rivals_is_first(const struct rivals *rivals);

void rivals_deinit(struct rivals *rivals);
