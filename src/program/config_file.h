/* SPDX-License-Identifier: MIT */
/* A config file, read whole, and the directories of them. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "document.h"
#include "reason.h"

#define CONFIG_FILE_BYTES_MAX ((size_t)256 * 1024)

/* Owns all that it points to. A zeroed one is empty. */
struct config_file {
    char *path;
    char *text;
    size_t length;
    document_node_t *root;         /* NULL when the text is not JSON */
    struct config_number *numbers; /* whose texts are in use */
    size_t error_count;
};

/* Reads a regular file of up to CONFIG_FILE_BYTES_MAX bytes; one that everybody may write is refused. root
 * stays NULL. Returns 0, or -1 with a reason and the file zeroed. */
int config_file_read(struct config_file *file, const char *path, struct reason *reason);

/* The text of a number that stands in the file, which has it from then on; NULL without memory. */
const char *config_file_number_text(struct config_file *file, double number);

/* A zeroed file is allowed. */
void config_file_deinit(struct config_file *file);

/* True for a directory, false for all else. */
bool config_file_is_directory(const char *path);

/* Calls on_path for the files *.json, without hidden ones, of a directory, in the order of their names'
 * bytes; one that everybody may write is refused. Returns 0, or -1 with a reason. */
int config_file_each(const char *directory, void (*on_path)(const char *path, void *context), void *context,
                     struct reason *reason);
