/* SPDX-License-Identifier: MIT */
/* Groups with a key: who has it is heard, and who has not is not. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "countdown.h"
#include "field.h"
#include "limit.h"
#include "test.h"

/* Keys by number. */
struct keys {
    size_t count;
    uint8_t bytes[MUSTER_GROUP_KEYS_MAX][MUSTER_GROUP_KEY_BYTES];
};

static struct keys keys_of(const char *numbers) {
    struct keys keys = {.count = strlen(numbers)};
    for (size_t i = 0; i < keys.count; i++) {
        memset(keys.bytes[i], numbers[i], sizeof keys.bytes[i]);
    }
    return keys;
}

static size_t add_with(const char *name, const char *numbers) {
    const struct keys keys = keys_of(numbers);
    world.group_keys = keys.bytes[0];
    world.group_key_count = keys.count;
    size_t index = world_add(name);
    world.group_keys = NULL;
    world.group_key_count = 0;
    return index;
}

static void restart_with(size_t index, const char *numbers) {
    const struct keys keys = keys_of(numbers);
    struct muster_core_options options = world_options(index);
    options.group_keys = keys.bytes[0];
    options.group_key_count = keys.count;
    world_start(index, &options);
}

static int change_keys(size_t index, const char *numbers) {
    const struct keys keys = keys_of(numbers);
    struct muster_event event = {
        .kind = MUSTER_EVENT_GROUP_KEYS, .group_keys = keys.bytes[0], .group_key_count = keys.count};
    return world_step(index, &event);
}

static void begin(void) {
    world_begin(3);
    field_begin();
}

/* ---- who hears whom ---- */

static bool is_readable(const struct muster_datagram *datagram) {
    return datagram->bytes[0] != 1 || datagram_has(datagram, "\"muster\"") || datagram_has(datagram, "a/b");
}

static size_t readable;

static void count_readable(size_t from, const struct muster_datagram *datagram) {
    (void)from;
    readable += is_readable(datagram) ? 1 : 0;
    assert_true(datagram->length <= MUSTER_DATAGRAM_BYTES_MAX || datagram->segment != 0);
}

TEST(a_group_hears_itself_alone) {
    add_with("a", "1");
    add_with("b", "1");
    add_with("c", "2");
    world_add("d");
    world_run(5000);
    assert_string_equal(world_story(), "b: joined a\na: joined b\n");
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(world_rows(i, MUSTER_ALIVE), 1);
        assert_true(world_drops(i, MUSTER_DROP_SEALED) > 0);
        assert_true(world_drops(i, MUSTER_DROP_UNSEALED) > 0);
        assert_int_equal(world_drops(i, MUSTER_DROP_REPLAY), 0);
    }
    assert_int_equal(world_rows(2, MUSTER_ALIVE), 0);
    assert_int_equal(world_rows(3, MUSTER_ALIVE), 0);
    assert_true(world_drops(3, MUSTER_DROP_SEALED) > 0);
    assert_int_equal(world_drops(3, MUSTER_DROP_UNSEALED), 0);
}

TEST(nobody_else_can_read_it) {
    readable = 0;
    unsigned topic;
    world.on_sent = count_readable;
    add_with("a", "1");
    add_with("b", "1");
    topic = field_open(0, "a/b");
    field_subscribe(1, "a/#");
    world_run(3000);
    field_publish_many(0, topic, 100, 2);
    world_query(1);
    world_run(3000);
    field_check_all(1, 100);
    assert_int_equal(readable, 0);
}

TEST(an_observer_of_the_group_sees_it) {
    add_with("a", "1");
    world_run(3000);
    size_t observer = add_with("?look", "1");
    size_t stranger = world_add("?stranger");
    world_query(observer);
    world_query(stranger);
    world_run(3000);
    assert_true(world_has_row(observer, "a"));
    assert_false(world_has_row(stranger, "a"));
    assert_int_equal(world.nodes[observer].settled, 1);
}

/* It is known by the copies of each path, which are sealed one by one. */
TEST(copies_by_all_paths_are_heard) {
    world.kinds = WORLD_DUAL_PATHS;
    add_with("a", "1");
    add_with("b", "1");
    world_run(5000);
    assert_int_equal(world_row(0, "b")->paths & WORLD_DUAL_PATHS, WORLD_DUAL_PATHS);
    assert_int_equal(world_drops(0, MUSTER_DROP_REPLAY), 0);
    assert_true(world_counters(0)->copies > 0);
}

TEST(a_restarted_peer_is_heard_at_once) {
    add_with("a", "1");
    add_with("b", "1");
    world_run(5000);
    world_story();
    restart_with(1, "1");
    world_run(1000);
    assert_string_equal(world_story(), "b: joined a\na: restarted b\n");
}

TEST(a_new_identity_of_a_peer_is_heard) {
    add_with("a", "1");
    add_with("b", "1");
    world_run(5000);
    assert_int_equal(world_rekey(1, world.nodes[1].boot + 1), 0);
    world_run(1000);
    assert_int_equal(world.nodes[0].counts[MUSTER_PEER_JOINED], 2);
    assert_int_equal(world_drops(0, MUSTER_DROP_REPLAY), 0);
}

/* ---- sizes ---- */

/* An announce has 45 bytes less, and lists that are too long for that are fetched. */
TEST(sealed_announces_are_not_longer_than_plain_ones) {
    struct muster_service services[28];
    const size_t count = sizeof services / sizeof *services;
    for (size_t i = 0; i < count; i++) {
        services[i] = (struct muster_service){
            .name = "", .type = "http", .proto = "tcp", .port = (uint16_t)(10000 + i)};
    }
    struct muster_document document = {.name = "long", .services = services};
    size_t bytes = 0;
    do {
        document.service_count++;
        assert_int_equal(muster_document_check(&document, true, false, &bytes), 0);
    } while (bytes <= MUSTER_ANNOUNCE_BYTES_MAX - MUSTER_SEAL_BYTES && document.service_count < count);
    assert_true(bytes > MUSTER_ANNOUNCE_BYTES_MAX - MUSTER_SEAL_BYTES);
    add_with("a", "1");
    const struct muster_command command = {.kind = MUSTER_COMMAND_UPDATE, .document = &document};
    assert_int_equal(world_command(0, &command), MUSTER_ETOOBIG);
    world_add("b");
    assert_int_equal(world_command(1, &command), 0);
    assert_int_equal(change_keys(1, "1"), MUSTER_ETOOBIG); /* refused: nothing changed */
    world_run(5000);
    assert_int_equal(world_drops(1, MUSTER_DROP_UNSEALED), 0);
    world.has_streams = true;
    world_add("c");
    assert_int_equal(world_command(2, &command), 0);
    assert_int_equal(change_keys(2, "1"), 0);
    add_with("d", "1");
    world_run(5000);
    assert_int_equal(world_row(3, "long")->document.service_count, document.service_count);
    assert_int_equal(world_counters(3)->documents, 1);
}

/* The golden datagrams in bad-sealed, by the reason in their names. */
TEST(bad_ones_are_counted_by_their_reasons) {
    DIR *listing = opendir(GOLDEN_DIR "/bad-sealed");
    const struct dirent *entry;
    add_with("a", "\1");
    assert_non_null(listing);
    while ((entry = readdir(listing)) != NULL) {
        char path[512];
        uint8_t bytes[2 * MUSTER_DATAGRAM_BYTES_MAX];
        snprintf(path, sizeof path, GOLDEN_DIR "/bad-sealed/%.255s", entry->d_name);
        FILE *file = strstr(path, ".datagram") == NULL ? NULL : fopen(path, "rb");
        if (file == NULL) {
            continue;
        }
        struct muster_datagram datagram = field_datagram(bytes, fread(bytes, 1, sizeof bytes, file), 3);
        fclose(file);
        for (int is_telemetry = 0; is_telemetry < 2; is_telemetry++) {
            const size_t length = strcspn(entry->d_name, "-");
            enum muster_drop reason = MUSTER_DROP_TOO_LONG;
            while (strncmp(muster_drop_name(reason), entry->d_name, length) != 0) {
                reason++;
            }
            uint64_t before = world_drops(0, reason);
            struct muster_datagram to = datagram;
            if (is_telemetry == 0) {
                to.destination = (struct muster_endpoint){
                    .family = 4, .ip = {224, 0, 0, 254}, .port = MUSTER_PORT_DEFAULT};
            }
            if (is_telemetry == 0 || datagram.length > 0) {
                world_inject(0, &to);
                world_run(2);
                assert_int_equal(world_drops(0, reason), before + 1);
            }
        }
    }
    closedir(listing);
}

TEST(keys_that_are_no_set_are_refused) {
    const struct keys keys = keys_of("11");
    struct muster_core_options options;
    muster_core_t *core;
    add_with("a", "1");
    assert_int_equal(change_keys(0, "11"), MUSTER_EINVAL);
    options = world_options(0);
    options.group_keys = keys.bytes[0];
    options.group_key_count = 2;
    assert_int_equal(muster_core_new(&options, 0, &core), MUSTER_EINVAL);
    options.group_key_count = MUSTER_GROUP_KEYS_MAX + 1;
    assert_int_equal(muster_core_new(&options, 0, &core), MUSTER_EINVAL);
}

/* ---- telemetry ---- */

TEST(lost_readings_are_repaired) {
    add_with("pub", "1");
    unsigned topic = field_open(0, "a/b");
    for (size_t i = 1; i <= 3; i++) {
        add_with((const char[]){(char)('a' + i), '\0'}, "1");
        field_subscribe(i, "a/#");
    }
    world_run(3000);
    for (size_t i = 1; i <= 3; i++) {
        world.nodes[i].loss = 0.1;
    }
    field_publish_many(0, topic, 500, 2);
    world_run(1500);
    for (size_t i = 1; i <= 3; i++) {
        field_check_all(i, 500);
        assert_true(field_feed(i).repaired > 0);
        assert_int_equal(world_drops(i, MUSTER_DROP_REPLAY), 0);
    }
}

/* Batches of full datagrams, which come as they were sent. */
static uint64_t longest;

static void check_batch(size_t from, const struct muster_datagram *datagram) {
    count_readable(from, datagram);
    longest = datagram->length > longest ? datagram->length : longest;
    assert_true(datagram->length <= MUSTER_BATCH_BYTES);
}

TEST(batches_are_sealed_each_datagram) {
    longest = 0;
    add_with("pub", "1");
    const struct keys keys = keys_of("1");
    struct muster_core_options options = world_options(0);
    options.group_keys = keys.bytes[0];
    options.group_key_count = 1;
    options.rate_bytes_s = 1000000000;
    world_start(0, &options);
    unsigned topic = field_open(0, "a/b");
    add_with("sub", "1");
    field_subscribe(1, "a/#");
    world_run(3000);
    const struct muster_record record_of_text = field_text(860);
    for (int i = 0; i < 200; i++) {
        assert_int_equal(field_add(0, topic, &record_of_text), 0);
    }
    muster_core_topic_flush(world.nodes[0].core, topic);
    world.on_sent = check_batch;
    world_tick(0);
    world_run(3000);
    assert_true(longest > MUSTER_BATCH_BYTES - 2000);
    assert_int_equal(field_got(1)->count, 200);
    assert_int_equal(field_got(1)->lost, 0);
}

/* One datagram of a batch does not open: it is missed alone, and repaired. */
static bool is_spoiled;

static void spoil(size_t from, const struct muster_datagram *datagram) {
    (void)from;
    if (datagram->segment != 0 && !is_spoiled) {
        is_spoiled = true;
        ((uint8_t *)(uintptr_t)datagram->bytes)[datagram->segment + 100] ^= 1;
    }
}

TEST(what_does_not_open_is_dropped_alone) {
    is_spoiled = false;
    add_with("pub", "1");
    unsigned topic = field_open(0, "a/b");
    add_with("sub", "1");
    field_subscribe(1, "a/#");
    world_run(3000);
    world.on_sent = spoil;
    const struct muster_record record_of_text = field_text(900);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(field_add(0, topic, &record_of_text), 0);
    }
    muster_core_topic_flush(world.nodes[0].core, topic);
    world_tick(0);
    world_run(3000);
    assert_true(is_spoiled);
    assert_int_equal(world_drops(1, MUSTER_DROP_SEALED), 1);
    assert_int_equal(field_got(1)->count, 10);
    assert_int_equal(field_feed(1).repaired, 1);
}

TEST(others_readings_are_counted_and_not_heard) {
    add_with("pub", "1");
    unsigned topic = field_open(0, "a/b");
    size_t other = add_with("other", "2");
    size_t plain = world_add("plain");
    field_subscribe(other, "#");
    field_subscribe(plain, "#");
    world_run(3000);
    uint64_t sealed[] = {world_drops(other, MUSTER_DROP_SEALED), world_drops(plain, MUSTER_DROP_SEALED)};
    world.nodes[other].groups = world.nodes[plain].groups =
        UINT32_MAX; /* another topic may share the group */
    field_publish_many(0, topic, 20, 2);
    world_run(100);
    assert_int_equal(field_got(other)->count + field_got(plain)->count, 0);
    assert_true(world_drops(other, MUSTER_DROP_SEALED) >= sealed[0] + 20);
    assert_true(world_drops(plain, MUSTER_DROP_SEALED) >= sealed[1] + 20);
}

/* ---- rotation ---- */

TEST(a_key_is_changed_without_any_loss) {
    add_with("pub", "1");
    unsigned topic = field_open(0, "a/b");
    for (size_t i = 1; i < 5; i++) {
        add_with((const char[]){(char)('a' + i), '\0'}, "1");
        field_subscribe(i, "a/#");
    }
    world_run(5000);
    world_story();
    static const char *const steps[] = {"12", "21", "2"};
    for (size_t step = 0; step < 3; step++) {
        for (size_t i = 0; i < 5; i++) {
            assert_int_equal(change_keys(i, steps[step]), 0);
            field_publish_many(0, topic, 50, 2);
        }
    }
    world_run(5000);
    for (size_t i = 1; i < 5; i++) {
        field_check_all(i, 750);
        assert_int_equal(world_rows(i, MUSTER_ALIVE), 4);
        assert_int_equal(field_feed(i).repaired, 0);
        for (enum muster_drop drop = MUSTER_DROP_SEALED; drop <= MUSTER_DROP_REPLAY; drop++) {
            assert_int_equal(world_drops(i, drop), 0);
        }
    }
    assert_string_equal(world_story(), "");
    size_t stale = add_with("stale", "1");
    world_run(5000);
    assert_int_equal(world_rows(stale, MUSTER_ALIVE), 0);
}

/* All of them publish and subscribe, and some readings are lost on the way. */
TEST(a_key_is_changed_among_30_under_traffic) {
    enum { HOSTS = 30, EACH = 6 };
    static const char *const steps[] = {"12", "21", "2"};
    unsigned topics[HOSTS];
    world.crypto = &world_cheap_crypto;
    for (size_t i = 0; i < HOSTS; i++) {
        char name[16];
        snprintf(name, sizeof name, "h%zu", i);
        add_with(name, "1");
        snprintf(name, sizeof name, "room/h%zu", i);
        topics[i] = field_open(i, name);
        field_subscribe(i, "room/#");
    }
    world_run(8000);
    world_story();
    for (size_t i = 0; i < HOSTS; i++) {
        world.nodes[i].loss = 0.01;
    }
    for (size_t turn = 0; turn < 3 * HOSTS; turn++) {
        assert_int_equal(change_keys(turn % HOSTS, steps[turn / HOSTS]), 0);
        for (size_t i = 0; i < EACH; i++) {
            field_publish((turn + 5 * i) % HOSTS, topics[(turn + 5 * i) % HOSTS], NULL, 1);
            world_run(3);
        }
    }
    for (size_t i = 0; i < HOSTS; i++) {
        world.nodes[i].loss = 0;
    }
    world_run(10000);
    for (size_t i = 0; i < HOSTS; i++) {
        assert_int_equal(field_got(i)->count, 3 * EACH * (HOSTS - 1)); /* all but its own */
        assert_int_equal(field_got(i)->lost, 0);
        assert_int_equal(world_rows(i, MUSTER_ALIVE), HOSTS - 1);
        assert_int_equal(world_drops(i, MUSTER_DROP_SEALED) + world_drops(i, MUSTER_DROP_REPLAY), 0);
    }
    assert_null(strstr(world_story(), ": lost")); /* loss alone may make one suspect for a while */
}

TEST(a_group_closes_and_never_opens_again) {
    world_add("a");
    world_add("b");
    world_run(5000);
    assert_int_equal(change_keys(0, ""), 0);
    assert_int_equal(change_keys(0, "1"), 0);
    assert_int_equal(change_keys(1, "1"), 0);
    world_run(5000);
    assert_int_equal(world_rows(0, MUSTER_ALIVE), 1);
    assert_int_equal(change_keys(0, ""), MUSTER_EINVAL);
    size_t late = world_add("late");
    world_run(60000);
    assert_int_equal(world_rows(0, MUSTER_ALIVE), 1);
    assert_int_equal(world_rows(late, MUSTER_ALIVE), 0);
    assert_true(world_drops(late, MUSTER_DROP_SEALED) > 0);
}

/* ---- streams ---- */

static const char ask_table[] = "{\"muster\":1,\"request\":\"table\"}\n";

TEST(large_documents_and_last_values_come_by_sealed_streams) {
    world.has_streams = true;
    add_with("pub", "1");
    struct muster_service services[200];
    for (size_t i = 0; i < 200; i++) {
        services[i] =
            (struct muster_service){.name = "", .type = "http", .proto = "tcp", .port = (uint16_t)(1000 + i)};
    }
    const struct muster_document document = {.name = "pub", .services = services, .service_count = 200};
    const struct muster_command command = {.kind = MUSTER_COMMAND_UPDATE, .document = &document};
    assert_int_equal(world_command(0, &command), 0);
    unsigned topic = field_open(0, "a/b");
    field_publish(0, topic, NULL, 1);
    world_run(5000);
    add_with("late", "1");
    field_subscribe(1, "a/#");
    world_run(5000);
    assert_int_equal(world_row(1, "pub")->document.service_count, 200);
    assert_int_equal(field_count(1, MUSTER_SAMPLE_LAST), 1);
    assert_int_equal(world_counters(1)->documents, 1);
    assert_int_equal(world_counters(1)->fetches_failed, 0);
    assert_int_equal(world_counters(0)->streams_cut, 0);
}

TEST(a_look_takes_a_table_by_a_sealed_stream) {
    world.has_streams = true;
    for (size_t i = 0; i < MUSTER_TABLE_ROWS + 6; i++) {
        char name[8];
        snprintf(name, sizeof name, "n%zu", i);
        add_with(name, "1");
    }
    world_run(10000);
    size_t look = add_with("?look", "1");
    world_query(look);
    world_run(3000);
    assert_int_equal(world_rows(look, MUSTER_ALIVE), MUSTER_TABLE_ROWS + 6);
    assert_true(world_counters(look)->tables > 0);
    assert_int_equal(world_counters(look)->fetches_failed, 0);
}

TEST(who_lacks_the_key_is_closed) {
    world.has_streams = true;
    add_with("a", "1");
    world_run(1000);
    struct pipe *pipe = pipe_connect_tcp(0, 5);
    pipe_say(pipe, "%s", ask_table);
    world_run(10);
    assert_true(pipe->is_closed);
    assert_int_equal(pipe->length, 0);
    assert_int_equal(world_counters(0)->streams_cut, 1);
    assert_int_equal(pipes_open(0), 0);
    struct pipe *local = pipe_connect_local(0); /* programs of this machine need no key */
    assert_non_null(strstr(pipe_ask(local, ask_table), "\"end\":\"done\""));
}

/* Too many connections: it is closed, for nobody said by which key it can be told so. */
TEST(who_is_too_many_is_closed) {
    world.has_streams = true;
    add_with("a", "1");
    world_run(1000);
    struct pipe *pipe = NULL;
    for (unsigned i = 0; i <= MUSTER_STREAMS_PER_ADDRESS; i++) {
        pipe = pipe_connect_tcp(0, 5);
    }
    world_run(10);
    assert_true(pipe->is_closed || pipe->is_ended);
    assert_int_equal(pipe->length, 0);
    assert_int_equal(world_counters(0)->streams_refused, 1);
}

/* A server without the key answers plain text. */
static void answer_plainly(struct pipe *pipe, enum muster_stream_event event) {
    if (event == MUSTER_STREAM_BYTES) {
        pipe_say(pipe, "{\"end\":\"done\",\"count\":0}\n");
    }
}

TEST(an_answer_without_the_key_is_none) {
    world.has_streams = true;
    add_with("pub", "1");
    field_publish(0, field_open(0, "a/b"), NULL, 1);
    world_run(5000);
    world.nodes[0].script = answer_plainly;
    add_with("late", "1");
    field_subscribe(1, "a/#");
    world_run(5000);
    assert_true(world_counters(1)->fetches_failed > 0);
    assert_int_equal(field_count(1, MUSTER_SAMPLE_LAST), 0);
    assert_int_equal(pipes_open(1), 0);
}

/* ---- memory ---- */

static void live(void *context) {
    (void)context;
    world_begin(3);
    field_begin();
    world.has_streams = true;
    world_add("a");
    world_add("b");
    world_run(100);
    countdown_begin();
    int errors[] = {change_keys(0, "1"), change_keys(1, "1")};
    unsigned topic;
    const struct muster_topic described = {.name = "a/b"};
    bool is_open = muster_core_topic_open(world.nodes[0].core, &described, &topic) == 0;
    world_run(2000);
    if (is_open && errors[0] == 0) {
        const struct muster_record reading = {.kind = MUSTER_VALUE_NUMBER, .number = 1};
        muster_core_topic_add(world.nodes[0].core, topic, &reading, world.now_ms, 0);
    }
    world_run(3000);
    bool has_failed = countdown_end() != 0;
    assert_true(has_failed || (errors[0] == 0 && errors[1] == 0));
    if (errors[0] == 0 && errors[1] == 0) {
        world_run(20000);
        assert_int_equal(world_rows(0, MUSTER_ALIVE), 1);
        assert_int_equal(world_rows(1, MUSTER_ALIVE), 1);
    }
    world_end();
}

TEST(without_memory_the_books_add_up) {
    assert_true(countdown_walk(live, NULL, 20) > 10);
}

int main(void) {
    return test_run(begin, world_end);
}
