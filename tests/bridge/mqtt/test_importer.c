/* SPDX-License-Identifier: MIT */
/* What comes from other sites has bounds. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "importer.h"
#include "test.h"

static unsigned refused;

static void on_refused(const char *name, const char *why, void *context) {
    (void)context;
    assert_non_null(name);
    assert_string_equal(why, "too many peers of other sites are kept");
    refused++;
}

static void on_busy(bool is_busy, void *context) {
    (void)is_busy, (void)context;
}

static void take_peer(struct importer *importer, unsigned number, const char *payload) {
    char topic[64];
    snprintf(topic, sizeof(topic), "muster/east/$peers/%u", number);
    const struct importer_message message = {
        .topic = topic, .payload = payload, .length = strlen(payload), .unit = ""};
    importer_take(importer, &message);
}

TEST(what_is_kept_of_peers_has_a_bound) {
    static const char begin[] = "{\"state\":\"alive\",\"name\":\"";
    static char payload[100 * 1024];
    const unsigned count = (unsigned)(IMPORTER_PEERS_BYTES_MAX / (sizeof(payload) - 1));
    struct importer importer = {
        .prefix = "muster", .on_refused = on_refused, .on_busy = on_busy, .is_active = true};
    memset(payload, 'x', sizeof(payload) - 1);
    memcpy(payload, begin, sizeof(begin) - 1);
    memcpy(payload + sizeof(payload) - 3, "\"}", 3);
    refused = 0;
    for (unsigned i = 0; i < count + 3; i++) {
        take_peer(&importer, i, payload);
    }
    assert_int_equal(refused, 3);
    take_peer(&importer, 0, ""); /* it has gone: there is room for another one */
    take_peer(&importer, count, payload);
    assert_int_equal(refused, 3);
    importer_deinit(&importer);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_is_kept_of_peers_has_a_bound)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
