/* SPDX-License-Identifier: MIT */
/* Metrics as Prometheus reads them: its text format 0.0.4, or OpenMetrics 1.0.
 *
 * The formats differ in counters: the family is muster_sent_total in the first one, and muster_sent, whose
 * sample is muster_sent_total, in the second one, which ends with a line of its own. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum exposition_format { EXPOSITION_TEXT, EXPOSITION_OPENMETRICS };

/* What HTTP calls the format: "text/plain; version=0.0.4; charset=utf-8". Static storage. */
const char *exposition_content_type(enum exposition_format format);

/* The format that a client prefers by its Accept header (RFC 9110, 12.5.1); NULL: it has none. Of equal ones,
 * and where it wants neither, the text format. */
enum exposition_format exposition_negotiate(const char *accept);

enum exposition_kind { EXPOSITION_GAUGE, EXPOSITION_COUNTER, EXPOSITION_INFO };

/* A value is UTF-8, and may hold anything else. */
struct exposition_label {
    const char *name;
    const char *value;
};

/* What is being written. Borrows all of it. */
struct exposition {
    FILE *out;
    enum exposition_format format;
    const struct exposition_label *common; /* labels of every sample */
    size_t common_count;
    const char *family; /* of the samples that follow */
    enum exposition_kind kind;
};

/* Begins a family; its name is without _total or _info. */
void exposition_begin(struct exposition *exposition, const char *family, enum exposition_kind kind,
                      const char *help);

/* A sample of the family. No two may have the same labels. A value is finite. */
void exposition_integer(struct exposition *exposition, const struct exposition_label *labels, size_t count,
                        uint64_t value);
void exposition_number(struct exposition *exposition, const struct exposition_label *labels, size_t count,
                       double value);

/* Ends what was written. */
void exposition_end(struct exposition *exposition);
