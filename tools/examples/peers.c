/* SPDX-License-Identifier: MIT */
/* Asks who is there and prints the table, a line for each peer.
 *
 *     cc peers.c $(pkg-config --cflags --libs muster) -o peers && ./peers
 *
 * MUSTER_INTERFACE=eth0 keeps it to one interface. */
#include <muster/muster.h>
#include <stdio.h>
#include <stdlib.h>

static void print_peer(const struct muster_peer *peer) {
    char name[MUSTER_TEXT_SAFE_BYTES(MUSTER_NAME_BYTES_MAX)];
    char address[64];
    uv_inet_ntop(AF_INET, peer->address.ip, address, sizeof address);
    /* A name comes from the network: a terminal must not see it as it is. */
    printf("%s %s %s%s", muster_text_safe(peer->document.name, name, sizeof name),
           muster_state_name(peer->state), address, peer->verified ? "" : " unverified");
    for (size_t i = 0; i < peer->document.service_count; i++) {
        printf(" %s:%u", peer->document.services[i].type, peer->document.services[i].port);
    }
    putchar('\n');
}

/* The answers are in. */
static void on_settled(muster_t *node, void *context) {
    struct muster_peer_list list;
    int *status = context;
    int error = muster_peers(node, &list);
    if (error == 0) {
        for (size_t i = 0; i < list.count; i++) {
            print_peer(&list.peers[i]);
        }
        muster_peer_list_free(&list);
        *status = EXIT_SUCCESS;
    } else {
        fprintf(stderr, "peers: %s\n", muster_error_text(error));
    }
    muster_close(node, NULL, NULL);
}

static void on_log(enum muster_log_level level, const char *line, void *context) {
    (void)context;
    if (level <= MUSTER_LOG_WARNING) {
        fprintf(stderr, "peers: %s\n", line);
    }
}

int main(void) {
    const char *interface = getenv("MUSTER_INTERFACE"); /* NULL: all of them */
    struct muster_options options;
    muster_t *node;
    int status = EXIT_FAILURE;
    uv_loop_t *loop = uv_default_loop();

    muster_options_init(&options); /* without a document: an observer, of whom nobody knows */
    options.interfaces = &interface;
    options.interface_count = interface != NULL;
    options.on_log = on_log;
    int error = muster_open(loop, &options, &node);
    if (error == 0) {
        error = muster_query(node, NULL, NULL, on_settled, &status);
    }
    if (error != 0) {
        fprintf(stderr, "peers: %s\n", muster_error_text(error));
        return EXIT_FAILURE;
    }
    uv_run(loop, UV_RUN_DEFAULT);
    return status;
}
