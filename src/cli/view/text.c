/* SPDX-License-Identifier: MIT */
#include "text.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>
#include <wchar.h>

#include "escape.h"
#include "utf8.h"

/* Stands for a byte that is not UTF-8: U+FFFD. */
#define REPLACEMENT "\xEF\xBF\xBD"

/* Texts are printed by pieces of so many bytes: a value may have a million. */
#define PIECE_BYTES 1024

size_t text_piece(const char *text, size_t bytes_max) {
    size_t length = strnlen(text, bytes_max);
    while (length == bytes_max && length > 1 && ((unsigned char)text[length] & 0xC0) == 0x80) {
        bytes_max = --length; /* that byte belongs to the character before it */
    }
    return length;
}

void text_print(FILE *out, const char *text) {
    char piece[PIECE_BYTES + 1];
    char safe[MUSTER_TEXT_SAFE_BYTES(PIECE_BYTES)];
    while (text[0] != '\0') {
        const size_t length = text_piece(text, PIECE_BYTES);
        memcpy(piece, text, length);
        piece[length] = '\0';
        fputs(escape_text(piece, safe, sizeof(safe)), out);
        text += length;
    }
}

/* ---- JSON ---- */

static void print_escape(FILE *out, uint32_t code_point) {
    if (code_point > 0xFFFF) { /* by a surrogate pair */
        fprintf(out, "\\u%04x", 0xD800 + ((code_point - 0x10000) >> 10));
        code_point = 0xDC00 + (code_point & 0x3FF);
    }
    fprintf(out, "\\u%04x", code_point);
}

/* Prints the first character of a text inside of quotes. Returns its bytes. */
static size_t print_character(FILE *out, const char *text, size_t length) {
    uint32_t code_point;
    const int bytes = utf8_decode(text, length, &code_point);
    if (bytes <= 0) {
        fputs(REPLACEMENT, out);
        return 1;
    }
    if (escape_is_unsafe(code_point)) {
        print_escape(out, code_point);
    } else {
        fwrite(text, 1, (size_t)bytes, out);
    }
    return (size_t)bytes;
}

void text_print_quoted(FILE *out, const char *text) {
    static const char characters[] = "\"\\\b\f\n\r\t";
    static const char letters[] = "\"\\bfnrt";
    const char *end = strchr(text, '\0');
    fputc('"', out);
    while (text < end) {
        const char *escaped = strchr(characters, *text);
        if (escaped != NULL) {
            fprintf(out, "\\%c", letters[escaped - characters]);
            text++;
        } else {
            text += print_character(out, text, (size_t)(end - text));
        }
    }
    fputc('"', out);
}

/* True for a byte that JSON holds and a terminal shows as it is. */
static bool is_plain(char byte) {
    return byte >= 0x20 && byte < 0x7F;
}

void text_print_json(FILE *out, const char *json, size_t length) {
    for (size_t i = 0; i < length;) {
        const size_t begin = i;
        while (i < length && is_plain(json[i])) {
            i++;
        }
        fwrite(json + begin, 1, i - begin, out);
        if (i < length && (unsigned char)json[i] < 0x20) { /* a line break between tokens */
            fputc(' ', out);
            i++;
        } else if (i < length) {
            i += print_character(out, json + i, length - i);
        }
    }
}

/* ---- width ---- */

size_t text_width_of_character(const char *text, size_t *columns) {
    wchar_t character;
    mbstate_t state = {0};
    size_t bytes = mbrtowc(&character, text, strlen(text), &state);
    *columns = 1;
    if (bytes == 0 || bytes > strlen(text)) {
        return 1; /* not of this locale: some one byte */
    }
    int width = wcwidth(character);
    if (width >= 0) {
        *columns = (size_t)width;
    }
    return bytes;
}

size_t text_width(const char *text) {
    size_t width = 0;
    while (*text != '\0') {
        size_t columns;
        text += text_width_of_character(text, &columns);
        width += columns;
    }
    return width;
}

/* ---- names ---- */

struct text_name text_name(const char *name) {
    struct text_name safe;
    escape_text(name, safe.text, sizeof(safe.text));
    return safe;
}

struct text_label text_label(const char *name, const uint8_t id[MUSTER_ID_BYTES], unsigned id_digits) {
    struct text_label label;
    const int digits = (int)(name[0] == '\0' && id_digits == 0 ? TEXT_LABEL_DIGITS : id_digits);
    const char *format = digits == 0 ? "%s" : name[0] == '\0' ? "%s(%.*s)" : "%s (%.*s)";
    snprintf(label.text, sizeof(label.text), format, text_name(name).text, digits, text_id(id).text);
    return label;
}

/* ---- short texts ---- */

struct text_short text_utc(int64_t us) {
    const time_t seconds = (time_t)(us / 1000000);
    const int rest_us = (int)(us % 1000000);
    struct text_short time;
    struct tm parts;
    gmtime_r(&seconds, &parts);
    const size_t length = strftime(time.text, sizeof(time.text), "%Y-%m-%dT%H:%M:%S", &parts);
    snprintf(time.text + length, sizeof(time.text) - length, rest_us % 1000 == 0 ? ".%03dZ" : ".%06dZ",
             rest_us % 1000 == 0 ? rest_us / 1000 : rest_us);
    return time;
}

struct text_short text_id(const uint8_t id[MUSTER_ID_BYTES]) {
    struct text_short text;
    muster_id_text(id, text.text);
    return text;
}

/* Writes the time of now, with milliseconds behind what the format says. */
static struct text_short write_now(struct tm *(*split)(const time_t *seconds, struct tm *parts),
                                   const char *format, const char *end) {
    struct text_short text;
    struct timespec now;
    struct tm parts;
    clock_gettime(CLOCK_REALTIME, &now);
    const size_t length = strftime(text.text, sizeof(text.text), format, split(&now.tv_sec, &parts));
    snprintf(text.text + length, sizeof(text.text) - length, ".%03ld%s", now.tv_nsec / 1000000, end);
    return text;
}

struct text_short text_now(void) {
    return write_now(localtime_r, "%H:%M:%S", "");
}

struct text_short text_now_utc(void) {
    return write_now(gmtime_r, "%Y-%m-%dT%H:%M:%S", "Z");
}

/* Writes "3m20s"; "3m" when the second part is 0. */
static void write_parts(char *text, size_t size, uint64_t first, const char *unit, uint64_t second,
                        const char *part) {
    const int length = snprintf(text, size, "%" PRIu64 "%s", first, unit);
    if (second > 0) {
        snprintf(text + length, size - (size_t)length, "%" PRIu64 "%s", second, part);
    }
}

struct text_short text_duration(int64_t ms) {
    static const struct {
        const char *unit;
        uint64_t ms;
        const char *part;
        uint64_t part_ms;
    } scales[] = {{"d", 86400000, "h", 3600000}, {"h", 3600000, "m", 60000}, {"m", 60000, "s", 1000}};
    struct text_short text = {"-"};
    const uint64_t size_ms = ms < 0 ? 0 - (uint64_t)ms : (uint64_t)ms;
    char *at = text.text + (ms < 0 ? 1 : 0);
    const size_t size = sizeof(text.text) - 1;
    for (size_t i = 0; i < sizeof(scales) / sizeof(scales[0]); i++) {
        if (size_ms >= scales[i].ms) {
            write_parts(at, size, size_ms / scales[i].ms, scales[i].unit,
                        size_ms % scales[i].ms / scales[i].part_ms, scales[i].part);
            return text;
        }
    }
    if (size_ms < 10000) {
        snprintf(at, size, "%" PRIu64 ".%" PRIu64 "s", size_ms / 1000, size_ms % 1000 / 100);
    } else {
        snprintf(at, size, "%" PRIu64 "s", size_ms / 1000);
    }
    return text;
}

struct text_short text_share(double share) {
    struct text_short text;
    const double percent = share * 100;
    snprintf(text.text, sizeof(text.text), percent > 0 && percent < 9.95 ? "%.1f%%" : "%.0f%%", percent);
    return text;
}

struct text_short text_address(const struct muster_endpoint *endpoint) {
    struct text_short text = {"-"};
    if (endpoint->family != 0) {
        inet_ntop(endpoint->family == 6 ? AF_INET6 : AF_INET, endpoint->ip, text.text, sizeof(text.text));
    }
    return text;
}

struct text_short text_endpoint(const struct muster_endpoint *endpoint, uint16_t port) {
    struct text_short text;
    snprintf(text.text, sizeof(text.text), endpoint->family == 6 ? "[%.46s]:%u" : "%.46s:%u",
             text_address(endpoint).text, port);
    return text;
}

struct text_short text_host(const struct muster_endpoint *endpoint, const char *interface_name) {
    const bool is_of_link = muster_endpoint_is_of_link(endpoint);
    struct text_short text = text_address(endpoint);
    if (endpoint->family == 6) {
        snprintf(text.text, sizeof(text.text), "[%.46s%s%.15s]", text_address(endpoint).text,
                 is_of_link ? "%" : "", is_of_link ? interface_name : "");
    }
    return text;
}

struct text_short text_paths(unsigned paths) {
    const unsigned unicast = 1U << MUSTER_PATH_U4 | 1U << MUSTER_PATH_U6;
    struct text_short text = {"-"};
    size_t length = 0;
    paths = (paths & ~unicast) != 0 ? paths & ~unicast : paths;
    for (unsigned kind = 0; kind < MUSTER_PATH_KINDS; kind++) {
        if ((paths & (1U << kind)) != 0) {
            length += (size_t)snprintf(text.text + length, sizeof(text.text) - length, "%s%s",
                                       length > 0 ? "," : "", muster_path_name((enum muster_path_kind)kind));
        }
    }
    return text;
}

/* ---- what a peer says ---- */

bool text_is_given(const char *text) {
    return text != NULL && text[0] != '\0';
}

struct text_offerer text_offerer(const struct muster_peer *peer, const struct muster_service *service) {
    struct text_offerer offerer;
    char name[MUSTER_OFFERER_BYTES];
    escape_text(muster_service_offerer(peer, service, name), offerer.text, sizeof(offerer.text));
    return offerer;
}

struct text_short text_service(const struct muster_service *service) {
    const bool is_tcp = strcmp(service->proto, "tcp") == 0;
    struct text_short text;
    const bool is_brought = text_is_given(service->origin);
    snprintf(text.text, sizeof(text.text), "%.15s:%u%s%.3s%s%.24s", text_name(service->type).text,
             service->port, is_tcp ? "" : "/", is_tcp ? "" : text_name(service->proto).text,
             is_brought ? "~" : "", is_brought ? text_name(service->origin).text : "");
    return text;
}

void text_print_services(FILE *out, const struct muster_document *document) {
    for (size_t i = 0; i < document->service_count; i++) {
        fprintf(out, "%s%s", i > 0 ? "," : "", text_service(&document->services[i]).text);
    }
    if (document->service_count == 0) {
        fputc('-', out);
    }
}

void text_print_items(FILE *out, const struct muster_text *items, size_t count) {
    for (size_t i = 0; i < count; i++) {
        fprintf(out, "%s%s=", i > 0 ? " " : "", text_name(items[i].name).text);
        text_print(out, items[i].value);
    }
    if (count == 0) {
        fputc('-', out);
    }
}

struct text_line text_interfaces(const struct muster_path *paths, size_t count) {
    struct text_line line = {""};
    for (size_t i = 0; i < count; i++) {
        size_t before = 0;
        while (before < i && strcmp(paths[before].name, paths[i].name) != 0) {
            before++;
        }
        if (before == i) {
            const size_t length = strlen(line.text);
            snprintf(line.text + length, sizeof(line.text) - length, "%s%s", i > 0 ? "," : "", paths[i].name);
        }
    }
    return line;
}

const char *text_state_color(enum muster_state state) {
    switch (state) {
    case MUSTER_ALIVE: return "\033[32m";   /* green */
    case MUSTER_SUSPECT: return "\033[33m"; /* yellow */
    case MUSTER_LOST: return "\033[31m";    /* red */
    case MUSTER_LEFT: return "\033[2m";     /* dim */
    }
    return "";
}
