/* SPDX-License-Identifier: MIT */
/* A document that the command line or files write: name, services, attributes, added one at a time and
 * checked by the limits of PROTOCOL.md, so that a message can say which argument breaks which. */
#pragma once

#include <stddef.h>

#include <muster/core.h>

#include "reason.h"

/* Owns all that it points to. A zeroed one is empty. */
struct draft {
    char *name;
    struct muster_service *services;
    size_t service_count;
    struct muster_text *attrs;
    size_t attr_count;
};

void draft_deinit(struct draft *draft);

/* What may be announced; points into the draft and holds until its next change. */
struct muster_document draft_document(const struct draft *draft);

/* The index of the service of this one's type, protocol and port, or of an attribute; service_count, or
 * attr_count, when it is not there. */
size_t draft_find_service(const struct draft *draft, const struct muster_service *service);
size_t draft_find_attr(const struct draft *draft, const char *key);

/* All of the following return 0, or -1 with the draft unchanged and the reason. */

/* Takes the name of the host, up to its first dot. */
int draft_take_host_name(struct draft *draft, struct reason *reason);

/* Takes over a service, or adds an attribute, that draft_find_service() or draft_find_attr() does not find.
 */
int draft_add_service(struct draft *draft, const struct muster_service *service, struct reason *reason);
int draft_add_attr(struct draft *draft, const char *key, const char *value, struct reason *reason);

/* args_option.parse of --name, of --service (spec_parse()) and of --attr, "KEY=TEXT". A service or an
 * attribute that is there is refused. */
int draft_parse_name(const char *name, void *place_draft, struct reason *reason);
int draft_parse_service(const char *spec, void *place_draft, struct reason *reason);
int draft_parse_attr(const char *item, void *place_draft, struct reason *reason);
