/* SPDX-License-Identifier: MIT */
/* Whole nodes on one loop, on the loopback: they find each other, and keep the library's promises. */
#include <muster/muster.h>

#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <uv.h>

#include "nodes.h"
#include "runner.h"

#define NODES_MAX 3

/* ---- a network that fails on demand ---- */

static struct {
    unsigned full;            /* so many sends more find the socket full */
    const uint8_t *forbidden; /* what goes to this address is refused */
    unsigned refused;
    unsigned watches_left; /* so many sockets more can be watched; UINT32_MAX: all */
} network;

/* Stands in for the C library's. */
ssize_t sendmsg(int fd, const struct msghdr *message, int flags) {
    const struct sockaddr_in *destination = message->msg_name;
    if (network.full > 0) {
        network.full--;
        errno = EAGAIN;
        return -1;
    }
    if (network.forbidden != NULL && memcmp(&destination->sin_addr, network.forbidden, 4) == 0) {
        network.refused++;
        errno = EPERM;
        return -1;
    }
    return syscall(SYS_sendmsg, fd, message, flags);
}

int uv_poll_init(uv_loop_t *loop, uv_poll_t *poll, int fd) {
    int (*real)(uv_loop_t *, uv_poll_t *, int);
    *(void **)&real = dlsym(RTLD_NEXT, "uv_poll_init");
    if (network.watches_left != UINT32_MAX && network.watches_left-- == 0) {
        return UV_ENOMEM;
    }
    return real(loop, poll, fd);
}

/* ---- nodes and their stories ---- */

static struct node {
    muster_t *handle;
    char story[4096]; /* "joined a, left a", the events in their order */
    unsigned settled;
    unsigned closed;
    bool close_on_event;
} nodes[NODES_MAX];

static void on_closed(void *context) {
    struct node *node = context;
    assert_false(fixture.is_inside);
    assert_non_null(node->handle);
    node->closed++;
}

static void close_node(struct node *node) {
    INSIDE(muster_close(node->handle, on_closed, node));
}

static void on_event(muster_t *handle, enum muster_peer_event event, const struct muster_peer *peer,
                     void *context) {
    struct node *node = context;
    assert_false(fixture.is_inside);
    assert_ptr_equal(handle, node->handle);
    story_add(node->story, sizeof node->story, "%s %s", muster_peer_event_name(event), peer->document.name);
    if (node->close_on_event) {
        close_node(node);
    }
}

static void on_settled(muster_t *handle, void *context) {
    struct node *node = context;
    assert_false(fixture.is_inside);
    assert_ptr_equal(handle, node->handle);
    node->settled++;
}

static struct muster_options options_of(struct node *node) {
    struct muster_options options = node_options(NULL);
    options.on_event = on_event;
    options.context = node;
    return options;
}

static int try_open(struct node *node, const struct muster_options *options) {
    muster_t *handle;
    int error = muster_open(&fixture.loop, options, &handle);
    node->handle = handle; /* no event comes before */
    return error;
}

static void open_with(struct node *node, const struct muster_options *options) {
    int error = try_open(node, options);
    if (error != 0) {
        print_error("%s: %s\n", muster_error_name(error), fixture.last_error);
    }
    assert_int_equal(error, 0);
}

static struct node *open_named(size_t index, const char *name) {
    struct node *node = &nodes[index];
    struct muster_document document = {.name = name};
    struct muster_options options = options_of(node);
    options.document = &document;
    open_with(node, &options);
    return node;
}

static struct node *open_observer(size_t index) {
    struct node *node = &nodes[index];
    struct muster_options options = options_of(node);
    open_with(node, &options);
    return node;
}

static bool tells(const struct node *node, const char *part) {
    return strstr(node->story, part) != NULL;
}

/* The row of that name; its pointers are not to be followed. */
static struct muster_peer row_of(const struct node *node, const char *name) {
    struct muster_peer_list list;
    struct muster_peer row = {.document = {.attr_count = SIZE_MAX}};
    assert_int_equal(muster_peers(node->handle, &list), 0);
    for (size_t i = 0; i < list.count; i++) {
        if (strcmp(list.peers[i].document.name, name) == 0) {
            row = list.peers[i];
        }
    }
    muster_peer_list_free(&list);
    return row;
}

static void begin(void) {
    nodes_begin();
    memset(&network, 0, sizeof network);
    memset(nodes, 0, sizeof nodes);
    network.watches_left = UINT32_MAX;
}

static bool is_open(const struct node *node) {
    return node->handle != NULL && node->closed == 0;
}

static void end_all(void) {
    for (size_t i = 0; i < NODES_MAX; i++) {
        if (is_open(&nodes[i])) {
            nodes[i].close_on_event = false;
            close_node(&nodes[i]);
        }
    }
    AWAIT(!is_open(&nodes[0]) && !is_open(&nodes[1]) && !is_open(&nodes[2]));
    nodes_end();
}

/* ---- presence ---- */

TEST(nodes_find_each_other) {
    struct node *a = open_named(0, "a");
    struct node *b = open_named(1, "b");
    AWAIT(tells(a, "joined b") && tells(b, "joined a"));

    struct muster_text attrs[] = {{.name = "room", .value = "kitchen"}};
    struct muster_document document = {.name = "b", .attrs = attrs, .attr_count = 1};
    int error;
    INSIDE(error = muster_update(b->handle, &document));
    assert_int_equal(error, 0);
    AWAIT(tells(a, "changed b"));

    static const char *const room[] = {"room"};
    struct muster_change change = {.removed_attrs = room, .removed_attr_count = 1};
    INSIDE(error = muster_change(b->handle, &change));
    assert_int_equal(error, 0);
    assert_int_equal(muster_change(b->handle, &change), MUSTER_ENOTFOUND);
    AWAIT(tells(a, "changed b, changed b"));

    close_node(b);
    assert_int_equal(muster_change(b->handle, &change), MUSTER_ECLOSING);
    AWAIT(b->closed == 1 && tells(a, "left b"));
    assert_string_equal(a->story, "joined b, changed b, changed b, left b");
    assert_string_equal(b->story, "joined a");
}

TEST(a_row_shows_what_was_said_and_seen) {
    struct muster_text txt[] = {{.name = "path", .value = "/"}, {.name = "v", .value = ""}};
    struct muster_service services[] = {
        {.name = "", .type = "ipp", .proto = "tcp", .port = 631},
        {.name = "web", .type = "http", .proto = "tcp", .port = 80, .txt = txt, .txt_count = 2}};
    struct muster_document document = {.name = "b", .services = services, .service_count = 2};
    struct node *a = open_named(0, "a");
    struct node *b = &nodes[1];
    struct muster_options options = options_of(b);
    options.document = &document;
    open_with(b, &options);
    AWAIT(tells(a, "joined b"));

    struct muster_peer_list list;
    uint8_t id[MUSTER_ID_BYTES];
    assert_int_equal(muster_peers(a->handle, &list), 0);
    assert_int_equal(list.count, 1);
    const struct muster_peer *peer = &list.peers[0];
    muster_id(b->handle, id);
    assert_memory_equal(peer->id, id, sizeof id);
    assert_true(peer->verified);
    assert_int_equal(peer->boot, muster_boot(b->handle));
    assert_int_equal(peer->state, MUSTER_ALIVE);
    assert_string_equal(peer->interface_name, "lo");
    assert_int_equal(peer->address.family, 4);
    assert_int_equal(peer->address.ip[0], 127);
    assert_int_equal(peer->address.port, muster_unicast_port(b->handle));
    assert_true(peer->age_ms < 10000);
    assert_int_equal(peer->document.service_count, 2);
    assert_true(muster_counters(a->handle)->accepted > 0);
    muster_peer_list_free(&list);

    size_t count;
    const struct muster_path *paths = muster_paths(a->handle, &count);
    assert_int_equal(count, 2);
    assert_int_equal(paths[0].kind, MUSTER_PATH_M4);
    assert_int_equal(paths[1].kind, MUSTER_PATH_B4);
    assert_string_equal(paths[1].name, "lo");
    assert_int_equal(paths[0].interface, if_nametoindex("lo"));
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(paths[i].address.ip[0], 127);
        assert_int_equal(paths[i].address.port, muster_unicast_port(a->handle));
    }
}

static void expect_socket(const struct muster_socket *socket, const char *protocol, uint16_t port,
                          const char *interface_name) {
    assert_string_equal(socket->protocol, protocol);
    assert_int_equal(socket->address.port, port);
    assert_string_equal(socket->interface_name, interface_name);
    assert_int_equal(socket->failed, 0);
    assert_int_equal(socket->kernel_drops, 0);
    assert_true((socket->buffer_bytes > 0) == (strcmp(protocol, "udp") == 0));
}

TEST(a_node_knows_its_sockets) {
    struct node *a = open_named(0, "a");
    struct node *observer = open_observer(1);
    struct muster_socket sockets[MUSTER_SOCKETS_MAX];
    uint16_t port = muster_unicast_port(a->handle);
    assert_int_equal(muster_sockets(a->handle, NULL, 0), 7);
    assert_int_equal(muster_sockets(a->handle, sockets, MUSTER_SOCKETS_MAX), 7);
    expect_socket(&sockets[0], "udp", port, "");
    expect_socket(&sockets[1], "udp", port, "");
    assert_int_equal(sockets[1].address.family, 6);
    expect_socket(&sockets[2], "udp", port_own(), "lo");
    assert_int_equal(sockets[2].address.ip[0], 224);
    expect_socket(&sockets[3], "udp", port_own(), "lo");
    assert_int_equal(sockets[3].address.ip[0], 255);
    expect_socket(&sockets[4], "tcp", port, "");
    expect_socket(&sockets[5], "tcp", port, "");
    assert_int_equal(sockets[5].address.family, 6);
    expect_socket(&sockets[6], "unix", 0, "");
    assert_int_equal(sockets[6].address.family, 0);
    assert_int_equal(muster_sockets(observer->handle, sockets, 2), 4);
}

TEST(a_restart_keeps_the_id_and_grows_the_boot) {
    struct node *a = open_named(0, "a");
    struct node *b = open_named(1, "b");
    uint8_t id_before[MUSTER_ID_BYTES];
    uint8_t id_after[MUSTER_ID_BYTES];
    uint64_t boot_before = muster_boot(b->handle);
    muster_id(b->handle, id_before);
    AWAIT(tells(a, "joined b"));
    close_node(b);
    AWAIT(b->closed == 1 && tells(a, "left b"));
    b = open_named(2, "b");
    muster_id(b->handle, id_after);
    assert_memory_equal(id_before, id_after, sizeof id_before);
    assert_true(muster_boot(b->handle) > boot_before);
    AWAIT(tells(a, "restarted b") || tells(a, "returned b"));
}

TEST(an_observer_leaves_no_trace) {
    struct node *a = open_named(0, "a");
    struct node *observer = open_observer(1);
    struct node *b = open_named(2, "b");
    int error;
    INSIDE(error = muster_query(observer->handle, NULL, NULL, on_settled, observer));
    assert_int_equal(error, 0);
    AWAIT(observer->settled == 1 && tells(observer, "joined a") && tells(a, "joined b"));
    struct muster_document document = {.name = "c"};
    INSIDE(error = muster_update(observer->handle, &document));
    assert_int_equal(error, MUSTER_EINVAL);
    close_node(observer);
    AWAIT(observer->closed == 1);
    assert_string_equal(a->story, "joined b");
    assert_string_equal(b->story, "joined a");
}

/* ---- identity ---- */

static bool has_slot(const char *slot) {
    char path[128];
    struct stat status;
    snprintf(path, sizeof path, "%s/%s", fixture.directory, slot);
    return stat(path, &status) == 0;
}

TEST(two_of_one_name_are_two) {
    uint8_t first[MUSTER_ID_BYTES];
    uint8_t second[MUSTER_ID_BYTES];
    struct node *a = open_named(0, "twin");
    assert_false(has_slot("twin+2"));
    struct node *b = open_named(1, "twin");
    assert_true(has_slot("twin+2"));
    muster_id(a->handle, first);
    muster_id(b->handle, second);
    assert_memory_not_equal(first, second, sizeof first);
    AWAIT(tells(a, "joined twin") && tells(b, "joined twin"));
}

TEST(a_held_instance_is_refused) {
    struct muster_document document = {.name = "a"};
    struct muster_options options = options_of(&nodes[0]);
    options.document = &document;
    options.instance = "mine";
    open_with(&nodes[0], &options);
    options.context = &nodes[1];
    assert_int_equal(try_open(&nodes[1], &options), MUSTER_EBUSY);
    assert_null(nodes[1].handle);
    assert_non_null(strstr(fixture.last_error, "mine"));
    close_node(&nodes[0]);
    AWAIT(nodes[0].closed == 1);
    open_with(&nodes[1], &options);
}

static void copy_file(const char *directory, const char *from, const char *to) {
    char path[128];
    char bytes[512];
    snprintf(path, sizeof path, "%s/%s", directory, from);
    int fd = open(path, O_RDONLY);
    ssize_t length = read(fd, bytes, sizeof bytes);
    assert_true(length > 0);
    close(fd);
    snprintf(path, sizeof path, "%s/%s", directory, to);
    fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
    assert_int_equal(write(fd, bytes, (size_t)length), length);
    close(fd);
}

static size_t count_set_aside(const char *slot) {
    char pattern[128];
    glob_t found;
    snprintf(pattern, sizeof pattern, "%s/%s/key.conflict-*", fixture.directory, slot);
    size_t count = glob(pattern, 0, NULL, &found) == 0 ? found.gl_pathc : 0;
    globfree(&found);
    return count;
}

/* A copied SD card: two nodes hold one key. */
TEST(a_copied_key_is_given_up_by_one) {
    char slot[128];
    uint8_t first[MUSTER_ID_BYTES];
    uint8_t second[MUSTER_ID_BYTES];
    struct node *a = open_named(0, "a");
    snprintf(slot, sizeof slot, "%s/b", fixture.directory);
    assert_int_equal(mkdir(slot, 0700), 0);
    copy_file(fixture.directory, "a/key", "b/key");
    copy_file(fixture.directory, "a/boot", "b/boot");
    struct node *b = open_named(1, "b");
    muster_id(a->handle, first);
    muster_id(b->handle, second);
    assert_memory_equal(first, second, sizeof first);
    AWAIT(tells(a, "joined") && tells(b, "joined"));
    assert_true(tells(a, "conflict") || tells(b, "conflict"));
    muster_id(a->handle, first);
    muster_id(b->handle, second);
    assert_memory_not_equal(first, second, sizeof first);
    assert_int_equal(count_set_aside("a"), 0); /* the earlier one keeps it */
    assert_int_equal(count_set_aside("b"), 1);
}

/* ---- promises of the library ---- */

TEST(a_callback_may_close_the_node) {
    struct node *a = open_named(0, "a");
    a->close_on_event = true;
    open_named(1, "b");
    open_named(2, "c");
    AWAIT(a->closed == 1);
    assert_true(strcmp(a->story, "joined b") == 0 || strcmp(a->story, "joined c") == 0);
}

TEST(a_node_closes_before_the_loop_ran) {
    struct node *a = open_named(0, "a");
    int error;
    INSIDE(error = muster_query(a->handle, NULL, NULL, on_settled, a));
    assert_int_equal(error, 0);
    close_node(a);
    muster_close(a->handle, on_closed, NULL); /* ignored */
    struct muster_document document = {.name = "a"};
    assert_int_equal(muster_update(a->handle, &document), MUSTER_ECLOSING);
    assert_int_equal(muster_query(a->handle, NULL, NULL, on_settled, a), MUSTER_ECLOSING);
    assert_int_equal(a->closed, 0);
    uv_run(&fixture.loop, UV_RUN_DEFAULT); /* ends: nothing of the node is left on it */
    assert_int_equal(a->closed, 1);
    assert_int_equal(a->settled, 0);
    assert_string_equal(a->story, "");
}

static void on_closed_open_again(void *context) {
    struct node *node = context;
    struct muster_document document = {.name = "a"};
    struct muster_options options = options_of(node);
    options.document = &document;
    options.instance = "a"; /* its slot is free by now */
    node->handle = NULL;
    assert_int_equal(try_open(node, &options), 0);
}

TEST(on_closed_may_open_the_next) {
    struct node *a = open_named(0, "a");
    INSIDE(muster_close(a->handle, on_closed_open_again, a));
    open_named(1, "b");
    AWAIT(tells(&nodes[1], "joined a") && tells(a, "joined b"));
}

TEST(questions_settle_together_and_once) {
    struct node *a = open_named(0, "a");
    open_named(1, "b");
    int errors[3];
    INSIDE(errors[0] = muster_query(a->handle, NULL, NULL, on_settled, a));
    INSIDE(errors[1] = muster_query(a->handle, "http", NULL, on_settled, a));
    INSIDE(errors[2] = muster_query(a->handle, NULL, "b", NULL, NULL));
    assert_int_equal(errors[0] | errors[1] | errors[2], 0);
    INSIDE(errors[0] = muster_query(a->handle, "longer-than-any-type", NULL, on_settled, a));
    assert_int_equal(errors[0], MUSTER_EINVAL);
    AWAIT(a->settled == 2 && tells(a, "joined b"));
    INSIDE(errors[0] = muster_query(a->handle, NULL, NULL, on_settled, a));
    assert_int_equal(errors[0], 0);
    AWAIT(a->settled == 3);
}

#define ATTRS_MAX 300

/* A document of about 250 bytes an attribute. */
static struct muster_document large_make(struct muster_text attrs[ATTRS_MAX], size_t count) {
    static char names[ATTRS_MAX][24];
    static char value[251];
    memset(value, 'x', sizeof value - 1);
    for (size_t i = 0; i < count; i++) {
        snprintf(names[i], sizeof names[i], "n%zu", i);
        attrs[i] = (struct muster_text){.name = names[i], .value = value};
    }
    return (struct muster_document){.name = "a", .attrs = attrs, .attr_count = count};
}

TEST(a_refused_update_changes_nothing) {
    struct node *a = open_named(0, "a");
    struct muster_text attrs[ATTRS_MAX];
    struct muster_document document = large_make(attrs, ATTRS_MAX);
    assert_int_equal(muster_update(a->handle, &document), MUSTER_ETOOBIG);
    assert_int_equal(muster_update(a->handle, NULL), MUSTER_EINVAL);
    struct node *b = open_named(1, "b");
    AWAIT(tells(b, "joined a"));
    assert_int_equal(row_of(b, "a").document.attr_count, 0);
}

TEST(a_large_document_comes_by_stream) {
    struct node *a = open_named(0, "a");
    struct node *b = open_named(1, "b");
    AWAIT(tells(b, "joined a"));
    struct muster_text attrs[ATTRS_MAX];
    struct muster_document document = large_make(attrs, 200);
    int error;
    INSIDE(error = muster_update(a->handle, &document));
    assert_int_equal(error, 0);
    AWAIT(row_of(b, "a").document.attr_count == 200);
    assert_false(row_of(b, "a").partial);
    assert_int_equal(muster_counters(b->handle)->documents, 1);
    assert_int_equal(muster_counters(a->handle)->streams_accepted, 1);
    AWAIT(tells(b, "changed a"));

    struct node *c = &nodes[2];
    struct muster_options options = options_of(c);
    options.document = &document;
    document.name = "c";
    document.attr_count = 100;
    open_with(c, &options);
    AWAIT(row_of(a, "c").document.attr_count == 100);
}

TEST(a_failed_open_leaves_nothing) {
    struct node *node = &nodes[0];
    static const char *const unnamed[] = {NULL};
    struct muster_document document = {.name = "a"};
    struct muster_options options = options_of(node);
    muster_t *handle = (muster_t *)node;
    assert_int_equal(muster_open(NULL, &options, &handle), MUSTER_EINVAL);
    assert_null(handle);
    assert_int_equal(muster_open(&fixture.loop, NULL, &handle), MUSTER_EINVAL);
    assert_int_equal(muster_open(&fixture.loop, &options, NULL), MUSTER_EINVAL);
    options.size = 0;
    assert_int_equal(try_open(node, &options), MUSTER_EINVAL);
    options.size = sizeof options + 1;
    assert_int_equal(try_open(node, &options), MUSTER_EINVAL);
    options = options_of(node);
    options.port = 0;
    assert_int_equal(try_open(node, &options), MUSTER_EINVAL);
    options = options_of(node);
    options.interfaces = unnamed;
    assert_int_equal(try_open(node, &options), MUSTER_EINVAL);
    options.interfaces = NULL;
    assert_int_equal(try_open(node, &options), MUSTER_EINVAL);
    options = options_of(node);
    options.document = &(struct muster_document){.name = NULL};
    assert_int_equal(try_open(node, &options), MUSTER_EINVAL);
    options.document = &document;
    options.instance = "";
    assert_int_equal(try_open(node, &options), MUSTER_EINVAL);
    options.instance = NULL;
    options.state_dir = "/dev/null/state";
    assert_int_equal(try_open(node, &options), MUSTER_ESTATE);
    assert_non_null(strstr(fixture.last_error, "/dev/null/state"));
    assert_null(node->handle);
    assert_false(uv_loop_alive(&fixture.loop));
}

/* What it does not know has its default value. */
TEST(an_older_program_opens_a_node) {
    struct node *node = &nodes[0];
    struct muster_options options = options_of(node);
    options.rate_bytes_s = 0;
    assert_int_equal(try_open(node, &options), MUSTER_EINVAL);
    options.size = offsetof(struct muster_options, rate_bytes_s);
    assert_int_equal(muster_open(&fixture.loop, &options, &node->handle), 0);
}

TEST(an_interval_out_of_range_is_told) {
    static const uint64_t intervals[] = {0, MUSTER_INTERVAL_MS_MIN - 1, MUSTER_INTERVAL_MS_MAX + 1,
                                         UINT64_MAX};
    struct node *node = &nodes[0];
    struct muster_document document = {.name = "a"};
    struct muster_options options = options_of(node);
    for (size_t i = 0; i < 2 * sizeof intervals / sizeof intervals[0]; i++) {
        options.document = i % 2 == 0 ? NULL : &document;
        options.interval_min_ms = intervals[i / 2];
        assert_int_equal(try_open(node, &options), MUSTER_EINVAL);
        assert_string_equal(fixture.last_error,
                            "options: an interval that is not within 100 and 86400000 ms");
    }
    options.interval_min_ms = MUSTER_INTERVAL_MS_MAX;
    open_with(node, &options);
}

/* Each of its sockets in turn can't be watched: only then the loop was touched. */
TEST(an_open_that_fails_on_the_loop_can_be_tried_again) {
    struct node *node = &nodes[0];
    struct muster_document document = {.name = "a"};
    struct muster_options options = options_of(node);
    options.document = &document;
    options.instance = "a";
    for (unsigned watched = 0; watched < 6; watched++) {
        network.watches_left = watched;
        assert_int_equal(try_open(node, &options), MUSTER_ENOMEM);
        assert_null(node->handle);
        network.watches_left = UINT32_MAX;
        open_with(node, &options); /* at once: the slot is free, whatever of the first is on the loop */
        close_node(node);
        AWAIT(node->closed == 1);
        node->handle = NULL;
        node->closed = 0;
    }
    assert_false(uv_loop_alive(&fixture.loop));
}

TEST(a_refused_document_leaves_no_slot) {
    struct node *node = &nodes[0];
    char name[128];
    char path[256];
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    struct muster_document document = {.name = name};
    struct muster_options options = options_of(node);
    options.document = &document;
    options.instance = "refused";
    assert_int_equal(try_open(node, &options), MUSTER_EINVAL);
    struct muster_text attrs[ATTRS_MAX];
    document = large_make(attrs, ATTRS_MAX);
    assert_int_equal(try_open(node, &options), MUSTER_ETOOBIG);
    snprintf(path, sizeof path, "%s/refused", fixture.directory);
    assert_int_equal(access(path, F_OK), -1);
}

TEST(a_damaged_key_is_told_once) {
    char path[128];
    snprintf(path, sizeof path, "%s/a", fixture.directory);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(path, sizeof path, "%s/a/key", fixture.directory);
    close(open(path, O_WRONLY | O_CREAT, 0600));
    struct muster_document document = {.name = "a"};
    struct muster_options options = options_of(&nodes[0]);
    options.document = &document;
    assert_int_equal(try_open(&nodes[0], &options), MUSTER_EDAMAGED);
    assert_non_null(strstr(fixture.last_error, path));
    open_with(&nodes[0], &options);
}

/* ---- what is told ---- */

TEST(an_open_node_tells_where_it_listens) {
    char expected[256];
    for (size_t i = 0; i < 2; i++) {
        struct node *node = i == 0 ? open_named(i, "a") : open_observer(i);
        const struct watched_socket *unicasts = node->handle->network.unicast.sockets;
        snprintf(expected, sizeof expected,
                 "listening on lo (m4, b4), receive buffer %u bytes\n"
                 "sending from unicast port %u (IPv4), receive buffer %u bytes\n"
                 "sending from unicast port %u (IPv6), receive buffer %u bytes\n",
                 node->handle->network.links.items[0]->sockets[MUSTER_PATH_M4].socket.buffer_bytes,
                 muster_unicast_port(node->handle), unicasts[0].socket.buffer_bytes,
                 muster_unicast_port(node->handle), unicasts[1].socket.buffer_bytes);
        assert_string_equal(fixture.infos, expected);
        fixture.infos[0] = '\0';
    }
}

/* As many lines as there is room for, and some more. */
TEST(lost_events_are_told_when_there_is_room) {
    struct node *a = open_named(0, "a");
    for (unsigned i = 0; i < DELIVERIES_MAX + 7; i++) {
        deliveries_add_line(MUSTER_LOG_DEBUG, "one of many", &a->handle->deliveries);
    }
    assert_int_equal(a->handle->deliveries.lost, 7);
    AWAIT(fixture.errors > 0);
    assert_string_equal(fixture.last_error, "7 events were lost: out of memory");
    assert_int_equal(a->handle->deliveries.lost, 0);
}

/* Nobody is there to be told: that must not keep the loop busy. */
TEST(lost_events_without_a_log_are_forgotten) {
    struct node *a = &nodes[0];
    struct muster_options options = options_of(a);
    options.on_log = NULL;
    open_with(a, &options);
    a->handle->deliveries.lost = 7;
    uv_run(&fixture.loop, UV_RUN_NOWAIT);
    assert_int_equal(a->handle->deliveries.lost, 0);
}

/* ---- a network that fails ---- */

/* Another program that does not share the port of a group. */
static int group_port_take(const char *group) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port_own())};
    inet_pton(AF_INET, group, &address.sin_addr);
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

TEST(an_interface_that_is_not_there_is_waited_for) {
    static const char *const absent[] = {"nowhere0"};
    struct node *node = &nodes[0];
    struct muster_document document = {.name = "a"};
    struct muster_options options = options_of(node);
    size_t path_count;
    options.interfaces = absent;
    open_with(node, &options);
    assert_memory_equal(fixture.last_warning,
                        "no interface to use yet: nobody can be heard; nowhere0 is not there", 67);
    muster_paths(node->handle, &path_count);
    assert_int_equal(path_count, 0);
    options.document = &document;
    options.context = &nodes[1];
    open_with(&nodes[1], &options);
    assert_memory_equal(fixture.last_warning,
                        "no interface to use yet: only programs of this machine can hear me; ", 68);
    assert_int_equal(fixture.warnings, 2);
}

TEST(chosen_interfaces_fail_by_warnings_and_one_error) {
    struct node *a = &nodes[0];
    struct node *b = &nodes[1];
    struct muster_document document = {.name = "a"};
    struct muster_options options = options_of(a);
    options.document = &document;
    int m4 = group_port_take("224.0.0.254");
    open_with(a, &options);
    assert_int_equal(fixture.warnings, 1);
    assert_int_equal(fixture.errors, 0);
    assert_non_null(strstr(fixture.infos, "listening on lo (b4), "));
    close(m4);
    AWAIT(muster_sockets(a->handle, NULL, 0) == 7); /* what could not be heard is tried again */
    assert_int_equal(fixture.warnings, 1);
    close_node(a);
    AWAIT(a->closed == 1);
    m4 = group_port_take("224.0.0.254");

    int b4 = group_port_take("255.255.255.255");
    options.context = b;
    assert_int_equal(try_open(b, &options), MUSTER_ESYSTEM);
    assert_int_equal(fixture.warnings, 3);
    assert_int_equal(fixture.errors, 1);
    assert_memory_equal(fixture.last_error, "no interface lets us listen on port ", 36);
    close(m4);
    close(b4);
}

/* It is answered by unicast. */
TEST(who_only_looks_needs_no_port_of_a_group) {
    struct node *observer = &nodes[0];
    struct muster_options options = options_of(observer);
    int m4 = group_port_take("224.0.0.254");
    int b4 = group_port_take("255.255.255.255");
    size_t path_count;
    open_with(observer, &options);
    assert_int_equal(fixture.warnings + fixture.errors, 0);
    muster_paths(observer->handle, &path_count);
    assert_int_equal(path_count, 2);
    close(m4);
    close(b4);
}

TEST(a_full_socket_is_waited_for) {
    network.full = 20;
    struct node *a = open_named(0, "a");
    struct node *b = open_named(1, "b");
    AWAIT(tells(a, "joined b") && tells(b, "joined a"));
    assert_int_equal(network.full, 0);
    assert_int_equal(fixture.warnings + fixture.warnings, 0);
}

/* As long as the socket is full no bye leaves; the node closes all the same. */
TEST(a_full_socket_does_not_keep_a_node_open) {
    struct node *a = open_named(0, "a");
    struct node *b = open_named(1, "b");
    AWAIT(tells(a, "joined b") && tells(b, "joined a"));
    network.full = UINT32_MAX;
    close_node(a);
    AWAIT(a->closed == 1);
    network.full = 0;
}

TEST(a_refused_path_takes_no_other_along) {
    static const uint8_t group[] = {224, 0, 0, 254};
    network.forbidden = group;
    struct node *a = open_named(0, "a");
    struct node *b = open_named(1, "b");
    AWAIT(tells(a, "joined b") && tells(b, "joined a"));
    AWAIT(fixture.warnings >= 2 && network.refused > 8);
    struct muster_socket sockets[4];
    muster_sockets(a->handle, sockets, 4);
    assert_int_equal(sockets[0].failed + sockets[3].failed, 0);
    assert_true(sockets[2].failed > 0);    /* the group's */
    assert_int_equal(fixture.warnings, 2); /* each said it once, however often it fails */
    network.forbidden = NULL;
    uint64_t sent = muster_counters(a->handle)->sent;
    uint64_t sent_b = muster_counters(b->handle)->sent;
    AWAIT(muster_counters(a->handle)->sent > sent + 4 && muster_counters(b->handle)->sent > sent_b + 4);
    network.forbidden = group;
    AWAIT(fixture.warnings == 4); /* it had worked meanwhile */
}

TEST(a_probe_tells_how_paths_are_heard) {
    struct node *a = open_named(0, "a");
    struct node *asker = open_observer(1);
    assert_null(muster_probe_report(asker->handle));
    assert_int_equal(muster_probe(asker->handle, NULL, 0), 0);
    AWAIT(muster_probe_report(asker->handle)->is_over);
    const struct muster_probe_report *report = muster_probe_report(asker->handle);
    assert_true(report->path_count > 0 && report->paths[0].looped > 0);
    assert_int_equal(report->peer_count, 1);
    assert_string_equal(report->peers[0].name, "a");
    assert_true(report->peers[0].reached[MUSTER_PATH_M4] > 0);
    assert_true(report->peers[0].reached[MUSTER_PATH_U4] > 0);
    close_node(a);
    close_node(asker);
    assert_int_equal(muster_probe(asker->handle, NULL, 0), MUSTER_ECLOSING);
}

TEST(the_version_is_told) {
    unsigned major;
    unsigned minor;
    unsigned patch;
    assert_int_equal(sscanf(muster_version(), "%u.%u.%u", &major, &minor, &patch), 3);
}

int main(void) {
    return test_run(begin, end_all);
}
