/* SPDX-License-Identifier: MIT */
#include "exposition.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "number.h"

const char *exposition_content_type(enum exposition_format format) {
    return format == EXPOSITION_OPENMETRICS ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
                                            : "text/plain; version=0.0.4; charset=utf-8";
}

/* ---- what a client accepts ---- */

/* A part of a text that is borrowed. */
struct span {
    const char *begin;
    size_t length;
};

/* The part of *rest before the separator, without blanks around it; *rest goes behind the separator. */
static struct span next_part(struct span *rest, char separator) {
    const char *end = memchr(rest->begin, separator, rest->length);
    struct span part = {rest->begin, end != NULL ? (size_t)(end - rest->begin) : rest->length};
    const size_t used = part.length + (end != NULL ? 1 : 0);
    rest->begin += used;
    rest->length -= used;
    while (part.length > 0 && isspace((unsigned char)part.begin[0])) {
        part.begin++;
        part.length--;
    }
    while (part.length > 0 && isspace((unsigned char)part.begin[part.length - 1])) {
        part.length--;
    }
    return part;
}

static bool is_text(struct span span, const char *text) {
    return span.length == strlen(text) && strncasecmp(span.begin, text, span.length) == 0;
}

/* The weight of a media range by its parameters, in thousandths (RFC 9110, 12.4.2). One of another version of
 * the format is not wanted. */
static unsigned weigh(struct span parameters, const char *version) {
    unsigned weight = 1000;
    while (parameters.length > 0) {
        struct span value = next_part(&parameters, ';');
        const struct span name = next_part(&value, '=');
        char text[16];
        const char *at = text;
        double q;
        snprintf(text, sizeof(text), "%.*s", (int)value.length, value.begin);
        if (is_text(name, "q") && number_read(&at, text + strlen(text), &q) == NUMBER_OK && q >= 0 &&
            q <= 1) {
            weight = (unsigned)(q * 1000);
        } else if (is_text(name, "version") && !is_text(value, version)) {
            return 0;
        }
    }
    return weight;
}

enum exposition_format exposition_negotiate(const char *accept) {
    struct span rest = {accept, accept != NULL ? strlen(accept) : 0};
    unsigned text = 0;
    unsigned openmetrics = 0;
    while (rest.length > 0) {
        struct span range = next_part(&rest, ',');
        const struct span type = next_part(&range, ';');
        unsigned *weight = is_text(type, "application/openmetrics-text") ? &openmetrics : &text;
        const char *version = weight == &openmetrics ? "1.0.0" : "0.0.4";
        if (weight == &openmetrics || is_text(type, "text/plain") || is_text(type, "text/*") ||
            is_text(type, "*/*")) {
            const unsigned found = weigh(range, version);
            *weight = found > *weight ? found : *weight;
        }
    }
    return openmetrics > text ? EXPOSITION_OPENMETRICS : EXPOSITION_TEXT;
}

/* ---- writing ---- */

/* Writes a text in which a backslash, a LF and, in quotes, a quote are escaped. OpenMetrics wants that of
 * HELP too. */
static void write_escaped(FILE *out, const char *text, bool is_quoted) {
    for (; *text != '\0'; text++) {
        if (*text == '\n') {
            fputs("\\n", out);
        } else if (*text == '\\' || (*text == '"' && is_quoted)) {
            fputc('\\', out);
            fputc(*text, out);
        } else {
            fputc(*text, out);
        }
    }
}

/* What the name of a sample has behind that of its family. */
static const char *suffix_of(enum exposition_kind kind) {
    return kind == EXPOSITION_COUNTER ? "_total" : kind == EXPOSITION_INFO ? "_info" : "";
}

static const char *type_of(enum exposition_kind kind, bool is_openmetrics) {
    return kind == EXPOSITION_COUNTER                  ? "counter"
           : kind == EXPOSITION_INFO && is_openmetrics ? "info"
                                                       : "gauge";
}

void exposition_begin(struct exposition *exposition, const char *family, enum exposition_kind kind,
                      const char *help) {
    const bool is_openmetrics = exposition->format == EXPOSITION_OPENMETRICS;
    const char *suffix = is_openmetrics ? "" : suffix_of(kind);
    FILE *out = exposition->out;
    exposition->family = family;
    exposition->kind = kind;
    fprintf(out, "# HELP %s%s ", family, suffix);
    write_escaped(out, help, is_openmetrics);
    fprintf(out, "\n# TYPE %s%s %s\n", family, suffix, type_of(kind, is_openmetrics));
}

static void write_labels(FILE *out, const struct exposition_label *labels, size_t count,
                         const char **separator) {
    for (size_t i = 0; i < count; i++) {
        fprintf(out, "%s%s=\"", *separator, labels[i].name);
        write_escaped(out, labels[i].value, true);
        fputc('"', out);
        *separator = ",";
    }
}

static void write_sample(struct exposition *exposition, const struct exposition_label *labels, size_t count,
                         const char *value, size_t length) {
    FILE *out = exposition->out;
    const char *separator = "{";
    fprintf(out, "%s%s", exposition->family, suffix_of(exposition->kind));
    write_labels(out, exposition->common, exposition->common_count, &separator);
    write_labels(out, labels, count, &separator);
    fprintf(out, "%s %.*s\n", separator[0] == ',' ? "}" : "", (int)length, value);
}

void exposition_integer(struct exposition *exposition, const struct exposition_label *labels, size_t count,
                        uint64_t value) {
    char text[NUMBER_TEXT_BYTES_MAX];
    write_sample(exposition, labels, count, text, number_write_integer(value, text));
}

void exposition_number(struct exposition *exposition, const struct exposition_label *labels, size_t count,
                       double value) {
    char text[NUMBER_TEXT_BYTES_MAX];
    write_sample(exposition, labels, count, text, number_write(value, text));
}

void exposition_end(struct exposition *exposition) {
    if (exposition->format == EXPOSITION_OPENMETRICS) {
        fputs("# EOF\n", exposition->out);
    }
}
