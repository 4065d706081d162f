/* SPDX-License-Identifier: MIT */
/* Where no stream comes about a body is asked for in parts, by datagrams, which may be lost or forged. */
#include <stdio.h>
#include <string.h>

#include "field.h"
#include "limit.h"
#include "test.h"

#define SERVICES 200
#define PART "\"kind\":\"part\""
#define QUESTION "\"part\":{"

/* ---- a world whose streams all break ---- */

static void refuse(struct pipe *pipe, enum muster_stream_event event) {
    if (event == MUSTER_STREAM_ACCEPTED) {
        pipe_break(pipe);
    }
}

/* Questions for parts and their answers, as they were sent. */
static unsigned questions;
static unsigned answers;
static uint64_t question_bytes;
static uint64_t answer_bytes;
static uint64_t last_ms;  /* of a question */
static uint64_t least_ms; /* between two of them */
static char last_question[MUSTER_DATAGRAM_BYTES_MAX + 1];

static void count(size_t from, const struct muster_datagram *datagram) {
    (void)from;
    if (datagram_has(datagram, QUESTION)) {
        least_ms = questions > 0 && world.now_ms - last_ms < least_ms ? world.now_ms - last_ms : least_ms;
        last_ms = world.now_ms;
        questions++;
        question_bytes += datagram->length;
        snprintf(last_question, sizeof last_question, "%.*s", (int)datagram->length,
                 (const char *)datagram->bytes);
    } else if (datagram_has(datagram, PART)) {
        answers++;
        answer_bytes += datagram->length;
    }
}

static void begin(void) {
    world_begin(1);
    world.has_streams = true;
    world.on_sent = count;
    questions = answers = 0;
    question_bytes = answer_bytes = 0;
    least_ms = UINT64_MAX;
}

/* So many nodes that know one another; nobody accepts a stream. */
static void gather(size_t count_of_nodes) {
    world_gather(count_of_nodes);
    for (size_t i = 0; i < count_of_nodes; i++) {
        world.nodes[i].script = refuse;
    }
}

static void offer(size_t index, unsigned services) {
    assert_int_equal(world_offer(index, world.nodes[index].name, services, 1000), 0);
}

static bool has_services(size_t index, const char *name, size_t services) {
    const struct muster_peer *row = world_row(index, name);
    return !row->partial && row->document.service_count == services;
}

/* The body of a document of services alone. */
static size_t body_bytes(unsigned services) {
    return sizeof "{\"services\":[]}\n" - 1 +
           services * (sizeof "{\"type\":\"http\",\"proto\":\"tcp\",\"port\":1000}," - 1) - 1;
}

static size_t parts_of(size_t bytes) {
    return (bytes + MUSTER_PART_BYTES - 1) / MUSTER_PART_BYTES;
}

/* ---- what comes ---- */

TEST(parts_bring_what_no_stream_does) {
    gather(2);
    offer(0, SERVICES);
    world_run(3000);
    assert_true(has_services(1, "a", SERVICES));
    assert_int_equal(world.nodes[1].opened, MUSTER_FETCH_TRIES);
    assert_int_equal(world_counters(1)->documents, 1);
    assert_int_equal(world_counters(1)->fetches_failed, MUSTER_FETCH_TRIES);
    assert_int_equal(answers, parts_of(body_bytes(SERVICES)));
    assert_int_equal(questions, answers);    /* each is asked for once, */
    assert_true(least_ms >= MUSTER_PART_MS); /* in its time, */
    assert_int_equal(question_bytes, questions * MUSTER_PART_QUESTION_BYTES);
    assert_true(answer_bytes <= question_bytes); /* and nobody is flooded through "a" */
    world_run(60000);
    assert_int_equal(questions, answers);
}

TEST(a_stream_comes_first) {
    world_gather(2);
    offer(0, SERVICES);
    world_run(10000);
    assert_true(has_services(1, "a", SERVICES));
    assert_int_equal(questions, 0);
}

TEST(who_looks_waits_for_it) {
    gather(1);
    offer(0, SERVICES);
    world_run(3000);
    size_t observer = world_add("?");
    world_query(observer);
    while (world.nodes[observer].settled == 0) {
        world_run(1);
    }
    assert_true(has_services(observer, "a", SERVICES));
}

TEST(the_largest_comes_too) {
    enum { LARGEST = 1560 };
    gather(2);
    offer(0, LARGEST);
    assert_int_equal(world_offer(0, "a", LARGEST + 1, 1000), MUSTER_ETOOBIG);
    world_run(5000);
    assert_true(has_services(1, "a", LARGEST));
    assert_int_equal(answers, parts_of(body_bytes(LARGEST)));
}

TEST(sealed_datagrams_have_room) {
    static const uint8_t key[MUSTER_GROUP_KEY_BYTES] = {7};
    world.group_keys = key;
    world.group_key_count = 1;
    gather(2);
    world.group_keys = NULL;
    world.group_key_count = 0;
    offer(0, SERVICES);
    world_run(3000);
    assert_true(has_services(1, "a", SERVICES));
    assert_int_equal(world_counters(0)->outputs_dropped, 0);
}

/* ---- what is lost ---- */

TEST(lost_ones_are_asked_for_again) {
    gather(2);
    world.nodes[0].loss = world.nodes[1].loss = 0.3;
    offer(0, SERVICES);
    world_run(30000);
    assert_true(has_services(1, "a", SERVICES));
    assert_in_range(questions, parts_of(body_bytes(SERVICES)) * 3 / 2, parts_of(body_bytes(SERVICES)) * 5);
}

static bool lose_parts(size_t from, size_t to, const struct muster_datagram *datagram) {
    (void)from, (void)to;
    return datagram_has(datagram, PART);
}

TEST(asking_has_an_end) {
    gather(2);
    world.is_lost = lose_parts;
    offer(0, SERVICES);
    while (world_counters(1)->fetches_failed <= MUSTER_FETCH_TRIES) {
        world_run(1);
    }
    assert_int_equal(questions, MUSTER_PART_TRIES);
    assert_true(world_row(1, "a")->partial);
    unsigned before = questions;
    world_run(3600000); /* a round each 300 s at last */
    assert_in_range(questions - before, 8 * MUSTER_PART_TRIES, 40 * MUSTER_PART_TRIES);
    world.is_lost = NULL;
    world_run(MUSTER_FETCH_RETRY_MS_MAX + 20000);
    assert_true(has_services(1, "a", SERVICES));
}

static unsigned answered;

/* All but the last question for each part. */
static bool lose_all_but_the_last(size_t from, size_t to, const struct muster_datagram *datagram) {
    return from == 0 && to == 1 && datagram_has(datagram, PART) && ++answered % MUSTER_PART_TRIES != 0;
}

/* Whoever gives each part as late as it may does not keep the others waiting for long. */
TEST(a_body_has_a_bound_in_time) {
    gather(3);
    world.is_lost = lose_all_but_the_last;
    offer(0, 1000);
    world_run(3000);
    offer(2, SERVICES);
    world_run(MUSTER_PART_TOTAL_MS + 3000);
    assert_true(has_services(1, "c", SERVICES));
    assert_true(world_row(1, "a")->partial);
}

static bool lose_parts_of_two(size_t from, size_t to, const struct muster_datagram *datagram) {
    (void)to;
    return from < 3 && datagram_has(datagram, PART);
}

/* Two that never give a part, and offer something else again and again, don't take turns with each other
 * alone. */
TEST(each_has_its_turn) {
    gather(4);
    world.is_lost = lose_parts_of_two;
    for (unsigned i = 0; i < 20; i++) {
        offer(0, SERVICES + i);
        offer(2, SERVICES + i);
        if (i == 1) {
            offer(3, SERVICES);
        }
        world_run(4000);
    }
    assert_true(has_services(1, "d", SERVICES));
    assert_true(world_row(1, "a")->partial && world_row(1, "c")->partial);
}

TEST(one_body_at_a_time) {
    gather(3);
    world.nodes[1].has_streams = true;
    offer(0, SERVICES);
    offer(2, SERVICES);
    world_run(3000);
    assert_true(has_services(1, "a", SERVICES));
    assert_true(has_services(1, "c", SERVICES));
}

/* ---- what changes meanwhile ---- */

TEST(another_document_is_had_instead) {
    gather(2);
    offer(0, 1000);
    world_run(500);
    assert_in_range(answers, 5, 30);
    offer(0, SERVICES);
    world_run(6000);
    assert_true(has_services(1, "a", SERVICES));
    offer(0, 1); /* which is small */
    world_run(2000);
    assert_true(has_services(1, "a", 1));
}

TEST(its_peer_goes_away) {
    gather(2);
    offer(0, 1000);
    world_run(500);
    assert_true(answers > 0);
    world_leave(0);
    world_run(2000);
    unsigned before = questions;
    world_run(70000);
    assert_false(world_has_row(1, "a"));
    assert_int_equal(questions, before);
}

/* ---- lies ---- */

static char body_hash[65];

/* Gathers two, begins, and lets nothing of "a" through. */
static void begin_alone(void) {
    gather(2);
    world.is_lost = lose_parts;
    offer(0, SERVICES);
    world_run(100);
    assert_int_equal(questions, 1);
    const char *hash = strstr(last_question, "\"hash\":\"");
    assert_non_null(hash);
    snprintf(body_hash, sizeof body_hash, "%s", hash + 8);
    world.is_lost = NULL;
}

#define FORMAT                                                                                             \
    "{\"muster\":1,\"kind\":\"part\",\"id\":\"%s\",\"boot\":1,\"hash\":\"%s\",\"number\":%u,\"bytes\":\"%" \
    "s\"}"

static uint64_t dropped(enum muster_drop drop) {
    world_run(1);
    return world_drops(1, drop);
}

TEST(parts_of_others_are_dropped) {
    struct node *a = &world.nodes[0];
    begin_alone();
    world_say(1, 1, MUSTER_PATH_U4, FORMAT "\n", a->id, body_hash, 1u, "fQo=");
    assert_int_equal(dropped(MUSTER_DROP_SIGNATURE), 1);
    world_say_signed(1, 1, MUSTER_PATH_U4, world.nodes[1].secret, 0, FORMAT, a->id, body_hash, 1u, "fQo=");
    assert_int_equal(dropped(MUSTER_DROP_SIGNATURE), 2);
    world_say_signed(1, 1, MUSTER_PATH_U4, a->secret, 0, FORMAT, a->id, body_hash, 2u, "fQo=");
    assert_int_equal(dropped(MUSTER_DROP_UNASKED), 1);
    body_hash[0] = body_hash[0] == '0' ? '1' : '0';
    world_say_signed(1, 1, MUSTER_PATH_U4, a->secret, 0, FORMAT, a->id, body_hash, 1u, "fQo=");
    assert_int_equal(dropped(MUSTER_DROP_UNASKED), 2);
    world_say(1, 99, MUSTER_PATH_U4, FORMAT "\n", "00112233445566778899aabbccddeeff", body_hash, 1u, "fQo=");
    assert_int_equal(dropped(MUSTER_DROP_UNASKED), 3);
    world_say_signed(1, 1, MUSTER_PATH_U4, a->secret, 0, FORMAT, world.nodes[1].id, body_hash, 1u, "fQo=");
    assert_int_equal(dropped(MUSTER_DROP_UNASKED), 3); /* in its own name */
    assert_true(world_drops(1, MUSTER_DROP_OWN) > 0);
    world_run(3000);
    assert_true(has_services(1, "a", SERVICES));
}

TEST(nobody_is_asked_without_need) {
    gather(2);
    world_say_signed(1, 1, MUSTER_PATH_U4, world.nodes[0].secret, 0, FORMAT, world.nodes[0].id,
                     "0000000000000000000000000000000000000000000000000000000000000000", 1u, "fQo=");
    assert_int_equal(dropped(MUSTER_DROP_UNASKED), 1);
}

/* A part that is too short, as its peer signed it; and bytes that are not those of the hash. */
TEST(its_peer_may_lie) {
    char text[801];
    memset(text, 'A', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    const char *const lies[] = {"fQo=", text};
    for (size_t i = 0; i < 2; i++) {
        begin();
        begin_alone();
        world_say_signed(1, 1, MUSTER_PATH_U4, world.nodes[0].secret, 0, FORMAT, world.nodes[0].id, body_hash,
                         1u, lies[i]);
        world_run(1900);
        assert_true(world_row(1, "a")->partial);
        assert_int_equal(world_counters(1)->documents, 0);
        assert_int_equal(world_counters(1)->fetches_failed, MUSTER_FETCH_TRIES + 1);
        world_run(120000); /* and then "a" is honest */
        assert_true(has_services(1, "a", SERVICES));
    }
}

/* ---- who asks ---- */

/* A question of stranger n for a part of the body of "a", of so many bytes. */
static void write_question(char text[MUSTER_DATAGRAM_BYTES_MAX + 1], unsigned n, const char *hash,
                           unsigned number, size_t bytes, const char *more) {
    int length =
        snprintf(text, MUSTER_DATAGRAM_BYTES_MAX,
                 "{\"muster\":1,\"kind\":\"query\",\"id\":\"%032x\",\"boot\":1,\"nonce\":\"00000000\","
                 "\"of\":[\"%s\"],\"part\":{\"hash\":\"%s\",\"number\":%u}%s}",
                 n, world.nodes[0].id, hash, number, more);
    memset(text + length, ' ', bytes - 1 - (size_t)length);
    strcpy(text + bytes - 1, "\n");
}

static void ask(enum muster_path_kind path, const char *hash, unsigned number, size_t bytes,
                const char *more) {
    char text[MUSTER_DATAGRAM_BYTES_MAX + 1];
    write_question(text, 1, hash, number, bytes, more);
    world_say(0, 99, path, "%s", text);
    world_run(1);
}

TEST(only_what_is_there_is_given) {
    begin_alone();
    world_run(3000);
    unsigned before = answers;
    ask(MUSTER_PATH_U4, body_hash, 1, 1100, "");
    assert_int_equal(answers, before + 1);
    ask(MUSTER_PATH_U4, body_hash, (unsigned)parts_of(body_bytes(SERVICES)) + 1, 1100, "");
    ask(MUSTER_PATH_U4, "0000000000000000000000000000000000000000000000000000000000000000", 1, 1100, "");
    assert_int_equal(answers, before + 1);
    uint64_t said = world_counters(0)->answers;
    ask(MUSTER_PATH_M4, body_hash, 1, 1100, "");             /* to the group it is another question, */
    ask(MUSTER_PATH_U4, body_hash, 1, 1200, ",\"want\":{}"); /* and so it is with `want` */
    assert_int_equal(answers, before + 1);
    assert_true(world_counters(0)->answers > said);
}

TEST(a_short_question_is_dropped) {
    begin_alone();
    world_run(3000);
    unsigned before = answers;
    ask(MUSTER_PATH_U4, body_hash, 1, 1099, "");
    assert_int_equal(answers, before);
    assert_int_equal(world_drops(0, MUSTER_DROP_SHORT_QUESTION), 1);
}

TEST(a_small_document_has_no_parts) {
    gather(1);
    ask(MUSTER_PATH_U4, "0000000000000000000000000000000000000000000000000000000000000000", 1, 1100, "");
    assert_int_equal(answers, 0);
}

/* However many ask: a flood from many addresses, which nobody counts together. */
TEST(parts_have_a_rate) {
    begin_alone();
    world_run(3000);
    unsigned before = answers;
    for (unsigned i = 0; i < 3 * MUSTER_PART_BURST; i++) {
        char text[MUSTER_DATAGRAM_BYTES_MAX + 1];
        write_question(text, i + 1, body_hash, 1, MUSTER_PART_QUESTION_BYTES, "");
        const struct muster_datagram datagram = {
            .bytes = (const uint8_t *)text,
            .length = MUSTER_PART_QUESTION_BYTES,
            .source = {.family = 4, .ip = {10, 0, 1, (uint8_t)i}, .port = (uint16_t)(20000 + i % 8)},
            .destination = world.nodes[0].endpoint,
            .interface = WORLD_INTERFACE,
            .ttl = 255};
        world_inject(0, &datagram);
    }
    world_run(1);
    assert_in_range(answers - before, MUSTER_PART_BURST - 1, MUSTER_PART_BURST + 1);
    world_run(1000);
    ask(MUSTER_PATH_U4, body_hash, 1, 1100, "");
    assert_in_range(answers - before, MUSTER_PART_BURST, MUSTER_PART_BURST + 2);
}

int main(void) {
    return test_run(begin, world_end);
}
