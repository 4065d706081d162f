/* SPDX-License-Identifier: MIT */
/* Documents too large for a datagram: announced by size and hash, fetched once by each listener, and believed
 * when they are what a key announced. */
#include <stdio.h>
#include <string.h>

#include "countdown.h"
#include "field.h"
#include "limit.h"
#include "tape.h"
#include "test.h"

static void begin(void) {
    world_begin(1);
    world.has_streams = true;
}

#define SERVICES 200

static void assert_services(size_t index, const char *name, size_t count, unsigned first_port) {
    const struct muster_peer *row = world_row(index, name);
    assert_int_equal(row->document.service_count, count);
    assert_int_equal(row->document.services[0].port, first_port);
    assert_false(row->partial);
}

static void assert_partial(size_t index, const char *name) {
    assert_true(world_row(index, name)->partial);
}

/* ---- what each listener does ---- */

TEST(each_listener_fetches_once) {
    world_gather(4);
    assert_int_equal(world_offer(0, "a", SERVICES, 1000), 0);
    world_run(10000);
    for (size_t i = 1; i < 4; i++) {
        assert_services(i, "a", SERVICES, 1000);
        assert_int_equal(world.nodes[i].opened, 1);
        assert_int_equal(world.nodes[i].counts[MUSTER_PEER_CHANGED], 1);
        assert_int_equal(world_counters(i)->documents, 1);
        assert_int_equal(world_counters(i)->fetches_failed, 0);
    }
}

TEST(a_late_listener_fetches_it_too) {
    world_gather(2);
    assert_int_equal(world_offer(0, "a", SERVICES, 1000), 0);
    world_run(5000);
    size_t late = world_add("late");
    world_query(late);
    while (world.nodes[late].settled == 0) {
        world_run(1);
    }
    assert_services(late, "a", SERVICES, 1000); /* a look waits for it */
}

TEST(a_change_is_fetched_anew) {
    world_gather(2);
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(world_offer(0, "a", SERVICES + i, 1000 + i), 0);
        world_run(3000);
        assert_services(1, "a", SERVICES + i, 1000 + i);
        assert_int_equal(world.nodes[1].counts[MUSTER_PEER_CHANGED], i + 1);
        assert_int_equal(world.nodes[1].opened, i + 1);
    }
}

TEST(changes_in_quick_succession_end_with_the_last) {
    world_gather(4);
    for (unsigned i = 0; i < 20; i++) {
        assert_int_equal(world_offer(0, "a", SERVICES, 1000 + i), 0);
        world_run(3 * i);
    }
    world_run(1500);
    for (size_t i = 1; i < 4; i++) {
        assert_services(i, "a", SERVICES, 1019);
    }
}

TEST(the_same_body_is_not_fetched_again) {
    world_gather(2);
    assert_int_equal(world_offer(0, "a", SERVICES, 1000), 0);
    world_run(3000);
    assert_int_equal(world_offer(0, "other", SERVICES, 1000), 0); /* the name is not in the body */
    world_run(3000);
    assert_services(1, "other", SERVICES, 1000);
    assert_int_equal(world.nodes[1].opened, 1);
    assert_int_equal(world.nodes[1].counts[MUSTER_PEER_CHANGED], 2);
}

TEST(a_restart_with_another_document_is_fetched) {
    world_gather(2);
    assert_int_equal(world_offer(0, "a", SERVICES, 1000), 0);
    world_run(3000);
    world_kill(0);
    static struct muster_service other[SERVICES];
    for (unsigned i = 0; i < SERVICES; i++) {
        other[i] = (struct muster_service){.type = "ipp", .proto = "udp", .port = (uint16_t)(i + 7)};
    }
    const struct muster_document document = {.name = "a", .services = other, .service_count = SERVICES};
    struct muster_core_options options = world_options(0);
    options.document = &document;
    world_start(0, &options);
    world_run(3000);
    assert_services(1, "a", SERVICES, 7);
    assert_int_equal(world.nodes[1].counts[MUSTER_PEER_RESTARTED], 1);
}

TEST(a_peer_turns_large_and_small_and_back) {
    world_gather(2);
    long bytes = 0;
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(world_offer(0, "a", SERVICES, 1000), 0);
        world_run(2000);
        assert_services(1, "a", SERVICES, 1000);
        assert_int_equal(world_offer(0, "a", 2, 50), 0);
        world_run(2000);
        assert_services(1, "a", 2, 50);
        bytes = i == 0 ? countdown_bytes() : bytes;
    }
    assert_int_equal(world.nodes[1].counts[MUSTER_PEER_CHANGED], 6);
    /* While it is being fetched, too. */
    for (unsigned i = 0; i < 20; i++) {
        assert_int_equal(world_offer(0, "a", SERVICES, 1000 + i), 0);
        world_run(100 + 2 * i);
        assert_int_equal(world_offer(0, "a", 2, 50), 0);
        world_run(100 + i);
    }
    world_run(3000);
    assert_services(1, "a", 2, 50);
    assert_true(countdown_bytes() < bytes + 1000); /* less than a body */
}

/* ---- who can't be large ---- */

TEST(without_key_or_stream_a_document_stays_small) {
    size_t unsigned_one = world_add("u!");
    world.has_streams = false;
    size_t deaf = world_add("s");
    assert_int_equal(world_offer(unsigned_one, "u!", SERVICES, 1), MUSTER_ETOOBIG);
    assert_int_equal(world_offer(deaf, "s", SERVICES, 1), MUSTER_ETOOBIG);
}

TEST(a_refused_document_changes_nothing) {
    world_gather(2);
    struct muster_service same[SERVICES];
    for (size_t i = 0; i < SERVICES; i++) {
        same[i] = (struct muster_service){.type = "http", .proto = "tcp", .port = 80};
    }
    const struct muster_document document = {
        .name = "a-longer-name", .services = same, .service_count = SERVICES};
    const struct muster_command command = {.kind = MUSTER_COMMAND_UPDATE, .document = &document};
    long bytes = countdown_bytes();
    tape_begin(0);
    assert_int_equal(world_command(0, &command), MUSTER_EINVAL);
    world_run(3000);
    assert_int_equal(tape_count("announce"), 0);
    assert_int_equal(muster_core_rev(world.nodes[0].core), 1);
    assert_true(countdown_bytes() < bytes + 1000);
}

/* Topics are in the body like all lists, and stay when the rest of the document changes. */
TEST(topics_make_a_document_large) {
    enum { TOPICS = 200 };
    static const struct muster_text unit = {"temperature", "Cel"};
    unsigned numbers[TOPICS];
    world_gather(2);
    muster_core_t *core = world.nodes[0].core;
    for (unsigned i = 0; i < TOPICS; i++) {
        char name[32];
        snprintf(name, sizeof name, "room-%u/climate", i);
        const struct muster_topic topic = {.name = name, .units = &unit, .unit_count = 1};
        assert_int_equal(muster_core_topic_open(core, &topic, &numbers[i]), 0);
        field_publish(0, numbers[i], "temperature", 20);
    }
    world_run(3000);
    assert_int_equal(world_offer(0, "other", 1, 50), 0);
    world_run(3000);
    const struct muster_peer *row = world_row(1, "other");
    assert_false(row->partial);
    assert_int_equal(row->document.service_count, 1);
    assert_int_equal(row->document.topic_count, TOPICS);
    assert_string_equal(row->document.topics[TOPICS - 1].name, "room-199/climate");
    assert_string_equal(row->document.topics[TOPICS - 1].units[0].value, "Cel");
    assert_int_equal(world_counters(0)->outputs_dropped, 0);
    unsigned opened = world.nodes[1].opened;
    for (unsigned i = 0; i < TOPICS; i++) {
        muster_core_topic_close(core, numbers[i]);
    }
    world_tick(0);
    world_run(3000);
    assert_services(1, "other", 1, 50);
    assert_int_equal(world.nodes[1].opened, opened);
}

/* What nobody signed could make everybody connect to anybody. */
TEST(what_no_key_vouches_for_is_not_fetched) {
    world_gather(2);
    struct announce announce = {
        .name = "u",
        .more =
            ",\"size\":5000,\"hash\":\"0000000000000000000000000000000000000000000000000000000000000000\","
            "\"stream\":19798"};
    world_hear(1, &announce);
    world_run(5000);
    assert_partial(1, "u");
    assert_int_equal(world.nodes[1].opened, 0);
    /* So a change of it is told at once. */
    announce.seq = 2;
    announce.name = "v";
    world_hear(1, &announce);
    world_run(10);
    assert_int_equal(world.nodes[1].counts[MUSTER_PEER_CHANGED], 1);
    world_run(5000);
    assert_int_equal(world.nodes[1].opened, 0);
}

TEST(who_opens_no_streams_hears_of_the_change_all_the_same) {
    world_add("a");
    world.has_streams = false;
    world_add("b");
    world_run(3000);
    assert_int_equal(world_offer(0, "a", SERVICES, 1000), 0);
    world_run(3000);
    assert_partial(1, "a");
    assert_int_equal(world.nodes[1].counts[MUSTER_PEER_CHANGED], 1);
    assert_int_equal(muster_core_deadline(world.nodes[1].core) > world.now_ms, true);
}

/* ---- sources that fail ---- */

static unsigned asked;

/* What is said to who wants a document: more bytes than were announced, others, none. */
static void give_text(struct pipe *pipe, const char *body) {
    const char *id = strstr(pipe->text, "\"id\":\"");
    assert_non_null(id);
    pipe_say(pipe, "{\"document\":{\"id\":\"%.32s\"},\"lines\":1}\n%s{\"end\":\"done\",\"count\":1}\n",
             id + 6, body);
}

/* Parts by datagrams would bring it. */
static bool lose_parts(size_t from, size_t to, const struct muster_datagram *datagram) {
    (void)from, (void)to;
    return datagram_has(datagram, "\"kind\":\"part\"");
}

static const char *lie;

static void give_lie(struct pipe *pipe, enum muster_stream_event event) {
    if (event == MUSTER_STREAM_BYTES) {
        asked++;
        give_text(pipe, lie);
    }
}

static void have_nothing(struct pipe *pipe, enum muster_stream_event event) {
    if (event == MUSTER_STREAM_BYTES) {
        asked++;
        pipe_say(pipe, "{\"end\":\"not_found\",\"count\":0,\"text\":\"there is no such thing here\"}\n");
    }
}

static void stay_silent(struct pipe *pipe, enum muster_stream_event event) {
    (void)pipe;
    asked += event == MUSTER_STREAM_BYTES ? 1 : 0;
}

TEST(lies_are_not_taken) {
    static char long_line[80000];
    memset(long_line, ' ', sizeof long_line - 2);
    long_line[sizeof long_line - 2] = '\n';
    const char *const lies[] = {"{}\n", "\xff\n", "\n", "{\"services\":[]}\n{}\n", long_line};
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        begin();
        world_gather(2);
        lie = lies[i];
        asked = 0;
        world.nodes[0].script = give_lie;
        world.is_lost = lose_parts;
        assert_int_equal(world_offer(0, "a", SERVICES, 1000), 0);
        world_run(1000);
        assert_partial(1, "a");
        assert_in_range(asked, MUSTER_FETCH_TRIES, MUSTER_FETCH_TRIES + 1);
        assert_int_equal(world_counters(1)->documents, 0);
        world.nodes[0].script = NULL; /* and then it is honest */
        world_run(10000 + MUSTER_FETCH_RETRY_MS);
        assert_services(1, "a", SERVICES, 1000);
    }
}

static bool lose_announces(size_t from, size_t to, const struct muster_datagram *datagram) {
    (void)to;
    return from == 0 && datagram_has(datagram, "\"announce\"");
}

/* The hash is right, but not the size that was announced: both are signed, so the peer itself lies. */
TEST(a_wrong_size_is_not_taken) {
    char header[MUSTER_DATAGRAM_BYTES_MAX];
    world_gather(2);
    world.is_lost = lose_announces;
    tape_begin(0);
    assert_int_equal(world_offer(0, "a", SERVICES, 1000), 0);
    world_run(100);
    const char *text = tape_last("announce")->text;
    const char *size = strstr(text, "\"size\":");
    const char *rest = strchr(size, ',');
    snprintf(header, sizeof header, "%.*s\"size\":5%.*s", (int)(size - text), text, (int)strcspn(rest, "\n"),
             rest);
    world_say_signed(1, 1, MUSTER_PATH_M4, world.nodes[0].secret, 0, "%s", header);
    world_run(3000);
    assert_partial(1, "a");
    assert_true(world.nodes[1].opened > 0);
    assert_int_equal(world_counters(1)->documents, 0);
}

/* Three tries and one by datagrams, and again after 2 s, 4 s, 8 s and so on: nobody is asked without end. */
TEST(pauses_grow) {
    static const pipe_script scripts[] = {have_nothing, stay_silent};
    for (size_t i = 0; i < 2; i++) {
        begin();
        world_gather(2);
        asked = 0;
        world.is_lost = lose_parts;
        world.nodes[0].script = scripts[i];
        assert_int_equal(world_offer(0, "a", SERVICES, 1000), 0);
        world_run(4000);
        unsigned first = asked;
        assert_in_range(first, 3, 4);
        world_run(60000);
        assert_in_range(asked - first, 6, 15);
        unsigned later = asked;
        world_run(3600000);
        unsigned rounds = 3600000 / MUSTER_FETCH_RETRY_MS_MAX;
        assert_in_range((asked - later) / MUSTER_FETCH_TRIES, rounds - 1, 2 * rounds);
    }
}

/* Its peer gives it nobody but "b"; then who has it gives it to the others. */
static bool is_cut_off;

static void give_to_nobody(struct pipe *pipe, enum muster_stream_event event) {
    if (event == MUSTER_STREAM_ACCEPTED) {
        pipe_break(pipe);
    }
    is_cut_off = true;
}

TEST(who_has_a_document_gives_it_to_others) {
    world_gather(3);
    assert_int_equal(world_offer(0, "a", SERVICES, 1000), 0);
    world_run(2000);
    world.nodes[0].script = give_to_nobody;
    size_t late = world_add("late");
    world_run(3000);
    assert_true(is_cut_off);
    assert_services(late, "a", SERVICES, 1000);
}

TEST(a_document_is_fetched_though_its_peer_dies) {
    world_gather(3);
    assert_int_equal(world_offer(0, "a", SERVICES, 1000), 0);
    world_run(2000);
    size_t late = world_add("late");
    while (world.nodes[late].counts[MUSTER_PEER_JOINED] < 3) {
        world_run(1);
    }
    world_kill(0);
    world_run(2000);
    assert_services(late, "a", SERVICES, 1000);
}

/* ---- memory ---- */

/* More than 60 KB. */
static int update_largest(size_t index) {
    enum { ATTRS = 230 };
    struct muster_text attrs[ATTRS];
    char names[ATTRS][8];
    const struct muster_record text = field_text(MUSTER_VALUE_BYTES_MAX);
    for (unsigned i = 0; i < ATTRS; i++) {
        snprintf(names[i], sizeof names[i], "%u", i);
        attrs[i] = (struct muster_text){names[i], text.text};
    }
    const struct muster_document document = {
        .name = world.nodes[index].name, .attrs = attrs, .attr_count = ATTRS};
    const struct muster_command command = {.kind = MUSTER_COMMAND_UPDATE, .document = &document};
    return world_command(index, &command);
}

/* Nodes that nobody hears of but node 0, for they hear what is said to them alone; each under three keys,
 * which all stay alive. */
static void add_largest(unsigned count) {
    for (unsigned i = 1; i <= count; i++) {
        char name[16];
        snprintf(name, sizeof name, "n%u", i);
        world_add(name);
        struct muster_core_options options = world_options(i);
        options.interval_min_ms = MUSTER_INTERVAL_MS_MAX;
        world_start(i, &options);
        world.nodes[i].paths = 1u << MUSTER_PATH_U4;
        assert_int_equal(update_largest(i), 0);
    }
    for (uint64_t key = 0; key < 3; key++) {
        world_run(40000);
        for (unsigned i = 1; i <= count && key < 2; i++) {
            assert_int_equal(world_rekey(i, 10 + key), 0);
        }
    }
}

/* A table that is full of bodies takes no more of them, and some when there is room again. */
TEST(bodies_have_a_bound) {
    enum { NODES = 100 };
    world.crypto = &world_cheap_crypto;
    world_add("a");
    add_largest(NODES);
    uint64_t documents = world_counters(0)->documents;
    assert_in_range(documents, MUSTER_DOCUMENTS_BYTES_MAX / 65536, 3 * NODES - 1);
    world_run(600000);
    assert_int_equal(world_counters(0)->documents, documents);
    for (size_t i = 1; i <= 30; i++) {
        world_leave(i);
    }
    world_run(MUSTER_TOMBSTONE_MS + 2 * MUSTER_FETCH_RETRY_MS_MAX);
    assert_true(world_counters(0)->documents > documents);
}

/* More peers than streams may be open: one after the other. */
TEST(many_documents_share_few_streams) {
    for (unsigned i = 0; i < 12; i++) {
        char name[16];
        snprintf(name, sizeof name, "n%u", i);
        world_add(name);
    }
    world_run(4000);
    for (unsigned i = 0; i < 12; i++) {
        assert_int_equal(world_offer(i, world.nodes[i].name, SERVICES, 1000 + i), 0);
    }
    world_run(12000);
    for (size_t i = 0; i < 12; i++) {
        assert_int_equal(world_counters(i)->documents, 11);
        assert_int_equal(world.nodes[i].opened, 11);
        assert_int_equal(world_counters(i)->streams_refused, 0);
    }
}

int main(void) {
    return test_run(begin, world_end);
}
