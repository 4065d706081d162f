/* SPDX-License-Identifier: MIT */
/* The answer to who asks for samples: last values, of this node's topics and of those that it keeps, what it
 * sent lately, and, to who follows, what it sends from then on. */
#pragma once

struct connection;
struct exchange;
struct request;
struct samples;

/* Begins. MUSTER_ENOMEM. */
int samples_begin(const struct exchange *exchange, struct connection *connection,
                  const struct request *request);

/* NULL is allowed. */
void samples_free(struct samples *samples);

/* Says more, until that is enough for now; the connection is listed when all of the past was said.
 * MUSTER_ENOMEM. */
int samples_list(const struct exchange *exchange, struct connection *connection);

/* Says what was sent since; the past was said. MUSTER_ENOMEM, and MUSTER_EFULL where too much waits to be
 * taken. */
int samples_follow(const struct exchange *exchange, struct connection *connection);
