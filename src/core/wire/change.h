/* SPDX-License-Identifier: MIT */
/* Changing a document piece by piece, where a new one would replace it as a whole. */
#pragma once

#include <stdbool.h>

#include <muster/core.h>

/* False for one that is incomplete or names a service or an attribute twice. */
bool change_is_valid(const struct muster_change *change);

/* Applies a change to a document: *after has the name, services and attributes that come of it. Its arrays
 * are for change_free(), its texts are those of the change and of the document. MUSTER_EINVAL
 * (change_is_valid()), MUSTER_ENOTFOUND (there is no such thing to remove), MUSTER_ENOMEM; then there is
 * nothing to free. */
int change_apply(const struct muster_change *change, const struct muster_document *before,
                 struct muster_document *after);
void change_free(struct muster_document *after);
