/* SPDX-License-Identifier: MIT */
#include "writer.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>

#include "number.h"
#include "text.h"

#define INDENT_SPACES 2

/* ---- JSON ---- */

static void break_line(const struct writer *writer) {
    if (!writer->is_line) {
        fprintf(writer->out, "\n%*s", INDENT_SPACES * (int)writer->depth, "");
    }
}

/* Prints what comes before a value: a comma, and the name of a member. NULL: it is an element. */
static void begin_value(struct writer *writer, const char *name) {
    if (writer->has_value) {
        fputc(',', writer->out);
    }
    break_line(writer);
    if (name != NULL) {
        text_print_quoted(writer->out, name);
        fputs(writer->is_line ? ":" : ": ", writer->out);
    }
    writer->has_value = true;
}

/* Begins an object or an array, which these two characters are around. */
static void enter(struct writer *writer, const char ends[2]) {
    assert(writer->depth < WRITER_DEPTH_MAX);
    fputc(ends[0], writer->out);
    writer->ends[writer->depth++] = ends[1];
    writer->has_value = false;
}

void writer_open_document(struct writer *writer) {
    *writer = (struct writer){.is_json = true, .out = stdout};
    enter(writer, "{}");
    writer_integer(writer, "schema", NULL, WRITER_SCHEMA);
}

void writer_open_row(struct writer *writer, FILE *out) {
    *writer = (struct writer){.is_json = true, .is_line = true, .out = out};
    enter(writer, "{}");
}

void writer_open_line(struct writer *writer, FILE *out, const char *event) {
    writer_open_row(writer, out);
    writer_text(writer, "event", NULL, event);
    writer_text(writer, "time", NULL, text_now_utc().text);
}

void writer_close(struct writer *writer) {
    writer_end(writer);
    assert(writer->depth == 0);
    fputc('\n', writer->out);
}

bool writer_object(struct writer *writer, const char *name) {
    if (writer->is_json) {
        begin_value(writer, name);
        enter(writer, "{}");
    }
    return writer->is_json;
}

bool writer_array(struct writer *writer, const char *name) {
    if (writer->is_json) {
        begin_value(writer, name);
        enter(writer, "[]");
    }
    return writer->is_json;
}

void writer_end(struct writer *writer) {
    const char end = writer->ends[--writer->depth];
    if (writer->has_value) {
        break_line(writer);
    }
    fputc(end, writer->out);
    writer->has_value = true;
}

void writer_array_of(struct writer *writer, const char *name, struct writer_rows rows) {
    const void *context = writer->context;
    if (!writer_array(writer, name)) {
        return;
    }
    writer->context = rows.context;
    for (size_t i = 0; i < rows.count; i++) {
        writer_object(writer, NULL);
        rows.write(writer, (const char *)rows.rows + i * rows.row_bytes);
        writer_end(writer);
    }
    writer->context = context;
    writer_end(writer);
}

void writer_texts(struct writer *writer, const char *name, const char *const *texts, size_t count) {
    if (writer_array(writer, name)) {
        for (size_t i = 0; i < count; i++) {
            writer_text(writer, NULL, NULL, texts[i]);
        }
        writer_end(writer);
    }
}

void writer_null(struct writer *writer, const char *name) {
    if (writer->is_json) {
        begin_value(writer, name);
        fputs("null", writer->out);
    }
}

void writer_number(struct writer *writer, const char *name, double value) {
    char text[NUMBER_TEXT_BYTES_MAX];
    if (!isfinite(value)) {
        writer_null(writer, name);
    } else if (writer->is_json) {
        begin_value(writer, name);
        fwrite(text, 1, number_write(value, text), writer->out);
    }
}

/* ---- lines ---- */

static FILE *begin_line(struct writer *writer, const char *heading, unsigned flags, const char *color) {
    (void)flags;
    (void)color;
    writer_close_lines(writer);
    printf("%-*s", writer->title_width, heading);
    writer->has_line = true;
    return stdout;
}

void writer_open_lines(struct writer *writer, int title_width) {
    *writer = (struct writer){.begin = begin_line, .title_width = title_width};
}

void writer_close_lines(struct writer *writer) {
    if (writer->has_line) {
        putchar('\n');
    }
    writer->has_line = false;
}

/* ---- fields ---- */

/* Begins a field for people. NULL: nobody wants to see it. */
static FILE *begin_shown(struct writer *writer, const char *heading, unsigned flags, const char *color) {
    return writer->is_json || heading == NULL ? NULL : writer->begin(writer, heading, flags, color);
}

/* Begins a field, and returns where its value goes; NULL: it has none here. */
static FILE *begin_field(struct writer *writer, const char *name, const char *heading, unsigned flags) {
    if (!writer->is_json) {
        return begin_shown(writer, heading, flags, NULL);
    }
    if (name == NULL && writer->ends[writer->depth - 1] != ']') {
        return NULL;
    }
    begin_value(writer, name);
    return writer->out;
}

FILE *writer_cell(struct writer *writer, const char *heading, unsigned flags) {
    return begin_shown(writer, heading, flags, NULL);
}

void writer_shown(struct writer *writer, const char *heading, unsigned flags, const char *color,
                  const char *format, ...) {
    FILE *out = begin_shown(writer, heading, flags, color);
    va_list arguments;
    va_start(arguments, format);
    if (out != NULL) {
        vfprintf(out, format, arguments);
    }
    va_end(arguments);
}

void writer_text(struct writer *writer, const char *name, const char *heading, const char *text) {
    FILE *out = begin_field(writer, name, heading, 0);
    if (out != NULL && writer->is_json) {
        text_print_quoted(out, text);
    } else if (out != NULL) {
        text_print(out, text);
    }
}

void writer_known(struct writer *writer, const char *name, const char *heading, const char *text) {
    if (text[0] == '\0' && name != NULL && writer->is_json) {
        writer_null(writer, name);
    } else {
        writer_text(writer, name, heading, text[0] != '\0' ? text : "-");
    }
}

/* Writes a value that programs and people see as two words. */
static void write_word(struct writer *writer, const char *name, const char *heading, unsigned flags,
                       const char *json, const char *shown) {
    FILE *out = begin_field(writer, name, heading, flags);
    if (out != NULL) {
        fputs(writer->is_json ? json : shown, out);
    }
}

void writer_bool(struct writer *writer, const char *name, const char *heading, bool value) {
    write_word(writer, name, heading, 0, value ? "true" : "false", value ? "yes" : "no");
}

void writer_integer(struct writer *writer, const char *name, const char *heading, uint64_t value) {
    char text[NUMBER_TEXT_BYTES_MAX];
    snprintf(text, sizeof(text), "%" PRIu64, value);
    write_word(writer, name, heading, WRITER_RIGHT, text, text);
}

void writer_duration(struct writer *writer, const char *name, const char *heading, int64_t ms) {
    char text[NUMBER_TEXT_BYTES_MAX];
    snprintf(text, sizeof(text), "%" PRId64, ms);
    write_word(writer, name, heading, WRITER_RIGHT, text, text_duration(ms).text);
}

void writer_share(struct writer *writer, const char *name, const char *heading, double share) {
    char text[NUMBER_TEXT_BYTES_MAX + 1] = "null";
    if (share < 0) {
        write_word(writer, name, heading, WRITER_RIGHT, text, "-");
        return;
    }
    text[number_write((double)(int64_t)(share * 10000 + 0.5) / 10000, text)] = '\0';
    write_word(writer, name, heading, WRITER_RIGHT, text, text_share(share).text);
}

void writer_id(struct writer *writer, const char *name, const char *heading,
               const uint8_t id[MUSTER_ID_BYTES]) {
    writer_text(writer, name, heading, text_id(id).text);
}

void writer_address(struct writer *writer, const char *name, const char *heading,
                    const struct muster_endpoint *endpoint) {
    writer_known(writer, name, heading, endpoint->family != 0 ? text_address(endpoint).text : "");
}

void writer_endpoint(struct writer *writer, const char *address_name, const char *port_name,
                     const char *heading, const struct muster_endpoint *endpoint) {
    writer_address(writer, address_name, NULL, endpoint);
    writer_integer(writer, port_name, NULL, endpoint->port);
    writer_text(writer, NULL, heading,
                endpoint->family != 0 ? text_endpoint(endpoint, endpoint->port).text : "-");
}

void writer_items(struct writer *writer, const char *name, const char *heading,
                  const struct muster_text *items, size_t count) {
    FILE *out = begin_shown(writer, heading, WRITER_CUT, NULL);
    if (out != NULL) {
        text_print_items(out, items, count);
    }
    if (name != NULL && writer_object(writer, name)) {
        for (size_t i = 0; i < count; i++) {
            writer_text(writer, items[i].name, NULL, items[i].value);
        }
        writer_end(writer);
    }
}
