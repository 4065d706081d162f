/* SPDX-License-Identifier: MIT */
/* Mosquitto's library by its broker, QoS 0. The address is the broker's. */
#include "probe.h"

#include <mosquitto.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PORT 1883
#define TOPIC "bench/message"
#define KEEPALIVE_S 60
#define NAP_US 50

struct program {
    struct mosquitto *client;
    char *message;
    size_t bytes;
    struct probe_counter *counter;
};

static void must(int error, const char *what) {
    if (error != MOSQ_ERR_SUCCESS) {
        probe_die(what);
    }
}

/* ---- publishing ---- */

static bool serve(void *context) {
    struct program *program = context;
    return !mosquitto_want_write(program->client);
}

/* The library queues without end: who publishes waits for the socket, or the queue would be measured. */
static void send_messages(void *context, uint64_t first, size_t count) {
    struct program *program = context;
    for (size_t i = 0; i < count; i++) {
        struct stamp stamp = {.number = first + i, .sent_ns = probe_now_ns()};
        memcpy(program->message, &stamp, sizeof stamp);
        must(mosquitto_publish(program->client, NULL, TOPIC, (int)program->bytes, program->message, 0, false),
             "mosquitto_publish");
    }
    while (!serve(context)) {
        usleep(NAP_US);
    }
}

static void publish(struct program *program, const struct probe_options *options) {
    const struct probe_publisher publisher = {.send = send_messages, .serve = serve, .context = program};
    must(mosquitto_loop_start(program->client), "mosquitto_loop_start");
    probe_publish(options, &publisher);
    mosquitto_disconnect(program->client);
    mosquitto_loop_stop(program->client, true);
}

/* ---- subscribing ---- */

static void on_connect(struct mosquitto *client, void *context, int refused) {
    (void)context;
    must(refused != 0 ? refused : mosquitto_subscribe(client, NULL, TOPIC, 0), "mosquitto_subscribe");
}

static void on_message(struct mosquitto *client, void *context, const struct mosquitto_message *message) {
    struct program *program = context;
    (void)client;
    probe_count_bytes(program->counter, message->payload, (size_t)message->payloadlen, probe_now_ns());
}

static void receive(void *context, struct probe_counter *counter) {
    struct program *program = context;
    program->counter = counter;
    must(mosquitto_loop(program->client, 20, 1), "mosquitto_loop");
}

int main(int argc, char **argv) {
    struct program program = {0};
    struct probe_options options;
    probe_options_read(&options, argc, argv);
    mosquitto_lib_init();
    program.client = mosquitto_new(NULL, true, &program);
    program.message = calloc(1, options.bytes);
    program.bytes = options.bytes;
    if (program.client == NULL || program.message == NULL) {
        probe_die("mosquitto_new");
    }
    mosquitto_int_option(program.client, MOSQ_OPT_TCP_NODELAY, 1);
    if (!options.is_publisher) {
        mosquitto_connect_callback_set(program.client, on_connect);
        mosquitto_message_callback_set(program.client, on_message);
    }
    must(mosquitto_connect(program.client, options.address, PORT, KEEPALIVE_S), "mosquitto_connect");
    if (options.is_publisher) {
        publish(&program, &options);
    } else {
        const struct probe_subscriber subscriber = {.receive = receive, .context = &program};
        probe_subscribe(&options, &subscriber);
    }
    mosquitto_destroy(program.client);
    mosquitto_lib_cleanup();
    free(program.message);
    return 0;
}
