/* SPDX-License-Identifier: MIT */
#include "value_ref.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>

#include "member.h"
#include "number.h"
#include "topic.h"

#define MILLIONTHS 1000000
#define SIZE_MIN_BYTES 3 /* of a pack and its LF */
#define SIZE_DIGITS_MAX 7

_Static_assert(MUSTER_VALUE_LINE_BYTES_MAX < 10000000, "its digits");

static bool is_time(double time_s) {
    return time_s >= MUSTER_TIME_S_MIN && time_s < MUSTER_TIME_S_MAX;
}

/* ---- writing ---- */

size_t value_ref_write(const struct value_ref *ref, char text[VALUE_REF_BYTES_MAX]) {
    char hash[2 * MUSTER_HASH_BYTES + 1];
    char time[NUMBER_TEXT_BYTES_MAX];
    int time_length = 0;
    for (size_t i = 0; i < MUSTER_HASH_BYTES; i++) {
        snprintf(hash + 2 * i, 3, "%02x", ref->hash[i]);
    }
    if (is_time(ref->time_s)) {
        time_length = (int)number_write_millionths(llround(ref->time_s * MILLIONTHS), time);
    }
    int length =
        snprintf(text, VALUE_REF_BYTES_MAX, VALUE_REF_BEGIN "%zu,\"hash_\":\"%s\",\"bn\":\"%s\"%s%.*s}]",
                 ref->size, hash, ref->name, time_length > 0 ? ",\"bt\":" : "", time_length, time);
    assert(length > 0 && length < VALUE_REF_BYTES_MAX);
    return (size_t)length;
}

/* ---- reading ---- */

/* What is left of a body. */
struct rest {
    const char *at;
    const char *end;
};

static bool skip(struct rest *rest, const char *text) {
    size_t length = strlen(text);
    bool stands = (size_t)(rest->end - rest->at) >= length && memcmp(rest->at, text, length) == 0;
    rest->at += stands ? length : 0;
    return stands;
}

static bool read_size(struct rest *rest, size_t *size) {
    const char *begin = rest->at;
    *size = 0;
    while (rest->at < rest->end && rest->at - begin < SIZE_DIGITS_MAX && *rest->at >= '0' &&
           *rest->at <= '9') {
        *size = *size * 10 + (size_t)(*rest->at++ - '0');
    }
    return rest->at > begin && *begin != '0' && *size >= SIZE_MIN_BYTES &&
           *size <= MUSTER_VALUE_LINE_BYTES_MAX;
}

static bool read_hash(struct rest *rest, uint8_t hash[MUSTER_HASH_BYTES]) {
    char text[2 * MUSTER_HASH_BYTES + 1] = "";
    if ((size_t)(rest->end - rest->at) < sizeof text - 1) {
        return false;
    }
    memcpy(text, rest->at, sizeof text - 1);
    rest->at += sizeof text - 1;
    return member_parse_hex(text, hash, MUSTER_HASH_BYTES);
}

static bool read_name(struct rest *rest, char name[MUSTER_FULL_NAME_BYTES_MAX + 1]) {
    size_t length = 0;
    uint8_t wanted = TOPIC_BYTE_FIRST;
    while (rest->at < rest->end && length < MUSTER_FULL_NAME_BYTES_MAX &&
           (topic_bytes[(unsigned char)*rest->at] & wanted) != 0) {
        name[length++] = *rest->at++;
        wanted = TOPIC_BYTE_LATER;
    }
    name[length] = '\0';
    return length > 0;
}

static bool read_time(struct rest *rest, double *time_s) {
    *time_s = 0;
    return !skip(rest, ",\"bt\":") ||
           (number_read(&rest->at, rest->end, time_s) == NUMBER_OK && is_time(*time_s));
}

bool value_ref_read(const char *body, size_t length, struct value_ref *ref) {
    struct rest rest = {body, body + length};
    if (!skip(&rest, VALUE_REF_BEGIN) || !read_size(&rest, &ref->size) || !skip(&rest, ",\"hash_\":\"") ||
        !read_hash(&rest, ref->hash) || !skip(&rest, "\",\"bn\":\"") || !read_name(&rest, ref->name) ||
        !skip(&rest, "\"") || !read_time(&rest, &ref->time_s) || !skip(&rest, "}]")) {
        return false;
    }
    while (rest.at < rest.end && strchr(" \t\r\n", *rest.at) != NULL && *rest.at != '\0') {
        rest.at++;
    }
    return rest.at == rest.end;
}
