/* SPDX-License-Identifier: MIT */
#include "slot.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#define PLAIN_NAME_BYTES_MAX 96 /* an instance of up to so many plain characters names its slot itself */
#define KEPT_BYTES 64           /* of any other, this much is kept for people */
#define HASH_BYTES 8
#define HASH_DIGITS (2 * HASH_BYTES)

/* ---- slot names ---- */

static bool is_plain(char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
}

/* A first dot would hide the directory, a first hyphen make it an option of whatever lists it. */
static bool is_plain_first(char c) {
    return is_plain(c) && c != '.' && c != '-';
}

static bool is_plain_name(const char *instance, size_t length) {
    if (length == 0 || length > PLAIN_NAME_BYTES_MAX || !is_plain_first(instance[0])) {
        return false;
    }
    for (size_t i = 1; i < length; i++) {
        if (!is_plain(instance[i])) {
            return false;
        }
    }
    return true;
}

/* The plus sign is in no plain name, so a hashed name is never another instance's plain one. The same holds
 * of the numbers that slot_name_number() adds, which are shorter than any hash. */
static void name_first(const char *instance, size_t length, char name[SLOT_NAME_BYTES]) {
    if (is_plain_name(instance, length)) {
        memcpy(name, instance, length);
        name[length] = '\0';
        return;
    }
    size_t kept = length < KEPT_BYTES ? length : KEPT_BYTES;
    for (size_t i = 0; i < kept; i++) {
        bool keep = i == 0 ? is_plain_first(instance[i]) : is_plain(instance[i]);
        name[i] = keep ? instance[i] : '_';
    }
    uint8_t hash[crypto_generichash_BYTES_MIN];
    crypto_generichash(hash, sizeof hash, (const uint8_t *)instance, length, NULL, 0);
    char digits[HASH_DIGITS + 1];
    sodium_bin2hex(digits, sizeof digits, hash, HASH_BYTES);
    snprintf(name + kept, SLOT_NAME_BYTES - kept, "+%s", digits);
}

/* The number behind the last plus sign of "kit+2"; 0 when there is none that slot_name_number() adds. */
static unsigned number_of(const char *instance) {
    const char *plus = strrchr(instance, '+');
    char digits[4];
    for (unsigned number = 2; plus != NULL && plus > instance && number <= SLOT_NUMBER_MAX; number++) {
        snprintf(digits, sizeof digits, "%u", number);
        if (strcmp(plus + 1, digits) == 0) {
            return number;
        }
    }
    return 0;
}

void slot_name(const char *instance, char name[SLOT_NAME_BYTES]) {
    name_first(instance, strlen(instance), name);
}

void slot_name_given(const char *instance, char name[SLOT_NAME_BYTES]) {
    const unsigned number = number_of(instance);
    const size_t length = number > 0 ? (size_t)(strrchr(instance, '+') - instance) : strlen(instance);
    name_first(instance, length, name);
    if (number > 0) {
        slot_name_number(name, number);
    }
}

void slot_name_number(char name[SLOT_NAME_BYTES], unsigned number) {
    size_t length = strlen(name);
    snprintf(name + length, SLOT_NAME_BYTES - length, "+%u", number);
}

/* ---- errors ---- */

/* Says by errno why a file of the slot, or the slot itself when file is NULL, can't be used. */
static int refuse(const char *path, const char *file, const struct log *log) {
    int number = errno;
    log_line(log, MUSTER_LOG_ERROR, "state %s%s%s: %s", path, file == NULL ? "" : "/",
             file == NULL ? "" : file, strerror(number));
    switch (number) {
    case EPERM:
    case EACCES: return MUSTER_EPERM;
    case ENOMEM: return MUSTER_ENOMEM;
    default: return MUSTER_ESTATE;
    }
}

/* Why it is not ours alone, NULL when it is: who else can write it could give the node another identity. */
static const char *ownership_fault(const struct stat *status) {
    if (status->st_uid != geteuid()) {
        return "belongs to another user";
    }
    return (status->st_mode & (S_IWGRP | S_IWOTH)) != 0 ? "can be written by others than its owner" : NULL;
}

static int owner_check(int fd, const char *path, const char *file, const struct log *log) {
    struct stat status;
    if (fstat(fd, &status) != 0) {
        return refuse(path, file, log);
    }
    const char *why = ownership_fault(&status);
    if (why == NULL) {
        return 0;
    }
    log_line(log, MUSTER_LOG_ERROR, "state %s%s%s is not used: it %s", path, file == NULL ? "" : "/",
             file == NULL ? "" : file, why);
    return MUSTER_ESTATE;
}

/* ---- the slot ---- */

/* Makes a directory and its parents where they lack. path is not empty, and is changed for the time of the
 * call. -1 and errno on failure. */
static int directory_make(char *path) {
    for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        int result = mkdir(path, 0700);
        *slash = '/';
        if (result != 0 && errno != EEXIST) {
            return -1;
        }
    }
    return mkdir(path, 0700) != 0 && errno != EEXIST ? -1 : 0;
}

/* A new or renamed entry is on the disk once its directory is. Some file systems can't sync a directory. */
static int directory_sync(int directory) {
    return fsync(directory) != 0 && errno != EINVAL ? -1 : 0;
}

static int parent_sync(int directory) {
    int parent = openat(directory, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (parent < 0) {
        return errno == EACCES ? 0 : -1; /* not ours to read: then not ours to sync */
    }
    int result = directory_sync(parent);
    int number = errno;
    close(parent);
    errno = number;
    return result;
}

static int lock_wait(int lock, bool waits) {
    int result;
    do {
        result = flock(lock, waits ? LOCK_EX : LOCK_EX | LOCK_NB);
    } while (result != 0 && errno == EINTR);
    return result;
}

/* MUSTER_EBUSY, without a line, when another one holds it that is not to be waited for. */
static int lock_take(struct slot *slot, bool waits, const struct log *log) {
    slot->lock = openat(slot->directory, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (slot->lock < 0) {
        return refuse(slot->path, "lock", log);
    }
    if (lock_wait(slot->lock, waits) != 0) {
        return errno == EWOULDBLOCK ? MUSTER_EBUSY : refuse(slot->path, "lock", log);
    }
    return 0;
}

static int take(struct slot *slot, char *path, bool waits, const struct log *log) {
    *slot = (struct slot){.path = path, .directory = -1, .lock = -1};
    if (directory_make(path) == 0) {
        slot->directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    }
    int error = 0;
    if (slot->directory < 0 || parent_sync(slot->directory) != 0) {
        error = refuse(path, NULL, log);
    }
    if (error == 0) {
        error = owner_check(slot->directory, path, NULL, log);
    }
    if (error == 0) {
        error = lock_take(slot, waits, log);
    }
    if (error != 0) {
        slot_release(slot);
    }
    return error;
}

int slot_take(struct slot *slot, char *path, const struct log *log) {
    return take(slot, path, false, log);
}

int slot_await(struct slot *slot, char *path, const struct log *log) {
    return take(slot, path, true, log);
}

void slot_release(struct slot *slot) {
    if (slot->path == NULL) {
        return;
    }
    if (slot->lock >= 0) {
        flock(slot->lock, LOCK_UN); /* a child that was forked meanwhile shares the lock: end it for both */
        close(slot->lock);
    }
    if (slot->directory >= 0) {
        close(slot->directory);
    }
    free(slot->path);
    *slot = (struct slot){.path = NULL};
}

/* ---- files ---- */

/* Between the look and the renaming nobody comes: who holds the lock is alone here. */
int slot_file_set_aside(const struct slot *slot, const char *file, const char *why, uint64_t wall_ms,
                        bool stays, char aside[SLOT_FILE_NAME_BYTES], const struct log *log) {
    const int directory = slot->directory;
    struct stat status;
    do {
        snprintf(aside, SLOT_FILE_NAME_BYTES, "%s.%s-%" PRIu64, file, why, wall_ms++);
    } while (fstatat(directory, aside, &status, AT_SYMLINK_NOFOLLOW) == 0);
    int result =
        stays ? linkat(directory, file, directory, aside, 0) : renameat(directory, file, directory, aside);
    if ((result != 0 && errno != ENOENT) || directory_sync(directory) != 0) {
        return refuse(slot->path, file, log);
    }
    return 0;
}

int slot_file_read(const struct slot *slot, const char *file, char text[SLOT_FILE_BYTES],
                   const struct log *log) {
    int fd = openat(slot->directory, file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) {
        return errno == ENOENT ? 0 : refuse(slot->path, file, log);
    }
    int error = owner_check(fd, slot->path, file, log);
    if (error != 0) {
        close(fd);
        return error;
    }
    const ssize_t count = read(fd, text, SLOT_FILE_BYTES - 1); /* of a file, all at once */
    if (count < 0 && errno != EISDIR) {                        /* a directory in its place reads as damaged */
        error = refuse(slot->path, file, log);
    }
    close(fd);
    text[count > 0 ? count : 0] = '\0';
    if (count > 0 && strlen(text) != (size_t)count) {
        text[0] = '\0'; /* a NUL inside: damaged, not shorter */
    }
    return error != 0 ? error : 1;
}

/* All of it, or -1. */
static int bytes_read(int fd, uint8_t *bytes, size_t length) {
    for (size_t used = 0; used < length;) {
        ssize_t count = read(fd, bytes + used, length - used);
        if (count == 0 || (count < 0 && errno != EINTR)) {
            return -1;
        }
        used += count > 0 ? (size_t)count : 0;
    }
    return 0;
}

/* Of a file that is open. */
static int file_load(const struct slot *slot, const char *file, int fd, size_t bytes_max, uint8_t **bytes,
                     size_t *length, uint64_t *wall_ms, const struct log *log) {
    struct stat status;
    int error = owner_check(fd, slot->path, file, log);
    if (error != 0 || fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
        return error != 0 ? error : refuse(slot->path, file, log);
    }
    if (status.st_size > (off_t)bytes_max) {
        return 0;
    }
    *length = (size_t)status.st_size;
    *wall_ms = (uint64_t)status.st_mtim.tv_sec * 1000 + (uint64_t)status.st_mtim.tv_nsec / 1000000;
    *bytes = malloc(*length + 1);
    if (*bytes == NULL) {
        return MUSTER_ENOMEM;
    }
    return bytes_read(fd, *bytes, *length) == 0 ? 1 : refuse(slot->path, file, log);
}

int slot_file_load(const struct slot *slot, const char *file, size_t bytes_max, uint8_t **bytes,
                   size_t *length, uint64_t *wall_ms, const struct log *log) {
    int fd = openat(slot->directory, file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    *bytes = NULL;
    if (fd < 0) {
        return errno == ENOENT ? 0 : refuse(slot->path, file, log);
    }
    int result = file_load(slot, file, fd, bytes_max, bytes, length, wall_ms, log);
    close(fd);
    if (result != 1) {
        free(*bytes);
        *bytes = NULL;
    }
    return result;
}

static void draft_name(const char *file, char draft[SLOT_FILE_NAME_BYTES]) {
    snprintf(draft, SLOT_FILE_NAME_BYTES, "%s.new", file);
}

static int bytes_write(int fd, const uint8_t *bytes, size_t length) {
    for (size_t used = 0; used < length;) {
        ssize_t count = write(fd, bytes + used, length - used);
        if (count < 0 && errno != EINTR) {
            return -1;
        }
        used += count > 0 ? (size_t)count : 0;
    }
    return 0;
}

int slot_draft_write(const struct slot *slot, const char *file, const char *text, const struct log *log) {
    return slot_draft_write_bytes(slot, file, (const uint8_t *)text, strlen(text), log);
}

int slot_draft_write_bytes(const struct slot *slot, const char *file, const uint8_t *bytes, size_t length,
                           const struct log *log) {
    char draft[SLOT_FILE_NAME_BYTES];
    draft_name(file, draft);
    int fd = openat(slot->directory, draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        return refuse(slot->path, draft, log);
    }
    int error = bytes_write(fd, bytes, length) != 0 || fsync(fd) != 0 ? refuse(slot->path, draft, log) : 0;
    if (close(fd) != 0 && error == 0) {
        error = refuse(slot->path, draft, log);
    }
    if (error != 0) {
        unlinkat(slot->directory, draft, 0);
    }
    return error;
}

int slot_draft_publish(const struct slot *slot, const char *file, const struct log *log) {
    char draft[SLOT_FILE_NAME_BYTES];
    draft_name(file, draft);
    if (renameat(slot->directory, draft, slot->directory, file) != 0 ||
        directory_sync(slot->directory) != 0) {
        int error = refuse(slot->path, file, log);
        unlinkat(slot->directory, draft, 0);
        return error;
    }
    return 0;
}
