/* SPDX-License-Identifier: MIT */
/* What a node may announce of itself, and the lists of two documents compared. */
#include "announcement.h"

#include <string.h>

#include <muster/telemetry.h>

#include "countdown.h"
#include "lists.h"
#include "test.h"

static const struct muster_text txt[] = {{"path", "/"}};
static const struct muster_service services[] = {
    {.name = "web", .type = "http", .proto = "tcp", .port = 8080, .txt = txt, .txt_count = 1},
    {.name = NULL, .type = "ipp", .proto = "tcp", .port = 631},
};
static const struct muster_text attrs[] = {{"os", "debian"}};
static const struct muster_topic topics[] = {{.name = "kitchen", .unit = "Cel", .rate = 1}};
static const struct muster_text nameless_unit[] = {{NULL, "Cel"}};
static const char *const no_caches[] = {NULL};
static const struct muster_document whole = {.name = "box",
                                             .services = services,
                                             .service_count = 2,
                                             .attrs = attrs,
                                             .attr_count = 1,
                                             .topics = topics,
                                             .topic_count = 1};

/* `count` attributes of 200 bytes. */
static int check_attrs(size_t count, bool has_key, bool has_stream, size_t *bytes) {
    static char names[1000][MUSTER_ID_TEXT_BYTES];
    static struct muster_text many[1000];
    static char value[201];
    memset(value, 'x', 200);
    for (size_t i = 0; i < count; i++) {
        const uint8_t id[MUSTER_ID_BYTES] = {(uint8_t)(i >> 8), (uint8_t)i};
        muster_id_text(id, names[i]);
        many[i] = (struct muster_text){.name = names[i], .value = value};
    }
    const struct muster_document document = {.name = "box", .attrs = many, .attr_count = count};
    return muster_document_check(&document, has_key, has_stream, bytes);
}

/* ---- the check ---- */

TEST(what_fits_is_measured) {
    size_t plain;
    size_t with_key;
    assert_int_equal(muster_document_check(&whole, false, false, &plain), 0);
    assert_int_equal(muster_document_check(&whole, true, false, &with_key), 0);
    assert_int_equal(muster_document_check(&whole, true, true, NULL), 0);
    assert_true(plain > 400 && plain < MUSTER_ANNOUNCE_BYTES_MAX);
    assert_int_equal(with_key - plain, strlen(",\"key\":\"\",\"at\":\"\"{\"sig\":\"\"}\n") + 44 + 39 + 88);
}

TEST(what_breaks_a_rule_is_refused) {
    const struct muster_service bad_services[] = {{.type = "HTTP", .proto = "tcp", .port = 1},
                                                  {.type = "http", .proto = "tcp", .port = 0},
                                                  {.type = "http", .proto = "sctp", .port = 1},
                                                  {.type = NULL, .proto = "tcp", .port = 1},
                                                  {.type = "http", .proto = NULL, .port = 1}};
    const struct muster_text bad_attrs[] = {{NULL, "x"}, {"x", NULL}, {"", "x"}};
    const struct muster_document nameless = {.name = NULL};
    for (size_t i = 0; i < sizeof bad_services / sizeof *bad_services; i++) {
        const struct muster_document document = {
            .name = "box", .services = &bad_services[i], .service_count = 1};
        assert_int_equal(muster_document_check(&document, true, true, NULL), MUSTER_EINVAL);
    }
    for (size_t i = 0; i < sizeof bad_attrs / sizeof *bad_attrs; i++) {
        const struct muster_document document = {.name = "box", .attrs = &bad_attrs[i], .attr_count = 1};
        assert_int_equal(muster_document_check(&document, true, true, NULL), MUSTER_EINVAL);
    }
    assert_int_equal(muster_document_check(&nameless, true, true, NULL), MUSTER_EINVAL);
}

TEST(only_a_key_and_a_stream_allow_a_large_document) {
    size_t bytes = 7;
    assert_int_equal(check_attrs(3, false, false, NULL), 0);
    assert_int_equal(check_attrs(5, false, true, &bytes), MUSTER_ETOOBIG);
    assert_int_equal(check_attrs(5, true, false, &bytes), MUSTER_ETOOBIG);
    assert_int_equal(bytes, 7);
    assert_int_equal(check_attrs(5, true, true, &bytes), 0);
    assert_true(bytes < MUSTER_ANNOUNCE_BYTES_MAX);
    assert_int_equal(check_attrs(1000, true, true, NULL), MUSTER_ETOOBIG);
}

TEST(an_announcement_holds_what_was_read) {
    struct announcement announcement;
    struct message who = {.document = whole, .boot = 42};
    assert_int_equal(announcement_init(&announcement, &who, NULL, MUSTER_ANNOUNCE_BYTES_MAX), 0);
    const struct muster_document *document = &announcement.message.document;
    assert_ptr_not_equal(document->services, services);
    assert_true(lists_are_equal(document, &whole));
    assert_true(lists_are_topics_equal(document->topics, document->topic_count, topics, 1));
    assert_int_equal(announcement.message.sent[muster_topic_shard("kitchen")], MUSTER_INTEGER_MAX);
    assert_null(announcement.body);
    announcement_deinit(&announcement);
    announcement_deinit(&announcement);
}

TEST(want_of_memory_is_told) {
    for (size_t count = 1; count <= 6; count += 5) { /* small and large */
        unsigned long n = 1;
        int error = MUSTER_ENOMEM;
        for (; error != 0; n++) {
            countdown_set(n);
            error = check_attrs(count, true, true, NULL);
            bool has_failed = countdown_has_failed();
            countdown_set(0);
            assert_int_equal(error, has_failed ? MUSTER_ENOMEM : 0);
        }
        assert_true(n > 10);
    }
}

/* ---- comparing ---- */

TEST(one_difference_makes_services_differ) {
    const struct muster_text other_txt[] = {{"path", "/x"}};
    struct muster_service others[] = {services[0], services[0], services[0], services[0], services[0]};
    others[0].port = 1;
    others[1].type = "ipp";
    others[2].proto = "udp";
    others[3].name = "";
    others[4].txt = other_txt;
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(muster_service_is_same(&services[0], &others[i]), i >= 3);
        assert_false(lists_are_services_equal(&services[0], &others[i]));
    }
    others[3] = services[1];
    others[3].name = "";
    assert_true(lists_are_services_equal(&services[1], &others[3]));
    assert_int_equal(lists_find_service(services, 2, &others[3]), 1);
    assert_int_equal(lists_find_service(services, 2, &others[0]), 2);
}

/* Many hosts of an origin may offer the same, and one host may have two of one port. */
TEST(a_service_of_an_origin_is_known_by_host_and_name_too) {
    const struct muster_endpoint at[] = {{.family = 4, .ip = {10, 0, 0, 7}},
                                         {.family = 4, .ip = {10, 0, 0, 8}}};
    const struct muster_service brought = {.name = "a",
                                           .type = "ipp",
                                           .proto = "tcp",
                                           .port = 631,
                                           .origin = "dnssd",
                                           .host = "print",
                                           .addresses = at,
                                           .address_count = 1};
    struct muster_service others[] = {brought, brought, brought, brought, brought, brought};
    others[0].origin = "";
    others[1].host = NULL;
    others[2].name = "b";
    others[3].addresses = &at[1];
    others[4].address_count = 0;
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(muster_service_is_same(&brought, &others[i]), i >= 3);
        assert_false(lists_are_services_equal(&brought, &others[i]));
    }
    assert_true(lists_are_services_equal(&brought, &others[5]));
}

TEST(a_service_is_called_by_its_offerer) {
    const struct muster_peer bridge = {.document = {.name = "bridge"}};
    const struct muster_service own = {.host = "x"};
    const struct muster_service brought = {.origin = "dnssd", .host = "print"};
    const struct muster_service bare = {.origin = "site-b"};
    char text[MUSTER_OFFERER_BYTES];
    assert_string_equal(muster_service_offerer(&bridge, &own, text), "bridge");
    assert_string_equal(muster_service_offerer(&bridge, &brought, text), "print~dnssd");
    assert_string_equal(muster_service_offerer(&bridge, &bare, text), "bridge~site-b");
}

TEST(a_service_is_reached_at_its_own_addresses_or_its_peers) {
    const struct muster_endpoint at[] = {{.family = 4, .ip = {10, 0, 0, 7}}, {.family = 6, .ip = {0xfd, 7}}};
    const struct muster_peer peer = {.address = {.family = 4, .ip = {10, 0, 0, 1}, .port = 19798},
                                     .other_address = {.family = 6, .ip = {0xfd, 1}, .port = 19798}};
    struct muster_service service = {.port = 631, .origin = "a", .addresses = at, .address_count = 2};
    struct muster_endpoint got[MUSTER_SERVICE_ADDRESSES_MAX];
    assert_int_equal(muster_service_endpoints(&peer, &service, got), 2);
    assert_int_equal(got[0].ip[3], 7);
    assert_int_equal(got[1].ip[1], 7);
    assert_int_equal(got[1].port, 631);
    service.address_count = 0;
    assert_int_equal(muster_service_endpoints(&peer, &service, got), 2);
    assert_int_equal(got[0].ip[3], 1);
    assert_int_equal(got[1].ip[1], 1);
    assert_int_equal(got[0].port, 631);
    assert_int_equal(muster_service_endpoints(&(struct muster_peer){0}, &service, got), 0);
}

TEST(one_difference_makes_documents_differ) {
    const struct muster_text other_attrs[] = {{"os", "x"}};
    struct muster_document others[] = {whole, whole, whole};
    others[0].service_count = 1;
    others[1].attrs = other_attrs;
    others[2].attr_count = 0;
    for (size_t i = 0; i < 3; i++) {
        assert_false(lists_are_equal(&whole, &others[i]));
    }
    assert_true(lists_are_equal(&whole, &whole));
}

TEST(one_difference_makes_topics_differ) {
    const struct muster_text units[] = {{"t", "Cel"}};
    struct muster_topic others[] = {topics[0], topics[0], topics[0], topics[0], topics[0]};
    others[0].name = "cellar";
    others[1].unit = NULL;
    others[2].rate = 2;
    others[3].units = units;
    others[3].unit_count = 1;
    others[4].origin = "site-b";
    for (size_t i = 0; i < 5; i++) {
        assert_false(lists_are_topics_equal(topics, 1, &others[i], 1));
    }
    assert_false(lists_are_topics_equal(topics, 1, topics, 0));
}

TEST(a_program_may_leave_out_what_it_must_not) {
    const struct muster_topic nameless[] = {{.unit = "Cel"}};
    const struct muster_topic without_unit[] = {{.name = "kitchen", .units = nameless_unit, .unit_count = 1}};
    assert_true(lists_are_complete(&whole));
    assert_false(lists_are_complete(&(struct muster_document){.services = services}));
    assert_false(
        lists_are_complete(&(struct muster_document){.name = "a", .attrs = nameless_unit, .attr_count = 1}));
    assert_false(
        lists_are_complete(&(struct muster_document){.name = "a", .caches = no_caches, .cache_count = 1}));
    assert_false(lists_are_complete(&(struct muster_document){.attrs = attrs, .attr_count = 1}));
    assert_false(
        lists_are_complete(&(struct muster_document){.name = "a", .topics = nameless, .topic_count = 1}));
    assert_false(lists_are_topics_complete(nameless, 1));
    assert_false(lists_are_topics_complete(without_unit, 1));
}

int main(void) {
    return test_run(NULL, NULL);
}
