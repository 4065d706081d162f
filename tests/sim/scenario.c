/* SPDX-License-Identifier: MIT */
#include "scenario.h"

#include <string.h>

#include "scenarios.h"

static const struct scenario *const tables[] = {scenarios_start, scenarios_crowd,  scenarios_network,
                                                scenarios_host,  scenarios_attack, scenarios_mixed};

const struct scenario *scenario_at(size_t index) {
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        for (const struct scenario *scenario = tables[i]; scenario->name != NULL; scenario++) {
            if (index-- == 0) {
                return scenario;
            }
        }
    }
    return NULL;
}

const struct scenario *scenario_find(const char *name) {
    const struct scenario *scenario;
    size_t index = 0;
    while ((scenario = scenario_at(index)) != NULL && strcmp(scenario->name, name) != 0) {
        index++;
    }
    return scenario;
}
