/* SPDX-License-Identifier: MIT */
/* What users write of a service: "http:8080/tcp,name=Front door,txt.path=/". */
#pragma once

#include <stdbool.h>

#include <muster/core.h>

#include "reason.h"

/* True for a service name of RFC 6335, 5.1, in either case. */
bool spec_is_type(const char *text);

/* Copies a text with ASCII letters in lower case; there is room for all of it. */
void spec_lower(const char *text, char *lower);

/* Checks a text: 1 (or 0 where it may be empty) to bytes_max bytes of UTF-8. `what` names it in the
 * reason. Returns 0, or -1 with a reason. */
int spec_check_text(const char *what, const char *text, bool may_be_empty, size_t bytes_max,
                    struct reason *reason);

/* Set the members of a service that owns what it points to (proto excepted, which is static) and began
 * zeroed; type, name and each txt key once. Return 0, or -1 with a reason. */
int spec_parse_type(const char *type, void *place_service, struct reason *reason);
int spec_parse_proto(const char *proto, void *place_service, struct reason *reason);
int spec_parse_name(const char *name, void *place_service, struct reason *reason);
int spec_add_txt(struct muster_service *service, const char *key, const char *value, struct reason *reason);

/* Parses "TYPE:PORT[/PROTO][,name=TEXT][,txt.KEY=TEXT][,origin=TEXT[,host=NAME][,at=ADDRESS]…]…" into a
 * service that owns what it points to (proto excepted, which is static) and is to be freed by spec_free().
 * Returns 0, or -1 with a reason. */
int spec_parse(const char *spec, struct muster_service *service, struct reason *reason);

/* Frees what a service owns. A zeroed one is allowed. */
void spec_free(struct muster_service *service);

/* Makes *copy own a copy of a service. -1 when memory is out; then it is zeroed. */
int spec_copy(struct muster_service *copy, const struct muster_service *service);

/* Adds an item to a list that owns its texts. -1 when memory is out; then the list is unchanged. */
int spec_add_text(struct muster_text **items, size_t *count, const char *name, const char *value);

/* Frees a list of items. */
void spec_free_texts(struct muster_text *items, size_t count);
