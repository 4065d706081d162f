/* SPDX-License-Identifier: MIT */
#include "out.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <avahi-client/publish.h>
#include <avahi-common/alternative.h>
#include <avahi-common/error.h>
#include <avahi-common/malloc.h>
#include <utlist.h>

#include "complain.h"
#include "election.h"
#include "txt.h"

#define DNS_TYPE_BYTES (MUSTER_TYPE_BYTES_MAX + sizeof("_._tcp"))
#define HOST_BYTES 64
#define RENAMES_MAX 100

/* One service of a peer: an entry group. The peer's id, and not a name, says whose it is. */
struct out_service {
    struct out *out;
    uint8_t id[MUSTER_ID_BYTES];
    char type[DNS_TYPE_BYTES]; /* "_http._tcp" */
    uint16_t port;
    char host[HOST_BYTES];                  /* "": that of Avahi */
    char wanted[MUSTER_NAME_BYTES_MAX + 1]; /* the name that it has in muster */
    char name[MUSTER_NAME_BYTES_MAX + 1];   /* and the one that no other service has */
    AvahiStringList *txt;
    AvahiEntryGroup *group;
    bool is_stale; /* while its peer is looked at: not seen yet */
    struct out_service *prev;
    struct out_service *next;
};

/* A peer on another host: that host's name and addresses. */
struct out_host {
    struct out *out;
    uint8_t id[MUSTER_ID_BYTES];
    char name[HOST_BYTES];
    AvahiAddress addresses[2];
    size_t address_count;
    AvahiEntryGroup *group;
    struct out_host *prev;
    struct out_host *next;
};

void out_init(struct out *out, const struct settings *settings) {
    *out = (struct out){.settings = settings};
}

static void refuse(struct out *out, const char *name, int error) {
    out->refused++;
    complain(out->settings, "%s: not registered with Avahi: %s", name, avahi_strerror(error));
}

/* ---- services ---- */

static void service_register(struct out_service *service);

static void group_free(AvahiEntryGroup **group) {
    if (*group != NULL) {
        avahi_entry_group_free(*group);
        *group = NULL;
    }
}

/* Another service has the name. False: no other one is to be had. */
static bool service_rename(struct out_service *service) {
    char *other = avahi_alternative_service_name(service->name);
    if (other == NULL) {
        return false;
    }
    snprintf(service->name, sizeof(service->name), "%s", other);
    avahi_free(other);
    service->out->renamed++;
    return true;
}

static void on_group(AvahiEntryGroup *group, AvahiEntryGroupState state, void *context) {
    struct out_service *service = context;
    if (state == AVAHI_ENTRY_GROUP_FAILURE) {
        refuse(service->out, service->name, avahi_client_errno(avahi_entry_group_get_client(group)));
    } else if (state == AVAHI_ENTRY_GROUP_COLLISION && service->group != NULL && service_rename(service)) {
        avahi_entry_group_reset(service->group);
        service_register(service);
    }
}

static int service_add(struct out_service *service) {
    const char *host = service->host[0] != '\0' ? service->host : NULL;
    return avahi_entry_group_add_service_strlst(service->group, AVAHI_IF_UNSPEC, AVAHI_PROTO_UNSPEC, 0,
                                                service->name, service->type, NULL, host, service->port,
                                                service->txt);
}

/* A name that another service of this machine has is refused at once, one of another machine by on_group().
 */
static void service_register(struct out_service *service) {
    AvahiClient *avahi = service->out->avahi;
    if (service->group == NULL) {
        service->group = avahi_entry_group_new(avahi, on_group, service);
    }
    int error = service->group == NULL ? avahi_client_errno(avahi) : service_add(service);
    for (unsigned i = 0; error == AVAHI_ERR_COLLISION && i < RENAMES_MAX && service_rename(service); i++) {
        error = service_add(service);
    }
    if (error == AVAHI_OK) {
        error = avahi_entry_group_commit(service->group);
    }
    if (error != AVAHI_OK) {
        refuse(service->out, service->name, error);
        group_free(&service->group);
    }
}

static void service_free(struct out_service *service) {
    DL_DELETE(service->out->services, service);
    group_free(&service->group);
    avahi_string_list_free(service->txt);
    free(service);
}

static struct out_service *service_find(struct out *out, const uint8_t *id, const char *type, uint16_t port) {
    struct out_service *service;
    DL_FOREACH(out->services, service) {
        if (memcmp(service->id, id, MUSTER_ID_BYTES) == 0 && service->port == port &&
            strcmp(service->type, type) == 0) {
            return service;
        }
    }
    service = calloc(1, sizeof(*service));
    if (service != NULL) {
        service->out = out;
        service->port = port;
        memcpy(service->id, id, MUSTER_ID_BYTES);
        snprintf(service->type, sizeof(service->type), "%s", type);
        DL_APPEND(out->services, service);
    }
    return service;
}

static void tell_cut(struct out *out, const char *name) {
    out->cut++;
    if (!out->has_told_cut) {
        out->has_told_cut = true;
        complain(
            out->settings,
            "%s: its txt does not fit a TXT record of DNS-SD: it was shortened, and has %s; not said again",
            name, TXT_CUT);
    }
}

static bool has_txt(const struct out_service *service, const AvahiStringList *txt) {
    return service->txt != NULL && avahi_string_list_equal(service->txt, txt);
}

/* Changes the TXT record of a service that stays what it is else. */
static void service_update(struct out_service *service) {
    if (service->group != NULL && avahi_entry_group_update_service_txt_strlst(
                                      service->group, AVAHI_IF_UNSPEC, AVAHI_PROTO_UNSPEC, 0, service->name,
                                      service->type, NULL, service->txt) != AVAHI_OK) {
        group_free(&service->group);
        service_register(service);
    }
}

static void take_service(struct out *out, const struct muster_peer *peer, const struct muster_service *offer,
                         const char *host) {
    const char *name = offer->name[0] != '\0' ? offer->name : peer->document.name;
    char type[DNS_TYPE_BYTES];
    bool is_cut;
    snprintf(type, sizeof(type), "_%s._%s", offer->type, offer->proto);
    struct out_service *service = service_find(out, peer->id, type, offer->port);
    AvahiStringList *txt = txt_write(peer->id, offer->txt, offer->txt_count, &is_cut);
    if (service == NULL || txt == NULL) {
        avahi_string_list_free(txt);
        complain_error(out->settings, MUSTER_ENOMEM);
        return;
    }
    service->is_stale = false;
    const bool is_same = strcmp(service->host, host) == 0 && strcmp(service->wanted, name) == 0;
    if (is_same && has_txt(service, txt)) {
        avahi_string_list_free(txt);
        return;
    }
    if (is_cut) {
        tell_cut(out, name);
    }
    avahi_string_list_free(service->txt);
    service->txt = txt;
    if (is_same) {
        service_update(service);
        return;
    }
    snprintf(service->host, sizeof(service->host), "%s", host);
    if (strcmp(service->wanted, name) != 0) {
        snprintf(service->wanted, sizeof(service->wanted), "%s", name);
        snprintf(service->name, sizeof(service->name), "%s", name);
    }
    group_free(&service->group);
    if (out->avahi != NULL) {
        service_register(service);
    }
}

/* ---- other hosts ---- */

static void on_host_group(AvahiEntryGroup *group, AvahiEntryGroupState state, void *context) {
    (void)group, (void)state, (void)context; /* nobody else has the name, which is made of the id */
}

static void host_register(struct out_host *host) {
    const AvahiPublishFlags flags = AVAHI_PUBLISH_NO_REVERSE;
    host->group = avahi_entry_group_new(host->out->avahi, on_host_group, host);
    int error = host->group == NULL ? avahi_client_errno(host->out->avahi) : AVAHI_OK;
    for (size_t i = 0; i < host->address_count && error == AVAHI_OK; i++) {
        error = avahi_entry_group_add_address(host->group, AVAHI_IF_UNSPEC, AVAHI_PROTO_UNSPEC, flags,
                                              host->name, &host->addresses[i]);
    }
    if (error == AVAHI_OK) {
        error = avahi_entry_group_commit(host->group);
    }
    if (error != AVAHI_OK) {
        refuse(host->out, host->name, error);
        group_free(&host->group);
    }
}

static void host_free(struct out_host *host) {
    DL_DELETE(host->out->hosts, host);
    group_free(&host->group);
    free(host);
}

static struct out_host *host_find(struct out *out, const uint8_t *id) {
    struct out_host *host;
    DL_FOREACH(out->hosts, host) {
        if (memcmp(host->id, id, MUSTER_ID_BYTES) == 0) {
            return host;
        }
    }
    return NULL;
}

/* An address that is of one link alone says nothing by itself. */
static void put_address(struct out_host *host, const struct muster_endpoint *endpoint) {
    AvahiAddress *address = &host->addresses[host->address_count];
    if (endpoint->family == 0 || muster_endpoint_is_of_link(endpoint)) {
        return;
    }
    memset(address, 0, sizeof(*address));
    address->proto = endpoint->family == 4 ? AVAHI_PROTO_INET : AVAHI_PROTO_INET6;
    memcpy(address->data.data, endpoint->ip, endpoint->family == 4 ? 4 : 16);
    host->address_count++;
}

/* The name of a peer's host in DNS; NULL: it has no address that others could use, or memory is out. */
static const char *take_host(struct out *out, const struct muster_peer *peer) {
    struct out_host *host = host_find(out, peer->id);
    struct out_host now = {.out = out};
    char id[MUSTER_ID_TEXT_BYTES];
    put_address(&now, &peer->address);
    put_address(&now, &peer->other_address);
    if (now.address_count == 0) {
        return NULL;
    }
    if (host == NULL) {
        host = calloc(1, sizeof(*host));
        if (host == NULL) {
            return NULL;
        }
        host->out = out;
        memcpy(host->id, peer->id, MUSTER_ID_BYTES);
        snprintf(host->name, sizeof(host->name), "muster-%s.local", (muster_id_text(peer->id, id), id));
        DL_APPEND(out->hosts, host);
    }
    if (host->address_count != now.address_count ||
        memcmp(host->addresses, now.addresses, sizeof(now.addresses)) != 0) {
        memcpy(host->addresses, now.addresses, sizeof(now.addresses));
        host->address_count = now.address_count;
        group_free(&host->group);
        if (out->avahi != NULL) {
            host_register(host);
        }
    }
    return host->name;
}

/* ---- peers ---- */

static void drop_stale(struct out *out) {
    struct out_service *service;
    struct out_service *next;
    DL_FOREACH_SAFE(out->services, service, next) {
        if (service->is_stale) {
            service_free(service);
        }
    }
}

static void make_stale(struct out *out, const uint8_t *id) {
    struct out_service *service;
    DL_FOREACH(out->services, service) {
        service->is_stale = memcmp(service->id, id, MUSTER_ID_BYTES) == 0;
    }
}

static bool is_wanted(const struct muster_service *service) {
    const bool has_origin = service->origin != NULL && service->origin[0] != '\0';
    return !has_origin && strcmp(service->type, ELECTION_TYPE) != 0;
}

void out_take(struct out *out, const struct muster_peer *peer, bool is_here) {
    size_t wanted = 0;
    for (size_t i = 0; i < peer->document.service_count; i++) {
        wanted += is_wanted(&peer->document.services[i]);
    }
    const char *host = is_here ? "" : wanted > 0 ? take_host(out, peer) : NULL;
    if (host == NULL) {
        out_drop(out, peer->id);
        return;
    }
    make_stale(out, peer->id);
    for (size_t i = 0; i < peer->document.service_count; i++) {
        if (is_wanted(&peer->document.services[i])) {
            take_service(out, peer, &peer->document.services[i], host);
        }
    }
    drop_stale(out);
}

void out_drop(struct out *out, const uint8_t id[MUSTER_ID_BYTES]) {
    struct out_host *host = host_find(out, id);
    make_stale(out, id);
    drop_stale(out);
    if (host != NULL) {
        host_free(host);
    }
}

void out_use(struct out *out, AvahiClient *avahi) {
    struct out_service *service;
    struct out_host *host;
    out->avahi = avahi;
    DL_FOREACH(out->hosts, host) {
        group_free(&host->group);
        if (avahi != NULL) {
            host_register(host);
        }
    }
    DL_FOREACH(out->services, service) {
        group_free(&service->group);
        if (avahi != NULL) {
            service_register(service);
        }
    }
}

unsigned long out_count(const struct out *out) {
    unsigned long count = 0;
    const struct out_service *service;
    DL_FOREACH(out->services, service) {
        count += out->avahi == NULL || service->group != NULL ? 1 : 0;
    }
    return count;
}

void out_list(const struct out *out,
              void (*on_service)(const char *name, const char *type, uint16_t port, const char *host,
                                 void *context),
              void *context) {
    const struct out_service *service;
    DL_FOREACH(out->services, service) {
        on_service(service->name, service->type, service->port, service->host, context);
    }
}

void out_deinit(struct out *out) {
    while (out->services != NULL) {
        service_free(out->services);
    }
    while (out->hosts != NULL) {
        host_free(out->hosts);
    }
}
