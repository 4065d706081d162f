/* SPDX-License-Identifier: MIT */
/* Templates of members of JSON: what --format prints of peers, topics and events. */
#include <stdlib.h>
#include <string.h>

#include "document.h"
#include "fixture.h"
#include "peer.h"
#include "roster.h"
#include "template.h"

static const struct muster_service services[] = {{"Front door", "http", "tcp", 80, NULL, 0},
                                                 {"", "coap", "udp", 5683, NULL, 0}};
static const struct muster_text attrs[] = {{"room", "cellar"}, {"a.b", "\x1b[2J"}};

static struct muster_peer peers[] = {
    {.id = {0xab},
     .verified = true,
     .document = {"nas", services, COUNT(services), attrs, COUNT(attrs)},
     .address = {4, {10, 0, 0, 1}, 19798},
     .paths = 1U << MUSTER_PATH_M4 | 1U << MUSTER_PATH_B4,
     .next_ms = -20,
     .received = 4,
     .loss = 0.25},
    {.id = {0xcd}, .state = MUSTER_LEFT, .document = {.name = "printer"}},
};

static const char *const members[] = {PEER_MEMBERS, "changes", NULL};

static void check_printed(const char *template, const char *expected) {
    const struct muster_peer_list list = {.peers = peers, .count = COUNT(peers)};
    struct roster roster;
    struct reason reason;
    const char *parsed = NULL;
    assert_int_equal(template_parse_members(template, members, &parsed, &reason), 0);
    assert_ptr_equal(parsed, template);
    assert_int_equal(roster_init(&roster, &list), 0);
    capture_begin(&stdout);
    assert_int_equal(template_print_rows(template, peer_rows(&roster)), 0);
    capture_check(expected);
    roster_deinit(&roster);
}

TEST(test_members) {
    check_printed("{name} is {state} at {address}", "nas is alive at 10.0.0.1\nprinter is left at -\n");
    check_printed("{verified} {port} {next_ms} {loss}", "true 19798 -20 0.25\nfalse 0 - -\n");
    check_printed("{{{name}}}", "{nas}\n{printer}\n");
    check_printed("no placeholder", "no placeholder\nno placeholder\n");
}

TEST(test_lists) {
    check_printed("{paths} {services} {attrs}",
                  "m4,b4 http:80,coap:5683/udp room=cellar a.b=\\u{001B}[2J\n- - -\n");
}

TEST(test_what_is_inside) {
    check_printed("{attrs.room} {attrs.a.b} {attrs.no} {services.1.type} {services.2.type} {paths.0}",
                  "cellar \\u{001B}[2J - coap - m4\n- - - - - -\n");
    check_printed("{name.no} {services.9} {services.x} {services.0.name}", "- - - Front door\n- - - -\n");
}

TEST(test_refused) {
    static const char *const wrong[] = {"",      "{",      "}",   "{}",     "{name",
                                        "{nam}", "{name{", "{.}", "{Name}", "a}b"};
    struct reason reason;
    const char *parsed = NULL;
    for (size_t i = 0; i < COUNT(wrong); i++) {
        assert_int_equal(template_parse_members(wrong[i], members, &parsed, &reason), -1);
        assert_null(parsed);
    }
    template_parse_members("{nam}", members, &parsed, &reason);
    assert_non_null(strstr(reason.text, "no such placeholder '{nam}', expected {id}, {name}, "));
}

/* What is listed is what is written. */
TEST(test_the_names_of_members) {
    char *line = peer_event_line(MUSTER_PEER_JOINED, &peers[0], NULL);
    document_node_t *root = document_parse(line, strlen(line));
    const document_node_t *node = document_next(document_next(document_first(root))); /* behind event, time */
    size_t count = 0;
    for (; node != NULL; node = document_next(node)) {
        size_t i = 0;
        while (members[i] != NULL && strcmp(members[i], document_name(node)) != 0) {
            i++;
        }
        assert_non_null(members[i]);
        count++;
    }
    assert_int_equal(count, COUNT(members) - 1);
    document_free(root);
    free(line);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_members),
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_what_is_inside),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_the_names_of_members),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
