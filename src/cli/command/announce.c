/* SPDX-License-Identifier: MIT */
/* muster announce: tell who this is and what it offers, until told to stop. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "child.h"
#include "command.h"
#include "complain.h"
#include "config.h"
#include "draft.h"
#include "escape.h"
#include "notify.h"
#include "roster.h"
#include "running.h"
#include "session.h"
#include "text.h"
#include "value.h"

/* How long a muster that holds the instance is waited for; how long one that was told to end may still
 * answer; and the time between two attempts. */
#define BUSY_MS 2000
#define ENDING_MS 250
#define BUSY_RETRY_MS 25

/* The longest number of an instance, "+32". */
#define NUMBER_BYTES_MAX 3

struct announce_options {
    struct draft draft;
    struct value_list configs; /* files and directories */
    struct start start;        /* with what the environment says, too */
};

struct announce {
    struct session session;
    struct settings *settings;
    struct announce_options *options; /* which win over what files say */
    char **argv;        /* of the command that is announced while it lives; NULL: until a signal */
    struct start start; /* what it started with */
    struct draft announced;
    uint64_t rev; /* of the document when that was announced */
    struct notify notify;
    uint8_t id[MUSTER_ID_BYTES];
    struct child child;
};

/* ---- options ---- */

static int parse_config(const char *value, void *place, struct reason *reason) {
    return value_text(value, &value, reason) == 0 ? value_list_add(place, value, reason) : -1;
}

static const struct args_option options_table[] = {
    {"name", 0, "NAME", "what to be called (the host's name)", offsetof(struct announce_options, draft),
     draft_parse_name},
    {"service", 0, "SPEC", "offer a service, see below (repeatable)",
     offsetof(struct announce_options, draft), draft_parse_service},
    {"attr", 0, "KEY=VALUE", "say something of itself (repeatable)", offsetof(struct announce_options, draft),
     draft_parse_attr},
    {"instance", 0, "I", "which identity of this machine and user to be (NAME)",
     offsetof(struct announce_options, start.instance), start_parse_instance},
    {"interval", 0, "T", "speak this often when nothing is new (2s)",
     offsetof(struct announce_options, start.interval_ms), start_parse_interval},
    {"cache", 0, "PATTERN", "keep what others last published of these topics (repeatable)",
     offsetof(struct announce_options, start.caches), start_parse_cache},
    {"config", 0, "PATH", "read a file, or a directory's *.json, see below (repeatable)",
     offsetof(struct announce_options, configs), parse_config, &args_complete_files},
    {0},
};

static void describe(FILE *out) {
    fprintf(
        out,
        "A SPEC is TYPE:PORT[/udp][,name=TEXT][,txt.KEY=TEXT]…, TYPE an IANA service name, and\n"
        "\\, a comma inside of a text:\n"
        "  http:8080\n"
        "  coap:5683/udp,name=Kitchen,txt.path=/t\n"
        "What is announced for somebody else, as bridges do, has an origin=, which no bridge carries on,\n"
        "and perhaps the host= that offers it and at= its addresses; muster services lists\n"
        "printer~site-b then:\n"
        "  ipp:631,origin=site-b,host=printer,at=10.20.0.9\n\n"
        "A file of --config is one JSON object, see schemas/config.schema.json:\n"
        "  {\"name\": \"nas\", \"attrs\": {\"room\": \"cellar\"}, \"interval\": \"2s\",\n"
        "   \"services\": [{\"type\": \"http\", \"port\": 8080, \"txt\": {\"path\": \"/\"}}]}\n"
        "with port, interfaces, scope, peers, trust, instance and caches (patterns), too. A later\n"
        "file wins over an earlier one, options and environment over all; services and attributes\n"
        "add up: the same one twice is an error.\n"
        "SIGHUP, without a COMMAND that it is passed on to, reads all files again, which undoes\n"
        "muster update; while one is bad, what was announced stays. See muster config check.\n\n"
        "While it runs, muster update changes what it announces; that and the other commands ask it\n"
        "by the Unix socket in its instance's directory, or at --socket PATH instead, where every\n"
        "user may ask.\n\n"
        "What --cache keeps lies in the instance's directory, too, in a file: the next start has it again.\n"
        "It is written in the end, and 5 s after a change, which a crash may take away; a file of more\n"
        "than 100 kB is written less often, some 20 kB a second, but each minute. What this host\n"
        "publishes itself is kept by muster publish --retain.\n");
}

/* ---- telling ---- */

/* Reports the name, id, interfaces and port of the node. */
static void print_identity(struct announce *announce) {
    size_t path_count;
    const struct muster_path *paths = muster_paths(announce->session.node, &path_count);
    muster_id(announce->session.node, announce->id);
    complain(announce->settings, "%s is %s on %s, unicast port %u", announce->announced.name,
             text_id(announce->id).text,
             path_count > 0 ? text_interfaces(paths, path_count).text : "no interface yet",
             muster_unicast_port(announce->session.node));
}

/* Tells of an instance that the user has not asked for. Its directory, which holds the socket, ends with the
 * number. */
static void tell_number(const struct announce *announce) {
    const char *path = muster_socket(announce->session.node);
    const char *name = announce->announced.name;
    char *slot = path != NULL ? strdup(path) : NULL;
    char *slash = slot != NULL ? strrchr(slot, '/') : NULL;
    if (slash != NULL) {
        *slash = '\0';
    }
    const char *plus = slash != NULL ? strrchr(slot, '+') : NULL;
    if (announce->start.instance[0] == '\0' && strchr(name, '+') == NULL && plus != NULL &&
        strlen(plus) <= NUMBER_BYTES_MAX) {
        complain(announce->settings, "another muster announce runs here as %s: this one is the instance %s%s",
                 name, name, plus);
    }
    free(slot);
}

static void on_event(enum muster_peer_event event, const struct muster_peer *peer, void *context) {
    struct announce *announce = context;
    uint8_t id[MUSTER_ID_BYTES];
    notify_status(&announce->notify);
    if (event != MUSTER_PEER_CONFLICT) {
        return;
    }
    muster_id(announce->session.node, id);
    bool is_own =
        memcmp(id, peer->id, MUSTER_ID_BYTES) == 0 || memcmp(announce->id, peer->id, MUSTER_ID_BYTES) == 0;
    complain(announce->settings,
             is_own ? "conflict: %s at %s has the same key: was the state directory copied?"
                    : "conflict: %s at %s has another key than that name is pinned to",
             peer->document.name, text_address(&peer->address).text);
    if (memcmp(id, announce->id, MUSTER_ID_BYTES) != 0) {
        print_identity(announce);
    }
}

/* Writes the status for the service manager. The name is left out when muster update has changed the
 * document. */
static void print_status(char text[256], void *context) {
    struct announce *announce = context;
    char name[200] = "";
    struct muster_peer_list list;
    size_t here = 0;
    if (muster_peers(announce->session.node, &list) == 0) {
        for (size_t i = 0; i < list.count; i++) {
            here += roster_is_present(&list.peers[i]);
        }
        muster_peer_list_free(&list);
    }
    if (muster_rev(announce->session.node) == announce->rev) {
        escape_text(announce->announced.name, name, sizeof(name));
    }
    snprintf(text, 256, "%s%s%zu %s here", name, name[0] != '\0' ? ", " : "", here,
             here == 1 ? "peer is" : "peers are");
}

static void on_ending(void *context) {
    struct announce *announce = context;
    notify_stopping(&announce->notify);
}

/* ---- config files ---- */

static void on_config_error(const char *error, void *context) {
    const struct announce *announce = context;
    complain(announce->settings, "%s", error);
}

/* Reads all that is to be announced: the files, the options over them, and the host's name where neither has
 * a name. Returns STATUS_OK, or the status to exit with, all errors being reported. */
static int read_config(struct announce *announce, struct config *config) {
    struct reason reason;
    struct start start = announce->options->start;
    *config = (struct config){.on_error = on_config_error, .context = announce};
    config_read(config, announce->options->configs.values, announce->options->configs.count);
    if (config_add_options(config, &announce->options->draft) != 0) {
        return STATUS_ERROR;
    }
    start_fill(&start, &config->start);
    config->start = start;
    if (config->draft.name == NULL && draft_take_host_name(&config->draft, &reason) != 0) {
        return complain_usage(announce->settings, "--name", "%s", reason.text);
    }
    return STATUS_OK;
}

/* Reports a member that waits for a restart. */
static void warn_of_start(const char *member, void *context) {
    const struct announce *announce = context;
    complain(announce->settings, "%s: cannot change while this runs, waits for a restart", member);
}

/* Announces what the files say now, in one change. What only a start can set waits for a restart. */
static void announce_config(struct announce *announce, struct config *config) {
    muster_t *node = announce->session.node;
    const struct muster_document document = draft_document(&config->draft);
    const uint64_t rev = muster_rev(node);
    start_compare(&announce->start, &config->start, warn_of_start, announce);
    const int error = muster_update(node, &document);
    if (error != 0) {
        complain(announce->settings, "not reloaded: %s", muster_error_text(error));
        return;
    }
    draft_deinit(&announce->announced);
    announce->announced = config->draft;
    config->draft = (struct draft){0};
    announce->rev = muster_rev(node);
    complain(announce->settings, announce->rev == rev ? "reloaded: nothing has changed" : "reloaded");
}

static void on_hangup(void *context) {
    struct announce *announce = context;
    struct config config;
    notify_reloading(&announce->notify);
    if (read_config(announce, &config) == STATUS_OK) {
        announce_config(announce, &config);
    } else {
        complain(announce->settings, "not reloaded: what was announced stays");
    }
    config_deinit(&config);
    notify_reloaded(&announce->notify);
}

/* ---- running ---- */

/* Names the socket of this muster to the COMMAND, so that its muster update changes this one. */
static void export_socket(const struct announce *announce) {
    const char *socket = muster_socket(announce->session.node);
    char *path = socket != NULL ? realpath(socket, NULL) : NULL;
    if (path != NULL) {
        setenv("MUSTER_SOCKET", path, true);
    }
    free(path);
}

static void on_open(void *context) {
    struct announce *announce = context;
    if (announce->argv != NULL) {
        export_socket(announce);
        child_start(&announce->child, &announce->session, announce->argv);
    }
    announce->rev = muster_rev(announce->session.node);
    print_identity(announce);
    tell_number(announce);
    notify_ready(&announce->notify, announce->session.loop, print_status, announce);
}

/* Takes the instance of the name, for which a muster that is ending is waited for. Where another one goes on
 * running, the instance is NAME+2. */
static int hold(struct announce *announce, struct muster_options *options, struct session_request *request) {
    const char *name = announce->announced.name;
    const uint64_t began_ns = uv_hrtime();
    bool is_busy = options->instance == NULL && strchr(name, '+') == NULL;
    while (is_busy) {
        options->instance = name;
        request->is_busy = &is_busy;
        is_busy = false;
        const int status = session_hold(&announce->session, announce->settings, request);
        const uint64_t spent_ms = (uv_hrtime() - began_ns) / 1000000;
        if (!is_busy) {
            return status;
        }
        if (spent_ms >= BUSY_MS || (spent_ms >= ENDING_MS && running_answers(announce->settings, name))) {
            options->instance = NULL;
            request->is_busy = NULL;
            break;
        }
        uv_sleep(BUSY_RETRY_MS);
    }
    return session_hold(&announce->session, announce->settings, request);
}

static int run_session(struct announce *announce) {
    const struct start *start = &announce->start;
    const struct muster_document document = draft_document(&announce->announced);
    const char *caches[VALUE_TEXTS_MAX];
    struct muster_options options;
    muster_options_init(&options);
    options.document = &document;
    options.instance = start->instance[0] != '\0' ? start->instance : NULL;
    options.interval_min_ms = start->interval_ms != 0 ? start->interval_ms : options.interval_min_ms;
    options.caches = value_texts_pointers(&start->caches, caches);
    options.cache_count = start->caches.count;
    struct session_request request = {.options = &options,
                                      .until_signal = announce->argv == NULL,
                                      .is_confined = true,
                                      .on_open = on_open,
                                      .on_hangup = announce->options->configs.count > 0 ? on_hangup : NULL,
                                      .on_ending = on_ending,
                                      .on_event = on_event,
                                      .context = announce};
    return hold(announce, &options, &request);
}

/* Takes what is to be announced, and the settings that files may give. */
static int prepare(struct announce *announce) {
    struct settings *settings = announce->settings;
    struct config config;
    struct start *given = &announce->options->start;
    given->interfaces = settings->interfaces;
    given->peers = settings->peers;
    given->site_ttl = settings->ttl;
    given->trust = settings->trust;
    given->port = settings->port_given ? settings->port : 0;
    const int status = read_config(announce, &config);
    if (status == STATUS_OK) {
        announce->announced = config.draft;
        config.draft = (struct draft){0};
        announce->start = config.start;
        settings->interfaces = config.start.interfaces;
        settings->peers = config.start.peers;
        settings->ttl = config.start.site_ttl;
        settings->trust = config.start.trust;
        settings->port = config.start.port != 0 ? config.start.port : settings->port;
    }
    config_deinit(&config);
    return status;
}

static int run(struct settings *settings, void *options, const struct operands *operands) {
    struct announce announce = {.settings = settings, .options = options};
    announce.argv = operands->count > 0 ? operands->values : NULL;
    if (settings->direct_given) {
        return complain_usage(settings, "--direct",
                              "expected with commands that ask, such as publish or peers");
    }
    notify_open(&announce.notify);
    int status = prepare(&announce);
    if (status == STATUS_OK) {
        status = run_session(&announce);
    }
    notify_close(&announce.notify);
    draft_deinit(&announce.announced);
    return status;
}

static void deinit(void *announce_options) {
    struct announce_options *options = announce_options;
    draft_deinit(&options->draft);
    free(options->configs.values);
}

const struct command command_announce = {
    .name = "announce",
    .group = COMMAND_TELL,
    .summary = "tell who this is and what it offers",
    .synonyms = " register advertise serve start run join ",
    .syntax = {.operands = "-- COMMAND [ARG…]", .runs_command = true},
    .description =
        "Announce this host, or one program on it, in the foreground: say so when it starts,\n"
        "changes and stops, and that it lives in between. SIGINT and SIGTERM end it with a bye;\n"
        "a second one ends it at once; one that is ignored when it starts, as under nohup,\n"
        "stays ignored. Its identity is a key in the state directory, so that it stays the\n"
        "same peer over restarts; a second one of that name here has NAME+2. A service manager\n"
        "(NOTIFY_SOCKET, see sd_notify) is told when it is ready, reloads and stops.\n"
        "\n"
        "With -- COMMAND, that is started first, without a shell, and announced exactly while it\n"
        "runs: when it ends, or puts itself into the background, the bye is said. SIGINT, SIGTERM\n"
        "and SIGHUP are passed on to it (a Ctrl-C reaches it by itself, and once); a second SIGINT\n"
        "or SIGTERM kills it, and ends muster at once. Should muster be killed, it gets a SIGTERM.\n"
        "MUSTER_SOCKET in its environment names this muster: muster update in it changes this one.\n",
    .options = options_table,
    .options_bytes = sizeof(struct announce_options),
    .describe = describe,
    .examples = "  muster announce --service http:8080,txt.path=/\n"
                "  muster announce --config /etc/muster/conf.d\n"
                "  muster announce --name nas --service smb:445 --service http:80\n"
                "  muster announce --cache 'kitchen/#' --cache '+/battery'\n"
                "  muster announce --service http:8000 -- python3 -m http.server 8000\n",
    .statuses = "  0   ended by a signal\n"
                "  1   error: bad config, no usable port, no permission, state damaged\n"
                "      or in use\n"
                "  2   wrong usage\n"
                "  N   with -- COMMAND: what that exits with, or 128 + the signal that ended it; when it\n"
                "      can't be started 127 (not found) or 126, or as above: then nothing was announced\n",
    .run = run,
    .deinit = deinit,
};
