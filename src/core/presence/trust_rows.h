/* SPDX-License-Identifier: MIT */
/* Rows that are not trusted any more. */
#pragma once

struct presence;

/* Ends the rows that are not allowed, as lost: after a trust_set(). MUSTER_ENOMEM: some may be left, until
 * their promises break. */
int trust_rows_apply(struct presence *presence);
