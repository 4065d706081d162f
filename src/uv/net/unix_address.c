/* SPDX-License-Identifier: MIT */
#include "unix_address.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int directory_open(const char *path, const char *slash) {
    char directory[PATH_MAX] = ".";
    size_t length = slash == path ? 1 : (size_t)(slash - path); /* "/socket" lies in "/" */
    if (slash != NULL && length < sizeof directory) {
        memcpy(directory, path, length);
        directory[length] = '\0';
    } else if (slash != NULL) {
        return -ENAMETOOLONG;
    }
    int fd = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

/* A path that fits is used as it is, so that tools like ss(8) show it; of any other the directory is named by
 * its descriptor. */
static int address_fill(struct unix_address *address, const char *path) {
    char *text = address->address.sun_path;
    const size_t size = sizeof address->address.sun_path;
    address->address.sun_family = AF_UNIX;
    if (strlen(path) < size) {
        memcpy(text, path, strlen(path) + 1);
        return 0;
    }
    int length = snprintf(text, size, "/proc/self/fd/%d/%s", address->directory, address->file);
    return length < 0 || (size_t)length >= size ? -ENAMETOOLONG : 0;
}

int unix_address_open(struct unix_address *address, const char *path) {
    *address = (struct unix_address){.directory = -1};
    const char *slash = strrchr(path, '/');
    const char *file = slash == NULL ? path : slash + 1;
    if (file[0] == '\0' || strlen(file) >= sizeof address->file) {
        return file[0] == '\0' ? -EISDIR : -ENAMETOOLONG;
    }
    memcpy(address->file, file, strlen(file) + 1);
    address->directory = directory_open(path, slash);
    if (address->directory < 0) {
        return address->directory;
    }
    address->open = true;
    int error = address_fill(address, path);
    if (error != 0) {
        unix_address_close(address);
    }
    return error;
}

void unix_address_close(struct unix_address *address) {
    if (address->open) {
        close(address->directory);
        address->open = false;
    }
}

int unix_address_connect(const struct unix_address *address) {
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return -errno;
    }
    if (connect(fd, (const struct sockaddr *)&address->address, sizeof address->address) != 0) {
        int number = errno;
        close(fd);
        return -number;
    }
    return fd;
}

int unix_connect(const char *path) {
    struct unix_address address;
    int result = unix_address_open(&address, path);
    if (result == 0) {
        result = unix_address_connect(&address);
        unix_address_close(&address);
    }
    return result;
}

int unix_peer(int fd, uid_t *uid) {
    struct ucred credentials;
    socklen_t length = sizeof credentials;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &length) != 0) {
        return -errno;
    }
    *uid = credentials.uid;
    return 0;
}

void unix_network_name(char name[MUSTER_NETWORK_NAME_BYTES]) {
    ssize_t length = readlink("/proc/self/ns/net", name, MUSTER_NETWORK_NAME_BYTES - 1);
    name[length > 0 ? length : 0] = '\0';
}
