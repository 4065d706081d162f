/* SPDX-License-Identifier: MIT */
#include "settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "start.h"

static int parse_interfaces(const char *text, void *place, struct reason *reason) {
    char name[START_INTERFACE_BYTES_MAX + 2];
    for (const char *list = text; value_next_item(&list, name, sizeof(name));) {
        if (start_parse_interface(name, place, reason) != 0) {
            return -1;
        }
    }
    return 0;
}

static int parse_port(const char *text, void *place, struct reason *reason) {
    uint64_t port;
    if (value_range("a port", text, 1, SETTINGS_PORT_MAX, &port, reason) != 0) {
        return -1;
    }
    *(uint16_t *)place = (uint16_t)port;
    return 0;
}

static const char *color_word(size_t i) {
    static const char *const words[] = {"auto", "always", "never", NULL};
    return words[i];
}

static const char *log_level_word(size_t i) {
    static const char *const words[] = {"error", "warning", "info", "debug", NULL};
    return words[i];
}

static const struct args_completion complete_interfaces = {.source = ARGS_INTERFACES, .list = true};
static const struct args_completion complete_color = {.word = color_word};
static const struct args_completion complete_log_level = {.word = log_level_word};

const struct args_option settings_options[] = {
    {"interface", 0, "NAME,…",
     "only these (eth*: patterns too), or all but !NAME (repeatable; MUSTER_INTERFACE)",
     offsetof(struct settings, interfaces), parse_interfaces, &complete_interfaces},
    {"port", 0, "N", "UDP port of the group (19797; MUSTER_PORT)", offsetof(struct settings, port),
     parse_port},
    {"state", 0, "DIR", "directory of keys and instances (MUSTER_STATE)",
     offsetof(struct settings, state_dir), value_text, &args_complete_directories},
    {"socket", 0, "PATH", "Unix socket of the running muster (MUSTER_SOCKET)",
     offsetof(struct settings, socket), value_text, &args_complete_files},
    {"direct", 0, NULL, "ask the network, even if a muster runs here", offsetof(struct settings, direct),
     value_flag},
    {"color", 0, "WHEN", "auto, always or never (auto obeys NO_COLOR)", offsetof(struct settings, color),
     NULL, &complete_color},
    {"log-level", 0, "LEVEL", "error, warning, info or debug (warning)", offsetof(struct settings, log_level),
     NULL, &complete_log_level},
    {"version", 'V', NULL, "print the version", offsetof(struct settings, version), value_flag},
    {"help", 'h', NULL, "print help", offsetof(struct settings, help), value_flag},
    {0},
};

void settings_init(struct settings *settings) {
    *settings = (struct settings){.program = "muster", .log_level = MUSTER_LOG_WARNING};
}

/* Takes a variable that is set and not empty, unless an option was given. */
static int read_variable(bool is_given, const char *name, void *place,
                         int (*parse)(const char *, void *, struct reason *), struct args_fault *fault) {
    const char *value = getenv(name);
    snprintf(fault->argument, sizeof(fault->argument), "%s", name);
    return is_given || value == NULL || value[0] == '\0' ? 0 : parse(value, place, &fault->reason);
}

int settings_read_environment(struct settings *settings, struct args_fault *fault) {
    if (read_variable(settings->interfaces.count > 0, "MUSTER_INTERFACE", &settings->interfaces,
                      parse_interfaces, fault) != 0 ||
        read_variable(settings->port != 0, "MUSTER_PORT", &settings->port, parse_port, fault) != 0 ||
        read_variable(settings->state_dir != NULL, "MUSTER_STATE", &settings->state_dir, value_text, fault) !=
            0 ||
        read_variable(settings->socket != NULL, "MUSTER_SOCKET", &settings->socket, value_text, fault) != 0) {
        return -1;
    }
    settings->port_given = settings->port != 0;
    if (!settings->port_given) {
        settings->port = MUSTER_PORT_DEFAULT;
    }
    return 0;
}

bool settings_color(const struct settings *settings) {
    if (settings->color != COLOR_AUTO) {
        return settings->color == COLOR_ALWAYS;
    }
    const char *no_color = getenv("NO_COLOR"); /* https://no-color.org: set and not empty */
    const char *terminal = getenv("TERM");
    if (no_color != NULL && no_color[0] != '\0') {
        return false;
    }
    return (terminal == NULL || strcmp(terminal, "dumb") != 0) && isatty(STDOUT_FILENO);
}
