/* SPDX-License-Identifier: MIT */
/* What a network of so many peers does, by the functions of the core itself: how often each speaks, what that
 * takes, how soon a crash is noticed, and how soon a newcomer knows all. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "announcer.h"
#include "limit.h"
#include "message.h"
#include "presence.h"
#include "suspicion.h"

#define STRETCH_MIN 0.75 /* of an interval, by chance */
#define STRETCH_MAX 1.25 /* what is promised */
#define HEADER_BYTES 42  /* Ethernet, IPv4 and UDP */
#define BOOT 1767225600000
#define SEQ 100000
#define MBPS 100 /* of a stream */
#define ANNOUNCE_BYTES 480

struct plan {
    double peers;
    double loss_percent;
    double announce_bytes;
    double budget_bps;
    double interval_ms;
};

static const char help[] =
    "usage: plan --peers N [--loss PERCENT] [--document BYTES] [--budget BPS] [--interval MS]\n"
    "\n"
    "Prints how a network of N peers behaves, by the formulas that muster itself goes by.\n"
    "\n"
    "  --peers N         peers on one link, from 2 to 100000\n"
    "  --loss PERCENT    of the datagrams to each, from 0 to 90 (0)\n"
    "  --document BYTES  of the announce with a peer's document, from 200 to 1200 (480)\n"
    "  --budget BPS      bits a second that alives may take together (128000)\n"
    "  --interval MS     least time between two alives of a peer (2000)\n"
    "\n"
    "Exit codes: 0 done, 2 wrong usage.\n";

/* ---- figures ---- */

static int sign(void *context, const uint8_t *bytes, size_t length,
                uint8_t signature[MUSTER_SIGNATURE_BYTES]) {
    (void)context, (void)bytes, (void)length;
    memset(signature, 0, MUSTER_SIGNATURE_BYTES);
    return 0;
}

static size_t alive_bytes(const struct plan *plan) {
    static const struct muster_crypto crypto = {.sign = sign};
    uint8_t bytes[MUSTER_DATAGRAM_BYTES_MAX];
    const struct message alive = {.kind = MESSAGE_ALIVE,
                                  .boot = BOOT,
                                  .seq = SEQ,
                                  .rev = 1,
                                  .next_ms = MUSTER_INTERVAL_MIN_MS,
                                  .peers = (uint64_t)plan->peers};
    int length = message_encode(&alive, &crypto, 0, bytes, sizeof bytes);
    return length < 0 ? MUSTER_ALIVE_BYTES_MAX : (size_t)length;
}

static double interval_ms(const struct plan *plan, size_t bytes) {
    static struct presence presence; /* too large for some stacks */
    presence.interval_min_ms = (uint64_t)plan->interval_ms;
    presence.budget_bps = (uint64_t)plan->budget_bps;
    presence.table.speakers = (size_t)plan->peers - 1;
    presence.announcer.alive_bytes = bytes;
    return (double)announcer_interval_ms(&presence);
}

static void print_traffic(const struct plan *plan, size_t bytes, double interval) {
    double datagrams = 1 + 1.0 / MUSTER_EVERYWHERE_EACH; /* some by broadcast, too */
    double bytes_s = datagrams * (double)(bytes + HEADER_BYTES) * 1000 / interval;
    printf("alive       %zu bytes from each peer, each %.2f to %.2f s\n", bytes,
           STRETCH_MIN * interval / 1000, STRETCH_MAX * interval / 1000);
    printf("traffic     %.2f kB a peer and minute, %.1f kbit/s in all\n", bytes_s * 60 / 1000,
           plan->peers * bytes_s * 8 / 1000);
}

/* From a crash on: at the earliest it comes right before the next alive, at the latest right after one. */
static void print_detection(const struct plan *plan, double interval) {
    double p = plan->loss_percent / 100;
    p = p > MUSTER_LOSS_FLOOR ? p : MUSTER_LOSS_FLOOR;
    unsigned patience = suspicion_patience(p, plan->peers - 1);
    unsigned tries = suspicion_tries(p, patience);
    double listeners = plan->peers - 1;
    double least_jitter_ms =
        MUSTER_QUESTION_JITTER_MS / (listeners + 1); /* who draws the shortest one asks */
    double suspect_ms = patience * STRETCH_MAX * interval + MUSTER_GRACE_MS;
    double usual_ms = suspect_ms - interval / 2 + tries * (MUSTER_QUESTION_MS + least_jitter_ms);
    double latest_ms = suspect_ms + tries * (double)(MUSTER_QUESTION_MS + MUSTER_QUESTION_JITTER_MS);
    printf("a crash     is noticed after %.2f s on average, %.2f s at the latest:\n", usual_ms / 1000,
           latest_ms / 1000);
    printf("            %u broken promise%s and %u questions\n", patience, patience == 1 ? "" : "s", tries);
}

/* Who has many rows gives them by stream; of fewer each answers for itself, within a window. */
static void print_joining(const struct plan *plan, double interval) {
    bool has_table = plan->peers > MUSTER_TABLE_ROWS;
    double p = plan->loss_percent / 100;
    double known =
        has_table ? 1 : (1 - p * p) * (1 - p); /* the question goes by two paths, an answer by one */
    double bytes = plan->peers * (plan->announce_bytes + (has_table ? 0 : HEADER_BYTES));
    double window_ms =
        has_table ? MUSTER_TABLE_ANSWER_MS + bytes * 8 / (MBPS * 1000.0) : MUSTER_ANSWER_MS_MIN + plan->peers;
    double rest_ms = window_ms + STRETCH_MAX * interval + MUSTER_INTRODUCTION_CROWD_MS;
    printf("a newcomer  knows %.0f %% after %.2f s, by %.0f kB %s\n", 100 * known, window_ms / 1000,
           bytes / 1000, has_table ? "of a stream at 100 Mbit/s" : "of answers");
    if (known < 1) {
        printf("            and the rest after their next alive, within %.1f s\n", rest_ms / 1000);
    }
}

/* ---- options ---- */

static void refuse(const char *option, const char *value, const char *why) {
    fprintf(stderr, "plan: --%s %s: %s (plan --help shows what there is)\n", option, value, why);
    exit(2);
}

static double read_number(const char *option, const char *text, double least, double most) {
    char *end;
    char why[80];
    errno = 0;
    double value = strtod(text, &end);
    if (errno != 0 || end == text || *end != '\0' || !(value >= least && value <= most)) {
        snprintf(why, sizeof why, "give a number from %.0f to %.0f", least, most);
        refuse(option, text, why);
    }
    return value;
}

static void read_options(struct plan *plan, int count, char **arguments) {
    static const struct option options[] = {{"peers", required_argument, NULL, 'p'},
                                            {"loss", required_argument, NULL, 'l'},
                                            {"document", required_argument, NULL, 'd'},
                                            {"budget", required_argument, NULL, 'b'},
                                            {"interval", required_argument, NULL, 'i'},
                                            {"help", no_argument, NULL, 'h'},
                                            {0}};
    int option;
    while ((option = getopt_long(count, arguments, "", options, NULL)) != -1) {
        switch (option) {
        case 'p': plan->peers = (double)(size_t)read_number("peers", optarg, 2, 100000); break;
        case 'l': plan->loss_percent = read_number("loss", optarg, 0, 90); break;
        case 'd':
            plan->announce_bytes = read_number("document", optarg, 200, MUSTER_ANNOUNCE_BYTES_MAX);
            break;
        case 'b': plan->budget_bps = read_number("budget", optarg, 1000, 1e9); break;
        case 'i': plan->interval_ms = read_number("interval", optarg, MUSTER_NEXT_MS_MIN, 86400000); break;
        case 'h': fputs(help, stdout); exit(0);
        default: fputs("plan --help shows what there is\n", stderr); exit(2);
        }
    }
    if (optind < count) {
        fprintf(stderr, "plan: unexpected argument: %s (plan --help shows what there is)\n",
                arguments[optind]);
        exit(2);
    }
    if (plan->peers == 0) {
        fputs("plan: --peers is missing (plan --help shows what there is)\n", stderr);
        exit(2);
    }
}

int main(int count, char **arguments) {
    struct plan plan = {.announce_bytes = ANNOUNCE_BYTES,
                        .budget_bps = MUSTER_BUDGET_BPS,
                        .interval_ms = MUSTER_INTERVAL_MIN_MS};
    read_options(&plan, count, arguments);
    size_t bytes = alive_bytes(&plan);
    double interval = interval_ms(&plan, bytes);
    print_traffic(&plan, bytes, interval);
    print_detection(&plan, interval);
    print_joining(&plan, interval);
    return 0;
}
