/* SPDX-License-Identifier: MIT */
#include "live.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <uv.h>

#include "ending.h"
#include "group_keys.h"
#include "neighbours.h"

#define LOOK_MS 50
#define TARGETS_MS 400  /* by then who would answer has asked for our address: neighbours are known */
#define STREAMS_MS 1100 /* by then peers have answered */

struct examination;

/* A connection that is tried. */
struct attempt {
    uv_tcp_t tcp;
    uv_connect_t request;
    struct examination *examination;
    uint8_t id[MUSTER_ID_BYTES];
    enum live_stream result;
};

struct examination {
    struct live *live;
    const struct settings *settings;
    uv_loop_t loop;
    muster_t *node;
    uv_timer_t timer;
    uint64_t began_ms;
    uint64_t long_ms;
    int echo_fd; /* -1: none */
    bool has_targets;
    bool is_again; /* the probe at the end of a long examination runs */
    struct attempt attempts[MUSTER_PROBE_PEERS_MAX];
    size_t attempt_count;
};

static void on_log(enum muster_log_level level, const char *line, void *context) {
    struct live *live = ((struct examination *)context)->live;
    const bool is_usual = strstr(line, "is left out: it is the loopback") != NULL; /* on every host */
    const bool is_wanted = level <= MUSTER_LOG_WARNING ||
                           (strstr(line, "is left out") != NULL && !is_usual) ||
                           strstr(line, "is heard by unicast alone") != NULL;
    if (is_wanted && live->line_count < LIVE_LINES_MAX) {
        snprintf(live->lines[live->line_count++], sizeof(live->lines[0]), "%s", line);
    }
}

/* ---- neighbours ---- */

/* Where nobody is heard a muster may be at an address that this machine knows: it is asked there. And who was
 * asked for an echo by IPv6 may be a muster that no multicast of IPv6 reaches. */
static void ask_neighbours(struct examination *examination, bool by_arp) {
    const uint16_t port = (uint16_t)(examination->settings->port + 1);
    struct muster_static_peer targets[MUSTER_PROBE_TARGETS_MAX / 2];
    const size_t targets_max = sizeof(targets) / sizeof(targets[0]);
    size_t path_count;
    const struct muster_path *paths = muster_paths(examination->node, &path_count);
    size_t count = 0;
    if (by_arp) {
        count = neighbours_read_arp(paths, path_count, port, targets, targets_max);
    } else if (examination->echo_fd >= 0) {
        count = neighbours_take_echoes(examination->echo_fd, paths, path_count, port, targets, targets_max);
    }
    if (count > 0) {
        muster_probe(examination->node, targets, count);
    }
}

/* ---- what the muster that runs here knows ---- */

static bool is_silent(enum muster_state state) {
    return state == MUSTER_SUSPECT || state == MUSTER_LOST;
}

static void add_known(struct live *live, const struct muster_peer *peer) {
    if (live->known_count == MUSTER_PROBE_PEERS_MAX) {
        return;
    }
    struct live_known *known = &live->known[live->known_count++];
    *known = (struct live_known){.address = peer->address.family != 0 ? peer->address : peer->other_address,
                                 .state = peer->state,
                                 .age_ms = peer->age_ms};
    memcpy(known->id, peer->id, sizeof(known->id));
    snprintf(known->name, sizeof(known->name), "%s", peer->document.name);
    snprintf(known->interface_name, sizeof(known->interface_name), "%s", peer->interface_name);
}

static void take_table(struct live *live, const struct muster_peer_list *table) {
    for (int silent = 1; silent >= 0 && table != NULL; silent--) {
        for (size_t i = 0; i < table->count; i++) {
            if (!table->peers[i].self && is_silent(table->peers[i].state) == silent) {
                add_known(live, &table->peers[i]);
            }
        }
    }
}

void live_take_names(struct live *live) {
    for (size_t i = 0; i < live->report.peer_count; i++) {
        struct muster_probe_peer *peer = &live->report.peers[i];
        for (size_t k = 0; k < live->known_count && peer->name[0] == '\0'; k++) {
            if (memcmp(live->known[k].id, peer->id, sizeof(peer->id)) == 0) {
                memcpy(peer->name, live->known[k].name, sizeof(peer->name));
            }
        }
    }
}

/* Who fell silent is asked at its address: so the kernel asks for that by ARP. */
static size_t list_silent(const struct live *live, const struct muster_path *paths, size_t path_count,
                          struct muster_static_peer *targets, size_t targets_max) {
    size_t count = 0;
    for (size_t i = 0; i < live->known_count && is_silent(live->known[i].state) && count < targets_max; i++) {
        for (size_t k = 0; k < path_count; k++) {
            if (strcmp(paths[k].name, live->known[i].interface_name) == 0) {
                targets[count++] = (struct muster_static_peer){.endpoint = live->known[i].address,
                                                               .interface = paths[k].interface};
                break;
            }
        }
    }
    return count;
}

/* ---- connections ---- */

static void on_connected(uv_connect_t *request, int status) {
    struct attempt *attempt = request->data;
    if (status != UV_ECANCELED) {
        attempt->result = status == 0 ? LIVE_STREAM_OPEN : LIVE_STREAM_REFUSED;
    }
    if (!uv_is_closing((uv_handle_t *)&attempt->tcp)) {
        uv_close((uv_handle_t *)&attempt->tcp, NULL);
    }
}

static void socket_address(const struct muster_probe_peer *peer, struct sockaddr_storage *address) {
    *address = (struct sockaddr_storage){0};
    if (peer->address.family == 4) {
        struct sockaddr_in *ipv4 = (struct sockaddr_in *)(void *)address;
        ipv4->sin_family = AF_INET;
        ipv4->sin_port = htons(peer->stream);
        memcpy(&ipv4->sin_addr, peer->address.ip, 4);
    } else {
        struct sockaddr_in6 *ipv6 = (struct sockaddr_in6 *)(void *)address;
        ipv6->sin6_family = AF_INET6;
        ipv6->sin6_port = htons(peer->stream);
        ipv6->sin6_scope_id = peer->interface;
        memcpy(&ipv6->sin6_addr, peer->address6.ip, 16);
    }
}

/* A peer accepts a connection from its own link alone, which the TTL proves (PROTOCOL.md, section 12). */
static int open_tcp(struct examination *examination, uv_tcp_t *tcp, int family) {
    const int ttl = 255;
    const bool is_ipv6 = family == AF_INET6;
    uv_os_fd_t fd;
    int error = uv_tcp_init_ex(&examination->loop, tcp, (unsigned)family);
    if (error == 0 && uv_fileno((uv_handle_t *)tcp, &fd) == 0) {
        setsockopt(fd, is_ipv6 ? IPPROTO_IPV6 : IPPROTO_IP, is_ipv6 ? IPV6_UNICAST_HOPS : IP_TTL, &ttl,
                   sizeof(ttl));
    }
    return error;
}

static void try_streams(struct examination *examination) {
    const struct muster_probe_report *report = muster_probe_report(examination->node);
    for (size_t i = 0; i < report->peer_count; i++) {
        struct attempt *attempt = &examination->attempts[examination->attempt_count];
        struct sockaddr_storage address;
        if (report->peers[i].answered == 0 || report->peers[i].stream == 0) {
            continue;
        }
        socket_address(&report->peers[i], &address);
        if (open_tcp(examination, &attempt->tcp, address.ss_family) != 0) {
            continue;
        }
        examination->attempt_count++;
        attempt->result = LIVE_STREAM_SILENT; /* until it is another */
        memcpy(attempt->id, report->peers[i].id, MUSTER_ID_BYTES);
        attempt->request.data = attempt;
        if (uv_tcp_connect(&attempt->request, &attempt->tcp, (struct sockaddr *)&address, on_connected) !=
            0) {
            attempt->result = LIVE_STREAM_REFUSED;
            uv_close((uv_handle_t *)&attempt->tcp, NULL);
        }
    }
}

/* ---- the end ---- */

static bool is_own_address(const struct muster_path *paths, size_t count,
                           const struct muster_endpoint *address) {
    for (size_t i = 0; i < count; i++) {
        if (address->family != 0 && paths[i].address.family == address->family &&
            memcmp(paths[i].address.ip, address->ip, address->family == 6 ? 16 : 4) == 0) {
            return true;
        }
    }
    return false;
}

static void note_groups(struct live *live) {
    const uint64_t count = live->counters.drops[MUSTER_DROP_SEALED];
    if (count > 0 && live->line_count < LIVE_LINES_MAX) {
        snprintf(live->lines[live->line_count++], sizeof(live->lines[0]),
                 "another group is here: %" PRIu64 " datagram%s came that no key of this host opens", count,
                 count == 1 ? "" : "s");
    }
}

static void take_evidence(struct examination *examination) {
    struct live *live = examination->live;
    size_t path_count;
    const struct muster_path *paths = muster_paths(examination->node, &path_count);
    live->report = *muster_probe_report(examination->node);
    live_take_names(live);
    live->counters = *muster_counters(examination->node);
    note_groups(live);
    for (size_t i = 0; i < live->known_count; i++) {
        live->known[i].is_without_answer = neighbours_is_missing(&live->known[i].address);
    }
    for (size_t i = 0; i < live->report.peer_count; i++) {
        const struct muster_probe_peer *peer = &live->report.peers[i];
        live->is_here[i] = is_own_address(paths, path_count, &peer->address) ||
                           is_own_address(paths, path_count, &peer->address6);
        for (size_t k = 0; k < examination->attempt_count; k++) {
            if (memcmp(examination->attempts[k].id, peer->id, MUSTER_ID_BYTES) == 0) {
                live->streams[i] = examination->attempts[k].result;
            }
        }
    }
}

static void close_handle(uv_handle_t *handle, void *context) {
    struct examination *examination = context;
    if (!uv_is_closing(handle) && handle != (uv_handle_t *)&examination->timer) {
        uv_close(handle, NULL);
    }
}

/* What is left is a thread that waits for a resolver. */
static void on_patience(uv_timer_t *timer) {
    ending_abandon();
    uv_stop(timer->loop);
}

static void on_closed(void *context) {
    struct examination *examination = context;
    uv_walk(&examination->loop, close_handle, examination);
    uv_timer_start(&examination->timer, on_patience, ENDING_RESOLVER_MS, 0);
    uv_unref((uv_handle_t *)&examination->timer);
}

static void end(struct examination *examination) {
    uv_timer_stop(&examination->timer);
    muster_close(examination->node, on_closed, examination);
}

static void on_timer(uv_timer_t *timer) {
    struct examination *examination = timer->data;
    const uint64_t age_ms = uv_now(&examination->loop) - examination->began_ms;
    const struct muster_probe_report *report = muster_probe_report(examination->node);
    ask_neighbours(examination, false);
    if (age_ms >= TARGETS_MS && !examination->has_targets) {
        examination->has_targets = true;
        if (report->peer_count == 0) {
            ask_neighbours(examination, true);
        }
    }
    if (age_ms >= STREAMS_MS && examination->attempt_count == 0) {
        try_streams(examination);
    }
    if (!report->is_over) {
        return;
    }
    if (examination->long_ms == 0 || examination->is_again) {
        take_evidence(examination);
        end(examination);
        return;
    }
    examination->live->first = *report;
    if (age_ms >= examination->long_ms) {
        examination->is_again = muster_probe(examination->node, NULL, 0) == 0;
    }
}

static int open_node(struct examination *examination) {
    const struct settings *settings = examination->settings;
    const char *interfaces[VALUE_TEXTS_MAX];
    const char *peers[VALUE_TEXTS_MAX];
    struct muster_options options;
    struct group_keys keys;
    bool has_keys = settings->has_keys;
    int error = group_keys_read(settings, &has_keys, &keys);
    if (error != 0) {
        return error;
    }
    muster_options_init(&options);
    options.group_keys = keys.bytes;
    options.group_key_count = keys.count;
    options.interfaces = value_texts_pointers(&settings->interfaces, interfaces);
    options.interface_count = settings->interfaces.count;
    options.kinds = settings->kinds;
    options.peers = value_texts_pointers(&settings->peers, peers);
    options.peer_count = settings->peers.count;
    options.port = settings->port;
    options.state_dir = settings->state_dir;
    options.on_log = on_log;
    options.context = examination;
    error = muster_open(&examination->loop, &options, &examination->node);
    group_keys_wipe(&keys);
    return error;
}

static void close_loop(struct examination *examination) {
    if (examination->live->error == 0) {
        uv_close((uv_handle_t *)&examination->timer, NULL);
        uv_run(&examination->loop, UV_RUN_DEFAULT);
    }
    uv_loop_close(&examination->loop);
}

void live_run(struct live *live, const struct settings *settings, const struct muster_peer_list *table,
              uint64_t long_ms) {
    struct examination *examination = calloc(1, sizeof(*examination));
    *live = (struct live){.is_long = long_ms > 0, .error = MUSTER_ENOMEM};
    if (examination == NULL || uv_loop_init(&examination->loop) != 0) {
        free(examination);
        return;
    }
    take_table(live, table);
    examination->live = live;
    examination->settings = settings;
    examination->long_ms = long_ms;
    examination->echo_fd = -1;
    live->error = open_node(examination);
    if (live->error == 0) {
        size_t path_count;
        const struct muster_path *paths = muster_paths(examination->node, &path_count);
        live->has_path = path_count > 0;
        examination->began_ms = uv_now(&examination->loop);
        uv_timer_init(&examination->loop, &examination->timer); /* cannot fail */
        examination->timer.data = examination;
        struct muster_static_peer silent[MUSTER_PROBE_TARGETS_MAX / 4];
        const size_t silent_count =
            list_silent(live, paths, path_count, silent, sizeof(silent) / sizeof(silent[0]));
        if (live->has_path && muster_probe(examination->node, silent, silent_count) == 0) {
            examination->echo_fd = neighbours_ping(paths, path_count);
            uv_timer_start(&examination->timer, on_timer, LOOK_MS, LOOK_MS);
        } else {
            end(examination);
        }
    }
    uv_run(&examination->loop, UV_RUN_DEFAULT);
    if (examination->echo_fd >= 0) {
        close(examination->echo_fd);
    }
    if (!ending_is_abandoned()) {
        close_loop(examination);
        free(examination);
    }
}
