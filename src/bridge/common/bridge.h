/* SPDX-License-Identifier: MIT */
/* What bridges share. A bridge is a program of its own, with a command named "bridge NAME", and a peer of its
 * own on the LAN, by whose service others know what it does. */
#pragma once

#include <muster/muster.h>

#include "command_line.h"
#include "notify.h"
#include "session.h"

struct bridge_hooks {
    void (*on_open)(void *context);   /* the node is there, and the loop is about to run */
    void (*on_ending)(void *context); /* the node is about to say bye: all that is on the loop ends now */
    session_event_cb on_event;        /* of a peer; NULL: none */
    void (*print_status)(char text[256], void *context); /* one line for the service manager, without LF */
    const char *written; /* NULL, or a file that is written meanwhile, beside the state */
    void *context;
};

/* The node and the loop of a bridge, until a signal. */
struct bridge {
    struct session session;
    struct notify notify;
    const struct settings *settings;
    struct bridge_hooks hooks;
};

/* Announces the document, borrowed, or only listens where it is NULL, until a signal comes or the session
 * is ended. Returns what to exit with. */
int bridge_hold(struct bridge *bridge, const struct settings *settings,
                const struct muster_document *document, const struct bridge_hooks *hooks);

/* Leaves as many of the services as there is room for in a document, the first one, which is the bridge's
 * own, in any case. Returns how many are left out. */
size_t bridge_fit(struct muster_document *document);

/* Writes the name of the host up to its first dot, and an ending by which the bridge is told from what else
 * runs there. */
void bridge_host_name(const char *ending, char name[MUSTER_NAME_BYTES_MAX + 1]);

#define BRIDGE_ID_TEXT_BYTES (2 * MUSTER_ID_BYTES + 1)

/* Writes an id in hexadecimal. Returns text. */
const char *bridge_id_text(const uint8_t id[MUSTER_ID_BYTES], char text[BRIDGE_ID_TEXT_BYTES]);

/* Reads the 32 digits of lower case that text begins with. */
bool bridge_id_parse(const char *text, uint8_t id[MUSTER_ID_BYTES]);
