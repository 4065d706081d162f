/* SPDX-License-Identifier: MIT */
/* What messages of the broker say of a reading, and what those of others may say:
 *
 *     senml   [{"n":"kitchen/temperature","u":"Cel","v":21.5,"t":1700000000,"ref":"…"}]    RFC 8428
 *     json    {"value":21.5,"unit":"Cel","time":1700000000,"ref":"…"}
 *     value   21.5
 *
 * ref is a reading_ref. Octets are base64 with the URL safe alphabet, by the member data of json. */
#pragma once

#include <stddef.h>

#include <muster/muster.h>

#include "reading_ref.h"

enum mqtt_payload { MQTT_PAYLOAD_SENML, MQTT_PAYLOAD_JSON, MQTT_PAYLOAD_VALUE };

#define MQTT_PAYLOAD_BYTES_MAX 4096 /* of one that is read, and of one that is written besides its text, */
#define MQTT_PAYLOAD_ESCAPE_BYTES 6 /* of which each byte may take so many */

/* The i-th word of enum mqtt_payload; NULL behind the last. */
const char *mqtt_payload_word(size_t i);

/* Writes a record, whose time is known, and a NUL, in at most so many bytes. NULL with the length, or why it
 * can't be said so. */
const char *mqtt_payload_write(enum mqtt_payload kind, const struct muster_record *record,
                               const struct reading_ref *ref, char *text, size_t size, size_t *length);

/* A payload while it is read, record by record; what it points to is borrowed. */
struct mqtt_payload_reader {
    struct reading_ref ref; /* of it all; zeroed where it says none */

    /* Not for the caller. */
    const char *name;
    const char *bytes;
    size_t length;
    bool is_pack;
    bool is_over;
    struct muster_pack pack;
    char text[MQTT_PAYLOAD_BYTES_MAX];
    char unit[MUSTER_NAME_BYTES_MAX + 1];
};

/* Begins to read what was published under the full name of a reading, borrowed. now_s is what relative times
 * count from. */
void mqtt_payload_open(struct mqtt_payload_reader *reader, const char *name, const char *bytes, size_t length,
                       double now_s);

/* The next record, by its name below the given one, "" for that itself: 1; 0 behind the last one; -1 with
 * *fault, for people, where it can't be read. A time of 0 is not said. */
int mqtt_payload_next(struct mqtt_payload_reader *reader, struct muster_record *record, const char **fault);
