/* SPDX-License-Identifier: MIT */
/* The simulator's command: runs scenarios, prints their figures, and says which of them failed and how to run
 * them again. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "options.h"
#include "scenario.h"
#include "world.h"

struct tally {
    unsigned runs;
    unsigned failed;
    unsigned expected; /* to fail, and failed */
    double virtual_s;
};

static double now_s(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void list(void) {
    const struct scenario *scenario;
    for (size_t i = 0; (scenario = scenario_at(i)) != NULL; i++) {
        printf("%-22s %s%s\n", scenario->name, scenario->text, scenario->is_long ? " (long)" : "");
        if (scenario->fails != NULL) {
            printf("%-22s expected to fail today: %s\n", "", scenario->fails);
        }
    }
}

static void print_command(const struct options *options, const struct scenario *scenario, uint64_t seed) {
    printf("tools/sim --scenario %s --seed %" PRIu64, scenario->name, seed);
    for (int knob = 0; knob < KNOB_COUNT; knob++) {
        if (options->knobs.is_set[knob]) {
            printf(" --%s %.9g", knob_name((enum knob)knob), options->knobs.values[knob]);
        }
    }
    putchar('\n');
}

static void print_failures(const struct options *options, const struct world *world, uint64_t seed) {
    size_t shown = world->failure_count < FAILURES_SHOWN ? world->failure_count : FAILURES_SHOWN;
    printf("%s, seed %" PRIu64 ": %zu breaches\n", world->scenario->name, seed, world->failure_count);
    for (size_t i = 0; i < shown; i++) {
        printf("  %s\n", world->failures[i]);
    }
    fputs("  knobs: ", stdout);
    knobs_print(&world->knobs, stdout);
    fputs("  again: ", stdout);
    print_command(options, world->scenario, seed);
}

static void print_run(const struct options *options, struct world *world, uint64_t seed, double took_s) {
    bool is_held = world->failure_count == 0;
    bool is_expected = world->scenario->fails != NULL;
    if (options->is_quiet && (is_held || (is_expected && !options->is_strict))) {
        return;
    }
    if (!options->is_quiet) {
        printf("%s, seed %" PRIu64 ": ", world->scenario->name, seed);
        knobs_print(&world->knobs, stdout);
        figures_print(world, stdout);
    }
    if (!is_held) {
        print_failures(options, world, seed);
    }
    printf("%-20s seed %-6" PRIu64 " %s: %.0f s in %.2f s, hash %016" PRIx64 "\n", world->scenario->name,
           seed,
           is_held       ? "held"
           : is_expected ? "failed, as expected today"
                         : "FAILED",
           (double)world->end_us / 1e6, took_s, world->hash);
    fflush(stdout);
}

/* The hash of a second run of the same. */
static uint64_t hash_again(const struct options *options, const struct scenario *scenario, uint64_t seed) {
    struct world *world = world_new(scenario, &options->knobs, seed, NULL);
    world_run(world);
    uint64_t hash = world->hash;
    world_free(world);
    return hash;
}

static void run(const struct options *options, const struct scenario *scenario, uint64_t seed,
                struct tally *tally) {
    double start_s = now_s();
    struct world *world = world_new(scenario, &options->knobs, seed, options->is_traced ? stdout : NULL);
    world_run(world);
    if (options->is_replayed && hash_again(options, scenario, seed) != world->hash) {
        world_fail(world, "a second run of the same seed differs");
    }
    print_run(options, world, seed, now_s() - start_s);
    bool is_held = world->failure_count == 0;
    bool is_expected = scenario->fails != NULL && !options->is_strict;
    tally->runs++;
    tally->virtual_s += (double)world->end_us / 1e6;
    tally->failed += !is_held && !is_expected;
    tally->expected += !is_held && is_expected;
    world_free(world);
}

static bool is_asked_for(const struct options *options, const struct scenario *scenario) {
    return options->scenario == NULL ? !scenario->is_long : options->scenario == scenario;
}

/* All scenarios that are asked for, with each seed. */
static void run_seeds(const struct options *options, struct tally *tally) {
    const struct scenario *scenario;
    for (uint64_t seed = options->seed; seed < options->seed + options->seeds; seed++) {
        for (size_t i = 0; (scenario = scenario_at(i)) != NULL; i++) {
            if (is_asked_for(options, scenario)) {
                run(options, scenario, seed, tally);
            }
        }
    }
}

/* The one that had the least of its share of the time. */
static size_t choose(const struct options *options, const double spent_s[SCENARIOS_MAX]) {
    const struct scenario *scenario;
    size_t chosen = SCENARIOS_MAX;
    for (size_t i = 0; (scenario = scenario_at(i)) != NULL; i++) {
        if (is_asked_for(options, scenario) && (chosen == SCENARIOS_MAX || spent_s[i] < spent_s[chosen])) {
            chosen = i;
        }
    }
    return chosen;
}

static bool is_over(const struct options *options, const struct tally *tally) {
    bool has_end = options->soak_runs > 0 || options->soak_hours > 0;
    return has_end && tally->runs >= options->soak_runs && tally->virtual_s >= 3600 * options->soak_hours;
}

/* So each scenario is run as often as its cost allows: small ones hundreds of times. */
static void soak(const struct options *options, struct tally *tally) {
    double spent_s[SCENARIOS_MAX] = {0};
    uint64_t seeds[SCENARIOS_MAX] = {0};
    double end_s = now_s() + 60 * options->soak_minutes;
    for (double start_s = now_s(); start_s < end_s && !is_over(options, tally);) {
        size_t chosen = choose(options, spent_s);
        const struct scenario *scenario = scenario_at(chosen);
        run(options, scenario, options->seed + seeds[chosen]++, tally);
        double next_s = now_s();
        spent_s[chosen] += (next_s - start_s) / (scenario->weight == 0 ? 1 : scenario->weight);
        start_s = next_s;
    }
}

int main(int count, char **arguments) {
    struct options options = {.seed = 1, .seeds = 1};
    struct tally tally = {0};
    options_read(&options, count, arguments);
    if (options.is_listing) {
        list();
        return 0;
    }
    if (options.soak_minutes > 0) {
        soak(&options, &tally);
    } else {
        run_seeds(&options, &tally);
    }
    printf("%u runs, %.1f virtual hours: %u failed, %u failed as expected today\n", tally.runs,
           tally.virtual_s / 3600, tally.failed, tally.expected);
    return tally.failed > 0;
}
