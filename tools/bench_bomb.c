/* SPDX-License-Identifier: MIT */
/* What the worst datagram costs who hears it: a figure of `tools/bench table`.
 *
 *     bench_bomb FILE...
 *
 * Each file is one datagram, and so are those that are made here: of as many values, levels, escapes and
 * digits as one has room for. They are heard by a core in turns. Prints one line of JSON: the median of the
 * worst one. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <muster/core.h>

#define TURNS 201
#define BEGIN_MS 1000
#define MADE 6
#define HEAD \
    "{\"muster\":1,\"kind\":\"announce\",\"id\":\"00112233445566778899aabbccddeeff\",\"boot\":1,\"x\":"

struct bomb {
    const char *name;
    size_t length;
    char bytes[MUSTER_DATAGRAM_BYTES_MAX + 1];
    double ns[TURNS];
};

static _Noreturn void die(const char *what) {
    fprintf(stderr, "bench_bomb: %s\n", what);
    exit(1);
}

static double now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static int compare(const void *a, const void *b) {
    const double x = *(const double *)a;
    const double y = *(const double *)b;
    return (x > y) - (x < y);
}

/* ---- datagrams ---- */

static void read_bomb(struct bomb *bomb, const char *path) {
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        die(path);
    }
    bomb->name = path;
    bomb->length = fread(bomb->bytes, 1, sizeof bomb->bytes - 1, file);
    fclose(file);
}

/* A value of a text before, one that is repeated while there is room, and one behind. `numbered`: each copy
 * has a number, as names of members must differ. */
static void make_bomb(struct bomb *bomb, const char *name, const char *first, const char *again,
                      const char *last, bool numbered) {
    char piece[64];
    bomb->name = name;
    bomb->length = (size_t)sprintf(bomb->bytes, HEAD "%s", first);
    for (int i = 0;; i++) {
        const size_t bytes =
            (size_t)(numbered ? snprintf(piece, sizeof piece, again, i) : sprintf(piece, "%s", again));
        if (bomb->length + bytes + strlen(last) + 2 > MUSTER_DATAGRAM_BYTES_MAX) {
            break;
        }
        memcpy(bomb->bytes + bomb->length, piece, bytes);
        bomb->length += bytes;
    }
    bomb->length += (size_t)sprintf(bomb->bytes + bomb->length, "%s}\n", last);
}

static size_t make_bombs(struct bomb *bombs) {
    make_bomb(&bombs[0], "levels", "", "[", "", false);
    make_bomb(&bombs[1], "values", "[0", ",0", "]", false);
    make_bomb(&bombs[2], "members", "{\"a\":0", ",\"a%d\":0", "}", true);
    make_bomb(&bombs[3], "escapes", "\"", "\\u0000", "\"", false);
    make_bomb(&bombs[4], "digits", "1", "7", "", false);
    make_bomb(&bombs[5], "spaces", "", " ", "0", false);
    return MADE;
}

/* ---- the core ---- */

static muster_core_t *open_core(void) {
    struct muster_core_options options;
    struct muster_path path = {.interface = 1, .kind = MUSTER_PATH_M4, .name = "eth0"};
    struct muster_event event = {
        .kind = MUSTER_EVENT_PATHS, .now_ms = BEGIN_MS, .paths = &path, .path_count = 1};
    muster_core_t *core;
    muster_core_options_init(&options);
    options.boot = 1;
    if (muster_crypto_ed25519(&options.crypto, NULL) != 0 ||
        muster_core_new(&options, BEGIN_MS, &core) != 0 || muster_core_step(core, &event) != 0) {
        die("no core");
    }
    return core;
}

/* Each time from another address, so that no rate spares the core the reading. */
static void hear(muster_core_t *core, struct bomb *bomb, uint64_t now_ms, size_t turn) {
    struct muster_event event = {
        .kind = MUSTER_EVENT_DATAGRAM,
        .now_ms = now_ms,
        .datagram = {
            .bytes = (const uint8_t *)bomb->bytes,
            .length = bomb->length,
            .source = {.family = 4, .ip = {10, 1, (uint8_t)(now_ms >> 8), (uint8_t)now_ms}, .port = 19798},
            .destination = {.family = 4, .ip = {224, 0, 0, 254}, .port = 19797},
            .interface = 1,
            .ttl = 255}};
    struct muster_output output;
    const double begin_ns = now_ns();
    if (muster_core_step(core, &event) != 0) {
        die("the core refused a step");
    }
    bomb->ns[turn] = now_ns() - begin_ns;
    while (muster_core_next(core, &output)) {
    }
}

int main(int argc, char **argv) {
    const size_t count = MADE + (size_t)(argc - 1);
    struct bomb *bombs = calloc(count, sizeof *bombs);
    const struct bomb *worst = bombs;
    if (bombs == NULL) {
        die("out of memory");
    }
    size_t filled = make_bombs(bombs);
    for (int i = 1; i < argc; i++) {
        read_bomb(&bombs[filled++], argv[i]);
    }
    muster_core_t *core = open_core();
    uint64_t now_ms = BEGIN_MS;
    for (size_t turn = 0; turn < TURNS; turn++) {
        for (size_t i = 0; i < count; i++) {
            hear(core, &bombs[i], ++now_ms, turn);
        }
    }
    for (size_t i = 0; i < count; i++) {
        qsort(bombs[i].ns, TURNS, sizeof bombs[i].ns[0], compare);
        worst = bombs[i].ns[TURNS / 2] > worst->ns[TURNS / 2] ? &bombs[i] : worst;
    }
    const char *slash = strrchr(worst->name, '/');
    printf("{\"datagrams\":%zu,\"worst\":\"%s\",\"worst_us\":%.1f}\n", count,
           slash != NULL ? slash + 1 : worst->name, worst->ns[TURNS / 2] / 1000);
    muster_core_free(core);
    free(bombs);
    return 0;
}
