/* SPDX-License-Identifier: MIT */
#include "sealing.h"

#include <assert.h>
#include <stdlib.h>

#include <sodium.h>

#include "group.h"
#include "little_endian.h"

#define OUTPUT_BYTES_MAX MUSTER_BATCH_BYTES
#define INPUT_BYTES_MAX 65536

void sealing_deinit(struct sealing *sealing) {
    replays_deinit(&sealing->replays);
    free(sealing->sealed);
    for (size_t i = 0; i < SEALING_BATCHES; i++) {
        free(sealing->batches[i]);
    }
    sodium_free(sealing->secrets);
    sodium_memzero(sealing, sizeof *sealing);
}

const struct seal_keys *sealing_keys(const struct sealing *sealing) {
    static const struct seal_keys none;
    return sealing->secrets != NULL ? &sealing->secrets->keys : &none;
}

bool sealing_is_on(const struct sealing *sealing) {
    return sealing_keys(sealing)->count > 0;
}

/* An identity seals under one start alone, and counts on while its keys change. */
static void make_sender(struct sealing_secrets *secrets, struct context *context) {
    if (secrets->keys.count == 0) {
        return;
    }
    if (secrets->has_sender) {
        seal_sender_rekey(&secrets->sender, &secrets->keys);
        return;
    }
    seal_sender_init(&secrets->sender, &secrets->keys, context->identity.id, context->identity.boot,
                     random_u64(&context->random));
    secrets->has_sender = true;
}

/* What the first key needs. */
static int reserve(struct sealing *sealing) {
    if (sealing->sealed == NULL) {
        sealing->sealed = malloc(OUTPUT_BYTES_MAX);
    }
    if (sealing->secrets == NULL) {
        sealing->secrets = sodium_malloc(sizeof *sealing->secrets);
        if (sealing->secrets != NULL) {
            *sealing->secrets = (struct sealing_secrets){.has_sender = false};
        }
    }
    return sealing->sealed == NULL || sealing->secrets == NULL ? MUSTER_ENOMEM : 0;
}

int sealing_set_keys(struct sealing *sealing, struct context *context, const uint8_t *keys, size_t count) {
    if (count == 0 && sealing->secrets == NULL) {
        return 0;
    }
    int error = reserve(sealing);
    if (error == 0) {
        error = seal_keys_set(&sealing->secrets->keys, keys, count);
    }
    if (error == 0) {
        sodium_bin2hex(context->key_id, sizeof context->key_id, sealing->secrets->keys.ids[0],
                       count > 0 ? SEAL_KEY_ID_BYTES : 0);
        make_sender(sealing->secrets, context);
    }
    return error;
}

void sealing_record_identity(struct sealing *sealing, struct context *context) {
    if (sealing->secrets != NULL) {
        sealing->secrets->has_sender = false;
        make_sender(sealing->secrets, context);
    }
}

/* ---- what comes in ---- */

static bool drop(struct context *context, enum muster_drop reason) {
    context->counters.received++;
    context->counters.drops[reason]++;
    return false;
}

/* Opens one datagram, or says why not. */
static bool open_one(struct sealing *sealing, const struct context *context, const uint8_t *bytes,
                     size_t length, uint8_t *plain, enum muster_drop *reason) {
    if (length > MUSTER_DATAGRAM_BYTES_MAX) {
        *reason = MUSTER_DROP_TOO_LONG;
    } else if (length == 0) {
        *reason = MUSTER_DROP_TRUNCATED;
    } else if (bytes[0] == SEAL_FIRST_BYTE) {
        return replays_open(&sealing->replays, &sealing->secrets->keys,
                            little_endian_load(context->identity.id), bytes, length, plain, reason);
    } else {
        *reason = bytes[0] == '{' ? MUSTER_DROP_UNSEALED : MUSTER_DROP_FORMAT;
    }
    return false;
}

bool sealing_open(struct sealing *sealing, struct context *context, const struct muster_datagram *came,
                  struct muster_datagram *opened) {
    enum muster_drop reason;
    *opened = *came;
    if (!sealing_is_on(sealing)) {
        return true;
    }
    if (!open_one(sealing, context, came->bytes, came->length, sealing->opened, &reason)) {
        return drop(context, reason);
    }
    opened->bytes = sealing->opened;
    opened->length = came->length - MUSTER_SEAL_BYTES;
    return true;
}

/* Where the next batch is opened; NULL without memory. */
static uint8_t *next_batch(struct sealing *sealing) {
    sealing->batch = (sealing->batch + 1) % SEALING_BATCHES;
    if (sealing->batches[sealing->batch] == NULL) {
        sealing->batches[sealing->batch] = malloc(INPUT_BYTES_MAX);
    }
    return sealing->batches[sealing->batch];
}

bool sealing_open_batch(struct sealing *sealing, struct context *context, const struct muster_datagram *came,
                        struct muster_datagram *opened) {
    size_t segment = came->segment == 0 ? came->length : came->segment;
    size_t length = 0;
    *opened = *came;
    if (!sealing_is_on(sealing)) {
        return true;
    }
    uint8_t *batch = next_batch(sealing);
    for (size_t at = 0; at < came->length; at += segment) {
        size_t left = came->length - at < segment ? came->length - at : segment;
        enum muster_drop reason = MUSTER_DROP_MEMORY;
        if (batch == NULL || length + left > INPUT_BYTES_MAX ||
            !open_one(sealing, context, came->bytes + at, left, batch + length, &reason)) {
            drop(context, reason);
        } else {
            length += left - MUSTER_SEAL_BYTES;
        }
    }
    opened->bytes = batch;
    opened->length = length;
    opened->segment = came->segment > MUSTER_SEAL_BYTES ? came->segment - MUSTER_SEAL_BYTES : 0;
    return length > 0;
}

/* ---- what goes out ---- */

void sealing_seal(struct sealing *sealing, const struct context *context, struct muster_datagram *datagram) {
    unsigned shard;
    size_t segment = datagram->segment == 0 ? datagram->length : datagram->segment;
    size_t length = 0;
    if (!sealing_is_on(sealing)) {
        return;
    }
    bool is_telemetry = group_is_telemetry(&datagram->destination, context->port, &shard);
    for (size_t at = 0; at < datagram->length; at += segment) {
        size_t left = datagram->length - at < segment ? datagram->length - at : segment;
        assert(length + left + MUSTER_SEAL_BYTES <= OUTPUT_BYTES_MAX);
        seal_write(&sealing->secrets->sender, &sealing->secrets->keys,
                   is_telemetry ? SEAL_TELEMETRY : SEAL_CONTROL, datagram->bytes + at, left,
                   sealing->sealed + length);
        length += left + MUSTER_SEAL_BYTES;
    }
    datagram->bytes = sealing->sealed;
    datagram->length = length;
    datagram->segment += datagram->segment == 0 ? 0 : MUSTER_SEAL_BYTES;
}
