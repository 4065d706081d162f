/* SPDX-License-Identifier: MIT */
/* What waits for the broker: its order, its bound, what a restart and a full disk leave of it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include <sqlite3.h>

#include "dispatch.h"
#include "fixture.h"
#include "marks.h"

static const uint64_t now_ms = 1700000000000;

/* A broker that acknowledges when it is told to. */
static struct {
    struct spool spool;
    struct dispatch dispatch;
    bool takes_nothing;
    int number;                             /* of the last message */
    int acknowledged;                       /* up to this one */
    char payloads[DISPATCH_FLYING_MAX][32]; /* of those under way, by their numbers */
    char said[65536];                       /* "topic=payload " of each that was published */
    uint64_t lost;
    const char *why;
} broker;

static enum dispatch_result publish(const struct dispatch_message *message, int *number, void *context) {
    (void)context;
    if (broker.takes_nothing) {
        return DISPATCH_LATER;
    }
    if (strcmp(message->topic, "never") == 0) {
        return DISPATCH_NEVER;
    }
    const size_t used = strlen(broker.said);
    snprintf(broker.said + used, sizeof(broker.said) - used, "%s=%.*s ", message->topic, (int)message->length,
             message->payload);
    *number = ++broker.number;
    return DISPATCH_DONE;
}

static void on_loss(uint64_t count, const char *why, void *context) {
    (void)context;
    broker.lost += count;
    broker.why = why;
}

static void open_all(const char *path, uint64_t rows_max) {
    struct reason reason;
    memset(&broker, 0, sizeof(broker));
    assert_int_equal(spool_open(&broker.spool, path, &reason), 0);
    broker.dispatch = (struct dispatch){
        .spool = &broker.spool, .rows_max = rows_max, .publish = publish, .on_loss = on_loss};
    assert_int_equal(dispatch_open(&broker.dispatch, &reason), 0);
}

static void close_all(void) {
    dispatch_close(&broker.dispatch);
    spool_close(&broker.spool);
}

static void add(const char *topic, unsigned number) {
    char payload[16];
    const struct reading_ref ref = {.boot = 1, .seq = number + 1};
    snprintf(payload, sizeof(payload), "%u", number);
    const struct dispatch_message message = {.topic = topic,
                                             .payload = payload,
                                             .length = strlen(payload),
                                             .unit = "",
                                             .time_s = number,
                                             .ref = &ref};
    dispatch_add(&broker.dispatch, &message, now_ms);
}

/* Acknowledges all that is under way, and what follows it. */
static void acknowledge(void) {
    while (broker.acknowledged < broker.number) {
        dispatch_sent(&broker.dispatch, ++broker.acknowledged, true);
        dispatch_pump(&broker.dispatch);
    }
}

static void connect_all(void) {
    dispatch_up(&broker.dispatch);
    dispatch_pump(&broker.dispatch);
}

/* The payloads of a topic, each in order, are the numbers from first on. */
static void check_numbers(const char *topic, unsigned first, unsigned count) {
    char begin[32];
    snprintf(begin, sizeof(begin), "%s=", topic);
    const char *at = broker.said;
    for (unsigned i = first; i < first + count; i++) {
        at = strstr(at, begin);
        assert_non_null(at);
        at += strlen(begin);
        assert_int_equal(strtoul(at, NULL, 10), i);
    }
    assert_null(strstr(at, begin));
}

TEST(twenty_at_most_are_under_way) {
    open_all(fixture_path("twenty"), 1000);
    connect_all();
    for (unsigned i = 0; i < 50; i++) {
        add("a", i);
        dispatch_pump(&broker.dispatch);
    }
    assert_int_equal(broker.number, DISPATCH_FLYING_MAX);
    acknowledge();
    check_numbers("a", 0, 50);
    assert_int_equal(broker.dispatch.counts.sent, 50);
    assert_int_equal(broker.dispatch.counts.queued, 0);
    close_all();
}

TEST(what_was_under_way_comes_again_in_order) {
    open_all(fixture_path("again"), 1000);
    connect_all();
    for (unsigned i = 0; i < 5; i++) {
        add("a", i);
    }
    dispatch_pump(&broker.dispatch);
    dispatch_sent(&broker.dispatch, 1, true);
    dispatch_down(&broker.dispatch);
    broker.said[0] = '\0';
    broker.acknowledged = broker.number;
    connect_all();
    acknowledge();
    check_numbers("a", 1, 4);
    close_all();
}

TEST(thousands_wait_and_keep_their_order) {
    static const unsigned count = 9000;
    open_all(fixture_path("thousands"), 100000);
    for (unsigned i = 0; i < count; i++) {
        add(i % 2 == 0 ? "a" : "b", i / 2);
    }
    assert_int_equal(broker.dispatch.counts.queued, count);
    connect_all();
    for (unsigned i = 0; i < 100; i++) { /* while more come */
        add("a", count / 2 + i);
    }
    acknowledge();
    dispatch_save(&broker.dispatch, NULL, 0, now_ms);
    acknowledge();
    assert_int_equal(broker.dispatch.counts.sent, count + 100);
    assert_int_equal(broker.dispatch.counts.queued, 0);
    assert_int_equal(broker.lost, 0);
    close_all();
}

TEST(a_restart_goes_on_where_it_was) {
    open_all(fixture_path("restart"), 100000);
    for (unsigned i = 0; i < 2500; i++) {
        add("a", i);
    }
    assert_true(dispatch_save(&broker.dispatch, NULL, 0, now_ms));
    close_all();
    open_all(fixture_path("restart"), 100000);
    assert_int_equal(broker.dispatch.counts.queued, 2500);
    add("a", 2500);
    connect_all();
    acknowledge();
    check_numbers("a", 0, 2501);
    assert_true(dispatch_save(&broker.dispatch, NULL, 0, now_ms));
    close_all();
    open_all(fixture_path("restart"), 100000);
    assert_int_equal(broker.dispatch.counts.queued, 0);
    close_all();
}

TEST(beyond_the_bound_the_oldest_are_lost_and_counted) {
    open_all(fixture_path("bound"), 4000);
    for (unsigned i = 0; i < 9000; i++) {
        add("a", i);
    }
    assert_true(dispatch_save(&broker.dispatch, NULL, 0, now_ms));
    assert_int_equal(broker.dispatch.counts.queued, 4000);
    assert_int_equal(broker.lost, 5000);
    assert_int_equal(broker.dispatch.counts.lost, 5000);
    assert_string_equal(broker.why, "the queue is full");
    connect_all();
    acknowledge();
    assert_int_equal(broker.dispatch.counts.sent, 4000);
    assert_non_null(strstr(broker.said, "a=8999 "));
    close_all();
}

/* The store's own limit stands for a disk that is full. */
TEST(on_a_full_disk_what_has_no_room_is_lost_and_counted) {
    open_all(fixture_path("full"), 1000000);
    assert_int_equal(sqlite3_exec(broker.spool.database, "PRAGMA max_page_count = 60", NULL, NULL, NULL),
                     SQLITE_OK);
    for (unsigned i = 0; i < 30000; i++) {
        add("a", i);
    }
    assert_true(broker.lost > 0);
    assert_string_equal(broker.why, "database or disk is full");
    assert_int_equal(broker.dispatch.counts.queued + broker.lost, 30000);
    connect_all();
    acknowledge();
    while (broker.dispatch.counts.queued > 0) {
        dispatch_save(&broker.dispatch, NULL, 0, now_ms);
        dispatch_pump(&broker.dispatch);
        acknowledge();
    }
    assert_int_equal(broker.dispatch.counts.sent + broker.lost, 30000);
    assert_non_null(strstr(broker.said, "a=29999 "));
    close_all();
}

TEST(states_are_published_anew_after_each_connection) {
    open_all(fixture_path("states"), 1000);
    connect_all();
    dispatch_set(&broker.dispatch, "s", "on");
    dispatch_set(&broker.dispatch, "s", "on");
    add("a", 7);
    dispatch_pump(&broker.dispatch);
    acknowledge();
    assert_string_equal(broker.said, "s=on a=7 ");
    dispatch_down(&broker.dispatch);
    broker.said[0] = '\0';
    add("b", 1);
    connect_all();
    acknowledge();
    assert_string_equal(broker.said, "s=on a=7 b=1 "); /* the last value of a, and b as it came */
    close_all();
}

TEST(a_newer_last_value_comes_again_behind_old_readings) {
    const struct reading_ref none = {.seq = 0};
    const struct dispatch_message last = {
        .topic = "a", .payload = "9", .length = 1, .unit = "", .time_s = 9, .ref = &none};
    open_all(fixture_path("last"), 1000);
    add("a", 1);
    add("a", 2);
    assert_true(dispatch_save(&broker.dispatch, NULL, 0, now_ms));
    close_all();
    open_all(fixture_path("last"), 1000);
    dispatch_set_value(&broker.dispatch, &last);
    connect_all();
    acknowledge();
    dispatch_pump(&broker.dispatch);
    acknowledge();
    assert_string_equal(broker.said, "a=9 a=1 a=2 a=9 ");
    close_all();
}

static unsigned full_count;

static void on_full(void *context) {
    (void)context;
    full_count++;
}

TEST(a_state_that_was_cleared_makes_room) {
    char name[16];
    open_all(fixture_path("cleared"), 1000);
    broker.dispatch.on_full = on_full;
    full_count = 0;
    dispatch_set(&broker.dispatch, "s", "on");
    connect_all();
    acknowledge();
    dispatch_set(&broker.dispatch, "s", "");
    dispatch_pump(&broker.dispatch);
    acknowledge();
    broker.dispatch.is_up = false;
    for (unsigned i = 0; i < DISPATCH_TOPICS_MAX; i++) {
        snprintf(name, sizeof(name), "%u", i);
        dispatch_set(&broker.dispatch, name, "on");
    }
    assert_int_equal(full_count, 0);
    assert_int_equal(broker.dispatch.counts.refused, 0);
    dispatch_set(&broker.dispatch, "s", "on");
    dispatch_set(&broker.dispatch, "t", "on");
    assert_int_equal(full_count, 1);
    assert_int_equal(broker.dispatch.counts.refused, 2);
    close_all();
}

TEST(readings_wait_while_they_are_held) {
    open_all(fixture_path("held"), 1000);
    broker.dispatch.holds_readings = true;
    add("a", 1);
    dispatch_set(&broker.dispatch, "s", "on");
    connect_all();
    acknowledge();
    assert_string_equal(broker.said, "s=on ");
    broker.dispatch.holds_readings = false;
    dispatch_pump(&broker.dispatch);
    assert_string_equal(broker.said, "s=on a=1 ");
    close_all();
}

TEST(a_bridge_that_is_replaced_loses_what_waits) {
    open_all(fixture_path("replaced"), 100000);
    for (unsigned i = 0; i < 2500; i++) {
        add("a", i);
    }
    dispatch_set(&broker.dispatch, "s", "on");
    connect_all();
    assert_true(dispatch_save(&broker.dispatch, NULL, 0, now_ms));
    dispatch_abandon(&broker.dispatch, "replaced", now_ms);
    assert_int_equal(broker.lost, 2500);
    assert_int_equal(broker.dispatch.counts.queued, 0);
    broker.said[0] = '\0';
    acknowledge(); /* of what was under way */
    dispatch_down(&broker.dispatch);
    connect_all();
    assert_string_equal(broker.said, "");
    add("a", 9000);
    dispatch_pump(&broker.dispatch);
    assert_string_equal(broker.said, "a=9000 ");
    close_all();
    open_all(fixture_path("replaced"), 100000);
    assert_int_equal(broker.dispatch.counts.queued, 0);
    close_all();
}

static bool is_overtaken(const struct reading_ref *ref, void *context) {
    return marks_is_overtaken(context, ref);
}

TEST(what_another_bridge_has_overtaken_is_not_published) {
    struct marks marks = {.by_key = NULL};
    const struct reading_ref told = {.boot = 1, .seq = 4};
    open_all(fixture_path("overtaken"), 100000);
    broker.dispatch.is_overtaken = is_overtaken;
    broker.dispatch.context = &marks;
    for (unsigned i = 0; i < 6; i++) { /* the sequence numbers 1 to 6 */
        add("a", i);
    }
    marks_tell(&marks, &told);
    connect_all();
    assert_string_equal(broker.said, "a=4 a=5 ");
    assert_int_equal(broker.lost, 4);
    acknowledge();
    assert_int_equal(broker.dispatch.counts.sent, 2);
    assert_int_equal(broker.dispatch.counts.queued, 0);
    marks_deinit(&marks);
    close_all();
}

TEST(what_can_never_be_published_keeps_nobody_waiting) {
    open_all(fixture_path("never"), 1000);
    add("never", 1);
    add("a", 1);
    dispatch_set(&broker.dispatch, "never", "x");
    connect_all();
    acknowledge();
    assert_non_null(strstr(broker.said, "a=1 "));
    assert_null(strstr(broker.said, "never"));
    assert_true(broker.dispatch.counts.refused >= 1);
    assert_int_equal(broker.dispatch.counts.queued, 0);
    close_all();
}

/* ---- marks ---- */

static bool take(struct marks *marks, uint64_t seq, unsigned record) {
    const struct reading_ref ref = {.peer = {1}, .boot = 5, .shard = 2, .seq = seq, .record = record};
    return marks_take(marks, "", &ref);
}

static void on_mark(const struct spool_mark *mark, void *context) {
    (void)marks_take(context, mark->site, &mark->ref);
}

TEST(a_reading_is_taken_once_also_after_a_restart) {
    struct marks marks = {.by_key = NULL};
    struct marks again = {.by_key = NULL};
    struct reason reason;
    size_t count;
    open_all(fixture_path("marks"), 1000);
    assert_true(take(&marks, 4, 0) && take(&marks, 4, 1) && take(&marks, 7, 0));
    assert_false(take(&marks, 4, 1) || take(&marks, 7, 0));
    struct spool_mark *moved = marks_moved(&marks, &count);
    assert_int_equal(count, 1);
    assert_true(dispatch_save(&broker.dispatch, moved, count, now_ms));
    free(moved);
    assert_null(marks_moved(&marks, &count));
    close_all();
    open_all(fixture_path("marks"), 1000);
    assert_int_equal(spool_read_marks(&broker.spool, on_mark, &again, &reason), 0);
    assert_false(take(&again, 7, 0));
    assert_true(take(&again, 7, 1));
    assert_true(marks_has(&again, "") && !marks_has(&again, "home"));
    marks_deinit(&marks);
    marks_deinit(&again);
    close_all();
}

static unsigned read_count;
static struct spool_mark read_marks[8];

static void on_kept(const struct spool_mark *mark, void *context) {
    (void)context;
    assert_true(read_count < 8);
    read_marks[read_count++] =
        (struct spool_mark){.site = mark->site[0] == '\0' ? "" : "home", .ref = mark->ref};
}

TEST(marks_of_other_sites_and_older_boots_go_first) {
    const struct spool_mark marks[] = {{.site = "", .ref = {.boot = 1, .seq = 1}},
                                       {.site = "home", .ref = {.boot = 2, .seq = 1}},
                                       {.site = "home", .ref = {.boot = 4, .seq = 1}},
                                       {.site = "home", .ref = {.boot = 3, .seq = 1}}};
    struct reason reason;
    open_all(fixture_path("trimmed"), 1000);
    assert_true(dispatch_save(&broker.dispatch, marks, 4, now_ms));
    assert_int_equal(spool_trim_marks(&broker.spool, 3, &reason), 0);
    read_count = 0;
    assert_int_equal(spool_read_marks(&broker.spool, on_kept, NULL, &reason), 0);
    assert_int_equal(read_count, 3);
    assert_int_equal(read_marks[0].ref.boot, 3);
    assert_int_equal(read_marks[1].ref.boot, 4);
    assert_string_equal(read_marks[2].site, ""); /* the last one to be forgotten by marks */
    close_all();
}

TEST(last_values_come_in_no_order) {
    struct marks marks = {.by_key = NULL};
    const struct reading_ref early = {.boot = 1, .seq = 5};
    const struct reading_ref late = {.boot = 1, .seq = 9};
    assert_true(marks_take_last(&marks, "home", &late));
    assert_true(marks_take_last(&marks, "home", &early)); /* of another topic */
    assert_false(marks_take(&marks, "home", &early));
    marks_settle(&marks);
    assert_false(marks_take_last(&marks, "home", &late));
    marks_deinit(&marks);
}

TEST(the_spool_is_of_one_process) {
    struct spool other;
    struct reason reason;
    open_all(fixture_path("twice"), 1000);
    assert_int_equal(spool_open(&other, fixture_path("twice"), &reason), -1);
    assert_string_equal(reason.text, "database is locked");
    spool_close(&other);
    close_all();
    FILE *file = fopen(fixture_path("foreign"), "w");
    assert_non_null(file);
    fputs("this is no database, and never was one", file);
    fclose(file);
    assert_int_equal(spool_open(&other, fixture_path("foreign"), &reason), -1);
    spool_close(&other);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(twenty_at_most_are_under_way),
        cmocka_unit_test(what_was_under_way_comes_again_in_order),
        cmocka_unit_test(thousands_wait_and_keep_their_order),
        cmocka_unit_test(a_restart_goes_on_where_it_was),
        cmocka_unit_test(beyond_the_bound_the_oldest_are_lost_and_counted),
        cmocka_unit_test(on_a_full_disk_what_has_no_room_is_lost_and_counted),
        cmocka_unit_test(states_are_published_anew_after_each_connection),
        cmocka_unit_test(a_newer_last_value_comes_again_behind_old_readings),
        cmocka_unit_test(a_state_that_was_cleared_makes_room),
        cmocka_unit_test(readings_wait_while_they_are_held),
        cmocka_unit_test(a_bridge_that_is_replaced_loses_what_waits),
        cmocka_unit_test(what_another_bridge_has_overtaken_is_not_published),
        cmocka_unit_test(what_can_never_be_published_keeps_nobody_waiting),
        cmocka_unit_test(a_reading_is_taken_once_also_after_a_restart),
        cmocka_unit_test(marks_of_other_sites_and_older_boots_go_first),
        cmocka_unit_test(last_values_come_in_no_order),
        cmocka_unit_test(the_spool_is_of_one_process),
    };
    return cmocka_run_group_tests(tests, fixture_make_directory, fixture_remove_directory);
}
