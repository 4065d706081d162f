/* SPDX-License-Identifier: MIT */
#include "rewrite.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "escape.h"
#include "utf8.h"

/* U+FFFD, which stands for a byte that is not UTF-8. */
#define REPLACEMENT "\xEF\xBF\xBD"

#define INDENT_SPACES 2

/* It runs twice: once to count the bytes, once to write them. */
struct rewriter {
    const char *at;
    const char *end;
    char *out; /* NULL while counting */
    size_t length;
    unsigned depth;
    bool indent;
};

static void write_bytes(struct rewriter *rewriter, const char *bytes, size_t count) {
    if (rewriter->out != NULL) {
        memcpy(rewriter->out + rewriter->length, bytes, count);
    }
    rewriter->length += count;
}

static void write_text(struct rewriter *rewriter, const char *text) {
    write_bytes(rewriter, text, strlen(text));
}

static void copy_bytes(struct rewriter *rewriter, size_t count) {
    write_bytes(rewriter, rewriter->at, count);
    rewriter->at += count;
}

static void write_line_break(struct rewriter *rewriter) {
    if (!rewriter->indent) {
        return;
    }
    write_text(rewriter, "\n");
    for (unsigned i = 0; i < rewriter->depth * INDENT_SPACES; i++) {
        write_text(rewriter, " ");
    }
}

static void write_unit(struct rewriter *rewriter, uint16_t unit) {
    char text[sizeof("\\uXXXX")];
    snprintf(text, sizeof(text), "\\u%04x", unit);
    write_text(rewriter, text);
}

static void write_escaped(struct rewriter *rewriter, uint32_t code_point) {
    if (code_point > 0xFFFF) {
        write_unit(rewriter, (uint16_t)(0xD800 + ((code_point - 0x10000) >> 10)));
        code_point = 0xDC00 + (code_point & 0x3FF);
    }
    write_unit(rewriter, (uint16_t)code_point);
}

/* One character inside a string. */
static void rewrite_character(struct rewriter *rewriter) {
    uint32_t code_point;
    const int bytes = utf8_decode(rewriter->at, (size_t)(rewriter->end - rewriter->at), &code_point);
    if (bytes <= 0) {
        write_text(rewriter, REPLACEMENT);
        rewriter->at++;
    } else if (escape_is_unsafe(code_point)) {
        write_escaped(rewriter, code_point);
        rewriter->at += bytes;
    } else {
        copy_bytes(rewriter, (size_t)bytes);
    }
}

static void rewrite_string(struct rewriter *rewriter) {
    copy_bytes(rewriter, 1);
    while (*rewriter->at != '"') {
        if (*rewriter->at == '\\') {
            copy_bytes(rewriter, 2);
        } else {
            rewrite_character(rewriter);
        }
    }
    copy_bytes(rewriter, 1);
}

static bool closes(char byte) {
    return byte == '}' || byte == ']';
}

static void rewrite_opening(struct rewriter *rewriter) {
    copy_bytes(rewriter, 1);
    if (closes(*rewriter->at)) {
        copy_bytes(rewriter, 1);
        return;
    }
    rewriter->depth++;
    write_line_break(rewriter);
}

static void rewrite_closing(struct rewriter *rewriter) {
    rewriter->depth--;
    write_line_break(rewriter);
    copy_bytes(rewriter, 1);
}

static void rewrite_token(struct rewriter *rewriter) {
    switch (*rewriter->at) {
    case '"': rewrite_string(rewriter); break;
    case '{':
    case '[': rewrite_opening(rewriter); break;
    case '}':
    case ']': rewrite_closing(rewriter); break;
    case ',':
        copy_bytes(rewriter, 1);
        write_line_break(rewriter);
        break;
    case ':':
        copy_bytes(rewriter, 1);
        write_text(rewriter, rewriter->indent ? " " : "");
        break;
    default: /* a byte of a number or a literal name */ copy_bytes(rewriter, 1);
    }
}

/* Rewrites text to out, NULL to count alone. Returns the bytes without a NUL. */
static size_t rewrite(const char *text, bool indent, char *out) {
    struct rewriter rewriter = {.at = text, .end = text + strlen(text), .out = out, .indent = indent};
    while (rewriter.at < rewriter.end) {
        rewrite_token(&rewriter);
    }
    return rewriter.length;
}

char *rewrite_safe(const char *json, bool indent) {
    char *safe = malloc(rewrite(json, indent, NULL) + 1);
    if (safe != NULL) {
        safe[rewrite(json, indent, safe)] = '\0';
    }
    return safe;
}
