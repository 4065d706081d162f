#include "admission.h"

#include <string.h>

#include <sodium.h>

#include "bytes.h"

#define FIRST_BYTE_JSON '{'
#define FIRST_BYTE_SEALED 0x01

/* In the place of a port, and none that a muster has. */
#define CONTROL_OF_ADDRESS 0
#define TELEMETRY_OF_ADDRESS 1

#define DROP_NAME(name, text, meaning) text,
#define DROP_MEANING(name, text, meaning) meaning,
static const char *const drop_names[] = {MUSTER_DROPS(DROP_NAME)};
static const char *const drop_meanings[] = {MUSTER_DROPS(DROP_MEANING)};

const char *muster_drop_name(enum muster_drop drop) {
    return (size_t)drop < MUSTER_DROP_COUNT ? drop_names[drop] : "unknown";
}

const char *muster_drop_meaning(enum muster_drop drop) {
    return (size_t)drop < MUSTER_DROP_COUNT ? drop_meanings[drop] : "unknown";
}

/* Keys of buckets that no port has: nobody sends from it. */
#define REPAIR_PORT 1

static struct bucket *bucket_of(struct admission *admission, const struct muster_endpoint *source,
                                uint16_t port) {
    uint8_t key[sizeof source->ip + sizeof port];
    uint8_t hash[crypto_shorthash_BYTES];
    memcpy(key, source->ip, sizeof source->ip);
    key[sizeof source->ip] = (uint8_t)port;
    key[sizeof source->ip + 1] = (uint8_t)(port >> 8);
    crypto_shorthash(hash, key, sizeof key, admission->seed);
    return &admission->buckets[bytes_u64(hash) % MUSTER_BUCKETS];
}

double bucket_left(struct bucket *bucket, double rate, double burst, uint64_t now_ms) {
    bucket->spent -= (double)(now_ms - bucket->updated_ms) * rate / 1000;
    bucket->updated_ms = now_ms;
    if (bucket->spent < 0) {
        bucket->spent = 0;
    }
    return bucket->spent < burst ? burst - bucket->spent : 0;
}

bool bucket_take(struct bucket *bucket, double tokens, double rate, double burst, uint64_t now_ms) {
    if (bucket_left(bucket, rate, burst, now_ms) < tokens) {
        return false;
    }
    bucket->spent += tokens;
    return true;
}

static bool allows(struct admission *admission, const struct muster_endpoint *source, uint16_t ports,
                   uint64_t now_ms) {
    return bucket_take(bucket_of(admission, source, ports), 1, MUSTER_ADDRESS_RATE, MUSTER_ADDRESS_BURST,
                       now_ms);
}

bool admission_allows_stranger(struct admission *admission, const struct muster_endpoint *source,
                               uint64_t now_ms) {
    return allows(admission, source, TELEMETRY_OF_ADDRESS, now_ms);
}

/* A source is an address and port, so that a stray program cannot silence the muster beside it; one
 * address as a whole is bounded too. */
static bool is_within_rate(struct admission *admission, const struct muster_endpoint *source,
                           uint64_t now_ms) {
    return bucket_take(bucket_of(admission, source, source->port), 1, MUSTER_SOURCE_RATE, MUSTER_SOURCE_BURST,
                       now_ms) &&
           allows(admission, source, CONTROL_OF_ADDRESS, now_ms);
}

/* Its key is that of a port which nobody sends from. */
struct bucket *admission_repairs_of(struct admission *admission, const struct muster_endpoint *source) {
    return bucket_of(admission, source, REPAIR_PORT);
}

static bool is_multicast(const struct muster_endpoint *destination) {
    return destination->family == 4 && destination->ip[0] >> 4 == 0xe; /* 224/4 (RFC 5771, 3) */
}

/* Unicast is heard on the interfaces that have a path, all else by its own path only; by other groups
 * nothing. */
static bool is_by_path(const struct paths *paths, const struct muster_datagram *datagram) {
    enum muster_path_kind kind = paths_kind_of(&datagram->destination);
    if (kind == MUSTER_PATH_U4 && is_multicast(&datagram->destination)) {
        return false;
    }
    return kind == MUSTER_PATH_U4 ? paths_interface_name(paths, datagram->interface)[0] != '\0'
                                  : paths_find(paths, datagram->interface, kind) != NULL;
}

bool admission_check(struct admission *admission, const struct paths *paths,
                     const struct muster_datagram *datagram, uint64_t now_ms, enum muster_drop *reason) {
    admission->counters.received++;
    if (datagram->length > MUSTER_DATAGRAM_BYTES_MAX) {
        *reason = MUSTER_DROP_TOO_LONG;
    } else if (datagram->length == 0) {
        *reason = MUSTER_DROP_TRUNCATED;
    } else if (datagram->bytes[0] == FIRST_BYTE_SEALED) {
        *reason = MUSTER_DROP_SEALED;
    } else if (datagram->bytes[0] != FIRST_BYTE_JSON) {
        *reason = MUSTER_DROP_FORMAT;
    } else if (!is_by_path(paths, datagram)) {
        *reason = MUSTER_DROP_PATH;
    } else if (datagram->ttl != MUSTER_TTL) {
        *reason = MUSTER_DROP_TTL;
    } else if (!is_within_rate(admission, &datagram->source, now_ms)) {
        *reason = MUSTER_DROP_FLOOD;
    } else {
        return true;
    }
    return false;
}
