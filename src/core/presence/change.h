/* Changing one's own document piece by piece, where presence_set_document() replaces it as a whole. */
#ifndef CORE_CHANGE_H
#define CORE_CHANGE_H

#include <stdbool.h>

#include <muster/core.h>

struct muster_core;

/* False for one that is incomplete or names a service or an attribute twice. */
bool change_is_valid(const struct muster_change *change);

/* Applies a change to the node's own document, and announces what comes of it. MUSTER_EINVAL (an incomplete
 * change, one that names a service or an attribute twice, or a result that breaks a rule), MUSTER_ENOTFOUND
 * (there is no such thing to remove), MUSTER_ETOOBIG, MUSTER_ENOMEM, or what sign returned; then nothing
 * changed. The node is no observer. */
int change_apply(struct muster_core *core, const struct muster_change *change);

#endif
