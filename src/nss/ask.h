/* SPDX-License-Identifier: MIT */
/* Asks the muster that runs on this machine for the addresses of a peer (LOCAL.md). Nothing is kept between
 * two calls, and nothing else is asked. */
#pragma once

#include "answer.h"

/* All that one call waits for. */
#define ASK_MS 50

enum ask_result {
    ASK_FOUND,     /* answer has addresses */
    ASK_NOT_FOUND, /* the musters that run have no peer of that name */
    ASK_NOBODY,    /* no muster runs here */
    ASK_SILENT,    /* one runs, and did not answer in time, or not by the protocol */
};

/* name: 1 to ANSWER_NAME_BYTES_MAX bytes of UTF-8. It asks those of this user, then that of the machine,
 * until one has a peer of that name. */
enum ask_result ask_addresses(const char *name, struct answer *answer);
