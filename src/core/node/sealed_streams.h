/* SPDX-License-Identifier: MIT */
/* The TCP streams of a node with a group key: what is said on them is opened and sealed on the way. Streams
 * by the Unix socket are not sealed. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <muster/core.h>

#include "buffer.h"
#include "random.h"
#include "seal_stream.h"

struct sealed_stream;

struct sealed_streams {
    struct sealed_stream *items;
    struct buffer opened; /* what the last event brought */
    struct buffer sealed; /* what the last output says */
};

/* A zeroed struct is allowed. */
void sealed_streams_deinit(struct sealed_streams *streams);

/* A stream was opened, by this node or another. MUSTER_ENOMEM. */
int sealed_streams_add(struct sealed_streams *streams, const struct seal_keys *keys, uint64_t number,
                       bool has_opened, struct random *random);

/* Nothing happens when there is none of this number. */
void sealed_streams_remove(struct sealed_streams *streams, uint64_t number);

/* Puts what these bytes say in the place of them; streams that are not sealed stay as they are. The errors of
 * seal_stream_read(). */
int sealed_streams_open(struct sealed_streams *streams, const struct seal_keys *keys,
                        struct muster_stream *stream);

/* The same for what is to be written. The errors of seal_stream_write(). */
int sealed_streams_seal(struct sealed_streams *streams, struct muster_output *output);
