/* SPDX-License-Identifier: MIT */
#include "invariant.h"

#include <string.h>

#include "memory.h"
#include "node.h"
#include "scenario.h"
#include "world.h"

#define MEMORY_NODE_BYTES 500000
#define MEMORY_PUBLISHER_BYTES 4500000 /* the ring of its datagrams */
#define MEMORY_ROW_BYTES 3000
#define MEMORY_SUBJECT_BYTES 1000
#define MEMORY_SECOND_BYTES 100

#define GONE_US (10 * US_PER_S)  /* after this nothing of one who is gone is on its way */
#define RESUME_US (2 * US_PER_S) /* less than any promise */

static const char *const seen_names[] = {"nothing", "alive", "suspect", "lost", "left"};

static void name_of(const struct world *world, size_t subject, char name[NODE_NAME_BYTES]) {
    const struct host *host = world->truth.subjects[subject].host;
    if (host != NULL && host->node != NULL) {
        snprintf(name, NODE_NAME_BYTES, "%s", host->node->name);
    } else if (host != NULL) {
        snprintf(name, NODE_NAME_BYTES, "s%zu", (size_t)(host->speaker - world->speakers.all));
    } else {
        snprintf(name, NODE_NAME_BYTES, "#%zu", subject);
    }
}

/* ---- books ---- */

void invariant_books(struct world *world, const struct node *node) {
    const struct muster_counters *counters = muster_core_counters(node->core);
    uint64_t counted = counters->accepted + counters->copies;
    for (int drop = 0; drop < MUSTER_DROP_COUNT; drop++) {
        counted += counters->drops[drop];
    }
    if (counted != counters->received) {
        world_fail(world, "%s received %llu datagrams, but counted %llu", node->name,
                   (unsigned long long)counters->received, (unsigned long long)counted);
    }
}

/* ---- events ---- */

/* Bit 1 << seen for each state in which an event may come: PROTOCOL.md, section 7. */
static unsigned allowed_before(enum muster_peer_event event) {
    switch (event) {
    case MUSTER_PEER_JOINED: return 1 << SEEN_NONE | 1 << SEEN_LOST | 1 << SEEN_LEFT;
    case MUSTER_PEER_CHANGED: return 1 << SEEN_ALIVE | 1 << SEEN_SUSPECT;
    case MUSTER_PEER_RESTARTED: return 1 << SEEN_ALIVE | 1 << SEEN_SUSPECT | 1 << SEEN_LOST | 1 << SEEN_LEFT;
    case MUSTER_PEER_SUSPECT: return 1 << SEEN_ALIVE;
    case MUSTER_PEER_RETURNED: return 1 << SEEN_SUSPECT | 1 << SEEN_LOST | 1 << SEEN_LEFT;
    case MUSTER_PEER_LOST: return 1 << SEEN_ALIVE | 1 << SEEN_SUSPECT;
    case MUSTER_PEER_LEFT: return 1 << SEEN_ALIVE | 1 << SEEN_SUSPECT | 1 << SEEN_LOST;
    case MUSTER_PEER_CONFLICT: return ~0u;
    }
    return 0;
}

static bool is_settled(const struct world *world, const struct host *host, uint64_t for_us) {
    uint64_t since_us = host->quiet_since_us > host->started_us ? host->quiet_since_us : host->started_us;
    return host->quiet_since_us != NEVER && world->now_us > since_us + for_us;
}

bool invariant_is_settled(const struct world *world, const struct host *host) {
    return is_settled(world, host, GONE_US);
}

/* A publisher announces its rates when they change. */
static bool is_publisher(const struct subject *subject) {
    return subject->host != NULL && subject->host->node != NULL &&
           subject->host->node->role == TELEMETRY_PUBLISHER;
}

static void check_cause(struct world *world, const struct node *node, size_t index,
                        enum muster_peer_event event) {
    const struct subject *subject = &world->truth.subjects[index];
    char name[NODE_NAME_BYTES];
    bool has_cause = subject->is_forged || event == MUSTER_PEER_SUSPECT || event == MUSTER_PEER_LOST ||
                     (event == MUSTER_PEER_LEFT ? subject->has_left
                      : event == MUSTER_PEER_CHANGED || event == MUSTER_PEER_RESTARTED
                          ? subject->changes > 0 || subject->starts > 1 || is_publisher(subject)
                          : subject->starts > 0);
    if (!has_cause) {
        name_of(world, index, name);
        world_fail(world, "%s was told `%s` of %s without a cause", node->name, muster_peer_event_name(event),
                   name);
    }
}

static void check_order(struct world *world, const struct node *node, size_t index,
                        enum muster_peer_event event) {
    enum seen before = truth_seen(node, index);
    bool is_evicted = event == MUSTER_PEER_JOINED && muster_core_counters(node->core)->evicted > 0;
    char name[NODE_NAME_BYTES];
    if ((allowed_before(event) & 1u << before) == 0 && !is_evicted) {
        name_of(world, index, name);
        world_fail(world, "%s was told `%s` of %s, which was %s", node->name, muster_peer_event_name(event),
                   name, seen_names[before]);
    }
}

/* Of a verified peer: one that said bye is restarted, never returned; and one that was lost has to answer,
 * which nobody does who is gone. */
static void check_return(struct world *world, const struct node *node, size_t index) {
    const struct subject *subject = &world->truth.subjects[index];
    const struct host *own = world_host_beside(node, subject->host);
    enum seen before = truth_seen(node, index);
    char name[NODE_NAME_BYTES];
    bool is_gone = subject->holders == 0 && world->now_us > subject->ended_us + GONE_US && own != NULL &&
                   is_settled(world, own, GONE_US);
    if (before == SEEN_LEFT || (before == SEEN_LOST && is_gone)) {
        name_of(world, index, name);
        world_fail(world, "%s was told `returned` of %s, which was %s", node->name, name, seen_names[before]);
    }
}

/* Who was stopped for long grants every row a whole promise, in which who is there will be heard; and who was
 * stopped for a moment reads what came meanwhile before it judges. */
static void check_resume(struct world *world, const struct node *node, size_t index,
                         enum muster_peer_event event) {
    const struct subject *subject = &world->truth.subjects[index];
    const struct host *own = world_host_beside(node, subject->host);
    char name[NODE_NAME_BYTES];
    bool is_just_resumed =
        node->resumed_us > 0 && !world_loses(world) && world->now_us < node->resumed_us + RESUME_US;
    if (is_just_resumed && own != NULL && own->quiet_since_us != NEVER && truth_is_alive(subject) &&
        is_settled(world, subject->host, GONE_US)) {
        name_of(world, index, name);
        world_fail(world, "%s was told `%s` of %s just after it was stopped", node->name,
                   muster_peer_event_name(event), name);
    }
}

void invariant_event(struct world *world, const struct node *node, size_t subject,
                     enum muster_peer_event event, bool is_verified) {
    check_order(world, node, subject, event);
    check_cause(world, node, subject, event);
    if (event == MUSTER_PEER_RETURNED && is_verified) {
        check_return(world, node, subject);
    }
    if (event == MUSTER_PEER_SUSPECT || event == MUSTER_PEER_LOST) {
        check_resume(world, node, subject, event);
    }
}

/* ---- audit ---- */

static void check_row(struct world *world, const struct node *node, size_t index) {
    const struct subject *subject = &world->truth.subjects[index];
    const struct host *own = world_host_beside(node, subject->host);
    enum seen seen = truth_seen(node, index);
    uint64_t patience_us = subject->host == NULL ? 0 : world_patience_us(world, subject->host);
    char name[NODE_NAME_BYTES];
    if (own == NULL || subject->is_forged || !is_settled(world, own, patience_us)) {
        return;
    }
    bool is_there = truth_holds(node, index);
    bool is_gone = subject->holders == 0 && subject->ended_us + patience_us < world->now_us;
    bool is_missing = truth_is_alive(subject) && is_settled(world, subject->host, patience_us) &&
                      world_hears(world, node, subject) && world_answers(world, node, subject) && !is_there;
    if (is_gone && is_there) {
        name_of(world, index, name);
        world_fail(world, "%s has %s as %s, which is gone for %.1f s", node->name, name, seen_names[seen],
                   (double)(world->now_us - subject->ended_us) / 1e6);
    } else if (is_missing) {
        name_of(world, index, name);
        world_fail(world, "%s has %s as %s, which is there and can be heard", node->name, name,
                   seen_names[seen]);
    }
}

void invariant_audit(struct world *world) {
    for (size_t i = 0; i < world->node_count; i++) {
        const struct node *node = world->nodes[i];
        for (size_t subject = 0; subject < world->truth.count && node->state == NODE_UP; subject++) {
            if (subject != node->subject) {
                check_row(world, node, subject);
            }
        }
    }
}

/* ---- end ---- */

/* Rows that were evicted or refused are no breach; rows beyond the bounds of a core's options are. */
static void check_bounds(struct world *world, const struct node *node, const struct muster_peer_list *list) {
    struct muster_core_options options;
    size_t unverified = 0;
    muster_core_options_init(&options);
    for (size_t i = 0; i < list->count; i++) {
        unverified += !list->peers[i].verified && list->peers[i].state == MUSTER_ALIVE;
    }
    if (list->count > options.peers_max || unverified > options.unverified_max) {
        world_fail(world, "%s has %zu rows, %zu of them unverified", node->name, list->count, unverified);
    }
    world->rows += list->count;
}

static void check_table(struct world *world, struct node *node) {
    struct muster_peer_list list;
    if (muster_core_peers(node->core, &list) != 0) {
        return;
    }
    for (size_t i = 0; i < list.count; i++) {
        const struct muster_peer *peer = &list.peers[i];
        size_t subject = truth_find(&world->truth, peer->id);
        enum seen seen = subject == SUBJECT_NONE ? SEEN_NONE : truth_seen(node, subject);
        if (subject == SUBJECT_NONE) {
            world_fail(world, "%s has a row of an id that nobody has", node->name);
        } else if (seen != (enum seen)(peer->state + 1)) {
            world_fail(world, "%s has %s as %s, but was told of %s", node->name, peer->document.name,
                       muster_state_name(peer->state), seen_names[seen]);
        }
    }
    check_bounds(world, node, &list);
    muster_peer_list_free(&list);
}

/* Of two that run, the documents that both hold of a third are the same. */
static void check_document(struct world *world, const struct node *node, const struct node *of) {
    struct muster_peer_list list;
    char value[24];
    uint8_t id[MUSTER_ID_BYTES];
    muster_core_id(of->core, id);
    if (of->is_observer || muster_core_peer(node->core, id, &list) != 0) {
        return;
    }
    snprintf(value, sizeof value, "%u", of->changes_shown);
    const struct muster_document *document = &list.peers[0].document;
    bool is_same = document->attr_count == 1 && strcmp(document->attrs[0].value, value) == 0;
    if (!is_same && list.peers[0].state == MUSTER_ALIVE) {
        world_fail(world, "%s has the document of %s with state %s, which is %s", node->name, of->name,
                   document->attr_count == 0 ? "-" : document->attrs[0].value, value);
    }
    muster_peer_list_free(&list);
}

static void check_documents(struct world *world, const struct node *node) {
    for (size_t i = 0; i < world->node_count; i++) {
        const struct node *of = world->nodes[i];
        if (of != node && of->state == NODE_UP && world->truth.is_complete) {
            check_document(world, node, of);
        }
    }
}

static void check_most(struct world *world, const char *what, uint64_t value, uint64_t bound) {
    if (bound != BOUND_NONE && value > bound) {
        world_fail(world, "%s is %llu, more than %llu", what, (unsigned long long)value,
                   (unsigned long long)bound);
    }
}

/* Names one that a node lacks, or a node that does not run as it should. */
static void fail_lack(struct world *world) {
    static const char *const states[] = {"down", "starting", "up", "stopped", "asleep"};
    char name[NODE_NAME_BYTES];
    for (size_t i = 0; i < world->node_count; i++) {
        const struct node *node = world->nodes[i];
        for (size_t subject = 0; subject < world->truth.count && node->state == NODE_UP; subject++) {
            bool is_there = truth_is_alive(&world->truth.subjects[subject]);
            if (is_there && subject != node->subject && !truth_holds(node, subject)) {
                name_of(world, subject, name);
                world_fail(world, "at the end %s has %s as %s, which is there", node->name, name,
                           seen_names[truth_seen(node, subject)]);
                return;
            }
        }
        if (node->state != NODE_UP && node->state != NODE_DOWN) {
            world_fail(world, "at the end %s is %s", node->name, states[node->state]);
        }
    }
}

static void check_whole(struct world *world) {
    const struct bounds *bounds = &world->scenario->bounds;
    uint64_t since_us = world->heal_us;
    if (bounds->whole_ms == 0) {
        return;
    }
    if (!world->truth.is_complete) {
        fail_lack(world);
    } else if (world->truth.complete_us > since_us) {
        check_most(world, "time in ms until all have all", (world->truth.complete_us - since_us) / US_PER_MS,
                   bounds->whole_ms);
    }
}

/* By datagrams and by streams. */
static uint64_t bytes_between(const struct world *world, uint64_t from_s, uint64_t to_s) {
    struct second sum = figures_between(&world->figures, from_s, to_s);
    return sum.all.bytes + sum.stream_bytes;
}

static void check_mark(struct world *world) {
    const struct bounds *bounds = &world->scenario->bounds;
    uint64_t mark_s = world->mark_us / US_PER_S;
    uint64_t after = bytes_between(world, mark_s, mark_s + MARK_S);
    uint64_t before = bytes_between(world, mark_s < MARK_S ? 0 : mark_s - MARK_S, mark_s);
    if (bounds->mark_kb > 0) {
        check_most(world, "traffic in kB after the mark", (after > before ? after - before : 0) / 1000,
                   bounds->mark_kb);
    }
    for (size_t i = 0; i < world->node_count && bounds->joiner_ms > 0; i++) {
        const struct node *node = world->nodes[i];
        if (node->started_us == world->mark_us && node->state == NODE_UP) {
            uint64_t took_us = node->nearly_us == 0 ? world->now_us : node->nearly_us - node->started_us;
            check_most(world, "time in ms until the joiner has all", took_us / US_PER_MS, bounds->joiner_ms);
        }
    }
}

static void check_share(struct world *world, const char *what, double value, double bound) {
    if (bound > 0 && value > bound) {
        world_fail(world, "%s is %.2f, more than %.2f", what, value, bound);
    }
}

/* An id is of one process alone. */
static void check_ids(struct world *world) {
    char name[NODE_NAME_BYTES];
    for (size_t i = 0; i < world->truth.count; i++) {
        if (world->truth.subjects[i].holders > 1) {
            name_of(world, i, name);
            world_fail(world, "two that run have the id of %s", name);
        }
    }
}

/* What all cores took of the heap, and what the simulator itself did, which is less. */
static void check_memory(struct world *world) {
    size_t allowed = MEMORY_NODE_BYTES * world->node_count + MEMORY_ROW_BYTES * world->rows +
                     MEMORY_SUBJECT_BYTES * (world->truth.count + world->hosts.count) +
                     MEMORY_SECOND_BYTES * (size_t)(world->end_us / US_PER_S);
    for (size_t i = 0; i < world->node_count; i++) {
        allowed += world->nodes[i]->role == TELEMETRY_PUBLISHER ? MEMORY_PUBLISHER_BYTES : 0;
    }
    size_t bytes = memory_used();
    world->memory_bytes = bytes > world->memory_bytes ? bytes - world->memory_bytes : 0;
    if (world->memory_bytes > allowed) {
        world_fail(world, "nodes take %zu kB of memory, more than %zu kB", world->memory_bytes / 1000,
                   allowed / 1000);
    }
}

void invariant_end(struct world *world) {
    const struct bounds *bounds = &world->scenario->bounds;
    for (size_t i = 0; i < world->node_count; i++) {
        struct node *node = world->nodes[i];
        if (node->core != NULL) {
            invariant_books(world, node);
            telemetry_check(world, node);
            check_table(world, node);
            check_documents(world, node);
        }
    }
    check_memory(world);
    invariant_audit(world);
    check_whole(world);
    check_mark(world);
    check_ids(world);
    check_share(world, "kB that is sent for each peer and minute", figures_idle_kb(world), bounds->idle_kb);
    check_share(world, "share of their budget that alives take", figures_budget(world), bounds->budget);
    check_most(world, "number of false `suspect`", world->truth.false_suspects, bounds->false_suspects);
    check_most(world, "number of false `lost`", world->truth.false_lost, bounds->false_lost);
    if (bounds->left_ms > 0) {
        check_most(world, "time in ms until a bye is told (p99)",
                   samples_percentile(&world->truth.left, 0.99), bounds->left_ms);
        check_most(world, "number of `lost` where all said bye", world->truth.noticed.count, 0);
    }
    if (bounds->noticed_ms > 0) {
        check_most(world, "time in ms until a crash is noticed (p99)",
                   samples_percentile(&world->truth.noticed, 0.99), bounds->noticed_ms);
    }
}
