/* SPDX-License-Identifier: MIT */
/* What the firewall of this host drops, by its rules, or by what is missing. */
#include <stdio.h>
#include <string.h>

#include "rule.h"

static unsigned topics_of_uses(unsigned uses) {
    static const unsigned topics[FIREWALL_USES] = {
        [FIREWALL_GROUP_IN] = RULES_M4,
        [FIREWALL_GROUP6_IN] = RULES_M6,
        [FIREWALL_BROADCAST_IN] = RULES_B4,
        [FIREWALL_QUESTION_IN] = RULES_UNICAST,
        [FIREWALL_ANSWER_IN] = RULES_UNICAST,
        [FIREWALL_STREAM_IN] = RULES_TCP,
        [FIREWALL_READINGS_IN] = 0,
        [FIREWALL_GROUP_OUT] = RULES_M4,
        [FIREWALL_GROUP6_OUT] = RULES_M6,
        [FIREWALL_BROADCAST_OUT] = RULES_B4,
        [FIREWALL_UNICAST_OUT] = RULES_UNICAST,
    };
    unsigned explained = 0;
    for (unsigned use = 0; use < FIREWALL_USES; use++) {
        explained |= uses >> use & 1 ? topics[use] : 0;
    }
    return explained;
}

static void say_uses(unsigned uses, char *text, size_t size) {
    text[0] = '\0';
    for (unsigned use = 0; use < FIREWALL_USES; use++) {
        if ((uses >> use & 1) != 0) {
            rule_append(text, size, ", ", firewall_use_name((enum firewall_use)use));
        }
    }
}

static void fill_firewall(const struct evidence *evidence, const struct firewall_finding *finding,
                          struct verdict *verdict) {
    char uses[200];
    say_uses(finding->uses, uses, sizeof(uses));
    verdict->explains = topics_of_uses(finding->uses);
    WHAT("The firewall of this host drops %s", uses);
    EVIDENCE("%s", finding->text);
    FIX("allow UDP and TCP ports %u to %u from this network: sudo ufw allow from NETWORK to any app muster, "
        "or remove that rule",
        evidence->port - 1, evidence->port + 32);
}

static const struct firewall_finding *nth_finding(const struct evidence *evidence, size_t n,
                                                  bool is_certain) {
    const struct firewall *firewall = &evidence->facts->firewall;
    for (size_t i = 0; i < firewall->count; i++) {
        const struct firewall_finding *finding = &firewall->findings[i];
        const bool is_ours =
            finding->is_certain || finding->names_us || evidence_is_loop_cut(evidence, MUSTER_PATH_M4) ||
            evidence_is_loop_cut(evidence, MUSTER_PATH_B4) || evidence_is_loop_cut(evidence, MUSTER_PATH_M6);
        if (finding->is_certain == is_certain && is_ours && n-- == 0) {
            return finding;
        }
    }
    return NULL;
}

/* Default deny with established: only answers come in. */
static bool is_stateful(unsigned uses) {
    return (uses & 1U << FIREWALL_GROUP_IN) != 0 && (uses & 1U << FIREWALL_QUESTION_IN) != 0 &&
           (uses & 1U << FIREWALL_ANSWER_IN) == 0;
}

/* What is said to be dropped came, or left: on another interface, or the rule means other hosts. Of unicast
 * nothing is known, for the doctor's node has another port than an announce. */
static bool is_contradicted(const struct evidence *evidence, unsigned uses) {
    const struct others others = evidence_sum_others(evidence, &evidence->live->report, 0);
    const unsigned passed[FIREWALL_USES] = {
        [FIREWALL_GROUP_IN] = others.heard[MUSTER_PATH_M4],
        [FIREWALL_GROUP6_IN] = others.heard[MUSTER_PATH_M6],
        [FIREWALL_BROADCAST_IN] = others.heard[MUSTER_PATH_B4],
        [FIREWALL_GROUP_OUT] = others.reached[MUSTER_PATH_M4],
        [FIREWALL_GROUP6_OUT] = others.reached[MUSTER_PATH_M6],
        [FIREWALL_BROADCAST_OUT] = others.reached[MUSTER_PATH_B4],
    };
    for (unsigned use = 0; use < FIREWALL_USES; use++) {
        if ((uses >> use & 1) != 0 && passed[use] > 0) {
            return true;
        }
    }
    return false;
}

static bool firewall_rule(const struct evidence *evidence, size_t n, struct verdict *verdict) {
    const struct firewall_finding *finding = nth_finding(evidence, n, true);
    if (finding == NULL) {
        return false;
    }
    fill_firewall(evidence, finding, verdict);
    verdict->is_certain = !is_contradicted(evidence, finding->uses);
    if (is_stateful(finding->uses)) {
        verdict->id = "firewall.stateful";
        WHAT("The firewall of this host is default deny with established: only answers come in");
    }
    return true;
}

static bool firewall_likely(const struct evidence *evidence, size_t n, struct verdict *verdict) {
    const struct firewall_finding *finding = nth_finding(evidence, n, false);
    if (finding == NULL) {
        return false;
    }
    fill_firewall(evidence, finding, verdict);
    return true;
}

static bool firewall_stateful(const struct evidence *evidence, size_t n, struct verdict *verdict) {
    const struct others others = evidence_sum_others(evidence, &evidence->live->report, 0);
    const bool is_deaf = others.heard[MUSTER_PATH_M4] + others.heard[MUSTER_PATH_B4] == 0;
    if (n > 0 || others.answering == 0 || !is_deaf || !evidence_is_loop_cut(evidence, MUSTER_PATH_M4) ||
        !evidence_is_loop_cut(evidence, MUSTER_PATH_B4)) {
        return false;
    }
    const struct firewall_finding *rule = nth_finding(evidence, 0, false);
    verdict->is_certain = true;
    WHAT("The firewall of this host is default deny with established: only answers come in");
    EVIDENCE(
        "what this host sent to the group did not come back, nothing of others came by the group, but %s "
        "answered by unicast%s%s",
        evidence_peer_text(others.first).text, rule != NULL ? "; likely by this rule: " : "",
        rule != NULL ? rule->text : "");
    FIX("allow UDP and TCP ports %u to %u from this network: sudo ufw allow from NETWORK to any app muster",
        evidence->port - 1, evidence->port + 32);
    return true;
}

static bool firewall_here(const struct evidence *evidence, size_t n, struct verdict *verdict) {
    static const enum muster_path_kind kinds[] = {MUSTER_PATH_M4, MUSTER_PATH_B4, MUSTER_PATH_M6};
    static const unsigned topics[] = {RULES_M4, RULES_B4, RULES_M6};
    const char *name = NULL;
    char cut[160] = "";
    if (n > 0) {
        return false;
    }
    for (size_t i = 0; i < 3; i++) {
        if (evidence_is_loop_cut(evidence, kinds[i]) && (evidence->explained & topics[i]) == 0) {
            rule_append(cut, sizeof(cut), ", ", muster_path_name(kinds[i]));
            name = evidence_find_cut_loop(evidence, kinds[i])->path.name;
            verdict->explains |= topics[i];
        }
    }
    if (name == NULL) {
        return false;
    }
    WHAT("Something on this host, a firewall as a rule, drops what muster sends or receives on %s by %s",
         name, cut);
    EVIDENCE("what this host sent by %s did not come back to it, as it does without a firewall", cut);
    FIX("allow UDP and TCP ports %u to %u; as root, muster doctor looks at the firewall's rules",
        evidence->port - 1, evidence->port + 32);
    return true;
}

const struct rule rules_of_firewall[] = {
    {"firewall.rule", firewall_rule, 0, RULES_ALL},
    {"firewall.stateful", firewall_stateful, RULES_M4 | RULES_B4 | RULES_M6 | RULES_UNICAST | RULES_TCP,
     RULES_ALL | RULES_M4},
    {"firewall.likely", firewall_likely, 0, RULES_ALL | RULES_M4 | RULES_UNICAST},
    {"firewall.here", firewall_here, 0, RULES_ALL},
    {0},
};
