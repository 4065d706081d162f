#include "json.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "escape.h"
#include "utf8.h"

/* Stands for a byte that is not UTF-8: U+FFFD. */
#define REPLACEMENT "\xEF\xBF\xBD"

/* A code point as JSON writes it where it does not stand for itself: a surrogate pair above U+FFFF. */
static void print_escape(uint32_t code_point) {
    if (code_point > 0xFFFF) {
        printf("\\u%04x", 0xD800 + ((code_point - 0x10000) >> 10));
        code_point = 0xDC00 + (code_point & 0x3FF);
    }
    printf("\\u%04x", code_point);
}

/* What stands for itself in any JSON text. */
static bool is_plain(char byte) {
    return byte >= 0x20 && byte < 0x7F;
}

/* Prints what is not plain at the start of text, and returns its bytes. */
static size_t print_special(const char *text, size_t length) {
    uint32_t code_point;
    const int bytes = utf8_decode(text, length, &code_point);
    if (bytes <= 0) {
        fputs(REPLACEMENT, stdout);
        return 1;
    }
    if (escape_is_unsafe(code_point)) {
        print_escape(code_point);
    } else {
        fwrite(text, 1, (size_t)bytes, stdout);
    }
    return (size_t)bytes;
}

void json_print_line(const char *json, size_t length) {
    for (size_t i = 0; i < length;) {
        const size_t begin = i;
        while (i < length && is_plain(json[i])) {
            i++;
        }
        fwrite(json + begin, 1, i - begin, stdout);
        if (i < length && (unsigned char)json[i] < 0x20) {
            putchar(' '); /* no text of JSON has it: it is between tokens */
            i++;
        } else if (i < length) {
            i += print_special(json + i, length - i);
        }
    }
}

void json_print_text(const char *text) {
    size_t length = strlen(text);
    putchar('"');
    while (length > 0) {
        size_t bytes = 1;
        if (*text == '"' || *text == '\\') {
            printf("\\%c", *text);
        } else if (is_plain(*text)) {
            putchar(*text);
        } else {
            bytes = print_special(text, length);
        }
        text += bytes;
        length -= bytes;
    }
    putchar('"');
}
