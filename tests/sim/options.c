/* SPDX-License-Identifier: MIT */
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scenario.h"

enum { OPTION_KNOB = 256 };
#define NODES_LEAST 4 /* scripts name that many */

static const char help[] =
    "usage: sim --scenario NAME [--seed S] [--nodes N] [--speakers M] [--minutes T] ...\n"
    "       sim --soak MINUTES [--runs COUNT] [--hours COUNT] [--seed S]\n"
    "       sim --list\n"
    "\n"
    "Runs real cores on a simulated network, much faster than time, and looks at what must hold. The same "
    "seed\n"
    "gives the same run. Without --scenario all those that are not long are run in turn.\n"
    "\n"
    "  --scenario NAME  one of --list\n"
    "  --seed S         draws every knob and all chance (1)\n"
    "  --seeds COUNT    runs so many seeds, from S on (1)\n"
    "  --soak MINUTES   runs seed after seed for so long, small scenarios more often\n"
    "  --runs COUNT     a soak is over after so many runs,\n"
    "  --hours COUNT    and so many virtual hours\n"
    "  --trace          writes each event to standard output\n"
    "  --replay         runs each seed twice and compares all that happened\n"
    "  --strict         scenarios that are expected to fail today count, too\n"
    "  --quiet          prints runs that failed and a count, no figures\n"
    "  --list           names all scenarios\n"
    "\n"
    "Knobs, which a scenario draws from its own ranges unless they are given:\n";

static void print_help(void) {
    fputs(help, stdout);
    for (int knob = 0; knob < KNOB_COUNT; knob++) {
        char option[40];
        snprintf(option, sizeof option, "--%s VALUE", knob_name((enum knob)knob));
        printf("  %-20s %s\n", option, knob_text((enum knob)knob));
    }
    fputs("\nExit codes: 0 all held, 1 something did not, 2 wrong usage.\n", stdout);
}

static void refuse(const char *what, const char *value) {
    fprintf(stderr, "sim: %s: %s (sim --help shows what there is)\n", what, value);
    exit(2);
}

static double read_number(const char *text, const char *option) {
    char *end;
    errno = 0;
    double value = strtod(text, &end);
    if (errno != 0 || end == text || *end != '\0' || !(value >= 0)) {
        refuse(option, text);
    }
    return value;
}

static uint64_t read_integer(const char *text, const char *option) {
    char *end;
    errno = 0;
    uint64_t value = strtoull(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || *text == '-') {
        refuse(option, text);
    }
    return value;
}

static void read_scenario(struct options *options, const char *name) {
    options->scenario = scenario_find(name);
    if (options->scenario == NULL) {
        refuse("there is no such scenario", name);
    }
}

static void read_knob(struct options *options, int knob, const char *text) {
    options->knobs.values[knob] = read_number(text, "no number from 0 on");
    options->knobs.is_set[knob] = true;
    if (options->knobs.values[knob] > knob_most((enum knob)knob)) {
        refuse("too much", text);
    }
    if (knob == KNOB_NODES && options->knobs.values[knob] < NODES_LEAST) {
        refuse("too few nodes for a script", text);
    }
}

static void read_option(struct options *options, int option, const char *value) {
    switch (option) {
    case 'h': print_help(); exit(0);
    case 'c': read_scenario(options, value); break;
    case 's': options->seed = read_integer(value, "--seed is no number"); break;
    case 'n': options->seeds = read_integer(value, "--seeds is no number"); break;
    case 'k': options->soak_minutes = read_number(value, "--soak is no number"); break;
    case 'u': options->soak_runs = read_integer(value, "--runs is no number"); break;
    case 'o': options->soak_hours = read_number(value, "--hours is no number"); break;
    case 'l': options->is_listing = true; break;
    case 't': options->is_traced = true; break;
    case 'q': options->is_quiet = true; break;
    case 'r': options->is_replayed = true; break;
    case 'x': options->is_strict = true; break;
    case '?': fputs("sim --help shows what there is\n", stderr); exit(2);
    default: read_knob(options, option - OPTION_KNOB, value); break;
    }
}

void options_read(struct options *options, int count, char **arguments) {
    static const struct option fixed[] = {
        {"help", no_argument, NULL, 'h'},        {"scenario", required_argument, NULL, 'c'},
        {"seed", required_argument, NULL, 's'},  {"seeds", required_argument, NULL, 'n'},
        {"soak", required_argument, NULL, 'k'},  {"runs", required_argument, NULL, 'u'},
        {"hours", required_argument, NULL, 'o'}, {"list", no_argument, NULL, 'l'},
        {"trace", no_argument, NULL, 't'},       {"quiet", no_argument, NULL, 'q'},
        {"replay", no_argument, NULL, 'r'},      {"strict", no_argument, NULL, 'x'},
    };
    enum { FIXED = sizeof fixed / sizeof fixed[0] };
    struct option all[FIXED + KNOB_COUNT + 1] = {{0}};
    memcpy(all, fixed, sizeof fixed);
    for (int knob = 0; knob < KNOB_COUNT; knob++) {
        all[FIXED + knob] =
            (struct option){knob_name((enum knob)knob), required_argument, NULL, OPTION_KNOB + knob};
    }
    int option;
    while ((option = getopt_long(count, arguments, "", all, NULL)) != -1) {
        read_option(options, option, optarg);
    }
    if (optind < count) {
        refuse("unexpected argument", arguments[optind]);
    }
}
