/* SPDX-License-Identifier: MIT */
/* Rounds of questions for one that was heard once. */
#include "introduction.h"

#include "cmocka_all.h"
#include "message.h"
#include "node.h"

#define NOW_MS 100000

static struct muster_core *core;

static int begin(void **state) {
    (void)state;
    struct muster_core_options options;
    muster_core_options_init(&options);
    options.boot = 1;
    const struct muster_path path = {.interface = 1, .kind = MUSTER_PATH_M4, .name = "eth0"};
    return muster_crypto_ed25519(&options.crypto, NULL) != 0 ||
           muster_core_new(&options, NOW_MS, &core) != 0 || paths_set(&core->context.paths, &path, 1) != 0;
}

static int end(void **state) {
    (void)state;
    muster_core_free(core);
    return 0;
}

static void hear(uint8_t n) {
    const struct message message = {.kind = MESSAGE_ALIVE, .id = {n}};
    const struct muster_datagram datagram = {
        .source = {.family = 4, .ip = {10, 0, 0, n}, .port = 19798},
        .destination = {.family = 4, .ip = {224, 0, 0, 254}, .port = 19797},
        .interface = 1};
    assert_true(introduction_begin(&core->presence, &message, &datagram));
}

/* Lets this long pass on a node that is this late all the time. */
static void run(uint64_t for_ms, uint64_t late_ms) {
    for (uint64_t end_ms = core->context.now_ms + for_ms; core->context.now_ms < end_ms;
         core->context.now_ms += 50) {
        health_record_late(&core->presence.health, late_ms, core->context.now_ms);
        core->presence.due_ms[PART_INTRODUCTION] = introduction_tick(&core->presence);
    }
}

static void who_is_not_heard_again_is_forgotten(void **state) {
    (void)state;
    hear(1);
    run(MUSTER_INTRODUCTION_SILENT_MS + 1000, 0);
    assert_int_equal(core->context.counters.questions, MUSTER_INTRODUCTION_TRIES);
    assert_int_equal(core->presence.introductions.count, 0);
}

/* Who is late asks slowly, and gives nobody up in the middle of a round. */
static void a_round_is_asked_to_its_end(void **state) {
    (void)state;
    hear(1);
    run(2 * MUSTER_INTRODUCTION_SILENT_MS, MUSTER_LATE_MS_MAX);
    assert_int_equal(core->context.counters.questions, MUSTER_INTRODUCTION_TRIES);
    assert_int_equal(core->presence.introductions.count, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(who_is_not_heard_again_is_forgotten, begin, end),
        cmocka_unit_test_setup_teardown(a_round_is_asked_to_its_end, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
