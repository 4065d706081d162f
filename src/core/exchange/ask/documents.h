/* SPDX-License-Identifier: MIT */
/* Fetching the documents that are too big for a datagram: of rows that announce one which is not here. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "fetch.h"

struct exchange;

/* Listeners that hear of a new document at the same time don't all ask for it at the same time. */
#define DOCUMENTS_SPREAD_MS 20

/* A row announces a document that is not here, or there is room for one more stream. */
void documents_want(struct exchange *exchange);

/* The body of this peer came. The row that has it now; NULL when it is not what was announced, or there is no
 * memory. */
struct peer *documents_take(struct exchange *exchange, const uint8_t id[MUSTER_ID_BYTES], const uint8_t *body,
                            size_t length);

/* Asking for the body with this hash ended. */
void documents_end(struct exchange *exchange, const uint8_t id[MUSTER_ID_BYTES],
                   const uint8_t hash[MUSTER_HASH_BYTES]);

/* Starts to fetch what is due. */
void documents_tick(struct exchange *exchange);
