/* SPDX-License-Identifier: MIT */
/* Config files: what `muster announce --config` announces, one JSON object a file, as
 * schemas/config.schema.json says. They are read in order: what can be said once is taken from the last file
 * that says it, services and attributes add up, and one that two places say is an error. */
#pragma once

#include <stddef.h>

#include "draft.h"
#include "start.h"

/* Values in one file. */
#define CONFIG_VALUES_MAX 16384

/* Errors that are said of one file, each by itself. */
#define CONFIG_ERRORS_MAX 20

/* Owns all that it points to. A zeroed one is empty. */
struct config {
    struct draft draft; /* may have no name */
    struct start start;
    uint8_t ttl; /* of the file that is read; 0: it says none */

    struct config_file *files; /* as far as they could be read, in order */
    size_t file_count;
    struct config_place *services; /* where the draft's are from, as far as they are from files */
    size_t service_count;
    struct config_place *attrs;
    size_t attr_count;

    const char *option; /* that is being added; NULL: a file is read */
    size_t error_count;
    void (*on_error)(const char *error, void *context); /* "PATH:LINE:COLUMN: MEMBER: expected …", not safe */
    void *context;                                      /* of on_error */
};

/* Reads files, and of a directory its files *.json in the order of their names' bytes, into a config that has
 * on_error and is empty otherwise. Returns 0, or -1 when there was at least one error; all have been handed
 * to on_error then. config_deinit() must follow in either case. */
int config_read(struct config *config, const char *const *paths, size_t count);

/* Puts what the command line says over what files say: its name wins, services and attributes add up.
 * Returns 0, or -1 as above. */
int config_add_options(struct config *config, const struct draft *options);

/* A zeroed config is allowed. */
void config_deinit(struct config *config);
