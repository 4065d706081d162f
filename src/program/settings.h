/* SPDX-License-Identifier: MIT */
/* What holds for every command: the global options, and the environment where they are silent. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <muster/muster.h>

#include "args.h"
#include "value.h"

/* Highest control port: the unicast sockets take the 32 ports after it. */
#define SETTINGS_PORT_MAX (UINT16_MAX - 32)

/* How what is for many goes out. */
enum delivery { DELIVERY_BOTH, DELIVERY_MULTICAST, DELIVERY_BROADCAST };

/* How far what is for many reaches. */
enum scope { SCOPE_LINK, SCOPE_SITE };

enum color { COLOR_AUTO, COLOR_ALWAYS, COLOR_NEVER };

struct settings {
    struct config_file *file;      /* NULL, or where what is borrowed may be from, beside argv */
    char program[32];              /* for messages: "muster" or "muster peers" */
    size_t option_words;           /* so many words of the command line were options, before the operands */
    struct value_texts interfaces; /* none: all */
    struct value_texts peers;      /* static ones */
    uint16_t port;                 /* 0 until it is known */
    bool port_given;               /* by an option or the environment, not by default */
    const char *state_dir;         /* borrowed from argv or the environment; NULL: the library's default */
    const char *socket;            /* likewise; of the running muster; NULL: in its instance's directory */
    enum muster_trust trust;       /* whom the node lists */
    bool no_key;                   /* nothing is sealed, whatever group keys there are */
    bool has_keys;                 /* there were group keys when the command began */
    bool direct;                   /* a running muster is not asked */
    bool direct_given;             /* by the option itself */
    bool ipv4;                     /* IPv4 is asked for, */
    bool ipv6;                     /* or IPv6; neither or both: both */
    enum delivery delivery;
    enum scope scope;
    uint8_t ttl;    /* of a site; 0: not given, and then, where it counts, the default */
    unsigned kinds; /* muster_options.kinds, of these three */
    enum color color;
    enum muster_log_level log_level;
    bool help;
    bool version;
};

/* The options that every command has. */
extern const struct args_option settings_options[];

/* args_option.parse of one more static peer. */
int settings_parse_peer(const char *text, void *place_value_texts, struct reason *reason);

void settings_init(struct settings *settings);

/* Takes what no option has set from the environment, and sees to what options mean together. 0, or -1 with
 * what is wrong. */
int settings_read_environment(struct settings *settings, struct args_fault *fault);

/* True when output to stdout shall be coloured. */
bool settings_color(const struct settings *settings);
