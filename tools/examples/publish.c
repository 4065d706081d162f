/* Publishes the load of this machine once a second, to whoever listens.
 *
 *     cc publish.c $(pkg-config --cflags --libs muster) -o publish && ./publish
 *
 * Ctrl-C says bye. MUSTER_INTERFACE=eth0 keeps it to one interface. */
#include <muster/muster.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#define STEP_MS 1000

struct program {
    muster_t *node;
    muster_publisher_t *publisher;
    uv_timer_t timer;
    uv_signal_t interrupt;
};

static void publish(muster_publisher_t *publisher, const char *name, double load) {
    const struct muster_record record = {.name = name, .kind = MUSTER_VALUE_NUMBER, .number = load};
    int error = muster_publisher_add(publisher, &record);
    if (error != 0) { /* MUSTER_EAGAIN would mean: more than the rate allows, see muster_on_writable() */
        fprintf(stderr, "publish: %s: %s\n", name, muster_error_text(error));
    }
}

static void on_step(uv_timer_t *timer) {
    struct program *program = timer->data;
    double load[3];
    uv_loadavg(load);
    publish(program->publisher, "1min", load[0]);
    publish(program->publisher, "5min", load[1]);
    muster_publisher_flush(program->publisher); /* both leave in one datagram, now */
}

static void on_interrupt(uv_signal_t *interrupt, int number) {
    struct program *program = interrupt->data;
    (void)number;
    muster_close(program->node, NULL, NULL); /* closes the publisher and says bye */
    uv_close((uv_handle_t *)&program->timer, NULL);
    uv_close((uv_handle_t *)interrupt, NULL);
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
    struct program program = {0};
    uv_loop_t *loop = uv_default_loop();

    muster_options_init(&options);
    options.document = &document; /* who publishes is a peer, and announces its topics */
    options.interfaces = interface ? &interface : NULL;
    options.interface_count = interface ? 1 : 0;
    options.on_log = on_log;
    int error = muster_open(loop, &options, &program.node);
    if (error != 0) {
        fprintf(stderr, "publish: %s\n", muster_error_text(error));
        return EXIT_FAILURE;
    }
    uv_timer_init(loop, &program.timer);
    uv_signal_init(loop, &program.interrupt);
    program.timer.data = program.interrupt.data = &program;
    uv_timer_start(&program.timer, on_step, STEP_MS, STEP_MS);
    uv_signal_start(&program.interrupt, on_interrupt, SIGINT);
    error = muster_publisher_open(program.node, &topic, &program.publisher);
    if (error != 0) {
        fprintf(stderr, "publish: %s\n", muster_error_text(error));
        on_interrupt(&program.interrupt, SIGINT);
    }
    uv_run(loop, UV_RUN_DEFAULT);
    return uv_loop_close(loop) == 0 && error == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
