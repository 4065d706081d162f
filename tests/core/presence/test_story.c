/* Stories of a few nodes: what each is told, line by line. */
#include <stdio.h>
#include <string.h>

#include "cmocka_all.h"
#include "world.h"

static struct world world;

static int begin(void **state) {
    (void)state;
    world_init(&world, 1);
    return 0;
}

static int end(void **state) {
    (void)state;
    world_deinit(&world);
    return 0;
}

static void two_nodes_meet(void **state) {
    (void)state;
    world_add(&world, "a");
    world_add(&world, "b");
    world_run(&world, 100);
    const char *story = world_story(&world);
    assert_non_null(strstr(story, "a: joined b\n"));
    assert_non_null(strstr(story, "b: joined a\n"));
    assert_int_equal(strlen(story), 2 * strlen("a: joined b\n"));
    world_run(&world, 60000);
    assert_string_equal(world_story(&world), "");
    struct muster_peer row;
    assert_true(world_row(&world, 0, "b", &row));
    assert_true(row.verified);
    assert_int_equal(row.state, MUSTER_ALIVE);
    assert_int_equal(row.paths & 3, 3);
    assert_true(row.loss == 0);
    assert_true(row.next_ms >= 0);
}

static void a_change_is_told(void **state) {
    (void)state;
    world_add(&world, "a");
    world_add(&world, "b");
    world_run(&world, 3000);
    world_story(&world);
    assert_int_equal(world_update(&world, 0, "a", 9090), 0);
    world_run(&world, 10);
    assert_string_equal(world_story(&world), "b: changed a\n");
    world_run(&world, 10000);
    assert_string_equal(world_story(&world), "");
}

static void a_missed_change_heals(void **state) {
    (void)state;
    world_add(&world, "a");
    world_add(&world, "b");
    world_run(&world, 3000);
    world_story(&world);
    world.nodes[1].paths = 0;
    world_update(&world, 0, "a", 9090);
    world_run(&world, 1100);
    world.nodes[1].paths = 7;
    world_run(&world, 4000);
    assert_non_null(strstr(world_story(&world), "b: changed a\n"));
}

static void a_bye_is_told(void **state) {
    (void)state;
    world_add(&world, "a");
    world_add(&world, "b");
    world_run(&world, 3000);
    world_story(&world);
    world_leave(&world, 0);
    world_run(&world, 300);
    assert_string_equal(world_story(&world), "b: left a\n");
    assert_true(world.nodes[0].has_left);
    world_run(&world, 59000);
    assert_int_equal(world_rows(&world, 1, MUSTER_LEFT), 1);
    world_run(&world, 2000);
    assert_int_equal(world_rows(&world, 1, MUSTER_LEFT), 0);
    assert_string_equal(world_story(&world), "");
}

static void a_crash_is_suspected_then_confirmed(void **state) {
    (void)state;
    world_add(&world, "a");
    world_add(&world, "b");
    world_add(&world, "c");
    world_run(&world, 10000);
    world_story(&world);
    struct muster_peer row;
    assert_true(world_row(&world, 1, "a", &row));
    world_kill(&world, 0);
    uint64_t killed_ms = world.now_ms;
    assert_true(world_run_until(&world, 1, MUSTER_PEER_LOST, 1));
    assert_true(world_run_until(&world, 2, MUSTER_PEER_LOST, 1));
    assert_true(world.now_ms - killed_ms < (uint64_t)row.next_ms + 3000);
    const char *story = world_story(&world);
    assert_non_null(strstr(story, "b: suspect a\n"));
    assert_non_null(strstr(story, "b: lost a\n"));
    assert_non_null(strstr(story, "c: lost a\n"));
    assert_null(strstr(story, "suspect c"));
    world_run(&world, 61000);
    assert_int_equal(world_rows(&world, 1, MUSTER_LOST), 0);
    assert_int_equal(world_rows(&world, 1, MUSTER_ALIVE), 1);
}

static void a_pause_is_suspected_and_returns(void **state) {
    (void)state;
    world_add(&world, "a");
    world_add(&world, "b");
    world_run(&world, 10000);
    world_story(&world);
    world.nodes[1].paths = 0; /* b is deaf */
    assert_true(world_run_until(&world, 1, MUSTER_PEER_SUSPECT, 1));
    world.nodes[1].paths = 7;
    world_run(&world, 1000);
    assert_string_equal(world_story(&world), "b: suspect a\nb: returned a\n");
}

static void a_lost_peer_returns_by_proof(void **state) {
    (void)state;
    world_add(&world, "a");
    world_add(&world, "b");
    world_run(&world, 10000);
    world.nodes[1].paths = 0;
    assert_true(world_run_until(&world, 1, MUSTER_PEER_LOST, 1));
    world_story(&world);
    world.nodes[1].paths = 7;
    world_run(&world, 5000);
    assert_string_equal(world_story(&world), "b: returned a\n");
}

static void a_restart_keeps_the_id(void **state) {
    (void)state;
    world_add(&world, "a");
    world_add(&world, "b");
    world_run(&world, 5000);
    world_story(&world);
    struct muster_document document = {.name = "a"};
    struct muster_core_options options;
    world_options(&world, 0, &document, &options);
    world_start(&world, 0, &options);
    world_run(&world, 100);
    assert_string_equal(world_story(&world), "a: joined b\nb: restarted a\n");
    world_run(&world, 30000);
    assert_string_equal(world_story(&world), "");
}

static void a_restart_after_bye_is_a_restart(void **state) {
    (void)state;
    world_add(&world, "a");
    world_add(&world, "b");
    world_run(&world, 5000);
    world_leave(&world, 0);
    world_run(&world, 500);
    world_story(&world);
    struct muster_document document = {.name = "a"};
    struct muster_core_options options;
    world_options(&world, 0, &document, &options);
    world_start(&world, 0, &options);
    world_run(&world, 100);
    assert_string_equal(world_story(&world), "a: joined b\nb: restarted a\n");
}

static void an_observer_leaves_no_row(void **state) {
    (void)state;
    world_add(&world, "a");
    world_add(&world, "b");
    world_run(&world, 3000);
    size_t observer = world_add(&world, "?");
    struct muster_command command = {.kind = MUSTER_COMMAND_QUERY};
    assert_int_equal(world_command(&world, observer, &command), 0);
    world_run(&world, 100);
    assert_int_equal(world.nodes[observer].settled, 1);
    assert_int_equal(world_rows(&world, observer, MUSTER_ALIVE), 2);
    world_run(&world, 5000);
    assert_int_equal(world_rows(&world, 0, MUSTER_ALIVE), 1);
    struct muster_peer row;
    assert_true(world_row(&world, observer, "a", &row));
    assert_true(row.paths & 1u << MUSTER_PATH_M4);
}

static void a_query_with_nobody_there_settles(void **state) {
    (void)state;
    size_t observer = world_add(&world, "?");
    struct muster_command command = {.kind = MUSTER_COMMAND_QUERY};
    world_command(&world, observer, &command);
    world_run(&world, 700);
    assert_int_equal(world.nodes[observer].settled, 0);
    world_run(&world, 300);
    assert_int_equal(world.nodes[observer].settled, 1);
}

static void queries_without_end_settle_all_the_same(void **state) {
    (void)state;
    size_t observer = world_add(&world, "?");
    struct muster_command command = {.kind = MUSTER_COMMAND_QUERY};
    for (int i = 0; i < 20; i++) {
        assert_int_equal(world_command(&world, observer, &command), 0);
        world_run(&world, 500);
    }
    assert_true(world.nodes[observer].settled >= 16);
    world_run(&world, 2000);
    assert_int_equal(world.nodes[observer].settled, 20);
}

/* However long its wishes are, a question that lists whom it knows leaves. */
static void a_long_query_among_many_leaves(void **state) {
    (void)state;
    char name[MUSTER_NAME_BYTES_MAX + 1];
    memset(name, '\x01', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    size_t asker = world_add(&world, "asker");
    for (int i = 0; i < 40; i++) {
        world.nodes[world_add(&world, "x")].is_quiet = true;
    }
    world_run(&world, 3000);
    struct muster_command query = {.kind = MUSTER_COMMAND_QUERY, .type = "fifteen-letters", .name = name};
    assert_int_equal(world_command(&world, asker, &query), 0);
    world_run(&world, 3000);
    assert_int_equal(world.nodes[asker].settled, 1);
    assert_int_equal(muster_core_counters(world.nodes[asker].core)->outputs_dropped, 0);
}

static void a_query_by_type_finds_those_only(void **state) {
    (void)state;
    world_add(&world, "a");
    world_add(&world, "b");
    struct muster_service ipp = {.name = "", .type = "ipp", .proto = "tcp", .port = 631};
    struct muster_document document = {.name = "b", .services = &ipp, .service_count = 1};
    struct muster_command update = {.kind = MUSTER_COMMAND_UPDATE, .document = &document};
    assert_int_equal(world_command(&world, 1, &update), 0);
    world_run(&world, 3000);
    size_t observer = world_add(&world, "?");
    struct muster_command query = {.kind = MUSTER_COMMAND_QUERY, .type = "ipp"};
    world_command(&world, observer, &query);
    world_run(&world, 30);
    struct muster_peer row;
    assert_true(world_row(&world, observer, "b", &row));
    assert_false(world_row(&world, observer, "a", &row));
    world_run(&world, 900);
    assert_int_equal(world.nodes[observer].settled, 1);
}

static void a_query_for_what_cannot_be_is_refused(void **state) {
    (void)state;
    size_t observer = world_add(&world, "?");
    static const char *const types[] = {"", "no such type", "-http", "HTTP", "sixteen-letters-"};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        struct muster_command query = {.kind = MUSTER_COMMAND_QUERY, .type = types[i]};
        assert_int_equal(world_command(&world, observer, &query), MUSTER_EINVAL);
    }
    struct muster_command query = {.kind = MUSTER_COMMAND_QUERY, .name = ""};
    assert_int_equal(world_command(&world, observer, &query), MUSTER_EINVAL);
    world_run(&world, 3000);
    assert_int_equal(world.nodes[observer].settled, 0);
    assert_int_equal(world.sent, 0);
}

static void broadcast_alone_is_enough(void **state) {
    (void)state;
    world_add(&world, "a");
    world.nodes[0].paths = 1u << MUSTER_PATH_B4 | 1u << MUSTER_PATH_U4;
    world_add(&world, "b");
    world.nodes[1].paths = world.nodes[0].paths;
    world_run(&world, 120000);
    assert_int_equal(world.nodes[0].counts[MUSTER_PEER_JOINED], 1);
    assert_int_equal(world.nodes[1].counts[MUSTER_PEER_LOST], 0);
    struct muster_peer row;
    assert_true(world_row(&world, 1, "a", &row));
    assert_false(row.paths & 1u << MUSTER_PATH_M4);
    assert_true(row.paths & 1u << MUSTER_PATH_B4);
    assert_true(row.age_ms < 2600);
}

static void without_unicast_the_group_introduces(void **state) {
    (void)state;
    world_add(&world, "a");
    world.nodes[0].paths = 3;
    world_add(&world, "b");
    world.nodes[1].paths = 3;
    world_run(&world, 2000);
    assert_int_equal(world_rows(&world, 0, MUSTER_ALIVE), 1);
    assert_int_equal(world_rows(&world, 1, MUSTER_ALIVE), 1);
}

static void a_node_that_slept_blames_nobody(void **state) {
    (void)state;
    world_add(&world, "a");
    world_add(&world, "b");
    world_run(&world, 10000);
    world_story(&world);
    world.nodes[1].is_stopped = true;
    world_run(&world, 30000);
    world_story(&world);
    world.nodes[1].is_stopped = false;
    world.nodes[1].is_quiet = false;
    world_run(&world, 3000);
    assert_null(strstr(world_story(&world), "b: "));
}

/* Having been away is no loss: a death right after is noticed as soon as ever. */
static void being_away_is_no_loss(void **state) {
    (void)state;
    world_add(&world, "a");
    world_add(&world, "b");
    world_run(&world, 10000);
    world.nodes[1].paths = 0;
    world_run(&world, 50000);
    world.nodes[1].paths = 7;
    world_run(&world, 10000);
    struct muster_peer row;
    assert_true(world_row(&world, 1, "a", &row));
    assert_true(row.loss < 0.1);
    unsigned lost = world.nodes[1].counts[MUSTER_PEER_LOST];
    world_kill(&world, 0);
    uint64_t killed_ms = world.now_ms;
    assert_true(world_run_until(&world, 1, MUSTER_PEER_LOST, lost + 1));
    assert_true(world.now_ms - killed_ms < (uint64_t)row.next_ms + 3000);
}

static void without_paths_nobody_is_blamed(void **state) {
    (void)state;
    world_add(&world, "a");
    world_add(&world, "b");
    world_run(&world, 5000);
    world_story(&world);
    struct muster_event none = {.kind = MUSTER_EVENT_PATHS, .now_ms = world.now_ms};
    assert_int_equal(muster_core_step(world.nodes[1].core, &none), 0);
    uint64_t sent = muster_core_counters(world.nodes[1].core)->sent;
    world_run(&world, 60000);
    assert_null(strstr(world_story(&world), "b: "));
    assert_int_equal(muster_core_counters(world.nodes[1].core)->sent, sent);
}

static void a_shorter_promise_counts_at_once(void **state) {
    (void)state;
    world_add(&world, "a");
    static const char *const promises[] = {"3600000", "2500"};
    for (size_t i = 0; i < 2; i++) {
        char text[512];
        snprintf(text, sizeof text,
                 "{\"muster\":1,\"kind\":\"announce\",\"id\":\"00112233445566778899aabbccddeeff\","
                 "\"boot\":1,\"seq\":%zu,\"rev\":1,\"next_ms\":%s,\"peers\":0,\"name\":\"micro\"}\n",
                 i + 1, promises[i]);
        world_say(&world, 0, text, 99, MUSTER_PATH_M4);
        world_run(&world, 10);
    }
    world_run(&world, 10000);
    assert_string_equal(world_story(&world), "a: joined micro\na: suspect micro\na: lost micro\n");
}

static void a_sleeper_is_judged_by_its_own_word(void **state) {
    (void)state;
    world_add(&world, "a");
    struct muster_document document = {.name = "battery"};
    size_t sleeper = world_add(&world, "battery");
    struct muster_core_options options;
    world_options(&world, sleeper, &document, &options);
    options.interval_min_ms = 3600000;
    world_start(&world, sleeper, &options);
    world_run(&world, 3000);
    struct muster_peer row;
    assert_true(world_row(&world, 0, "battery", &row));
    assert_true(row.next_ms > 3600000);
    world_kill(&world, sleeper);
    world_story(&world);
    world_run(&world, 3600000);
    assert_string_equal(world_story(&world), "");
    world_run(&world, 1000000);
    assert_string_equal(world_story(&world), "a: suspect battery\na: lost battery\n");
}

int main(void) {
#define STORY(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        STORY(two_nodes_meet),
        STORY(a_change_is_told),
        STORY(a_missed_change_heals),
        STORY(a_bye_is_told),
        STORY(a_crash_is_suspected_then_confirmed),
        STORY(a_pause_is_suspected_and_returns),
        STORY(a_lost_peer_returns_by_proof),
        STORY(a_restart_keeps_the_id),
        STORY(a_restart_after_bye_is_a_restart),
        STORY(an_observer_leaves_no_row),
        STORY(a_query_with_nobody_there_settles),
        STORY(queries_without_end_settle_all_the_same),
        STORY(a_long_query_among_many_leaves),
        STORY(a_query_by_type_finds_those_only),
        STORY(a_query_for_what_cannot_be_is_refused),
        STORY(broadcast_alone_is_enough),
        STORY(without_unicast_the_group_introduces),
        STORY(a_node_that_slept_blames_nobody),
        STORY(being_away_is_no_loss),
        STORY(without_paths_nobody_is_blamed),
        STORY(a_shorter_promise_counts_at_once),
        STORY(a_sleeper_is_judged_by_its_own_word),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
