/* SPDX-License-Identifier: MIT */
/* Feeds of which nothing comes by multicast though their publisher sends: they come by stream. While the
 * stream is there nothing is asked for by nak, nor given up. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <muster/core.h>

#include "reply.h"

struct feed;
struct message;
struct peer;
struct telemetry;

/* The feeds of one start of a publisher. */
struct feed_owner {
    uint8_t id[MUSTER_ID_BYTES];
    uint64_t boot;
};

/* Something of a feed came by multicast. */
void feed_stream_record_heard(struct telemetry *telemetry, struct feed *feed);

/* What a publisher says to have sent in a feed's shard. True when nothing of it is heard, and it is time to
 * read it by stream. */
bool feed_stream_record_silence(struct telemetry *telemetry, const struct peer *peer, struct feed *feed,
                                const struct message *message);

/* The silent feeds of a row are to come by stream from now on. */
void feed_stream_begin(struct telemetry *telemetry, const struct peer *peer);

/* There is no stream to be had for the silent feeds of a row: naks must do. */
void feed_stream_refuse(struct telemetry *telemetry, const struct peer *peer);

/* The stream is there, or not. */
void feed_stream_set(struct telemetry *telemetry, const struct feed_owner *owner, bool is_streamed);

/* None of them is to come by stream any more. */
void feed_stream_end(struct telemetry *telemetry, const struct feed_owner *owner);

/* True while any of them is to come by stream. */
bool feed_stream_is_needed(const struct telemetry *telemetry, const struct feed_owner *owner);

/* How long ago the last datagram of what they miss most was heard. */
uint64_t feed_stream_missed_ms(const struct telemetry *telemetry, const struct feed_owner *owner);

/* A sample came by the stream. */
void feed_stream_take(struct telemetry *telemetry, const struct feed_owner *owner,
                      const struct reply_sample *sample);
