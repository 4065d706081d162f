/* SPDX-License-Identifier: MIT */
#include "rules.h"

/* Causes come before what follows from them: this host, then its firewall, then the network.
 * What keeps only a key from being kept comes last. */
static const struct rule *const tables[] = {rules_of_host, rules_of_firewall, rules_of_network,
                                            rules_of_state};
#define TABLES (sizeof(tables) / sizeof(tables[0]))

const char *rules_id(size_t i) {
    for (size_t table = 0; table < TABLES; table++) {
        for (const struct rule *rule = tables[table]; rule->id != NULL; rule++) {
            if (i-- == 0) {
                return rule->id;
            }
        }
    }
    return NULL;
}

/* Adds the verdicts of one rule. */
static void apply(const struct rule *rule, struct evidence *evidence, struct verdicts *verdicts) {
    unsigned explains = 0;
    for (size_t n = 0; (evidence->explained & rule->silenced_by) == 0 && verdicts->count < RULES_VERDICTS_MAX;
         n++) {
        struct verdict *verdict = &verdicts->items[verdicts->count];
        *verdict = (struct verdict){.id = rule->id, .explains = rule->explains};
        if (!rule->holds(evidence, n, verdict)) {
            break;
        }
        explains |= verdict->explains;
        verdicts->count++;
    }
    evidence->explained |= explains;
}

void rules_judge(const struct evidence *evidence, struct verdicts *verdicts) {
    struct evidence so_far = *evidence;
    verdicts->count = 0;
    for (size_t table = 0; table < TABLES; table++) {
        for (const struct rule *rule = tables[table]; rule->id != NULL; rule++) {
            apply(rule, &so_far, verdicts);
        }
    }
}
