/* SPDX-License-Identifier: MIT */
#include "replace.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Where the text is written first: a name that no collector takes, in the same directory. 0, or ENAMETOOLONG.
 */
static int name_aside(const char *path, char aside[PATH_MAX]) {
    const char *slash = strrchr(path, '/');
    const int directory_length = slash != NULL ? (int)(slash + 1 - path) : 0;
    const int length = snprintf(aside, PATH_MAX, "%.*s.%s.%ld", directory_length, path,
                                path + directory_length, (long)getpid());
    return length < PATH_MAX ? 0 : ENAMETOOLONG;
}

static int write_all(int fd, const char *text, size_t length) {
    while (length > 0) {
        const ssize_t written = write(fd, text, length);
        if (written < 0 && errno != EINTR) {
            return errno;
        }
        if (written > 0) {
            text += written;
            length -= (size_t)written;
        }
    }
    return 0;
}

int replace_file(const char *path, const char *text, size_t length) {
    char aside[PATH_MAX];
    int error = name_aside(path, aside);
    if (error != 0) {
        return error;
    }
    struct stat found;
    if (lstat(path, &found) == 0 && !S_ISREG(found.st_mode)) {
        return EEXIST;
    }
    /* In a directory for all, somebody else's link or pipe may wait under this name. */
    unlink(aside);
    const int fd = open(aside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0) {
        return errno;
    }
    error = write_all(fd, text, length);
    if (close(fd) != 0 && error == 0) {
        error = errno;
    }
    if (error == 0 && rename(aside, path) != 0) {
        error = errno;
    }
    if (error != 0) {
        unlink(aside);
    }
    return error;
}
