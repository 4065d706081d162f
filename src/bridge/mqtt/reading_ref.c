/* SPDX-License-Identifier: MIT */
#include "reading_ref.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "bridge.h"
#include "value.h"

const char *reading_ref_text(const struct reading_ref *ref, char text[READING_REF_TEXT_BYTES]) {
    char id[BRIDGE_ID_TEXT_BYTES];
    text[0] = '\0';
    if (ref->seq != 0) {
        snprintf(text, READING_REF_TEXT_BYTES, "%s.%" PRIu64 ".%u.%" PRIu64 ".%u",
                 bridge_id_text(ref->peer, id), ref->boot, ref->shard, ref->seq, ref->record);
    }
    return text;
}

/* Takes a number up to the next dot, or the end. */
static bool take_number(const char **at, uint64_t max, uint64_t *number) {
    char digits[24];
    const size_t length = strcspn(*at, ".");
    if (length >= sizeof(digits)) {
        return false;
    }
    memcpy(digits, *at, length);
    digits[length] = '\0';
    *at += length + ((*at)[length] == '.');
    return value_number(digits, 0, max, number);
}

static bool parse(const char *text, struct reading_ref *ref) {
    const char *at = text + 2 * MUSTER_ID_BYTES + 1;
    uint64_t shard;
    uint64_t record;
    if (!bridge_id_parse(text, ref->peer) || text[2 * MUSTER_ID_BYTES] != '.' ||
        !take_number(&at, UINT64_MAX, &ref->boot) || !take_number(&at, MUSTER_SHARDS - 1, &shard) ||
        !take_number(&at, UINT64_MAX, &ref->seq) || !take_number(&at, UINT16_MAX, &record)) {
        return false;
    }
    ref->shard = (unsigned)shard;
    ref->record = (unsigned)record;
    return *at == '\0' && ref->seq != 0;
}

bool reading_ref_parse(const char *text, size_t length, struct reading_ref *ref) {
    char copy[READING_REF_TEXT_BYTES];
    bool is_ref = length < sizeof(copy) && length > 2 * MUSTER_ID_BYTES;
    *ref = (struct reading_ref){.seq = 0};
    if (is_ref) {
        memcpy(copy, text, length);
        copy[length] = '\0';
        is_ref = parse(copy, ref);
    }
    if (!is_ref) {
        *ref = (struct reading_ref){.seq = 0};
    }
    return is_ref;
}
