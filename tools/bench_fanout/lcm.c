/* SPDX-License-Identifier: MIT */
/* LCM, with the queue and the socket buffer that its documentation advises for bursts. */
#include "probe.h"

#include <lcm/lcm.h>
#include <stdlib.h>
#include <string.h>

#define URL "udpm://239.255.76.67:7667?ttl=1&recv_buf_size=4194304"
#define CHANNEL "BENCH"
#define QUEUE_MESSAGES 1000000

struct program {
    lcm_t *lcm;
    char *message;
    size_t bytes;
    struct probe_counter *counter;
};

static void send_messages(void *context, uint64_t first, size_t count) {
    struct program *program = context;
    for (size_t i = 0; i < count; i++) {
        struct stamp stamp = {.number = first + i, .sent_ns = probe_now_ns()};
        memcpy(program->message, &stamp, sizeof stamp);
        if (lcm_publish(program->lcm, CHANNEL, program->message, (unsigned)program->bytes) != 0) {
            probe_die("lcm_publish");
        }
    }
}

static void on_message(const lcm_recv_buf_t *buffer, const char *channel, void *context) {
    struct program *program = context;
    (void)channel;
    probe_count_bytes(program->counter, buffer->data, buffer->data_size, probe_now_ns());
}

static void receive(void *context, struct probe_counter *counter) {
    struct program *program = context;
    program->counter = counter;
    lcm_handle_timeout(program->lcm, 20);
}

static void subscribe(struct program *program, const struct probe_options *options) {
    const struct probe_subscriber subscriber = {.receive = receive, .context = program};
    lcm_subscription_t *subscription = lcm_subscribe(program->lcm, CHANNEL, on_message, program);
    if (subscription == NULL || lcm_subscription_set_queue_capacity(subscription, QUEUE_MESSAGES) != 0) {
        probe_die("lcm_subscribe");
    }
    probe_subscribe(options, &subscriber);
}

int main(int argc, char **argv) {
    struct probe_options options;
    probe_options_read(&options, argc, argv);
    struct program program = {
        .lcm = lcm_create(URL), .message = calloc(1, options.bytes), .bytes = options.bytes};
    if (program.lcm == NULL || program.message == NULL) {
        probe_die("lcm_create");
    }
    if (options.is_publisher) {
        const struct probe_publisher publisher = {.send = send_messages, .context = &program};
        probe_publish(&options, &publisher);
    } else {
        subscribe(&program, &options);
    }
    lcm_destroy(program.lcm);
    free(program.message);
    return 0;
}
