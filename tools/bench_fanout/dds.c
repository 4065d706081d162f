/* SPDX-License-Identifier: MIT */
/* CycloneDDS, reliable and keeping all. Its batching (WriteBatch) is set by the driver, in CYCLONEDDS_URI.
 * Mode `each` flushes each message, `batch` leaves that to it. */
#include "probe.h"

#include "Bench.h"
#include <dds/dds.h>
#include <stdlib.h>
#include <string.h>

#define TAKE_MAX 256
#define BLOCKED_MAX DDS_SECS(10)

struct program {
    dds_entity_t participant;
    dds_entity_t topic;
    dds_entity_t end; /* writer or reader */
    dds_entity_t waitset;
    dds_qos_t *qos;
    Bench_Message message;
    bool flushes_each;
};

static dds_entity_t must(dds_entity_t entity, const char *what) {
    if (entity < 0) {
        probe_die(what);
    }
    return entity;
}

static void open_participant(struct program *program) {
    program->participant = must(dds_create_participant(DDS_DOMAIN_DEFAULT, NULL, NULL), "participant");
    program->topic =
        must(dds_create_topic(program->participant, &Bench_Message_desc, "bench", NULL, NULL), "topic");
    program->qos = dds_create_qos();
    dds_qset_reliability(program->qos, DDS_RELIABILITY_RELIABLE, BLOCKED_MAX);
    dds_qset_history(program->qos, DDS_HISTORY_KEEP_ALL, 0);
}

/* ---- publishing ---- */

static void send_messages(void *context, uint64_t first, size_t count) {
    struct program *program = context;
    for (size_t i = 0; i < count; i++) {
        struct stamp stamp = {.number = first + i, .sent_ns = probe_now_ns()};
        memcpy(program->message.bytes._buffer, &stamp, sizeof stamp);
        must(dds_write(program->end, &program->message), "dds_write");
        if (program->flushes_each || first == STAMP_HELLO) {
            dds_write_flush(program->end);
        }
    }
}

static bool serve(void *context) {
    struct program *program = context;
    dds_write_flush(program->end);
    return true;
}

static void publish(struct program *program, const struct probe_options *options) {
    const struct probe_publisher publisher = {.send = send_messages, .serve = serve, .context = program};
    uint32_t bytes = (uint32_t)options->bytes;
    program->flushes_each = strcmp(options->mode, "each") == 0;
    program->message.bytes._buffer = calloc(1, bytes);
    program->message.bytes._maximum = bytes;
    program->message.bytes._length = bytes;
    if (program->message.bytes._buffer == NULL) {
        probe_die("message");
    }
    program->end =
        must(dds_create_writer(program->participant, program->topic, program->qos, NULL), "writer");
    probe_publish(options, &publisher);
    free(program->message.bytes._buffer);
}

/* ---- subscribing ---- */

static int take(struct program *program, struct probe_counter *counter) {
    static void *samples[TAKE_MAX];
    static dds_sample_info_t infos[TAKE_MAX];
    samples[0] = NULL;
    int count = dds_take(program->end, samples, infos, TAKE_MAX, TAKE_MAX);
    if (count <= 0) {
        return 0;
    }
    uint64_t now_ns = probe_now_ns();
    for (int i = 0; i < count; i++) {
        const Bench_Message *message = samples[i];
        if (infos[i].valid_data) {
            probe_count_bytes(counter, message->bytes._buffer, message->bytes._length, now_ns);
        }
    }
    dds_return_loan(program->end, samples, count);
    return count;
}

static void receive(void *context, struct probe_counter *counter) {
    struct program *program = context;
    dds_waitset_wait(program->waitset, NULL, 0, DDS_MSECS(20));
    while (take(program, counter) == TAKE_MAX) {
    }
}

static void subscribe(struct program *program, const struct probe_options *options) {
    const struct probe_subscriber subscriber = {.receive = receive, .context = program};
    program->end =
        must(dds_create_reader(program->participant, program->topic, program->qos, NULL), "reader");
    program->waitset = must(dds_create_waitset(program->participant), "waitset");
    dds_entity_t condition = must(dds_create_readcondition(program->end, DDS_ANY_STATE), "condition");
    must(dds_waitset_attach(program->waitset, condition, 0), "dds_waitset_attach");
    probe_subscribe(options, &subscriber);
}

int main(int argc, char **argv) {
    struct program program = {0};
    struct probe_options options;
    probe_options_read(&options, argc, argv);
    open_participant(&program);
    (options.is_publisher ? publish : subscribe)(&program, &options);
    dds_delete_qos(program.qos);
    dds_delete(program.participant);
    return 0;
}
