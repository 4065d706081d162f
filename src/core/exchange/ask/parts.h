/* SPDX-License-Identifier: MIT */
/* The body of a large document part by part, by datagrams, where no stream brings it: of one document at a
 * time, the next part once the one before has come (PROTOCOL.md, "Parts"). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct exchange;
struct message;
struct peer;

/* Zeroed: nothing is asked for. */
struct parts {
    uint8_t *bytes;  /* of the body, with room for all of it; NULL: nothing is asked for */
    size_t size;     /* of the body */
    size_t length;   /* of what came */
    unsigned tries;  /* questions for the next part */
    uint64_t due_ms; /* of the next question */
    uint64_t began_ms;
};

enum parts_result { PARTS_GO_ON, PARTS_COMPLETE, PARTS_FAILED };

/* Begins with the body that a row announces. False without memory. Nothing else may be asked for. */
bool parts_begin(struct exchange *exchange, const struct peer *peer);

bool parts_are_asked_for(const struct parts *parts);

/* The awaited part came. */
enum parts_result parts_take(struct exchange *exchange, const struct message *message);

/* Asks when that is due. Fails for a peer that is gone, has another body, or gives a part no more. */
enum parts_result parts_tick(struct exchange *exchange);

uint64_t parts_deadline(const struct parts *parts);

/* A zeroed struct is allowed. */
void parts_deinit(struct parts *parts);

/* Asks no more, and forgets what came. */
void parts_end(struct exchange *exchange);
