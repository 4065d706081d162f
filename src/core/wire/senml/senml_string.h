/* The strings of a SenML pack that is being read: checked where they stand, and copied without their escapes.
 */
#ifndef CORE_SENML_STRING_H
#define CORE_SENML_STRING_H

#include <stdbool.h>
#include <stddef.h>

#include <muster/telemetry.h>

/* A string as it stands in the pack, without its quotes. */
struct senml_string {
    const char *at;
    size_t length;
    bool has_escapes;
};

/* Notes what is wrong with a pack, and where; NULL, for whoever returns it. */
const char *senml_refuse(struct muster_pack *pack, const char *at, const char *fault);

/* Reads a string from behind its opening quote; returns what is behind the closing one, or NULL when it is at
 * fault (RFC 8259, 7). */
const char *senml_string_read(struct muster_pack *pack, const char *at, struct senml_string *string);

/* Copies a string without its escapes and with a NUL. False when it has more than room - 1 bytes; *length is
 * its length. */
bool senml_string_copy(const struct senml_string *string, char *out, size_t room, size_t *length);

/* Decodes one byte or escape at *at, of a string that was read; returns its bytes, and *at is behind it. */
size_t senml_string_next(const char **at, const char *end, char out[4]);

/* True when two say the same, whatever their escapes. */
bool senml_string_is_same(const struct senml_string *a, const struct senml_string *b);

#endif
