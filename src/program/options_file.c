/* SPDX-License-Identifier: MIT */
#include "options_file.h"

#include <string.h>

#include "document.h"
#include "near.h"
#include "scan.h"
#include "value.h"

/* Refuses what stands at a node. */
static int refuse(const struct config_file *file, const document_node_t *node, struct reason *reason,
                  const char *why) {
    char member[128];
    const size_t offset = document_offset(file->root, node, file->text, file->length);
    const struct scan_position position = scan_position(file->text, offset);
    document_path(file->root, node, member, sizeof(member));
    return reason_set(reason, "%.200s:%zu:%zu: %s%s%s", file->path, position.line, position.column, member,
                      member[0] != '\0' ? ": " : "", why);
}

static int refuse_type(const struct config_file *file, const document_node_t *node, struct reason *reason,
                       const struct args_option *option) {
    return refuse(file, node, reason,
                  option->value == NULL ? "expected true or false"
                                        : "expected a text, a number, or an array of them");
}

/* Takes a value, as a command line would have it; the file keeps its text. */
static int take(struct config_file *file, const document_node_t *node, const struct args_option *option,
                const char *text, void *into, struct reason *reason) {
    struct reason why;
    return args_parse_value(option, text, (char *)into + option->offset, &why) == 0
               ? 0
               : refuse(file, node, reason, why.text);
}

static int read_value(struct config_file *file, const document_node_t *node, const struct args_option *option,
                      void *into, struct reason *reason) {
    const bool is_flag = option->value == NULL;
    const char *text = document_text(node);
    double number;
    if (is_flag && document_type(node) == DOCUMENT_BOOL) {
        return document_bool(node) ? take(file, node, option, NULL, into, reason) : 0;
    }
    if (!is_flag && document_number(node, &number)) {
        text = config_file_number_text(file, number);
        if (text == NULL) {
            return reason_set_memory(reason);
        }
    }
    return is_flag || text == NULL ? refuse_type(file, node, reason, option)
                                   : take(file, node, option, text, into, reason);
}

static int refuse_unknown(const struct config_file *file, const document_node_t *node,
                          const struct args_table tables[2], struct reason *reason) {
    struct reason why;
    struct near near = {.wanted = document_name(node)};
    for (size_t i = 0; i < 2; i++) {
        for (const struct args_option *option = tables[i].options; option->name != NULL; option++) {
            near_offer(&near, option->name);
        }
    }
    reason_set(&why, "no such option%s", near.count > 0 ? near_text(&near).text : "");
    return refuse(file, node, reason, why.text);
}

static int read_member(struct config_file *file, const document_node_t *node,
                       const struct args_table tables[2], struct reason *reason) {
    const char *name = document_name(node);
    const struct args_option *option = args_find_option(tables[0].options, name);
    void *into = option != NULL ? tables[0].into : tables[1].into;
    option = option != NULL ? option : args_find_option(tables[1].options, name);
    if (option == NULL || strcmp(name, "config") == 0 || strcmp(name, "help") == 0 ||
        strcmp(name, "version") == 0) {
        return refuse_unknown(file, node, tables, reason);
    }
    if (document_type(node) != DOCUMENT_ARRAY) {
        return read_value(file, node, option, into, reason);
    }
    int error = option->value != NULL ? 0 : refuse_type(file, node, reason, option);
    for (node = document_first(node); node != NULL && error == 0; node = document_next(node)) {
        error = read_value(file, node, option, into, reason);
    }
    return error;
}

int options_file_read(struct config_file *file, const char *path, const struct args_table tables[2],
                      struct reason *reason) {
    struct reason why;
    size_t offset = 0;
    if (config_file_read(file, path, &why) != 0) {
        return reason_set(reason, "%.200s: %s", path, why.text);
    }
    const enum scan_result result = scan_large(file->text, file->length, OPTIONS_FILE_VALUES_MAX, &offset);
    if (result != SCAN_OK) {
        const struct scan_position position = scan_position(file->text, offset);
        return reason_set(reason, "%.200s:%zu:%zu: %s", path, position.line, position.column,
                          scan_result_text(result));
    }
    file->root = document_parse(file->text, file->length);
    if (file->root == NULL) {
        return reason_set_memory(reason);
    }
    if (document_type(file->root) != DOCUMENT_OBJECT) {
        return refuse(file, file->root, reason, "expected an object");
    }
    int error = 0;
    const document_node_t *node = document_first(file->root);
    for (; node != NULL && error == 0; node = document_next(node)) {
        error = read_member(file, node, tables, reason);
    }
    return error;
}
