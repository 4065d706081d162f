/* SPDX-License-Identifier: MIT */
/* The address of a Unix socket whose path may be of any length: sun_path holds 107 bytes (unix(7)), and a
 * state directory may lie deeper. */
#pragma once

#include <stdbool.h>

#include <linux/limits.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>

#include <muster/core.h>

/* Zeroed: closed. */
struct unix_address {
    bool open;
    int directory;           /* descriptor of the directory: also of a relative path it stays the same one */
    char file[NAME_MAX + 1]; /* in that directory */
    struct sockaddr_un address;
};

/* 0 or -errno: there is no such directory, it may not be searched, or the file's name is too long. */
int unix_address_open(struct unix_address *address, const char *path);

/* A closed one is allowed. */
void unix_address_close(struct unix_address *address);

/* A non-blocking stream socket that is connected to it, or -errno: -ENOENT and -ECONNREFUSED when nobody
 * listens, -EAGAIN when somebody does, but has too many waiting. */
int unix_address_connect(const struct unix_address *address);

/* Connects to a path in one go; the same result. */
int unix_connect(const char *path);

/* The user at the other side of a connection: who connected, or who began to listen there. 0 or -errno. */
int unix_peer(int fd, uid_t *uid);

/* The name of the network namespace of this process, "net:[4026531840]" (namespaces(7)), as a Unix socket can
 * be reached from other networks of this machine too; "" where that is not known. */
void unix_network_name(char name[MUSTER_NETWORK_NAME_BYTES]);
