/* SPDX-License-Identifier: MIT */
/* What muster top knows: peers, readings with their last values, and what happened lately. No terminal, no
 * loop and no clock: times are handed in, in milliseconds from any origin. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <muster/muster.h>

#include "changes.h"

/* More are not taken in; `left_out` counts them. */
#define BOARD_PEERS_MAX 16384
#define BOARD_READINGS_MAX 16384

#define BOARD_EVENTS_MAX 128
#define BOARD_POINTS_MAX 32 /* of a sparkline, one a second at most */

/* Packs of one topic that are looked at in a slot of this length. Of who sends more, these are a sample. */
#define BOARD_SLOT_MS 250
#define BOARD_PACKS_MAX 8

struct board_peer {
    uint8_t id[MUSTER_ID_BYTES];
    char name[MUSTER_NAME_BYTES_MAX + 1];
    enum muster_state state;
    bool verified;
    bool provisional;
    bool partial;
    bool self;
    struct muster_endpoint address;
    char interface_name[MUSTER_INTERFACE_NAME_BYTES];
    unsigned paths;
    double loss;       /* negative: not known */
    uint64_t heard_ms; /* when it was heard last; may have wrapped below 0 */
    char services[96]; /* safe to print, cut */
    uint64_t table;    /* the last table that had it */
};

enum board_value { BOARD_NONE, BOARD_NUMBER, BOARD_TEXT, BOARD_BOOLEAN };

struct board_reading {
    uint8_t id[MUSTER_ID_BYTES]; /* of the publisher */
    char topic[MUSTER_TOPIC_BYTES_MAX + 1];
    char record[MUSTER_NAME_BYTES_MAX + 1]; /* "": the topic's own */
    char unit[MUSTER_NAME_BYTES_MAX + 1];
    char publisher[MUSTER_NAME_BYTES_MAX + 1];
    double rate;   /* records of the topic a second, as announced; 0: not known */
    bool is_topic; /* nothing is known of the topic's records yet */
    enum board_value value;
    double number;                   /* NUMBER, BOOLEAN */
    char text[64];                   /* TEXT, cut at a character */
    uint64_t at_ms;                  /* when the last value came */
    double points[BOARD_POINTS_MAX]; /* the oldest first */
    size_t point_count;
    uint64_t point_ms; /* when the last point began */
    uint64_t table;    /* the last table whose publisher announced it */
    uint64_t slot;  /* of the topic, kept in its first reading: the slot that packs were looked at in last, */
    unsigned packs; /* and how many */
};

struct board_event {
    char time[16]; /* "12:00:01" */
    enum muster_peer_event event;
    enum muster_state state;
    uint8_t id[MUSTER_ID_BYTES];
    char name[MUSTER_NAME_BYTES_MAX + 1];
    struct muster_endpoint address;
    char changes[256]; /* "+http:8080 room=attic"; "": none */
};

/* Orders of the two lists, by the headings of their columns. */
enum board_peer_order { BOARD_BY_NAME, BOARD_BY_STATE, BOARD_BY_ADDRESS, BOARD_BY_AGE, BOARD_BY_LOSS };
enum board_reading_order { BOARD_BY_TOPIC, BOARD_BY_VALUE, BOARD_BY_RATE, BOARD_BY_PUBLISHER };
#define BOARD_PEER_ORDERS 5
#define BOARD_READING_ORDERS 4

enum board_pane { BOARD_PEERS, BOARD_READINGS };
#define BOARD_PANES 2

/* What a row is known by. */
struct board_identity {
    bool is_set;
    uint8_t id[MUSTER_ID_BYTES];
    char topic[MUSTER_TOPIC_BYTES_MAX + 1]; /* of a reading, and its record */
    char record[MUSTER_NAME_BYTES_MAX + 1];
};

/* One list as it is shown. */
struct board_list {
    void **rows; /* those that the filter lets through, in order */
    size_t count;
    size_t selected;                /* a row, when there are any */
    struct board_identity identity; /* of the selected row */
    bool has_moved;                 /* the selection was moved by a key */
    size_t first;                   /* row that is shown first */
    unsigned order;
    bool descending;
};

struct board {
    struct board_peer **peers; /* by id */
    size_t peer_count;
    struct board_reading **readings; /* by publisher, topic and record */
    size_t reading_count;
    struct board_event events[BOARD_EVENTS_MAX]; /* a ring */
    size_t event_count;                          /* all that ever came */
    size_t left_out;                             /* peers and readings, of the last table */
    uint64_t table;                              /* number of the table that is being taken in */
    size_t states[MUSTER_LEFT + 1];              /* peers in each state, the node's own row apart */
    bool has_self;                               /* the table has the row of the muster that is asked */
    char node[MUSTER_NAME_BYTES_MAX + 1];        /* name of the muster that is asked; "": the network is */
    char filter[MUSTER_NAME_BYTES_MAX + 1];      /* part of a name, a topic, an address or a state; "": all */
    bool is_typing;                              /* the filter is being changed */
    enum board_pane pane;                        /* that has the keys */
    struct board_list lists[BOARD_PANES];
    struct muster_pack pack;
};

/* A zeroed board is empty. */
void board_deinit(struct board *board);

/* Takes in a table: board_begin_table(), each of its rows by board_take_peer(), then board_end_table(), which
 * drops what it did not have: board_sort() must follow. A row alone, of an event, is taken in likewise. -1
 * when memory is out, then the row was left out. */
void board_begin_table(struct board *board);
int board_take_peer(struct board *board, const struct muster_peer *peer, uint64_t now_ms);
void board_end_table(struct board *board);

/* Records an event, with what is different. */
void board_take_event(struct board *board, enum muster_peer_event event, const struct muster_peer *peer,
                      const struct changes *changes);

/* Takes in a sample. True when it was looked at. */
bool board_take_sample(struct board *board, const struct muster_sample *sample, uint64_t now_ms);

/* Fills the lists, in order; the selected rows stay selected. -1 when memory is out. */
int board_sort(struct board *board);

/* The selected row, NULL when there is none. */
struct board_peer *board_selected_peer(const struct board *board);
struct board_reading *board_selected_reading(const struct board *board);

/* What a key does. */
enum board_key {
    BOARD_KEY_OTHER,
    BOARD_KEY_UP,
    BOARD_KEY_DOWN,
    BOARD_KEY_PAGE_UP,
    BOARD_KEY_PAGE_DOWN,
    BOARD_KEY_HOME,
    BOARD_KEY_END,
    BOARD_KEY_TAB,
    BOARD_KEY_ENTER,
    BOARD_KEY_ESCAPE,
    BOARD_KEY_BACKSPACE,
};

enum board_action { BOARD_NOTHING, BOARD_REDRAW, BOARD_RESORT, BOARD_SHOW, BOARD_QUIT };

/* Takes a key, or where that is OTHER a character, NUL-terminated UTF-8. `page` is the number of rows of a
 * page. */
enum board_action board_press(struct board *board, enum board_key key, const char *character, size_t page);

/* Sorts a list by another column, from the next board_sort() on. */
void board_sort_by(struct board *board, enum board_pane pane, unsigned order);

/* "NAME", "STATE" and so on: by what a list is sorted. Static storage. */
const char *board_order_name(enum board_pane pane, unsigned order);
