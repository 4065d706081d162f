/* SPDX-License-Identifier: MIT */
/* Gives a fuzz target each file of the directories in its arguments, without a fuzzer: replay DIRECTORY... */
#include <dirent.h>
#include <string.h>

#include <sys/stat.h>

#include "fuzz.h"

static void give(const char *path) {
    FILE *file = fopen(path, "rb");
    REQUIRE(file != NULL);
    REQUIRE(fseek(file, 0, SEEK_END) == 0);
    long length = ftell(file);
    REQUIRE(length >= 0 && fseek(file, 0, SEEK_SET) == 0);
    /* Exactly so long, so that a sanitizer sees a read behind its end. */
    uint8_t *bytes = malloc(length == 0 ? 1 : (size_t)length);
    REQUIRE(bytes != NULL && fread(bytes, 1, (size_t)length, file) == (size_t)length);
    LLVMFuzzerTestOneInput(bytes, (size_t)length);
    free(bytes);
    fclose(file);
}

static unsigned give_all(const char *directory) {
    char path[4096];
    struct stat status;
    unsigned count = 0;
    DIR *entries = opendir(directory);
    REQUIRE(entries != NULL);
    for (const struct dirent *entry; (entry = readdir(entries)) != NULL;) {
        REQUIRE(snprintf(path, sizeof path, "%s/%s", directory, entry->d_name) < (int)sizeof path);
        if (stat(path, &status) == 0 && S_ISREG(status.st_mode)) {
            give(path);
            count++;
        }
    }
    closedir(entries);
    return count;
}

int main(int argc, char **argv) {
    unsigned count = 0;
    for (int i = 1; i < argc; i++) {
        count += give_all(argv[i]);
    }
    printf("%u inputs\n", count);
    return count == 0; /* a corpus that was not found is no success */
}
