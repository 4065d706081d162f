/* SPDX-License-Identifier: MIT */
/* Options before and after the command, the environment, values and their complaints. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "complain.h"
#include "fixture.h"
#include "start.h"
#include "value.h"

#define WORDS_MAX 24

/* ---- a command with an option of each sort ---- */

struct sample {
    bool flag;
    const char *text;
    size_t count;
    uint64_t timeout_ms;
    const char *state; /* takes the name of a global option */
};

static const struct args_option sample_options[] = {
    {"flag", 'f', NULL, "a flag", offsetof(struct sample, flag), value_flag},
    {"text", 't', "TEXT", "a text", offsetof(struct sample, text), value_text},
    {"count", 0, "N", "a number", offsetof(struct sample, count), value_count},
    {"timeout", 0, "S", "a time", offsetof(struct sample, timeout_ms), value_timeout},
    {"state", 0, "STATE", "no directory", offsetof(struct sample, state), value_text},
    {0},
};

static const struct command sample_command = {
    .name = "sample",
    .summary = "a sample",
    .syntax = {.operands = "THING", .operands_min = 1, .operands_max = 2},
    .description = "A sample.\n",
    .options = sample_options,
    .examples = "  muster sample\n",
    .statuses = "  0 done\n",
};

/* One whose operands are another command. */
static const struct command runner_command = {
    .name = "runner",
    .summary = "a runner",
    .syntax = {.operands = "-- COMMAND", .runs_command = true},
    .description = "A runner.\n",
    .options = sample_options,
    .examples = "  muster runner\n",
    .statuses = "  0 done\n",
};

/* One whose operands may be numbers. */
static const struct command number_command = {
    .name = "number",
    .summary = "a number",
    .syntax = {.operands = "NUMBER", .operands_max = 20, .takes_numbers = true},
    .description = "A number.\n",
    .options = sample_options,
    .examples = "  muster number\n",
    .statuses = "  0 done\n",
};

static const struct command *const commands[] = {&sample_command, &runner_command, &number_command, NULL};

/* The command that "muster" goes on with. */
static const struct command *command_of(const char *name) {
    size_t i = 0;
    while (strcmp(commands[i]->name, name) != 0) {
        i++;
    }
    return commands[i];
}

/* What one call of muster came to. */
struct outcome {
    struct settings settings;
    struct sample sample;
    struct operands operands;
    bool goes_on;
    int status;
    const char *error; /* on stderr; until the next one */
    char *words[WORDS_MAX];
};

/* Runs "muster LINE" up to where the command would do its work. */
static void run(struct outcome *outcome, char *line) {
    int count = 0;
    *outcome = (struct outcome){0};
    outcome->words[count++] = (char *)"muster";
    for (char *word = strtok(line, " "); word != NULL; word = strtok(NULL, " ")) {
        outcome->words[count++] = strcmp(word, "''") == 0 ? (char *)"" : word;
    }
    capture_begin(&stderr);
    settings_init(&outcome->settings);
    outcome->goes_on = command_parse(&outcome->settings, &command_muster, count, outcome->words,
                                     &outcome->settings, &outcome->operands, &outcome->status);
    if (outcome->goes_on) {
        outcome->goes_on = command_parse(&outcome->settings, command_of(outcome->operands.values[0]),
                                         (int)outcome->operands.count, outcome->operands.values,
                                         &outcome->sample, &outcome->operands, &outcome->status);
    }
    outcome->error = capture_end();
}

static void check_refused(const char *line, const char *error) {
    struct outcome outcome;
    char copy[256];
    snprintf(copy, sizeof(copy), "%s", line);
    run(&outcome, copy);
    assert_false(outcome.goes_on);
    assert_int_equal(outcome.status, STATUS_USAGE);
    assert_string_equal(outcome.error, error);
}

static int forget_environment(void **state) {
    (void)state;
    unsetenv("MUSTER_INTERFACE");
    unsetenv("MUSTER_PORT");
    unsetenv("MUSTER_STATE");
    return 0;
}

/* ---- tests ---- */

TEST(test_nothing_but_defaults) {
    struct outcome outcome;
    char line[] = "sample thing";
    run(&outcome, line);
    assert_true(outcome.goes_on);
    assert_string_equal(outcome.error, "");
    assert_string_equal(outcome.settings.program, "muster sample");
    assert_int_equal(outcome.settings.port, MUSTER_PORT_DEFAULT);
    assert_int_equal(outcome.settings.interfaces.count, 0);
    assert_null(outcome.settings.state_dir);
    assert_int_equal(outcome.settings.color, COLOR_AUTO);
    assert_int_equal(outcome.settings.log_level, MUSTER_LOG_WARNING);
    assert_int_equal(outcome.operands.count, 1);
    assert_string_equal(outcome.operands.values[0], "thing");
    assert_null(outcome.operands.values[1]);
}

TEST(test_global_options_before_and_after) {
    struct outcome outcome;
    char line[] = "--interface a,b --port 5 sample --interface c one --color=never -f two --log-level debug";
    run(&outcome, line);
    assert_true(outcome.goes_on);
    assert_int_equal(outcome.settings.interfaces.count, 3);
    assert_string_equal(outcome.settings.interfaces.texts[0], "a");
    assert_string_equal(outcome.settings.interfaces.texts[1], "b");
    assert_string_equal(outcome.settings.interfaces.texts[2], "c");
    assert_int_equal(outcome.settings.port, 5);
    assert_int_equal(outcome.settings.color, COLOR_NEVER);
    assert_int_equal(outcome.settings.log_level, MUSTER_LOG_DEBUG);
    assert_true(outcome.sample.flag);
    assert_int_equal(outcome.operands.count, 2);
    assert_string_equal(outcome.operands.values[1], "two");
}

TEST(test_kinds_of_paths) {
    enum { M4 = 1 << MUSTER_PATH_M4, M6 = 1 << MUSTER_PATH_M6, B4 = 1 << MUSTER_PATH_B4 };
    static const struct {
        const char *options;
        unsigned kinds; /* 0: all, and a running muster may be asked */
    } rows[] = {{"", 0},
                {"-4", M4 | B4},
                {"--ipv6", M6},
                {"-46", 0},
                {"--delivery both", 0},
                {"--delivery multicast", M4 | M6},
                {"--delivery broadcast", B4},
                {"-4 --delivery multicast", M4},
                {"-6 --delivery=multicast", M6}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct outcome outcome;
        char line[64];
        snprintf(line, sizeof(line), "sample %s thing", rows[i].options);
        run(&outcome, line);
        assert_true(outcome.goes_on);
        assert_int_equal(outcome.settings.kinds, rows[i].kinds);
        assert_int_equal(outcome.settings.direct, rows[i].kinds != 0);
    }
    check_refused("sample -6 --delivery broadcast thing",
                  "muster sample: --delivery: IPv6 has no broadcast\n");
    check_refused("sample --delivery x thing",
                  "muster sample: --delivery: expected both, multicast or broadcast, got 'x'\n");
}

TEST(test_own_option_takes_a_global_name) {
    struct outcome outcome;
    char line[] = "--state dir sample --state alive thing";
    run(&outcome, line);
    assert_true(outcome.goes_on);
    assert_string_equal(outcome.settings.state_dir, "dir");
    assert_string_equal(outcome.sample.state, "alive");
}

TEST(test_values) {
    struct outcome outcome;
    char line[] = "sample -t one --text two --count 12 --timeout 1.5 -- --thing";
    run(&outcome, line);
    assert_true(outcome.goes_on);
    assert_string_equal(outcome.sample.text, "two");
    assert_int_equal(outcome.sample.count, 12);
    assert_int_equal(outcome.sample.timeout_ms, 1500);
    assert_string_equal(outcome.operands.values[0], "--thing");
}

TEST(test_environment) {
    struct outcome outcome;
    char line[] = "sample thing";
    char overridden[] = "--port 6 --interface d sample thing";
    setenv("MUSTER_INTERFACE", "a,b", 1);
    setenv("MUSTER_PORT", "7", 1);
    setenv("MUSTER_STATE", "dir", 1);
    run(&outcome, line);
    assert_true(outcome.goes_on);
    assert_int_equal(outcome.settings.interfaces.count, 2);
    assert_int_equal(outcome.settings.port, 7);
    assert_string_equal(outcome.settings.state_dir, "dir");
    run(&outcome, overridden);
    assert_true(outcome.goes_on);
    assert_int_equal(outcome.settings.interfaces.count, 1);
    assert_string_equal(outcome.settings.interfaces.texts[0], "d");
    assert_int_equal(outcome.settings.port, 6);

    setenv("MUSTER_PORT", "", 1); /* empty: not set */
    char again[] = "sample thing";
    run(&outcome, again);
    assert_int_equal(outcome.settings.port, MUSTER_PORT_DEFAULT);
    setenv("MUSTER_PORT", "x", 1);
    check_refused("sample thing", "muster sample: MUSTER_PORT: expected a port from 1 to 65503, got 'x'\n");
}

TEST(test_options_refused) {
    char name[START_INTERFACE_BYTES_MAX + 2] = "";
    char words[256];
    char line[256];
    check_refused("--bogus", "muster: --bogus: no such option, see muster --help\n");
    check_refused("--bogus=x", "muster: --bogus: no such option, see muster --help\n");
    check_refused("-x", "muster: -x: no such option, see muster --help\n");
    check_refused("sample -fx", "muster sample: -x: no such option, see muster sample --help\n");
    check_refused("sample --t",
                  "muster sample: --t: no such option; did you mean '--text', '--timeout' or '--ttl'?\n");
    check_refused("sample --flga", "muster sample: --flga: no such option; did you mean '--flag'?\n");
    check_refused("sample --flag=1", "muster sample: -f/--flag: expected no value\n");
    check_refused("sample --text", "muster sample: -t/--text: expected a value, TEXT\n");
    check_refused("sample -t", "muster sample: -t/--text: expected a value, TEXT\n");
    check_refused("sample --text ''", "muster sample: -t/--text: expected a text that is not empty\n");
    check_refused("--port 0", "muster: --port: expected a port from 1 to 65503, got '0'\n");
    check_refused("--port 65504", "muster: --port: expected a port from 1 to 65503, got '65504'\n");
    check_refused("--color x", "muster: --color: expected auto, always or never, got 'x'\n");
    check_refused("--log-level x", "muster: --log-level: expected error, warning, info or debug, got 'x'\n");
    check_refused("--interface a,,b",
                  "muster: --interface: expected an interface such as eth0, 'eth*' or '!docker*', got ''\n");
    check_refused("--interface eth*,!",
                  "muster: --interface: expected an interface such as eth0, 'eth*' or '!docker*', got '!'\n");
    memset(name, 'x', sizeof name - 1);
    snprintf(words, sizeof words, "--interface %s", name);
    snprintf(line, sizeof line,
             "muster: --interface: expected an interface such as eth0, 'eth*' or '!docker*', got '%.64s'\n",
             name);
    check_refused(words, line);
    check_refused("--interface 1,2,3,4,5,6,7,8,9,0,1,2,3,4,5,6,7,8,9,0,1,2,3,4,5,6,7,8,9,0,1,2,3",
                  "muster: --interface: expected at most 32 interfaces\n");
    check_refused("sample --count 0",
                  "muster sample: --count: expected a number from 1 to 1000000, got '0'\n");
}

TEST(test_operands_refused) {
    check_refused("sample", "muster sample: THING: expected an argument, see muster sample --help\n");
    check_refused("sample a b c", "muster sample: c: expected nothing after THING\n");
    check_refused("sample ''", "muster sample: THING: expected a text that is not empty\n");
}

/* Runs "muster LINE", which has to be right, and joins the command's words by spaces. */
static void check_command(const char *line, const char *expected) {
    struct outcome outcome;
    char copy[256];
    char words[256] = "";
    snprintf(copy, sizeof(copy), "%s", line);
    run(&outcome, copy);
    assert_string_equal(outcome.error, "");
    assert_true(outcome.goes_on);
    for (size_t i = 0; i < outcome.operands.count; i++) {
        size_t length = strlen(words);
        snprintf(words + length, sizeof(words) - length, "%s%s", i > 0 ? " " : "",
                 outcome.operands.values[i]);
    }
    assert_string_equal(words, expected);
    assert_null(outcome.operands.values[outcome.operands.count]);
}

TEST(test_trailing_command) {
    check_command("runner", "");
    check_command("runner --flag --text x", "");
    check_command("runner -- ls", "ls");
    check_command("runner --flag --text x -- ls --help -V --flag --port x", "ls --help -V --flag --port x");
    check_command("runner -- ls -- --text", "ls -- --text");
    check_command("runner -- -- ls", "-- ls");
    check_command("runner --text -- -- ls", "ls");
    check_command("runner -f -- ls '' x", "ls  x");
    check_command("-- runner -- ls --help", "ls --help");
    struct outcome outcome;
    char line[] = "runner --port 5 --count 3 -- ls --port 6 --count 4 -f";
    run(&outcome, line);
    assert_true(outcome.goes_on);
    assert_int_equal(outcome.settings.port, 5);
    assert_int_equal(outcome.sample.count, 3);
    assert_false(outcome.sample.flag);
}

TEST(test_trailing_command_refused) {
    check_refused("runner --", "muster runner: --: expected a COMMAND after it\n");
    check_refused("runner -f -- '' x", "muster runner: --: expected a COMMAND after it\n");
    check_refused("runner ls", "muster runner: ls: expected no argument, or -- before a COMMAND\n");
    check_refused("runner ls -f", "muster runner: ls: expected no argument, or -- before a COMMAND\n");
    check_refused("runner ls -- x", "muster runner: ls: expected no argument, or -- before a COMMAND\n");
    check_refused("runner --text -- ls", "muster runner: ls: expected no argument, or -- before a COMMAND\n");
    check_refused("runner -fx -- ls", "muster runner: -x: no such option, see muster runner --help\n");
}

TEST(test_negative_numbers) {
    check_command("number -3.5", "-3.5");
    check_command("number a -3 --flag -.5 b", "a -3 -.5 b");
    check_command("number --text -5 -1e3 -- -2 --flag", "-1e3 -2 --flag");
    check_refused(
        "number -f -3 --timeout -2",
        "muster number: --timeout: expected a time from 1ms to 720h such as 5, 2.5s or 1m, got '-2'\n");
    check_refused("number -x", "muster number: -x: no such option, see muster number --help\n");
    check_refused("number -.x", "muster number: -.: no such option, see muster number --help\n");
    check_refused("number -1 -1 -1 -1 -1 -1 -1 -1 -9",
                  "muster number: -9: no such option, see muster number --help\n");
    check_refused("sample -3", "muster sample: -3: no such option, see muster sample --help\n");
}

TEST(test_complaints_are_safe) {
    check_refused("sample a b \x1b[2J\xff",
                  "muster sample: \\u{001B}[2J\\xFF: expected nothing after THING\n");
    check_refused("--\x1b[2J", "muster: --\\u{001B}[2J: no such option, see muster --help\n");
    check_refused("--port \xe2\x80\xae",
                  "muster: --port: expected a port from 1 to 65503, got '\\u{202E}'\n");
}

TEST(test_color) {
    struct settings settings;
    settings_init(&settings);
    setenv("NO_COLOR", "1", 1);
    settings.color = COLOR_ALWAYS;
    assert_true(settings_color(&settings));
    settings.color = COLOR_AUTO;
    assert_false(settings_color(&settings));
    settings.color = COLOR_NEVER;
    unsetenv("NO_COLOR");
    assert_false(settings_color(&settings));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_nothing_but_defaults, forget_environment),
        cmocka_unit_test_setup(test_global_options_before_and_after, forget_environment),
        cmocka_unit_test_setup(test_kinds_of_paths, forget_environment),
        cmocka_unit_test_setup(test_own_option_takes_a_global_name, forget_environment),
        cmocka_unit_test_setup(test_values, forget_environment),
        cmocka_unit_test_setup_teardown(test_environment, forget_environment, forget_environment),
        cmocka_unit_test_setup(test_options_refused, forget_environment),
        cmocka_unit_test_setup(test_operands_refused, forget_environment),
        cmocka_unit_test_setup(test_trailing_command, forget_environment),
        cmocka_unit_test_setup(test_trailing_command_refused, forget_environment),
        cmocka_unit_test_setup(test_negative_numbers, forget_environment),
        cmocka_unit_test_setup(test_complaints_are_safe, forget_environment),
        cmocka_unit_test(test_color),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
