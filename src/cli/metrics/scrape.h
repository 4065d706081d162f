/* SPDX-License-Identifier: MIT */
/* Answers scrapes by HTTP on a loop: GET /metrics. libmicrohttpd has no thread here, and waits for nothing:
 * the loop waits for its epoll descriptor and its time. */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <microhttpd.h>
#include <uv.h>

#include "exposition.h"
#include "reason.h"

/* Connections at a time, the seconds that one may be silent, and those from its begin, or its last answer,
 * until it has asked and read its answer. */
#define SCRAPE_CONNECTIONS_MAX 16
#define SCRAPE_SILENT_S 10
#define SCRAPE_TURN_S 10

struct scrape;

/* Somebody waits: scrape_answer() or scrape_refuse() is to be called, here or later. It may come again
 * before. */
typedef void (*scrape_cb)(struct scrape *scrape, void *context);

/* A request, from its first line to its answer. */
struct scrape_request {
    struct MHD_Connection *connection;
    enum exposition_format format;
    bool is_waiting;               /* suspended, until there is an answer */
    struct MHD_Response *response; /* what is to be sent when it goes on */
    unsigned status;
    struct scrape_request *next;
};

/* A client, which may be slow. */
struct scrape_client {
    struct MHD_Connection *connection;
    uint64_t until_ms; /* when its turn ends, by the loop's time */
    bool is_over;
    struct scrape_client *prev;
    struct scrape_client *next;
};

struct scrape {
    struct MHD_Daemon *daemon;
    uv_poll_t poll;
    uv_timer_t timer;
    struct scrape_request *requests;
    struct scrape_client *clients; /* whose turn is not over, in the order in which it ends */
    scrape_cb on_wanted;
    void *context;
};

/* An address of the loopback and a port, by which --listen is read. */
union scrape_address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

/* Reads "9797", "127.0.0.1:9797" or "[::1]:9797"; others than addresses of the loopback are refused. 0, or -1
 * with a reason. */
int scrape_parse(const char *text, union scrape_address *address, struct reason *reason);

/* True when a Host header names the loopback: "localhost:9797", "127.0.0.1" or "[::1]:9797". A web page can
 * have its own name resolve to the loopback (DNS rebinding). Its browser then asks here, by that name. */
bool scrape_is_for_loopback(const char *text);

/* Opens; the port is filled in where it was 0. Returns 0, or an errno, and then nothing was opened. */
int scrape_open(struct scrape *scrape, uv_loop_t *loop, union scrape_address *address, scrape_cb on_wanted,
                void *context);

/* Answers all who wait, each in its format: texts[format], lengths[format], copied. */
void scrape_answer(struct scrape *scrape, char *const texts[2], const size_t lengths[2]);

/* Tells all who wait that there are no metrics (503), and why: a line. */
void scrape_refuse(struct scrape *scrape, const char *why);

/* Ends it. The loop has to run once more before `scrape` may go. */
void scrape_close(struct scrape *scrape);
