/* SPDX-License-Identifier: MIT */
/* Announces a web server, and beside it a printer that comes, runs out of paper and goes again.
 *
 *     cc announce.c $(pkg-config --cflags --libs muster) -o announce && ./announce
 *
 * Ctrl-C, or SIGTERM, says bye. MUSTER_INTERFACE=eth0 keeps it to one interface. */
#include <muster/muster.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#define STEP_MS 2000

static muster_t *node;
static uv_timer_t timer;

/* The rest of the document stays as it is. */
static void on_step(uv_timer_t *unused) {
    static unsigned step;
    (void)unused;
    const struct muster_text paper = {.name = "paper", .value = step % 3 == 0 ? "A4" : "none"};
    const struct muster_service printer = {
        .name = "Laser", .type = "ipp", .proto = "tcp", .port = 631, .txt = &paper, .txt_count = 1};
    const struct muster_change put = {.services = &printer, .service_count = 1};
    const struct muster_change take_away = {.removed_services = &printer, .removed_service_count = 1};
    int error = muster_change(node, step++ % 3 < 2 ? &put : &take_away);
    if (error != 0) {
        fprintf(stderr, "announce: %s\n", muster_error_text(error));
    }
}

static void on_signal(uv_signal_t *unused, int number) {
    (void)unused, (void)number;
    uv_timer_stop(&timer);
    muster_close(node, NULL, NULL); /* says bye; the loop ends when that is done */
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
    uv_signal_t signals[2];
    uv_loop_t *loop = uv_default_loop();

    muster_options_init(&options);
    options.document = &document; /* copied, like all of the options */
    options.interfaces = &interface;
    options.interface_count = interface != NULL;
    options.on_log = on_log;
    int error = muster_open(loop, &options, &node);
    if (error != 0) {
        fprintf(stderr, "announce: %s\n", muster_error_text(error));
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
