/* SPDX-License-Identifier: MIT */
/* What a node weighs: figures of `tools/bench table`.
 *
 *     bench_memory observer|peer STATE_DIRECTORY
 *
 * prints one line of JSON: the bytes that are allocated in its process once it is open, and once it has heard
 * PEERS peers, which are processes of their own. mallinfo2() counts them, so what libuv, libsodium and cJSON
 * allocate for the node is among them. The caller sets GLIBC_TUNABLES=glibc.malloc.tcache_count=0, or freed
 * memory that a thread keeps for itself would count as allocated. Everything runs on the loopback. */
#include <malloc.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <muster/muster.h>

#define PEERS 8

struct program {
    uv_loop_t loop;
    muster_t *node;
    bool is_settled;
};

static void must(int error, const char *what) {
    if (error != 0) {
        fprintf(stderr, "bench_memory: %s: %s\n", what, muster_error_text(error));
        exit(1);
    }
}

static size_t allocated_bytes(void) {
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

static void on_wake(uv_timer_t *timer) {
    (void)timer;
}

/* number 0: an observer. */
static void node_open(struct program *program, unsigned number, const char *state_dir) {
    const char *interface = "lo";
    char name[32];
    const struct muster_service service = {.name = "", .type = "http", .proto = "tcp", .port = 8080};
    const struct muster_document document = {.name = name, .services = &service, .service_count = 1};
    struct muster_options options;
    snprintf(name, sizeof name, "host-%u", number);
    muster_options_init(&options);
    options.document = number == 0 ? NULL : &document;
    options.state_dir = state_dir;
    options.interfaces = &interface;
    options.interface_count = 1;
    must(muster_open(&program->loop, &options, &program->node), "muster_open");
}

static _Noreturn void peer_run(unsigned number, const char *state_dir) {
    struct program program = {.node = NULL};
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    must(uv_loop_init(&program.loop), "uv_loop_init");
    node_open(&program, number, state_dir);
    uv_run(&program.loop, UV_RUN_DEFAULT);
    exit(1);
}

static size_t peer_count(const struct program *program) {
    struct muster_peer_list list;
    must(muster_peers(program->node, &list), "muster_peers");
    size_t count = list.count;
    muster_peer_list_free(&list);
    return count;
}

static void on_settled(muster_t *node, void *context) {
    struct program *program = context;
    (void)node;
    program->is_settled = true;
}

static void peers_await(struct program *program) {
    do {
        program->is_settled = false;
        must(muster_query(program->node, NULL, NULL, on_settled, program), "muster_query");
        while (!program->is_settled) {
            uv_run(&program->loop, UV_RUN_ONCE);
        }
    } while (peer_count(program) < PEERS);
}

int main(int argc, char **argv) {
    static struct program program;
    uv_timer_t timer;
    bool is_peer = argc == 3 && strcmp(argv[1], "peer") == 0;
    if (argc != 3 || (!is_peer && strcmp(argv[1], "observer") != 0)) {
        fprintf(stderr, "usage: bench_memory observer|peer STATE_DIRECTORY\n");
        return 2;
    }
    /* What a loop allocates once belongs to its program. */
    must(uv_loop_init(&program.loop), "uv_loop_init");
    must(uv_timer_init(&program.loop, &timer), "uv_timer_init");
    must(uv_timer_start(&timer, on_wake, 0, 0), "uv_timer_start");
    uv_run(&program.loop, UV_RUN_DEFAULT);
    size_t before = allocated_bytes();
    node_open(&program, is_peer ? PEERS + 1 : 0, argv[2]);
    size_t opened = allocated_bytes() - before;
    for (unsigned number = 1; number <= PEERS; number++) {
        if (fork() == 0) {
            peer_run(number, argv[2]);
        }
    }
    peers_await(&program);
    printf("{\"kind\":\"%s\",\"opened_bytes\":%zu,\"peers\":%d,\"settled_bytes\":%zu}\n", argv[1], opened,
           PEERS, allocated_bytes() - before);
    return 0;
}
