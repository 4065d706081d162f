/* SPDX-License-Identifier: MIT */
/* Configuration files: read whole, or refused with a reason that names the file. */
#include <string.h>

#include <sys/stat.h>
#include <unistd.h>

#include "config.h"
#include "fuzz.h"

static char path[] = "/tmp/muster-fuzz-XXXXXX";
static int file = -1;

static void remove_file(void) {
    unlink(path);
}

static void on_error(const char *error, void *context) {
    REQUIRE(strncmp(error, path, strlen(path)) == 0);
    ++*(unsigned *)context;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    const char *paths[] = {path};
    unsigned errors = 0;
    struct config config = {.on_error = on_error, .context = &errors};
    if (file < 0) {
        file = mkstemp(path);
        REQUIRE(file >= 0 && fchmod(file, 0600) == 0 && atexit(remove_file) == 0);
    }
    REQUIRE(ftruncate(file, 0) == 0 && pwrite(file, bytes, length, 0) == (ssize_t)length);
    int result = config_read(&config, paths, 1);
    REQUIRE(result == 0 ? errors == 0 : errors > 0);
    config_deinit(&config);
    return 0;
}
