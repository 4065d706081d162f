#include "config_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int refuse_unreadable(struct reason *reason) {
    return reason_set(reason, "cannot be read: %s", strerror(errno));
}

static int refuse_memory(struct reason *reason) {
    return reason_set(reason, "out of memory");
}

/* Whoever can write here speaks in our name, under our key: refuses what is open to everybody. */
static int check_private(const struct stat *status, struct reason *reason) {
    return (status->st_mode & S_IWOTH) == 0 ? 0
                                            : reason_set(reason, "everybody may write to it, see chmod o-w");
}

/* ---- files ---- */

/* Reads to the end, or one byte more than a file may have. -1 with errno. */
static ssize_t read_all(int fd, char *text) {
    size_t length = 0;
    while (length <= CONFIG_FILE_BYTES_MAX) {
        const ssize_t count = read(fd, text + length, CONFIG_FILE_BYTES_MAX + 1 - length);
        if (count < 0 && errno != EINTR) {
            return -1;
        }
        if (count == 0) {
            break;
        }
        length += count > 0 ? (size_t)count : 0;
    }
    return (ssize_t)length;
}

static int read_open_file(struct config_file *file, int fd, struct reason *reason) {
    struct stat status;
    if (fstat(fd, &status) != 0) {
        return refuse_unreadable(reason);
    }
    if (!S_ISREG(status.st_mode)) {
        return reason_set(reason, "expected a file, or a directory of files *.json");
    }
    if (check_private(&status, reason) != 0) {
        return -1;
    }
    file->text = malloc(CONFIG_FILE_BYTES_MAX + 1);
    if (file->text == NULL) {
        return refuse_memory(reason);
    }
    const ssize_t length = read_all(fd, file->text);
    if (length < 0) {
        return refuse_unreadable(reason);
    }
    if ((size_t)length > CONFIG_FILE_BYTES_MAX) {
        return reason_set(reason, "expected at most %zu KiB", CONFIG_FILE_BYTES_MAX / 1024);
    }
    file->length = (size_t)length;
    return 0;
}

int config_file_read(struct config_file *file, const char *path, struct reason *reason) {
    *file = (struct config_file){0};
    /* Without O_NONBLOCK a FIFO would wait for a writer before it can be refused. */
    const int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0) {
        return refuse_unreadable(reason);
    }
    int error = read_open_file(file, fd, reason);
    close(fd);
    if (error == 0) {
        file->path = strdup(path);
        error = file->path != NULL ? 0 : refuse_memory(reason);
    }
    if (error != 0) {
        config_file_deinit(file);
    }
    return error;
}

void config_file_deinit(struct config_file *file) {
    free(file->path);
    free(file->text);
    document_free(file->root);
    *file = (struct config_file){0};
}

/* ---- directories ---- */

bool config_file_is_directory(const char *path) {
    struct stat status;
    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

/* As a shell's *.json: hidden files are left out. */
static int is_config_name(const struct dirent *entry) {
    const char *ending = strrchr(entry->d_name, '.');
    return entry->d_name[0] != '.' && ending != NULL && strcmp(ending, ".json") == 0;
}

static int compare_names(const struct dirent **a, const struct dirent **b) {
    return strcmp((*a)->d_name, (*b)->d_name);
}

/* Adds the path of each entry; -1 when memory is out. */
static int add_paths(struct config_file_list *list, const char *directory, struct dirent *const *entries,
                     size_t count) {
    const char *slash = directory[strlen(directory) - 1] == '/' ? "" : "/";
    list->paths = calloc(count + 1, sizeof(*list->paths));
    if (list->paths == NULL) {
        return -1;
    }
    for (size_t i = 0; i < count; i++) {
        if (asprintf(&list->paths[i], "%s%s%s", directory, slash, entries[i]->d_name) < 0) {
            return -1;
        }
        list->count++;
    }
    return 0;
}

int config_file_list(struct config_file_list *list, const char *directory, struct reason *reason) {
    struct stat status;
    struct dirent **entries;
    *list = (struct config_file_list){0};
    if (stat(directory, &status) != 0) {
        return refuse_unreadable(reason);
    }
    if (check_private(&status, reason) != 0) {
        return -1;
    }
    const int count = scandir(directory, &entries, is_config_name, compare_names);
    if (count < 0) {
        return refuse_unreadable(reason);
    }
    int error = add_paths(list, directory, entries, (size_t)count);
    for (int i = 0; i < count; i++) {
        free(entries[i]);
    }
    free(entries);
    if (error != 0) {
        config_file_list_deinit(list);
        refuse_memory(reason);
    }
    return error;
}

void config_file_list_deinit(struct config_file_list *list) {
    for (size_t i = 0; i < list->count; i++) {
        free(list->paths[i]);
    }
    free(list->paths);
    *list = (struct config_file_list){0};
}
