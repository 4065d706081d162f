/* SPDX-License-Identifier: MIT */
/* What a received alive costs, what a row weighs, and what a subscription costs: figures of `tools/bench
 * table`.
 *
 *     bench_table ROWS verified|unverified [COPIES]
 *     bench_table floor|subscribe|flood
 *
 * prints one line of JSON. The core is driven as any program would: rows enter by answers to its own query.
 * With COPIES, up to 6, each alive comes by so many paths: m4, m6 and b4 of two interfaces.
 * "floor" measures, on the same bytes, what no receiver can do without: recvmmsg on the loopback, and cJSON's
 * parse. "subscribe" measures one muster_core_subscribe() where each of SUBSCRIBE_ROWS rows announces topics.
 * "flood" measures which part of a core forged signatures take, with and without the budget of verifications.
 */
#include <arpa/inet.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include <cjson/cJSON.h>
#include <sodium.h>

#include <muster/core.h>
#include <muster/telemetry.h>

#define INTERFACE 1
#define COPIES_MAX 6
#define NONCE_SIZE (8 + 1)
#define ALIVES 20000
#define ROUNDS 5
#define BATCH 64
#define SUBSCRIBE_ROWS 200
#define SUBSCRIBE_ROUNDS 101
#define TOPICS                                                                                              \
    ",\"topics\":[{\"name\":\"kitchen/climate\",\"units\":{\"temperature\":\"Cel\",\"humidity\":\"%RH\"}}," \
    "{\"name\":\"kitchen/power\",\"unit\":\"W\"},{\"name\":\"door\"}]"

struct identity {
    uint8_t key[MUSTER_KEY_BYTES];
    uint8_t secret[MUSTER_SECRET_BYTES];
    uint8_t id[MUSTER_ID_BYTES];
};

struct message {
    size_t length;
    char bytes[1024];
};

static void die(const char *what) {
    fprintf(stderr, "bench_table: %s\n", what);
    exit(1);
}

static double now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static double cpu_ns(void) {
    struct timespec used;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return (double)used.tv_sec * 1e9 + (double)used.tv_nsec;
}

static int compare(const void *a, const void *b) {
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, size_t count) {
    qsort(values, count, sizeof *values, compare);
    return values[count / 2];
}

/* ---- messages ---- */

static void make_identity(struct identity *identity, uint32_t number) {
    uint8_t seed[crypto_sign_SEEDBYTES] = {0};
    memcpy(seed, &number, sizeof number);
    crypto_sign_seed_keypair(identity->key, identity->secret, seed);
    muster_id_of_key(identity->key, identity->id);
}

static void finish(struct message *message, int printed, const struct identity *identity, bool is_signed) {
    message->length = (size_t)printed;
    if (is_signed) {
        uint8_t signature[MUSTER_SIGNATURE_BYTES];
        char text[sodium_base64_ENCODED_LEN(sizeof signature, sodium_base64_VARIANT_ORIGINAL)];
        crypto_sign_detached(signature, NULL, (const uint8_t *)message->bytes, message->length,
                             identity->secret);
        sodium_bin2base64(text, sizeof text, signature, sizeof signature, sodium_base64_VARIANT_ORIGINAL);
        message->length += (size_t)sprintf(message->bytes + message->length, "{\"sig\":\"%s\"}\n", text);
    }
}

static void make_alive(struct message *message, const struct identity *identity, uint64_t seq,
                       bool is_signed) {
    char id[MUSTER_ID_TEXT_BYTES];
    muster_id_text(identity->id, id);
    int printed = snprintf(message->bytes, sizeof message->bytes,
                           "{\"muster\":1,\"kind\":\"alive\",\"id\":\"%s\",\"boot\":1764000000000,"
                           "\"seq\":%llu,\"rev\":1,\"next_ms\":172800000,\"peers\":1000}\n",
                           id, (unsigned long long)seq);
    finish(message, printed, identity, is_signed);
}

static void make_announce(struct message *message, const struct identity *identity, uint32_t number,
                          const char *nonce, bool is_signed, const char *topics) {
    char id[MUSTER_ID_TEXT_BYTES];
    char key[sodium_base64_ENCODED_LEN(MUSTER_KEY_BYTES, sodium_base64_VARIANT_ORIGINAL)];
    char key_member[80] = "";
    muster_id_text(identity->id, id);
    if (is_signed) {
        sodium_bin2base64(key, sizeof key, identity->key, sizeof identity->key,
                          sodium_base64_VARIANT_ORIGINAL);
        snprintf(key_member, sizeof key_member, ",\"key\":\"%s\"", key);
    }
    int printed = snprintf(message->bytes, sizeof message->bytes,
                           "{\"muster\":1,\"kind\":\"announce\",\"id\":\"%s\",\"boot\":1764000000000,"
                           "\"re\":\"%s\",\"rev\":1,\"next_ms\":172800000,\"peers\":1000,"
                           "\"name\":\"host-%u\",\"services\":[{\"type\":\"http\",\"proto\":\"tcp\","
                           "\"port\":8080}]%s%s}\n",
                           id, nonce, number, topics, key_member);
    finish(message, printed, identity, is_signed);
}

/* ---- the core under test ---- */

struct bench {
    muster_core_t *core;
    uint64_t now_ms;
};

static void drain(struct bench *bench) {
    struct muster_output output;
    while (muster_core_next(bench->core, &output)) {
    }
}

static void step(struct bench *bench, struct muster_event *event) {
    event->now_ms = bench->now_ms;
    if (muster_core_step(bench->core, event) != 0) {
        die("the core refused a step");
    }
}

/* By which way copy number `copy` comes: m4, m6, b4 of the first interface, then of the second. */
static void route_copy(struct muster_datagram *datagram, uint32_t number, unsigned copy) {
    static const struct muster_endpoint GROUPS[] = {
        {.family = 4, .ip = {224, 0, 0, 254}, .port = 19797},
        {.family = 6, .ip = {0xff, 2, [14] = 1, [15] = 0x14}, .port = 19797},
        {.family = 4, .ip = {255, 255, 255, 255}, .port = 19797},
    };
    datagram->destination = GROUPS[copy % 3];
    datagram->interface = INTERFACE + copy / 3;
    datagram->source = (struct muster_endpoint){.family = datagram->destination.family, .port = 19798};
    uint8_t *ip = datagram->source.ip;
    if (datagram->source.family == 4) {
        memcpy(ip, (uint8_t[]){10, (uint8_t)(number >> 16), (uint8_t)(number >> 8), (uint8_t)number}, 4);
    } else {
        memcpy(ip, (uint8_t[]){0xfe, 0x80}, 2);
        memcpy(ip + 12, &number, sizeof number);
    }
}

/* Each sender has an address of its own, as on a LAN. */
static void hear_copy(struct bench *bench, const struct message *message, uint32_t number, unsigned copy) {
    struct muster_event event = {.kind = MUSTER_EVENT_DATAGRAM};
    struct muster_datagram *datagram = &event.datagram;
    datagram->bytes = (const uint8_t *)message->bytes;
    datagram->length = message->length;
    route_copy(datagram, number, copy);
    datagram->ttl = 255;
    step(bench, &event);
}

static void hear(struct bench *bench, const struct message *message, uint32_t number) {
    hear_copy(bench, message, number, 0);
}

static void open_core(struct bench *bench, size_t rows, unsigned path_count) {
    struct muster_core_options options;
    static const enum muster_path_kind KINDS[] = {MUSTER_PATH_M4, MUSTER_PATH_M6, MUSTER_PATH_B4};
    struct muster_path paths[COPIES_MAX];
    for (unsigned i = 0; i < path_count; i++) {
        paths[i] = (struct muster_path){.interface = INTERFACE + i / 3, .kind = KINDS[i % 3]};
        snprintf(paths[i].name, sizeof paths[i].name, "eth%u", i / 3);
    }
    struct muster_event event = {.kind = MUSTER_EVENT_PATHS, .paths = paths, .path_count = path_count};
    muster_core_options_init(&options);
    options.boot = 1;
    options.peers_max = rows;
    options.unverified_max = rows;
    if (muster_crypto_ed25519(&options.crypto, NULL) != 0) {
        die("libsodium can't be initialised");
    }
    bench->now_ms = 1000;
    if (muster_core_new(&options, bench->now_ms, &bench->core) != 0) {
        die("no core");
    }
    step(bench, &event);
}

/* Asks, and returns the nonce of the question. */
static void ask(struct bench *bench, char nonce[NONCE_SIZE]) {
    struct muster_event command = {.kind = MUSTER_EVENT_COMMAND, .command = {.kind = MUSTER_COMMAND_QUERY}};
    struct muster_event timer = {.kind = MUSTER_EVENT_TIMER};
    struct muster_output output;
    step(bench, &command);
    step(bench, &timer); /* the round before it has settled by now */
    nonce[0] = '\0';
    while (muster_core_next(bench->core, &output)) {
        if (output.kind == MUSTER_OUTPUT_DATAGRAM) {
            const char *found = memmem(output.datagram.bytes, output.datagram.length, "\"nonce\":\"", 9);
            snprintf(nonce, NONCE_SIZE, "%.8s", found == NULL ? "" : found + 9);
        }
    }
    if (nonce[0] == '\0') {
        die("the core did not ask");
    }
}

/* Returns the bytes of all announces: what a row costs beside them is the table's own. */
static size_t fill(struct bench *bench, struct identity *identities, size_t rows, bool is_signed,
                   const char *topics) {
    char nonce[NONCE_SIZE] = "";
    size_t bytes = 0;
    for (uint32_t i = 0; i < rows; i++) {
        struct message message;
        if (i % 10000 == 0) {
            bench->now_ms += 3000; /* buckets refill */
            ask(bench, nonce);
        }
        bench->now_ms++; /* more signatures than 1,000 a second are not checked */
        make_announce(&message, &identities[i], i, nonce, is_signed, topics);
        bytes += message.length;
        hear(bench, &message, i);
        drain(bench);
    }
    struct muster_peer_list list;
    if (muster_core_peers(bench->core, &list) != 0 || list.count != rows) {
        die("not all rows were taken");
    }
    muster_peer_list_free(&list);
    return bytes;
}

/* One round: an alive of each of ALIVES rows, in random order; ns a datagram. */
static double measure_round(struct bench *bench, const struct identity *identities, size_t rows, uint64_t seq,
                            bool is_signed, unsigned copies, struct message *messages, uint32_t *numbers) {
    for (size_t i = 0; i < ALIVES; i++) {
        numbers[i] = randombytes_uniform((uint32_t)rows);
        make_alive(&messages[i], &identities[numbers[i]], seq * ALIVES + i, is_signed);
    }
    uint64_t accepted = muster_core_counters(bench->core)->accepted;
    double begin_ns = now_ns();
    for (size_t i = 0; i < ALIVES; i++) {
        bench->now_ms++;
        for (unsigned copy = 0; copy < copies; copy++) {
            hear_copy(bench, &messages[i], numbers[i], copy);
        }
    }
    double end_ns = now_ns();
    drain(bench);
    bench->now_ms += 10000;
    if (muster_core_counters(bench->core)->accepted != accepted + ALIVES) {
        die("not all alives were accepted");
    }
    return (end_ns - begin_ns) / ALIVES / copies;
}

static void measure_table(size_t rows, bool is_signed, unsigned copies) {
    struct bench bench;
    struct identity *identities = calloc(rows, sizeof *identities);
    struct message *messages = calloc(ALIVES, sizeof *messages);
    uint32_t *numbers = calloc(ALIVES, sizeof *numbers);
    double costs[ROUNDS];
    if (identities == NULL || messages == NULL || numbers == NULL) {
        die("out of memory");
    }
    for (uint32_t i = 0; i < rows; i++) {
        make_identity(&identities[i], i);
    }
    open_core(&bench, rows, copies);
    size_t before = mallinfo2().uordblks + mallinfo2().hblkhd;
    size_t document_bytes = fill(&bench, identities, rows, is_signed, "");
    size_t after = mallinfo2().uordblks + mallinfo2().hblkhd;
    for (uint64_t round = 0; round < ROUNDS; round++) {
        costs[round] =
            measure_round(&bench, identities, rows, round + 1, is_signed, copies, messages, numbers);
    }
    printf("{\"rows\":%zu,\"verified\":%s,\"copies\":%u,\"ns_per_datagram\":%.0f,\"bytes_per_row\":%.0f,"
           "\"document_bytes\":%.0f}\n",
           rows, is_signed ? "true" : "false", copies, median(costs, ROUNDS),
           (double)(after - before) / (double)rows, (double)document_bytes / (double)rows);
    muster_core_free(bench.core);
    free(identities);
    free(messages);
    free(numbers);
}

/* ---- a flood ---- */

#define FLOOD_ROWS 1000
#define FLOOD_RATE 25000 /* datagrams a second */
#define FLOOD_COUNT (4 * FLOOD_RATE)

/* Forged alives in the names of rows, so many in a millisecond; ns each. */
static double measure_forged(struct bench *bench, const struct message *messages, size_t each_ms,
                             uint64_t *verifications) {
    uint64_t before = muster_core_counters(bench->core)->verifications;
    double begin_ns = cpu_ns();
    for (size_t i = 0; i < FLOOD_COUNT; i++) {
        bench->now_ms += i % each_ms == 0;
        hear(bench, &messages[i % FLOOD_ROWS], FLOOD_ROWS + (uint32_t)(i % FLOOD_RATE));
    }
    double end_ns = cpu_ns();
    drain(bench);
    *verifications = muster_core_counters(bench->core)->verifications - before;
    return (end_ns - begin_ns) / FLOOD_COUNT;
}

/* At 1,000 a second each signature is checked, at 25,000 as many as the budget lets. */
static void measure_flood(void) {
    struct bench bench;
    struct identity *identities = calloc(FLOOD_ROWS, sizeof *identities);
    struct message *messages = calloc(FLOOD_ROWS, sizeof *messages);
    uint64_t all;
    uint64_t some;
    if (identities == NULL || messages == NULL) {
        die("out of memory");
    }
    for (uint32_t i = 0; i < FLOOD_ROWS; i++) {
        make_identity(&identities[i], i);
    }
    open_core(&bench, FLOOD_ROWS, 1);
    fill(&bench, identities, FLOOD_ROWS, true, "");
    for (uint32_t i = 0; i < FLOOD_ROWS; i++) {
        struct identity forger = identities[(i + 1) % FLOOD_ROWS];
        memcpy(forger.id, identities[i].id, sizeof forger.id);
        make_alive(&messages[i], &forger, 1, true);
    }
    bench.now_ms += 10000;
    double all_ns = measure_forged(&bench, messages, 1, &all);
    bench.now_ms += 10000;
    double some_ns = measure_forged(&bench, messages, FLOOD_RATE / 1000, &some);
    if (all != FLOOD_COUNT || muster_core_counters(bench.core)->accepted != FLOOD_ROWS) {
        die("a forged alive was taken, or not looked at");
    }
    printf("{\"rate\":%d,\"unbounded_core\":%.3f,\"core\":%.3f,\"ratio\":%.2f,\"checked\":%.3f}\n",
           FLOOD_RATE, all_ns * FLOOD_RATE / 1e9, some_ns * FLOOD_RATE / 1e9, some_ns / all_ns,
           (double)some / FLOOD_COUNT);
    muster_core_free(bench.core);
    free(identities);
    free(messages);
}

/* ---- subscribing ---- */

static double measure_subscription(struct bench *bench) {
    const char *pattern = "kitchen/#";
    const struct muster_subscription_options options = {
        .size = sizeof options, .patterns = &pattern, .pattern_count = 1};
    unsigned number;
    double begin_ns = now_ns();
    if (muster_core_subscribe(bench->core, &options, &number) != 0) {
        die("the core refused a subscription");
    }
    double end_ns = now_ns();
    drain(bench);
    muster_core_unsubscribe(bench->core, number);
    drain(bench);
    return end_ns - begin_ns;
}

static void measure_subscribe(void) {
    struct bench bench;
    struct identity identities[SUBSCRIBE_ROWS];
    double costs[SUBSCRIBE_ROUNDS];
    for (uint32_t i = 0; i < SUBSCRIBE_ROWS; i++) {
        make_identity(&identities[i], i);
    }
    open_core(&bench, SUBSCRIBE_ROWS, 1);
    fill(&bench, identities, SUBSCRIBE_ROWS, true, TOPICS);
    for (size_t round = 0; round < SUBSCRIBE_ROUNDS; round++) {
        costs[round] = measure_subscription(&bench);
    }
    printf("{\"rows\":%d,\"subscribe_us\":%.1f}\n", SUBSCRIBE_ROWS, median(costs, SUBSCRIBE_ROUNDS) / 1e3);
    muster_core_free(bench.core);
}

/* ---- the floor ---- */

static double measure_cjson(const struct message *message) {
    double costs[ROUNDS];
    for (size_t round = 0; round < ROUNDS; round++) {
        double begin_ns = now_ns();
        for (size_t i = 0; i < ALIVES; i++) {
            cJSON_Delete(cJSON_ParseWithLength(message->bytes, message->length));
        }
        costs[round] = (now_ns() - begin_ns) / ALIVES;
    }
    return median(costs, ROUNDS);
}

static double measure_verify(const struct message *message, const struct identity *identity) {
    double costs[ROUNDS];
    uint8_t signature[MUSTER_SIGNATURE_BYTES];
    crypto_sign_detached(signature, NULL, (const uint8_t *)message->bytes, message->length, identity->secret);
    for (size_t round = 0; round < ROUNDS; round++) {
        double begin_ns = now_ns();
        for (size_t i = 0; i < 1000; i++) {
            if (crypto_sign_verify_detached(signature, (const uint8_t *)message->bytes, message->length,
                                            identity->key) != 0) {
                die("a good signature was refused");
            }
        }
        costs[round] = (now_ns() - begin_ns) / 1000;
    }
    return median(costs, ROUNDS);
}

/* Fills a socket's buffer on the loopback, then drains it: only the receiver's part is timed. */
static double drain_round(int receiver, int sender, const struct sockaddr_in *address,
                          const struct message *message) {
    static char buffers[BATCH][2048];
    struct iovec vectors[BATCH];
    struct mmsghdr headers[BATCH];
    size_t count = 2000;
    size_t received = 0;
    for (size_t i = 0; i < count; i++) {
        if (sendto(sender, message->bytes, message->length, 0, (const struct sockaddr *)address,
                   sizeof *address) < 0) {
            die("sendto on the loopback failed");
        }
    }
    for (size_t i = 0; i < BATCH; i++) {
        vectors[i] = (struct iovec){.iov_base = buffers[i], .iov_len = sizeof buffers[i]};
        headers[i] = (struct mmsghdr){.msg_hdr = {.msg_iov = &vectors[i], .msg_iovlen = 1}};
    }
    double begin_ns = now_ns();
    int batch;
    while ((batch = recvmmsg(receiver, headers, BATCH, MSG_DONTWAIT, NULL)) > 0) {
        received += (size_t)batch;
    }
    double end_ns = now_ns();
    if (received == 0) {
        die("nothing came by the loopback");
    }
    return (end_ns - begin_ns) / (double)received;
}

static double measure_recvmmsg(const struct message *message) {
    double costs[ROUNDS];
    int size = 4 << 20;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int receiver = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int sender = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    setsockopt(receiver, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    if (receiver < 0 || sender < 0 || bind(receiver, (struct sockaddr *)&address, length) != 0 ||
        getsockname(receiver, (struct sockaddr *)&address, &length) != 0) {
        die("no socket on the loopback");
    }
    for (size_t round = 0; round < ROUNDS; round++) {
        costs[round] = drain_round(receiver, sender, &address, message);
    }
    return median(costs, ROUNDS);
}

static void measure_floor(void) {
    struct identity identity;
    struct message message;
    make_identity(&identity, 1);
    make_alive(&message, &identity, 1, false);
    printf("{\"bytes\":%zu,\"recvmmsg_ns\":%.0f,\"cjson_ns\":%.0f,\"verify_ns\":%.0f}\n", message.length,
           measure_recvmmsg(&message), measure_cjson(&message), measure_verify(&message, &identity));
}

int main(int argc, char **argv) {
    if (sodium_init() < 0) {
        die("libsodium can't be initialised");
    }
    if (argc == 2 && strcmp(argv[1], "floor") == 0) {
        measure_floor();
        return 0;
    }
    if (argc == 2 && strcmp(argv[1], "subscribe") == 0) {
        measure_subscribe();
        return 0;
    }
    if (argc == 2 && strcmp(argv[1], "flood") == 0) {
        measure_flood();
        return 0;
    }
    size_t rows = argc == 3 || argc == 4 ? strtoul(argv[1], NULL, 10) : 0;
    unsigned long copies = argc == 4 ? strtoul(argv[3], NULL, 10) : 1;
    if (rows == 0 || rows > 1000000 || copies == 0 || copies > COPIES_MAX ||
        (strcmp(argv[2], "verified") != 0 && strcmp(argv[2], "unverified") != 0)) {
        fprintf(stderr, "usage: bench_table floor|subscribe|flood | ROWS verified|unverified [COPIES]\n");
        return 2;
    }
    measure_table(rows, strcmp(argv[2], "verified") == 0, (unsigned)copies);
    return 0;
}
