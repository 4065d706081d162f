/* SPDX-License-Identifier: MIT */
#include "runner.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "limit.h"
#include "unix_address.h"

/* ---- options ---- */

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
    if (options->kinds != 0 && (options->kinds & GROUP_KINDS_ALL) == 0) {
        return "kinds of paths of which none is to many";
    }
    for (size_t i = 0; i < options->interface_count; i++) {
        if (options->interfaces[i] == NULL) {
            return "an interface without a name";
        }
    }
    if (options->group_key_count > 0 && options->group_keys == NULL) {
        return "no group keys where their number says so";
    }
    if (options->pin_count > 0 && options->pins == NULL) {
        return "no pins where their number says so";
    }
    if (options->peer_count > 0 && options->peers == NULL) {
        return "no peers where their number says so";
    }
    for (size_t i = 0; i < options->peer_count; i++) {
        if (options->peers[i] == NULL) {
            return "a peer without a host";
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

/* ---- state, key, local socket ---- */

/* An observer has no key and no state, and its boot only has to be new. */
static int identity_open(muster_t *node, const struct muster_options *options, const struct log *log) {
    node->identities = sodium_malloc(2 * sizeof *node->identities);
    if (node->identities == NULL) {
        return MUSTER_ENOMEM;
    }
    sodium_memzero(node->identities, 2 * sizeof *node->identities);
    if (options->document == NULL) {
        node->identities[0].boot = part_wall_ms();
        return 0;
    }
    struct state_options state = {
        .directory = options->state_dir,
        .instance = options->instance,
        .name = options->document->name,
        .wall_ms = part_wall_ms(),
    };
    return state_open(&node->slot, &state, &node->identities[0], log);
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
                    : asprintf(&path, "%s/" SLOT_SOCKET, node->slot.path) < 0) {
        return MUSTER_ENOMEM;
    }
    int error = listener_open_local(&node->network.local, path, is_required ? 0666 : 0600, !is_required);
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
    struct muster_document whole = *options->document;
    whole.topics = NULL;
    whole.topic_count = 0;
    whole.caches = options->caches;
    whole.cache_count = options->cache_count;
    int error = muster_document_check(&whole, true, true, NULL);
    if (error != 0) {
        log_line(log, MUSTER_LOG_ERROR, "document: %s", muster_error_text(error));
    }
    return error;
}

static int core_open(muster_t *node, const struct muster_options *options, const struct log *log) {
    struct muster_core_options core;
    char network[MUSTER_NETWORK_NAME_BYTES];
    bool is_observer = options->document == NULL;
    unix_network_name(network);
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
    core.site_ttl = options->site_ttl;
    core.caches = options->caches;
    core.cache_count = options->cache_count;
    core.without_retained = options->without_retained;
    core.stream = is_observer ? 0 : node->network.unicast.port;
    core.has_streams = true;
    core.version = muster_version();
    core.group_keys = options->group_keys;
    core.group_key_count = options->group_key_count;
    core.trust = options->trust;
    core.pins = options->pins;
    core.pin_count = options->pin_count;
    randombytes_buf(core.seed, sizeof core.seed);
    int error = muster_crypto_ed25519(&core.crypto, is_observer ? NULL : node->identities[0].secret);
    if (error == 0) {
        error = muster_core_new(&core, part_now_ms(), &node->core);
    }
    sodium_memzero(core.seed, sizeof core.seed);
    if (error == 0) {
        struct muster_event paths = {
            .kind = MUSTER_EVENT_PATHS, .paths = node->network.paths, .path_count = node->network.path_count};
        paths.now_ms = part_now_ms();
        error = muster_core_step(node->core, &paths);
    }
    if (error != 0) {
        log_line(log, MUSTER_LOG_ERROR, "node: %s", muster_error_text(error));
    }
    return error;
}

static int open_all(muster_t *node, const struct muster_options *options, const struct log *log) {
    if (sodium_init() < 0) {
        return MUSTER_ECRYPTO;
    }
    int error = options->document == NULL ? 0 : document_check(options, log);
    if (error == 0) {
        error = static_names_open(&node->static_names, options->peers, options->peer_count,
                                  (uint16_t)(options->port + 1), log);
    }
    if (error == 0) {
        error = network_open(&node->network, options, log);
    }
    if (error == 0) {
        error = identity_open(node, options, log);
    }
    if (error == 0) {
        error = local_open(node, options, log);
    }
    return error != 0 ? error : core_open(node, options, log);
}

int opening_prepare(const struct muster_options *options, const struct log *log, muster_t **node) {
    int error = options_check(options, log);
    if (error != 0) {
        return error;
    }
    muster_t *opened = calloc(1, sizeof *opened);
    if (opened == NULL) {
        return MUSTER_ENOMEM;
    }
    error = open_all(opened, options, log);
    if (error != 0) {
        runner_free(opened);
        return error;
    }
    runner_init(opened, options);
    error = static_names_tell(&opened->static_names);
    if (error != 0) {
        runner_free(opened);
        return error;
    }
    *node = opened;
    return 0;
}
