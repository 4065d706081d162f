/* SPDX-License-Identifier: MIT */
/* One's own document changed piece by piece: what the others see of it, and what is refused. */
#include <string.h>

#include "countdown.h"
#include "test.h"
#include "world.h"

#define A 0
#define B 1

/* "a" has the service http/tcp:8080, as world_add() gives it. */
static void begin(void) {
    world_begin(1);
    world_gather(2);
}

static int change(size_t index, const struct muster_change *change) {
    struct muster_command command = {.kind = MUSTER_COMMAND_CHANGE, .change = change};
    return world_command(index, &command);
}

static void check_seen(const char *expected) {
    world_run(200);
    assert_string_equal(world_seen(B), expected);
}

/* ---- pieces ---- */

static const struct muster_text path = {.name = "path", .value = "/"};
static const struct muster_service http = {.name = "", .type = "http", .proto = "tcp", .port = 8080};
static const struct muster_service http_described = {
    .name = "web", .type = "http", .proto = "tcp", .port = 8080, .txt = &path, .txt_count = 1};
static const struct muster_service ipp = {.name = NULL, .type = "ipp", .proto = "tcp", .port = 631};
static const struct muster_text cellar = {.name = "room", .value = "cellar"};
static const struct muster_text attic = {.name = "room", .value = "attic"};
static const struct muster_text warm = {.name = "cel", .value = "21.5"};
static const char *const room[] = {"room"};

static const struct muster_change add_ipp = {.services = &ipp, .service_count = 1};
static const struct muster_change set_cellar = {.attrs = &cellar, .attr_count = 1};

/* ---- changes ---- */

TEST(services_are_added_replaced_and_removed) {
    struct muster_change describe = {.services = &http_described, .service_count = 1};
    struct muster_change remove = {.removed_services = &http, .removed_service_count = 1};
    assert_int_equal(change(A, &add_ipp), 0);
    check_seen("a http/tcp:8080 ipp/tcp:631");
    assert_int_equal(change(A, &describe), 0);
    check_seen("a http/tcp:8080(web)[path=/] ipp/tcp:631");
    assert_int_equal(change(A, &remove), 0); /* by type, proto and port: its name and TXT do not matter */
    check_seen("a ipp/tcp:631");
    remove.removed_services = &ipp;
    assert_int_equal(change(A, &remove), 0);
    check_seen("a");
    assert_string_equal(world_story(), "b: changed a\nb: changed a\nb: changed a\nb: changed a\n");
}

TEST(attrs_are_set_and_removed) {
    struct muster_change set_two = {.attrs = (const struct muster_text[]){warm, attic}, .attr_count = 2};
    struct muster_change remove = {.removed_attrs = room, .removed_attr_count = 1};
    assert_int_equal(change(A, &set_cellar), 0);
    check_seen("a http/tcp:8080 room=cellar");
    assert_int_equal(change(A, &set_two), 0);
    check_seen("a http/tcp:8080 room=attic cel=21.5");
    assert_int_equal(change(A, &remove), 0);
    check_seen("a http/tcp:8080 cel=21.5");
}

TEST(one_change_may_say_all_at_once) {
    assert_int_equal(change(A, &set_cellar), 0);
    struct muster_change everything = {.name = "alpha",
                                       .services = &ipp,
                                       .service_count = 1,
                                       .removed_services = &http,
                                       .removed_service_count = 1,
                                       .attrs = &warm,
                                       .attr_count = 1,
                                       .removed_attrs = room,
                                       .removed_attr_count = 1};
    assert_int_equal(change(A, &everything), 0);
    check_seen("alpha ipp/tcp:631 cel=21.5");
    assert_int_equal(change(A, &(struct muster_change){.name = NULL}), 0); /* nothing is no error */
    check_seen("alpha ipp/tcp:631 cel=21.5");
}

TEST(a_change_follows_an_update) {
    assert_int_equal(change(A, &set_cellar), 0);
    assert_int_equal(world_update(A, "a", 9090), 0);
    assert_int_equal(change(A, &add_ipp), 0);
    check_seen("a http/tcp:9090 ipp/tcp:631");
}

/* ---- refusals ---- */

TEST(what_is_not_there_is_not_removed) {
    struct muster_service other = http;
    struct muster_change services = {
        .attrs = &cellar, .attr_count = 1, .removed_services = &other, .removed_service_count = 1};
    struct muster_change attrs = {.removed_attrs = room, .removed_attr_count = 1};
    other.port = 8081;
    assert_int_equal(change(A, &services), MUSTER_ENOTFOUND);
    other = http;
    other.proto = "udp";
    assert_int_equal(change(A, &services), MUSTER_ENOTFOUND);
    other = http;
    other.type = "https";
    assert_int_equal(change(A, &services), MUSTER_ENOTFOUND);
    assert_int_equal(change(A, &attrs), MUSTER_ENOTFOUND);
    check_seen("a http/tcp:8080");
    assert_string_equal(world_story(), "");
}

TEST(nothing_is_named_twice) {
    const struct muster_service services[] = {http, http_described};
    const struct muster_text attrs[] = {cellar, attic};
    const char *const names[] = {"room", "room"};
    const struct muster_change changes[] = {
        {.services = services, .service_count = 2},
        {.removed_services = services, .removed_service_count = 2},
        {.services = services, .service_count = 1, .removed_services = &http, .removed_service_count = 1},
        {.attrs = attrs, .attr_count = 2},
        {.removed_attrs = names, .removed_attr_count = 2},
        {.attrs = attrs, .attr_count = 1, .removed_attrs = names, .removed_attr_count = 1},
    };
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        assert_int_equal(change(A, &changes[i]), MUSTER_EINVAL);
    }
    check_seen("a http/tcp:8080");
}

TEST(what_breaks_a_rule_is_refused) {
    const struct muster_service services[] = {
        {.name = "", .type = NULL, .proto = "tcp", .port = 1},
        {.name = "", .type = "http", .proto = NULL, .port = 1},
        {.name = "", .type = "HTTP", .proto = "tcp", .port = 1},
        {.name = "", .type = "http", .proto = "tcp", .port = 0},
    };
    const struct muster_text attrs[] = {
        {.name = NULL, .value = ""}, {.name = "a", .value = NULL}, {.name = "", .value = ""}};
    const char *const no_name[] = {NULL};
    for (size_t i = 0; i < sizeof services / sizeof *services; i++) {
        struct muster_change added = {.services = &services[i], .service_count = 1};
        assert_int_equal(change(A, &added), MUSTER_EINVAL);
    }
    for (size_t i = 0; i < sizeof attrs / sizeof *attrs; i++) {
        struct muster_change set = {.attrs = &attrs[i], .attr_count = 1};
        assert_int_equal(change(A, &set), MUSTER_EINVAL);
    }
    struct muster_change services_removed = {.removed_services = services, .removed_service_count = 1};
    struct muster_change attrs_removed = {.removed_attrs = no_name, .removed_attr_count = 1};
    struct muster_change nameless = {.name = ""};
    assert_int_equal(change(A, &services_removed), MUSTER_EINVAL);
    assert_int_equal(change(A, &attrs_removed), MUSTER_EINVAL);
    assert_int_equal(change(A, &nameless), MUSTER_EINVAL);
    assert_int_equal(change(A, NULL), MUSTER_EINVAL);
    check_seen("a http/tcp:8080");
}

TEST(what_does_not_fit_is_refused) {
    char value[MUSTER_VALUE_BYTES_MAX + 1];
    memset(value, 'x', MUSTER_VALUE_BYTES_MAX);
    value[MUSTER_VALUE_BYTES_MAX] = '\0';
    const char *const names[] = {"a", "b", "c", "d", "e"};
    int error = 0;
    size_t fitting = 0;
    while (error == 0) {
        struct muster_text attr = {.name = names[fitting], .value = value};
        error = change(A, &(struct muster_change){.attrs = &attr, .attr_count = 1});
        fitting += error == 0 ? 1 : 0;
    }
    assert_int_equal(error, MUSTER_ETOOBIG);
    struct muster_change removed = {.removed_attrs = names, .removed_attr_count = fitting};
    assert_int_equal(change(A, &removed), 0); /* what came before is there */
    check_seen("a http/tcp:8080");
}

TEST(an_observer_and_who_left_change_nothing) {
    size_t observer = world_add("?");
    assert_int_equal(change(observer, &set_cellar), MUSTER_EINVAL);
    world_leave(A);
    assert_int_equal(change(A, &set_cellar), MUSTER_ECLOSING);
}

static void describe_room(void *unused) {
    (void)unused;
    const struct muster_change everything = {.services = (const struct muster_service[]){ipp, http_described},
                                             .service_count = 2,
                                             .attrs = &cellar,
                                             .attr_count = 1};
    begin();
    countdown_begin();
    int error = change(A, &everything);
    bool has_failed = countdown_end();
    assert_true(error == 0 || (error == MUSTER_ENOMEM && has_failed));
    world_run(2000); /* it may be that sending it failed */
    check_seen(error == 0 ? "a http/tcp:8080(web)[path=/] ipp/tcp:631 room=cellar" : "a http/tcp:8080");
}

TEST(a_change_for_which_memory_lacks_changes_nothing) {
    assert_true(countdown_walk(describe_room, NULL, 0) > 3);
}

/* Scripts say again and again what holds already: nobody is told. */
TEST(what_changes_nothing_is_not_said) {
    const struct muster_service same = {.name = "", .type = "http", .proto = "tcp", .port = 8080};
    const struct muster_change again = {.name = "a", .services = &same, .service_count = 1};
    uint64_t sent = world.sent;
    assert_int_equal(change(A, &again), 0);
    assert_int_equal(change(A, &(struct muster_change){0}), 0);
    assert_int_equal(world_update(A, "a", 8080), 0);
    assert_int_equal(muster_core_rev(world.nodes[A].core), 1);
    assert_int_equal(world.sent, sent);
    assert_int_equal(world_update(A, "a", 8081), 0);
    assert_int_equal(muster_core_rev(world.nodes[A].core), 2);
    assert_true(world.sent > sent);
}

/* A unit that a service manager starts again and again must flood nobody. */
TEST(news_without_end_is_told_twice_a_second) {
    world_run(10000);
    const unsigned seconds = 20;
    for (unsigned i = 0; i < 20 * seconds; i++) {
        assert_int_equal(world_update(A, "a", (uint16_t)(1000 + i)), 0);
        world_run(50);
    }
    unsigned told = world.nodes[B].counts[MUSTER_PEER_CHANGED];
    assert_in_range(told, 2 * seconds - 2, 2 * seconds + 7);
    world_run(1000);
    assert_int_equal(world_row(B, "a")->document.services[0].port, 1000 + 20 * seconds - 1);
}

int main(void) {
    return test_run(begin, world_end);
}
