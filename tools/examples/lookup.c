/* SPDX-License-Identifier: MIT */
/* Finds one service by its type and, if given, the name of its peer, and prints where it is.
 *
 *     cc lookup.c $(pkg-config --cflags --libs muster) -o lookup && ./lookup http nas
 *
 * Ends with 1 when there is none. MUSTER_INTERFACE=eth0 keeps it to one interface. */
#include <muster/muster.h>
#include <stdio.h>
#include <stdlib.h>

static void on_found(muster_t *node, int error, const struct muster_peer *peer,
                     const struct muster_service *service, void *context) {
    int *status = context;
    char address[64];
    if (error == 0) {
        uv_inet_ntop(AF_INET, peer->address.ip, address, sizeof address);
        printf("%s:%u\n", address, service->port);
        *status = EXIT_SUCCESS;
    } else {
        fprintf(stderr, "lookup: %s\n", muster_error_text(error));
    }
    muster_close(node, NULL, NULL);
}

static void on_log(enum muster_log_level level, const char *line, void *context) {
    (void)context;
    if (level <= MUSTER_LOG_WARNING) {
        fprintf(stderr, "lookup: %s\n", line);
    }
}

int main(int argc, char **argv) {
    const char *interface = getenv("MUSTER_INTERFACE"); /* NULL: all of them */
    struct muster_options options;
    muster_t *node;
    int status = EXIT_FAILURE;
    uv_loop_t *loop = uv_default_loop();

    if (argc < 2) {
        fprintf(stderr, "usage: lookup TYPE [NAME]\n");
        return 2;
    }
    muster_options_init(&options); /* without a document: an observer, of whom nobody knows */
    options.interfaces = &interface;
    options.interface_count = interface != NULL;
    options.on_log = on_log;
    int error = muster_open(loop, &options, &node);
    if (error == 0) {
        error = muster_lookup(node, argv[1], argv[2], 0, on_found, &status);
    }
    if (error != 0) {
        fprintf(stderr, "lookup: %s\n", muster_error_text(error));
        return EXIT_FAILURE;
    }
    uv_run(loop, UV_RUN_DEFAULT);
    return status;
}
