/* SPDX-License-Identifier: MIT */
#include "selector.h"

#include <fnmatch.h>
#include <string.h>

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

static int parse_bare(unsigned bare, struct selector *selector, struct reason *reason) {
    selector->kinds = bare & (SELECTOR_NAME | SELECTOR_GLOB);
    if ((bare & SELECTOR_TYPE) != 0 && spec_is_type(selector->text)) {
        spec_lower(selector->text, selector->lower);
        selector->kinds |= SELECTOR_TYPE;
    } else if ((bare & SELECTOR_ID) != 0 && take_id(selector, selector->text, SELECTOR_ID_DIGITS_MIN)) {
        selector->kinds |= SELECTOR_ID;
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
        selector->kinds = (bare & SELECTOR_GLOB) != 0 ? SELECTOR_GLOB : SELECTOR_NAME;
        return spec_check_text("a name", selector->text, false, MUSTER_NAME_BYTES_MAX, reason);
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

/* True for a peer that is meant by its name or id. */
static bool matches_itself(const struct selector *selector, const struct muster_peer *peer) {
    const char *name = peer->document.name;
    char id[MUSTER_ID_TEXT_BYTES];
    if ((selector->kinds & SELECTOR_NAME) != 0 && strcmp(name, selector->text) == 0) {
        return true;
    }
    if ((selector->kinds & SELECTOR_GLOB) != 0 && fnmatch(selector->text, name, 0) == 0) {
        return true;
    }
    if ((selector->kinds & SELECTOR_ID) == 0) {
        return false;
    }
    muster_id_text(peer->id, id);
    return strncmp(id, selector->lower, strlen(selector->lower)) == 0;
}

static bool matches_type(const struct selector *selector, const struct muster_service *service) {
    return (selector->kinds & SELECTOR_TYPE) != 0 && strcmp(service->type, selector->lower) == 0;
}

bool selector_matches_peer(const struct selector *selector, const struct muster_peer *peer) {
    for (size_t i = 0; i < peer->document.service_count; i++) {
        if (matches_type(selector, &peer->document.services[i])) {
            return true;
        }
    }
    return selector->text == NULL || matches_itself(selector, peer);
}

bool selector_matches_service(const struct selector *selector, const struct muster_peer *peer,
                              const struct muster_service *service) {
    return selector->text == NULL || matches_type(selector, service) || matches_itself(selector, peer);
}
