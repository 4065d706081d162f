/* SPDX-License-Identifier: MIT */
/* What a bridge announces of others fits into one document. */
#include <stdio.h>
#include <string.h>

#include "bridge.h"
#include "test.h"

#define TXT_COUNT 4

static struct muster_service services[129];

static void make(struct muster_document *document, size_t count, const struct muster_text *txt) {
    static const struct muster_endpoint address = {.family = 4, .ip = {10, 0, 0, 7}};
    static char names[129][32];
    for (size_t i = 0; i < count; i++) {
        snprintf(names[i], sizeof(names[i]), "number %zu", i);
        services[i] = (struct muster_service){.name = names[i],
                                              .type = "http",
                                              .proto = "tcp",
                                              .port = (uint16_t)(80 + i),
                                              .origin = i > 0 ? "west" : NULL, /* the first: its own */
                                              .host = i > 0 ? "thermo" : NULL,
                                              .addresses = i > 0 ? &address : NULL,
                                              .address_count = i > 0 ? 1 : 0,
                                              .txt = txt,
                                              .txt_count = txt != NULL ? TXT_COUNT : 0};
    }
    *document = (struct muster_document){.name = "bridge", .services = services, .service_count = count};
}

TEST(what_fits_stays) {
    struct muster_document document;
    make(&document, 3, NULL);
    assert_int_equal(bridge_fit(&document), 0);
    assert_int_equal(document.service_count, 3);
}

TEST(what_is_too_large_is_left_out) {
    char value[201];
    struct muster_document document;
    const struct muster_text txt[TXT_COUNT] = {{"a", value}, {"b", value}, {"c", value}, {"d", value}};
    memset(value, 'x', sizeof(value) - 1);
    value[sizeof(value) - 1] = '\0';
    make(&document, 129, txt);
    assert_int_not_equal(muster_document_check(&document, true, true, NULL), 0);
    const size_t left_out = bridge_fit(&document);
    assert_true(left_out > 0 && left_out < 128);
    assert_int_equal(document.service_count, 129 - left_out);
    assert_int_equal(muster_document_check(&document, true, true, NULL), 0);
    document.service_count++;
    assert_int_not_equal(muster_document_check(&document, true, true, NULL), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_fits_stays),
        cmocka_unit_test(what_is_too_large_is_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
