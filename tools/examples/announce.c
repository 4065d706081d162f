/* Announces a web server, and beside it a printer that comes, runs out of paper and goes again.
 *
 *     cc announce.c $(pkg-config --cflags --libs muster) -o announce && ./announce
 *
 * Ctrl-C says bye. MUSTER_INTERFACE=eth0 keeps it to one interface. */
#include <muster/muster.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#define STEP_MS 2000

struct program {
    muster_t *node;
    uv_timer_t timer;
    uv_signal_t interrupt;
    unsigned step;
};

/* The rest of the document stays as it is. */
static void on_step(uv_timer_t *timer) {
    struct program *program = timer->data;
    const struct muster_text paper = {.name = "paper", .value = program->step % 3 == 0 ? "A4" : "none"};
    const struct muster_service printer = {
        .name = "Laser", .type = "ipp", .proto = "tcp", .port = 631, .txt = &paper, .txt_count = 1};
    const struct muster_change put = {.services = &printer, .service_count = 1};
    const struct muster_change take_away = {.removed_services = &printer, .removed_service_count = 1};
    int error = muster_change(program->node, program->step++ % 3 < 2 ? &put : &take_away);
    if (error != 0) {
        fprintf(stderr, "announce: %s\n", muster_error_text(error));
    }
}

static void on_interrupt(uv_signal_t *interrupt, int number) {
    struct program *program = interrupt->data;
    (void)number;
    muster_close(program->node, NULL, NULL); /* says bye; the loop ends when that is done */
    uv_close((uv_handle_t *)&program->timer, NULL);
    uv_close((uv_handle_t *)interrupt, NULL);
}

static void on_log(enum muster_log_level level, const char *line, void *context) {
    (void)context;
    if (level <= MUSTER_LOG_WARNING) {
        fprintf(stderr, "announce: %s\n", line);
    }
}

int main(void) {
    const char *interface = getenv("MUSTER_INTERFACE"); /* NULL: all of them */
    struct muster_service web = {.name = "", .type = "http", .proto = "tcp", .port = 8080};
    struct muster_document document = {.name = "example", .services = &web, .service_count = 1};
    struct muster_options options;
    struct program program = {0};
    uv_loop_t *loop = uv_default_loop();

    muster_options_init(&options);
    options.document = &document; /* copied, like all of the options */
    options.interfaces = interface ? &interface : NULL;
    options.interface_count = interface ? 1 : 0;
    options.on_log = on_log;
    int error = muster_open(loop, &options, &program.node);
    if (error != 0) {
        fprintf(stderr, "announce: %s\n", muster_error_text(error));
        return EXIT_FAILURE;
    }
    uv_timer_init(loop, &program.timer);
    uv_signal_init(loop, &program.interrupt);
    program.timer.data = program.interrupt.data = &program;
    uv_timer_start(&program.timer, on_step, STEP_MS, STEP_MS);
    uv_signal_start(&program.interrupt, on_interrupt, SIGINT);
    uv_run(loop, UV_RUN_DEFAULT);
    return uv_loop_close(loop) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
