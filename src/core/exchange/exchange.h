/* SPDX-License-Identifier: MIT */
/* The engine of streams: it answers what others ask (serve/), and asks others for tables, documents and
 * samples (ask/) (PROTOCOL.md, "Streams"). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <muster/core.h>
#include <muster/telemetry.h>

#include "backlog.h"
#include "catchup.h"
#include "documents.h"
#include "fetch.h"
#include "follow.h"
#include "join.h"
#include "parts.h"
#include "presence.h"
#include "server.h"
#include "tables.h"
#include "telemetry.h"
#include "values.h"

/* What the node does for an answer, since it takes several engines. */
struct exchange_calls {
    /* Publishes a record, which is to outlive the node or not. The errors of muster_core_topic_open() and
     * muster_core_topic_add(). */
    int (*publish)(void *owner, const char *topic, const struct muster_record *record, bool retains);
    void *owner;
};

struct exchange {
    struct context *context;
    struct presence *presence;
    struct telemetry *telemetry;
    struct exchange_calls calls;
    const char *version;
    bool without_retained;
    char network[MUSTER_NETWORK_NAME_BYTES];          /* "": not known */
    struct muster_figure figures[MUSTER_FIGURES_MAX]; /* of the program */
    char figure_names[MUSTER_FIGURES_MAX][MUSTER_NAME_BYTES_MAX + 1];
    size_t figure_count;
    struct server server;
    struct fetches fetches;
    struct tables tables;
    uint64_t documents_due_ms; /* when to look for documents that lack; UINT64_MAX: never */
    struct parts parts;
    uint64_t parts_turn; /* number of the row whose parts were asked for last */
    struct catchup catchup;
    struct follows follows;
    struct backlog backlog;
    struct joins joins;
    struct values values;
};

void exchange_init(struct exchange *exchange, struct context *context, struct presence *presence,
                   struct telemetry *telemetry, const struct exchange_calls *calls,
                   const struct muster_core_options *options);

/* MUSTER_EINVAL: too many, or a name that none may have. */
int exchange_set_figures(struct exchange *exchange, const struct muster_figure *figures, size_t count);

/* A zeroed struct is allowed. */
void exchange_deinit(struct exchange *exchange);

/* Something happened on a stream. MUSTER_ENOMEM or MUSTER_EINVAL for one that was ACCEPTED: it is to be
 * closed. */
int exchange_step(struct exchange *exchange, const struct muster_stream *stream);

/* What presence notes of a message that was merged. */
void exchange_take_note(struct exchange *exchange, const struct merge_note *note,
                        const struct message *message, const struct muster_datagram *datagram);

/* A subscription ended, bit 1 << its number. */
void exchange_unsubscribe(struct exchange *exchange, uint64_t subscription);

/* What is delivered live while last values are asked for makes these old. */
void exchange_record_live(struct exchange *exchange, const struct muster_arrival *arrival);

/* What streams do for this round of questions. */
struct query_tables exchange_query_tables(const struct exchange *exchange);

/* Does what is due. */
void exchange_tick(struct exchange *exchange);

/* The next output for a stream, if there is one. */
bool exchange_next(struct exchange *exchange, struct muster_output *output);

/* When something is due. What telemetry's subscribers wait for is apart: its lateness says nothing of this
 * node's. */
uint64_t exchange_deadline(const struct exchange *exchange);
uint64_t exchange_samples_deadline(const struct exchange *exchange);
