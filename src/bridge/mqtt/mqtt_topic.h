/* SPDX-License-Identifier: MIT */
/* How topics of the broker say what is in them (MQTT 5.0, 4.7):
 *
 *     PREFIX/SITE/PEER/NAME…       a reading, by its full name
 *     PREFIX/SITE/$peers/ID        a peer of that site
 *     PREFIX/SITE/$bridges/ID      a bridge of that site: online or offline
 *
 * PEER is a peer's name, in which a byte that can't stand in a level, and a $, are %XX. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <muster/muster.h>

/* Levels of a topic that is carried. Brokers allow some 200 at least. */
#define MQTT_TOPIC_LEVELS_MAX 100
#define MQTT_TOPIC_BYTES_MAX 1024

#define MQTT_TOPIC_PEERS "$peers"
#define MQTT_TOPIC_BRIDGES "$bridges"

/* Why nothing can be published under a topic, for people; NULL when it can. Static storage. */
const char *mqtt_topic_fault(const char *topic);

/* Writes "PREFIX/SITE/PEER/NAME". NULL, or why that can't be a topic. */
const char *mqtt_topic_write(const char *prefix, const char *site, const char *peer, const char *name,
                             char text[MQTT_TOPIC_BYTES_MAX]);

/* What a topic of the broker is about; the texts are what stands between its slashes, but peer, which is
 * decoded. */
struct mqtt_topic_parts {
    char site[64];
    bool is_peer;                             /* rest is its id */
    bool is_bridge;                           /* likewise */
    char peer[3 * MUSTER_NAME_BYTES_MAX + 1]; /* of a reading */
    const char *rest;                         /* the name of a reading, or an id; points into the topic */
};

/* Takes a topic apart. NULL, or why it is none of these. */
const char *mqtt_topic_read(const char *prefix, const char *topic, struct mqtt_topic_parts *parts);

/* Writes what readings of another site are published under on this LAN, "SITE/PEER/NAME", in two parts: the
 * topic, and the record's name below it, which is the last level. What names of readings don't have is _ in
 * PEER. NULL, or why there is no such topic. */
const char *mqtt_topic_write_local(const struct mqtt_topic_parts *parts,
                                   char topic[MUSTER_TOPIC_BYTES_MAX + 1],
                                   char record[MUSTER_NAME_BYTES_MAX + 1]);
