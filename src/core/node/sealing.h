/* SPDX-License-Identifier: MIT */
/* The group keys of a node: what comes in sealed is opened before an engine sees it, what goes out is sealed
 * as it is handed out (PROTOCOL.md, "Sealing"). Without a key all passes as it is. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <muster/core.h>

#include "context.h"
#include "replay.h"
#include "seal.h"

/* Telemetry is read from a batch until the next one comes, so that has another place. */
#define SEALING_BATCHES 2

/* Lies in memory of libsodium's, between guard pages and left out of core dumps, which is locked as far as
 * the system allows that, and wiped when it is freed. */
struct sealing_secrets {
    struct seal_keys keys;
    struct seal_sender sender;
    bool has_sender; /* sender is of the present identity */
};

struct sealing {
    struct sealing_secrets *secrets; /* NULL: there was no key yet */
    struct replays replays;
    uint8_t *sealed;                   /* the datagrams of the last output; NULL: there was no key yet */
    uint8_t *batches[SEALING_BATCHES]; /* opened telemetry; made when the first came */
    unsigned batch;                    /* the last one used */
    uint8_t opened[MUSTER_DATAGRAM_BYTES_MAX];
};

/* A zeroed struct has no keys. */
void sealing_deinit(struct sealing *sealing);

/* Copies the keys, each of MUSTER_GROUP_KEY_BYTES. MUSTER_EINVAL, MUSTER_ENOMEM; then nothing changed. */
int sealing_set_keys(struct sealing *sealing, struct context *context, const uint8_t *keys, size_t count);

/* The node has another id or boot. */
void sealing_record_identity(struct sealing *sealing, struct context *context);

bool sealing_is_on(const struct sealing *sealing);

/* The keys of now, of which there may be none. Valid until they are set again. */
const struct seal_keys *sealing_keys(const struct sealing *sealing);

/* What is to be stepped for a datagram of control that came. False when it is dropped, and was counted. */
bool sealing_open(struct sealing *sealing, struct context *context, const struct muster_datagram *came,
                  struct muster_datagram *opened);

/* The same for a datagram or batch of telemetry: what does not open is left out. The bytes stay until the
 * next call but one. */
bool sealing_open_batch(struct sealing *sealing, struct context *context, const struct muster_datagram *came,
                        struct muster_datagram *opened);

/* Seals what is handed out. Its bytes stay until the next call. */
void sealing_seal(struct sealing *sealing, const struct context *context, struct muster_datagram *datagram);
