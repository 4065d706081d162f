/* SPDX-License-Identifier: MIT */
/* A value as a file has it: octets, which SenML carries in base64 (RFC 8428, 4.3), or a text. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include <muster/telemetry.h>

#include "reason.h"

struct octets {
    char *text; /* of the record: base64 with the URL safe alphabet, without padding, or the text itself */
};

/* Reads a whole file, "-": standard input, at most MUSTER_LARGE_BYTES_MAX bytes, into a record that borrows
 * it: as a text, or as data. -1 with the reason. */
int octets_read(struct octets *octets, const char *path, bool is_text, struct muster_record *record,
                struct reason *reason);

/* True for a record that has octets: of data or of a text. */
bool octets_are_in(const struct muster_record *record);

/* Writes the octets of such a record as they are. -1 without memory. */
int octets_write(FILE *out, const struct muster_record *record);

/* A zeroed struct is allowed. */
void octets_deinit(struct octets *octets);
