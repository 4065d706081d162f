/* SPDX-License-Identifier: MIT */
/* muster metrics: what the running muster knows, for Prometheus. */
#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "complain.h"
#include "confine.h"
#include "exposition.h"
#include "gather.h"
#include "replace.h"
#include "scrape.h"
#include "session.h"
#include "value.h"

struct metrics_options {
    const char *file;  /* NULL: none */
    uint64_t every_ms; /* 0: once */
    bool listens;
    union scrape_address address;
    bool openmetrics;
};

/* One run of the command. */
struct run {
    const struct settings *settings;
    const struct metrics_options *options;
    uv_loop_t loop;
    uv_signal_t signals[2];
    uv_timer_t every;
    struct gather gather;
    struct scrape scrape;
    bool is_scraped; /* the scrape is open */
    bool has_failed; /* the last time that the file was to be written; that was said */
    int status;
};

/* ---- options ---- */

static int parse_address(const char *text, void *place, struct reason *reason) {
    struct metrics_options *options = place;
    options->listens = scrape_parse(text, &options->address, reason) == 0;
    return options->listens ? 0 : -1;
}

static const struct args_option options_table[] = {
    {"file", 0, "FILE", "write them to FILE, which is replaced at once",
     offsetof(struct metrics_options, file), value_text, &args_complete_files},
    {"every", 0, "T", "write FILE each so often, until SIGINT or SIGTERM",
     offsetof(struct metrics_options, every_ms), value_timeout},
    {"listen", 0, "[ADDRESS:]PORT", "answer scrapes by HTTP at this address of the loopback (127.0.0.1)", 0,
     parse_address},
    {"openmetrics", 0, NULL, "print OpenMetrics, not Prometheus' text format",
     offsetof(struct metrics_options, openmetrics), value_flag},
    {0},
};

static int check_options(const struct settings *settings, const struct metrics_options *options) {
    if (options->every_ms > 0 && options->file == NULL) {
        return complain_usage(settings, "--every", "expected only with --file");
    }
    if (options->listens && (options->file != NULL || options->openmetrics)) {
        return complain_usage(settings, "--listen", "expected without --file and --openmetrics");
    }
    if (options->file != NULL && options->openmetrics) {
        return complain_usage(settings, "--openmetrics", "expected without --file: no collector reads it");
    }
    if (settings->direct) {
        return complain_usage(settings, "--direct", "expected without: the running muster is asked");
    }
    return STATUS_OK;
}

/* ---- the end ---- */

static void end(struct run *run, int status) {
    run->status = status;
    uv_stop(&run->loop);
}

static void on_signal(uv_signal_t *signal, int number) {
    (void)number;
    end(signal->data, STATUS_OK);
}

/* ---- what fails ---- */

static int complain_of_gather(const struct settings *settings, int error, const char *text) {
    if (error == MUSTER_ENOTFOUND && settings->socket == NULL) {
        complain(settings, "no muster announce runs here");
        return STATUS_NOBODY;
    }
    if (text == NULL) {
        return session_complain_of_connection(settings, error);
    }
    complain(settings, "the running muster: %s", text);
    return STATUS_ERROR;
}

/* ---- a file ---- */

static int write_file(const struct run *run) {
    const char *path = run->options->file;
    const int error =
        replace_file(path, run->gather.texts[EXPOSITION_TEXT], run->gather.lengths[EXPOSITION_TEXT]);
    if (error != 0 && !run->has_failed) {
        complain(run->settings, "%s: %s", path, error == EEXIST ? "is not a regular file" : strerror(error));
    }
    return error == 0 ? STATUS_OK : STATUS_ERROR;
}

static int print(const struct run *run) {
    const enum exposition_format format =
        run->options->openmetrics ? EXPOSITION_OPENMETRICS : EXPOSITION_TEXT;
    fwrite(run->gather.texts[format], 1, run->gather.lengths[format], stdout);
    return STATUS_OK;
}

/* What came goes where it belongs. What fails again and again is said once. */
static void take(struct run *run, int error, const char *text) {
    int status;
    if (error == 0) {
        status = run->options->file != NULL ? write_file(run) : print(run);
    } else {
        status = run->has_failed ? STATUS_ERROR : complain_of_gather(run->settings, error, text);
    }
    run->has_failed = status != STATUS_OK;
    if (run->options->every_ms == 0) {
        end(run, status);
    }
}

static void on_every(uv_timer_t *timer) {
    struct run *run = timer->data;
    const int error = gather_is_busy(&run->gather) ? 0 : gather_start(&run->gather);
    if (error != 0) {
        take(run, error, NULL);
    }
}

/* ---- HTTP ---- */

static void refuse(struct run *run, int error, const char *text) {
    char line[256];
    const bool is_absent = error == MUSTER_ENOTFOUND;
    snprintf(line, sizeof(line), "%s%s%s\n",
             is_absent ? "no muster announce runs here" : muster_error_text(error), text != NULL ? ": " : "",
             text != NULL ? text : "");
    scrape_refuse(&run->scrape, line);
}

static void on_wanted(struct scrape *scrape, void *context) {
    struct run *run = context;
    (void)scrape;
    const int error = gather_is_busy(&run->gather) ? 0 : gather_start(&run->gather);
    if (error != 0) {
        refuse(run, error, NULL);
    }
}

static void on_gathered(int error, const char *text, void *context) {
    struct run *run = context;
    if (!run->is_scraped) {
        take(run, error, text);
    } else if (error != 0) {
        refuse(run, error, text);
    } else {
        scrape_answer(&run->scrape, run->gather.texts, run->gather.lengths);
    }
}

/* Opens, and says where. */
static int listen_for_scrapes(struct run *run) {
    union scrape_address address = run->options->address;
    const bool is_v6 = address.any.sa_family == AF_INET6;
    char host[INET6_ADDRSTRLEN];
    const int error = scrape_open(&run->scrape, &run->loop, &address, on_wanted, run);
    inet_ntop(address.any.sa_family, is_v6 ? (void *)&address.v6.sin6_addr : (void *)&address.v4.sin_addr,
              host, sizeof(host));
    if (error != 0) {
        complain(run->settings, "--listen: %s port %u: %s", host, ntohs(address.v4.sin_port),
                 strerror(error));
        return STATUS_ERROR;
    }
    run->is_scraped = true;
    printf("http://%s%s%s:%u/metrics\n", is_v6 ? "[" : "", host, is_v6 ? "]" : "",
           ntohs(address.v4.sin_port));
    return complain_flush(run->settings) == 0 ? STATUS_OK : STATUS_ERROR;
}

/* ---- running ---- */

static void close_handle(uv_handle_t *handle, void *context) {
    (void)context;
    if (!uv_is_closing(handle)) {
        uv_close(handle, NULL);
    }
}

static int open_signals(struct run *run) {
    static const int numbers[] = {SIGINT, SIGTERM};
    int error = 0;
    for (size_t i = 0; i < 2 && error == 0; i++) {
        error = uv_signal_init(&run->loop, &run->signals[i]);
        run->signals[i].data = run;
        error = error != 0 ? error : uv_signal_start(&run->signals[i], on_signal, numbers[i]);
    }
    return error;
}

/* Starts what the options ask for. */
static int start(struct run *run) {
    if (run->options->listens) {
        return listen_for_scrapes(run);
    }
    uv_timer_init(&run->loop, &run->every); /* cannot fail */
    run->every.data = run;
    uv_timer_start(&run->every, on_every, 0, run->options->every_ms);
    return STATUS_OK;
}

static int run(struct settings *settings, void *options, const struct operands *operands) {
    struct run run = {.settings = settings, .options = options};
    (void)operands;
    const int status = check_options(settings, options);
    if (status != STATUS_OK) {
        return status;
    }
    int error = uv_loop_init(&run.loop);
    if (error != 0) {
        complain(settings, "no event loop: %s", uv_strerror(error));
        return STATUS_ERROR;
    }
    gather_init(&run.gather, &run.loop, settings, on_gathered, &run);
    error = open_signals(&run);
    if (error != 0) {
        complain(settings, "no signal handling: %s", uv_strerror(error));
        run.status = STATUS_ERROR;
    } else {
        run.status = start(&run);
    }
    if (run.status == STATUS_OK) {
        /* The directory of the file may be replaced, as when the collector starts anew. */
        confine(&(struct confinement){.writes_anywhere = run.options->file != NULL});
        uv_run(&run.loop, UV_RUN_DEFAULT);
    }
    gather_stop(&run.gather);
    if (run.is_scraped) {
        scrape_close(&run.scrape);
    }
    uv_walk(&run.loop, close_handle, NULL);
    uv_run(&run.loop, UV_RUN_DEFAULT);
    uv_loop_close(&run.loop);
    gather_deinit(&run.gather);
    return run.status;
}

const struct command command_metrics = {
    .name = "metrics",
    .group = COMMAND_OTHER,
    .summary = "say how the running muster is doing, for Prometheus",
    .syntax = {.operands = ""},
    .description =
        "Print what the muster announce that runs here knows as metrics: peers by state, the loss of\n"
        "each peer and path, datagrams dropped by reason, readings a second by topic, and what\n"
        "muster show --self counts. Each series has the labels node and node_id, the name and id of\n"
        "that muster, so that several may be collected together.\n"
        "\n"
        "Without options they go to standard output in Prometheus' text format (0.0.4). With --file\n"
        "they are for node_exporter: FILE is in the directory of its textfile collector, and ends in\n"
        ".prom. A device or a link is not replaced. When no metrics can be had, the old FILE stays, and\n"
        "the time of its last change shows how old it is. With --listen Prometheus itself asks,\n"
        "GET /metrics, and gets OpenMetrics where it prefers that; the URL is printed. Without a\n"
        "running muster the answer is 503. It is 403 where the Host header of the request names\n"
        "neither localhost nor an address of the loopback.\n",
    .options = options_table,
    .options_bytes = sizeof(struct metrics_options),
    .examples = "  muster metrics\n"
                "  muster metrics --listen 9797\n"
                "  muster metrics --every 15s --file /run/node-exporter/muster.prom\n"
                "  muster metrics --openmetrics | grep muster_peers\n",
    .statuses = "  0   done, or ended by a signal\n"
                "  1   error\n"
                "  2   wrong usage\n"
                "  3   no muster announce runs here\n",
    .run = run,
};
