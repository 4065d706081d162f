/* SPDX-License-Identifier: MIT */
/* A text file in the directory "keys" of the state directory, for its owner alone: a file that belongs to
 * somebody else, or that others may read or write, is not used. It is replaced as a whole. */
#pragma once

#include <stddef.h>

#include "log.h"

/* The path of the directory, for the caller to free; state_dir NULL: the default. MUSTER_ESTATE (there is
 * none), MUSTER_ENOMEM. */
int private_file_directory(const char *state_dir, char **path, const struct log *log);

/* Reads it into text, NUL-terminated. 1 when there is one, 0 when there is none, or no state directory.
 * MUSTER_ESTATE, MUSTER_EPERM, MUSTER_ENOMEM; an error line says why. */
int private_file_read(const char *state_dir, const char *file, char *text, size_t size,
                      const struct log *log);

/* Says that its text is not what this program writes. MUSTER_ESTATE. */
int private_file_refuse(const char *state_dir, const char *file, const struct log *log);

/* Changes a text in place. 0, or any other number, which leaves the file as it is. */
typedef int (*private_file_change_cb)(char *text, void *context);

/* Reads it into text, "" when there is none, has `change` change the text, and puts that in the place of the
 * file. Others wait that change files of the directory meanwhile, in this process and in others. Returns what
 * `change` does, or the errors of reading; then the file is as it was. */
int private_file_change(const char *state_dir, const char *file, char *text, size_t size,
                        private_file_change_cb change, void *context, const struct log *log);
