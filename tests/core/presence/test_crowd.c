/* Eight nodes and more, with loss and with datagrams that overtake each other. */
#include "cmocka_all.h"
#include "world.h"

static struct world world;

static int end(void **state) {
    (void)state;
    world_deinit(&world);
    return 0;
}

static void begin(uint64_t seed, size_t count, double loss) {
    static const char *const names[] = {"a", "b", "c", "d", "e", "f", "g", "h"};
    print_message("seed %llu\n", (unsigned long long)seed);
    world_init(&world, seed);
    world.latency_max_ms = 20;
    for (size_t i = 0; i < count; i++) {
        size_t index = world_add(&world, names[i % 8]);
        world.nodes[index].loss = loss;
        world.nodes[index].is_quiet = true;
    }
}

static void assert_complete(size_t count) {
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(world_rows(&world, i, MUSTER_ALIVE), count - 1);
    }
}

static void eight_meet_within_a_second(void **state) {
    (void)state;
    begin(1, 8, 0);
    world_run(&world, 1000);
    assert_complete(8);
}

static void eight_meet_within_a_second_at_10_percent_loss(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        begin(seed, 8, 0.1);
        world_run(&world, 1000);
        assert_complete(8);
        world_deinit(&world);
    }
}

/* One look is complete though each answer may be lost: who is said to be there is asked for again. */
static void one_look_is_complete_at_10_percent_loss(void **state) {
    (void)state;
    unsigned late = 0;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        begin(seed, 8, 0.1);
        world_run(&world, 5000);
        size_t observer = world_add(&world, "?");
        world.nodes[observer].loss = 0.1;
        struct muster_command command = {.kind = MUSTER_COMMAND_QUERY};
        assert_int_equal(world_command(&world, observer, &command), 0);
        world_run(&world, 1000);
        late += world.nodes[observer].settled == 0;
        world_run(&world, 1000);
        assert_int_equal(world.nodes[observer].settled, 1);
        assert_int_equal(world.nodes[observer].counts[MUSTER_PEER_JOINED], 8);
        world_deinit(&world);
    }
    print_message("%u of 40 looks took more than a second\n", late);
}

static void loss_of_30_percent_loses_and_invents_nobody(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 5; seed++) {
        begin(seed, 8, 0.3);
        world_run(&world, 300000);
        for (size_t i = 0; i < 8; i++) {
            /* One may be suspect for a moment, until its answer comes. */
            size_t alive = world_rows(&world, i, MUSTER_ALIVE);
            assert_int_equal(alive + world_rows(&world, i, MUSTER_SUSPECT), 7);
            assert_int_equal(world.nodes[i].counts[MUSTER_PEER_JOINED], 7);
            assert_int_equal(world.nodes[i].counts[MUSTER_PEER_LOST], 0);
            assert_int_equal(world.nodes[i].counts[MUSTER_PEER_RESTARTED], 0);
            assert_int_equal(world.nodes[i].counts[MUSTER_PEER_CHANGED], 0);
        }
        struct muster_peer row;
        assert_true(world_row(&world, 0, "b", &row));
        assert_true(row.loss > 0.1 && row.loss < 0.5);
        world_deinit(&world);
    }
}

static void a_death_at_30_percent_loss_is_still_noticed(void **state) {
    (void)state;
    begin(7, 8, 0.3);
    world_run(&world, 60000);
    world_kill(&world, 0);
    world_run(&world, 30000);
    for (size_t i = 1; i < 8; i++) {
        assert_int_equal(world.nodes[i].counts[MUSTER_PEER_LOST], 1);
        assert_int_equal(world_rows(&world, i, MUSTER_ALIVE), 6);
    }
}

/* One listener asks in a round, whoever draws the shortest delay; the others take its question for theirs. */
static void a_death_costs_no_more_questions_in_a_crowd(void **state) {
    (void)state;
    uint64_t questions[2] = {0};
    const size_t counts[2] = {3, 40};
    for (size_t k = 0; k < 2; k++) {
        begin(3, counts[k], 0);
        world.latency_max_ms = 1;
        world_run(&world, 30000);
        for (size_t i = 1; i < counts[k]; i++) {
            questions[k] -= muster_core_counters(world.nodes[i].core)->questions;
        }
        world_kill(&world, 0);
        world_run(&world, 20000);
        for (size_t i = 1; i < counts[k]; i++) {
            questions[k] += muster_core_counters(world.nodes[i].core)->questions;
            assert_int_equal(world.nodes[i].counts[MUSTER_PEER_LOST], 1);
        }
        world_deinit(&world);
    }
    print_message("questions: %llu with 2 listeners, %llu with 39\n", (unsigned long long)questions[0],
                  (unsigned long long)questions[1]);
    assert_true(questions[1] <= 3 * questions[0]);
}

/* The budget holds whatever the size: the interval stretches. */
static void traffic_does_not_grow_with_the_crowd(void **state) {
    (void)state;
    const struct muster_document document = {.name = "x"};
    world_init(&world, 5);
    for (size_t i = 0; i < 60; i++) {
        size_t index = world_add(&world, "x");
        struct muster_core_options options;
        world_options(&world, index, &document, &options);
        options.budget_bps = 16000;
        world.nodes[index].is_quiet = true;
        world_start(&world, index, &options);
    }
    world_run(&world, 60000);
    uint64_t sent_bytes = world.sent_bytes;
    uint64_t sent = world.sent;
    world_run(&world, 120000);
    double bps = 8 * (double)(world.sent_bytes - sent_bytes + 66 * (world.sent - sent)) / 120;
    print_message("%.0f bits a second of a budget of 16000 for each path\n", bps);
    /* A quarter of all alives goes out on the second path too. */
    assert_true(bps < 16000 * 1.5);
    assert_true(bps > 16000 * 0.5);
}

int main(void) {
#define STORY(name) cmocka_unit_test_teardown(name, end)
    const struct CMUnitTest tests[] = {
        STORY(eight_meet_within_a_second),
        STORY(eight_meet_within_a_second_at_10_percent_loss),
        STORY(one_look_is_complete_at_10_percent_loss),
        STORY(loss_of_30_percent_loses_and_invents_nobody),
        STORY(a_death_at_30_percent_loss_is_still_noticed),
        STORY(a_death_costs_no_more_questions_in_a_crowd),
        STORY(traffic_does_not_grow_with_the_crowd),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
