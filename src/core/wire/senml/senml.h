/* SPDX-License-Identifier: MIT */
/* SenML packs (RFC 8428), written record by record. What is read is muster_pack's. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <muster/telemetry.h>

#include "number.h"

/* A pack that stands on its own: its first record says the base name and base time that those behind it count
 * on, and so does each record that others follow no more. */
struct senml_writer {
    char *bytes; /* borrowed from senml_writer_begin() to senml_writer_end() */
    size_t size;
    size_t length;              /* written so far; a comma and what else is added goes behind it */
    int64_t base_millionths;    /* of a second: the base time, 0: relative to the reader's now */
    size_t base_name;           /* where the topic stands in bytes as a base name, 0: nowhere yet */
    size_t base_name_length;    /* of the topic alone */
    bool base_name_has_slash;   /* and a slash behind it, for records with a name */
    int64_t written_millionths; /* a time, */
    size_t written_length;      /* and its text; 0: none yet */
    char written[NUMBER_TEXT_BYTES_MAX];
};

/* Begins a pack in bytes[0..size), of which size is 2 or more. A writer is zeroed before its first pack; from
 * one to the next it remembers how its time was written. */
void senml_writer_begin(struct senml_writer *writer, char *bytes, size_t size);

/* Adds a record below topic[0..topic_length), which names it where it has no name; its name and unit are such
 * that muster_record_fault() finds nothing wrong with them. time_s is its time since 1970; one that SenML
 * can't tell from a relative one (before MUSTER_TIME_S_MIN) or beyond MUSTER_TIME_S_MAX is not said: readers
 * take their now. 0, or MUSTER_ETOOBIG when it does not fit beside the closing bracket, or MUSTER_EINVAL for
 * a value that muster_record_fault() refuses; then the pack is as before. */
int senml_writer_add(struct senml_writer *writer, const char *topic, size_t topic_length,
                     const struct muster_record *record, double time_s);

/* Closes the pack; returns its length. */
size_t senml_writer_end(struct senml_writer *writer);

/* True for base64 with the URL safe alphabet, without padding (RFC 8428, 4.3). */
bool senml_is_data(const char *text, size_t length);
