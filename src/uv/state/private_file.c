/* SPDX-License-Identifier: MIT */
#include "private_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "slot.h"
#include "state.h"

#define DIRECTORY "keys"

static int refuse_memory(const char *file, const struct log *log) {
    log_line(log, MUSTER_LOG_ERROR, DIRECTORY "/%s: %s", file, muster_error_text(MUSTER_ENOMEM));
    return MUSTER_ENOMEM;
}

int private_file_directory(const char *state_dir, char **path, const struct log *log) {
    char *state;
    int error = state_directory(state_dir, &state, log);
    if (error == 0) {
        error = asprintf(path, "%s/" DIRECTORY, state) < 0 ? MUSTER_ENOMEM : 0;
        free(state);
    }
    return error == MUSTER_ENOMEM ? refuse_memory("", log) : error;
}

static int refuse(const char *path, const struct log *log) {
    int number = errno;
    log_line(log, MUSTER_LOG_ERROR, "%s: %s", path, strerror(number));
    return number == EACCES || number == EPERM ? MUSTER_EPERM
           : number == ENOMEM                  ? MUSTER_ENOMEM
                                               : MUSTER_ESTATE;
}

static int refuse_fault(const char *path, const char *fault, const struct log *log) {
    log_line(log, MUSTER_LOG_ERROR, "%s is not used: %s", path, fault);
    return MUSTER_ESTATE;
}

/* What others may read, or give, is not used. */
static const char *fault_of(const struct stat *status) {
    if (status->st_uid != geteuid()) {
        return "it belongs to another user";
    }
    if (!S_ISREG(status->st_mode)) {
        return "it is no file";
    }
    return (status->st_mode & (S_IRWXG | S_IRWXO)) != 0 ? "others than its owner may read or write it" : NULL;
}

static int read_open(int fd, const char *path, char *text, size_t size, const struct log *log) {
    struct stat status;
    if (fstat(fd, &status) != 0) {
        return refuse(path, log);
    }
    const char *fault = fault_of(&status);
    ssize_t length = fault == NULL ? read(fd, text, size - 1) : 0; /* of a file, all at once */
    if (length < 0) {
        return refuse(path, log);
    }
    text[length] = '\0';
    if (fault == NULL && (strlen(text) != (size_t)length || status.st_size != length)) {
        fault = "it is damaged";
    }
    return fault != NULL ? refuse_fault(path, fault, log) : 1;
}

/* NULL without memory, or without a state directory: *error says which. */
static char *path_of(const char *state_dir, const char *file, int *error, const struct log *log) {
    static const struct log silent = {.write = NULL};
    char *directory;
    char *path = NULL;
    *error = private_file_directory(state_dir, &directory, &silent);
    if (*error == 0) {
        *error = asprintf(&path, "%s/%s", directory, file) < 0 ? MUSTER_ENOMEM : 0;
        free(directory);
    }
    if (*error == MUSTER_ENOMEM) {
        refuse_memory(file, log);
    }
    return *error == 0 ? path : NULL;
}

int private_file_read(const char *state_dir, const char *file, char *text, size_t size,
                      const struct log *log) {
    int error;
    char *path = path_of(state_dir, file, &error, log);
    if (path == NULL) { /* who has no home has no file */
        return error == MUSTER_ESTATE ? 0 : error;
    }
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    int result = 0;
    if (fd >= 0) {
        result = read_open(fd, path, text, size, log);
        close(fd);
    } else if (errno != ENOENT && errno != ENOTDIR) {
        result = refuse(path, log);
    }
    free(path);
    return result;
}

int private_file_refuse(const char *state_dir, const char *file, const struct log *log) {
    int error;
    char *path = path_of(state_dir, file, &error, log);
    refuse_fault(path != NULL ? path : file, "it is damaged", log);
    free(path);
    return MUSTER_ESTATE;
}

/* The directory is held. */
static int change_held(const struct slot *slot, const char *state_dir, const char *file, char *text,
                       size_t size, private_file_change_cb change, void *context, const struct log *log) {
    int found = private_file_read(state_dir, file, text, size, log);
    if (found < 0) {
        return found;
    }
    if (found == 0) {
        text[0] = '\0';
    }
    int error = change(text, context);
    error = error != 0 ? error : slot_draft_write(slot, file, text, log);
    return error != 0 ? error : slot_draft_publish(slot, file, log);
}

int private_file_change(const char *state_dir, const char *file, char *text, size_t size,
                        private_file_change_cb change, void *context, const struct log *log) {
    struct slot slot;
    char *directory;
    int error = private_file_directory(state_dir, &directory, log);
    error = error != 0 ? error : slot_await(&slot, directory, log);
    if (error != 0) {
        return error;
    }
    error = change_held(&slot, state_dir, file, text, size, change, context, log);
    slot_release(&slot);
    return error;
}
