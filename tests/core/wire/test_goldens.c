/* SPDX-License-Identifier: MIT */
/* The golden datagrams: good ones decode and come back, bad ones are dropped for the reason that their file
 * is named after. */
#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include <muster/telemetry.h>

#include <sodium.h>

#include "admission.h"
#include "group.h"
#include "message.h"
#include "replay.h"
#include "reply.h"
#include "request.h"
#include "seal.h"
#include "signal.h"
#include "test.h"
#include "value_ref.h"

#define INTERFACE 7

struct golden {
    char name[256];
    uint8_t bytes[4 * MUSTER_DATAGRAM_BYTES_MAX];
    size_t length;
};

/* Anna and Bert of goldens.py: the seed of peer n is 32 bytes of value n. */
struct signer {
    uint8_t key[MUSTER_KEY_BYTES];
    uint8_t secret[MUSTER_SECRET_BYTES];
    uint8_t id[MUSTER_ID_BYTES];
    struct muster_crypto crypto;
};

static struct signer signers[2];

static void begin(void) {
    for (int i = 0; i < 2; i++) {
        struct signer *signer = &signers[i];
        uint8_t seed[crypto_sign_SEEDBYTES];
        memset(seed, i + 1, sizeof seed);
        assert_int_equal(muster_crypto_ed25519(&signer->crypto, signer->secret), 0);
        crypto_sign_seed_keypair(signer->key, signer->secret, seed);
        muster_id_of_key(signer->key, signer->id);
    }
}

/* ---- files ---- */

static void read_golden(const char *directory, const char *name, struct golden *golden) {
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    snprintf(golden->name, sizeof golden->name, "%s", name);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    golden->length = fread(golden->bytes, 1, sizeof golden->bytes, file);
    fclose(file);
    assert_true(golden->length < sizeof golden->bytes);
}

/* Calls check for each file; what it returns says whether it is content. */
static void for_each(const char *folder, bool (*check)(const struct golden *golden)) {
    char directory[512];
    snprintf(directory, sizeof directory, GOLDEN_DIR "/%s", folder);
    DIR *listing = opendir(directory);
    assert_non_null(listing);
    unsigned count = 0;
    unsigned wrong = 0;
    for (const struct dirent *entry; (entry = readdir(listing)) != NULL;) {
        const char *suffix = strrchr(entry->d_name, '.');
        if (suffix == NULL || (strcmp(suffix, ".datagram") != 0 && strcmp(suffix, ".lines") != 0)) {
            continue;
        }
        struct golden golden;
        read_golden(directory, entry->d_name, &golden);
        count++;
        if (!check(&golden)) {
            wrong++;
            print_error("%s/%s\n", folder, golden.name);
        }
    }
    closedir(listing);
    print_message("%s: %u files\n", folder, count);
    assert_true(count > 0);
    assert_int_equal(wrong, 0);
}

/* ---- the way of a datagram up to its meaning ---- */

static bool is_admitted(const struct golden *golden, enum muster_drop *reason) {
    struct rates rates = {.seed = {0}};
    static const struct paths paths = {
        .items = {{.interface = INTERFACE, .kind = MUSTER_PATH_M4, .name = "eth0"}}, .count = 1};
    const struct muster_datagram datagram = {
        .bytes = golden->bytes,
        .length = golden->length,
        .source = {.family = 4, .ip = {10, 0, 0, 1}, .port = 19798},
        .destination = group_control(MUSTER_PATH_M4, GROUP_LINK, MUSTER_PORT_DEFAULT),
        .interface = INTERFACE,
        .ttl = MUSTER_TTL};
    bool is_admitted = admission_check(&rates, &paths, &datagram, 1000, reason);
    rates_deinit(&rates);
    return is_admitted;
}

static bool is_decoded(const struct golden *golden, struct message *message, enum muster_drop *reason) {
    return is_admitted(golden, reason) && message_decode(golden->bytes, golden->length, message, reason);
}

static const struct signer *signer_of(const uint8_t id[MUSTER_ID_BYTES]) {
    for (size_t i = 0; i < 2; i++) {
        if (memcmp(signers[i].id, id, MUSTER_ID_BYTES) == 0) {
            return &signers[i];
        }
    }
    return NULL;
}

/* By the key that the message brings, which must be its id's, or else by that of its sender. */
static bool is_signed_well(const struct golden *golden, const struct message *message) {
    const struct signer *signer = signer_of(message->id);
    uint8_t id[MUSTER_ID_BYTES];
    if (!message->has_key && signer == NULL) {
        return false;
    }
    const uint8_t *key = message->has_key ? message->key : signer->key;
    muster_id_of_key(key, id);
    return memcmp(id, message->id, sizeof id) == 0 &&
           signers[0].crypto.verify(NULL, key, golden->bytes, message->signed_length, message->signature) ==
               0;
}

/* ---- equal messages ---- */

static bool are_equal_texts(const struct muster_text *a, size_t a_count, const struct muster_text *b,
                            size_t b_count) {
    bool are_equal = a_count == b_count;
    for (size_t i = 0; are_equal && i < a_count; i++) {
        are_equal = strcmp(a[i].name, b[i].name) == 0 && strcmp(a[i].value, b[i].value) == 0;
    }
    return are_equal;
}

static bool are_equal_services(const struct muster_service *a, const struct muster_service *b) {
    return strcmp(a->name, b->name) == 0 && strcmp(a->type, b->type) == 0 &&
           strcmp(a->proto, b->proto) == 0 && a->port == b->port &&
           are_equal_texts(a->txt, a->txt_count, b->txt, b->txt_count);
}

static bool are_equal_topics(const struct muster_topic *a, const struct muster_topic *b) {
    return strcmp(a->name, b->name) == 0 && strcmp(a->unit, b->unit) == 0 &&
           are_equal_texts(a->units, a->unit_count, b->units, b->unit_count);
}

static bool are_equal_documents(const struct muster_document *a, const struct muster_document *b) {
    bool are_equal = a->service_count == b->service_count && a->topic_count == b->topic_count &&
                     strcmp(a->name, b->name) == 0 &&
                     are_equal_texts(a->attrs, a->attr_count, b->attrs, b->attr_count);
    for (size_t i = 0; are_equal && i < a->service_count; i++) {
        are_equal = are_equal_services(&a->services[i], &b->services[i]);
    }
    for (size_t i = 0; are_equal && i < a->topic_count; i++) {
        are_equal = are_equal_topics(&a->topics[i], &b->topics[i]);
    }
    return are_equal;
}

static bool are_equal_optional(const char *a, const char *b) {
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool are_equal_queries(const struct message *a, const struct message *b) {
    return a->nonce == b->nonce && a->count == b->count && a->asks_some == b->asks_some &&
           a->of_count == b->of_count && memcmp(a->of, b->of, sizeof a->of) == 0 &&
           a->known_count == b->known_count && memcmp(a->known, b->known, sizeof a->known) == 0 &&
           a->wants == b->wants && are_equal_optional(a->want_type, b->want_type) &&
           are_equal_optional(a->want_name, b->want_name) && a->takes_table == b->takes_table;
}

static bool are_equal(const struct message *a, const struct message *b) {
    bool is_announce = a->kind == MESSAGE_ANNOUNCE;
    return a->kind == b->kind && memcmp(a->id, b->id, sizeof a->id) == 0 && a->boot == b->boot &&
           a->seq == b->seq && a->nonce == b->nonce && (a->re == NULL) == (b->re == NULL) &&
           (a->re == NULL || strcmp(a->re, b->re) == 0) && a->rev == b->rev && a->next_ms == b->next_ms &&
           a->peers == b->peers && a->heard == b->heard && memcmp(a->sent, b->sent, sizeof a->sent) == 0 &&
           a->hears == b->hears && a->gone_count == b->gone_count &&
           memcmp(a->gone, b->gone, sizeof a->gone) == 0 && a->stream == b->stream && a->size == b->size &&
           memcmp(a->hash, b->hash, sizeof a->hash) == 0 && a->has_key == b->has_key &&
           memcmp(a->key, b->key, sizeof a->key) == 0 && a->is_signed == b->is_signed &&
           are_equal_queries(a, b) && (!is_announce || are_equal_documents(&a->document, &b->document));
}

/* ---- the folders ---- */

/* Writes what was read, and reads it again. */
static bool comes_back(const struct message *message) {
    const struct signer *signer = message->is_signed ? signer_of(message->id) : NULL;
    uint8_t bytes[MUSTER_DATAGRAM_BYTES_MAX];
    int length = message_encode(message, signer == NULL ? NULL : &signer->crypto, 0, bytes, sizeof bytes);
    struct message back;
    enum muster_drop reason;
    if (length < 0 || !message_decode(bytes, (size_t)length, &back, &reason)) {
        return false;
    }
    bool is_same = are_equal(message, &back);
    message_deinit(&back);
    return is_same;
}

static bool is_good(const struct golden *golden) {
    struct message message;
    enum muster_drop reason;
    if (!is_decoded(golden, &message, &reason)) {
        print_error("dropped: %s\n", muster_drop_name(reason));
        return false;
    }
    bool is_content = (!message.is_signed || is_signed_well(golden, &message)) && comes_back(&message);
    message_deinit(&message);
    return is_content;
}

static bool is_dropped_for_its_reason(const struct golden *golden) {
    struct message message;
    enum muster_drop reason;
    if (is_decoded(golden, &message, &reason)) {
        message_deinit(&message);
        return false;
    }
    size_t length = strlen(muster_drop_name(reason));
    bool is_named = strncmp(golden->name, muster_drop_name(reason), length) == 0 &&
                    strncmp(golden->name + length, "--", 2) == 0;
    if (!is_named) {
        print_error("dropped: %s\n", muster_drop_name(reason));
    }
    return is_named;
}

static bool is_forged(const struct golden *golden) {
    struct message message;
    enum muster_drop reason;
    if (!is_decoded(golden, &message, &reason)) {
        print_error("dropped: %s\n", muster_drop_name(reason));
        return false;
    }
    bool is_content = message.is_signed && !is_signed_well(golden, &message);
    message_deinit(&message);
    return is_content && strncmp(golden->name, "signature--", 11) == 0;
}

/* ---- telemetry ---- */

static bool is_pack(const uint8_t *bytes, size_t length) {
    struct muster_pack pack;
    struct muster_record record;
    int result;
    size_t count = 0;
    struct value_ref ref;
    if (value_ref_begins((const char *)bytes, length)) {
        return value_ref_read((const char *)bytes, length, &ref);
    }
    muster_pack_open(&pack, (const char *)bytes, length, 1767225662);
    while ((result = muster_pack_next(&pack, &record)) == 1) {
        count++;
    }
    return result == 0 && count > 0;
}

/* One in the form that publishers write is known by its beginning; the number behind that and the body are
 * the same whether it was read as a whole or not. */
static bool is_data(const struct golden *golden, const struct signal *data) {
    char prefix[SIGNAL_PREFIX_BYTES_MAX];
    size_t length = signal_write_prefix(prefix, data->id, data->boot, data->topic, data->origin, data->shard);
    bool is_usual = strstr(golden->name, "other-form") == NULL;
    bool is_same = length == data->prefix_length && memcmp(prefix, golden->bytes, length) == 0;
    uint64_t seq;
    const uint8_t *body;
    size_t body_length;
    bool is_read =
        data->prefix_length == 0 ||
        (signal_read_data(golden->bytes, golden->length, data->prefix_length, &seq, &body, &body_length) &&
         seq == data->seq && body == data->body && body_length == data->body_length);
    return is_usual == is_same && is_read && is_pack(data->body, data->body_length);
}

static bool are_equal_signals(const struct signal *a, const struct signal *b) {
    return a->kind == b->kind && memcmp(a->id, b->id, sizeof a->id) == 0 && a->boot == b->boot &&
           a->shard == b->shard && a->seq == b->seq && a->oldest == b->oldest &&
           memcmp(a->of, b->of, sizeof a->of) == 0 && a->of_boot == b->of_boot &&
           a->missing_count == b->missing_count && memcmp(a->missing, b->missing, sizeof a->missing) == 0;
}

static bool signal_comes_back(const struct signal *signal) {
    char text[MUSTER_DATAGRAM_BYTES_MAX];
    struct signal back;
    enum muster_drop reason;
    if (signal->missing_count > MUSTER_NAK_RANGES_SENT) {
        return true; /* more than is ever sent */
    }
    return signal_decode((const uint8_t *)text, signal_write(signal, text), &back, &reason) &&
           are_equal_signals(signal, &back);
}

static bool is_telemetry(const struct golden *golden) {
    struct signal signal;
    enum muster_drop reason;
    if (!signal_decode(golden->bytes, golden->length, &signal, &reason)) {
        print_error("dropped: %s\n", muster_drop_name(reason));
        return false;
    }
    return signal.kind == SIGNAL_DATA ? is_data(golden, &signal) : signal_comes_back(&signal);
}

static bool is_bad_telemetry(const struct golden *golden) {
    struct signal signal;
    enum muster_drop reason;
    if (signal_decode(golden->bytes, golden->length, &signal, &reason)) {
        return false;
    }
    size_t length = strlen(muster_drop_name(reason));
    bool is_named = strncmp(golden->name, muster_drop_name(reason), length) == 0 &&
                    strncmp(golden->name + length, "--", 2) == 0;
    if (!is_named) {
        print_error("dropped: %s\n", muster_drop_name(reason));
    }
    return is_named;
}

TEST(telemetry_is_accepted) {
    for_each("telemetry", is_telemetry);
}

TEST(bad_telemetry_is_dropped) {
    for_each("bad-telemetry", is_bad_telemetry);
    for_each("bad-telemetry-bytes", is_bad_telemetry);
}

/* ---- streams ---- */

static enum request_end read_request(const struct golden *golden, struct request *request) {
    const char *member;
    assert_int_equal(golden->bytes[golden->length - 1], '\n');
    return request_decode((const char *)golden->bytes, golden->length - 1, request, &member);
}

static bool is_request(const struct golden *golden) {
    struct request request;
    bool is_read = read_request(golden, &request) == REQUEST_END_DONE;
    request_deinit(&request);
    return is_read;
}

static bool ends_for_its_reason(const struct golden *golden) {
    struct request request;
    const char *name = name_get(&request_end_names, read_request(golden, &request));
    size_t length = strlen(name);
    request_deinit(&request);
    return strncmp(golden->name, name, length) == 0 && strncmp(golden->name + length, "--", 2) == 0;
}

/* All parts are read, but for a row of a later version, and the last one is an end, unless the file is named
 * after its lack. */
static bool is_answer(const struct golden *golden) {
    struct reply_reader reader;
    struct reply reply = {.kind = REPLY_STATS};
    reply_reader_init(&reader, sizeof golden->bytes);
    assert_int_equal(reply_reader_feed(&reader, golden->bytes, golden->length), 0);
    int result = reply_reader_next(&reader, &reply);
    bool has_end = false;
    bool is_readable = true;
    while (result == 1) {
        has_end = reply.kind == REPLY_END;
        is_readable = is_readable && reply.kind != REPLY_UNREADABLE;
        result = reply_reader_next(&reader, &reply);
    }
    reply_reader_deinit(&reader);
    return result == 0 && is_readable == (strstr(golden->name, "later-version") == NULL) &&
           has_end == (strstr(golden->name, "cut-off") == NULL);
}

TEST(requests_are_read) {
    for_each("requests", is_request);
}

TEST(bad_requests_are_refused) {
    for_each("bad-requests", ends_for_its_reason);
}

TEST(answers_are_read) {
    for_each("replies", is_answer);
}

TEST(good_datagrams_are_accepted) {
    for_each("good", is_good);
}

TEST(what_the_schemas_refuse_is_dropped) {
    for_each("bad-schema", is_dropped_for_its_reason);
}

TEST(what_only_the_bytes_show_is_dropped) {
    for_each("bad-bytes", is_dropped_for_its_reason);
}

TEST(what_only_the_signature_shows_does_not_verify) {
    for_each("bad-signature", is_forged);
}

/* ---- sealed ---- */

static struct seal_keys group_keys(void) {
    uint8_t bytes[MUSTER_GROUP_KEY_BYTES];
    struct seal_keys keys = {0};
    memset(bytes, 1, sizeof bytes);
    assert_int_equal(seal_keys_set(&keys, bytes, 1), 0);
    return keys;
}

static bool is_opened(const struct golden *golden, uint8_t *plain, enum muster_drop *reason) {
    const struct seal_keys keys = group_keys();
    struct replays replays = {0};
    bool is_taken = replays_open(&replays, &keys, 0, golden->bytes, golden->length, plain, reason);
    replays_deinit(&replays);
    return is_taken;
}

static bool opens(const struct golden *golden) {
    struct golden inside;
    uint8_t plain[sizeof golden->bytes];
    enum muster_drop reason;
    bool is_telemetry = strncmp(golden->name, "data", 4) == 0;
    read_golden(is_telemetry ? GOLDEN_DIR "/telemetry" : GOLDEN_DIR "/good", golden->name, &inside);
    return is_opened(golden, plain, &reason) && golden->length == inside.length + MUSTER_SEAL_BYTES &&
           memcmp(plain, inside.bytes, inside.length) == 0;
}

TEST(sealed_ones_open) {
    for_each("sealed", opens);
}

/* The other reasons are the node's (core/node/test_sealing_story.c), which looks at the length first. */
static bool does_not_open(const struct golden *golden) {
    uint8_t plain[sizeof golden->bytes];
    enum muster_drop reason;
    return golden->length > MUSTER_DATAGRAM_BYTES_MAX ||
           (!is_opened(golden, plain, &reason) && reason == MUSTER_DROP_SEALED);
}

TEST(bad_sealed_ones_do_not) {
    for_each("bad-sealed", does_not_open);
}

int main(void) {
    return test_run(begin, NULL);
}
