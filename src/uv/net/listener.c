/* SPDX-License-Identifier: MIT */
#include "listener.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "tcp.h"

/* What the kernel shows of a user that has no id here (/proc/sys/kernel/overflowuid). */
#define NOBODY 65534
#define PROC_PATH_BYTES 32

/* ---- opening ---- */

int listener_open_tcp(struct listener *listener, uint8_t family, uint16_t port) {
    *listener = (struct listener){.fd = tcp_listen(family, port, LISTENER_BACKLOG)};
    if (listener->fd < 0) {
        return listener->fd;
    }
    listener->open = true;
    listener->port = tcp_local(listener->fd).port;
    return 0;
}

/* -EADDRINUSE when somebody listens on it, also when he is too busy to answer. */
static int check_unused(const struct unix_address *address) {
    int fd = unix_address_connect(address);
    if (fd >= 0) {
        close(fd);
    }
    if (fd >= 0 || fd == -EAGAIN || fd == -EPROTOTYPE) {
        return -EADDRINUSE;
    }
    return fd == -ECONNREFUSED ? 0 : fd;
}

static int remove_stale(const struct unix_address *address, bool is_alone) {
    struct stat status;
    if (fstatat(address->directory, address->file, &status, AT_SYMLINK_NOFOLLOW) != 0) {
        return errno == ENOENT ? 0 : -errno;
    }
    if (!S_ISSOCK(status.st_mode)) {
        return -EEXIST;
    }
    int error = is_alone ? 0 : check_unused(address);
    if (error != 0) {
        return error;
    }
    return unlinkat(address->directory, address->file, 0) != 0 && errno != ENOENT ? -errno : 0;
}

/* Only if it is still the one that was made. */
static void remove_file(const struct listener *listener) {
    const struct unix_address *address = &listener->address;
    struct stat status;
    if (fstatat(address->directory, address->file, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
        status.st_dev == listener->file.st_dev && status.st_ino == listener->file.st_ino) {
        unlinkat(address->directory, address->file, 0);
    }
}

/* By a descriptor, as whoever else may write the directory can put a link to another file there, and that
 * would be open to everybody then. -1 and errno. */
static int mode_set(struct listener *listener, mode_t mode) {
    const struct unix_address *address = &listener->address;
    char path[PROC_PATH_BYTES];
    int fd = openat(address->directory, address->file, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) {
        return -errno;
    }
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    struct stat status;
    int number = fstat(fd, &status) != 0 ? errno : S_ISSOCK(status.st_mode) ? 0 : EEXIST;
    if (number == 0) {
        listener->file = status;
        number = chmod(path, mode) != 0 ? errno : 0;
    }
    close(fd);
    return -number;
}

/* Until it listens nobody can connect, so nobody comes before the mode is right. */
static int local_bind(struct listener *listener, mode_t mode) {
    const struct unix_address *address = &listener->address;
    if (bind(listener->fd, (const struct sockaddr *)&address->address, sizeof address->address) != 0) {
        return -errno;
    }
    int error = mode_set(listener, mode);
    if (error == 0 && listen(listener->fd, LISTENER_BACKLOG) != 0) {
        error = -errno;
    }
    if (error != 0) {
        remove_file(listener);
    }
    listener->is_for_all = (mode & S_IWOTH) != 0;
    return error;
}

int listener_open_local(struct listener *listener, const char *path, mode_t mode, bool is_alone) {
    *listener = (struct listener){.fd = -1, .is_local = true};
    int error = unix_address_open(&listener->address, path);
    if (error == 0) {
        error = remove_stale(&listener->address, is_alone);
    }
    if (error == 0) {
        listener->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        error = listener->fd < 0 ? -errno : local_bind(listener, mode);
    }
    if (error == 0) {
        listener->open = true;
        return 0;
    }
    if (listener->fd >= 0) {
        close(listener->fd);
    }
    unix_address_close(&listener->address);
    return error;
}

/* ---- closing ---- */

void listener_close(struct listener *listener) {
    if (!listener->open) {
        return;
    }
    if (listener->is_local) {
        remove_file(listener);
        unix_address_close(&listener->address);
    }
    close(listener->fd);
    listener->open = false;
}

/* ---- accepting ---- */

/* Users that this user namespace does not know all show as nobody (user_namespaces(7)): of a socket that is
 * for all, nobody is nobody's own user. */
static bool is_user_or_root(const struct listener *listener, int fd) {
    uid_t uid;
    if (unix_peer(fd, &uid) != 0 || (listener->is_for_all && uid == NOBODY)) {
        return false;
    }
    return uid == 0 || uid == geteuid();
}

int listener_accept(const struct listener *listener, struct origin *origin) {
    int fd = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) {
        return -errno;
    }
    *origin = (struct origin){.is_local = listener->is_local};
    if (listener->is_local) {
        origin->may_change = is_user_or_root(listener, fd);
    } else {
        tcp_accepted(fd);
        origin->ttl = tcp_handshake_ttl(fd);
        origin->remote = tcp_remote(fd);
        origin->local = tcp_local(fd);
        origin->interface = tcp_interface(fd);
    }
    return fd;
}
