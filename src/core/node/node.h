/* SPDX-License-Identifier: MIT */
/* A node: three engines, and what they share. It hands each event to the engine that it is for, and routes
 * what an engine notes to those that it concerns: nothing below calls upward. */
#pragma once

#include <stdbool.h>

#include <muster/core.h>

#include "context.h"
#include "exchange.h"
#include "message.h"
#include "presence.h"
#include "sealed_streams.h"
#include "sealing.h"
#include "telemetry.h"

struct muster_core {
    struct context context;
    struct presence presence;
    struct telemetry telemetry;
    struct exchange exchange;
    struct sealing sealing;
    struct sealed_streams sealed_streams;
    bool has_given_left; /* MUSTER_OUTPUT_LEFT was given */
    bool has_suspended;  /* suspended_ms is known */
    int64_t suspended_ms;

    /* What the last output of a peer points to. */
    struct message view;
    struct muster_tuple view_tuples[MUSTER_TUPLES_MAX];
};

/* True when a node can be made of these options; its document is checked apart. */
bool core_options_are_valid(const struct muster_core_options *options);

/* True when the functions are there that a node with this key, or NULL, needs. */
bool core_options_is_crypto(const struct muster_crypto *crypto, const uint8_t *key);

bool core_options_is_boot(uint64_t boot);

/* Announces the topics that are open; what showed up by itself is left out where there is no room for it. The
 * errors of own_document_set_topics(). */
int node_announce_topics(muster_core_t *core);

/* Publishes a record of a topic, which is opened unless it is open, and stays so. Where it retains, the value
 * is among what muster_core_cached_save() saves, until one of its name comes that does not. The errors of
 * muster_core_topic_open() and muster_core_topic_add(). */
int node_publish(void *core, const char *topic, const struct muster_record *record, bool retains);

/* Opens a topic for another program. Where there are as many as there may be, the one that was not used for
 * longest goes. The errors of muster_core_topic_open(). */
int node_lend_topic(muster_core_t *core, const char *name, unsigned *number);
