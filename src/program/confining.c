/* SPDX-License-Identifier: MIT */
#include "confining.h"

#include <libgen.h>
#include <stdlib.h>
#include <string.h>

#include "confine.h"

/* The directory of a file, for the caller to free; NULL: none. */
static char *directory_of(const char *path) {
    char *copy = path != NULL ? strdup(path) : NULL;
    char *directory = copy != NULL ? strdup(dirname(copy)) : NULL;
    free(copy);
    return directory;
}

/* That of the file itself, where the path is a link to it: SQLite has its other files there. */
static char *real_directory_of(const char *path) {
    char *real = path != NULL ? realpath(path, NULL) : NULL;
    char *directory = directory_of(real);
    free(real);
    return directory;
}

void confining_start(const struct session *session) {
    const muster_t *node = session->node;
    char *socket = node != NULL ? directory_of(muster_socket(node)) : NULL;
    char *written = directory_of(session->request.written);
    char *real = real_directory_of(session->request.written);
    const struct confinement confinement = {
        .directories = {node != NULL ? muster_instance_directory(node) : NULL, socket, written, real},
        .starts_programs = session->request.starts_programs,
    };
    confine(&confinement);
    free(socket);
    free(written);
    free(real);
}
