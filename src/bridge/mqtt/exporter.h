/* SPDX-License-Identifier: MIT */
/* What goes from this LAN to the broker: readings, who is here, and what Home Assistant is told of both. What
 * was brought here from elsewhere is never carried on. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <muster/muster.h>

#include "dispatch.h"
#include "marks.h"
#include "mqtt_payload.h"
#include "value.h"

/* All of it is borrowed. */
struct exporter_options {
    const char *prefix;
    const char *site;
    const char *bridge_topic;
    enum mqtt_payload payload;
    const char *discovery; /* prefix of Home Assistant's discovery; NULL: it is told nothing */
    bool with_peers;       /* peers are carried, too */
    const struct value_texts *patterns;
};

struct exporter_publisher;
struct exporter_entity;

struct exporter {
    struct exporter_options options;
    struct dispatch *dispatch;
    struct marks *marks;
    void (*on_refused)(const char *name, const char *why,
                       void *context); /* a reading, which can't be carried */
    void *context;
    uint64_t malformed; /* bodies that are no SenML */

    /* Not for the caller. */
    struct exporter_publisher *publishers;
    struct exporter_entity *entities;
    struct muster_pack pack;
};

/* Carries what matches of a sample. now_s: since 1970. */
void exporter_take(struct exporter *exporter, const muster_t *node, const struct muster_sample *sample,
                   double now_s);

/* Carries a peer as it is now, and takes one that is known no more away from the broker. */
void exporter_take_peer(struct exporter *exporter, const struct muster_peer *peer);
void exporter_forget_peer(struct exporter *exporter, const uint8_t id[MUSTER_ID_BYTES]);

/* Carries all peers that the node knows, and forgets those that it knows no more. */
void exporter_take_peers(struct exporter *exporter, const muster_t *node);

void exporter_deinit(struct exporter *exporter);
