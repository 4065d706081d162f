/* SPDX-License-Identifier: MIT */
/* Publishes the load of this machine once a second, to whoever listens.
 *
 *     cc publish.c $(pkg-config --cflags --libs muster) -o publish && ./publish
 *
 * Ctrl-C, or SIGTERM, says bye. MUSTER_INTERFACE=eth0 keeps it to one interface. */
#include <muster/muster.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#define STEP_MS 1000

static muster_t *node;
static muster_publisher_t *publisher;
static uv_timer_t timer;

static void publish(const char *name, double load) {
    const struct muster_record record = {.name = name, .kind = MUSTER_VALUE_NUMBER, .number = load};
    int error = muster_publisher_add(publisher, &record);
    if (error != 0) { /* MUSTER_EAGAIN would mean: more than the rate allows, see muster_on_writable() */
        fprintf(stderr, "publish: %s: %s\n", name, muster_error_text(error));
    }
}

static void on_step(uv_timer_t *unused) {
    double load[3];
    (void)unused;
    uv_loadavg(load);
    publish("1min", load[0]);
    publish("5min", load[1]);
    muster_publisher_flush(publisher); /* both leave in one datagram, now */
}

static void on_signal(uv_signal_t *unused, int number) {
    (void)unused, (void)number;
    uv_timer_stop(&timer);
    muster_close(node, NULL, NULL); /* closes the publisher and says bye; then the loop ends */
}

static void on_log(enum muster_log_level level, const char *line, void *context) {
    (void)context;
    if (level <= MUSTER_LOG_WARNING) {
        fprintf(stderr, "publish: %s\n", line);
    }
}

int main(void) {
    const char *interface = getenv("MUSTER_INTERFACE"); /* NULL: all of them */
    const struct muster_topic topic = {.name = "example/load"};
    struct muster_document document = {.name = "example"};
    struct muster_options options;
    uv_signal_t signals[2];
    uv_loop_t *loop = uv_default_loop();

    muster_options_init(&options);
    options.document = &document; /* who publishes is a peer, and announces its topics */
    options.interfaces = &interface;
    options.interface_count = interface != NULL;
    options.on_log = on_log;
    int error = muster_open(loop, &options, &node);
    if (error == 0) {
        error = muster_publisher_open(node, &topic, &publisher);
    }
    if (error != 0) {
        fprintf(stderr, "publish: %s\n", muster_error_text(error));
        return EXIT_FAILURE;
    }
    for (size_t i = 0; i < 2; i++) {
        uv_signal_init(loop, &signals[i]);
        uv_signal_start(&signals[i], on_signal, i == 0 ? SIGINT : SIGTERM);
        uv_unref((uv_handle_t *)&signals[i]); /* the loop does not wait for it */
    }
    uv_timer_init(loop, &timer);
    uv_timer_start(&timer, on_step, STEP_MS, STEP_MS);
    return uv_run(loop, UV_RUN_DEFAULT);
}
