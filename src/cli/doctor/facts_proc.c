/* SPDX-License-Identifier: MIT */
/* Evidence in /proc (proc(5)). */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "facts.h"

/* Flags of an address in if_inet6 (linux/if_addr.h). */
#define ADDRESS_DUPLICATE 0x08
#define ADDRESS_TENTATIVE 0x40
#define SCOPE_LINK 0x20

#define LINE_BYTES 4096

static FILE *open_file(const char *root, const char *format, const char *name) {
    char file[FACTS_PATH_BYTES];
    char path[2 * FACTS_PATH_BYTES];
    snprintf(file, sizeof(file), format, name);
    snprintf(path, sizeof(path), "%s/proc/%s", root, file);
    return fopen(path, "r");
}

/* The number that a file holds; fallback where there is none. */
static uint64_t read_number(const char *root, const char *format, const char *name, uint64_t fallback) {
    FILE *file = open_file(root, format, name);
    uint64_t number = fallback;
    if (file != NULL) {
        if (fscanf(file, "%" SCNu64, &number) != 1) {
            number = fallback;
        }
        fclose(file);
    }
    return number;
}

static struct facts_interface *find(struct facts *facts, const char *name) {
    return (struct facts_interface *)facts_find(facts, name);
}

/* ---- addresses and routes ---- */

static void read_ipv6_addresses(struct facts *facts, const char *root) {
    FILE *file = open_file(root, "net/if_inet6", "");
    char line[LINE_BYTES];
    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        unsigned index, length, scope, flags;
        char name[IF_NAMESIZE];
        if (sscanf(line, "%*32s %x %x %x %x %15s", &index, &length, &scope, &flags, name) != 5) {
            continue;
        }
        struct facts_interface *interface = find(facts, name);
        if (interface != NULL) {
            interface->has_ipv6 = true;
            interface->has_duplicate = interface->has_duplicate || (flags & ADDRESS_DUPLICATE) != 0;
            interface->has_tentative = interface->has_tentative || (flags & ADDRESS_TENTATIVE) != 0;
            interface->has_link_local =
                interface->has_link_local ||
                (scope == SCOPE_LINK && (flags & (ADDRESS_DUPLICATE | ADDRESS_TENTATIVE)) == 0);
        }
    }
    if (file != NULL) {
        fclose(file);
    }
}

static void read_routes(struct facts *facts, const char *root) {
    FILE *file = open_file(root, "net/route", "");
    char line[LINE_BYTES];
    char name[IF_NAMESIZE];
    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        if (sscanf(line, "%15s", name) == 1 && find(facts, name) != NULL) {
            find(facts, name)->has_route = true;
        }
    }
    if (file != NULL) {
        fclose(file);
    }
    file = open_file(root, "net/ipv6_route", "");
    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        char network[33];
        unsigned bits;
        if (sscanf(line, "%32s %x %*s %*s %*s %*s %*s %*s %*s %15s", network, &bits, name) == 3 &&
            bits == 8 && strncmp(network, "ff000000", 8) == 0 && find(facts, name) != NULL) {
            find(facts, name)->has_multicast_route = true;
        }
    }
    if (file != NULL) {
        fclose(file);
    }
}

/* The larger of both values holds (ip-sysctl). */
static void read_rp_filter(struct facts *facts, const char *root) {
    const uint64_t all = read_number(root, "sys/net/ipv4/conf/all/rp_filter", "", 0);
    for (size_t i = 0; i < facts->interface_count; i++) {
        struct facts_interface *interface = &facts->interfaces[i];
        const uint64_t own = read_number(root, "sys/net/ipv4/conf/%s/rp_filter", interface->name, 0);
        interface->rp_filter = (unsigned)(own > all ? own : all);
    }
}

/* ---- counters ---- */

/* A value of netstat or snmp, where a line of names stands before each line of values. */
static uint64_t read_pair(const char *root, const char *path, const char *group, const char *name) {
    FILE *file = open_file(root, path, "");
    char names[LINE_BYTES];
    char values[LINE_BYTES];
    uint64_t value = 0;
    while (file != NULL && fgets(names, sizeof(names), file) != NULL &&
           fgets(values, sizeof(values), file) != NULL) {
        char *rest_of_names;
        char *rest_of_values;
        const char *title = strtok_r(names, " \n", &rest_of_names);
        const char *number = strtok_r(values, " \n", &rest_of_values);
        if (title == NULL || strcmp(title, group) != 0) {
            continue;
        }
        while (title != NULL && number != NULL && strcmp(title, name) != 0) {
            title = strtok_r(NULL, " \n", &rest_of_names);
            number = strtok_r(NULL, " \n", &rest_of_values);
        }
        value = number != NULL ? strtoull(number, NULL, 10) : 0;
    }
    if (file != NULL) {
        fclose(file);
    }
    return value;
}

/* The value of a line "name value". */
static uint64_t read_line(const char *root, const char *format, const char *interface, const char *name) {
    FILE *file = open_file(root, format, interface);
    char line[LINE_BYTES];
    char title[64];
    uint64_t value = 0;
    uint64_t number;
    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        if (sscanf(line, "%63s %" SCNu64, title, &number) == 2 && strcmp(title, name) == 0) {
            value = number;
        }
    }
    if (file != NULL) {
        fclose(file);
    }
    return value;
}

/* The column table_fulls of a table that has a hexadecimal line for each processor. */
static uint64_t read_arp_full(const char *root) {
    FILE *file = open_file(root, "net/stat/arp_cache", "");
    char line[LINE_BYTES];
    int column = -1;
    uint64_t sum = 0;
    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        char *rest;
        int i = 0;
        for (const char *word = strtok_r(line, " \n", &rest); word != NULL;
             word = strtok_r(NULL, " \n", &rest)) {
            if (strcmp(word, "table_fulls") == 0) {
                column = i;
            } else if (i == column) {
                sum += strtoull(word, NULL, 16);
            }
            i++;
        }
    }
    if (file != NULL) {
        fclose(file);
    }
    return sum;
}

void facts_read_counters(const struct facts *facts, const char *root, struct facts_counters *counters) {
    *counters = (struct facts_counters){.rp_filtered =
                                            read_pair(root, "net/netstat", "TcpExt:", "IPReversePathFilter"),
                                        .buffer_dropped = read_pair(root, "net/snmp", "Udp:", "RcvbufErrors"),
                                        .arp_full = read_arp_full(root)};
    for (size_t i = 0; i < facts->interface_count; i++) {
        const char *name = facts->interfaces[i].name;
        counters->mld_queries[i] = read_line(root, "net/dev_snmp6/%s", name, "Icmp6InGroupMembQueries");
        counters->mld_reports[i] = read_line(root, "net/dev_snmp6/%s", name, "Icmp6OutMLDv2Reports") +
                                   read_line(root, "net/dev_snmp6/%s", name, "Icmp6OutGroupMembResponses");
    }
}

static uint64_t count_lines(const char *root, const char *path) {
    FILE *file = open_file(root, path, "");
    char line[LINE_BYTES];
    uint64_t count = 0;
    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        count++;
    }
    if (file != NULL) {
        fclose(file);
    }
    return count;
}

/* ---- who has the port ---- */

/* Writes "name (pid N)" of the process that has this socket. False when none can be seen, or it is muster. */
static bool find_owner(const char *root, unsigned long inode, char *owner, size_t size) {
    char wanted[64];
    char path[2 * FACTS_PATH_BYTES];
    char target[64];
    char name[32] = "";
    snprintf(wanted, sizeof(wanted), "socket:[%lu]", inode);
    snprintf(path, sizeof(path), "%s/proc", root);
    DIR *processes = opendir(path);
    bool is_found = false;
    for (const struct dirent *process;
         processes != NULL && !is_found && (process = readdir(processes)) != NULL;) {
        snprintf(path, sizeof(path), "%s/proc/%.16s/fd", root, process->d_name);
        DIR *files = isdigit((unsigned char)process->d_name[0]) ? opendir(path) : NULL;
        for (const struct dirent *file; files != NULL && !is_found && (file = readdir(files)) != NULL;) {
            snprintf(path, sizeof(path), "%s/proc/%.16s/fd/%.16s", root, process->d_name, file->d_name);
            const ssize_t length = readlink(path, target, sizeof(target) - 1);
            target[length > 0 ? length : 0] = '\0';
            is_found = strcmp(target, wanted) == 0;
        }
        if (files != NULL) {
            closedir(files);
        }
        if (is_found) {
            FILE *comm = open_file(root, "%s/comm", process->d_name);
            if (comm != NULL) {
                if (fscanf(comm, "%31s", name) != 1) {
                    name[0] = '\0';
                }
                fclose(comm);
            }
            snprintf(owner, size, "%s (pid %.16s)", name, process->d_name);
        }
    }
    if (processes != NULL) {
        closedir(processes);
    }
    return is_found && strcmp(name, "muster") != 0;
}

static void read_port_owner(struct facts *facts, const char *root, const char *path, uint16_t port) {
    FILE *file = open_file(root, path, "");
    char line[LINE_BYTES];
    while (file != NULL && facts->port_owner[0] == '\0' && fgets(line, sizeof(line), file) != NULL) {
        unsigned local;
        unsigned long inode;
        if (sscanf(line, " %*[0-9]: %*[0-9A-Fa-f]:%x %*s %*s %*s %*s %*s %*s %*s %lu", &local, &inode) == 2 &&
            local == port && !find_owner(root, inode, facts->port_owner, sizeof(facts->port_owner))) {
            facts->port_owner[0] = '\0';
        }
    }
    if (file != NULL) {
        fclose(file);
    }
}

void facts_read_proc(struct facts *facts, const char *root, uint16_t port) {
    read_ipv6_addresses(facts, root);
    read_routes(facts, root);
    read_rp_filter(facts, root);
    facts->rmem_max = read_number(root, "sys/net/core/rmem_max", "", 0);
    facts->arp_limit = read_number(root, "sys/net/ipv4/neigh/default/gc_thresh3", "", 0);
    const uint64_t lines = count_lines(root, "net/arp");
    facts->arp_entries = lines > 0 ? lines - 1 : 0; /* the first one is a title */
    read_port_owner(facts, root, "net/udp", port);
    read_port_owner(facts, root, "net/udp6", port);
}
