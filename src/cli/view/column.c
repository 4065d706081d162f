/* SPDX-License-Identifier: MIT */
#include "column.h"

#include <string.h>
#include <strings.h>

#include "value.h"

/* ---- orders ---- */

#define COMPARE_NUMBERS(function, member)                                           \
    static int function(const struct muster_peer *a, const struct muster_peer *b) { \
        return a->member < b->member ? -1 : a->member > b->member;                  \
    }

COMPARE_NUMBERS(compare_state, state)
COMPARE_NUMBERS(compare_age, age_ms)
COMPARE_NUMBERS(compare_next, next_ms)
COMPARE_NUMBERS(compare_loss, loss)
COMPARE_NUMBERS(compare_paths, paths)
COMPARE_NUMBERS(compare_service_count, document.service_count)
COMPARE_NUMBERS(compare_verified, verified)
COMPARE_NUMBERS(compare_port, address.port)
COMPARE_NUMBERS(compare_boot, boot)
COMPARE_NUMBERS(compare_rev, rev)
COMPARE_NUMBERS(compare_since, since_ms)
COMPARE_NUMBERS(compare_received, received)
COMPARE_NUMBERS(compare_copies, copies)
COMPARE_NUMBERS(compare_attr_count, document.attr_count)

static int compare_name(const struct muster_peer *a, const struct muster_peer *b) {
    return strcmp(a->document.name, b->document.name);
}

static int compare_endpoints(const struct muster_endpoint *a, const struct muster_endpoint *b) {
    const int order = a->family - b->family;
    return order != 0 ? order : memcmp(a->ip, b->ip, sizeof(a->ip));
}

static int compare_address(const struct muster_peer *a, const struct muster_peer *b) {
    return compare_endpoints(&a->address, &b->address);
}

static int compare_other(const struct muster_peer *a, const struct muster_peer *b) {
    return compare_endpoints(&a->other_address, &b->other_address);
}

static int compare_interface(const struct muster_peer *a, const struct muster_peer *b) {
    return strcmp(a->interface_name, b->interface_name);
}

static int compare_id(const struct muster_peer *a, const struct muster_peer *b) {
    return memcmp(a->id, b->id, MUSTER_ID_BYTES);
}

/* ---- the table of columns, in the order of --help ---- */

static const struct column columns[] = {
    {"NAME", "what it calls itself, with its id's first digits where two share a name", compare_name, true},
    {"STATE", "alive, suspect, lost or left; with ? without a key, with ! without its services",
     compare_state, true},
    {"ADDRESS", "where its datagrams come from", compare_address, true},
    {"IF", "interface that it was heard on", compare_interface, true},
    {"AGE", "time since it was last heard", compare_age, true},
    {"NEXT", "time until it promised to speak again", compare_next, true},
    {"LOSS", "share of its messages that came by no path", compare_loss, true},
    {"PATHS", "paths by which it is heard now, or by which it heard our question", compare_paths, true},
    {"SERVICES", "what it offers, type:port", compare_service_count, true},
    {"ID", "hash of its key", compare_id},
    {"OTHER", "its address of the other family, IPv6 or IPv4", compare_other},
    {"VERIFIED", "whether a key vouches for this row", compare_verified},
    {"PORT", "UDP port that its datagrams come from", compare_port},
    {"BOOT", "number that grows with each of its starts", compare_boot},
    {"REV", "revision of what it says of itself", compare_rev},
    {"SINCE", "time since it was first heard", compare_since},
    {"RECEIVED", "messages accepted, each once", compare_received},
    {"COPIES", "further copies of them by other paths", compare_copies},
    {"ATTRS", "its attributes", compare_attr_count},
};

#define COLUMN_COUNT (sizeof(columns) / sizeof(columns[0]))

const char *const column_expendable[] = {"NEXT", "PATHS", "LOSS", "IF", "AGE", NULL};

const char *column_heading(size_t i) {
    return i < COLUMN_COUNT ? columns[i].heading : NULL;
}

const struct column *column_find(const char *heading, struct reason *reason) {
    char all[256];
    for (size_t i = 0; i < COLUMN_COUNT; i++) {
        if (strcasecmp(columns[i].heading, heading) == 0) {
            return &columns[i];
        }
    }
    reason_set(reason, "no such column '%.32s', expected one of %s", heading,
               value_join(column_heading, ", ", all, sizeof(all)));
    return NULL;
}

void column_choose_default(struct column_choice *choice) {
    *choice = (struct column_choice){0};
    for (size_t i = 0; i < COLUMN_COUNT; i++) {
        if (columns[i].by_default) {
            choice->headings[choice->count++] = columns[i].heading;
        }
    }
}

int column_choose(const char *list, struct column_choice *choice, struct reason *reason) {
    struct column_choice chosen = {.is_exact = *list != '+'};
    char heading[32];
    if (*list == '+' && choice->count == 0) {
        column_choose_default(&chosen);
    } else if (*list == '+') {
        chosen = *choice;
    }
    list += *list == '+' ? 1 : 0;
    while (value_next_item(&list, heading, sizeof(heading))) {
        const struct column *column = column_find(heading, reason);
        if (column == NULL) {
            return -1;
        }
        if (chosen.count == TABLE_COLUMNS_MAX) {
            return reason_set(reason, "expected at most %d columns", TABLE_COLUMNS_MAX);
        }
        chosen.headings[chosen.count++] = column->heading;
    }
    *choice = chosen;
    return 0;
}

void column_describe(FILE *out) {
    fprintf(out, "Columns (* shown by default):\n");
    for (size_t i = 0; i < COLUMN_COUNT; i++) {
        fprintf(out, "  %c %-9s %s\n", columns[i].by_default ? '*' : ' ', columns[i].heading,
                columns[i].help);
    }
    fprintf(
        out,
        "Paths are m4 and m6 (multicast of IPv4, IPv6), b4 (broadcast) and, where there is no other, u4 and\n"
        "u6 (unicast).\n");
}
