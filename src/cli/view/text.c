#include "text.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <wchar.h>

#include "escape.h"

/* What text_print() prints without the heap: any text of a datagram. */
#define PRINT_BYTES 3072

void text_print(FILE *out, const char *text) {
    char buffer[PRINT_BYTES];
    size_t size = escape_text_size(strlen(text));
    char *safe = size > sizeof(buffer) ? malloc(size) : NULL;
    if (safe != NULL) {
        fputs(escape_text(text, safe, size), out);
    } else {
        fputs(escape_text(text, buffer, sizeof(buffer)), out);
    }
    free(safe);
}

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

void text_print_now(FILE *out) {
    struct timespec now;
    struct tm parts;
    char text[16];
    clock_gettime(CLOCK_REALTIME, &now);
    localtime_r(&now.tv_sec, &parts);
    strftime(text, sizeof(text), "%H:%M:%S", &parts);
    fprintf(out, "%s.%03ld", text, now.tv_nsec / 1000000);
}

void text_print_duration(FILE *out, int64_t ms) {
    static const struct {
        const char *unit;
        uint64_t ms;
        const char *part;
        uint64_t part_ms;
    } scales[] = {{"d", 86400000, "h", 3600000}, {"h", 3600000, "m", 60000}, {"m", 60000, "s", 1000}};

    uint64_t size_ms = ms < 0 ? 0 - (uint64_t)ms : (uint64_t)ms;
    if (ms < 0) {
        fputc('-', out);
    }
    for (size_t i = 0; i < sizeof(scales) / sizeof(scales[0]); i++) {
        if (size_ms < scales[i].ms) {
            continue;
        }
        uint64_t part = size_ms % scales[i].ms / scales[i].part_ms;
        fprintf(out, "%llu%s", (unsigned long long)(size_ms / scales[i].ms), scales[i].unit);
        if (part > 0) {
            fprintf(out, "%llu%s", (unsigned long long)part, scales[i].part);
        }
        return;
    }
    if (size_ms < 10000) {
        fprintf(out, "%llu.%llus", (unsigned long long)(size_ms / 1000),
                (unsigned long long)(size_ms % 1000 / 100));
    } else {
        fprintf(out, "%llus", (unsigned long long)(size_ms / 1000));
    }
}

void text_print_share(FILE *out, double share) {
    double percent = share * 100;
    if (percent > 0 && percent < 9.95) {
        fprintf(out, "%.1f%%", percent);
    } else {
        fprintf(out, "%.0f%%", percent);
    }
}

const char *text_address(const struct muster_endpoint *endpoint, char buffer[TEXT_ADDRESS_BYTES]) {
    int family = endpoint->family == 6 ? AF_INET6 : AF_INET;
    if (endpoint->family == 0) {
        return "-";
    }
    return inet_ntop(family, endpoint->ip, buffer, TEXT_ADDRESS_BYTES);
}

void text_print_address(FILE *out, const struct muster_endpoint *endpoint) {
    char buffer[TEXT_ADDRESS_BYTES];
    fputs(text_address(endpoint, buffer), out);
}

void text_print_endpoint(FILE *out, const struct muster_endpoint *endpoint, uint16_t port) {
    if (endpoint->family == 6) {
        fputc('[', out);
    }
    text_print_address(out, endpoint);
    if (endpoint->family == 6) {
        fputc(']', out);
    }
    fprintf(out, ":%u", port);
}

void text_print_service(FILE *out, const struct muster_service *service) {
    text_print(out, service->type);
    fprintf(out, ":%u", service->port);
    if (strcmp(service->proto, "tcp") != 0) {
        fputc('/', out);
        text_print(out, service->proto);
    }
}

void text_print_services(FILE *out, const struct muster_document *document) {
    for (size_t i = 0; i < document->service_count; i++) {
        if (i > 0) {
            fputc(',', out);
        }
        text_print_service(out, &document->services[i]);
    }
    if (document->service_count == 0) {
        fputc('-', out);
    }
}

void text_print_items(FILE *out, const struct muster_text *items, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (i > 0) {
            fputc(' ', out);
        }
        text_print(out, items[i].name);
        fputc('=', out);
        text_print(out, items[i].value);
    }
    if (count == 0) {
        fputc('-', out);
    }
}

void text_print_paths(FILE *out, unsigned paths) {
    const unsigned unicast = 1U << MUSTER_PATH_U4;
    const char *separator = "";
    if ((paths & ~unicast) != 0) {
        paths &= ~unicast;
    }
    for (unsigned kind = 0; kind < MUSTER_PATH_KINDS; kind++) {
        if ((paths & (1U << kind)) == 0) {
            continue;
        }
        fprintf(out, "%s%s", separator, muster_path_name((enum muster_path_kind)kind));
        separator = ",";
    }
    if (paths == 0) {
        fputc('-', out);
    }
}

static bool is_named_before(const struct muster_path *paths, size_t at) {
    size_t before = 0;
    while (before < at && strcmp(paths[before].name, paths[at].name) != 0) {
        before++;
    }
    return before < at;
}

void text_interfaces(const struct muster_path *paths, size_t count, char *text, size_t size) {
    text[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        if (is_named_before(paths, i)) {
            continue;
        }
        size_t length = strlen(text);
        snprintf(text + length, size - length, "%s%s", length > 0 ? "," : "", paths[i].name);
    }
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
