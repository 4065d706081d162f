/* SPDX-License-Identifier: MIT */
/* muster update: change what a running muster announces. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "complain.h"
#include "draft.h"
#include "running.h"
#include "session.h"
#include "spec.h"
#include "value.h"

struct update_options {
    const char *instance;
    struct draft set;
    struct draft removed; /* services alone */
    struct value_list removed_attrs;
};

/* ---- options ---- */

static int parse_removed_service(const char *value, void *place, struct reason *reason) {
    if (strchr(value, ',') != NULL || strchr(value, ':') == NULL) {
        return reason_set(reason, "expected TYPE:PORT[/udp] alone, got '%.64s'", value);
    }
    return draft_parse_service(value, place, reason);
}

static int parse_removed_attr(const char *value, void *place, struct reason *reason) {
    if (spec_check_text("an attribute's key", value, false, MUSTER_NAME_BYTES_MAX, reason) != 0) {
        return -1;
    }
    return value_list_add(place, value, reason);
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
            "of one name here is the instance NAME+2. Where several\n"
            "run, say which: a COMMAND of muster announce changes not by itself the one it runs under.\n");
}

/* ---- what can't be meant ---- */

static bool is_empty(const struct update_options *options) {
    return options->set.name == NULL && options->set.service_count == 0 && options->set.attr_count == 0 &&
           options->removed.service_count == 0 && options->removed_attrs.count == 0;
}

/* Refuses what is both set and removed. */
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
        return complain_usage(
            settings, "OPTION",
            "expected something to change, such as --attr KEY=VALUE or --service TYPE:PORT; "
            "see muster update --help");
    }
    if (settings->direct_given) {
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
    struct session session;
    const struct update_options *options;
    char name[MUSTER_NAME_BYTES_MAX + 1];     /* of the muster that is changed, as it was */
    char missing[MUSTER_NAME_BYTES_MAX + 32]; /* what is to be removed and is not there; "" for nothing */
};

static void on_end(int error, const char *text, void *context) {
    struct update *update = context;
    if (error == 0) {
        session_end(&update->session, STATUS_OK);
    } else if (error == MUSTER_EREFUSED && update->missing[0] != '\0') {
        complain(update->session.settings, "%s: the running muster does not announce it", update->missing);
        session_end(&update->session, STATUS_ERROR);
    } else {
        session_fail_answer(&update->session, error, text);
    }
}

static bool has_service(const struct muster_document *document, const struct muster_service *service) {
    for (size_t i = 0; i < document->service_count; i++) {
        if (muster_service_is_same(&document->services[i], service)) {
            return true;
        }
    }
    return false;
}

static bool has_attr(const struct muster_document *document, const char *key) {
    for (size_t i = 0; i < document->attr_count; i++) {
        if (strcmp(document->attrs[i].name, key) == 0) {
            return true;
        }
    }
    return false;
}

/* Looks what can't be removed, to name it. */
static void on_self(const struct muster_self *self, void *context) {
    struct update *update = context;
    const struct muster_document *document = &self->peer.document;
    const struct update_options *options = update->options;
    snprintf(update->name, sizeof(update->name), "%s", document->name);
    for (size_t i = 0; i < options->removed.service_count; i++) {
        const struct muster_service *service = &options->removed.services[i];
        if (!has_service(document, service)) {
            snprintf(update->missing, sizeof(update->missing), "--remove %s:%u/%s", service->type,
                     service->port, service->proto);
        }
    }
    for (size_t i = 0; i < options->removed_attrs.count; i++) {
        if (!has_attr(document, options->removed_attrs.values[i])) {
            snprintf(update->missing, sizeof(update->missing), "--remove-attr %s",
                     options->removed_attrs.values[i]);
        }
    }
}

static void ask(void *context) {
    struct update *update = context;
    muster_local_t *local = update->session.local;
    const struct update_options *options = update->options;
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
    int error = muster_local_self(local, on_self, NULL, update);
    if (error == 0) {
        error = muster_local_change(local, &change, on_end, update);
    }
    if (error != 0) {
        session_fail_answer(&update->session, error, NULL);
    }
}

/* Refuses to choose where several musters announce and none is named. */
static int check_sole(const struct settings *settings, const struct running_list *list) {
    if (list->announces > 1) {
        complain(settings, "more than one muster announce runs here: --instance says which, of %s",
                 running_text(list).text);
        return STATUS_ERROR;
    }
    if (list->announces == 0 && list->count > 0 && !list->is_silent) {
        complain(settings, "no muster announce runs here, only what publishes");
        return STATUS_NOBODY;
    }
    return STATUS_OK;
}

static void complain_of_absence(const struct settings *settings, const struct update_options *options) {
    struct running_list list;
    if (options->instance == NULL) {
        complain(settings, "no muster announce runs here");
        return;
    }
    running_list(settings, &list);
    complain(settings, "no muster announce runs here as instance %s%s%s", options->instance,
             list.announces > 0 ? "; there is " : "", running_text(&list).text);
}

static int change_running(const struct settings *settings, const struct update_options *options) {
    const bool is_named = options->instance != NULL || settings->socket != NULL;
    struct update update = {.options = options};
    struct running_list list = {.count = 0};
    if (!is_named) {
        running_list(settings, &list);
    }
    int status = check_sole(settings, &list);
    if (status != STATUS_OK) {
        return status;
    }
    const struct session_request request = {.is_local = true,
                                            .instance = options->instance,
                                            .skip = list.first,
                                            .on_open = ask,
                                            .context = &update};
    status = session_hold(&update.session, settings, &request);
    if (status == STATUS_OK && list.is_silent) {
        complain(settings,
                 "%s was changed; another muster announce here does not answer: --instance says "
                 "which is meant",
                 update.name);
    }
    if (update.session.local == NULL && status == STATUS_NOBODY && settings->socket == NULL) {
        complain_of_absence(settings, options);
    }
    return status;
}

static int run(struct settings *settings, void *options, const struct operands *operands) {
    (void)operands;
    const int status = check(settings, options);
    return status == STATUS_OK ? change_running(settings, options) : status;
}

static void deinit(void *update_options) {
    struct update_options *options = update_options;
    draft_deinit(&options->set);
    draft_deinit(&options->removed);
    free(options->removed_attrs.values);
}

const struct command command_update = {
    .name = "update",
    .group = COMMAND_TELL,
    .summary = "change what a running muster announces",
    .synonyms = " change reload ",
    .syntax = {.operands = ""},
    .description =
        "Change services, attributes or the name of a muster announce that runs on this machine\n"
        "as this user (root: as any), by its Unix socket: all of it or nothing. It lasts until that\n"
        "ends or reloads its config.\n",
    .options = options_table,
    .options_bytes = sizeof(struct update_options),
    .describe = describe,
    .examples = "  muster update --attr load=high\n"
                "  muster update --remove http:8080 --service http:8081,txt.path=/\n"
                "  muster update --instance nas --name attic --remove-attr room\n",
    .statuses = "  0   changed\n"
                "  1   error: not allowed, refused for what it would be, or several run here\n"
                "  2   wrong usage\n"
                "  3   no muster announce runs here\n",
    .run = run,
    .deinit = deinit,
};
