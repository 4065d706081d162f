/* muster watch: what happens, as it happens. */
#include <inttypes.h>
#include <stddef.h>
#include <string.h>
#include <time.h>

#include "command.h"
#include "json.h"
#include "session.h"
#include "text.h"

/* How often counters are shown, and a reader that has gone is looked for. */
#define TICK_MS 1000

struct watch_options {
    bool ndjson;
    bool stats;
    size_t count;        /* 0: no end */
    uint64_t timeout_ms; /* 0: none */
};

struct watch {
    struct session session;
    const struct settings *settings;
    struct watch_options options;
    size_t seen; /* events */
    uv_timer_t tick;
    bool color;
};

static const struct args_option options_table[] = {
    {"ndjson", 0, NULL, "print one JSON object a line", offsetof(struct watch_options, ndjson), args_flag},
    {"stats", 0, NULL, "print counters, too, every second", offsetof(struct watch_options, stats), args_flag},
    {"count", 0, "N", "end after so many events of peers", offsetof(struct watch_options, count), args_count},
    {"timeout", 0, "S", "end after this time", offsetof(struct watch_options, timeout_ms), args_timeout},
    {0},
};

/* ---- lines ---- */

/* "2026-01-31T12:00:00.123Z" (RFC 3339). */
static void write_time_utc(char *text, size_t size) {
    struct timespec now;
    struct tm parts;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &parts);
    size_t length = strftime(text, size, "%Y-%m-%dT%H:%M:%S", &parts);
    snprintf(text + length, size - length, ".%03ldZ", now.tv_nsec / 1000000);
}

static void print_time_local(void) {
    struct timespec now;
    struct tm parts;
    char text[16];
    clock_gettime(CLOCK_REALTIME, &now);
    localtime_r(&now.tv_sec, &parts);
    strftime(text, sizeof(text), "%H:%M:%S", &parts);
    printf("%s.%03ld  ", text, now.tv_nsec / 1000000);
}

static void print_event(const struct watch *watch, enum muster_peer_event event,
                        const struct muster_peer *peer) {
    print_time_local();
    printf("%s%-9s%s  ", watch->color ? text_state_color(peer->state) : "", muster_peer_event_name(event),
           watch->color ? TEXT_COLOR_END : "");
    text_print(stdout, peer->document.name);
    printf("  ");
    text_print_address(stdout, &peer->address);
    printf("  ");
    text_print_services(stdout, &peer->document);
    printf("%s\n", peer->verified ? "" : "  (unverified)");
}

/* Begins a document of one line; document_deinit() is to follow. */
static void begin_line(struct document *document, const char *event) {
    char time_text[40];
    write_time_utc(time_text, sizeof(time_text));
    document_init(document);
    document_put_text(document, NULL, "event", event);
    document_put_text(document, NULL, "time", time_text);
}

static int print_event_json(enum muster_peer_event event, const struct muster_peer *peer) {
    struct document document;
    begin_line(&document, muster_peer_event_name(event));
    json_put_peer(&document, NULL, peer);
    int error = json_print(&document, false);
    document_deinit(&document);
    return error;
}

static void print_stats(const struct muster_counters *counters) {
    uint64_t dropped = 0;
    for (unsigned i = 0; i < MUSTER_DROP_COUNT; i++) {
        dropped += counters->drops[i];
    }
    print_time_local();
    printf("stats      received %" PRIu64 ", accepted %" PRIu64 ", copies %" PRIu64 ", sent %" PRIu64
           ", dropped %" PRIu64,
           counters->received, counters->accepted, counters->copies, counters->sent, dropped);
    const char *separator = ": ";
    for (unsigned i = 0; i < MUSTER_DROP_COUNT; i++) {
        if (counters->drops[i] == 0) {
            continue;
        }
        printf("%s%s %" PRIu64, separator, muster_drop_name((enum muster_drop)i), counters->drops[i]);
        separator = ", ";
    }
    putchar('\n');
}

static int print_stats_json(const struct muster_counters *counters) {
    struct document document;
    begin_line(&document, "stats");
    json_put_counters(&document, counters);
    document_put_integer(&document, NULL, "sent", (int64_t)counters->sent);
    document_put_integer(&document, NULL, "questions", (int64_t)counters->questions);
    document_put_integer(&document, NULL, "answers", (int64_t)counters->answers);
    document_put_integer(&document, NULL, "evicted", (int64_t)counters->evicted);
    document_put_integer(&document, NULL, "verifications", (int64_t)counters->verifications);
    document_put_integer(&document, NULL, "outputs_dropped", (int64_t)counters->outputs_dropped);
    int error = json_print(&document, false);
    document_deinit(&document);
    return error;
}

/* Sends a line on its way at once; ends the watch when that fails, or when the line could not be made. */
static void finish_line(struct watch *watch, int error) {
    if (error != 0) {
        text_complain(watch->settings->program, "%s", muster_error_text(MUSTER_ENOMEM));
    }
    if (text_flush(watch->settings->program) != 0) {
        error = -1;
    }
    if (error != 0) {
        session_end(&watch->session, STATUS_ERROR);
    }
}

/* ---- events ---- */

static void on_event(muster_t *node, enum muster_peer_event event, const struct muster_peer *peer,
                     void *context) {
    struct watch *watch = context;
    int error = 0;
    (void)node;
    if (watch->options.ndjson) {
        error = print_event_json(event, peer);
    } else {
        print_event(watch, event, peer);
    }
    finish_line(watch, error);
    watch->seen++;
    if (watch->seen == watch->options.count) {
        session_end(&watch->session, STATUS_OK);
    }
}

static void on_tick(uv_timer_t *handle) {
    struct watch *watch = handle->data;
    int error = 0;
    if (watch->session.ended) {
        return;
    }
    if (text_reader_gone()) {
        session_end(&watch->session, STATUS_ERROR);
        return;
    }
    if (!watch->options.stats) {
        return;
    }
    const struct muster_counters *counters = muster_counters(watch->session.node);
    if (watch->options.ndjson) {
        error = print_stats_json(counters);
    } else {
        print_stats(counters);
    }
    finish_line(watch, error);
}

static int run(struct settings *settings, int argc, char **argv) {
    struct watch watch = {.settings = settings};
    const struct session_request request = {.until_signal = true, .on_event = on_event, .context = &watch};
    struct operands operands;
    int status;
    if (!args_parse(settings, &command_watch, argc, argv, &watch.options, &operands, &status)) {
        return status;
    }
    watch.color = settings_color(settings);
    status = session_open(&watch.session, settings, &request);
    if (status != STATUS_OK) {
        return status;
    }
    uv_timer_init(&watch.session.loop, &watch.tick);
    watch.tick.data = &watch;
    uv_timer_start(&watch.tick, on_tick, TICK_MS, TICK_MS);
    if (watch.options.timeout_ms > 0) {
        session_end_after(&watch.session, watch.options.timeout_ms, STATUS_TIMED_OUT);
    }
    return session_run(&watch.session);
}

const struct command command_watch = {
    .name = "watch",
    .summary = "print what happens, as it happens",
    .operands = "",
    .description = "Print a line for each event: who joined, changed, restarted, is suspect, returned, is\n"
                   "lost, left. Those that are here already come first, as joined. Runs until SIGINT or\n"
                   "SIGTERM, or until --count or --timeout ends it.\n",
    .options = options_table,
    .examples = "  muster watch\n"
                "  muster watch --ndjson | jq -r 'select(.event == \"lost\") | .name'\n"
                "  muster watch --stats --timeout 10\n",
    .statuses = "  0   ended by a signal or by --count\n"
                "  1   error, or nobody reads the output any more\n"
                "  2   wrong usage\n"
                "  124 ended by --timeout\n",
    .run = run,
};
