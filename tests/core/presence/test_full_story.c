/* SPDX-License-Identifier: MIT */
/* Stories of machines without room: what is said there is not sent, to the group as to one peer, and the node
 * is told. */
#include <stdio.h>
#include <string.h>

#include "limit.h"
#include "test.h"
#include "world.h"

static struct {
    unsigned from;              /* the machines of the first nodes, so many, are full, */
    bool is_group_sent;         /* for what goes to one peer alone, */
    uint64_t until_ms;          /* until then */
    unsigned unicasts;          /* to one peer that did not leave */
    unsigned questions_of_many; /* to the group, by m4, for documents of several */
    unsigned questions_of_one;  /* by unicast, for that of one */
} machine;

static bool is_unsent(size_t from, const struct muster_datagram *datagram) {
    bool is_unicast = datagram->destination.ip[0] == 10;
    bool is_full = from < machine.from && world.now_ms < machine.until_ms;
    machine.unicasts += is_full && is_unicast ? 1 : 0;
    return is_full && (is_unicast || !machine.is_group_sent);
}

static bool is_answer_to_first(size_t from, size_t to, const struct muster_datagram *datagram) {
    (void)from;
    return to == 0 && datagram_has(datagram, "\"re\":");
}

static void record(size_t from, const struct muster_datagram *datagram) {
    if (from == 0 && datagram_has(datagram, "\"of\":") && datagram_has(datagram, "\"want\":{}")) {
        machine.questions_of_many += datagram->destination.ip[0] == 224 ? 1 : 0;
        machine.questions_of_one += datagram->destination.ip[0] == 10 ? 1 : 0;
    }
}

static void begin(void) {
    world_begin(1);
    memset(&machine, 0, sizeof machine);
    world.is_unsent = is_unsent;
    world.on_sent = record;
}

static void fill(unsigned from, uint64_t for_ms) {
    machine.from = from;
    machine.until_ms = world.now_ms + for_ms;
}

static void add_with_interval(const char *name, uint64_t interval_ms) {
    struct muster_core_options options = world_options(world_add(name));
    options.interval_min_ms = interval_ms;
    world_start(world.count - 1, &options);
}

TEST(what_was_not_sent_is_said_again) {
    add_with_interval("a", 60000 - 1);
    world_add("b");
    world_run(20000);
    fill(1, 3000);
    const struct muster_service service = {.name = "", .type = "ipp", .proto = "tcp", .port = 631};
    const struct muster_document document = {.name = "a", .services = &service, .service_count = 1};
    const struct muster_command command = {.kind = MUSTER_COMMAND_UPDATE, .document = &document};
    assert_int_equal(world_command(0, &command), 0);
    world_run(2900); /* all copies of the change are over */
    assert_null(strstr(world_story(), "changed"));
    world_run(2100);
    assert_non_null(strstr(world_story(), "b: changed a"));
}

TEST(who_is_not_heard_where_nobody_is_heard_is_no_suspect) {
    add_with_interval("a", 200); /* so that it knows soon that it is not heard */
    world_add("b");
    world_add("c");
    world_add("d");
    world_run(5000);
    fill(4, 12000);
    world_run(20000);
    assert_int_equal(world.nodes[0].counts[MUSTER_PEER_SUSPECT], 0);
    assert_null(strstr(world_story(), "lost"));
    assert_int_equal(world_rows(0, MUSTER_ALIVE), 3);
    world_kill(1);
    world_run(30000);
    assert_int_equal(world.nodes[0].counts[MUSTER_PEER_LOST], 1);
}

TEST(who_can_say_nothing_waits_for_nobody_for_ever) {
    world_gather(2);
    fill(1, 200000);
    world_kill(1);
    world_run(MUSTER_LATE_WAIT_MS + 20000);
    assert_int_equal(world.nodes[0].counts[MUSTER_PEER_LOST], 1);
}

TEST(a_crowd_in_a_full_machine_meets_by_the_group) {
    const size_t count = 40;
    world.crypto = &world_cheap_crypto;
    machine.is_group_sent = true;
    fill((unsigned)count, 60000);
    for (size_t i = 0; i < count; i++) {
        char name[8];
        snprintf(name, sizeof name, "n%zu", i);
        world_add(name);
    }
    world_run(10000);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(world_rows(i, MUSTER_ALIVE), count - 1);
    }
    print_message("%u datagrams by unicast\n", machine.unicasts);
    assert_true(machine.unicasts < 5 * count);
}

/* The first one hears the others, but nothing that proves them. */
TEST(a_crowd_asks_many_by_one_question) {
    const size_t count = 60;
    world.crypto = &world_cheap_crypto;
    for (size_t i = 0; i < count; i++) {
        char name[8];
        snprintf(name, sizeof name, "n%zu", i);
        world_add(name);
    }
    world.is_lost = is_answer_to_first;
    while (machine.questions_of_many == 0 && world.now_ms < 1060000) {
        world_run(100);
    }
    world.is_lost = NULL;
    world_run(5000);
    assert_int_equal(world_rows(0, MUSTER_ALIVE), count - 1);
    print_message("%u questions of many, %u of one\n", machine.questions_of_many, machine.questions_of_one);
    assert_in_range(machine.questions_of_many, 1, 4);
    assert_int_equal(machine.questions_of_one, 0);
}

int main(void) {
    return test_run(begin, world_end);
}
