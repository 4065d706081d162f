/* SPDX-License-Identifier: MIT */
#include "reading.h"

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "number.h"
#include "scan.h"
#include "utf8.h"

/* How much of a refused value is quoted. */
#define QUOTE_BYTES 64

/* 2^53: up to it doubles hold every integer. */
#define EXACT_INTEGER "9007199254740992"

/* ---- what is wrong ---- */

/* These two say where a line is wrong. They return where the reason goes. */
static struct reason *reason_of_line(struct reading_fault *fault) {
    fault->line = 0;
    fault->column = 0;
    return &fault->reason;
}

static struct reason *reason_at(struct reading_fault *fault, const struct reading *reading, const char *at) {
    const struct scan_position position = scan_position(reading->line, (size_t)(at - reading->line));
    fault->line = position.line - 1;
    fault->column = position.column;
    return &fault->reason;
}

/* ---- text ---- */

/* True for what is trimmed around words: blanks, and the CR of a CR LF. */
static bool is_blank(char byte) {
    return byte == ' ' || byte == '\t' || byte == '\r';
}

static void trim(const char **text, size_t *length) {
    while (*length > 0 && is_blank(**text)) {
        ++*text;
        --*length;
    }
    while (*length > 0 && is_blank((*text)[*length - 1])) {
        --*length;
    }
}

static int check_text(struct reading *reading, struct reading_fault *fault) {
    const char *end = reading->line + reading->length;
    uint32_t code_point;
    for (const char *at = reading->line; at < end;) {
        const int bytes = utf8_decode(at, (size_t)(end - at), &code_point);
        if (bytes <= 0) {
            return reason_set(reason_at(fault, reading, at), "expected UTF-8, got the byte 0x%02X",
                              (unsigned char)*at);
        }
        if (code_point == 0) {
            return reason_set(reason_at(fault, reading, at), "expected text, got a NUL byte");
        }
        at += bytes;
    }
    return 0;
}

/* ---- values ---- */

/* True for what C's functions print where there is no number: "nan", "-inf" and so on. */
static bool is_not_finite(const char *text, size_t length) {
    static const char *const words[] = {"nan", "inf", "infinity"};
    if (length > 0 && (text[0] == '-' || text[0] == '+')) {
        text++;
        length--;
    }
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strlen(words[i]) == length && strncasecmp(text, words[i], length) == 0) {
            return true;
        }
    }
    return false;
}

/* True for digits that name something, and that a double would change: a serial number beyond 2^53, or a hash
 * such as 12e45, whose exponent has no sign and which has no point. */
static bool is_label(const char *text, size_t length) {
    const size_t minus = length > 0 && text[0] == '-' ? 1 : 0;
    size_t digits = minus;
    while (digits < length && isdigit((unsigned char)text[digits])) {
        digits++;
    }
    if (minus == 0 && digits + 1 < length && (text[digits] == 'e' || text[digits] == 'E')) {
        return isdigit((unsigned char)text[digits + 1]) != 0;
    }
    const size_t count = digits - minus;
    const size_t most = sizeof(EXACT_INTEGER) - 1;
    return digits == length &&
           (count > most || (count == most && strncmp(text + minus, EXACT_INTEGER, most) > 0));
}

/* Reads a number by the grammar of JSON (RFC 8259, 6): "007" and "1.2.3" are texts. Returns 1 for a number, 0
 * for another text, -1 with a fault. */
static int read_number(struct reading *reading, const char *text, size_t length,
                       struct reading_fault *fault) {
    if (is_label(text, length)) {
        return 0;
    }
    const char *at = text;
    const char *end = text + length;
    const enum number_result result = number_read(&at, end, &reading->record.number);
    if (result == NUMBER_LONG) {
        return reason_set(reason_at(fault, reading, text), "expected a number of at most %d characters",
                          SCAN_NUMBER_BYTES_MAX);
    }
    if (is_not_finite(text, length) || (result == NUMBER_RANGE && at == end)) {
        return reason_set(reason_at(fault, reading, text), "expected a finite number, got '%.*s'",
                          (int)length, text);
    }
    reading->record.kind = MUSTER_VALUE_NUMBER;
    return result == NUMBER_OK && at == end ? 1 : 0;
}

static bool is_word(const char *text, size_t length, const char *word) {
    return strlen(word) == length && memcmp(text, word, length) == 0;
}

/* The unit of one VALUE says that it is a number; among lines there may be texts, too. */
static bool needs_number(const struct reading_style *style) {
    return style->keeps_blanks && style->unit != NULL && !style->text;
}

static int refuse_text(struct reading *reading, const char *text, size_t length,
                       struct reading_fault *fault) {
    bool is_decimal = memchr(text, ',', length) != NULL;
    for (size_t i = 0; i < length; i++) {
        is_decimal = is_decimal && strchr("+-0123456789,", text[i]) != NULL;
    }
    return reason_set(reason_at(fault, reading, text), "expected a number for the unit '%s', got '%.*s'%s",
                      reading->style->unit, length < QUOTE_BYTES ? (int)length : QUOTE_BYTES, text,
                      is_decimal ? "; a decimal point is written '.'" : "");
}

static int read_value(struct reading *reading, const char *text, size_t length, struct reading_fault *fault) {
    struct muster_record *record = &reading->record;
    const int result = reading->style->text ? 0 : read_number(reading, text, length, fault);
    if (result != 0) {
        return result;
    }
    if (!reading->style->text && (is_word(text, length, "true") || is_word(text, length, "false"))) {
        record->kind = MUSTER_VALUE_BOOLEAN;
        record->boolean = text[0] == 't';
        return 1;
    }
    record->kind = MUSTER_VALUE_TEXT;
    if (needs_number(reading->style)) {
        return refuse_text(reading, text, length, fault);
    }
    record->text = reading->style->keeps_blanks ? reading->line : text;
    record->text_length = reading->style->keeps_blanks ? reading->length : length;
    return 1;
}

/* ---- topics ---- */

/* A topic that is too long is cut, and refused later as too long. */
static void set_topic(struct reading *reading, const char *topic, size_t length) {
    const size_t room = sizeof(reading->topic) - 1;
    const size_t bytes = length < room ? length : room;
    memcpy(reading->topic, topic, bytes);
    reading->topic[bytes] = '\0';
}

/* Reads "TOPIC VALUE"; the VALUE is all that stands behind the first blanks. */
static int read_pair(struct reading *reading, const char *text, size_t length, struct reading_fault *fault) {
    size_t topic_length = 0;
    while (topic_length < length && !is_blank(text[topic_length])) {
        topic_length++;
    }
    const char *value = text + topic_length;
    size_t value_length = length - topic_length;
    trim(&value, &value_length);
    if (value_length == 0) {
        return reason_set(reason_of_line(fault), "expected TOPIC VALUE, got '%.*s'",
                          length < QUOTE_BYTES ? (int)length : QUOTE_BYTES, text);
    }
    set_topic(reading, text, topic_length);
    return read_value(reading, value, value_length, fault);
}

static int read_words(struct reading *reading, const char *text, size_t length, struct reading_fault *fault) {
    reading->is_over = true;
    reading->record = (struct muster_record){.name = "", .time_s = reading->now_s};
    if (reading->style->topic == NULL) {
        return read_pair(reading, text, length, fault);
    }
    if (length == 0 && !reading->style->keeps_blanks) {
        return reason_set(reason_of_line(fault), "expected a VALUE, got nothing but blanks");
    }
    set_topic(reading, reading->style->topic, strlen(reading->style->topic));
    return read_value(reading, text, length, fault);
}

/* ---- SenML ---- */

const char *reading_name_below(const char *name, const char *topic) {
    const size_t length = strlen(topic);
    if (strncmp(name, topic, length) != 0 || (name[length] != '/' && name[length] != '\0')) {
        return name;
    }
    return name[length] == '/' ? name + length + 1 : name + length;
}

/* Makes the given topic the base of records that have no base name. */
static void set_base(struct reading *reading) {
    char base[MUSTER_TOPIC_BYTES_MAX + 2];
    if (reading->style->topic != NULL) {
        snprintf(base, sizeof(base), "%s/", reading->style->topic);
        muster_pack_base(&reading->pack, base); /* a topic always will do */
    }
}

/* Splits a record's full name into topic and name. */
static void split_name(struct reading *reading) {
    const char *name = reading->record.name;
    const char *given = reading->style->topic;
    size_t length = strlen(name);
    while (length > 0 && name[length - 1] == '/') { /* "a/b/" is not the record "a/b", and no name */
        length--;
    }
    const char *slash = memrchr(name, '/', length);
    if (given != NULL) {
        set_topic(reading, given, strlen(given));
        reading->record.name =
            reading_name_below(reading_name_below(name, given), given); /* set_base() put one there */
    } else {
        set_topic(reading, name, slash != NULL ? (size_t)(slash - name) : strlen(name));
        reading->record.name = slash != NULL ? slash + 1 : "";
    }
}

/* True where a fault is that of a name such as "/3303/0/5700", which stands at `at` and needs a topic. */
static bool lacks_topic(const struct reading *reading, const char *at, const char *fault) {
    return reading->style->topic == NULL && reading->pack.end - at > 1 && memcmp(at, "\"/", 2) == 0 &&
           strcmp(fault, "a name that begins with no letter or digit") == 0;
}

static int read_pack(struct reading *reading, struct reading_fault *fault) {
    size_t offset;
    const int result = muster_pack_next(&reading->pack, &reading->record);
    if (result == 0) {
        reading->is_over = true;
        return 0;
    }
    if (result < 0) {
        const char *text = muster_pack_fault(&reading->pack, &offset);
        reading->is_over = true;
        const char *at = reading->pack.begin + offset;
        return reason_set(reason_at(fault, reading, at), "%s%s", text,
                          lacks_topic(reading, at, text) ? "; --topic T has such names of LwM2M below T"
                                                         : "");
    }
    split_name(reading);
    return 1;
}

/* ---- lines ---- */

/* Sets the unit of a record, and checks all that the library would refuse it for. */
static int finish_record(struct reading *reading, struct reading_fault *fault) {
    struct muster_record *record = &reading->record;
    const char *unit = reading->style->unit;
    if (unit != NULL && record->kind == MUSTER_VALUE_NUMBER &&
        (record->unit == NULL || record->unit[0] == '\0')) {
        record->unit = unit;
    }
    const char *wrong = muster_topic_fault(reading->topic);
    if (wrong == NULL) {
        wrong = muster_record_fault(record);
    }
    return wrong == NULL ? 1 : reason_set(reason_of_line(fault), "%s", wrong);
}

static int read_record(struct reading *reading, struct reading_fault *fault) {
    const char *text = reading->line;
    size_t length = reading->length;
    trim(&text, &length);
    const int result =
        reading->is_pack ? read_pack(reading, fault) : read_words(reading, text, length, fault);
    return result == 1 ? finish_record(reading, fault) : result;
}

/* Reads a whole pack before its first record is given: of a pack all is published, or nothing. */
static int check_pack(const struct reading *reading, struct reading_fault *fault) {
    struct reading ahead = *reading;
    int result;
    while ((result = read_record(&ahead, fault)) == 1) {
    }
    return result;
}

/* True for an empty line; the CR of a CR LF does not count. */
static bool is_empty(const char *line, size_t length) {
    return length == 0 || (length == 1 && line[0] == '\r');
}

/* True for a line that is passed over. Where lines have topics, a line of blanks is one. */
static bool is_blank_line(const struct reading *reading, size_t trimmed_length) {
    return reading->style->topic == NULL ? trimmed_length == 0 : is_empty(reading->line, reading->length);
}

/* A clock that was never set says nothing. */
double reading_known_time(double now_s) {
    return now_s >= MUSTER_TIME_S_MIN && now_s < MUSTER_TIME_S_MAX ? now_s : 0;
}

/* Begins to read what may be a pack. */
static size_t begin_line(struct reading *reading, const char *line, size_t length, double now_s,
                         const char **text) {
    *text = line;
    reading->line = line;
    reading->length = length;
    reading->now_s = reading_known_time(now_s);
    reading->begun = false;
    trim(text, &length);
    reading->is_over = is_blank_line(reading, length);
    return length;
}

void reading_open(struct reading *reading, const struct reading_style *style, const char *line, size_t length,
                  double now_s) {
    const char *text;
    reading->style = style;
    length = begin_line(reading, line, length, now_s, &text);
    reading->is_pack = length > 0 && !style->text && (text[0] == '{' || text[0] == '[');
    if (reading->is_pack) {
        muster_pack_open(&reading->pack, text, length, reading->now_s);
        set_base(reading);
    }
}

void reading_more(struct reading *reading, const char *line, size_t length, double now_s) {
    const char *text;
    if (!reading->is_pack) {
        reading_open(reading, reading->style, line, length, now_s);
        return;
    }
    length = begin_line(reading, line, length, now_s, &text);
    muster_pack_more(&reading->pack, text, length, reading->now_s);
}

bool reading_has_bases(const struct reading *reading) {
    return memmem(reading->line, reading->length, "\"b", 2) != NULL;
}

int reading_next(struct reading *reading, struct reading_fault *fault) {
    if (reading->is_over) {
        return 0;
    }
    const bool is_good = reading->begun || (check_text(reading, fault) == 0 &&
                                            (!reading->is_pack || check_pack(reading, fault) == 0));
    reading->begun = true;
    reading->is_over = !is_good;
    return is_good ? read_record(reading, fault) : -1;
}
