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
#include "value.h"

/* Of an error, and of a place in it: what is longer is cut. */
#define ERROR_BYTES 1024
#define PLACE_BYTES 512

/* A value in a file. */
struct config_place {
    size_t file;
    const document_node_t *node;
};

static const char out_of_memory[] = "out of memory";

/* ---- errors ---- */

static void say(struct config *config, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void refuse(struct config *config, const document_node_t *node, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void say(struct config *config, const char *format, ...) {
    char error[ERROR_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error, sizeof(error), format, arguments);
    va_end(arguments);
    config->error_count++;
    config->on_error(error, config->context);
}

/* "PATH:LINE:COLUMN: MEMBER"; without the member for the whole file. */
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

/* Says what is wrong with a value of the file that is being read. */
static void refuse(struct config *config, const document_node_t *node, const char *format, ...) {
    char place[PLACE_BYTES];
    char why[ERROR_BYTES / 2];
    va_list arguments;
    if (++config->files[config->file_count - 1].error_count > CONFIG_ERRORS_MAX) {
        return; /* each costs walks through a file */
    }
    va_start(arguments, format);
    vsnprintf(why, sizeof(why), format, arguments);
    va_end(arguments);
    say(config, "%s: %s", name_place(config, place_here(config, node), place), why);
}

/* A place for refuse(), which costs nothing where that will say nothing. */
static const char *name_twin(const struct config *config, struct config_place place, char text[PLACE_BYTES]) {
    const bool is_said = config->files[config->file_count - 1].error_count < CONFIG_ERRORS_MAX;
    return is_said ? name_place(config, place, text) : "";
}

/* ---- values ---- */

static const char *type_text(enum document_type type) {
    switch (type) {
    case DOCUMENT_NONE: return "nothing";
    case DOCUMENT_NULL: return "null";
    case DOCUMENT_BOOL: return "true or false";
    case DOCUMENT_NUMBER: return "a number";
    case DOCUMENT_TEXT: return "a text";
    case DOCUMENT_ARRAY: return "an array";
    case DOCUMENT_OBJECT: return "an object";
    }
    return "nothing";
}

static bool is_of_type(struct config *config, const document_node_t *node, enum document_type type) {
    if (document_type(node) == type) {
        return true;
    }
    refuse(config, node, "expected %s, got %s", type_text(type), type_text(document_type(node)));
    return false;
}

/* NULL for what is no text, which has been said then. */
static const char *read_text(struct config *config, const document_node_t *node) {
    return is_of_type(config, node, DOCUMENT_TEXT) ? document_text(node) : NULL;
}

/* A port in [1, max]; 0 for all else, which has been said then. */
static uint16_t read_port_number(struct config *config, const document_node_t *node, unsigned max) {
    uint64_t port;
    double number;
    if (document_integer(node, &port) && port >= 1 && port <= max) {
        return (uint16_t)port;
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
    void (*read)(struct config *config, const document_node_t *node, void *into);
};

/* Reads each member of an object by the row of its name. */
static void read_members(struct config *config, const document_node_t *object, const struct member *members,
                         const char *names, void *into) {
    for (const document_node_t *node = document_first(object); node != NULL; node = document_next(node)) {
        const struct member *member = members;
        while (member->name != NULL && strcmp(member->name, document_name(node)) != 0) {
            member++;
        }
        if (member->name != NULL) {
            member->read(config, node, into);
        } else {
            refuse(config, node, "unknown, expected %s", names);
        }
    }
}

/* ---- services ---- */

static void read_type(struct config *config, const document_node_t *node, void *service) {
    struct reason reason;
    const char *type = read_text(config, node);
    if (type != NULL && spec_set_type(service, type, &reason) != 0) {
        refuse(config, node, "%s", reason.text);
    }
}

static void read_service_port(struct config *config, const document_node_t *node, void *service) {
    ((struct muster_service *)service)->port = read_port_number(config, node, UINT16_MAX);
}

static void read_proto(struct config *config, const document_node_t *node, void *service) {
    struct reason reason;
    const char *proto = read_text(config, node);
    if (proto != NULL && spec_set_proto(service, proto, &reason) != 0) {
        refuse(config, node, "%s", reason.text);
    }
}

static void read_service_name(struct config *config, const document_node_t *node, void *service) {
    struct reason reason;
    const char *name = read_text(config, node);
    if (name != NULL && spec_set_name(service, name, &reason) != 0) {
        refuse(config, node, "%s", reason.text);
    }
}

static void read_txt(struct config *config, const document_node_t *node, void *service) {
    struct reason reason;
    if (!is_of_type(config, node, DOCUMENT_OBJECT)) {
        return;
    }
    for (const document_node_t *item = document_first(node); item != NULL; item = document_next(item)) {
        const char *value = read_text(config, item);
        if (value != NULL && spec_add_txt(service, document_name(item), value, &reason) != 0) {
            refuse(config, item, "%s", reason.text);
        }
    }
}

static const char duplicate_service[] =
    "expected each type, port and protocol only once, %s:%u/%s is at %s too";

/* Adds a place to a list. -1 when memory is out. */
static int add_place(struct config_place **places, size_t *count, struct config_place place) {
    struct config_place *grown = realloc(*places, (*count + 1) * sizeof(**places));
    if (grown == NULL) {
        return -1;
    }
    *places = grown;
    grown[(*count)++] = place;
    return 0;
}

/* Takes a whole service into the draft. True when the draft owns it. */
static bool add_service(struct config *config, const document_node_t *node,
                        const struct muster_service *service) {
    struct reason reason;
    char place[PLACE_BYTES];
    const size_t twin = draft_find_service(&config->draft, service);
    if (twin < config->draft.service_count) {
        refuse(config, node, duplicate_service, service->type, service->port, service->proto,
               name_twin(config, config->services[twin], place));
        return false;
    }
    if (add_place(&config->services, &config->service_count, place_here(config, node)) != 0) {
        refuse(config, node, "%s", out_of_memory);
        return false;
    }
    if (draft_add_service(&config->draft, service, &reason) != 0) {
        config->service_count--;
        refuse(config, node, "%s", reason.text);
        return false;
    }
    return true;
}

/* Sets what a service need not say. */
static void complete_service(struct config *config, const document_node_t *node,
                             struct muster_service *service) {
    struct reason reason;
    if (service->proto == NULL) {
        spec_set_proto(service, "tcp", &reason);
    }
    if (service->name == NULL && spec_set_name(service, "", &reason) != 0) {
        refuse(config, node, "%s", reason.text);
    }
}

static void read_service(struct config *config, const document_node_t *node) {
    static const struct member members[] = {{"type", read_type},   {"port", read_service_port},
                                            {"proto", read_proto}, {"name", read_service_name},
                                            {"txt", read_txt},     {0}};
    struct muster_service service = {0};
    const size_t errors_before = config->files[config->file_count - 1].error_count;
    if (!is_of_type(config, node, DOCUMENT_OBJECT)) {
        return;
    }
    read_members(config, node, members, "type, port, proto, name or txt", &service);
    complete_service(config, node, &service);
    if (document_member(node, "type") == NULL || document_member(node, "port") == NULL) {
        refuse(config, node, "expected a type and a port");
    }
    if (config->files[config->file_count - 1].error_count > errors_before ||
        !add_service(config, node, &service)) {
        spec_free(&service);
    }
}

/* ---- the members of a file ---- */

static void read_name(struct config *config, const document_node_t *node, void *into) {
    struct reason reason;
    const char *name = read_text(config, node);
    (void)into;
    if (name != NULL && draft_set_name(&config->draft, name, &reason) != 0) {
        refuse(config, node, "%s", reason.text);
    }
}

static void read_instance(struct config *config, const document_node_t *node, void *into) {
    struct reason reason;
    const char *instance = read_text(config, node);
    (void)into;
    if (instance == NULL) {
        return;
    }
    if (spec_check_text("a name", instance, false, MUSTER_NAME_BYTES_MAX, &reason) == 0) {
        snprintf(config->start.instance, sizeof(config->start.instance), "%s", instance);
    } else {
        refuse(config, node, "%s", reason.text);
    }
}

static void read_interval(struct config *config, const document_node_t *node, void *into) {
    struct reason reason;
    const char *interval = read_text(config, node);
    (void)into;
    if (interval != NULL && value_duration(interval, MUSTER_INTERVAL_MS_MIN, MUSTER_INTERVAL_MS_MAX,
                                           &config->start.interval_ms, &reason) != 0) {
        refuse(config, node, "%s", reason.text);
    }
}

static void read_interfaces(struct config *config, const document_node_t *node, void *into) {
    struct config_start *start = &config->start;
    (void)into;
    if (!is_of_type(config, node, DOCUMENT_ARRAY)) {
        return;
    }
    const size_t count = document_count(node);
    if (count < 1 || count > SETTINGS_INTERFACES_MAX) {
        refuse(config, node, "expected 1 to %d interfaces, got %zu", SETTINGS_INTERFACES_MAX, count);
        return;
    }
    start->interface_count = 0;
    for (const document_node_t *item = document_first(node); item != NULL; item = document_next(item)) {
        const char *name = read_text(config, item);
        if (name == NULL) {
            continue;
        }
        if (name[0] == '\0' || strlen(name) >= MUSTER_INTERFACE_NAME_BYTES) {
            refuse(config, item, "expected an interface name such as eth0, got '%.64s'", name);
            continue;
        }
        strcpy(start->interfaces[start->interface_count++], name);
    }
}

int config_start_keep(struct config_start *start, const char *pattern, struct reason *reason) {
    const char *fault = muster_pattern_fault(pattern);
    if (fault != NULL) {
        return reason_set(reason, "%s", fault);
    }
    if (start->keep_count == MUSTER_KEEPS_MAX) {
        return reason_set(reason, "expected at most %d patterns", MUSTER_KEEPS_MAX);
    }
    strcpy(start->keeps[start->keep_count++], pattern);
    return 0;
}

static void read_keeps(struct config *config, const document_node_t *node, void *into) {
    struct reason reason;
    (void)into;
    if (!is_of_type(config, node, DOCUMENT_ARRAY)) {
        return;
    }
    config->start.keep_count = 0;
    for (const document_node_t *item = document_first(node); item != NULL; item = document_next(item)) {
        const char *pattern = read_text(config, item);
        if (pattern != NULL && config_start_keep(&config->start, pattern, &reason) != 0) {
            refuse(config, item, "%s", reason.text);
        }
    }
}

static void read_port(struct config *config, const document_node_t *node, void *into) {
    (void)into;
    config->start.port = read_port_number(config, node, SETTINGS_PORT_MAX);
}

static void read_services(struct config *config, const document_node_t *node, void *into) {
    (void)into;
    if (!is_of_type(config, node, DOCUMENT_ARRAY)) {
        return;
    }
    for (const document_node_t *item = document_first(node); item != NULL; item = document_next(item)) {
        read_service(config, item);
    }
}

static void read_attr(struct config *config, const document_node_t *node) {
    struct reason reason;
    char place[PLACE_BYTES];
    const char *key = document_name(node);
    const char *value = read_text(config, node);
    const size_t twin = draft_find_attr(&config->draft, key);
    if (value == NULL) {
        return;
    }
    if (twin < config->draft.attr_count) {
        refuse(config, node, "expected each attribute only once, it is at %s too",
               name_twin(config, config->attrs[twin], place));
    } else if (add_place(&config->attrs, &config->attr_count, place_here(config, node)) != 0) {
        refuse(config, node, "%s", out_of_memory);
    } else if (draft_set_attr(&config->draft, key, value, &reason) != 0) {
        config->attr_count--;
        refuse(config, node, "%s", reason.text);
    }
}

static void read_attrs(struct config *config, const document_node_t *node, void *into) {
    (void)into;
    if (!is_of_type(config, node, DOCUMENT_OBJECT)) {
        return;
    }
    for (const document_node_t *item = document_first(node); item != NULL; item = document_next(item)) {
        read_attr(config, item);
    }
}

static void read_schema(struct config *config, const document_node_t *node, void *into) {
    uint64_t schema;
    (void)into;
    if (!document_integer(node, &schema) || schema != 1) {
        refuse(config, node, "expected 1, the only version there is");
    }
}

static void read_root(struct config *config, const document_node_t *root) {
    static const struct member members[] = {
        {"schema", read_schema},     {"name", read_name},
        {"instance", read_instance}, {"interval", read_interval},
        {"port", read_port},         {"interfaces", read_interfaces},
        {"keeps", read_keeps},       {"services", read_services},
        {"attrs", read_attrs},       {0},
    };
    if (is_of_type(config, root, DOCUMENT_OBJECT)) {
        read_members(config, root, members,
                     "schema, name, instance, interval, interfaces, port, keeps, services or attrs", NULL);
    }
}

/* ---- files ---- */

/* Parses the file that was added last. */
static void parse_file(struct config *config) {
    struct config_file *file = &config->files[config->file_count - 1];
    size_t offset = 0;
    const enum scan_result result = scan_large(file->text, file->length, CONFIG_VALUES_MAX, &offset);
    if (result != SCAN_OK) {
        const struct scan_position position = scan_position(file->text, offset);
        say(config, "%s:%zu:%zu: %s", file->path, position.line, position.column, scan_result_text(result));
        return;
    }
    file->root = document_parse(file->text, file->length);
    if (file->root == NULL) {
        say(config, "%s: %s", file->path, out_of_memory);
        return;
    }
    read_root(config, file->root);
    if (file->error_count > CONFIG_ERRORS_MAX) {
        say(config, "%s: %zu errors more", file->path, file->error_count - CONFIG_ERRORS_MAX);
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

static void read_file(struct config *config, const char *path) {
    struct config_file file;
    struct reason reason;
    if (config_file_read(&file, path, &reason) != 0) {
        say(config, "%s: %s", path, reason.text);
    } else if (add_file(config, &file) != 0) {
        say(config, "%s: %s", path, out_of_memory);
        config_file_deinit(&file);
    } else {
        parse_file(config);
    }
}

static void read_directory(struct config *config, const char *path) {
    struct config_file_list list;
    struct reason reason;
    if (config_file_list(&list, path, &reason) != 0) {
        say(config, "%s: %s", path, reason.text);
    }
    for (size_t i = 0; i < list.count; i++) {
        read_file(config, list.paths[i]);
    }
    config_file_list_deinit(&list);
}

int config_read(struct config *config, const char *const *paths, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (config_file_is_directory(paths[i])) {
            read_directory(config, paths[i]);
        } else {
            read_file(config, paths[i]);
        }
    }
    return config->error_count == 0 ? 0 : -1;
}

/* ---- the command line ---- */

static void add_option_service(struct config *config, const struct muster_service *option) {
    struct muster_service service;
    struct reason reason;
    char place[PLACE_BYTES];
    char why[ERROR_BYTES];
    const size_t twin = draft_find_service(&config->draft, option);
    if (twin < config->service_count) {
        snprintf(why, sizeof(why), duplicate_service, option->type, option->port, option->proto,
                 name_place(config, config->services[twin], place));
        say(config, "--service: %s", why);
    } else if (spec_copy(&service, option) != 0) {
        say(config, "--service: %s", out_of_memory);
    } else if (draft_add_service(&config->draft, &service, &reason) != 0) {
        say(config, "--service: %s", reason.text);
        spec_free(&service);
    }
}

static void add_option_attr(struct config *config, const struct muster_text *option) {
    struct reason reason;
    char place[PLACE_BYTES];
    const size_t twin = draft_find_attr(&config->draft, option->name);
    if (twin < config->attr_count) {
        say(config, "--attr: expected each attribute only once, '%.64s' is at %s too", option->name,
            name_place(config, config->attrs[twin], place));
    } else if (draft_set_attr(&config->draft, option->name, option->value, &reason) != 0) {
        say(config, "--attr: %s", reason.text);
    }
}

int config_add_options(struct config *config, const struct draft *options) {
    struct reason reason;
    if (options->name != NULL && draft_set_name(&config->draft, options->name, &reason) != 0) {
        say(config, "--name: %s", reason.text);
    }
    for (size_t i = 0; i < options->service_count; i++) {
        add_option_service(config, &options->services[i]);
    }
    for (size_t i = 0; i < options->attr_count; i++) {
        add_option_attr(config, &options->attrs[i]);
    }
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

const char *config_file_path(const struct config *config, size_t i) {
    return config->files[i].path;
}

void config_start_fill(struct config_start *start, const struct config_start *from) {
    if (start->instance[0] == '\0') {
        memcpy(start->instance, from->instance, sizeof(start->instance));
    }
    if (start->interval_ms == 0) {
        start->interval_ms = from->interval_ms;
    }
    if (start->interface_count == 0) {
        memcpy(start->interfaces, from->interfaces, sizeof(start->interfaces));
        start->interface_count = from->interface_count;
    }
    if (start->port == 0) {
        start->port = from->port;
    }
    if (start->keep_count == 0) {
        memcpy(start->keeps, from->keeps, sizeof(start->keeps));
        start->keep_count = from->keep_count;
    }
}
