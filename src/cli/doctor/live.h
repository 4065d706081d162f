/* SPDX-License-Identifier: MIT */
/* Evidence of the network for `muster doctor`: a node of its own that listens and probes for a while. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <muster/muster.h>

#include "settings.h"

#define LIVE_LINES_MAX 24

/* Whether a peer accepts connections by TCP, as it does on the port of its unicast socket. */
enum live_stream { LIVE_STREAM_UNKNOWN, LIVE_STREAM_OPEN, LIVE_STREAM_REFUSED, LIVE_STREAM_SILENT };

/* A row of the muster that runs here. Plain value. */
struct live_known {
    uint8_t id[MUSTER_ID_BYTES];
    char name[MUSTER_NAME_BYTES_MAX + 1];
    char interface_name[MUSTER_INTERFACE_NAME_BYTES];
    struct muster_endpoint address;
    enum muster_state state;
    uint64_t age_ms;        /* since it was heard, at the start */
    bool is_without_answer; /* nobody answers ARP for its address */
};

/* Zeroed: nothing was tried. */
struct live {
    int error; /* of muster_open(): MUSTER_E…; 0: the node was open */
    bool has_path;
    char lines[LIVE_LINES_MAX][160]; /* what the node said of its interfaces and ports, and of groups */
    size_t line_count;
    struct muster_probe_report report;
    struct muster_probe_report first; /* of a long examination: of its begin; report is of its end */
    bool is_long;
    enum live_stream streams[MUSTER_PROBE_PEERS_MAX]; /* of the report's peers */
    bool is_here[MUSTER_PROBE_PEERS_MAX];             /* it is on this machine */
    struct live_known known[MUSTER_PROBE_PEERS_MAX];  /* those that are suspect or lost come first */
    size_t known_count;
    struct muster_counters counters;
};

/* Listens and probes for about 2.5 s, or, where long_ms is not 0, at the begin and at the end of that time.
 * Who is suspect or lost in the table of the muster that runs here (NULL: none does) is asked by unicast,
 * too. Always returns; what went wrong is in live. */
void live_run(struct live *live, const struct settings *settings, const struct muster_peer_list *table,
              uint64_t long_ms);

/* Names those of the report that said no name, where the muster that runs here knows them. */
void live_take_names(struct live *live);
