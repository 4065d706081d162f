/* Getting to know: who is heard but not known, or has a newer document than ours, is asked for its signed
 * announcement with a nonce, by unicast first and by the group when that gives no answer. Only what
 * comes back makes or changes a row, so that a recorded datagram played again makes none. */
#ifndef CORE_INTRODUCTION_H
#define CORE_INTRODUCTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <muster/core.h>

#include "admission.h"
#include "limit.h"

struct muster_core;
struct message;

struct introduction {
    uint8_t id[MUSTER_ID_BYTES];
    struct muster_endpoint endpoint; /* where it was heard from */
    uint32_t interface;
    unsigned paths; /* by which it was heard, bit 1 << kind */
    unsigned tries;
    bool is_signed;  /* a signed message began it, so only a signed one ends it */
    bool is_spread;  /* its first try was put off in favour of a crowd */
    bool is_renewed; /* its tries began again for another address */
    uint64_t due_ms; /* next try, or when it is forgotten */
};

struct introductions {
    struct introduction items[MUSTER_INTRODUCTIONS_MAX];
    size_t count;
    uint64_t due_ms;      /* the earliest of all, or earlier than that */
    struct bucket bucket; /* of tries */
};

/* Asks the sender of a message for an introduction, unless that is under way. False when there is no room. */
bool introduction_begin(struct muster_core *core, const struct message *message,
                        const struct muster_datagram *datagram);

/* Ends the introduction of an id, and tells by which paths it was heard meanwhile; 0 when none was under way,
 * or one that only a signed message ends. */
unsigned introduction_end(struct muster_core *core, const uint8_t id[MUSTER_ID_BYTES], bool is_signed);

void introduction_tick(struct muster_core *core);

uint64_t introduction_deadline(const struct muster_core *core);

#endif
