/* SPDX-License-Identifier: MIT */
/* What is true in the world, beside what each node was told: who is there, since when, and who was told what
 * of whom. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <muster/core.h>

struct host;
struct node;
struct world;

#define SUBJECT_NONE SIZE_MAX
#define NEVER UINT64_MAX

/* Somebody that a row can be about: an id. */
struct subject {
    uint8_t id[MUSTER_ID_BYTES];
    const struct host *host; /* of its last start */
    unsigned holders;        /* that run; two for a clone */
    bool is_paused;          /* runs, but can't answer */
    bool is_forged; /* an attacker is behind it: rows of it have a cause, and nobody need have them */
    bool has_left;  /* by a bye, in some start */
    unsigned starts;
    unsigned changes;
    uint64_t ended_us;
};

/* What a node was told last of a subject. */
enum seen { SEEN_NONE, SEEN_ALIVE, SEEN_SUSPECT, SEEN_LOST, SEEN_LEFT };

struct samples {
    uint32_t *values_ms;
    size_t count;
    size_t size;
};

/* The value below which this share of the samples is; 0 without any. It sorts them. */
uint32_t samples_percentile(struct samples *samples, double share);

struct truth {
    struct subject *subjects;
    size_t count;
    size_t size;
    size_t *slots; /* index + 1, by id; open addressing */
    size_t slot_count;
    size_t alive;

    bool is_complete;           /* each node that runs has everybody */
    uint64_t complete_us;       /* since then */
    uint64_t first_complete_us; /* NEVER: not yet */

    uint64_t told[8]; /* events, by muster_peer_event */
    uint64_t false_suspects;
    uint64_t false_lost;
    struct samples joined;  /* from the later start of the two to `joined` */
    struct samples noticed; /* from a crash to `lost` */
    struct samples left;    /* from a bye to `left` */
};

void truth_deinit(struct truth *truth);

/* The subject of this id; SUBJECT_NONE when there is none. */
size_t truth_find(const struct truth *truth, const uint8_t id[MUSTER_ID_BYTES]);

/* The same; one is added when there is none. */
size_t truth_add(struct truth *truth, const uint8_t id[MUSTER_ID_BYTES]);

/* A node is up under its id; a subject without a core is. */
void truth_starts(struct world *world, struct node *node);
void truth_speaks(struct world *world, size_t subject, const struct host *host);

void truth_ends(struct world *world, size_t subject, bool by_bye);
void truth_changes(struct world *world, size_t subject);
void truth_pauses(struct world *world, struct node *node, bool is_paused);

/* A node forgot all rows: it ended. */
void truth_forget_table(struct world *world, struct node *node);

/* A node is told an event of a row. */
void truth_told(struct world *world, struct node *node, enum muster_peer_event event,
                const struct muster_peer *peer);

/* True when the subject is there and can answer. */
bool truth_is_alive(const struct subject *subject);

enum seen truth_seen(const struct node *node, size_t subject);

/* True when it is alive or suspect in the node's table. */
bool truth_holds(const struct node *node, size_t subject);
