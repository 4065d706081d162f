/* Every allocation fails once, at each place where the core allocates: nothing crashes or leaks, the books
 * stay right, and afterwards the nodes know each other as if nothing had been. */
#include <stdio.h>
#include <string.h>

#include <sodium.h>

#include "countdown.h"
#include "node.h"
#include "suspicion.h"
#include "test.h"
#include "world.h"

/* ---- making a node ---- */

static const struct muster_text txt = {"path", "/"};
static const struct muster_service service = {
    .name = "page", .type = "http", .proto = "tcp", .port = 80, .txt = &txt, .txt_count = 1};
static const struct muster_document document = {
    .name = "a", .services = &service, .service_count = 1, .attrs = &txt, .attr_count = 1};

static void fail_every_allocation_of_new(const uint8_t *key, const uint8_t *secret, bool is_observer) {
    struct muster_core_options options;
    muster_core_options_init(&options);
    assert_int_equal(muster_crypto_ed25519(&options.crypto, secret), 0);
    options.boot = 1;
    options.key = key;
    options.document = is_observer ? NULL : &document;
    bool has_failed = true;
    unsigned long n = 0;
    while (has_failed) {
        muster_core_t *core = NULL;
        countdown_set(++n);
        int error = muster_core_new(&options, 1000, &core);
        has_failed = countdown_has_failed();
        countdown_set(0);
        assert_int_equal(error, has_failed ? MUSTER_ENOMEM : 0);
        assert_true((core == NULL) == has_failed);
        muster_core_free(core);
    }
    print_message("%lu allocations\n", n - 1);
    assert_true(n > 1);
}

TEST(a_node_is_made_or_not) {
    uint8_t key[MUSTER_KEY_BYTES];
    uint8_t secret[MUSTER_SECRET_BYTES];
    assert_int_equal(muster_key_generate(key, secret), 0);
    fail_every_allocation_of_new(NULL, NULL, true);
    fail_every_allocation_of_new(NULL, NULL, false);
    fail_every_allocation_of_new(key, secret, false);
}

/* ---- stories in which one allocation fails ---- */

/* Signatures that cost nothing: who signed is none of this test's business, and it takes thousands of runs.
 */
static int sign_nothing(void *context, const uint8_t *bytes, size_t length,
                        uint8_t signature[MUSTER_SIGNATURE_BYTES]) {
    (void)context;
    (void)bytes;
    (void)length;
    memset(signature, 0, MUSTER_SIGNATURE_BYTES);
    return 0;
}

static int believe(void *context, const uint8_t key[MUSTER_KEY_BYTES], const uint8_t *bytes, size_t length,
                   const uint8_t signature[MUSTER_SIGNATURE_BYTES]) {
    (void)context;
    (void)key;
    (void)bytes;
    (void)length;
    (void)signature;
    return 0;
}

static const struct muster_crypto cheap_crypto = {.sign = sign_nothing, .verify = believe};

static void start(size_t index, const char *name) {
    struct muster_document said = document;
    said.name = name;
    struct muster_core_options options;
    world_options(index, &said, &options);
    options.crypto = cheap_crypto;
    world_start(index, &options);
}

static void add(const char *name) {
    size_t index = world_add(name);
    world.nodes[index].core->identity.crypto = cheap_crypto;
}

/* What is refused for want of memory is refused once. */
static void command(size_t index, const struct muster_command *command) {
    int error = world_command(index, command);
    if (error != 0) {
        assert_int_equal(error, MUSTER_ENOMEM);
        assert_true(countdown_has_failed());
        assert_int_equal(world_command(index, command), 0);
    }
}

static void update(size_t index, uint16_t port) {
    struct muster_service services[] = {service, service};
    services[1].port = port;
    struct muster_document next = document;
    next.name = world.nodes[index].name;
    next.services = services;
    next.service_count = 2;
    command(index, &(struct muster_command){.kind = MUSTER_COMMAND_UPDATE, .document = &next});
}

static void rekey(size_t index) {
    struct node *node = &world.nodes[index];
    static const uint8_t seed[crypto_sign_SEEDBYTES] = {99};
    crypto_sign_seed_keypair(node->key, node->secret, seed);
    command(index, &(struct muster_command){.kind = MUSTER_COMMAND_REKEY,
                                            .key = node->key,
                                            .boot = node->boot + 1,
                                            .crypto = cheap_crypto});
}

static void look(size_t index) {
    struct muster_peer_list list;
    int error = muster_core_peers(world.nodes[index].core, &list);
    if (error != 0) {
        assert_int_equal(error, MUSTER_ENOMEM);
        assert_true(countdown_has_failed());
        assert_int_equal(list.count, 0);
        assert_null(list.peers);
    }
    muster_peer_list_free(&list);
}

static void check_books(void) {
    for (size_t i = 0; i < world.count; i++) {
        const struct muster_counters *counters = muster_core_counters(world.nodes[i].core);
        uint64_t counted = counters->accepted + counters->copies;
        for (int drop = 0; drop < MUSTER_DROP_COUNT; drop++) {
            counted += counters->drops[drop];
        }
        assert_int_equal(counters->received, counted);
    }
}

static void check_row(size_t index, const char *name, enum muster_state expected, size_t services) {
    struct muster_peer_list list;
    assert_int_equal(muster_core_peers(world.nodes[index].core, &list), 0);
    bool is_found = false;
    for (size_t i = 0; i < list.count; i++) {
        const struct muster_peer *peer = &list.peers[i];
        if (peer->state == expected && strcmp(peer->document.name, name) == 0) {
            assert_int_equal(peer->document.service_count, services);
            is_found = true;
        }
    }
    muster_peer_list_free(&list);
    assert_true(is_found);
}

/* One copy of each message is enough here, and one's own echo is dropped anyway. */
static bool is_superfluous(size_t from, size_t to, const struct muster_datagram *datagram) {
    return from == to || datagram->destination.ip[0] == 255;
}

struct story {
    void (*begin)(void);
    void (*tell)(void);  /* here an allocation fails */
    void (*check)(void); /* after it */
};

static void fail_every_allocation_of(const struct story *story) {
    unsigned long n = 0;
    bool has_failed = true;
    while (has_failed) {
        world_begin(1);
        world.is_lost = is_superfluous;
        story->begin();
        countdown_set(++n);
        story->tell();
        has_failed = countdown_has_failed();
        countdown_set(0);
        check_books();
        story->check();
        check_books();
    }
    print_message("%lu allocations\n", n - 1);
    assert_true(n > 1);
}

/* Starts "a" and "b", who do not know each other yet. */
static void begin_two(void) {
    add("a");
    add("b");
}

static void begin_acquainted(void) {
    begin_two();
    world_run(400);
    check_row(1, "a", MUSTER_ALIVE, 1);
}

static void meet(void) {
    world_run(260);
}

static void check_met(void) {
    world_run(3000);
    check_row(0, "b", MUSTER_ALIVE, 1);
    check_row(1, "a", MUSTER_ALIVE, 1);
    assert_int_equal(world.nodes[0].counts[MUSTER_PEER_JOINED], 1);
    assert_int_equal(world.nodes[1].counts[MUSTER_PEER_JOINED], 1);
}

TEST(two_meet) {
    fail_every_allocation_of(&(struct story){begin_two, meet, check_met});
}

static void change(void) {
    update(0, 8080);
    look(1);
    world_run(20);
    look(1);
}

static void check_changed(void) {
    world_run(3000);
    check_row(1, "a", MUSTER_ALIVE, 2);
    assert_int_equal(world.nodes[1].counts[MUSTER_PEER_CHANGED], 1);
    assert_int_equal(world.nodes[1].counts[MUSTER_PEER_LOST], 0);
}

TEST(one_changes) {
    fail_every_allocation_of(&(struct story){begin_acquainted, change, check_changed});
}

static void ask(void) {
    command(1, &(struct muster_command){.kind = MUSTER_COMMAND_QUERY, .type = "http", .name = "a"});
    command(1, &(struct muster_command){.kind = MUSTER_COMMAND_QUERY});
    world_run(300);
}

static void check_settled(void) {
    world_run(2000);
    assert_int_equal(world.nodes[1].settled, 2);
    check_row(1, "a", MUSTER_ALIVE, 1);
}

TEST(one_asks) {
    fail_every_allocation_of(&(struct story){begin_acquainted, ask, check_settled});
}

/* "b" hears nothing until it is about to suspect "a". */
static void begin_deaf(void) {
    begin_acquainted();
    world.nodes[1].paths = 0;
    const struct muster_core *core = world.nodes[1].core;
    world_run(suspicion_due_ms(core, peer_table_first_due(&core->table)) - 50 - world.now_ms);
    assert_int_equal(world.nodes[1].counts[MUSTER_PEER_SUSPECT], 0);
}

static void lose(void) {
    world_run(2000);
}

static void check_lost_and_back(void) {
    world_run(2000);
    assert_int_equal(world.nodes[1].counts[MUSTER_PEER_SUSPECT], 1);
    assert_int_equal(world.nodes[1].counts[MUSTER_PEER_LOST], 1);
    world.nodes[1].paths = 7;
    world_run(5000);
    assert_true(world.nodes[1].counts[MUSTER_PEER_RETURNED] > 0);
    check_row(1, "a", MUSTER_ALIVE, 1);
}

TEST(one_is_lost) {
    fail_every_allocation_of(&(struct story){begin_deaf, lose, check_lost_and_back});
}

static void begin_lost(void) {
    begin_acquainted();
    world.nodes[1].paths = 0;
    assert_true(world_run_until(1, MUSTER_PEER_LOST, 1));
    world.nodes[1].paths = 7;
}

static void come_back(void) {
    world_run(2500);
}

static void check_back(void) {
    world_run(2500);
    assert_true(world.nodes[1].counts[MUSTER_PEER_RETURNED] > 0);
    check_row(1, "a", MUSTER_ALIVE, 1);
}

TEST(one_returns) {
    fail_every_allocation_of(&(struct story){begin_lost, come_back, check_back});
}

static void leave(void) {
    command(0, &(struct muster_command){.kind = MUSTER_COMMAND_LEAVE});
    world_run(300);
}

static void check_left(void) {
    world_run(1000);
    assert_true(world.nodes[0].has_left);
    check_row(1, "a", MUSTER_LEFT, 1);
    assert_int_equal(world.nodes[1].counts[MUSTER_PEER_LEFT], 1);
}

TEST(one_leaves) {
    fail_every_allocation_of(&(struct story){begin_acquainted, leave, check_left});
}

static void take_another_key(void) {
    rekey(0);
    world_run(60);
}

static void check_taken(void) {
    world_run(7000);
    assert_int_equal(world.nodes[1].counts[MUSTER_PEER_JOINED], 2);
    assert_int_equal(world.nodes[1].counts[MUSTER_PEER_LOST], 1);
    check_row(1, "a", MUSTER_ALIVE, 1);
    check_row(0, "b", MUSTER_ALIVE, 1);
}

TEST(one_takes_another_key) {
    fail_every_allocation_of(&(struct story){begin_acquainted, take_another_key, check_taken});
}

/* "b" starts again with a larger boot; its first datagrams are on their way. */
static void begin_again(void) {
    begin_acquainted();
    start(1, "b");
}

static void hear_of_it(void) {
    world_run(100);
}

static void check_restarted(void) {
    world_run(3000);
    check_row(0, "b", MUSTER_ALIVE, 1);
    assert_int_equal(world.nodes[0].counts[MUSTER_PEER_RESTARTED], 1);
}

TEST(one_restarts) {
    fail_every_allocation_of(&(struct story){begin_again, hear_of_it, check_restarted});
}

/* "b" holds the key of "a" too, as after a copied disk; its first datagrams are on their way. */
static void begin_twins(void) {
    begin_two();
    struct node *twin = &world.nodes[1];
    memcpy(twin->key, world.nodes[0].key, sizeof twin->key);
    twin->boot = 10;
    start(1, "b");
}

static void notice(void) {
    world_run(120);
}

static void check_noticed(void) {
    world_run(3000);
    assert_int_equal(world.nodes[0].counts[MUSTER_PEER_CONFLICT], 1);
    assert_int_equal(world.nodes[1].counts[MUSTER_PEER_CONFLICT], 1);
}

TEST(twins_notice_each_other) {
    fail_every_allocation_of(&(struct story){begin_twins, notice, check_noticed});
}

/* Many who do not answer, and whose promises end together: more events than there is room for at first. */
#define STRANGERS 17

static void begin_crowd(void) {
    add("a");
    world_run(1);
    for (int i = 0; i < STRANGERS; i++) {
        char text[256];
        snprintf(text, sizeof text,
                 "{\"muster\":1,\"kind\":\"announce\",\"id\":\"%032x\",\"boot\":1,\"seq\":1,\"rev\":1,"
                 "\"next_ms\":2500,\"peers\":0,\"name\":\"stranger\"}\n",
                 (unsigned)i);
        world_say(0, text, 99, MUSTER_PATH_M4);
    }
    world_run(1);
    assert_int_equal(world_rows(0, MUSTER_ALIVE), STRANGERS);
    world_run(2500);
}

static void fall_silent(void) {
    world_run(300);
}

static void check_all_lost(void) {
    world_run(2500);
    assert_int_equal(world.nodes[0].counts[MUSTER_PEER_SUSPECT], STRANGERS);
    assert_int_equal(world.nodes[0].counts[MUSTER_PEER_LOST], STRANGERS);
}

TEST(a_crowd_falls_silent) {
    fail_every_allocation_of(&(struct story){begin_crowd, fall_silent, check_all_lost});
}

/* ---- streams ---- */

/* "b" knows two that "a" does not, and says so. */
static void begin_table(void) {
    world.has_streams = true;
    begin_acquainted();
    for (int i = 0; i < 2; i++) {
        char text[256];
        snprintf(text, sizeof text,
                 "{\"muster\":1,\"kind\":\"announce\",\"id\":\"%032x\",\"boot\":1,\"seq\":1,\"rev\":1,"
                 "\"next_ms\":60000,\"peers\":0,\"name\":\"told%d\"}\n",
                 (unsigned)i + 1, i);
        world_say(1, text, 99, MUSTER_PATH_M4);
    }
    world_run(5);
}

static void offer_table(void) {
    const struct message answer = {.stream = WORLD_STREAM_PORT, .peers = 100};
    const struct muster_datagram datagram = {.source = world.nodes[1].endpoint, .interface = WORLD_INTERFACE};
    fetch_begin_round(world.nodes[0].core);
    fetch_note_answer(world.nodes[0].core, &answer, &datagram);
    assert_int_equal(world_step(0, &(struct muster_event){.kind = MUSTER_EVENT_TIMER}), 0);
}

static void take_table(void) {
    offer_table();
    world_run(50);
}

static void check_table(void) {
    world_run(2000);
    if (world_rows(0, MUSTER_ALIVE) < 3) { /* then it is asked for again some time */
        offer_table();
        world_run(50);
    }
    check_row(0, "told0", MUSTER_ALIVE, 0);
    check_row(0, "told1", MUSTER_ALIVE, 0);
}

TEST(one_takes_a_table) {
    fail_every_allocation_of(&(struct story){begin_table, take_table, check_table});
}

static void begin_streams(void) {
    world.has_streams = true;
    begin_acquainted();
}

/* Too large for a datagram, of few values. */
static struct muster_document large_document(void) {
    static char text[MUSTER_VALUE_BYTES_MAX + 1];
    static struct muster_text attrs[] = {{"a", text}, {"b", text}, {"c", text}, {"d", text}, {"e", text}};
    memset(text, 'x', sizeof text - 1);
    return (struct muster_document){
        .name = "a", .services = &service, .service_count = 1, .attrs = attrs, .attr_count = 5};
}

static void grow_large(void) {
    const struct muster_document large = large_document();
    command(0, &(struct muster_command){.kind = MUSTER_COMMAND_UPDATE, .document = &large});
    world_run(60);
    look(1);
}

static void check_large(void) {
    world_run(3000);
    const struct peer *peer = world.nodes[1].core->table.by_id;
    assert_non_null(peer->large);
    assert_true(peer->large->is_current);
    assert_int_equal(world.nodes[1].core->table.large_bytes, peer->large->body_length);
    assert_int_equal(world.nodes[1].core->table.large_count, 1);
    check_row(1, "a", MUSTER_ALIVE, 1);
}

TEST(one_grows_large) {
    fail_every_allocation_of(&(struct story){begin_streams, grow_large, check_large});
}

static struct pipe *client;

static void ask_all(void) {
    static const char requests[] =
        "{\"muster\":1,\"request\":\"self\"}\n{\"muster\":1,\"request\":\"stats\",\"port\":19797}\n"
        "{\"muster\":1,\"request\":\"table\",\"interfaces\":[\"eth0\"]}\n"
        "{\"muster\":1,\"request\":\"document\",\"id\":\"00000000000000000000000000000000\",\"hash\":"
        "\"0000000000000000000000000000000000000000000000000000000000000000\"}\n"
        "{\"muster\":1,\"request\":\"update\",\"set\":{\"attrs\":{\"a\":\"b\"}},\"remove\":"
        "{\"attrs\":[\"path\"]}}\n{\"muster\":1,\"request\":\"watch\"}\n";
    client = pipe_connect(0, &(struct muster_stream){.is_local = true, .may_change = true});
    pipe_say(client, requests);
    world_run(30);
    update(1, 8080); /* who watches is told */
    world_run(150);
}

/* Each request was answered, or refused for want of memory; and there is memory for the next one. */
static void check_answered(void) {
    world_run(1200); /* a change is told three times */
    bool is_refused = strstr(client->text, "{\"end\":\"memory\"") != NULL;
    bool is_watching = strstr(client->text, "{\"event\":\"changed\"") != NULL;
    assert_true(client->is_ended || client->is_closed || is_refused || is_watching);
    client = pipe_connect(0, &(struct muster_stream){.is_local = true});
    pipe_say(client, "{\"muster\":1,\"request\":\"table\"}\n");
    world_run(20);
    assert_non_null(strstr(client->text, "{\"end\":\"done\",\"count\":2}\n"));
    check_row(0, "b", MUSTER_ALIVE, 2);
}

TEST(one_answers) {
    fail_every_allocation_of(&(struct story){begin_streams, ask_all, check_answered});
}

/* The first one hears the second, whose topic it has subscribed to. */
static void begin_feeds(void) {
    static const char *const patterns[] = {"#"};
    const struct muster_subscription_options options = {.patterns = patterns, .pattern_count = 1};
    const struct muster_topic topic = {.name = "t"};
    const struct muster_record record = {.kind = MUSTER_VALUE_BOOLEAN};
    unsigned number;
    struct muster_feed feed;
    begin_streams();
    assert_int_equal(muster_core_subscribe(world.nodes[0].core, &options, &number), 0);
    assert_int_equal(muster_core_topic_open(world.nodes[1].core, &topic, &number), 0);
    world_run(2000);
    assert_int_equal(muster_core_topic_add(world.nodes[1].core, number, &record, world.now_ms, 1700000000),
                     0);
    muster_core_topic_flush(world.nodes[1].core, number);
    world_run(2000);
    assert_int_equal(muster_core_feeds(world.nodes[0].core, &feed, 1), 1);
}

static void ask_self(void) {
    client = pipe_connect(0, &(struct muster_stream){.is_local = true});
    pipe_say(client, "{\"muster\":1,\"request\":\"self\"}\n");
    world_run(30);
}

static void check_self(void) {
    bool is_refused = strstr(client->text, "{\"end\":\"memory\"") != NULL;
    bool is_told = strstr(client->text, "\"feeds_known\":1}") != NULL;
    assert_true(client->is_ended || client->is_closed || is_refused || is_told);
    ask_self();
    assert_non_null(strstr(client->text, "\"feeds_known\":1}"));
}

TEST(one_tells_of_its_feeds) {
    fail_every_allocation_of(&(struct story){begin_feeds, ask_self, check_self});
}

/* ---- the table alone, with more rows than a story has ---- */

#define ROWS 300

/* Adds all rows; what fails is added again. */
static void fill(struct peer_table *table) {
    for (unsigned i = 0; i < ROWS; i++) {
        uint8_t id[MUSTER_ID_BYTES] = {0};
        bool is_full;
        memcpy(id, &i, sizeof i);
        if (peer_table_add(table, id, true, false, i, &is_full) == NULL) {
            assert_true(countdown_has_failed());
            assert_false(is_full);
            assert_int_equal(table->count, i);
            assert_null(peer_table_find(table, id));
            assert_non_null(peer_table_add(table, id, true, false, i, &is_full));
        }
    }
}

TEST(a_table_grows) {
    static const uint8_t seed[16] = {1};
    bool has_failed = true;
    unsigned long n = 0;
    while (has_failed) {
        struct peer_table table;
        peer_table_init(&table, seed, ROWS);
        countdown_set(++n);
        fill(&table);
        has_failed = countdown_has_failed();
        countdown_set(0);
        assert_int_equal(table.count, ROWS);
        for (unsigned i = 0; i < ROWS; i++) {
            uint8_t id[MUSTER_ID_BYTES] = {0};
            memcpy(id, &i, sizeof i);
            assert_non_null(peer_table_find(&table, id));
        }
        peer_table_deinit(&table);
    }
    print_message("%lu allocations\n", n - 1);
    assert_true(n > ROWS);
}

int main(void) {
    return test_run(NULL, world_end);
}
