/* SPDX-License-Identifier: MIT */
/* How far the readings of each publisher were carried, shard by shard, so that none is carried twice: not
 * after a restart, and not by a bridge that takes another one's place. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "reading_ref.h"
#include "spool.h"

#define MARKS_MAX 4096 /* more forget the first ones */

struct mark;

/* Zeroed: none. */
struct marks {
    struct mark *by_key;
};

/* True where a reading of that site ("" for this one) is behind the mark, which moves there then. One without
 * a sequence number always is. */
bool marks_take(struct marks *marks, const char *site, const struct reading_ref *ref);

/* The same of a reading that was published once more as the last one of its topic. Those of other topics came
 * in no order: it only needs to be behind where the mark was at marks_settle(). */
bool marks_take_last(struct marks *marks, const char *site, const struct reading_ref *ref);

/* Another bridge of this site has published a reading, by whose mark it is taken, too. */
void marks_tell(struct marks *marks, const struct reading_ref *ref);

/* True where that one, or one behind it, was told of: others have it, or would drop it as repeated. */
bool marks_is_overtaken(const struct marks *marks, const struct reading_ref *ref);

/* Last ones come from now on. */
void marks_settle(struct marks *marks);

/* True where a reading of that site was carried. */
bool marks_has(const struct marks *marks, const char *site);

/* Those that have moved since the last call, an array that the caller frees; NULL where there is none, or
 * memory is out, and then they stay for the next call. */
struct spool_mark *marks_moved(struct marks *marks, size_t *count);

/* They could not be written: they are among those that have moved. */
void marks_move_again(struct marks *marks, const struct spool_mark *moved, size_t count);

void marks_deinit(struct marks *marks);
