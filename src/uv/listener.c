#include "listener.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "tcp.h"

/* ---- opening ---- */

int listener_open_tcp(struct listener *listener, uint16_t port) {
    *listener = (struct listener){.fd = tcp_listen(port, LISTENER_BACKLOG)};
    if (listener->fd < 0) {
        return listener->fd;
    }
    listener->open = true;
    listener->port = tcp_local(listener->fd).port;
    return 0;
}

/* -EADDRINUSE when somebody listens on it, also when he is too busy to answer. */
static int owner_ask(const struct unix_address *address) {
    int fd = unix_address_connect(address);
    if (fd >= 0) {
        close(fd);
    }
    if (fd >= 0 || fd == -EAGAIN || fd == -EPROTOTYPE) {
        return -EADDRINUSE;
    }
    return fd == -ECONNREFUSED ? 0 : fd;
}

static int stale_remove(const struct unix_address *address, bool is_alone) {
    struct stat status;
    if (fstatat(address->directory, address->file, &status, AT_SYMLINK_NOFOLLOW) != 0) {
        return errno == ENOENT ? 0 : -errno;
    }
    if (!S_ISSOCK(status.st_mode)) {
        return -EEXIST;
    }
    int error = is_alone ? 0 : owner_ask(address);
    if (error != 0) {
        return error;
    }
    return unlinkat(address->directory, address->file, 0) != 0 && errno != ENOENT ? -errno : 0;
}

/* Until it listens nobody can connect, so nobody comes before the mode is right. */
static int local_bind(struct listener *listener, mode_t mode) {
    const struct unix_address *address = &listener->address;
    if (bind(listener->fd, (const struct sockaddr *)&address->address, sizeof address->address) != 0) {
        return -errno;
    }
    if (fstatat(address->directory, address->file, &listener->file, AT_SYMLINK_NOFOLLOW) != 0 ||
        fchmodat(address->directory, address->file, mode, 0) != 0 ||
        listen(listener->fd, LISTENER_BACKLOG) != 0) {
        int number = errno;
        unlinkat(address->directory, address->file, 0);
        return -number;
    }
    return 0;
}

int listener_open_local(struct listener *listener, const char *path, mode_t mode, bool is_alone) {
    *listener = (struct listener){.fd = -1, .is_local = true};
    int error = unix_address_open(&listener->address, path);
    if (error == 0) {
        error = stale_remove(&listener->address, is_alone);
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

static void file_remove(const struct listener *listener) {
    const struct unix_address *address = &listener->address;
    struct stat status;
    if (fstatat(address->directory, address->file, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
        status.st_dev == listener->file.st_dev && status.st_ino == listener->file.st_ino) {
        unlinkat(address->directory, address->file, 0);
    }
}

void listener_close(struct listener *listener) {
    if (!listener->open) {
        return;
    }
    if (listener->is_local) {
        file_remove(listener);
        unix_address_close(&listener->address);
    }
    close(listener->fd);
    listener->open = false;
}

/* ---- accepting ---- */

static bool is_user_or_root(int fd) {
    struct ucred credentials;
    socklen_t length = sizeof credentials;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &length) != 0) {
        return false;
    }
    return credentials.uid == 0 || credentials.uid == geteuid();
}

int listener_accept(const struct listener *listener, struct arrival *arrival) {
    int fd = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) {
        return -errno;
    }
    *arrival = (struct arrival){.is_local = listener->is_local};
    if (listener->is_local) {
        arrival->may_change = is_user_or_root(fd);
    } else {
        tcp_accepted(fd);
        arrival->remote = tcp_remote(fd);
        arrival->local = tcp_local(fd);
        arrival->interface = tcp_interface(fd);
    }
    return fd;
}
