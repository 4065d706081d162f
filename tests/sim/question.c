/* SPDX-License-Identifier: MIT */
#include "question.h"

#include <string.h>

#include <sodium.h>

#include "segment.h"

/* What follows a member's name and colon in the header line; NULL when it is not there. */
static const char *find(const struct packet *packet, const char *member) {
    size_t length = strlen(member);
    const char *at = memmem(packet->bytes, packet->datagram.length, member, length);
    return at == NULL ? NULL : at + length;
}

static size_t read_ids(const struct packet *packet, const char *at, uint8_t ids[][MUSTER_ID_BYTES]) {
    const char *end = (const char *)packet->bytes + packet->datagram.length;
    const size_t digits = 2 * MUSTER_ID_BYTES;
    size_t count = 0;
    while (at != NULL && count < QUESTION_IDS_MAX && at + digits + 2 < end && *at == '"') {
        sodium_hex2bin(ids[count++], MUSTER_ID_BYTES, at + 1, digits, NULL, NULL, NULL);
        at += digits + 2;
        at += *at == ',';
    }
    return count;
}

bool question_read_nonce(const struct packet *packet, char nonce[QUESTION_NONCE_BYTES]) {
    const char *at = find(packet, "\"nonce\":\"");
    const char *end = (const char *)packet->bytes + packet->datagram.length;
    size_t length = 0;
    while (at != NULL && at < end && *at != '"' && length < QUESTION_NONCE_BYTES - 1) {
        nonce[length++] = *at++;
    }
    nonce[length] = '\0';
    return length > 0;
}

bool question_read(const struct packet *packet, struct question *question) {
    static const char start[] = "{\"muster\":1,\"kind\":\"query\"";
    if (packet->datagram.length < sizeof start || memcmp(packet->bytes, start, sizeof start - 1) != 0) {
        return false;
    }
    *question = (struct question){0};
    if (!question_read_nonce(packet, question->nonce)) {
        return false;
    }
    question->has_want = find(packet, "\"want\":{") != NULL;
    question->has_conditions = question->has_want && find(packet, "\"want\":{}") == NULL;
    question->has_table = find(packet, "\"table\":true") != NULL;
    question->named_count = read_ids(packet, find(packet, "\"of\":["), question->named);
    question->known_count = read_ids(packet, find(packet, "\"known\":["), question->known);
    return true;
}

static bool has(const uint8_t ids[][MUSTER_ID_BYTES], size_t count, const uint8_t id[MUSTER_ID_BYTES]) {
    for (size_t i = 0; i < count; i++) {
        if (memcmp(ids[i], id, MUSTER_ID_BYTES) == 0) {
            return true;
        }
    }
    return false;
}

bool question_named(const struct question *question, size_t index, uint8_t id[MUSTER_ID_BYTES]) {
    if (index < question->named_count) {
        memcpy(id, question->named[index], MUSTER_ID_BYTES);
    }
    return index < question->named_count;
}

bool question_is_for(const struct question *question, const uint8_t id[MUSTER_ID_BYTES]) {
    return question->named_count == 0 || has(question->named, question->named_count, id);
}

bool question_knows(const struct question *question, const uint8_t id[MUSTER_ID_BYTES]) {
    return has(question->known, question->known_count, id);
}
