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

/* False when memory is out. One that finds no room is left out. */
static bool put(struct local_paths *paths, const char *directory, const char *slot, uid_t owner) {
    char *path;
    if (paths->count == LOCAL_PATHS_MAX) {
        return true;
    }
    if (asprintf(&path, "%s/%s/" SLOT_SOCKET, directory, slot) < 0) {
        return false;
    }
    struct stat status;
    if (lstat(path, &status) == 0 && S_ISSOCK(status.st_mode)) {
        paths->items[paths->count++] = (struct local_path){.path = path, .owner = owner};
    } else {
        free(path);
    }
    return true;
}

static int name_compare(const struct dirent **a, const struct dirent **b) {
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int is_visible(const struct dirent *entry) {
    return entry->d_name[0] != '.';
}

/* A directory that is not there, or not for us to read, has none. */
static int put_all(struct local_paths *paths, const char *directory) {
    struct dirent **entries;
    int count = scandir(directory, &entries, is_visible, name_compare);
    uid_t owner = owner_of(directory);
    bool has_memory = true;
    for (int i = 0; i < count; i++) {
        has_memory = has_memory && put(paths, directory, entries[i]->d_name, owner);
        free(entries[i]);
    }
    if (count >= 0) {
        free(entries);
    }
    return has_memory ? 0 : MUSTER_ENOMEM;
}

static int put_slots(struct local_paths *paths, const struct muster_local_options *options) {
    static const struct log silent = {.write = NULL};
    char *directory;
    char slot[SLOT_NAME_BYTES];
    int error = state_directory(options->state_dir, &directory, &silent);
    if (error != 0) {
        return error == MUSTER_ENOMEM ? error : 0;
    }
    if (options->instance == NULL) {
        error = put_all(paths, directory);
    } else {
        slot_name(options->instance, slot);
        error = put(paths, directory, slot, owner_of(directory)) ? 0 : MUSTER_ENOMEM;
    }
    free(directory);
    return error;
}

static int put_path(struct local_paths *paths, const char *path, uid_t owner) {
    char *copy = paths->count < LOCAL_PATHS_MAX ? strdup(path) : NULL;
    if (copy == NULL) {
        return paths->count < LOCAL_PATHS_MAX ? MUSTER_ENOMEM : 0;
    }
    paths->items[paths->count++] = (struct local_path){.path = copy, .owner = owner};
    return 0;
}

int local_paths_find(struct local_paths *paths, const struct muster_local_options *options) {
    *paths = (struct local_paths){.is_named = options->socket != NULL};
    int error;
    if (options->socket != NULL) {
        error = put_path(paths, options->socket, geteuid());
    } else {
        error = put_slots(paths, options);
        if (error == 0 && options->instance == NULL && options->skip == 0) {
            error = put_path(paths, MUSTER_SOCKET_DEFAULT, owner_of(DEFAULT_DIRECTORY));
        }
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
