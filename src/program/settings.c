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

int settings_parse_peer(const char *text, void *place_value_texts, struct reason *reason) {
    struct value_texts *peers = place_value_texts;
    const char *fault = muster_static_peer_fault(text);
    if (fault != NULL) {
        return reason_set(reason, "expected HOST or HOST:PORT, got " VALUE_QUOTE ": %s", text, fault);
    }
    if (peers->count == VALUE_TEXTS_MAX || strlen(text) >= sizeof peers->texts[0]) {
        return reason_set(reason, "expected at most %d peers of %zu characters", VALUE_TEXTS_MAX,
                          sizeof peers->texts[0] - 1);
    }
    strcpy(peers->texts[peers->count++], text);
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

static const char *delivery_word(size_t i) {
    static const char *const words[] = {"both", "multicast", "broadcast", NULL};
    return words[i];
}

static int parse_ttl(const char *text, void *place, struct reason *reason) {
    uint64_t ttl;
    if (value_range("a TTL", text, 1, UINT8_MAX, &ttl, reason) != 0) {
        return -1;
    }
    *(uint8_t *)place = (uint8_t)ttl;
    return 0;
}

static const char *scope_word(size_t i) {
    static const char *const words[] = {"link", "site", NULL};
    return words[i];
}

static const char *trust_word(size_t i) {
    return i <= MUSTER_TRUST_PINNED ? muster_trust_name((enum muster_trust)i) : NULL;
}

static const struct args_completion complete_trust = {.word = trust_word};
static const struct args_completion complete_scope = {.word = scope_word};
static const struct args_completion complete_delivery = {.word = delivery_word};
static const struct args_completion complete_interfaces = {.source = ARGS_INTERFACES, .list = true};
static const struct args_completion complete_color = {.word = color_word};
static const struct args_completion complete_log_level = {.word = log_level_word};

const struct args_option settings_options[] = {
    {"interface", 0, "NAME,…", "only these or a pattern, or all but !NAME (repeatable; MUSTER_INTERFACE)",
     offsetof(struct settings, interfaces), parse_interfaces, &complete_interfaces},
    {"ipv4", '4', NULL, "use IPv4 alone, and ask the network", offsetof(struct settings, ipv4), value_flag},
    {"ipv6", '6', NULL, "use IPv6 alone, and ask the network", offsetof(struct settings, ipv6), value_flag},
    {"delivery", 0, "HOW", "to many by multicast, broadcast or both (both)",
     offsetof(struct settings, delivery), NULL, &complete_delivery},
    {"scope", 0, "HOW-FAR", "to many of this link, or of the site beyond routers of multicast (link)",
     offsetof(struct settings, scope), NULL, &complete_scope},
    {"ttl", 0, "N", "TTL of --scope site: one router less is passed (16)", offsetof(struct settings, ttl),
     parse_ttl},
    {"port", 0, "N", "UDP port of the group (19797; MUSTER_PORT)", offsetof(struct settings, port),
     parse_port},
    {"peer", 0, "HOST[:PORT]", "a peer that no multicast or broadcast reaches (repeatable)",
     offsetof(struct settings, peers), settings_parse_peer},
    {"state-dir", 0, "DIR", "directory of keys and instances (MUSTER_STATE)",
     offsetof(struct settings, state_dir), value_text, &args_complete_directories},
    {"socket", 0, "PATH", "Unix socket of the running muster (MUSTER_SOCKET)",
     offsetof(struct settings, socket), value_text, &args_complete_files},
    {"direct", 0, NULL, "ask the network, even if a muster runs here", offsetof(struct settings, direct),
     value_flag},
    {"no-key", 0, NULL, "seal nothing, whatever group keys there are", offsetof(struct settings, no_key),
     value_flag},
    {"trust", 0, "WHOM", "list any, signed or pinned peers alone, see muster trust (any)",
     offsetof(struct settings, trust), NULL, &complete_trust},
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

/* A running muster uses what it uses: the network is asked. */
static int choose_kinds(struct settings *settings, struct args_fault *fault) {
    settings->direct_given = settings->direct;
    static const unsigned multicast = 1U << MUSTER_PATH_M4 | 1U << MUSTER_PATH_M6;
    static const unsigned broadcast = 1U << MUSTER_PATH_B4;
    static const unsigned ipv6 = 1U << MUSTER_PATH_M6;
    const unsigned all = multicast | broadcast;
    unsigned kinds = settings->ipv4 == settings->ipv6 ? all : settings->ipv6 ? ipv6 : all & ~ipv6;
    kinds &= settings->delivery == DELIVERY_BOTH        ? all
             : settings->delivery == DELIVERY_MULTICAST ? multicast
                                                        : broadcast;
    if (kinds == 0) {
        snprintf(fault->argument, sizeof(fault->argument), "--delivery");
        return reason_set(&fault->reason, "IPv6 has no broadcast");
    }
    settings->kinds = kinds == all ? 0 : kinds;
    settings->direct = settings->direct || settings->kinds != 0;
    return 0;
}

/* Likewise. */
static int choose_scope(struct settings *settings, struct args_fault *fault) {
    if (settings->scope == SCOPE_LINK && settings->ttl != 0) {
        snprintf(fault->argument, sizeof(fault->argument), "--ttl");
        return reason_set(&fault->reason, "expected with --scope site alone");
    }
    if (settings->scope == SCOPE_SITE) {
        settings->ttl = settings->ttl != 0 ? settings->ttl : START_SITE_TTL;
        settings->direct = true;
    }
    return 0;
}

/* Likewise. */
static void choose_trust(struct settings *settings) {
    settings->direct = settings->direct || settings->trust != MUSTER_TRUST_ANY;
}

int settings_read_environment(struct settings *settings, struct args_fault *fault) {
    if (read_variable(settings->interfaces.count > 0, "MUSTER_INTERFACE", &settings->interfaces,
                      parse_interfaces, fault) != 0 ||
        read_variable(settings->port != 0, "MUSTER_PORT", &settings->port, parse_port, fault) != 0 ||
        read_variable(settings->state_dir != NULL, "MUSTER_STATE", &settings->state_dir, value_text, fault) !=
            0 ||
        read_variable(settings->socket != NULL, "MUSTER_SOCKET", &settings->socket, value_text, fault) != 0 ||
        choose_kinds(settings, fault) != 0 || choose_scope(settings, fault) != 0) {
        return -1;
    }
    choose_trust(settings);
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
