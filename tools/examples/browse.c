/* SPDX-License-Identifier: MIT */
/* Follows the services of one type, or of every type, as they come, change and go.
 *
 *     cc browse.c $(pkg-config --cflags --libs muster) -o browse && ./browse http
 *
 * Ctrl-C ends it. MUSTER_INTERFACE=eth0 keeps it to one interface. */
#include <muster/muster.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

static void on_service(muster_t *node, enum muster_service_event event, const struct muster_peer *peer,
                       const struct muster_service *service, void *context) {
    char name[MUSTER_TEXT_SAFE_BYTES(MUSTER_NAME_BYTES_MAX)];
    char value[MUSTER_TEXT_SAFE_BYTES(MUSTER_VALUE_BYTES_MAX)];
    char address[64];
    (void)node, (void)context;
    uv_inet_ntop(AF_INET, peer->address.ip, address, sizeof address);
    /* Names and texts come from the network: a terminal must not see them as they are. */
    printf("%s %s %s/%s %s:%u", muster_service_event_name(event),
           muster_text_safe(peer->document.name, name, sizeof name), service->type, service->proto, address,
           service->port);
    for (size_t i = 0; i < service->txt_count; i++) {
        printf(" %s=%s", muster_text_safe(service->txt[i].name, name, sizeof name),
               muster_text_safe(service->txt[i].value, value, sizeof value));
    }
    putchar('\n');
    fflush(stdout);
}

static void on_interrupt(uv_signal_t *interrupt, int number) {
    (void)number;
    muster_close(interrupt->data, NULL, NULL); /* ends the browse, and then the loop */
}

static void on_log(enum muster_log_level level, const char *line, void *context) {
    (void)context;
    if (level <= MUSTER_LOG_WARNING) {
        fprintf(stderr, "browse: %s\n", line);
    }
}

int main(int argc, char **argv) {
    const char *interface = getenv("MUSTER_INTERFACE"); /* NULL: all of them */
    struct muster_options options;
    muster_t *node;
    muster_browse_t *browse;
    uv_signal_t interrupt;
    uv_loop_t *loop = uv_default_loop();

    muster_options_init(&options); /* without a document: an observer, of whom nobody knows */
    options.interfaces = &interface;
    options.interface_count = interface != NULL;
    options.on_log = on_log;
    int error = muster_open(loop, &options, &node);
    if (error == 0) {
        error = muster_browse(node, argc > 1 ? argv[1] : NULL, NULL, on_service, NULL, &browse);
    }
    if (error != 0) {
        fprintf(stderr, "browse: %s\n", muster_error_text(error));
        return EXIT_FAILURE;
    }
    uv_signal_init(loop, &interrupt);
    interrupt.data = node;
    uv_signal_start(&interrupt, on_interrupt, SIGINT);
    uv_unref((uv_handle_t *)&interrupt); /* the loop does not wait for it */
    return uv_run(loop, UV_RUN_DEFAULT);
}
