/* SPDX-License-Identifier: MIT */
/* What names a static peer, and what does not. */
#include "static_names.h"

#include <string.h>

#include "nodes.h"

TEST(a_static_peer_is_a_host_and_perhaps_a_port) {
    static const char *const texts[] = {"nas",       "nas.example:1", "10.0.0.1",      "10.0.0.1:65535",
                                        "[fd00::1]", "[fd00::1]:1",   "[fe80::1%lo]:1"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        assert_null(muster_static_peer_fault(texts[i]));
    }
}

TEST(what_names_no_static_peer_is_refused) {
    static const char *const rows[][2] = {
        {"", "a host has"},
        {":1", "a host has"},
        {"a b", "a host has"},
        {"nas:", "a port is"},
        {"nas:0", "a port is"},
        {"nas:65536", "a port is"},
        {"nas:1x", "a port is"},
        {"nas:+1", "a port is"},
        {"[fd00::1]1", "a port is"},
        {"fd00::1", "in brackets"},
        {"[fd00::1", "not closed"},
        {"[fd00::x]", "no address"},
        {"[fe80::1]", "needs its interface"},
        {"[fe80::1%]", "no name of an interface"},
        {"[fe80::1%sixteen-letters-]", "no name of an interface"},
        {"[fd00::1%lo]", "has a scope"},
        {"0.0.0.0", "no host"},
        {"255.255.255.255", "no host"},
        {"[ff02::1]", "no host"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *fault = muster_static_peer_fault(rows[i][0]);
        if (fault == NULL || strstr(fault, rows[i][1]) == NULL) {
            fail_msg("%s: %s", rows[i][0], fault == NULL ? "taken" : fault);
        }
    }
}

/* Its interface may come later. */
TEST(an_address_of_an_interface_that_is_not_there_is_taken) {
    assert_null(muster_static_peer_fault("[fe80::1%none0]"));
}

TEST(a_node_refuses_what_names_no_static_peer) {
    static const char *const peers[] = {"nas:0"};
    struct muster_options options = node_options(NULL);
    muster_t *node;
    options.peers = peers;
    options.peer_count = 1;
    assert_int_equal(node_try_open(&options, &node), MUSTER_EINVAL);
    assert_string_equal(fixture.last_error, "peer nas:0: a port is 1 to 65535");
    options.peers = NULL;
    assert_int_equal(node_try_open(&options, &node), MUSTER_EINVAL);
}

/* A name is being resolved when the node ends. */
TEST(a_node_may_end_while_a_name_is_resolved) {
    static const char *const peers[] = {"localhost", "127.0.0.1:1"};
    struct muster_options options = node_options(NULL);
    options.peers = peers;
    options.peer_count = 2;
    muster_t *node = node_open_with(&options);
    uv_run(&fixture.loop, UV_RUN_NOWAIT);
    node_close(node);
    AWAIT(nodes_closed() == 1);
}

int main(void) {
    return test_run(nodes_begin, nodes_end);
}
