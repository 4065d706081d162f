/* SPDX-License-Identifier: MIT */
/* ZeroMQ PUB and SUB by TCP, with its own high-water marks. The address is the publisher's. */
#include "probe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#define BATCH 64 /* messages taken between two looks at the clock */

struct program {
    void *zmq;
    void *socket;
    char *message;
    size_t bytes;
};

static void send_messages(void *context, uint64_t first, size_t count) {
    struct program *program = context;
    for (size_t i = 0; i < count; i++) {
        struct stamp stamp = {.number = first + i, .sent_ns = probe_now_ns()};
        memcpy(program->message, &stamp, sizeof stamp);
        if (zmq_send(program->socket, program->message, program->bytes, 0) < 0) {
            probe_die("zmq_send");
        }
    }
}

/* Waits for the first, and takes what is there besides. */
static void receive(void *context, struct probe_counter *counter) {
    struct program *program = context;
    int flags = 0;
    for (int i = 0; i < BATCH; i++) {
        int length = zmq_recv(program->socket, program->message, program->bytes, flags);
        if (length < 0) {
            return;
        }
        probe_count_bytes(counter, program->message, (size_t)length, probe_now_ns());
        flags = ZMQ_DONTWAIT;
    }
}

static void publish(struct program *program, const struct probe_options *options, const char *endpoint) {
    const struct probe_publisher publisher = {.send = send_messages, .context = program};
    program->socket = zmq_socket(program->zmq, ZMQ_PUB);
    if (program->socket == NULL || zmq_bind(program->socket, endpoint) != 0) {
        probe_die("zmq_bind");
    }
    probe_publish(options, &publisher);
}

static void subscribe(struct program *program, const struct probe_options *options, const char *endpoint) {
    const struct probe_subscriber subscriber = {.receive = receive, .context = program};
    const int wait_ms = 20;
    program->socket = zmq_socket(program->zmq, ZMQ_SUB);
    if (program->socket == NULL || zmq_setsockopt(program->socket, ZMQ_SUBSCRIBE, "", 0) != 0 ||
        zmq_setsockopt(program->socket, ZMQ_RCVTIMEO, &wait_ms, sizeof wait_ms) != 0 ||
        zmq_connect(program->socket, endpoint) != 0) {
        probe_die("zmq_connect");
    }
    probe_subscribe(options, &subscriber);
}

int main(int argc, char **argv) {
    struct probe_options options;
    char endpoint[64];
    const int linger_ms = 0;
    probe_options_read(&options, argc, argv);
    struct program program = {
        .zmq = zmq_ctx_new(), .message = calloc(1, options.bytes), .bytes = options.bytes};
    if (program.zmq == NULL || program.message == NULL) {
        probe_die("zmq_ctx_new");
    }
    snprintf(endpoint, sizeof endpoint, "tcp://%s:%d", options.address, PROBE_PORT);
    (options.is_publisher ? publish : subscribe)(&program, &options, endpoint);
    zmq_setsockopt(program.socket, ZMQ_LINGER, &linger_ms, sizeof linger_ms);
    zmq_close(program.socket);
    zmq_ctx_term(program.zmq);
    free(program.message);
    return 0;
}
