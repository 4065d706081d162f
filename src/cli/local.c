#include "local.h"

#include <stdbool.h>

#include "command.h"
#include "text.h"

int local_open(const struct settings *settings, const char *instance, uv_loop_t *loop,
               muster_local_t **local) {
    const char *interfaces[ARGS_INTERFACES_MAX];
    for (size_t i = 0; i < settings->interface_count; i++) {
        interfaces[i] = settings->interfaces[i];
    }
    const struct muster_local_options options = {
        .socket = settings->socket,
        .state_dir = settings->state_dir,
        .instance = instance,
        .port = settings->port,
        .interfaces = settings->interface_count > 0 ? interfaces : NULL,
        .interface_count = settings->interface_count,
    };
    int error = muster_local_open(loop, &options, local);
    const bool is_absent = error == MUSTER_ENOTFOUND;
    if (error == 0) {
        return STATUS_OK;
    }
    if (!is_absent || settings->socket != NULL) {
        text_complain(settings->program, "%s: %s",
                      settings->socket != NULL ? settings->socket : "running muster",
                      is_absent ? "no muster listens there" : muster_error_text(error));
    }
    return is_absent ? STATUS_NOBODY : STATUS_ERROR;
}

void local_complain(const struct settings *settings, int error, const char *text) {
    text_complain(settings->program, "%s%s%s", muster_error_text(error), text != NULL ? ": " : "",
                  text != NULL ? text : "");
}

int local_give_up(const struct settings *settings, int error, const char *text) {
    if (error != MUSTER_ENOTFOUND) {
        local_complain(settings, error, text);
    } else if (settings->socket != NULL) {
        text_complain(settings->program, "%s: the muster there is on another port or other interfaces",
                      settings->socket);
    }
    return settings->socket != NULL ? STATUS_ERROR : STATUS_NOBODY;
}
