/* SPDX-License-Identifier: MIT */
/* Prints the readings whose full names match a pattern, "#" for all, as they come.
 *
 *     cc subscribe.c $(pkg-config --cflags --libs muster) -o subscribe && ./subscribe 'kitchen/#'
 *
 * Ctrl-C ends it. MUSTER_INTERFACE=eth0 keeps it to one interface. */
#include <muster/muster.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static const char *pattern;

static void print(const struct muster_record *record) {
    char unit[MUSTER_TEXT_SAFE_BYTES(MUSTER_NAME_BYTES_MAX)];
    char text[256];              /* what is longer is cut */
    printf("%s ", record->name); /* names have no characters that a terminal could obey; texts may */
    switch (record->kind) {
    case MUSTER_VALUE_NUMBER: printf("%g", record->number); break;
    case MUSTER_VALUE_BOOLEAN: printf("%s", record->boolean ? "true" : "false"); break;
    case MUSTER_VALUE_TEXT:
    case MUSTER_VALUE_DATA: printf("%s", muster_text_safe(record->text, text, sizeof text)); break;
    case MUSTER_VALUE_NONE: printf("sum %g", record->sum); break;
    }
    printf(" %s\n", muster_text_safe(record->unit, unit, sizeof unit));
}

/* A body holds the records of one topic; those that the pattern does not match are passed over here. */
static void on_sample(muster_t *node, const struct muster_sample *sample, void *context) {
    struct muster_pack pack;
    struct muster_record record;
    int result;
    (void)node, (void)context;
    muster_pack_open_sample(&pack, sample, (double)time(NULL));
    while ((result = muster_pack_next(&pack, &record)) == 1) {
        if (muster_pattern_matches(pattern, record.name)) {
            print(&record);
        }
    }
    if (result < 0) {
        fprintf(stderr, "subscribe: %s: %s\n", sample->topic, muster_pack_fault(&pack, NULL));
    }
    fflush(stdout);
}

static void on_loss(muster_t *node, const struct muster_loss *loss, void *context) {
    (void)node, (void)context;
    fprintf(stderr, "subscribe: %llu datagrams were lost: %s\n",
            (unsigned long long)(loss->last - loss->first + 1), muster_loss_reason_name(loss->reason));
}

static void on_interrupt(uv_signal_t *interrupt, int number) {
    (void)number;
    muster_close(interrupt->data, NULL, NULL); /* ends the subscription, and then the loop */
}

static void on_log(enum muster_log_level level, const char *line, void *context) {
    (void)context;
    if (level <= MUSTER_LOG_WARNING) {
        fprintf(stderr, "subscribe: %s\n", line);
    }
}

int main(int argc, char **argv) {
    const char *interface = getenv("MUSTER_INTERFACE"); /* NULL: all of them */
    struct muster_options options;
    muster_t *node;
    muster_subscription_t *subscription;
    uv_signal_t interrupt;
    uv_loop_t *loop = uv_default_loop();

    pattern = argc > 1 ? argv[1] : "#";
    const struct muster_subscription_options wanted = {
        .size = sizeof wanted, .patterns = &pattern, .pattern_count = 1};
    muster_options_init(&options); /* without a document: an observer, of whom nobody knows */
    options.interfaces = &interface;
    options.interface_count = interface != NULL;
    options.on_log = on_log;
    int error = muster_open(loop, &options, &node);
    if (error == 0) {
        error = muster_subscribe(node, &wanted, on_sample, on_loss, NULL, &subscription);
    }
    if (error != 0) {
        const char *fault = muster_pattern_fault(pattern);
        fprintf(stderr, "subscribe: %s\n", fault != NULL ? fault : muster_error_text(error));
        return EXIT_FAILURE;
    }
    uv_signal_init(loop, &interrupt);
    interrupt.data = node;
    uv_signal_start(&interrupt, on_interrupt, SIGINT);
    uv_unref((uv_handle_t *)&interrupt); /* the loop does not wait for it */
    return uv_run(loop, UV_RUN_DEFAULT);
}
