/* SPDX-License-Identifier: MIT */
/* A node's own document as it is announced: encoded at its longest, and decoded again. What others could not
 * read is refused here, and the document that was read lives in one place. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <muster/core.h>

#include "message.h"

/* Zeroed: none. */
struct announcement {
    struct message message; /* its document, and the shards of its topics in sent; freed by deinit */
    size_t bytes_max;       /* of the longest announcement of this document */
    uint8_t *body; /* of a document whose lists are too long for that, message.size bytes; else NULL */
};

/* Makes the announcement of a document. who: the members of an announcement that say who announces (id, boot,
 * key, stream), the document, which is copied, and all else zero. signer: NULL where there is no key.
 * bytes_max: that it may have, MUSTER_ANNOUNCE_BYTES_MAX at most. MUSTER_EINVAL (it is incomplete or breaks a
 * rule), MUSTER_ETOOBIG, MUSTER_ENOMEM, or what sign returned; then *announcement is undefined and needs no
 * freeing. */
int announcement_init(struct announcement *announcement, const struct message *who,
                      const struct muster_crypto *signer, size_t bytes_max);

void announcement_deinit(struct announcement *announcement);
