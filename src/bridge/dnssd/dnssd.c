/* SPDX-License-Identifier: MIT */
/* muster bridge dnssd: one list with DNS-SD, by Avahi. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <avahi-client/client.h>

#include "bridge.h"
#include "client.h"
#include "complain.h"
#include "election.h"
#include "escape.h"
#include "in.h"
#include "options.h"
#include "out.h"

#define UPDATE_MS 1000      /* between two announces of changes */
#define UPDATE_FIRST_MS 100 /* changes that follow each other are announced as one */
#define LOOK_MS 30000       /* addresses of this host may have changed */
#define DRY_RUN_MS 500      /* between two looks at whether all is known */
#define DRY_RUN_LEAST 6     /* looks: who is there answers meanwhile */
#define DRY_RUN_MOST 16     /* a service that is not resolved by then is told so */
#define NUMBER_BYTES 24

struct dnssd {
    struct bridge bridge;
    const struct settings *settings;
    const struct dnssd_options *options;
    const char *types[VALUE_TEXTS_MAX];
    struct client client;
    struct out out;
    struct in in;
    struct election election;
    uv_timer_t update;
    uv_timer_t look;
    bool is_open;
    unsigned looks;  /* of a dry run */
    bool is_settled; /* the other bridges are known */
    char fault[128]; /* of Avahi, as it was said last */
    uint64_t updated_ms;
    size_t carried_in;
    size_t not_allowed;
    size_t left_out; /* services that the document has no room for */
};

/* ---- the document ---- */

#define ATTRS 3

/* What others are to know of the bridge; what it counts is for who asks it (set_figures()). */
struct attrs {
    struct muster_text items[ATTRS];
    size_t count;
    char left_out[NUMBER_BYTES];
    char unresolved[MUSTER_VALUE_BYTES_MAX + 1];
};

static void put_attrs(const struct dnssd *dnssd, struct attrs *attrs) {
    unsigned long unresolved;
    const char *avahi = dnssd->client.is_up ? "connected" : dnssd->client.fault;
    *attrs = (struct attrs){.items = {{"avahi", avahi}}, .count = 1};
    if (dnssd->left_out > 0) {
        snprintf(attrs->left_out, sizeof(attrs->left_out), "%zu", dnssd->left_out);
        attrs->items[attrs->count++] = (struct muster_text){.name = "no room for", .value = attrs->left_out};
    }
    in_unresolved(&dnssd->in, &unresolved, attrs->unresolved);
    if (unresolved > 0) {
        attrs->items[attrs->count++] =
            (struct muster_text){.name = "listed, not resolved", .value = attrs->unresolved};
    }
}

static void set_figures(const struct dnssd *dnssd) {
    char text[MUSTER_VALUE_BYTES_MAX + 1];
    unsigned long unresolved;
    in_unresolved(&dnssd->in, &unresolved, text);
    const struct muster_figure figures[] = {
        {"dnssd_connected", dnssd->client.is_up},
        {"dnssd_disconnects", dnssd->client.downs},
        {"dnssd_services_out", out_count(&dnssd->out)},
        {"dnssd_services_in", dnssd->carried_in},
        {"dnssd_services_unresolved", unresolved},
        {"dnssd_services_no_room", dnssd->left_out},
        {"dnssd_refused", dnssd->out.refused + dnssd->in.refused + dnssd->not_allowed},
        {"dnssd_renamed", dnssd->out.renamed},
        {"dnssd_txt_shortened", dnssd->out.cut},
    };
    muster_set_figures(dnssd->bridge.session.node, figures, sizeof(figures) / sizeof(figures[0]));
}

static struct muster_service own_service(const struct dnssd *dnssd, struct muster_text txt[2]) {
    txt[0] = (struct muster_text){.name = ELECTION_FOR, .value = dnssd_for_name(dnssd->options->carried)};
    txt[1] = (struct muster_text){.name = ELECTION_IN, .value = dnssd->options->no_in ? "no" : "yes"};
    return (struct muster_service){.name = "",
                                   .type = ELECTION_TYPE,
                                   .proto = ELECTION_PROTO,
                                   .port = ELECTION_PORT,
                                   .txt = txt,
                                   .txt_count = 2};
}

static void tell_left_out(struct dnssd *dnssd, size_t left_out) {
    if (left_out > dnssd->left_out) {
        complain(
            dnssd->settings,
            "%zu services of DNS-SD are not carried in: there is no room for more than %zu; --type chooses",
            left_out, dnssd->carried_in);
    }
    dnssd->left_out = left_out;
}

static void on_update(uv_timer_t *timer) {
    struct dnssd *dnssd = timer->data;
    dnssd->updated_ms = uv_now(timer->loop);
    struct muster_text txt[2];
    struct attrs attrs;
    size_t count;
    struct muster_service *services;
    if (in_list(&dnssd->in, &services, &count, &dnssd->not_allowed) != 0) {
        complain_error(dnssd->settings, MUSTER_ENOMEM);
        return;
    }
    services[count] = services[0];
    services[0] = own_service(dnssd, txt);
    struct muster_document document = {
        .name = dnssd->options->name, .services = services, .service_count = count + 1};
    bridge_fit(&document);
    dnssd->carried_in = document.service_count - 1;
    tell_left_out(dnssd, count - dnssd->carried_in);
    put_attrs(dnssd, &attrs);
    document.attrs = attrs.items;
    document.attr_count = attrs.count;
    int error = muster_update(dnssd->bridge.session.node, &document);
    if (error != 0) {
        complain_error(dnssd->settings, error);
    }
    free(services);
    set_figures(dnssd);
    notify_status(&dnssd->bridge.notify);
}

static void want_update(struct dnssd *dnssd) {
    const uint64_t since_ms = uv_now(dnssd->update.loop) - dnssd->updated_ms;
    const uint64_t wait_ms = since_ms >= UPDATE_MS ? UPDATE_FIRST_MS : UPDATE_MS - since_ms;
    if (!dnssd->options->dry_run && !uv_is_active((uv_handle_t *)&dnssd->update)) {
        uv_timer_start(&dnssd->update, on_update, wait_ms, 0);
    }
}

static void on_in_change(void *context) {
    want_update(context);
}

/* ---- peers ---- */

static bool is_here(const struct dnssd *dnssd, const struct muster_peer *peer) {
    size_t count;
    const struct muster_path *paths = muster_paths(dnssd->bridge.session.node, &count);
    for (size_t i = 0; i < count; i++) {
        if (election_is_same_host(&paths[i].address, &peer->address) ||
            election_is_same_host(&paths[i].address, &peer->other_address)) {
            return true;
        }
    }
    return false;
}

static void take_peer(struct dnssd *dnssd, const struct muster_peer *peer) {
    const bool is_present = peer->state == MUSTER_ALIVE || peer->state == MUSTER_SUSPECT;
    if (is_present && peer->partial) {
        return; /* what it offers is about to come */
    }
    const bool is_own = is_here(dnssd, peer);
    const bool is_for_all = dnssd->options->carried == DNSSD_FOR_ALL;
    const bool is_meant =
        is_own ? dnssd->options->carried != DNSSD_FOR_NONE : is_for_all && dnssd->is_settled;
    if (is_present && is_meant && election_carries_out(&dnssd->election, peer, is_own)) {
        out_take(&dnssd->out, peer, is_own);
    } else {
        out_drop(&dnssd->out, peer->id);
    }
}

/* Who carries what may be another one now. */
static void look_at_all(struct dnssd *dnssd) {
    struct muster_peer_list list;
    const bool carries_in = !dnssd->options->no_in && dnssd->client.is_up && dnssd->is_settled &&
                            election_leads_in(&dnssd->election);
    in_use(&dnssd->in, carries_in ? dnssd->client.avahi : NULL);
    if (muster_peers(dnssd->bridge.session.node, &list) != 0) {
        complain_error(dnssd->settings, MUSTER_ENOMEM);
        return;
    }
    for (size_t i = 0; i < list.count; i++) {
        take_peer(dnssd, &list.peers[i]);
    }
    muster_peer_list_free(&list);
    want_update(dnssd);
}

static void on_settled(muster_t *node, void *context) {
    struct dnssd *dnssd = context;
    (void)node;
    dnssd->is_settled = true;
    look_at_all(dnssd);
}

static void on_look(uv_timer_t *timer) {
    look_at_all(timer->data);
}

static void on_event(enum muster_peer_event event, const struct muster_peer *peer, void *context) {
    struct dnssd *dnssd = context;
    if (event == MUSTER_PEER_CONFLICT) { /* it is not listed */
        return;
    }
    if (election_take(&dnssd->election, peer)) {
        look_at_all(dnssd);
    } else {
        take_peer(dnssd, peer);
    }
    want_update(dnssd);
}

/* ---- Avahi ---- */

static void on_up(void *context) {
    struct dnssd *dnssd = context;
    dnssd->fault[0] = '\0';
    complain(dnssd->settings, "connected to %s as %s", avahi_client_get_version_string(dnssd->client.avahi),
             avahi_client_get_host_name(dnssd->client.avahi));
    if (!dnssd->options->dry_run) {
        out_use(&dnssd->out, dnssd->client.avahi);
    }
    look_at_all(dnssd);
}

static void on_rename(void *context) {
    struct dnssd *dnssd = context;
    out_use(&dnssd->out, NULL);
}

static void on_down(void *context) {
    struct dnssd *dnssd = context;
    out_use(&dnssd->out, NULL);
    in_use(&dnssd->in, NULL);
    if (!dnssd->client.is_closing && !dnssd->options->dry_run &&
        strcmp(dnssd->fault, dnssd->client.fault) != 0) {
        snprintf(dnssd->fault, sizeof(dnssd->fault), "%s", dnssd->client.fault);
        complain(dnssd->settings, "%s; tried again until it answers", dnssd->fault);
    }
    want_update(dnssd);
}

static void print_status(char text[256], void *context) {
    const struct dnssd *dnssd = context;
    if (dnssd->client.is_up) {
        snprintf(text, 256, "connected to Avahi: %lu services out, %zu in", out_count(&dnssd->out),
                 dnssd->carried_in);
    } else {
        snprintf(text, 256, "not connected to Avahi: %s", dnssd->client.fault);
    }
}

/* ---- a dry run ---- */

#define LINE_BYTES 1024

/* Names come from the network. */
static void __attribute__((format(printf, 1, 2))) print_line(const char *format, ...) {
    char line[LINE_BYTES];
    char safe[MUSTER_TEXT_SAFE_BYTES(LINE_BYTES)];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    puts(escape_text(line, safe, sizeof(safe)));
}

static void print_out(const char *name, const char *type, uint16_t port, const char *host, void *context) {
    (void)context;
    print_line("out  %s.%s.local  port %u%s%s", name, type, port, host[0] != '\0' ? "  at " : "", host);
}

static void print_all(struct dnssd *dnssd) {
    char text[MUSTER_VALUE_BYTES_MAX + 1];
    unsigned long unresolved;
    struct muster_service *services;
    size_t count;
    size_t not_allowed;
    out_list(&dnssd->out, print_out, NULL);
    if (in_list(&dnssd->in, &services, &count, &not_allowed) == 0) {
        for (size_t i = 0; i < count; i++) {
            print_line("in   %s~%s  %s:%u/%s  %s", services[i].host, services[i].origin, services[i].type,
                       services[i].port, services[i].proto, services[i].name);
        }
        free(services);
    }
    in_unresolved(&dnssd->in, &unresolved, text);
    if (unresolved > 0) {
        print_line("listed, not resolved: %s", text);
    }
}

static void on_dry_run(uv_timer_t *timer) {
    struct dnssd *dnssd = timer->data;
    dnssd->looks++;
    if (dnssd->looks < DRY_RUN_LEAST || (dnssd->looks < DRY_RUN_MOST && !in_is_resolved(&dnssd->in))) {
        return;
    }
    uv_timer_stop(timer);
    print_all(dnssd);
    if (!dnssd->client.is_up) {
        complain(dnssd->settings,
                 "Avahi was not reached (%s): what goes out is listed, what comes in is not known",
                 dnssd->client.fault);
    }
    session_end(&dnssd->bridge.session, dnssd->client.is_up ? STATUS_OK : STATUS_NOBODY);
}

/* ---- running ---- */

static void on_open(void *context) {
    struct dnssd *dnssd = context;
    const struct client_hooks hooks = {
        .on_up = on_up, .on_rename = on_rename, .on_down = on_down, .context = dnssd};
    uv_loop_t *loop = dnssd->bridge.session.loop;
    muster_id(dnssd->bridge.session.node, dnssd->election.id);
    out_init(&dnssd->out, dnssd->settings);
    in_init(&dnssd->in, dnssd->settings, loop, dnssd->types, dnssd->options->types.count, on_in_change,
            dnssd);
    uv_timer_init(loop, &dnssd->update);
    uv_timer_init(loop, &dnssd->look);
    dnssd->update.data = dnssd;
    dnssd->look.data = dnssd;
    uv_timer_start(&dnssd->look, on_look, LOOK_MS, LOOK_MS);
    if (dnssd->options->dry_run) {
        uv_timer_start(&dnssd->update, on_dry_run, DRY_RUN_MS, DRY_RUN_MS);
    }
    client_open(&dnssd->client, loop, &hooks);
    int error = muster_query(dnssd->bridge.session.node, NULL, NULL, on_settled, dnssd);
    if (error != 0) {
        complain_error(dnssd->settings, error);
        dnssd->is_settled = true;
    }
    dnssd->is_open = true;
}

static void on_ending(void *context) {
    struct dnssd *dnssd = context;
    if (dnssd->is_open) {
        dnssd->is_open = false;
        client_close(&dnssd->client);
        in_close(&dnssd->in);
        out_deinit(&dnssd->out);
        uv_close((uv_handle_t *)&dnssd->update, NULL);
        uv_close((uv_handle_t *)&dnssd->look, NULL);
    }
}

static int run(struct settings *settings, void *options, const struct operands *operands) {
    struct dnssd *dnssd = calloc(1, sizeof(*dnssd));
    struct muster_text txt[2];
    struct dnssd_options *told = options;
    (void)operands;
    if (dnssd == NULL) {
        return complain_error(settings, MUSTER_ENOMEM);
    }
    dnssd->settings = settings;
    dnssd->options = told;
    value_texts_pointers(&told->types, dnssd->types);
    if (told->name[0] == '\0') {
        bridge_host_name("-dnssd", told->name);
    }
    const struct muster_service service = own_service(dnssd, txt);
    const struct muster_document document = {.name = told->name, .services = &service, .service_count = 1};
    const struct bridge_hooks hooks = {.on_open = on_open,
                                       .on_ending = on_ending,
                                       .on_event = on_event,
                                       .print_status = print_status,
                                       .context = dnssd};
    int status = bridge_hold(&dnssd->bridge, settings, told->dry_run ? NULL : &document, &hooks);
    free(dnssd);
    return status;
}

extern const struct command bridge_command;

const struct command bridge_command = {
    .name = "bridge dnssd",
    .summary = "have one list with DNS-SD (Bonjour, zeroconf), by Avahi",
    .syntax = {.operands = ""},
    .description =
        "Register what this host's peers offer with Avahi, and list what Avahi finds as services\n"
        "of muster, HOST~dnssd. The bridge is a peer of its own; its attributes say what is listed\n"
        "and can't be resolved, and muster show --self and muster metrics have its counts.\n"
        "\n"
        "With --for all the services of peers on hosts that run no bridge go out, too. Several\n"
        "bridges on a LAN agree on one that does so, and on one that brings services in: nothing\n"
        "is there twice. A service that a bridge has brought is never carried on.\n"
        "\n"
        "A name that another service has gets a number behind it. The TXT record has the peer's\n"
        "id as muster-id. It holds 1,300 bytes; one that was shortened has muster-cut. In a txt\n"
        "that comes in a key without a value has the value true, and of one key the first counts.\n"
        "\n"
        "Avahi and the bus may come and go; the bridge connects again each second. While Avahi\n"
        "is there and does not answer, the bridge waits for it and says nothing to its peers.\n"
        "\n"
        "A dry run asks for 3 s, and for 8 s while something is not resolved, prints a line for each\n"
        "service and ends. It does not wait for Avahi.\n"
        "\n"
        "What is listed and not resolved within 5 s is an attribute of the bridge. It carries as\n"
        "many services as its document has room for, 64 KiB, and says how many it left out.\n",
    .options = dnssd_options_table,
    .options_bytes = sizeof(struct dnssd_options),
    .file_offset = offsetof(struct dnssd_options, config),
    .examples = "  muster bridge dnssd\n"
                "  muster bridge dnssd --for all --type ipp --type ipps\n"
                "  muster bridge dnssd --dry-run\n",
    .statuses = "  0   ended by SIGINT or SIGTERM; a dry run: all was printed\n"
                "  1   error\n"
                "  2   wrong usage\n"
                "  3   a dry run: Avahi was not reached, so what comes in is not known\n",
    .run = run,
};
