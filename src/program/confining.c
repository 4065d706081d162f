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
    const bool has_state = session->request.options != NULL;
    const char *socket = has_state && session->node != NULL ? muster_socket(session->node) : NULL;
    char *state = NULL;
    if (has_state && muster_keyring_directory(session->settings->state_dir, &state) != 0) {
        state = NULL;
    }
    char *directories[] = {state, directory_of(socket), directory_of(session->request.written),
                           real_directory_of(session->request.written)};
    struct confinement confinement = {.starts_programs = session->request.starts_programs};
    for (size_t i = 0; i < sizeof(directories) / sizeof(directories[0]); i++) {
        confinement.directories[i] = directories[i];
    }
    confine(&confinement);
    for (size_t i = 0; i < sizeof(directories) / sizeof(directories[0]); i++) {
        free(directories[i]);
    }
}
