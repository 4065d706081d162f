/* SPDX-License-Identifier: MIT */
#include "selector.h"

#include <arpa/inet.h>
#include <fnmatch.h>
#include <string.h>
#include <strings.h>

#include "spec.h"

/* Takes text for the beginning of an id, if it has at least digits_min digits and nothing else. */
static bool take_id(struct selector *selector, const char *text, size_t digits_min) {
    size_t length = strlen(text);
    if (length < digits_min || length > 2 * (size_t)MUSTER_ID_BYTES ||
        strspn(text, "0123456789abcdefABCDEF") != length) {
        return false;
    }
    spec_lower(text, selector->lower);
    return true;
}

/* Takes text for an address, "10.0.0.1", "fe80::1", "[fe80::1%eth0]". */
static bool take_address(struct selector *selector, const char *text) {
    char address[INET6_ADDRSTRLEN];
    const bool has_brackets = text[0] == '[';
    const size_t length = strcspn(text + has_brackets, "]%");
    if (length >= sizeof(address)) {
        return false;
    }
    memcpy(address, text + has_brackets, length);
    address[length] = '\0';
    selector->address = (struct muster_endpoint){.family = 4};
    if (inet_pton(AF_INET, address, selector->address.ip) != 1) {
        selector->address.family = inet_pton(AF_INET6, address, selector->address.ip) == 1 ? 6 : 0;
    }
    return selector->address.family != 0;
}

static int parse_bare(unsigned bare, struct selector *selector, struct reason *reason) {
    selector->kinds = bare & (SELECTOR_NAME | SELECTOR_GLOB);
    if ((bare & SELECTOR_TYPE) != 0 && spec_is_type(selector->text)) {
        spec_lower(selector->text, selector->lower);
        selector->kinds |= SELECTOR_TYPE;
    } else if ((bare & SELECTOR_ID) != 0 && take_id(selector, selector->text, SELECTOR_ID_DIGITS_MIN)) {
        selector->kinds |= SELECTOR_ID;
    }
    if ((bare & SELECTOR_ADDRESS) != 0 && take_address(selector, selector->text)) {
        selector->kinds |= SELECTOR_ADDRESS;
    }
    if (selector->kinds != 0) {
        return 0;
    }
    return reason_set(reason, "expected a service type such as http, got '%.64s'", selector->text);
}

int selector_parse(const char *text, unsigned bare, struct selector *selector, struct reason *reason) {
    *selector = (struct selector){.text = text};
    if (strncmp(text, "type:", 5) == 0) {
        selector->text = text + 5;
        return parse_bare(SELECTOR_TYPE, selector, reason);
    }
    if (strncmp(text, "name:", 5) == 0) {
        selector->text = text + 5;
        selector->kinds = SELECTOR_NAME | SELECTOR_GLOB;
        const bool has_origin = strchr(selector->text, '~') != NULL;
        return spec_check_text("a name", selector->text, false,
                               has_origin ? MUSTER_OFFERER_BYTES - 1 : MUSTER_NAME_BYTES_MAX, reason);
    }
    if (strncmp(text, "id:", 3) == 0) {
        selector->text = text + 3;
        selector->kinds = SELECTOR_ID;
        if (take_id(selector, selector->text, 1)) {
            return 0;
        }
        return reason_set(reason, "expected up to %d hexadecimal digits after id:, got '%.64s'",
                          2 * MUSTER_ID_BYTES, selector->text);
    }
    return parse_bare(bare, selector, reason);
}

static bool matches_name(const struct selector *selector, const char *name) {
    const int flags = selector->ignores_case ? FNM_CASEFOLD : 0;
    if ((selector->kinds & SELECTOR_NAME) != 0 &&
        (selector->ignores_case ? strcasecmp : strcmp)(name, selector->text) == 0) {
        return true;
    }
    return (selector->kinds & SELECTOR_GLOB) != 0 && fnmatch(selector->text, name, flags) == 0;
}

static bool is_at(const struct muster_endpoint *a, const struct muster_endpoint *b) {
    return a->family == b->family && memcmp(a->ip, b->ip, a->family == 4 ? 4 : sizeof(a->ip)) == 0;
}

static bool matches_id(const struct selector *selector, const struct muster_peer *peer) {
    char id[MUSTER_ID_TEXT_BYTES];
    muster_id_text(peer->id, id);
    return (selector->kinds & SELECTOR_ID) != 0 && strncmp(id, selector->lower, strlen(selector->lower)) == 0;
}

/* True for a peer that is meant by its name, address or id. */
static bool matches_itself(const struct selector *selector, const struct muster_peer *peer) {
    return matches_name(selector, peer->document.name) ||
           ((selector->kinds & SELECTOR_ADDRESS) != 0 &&
            (is_at(&selector->address, &peer->address) || is_at(&selector->address, &peer->other_address))) ||
           matches_id(selector, peer);
}

static bool is_brought(const struct muster_service *service) {
    return service->origin != NULL && service->origin[0] != '\0';
}

/* What was brought from elsewhere is not its peer's: it has a name, and mostly addresses, of its own. */
static bool matches_brought(const struct selector *selector, const struct muster_peer *peer,
                            const struct muster_service *service) {
    char name[MUSTER_OFFERER_BYTES];
    if (matches_name(selector, muster_service_offerer(peer, service, name)) || matches_id(selector, peer)) {
        return true;
    }
    struct muster_endpoint endpoints[MUSTER_SERVICE_ADDRESSES_MAX];
    const size_t count = muster_service_endpoints(peer, service, endpoints);
    for (size_t i = 0; i < count && (selector->kinds & SELECTOR_ADDRESS) != 0; i++) {
        if (is_at(&selector->address, &endpoints[i])) {
            return true;
        }
    }
    return false;
}

static bool matches_type(const struct selector *selector, const struct muster_service *service) {
    return (selector->kinds & SELECTOR_TYPE) != 0 && strcmp(service->type, selector->lower) == 0;
}

/* A pattern such as "n*" means peers, "n*~dnssd" what was brought from elsewhere, too. */
bool selector_matches_peer(const struct selector *selector, const struct muster_peer *peer) {
    const bool has_origin = selector->text != NULL && strchr(selector->text, '~') != NULL;
    for (size_t i = 0; i < peer->document.service_count; i++) {
        const struct muster_service *service = &peer->document.services[i];
        if (matches_type(selector, service) ||
            (has_origin && is_brought(service) && matches_brought(selector, peer, service))) {
            return true;
        }
    }
    return selector->text == NULL || matches_itself(selector, peer);
}

bool selector_matches_service(const struct selector *selector, const struct muster_peer *peer,
                              const struct muster_service *service) {
    return selector->text == NULL || matches_type(selector, service) ||
           (is_brought(service) ? matches_brought(selector, peer, service) : matches_itself(selector, peer));
}

/* ---- among peers that are known ---- */

bool selector_matches_any(const struct selector *selector, const struct muster_peer_list *list) {
    for (size_t i = 0; i < list->count; i++) {
        if (selector_matches_peer(selector, &list->peers[i])) {
            return true;
        }
    }
    return false;
}

void selector_settle(struct selector *selector, const struct muster_peer_list *list) {
    selector->ignores_case = selector->text != NULL && !selector_matches_any(selector, list);
}

void selector_narrow(struct selector *selector, const struct muster_peer_list *list) {
    static const struct {
        unsigned kind;
        bool ignores_case;
    } ways[] = {{SELECTOR_NAME, false}, {SELECTOR_NAME, true},  {SELECTOR_ADDRESS, false},
                {SELECTOR_ID, false},   {SELECTOR_GLOB, false}, {SELECTOR_GLOB, true}};
    struct selector one_way = *selector;
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        one_way.kinds = selector->kinds & ways[i].kind;
        one_way.ignores_case = ways[i].ignores_case;
        if (one_way.kinds != 0 && selector_matches_any(&one_way, list)) {
            *selector = one_way;
            return;
        }
    }
}
