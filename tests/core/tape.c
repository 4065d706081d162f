/* SPDX-License-Identifier: MIT */
#include "tape.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test.h"

static struct utterance tape[TAPE_MAX];
static size_t count;
static size_t recorded; /* node */
static uint64_t began_ms;

static unsigned path_of(const struct muster_endpoint *destination) {
    return 1u << (destination->ip[0] == 10    ? MUSTER_PATH_U4
                  : destination->ip[0] == 255 ? MUSTER_PATH_B4
                                              : MUSTER_PATH_M4);
}

static bool is_copy(const struct utterance *utterance, const struct muster_datagram *datagram,
                    unsigned path) {
    return utterance->at_ms == world.now_ms - began_ms && (utterance->paths & path) == 0 &&
           path != 1u << MUSTER_PATH_U4 && utterance->datagram.length == datagram->length &&
           memcmp(utterance->text, datagram->bytes, datagram->length) == 0;
}

static void record(size_t from, const struct muster_datagram *datagram) {
    unsigned path = path_of(&datagram->destination);
    if (from != recorded || datagram->segment != 0) {
        return;
    }
    for (size_t i = count; i > 0 && tape[i - 1].at_ms == world.now_ms - began_ms; i--) {
        if (is_copy(&tape[i - 1], datagram, path)) {
            tape[i - 1].paths |= path;
            return;
        }
    }
    assert_true(count < TAPE_MAX && datagram->length < sizeof tape->text);
    struct utterance *utterance = &tape[count++];
    *utterance = (struct utterance){.at_ms = world.now_ms - began_ms, .paths = path, .datagram = *datagram};
    memcpy(utterance->text, datagram->bytes, datagram->length);
    utterance->datagram.bytes = (const uint8_t *)utterance->text;
}

void tape_begin(size_t node) {
    count = 0;
    recorded = node;
    began_ms = world.now_ms;
    world.on_sent = record;
}

void tape_stop(void) {
    world.on_sent = NULL;
}

static bool is_of_kind(const struct utterance *utterance, const char *kind) {
    char member[64];
    if (kind == NULL) {
        return true;
    }
    snprintf(member, sizeof member, "\"kind\":\"%s\"", kind);
    return strstr(utterance->text, member) != NULL;
}

const struct utterance *tape_said(const char *kind, size_t n) {
    for (size_t i = 0; i < count; i++) {
        if (is_of_kind(&tape[i], kind) && n-- == 0) {
            return &tape[i];
        }
    }
    return NULL;
}

size_t tape_count(const char *kind) {
    size_t said = 0;
    for (size_t i = 0; i < count; i++) {
        said += is_of_kind(&tape[i], kind) ? 1 : 0;
    }
    return said;
}

const struct utterance *tape_last(const char *kind) {
    return tape_said(kind, tape_count(kind) - 1);
}

void tape_check_times(const char *kind, const int *expected_ms) {
    size_t n = 0;
    for (; expected_ms[n] >= 0; n++) {
        const struct utterance *utterance = tape_said(kind, n);
        assert_non_null(utterance);
        assert_int_equal(utterance->at_ms, expected_ms[n]);
    }
    assert_int_equal(tape_count(kind), n);
}

void tape_play(const char *kind, size_t to, uint8_t source) {
    assert_true(tape_count(kind) > 0);
    for (size_t i = 0; i < count; i++) {
        struct muster_datagram datagram = tape[i].datagram;
        datagram.source.ip[3] = source == 0 ? datagram.source.ip[3] : source;
        if (is_of_kind(&tape[i], kind)) {
            world_inject(to, &datagram);
        }
    }
}

/* ---- members ---- */

/* What stands behind the name of a member. */
static const char *find(const char *text, const char *member) {
    char name[64];
    snprintf(name, sizeof name, "\"%s\":", member);
    const char *at = strstr(text, name);
    return at == NULL ? NULL : at + strlen(name);
}

bool said_has(const struct utterance *utterance, const char *member) {
    return find(utterance->text, member) != NULL;
}

uint64_t said_number(const struct utterance *utterance, const char *member) {
    const char *value = find(utterance->text, member);
    return value == NULL ? 0 : strtoull(value, NULL, 10);
}

const char *said_text(const struct utterance *utterance, const char *member) {
    static char text[256];
    const char *value = find(utterance->text, member);
    text[0] = '\0';
    if (value != NULL && value[0] == '"') {
        snprintf(text, sizeof text, "%.*s", (int)strcspn(value + 1, "\""), value + 1);
    }
    return text;
}

uint64_t said_sent(const struct utterance *utterance, unsigned shard) {
    char name[8];
    snprintf(name, sizeof name, "%u", shard);
    const char *sent = find(utterance->text, "sent");
    const char *end = sent == NULL ? NULL : strchr(sent, '}');
    const char *value = sent == NULL ? NULL : find(sent, name);
    return value == NULL || value > end ? 0 : strtoull(value, NULL, 10);
}

size_t said_count(const struct utterance *utterance, const char *member) {
    const char *value = find(utterance->text, member);
    size_t quotes = 0;
    for (; value != NULL && *value != ']'; value++) {
        quotes += *value == '"' ? 1 : 0;
    }
    return quotes / 2;
}
