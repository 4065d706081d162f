/* SPDX-License-Identifier: MIT */
/* The rules of this host's firewalls, as their own tools print them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "facts.h"

/* Of the output of a tool. */
#define RULES_BYTES_MAX ((size_t)8 << 20)

/* Runs a command of our own making by the shell. Returns its output for free(), NULL when memory is out;
 * *code is its exit code. */
static char *run(const char *command, int *code) {
    char line[256];
    char *text = NULL;
    size_t length = 0;
    size_t capacity = 0;
    snprintf(line, sizeof(line), "PATH=\"$PATH:/usr/sbin:/sbin\"; exec %s 2>/dev/null", command);
    FILE *pipe = popen(line, "re");
    *code = -1;
    while (pipe != NULL && length < RULES_BYTES_MAX) {
        if (capacity - length < 4096) {
            capacity = capacity == 0 ? 65536 : 2 * capacity;
            char *larger = realloc(text, capacity);
            if (larger == NULL) {
                break;
            }
            text = larger;
        }
        const size_t read = fread(text + length, 1, capacity - length - 1, pipe);
        length += read;
        text[length] = '\0';
        if (read == 0) {
            break;
        }
    }
    if (pipe != NULL) {
        const int status = pclose(pipe);
        *code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    }
    return text;
}

/* Exit code 127 is the shell's: there is no such program. Any other with nothing printed means that it was
 * not allowed to look, and not that there are no rules. */
static void note_refused(struct facts *facts, const char *program, int code) {
    facts_note_unseen(facts,
                      code == 127 ? "the firewall's rules: %s is not installed"
                                  : "the firewall's rules: %s was not allowed to read them; root is",
                      program);
}

static void read_nft(struct facts *facts, const struct firewall_packet *packets, size_t count) {
    int code;
    int text_code;
    char *json = run("nft -j list ruleset", &code);
    char *text = code == 0 ? run("nft -a list ruleset", &text_code) : NULL;
    if (code != 0 || json == NULL ||
        !firewall_read_nft(&facts->firewall, json, text != NULL ? text : "", packets, count)) {
        note_refused(facts, "nft", code);
    }
    free(json);
    free(text);
}

/* nft does not see the rules of iptables-legacy. The kernel names the tables that it has. */
static void read_legacy(struct facts *facts, const char *root, bool is_ipv6,
                        const struct firewall_packet *packets, size_t count) {
    const char *program = is_ipv6 ? "ip6tables-legacy-save" : "iptables-legacy-save";
    char path[FACTS_PATH_BYTES];
    int code;
    snprintf(path, sizeof(path), "%s/proc/net/%s_tables_names", root, is_ipv6 ? "ip6" : "ip");
    FILE *file = fopen(path, "r");
    const bool has_tables = file != NULL && fgetc(file) != EOF;
    if (file != NULL) {
        fclose(file);
    }
    if (!has_tables) {
        return; /* who may not read this file may not run nft either, which is noted */
    }
    char *saved = run(program, &code);
    if (code == 0 && saved != NULL) {
        firewall_read_iptables(&facts->firewall, saved, is_ipv6, packets, count);
    } else {
        note_refused(facts, program, code);
    }
    free(saved);
}

void facts_read_firewall(struct facts *facts, const char *root, uint16_t port) {
    struct firewall_packet packets[FACTS_INTERFACES_MAX * FIREWALL_USES];
    size_t count = 0;
    for (size_t i = 0; i < facts->interface_count; i++) {
        const struct facts_interface *interface = &facts->interfaces[i];
        if (interface->is_used && (interface->flags & IFF_LOOPBACK) == 0) {
            count += firewall_packets(interface->name, interface->has_ipv4 ? interface->ipv4 : NULL,
                                      interface->has_ipv6 ? interface->ipv6 : NULL, port, &packets[count]);
        }
    }
    read_nft(facts, packets, count);
    read_legacy(facts, root, false, packets, count);
    read_legacy(facts, root, true, packets, count);
    if (facts->firewall.is_cut) {
        facts_note_unseen(facts, "some of the firewall's rules: there are too many");
    }
}
