/* Whole nodes on one loop, on the loopback: they find each other, and keep the library's promises. */
#include <muster/muster.h>

#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <glob.h>
#include <ifaddrs.h>
#include <linux/if_packet.h>
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

#include "cmocka_all.h"
#include "runner.h"

#define DEADLINE_MS 10000
#define NODES_MAX 3

/* ---- a network that fails on demand ---- */

static struct {
    unsigned full;            /* so many sends more find the socket full */
    const uint8_t *forbidden; /* what goes to this address is refused */
    unsigned refused;
    unsigned watches_left;  /* so many sockets more can be watched; UINT32_MAX: all */
    bool is_loopback_alone; /* there is no other interface */
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

static struct sockaddr_ll loopback_link = {.sll_family = AF_PACKET};
static struct sockaddr_in loopback_address = {.sin_family = AF_INET};
static struct ifaddrs loopback_entries[2] = {
    {.ifa_next = &loopback_entries[1],
     .ifa_name = "lo",
     .ifa_flags = IFF_UP | IFF_RUNNING | IFF_LOOPBACK,
     .ifa_addr = (struct sockaddr *)&loopback_link},
    {.ifa_name = "lo", .ifa_addr = (struct sockaddr *)&loopback_address},
};

int getifaddrs(struct ifaddrs **addresses) {
    int (*real)(struct ifaddrs **);
    if (!network.is_loopback_alone) {
        *(void **)&real = dlsym(RTLD_NEXT, "getifaddrs");
        return real(addresses);
    }
    loopback_link.sll_ifindex = (int)if_nametoindex("lo");
    loopback_address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    *addresses = loopback_entries;
    return 0;
}

void freeifaddrs(struct ifaddrs *addresses) {
    void (*real)(struct ifaddrs *);
    if (addresses != loopback_entries) {
        *(void **)&real = dlsym(RTLD_NEXT, "freeifaddrs");
        real(addresses);
    }
}

/* ---- nodes and their stories ---- */

struct fixture;

struct node {
    muster_t *handle;
    struct fixture *fixture;
    char story[4096]; /* "joined a, left a", the events in their order */
    char last_error[2048];
    char told[4096]; /* the lines of level INFO */
    unsigned errors;
    unsigned warnings;
    unsigned settled;
    unsigned closed;
    bool close_on_event;
};

struct fixture {
    uv_loop_t loop;
    uv_timer_t guard;
    bool is_late;
    bool is_inside; /* of a call of the library: no callback may come */
    char directory[64];
    struct node nodes[NODES_MAX];
};

#define INSIDE(fixture, call)         \
    do {                              \
        (fixture)->is_inside = true;  \
        call;                         \
        (fixture)->is_inside = false; \
    } while (0)

static void on_closed(void *context) {
    struct node *node = context;
    assert_false(node->fixture->is_inside);
    assert_non_null(node->handle);
    node->closed++;
}

static void close_node(struct node *node) {
    struct fixture *fixture = node->fixture;
    INSIDE(fixture, muster_close(node->handle, on_closed, node));
}

static void on_event(muster_t *handle, enum muster_peer_event event, const struct muster_peer *peer,
                     void *context) {
    struct node *node = context;
    assert_false(node->fixture->is_inside);
    assert_ptr_equal(handle, node->handle);
    size_t used = strlen(node->story);
    snprintf(node->story + used, sizeof node->story - used, "%s%s %s", used == 0 ? "" : ", ",
             muster_peer_event_name(event), peer->document.name);
    if (node->close_on_event) {
        close_node(node);
    }
}

static void on_log(enum muster_log_level level, const char *line, void *context) {
    struct node *node = context;
    assert_true(!node->fixture->is_inside || node->handle == NULL); /* only inside muster_open() */
    if (level == MUSTER_LOG_ERROR) {
        snprintf(node->last_error, sizeof node->last_error, "%s", line);
        node->errors++;
    } else if (level == MUSTER_LOG_INFO) {
        size_t used = strlen(node->told);
        snprintf(node->told + used, sizeof node->told - used, "%s\n", line);
    }
    node->warnings += level == MUSTER_LOG_WARNING ? 1 : 0;
}

static void on_settled(muster_t *handle, void *context) {
    struct node *node = context;
    assert_false(node->fixture->is_inside);
    assert_ptr_equal(handle, node->handle);
    node->settled++;
}

/* A control port of this process alone: tests that run at the same time do not hear one another. */
static uint16_t port_own(void) {
    return (uint16_t)(10000 + getpid() % 550 * 40);
}

static const char *const loopback[] = {"lo"};

static struct muster_options options_of(struct node *node) {
    struct muster_options options;
    muster_options_init(&options);
    options.state_dir = node->fixture->directory;
    options.interfaces = loopback;
    options.interface_count = 1;
    options.port = port_own();
    options.interval_min_ms = 100;
    options.on_event = on_event;
    options.on_log = on_log;
    options.context = node;
    return options;
}

static int try_open(struct node *node, const struct muster_options *options) {
    int error;
    muster_t *handle;
    INSIDE(node->fixture, error = muster_open(&node->fixture->loop, options, &handle));
    node->handle = handle;
    return error;
}

static void open_with(struct node *node, const struct muster_options *options) {
    int error = try_open(node, options);
    if (error != 0) {
        print_error("%s: %s\n", muster_error_name(error), node->last_error);
    }
    assert_int_equal(error, 0);
}

static struct node *open_named(struct fixture *fixture, size_t index, const char *name) {
    struct node *node = &fixture->nodes[index];
    struct muster_document document = {.name = name};
    struct muster_options options = options_of(node);
    options.document = &document;
    open_with(node, &options);
    return node;
}

static struct node *open_observer(struct fixture *fixture, size_t index) {
    struct node *node = &fixture->nodes[index];
    struct muster_options options = options_of(node);
    open_with(node, &options);
    return node;
}

/* ---- time ---- */

static void on_late(uv_timer_t *guard) {
    struct fixture *fixture = guard->data;
    fixture->is_late = true;
}

/* Runs the loop until the condition holds; fails at the deadline. */
#define AWAIT(fixture, condition)                                                                \
    do {                                                                                         \
        (fixture)->is_late = false;                                                              \
        uv_timer_start(&(fixture)->guard, on_late, DEADLINE_MS, 0);                              \
        while (!(condition) && !(fixture)->is_late) {                                            \
            uv_run(&(fixture)->loop, UV_RUN_ONCE);                                               \
        }                                                                                        \
        uv_timer_stop(&(fixture)->guard);                                                        \
        if (!(condition)) {                                                                      \
            print_error("a: %s\nb: %s\n", (fixture)->nodes[0].story, (fixture)->nodes[1].story); \
            fail_msg("in vain: %s", #condition);                                                 \
        }                                                                                        \
    } while (0)

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

static int setup(void **context) {
    struct fixture *fixture = calloc(1, sizeof *fixture);
    *context = fixture;
    memset(&network, 0, sizeof network);
    network.watches_left = UINT32_MAX;
    snprintf(fixture->directory, sizeof fixture->directory, "/tmp/muster-node-XXXXXX");
    for (size_t i = 0; i < NODES_MAX; i++) {
        fixture->nodes[i].fixture = fixture;
    }
    uv_loop_init(&fixture->loop);
    uv_timer_init(&fixture->loop, &fixture->guard);
    fixture->guard.data = fixture;
    uv_unref((uv_handle_t *)&fixture->guard);
    return mkdtemp(fixture->directory) == NULL ? -1 : 0;
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *walk) {
    (void)status;
    (void)type;
    (void)walk;
    return remove(path);
}

static bool is_open(const struct node *node) {
    return node->handle != NULL && node->closed == 0;
}

/* Closes what is open; afterwards nothing may be left on the loop. */
static int teardown(void **context) {
    struct fixture *fixture = *context;
    struct node *nodes = fixture->nodes;
    for (size_t i = 0; i < NODES_MAX; i++) {
        if (is_open(&nodes[i])) {
            nodes[i].close_on_event = false;
            close_node(&nodes[i]);
        }
    }
    AWAIT(fixture, !is_open(&nodes[0]) && !is_open(&nodes[1]) && !is_open(&nodes[2]));
    uv_close((uv_handle_t *)&fixture->guard, NULL);
    uv_run(&fixture->loop, UV_RUN_DEFAULT);
    int result = uv_loop_close(&fixture->loop);
    nftw(fixture->directory, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
    free(fixture);
    return result;
}

/* ---- presence ---- */

static void nodes_find_each_other(void **context) {
    struct fixture *fixture = *context;
    struct node *a = open_named(fixture, 0, "a");
    struct node *b = open_named(fixture, 1, "b");
    AWAIT(fixture, tells(a, "joined b") && tells(b, "joined a"));

    struct muster_text attrs[] = {{.name = "room", .value = "kitchen"}};
    struct muster_document document = {.name = "b", .attrs = attrs, .attr_count = 1};
    int error;
    INSIDE(fixture, error = muster_update(b->handle, &document));
    assert_int_equal(error, 0);
    AWAIT(fixture, tells(a, "changed b"));

    static const char *const room[] = {"room"};
    struct muster_change change = {.removed_attrs = room, .removed_attr_count = 1};
    INSIDE(fixture, error = muster_change(b->handle, &change));
    assert_int_equal(error, 0);
    assert_int_equal(muster_change(b->handle, &change), MUSTER_ENOTFOUND);
    AWAIT(fixture, tells(a, "changed b, changed b"));

    close_node(b);
    assert_int_equal(muster_change(b->handle, &change), MUSTER_ECLOSING);
    AWAIT(fixture, b->closed == 1 && tells(a, "left b"));
    assert_string_equal(a->story, "joined b, changed b, changed b, left b");
    assert_string_equal(b->story, "joined a");
}

static void a_row_shows_what_was_said_and_seen(void **context) {
    struct fixture *fixture = *context;
    struct muster_text txt[] = {{.name = "path", .value = "/"}, {.name = "v", .value = ""}};
    struct muster_service services[] = {
        {.name = "", .type = "ipp", .proto = "tcp", .port = 631},
        {.name = "web", .type = "http", .proto = "tcp", .port = 80, .txt = txt, .txt_count = 2}};
    struct muster_document document = {.name = "b", .services = services, .service_count = 2};
    struct node *a = open_named(fixture, 0, "a");
    struct node *b = &fixture->nodes[1];
    struct muster_options options = options_of(b);
    options.document = &document;
    open_with(b, &options);
    AWAIT(fixture, tells(a, "joined b"));

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
    assert_true(peer->age_ms < DEADLINE_MS);
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

static void a_node_knows_its_sockets(void **context) {
    struct fixture *fixture = *context;
    struct node *a = open_named(fixture, 0, "a");
    struct node *observer = open_observer(fixture, 1);
    struct muster_socket sockets[MUSTER_SOCKETS_MAX];
    uint16_t port = muster_unicast_port(a->handle);
    assert_int_equal(muster_sockets(a->handle, NULL, 0), 5);
    assert_int_equal(muster_sockets(a->handle, sockets, MUSTER_SOCKETS_MAX), 5);
    expect_socket(&sockets[0], "udp", port, "");
    expect_socket(&sockets[1], "udp", port_own(), "lo");
    assert_int_equal(sockets[1].address.ip[0], 224);
    expect_socket(&sockets[2], "udp", port_own(), "lo");
    assert_int_equal(sockets[2].address.ip[0], 255);
    expect_socket(&sockets[3], "tcp", port, "");
    expect_socket(&sockets[4], "unix", 0, "");
    assert_int_equal(sockets[4].address.family, 0);
    assert_int_equal(muster_sockets(observer->handle, sockets, 2), 3);
}

static void a_restart_keeps_the_id_and_grows_the_boot(void **context) {
    struct fixture *fixture = *context;
    struct node *a = open_named(fixture, 0, "a");
    struct node *b = open_named(fixture, 1, "b");
    uint8_t id_before[MUSTER_ID_BYTES];
    uint8_t id_after[MUSTER_ID_BYTES];
    uint64_t boot_before = muster_boot(b->handle);
    muster_id(b->handle, id_before);
    AWAIT(fixture, tells(a, "joined b"));
    close_node(b);
    AWAIT(fixture, b->closed == 1 && tells(a, "left b"));
    b = open_named(fixture, 2, "b");
    muster_id(b->handle, id_after);
    assert_memory_equal(id_before, id_after, sizeof id_before);
    assert_true(muster_boot(b->handle) > boot_before);
    AWAIT(fixture, tells(a, "restarted b") || tells(a, "returned b"));
}

static void an_observer_leaves_no_trace(void **context) {
    struct fixture *fixture = *context;
    struct node *a = open_named(fixture, 0, "a");
    struct node *observer = open_observer(fixture, 1);
    struct node *b = open_named(fixture, 2, "b");
    int error;
    INSIDE(fixture, error = muster_query(observer->handle, NULL, NULL, on_settled, observer));
    assert_int_equal(error, 0);
    AWAIT(fixture, observer->settled == 1 && tells(observer, "joined a") && tells(a, "joined b"));
    struct muster_document document = {.name = "c"};
    INSIDE(fixture, error = muster_update(observer->handle, &document));
    assert_int_equal(error, MUSTER_EINVAL);
    close_node(observer);
    AWAIT(fixture, observer->closed == 1);
    assert_string_equal(a->story, "joined b");
    assert_string_equal(b->story, "joined a");
}

/* ---- identity ---- */

static bool has_slot(const struct fixture *fixture, const char *slot) {
    char path[128];
    struct stat status;
    snprintf(path, sizeof path, "%s/%s", fixture->directory, slot);
    return stat(path, &status) == 0;
}

static void two_of_one_name_are_two(void **context) {
    struct fixture *fixture = *context;
    uint8_t first[MUSTER_ID_BYTES];
    uint8_t second[MUSTER_ID_BYTES];
    struct node *a = open_named(fixture, 0, "twin");
    assert_false(has_slot(fixture, "twin+2"));
    struct node *b = open_named(fixture, 1, "twin");
    assert_true(has_slot(fixture, "twin+2"));
    muster_id(a->handle, first);
    muster_id(b->handle, second);
    assert_memory_not_equal(first, second, sizeof first);
    AWAIT(fixture, tells(a, "joined twin") && tells(b, "joined twin"));
}

static void a_held_instance_is_refused(void **context) {
    struct fixture *fixture = *context;
    struct muster_document document = {.name = "a"};
    struct muster_options options = options_of(&fixture->nodes[0]);
    options.document = &document;
    options.instance = "mine";
    open_with(&fixture->nodes[0], &options);
    options.context = &fixture->nodes[1];
    assert_int_equal(try_open(&fixture->nodes[1], &options), MUSTER_EBUSY);
    assert_null(fixture->nodes[1].handle);
    assert_non_null(strstr(fixture->nodes[1].last_error, "mine"));
    close_node(&fixture->nodes[0]);
    AWAIT(fixture, fixture->nodes[0].closed == 1);
    open_with(&fixture->nodes[1], &options);
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

static size_t count_set_aside(const struct fixture *fixture, const char *slot) {
    char pattern[128];
    glob_t found;
    snprintf(pattern, sizeof pattern, "%s/%s/key.conflict-*", fixture->directory, slot);
    size_t count = glob(pattern, 0, NULL, &found) == 0 ? found.gl_pathc : 0;
    globfree(&found);
    return count;
}

/* A copied SD card: two nodes hold one key. */
static void a_copied_key_is_given_up_by_one(void **context) {
    struct fixture *fixture = *context;
    char slot[128];
    uint8_t first[MUSTER_ID_BYTES];
    uint8_t second[MUSTER_ID_BYTES];
    struct node *a = open_named(fixture, 0, "a");
    snprintf(slot, sizeof slot, "%s/b", fixture->directory);
    assert_int_equal(mkdir(slot, 0700), 0);
    copy_file(fixture->directory, "a/key", "b/key");
    copy_file(fixture->directory, "a/boot", "b/boot");
    struct node *b = open_named(fixture, 1, "b");
    muster_id(a->handle, first);
    muster_id(b->handle, second);
    assert_memory_equal(first, second, sizeof first);
    AWAIT(fixture, tells(a, "joined") && tells(b, "joined"));
    assert_true(tells(a, "conflict") || tells(b, "conflict"));
    muster_id(a->handle, first);
    muster_id(b->handle, second);
    assert_memory_not_equal(first, second, sizeof first);
    assert_int_equal(count_set_aside(fixture, "a"), 0); /* the earlier one keeps it */
    assert_int_equal(count_set_aside(fixture, "b"), 1);
}

/* ---- promises of the library ---- */

static void a_callback_may_close_the_node(void **context) {
    struct fixture *fixture = *context;
    struct node *a = open_named(fixture, 0, "a");
    a->close_on_event = true;
    open_named(fixture, 1, "b");
    open_named(fixture, 2, "c");
    AWAIT(fixture, a->closed == 1);
    assert_true(strcmp(a->story, "joined b") == 0 || strcmp(a->story, "joined c") == 0);
}

static void a_node_closes_before_the_loop_ran(void **context) {
    struct fixture *fixture = *context;
    struct node *a = open_named(fixture, 0, "a");
    int error;
    INSIDE(fixture, error = muster_query(a->handle, NULL, NULL, on_settled, a));
    assert_int_equal(error, 0);
    close_node(a);
    muster_close(a->handle, on_closed, NULL); /* ignored */
    struct muster_document document = {.name = "a"};
    assert_int_equal(muster_update(a->handle, &document), MUSTER_ECLOSING);
    assert_int_equal(muster_query(a->handle, NULL, NULL, on_settled, a), MUSTER_ECLOSING);
    assert_int_equal(a->closed, 0);
    uv_run(&fixture->loop, UV_RUN_DEFAULT); /* ends: nothing of the node is left on it */
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

static void on_closed_may_open_the_next(void **context) {
    struct fixture *fixture = *context;
    struct node *a = open_named(fixture, 0, "a");
    INSIDE(fixture, muster_close(a->handle, on_closed_open_again, a));
    open_named(fixture, 1, "b");
    AWAIT(fixture, tells(&fixture->nodes[1], "joined a") && tells(a, "joined b"));
}

static void questions_settle_together_and_once(void **context) {
    struct fixture *fixture = *context;
    struct node *a = open_named(fixture, 0, "a");
    open_named(fixture, 1, "b");
    int errors[3];
    INSIDE(fixture, errors[0] = muster_query(a->handle, NULL, NULL, on_settled, a));
    INSIDE(fixture, errors[1] = muster_query(a->handle, "http", NULL, on_settled, a));
    INSIDE(fixture, errors[2] = muster_query(a->handle, NULL, "b", NULL, NULL));
    assert_int_equal(errors[0] | errors[1] | errors[2], 0);
    INSIDE(fixture, errors[0] = muster_query(a->handle, "longer-than-any-type", NULL, on_settled, a));
    assert_int_equal(errors[0], MUSTER_EINVAL);
    AWAIT(fixture, a->settled == 2 && tells(a, "joined b"));
    INSIDE(fixture, errors[0] = muster_query(a->handle, NULL, NULL, on_settled, a));
    assert_int_equal(errors[0], 0);
    AWAIT(fixture, a->settled == 3);
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

static void a_refused_update_changes_nothing(void **context) {
    struct fixture *fixture = *context;
    struct node *a = open_named(fixture, 0, "a");
    struct muster_text attrs[ATTRS_MAX];
    struct muster_document document = large_make(attrs, ATTRS_MAX);
    assert_int_equal(muster_update(a->handle, &document), MUSTER_ETOOBIG);
    assert_int_equal(muster_update(a->handle, NULL), MUSTER_EINVAL);
    struct node *b = open_named(fixture, 1, "b");
    AWAIT(fixture, tells(b, "joined a"));
    assert_int_equal(row_of(b, "a").document.attr_count, 0);
}

static void a_large_document_comes_by_stream(void **context) {
    struct fixture *fixture = *context;
    struct node *a = open_named(fixture, 0, "a");
    struct node *b = open_named(fixture, 1, "b");
    AWAIT(fixture, tells(b, "joined a"));
    struct muster_text attrs[ATTRS_MAX];
    struct muster_document document = large_make(attrs, 200);
    int error;
    INSIDE(fixture, error = muster_update(a->handle, &document));
    assert_int_equal(error, 0);
    AWAIT(fixture, row_of(b, "a").document.attr_count == 200);
    assert_false(row_of(b, "a").partial);
    assert_int_equal(muster_counters(b->handle)->documents, 1);
    assert_int_equal(muster_counters(a->handle)->streams_accepted, 1);
    AWAIT(fixture, tells(b, "changed a"));

    struct node *c = &fixture->nodes[2];
    struct muster_options options = options_of(c);
    options.document = &document;
    document.name = "c";
    document.attr_count = 100;
    open_with(c, &options);
    AWAIT(fixture, row_of(a, "c").document.attr_count == 100);
}

static void a_failed_open_leaves_nothing(void **context) {
    struct fixture *fixture = *context;
    struct node *node = &fixture->nodes[0];
    static const char *const absent[] = {"nowhere0"};
    static const char *const unnamed[] = {NULL};
    struct muster_document document = {.name = "a"};
    struct muster_options options = options_of(node);
    muster_t *handle = (muster_t *)node;
    assert_int_equal(muster_open(NULL, &options, &handle), MUSTER_EINVAL);
    assert_null(handle);
    assert_int_equal(muster_open(&fixture->loop, NULL, &handle), MUSTER_EINVAL);
    assert_int_equal(muster_open(&fixture->loop, &options, NULL), MUSTER_EINVAL);
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
    options.interfaces = absent;
    assert_int_equal(try_open(node, &options), MUSTER_ENOINTERFACE);
    assert_non_null(strstr(node->last_error, "nowhere0"));
    options = options_of(node);
    options.document = &(struct muster_document){.name = NULL};
    assert_int_equal(try_open(node, &options), MUSTER_EINVAL);
    options.document = &document;
    options.instance = "";
    assert_int_equal(try_open(node, &options), MUSTER_EINVAL);
    options.instance = NULL;
    options.state_dir = "/dev/null/state";
    assert_int_equal(try_open(node, &options), MUSTER_ESTATE);
    assert_non_null(strstr(node->last_error, "/dev/null/state"));
    assert_null(node->handle);
    assert_false(uv_loop_alive(&fixture->loop));
}

/* Its compiler knew fewer options. The others have their defaults. */
static void an_older_program_opens_a_node(void **context) {
    struct fixture *fixture = *context;
    struct node *node = &fixture->nodes[0];
    struct muster_options options = options_of(node);
    options.rate_bytes_s = 0;
    assert_int_equal(try_open(node, &options), MUSTER_EINVAL);
    options.size = offsetof(struct muster_options, rate_bytes_s);
    assert_int_equal(muster_open(&fixture->loop, &options, &node->handle), 0);
}

static void an_interval_out_of_range_is_told(void **context) {
    static const uint64_t intervals[] = {0, MUSTER_INTERVAL_MS_MIN - 1, MUSTER_INTERVAL_MS_MAX + 1,
                                         UINT64_MAX};
    struct fixture *fixture = *context;
    struct node *node = &fixture->nodes[0];
    struct muster_document document = {.name = "a"};
    struct muster_options options = options_of(node);
    for (size_t i = 0; i < 2 * sizeof intervals / sizeof intervals[0]; i++) {
        options.document = i % 2 == 0 ? NULL : &document;
        options.interval_min_ms = intervals[i / 2];
        assert_int_equal(try_open(node, &options), MUSTER_EINVAL);
        assert_string_equal(node->last_error, "options: an interval that is not within 100 and 86400000 ms");
    }
    options.interval_min_ms = MUSTER_INTERVAL_MS_MAX;
    open_with(node, &options);
}

/* Each of its sockets in turn can't be watched: only then the loop was touched. */
static void an_open_that_fails_on_the_loop_can_be_tried_again(void **context) {
    struct fixture *fixture = *context;
    struct node *node = &fixture->nodes[0];
    struct muster_document document = {.name = "a"};
    struct muster_options options = options_of(node);
    options.document = &document;
    options.instance = "a";
    for (unsigned watched = 0; watched < 5; watched++) {
        network.watches_left = watched;
        assert_int_equal(try_open(node, &options), MUSTER_ENOMEM);
        assert_null(node->handle);
        network.watches_left = UINT32_MAX;
        open_with(node, &options); /* at once: the slot is free, whatever of the first is on the loop */
        close_node(node);
        AWAIT(fixture, node->closed == 1);
        node->handle = NULL;
        node->closed = 0;
    }
    assert_false(uv_loop_alive(&fixture->loop));
}

static void a_refused_document_leaves_no_slot(void **context) {
    struct fixture *fixture = *context;
    struct node *node = &fixture->nodes[0];
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
    snprintf(path, sizeof path, "%s/refused", fixture->directory);
    assert_int_equal(access(path, F_OK), -1);
}

static void a_damaged_key_is_told_once(void **context) {
    struct fixture *fixture = *context;
    char path[128];
    snprintf(path, sizeof path, "%s/a", fixture->directory);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(path, sizeof path, "%s/a/key", fixture->directory);
    close(open(path, O_WRONLY | O_CREAT, 0600));
    struct muster_document document = {.name = "a"};
    struct muster_options options = options_of(&fixture->nodes[0]);
    options.document = &document;
    assert_int_equal(try_open(&fixture->nodes[0], &options), MUSTER_EDAMAGED);
    assert_non_null(strstr(fixture->nodes[0].last_error, path));
    open_with(&fixture->nodes[0], &options);
}

/* ---- what is told ---- */

static void an_open_node_tells_where_it_listens(void **context) {
    struct fixture *fixture = *context;
    struct node *a = open_named(fixture, 0, "a");
    struct node *observer = open_observer(fixture, 1);
    char expected[256];
    for (struct node *node = a; node <= observer; node++) {
        const struct datagram_socket *unicast = &node->handle->network.unicast.socket;
        snprintf(expected, sizeof expected,
                 "listening on lo (m4, b4), receive buffer %u bytes\n"
                 "sending from unicast port %u, receive buffer %u bytes\n",
                 node->handle->network.links[0]->sockets[MUSTER_PATH_M4].socket.buffer_bytes,
                 muster_unicast_port(node->handle), unicast->buffer_bytes);
        assert_string_equal(node->told, expected);
    }
}

/* As many lines as there is room for, and some more. */
static void lost_events_are_told_when_there_is_room(void **context) {
    struct fixture *fixture = *context;
    struct node *a = open_named(fixture, 0, "a");
    for (unsigned i = 0; i < DELIVERIES_MAX + 7; i++) {
        deliveries_add_line(MUSTER_LOG_DEBUG, "one of many", &a->handle->deliveries);
    }
    assert_int_equal(a->handle->deliveries.lost, 7);
    AWAIT(fixture, a->errors > 0);
    assert_string_equal(a->last_error, "7 events were lost: out of memory");
    assert_int_equal(a->handle->deliveries.lost, 0);
}

/* Nobody is there to be told: that must not keep the loop busy. */
static void lost_events_without_a_log_are_forgotten(void **context) {
    struct fixture *fixture = *context;
    struct node *a = &fixture->nodes[0];
    struct muster_options options = options_of(a);
    options.on_log = NULL;
    open_with(a, &options);
    a->handle->deliveries.lost = 7;
    uv_run(&fixture->loop, UV_RUN_NOWAIT);
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

static void chosen_interfaces_fail_by_warnings_and_one_error(void **context) {
    struct fixture *fixture = *context;
    struct node *a = &fixture->nodes[0];
    struct node *b = &fixture->nodes[1];
    struct muster_options options = options_of(a);
    network.is_loopback_alone = true;
    options.interfaces = NULL;
    options.interface_count = 0;
    int m4 = group_port_take("224.0.0.254");
    open_with(a, &options);
    assert_int_equal(a->warnings, 1);
    assert_int_equal(a->errors, 0);
    assert_non_null(strstr(a->told, "listening on lo (b4), "));
    close_node(a);
    AWAIT(fixture, a->closed == 1);

    int b4 = group_port_take("255.255.255.255");
    options.context = b;
    assert_int_equal(try_open(b, &options), MUSTER_ESYSTEM);
    assert_int_equal(b->warnings, 2);
    assert_int_equal(b->errors, 1);
    assert_memory_equal(b->last_error, "no interface lets us listen on port ", 36);
    close(m4);
    close(b4);
}

static void a_full_socket_is_waited_for(void **context) {
    struct fixture *fixture = *context;
    network.full = 20;
    struct node *a = open_named(fixture, 0, "a");
    struct node *b = open_named(fixture, 1, "b");
    AWAIT(fixture, tells(a, "joined b") && tells(b, "joined a"));
    assert_int_equal(network.full, 0);
    assert_int_equal(a->warnings + b->warnings, 0);
}

/* As long as the socket is full no bye leaves; the node closes all the same. */
static void a_full_socket_does_not_keep_a_node_open(void **context) {
    struct fixture *fixture = *context;
    struct node *a = open_named(fixture, 0, "a");
    struct node *b = open_named(fixture, 1, "b");
    AWAIT(fixture, tells(a, "joined b") && tells(b, "joined a"));
    network.full = UINT32_MAX;
    close_node(a);
    AWAIT(fixture, a->closed == 1);
    network.full = 0;
}

static void a_refused_path_takes_no_other_along(void **context) {
    static const uint8_t group[] = {224, 0, 0, 254};
    struct fixture *fixture = *context;
    network.forbidden = group;
    struct node *a = open_named(fixture, 0, "a");
    struct node *b = open_named(fixture, 1, "b");
    AWAIT(fixture, tells(a, "joined b") && tells(b, "joined a"));
    AWAIT(fixture, a->warnings > 0 && network.refused > 4);
    struct muster_socket sockets[3];
    muster_sockets(a->handle, sockets, 3);
    assert_int_equal(sockets[0].failed + sockets[2].failed, 0);
    assert_true(sockets[1].failed > 0); /* the group's */
    assert_int_equal(a->warnings, 1);   /* said once, however often it fails */
    network.forbidden = NULL;
    uint64_t sent = muster_counters(a->handle)->sent;
    AWAIT(fixture, muster_counters(a->handle)->sent > sent + 4);
    network.forbidden = group;
    AWAIT(fixture, a->warnings == 2); /* it had worked meanwhile */
}

static void the_version_is_told(void **context) {
    (void)context;
    unsigned major;
    unsigned minor;
    unsigned patch;
    assert_int_equal(sscanf(muster_version(), "%u.%u.%u", &major, &minor, &patch), 3);
}

#define NODE_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        NODE_TEST(nodes_find_each_other),
        NODE_TEST(a_row_shows_what_was_said_and_seen),
        NODE_TEST(a_node_knows_its_sockets),
        NODE_TEST(a_restart_keeps_the_id_and_grows_the_boot),
        NODE_TEST(an_observer_leaves_no_trace),
        NODE_TEST(two_of_one_name_are_two),
        NODE_TEST(a_held_instance_is_refused),
        NODE_TEST(a_copied_key_is_given_up_by_one),
        NODE_TEST(a_callback_may_close_the_node),
        NODE_TEST(a_node_closes_before_the_loop_ran),
        NODE_TEST(on_closed_may_open_the_next),
        NODE_TEST(questions_settle_together_and_once),
        NODE_TEST(a_refused_update_changes_nothing),
        NODE_TEST(a_large_document_comes_by_stream),
        NODE_TEST(a_failed_open_leaves_nothing),
        NODE_TEST(an_older_program_opens_a_node),
        NODE_TEST(an_interval_out_of_range_is_told),
        NODE_TEST(an_open_that_fails_on_the_loop_can_be_tried_again),
        NODE_TEST(a_refused_document_leaves_no_slot),
        NODE_TEST(a_damaged_key_is_told_once),
        NODE_TEST(an_open_node_tells_where_it_listens),
        NODE_TEST(lost_events_are_told_when_there_is_room),
        NODE_TEST(lost_events_without_a_log_are_forgotten),
        NODE_TEST(chosen_interfaces_fail_by_warnings_and_one_error),
        NODE_TEST(a_full_socket_is_waited_for),
        NODE_TEST(a_full_socket_does_not_keep_a_node_open),
        NODE_TEST(a_refused_path_takes_no_other_along),
        cmocka_unit_test(the_version_is_told),
    };
    return cmocka_run_group_tests_name("muster", tests, NULL, NULL);
}
