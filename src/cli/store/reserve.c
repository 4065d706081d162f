/* SPDX-License-Identifier: MIT */
#include "reserve.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* True when the path still means the file that is open: a recorder that ends removes it. */
static bool is_same_file(const struct reserve *reserve) {
    struct stat by_path;
    struct stat by_fd;
    return stat(reserve->path, &by_path) == 0 && fstat(reserve->fd, &by_fd) == 0 &&
           by_path.st_dev == by_fd.st_dev && by_path.st_ino == by_fd.st_ino;
}

static int open_locked(struct reserve *reserve, struct reason *reason) {
    do {
        if (reserve->fd >= 0) {
            close(reserve->fd);
        }
        reserve->fd = open(reserve->path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
        if (reserve->fd < 0 && errno == ENOENT && strrchr(reserve->path, '/') != NULL) {
            return reason_set(reason, "there is no directory %.*s",
                              (int)(strrchr(reserve->path, '/') - reserve->path), reserve->path);
        }
        if (reserve->fd < 0) {
            return reason_set(reason, "%s: %s", reserve->path, strerror(errno));
        }
        if (flock(reserve->fd, LOCK_EX | LOCK_NB) != 0) {
            return errno == EWOULDBLOCK ? reason_set(reason, "another muster record writes to it")
                                        : reason_set(reason, "%s: %s", reserve->path, strerror(errno));
        }
    } while (!is_same_file(reserve));
    return 0;
}

int reserve_open(struct reserve *reserve, const char *recording, uint64_t bytes, struct reason *reason) {
    *reserve = (struct reserve){.fd = -1, .bytes = bytes};
    if (asprintf(&reserve->path, "%s-reserve", recording) < 0) {
        reserve->path = NULL;
        return reason_set_memory(reason);
    }
    int error = open_locked(reserve, reason);
    if (error != 0) { /* the file is another's */
        if (reserve->fd >= 0) {
            close(reserve->fd);
        }
        free(reserve->path);
        *reserve = (struct reserve){.fd = -1};
        return error;
    }
    error = posix_fallocate(reserve->fd, 0, (off_t)bytes);
    if (error == 0 && ftruncate(reserve->fd, (off_t)bytes) != 0) {
        error = errno;
    }
    if (error != 0) {
        reason_set(reason, "no room for a reserve of %llu bytes: %s", (unsigned long long)bytes,
                   strerror(error));
        reserve_close(reserve);
        return -1;
    }
    return 0;
}

void reserve_reduce(struct reserve *reserve, uint64_t bytes) {
    if (ftruncate(reserve->fd, (off_t)bytes) == 0) {
        reserve->bytes = bytes;
    }
}

void reserve_close(struct reserve *reserve) {
    if (reserve->path != NULL) {
        unlink(reserve->path);
        close(reserve->fd);
        free(reserve->path);
    }
    *reserve = (struct reserve){.fd = -1};
}
