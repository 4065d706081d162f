/* A node: what its parts share. Each part keeps its own state in a struct of its own; node.c hands them
 * the events. */
#ifndef CORE_NODE_H
#define CORE_NODE_H

#include <stdbool.h>
#include <stdint.h>

#include <muster/core.h>

#include "admission.h"
#include "answer.h"
#include "backlog.h"
#include "catchup.h"
#include "fetch.h"
#include "follow.h"
#include "identity.h"
#include "introduction.h"
#include "keeper.h"
#include "message.h"
#include "outbox.h"
#include "paths.h"
#include "peer_table.h"
#include "presence.h"
#include "publisher.h"
#include "query.h"
#include "random.h"
#include "sender.h"
#include "server.h"
#include "subscriber.h"

struct muster_core {
    uint64_t now_ms; /* of the event being stepped, or the last one */
    uint64_t began_ms;
    uint16_t port;
    uint64_t interval_min_ms;
    uint64_t budget_bps;
    uint64_t tombstone_ms;
    bool is_observer;
    uint16_t stream;
    bool has_streams;
    const char *version;
    char network[MUSTER_NETWORK_NAME_BYTES]; /* "": not known */

    struct random random;
    struct identity identity;
    struct nonces nonces;
    struct paths paths;
    struct admission admission;
    struct peer_table table;
    struct loss_mean loss;

    struct presence presence;
    uint64_t sent[MUSTER_SHARDS]; /* seq of the last data in each shard, in this boot; 0: none */
    struct answers answers;
    struct query query;
    struct introductions introductions;

    struct server server;
    struct fetches fetches;

    struct publisher publisher;
    struct sender sender;
    struct subscriber subscriber;
    struct backlog backlog;
    struct catchup catchup;
    struct follows follows;
    struct keeper keeper;

    /* This node slept until then: nobody's silence before it counts. */
    uint64_t resumed_ms;

    /* Somebody else who holds our key, as a row outside of the table. */
    struct peer twin;

    struct outbox outbox;
    bool has_told_left;

    /* What the last output of a peer points to. */
    struct message view;
    struct muster_tuple view_tuples[MUSTER_TUPLES_MAX];
};

#endif
