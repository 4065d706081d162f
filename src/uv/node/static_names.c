/* SPDX-License-Identifier: MIT */
#include "static_names.h"

#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/socket.h>

#include "deadline.h"
#include "endpoint.h"
#include "limit.h"

#define HOST_BYTES_MAX 255 /* of a name (RFC 1035, 2.3.4), or an address with a scope */
#define PLACES_MAX 2       /* addresses of one name that are used: one of each family */
#define RETRY_MS 2000      /* after a name could not be resolved; doubled each time */
#define RETRY_MS_MAX 60000
#define RENEW_MS 300000 /* after it could */
#define SILENT_TRIES 4  /* questions without an answer: the peer is said to be silent */
#define SCOPE_MS 1000   /* the interface of an address may come, go and be made anew */

struct resolution {
    uv_getaddrinfo_t request;
    struct static_names *names; /* NULL: nobody waits for it any more */
    size_t index;
};

struct static_name {
    char host[HOST_BYTES_MAX + 1];
    uint16_t port;
    char scope[IF_NAMESIZE]; /* name of the interface of an address of a link; "": none */
    struct muster_static_peer places[PLACES_MAX];
    size_t place_count;
    uint64_t due_ms; /* when it is to be resolved; DEADLINE_NEVER: it is an address, or is being resolved */
    uint64_t retry_ms;
    int logged_error; /* of the resolver, logged last; 0: none */
    bool has_told_silent;
    struct resolution *resolution;
};

/* ---- texts ---- */

/* The port behind a colon; false when it is none. */
static bool read_port(const char *text, uint16_t *port) {
    unsigned value = 0;
    size_t length = strspn(text, "0123456789");
    if (length == 0 || length > 5 || text[length] != '\0' || sscanf(text, "%5u", &value) != 1) {
        return false;
    }
    *port = (uint16_t)value;
    return value >= 1 && value <= UINT16_MAX;
}

/* Splits "host", "host:port", "[address]" or "[address]:port". Static storage of what is wrong, or NULL. */
static const char *split(const char *text, struct static_name *name) {
    bool has_brackets = text[0] == '[';
    const char *host = text + (has_brackets ? 1 : 0);
    size_t length = strcspn(host, has_brackets ? "]" : ":");
    const char *rest = host + length;
    if (has_brackets && rest[0] != ']') {
        return "a bracket is not closed";
    }
    rest += has_brackets ? 1 : 0;
    if (!has_brackets && rest[0] == ':' && strchr(rest + 1, ':') != NULL) {
        return "an address of IPv6 stands in brackets, [fd00::1]:19798";
    }
    if (length == 0 || length > HOST_BYTES_MAX || host[strcspn(host, " \t")] != '\0') {
        return "a host has 1 to 255 characters and no blanks";
    }
    if (rest[0] != '\0' && (rest[0] != ':' || !read_port(rest + 1, &name->port))) {
        return "a port is 1 to 65535";
    }
    memcpy(name->host, host, length);
    name->host[length] = '\0';
    return NULL;
}

/* An address, with the scope that one of a link needs. NULL, also for what is a name, or what is wrong. */
static const char *read_address(struct static_name *name) {
    char address[HOST_BYTES_MAX + 1];
    struct muster_static_peer place = {.endpoint = {.port = name->port}};
    const char *scope = strchr(name->host, '%');
    size_t length = scope != NULL ? (size_t)(scope - name->host) : strlen(name->host);
    memcpy(address, name->host, length);
    address[length] = '\0';
    if (!endpoint_parse(address, &place.endpoint)) {
        return scope != NULL || strchr(address, ':') != NULL ? "that is no address" : NULL;
    }
    if (muster_endpoint_is_of_link(&place.endpoint) != (scope != NULL)) {
        return scope != NULL ? "only an address of a link (fe80::) has a scope"
                             : "an address of a link needs its interface, [fe80::1%eth0]";
    }
    if (scope != NULL && (scope[1] == '\0' || strlen(scope + 1) >= sizeof name->scope)) {
        return "its scope is no name of an interface";
    }
    if (!endpoint_is_host(&place.endpoint)) {
        return "no host can be at that address";
    }
    if (scope != NULL) {
        strcpy(name->scope, scope + 1);
        place.interface = if_nametoindex(name->scope);
    }
    name->places[name->place_count++] = place;
    return NULL;
}

static const char *read_text(const char *text, struct static_name *name) {
    const char *fault = split(text, name);
    return fault != NULL ? fault : read_address(name);
}

const char *muster_static_peer_fault(const char *text) {
    struct static_name name = {.port = 1};
    return read_text(text, &name);
}

int static_names_open(struct static_names *names, const char *const *texts, size_t count, uint16_t port,
                      const struct log *log) {
    if (count == 0) {
        return 0;
    }
    names->items = calloc(count, sizeof *names->items);
    if (names->items == NULL) {
        return MUSTER_ENOMEM;
    }
    for (names->count = 0; names->count < count; names->count++) {
        struct static_name *name = &names->items[names->count];
        name->port = port;
        name->retry_ms = RETRY_MS;
        const char *fault = read_text(texts[names->count], name);
        if (fault != NULL) {
            log_line(log, MUSTER_LOG_ERROR, "peer %s: %s", texts[names->count], fault);
            return MUSTER_EINVAL;
        }
        name->due_ms = name->place_count > 0 && name->scope[0] == '\0' ? DEADLINE_NEVER : 0;
    }
    return 0;
}

/* ---- the core ---- */

int static_names_tell(const struct static_names *names) {
    struct muster_static_peer places[MUSTER_STATIC_PEERS_MAX];
    struct muster_event event = {.kind = MUSTER_EVENT_STATIC_PEERS, .static_peers = places};
    for (size_t i = 0; i < names->count; i++) {
        const struct static_name *name = &names->items[i];
        for (size_t k = 0; k < name->place_count && event.static_peer_count < MUSTER_STATIC_PEERS_MAX; k++) {
            bool is_away = name->scope[0] != '\0' && name->places[k].interface == 0;
            places[event.static_peer_count] = name->places[k];
            event.static_peer_count += is_away ? 0 : 1;
        }
    }
    return names->count == 0 ? 0 : part_step(names->context, &event);
}

bool static_names_have_host(const struct static_names *names, const struct muster_endpoint *host) {
    for (size_t i = 0; i < names->count; i++) {
        for (size_t k = 0; k < names->items[i].place_count; k++) {
            if (endpoint_is_same_host(&names->items[i].places[k].endpoint, host)) {
                return true;
            }
        }
    }
    return false;
}

/* ---- resolving ---- */

/* An address of a link with its interface, which a resolver may know. */
static bool take_address(const struct sockaddr *address, struct muster_static_peer *place) {
    char text[ENDPOINT_TEXT_BYTES];
    struct sockaddr_in6 v6;
    if (uv_ip_name(address, text, sizeof text) != 0 || !endpoint_parse(text, &place->endpoint) ||
        !endpoint_is_host(&place->endpoint)) {
        return false;
    }
    if (muster_endpoint_is_of_link(&place->endpoint)) {
        memcpy(&v6, address, sizeof v6);
        place->interface = v6.sin6_scope_id;
        return place->interface != 0;
    }
    return true;
}

static bool has_family(const struct static_name *name, uint8_t family) {
    return (name->place_count > 0 && name->places[0].endpoint.family == family) ||
           (name->place_count > 1 && name->places[1].endpoint.family == family);
}

static void take_addresses(const struct static_names *names, struct static_name *name,
                           const struct addrinfo *addresses) {
    name->place_count = 0;
    for (; addresses != NULL && name->place_count < PLACES_MAX; addresses = addresses->ai_next) {
        struct muster_static_peer place = {.endpoint = {.port = name->port}};
        if (take_address(addresses->ai_addr, &place) && !has_family(name, place.endpoint.family)) {
            name->places[name->place_count++] = place;
        }
    }
    if (name->place_count == 0) {
        log_line(names->log, MUSTER_LOG_WARNING, "peer %s has no address that can be asked", name->host);
    }
}

/* Its last addresses stay. */
static void fail(const struct static_names *names, struct static_name *name, int error) {
    if (name->logged_error != error) {
        name->logged_error = error;
        log_line(names->log, MUSTER_LOG_WARNING, "peer %s can't be resolved, and is tried again: %s",
                 name->host, uv_strerror(error));
    }
    name->due_ms = part_now_ms() + name->retry_ms;
    name->retry_ms = name->retry_ms * 2 < RETRY_MS_MAX ? name->retry_ms * 2 : RETRY_MS_MAX;
}

static void on_resolved(uv_getaddrinfo_t *request, int status, struct addrinfo *addresses) {
    struct resolution *resolution = (struct resolution *)request->data;
    struct static_names *names = resolution->names;
    if (names != NULL) {
        struct static_name *name = &names->items[resolution->index];
        name->resolution = NULL;
        if (status != 0) {
            fail(names, name, status);
        } else {
            take_addresses(names, name, addresses);
            name->logged_error = 0;
            name->retry_ms = RETRY_MS;
            name->due_ms = part_now_ms() + RENEW_MS;
            static_names_tell(names); /* a host of addresses that are none is passed over */
        }
        names->on_change(names->owner);
    }
    uv_freeaddrinfo(addresses);
    free(resolution);
}

/* Its interface may have another index now, or none. */
static void follow_scope(const struct static_names *names, struct static_name *name) {
    uint32_t interface = if_nametoindex(name->scope);
    bool is_other = interface != name->places[0].interface;
    name->places[0].interface = interface;
    name->due_ms = part_now_ms() + SCOPE_MS;
    if (is_other) {
        static_names_tell(names);
    }
}

static void resolve(struct static_names *names, size_t index) {
    static const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_DGRAM};
    struct static_name *name = &names->items[index];
    struct resolution *resolution = calloc(1, sizeof *resolution);
    int error = UV_ENOMEM;
    if (resolution != NULL) {
        *resolution = (struct resolution){.names = names, .index = index};
        resolution->request.data = resolution;
        error = uv_getaddrinfo(names->loop, &resolution->request, on_resolved, name->host, NULL, &hints);
    }
    if (error != 0) {
        free(resolution);
        fail(names, name, error);
        return;
    }
    name->resolution = resolution;
    name->due_ms = DEADLINE_NEVER;
}

void static_names_start(struct static_names *names, uv_loop_t *loop, void (*on_change)(void *owner),
                        void *owner) {
    names->loop = loop;
    names->on_change = on_change;
    names->owner = owner;
}

/* ---- who does not answer ---- */

/* Of the addresses of one name any may answer. */
static bool is_silent(const struct static_names *names, const struct static_name *name, unsigned tries) {
    for (size_t i = 0; i < name->place_count; i++) {
        if (muster_core_static_tries(names->context->core, &name->places[i].endpoint) < tries) {
            return false;
        }
    }
    return name->place_count > 0;
}

/* Once, until it answers again. */
static void tell_silent(const struct static_names *names, struct static_name *name, unsigned tries) {
    if (!name->has_told_silent && is_silent(names, name, tries)) {
        name->has_told_silent = true;
        log_line(
            names->log, MUSTER_LOG_WARNING,
            "peer %s does not answer at UDP port %u: it does not run, a firewall drops that, or, beyond a "
            "router, it does not name this host as a peer",
            name->host, name->port);
    } else if (name->has_told_silent && !is_silent(names, name, 1)) {
        name->has_told_silent = false;
        log_line(names->log, MUSTER_LOG_WARNING, "peer %s answers", name->host);
    }
}

void static_names_tell_silent(struct static_names *names) {
    for (size_t i = 0; i < names->count; i++) {
        tell_silent(names, &names->items[i], 1);
    }
}

void static_names_turn(struct static_names *names) {
    for (size_t i = 0; i < names->count; i++) {
        struct static_name *name = &names->items[i];
        tell_silent(names, name, SILENT_TRIES);
        if (name->due_ms <= part_now_ms() && names->loop != NULL && name->scope[0] != '\0') {
            follow_scope(names, name);
        } else if (name->due_ms <= part_now_ms() && names->loop != NULL) {
            resolve(names, i);
        }
    }
}

uint64_t static_names_due_ms(const struct static_names *names) {
    uint64_t due_ms = DEADLINE_NEVER;
    for (size_t i = 0; i < names->count; i++) {
        due_ms = deadline_earlier(due_ms, names->items[i].due_ms);
    }
    return due_ms;
}

void static_names_deinit(struct static_names *names) {
    for (size_t i = 0; i < names->count; i++) {
        if (names->items[i].resolution != NULL) {
            names->items[i].resolution->names = NULL;
            uv_cancel((uv_req_t *)&names->items[i].resolution->request);
        }
    }
    free(names->items);
    names->items = NULL;
    names->count = 0;
}
