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

/* Puts this text in its place. The slot's lock keeps two that change files of the directory at the same time
 * apart: MUSTER_EBUSY, without a line. The errors of reading; then the file is as it was. */
int private_file_write(const char *state_dir, const char *file, const char *text, const struct log *log);
