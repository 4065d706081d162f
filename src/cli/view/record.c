/* SPDX-License-Identifier: MIT */
#include "record.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "number.h"
#include "template.h"
#include "text.h"

/* The width of "12:00:01.250", "01-31 12:00 " and "2025-01-31  ". */
#define TIME_BYTES 16
#define TIME_WIDTH 12

/* Bytes of a record in JSON: a text all of whose bytes are escaped, and what stands around it. */
#define JSON_ESCAPE_BYTES 6
#define JSON_OTHER_BYTES 2048

/* Digits of a number that is not whole; up to where whole ones have all of theirs. */
#define ROUNDED_DIGITS 6
#define EXACT_MAX 1e15

#define DIM "\033[2m"

/* ---- for people ---- */

/* Writes a time as ls -l does: a time of another day has the day, one of another year the year. */
static void write_time(double time_s, char text[TIME_BYTES]) {
    const time_t now = time(NULL);
    struct tm parts;
    struct tm today;
    if (!(time_s >= 0 && time_s < MUSTER_TIME_S_MAX)) {
        snprintf(text, TIME_BYTES, "-");
        return;
    }
    const int64_t ms = llround(time_s * 1000);
    const time_t seconds = (time_t)(ms / 1000);
    localtime_r(&now, &today);
    localtime_r(&seconds, &parts);
    if (parts.tm_year != today.tm_year) {
        strftime(text, TIME_BYTES, "%Y-%m-%d", &parts);
    } else if (parts.tm_yday != today.tm_yday) {
        strftime(text, TIME_BYTES, "%m-%d %H:%M", &parts);
    } else {
        const size_t length = strftime(text, TIME_BYTES, "%H:%M:%S", &parts);
        snprintf(text + length, TIME_BYTES - length, ".%03d", (int)(ms % 1000));
    }
}

void record_write_rounded(double number, char *text, size_t size) {
    const double magnitude = fabs(number);
    const int whole = magnitude >= 10 ? (int)floor(log10(magnitude)) + 1 : 1;
    const int digits = whole > ROUNDED_DIGITS - 2 ? whole + 2 : ROUNDED_DIGITS;
    const bool is_whole = magnitude < EXACT_MAX && floor(number) == number;
    snprintf(text, size, "%.*g", is_whole ? 15 : digits > 15 ? 15 : digits, number);
}

bool record_is_stale(const struct muster_record *record, double now_s) {
    return record->update_s > 0 && record->time_s > 0 && now_s - record->time_s > 1.5 * record->update_s;
}

double record_now_s(const struct muster_sample *sample, double now_s) {
    return sample->kind == MUSTER_SAMPLE_LAST ? now_s - (double)sample->age_ms / 1000 : now_s;
}

static void print_blanks(size_t count) {
    for (size_t i = 0; i < count; i++) {
        putchar(' ');
    }
}

/* The blanks that fill a cell up to the width of its column. The width grows with the cells. */
static size_t pad(size_t *width, size_t width_max, size_t cell) {
    if (cell > *width) {
        *width = cell < width_max ? cell : width_max;
    }
    return cell < *width ? *width - cell : 0;
}

static bool has_large_text(const struct muster_record *record) {
    return (record->kind == MUSTER_VALUE_TEXT || record->kind == MUSTER_VALUE_DATA) &&
           record->text_length > MUSTER_DATAGRAM_BYTES_MAX;
}

/* Four characters of data are three octets. */
bool record_print_size(const struct muster_record *record) {
    if (!has_large_text(record)) {
        return false;
    }
    const bool is_data = record->kind == MUSTER_VALUE_DATA;
    printf("(%s, %zu bytes)", is_data ? "data" : "text",
           is_data ? record->text_length / 4 * 3 + record->text_length % 4 * 3 / 4 : record->text_length);
    return true;
}

/* Prints a value. Numbers are aligned to the right. */
static void print_value(struct record_columns *columns, const struct muster_record *record) {
    char number[NUMBER_TEXT_BYTES_MAX + 1];
    switch (record->kind) {
    case MUSTER_VALUE_NUMBER:
        record_write_rounded(record->number, number, sizeof(number));
        print_blanks(pad(&columns->value, RECORD_VALUE_WIDTH_MAX, strlen(number)));
        fputs(number, stdout);
        break;
    case MUSTER_VALUE_TEXT:
    case MUSTER_VALUE_DATA:
        if (!record_print_size(record)) {
            text_print(stdout, record->text);
        }
        break;
    case MUSTER_VALUE_BOOLEAN: fputs(record->boolean ? "true" : "false", stdout); break;
    case MUSTER_VALUE_NONE: putchar('-'); break;
    }
}

/* Prints "~site-b" where it was brought from elsewhere. The columns that it takes. */
static size_t print_origin(const struct muster_sample *sample) {
    if (!text_is_given(sample->origin)) {
        return 0;
    }
    struct text_label origin = text_label(sample->origin, sample->id, 0);
    printf("~%s", origin.text);
    return 1 + text_width(origin.text);
}

void record_print_text(struct record_columns *columns, const struct muster_record *record,
                       const struct muster_sample *sample, const struct record_publisher *publisher,
                       double now_s) {
    char text[NUMBER_TEXT_BYTES_MAX + 1]; /* longer than a time */
    const bool is_last = sample->kind == MUSTER_SAMPLE_LAST;
    write_time(record->time_s, text);
    printf("%s%-*s%c ", is_last && columns->color ? DIM : "", TIME_WIDTH, text,
           record_is_stale(record, now_s) ? '!'
           : is_last                      ? '~'
                                          : ' ');
    fputs(publisher->label.text, stdout);
    print_blanks(pad(&columns->peer, RECORD_PEER_WIDTH_MAX, publisher->label_width + print_origin(sample)) +
                 2);
    text_print(stdout, record->name);
    print_blanks(pad(&columns->name, RECORD_NAME_WIDTH_MAX, strlen(record->name)) + 2);
    print_value(columns, record);
    if (record->unit != NULL && record->unit[0] != '\0') {
        putchar(' ');
        text_print(stdout, record->unit);
    }
    if (record->has_sum) {
        record_write_rounded(record->sum, text, sizeof(text));
        printf("  sum %s", text);
    }
    puts(is_last && columns->color ? TEXT_COLOR_END : "");
}

/* ---- for programs ---- */

static void write_value(FILE *out, const struct muster_record *record) {
    char number[NUMBER_TEXT_BYTES_MAX + 1];
    switch (record->kind) {
    case MUSTER_VALUE_NUMBER:
        number[number_write(record->number, number)] = '\0';
        fputs(number, out);
        break;
    case MUSTER_VALUE_TEXT:
    case MUSTER_VALUE_DATA: text_print_quoted(out, record->text); break;
    case MUSTER_VALUE_BOOLEAN: fputs(record->boolean ? "true" : "false", out); break;
    case MUSTER_VALUE_NONE: fputs("null", out); break;
    }
}

/* Who published it, and how it came: members without braces. */
static void write_source(FILE *out, const struct muster_sample *sample,
                         const struct record_publisher *publisher) {
    fputs("\"peer\":", out);
    text_print_quoted(out, publisher->name);
    fprintf(out, ",\"id\":\"%s\",\"sample\":\"%s\"", text_id(publisher->id).text,
            muster_sample_kind_name(sample->kind));
    if (text_is_given(sample->origin)) {
        fputs(",\"origin\":", out);
        text_print_quoted(out, sample->origin);
    }
}

/* All but the last brace. */
static int write_json(FILE *out, const struct muster_record *record, const struct muster_sample *sample,
                      const struct record_publisher *publisher, double now_s) {
    const size_t size = JSON_ESCAPE_BYTES * record->text_length + JSON_OTHER_BYTES;
    char *text = malloc(size);
    const int length = text == NULL ? -1 : muster_record_print(record, NULL, text, size);
    if (length < 0) {
        free(text);
        return -1;
    }
    text_print_json(out, text, (size_t)length - 1); /* without its brace */
    free(text);
    putc(',', out);
    write_source(out, sample, publisher);
    fputs(sample->is_late ? ",\"late\":true" : "", out);
    fputs(record_is_stale(record, now_s) ? ",\"stale\":true" : "", out);
    return 0;
}

int record_print_json(const struct muster_record *record, const struct muster_sample *sample,
                      const struct record_publisher *publisher, double now_s) {
    const int error = write_json(stdout, record, sample, publisher, now_s);
    if (error == 0) {
        puts("}");
    }
    return error;
}

const char *const record_members[] = {"n",  "value", "u",  "t",      "v",      "vs",   "vb",    "vd", "s",
                                      "ut", "peer",  "id", "sample", "origin", "late", "stale", NULL};

int record_print_format(const char *format, const struct muster_record *record,
                        const struct muster_sample *sample, const struct record_publisher *publisher,
                        double now_s) {
    char *line = NULL;
    size_t bytes;
    FILE *out = open_memstream(&line, &bytes);
    int error = out == NULL ? -1 : write_json(out, record, sample, publisher, now_s);
    if (error == 0) {
        fputs(",\"value\":", out);
        write_value(out, record);
        putc('}', out);
    }
    error = out != NULL && fclose(out) != 0 ? -1 : error;
    error = error == 0 ? template_print_line(format, line) : error;
    free(line);
    return error;
}

/* True when a pack has a member of that name, or a value that looks like it: a name would stand there twice.
 */
static bool has_member(const struct muster_sample *sample, const char *quoted) {
    const char *end = sample->body + sample->length;
    const char *at = sample->body;
    while ((at = memmem(at, (size_t)(end - at), quoted, strlen(quoted))) != NULL) {
        at += strlen(quoted);
        while (at < end && strchr(" \t\r\n", *at) != NULL && *at != '\0') {
            at++;
        }
        if (at < end && *at == ':') {
            return true;
        }
    }
    return false;
}

void record_print_pack(const struct muster_sample *sample, const struct record_publisher *publisher) {
    const char *brace = memchr(sample->body, '{', sample->length);
    size_t before = brace != NULL ? (size_t)(brace - sample->body) + 1 : 0;
    size_t length = sample->length;
    while (length > 0 && strchr(" \t\r\n", sample->body[length - 1]) != NULL) {
        length--; /* filled up to the length of its batch */
    }
    if (has_member(sample, "\"peer\"") || has_member(sample, "\"id\"") || has_member(sample, "\"sample\"") ||
        has_member(sample, "\"origin\"")) {
        before = 0;
    }
    text_print_json(stdout, sample->body, before);
    if (before > 0) {
        write_source(stdout, sample, publisher);
        putchar(',');
    }
    text_print_json(stdout, sample->body + before, length - before);
    putchar('\n');
}
