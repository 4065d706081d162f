/* SPDX-License-Identifier: MIT */
#include "marks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <uthash.h>

#include "options.h"

/* Compared as bytes: zeroed before it is filled. */
struct mark_key {
    char site[OPTIONS_SITE_BYTES_MAX + 1];
    uint8_t peer[MUSTER_ID_BYTES];
    uint64_t boot;
    uint64_t shard;
};

struct mark {
    UT_hash_handle hh;
    struct mark_key key;
    struct reading_ref ref;
    struct reading_ref settled; /* where it was at marks_settle() */
    struct reading_ref told;    /* the last one of marks_tell() */
    bool has_moved;
};

static bool is_behind(const struct reading_ref *ref, const struct reading_ref *mark) {
    return ref->seq > mark->seq || (ref->seq == mark->seq && ref->record > mark->record);
}

static void forget_first(struct marks *marks) {
    struct mark *first = marks->by_key;
    HASH_DEL(marks->by_key, first);
    free(first);
}

static void write_key(const char *site, const struct reading_ref *ref, struct mark_key *key) {
    memset(key, 0, sizeof(*key));
    strncpy(key->site, site, sizeof(key->site) - 1);
    memcpy(key->peer, ref->peer, sizeof(key->peer));
    key->boot = ref->boot;
    key->shard = ref->shard;
}

/* The mark of that publisher and shard; a new one is before all readings. NULL when memory is out. */
static struct mark *find(struct marks *marks, const char *site, const struct reading_ref *ref) {
    struct mark_key key;
    struct mark *mark;
    write_key(site, ref, &key);
    HASH_FIND(hh, marks->by_key, &key, sizeof(key), mark);
    if (mark != NULL) {
        return mark;
    }
    if (HASH_COUNT(marks->by_key) >= MARKS_MAX) {
        forget_first(marks);
    }
    mark = calloc(1, sizeof(*mark));
    if (mark != NULL) {
        mark->key = key;
        HASH_ADD(hh, marks->by_key, key, sizeof(mark->key), mark);
    }
    return mark;
}

static void move(struct mark *mark, const struct reading_ref *ref) {
    if (mark->ref.seq == 0 || is_behind(ref, &mark->ref)) {
        mark->ref = *ref;
        mark->has_moved = true;
    }
}

bool marks_take(struct marks *marks, const char *site, const struct reading_ref *ref) {
    struct mark *mark = ref->seq != 0 ? find(marks, site, ref) : NULL;
    const bool is_new = mark == NULL || mark->ref.seq == 0 || is_behind(ref, &mark->ref);
    if (mark != NULL && is_new) {
        move(mark, ref);
    }
    return is_new;
}

bool marks_take_last(struct marks *marks, const char *site, const struct reading_ref *ref) {
    struct mark *mark = ref->seq != 0 ? find(marks, site, ref) : NULL;
    const bool is_new = mark == NULL || mark->settled.seq == 0 || is_behind(ref, &mark->settled);
    if (mark != NULL) {
        move(mark, ref);
    }
    return is_new;
}

void marks_tell(struct marks *marks, const struct reading_ref *ref) {
    struct mark *mark = ref->seq != 0 ? find(marks, "", ref) : NULL;
    if (mark != NULL) {
        move(mark, ref);
        mark->told = mark->told.seq == 0 || is_behind(ref, &mark->told) ? *ref : mark->told;
    }
}

bool marks_is_overtaken(const struct marks *marks, const struct reading_ref *ref) {
    struct mark_key key;
    struct mark *mark;
    write_key("", ref, &key);
    HASH_FIND(hh, marks->by_key, &key, sizeof(key), mark);
    return mark != NULL && ref->seq != 0 && mark->told.seq != 0 && !is_behind(ref, &mark->told);
}

void marks_settle(struct marks *marks) {
    struct mark *mark;
    struct mark *next;
    HASH_ITER(hh, marks->by_key, mark, next) {
        mark->settled = mark->ref;
    }
}

bool marks_has(const struct marks *marks, const char *site) {
    const struct mark *mark = marks->by_key;
    while (mark != NULL && strcmp(mark->key.site, site) != 0) {
        mark = mark->hh.next;
    }
    return mark != NULL;
}

struct spool_mark *marks_moved(struct marks *marks, size_t *count) {
    struct mark *mark;
    struct mark *next;
    struct spool_mark *moved = NULL;
    *count = 0;
    HASH_ITER(hh, marks->by_key, mark, next) {
        *count += mark->has_moved;
    }
    moved = *count > 0 ? malloc(*count * sizeof(*moved)) : NULL;
    *count = 0;
    HASH_ITER(hh, marks->by_key, mark, next) {
        if (moved != NULL && mark->has_moved) {
            moved[(*count)++] = (struct spool_mark){.site = mark->key.site, .ref = mark->ref};
            mark->has_moved = false;
        }
    }
    return moved;
}

void marks_move_again(struct marks *marks, const struct spool_mark *moved, size_t count) {
    for (size_t i = 0; i < count; i++) {
        struct mark *mark = find(marks, moved[i].site, &moved[i].ref);
        if (mark != NULL) {
            mark->has_moved = true;
        }
    }
}

void marks_deinit(struct marks *marks) {
    while (marks->by_key != NULL) {
        forget_first(marks);
    }
}
