/* SPDX-License-Identifier: MIT */
/* What scripts let happen, and when. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "node.h"

/* Something that a script lets happen to a node (or to the world: NULL) with a value. */
typedef void fault(struct world *world, struct node *node, uint64_t value);

/* Lets it happen at this time. */
void fault_at(struct world *world, double at_s, fault *what, struct node *node, uint64_t value);

fault fault_start;        /* of a node that is down, or again */
fault fault_start_afresh; /* without its state: another id */
fault fault_kill;
fault fault_leave;
fault fault_stop;  /* for value ms: does not run */
fault fault_sleep; /* for value ms: its machine sleeps */
fault fault_change;
fault fault_query;
fault fault_unplug; /* for value ms: it has no interface */
fault fault_deafen; /* for value ms: nothing comes in */
fault fault_mute;   /* for value ms: nothing goes out */
/* The world; the value is the number of a speaker. */
fault fault_speaker_start;
fault fault_speaker_kill;
fault fault_speaker_leave;
fault fault_speaker_change;

fault fault_split; /* the world: into value islands */
fault fault_heal;  /* the world: one island again */
fault fault_scan;  /* the world: somebody asks for addresses that are not there */

/* The same again and again: each time after so long, until the run ends or this time. */
void fault_each(struct world *world, double from_s, double each_s, double to_s, fault *what,
                struct node *node, uint64_t value);

/* What the scenario is about happens at this time: what is sent then is counted apart. */
void fault_mark(struct world *world, double at_s);
