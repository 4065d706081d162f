/* SPDX-License-Identifier: MIT */
#include "local_paths.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "slot.h"
#include "state.h"

#define DEFAULT_DIRECTORY "/run/muster" /* of MUSTER_SOCKET_DEFAULT */

/* Of a directory that is not there no matter who: nobody is found in it. */
static uid_t owner_of(const char *directory) {
    struct stat status;
    return stat(directory, &status) == 0 ? status.st_uid : geteuid();
}

/* Takes over path, NULL: memory is out, whose listener is to be owner's. One that finds no room is left out.
 */
static int put(struct local_paths *paths, char *path, uid_t owner) {
    if (path == NULL) {
        return MUSTER_ENOMEM;
    }
    if (paths->count == LOCAL_PATHS_MAX) {
        free(path);
    } else {
        paths->items[paths->count++] = (struct local_path){.path = path, .owner = owner};
    }
    return 0;
}

/* A slot without a socket has none. */
static int put_slot(struct local_paths *paths, const char *directory, const char *slot, uid_t owner) {
    struct stat status;
    char *path;
    if (asprintf(&path, "%s/%s/" SLOT_SOCKET, directory, slot) < 0) {
        return MUSTER_ENOMEM;
    }
    if (lstat(path, &status) != 0 || !S_ISSOCK(status.st_mode)) {
        free(path);
        return 0;
    }
    return put(paths, path, owner);
}

static int is_visible(const struct dirent *entry) {
    return entry->d_name[0] != '.';
}

static int name_compare(const struct dirent **a, const struct dirent **b) {
    return strcmp((*a)->d_name, (*b)->d_name);
}

/* A directory that is not there, or not for us to read, has none. */
static int put_all(struct local_paths *paths, const char *directory) {
    struct dirent **entries = NULL;
    int count = scandir(directory, &entries, is_visible, name_compare);
    uid_t owner = owner_of(directory);
    int error = 0;
    for (int i = 0; i < count; i++) {
        error = error == 0 ? put_slot(paths, directory, entries[i]->d_name, owner) : error;
        free(entries[i]);
    }
    free(entries);
    return error;
}

static int put_slots(struct local_paths *paths, const struct muster_local_options *options) {
    static const struct log silent = {.write = NULL};
    char *directory;
    char slot[SLOT_NAME_BYTES];
    char name[SLOT_NAME_BYTES];
    int error = state_directory(options->state_dir, &directory, &silent);
    if (error != 0) {
        return error == MUSTER_ENOMEM ? error : 0;
    }
    if (options->instance == NULL) {
        error = put_all(paths, directory);
    } else {
        slot_name_given(options->instance, slot);
        error = put_slot(paths, directory, slot, owner_of(directory));
        slot_name(options->instance, name);
        if (error == 0 && strcmp(name, slot) != 0) { /* a node of that very name */
            error = put_slot(paths, directory, name, owner_of(directory));
        }
    }
    free(directory);
    return error;
}

int local_paths_find(struct local_paths *paths, const struct muster_local_options *options) {
    *paths = (struct local_paths){.is_named = options->socket != NULL};
    int error =
        options->socket != NULL ? put(paths, strdup(options->socket), geteuid()) : put_slots(paths, options);
    bool has_default = options->socket == NULL && options->instance == NULL && options->skip == 0;
    if (error == 0 && has_default) {
        error = put(paths, strdup(MUSTER_SOCKET_DEFAULT), owner_of(DEFAULT_DIRECTORY));
    }
    if (error != 0) {
        local_paths_deinit(paths);
    }
    return error;
}

void local_paths_deinit(struct local_paths *paths) {
    for (size_t i = 0; i < paths->count; i++) {
        free(paths->items[i].path);
    }
    paths->count = 0;
}
