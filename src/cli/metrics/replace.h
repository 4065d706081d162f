/* SPDX-License-Identifier: MIT */
/* Replaces a file at once: whoever reads it sees the old text or the new one, whole. */
#pragma once

#include <stddef.h>

/* Writes to `.NAME.PID` in the directory of the path, and renames that. The mode is 0644 less the umask.
 * Returns 0, or an errno, and then the file is as it was: EEXIST where it is a device, a link or another
 * file that is not a regular one. */
int replace_file(const char *path, const char *text, size_t length);
