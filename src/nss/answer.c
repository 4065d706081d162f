/* SPDX-License-Identifier: MIT */
#include "answer.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "quoted.h"
#include "scan.h"

/* Values of a head line or an announce, whatever it has. */
#define VALUES_MAX 4096

/* Of members that are read: none is longer. */
#define TEXT_BYTES 64

/* Lines that follow a head line. */
#define LINES_MAX 3

#define RANK_OTHER_CASE 16
#define RANK_OTHER_NODE 8
#define RANK_SUSPECT 4
#define RANK_HEARSAY 2
#define RANK_UNVERIFIED 1

/* A value in a text that scan_large() accepted. */
struct value {
    const char *at;
    const char *end;
};

/* ---- reading JSON whose grammar was checked ---- */

static const char *skip_space(const char *at) {
    return at + strspn(at, " \t\r\n");
}

/* What is behind a value. */
static const char *skip_value(const char *at, const char *end) {
    unsigned depth = 0;
    do {
        struct quoted text;
        const char byte = *at++;
        if (byte == '"') {
            (void)quoted_read(&at, end, &text);
        } else if (byte == '{' || byte == '[') {
            depth++;
        } else if (byte == '}' || byte == ']') {
            depth--;
        } else if (depth == 0) { /* a number or a word */
            at += strcspn(at, ",]} \t\r\n");
        }
    } while (depth > 0);
    return at;
}

static bool is_named(const struct quoted *name, const char *wanted) {
    const struct quoted other = {.at = wanted, .length = strlen(wanted)};
    return quoted_is_same(name, &other);
}

/* The member of an object; false where there is none, or no object. */
static bool find(const struct value *object, const char *wanted, struct value *member) {
    const char *at = object->at;
    while (*at == '{' || *at == ',') {
        struct quoted name;
        at = skip_space(at + 1);
        if (*at != '"') { /* an empty object, or an array */
            return false;
        }
        at++;
        (void)quoted_read(&at, object->end, &name);
        at = skip_space(skip_space(at) + 1); /* the colon */
        *member = (struct value){.at = at, .end = object->end};
        if (is_named(&name, wanted)) {
            return true;
        }
        at = skip_space(skip_value(at, object->end));
    }
    return false;
}

/* A text of an object; false where there is none, or one that is longer. */
static bool find_text(const struct value *object, const char *name, char text[TEXT_BYTES]) {
    struct value value;
    struct quoted string;
    size_t length;
    if (!find(object, name, &value) || *value.at != '"') {
        return false;
    }
    value.at++;
    (void)quoted_read(&value.at, value.end, &string);
    return quoted_copy(&string, text, TEXT_BYTES, &length);
}

static bool find_true(const struct value *object, const char *name) {
    struct value value;
    return find(object, name, &value) && *value.at == 't';
}

/* ---- rows ---- */

bool answer_is_link_local(const uint8_t ip[16]) {
    return ip[0] == 0xfe && (ip[1] & 0xc0) == 0x80; /* RFC 4291, 2.5.6 */
}

static void take_address(struct answer_row *row, const struct value *peer, const char *member) {
    char text[TEXT_BYTES];
    char interface[TEXT_BYTES];
    struct answer_address address = {.family = AF_INET};
    if (!find_text(peer, member, text)) {
        return;
    }
    if (inet_pton(AF_INET, text, address.ip) != 1) {
        address.family = AF_INET6;
        if (inet_pton(AF_INET6, text, address.ip) != 1) {
            return;
        }
        if (answer_is_link_local(address.ip) && find_text(peer, "interface", interface)) {
            address.scope = if_nametoindex(interface);
        }
    }
    row->addresses[row->address_count++] = address;
}

/* The row of a head line. Rows that are neither alive nor suspect have no addresses here. */
static void take_row(struct answer_row *row, const struct value *peer) {
    char state[TEXT_BYTES];
    *row = (struct answer_row){0};
    bool has_state = find_text(peer, "state", state);
    bool is_alive = has_state && strcmp(state, "alive") == 0;
    row->rank = (find_true(peer, "self") ? 0 : RANK_OTHER_NODE) + (is_alive ? 0 : RANK_SUSPECT) +
                (find_true(peer, "provisional") ? RANK_HEARSAY : 0) +
                (find_true(peer, "verified") ? 0 : RANK_UNVERIFIED);
    if (is_alive || (has_state && strcmp(state, "suspect") == 0)) {
        take_address(row, peer, "address");
        take_address(row, peer, "other_address");
    }
}

static int lower(char byte) {
    return byte >= 'A' && byte <= 'Z' ? byte - 'A' + 'a' : byte;
}

/* But for the case of A to Z, whatever the program's locale. */
static bool has_same_letters(const char *a, const char *b) {
    while (*a != '\0' && lower(*a) == lower(*b)) {
        a++;
        b++;
    }
    return *a == *b;
}

static void add(struct answer *answer, const struct answer_address *address) {
    for (size_t i = 0; i < answer->address_count; i++) {
        const struct answer_address *other = &answer->addresses[i];
        if (other->family == address->family && other->scope == address->scope &&
            memcmp(other->ip, address->ip, sizeof other->ip) == 0) {
            return;
        }
    }
    if (answer->address_count < ANSWER_ADDRESSES_MAX) {
        answer->addresses[answer->address_count++] = *address;
    }
}

/* Takes the row's addresses, if its announce has the name, and none of a better row was taken. */
static void take_announce(struct answer *answer, const struct value *announce) {
    struct answer_row *row = &answer->row;
    char name[TEXT_BYTES];
    if (!find_text(announce, "name", name) || !has_same_letters(name, answer->wanted) ||
        row->address_count == 0) {
        return;
    }
    row->rank += strcmp(name, answer->wanted) == 0 ? 0 : RANK_OTHER_CASE;
    if (answer->address_count > 0 && row->rank > answer->rank) {
        return;
    }
    if (answer->address_count == 0 || row->rank < answer->rank) {
        answer->address_count = 0;
        answer->rank = row->rank;
        memcpy(answer->name, name, sizeof answer->name);
    }
    for (size_t i = 0; i < row->address_count; i++) {
        add(answer, &row->addresses[i]);
    }
}

/* ---- lines ---- */

static enum answer_state take_head(struct answer *answer, const struct value *head) {
    struct value value;
    char end[TEXT_BYTES];
    if (find(head, "end", &value)) {
        bool is_text = find_text(head, "end", end);
        return is_text && strcmp(end, "done") == 0        ? ANSWER_DONE
               : is_text && strcmp(end, "elsewhere") == 0 ? ANSWER_OTHER
                                                          : ANSWER_BAD;
    }
    if (!find(head, "lines", &value) || *value.at < '1' || *value.at > '0' + LINES_MAX) {
        return ANSWER_BAD;
    }
    answer->lines_left = (uint64_t)(*value.at - '0');
    answer->has_row = find(head, "peer", &value);
    if (answer->has_row) {
        take_row(&answer->row, &value);
    }
    return ANSWER_MORE;
}

enum answer_state answer_read(struct answer *answer, const char *line, size_t length) {
    const bool is_head = answer->lines_left == 0;
    if (!is_head) {
        answer->lines_left--;
        if (!answer->has_row) {
            return ANSWER_MORE; /* a signature, or a body */
        }
    }
    if (scan_large(line, length, VALUES_MAX, NULL) != SCAN_OK) {
        return ANSWER_BAD;
    }
    const struct value text = {.at = skip_space(line), .end = line + length};
    if (is_head) {
        return take_head(answer, &text);
    }
    answer->has_row = false;
    take_announce(answer, &text);
    return ANSWER_MORE;
}
