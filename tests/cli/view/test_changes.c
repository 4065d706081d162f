/* SPDX-License-Identifier: MIT */
/* What is different in what a peer says of itself. */
#include <string.h>

#include "changes.h"
#include "fixture.h"

static const struct muster_text path[] = {{"path", "/"}};
static const struct muster_text other_path[] = {{"path", "/a"}};
static const struct muster_service web[] = {{"", "http", "tcp", 80, path, 1},
                                            {"", "coap", "udp", 5683, NULL, 0}};
static const struct muster_service other_web[] = {{"", "http", "tcp", 80, other_path, 1},
                                                  {"", "http", "tcp", 81, NULL, 0}};
static const struct muster_service named_web[] = {{"Front door", "http", "tcp", 80, path, 1}};
static const struct muster_text attrs[] = {{"room", "cellar"}, {"load", "low"}};
static const struct muster_text other_attrs[] = {{"load", "high"}, {"new", ""}};
static const struct muster_topic topics[] = {{.name = "a"}, {.name = "b"}};

static void check_changes(const struct muster_document *before, const struct muster_document *after,
                          const char *expected) {
    struct changes changes;
    char text[256] = "";
    assert_int_equal(changes_find(&changes, before, after), 0);
    for (size_t i = 0; i < changes.count; i++) {
        snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s", i > 0 ? "|" : "",
                 changes.words[i]);
    }
    assert_string_equal(text, expected);
    changes_deinit(&changes);
}

TEST(test_nothing) {
    const struct muster_document document = {"nas", web, 2, attrs, 2};
    check_changes(&document, &document, "");
}

TEST(test_services) {
    const struct muster_document before = {"nas", web, 2, NULL, 0};
    const struct muster_document after = {"nas", other_web, 2, NULL, 0};
    const struct muster_document named = {"nas", named_web, 1, NULL, 0};
    check_changes(&before, &after, "-coap:5683/udp|~http:80|+http:81");
    check_changes(&after, &before, "-http:81|~http:80|+coap:5683/udp");
    check_changes(&before, &named, "-coap:5683/udp|~http:80");
}

TEST(test_names_attributes_and_topics) {
    const struct muster_document before = {
        .name = "nas", .attrs = attrs, .attr_count = 2, .topics = topics, .topic_count = 1};
    const struct muster_document after = {
        .name = "attic", .attrs = other_attrs, .attr_count = 2, .topics = topics + 1, .topic_count = 1};
    check_changes(&before, &after, "name=attic|-room=|load=high|new=|-topic a|+topic b");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing),
        cmocka_unit_test(test_services),
        cmocka_unit_test(test_names_attributes_and_topics),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
