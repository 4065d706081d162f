#include <muster/muster.h>

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "interface.h"
#include "inventory.h"
#include "limit.h"
#include "link.h"
#include "log.h"
#include "network.h"
#include "options.h"
#include "runner.h"
#include "state.h"
#include "unicast.h"

void muster_options_init_sized(struct muster_options *options, size_t size) {
    struct muster_core_options core;
    muster_core_options_init(&core);
    const struct muster_options defaults = {.port = core.port,
                                            .interval_min_ms = core.interval_min_ms,
                                            .rate_bytes_s = core.rate_bytes_s,
                                            .ring_bytes = core.ring_bytes,
                                            .linger_ms = core.linger_ms};
    options_init(options, size, &defaults, sizeof defaults);
}

/* ---- open ---- */

#define TEXT_OF(text) #text
#define TEXT_OF_VALUE(macro) TEXT_OF(macro)

static const char *options_fault(const struct muster_options *options) {
    if (options->port == 0) {
        return "port 0";
    }
    if (options->interval_min_ms < MUSTER_INTERVAL_MS_MIN ||
        options->interval_min_ms > MUSTER_INTERVAL_MS_MAX) {
        return "an interval that is not within " TEXT_OF_VALUE(MUSTER_INTERVAL_MS_MIN) " and " TEXT_OF_VALUE(
            MUSTER_INTERVAL_MS_MAX) " ms";
    }
    if (options->document != NULL &&
        (options->document->name == NULL || options->document->name[0] == '\0')) {
        return "a document without a name";
    }
    if (options->instance != NULL && options->instance[0] == '\0') {
        return "an instance without a name";
    }
    if (options->socket != NULL && (options->socket[0] == '\0' || options->document == NULL)) {
        return options->document == NULL ? "a socket of an observer, which answers nobody"
                                         : "a socket without a path";
    }
    if (options->interface_count > 0 && options->interfaces == NULL) {
        return "no interfaces where their number says so";
    }
    for (size_t i = 0; i < options->interface_count; i++) {
        if (options->interfaces[i] == NULL) {
            return "an interface without a name";
        }
    }
    return NULL;
}

static int options_check(const struct muster_options *options, const struct log *log) {
    const char *fault = options_fault(options);
    if (fault != NULL) {
        log_line(log, MUSTER_LOG_ERROR, "options: %s", fault);
        return MUSTER_EINVAL;
    }
    return 0;
}

/* One link after the other, as many as the core has paths for; whoever named more gets none. */
static int links_open(muster_t *node, const struct interface_list *list, uint16_t port, bool is_required,
                      const struct log *log) {
    int error = 0;
    for (size_t i = 0; i < list->count; i++) {
        if (node->path_count + MUSTER_PATH_KINDS - 1 > MUSTER_PATHS_MAX) {
            log_line(log, is_required ? MUSTER_LOG_ERROR : MUSTER_LOG_WARNING,
                     "%zu of %zu interfaces are left out: a node has at most %d paths", list->count - i,
                     list->count, MUSTER_PATHS_MAX);
            return is_required ? MUSTER_ENOINTERFACE : 0;
        }
        struct link *link;
        error = link_open(&link, &list->items[i], port, is_required, log);
        if (error == 0) {
            node->links[node->link_count++] = link;
            node->path_count += link_paths(link, node->unicast.socket.port, node->paths + node->path_count);
        } else if (is_required || error == MUSTER_ENOMEM) {
            return error;
        }
    }
    if (node->link_count == 0) {
        log_line(log, MUSTER_LOG_ERROR, "no interface lets us listen on port %u: %s", port,
                 muster_error_text(error));
        return error;
    }
    return 0;
}

static int network_open(muster_t *node, const struct muster_options *options, const struct log *log) {
    struct interface_list list;
    int error = interface_list_read(&list, options->interfaces, options->interface_count, log);
    if (error == 0) {
        bool is_observer = options->document == NULL; /* it asks, and answers nobody */
        error = unicast_open(&node->unicast.socket, is_observer ? NULL : &node->tcp, options->port, log);
    }
    if (error == 0) {
        error = links_open(node, &list, options->port, options->interface_count > 0, log);
    }
    for (size_t i = 0; i < node->link_count; i++) {
        node->links[i]->without_gso = options->without_gso;
    }
    interface_list_deinit(&list);
    return error;
}

/* An observer has no key and no state, and its boot only has to be new. */
static int identity_open(muster_t *node, const struct muster_options *options, const struct log *log) {
    if (options->document == NULL) {
        node->identities[0].boot = runner_wall_ms();
        return 0;
    }
    struct state_options state = {
        .directory = options->state_dir,
        .instance = options->instance,
        .name = options->document->name,
        .wall_ms = runner_wall_ms(),
    };
    return state_open(&node->state, &state, &node->identities[0], log);
}

/* Without the socket of its slot a node still does all that it is for. One that was asked for is required. */
static int local_refuse(const char *path, bool is_required, int number, const struct log *log) {
    log_line(log, is_required ? MUSTER_LOG_ERROR : MUSTER_LOG_WARNING, "socket %s%s: %s", path,
             is_required ? "" : ", by which other commands could ask this one, is left out",
             number == -EADDRINUSE ? "another muster answers there" : strerror(-number));
    if (!is_required) {
        return 0;
    }
    return number == -EADDRINUSE ? MUSTER_EBUSY : socket_error(number);
}

/* Everybody of the machine may ask at a path that was asked for, and this user alone in the slot, where the
 * lock says that nobody else is. */
static int local_open(muster_t *node, const struct muster_options *options, const struct log *log) {
    char *path = NULL;
    if (options->document == NULL) {
        return 0;
    }
    bool is_required = options->socket != NULL;
    if (is_required ? (path = strdup(options->socket)) == NULL
                    : asprintf(&path, "%s/" SLOT_SOCKET, node->state.slot.path) < 0) {
        return MUSTER_ENOMEM;
    }
    int error = listener_open_local(&node->local, path, is_required ? 0666 : 0600, !is_required);
    if (error == 0) {
        node->socket = path;
        return 0;
    }
    error = local_refuse(path, is_required, error, log);
    free(path);
    return error;
}

/* A document that no announcement can carry is refused before it has left a slot behind. */
static int document_check(const struct muster_options *options, const struct log *log) {
    struct muster_core_options core;
    uint8_t key[MUSTER_KEY_BYTES];
    uint8_t secret[MUSTER_SECRET_BYTES];
    muster_core_t *trial = NULL;
    muster_core_options_init(&core);
    core.document = options->document;
    core.keeps = options->keeps;
    core.keep_count = options->keep_count;
    core.key = key;
    core.boot = 1;
    core.stream = options->port; /* any will do: there will be one to fetch a large document by */
    int error = muster_key_generate(key, secret);
    if (error == 0) {
        error = muster_crypto_ed25519(&core.crypto, secret);
    }
    if (error == 0) {
        error = muster_core_new(&core, 0, &trial);
    }
    muster_core_free(trial);
    sodium_memzero(secret, sizeof secret);
    if (error != 0) {
        log_line(log, MUSTER_LOG_ERROR, "document: %s", muster_error_text(error));
    }
    return error;
}

static int core_open(muster_t *node, const struct muster_options *options, const struct log *log) {
    struct muster_core_options core;
    char network[MUSTER_NETWORK_NAME_BYTES];
    bool is_observer = options->document == NULL;
    network_name(network);
    muster_core_options_init(&core);
    core.network = network;
    core.document = options->document;
    core.key = is_observer ? NULL : node->identities[0].key;
    core.boot = node->identities[0].boot;
    core.port = options->port;
    core.interval_min_ms = options->interval_min_ms;
    core.rate_bytes_s = options->rate_bytes_s;
    core.ring_bytes = options->ring_bytes;
    core.linger_ms = options->linger_ms;
    core.keeps = options->keeps;
    core.keep_count = options->keep_count;
    core.stream = node->tcp.open ? node->tcp.port : 0;
    core.has_streams = true;
    core.version = muster_version();
    randombytes_buf(core.seed, sizeof core.seed);
    int error = muster_crypto_ed25519(&core.crypto, is_observer ? NULL : node->identities[0].secret);
    if (error == 0) {
        error = muster_core_new(&core, runner_now_ms(), &node->core);
    }
    sodium_memzero(core.seed, sizeof core.seed);
    if (error == 0) {
        struct muster_event paths = {
            .kind = MUSTER_EVENT_PATHS, .paths = node->paths, .path_count = node->path_count};
        error = runner_step(node, &paths);
    }
    if (error != 0) {
        log_line(log, MUSTER_LOG_ERROR, "node: %s", muster_error_text(error));
    }
    return error;
}

/* All that can be refused comes before the loop is touched. */
static int node_prepare(muster_t *node, const struct muster_options *options, const struct log *log) {
    node->port = options->port;
    node->on_event = options->on_event;
    node->on_log = options->on_log;
    node->context = options->context;
    if (sodium_init() < 0) {
        return MUSTER_ECRYPTO;
    }
    int error = options->document == NULL ? 0 : document_check(options, log);
    if (error == 0) {
        error = network_open(node, options, log);
    }
    if (error == 0) {
        error = identity_open(node, options, log);
    }
    if (error == 0) {
        error = local_open(node, options, log);
    }
    return error != 0 ? error : core_open(node, options, log);
}

static void network_describe(const muster_t *node, const struct log *log) {
    for (size_t i = 0; i < node->link_count; i++) {
        link_describe(node->links[i], log);
    }
    log_line(log, MUSTER_LOG_INFO, "sending from unicast port %u, receive buffer %" PRIu32 " bytes",
             node->unicast.socket.port, node->unicast.socket.buffer_bytes);
}

static int node_open(uv_loop_t *loop, const struct muster_options *options, muster_t **node) {
    struct log log = {.write = options->on_log, .context = options->context};
    int error = options_check(options, &log);
    if (error != 0) {
        return error;
    }
    muster_t *opened = calloc(1, sizeof *opened);
    if (opened == NULL) {
        return MUSTER_ENOMEM;
    }
    error = node_prepare(opened, options, &log);
    if (error != 0) {
        runner_free(opened);
        return error;
    }
    error = runner_start(opened, loop);
    if (error != 0) {
        log_line(&log, MUSTER_LOG_ERROR, "loop: %s", muster_error_text(error));
        runner_end(opened);          /* its handles are gone, and it is freed, when the loop runs next; */
        state_close(&opened->state); /* but who tries again may do so at once */
        return error;
    }
    network_describe(opened, &log);
    *node = opened;
    return 0;
}

int muster_open(uv_loop_t *loop, const struct muster_options *options, muster_t **node) {
    struct muster_options known;
    if (node == NULL) {
        return MUSTER_EINVAL;
    }
    *node = NULL;
    muster_options_init(&known);
    if (loop == NULL || options == NULL || options_take(&known, sizeof known, options) != 0) {
        return MUSTER_EINVAL;
    }
    return node_open(loop, &known, node);
}

/* ---- close ---- */

void muster_close(muster_t *node, muster_close_cb on_closed, void *context) {
    if (node->is_closing) {
        return;
    }
    node->is_closing = true;
    node->on_closed = on_closed;
    node->closed_context = context;
    node->close_ms = runner_now_ms() + RUNNER_CLOSE_MS;
    delivery_queue_deinit(&node->deliveries);
    delivery_queue_deinit(&node->questions);
    struct muster_event leave = {.kind = MUSTER_EVENT_COMMAND, .command = {.kind = MUSTER_COMMAND_LEAVE}};
    bool is_observer = node->state.slot.path == NULL; /* nobody knows of it: there is no bye to say */
    if (is_observer || runner_step(node, &leave) != 0) {
        runner_end(node);
        return;
    }
    runner_work(node);
}

/* ---- what an open node does ---- */

static int command(muster_t *node, const struct muster_command *command) {
    if (node->is_closing) {
        return MUSTER_ECLOSING;
    }
    struct muster_event event = {.kind = MUSTER_EVENT_COMMAND, .command = *command};
    int error = runner_step(node, &event);
    runner_work(node);
    return error;
}

int muster_update(muster_t *node, const struct muster_document *document) {
    return command(node, &(struct muster_command){.kind = MUSTER_COMMAND_UPDATE, .document = document});
}

int muster_change(muster_t *node, const struct muster_change *change) {
    return command(node, &(struct muster_command){.kind = MUSTER_COMMAND_CHANGE, .change = change});
}

int muster_query(muster_t *node, const char *type, const char *name, muster_settled_cb on_settled,
                 void *context) {
    if (node->is_closing) {
        return MUSTER_ECLOSING;
    }
    struct delivery *question = delivery_new_settled(on_settled, context);
    if (question == NULL) {
        return MUSTER_ENOMEM;
    }
    int error = runner_ask(node, type, name, question);
    if (error != 0) {
        delivery_free(question);
    }
    runner_work(node);
    return error;
}

/* ---- looking ---- */

/* The core's rows are as old as its last event: let it know the time first. What that brings about is pulled
 * when the timer, which is due then, fires. */
static void now_tell(const muster_t *node) {
    struct muster_event event = {.kind = MUSTER_EVENT_TIMER};
    event.now_ms = runner_now_ms();
    muster_core_step(node->core, &event);
}

int muster_peers(const muster_t *node, struct muster_peer_list *list) {
    now_tell(node);
    return muster_core_peers(node->core, list);
}

int muster_peer_find(const muster_t *node, const uint8_t id[MUSTER_ID_BYTES], struct muster_peer_list *list) {
    now_tell(node);
    return muster_core_peer(node->core, id, list);
}

const struct muster_counters *muster_counters(const muster_t *node) {
    return muster_core_counters(node->core);
}

void muster_id(const muster_t *node, uint8_t id[MUSTER_ID_BYTES]) {
    muster_core_id(node->core, id);
}

uint64_t muster_rev(const muster_t *node) {
    return muster_core_rev(node->core);
}

uint64_t muster_boot(const muster_t *node) {
    return muster_core_boot(node->core);
}

uint16_t muster_unicast_port(const muster_t *node) {
    return node->unicast.socket.port;
}

const char *muster_socket(const muster_t *node) {
    return node->socket;
}

const struct muster_path *muster_paths(const muster_t *node, size_t *count) {
    *count = node->path_count;
    return node->paths;
}

size_t muster_sockets(const muster_t *node, struct muster_socket *sockets, size_t sockets_max) {
    return inventory_take(node, sockets, sockets_max);
}

const char *muster_version(void) {
    return MUSTER_VERSION;
}
