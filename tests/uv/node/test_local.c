/* Whole nodes on the loopback and those who ask them: by muster_local_open(), or by a socket of their own. */
#include <muster/muster.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <malloc.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <uv.h>

#include "cmocka_all.h"
#include "countdown.h"
#include "stream_table.h"
#include "tcp.h"

#define DEADLINE_MS 10000
#define NODES_MAX 3

/* Of the address sanitizer, where it is linked. */
size_t __sanitizer_get_current_allocated_bytes(void) __attribute__((weak));

/* ---- nodes, and one who asks ---- */

struct node {
    muster_t *handle;
    bool is_closed;
    char last_line[1024]; /* of warnings and errors */
    unsigned warnings;
    unsigned errors;
};

struct fixture {
    uv_loop_t loop;
    uv_timer_t guard;
    bool is_late;
    bool is_inside; /* of a call of the library: no callback may come */
    char directory[512];
    struct node nodes[NODES_MAX];
    muster_local_t *local;
    bool is_local_closed;
    char story[4096]; /* "joined a, end 0" */
    char text[256];   /* of the last end */
    bool closes_on_row;
    bool closes_on_end;
    bool asks_on_end;
    struct listener fake; /* somebody who talks nonsense */
    struct stream_table fakes;
    const char *script;
    bool ends_after_script;
    bool ends_at_once; /* the next one that connects */
    bool has_fakes_ended;
};

#define INSIDE(fixture, call)         \
    do {                              \
        (fixture)->is_inside = true;  \
        call;                         \
        (fixture)->is_inside = false; \
    } while (0)

static void on_late(uv_timer_t *guard) {
    struct fixture *fixture = guard->data;
    fixture->is_late = true;
}

/* Runs the loop until the condition holds; fails at the deadline. */
#define AWAIT(fixture, condition)                                                     \
    do {                                                                              \
        (fixture)->is_late = false;                                                   \
        uv_timer_start(&(fixture)->guard, on_late, DEADLINE_MS, 0);                   \
        while (!(condition) && !(fixture)->is_late) {                                 \
            uv_run(&(fixture)->loop, UV_RUN_NOWAIT);                                  \
        }                                                                             \
        uv_timer_stop(&(fixture)->guard);                                             \
        if (!(condition)) {                                                           \
            fail_msg("in vain: %s; what happened: %s", #condition, (fixture)->story); \
        }                                                                             \
    } while (0)

static uint16_t port_own(void) {
    return (uint16_t)(10000 + getpid() % 550 * 40);
}

static const char *const loopback[] = {"lo"};

static void on_log(enum muster_log_level level, const char *line, void *context) {
    struct node *node = context;
    node->errors += level == MUSTER_LOG_ERROR ? 1 : 0;
    node->warnings += level == MUSTER_LOG_WARNING ? 1 : 0;
    if (level <= MUSTER_LOG_WARNING) {
        snprintf(node->last_line, sizeof node->last_line, "%s", line);
    }
}

static struct muster_options options_of(struct fixture *fixture, size_t index,
                                        const struct muster_document *document) {
    struct muster_options options;
    muster_options_init(&options);
    options.document = document;
    options.state_dir = fixture->directory;
    options.interfaces = loopback;
    options.interface_count = 1;
    options.port = port_own();
    options.interval_min_ms = 100;
    options.on_log = on_log;
    options.context = &fixture->nodes[index];
    return options;
}

static struct node *open_with(struct fixture *fixture, size_t index, const struct muster_options *options) {
    struct node *node = &fixture->nodes[index];
    int error = muster_open(&fixture->loop, options, &node->handle);
    if (error != 0) {
        print_error("%s: %s\n", muster_error_name(error), node->last_line);
    }
    assert_int_equal(error, 0);
    return node;
}

static struct node *open_named(struct fixture *fixture, size_t index, const char *name) {
    struct muster_document document = {.name = name};
    struct muster_options options = options_of(fixture, index, &document);
    return open_with(fixture, index, &options);
}

static void on_node_closed(void *context) {
    ((struct node *)context)->is_closed = true;
}

static bool knows(const struct node *node, size_t count) {
    struct muster_peer_list list;
    assert_int_equal(muster_peers(node->handle, &list), 0);
    bool is_known = list.count == count;
    muster_peer_list_free(&list);
    return is_known;
}

static void on_local_closed(void *context) {
    struct fixture *fixture = context;
    assert_false(fixture->is_inside);
    fixture->is_local_closed = true;
}

static void close_local(struct fixture *fixture) {
    INSIDE(fixture, muster_local_close(fixture->local, on_local_closed, fixture));
    muster_local_close(fixture->local, NULL, NULL); /* ignored */
}

/* Waits until it is gone, and forgets what it told. */
static void forget_local(struct fixture *fixture) {
    if (fixture->local != NULL) {
        close_local(fixture);
        AWAIT(fixture, fixture->is_local_closed);
    }
    fixture->local = NULL;
    fixture->is_local_closed = false;
    fixture->story[0] = '\0';
}

static void story_add(struct fixture *fixture, const char *what, const char *name) {
    size_t used = strlen(fixture->story);
    snprintf(fixture->story + used, sizeof fixture->story - used, "%s%s %s", used == 0 ? "" : ", ", what,
             name);
}

static void check_callback(struct fixture *fixture) {
    assert_false(fixture->is_inside);
    assert_false(fixture->is_local_closed);
}

static void on_row(enum muster_peer_event event, const struct muster_peer *peer, void *context) {
    struct fixture *fixture = context;
    check_callback(fixture);
    char name[128];
    snprintf(name, sizeof name, "%s%s%s", peer->document.name, peer->self ? "!" : "",
             peer->document.attr_count > 0 ? "+" : "");
    story_add(fixture, muster_peer_event_name(event), name);
    if (fixture->closes_on_row) {
        close_local(fixture);
    }
}

static void on_end(int error, const char *text, void *context) {
    struct fixture *fixture = context;
    check_callback(fixture);
    story_add(fixture, "end", error == 0 ? "0" : muster_error_name(error));
    snprintf(fixture->text, sizeof fixture->text, "%s", text == NULL ? "" : text);
    assert_true((error == 0) == (text == NULL));
    if (fixture->asks_on_end) {
        fixture->asks_on_end = false;
        assert_int_equal(muster_local_table(fixture->local, on_row, on_end, fixture), 0);
    }
    if (fixture->closes_on_end) {
        close_local(fixture);
    }
}

static bool tells(const struct fixture *fixture, const char *part) {
    return strstr(fixture->story, part) != NULL;
}

static int try_local(struct fixture *fixture, const struct muster_local_options *options) {
    int error;
    INSIDE(fixture, error = muster_local_open(&fixture->loop, options, &fixture->local));
    assert_true((error == 0) == (fixture->local != NULL));
    return error;
}

static void open_local(struct fixture *fixture) {
    struct muster_local_options options = {
        .size = sizeof options, .state_dir = fixture->directory, .port = port_own()};
    assert_int_equal(try_local(fixture, &options), 0);
}

static void ask_table(struct fixture *fixture) {
    int error;
    INSIDE(fixture, error = muster_local_table(fixture->local, on_row, on_end, fixture));
    assert_int_equal(error, 0);
}

/* ---- setup ---- */

static int setup(void **context) {
    struct fixture *fixture = calloc(1, sizeof *fixture);
    *context = fixture;
    snprintf(fixture->directory, sizeof fixture->directory, "/tmp/muster-local-XXXXXX");
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

static void close_node(struct fixture *fixture, struct node *node) {
    if (node->handle != NULL) {
        muster_close(node->handle, on_node_closed, node);
        AWAIT(fixture, node->is_closed);
        node->handle = NULL;
        node->is_closed = false;
    }
}

static void close_fakes(struct fixture *fixture) {
    if (fixture->fake.open) {
        stream_table_end(&fixture->fakes);
        listener_close(&fixture->fake);
        AWAIT(fixture, fixture->has_fakes_ended);
        fixture->has_fakes_ended = false;
    }
}

/* Closes what is open; afterwards nothing may be left on the loop. */
static int teardown(void **context) {
    struct fixture *fixture = *context;
    fixture->closes_on_row = fixture->closes_on_end = false;
    if (fixture->is_local_closed) {
        fixture->local = NULL;
    }
    forget_local(fixture);
    close_fakes(fixture);
    for (size_t i = 0; i < NODES_MAX; i++) {
        close_node(fixture, &fixture->nodes[i]);
    }
    uv_close((uv_handle_t *)&fixture->guard, NULL);
    uv_run(&fixture->loop, UV_RUN_DEFAULT);
    int result = uv_loop_close(&fixture->loop);
    nftw(fixture->directory, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    free(fixture);
    return result;
}

/* ---- what is asked ---- */

static void the_table_is_there_at_once(void **context) {
    struct fixture *fixture = *context;
    struct node *a = open_named(fixture, 0, "a");
    open_named(fixture, 1, "b");
    open_named(fixture, 2, "c");
    AWAIT(fixture, knows(a, 2));
    open_local(fixture);
    ask_table(fixture);
    AWAIT(fixture, tells(fixture, "end"));
    assert_true(strcmp(fixture->story, "joined a!, joined b, joined c, end 0") == 0 ||
                strcmp(fixture->story, "joined a!, joined c, joined b, end 0") == 0);
}

static void questions_are_answered_in_their_order(void **context) {
    struct fixture *fixture = *context;
    open_named(fixture, 0, "a");
    open_local(fixture);
    fixture->asks_on_end = true;
    ask_table(fixture);
    ask_table(fixture);
    assert_int_equal(muster_local_self(fixture->local, NULL, on_end, fixture), 0);
    assert_int_equal(muster_local_table(fixture->local, NULL, NULL, NULL), 0);
    AWAIT(fixture,
          strcmp(fixture->story, "joined a!, end 0, joined a!, end 0, end 0, joined a!, end 0") == 0);
}

static void on_self(const struct muster_self *self, void *context) {
    struct fixture *fixture = context;
    struct muster_socket sockets[MUSTER_SOCKETS_MAX];
    muster_t *handle = fixture->nodes[0].handle;
    uint8_t id[MUSTER_ID_BYTES];
    check_callback(fixture);
    muster_id(handle, id);
    assert_memory_equal(self->peer.id, id, sizeof id);
    assert_true(self->peer.self);
    assert_string_equal(self->peer.document.name, "a");
    assert_string_equal(self->version, muster_version());
    assert_int_equal(self->port, port_own());
    assert_int_equal(self->path_count, 2);
    assert_string_equal(self->paths[0].name, "lo");
    assert_int_equal(self->socket_count, muster_sockets(handle, sockets, MUSTER_SOCKETS_MAX));
    for (size_t i = 0; i < self->socket_count; i++) {
        assert_string_equal(self->sockets[i].protocol, sockets[i].protocol);
        assert_int_equal(self->sockets[i].address.port, sockets[i].address.port);
        assert_int_equal(self->sockets[i].buffer_bytes, sockets[i].buffer_bytes);
        assert_string_equal(self->sockets[i].interface_name, sockets[i].interface_name);
    }
    assert_int_equal(self->counters.streams_accepted, 1);
    story_add(fixture, "self", self->peer.document.name);
}

static void a_node_tells_of_itself(void **context) {
    struct fixture *fixture = *context;
    open_named(fixture, 0, "a");
    open_local(fixture);
    int error;
    INSIDE(fixture, error = muster_local_self(fixture->local, on_self, on_end, fixture));
    assert_int_equal(error, 0);
    AWAIT(fixture, strcmp(fixture->story, "self a, end 0") == 0);
}

static void a_node_is_changed(void **context) {
    struct fixture *fixture = *context;
    struct muster_text attrs[] = {{.name = "room", .value = "cellar"}};
    static const char *const removed[] = {"colour"};
    struct muster_change change = {.attrs = attrs, .attr_count = 1};
    open_named(fixture, 0, "a");
    open_local(fixture);
    int error;
    INSIDE(fixture, error = muster_local_change(fixture->local, &change, on_end, fixture));
    assert_int_equal(error, 0);
    attrs[0].value = "it was copied";
    ask_table(fixture);
    AWAIT(fixture, strcmp(fixture->story, "end 0, joined a!+, end 0") == 0);

    struct muster_change wrong = {.removed_attrs = removed, .removed_attr_count = 1};
    assert_int_equal(muster_local_change(fixture->local, &wrong, on_end, fixture), 0);
    AWAIT(fixture, tells(fixture, "end MUSTER_EREFUSED"));
    assert_string_equal(fixture->text, "there is no such thing here");
    assert_int_equal(muster_local_change(fixture->local, NULL, on_end, fixture), MUSTER_EINVAL);
    attrs[0].value = NULL;
    assert_int_equal(muster_local_change(fixture->local, &change, on_end, fixture), MUSTER_EINVAL);
}

static void a_watch_sees_what_happens(void **context) {
    struct fixture *fixture = *context;
    struct node *a = open_named(fixture, 0, "a");
    struct node *b = open_named(fixture, 1, "b");
    AWAIT(fixture, knows(a, 1));
    open_local(fixture);
    int error;
    INSIDE(fixture, error = muster_local_watch(fixture->local, on_row, on_end, fixture));
    assert_int_equal(error, 0);
    ask_table(fixture); /* never answered */
    AWAIT(fixture, strcmp(fixture->story, "joined a!, joined b") == 0);
    struct muster_text attrs[] = {{.name = "room", .value = "cellar"}};
    struct muster_change change = {.attrs = attrs, .attr_count = 1};
    assert_int_equal(muster_change(b->handle, &change), 0);
    AWAIT(fixture, tells(fixture, "joined b, changed b+"));
    close_node(fixture, b);
    AWAIT(fixture, tells(fixture, "changed b+, left b+"));
    close_node(fixture, a);
    AWAIT(fixture, tells(fixture, "left b+, end MUSTER_ELOST, end MUSTER_ELOST"));
    assert_string_equal(fixture->text, "it went away");
}

/* ---- who is asked ---- */

static void nobody_is_there(void **context) {
    struct fixture *fixture = *context;
    char path[600];
    struct muster_local_options options = {
        .size = sizeof options, .state_dir = fixture->directory, .instance = "a"};
    assert_int_equal(try_local(fixture, &options), MUSTER_ENOTFOUND);
    snprintf(path, sizeof path, "%s/none", fixture->directory);
    options = (struct muster_local_options){.size = sizeof options, .state_dir = path, .instance = "a"};
    assert_int_equal(try_local(fixture, &options), MUSTER_ENOTFOUND);
    options = (struct muster_local_options){.size = sizeof options, .socket = path};
    assert_int_equal(try_local(fixture, &options), MUSTER_ENOTFOUND);
    close(open(path, O_WRONLY | O_CREAT, 0600)); /* a plain file */
    assert_int_equal(try_local(fixture, &options), MUSTER_ENOTFOUND);
    assert_false(uv_loop_alive(&fixture->loop));
}

static void options_are_checked(void **context) {
    struct fixture *fixture = *context;
    static const char *const unnamed[] = {NULL};
    const struct muster_local_options wrong[] = {
        {.socket = ""},
        {.state_dir = ""},
        {.instance = ""},
        {.interface_count = 1},
        {.interfaces = unnamed, .interface_count = 1},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct muster_local_options options = wrong[i];
        options.size = sizeof options;
        assert_int_equal(try_local(fixture, &options), MUSTER_EINVAL);
    }
    static const size_t sizes[] = {0, sizeof(size_t) - 1, sizeof(struct muster_local_options) + 1};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct muster_local_options options = {.size = sizes[i], .state_dir = fixture->directory};
        assert_int_equal(try_local(fixture, &options), MUSTER_EINVAL);
    }
    struct muster_local_options older = {.state_dir = fixture->directory, .instance = ""};
    older.size = offsetof(struct muster_local_options, instance);
    assert_int_equal(try_local(fixture, &older), MUSTER_ENOTFOUND);
    assert_int_equal(muster_local_open(NULL, &wrong[0], &fixture->local), MUSTER_EINVAL);
    assert_int_equal(muster_local_open(&fixture->loop, NULL, &fixture->local), MUSTER_EINVAL);
    assert_int_equal(muster_local_open(&fixture->loop, &wrong[0], NULL), MUSTER_EINVAL);
}

static void the_node_on_that_port_is_asked(void **context) {
    struct fixture *fixture = *context;
    struct muster_document document = {.name = "b"};
    struct muster_options options = options_of(fixture, 1, &document);
    options.port = (uint16_t)(port_own() + 2);
    open_named(fixture, 0, "a");
    open_with(fixture, 1, &options);
    struct muster_local_options conditions = {.size = sizeof conditions,
                                              .state_dir = fixture->directory,
                                              .port = options.port,
                                              .interfaces = loopback,
                                              .interface_count = 1};
    assert_int_equal(try_local(fixture, &conditions), 0);
    ask_table(fixture);
    AWAIT(fixture, strcmp(fixture->story, "joined b!, end 0") == 0);
    forget_local(fixture);

    static const char *const others[] = {"lo", "eth9"};
    conditions = (struct muster_local_options){.size = sizeof conditions,
                                               .state_dir = fixture->directory,
                                               .interfaces = others,
                                               .interface_count = 2};
    assert_int_equal(try_local(fixture, &conditions), 0);
    ask_table(fixture);
    ask_table(fixture);
    AWAIT(fixture, strcmp(fixture->story, "end MUSTER_ENOTFOUND, end MUSTER_ENOTFOUND") == 0);
    assert_string_equal(fixture->text, "this muster is on another port or other interfaces");
    ask_table(fixture); /* in vain from now on, but not from inside the call */
    AWAIT(fixture, tells(fixture, "end MUSTER_ENOTFOUND, end MUSTER_ENOTFOUND, end MUSTER_ENOTFOUND"));
}

static void that_instance_is_asked(void **context) {
    struct fixture *fixture = *context;
    struct muster_document document = {.name = "b"};
    struct muster_options options = options_of(fixture, 1, &document);
    options.instance = "the second/one";
    open_named(fixture, 0, "a");
    open_with(fixture, 1, &options);
    struct muster_local_options wish = {
        .size = sizeof wish, .state_dir = fixture->directory, .instance = "the second/one"};
    assert_int_equal(try_local(fixture, &wish), 0);
    ask_table(fixture);
    AWAIT(fixture, tells(fixture, "joined b!"));
}

/* ---- who is no muster ---- */

static void on_fake_event(const struct muster_stream *event, void *owner) {
    struct fixture *fixture = owner;
    if (event->event == MUSTER_STREAM_BYTES && fixture->script != NULL) {
        stream_table_write(&fixture->fakes, event->number, (const uint8_t *)fixture->script,
                           strlen(fixture->script));
    }
    if (event->event == MUSTER_STREAM_ACCEPTED && fixture->ends_at_once) {
        fixture->ends_at_once = false;
        stream_table_close(&fixture->fakes, event->number);
    }
    if (event->event == MUSTER_STREAM_BYTES && fixture->ends_after_script) {
        stream_table_close(&fixture->fakes, event->number);
    }
}

static void on_fakes_ended(void *owner) {
    ((struct fixture *)owner)->has_fakes_ended = true;
}

static const struct log silent = {.write = NULL};

/* Listens as slot "0", which is looked at first, and answers each question with the script. */
static void open_fake(struct fixture *fixture, const char *script, bool ends_after_script) {
    char path[600];
    struct stream_table_calls calls = {
        .on_event = on_fake_event, .on_ended = on_fakes_ended, .owner = fixture};
    fixture->script = script;
    fixture->ends_after_script = ends_after_script;
    if (fixture->fake.open) {
        return;
    }
    snprintf(path, sizeof path, "%s/0", fixture->directory);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(path, sizeof path, "%s/0/socket", fixture->directory);
    assert_int_equal(listener_open_local(&fixture->fake, path, 0600, true), 0);
    stream_table_start(&fixture->fakes, &fixture->loop, &calls, &silent);
    assert_int_equal(stream_table_listen(&fixture->fakes, &fixture->fake), 0);
}

#define ROW                                                                                       \
    "{\"peer\":{\"id\":\"00112233445566778899aabbccddeeff\",\"state\":\"alive\"},\"lines\":1}\n"  \
    "{\"muster\":1,\"kind\":\"announce\",\"id\":\"00112233445566778899aabbccddeeff\",\"boot\":1," \
    "\"seq\":1,\"rev\":1,\"next_ms\":2500,\"peers\":0,\"name\":\"lamp\"}\n"

static void nonsense_is_an_error_and_no_hang(void **context) {
    static const struct {
        const char *script;
        bool ends;
        const char *story;
        const char *text;
    } cases[] = {
        {"", true, "end MUSTER_ELOST", "it went away"},
        {"HTTP/1.1 400 Bad Request\n", false, "end MUSTER_ELOST", "what it answers makes no sense"},
        {"{\"pear\":{}}\n", false, "end MUSTER_ELOST", "what it answers makes no sense"},
        {"{\"stats\":{}}\n", false, "end MUSTER_ELOST", "it answers what was not asked"},
        {ROW, true, "joined lamp, end MUSTER_ELOST", "it went away"},
        {ROW "{}\n", false, "joined lamp, end MUSTER_ELOST", "what it answers makes no sense"},
        {ROW "{\"end\":\"done\",\"count\":1}\n", true, "joined lamp, end 0", ""},
        {"{\"end\":\"busy\",\"count\":0}\n", true, "end MUSTER_EREFUSED", "too many connections"},
        {"{\"end\":\"memory\",\"count\":0,\"text\":\"none left\"}\n", true, "end MUSTER_EREFUSED",
         "none left"},
        {ROW "{\"end\":\"done\",\"count\":1}\n{\"end\":\"done\",\"count\":1}\n", false, "joined lamp, end 0",
         ""},
    };
    struct fixture *fixture = *context;
    struct muster_local_options options = {
        .size = sizeof options, .state_dir = fixture->directory, .instance = "0"};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        open_fake(fixture, cases[i].script, cases[i].ends);
        assert_int_equal(try_local(fixture, &options), 0);
        ask_table(fixture);
        AWAIT(fixture, tells(fixture, "end"));
        assert_string_equal(fixture->story, cases[i].story);
        assert_string_equal(fixture->text, cases[i].text);
        forget_local(fixture);
    }
}

static void who_does_not_answer_is_given_up(void **context) {
    struct fixture *fixture = *context;
    struct muster_local_options options = {
        .size = sizeof options, .state_dir = fixture->directory, .instance = "0"};
    open_fake(fixture, NULL, false);
    assert_int_equal(try_local(fixture, &options), 0);
    int error;
    INSIDE(fixture, error = muster_local_watch(fixture->local, on_row, on_end, fixture));
    assert_int_equal(error, 0);
    AWAIT(fixture, strcmp(fixture->story, "end MUSTER_ELOST") == 0);
    assert_string_equal(fixture->text, "it does not answer");
    forget_local(fixture);

    open_fake(fixture, ROW, false); /* and then nothing */
    assert_int_equal(try_local(fixture, &options), 0);
    ask_table(fixture);
    AWAIT(fixture, strcmp(fixture->story, "joined lamp, end MUSTER_ELOST") == 0);
}

/* What is no muster, or has no place, does not hide the one that works. */
static void the_next_one_is_asked_instead(void **context) {
    static const char *const scripts[] = {"nonsense\n", "{\"end\":\"busy\",\"count\":0}\n",
                                          "{\"end\":\"elsewhere\",\"count\":0}\n"};
    struct fixture *fixture = *context;
    open_named(fixture, 0, "a");
    for (size_t i = 0; i < 3; i++) {
        open_fake(fixture, scripts[i], i == 1);
        open_local(fixture);
        ask_table(fixture);
        ask_table(fixture);
        AWAIT(fixture, strcmp(fixture->story, "joined a!, end 0, joined a!, end 0") == 0);
        forget_local(fixture);
    }
    /* What is left by somebody who was killed is passed over at once. */
    char path[600];
    struct listener stale;
    snprintf(path, sizeof path, "%s/00", fixture->directory);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(path, sizeof path, "%s/00/socket", fixture->directory);
    assert_int_equal(listener_open_local(&stale, path, 0600, true), 0);
    close(stale.fd);
    unix_address_close(&stale.address);
    open_local(fixture);
    ask_table(fixture);
    AWAIT(fixture, strcmp(fixture->story, "joined a!, end 0") == 0);
}

static void lose_connection(struct fixture *fixture) {
    fixture->ends_at_once = true;
    open_local(fixture);
    AWAIT(fixture, !fixture->ends_at_once && fixture->fakes.entries == NULL);
    uv_run(&fixture->loop, UV_RUN_NOWAIT); /* it is noticed */
}

/* A node ends a connection on which nothing is asked. */
static void the_same_one_is_asked_later(void **context) {
    struct fixture *fixture = *context;
    open_named(fixture, 0, "a");
    open_fake(fixture, ROW "{\"end\":\"done\",\"count\":1}\n", false);
    lose_connection(fixture);
    ask_table(fixture);
    AWAIT(fixture, strcmp(fixture->story, "joined lamp, end 0") == 0);
    forget_local(fixture);

    lose_connection(fixture);
    close_fakes(fixture);
    ask_table(fixture);
    AWAIT(fixture, strcmp(fixture->story, "end MUSTER_ELOST") == 0);
    assert_string_equal(fixture->text, "it went away");
}

/* The first may have done it, and only was too slow to say so. */
static void a_change_is_asked_of_one_alone(void **context) {
    static const struct muster_change change = {.name = "changed"};
    static const char *const scripts[] = {NULL, "", "nonsense\n"};
    struct fixture *fixture = *context;
    struct node *a = open_named(fixture, 0, "a");
    uint64_t rev = muster_rev(a->handle);
    for (size_t i = 0; i < 3; i++) {
        open_fake(fixture, scripts[i], i == 1);
        open_local(fixture);
        assert_int_equal(muster_local_change(fixture->local, &change, on_end, fixture), 0);
        AWAIT(fixture, strcmp(fixture->story, "end MUSTER_ELOST") == 0);
        forget_local(fixture);
        assert_int_equal(muster_rev(a->handle), rev);
    }
    open_fake(fixture, "{\"end\":\"elsewhere\",\"count\":0}\n", false);
    open_local(fixture);
    assert_int_equal(muster_local_change(fixture->local, &change, on_end, fixture), 0);
    AWAIT(fixture, strcmp(fixture->story, "end 0") == 0);
    assert_int_equal(muster_rev(a->handle), rev + 1);
}

/* ---- promises ---- */

static void a_callback_may_close(void **context) {
    struct fixture *fixture = *context;
    struct node *a = open_named(fixture, 0, "a");
    open_named(fixture, 1, "b");
    AWAIT(fixture, knows(a, 1));
    open_local(fixture);
    fixture->closes_on_row = true;
    ask_table(fixture);
    AWAIT(fixture, fixture->is_local_closed);
    assert_string_equal(fixture->story, "joined a!");
    fixture->local = NULL;
    forget_local(fixture);

    open_local(fixture);
    fixture->closes_on_row = false;
    fixture->closes_on_end = true;
    ask_table(fixture);
    ask_table(fixture);
    AWAIT(fixture, fixture->is_local_closed);
    assert_string_equal(fixture->story, "joined a!, joined b, end 0");
    fixture->local = NULL;
}

static void a_callback_may_close_what_is_lost(void **context) {
    struct fixture *fixture = *context;
    struct muster_local_options options = {
        .size = sizeof options, .state_dir = fixture->directory, .instance = "0"};
    open_fake(fixture, "nonsense\n", false);
    assert_int_equal(try_local(fixture, &options), 0);
    fixture->closes_on_end = true;
    ask_table(fixture);
    ask_table(fixture);
    AWAIT(fixture, fixture->is_local_closed);
    assert_string_equal(fixture->story, "end MUSTER_ELOST");
    fixture->local = NULL;
}

static void it_closes_before_the_loop_ran(void **context) {
    struct fixture *fixture = *context;
    open_named(fixture, 0, "a");
    open_local(fixture);
    ask_table(fixture);
    close_local(fixture);
    assert_int_equal(muster_local_table(fixture->local, on_row, on_end, fixture), MUSTER_ECLOSING);
    AWAIT(fixture, fixture->is_local_closed);
    assert_string_equal(fixture->story, "");
    fixture->local = NULL;
}

static void only_so_many_questions_wait(void **context) {
    struct fixture *fixture = *context;
    open_named(fixture, 0, "a");
    open_local(fixture);
    unsigned count = 0;
    while (muster_local_table(fixture->local, NULL, on_end, fixture) == 0) {
        count++;
    }
    assert_int_equal(muster_local_table(fixture->local, NULL, on_end, fixture), MUSTER_EFULL);
    assert_int_equal(count, 64);
}

static void without_memory_nothing_happened(void **context) {
    struct fixture *fixture = *context;
    struct muster_local_options options = {.size = sizeof options,
                                           .state_dir = fixture->directory,
                                           .interfaces = loopback,
                                           .interface_count = 1};
    open_named(fixture, 0, "a");
    unsigned long n = 1;
    for (bool has_failed = true; has_failed; n++) {
        countdown_set(n);
        int error = muster_local_open(&fixture->loop, &options, &fixture->local);
        has_failed = countdown_has_failed() != 0;
        countdown_set(0);
        assert_true(error == 0 || (error == MUSTER_ENOMEM && fixture->local == NULL));
        assert_true(error == 0 || has_failed);
        if (error == 0) {
            forget_local(fixture);
        }
    }
    assert_true(n > 4);
    assert_int_equal(try_local(fixture, &options), 0);
    for (bool has_failed = true; has_failed;) {
        countdown_set(1);
        int error = muster_local_table(fixture->local, on_row, on_end, fixture);
        countdown_set(0);
        has_failed = error != 0;
        assert_true(error == 0 || error == MUSTER_ENOMEM);
        if (has_failed) {
            countdown_set(0);
            ask_table(fixture);
            break;
        }
    }
    AWAIT(fixture, tells(fixture, "end 0"));
}

/* ---- sockets of nodes ---- */

static void path_of(const struct fixture *fixture, const char *name, char path[600]) {
    snprintf(path, 600, "%s/%s", fixture->directory, name);
}

static bool is_socket(const char *path, mode_t mode) {
    struct stat status;
    return lstat(path, &status) == 0 && S_ISSOCK(status.st_mode) && (status.st_mode & 07777) == mode;
}

static void a_slot_has_a_socket_while_it_is_held(void **context) {
    struct fixture *fixture = *context;
    char path[600];
    struct listener stale;
    path_of(fixture, "a/socket", path);
    struct node *a = open_named(fixture, 0, "a");
    assert_true(is_socket(path, 0600));
    close_node(fixture, a);
    assert_int_equal(access(path, F_OK), -1);

    assert_int_equal(listener_open_local(&stale, path, 0600, true), 0); /* of one who was killed */
    close(stale.fd);
    unix_address_close(&stale.address);
    a = open_named(fixture, 0, "a");
    assert_int_equal(a->warnings, 0);
    open_local(fixture);
    ask_table(fixture);
    AWAIT(fixture, tells(fixture, "end 0"));
}

static void a_node_goes_on_without_the_socket_of_its_slot(void **context) {
    struct fixture *fixture = *context;
    char path[600];
    path_of(fixture, "a", path);
    assert_int_equal(mkdir(path, 0700), 0);
    path_of(fixture, "a/socket", path);
    close(open(path, O_WRONLY | O_CREAT, 0600));
    struct node *a = open_named(fixture, 0, "a");
    assert_int_equal(a->warnings, 1);
    assert_int_equal(a->errors, 0);
    assert_non_null(strstr(a->last_line, path));
    assert_non_null(strstr(a->last_line, "File exists"));
    struct node *b = open_named(fixture, 1, "b");
    AWAIT(fixture, knows(a, 1) && knows(b, 1));
}

static void a_state_directory_may_lie_deep(void **context) {
    struct fixture *fixture = *context;
    size_t used = strlen(fixture->directory);
    while (used < 250) {
        used += (size_t)snprintf(fixture->directory + used, sizeof fixture->directory - used,
                                 "/a-directory-with-a-long-name");
    }
    struct node *a = open_named(fixture, 0, "a");
    assert_int_equal(a->warnings, 0);
    open_local(fixture);
    ask_table(fixture);
    AWAIT(fixture, strcmp(fixture->story, "joined a!, end 0") == 0);
    forget_local(fixture);
    close_node(fixture, a);
    strchr(fixture->directory + strlen("/tmp/"), '/')[0] = '\0';
}

static int try_socket(struct fixture *fixture, size_t index, const char *socket) {
    struct muster_document document = {.name = "a"};
    struct muster_options options = options_of(fixture, index, &document);
    options.socket = socket;
    return muster_open(&fixture->loop, &options, &fixture->nodes[index].handle);
}

static void a_socket_that_was_asked_for_is_required(void **context) {
    struct fixture *fixture = *context;
    char path[600];
    path_of(fixture, "everybody", path);
    assert_int_equal(try_socket(fixture, 0, path), 0);
    assert_true(is_socket(path, 0666));
    assert_int_equal(try_socket(fixture, 1, path), MUSTER_EBUSY);
    assert_non_null(strstr(fixture->nodes[1].last_line, path));
    assert_non_null(strstr(fixture->nodes[1].last_line, "another muster answers there"));
    assert_int_equal(try_socket(fixture, 1, ""), MUSTER_EINVAL);
    path_of(fixture, "none/socket", path);
    assert_int_equal(try_socket(fixture, 1, path), MUSTER_ESYSTEM);
    assert_non_null(strstr(fixture->nodes[1].last_line, "No such file or directory"));
    assert_int_equal(fixture->nodes[1].errors, 3);

    struct muster_options options = options_of(fixture, 1, NULL);
    options.socket = path;
    assert_int_equal(muster_open(&fixture->loop, &options, &fixture->nodes[1].handle), MUSTER_EINVAL);
    path_of(fixture, "everybody", path);
    struct muster_local_options wish = {.size = sizeof wish, .socket = path};
    assert_int_equal(try_local(fixture, &wish), 0);
    ask_table(fixture);
    AWAIT(fixture, strcmp(fixture->story, "joined a!, end 0") == 0);
}

/* ---- another user ---- */

/* In a child, as nobody: looks, and tries to change. What came of it, for people, goes to fd. */
static void look_as_nobody(struct fixture *fixture, const char *path, int fd) {
    struct muster_local_options options = {.size = sizeof options, .socket = path};
    struct muster_change change = {.name = "taken over"};
    uv_loop_t loop;
    uv_loop_init(&loop);
    if (setgid(65534) == 0 && setuid(65534) == 0 &&
        muster_local_open(&loop, &options, &fixture->local) == 0) {
        muster_local_table(fixture->local, on_row, on_end, fixture);
        muster_local_change(fixture->local, &change, on_end, fixture);
        while (!tells(fixture, "end MUSTER") && uv_run(&loop, UV_RUN_ONCE) != 0) {
        }
        story_add(fixture, "text", fixture->text);
    }
    size_t length = strlen(fixture->story);
    _exit(write(fd, fixture->story, length) == (ssize_t)length ? 0 : 1);
}

static void others_may_look_and_change_nothing(void **context) {
    struct fixture *fixture = *context;
    char path[600];
    char told[512] = "";
    int pipes[2];
    if (geteuid() != 0) {
        skip(); /* only root can be somebody else */
    }
    path_of(fixture, "everybody", path);
    assert_int_equal(chmod(fixture->directory, 0711), 0);
    assert_int_equal(try_socket(fixture, 0, path), 0);
    assert_int_equal(pipe2(pipes, O_NONBLOCK), 0);
    pid_t child = fork();
    if (child == 0) {
        look_as_nobody(fixture, path, pipes[1]);
    }
    int status;
    siginfo_t info = {.si_pid = 0};
    AWAIT(fixture, waitid(P_PID, (id_t)child, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid != 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(WEXITSTATUS(status), 0);
    assert_true(read(pipes[0], told, sizeof told - 1) > 0);
    assert_string_equal(told,
                        "joined a!, end 0, end MUSTER_EREFUSED, text only the user that this muster runs "
                        "as, or root, may do that");
    close(pipes[0]);
    close(pipes[1]);
}

/* Where everybody may write, another user's socket is not asked unless it was named. */
static void a_strangers_socket_is_passed_over(void **context) {
    struct fixture *fixture = *context;
    char path[600];
    if (geteuid() != 0) {
        skip(); /* only root can be somebody else */
    }
    open_named(fixture, 0, "a");
    assert_int_equal(chmod(fixture->directory, 01777), 0);
    assert_int_equal(seteuid(65534), 0);
    open_fake(fixture, ROW "{\"end\":\"done\",\"count\":1}\n", false);
    assert_int_equal(seteuid(0), 0);
    open_local(fixture);
    ask_table(fixture);
    AWAIT(fixture, strcmp(fixture->story, "joined a!, end 0") == 0);
    forget_local(fixture);

    struct muster_local_options options = {
        .size = sizeof options, .state_dir = fixture->directory, .instance = "0"};
    assert_int_equal(try_local(fixture, &options), MUSTER_ENOTFOUND);
    path_of(fixture, "0/socket", path);
    options = (struct muster_local_options){.size = sizeof options, .socket = path};
    assert_int_equal(try_local(fixture, &options), 0);
    ask_table(fixture);
    AWAIT(fixture, strcmp(fixture->story, "joined lamp, end 0") == 0);
    forget_local(fixture);

    assert_int_equal(chown(fixture->directory, 65534, 65534), 0); /* then it is for him to say */
    open_local(fixture);
    ask_table(fixture);
    AWAIT(fixture, strcmp(fixture->story, "joined lamp, end 0") == 0);
}

/* ---- without the library ---- */

/* What came of an answer so far. */
struct answer {
    int fd;
    char text[8192];
    size_t length;
    bool is_broken;
};

/* True when its last line is there; reads on else. */
static bool is_whole(struct answer *answer) {
    const char *last = strstr(answer->text, "{\"end\":");
    if (last != NULL && strchr(last, '\n') != NULL) {
        return true;
    }
    ssize_t count = recv(answer->fd, answer->text + answer->length, sizeof answer->text - 1 - answer->length,
                         MSG_DONTWAIT);
    answer->is_broken = answer->is_broken || count == 0 || (count < 0 && errno != EAGAIN);
    answer->length += count > 0 ? (size_t)count : 0;
    answer->text[answer->length] = '\0';
    return false;
}

/* Reads an answer to its end, and closes. */
static void read_answer(struct fixture *fixture, struct answer *answer) {
    AWAIT(fixture, is_whole(answer) || answer->is_broken);
    assert_false(answer->is_broken);
    close(answer->fd);
}

static int connect_tcp(struct fixture *fixture, const struct node *node) {
    struct muster_endpoint endpoint = {.family = 4, .ip = {127, 0, 0, 1}};
    endpoint.port = muster_unicast_port(node->handle);
    int fd = tcp_connect(&endpoint, NULL);
    assert_true(fd >= 0);
    AWAIT(fixture, tcp_remote(fd).family == 4);
    return fd;
}

static void say(int fd, const char *text) {
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

static const char question[] = "{\"muster\":1,\"request\":\"table\"}\n";

static void a_table_comes_by_tcp(void **context) {
    struct fixture *fixture = *context;
    struct node *a = open_named(fixture, 0, "a");
    open_named(fixture, 1, "b");
    AWAIT(fixture, knows(a, 1));
    struct answer answer = {.fd = connect_tcp(fixture, a)};
    say(answer.fd, question);
    shutdown(answer.fd, SHUT_WR);
    read_answer(fixture, &answer);
    assert_non_null(strstr(answer.text, "\"name\":\"b\""));
    assert_null(strstr(answer.text, "\"name\":\"a\"")); /* who asks by TCP hears it anyway */
    assert_non_null(strstr(answer.text, "{\"end\":\"done\",\"count\":1}"));
}

static void nobody_changes_a_node_by_tcp(void **context) {
    static const char change[] = "{\"muster\":1,\"request\":\"update\",\"set\":{\"name\":\"mine\"}}\n";
    struct fixture *fixture = *context;
    struct node *a = open_named(fixture, 0, "a");
    struct answer answer = {.fd = connect_tcp(fixture, a)};
    say(answer.fd, change);
    read_answer(fixture, &answer);
    assert_non_null(strstr(answer.text, "\"end\":\"forbidden\""));
}

static void a_node_closes_with_watchers(void **context) {
    struct fixture *fixture = *context;
    struct node *a = open_named(fixture, 0, "a");
    open_local(fixture);
    assert_int_equal(muster_local_watch(fixture->local, on_row, on_end, fixture), 0);
    AWAIT(fixture, tells(fixture, "joined a!"));
    int idle = connect_tcp(fixture, a);
    close_node(fixture, a);
    AWAIT(fixture, tells(fixture, "joined a!, end MUSTER_ELOST"));
    close(idle);
}

static size_t allocated(void) {
    return __sanitizer_get_current_allocated_bytes != NULL ? __sanitizer_get_current_allocated_bytes()
                                                           : mallinfo2().uordblks;
}

static unsigned descriptors_count(void) {
    unsigned count = 0;
    for (int fd = 0; fd < 1024; fd++) {
        count += fcntl(fd, F_GETFD) >= 0 ? 1 : 0;
    }
    return count;
}

static void ask_raw(struct fixture *fixture, const struct node *node, unsigned i) {
    char path[600];
    path_of(fixture, "a/socket", path);
    struct answer answer = {.fd = i % 8 == 0 ? connect_tcp(fixture, node) : unix_connect(path)};
    assert_true(answer.fd >= 0);
    if (i % 8 != 1) {
        say(answer.fd, question);
    }
    if (i % 8 <= 2 && i % 8 != 0) { /* gone without a word, or without a look at the answer */
        close(answer.fd);
    } else {
        read_answer(fixture, &answer);
    }
}

static void ten_thousand_connections_leave_nothing(void **context) {
    struct fixture *fixture = *context;
    struct node *a = open_named(fixture, 0, "a");
    for (unsigned i = 0; i < 1000; i++) {
        ask_raw(fixture, a, i);
    }
    AWAIT(fixture, descriptors_count() < 64);
    size_t bytes = allocated();
    unsigned descriptors = descriptors_count();
    for (unsigned i = 1000; i < 10000; i++) {
        ask_raw(fixture, a, i);
    }
    AWAIT(fixture, descriptors_count() <= descriptors);
    assert_true(allocated() < bytes + 16384);
    const struct muster_counters *counters = muster_counters(a->handle);
    assert_int_equal(counters->streams_accepted, 10000);
    assert_int_equal(counters->streams_refused, 0);
}

#define LOCAL_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        LOCAL_TEST(the_table_is_there_at_once),
        LOCAL_TEST(questions_are_answered_in_their_order),
        LOCAL_TEST(a_node_tells_of_itself),
        LOCAL_TEST(a_node_is_changed),
        LOCAL_TEST(a_watch_sees_what_happens),
        LOCAL_TEST(nobody_is_there),
        LOCAL_TEST(options_are_checked),
        LOCAL_TEST(the_node_on_that_port_is_asked),
        LOCAL_TEST(that_instance_is_asked),
        LOCAL_TEST(nonsense_is_an_error_and_no_hang),
        LOCAL_TEST(who_does_not_answer_is_given_up),
        LOCAL_TEST(the_next_one_is_asked_instead),
        LOCAL_TEST(the_same_one_is_asked_later),
        LOCAL_TEST(a_change_is_asked_of_one_alone),
        LOCAL_TEST(a_callback_may_close),
        LOCAL_TEST(a_callback_may_close_what_is_lost),
        LOCAL_TEST(it_closes_before_the_loop_ran),
        LOCAL_TEST(only_so_many_questions_wait),
        LOCAL_TEST(without_memory_nothing_happened),
        LOCAL_TEST(a_slot_has_a_socket_while_it_is_held),
        LOCAL_TEST(a_node_goes_on_without_the_socket_of_its_slot),
        LOCAL_TEST(a_state_directory_may_lie_deep),
        LOCAL_TEST(a_socket_that_was_asked_for_is_required),
        LOCAL_TEST(others_may_look_and_change_nothing),
        LOCAL_TEST(a_strangers_socket_is_passed_over),
        LOCAL_TEST(a_table_comes_by_tcp),
        LOCAL_TEST(nobody_changes_a_node_by_tcp),
        LOCAL_TEST(a_node_closes_with_watchers),
        LOCAL_TEST(ten_thousand_connections_leave_nothing),
    };
    return cmocka_run_group_tests_name("local", tests, NULL, NULL);
}
