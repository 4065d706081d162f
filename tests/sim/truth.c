/* SPDX-License-Identifier: MIT */
#include "truth.h"

#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "node.h"
#include "world.h"

/* After something came between two hosts, suspicion of this age is not false. */
#define GRACE_US (5 * US_PER_S)

/* ---- samples ---- */

static void add_sample(struct samples *samples, uint64_t time_us) {
    if (samples->count == samples->size) {
        samples->size = samples->size == 0 ? 1024 : 2 * samples->size;
        samples->values_ms = memory_resize(samples->values_ms, samples->size * sizeof(uint32_t));
    }
    samples->values_ms[samples->count++] = (uint32_t)(time_us / US_PER_MS);
}

static int compare(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

uint32_t samples_percentile(struct samples *samples, double share) {
    if (samples->count == 0) {
        return 0;
    }
    qsort(samples->values_ms, samples->count, sizeof(uint32_t), compare);
    size_t index = (size_t)(share * (double)samples->count);
    return samples->values_ms[index < samples->count ? index : samples->count - 1];
}

/* ---- subjects ---- */

void truth_deinit(struct truth *truth) {
    free(truth->subjects);
    free(truth->slots);
    free(truth->joined.values_ms);
    free(truth->noticed.values_ms);
    free(truth->left.values_ms);
    *truth = (struct truth){0};
}

static size_t *slot_of(const struct truth *truth, const uint8_t id[MUSTER_ID_BYTES]) {
    uint64_t hash;
    memcpy(&hash, id, sizeof hash);
    size_t slot = (size_t)chance_mix(hash) & (truth->slot_count - 1);
    while (truth->slots[slot] != 0 &&
           memcmp(truth->subjects[truth->slots[slot] - 1].id, id, MUSTER_ID_BYTES) != 0) {
        slot = (slot + 1) & (truth->slot_count - 1);
    }
    return &truth->slots[slot];
}

size_t truth_find(const struct truth *truth, const uint8_t id[MUSTER_ID_BYTES]) {
    return truth->count == 0 ? SUBJECT_NONE : *slot_of(truth, id) - 1; /* 0 - 1 is SUBJECT_NONE */
}

static void grow(struct truth *truth) {
    truth->size = truth->size == 0 ? 64 : 2 * truth->size;
    truth->subjects = memory_resize(truth->subjects, truth->size * sizeof *truth->subjects);
    free(truth->slots);
    truth->slot_count = 2 * truth->size;
    truth->slots = memory_new(truth->slot_count * sizeof *truth->slots);
    for (size_t i = 0; i < truth->count; i++) {
        *slot_of(truth, truth->subjects[i].id) = i + 1;
    }
}

size_t truth_add(struct truth *truth, const uint8_t id[MUSTER_ID_BYTES]) {
    if (truth->count == truth->size) {
        grow(truth);
    }
    size_t *slot = slot_of(truth, id);
    if (*slot == 0) {
        truth->subjects[truth->count] = (struct subject){0};
        memcpy(truth->subjects[truth->count].id, id, MUSTER_ID_BYTES);
        *slot = ++truth->count;
    }
    return *slot - 1;
}

bool truth_is_alive(const struct subject *subject) {
    return subject->holders > 0 && !subject->is_paused && !subject->is_forged;
}

/* ---- who has everybody ---- */

enum seen truth_seen(const struct node *node, size_t subject) {
    return subject < node->seen_size ? (enum seen)node->seen[subject] : SEEN_NONE;
}

bool truth_holds(const struct node *node, size_t subject) {
    enum seen seen = truth_seen(node, subject);
    return seen == SEEN_ALIVE || seen == SEEN_SUSPECT;
}

/* How many of those that are there it lacks. */
static size_t lacks(const struct truth *truth, const struct node *node) {
    bool has_own = node->subject != SUBJECT_NONE && truth_is_alive(&truth->subjects[node->subject]);
    size_t has = node->present + has_own;
    return has < truth->alive ? truth->alive - has : 0;
}

static bool is_whole(const struct truth *truth, const struct node *node) {
    return lacks(truth, node) == 0;
}

static void note_time(const struct world *world, struct node *node) {
    size_t lacked = lacks(&world->truth, node);
    if (node->whole_us == 0 && lacked == 0) {
        node->whole_us = world->now_us;
    }
    if (node->nearly_us == 0 && lacked <= world->truth.alive / 1000) {
        node->nearly_us = world->now_us;
    }
}

static void look_if_complete(struct world *world) {
    struct truth *truth = &world->truth;
    bool is_complete = true;
    for (size_t i = 0; i < world->node_count && is_complete; i++) {
        const struct node *node = world->nodes[i];
        is_complete = node->state == NODE_DOWN || (node->state == NODE_UP && is_whole(truth, node));
    }
    if (is_complete && !truth->is_complete) {
        truth->complete_us = world->now_us;
        truth->first_complete_us =
            truth->first_complete_us == NEVER ? world->now_us : truth->first_complete_us;
    }
    truth->is_complete = is_complete;
}

static void look_if_whole(struct world *world, struct node *node) {
    note_time(world, node);
    if (is_whole(&world->truth, node)) {
        if (!world->truth.is_complete) {
            look_if_complete(world);
        }
    } else {
        world->truth.is_complete = false;
    }
}

/* Somebody came, went or paused: each node's count of those it has is anew. */
static void change_alive(struct world *world, size_t subject, bool was_alive) {
    struct truth *truth = &world->truth;
    bool is_alive = truth_is_alive(&truth->subjects[subject]);
    if (was_alive == is_alive) {
        return;
    }
    truth->alive = is_alive ? truth->alive + 1 : truth->alive - 1;
    truth->is_complete = false;
    for (size_t i = 0; i < world->node_count; i++) {
        struct node *node = world->nodes[i];
        if (truth_holds(node, subject) && subject != node->subject) {
            node->present = is_alive ? node->present + 1 : node->present - 1;
        }
        if (node->state == NODE_UP) {
            note_time(world, node);
        }
    }
    look_if_complete(world);
}

/* ---- what happens ---- */

void truth_speaks(struct world *world, size_t index, const struct host *host) {
    struct subject *subject = &world->truth.subjects[index];
    bool was_alive = truth_is_alive(subject);
    subject->host = host;
    subject->holders++;
    subject->starts++;
    change_alive(world, index, was_alive);
    trace(world, "starts", index, SUBJECT_NONE);
}

void truth_starts(struct world *world, struct node *node) {
    uint8_t id[MUSTER_ID_BYTES];
    muster_core_id(node->core, id);
    node->subject = SUBJECT_NONE;
    if (node->is_observer) {
        return;
    }
    node->subject = truth_add(&world->truth, id);
    for (unsigned i = 0; i < SEGMENTS_MAX; i++) {
        if (node->hosts[i] != NULL) {
            node->hosts[i]->started_us = node->started_us;
            world_host_changed(world, node->hosts[i]);
            bool is_first = node->starts == 1 && node->hosts[i]->quiet_since_us != NEVER;
            node->hosts[i]->quiet_since_us = is_first ? 0 : node->hosts[i]->quiet_since_us;
        }
    }
    truth_speaks(world, node->subject, world_host(node));
}

void truth_ends(struct world *world, size_t index, bool by_bye) {
    if (index == SUBJECT_NONE || world->truth.subjects[index].holders == 0) {
        return;
    }
    struct subject *subject = &world->truth.subjects[index];
    bool was_alive = truth_is_alive(subject);
    subject->holders--;
    subject->is_paused = false;
    subject->has_left = subject->has_left || by_bye;
    subject->ended_us = world->now_us;
    change_alive(world, index, was_alive);
    trace(world, by_bye ? "leaves" : "ends", index, SUBJECT_NONE);
}

void truth_changes(struct world *world, size_t index) {
    world->truth.subjects[index].changes++;
}

void truth_pauses(struct world *world, struct node *node, bool is_paused) {
    world_node_changed(world, node);
    if (node->subject != SUBJECT_NONE) {
        struct subject *subject = &world->truth.subjects[node->subject];
        bool was_alive = truth_is_alive(subject);
        subject->is_paused = is_paused;
        subject->ended_us = world->now_us;
        change_alive(world, node->subject, was_alive);
        trace(world, is_paused ? "pauses" : "goes on", node->subject, SUBJECT_NONE);
    }
}

void truth_forget_table(struct world *world, struct node *node) {
    if (node->seen_size > 0) {
        memset(node->seen, SEEN_NONE, node->seen_size);
    }
    node->present = 0;
    look_if_complete(world);
}

/* ---- what is told ---- */

static void make_room(const struct truth *truth, struct node *node, size_t subject) {
    if (subject >= node->seen_size) {
        node->seen = memory_resize(node->seen, truth->size);
        memset(node->seen + node->seen_size, SEEN_NONE, truth->size - node->seen_size);
        node->seen_size = truth->size;
    }
}

static bool is_quiet(const struct world *world, const struct host *host) {
    return host->quiet_since_us == 0 ||
           (host->quiet_since_us != NEVER && world->now_us - host->quiet_since_us > GRACE_US);
}

/* True when nothing was between the two, and the subject could always answer. */
static bool is_false(const struct world *world, const struct node *node, const struct subject *subject) {
    const struct host *own = world_host_beside(node, subject->host);
    return truth_is_alive(subject) && own != NULL && is_quiet(world, own) && is_quiet(world, subject->host) &&
           world_hears(world, node, subject);
}

static uint64_t later(uint64_t a, uint64_t b) {
    return a > b ? a : b;
}

static void measure(struct world *world, const struct node *node, enum muster_peer_event event,
                    const struct subject *subject) {
    struct truth *truth = &world->truth;
    uint64_t start_us = subject->host == NULL ? 0 : subject->host->started_us;
    if (event == MUSTER_PEER_JOINED) {
        add_sample(&truth->joined, world->now_us - later(node->started_us, start_us));
    } else if (event == MUSTER_PEER_LOST && subject->holders == 0) {
        add_sample(&truth->noticed, world->now_us - later(node->started_us, subject->ended_us));
    } else if (event == MUSTER_PEER_LEFT && subject->holders == 0) {
        add_sample(&truth->left, world->now_us - later(node->started_us, subject->ended_us));
    } else if (event == MUSTER_PEER_SUSPECT && is_false(world, node, subject)) {
        truth->false_suspects++;
    } else if (event == MUSTER_PEER_LOST && is_false(world, node, subject)) {
        truth->false_lost++;
    }
}

void truth_told(struct world *world, struct node *node, enum muster_peer_event event,
                const struct muster_peer *peer) {
    struct truth *truth = &world->truth;
    size_t index = truth_find(truth, peer->id);
    truth->told[event]++;
    if (event == MUSTER_PEER_CONFLICT) {
        trace(world, "conflict", node->subject, index);
        return;
    }
    if (index == SUBJECT_NONE) {
        world_fail(world, "%s was told `%s` of an id that nobody has", node->name,
                   muster_peer_event_name(event));
        return;
    }
    const struct subject *subject = &truth->subjects[index];
    make_room(truth, node, index);
    invariant_event(world, node, index, event, peer->verified);
    measure(world, node, event, subject);
    bool was_there = truth_holds(node, index) && truth_is_alive(subject);
    node->seen[index] = (uint8_t)(peer->state + 1);
    bool is_there = truth_holds(node, index) && truth_is_alive(subject);
    node->present = node->present + is_there - was_there;
    if (was_there != is_there) {
        look_if_whole(world, node);
    }
    trace(world, muster_peer_event_name(event), node->subject, index);
}
