/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include <muster/core.h>

#include "peer_copy.h"

#define CAPACITY_MIN 16

/* Lists grow to powers of two. What a row points to is a block of its own, which storage holds beside it. */
static int reserve(struct muster_peer_list *list) {
    size_t count = list->count;
    if (count != 0 && (count < CAPACITY_MIN || (count & (count - 1)) != 0)) {
        return 0;
    }
    size_t capacity = count == 0 ? CAPACITY_MIN : 2 * count;
    struct muster_peer *peers = realloc(list->peers, capacity * sizeof *peers);
    list->peers = peers == NULL ? list->peers : peers;
    struct muster_peer **copies = peers == NULL ? NULL : realloc(list->storage, capacity * sizeof *copies);
    list->storage = copies == NULL ? list->storage : copies;
    return copies == NULL ? MUSTER_ENOMEM : 0;
}

int muster_peer_list_add(struct muster_peer_list *list, const struct muster_peer *peer) {
    struct muster_peer *copy = reserve(list) == 0 ? peer_copy(peer) : NULL;
    if (copy == NULL) {
        return MUSTER_ENOMEM;
    }
    ((struct muster_peer **)list->storage)[list->count] = copy;
    list->peers[list->count++] = *copy;
    return 0;
}

void muster_peer_list_free(struct muster_peer_list *list) {
    struct muster_peer **copies = list->storage;
    for (size_t i = 0; i < list->count; i++) {
        free(copies[i]);
    }
    free(copies);
    free(list->peers);
    *list = (struct muster_peer_list){0};
}
