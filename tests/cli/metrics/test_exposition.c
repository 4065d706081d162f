/* SPDX-License-Identifier: MIT */
/* The formats that Prometheus reads, and which of them a client gets. */
#include <stdlib.h>
#include <string.h>

#include "exposition.h"
#include "fixture.h"

static const struct {
    const char *accept;
    enum exposition_format format;
} accepts[] = {
    {NULL, EXPOSITION_TEXT},
    {"", EXPOSITION_TEXT},
    {"*/*", EXPOSITION_TEXT},
    {"text/html", EXPOSITION_TEXT},
    {"text/plain;version=0.0.4", EXPOSITION_TEXT},
    {"application/openmetrics-text", EXPOSITION_OPENMETRICS},
    {"Application/OpenMetrics-Text; Version=1.0.0 ; charset=utf-8", EXPOSITION_OPENMETRICS},
    {"application/openmetrics-text;version=0.0.1", EXPOSITION_TEXT},
    {"application/openmetrics-text;q=0.5,text/plain;q=0.6", EXPOSITION_TEXT},
    {"application/openmetrics-text;q=0.5,text/plain;q=0.4", EXPOSITION_OPENMETRICS},
    {"application/openmetrics-text;q=0", EXPOSITION_TEXT},
    {"application/openmetrics-text;q=2", EXPOSITION_OPENMETRICS}, /* no weight counts as 1 */
    /* What Prometheus 2.42 and 3 send. */
    {"application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
     "text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
     EXPOSITION_OPENMETRICS},
    {"application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,"
     "application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,"
     "text/plain;version=0.0.4;q=0.2,*/*;q=0.1",
     EXPOSITION_OPENMETRICS},
};

TEST(test_a_client_gets_what_it_prefers) {
    for (size_t i = 0; i < COUNT(accepts); i++) {
        if (exposition_negotiate(accepts[i].accept) != accepts[i].format) {
            fail_msg("%s", accepts[i].accept);
        }
    }
}

static void write_all(enum exposition_format format) {
    const struct exposition_label common[] = {{"node", "nas"}};
    const struct exposition_label labels[] = {{"name", "a\\b\"c\nd"}, {"path", "m4"}};
    capture_begin(&stdout);
    struct exposition exposition = {.out = stdout, .format = format, .common = common, .common_count = 1};
    exposition_begin(&exposition, "build", EXPOSITION_INFO, "What is \"here\".");
    exposition_integer(&exposition, NULL, 0, 1);
    exposition_begin(&exposition, "sent", EXPOSITION_COUNTER, "Back\\slash,\nline.");
    exposition_integer(&exposition, NULL, 0, UINT64_MAX);
    exposition_begin(&exposition, "loss", EXPOSITION_GAUGE, "Loss.");
    exposition_number(&exposition, labels, COUNT(labels), 0.25);
    exposition.common_count = 0;
    exposition_integer(&exposition, NULL, 0, 0);
    exposition_end(&exposition);
}

TEST(test_text) {
    write_all(EXPOSITION_TEXT);
    capture_check("# HELP build_info What is \"here\".\n"
                  "# TYPE build_info gauge\n"
                  "build_info{node=\"nas\"} 1\n"
                  "# HELP sent_total Back\\\\slash,\\nline.\n"
                  "# TYPE sent_total counter\n"
                  "sent_total{node=\"nas\"} 18446744073709551615\n"
                  "# HELP loss Loss.\n"
                  "# TYPE loss gauge\n"
                  "loss{node=\"nas\",name=\"a\\\\b\\\"c\\nd\",path=\"m4\"} 0.25\n"
                  "loss 0\n");
}

TEST(test_openmetrics) {
    write_all(EXPOSITION_OPENMETRICS);
    capture_check("# HELP build What is \\\"here\\\".\n"
                  "# TYPE build info\n"
                  "build_info{node=\"nas\"} 1\n"
                  "# HELP sent Back\\\\slash,\\nline.\n"
                  "# TYPE sent counter\n"
                  "sent_total{node=\"nas\"} 18446744073709551615\n"
                  "# HELP loss Loss.\n"
                  "# TYPE loss gauge\n"
                  "loss{node=\"nas\",name=\"a\\\\b\\\"c\\nd\",path=\"m4\"} 0.25\n"
                  "loss 0\n"
                  "# EOF\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_client_gets_what_it_prefers),
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_openmetrics),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
