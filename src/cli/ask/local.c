/* SPDX-License-Identifier: MIT */
#include "local.h"

#include <stdbool.h>

#include "complain.h"

int local_open(const struct settings *settings, const char *instance, size_t skip, uv_loop_t *loop,
               muster_local_t **local) {
    const char *interfaces[VALUE_TEXTS_MAX];
    const struct muster_local_options options = {
        .size = sizeof options,
        .socket = settings->socket,
        .state_dir = settings->state_dir,
        .instance = instance,
        .port = settings->port,
        .interfaces = value_texts_pointers(&settings->interfaces, interfaces),
        .interface_count = settings->interfaces.count,
        .skip = skip,
    };
    int error = muster_local_open(loop, &options, local);
    const bool is_absent = error == MUSTER_ENOTFOUND;
    if (error == 0) {
        return STATUS_OK;
    }
    if (!is_absent || settings->socket != NULL) {
        complain(settings, "%s: %s", settings->socket != NULL ? settings->socket : "running muster",
                 is_absent ? "no muster listens there" : muster_error_text(error));
    }
    return is_absent ? STATUS_NOBODY : STATUS_ERROR;
}

/* Reports why an answer failed. `then` says what muster does next, "" for nothing. */
static void complain_of_answer(const struct settings *settings, int error, const char *text,
                               const char *then) {
    const char *who = muster_error_text(error);
    if (error == MUSTER_ENOTFOUND && settings->socket != NULL) {
        who = settings->socket;
    } else if (error == MUSTER_ELOST && text != NULL) {
        who = "the running muster"; /* the text says what became of it */
    }
    complain(settings, "%s%s%s%s", who, text != NULL ? ": " : "", text != NULL ? text : "", then);
}

int local_complain(const struct settings *settings, int error, const char *text) {
    if (error == MUSTER_ENOTFOUND) {
        complain(settings, "no muster runs here on that port and those interfaces");
        return STATUS_NOBODY;
    }
    complain_of_answer(settings, error, text, "");
    return STATUS_ERROR;
}

int local_fall_back(const struct settings *settings, int error, const char *text) {
    if (error != MUSTER_ENOTFOUND) {
        complain_of_answer(settings, error, text,
                           settings->socket != NULL ? "" : "; the network is asked instead");
    } else if (settings->socket != NULL) {
        complain(settings, "%s: the muster there is on another port or other interfaces", settings->socket);
    }
    return settings->socket != NULL ? STATUS_ERROR : STATUS_NOBODY;
}
