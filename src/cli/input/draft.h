/* A document that the command line or files write: name, services, attributes, changed one at a time and
 * checked by the limits of PROTOCOL.md, so that a message can say which argument breaks which. */
#ifndef CLI_DRAFT_H
#define CLI_DRAFT_H

#include <stdbool.h>
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

/* True when both, which have names, say the same in the same order. */
bool draft_is_equal(const struct draft *a, const struct draft *b);

/* The index of the service of this one's type, protocol and port, or of an attribute; service_count, or
 * attr_count, when it is not there. */
size_t draft_find_service(const struct draft *draft, const struct muster_service *service);
size_t draft_find_attr(const struct draft *draft, const char *key);

/* All of the following return 0, or -1 with the draft unchanged and the reason. */

int draft_set_name(struct draft *draft, const char *name, struct reason *reason);

/* Takes the name of the host, up to its first dot. */
int draft_set_host_name(struct draft *draft, struct reason *reason);

/* Takes over a service that draft_find_service() does not find. */
int draft_add_service(struct draft *draft, const struct muster_service *service, struct reason *reason);

/* Sets an attribute to a value, which may be empty. */
int draft_set_attr(struct draft *draft, const char *key, const char *value, struct reason *reason);

/* "TYPE:PORT[/PROTO][,name=TEXT][,txt.KEY=TEXT]…", where "\," is a comma and "\\" a backslash inside of
 * a text. One of a type, protocol and port that is there is refused. */
int draft_put_service(struct draft *draft, const char *spec, struct reason *reason);

/* "KEY=TEXT"; a KEY that is there is refused. */
int draft_put_attr(struct draft *draft, const char *item, struct reason *reason);

/* The same as args_option.parse, of --name, --service and --attr: the place is a struct draft. */
int draft_parse_name(const char *value, void *place, struct reason *reason);
int draft_parse_service(const char *value, void *place, struct reason *reason);
int draft_parse_attr(const char *value, void *place, struct reason *reason);

#endif
