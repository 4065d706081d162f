/* SPDX-License-Identifier: MIT */
#include "nodes.h"

#include <string.h>

#define NODES_MAX 8

static muster_t *nodes[NODES_MAX]; /* that are open */
static unsigned opened;
static unsigned closed;

void nodes_begin(void) {
    fixture_begin();
    memset(nodes, 0, sizeof nodes);
    opened = closed = 0;
}

/* Lines come from the loop, or from inside of muster_open(). */
static void on_log(enum muster_log_level level, const char *line, void *context) {
    assert_false(fixture.is_inside);
    fixture_keep_line(level, line, context);
}

struct muster_options node_options(const struct muster_document *document) {
    static const char *const loopback[] = {"lo"};
    struct muster_options options;
    muster_options_init(&options);
    options.document = document;
    options.state_dir = fixture.directory;
    options.interfaces = loopback;
    options.interface_count = 1;
    options.port = port_own();
    options.interval_min_ms = 100;
    options.on_log = on_log;
    return options;
}

int node_try_open(const struct muster_options *options, muster_t **node) {
    int error = muster_open(&fixture.loop, options, node);
    size_t place = 0;
    while (error == 0 && nodes[place] != NULL) {
        assert_true(++place < NODES_MAX);
    }
    if (error == 0) {
        nodes[place] = *node;
        opened++;
    }
    return error;
}

muster_t *node_open_with(const struct muster_options *options) {
    muster_t *node;
    int error = node_try_open(options, &node);
    if (error != 0) {
        fail_msg("%s: %s", muster_error_name(error), fixture.last_error);
    }
    return node;
}

muster_t *node_open(const char *name) {
    const struct muster_document document = {.name = name};
    struct muster_options options = node_options(&document);
    return node_open_with(&options);
}

muster_t *node_open_observer(void) {
    struct muster_options options = node_options(NULL);
    return node_open_with(&options);
}

static void on_closed(void *context) {
    (void)context;
    assert_false(fixture.is_inside);
    closed++;
}

void node_close(muster_t *node) {
    INSIDE(muster_close(node, on_closed, NULL));
    for (size_t i = 0; i < NODES_MAX; i++) {
        nodes[i] = nodes[i] == node ? NULL : nodes[i];
    }
}

unsigned nodes_closed(void) {
    return closed;
}

void nodes_end(void) {
    for (size_t i = 0; i < NODES_MAX; i++) {
        if (nodes[i] != NULL) {
            node_close(nodes[i]);
        }
    }
    AWAIT(closed == opened);
    fixture_end();
}

bool knows(const muster_t *node, const char *name) {
    struct muster_peer_list list;
    bool is_known = false;
    assert_int_equal(muster_peers(node, &list), 0);
    for (size_t i = 0; i < list.count; i++) {
        is_known = is_known || strcmp(list.peers[i].document.name, name) == 0;
    }
    muster_peer_list_free(&list);
    return is_known;
}

size_t row_count(const muster_t *node) {
    struct muster_peer_list list;
    assert_int_equal(muster_peers(node, &list), 0);
    size_t count = list.count;
    muster_peer_list_free(&list);
    return count;
}
