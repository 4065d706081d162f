/* SPDX-License-Identifier: MIT */
/* Rules of nftables, by libnftables-json(5). What is not understood may match or not. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "document.h"
#include "firewall.h"

/* Chains that jump to each other; the kernel allows 16. */
#define DEPTH_MAX 16

/* One packet on its way through one base chain. */
struct walk {
    struct firewall *firewall;
    const document_node_t *ruleset; /* the array of objects */
    const char *text;               /* of nft -a; "" when there is none */
    const struct firewall_packet *packet;
    const char *family;
    const char *table;
    bool is_sure; /* no rule before may have accepted it */
};

enum verdict { VERDICT_CONTINUE, VERDICT_ACCEPT, VERDICT_DROP };

/* What a packet has where a rule looks. */
struct field {
    enum { FIELD_UNKNOWN, FIELD_ABSENT, FIELD_NUMBER, FIELD_WORD, FIELD_ADDRESS } type;
    uint64_t number;
    const char *word; /* also a name of the number, NULL when there is none */
    const uint8_t *address;
    bool is_ipv6;
    bool is_other; /* the address stands for all beside it, so that no single one is known to be it */
};

static const char *text_of(const document_node_t *node, const char *name) {
    const char *text = document_text(document_member(node, name));
    return text != NULL ? text : "";
}

static bool is_text(const document_node_t *node, const char *name, const char *value) {
    return strcmp(text_of(node, name), value) == 0;
}

/* ---- what the packet has ---- */

static struct field number_field(uint64_t number, const char *word) {
    return (struct field){.type = FIELD_NUMBER, .number = number, .word = word};
}

static struct field word_field(const char *word) {
    return (struct field){.type = FIELD_WORD, .word = word};
}

/* A datagram of muster has no header of these. Of others, as of Ethernet, nothing is known. */
static bool is_other_protocol(const char *protocol) {
    static const char *const names[] = {"tcp",    "udp",  "udplite", "sctp", "dccp", "icmp",
                                        "icmpv6", "igmp", "esp",     "ah",   "comp", "arp"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(names[i], protocol) == 0) {
            return true;
        }
    }
    return false;
}

static struct field payload_field(const struct firewall_packet *packet, const char *protocol,
                                  const char *name) {
    const bool is_ip6 = strcmp(protocol, "ip6") == 0;
    const char *own = packet->protocol == FIREWALL_TCP ? "tcp" : "udp";
    if (is_ip6 || strcmp(protocol, "ip") == 0) {
        const bool is_source = strcmp(name, "saddr") == 0;
        if (is_ip6 != packet->is_ipv6) {
            return (struct field){.type = FIELD_ABSENT};
        }
        if (is_source || strcmp(name, "daddr") == 0) {
            return (struct field){.type = FIELD_ADDRESS,
                                  .address = is_source ? packet->source : packet->destination,
                                  .is_other = is_source ? packet->is_source_other : packet->is_other,
                                  .is_ipv6 = is_ip6};
        }
        if (strcmp(name, "protocol") == 0 || strcmp(name, "nexthdr") == 0) {
            return number_field(packet->protocol, own);
        }
        return (struct field){.type = FIELD_UNKNOWN};
    }
    if (strcmp(protocol, "th") != 0 && strcmp(protocol, own) != 0) {
        return (struct field){.type = is_other_protocol(protocol) ? FIELD_ABSENT : FIELD_UNKNOWN};
    }
    if (strcmp(name, "dport") == 0) {
        return number_field(packet->port, NULL);
    }
    return strcmp(name, "sport") == 0 ? number_field(packet->source_port, NULL)
                                      : (struct field){.type = FIELD_UNKNOWN};
}

static struct field meta_field(const struct firewall_packet *packet, const char *key) {
    static const char *const casts[] = {"host", "multicast", "broadcast"};
    if (strcmp(key, "l4proto") == 0) {
        return number_field(packet->protocol, packet->protocol == FIREWALL_TCP ? "tcp" : "udp");
    }
    if (strcmp(key, "nfproto") == 0) {
        return word_field(packet->is_ipv6 ? "ipv6" : "ipv4");
    }
    if (strcmp(key, "protocol") == 0) {
        return word_field(packet->is_ipv6 ? "ip6" : "ip");
    }
    if (strcmp(key, "iifname") == 0 || strcmp(key, "iif") == 0) {
        return packet->is_in ? word_field(packet->interface) : (struct field){.type = FIELD_ABSENT};
    }
    if (strcmp(key, "oifname") == 0 || strcmp(key, "oif") == 0) {
        return packet->is_in ? (struct field){.type = FIELD_ABSENT} : word_field(packet->interface);
    }
    if (strcmp(key, "pkttype") == 0) { /* what leaves has none but this one yet */
        return word_field(casts[packet->is_in ? packet->cast : FIREWALL_UNICAST]);
    }
    return (struct field){.type = FIELD_UNKNOWN};
}

static bool has_element(const document_node_t *array, const char *text) {
    for (const document_node_t *e = document_first(array); e != NULL; e = document_next(e)) {
        if (document_text(e) != NULL && strcmp(document_text(e), text) == 0) {
            return true;
        }
    }
    return false;
}

static struct field fib_field(const struct firewall_packet *packet, const document_node_t *fib) {
    static const char *const casts[] = {"local", "multicast", "broadcast"};
    if (!is_text(fib, "result", "type") || !has_element(document_member(fib, "flags"), "daddr")) {
        return (struct field){.type = FIELD_UNKNOWN};
    }
    return word_field(packet->cast == FIREWALL_UNICAST && !packet->is_in ? "unicast" : casts[packet->cast]);
}

static struct field field_of(const struct walk *walk, const document_node_t *left) {
    const document_node_t *payload = document_member(left, "payload");
    const document_node_t *meta = document_member(left, "meta");
    const document_node_t *ct = document_member(left, "ct");
    const document_node_t *fib = document_member(left, "fib");
    if (payload != NULL) {
        return payload_field(walk->packet, text_of(payload, "protocol"), text_of(payload, "field"));
    }
    if (meta != NULL) {
        return meta_field(walk->packet, text_of(meta, "key"));
    }
    if (ct != NULL && is_text(ct, "key", "state")) {
        return word_field(walk->packet->is_established ? "established" : "new");
    }
    return fib != NULL ? fib_field(walk->packet, fib) : (struct field){.type = FIELD_UNKNOWN};
}

/* ---- what the rule wants ---- */

static bool parse_address(const char *text, bool is_ipv6, uint8_t address[16]) {
    return text != NULL && inet_pton(is_ipv6 ? AF_INET6 : AF_INET, text, address) == 1;
}

static enum firewall_truth truth(bool value) {
    return value ? FIREWALL_YES : FIREWALL_NO;
}

static bool is_word(const char *wanted, const char *word) {
    const size_t length = strlen(wanted);
    if (length > 0 && wanted[length - 1] == '*') {
        return strncmp(wanted, word, length - 1) == 0;
    }
    return strcmp(wanted, word) == 0;
}

static enum firewall_truth compare_value(const struct field *field, const document_node_t *value) {
    const char *text = document_text(value);
    uint64_t number;
    uint8_t address[16];
    if (field->type == FIELD_ADDRESS) {
        return parse_address(text, field->is_ipv6, address) && !field->is_other
                   ? truth(memcmp(address, field->address, field->is_ipv6 ? 16 : 4) == 0)
                   : FIREWALL_MAYBE;
    }
    if (document_integer(value, &number)) {
        return field->type == FIELD_NUMBER ? truth(number == field->number) : FIREWALL_MAYBE;
    }
    return text != NULL && field->word != NULL ? truth(is_word(text, field->word)) : FIREWALL_MAYBE;
}

static enum firewall_truth compare_range(const struct field *field, const document_node_t *range) {
    const document_node_t *first = document_first(range);
    const document_node_t *last = first != NULL ? document_next(first) : NULL;
    uint64_t low;
    uint64_t high;
    uint8_t from[16];
    uint8_t to[16];
    if (field->type == FIELD_NUMBER && document_integer(first, &low) && document_integer(last, &high)) {
        return truth(field->number >= low && field->number <= high);
    }
    if (field->type == FIELD_ADDRESS && parse_address(document_text(first), field->is_ipv6, from) &&
        parse_address(document_text(last), field->is_ipv6, to)) {
        const size_t bytes = field->is_ipv6 ? 16 : 4;
        return truth(memcmp(field->address, from, bytes) >= 0 && memcmp(field->address, to, bytes) <= 0);
    }
    return FIREWALL_MAYBE;
}

static enum firewall_truth compare_prefix(const struct field *field, const document_node_t *prefix) {
    uint64_t bits;
    uint8_t address[16];
    if (field->type != FIELD_ADDRESS || !document_integer(document_member(prefix, "len"), &bits) ||
        bits > (field->is_ipv6 ? 128 : 32) ||
        !parse_address(text_of(prefix, "addr"), field->is_ipv6, address)) {
        return FIREWALL_MAYBE;
    }
    return truth(firewall_has_prefix(field->address, address, (unsigned)bits));
}

static enum firewall_truth compare(const struct walk *walk, const struct field *field,
                                   const document_node_t *right);

static enum firewall_truth compare_any(const struct walk *walk, const struct field *field,
                                       const document_node_t *array) {
    enum firewall_truth best = FIREWALL_NO;
    for (const document_node_t *e = document_first(array); e != NULL; e = document_next(e)) {
        if (!firewall_step(walk->firewall)) {
            return FIREWALL_MAYBE;
        }
        const enum firewall_truth one = compare(walk, field, e);
        best = one > best ? one : best;
    }
    return best;
}

/* A set or map with a name; NULL when it is not there. */
static const document_node_t *find_named(const struct walk *walk, const char *type, const char *name) {
    for (const document_node_t *e = document_first(walk->ruleset); e != NULL && firewall_step(walk->firewall);
         e = document_next(e)) {
        const document_node_t *set = document_member(e, type);
        if (set != NULL && is_text(set, "family", walk->family) && is_text(set, "table", walk->table) &&
            is_text(set, "name", name)) {
            return set;
        }
    }
    return NULL;
}

static enum firewall_truth compare(const struct walk *walk, const struct field *field,
                                   const document_node_t *right) {
    if (document_type(right) == DOCUMENT_ARRAY) {
        return compare_any(walk, field, right);
    }
    if (document_member(right, "set") != NULL) {
        return compare_any(walk, field, document_member(right, "set"));
    }
    if (document_member(right, "elem") != NULL) {
        return compare(walk, field, document_member(document_member(right, "elem"), "val"));
    }
    if (document_member(right, "range") != NULL) {
        return compare_range(field, document_member(right, "range"));
    }
    if (document_member(right, "prefix") != NULL) {
        return compare_prefix(field, document_member(right, "prefix"));
    }
    return document_type(right) == DOCUMENT_OBJECT ? FIREWALL_MAYBE : compare_value(field, right);
}

/* The right side of a match may name a set; an element that looks like such a name is none. */
static enum firewall_truth compare_named(const struct walk *walk, const struct field *field,
                                         const document_node_t *right) {
    const char *text = document_text(right);
    if (text == NULL || text[0] != '@') {
        return compare(walk, field, right);
    }
    const document_node_t *set = find_named(walk, "set", text + 1);
    return set != NULL ? compare_any(walk, field, document_member(set, "elem")) : FIREWALL_MAYBE;
}

static enum firewall_truth match(const struct walk *walk, const document_node_t *statement) {
    const struct field field = field_of(walk, document_member(statement, "left"));
    if (field.type == FIELD_ABSENT) {
        return FIREWALL_NO;
    }
    if (field.type == FIELD_UNKNOWN) {
        return FIREWALL_MAYBE;
    }
    const enum firewall_truth result = compare_named(walk, &field, document_member(statement, "right"));
    if (is_text(statement, "op", "==") || is_text(statement, "op", "in")) {
        return result;
    }
    return is_text(statement, "op", "!=") ? (enum firewall_truth)(FIREWALL_YES - result) : FIREWALL_MAYBE;
}

/* ---- the way through the chains ---- */

/* The line of nft -a that has this handle, without it and without white space in front. */
static bool find_line(const struct walk *walk, uint64_t handle, char *line, size_t size) {
    char wanted[160];
    snprintf(wanted, sizeof(wanted), "table %s %s {", walk->family, walk->table);
    const char *at = strstr(walk->text, wanted);
    snprintf(wanted, sizeof(wanted), " # handle %llu\n", (unsigned long long)handle);
    at = at != NULL ? strchr(at, '\n') : NULL;
    at = at != NULL ? strstr(at, wanted) : NULL;
    if (at == NULL) {
        return false;
    }
    const char *begin = at;
    while (begin > walk->text && begin[-1] != '\n') {
        begin--;
    }
    begin += strspn(begin, " \t");
    snprintf(line, size, "%.*s", (int)(at - begin), begin);
    return true;
}

static void record(const struct walk *walk, const char *chain, const document_node_t *rule, bool is_certain) {
    char line[200] = "policy drop";
    char text[320];
    uint64_t handle;
    if (rule != NULL && (!document_integer(document_member(rule, "handle"), &handle) ||
                         !find_line(walk, handle, line, sizeof(line)))) {
        snprintf(line, sizeof(line), "a rule that drops");
    }
    snprintf(text, sizeof(text), "nft, table %s %.40s, chain %.40s: %s", walk->family, walk->table, chain,
             line);
    firewall_record(walk->firewall, text, walk->packet->use, is_certain);
}

static enum verdict walk_chain(struct walk *walk, const char *chain, unsigned depth);

/* The verdict of a statement, or of the value of a verdict map, for a packet that matches so far. */
static enum verdict take_verdict(struct walk *walk, const char *chain, const document_node_t *rule,
                                 const document_node_t *statement, enum firewall_truth matches,
                                 unsigned depth, bool *is_over) {
    const document_node_t *jump = document_member(statement, "jump");
    const document_node_t *target = jump != NULL ? jump : document_member(statement, "goto");
    if (document_member(statement, "accept") != NULL) {
        walk->is_sure = walk->is_sure && matches == FIREWALL_YES;
        return matches == FIREWALL_YES ? VERDICT_ACCEPT : VERDICT_CONTINUE;
    }
    if (document_member(statement, "drop") != NULL || document_member(statement, "reject") != NULL) {
        record(walk, chain, rule, walk->is_sure && matches == FIREWALL_YES);
        return matches == FIREWALL_YES ? VERDICT_DROP : VERDICT_CONTINUE;
    }
    if (target != NULL) {
        const bool was_sure = walk->is_sure;
        walk->is_sure = was_sure && matches == FIREWALL_YES;
        const enum verdict verdict = walk_chain(walk, text_of(target, "target"), depth + 1);
        if (matches == FIREWALL_YES) {
            *is_over = jump == NULL;
            return verdict;
        }
        return VERDICT_CONTINUE;
    }
    if (document_member(statement, "return") != NULL) {
        *is_over = matches == FIREWALL_YES;
        walk->is_sure = walk->is_sure && matches != FIREWALL_MAYBE;
    }
    return VERDICT_CONTINUE;
}

static bool is_verdict(const document_node_t *statement) {
    static const char *const names[] = {"accept", "drop", "reject", "jump", "goto", "return"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (document_member(statement, names[i]) != NULL) {
            return true;
        }
    }
    return false;
}

/* A verdict map: the first entry that matches says what happens. */
static enum verdict take_map(struct walk *walk, const char *chain, const document_node_t *rule,
                             const document_node_t *map, enum firewall_truth matches, unsigned depth,
                             bool *is_over) {
    const struct field field = field_of(walk, document_member(map, "key"));
    const document_node_t *data = document_member(map, "data");
    const char *name = document_text(data);
    const document_node_t *entries = document_member(data, "set");
    if (name != NULL && name[0] == '@') {
        entries = document_member(find_named(walk, "map", name + 1), "elem");
    }
    for (const document_node_t *e = document_first(entries); e != NULL; e = document_next(e)) {
        const document_node_t *key = document_first(e);
        enum firewall_truth one = field.type == FIELD_ABSENT    ? FIREWALL_NO
                                  : field.type == FIELD_UNKNOWN ? FIREWALL_MAYBE
                                                                : compare(walk, &field, key);
        one = one < matches ? one : matches;
        if (one != FIREWALL_NO) {
            const enum verdict verdict =
                take_verdict(walk, chain, rule, document_next(key), one, depth, is_over);
            if (one == FIREWALL_YES) {
                return verdict;
            }
        }
    }
    return VERDICT_CONTINUE;
}

/* Another program (queue) or module (a target of xt) may accept what comes here, or drop it. */
static bool may_end(const document_node_t *statement) {
    return document_member(statement, "queue") != NULL || document_member(statement, "tproxy") != NULL ||
           document_member(statement, "synproxy") != NULL || document_member(statement, "fwd") != NULL ||
           (is_text(document_member(statement, "xt"), "type", "target") &&
            !is_text(document_member(statement, "xt"), "name", "LOG"));
}

static bool has_no_say(const document_node_t *statement) {
    return document_member(statement, "counter") != NULL || document_member(statement, "log") != NULL ||
           document_member(statement, "mangle") != NULL;
}

static enum verdict walk_rule(struct walk *walk, const char *chain, const document_node_t *rule,
                              unsigned depth, bool *is_over) {
    enum firewall_truth matches = FIREWALL_YES;
    const document_node_t *expr = document_member(rule, "expr");
    for (const document_node_t *e = document_first(expr); e != NULL && matches != FIREWALL_NO;
         e = document_next(e)) {
        if (is_text(document_member(e, "xt"), "name", "REJECT")) {
            record(walk, chain, rule, walk->is_sure && matches == FIREWALL_YES);
            return matches == FIREWALL_YES ? VERDICT_DROP : VERDICT_CONTINUE;
        }
        walk->is_sure = walk->is_sure && !may_end(e);
        if (is_verdict(e)) {
            return take_verdict(walk, chain, rule, e, matches, depth, is_over);
        }
        if (document_member(e, "vmap") != NULL) {
            return take_map(walk, chain, rule, document_member(e, "vmap"), matches, depth, is_over);
        }
        enum firewall_truth one = has_no_say(e) ? FIREWALL_YES : FIREWALL_MAYBE; /* an xt, a limit, … */
        if (document_member(e, "match") != NULL) {
            one = match(walk, document_member(e, "match"));
        }
        matches = one < matches ? one : matches;
    }
    return VERDICT_CONTINUE;
}

static enum verdict walk_chain(struct walk *walk, const char *chain, unsigned depth) {
    for (const document_node_t *e = document_first(walk->ruleset); e != NULL && depth < DEPTH_MAX;
         e = document_next(e)) {
        const document_node_t *rule = document_member(e, "rule");
        bool is_over = false;
        if (!firewall_step(walk->firewall)) {
            return VERDICT_ACCEPT; /* nothing is said of what is not known */
        }
        if (rule == NULL || !is_text(rule, "family", walk->family) || !is_text(rule, "table", walk->table) ||
            !is_text(rule, "chain", chain)) {
            continue;
        }
        const enum verdict verdict = walk_rule(walk, chain, rule, depth, &is_over);
        if (verdict != VERDICT_CONTINUE || is_over) {
            return verdict;
        }
    }
    return VERDICT_CONTINUE;
}

/* The kernel asks no chain of a dormant table. nft 1.0.6 prints this flag as "inet". */
static bool is_dormant(const struct walk *walk, const document_node_t *chain) {
    for (const document_node_t *e = document_first(walk->ruleset); e != NULL; e = document_next(e)) {
        const document_node_t *table = document_member(e, "table");
        const document_node_t *flags = document_member(table, "flags");
        if (flags != NULL && is_text(table, "family", text_of(chain, "family")) &&
            is_text(table, "name", text_of(chain, "table"))) {
            return is_text(table, "flags", "dormant") || is_text(table, "flags", "inet") ||
                   has_element(flags, "dormant") || has_element(flags, "inet");
        }
    }
    return false;
}

static bool concerns(const document_node_t *chain, const struct firewall_packet *packet) {
    const char *hook = text_of(chain, "hook");
    const char *family = text_of(chain, "family");
    const char *device = text_of(chain, "dev");
    if (strcmp(family, "netdev") == 0) {
        return strcmp(hook, packet->is_in ? "ingress" : "egress") == 0 && is_word(device, packet->interface);
    }
    if (strcmp(family, "inet") != 0 && strcmp(family, packet->is_ipv6 ? "ip6" : "ip") != 0) {
        return false;
    }
    if (is_text(chain, "type", "nat")) {
        return false;
    }
    return packet->is_in ? strcmp(hook, "prerouting") == 0 || strcmp(hook, "input") == 0
                         : strcmp(hook, "output") == 0 || strcmp(hook, "postrouting") == 0;
}

static void walk_packet(struct walk *walk) {
    for (const document_node_t *e = document_first(walk->ruleset); e != NULL; e = document_next(e)) {
        const document_node_t *chain = document_member(e, "chain");
        if (chain == NULL || !concerns(chain, walk->packet) || is_dormant(walk, chain)) {
            continue;
        }
        walk->family = text_of(chain, "family");
        walk->table = text_of(chain, "table");
        walk->is_sure = true;
        if (walk_chain(walk, text_of(chain, "name"), 0) == VERDICT_CONTINUE &&
            is_text(chain, "policy", "drop")) {
            record(walk, text_of(chain, "name"), NULL, walk->is_sure);
        }
    }
}

bool firewall_read_nft(struct firewall *firewall, const char *json, const char *text,
                       const struct firewall_packet *packets, size_t count) {
    document_node_t *root = document_parse(json, strlen(json)); /* this machine's own tool wrote it */
    const document_node_t *ruleset = document_member(root, "nftables");
    struct walk walk = {.firewall = firewall, .ruleset = ruleset, .text = text};
    for (size_t i = 0; ruleset != NULL && i < count; i++) {
        walk.packet = &packets[i];
        walk_packet(&walk);
    }
    document_free(root);
    return ruleset != NULL;
}
