/* SPDX-License-Identifier: MIT */
/* What a node knows, as metrics: compared with files, which freeze every name and HELP. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <muster/muster.h>

#include "fixture.h"
#include "metrics.h"
#include "replace.h"
#include "scrape.h"

static const struct muster_topic topics[] = {
    {.name = "kitchen/climate", .rate = 2}, {.name = "door"}, {.name = "kitchen/climate", .rate = 3}};

/* The most recent first: an address that changed has two of one path. */
static const struct muster_tuple tuples[] = {
    {.interface_name = "eth0", .path = MUSTER_PATH_M4, .loss = 0.125},
    {.interface_name = "eth0", .path = MUSTER_PATH_U4, .loss = 1},
    {.interface_name = "eth0", .path = MUSTER_PATH_B4, .loss = 0},
    {.interface_name = "eth1", .path = MUSTER_PATH_M4, .loss = 0.5},
    {.interface_name = "eth0", .path = MUSTER_PATH_M4, .loss = 0.75},
};

static struct muster_peer peers[] = {
    {.id = {0xab}, .verified = true, .self = true, .document = {.name = "nas"}},
    {.id = {0x22}, .document = {.name = "no \"key\"\\\n"}, .age_ms = 0},
    {.id = {0x11},
     .verified = true,
     .state = MUSTER_SUSPECT,
     .document = {.name = "thermo", .topics = topics, .topic_count = COUNT(topics)},
     .loss = 0.25,
     .received = 8,
     .age_ms = 1500,
     .tuples = tuples,
     .tuple_count = COUNT(tuples)},
    {.id = {0x33}, .verified = true, .state = MUSTER_LOST, .document = {.name = "gone"}},
};
static const struct muster_peer_list rows = {.peers = peers, .count = COUNT(peers)};

static const struct muster_socket sockets[] = {
    {.protocol = "unix"},
    {.protocol = "udp", .interface_name = "eth0", .kernel_drops = 1, .queue_drops = 2},
    {.protocol = "udp", .interface_name = "eth0", .kernel_drops = 10, .failed = 3, .unreached = 4},
    {.protocol = "tcp", .unicast_drops = 5},
};

/* Of the first publisher an earlier start is still known. */
static const struct muster_feed feeds[] = {
    {.id = {0x11}, .boot = 1, .shard = 3, .received = 1000},
    {.id = {0x11}, .boot = 2, .shard = 3, .received = 7, .lost_wire = 1, .lost_gone = 2, .lost_kernel = 3},
    {.id = {0x11}, .boot = 1, .shard = 4, .received = 8, .lost_program = 4},
};

static struct muster_self node(void) {
    struct muster_self self = {.peer = peers[0],
                               .version = "1.2.3",
                               .sockets = sockets,
                               .socket_count = COUNT(sockets),
                               .feeds = feeds,
                               .feed_count = COUNT(feeds),
                               .counters = {.received = 100, .accepted = 80, .copies = 15, .sent = 60},
                               .sender = {.datagrams = 9, .bytes = 900, .naks = 2}};
    self.counters.drops[MUSTER_DROP_TTL] = 5;
    return self;
}

/* What is written of the node and these rows; the caller frees it. */
static char *text_of(enum exposition_format format, const struct muster_peer_list *list) {
    const struct muster_self self = node();
    char *text;
    size_t length;
    FILE *out = open_memstream(&text, &length);
    assert_non_null(out);
    metrics_write(out, format, &self, list);
    fclose(out);
    return text;
}

static void check(const char *name, enum exposition_format format) {
    char *text = text_of(format, &rows);
    golden_check(name, text);
    free(text);
}

TEST(test_text) {
    check(CLI_TESTS_DIR "/metrics/metrics.prom", EXPOSITION_TEXT);
}

TEST(test_openmetrics) {
    check(CLI_TESTS_DIR "/metrics/metrics.openmetrics", EXPOSITION_OPENMETRICS);
}

/* Strangers make up as many peers as they like: those with a key have room. */
TEST(test_peers_are_bounded) {
    const size_t count = METRICS_PEERS_MAX + 2;
    struct muster_peer *many = calloc(count, sizeof(*many));
    const struct muster_peer_list list = {.peers = many, .count = count};
    size_t lines = 0;
    for (size_t i = 0; i < count; i++) {
        memcpy(many[i].id, &i, sizeof(i));
        many[i].document.name = i + 1 == count ? "last" : "";
        many[i].verified = i + 1 == count;
        many[i].received = 1;
    }
    char *text = text_of(EXPOSITION_TEXT, &list);
    assert_non_null(strstr(text, "name=\"last\""));
    for (const char *at = text; (at = strstr(at, "\nmuster_peer_loss_ratio{")) != NULL; at++) {
        lines++;
    }
    assert_int_equal(lines, METRICS_PEERS_MAX);
    free(text);
    free(many);
}

/* ---- where they go ---- */

TEST(test_a_file_is_replaced) {
    const char *path = fixture_path("muster.prom");
    char text[64] = "";
    assert_int_equal(replace_file(path, "the old text, which is longer\n", 30), 0);
    assert_int_equal(replace_file(path, "new\n", 4), 0);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_int_equal(fread(text, 1, sizeof(text) - 1, file), 4);
    fclose(file);
    assert_string_equal(text, "new\n");
    assert_int_equal(replace_file(fixture_path("no/directory.prom"), "new\n", 4), ENOENT);
}

/* What else has the name stays: as root, /dev/null would be a regular file from then on. */
TEST(test_other_files_are_not_replaced) {
    char *path = fixture_path("other");
    struct stat found;
    assert_int_equal(mkdir(path, 0755), 0);
    assert_int_equal(replace_file(path, "new\n", 4), EEXIST);
    rmdir(path);
    assert_int_equal(symlink("/dev/null", path), 0);
    assert_int_equal(replace_file(path, "new\n", 4), EEXIST);
    assert_int_equal(lstat(path, &found), 0);
    assert_true(S_ISLNK(found.st_mode));
    unlink(path);
}

/* To open a pipe that nobody reads would wait for ever. */
TEST(test_a_pipe_in_the_way) {
    char *aside = fixture_path("");
    snprintf(strchr(aside, '\0'), 64, ".muster.prom.%ld", (long)getpid());
    assert_int_equal(mkfifo(aside, 0600), 0);
    assert_int_equal(replace_file(fixture_path("muster.prom"), "new\n", 4), 0);
    assert_int_equal(access(aside, F_OK), -1);
}

TEST(test_addresses) {
    static const struct {
        const char *text;
        int family;
        uint16_t port;
    } good[] = {{"9797", AF_INET, 9797},
                {"0", AF_INET, 0},
                {"127.0.0.1:65535", AF_INET, 65535},
                {"127.9.9.9:1", AF_INET, 1},
                {"[::1]:9797", AF_INET6, 9797}};
    static const char *const bad[] = {
        "",          ":9797",       "x",           "65536",      "0.0.0.0:9797", "10.0.0.1:1",
        "[::]:9797", "[fe80::1]:1", "localhost:1", "127.0.0.1:", "[::1]9797",    "[]:1"};
    union scrape_address address;
    struct reason reason;
    for (size_t i = 0; i < COUNT(good); i++) {
        assert_int_equal(scrape_parse(good[i].text, &address, &reason), 0);
        assert_int_equal(address.any.sa_family, good[i].family);
        assert_int_equal(ntohs(address.v4.sin_port), good[i].port);
    }
    for (size_t i = 0; i < COUNT(bad); i++) {
        assert_int_equal(scrape_parse(bad[i], &address, &reason), -1);
        assert_non_null(strstr(reason.text, "expected"));
    }
}

TEST(test_hosts_of_requests) {
    static const char *const good[] = {"localhost",    "LocalHost:9797", "127.0.0.1", "127.0.0.1:9797",
                                       "127.1.2.3:80", "[::1]",          "[::1]:9797"};
    static const char *const bad[] = {"",
                                      "::1",
                                      "[::2]:9797",
                                      "10.0.0.1:9797",
                                      "0.0.0.0:9797",
                                      "evil.example:9797",
                                      "localhost.evil.example",
                                      "127.0.0.1.evil.example",
                                      "[::1]evil.example",
                                      "a-name-that-is-longer-than-any-address-of-the-loopback-can-be"};
    for (size_t i = 0; i < COUNT(good); i++) {
        assert_true(scrape_is_for_loopback(good[i]));
    }
    for (size_t i = 0; i < COUNT(bad); i++) {
        assert_false(scrape_is_for_loopback(bad[i]));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_openmetrics),
        cmocka_unit_test(test_peers_are_bounded),
        cmocka_unit_test(test_a_file_is_replaced),
        cmocka_unit_test(test_other_files_are_not_replaced),
        cmocka_unit_test(test_a_pipe_in_the_way),
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_hosts_of_requests),
    };
    return cmocka_run_group_tests(tests, fixture_make_directory, fixture_remove_directory);
}
