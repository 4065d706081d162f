/* SPDX-License-Identifier: MIT */
#include "in.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <avahi-client/lookup.h>
#include <avahi-common/error.h>
#include <utlist.h>

#include "complain.h"
#include "spec.h"
#include "txt.h"

#define TICK_MS 1000

/* From when on a service that was listed counts as not resolved. */
#define PATIENCE_MS 5000

/* A resolver that stays open tells of each change of TXT. When a service moves to another host it may tell of
 * the new host with the old one's address, and never correct that: so it is opened anew from time to time. */
#define FRESH_MS 120000
#define AGAIN_MS_MIN 1000 /* after it failed, twice as long each time */
#define AGAIN_MS_MAX 60000

/* Between two questions for types. */
#define TYPES_MS 60000

/* Avahi lets a client have 1,024 objects, those that carry services out among them. */
#define SERVICES_MAX 700
#define TYPES_MAX 200

/* Where a service is listed: Avahi tells each interface and family. */
#define PLACES_MAX 16
#define LABEL_BYTES 64
#define DNS_TYPE_BYTES 80

struct place {
    AvahiIfIndex interface;
    AvahiProtocol protocol;
};

/* A service: one row, wherever it is listed. */
struct in_service {
    struct in *in;
    char name[LABEL_BYTES]; /* one label, whatever is in it */
    char dns_type[DNS_TYPE_BYTES];
    char *domain;
    char type[MUSTER_TYPE_BYTES_MAX + 1];
    const char *proto;

    struct place places[PLACES_MAX];
    size_t place_count;

    AvahiServiceResolver *resolver;
    struct place used;
    AvahiProtocol wanted; /* family of the address; that of IPv4 first */
    uint64_t again_ms;    /* until it is tried again, once it has failed */
    uint64_t opened_ms;   /* the resolver, or when it failed */
    uint64_t listed_ms;

    /* What was resolved. */
    bool is_resolved;
    char target[256]; /* the host, as DNS has it, that the open resolver told first */
    char host[LABEL_BYTES];
    struct muster_endpoint address; /* family 0: that of this host */
    uint16_t port;
    struct txt txt;

    struct in_service *prev;
    struct in_service *next;
};

/* A type that is browsed. */
struct in_type {
    struct in *in;
    char dns_type[DNS_TYPE_BYTES];
    AvahiServiceBrowser *browser;
    struct in_type *next;
};

/* Types that are browsed whether or not they are listed yet. A machine need not tell the others that it has a
 * service of a type that was not there before: who lists types learns of it by its next question (RFC 6763,
 * 9). */
static const char *const usual_types[] = {"_afpovertcp._tcp",
                                          "_airplay._tcp",
                                          "_coap._udp",
                                          "_companion-link._tcp",
                                          "_daap._tcp",
                                          "_device-info._tcp",
                                          "_ftp._tcp",
                                          "_googlecast._tcp",
                                          "_hap._tcp",
                                          "_home-assistant._tcp",
                                          "_http._tcp",
                                          "_https._tcp",
                                          "_ipp._tcp",
                                          "_ipps._tcp",
                                          "_matter._tcp",
                                          "_mqtt._tcp",
                                          "_nfs._tcp",
                                          "_ntp._udp",
                                          "_pdl-datastream._tcp",
                                          "_printer._tcp",
                                          "_raop._tcp",
                                          "_rfb._tcp",
                                          "_rtsp._tcp",
                                          "_scanner._tcp",
                                          "_sftp-ssh._tcp",
                                          "_smb._tcp",
                                          "_spotify-connect._tcp",
                                          "_ssh._tcp",
                                          "_uscan._tcp",
                                          "_uscans._tcp",
                                          "_webdav._tcp",
                                          "_workstation._tcp"};

static void changed(struct in *in) {
    in->on_change(in->context);
}

static uint64_t now_ms(const struct in *in) {
    return uv_now(in->tick.loop);
}

/* ---- resolving ---- */

static void service_open(struct in_service *service);

static void service_close(struct in_service *service) {
    if (service->resolver != NULL) {
        avahi_service_resolver_free(service->resolver);
        service->resolver = NULL;
    }
    service->target[0] = '\0';
}

/* The host's name without the domain of the link. */
static void take_host(struct in_service *service, const char *target) {
    const size_t length = strlen(target);
    const size_t suffix = strlen(".local");
    const bool is_of_link = length > suffix && strcmp(target + length - suffix, ".local") == 0;
    snprintf(service->host, sizeof(service->host), "%.*s", (int)(is_of_link ? length - suffix : length),
             target);
}

/* An address that means something on every machine; else that of this host is meant, whose services Avahi
 * lists on the loopback, too. False for one that is of the link alone. */
static bool take_address(struct in_service *service, const AvahiAddress *address) {
    struct muster_endpoint *endpoint = &service->address;
    static const uint8_t loopback6[16] = {[15] = 1};
    const uint8_t *ip = address->data.data;
    const bool is_v4 = address->proto == AVAHI_PROTO_INET;
    *endpoint = (struct muster_endpoint){.family = is_v4 ? 4 : 6};
    memcpy(endpoint->ip, ip, is_v4 ? 4 : 16);
    const bool is_of_link = muster_endpoint_is_of_link(endpoint);
    const bool is_loopback = is_v4 ? ip[0] == 127 : memcmp(ip, loopback6, 16) == 0;
    if (is_of_link || is_loopback) {
        *endpoint = (struct muster_endpoint){0};
    }
    return !is_of_link;
}

/* Any address is tried for at once, and all again later. */
static void fail(struct in_service *service) {
    const bool was_first = service->wanted == AVAHI_PROTO_INET;
    service_close(service);
    service->wanted = was_first ? AVAHI_PROTO_UNSPEC : AVAHI_PROTO_INET;
    if (was_first) {
        service_open(service);
        return;
    }
    service->opened_ms = now_ms(service->in);
    service->again_ms = service->again_ms == 0                 ? AGAIN_MS_MIN
                        : service->again_ms < AGAIN_MS_MAX / 2 ? 2 * service->again_ms
                                                               : AGAIN_MS_MAX;
    if (service->is_resolved) {
        service->is_resolved = false;
        service->listed_ms = service->opened_ms - PATIENCE_MS;
        txt_deinit(&service->txt);
    }
    changed(service->in);
}

static void on_resolved(AvahiServiceResolver *resolver, AvahiIfIndex interface, AvahiProtocol protocol,
                        AvahiResolverEvent event, const char *name, const char *type, const char *domain,
                        const char *target, const AvahiAddress *address, uint16_t port, AvahiStringList *txt,
                        AvahiLookupResultFlags flags, void *context) {
    struct in_service *service = context;
    (void)resolver, (void)interface, (void)protocol, (void)name, (void)type, (void)domain, (void)flags;
    if (event == AVAHI_RESOLVER_FAILURE) {
        fail(service);
        return;
    }
    if (service->target[0] != '\0' && strcmp(service->target, target) != 0) {
        service_close(service); /* the address may be that of the host before */
        service_open(service);
        return;
    }
    snprintf(service->target, sizeof(service->target), "%s", target);
    if (!take_address(service, address)) {
        fail(service);
        return;
    }
    take_host(service, target);
    service->port = port;
    txt_deinit(&service->txt);
    service->is_resolved = txt_read(txt, &service->txt) == 0;
    service->again_ms = 0;
    changed(service->in);
}

/* Interfaces have indices from 1 on, and that of the loopback is the first: a place on another one is
 * preferred, because the loopback's addresses say nothing to others, and one of IPv4. */
static struct place best_place(const struct in_service *service) {
    struct place best = service->places[0];
    for (size_t i = 1; i < service->place_count; i++) {
        const struct place *place = &service->places[i];
        const bool is_outer = place->interface != 1 && best.interface == 1;
        const bool is_inner = place->interface == 1 && best.interface != 1;
        if (is_outer ||
            (!is_inner && place->protocol == AVAHI_PROTO_INET && best.protocol != AVAHI_PROTO_INET)) {
            best = *place;
        }
    }
    return best;
}

static void service_open(struct in_service *service) {
    service->used = best_place(service);
    service->opened_ms = now_ms(service->in);
    service->resolver = avahi_service_resolver_new(service->in->avahi, service->used.interface,
                                                   service->used.protocol, service->name, service->dns_type,
                                                   service->domain, service->wanted, 0, on_resolved, service);
    if (service->resolver == NULL) { /* Avahi gives no more of them */
        service->again_ms = AGAIN_MS_MAX;
    }
}

/* ---- services ---- */

static void service_free(struct in_service *service) {
    DL_DELETE(service->in->services, service);
    service->in->service_count--;
    service_close(service);
    txt_deinit(&service->txt);
    free(service->domain);
    free(service);
}

/* "_ipp._tcp" as muster has it; false for a type that it has no place for. */
static bool read_type(const char *dns_type, char type[MUSTER_TYPE_BYTES_MAX + 1], const char **proto) {
    const size_t length = strcspn(dns_type, ".");
    char text[MUSTER_TYPE_BYTES_MAX + 1];
    if (dns_type[0] != '_' || length < 2 || length > sizeof(text)) {
        return false;
    }
    snprintf(text, sizeof(text), "%.*s", (int)length - 1, dns_type + 1);
    *proto = strcasecmp(dns_type + length, "._udp") == 0 ? "udp" : "tcp";
    if (!spec_is_type(text)) {
        return false;
    }
    spec_lower(text, type);
    return true;
}

static struct in_service *service_find(struct in *in, const char *name, const char *type,
                                       const char *domain) {
    struct in_service *service;
    DL_FOREACH(in->services, service) {
        if (strcmp(service->name, name) == 0 && strcmp(service->dns_type, type) == 0 &&
            strcmp(service->domain, domain) == 0) {
            return service;
        }
    }
    return NULL;
}

static struct in_service *service_new(struct in *in, const char *name, const char *type, const char *domain) {
    struct in_service *service = in->service_count < SERVICES_MAX ? calloc(1, sizeof(*service)) : NULL;
    if (service == NULL) {
        return NULL;
    }
    *service = (struct in_service){
        .in = in, .domain = strdup(domain), .wanted = AVAHI_PROTO_INET, .listed_ms = now_ms(in)};
    snprintf(service->name, sizeof(service->name), "%s", name);
    snprintf(service->dns_type, sizeof(service->dns_type), "%s", type);
    if (service->domain == NULL || !read_type(type, service->type, &service->proto)) {
        free(service->domain);
        free(service);
        return NULL;
    }
    DL_APPEND(in->services, service);
    in->service_count++;
    return service;
}

static void add_place(struct in_service *service, const struct place *place) {
    if (service->place_count < PLACES_MAX) {
        service->places[service->place_count++] = *place;
    }
    if (service->resolver != NULL && memcmp(&service->used, place, sizeof(*place)) != 0 &&
        service->used.interface == 1 && place->interface != 1) {
        service_close(service); /* it would give an address of the loopback */
    }
    if (service->resolver == NULL) {
        service_open(service);
    }
}

static void remove_place(struct in_service *service, const struct place *place) {
    for (size_t i = 0; i < service->place_count; i++) {
        if (memcmp(&service->places[i], place, sizeof(*place)) == 0) {
            service->places[i] = service->places[--service->place_count];
            break;
        }
    }
    if (service->place_count == 0) {
        service_free(service);
        return;
    }
    service_close(service);
    service_open(service);
}

static void on_service(AvahiServiceBrowser *browser, AvahiIfIndex interface, AvahiProtocol protocol,
                       AvahiBrowserEvent event, const char *name, const char *type, const char *domain,
                       AvahiLookupResultFlags flags, void *context) {
    struct in *in = ((struct in_type *)context)->in;
    const struct place place = {.interface = interface, .protocol = protocol};
    (void)browser;
    if ((event != AVAHI_BROWSER_NEW && event != AVAHI_BROWSER_REMOVE) ||
        (flags & AVAHI_LOOKUP_RESULT_OUR_OWN) != 0) {
        return;
    }
    struct in_service *service = service_find(in, name, type, domain);
    if (event == AVAHI_BROWSER_REMOVE && service != NULL) {
        remove_place(service, &place);
        changed(in);
    } else if (event == AVAHI_BROWSER_NEW) {
        service = service != NULL ? service : service_new(in, name, type, domain);
        if (service == NULL) {
            in->refused++;
        } else {
            add_place(service, &place);
        }
    }
}

/* ---- types ---- */

/* A type that muster has no place for is kept without a browser, so that it is refused once. */
static void browse(struct in *in, const char *dns_type) {
    char muster_type[MUSTER_TYPE_BYTES_MAX + 1];
    const char *proto;
    struct in_type *type;
    LL_FOREACH(in->browsed, type) {
        if (strcasecmp(type->dns_type, dns_type) == 0) {
            return; /* on another interface */
        }
    }
    type = in->browsed_count < TYPES_MAX ? calloc(1, sizeof(*type)) : NULL;
    if (type == NULL) {
        in->refused++;
        return;
    }
    in->browsed_count++;
    type->in = in;
    snprintf(type->dns_type, sizeof(type->dns_type), "%s", dns_type);
    LL_PREPEND(in->browsed, type);
    if (!read_type(dns_type, muster_type, &proto)) {
        in->refused++;
        return;
    }
    type->browser = avahi_service_browser_new(in->avahi, AVAHI_IF_UNSPEC, AVAHI_PROTO_UNSPEC, dns_type, NULL,
                                              0, on_service, type);
    if (type->browser == NULL) {
        complain(in->settings, "%s: not browsed: %s", dns_type,
                 avahi_strerror(avahi_client_errno(in->avahi)));
    }
}

static void on_type(AvahiServiceTypeBrowser *browser, AvahiIfIndex interface, AvahiProtocol protocol,
                    AvahiBrowserEvent event, const char *dns_type, const char *domain,
                    AvahiLookupResultFlags flags, void *context) {
    (void)browser, (void)interface, (void)protocol, (void)domain, (void)flags;
    if (event == AVAHI_BROWSER_NEW) {
        browse(context, dns_type);
    }
}

/* Avahi asks less and less often, up to an hour: a new question is one for it, too. */
static void ask_types(struct in *in) {
    if (in->all != NULL) {
        avahi_service_type_browser_free(in->all);
    }
    in->all =
        avahi_service_type_browser_new(in->avahi, AVAHI_IF_UNSPEC, AVAHI_PROTO_UNSPEC, NULL, 0, on_type, in);
    in->asked_ms = now_ms(in);
}

static void browse_all(struct in *in) {
    char dns_type[DNS_TYPE_BYTES];
    for (size_t i = 0; i < in->type_count; i++) {
        snprintf(dns_type, sizeof(dns_type), "_%s._tcp", in->types[i]);
        browse(in, dns_type);
        snprintf(dns_type, sizeof(dns_type), "_%s._udp", in->types[i]);
        browse(in, dns_type);
    }
    for (size_t i = 0; in->type_count == 0 && i < sizeof(usual_types) / sizeof(usual_types[0]); i++) {
        browse(in, usual_types[i]);
    }
    if (in->type_count == 0) {
        ask_types(in);
    }
}

static void forget(struct in *in) {
    while (in->services != NULL) {
        service_free(in->services);
    }
    in->browsed_count = 0;
    while (in->browsed != NULL) {
        struct in_type *type = in->browsed;
        LL_DELETE(in->browsed, type);
        if (type->browser != NULL) {
            avahi_service_browser_free(type->browser);
        }
        free(type);
    }
    if (in->all != NULL) {
        avahi_service_type_browser_free(in->all);
        in->all = NULL;
    }
}

/* ---- running ---- */

static void on_tick(uv_timer_t *timer) {
    struct in *in = timer->data;
    const uint64_t now = now_ms(in);
    struct in_service *service;
    if (in->type_count == 0 && now - in->asked_ms >= TYPES_MS) {
        ask_types(in);
    }
    DL_FOREACH(in->services, service) {
        const uint64_t listed = now - service->listed_ms;
        if (!service->is_resolved && listed >= PATIENCE_MS && listed < PATIENCE_MS + TICK_MS) {
            changed(in);
        }
        if (now - service->opened_ms >= (service->resolver != NULL ? FRESH_MS : service->again_ms)) {
            service_close(service);
            service_open(service);
        }
    }
}

void in_init(struct in *in, const struct settings *settings, uv_loop_t *loop, const char *const *types,
             size_t type_count, void (*on_change)(void *context), void *context) {
    *in = (struct in){.settings = settings,
                      .types = types,
                      .type_count = type_count,
                      .on_change = on_change,
                      .context = context};
    uv_timer_init(loop, &in->tick);
    in->tick.data = in;
}

void in_use(struct in *in, AvahiClient *avahi) {
    if (in->avahi == avahi) {
        return;
    }
    forget(in);
    in->avahi = avahi;
    if (avahi == NULL) {
        uv_timer_stop(&in->tick);
    } else {
        uv_timer_start(&in->tick, on_tick, TICK_MS, TICK_MS);
        browse_all(in);
    }
    changed(in);
}

static struct muster_service view(const struct in_service *service) {
    return (struct muster_service){.name = service->name,
                                   .type = service->type,
                                   .proto = service->proto,
                                   .port = service->port,
                                   .txt = service->txt.items,
                                   .txt_count = service->txt.count,
                                   .origin = IN_ORIGIN,
                                   .host = service->host,
                                   .addresses = &service->address,
                                   .address_count = service->address.family != 0 ? 1 : 0};
}

/* True for a service that may stand in a document behind these: by itself, and as no second one. */
static bool is_allowed(const struct muster_service *service, const struct muster_service *others,
                       size_t count) {
    const struct muster_document document = {.name = IN_ORIGIN, .services = service, .service_count = 1};
    for (size_t i = 0; i < count; i++) {
        if (muster_service_is_same(service, &others[i])) {
            return false;
        }
    }
    return muster_document_check(&document, true, true, NULL) == 0;
}

int in_list(const struct in *in, struct muster_service **services, size_t *count, size_t *not_allowed) {
    const struct in_service *service;
    *count = 0;
    *not_allowed = 0;
    *services = calloc(in->service_count + 1, sizeof(**services));
    if (*services == NULL) {
        return MUSTER_ENOMEM;
    }
    DL_FOREACH(in->services, service) {
        if (!service->is_resolved || service->txt.has_id) {
            continue;
        }
        const struct muster_service offer = view(service);
        if (is_allowed(&offer, *services, *count)) {
            (*services)[(*count)++] = offer;
        } else {
            ++*not_allowed;
        }
    }
    return 0;
}

bool in_is_resolved(const struct in *in) {
    const struct in_service *service;
    DL_FOREACH(in->services, service) {
        if (!service->is_resolved) {
            return false;
        }
    }
    return true;
}

const char *in_unresolved(const struct in *in, unsigned long *count, char text[MUSTER_VALUE_BYTES_MAX + 1]) {
    size_t length = 0;
    const struct in_service *service;
    text[0] = '\0';
    *count = 0;
    DL_FOREACH(in->services, service) {
        if (service->is_resolved || now_ms(in) - service->listed_ms < PATIENCE_MS) {
            continue;
        }
        char item[LABEL_BYTES + DNS_TYPE_BYTES + 4];
        const int size =
            snprintf(item, sizeof(item), "%s%s.%s", length > 0 ? ", " : "", service->name, service->dns_type);
        if (length + (size_t)size <= MUSTER_VALUE_BYTES_MAX) { /* the others are in the count */
            memcpy(text + length, item, (size_t)size + 1);
            length += (size_t)size;
        }
        ++*count;
    }
    return text;
}

void in_close(struct in *in) {
    forget(in);
    in->avahi = NULL;
    uv_close((uv_handle_t *)&in->tick, NULL);
}
