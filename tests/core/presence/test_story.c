/* SPDX-License-Identifier: MIT */
/* Stories of a few nodes: what each is told, line by line. */
#include <string.h>

#include "test.h"
#include "world.h"

static void begin(void) {
    world_begin(1);
}

TEST(two_nodes_meet) {
    world_add("a");
    world_add("b");
    world_run(100);
    const char *story = world_story();
    assert_non_null(strstr(story, "a: joined b\n"));
    assert_non_null(strstr(story, "b: joined a\n"));
    assert_int_equal(strlen(story), 2 * strlen("a: joined b\n"));
    world_run(60000);
    assert_string_equal(world_story(), "");
    const struct muster_peer *row = world_row(0, "b");
    assert_true(row->verified);
    assert_int_equal(row->state, MUSTER_ALIVE);
    assert_int_equal(row->paths & WORLD_GROUP_PATHS, WORLD_GROUP_PATHS);
    assert_true(row->loss == 0);
    assert_true(row->next_ms >= 0);
}

TEST(a_change_is_told) {
    world_gather(2);
    assert_int_equal(world_update(0, "a", 9090), 0);
    world_run(10);
    assert_string_equal(world_story(), "b: changed a\n");
    world_run(10000);
    assert_string_equal(world_story(), "");
}

TEST(a_missed_change_heals) {
    world_gather(2);
    world.nodes[1].paths = 0;
    world_update(0, "a", 9090);
    world_run(1100);
    world.nodes[1].paths = WORLD_ALL_PATHS;
    world_run(4000);
    assert_non_null(strstr(world_story(), "b: changed a\n"));
}

TEST(a_bye_is_told) {
    world_gather(2);
    world_leave(0);
    world_run(300);
    assert_string_equal(world_story(), "b: left a\n");
    assert_true(world.nodes[0].has_left);
    world_run(59000);
    assert_int_equal(world_rows(1, MUSTER_LEFT), 1);
    world_run(2000);
    assert_int_equal(world_rows(1, MUSTER_LEFT), 0);
    assert_string_equal(world_story(), "");
}

TEST(a_crash_is_suspected_then_confirmed) {
    world_gather(3);
    int64_t next_ms = world_row(1, "a")->next_ms;
    world_kill(0);
    uint64_t killed_ms = world.now_ms;
    assert_true(world_run_until(1, MUSTER_PEER_LOST, 1));
    assert_true(world_run_until(2, MUSTER_PEER_LOST, 1));
    assert_true(world.now_ms - killed_ms < (uint64_t)next_ms + 3000);
    const char *story = world_story();
    assert_non_null(strstr(story, "b: suspect a\n"));
    assert_non_null(strstr(story, "b: lost a\n"));
    assert_non_null(strstr(story, "c: lost a\n"));
    assert_null(strstr(story, "suspect c"));
    world_run(61000);
    assert_int_equal(world_rows(1, MUSTER_LOST), 0);
    assert_int_equal(world_rows(1, MUSTER_ALIVE), 1);
}

TEST(a_pause_is_suspected_and_returns) {
    world_gather(2);
    world.nodes[1].paths = 0; /* b is deaf */
    assert_true(world_run_until(1, MUSTER_PEER_SUSPECT, 1));
    world.nodes[1].paths = WORLD_ALL_PATHS;
    world_run(1000);
    assert_string_equal(world_story(), "b: suspect a\nb: returned a\n");
}

TEST(a_lost_peer_returns_by_proof) {
    world_gather(2);
    world.nodes[1].paths = 0;
    assert_true(world_run_until(1, MUSTER_PEER_LOST, 1));
    world_story();
    world.nodes[1].paths = WORLD_ALL_PATHS;
    world_run(5000);
    assert_string_equal(world_story(), "b: returned a\n");
}

TEST(a_restart_keeps_the_id) {
    world_gather(2);
    world_restart(0);
    world_run(100);
    assert_string_equal(world_story(), "a: joined b\nb: restarted a\n");
    world_run(30000);
    assert_string_equal(world_story(), "");
}

TEST(a_restart_after_bye_is_a_restart) {
    world_gather(2);
    world_leave(0);
    world_run(500);
    world_story();
    world_restart(0);
    world_run(100);
    assert_string_equal(world_story(), "a: joined b\nb: restarted a\n");
}

/* It publishes a value each time. An observer is shown each run, early enough to be told the value. */
TEST(short_runs_of_one_id_are_all_seen) {
    size_t runner = world_add("runner");
    size_t observer = world_add("?observer");
    world_run(1000);
    for (unsigned k = 1; k <= 10; k++) {
        world_leave(runner);
        world_run(280);
        world_kill(runner);
        world_restart(runner);
        world_run(50);
        assert_int_equal(world.nodes[observer].counts[MUSTER_PEER_RESTARTED], k);
        world_run(350);
    }
}

/* What a program says right behind its start does not wait. */
TEST(a_change_right_behind_a_start_is_told_at_once) {
    world_gather(1);
    size_t node = world_add("b");
    assert_int_equal(world_update(node, "b", 80), 0);
    world_run(30);
    const struct muster_peer *row = world_row(0, "b");
    assert_int_equal(row->document.service_count, 1);
    assert_int_equal(row->document.services[0].port, 80);
}

TEST(an_observer_leaves_no_row) {
    world_gather(2);
    size_t observer = world_add("?");
    world_query(observer);
    world_run(100);
    assert_int_equal(world.nodes[observer].settled, 1);
    assert_int_equal(world_rows(observer, MUSTER_ALIVE), 2);
    world_run(5000);
    assert_int_equal(world_rows(0, MUSTER_ALIVE), 1);
    assert_true(world_row(observer, "a")->paths & 1u << MUSTER_PATH_M4);
}

TEST(a_query_with_nobody_there_settles) {
    size_t observer = world_add("?");
    world_query(observer);
    world_run(700);
    assert_int_equal(world.nodes[observer].settled, 0);
    world_run(300);
    assert_int_equal(world.nodes[observer].settled, 1);
}

TEST(queries_without_end_settle_all_the_same) {
    size_t observer = world_add("?");
    for (int i = 0; i < 20; i++) {
        world_query(observer);
        world_run(500);
    }
    assert_true(world.nodes[observer].settled >= 16);
    world_run(2000);
    assert_int_equal(world.nodes[observer].settled, 20);
}

/* However long its wishes are, a question that lists whom it knows leaves. */
TEST(a_long_query_among_many_leaves) {
    char name[MUSTER_NAME_BYTES_MAX + 1];
    memset(name, '\x01', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    size_t asker = world_add("asker");
    for (int i = 0; i < 40; i++) {
        world_add("x");
    }
    world_run(3000);
    struct muster_command query = {.kind = MUSTER_COMMAND_QUERY, .type = "fifteen-letters", .name = name};
    assert_int_equal(world_command(asker, &query), 0);
    world_run(3000);
    assert_int_equal(world.nodes[asker].settled, 1);
    assert_int_equal(world_counters(asker)->outputs_dropped, 0);
}

TEST(a_query_by_type_finds_those_only) {
    world_add("a");
    world_add("b");
    struct muster_service ipp = {.name = "", .type = "ipp", .proto = "tcp", .port = 631};
    struct muster_document document = {.name = "b", .services = &ipp, .service_count = 1};
    struct muster_command update = {.kind = MUSTER_COMMAND_UPDATE, .document = &document};
    assert_int_equal(world_command(1, &update), 0);
    world_run(3000);
    size_t observer = world_add("?");
    struct muster_command query = {.kind = MUSTER_COMMAND_QUERY, .type = "ipp"};
    world_command(observer, &query);
    world_run(30);
    assert_true(world_has_row(observer, "b"));
    assert_false(world_has_row(observer, "a"));
    world_run(900);
    assert_int_equal(world.nodes[observer].settled, 1);
}

/* Who brought a service from elsewhere answers for its host; with a type only for those services. */
TEST(a_query_by_host_and_origin_finds_who_brought_it) {
    world_add("a");
    world_add("b");
    struct muster_service services[] = {
        {.name = "", .type = "http", .proto = "tcp", .port = 80},
        {.name = "", .type = "ipp", .proto = "tcp", .port = 631, .origin = "dnssd", .host = "print"}};
    struct muster_document document = {.name = "b", .services = services, .service_count = 2};
    struct muster_command update = {.kind = MUSTER_COMMAND_UPDATE, .document = &document};
    assert_int_equal(world_command(1, &update), 0);
    world_run(3000);
    static const struct {
        const char *type;
        const char *name;
        bool is_found;
    } cases[] = {{NULL, "print~dnssd", true},    {"ipp", "print~dnssd", true}, {"http", "b", true},
                 {"http", "print~dnssd", false}, {"ipp", "b", false},          {NULL, "print", false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t observer = world_add("?");
        struct muster_command query = {
            .kind = MUSTER_COMMAND_QUERY, .type = cases[i].type, .name = cases[i].name};
        assert_int_equal(world_command(observer, &query), 0);
        world_run(30);
        assert_int_equal(world_has_row(observer, "b"), cases[i].is_found);
        assert_false(world_has_row(observer, "a"));
        world_kill(observer);
    }
}

TEST(a_query_for_what_cannot_be_is_refused) {
    size_t observer = world_add("?");
    static const char *const types[] = {"", "no such type", "-http", "HTTP", "sixteen-letters-"};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        struct muster_command query = {.kind = MUSTER_COMMAND_QUERY, .type = types[i]};
        assert_int_equal(world_command(observer, &query), MUSTER_EINVAL);
    }
    struct muster_command query = {.kind = MUSTER_COMMAND_QUERY, .name = ""};
    assert_int_equal(world_command(observer, &query), MUSTER_EINVAL);
    world_run(3000);
    assert_int_equal(world.nodes[observer].settled, 0);
    assert_int_equal(world.sent, 0);
}

TEST(broadcast_alone_is_enough) {
    world_add("a");
    world.nodes[0].paths = WORLD_ALL_PATHS & ~(1u << MUSTER_PATH_M4);
    world_add("b");
    world.nodes[1].paths = world.nodes[0].paths;
    world_run(120000);
    assert_int_equal(world.nodes[0].counts[MUSTER_PEER_JOINED], 1);
    assert_int_equal(world.nodes[1].counts[MUSTER_PEER_LOST], 0);
    const struct muster_peer *row = world_row(1, "a");
    assert_false(row->paths & 1u << MUSTER_PATH_M4);
    assert_true(row->paths & 1u << MUSTER_PATH_B4);
    assert_true(row->age_ms < 2600);
}

TEST(without_unicast_the_group_introduces) {
    world_add("a");
    world.nodes[0].paths = WORLD_GROUP_PATHS;
    world_add("b");
    world.nodes[1].paths = WORLD_GROUP_PATHS;
    world_run(2000);
    assert_int_equal(world_rows(0, MUSTER_ALIVE), 1);
    assert_int_equal(world_rows(1, MUSTER_ALIVE), 1);
}

TEST(a_node_that_slept_blames_nobody) {
    world_gather(2);
    world.nodes[1].is_stopped = true;
    world_run(30000);
    world_story();
    world.nodes[1].is_stopped = false;
    world_run(3000);
    assert_null(strstr(world_story(), "b: "));
}

/* Having been away is no loss: a death right after is noticed as soon as ever. */
TEST(being_away_is_no_loss) {
    world_gather(2);
    world.nodes[1].paths = 0;
    world_run(50000);
    world.nodes[1].paths = WORLD_ALL_PATHS;
    world_run(10000);
    struct muster_peer row = *world_row(1, "a");
    assert_true(row.loss < 0.1);
    unsigned lost = world.nodes[1].counts[MUSTER_PEER_LOST];
    world_kill(0);
    uint64_t killed_ms = world.now_ms;
    assert_true(world_run_until(1, MUSTER_PEER_LOST, lost + 1));
    assert_true(world.now_ms - killed_ms < (uint64_t)row.next_ms + 3000);
}

TEST(without_paths_nobody_is_blamed) {
    world_gather(2);
    assert_int_equal(world_paths(1, NULL, 0), 0);
    uint64_t sent = world_counters(1)->sent;
    world_run(60000);
    assert_null(strstr(world_story(), "b: "));
    assert_int_equal(world_counters(1)->sent, sent);
    assert_int_equal(world_row(1, "a")->state, MUSTER_SUSPECT); /* but not shown as alive for ever */
}

TEST(a_shorter_promise_counts_at_once) {
    world_add("a");
    world_hear(0, &(struct announce){.name = "micro", .next_ms = 3600000});
    world_hear(0, &(struct announce){.name = "micro", .next_ms = 2500, .seq = 2, .rev = 1});
    world_run(10000);
    assert_string_equal(world_story(), "a: joined micro\na: suspect micro\na: lost micro\n");
}

TEST(a_sleeper_is_judged_by_its_own_word) {
    world_add("a");
    size_t sleeper = world_add("battery");
    struct muster_core_options options = world_options(sleeper);
    options.interval_min_ms = 3600000;
    world_start(sleeper, &options);
    world_run(3000);
    assert_true(world_row(0, "battery")->next_ms > 3600000);
    world_kill(sleeper);
    world_story();
    world_run(3600000);
    assert_string_equal(world_story(), "");
    world_run(1000000);
    assert_string_equal(world_story(), "a: suspect battery\na: lost battery\n");
}

int main(void) {
    return test_run(begin, world_end);
}
