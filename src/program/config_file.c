/* SPDX-License-Identifier: MIT */
#include "config_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "number.h"

struct config_number {
    struct config_number *next;
    char text[NUMBER_TEXT_BYTES_MAX + 1];
};

static int refuse_unreadable(struct reason *reason) {
    return reason_set(reason, "cannot be read: %s", strerror(errno));
}

/* Refuses what everybody may write: who can write here speaks in the name of this user, under its key. */
static int check_private(const struct stat *status, struct reason *reason) {
    return (status->st_mode & S_IWOTH) == 0 ? 0
                                            : reason_set(reason, "everybody may write to it, see chmod o-w");
}

/* ---- files ---- */

static int read_stream(struct config_file *file, FILE *stream, struct reason *reason) {
    struct stat status;
    if (fstat(fileno(stream), &status) != 0) {
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
        return reason_set_memory(reason);
    }
    file->length = fread(file->text, 1, CONFIG_FILE_BYTES_MAX + 1, stream);
    if (ferror(stream)) {
        return refuse_unreadable(reason);
    }
    if (file->length > CONFIG_FILE_BYTES_MAX) {
        return reason_set(reason, "expected at most %zu KiB", CONFIG_FILE_BYTES_MAX / 1024);
    }
    return 0;
}

int config_file_read(struct config_file *file, const char *path, struct reason *reason) {
    *file = (struct config_file){0};
    /* Without O_NONBLOCK a FIFO would wait for a writer before it can be refused. */
    const int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0) {
        return refuse_unreadable(reason);
    }
    FILE *stream = fdopen(fd, "r");
    if (stream == NULL) {
        close(fd);
        return reason_set_memory(reason);
    }
    int error = read_stream(file, stream, reason);
    fclose(stream);
    if (error == 0) {
        file->path = strdup(path);
        error = file->path != NULL ? 0 : reason_set_memory(reason);
    }
    if (error != 0) {
        config_file_deinit(file);
    }
    return error;
}

const char *config_file_number_text(struct config_file *file, double number) {
    struct config_number *kept = malloc(sizeof(*kept));
    if (kept == NULL) {
        return NULL;
    }
    kept->text[number_write(number, kept->text)] = '\0';
    kept->next = file->numbers;
    file->numbers = kept;
    return kept->text;
}

void config_file_deinit(struct config_file *file) {
    for (struct config_number *next, *number = file->numbers; number != NULL; number = next) {
        next = number->next;
        free(number);
    }
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

/* True for the names that a shell's *.json means, which leaves out hidden files. */
static int is_config_name(const struct dirent *entry) {
    const char *ending = strrchr(entry->d_name, '.');
    return entry->d_name[0] != '.' && ending != NULL && strcmp(ending, ".json") == 0;
}

static int compare_names(const struct dirent **a, const struct dirent **b) {
    return strcmp((*a)->d_name, (*b)->d_name);
}

/* Lists the entries. Returns how many there are, or -1 with a reason. */
static int list_entries(const char *directory, struct dirent ***entries, struct reason *reason) {
    struct stat status;
    if (stat(directory, &status) != 0) {
        return refuse_unreadable(reason);
    }
    if (check_private(&status, reason) != 0) {
        return -1;
    }
    const int count = scandir(directory, entries, is_config_name, compare_names);
    return count >= 0 ? count : refuse_unreadable(reason);
}

int config_file_each(const char *directory, void (*on_path)(const char *path, void *context), void *context,
                     struct reason *reason) {
    const char *slash = directory[strlen(directory) - 1] == '/' ? "" : "/";
    struct dirent **entries;
    const int count = list_entries(directory, &entries, reason);
    int error = count < 0 ? -1 : 0;
    for (int i = 0; i < count; i++) {
        char *path;
        if (asprintf(&path, "%s%s%s", directory, slash, entries[i]->d_name) < 0) {
            error = reason_set_memory(reason);
        } else {
            on_path(path, context);
            free(path);
        }
        free(entries[i]);
    }
    if (count >= 0) {
        free(entries);
    }
    return error;
}
