/* SPDX-License-Identifier: MIT */
#include "bridge.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void on_open(void *context) {
    struct bridge *bridge = context;
    bridge->hooks.on_open(bridge->hooks.context);
    if (!bridge->session.ended) { /* it has not failed */
        notify_ready(&bridge->notify, bridge->session.loop, bridge->hooks.print_status,
                     bridge->hooks.context);
    }
}

static void on_ending(void *context) {
    struct bridge *bridge = context;
    notify_stopping(&bridge->notify);
    bridge->hooks.on_ending(bridge->hooks.context);
}

static void on_event(enum muster_peer_event event, const struct muster_peer *peer, void *context) {
    struct bridge *bridge = context;
    if (bridge->hooks.on_event != NULL) {
        bridge->hooks.on_event(event, peer, bridge->hooks.context);
    }
}

int bridge_hold(struct bridge *bridge, const struct settings *settings,
                const struct muster_document *document, const struct bridge_hooks *hooks) {
    struct muster_options options;
    muster_options_init(&options);
    options.document = document;
    const struct session_request request = {.options = document != NULL ? &options : NULL,
                                            .until_signal = true,
                                            .is_confined = true,
                                            .written = hooks->written,
                                            .on_open = on_open,
                                            .on_ending = on_ending,
                                            .on_event = on_event,
                                            .context = bridge};
    *bridge = (struct bridge){.settings = settings, .hooks = *hooks};
    notify_open(&bridge->notify);
    const int status = session_hold(&bridge->session, settings, &request);
    notify_close(&bridge->notify);
    return status;
}

static bool fits(struct muster_document *document, size_t count) {
    document->service_count = count;
    return muster_document_check(document, true, true, NULL) == 0;
}

size_t bridge_fit(struct muster_document *document) {
    const size_t count = document->service_count;
    size_t fit = 1;
    size_t over = count + 1;
    if (fits(document, count)) {
        return 0;
    }
    while (over - fit > 1) {
        const size_t middle = fit + (over - fit) / 2;
        *(fits(document, middle) ? &fit : &over) = middle;
    }
    document->service_count = fit;
    return count - fit;
}

void bridge_host_name(const char *ending, char name[MUSTER_NAME_BYTES_MAX + 1]) {
    char host[256] = "";
    gethostname(host, sizeof(host) - 1);
    host[strcspn(host, ".")] = '\0';
    snprintf(name, MUSTER_NAME_BYTES_MAX + 1, "%.*s%s", (int)(MUSTER_NAME_BYTES_MAX - strlen(ending)),
             host[0] != '\0' ? host : "host", ending);
}

const char *bridge_id_text(const uint8_t id[MUSTER_ID_BYTES], char text[BRIDGE_ID_TEXT_BYTES]) {
    for (size_t i = 0; i < MUSTER_ID_BYTES; i++) {
        snprintf(text + 2 * i, 3, "%02x", id[i]);
    }
    return text;
}

bool bridge_id_parse(const char *text, uint8_t id[MUSTER_ID_BYTES]) {
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < (size_t)2 * MUSTER_ID_BYTES; i++) {
        const char *digit = text[i] != '\0' ? strchr(digits, text[i]) : NULL;
        if (digit == NULL) {
            return false;
        }
        id[i / 2] = (uint8_t)(i % 2 == 0 ? (digit - digits) << 4 : id[i / 2] | (digit - digits));
    }
    return true;
}
