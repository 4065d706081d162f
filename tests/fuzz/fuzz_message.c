/* SPDX-License-Identifier: MIT */
/* Messages and the bodies of large documents: what is decoded can be said again, and says the same. */
#include <string.h>

#include "fuzz.h"
#include "message.h"
#include "signal.h"

/* Whether a signature holds is not decided by decoding. */
static int sign(void *context, const uint8_t *bytes, size_t length,
                uint8_t signature[MUSTER_SIGNATURE_BYTES]) {
    (void)context, (void)bytes, (void)length;
    memset(signature, 1, MUSTER_SIGNATURE_BYTES);
    return 0;
}

/* A decoded message, written and decoded anew, is written in the same way. */
static void check_round(const struct message *message) {
    uint8_t first[MUSTER_DATAGRAM_BYTES_MAX];
    uint8_t second[MUSTER_DATAGRAM_BYTES_MAX];
    enum muster_drop reason;
    struct message again;
    struct muster_crypto signer = {.sign = sign};
    const struct muster_crypto *crypto = message->is_signed ? &signer : NULL;
    int length = message_encode(message, crypto, 0, first, sizeof first);
    if (length < 0) {
        /* A number or an escape may be longer as it is written here than as it came. */
        REQUIRE(length == MUSTER_ETOOBIG || length == MUSTER_ENOMEM);
        return;
    }
    REQUIRE(message_decode(first, (size_t)length, &again, &reason));
    REQUIRE(message_encode(&again, crypto, 0, second, sizeof second) == length);
    REQUIRE(memcmp(first, second, (size_t)length) == 0);
    message_deinit(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    enum muster_drop reason = MUSTER_DROP_COUNT;
    struct message message;
    if (message_decode(bytes, length, &message, &reason)) {
        if (message.size != 0) {
            /* The rest of the input as a body can't be its own: the hash is checked by others. */
            message_take_body(&message, bytes, length, &reason);
        }
        check_round(&message);
        message_deinit(&message);
    } else {
        REQUIRE(reason < MUSTER_DROP_COUNT);
    }
    return 0;
}
