#include <stdlib.h>

#include <muster/core.h>

#include "peer_copy.h"

#define CAPACITY_MIN 16

/* What a list's peers point to: each row is a block of its own. */
struct storage {
    size_t capacity; /* of the list, and of this */
    struct muster_peer *copies[];
};

static int list_reserve(struct muster_peer_list *list) {
    struct storage *storage = list->storage;
    if (storage != NULL && list->count < storage->capacity) {
        return 0;
    }
    size_t capacity = storage == NULL ? CAPACITY_MIN : 2 * storage->capacity;
    struct muster_peer *peers = realloc(list->peers, capacity * sizeof *peers);
    if (peers == NULL) {
        return MUSTER_ENOMEM;
    }
    list->peers = peers;
    struct storage *grown = realloc(storage, sizeof *grown + capacity * sizeof *grown->copies);
    if (grown == NULL) {
        return MUSTER_ENOMEM;
    }
    grown->capacity = capacity;
    list->storage = grown;
    return 0;
}

int muster_peer_list_add(struct muster_peer_list *list, const struct muster_peer *peer) {
    int error = list_reserve(list);
    if (error != 0) {
        return error;
    }
    struct storage *storage = list->storage;
    struct muster_peer *copy = peer_copy(peer);
    if (copy == NULL) {
        return MUSTER_ENOMEM;
    }
    storage->copies[list->count] = copy;
    list->peers[list->count] = *copy;
    list->count++;
    return 0;
}

void muster_peer_list_free(struct muster_peer_list *list) {
    struct storage *storage = list->storage;
    for (size_t i = 0; i < list->count; i++) {
        free(storage->copies[i]);
    }
    free(storage);
    free(list->peers);
    *list = (struct muster_peer_list){0};
}
