/* SPDX-License-Identifier: MIT */
/* Topics that a node publishes, and how far their data has come: what it announces, what the others see of
 * it, and what is refused. */
#include <stdio.h>
#include <string.h>

#include "countdown.h"
#include "field.h"
#include "limit.h"
#include "tape.h"
#include "test.h"

#define A 0
#define B 1

static void begin(void) {
    world_begin(1);
    field_begin();
    world_gather(2);
    tape_begin(A);
}

static int try_topic(size_t node, const struct muster_topic *topic, unsigned *number) {
    int error = muster_core_topic_open(world.nodes[node].core, topic, number);
    world_tick(node);
    return error;
}

static unsigned open_topic(const struct muster_topic *topic) {
    unsigned number;
    assert_int_equal(try_topic(A, topic, &number), 0);
    return number;
}

static void close_topic(unsigned number) {
    muster_core_topic_close(world.nodes[A].core, number);
    world_tick(A);
}

static void check_seen(const char *expected) {
    world_run(200);
    assert_string_equal(world_seen(B), expected);
}

static void check_rev(uint64_t rev) {
    assert_int_equal(muster_core_rev(world.nodes[A].core), rev);
}

static const struct muster_text units[] = {{"temperature", "Cel"}, {"humidity", "%RH"}};
static const struct muster_topic climate = {.name = "kitchen/climate", .units = units, .unit_count = 2};
static const struct muster_topic power = {.name = "power", .unit = "W"};
#define SEEN " http/tcp:8080 kitchen/climate[temperature=Cel][humidity=%RH] power(W)"

static unsigned power_number;

static void open_both(void) {
    open_topic(&climate);
    power_number = open_topic(&power);
}

/* ---- topics ---- */

TEST(topics_come_and_go) {
    unsigned number = open_topic(&climate);
    power_number = open_topic(&power);
    check_seen("a" SEEN);
    close_topic(number);
    check_seen("a http/tcp:8080 power(W)");
    close_topic(power_number);
    check_seen("a http/tcp:8080");
    check_rev(5);
}

TEST(what_is_said_of_a_topic_is_news) {
    const struct muster_topic others[] = {
        {.name = "power", .unit = "kW"},
        {.name = "power"},
        {.name = "power", .units = units, .unit_count = 1},
        {.name = "power", .units = units, .unit_count = 2},
    };
    static const char *const seen[] = {" power(kW)", " power", " power[temperature=Cel]",
                                       " power[temperature=Cel][humidity=%RH]"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        char expected[128];
        unsigned number = open_topic(&others[i]);
        snprintf(expected, sizeof expected, "a http/tcp:8080%s", seen[i]);
        check_seen(expected);
        check_rev(2 + 2 * i);
        close_topic(number);
    }
}

TEST(what_was_said_of_a_topic_is_not_said_again) {
    const struct muster_record known = {
        .name = "temperature", .unit = "Cel", .kind = MUSTER_VALUE_NUMBER, .number = 20};
    const struct muster_record unknown = {
        .name = "pressure", .unit = "Pa", .kind = MUSTER_VALUE_NUMBER, .number = 1};
    unsigned number = open_topic(&climate);
    field_publish_record(A, number, &known);
    check_rev(2);
    field_publish_record(A, number, &unknown);
    check_rev(3);
    field_publish_record(A, number, &unknown);
    check_rev(3);
}

/* What a program says of itself says nothing of what it publishes. */
TEST(other_changes_keep_topics) {
    const struct muster_topic other = {.name = "other"};
    const struct muster_document update = {.name = "alpha", .topics = &other, .topic_count = 1};
    const struct muster_change change = {.name = "beta"};
    open_both();
    world_run(200);
    struct muster_command command = {.kind = MUSTER_COMMAND_UPDATE, .document = &update};
    assert_int_equal(world_command(A, &command), 0);
    check_seen("alpha kitchen/climate[temperature=Cel][humidity=%RH] power(W)");
    assert_int_equal(world_command(A, &command), 0);
    check_rev(4);
    command = (struct muster_command){.kind = MUSTER_COMMAND_CHANGE, .change = &change};
    assert_int_equal(world_command(A, &command), 0);
    check_seen("beta kitchen/climate[temperature=Cel][humidity=%RH] power(W)");
}

TEST(a_node_begins_without_topics) {
    const struct muster_document document = {.name = "a", .topics = &power, .topic_count = 1};
    struct muster_core_options options = world_options(A);
    options.document = &document;
    world_start(A, &options);
    check_seen("a");
}

static void check_sent(const struct utterance *utterance, unsigned shard, uint64_t seq) {
    assert_non_null(utterance);
    for (unsigned i = 0; i < MUSTER_SHARDS; i++) {
        assert_int_equal(said_sent(utterance, i), i == shard ? seq : 0);
    }
}

TEST(another_key_keeps_topics_and_forgets_what_was_sent) {
    open_both();
    field_publish_many(A, power_number, 12, 1);
    world_kill(B);
    assert_int_equal(world_rekey(A, 50), 0);
    tape_begin(A);
    world_run(10000);
    assert_int_equal(said_number(tape_last("announce"), "boot"), 50);
    assert_true(datagram_has(&tape_last("announce")->datagram, "\"power\""));
    check_sent(tape_last("announce"), MUSTER_SHARDS, 0);
    check_sent(tape_last("alive"), MUSTER_SHARDS, 0);
}

/* Between two steps a core doesn't know how late it is: that is no stall, after which everybody is asked. */
TEST(topics_may_be_opened_long_after_a_step) {
    struct muster_core_options options = world_options(A);
    unsigned number;
    options.interval_min_ms = MUSTER_SLEEPER_MS;
    world_leave(B);
    world_start(A, &options);
    world_run(20000);
    tape_begin(A);
    assert_true(muster_core_deadline(world.nodes[A].core) > world.now_ms + MUSTER_STALL_MS);
    assert_int_equal(muster_core_topic_open(world.nodes[A].core, &power, &number), 0);
    assert_true(muster_core_deadline(world.nodes[A].core) <= world.now_ms);
    world_run(2000);
    TAPE_CHECK_TIMES("announce", 0, 250, 1000);
    assert_int_equal(tape_count("query"), 0);
}

TEST(a_unit_may_be_left_out) {
    static const struct muster_text listed[] = {{"a", NULL}, {"b", "W"}};
    const struct muster_topic topic = {.name = "units", .units = listed, .unit_count = 2};
    unsigned number;
    assert_int_equal(try_topic(A, &topic, &number), 0);
    check_seen("a http/tcp:8080 units[a=][b=W]");
}

/* ---- what is refused ---- */

TEST(what_no_announce_may_hold_is_refused) {
    char long_name[MUSTER_TOPIC_BYTES_MAX + 2];
    char long_unit[MUSTER_NAME_BYTES_MAX + 2];
    memset(long_name, 'x', sizeof long_name);
    memset(long_unit, 'x', sizeof long_unit);
    long_name[sizeof long_name - 1] = long_unit[sizeof long_unit - 1] = '\0';
    const struct muster_text unit_lists[][2] = {
        {{NULL, "W"}, {"a", "W"}},      {{"", "W"}, {"b", "W"}},  {{"a", long_unit}, {"b", "W"}},
        {{long_unit, "W"}, {"b", "W"}}, {{"a", "W"}, {"a", "V"}},
    };
    const struct muster_topic refused[] = {
        {.name = NULL}, {.name = ""},        {.name = "a//b"},
        {.name = "+"},  {.name = long_name}, {.name = "a", .unit = long_unit},
        climate,
    };
    unsigned number;
    open_both();
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        assert_int_equal(try_topic(A, &refused[i], &number), MUSTER_EINVAL);
    }
    for (size_t i = 0; i < sizeof unit_lists / sizeof *unit_lists; i++) {
        const struct muster_topic topic = {.name = "a", .units = unit_lists[i], .unit_count = 2};
        assert_int_equal(try_topic(A, &topic, &number), MUSTER_EINVAL);
    }
    assert_int_equal(try_topic(world_add("?"), &power, &number), MUSTER_EINVAL);
    check_seen("a" SEEN);
    check_rev(3);
}

/* Without streams a document is no larger than a datagram. */
TEST(what_does_not_fit_is_refused) {
    char name[16];
    unsigned number;
    uint64_t opened = 0;
    int error = 0;
    for (; error == 0; opened++) {
        snprintf(name, sizeof name, "topic-%u", (unsigned)opened);
        error = try_topic(A, &(struct muster_topic){.name = name}, &number);
    }
    assert_int_equal(error, MUSTER_ETOOBIG);
    check_rev(opened);
    world_run(3000);
    assert_int_equal(world_row(B, "a")->document.topic_count, opened - 1);
}

static void look(void *unused) {
    (void)unused;
    struct muster_peer_list list;
    countdown_begin();
    int error = muster_core_peers(world.nodes[B].core, &list);
    assert_int_equal(error, countdown_end() ? MUSTER_ENOMEM : 0);
    muster_peer_list_free(&list);
}

TEST(looking_at_topics_may_lack_memory) {
    open_both();
    world_run(200);
    assert_true(countdown_walk(look, NULL, 0) > 10);
}

/* ---- how far data has come ---- */

TEST(what_was_sent_is_said) {
    const unsigned shard = muster_topic_shard("power");
    open_both();
    field_publish_many(A, power_number, 7, 1);
    world_run(5000);
    check_sent(tape_last("announce"), shard, 7);
    check_sent(tape_last("alive"), shard, 7);
    field_publish_many(A, power_number, 2, 1);
    world_run(5000);
    check_sent(tape_last("alive"), shard, 9);
}

/* Data of a topic that was closed may still be missing. */
TEST(alives_tell_of_closed_topics_too) {
    unsigned number = open_topic(&power);
    field_publish_many(A, number, 7, 1);
    close_topic(number);
    world_run(5000);
    assert_int_equal(said_number(tape_last("announce"), "rev"), 3);
    check_sent(tape_last("announce"), MUSTER_SHARDS, 0);
    check_sent(tape_last("alive"), muster_topic_shard("power"), 7);
}

static int set_attr(const char *name, size_t length) {
    const struct muster_record text = field_text(length);
    const struct muster_text attr = {name, text.text};
    const struct muster_change change = {.attrs = &attr, .attr_count = 1};
    const struct muster_command command = {.kind = MUSTER_COMMAND_CHANGE, .change = &change};
    return world_command(A, &command);
}

/* A document that just fits does so however much is sent in the shards of its topics. */
TEST(an_announce_has_room_for_what_was_sent) {
    static const char most_sent[] = ",\"sent\":{\"10\":9007199254740991,\"11\":9007199254740991}";
    static const char *const names[] = {"a", "b", "c", "d", "e"};
    open_both();
    size_t count = 0;
    for (size_t length = MUSTER_VALUE_BYTES_MAX; length > 0 && count < 5;) {
        int error = set_attr(names[count], length);
        assert_true(error == 0 || error == MUSTER_ETOOBIG);
        count += error == 0 ? 1 : 0;
        length -= error == 0 ? 0 : 1;
    }
    world_run(5000);
    size_t bytes = tape_last("announce")->datagram.length + strlen(most_sent);
    /* An answer has room besides for a nonce and for where it leaves from. */
    assert_in_range(bytes, MUSTER_ANNOUNCE_BYTES_MAX - 150, MUSTER_ANNOUNCE_BYTES_MAX);
    assert_int_equal(world_counters(A)->outputs_dropped, 0);
}

/* Asks "a" by unicast in the name of "b", which can't have asked that. */
static void ask(const char *members, size_t length) {
    world_say_signed(A, B + 1, MUSTER_PATH_U4, world.nodes[B].secret, length,
                     "{\"muster\":1,\"kind\":\"query\",\"id\":\"%s\",\"boot\":1,\"nonce\":\"00000007\","
                     "\"of\":[\"%s\"]%s}",
                     world.nodes[B].id, world.nodes[A].id, members);
    tape_begin(A);
    world_run(100);
}

TEST(an_answer_is_no_longer_than_its_question) {
    const unsigned shard = muster_topic_shard("power");
    open_both();
    field_publish_many(A, power_number, 7, 1);
    world_run(3000);
    ask("", MUSTER_PROOF_BYTES);
    assert_true(said_has(tape_last("alive"), "re"));
    assert_true(tape_last("alive")->datagram.length <= MUSTER_PROOF_BYTES);
    check_sent(tape_last("alive"), MUSTER_SHARDS, 0);
    ask(",\"want\":{}", MUSTER_ANNOUNCE_BYTES_MAX);
    assert_true(said_has(tape_last("announce"), "re"));
    check_sent(tape_last("announce"), shard, 7);
}

/* ---- what subscribers learn of it ---- */

#define HEADER(kind) \
    "{\"muster\":1,\"kind\":\"" kind "\",\"id\":\"00000000000000000000000000000007\",\"boot\":1,"
#define DUE "\"rev\":1,\"next_ms\":60000,\"peers\":0,"

/* What a stranger with a topic of shard 1 says, and what is known then to be sent. */
static const struct {
    const char *said;
    uint64_t sent;
} messages[] = {
    {HEADER("announce") "\"seq\":2," DUE
                        "\"sent\":{\"1\":1},\"name\":\"u\",\"topics\":[{\"name\":\"a/b\"}]}\n",
     1},
    {HEADER("alive") "\"seq\":3," DUE "\"sent\":{\"1\":2}}\n", 2},
    {HEADER("alive") "\"seq\":2," DUE "\"sent\":{\"1\":9}}\n", 2},           /* stale */
    {HEADER("alive") "\"seq\":4," DUE "\"sent\":{\"1\":9,\"16\":9}}\n", 2},  /* wrong */
    {HEADER("alive") "\"re\":\"Q7f0-x_a\"," DUE "\"sent\":{\"1\":9}}\n", 2}, /* unasked */
    {HEADER("announce") "\"seq\":5,\"rev\":2,\"next_ms\":60000,\"peers\":0,\"sent\":{\"1\":4},\"name\":\"v\","
                        "\"topics\":[{\"name\":\"a/b\"}]}\n",
     4},
    {HEADER("bye") "\"seq\":6}\n", 4},
};

TEST(subscribers_learn_of_each_message_what_was_sent) {
    field_subscribe(B, "#");
    world_say(B, 77, MUSTER_PATH_M4, HEADER("alive") "\"seq\":1," DUE "\"sent\":{\"1\":1}}\n");
    world_run(2);
    assert_int_equal(field_feed_count(B), 0); /* a stranger */
    for (size_t i = 0; i < sizeof messages / sizeof *messages; i++) {
        world_say(B, 77, MUSTER_PATH_M4, "%s", messages[i].said);
        world_run(2);
        assert_int_equal(field_feed(B).sent, messages[i].sent);
    }
}

/* Who answers by unicast is heard as well; the observer knows nobody yet. */
TEST(subscribers_learn_of_answers_what_was_sent) {
    open_both();
    field_publish_many(A, power_number, 5, 1);
    world_run(2000);
    world_kill(B);
    size_t observer = world_add("?");
    field_subscribe(observer, "power");
    tape_begin(A);
    world_query(observer);
    while (field_feed_count(observer) == 0) {
        world_run(1);
    }
    assert_int_equal(field_feed(observer).sent, 5);
    assert_int_equal(tape_said(NULL, 0)->paths, 1u << MUSTER_PATH_U4);
}

int main(void) {
    return test_run(begin, world_end);
}
