/* SPDX-License-Identifier: MIT */
/* Rules of iptables(8) as its save command prints them. What is not understood may match or not. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "firewall.h"

#define DEPTH_MAX 16
#define WORD_BYTES 128
#define LINE_BYTES 512

enum verdict { VERDICT_CONTINUE, VERDICT_ACCEPT, VERDICT_DROP };

/* One packet on its way through one table. */
struct walk {
    struct firewall *firewall;
    const struct firewall_packet *packet;
    const char *table; /* its lines, up to COMMIT */
    char name[32];     /* "filter" */
    bool is_sure;      /* no rule before may have accepted it */
};

/* A rule while its words are read. */
struct rule {
    enum firewall_truth matches;
    bool is_inverted; /* a "!" came */
    char target[WORD_BYTES];
    bool is_goto;
};

static bool next_line(const char **text, char line[LINE_BYTES]) {
    if (**text == '\0') {
        return false;
    }
    const size_t length = strcspn(*text, "\n");
    snprintf(line, LINE_BYTES, "%.*s", (int)length, *text);
    *text += length + ((*text)[length] == '\n' ? 1 : 0);
    return true;
}

/* The next word of a line; what is in quotes is one. */
static bool next_word(const char **line, char word[WORD_BYTES]) {
    *line += strspn(*line, " ");
    if (**line == '\0') {
        return false;
    }
    const bool is_quoted = **line == '"';
    *line += is_quoted ? 1 : 0;
    const size_t length = strcspn(*line, is_quoted ? "\"" : " ");
    snprintf(word, WORD_BYTES, "%.*s", (int)length, *line);
    *line += length + (is_quoted && (*line)[length] == '"' ? 1 : 0);
    return true;
}

static enum firewall_truth truth(bool value) {
    return value ? FIREWALL_YES : FIREWALL_NO;
}

/* "80", "80:90", "80,90:95". */
static bool has_port(const char *list, uint16_t port) {
    while (list != NULL && *list != '\0') {
        char *end;
        const unsigned long low = strtoul(list, &end, 10);
        const unsigned long high = *end == ':' ? strtoul(end + 1, &end, 10) : low;
        if (port >= low && port <= high) {
            return true;
        }
        list = *end == ',' ? end + 1 : NULL;
    }
    return false;
}

static bool has_word(const char *list, const char *word) {
    const char *at = strstr(list, word);
    return at != NULL && (at == list || at[-1] == ',') &&
           (at[strlen(word)] == ',' || at[strlen(word)] == '\0');
}

static bool is_interface(const char *wanted, const char *interface) {
    const size_t length = strlen(wanted);
    if (length > 0 && wanted[length - 1] == '+') {
        return strncmp(wanted, interface, length - 1) == 0;
    }
    return strcmp(wanted, interface) == 0;
}

static enum firewall_truth is_address(const char *wanted, const uint8_t *address, bool is_ipv6,
                                      bool is_other) {
    char text[WORD_BYTES];
    uint8_t bytes[16];
    snprintf(text, sizeof(text), "%s", wanted);
    char *slash = strchr(text, '/');
    unsigned bits = is_ipv6 ? 128 : 32;
    if (slash != NULL) {
        *slash = '\0';
        bits = (unsigned)strtoul(slash + 1, NULL, 10);
    }
    const unsigned bits_max = is_ipv6 ? 128 : 32;
    if (inet_pton(is_ipv6 ? AF_INET6 : AF_INET, text, bytes) != 1 || bits > bits_max ||
        (is_other && bits == bits_max)) {
        return FIREWALL_MAYBE;
    }
    return truth(firewall_has_prefix(address, bytes, bits));
}

/* Whether the packet is what an option with this value wants. */
static enum firewall_truth match(const struct firewall_packet *packet, const char *option,
                                 const char *value) {
    static const char *const casts[] = {"unicast", "multicast", "broadcast"};
    static const char *const types[] = {"LOCAL", "MULTICAST", "BROADCAST", "UNICAST"};
    if (strcmp(option, "-p") == 0) {
        return truth(strcmp(value, packet->protocol == FIREWALL_TCP ? "tcp" : "udp") == 0);
    }
    if (strcmp(option, "-i") == 0) {
        return truth(packet->is_in && is_interface(value, packet->interface));
    }
    if (strcmp(option, "-o") == 0) {
        return truth(!packet->is_in && is_interface(value, packet->interface));
    }
    if (strcmp(option, "-s") == 0) {
        return is_address(value, packet->source, packet->is_ipv6, packet->is_source_other);
    }
    if (strcmp(option, "-d") == 0) {
        return is_address(value, packet->destination, packet->is_ipv6, packet->is_other);
    }
    if (strcmp(option, "--dport") == 0 || strcmp(option, "--dports") == 0) {
        return truth(has_port(value, packet->port));
    }
    if (strcmp(option, "--sport") == 0 || strcmp(option, "--sports") == 0) {
        return truth(has_port(value, packet->source_port));
    }
    if (strcmp(option, "--ports") == 0) {
        return truth(has_port(value, packet->port) || has_port(value, packet->source_port));
    }
    if (strcmp(option, "--ctstate") == 0 || strcmp(option, "--state") == 0) {
        return truth(has_word(value, packet->is_established ? "ESTABLISHED" : "NEW"));
    }
    if (strcmp(option, "--pkt-type") == 0) {
        return truth(strcmp(value, casts[packet->is_in ? packet->cast : FIREWALL_UNICAST]) == 0);
    }
    if (strcmp(option, "--dst-type") == 0) {
        return truth(has_word(value, types[packet->is_other ? 3 : packet->cast]));
    }
    return FIREWALL_MAYBE;
}

static void take_option(struct rule *rule, const struct firewall_packet *packet, const char *option,
                        const char **line) {
    char value[WORD_BYTES] = "";
    if (rule->target[0] != '\0') {
        return; /* what is behind the target says how, and not whether */
    }
    if ((*line)[strspn(*line, " ")] == '-') { /* the next option: this one has no value, and is a flag */
        rule->matches = rule->matches == FIREWALL_YES ? FIREWALL_MAYBE : rule->matches;
        rule->is_inverted = false;
        return;
    }
    if (!next_word(line, value) || strcmp(option, "-m") == 0 || strcmp(option, "--comment") == 0) {
        return;
    }
    if (strcmp(option, "-j") == 0 || strcmp(option, "-g") == 0) {
        snprintf(rule->target, sizeof(rule->target), "%s", value);
        rule->is_goto = option[1] == 'g';
        return;
    }
    enum firewall_truth one = match(packet, option, value);
    one = rule->is_inverted ? (enum firewall_truth)(FIREWALL_YES - one) : one;
    rule->is_inverted = false;
    rule->matches = one < rule->matches ? one : rule->matches;
}

static struct rule read_rule(const struct firewall_packet *packet, const char *line) {
    struct rule rule = {.matches = FIREWALL_YES};
    char word[WORD_BYTES];
    while (next_word(&line, word)) {
        if (strcmp(word, "!") == 0) {
            rule.is_inverted = true;
        } else if (word[0] == '-') {
            take_option(&rule, packet, word, &line);
        } else if (rule.target[0] == '\0') {
            rule.matches = rule.matches == FIREWALL_YES ? FIREWALL_MAYBE : rule.matches;
        }
    }
    return rule;
}

static void record(const struct walk *walk, const char *line, bool is_certain) {
    char text[320];
    snprintf(text, sizeof(text), "%s, table %s: %.200s",
             walk->packet->is_ipv6 ? "ip6tables-legacy" : "iptables-legacy", walk->name, line);
    firewall_record(walk->firewall, text, walk->packet->use, is_certain);
}

static enum verdict walk_chain(struct walk *walk, const char *chain, unsigned depth) {
    char line[LINE_BYTES];
    char prefix[WORD_BYTES + 8];
    snprintf(prefix, sizeof(prefix), "-A %s ", chain);
    for (const char *text = walk->table; depth < DEPTH_MAX && next_line(&text, line);) {
        if (strcmp(line, "COMMIT") == 0) {
            break;
        }
        if (!firewall_step(walk->firewall)) {
            return VERDICT_ACCEPT; /* nothing is said of what is not known */
        }
        if (strncmp(line, prefix, strlen(prefix)) != 0) {
            continue;
        }
        const struct rule rule = read_rule(walk->packet, line + strlen(prefix));
        const bool is_match = rule.matches == FIREWALL_YES;
        if (rule.matches == FIREWALL_NO || rule.target[0] == '\0' || strcmp(rule.target, "LOG") == 0) {
            continue;
        }
        if (strcmp(rule.target, "DROP") == 0 || strcmp(rule.target, "REJECT") == 0) {
            record(walk, line, walk->is_sure && is_match);
            if (is_match) {
                return VERDICT_DROP;
            }
        } else if (strcmp(rule.target, "ACCEPT") == 0 || strcmp(rule.target, "RETURN") == 0) {
            walk->is_sure = walk->is_sure && is_match;
            if (is_match) {
                return rule.target[0] == 'A' ? VERDICT_ACCEPT : VERDICT_CONTINUE;
            }
        } else { /* a chain; or a program that may accept the packet */
            walk->is_sure = walk->is_sure && is_match && strstr(rule.target, "QUEUE") == NULL;
            const enum verdict verdict = walk_chain(walk, rule.target, depth + 1);
            if (is_match && (verdict != VERDICT_CONTINUE || rule.is_goto)) {
                return verdict;
            }
        }
    }
    return VERDICT_CONTINUE;
}

/* The policy of a chain of the table is to drop: then line is it. */
static bool find_policy(const struct walk *walk, const char *chain, char line[LINE_BYTES]) {
    char prefix[WORD_BYTES];
    snprintf(prefix, sizeof(prefix), ":%s DROP ", chain);
    for (const char *text = walk->table; next_line(&text, line) && strcmp(line, "COMMIT") != 0;) {
        if (strncmp(line, prefix, strlen(prefix)) == 0) {
            line[strlen(prefix) - 1] = '\0';
            return true;
        }
    }
    return false;
}

static void walk_table(struct walk *walk) {
    static const char *const chains[2][2] = {{"OUTPUT", "POSTROUTING"}, {"PREROUTING", "INPUT"}};
    for (size_t i = 0; i < 2; i++) {
        const char *chain = chains[walk->packet->is_in ? 1 : 0][i];
        char line[LINE_BYTES];
        walk->is_sure = true;
        if (walk_chain(walk, chain, 0) == VERDICT_CONTINUE && find_policy(walk, chain, line)) {
            record(walk, line, walk->is_sure);
        }
    }
}

void firewall_read_iptables(struct firewall *firewall, const char *saved, bool is_ipv6,
                            const struct firewall_packet *packets, size_t count) {
    char line[LINE_BYTES];
    for (const char *text = saved; next_line(&text, line);) {
        if (line[0] != '*' || strcmp(line, "*nat") == 0) {
            continue;
        }
        for (size_t i = 0; i < count; i++) {
            struct walk walk = {.firewall = firewall, .packet = &packets[i], .table = text};
            snprintf(walk.name, sizeof(walk.name), "%.31s", line + 1);
            if (packets[i].is_ipv6 == is_ipv6) {
                walk_table(&walk);
            }
        }
    }
}
