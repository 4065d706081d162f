#include "column.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "roster.h"
#include "text.h"

/* ---- cells; rows are struct roster_row ---- */

static const struct muster_peer *peer_of(const void *row) {
    return ((const struct roster_row *)row)->peer;
}

static void print_name(FILE *out, const void *row) {
    roster_print_label(out, row);
}

static void print_state(FILE *out, const void *row) {
    const struct muster_peer *peer = peer_of(row);
    fprintf(out, "%s%s%s", muster_state_name(peer->state), peer->verified ? "" : "?",
            peer->provisional ? "~" : "");
}

static void print_address(FILE *out, const void *row) {
    text_print_address(out, &peer_of(row)->address);
}

static void print_interface(FILE *out, const void *row) {
    const char *name = peer_of(row)->interface_name;
    text_print(out, name[0] != '\0' ? name : "-");
}

static void print_age(FILE *out, const void *row) {
    text_print_duration(out, (int64_t)peer_of(row)->age_ms);
}

static void print_next(FILE *out, const void *row) {
    const struct muster_peer *peer = peer_of(row);
    if (peer->state == MUSTER_LOST || peer->state == MUSTER_LEFT) {
        fputc('-', out); /* its promise is void */
    } else {
        text_print_duration(out, peer->next_ms);
    }
}

static void print_loss(FILE *out, const void *row) {
    text_print_share(out, peer_of(row)->loss);
}

static void print_paths(FILE *out, const void *row) {
    text_print_paths(out, peer_of(row)->paths);
}

static void print_services(FILE *out, const void *row) {
    text_print_services(out, &peer_of(row)->document);
}

static void print_id(FILE *out, const void *row) {
    char id[MUSTER_ID_TEXT_BYTES];
    muster_id_text(peer_of(row)->id, id);
    fputs(id, out);
}

static void print_verified(FILE *out, const void *row) {
    fputs(peer_of(row)->verified ? "yes" : "no", out);
}

static void print_port(FILE *out, const void *row) {
    fprintf(out, "%u", peer_of(row)->address.port);
}

static void print_boot(FILE *out, const void *row) {
    fprintf(out, "%" PRIu64, peer_of(row)->boot);
}

static void print_rev(FILE *out, const void *row) {
    fprintf(out, "%" PRIu64, peer_of(row)->rev);
}

static void print_since(FILE *out, const void *row) {
    text_print_duration(out, (int64_t)peer_of(row)->since_ms);
}

static void print_received(FILE *out, const void *row) {
    fprintf(out, "%" PRIu64, peer_of(row)->received);
}

static void print_copies(FILE *out, const void *row) {
    fprintf(out, "%" PRIu64, peer_of(row)->copies);
}

static void print_attrs(FILE *out, const void *row) {
    const struct muster_document *document = &peer_of(row)->document;
    text_print_items(out, document->attrs, document->attr_count);
}

static const char *color_state(const void *row) {
    return text_state_color(peer_of(row)->state);
}

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

static int compare_address(const struct muster_peer *a, const struct muster_peer *b) {
    if (a->address.family != b->address.family) {
        return a->address.family - b->address.family;
    }
    return memcmp(a->address.ip, b->address.ip, sizeof(a->address.ip));
}

static int compare_interface(const struct muster_peer *a, const struct muster_peer *b) {
    return strcmp(a->interface_name, b->interface_name);
}

static int compare_id(const struct muster_peer *a, const struct muster_peer *b) {
    return memcmp(a->id, b->id, MUSTER_ID_BYTES);
}

/* ---- the table of columns, in the order of --help ---- */

static const struct column columns[] = {
    {{"NAME", "what it calls itself, with its id's first digits where two share a name", TABLE_CUT,
      print_name, NULL},
     compare_name,
     true},
    {{"STATE", "alive, suspect, lost or left; with ? when no key vouches for it", 0, print_state,
      color_state},
     compare_state,
     true},
    {{"ADDRESS", "where its datagrams come from", 0, print_address, NULL}, compare_address, true},
    {{"IF", "interface that it was heard on", 0, print_interface, NULL}, compare_interface, true},
    {{"AGE", "time since it was last heard", TABLE_RIGHT, print_age, NULL}, compare_age, true},
    {{"NEXT", "time until it promised to speak again", TABLE_RIGHT, print_next, NULL}, compare_next, true},
    {{"LOSS", "share of its messages that came by no path", TABLE_RIGHT, print_loss, NULL},
     compare_loss,
     true},
    {{"PATHS", "paths by which it was heard, or by which it heard our question", 0, print_paths, NULL},
     compare_paths,
     true},
    {{"SERVICES", "what it offers, type:port", TABLE_CUT, print_services, NULL}, compare_service_count, true},
    {{"ID", "hash of its key", 0, print_id, NULL}, compare_id, false},
    {{"VERIFIED", "whether a key vouches for this row", 0, print_verified, NULL}, compare_verified, false},
    {{"PORT", "UDP port that its datagrams come from", TABLE_RIGHT, print_port, NULL}, compare_port, false},
    {{"BOOT", "number that grows with each of its starts", TABLE_RIGHT, print_boot, NULL},
     compare_boot,
     false},
    {{"REV", "revision of what it says of itself", TABLE_RIGHT, print_rev, NULL}, compare_rev, false},
    {{"SINCE", "time since it was first heard", TABLE_RIGHT, print_since, NULL}, compare_since, false},
    {{"RECEIVED", "messages accepted, each once", TABLE_RIGHT, print_received, NULL},
     compare_received,
     false},
    {{"COPIES", "further copies of them by other paths", TABLE_RIGHT, print_copies, NULL},
     compare_copies,
     false},
    {{"ATTRS", "its attributes", TABLE_CUT, print_attrs, NULL}, compare_attr_count, false},
};

#define COLUMN_COUNT (sizeof(columns) / sizeof(columns[0]))

static void set_unknown(const char *name, struct reason *reason) {
    char names[256] = "";
    for (size_t i = 0; i < COLUMN_COUNT; i++) {
        size_t length = strlen(names);
        snprintf(names + length, sizeof(names) - length, "%s%s", i > 0 ? ", " : "", columns[i].table.name);
    }
    reason_set(reason, "no such column '%.32s', expected one of %s", name, names);
}

const struct column *column_find(const char *name, struct reason *reason) {
    for (size_t i = 0; i < COLUMN_COUNT; i++) {
        if (strcasecmp(columns[i].table.name, name) == 0) {
            return &columns[i];
        }
    }
    set_unknown(name, reason);
    return NULL;
}

const char *column_name(size_t i) {
    return i < COLUMN_COUNT ? columns[i].table.name : NULL;
}

void column_choose_default(struct column_choice *choice) {
    choice->count = 0;
    for (size_t i = 0; i < COLUMN_COUNT; i++) {
        if (columns[i].by_default) {
            choice->columns[choice->count++] = &columns[i].table;
        }
    }
}

int column_choose(const char *list, struct column_choice *choice, struct reason *reason) {
    struct column_choice chosen = {0};
    if (*list == '+') {
        chosen = *choice;
        list++;
    }
    for (;; list++) {
        char name[32];
        size_t length = strcspn(list, ",");
        snprintf(name, sizeof(name), "%.*s", (int)length, list);
        const struct column *column = column_find(name, reason);
        if (column == NULL) {
            return -1;
        }
        if (chosen.count == COLUMN_CHOICE_MAX) {
            return reason_set(reason, "expected at most %d columns", COLUMN_CHOICE_MAX);
        }
        chosen.columns[chosen.count++] = &column->table;
        list += length;
        if (*list == '\0') {
            break;
        }
    }
    *choice = chosen;
    return 0;
}

void column_describe(FILE *out) {
    fprintf(out, "Columns (* shown by default):\n");
    for (size_t i = 0; i < COLUMN_COUNT; i++) {
        fprintf(out, "  %c %-9s %s\n", columns[i].by_default ? '*' : ' ', columns[i].table.name,
                columns[i].table.help);
    }
    fprintf(out,
            "Paths are m4 (IPv4 multicast), b4 (broadcast) and, where it is the only one, u4 (unicast).\n");
}
