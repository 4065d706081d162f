/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config_file.h"
#include "document.h"
#include "scan.h"
#include "settings.h"
#include "spec.h"

/* Bytes of an error, and of a place in it. A longer one is cut. */
#define ERROR_BYTES 1024
#define PLACE_BYTES 512

/* A value in a file. */
struct config_place {
    size_t file;
    const document_node_t *node;
};

static const char out_of_memory[] = "out of memory";

/* ---- errors ---- */

static void report(struct config *config, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void refuse(struct config *config, const document_node_t *node, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void report(struct config *config, const char *format, ...) {
    char error[ERROR_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error, sizeof(error), format, arguments);
    va_end(arguments);
    config->error_count++;
    config->on_error(error, config->context);
}

/* Writes "PATH:LINE:COLUMN: MEMBER", for the whole file without the member. Returns text. */
static const char *name_place(const struct config *config, struct config_place place,
                              char text[PLACE_BYTES]) {
    const struct config_file *file = &config->files[place.file];
    char member[PLACE_BYTES / 2];
    const size_t offset = document_offset(file->root, place.node, file->text, file->length);
    const struct scan_position position = scan_position(file->text, offset);
    document_path(file->root, place.node, member, sizeof(member));
    snprintf(text, PLACE_BYTES, "%s:%zu:%zu%s%s", file->path, position.line, position.column,
             member[0] != '\0' ? ": " : "", member);
    return text;
}

/* A place in the file that is being read. */
static struct config_place place_here(const struct config *config, const document_node_t *node) {
    return (struct config_place){.file = config->file_count - 1, .node = node};
}

/* Reports what is wrong with a value of the file that is being read, or with an option. */
static void refuse(struct config *config, const document_node_t *node, const char *format, ...) {
    char place[PLACE_BYTES];
    char why[ERROR_BYTES];
    va_list arguments;
    if (config->option == NULL && ++config->files[config->file_count - 1].error_count > CONFIG_ERRORS_MAX) {
        return; /* each costs walks through a file */
    }
    va_start(arguments, format);
    vsnprintf(why, sizeof(why), format, arguments);
    va_end(arguments);
    report(config, "%s: %s",
           config->option != NULL ? config->option : name_place(config, place_here(config, node), place),
           why);
}

/* Writes the place of another value for refuse(). Returns "" where refuse() will report nothing: a place
 * costs a walk through a file. */
static const char *name_other(const struct config *config, struct config_place place,
                              char text[PLACE_BYTES]) {
    const bool is_reported =
        config->option != NULL || config->files[config->file_count - 1].error_count < CONFIG_ERRORS_MAX;
    return is_reported ? name_place(config, place, text) : "";
}

/* ---- values ---- */

static const char *type_text(enum document_type type) {
    static const char *const texts[] = {
        [DOCUMENT_NONE] = "nothing",    [DOCUMENT_NULL] = "null",   [DOCUMENT_BOOL] = "true or false",
        [DOCUMENT_NUMBER] = "a number", [DOCUMENT_TEXT] = "a text", [DOCUMENT_ARRAY] = "an array",
        [DOCUMENT_OBJECT] = "an object"};
    return texts[type];
}

static bool is_of_type(struct config *config, const document_node_t *node, enum document_type type) {
    if (document_type(node) == type) {
        return true;
    }
    refuse(config, node, "expected %s, got %s", type_text(type), type_text(document_type(node)));
    return false;
}

/* Reads an integer in [1, max]. Reports all else, and returns 0. */
static uint16_t read_number(struct config *config, const document_node_t *node, unsigned max) {
    uint64_t integer;
    double number;
    if (document_integer(node, &integer) && integer >= 1 && integer <= max) {
        return (uint16_t)integer;
    }
    if (document_number(node, &number)) {
        refuse(config, node, "expected 1 to %u, got %.15g", max, number);
    } else {
        refuse(config, node, "expected 1 to %u, got %s", max, type_text(document_type(node)));
    }
    return 0;
}

/* A row of a table of members, which ends with a row without a name. */
struct member {
    const char *name;
    enum document_type type;  /* DOCUMENT_NONE: read() looks at that */
    enum document_type items; /* of its items, which are read one by one; DOCUMENT_NONE: it is read itself */
    size_t offset;            /* of the place below, in the struct that the object is read into */

    /* Before the items. NULL, or false when they are not to be read, having said why. */
    bool (*begin)(struct config *config, const document_node_t *node, void *place);

    /* One of these: of a text, like args_option.parse; or of any value. */
    int (*parse)(const char *text, void *place, struct reason *reason);
    void (*read)(struct config *config, const document_node_t *node, void *place);
};

static void read_value(struct config *config, const document_node_t *node, const struct member *member,
                       void *place) {
    struct reason reason;
    if (member->parse == NULL) {
        member->read(config, node, place);
    } else if (member->parse(document_text(node), place, &reason) != 0) {
        refuse(config, node, "%s", reason.text);
    }
}

static void read_member(struct config *config, const document_node_t *node, const struct member *member,
                        void *place) {
    if (member->type != DOCUMENT_NONE && !is_of_type(config, node, member->type)) {
        return;
    }
    if (member->items == DOCUMENT_NONE) {
        read_value(config, node, member, place);
        return;
    }
    if (member->begin != NULL && !member->begin(config, node, place)) {
        return;
    }
    for (const document_node_t *item = document_first(node); item != NULL; item = document_next(item)) {
        if (is_of_type(config, item, member->items)) {
            read_value(config, item, member, place);
        }
    }
}

/* Reads each member of an object by the row of its name. */
static void read_members(struct config *config, const document_node_t *object, const struct member *members,
                         const char *names, void *into) {
    for (const document_node_t *node = document_first(object); node != NULL; node = document_next(node)) {
        const struct member *member = members;
        while (member->name != NULL && strcmp(member->name, document_name(node)) != 0) {
            member++;
        }
        if (member->name != NULL) {
            read_member(config, node, member, (char *)into + member->offset);
        } else {
            refuse(config, node, "unknown, expected %s", names);
        }
    }
}

/* ---- services ---- */

static void read_service_port(struct config *config, const document_node_t *node, void *service) {
    ((struct muster_service *)service)->port = read_number(config, node, UINT16_MAX);
}

static void read_txt_item(struct config *config, const document_node_t *item, void *service) {
    struct reason reason;
    if (spec_add_txt(service, document_name(item), document_text(item), &reason) != 0) {
        refuse(config, item, "%s", reason.text);
    }
}

/* Remembers where an item of the draft is from, unless it is from an option. */
static void remember_place(struct config *config, struct config_place **places, size_t *count,
                           const document_node_t *node) {
    struct config_place *grown = node != NULL ? realloc(*places, (*count + 1) * sizeof(*grown)) : NULL;
    if (grown != NULL) {
        *places = grown;
        grown[(*count)++] = place_here(config, node);
    } else if (node != NULL) {
        refuse(config, node, "%s", out_of_memory);
    }
}

/* Takes a whole service into the draft, which owns it then. Frees it when it is refused. */
static void add_service(struct config *config, const document_node_t *node, struct muster_service *service) {
    struct reason reason;
    char place[PLACE_BYTES];
    const size_t other = draft_find_service(&config->draft, service);
    if (other < config->service_count) {
        refuse(config, node, "expected each type, port and protocol only once, %s:%u/%s is at %s too",
               service->type, service->port, service->proto,
               name_other(config, config->services[other], place));
        spec_free(service);
    } else if (draft_add_service(&config->draft, service, &reason) != 0) {
        refuse(config, node, "%s", reason.text);
        spec_free(service);
    } else {
        remember_place(config, &config->services, &config->service_count, node);
    }
}

static void add_attr(struct config *config, const document_node_t *node, const char *key, const char *value) {
    struct reason reason;
    char place[PLACE_BYTES];
    char quoted[80] = "it";
    const size_t other = draft_find_attr(&config->draft, key);
    if (node == NULL) {
        snprintf(quoted, sizeof(quoted), "'%.64s'", key);
    }
    if (other < config->attr_count) {
        refuse(config, node, "expected each attribute only once, %s is at %s too", quoted,
               name_other(config, config->attrs[other], place));
    } else if (draft_add_attr(&config->draft, key, value, &reason) != 0) {
        refuse(config, node, "%s", reason.text);
    } else {
        remember_place(config, &config->attrs, &config->attr_count, node);
    }
}

/* Sets the members that a file may leave out. */
static void complete_service(struct config *config, const document_node_t *node,
                             struct muster_service *service) {
    struct reason reason;
    service->proto = service->proto != NULL ? service->proto : "tcp";
    if (service->name == NULL && spec_parse_name("", service, &reason) != 0) {
        refuse(config, node, "%s", reason.text);
    }
}

static void read_service(struct config *config, const document_node_t *node, void *place) {
    static const struct member members[] = {
        {"type", DOCUMENT_TEXT, .parse = spec_parse_type},
        {"port", .read = read_service_port},
        {"proto", DOCUMENT_TEXT, .parse = spec_parse_proto},
        {"name", DOCUMENT_TEXT, .parse = spec_parse_name},
        {"txt", DOCUMENT_OBJECT, DOCUMENT_TEXT, .read = read_txt_item},
        {0},
    };
    struct muster_service service = {0};
    const size_t errors_before = config->files[config->file_count - 1].error_count;
    (void)place;
    read_members(config, node, members, "type, port, proto, name or txt", &service);
    complete_service(config, node, &service);
    if (document_member(node, "type") == NULL || document_member(node, "port") == NULL) {
        refuse(config, node, "expected a type and a port");
    }
    if (config->files[config->file_count - 1].error_count > errors_before) {
        spec_free(&service);
    } else {
        add_service(config, node, &service);
    }
}

/* ---- the members of a file ---- */

/* A file says the whole list. */
static bool begin_texts(struct config *config, const document_node_t *node, void *place) {
    (void)config;
    (void)node;
    *(struct value_texts *)place = (struct value_texts){0};
    return true;
}

static bool begin_interfaces(struct config *config, const document_node_t *node, void *place) {
    const size_t count = document_count(node);
    if (count < 1 || count > VALUE_TEXTS_MAX) {
        refuse(config, node, "expected 1 to %d interfaces, got %zu", VALUE_TEXTS_MAX, count);
        return false;
    }
    return begin_texts(config, node, place);
}

static void read_port(struct config *config, const document_node_t *node, void *place) {
    (void)place;
    config->start.port = read_number(config, node, SETTINGS_PORT_MAX);
}

static void read_ttl(struct config *config, const document_node_t *node, void *place_ttl) {
    *(uint8_t *)place_ttl = (uint8_t)read_number(config, node, UINT8_MAX);
}

/* A TTL counts beyond the link alone. */
static void settle_ttl(struct config *config, const document_node_t *root) {
    if (config->ttl != 0 && config->start.site_ttl == 0) {
        refuse(config, document_member(root, "ttl"), "expected with scope site alone");
    } else if (config->ttl != 0) {
        config->start.site_ttl = config->ttl;
    }
    config->ttl = 0;
}

static void read_attr(struct config *config, const document_node_t *node, void *place) {
    (void)place;
    add_attr(config, node, document_name(node), document_text(node));
}

static void read_schema(struct config *config, const document_node_t *node, void *place) {
    uint64_t schema;
    (void)place;
    if (!document_integer(node, &schema) || schema != 1) {
        refuse(config, node, "expected 1, the only version there is");
    }
}

static void read_root(struct config *config, const document_node_t *root) {
    static const struct member members[] = {
        {"schema", .read = read_schema},
        {"name", DOCUMENT_TEXT, .offset = offsetof(struct config, draft), .parse = draft_parse_name},
        {"instance", DOCUMENT_TEXT, .offset = offsetof(struct config, start.instance),
         .parse = start_parse_instance},
        {"interval", DOCUMENT_TEXT, .offset = offsetof(struct config, start.interval_ms),
         .parse = start_parse_interval},
        {"trust", DOCUMENT_TEXT, .offset = offsetof(struct config, start.trust), .parse = start_parse_trust},
        {"interfaces", DOCUMENT_ARRAY, DOCUMENT_TEXT, offsetof(struct config, start.interfaces),
         begin_interfaces, start_parse_interface},
        {"scope", DOCUMENT_TEXT, .offset = offsetof(struct config, start.site_ttl),
         .parse = start_parse_scope},
        {"ttl", .offset = offsetof(struct config, ttl), .read = read_ttl},
        {"peers", DOCUMENT_ARRAY, DOCUMENT_TEXT, offsetof(struct config, start.peers), begin_texts,
         settings_parse_peer},
        {"port", .read = read_port},
        {"caches", DOCUMENT_ARRAY, DOCUMENT_TEXT, offsetof(struct config, start.caches), begin_texts,
         start_parse_cache},
        {"services", DOCUMENT_ARRAY, DOCUMENT_OBJECT, .read = read_service},
        {"attrs", DOCUMENT_OBJECT, DOCUMENT_TEXT, .read = read_attr},
        {0},
    };
    if (is_of_type(config, root, DOCUMENT_OBJECT)) {
        read_members(config, root, members,
                     "schema, name, instance, interval, trust, interfaces, scope, ttl, peers, port, caches, "
                     "services or attrs",
                     config);
        settle_ttl(config, root);
    }
}

/* ---- files ---- */

/* What people most often mean where JSON ends; "" when it is none of that. */
static const char *syntax_hint(const char *text, size_t length, size_t offset) {
    size_t before = offset;
    while (before > 0 && strchr(" \t\r\n", text[before - 1]) != NULL) {
        before--;
    }
    const char last = before > 0 ? text[before - 1] : '\0';
    const char found = offset < length ? text[offset] : '\0';
    if (found == '#' || found == '/') {
        return ", which has no comments";
    }
    if (found == '\'') {
        return ": expected double quotes around a text";
    }
    if ((found == '}' || found == ']') && last == ',') {
        return ": expected no comma before it";
    }
    if (found == '"' && last != '\0' && strchr("\"]}0123456789el", last) != NULL) {
        return ": expected a comma before it";
    }
    return "";
}

/* Parses the file that was added last. */
static void parse_file(struct config *config) {
    struct config_file *file = &config->files[config->file_count - 1];
    size_t offset = 0;
    const enum scan_result result = scan_large(file->text, file->length, CONFIG_VALUES_MAX, &offset);
    if (result != SCAN_OK) {
        const struct scan_position position = scan_position(file->text, offset);
        report(config, "%s:%zu:%zu: %s%s", file->path, position.line, position.column,
               scan_result_text(result),
               result == SCAN_SYNTAX ? syntax_hint(file->text, file->length, offset) : "");
        return;
    }
    file->root = document_parse(file->text, file->length);
    if (file->root == NULL) {
        report(config, "%s: %s", file->path, out_of_memory);
        return;
    }
    read_root(config, file->root);
    if (file->error_count > CONFIG_ERRORS_MAX) {
        report(config, "%s: %zu errors more", file->path, file->error_count - CONFIG_ERRORS_MAX);
    }
}

/* Adds a file, which it takes over. -1 when memory is out. */
static int add_file(struct config *config, const struct config_file *file) {
    struct config_file *grown = realloc(config->files, (config->file_count + 1) * sizeof(*grown));
    if (grown == NULL) {
        return -1;
    }
    config->files = grown;
    grown[config->file_count++] = *file;
    return 0;
}

static void read_file(const char *path, void *context) {
    struct config *config = context;
    struct config_file file;
    struct reason reason;
    if (config_file_read(&file, path, &reason) != 0) {
        report(config, "%s: %s", path, reason.text);
    } else if (add_file(config, &file) != 0) {
        report(config, "%s: %s", path, out_of_memory);
        config_file_deinit(&file);
    } else {
        parse_file(config);
    }
}

int config_read(struct config *config, const char *const *paths, size_t count) {
    struct reason reason;
    for (size_t i = 0; i < count; i++) {
        if (!config_file_is_directory(paths[i])) {
            read_file(paths[i], config);
        } else if (config_file_each(paths[i], read_file, config, &reason) != 0) {
            report(config, "%s: %s", paths[i], reason.text);
        }
    }
    return config->error_count == 0 ? 0 : -1;
}

/* ---- the command line ---- */

int config_add_options(struct config *config, const struct draft *options) {
    struct reason reason;
    config->option = "--name";
    if (options->name != NULL && draft_parse_name(options->name, &config->draft, &reason) != 0) {
        refuse(config, NULL, "%s", reason.text);
    }
    config->option = "--service";
    for (size_t i = 0; i < options->service_count; i++) {
        struct muster_service service;
        if (spec_copy(&service, &options->services[i]) == 0) {
            add_service(config, NULL, &service);
        } else {
            refuse(config, NULL, "%s", out_of_memory);
        }
    }
    config->option = "--attr";
    for (size_t i = 0; i < options->attr_count; i++) {
        add_attr(config, NULL, options->attrs[i].name, options->attrs[i].value);
    }
    config->option = NULL;
    return config->error_count == 0 ? 0 : -1;
}

void config_deinit(struct config *config) {
    for (size_t i = 0; i < config->file_count; i++) {
        config_file_deinit(&config->files[i]);
    }
    free(config->files);
    free(config->services);
    free(config->attrs);
    draft_deinit(&config->draft);
    *config = (struct config){0};
}
