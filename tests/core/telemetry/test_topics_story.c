/* Topics that a node publishes, and how far their data has come: what it announces, what the others see of
 * it, and what is refused. */
#include <stdio.h>
#include <string.h>

#include <muster/telemetry.h>

#include "cmocka_all.h"
#include "countdown.h"
#include "message.h"
#include "node.h"
#include "telemetry.h"
#include "world.h"

#define A 0
#define B 1

static struct world world;

/* ---- what is overheard, and what telemetry is told ---- */

/* The last ones that "a" said: to the group, and by unicast. */
static struct {
    struct message announce;
    struct message alive;
    struct message unicast;
    size_t unicast_length;
} heard;

/* Nothing is lost by it. */
static bool overhear(struct world *unused, size_t from, size_t to, const struct muster_datagram *datagram) {
    (void)unused;
    struct message message;
    enum muster_drop reason;
    if (from != A || to != B || !message_decode(datagram->bytes, datagram->length, &message, &reason)) {
        return false;
    }
    bool is_unicast = datagram->destination.ip[0] == 10;
    if (message.kind == MESSAGE_ANNOUNCE && !is_unicast) {
        heard.announce = message;
    } else if (message.kind == MESSAGE_ALIVE && !is_unicast) {
        heard.alive = message;
    } else if (message.kind != MESSAGE_QUERY && is_unicast) {
        heard.unicast = message;
        heard.unicast_length = datagram->length;
    }
    message_deinit(&message);
    return false;
}

static struct {
    size_t count;
    const struct telemetry *telemetry;
    uint8_t id[MUSTER_ID_BYTES];
    uint64_t seq; /* of the row, as it was then */
    struct message message;
} noted;

bool __real_feed_repair_record_sent(struct telemetry *telemetry, const struct peer *peer,
                                   const struct message *message);
bool __wrap_feed_repair_record_sent(struct telemetry *telemetry, const struct peer *peer,
                                   const struct message *message);

bool __wrap_feed_repair_record_sent(struct telemetry *telemetry, const struct peer *peer,
                                   const struct message *message) {
    bool is_silent = __real_feed_repair_record_sent(telemetry, peer, message);
    if (telemetry == &world.nodes[A].core->telemetry) {
        return is_silent; /* what the others hear of it is what counts here */
    }
    noted.count++;
    noted.telemetry = telemetry;
    memcpy(noted.id, peer->id, sizeof noted.id);
    noted.seq = peer->seq;
    noted.message = *message;
    return is_silent;
}

static int begin(void **state) {
    (void)state;
    world_init(&world, 1);
    world.is_lost = overhear;
    world_add(&world, "a");
    world_add(&world, "b");
    world_run(&world, 3000);
    world_story(&world);
    memset(&heard, 0, sizeof heard);
    memset(&noted, 0, sizeof noted);
    return 0;
}

static int end(void **state) {
    (void)state;
    countdown_set(0);
    world_deinit(&world);
    return 0;
}

static int set_topics(const struct muster_topic *topics, size_t count) {
    int error = own_document_set_topics(&world.nodes[A].core->presence, topics, count);
    struct muster_event event = {.kind = MUSTER_EVENT_TIMER};
    assert_int_equal(world_step(&world, A, &event), 0);
    return error;
}

/* ---- topics as one line ---- */

struct line {
    char text[1024];
};

static void append(struct line *line, const char *first, const char *second, const char *third) {
    size_t used = strlen(line->text);
    snprintf(line->text + used, sizeof line->text - used, "%s%s%s", first, second, third);
}

static void append_topic(struct line *line, const struct muster_topic *topic) {
    append(line, " ", topic->name, "");
    if (topic->unit[0] != '\0') {
        append(line, "(", topic->unit, ")");
    }
    for (size_t i = 0; i < topic->unit_count; i++) {
        append(line, "[", topic->units[i].name, "=");
        append(line, topic->units[i].value, "]", "");
    }
}

/* What "b" has of the only peer that it knows: "a power(W) climate[temperature=Cel]". */
static struct line seen(void) {
    struct line line = {""};
    struct muster_peer_list list;
    world_run(&world, 200);
    assert_int_equal(muster_core_peers(world.nodes[B].core, &list), 0);
    assert_int_equal(list.count, 1);
    const struct muster_document *document = &list.peers[0].document;
    append(&line, document->name, "", "");
    for (size_t i = 0; i < document->topic_count; i++) {
        append_topic(&line, &document->topics[i]);
    }
    muster_peer_list_free(&list);
    return line;
}

#define ASSERT_SEEN(expected) assert_string_equal(seen().text, expected)

static const struct muster_text units[] = {{"temperature", "Cel"}, {"humidity", "%RH"}};
static const struct muster_topic topics[] = {
    {.name = "kitchen/climate", .unit = NULL, .units = units, .unit_count = 2},
    {.name = "power", .unit = "W"},
};
#define SEEN " kitchen/climate[temperature=Cel][humidity=%RH] power(W)"

/* ---- topics ---- */

static void topics_come_and_go(void **state) {
    (void)state;
    assert_int_equal(set_topics(topics, 2), 0);
    ASSERT_SEEN("a" SEEN);
    assert_int_equal(set_topics(topics + 1, 1), 0);
    ASSERT_SEEN("a power(W)");
    assert_int_equal(set_topics(NULL, 0), 0);
    ASSERT_SEEN("a");
    assert_int_equal(muster_core_rev(world.nodes[A].core), 4);
    assert_string_equal(world_story(&world), "b: changed a\nb: changed a\nb: changed a\n");
}

static void the_same_topics_are_not_said_again(void **state) {
    (void)state;
    const struct muster_topic same[] = {topics[0], {.name = "power", .unit = "W", .units = units}};
    struct muster_text other_units[] = {units[0], {"humidity", "/"}};
    struct muster_topic others[][2] = {
        {topics[1], topics[0]},
        {topics[0], {.name = "power", .unit = "kW"}},
        {topics[0], {.name = "power"}},
        {{.name = "kitchen/climate", .units = other_units, .unit_count = 2}, topics[1]},
        {{.name = "kitchen/climate", .units = units, .unit_count = 1}, topics[1]},
    };
    assert_int_equal(set_topics(topics, 2), 0);
    assert_int_equal(set_topics(same, 2), 0);
    assert_int_equal(muster_core_rev(world.nodes[A].core), 2);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        assert_int_equal(set_topics(others[i], 2), 0);
        assert_int_equal(muster_core_rev(world.nodes[A].core), 3 + i);
    }
}

/* What a program says of itself says nothing of what it publishes. */
static void other_changes_keep_them(void **state) {
    (void)state;
    const struct muster_topic other = {.name = "other"};
    const struct muster_document update = {.name = "alpha", .topics = &other, .topic_count = 1};
    const struct muster_change change = {.name = "beta"};
    assert_int_equal(set_topics(topics, 2), 0);
    world_run(&world, 200);
    struct muster_command command = {.kind = MUSTER_COMMAND_UPDATE, .document = &update};
    assert_int_equal(world_command(&world, A, &command), 0);
    ASSERT_SEEN("alpha" SEEN);
    assert_int_equal(world_command(&world, A, &command), 0);
    assert_int_equal(muster_core_rev(world.nodes[A].core), 3);
    command = (struct muster_command){.kind = MUSTER_COMMAND_CHANGE, .change = &change};
    assert_int_equal(world_command(&world, A, &command), 0);
    ASSERT_SEEN("beta" SEEN);
}

static void a_node_begins_without(void **state) {
    (void)state;
    const struct muster_document document = {.name = "a", .topics = topics, .topic_count = 2};
    struct muster_core_options options;
    world_options(&world, A, &document, &options);
    world_start(&world, A, &options);
    ASSERT_SEEN("a");
}

static void another_key_keeps_them_and_forgets_what_was_sent(void **state) {
    (void)state;
    struct node *node = &world.nodes[A];
    assert_int_equal(set_topics(topics, 2), 0);
    node->core->context.sent[muster_topic_shard("power")] = 12;
    struct muster_command command = {
        .kind = MUSTER_COMMAND_REKEY, .key = world.nodes[B].key, .boot = node->boot + 1};
    assert_int_equal(muster_crypto_ed25519(&command.crypto, world.nodes[B].secret), 0);
    assert_int_equal(world_command(&world, A, &command), 0);
    assert_int_equal(node->core->presence.own.announcement.message.document.topic_count, 2);
    world_run(&world, 10000);
    assert_int_equal(heard.announce.boot, node->boot + 1);
    for (size_t shard = 0; shard < MUSTER_SHARDS; shard++) {
        assert_int_equal(heard.announce.sent[shard], 0);
        assert_int_equal(heard.alive.sent[shard], 0);
    }
}

/* Between two steps a core doesn't know how late it is: that is no stall. */
static void topics_may_be_set_long_after_a_step(void **state) {
    (void)state;
    const struct muster_core *core = world.nodes[A].core;
    world_leave(&world, B);
    while (core->context.now_ms + 1500 > world.now_ms) {
        world_run(&world, 1);
    }
    uint64_t resumed_ms = core->presence.resumed_ms;
    assert_int_equal(own_document_set_topics(&world.nodes[A].core->presence, topics, 2), 0);
    assert_true(muster_core_deadline(core) <= world.now_ms);
    world_run(&world, 10);
    assert_int_equal(heard.announce.rev, 2);
    uint64_t seq = heard.announce.seq;
    world_run(&world, 200);
    assert_int_equal(heard.announce.seq, seq);
    world_run(&world, 1000);
    assert_int_equal(core->presence.resumed_ms, resumed_ms);
    assert_true(heard.announce.seq > seq + 1);
}

/* ---- what is refused ---- */

static void what_no_announce_may_hold_is_refused(void **state) {
    (void)state;
    char long_name[MUSTER_TOPIC_BYTES_MAX + 2];
    char long_unit[MUSTER_NAME_BYTES_MAX + 2];
    memset(long_name, 'x', sizeof long_name);
    memset(long_unit, 'x', sizeof long_unit);
    long_name[sizeof long_name - 1] = long_unit[sizeof long_unit - 1] = '\0';
    const struct muster_text unit_lists[][2] = {
        {{NULL, "W"}, {"a", "W"}},      {{"a", NULL}, {"b", "W"}},      {{"", "W"}, {"b", "W"}},
        {{"a", long_unit}, {"b", "W"}}, {{long_unit, "W"}, {"b", "W"}}, {{"a", "W"}, {"a", "V"}},
    };
    const struct muster_topic refused[][2] = {
        {{.name = NULL}, {.name = "b"}},      {{.name = ""}, {.name = "b"}},
        {{.name = "a//b"}, {.name = "b"}},    {{.name = "+"}, {.name = "b"}},
        {{.name = long_name}, {.name = "b"}}, {{.name = "a", .unit = long_unit}, {.name = "b"}},
        {{.name = "a"}, {.name = "a"}},
    };
    assert_int_equal(set_topics(topics, 2), 0);
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        assert_int_equal(set_topics(refused[i], 2), MUSTER_EINVAL);
    }
    for (size_t i = 0; i < sizeof unit_lists / sizeof *unit_lists; i++) {
        const struct muster_topic topic = {.name = "a", .units = unit_lists[i], .unit_count = 2};
        assert_int_equal(set_topics(&topic, 1), MUSTER_EINVAL);
    }
    size_t observer = world_add(&world, "?");
    assert_int_equal(own_document_set_topics(&world.nodes[observer].core->presence, topics, 2), MUSTER_EINVAL);
    ASSERT_SEEN("a" SEEN);
    assert_int_equal(muster_core_rev(world.nodes[A].core), 2);
}

#define MANY 100

static size_t name_many(struct muster_topic *many, char (*names)[16]) {
    for (unsigned i = 0; i < MANY; i++) {
        snprintf(names[i], sizeof names[i], "topic-%u", i);
        many[i] = (struct muster_topic){.name = names[i]};
    }
    return MANY;
}

static void what_does_not_fit_is_refused(void **state) {
    (void)state;
    static struct muster_topic many[MANY];
    static char names[MANY][16];
    assert_int_equal(set_topics(topics, 2), 0);
    assert_int_equal(set_topics(many, name_many(many, names)), MUSTER_ETOOBIG); /* there are no streams */
    ASSERT_SEEN("a" SEEN);
    assert_int_equal(muster_core_rev(world.nodes[A].core), 2);
}

static void every_allocation_may_fail(void **state) {
    (void)state;
    int error = MUSTER_ENOMEM;
    unsigned long n = 0;
    while (error != 0) {
        countdown_set(++n);
        error = own_document_set_topics(&world.nodes[A].core->presence, topics, 2);
        bool has_failed = countdown_has_failed();
        countdown_set(0);
        assert_int_equal(error, has_failed ? MUSTER_ENOMEM : 0);
        assert_int_equal(muster_core_rev(world.nodes[A].core), error == 0 ? 2 : 1);
    }
    assert_true(n > 10);
    ASSERT_SEEN("a" SEEN);
}

static void every_allocation_of_looking_may_fail(void **state) {
    (void)state;
    assert_int_equal(set_topics(topics, 2), 0);
    world_run(&world, 200);
    int error = MUSTER_ENOMEM;
    unsigned long n = 0;
    while (error != 0) {
        struct muster_peer_list list;
        countdown_set(++n);
        error = muster_core_peers(world.nodes[B].core, &list);
        bool has_failed = countdown_has_failed();
        countdown_set(0);
        assert_int_equal(error, has_failed ? MUSTER_ENOMEM : 0);
        muster_peer_list_free(&list);
    }
    assert_true(n > 10);
}

/* ---- how far data has come ---- */

static void assert_sent(const struct message *message, unsigned shard, uint64_t seq) {
    assert_true(message->boot > 0);
    for (unsigned i = 0; i < MUSTER_SHARDS; i++) {
        assert_int_equal(message->sent[i], i == shard ? seq : 0);
    }
}

static void what_was_sent_is_said(void **state) {
    (void)state;
    const unsigned power = muster_topic_shard("power");
    assert_int_equal(set_topics(topics, 2), 0);
    world.nodes[A].core->context.sent[power] = 7;
    world_run(&world, 5000);
    assert_sent(&heard.announce, power, 7);
    assert_sent(&heard.alive, power, 7);
    world.nodes[A].core->context.sent[power] = 9;
    world_run(&world, 5000);
    assert_sent(&heard.alive, power, 9);
}

/* Data of a topic that was closed may still be missing. */
static void alives_tell_of_closed_topics_too(void **state) {
    (void)state;
    const unsigned power = muster_topic_shard("power");
    assert_int_equal(set_topics(topics + 1, 1), 0);
    world.nodes[A].core->context.sent[power] = 7;
    assert_int_equal(set_topics(NULL, 0), 0);
    world_run(&world, 5000);
    assert_int_equal(heard.announce.rev, 3);
    assert_sent(&heard.announce, MUSTER_SHARDS, 0);
    assert_sent(&heard.alive, power, 7);
}

static void send_much(void) {
    for (size_t shard = 0; shard < MUSTER_SHARDS; shard++) {
        world.nodes[A].core->context.sent[shard] = MUSTER_INTEGER_MAX - shard;
    }
}

/* A document that just fits does so however much is sent. */
static void an_announce_has_room_for_the_shards_of_its_topics(void **state) {
    (void)state;
    char value[MUSTER_VALUE_BYTES_MAX + 1];
    memset(value, 'x', MUSTER_VALUE_BYTES_MAX);
    value[MUSTER_VALUE_BYTES_MAX] = '\0';
    struct muster_text attrs[MUSTER_ANNOUNCE_BYTES_MAX / MUSTER_VALUE_BYTES_MAX + 1];
    static const char *const names[] = {"a", "b", "c", "d", "e"};
    assert_int_equal(set_topics(topics, 2), 0);
    size_t count = 0;
    int error = 0;
    for (size_t length = MUSTER_VALUE_BYTES_MAX; length > 0 && count < 5; length -= error == 0 ? 0 : 1) {
        attrs[count] = (struct muster_text){names[count], value + MUSTER_VALUE_BYTES_MAX - length};
        const struct muster_change change = {.attrs = &attrs[count], .attr_count = 1};
        const struct muster_command command = {.kind = MUSTER_COMMAND_CHANGE, .change = &change};
        error = world_command(&world, A, &command);
        count += error == 0 ? 1 : 0;
    }
    assert_int_equal(world.nodes[A].core->presence.own.announcement.bytes_max, MUSTER_ANNOUNCE_BYTES_MAX);
    send_much();
    world_run(&world, 5000);
    for (unsigned shard = 0; shard < MUSTER_SHARDS; shard++) {
        bool is_own = shard == muster_topic_shard("power") || shard == muster_topic_shard("kitchen/climate");
        assert_int_equal(heard.announce.sent[shard], is_own ? MUSTER_INTEGER_MAX - shard : 0);
        assert_int_equal(heard.alive.sent[shard], MUSTER_INTEGER_MAX - shard);
    }
    assert_int_equal(muster_core_counters(world.nodes[A].core)->outputs_dropped, 0);
}

/* Asks "a" by unicast in the name of "b", which can't have asked that. */
static void ask(bool wants, size_t length) {
    uint8_t bytes[MUSTER_ANNOUNCE_BYTES_MAX];
    struct muster_crypto crypto;
    struct message query = {.kind = MESSAGE_QUERY, .boot = world.nodes[B].boot, .nonce = 7, .wants = wants};
    assert_int_equal(muster_crypto_ed25519(&crypto, world.nodes[B].secret), 0);
    muster_core_id(world.nodes[B].core, query.id);
    muster_core_id(world.nodes[A].core, query.of[0]);
    query.asks_some = true;
    query.of_count = 1;
    assert_int_equal(message_encode(&query, &crypto, length, bytes, sizeof bytes), length);
    world_inject(&world, A,
                 &(struct muster_datagram){.bytes = bytes,
                                           .length = length,
                                           .source = world.nodes[B].endpoint,
                                           .destination = world.nodes[A].endpoint,
                                           .interface = WORLD_INTERFACE,
                                           .ttl = 255});
    world_run(&world, 100);
}

static void an_answer_is_no_longer_than_its_question(void **state) {
    (void)state;
    assert_int_equal(set_topics(topics, 2), 0);
    send_much();
    ask(false, MUSTER_PROOF_BYTES);
    assert_int_equal(heard.unicast.kind, MESSAGE_ALIVE);
    assert_true(heard.unicast_length <= MUSTER_PROOF_BYTES);
    assert_sent(&heard.unicast, MUSTER_SHARDS, 0);
    ask(true, MUSTER_ANNOUNCE_BYTES_MAX);
    assert_int_equal(heard.unicast.kind, MESSAGE_ANNOUNCE);
    const unsigned power = muster_topic_shard("power");
    assert_int_equal(heard.unicast.sent[power], MUSTER_INTEGER_MAX - power);
}

/* ---- who is told ---- */

static void telemetry_is_told_once_of_what_is_heard(void **state) {
    (void)state;
    const struct muster_core *listener = world.nodes[B].core;
    uint8_t id[MUSTER_ID_BYTES];
    muster_core_id(world.nodes[A].core, id);
    const unsigned power = muster_topic_shard("power");
    world.nodes[A].core->context.sent[power] = 5;
    uint64_t copies = muster_core_counters(listener)->copies;
    assert_int_equal(set_topics(topics, 2), 0);
    world_run(&world, 50); /* one announce, by two paths */
    assert_true(muster_core_counters(listener)->copies > copies);
    assert_int_equal(noted.count, 1);
    assert_true(noted.telemetry == &listener->telemetry);
    assert_memory_equal(noted.id, id, sizeof id);
    assert_int_equal(noted.message.kind, MESSAGE_ANNOUNCE);
    assert_int_equal(noted.message.sent[power], 5);
    assert_int_equal(noted.seq, noted.message.seq); /* the row is up to date */
}

static const struct message *note(const char *text, size_t wanted) {
    memset(&noted, 0, sizeof noted);
    world_say(&world, B, text, 77, MUSTER_PATH_M4);
    world.nodes[A].is_stopped = true;
    world_run(&world, 2);
    world.nodes[A].is_stopped = false;
    assert_int_equal(noted.count, wanted);
    return &noted.message;
}

#define HEADER(kind) \
    "{\"muster\":1,\"kind\":\"" kind "\",\"id\":\"00000000000000000000000000000007\",\"boot\":1,"
#define DUE "\"rev\":1,\"next_ms\":60000,\"peers\":0,"

static void telemetry_is_told_of_each_kind_that_says_it(void **state) {
    (void)state;
    assert_int_equal(note(HEADER("alive") "\"seq\":1," DUE "\"sent\":{\"3\":1}}\n", 0)->boot,
                     0); /* a stranger */
    const char *announce = HEADER("announce") "\"seq\":2," DUE "\"sent\":{\"3\":1},\"name\":\"u\"}\n";
    assert_int_equal(note(announce, 1)->sent[3], 1);
    note(announce, 0); /* a copy */
    assert_int_equal(note(HEADER("alive") "\"seq\":3," DUE "\"sent\":{\"3\":2}}\n", 1)->sent[3], 2);
    note(HEADER("alive") "\"seq\":2," DUE "\"sent\":{\"3\":9}}\n", 0);            /* stale */
    note(HEADER("alive") "\"seq\":4," DUE "\"sent\":{\"16\":9}}\n", 0);           /* wrong */
    note(HEADER("alive") "\"re\":\"0123456789abcdef\"," DUE "\"sent\":{}}\n", 0); /* unasked */
    assert_int_equal(
        note(HEADER("announce") "\"seq\":4,\"rev\":2,\"next_ms\":60000,\"peers\":0,\"name\":\"v\"}\n", 1)
            ->sent[3],
        0);
    note(HEADER("bye") "\"seq\":5}\n", 0);
}

/* Who answers by unicast is heard as well; "c" knows nobody yet. */
static void telemetry_is_told_of_answers(void **state) {
    (void)state;
    assert_int_equal(set_topics(topics, 2), 0);
    const unsigned power = muster_topic_shard("power");
    world.nodes[A].core->context.sent[power] = 5;
    world_run(&world, 2000);
    size_t observer = world_add(&world, "?");
    world_kill(&world, B);
    memset(&noted, 0, sizeof noted);
    const struct muster_command query = {.kind = MUSTER_COMMAND_QUERY};
    assert_int_equal(world_command(&world, observer, &query), 0);
    while (noted.telemetry != &world.nodes[observer].core->telemetry) {
        world_run(&world, 1);
    }
    assert_true(noted.message.is_answer);
    assert_int_equal(noted.message.seq, 0);
    assert_int_equal(noted.message.sent[power], 5);
}

int main(void) {
#define STORY(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        STORY(topics_come_and_go),
        STORY(the_same_topics_are_not_said_again),
        STORY(other_changes_keep_them),
        STORY(a_node_begins_without),
        STORY(another_key_keeps_them_and_forgets_what_was_sent),
        STORY(topics_may_be_set_long_after_a_step),
        STORY(what_no_announce_may_hold_is_refused),
        STORY(what_does_not_fit_is_refused),
        STORY(every_allocation_may_fail),
        STORY(every_allocation_of_looking_may_fail),
        STORY(what_was_sent_is_said),
        STORY(alives_tell_of_closed_topics_too),
        STORY(an_announce_has_room_for_the_shards_of_its_topics),
        STORY(an_answer_is_no_longer_than_its_question),
        STORY(telemetry_is_told_once_of_what_is_heard),
        STORY(telemetry_is_told_of_each_kind_that_says_it),
        STORY(telemetry_is_told_of_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
