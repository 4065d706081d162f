/* SPDX-License-Identifier: MIT */
/* muster: one topic, subscribed to as a whole, in the publisher's order.
 *
 * A publisher's mode says what it makes of -s BYTES:
 *     datagram   a datagram of nearly that size for each message: one record, a text with a stamp, flushed;
 *                datagram-plain sends each without GSO
 *     message    records of that size, texts with a stamp, packed as the library likes
 *     number     records of some 40 bytes, packed likewise: readings, of which the value is the number
 * With -k both ends seal by a group key, and a full datagram holds less.
 *
 * A subscriber's mode says what it counts:
 *     view       datagrams, by their sequence; of bodies only the stamp is read, where latencies are kept
 *     record     every record, read by muster_pack_next()
 *
 * Subscribers are observers, as `muster subscribe` is: else their own presence, of a whole network on one
 * machine, would be measured too. MUSTER_INTERFACE, MUSTER_PORT and MUSTER_STATE say where it runs. */
#include "probe.h"

#include <inttypes.h>
#include <muster/muster.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TOPIC "bench"
#define NUMBER_DIGITS 8
#define TIME_DIGITS 14
#define STAMP_DIGITS (NUMBER_DIGITS + TIME_DIGITS)
#define HELLO 'h'                /* begins a text that is no message */
#define RECORD_OVERHEAD_BYTES 34 /* of a text in a pack: {"n":"note","vs":"","t":0.001234}, */
#define RATE_BYTES_S 1000000000000
#define RING_BYTES (8 << 20)
#define FIT_BYTES 48 /* more than a step */
#define DATAGRAMS_BURST_MAX 256
#define DATAGRAM_BYTES 1400
#define NUMBER_BYTES 40
#define SEAL_BYTES 45 /* that a sealed datagram is longer */
#define QUIET_NS 2000000
#define WAKE_MS 200
#define FEEDS_MAX 32

struct program {
    uv_loop_t loop;
    muster_t *node;
    /* of a publisher */
    muster_publisher_t *publisher;
    struct muster_sender before; /* what was sent until it began */
    struct muster_record record;
    char text[DATAGRAM_BYTES + 1];
    size_t datagram_bytes; /* 0: packed */
    uint64_t changed_ns;   /* when something left last */
    /* of a subscriber */
    muster_subscription_t *subscription;
    uv_timer_t timer;
    struct probe_counter *counter;
    struct muster_pack pack;
    bool is_timed;
    bool has_begun; /* hellos are over */
};

static void must(int error, const char *what) {
    if (error != 0) {
        fprintf(stderr, "fanout_muster: %s: %s\n", what, muster_error_text(error));
        exit(1);
    }
}

static void on_log(enum muster_log_level level, const char *line, void *context) {
    (void)context;
    if (level <= MUSTER_LOG_WARNING) {
        fprintf(stderr, "fanout_muster: %s\n", line);
    }
}

static void open_node(struct program *program, const struct probe_options *options) {
    const struct muster_document document = {.name = "publisher"};
    const char *interface = getenv("MUSTER_INTERFACE");
    const char *port = getenv("MUSTER_PORT");
    const uint8_t key[MUSTER_GROUP_KEY_BYTES] = {1};
    struct muster_options node;
    muster_options_init(&node);
    if (options->is_publisher) {
        node.document = &document;
        node.state_dir = getenv("MUSTER_STATE");
    }
    node.interfaces = &interface;
    node.interface_count = interface != NULL;
    node.kinds = strchr(options->address, ':') != NULL ? 1u << MUSTER_PATH_M6 : 0; /* of IPv6 alone */
    node.port = port != NULL ? (uint16_t)strtoul(port, NULL, 10) : node.port;
    node.rate_bytes_s = RATE_BYTES_S;
    node.ring_bytes = RING_BYTES;
    node.without_gso = strcmp(options->mode, "datagram-plain") == 0;
    node.group_keys = key;
    node.group_key_count = options->is_sealed ? 1 : 0;
    node.on_log = on_log;
    must(uv_loop_init(&program->loop), "uv_loop_init");
    must(muster_open(&program->loop, &node, &program->node), "muster_open");
}

/* ---- stamps in texts ---- */

static void write_digits(char *text, uint64_t value, size_t count) {
    for (size_t i = count; i-- > 0; value >>= 4) {
        text[i] = "0123456789abcdef"[value & 15];
    }
}

static uint64_t read_digits(const char *text, size_t count) {
    uint64_t value = 0;
    for (size_t i = 0; i < count; i++) {
        value = value << 4 | (uint64_t)(text[i] <= '9' ? text[i] - '0' : text[i] - 'a' + 10);
    }
    return value;
}

static void count_text(struct program *program, const char *text, size_t length) {
    if (length >= 1 && text[0] == HELLO) {
        probe_count(program->counter, STAMP_HELLO, 0, 0);
    } else if (length >= STAMP_DIGITS) {
        probe_count(program->counter, read_digits(text, NUMBER_DIGITS),
                    read_digits(text + NUMBER_DIGITS, TIME_DIGITS), probe_now_ns());
    }
}

/* ---- publishing ---- */

/* The rate is beyond reach: only full sockets make it wait. */
static void add(struct program *program, const struct muster_record *record) {
    int error;
    while ((error = muster_publisher_add(program->publisher, record)) == MUSTER_EAGAIN) {
        uv_run(&program->loop, UV_RUN_ONCE);
    }
    must(error, "muster_publisher_add");
}

/* True when nothing has left for a moment. */
static bool is_settled(struct program *program) {
    uint64_t before = muster_sender(program->node)->datagrams;
    uv_run(&program->loop, UV_RUN_NOWAIT);
    if (muster_sender(program->node)->datagrams != before) {
        program->changed_ns = probe_now_ns();
    }
    return probe_now_ns() - program->changed_ns > QUIET_NS;
}

static void settle(struct program *program) {
    program->changed_ns = probe_now_ns();
    while (!is_settled(program)) {
        uv_sleep(1);
    }
}

/* Sends a text that is no message, alone; returns the bytes of its datagram, or 0 when it fits none. */
static uint64_t send_hello(struct program *program, size_t length) {
    const struct muster_sender *sender = muster_sender(program->node);
    const struct muster_record hello = {.name = program->record.name,
                                        .kind = MUSTER_VALUE_TEXT,
                                        .text = program->text,
                                        .text_length = length};
    uint64_t before = sender->bytes;
    program->text[0] = HELLO;
    int error = muster_publisher_add(program->publisher, &hello);
    if (error == MUSTER_ETOOBIG) {
        return 0;
    }
    must(error, "muster_publisher_add");
    must(muster_publisher_flush(program->publisher), "muster_publisher_flush");
    settle(program);
    return sender->bytes - before;
}

/* Finds the shortest text that makes a datagram of the wanted size, or of nearly it: their lengths go in
 * steps. */
static void fit_text(struct program *program) {
    size_t length = STAMP_DIGITS;
    uint64_t bytes;
    while ((bytes = send_hello(program, length)) > 0 && bytes < program->datagram_bytes) {
        size_t missing = program->datagram_bytes - bytes;
        length += missing > FIT_BYTES ? missing - FIT_BYTES : 1;
    }
    program->record.text_length = bytes > 0 ? length : length - 1;
}

static void greet(struct program *program) {
    if (program->datagram_bytes > 0 && program->record.text_length == 0) {
        fit_text(program);
    }
    send_hello(program, program->record.text_length > 0 ? program->record.text_length : 1);
}

static void send_message(struct program *program, uint64_t number) {
    if (program->record.kind == MUSTER_VALUE_NUMBER) {
        program->record.number = (double)number;
    } else {
        write_digits(program->text, number, NUMBER_DIGITS);
    }
    add(program, &program->record);
    if (program->datagram_bytes > 0) {
        must(muster_publisher_flush(program->publisher), "muster_publisher_flush");
    }
}

static void send_messages(void *context, uint64_t first, size_t count) {
    struct program *program = context;
    if (first == STAMP_HELLO) {
        greet(program);
        return;
    }
    if (first == 0) {
        program->before = *muster_sender(program->node);
    }
    write_digits(program->text + NUMBER_DIGITS, probe_now_ns(), TIME_DIGITS);
    for (size_t i = 0; i < count; i++) {
        send_message(program, first + i);
    }
    is_settled(program);
}

static bool serve(void *context) {
    struct program *program = context;
    must(muster_publisher_flush(program->publisher), "muster_publisher_flush");
    return is_settled(program);
}

static void report_sender(void *context) {
    const struct program *program = context;
    const struct muster_sender *sender = muster_sender(program->node);
    const struct muster_sender *before = &program->before;
    printf(",\"datagrams\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"repairs\":%" PRIu64
           ",\"repair_bytes\":%" PRIu64 ",\"naks\":%" PRIu64 ",\"naks_refused\":%" PRIu64,
           sender->datagrams - before->datagrams, sender->bytes - before->bytes,
           sender->repairs - before->repairs, sender->repair_bytes - before->repair_bytes,
           sender->naks - before->naks, sender->naks_refused - before->naks_refused);
}

static size_t shape_record(struct program *program, const struct probe_options *options) {
    bool is_number = strcmp(options->mode, "number") == 0;
    bool is_packed = is_number || strcmp(options->mode, "message") == 0;
    size_t bytes = is_number ? NUMBER_BYTES : options->bytes;
    size_t bytes_max = DATAGRAM_BYTES - (options->is_sealed ? SEAL_BYTES : 0);
    memset(program->text, 'x', sizeof program->text - 1);
    if (is_number) {
        program->record = (struct muster_record){.name = "celsius", .kind = MUSTER_VALUE_NUMBER};
    } else if (is_packed) {
        program->record = (struct muster_record){.name = "note",
                                                 .kind = MUSTER_VALUE_TEXT,
                                                 .text = program->text,
                                                 .text_length = bytes - RECORD_OVERHEAD_BYTES};
    } else {
        program->record = (struct muster_record){.kind = MUSTER_VALUE_TEXT, .text = program->text};
        program->datagram_bytes = bytes < bytes_max ? bytes : bytes_max;
    }
    return is_packed ? DATAGRAMS_BURST_MAX * (DATAGRAM_BYTES / bytes) : DATAGRAMS_BURST_MAX;
}

static void publish(struct program *program, const struct probe_options *options) {
    const struct muster_topic topic = {.name = TOPIC};
    const struct probe_publisher publisher = {.send = send_messages,
                                              .serve = serve,
                                              .report = report_sender,
                                              .context = program,
                                              .burst_max = shape_record(program, options)};
    must(muster_publisher_open(program->node, &topic, &program->publisher), "muster_publisher_open");
    probe_publish(options, &publisher);
}

/* ---- subscribing ---- */

static void count_view(struct program *program, const struct muster_sample *sample) {
    static const char value[] = "\"vs\":\"";
    if (!program->has_begun || program->is_timed) {
        const char *found = memmem(sample->body, sample->length, value, sizeof value - 1);
        if (found != NULL && (program->is_timed || found[sizeof value - 1] == HELLO)) {
            count_text(program, found + sizeof value - 1, (size_t)(sample->body + sample->length - found));
            return;
        }
        program->has_begun = true;
    }
    probe_count(program->counter, sample->seq, 0, uv_now(&program->loop) * 1000000);
}

static void on_view(muster_t *node, const struct muster_sample *sample, void *context) {
    (void)node;
    if (sample->kind == MUSTER_SAMPLE_LIVE || sample->kind == MUSTER_SAMPLE_REPAIRED) {
        count_view(context, sample);
    }
}

static void count_record(struct program *program, const struct muster_record *record) {
    if (record->kind == MUSTER_VALUE_TEXT) {
        count_text(program, record->text, record->text_length);
    } else {
        probe_count(program->counter, (uint64_t)record->number, 0, uv_now(&program->loop) * 1000000);
    }
}

static void on_records(muster_t *node, const struct muster_sample *sample, void *context) {
    struct program *program = context;
    struct muster_record record;
    int found;
    (void)node;
    if (sample->kind != MUSTER_SAMPLE_LIVE && sample->kind != MUSTER_SAMPLE_REPAIRED) {
        return;
    }
    muster_pack_open(&program->pack, sample->body, sample->length, 0);
    while ((found = muster_pack_next(&program->pack, &record)) > 0) {
        count_record(program, &record);
    }
    must(found, "muster_pack_next");
}

static void on_wake(uv_timer_t *timer) {
    (void)timer;
}

static void receive(void *context, struct probe_counter *counter) {
    struct program *program = context;
    program->counter = counter;
    uv_run(&program->loop, UV_RUN_ONCE);
}

static void report_feeds(void *context) {
    const struct program *program = context;
    struct muster_feed feeds[FEEDS_MAX];
    struct muster_feed all = {0};
    size_t count = muster_feeds(program->node, feeds, FEEDS_MAX);
    for (size_t i = 0; i < count && i < FEEDS_MAX; i++) {
        all.repaired += feeds[i].repaired;
        all.lost_wire += feeds[i].lost_wire + feeds[i].lost_gone;
        all.lost_kernel += feeds[i].lost_kernel;
        all.lost_program += feeds[i].lost_program;
        all.naks += feeds[i].naks;
    }
    printf(",\"repaired\":%" PRIu64 ",\"lost_wire\":%" PRIu64 ",\"lost_kernel\":%" PRIu64
           ",\"lost_program\":%" PRIu64 ",\"naks\":%" PRIu64,
           all.repaired, all.lost_wire, all.lost_kernel, all.lost_program, all.naks);
}

static void subscribe(struct program *program, const struct probe_options *options) {
    const char *pattern = "#";
    const struct muster_subscription_options subscription = {
        .size = sizeof subscription, .patterns = &pattern, .pattern_count = 1, .without_last = true};
    const struct probe_subscriber subscriber = {
        .receive = receive, .report = report_feeds, .context = program};
    bool reads_records = strcmp(options->mode, "record") == 0;
    program->is_timed = options->is_timed;
    must(muster_subscribe(program->node, &subscription, reads_records ? on_records : on_view, NULL, program,
                          &program->subscription),
         "muster_subscribe");
    must(uv_timer_init(&program->loop, &program->timer), "uv_timer_init");
    must(uv_timer_start(&program->timer, on_wake, WAKE_MS, WAKE_MS), "uv_timer_start");
    probe_subscribe(options, &subscriber);
}

/* Ends without a bye, for which nobody waits. */
int main(int argc, char **argv) {
    static struct program program;
    struct probe_options options;
    probe_options_read(&options, argc, argv);
    open_node(&program, &options);
    (options.is_publisher ? publish : subscribe)(&program, &options);
    return 0;
}
