/* SPDX-License-Identifier: MIT */
/* Where a muster that runs on this machine may be asked: the paths of Unix sockets. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <sys/types.h>

#include <muster/muster.h>

#define LOCAL_PATHS_MAX 256 /* more are not looked at */

struct local_path {
    char *path;
    uid_t owner; /* of the directory that was searched: what listens in it is his or root's */
};

/* Zeroed: none. */
struct local_paths {
    struct local_path items[LOCAL_PATHS_MAX];
    size_t count;
    bool is_named; /* the one was named, not found, and may be anybody's */
};

/* Lists the sockets that the options mean (muster.h), whether or not anybody listens. MUSTER_ENOMEM. */
int local_paths_find(struct local_paths *paths, const struct muster_local_options *options);

void local_paths_deinit(struct local_paths *paths);
