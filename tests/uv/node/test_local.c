/* SPDX-License-Identifier: MIT */
/* Whole nodes on the loopback and those who ask them: by muster_local_open(), or by a socket of their own. */
#include <muster/muster.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
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

#include "countdown.h"
#include "nodes.h"
#include "stream_table.h"
#include "tcp.h"

#define NODES_MAX 3

/* Of the address sanitizer, where it is linked. */
size_t __sanitizer_get_current_allocated_bytes(void) __attribute__((weak));

/* ---- nodes, and one who asks ---- */

static const char *const loopback[] = {"lo"};
static muster_t *nodes[NODES_MAX];
static char state_dir[512];

static struct {
    muster_local_t *local;
    bool is_closed;
    char story[4096]; /* "joined a, end 0" */
    char text[256];   /* of the last end */
    bool closes_on_row;
    bool closes_on_end;
    bool asks_on_end;
} asker;

/* Somebody who talks nonsense. */
static struct {
    struct listener listener;
    struct stream_table table;
    const char *script;
    bool ends_after_script;
    bool ends_at_once; /* the next one that connects */
    bool has_ended;
} fake;

static struct muster_options options_of(const struct muster_document *document) {
    struct muster_options options = node_options(document);
    options.state_dir = state_dir;
    return options;
}

static muster_t *open_with(size_t index, const struct muster_options *options) {
    nodes[index] = node_open_with(options);
    return nodes[index];
}

static muster_t *open_named(size_t index, const char *name) {
    struct muster_document document = {.name = name};
    struct muster_options options = options_of(&document);
    return open_with(index, &options);
}

static void on_local_closed(void *context) {
    assert_null(context);
    assert_false(fixture.is_inside);
    asker.is_closed = true;
}

static void close_local(void) {
    INSIDE(muster_local_close(asker.local, on_local_closed, NULL));
    muster_local_close(asker.local, NULL, NULL); /* ignored */
}

/* Waits until it is gone, and forgets what it told. */
static void forget_local(void) {
    if (asker.local != NULL) {
        close_local();
        AWAIT(asker.is_closed);
    }
    asker.local = NULL;
    asker.is_closed = false;
    asker.story[0] = '\0';
}

static void add_to_story(const char *what, const char *name) {
    story_add(asker.story, sizeof asker.story, "%s %s", what, name);
}

static void check_callback(void *context) {
    assert_null(context);
    assert_false(fixture.is_inside);
    assert_false(asker.is_closed);
}

static void on_row(enum muster_peer_event event, const struct muster_peer *peer, void *context) {
    check_callback(context);
    char name[128];
    snprintf(name, sizeof name, "%s%s%s", peer->document.name, peer->self ? "!" : "",
             peer->document.attr_count > 0 ? "+" : "");
    add_to_story(muster_peer_event_name(event), name);
    if (asker.closes_on_row) {
        close_local();
    }
}

static void on_end(int error, const char *text, void *context) {
    check_callback(context);
    add_to_story("end", error == 0 ? "0" : muster_error_name(error));
    snprintf(asker.text, sizeof asker.text, "%s", text == NULL ? "" : text);
    assert_true((error == 0) == (text == NULL));
    if (asker.asks_on_end) {
        asker.asks_on_end = false;
        assert_int_equal(muster_local_table(asker.local, on_row, on_end, NULL), 0);
    }
    if (asker.closes_on_end) {
        close_local();
    }
}

static bool tells(const char *part) {
    return strstr(asker.story, part) != NULL;
}

static int try_local(const struct muster_local_options *options) {
    int error;
    INSIDE(error = muster_local_open(&fixture.loop, options, &asker.local));
    assert_true((error == 0) == (asker.local != NULL));
    return error;
}

static void open_local(void) {
    struct muster_local_options options = {
        .size = sizeof options, .state_dir = state_dir, .port = port_own()};
    assert_int_equal(try_local(&options), 0);
}

static void ask_table(void) {
    int error;
    INSIDE(error = muster_local_table(asker.local, on_row, on_end, NULL));
    assert_int_equal(error, 0);
}

/* ---- setup ---- */

static void begin(void) {
    nodes_begin();
    fixture.mode = UV_RUN_NOWAIT; /* who asks by hand does not wake the loop */
    memset(nodes, 0, sizeof nodes);
    memset(&asker, 0, sizeof asker);
    memset(&fake, 0, sizeof fake);
    snprintf(state_dir, sizeof state_dir, "%s", fixture.directory);
}

static void close_node(muster_t *node) {
    unsigned before = nodes_closed();
    node_close(node);
    AWAIT(nodes_closed() > before);
}

static void close_fakes(void) {
    if (fake.listener.open) {
        stream_table_end(&fake.table);
        listener_close(&fake.listener);
        AWAIT(fake.has_ended);
        fake.has_ended = false;
    }
}

static void end_all(void) {
    asker.closes_on_row = asker.closes_on_end = false;
    if (asker.is_closed) {
        asker.local = NULL;
    }
    forget_local();
    close_fakes();
    nodes_end();
}

/* ---- what is asked ---- */

TEST(the_table_is_there_at_once) {
    muster_t *a = open_named(0, "a");
    open_named(1, "b");
    open_named(2, "c");
    AWAIT(row_count(a) == 2);
    open_local();
    ask_table();
    AWAIT(tells("end"));
    assert_true(strcmp(asker.story, "joined a!, joined b, joined c, end 0") == 0 ||
                strcmp(asker.story, "joined a!, joined c, joined b, end 0") == 0);
}

TEST(questions_are_answered_in_their_order) {
    open_named(0, "a");
    open_local();
    asker.asks_on_end = true;
    ask_table();
    ask_table();
    assert_int_equal(muster_local_self(asker.local, NULL, on_end, NULL), 0);
    assert_int_equal(muster_local_table(asker.local, NULL, NULL, NULL), 0);
    AWAIT(strcmp(asker.story, "joined a!, end 0, joined a!, end 0, end 0, joined a!, end 0") == 0);
}

static void on_self(const struct muster_self *self, void *context) {
    struct muster_socket sockets[MUSTER_SOCKETS_MAX];
    muster_t *handle = nodes[0];
    uint8_t id[MUSTER_ID_BYTES];
    check_callback(context);
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
    assert_int_equal(self->figure_count, 2);
    assert_string_equal(self->figures[1].name, "lost_2");
    assert_int_equal(self->figures[1].value, 7);
    add_to_story("self", self->peer.document.name);
}

TEST(a_node_tells_of_itself) {
    const struct muster_figure figures[MUSTER_FIGURES_MAX + 1] = {{"readings", 1}, {"lost_2", 7}};
    const struct muster_figure wrong = {"Readings", 1};
    muster_t *a = open_named(0, "a");
    assert_int_equal(muster_set_figures(a, figures, 2), 0);
    assert_int_equal(muster_set_figures(a, &wrong, 1), MUSTER_EINVAL);
    assert_int_equal(muster_set_figures(a, figures, MUSTER_FIGURES_MAX + 1), MUSTER_EINVAL);
    open_local();
    int error;
    INSIDE(error = muster_local_self(asker.local, on_self, on_end, NULL));
    assert_int_equal(error, 0);
    AWAIT(strcmp(asker.story, "self a, end 0") == 0);
}

TEST(a_node_is_changed) {
    struct muster_text attrs[] = {{.name = "room", .value = "cellar"}};
    static const char *const removed[] = {"colour"};
    struct muster_change change = {.attrs = attrs, .attr_count = 1};
    open_named(0, "a");
    open_local();
    int error;
    INSIDE(error = muster_local_change(asker.local, &change, on_end, NULL));
    assert_int_equal(error, 0);
    attrs[0].value = "it was copied";
    ask_table();
    AWAIT(strcmp(asker.story, "end 0, joined a!+, end 0") == 0);

    struct muster_change wrong = {.removed_attrs = removed, .removed_attr_count = 1};
    assert_int_equal(muster_local_change(asker.local, &wrong, on_end, NULL), 0);
    AWAIT(tells("end MUSTER_EREFUSED"));
    assert_string_equal(asker.text, "there is no such thing here");
    assert_int_equal(muster_local_change(asker.local, NULL, on_end, NULL), MUSTER_EINVAL);
    attrs[0].value = NULL;
    assert_int_equal(muster_local_change(asker.local, &change, on_end, NULL), MUSTER_EINVAL);
}

TEST(a_watch_sees_what_happens) {
    muster_t *a = open_named(0, "a");
    muster_t *b = open_named(1, "b");
    AWAIT(row_count(a) == 1);
    open_local();
    int error;
    INSIDE(error = muster_local_watch(asker.local, on_row, on_end, NULL));
    assert_int_equal(error, 0);
    ask_table(); /* never answered */
    AWAIT(strcmp(asker.story, "joined a!, joined b") == 0);
    struct muster_text attrs[] = {{.name = "room", .value = "cellar"}};
    struct muster_change change = {.attrs = attrs, .attr_count = 1};
    assert_int_equal(muster_change(b, &change), 0);
    AWAIT(tells("joined b, changed b+"));
    close_node(b);
    AWAIT(tells("changed b+, left b+"));
    close_node(a);
    AWAIT(tells("left b+, end MUSTER_ELOST, end MUSTER_ELOST"));
    assert_string_equal(asker.text, "it went away");
}

/* ---- who is asked ---- */

TEST(nobody_is_there) {
    char path[600];
    struct muster_local_options options = {.size = sizeof options, .state_dir = state_dir, .instance = "a"};
    assert_int_equal(try_local(&options), MUSTER_ENOTFOUND);
    snprintf(path, sizeof path, "%s/none", state_dir);
    options = (struct muster_local_options){.size = sizeof options, .state_dir = path, .instance = "a"};
    assert_int_equal(try_local(&options), MUSTER_ENOTFOUND);
    options = (struct muster_local_options){.size = sizeof options, .socket = path};
    assert_int_equal(try_local(&options), MUSTER_ENOTFOUND);
    close(open(path, O_WRONLY | O_CREAT, 0600)); /* a plain file */
    assert_int_equal(try_local(&options), MUSTER_ENOTFOUND);
    assert_false(uv_loop_alive(&fixture.loop));
}

TEST(options_are_checked) {
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
        assert_int_equal(try_local(&options), MUSTER_EINVAL);
    }
    static const size_t sizes[] = {0, sizeof(size_t) - 1, sizeof(struct muster_local_options) + 1};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct muster_local_options options = {.size = sizes[i], .state_dir = state_dir};
        assert_int_equal(try_local(&options), MUSTER_EINVAL);
    }
    struct muster_local_options older = {.state_dir = state_dir, .instance = ""};
    older.size = offsetof(struct muster_local_options, instance);
    assert_int_equal(try_local(&older), MUSTER_ENOTFOUND);
    assert_int_equal(muster_local_open(NULL, &wrong[0], &asker.local), MUSTER_EINVAL);
    assert_int_equal(muster_local_open(&fixture.loop, NULL, &asker.local), MUSTER_EINVAL);
    assert_int_equal(muster_local_open(&fixture.loop, &wrong[0], NULL), MUSTER_EINVAL);
}

TEST(the_node_on_that_port_is_asked) {
    struct muster_document document = {.name = "b"};
    struct muster_options options = options_of(&document);
    options.port = (uint16_t)(port_own() + 2);
    open_named(0, "a");
    open_with(1, &options);
    struct muster_local_options conditions = {.size = sizeof conditions,
                                              .state_dir = state_dir,
                                              .port = options.port,
                                              .interfaces = loopback,
                                              .interface_count = 1};
    assert_int_equal(try_local(&conditions), 0);
    ask_table();
    AWAIT(strcmp(asker.story, "joined b!, end 0") == 0);
    forget_local();

    static const char *const others[] = {"lo", "eth9"};
    conditions = (struct muster_local_options){
        .size = sizeof conditions, .state_dir = state_dir, .interfaces = others, .interface_count = 2};
    assert_int_equal(try_local(&conditions), 0);
    ask_table();
    ask_table();
    AWAIT(strcmp(asker.story, "end MUSTER_ENOTFOUND, end MUSTER_ENOTFOUND") == 0);
    assert_string_equal(asker.text, "this muster is on another port or other interfaces");
    ask_table(); /* in vain from now on, but not from inside the call */
    AWAIT(tells("end MUSTER_ENOTFOUND, end MUSTER_ENOTFOUND, end MUSTER_ENOTFOUND"));
}

TEST(that_instance_is_asked) {
    struct muster_document document = {.name = "b"};
    struct muster_options options = options_of(&document);
    options.instance = "the second/one";
    open_named(0, "a");
    open_with(1, &options);
    struct muster_local_options wish = {
        .size = sizeof wish, .state_dir = state_dir, .instance = "the second/one"};
    assert_int_equal(try_local(&wish), 0);
    ask_table();
    AWAIT(tells("joined b!"));
}

/* ---- who is no muster ---- */

static void on_fake_event(const struct muster_stream *event, void *owner) {
    (void)owner;
    if (event->event == MUSTER_STREAM_BYTES && fake.script != NULL) {
        stream_table_write(&fake.table, event->number, (const uint8_t *)fake.script, strlen(fake.script));
    }
    if (event->event == MUSTER_STREAM_ACCEPTED && fake.ends_at_once) {
        fake.ends_at_once = false;
        stream_table_close(&fake.table, event->number);
    }
    if (event->event == MUSTER_STREAM_BYTES && fake.ends_after_script) {
        stream_table_close(&fake.table, event->number);
    }
}

static void on_fakes_ended(void *owner) {
    (void)owner;
    fake.has_ended = true;
}

static const struct log silent = {.write = NULL};

/* Listens as slot "0", which is looked at first, and answers each question with the script. */
static void open_fake(const char *script, bool ends_after_script) {
    char path[600];
    struct stream_table_calls calls = {.on_event = on_fake_event, .on_ended = on_fakes_ended, .owner = NULL};
    fake.script = script;
    fake.ends_after_script = ends_after_script;
    if (fake.listener.open) {
        return;
    }
    snprintf(path, sizeof path, "%s/0", state_dir);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(path, sizeof path, "%s/0/socket", state_dir);
    assert_int_equal(listener_open_local(&fake.listener, path, 0600, true), 0);
    stream_table_start(&fake.table, &fixture.loop, &calls, &silent);
    assert_int_equal(stream_table_listen(&fake.table, &fake.listener), 0);
}

#define ROW                                                                                       \
    "{\"peer\":{\"id\":\"00112233445566778899aabbccddeeff\",\"state\":\"alive\"},\"lines\":1}\n"  \
    "{\"muster\":1,\"kind\":\"announce\",\"id\":\"00112233445566778899aabbccddeeff\",\"boot\":1," \
    "\"seq\":1,\"rev\":1,\"next_ms\":2500,\"peers\":0,\"name\":\"lamp\"}\n"

TEST(nonsense_is_an_error_and_no_hang) {
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
    struct muster_local_options options = {.size = sizeof options, .state_dir = state_dir, .instance = "0"};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        open_fake(cases[i].script, cases[i].ends);
        assert_int_equal(try_local(&options), 0);
        ask_table();
        AWAIT(tells("end"));
        assert_string_equal(asker.story, cases[i].story);
        assert_string_equal(asker.text, cases[i].text);
        forget_local();
    }
}

TEST(who_does_not_answer_is_given_up) {
    struct muster_local_options options = {.size = sizeof options, .state_dir = state_dir, .instance = "0"};
    open_fake(NULL, false);
    assert_int_equal(try_local(&options), 0);
    int error;
    INSIDE(error = muster_local_watch(asker.local, on_row, on_end, NULL));
    assert_int_equal(error, 0);
    AWAIT(strcmp(asker.story, "end MUSTER_ELOST") == 0);
    assert_string_equal(asker.text, "it does not answer");
    forget_local();

    open_fake(ROW, false); /* and then nothing */
    assert_int_equal(try_local(&options), 0);
    ask_table();
    AWAIT(strcmp(asker.story, "joined lamp, end MUSTER_ELOST") == 0);
}

/* What is no muster, or has no place, does not hide the one that works. */
TEST(the_next_one_is_asked_instead) {
    static const char *const scripts[] = {"nonsense\n", "{\"end\":\"busy\",\"count\":0}\n",
                                          "{\"end\":\"elsewhere\",\"count\":0}\n"};
    open_named(0, "a");
    for (size_t i = 0; i < 3; i++) {
        open_fake(scripts[i], i == 1);
        open_local();
        ask_table();
        ask_table();
        AWAIT(strcmp(asker.story, "joined a!, end 0, joined a!, end 0") == 0);
        forget_local();
    }
    /* What is left by somebody who was killed is passed over at once. */
    char path[600];
    struct listener stale;
    snprintf(path, sizeof path, "%s/00", state_dir);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(path, sizeof path, "%s/00/socket", state_dir);
    assert_int_equal(listener_open_local(&stale, path, 0600, true), 0);
    close(stale.fd);
    unix_address_close(&stale.address);
    open_local();
    ask_table();
    AWAIT(strcmp(asker.story, "joined a!, end 0") == 0);
}

static void lose_connection(void) {
    fake.ends_at_once = true;
    open_local();
    AWAIT(!fake.ends_at_once && fake.table.entries == NULL);
    uv_run(&fixture.loop, UV_RUN_NOWAIT); /* it is noticed */
}

/* A node ends a connection on which nothing is asked. */
TEST(the_same_one_is_asked_later) {
    open_named(0, "a");
    open_fake(ROW "{\"end\":\"done\",\"count\":1}\n", false);
    lose_connection();
    ask_table();
    AWAIT(strcmp(asker.story, "joined lamp, end 0") == 0);
    forget_local();

    lose_connection();
    close_fakes();
    ask_table();
    AWAIT(strcmp(asker.story, "end MUSTER_ELOST") == 0);
    assert_string_equal(asker.text, "it went away");
}

/* The first may have done it, and only was too slow to say so. */
TEST(a_change_is_asked_of_one_alone) {
    static const struct muster_change change = {.name = "changed"};
    static const char *const scripts[] = {NULL, "", "nonsense\n"};
    muster_t *a = open_named(0, "a");
    uint64_t rev = muster_rev(a);
    for (size_t i = 0; i < 3; i++) {
        open_fake(scripts[i], i == 1);
        open_local();
        assert_int_equal(muster_local_change(asker.local, &change, on_end, NULL), 0);
        AWAIT(strcmp(asker.story, "end MUSTER_ELOST") == 0);
        forget_local();
        assert_int_equal(muster_rev(a), rev);
    }
    open_fake("{\"end\":\"elsewhere\",\"count\":0}\n", false);
    open_local();
    assert_int_equal(muster_local_change(asker.local, &change, on_end, NULL), 0);
    AWAIT(strcmp(asker.story, "end 0") == 0);
    assert_int_equal(muster_rev(a), rev + 1);
}

/* ---- promises ---- */

TEST(a_callback_may_close) {
    muster_t *a = open_named(0, "a");
    open_named(1, "b");
    AWAIT(row_count(a) == 1);
    open_local();
    asker.closes_on_row = true;
    ask_table();
    AWAIT(asker.is_closed);
    assert_string_equal(asker.story, "joined a!");
    asker.local = NULL;
    forget_local();

    open_local();
    asker.closes_on_row = false;
    asker.closes_on_end = true;
    ask_table();
    ask_table();
    AWAIT(asker.is_closed);
    assert_string_equal(asker.story, "joined a!, joined b, end 0");
    asker.local = NULL;
}

TEST(a_callback_may_close_what_is_lost) {
    struct muster_local_options options = {.size = sizeof options, .state_dir = state_dir, .instance = "0"};
    open_fake("nonsense\n", false);
    assert_int_equal(try_local(&options), 0);
    asker.closes_on_end = true;
    ask_table();
    ask_table();
    AWAIT(asker.is_closed);
    assert_string_equal(asker.story, "end MUSTER_ELOST");
    asker.local = NULL;
}

TEST(it_closes_before_the_loop_ran) {
    open_named(0, "a");
    open_local();
    ask_table();
    close_local();
    assert_int_equal(muster_local_table(asker.local, on_row, on_end, NULL), MUSTER_ECLOSING);
    AWAIT(asker.is_closed);
    assert_string_equal(asker.story, "");
    asker.local = NULL;
}

TEST(only_so_many_questions_wait) {
    open_named(0, "a");
    open_local();
    unsigned count = 0;
    while (muster_local_table(asker.local, NULL, on_end, NULL) == 0) {
        count++;
    }
    assert_int_equal(muster_local_table(asker.local, NULL, on_end, NULL), MUSTER_EFULL);
    assert_int_equal(count, 64);
}

TEST(without_memory_nothing_happened) {
    struct muster_local_options options = {
        .size = sizeof options, .state_dir = state_dir, .interfaces = loopback, .interface_count = 1};
    open_named(0, "a");
    unsigned long n = 1;
    for (bool has_failed = true; has_failed; n++) {
        countdown_set(n);
        int error = muster_local_open(&fixture.loop, &options, &asker.local);
        has_failed = countdown_has_failed() != 0;
        countdown_set(0);
        assert_true(error == 0 || (error == MUSTER_ENOMEM && asker.local == NULL));
        assert_true(error == 0 || has_failed);
        if (error == 0) {
            forget_local();
        }
    }
    assert_true(n > 4);
    assert_int_equal(try_local(&options), 0);
    for (bool has_failed = true; has_failed;) {
        countdown_set(1);
        int error = muster_local_table(asker.local, on_row, on_end, NULL);
        countdown_set(0);
        has_failed = error != 0;
        assert_true(error == 0 || error == MUSTER_ENOMEM);
        if (has_failed) {
            countdown_set(0);
            ask_table();
            break;
        }
    }
    AWAIT(tells("end 0"));
}

/* ---- sockets of nodes ---- */

static void path_of(const char *name, char path[600]) {
    snprintf(path, 600, "%s/%s", state_dir, name);
}

static bool is_socket(const char *path, mode_t mode) {
    struct stat status;
    return lstat(path, &status) == 0 && S_ISSOCK(status.st_mode) && (status.st_mode & 07777) == mode;
}

TEST(a_slot_has_a_socket_while_it_is_held) {
    char path[600];
    struct listener stale;
    path_of("a/socket", path);
    muster_t *a = open_named(0, "a");
    assert_true(is_socket(path, 0600));
    close_node(a);
    assert_int_equal(access(path, F_OK), -1);

    assert_int_equal(listener_open_local(&stale, path, 0600, true), 0); /* of one who was killed */
    close(stale.fd);
    unix_address_close(&stale.address);
    a = open_named(0, "a");
    assert_int_equal(fixture.warnings, 0);
    open_local();
    ask_table();
    AWAIT(tells("end 0"));
}

TEST(a_node_goes_on_without_the_socket_of_its_slot) {
    char path[600];
    path_of("a", path);
    assert_int_equal(mkdir(path, 0700), 0);
    path_of("a/socket", path);
    close(open(path, O_WRONLY | O_CREAT, 0600));
    muster_t *a = open_named(0, "a");
    assert_int_equal(fixture.warnings, 1);
    assert_int_equal(fixture.errors, 0);
    assert_non_null(strstr(fixture.last_warning, path));
    assert_non_null(strstr(fixture.last_warning, "File exists"));
    muster_t *b = open_named(1, "b");
    AWAIT(row_count(a) == 1 && row_count(b) == 1);
}

TEST(a_state_directory_may_lie_deep) {
    size_t used = strlen(state_dir);
    while (used < 250) {
        used += (size_t)snprintf(state_dir + used, sizeof state_dir - used, "/a-directory-with-a-long-name");
    }
    muster_t *a = open_named(0, "a");
    assert_int_equal(fixture.warnings, 0);
    open_local();
    ask_table();
    AWAIT(strcmp(asker.story, "joined a!, end 0") == 0);
    forget_local();
    close_node(a);
}

static int try_socket(size_t index, const char *socket) {
    struct muster_document document = {.name = "a"};
    struct muster_options options = options_of(&document);
    options.socket = socket;
    return node_try_open(&options, &nodes[index]);
}

TEST(a_socket_that_was_asked_for_is_required) {
    char path[600];
    path_of("everybody", path);
    assert_int_equal(try_socket(0, path), 0);
    assert_true(is_socket(path, 0666));
    assert_int_equal(try_socket(1, path), MUSTER_EBUSY);
    assert_non_null(strstr(fixture.last_error, path));
    assert_non_null(strstr(fixture.last_error, "another muster answers there"));
    assert_int_equal(try_socket(1, ""), MUSTER_EINVAL);
    path_of("none/socket", path);
    assert_int_equal(try_socket(1, path), MUSTER_ESYSTEM);
    assert_non_null(strstr(fixture.last_error, "No such file or directory"));
    assert_int_equal(fixture.errors, 3);

    struct muster_options options = options_of(NULL);
    options.socket = path;
    assert_int_equal(muster_open(&fixture.loop, &options, &nodes[1]), MUSTER_EINVAL);
    path_of("everybody", path);
    struct muster_local_options wish = {.size = sizeof wish, .socket = path};
    assert_int_equal(try_local(&wish), 0);
    ask_table();
    AWAIT(strcmp(asker.story, "joined a!, end 0") == 0);
}

/* ---- another user ---- */

/* In a child, as nobody: looks, and tries to change. What came of it, for people, goes to fd. */
static void look_as_nobody(const char *path, int fd) {
    struct muster_local_options options = {.size = sizeof options, .socket = path};
    struct muster_change change = {.name = "taken over"};
    uv_loop_t loop;
    uv_loop_init(&loop);
    if (setgid(65534) == 0 && setuid(65534) == 0 && muster_local_open(&loop, &options, &asker.local) == 0) {
        muster_local_table(asker.local, on_row, on_end, NULL);
        muster_local_change(asker.local, &change, on_end, NULL);
        while (!tells("end MUSTER") && uv_run(&loop, UV_RUN_ONCE) != 0) {
        }
        add_to_story("text", asker.text);
    }
    size_t length = strlen(asker.story);
    _exit(write(fd, asker.story, length) == (ssize_t)length ? 0 : 1);
}

TEST(others_may_look_and_change_nothing) {
    char path[600];
    char told[512] = "";
    int pipes[2];
    if (geteuid() != 0) {
        skip(); /* only root can be somebody else */
    }
    path_of("everybody", path);
    assert_int_equal(chmod(state_dir, 0711), 0);
    assert_int_equal(try_socket(0, path), 0);
    assert_int_equal(pipe2(pipes, O_NONBLOCK), 0);
    pid_t child = fork();
    if (child == 0) {
        look_as_nobody(path, pipes[1]);
    }
    int status;
    siginfo_t info = {.si_pid = 0};
    AWAIT(waitid(P_PID, (id_t)child, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid != 0);
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
TEST(a_strangers_socket_is_passed_over) {
    char path[600];
    if (geteuid() != 0) {
        skip(); /* only root can be somebody else */
    }
    open_named(0, "a");
    assert_int_equal(chmod(state_dir, 01777), 0);
    assert_int_equal(seteuid(65534), 0);
    open_fake(ROW "{\"end\":\"done\",\"count\":1}\n", false);
    assert_int_equal(seteuid(0), 0);
    open_local();
    ask_table();
    AWAIT(strcmp(asker.story, "joined a!, end 0") == 0);
    forget_local();

    struct muster_local_options options = {.size = sizeof options, .state_dir = state_dir, .instance = "0"};
    assert_int_equal(try_local(&options), MUSTER_ENOTFOUND);
    path_of("0/socket", path);
    options = (struct muster_local_options){.size = sizeof options, .socket = path};
    assert_int_equal(try_local(&options), 0);
    ask_table();
    AWAIT(strcmp(asker.story, "joined lamp, end 0") == 0);
    forget_local();

    assert_int_equal(chown(state_dir, 65534, 65534), 0); /* then it is for him to say */
    open_local();
    ask_table();
    AWAIT(strcmp(asker.story, "joined lamp, end 0") == 0);
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
static void read_answer(struct answer *answer) {
    AWAIT(is_whole(answer) || answer->is_broken);
    assert_false(answer->is_broken);
    close(answer->fd);
}

static int connect_tcp(const muster_t *node) {
    struct muster_endpoint endpoint = {.family = 4, .ip = {127, 0, 0, 1}};
    endpoint.port = muster_unicast_port(node);
    int fd = tcp_connect(&endpoint, 0, NULL);
    assert_true(fd >= 0);
    AWAIT(tcp_remote(fd).family == 4);
    return fd;
}

static void say(int fd, const char *text) {
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

static const char question[] = "{\"muster\":1,\"request\":\"table\"}\n";

TEST(a_table_comes_by_tcp) {
    muster_t *a = open_named(0, "a");
    open_named(1, "b");
    AWAIT(row_count(a) == 1);
    struct answer answer = {.fd = connect_tcp(a)};
    say(answer.fd, question);
    shutdown(answer.fd, SHUT_WR);
    read_answer(&answer);
    assert_non_null(strstr(answer.text, "\"name\":\"b\""));
    assert_null(strstr(answer.text, "\"name\":\"a\"")); /* who asks by TCP hears it anyway */
    assert_non_null(strstr(answer.text, "{\"end\":\"done\",\"count\":1}"));
}

TEST(nobody_changes_a_node_by_tcp) {
    static const char change[] = "{\"muster\":1,\"request\":\"update\",\"set\":{\"name\":\"mine\"}}\n";
    muster_t *a = open_named(0, "a");
    struct answer answer = {.fd = connect_tcp(a)};
    say(answer.fd, change);
    read_answer(&answer);
    assert_non_null(strstr(answer.text, "\"end\":\"forbidden\""));
}

TEST(a_node_closes_with_watchers) {
    muster_t *a = open_named(0, "a");
    open_local();
    assert_int_equal(muster_local_watch(asker.local, on_row, on_end, NULL), 0);
    AWAIT(tells("joined a!"));
    int idle = connect_tcp(a);
    close_node(a);
    AWAIT(tells("joined a!, end MUSTER_ELOST"));
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

static void ask_raw(const muster_t *node, unsigned i) {
    char path[600];
    path_of("a/socket", path);
    struct answer answer = {.fd = i % 8 == 0 ? connect_tcp(node) : unix_connect(path)};
    assert_true(answer.fd >= 0);
    if (i % 8 != 1) {
        say(answer.fd, question);
    }
    if (i % 8 <= 2 && i % 8 != 0) { /* gone without a word, or without a look at the answer */
        close(answer.fd);
    } else {
        read_answer(&answer);
    }
}

TEST(ten_thousand_connections_leave_nothing) {
    muster_t *a = open_named(0, "a");
    for (unsigned i = 0; i < 1000; i++) {
        ask_raw(a, i);
    }
    AWAIT(descriptors_count() < 64);
    size_t bytes = allocated();
    unsigned descriptors = descriptors_count();
    for (unsigned i = 1000; i < 10000; i++) {
        ask_raw(a, i);
    }
    AWAIT(descriptors_count() <= descriptors);
    assert_true(allocated() < bytes + 16384);
    const struct muster_counters *counters = muster_counters(a);
    assert_int_equal(counters->streams_accepted, 10000);
    assert_int_equal(counters->streams_refused, 0);
}

int main(void) {
    return test_run(begin, end_all);
}
