#include "request.h"

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include <muster/telemetry.h>

#include "document.h"
#include "lists.h"
#include "member.h"

/* A request lists at most so many interfaces. */
#define INTERFACES_MAX MUSTER_PATHS_MAX

static const char *const kind_names[REQUEST_KINDS] = {"table", "document", "watch",  "stats",
                                                      "self",  "update",   "samples"};
static const struct name_table kinds = NAME_TABLE(kind_names);

#define END_NAME(NAME, name, text) name,
#define END_TEXT(NAME, name, text) text,
static const char *const end_names[] = {REQUEST_ENDS(END_NAME)};
static const char *const end_texts[] = {REQUEST_ENDS(END_TEXT)};
const struct name_table request_end_names = NAME_TABLE(end_names);

const char *request_end_text(enum request_end end) {
    return end_texts[end];
}

/* ---- writing ---- */

static void put_conditions(struct document *document, const struct request *request) {
    if (request->port != 0) {
        document_put_integer(document, NULL, "port", request->port);
    }
    if (request->network != NULL) {
        document_put_text(document, NULL, "network", request->network);
    }
    if (request->interfaces != NULL) {
        document_node_t *array = document_put_array(document, NULL, "interfaces");
        for (size_t i = 0; i < request->interface_count; i++) {
            document_put_text(document, array, NULL, request->interfaces[i]);
        }
    }
}

static void put_wanted(struct document *document, const struct request *request) {
    char id[MUSTER_ID_TEXT_BYTES];
    char hash[2 * MUSTER_HASH_BYTES + 1];
    muster_id_text(request->id, id);
    sodium_bin2hex(hash, sizeof hash, request->hash, sizeof request->hash);
    document_put_text(document, NULL, "id", id);
    document_put_text(document, NULL, "hash", hash);
}

static void put_change(struct document *document, const struct muster_change *change) {
    const struct muster_document set = {.services = change->services,
                                        .service_count = change->service_count,
                                        .attrs = change->attrs,
                                        .attr_count = change->attr_count};
    const struct muster_document removed = {.services = change->removed_services,
                                            .service_count = change->removed_service_count};
    document_node_t *object = document_put_object(document, NULL, "set");
    if (change->name != NULL) {
        document_put_text(document, object, "name", change->name);
    }
    lists_put(document, object, &set);
    object = document_put_object(document, NULL, "remove");
    lists_put(document, object, &removed);
    document_node_t *names = document_put_array(document, object, "attrs");
    for (size_t i = 0; i < change->removed_attr_count; i++) {
        document_put_text(document, names, NULL, change->removed_attrs[i]);
    }
}

static void put_samples(struct document *document, const struct request *request) {
    document_node_t *patterns = document_put_array(document, NULL, "patterns");
    for (size_t i = 0; i < request->pattern_count; i++) {
        document_put_text(document, patterns, NULL, request->patterns[i]);
    }
    if (request->since_ms != 0) {
        document_put_integer(document, NULL, "since_ms", (int64_t)request->since_ms);
    }
    if (request->follows) {
        document_put_bool(document, NULL, "follow", true);
    }
}

static int print(const struct document *document, size_t bytes_max, char **line, size_t *length) {
    char *text = malloc(bytes_max + DOCUMENT_PRINT_SPARE);
    int printed = text == NULL ? -1 : document_print(document, text, bytes_max + DOCUMENT_PRINT_SPARE);
    if (printed < 0) {
        free(text);
        return printed == -1 ? MUSTER_ENOMEM : MUSTER_ETOOBIG;
    }
    text[printed] = '\n'; /* in the place of its NUL */
    *line = text;
    *length = (size_t)printed + 1;
    return 0;
}

int request_encode(const struct request *request, char **line, size_t *length) {
    struct document document;
    document_init(&document);
    document_put_integer(&document, NULL, "muster", 1);
    document_put_text(&document, NULL, "request", name_get(&kinds, request->kind));
    put_conditions(&document, request);
    if (request->kind == REQUEST_DOCUMENT) {
        put_wanted(&document, request);
    } else if (request->kind == REQUEST_UPDATE) {
        put_change(&document, &request->change);
    } else if (request->kind == REQUEST_SAMPLES) {
        put_samples(&document, request);
    }
    bool is_update = request->kind == REQUEST_UPDATE;
    int error =
        print(&document, is_update ? MUSTER_REQUEST_LOCAL_BYTES_MAX : MUSTER_REQUEST_BYTES_MAX, line, length);
    document_deinit(&document);
    return error;
}

/* ---- reading ---- */

static enum request_end refuse(const char **member, const char *name) {
    *member = name;
    return REQUEST_END_INVALID;
}

static bool read_hex(const document_node_t *node, uint8_t *bytes, size_t size) {
    return document_text(node) != NULL && member_parse_hex(document_text(node), bytes, size);
}

/* An array of texts, laid out at *texts, which the caller sized. */
static bool read_texts(const document_node_t *array, const char **texts, size_t bytes_max) {
    for (const document_node_t *e = document_first(array); e != NULL; e = document_next(e)) {
        *texts = document_text(e);
        if (*texts == NULL || strlen(*texts) > bytes_max) {
            return false;
        }
        texts++;
    }
    return true;
}

static enum request_end read_interfaces(struct request *request, const char **member) {
    const document_node_t *interfaces = document_member(request->tree, "interfaces");
    if (interfaces == NULL) {
        return REQUEST_END_DONE;
    }
    size_t count = document_count(interfaces);
    if (document_type(interfaces) != DOCUMENT_ARRAY || count == 0 || count > INTERFACES_MAX) {
        return refuse(member, "interfaces");
    }
    const char **names = calloc(count, sizeof *names);
    if (names == NULL) {
        return REQUEST_END_MEMORY;
    }
    request->interfaces = names;
    request->interface_count = count;
    return read_texts(interfaces, names, MUSTER_INTERFACE_NAME_BYTES - 1) ? REQUEST_END_DONE
                                                                          : refuse(member, "interfaces");
}

static enum request_end read_conditions(struct request *request, const char **member) {
    const document_node_t *port = document_member(request->tree, "port");
    const document_node_t *network = document_member(request->tree, "network");
    uint64_t number = 0;
    if (port != NULL && (!document_integer(port, &number) || number < 1 || number > UINT16_MAX)) {
        return refuse(member, "port");
    }
    request->port = (uint16_t)number;
    request->network = document_text(network);
    if (network != NULL &&
        (request->network == NULL || strlen(request->network) >= MUSTER_NETWORK_NAME_BYTES)) {
        return refuse(member, "network");
    }
    return read_interfaces(request, member);
}

static enum request_end read_wanted(struct request *request, const char **member) {
    if (!read_hex(document_member(request->tree, "id"), request->id, sizeof request->id)) {
        return refuse(member, "id");
    }
    if (!read_hex(document_member(request->tree, "hash"), request->hash, sizeof request->hash)) {
        return refuse(member, "hash");
    }
    return REQUEST_END_DONE;
}

/* Reads lists of an object of the change. */
static enum request_end read_lists(const document_node_t *object, unsigned which,
                                   struct muster_document *lists, void **arrays, const char **member,
                                   const char *name) {
    enum muster_drop reason;
    if (member_allow(object, DOCUMENT_OBJECT, &reason) && lists_read(object, which, lists, arrays, &reason)) {
        return REQUEST_END_DONE;
    }
    return reason == MUSTER_DROP_MEMORY ? REQUEST_END_MEMORY : refuse(member, name);
}

static enum request_end read_set(struct request *request, const char **member) {
    const document_node_t *set = document_member(request->tree, "set");
    const document_node_t *name = document_member(set, "name");
    struct muster_document lists = {.name = document_text(name)};
    enum request_end end =
        read_lists(set, LISTS_SERVICES | LISTS_ATTRS, &lists, &request->set_arrays, member, "set");
    if (end != REQUEST_END_DONE) {
        return end;
    }
    request->change.name = lists.name;
    request->change.services = lists.services;
    request->change.service_count = lists.service_count;
    request->change.attrs = lists.attrs;
    request->change.attr_count = lists.attr_count;
    return name == NULL || lists.name != NULL ? REQUEST_END_DONE : refuse(member, "set");
}

static enum request_end read_remove(struct request *request, const char **member) {
    const document_node_t *removed = document_member(request->tree, "remove");
    const document_node_t *attrs = document_member(removed, "attrs");
    struct muster_change *change = &request->change;
    struct muster_document lists = {0};
    enum request_end end =
        read_lists(removed, LISTS_SERVICES, &lists, &request->removed_arrays, member, "remove");
    if (end != REQUEST_END_DONE) {
        return end;
    }
    change->removed_services = lists.services;
    change->removed_service_count = lists.service_count;
    if (document_count(attrs) == 0) {
        return attrs == NULL || document_type(attrs) == DOCUMENT_ARRAY ? REQUEST_END_DONE
                                                                       : refuse(member, "remove");
    }
    const char **names = calloc(document_count(attrs), sizeof *names);
    if (names == NULL) {
        return REQUEST_END_MEMORY;
    }
    change->removed_attrs = names;
    change->removed_attr_count = document_count(attrs);
    return document_type(attrs) == DOCUMENT_ARRAY && read_texts(attrs, names, MUSTER_NAME_BYTES_MAX)
               ? REQUEST_END_DONE
               : refuse(member, "remove");
}

/* Patterns of which each is one. */
static bool read_patterns(const document_node_t *array, const char **patterns) {
    if (!read_texts(array, patterns, MUSTER_PATTERN_BYTES_MAX)) {
        return false;
    }
    for (size_t i = 0; i < document_count(array); i++) {
        if (muster_pattern_fault(patterns[i]) != NULL) {
            return false;
        }
    }
    return true;
}

static enum request_end read_pattern_list(struct request *request, const char **member) {
    const document_node_t *array = document_member(request->tree, "patterns");
    size_t count = document_count(array);
    if (document_type(array) != DOCUMENT_ARRAY || count == 0 || count > MUSTER_PATTERNS_MAX) {
        return refuse(member, "patterns");
    }
    const char **patterns = calloc(count, sizeof *patterns);
    if (patterns == NULL) {
        return REQUEST_END_MEMORY;
    }
    request->patterns = patterns;
    request->pattern_count = count;
    return read_patterns(array, patterns) ? REQUEST_END_DONE : refuse(member, "patterns");
}

static enum request_end read_samples(struct request *request, const char **member) {
    const document_node_t *since = document_member(request->tree, "since_ms");
    const document_node_t *follow = document_member(request->tree, "follow");
    if (since != NULL && (!document_integer(since, &request->since_ms) || request->since_ms < 1 ||
                          request->since_ms > MUSTER_SINCE_MS_MAX)) {
        return refuse(member, "since_ms");
    }
    if (follow != NULL && document_type(follow) != DOCUMENT_BOOL) {
        return refuse(member, "follow");
    }
    request->follows = document_bool(follow);
    return read_pattern_list(request, member);
}

static enum request_end read_kind(struct request *request, const char **member) {
    const document_node_t *version = document_member(request->tree, "muster");
    const char *name = document_text(document_member(request->tree, "request"));
    uint64_t number;
    if (!document_integer(version, &number) || number != 1) {
        return refuse(member, "muster");
    }
    if (name == NULL) {
        return refuse(member, "request");
    }
    int kind = name_find(&kinds, name);
    if (kind < 0) {
        return REQUEST_END_UNKNOWN;
    }
    request->kind = (enum request_kind)kind;
    return REQUEST_END_DONE;
}

static enum request_end read_members(struct request *request, const char **member) {
    enum request_end end = read_kind(request, member);
    if (end == REQUEST_END_DONE) {
        end = read_conditions(request, member);
    }
    if (end == REQUEST_END_DONE && request->kind == REQUEST_DOCUMENT) {
        end = read_wanted(request, member);
    }
    if (end == REQUEST_END_DONE && request->kind == REQUEST_UPDATE) {
        end = read_set(request, member);
    }
    if (end == REQUEST_END_DONE && request->kind == REQUEST_UPDATE) {
        end = read_remove(request, member);
    }
    if (end == REQUEST_END_DONE && request->kind == REQUEST_SAMPLES) {
        end = read_samples(request, member);
    }
    return end;
}

enum request_end request_decode(const char *line, size_t length, struct request *request,
                                const char **member) {
    *request = (struct request){0};
    *member = NULL;
    enum muster_drop reason;
    request->tree = member_parse_large(line, length, &reason);
    if (request->tree == NULL) {
        return reason == MUSTER_DROP_MEMORY ? REQUEST_END_MEMORY : REQUEST_END_SYNTAX;
    }
    enum request_end end =
        document_type(request->tree) == DOCUMENT_OBJECT ? read_members(request, member) : REQUEST_END_SYNTAX;
    if (end != REQUEST_END_DONE) {
        request_deinit(request);
    }
    return end;
}

void request_deinit(struct request *request) {
    free((void *)request->interfaces);
    free((void *)request->change.removed_attrs);
    free((void *)request->patterns);
    free(request->set_arrays);
    free(request->removed_arrays);
    document_free(request->tree);
    *request = (struct request){0};
}
