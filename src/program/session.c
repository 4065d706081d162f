/* SPDX-License-Identifier: MIT */
#include "session.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "complain.h"
#include "confining.h"
#include "ending.h"
#include "group_keys.h"
#include "pins.h"

/* The time between two ticks, and between two checks whether anybody reads standard output. */
#define TICK_MS 1000

/* ---- what the library says ---- */

/* While the node is opened, errors replace each other, and lines below them are kept. */
static void on_log(enum muster_log_level level, const char *line, void *context) {
    struct session *session = context;
    if (session->is_opening && level == MUSTER_LOG_WARNING) {
        snprintf(session->warning, sizeof(session->warning), "%s", line);
    }
    if (session->is_opening && level == MUSTER_LOG_ERROR) {
        snprintf(session->error, sizeof(session->error), "%s", line);
    } else if (level <= session->settings->log_level) {
        fprintf(session->kept_lines != NULL ? session->kept_lines : stderr, "%s: %s\n",
                session->settings->program, line);
    }
}

static void on_event(muster_t *node, enum muster_peer_event event, const struct muster_peer *peer,
                     void *context) {
    struct session *session = context;
    (void)node;
    session->request.on_event(event, peer, session->request.context);
}

/* ---- leaving ---- */

static void close_handle(uv_handle_t *handle, void *context) {
    struct session *session = context;
    if (!uv_is_closing(handle) && handle != (uv_handle_t *)&session->patience) {
        uv_close(handle, NULL);
    }
}

/* What is left is a thread that waits for a resolver, and libuv waits for the thread. */
static void on_patience(uv_timer_t *handle) {
    struct session *session = handle->data;
    const struct session_request *request = &session->request;
    if (request->has_work != NULL && request->has_work(request->context)) {
        uv_timer_start(handle, on_patience, ENDING_RESOLVER_MS, 0);
        return;
    }
    ending_abandon();
    uv_stop(session->loop);
}

/* Closes the handles that the command has put on the loop. The node is closed already. */
void session_finish(struct session *session) {
    uv_walk(session->loop, close_handle, session);
    uv_timer_start(&session->patience, on_patience, ENDING_RESOLVER_MS, 0);
    uv_unref((uv_handle_t *)&session->patience);
}

static void on_closed(void *context) {
    struct session *session = context;
    if (session->request.on_left != NULL) {
        session->request.on_left(session->request.context);
    } else {
        session_finish(session);
    }
}

/* ---- opening ---- */

static bool lacks_network(const struct session *session) {
    size_t path_count;
    muster_paths(session->node, &path_count);
    return session->request.needs_network && path_count == 0;
}

/* Opens the node. When that fails, or when it lacks a network, one line says why; else all other lines that
 * were logged are printed. */
static int open_quietly(struct session *session, const struct muster_options *options) {
    char *lines = NULL;
    size_t bytes;
    session->is_opening = true;
    session->kept_lines = open_memstream(&lines, &bytes);
    int error = muster_open(session->loop, options, &session->node);
    if (error == 0 && lacks_network(session)) {
        muster_close(session->node, NULL, NULL);
        memcpy(session->error, session->warning, sizeof(session->error)); /* it says what is there */
        error = MUSTER_ENOINTERFACE;
    }
    if (session->kept_lines != NULL && fclose(session->kept_lines) == 0 && error == 0) {
        fputs(lines, stderr);
    }
    session->kept_lines = NULL;
    session->is_opening = false;
    const bool is_busy = error == MUSTER_EBUSY && session->request.is_busy != NULL;
    if (is_busy) {
        *session->request.is_busy = true;
    } else if (error != 0) {
        fprintf(stderr, "%s: %s\n", session->settings->program,
                session->error[0] != '\0' ? session->error : muster_error_text(error));
    }
    free(lines);
    return error;
}

/* Sets what the settings say. The pointers are to hold as long as the options. 0, or a MUSTER_E…, reported.
 */
static int set_options(struct session *session, struct muster_options *options,
                       const char *interfaces[VALUE_TEXTS_MAX], const char *peers[VALUE_TEXTS_MAX],
                       struct group_keys *keys, struct muster_pin **pins) {
    const struct settings *settings = session->settings;
    options->trust = settings->trust;
    options->group_keys = keys->bytes;
    options->interfaces = value_texts_pointers(&settings->interfaces, interfaces);
    options->interface_count = settings->interfaces.count;
    options->kinds = settings->kinds;
    options->site_ttl = settings->ttl;
    options->peers = value_texts_pointers(&settings->peers, peers);
    options->peer_count = settings->peers.count;
    options->port = settings->port;
    options->state_dir = settings->state_dir;
    options->on_log = on_log;
    options->context = session;
    int error = group_keys_read(settings, &session->has_keys, keys);
    options->group_key_count = keys->count;
    *pins = NULL;
    error = error != 0 ? error : pins_read(settings, pins, &options->pin_count);
    options->pins = *pins;
    return error;
}

static void set_keys(struct session *session, muster_t *node, const struct group_keys *keys) {
    int error = node != NULL ? muster_set_group_keys(node, keys->bytes, keys->count) : 0;
    if (error != 0) {
        complain(session->settings, "group keys: %s", muster_error_text(error));
    }
}

/* What was sealed at its start never goes on in the clear. */
static void take_keys(struct session *session) {
    struct group_keys keys;
    if (!session->has_keys) {
        return;
    }
    if (group_keys_read(session->settings, &session->has_keys, &keys) == 0) {
        set_keys(session, session->node, &keys);
        set_keys(session, session->observer, &keys);
        group_keys_wipe(&keys);
    } else {
        complain(session->settings, "the group keys of before are used until a restart");
    }
}

static void set_pins(struct session *session, muster_t *node, const struct muster_pin *pins, size_t count) {
    int error = node != NULL ? muster_set_pins(node, pins, count) : 0;
    if (error != 0) {
        complain(session->settings, "pins: %s", muster_error_text(error));
    }
}

static void take_pins(struct session *session) {
    struct muster_pin *pins;
    size_t count;
    if (pins_read(session->settings, &pins, &count) == 0) {
        set_pins(session, session->node, pins, count);
        set_pins(session, session->observer, pins, count);
        free(pins);
    }
}

/* Goes on with the keys and pins that there are now. Bad ones change nothing. */
static void on_keys(uv_fs_event_t *handle, const char *file, int events, int status) {
    struct session *session = handle->data;
    (void)events;
    if (status != 0 || session->ended || file == NULL) {
        return;
    }
    if (strcmp(file, "group") == 0) {
        take_keys(session);
    } else if (strcmp(file, "trusted") == 0) {
        take_pins(session);
    }
}

/* Where they can't be watched, they hold from the next start on. */
static void watch_keys(struct session *session) {
    char *directory;
    if (session->is_watching || muster_keyring_directory(session->settings->state_dir, &directory) != 0) {
        return;
    }
    if (session->keys.data == NULL) { /* twice in a loop, a handle would take others out of it */
        uv_fs_event_init(session->loop, &session->keys); /* cannot fail */
        uv_unref((uv_handle_t *)&session->keys);
        session->keys.data = session;
    }
    session->is_watching = uv_fs_event_start(&session->keys, on_keys, directory, 0) == 0;
    free(directory);
}

int session_open_observer(struct session *session, muster_t **node) {
    const char *interfaces[VALUE_TEXTS_MAX];
    const char *peers[VALUE_TEXTS_MAX];
    struct muster_options options;
    struct group_keys keys;
    struct muster_pin *pins;
    muster_options_init(&options);
    int error = set_options(session, &options, interfaces, peers, &keys, &pins);
    error = error != 0 ? error : muster_open(session->loop, &options, node);
    if (error == 0) {
        session->observer = *node;
    }
    if (error == 0) {
        watch_keys(session);
    }
    free(pins);
    group_keys_wipe(&keys);
    return error;
}

static int open_node(struct session *session) {
    const struct session_request *request = &session->request;
    const char *interfaces[VALUE_TEXTS_MAX];
    const char *peers[VALUE_TEXTS_MAX];
    struct muster_options options;
    struct group_keys keys;
    struct muster_pin *pins;
    muster_options_init(&options);
    if (request->options != NULL) {
        options = *request->options;
        options.socket = request->is_guest ? NULL : session->settings->socket;
    }
    int error = set_options(session, &options, interfaces, peers, &keys, &pins);
    options.on_event = request->on_event != NULL ? on_event : NULL;
    error = error != 0 ? error : open_quietly(session, &options);
    if (error == 0) {
        watch_keys(session);
    }
    free(pins);
    group_keys_wipe(&keys);
    return error;
}

static void on_settled(muster_t *node, void *context) {
    struct session *session = context;
    (void)node;
    if (session->request.on_settled != NULL) {
        session->request.on_settled(session->request.context);
    }
}

/* Asks the network who is there. An observer that does not ask learns of a peer when that speaks next. */
static void ask(struct session *session) {
    int error = muster_query(session->node, NULL, NULL, on_settled, session);
    if (error != 0) {
        session_fail(session, error);
    }
}

/* Opens a node; an observer asks the network. */
static int open_and_query(struct session *session) {
    const struct session_request *request = &session->request;
    int error = open_node(session);
    if (error == 0 && request->options == NULL &&
        (request->on_event != NULL || request->on_settled != NULL)) {
        ask(session);
    }
    return error;
}

/* ---- a muster that runs already ---- */

int session_connect(uv_loop_t *loop, const struct settings *settings, const char *instance, size_t skip,
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
    return muster_local_open(loop, &options, local);
}

int session_complain_of_connection(const struct settings *settings, int error) {
    const bool is_absent = error == MUSTER_ENOTFOUND;
    if (!is_absent || settings->socket != NULL) {
        complain(settings, "%s: %s", settings->socket != NULL ? settings->socket : "running muster",
                 is_absent ? "no muster listens there" : muster_error_text(error));
    }
    return is_absent ? STATUS_NOBODY : STATUS_ERROR;
}

/* Connects to the muster that the settings and the request mean. Returns STATUS_OK; STATUS_NOBODY when none
 * runs, reported only when the settings name a socket; STATUS_ERROR, reported, when the socket can't be used
 * or memory is out. */
static int open_local(struct session *session) {
    const int error = session_connect(session->loop, session->settings, session->request.instance,
                                      session->request.skip, &session->local);
    return error == 0 ? STATUS_OK : session_complain_of_connection(session->settings, error);
}

/* Reports why an answer failed. `then` says what muster does next, "" for nothing. */
static void complain_of_answer(const struct settings *settings, int error, const char *text,
                               const char *then) {
    const bool is_lost = error == MUSTER_ELOST && text != NULL; /* the text says what became of it */
    const char *who = is_lost ? "the running muster" : muster_error_text(error);
    complain(settings, "%s%s%s%s", who, text != NULL ? ": " : "", text != NULL ? text : "", then);
}

void session_fail_answer(struct session *session, int error, const char *text) {
    int status = STATUS_ERROR;
    if (error == MUSTER_ENOTFOUND) {
        complain(session->settings, "no muster runs here on that port and those interfaces");
        status = STATUS_NOBODY;
    } else {
        complain_of_answer(session->settings, error, text, "");
    }
    session_end(session, status);
}

int session_fall_back(const struct session *session, int error, const char *text) {
    const struct settings *settings = session->settings;
    if (error == MUSTER_ECLOSING && settings->socket == NULL) {
        return STATUS_NOBODY; /* one that ends is as good as none */
    }
    if (error != MUSTER_ENOTFOUND) {
        complain_of_answer(settings, error, text,
                           settings->socket != NULL ? "" : "; the network is asked instead");
    } else if (settings->socket != NULL) {
        complain(settings, "%s: the muster there is on another port or other interfaces", settings->socket);
    }
    return settings->socket != NULL ? STATUS_ERROR : STATUS_NOBODY;
}

static void on_row(enum muster_peer_event event, const struct muster_peer *peer, void *context) {
    struct session *session = context;
    if (!session->ended) {
        session->request.on_event(event, peer, session->request.context);
    }
}

/* Listens to the network in place of the running muster. */
static int fall_back_to_network(struct session *session) {
    if (session->request.on_reset != NULL) {
        session->request.on_reset(session->request.context);
    }
    return open_and_query(session);
}

/* No running muster is on that port and those interfaces, or it went away. */
static void on_local_end(int error, const char *text, void *context) {
    struct session *session = context;
    if (session->ended) {
        return;
    }
    muster_local_close(session->local, NULL, NULL);
    session->local = NULL;
    if (session_fall_back(session, error, text) != STATUS_NOBODY || fall_back_to_network(session) != 0) {
        session->ended = true;
        session->status = STATUS_ERROR;
        on_closed(session);
    }
}

bool session_may_ask(const struct settings *settings) {
    return !settings->direct && settings->peers.count == 0 && !pins_are_there(settings);
}

/* Returns a status. */
static int open_source(struct session *session) {
    const struct settings *settings = session->settings;
    const struct session_request *request = &session->request;
    const bool asks = request->is_local || (request->may_ask && session_may_ask(settings));
    int status = STATUS_NOBODY;
    int error = MUSTER_EREFUSED;
    if (asks) {
        status = open_local(session);
    }
    if (request->is_local) {
        return status;
    }
    if (status == STATUS_OK) {
        error = muster_local_watch(session->local, on_row, on_local_end, session);
        if (error != 0) {
            complain_error(session->settings, error);
        }
    } else if (status == STATUS_NOBODY && (!asks || settings->socket == NULL)) {
        error = open_and_query(session);
    }
    return error == 0 ? STATUS_OK : error == MUSTER_ENOINTERFACE ? STATUS_NOBODY : STATUS_ERROR;
}

static void on_signal(uv_signal_t *handle, int number) {
    struct session *session = handle->data;
    ending_take();
    if (number == SIGHUP && session->request.on_hangup != NULL) {
        if (!session->ended) {
            session->request.on_hangup(session->request.context);
        }
        return;
    }
    if (session->ended) {
        _exit(session->status); /* the second one: not even the byes are waited for */
    }
    if (session->request.on_signal != NULL && !session->is_signaled) {
        session->is_signaled = true;
        session->request.on_signal(session->request.context);
        return;
    }
    if (session->request.on_second_signal != NULL) {
        session->request.on_second_signal(session->request.context);
    }
    session_end(session, STATUS_OK);
}

/* True when a signal was ignored at the start, as by nohup or a shell that runs muster in the background. */
static bool is_ignored(int number) {
    struct sigaction action;
    return sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}

/* Handles the signals that end the session. */
static int open_signals(struct session *session) {
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        if (is_ignored(numbers[i])) {
            continue;
        }
        int error = uv_signal_init(session->loop, &session->signals[i]);
        if (error == 0) {
            error = uv_signal_start(&session->signals[i], on_signal, numbers[i]);
        }
        if (error == 0 && (numbers[i] != SIGHUP || session->request.on_hangup == NULL)) {
            error = ending_guard(numbers[i], ENDING_UNTAKEN_S);
        }
        if (error != 0) {
            return error;
        }
        session->signals[i].data = session;
    }
    return 0;
}

/* Closes all handles that are left on the loop, and the loop. The node is closed already. */
static void close_loop(struct session *session) {
    if (ending_is_abandoned()) {
        return; /* the thread has the loop */
    }
    uv_walk(session->loop, close_handle, session);
    uv_close((uv_handle_t *)&session->patience, NULL);
    uv_run(session->loop, UV_RUN_DEFAULT);
    uv_loop_close(session->loop);
    free(session->loop);
    session->loop = NULL;
}

static int open_session(struct session *session, const struct settings *settings,
                        const struct session_request *request) {
    *session = (struct session){.settings = settings, .request = *request, .has_keys = settings->has_keys};
    session->loop = malloc(sizeof(*session->loop));
    int error = session->loop == NULL ? UV_ENOMEM : uv_loop_init(session->loop);
    if (error != 0) {
        free(session->loop);
        session->loop = NULL;
        complain(settings, "no event loop: %s", uv_strerror(error));
        return STATUS_ERROR;
    }
    uv_timer_init(session->loop, &session->deadline); /* cannot fail */
    uv_timer_init(session->loop, &session->tick);
    uv_timer_init(session->loop, &session->patience);
    session->deadline.data = session->tick.data = session->patience.data = session;
    if (request->until_signal) {
        error = open_signals(session);
    }
    int status = STATUS_ERROR;
    if (error != 0) {
        complain(settings, "no signal handling: %s", uv_strerror(error));
    } else {
        status = open_source(session);
    }
    if (status != STATUS_OK) {
        if (session->local != NULL) {
            muster_local_close(session->local, NULL, NULL);
        }
        close_loop(session);
    }
    return status;
}

/* ---- running and ending ---- */

static void on_deadline(uv_timer_t *handle) {
    struct session *session = handle->data;
    const struct session_request *request = &session->request;
    session_end(session,
                request->on_deadline != NULL ? request->on_deadline(request->context) : STATUS_TIMED_OUT);
}

static void on_tick(uv_timer_t *handle) {
    struct session *session = handle->data;
    const struct session_request *request = &session->request;
    if (session->ended) {
        return;
    }
    if (request->until_unread && complain_reader_gone()) {
        session_end(session, STATUS_ERROR);
    } else if (request->on_tick != NULL) {
        request->on_tick(request->context);
    }
}

static void start_timers(struct session *session) {
    const struct session_request *request = &session->request;
    if (request->timeout_ms > 0) {
        uv_timer_start(&session->deadline, on_deadline, request->timeout_ms, 0);
    }
    if (request->on_tick != NULL || request->until_unread) {
        uv_timer_start(&session->tick, on_tick, TICK_MS, TICK_MS);
    }
}

void session_end(struct session *session, int status) {
    if (session->ended) {
        return;
    }
    if (session->request.on_ending != NULL) {
        session->request.on_ending(session->request.context);
    }
    session->ended = true;
    session->status = status;
    uv_timer_stop(&session->deadline);
    uv_timer_stop(&session->tick);
    if (session->local != NULL) {
        muster_local_close(session->local, on_closed, session);
    } else {
        muster_close(session->node, on_closed, session);
    }
}

void session_fail(struct session *session, int error) {
    session_end(session, complain_error(session->settings, error));
}

int session_hold(struct session *session, const struct settings *settings,
                 const struct session_request *request) {
    const int status = open_session(session, settings, request);
    if (status != STATUS_OK) {
        return status;
    }
    if (!session->ended) {
        start_timers(session);
    }
    if (request->on_open != NULL) {
        request->on_open(request->context);
    }
    if (request->is_confined) {
        confining_start(session);
    }
    uv_run(session->loop, UV_RUN_DEFAULT);
    close_loop(session);
    return session->status;
}

double session_wall_s(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}
