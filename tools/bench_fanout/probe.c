/* SPDX-License-Identifier: MIT */
#include "probe.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define SECOND_NS 1000000000ULL
#define MILLISECOND_NS 1000000ULL
#define HELLO_NS (5 * MILLISECOND_NS)
#define ASK_NS (5 * MILLISECOND_NS)
#define DRAIN_NS (5 * SECOND_NS) /* for what waits when the time is up */
#define GIVE_UP_NS (10 * SECOND_NS)
#define NAP_NS 50000 /* shortest; who has more to send than one each nap sends short bursts */
#define NAPPING_RATE 5000
#define LATENCIES_MAX (1U << 20)

void probe_die(const char *what) {
    fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, what, strerror(errno));
    exit(1);
}

static _Noreturn void show_usage(void) {
    fprintf(stderr,
            "usage: %s publish|subscribe [-r RATE] [-t SECONDS] [-s BYTES] [-m MODE] [-a ADDRESS]"
            " [-p PATIENCE_MS] [-l] [-k]\n",
            program_invocation_short_name);
    exit(2);
}

void probe_options_read(struct probe_options *options, int argc, char **argv) {
    *options = (struct probe_options){
        .rate = 1000, .seconds = 1, .bytes = 200, .mode = "", .address = "127.0.0.1", .patience_ms = 300};
    if (argc < 2 || (strcmp(argv[1], "publish") != 0 && strcmp(argv[1], "subscribe") != 0)) {
        show_usage();
    }
    options->is_publisher = strcmp(argv[1], "publish") == 0;
    optind = 2;
    for (int option; (option = getopt(argc, argv, "r:t:s:m:a:p:lk")) != -1;) {
        switch (option) {
        case 'r': options->rate = strtod(optarg, NULL); break;
        case 't': options->seconds = strtod(optarg, NULL); break;
        case 's': options->bytes = strtoul(optarg, NULL, 10); break;
        case 'm': options->mode = optarg; break;
        case 'a': options->address = optarg; break;
        case 'p': options->patience_ms = strtoul(optarg, NULL, 10); break;
        case 'l': options->is_timed = true; break;
        case 'k': options->is_sealed = true; break;
        default: show_usage();
        }
    }
    if (optind != argc || options->bytes < sizeof(struct stamp)) {
        show_usage();
    }
    if (fcntl(STDIN_FILENO, F_SETFL, O_NONBLOCK) != 0 || prctl(PR_SET_TIMERSLACK, 1000UL) != 0) {
        probe_die("can't prepare");
    }
}

uint64_t probe_now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * SECOND_NS + (uint64_t)now.tv_nsec;
}

static uint64_t cpu_ns(void) {
    struct timespec used;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return (uint64_t)used.tv_sec * SECOND_NS + (uint64_t)used.tv_nsec;
}

static void sleep_until(uint64_t when_ns) {
    const struct timespec when = {.tv_sec = (time_t)(when_ns / SECOND_NS),
                                  .tv_nsec = (long)(when_ns % SECOND_NS)};
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &when, NULL);
}

/* What the driver said since; false when that is nothing. Its end is the end of all. */
static bool hear(char *line, size_t size) {
    ssize_t length = read(STDIN_FILENO, line, size - 1);
    if (length == 0) {
        exit(1);
    }
    line[length > 0 ? length : 0] = '\0';
    return length > 0;
}

/* ---- publishing ---- */

static bool serve(const struct probe_publisher *publisher) {
    return publisher->serve == NULL || publisher->serve(publisher->context);
}

static void greet(const struct probe_publisher *publisher) {
    char line[32];
    while (!hear(line, sizeof line)) {
        publisher->send(publisher->context, STAMP_HELLO, 1);
        sleep_until(probe_now_ns() + HELLO_NS);
    }
}

/* How many messages are due by now, after a nap if there are none yet; 0 when the time is up. */
static size_t await_due(const struct probe_options *options, uint64_t begin_ns, uint64_t sent,
                        size_t burst_max) {
    uint64_t end_ns = begin_ns + (uint64_t)(options->seconds * 1e9);
    for (;;) {
        uint64_t now_ns = probe_now_ns();
        if (now_ns >= end_ns) {
            return 0;
        }
        if (options->rate <= 0) {
            return burst_max;
        }
        uint64_t due = (uint64_t)((double)(now_ns - begin_ns) * options->rate / 1e9) + 1;
        if (due > sent) {
            return due - sent < burst_max ? (size_t)(due - sent) : burst_max;
        }
        uint64_t next_ns = begin_ns + (uint64_t)((double)sent * 1e9 / options->rate);
        if (next_ns < now_ns + NAP_NS && options->rate > NAPPING_RATE) {
            next_ns = now_ns + NAP_NS;
        }
        sleep_until(next_ns < end_ns ? next_ns : end_ns);
    }
}

static uint64_t send_all(const struct probe_options *options, const struct probe_publisher *publisher,
                         uint64_t begin_ns) {
    size_t burst_max = publisher->burst_max > 0 ? publisher->burst_max : PROBE_BURST_MAX;
    uint64_t sent = 0;
    size_t due;
    while ((due = await_due(options, begin_ns, sent, burst_max)) > 0) {
        publisher->send(publisher->context, sent, due);
        sent += due;
    }
    uint64_t end_ns = probe_now_ns() + DRAIN_NS;
    while (!serve(publisher) && probe_now_ns() < end_ns) {
        sleep_until(probe_now_ns() + NAP_NS);
    }
    return sent;
}

static void say(const struct probe_publisher *publisher, const char *event, uint64_t sent, uint64_t begin_ns,
                uint64_t begin_cpu_ns) {
    printf("{\"event\":\"%s\",\"sent\":%" PRIu64 ",\"seconds\":%.6f,\"cpu_us\":%" PRIu64, event, sent,
           (double)(probe_now_ns() - begin_ns) / 1e9, (cpu_ns() - begin_cpu_ns) / 1000);
    if (publisher->report != NULL) {
        publisher->report(publisher->context);
    }
    printf("}\n");
    fflush(stdout);
}

void probe_publish(const struct probe_options *options, const struct probe_publisher *publisher) {
    char line[32];
    greet(publisher);
    uint64_t begin_cpu_ns = cpu_ns();
    uint64_t begin_ns = probe_now_ns();
    uint64_t sent = send_all(options, publisher, begin_ns);
    say(publisher, "sent", sent, begin_ns, begin_cpu_ns);
    while (!hear(line, sizeof line)) {
        serve(publisher);
        sleep_until(probe_now_ns() + MILLISECOND_NS);
    }
    say(publisher, "done", sent, begin_ns, begin_cpu_ns);
}

/* ---- subscribing ---- */

static void be_ready(struct probe_counter *counter) {
    if (!counter->is_ready) {
        counter->is_ready = true;
        printf("{\"event\":\"ready\"}\n");
        fflush(stdout);
    }
}

static void keep_latency(struct probe_counter *counter, uint64_t latency_ns) {
    if (counter->latency_count < LATENCIES_MAX) {
        counter->latencies_ns[counter->latency_count++] =
            latency_ns < UINT32_MAX ? (uint32_t)latency_ns : UINT32_MAX;
    }
}

void probe_count(struct probe_counter *counter, uint64_t number, uint64_t sent_ns, uint64_t now_ns) {
    if (number == STAMP_HELLO) {
        be_ready(counter);
        return;
    }
    if (counter->received == 0) {
        counter->first_ns = now_ns;
        counter->cpu_ns = cpu_ns();
    }
    counter->disordered += number < counter->next;
    counter->next = number + 1;
    counter->received++;
    counter->last_ns = now_ns;
    if (counter->latencies_ns != NULL) {
        keep_latency(counter, now_ns - sent_ns);
    }
}

void probe_count_bytes(struct probe_counter *counter, const void *bytes, size_t length, uint64_t now_ns) {
    struct stamp stamp;
    if (length >= sizeof stamp) {
        memcpy(&stamp, bytes, sizeof stamp);
        probe_count(counter, stamp.number, stamp.sent_ns, now_ns);
    }
}

static void ask_driver(struct probe_counter *counter, uint64_t now_ns) {
    char line[32];
    counter->asked_ns = now_ns;
    if (hear(line, sizeof line) && sscanf(line, "sent %" SCNu64, &counter->sent) == 1) {
        counter->told_ns = now_ns;
    }
}

static bool is_done(const struct probe_options *options, struct probe_counter *counter) {
    uint64_t now_ns = probe_now_ns();
    if (now_ns - counter->asked_ns > ASK_NS) {
        ask_driver(counter, now_ns);
    }
    if (counter->told_ns == 0) {
        return false;
    }
    uint64_t since_ns = counter->last_ns > counter->told_ns ? counter->last_ns : counter->told_ns;
    return counter->received >= counter->sent || now_ns > counter->told_ns + GIVE_UP_NS ||
           (now_ns > since_ns && now_ns - since_ns > options->patience_ms * MILLISECOND_NS);
}

static int compare(const void *a, const void *b) {
    const uint32_t *left = a;
    const uint32_t *right = b;
    return (*left > *right) - (*left < *right);
}

static void print_latencies(struct probe_counter *counter) {
    size_t last = counter->latency_count - 1;
    qsort(counter->latencies_ns, counter->latency_count, sizeof *counter->latencies_ns, compare);
    printf(",\"p50_us\":%.1f,\"p99_us\":%.1f,\"max_us\":%.1f", counter->latencies_ns[last / 2] / 1e3,
           counter->latencies_ns[(size_t)((double)last * 0.99)] / 1e3, counter->latencies_ns[last] / 1e3);
}

static void print_counter(struct probe_counter *counter, const struct probe_subscriber *subscriber) {
    printf("{\"event\":\"done\",\"received\":%" PRIu64 ",\"disordered\":%" PRIu64 ",\"seconds\":%.6f"
           ",\"cpu_us\":%" PRIu64,
           counter->received, counter->disordered, (double)(counter->last_ns - counter->first_ns) / 1e9,
           counter->received > 0 ? (cpu_ns() - counter->cpu_ns) / 1000 : 0);
    if (counter->latency_count > 0) {
        print_latencies(counter);
    }
    if (subscriber->report != NULL) {
        subscriber->report(subscriber->context);
    }
    printf("}\n");
    fflush(stdout);
}

void probe_subscribe(const struct probe_options *options, const struct probe_subscriber *subscriber) {
    struct probe_counter counter = {0};
    if (options->is_timed) {
        counter.latencies_ns = calloc(LATENCIES_MAX, sizeof *counter.latencies_ns);
        if (counter.latencies_ns == NULL) {
            probe_die("no room for latencies");
        }
    }
    while (!is_done(options, &counter)) {
        subscriber->receive(subscriber->context, &counter);
    }
    print_counter(&counter, subscriber);
    free(counter.latencies_ns);
}
