/* SPDX-License-Identifier: MIT */
/* The cheap checks, each by a datagram that only it refuses, and the rates. */
#include "admission.h"

#include <string.h>

#include "cmocka_all.h"
#include "group.h"

#define INTERFACE 7
#define OTHER_INTERFACE 8
#define PORT 19797

static struct rates rates;
static struct paths paths;
static const uint8_t bytes[MUSTER_DATAGRAM_BYTES_MAX + 1] = "{";

static int begin(void **state) {
    (void)state;
    static const struct muster_path items[] = {
        {.interface = INTERFACE, .kind = MUSTER_PATH_M4, .name = "eth0"},
        {.interface = OTHER_INTERFACE, .kind = MUSTER_PATH_B4, .name = "eth1"}};
    memset(&rates, 0, sizeof rates);
    memset(&paths, 0, sizeof paths);
    return paths_set(&paths, items, 2);
}

/* One that is admitted: to the group, from 10.0.0.host. */
static struct muster_datagram datagram_from(uint8_t host, uint16_t port) {
    return (struct muster_datagram){.bytes = bytes,
                                    .length = 100,
                                    .source = {.family = 4, .ip = {10, 0, 0, host}, .port = port},
                                    .destination = group_control(MUSTER_PATH_M4, GROUP_LINK, PORT),
                                    .interface = INTERFACE,
                                    .ttl = MUSTER_TTL};
}

static int end(void **state) {
    (void)state;
    rates_deinit(&rates);
    return 0;
}

static bool is_admitted(const struct muster_datagram *datagram, uint64_t now_ms) {
    enum muster_drop reason;
    return admission_check(&rates, &paths, datagram, now_ms, &reason);
}

static void check_refused(const struct muster_datagram *datagram, enum muster_drop expected) {
    enum muster_drop reason = MUSTER_DROP_COUNT;
    assert_false(admission_check(&rates, &paths, datagram, 1000, &reason));
    assert_string_equal(muster_drop_name(reason), muster_drop_name(expected));
}

/* ---- one check at a time ---- */

static void a_good_one_is_admitted(void **state) {
    (void)state;
    struct muster_datagram datagram = datagram_from(1, 19798);
    assert_true(is_admitted(&datagram, 1000));
    datagram.length = 1;
    assert_true(is_admitted(&datagram, 1000));
    datagram.length = MUSTER_DATAGRAM_BYTES_MAX;
    assert_true(is_admitted(&datagram, 1000));
}

static void its_length_is_bounded(void **state) {
    (void)state;
    struct muster_datagram datagram = datagram_from(1, 19798);
    datagram.length = MUSTER_DATAGRAM_BYTES_MAX + 1;
    check_refused(&datagram, MUSTER_DROP_TOO_LONG);
    datagram.length = 0;
    check_refused(&datagram, MUSTER_DROP_TRUNCATED);
}

static void its_first_byte_tells_the_format(void **state) {
    (void)state;
    for (unsigned first = 0; first < 256; first++) {
        uint8_t byte = (uint8_t)first;
        struct muster_datagram datagram = datagram_from(1, 19798);
        datagram.bytes = &byte;
        datagram.length = 1;
        if (byte == '{') {
            assert_true(is_admitted(&datagram, 1000));
        } else {
            check_refused(&datagram, byte == 1 ? MUSTER_DROP_SEALED : MUSTER_DROP_FORMAT);
        }
    }
}

static void it_comes_by_a_path_of_ours(void **state) {
    (void)state;
    struct muster_datagram datagram = datagram_from(1, 19798);
    datagram.interface = OTHER_INTERFACE; /* has no multicast */
    check_refused(&datagram, MUSTER_DROP_PATH);
    datagram.destination = group_control(MUSTER_PATH_B4, GROUP_LINK, PORT);
    assert_true(is_admitted(&datagram, 1000));
    datagram.interface = INTERFACE; /* has no broadcast */
    check_refused(&datagram, MUSTER_DROP_PATH);
    datagram.destination = (struct muster_endpoint){.family = 4, .ip = {10, 0, 0, 9}, .port = 19798};
    assert_true(is_admitted(&datagram, 1000));
    datagram.interface = OTHER_INTERFACE;
    assert_true(is_admitted(&datagram, 1000));
    datagram.interface = 9;
    check_refused(&datagram, MUSTER_DROP_PATH);
}

/* It would be asked there. */
static void its_source_can_be_a_host(void **state) {
    (void)state;
    static const uint8_t ips[][4] = {{0, 0, 0, 0}, {224, 0, 0, 254}, {255, 255, 255, 255}, {127, 0, 0, 1}};
    for (size_t i = 0; i < sizeof ips / sizeof *ips; i++) {
        struct muster_datagram datagram = datagram_from(1, 19798);
        memcpy(datagram.source.ip, ips[i], sizeof ips[i]);
        check_refused(&datagram, MUSTER_DROP_SOURCE);
    }
    struct muster_datagram datagram = datagram_from(1, 0);
    check_refused(&datagram, MUSTER_DROP_SOURCE);
}

static void the_loopback_alone_brings_its_addresses(void **state) {
    (void)state;
    static const struct muster_path items[] = {{.interface = 1,
                                                .kind = MUSTER_PATH_M4,
                                                .name = "lo",
                                                .address = {.family = 4, .ip = {127, 0, 0, 1}}},
                                               {.interface = INTERFACE,
                                                .kind = MUSTER_PATH_M4,
                                                .name = "eth0",
                                                .address = {.family = 4, .ip = {10, 0, 0, 9}}}};
    assert_int_equal(paths_set(&paths, items, 2), 0);
    struct muster_datagram datagram = datagram_from(1, 19798);
    datagram.source.ip[0] = 127;
    check_refused(&datagram, MUSTER_DROP_SOURCE);
    datagram.interface = 1;
    assert_true(is_admitted(&datagram, 1000));
}

static void a_network_of_ours_has_a_broadcast_address(void **state) {
    (void)state;
    struct muster_path path = {.interface = INTERFACE,
                               .kind = MUSTER_PATH_M4,
                               .name = "eth0",
                               .address = {.family = 4, .ip = {10, 0, 0, 9}},
                               .prefix_bits = 24};
    struct muster_datagram datagram = datagram_from(255, 19798);
    assert_int_equal(paths_set(&paths, &path, 1), 0);
    check_refused(&datagram, MUSTER_DROP_SOURCE);
    path.prefix_bits = 16; /* 10.0.255.255 */
    assert_int_equal(paths_set(&paths, &path, 1), 0);
    assert_true(is_admitted(&datagram, 1000));
    datagram.source.ip[2] = 255;
    check_refused(&datagram, MUSTER_DROP_SOURCE);
    path.address.ip[3] = datagram.source.ip[3] = 1;
    path.address.ip[2] = datagram.source.ip[2] = 0;
    path.prefix_bits = 31; /* two hosts, and no broadcast */
    assert_int_equal(paths_set(&paths, &path, 1), 0);
    assert_true(is_admitted(&datagram, 1000));
}

static void it_passed_no_router(void **state) {
    (void)state;
    struct muster_datagram datagram = datagram_from(1, 19798);
    datagram.ttl = 254;
    check_refused(&datagram, MUSTER_DROP_TTL);
    datagram.ttl = 0;
    check_refused(&datagram, MUSTER_DROP_TTL);
}

/* Of a site: but a broadcast passes no router. */
static void a_whole_site_may_be_behind_routers(void **state) {
    (void)state;
    struct muster_datagram datagram = datagram_from(1, 19798);
    const struct muster_path items[] = {{.interface = INTERFACE, .kind = MUSTER_PATH_M4, .name = "eth0"},
                                        {.interface = INTERFACE, .kind = MUSTER_PATH_B4, .name = "eth0"}};
    datagram.ttl = 12;
    paths.is_site = true;
    assert_int_equal(paths_set(&paths, items, 2), 0);
    assert_true(is_admitted(&datagram, 1000));
    datagram.destination = group_control(MUSTER_PATH_B4, GROUP_LINK, PORT);
    check_refused(&datagram, MUSTER_DROP_TTL);
}

static void the_first_fault_is_the_reason(void **state) {
    (void)state;
    struct muster_datagram datagram = datagram_from(1, 19798);
    const uint8_t text = 'x';
    const uint8_t sealed = 1;
    datagram.ttl = 1;
    datagram.source.port = 0;
    check_refused(&datagram, MUSTER_DROP_SOURCE);
    datagram.interface = 9;
    check_refused(&datagram, MUSTER_DROP_PATH);
    datagram.bytes = &text;
    datagram.length = 1;
    check_refused(&datagram, MUSTER_DROP_FORMAT);
    datagram.bytes = &sealed;
    check_refused(&datagram, MUSTER_DROP_SEALED);
    datagram.length = 0;
    check_refused(&datagram, MUSTER_DROP_TRUNCATED);
}

/* ---- rates ---- */

/* How many of them are admitted at once. */
static unsigned admitted(uint8_t host, uint16_t port, unsigned count, uint64_t now_ms) {
    struct muster_datagram datagram = datagram_from(host, port);
    unsigned taken = 0;
    for (unsigned i = 0; i < count; i++) {
        taken += is_admitted(&datagram, now_ms);
    }
    return taken;
}

static void a_source_may_burst(void **state) {
    (void)state;
    assert_int_equal(admitted(1, 19798, 1000, 1000), MUSTER_SOURCE_BURST);
    struct muster_datagram datagram = datagram_from(1, 19798);
    check_refused(&datagram, MUSTER_DROP_FLOOD);
}

static void a_source_is_refilled(void **state) {
    (void)state;
    admitted(1, 19798, 1000, 1000);
    assert_int_equal(admitted(1, 19798, 10, 1009), 0);
    assert_int_equal(admitted(1, 19798, 10, 1010), 1); /* 100 a second */
    assert_int_equal(admitted(1, 19798, 1000, 2010), MUSTER_SOURCE_RATE);
    assert_int_equal(admitted(1, 19798, 1000, 1000000), MUSTER_SOURCE_BURST); /* and no more */
}

static void sources_do_not_share(void **state) {
    (void)state;
    admitted(1, 19798, 1000, 1000);
    assert_int_equal(admitted(1, 19799, 1000, 1000), MUSTER_SOURCE_BURST);
    assert_int_equal(admitted(2, 19798, 1000, 1000), MUSTER_SOURCE_BURST);
}

/* By all its ports together; each by itself keeps within its own bounds. */
static unsigned admitted_by_ports(uint8_t host, unsigned each, uint64_t now_ms) {
    unsigned taken = 0;
    for (uint16_t port = 20000; port < 20040; port++) {
        taken += admitted(host, port, each, now_ms);
    }
    return taken;
}

static void an_address_may_burst(void **state) {
    (void)state;
    assert_int_equal(admitted_by_ports(1, 200, 1000), MUSTER_ADDRESS_BURST);
    struct muster_datagram datagram = datagram_from(1, 20100);
    check_refused(&datagram, MUSTER_DROP_FLOOD);
    assert_int_equal(admitted(2, 20000, 1, 1000), 1);
}

/* Data of an address that floods leaves its control messages alone, and the other way round. */
static void telemetry_has_tokens_of_its_own(void **state) {
    struct muster_datagram datagram = datagram_from(1, 19798);
    enum muster_drop reason;
    unsigned taken = 0;
    (void)state;
    for (unsigned i = 0; i < 2 * MUSTER_ADDRESS_BURST; i++) {
        taken += (unsigned)admission_allows_telemetry(&rates, &datagram.source, 1000, &reason);
    }
    assert_int_equal(taken, MUSTER_ADDRESS_BURST);
    assert_int_equal(admitted(1, 19798, 1, 1000), 1);
    admitted_by_ports(2, 200, 1000);
    datagram = datagram_from(2, 19798);
    assert_true(admission_allows_telemetry(&rates, &datagram.source, 1000, &reason));
}

static void an_address_is_refilled(void **state) {
    (void)state;
    admitted_by_ports(1, 200, 1000);
    assert_int_equal(admitted_by_ports(1, 1, 1001), 2); /* 2000 a second */
    assert_int_equal(admitted_by_ports(1, 60, 2001), MUSTER_ADDRESS_RATE);
    assert_int_equal(admitted_by_ports(1, 200, 1000000), MUSTER_ADDRESS_BURST);
}

/* ---- names ---- */

static void every_reason_has_a_name_and_a_meaning(void **state) {
    (void)state;
    for (int i = 0; i < MUSTER_DROP_COUNT; i++) {
        assert_true(strlen(muster_drop_meaning((enum muster_drop)i)) > 0);
        assert_string_not_equal(muster_drop_name((enum muster_drop)i), "");
        for (int k = 0; k < i; k++) {
            assert_string_not_equal(muster_drop_name((enum muster_drop)i),
                                    muster_drop_name((enum muster_drop)k));
        }
    }
    assert_string_equal(muster_drop_name(MUSTER_DROP_TOO_LONG), "too_long");
    assert_string_equal(muster_drop_name(MUSTER_DROP_COUNT), "unknown");
    assert_string_equal(muster_drop_meaning(MUSTER_DROP_COUNT), "unknown");
}

int main(void) {
#define ADMISSION_TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        ADMISSION_TEST(a_good_one_is_admitted),
        ADMISSION_TEST(its_length_is_bounded),
        ADMISSION_TEST(its_first_byte_tells_the_format),
        ADMISSION_TEST(it_comes_by_a_path_of_ours),
        ADMISSION_TEST(its_source_can_be_a_host),
        ADMISSION_TEST(a_network_of_ours_has_a_broadcast_address),
        ADMISSION_TEST(the_loopback_alone_brings_its_addresses),
        ADMISSION_TEST(it_passed_no_router),
        ADMISSION_TEST(a_whole_site_may_be_behind_routers),
        ADMISSION_TEST(the_first_fault_is_the_reason),
        ADMISSION_TEST(a_source_may_burst),
        ADMISSION_TEST(a_source_is_refilled),
        ADMISSION_TEST(sources_do_not_share),
        ADMISSION_TEST(an_address_may_burst),
        ADMISSION_TEST(telemetry_has_tokens_of_its_own),
        ADMISSION_TEST(an_address_is_refilled),
        ADMISSION_TEST(every_reason_has_a_name_and_a_meaning),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
