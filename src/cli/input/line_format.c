/* SPDX-License-Identifier: MIT */
#include "line_format.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "moment.h"
#include "number.h"

/* A part of a line, or of struct line_format's bytes. */
struct part {
    const char *text; /* NULL: the line has none */
    size_t length;
};

static enum json_line_result bad(struct reading_fault *fault) {
    fault->line = 0;
    fault->column = 0;
    return JSON_LINE_BAD;
}

static bool is_blank(char byte) {
    return byte == ' ' || byte == '\t';
}

/* ---- templates ---- */

/* The next literal character of a template, 0 at its end; *length: of what stands for it. */
static char literal(const char *at, size_t *length) {
    *length = at[0] == '\0' ? 0 : (at[0] == '\\' && at[1] == 't') || at[0] == '%' ? 2 : 1;
    return *length == 2 ? (at[0] == '%' ? '%' : '\t') : at[0];
}

static bool is_field(const char *at) {
    return at[0] == '%' && at[1] != '%';
}

/* LINE_FIELDS for what is passed over, -1 for what is none. */
static int field_of(char letter) {
    switch (letter) {
    case 't': return LINE_TOPIC;
    case 'v': return LINE_VALUE;
    case 's': return LINE_TIME;
    case 'u': return LINE_UNIT;
    case '*': return LINE_FIELDS;
    default: return -1;
    }
}

int line_format_parse(const char *text, void *place_const_char_pointer, struct reason *reason) {
    unsigned counts[LINE_FIELDS + 1] = {0};
    for (const char *at = text; *at != '\0';) {
        size_t length = 2;
        const int field = is_field(at) ? field_of(at[1]) : LINE_FIELDS;
        if (field < 0) {
            return reason_set(reason, "expected %%t, %%v, %%s, %%u, %%* or %%%%, got '%.2s'", at);
        }
        if (is_field(at) && is_field(at + 2)) {
            return reason_set(reason, "expected something between '%.2s' and '%.2s'", at, at + 2);
        }
        counts[is_field(at) ? field : LINE_FIELDS]++;
        if (!is_field(at)) {
            literal(at, &length);
        }
        at += length;
    }
    for (int i = 0; i < LINE_FIELDS; i++) {
        if (counts[i] > 1 || (i == LINE_VALUE && counts[i] == 0)) {
            return reason_set(reason, "expected %%v once, and %%t, %%s and %%u once at most, got '%.64s'",
                              text);
        }
    }
    *(const char **)place_const_char_pointer = text;
    return 0;
}

bool line_format_has_topic(const char *template) {
    for (const char *at = template; *at != '\0'; at++) {
        if (at[0] == '%' && at[1] == 't') {
            return true;
        }
        at += at[0] == '%' ? 1 : 0;
    }
    return false;
}

static struct part trim(struct part part) {
    while (part.length > 0 && is_blank(part.text[part.length - 1])) {
        part.length--;
    }
    while (part.length > 0 && is_blank(part.text[0])) {
        part.text++;
        part.length--;
    }
    return part;
}

/* Where a field ends: before what follows it in the template. */
static const char *field_end(const char *at, const char *end, char next) {
    while (next != '\0' && at < end && (next == ' ' ? !is_blank(*at) : *at != next)) {
        at++;
    }
    return next == '\0' ? end : at;
}

/* False where the line is not as the template says. Blanks at its end don't count. */
static bool match(const char *template, const char *line, const char *end,
                  struct part parts[LINE_FIELDS + 1]) {
    size_t length;
    while (*template != '\0') {
        if (is_field(template)) {
            const char *begin = line;
            line = field_end(line, end, literal(template + 2, &length));
            parts[field_of(template[1])] = trim((struct part){begin, (size_t)(line - begin)});
            template += 2;
            continue;
        }
        const char wanted = literal(template, &length);
        if (line == end || (wanted == ' ' ? !is_blank(*line) : *line != wanted)) {
            return false;
        }
        do {
            line++;
        } while (wanted == ' ' && line < end && is_blank(*line));
        template += length;
    }
    return trim((struct part){line, (size_t)(end - line)}).length == 0;
}

/* ---- comma-separated values ---- */

/* Copies a field to `to`, without its quotes. Returns where the line goes on; NULL where quotes are not
 * closed. */
static const char *read_field(const char *at, const char *end, char separator, char **to) {
    const bool is_quoted = at < end && *at == '"';
    bool is_open = is_quoted;
    at += is_quoted ? 1 : 0;
    while (at < end && (is_quoted || *at != separator)) {
        if (is_quoted && *at == '"') {
            if (at + 1 == end || at[1] != '"') {
                is_open = false;
                at++;
                break;
            }
            at++;
        }
        *(*to)++ = *at++;
    }
    return !is_open && (at == end || *at == separator) ? at : NULL;
}

/* A ' stands before what a spreadsheet would take for a formula. */
static struct part without_guard(struct part part) {
    const bool is_guarded = part.length > 1 && part.text[0] == '\'' && strchr("=+-@", part.text[1]) != NULL;
    return is_guarded ? (struct part){part.text + 1, part.length - 1} : part;
}

static bool split(struct line_format *format, const char *line, const char *end,
                  struct part parts[LINE_FIELDS + 1]) {
    char *to = format->bytes;
    size_t column = 0;
    do {
        const char *begin = to;
        line = read_field(line, end, format->separator, &to);
        if (line == NULL) {
            return false;
        }
        column++;
        for (size_t i = 0; i < LINE_FIELDS; i++) {
            if (format->columns[i] == column) {
                parts[i] = without_guard((struct part){begin, (size_t)(to - begin)});
            }
        }
    } while (line++ < end);
    return true;
}

static bool is_name(const char *name, const char *text, size_t length) {
    return strlen(name) == length && strncasecmp(name, text, length) == 0;
}

static void name_column(struct line_format *format, const char *text, size_t length, size_t column) {
    static const struct {
        const char *name;
        enum line_field field;
    } names[] = {{"name", LINE_TOPIC},     {"topic", LINE_TOPIC},  {"value", LINE_VALUE}, {"time", LINE_TIME},
                 {"timestamp", LINE_TIME}, {"unit", LINE_UNIT},    {"kind", LINE_KIND},   {"peer", LINE_PEER},
                 {"id", LINE_ID},          {"origin", LINE_ORIGIN}};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (is_name(names[i].name, text, length) && format->columns[names[i].field] == 0) {
            format->columns[names[i].field] = column;
        }
    }
}

static enum json_line_result read_heading(struct line_format *format, const struct reading_style *style,
                                          const char *line, const char *end, struct reading_fault *fault) {
    const char *first = line;
    while (first < end && strchr(",;\t", *first) == NULL) {
        first++;
    }
    format->separator = first < end ? *first : ',';
    for (size_t column = 1; line <= end; column++, line++) {
        char *to = format->bytes;
        line = read_field(line, end, format->separator, &to);
        if (line == NULL) {
            break;
        }
        name_column(format, format->bytes, (size_t)(to - format->bytes), column);
    }
    if (format->columns[LINE_VALUE] == 0 || (style->topic == NULL && format->columns[LINE_TOPIC] == 0)) {
        reason_set(&fault->reason,
                   "expected a heading that names the columns %svalue, and perhaps time and unit",
                   style->topic == NULL ? "topic (or name), " : "");
        format->is_refused = true;
        return bad(fault);
    }
    return JSON_LINE_EMPTY;
}

/* ---- lines ---- */

/* Seconds since 1970, or a date and time. */
static bool read_time(struct part part, double now_s, double *time_s) {
    char text[64];
    const char *at = part.text;
    struct reason reason;
    int64_t us;
    if (number_read(&at, part.text + part.length, time_s) == NUMBER_OK && at == part.text + part.length) {
        return true;
    }
    snprintf(text, sizeof(text), "%.*s", part.length < sizeof(text) ? (int)part.length : 0, part.text);
    if (moment_read(text, llround(now_s * 1e6), &us, &reason) != 0) {
        return false;
    }
    *time_s = (double)us / 1e6;
    return true;
}

static bool is_part(struct part part, const char *text) {
    return part.text != NULL && part.length == strlen(text) && memcmp(part.text, text, part.length) == 0;
}

/* NULL for a topic. Others would be read as a topic and a value. */
static const char *topic_fault(struct part topic) {
    char text[MUSTER_TOPIC_BYTES_MAX + 2];
    snprintf(text, sizeof(text), "%.*s", (int)topic.length, topic.length > 0 ? topic.text : "");
    return muster_topic_fault(text);
}

/* False with a fault. */
static bool check_parts(const struct part *parts, bool has_topic, struct json_line *read,
                        struct reading_fault *fault) {
    const struct part time = trim(parts[LINE_TIME]);
    const struct part topic = trim(parts[LINE_TOPIC]);
    const char *wrong = has_topic ? topic_fault(topic) : NULL;
    if (parts[LINE_VALUE].text == NULL) {
        reason_set(&fault->reason, "expected a value, as the heading has it");
    } else if (wrong != NULL) {
        reason_set(&fault->reason, "%s, got '%.*s'", wrong, topic.length > 64 ? 64 : (int)topic.length,
                   topic.length > 0 ? topic.text : "");
    } else if (time.length > 0 && !read_time(time, read->now_s, &read->now_s)) {
        reason_set(&fault->reason, "expected seconds since 1970, or a date and time, got '%.*s'",
                   time.length > 64 ? 64 : (int)time.length, time.text);
    } else if (trim(parts[LINE_UNIT]).length >= sizeof(read->unit)) {
        reason_set(&fault->reason, "expected a unit of at most %zu bytes", sizeof(read->unit) - 1);
    } else {
        return true;
    }
    return false;
}

static const char *copy_part(struct part part, char *text, size_t size) {
    snprintf(text, size, "%.*s", (int)part.length, part.length > 0 ? part.text : "");
    return text;
}

static void read_source(const struct part *parts, struct line_source *source) {
    char id[MUSTER_ID_TEXT_BYTES + 1];
    char name[MUSTER_NAME_BYTES_MAX + 1];
    char origin[MUSTER_ORIGIN_BYTES_MAX + 1];
    line_source_set(source, copy_part(parts[LINE_ID], id, sizeof(id)),
                    copy_part(parts[LINE_PEER], name, sizeof(name)),
                    copy_part(parts[LINE_ORIGIN], origin, sizeof(origin)));
}

static enum json_line_result compose(const struct reading_style *style, const struct part *parts,
                                     double now_s, struct json_line *read, struct reading_fault *fault) {
    const struct part value = parts[LINE_VALUE];
    const struct part unit = trim(parts[LINE_UNIT]);
    const struct part topic = style->topic == NULL ? trim(parts[LINE_TOPIC]) : (struct part){"", 0};
    read->now_s = now_s;
    read->style = *style;
    read_source(parts, &read->source);
    if (value.text != NULL && value.length == 0) {
        return JSON_LINE_EMPTY;
    }
    if (!check_parts(parts, style->topic == NULL, read, fault)) {
        return bad(fault);
    }
    if (unit.length > 0) {
        snprintf(read->unit, sizeof(read->unit), "%.*s", (int)unit.length, unit.text);
        read->style.unit = read->unit;
    }
    read->style.text = style->text || is_part(parts[LINE_KIND], "text") || is_part(parts[LINE_KIND], "data");
    read->length = (size_t)snprintf(read->text, sizeof(read->text), "%.*s%s%.*s", (int)topic.length,
                                    topic.length > 0 ? topic.text : "", style->topic == NULL ? " " : "",
                                    (int)value.length, value.text);
    return JSON_LINE_READ;
}

enum json_line_result line_format_read(struct line_format *format, const struct reading_style *style,
                                       const char *line, size_t length, double now_s, struct json_line *read,
                                       struct reading_fault *fault) {
    struct part parts[LINE_FIELDS + 1] = {0};
    read->source = (struct line_source){0};
    while (length > 0 && line[length - 1] == '\r') {
        length--;
    }
    const char *end = line + length;
    if (length == 0 || format->is_refused ||
        (format->template != NULL && trim((struct part){line, length}).length == 0)) {
        return JSON_LINE_EMPTY;
    }
    if (memchr(line, '\0', length) != NULL) { /* what stands behind it would be lost */
        reason_set(&fault->reason, "expected text, got a NUL byte");
        return bad(fault);
    }
    if (format->template == NULL && format->separator == '\0') {
        return read_heading(format, style, line, end, fault);
    }
    if (format->template != NULL ? !match(format->template, line, end, parts)
                                 : !split(format, line, end, parts)) {
        reason_set(&fault->reason,
                   format->template != NULL ? "expected a line such as '%.64s'"
                                            : "expected quotes that are closed%.0s",
                   format->template != NULL ? format->template : "");
        return bad(fault);
    }
    return compose(style, parts, now_s, read, fault);
}
