/* muster update: change what a running muster announces. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <uv.h>

#include "command.h"
#include "draft.h"
#include "local.h"
#include "parse.h"
#include "spec.h"

struct names {
    const char **values;
    size_t count;
};

struct update_options {
    const char *instance;
    struct draft set;
    struct draft removed; /* services alone */
    struct names removed_attrs;
};

/* ---- options ---- */

static int parse_removed_service(const char *value, void *place, struct reason *reason) {
    if (strchr(value, ',') != NULL || strchr(value, ':') == NULL) {
        return reason_set(reason, "expected TYPE:PORT[/udp] alone, got '%.64s'", value);
    }
    return draft_put_service(place, value, reason);
}

static int parse_removed_attr(const char *value, void *place, struct reason *reason) {
    struct names *names = place;
    if (spec_check_text("an attribute's key", value, false, MUSTER_NAME_BYTES_MAX, reason) != 0) {
        return -1;
    }
    const char **grown = realloc(names->values, (names->count + 1) * sizeof(*grown));
    if (grown == NULL) {
        return reason_set_memory(reason);
    }
    names->values = grown;
    names->values[names->count++] = value;
    return 0;
}

static const struct args_option options_table[] = {
    {"service", 0, "SPEC", "offer a service, or replace the one of that type, port and protocol",
     offsetof(struct update_options, set), draft_parse_service},
    {"remove", 0, "TYPE:PORT[/udp]", "offer a service no longer", offsetof(struct update_options, removed),
     parse_removed_service},
    {"attr", 0, "KEY=VALUE", "say something of itself", offsetof(struct update_options, set),
     draft_parse_attr},
    {"remove-attr", 0, "KEY", "say it no longer", offsetof(struct update_options, removed_attrs),
     parse_removed_attr},
    {"name", 0, "NAME", "be called otherwise", offsetof(struct update_options, set), draft_parse_name},
    {"instance", 0, "I", "of the muster of this instance, needed where several run",
     offsetof(struct update_options, instance), value_text},
    {0},
};

static void describe(FILE *out) {
    fprintf(out,
            "A SPEC is TYPE:PORT[/udp][,name=TEXT][,txt.KEY=TEXT]…, see muster announce --help. All options\n"
            "but --name and --instance can be given repeatedly; all of them are one change. A second muster\n"
            "of one name here is reached by its socket alone, --socket STATE/NAME+2/socket. Where several\n"
            "run, say which: a COMMAND of muster announce changes not by itself the one it runs under.\n");
}

/* ---- what can't be meant ---- */

static bool is_empty(const struct update_options *options) {
    return options->set.name == NULL && options->set.service_count == 0 && options->set.attr_count == 0 &&
           options->removed.service_count == 0 && options->removed_attrs.count == 0;
}

/* Nothing can be both wanted and not. */
static int check_removed(const struct settings *settings, const struct update_options *options) {
    for (size_t i = 0; i < options->removed.service_count; i++) {
        const struct muster_service *service = &options->removed.services[i];
        if (draft_find_service(&options->set, service) < options->set.service_count) {
            return complain_usage(settings, "--remove", "%s:%u/%s is in --service too", service->type,
                                  service->port, service->proto);
        }
    }
    for (size_t i = 0; i < options->removed_attrs.count; i++) {
        const char *key = options->removed_attrs.values[i];
        if (draft_find_attr(&options->set, key) < options->set.attr_count) {
            return complain_usage(settings, "--remove-attr", "'%.64s' is in --attr too", key);
        }
    }
    return STATUS_OK;
}

static int check(const struct settings *settings, const struct update_options *options) {
    if (is_empty(options)) {
        return complain_usage(settings, "OPTION", "expected something to change, see muster update --help");
    }
    if (settings->direct) {
        return complain_usage(settings, "--direct",
                              "expected without update, which asks the muster that runs here");
    }
    if (options->instance != NULL && settings->socket != NULL) {
        return complain_usage(settings, "--instance",
                              "expected without --socket and MUSTER_SOCKET, which say whom to ask");
    }
    return check_removed(settings, options);
}

/* ---- running ---- */

struct update {
    const struct settings *settings;
    muster_local_t *local;
    int status;
};

static void on_end(int error, const char *text, void *context) {
    struct update *update = context;
    if (error == MUSTER_ENOTFOUND) {
        complain(update->settings, "no muster runs here on that port and those interfaces");
        update->status = STATUS_NOBODY;
    } else if (error != 0) {
        local_complain(update->settings, error, text);
        update->status = STATUS_ERROR;
    }
    muster_local_close(update->local, NULL, NULL);
}

static void ask(struct update *update, const struct update_options *options) {
    const struct muster_change change = {.name = options->set.name,
                                         .services = options->set.services,
                                         .service_count = options->set.service_count,
                                         .attrs = options->set.attrs,
                                         .attr_count = options->set.attr_count,
                                         .removed_services = options->removed.services,
                                         .removed_service_count = options->removed.service_count,
                                         .removed_attrs = options->removed_attrs.values,
                                         .removed_attr_count = options->removed_attrs.count};
    /* Who it is comes first: a change is made of one node alone, so it must not be tried on what is none. */
    int error = muster_local_self(update->local, NULL, NULL, update);
    if (error == 0) {
        error = muster_local_change(update->local, &change, on_end, update);
    }
    if (error != 0) {
        on_end(error, NULL, update);
    }
}

static void on_second(int error, const char *text, void *context) {
    struct update *update = context;
    (void)text;
    update->status = error == 0 ? STATUS_ERROR : STATUS_OK;
    muster_local_close(update->local, NULL, NULL);
}

/* What is changed must be what was meant: nobody guesses where several run. */
static int check_sole(const struct settings *settings, const struct update_options *options,
                      uv_loop_t *loop) {
    struct update update = {.settings = settings, .status = STATUS_OK};
    if (options->instance != NULL || settings->socket != NULL ||
        local_open(settings, NULL, 1, loop, &update.local) != STATUS_OK) {
        return STATUS_OK;
    }
    int error = muster_local_self(update.local, NULL, on_second, &update);
    if (error != 0) {
        on_second(error, NULL, &update);
    }
    uv_run(loop, UV_RUN_DEFAULT);
    if (update.status != STATUS_OK) {
        complain(settings, "more than one muster announce runs here, --instance says which");
    }
    return update.status;
}

static int change_running(const struct settings *settings, const struct update_options *options) {
    struct update update = {.settings = settings, .status = STATUS_OK};
    uv_loop_t loop;
    if (uv_loop_init(&loop) != 0) {
        return complain_error(settings, MUSTER_ESYSTEM);
    }
    int status = check_sole(settings, options, &loop);
    if (status == STATUS_OK) {
        status = local_open(settings, options->instance, 0, &loop, &update.local);
    }
    if (status == STATUS_OK) {
        ask(&update, options);
    } else if (status == STATUS_NOBODY && settings->socket == NULL) {
        complain(settings, "no muster announce runs here%s%s",
                 options->instance != NULL ? " as instance " : "",
                 options->instance != NULL ? options->instance : "");
    }
    uv_run(&loop, UV_RUN_DEFAULT);
    uv_loop_close(&loop);
    return status != STATUS_OK ? status : update.status;
}

static int run(struct settings *settings, int argc, char **argv) {
    struct update_options options = {0};
    struct operands operands;
    int status;
    bool go_on = parse_command(settings, &command_update, argc, argv, &options, &operands, &status);
    if (go_on) {
        status = check(settings, &options);
    }
    if (go_on && status == STATUS_OK) {
        status = change_running(settings, &options);
    }
    draft_deinit(&options.set);
    draft_deinit(&options.removed);
    free(options.removed_attrs.values);
    return status;
}

const struct command command_update = {
    .name = "update",
    .summary = "change what a running muster announces",
    .operands = "",
    .description =
        "Change services, attributes or the name of a muster announce that runs on this machine\n"
        "as this user (root: as any), by its Unix socket: all of it or nothing. It lasts until that\n"
        "ends or reloads its config.\n",
    .options = options_table,
    .describe = describe,
    .examples = "  muster update --attr load=high\n"
                "  muster update --remove http:8080 --service http:8081,txt.path=/\n"
                "  muster update --instance nas --name attic --remove-attr room\n",
    .statuses = "  0   changed\n"
                "  1   error: not allowed, refused for what it would be, or several run here\n"
                "  2   wrong usage\n"
                "  3   no muster announce runs here\n",
    .run = run,
};
