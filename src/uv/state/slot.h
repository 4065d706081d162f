/* SPDX-License-Identifier: MIT */
/* A slot of the state directory: a directory of its own that one node at a time holds, and its files.
 *
 * The directory has mode 0700, the files 0600. Who takes it locks its file `lock` (flock(2)), also against
 * other nodes of the same process. A new file appears whole or not at all, and is on the disk when the call
 * returns. A directory or file of another user, or one that group or others may write, is refused. Every
 * failure is logged by an error line that names the path, and is one of MUSTER_EPERM, MUSTER_ENOMEM and
 * MUSTER_ESTATE (no directory, disk full, read-only, not ours alone, ...). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "log.h"

#define SLOT_NAME_BYTES 128     /* the longest slot name, NUL included */
#define SLOT_FILE_NAME_BYTES 64 /* and the longest name of a file in it */
#define SLOT_FILE_BYTES 256     /* more than any file ever has, NUL included */
#define SLOT_NUMBER_MAX 99      /* of a further slot of an instance */
#define SLOT_SOCKET "socket"    /* the file by which its holder can be asked (listener.h) */

/* A slot that is held. Zeroed: none. */
struct slot {
    char *path;    /* owned; NULL: none is held */
    int directory; /* descriptors */
    int lock;
};

/* The directory name of an instance: the instance itself where that is a plain, short file name, else
 * what is left of it with a hash of the whole, so that two instances never share a slot. */
void slot_name(const char *instance, char name[SLOT_NAME_BYTES]);

/* The same of an instance that a user gives: "kit+2" is the further slot of "kit" of that number. */
void slot_name_given(const char *instance, char name[SLOT_NAME_BYTES]);

/* Makes it the name of a further slot of that instance: "kit" becomes "kit+2", which slot_name() gives to no
 * instance. number is 2 to SLOT_NUMBER_MAX. */
void slot_name_number(char name[SLOT_NAME_BYTES], unsigned number);

/* Makes the directory, and its parents, where it lacks, and takes it. path must not be empty, comes from
 * malloc() and is handed over. MUSTER_EBUSY, without a line, when another node holds it. On error
 * nothing is held. */
int slot_take(struct slot *slot, char *path, const struct log *log);

/* The same, but waits until nobody else holds it. */
int slot_await(struct slot *slot, char *path, const struct log *log);

/* Releases it. A zeroed slot is allowed. */
void slot_release(struct slot *slot);

/* Reads a file into text, NUL-terminated: cut when it is longer, empty when it is no regular text. 1 when
 * there is one, 0 when there is none. */
int slot_file_read(const struct slot *slot, const char *file, char text[SLOT_FILE_BYTES],
                   const struct log *log);

/* Renames a file, if there is one, to `<file>.<why>-<ms>`, for a person to look at, and writes that name to
 * aside. What lies there is not overwritten: then the number is a larger one. Where the file stays, both are
 * names of it. */
int slot_file_set_aside(const struct slot *slot, const char *file, const char *why, uint64_t wall_ms,
                        bool stays, char aside[SLOT_FILE_NAME_BYTES], const struct log *log);

/* Reads a whole file of at most bytes_max bytes, and when it was written, in milliseconds since 1970. The
 * caller frees *bytes. 1 when there is one, 0 when there is none, or it is longer. */
int slot_file_load(const struct slot *slot, const char *file, size_t bytes_max, uint8_t **bytes,
                   size_t *length, uint64_t *wall_ms, const struct log *log);

/* Writes a text, or bytes, to the draft of a file, */
int slot_draft_write(const struct slot *slot, const char *file, const char *text, const struct log *log);
int slot_draft_write_bytes(const struct slot *slot, const char *file, const uint8_t *bytes, size_t length,
                           const struct log *log);

/* and puts the draft in the file's place. */
int slot_draft_publish(const struct slot *slot, const char *file, const struct log *log);
