/* SPDX-License-Identifier: MIT */
/* What one engine's note makes another do, and what it must not: a node stepped by hand. */
#include <string.h>

#include "cmocka_all.h"
#include "node.h"

#define NOW_MS 100000
#define INTERFACE 1

static struct muster_core *core;
static const struct muster_path path = {.interface = INTERFACE, .kind = MUSTER_PATH_M4, .name = "eth0"};

static int begin(void **state) {
    const struct muster_document document = {.name = "a"};
    struct muster_core_options options;
    (void)state;
    muster_core_options_init(&options);
    options.boot = 1;
    options.document = &document;
    options.has_streams = true;
    return muster_crypto_ed25519(&options.crypto, NULL) != 0 || muster_core_new(&options, NOW_MS, &core) != 0;
}

static int end(void **state) {
    (void)state;
    muster_core_free(core);
    return 0;
}

static void step_paths(size_t count) {
    const struct muster_event event = {
        .kind = MUSTER_EVENT_PATHS, .now_ms = core->context.now_ms, .paths = &path, .path_count = count};
    assert_int_equal(muster_core_step(core, &event), 0);
}

static void step_timer(uint64_t now_ms) {
    const struct muster_event event = {.kind = MUSTER_EVENT_TIMER, .now_ms = now_ms};
    assert_int_equal(muster_core_step(core, &event), 0);
}

/* The next output of a kind; false when there is none. */
static bool next_of(enum muster_output_kind kind, struct muster_output *output) {
    while (muster_core_next(core, output)) {
        if (output->kind == kind) {
            return true;
        }
    }
    return false;
}

/* ---- streams ---- */

static void offer_table(uint8_t host, uint64_t peers) {
    const struct message announce = {.stream = 19798, .peers = peers};
    const struct muster_datagram datagram = {.source = {.family = 4, .ip = {10, 0, 0, host}, .port = 19798},
                                             .interface = INTERFACE};
    tables_record_answer(&core->exchange, &announce, &datagram);
}

/* One that was given up before it was pulled frees its place for the next one, which the same pull gives. */
static void a_stream_that_never_opened_lets_the_next_one_open(void **state) {
    struct muster_output output;
    (void)state;
    step_paths(1);
    offer_table(1, 1000);
    offer_table(2, 500);
    struct fetch *first = core->exchange.fetches.items;
    assert_non_null(first);
    first->is_over = true;
    assert_true(next_of(MUSTER_OUTPUT_STREAM_OPEN, &output));
    assert_int_equal(output.endpoint.ip[3], 2);
}

/* ---- presence ---- */

static int accept_any(void *context, const uint8_t key[MUSTER_KEY_BYTES], const uint8_t *bytes, size_t length,
                      const uint8_t signature[MUSTER_SIGNATURE_BYTES]) {
    (void)context, (void)key, (void)bytes, (void)length, (void)signature;
    return 0;
}

/* Whoever leaves answers nobody: it is not asked who it is, wherever its bye came from. */
static void a_bye_begins_no_introduction(void **state) {
    bool is_full;
    struct merge_note note = {0};
    enum muster_drop reason;
    struct message bye = {.kind = MESSAGE_BYE, .id = {7}, .boot = 1, .seq = 2, .is_signed = true};
    const uint8_t bytes[1] = {0};
    const struct muster_datagram datagram = {
        .bytes = bytes, .length = 1, .source = {.family = 4, .ip = {10, 0, 0, 9}}, .interface = INTERFACE};
    (void)state;
    step_paths(1);
    core->context.identity.crypto.verify = accept_any;
    struct peer *peer = peer_table_add(&core->presence.table, bye.id, true, false, NOW_MS, &is_full);
    assert_non_null(peer);
    peer->boot = 1;
    peer->seq = 1;
    const struct muster_endpoint address = {.family = 4, .ip = {10, 0, 0, 1}};
    peer_table_set_address(&core->presence.table, peer, &address, INTERFACE);
    assert_true(merge_message(&core->presence, &bye, &datagram, &note, &reason));
    assert_int_equal(peer->state, MUSTER_LEFT);
    assert_int_equal(core->presence.introductions.count, 0);
    assert_null(note.heard);
    peer->pins = 0;
}

/* ---- telemetry ---- */

static unsigned open_topic(void) {
    const struct muster_topic topic = {.name = "a/b"};
    unsigned number;
    assert_int_equal(muster_core_topic_open(core, &topic, &number), 0);
    return number;
}

static void publish(unsigned topic) {
    const struct muster_record record = {.kind = MUSTER_VALUE_NUMBER, .number = 1};
    assert_int_equal(muster_core_topic_add(core, topic, &record, core->context.now_ms, 1700000000), 0);
    muster_core_topic_flush(core, topic);
}

static bool is_data(const struct muster_output *output) {
    return output->datagram.ttl == MUSTER_TELEMETRY_TTL && output->datagram.destination.ip[3] != 15;
}

static size_t count_data(void) {
    struct muster_output output;
    size_t count = 0;
    while (next_of(MUSTER_OUTPUT_DATAGRAM, &output)) {
        count += is_data(&output) ? 1 : 0;
    }
    return count;
}

static void data_waits_for_a_path(void **state) {
    (void)state;
    publish(open_topic());
    step_timer(NOW_MS + 10);
    assert_int_equal(count_data(), 0);
    assert_int_equal(muster_core_sender(core)->datagrams, 0);
    step_paths(1);
    assert_int_equal(count_data(), 1);
    assert_int_equal(muster_core_sender(core)->datagrams, 1);
}

/* Where there is no multicast, data is there for streams, but was not sent. */
static void what_no_group_heard_does_not_count_as_sent(void **state) {
    const struct muster_path broadcast = {.interface = INTERFACE, .kind = MUSTER_PATH_B4, .name = "eth0"};
    const struct muster_event event = {
        .kind = MUSTER_EVENT_PATHS, .now_ms = NOW_MS, .paths = &broadcast, .path_count = 1};
    (void)state;
    assert_int_equal(muster_core_step(core, &event), 0);
    publish(open_topic());
    step_timer(NOW_MS + 10);
    assert_int_equal(count_data(), 0);
    assert_int_equal(muster_core_sender(core)->datagrams, 0);
    assert_int_equal(muster_core_sender(core)->bytes, 0);
    assert_int_equal(core->context.sent[muster_topic_shard("a/b")], 1);
}

int main(void) {
#define ROUTING_TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        ROUTING_TEST(a_stream_that_never_opened_lets_the_next_one_open),
        ROUTING_TEST(a_bye_begins_no_introduction),
        ROUTING_TEST(data_waits_for_a_path),
        ROUTING_TEST(what_no_group_heard_does_not_count_as_sent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
