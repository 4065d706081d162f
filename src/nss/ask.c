/* SPDX-License-Identifier: MIT */
#include "ask.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define MACHINE_DIRECTORY "/run/muster" /* of muster.service */
#define ROOT_DIRECTORY "/var/lib/muster"
#define SOCKETS_MAX 256

#define NETWORK_BYTES 64
#define REQUEST_BYTES 1024
#define LINE_BYTES_MAX 65536               /* of a head line, an announce, a body */
#define ANSWER_BYTES_MAX (8 * 1024 * 1024) /* of muster that does not know `name`, with a thousand peers */

struct ask {
    char request[REQUEST_BYTES];
    struct answer *answer;
    enum ask_result result;
    long long end_ms; /* CLOCK_MONOTONIC */
    unsigned tried;   /* sockets */
};

static long long now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- the request ---- */

/* Behind the others, with the escapes that JSON wants (RFC 8259, 7). */
static void append_text(char *request, const char *text) {
    char *at = request + strlen(request);
    for (; *text != '\0'; text++) {
        const bool is_plain = (unsigned char)*text >= ' ' && *text != '"' && *text != '\\';
        at += sprintf(at, is_plain ? "%c" : "\\u%04x", (unsigned char)*text);
    }
}

/* A socket can be reached from other networks of the machine, whose peers are not ours. */
static void append_network(char *request) {
    char network[NETWORK_BYTES];
    ssize_t length = readlink("/proc/self/ns/net", network, sizeof network - 1);
    if (length > 0) {
        network[length] = '\0';
        strcat(request, "\",\"network\":\"");
        append_text(request, network);
    }
}

static void write_request(char request[REQUEST_BYTES], const char *name) {
    strcpy(request, "{\"muster\":1,\"request\":\"table\",\"name\":\"");
    append_text(request, name);
    append_network(request);
    strcat(request, "\"}\n");
}

/* ---- one socket ---- */

/* Where everybody may write, anybody can listen. */
static bool is_trusted(int fd, uid_t owner) {
    struct ucred listener;
    socklen_t size = sizeof listener;
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &listener, &size) == 0 &&
           (listener.uid == geteuid() || listener.uid == 0 || listener.uid == owner);
}

static int connect_to(const char *path) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path) {
        return -1;
    }
    strcpy(address.sun_path, path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof address) != 0) {
        const int error = errno;
        close(fd);
        errno = error;
        return -1;
    }
    return fd;
}

/* Bytes that came, 0 at the end of the time, of the stream, or of what may come. */
static size_t receive(int fd, char *bytes, size_t room, long long end_ms) {
    for (;;) {
        ssize_t length = recv(fd, bytes, room, 0);
        if (length > 0) {
            return (size_t)length;
        }
        long long left_ms = end_ms - now_ms();
        struct pollfd wanted = {.fd = fd, .events = POLLIN};
        bool may_wait = length < 0 && (errno == EAGAIN || errno == EINTR);
        if (!may_wait || left_ms <= 0) {
            return 0;
        }
        (void)poll(&wanted, 1, (int)left_ms);
    }
}

/* Reads all whole lines, and moves the rest to the front. */
static enum answer_state read_lines(struct answer *answer, char *bytes, size_t *length) {
    enum answer_state state = ANSWER_MORE;
    char *line = bytes;
    char *end;
    while (state == ANSWER_MORE && (end = memchr(line, '\n', (size_t)(bytes + *length - line))) != NULL) {
        *end = '\0';
        state = answer_read(answer, line, (size_t)(end - line));
        line = end + 1;
    }
    *length -= (size_t)(line - bytes);
    memmove(bytes, line, *length);
    return state;
}

static enum answer_state read_answer(int fd, struct answer *answer, char *bytes, long long end_ms) {
    enum answer_state state = ANSWER_MORE;
    size_t length = 0;
    size_t total = 0;
    while (state == ANSWER_MORE) {
        size_t more = receive(fd, bytes + length, LINE_BYTES_MAX - length, end_ms);
        length += more;
        total += more;
        if (more == 0 || total > ANSWER_BYTES_MAX) {
            return ANSWER_BAD;
        }
        state = read_lines(answer, bytes, &length);
    }
    return state;
}

/* A quarter of the time that is left is for the sockets behind this one. */
static enum answer_state ask_socket(const struct ask *ask, int fd, struct answer *answer) {
    const size_t length = strlen(ask->request);
    long long now = now_ms();
    char *bytes = malloc(LINE_BYTES_MAX);
    enum answer_state state = ANSWER_BAD;
    if (bytes != NULL && send(fd, ask->request, length, MSG_NOSIGNAL) == (ssize_t)length) {
        state = read_answer(fd, answer, bytes, ask->end_ms - (ask->end_ms - now) / 4);
    }
    free(bytes);
    return state;
}

static void take_result(struct ask *ask, enum answer_state state, const struct answer *answer) {
    if (state == ANSWER_DONE && answer->address_count > 0) {
        *ask->answer = *answer;
        ask->result = ASK_FOUND;
    } else if (state == ANSWER_DONE && ask->result == ASK_NOBODY) {
        ask->result = ASK_NOT_FOUND;
    } else if (state == ANSWER_BAD) {
        ask->result = ASK_SILENT;
    }
}

/* A socket at which nobody listens is of a muster that is gone. */
static void ask_path(struct ask *ask, const char *path, uid_t owner) {
    if (ask->result == ASK_FOUND || ask->tried == SOCKETS_MAX) {
        return;
    }
    if (now_ms() >= ask->end_ms) {
        take_result(ask, ANSWER_BAD, NULL); /* who was not asked may know it */
        return;
    }
    int fd = connect_to(path);
    ask->tried++;
    if (fd < 0) {
        take_result(ask, errno == EAGAIN ? ANSWER_BAD : ANSWER_OTHER, NULL); /* it accepts nobody any more */
        return;
    }
    if (is_trusted(fd, owner)) {
        struct answer answer = {.wanted = ask->answer->wanted};
        take_result(ask, ask_socket(ask, fd, &answer), &answer);
    }
    close(fd);
}

/* ---- all sockets ---- */

/* Of a directory that is not there nobody is the owner. */
static uid_t owner_of(const char *directory) {
    struct stat status;
    return stat(directory, &status) == 0 ? status.st_uid : geteuid();
}

static int is_visible(const struct dirent *entry) {
    return entry->d_name[0] != '.';
}

static int compare_names(const struct dirent **a, const struct dirent **b) {
    return strcmp((*a)->d_name, (*b)->d_name);
}

static void ask_instances(struct ask *ask, const char *directory) {
    struct dirent **entries;
    int count = scandir(directory, &entries, is_visible, compare_names);
    uid_t owner = owner_of(directory);
    for (int i = 0; i < count; i++) {
        char *path;
        if (asprintf(&path, "%s/%s/socket", directory, entries[i]->d_name) >= 0) {
            ask_path(ask, path, owner);
            free(path);
        }
        free(entries[i]);
    }
    if (count >= 0) {
        free(entries);
    }
}

/* A program with rights that its user lacks does not go where its user says. */
static void ask_user(struct ask *ask) {
    const char *state = secure_getenv("XDG_STATE_HOME");
    const char *home = secure_getenv("HOME");
    char *directory = NULL;
    int length = -1;
    if (geteuid() == 0) {
        ask_instances(ask, ROOT_DIRECTORY);
    } else if (state != NULL && state[0] == '/') {
        length = asprintf(&directory, "%s/muster", state);
    } else if (home != NULL && home[0] == '/') {
        length = asprintf(&directory, "%s/.local/state/muster", home);
    }
    if (length >= 0) {
        ask_instances(ask, directory);
        free(directory);
    }
}

enum ask_result ask_addresses(const char *name, struct answer *answer) {
    struct ask ask = {.answer = answer, .result = ASK_NOBODY, .end_ms = now_ms() + ASK_MS};
    *answer = (struct answer){.wanted = name};
    write_request(ask.request, name);
    ask_user(&ask);
    ask_path(&ask, MACHINE_DIRECTORY "/socket", owner_of(MACHINE_DIRECTORY));
    return ask.result;
}
