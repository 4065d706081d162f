/* SPDX-License-Identifier: MIT */
/* Calls of the system and of the allocator that fail on demand. By the linker's --wrap they stand between the
 * command and libc; calls that libraries make go past them.
 *
 *     TORTURE_SITES=FILE   appends each place that calls one of them to a file, once: its offset and the name
 *     TORTURE_FAIL=OFFSET  the first call from there fails, as it may according to its manual page */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <net/if.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <libmnl/libmnl.h>
#include <uv.h>

#define SITES_MAX 4096

int __real_open(const char *path, int flags, mode_t mode);
ssize_t __real_write(int fd, const void *bytes, size_t size);

extern const char __executable_start[]; /* of the linker: where this program lies */

static uintptr_t sites[SITES_MAX];
static size_t site_count;
static bool has_failed;

static void log_site(uintptr_t site, const char *name) {
    const char *path = getenv("TORTURE_SITES");
    if (path == NULL) {
        return;
    }
    for (size_t i = 0; i < site_count; i++) {
        if (sites[i] == site) {
            return;
        }
    }
    if (site_count < SITES_MAX) {
        char line[64];
        sites[site_count++] = site;
        int length = snprintf(line, sizeof line, "%zx %s\n", (size_t)site, name);
        int file = __real_open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
        if (file < 0 || __real_write(file, line, (size_t)length) != length) {
            abort();
        }
        close(file);
    }
}

/* True when the call from there is to fail. */
static bool fails(const void *from, const char *name) {
    uintptr_t site = (uintptr_t)from - (uintptr_t)__executable_start;
    const char *wanted = getenv("TORTURE_FAIL");
    int kept = errno;
    log_site(site, name);
    errno = kept;
    if (has_failed || wanted == NULL || strtoul(wanted, NULL, 16) != site) {
        return false;
    }
    has_failed = true;
    return true;
}

/* One function: its type, its name, how it fails, its parameters and arguments. */
#define WRAP(type, name, failure, error, parameters, arguments) \
    type __real_##name parameters;                              \
    type __wrap_##name parameters;                              \
    type __wrap_##name parameters {                             \
        if (fails(__builtin_return_address(0), #name)) {        \
            errno = error;                                      \
            return failure;                                     \
        }                                                       \
        return __real_##name arguments;                         \
    }

WRAP(void *, malloc, NULL, ENOMEM, (size_t size), (size))
WRAP(void *, calloc, NULL, ENOMEM, (size_t count, size_t size), (count, size))
WRAP(void *, realloc, NULL, ENOMEM, (void *old, size_t size), (old, size))
WRAP(char *, strdup, NULL, ENOMEM, (const char *text), (text))
WRAP(char *, strndup, NULL, ENOMEM, (const char *text, size_t length), (text, length))
WRAP(void *, sodium_malloc, NULL, ENOMEM, (size_t size), (size))
WRAP(int, socket, -1, EMFILE, (int family, int type, int protocol), (family, type, protocol))
WRAP(int, bind, -1, EACCES, (int fd, const struct sockaddr *address, socklen_t length), (fd, address, length))
WRAP(int, connect, -1, ECONNREFUSED, (int fd, const struct sockaddr *address, socklen_t length),
     (fd, address, length))
WRAP(int, listen, -1, EADDRINUSE, (int fd, int backlog), (fd, backlog))
WRAP(int, accept4, -1, EMFILE, (int fd, struct sockaddr *address, socklen_t *length, int flags),
     (fd, address, length, flags))
WRAP(int, setsockopt, -1, ENOMEM, (int fd, int level, int name, const void *value, socklen_t length),
     (fd, level, name, value, length))
WRAP(int, getsockopt, -1, ENOBUFS, (int fd, int level, int name, void *value, socklen_t *length),
     (fd, level, name, value, length))
WRAP(int, getsockname, -1, ENOBUFS, (int fd, struct sockaddr *address, socklen_t *length),
     (fd, address, length))
WRAP(ssize_t, sendmsg, -1, ENETUNREACH, (int fd, const struct msghdr *message, int flags),
     (fd, message, flags))
WRAP(ssize_t, sendto, -1, ECONNREFUSED,
     (int fd, const void *bytes, size_t size, int flags, const struct sockaddr *to, socklen_t length),
     (fd, bytes, size, flags, to, length))
WRAP(ssize_t, send, -1, EPIPE, (int fd, const void *bytes, size_t size, int flags), (fd, bytes, size, flags))
WRAP(ssize_t, recv, -1, ECONNRESET, (int fd, void *bytes, size_t size, int flags), (fd, bytes, size, flags))
WRAP(ssize_t, recvmsg, -1, ENOMEM, (int fd, struct msghdr *message, int flags), (fd, message, flags))
WRAP(int, recvmmsg, -1, ENOMEM,
     (int fd, struct mmsghdr *messages, unsigned count, int flags, struct timespec *timeout),
     (fd, messages, count, flags, timeout))
WRAP(ssize_t, read, -1, EIO, (int fd, void *bytes, size_t size), (fd, bytes, size))
WRAP(ssize_t, write, -1, ENOSPC, (int fd, const void *bytes, size_t size), (fd, bytes, size))
WRAP(int, fstat, -1, EIO, (int fd, struct stat *status), (fd, status))
WRAP(int, stat, -1, EACCES, (const char *path, struct stat *status), (path, status))
WRAP(int, lstat, -1, EACCES, (const char *path, struct stat *status), (path, status))
WRAP(int, fstatat, -1, EACCES, (int fd, const char *path, struct stat *status, int flags),
     (fd, path, status, flags))
WRAP(int, mkdir, -1, ENOSPC, (const char *path, mode_t mode), (path, mode))
WRAP(int, renameat, -1, EIO, (int from, const char *old, int to, const char *new), (from, old, to, new))
WRAP(int, linkat, -1, EIO, (int from, const char *old, int to, const char *new, int flags),
     (from, old, to, new, flags))
WRAP(int, unlink, -1, EACCES, (const char *path), (path))
WRAP(int, unlinkat, -1, EACCES, (int fd, const char *path, int flags), (fd, path, flags))
WRAP(int, fsync, -1, EIO, (int fd), (fd))
WRAP(int, ftruncate, -1, EIO, (int fd, off_t length), (fd, length))
WRAP(int, flock, -1, ENOLCK, (int fd, int operation), (fd, operation))
WRAP(int, pipe2, -1, EMFILE, (int fds[2], int flags), (fds, flags))
WRAP(pid_t, fork, -1, EAGAIN, (void), ())
WRAP(int, timerfd_create, -1, EMFILE, (int clock, int flags), (clock, flags))
WRAP(unsigned, if_nametoindex, 0, ENODEV, (const char *name), (name))
WRAP(DIR *, opendir, NULL, EMFILE, (const char *path), (path))
WRAP(DIR *, fdopendir, NULL, ENOMEM, (int fd), (fd))
WRAP(FILE *, fopen, NULL, EMFILE, (const char *path, const char *mode), (path, mode))
WRAP(size_t, fwrite, 0, ENOSPC, (const void *bytes, size_t size, size_t count, FILE *file),
     (bytes, size, count, file))
WRAP(int, fflush, EOF, ENOSPC, (FILE * file), (file))
WRAP(struct mnl_socket *, mnl_socket_open2, NULL, EMFILE, (int bus, int flags), (bus, flags))
WRAP(int, mnl_socket_bind, -1, EADDRINUSE, (struct mnl_socket * socket, unsigned groups, pid_t pid),
     (socket, groups, pid))
WRAP(ssize_t, mnl_socket_sendto, -1, ENOBUFS,
     (const struct mnl_socket *socket, const void *bytes, size_t size), (socket, bytes, size))
WRAP(ssize_t, mnl_socket_recvfrom, -1, ENOBUFS, (const struct mnl_socket *socket, void *bytes, size_t size),
     (socket, bytes, size))

/* Those of libuv return the error. uv_poll_start() is none of them: it fails for a wrong descriptor alone,
 * and ends the process where memory is out. */
#define WRAP_UV(name, error, parameters, arguments) WRAP(int, name, error, 0, parameters, arguments)

WRAP_UV(uv_loop_init, UV_EMFILE, (uv_loop_t * loop), (loop))
WRAP_UV(uv_poll_init, UV_EMFILE, (uv_loop_t * loop, uv_poll_t *poll, int fd), (loop, poll, fd))
WRAP_UV(uv_signal_start, UV_ENOMEM, (uv_signal_t * handle, uv_signal_cb callback, int number),
        (handle, callback, number))
WRAP_UV(uv_getaddrinfo, UV_ENOMEM,
        (uv_loop_t * loop, uv_getaddrinfo_t *request, uv_getaddrinfo_cb callback, const char *node,
         const char *service, const struct addrinfo *hints),
        (loop, request, callback, node, service, hints))

/* Those with a variable count of arguments: the third is the one that is used here, if there is one. */
int __wrap_open(const char *path, int flags, mode_t mode);
int __wrap_open(const char *path, int flags, mode_t mode) {
    if (fails(__builtin_return_address(0), "open")) {
        errno = EMFILE;
        return -1;
    }
    return __real_open(path, flags, mode);
}

int __real_openat(int fd, const char *path, int flags, mode_t mode);
int __wrap_openat(int fd, const char *path, int flags, mode_t mode);
int __wrap_openat(int fd, const char *path, int flags, mode_t mode) {
    if (fails(__builtin_return_address(0), "openat")) {
        errno = EMFILE;
        return -1;
    }
    return __real_openat(fd, path, flags, mode);
}

int __real_asprintf(char **text, const char *format, ...);
int __wrap_asprintf(char **text, const char *format, ...);
int __wrap_asprintf(char **text, const char *format, ...) {
    va_list arguments;
    if (fails(__builtin_return_address(0), "asprintf")) {
        errno = ENOMEM;
        return -1;
    }
    va_start(arguments, format);
    int length = vasprintf(text, format, arguments);
    va_end(arguments);
    return length;
}
