/* SPDX-License-Identifier: MIT */
#include "csv.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "number.h"
#include "text.h"

void csv_print_number(double number) {
    char text[NUMBER_TEXT_BYTES_MAX];
    printf("%.*s", (int)number_write(number, text), text);
}

void csv_print_text(const char *text) {
    const bool is_formula = text[0] != '\0' && strchr("=+-@\t\r", text[0]) != NULL;
    if (!is_formula && strpbrk(text, ",\"\r\n") == NULL) {
        text_print(stdout, text);
        return;
    }
    printf("\"%s", is_formula ? "'" : "");
    while (text[0] != '\0') {
        char part[MUSTER_DATAGRAM_BYTES_MAX + 1];
        const size_t quote = strcspn(text, "\"");
        const size_t length = quote < sizeof(part) ? quote : text_piece(text, sizeof(part) - 1);
        snprintf(part, sizeof(part), "%.*s", (int)length, text);
        text_print(stdout, part);
        text += length;
        if (text[0] == '"') {
            fputs("\"\"", stdout);
            text++;
        }
    }
    putchar('"');
}

void csv_print_value(const struct muster_record *record, bool is_csv) {
    switch (record->kind) {
    case MUSTER_VALUE_NUMBER: csv_print_number(record->number); break;
    case MUSTER_VALUE_BOOLEAN: fputs(record->boolean ? "true" : "false", stdout); break;
    case MUSTER_VALUE_TEXT:
    case MUSTER_VALUE_DATA:
        if (is_csv) {
            csv_print_text(record->text);
        } else {
            text_print(stdout, record->text);
        }
        break;
    case MUSTER_VALUE_NONE: break;
    }
}

static const char *kind_name(enum muster_value_kind kind) {
    static const char *const names[] = {"none", "number", "text", "boolean", "data"};
    return names[kind];
}

void csv_print_series(const char *name, const char *peer, const char *id, const char *unit) {
    const char *const texts[] = {name, peer, id, unit};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        putchar(',');
        csv_print_text(texts[i]);
    }
}

void csv_print_record(const struct muster_record *record, const char *origin, bool is_stale) {
    printf(",%s,", kind_name(record->kind));
    csv_print_value(record, true);
    putchar(',');
    if (record->has_sum) {
        csv_print_number(record->sum);
    }
    putchar(',');
    csv_print_text(origin);
    puts(is_stale ? ",true" : ",false");
}
