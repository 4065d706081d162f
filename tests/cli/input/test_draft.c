/* SPDX-License-Identifier: MIT */
/* What users write of a service, and the document that grows from it. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "draft.h"
#include "fixture.h"
#include "spec.h"

static void check_refused(const char *spec, const char *text) {
    struct muster_service service;
    struct reason reason;
    assert_int_equal(spec_parse(spec, &service, &reason), -1);
    assert_string_equal(reason.text, text);
    assert_null(service.type);
    assert_null(service.name);
    assert_null(service.txt);
}

TEST(test_shortest_spec) {
    struct muster_service service;
    struct reason reason;
    assert_int_equal(spec_parse("http:8080", &service, &reason), 0);
    assert_string_equal(service.type, "http");
    assert_string_equal(service.proto, "tcp");
    assert_int_equal(service.port, 8080);
    assert_string_equal(service.name, "");
    assert_int_equal(service.txt_count, 0);
    spec_free(&service);
}

TEST(test_longest_spec) {
    struct muster_service service;
    struct reason reason;
    const char *spec = "CoAP:65535/udp,txt.path=/a=b,name=Front\\, door\\\\,txt.a b=,txt.c=\\d";
    assert_int_equal(spec_parse(spec, &service, &reason), 0);
    assert_string_equal(service.type, "coap");
    assert_string_equal(service.proto, "udp");
    assert_int_equal(service.port, 65535);
    assert_string_equal(service.name, "Front, door\\");
    assert_int_equal(service.txt_count, 3);
    assert_string_equal(service.txt[0].name, "path");
    assert_string_equal(service.txt[0].value, "/a=b");
    assert_string_equal(service.txt[1].name, "a b");
    assert_string_equal(service.txt[1].value, "");
    assert_string_equal(service.txt[2].value, "\\d");
    spec_free(&service);
}

TEST(test_spec_of_what_was_brought) {
    struct muster_service service;
    struct muster_service copy;
    struct reason reason;
    const char *spec = "ipp:631,origin=site-b,host=printer,at=10.20.0.9,at=fd00::9,name=Flur";
    assert_int_equal(spec_parse(spec, &service, &reason), 0);
    assert_int_equal(spec_copy(&copy, &service), 0);
    spec_free(&service);
    assert_string_equal(copy.origin, "site-b");
    assert_string_equal(copy.host, "printer");
    assert_int_equal(copy.address_count, 2);
    assert_int_equal(copy.addresses[0].ip[3], 9);
    assert_int_equal(copy.addresses[1].family, 6);
    spec_free(&copy);
}

TEST(test_specs_refused) {
    check_refused("http", "expected TYPE:PORT[/PROTO][,name=TEXT][,txt.KEY=TEXT][,origin=TEXT]…, got 'http'");
    check_refused("", "expected TYPE:PORT[/PROTO][,name=TEXT][,txt.KEY=TEXT][,origin=TEXT]…, got ''");
    check_refused(":1", "expected a service type such as http, got ''");
    check_refused("a_b:1", "expected a service type such as http, got 'a_b'");
    check_refused("http:", "expected a port from 1 to 65535, got ''");
    check_refused("http:0", "expected a port from 1 to 65535, got '0'");
    check_refused("http:65536", "expected a port from 1 to 65535, got '65536'");
    check_refused("http:1/", "expected tcp or udp, got ''");
    check_refused("http:1/UDP", "expected tcp or udp, got 'UDP'");
    check_refused("http:1,", "expected name=, txt.KEY=, origin=, host= or at=, got ''");
    check_refused("http:1,name", "expected name=, txt.KEY=, origin=, host= or at=, got 'name'");
    check_refused("http:1,path=/", "expected name=, txt.KEY=, origin=, host= or at=, got 'path='");
    check_refused("http:1,txt.=/", "expected a txt key that is not empty");
    check_refused("http:1,name=a,name=b", "expected name= only once");
    check_refused("http:1,txt.a=1,txt.a=2", "expected each txt key only once, got another 'a'");
    check_refused("http:1,host=a", "expected origin= beside host= and at=");
    check_refused("http:1,at=10.0.0.1", "expected origin= beside host= and at=");
    check_refused("http:1,origin=", "expected an origin that is not empty");
    check_refused("http:1,origin=a,origin=b", "expected an origin only once");
    check_refused("http:1,origin=a,at=nas", "expected an address in at=, got 'nas'");
    check_refused("http:1,origin=a,at=::2,at=::3,at=::4,at=::5,at=::6", "expected at= at most 4 times");
    static const char *const wrong[] = {"127.0.0.1", "0.0.0.0", "224.0.0.1", "fe80::1", "::ffff:10.0.0.1"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        char spec[64];
        char words[128];
        snprintf(spec, sizeof(spec), "http:1,origin=a,at=%s", wrong[i]);
        snprintf(words, sizeof(words),
                 "expected an address in at= that other hosts reach by any interface, got '%s'", wrong[i]);
        check_refused(spec, words);
    }
    check_refused("http:1,host=b,origin=a\x01", "expected an origin without control characters, got 'a\x01'");
    check_refused("http:1,origin=\xc3", "expected an origin in UTF-8, got '\xc3'");
    check_refused("http:1,origin=a,host=", "expected a host that is not empty");
    check_refused("http:1,origin=a,host=\xc3", "expected a host in UTF-8, got '\xc3'");
    check_refused("http:1,origin=a,host=0123456789012345678901234567890123456789012345678901234567890123",
                  "expected a host of at most 63 bytes, got 64");
    check_refused("http:1,name=\xc3", "expected a service name in UTF-8, got '\xc3'");
}

TEST(test_types) {
    static const char *const right[] = {"a", "http", "A1", "1a", "a-b-c", "fifteen-letters"};
    static const char *const wrong[] = {
        "", "1", "1-2", "-a", "a-", "a--b", "a_b", "a.b", "sixteen-letters-", "\xc3\xbc"};
    for (size_t i = 0; i < COUNT(right); i++) {
        assert_true(spec_is_type(right[i]));
    }
    for (size_t i = 0; i < COUNT(wrong); i++) {
        assert_false(spec_is_type(wrong[i]));
    }
}

TEST(test_text_limits) {
    struct reason reason;
    assert_int_equal(spec_check_text("a text", "", true, 2, &reason), 0);
    assert_int_equal(spec_check_text("a text", "", false, 2, &reason), -1);
    assert_string_equal(reason.text, "expected a text that is not empty");
    assert_int_equal(spec_check_text("a text", "\xc3\xbc", false, 2, &reason), 0);
    assert_int_equal(spec_check_text("a text", "\xc3\xbc.", false, 2, &reason), -1);
    assert_string_equal(reason.text, "expected a text of at most 2 bytes, got 3");
    static const char *const wrong[] = {"\x80",         "\xc0\x80",         "\xe0\x80\x80",
                                        "\xed\xa0\x80", "\xf4\x90\x80\x80", "a\xff"};
    for (size_t i = 0; i < COUNT(wrong); i++) {
        assert_int_equal(spec_check_text("a text", wrong[i], false, 9, &reason), -1);
    }
}

TEST(test_draft) {
    struct draft draft = {0};
    struct reason reason;
    assert_int_equal(draft_parse_name("nas", &draft, &reason), 0);
    assert_int_equal(draft_parse_service("http:80", &draft, &reason), 0);
    assert_int_equal(draft_parse_service("http:80/udp", &draft, &reason), 0);
    assert_int_equal(draft_parse_service("HTTP:80,name=b", &draft, &reason), -1);
    assert_string_equal(reason.text,
                        "expected each type, port and protocol only once, got another http:80/tcp");
    assert_int_equal(draft_parse_attr("room=cellar", &draft, &reason), 0);
    assert_int_equal(draft_parse_attr("room=attic", &draft, &reason), -1);
    assert_string_equal(reason.text, "expected each attribute only once, got another 'room'");
    assert_int_equal(draft_parse_attr("floor=attic=1", &draft, &reason), 0);
    assert_int_equal(draft_parse_attr("empty=", &draft, &reason), 0);

    struct muster_document document = draft_document(&draft);
    assert_string_equal(document.name, "nas");
    assert_int_equal(document.service_count, 2);
    assert_string_equal(document.services[0].proto, "tcp");
    assert_string_equal(document.services[1].proto, "udp");
    assert_int_equal(document.attr_count, 3);
    assert_string_equal(document.attrs[0].value, "cellar");
    assert_string_equal(document.attrs[1].value, "attic=1");
    assert_string_equal(document.attrs[2].value, "");
    draft_deinit(&draft);
}

TEST(test_attrs_and_names_refused) {
    struct draft draft = {0};
    struct reason reason;
    assert_int_equal(draft_parse_attr("room", &draft, &reason), -1);
    assert_string_equal(reason.text, "expected KEY=VALUE, got 'room'");
    assert_int_equal(draft_parse_attr("=cellar", &draft, &reason), -1);
    assert_string_equal(reason.text, "expected an attribute's key that is not empty");
    assert_int_equal(draft_parse_attr("room=\xff", &draft, &reason), -1);
    assert_int_equal(draft_parse_name("", &draft, &reason), -1);
    assert_null(draft.name);
    assert_int_equal(draft.attr_count, 0);
    draft_deinit(&draft);
}

/* Everything that allocates, once each. True when nothing failed. */
static bool exercise(void *context) {
    struct draft draft = {0};
    struct reason reason;
    (void)context;
    bool whole = draft_parse_name("nas", &draft, &reason) == 0 &&
                 draft_parse_service("http:80,name=a,txt.b=c,txt.d=e", &draft, &reason) == 0 &&
                 draft_parse_service("ipp:631", &draft, &reason) == 0 &&
                 draft_parse_attr("room=cellar", &draft, &reason) == 0;
    if (whole) {
        assert_int_equal(draft.service_count, 2);
        assert_string_equal(draft.attrs[0].value, "cellar");
    }
    draft_deinit(&draft);
    return whole;
}

TEST(test_memory) {
    fixture_exhaust_memory(exercise, NULL, 5);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shortest_spec),
        cmocka_unit_test(test_longest_spec),
        cmocka_unit_test(test_spec_of_what_was_brought),
        cmocka_unit_test(test_specs_refused),
        cmocka_unit_test(test_types),
        cmocka_unit_test(test_text_limits),
        cmocka_unit_test(test_draft),
        cmocka_unit_test(test_attrs_and_names_refused),
        cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
