/* SPDX-License-Identifier: MIT */
/* Sensors in the world: who publishes, who subscribes, what arrives, and what others say in a publisher's
 * name.
 */
#pragma once

#include "world.h"

/* ---- what a node got ---- */

struct arrival {
    enum muster_sample_kind kind;
    uint64_t seq;
    uint64_t at_ms;
    uint64_t age_ms;
    uint64_t subscriptions;
    bool is_late;
    char id[MUSTER_ID_TEXT_BYTES];
    char topic[32];
    char origin[32];
    char name[32];
    char body[256]; /* its beginning */
};

struct got {
    size_t count; /* samples */
    struct arrival *arrivals;
    uint64_t lost;    /* datagrams that it was told of */
    uint64_t lost_to; /* subscriptions that were told of the last loss */
};

/* Collects from now on what the nodes of the world get; forgets what they got before. Takes
 * world.on_arrival. */
void field_begin(void);

const struct got *field_got(size_t node);
const struct arrival *field_last(size_t node);
size_t field_count(size_t node, enum muster_sample_kind kind);

/* In order, each once, none missing, from the first one on; last values don't count. */
void field_check_whole(size_t node);

/* The same, and these are all: so many, from 1 on, and nothing was lost. */
void field_check_all(size_t node, size_t count);

/* The node's first feed; each datagram is in one of its counts. */
struct muster_feed field_feed(size_t node);
size_t field_feed_count(size_t node);

/* ---- who publishes, and who subscribes ---- */

unsigned field_open(size_t node, const char *topic);

/* Adds a number of this name below the topic, or NULL; its time is the world's. The error of the call. */
int field_add(size_t node, unsigned topic, const struct muster_record *record);

/* A record without a name, with a text of so many bytes. Its text is valid until the next call. */
struct muster_record field_text(size_t length);

/* Publishes a record in a datagram of its own; a number of this name below the topic, or NULL; so many, and
 * this time passes behind each. */
void field_publish_record(size_t node, unsigned topic, const struct muster_record *record);
void field_publish(size_t node, unsigned topic, const char *name, double number);
void field_publish_many(size_t node, unsigned topic, size_t count, uint64_t each_ms);

/* Subscribes, in order; with other options: its number. */
unsigned field_subscribe(size_t node, const char *pattern);
unsigned field_subscribe_newest(size_t node, const char *pattern);
unsigned field_subscribe_with(size_t node, const struct muster_subscription_options *options);
void field_unsubscribe(size_t node, unsigned number);

/* The first topic "prefix/number" of a shard, from this number on, which becomes the next one. Static
 * storage. */
const char *field_topic_of(unsigned shard, const char *prefix, unsigned *number);

/* Loses data of node 0: what has this number, and its repairs, until somebody asked for it, or for ever; or,
 * 0, all. Takes world.is_lost. */
void field_lose(uint64_t seq);
void field_lose_for_ever(uint64_t seq);

/* ---- what others say in a publisher's name ---- */

/* A datagram from 10.0.0.1 to the group of a shard, or, MUSTER_SHARDS, to that for naks. */
struct muster_datagram field_datagram(const void *bytes, size_t length, unsigned group);

/* Writes the data of a node; a nak for what node 0 has sent in shard 1. */
void field_print_data(char text[MUSTER_DATAGRAM_BYTES_MAX], size_t node, uint64_t boot, const char *topic,
                      uint64_t seq, const char *body);
void field_print_nak(char text[MUSTER_DATAGRAM_BYTES_MAX], uint64_t of_boot, const char *missing);

/* Somebody's nak for what node 0 has sent in shard 1 comes to a node. */
void field_nak(size_t to, uint64_t of_boot, const char *missing);
