/* SPDX-License-Identifier: MIT */
/* libnss_muster: `nas.muster` for every program that asks glibc for a host's addresses. See libnss_muster(8).
 *
 * The functions are those of glibc's name service switch ("NSS Modules Interface" of its manual). What ends
 * in .muster is never anybody else's to answer: where there is no such peer, or nobody to ask, the status is
 * NOTFOUND, so that [NOTFOUND=return] keeps the name from DNS. TRYAGAIN would let it through, and is for a
 * buffer that is too small alone. What does not end in .muster is declined at once, without a system call. */
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <nss.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "ask.h"
#include "utf8.h"

#define EXPORT __attribute__((visibility("default")))

#define SUFFIX ".muster"

/* How a lookup ends, and where the caller wants to be told. */
struct outcome {
    int *error;
    int *host_error;
};

static enum nss_status end(const struct outcome *outcome, enum nss_status status, int error, int host_error) {
    *outcome->error = error;
    *outcome->host_error = host_error;
    return status;
}

/* getaddrinfo of an AF_INET or AF_INET6 fails by what an earlier call left in *host_error. */
static enum nss_status succeed(const struct outcome *outcome) {
    return end(outcome, NSS_STATUS_SUCCESS, 0, NETDB_SUCCESS);
}

static enum nss_status decline(const struct outcome *outcome) {
    return end(outcome, NSS_STATUS_UNAVAIL, EINVAL, NO_RECOVERY);
}

/* glibc then comes again with more. */
static enum nss_status want_room(const struct outcome *outcome) {
    return end(outcome, NSS_STATUS_TRYAGAIN, ERANGE, NETDB_INTERNAL);
}

/* ---- names ---- */

static bool is_upper(char byte) {
    return byte >= 'A' && byte <= 'Z';
}

/* True for what ends in .muster, whatever the case and the program's locale; *length is that before it. A dot
 * at the end stands for the root of DNS. */
static bool is_ours(const char *name, size_t *length) {
    const size_t suffix = strlen(SUFFIX);
    size_t all = strlen(name);
    all -= all > 0 && name[all - 1] == '.' ? 1 : 0;
    if (all < suffix) {
        return false;
    }
    *length = all - suffix;
    for (size_t i = 0; i < suffix; i++) {
        const char byte = name[*length + i];
        if ((is_upper(byte) ? byte - 'A' + 'a' : byte) != SUFFIX[i]) {
            return false;
        }
    }
    return true;
}

static enum nss_status find(const char *name, struct answer *answer, const struct outcome *outcome) {
    char peer[ANSWER_NAME_BYTES_MAX + 1];
    size_t length;
    if (!is_ours(name, &length)) {
        return decline(outcome);
    }
    snprintf(peer, sizeof peer, "%.*s", (int)(length < sizeof peer ? length : 0), name);
    switch (peer[0] == '\0' || !utf8_is_valid(peer) ? ASK_NOT_FOUND : ask_addresses(peer, answer)) {
    case ASK_FOUND: return NSS_STATUS_SUCCESS;
    case ASK_SILENT: return end(outcome, NSS_STATUS_NOTFOUND, ENOENT, TRY_AGAIN);
    case ASK_NOT_FOUND:
    case ASK_NOBODY: break;
    }
    return end(outcome, NSS_STATUS_NOTFOUND, ENOENT, HOST_NOT_FOUND);
}

/* ---- the caller's buffer ---- */

struct room {
    char *at;
    char *end;
};

/* Room for size bytes, as well aligned as any pointer; NULL: there is none. */
static void *take(struct room *room, size_t size) {
    const size_t align = _Alignof(void *);
    const size_t gap = (align - (uintptr_t)room->at % align) % align;
    if (gap + size > (size_t)(room->end - room->at)) {
        return NULL;
    }
    char *taken = room->at + gap;
    room->at = taken + size;
    return taken;
}

/* NAME.muster, as the peer writes it. */
static char *take_name(struct room *room, const struct answer *answer) {
    const size_t size = strlen(answer->name) + sizeof SUFFIX;
    char *name = take(room, size);
    if (name != NULL) {
        snprintf(name, size, "%s%s", answer->name, SUFFIX);
    }
    return name;
}

/* ---- addresses ---- */

/* Addresses that are only good together with an interface. */
static bool is_of_link(const struct answer_address *address) {
    const uint8_t *ip = address->ip;
    return address->family == AF_INET ? ip[0] == 169 && ip[1] == 254 : answer_is_link_local(ip);
}

/* Moves addresses that can be reached from elsewhere before those of the link, and keeps the order else. */
static void sort(struct answer *answer) {
    struct answer_address sorted[ANSWER_ADDRESSES_MAX];
    size_t count = 0;
    for (int of_link = 0; of_link <= 1; of_link++) {
        for (size_t i = 0; i < answer->address_count; i++) {
            if (is_of_link(&answer->addresses[i]) == of_link) {
                sorted[count++] = answer->addresses[i];
            }
        }
    }
    memcpy(answer->addresses, sorted, count * sizeof sorted[0]);
}

/* Keeps those of a family that a struct hostent can say: it has no place for the interface of a link-local
 * address of IPv6, without which nobody reaches it. */
static void keep_family(struct answer *answer, int family) {
    size_t count = 0;
    for (size_t i = 0; i < answer->address_count; i++) {
        const struct answer_address address = answer->addresses[i];
        if (address.family == family && (family == AF_INET || !is_of_link(&address))) {
            answer->addresses[count++] = address;
        }
    }
    answer->address_count = count;
}

/* ---- what glibc calls ---- */

static size_t bytes_of(int family) {
    return family == AF_INET ? sizeof(struct in_addr) : sizeof(struct in6_addr);
}

/* False: the buffer is too small. */
static bool fill_host(const struct answer *answer, int family, struct room *room, struct hostent *host) {
    const size_t count = answer->address_count;
    char **aliases = take(room, sizeof *aliases);
    char **list = take(room, (count + 1) * sizeof *list);
    char *addresses = take(room, count * bytes_of(family));
    char *name = take_name(room, answer);
    if (aliases == NULL || list == NULL || addresses == NULL || name == NULL) {
        return false;
    }
    aliases[0] = NULL;
    for (size_t i = 0; i < count; i++) {
        list[i] = addresses + i * bytes_of(family);
        memcpy(list[i], answer->addresses[i].ip, bytes_of(family));
    }
    list[count] = NULL;
    *host = (struct hostent){.h_name = name,
                             .h_aliases = aliases,
                             .h_addrtype = family,
                             .h_length = (int)bytes_of(family),
                             .h_addr_list = list};
    return true;
}

EXPORT enum nss_status _nss_muster_gethostbyname3_r(const char *name, int family, struct hostent *host,
                                                    char *buffer, size_t size, int *error, int *host_error,
                                                    int32_t *ttl, char **canonical);
EXPORT enum nss_status _nss_muster_gethostbyname2_r(const char *name, int family, struct hostent *host,
                                                    char *buffer, size_t size, int *error, int *host_error);
EXPORT enum nss_status _nss_muster_gethostbyname_r(const char *name, struct hostent *host, char *buffer,
                                                   size_t size, int *error, int *host_error);
EXPORT enum nss_status _nss_muster_gethostbyname4_r(const char *name, struct gaih_addrtuple **tuples,
                                                    char *buffer, size_t size, int *error, int *host_error,
                                                    int32_t *ttl);

enum nss_status _nss_muster_gethostbyname3_r(const char *name, int family, struct hostent *host, char *buffer,
                                             size_t size, int *error, int *host_error, int32_t *ttl,
                                             char **canonical) {
    const struct outcome outcome = {error, host_error};
    struct room room = {buffer, buffer + size};
    struct answer answer;
    if (family != AF_INET && family != AF_INET6) {
        return end(&outcome, NSS_STATUS_UNAVAIL, EAFNOSUPPORT, NO_DATA);
    }
    enum nss_status status = find(name, &answer, &outcome);
    if (status != NSS_STATUS_SUCCESS) {
        return status;
    }
    keep_family(&answer, family);
    sort(&answer);
    if (answer.address_count == 0) {
        return end(&outcome, NSS_STATUS_NOTFOUND, ENOENT, NO_DATA);
    }
    if (!fill_host(&answer, family, &room, host)) {
        return want_room(&outcome);
    }
    if (ttl != NULL) {
        *ttl = 0; /* not to be kept: a peer may go at any time */
    }
    if (canonical != NULL) {
        *canonical = host->h_name;
    }
    return succeed(&outcome);
}

enum nss_status _nss_muster_gethostbyname2_r(const char *name, int family, struct hostent *host, char *buffer,
                                             size_t size, int *error, int *host_error) {
    return _nss_muster_gethostbyname3_r(name, family, host, buffer, size, error, host_error, NULL, NULL);
}

/* gethostbyname() looks for this one alone: a module without it is passed over, and the name goes to DNS. */
enum nss_status _nss_muster_gethostbyname_r(const char *name, struct hostent *host, char *buffer, size_t size,
                                            int *error, int *host_error) {
    return _nss_muster_gethostbyname2_r(name, AF_INET, host, buffer, size, error, host_error);
}

enum nss_status _nss_muster_gethostbyname4_r(const char *name, struct gaih_addrtuple **tuples, char *buffer,
                                             size_t size, int *error, int *host_error, int32_t *ttl) {
    const struct outcome outcome = {error, host_error};
    struct room room = {buffer, buffer + size};
    struct answer answer;
    enum nss_status status = find(name, &answer, &outcome);
    if (status != NSS_STATUS_SUCCESS) {
        return status;
    }
    sort(&answer);
    struct gaih_addrtuple *list = take(&room, answer.address_count * sizeof *list);
    char *canonical = take_name(&room, &answer);
    if (list == NULL || canonical == NULL) {
        return want_room(&outcome);
    }
    for (size_t i = 0; i < answer.address_count; i++) {
        const struct answer_address *address = &answer.addresses[i];
        list[i] = (struct gaih_addrtuple){.next = i + 1 < answer.address_count ? &list[i + 1] : NULL,
                                          .name = canonical,
                                          .family = address->family,
                                          .scopeid = address->scope};
        memcpy(list[i].addr, address->ip, bytes_of(address->family));
    }
    if (*tuples != NULL) { /* the caller's own first one */
        **tuples = list[0];
    } else {
        *tuples = list;
    }
    if (ttl != NULL) {
        *ttl = 0;
    }
    return succeed(&outcome);
}
