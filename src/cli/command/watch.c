/* SPDX-License-Identifier: MIT */
/* muster watch: what happens, as it happens. */
#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "command.h"
#include "complain.h"
#include "counters.h"
#include "hook.h"
#include "known.h"
#include "peer.h"
#include "selector.h"
#include "session.h"
#include "template.h"
#include "text.h"
#include "value.h"

struct watch_options {
    bool ndjson;
    bool stats;
    const char *format;       /* a template; NULL: a line for people */
    unsigned events;          /* bits of enum muster_peer_event; 0: all */
    size_t count;             /* 0: no end */
    uint64_t timeout_ms;      /* 0: none */
    struct hook_options hook; /* 0 where it was not said */
};

struct watch_session {
    struct session session;
    const struct settings *settings;
    struct watch_options *options;
    struct selector selector;
    struct known known; /* peers as they were before */
    size_t seen;        /* events */
    bool color;
    bool has_hooks;
    struct hooks hooks;
};

/* ---- options ---- */

static int parse_running(const char *value, void *place, struct reason *reason) {
    uint64_t number;
    if (value_range("a number", value, 1, HOOK_RUNNING_MAX, &number, reason) != 0) {
        return -1;
    }
    *(size_t *)place = (size_t)number;
    return 0;
}

static const char *event_word(size_t i) {
    return i <= MUSTER_PEER_CONFLICT ? muster_peer_event_name((enum muster_peer_event)i) : NULL;
}

static int parse_events(const char *value, void *place, struct reason *reason) {
    unsigned events = 0;
    char name[32];
    for (const char *list = value; value_next_item(&list, name, sizeof(name));) {
        size_t event;
        if (value_word(name, event_word, &event, reason) != 0) {
            return -1;
        }
        events |= 1U << event;
    }
    *(unsigned *)place = events;
    return 0;
}

static const char *const members[] = {"event", "time", PEER_MEMBERS, "changes", NULL};

static int parse_format(const char *value, void *place, struct reason *reason) {
    return template_parse_members(value, members, place, reason);
}

static const struct args_completion complete_events = {.word = event_word, .list = true};

static const struct args_option options_table[] = {
    {"event", 0, "EVENT,…", "only these, such as joined,left", offsetof(struct watch_options, events),
     parse_events, &complete_events},
    {"format", 0, "TEMPLATE", "print a line of this form for each, see below",
     offsetof(struct watch_options, format), parse_format},
    {"ndjson", 0, NULL, "print one JSON object a line", offsetof(struct watch_options, ndjson), value_flag},
    {"stats", 0, NULL, "print counters, too, every second", offsetof(struct watch_options, stats),
     value_flag},
    {"count", 0, "N", "end after so many events of peers", offsetof(struct watch_options, count),
     value_count},
    {"timeout", 0, "S", "end after this time", offsetof(struct watch_options, timeout_ms), value_timeout},
    {"exec", 0, "HOOK", "run this program for each event, see below",
     offsetof(struct watch_options, hook.program), value_text, &args_complete_files},
    {"exec-max", 0, "N", "run so many hooks at a time (1: strictly in order)",
     offsetof(struct watch_options, hook.running_max), parse_running},
    {"exec-timeout", 0, "T", "end a hook that takes longer (30s)",
     offsetof(struct watch_options, hook.timeout_ms), value_timeout},
    {0},
};

static void describe(FILE *out) {
    fprintf(out,
            "HOOK is a path, or a name that is looked for in PATH. It is run directly, without arguments\n"
            "and without a shell: who wants one writes a script that begins with #!/bin/sh. Its standard\n"
            "input is the event as --ndjson prints it, its output is ours, and its environment has\n");
    hook_describe_variables(out);
    fprintf(out,
            "Names are chosen by strangers, and may hold anything but a NUL: a script has to quote them,\n"
            "\"$MUSTER_PEER_NAME\". Events are printed only with --ndjson, too. At most %d events wait;\n"
            "then the oldest is dropped, and counted on stderr. A hook that fails is said there, and\n"
            "changes nothing. One that takes too long gets a SIGTERM, and %d s later a SIGKILL, as does all\n"
            "of its process group. In the end those that run or wait have --exec-timeout together to\n"
            "come to their end in the same way.\n",
            HOOK_WAITING_MAX, HOOK_GRACE_MS / 1000);
    fputc('\n', out);
    template_describe_members(out, members);
}

static bool is_executable(const char *path) {
    struct stat status;
    if (stat(path, &status) != 0) {
        return false;
    }
    if (!S_ISREG(status.st_mode)) {
        errno = EACCES;
        return false;
    }
    return access(path, X_OK) == 0;
}

/* True of a program that can be run, a path or a name in PATH. */
static bool is_program(const char *program) {
    char path[PATH_MAX];
    const char *directories = getenv("PATH");
    if (strchr(program, '/') != NULL) {
        return is_executable(program);
    }
    for (const char *at = directories; at != NULL && *at != '\0'; at += strspn(at, ":")) {
        const int length = (int)strcspn(at, ":");
        if (snprintf(path, sizeof(path), "%.*s/%s", length, at, program) < (int)sizeof(path) &&
            is_executable(path)) {
            return true;
        }
        at += length;
    }
    return false;
}

/* Checks that options of hooks come with --exec, and sets their defaults. */
static int check_hook(const struct settings *settings, struct hook_options *hook) {
    if (hook->program == NULL && (hook->running_max > 0 || hook->timeout_ms > 0)) {
        return complain_usage(settings, hook->running_max > 0 ? "--exec-max" : "--exec-timeout",
                              "expected only with --exec");
    }
    if (hook->program != NULL && !is_program(hook->program)) {
        complain(settings, "--exec: '%s' can't be run: %s", hook->program,
                 strchr(hook->program, '/') != NULL ? strerror(errno) : "it is not in PATH");
        return STATUS_ERROR;
    }
    if (hook->running_max == 0) {
        hook->running_max = 1;
    }
    if (hook->timeout_ms == 0) {
        hook->timeout_ms = HOOK_TIMEOUT_MS;
    }
    return STATUS_OK;
}

/* ---- lines ---- */

static void print_event(const struct watch_session *watch, enum muster_peer_event event,
                        const struct muster_peer *peer, const struct changes *changes) {
    printf("%s  %s%-9s%s  %s  %s  ", text_now().text, watch->color ? text_state_color(peer->state) : "",
           muster_peer_event_name(event), watch->color ? TEXT_COLOR_END : "",
           text_name(peer->document.name).text, text_address(&peer->address).text);
    for (size_t i = 0; i < changes->count; i++) {
        fputs(i > 0 ? " " : "", stdout);
        text_print(stdout, changes->words[i]);
    }
    if (changes->count == 0) {
        text_print_services(stdout, &peer->document);
    }
    printf("%s\n", peer->verified ? "" : "  (unverified)");
}

static void print_stats(const struct muster_counters *counters) {
    struct writer writer;
    writer_open_line(&writer, stdout, "stats");
    counters_write(&writer, counters, COUNTERS_MESSAGES);
    writer_close(&writer);
}

/* Flushes a line; ends the session when that fails. */
static void flush(struct watch_session *watch) {
    if (complain_flush(watch->settings) != 0) {
        session_end(&watch->session, STATUS_ERROR);
    }
}

/* ---- events ---- */

/* Prints the line of an event, or has the hook run for it, or both. */
static void handle_line(struct watch_session *watch, enum muster_peer_event event,
                        const struct muster_peer *peer, const struct changes *changes) {
    char *line = peer_event_line(event, peer, changes);
    if (line != NULL && watch->options->ndjson) {
        fputs(line, stdout);
        flush(watch); /* before what the hook prints */
    } else if (line != NULL && watch->options->format != NULL) {
        template_print_line(watch->options->format, line);
        flush(watch);
    }
    if (line == NULL || (watch->has_hooks && hooks_run(&watch->hooks, event, peer, line) != 0)) {
        session_fail(&watch->session, MUSTER_ENOMEM);
    }
    free(line);
}

/* True for a row of a peer that is gone, which a running muster lists too. Such a peer did not join. */
static bool is_remembered(enum muster_peer_event event, const struct muster_peer *peer) {
    return event == MUSTER_PEER_JOINED && (peer->state == MUSTER_LOST || peer->state == MUSTER_LEFT);
}

/* A peer is meant by its type before a change that took that away, too. */
static bool is_meant(const struct watch_session *watch, enum muster_peer_event event,
                     const struct muster_peer *peer) {
    return (watch->options->events == 0 || (watch->options->events & (1U << event)) != 0) &&
           selector_matches_peer(&watch->selector, peer);
}

static void tell(struct watch_session *watch, enum muster_peer_event event, const struct muster_peer *peer,
                 const struct changes *changes) {
    if (watch->options->ndjson || watch->options->format != NULL || watch->has_hooks) {
        handle_line(watch, event, peer, changes);
    } else {
        print_event(watch, event, peer, changes);
        flush(watch);
    }
    watch->seen++;
    if (watch->seen == watch->options->count) {
        session_end(&watch->session, STATUS_OK);
    }
}

static void on_event(enum muster_peer_event event, const struct muster_peer *peer, void *context) {
    struct watch_session *watch = context;
    struct changes changes = {0};
    const struct muster_peer *before = known_find(&watch->known, peer->id);
    if (is_remembered(event, peer)) {
        return;
    }
    const bool is_wanted = is_meant(watch, event, peer) || (before != NULL && is_meant(watch, event, before));
    /* Of a conflict, what is told is no row. */
    if (event != MUSTER_PEER_CONFLICT && known_change(&watch->known, peer, &changes) != 0) {
        session_fail(&watch->session, MUSTER_ENOMEM);
    } else if (is_wanted) {
        tell(watch, event, peer, &changes);
    }
    changes_deinit(&changes);
}

static void on_tick(void *context) {
    struct watch_session *watch = context;
    const struct muster_counters *counters = muster_counters(watch->session.node);
    if (watch->options->ndjson) {
        print_stats(counters);
    } else {
        counters_print_line(counters);
    }
    flush(watch);
}

/* ---- running ---- */

static void on_hooks_finished(void *context) {
    struct watch_session *watch = context;
    session_finish(&watch->session);
}

static void on_left(void *context) {
    struct watch_session *watch = context;
    if (watch->has_hooks) {
        hooks_finish(&watch->hooks, on_hooks_finished, watch);
    } else {
        session_finish(&watch->session);
    }
}

static void on_open(void *context) {
    struct watch_session *watch = context;
    if (watch->options->hook.program == NULL) {
        return;
    }
    int error = hooks_open(&watch->hooks, watch->session.loop, watch->settings, &watch->options->hook);
    watch->has_hooks = error == 0;
    if (error != 0) {
        complain(watch->settings, "--exec: %s", uv_strerror(error));
        session_end(&watch->session, STATUS_ERROR);
    }
}

static int run_session(struct watch_session *watch) {
    const struct session_request request = {.may_ask = true,
                                            .until_signal = true,
                                            .until_unread = true,
                                            /* what a program of --exec may do is not ours to say */
                                            .is_confined = watch->options->hook.program == NULL,
                                            .timeout_ms = watch->options->timeout_ms,
                                            .on_open = on_open,
                                            .on_tick = watch->options->stats ? on_tick : NULL,
                                            .on_event = on_event,
                                            .on_left = on_left,
                                            .context = watch};
    return session_hold(&watch->session, watch->settings, &request);
}

static int run(struct settings *settings, void *options, const struct operands *operands) {
    struct watch_session watch = {.settings = settings,
                                  .options = options,
                                  .selector = operands->selector,
                                  .color = settings_color(settings)};
    watch.selector.ignores_case = true; /* who is going to come is not known */
    if (watch.options->ndjson && watch.options->format != NULL) {
        return complain_usage(settings, "--format", "expected without --ndjson");
    }
    int status = check_hook(settings, &watch.options->hook);
    if (status != STATUS_OK) {
        return status;
    }
    settings->direct = settings->direct || watch.options->stats; /* the counters are of what is heard here */
    status = run_session(&watch);
    known_deinit(&watch.known);
    return status;
}

const struct command command_watch = {
    .name = "watch",
    .group = COMMAND_SEE,
    .summary = "print what happens, as it happens",
    .synonyms = " monitor events follow tail ",
    .syntax = {.operands = "TYPE|NAME", .operands_max = 1},
    .selects = SELECTOR_TYPE | SELECTOR_NAME | SELECTOR_GLOB | SELECTOR_ADDRESS,
    .description = "Print a line for each event: who joined, changed, restarted, is suspect, returned, is\n"
                   "lost, left; with what changed. TYPE or NAME (a pattern or an address, too; type:TYPE,\n"
                   "name:NAME and id:DIGITS say which) means only some of them. Those that are here already "
                   "come first, as joined. Runs until SIGINT or\n"
                   "SIGTERM, or until --count or --timeout ends it. With --exec a program is run for each\n"
                   "event instead. A muster announce that runs here is asked; --direct and --stats listen\n"
                   "themselves, as the watch does when that one ends: all that are there join once more,\n"
                   "and what went before goes untold.\n",
    .options = options_table,
    .options_bytes = sizeof(struct watch_options),
    .describe = describe,
    .examples = "  muster watch\n"
                "  muster watch 'node-*' --event lost,left --format '{time} {name}'\n"
                "  muster watch --ndjson | jq -r 'select(.event == \"lost\") | .name'\n"
                "  muster watch --stats --timeout 10\n"
                "  muster watch --exec ./on-event --exec-timeout 5\n",
    .statuses = "  0   ended by a signal or by --count\n"
                "  1   error, or nobody reads the output any more\n"
                "  2   wrong usage\n"
                "  124 ended by --timeout\n",
    .run = run,
};
