/* SPDX-License-Identifier: MIT */
#include "bucket.h"

#define MS_PER_S 1000

double bucket_left(const struct bucket *bucket, double rate, double burst, uint64_t now_ms) {
    double lacking_ms = bucket->full_ms - (double)now_ms;
    double lacking = lacking_ms > 0 ? lacking_ms * rate / MS_PER_S : 0;
    return lacking < burst ? burst - lacking : 0;
}

void bucket_spend(struct bucket *bucket, double tokens, double rate, uint64_t now_ms) {
    double begin_ms = bucket->full_ms > (double)now_ms ? bucket->full_ms : (double)now_ms;
    bucket->full_ms = begin_ms + tokens * MS_PER_S / rate;
}

bool bucket_take(struct bucket *bucket, double tokens, double rate, double burst, uint64_t now_ms) {
    if (bucket_left(bucket, rate, burst, now_ms) < tokens) {
        return false;
    }
    bucket_spend(bucket, tokens, rate, now_ms);
    return true;
}

uint64_t bucket_allowed_ms(const struct bucket *bucket, double tokens, double rate, double burst,
                           uint64_t now_ms) {
    if (bucket_left(bucket, rate, burst, now_ms) >= tokens) {
        return now_ms;
    }
    /* The next whole millisecond. It lies behind now whatever was rounded, so that nobody waits for now. */
    double allowed_ms = bucket->full_ms - (burst - tokens) * MS_PER_S / rate;
    return allowed_ms > (double)now_ms ? (uint64_t)allowed_ms + 1 : now_ms + 1;
}
