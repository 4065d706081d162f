/* SPDX-License-Identifier: MIT */
#include "link.h"

bool link_connects(const struct link *from, const struct link *to, enum muster_path_kind kind) {
    bool is_plugged = !from->is_unplugged && !to->is_unplugged;
    return is_plugged && !from->is_mute && !to->is_deaf && from->island == to->island &&
           !to->is_filtered[kind];
}

static double loss_of(const struct link *link, enum muster_path_kind kind) {
    bool is_v6 = kind == MUSTER_PATH_M6 || kind == MUSTER_PATH_U6;
    return is_v6 && link->loss6 > 0 ? link->loss6 : link->loss;
}

bool link_loses(struct link *link, enum muster_path_kind kind, struct chance *chance) {
    if (link->burst_enter > 0) {
        link->is_in_burst =
            chance_happens(chance, link->is_in_burst ? 1 - link->burst_leave : link->burst_enter);
    }
    return chance_happens(chance, link->is_in_burst ? link->burst_loss : loss_of(link, kind));
}

uint64_t link_delay_us(const struct link *link, struct chance *chance) {
    return link->delay_us + (link->jitter_us == 0 ? 0 : chance_below(chance, link->jitter_us));
}
