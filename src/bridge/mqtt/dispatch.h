/* SPDX-License-Identifier: MIT */
/* What is to reach the broker, and in which order: readings, one after the other, and states, of which the
 * newest counts. At most DISPATCH_FLYING_MAX messages are unacknowledged. A reading is kept until the broker
 * has acknowledged it: in memory for a moment, then in the spool. When the link was away, the broker may come
 * back with what it had long ago: all states are published again then, last values among them. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reading_ref.h"
#include "reason.h"
#include "spool.h"

#define DISPATCH_FLYING_MAX 20
#define DISPATCH_TOPICS_MAX 20000 /* that something was published under */

/* A message as the link takes it. All of it is borrowed for the call. */
struct dispatch_message {
    const char *topic;
    const char *payload;
    size_t length;
    const char *unit; /* of a reading, "" for none, */
    double time_s;    /* and its time; 0: none */
    const struct reading_ref *ref;
};

/* Publishes it, retained, and gives the number by which the broker acknowledges it. */
enum dispatch_result { DISPATCH_DONE, DISPATCH_LATER, DISPATCH_NEVER };
typedef enum dispatch_result (*dispatch_publish_cb)(const struct dispatch_message *message, int *number,
                                                    void *context);

struct dispatch_counts {
    uint64_t sent;    /* readings that the broker has acknowledged */
    uint64_t queued;  /* that wait now */
    uint64_t lost;    /* that had no room */
    uint64_t refused; /* by the broker, or for want of memory here */
};

struct dispatch_topic; /* one that something was published under */
struct dispatch_row;

struct dispatch_flying {
    bool is_used;
    int number;
    struct dispatch_row *row;     /* NULL: a state, */
    struct dispatch_topic *topic; /* of this topic; NULL: it is forgotten, or the row's */
};

struct dispatch {
    struct spool *spool;
    uint64_t rows_max;
    dispatch_publish_cb publish;
    void (*on_loss)(uint64_t count, const char *why, void *context); /* readings; why is for people */
    /* True for a reading that others have overtaken: it is not published. NULL: none is. */
    bool (*is_overtaken)(const struct reading_ref *ref, void *context);
    void (*on_full)(void *context); /* NULL, or there is no room for more topics: it is said once */
    void *context;
    struct dispatch_counts counts;
    bool holds_readings; /* states alone are published for now */

    /* Not for the caller. */
    bool is_up;
    bool was_full;
    struct dispatch_flying flying[DISPATCH_FLYING_MAX];
    struct dispatch_topic *topics;  /* by their names */
    struct dispatch_topic *changed; /* that are to be published */
    struct dispatch_row *window;    /* the next to be published, in order */
    struct dispatch_row *unsent;    /* the first of them that was not published yet; NULL: none */
    struct dispatch_row *fresh;     /* behind those of the spool that are behind the window */
    uint64_t window_count;
    uint64_t fresh_count;
    uint64_t beyond;  /* in the spool, behind the window */
    uint64_t last_id; /* that was given */
    uint64_t *done;   /* rows of the spool that are to be removed */
    size_t done_count;
    bool has_old_values;   /* last values are to be published again, when nothing is in the spool */
    struct reason failure; /* why the spool could not be written, */
    uint64_t failed_ms;    /* the spool could not be written then */
};

/* Takes what the spool has kept. The other members that are for the caller are set before, all others zeroed.
 * 0, or -1 with a reason. */
int dispatch_open(struct dispatch *dispatch, struct reason *reason);

/* A zeroed one is allowed. What was not acknowledged is in the spool then, if that can be written. */
void dispatch_close(struct dispatch *dispatch);

/* Adds a reading, which is the last value of its topic from now on. */
void dispatch_add(struct dispatch *dispatch, const struct dispatch_message *message, uint64_t now_ms);

/* Sets a state; an empty payload clears it. One that is as it was is not published again. */
void dispatch_set(struct dispatch *dispatch, const char *topic, const char *payload);

/* The last value of a topic, where no newer one is known: it is published, if at all, as a state. */
void dispatch_set_value(struct dispatch *dispatch, const struct dispatch_message *message);

/* The link is up, or down: nothing is under way then. */
void dispatch_up(struct dispatch *dispatch);
void dispatch_down(struct dispatch *dispatch);

/* Forgets all states and last values, and loses all readings that wait, since another bridge carries. */
void dispatch_abandon(struct dispatch *dispatch, const char *why, uint64_t now_ms);

/* The broker has acknowledged a message, and taken it or not. */
void dispatch_sent(struct dispatch *dispatch, int number, bool is_taken);

/* Publishes what may be published. To be called when anything was added or acknowledged. */
void dispatch_pump(struct dispatch *dispatch);

/* Puts all readings that wait into the spool, with marks in the same transaction: each is handed to
 * spool_mark(). False: it could not be written. */
bool dispatch_save(struct dispatch *dispatch, const struct spool_mark *marks, size_t count, uint64_t now_ms);

/* How long the oldest reading waits; 0: none does. */
uint64_t dispatch_stalled_ms(const struct dispatch *dispatch, uint64_t now_ms);
