/* SPDX-License-Identifier: MIT */
#include "files.h"

#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The kernel's interface (Documentation/userspace-api/landlock.rst), by its own numbers, as headers of C
 * libraries may be older. The numbers of the calls are the same on all machines but Alpha. */
#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_add_rule 445
#define SYS_landlock_restrict_self 446
#endif

enum { ASK_VERSION = 1, RULE_PATH_BENEATH = 1 };

enum {
    WRITE_FILE = 1 << 1,
    REMOVE_DIRECTORY = 1 << 4,
    REMOVE_FILE = 1 << 5,
    MAKE_CHARACTER_DEVICE = 1 << 6,
    MAKE_DIRECTORY = 1 << 7,
    MAKE_FILE = 1 << 8,
    MAKE_SOCKET = 1 << 9,
    MAKE_FIFO = 1 << 10,
    MAKE_BLOCK_DEVICE = 1 << 11,
    MAKE_LINK = 1 << 12,
    TRUNCATE = 1 << 14, /* since version 3 */
};

enum {
    WRITING = WRITE_FILE | REMOVE_FILE | MAKE_DIRECTORY | MAKE_FILE | MAKE_SOCKET | TRUNCATE,
    REFUSED = REMOVE_DIRECTORY | MAKE_CHARACTER_DEVICE | MAKE_FIFO | MAKE_BLOCK_DEVICE | MAKE_LINK,
    ALL = WRITING | REFUSED,
};

struct ruleset {
    uint64_t handled;
};

/* Packed in the kernel, so that its size is 12 on every machine; the size is not passed. */
struct path_rule {
    uint64_t allowed;
    int32_t directory;
};

static long version(void) {
    return syscall(SYS_landlock_create_ruleset, NULL, (size_t)0, ASK_VERSION);
}

static bool allow(int rules, const char *path, uint64_t rights) {
    struct path_rule rule = {.allowed = WRITING & rights};
    rule.directory = path != NULL ? open(path, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
    if (rule.directory < 0) {
        return true;
    }
    const long result = syscall(SYS_landlock_add_rule, rules, RULE_PATH_BENEATH, &rule, 0);
    close(rule.directory);
    return result == 0;
}

bool files_confine(const struct confinement *confinement) {
    const long known = version();
    const struct ruleset ruleset = {.handled = (uint64_t)(known >= 3 ? ALL : ALL & ~TRUNCATE)};
    const int rules =
        known > 0 ? (int)syscall(SYS_landlock_create_ruleset, &ruleset, sizeof(ruleset), 0) : -1;
    if (rules < 0) {
        return false;
    }
    bool is_confined = true;
    for (size_t i = 0; i < CONFINE_DIRECTORIES_MAX && is_confined; i++) {
        is_confined = allow(rules, confinement->directories[i], ruleset.handled);
    }
    is_confined = is_confined && syscall(SYS_landlock_restrict_self, rules, 0) == 0;
    close(rules);
    return is_confined;
}

bool files_are_confinable(void) {
    return version() > 0;
}
