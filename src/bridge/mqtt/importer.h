/* SPDX-License-Identifier: MIT */
/* What comes from other sites by the broker to this LAN: readings, under SITE/PEER/NAME, and what peers there
 * offer. All of it has the site as its origin, so that no bridge carries it on. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <muster/muster.h>

#include "marks.h"
#include "mqtt_payload.h"
#include "mqtt_topic.h"

#define IMPORTER_SERVICES_MAX 128                          /* of all other sites */
#define IMPORTER_TOPICS_MAX 1024                           /* that are opened here */
#define IMPORTER_PEERS_BYTES_MAX ((size_t)8 * 1024 * 1024) /* of what is kept of peers, as it came */

/* A message of another site; borrowed for the call. unit, time_s and ref are those that stand beside a plain
 * value:
 * "", 0 and zeroed where there are none. */
struct importer_message {
    const char *topic;
    const char *payload;
    size_t length;
    bool is_retained; /* the last one of its topic, from before */
    const char *unit;
    double time_s;
    struct reading_ref ref;
};

struct importer_topic;
struct importer_peer;
struct importer_bridge;
struct importer_held;

struct importer {
    const char *prefix; /* borrowed */
    muster_t *node;
    const struct muster_document *document; /* of the bridge itself, borrowed */
    struct marks *marks;
    void (*on_refused)(const char *name, const char *why, void *context);
    void (*on_busy)(bool is_busy,
                    void *context); /* so much waits for this LAN that no more shall come, or again */
    void *context;
    uint64_t taken;    /* readings */
    uint64_t repeated; /* that came before */
    size_t left_out;   /* services that have no room in what is announced */

    /* Not for the caller. */
    bool is_active;
    bool is_busy;
    bool has_changed; /* what is offered */
    struct importer_topic *topics;
    struct importer_peer *peers;
    struct importer_bridge *bridges;
    struct importer_held *held; /* messages that wait, in order */
    size_t peers_bytes;
    size_t held_count;
    size_t held_bytes;
    struct mqtt_payload_reader reader;
};

/* Takes a message, which waits until it is this bridge that carries. */
void importer_take(struct importer *importer, const struct importer_message *message);

/* This bridge carries from now on, or another one does, and then all that came is forgotten. */
void importer_start(struct importer *importer);
void importer_stop(struct importer *importer);

/* The broker has forgotten who subscribed to what: all bridges of other sites that were there have to come
 * back. */
void importer_await(struct importer *importer);

/* True while one of them has not; each of them has subscribed when it says to be online. */
bool importer_awaits(const struct importer *importer);

/* Readings are taken on this LAN again. */
void importer_go_on(struct importer *importer);

/* Announces what other sites offer, where that has changed. */
void importer_announce(struct importer *importer);

/* Allowed when the node is closed. */
void importer_deinit(struct importer *importer);
