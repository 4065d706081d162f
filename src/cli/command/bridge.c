/* SPDX-License-Identifier: MIT */
/* muster bridge: run a program that joins this LAN to another world. It is a program of its own, which comes
 * in a package of its own, so that muster does not depend on what it needs. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "complain.h"
#include "escape.h"
#include "near.h"

/* What stands before the name in the names of the program and of its package. */
#define PREFIX "muster-bridge-"
#define NAME_BYTES_MAX 32

static const struct {
    const char *name;
    const char *summary;
} bridges[] = {
    {"dnssd", "services to and from DNS-SD, by Avahi"},
    {"mqtt", "readings to and from other sites and Home Assistant, by a broker of MQTT"},
};

#define BRIDGE_COUNT (sizeof(bridges) / sizeof(bridges[0]))

/* ---- finding the program ---- */

/* The path of a program in a directory, where it can be run. */
static bool find_in(const char *directory, size_t length, const char *name, char path[PATH_MAX]) {
    const int bytes = snprintf(path, PATH_MAX, "%.*s/" PREFIX "%s", (int)length, directory, name);
    return length > 0 && bytes > 0 && bytes < PATH_MAX && access(path, X_OK) == 0;
}

static bool find_in_path(const char *name, char path[PATH_MAX]) {
    const char *directory = getenv("PATH");
    while (directory != NULL) {
        const size_t length = strcspn(directory, ":");
        if (directory[0] == '/' && find_in(directory, length, name, path)) {
            return true;
        }
        directory = directory[length] != '\0' ? directory + length + 1 : NULL;
    }
    return false;
}

/* Looks beside the program that runs, where a build leaves both, where an installation has those that are not
 * to be called by hand, and in PATH. */
static bool find_bridge(const char *name, char path[PATH_MAX]) {
    char self[PATH_MAX];
    const ssize_t length =
        readlink("/proc/self/exe", self, sizeof(self) - sizeof(MUSTER_LIBEXEC_FROM_BIN) - 1);
    if (length > 0) {
        self[length] = '\0';
        char *slash = strrchr(self, '/');
        if (find_in(self, (size_t)(slash - self), name, path)) {
            return true;
        }
        strcpy(slash, "/" MUSTER_LIBEXEC_FROM_BIN);
        if (find_in(self, strlen(self), name, path)) {
            return true;
        }
    }
    return find_in_path(name, path);
}

/* ---- running ---- */

static int list_bridges(void) {
    char path[PATH_MAX];
    char safe[2 * PATH_MAX];
    bool found = false;
    for (size_t i = 0; i < BRIDGE_COUNT; i++) {
        const bool is_installed = find_bridge(bridges[i].name, path);
        printf("%-6s %s\n       ", bridges[i].name, bridges[i].summary);
        if (is_installed) {
            printf("%s\n", escape_text(path, safe, sizeof(safe)));
        } else {
            printf("not installed: package " PREFIX "%s\n", bridges[i].name);
        }
        found = found || is_installed;
    }
    return found ? STATUS_OK : STATUS_NOT_FOUND;
}

static const char *bridge_word(size_t i) {
    return i < BRIDGE_COUNT ? bridges[i].name : NULL;
}

static int refuse_bridge(const struct settings *settings, const char *name) {
    struct near near = {.wanted = name};
    for (size_t i = 0; i < BRIDGE_COUNT; i++) {
        if (strcmp(bridges[i].name, name) == 0) {
            complain(settings, "%s: not installed; it comes with the package " PREFIX "%s", name, name);
            return STATUS_ERROR;
        }
        near_offer(&near, bridges[i].name);
    }
    return complain_usage(settings, name, "no such bridge%s",
                          near.count > 0 ? near_text(&near).text : ", see muster bridge");
}

static int run(struct settings *settings, void *options, const struct operands *operands) {
    char path[PATH_MAX];
    char *name = operands->values[0];
    (void)options;
    if (name == NULL) {
        return list_bridges();
    }
    if (settings->option_words > 0) {
        return complain_usage(settings, name, "expected all options behind it: they are the bridge's");
    }
    if (strlen(name) > NAME_BYTES_MAX || strchr(name, '/') != NULL || !find_bridge(name, path)) {
        return refuse_bridge(settings, name);
    }
    operands->values[0] = path;
    execv(path, operands->values);
    complain(settings, "%s: %s", path, strerror(errno));
    return STATUS_ERROR;
}

static const struct args_completion complete_bridges = {.word = bridge_word};

static const struct args_option no_options[] = {{0}};

const struct command command_bridge = {
    .name = "bridge",
    .group = COMMAND_OTHER,
    .summary = "join this LAN to MQTT or DNS-SD",
    .synonyms = " gateway relay mqtt dnssd mdns avahi ",
    .syntax = {.operands = "NAME [ARG…]", .operands_max = SIZE_MAX, .ends_at_operand = true},
    .completion = &complete_bridges,
    .description = "Run the bridge NAME with these ARGs, of which muster bridge NAME --help tells; without\n"
                   "NAME list the bridges that there are. A bridge joins this LAN to another world, and is\n"
                   "a program of its own, muster-bridge-NAME, from a package of that name. It is looked for\n"
                   "beside muster, in " MUSTER_LIBEXEC_FROM_BIN " from there, and in PATH.\n",
    .options = no_options,
    .examples = "  muster bridge\n"
                "  muster bridge mqtt --site home --broker mqtt.lan --out 'kitchen/#' --dry-run\n",
    .statuses = "  0   done, or what the bridge exits with\n"
                "  1   error, or the bridge is not installed\n"
                "  2   wrong usage, or no such bridge\n"
                "  4   without NAME: no bridge is installed\n",
    .run = run,
};
