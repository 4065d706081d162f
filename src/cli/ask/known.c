/* SPDX-License-Identifier: MIT */
#include "known.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Where an id is, or belongs. */
static size_t place_of(const struct known *known, const uint8_t id[MUSTER_ID_BYTES], bool *is_there) {
    size_t low = 0;
    size_t high = known->count;
    *is_there = false;
    while (low < high && !*is_there) {
        const size_t middle = low + (high - low) / 2;
        const int order = memcmp(known->lists[middle].peers[0].id, id, MUSTER_ID_BYTES);
        *is_there = order == 0;
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return *is_there ? high : low;
}

const struct muster_peer *known_find(const struct known *known, const uint8_t id[MUSTER_ID_BYTES]) {
    bool is_there;
    const size_t place = place_of(known, id, &is_there);
    return is_there ? &known->lists[place].peers[0] : NULL;
}

static int make_room(struct known *known) {
    if (known->count < known->room) {
        return 0;
    }
    const size_t room = known->room == 0 ? 16 : 2 * known->room;
    struct muster_peer_list *lists = realloc(known->lists, room * sizeof(*lists));
    if (lists == NULL) {
        return -1;
    }
    known->lists = lists;
    known->room = room;
    return 0;
}

int known_keep(struct known *known, const struct muster_peer *peer) {
    bool is_there;
    struct muster_peer_list list = {0};
    const size_t place = place_of(known, peer->id, &is_there);
    if (!is_there && known->count == KNOWN_PEERS_MAX) {
        return 0;
    }
    if ((!is_there && make_room(known) != 0) || muster_peer_list_add(&list, peer) != 0) {
        muster_peer_list_free(&list);
        return -1;
    }
    if (is_there) {
        muster_peer_list_free(&known->lists[place]);
    } else {
        memmove(&known->lists[place + 1], &known->lists[place], (known->count - place) * sizeof(list));
        known->count++;
    }
    known->lists[place] = list;
    return 0;
}

int known_change(struct known *known, const struct muster_peer *peer, struct changes *changes) {
    const struct muster_peer *before = known_find(known, peer->id);
    const int error = before != NULL ? changes_find(changes, &before->document, &peer->document) : 0;
    return error != 0 ? error : known_keep(known, peer);
}

void known_deinit(struct known *known) {
    for (size_t i = 0; i < known->count; i++) {
        muster_peer_list_free(&known->lists[i]);
    }
    free(known->lists);
    *known = (struct known){0};
}
