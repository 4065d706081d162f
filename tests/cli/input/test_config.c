/* SPDX-License-Identifier: MIT */
/* Config files: what they say together, and what is said of bad ones. */
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config.h"
#include "config_file.h"
#include "fixture.h"

/* All errors of a config, a line each, paths without the directory. */
static char errors[65536];

static void on_error(const char *error, void *context) {
    const size_t length = strlen(errors);
    (void)context;
    for (const char *at; (at = strstr(error, fixture_directory)) != NULL;) {
        strncat(errors, error, (size_t)(at - error));
        error = at + strlen(fixture_directory) + 1;
    }
    strcat(errors, error);
    strcat(errors, "\n");
    assert_true(strlen(errors) > length && strlen(errors) < sizeof(errors) / 2);
}

static struct config begin(void) {
    errors[0] = '\0';
    return (struct config){.on_error = on_error};
}

static void write_bytes(const char *name, const char *bytes, size_t length) {
    const int fd = open(fixture_path(name), O_WRONLY | O_CREAT | O_TRUNC, 0644);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, length), length);
    close(fd);
}

static void write_file(const char *name, const char *text) {
    write_bytes(name, text, strlen(text));
}

static void check_refused_file(const char *name, const char *expected) {
    struct config config = begin();
    const char *path = fixture_path(name);
    assert_int_equal(config_read(&config, &path, 1), -1);
    assert_string_equal(errors, expected);
    config_deinit(&config);
}

static void check_refused(const char *text, const char *expected) {
    write_file("bad.json", text);
    check_refused_file("bad.json", expected);
}

TEST(test_one_file) {
    struct config config = begin();
    write_file(
        "one.json",
        "{\"schema\":1,\"name\":\"nas\",\"instance\":\"main\",\"interval\":\"500ms\",\"trust\":\"signed\","
        "\"interfaces\":[\"eth0\",\"wlan0\"],\"scope\":\"site\",\"port\":20000,\"peers\":[\"nas:1\",\"[fd00::"
        "1]\"],"
        "\"caches\":[\"a/#\",\"b\"],"
        "\"services\":[{\"type\":\"HTTP\",\"port\":80,\"proto\":\"udp\",\"name\":\"Front, door\","
        "\"txt\":{\"path\":\"/\",\"e\":\"\"}},{\"type\":\"ipp\",\"port\":65535}],"
        "\"attrs\":{\"room\":\"cellar\",\"=\":\"\"}}\n");
    const char *path = fixture_path("one.json");
    assert_int_equal(config_read(&config, &path, 1), 0);
    assert_string_equal(errors, "");
    assert_string_equal(config.draft.name, "nas");
    assert_string_equal(config.start.instance, "main");
    assert_int_equal(config.start.interval_ms, 500);
    assert_int_equal(config.start.trust, MUSTER_TRUST_SIGNED);
    assert_int_equal(config.start.interfaces.count, 2);
    assert_string_equal(config.start.interfaces.texts[1], "wlan0");
    assert_int_equal(config.start.peers.count, 2);
    assert_string_equal(config.start.peers.texts[1], "[fd00::1]");
    assert_int_equal(config.start.site_ttl, 16);
    assert_int_equal(config.start.port, 20000);
    assert_int_equal(config.start.caches.count, 2);
    assert_string_equal(config.start.caches.texts[0], "a/#");
    assert_int_equal(config.draft.service_count, 2);
    const struct muster_service *web = &config.draft.services[0];
    assert_string_equal(web->type, "http");
    assert_string_equal(web->proto, "udp");
    assert_string_equal(web->name, "Front, door");
    assert_int_equal(web->port, 80);
    assert_int_equal(web->txt_count, 2);
    assert_string_equal(web->txt[0].name, "path");
    assert_string_equal(web->txt[1].value, "");
    assert_string_equal(config.draft.services[1].proto, "tcp");
    assert_string_equal(config.draft.services[1].name, "");
    assert_int_equal(config.draft.attr_count, 2);
    assert_string_equal(config.draft.attrs[1].name, "=");
    assert_int_equal(config.file_count, 1);
    assert_string_equal(config.files[0].path, path);
    config_deinit(&config);
    assert_null(config.draft.name);
}

TEST(test_nothing) {
    struct config config = begin();
    assert_int_equal(config_read(&config, NULL, 0), 0);
    assert_null(config.draft.name);
    config_deinit(&config);
    mkdir(fixture_path("empty"), 0755);
    write_file("empty.json", " { } ");
    const char *paths[] = {fixture_path("empty"), fixture_path("empty.json")};
    config = begin();
    assert_int_equal(config_read(&config, paths, 2), 0);
    assert_null(config.draft.name);
    assert_int_equal(config.start.port, 0);
    config_deinit(&config);
}

/* Names in byte order, hidden and other files left out; what is said last counts. */
TEST(test_directory) {
    struct config config = begin();
    mkdir(fixture_path("conf.d"), 0755);
    write_file("conf.d/10.json",
               "{\"name\":\"ten\",\"port\":10,\"attrs\":{\"a\":\"1\"},\"interfaces\":[\"a\",\"b\"]}");
    write_file("conf.d/9.json", "{\"name\":\"nine\",\"interfaces\":[\"c\"],\"attrs\":{\"b\":\"2\"}}");
    write_file("conf.d/Z.json", "{\"interval\":\"1m\",\"services\":[{\"type\":\"a\",\"port\":1}]}");
    write_file("conf.d/\xc3\xa4.json", "{\"services\":[{\"type\":\"a\",\"port\":2}]}");
    write_file("conf.d/.hidden.json", "bad");
    write_file("conf.d/x.json~", "bad");
    write_file("conf.d/json", "bad");
    write_file("before.json", "{\"name\":\"before\",\"instance\":\"i\"}");
    const char *paths[] = {fixture_path("before.json"), fixture_path("conf.d/")};
    assert_int_equal(config_read(&config, paths, 2), 0);
    assert_string_equal(errors, "");
    assert_int_equal(config.file_count, 5);
    assert_string_equal(config.files[1].path, fixture_path("conf.d/10.json"));
    assert_string_equal(config.files[2].path, fixture_path("conf.d/9.json"));
    assert_string_equal(config.files[4].path, fixture_path("conf.d/\xc3\xa4.json"));
    assert_string_equal(config.draft.name, "nine");
    assert_string_equal(config.start.instance, "i");
    assert_int_equal(config.start.interval_ms, 60000);
    assert_int_equal(config.start.port, 10);
    assert_int_equal(config.start.interfaces.count, 1);
    assert_string_equal(config.start.interfaces.texts[0], "c");
    assert_int_equal(config.draft.service_count, 2);
    assert_int_equal(config.draft.services[1].port, 2);
    assert_int_equal(config.draft.attr_count, 2);
    config_deinit(&config);
}

TEST(test_syntax) {
    check_refused("", "bad.json:1:1: the text ends inside the value\n");
    check_refused("{\n  \"name\": \"nas\",\n}\n", "bad.json:3:1: not JSON: expected no comma before it\n");
    check_refused("{} // why\n", "bad.json:1:4: not JSON, which has no comments\n");
    check_refused("{\"name\": 'nas'}", "bad.json:1:10: not JSON: expected double quotes around a text\n");
    check_refused("{\"name\": \"nas\"\n \"port\": 1}",
                  "bad.json:2:2: not JSON: expected a comma before it\n");
    check_refused("{\"name\" 1}", "bad.json:1:9: not JSON\n");
    check_refused("\xef\xbb\xbf{}", "bad.json:1:1: not JSON\n");
    check_refused("{\"name\":\n \"\xff\"}", "bad.json:2:3: bytes that are not UTF-8\n");
    check_refused("{\"name\":\"\\u0000\"}", "bad.json:1:10: an escape that no text may hold\n");
    check_refused("{\"name\":\"a\",\n\"\\u006eame\":\"b\"}", "bad.json:2:1: a name that is there twice\n");
    check_refused("[[[[[[[[[]]]]]]]]]", "bad.json:1:9: nested too deep\n");
}

TEST(test_a_ttl_counts_wherever_it_stands) {
    static const char *const texts[] = {"{\"scope\":\"site\",\"ttl\":4}", "{\"ttl\":4,\"scope\":\"site\"}"};
    for (size_t i = 0; i < 2; i++) {
        struct config config = begin();
        write_file("ttl.json", texts[i]);
        const char *path = fixture_path("ttl.json");
        assert_int_equal(config_read(&config, &path, 1), 0);
        assert_string_equal(errors, "");
        assert_int_equal(config.start.site_ttl, 4);
        config_deinit(&config);
    }
}

TEST(test_values) {
    static const char *const cases[][2] = {
        {"[]", "bad.json:1:1: expected an object, got an array\n"},
        {" null", "bad.json:1:2: expected an object, got null\n"},
        {"{\"nam\":1}",
         "bad.json:1:8: nam: unknown, expected schema, name, instance, interval, trust, interfaces, "
         "scope, ttl, peers, port, caches, services or attrs\n"},
        {"{\"Name\":\"a\"}", "bad.json:1:9: Name: unknown, expected schema, name, instance, interval, trust, "
                             "interfaces, scope, ttl, peers, port, caches, services or attrs\n"},
        {"{\"scope\":\"site\",\"ttl\":0}", "bad.json:1:23: ttl: expected 1 to 255, got 0\n"},
        {"{\"scope\":\"site\",\"ttl\":256}", "bad.json:1:23: ttl: expected 1 to 255, got 256\n"},
        {"{\"ttl\":\"4\"}", "bad.json:1:8: ttl: expected 1 to 255, got a text\n"},
        {"{\"ttl\":4}", "bad.json:1:8: ttl: expected with scope site alone\n"},
        {"{\"ttl\":4,\"scope\":\"link\"}", "bad.json:1:8: ttl: expected with scope site alone\n"},
        {"{\"schema\":2}", "bad.json:1:11: schema: expected 1, the only version there is\n"},
        {"{\"name\":\"\"}", "bad.json:1:9: name: expected a name that is not empty\n"},
        {"{\"name\":1}", "bad.json:1:9: name: expected a text, got a number\n"},
        {"{\"name\":null}", "bad.json:1:9: name: expected a text, got null\n"},
        {"{\"instance\":\"\"}", "bad.json:1:13: instance: expected a name that is not empty\n"},
        {"{\"instance\":[]}", "bad.json:1:13: instance: expected a text, got an array\n"},
        {"{\"interval\":2}", "bad.json:1:13: interval: expected a text, got a number\n"},
        {"{\"interval\":\"99ms\"}",
         "bad.json:1:13: interval: expected a time from 100ms to 24h such as 5, 2.5s or 1m, got '99ms'\n"},
        {"{\"trust\":\"all\"}", "bad.json:1:10: trust: expected any, signed or pinned, got 'all'\n"},
        {"{\"interfaces\":\"eth0\"}", "bad.json:1:15: interfaces: expected an array, got a text\n"},
        {"{\"caches\":[\"a//b\"]}",
         "bad.json:1:12: caches[0]: a pattern has no empty level: two slashes in a row\n"},
        {"{\"interfaces\":[]}", "bad.json:1:15: interfaces: expected 1 to 32 interfaces, got 0\n"},
        {"{\"interfaces\":[\"a\",true]}",
         "bad.json:1:20: interfaces[1]: expected a text, got true or false\n"},
        {"{\"peers\":[\"fd00::1\"]}",
         "bad.json:1:11: peers[0]: expected HOST or HOST:PORT, got 'fd00::1': an address of IPv6 stands in "
         "brackets, [fd00::1]:19798\n"},
        {"{\"interfaces\":[\"!\"]}", "bad.json:1:16: interfaces[0]: expected an interface such as eth0, "
                                     "'eth*' or '!docker*', got '!'\n"},
        {"{\"interfaces\":[\"\"]}", "bad.json:1:16: interfaces[0]: expected an interface such as eth0, "
                                    "'eth*' or '!docker*', got ''\n"},
        {"{\"port\":0}", "bad.json:1:9: port: expected 1 to 65503, got 0\n"},
        {"{\"port\":65504}", "bad.json:1:9: port: expected 1 to 65503, got 65504\n"},
        {"{\"port\":\"80\"}", "bad.json:1:9: port: expected 1 to 65503, got a text\n"},
        {"{\"services\":{}}", "bad.json:1:13: services: expected an array, got an object\n"},
        {"{\"services\":[1]}", "bad.json:1:14: services[0]: expected an object, got a number\n"},
        {"{\"services\":[{}]}", "bad.json:1:14: services[0]: expected a type and a port\n"},
        {"{\"services\":[{\"type\":\"http\"}]}", "bad.json:1:14: services[0]: expected a type and a port\n"},
        {"{\"services\":[{\"port\":1}]}", "bad.json:1:14: services[0]: expected a type and a port\n"},
        {"{\"services\":[{\"type\":\"a_b\",\"port\":1}]}",
         "bad.json:1:22: services[0].type: expected a service type such as http, got 'a_b'\n"},
        {"{\"services\":[{\"type\":1,\"port\":1}]}",
         "bad.json:1:22: services[0].type: expected a text, got a number\n"},
        {"{\"services\":[{\"type\":\"a\",\"port\":70000}]}",
         "bad.json:1:33: services[0].port: expected 1 to 65535, got 70000\n"},
        {"{\"services\":[{\"type\":\"a\",\"port\":-1.5}]}",
         "bad.json:1:33: services[0].port: expected 1 to 65535, got -1.5\n"},
        {"{\"services\":[{\"type\":\"a\",\"port\":1,\"proto\":\"TCP\"}]}",
         "bad.json:1:43: services[0].proto: expected tcp or udp, got 'TCP'\n"},
        {"{\"services\":[{\"type\":\"a\",\"port\":1,\"proto\":6}]}",
         "bad.json:1:43: services[0].proto: expected a text, got a number\n"},
        {"{\"services\":[{\"type\":\"a\",\"port\":1,\"name\":6}]}",
         "bad.json:1:42: services[0].name: expected a text, got a number\n"},
        {"{\"services\":[{\"type\":\"a\",\"port\":1,\"txt\":[]}]}",
         "bad.json:1:41: services[0].txt: expected an object, got an array\n"},
        {"{\"services\":[{\"type\":\"a\",\"port\":1,\"txt\":{\"\":\"x\"}}]}",
         "bad.json:1:45: services[0].txt.: expected a txt key that is not empty\n"},
        {"{\"services\":[{\"type\":\"a\",\"port\":1,\"txt\":{\"a.b\":1}}]}",
         "bad.json:1:48: services[0].txt.a.b: expected a text, got a number\n"},
        {"{\"services\":[{\"type\":\"a\",\"port\":1,\"title\":\"x\"}]}",
         "bad.json:1:43: services[0].title: unknown, expected type, port, proto, name or txt\n"},
        {"{\"services\":[{\"type\":\"a\",\"port\":1},\n{\"port\":1,\"type\":\"A\"}]}",
         "bad.json:2:1: services[1]: expected each type, port and protocol only once, a:1/tcp is at "
         "bad.json:1:14: services[0] too\n"},
        {"{\"attrs\":[]}", "bad.json:1:10: attrs: expected an object, got an array\n"},
        {"{\"attrs\":{\"a\":1}}", "bad.json:1:15: attrs.a: expected a text, got a number\n"},
        {"{\"attrs\":{\"\":\"\"}}", "bad.json:1:14: attrs.: expected an attribute's key that is not empty\n"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        check_refused(cases[i][0], cases[i][1]);
    }
}

/* One run says all that is wrong, up to a bound. */
TEST(test_many_errors) {
    check_refused("{\n \"name\": 1,\n \"port\": 0,\n \"x\": {}\n}",
                  "bad.json:2:10: name: expected a text, got a number\n"
                  "bad.json:3:10: port: expected 1 to 65503, got 0\n"
                  "bad.json:4:7: x: unknown, expected schema, name, instance, interval, trust, interfaces, "
                  "scope, ttl, peers, "
                  "port, caches, services or attrs\n");
    char text[4096] = "{\"services\":[0";
    for (size_t i = 1; i < 1000; i++) {
        strcat(text, ",0");
    }
    strcat(text, "]}");
    write_file("bad.json", text);
    struct config config = begin();
    const char *path = fixture_path("bad.json");
    assert_int_equal(config_read(&config, &path, 1), -1);
    assert_int_equal(config.error_count, CONFIG_ERRORS_MAX + 1);
    assert_non_null(strstr(errors, "bad.json:1:52: services[19]: expected an object, got a number\n"
                                   "bad.json: 980 errors more\n"));
    config_deinit(&config);
}

/* What is not said costs no walk through a file: 8,000 attributes said twice are refused at once. */
TEST(test_many_twins) {
    char *text = malloc(CONFIG_FILE_BYTES_MAX);
    assert_non_null(text);
    char *at = text + sprintf(text, "{\"attrs\":{\"a\":\"\"");
    for (unsigned i = 0; i < 8000; i++) {
        at += sprintf(at, ",\"%u\":\"\"", i);
    }
    sprintf(at, "}}");
    write_file("twins.json", text);
    free(text);
    struct config config = begin();
    const char *path = fixture_path("twins.json");
    const char *paths[] = {path, path};
    assert_int_equal(config_read(&config, paths, 2), -1);
    assert_int_equal(config.error_count, CONFIG_ERRORS_MAX + 1);
    assert_non_null(strstr(errors, "twins.json: 7981 errors more\n"));
    config_deinit(&config);
}

/* A bad file does not hide the next one's errors. */
TEST(test_errors_of_two_files) {
    struct config config = begin();
    write_file("a.json", "{\n\"attrs\":{\"a\":\"1\"},\"services\":[{\"type\":\"x\",\"port\":1}]}");
    write_file("b.json",
               "{\"attrs\":{\n\"a\":\"1\",\"b\":\"2\"},\"services\":[{\"port\":1,\"type\":\"X\"}]}");
    const char *paths[] = {fixture_path("a.json"), fixture_path("none.json"), fixture_path("b.json")};
    assert_int_equal(config_read(&config, paths, 3), -1);
    assert_string_equal(errors, "none.json: cannot be read: No such file or directory\n"
                                "b.json:2:5: attrs.a: expected each attribute only once, it is at "
                                "a.json:2:14: attrs.a too\n"
                                "b.json:2:30: services[0]: expected each type, port and protocol only once, "
                                "x:1/tcp is at a.json:2:31: services[0] too\n");
    config_deinit(&config);
}

TEST(test_files) {
    write_file("open.json", "{}");
    chmod(fixture_path("open.json"), 0666);
    check_refused_file("open.json", "open.json: everybody may write to it, see chmod o-w\n");
    mkdir(fixture_path("open.d"), 0755);
    chmod(fixture_path("open.d"), 0777);
    check_refused_file("open.d", "open.d: everybody may write to it, see chmod o-w\n");
    assert_int_equal(mkfifo(fixture_path("fifo.json"), 0644), 0);
    check_refused_file("fifo.json", "fifo.json: expected a file, or a directory of files *.json\n");
    mkdir(fixture_path("outer.d"), 0755);
    mkdir(fixture_path("outer.d/inner.json"), 0755);
    check_refused_file("outer.d", "outer.d/inner.json: expected a file, or a directory of files *.json\n");
    assert_int_equal(symlink("nowhere", fixture_path("link.json")), 0);
    check_refused_file("link.json", "link.json: cannot be read: No such file or directory\n");
}

/* 200 services and more are a matter of who announces them. */
TEST(test_limits) {
    char *text = malloc(CONFIG_FILE_BYTES_MAX + 2);
    assert_non_null(text);
    char *at = text + sprintf(text, "{\"services\":[");
    for (unsigned i = 1; i <= 2000; i++) {
        at += sprintf(at, "%s{\"type\":\"http\",\"port\":%u}", i > 1 ? "," : "", i);
    }
    at += sprintf(at, "]}");
    memset(at, ' ', (size_t)(text + CONFIG_FILE_BYTES_MAX + 1 - at));

    struct config config = begin();
    const char *path = fixture_path("large.json");
    write_bytes("large.json", text, CONFIG_FILE_BYTES_MAX);
    assert_int_equal(config_read(&config, &path, 1), 0);
    assert_int_equal(config.draft.service_count, 2000);
    config_deinit(&config);
    write_bytes("large.json", text, CONFIG_FILE_BYTES_MAX + 1);
    check_refused_file("large.json", "large.json: expected at most 256 KiB\n");

    at = text + sprintf(text, "{\"x\":[0");
    for (unsigned i = 0; i < CONFIG_VALUES_MAX; i++) {
        at += sprintf(at, ",0");
    }
    sprintf(at, "]}");
    check_refused(text, "bad.json:1:32771: too many values\n");
    free(text);
}

static struct draft draft_of(const char *name, const char *service, const char *attr) {
    struct draft draft = {0};
    struct reason reason;
    assert_int_equal(draft_parse_name(name, &draft, &reason), 0);
    assert_int_equal(draft_parse_service(service, &draft, &reason), 0);
    assert_int_equal(draft_parse_attr(attr, &draft, &reason), 0);
    return draft;
}

TEST(test_options) {
    struct config config = begin();
    struct draft options = draft_of("option", "ipp:631,txt.a=b", "b=2");
    write_file("a.json",
               "{\"name\":\"file\",\"attrs\":{\"a\":\"1\"},\"services\":[{\"type\":\"x\",\"port\":1}]}");
    const char *path = fixture_path("a.json");
    assert_int_equal(config_read(&config, &path, 1), 0);
    assert_int_equal(config_add_options(&config, &options), 0);
    assert_string_equal(config.draft.name, "option");
    assert_int_equal(config.draft.service_count, 2);
    assert_string_equal(config.draft.services[1].type, "ipp");
    assert_int_equal(config.draft.attr_count, 2);
    assert_string_equal(config.draft.attrs[1].value, "2");
    config_deinit(&config);
    draft_deinit(&options);

    config = begin();
    options = draft_of("option", "X:1", "a=2");
    assert_int_equal(config_read(&config, &path, 1), 0);
    assert_int_equal(config_add_options(&config, &options), -1);
    assert_string_equal(errors,
                        "--service: expected each type, port and protocol only once, x:1/tcp is at "
                        "a.json:1:46: services[0] too\n"
                        "--attr: expected each attribute only once, 'a' is at a.json:1:29: attrs.a too\n");
    config_deinit(&config);
    draft_deinit(&options);
}

TEST(test_start_fill) {
    const struct start file = {
        .instance = "file", .interval_ms = 1, .interfaces = {1, {"a"}}, .port = 1, .caches = {1, {"a/#"}}};
    const struct start option = {.instance = "option",
                                 .interval_ms = 2,
                                 .interfaces = {2, {"b", "c"}},
                                 .port = 2,
                                 .caches = {2, {"b", "c"}}};
    struct start start = {0};
    start_fill(&start, &file);
    assert_memory_equal(&start, &file, sizeof(start));
    start = option;
    start_fill(&start, &file);
    assert_memory_equal(&start, &option, sizeof(start));
}

/* Everything that allocates. True when nothing failed. */
static bool exercise(void *options) {
    const char *const paths[] = {fixture_path("a.json"), fixture_path("b.json")};
    struct config config = begin();
    bool whole = config_read(&config, paths, 2) == 0;
    whole = config_add_options(&config, options) == 0 && whole;
    assert_int_equal(whole, errors[0] == '\0');
    config_deinit(&config);
    return whole;
}

TEST(test_memory) {
    struct draft options = draft_of("option", "ipp:631,txt.a=b", "b=2");
    write_file("a.json", "{\"name\":\"file\",\"attrs\":{\"a\":\"1\"},\"interfaces\":[\"eth0\"],"
                         "\"services\":[{\"type\":\"x\",\"port\":1,\"txt\":{\"a\":\"b\"}}]}");
    write_file("b.json", "{\"name\":\"file\",\"services\":[{\"type\":\"y\",\"port\":1,\"name\":\"y\"}]}");
    fixture_exhaust_memory(exercise, &options, 20);
    draft_deinit(&options);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_file),
        cmocka_unit_test(test_nothing),
        cmocka_unit_test(test_directory),
        cmocka_unit_test(test_syntax),
        cmocka_unit_test(test_a_ttl_counts_wherever_it_stands),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_many_errors),
        cmocka_unit_test(test_many_twins),
        cmocka_unit_test(test_errors_of_two_files),
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_options),
        cmocka_unit_test(test_start_fill),
        cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, fixture_make_directory, fixture_remove_directory);
}
