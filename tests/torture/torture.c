/* SPDX-License-Identifier: MIT */
/* Calls of the system and of the allocator that fail on demand. By the linker's --wrap they stand between the
 * command and libc; calls that libraries make go past them. test_calls.py finds what is missing here. Names
 * are those that the objects ask for: open64 where files may be larger than 2 GiB.
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

#include <ifaddrs.h>
#include <locale.h>
#include <net/if.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <termios.h>
#include <unistd.h>

#include <libmnl/libmnl.h>
#include <libsmartcols/libsmartcols.h>
#include <uv.h>

#define SITES_MAX 4096

int __real_open64(const char *path, int flags, mode_t mode);
ssize_t __real_write(int fd, const void *bytes, size_t size);

extern const char __executable_start[]; /* of the linker: where this program lies */

static uintptr_t sites[SITES_MAX];
static size_t site_count;
static int log_file = -1;
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
    if (log_file < 0) { /* at the first call: later on the command may not write to any file */
        log_file = __real_open64(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    }
    if (site_count < SITES_MAX) {
        char line[64];
        sites[site_count++] = site;
        int length = snprintf(line, sizeof line, "%zx %s\n", (size_t)site, name);
        if (__real_write(log_file, line, (size_t)length) != length) {
            abort();
        }
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
WRAP(int, fstat64, -1, EIO, (int fd, struct stat *status), (fd, status))
WRAP(int, stat64, -1, EACCES, (const char *path, struct stat *status), (path, status))
WRAP(int, lstat64, -1, EACCES, (const char *path, struct stat *status), (path, status))
WRAP(int, fstatat64, -1, EACCES, (int fd, const char *path, struct stat *status, int flags),
     (fd, path, status, flags))
WRAP(int, mkdir, -1, ENOSPC, (const char *path, mode_t mode), (path, mode))
WRAP(int, renameat, -1, EIO, (int from, const char *old, int to, const char *new), (from, old, to, new))
WRAP(int, linkat, -1, EIO, (int from, const char *old, int to, const char *new, int flags),
     (from, old, to, new, flags))
WRAP(int, unlink, -1, EACCES, (const char *path), (path))
WRAP(int, unlinkat, -1, EACCES, (int fd, const char *path, int flags), (fd, path, flags))
WRAP(int, fsync, -1, EIO, (int fd), (fd))
WRAP(int, ftruncate64, -1, EIO, (int fd, off_t length), (fd, length))
WRAP(int, flock, -1, ENOLCK, (int fd, int operation), (fd, operation))
WRAP(int, pipe2, -1, EMFILE, (int fds[2], int flags), (fds, flags))
WRAP(int, access, -1, EACCES, (const char *path, int mode), (path, mode))
WRAP(int, chmod, -1, EPERM, (const char *path, mode_t mode), (path, mode))
WRAP(int, dup2, -1, EBUSY, (int from, int to), (from, to))
WRAP(int, execvp, -1, ENOMEM, (const char *file, char *const argv[]), (file, argv))
WRAP(FILE *, fdopen, NULL, ENOMEM, (int fd, const char *mode), (fd, mode))
WRAP(int, getifaddrs, -1, ENOBUFS, (struct ifaddrs * *list), (list))
WRAP(int, gethostname, -1, EPERM, (char *name, size_t size), (name, size))
WRAP(int, getpeername, -1, ENOTCONN, (int fd, struct sockaddr *address, socklen_t *length),
     (fd, address, length))
WRAP(off_t, lseek64, -1, ESPIPE, (int fd, off_t offset, int from), (fd, offset, from))
WRAP(int, memfd_create, -1, EMFILE, (const char *name, unsigned flags), (name, flags))
WRAP(char *, mkdtemp, NULL, EACCES, (char *path), (path))
WRAP(locale_t, newlocale, (locale_t)0, ENOMEM, (int mask, const char *name, locale_t base),
     (mask, name, base))
WRAP(FILE *, open_memstream, NULL, ENOMEM, (char **text, size_t *bytes), (text, bytes))
WRAP(int, poll, -1, ENOMEM, (struct pollfd * fds, nfds_t count, int timeout_ms), (fds, count, timeout_ms))
WRAP(FILE *, popen, NULL, EMFILE, (const char *line, const char *mode), (line, mode))
WRAP(int, posix_fallocate64, ENOSPC, 0, (int fd, off_t offset, off_t length), (fd, offset, length))
WRAP(int, mlock, -1, ENOMEM, (const void *begin, size_t size), (begin, size))
WRAP(int, execv, -1, ENOMEM, (const char *path, char *const argv[]), (path, argv))
WRAP(char *, setlocale, NULL, ENOENT, (int category, const char *name), (category, name))
WRAP(int, tcflow, -1, EIO, (int fd, int action), (fd, action))
WRAP(int, prctl, -1, EPERM,
     (int option, unsigned long second, unsigned long third, unsigned long fourth, unsigned long fifth),
     (option, second, third, fourth, fifth))
WRAP(long, syscall, -1, EPERM, (long number, long a, long b, long c, long d, long e, long f),
     (number, a, b, c, d, e, f))
WRAP(int, putenv, -1, ENOMEM, (char *setting), (setting))
WRAP(ssize_t, readlink, -1, EACCES, (const char *path, char *target, size_t size), (path, target, size))
WRAP(char *, realpath, NULL, EACCES, (const char *path, char *resolved), (path, resolved))
WRAP(ssize_t, recvfrom, -1, ENOMEM,
     (int fd, void *bytes, size_t size, int flags, struct sockaddr *from, socklen_t *length),
     (fd, bytes, size, flags, from, length))
WRAP(int, rename, -1, EACCES, (const char *old, const char *new), (old, new))
WRAP(int, rmdir, -1, EACCES, (const char *path), (path))
WRAP(int, scandir64, -1, ENOMEM,
     (const char *path, struct dirent ***entries, int (*choose)(const struct dirent *),
      int (*compare)(const struct dirent **, const struct dirent **)),
     (path, entries, choose, compare))
WRAP(int, setenv, -1, ENOMEM, (const char *name, const char *value, int overwrite), (name, value, overwrite))
WRAP(int, setpgid, -1, EPERM, (pid_t process, pid_t group), (process, group))
WRAP(int, setvbuf, -1, ENOMEM, (FILE * file, char *buffer, int mode, size_t size), (file, buffer, mode, size))
WRAP(int, shutdown, -1, ENOTCONN, (int fd, int how), (fd, how))
WRAP(int, signalfd, -1, EMFILE, (int fd, const sigset_t *signals, int flags), (fd, signals, flags))
WRAP(int, tcgetattr, -1, EIO, (int fd, struct termios *attributes), (fd, attributes))
WRAP(int, tcsetattr, -1, EIO, (int fd, int when, const struct termios *attributes), (fd, when, attributes))
WRAP(int, timerfd_settime, -1, ECANCELED,
     (int fd, int flags, const struct itimerspec *value, struct itimerspec *old), (fd, flags, value, old))
WRAP(int, ttyname_r, ENOTTY, 0, (int fd, char *name, size_t size), (fd, name, size))
WRAP(pid_t, fork, -1, EAGAIN, (void), ())
WRAP(int, timerfd_create, -1, EMFILE, (int clock, int flags), (clock, flags))
WRAP(unsigned, if_nametoindex, 0, ENODEV, (const char *name), (name))
WRAP(DIR *, opendir, NULL, EMFILE, (const char *path), (path))
WRAP(DIR *, fdopendir, NULL, ENOMEM, (int fd), (fd))
WRAP(FILE *, fopen64, NULL, EMFILE, (const char *path, const char *mode), (path, mode))
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

/* They end what they are given, and then fail. */
#define WRAP_END(name, error, parameters, arguments)     \
    int __real_##name parameters;                        \
    int __wrap_##name parameters;                        \
    int __wrap_##name parameters {                       \
        int result = __real_##name arguments;            \
        if (fails(__builtin_return_address(0), #name)) { \
            errno = error;                               \
            return -1;                                   \
        }                                                \
        return result;                                   \
    }

WRAP_END(close, EIO, (int fd), (fd))
WRAP_END(fclose, ENOSPC, (FILE * file), (file))
WRAP_END(pclose, ECHILD, (FILE * file), (file))

/* Libraries of which the command needs much. */
WRAP(struct libscols_table *, scols_new_table, NULL, ENOMEM, (void), ())
WRAP(struct libscols_column *, scols_table_new_column, NULL, ENOMEM,
     (struct libscols_table * table, const char *name, double hint, int flags), (table, name, hint, flags))
WRAP(struct libscols_line *, scols_table_new_line, NULL, ENOMEM,
     (struct libscols_table * table, struct libscols_line *parent), (table, parent))
WRAP(struct scmp_filter *, seccomp_init, NULL, ENOMEM, (uint32_t action), (action))
WRAP(int, seccomp_load, -ECANCELED, 0, (struct scmp_filter * filter), (filter))
WRAP(struct _QRcode *, QRcode_encodeString8bit, NULL, ENOMEM, (const char *text, int version, int level),
     (text, version, level))
WRAP(int, crypto_pwhash, -1, ENOMEM,
     (unsigned char *key, unsigned long long bytes, const char *words, unsigned long long length,
      const unsigned char *salt, unsigned long long operations, size_t memory, int algorithm),
     (key, bytes, words, length, salt, operations, memory, algorithm))

/* Those of libuv return the error. uv_poll_start() is none of them: it fails for a wrong descriptor alone,
 * and ends the process where memory is out. */
#define WRAP_UV(name, error, parameters, arguments) WRAP(int, name, error, 0, parameters, arguments)

WRAP_UV(uv_loop_init, UV_EMFILE, (uv_loop_t * loop), (loop))
WRAP_UV(uv_poll_init, UV_EMFILE, (uv_loop_t * loop, uv_poll_t *poll, int fd), (loop, poll, fd))
WRAP_UV(uv_signal_start, UV_ENOMEM, (uv_signal_t * handle, uv_signal_cb callback, int number),
        (handle, callback, number))
WRAP_UV(uv_fs_event_start, UV_ENOSPC,
        (uv_fs_event_t * handle, uv_fs_event_cb callback, const char *path, unsigned flags),
        (handle, callback, path, flags))
WRAP_UV(uv_pipe, UV_EMFILE, (uv_file fds[2], int read_flags, int write_flags), (fds, read_flags, write_flags))
WRAP_UV(uv_pipe_open, UV_EMFILE, (uv_pipe_t * pipe, uv_file fd), (pipe, fd))
WRAP_UV(uv_read_start, UV_ENOTCONN, (uv_stream_t * stream, uv_alloc_cb on_alloc, uv_read_cb on_read),
        (stream, on_alloc, on_read))
WRAP_UV(uv_spawn, UV_EAGAIN, (uv_loop_t * loop, uv_process_t *process, const uv_process_options_t *options),
        (loop, process, options))
WRAP_UV(uv_tcp_init_ex, UV_EMFILE, (uv_loop_t * loop, uv_tcp_t *tcp, unsigned flags), (loop, tcp, flags))
WRAP_UV(uv_tcp_connect, UV_ENETUNREACH,
        (uv_connect_t * request, uv_tcp_t *tcp, const struct sockaddr *address, uv_connect_cb callback),
        (request, tcp, address, callback))
WRAP_UV(uv_getaddrinfo, UV_ENOMEM,
        (uv_loop_t * loop, uv_getaddrinfo_t *request, uv_getaddrinfo_cb callback, const char *node,
         const char *service, const struct addrinfo *hints),
        (loop, request, callback, node, service, hints))

/* Those with a variable count of arguments: the third is the one that is used here, if there is one. */
int __wrap_open64(const char *path, int flags, mode_t mode);
int __wrap_open64(const char *path, int flags, mode_t mode) {
    if (fails(__builtin_return_address(0), "open")) {
        errno = EMFILE;
        return -1;
    }
    return __real_open64(path, flags, mode);
}

int __real_openat64(int fd, const char *path, int flags, mode_t mode);
int __wrap_openat64(int fd, const char *path, int flags, mode_t mode);
int __wrap_openat64(int fd, const char *path, int flags, mode_t mode) {
    if (fails(__builtin_return_address(0), "openat")) {
        errno = EMFILE;
        return -1;
    }
    return __real_openat64(fd, path, flags, mode);
}

/* The one argument of these is as long as a pointer. */
int __real_fcntl64(int fd, int command, void *argument);
int __wrap_fcntl64(int fd, int command, void *argument);
int __wrap_fcntl64(int fd, int command, void *argument) {
    /* Whether a descriptor is open can be asked of each. */
    if (command != F_GETFD && fails(__builtin_return_address(0), "fcntl64")) {
        errno = EMFILE;
        return -1;
    }
    return __real_fcntl64(fd, command, argument);
}

int __real_ioctl(int fd, unsigned long request, void *argument);
int __wrap_ioctl(int fd, unsigned long request, void *argument);
int __wrap_ioctl(int fd, unsigned long request, void *argument) {
    if (fails(__builtin_return_address(0), "ioctl")) {
        errno = ENOTTY;
        return -1;
    }
    return __real_ioctl(fd, request, argument);
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

int __wrap_dprintf(int fd, const char *format, ...);
int __wrap_dprintf(int fd, const char *format, ...) {
    va_list arguments;
    if (fails(__builtin_return_address(0), "dprintf")) {
        errno = ENOSPC;
        return -1;
    }
    va_start(arguments, format);
    int length = vdprintf(fd, format, arguments);
    va_end(arguments);
    return length;
}
