/* Asking everybody who is there, and telling when the answers are in. */
#ifndef CORE_QUERY_H
#define CORE_QUERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <muster/core.h>

#include "limits.h"

struct muster_core;
struct message;

struct query {
    bool is_active;
    unsigned asked;       /* times so far */
    unsigned waiting;     /* of the application, for SETTLED */
    uint64_t began_ms;
    uint64_t news_ms;     /* a peer was last added */
    uint64_t latest_ms;   /* when it settles whatever comes */
    uint64_t claim;       /* most peers that anybody heard since says to hold */
    char type[MUSTER_TYPE_BYTES_MAX + 1]; /* "": any */
    char name[MUSTER_NAME_BYTES_MAX + 1]; /* "": any */
};

/* Asks from now on. type and name may be NULL for any; when another query is under way with other wishes, both
 * go on as one for everybody. MUSTER_EINVAL (no service type, or a name that no peer can have), MUSTER_EFULL. */
int query_begin(struct muster_core *core, const char *type, const char *name, bool is_awaited);

/* Notes that a peer was added, or how many peers somebody says to hold. */
void query_note_peer(struct muster_core *core);
void query_note_claim(struct muster_core *core, uint64_t peers);

/* Asks again or settles when that is due. */
void query_tick(struct muster_core *core);

uint64_t query_deadline(const struct muster_core *core);

/* Sends one question of ours to the group or, destination not NULL, to one address. Nothing for who has left. */
void query_send(struct muster_core *core, struct message *query,
                const struct muster_endpoint *destination, uint32_t interface);

#endif
