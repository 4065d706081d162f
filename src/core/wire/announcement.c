/* SPDX-License-Identifier: MIT */
#include "announcement.h"

#include <stdlib.h>
#include <string.h>

#include <muster/telemetry.h>

#include "lists.h"

static int error_of(enum muster_drop reason) {
    if (reason == MUSTER_DROP_MEMORY) {
        return MUSTER_ENOMEM;
    }
    return reason == MUSTER_DROP_TOO_LONG || reason == MUSTER_DROP_NODES ? MUSTER_ETOOBIG : MUSTER_EINVAL;
}

/* Numbers of the most digits. An announcement tells of the shards of its own topics only. */
static struct message longest_of(const struct message *who, bool is_signed) {
    struct message longest = *who;
    longest.kind = MESSAGE_ANNOUNCE;
    longest.seq = longest.rev = longest.boot = MUSTER_INTEGER_MAX;
    longest.next_ms = MUSTER_NEXT_MS_MAX;
    longest.peers = MUSTER_PEERS_REPORTED_MAX;
    longest.re = "00000000";
    memcpy(&longest.nonce, longest.re, sizeof longest.nonce);
    if (is_signed) {
        longest.at = (struct muster_endpoint){.family = 6};
        memset(longest.at.ip, 0xff, sizeof longest.at.ip);
    }
    longest.heard = (1u << MUSTER_PATH_KINDS) - 1;
    longest.tells_sent = longest.document.topic_count > 0;
    for (size_t i = 0; i < longest.document.topic_count; i++) {
        longest.sent[muster_topic_shard(longest.document.topics[i].name)] = MUSTER_INTEGER_MAX;
    }
    return longest;
}

static int read_longest(struct announcement *announcement, const struct message *longest,
                        const struct muster_crypto *signer, size_t bytes_max) {
    uint8_t bytes[MUSTER_DATAGRAM_BYTES_MAX];
    enum muster_drop reason;
    int length = message_encode(longest, signer, 0, bytes, sizeof bytes);
    if (length < 0) {
        return length;
    }
    if (!message_decode(bytes, (size_t)length, &announcement->message, &reason)) {
        return error_of(reason);
    }
    if ((size_t)length > bytes_max) {
        message_deinit(&announcement->message);
        return MUSTER_ETOOBIG;
    }
    announcement->bytes_max = (size_t)length;
    return 0;
}

/* The same for lists that go into a body. */
static int read_large(struct announcement *announcement, struct message *longest,
                      const struct muster_crypto *signer, size_t bytes_max) {
    enum muster_drop reason;
    int error = message_encode_body(&longest->document, &announcement->body, &longest->size);
    if (error != 0) {
        return error;
    }
    message_hash_body(announcement->body, longest->size, longest->hash);
    error = read_longest(announcement, longest, signer, bytes_max);
    if (error == 0 &&
        !message_take_body(&announcement->message, announcement->body, longest->size, &reason)) {
        error = error_of(reason);
    }
    if (error != 0) {
        announcement_deinit(announcement);
    }
    return error;
}

/* Others can fetch a body from who has a stream, and trust it by the announcement's key. */
static bool may_be_large(const struct message *who) {
    return who->stream != 0 && who->has_key;
}

int announcement_init(struct announcement *announcement, const struct message *who,
                      const struct muster_crypto *signer, size_t bytes_max) {
    *announcement = (struct announcement){0};
    if (!lists_are_complete(&who->document)) {
        return MUSTER_EINVAL;
    }
    struct message longest = longest_of(who, signer != NULL);
    int error = read_longest(announcement, &longest, signer, bytes_max);
    return error == MUSTER_ETOOBIG && may_be_large(who)
               ? read_large(announcement, &longest, signer, bytes_max)
               : error;
}

void announcement_deinit(struct announcement *announcement) {
    message_deinit(&announcement->message);
    free(announcement->body);
    *announcement = (struct announcement){0};
}

/* ---- the check alone ---- */

static int sign_nothing(void *context, const uint8_t *bytes, size_t length,
                        uint8_t signature[MUSTER_SIGNATURE_BYTES]) {
    (void)context;
    (void)bytes;
    (void)length;
    memset(signature, 0, MUSTER_SIGNATURE_BYTES);
    return 0;
}

int muster_document_check(const struct muster_document *document, bool has_key, bool has_stream,
                          size_t *bytes) {
    static const struct muster_crypto signer = {.sign = sign_nothing};
    const struct message who = {
        .document = *document, .has_key = has_key, .stream = has_stream ? UINT16_MAX : 0};
    struct announcement announcement;
    int error = announcement_init(&announcement, &who, has_key ? &signer : NULL, MUSTER_ANNOUNCE_BYTES_MAX);
    if (error == 0) {
        if (bytes != NULL) {
            *bytes = announcement.bytes_max;
        }
        announcement_deinit(&announcement);
    }
    return error;
}
